//! Maps a source without sending anything, for a check, a dry run and a preview.

use crate::engine::begin::sent_before::GuardResult;
use crate::engine::interface::error::{EngineError, check_cancelled};
use crate::engine::interface::event::{Event, EventSink};
use crate::engine::interface::request::ImportRequest;
use crate::engine::interface::result::{CheckResult, WorkbookRun};
use crate::engine::prepare::kept::KeptAccount;
use crate::engine::prepare::known_keys;
use crate::engine::source::survey::MappedCounts;
use crate::mapping::{Edit, Mapper, Plan};
use crate::store::{Outcome, Status};
use crate::upload::feed::{self, RowEvent, Select};
use amo_client::account::Account;
use sheet_source::Table;
use std::sync::Arc;

/// Number of records between two checks for cancellation: a check takes a lock.
const ASK_EVERY: u64 = 64;

/// Maps every record of the source and reports every problem. Where that was by a kept snapshot that is out of date,
/// `guarded.changed` says so, and the result does not count.
pub fn walk(
    table: Table,
    plan: &Arc<Plan>,
    import: &ImportRequest,
    guarded: &mut GuardResult,
    events: &mut EventSink<'_>,
) -> Result<CheckResult, EngineError> {
    let mut checked = CheckResult {
        kind: plan.kind,
        action: plan.action,
        source: plan.source.file.clone(),
        account: plan.account.base.clone(),
        account_id: plan.account.basics.id,
        rows: 0,
        records: 0,
        rejected: 0,
        unchanged: 0,
        skipped: 0,
        problems: 0,
        grouped: plan.groups.is_some(),
        part: match plan.edits.as_ref().map(|edits| &edits.rest) {
            Some(Edit::Same) => Some(WorkbookRun::Changes),
            Some(Edit::Elsewhere) => Some(WorkbookRun::NewRows),
            _ => None,
        },
        over_budget: false,
        refused: Vec::new(),
        notes: Vec::new(),
    };
    let select = Select { sent: Arc::clone(&guarded.sent), ..import.select() };
    let (mut events_so_far, mut failed) = (0u64, None);
    let mut outcomes = CheckedOutcomes { checked: &mut checked, kept: guarded.kept.take(), changed: None };
    let (mut keys, mut present) = (guarded.keys.take(), guarded.present.take());
    let walked = feed::walk(table, Mapper::new(Arc::clone(plan), ""), &select, |event| {
        let held = match event {
            RowEvent::Record { record, row, more } | RowEvent::Known { record, row, more } => {
                match (&mut keys, &mut present) {
                    (Some(keys), _) => keys.check_record(plan, record, row, more),
                    (None, Some(present)) => present.add_record(record, row, more),
                    (None, None) => Ok(known_keys::RecordFate::Free),
                }
            }
            RowEvent::Local(outcome) | RowEvent::Unmapped(outcome) => {
                Ok(known_keys::RecordFate::Held(Box::new(outcome)))
            }
        };
        match held {
            Ok(known_keys::RecordFate::Free) => outcomes.checked.records += 1,
            Ok(known_keys::RecordFate::Waits) => {}
            Ok(known_keys::RecordFate::Held(outcome)) => failed = outcomes.add(*outcome, events).err(),
            Err(error) => failed = Some(error),
        }
        events_so_far += 1;
        failed.is_none()
            && outcomes.changed.is_none()
            && (!events_so_far.is_multiple_of(ASK_EVERY) || !import.cancel.is_cancelled())
    })?;
    check_cancelled(&import.cancel)?;
    if let Some(error) = failed {
        return Err(error);
    }
    if let Some(mut keys) = keys {
        for outcome in keys.look_up_waiting(plan, &import.cancel)? {
            match outcome {
                Some(outcome) => outcomes.add(outcome, events)?,
                None => outcomes.checked.records += 1,
            }
        }
    }
    if let Some(present) = present {
        let looked = present.finish()?;
        outcomes.checked.records += looked.differ;
        outcomes.checked.unchanged += looked.same;
        looked.absent.into_iter().try_for_each(|outcome| outcomes.add(outcome, events))?;
        events.notes(looked.replaced.notes_before());
    }
    guarded.changed = outcomes.changed;
    if guarded.changed.is_some() {
        return Ok(checked);
    }
    checked.rows = walked.rows;
    let records = checked.records + checked.rejected;
    checked.over_budget = import.max_errors.is_some_and(|max| max.of(records).exceeded(checked.rejected));
    events.notes(walked.notes);
    checked.notes = events.take_notes();
    let CheckResult { records, rejected, .. } = checked;
    checked.refused =
        guarded.refusals(MappedCounts { records, rejected, sent: walked.sent, undecided: walked.undecided });
    events.emit(Event::Checked(Box::new(checked.clone())));
    Ok(checked)
}

/// Takes the outcomes of records that would not be sent.
struct CheckedOutcomes<'a> {
    checked: &'a mut CheckResult,
    /// The kept snapshot by which rows are mapped, until the first problem.
    kept: Option<KeptAccount>,
    /// The account as it is now, where the kept snapshot is out of date: then nothing counts.
    changed: Option<Account>,
}

impl CheckedOutcomes<'_> {
    /// Counts a record, and emits its problems. The first problem by a kept snapshot waits for the account.
    fn add(&mut self, outcome: Outcome, events: &mut EventSink<'_>) -> Result<(), EngineError> {
        if !outcome.problems.is_empty()
            && let Some(kept) = self.kept.take()
        {
            self.changed = kept.confirm(events)?;
        }
        if self.changed.is_some() {
            return Ok(());
        }
        match outcome.status {
            Status::Skipped => self.checked.skipped += 1,
            Status::Unchanged => self.checked.unchanged += 1,
            _ => {
                self.checked.rejected += 1;
                self.checked.problems += outcome.problems.len() as u64;
                outcome.problems.into_iter().for_each(|problem| events.emit(Event::Problem(Box::new(problem))));
            }
        }
        Ok(())
    }
}
