//! Finds the run whose rejected rows a file holds. Rows sent from the file belong to the source of that run, and must not be
//! sent from there again.

use crate::engine::begin::sent_before::earlier::SourceIdentity;
use crate::engine::interface::cancel::Cancel;
use crate::engine::interface::error::{EngineError, check_cancelled};
use crate::engine::source;
use crate::store::{Run, Store};
use sheet_source::{Row, RowHasher, Table};
use std::collections::HashSet;
use std::path::Path;

/// The name of the run; `None` for a table that is not a file of rejected rows, or if the run is unknown. A copy is recognized
/// by its uncorrected rows, or else by their numbers, if only one run rejected all of these.
pub fn find_retried_run(
    store: &Store,
    origin: &SourceIdentity<'_>,
    table: &Table,
    cancel: &Cancel,
) -> Result<Option<String>, EngineError> {
    let header = &table.header;
    if !header.is_rejects() {
        return Ok(None);
    }
    let titles: Vec<String> = header.titles().map(str::to_owned).collect();
    let mut runs = store.runs_into(&origin.account)?;
    runs.retain(|run| {
        origin.same_kind(&SourceIdentity::of(&run.head)) && RowHasher::same_columns(&run.head.source.titles, &titles)
    });
    let folder = origin.absolute.and_then(|path| Path::new(path).parent()?.file_name()?.to_str());
    if let Some(run) = runs.iter().find(|run| Some(run.name.as_str()) == folder) {
        return Ok(Some(run.name.clone()));
    }
    let rows = numbered_rows(table, cancel)?;
    let mut known: Vec<(usize, &Run)> = Vec::new();
    for run in &runs {
        let rejected: HashSet<u32> = store.rejected_rows(run.run)?.into_iter().collect();
        if rows.is_empty() || !rows.iter().all(|(number, _)| rejected.contains(number)) {
            continue;
        }
        let then = store.source_rows(run.run)?;
        let equal = |(number, hash): &&(u32, u64)| {
            let position = then.as_ref().and_then(|then| then.position(*number));
            position.zip(then.as_ref()).is_some_and(|(position, then)| then.hashes()[position] == *hash)
        };
        known.push((rows.iter().filter(equal).count(), run));
    }
    let most = known.iter().map(|(equal, _)| *equal).max().unwrap_or(0);
    known.retain(|(equal, _)| *equal == most);
    // Any of several runs that rejected the same rows of one source leads to that source.
    Ok(known.first().filter(|_| most > 0 || known.len() == 1).map(|(_, run)| run.name.clone()))
}

/// The rows by their numbers in the original source.
fn numbered_rows(table: &Table, cancel: &Cancel) -> Result<Vec<(u32, u64)>, EngineError> {
    let hasher = RowHasher::new(&table.header);
    let (mut again, mut row, mut rows) = (source::reopen_table(table)?, Row::default(), Vec::new());
    while again.read(&mut row).unwrap_or(false) {
        if let Ok(number) = row.get(table.header.source_len()).text.trim().parse() {
            rows.push((number, hasher.hash(&row)));
        }
        check_cancelled(cancel)?;
    }
    Ok(rows)
}
