//! The cells of a sheet.

use super::markup::{Tag, TagForm, next_tag, prologue};
use super::strings::SharedStrings;
use super::text::{decode, decode_escapes, element_text, is_plain, string_item};
use super::window::TextWindow;
use super::{NeedsFallback, ScanResult, ScanStop};
use crate::cell::value::CellValue;
use crate::workbook::sheet::RawCell;
use crate::workbook::styles::CellFormats;
use std::io::Read;
use std::ops::ControlFlow;

/// Row numbers and column letters are at most this long.
const ROW_DIGITS_MAX: usize = 8;
const COLUMN_LETTERS_MAX: usize = 3;

enum SheetSection {
    Start,
    Head,
    Rows,
}

pub struct SheetScanner<'b> {
    strings: &'b SharedStrings,
    formats: &'b CellFormats,
    place: SheetSection,
    /// Open tags before the rows.
    open_tags: usize,
    in_row: bool,
    /// The position of a row or cell without a reference.
    row: u32,
    column: u32,
    /// The text of the last formula without a result.
    formula: String,
}

/// A cell as its markup describes it, without the workbook.
#[derive(Default)]
struct CellMarkup<'t> {
    /// Row and column.
    reference: Option<(u32, u32)>,
    style: Option<usize>,
    kind: Option<&'t str>,
    content: Content<'t>,
    formula: bool,
    /// The formula as written; empty if another cell has it.
    formula_text: &'t str,
    end: usize,
}

#[derive(Default, PartialEq)]
enum Content<'t> {
    #[default]
    Nothing,
    /// The value as written.
    Written(&'t str),
    /// An inline text, stored in the buffer.
    Inline,
}

impl<'b> SheetScanner<'b> {
    pub fn new(strings: &'b SharedStrings, formats: &'b CellFormats) -> SheetScanner<'b> {
        SheetScanner {
            strings,
            formats,
            place: SheetSection::Start,
            open_tags: 0,
            in_row: false,
            row: 0,
            column: 0,
            formula: String::new(),
        }
    }

    pub fn run(
        mut self,
        mut window: TextWindow<impl Read>,
        visit: &mut dyn FnMut(RawCell<'_>) -> ControlFlow<()>,
    ) -> Result<(), NeedsFallback> {
        let mut buffer = String::new();
        window.for_each(|text, at| match self.place {
            SheetSection::Rows => self.element(text, at, &mut buffer, visit),
            SheetSection::Head => self.head(text, at),
            SheetSection::Start => {
                let next = prologue(text)?;
                self.place = SheetSection::Head;
                Ok(Some(next))
            }
        })
    }

    /// The part before the rows.
    fn head(&mut self, text: &str, at: usize) -> ScanResult<Option<usize>> {
        let tag = next_tag(text, at)?;
        match tag.form {
            TagForm::Opening => self.open_tags += 1,
            TagForm::Closing => self.open_tags = self.open_tags.checked_sub(1).ok_or(ScanStop::NeedsFallback)?,
            TagForm::Empty => {}
        }
        match (tag.local, tag.form) {
            ("sheetData", TagForm::Empty) => return Ok(None),
            ("sheetData", TagForm::Opening) => self.place = SheetSection::Rows,
            ("dimension", TagForm::Opening | TagForm::Empty) => {
                area(tag.attribute("ref")?.ok_or(ScanStop::NeedsFallback)?)?;
            }
            _ => {}
        }
        Ok(Some(tag.end))
    }

    fn element(
        &mut self,
        text: &str,
        at: usize,
        buffer: &mut String,
        visit: &mut dyn FnMut(RawCell<'_>) -> ControlFlow<()>,
    ) -> ScanResult<Option<usize>> {
        let tag = next_tag(text, at)?;
        match (tag.local, tag.form) {
            ("c", TagForm::Opening | TagForm::Empty) => {
                buffer.clear();
                let cell = cell(text, &tag, buffer)?;
                let (row, column) = cell.reference.unwrap_or((self.row, self.column));
                // The caller stops beyond the last column; until then the number must not overflow.
                self.column = column.saturating_add(1);
                let (next, formula) = (cell.end, cell.formula);
                let value = match self.value(&cell, buffer)? {
                    CellValue::Empty if formula => {
                        self.formula.clear();
                        decode(cell.formula_text, &mut self.formula)?;
                        CellValue::Uncomputed(&self.formula)
                    }
                    value => value,
                };
                return Ok(visit(RawCell { row, column, value, formula }).is_continue().then_some(next));
            }
            ("row", form) if self.in_row == (form == TagForm::Closing) => {
                self.in_row = form == TagForm::Opening;
                if form != TagForm::Closing
                    && let Some(number) = tag.attribute("r")?
                {
                    self.row = row_index(number.as_bytes())?;
                }
                if form != TagForm::Opening {
                    self.row = self.row.saturating_add(1);
                    self.column = 0;
                }
            }
            ("sheetData", TagForm::Closing) if !self.in_row => return Ok(None),
            _ => return Err(ScanStop::NeedsFallback),
        }
        Ok(Some(tag.end))
    }

    fn value<'v>(&self, cell: &CellMarkup<'v>, buffer: &'v mut String) -> ScanResult<CellValue<'v>>
    where
        'b: 'v,
    {
        let strings: &'b SharedStrings = self.strings;
        let written = match cell.content {
            Content::Nothing => return Ok(CellValue::Empty),
            Content::Inline => return Ok(CellValue::Text(buffer)),
            Content::Written(written) => written,
        };
        Ok(match cell.kind {
            Some("inlineStr" | "is") => CellValue::Empty,
            Some("str") => {
                if is_plain(written) && memchr::memchr(b'_', written.as_bytes()).is_none() {
                    return Ok(CellValue::Text(written));
                }
                decode(written, buffer)?;
                decode_escapes(buffer, 0);
                CellValue::Text(buffer)
            }
            Some("d") if is_plain(written) => CellValue::IsoDateTime(written),
            Some("n" | "s" | "b" | "e") | None if written.is_empty() => CellValue::Empty,
            Some("s") => {
                let index = digits(written.as_bytes(), 9).ok_or(ScanStop::NeedsFallback)?;
                CellValue::Text(strings.get(index as usize).ok_or(ScanStop::NeedsFallback)?)
            }
            Some("b") => match written {
                "0" => CellValue::Bool(false),
                "1" => CellValue::Bool(true),
                _ => return Err(ScanStop::NeedsFallback),
            },
            Some("e") if is_plain(written) && written.trim() == written => CellValue::Error(written),
            Some("n") | None => self.number(cell.style, number(written).ok_or(ScanStop::NeedsFallback)?),
            Some(_) => return Err(ScanStop::NeedsFallback),
        })
    }

    fn number(&self, style: Option<usize>, number: f64) -> CellValue<'b> {
        let formats: &'b CellFormats = self.formats;
        style.map_or(CellValue::Number(number), |style| CellValue::number(number, formats.get(style)))
    }
}

fn cell<'t>(text: &'t str, opening: &Tag<'t>, buffer: &mut String) -> ScanResult<CellMarkup<'t>> {
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
            ("v" | "is", _) if cell.content != Content::Nothing => return Err(ScanStop::NeedsFallback),
            ("v", TagForm::Opening) => {
                let (written, end) = element_text(text, &tag)?;
                (cell.content, cell.end) = (Content::Written(written), end);
            }
            ("v", TagForm::Empty) => cell.content = Content::Written(""),
            ("is", TagForm::Opening) => {
                cell.end = string_item(text, &tag, buffer)?;
                cell.content = Content::Inline;
            }
            ("is", TagForm::Empty) => cell.content = Content::Inline,
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
    let mut attributes = tag.attributes();
    while let Some((key, value)) = attributes.next()? {
        let twice = match key {
            "r" => cell.reference.replace(parse_reference(value.as_bytes())?).is_some(),
            "s" => cell.style.replace(digits(value.as_bytes(), 6).ok_or(ScanStop::NeedsFallback)? as usize).is_some(),
            "t" => cell.kind.replace(value).is_some(),
            _ => false,
        };
        if twice {
            return Err(ScanStop::NeedsFallback);
        }
    }
    Ok(cell)
}

/// A well-formed formula, and the offset after it. The text of an array formula is dropped.
fn formula<'t>(text: &'t str, opening: &Tag<'t>) -> ScanResult<(&'t str, usize)> {
    let mut attributes = opening.attributes();
    let mut of_array = false;
    while let Some((key, value)) = attributes.next()? {
        match key {
            "t" => of_array = !matches!(value, "normal" | "shared"),
            "si" => _ = digits(value.as_bytes(), 9).ok_or(ScanStop::NeedsFallback)?,
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
fn area(written: &str) -> ScanResult<()> {
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

fn row_index(written: &[u8]) -> ScanResult<u32> {
    let number = digits(written, ROW_DIGITS_MAX).ok_or(ScanStop::NeedsFallback)?;
    number.checked_sub(1).map(|index| index as u32).ok_or(ScanStop::NeedsFallback)
}

/// An unsigned integer of at most this many digits.
fn digits(written: &[u8], digits_max: usize) -> Option<u64> {
    if written.is_empty() || written.len() > digits_max || !written.iter().all(u8::is_ascii_digit) {
        return None;
    }
    Some(written.iter().fold(0, |number, digit| number * 10 + u64::from(digit - b'0')))
}

/// A number as programs write it.
fn number(written: &str) -> Option<f64> {
    /// This many digits are exact.
    const INTEGER_DIGITS_MAX: usize = 15;
    let unsigned = written.strip_prefix('-').unwrap_or(written);
    if let Some(whole) = digits(unsigned.as_bytes(), INTEGER_DIGITS_MAX) {
        return Some(if unsigned.len() < written.len() { -(whole as f64) } else { whole as f64 });
    }
    let (mantissa, exponent) = match unsigned.find(['e', 'E']) {
        Some(at) => (&unsigned[..at], &unsigned[at + 1..]),
        None => (unsigned, "0"),
    };
    let (before, after) = mantissa.split_once('.').unwrap_or((mantissa, "0"));
    let exponent = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
    let all_digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if !(all_digits(before) && all_digits(after) && all_digits(exponent)) {
        return None;
    }
    written.parse().ok().filter(|number: &f64| number.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_those_that_programs_write() {
        for (written, expected) in [
            ("0", Some(0.0)),
            ("79001234567", Some(79_001_234_567.0)),
            ("-12.5", Some(-12.5)),
            ("1.2345E-5", Some(1.2345e-5)),
            ("1e+2", Some(100.0)),
            ("1234567890123456789", Some(1.234_567_890_123_456_8e18)),
            ("1E999", None),
            ("inf", None),
            ("nan", None),
            (" 1", None),
            ("+1", None),
            ("1.", None),
            (".5", None),
            ("1,5", None),
            ("1E", None),
            ("--1", None),
            ("", None),
        ] {
            assert_eq!(number(written), expected, "{written}");
        }
        assert!(number("-0").is_some_and(f64::is_sign_negative));
    }

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
