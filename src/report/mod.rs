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

use crate::store::{Run, Store, StoreError};
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
    let summary = Summary::of(run, counts, &files);
    summary.write(&folder.join(SUMMARY))?;
    Ok(summary)
}

/// The address of a record's card in the CRM's own pages.
fn card(run: &Run, id: i64) -> Option<String> {
    let entity = crate::entity::Kind::from_name(&run.head.kind)?.spec().entity;
    Some(format!("{}/{}", run.head.base, entity.spec().card?.replace("{id}", &id.to_string())))
}

fn failed(path: &Path) -> impl Fn(std::io::Error) -> ReportError + '_ {
    |cause| ReportError::Write { path: path.to_owned(), cause }
}
