//! The text of a cell, and the small changes that `as` may ask for.

use super::ValueError;
use sheet_source::message;
use sheet_source::{Cell, Scalar, is_truncated};
use std::borrow::Cow;

/// White space and invisible characters: joiners, direction marks, the byte order mark.
pub(super) fn is_blank(c: char) -> bool {
    c.is_whitespace() || is_invisible(c)
}

pub(super) fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// The text of a cell without the two escapes that keep Excel from reading a number: `="007"` and `'007` are `007`.
/// Numbers that lost digits and formula errors are refused.
pub fn text<'a>(cell: Cell<'a>) -> Result<Cow<'a, str>, ValueError> {
    match cell.value {
        Scalar::Error => Err(formula_error(cell.text)),
        Scalar::Uncomputed => Err(uncomputed()),
        Scalar::Number(_) if cell.text.bytes().any(|b| b.eq_ignore_ascii_case(&b'e')) => Err(lost_digits(cell.text)),
        Scalar::Text if cell.text.ends_with(']') && is_truncated(cell.text) => Err(truncated(cell.text)),
        Scalar::Text if starts_with_letter(cell.text) => Ok(Cow::Borrowed(cell.text)),
        Scalar::Text if excel_scientific(cell.text.trim_matches(is_blank)) => Err(lost_digits(cell.text)),
        Scalar::Text => Ok(without_escapes(cell.text)),
        Scalar::Empty | Scalar::Number(_) | Scalar::Formatted(..) | Scalar::Serial(_) | Scalar::Bool(_) => {
            Ok(Cow::Borrowed(cell.text))
        }
    }
}

/// True for a text that begins with a Latin letter or the first byte of a Cyrillic one: it is no number and has no
/// escape.
fn starts_with_letter(text: &str) -> bool {
    matches!(text.as_bytes().first(), Some(b'A'..=b'Z' | b'a'..=b'z' | 0xD0 | 0xD1))
}

/// The text without blanks at both ends.
pub fn trim(text: &str) -> Cow<'_, str> {
    Cow::Borrowed(text.trim_matches(is_blank))
}

pub fn upper(text: &str) -> Cow<'_, str> {
    if text.chars().any(|c| !c.to_uppercase().eq([c])) { Cow::Owned(text.to_uppercase()) } else { Cow::Borrowed(text) }
}

pub fn lower(text: &str) -> Cow<'_, str> {
    if text.chars().any(|c| !c.to_lowercase().eq([c])) { Cow::Owned(text.to_lowercase()) } else { Cow::Borrowed(text) }
}

/// The ASCII digits of a text; leading zeros are kept.
pub fn digits(text: &str) -> Cow<'_, str> {
    if text.bytes().all(|b| b.is_ascii_digit()) {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(text.chars().filter(char::is_ascii_digit).collect())
    }
}

/// The text without blanks, `="…"` and the apostrophe, for converters of short values.
pub(super) fn plain(text: &str) -> &str {
    if let [first, .., last] = text.as_bytes()
        && !matches!(first, b'=' | b'\'')
        && first.is_ascii_graphic()
        && last.is_ascii_graphic()
    {
        return text;
    }
    let text = text.trim_matches(is_blank);
    let inner = formula_text(text).unwrap_or(text);
    inner.strip_prefix('\'').unwrap_or(inner).trim_matches(is_blank)
}

/// The text of a cell; an error for formula errors and formulas without a result.
#[inline]
pub fn checked<'a>(cell: Cell<'a>) -> Result<&'a str, ValueError> {
    match cell.value {
        Scalar::Error => Err(formula_error(cell.text)),
        Scalar::Uncomputed => Err(uncomputed()),
        Scalar::Empty
        | Scalar::Text
        | Scalar::Number(_)
        | Scalar::Formatted(..)
        | Scalar::Serial(_)
        | Scalar::Bool(_) => Ok(cell.text),
    }
}

/// Refuses control characters: they come from damaged files and would be invisible in the CRM.
pub fn check_visible(text: &str) -> Result<(), ValueError> {
    let control = text.bytes().find(|byte| matches!(byte, 0..=8 | 14..=31));
    let Some(control) = control else { return Ok(()) };
    let what = message!("contains an invisible character (code {code})", code = u64::from(control));
    Err(ValueError::new("control-character", text, what).hint("remove it from the cell"))
}

/// The end of the text exists only in the account that it was exported from.
#[cold]
fn truncated(value: &str) -> ValueError {
    ValueError::new("text-cut", value, "was longer than an Excel cell can be and was cut")
        .hint("take the full text from a CSV of the same data (rejected.csv, an export to .csv), or remove the mark at its end to send the rest")
}

/// A program wrote the file without calculating its formulas.
#[cold]
fn uncomputed() -> ValueError {
    ValueError {
        code: "formula-without-result",
        message: "the formula in this cell was never calculated".into(),
        hint: Some("open the file in Excel or LibreOffice and save it".into()),
    }
}

#[cold]
fn formula_error(value: &str) -> ValueError {
    if value.trim_start().starts_with("##") {
        return ValueError::new("cell-error", value, "is what Excel shows when a column is too narrow for a number")
            .hint("make the column wider in Excel and save the file again");
    }
    ValueError::new("cell-error", value, "is a formula error, not a value")
        .hint("fix the formula in the workbook, or empty the cell")
}

pub(super) fn lost_digits(value: &str) -> ValueError {
    ValueError::new("scientific", value, "is a number in scientific notation; its last digits may be lost")
        .hint("format the column as text in Excel and paste the numbers again")
}

fn without_escapes(text: &str) -> Cow<'_, str> {
    if let Some(inner) = formula_text(text.trim_matches(is_blank)) {
        return if inner.contains("\"\"") { Cow::Owned(inner.replace("\"\"", "\"")) } else { Cow::Borrowed(inner) };
    }
    without_apostrophe(text)
}

/// The text without the apostrophe that keeps a spreadsheet from reading it as something else.
pub fn without_apostrophe(text: &str) -> Cow<'_, str> {
    match text.strip_prefix('\'') {
        Some(inner) if needs_apostrophe(inner) => Cow::Borrowed(inner),
        _ => Cow::Borrowed(text),
    }
}

/// The inverse of `text` for texts with an escaping apostrophe: `text` removes one, so the cell needs one more. `None`
/// if the text needs no change.
pub fn with_apostrophe(text: &str) -> Option<String> {
    text.strip_prefix('\'').filter(|inner| needs_apostrophe(inner)).map(|_| format!("'{text}"))
}

/// `="007"` is `007`.
fn formula_text(text: &str) -> Option<&str> {
    text.strip_prefix("=\"")?.strip_suffix('"')
}

/// True for texts that people escape with an apostrophe: numbers as text, and texts that would be formulas. An
/// apostrophe that opens a quotation, or belongs to a word as in `'90s`, is part of the text. Of several apostrophes,
/// the first escapes the others.
fn needs_apostrophe(inner: &str) -> bool {
    let inner = inner.trim_start_matches('\'');
    let numeric = |c: char| c.is_ascii_digit() || is_blank(c) || matches!(c, '+' | '-' | '(' | ')' | '.' | ',' | '/');
    !inner.ends_with('\'')
        && (inner.starts_with(['=', '+', '-', '@'])
            || (inner.chars().all(numeric) && inner.contains(|c: char| c.is_ascii_digit())))
}

/// True for `7,90E+10`, exactly as Excel shows it; `12E3` may be a product code.
fn excel_scientific(text: &str) -> bool {
    let Some((mantissa, exponent)) = text.split_once(['E', 'e']) else { return false };
    let mantissa = mantissa.strip_prefix('-').unwrap_or(mantissa);
    let (whole, fraction) = mantissa.split_once(['.', ',']).unwrap_or((mantissa, "0"));
    let digits = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
    whole.len() == 1
        && digits(whole)
        && digits(fraction)
        && exponent.strip_prefix(['+', '-']).is_some_and(|power| power.len() >= 2 && digits(power))
}

/// True for any number with an exponent, such as `1e3`; for targets in which letters have no other meaning.
pub(super) fn scientific(text: &str) -> bool {
    let Some((mantissa, exponent)) = text.split_once(['E', 'e']) else { return false };
    let power = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
    mantissa.contains(|c: char| c.is_ascii_digit())
        && mantissa.chars().all(|c| c.is_ascii_digit() || matches!(c, '.' | ',' | '+' | '-' | '−'))
        && !power.is_empty()
        && power.bytes().all(|b| b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_stays_as_it_is_but_for_the_escapes_of_excel() {
        for (input, expected) in [
            ("Иван ", "Иван "),
            ("007", "007"),
            ("'007", "007"),
            ("'+7 (900) 123-45-67", "+7 (900) 123-45-67"),
            ("'=SUM", "=SUM"),
            ("=\"007\"", "007"),
            ("=\"a\"\"b\"", "a\"b"),
            ("'Ромашка' ООО", "'Ромашка' ООО"),
            ("'90s", "'90s"),
            ("'12'", "'12'"),
            ("'", "'"),
            ("''", "''"),
            ("''=1+1", "'=1+1"),
            ("'''-5", "''-5"),
            ("''007", "'007"),
            ("''90s", "''90s"),
            ("12E3", "12E3"),
            ("1E5-77", "1E5-77"),
            ("-10% до пятницы", "-10% до пятницы"),
        ] {
            assert_eq!(text(Cell { text: input, value: Scalar::Text }).as_deref(), Ok(expected), "{input}");
        }
        let number = Cell { text: "4006381333931", value: Scalar::Number(4006381333931.0) };
        assert_eq!(text(number).as_deref(), Ok("4006381333931"));
        assert_eq!(text(Cell { text: "true", value: Scalar::Bool(true) }).as_deref(), Ok("true"));
    }

    #[test]
    fn a_text_that_would_lose_its_apostrophe_has_two() {
        for (value, written) in [
            ("'=1+1", Some("''=1+1")),
            ("''=1", Some("'''=1")),
            ("'-5", Some("''-5")),
            ("'+x", Some("''+x")),
            ("'@x", Some("''@x")),
            ("'007", Some("''007")),
            ("'плюс", None),
            ("'", None),
            ("=1", None),
        ] {
            assert_eq!(with_apostrophe(value).as_deref(), written);
            let written = written.unwrap_or(value);
            assert_eq!(text(Cell { text: written, value: Scalar::Text }).as_deref(), Ok(value), "{written}");
        }
    }

    #[test]
    fn a_number_that_lost_digits_and_the_error_of_a_formula_are_refused() {
        for (input, value, code) in [
            ("7.9E+10", Scalar::Text, "scientific"),
            ("7,90E+10", Scalar::Text, "scientific"),
            ("4e+15", Scalar::Text, "scientific"),
            ("1e16", Scalar::Number(1e16), "scientific"),
            ("#N/A", Scalar::Error, "cell-error"),
            (&sheet_source::truncate_marked(&"ж".repeat(40_000)), Scalar::Text, "text-cut"),
        ] {
            let error = text(Cell { text: input, value }).unwrap_err();
            assert_eq!(error.code, code);
            let begin: String = input.chars().take(20).collect();
            assert!(error.message.to_string().starts_with(&format!("\"{begin}")), "{}", error.message);
        }
    }

    #[test]
    fn changes_borrow_where_nothing_changes() {
        for (change, input, expected) in [
            (trim as fn(&str) -> Cow<'_, str>, " \u{a0}Иван\u{feff}\n", "Иван"),
            (upper, "straße ё", "STRASSE Ё"),
            (lower, "Иван IVAN", "иван ivan"),
            (digits, "+7 (900) 007", "7900007"),
        ] {
            assert_eq!(change(input), expected);
            assert!(matches!(change(expected), Cow::Borrowed(same) if same == expected), "{expected}");
        }
    }
}
