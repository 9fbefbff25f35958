//! A cell as its markup describes it, without the workbook.

use super::markup::{Tag, TagForm, next_tag};
use super::text::{decode, element_text, is_plain, string_item};
use super::{ScanResult, ScanStop};

/// Row numbers, column letters, styles and numbers of shared strings are at most this long.
pub const ROW_DIGITS_MAX: usize = 8;
pub const COLUMN_LETTERS_MAX: usize = 3;
pub const STYLE_DIGITS_MAX: usize = 6;
pub const STRING_DIGITS_MAX: usize = 9;

#[derive(Debug, Default, PartialEq)]
pub struct CellMarkup<'t> {
    /// Row and column.
    pub reference: Option<(u32, u32)>,
    pub style: Option<usize>,
    pub kind: CellKind,
    pub content: CellContent<'t>,
    pub formula: bool,
    /// The formula as written; empty if another cell has it.
    pub formula_text: &'t str,
    pub end: usize,
}

/// The type of a cell, `t`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum CellKind {
    #[default]
    Number,
    Shared,
    Text,
    Inline,
    Bool,
    Error,
    Date,
    Unknown,
}

impl CellKind {
    fn of(written: &str) -> CellKind {
        match written {
            "n" => CellKind::Number,
            "s" => CellKind::Shared,
            "str" => CellKind::Text,
            "inlineStr" | "is" => CellKind::Inline,
            "b" => CellKind::Bool,
            "e" => CellKind::Error,
            "d" => CellKind::Date,
            _ => CellKind::Unknown,
        }
    }
}

#[derive(Debug, Default, PartialEq)]
pub enum CellContent<'t> {
    #[default]
    Nothing,
    /// The value as written.
    Written(&'t str),
    /// An inline text, stored in the buffer.
    Inline,
}

/// The cell that `opening` begins; an inline text goes into `buffer`.
pub fn cell<'t>(text: &'t str, opening: &Tag<'t>, buffer: &mut String) -> ScanResult<CellMarkup<'t>> {
    let mut cell = read_attributes(opening)?;
    if opening.form == TagForm::Empty {
        return Ok(cell);
    }
    loop {
        let tag = next_tag(text, cell.end)?;
        cell.end = tag.end;
        match (tag.local, tag.form) {
            (_, TagForm::Closing) if tag.name == opening.name => return Ok(cell),
            // The full reader decides which of several values counts.
            ("v" | "is", _) if cell.content != CellContent::Nothing => return Err(ScanStop::NeedsFallback),
            ("v", TagForm::Opening) => {
                let (written, end) = element_text(text, &tag)?;
                (cell.content, cell.end) = (CellContent::Written(written), end);
            }
            ("v", TagForm::Empty) => cell.content = CellContent::Written(""),
            ("is", TagForm::Opening) => {
                cell.end = string_item(text, &tag, buffer)?;
                cell.content = CellContent::Inline;
            }
            ("is", TagForm::Empty) => cell.content = CellContent::Inline,
            ("f", TagForm::Opening | TagForm::Empty) => {
                (cell.formula_text, cell.end) = formula(text, &tag)?;
                cell.formula = true;
            }
            _ => return Err(ScanStop::NeedsFallback),
        }
    }
}

/// The attributes of a cell.
fn read_attributes<'t>(tag: &Tag<'t>) -> ScanResult<CellMarkup<'t>> {
    let mut cell = CellMarkup { end: tag.end, ..CellMarkup::default() };
    let mut kind: Option<CellKind> = None;
    let mut attributes = tag.attributes();
    while let Some((key, value)) = attributes.next()? {
        let twice = match key {
            "r" => cell.reference.replace(parse_reference(value.as_bytes())?).is_some(),
            "s" => {
                let style = digits(value.as_bytes(), STYLE_DIGITS_MAX).ok_or(ScanStop::NeedsFallback)?;
                cell.style.replace(style as usize).is_some()
            }
            "t" => kind.replace(CellKind::of(value)).is_some(),
            _ => false,
        };
        if twice {
            return Err(ScanStop::NeedsFallback);
        }
    }
    Ok(CellMarkup { kind: kind.unwrap_or_default(), ..cell })
}

/// A well-formed formula, and the offset after it. The text of an array formula is dropped.
fn formula<'t>(text: &'t str, opening: &Tag<'t>) -> ScanResult<(&'t str, usize)> {
    let mut attributes = opening.attributes();
    let mut of_array = false;
    while let Some((key, value)) = attributes.next()? {
        match key {
            "t" => of_array = !matches!(value, "normal" | "shared"),
            "si" => _ = digits(value.as_bytes(), STRING_DIGITS_MAX).ok_or(ScanStop::NeedsFallback)?,
            "ref" => area(value)?,
            _ => {}
        }
    }
    if opening.attribute("t")? == Some("shared") && opening.attribute("si")?.is_none() {
        return Err(ScanStop::NeedsFallback);
    }
    if opening.form == TagForm::Empty {
        return Ok(("", opening.end));
    }
    let (written, end) = element_text(text, opening)?;
    if !is_plain(written) {
        decode(written, &mut String::new())?;
    }
    Ok((if of_array { "" } else { written }, end))
}

/// Checks that it is `A1` or `A1:C5`.
pub fn area(written: &str) -> ScanResult<()> {
    let (first, last) = written.split_once(':').unwrap_or((written, written));
    let (first, last) = (parse_reference(first.as_bytes())?, parse_reference(last.as_bytes())?);
    if first.0 > last.0 || first.1 > last.1 {
        return Err(ScanStop::NeedsFallback);
    }
    Ok(())
}

/// `B7` as row and column, counted from 0.
fn parse_reference(written: &[u8]) -> ScanResult<(u32, u32)> {
    let letters = written.iter().take_while(|byte| byte.is_ascii_uppercase()).count();
    if !(1..=COLUMN_LETTERS_MAX).contains(&letters) {
        return Err(ScanStop::NeedsFallback);
    }
    let (letters, number) = written.split_at(letters);
    let column = letters.iter().fold(0, |column, letter| column * 26 + u32::from(letter - b'A') + 1);
    Ok((row_index(number)?, column - 1))
}

pub fn row_index(written: &[u8]) -> ScanResult<u32> {
    let number = digits(written, ROW_DIGITS_MAX).ok_or(ScanStop::NeedsFallback)?;
    number.checked_sub(1).map(|index| index as u32).ok_or(ScanStop::NeedsFallback)
}

/// An unsigned integer of at most this many digits.
pub fn digits(written: &[u8], digits_max: usize) -> Option<u64> {
    if written.is_empty() || written.len() > digits_max || !written.iter().all(u8::is_ascii_digit) {
        return None;
    }
    Some(written.iter().fold(0, |number, digit| number * 10 + u64::from(digit - b'0')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_rows_and_columns() {
        for (written, expected) in [
            ("A1", Some((0, 0))),
            ("Z10", Some((9, 25))),
            ("AA2", Some((1, 26))),
            ("XFD1048576", Some((1_048_575, 16_383))),
            ("a1", None),
            ("A0", None),
            ("A", None),
            ("1", None),
            ("AAAA1", None),
            ("A1B", None),
            ("$A$1", None),
            ("A123456789", None),
        ] {
            assert_eq!(parse_reference(written.as_bytes()).ok(), expected, "{written}");
        }
        assert!(area("A1:C5").is_ok() && area("B2").is_ok());
        assert!(area("C5:A1").is_err() && area("A1:B2:C3").is_err());
    }
}
