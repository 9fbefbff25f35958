//! One row of a table: all its text in one buffer, a typed slot per cell. A `Row` is made once and filled again and
//! again, so reading a million rows allocates like reading one.

pub mod hash;
pub mod header;
pub mod find_header;
pub mod totals;

use crate::cell::escape::is_escaped;
use crate::cell::{Cell, Scalar, is_error};

/// As many columns as Excel has.
pub const COLUMNS_MAX: usize = 16_384;

/// A cell's text within the bytes given, without its quotes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CellSpan {
    pub start: usize,
    pub end: usize,
    /// `""` in it stands for `"`.
    pub escaped: bool,
}

/// Longest text buffer kept between rows, in bytes; hardly any row is longer.
const TEXT_BYTES_KEPT: usize = 64 << 10;

/// What a row is as a whole.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum RowKind {
    #[default]
    Plain,
    /// The sheet does not show it.
    Hidden,
    /// The titles are repeated.
    Header,
    /// The workbook calls it a row of totals.
    Totals,
    /// The row below looks like the rest of it, which a line break has cut.
    Cut,
    /// It looks like the rest of the row above.
    Continuation,
}

/// The code of the rejection of a row that a line break has cut.
pub const ROW_CUT: &str = "row-cut";

/// One row. Cells beyond the last one read as empty.
#[derive(Debug, Clone, Default)]
pub struct Row {
    /// As Excel shows it: counted from 1, header and blank lines counted.
    pub number: u32,
    pub kind: RowKind,
    /// Every cell that holds anything is a formula.
    pub all_formulas: bool,
    /// Some text holds a character that cannot be seen.
    pub has_control: bool,
    /// Its first cell that holds anything begins with a word for a sum.
    pub is_total: bool,
    text: String,
    /// Where in `text` each cell stands, and what it is.
    cells: Vec<(u32, u32, Scalar)>,
    /// Addresses behind cells, in the few tables where they are wanted.
    links: Option<Box<CellLinks>>,
}

/// The column, and where in the row's text the address stands.
type CellLinks = Vec<(usize, u32, u32)>;

/// From here on, an index means not the cell of a column but the address behind it.
pub const LINK_INDEX_BASE: usize = 1 << 20;

impl Row {
    #[inline]
    pub fn clear(&mut self, number: u32) {
        self.number = number;
        self.kind = RowKind::Plain;
        self.all_formulas = false;
        self.has_control = false;
        self.is_total = false;
        // Rows are filled again and again, and one very long text should not stay with each of them.
        if self.text.capacity() > TEXT_BYTES_KEPT {
            self.text = String::new();
        }
        self.text.clear();
        self.cells.clear();
        self.links = None;
    }

    /// Bytes of text held.
    #[inline]
    pub(crate) fn text_bytes(&self) -> usize {
        self.text.len()
    }

    #[inline]
    pub fn len(&self) -> usize {
        self.cells.len()
    }

    #[inline]
    pub fn is_empty(&self) -> bool {
        self.cells.is_empty()
    }

    /// True when no cell holds anything: a line the person left blank.
    #[inline]
    pub fn is_blank(&self) -> bool {
        self.cells.iter().all(|(_, _, value)| matches!(value, Scalar::Empty))
    }

    /// Adds a cell of text; white space alone makes it empty, but its text is kept.
    #[inline]
    pub fn push_text(&mut self, text: &str) {
        self.push(text, text_or_empty(text));
    }

    /// Fills the row from a record of a CSV as it stands in the file, which is copied in one piece; `spans` are its cells.
    pub(crate) fn fill(&mut self, number: u32, record: &str, spans: &[CellSpan]) {
        self.clear(number);
        self.text.push_str(record);
        self.cells.reserve(spans.len());
        for span in spans {
            let first = record.as_bytes()[..span.end].get(span.start);
            match first {
                None => self.cells.push((span.start as u32, span.end as u32, Scalar::Empty)),
                Some(b'=' | b'#' | b'E') => self.push_csv_cell(&record[span.start..span.end], span.escaped),
                Some(_) if span.escaped => self.push_csv_cell(&record[span.start..span.end], true),
                Some(first) if is_never_blank(*first) => {
                    self.cells.push((span.start as u32, span.end as u32, Scalar::Text));
                }
                Some(_) => {
                    let value = text_or_empty(&record[span.start..span.end]);
                    self.cells.push((span.start as u32, span.end as u32, value));
                }
            }
        }
    }

    /// Adds a cell of a CSV; in `escaped` text, `""` stands for `"`. What Excel writes to keep a value text,
    /// `="000123"`, reads `000123`, as Excel shows it.
    fn push_csv_cell(&mut self, text: &str, escaped: bool) {
        if let Some(inner) = quoted_formula_text(text, if escaped { "\"\"" } else { "\"" }) {
            self.push_text(inner);
        } else if escaped {
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

    #[inline]
    pub fn push(&mut self, text: &str, value: Scalar) {
        self.has_control |= has_control_chars(text.as_bytes());
        let start = self.text.len() as u32;
        self.text.push_str(text);
        self.cells.push((start, self.text.len() as u32, value));
    }

    /// Adds a cell at a column, empty cells before it where there is a gap.
    pub(crate) fn push_at(&mut self, index: usize, text: &str, value: Scalar) {
        while self.cells.len() < index {
            self.push("", Scalar::Empty);
        }
        self.push(text, value);
    }

    pub(crate) fn push_link(&mut self, column: usize, address: &str) {
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
    pub(crate) fn unescape(&mut self) {
        for (start, end, value) in &mut self.cells {
            if *value == Scalar::Text && is_escaped(&self.text[*start as usize..*end as usize]) {
                *start += 1;
            }
        }
    }

    /// Puts a value into an empty cell.
    #[inline]
    pub(crate) fn set(&mut self, index: usize, text: &str, value: Scalar) {
        if index >= self.cells.len() {
            return self.push_at(index, text, value);
        }
        let start = self.text.len() as u32;
        self.text.push_str(text);
        self.cells[index] = (start, self.text.len() as u32, value);
    }

    /// The cell of a column; from `LINK_INDEX_BASE` on, the address behind it.
    #[inline]
    pub fn get(&self, index: usize) -> Cell<'_> {
        match self.cells.get(index) {
            // Nobody takes the text of a formula for its value.
            Some(&(start, _, value @ Scalar::Uncomputed)) => {
                Cell { text: &self.text[start as usize..start as usize], value }
            }
            Some(&(start, end, value)) => Cell { text: &self.text[start as usize..end as usize], value },
            None => self.link_or_empty(index),
        }
    }

    #[cold]
    fn link_or_empty(&self, index: usize) -> Cell<'_> {
        let Some(column) = index.checked_sub(LINK_INDEX_BASE) else { return Cell::EMPTY };
        let (link, cell) = (self.link(column), self.get(column));
        // An address that stands there itself is what is meant, too.
        let plain = ["http://", "https://", "mailto:"].iter().any(|scheme| cell.text.trim_start().starts_with(scheme));
        if link.is_empty() && plain { cell } else { link }
    }

    /// The cells as a reject file keeps them: an address in the place of the text that it stood behind, a formula without a
    /// result as its text.
    #[inline]
    pub fn reject_cells(&self) -> impl Iterator<Item = Cell<'_>> {
        let cell = |index: usize| match (self.link(index), self.cells.get(index)) {
            (link, _) if !link.is_empty() => link,
            (_, Some(&(start, end, value @ Scalar::Uncomputed))) => {
                Cell { text: &self.text[start as usize..end as usize], value }
            }
            _ => self.get(index),
        };
        (0..self.len()).map(cell)
    }

    #[inline]
    pub fn iter(&self) -> impl Iterator<Item = Cell<'_>> {
        (0..self.len()).map(|index| self.get(index))
    }
}

/// True for characters that no keyboard gives and nobody sees; all bytes are looked at at once, which takes a tenth of the
/// time of one after the other.
pub(crate) fn has_control_chars(text: &[u8]) -> bool {
    // Between the tabulator and the carriage return stand line ends of several kinds.
    let has_control = |byte: u8| (byte < b'\t') | (byte.wrapping_sub(b'\r' + 1) < b' ' - b'\r' - 1);
    text.iter().fold(false, |found, byte| found | has_control(*byte))
}

/// By what the cells hold: between them may stand what a CSV has there.
impl PartialEq for Row {
    fn eq(&self, other: &Row) -> bool {
        self.number == other.number && self.iter().eq(other.iter())
    }
}

/// What stands between the quotes of `="…"`, if nothing else does.
fn quoted_formula_text<'a>(text: &'a str, quote: &str) -> Option<&'a str> {
    let inner = text.strip_prefix('=')?.strip_prefix(quote)?.strip_suffix(quote)?;
    (!inner.contains('"')).then_some(inner)
}

/// A Latin letter, a digit or a sign, or the first byte of most Cyrillic letters: no need to look closer at a text.
fn is_never_blank(first: u8) -> bool {
    matches!(first, 0x21..=0x7E | 0xD0 | 0xD1)
}

fn text_or_empty(text: &str) -> Scalar {
    let blank = match text.as_bytes().first() {
        None => true,
        Some(first) if is_never_blank(*first) => false,
        Some(_) => text.chars().all(char::is_whitespace),
    };
    if blank { Scalar::Empty } else { Scalar::Text }
}

#[cfg(test)]
mod tests {
    use super::*;

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
