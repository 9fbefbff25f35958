//! Writes the report of a run from the store, and returns what a front end shows at its end.

use crate::engine::begin::{make_folder, wait_for_lock};
use crate::engine::interface::error::EngineError;
use crate::engine::interface::event::{Event, EventSink, Phase};
use crate::engine::interface::request::{Folders, ReportRequest};
use crate::engine::interface::result::{Next, RunLocation, RunResult};
use crate::engine::resume::chosen::{self, UnsurePolicy};
use crate::report::{self, Summary};
use crate::store::{Run, RunHead, RunOutcome, Store};
use sheet_source::message;
use sheet_source::problem::{Message, Note};
use std::path::{Path, PathBuf};

/// Number of problems in the result of a run; its report has all of them.
const PROBLEMS_SHOWN: usize = 5;

/// The report of a run: made from the store, written to the run's folder.
pub struct RunReport<'a> {
    store: &'a Store,
    /// The number of the run in the store.
    run: i64,
    folder: &'a Path,
}

impl<'a> RunReport<'a> {
    pub fn new(store: &'a Store, run: i64, folder: &'a Path) -> RunReport<'a> {
        RunReport { store, run, folder }
    }

    /// Writes the files. A process that is writing the same report is waited for, because its files belong together.
    pub fn write(&self) -> Result<(Run, Summary), EngineError> {
        let _writing = wait_for_lock(self.store.folder(), &format!("report-{}", self.run))?;
        let run = self.store.run(self.run)?;
        let summary = report::write(self.store, &run, self.folder)?;
        Ok((run, summary))
    }

    /// Writes the files and describes how the run ended. `stopped` is why it ended early, where it did.
    pub fn close(&self, stopped: Option<Message>, events: &mut EventSink<'_>) -> Result<RunResult, EngineError> {
        let RunReport { store, folder, .. } = *self;
        events.emit(Event::Phase(Phase::Report));
        let (run, summary) = self.write()?;
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
        // For users of a workbook, the workbook with coloured cells is better.
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
            location: location(store, &run.head, folder),
            summary,
        };
        events.emit(Event::Ended(Box::new(result.clone())));
        Ok(result)
    }
}

fn location(store: &Store, head: &RunHead, folder: &Path) -> RunLocation {
    let rooted = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    RunLocation {
        account: head.target.clone(),
        state: rooted(store.folder()),
        runs: rooted(folder.parent().unwrap_or(folder)),
        token_file: head.token_file.as_ref().map(PathBuf::from),
    }
}

/// Writes the report of a run again.
pub fn report(request: &ReportRequest, events: &mut dyn FnMut(Event)) -> Result<RunResult, EngineError> {
    rewrite_report(request, &mut EventSink::new(events)).map_err(|error| error.with_store_path(&request.folders.state))
}

fn rewrite_report(request: &ReportRequest, events: &mut EventSink<'_>) -> Result<RunResult, EngineError> {
    let store = Store::open(&request.folders.state)?;
    let run = match &request.run {
        Some(name) => chosen::find_by_name(&store, name, &request.target, UnsurePolicy::Refuse)?,
        None => chosen::find_newest(&store, &request.target, UnsurePolicy::Refuse, |_| true)?
            .ok_or_else(|| chosen::no_run_error(&request.target, "no runs found"))?,
    };
    let folder = match store.copy_of() {
        None if request.into_runs => request.folders.runs.join(&run.name),
        None => PathBuf::from(&run.head.folder),
        // The run's folder belongs to the original, which may have resumed the run.
        Some(original) => {
            let folder = request.folders.runs.join(&run.name);
            let message = message!(
                "this state folder is a copy of {original}, whose reports stay as they are: this report is written to {folder}",
                original = original.display(),
                folder = folder.display()
            );
            events.note(Note::new("copied-state", message));
            folder
        }
    };
    make_folder(&folder)?;
    RunReport::new(&store, run.run, &folder).close(None, events)
}

/// The runs of a state folder, newest first.
pub fn runs(folders: &Folders) -> Result<Vec<Summary>, EngineError> {
    list_runs(folders).map_err(|error| error.with_store_path(&folders.state))
}

fn list_runs(folders: &Folders) -> Result<Vec<Summary>, EngineError> {
    let store = Store::open(&folders.state)?;
    let mut summaries = Vec::new();
    for run in store.runs()? {
        let (counts, links, notes) = (store.counts(run.run)?, store.links(run.run)?, store.notes(run.run)?);
        summaries.push(Summary::of(&run, counts, notes, &[]).with_links(links));
    }
    Ok(summaries)
}
