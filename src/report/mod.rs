//! What a run leaves behind, made from the store alone and streamed from it: `tables` (results, problems and rejected
//! rows as CSV), `workbook` (the same for people), `summary` (`run.json`), `log` (`log.jsonl`). Making a report again
//! gives the same files.

mod log;
mod summary;
mod tables;
mod workbook;

pub use log::Log;
pub use summary::{Requests, SourceSummary, Summary};
pub use tables::REJECT_COLUMNS;

use crate::store::{Line, Run, Status, Store, StoreError};
use std::path::{Path, PathBuf};

#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("\"{}\" cannot be written: {cause}", path.display())]
    Write { path: PathBuf, cause: std::io::Error },
    #[error("the workbook cannot be written: {0}")]
    Workbook(#[from] rust_xlsxwriter::XlsxError),
}

/// Names of the files of a run, in the order in which a person would open them.
pub const RESULTS_XLSX: &str = "results.xlsx";
pub const RESULTS: &str = "results.csv";
pub const PROBLEMS: &str = "problems.csv";
pub const REJECTED: &str = "rejected.csv";
pub const REJECTED_XLSX: &str = "rejected.xlsx";
pub const SUMMARY: &str = "run.json";
pub const LOG: &str = "log.jsonl";

/// Writes all files of a run's report, in one pass over its records, and returns the summary.
pub fn write(store: &Store, run: &Run, folder: &Path) -> Result<Summary, ReportError> {
    let counts = store.counts(run.run)?;
    let mut tables = tables::Tables::create(run, folder)?;
    let mut book = workbook::Book::new(run, &counts)?;
    let mut rejects = workbook::Rejects::new(run);
    store.lines::<ReportError>(run.run, |line| {
        tables.line(&line)?;
        book.line(&line)?;
        rejects.line(&line)
    })?;
    let mut files = tables.finish()?;
    files.insert(0, book.save(&folder.join(RESULTS_XLSX))?);
    files.extend(rejects.save(&folder.join(REJECTED_XLSX))?);
    files.push(folder.join(LOG));
    files.push(folder.join(SUMMARY));
    let summary = Summary::of(run, counts, store.links(run.run)?, &files);
    summary.write(&folder.join(SUMMARY))?;
    Ok(summary)
}

/// Where a record can be looked at: where the service said, or at its card in the CRM's own pages.
fn address(run: &Run, line: &Line) -> Option<String> {
    if line.url.is_some() {
        return line.url.clone();
    }
    let card = run.head.kind.spec().entity.spec().card?;
    let card = match run.head.catalog {
        Some(catalog) => card.replace("{catalog}", &catalog.to_string()),
        None if card.contains("{catalog}") => return None,
        None => card.to_owned(),
    };
    // What is deleted has no card any more.
    let id = line.id.filter(|_| line.status != Status::Deleted)?;
    Some(format!("{}/{}", run.head.base, card.replace("{id}", &id.to_string())))
}

/// The rows of a record as a person would write them: `17-19`, `17,20`.
fn rows(line: &Line) -> String {
    let mut rows: Vec<u32> = std::iter::once(line.row).chain(line.more.iter().copied()).collect();
    rows.sort_unstable();
    let stretches = rows.chunk_by(|a, b| a + 1 == *b);
    let told = stretches.map(|stretch| match stretch {
        [first, .., last] => format!("{first}-{last}"),
        [one] => one.to_string(),
        [] => String::new(),
    });
    told.collect::<Vec<_>>().join(",")
}

/// The rows of a rejected record with their cells, as they were.
fn rejected_rows(line: &Line) -> impl Iterator<Item = (u32, &[String])> {
    let rows = std::iter::once(line.row).chain(line.more.iter().copied());
    // A record without cells still has its line.
    let cells =
        line.cells.iter().map(Vec::as_slice).chain(std::iter::repeat_n(&[][..], usize::from(line.cells.is_empty())));
    rows.zip(cells)
}

fn failed(path: &Path) -> impl Fn(std::io::Error) -> ReportError + '_ {
    |cause| ReportError::Write { path: path.to_owned(), cause }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(row: u32, more: &[u32], cells: &[&[&str]]) -> Line {
        let cells = cells.iter().map(|row| row.iter().map(|cell| (*cell).to_owned()).collect()).collect();
        Line {
            row,
            more: more.to_vec(),
            status: Status::Rejected,
            key: None,
            id: None,
            contact_id: None,
            company_id: None,
            http_status: None,
            batch: None,
            attempts: 0,
            cells,
            url: None,
            problems: Vec::new(),
        }
    }

    #[test]
    fn rows_are_told_as_stretches_and_each_keeps_its_cells() {
        for (row, more, told) in
            [(17, &[][..], "17"), (17, &[18, 19], "17-19"), (17, &[20], "17,20"), (17, &[18, 20, 21], "17-18,20-21")]
        {
            assert_eq!(rows(&line(row, more, &[])), told);
        }
        let two = line(17, &[20], &[&["a"], &["b"]]);
        let kept: Vec<(u32, &[String])> = rejected_rows(&two).collect();
        assert_eq!(kept, [(17, &["a".to_owned()][..]), (20, &["b".to_owned()][..])]);
        assert_eq!(rejected_rows(&line(17, &[18], &[])).count(), 1);
    }
}
