//! The open table: a source of any kind, with its layout and header, and its rows one after the other.

use super::ahead::Ahead;
use super::cell::Row;
use super::csv_in::{self, CsvIn, SAMPLE_BYTES};
use super::fingerprint::{Fingerprint, Tap};
use super::header::Header;
use super::input::Input;
use super::kind;
use super::layout::{Format, Layout, ReadOptions};
use super::sheet_in::{self, SheetIn};
use crate::message;
use crate::problem::{Note, Place, Problem, Source};
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;

/// An open source. It is read once, front to back, and can be moved to another thread.
pub struct Table {
    pub layout: Layout,
    pub header: Header,
    rows: Rows,
    source: Arc<Source>,
    /// Rows with cells beyond the header: how many, and the first of them.
    long_rows: (u32, u32),
}

enum Rows {
    Csv(Box<CsvIn>),
    Ahead(Box<Ahead>),
    Sheet(Box<SheetIn>),
}

/// A workbook of which all bytes are wanted is held in memory while it is read, up to this size; a larger one is read twice.
/// It is as much as its shared strings may take.
const WORKBOOK_IN_MEMORY_MAX: u64 = 64 << 20;

/// The reading of a whole file, beside the table that takes its rows.
pub enum Reading {
    Tapped(Tap),
    Done(Box<Fingerprint>),
}

impl Reading {
    /// Once the table has been read as far as it is wanted; reads the rest.
    pub fn finish(self, path: &Path) -> Result<Fingerprint, Problem> {
        match self {
            Reading::Tapped(tap) => tap.finish().map_err(|error| kind::unreadable(path, &error)),
            Reading::Done(fingerprint) => Ok(*fingerprint),
        }
    }
}

impl Table {
    /// Opens a file and finds out all that is needed to read it; what the person did not say is guessed.
    pub fn open(path: &Path, options: &ReadOptions) -> Result<Table, Problem> {
        let unreadable = |error: io::Error| kind::unreadable(path, &error);
        let mut file = File::open(path).map_err(unreadable)?;
        let start = sample(&mut file).map_err(unreadable)?;
        let mut input = Input::File(file.try_clone().map_err(unreadable)?);
        match kind::by_content(path, &mut input, &start)? {
            Some(format) => Table::of_workbook(path, input, format, options),
            None => Table::of_text(path, Box::new(file), start, options),
        }
    }

    /// Opens a file of which every byte is wanted for its fingerprint, so that it is read once for both.
    pub fn open_for_all(path: &Path, options: &ReadOptions) -> Result<(Table, Reading), Problem> {
        let unreadable = |error: io::Error| kind::unreadable(path, &error);
        let file = File::open(path).map_err(unreadable)?;
        let length = file.metadata().map_or(0, |metadata| metadata.len());
        let mut tap = Tap::new(file.try_clone().map_err(unreadable)?);
        let start = sample(&mut tap).map_err(unreadable)?;
        if !kind::is_packed(&start) {
            let mut input = Input::File(file);
            // What is neither packed nor refused is text.
            kind::by_content(path, &mut input, &start)?;
            let table = Table::of_text(path, Box::new(tap.clone()), start, options)?;
            return Ok((table, Reading::Tapped(tap)));
        }
        // The parts of a workbook are read in an order of their own.
        let (mut input, fingerprint) = if length <= WORKBOOK_IN_MEMORY_MAX {
            let mut bytes = start.clone();
            tap.read_to_end(&mut bytes).map_err(unreadable)?;
            (Input::memory(bytes), tap.finish())
        } else {
            (Input::File(File::open(path).map_err(unreadable)?), tap.finish())
        };
        let fingerprint = fingerprint.map_err(unreadable)?;
        match kind::by_content(path, &mut input, &start)? {
            Some(format) => {
                Ok((Table::of_workbook(path, input, format, options)?, Reading::Done(Box::new(fingerprint))))
            }
            None => Table::of_text(path, Box::new(input), Vec::new(), options)
                .map(|table| (table, Reading::Done(Box::new(fingerprint)))),
        }
    }

    fn of_workbook(path: &Path, input: Input, format: Format, options: &ReadOptions) -> Result<Table, Problem> {
        let (sheet, layout) = sheet_in::open(path, input, format, options)?;
        let source = Source { file: path.display().to_string(), sheet: layout.sheet.clone() };
        Table::with_header(path, Rows::Sheet(Box::new(sheet)), layout, Arc::new(source))
    }

    /// `rest` follows on `start`.
    fn of_text(
        path: &Path,
        rest: Box<dyn Read + Send>,
        start: Vec<u8>,
        options: &ReadOptions,
    ) -> Result<Table, Problem> {
        if start.is_empty() {
            return Err(csv_in::empty(path));
        }
        let source = Arc::new(Source { file: path.display().to_string(), sheet: None });
        let (csv, layout) = csv_in::open(path, rest, start, options, source.clone())?;
        Table::with_header(path, Rows::Csv(Box::new(csv)), layout, source)
    }

    fn with_header(path: &Path, rows: Rows, layout: Layout, source: Arc<Source>) -> Result<Table, Problem> {
        let mut table = Table { layout, header: Header::default(), rows, source, long_rows: (0, 0) };
        table.read_header(path)?;
        Ok(table)
    }

    /// For whoever will read to the end and has much to do with each row: from here on the rows are read by another thread.
    pub fn read_ahead(mut self) -> Result<Table, Problem> {
        self.rows = match self.rows {
            Rows::Csv(csv) => Rows::Ahead(Box::new(Ahead::start(*csv, Path::new(&self.source.file))?)),
            ahead @ (Rows::Ahead(_) | Rows::Sheet(_)) => ahead,
        };
        Ok(self)
    }

    fn read_header(&mut self, path: &Path) -> Result<(), Problem> {
        let wanted = self.layout.header_row;
        let mut row = Row::default();
        let mut last = 0;
        while self.read_any(&mut row)? {
            if row.number < wanted || row.is_blank() {
                last = row.number;
                continue;
            }
            if wanted != 0 && row.number > wanted {
                let message = message!("row {row} should be the header, but it is blank", row = wanted);
                let hint = message!("the next row with anything in it is row {row}", row = row.number);
                return Err(Problem::in_file(path, "header-row", message).hint(hint));
            }
            self.layout.header_row = row.number;
            self.header = Header::new(row.iter().map(|cell| cell.text.to_owned()));
            return Ok(());
        }
        if wanted == 0 {
            return Err(csv_in::empty(path));
        }
        let message = message!("row {row} should be the header, but the table ends in row {last}", row = wanted, last);
        Err(Problem::in_file(path, "header-row", message).hint("check the number of the header row"))
    }

    /// Fills `row` with the next row that isn't blank; false at the end. After a problem with the code `encoding` the
    /// next row may still be read; any other ends the table, and comes again.
    pub fn read(&mut self, row: &mut Row) -> Result<bool, Problem> {
        while self.read_any(row)? {
            if row.is_blank() {
                continue;
            }
            let width = self.header.len();
            if row.len() > width && (width..row.len()).any(|index| !row.get(index).is_empty()) {
                self.long_rows.0 += 1;
                if self.long_rows.0 == 1 {
                    self.long_rows.1 = row.number;
                }
            }
            return Ok(true);
        }
        Ok(false)
    }

    fn read_any(&mut self, row: &mut Row) -> Result<bool, Problem> {
        let read = match &mut self.rows {
            Rows::Csv(csv) => csv.read(row),
            Rows::Ahead(ahead) => ahead.read(row),
            Rows::Sheet(sheet) => sheet.read(row),
        };
        read.map_err(|problem| self.with_title(problem))
    }

    /// The readers know a column's letter only; its title stands in the header.
    fn with_title(&self, mut problem: Problem) -> Problem {
        if let Place::Cell { column: Some(column), .. } = &mut problem.place {
            *column = self.header.column(column.index);
        }
        problem
    }

    /// The file as named and the sheet, for the places of problems.
    pub fn source(&self) -> Arc<Source> {
        self.source.clone()
    }

    /// What is worth knowing and no problem; complete once `read` has given false.
    pub fn notes(&self) -> Vec<Note> {
        let mut notes = self.layout.notes.clone();
        let (count, row) = self.long_rows;
        let message = match count {
            0 => None,
            1 => Some(message!("row {row} has cells beyond the last column of the header", row)),
            _ => Some(message!(
                "{count} rows have cells beyond the last column of the header, the first is row {row}",
                count,
                row
            )),
        };
        notes.extend(message.map(|message| Note::new("cells-beyond-header", message).count(count.into())));
        if let Rows::Sheet(sheet) = &self.rows {
            notes.extend_from_slice(sheet.notes());
        }
        notes
    }
}

/// What tells formats apart: of text as much as tells its layout, of everything else the first bytes.
fn sample(input: &mut impl Read) -> io::Result<Vec<u8>> {
    const FIRST_BYTES: usize = 64;
    let mut start = Vec::new();
    input.take(FIRST_BYTES as u64).read_to_end(&mut start)?;
    if !kind::is_packed(&start) {
        input.take((SAMPLE_BYTES - start.len()) as u64).read_to_end(&mut start)?;
    }
    Ok(start)
}

const _: () = {
    // A table is moved to the thread that reads it.
    const fn is_send<T: Send>() {}
    is_send::<Table>();
};
