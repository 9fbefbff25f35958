//! What keeps the same file from being imported twice: rows of which earlier runs have made records are held back, whatever
//! mapping made them, and a file in which nothing else is left is refused.

use super::begin::Ready;
use super::error::EngineError;
use super::survey;
use crate::entity::Action;
use crate::message;
use crate::problem::Problem;
use crate::store::{Head, Run, RunOutcome, Store, StoreError};
use crate::upload::SentRows;
use crate::upload::feed::Select;
use std::path::Path;
use std::sync::Arc;

/// The rows to hold back; an error where an earlier run has to go on first, or where nothing new is in the source.
pub(super) fn unless_refused(
    ready: &Ready<'_>,
    store: &Store,
    head: &Head,
    keyed: bool,
) -> Result<SentRows, EngineError> {
    let runs = earlier(store, head, keyed, None)?;
    for run in &runs {
        let counts = store.counts(run.run)?;
        let made = counts.read - counts.rejected - counts.unprocessed - counts.unchanged;
        if is_open(run, made) && overlaps(run, ready.request.rows) {
            let message = message!("run {run} of this source has not ended", run = &run.name);
            let hint = message!("go on with it: amoport resume {run}", run = &run.name);
            return Err(Problem::in_file(Path::new(&head.source.path), "imported-before", message).hint(hint).into());
        }
    }
    let sent = Arc::new(sent(store, &runs)?);
    if !sent.is_empty() {
        let select = Select { sent: Arc::clone(&sent), ..ready.request.select() };
        let weighed = survey::weigh_prepared(&ready.table, &ready.plan, &select, &ready.request.cancel)?;
        if weighed.records == 0 && weighed.sent > 0 {
            return Err(nothing_new(head, sent.newest_run()));
        }
    }
    Ok(Arc::unwrap_or_clone(sent))
}

/// The rows that a run that goes on holds back, as it did when it began.
pub(super) fn of_run(store: &Store, run: &Run, keyed: bool) -> Result<SentRows, EngineError> {
    if run.head.mapping.made.is_some() {
        return Ok(SentRows::default());
    }
    Ok(sent(store, &earlier(store, &run.head, keyed, Some(run.run))?)?)
}

/// Earlier runs that have made records of the same kind of the same file, newest first.
fn earlier(store: &Store, head: &Head, keyed: bool, before: Option<i64>) -> Result<Vec<Run>, StoreError> {
    // An update may be sent twice; with the same keys, records that were made are held back one by one.
    if head.action != Action::Create || head.again || (head.same_keys && keyed) {
        return Ok(Vec::new());
    }
    let same = |run: &Run| {
        let theirs = &run.head;
        (theirs.kind, theirs.action, theirs.catalog) == (head.kind, head.action, head.catalog)
            && theirs.source.sheet == head.source.sheet
            && before.is_none_or(|before| run.run < before)
    };
    Ok(store.runs_of_source(&head.account, &head.source.sha256)?.into_iter().filter(same).collect())
}

fn sent(store: &Store, runs: &[Run]) -> Result<SentRows, StoreError> {
    let mut sent = SentRows::default();
    for run in runs {
        sent.add(&run.name, store.sent_rows(run.run)?);
    }
    sent.complete();
    Ok(sent)
}

/// True for a run that can go on and has made records, or may have. Where it has made none, for the source broke off before,
/// there is nothing to go on with.
fn is_open(run: &Run, made: u64) -> bool {
    !(run.outcome.is_final() || (made == 0 && run.outcome == RunOutcome::SourceBroken))
}

/// Runs of other rows of the same file do not count: people try the first ten rows before the rest.
fn overlaps(run: &Run, rows: Option<(u32, u32)>) -> bool {
    match (run.head.rows, rows) {
        (Some((a, b)), Some((c, d))) => a <= d && c <= b,
        _ => true,
    }
}

fn nothing_new(head: &Head, run: &str) -> EngineError {
    let message = message!("this source was imported before, by run {run}", run);
    let problem = Problem::in_file(Path::new(&head.source.path), "imported-before", message);
    problem.hint("records would be made twice; add --again if that is what you want").into()
}
