//! The apostrophe that stops a spreadsheet from evaluating a CSV text as a formula. Reports contain it, and reading a
//! file of rejected rows removes it. Pure.

use crate::cell::number::SIGNIFICANT_DIGITS;
use std::borrow::Cow;

/// The fewest digits of a phone number with a country code.
const PHONE_DIGITS_MIN: usize = 7;

/// A text for the CSV of a report: a text that a spreadsheet would evaluate gets an apostrophe, and so does a text
/// that starts with one.
pub fn escape_formula(text: &str) -> Cow<'_, str> {
    let needs_apostrophe = match text.as_bytes().first() {
        Some(b'\'' | b'=' | b'@') => true,
        // White space alone is an empty cell.
        Some(b'\t' | b'\r') => !text.trim().is_empty(),
        Some(b'+' | b'-') => !is_number(text) && !is_phone(text),
        _ => false,
    };
    if needs_apostrophe { Cow::Owned(format!("'{text}")) } else { Cow::Borrowed(text) }
}

/// A text for a CSV of rejected rows, which people edit in a spreadsheet and import again: a text that the
/// spreadsheet would convert on opening also gets an apostrophe.
pub fn escape_for_rejects(text: &str) -> Cow<'_, str> {
    if is_autoconverted(text) { Cow::Owned(format!("'{text}")) } else { escape_formula(text) }
}

/// True for a text that a spreadsheet converts to a number, date or time on opening a CSV and shows differently:
/// leading zeros, more digits than a number holds, an exponent, a comma before three digits, `1/2`, `1.5` and
/// `10:30`.
fn is_autoconverted(text: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if digits(text) {
        return text.len() > SIGNIFICANT_DIGITS || text.len() > 1 && text.starts_with('0');
    }
    let Some((before, after)) = text.split_once(|c: char| !c.is_ascii_digit()).filter(|(before, _)| digits(before))
    else {
        return false;
    };
    if let Some((mantissa, exponent)) = text.split_once(['e', 'E']) {
        let exponent = exponent.strip_prefix(['-', '+']).unwrap_or(exponent);
        return digits(exponent) && digits(&mantissa.replacen(['.', ','], "", 1));
    }
    let short = |part: &str| digits(part) && part.len() <= 2;
    match text.as_bytes()[before.len()] {
        b',' => after.split(',').all(|part| digits(part) && part.len() == 3),
        b'.' | b'-' => short(before) && short(after),
        b'/' => after.split('/').all(digits),
        b':' => after.split(':').all(short),
        _ => false,
    }
}

/// A text for a workbook of rejected rows, where nothing is evaluated: only a text that looks escaped is escaped.
pub fn escape_for_workbook(text: &str) -> Cow<'_, str> {
    if is_escaped(text) { Cow::Owned(format!("'{text}")) } else { Cow::Borrowed(text) }
}

/// True for a text whose apostrophe `escape_formula` or its variants can have added. An apostrophe that a person
/// typed before letters stays.
pub fn is_escaped(text: &str) -> bool {
    matches!(text.as_bytes(), [b'\'', b'\'' | b'=' | b'@' | b'\t' | b'\r' | b'+' | b'-', ..])
        || text.strip_prefix('\'').is_some_and(is_autoconverted)
}

/// `-5`, `+1 234,50`, `-12.5%`
fn is_number(text: &str) -> bool {
    let digits = text[1..].trim().trim_end_matches('%');
    let is_separator = |c: char| c.is_ascii_digit() || matches!(c, '.' | ',' | ' ' | '\u{a0}' | '\u{202f}');
    digits.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '.' | ',' | ' ' | '\u{a0}' | '\u{202f}'))
        && digits.contains(|c: char| c.is_ascii_digit())
        && digits.chars().all(is_separator)
}

/// `+7 (900) 123-45-67`, or several such numbers.
fn is_phone(text: &str) -> bool {
    let is_separator = |c: char| matches!(c, ' ' | '\u{a0}' | '(' | ')' | '-' | '.' | '/');
    let phone = |part: &str| {
        let digits = part.bytes().filter(u8::is_ascii_digit).count();
        digits >= PHONE_DIGITS_MIN
            && part.trim().trim_start_matches('+').chars().all(|c| c.is_ascii_digit() || is_separator(c))
    };
    text.starts_with('+') && text.split([',', ';', '\n']).all(phone)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_that_a_spreadsheet_evaluates_gets_an_apostrophe_and_loses_it_again() {
        for (text, csv, workbook) in [
            ("=1+1", "'=1+1", "=1+1"),
            ("@SUM(A1)", "'@SUM(A1)", "@SUM(A1)"),
            ("\t=1", "'\t=1", "\t=1"),
            ("\r=1", "'\r=1", "\r=1"),
            ("\t", "\t", "\t"),
            ("+A1", "'+A1", "+A1"),
            ("-2+3+cmd|' /C calc'!A0", "'-2+3+cmd|' /C calc'!A0", "-2+3+cmd|' /C calc'!A0"),
            ("- по просьбе", "'- по просьбе", "- по просьбе"),
            ("+", "'+", "+"),
            ("-5", "-5", "-5"),
            ("-1 234,50", "-1 234,50", "-1 234,50"),
            ("-12.5%", "-12.5%", "-12.5%"),
            ("+7 (900) 123-45-67", "+7 (900) 123-45-67", "+7 (900) 123-45-67"),
            (
                "+7 900 000-00-01, +7 900 000-00-02",
                "+7 900 000-00-01, +7 900 000-00-02",
                "+7 900 000-00-01, +7 900 000-00-02",
            ),
            ("+1-2", "'+1-2", "+1-2"),
            ("-1-2-3-4-5-6-7-8", "'-1-2-3-4-5-6-7-8", "-1-2-3-4-5-6-7-8"),
            ("'=1", "''=1", "''=1"),
            ("''=1", "'''=1", "'''=1"),
            ("'90s", "''90s", "'90s"),
            ("'", "''", "'"),
            ("''", "'''", "'''"),
            ("Иван", "Иван", "Иван"),
            ("1=1", "1=1", "1=1"),
            ("", "", ""),
        ] {
            assert_eq!(escape_formula(text), csv);
            assert_eq!(escape_for_workbook(text), workbook);
            for written in [escape_formula(text), escape_for_workbook(text)] {
                let read = if is_escaped(&written) { &written[1..] } else { &written };
                assert_eq!(read, text, "{written}");
            }
        }
        assert!(!is_escaped("'Ромашка' ООО") && !is_escaped("'90s") && !is_escaped("'5"));
        for (text, csv) in [
            ("007", "'007"),
            ("0", "0"),
            ("0.5", "'0.5"),
            ("0.125", "0.125"),
            ("0,125", "'0,125"),
            ("3,50", "3,50"),
            ("1,234,567", "'1,234,567"),
            ("1/2", "'1/2"),
            ("01/02/2025", "'01/02/2025"),
            ("01.02.2025", "01.02.2025"),
            ("2025-03-05", "2025-03-05"),
            ("10:30", "'10:30"),
            ("10:30 утра", "10:30 утра"),
            ("5 шт", "5 шт"),
            ("1e5", "'1e5"),
            ("1,5E-3", "'1,5E-3"),
            ("1e", "1e"),
            ("e5", "e5"),
            ("123456789012345", "123456789012345"),
            ("1234567890123456", "'1234567890123456"),
            ("'007", "''007"),
            ("=1", "'=1"),
        ] {
            let written = escape_for_rejects(text);
            assert_eq!(written, csv);
            assert_eq!(if is_escaped(&written) { &written[1..] } else { &written }, text);
            let in_workbook = escape_for_workbook(text);
            assert_eq!(if is_escaped(&in_workbook) { &in_workbook[1..] } else { &in_workbook }, text);
        }
    }
}
