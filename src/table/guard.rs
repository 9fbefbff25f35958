//! The apostrophe that keeps a spreadsheet from taking a text of a CSV for a formula. It stands in the reports of a run, and is
//! taken away from a file of rejected rows that comes back. Pure.

use std::borrow::Cow;

/// Digits of the shortest phone that is written with its country.
const PHONE_DIGITS_MIN: usize = 7;

/// A text as it stands in a CSV of a report: what a spreadsheet would count has an apostrophe in front, and so has a text
/// that begins with one.
pub fn guarded(text: &str) -> Cow<'_, str> {
    let guard = match text.as_bytes().first() {
        Some(b'\'' | b'=' | b'@') => true,
        // White space alone is an empty cell.
        Some(b'\t' | b'\r') => !text.trim().is_empty(),
        Some(b'+' | b'-') => !is_number(text) && !is_phone(text),
        _ => false,
    };
    if guard { Cow::Owned(format!("'{text}")) } else { Cow::Borrowed(text) }
}

/// A text as it stands in a workbook of rejected rows, where nothing is counted: only what would be taken for a guarded text
/// is guarded itself.
pub fn guarded_in_workbook(text: &str) -> Cow<'_, str> {
    if is_guarded(text) { Cow::Owned(format!("'{text}")) } else { Cow::Borrowed(text) }
}

/// True for a text with an apostrophe that `guarded` may have put there; one that a person has typed before letters stays.
pub fn is_guarded(text: &str) -> bool {
    matches!(text.as_bytes(), [b'\'', b'\'' | b'=' | b'@' | b'\t' | b'\r' | b'+' | b'-', ..])
}

/// `-5`, `+1 234,50`, `-12.5%`
fn is_number(text: &str) -> bool {
    let digits = text[1..].trim().trim_end_matches('%');
    let set_off = |c: char| c.is_ascii_digit() || matches!(c, '.' | ',' | ' ' | '\u{a0}' | '\u{202f}');
    digits.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '.' | ',' | ' ' | '\u{a0}' | '\u{202f}'))
        && digits.contains(|c: char| c.is_ascii_digit())
        && digits.chars().all(set_off)
}

/// `+7 (900) 123-45-67`, or several of them.
fn is_phone(text: &str) -> bool {
    let set_off = |c: char| matches!(c, ' ' | '\u{a0}' | '(' | ')' | '-' | '.' | '/');
    let phone = |part: &str| {
        let digits = part.bytes().filter(u8::is_ascii_digit).count();
        digits >= PHONE_DIGITS_MIN
            && part.trim().trim_start_matches('+').chars().all(|c| c.is_ascii_digit() || set_off(c))
    };
    text.starts_with('+') && text.split([',', ';', '\n']).all(phone)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_spreadsheet_would_count_has_an_apostrophe_and_loses_it_again() {
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
            assert_eq!(guarded(text), csv);
            assert_eq!(guarded_in_workbook(text), workbook);
            for written in [guarded(text), guarded_in_workbook(text)] {
                let read = if is_guarded(&written) { &written[1..] } else { &written };
                assert_eq!(read, text, "{written}");
            }
        }
        assert!(!is_guarded("'007") && !is_guarded("'Ромашка' ООО"));
    }
}
