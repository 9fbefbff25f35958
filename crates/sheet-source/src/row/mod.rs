//! A row of a table: all its text in one buffer, and a typed slot per cell. A `Row` is filled again and again, so
//! reading a million rows allocates like reading one.

pub mod hash;
pub mod header;
pub mod find_header;
pub mod totals;

use crate::cell::escape::is_escaped;
use crate::cell::{Cell, Scalar, is_error};

/// As many columns as Excel has.
pub const COLUMNS_MAX: usize = 16_384;

/// The text of a cell within a record, without its quotes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CellSpan {
    pub start: usize,
    pub end: usize,
    /// `""` inside it means `"`.
    pub escaped: bool,
}

/// The longest text buffer kept between rows, in bytes; hardly any row is longer.
const TEXT_BYTES_KEPT: usize = 64 << 10;

/// What kind of row it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum RowKind {
    #[default]
    Plain,
    /// The sheet does not show it.
    Hidden,
    /// The row repeats the titles.
    Header,
    /// The workbook marks it as a row of totals.
    Totals,
    /// A line break seems to have cut it: the row below looks like its rest.
    Cut,
    /// It looks like the rest of the row above.
    Continuation,
}

/// The code of a row rejected because a line break has cut it.
pub const ROW_CUT: &str = "row-cut";

/// A row. Cells beyond the last one read as empty.
#[derive(Debug, Clone, Default)]
pub struct Row {
    /// As Excel shows it: counted from 1, header and blank lines counted.
    pub number: u32,
    pub kind: RowKind,
    /// True if every cell with content is a formula.
    pub all_formulas: bool,
    /// True if a text contains a control character.
    pub has_control: bool,
    /// True if the first cell with content starts with a word for a total.
    pub is_total: bool,
    text: String,
    /// For each cell its span in `text` and its type.
    cells: Vec<(u32, u32, Scalar)>,
    /// Link addresses of cells, in the few tables that need them.
    links: Option<Box<CellLinks>>,
}

/// The column, and the span of the address in the text of the row.
type CellLinks = Vec<(usize, u32, u32)>;

/// Indexes from here on mean the link address of a column instead of its cell.
pub const LINK_INDEX_BASE: usize = 1 << 20;

impl Row {
    #[inline]
    pub fn clear(&mut self, number: u32) {
        self.number = number;
        self.kind = RowKind::Plain;
        self.all_formulas = false;
        self.has_control = false;
        self.is_total = false;
        // One very long text must not stay in memory with each reused row.
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

    /// True if no cell has content: a blank line.
    #[inline]
    pub fn is_blank(&self) -> bool {
        self.cells.iter().all(|(_, _, value)| matches!(value, Scalar::Empty))
    }

    /// Adds a text cell; white space alone makes it empty but keeps its text.
    #[inline]
    pub fn push_text(&mut self, text: &str) {
        self.push(text, text_or_empty(text));
    }

    /// Fills the row from a CSV record, which is copied as a whole; `spans` are its cells.
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

    /// Adds a CSV cell; in `escaped` text `""` means `"`. Excel writes `="000123"` to keep a value as text; it reads
    /// `000123`, as Excel shows it.
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

    /// Adds a cell at a column, after empty cells if there is a gap.
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

    /// Removes the apostrophes that a file of rejected rows adds to its texts.
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

    /// The cell of a column; from `LINK_INDEX_BASE` on, its link address.
    #[inline]
    pub fn get(&self, index: usize) -> Cell<'_> {
        match self.cells.get(index) {
            // The text of a formula is not its value.
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
        // A cell whose text is an address counts as well.
        let plain = ["http://", "https://", "mailto:"].iter().any(|scheme| cell.text.trim_start().starts_with(scheme));
        if link.is_empty() && plain { cell } else { link }
    }

    /// The cells as a reject file stores them: a link address in place of the linked text, and a formula without a
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

/// True if the text contains control characters that no keyboard enters. Checking all bytes without branches takes a
/// tenth of the time.
pub(crate) fn has_control_chars(text: &[u8]) -> bool {
    // The bytes from the tab to the carriage return are white space.
    let has_control = |byte: u8| (byte < b'\t') | (byte.wrapping_sub(b'\r' + 1) < b' ' - b'\r' - 1);
    text.iter().fold(false, |found, byte| found | has_control(*byte))
}

/// Compares the content of the cells; the buffers of CSV rows can contain other bytes between them.
impl PartialEq for Row {
    fn eq(&self, other: &Row) -> bool {
        self.number == other.number && self.iter().eq(other.iter())
    }
}

/// The text between the quotes of `="…"`, if it is the whole cell.
fn quoted_formula_text<'a>(text: &'a str, quote: &str) -> Option<&'a str> {
    let inner = text.strip_prefix('=')?.strip_prefix(quote)?.strip_suffix(quote)?;
    (!inner.contains('"')).then_some(inner)
}

/// An ASCII letter, digit or sign, or the first byte of most Cyrillic letters: such a text is not blank.
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
