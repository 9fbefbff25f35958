//! Finds one CSV record in a byte slice: the spans of its cells. Knows quotes, delimiters and line ends, but no
//! files, encodings or row numbers. Working on bytes is correct for UTF-8, where no part of a letter equals a quote,
//! a delimiter or a line end.
//!
//! The `csv` crate is not used here because it skips blank lines silently, counts no lines in files that end them
//! with CR alone, and cannot tell where an unclosed quote opened; a person sees all three in Excel.
//! `tests/it/csv_out.rs` compares the results with the `csv` crate on well-formed files.
//!
//! Where a file breaks the quoting rules, no text is lost:
//! - a quote inside an unquoted cell is text (`5" труба`);
//! - a cell that opens with a quote and continues after it is text as it is (`"Ромашка" ООО`);
//! - unless it also ends with a quote: then the inner quotes are text (`"труба 5" стальная"`, `"\"x\" y"`);
//! - spaces before an opening quote are dropped if the cell closes properly in the same line (`1, "a, b"`).

use crate::row::{COLUMNS_MAX, CellSpan};
use memchr::{memchr, memchr3};

/// A longer cell has a quote that was never closed: Excel allows 32 767 characters in a cell, at most 128 KiB.
pub const CELL_BYTES_MAX: usize = 1 << 20;
#[derive(Debug, PartialEq, Eq)]
pub enum RecordScan {
    /// A record; the next one begins at `next`.
    Record { next: usize },
    /// An empty line; the next record begins at `next`.
    Blank { next: usize },
    /// The record continues beyond the given bytes.
    More,
    /// No bytes are left.
    End,
    /// The cell (counted from 0) or the record exceeds a limit or never ends.
    Invalid { cell: usize, error: RecordError },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordError {
    /// The quote that opens the cell never closes.
    UnclosedQuote,
    CellTooLong,
    /// A quoted cell that exceeds the limit before it ends.
    QuotedCellTooLong,
    TooManyColumns,
}

/// How a cell ends, and where its text is.
enum CellScan {
    /// `at` is the offset of the delimiter, the line end, or the end of the file.
    Ends {
        span: CellSpan,
        at: usize,
    },
    More,
    Invalid(RecordError),
}

/// A slice of a CSV: its bytes, whether the file ends with them, and the delimiter.
#[derive(Clone, Copy)]
pub struct CsvBytes<'b> {
    pub bytes: &'b [u8],
    /// True if no bytes follow.
    pub last: bool,
    pub delimiter: u8,
}

impl CsvBytes<'_> {
    /// Finds the record that begins at `from`. `spans` is replaced with the spans of its cells.
    pub fn scan(self, from: usize, spans: &mut Vec<CellSpan>) -> RecordScan {
        let CsvBytes { bytes, last, delimiter } = self;
        spans.clear();
        if from >= bytes.len() {
            return if last { RecordScan::End } else { RecordScan::More };
        }
        if matches!(bytes[from], b'\n' | b'\r') {
            return self.next_line(from).map_or(RecordScan::More, |next| RecordScan::Blank { next });
        }
        let mut start = from;
        loop {
            match self.cell(start) {
                CellScan::Ends { span, at } => {
                    if spans.len() == COLUMNS_MAX {
                        return RecordScan::Invalid { cell: spans.len(), error: RecordError::TooManyColumns };
                    }
                    if span.end - span.start > CELL_BYTES_MAX {
                        return RecordScan::Invalid { cell: spans.len(), error: RecordError::CellTooLong };
                    }
                    spans.push(span);
                    if at < bytes.len() && bytes[at] == delimiter {
                        start = at + 1;
                    } else {
                        return self.next_line(at).map_or(RecordScan::More, |next| RecordScan::Record { next });
                    }
                }
                CellScan::More => return RecordScan::More,
                CellScan::Invalid(error) => return RecordScan::Invalid { cell: spans.len(), error },
            }
        }
    }

    /// The offset of the line after the line end at `at`; `None` if that is not known yet.
    #[inline]
    fn next_line(self, at: usize) -> Option<usize> {
        match (self.bytes.get(at), self.bytes.get(at + 1)) {
            (Some(b'\r'), Some(b'\n')) => Some(at + 2),
            (Some(b'\r'), None) if !self.last => None,
            (Some(_), _) => Some(at + 1),
            (None, _) => Some(at),
        }
    }

    #[inline]
    fn cell(self, start: usize) -> CellScan {
        match self.bytes.get(start) {
            Some(b'"') => self.quoted(start),
            Some(b' ') => self.space_padded(start),
            _ => self.unquoted(start, start),
        }
    }

    /// An unquoted cell: from `start` to the first delimiter or line end at or after `from_byte`.
    #[inline]
    fn unquoted(self, start: usize, from_byte: usize) -> CellScan {
        let CsvBytes { bytes, last, delimiter } = self;
        let end = match memchr3(delimiter, b'\n', b'\r', &bytes[from_byte..]) {
            Some(found) => from_byte + found,
            None if last => bytes.len(),
            None if bytes.len() - start > CELL_BYTES_MAX => return CellScan::Invalid(RecordError::CellTooLong),
            None => return CellScan::More,
        };
        CellScan::Ends { span: CellSpan { start, end, escaped: false }, at: end }
    }

    /// A cell that opens with a quote at the offset `open`.
    fn quoted(self, open: usize) -> CellScan {
        let CsvBytes { bytes, last, .. } = self;
        let start = open + 1;
        let mut escaped = false;
        let mut from_byte = start;
        loop {
            let Some(found) = memchr(b'"', &bytes[from_byte..]) else {
                return match last {
                    true => CellScan::Invalid(RecordError::UnclosedQuote),
                    false if bytes.len() - start > CELL_BYTES_MAX => CellScan::Invalid(RecordError::QuotedCellTooLong),
                    false => CellScan::More,
                };
            };
            let quote = from_byte + found;
            if quote - start > CELL_BYTES_MAX {
                return CellScan::Invalid(RecordError::QuotedCellTooLong);
            }
            let after = self.skip_spaces(quote + 1);
            match bytes.get(quote + 1) {
                Some(b'"') => {
                    escaped = true;
                    from_byte = quote + 2;
                    continue;
                }
                None if !last => return CellScan::More,
                _ if after == bytes.len() && !last => return CellScan::More,
                _ if self.ends_cell(after) => {
                    return CellScan::Ends { span: CellSpan { start, end: quote, escaped }, at: after };
                }
                _ => return self.after_stray_quote(open, quote),
            }
        }
    }

    /// A quote at the offset `quote` inside a quoted cell, followed directly by text.
    fn after_stray_quote(self, open: usize, quote: usize) -> CellScan {
        match self.unquoted(open, quote + 1) {
            CellScan::Ends { span, at } => {
                let text = self.bytes[span.start..span.end].trim_ascii_end();
                let closing = span.start + text.len() - 1;
                if text.ends_with(b"\"") && closing > quote {
                    CellScan::Ends { span: CellSpan { start: open + 1, end: closing, escaped: true }, at }
                } else {
                    CellScan::Ends { span, at }
                }
            }
            other => other,
        }
    }

    /// A cell that starts with spaces; it is quoted if its quotes close properly in the same line.
    fn space_padded(self, start: usize) -> CellScan {
        let CsvBytes { bytes, last, .. } = self;
        let text = self.skip_spaces(start);
        if text == bytes.len() && !last {
            return CellScan::More;
        }
        if bytes.get(text) != Some(&b'"') {
            return self.unquoted(start, start);
        }
        let mut escaped = false;
        let mut from_byte = text + 1;
        loop {
            match memchr3(b'"', b'\n', b'\r', &bytes[from_byte..]).map(|found| from_byte + found) {
                None if !last && bytes.len() - start <= CELL_BYTES_MAX => return CellScan::More,
                Some(quote) if bytes[quote] == b'"' => {
                    let after = self.skip_spaces(quote + 1);
                    if after == bytes.len() && !last {
                        return CellScan::More;
                    }
                    if self.ends_cell(after) {
                        return CellScan::Ends { span: CellSpan { start: text + 1, end: quote, escaped }, at: after };
                    }
                    if bytes.get(quote + 1) != Some(&b'"') {
                        return self.unquoted(start, start);
                    }
                    escaped = true;
                    from_byte = quote + 2;
                }
                _ => return self.unquoted(start, start),
            }
        }
    }

    #[inline]
    fn skip_spaces(self, from: usize) -> usize {
        let rest = self.bytes.get(from..).unwrap_or(&[]);
        from + rest.iter().take_while(|b| **b == b' ' && **b != self.delimiter).count()
    }

    #[inline]
    fn ends_cell(self, at: usize) -> bool {
        self.bytes.get(at).is_none_or(|b| *b == self.delimiter || matches!(b, b'\n' | b'\r'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scan(bytes: &[u8], last: bool, spans: &mut Vec<CellSpan>) -> RecordScan {
        CsvBytes { bytes, last, delimiter: b';' }.scan(0, spans)
    }

    fn cells(text: &str) -> Vec<String> {
        let mut spans = Vec::new();
        assert!(matches!(scan(text.as_bytes(), true, &mut spans), RecordScan::Record { .. }), "{text}");
        let text_of = |s: &CellSpan| {
            let cell = &text[s.start..s.end];
            if s.escaped { cell.replace("\"\"", "\"") } else { cell.to_owned() }
        };
        spans.iter().map(text_of).collect()
    }

    #[test]
    fn quotes_good_and_bad_lose_no_text() {
        for (line, expected) in [
            ("a;b", &["a", "b"][..]),
            ("a;;", &["a", "", ""]),
            ("\"a;\nb\";\"\"\"x\"\"\"", &["a;\nb", "\"x\""]),
            ("труба 5\" стальная;x", &["труба 5\" стальная", "x"]),
            ("\"A\" Corp;x", &["\"A\" Corp", "x"]),
            ("\"A; B\" Corp;x", &["\"A; B\" Corp", "x"]),
            ("\"A \\\"x\\\" B\";c", &["A \\\"x\\\" B", "c"]),
            ("\"a\" ; \"b;c\" ;d", &["a", "b;c", "d"]),
            (" b; \"b\" c", &[" b", " \"b\" c"]),
            ("\"\";\"\"", &["", ""]),
            ("=\"007\";1", &["=\"007\"", "1"]),
        ] {
            assert_eq!(cells(line), expected, "{line}");
        }
    }

    #[test]
    fn a_record_cut_short_asks_for_more_at_every_cut() {
        let whole = b"\"a\"\"b\" ;c; \"d\"\r\nnext";
        let mut spans = Vec::new();
        for cut in 0..whole.len() - 4 {
            assert_eq!(scan(&whole[..cut], false, &mut spans), RecordScan::More, "{cut}");
        }
        assert_eq!(scan(whole, false, &mut spans), RecordScan::Record { next: whole.len() - 4 });
        assert_eq!(spans.len(), 3);
    }

    #[test]
    fn an_unclosed_quote_is_reported_with_its_cell() {
        let mut spans = Vec::new();
        let broken = RecordScan::Invalid { cell: 1, error: RecordError::UnclosedQuote };
        assert_eq!(scan(b"a;\"never closed\nb;c\n", true, &mut spans), broken);
        let mut long = b"a;\"".to_vec();
        long.resize(CELL_BYTES_MAX + 10, b'x');
        // The quote can close in bytes that are not read yet.
        let long_quoted = RecordScan::Invalid { cell: 1, error: RecordError::QuotedCellTooLong };
        assert_eq!(scan(&long, false, &mut spans), long_quoted);
        long.extend_from_slice(b"\";c\n");
        assert_eq!(scan(&long, true, &mut spans), long_quoted);
    }
}
