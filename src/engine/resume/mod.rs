//! Resumes a run. The source is read again from its first row, exactly as it was; rows with an outcome are skipped, and batches
//! without an answer are looked for in the account first. `chosen` finds the run, `reopen` opens its files, `changed_source`
//! handles a changed source, `give_up` abandons a run.

pub mod changed_source;
pub mod chosen;
pub mod give_up;
pub mod reopen;

use crate::engine::begin::older;
use crate::engine::begin::{Job, lock_source, make_folder};
use crate::engine::interface::error::{EngineError, check_cancelled};
use crate::engine::interface::event::{Event, EventSink};
use crate::engine::interface::request::ResumeRequest;
use crate::engine::interface::result::RunResult;
use crate::engine::round_trip;
use crate::engine::run;
use crate::engine::run::report::RunReport;
use crate::engine::source;
use crate::report::is_written;
use crate::store::{FrozenWord, Journal, OpenDoubt, Reopen, Resumed, Run, RunOutcome, Store};
use crate::upload::feed::QueuedRecord;
use crate::upload::{Doubt, IN_FLIGHT};
use amo_model::Action;
use chosen::UnsurePolicy;
use sheet_source::message;
use sheet_source::problem::Note;
use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

/// Resumes a run that was stopped or killed.
pub fn resume(request: &ResumeRequest, events: &mut dyn FnMut(Event)) -> Result<RunResult, EngineError> {
    resume_run(request, &mut EventSink::new(events)).map_err(|error| error.with_store_path(&request.folders.state))
}

fn resume_run(request: &ResumeRequest, events: &mut EventSink<'_>) -> Result<RunResult, EngineError> {
    let state = &request.folders.state;
    let store = Store::open(state)?;
    let found = find_run(&store, request)?;
    older::check_not_copy(&store, &found)?;
    if has_ended(&found, request) {
        return write_missing_report(&store, &found, events);
    }
    request.target.for_run(&found.head).announce(events);
    let mut found = reopen::identify_account(&store, found, (&request.target, state, &request.cancel), events)?;
    let locks = lock_source(state, &found.head)?;
    let sends = older::check_not_older(&store, request.older_state, events)?;
    older::extend_look_from(&store, &mut found, request.older_state)?;
    let head = found.head.clone();
    let opened = match reopen::open_run(request, &store, &found) {
        Err(error) if changed_source::applies_to(&head, &error) => {
            return changed_source::resume_with_new_run(request, found, (locks, error), events);
        }
        opened => opened?,
    };
    let name = head.source.path.clone();
    events.emit(Event::Source { file: name, layout: Box::new(opened.table.layout.clone()) });
    let target = reopen::open_account(&head, &request.target, state, events)?;
    reopen::check_same_account(&target, &head, (state, &request.cancel), events)?;
    let reopen::ReopenedRun { table, mut plan, refused, doubtful, rows } = opened;
    if let Some(made) = &head.mapping.made {
        let edits = round_trip::stored_edits(&store, found.run, made, plan.action)?;
        plan = Arc::new(Arc::unwrap_or_clone(plan).with_edits(edits));
    }
    check_cancelled(&request.cancel)?;
    let reopen = if request.resend_unknown { Reopen::ResendUnknown } else { Reopen::Continue };
    let Resumed { journal, doubts: open, mut done, forgotten } = Journal::resume(Store::open(state)?, &found, reopen)?;
    let mut journal = journal.with_sends(sends);
    events.emit(Event::Started { run: found.name.clone() });
    if request.resend_unknown {
        let message = message!("{forgotten} records of unknown outcome are sent again", forgotten);
        events.note(Note::new("resend-unknown", message).count(forgotten));
    }
    let doubts = reopen_doubts(&mut journal, open, plan.action, doubtful)?;
    done.extend(doubts.iter().flat_map(|doubt| &doubt.records).map(|loaded| loaded.record.row));
    let (select, links_unknown) = reopen::select_rows(&store, &found, &plan, (done, refused))?;
    let job = Job {
        client: Arc::clone(&target.client),
        plan,
        table,
        journal,
        doubts,
        links_unknown,
        store,
        name: found.name,
        select,
        // A resumed run has no error budget: the user has seen the rejections.
        budget: None,
        over_budget: false,
        giving_up: None,
        resumed: true,
        total: rows.map(|rows| rows.min(head.limit.unwrap_or(u64::MAX))),
        head,
        in_flight: IN_FLIGHT,
        reads: None,
        cancel: request.cancel.clone(),
        _locks: locks,
    };
    let result = run::run(job, &target, events);
    source::sweep_spool(state);
    result
}

/// Batches that were sent without an answer. Updates and deletions can be sent twice without harm, so they are sent again.
fn reopen_doubts(
    journal: &mut Journal,
    open: Vec<OpenDoubt>,
    action: Action,
    records: HashMap<u32, QueuedRecord>,
) -> Result<Vec<Doubt>, EngineError> {
    if action != Action::Create {
        for doubt in open {
            journal.settle_doubt(doubt.batch, &[])?;
        }
        return Ok(Vec::new());
    }
    Ok(Doubt::reopen(open, records)?)
}

/// The named run, or the newest that can be resumed or whose report is missing.
fn find_run(store: &Store, request: &ResumeRequest) -> Result<Run, EngineError> {
    let Some(name) = &request.run else {
        let can_resume = |run: &Run| {
            let folder = Path::new(&run.head.folder);
            // A user who has removed the whole folder wants no report.
            !has_ended(run, request) || (folder.exists() && !is_written(run, folder))
        };
        return chosen::find_newest(store, &request.target, UnsurePolicy::AskAccount, can_resume)?
            .ok_or_else(|| chosen::no_run_error(&request.target, "there is no run to go on with"));
    };
    let run = chosen::find_by_name(store, name, &request.target, UnsurePolicy::AskAccount)?;
    if has_ended(&run, request) && is_written(&run, Path::new(&run.head.folder)) {
        let outcome = run.outcome.word();
        let message = message!("run {name} has ended ({outcome}), there is nothing to resume", name, outcome);
        return Err(EngineError::refused("run-ended", message, "see its report: amoport report"));
    }
    Ok(run)
}

fn has_ended(run: &Run, request: &ResumeRequest) -> bool {
    run.outcome.is_final() && !(request.resend_unknown && run.outcome == RunOutcome::SomeUnknown)
}

/// Writes the report of a run that was killed after its end, before its report was complete.
fn write_missing_report(store: &Store, run: &Run, events: &mut EventSink<'_>) -> Result<RunResult, EngineError> {
    let folder = Path::new(&run.head.folder);
    make_folder(folder)?;
    events.note(Note::new("report-written", message!("run {run} has ended; its report is written", run = &run.name)));
    RunReport::new(store, run.run, folder).close(None, events)
}
