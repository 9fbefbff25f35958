//! Writes the report of a run from the store, and gives what a front end says at its end.

use crate::engine::begin::{make_folder, turn};
use crate::engine::interface::error::EngineError;
use crate::engine::interface::event::{Event, Phase, Teller};
use crate::engine::interface::request::{Folders, ReportRequest};
use crate::engine::interface::result::{Next, RunResult, WayBack};
use crate::engine::resume::chosen::{self, Unsure};
use crate::report::{self, Summary};
use crate::store::{Run, RunHead, RunOutcome, Store};
use sheet_source::message;
use sheet_source::problem::{Message, Note};
use std::path::{Path, PathBuf};

/// Problems that are handed over when a run has ended; all of them stand in its report.
const PROBLEMS_SHOWN: usize = 5;

/// Writes the report and says how the run ended.
pub fn close(
    store: &Store,
    run: i64,
    folder: &Path,
    stopped: Option<Message>,
    tell: &mut Teller<'_>,
) -> Result<RunResult, EngineError> {
    tell.event(Event::Phase(Phase::Report));
    let (run, summary) = write(store, run, folder)?;
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
        way_back: way_back(store, &run.head, folder),
        summary,
    };
    tell.event(Event::Ended(Box::new(result.clone())));
    Ok(result)
}

fn way_back(store: &Store, head: &RunHead, folder: &Path) -> WayBack {
    let rooted = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    WayBack {
        account: head.target.clone(),
        state: rooted(store.folder()),
        runs: rooted(folder.parent().unwrap_or(folder)),
        token_file: head.token_file.as_ref().map(PathBuf::from),
    }
}

/// Writes the report of a run. Whoever else writes it now is waited for: the files of a report belong together.
pub fn write(store: &Store, run: i64, folder: &Path) -> Result<(Run, Summary), EngineError> {
    let _writing = turn(store.folder(), &format!("report-{run}"))?;
    let run = store.run(run)?;
    let summary = report::write(store, &run, folder)?;
    Ok((run, summary))
}

/// Makes the report of a run again.
pub fn report(request: &ReportRequest, events: &mut dyn FnMut(Event)) -> Result<RunResult, EngineError> {
    again(request, &mut Teller::new(events)).map_err(|error| error.of_store_in(&request.folders.state))
}

fn again(request: &ReportRequest, tell: &mut Teller<'_>) -> Result<RunResult, EngineError> {
    let store = Store::open(&request.folders.state)?;
    let run = match &request.run {
        Some(name) => chosen::named(&store, name, &request.target, Unsure::Refused)?,
        None => chosen::newest(&store, &request.target, Unsure::Refused, |_| true)?
            .ok_or_else(|| chosen::none(&request.target, "there are no runs here"))?,
    };
    let folder = match store.copy_of() {
        None => PathBuf::from(&run.head.folder),
        // The run's folder is that of the original, which may have gone on with it.
        Some(original) => {
            let folder = request.folders.runs.join(&run.name);
            let message = message!(
                "this state folder is a copy of {original}, whose reports are left alone: this one is written to {folder}",
                original = original.display(),
                folder = folder.display()
            );
            tell.note(Note::new("copied-state", message));
            folder
        }
    };
    make_folder(&folder)?;
    close(&store, run.run, &folder, None, tell)
}

/// What was done, newest first.
pub fn runs(folders: &Folders) -> Result<Vec<Summary>, EngineError> {
    all(folders).map_err(|error| error.of_store_in(&folders.state))
}

fn all(folders: &Folders) -> Result<Vec<Summary>, EngineError> {
    let store = Store::open(&folders.state)?;
    let mut summaries = Vec::new();
    for run in store.runs()? {
        let (counts, links, notes) = (store.counts(run.run)?, store.links(run.run)?, store.notes(run.run)?);
        summaries.push(Summary::of(&run, counts, links, notes, &[]));
    }
    Ok(summaries)
}
