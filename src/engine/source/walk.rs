//! Maps a source without sending anything, for a check, a dry run and a preview.

use crate::engine::begin::sent_before::GuardResult;
use crate::engine::interface::error::{EngineError, check_cancelled};
use crate::engine::interface::event::{Event, EventSink};
use crate::engine::interface::request::ImportRequest;
use crate::engine::interface::result::{CheckResult, WorkbookRun};
use crate::engine::prepare::known_keys;
use crate::engine::source::survey::MappedCounts;
use crate::mapping::{Edit, Mapper, Plan};
use crate::store::{Outcome, Status};
use crate::upload::feed::{self, RowEvent, Select};
use sheet_source::Table;
use std::sync::Arc;

/// Number of records between two checks for cancellation: a check takes a lock.
const ASK_EVERY: u64 = 64;

/// Maps every record of the source and reports every problem.
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
            Ok(known_keys::RecordFate::Free) => checked.records += 1,
            Ok(known_keys::RecordFate::Waits) => {}
            Ok(known_keys::RecordFate::Held(outcome)) => count_outcome(&mut checked, *outcome, events),
            Err(error) => failed = Some(error),
        }
        events_so_far += 1;
        failed.is_none() && (!events_so_far.is_multiple_of(ASK_EVERY) || !import.cancel.is_cancelled())
    })?;
    check_cancelled(&import.cancel)?;
    if let Some(error) = failed {
        return Err(error);
    }
    if let Some(mut keys) = keys {
        for outcome in keys.look_up_waiting(plan, &import.cancel)? {
            match outcome {
                Some(outcome) => count_outcome(&mut checked, outcome, events),
                None => checked.records += 1,
            }
        }
    }
    if let Some(present) = present {
        let looked = present.finish()?;
        checked.records += looked.differ;
        checked.unchanged += looked.same;
        looked.absent.into_iter().for_each(|outcome| count_outcome(&mut checked, outcome, events));
        events.notes(looked.replaced.notes_before());
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

/// Counts a record that would not be sent, and emits its problems.
fn count_outcome(checked: &mut CheckResult, outcome: Outcome, events: &mut EventSink<'_>) {
    match outcome.status {
        Status::Skipped => checked.skipped += 1,
        Status::Unchanged => checked.unchanged += 1,
        _ => {
            checked.rejected += 1;
            checked.problems += outcome.problems.len() as u64;
            outcome.problems.into_iter().for_each(|problem| events.emit(Event::Problem(Box::new(problem))));
        }
    }
}
