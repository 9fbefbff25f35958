//! The open table: a source of any kind, with its layout and header, and its rows one after the other.

use super::ahead::{Ahead, mark_again};
use super::cell::{ROW_CUT, Row, Scalar, Seen};
use super::csv_in::{self, CsvIn, SAMPLE_BYTES};
use super::fingerprint::{Fingerprint, Tap};
use super::header::{Found, Header, REJECTS_OF_CSV};
use super::input::Input;
use super::kind;
use super::layout::{BeyondAscii, Format, HiddenRows, Layout, ReadOptions};
use super::row_hash::{Hashed, RowHasher};
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
    /// Of a table without a header: its first row, which was read to learn its width.
    first: Option<Row>,
    /// Of a workbook of rejected rows: the row after the last one, which was read to see whether both are pieces of one.
    carried: Option<Row>,
    /// Some rows at the beginning.
    sample: Arc<[Row]>,
    fill: Vec<Filled>,
    /// Columns beyond the last title that are named by their letters.
    letters: Vec<usize>,
    /// The row before, as Excel shows it.
    last: u32,
    /// Rows with cells beyond the header, and rows that are shorter: how many, and the first of them.
    long_rows: (u32, u32),
    short_rows: (u32, u32),
    /// What was said of it, while its encoding is open.
    asked: Option<Box<ReadOptions>>,
    /// Where the hashes of its rows go.
    hashing: Option<(RowHasher, Hashed)>,
}

/// A column in which an empty cell has the value of the one above it.
struct Filled {
    column: usize,
    text: String,
    value: Scalar,
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
        Table::with_header(path, Rows::Sheet(Box::new(sheet)), layout, Arc::new(source), options)
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
        let mut table = Table::with_header(path, Rows::Csv(Box::new(csv)), layout, source, options)?;
        table.asked = table.layout.encoding_open.then(|| Box::new(options.clone()));
        Ok(table)
    }

    /// The same table, once all bytes have been seen, where these have a say in its encoding.
    pub fn judged(&self, fingerprint: &Fingerprint) -> Result<Option<Table>, Problem> {
        let (Some(asked), Some(evidence)) = (&self.asked, &fingerprint.beyond_ascii) else { return Ok(None) };
        let options = ReadOptions { beyond_ascii: BeyondAscii::Found(Box::new(evidence.clone())), ..(**asked).clone() };
        Table::open(Path::new(&self.source.file), &options).map(Some)
    }

    /// True where both give the same rows of one file.
    pub fn reads_like(&self, other: &Table) -> bool {
        let how = |layout: &Layout| (layout.encoding, layout.delimiter, layout.header_row);
        how(&self.layout) == how(&other.layout)
    }

    fn with_header(
        path: &Path,
        rows: Rows,
        layout: Layout,
        source: Arc<Source>,
        options: &ReadOptions,
    ) -> Result<Table, Problem> {
        let sample = layout.sample.clone();
        let mut table = Table {
            layout,
            header: Header::default(),
            rows,
            source,
            first: None,
            carried: None,
            hashing: None,
            sample,
            fill: Vec::new(),
            letters: Vec::new(),
            last: 0,
            long_rows: (0, 0),
            short_rows: (0, 0),
            asked: None,
        };
        match options.header_row {
            Some(0) => table.without_header(path)?,
            Some(_) | None => table.read_header(path)?,
        }
        let column = |title: &String| match table.header.find(title) {
            Found::One(column) => Some(Filled { column, text: String::new(), value: Scalar::Empty }),
            // Whoever compiles the mapping tells it.
            Found::Many(_) | Found::None => None,
        };
        let letter = |title: &String| match table.header.find(title) {
            Found::One(index) => Some(index),
            Found::Many(_) | Found::None => None,
        };
        table.letters = options.titles.iter().filter_map(letter).filter(|index| *index >= table.header.len()).collect();
        // In a reject file the values have been carried down already, and the rows above are others.
        if !table.header.is_of_rejects() {
            table.fill = table.layout.fill_down.iter().filter_map(column).collect();
        }
        Ok(table)
    }

    /// A workbook of rejected rows that came from a CSV.
    pub fn is_rejects_of_csv(&self) -> bool {
        self.header.is_of_rejects() && self.layout.sheet.as_deref() == Some(REJECTS_OF_CSV)
    }

    /// For whoever will read to the end and has much to do with each row: from here on the rows are read by another thread.
    pub fn read_ahead(mut self) -> Result<Table, Problem> {
        self.rows = match self.rows {
            Rows::Csv(csv) => {
                let file = Path::new(&self.source.file);
                Rows::Ahead(Box::new(Ahead::start(*csv, &self.header, self.layout.cut_rows, file)?))
            }
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
            let titles = row.iter().map(|cell| cell.text.to_owned());
            self.header = if self.layout.two_rows { Header::of_two_rows(titles) } else { Header::new(titles) };
            return Ok(());
        }
        if wanted == 0 {
            return Err(csv_in::empty(path));
        }
        let message = match last {
            0 => message!("row {row} should be the header, but the table ends before it", row = wanted),
            last => message!("row {row} should be the header, but the table ends in row {last}", row = wanted, last),
        };
        Err(Problem::in_file(path, "header-row", message).hint("check the number of the header row"))
    }

    /// The first row is one of the table; it says how wide that is.
    fn without_header(&mut self, path: &Path) -> Result<(), Problem> {
        let mut row = Row::default();
        if !self.read_filled(&mut row)? {
            return Err(csv_in::empty(path));
        }
        self.header = Header::without_titles(row.len());
        self.layout.header_row = 0;
        self.first = Some(row);
        Ok(())
    }

    /// Fills `row` with the next row that isn't blank; false at the end. After a problem with the code `encoding` the
    /// next row may still be read; any other ends the table, and comes again.
    pub fn read(&mut self, row: &mut Row) -> Result<bool, Problem> {
        if self.first.is_some() {
            *row = self.first.take().unwrap_or_default();
        } else if !self.read_uncut(row)? {
            return Ok(false);
        }
        if self.header.is_of_rejects() {
            row.unguard();
        }
        self.look(row);
        if !self.fill.is_empty() {
            self.fill_down(row);
        }
        if let Some((hasher, hashed)) = &self.hashing {
            hashed.push(row.number, hasher.hash(row));
        }
        Ok(true)
    }

    /// Keeps the hashes of the rows that are read from now on.
    pub fn hash_rows(&mut self) -> Hashed {
        let hashed = Hashed::default();
        self.hashing = Some((RowHasher::new(&self.header), hashed.clone()));
        hashed
    }

    /// Carries values down to the row; never across a blank row, or one that is no record.
    fn fill_down(&mut self, row: &mut Row) {
        let apart = row.is_sum || !matches!(row.seen, Seen::Plain | Seen::Hidden);
        if apart || row.number > self.last + 1 {
            self.fill.iter_mut().for_each(|filled| filled.value = Scalar::Empty);
        }
        self.last = row.number;
        for filled in self.fill.iter_mut().filter(|_| !apart) {
            let cell = row.get(filled.column);
            if !cell.is_empty() {
                filled.text.clear();
                filled.text.push_str(cell.text);
                filled.value = cell.value;
            } else if filled.value != Scalar::Empty {
                row.put(filled.column, &filled.text, filled.value);
            }
        }
    }

    /// As `read_filled`; in a workbook of rejected rows, the pieces of a cut row are known again, as `ahead` knows them in a CSV.
    fn read_uncut(&mut self, row: &mut Row) -> Result<bool, Problem> {
        match self.carried.take() {
            Some(carried) => *row = carried,
            None if !self.read_filled(row)? => return Ok(false),
            None => {}
        }
        if matches!(self.rows, Rows::Sheet(_)) && self.header.code_of(row) == ROW_CUT {
            let mut next = Row::default();
            if self.read_filled(&mut next)? {
                mark_again(row, &mut next, &self.header);
                self.carried = Some(next);
            }
        }
        Ok(true)
    }

    fn read_filled(&mut self, row: &mut Row) -> Result<bool, Problem> {
        while self.read_any(row)? {
            if !row.is_blank() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// What the row as a whole is, beside its cells.
    fn look(&mut self, row: &mut Row) {
        let width = self.header.len();
        let beyond = |index: usize| !row.get(index).is_empty() && !self.letters.contains(&index);
        if row.len() > width && (width..row.len()).any(beyond) {
            count(&mut self.long_rows, row.number);
        }
        if row.len() < width && self.layout.format == Format::Csv {
            count(&mut self.short_rows, row.number);
        }
        if !matches!(self.rows, Rows::Ahead(_)) {
            row.look(&self.header);
        }
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

    /// Some rows at the beginning, below the header: enough to see what is usual in it.
    pub fn sample(&self) -> Arc<[Row]> {
        Arc::clone(&self.sample)
    }

    /// What is worth knowing and no problem; complete once `read` has given false.
    pub fn notes(&self) -> Vec<Note> {
        let mut notes = self.layout.notes.clone();
        let hidden = self.layout.hidden;
        // Those that are left out are counted by whoever leaves them out.
        if hidden.rows > 0 && self.layout.hidden_rows != Some(HiddenRows::Skip) {
            let message = match self.layout.hidden_rows {
                Some(HiddenRows::Import) => message!("{hidden}; read all the same", hidden = hidden.message()),
                _ => hidden.message(),
            };
            notes.push(Note::new("hidden-rows", message).count(hidden.rows.into()));
        }
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
        let (count, row) = self.short_rows;
        let message = match count {
            0 => None,
            1 => Some(message!("row {row} has fewer cells than the header", row)),
            _ => Some(message!("{count} rows have fewer cells than the header, the first is row {row}", count, row)),
        };
        notes.extend(message.map(|message| Note::new("short-rows", message).count(count.into())));
        if let Rows::Sheet(sheet) = &self.rows {
            notes.extend_from_slice(sheet.notes());
        }
        notes
    }
}

/// One more of a kind of rows, of which the first is told.
fn count((count, first): &mut (u32, u32), row: u32) {
    *count += 1;
    if *count == 1 {
        *first = row;
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
