//! The open table: its layout, its header, and its rows one by one, for a source of any kind.

use crate::cell::Scalar;
use crate::csv::ahead::{ReadAhead, mark_again};
use crate::csv::reader::{self, CsvReader, SAMPLE_BYTES};
use crate::file::fingerprint::{Fingerprint, Tap};
use crate::file::input::SourceFile;
use crate::file::kind;
use crate::file::layout::{BeyondAscii, FileFormat, HiddenRows, Layout, ReadOptions};
use crate::message;
use crate::problem::{Note, Place, Problem, Source};
use crate::row::hash::{Hashed, RowHasher};
use crate::row::header::{ColumnMatch, Header, REJECTS_OF_CSV};
use crate::row::{ROW_CUT, Row, RowKind};
use crate::workbook::rows::{self, SheetReader};
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;

/// An open source. It is read once, front to back, and can be moved to another thread.
pub struct Table {
    pub layout: Layout,
    pub header: Header,
    rows: RowReader,
    source: Arc<Source>,
    /// Of a table without a header: its first row, which was read to learn its width.
    first: Option<Row>,
    /// Of a workbook of rejected rows: the row after the last one, which was read to see whether both are pieces of one.
    carried: Option<Row>,
    /// Some rows at the beginning.
    sample: Arc<[Row]>,
    fill: Vec<FillDownColumn>,
    /// Columns beyond the last title that are named by their letters.
    letters: Vec<usize>,
    /// The row before, as Excel shows it.
    last: u32,
    /// Rows with cells beyond the header, and rows shorter than it: how many, and the first of them.
    long_rows: (u32, u32),
    short_rows: (u32, u32),
    /// The options it was opened with, while its encoding is undecided.
    asked: Option<Box<ReadOptions>>,
    /// Receives the hashes of its rows.
    hashing: Option<(RowHasher, Hashed)>,
}

/// A column in which an empty cell has the value of the one above it.
struct FillDownColumn {
    column: usize,
    text: String,
    value: Scalar,
}

enum RowReader {
    Csv(Box<CsvReader>),
    ReadAhead(Box<ReadAhead>),
    Sheet(Box<SheetReader>),
}

/// Largest workbook held in memory when its fingerprint is needed too; a larger one is read twice. In bytes; as much as
/// shared strings may take.
const WORKBOOK_IN_MEMORY_MAX: u64 = 64 << 20;

/// The fingerprint of a file whose rows a table reads at the same time.
pub enum PendingFingerprint {
    Tapped(Tap),
    Done(Box<Fingerprint>),
}

impl PendingFingerprint {
    /// Once the table has been read as far as it is wanted; reads the rest.
    pub fn finish(self, path: &Path) -> Result<Fingerprint, Problem> {
        match self {
            PendingFingerprint::Tapped(tap) => tap.finish().map_err(|error| kind::unreadable(path, &error)),
            PendingFingerprint::Done(fingerprint) => Ok(*fingerprint),
        }
    }
}

impl Table {
    /// Opens a file. What `options` leave open is guessed.
    ///
    /// # Errors
    /// A problem with the whole file: missing, not a table, damaged, too large, empty, or an option that does not fit.
    pub fn open(path: &Path, options: &ReadOptions) -> Result<Table, Problem> {
        let unreadable = |error: io::Error| kind::unreadable(path, &error);
        let mut file = File::open(path).map_err(unreadable)?;
        let start = sample(&mut file).map_err(unreadable)?;
        let mut input = SourceFile::File(file.try_clone().map_err(unreadable)?);
        match kind::by_content(path, &mut input, &start)? {
            Some(format) => Table::of_workbook(path, input, format, options),
            None => Table::of_text(path, Box::new(file), start, options),
        }
    }

    /// Opens a file and computes its fingerprint in the same pass.
    pub fn open_for_all(path: &Path, options: &ReadOptions) -> Result<(Table, PendingFingerprint), Problem> {
        let unreadable = |error: io::Error| kind::unreadable(path, &error);
        let file = File::open(path).map_err(unreadable)?;
        let length = file.metadata().map_or(0, |metadata| metadata.len());
        let mut tap = Tap::new(file.try_clone().map_err(unreadable)?);
        let start = sample(&mut tap).map_err(unreadable)?;
        if !kind::is_packed(&start) {
            let mut input = SourceFile::File(file);
            // What is neither packed nor refused is text.
            kind::by_content(path, &mut input, &start)?;
            let table = Table::of_text(path, Box::new(tap.clone()), start, options)?;
            return Ok((table, PendingFingerprint::Tapped(tap)));
        }
        // The parts of a workbook are read in an order of their own.
        let (mut input, fingerprint) = if length <= WORKBOOK_IN_MEMORY_MAX {
            let mut bytes = start.clone();
            tap.read_to_end(&mut bytes).map_err(unreadable)?;
            (SourceFile::memory(bytes), tap.finish())
        } else {
            (SourceFile::File(File::open(path).map_err(unreadable)?), tap.finish())
        };
        let fingerprint = fingerprint.map_err(unreadable)?;
        match kind::by_content(path, &mut input, &start)? {
            Some(format) => {
                Ok((Table::of_workbook(path, input, format, options)?, PendingFingerprint::Done(Box::new(fingerprint))))
            }
            None => Table::of_text(path, Box::new(input), Vec::new(), options)
                .map(|table| (table, PendingFingerprint::Done(Box::new(fingerprint)))),
        }
    }

    fn of_workbook(
        path: &Path,
        input: SourceFile,
        format: FileFormat,
        options: &ReadOptions,
    ) -> Result<Table, Problem> {
        let (sheet, layout) = rows::open(path, input, format, options)?;
        Table::with_header(path, RowReader::Sheet(Box::new(sheet)), layout, options)
    }

    /// `rest` follows on `start`.
    fn of_text(
        path: &Path,
        rest: Box<dyn Read + Send>,
        start: Vec<u8>,
        options: &ReadOptions,
    ) -> Result<Table, Problem> {
        if start.is_empty() {
            return Err(kind::empty(path));
        }
        let (csv, layout) = reader::open(path, rest, start, options)?;
        let mut table = Table::with_header(path, RowReader::Csv(Box::new(csv)), layout, options)?;
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

    fn with_header(path: &Path, rows: RowReader, layout: Layout, options: &ReadOptions) -> Result<Table, Problem> {
        let source = Source { file: path.display().to_string(), sheet: layout.sheet.clone() };
        let sample = layout.sample.clone();
        let mut table = Table {
            layout,
            header: Header::default(),
            rows,
            source: Arc::new(source),
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
            ColumnMatch::One(column) => Some(FillDownColumn { column, text: String::new(), value: Scalar::Empty }),
            // Whoever compiles the mapping tells it.
            ColumnMatch::Many(_) | ColumnMatch::None => None,
        };
        let letter = |title: &String| match table.header.find(title) {
            ColumnMatch::One(index) => Some(index),
            ColumnMatch::Many(_) | ColumnMatch::None => None,
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
            RowReader::Csv(csv) => {
                let file = Path::new(&self.source.file);
                RowReader::ReadAhead(Box::new(ReadAhead::start(*csv, &self.header, self.layout.cut_rows, file)?))
            }
            ahead @ (RowReader::ReadAhead(_) | RowReader::Sheet(_)) => ahead,
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
            return Err(kind::empty(path));
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
            return Err(kind::empty(path));
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
        let apart = row.is_sum || !matches!(row.seen, RowKind::Plain | RowKind::Hidden);
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
        if matches!(self.rows, RowReader::Sheet(_)) && self.header.code_of(row) == ROW_CUT {
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
        if row.len() < width && self.layout.format == FileFormat::Csv {
            count(&mut self.short_rows, row.number);
        }
        if !matches!(self.rows, RowReader::ReadAhead(_)) {
            self.header.classify(row);
        }
    }

    fn read_any(&mut self, row: &mut Row) -> Result<bool, Problem> {
        let read = match &mut self.rows {
            RowReader::Csv(csv) => csv.read(row),
            RowReader::ReadAhead(ahead) => ahead.read(row),
            RowReader::Sheet(sheet) => sheet.read(row),
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
        if let RowReader::Sheet(sheet) = &self.rows {
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
