//! The open table: its layout, its header, and its rows one by one, for a source of any kind.

use crate::cell::Scalar;
use crate::csv::read_ahead::{ReadAhead, restore_cut_marks};
use crate::csv::reader::{self, CsvReader, SAMPLE_BYTES};
use crate::file::fingerprint::{Fingerprint, HashingReader};
use crate::file::input::SourceFile;
use crate::file::layout::{EncodingScan, FileFormat, HiddenRows, Layout, ReadOptions};
use crate::file::{detect, error};
use crate::message;
use crate::problem::{Note, Place, Problem, Source};
use crate::row::hash::{RowHasher, SharedRowHashes};
use crate::row::header::{CSV_REJECTS_SHEET, ColumnMatch, Header};
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
    lookahead: Option<Row>,
    /// Some rows at the beginning.
    sample: Arc<[Row]>,
    fill: Vec<FillDownColumn>,
    /// Columns beyond the last title that are named by their letters.
    lettered_columns: Vec<usize>,
    /// The row before, as Excel shows it.
    last: u32,
    /// Rows with cells beyond the header, and rows shorter than it: how many, and the first of them.
    long_rows: (u32, u32),
    short_rows: (u32, u32),
    /// The options it was opened with, while its encoding is undecided.
    options_until_judged: Option<Box<ReadOptions>>,
    /// Receives the hashes of its rows.
    hasher: Option<(RowHasher, SharedRowHashes)>,
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
    Reading(HashingReader),
    Done(Box<Fingerprint>),
}

impl PendingFingerprint {
    /// Once the table has been read as far as it is wanted; reads the rest.
    pub fn finish(self, path: &Path) -> Result<Fingerprint, Problem> {
        match self {
            PendingFingerprint::Reading(input_hasher) => {
                input_hasher.finish().map_err(|error| error::io_problem(path, &error))
            }
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
        let unreadable = |error: io::Error| error::io_problem(path, &error);
        let mut file = File::open(path).map_err(unreadable)?;
        let start = read_sample(&mut file).map_err(unreadable)?;
        let mut input = SourceFile::File(file.try_clone().map_err(unreadable)?);
        match detect::detect_format(path, &mut input, &start)? {
            Some(format) => Table::open_workbook(path, input, format, options),
            None => Table::open_text(path, Box::new(file), start, options),
        }
    }

    /// Opens a file and computes its fingerprint in the same pass.
    pub fn open_with_fingerprint(path: &Path, options: &ReadOptions) -> Result<(Table, PendingFingerprint), Problem> {
        let unreadable = |error: io::Error| error::io_problem(path, &error);
        let file = File::open(path).map_err(unreadable)?;
        let length = file.metadata().map_or(0, |metadata| metadata.len());
        let mut input_hasher = HashingReader::new(file.try_clone().map_err(unreadable)?);
        let start = read_sample(&mut input_hasher).map_err(unreadable)?;
        if !detect::is_container(&start) {
            let mut input = SourceFile::File(file);
            // What is neither packed nor refused is text.
            detect::detect_format(path, &mut input, &start)?;
            let table = Table::open_text(path, Box::new(input_hasher.clone()), start, options)?;
            return Ok((table, PendingFingerprint::Reading(input_hasher)));
        }
        // The parts of a workbook are read in an order of their own.
        let (mut input, fingerprint) = if length <= WORKBOOK_IN_MEMORY_MAX {
            let mut bytes = start.clone();
            input_hasher.read_to_end(&mut bytes).map_err(unreadable)?;
            (SourceFile::memory(bytes), input_hasher.finish())
        } else {
            (SourceFile::File(File::open(path).map_err(unreadable)?), input_hasher.finish())
        };
        let fingerprint = fingerprint.map_err(unreadable)?;
        match detect::detect_format(path, &mut input, &start)? {
            Some(format) => Ok((
                Table::open_workbook(path, input, format, options)?,
                PendingFingerprint::Done(Box::new(fingerprint)),
            )),
            None => Table::open_text(path, Box::new(input), Vec::new(), options)
                .map(|table| (table, PendingFingerprint::Done(Box::new(fingerprint)))),
        }
    }

    fn open_workbook(
        path: &Path,
        input: SourceFile,
        format: FileFormat,
        options: &ReadOptions,
    ) -> Result<Table, Problem> {
        let (sheet, layout) = rows::open(path, input, format, options)?;
        Table::with_header(path, RowReader::Sheet(Box::new(sheet)), layout, options)
    }

    /// `rest` follows on `start`.
    fn open_text(
        path: &Path,
        rest: Box<dyn Read + Send>,
        start: Vec<u8>,
        options: &ReadOptions,
    ) -> Result<Table, Problem> {
        if start.is_empty() {
            return Err(error::empty_file(path));
        }
        let (csv, layout) = reader::open(path, rest, start, options)?;
        let mut table = Table::with_header(path, RowReader::Csv(Box::new(csv)), layout, options)?;
        table.options_until_judged = table.layout.encoding_undecided.then(|| Box::new(options.clone()));
        Ok(table)
    }

    /// The same table, once all bytes have been seen, where these have a say in its encoding.
    pub fn reopen_with_evidence(&self, fingerprint: &Fingerprint) -> Result<Option<Table>, Problem> {
        let (Some(options_until_judged), Some(evidence)) = (&self.options_until_judged, &fingerprint.encoding_scan)
        else {
            return Ok(None);
        };
        let options = ReadOptions {
            encoding_scan: EncodingScan::Known(Box::new(evidence.clone())),
            ..(**options_until_judged).clone()
        };
        Table::open(Path::new(&self.source.file), &options).map(Some)
    }

    /// True where both give the same rows of one file.
    pub fn same_layout(&self, other: &Table) -> bool {
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
            lookahead: None,
            hasher: None,
            sample,
            fill: Vec::new(),
            lettered_columns: Vec::new(),
            last: 0,
            long_rows: (0, 0),
            short_rows: (0, 0),
            options_until_judged: None,
        };
        match options.header_row {
            Some(0) => table.read_without_header(path)?,
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
        table.lettered_columns =
            options.titles.iter().filter_map(letter).filter(|index| *index >= table.header.len()).collect();
        // In a reject file the values have been carried down already, and the rows above are others.
        if !table.header.is_rejects() {
            table.fill = table.layout.fill_down.iter().filter_map(column).collect();
        }
        Ok(table)
    }

    /// A workbook of rejected rows that came from a CSV.
    pub fn is_csv_rejects(&self) -> bool {
        self.header.is_rejects() && self.layout.sheet.as_deref() == Some(CSV_REJECTS_SHEET)
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
                let hint = message!("the next row with data is row {row}", row = row.number);
                return Err(Problem::in_file(path, "header-row", message).hint(hint));
            }
            self.layout.header_row = row.number;
            let titles = row.iter().map(|cell| cell.text.to_owned());
            self.header = if self.layout.two_rows { Header::of_two_rows(titles) } else { Header::new(titles) };
            return Ok(());
        }
        if wanted == 0 {
            return Err(error::empty_file(path));
        }
        let message = match last {
            0 => message!("row {row} should be the header, but the table ends before it", row = wanted),
            last => message!("row {row} should be the header, but the table ends in row {last}", row = wanted, last),
        };
        Err(Problem::in_file(path, "header-row", message).hint("check the number of the header row"))
    }

    /// The first row is one of the table; it says how wide that is.
    fn read_without_header(&mut self, path: &Path) -> Result<(), Problem> {
        let mut row = Row::default();
        if !self.read_filled(&mut row)? {
            return Err(error::empty_file(path));
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
        } else if !self.read_next(row)? {
            return Ok(false);
        }
        if self.header.is_rejects() {
            row.unescape();
        }
        self.inspect(row);
        if !self.fill.is_empty() {
            self.fill_down(row);
        }
        if let Some((hasher, hashed)) = &self.hasher {
            hashed.push(row.number, hasher.hash(row));
        }
        Ok(true)
    }

    /// Keeps the hashes of the rows that are read from now on.
    pub fn hash_rows(&mut self) -> SharedRowHashes {
        let hashed = SharedRowHashes::default();
        self.hasher = Some((RowHasher::new(&self.header), hashed.clone()));
        hashed
    }

    /// Carries values down to the row; never across a blank row, or one that is no record.
    fn fill_down(&mut self, row: &mut Row) {
        let breaks_group = row.is_total || !matches!(row.kind, RowKind::Plain | RowKind::Hidden);
        if breaks_group || row.number > self.last + 1 {
            self.fill.iter_mut().for_each(|filled| filled.value = Scalar::Empty);
        }
        self.last = row.number;
        for filled in self.fill.iter_mut().filter(|_| !breaks_group) {
            let cell = row.get(filled.column);
            if !cell.is_empty() {
                filled.text.clear();
                filled.text.push_str(cell.text);
                filled.value = cell.value;
            } else if filled.value != Scalar::Empty {
                row.set(filled.column, &filled.text, filled.value);
            }
        }
    }

    /// As `read_filled`; in a workbook of rejected rows, the pieces of a cut row are known again, as `ahead` knows them in a CSV.
    fn read_next(&mut self, row: &mut Row) -> Result<bool, Problem> {
        match self.lookahead.take() {
            Some(lookahead) => *row = lookahead,
            None if !self.read_filled(row)? => return Ok(false),
            None => {}
        }
        if matches!(self.rows, RowReader::Sheet(_)) && self.header.reject_code(row) == ROW_CUT {
            let mut next = Row::default();
            if self.read_filled(&mut next)? {
                restore_cut_marks(row, &mut next, &self.header);
                self.lookahead = Some(next);
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
    fn inspect(&mut self, row: &mut Row) {
        let width = self.header.len();
        let beyond = |index: usize| !row.get(index).is_empty() && !self.lettered_columns.contains(&index);
        if row.len() > width && (width..row.len()).any(beyond) {
            count_row(&mut self.long_rows, row.number);
        }
        if row.len() < width && self.layout.format == FileFormat::Csv {
            count_row(&mut self.short_rows, row.number);
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
        read.map_err(|problem| self.add_title(problem))
    }

    /// The readers know a column's letter only; its title stands in the header.
    fn add_title(&self, mut problem: Problem) -> Problem {
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
                Some(HiddenRows::Import) => message!("{hidden}; read anyway", hidden = hidden.message()),
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
fn count_row((count, first): &mut (u32, u32), row: u32) {
    *count += 1;
    if *count == 1 {
        *first = row;
    }
}

/// What tells formats apart: of text as much as tells its layout, of everything else the first bytes.
fn read_sample(input: &mut impl Read) -> io::Result<Vec<u8>> {
    const FIRST_BYTES: usize = 64;
    let mut start = Vec::new();
    input.take(FIRST_BYTES as u64).read_to_end(&mut start)?;
    if !detect::is_container(&start) {
        input.take((SAMPLE_BYTES - start.len()) as u64).read_to_end(&mut start)?;
    }
    Ok(start)
}

const _: () = {
    // A table is moved to the thread that reads it.
    const fn is_send<T: Send>() {}
    is_send::<Table>();
};
