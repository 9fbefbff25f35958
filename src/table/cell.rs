//! One row of a table: all its text in one buffer, a typed slot per cell. A `Row` is made once and filled again and
//! again, so reading a million rows allocates like reading one.

use super::currency::CurrencySign;
use super::guard::is_guarded;
use super::header::Header;
use super::record::Span;
use super::sums::names_total;

/// What a cell holds besides its text.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Scalar {
    /// Nothing, or nothing but white space.
    Empty,
    /// Text; every cell of a CSV is this or `Empty`.
    Text,
    Number(f64),
    /// A number whose format in the workbook says something of it; the text is what the person reads, but for grouping,
    /// rounding and the signs of currencies.
    Formatted(f64, Shown),
    /// A date, time or date-time cell: days since 1899-12-30, whatever epoch the workbook uses
    /// (the reader has already added the 1462 days of a 1904 workbook).
    Serial(f64),
    Bool(bool),
    /// `#N/A`, `#REF!` and the like; the text is the error's name.
    Error,
    /// A formula whose result the file does not hold: nobody knows what stands here, and it is not nothing.
    Uncomputed,
}

/// What the format of a number says besides its digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shown {
    /// Zeros in front, words before it, signs within it: `0274123456`, `З-0017`.
    Worded,
    /// `15.5%`: the number is 0.155.
    Percent,
    /// Words behind it, which name a unit or a scale: `350 тыс. руб.`
    Unit,
    Currency(CurrencySign),
}

/// A cell as the person sees it: `text` is what they would read, `value` is what the file says it is.
///
/// Numbers read `1234.5` (a dot, no grouping, 15 significant digits; from 1e15 on in scientific form, because the
/// digits are no longer true), and what their format adds: `0274123456`, `З-0017`, `15.5%`. Serials read `2025-03-05`, `2025-03-05T10:30:00` or `10:30:00`. Booleans read
/// `true` / `false`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cell<'a> {
    pub text: &'a str,
    pub value: Scalar,
}

impl<'t> Cell<'t> {
    pub const EMPTY: Cell<'static> = Cell { text: "", value: Scalar::Empty };

    /// A cell of a text that stands in no table.
    pub fn of_text(text: &'t str) -> Cell<'t> {
        let value = if text.trim().is_empty() { Scalar::Empty } else { Scalar::Text };
        Cell { text, value }
    }

    pub fn is_empty(&self) -> bool {
        matches!(self.value, Scalar::Empty)
    }
}

/// More text than a row has, but for a stray one.
const TEXT_BYTES_KEPT: usize = 64 << 10;

/// What the reader sees of a row as a whole.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Seen {
    #[default]
    Plain,
    /// The sheet does not show it.
    Hidden,
    /// The titles once more.
    Header,
    /// The workbook calls it a row of totals.
    Totals,
    /// The row below looks like the rest of it, which a line break has cut.
    Cut,
    /// It looks like the rest of the row above.
    Rest,
}

/// The code of the rejection of a row that a line break has cut.
pub const ROW_CUT: &str = "row-cut";

/// One row. Cells beyond the last one read as empty.
#[derive(Debug, Clone, Default)]
pub struct Row {
    /// As Excel shows it: counted from 1, header and blank lines counted.
    pub number: u32,
    pub seen: Seen,
    /// Every cell that holds anything is a formula.
    pub all_formulas: bool,
    /// Some text holds a character that cannot be seen.
    pub unseen: bool,
    /// Its first cell that holds anything begins with a word for a sum.
    pub is_sum: bool,
    text: String,
    /// Where in `text` each cell stands, and what it is.
    cells: Vec<(u32, u32, Scalar)>,
    /// Addresses behind cells, in the few tables where they are wanted.
    links: Option<Box<Links>>,
}

/// The column, and where in the row's text the address stands.
type Links = Vec<(usize, u32, u32)>;

/// From here on, an index means not the cell of a column but the address behind it.
pub const LINKS_FROM: usize = 1 << 20;

impl Row {
    pub fn clear(&mut self, number: u32) {
        self.number = number;
        self.seen = Seen::Plain;
        self.all_formulas = false;
        self.unseen = false;
        self.is_sum = false;
        // Rows are filled again and again, and one very long text should not stay with each of them.
        if self.text.capacity() > TEXT_BYTES_KEPT {
            self.text = String::new();
        }
        self.text.clear();
        self.cells.clear();
        self.links = None;
    }

    /// Bytes of text held.
    pub(super) fn text_bytes(&self) -> usize {
        self.text.len()
    }

    /// Takes note of what the row is as a whole, beside its cells. Whoever has filled it does so: to another processor's core
    /// its text is far away.
    pub(super) fn look(&mut self, header: &Header) {
        let first = self.cells.iter().position(|(_, _, value)| !matches!(value, Scalar::Empty));
        self.is_sum = first.is_some_and(|first| names_total(self.get(first).text));
        if self.seen == Seen::Plain && header.is_repeated_by(self) {
            self.seen = Seen::Header;
        }
    }

    pub fn len(&self) -> usize {
        self.cells.len()
    }

    pub fn is_empty(&self) -> bool {
        self.cells.is_empty()
    }

    /// True when no cell holds anything: a line the person left blank.
    pub fn is_blank(&self) -> bool {
        self.cells.iter().all(|(_, _, value)| matches!(value, Scalar::Empty))
    }

    /// Adds a cell of text; white space alone makes it empty, but its text is kept.
    pub fn push_text(&mut self, text: &str) {
        self.push(text, text_or_empty(text));
    }

    /// Fills the row from a record of a CSV as it stands in the file, which is copied in one piece; `spans` are its cells.
    pub(super) fn fill(&mut self, number: u32, record: &str, spans: &[Span]) {
        self.clear(number);
        self.text.push_str(record);
        self.cells.reserve(spans.len());
        for span in spans {
            let first = record.as_bytes()[..span.end].get(span.start);
            match first {
                None => self.cells.push((span.start as u32, span.end as u32, Scalar::Empty)),
                Some(b'=' | b'#' | b'E') => self.push_escaped(&record[span.start..span.end], span.doubled),
                Some(_) if span.doubled => self.push_escaped(&record[span.start..span.end], true),
                Some(first) if never_blank(*first) => {
                    self.cells.push((span.start as u32, span.end as u32, Scalar::Text));
                }
                Some(_) => {
                    let value = text_or_empty(&record[span.start..span.end]);
                    self.cells.push((span.start as u32, span.end as u32, value));
                }
            }
        }
    }

    /// Adds a cell of a CSV; in `doubled` text, `""` stands for `"`. What Excel writes to keep a value text,
    /// `="000123"`, reads `000123`, as Excel shows it.
    fn push_escaped(&mut self, text: &str, doubled: bool) {
        if let Some(inner) = kept_as_text(text, if doubled { "\"\"" } else { "\"" }) {
            self.push_text(inner);
        } else if doubled {
            let start = self.text.len() as u32;
            for (index, piece) in text.split("\"\"").enumerate() {
                if index > 0 {
                    self.text.push('"');
                }
                self.text.push_str(piece);
            }
            self.cells.push((start, self.text.len() as u32, Scalar::Text));
        } else if is_error(text) {
            self.push(text, Scalar::Error);
        } else {
            self.push_text(text);
        }
    }

    pub fn push(&mut self, text: &str, value: Scalar) {
        self.unseen |= holds_unseen(text.as_bytes());
        let start = self.text.len() as u32;
        self.text.push_str(text);
        self.cells.push((start, self.text.len() as u32, value));
    }

    /// Adds a cell at a column, empty cells before it where there is a gap.
    pub(super) fn push_at(&mut self, index: usize, text: &str, value: Scalar) {
        while self.cells.len() < index {
            self.push("", Scalar::Empty);
        }
        self.push(text, value);
    }

    pub(super) fn push_link(&mut self, column: usize, address: &str) {
        let start = self.text.len() as u32;
        self.text.push_str(address);
        self.links.get_or_insert_default().push((column, start, self.text.len() as u32));
    }

    fn link(&self, column: usize) -> Cell<'_> {
        let found = self.links.iter().flat_map(|links| links.iter()).find(|(at, _, _)| *at == column);
        let Some((_, start, end)) = found else { return Cell::EMPTY };
        Cell { text: &self.text[*start as usize..*end as usize], value: Scalar::Text }
    }

    /// Takes the apostrophes off that a file of rejected rows has before its texts.
    pub(super) fn unguard(&mut self) {
        for (start, end, value) in &mut self.cells {
            if *value == Scalar::Text && is_guarded(&self.text[*start as usize..*end as usize]) {
                *start += 1;
            }
        }
    }

    /// Puts a value into an empty cell.
    pub(super) fn put(&mut self, index: usize, text: &str, value: Scalar) {
        if index >= self.cells.len() {
            return self.push_at(index, text, value);
        }
        let start = self.text.len() as u32;
        self.text.push_str(text);
        self.cells[index] = (start, self.text.len() as u32, value);
    }

    /// The cell of a column; from `LINKS_FROM` on, the address behind it.
    #[inline]
    pub fn get(&self, index: usize) -> Cell<'_> {
        match self.cells.get(index) {
            // Nobody takes the text of a formula for its value.
            Some(&(start, _, value @ Scalar::Uncomputed)) => {
                Cell { text: &self.text[start as usize..start as usize], value }
            }
            Some(&(start, end, value)) => Cell { text: &self.text[start as usize..end as usize], value },
            None => self.beyond(index),
        }
    }

    #[cold]
    fn beyond(&self, index: usize) -> Cell<'_> {
        let Some(column) = index.checked_sub(LINKS_FROM) else { return Cell::EMPTY };
        let (link, cell) = (self.link(column), self.get(column));
        // An address that stands there itself is what is meant, too.
        let plain = ["http://", "https://", "mailto:"].iter().any(|scheme| cell.text.trim_start().starts_with(scheme));
        if link.is_empty() && plain { cell } else { link }
    }

    /// The cells as a reject file keeps them: an address in the place of the text that it stood behind, a formula without a
    /// result as its text.
    pub fn kept(&self) -> impl Iterator<Item = Cell<'_>> {
        let cell = |index: usize| match (self.link(index), self.cells.get(index)) {
            (link, _) if !link.is_empty() => link,
            (_, Some(&(start, end, value @ Scalar::Uncomputed))) => {
                Cell { text: &self.text[start as usize..end as usize], value }
            }
            _ => self.get(index),
        };
        (0..self.len()).map(cell)
    }

    pub fn iter(&self) -> impl Iterator<Item = Cell<'_>> {
        (0..self.len()).map(|index| self.get(index))
    }
}

/// True for characters that no keyboard gives and nobody sees; all bytes are looked at at once, which takes a tenth of the
/// time of one after the other.
pub(super) fn holds_unseen(text: &[u8]) -> bool {
    // Between the tabulator and the carriage return stand line ends of several kinds.
    let unseen = |byte: u8| (byte < b'\t') | (byte.wrapping_sub(b'\r' + 1) < b' ' - b'\r' - 1);
    text.iter().fold(false, |found, byte| found | unseen(*byte))
}

/// By what the cells hold: between them may stand what a CSV has there.
impl PartialEq for Row {
    fn eq(&self, other: &Row) -> bool {
        self.number == other.number && self.iter().eq(other.iter())
    }
}

/// What stands between the quotes of `="…"`, if nothing else does.
fn kept_as_text<'a>(text: &'a str, quote: &str) -> Option<&'a str> {
    let inner = text.strip_prefix('=')?.strip_prefix(quote)?.strip_suffix(quote)?;
    (!inner.contains('"')).then_some(inner)
}

/// The names of errors of formulas in the languages of the accounts, and what Excel writes into a CSV for a column that is too
/// narrow. [Excel, LibreOffice]
#[rustfmt::skip]
const ERRORS: [&str; 36] = [
    "#N/A", "#REF!", "#DIV/0!", "#VALUE!", "#NAME?", "#NUM!", "#NULL!", "#SPILL!", "#CALC!", "#GETTING_DATA", "#FIELD!",
    "#BLOCKED!", "#CONNECT!", "#UNKNOWN!", "#BUSY!", "#EXTERNAL!", "#Н/Д", "#ССЫЛКА!", "#ССЫЛ!", "#ДЕЛ/0!", "#ЗНАЧ!", "#ИМЯ?",
    "#ЧИСЛО!", "#ПУСТО!", "#ПЕРЕНОС!", "#ВЫЧИСЛ!", "#N/D", "#¡REF!", "#¡DIV/0!", "#¡VALOR!", "#¿NOMBRE?", "#¡NUM!", "#¡NULO!",
    "#VALOR!", "#NOME?", "#NÚM!",
];

/// True for a cell that holds the name of an error and nothing else; `Err:502` and `Ошибка:502` are LibreOffice's.
pub fn is_error(text: &str) -> bool {
    const HASHES_MIN: usize = 4;
    let text = text.trim();
    if text.starts_with('#') {
        return ERRORS.contains(&text) || (text.len() >= HASHES_MIN && text.bytes().all(|byte| byte == b'#'));
    }
    let number = ["Err:", "Ошибка:"].iter().find_map(|prefix| text.strip_prefix(prefix));
    number.is_some_and(|digits| digits.len() == 3 && digits.bytes().all(|byte| byte.is_ascii_digit()))
}

/// A Latin letter, a digit or a sign, or the first byte of most Cyrillic letters: no need to look closer at a text.
fn never_blank(first: u8) -> bool {
    matches!(first, 0x21..=0x7E | 0xD0 | 0xD1)
}

fn text_or_empty(text: &str) -> Scalar {
    let blank = match text.as_bytes().first() {
        None => true,
        Some(first) if never_blank(*first) => false,
        Some(_) => text.chars().all(char::is_whitespace),
    };
    if blank { Scalar::Empty } else { Scalar::Text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_known_as_whole_cells() {
        for (text, error) in [
            ("#N/A", true),
            ("#ССЫЛ!", true),
            ("Err:502", true),
            ("Err:5022", false),
            ("Ernst", false),
            (" #ДЕЛ/0! ", true),
            ("########", true),
            ("#1", false),
            ("###", false),
            ("#N/A нет", false),
            ("см. #REF!", false),
            ("#тег", false),
        ] {
            assert_eq!(is_error(text), error, "{text}");
        }
    }

    #[test]
    fn cells_come_back_as_they_were_pushed_and_missing_ones_are_empty() {
        let mut row = Row::default();
        row.clear(7);
        row.push_text("Иван");
        row.push_text(" \u{a0}");
        row.push("12.5", Scalar::Number(12.5));
        assert_eq!(row.get(0), Cell { text: "Иван", value: Scalar::Text });
        assert!(row.get(1).is_empty());
        assert_eq!(row.get(2).value, Scalar::Number(12.5));
        assert!(row.get(9).is_empty());
        assert!(!row.is_blank());
        row.clear(8);
        row.push_text("");
        assert!(row.is_blank());
    }
}
