//! How to store a cell in a workbook so that it shows what the source showed and reads back as the same cell: numbers
//! and dates with their formats. Pure; the caller writes a cell that does not read back as text.

use crate::cell::number::write_number;
use crate::cell::number_format::NumberFormat;
use crate::cell::value::{self, CellValue};
use crate::cell::{Cell, DisplayKind, Scalar};

/// Excel counts a 29 February 1900: its earlier days are one lower than ours.
const EXACT_DAYS_FROM: f64 = 61.0;
/// Commas after a number that show it in thousands, millions, …
const SCALES_MAX: usize = 3;

/// A number as a workbook stores it, and its format; empty if it needs none.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredNumber {
    pub number: f64,
    pub format: String,
}

/// `None` for a cell without a number, or one that would not read back unchanged.
pub fn stored_number(cell: Cell<'_>) -> Option<StoredNumber> {
    let candidates = match cell.value {
        Scalar::Number(number) => vec![StoredNumber { number, format: String::new() }],
        Scalar::Serial(days) => stored_date(days, cell.text).into_iter().collect(),
        Scalar::Formatted(number, kind) => candidate_formats(number, kind, cell.text),
        Scalar::Empty | Scalar::Text | Scalar::Bool(_) | Scalar::Error | Scalar::Uncomputed => Vec::new(),
    };
    candidates.into_iter().find(|stored| stored.reads_back_as(cell))
}

impl StoredNumber {
    fn reads_back_as(&self, cell: Cell<'_>) -> bool {
        let format = NumberFormat::read(&self.format);
        let mut text = String::new();
        let value = value::write(CellValue::number(self.number, &format), false, &mut text);
        let same = match (value, cell.value) {
            (Scalar::Formatted(a, DisplayKind::Currency(one)), Scalar::Formatted(b, DisplayKind::Currency(other))) => {
                a == b && one.as_str() == other.as_str()
            }
            (read, wanted) => read == wanted,
        };
        same && text == cell.text
    }
}

fn stored_date(days: f64, text: &str) -> Option<StoredNumber> {
    let format = match (text.contains('-'), text.contains(':')) {
        (true, false) => "dd.mm.yyyy",
        (true, true) => "dd.mm.yyyy hh:mm:ss",
        (false, true) if days < 1.0 => "hh:mm:ss",
        (false, true) => "[hh]:mm:ss",
        (false, false) => return None,
    };
    let before_leap_bug = format.starts_with('d') && days < EXACT_DAYS_FROM;
    Some(StoredNumber { number: if before_leap_bug { days - 1.0 } else { days }, format: format.to_owned() })
}

/// Formats that can show the number like this.
fn candidate_formats(number: f64, kind: DisplayKind, text: &str) -> Vec<StoredNumber> {
    let with = |format: String| StoredNumber { number, format };
    if let DisplayKind::Currency(sign) = kind {
        return vec![with(format!("#,##0.00####\\ [${}]", sign.as_str()))];
    }
    let text = if number < 0.0 { text.strip_prefix('-').unwrap_or(text) } else { text };
    let scales = if kind == DisplayKind::Percent { 0..=0 } else { 0..=SCALES_MAX };
    let hundreds = if kind == DisplayKind::Percent { 100.0 } else { 1.0 };
    let by_scale = scales.filter_map(|scale| {
        let mut digits = String::new();
        write_number(number.abs() * hundreds / 1000_f64.powi(scale as i32), &mut digits);
        format_around(text, &digits, &",".repeat(scale))
    });
    by_scale.chain([format_digit_by_digit(text)]).map(with).collect()
}

/// The format of the digits in the text, with leading zeros and the words around them.
fn format_around(text: &str, digits: &str, commas: &str) -> Option<String> {
    let start = text.rfind(digits)?;
    let (before, after) = (&text[..start], &text[start + digits.len()..]);
    let words = before.trim_end_matches('0');
    let zeros = "0".repeat(before.len() - words.len());
    let places: String = digits.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    Some(format!("{}{zeros}{places}{commas}{}", format_literal(words), format_literal(after)))
}

/// A placeholder for each digit, and the characters between them: `12-34`.
fn format_digit_by_digit(text: &str) -> String {
    let place = |c: char| if c.is_ascii_digit() { "0".to_owned() } else { format_literal(c.encode_utf8(&mut [0; 4])) };
    text.chars().map(place).collect()
}

/// Quotes literal text; a percent sign stays unquoted because it multiplies.
fn format_literal(words: &str) -> String {
    words
        .split_inclusive(['%', '"'])
        .map(|part| match part.strip_suffix(['%', '"']) {
            Some("") if part == "%" => "%".to_owned(),
            Some("") => "\\\"".to_owned(),
            Some(before) if part.ends_with('%') => format!("\"{before}\"%"),
            Some(before) => format!("\"{before}\"\\\""),
            None => format!("\"{part}\""),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The cell that a stored number and its format give.
    fn cell(number: f64, format: &str) -> (String, Scalar) {
        let mut text = String::new();
        let value = value::write(CellValue::number(number, &NumberFormat::read(format)), false, &mut text);
        (text, value)
    }

    #[test]
    fn a_number_is_stored_so_that_it_reads_as_it_did() {
        for (number, format) in [
            (1234.5, ""),
            (0.1 + 0.2, ""),
            (1e15, ""),
            (1.5e-12, ""),
            (-5.0, ""),
            (123.0, "000000"),
            (17.0, "\"З-\"0000"),
            (17.0, "\"Договор 2024-\"0000"),
            (0.155, "0.0%"),
            (1.0, "0%"),
            (5.0, "0\" шт\""),
            (1.5, "0.0\" шт\""),
            (5.0, "\"№ \"0"),
            (-17.0, "\"З-\"0000"),
            (350_000.0, "0,\" тыс. руб.\""),
            (123_456.0, "00-00-00"),
            (99.5, "[$$-409]#,##0.00"),
            (0.155, "#,##0.00\" ₽\""),
            (-1234.0, "#,##0 [$€]"),
            (45_721.0, "dd.mm.yyyy"),
            (45_721.437_5, "yyyy-mm-dd hh:mm"),
            (0.437_5, "hh:mm"),
            (1.5, "[h]:mm"),
            (1.0, "dd.mm.yyyy"),
            (59.0, "dd.mm.yyyy"),
            (61.0, "dd.mm.yyyy"),
        ] {
            let (text, value) = cell(number, format);
            let stored = stored_number(Cell { text: &text, value });
            assert!(stored.is_some(), "{number} {format} {text} {value:?}");
        }
        let before_1900 = Cell { text: "1812-09-07", value: Scalar::Serial(-31_889.0) };
        assert_eq!(stored_number(before_1900), None, "no workbook counts these days");
        assert_eq!(stored_number(Cell { text: "007", value: Scalar::Text }), None);
    }

    #[test]
    fn a_corrected_number_is_shown_as_the_others_are() {
        let (text, value) = cell(17.0, "\"З-\"0000");
        let found = stored_number(Cell { text: &text, value }).unwrap();
        assert_eq!(cell(1234.0, &found.format).0, "З-1234");
    }
}
