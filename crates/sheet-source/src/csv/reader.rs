//! A CSV file as rows: a plan (encoding, delimiter, header row) made from a sample of its start, then one row after
//! the other, each with its number as Excel shows it.

use crate::csv::decode::TextInput;
use crate::csv::dialect::{self, CsvSample, DELIMITERS};
use crate::csv::record::{CELL_BYTES_MAX, CsvBytes, RecordError, RecordScan};
use crate::encoding::{self, EncodingDoubt, EncodingGuess, Evidence};
use crate::file::layout::{EncodingScan, FileFormat, HiddenCount, Layout, ReadOptions};
use crate::file::{detect, error};
use crate::message;
use crate::problem::{Column, Message, Note, Place, Problem, Source, Stage, did_you_mean, quoted};
use crate::row::{COLUMNS_MAX, CellSpan, Row, find_header, has_control_chars};
use encoding_rs::Encoding;
use std::fs::File;
use std::io::{self, Cursor, Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::Arc;

/// Enough for fifty rows of any known file; the detection takes a millisecond.
pub const SAMPLE_BYTES: usize = 256 << 10;
/// A file with an ASCII sample is searched this far for its first other byte; that takes a twentieth of a second.
const ASCII_BYTES_MAX: u64 = 256 << 20;
/// A longer record is not a row: the file has no line ends, or is not a table.
const RECORD_BYTES_MAX: usize = 16 << 20;
/// More than amoCRM accepts in a month of sending; row numbers stay far from overflow.
const ROWS_MAX: u32 = 1 << 30;
/// A byte that occurs in no table: the delimiter of a file with one column.
const NO_DELIMITER: u8 = 0x1F;

pub struct CsvReader {
    input: TextInput,
    encoding: &'static Encoding,
    delimiter: u8,
    spans: Vec<CellSpan>,
    next_row: u32,
    source: Arc<Source>,
    /// After this problem no row can be trusted; further reads return it again.
    failed: Option<Box<Problem>>,
}

/// What the sample shows.
struct CsvPlan {
    encoding: &'static Encoding,
    /// `None` for a single column.
    delimiter: Option<u8>,
    /// `None` if the sample has no row.
    header_row: Option<u32>,
    /// Length of the `sep=` line in bytes, decoded.
    sep: usize,
    /// Short rows are rare enough that one can be the rest of the row before it.
    cut_rows: bool,
    /// Rows below the header.
    sample: Vec<Row>,
    guessed: Vec<&'static str>,
    notes: Vec<Note>,
}

/// Opens a file whose first bytes are `start`; `file` continues after them.
pub fn open(
    path: &Path,
    file: Box<dyn Read + Send>,
    start: Vec<u8>,
    options: &ReadOptions,
) -> Result<(CsvReader, Layout), Problem> {
    let whole = is_whole(&start);
    let mark = encoding::byte_order_mark(&start);
    let skipped = mark.map_or(0, |(_, length)| length);
    let (guess, encoding_undecided) = detect_encoding(path, &start, whole, options);
    let mut plan = plan(path, &start, &guess, options)?;
    plan.notes.extend(guess.doubt.as_ref().filter(|_| !encoding_undecided).map(EncodingDoubt::note));

    let mut rest = Cursor::new(start);
    rest.set_position(skipped as u64);
    let input: Box<dyn Read + Send> = if whole { Box::new(rest) } else { Box::new(rest.chain(file)) };
    let mut input = TextInput::new(input, plan.encoding);
    while input.bytes().len() < plan.sep && !input.is_last() {
        input.fill().map_err(|e| error::io_problem(path, &e))?;
    }
    input.consume(plan.sep.min(input.bytes().len()));
    let layout = Layout {
        format: FileFormat::Csv,
        encoding: Some(plan.encoding.name()),
        bom: mark.is_some(),
        delimiter: plan.delimiter.map(char::from),
        sheet: None,
        sheets: Vec::new(),
        hidden_sheets: Vec::new(),
        // 0 means the first row that is not blank.
        header_row: options.header_row.or(plan.header_row).unwrap_or(0),
        two_rows: false,
        links: options.links,
        fill_down: options.fill_down.clone(),
        hidden_rows: options.hidden_rows,
        hidden: HiddenCount::default(),
        cut_rows: plan.cut_rows,
        sample: plan.sample.into(),
        guessed: plan.guessed,
        encoding_undecided,
        encoding_doubt: guess.doubt,
        notes: plan.notes,
    };
    let csv = CsvReader {
        input,
        encoding: plan.encoding,
        delimiter: plan.delimiter.unwrap_or(NO_DELIMITER),
        spans: Vec::new(),
        next_row: 1,
        source: Arc::new(Source { file: path.display().to_string(), sheet: None }),
        failed: None,
    };
    Ok((csv, layout))
}

/// Detects the encoding from as much of the file as is available. The flag is true if the rest of the file can change
/// the result.
fn detect_encoding(path: &Path, start: &[u8], whole: bool, options: &ReadOptions) -> (EncodingGuess, bool) {
    if let Some(guess) = encoding::detect_unicode(start) {
        return (guess, false);
    }
    let mut evidence = Evidence::default();
    evidence.add(start);
    if options.encoding.is_some() {
        evidence.finish(whole);
        return (EncodingGuess::named(&evidence), false);
    }
    let mut open = false;
    match &options.encoding_scan {
        _ if whole => evidence.finish(true),
        EncodingScan::Known(found) => evidence = (**found).clone(),
        EncodingScan::WholeFile => {
            // A pipe cannot be read twice, so its start decides.
            let scanned = scan_for_encoding(path, start.len() as u64, &mut evidence);
            evidence.finish(scanned.is_ok_and(|reached_end| reached_end));
        }
        EncodingScan::StartOnly => {
            open = evidence.is_undecided();
            evidence.finish(false);
        }
    }
    (encoding::detect(&evidence, &encoding::known_words(options.titles.iter().chain(&options.words))), open)
}

/// Reads a file from the offset `from` while it can change the encoding; true if the end is reached.
fn scan_for_encoding(path: &Path, from: u64, evidence: &mut Evidence) -> io::Result<bool> {
    if !evidence.is_undecided() || !std::fs::metadata(path)?.is_file() {
        return Ok(false);
    }
    let mut file = File::open(path)?;
    file.seek(SeekFrom::Start(from))?;
    let mut chunk = vec![0; SAMPLE_BYTES];
    let mut read = 0;
    while evidence.is_undecided() && !(evidence.is_ascii() && read > ASCII_BYTES_MAX) {
        let count = file.read(&mut chunk)?;
        if count == 0 {
            return Ok(true);
        }
        evidence.add(&chunk[..count]);
        read += count as u64;
    }
    Ok(false)
}

/// True if the first bytes are the whole file.
fn is_whole(start: &[u8]) -> bool {
    start.len() < SAMPLE_BYTES
}

fn plan(path: &Path, start: &[u8], guess: &EncodingGuess, options: &ReadOptions) -> Result<CsvPlan, Problem> {
    let skipped = encoding::byte_order_mark(start).map_or(0, |(_, length)| length);
    let asked = options.delimiter.map(|d| check_delimiter(path, d)).transpose()?;
    let (encodings, mut guessed, mut notes) = candidate_encodings(path, guess, options)?;
    if options.sheet.is_some() {
        notes.push(Note::new("no-sheets", "a CSV file has no sheets: the sheet name is ignored"));
    }
    let mut best: Option<(usize, CsvPlan)> = None;
    for encoding in encodings {
        let (text, _) = encoding.decode_without_bom_handling(&start[skipped..]);
        let sample = CsvSample { text: &text, whole: is_whole(start) };
        if best.is_none() {
            check_is_table(path, sample)?;
        }
        let (matched, plan) = plan_with(encoding, sample, asked, &options.titles);
        if best.as_ref().is_none_or(|(most, _)| matched > *most) {
            best = Some((matched, plan));
        }
        if options.titles.is_empty() {
            break;
        }
    }
    // `candidate_encodings` gives at least one.
    let (matched, mut plan) = best.expect("a guess has a candidate");
    guessed.append(&mut plan.guessed);
    if options.header_row.is_none() {
        guessed.push("header row");
    }
    if matched > 0 && guess.doubt.is_none() {
        // The requested titles were found, which confirms the rest.
        guessed.clear();
    }
    Ok(CsvPlan { guessed, notes, ..plan })
}

/// The best plan for one encoding, and how many of the requested titles its header row has.
fn plan_with(
    encoding: &'static Encoding,
    sample: CsvSample<'_>,
    asked: Option<u8>,
    titles: &[String],
) -> (usize, CsvPlan) {
    let sep = dialect::sep_line(sample.text.as_bytes());
    let sep_bytes = sep.map_or(0, |(_, length)| length);
    let body = sample.after(sep_bytes);
    let known = asked.or(sep.map(|(delimiter, _)| delimiter));
    let try_delimiter = |delimiter: Option<u8>| {
        let rows = body.rows(delimiter.unwrap_or(NO_DELIMITER));
        let (header, matched) = match find_header::find_by_titles(&rows, titles) {
            Some((index, matched)) => (Some(index), matched),
            None => (find_header::find_header(&rows, &[]), 0),
        };
        let header_row = header.map(|index| rows[index].number);
        let guessed = if known.is_none() { vec!["delimiter"] } else { Vec::new() };
        let cut_rows = header.is_some_and(|header| dialect::short_rows_are_fragments(&rows[header..]));
        let sample = rows.into_iter().skip(header.map_or(0, |header| header + 1)).collect();
        (
            matched,
            CsvPlan { encoding, delimiter, header_row, sep: sep_bytes, cut_rows, sample, guessed, notes: Vec::new() },
        )
    };
    // The plan by shape comes first, so that it decides where titles do not.
    let mut best = try_delimiter(known.or_else(|| body.delimiter()));
    if known.is_none() && !titles.is_empty() {
        for other in DELIMITERS.into_iter().map(Some) {
            let candidate = try_delimiter(other);
            if candidate.0 > best.0 {
                best = candidate;
            }
        }
    }
    best
}

type CandidateEncodings = (Vec<&'static Encoding>, Vec<&'static str>, Vec<Note>);

/// The encodings to try, what is guessed about them, and the notes.
fn candidate_encodings(
    path: &Path,
    guess: &EncodingGuess,
    options: &ReadOptions,
) -> Result<CandidateEncodings, Problem> {
    let Some(label) = &options.encoding else {
        let guessed = if guess.certain { Vec::new() } else { vec!["encoding"] };
        return Ok((guess.candidates.clone(), guessed, Vec::new()));
    };
    let Some(named) = encoding::by_label(label) else {
        if let Some(name) = encoding::unsupported_by_label(label) {
            let message = message!("the encoding {name} is not supported", name);
            let hint = "open the file in the program that wrote it, and save it as UTF-8";
            return Err(Problem::in_file(path, "unknown-encoding", message).value(label).hint(hint));
        }
        let hint = did_you_mean(label, encoding::OFFERED)
            .unwrap_or_else(|| message!("supported encodings include {known}", known = encoding::OFFERED.as_slice()));
        let message = message!("{value} is not a known encoding", value = quoted(label));
        return Err(Problem::in_file(path, "unknown-encoding", message).value(label).hint(hint));
    };
    let found = guess.candidates[0];
    if guess.bom > 0 && found != named {
        let found_name = found.name();
        let message = message!(
            "the file has a byte order mark of {found_name} and is read as such, not as {label}",
            found_name,
            label
        );
        return Ok((vec![found], Vec::new(), vec![Note::new("encoding-marked", message)]));
    }
    let mut notes = Vec::new();
    if guess.certain && found != named {
        let (found, named) = (found.name(), named.name());
        let message = message!("the file looks like {found}, but is read as {named}, as requested", found, named);
        notes.push(Note::new("encoding-differs", message));
    }
    Ok((vec![named], Vec::new(), notes))
}

fn check_delimiter(path: &Path, delimiter: char) -> Result<u8, Problem> {
    if dialect::delimiter_allowed(delimiter) {
        return Ok(delimiter as u8);
    }
    let message = message!("{value} cannot be a delimiter", value = quoted(&delimiter.to_string()));
    Err(Problem::in_file(path, "delimiter", message).hint("use ; , | or a tab"))
}

fn check_is_table(path: &Path, CsvSample { text, whole }: CsvSample<'_>) -> Result<(), Problem> {
    // Delimiters alone are empty cells.
    let nothing = |c: char| c.is_whitespace() || matches!(c, '\0' | '\u{1a}' | '\u{feff}' | ';' | ',' | '|');
    if whole && text.chars().all(nothing) {
        return Err(error::empty_file(path));
    }
    detect::check_text(path, text).map_or(Ok(()), Err)
}

impl CsvReader {
    /// Fills `row` with the next row that has cells, blank or not; false at the end. After a problem with one row
    /// (code `encoding`, in UTF-8) reading can continue; after any other it cannot.
    pub fn read(&mut self, row: &mut Row) -> Result<bool, Problem> {
        if let Some(failed) = &self.failed {
            return Err((**failed).clone());
        }
        loop {
            let last = self.input.is_last() && !self.input.is_malformed();
            let bytes = CsvBytes { bytes: self.input.bytes(), last, delimiter: self.delimiter };
            match bytes.scan(0, &mut self.spans) {
                RecordScan::Blank { next } => {
                    self.input.consume(next);
                    self.next_row += 1;
                }
                RecordScan::Record { next } => {
                    let filled = self.fill_row(row, next);
                    self.input.consume(next);
                    self.next_row += 1;
                    return filled.map(|()| true);
                }
                RecordScan::More if self.input.is_last() => return Err(self.fail(self.malformed_text())),
                RecordScan::More if self.input.bytes().len() > RECORD_BYTES_MAX => {
                    let message = message!("this row is longer than {max} MB", max = RECORD_BYTES_MAX >> 20);
                    let problem = self.row_problem(None, "row-too-long", message);
                    return Err(self.fail(problem.hint("check the delimiter and the line endings of the file")));
                }
                RecordScan::More => {
                    if let Err(error) = self.input.fill() {
                        let place = Path::new(&self.source.file);
                        return Err(self.fail(error::io_problem(place, &error)));
                    }
                }
                RecordScan::End => return Ok(false),
                RecordScan::Invalid { cell, error } => return Err(self.fail(self.record_problem(cell, error))),
            }
            if self.next_row > ROWS_MAX {
                let problem = self.row_problem(
                    None,
                    "file-too-big",
                    message!("this file has more than {max} rows", max = ROWS_MAX),
                );
                return Err(self.fail(problem.hint("split it into several files")));
            }
        }
    }

    fn fill_row(&self, row: &mut Row, next: usize) -> Result<(), Problem> {
        // One check per record: the check of the standard library would take half of the time for Cyrillic text.
        let bytes = &self.input.bytes()[..next];
        let Ok(text) = simdutf8::basic::from_utf8(bytes) else {
            let bad = self.spans.iter().position(|s| std::str::from_utf8(&bytes[s.start..s.end]).is_err());
            return Err(self.invalid_utf_8(bad));
        };
        row.fill(self.next_row, text, &self.spans);
        row.has_control = self.input.has_control_chars() && has_control_chars(bytes);
        Ok(())
    }

    fn fail(&mut self, problem: Problem) -> Problem {
        self.failed = Some(Box::new(problem.clone()));
        problem
    }

    fn row_problem(&self, cell: Option<usize>, code: &'static str, message: impl Into<Message>) -> Problem {
        let column = cell.map(|index| Column { index, title: "".into() });
        let place = Place::Cell { source: self.source.clone(), row: self.next_row, column };
        Problem::new(Stage::Read, code, message).at(place)
    }

    fn invalid_utf_8(&self, cell: Option<usize>) -> Problem {
        self.row_problem(cell, "encoding", "this row contains bytes that are not UTF-8, unlike the rest of the file")
            .hint("save the file as UTF-8, or specify its encoding, such as windows-1251")
    }

    fn malformed_text(&self) -> Problem {
        let message = message!("this row contains bytes that are not {encoding}", encoding = self.encoding.name());
        self.row_problem(None, "encoding", message)
            .hint("save the file as UTF-8, or specify its encoding, such as windows-1251")
    }

    fn record_problem(&self, cell: usize, error: RecordError) -> Problem {
        match error {
            RecordError::UnclosedQuote => self
                .row_problem(Some(cell), "unclosed-quote", "this cell opens with a quote (\") that never closes")
                .hint("delete that quote, or close it at the end of the cell"),
            RecordError::QuotedCellTooLong => self
                .row_problem(
                    Some(cell),
                    "cell-too-long",
                    message!(
                        "this cell opens with a quote (\") and is longer than {max} MB",
                        max = CELL_BYTES_MAX >> 20
                    ),
                )
                .hint("shorten the text, or delete the quote if it does not open a quoted text"),
            RecordError::CellTooLong => self
                .row_problem(
                    Some(cell),
                    "cell-too-long",
                    message!("this cell is longer than {max} MB", max = CELL_BYTES_MAX >> 20),
                )
                .hint("check the delimiter and the line endings of the file"),
            RecordError::TooManyColumns => self
                .row_problem(
                    None,
                    "too-many-columns",
                    message!("this row has more than {max} cells", max = COLUMNS_MAX),
                )
                .hint("check the delimiter and the line endings of the file"),
        }
    }
}
