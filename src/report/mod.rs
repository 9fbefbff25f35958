//! The report of a run, made from the store alone and streamed from it: `tables` (results, problems and rejected rows as CSV),
//! `workbook` (results as a workbook), `rejects` (rejected rows as a workbook), `summary` (`run.json`), `log` (`log.jsonl`).
//! Writing a report again gives the same files. They are written `beside` their final paths, and moved when all are complete.

mod beside;
mod log;
mod rejects;
mod summary;
mod tables;
mod workbook;

pub use log::RunLog;
pub use summary::{Requests, SourceSummary, Summary};

use crate::store::{FrozenWord, KeptCell, NO_VALUE, ReportLine, Run, Status, Store, StoreError, crash};
use beside::ReportFiles;
use serde_json::Value;
use sheet_source::{DisplayKind, Scalar};
use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::sync::mpsc::sync_channel;

#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("\"{}\" cannot be written: {cause}", path.display())]
    Write { path: PathBuf, cause: std::io::Error },
    #[error("the workbook cannot be written: {0}")]
    Workbook(#[from] rust_xlsxwriter::XlsxError),
}

/// Names of the files of a run, in the order in which a user would open them.
pub const RESULTS_XLSX: &str = "results.xlsx";
pub const RESULTS: &str = "results.csv";
pub const PROBLEMS: &str = "problems.csv";
pub const REJECTED: &str = "rejected.csv";
pub const REJECTED_XLSX: &str = "rejected.xlsx";
pub const SUMMARY: &str = "run.json";
pub const LOG: &str = "log.jsonl";

/// The files that each report writes, in the order in which they are moved to their final paths.
const REPORT_FILES: [&str; 6] = [RESULTS_XLSX, RESULTS, PROBLEMS, REJECTED, REJECTED_XLSX, SUMMARY];

/// Number of lines that the workbook's thread takes at once, and of such chunks that wait.
const CHUNK_LINES: usize = 128;
const CHUNKS_MAX: usize = 8;

/// Writes all files of a run's report in one pass over its records, and returns the summary. The caller makes sure that one
/// process at a time writes the report of a run.
pub fn write(store: &Store, run: &Run, folder: &Path) -> Result<Summary, ReportError> {
    let beside = ReportFiles::new(folder, &REPORT_FILES)?;
    let counts = store.counts(run.run)?;
    let mut tables = tables::Tables::create(run, &beside)?;
    crash::point("report-begun");
    let notes = store.notes(run.run)?;
    let book = workbook::ReportWorkbook::new(run, &counts, &notes)?;
    let mut rejects = rejects::Rejects::new(run);
    let book = std::thread::scope(|scope| {
        // The workbook takes most of the time, so it has a thread of its own.
        let (lines, received) = sync_channel(CHUNKS_MAX);
        let writing = scope.spawn(move || book.write_all(received));
        let mut chunk = Vec::with_capacity(CHUNK_LINES);
        store.lines::<ReportError>(run, |line| {
            tables.write_line(&line)?;
            rejects.write_line(&line)?;
            chunk.push(line);
            if chunk.len() == CHUNK_LINES {
                // The thread has gone where it failed; its error is the result.
                let _ = lines.send(std::mem::replace(&mut chunk, Vec::with_capacity(CHUNK_LINES)));
            }
            Ok(())
        })?;
        let _ = lines.send(chunk);
        drop(lines);
        writing.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })?;
    tables.finish()?;
    book.save(beside.create(RESULTS_XLSX)?.file)?;
    let has_workbook = rejects.save(|| Ok(beside.create(REJECTED_XLSX)?.file))?;
    let files = [RESULTS_XLSX, RESULTS, PROBLEMS, REJECTED, REJECTED_XLSX, LOG, SUMMARY];
    let files = files.into_iter().filter(|name| has_workbook || *name != REJECTED_XLSX);
    let files: Vec<PathBuf> = files.map(|name| folder.join(name)).collect();
    let summary = Summary::of(run, counts, notes, &files).with_links(store.links(run.run)?);
    summary.write(beside.create(SUMMARY)?)?;
    beside.publish()?;
    Ok(summary)
}

/// True if the run's folder holds the report of the run as it ended.
pub fn is_written(run: &Run, folder: &Path) -> bool {
    let described =
        std::fs::read(folder.join(SUMMARY)).ok().and_then(|text| serde_json::from_slice::<Value>(&text).ok());
    described.is_some_and(|described| {
        described["outcome"] == run.outcome.word()
            && described["exit_code"].as_i64() == run.exit_code
            && described["elapsed_ms"].as_i64() == Some(run.elapsed_ms)
    })
}

/// The URL of a record: as the service gave it, or of its card in the CRM.
fn record_url(run: &Run, line: &ReportLine) -> Option<String> {
    if line.url.is_some() {
        return line.url.clone();
    }
    let card = run.head.kind.spec().entity.spec().card?;
    let card = match run.head.catalog {
        Some(catalog) => card.replace("{catalog}", &catalog.to_string()),
        None if card.contains("{catalog}") => return None,
        None => card.to_owned(),
    };
    // A deleted record has no card.
    let id = line.id.filter(|_| line.status != Status::Deleted)?;
    Some(format!("{}/{}", run.head.base, card.replace("{id}", &id.to_string())))
}

/// The rows of a record, with ranges: `17-19`, `17,20`.
fn format_rows(line: &ReportLine) -> String {
    let mut rows: Vec<u32> = std::iter::once(line.row).chain(line.more.iter().copied()).collect();
    rows.sort_unstable();
    let ranges = rows.chunk_by(|a, b| a + 1 == *b);
    let described = ranges.map(|range| match range {
        [first, .., last] => format!("{first}-{last}"),
        [one] => one.to_string(),
        [] => String::new(),
    });
    described.collect::<Vec<_>>().join(",")
}

/// The rows of a rejected record with their original cells.
fn rejected_rows(line: &ReportLine) -> impl Iterator<Item = (u32, &[KeptCell])> {
    let rows = std::iter::once(line.row).chain(line.more.iter().copied());
    // A record without cells still has a line.
    let cells =
        line.cells.iter().map(Vec::as_slice).chain(std::iter::repeat_n(&[][..], usize::from(line.cells.is_empty())));
    rows.zip(cells)
}

/// The text of a cell, which the same mapping reads back to the same value: a number cell of a workbook has the source's
/// decimal sign, and never exactly three decimals, which would be ambiguous; an amount has its currency sign.
fn cell_text(cell: &KeptCell, decimal: Option<char>) -> Cow<'_, str> {
    let currency = match cell.value {
        Scalar::Number(_) => None,
        Scalar::Formatted(_, DisplayKind::Currency(sign)) => Some(sign),
        // In a text file a formula would not be calculated.
        Scalar::Uncomputed => return Cow::Borrowed(NO_VALUE),
        _ => return Cow::Borrowed(&cell.text),
    };
    let mut text = cell.text.clone();
    if let Some(dot) = text.find('.') {
        if text.len() - dot == 4 {
            text.push('0');
        }
        if let Some(sign) = decimal {
            text.replace_range(dot..=dot, sign.encode_utf8(&mut [0; 4]));
        }
    }
    if let Some(currency) = currency {
        text.push(' ');
        text.push_str(currency.as_str());
    }
    Cow::Owned(text)
}

fn write_error(path: &Path) -> impl Fn(std::io::Error) -> ReportError + '_ {
    |cause| ReportError::Write { path: path.to_owned(), cause }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(row: u32, more: &[u32], cells: &[&[&str]]) -> ReportLine {
        let cells = cells.iter().map(|row| row.iter().map(|cell| KeptCell::text(*cell)).collect()).collect();
        ReportLine {
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
        for (row, more, described) in
            [(17, &[][..], "17"), (17, &[18, 19], "17-19"), (17, &[20], "17,20"), (17, &[18, 20, 21], "17-18,20-21")]
        {
            assert_eq!(format_rows(&line(row, more, &[])), described);
        }
        let two = line(17, &[20], &[&["a"], &["b"]]);
        let kept: Vec<(u32, &[KeptCell])> = rejected_rows(&two).collect();
        assert_eq!(kept, [(17, &[KeptCell::text("a")][..]), (20, &[KeptCell::text("b")][..])]);
        assert_eq!(rejected_rows(&line(17, &[18], &[])).count(), 1);
    }

    #[test]
    fn number_cells_come_back_as_texts_with_one_reading() {
        for (text, decimal, expected) in [
            ("1234.5", Some(','), "1234,5"),
            ("1.234", None, "1.2340"),
            ("1.234", Some(','), "1,2340"),
            ("1234.5", None, "1234.5"),
            ("79001234567", Some(','), "79001234567"),
        ] {
            let cell = KeptCell { text: text.to_owned(), value: Scalar::Number(0.0) };
            assert_eq!(cell_text(&cell, decimal), expected);
            assert_eq!(cell_text(&KeptCell::text(text), decimal), text, "texts stay as they are");
        }
    }
}
