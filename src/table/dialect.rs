//! How a table is laid out in the rows at its start: which delimiter, which row is the header. Pure; the rows come
//! from a sample of the file. The header is found the same way for CSV and for sheets.

use super::cell::{Cell, Row, Scalar, Seen};
use super::header::{Found, Header, fold};
use super::record::{COLUMNS_MAX, Scan, Span, scan};
use std::collections::{HashMap, HashSet};

/// Rows looked at for delimiter and header.
pub const SAMPLE_ROWS: usize = 50;

/// In the order of trust, where everything else is equal.
pub const DELIMITERS: [u8; 4] = [b';', b',', b'\t', b'|'];

/// The `sep=;` line that Excel obeys and hides: its delimiter and its length with the line end.
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

/// A delimiter is one plain sign that neither quotes nor ends a line.
pub fn delimiter_allowed(delimiter: char) -> bool {
    delimiter == '\t' || (delimiter.is_ascii() && !delimiter.is_ascii_control() && !matches!(delimiter, '"' | ' '))
}

/// The rows at the start of `text`, blank ones left out but counted, with the text of all their cells.
pub fn rows(text: &str, whole: bool, delimiter: u8) -> Vec<Row> {
    let mut rows = Vec::new();
    let mut spans: Vec<Span> = Vec::new();
    let (mut at, mut number) = (0, 0);
    while rows.len() < SAMPLE_ROWS {
        number += 1;
        let rest = &text[at..];
        at += match scan(rest.as_bytes(), 0, whole, delimiter, &mut spans) {
            Scan::Blank { next } => next,
            Scan::Record { next } => {
                let mut row = Row::default();
                row.fill(number, &rest[..next], &spans);
                if !row.is_blank() {
                    rows.push(row);
                }
                next
            }
            Scan::More | Scan::End | Scan::Broken(_) => break,
        };
    }
    rows
}

/// How well a delimiter fits: the share of rows that have the commonest width, and that width.
fn fit(rows: &[Row]) -> (f64, usize) {
    let mut widths: HashMap<usize, usize> = HashMap::new();
    for row in rows {
        *widths.entry(row.len()).or_default() += 1;
    }
    let common = widths.into_iter().max_by_key(|(width, count)| (*count, *width));
    common.map_or((0.0, 0), |(width, count)| (count as f64 / rows.len() as f64, width))
}

/// The delimiter with the most even rows; `None` for a single column.
pub fn delimiter(text: &str, whole: bool) -> Option<u8> {
    let mut best: Option<(f64, usize, u8)> = None;
    for delimiter in DELIMITERS {
        let rows = rows(text, whole, delimiter);
        let (share, width) = fit(&rows);
        if width < 2 || (delimiter == b',' && only_decimals_or_prose(&rows)) {
            continue;
        }
        if best.is_none_or(|(s, w, _)| (share, width) > (s, w)) {
            best = Some((share, width, delimiter));
        }
    }
    best.map(|(_, _, delimiter)| delimiter).or_else(|| too_many_columns(text))
}

/// The delimiter that makes more columns of the first line than there may be; whoever reads with it will tell.
fn too_many_columns(text: &str) -> Option<u8> {
    let line = text.lines().next()?.as_bytes();
    DELIMITERS.into_iter().find(|delimiter| memchr::memchr_iter(*delimiter, line).count() >= COLUMNS_MAX)
}

/// One column of numbers such as `1,5`, or of names such as `Иванов, Пётр`, under a title: the comma is no delimiter.
fn only_decimals_or_prose(rows: &[Row]) -> bool {
    let digits = |row: &Row| row.iter().all(|c| !c.text.is_empty() && c.text.bytes().all(|b| b.is_ascii_digit()));
    let spaced = |row: &Row| row.iter().skip(1).all(|c| c.text.starts_with(' '));
    rows.first().is_some_and(|row| row.len() == 1)
        && rows.iter().skip(1).all(|row| row.len() == 1 || (row.len() == 2 && digits(row)) || spaced(row))
}

/// Rows that line breaks have cut: a text without quotes that holds one begins at the end of a row, and goes on in the next.
/// All pieces together, each in one cell less than it has, are as wide as the header.
#[derive(Debug, Clone, Copy)]
pub struct Pieces {
    width: usize,
    /// Delimiters of the row at hand, and of those above it whose rest it is.
    delimiters: usize,
}

impl Pieces {
    pub fn of(width: usize) -> Pieces {
        Pieces { width, delimiters: 0 }
    }

    /// Marks the second of two rows, one below the other, where it may be the rest of the first, and the first with it.
    pub fn mark(&mut self, first: &mut Row, second: &mut Row) {
        if !matches!(first.seen, Seen::Cut | Seen::Rest) {
            self.delimiters = first.len().saturating_sub(1);
        }
        let more = second.len().saturating_sub(1);
        let follows = self.width > 1 && second.number == first.number + 1 && second.len() < self.width;
        if follows && self.delimiters + more < self.width && !first.is_blank() && !second.is_blank() {
            if first.seen == Seen::Plain {
                first.seen = Seen::Cut;
            }
            second.seen = Seen::Rest;
            self.delimiters += more;
        }
    }
}

/// True where hardly a row below the header is shorter than it, but for pieces of cut ones that are whole together. In a file
/// that leaves out the delimiters at the end of its rows, a short row says nothing.
pub fn short_rows_are_pieces(rows: &[Row]) -> bool {
    let Some((header, rows)) = rows.split_first() else { return false };
    let width = header.len();
    let mut rows = rows.to_vec();
    let mut pieces = Pieces::of(width);
    for index in 1..rows.len() {
        let (before, from) = rows.split_at_mut(index);
        pieces.mark(&mut before[index - 1], &mut from[0]);
    }
    const SHORT_ONE_IN: usize = 8;
    let columns = Columns::of(&rows, width);
    let (mut whole, mut short, mut torn) = (0, 0, 0);
    for (index, row) in rows.iter().enumerate() {
        let rest = row.seen == Seen::Rest;
        whole = if rest { whole } else { 0 } + row.len().saturating_sub(1);
        let ends = rows.get(index + 1).is_none_or(|next| next.seen != Seen::Rest);
        let own = rest && columns.fit(row);
        torn += usize::from(rest && !own);
        short += usize::from(own || ends && whole + 1 < width);
    }
    // One may be a slip; more than there are pieces are a habit.
    short * SHORT_ONE_IN <= rows.len() && short <= torn.max(1)
}

/// Which columns of the whole rows hold numbers; `None` where some cells do and some do not.
struct Columns(Vec<Option<bool>>);

impl Columns {
    fn of(rows: &[Row], width: usize) -> Columns {
        let kind = |index: usize| {
            let mut cells = rows.iter().filter(|row| row.len() == width).map(|row| row.get(index));
            let mut kinds = cells.by_ref().filter(|cell| !cell.is_empty()).map(|cell| is_number(cell.text));
            let first = kinds.next()?;
            kinds.all(|kind| kind == first).then_some(first)
        };
        Columns((0..width).map(kind).collect())
    }

    /// True where a row has numbers in the columns of numbers and none in those of texts, as a row of its own has.
    fn fit(&self, row: &Row) -> bool {
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

/// How many of the titles asked for a row contains.
pub fn matches(row: &Row, titles: &[String]) -> usize {
    if titles.is_empty() {
        return 0;
    }
    let header = Header::new(row.iter().map(|cell| cell.text.to_owned()));
    let by_letter = |title: &str| title.trim_start().starts_with("col:");
    titles.iter().filter(|title| !by_letter(title) && header.find(title) != Found::None).count()
}

/// The row with the most titles asked for, and how many; `None` when no row has any.
pub fn header_by_titles(rows: &[Row], titles: &[String]) -> Option<(usize, usize)> {
    let counts = rows.iter().map(|row| matches(row, titles)).enumerate();
    // The first of the best, so that a title line repeated further down does not win.
    counts.filter(|(_, count)| *count > 0).max_by_key(|(index, count)| (*count, usize::MAX - index))
}

/// The index of the row most likely to be the header: by the titles asked for, else by shape.
pub fn header(rows: &[Row], titles: &[String]) -> Option<usize> {
    header_by_titles(rows, titles).map(|(index, _)| index).or_else(|| header_by_shape(rows))
}

/// The first row that is about as wide as the table and is no line of a preface.
fn header_by_shape(rows: &[Row]) -> Option<usize> {
    // A formula that nobody calculated is no title, nor any sign of where they are.
    let holds = |cell: &Cell<'_>| !cell.is_empty() && cell.value != Scalar::Uncomputed;
    let filled: Vec<usize> = rows.iter().map(|row| row.iter().filter(holds).count()).collect();
    let mut sorted = filled.clone();
    sorted.sort_unstable();
    // Not the widest row: one line of prose full of delimiters would be it.
    let usual = *sorted.get(sorted.len() * 4 / 5)?;
    let wide = usual.div_ceil(2).max(usual.min(2));
    let wide_enough = |index: &usize| filled[*index] >= wide;
    let all = || (0..rows.len()).filter(wide_enough);
    let first = all().find(|index| !repeats_itself(&rows[*index])).or_else(|| all().next())?;
    Some(below_preface(rows, &filled, first).unwrap_or(first))
}

/// `Организация: | ООО Ромашка` above the table: one or two cells, and further down a row at least twice as wide, all
/// of it different words, with numbers under it.
fn below_preface(rows: &[Row], filled: &[usize], first: usize) -> Option<usize> {
    const PREFACE_CELLS: usize = 2;
    const HEADER_CELLS: usize = 4;
    let next = (first..rows.len()).find(|index| filled[*index] > PREFACE_CELLS)?;
    let header = next > first && filled[next] >= HEADER_CELLS && all_words(&rows[next]);
    let padded = rows[first].iter().position(|c| c.is_empty()).is_some_and(|gap| gap < filled[first]);
    let numbers = rows.get(next + 1).is_some_and(|row| row.iter().any(|c| has_digit(c.text)));
    (header && !padded && numbers).then_some(next)
}

/// One word over nearly every column is a band above the header, not the header.
fn repeats_itself(row: &Row) -> bool {
    const REPEATS_MIN: usize = 4;
    let words: Vec<String> = row.iter().filter(|c| !c.is_empty()).map(|c| fold(c.text)).collect();
    let distinct: HashSet<&String> = words.iter().collect();
    words.len() >= distinct.len() * REPEATS_MIN
}

fn has_digit(text: &str) -> bool {
    text.bytes().any(|b| b.is_ascii_digit())
}

fn all_words(row: &Row) -> bool {
    let mut seen = HashSet::new();
    let words = row.iter().filter(|c| !c.is_empty());
    words.fold(true, |all, c| all && c.value == Scalar::Text && !has_digit(c.text) && seen.insert(fold(c.text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_rows_that_are_rows_of_their_own_are_a_habit() {
        for (text, pieces) in [
            ("Имя;Цена;Прим\nа;1;x\nб;2\nв;3\nг;4;y\n", false),
            ("Имя;Цена;Прим\nа;1;x\nб;2\nв;3;y\nг;4\nд;5;z\n", false),
            ("Имя;Прим;Цена\nа;x;1\nб;две\nстроки;2\nг;y;4\n", true),
            ("Имя;Прим;Цена;Шт\nа;x;1;5\nб;две\nстроки;2;7\nг;y;4;6\n", true),
            ("Имя;Прим\nа;x\nб;y\n", true),
        ] {
            assert_eq!(short_rows_are_pieces(&rows(text, true, b';')), pieces, "{text}");
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
            assert_eq!(delimiter(text, true), expected, "{text}");
        }
    }

    #[test]
    fn the_header_is_below_titles_and_prefaces() {
        for (text, row) in [
            ("a;b;c\n1;2;3\n", 1),
            ("Отчёт;;\nза 2026 год;;\n;;\nИмя;Бюджет;Этап\nA;1;\n", 4),
            ("name;;phone;\nA;x;1;y\n", 1),
            ("Имя\nИван\n", 1),
            ("Организация:;ООО Ромашка;;;\nИмя;Бюджет;Этап;Город\nA;1;x;y\nB;1;x;y\n", 2),
            (";план;план;план;план\nИмя;Янв;Фев;Мар;Апр\nA;1;2;3;4\n", 2),
            ("\n\nИмя;Город\nИван;Москва\n", 3),
        ] {
            let rows = rows(text, true, b';');
            assert_eq!(header(&rows, &[]).map(|index| rows[index].number), Some(row), "{text}");
        }
    }

    #[test]
    fn titles_asked_for_outrank_shape() {
        let rows = rows("a;b;c;d\nИмя;;Город;\nx;1;2;3\n", true, b';');
        assert_eq!(header(&rows, &["город".into(), "имя".into()]), Some(1));
        assert_eq!(header(&rows, &["нет такой".into()]), Some(0));
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
