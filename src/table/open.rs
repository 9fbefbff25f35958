//! The open table: a source of any kind, with its layout and header, and its rows one after the other.

use super::ahead::Ahead;
use super::cell::Row;
use super::csv_in::{self, CsvIn, SAMPLE_BYTES};
use super::header::Header;
use super::kind;
use super::layout::{Layout, ReadOptions};
use super::sheet_in::{self, SheetIn};
use crate::message;
use crate::problem::{Place, Problem, Source};
use std::fs::File;
use std::io::Read;
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

impl Table {
    /// Opens a file and finds out all that is needed to read it; what the person did not say is guessed.
    pub fn open(path: &Path, options: &ReadOptions) -> Result<Table, Problem> {
        let mut file = File::open(path).map_err(|error| kind::unreadable(path, &error))?;
        let mut start = Vec::new();
        let sample = (&mut file).take(SAMPLE_BYTES as u64);
        std::io::BufReader::new(sample).read_to_end(&mut start).map_err(|error| kind::unreadable(path, &error))?;
        if start.is_empty() {
            return Err(csv_in::empty(path));
        }
        let (rows, layout, source) = match kind::by_content(path, &mut file, &start)? {
            Some(format) => {
                let (sheet, layout) = sheet_in::open(path, file, format, options)?;
                let source = Source { file: path.display().to_string(), sheet: layout.sheet.clone() };
                (Rows::Sheet(Box::new(sheet)), layout, Arc::new(source))
            }
            None => {
                let source = Arc::new(Source { file: path.display().to_string(), sheet: None });
                let (csv, layout) = csv_in::open(path, file, start, options, source.clone())?;
                (Rows::Csv(Box::new(csv)), layout, source)
            }
        };
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

    /// Things worth telling that are no problems; complete once `read` has given false.
    pub fn notes(&self) -> Vec<String> {
        let mut notes = self.layout.notes.clone();
        match self.long_rows {
            (0, _) => {}
            (1, row) => notes.push(format!("row {row} has cells beyond the last column of the header")),
            (count, row) => {
                notes.push(format!(
                    "{count} rows have cells beyond the last column of the header, the first is row {row}"
                ));
            }
        }
        if let Rows::Sheet(sheet) = &self.rows {
            notes.extend_from_slice(sheet.notes());
        }
        notes
    }
}

const _: () = {
    // A table is moved to the thread that reads it.
    const fn is_send<T: Send>() {}
    is_send::<Table>();
};
