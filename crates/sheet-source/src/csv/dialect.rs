//! The dialect of a CSV: its delimiter, its `sep=` line, and whether line breaks cut its rows. Pure; the rows come from a
//! sample of the file.

use crate::cell::Cell;
use crate::csv::record::{CsvBytes, RecordScan};
use crate::row::find_header::SAMPLE_ROWS;
use crate::row::{COLUMNS_MAX, CellSpan, Row, RowKind};
use std::collections::HashMap;

/// In order of preference, if all else is equal.
pub const DELIMITERS: [u8; 4] = [b';', b',', b'\t', b'|'];

/// The `sep=;` line, which Excel obeys and hides: the delimiter and the length of the line including its end.
pub fn sep_line(bytes: &[u8]) -> Option<(u8, usize)> {
    let length = bytes.iter().take(16).position(|b| matches!(b, b'\n' | b'\r')).unwrap_or(bytes.len());
    let line = std::str::from_utf8(bytes.get(..length)?).ok()?;
    let line = line.strip_prefix('"').and_then(|l| l.strip_suffix('"')).unwrap_or(line);
    let (word, sign) = line.split_once('=')?;
    let &[delimiter] = sign.as_bytes() else { return None };
    if !word.eq_ignore_ascii_case("sep") || !delimiter_allowed(char::from(delimiter)) {
        return None;
    }
    let end = match &bytes[length..] {
        [b'\r', b'\n', ..] => length + 2,
        [] => length,
        _ => length + 1,
    };
    Some((delimiter, end))
}

/// A delimiter is one ASCII character that is neither a quote nor a line end.
pub fn delimiter_allowed(delimiter: char) -> bool {
    delimiter == '\t' || (delimiter.is_ascii() && !delimiter.is_ascii_control() && !matches!(delimiter, '"' | ' '))
}

/// The decoded start of a file.
#[derive(Clone, Copy)]
pub struct CsvSample<'t> {
    pub text: &'t str,
    /// True if it is the whole file.
    pub whole: bool,
}

impl<'t> CsvSample<'t> {
    /// The sample without its first `bytes`.
    pub fn after(self, bytes: usize) -> CsvSample<'t> {
        CsvSample { text: &self.text[bytes..], ..self }
    }

    /// The rows of the sample with the text of all cells; blank rows are skipped but counted.
    pub fn rows(self, delimiter: u8) -> Vec<Row> {
        let mut rows = Vec::new();
        let mut spans: Vec<CellSpan> = Vec::new();
        let (mut at, mut number) = (0, 0);
        while rows.len() < SAMPLE_ROWS {
            number += 1;
            let rest = &self.text[at..];
            let bytes = CsvBytes { bytes: rest.as_bytes(), last: self.whole, delimiter };
            at += match bytes.scan(0, &mut spans) {
                RecordScan::Blank { next } => next,
                RecordScan::Record { next } => {
                    let mut row = Row::default();
                    row.fill(number, &rest[..next], &spans);
                    if !row.is_blank() {
                        rows.push(row);
                    }
                    next
                }
                RecordScan::More | RecordScan::End | RecordScan::Invalid { .. } => break,
            };
        }
        rows
    }

    /// The delimiter that gives the most even rows; `None` for a single column.
    pub fn delimiter(self) -> Option<u8> {
        let mut best: Option<(f64, usize, u8)> = None;
        for delimiter in DELIMITERS {
            let rows = self.rows(delimiter);
            let (share, width) = delimiter_fit(&rows);
            if width < 2 || (delimiter == b',' && is_decimals_or_prose(&rows)) {
                continue;
            }
            if best.is_none_or(|(s, w, _)| (share, width) > (s, w)) {
                best = Some((share, width, delimiter));
            }
        }
        best.map(|(_, _, delimiter)| delimiter).or_else(|| delimiter_of_wide_line(self.text))
    }
}

/// How well a delimiter fits: the share of rows with the most common width, and that width.
fn delimiter_fit(rows: &[Row]) -> (f64, usize) {
    let mut widths: HashMap<usize, usize> = HashMap::new();
    for row in rows {
        *widths.entry(row.len()).or_default() += 1;
    }
    let common = widths.into_iter().max_by_key(|(width, count)| (*count, *width));
    common.map_or((0.0, 0), |(width, count)| (count as f64 / rows.len() as f64, width))
}

/// The delimiter that gives the first line more columns than the limit; the reader then reports the problem.
fn delimiter_of_wide_line(text: &str) -> Option<u8> {
    let line = text.lines().next()?.as_bytes();
    DELIMITERS.into_iter().find(|delimiter| memchr::memchr_iter(*delimiter, line).count() >= COLUMNS_MAX)
}

/// True for one column of numbers such as `1,5`, or of names such as `Иванов, Пётр`, under a title: there the comma
/// is not a delimiter.
fn is_decimals_or_prose(rows: &[Row]) -> bool {
    let digits = |row: &Row| row.iter().all(|c| !c.text.is_empty() && c.text.bytes().all(|b| b.is_ascii_digit()));
    let spaced = |row: &Row| row.iter().skip(1).all(|c| c.text.starts_with(' '));
    rows.first().is_some_and(|row| row.len() == 1)
        && rows.iter().skip(1).all(|row| row.len() == 1 || (row.len() == 2 && digits(row)) || spaced(row))
}

/// Detects rows that an unquoted line break has cut: the text starts at the end of one row and continues in the next.
/// All fragments together, minus one cell for each continuation, are as wide as the header.
#[derive(Debug, Clone, Copy)]
pub struct CutRowMarker {
    width: usize,
    /// Delimiters of the current row, and of the rows above that it continues.
    delimiters: usize,
}

impl CutRowMarker {
    pub fn new(width: usize) -> CutRowMarker {
        CutRowMarker { width, delimiters: 0 }
    }

    /// Marks the second of two adjacent rows if it can be the rest of the first, and marks the first as well.
    pub fn mark(&mut self, first: &mut Row, second: &mut Row) {
        if !matches!(first.kind, RowKind::Cut | RowKind::Continuation) {
            self.delimiters = first.len().saturating_sub(1);
        }
        let more = second.len().saturating_sub(1);
        let follows = self.width > 1 && second.number == first.number + 1 && second.len() < self.width;
        if follows && self.delimiters + more < self.width && !first.is_blank() && !second.is_blank() {
            if first.kind == RowKind::Plain {
                first.kind = RowKind::Cut;
            }
            second.kind = RowKind::Continuation;
            self.delimiters += more;
        }
    }
}

/// True if hardly any row below the header is too short, apart from fragments that are complete together. In a file
/// that omits trailing delimiters, a short row means nothing.
pub fn short_rows_are_fragments(rows: &[Row]) -> bool {
    let Some((header, rows)) = rows.split_first() else { return false };
    let width = header.len();
    let mut rows = rows.to_vec();
    let mut marker = CutRowMarker::new(width);
    for index in 1..rows.len() {
        let (before, from) = rows.split_at_mut(index);
        marker.mark(&mut before[index - 1], &mut from[0]);
    }
    const SHORT_ONE_IN: usize = 8;
    let columns = ColumnTypes::of(&rows, width);
    let (mut whole, mut short, mut fragments) = (0, 0, 0);
    for (index, row) in rows.iter().enumerate() {
        let rest = row.kind == RowKind::Continuation;
        whole = if rest { whole } else { 0 } + row.len().saturating_sub(1);
        let ends = rows.get(index + 1).is_none_or(|next| next.kind != RowKind::Continuation);
        let own = rest && columns.fits(row);
        fragments += usize::from(rest && !own);
        short += usize::from(own || ends && whole + 1 < width);
    }
    // One short row can be a slip; more short rows than fragments are a habit of the file.
    short * SHORT_ONE_IN <= rows.len() && short <= fragments.max(1)
}

/// For each column whether the complete rows have numbers in it; `None` if some cells do and some do not.
struct ColumnTypes(Vec<Option<bool>>);

impl ColumnTypes {
    fn of(rows: &[Row], width: usize) -> ColumnTypes {
        let kind = |index: usize| {
            let mut cells = rows.iter().filter(|row| row.len() == width).map(|row| row.get(index));
            let mut kinds = cells.by_ref().filter(|cell| !cell.is_empty()).map(|cell| is_number(cell.text));
            let first = kinds.next()?;
            kinds.all(|kind| kind == first).then_some(first)
        };
        ColumnTypes((0..width).map(kind).collect())
    }

    /// True if the row has numbers in the number columns and none in the text columns, like a complete row.
    fn fits(&self, row: &Row) -> bool {
        let cells = || self.0.iter().zip(row.iter()).filter(|(_, cell)| !cell.is_empty());
        let like = |(kind, cell): (&Option<bool>, Cell<'_>)| kind.is_none_or(|kind| kind == is_number(cell.text));
        cells().all(like) && cells().any(|(kind, _)| *kind == Some(true))
    }
}

fn is_number(text: &str) -> bool {
    let text = text.trim();
    text.contains(|c: char| c.is_ascii_digit())
        && text.chars().all(|c| c.is_ascii_digit() || matches!(c, '.' | ',' | '-' | ' ' | '\u{a0}'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_rows_that_are_rows_of_their_own_are_a_habit() {
        for (text, marker) in [
            ("Имя;Цена;Прим\nа;1;x\nб;2\nв;3\nг;4;y\n", false),
            ("Имя;Цена;Прим\nа;1;x\nб;2\nв;3;y\nг;4\nд;5;z\n", false),
            ("Имя;Прим;Цена\nа;x;1\nб;две\nстроки;2\nг;y;4\n", true),
            ("Имя;Прим;Цена;Шт\nа;x;1;5\nб;две\nстроки;2;7\nг;y;4;6\n", true),
            ("Имя;Прим\nа;x\nб;y\n", true),
        ] {
            assert_eq!(short_rows_are_fragments(&CsvSample { text, whole: true }.rows(b';')), marker, "{text}");
        }
    }

    #[test]
    fn the_delimiter_is_the_one_that_makes_even_rows() {
        for (text, expected) in [
            ("a;b;c\n1;2;3\n", Some(b';')),
            ("a,b\n1,2\n", Some(b',')),
            ("a\tb\n1\t2\n", Some(b'\t')),
            ("a|b\n1|2\n", Some(b'|')),
            ("Имя;Теги;Бюджет\nA, B и C;a, b;1,5\nD;\"x, y, z\";2,5\n", Some(b';')),
            ("Имя\nИван\nПётр\n", None),
            ("Цена\n1,5\n2,5\n", None),
            ("ФИО\nИванов, Пётр\nЁлкина, Анна\n", None),
            ("name;phone;email\nA;1\nB;2;b;x;y\n\nC;3;c\n", Some(b';')),
            ("name;note\nA;\"never closed\nB;2\n", Some(b';')),
        ] {
            assert_eq!(CsvSample { text, whole: true }.delimiter(), expected, "{text}");
        }
    }

    #[test]
    fn the_sep_line_is_known() {
        assert_eq!(sep_line(b"sep=;\r\na;b"), Some((b';', 7)));
        assert_eq!(sep_line(b"SEP=\t\na"), Some((b'\t', 6)));
        assert_eq!(sep_line(b"\"sep=,\"\na"), Some((b',', 8)));
        assert_eq!(sep_line(b"separator;x\n"), None);
        assert_eq!(sep_line(b"sep=;"), Some((b';', 5)));
    }
}
