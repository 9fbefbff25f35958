//! The file: written under a name of its own beside the one that was asked for, and renamed when it is whole, so that a
//! file that stands there is never half of one.

use super::gather::{GatherError, Gathered};
use super::manifest::Manifest;
use super::part::Part;
use super::sheets::Cut;
use crate::export::Place;
use crate::export::shape::Shape;
use crate::export::table::cell::Cell;
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

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    Xlsx,
    Csv,
    Jsonl,
}

impl Format {
    /// By the file's ending; `-` is standard output.
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

#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    #[error(transparent)]
    Service(Failure),
    #[error("\"{}\" cannot be written: {cause}", path.display())]
    Write { path: PathBuf, cause: io::Error },
    #[error("whoever reads standard output has stopped reading")]
    NoReader,
    #[error("the workbook cannot be written: {0}")]
    Workbook(#[from] rust_xlsxwriter::XlsxError),
    #[error("\"{}\" is there by now", .0.display())]
    There(PathBuf),
}

/// What became of the file.
#[derive(Debug, Default)]
pub struct Written {
    /// Of the file; none of standard output.
    pub sha256: Option<String>,
    /// Texts that a spreadsheet would take for formulas, marked with an apostrophe.
    pub neutralised: u64,
    pub cut: Cut,
}

enum Writer {
    Csv(Box<CsvWriter>),
    Xlsx(Box<Gathered>),
    Jsonl(Box<dyn Write>),
}

pub struct Out {
    // Closed before its file goes away.
    writer: Writer,
    part: Option<Part>,
    /// Items go to where a person reads them.
    terminal: bool,
    target: PathBuf,
    force: bool,
    dialect: Dialect,
    neutralised: u64,
}

impl Out {
    pub fn create(place: &Place, shape: &Shape) -> Result<Out, ExportError> {
        let target = place.file.clone().unwrap_or_else(|| PathBuf::from("-"));
        let unwritable = |cause| ExportError::Write { path: target.clone(), cause };
        // An unwritable place is told before anything is read.
        let (part, file) = place.file.as_deref().map(Part::create).transpose().map_err(unwritable)?.unzip();
        let dialect = shape.dialect();
        let writer = match (place.format, file) {
            (Format::Csv, Some(file)) => {
                let encoding = dialect.encoding.map(Encoding::name);
                let mut csv = CsvWriter::new(file, encoding, dialect.bom, dialect.delimiter).map_err(unwritable)?;
                // What stood above the titles is not known, only how much of it.
                for _ in 1..dialect.header_row {
                    csv.write_row([""]).map_err(unwritable)?;
                }
                csv.write_row(shape.titles()).map_err(unwritable)?;
                Writer::Csv(Box::new(csv))
            }
            (Format::Xlsx, Some(file)) => {
                Writer::Xlsx(Box::new(Gathered::new(&target, file, shape).map_err(unwritable)?))
            }
            (Format::Jsonl, Some(file)) => Writer::Jsonl(Box::new(BufWriter::new(file))),
            // Standard output takes nothing else.
            (_, None) => Writer::Jsonl(Box::new(BufWriter::new(io::stdout()))),
        };
        let terminal = part.is_none() && io::stdout().is_terminal();
        Ok(Out { writer, part, terminal, target, force: place.force, dialect, neutralised: 0 })
    }

    /// A row of a table.
    pub fn row(&mut self, cells: Vec<Cell>) -> Result<(), ExportError> {
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
                rows.take(&cells).map_err(|cause| ExportError::Write { path: self.target.clone(), cause })
            }
            // These have items and no cells.
            Writer::Jsonl(_) => Ok(()),
        }
    }

    /// An item as it came.
    pub fn line(&mut self, item: &RawValue) -> Result<(), ExportError> {
        let Writer::Jsonl(lines) = &mut self.writer else { return Ok(()) };
        // As it came, on one line: between the texts of JSON a line break means nothing, and within them there is none.
        let mut written = Ok(());
        let item = if self.terminal { visible(item.get()) } else { Cow::Borrowed(item.get()) };
        for part in item.split(['\n', '\r']) {
            written = written.and_then(|()| lines.write_all(part.as_bytes()));
        }
        let written = written.and_then(|()| lines.write_all(b"\n"));
        written.map_err(|cause| unwritten(&self.target, cause))
    }

    /// Puts the file in its place.
    pub fn finish(self) -> Result<Written, ExportError> {
        let target = self.target;
        let unwritable = |cause| unwritten(&target, cause);
        let mut written = Written { neutralised: self.neutralised, ..Written::default() };
        match self.writer {
            Writer::Csv(csv) => csv.finish().map_err(unwritable)?,
            Writer::Jsonl(mut lines) => lines.flush().map_err(unwritable)?,
            Writer::Xlsx(rows) => {
                written.cut = rows.save().map_err(|error| match error {
                    GatherError::Spool(cause) => unwritable(cause),
                    GatherError::Workbook(error) => ExportError::Workbook(error),
                })?;
            }
        }
        let Some(part) = self.part else { return Ok(written) };
        written.sha256 = Some(sha256(&part.path).map_err(unwritable)?);
        if !self.force && private::is_there(&target) {
            return Err(ExportError::There(target));
        }
        // The proof of an earlier export says nothing of this file, whose own is written when it stands there.
        match std::fs::remove_file(Manifest::beside(&target)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(unwritable(error)),
            _ => {}
        }
        let put = if self.force { part.replace(&target) } else { part.put(&target) };
        put.map_err(unwritable)?;
        Ok(written)
    }
}

fn unwritten(target: &Path, cause: io::Error) -> ExportError {
    // `| head` is satisfied; nothing is wrong with the disk.
    if target == Path::new("-") && cause.kind() == io::ErrorKind::BrokenPipe {
        return ExportError::NoReader;
    }
    ExportError::Write { path: target.to_owned(), cause }
}

/// Spreadsheets take texts that begin like this for formulas, and a formula may send data away. An import takes the mark away, and
/// so a text that begins with one is marked as well.
fn neutral(cell: &Cell, dialect: &Dialect) -> (String, bool) {
    let text = match cell {
        Cell::Number(number) => dialect.number(*number),
        other => other.text(),
    };
    let Cell::Text(_) = cell else { return (text, false) };
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        return (format!("'{text}"), true);
    }
    match with_apostrophe(&text) {
        Some(marked) => (marked, true),
        None => (text, false),
    }
}

/// Of what lies on the disk, which is made sure of first.
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
        for (cell, told) in [
            (Cell::Text("=1+1".into()), "'=1+1"),
            (Cell::Text("+7 900".into()), "'+7 900"),
            (Cell::Text("-x".into()), "'-x"),
            (Cell::Text("@SUM".into()), "'@SUM"),
            (Cell::Text("\t=1".into()), "'\t=1"),
            (Cell::Text("'=1".into()), "''=1"),
            (Cell::Text("1=1".into()), "1=1"),
            (Cell::Number(Decimal::new(-5, 0)), "-5"),
            (Cell::Empty, ""),
        ] {
            assert_eq!(neutral(&cell, &Dialect::default()), (told.to_owned(), told.starts_with('\'')), "{cell:?}");
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
