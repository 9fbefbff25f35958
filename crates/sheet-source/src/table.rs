//! An open table: its layout, its header and its rows, for a source of any format.

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

/// An open source. It is read once from start to end, and can be moved to another thread.
pub struct Table {
    pub layout: Layout,
    pub header: Header,
    rows: RowReader,
    source: Arc<Source>,
    /// The first row of a table without a header, read to find its width.
    first: Option<Row>,
    /// The next row of a workbook of rejected rows, read to see whether it continues a cut row.
    lookahead: Option<Row>,
    /// Some rows at the start.
    sample: Arc<[Row]>,
    fill: Vec<FillDownColumn>,
    /// Columns beyond the last title that are named by their letters.
    lettered_columns: Vec<usize>,
    /// The number of the previous row, as Excel shows it.
    last: u32,
    /// Rows with cells beyond the header, and rows shorter than it: their count and the first of them.
    long_rows: (u32, u32),
    short_rows: (u32, u32),
    /// The options of `open`, while the encoding is undecided.
    options_until_judged: Option<Box<ReadOptions>>,
    /// Collects the hashes of the rows.
    hasher: Option<(RowHasher, SharedRowHashes)>,
}

/// A column in which an empty cell takes the value of the cell above.
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

/// The largest workbook held in memory while its fingerprint is computed; a larger one is read twice. In bytes; a
/// quarter of what shared strings can take.
const WORKBOOK_IN_MEMORY_MAX: u64 = 64 << 20;

/// The fingerprint of a file whose rows a table reads at the same time.
pub enum PendingFingerprint {
    Reading(HashingReader),
    Done(Box<Fingerprint>),
}

impl PendingFingerprint {
    /// Reads the rest of the file, after the table has been read as far as needed.
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
    /// Opens a file. What `options` leave open is detected.
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
            // A file that is neither a container nor refused is text.
            detect::detect_format(path, &mut input, &start)?;
            let table = Table::open_text(path, Box::new(input_hasher.clone()), start, options)?;
            return Ok((table, PendingFingerprint::Reading(input_hasher)));
        }
        // The parts of a workbook are not read in file order.
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

    /// `rest` continues after `start`.
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

    /// Opens the table again once the fingerprint is known, if its evidence decides the encoding.
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

    /// True if both read the same rows from one file.
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
            // The mapping compiler reports it.
            ColumnMatch::Many(_) | ColumnMatch::None => None,
        };
        let letter = |title: &String| match table.header.find(title) {
            ColumnMatch::One(index) => Some(index),
            ColumnMatch::Many(_) | ColumnMatch::None => None,
        };
        table.lettered_columns =
            options.titles.iter().filter_map(letter).filter(|index| *index >= table.header.len()).collect();
        // In a reject file the values are already filled down, and other rows are above.
        if !table.header.is_rejects() {
            table.fill = table.layout.fill_down.iter().filter_map(column).collect();
        }
        Ok(table)
    }

    /// True for a workbook of rejected rows from a CSV.
    pub fn is_csv_rejects(&self) -> bool {
        self.header.is_rejects() && self.layout.sheet.as_deref() == Some(CSV_REJECTS_SHEET)
    }

    /// Reads the rows on another thread from here on; useful to read to the end with much work per row.
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

    /// Treats the first row as data; it gives the width of the table.
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

    /// Fills `row` with the next row that is not blank; false at the end. After a problem with the code `encoding`
    /// the next row can still be read; any other problem ends the table and is returned again.
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

    /// Collects the hashes of the rows that are read from now on.
    pub fn hash_rows(&mut self) -> SharedRowHashes {
        let hashed = SharedRowHashes::default();
        self.hasher = Some((RowHasher::new(&self.header), hashed.clone()));
        hashed
    }

    /// Fills values down into the row, but not across a blank row or a row that is not a record.
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

    /// Works like `read_filled`; in a workbook of rejected rows it also marks the fragments of a cut row again, as
    /// `read_ahead` does for a CSV.
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

    /// Classifies the row and counts long and short rows.
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

    /// The readers know only the letter of a column; the header has its title.
    fn add_title(&self, mut problem: Problem) -> Problem {
        if let Place::Cell { column: Some(column), .. } = &mut problem.place {
            *column = self.header.column(column.index);
        }
        problem
    }

    /// The file as named and the sheet, for places of problems.
    pub fn source(&self) -> Arc<Source> {
        self.source.clone()
    }

    /// Some rows below the header, enough to see common values.
    pub fn sample(&self) -> Arc<[Row]> {
        Arc::clone(&self.sample)
    }

    /// Notes on the source; complete once `read` has returned false.
    pub fn notes(&self) -> Vec<Note> {
        let mut notes = self.layout.notes.clone();
        let hidden = self.layout.hidden;
        // The caller that skips rows counts them.
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

/// Counts one more row of a kind and keeps the first.
fn count_row((count, first): &mut (u32, u32), row: u32) {
    *count += 1;
    if *count == 1 {
        *first = row;
    }
}

/// The start of a file, for the detection: enough of a text for its layout, only the first bytes of any other file.
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
    // A table moves to the thread that reads it.
    const fn is_send<T: Send>() {}
    is_send::<Table>();
};
