//! The exported file: it is written under another name beside the target and renamed when it is complete, so that the target is
//! never half a file.

use super::gather::WorkbookBuilder;
use super::manifest::Manifest;
use super::part::UnfinishedFile;
use super::sheets::{CutTexts, SaveError};
use crate::export::Destination;
use crate::export::shape::TableLayout;
use crate::export::table::cell::TableCell;
use crate::export::table::dialect::Dialect;
use crate::mapping::convert::text::with_apostrophe;
use amo_client::Failure;
use amo_client::private;
use encoding_rs::Encoding;
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};
use sheet_source::CsvWriter;
use sheet_source::problem::visible;
use std::borrow::Cow;
use std::fs::File;
use std::io::{self, BufWriter, IsTerminal, Read, Write};
use std::path::{Path, PathBuf};

/// The format of an exported file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    Xlsx,
    Csv,
    Jsonl,
}

impl Format {
    /// The format by the ending of a file; `-` is standard output.
    pub fn of(file: &Path) -> Option<Format> {
        if file == Path::new("-") {
            return Some(Format::Jsonl);
        }
        match file.extension()?.to_str()?.to_lowercase().as_str() {
            "xlsx" => Some(Format::Xlsx),
            "csv" => Some(Format::Csv),
            "jsonl" => Some(Format::Jsonl),
            _ => None,
        }
    }
}

/// Why an export fails.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    #[error(transparent)]
    Service(Failure),
    #[error("\"{}\" cannot be written: {cause}", path.display())]
    Write { path: PathBuf, cause: io::Error },
    #[error("the reader of standard output has stopped reading")]
    NoReader,
    #[error("the workbook cannot be written: {0}")]
    Workbook(#[from] rust_xlsxwriter::XlsxError),
    #[error("\"{}\" already exists", .0.display())]
    AlreadyExists(PathBuf),
}

/// The written file.
#[derive(Debug, Default)]
pub struct WrittenFile {
    /// The hash of the file; none for standard output.
    pub sha256: Option<String>,
    /// Number of texts with an apostrophe, since a spreadsheet would take them for formulas.
    pub neutralised: u64,
    pub cut: CutTexts,
}

enum Writer {
    Csv(Box<CsvWriter>),
    Xlsx(Box<WorkbookBuilder>),
    Jsonl(Box<dyn Write>),
}

/// A file that is being written.
pub struct OutputFile {
    // Dropped before its file is removed.
    writer: Writer,
    part: Option<UnfinishedFile>,
    /// True where the output is a terminal.
    terminal: bool,
    target: PathBuf,
    force: bool,
    dialect: Dialect,
    neutralised: u64,
}

impl OutputFile {
    /// Creates the file for a destination.
    pub fn create(place: &Destination, shape: &TableLayout) -> Result<OutputFile, ExportError> {
        let target = place.file.clone().unwrap_or_else(|| PathBuf::from("-"));
        let unwritable = |cause| ExportError::Write { path: target.clone(), cause };
        // An unwritable destination is reported before anything is read.
        let (part, file) = place.file.as_deref().map(UnfinishedFile::create).transpose().map_err(unwritable)?.unzip();
        let dialect = shape.dialect();
        let writer = match (place.format, file) {
            (Format::Csv, Some(file)) => {
                let encoding = dialect.encoding.map(Encoding::name);
                let mut csv = CsvWriter::new(file, encoding, dialect.bom, dialect.delimiter).map_err(unwritable)?;
                // The content of the rows above the titles is unknown, only their number.
                for _ in 1..dialect.header_row {
                    csv.write_row([""]).map_err(unwritable)?;
                }
                csv.write_row(shape.titles()).map_err(unwritable)?;
                Writer::Csv(Box::new(csv))
            }
            (Format::Xlsx, Some(file)) => {
                Writer::Xlsx(Box::new(WorkbookBuilder::new(&target, file, shape).map_err(unwritable)?))
            }
            (Format::Jsonl, Some(file)) => Writer::Jsonl(Box::new(BufWriter::new(file))),
            // Standard output has JSON lines only.
            (_, None) => Writer::Jsonl(Box::new(BufWriter::new(io::stdout()))),
        };
        let terminal = part.is_none() && io::stdout().is_terminal();
        Ok(OutputFile { writer, part, terminal, target, force: place.force, dialect, neutralised: 0 })
    }

    /// Writes a row of a table.
    pub fn row(&mut self, cells: Vec<TableCell>) -> Result<(), ExportError> {
        match &mut self.writer {
            Writer::Csv(csv) => {
                let mut texts = Vec::with_capacity(cells.len());
                for cell in cells {
                    let (text, marked) = neutral(&cell, &self.dialect);
                    self.neutralised += u64::from(marked);
                    texts.push(text);
                }
                csv.write_row(texts).map_err(|cause| ExportError::Write { path: self.target.clone(), cause })
            }
            Writer::Xlsx(rows) => {
                rows.push(cells).map_err(|cause| ExportError::Write { path: self.target.clone(), cause })
            }
            // JSON lines have items and no cells.
            Writer::Jsonl(_) => Ok(()),
        }
    }

    /// Writes an item as the service gave it.
    pub fn line(&mut self, item: &RawValue) -> Result<(), ExportError> {
        let Writer::Jsonl(lines) = &mut self.writer else { return Ok(()) };
        // On one line: JSON has no line breaks within texts, and between them they mean nothing.
        let mut written = Ok(());
        let item = if self.terminal { visible(item.get()) } else { Cow::Borrowed(item.get()) };
        for part in item.split(['\n', '\r']) {
            written = written.and_then(|()| lines.write_all(part.as_bytes()));
        }
        let written = written.and_then(|()| lines.write_all(b"\n"));
        written.map_err(|cause| write_error(&self.target, cause))
    }

    /// Renames the complete file to its target.
    pub fn finish(self) -> Result<WrittenFile, ExportError> {
        let target = self.target;
        let unwritable = |cause| write_error(&target, cause);
        let mut written = WrittenFile { neutralised: self.neutralised, ..WrittenFile::default() };
        match self.writer {
            Writer::Csv(csv) => csv.finish().map_err(unwritable)?,
            Writer::Jsonl(mut lines) => lines.flush().map_err(unwritable)?,
            Writer::Xlsx(rows) => {
                written.cut = rows.save().map_err(|error| match error {
                    SaveError::Write(cause) => unwritable(cause),
                    SaveError::Workbook(error) => ExportError::Workbook(error),
                })?;
            }
        }
        let Some(part) = self.part else { return Ok(written) };
        written.sha256 = Some(sha256(&part.path).map_err(unwritable)?);
        if !self.force && private::is_there(&target) {
            return Err(ExportError::AlreadyExists(target));
        }
        // The manifest of an earlier export is not about this file; a new one is written afterwards.
        match std::fs::remove_file(Manifest::beside(&target)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(unwritable(error)),
            _ => {}
        }
        let put = if self.force { part.replace(&target) } else { part.put(&target) };
        put.map_err(unwritable)?;
        Ok(written)
    }
}

/// The error of writing to a target.
fn write_error(target: &Path, cause: io::Error) -> ExportError {
    // A reader such as `head` has enough; that is not an error of the disk.
    if target == Path::new("-") && cause.kind() == io::ErrorKind::BrokenPipe {
        return ExportError::NoReader;
    }
    ExportError::Write { path: target.to_owned(), cause }
}

/// The text of a cell, with an apostrophe where a spreadsheet would take it for a formula, which may send data away; and
/// whether it has one. An import removes the apostrophe, so a text that begins with one gets another.
fn neutral(cell: &TableCell, dialect: &Dialect) -> (String, bool) {
    let text = match cell {
        TableCell::Number(number) => dialect.number(*number),
        other => other.text(),
    };
    let TableCell::Text(_) = cell else { return (text, false) };
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        return (format!("'{text}"), true);
    }
    match with_apostrophe(&text) {
        Some(marked) => (marked, true),
        None => (text, false),
    }
}

/// The hash of a file, after it is synchronised to the disk.
fn sha256(path: &Path) -> io::Result<String> {
    let mut file = File::options().read(true).write(true).open(path)?;
    file.sync_all()?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 128 * 1024];
    loop {
        match file.read(&mut buffer)? {
            0 => break,
            read => hasher.update(&buffer[..read]),
        }
    }
    Ok(hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rust_decimal::Decimal;

    #[test]
    fn only_texts_that_look_like_formulas_are_marked() {
        for (cell, expected) in [
            (TableCell::Text("=1+1".into()), "'=1+1"),
            (TableCell::Text("+7 900".into()), "'+7 900"),
            (TableCell::Text("-x".into()), "'-x"),
            (TableCell::Text("@SUM".into()), "'@SUM"),
            (TableCell::Text("\t=1".into()), "'\t=1"),
            (TableCell::Text("'=1".into()), "''=1"),
            (TableCell::Text("1=1".into()), "1=1"),
            (TableCell::Number(Decimal::new(-5, 0)), "-5"),
            (TableCell::Empty, ""),
        ] {
            assert_eq!(
                neutral(&cell, &Dialect::default()),
                (expected.to_owned(), expected.starts_with('\'')),
                "{cell:?}"
            );
        }
    }

    #[test]
    fn the_ending_of_a_file_is_its_format() {
        for (file, format) in [
            ("a.xlsx", Some(Format::Xlsx)),
            ("a.b.CSV", Some(Format::Csv)),
            ("a.jsonl", Some(Format::Jsonl)),
            ("-", Some(Format::Jsonl)),
            ("a.xls", None),
            ("csv", None),
        ] {
            assert_eq!(Format::of(Path::new(file)), format, "{file}");
        }
    }
}
