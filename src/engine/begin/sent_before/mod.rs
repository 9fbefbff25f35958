//! Keeps the same file from being imported twice: rows of which earlier runs created records are held back, whatever mapping
//! created them, and a file without other rows is refused. `earlier` finds the runs of the same source, `retried` the run whose
//! rejected rows a file holds, `equal` the rows equal to sent ones, `changed` the rows that replace sent ones; `compare` goes
//! through the runs; `gone` leaves out records that were deleted from the account. `guarded` does all this for a check.

mod changed;
mod compare;
mod earlier;
mod equal;
mod gone;
mod guarded;
mod retried;

pub use changed::common_rows;
pub use compare::{CurrentSource, SourceComparison, compare};
pub use earlier::SourceIdentity;
pub use gone::{AccountLookup, compare_without_deleted, remade_ids};
pub use guarded::{GuardQuery, GuardResult};
pub use retried::find_retried_run;

use crate::engine::interface::cancel::Cancel;
use crate::engine::interface::error::{EngineError, check_cancelled};
use crate::engine::source;
use crate::engine::source::survey::MappedCounts;
use crate::store::{Run, RunOutcome, Store};
use crate::upload::SentRows;
use amo_model::Action;
use sheet_source::message;
use sheet_source::problem::Problem;
use sheet_source::{Row, RowHasher, RowHashes, Table};
use std::path::Path;

/// How far the user has lifted the guard.
#[derive(Debug, Clone, Copy, Default)]
pub struct GuardOverride {
    pub again: bool,
    /// With the same keys, created records are held back one by one.
    pub by_keys: bool,
}

/// The hashes of the rows of a source, as far as they can be read; a broken row is reported by the reading that maps it.
pub fn hash_rows(table: &Table, cancel: &Cancel) -> Result<RowHashes, EngineError> {
    let hasher = RowHasher::new(&table.header);
    hash_table(source::reopen_table(table)?, &hasher, cancel)
}

pub fn hash_table(mut table: Table, hasher: &RowHasher, cancel: &Cancel) -> Result<RowHashes, EngineError> {
    let (mut row, mut rows) = (Row::default(), RowHashes::default());
    while table.read(&mut row).unwrap_or(false) {
        rows.push(row.number, hasher.hash(&row));
        check_cancelled(cancel)?;
    }
    Ok(rows)
}

/// Earlier runs of this source that created records, newest first; for a resumed run, those before it.
pub fn earlier_runs(
    store: &Store,
    origin: &SourceIdentity<'_>,
    lifted: GuardOverride,
    before: Option<i64>,
) -> Result<Vec<Run>, EngineError> {
    // An update may be sent twice.
    if origin.action != Action::Create || lifted.again || lifted.by_keys {
        return Ok(Vec::new());
    }
    let mut runs = store.runs_into(&origin.account)?;
    runs.retain(|run| before.is_none_or(|before| run.run < before));
    Ok(earlier::of_same_source(origin, runs))
}

/// An error if an earlier run has to be resumed or abandoned first.
pub fn check_no_open_run(
    store: &Store,
    runs: &[Run],
    path: &Path,
    rows: Option<(u32, u32)>,
) -> Result<(), EngineError> {
    for run in runs.iter().filter(|run| !run.outcome.is_final() && overlaps(run, rows)) {
        let counts = store.counts(run.run)?;
        let made = counts.read - counts.rejected - counts.unprocessed - counts.unchanged;
        // If the source broke off before the run created a record, there is nothing to resume.
        if made == 0 && run.outcome == RunOutcome::SourceBroken {
            continue;
        }
        // A source that broke off ends its run: what follows the rows that were sent is imported by itself.
        if let (RunOutcome::SourceBroken, Some((first, _))) = (run.outcome, rows)
            && counts.unknown == 0
            && first >= store.first_open_row(run.run)?
        {
            continue;
        }
        let message = message!("run {run} of this source has not ended", run = &run.name);
        let hint =
            message!("resume it: amoport resume {run}; or abandon it: amoport runs --abandon {run}", run = &run.name);
        return Err(Problem::in_file(path, "imported-before", message).hint(hint).into());
    }
    Ok(())
}

/// True if both runs can have rows in common. Users try the first ten rows of a file before the rest.
fn overlaps(run: &Run, rows: Option<(u32, u32)>) -> bool {
    match (run.head.rows, rows) {
        (Some((a, b)), Some((c, d))) => a <= d && c <= b,
        _ => true,
    }
}

/// The rows that a resumed run holds back, as it did when it began.
pub fn sent_rows_of_run(store: &Store, run: &Run, keyed: bool) -> Result<SentRows, EngineError> {
    let head = &run.head;
    if head.mapping.made.is_some() {
        return Ok(SentRows::default());
    }
    let origin = SourceIdentity::of(head);
    let lifted = GuardOverride { again: head.again, by_keys: head.same_keys && keyed };
    let runs = earlier_runs(store, &origin, lifted, Some(run.run))?;
    if runs.is_empty() {
        return Ok(SentRows::default());
    }
    let mut deleted = remade_ids(&runs);
    deleted.extend(&head.remade);
    match store.source_rows(run.run)? {
        Some(now) => {
            let source =
                CurrentSource { identity: &origin, rows: &now, titles: &head.source.titles, keyed, table: None };
            Ok(compare(store, &runs, &deleted, &source)?.sent)
        }
        // For a run of a version that kept no rows, the row numbers of the same file count.
        None => compare::sent_rows_by_number(store, (&runs, &deleted), &origin),
    }
}

/// An error if nothing in the source is new.
pub fn check_anything_new(path: &Path, sent: &SentRows, weighed: MappedCounts, keyed: bool) -> Result<(), EngineError> {
    if weighed.records > 0 || weighed.sent == 0 || weighed.undecided > 0 {
        return Ok(());
    }
    let message = message!("this source was imported before, by run {run}", run = sent.newest_run());
    let hint = match keyed {
        false => "records would be created twice; add --again if you want that",
        true => "to change its records, use a mapping with action = \"update\"",
    };
    Err(Problem::in_file(path, "imported-before", message).hint(hint).into())
}

/// The absolute path of a source; `None` for a source without a lasting path.
pub fn absolute_path(file: &Path) -> Option<String> {
    let path = std::fs::canonicalize(file).or_else(|_| std::path::absolute(file)).ok()?;
    Some(path.display().to_string())
}
