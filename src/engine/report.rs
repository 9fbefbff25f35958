//! A run told: its report written from the store, and what a front end says at its end.

use super::begin::make_folder;
use super::error::EngineError;
use super::event::{Event, Phase, Teller};
use super::request::{Folders, ReportRequest};
use crate::message;
use crate::problem::{Message, Problem};
use crate::report::{self, Summary};
use crate::store::{Run, RunOutcome, Store};
use std::path::{Path, PathBuf};

/// How a run, or this stretch of it, ended.
#[derive(Debug, Clone)]
pub struct RunResult {
    pub outcome: RunOutcome,
    /// What `run.json` holds.
    pub summary: Summary,
    /// With the report.
    pub folder: PathBuf,
    /// The file with the rejected rows, where there are any: a workbook where the source is one.
    pub rejected: Option<PathBuf>,
    /// The mapping was made for a workbook, and is in no file.
    pub made_mapping: bool,
    /// Why it stopped, where it did.
    pub stopped: Option<Message>,
    /// The first problems of its rejected and unknown records.
    pub problems: Vec<Problem>,
    /// There are more of them than these.
    pub more_problems: bool,
    pub next: Next,
}

/// How to go on with a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    Nothing,
    Resume,
    /// The source is to be mended, and its rows from this one on imported.
    ImportFrom(u32),
}

/// Problems that are handed over when a run has ended; all of them stand in its report.
const PROBLEMS_SHOWN: usize = 5;

/// Writes the report and says how the run ended.
pub(super) fn close(
    store: &Store,
    run: i64,
    folder: &Path,
    stopped: Option<Message>,
    tell: &mut Teller<'_>,
) -> Result<RunResult, EngineError> {
    tell.event(Event::Phase(Phase::Report));
    let run = store.run(run)?;
    let summary = report::write(store, &run, folder)?;
    let counts = &summary.counts;
    let mut problems = match counts.rejected + counts.unknown {
        0 => Vec::new(),
        _ => store.first_problems(&run, PROBLEMS_SHOWN + 1)?,
    };
    let more_problems = problems.len() > PROBLEMS_SHOWN;
    problems.truncate(PROBLEMS_SHOWN);
    let next = match run.outcome {
        RunOutcome::SourceBroken => Next::ImportFrom(store.first_open_row(run.run)?),
        outcome if outcome.is_final() => Next::Nothing,
        _ => Next::Resume,
    };
    // People with a workbook are better served by the one with coloured cells.
    let book = folder.join(report::REJECTED_XLSX);
    let rejected = if book.exists() { book } else { folder.join(report::REJECTED) };
    let result = RunResult {
        outcome: run.outcome,
        folder: folder.to_owned(),
        rejected: (counts.rejected > 0).then_some(rejected),
        made_mapping: run.head.mapping.made.is_some(),
        stopped,
        problems,
        more_problems,
        next,
        summary,
    };
    tell.event(Event::Ended(Box::new(result.clone())));
    Ok(result)
}

/// Makes the report of a run again.
pub fn report(request: &ReportRequest, events: &mut dyn FnMut(Event)) -> Result<RunResult, EngineError> {
    let store = Store::open(&request.folders.state)?;
    let run = find(&store, request.run.as_deref())?;
    let folder = Path::new(&run.head.folder);
    make_folder(folder)?;
    close(&store, run.run, folder, None, &mut Teller::new(events))
}

fn find(store: &Store, name: Option<&str>) -> Result<Run, EngineError> {
    let found = match name {
        Some(name) => store.run_named(name)?,
        None => store.runs()?.into_iter().next(),
    };
    found.ok_or_else(|| {
        let message = name.map_or("there are no runs here".into(), |name| message!("there is no run \"{name}\"", name));
        EngineError::refused("no-run", message, "see: amoport runs")
    })
}

/// What was done, newest first.
pub fn runs(folders: &Folders) -> Result<Vec<Summary>, EngineError> {
    let store = Store::open(&folders.state)?;
    let mut summaries = Vec::new();
    for run in store.runs()? {
        let (counts, links, notes) = (store.counts(run.run)?, store.links(run.run)?, store.notes(run.run)?);
        summaries.push(Summary::of(&run, counts, links, notes, &[]));
    }
    Ok(summaries)
}
