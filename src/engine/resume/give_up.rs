//! Abandons a run: looks for its batches in doubt in the account, and never sends the rest. For a run that the user does not
//! want to resume, and for a run whose source has changed.

use crate::engine::begin::older;
use crate::engine::begin::sent_before;
use crate::engine::begin::{Abandonment, Job, lock_source};
use crate::engine::interface::cancel::Cancel;
use crate::engine::interface::error::{EngineError, ErrorKind};
use crate::engine::interface::event::{Event, EventSink};
use crate::engine::interface::request::{AbandonRequest, Folders, ResumeRequest};
use crate::engine::interface::result::RunResult;
use crate::engine::resume::chosen;
use crate::engine::resume::chosen::UnsurePolicy;
use crate::engine::resume::reopen;
use crate::engine::run;
use crate::engine::run::report::RunReport;
use crate::engine::source;
use crate::engine::target::Target;
use crate::mapping::{Mapped, Mapper, Plan};
use crate::store::{FrozenWord, Journal, OpenDoubt, Outcome, Reopen, Resumed, Run, RunEnd, RunOutcome, Status, Store};
use crate::upload::feed::{QueuedRecord, Select};
use crate::upload::{Doubt, IN_FLIGHT};
use amo_model::Action;
use sheet_source::message;
use sheet_source::problem::{Place, Problem, Stage};
use sheet_source::{Row, RowHasher, Table};
use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

/// Abandons a run that has not ended.
pub fn abandon(request: &AbandonRequest, events: &mut dyn FnMut(Event)) -> Result<RunResult, EngineError> {
    abandon_run(request, &mut EventSink::new(events)).map_err(|error| error.with_store_path(&request.folders.state))
}

fn abandon_run(request: &AbandonRequest, events: &mut EventSink<'_>) -> Result<RunResult, EngineError> {
    let store = Store::open(&request.folders.state)?;
    let target = &request.target;
    let found = chosen::find_by_name(&store, &request.run, target, UnsurePolicy::AskAccount)?;
    if found.outcome.is_final() {
        let message = message!("run {name} has ended ({outcome})", name = &found.name, outcome = found.outcome.word());
        return Err(EngineError::refused("run-ended", message, "there is nothing to abandon"));
    }
    older::check_not_copy(&store, &found)?;
    target.for_run(&found.head).announce(events);
    let known = (target, request.folders.state.as_path(), &request.cancel);
    let found = match reopen::identify_account(&store, found.clone(), known, events) {
        // The account cannot be read; the run is abandoned anyway.
        Err(EngineError { kind: ErrorKind::Service, .. }) => found,
        known => known?,
    };
    let locks = lock_source(&request.folders.state, &found.head)?;
    let abandoner =
        Abandoner { folders: &request.folders, target, cancel: &request.cancel, locks, even_if_unreachable: true };
    let run = found.run;
    abandoner.abandon(store, found, events)?;
    let store = Store::open(&request.folders.state)?;
    let folder = store.run(run)?.head.folder;
    let result = RunReport::new(&store, run, Path::new(&folder)).close(None, events)?;
    source::sweep_spool(&request.folders.state);
    Ok(result)
}

/// Abandons runs.
pub struct Abandoner<'a> {
    pub folders: &'a Folders,
    /// The account as given now.
    pub target: &'a Target,
    pub cancel: &'a Cancel,
    /// Held until the run is closed.
    pub locks: Vec<File>,
    /// The run is closed even if the account cannot be read; otherwise it can still be resumed.
    pub even_if_unreachable: bool,
}

/// The rows of a run that can still be mapped as they were.
struct Remapped {
    table: Table,
    plan: Arc<Plan>,
    doubtful: HashMap<u32, QueuedRecord>,
    /// The source is unchanged: unsent rows appear in the report with their cells.
    whole: bool,
}

impl Abandoner<'_> {
    /// Settles batches in doubt and closes the run. The caller writes the report.
    pub fn abandon(self, store: Store, found: Run, events: &mut EventSink<'_>) -> Result<(), EngineError> {
        let mapped = self.remap(&store, &found);
        match mapped {
            Some(mapped) if found.head.action == Action::Create => self.settle(store, found, mapped, events),
            _ => self.close_unsettled(&found, SOURCE_UNREADABLE),
        }
    }

    /// The source and the mapping as they were; or, for a changed source, the doubtful rows that are still in it.
    fn remap(&self, store: &Store, found: &Run) -> Option<Remapped> {
        let request = ResumeRequest { cancel: self.cancel.clone(), ..ResumeRequest::new(self.folders.clone()) };
        if let Ok(opened) = reopen::open_run(&request, store, found) {
            let reopen::ReopenedRun { table, plan, doubtful, .. } = opened;
            return Some(Remapped { table, plan, doubtful, whole: true });
        }
        let opened =
            source::open_for_run(&found.head.source).and_then(|table| Ok((table, reopen::read_mapping(found)?)));
        let (table, plan) = opened.and_then(|opened| reopen::compile_mapping(&request, store, found, opened)).ok()?;
        // Which rows made a record together is no longer known.
        if plan.groups.is_some() {
            return None;
        }
        let plan = Arc::new(plan);
        let numbers = doubtful_numbers(store, found, &table, self.cancel).ok()?;
        let doubtful = map_renumbered(found, &table, &plan, &numbers).ok()?;
        Some(Remapped { table, plan, doubtful, whole: false })
    }

    fn settle(self, store: Store, found: Run, mapped: Remapped, events: &mut EventSink<'_>) -> Result<(), EngineError> {
        let state = &self.folders.state;
        let target = reopen::open_account(&found.head, self.target, state, events)?;
        match reopen::check_same_account(&target, &found.head, (state, self.cancel), events) {
            // The account cannot be read; the run is abandoned anyway.
            Err(EngineError { kind: ErrorKind::Service, .. }) if self.even_if_unreachable => {}
            Err(EngineError { kind: ErrorKind::Refused, .. })
                if self.even_if_unreachable && target.address == found.head.account =>
            {
                return self.close_unsettled(&found, OTHER_ACCOUNT);
            }
            known => known?,
        }
        let Remapped { table, plan, mut doubtful, whole } = mapped;
        let reopen = if whole { Reopen::Continue } else { Reopen::KeepRest };
        let Resumed { mut journal, doubts, mut done, .. } = Journal::resume(Store::open(state)?, &found, reopen)?;
        let mut settled = Vec::new();
        for doubt in doubts {
            let (found_rows, missing_rows): (Vec<u32>, Vec<u32>) =
                doubt.rows.iter().partition(|row| doubtful.contains_key(row));
            let outcomes: Vec<Outcome> =
                missing_rows.into_iter().map(|row| unknown_outcome(&found, row, ROW_GONE)).collect();
            if !outcomes.is_empty() {
                let keys = found_rows.iter().filter_map(|row| doubtful.get(row)?.record.key.as_deref());
                journal.keep_open(doubt.batch, &keys.collect::<Vec<_>>())?;
            }
            journal.leave_in_doubt(doubt.batch, &outcomes)?;
            if found_rows.is_empty() {
                journal.settle_doubt(doubt.batch, &[])?;
                continue;
            }
            settled.push(OpenDoubt { rows: found_rows, ..doubt });
        }
        let doubts = Doubt::reopen(settled, std::mem::take(&mut doubtful))?;
        if !whole {
            store.note_rest(&found, &doubts.iter().flat_map(|doubt| &doubt.records).map(|l| l.record.row).collect())?;
        }
        done.extend(doubts.iter().flat_map(|doubt| &doubt.records).map(|loaded| loaded.record.row));
        let refused = store.refused(found.run)?;
        let (select, links_unknown) = reopen::select_rows(&store, &found, &plan, (done, refused))?;
        // No row of a changed source is read: the rest is recorded by row numbers.
        let select = Select { only: (!whole).then(HashSet::new), ..select };
        let job = Job {
            client: Arc::clone(&target.client),
            plan,
            table,
            journal,
            doubts,
            links_unknown,
            store,
            name: found.name.clone(),
            select,
            budget: None,
            over_budget: false,
            giving_up: Some(Abandonment { even_if_unreachable: self.even_if_unreachable }),
            resumed: true,
            total: None,
            head: found.head.clone(),
            in_flight: IN_FLIGHT,
            reads: None,
            cancel: self.cancel.clone(),
            _locks: self.locks,
        };
        run::settle(job, &target, events)?;
        Ok(())
    }

    /// Closes the run where the source, the mapping or the account is not as it was, so nothing can be looked for.
    fn close_unsettled(&self, found: &Run, why: &'static str) -> Result<(), EngineError> {
        let state = &self.folders.state;
        let Resumed { mut journal, doubts, .. } = Journal::resume(Store::open(state)?, found, Reopen::KeepRest)?;
        for doubt in doubts {
            let outcomes: Vec<Outcome> = doubt.rows.iter().map(|row| unknown_outcome(found, *row, why)).collect();
            let of_creation = found.head.action == Action::Create;
            if of_creation {
                journal.keep_open(doubt.batch, &[])?;
            }
            journal.settle_doubt(doubt.batch, if of_creation { &outcomes } else { &[] })?;
        }
        let unknown = journal.counts().unknown;
        drop(journal);
        let store = Store::open(state)?;
        store.note_rest(found, &HashSet::new())?;
        let (outcome, exit_code) = (RunOutcome::Abandoned, run::abandoned_code(unknown));
        let end = RunEnd { outcome, exit_code, elapsed_ms: 0, sent: 0, retried: 0, throttled: 0, source_rows: 0 };
        Ok(store.end(found.run, &end)?)
    }
}

const ROW_GONE: &str = "the record was sent, and its row is no longer in the source, so it cannot be looked for";
const SOURCE_UNREADABLE: &str =
    "the record was sent, and its source or mapping cannot be read as it was, so it cannot be looked for";

const OTHER_ACCOUNT: &str =
    "the record was sent, and another account is at the address now, so it cannot be looked for";

/// The outcome of a sent record that cannot be looked for.
fn unknown_outcome(found: &Run, row: u32, message: &'static str) -> Outcome {
    let problem = Problem::new(Stage::Reconcile, "unknown", message)
        .at(Place::Cell { source: found.source(), row, column: None })
        .hint("look for it in the account before importing it again");
    Outcome { problems: vec![problem], ..Outcome::new(row, Status::Unknown) }
}

/// The doubtful rows of a run that are still in its source: their numbers now, and the numbers that they had.
fn doubtful_numbers(
    store: &Store,
    found: &Run,
    table: &Table,
    cancel: &Cancel,
) -> Result<HashMap<u32, u32>, EngineError> {
    let (wanted, then) = (store.doubtful_rows(found.run)?, store.source_rows(found.run)?.unwrap_or_default());
    let now = sent_before::hash_table(source::reopen_table(table)?, &source_hasher(found, table), cancel)?;
    let rows = sent_before::common_rows(&then, &now).into_iter();
    let numbers = rows.map(|(old, new)| (now.numbers()[new], then.numbers()[old]));
    Ok(numbers.filter(|(_, old)| wanted.contains(old)).collect())
}

/// Maps rows of the source, each under another number: `numbers` leads from the number now to the number to map it under.
fn map_renumbered(
    found: &Run,
    table: &Table,
    plan: &Arc<Plan>,
    numbers: &HashMap<u32, u32>,
) -> Result<HashMap<u32, QueuedRecord>, EngineError> {
    let mut mapper = Mapper::new(Arc::clone(plan), &found.name);
    let (mut again, mut row, mut records) = (source::reopen_table(table)?, Row::default(), HashMap::new());
    while again.read(&mut row)? {
        let Some(number) = numbers.get(&row.number) else { continue };
        row.number = *number;
        if let Mapped::Record(record) = mapper.apply(&row) {
            records.insert(*number, QueuedRecord { record, row: row.clone(), more: Vec::new() });
        }
    }
    Ok(records)
}

/// The hasher of the run's columns, if the source still has all of them; otherwise of all columns now.
pub fn source_hasher(found: &Run, table: &Table) -> RowHasher {
    let (then, now) = (&found.head.source.titles, table.header.titles().map(str::to_owned).collect::<Vec<_>>());
    let narrowed = (!RowHasher::same_columns(then, &now)).then(|| RowHasher::of_titles(&table.header, then)).flatten();
    narrowed.unwrap_or_else(|| RowHasher::new(&table.header))
}
