//! One CSV record found in a stretch of bytes: where its cells begin and end. Knows quotes, delimiters and line ends;
//! knows nothing of files, encodings or row numbers. Working on bytes is right for UTF-8, where no part of a letter
//! looks like a quote, a delimiter or a line end.
//!
//! Written by hand rather than with the `csv` crate, because that one skips blank lines without a word, counts no
//! lines in files that end them with CR alone, and cannot say where an unclosed quote opened; a person sees all three
//! in Excel. `tests/table.rs` holds it to the `csv` crate on everything well formed.
//!
//! Where a file breaks the rules of quoting, nothing is thrown away:
//! - a quote inside an unquoted cell is text (`5" труба`);
//! - a cell that opens with a quote and goes on after it is text as it stands (`"Ромашка" ООО`);
//! - unless it also ends with one: then the quotes in between are text (`"труба 5" стальная"`, `"\"x\" y"`);
//! - spaces before an opening quote, if the cell closes properly in the same line, are dropped (`1, "a, b"`).

use memchr::{memchr, memchr3};

/// A cell this long is a quote somebody forgot to close: Excel holds 32 767 characters in a cell, at most 128 KiB.
pub const CELL_BYTES_MAX: usize = 1 << 20;
/// As many as Excel has.
pub const COLUMNS_MAX: usize = 16_384;

/// A cell's text within the bytes given, without its quotes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    pub start: usize,
    pub end: usize,
    /// `""` in it stands for `"`.
    pub doubled: bool,
}

#[derive(Debug, PartialEq, Eq)]
pub enum Scan {
    /// A record; the next one begins at `next`.
    Record {
        next: usize,
    },
    /// A line with nothing in it; the next one begins at `next`.
    Blank {
        next: usize,
    },
    /// The record goes on beyond the bytes given.
    More,
    /// There is nothing left.
    End,
    Broken(Broken),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Broken {
    /// The quote that opens this cell (counted from 0) never closes.
    Unclosed {
        cell: usize,
    },
    LongCell {
        cell: usize,
    },
    /// A cell between quotes, of which it is not known whether it ever ends.
    LongQuoted {
        cell: usize,
    },
    ManyColumns,
}

/// How a cell ended, and where its text is.
enum Cell {
    /// `at` is the delimiter, the line end, or the end of everything.
    Ends {
        span: Span,
        at: usize,
    },
    More,
    Broken(Broken),
}

/// Finds the record that begins at `from`; `last` says that no bytes will follow. `spans` is filled anew.
pub fn scan(bytes: &[u8], from: usize, last: bool, delimiter: u8, spans: &mut Vec<Span>) -> Scan {
    spans.clear();
    if from >= bytes.len() {
        return if last { Scan::End } else { Scan::More };
    }
    if matches!(bytes[from], b'\n' | b'\r') {
        return line_end(bytes, from, last).map_or(Scan::More, |next| Scan::Blank { next });
    }
    let mut start = from;
    loop {
        match cell(bytes, start, last, delimiter, spans.len()) {
            Cell::Ends { span, at } => {
                if spans.len() == COLUMNS_MAX {
                    return Scan::Broken(Broken::ManyColumns);
                }
                if span.end - span.start > CELL_BYTES_MAX {
                    return Scan::Broken(Broken::LongCell { cell: spans.len() });
                }
                spans.push(span);
                if at < bytes.len() && bytes[at] == delimiter {
                    start = at + 1;
                } else {
                    return line_end(bytes, at, last).map_or(Scan::More, |next| Scan::Record { next });
                }
            }
            Cell::More => return Scan::More,
            Cell::Broken(broken) => return Scan::Broken(broken),
        }
    }
}

/// Where the line after the line end at `at` begins; `None` when that is not known yet.
fn line_end(bytes: &[u8], at: usize, last: bool) -> Option<usize> {
    match (bytes.get(at), bytes.get(at + 1)) {
        (Some(b'\r'), Some(b'\n')) => Some(at + 2),
        (Some(b'\r'), None) if !last => None,
        (Some(_), _) => Some(at + 1),
        (None, _) => Some(at),
    }
}

fn cell(bytes: &[u8], start: usize, last: bool, delimiter: u8, index: usize) -> Cell {
    match bytes.get(start) {
        Some(b'"') => quoted(bytes, start, last, delimiter, index),
        Some(b' ') => padded(bytes, start, last, delimiter, index),
        _ => plain(bytes, start, start, last, delimiter, index),
    }
}

/// A cell without quotes around it: from `start` to the first delimiter or line end at or after `look`.
fn plain(bytes: &[u8], start: usize, look: usize, last: bool, delimiter: u8, index: usize) -> Cell {
    let end = match memchr3(delimiter, b'\n', b'\r', &bytes[look..]) {
        Some(found) => look + found,
        None if last => bytes.len(),
        None if bytes.len() - start > CELL_BYTES_MAX => return Cell::Broken(Broken::LongCell { cell: index }),
        None => return Cell::More,
    };
    Cell::Ends { span: Span { start, end, doubled: false }, at: end }
}

/// A cell that opens with a quote at `open`.
fn quoted(bytes: &[u8], open: usize, last: bool, delimiter: u8, index: usize) -> Cell {
    let start = open + 1;
    let mut doubled = false;
    let mut look = start;
    loop {
        let Some(found) = memchr(b'"', &bytes[look..]) else {
            return match last {
                true => Cell::Broken(Broken::Unclosed { cell: index }),
                false if bytes.len() - start > CELL_BYTES_MAX => Cell::Broken(Broken::LongQuoted { cell: index }),
                false => Cell::More,
            };
        };
        let quote = look + found;
        if quote - start > CELL_BYTES_MAX {
            return Cell::Broken(Broken::LongQuoted { cell: index });
        }
        let after = skip_spaces(bytes, quote + 1, delimiter);
        match bytes.get(quote + 1) {
            Some(b'"') => {
                doubled = true;
                look = quote + 2;
                continue;
            }
            None if !last => return Cell::More,
            _ if after == bytes.len() && !last => return Cell::More,
            _ if ends_cell(bytes, after, delimiter) => {
                return Cell::Ends { span: Span { start, end: quote, doubled }, at: after };
            }
            _ => return stray(bytes, open, quote, last, delimiter, index),
        }
    }
}

/// A quote at `quote`, inside a cell that opened with one, with text right behind it.
fn stray(bytes: &[u8], open: usize, quote: usize, last: bool, delimiter: u8, index: usize) -> Cell {
    match plain(bytes, open, quote + 1, last, delimiter, index) {
        Cell::Ends { span, at } => {
            let text = bytes[span.start..span.end].trim_ascii_end();
            let closing = span.start + text.len() - 1;
            if text.ends_with(b"\"") && closing > quote {
                Cell::Ends { span: Span { start: open + 1, end: closing, doubled: true }, at }
            } else {
                Cell::Ends { span, at }
            }
        }
        other => other,
    }
}

/// A cell that opens with spaces: a quoted one after all, if it closes properly in the same line.
fn padded(bytes: &[u8], start: usize, last: bool, delimiter: u8, index: usize) -> Cell {
    let text = skip_spaces(bytes, start, delimiter);
    if text == bytes.len() && !last {
        return Cell::More;
    }
    if bytes.get(text) != Some(&b'"') {
        return plain(bytes, start, start, last, delimiter, index);
    }
    let mut doubled = false;
    let mut look = text + 1;
    loop {
        match memchr3(b'"', b'\n', b'\r', &bytes[look..]).map(|found| look + found) {
            None if !last && bytes.len() - start <= CELL_BYTES_MAX => return Cell::More,
            Some(quote) if bytes[quote] == b'"' => {
                let after = skip_spaces(bytes, quote + 1, delimiter);
                if after == bytes.len() && !last {
                    return Cell::More;
                }
                if ends_cell(bytes, after, delimiter) {
                    return Cell::Ends { span: Span { start: text + 1, end: quote, doubled }, at: after };
                }
                if bytes.get(quote + 1) != Some(&b'"') {
                    return plain(bytes, start, start, last, delimiter, index);
                }
                doubled = true;
                look = quote + 2;
            }
            _ => return plain(bytes, start, start, last, delimiter, index),
        }
    }
}

fn skip_spaces(bytes: &[u8], from: usize, delimiter: u8) -> usize {
    let rest = bytes.get(from..).unwrap_or(&[]);
    from + rest.iter().take_while(|b| **b == b' ' && **b != delimiter).count()
}

fn ends_cell(bytes: &[u8], at: usize, delimiter: u8) -> bool {
    bytes.get(at).is_none_or(|b| *b == delimiter || matches!(b, b'\n' | b'\r'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cells(text: &str) -> Vec<String> {
        let mut spans = Vec::new();
        assert!(matches!(scan(text.as_bytes(), 0, true, b';', &mut spans), Scan::Record { .. }), "{text}");
        let text_of = |s: &Span| {
            let cell = &text[s.start..s.end];
            if s.doubled { cell.replace("\"\"", "\"") } else { cell.to_owned() }
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
            assert_eq!(scan(&whole[..cut], 0, false, b';', &mut spans), Scan::More, "{cut}");
        }
        assert_eq!(scan(whole, 0, false, b';', &mut spans), Scan::Record { next: whole.len() - 4 });
        assert_eq!(spans.len(), 3);
    }

    #[test]
    fn an_unclosed_quote_is_told_with_its_cell() {
        let mut spans = Vec::new();
        let broken = Scan::Broken(Broken::Unclosed { cell: 1 });
        assert_eq!(scan(b"a;\"never closed\nb;c\n", 0, true, b';', &mut spans), broken);
        let mut long = b"a;\"".to_vec();
        long.resize(CELL_BYTES_MAX + 10, b'x');
        // It may end behind what has been read.
        let long_quoted = Scan::Broken(Broken::LongQuoted { cell: 1 });
        assert_eq!(scan(&long, 0, false, b';', &mut spans), long_quoted);
        long.extend_from_slice(b"\";c\n");
        assert_eq!(scan(&long, 0, true, b';', &mut spans), long_quoted);
    }
}
