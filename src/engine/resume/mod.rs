//! Goes on with a run. The source is read again from its first row, exactly as it was; what has its outcome is left alone,
//! and batches that were sent and never answered are looked for in the account first.

pub mod changed_source;
pub mod chosen;
pub mod give_up;
pub mod reopen;

use crate::engine::begin::older;
use crate::engine::begin::{Job, lock, make_folder};
use crate::engine::interface::error::{EngineError, still_wanted};
use crate::engine::interface::event::{Event, Teller};
use crate::engine::interface::request::ResumeRequest;
use crate::engine::interface::result::RunResult;
use crate::engine::round_trip;
use crate::engine::run;
use crate::engine::run::report;
use crate::engine::source;
use crate::report::is_written;
use crate::store::{FrozenWord, Journal, OpenDoubt, Reopen, Resumed, Run, RunOutcome, Store};
use crate::upload::feed::QueuedRecord;
use crate::upload::{Doubt, IN_FLIGHT};
use amo_model::Action;
use chosen::Unsure;
use sheet_source::message;
use sheet_source::problem::Note;
use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

/// Goes on with a run that was stopped, or that was killed.
pub fn resume(request: &ResumeRequest, events: &mut dyn FnMut(Event)) -> Result<RunResult, EngineError> {
    go_on(request, &mut Teller::new(events)).map_err(|error| error.of_store_in(&request.folders.state))
}

fn go_on(request: &ResumeRequest, tell: &mut Teller<'_>) -> Result<RunResult, EngineError> {
    let state = &request.folders.state;
    let store = Store::open(state)?;
    let found = find(&store, request)?;
    older::unless_copy(&store, &found)?;
    if has_ended(&found, request) {
        return unreported(&store, &found, tell);
    }
    request.target.of_run(&found.head).announce(tell);
    let mut found = reopen::of_known_account(&store, found, (&request.target, state, &request.cancel), tell)?;
    let locks = lock(state, &found.head)?;
    let sends = older::unless_older(&store, request.older_state, tell)?;
    older::look_on(&store, &mut found, request.older_state)?;
    let head = found.head.clone();
    let opened = match reopen::open(request, &store, &found) {
        Err(error) if changed_source::is_meant(&head, &error) => {
            return changed_source::go_on(request, store, found, (locks, error), tell);
        }
        opened => opened?,
    };
    let name = head.source.path.clone();
    tell.event(Event::Source { file: name, layout: Box::new(opened.table.layout.clone()) });
    let target = reopen::target(&head, &request.target, state, tell)?;
    reopen::unless_another(&target, &head, (state, &request.cancel), tell)?;
    let reopen::OpenedRun { table, mut plan, refused, doubtful, rows } = opened;
    if let Some(made) = &head.mapping.made {
        let edits = round_trip::stored_edits(&store, found.run, made, plan.action)?;
        plan = Arc::new(Arc::unwrap_or_clone(plan).with_edits(edits));
    }
    still_wanted(&request.cancel)?;
    let reopen = if request.resend_unknown { Reopen::ResendUnknown } else { Reopen::Continue };
    let Resumed { journal, doubts: open, mut done, forgotten } = Journal::resume(Store::open(state)?, &found, reopen)?;
    let mut journal = journal.with_sends(sends);
    tell.event(Event::Started { run: found.name.clone() });
    if request.resend_unknown {
        let message = message!("{forgotten} records of unknown outcome are sent again", forgotten);
        tell.note(Note::new("resend-unknown", message).count(forgotten));
    }
    let doubts = doubts(&mut journal, open, plan.action, doubtful)?;
    done.extend(doubts.iter().flat_map(|doubt| &doubt.records).map(|loaded| loaded.record.row));
    let (select, links_unknown) = reopen::selected(&store, &found, &plan, (done, refused))?;
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
        // A resumed run has no error budget: who resumes it has seen the rejections.
        budget: None,
        over_budget: false,
        giving_up: None,
        resumed: true,
        total: rows.map(|rows| rows.min(head.limit.unwrap_or(u64::MAX))),
        head,
        in_flight: IN_FLIGHT,
        cancel: request.cancel.clone(),
        _locks: locks,
    };
    let result = run::run(job, &target, tell);
    source::sweep_spool(state);
    result
}

/// Batches that were sent and never answered. Changes may be made twice without harm, so they simply go again.
fn doubts(
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

/// The run named, or the newest that can go on: by itself, or, where it was killed before, with its report.
fn find(store: &Store, request: &ResumeRequest) -> Result<Run, EngineError> {
    let Some(name) = &request.run else {
        let goes_on = |run: &Run| {
            let folder = Path::new(&run.head.folder);
            // Who has taken the whole folder away wants none.
            !has_ended(run, request) || (folder.exists() && !is_written(run, folder))
        };
        return chosen::newest(store, &request.target, Unsure::Asked, goes_on)?
            .ok_or_else(|| chosen::none(&request.target, "there is no run to go on with"));
    };
    let run = chosen::named(store, name, &request.target, Unsure::Asked)?;
    if has_ended(&run, request) && is_written(&run, Path::new(&run.head.folder)) {
        let outcome = run.outcome.word();
        let message = message!("run {name} has ended ({outcome}), there is nothing to go on with", name, outcome);
        return Err(EngineError::refused("run-ended", message, "see its report: amoport report"));
    }
    Ok(run)
}

fn has_ended(run: &Run, request: &ResumeRequest) -> bool {
    run.outcome.is_final() && !(request.resend_unknown && run.outcome == RunOutcome::SomeUnknown)
}

/// Writes the report of a run that was killed between its end and the last file of its report.
fn unreported(store: &Store, run: &Run, tell: &mut Teller<'_>) -> Result<RunResult, EngineError> {
    let folder = Path::new(&run.head.folder);
    make_folder(folder)?;
    tell.note(Note::new("report-written", message!("run {run} has ended; its report is written", run = &run.name)));
    report::close(store, run.run, folder, None, tell)
}
