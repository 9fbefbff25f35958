//! One row of a table: all its text in one buffer, a typed slot per cell. A `Row` is made once and filled again and
//! again, so reading a million rows allocates like reading one.

use super::record::Span;

/// What a cell holds besides its text.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Scalar {
    /// Nothing, or nothing but white space.
    Empty,
    /// Text; every cell of a CSV is this or `Empty`.
    Text,
    Number(f64),
    /// A date, time or date-time cell: days since 1899-12-30, whatever epoch the workbook uses
    /// (the reader has already added the 1462 days of a 1904 workbook).
    Serial(f64),
    Bool(bool),
    /// `#N/A`, `#REF!` and the like; the text is the error's name.
    Error,
}

/// A cell as the person sees it: `text` is what they would read, `value` is what the file says it is.
///
/// Numbers read `1234.5` (a dot, no grouping, 15 significant digits; from 1e15 on in scientific form, because the
/// digits are no longer true). Serials read `2025-03-05`, `2025-03-05T10:30:00` or `10:30:00`. Booleans read
/// `true` / `false`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cell<'a> {
    pub text: &'a str,
    pub value: Scalar,
}

impl Cell<'_> {
    pub const EMPTY: Cell<'static> = Cell { text: "", value: Scalar::Empty };

    pub fn is_empty(&self) -> bool {
        matches!(self.value, Scalar::Empty)
    }
}

/// More text than a row has, but for a stray one.
const TEXT_BYTES_KEPT: usize = 64 << 10;

/// One row. Cells beyond the last one read as empty.
#[derive(Debug, Clone, Default)]
pub struct Row {
    /// As Excel shows it: counted from 1, header and blank lines counted.
    pub number: u32,
    text: String,
    /// Where in `text` each cell stands, and what it is.
    cells: Vec<(u32, u32, Scalar)>,
}

impl Row {
    pub fn clear(&mut self, number: u32) {
        self.number = number;
        // Rows are filled again and again, and one very long text should not stay with each of them.
        if self.text.capacity() > TEXT_BYTES_KEPT {
            self.text = String::new();
        }
        self.text.clear();
        self.cells.clear();
    }

    /// Bytes of text held.
    pub(super) fn text_bytes(&self) -> usize {
        self.text.len()
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
        for span in spans {
            let text = &record[span.start..span.end];
            if span.doubled || text.as_bytes().first() == Some(&b'=') {
                self.push_escaped(text, span.doubled);
            } else {
                self.cells.push((span.start as u32, span.end as u32, text_or_empty(text)));
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
        } else {
            self.push_text(text);
        }
    }

    pub fn push(&mut self, text: &str, value: Scalar) {
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

    pub fn get(&self, index: usize) -> Cell<'_> {
        let Some(&(start, end, value)) = self.cells.get(index) else { return Cell::EMPTY };
        Cell { text: &self.text[start as usize..end as usize], value }
    }

    pub fn iter(&self) -> impl Iterator<Item = Cell<'_>> {
        (0..self.len()).map(|index| self.get(index))
    }
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

fn text_or_empty(text: &str) -> Scalar {
    let blank = match text.as_bytes().first() {
        None => true,
        // A Latin letter, a digit or a sign, or the first byte of most Cyrillic letters: no need to look closer.
        Some(0x21..=0x7E | 0xD0 | 0xD1) => false,
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
