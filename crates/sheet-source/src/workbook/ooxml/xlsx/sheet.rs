//! The cells of a sheet.

use super::cell_markup::{CellContent, CellKind, CellMarkup, STRING_DIGITS_MAX, area, cell, digits, row_index};
use super::markup::{TagForm, next_tag, prologue};
use super::strings::SharedStrings;
use super::text::{decode, decode_escapes, is_plain};
use super::window::TextWindow;
use super::{NeedsFallback, ScanResult, ScanStop, usual};
use crate::cell::value::CellValue;
use crate::workbook::sheet::RawCell;
use crate::workbook::styles::CellFormats;
use std::io::Read;
use std::ops::ControlFlow;

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
    /// True if rows and cells of the usual form are read byte by byte.
    usual: bool,
}

/// Where cells go.
struct CellOutput<'o> {
    /// The text of a cell that is not stored as it is.
    buffer: String,
    visit: &'o mut dyn FnMut(RawCell<'_>) -> ControlFlow<()>,
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
            usual: true,
        }
    }

    /// Reads all by tags and attributes.
    #[cfg(test)]
    pub fn by_tags(self) -> SheetScanner<'b> {
        SheetScanner { usual: false, ..self }
    }

    pub fn run(
        mut self,
        mut window: TextWindow<impl Read>,
        visit: &mut dyn FnMut(RawCell<'_>) -> ControlFlow<()>,
    ) -> Result<(), NeedsFallback> {
        let mut output = CellOutput { buffer: String::new(), visit };
        window.for_each(|text, at| match self.place {
            SheetSection::Rows => match self.usual_elements(text, at, &mut output) {
                Some(end) if end == at => self.element(text, at, &mut output),
                end => Ok(end),
            },
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

    /// Reads rows and cells of the usual form. Returns the offset after the last one, or `None` if the caller wants no
    /// more cells.
    fn usual_elements(&mut self, text: &str, from: usize, output: &mut CellOutput<'_>) -> Option<usize> {
        let mut at = from;
        while self.usual {
            if let Some(cell) = usual::cell(text, at, &mut output.buffer) {
                match self.pass_on(&cell, output) {
                    Ok(next) => at = next?,
                    Err(_) => break,
                }
            } else if self.in_row
                && let Some(end) = usual::row_end(text, at)
            {
                self.end_row();
                at = end;
            } else if !self.in_row
                && let Some((row, end)) = usual::row(text, at)
            {
                (self.in_row, self.row) = (true, row);
                at = end;
            } else {
                break;
            }
        }
        Some(at)
    }

    fn element(&mut self, text: &str, at: usize, output: &mut CellOutput<'_>) -> ScanResult<Option<usize>> {
        let tag = next_tag(text, at)?;
        match (tag.local, tag.form) {
            ("c", TagForm::Opening | TagForm::Empty) => {
                output.buffer.clear();
                let cell = cell(text, &tag, &mut output.buffer)?;
                return self.pass_on(&cell, output);
            }
            ("row", form) if self.in_row == (form == TagForm::Closing) => {
                self.in_row = form == TagForm::Opening;
                if form != TagForm::Closing
                    && let Some(number) = tag.attribute("r")?
                {
                    self.row = row_index(number.as_bytes())?;
                }
                if form != TagForm::Opening {
                    self.end_row();
                }
            }
            ("sheetData", TagForm::Closing) if !self.in_row => return Ok(None),
            _ => return Err(ScanStop::NeedsFallback),
        }
        Ok(Some(tag.end))
    }

    fn end_row(&mut self) {
        self.in_row = false;
        self.row = self.row.saturating_add(1);
        self.column = 0;
    }

    /// Passes a cell on. Returns the offset after it, or `None` if the caller wants no more cells.
    fn pass_on(&mut self, cell: &CellMarkup<'_>, output: &mut CellOutput<'_>) -> ScanResult<Option<usize>> {
        let CellOutput { buffer, visit } = output;
        let (row, column) = cell.reference.unwrap_or((self.row, self.column));
        // The caller stops beyond the last column; until then the number must not overflow.
        self.column = column.saturating_add(1);
        let formula = cell.formula;
        let value = match self.value(cell, buffer)? {
            CellValue::Empty if formula => {
                self.formula.clear();
                decode(cell.formula_text, &mut self.formula)?;
                CellValue::Uncomputed(&self.formula)
            }
            value => value,
        };
        Ok(visit(RawCell { row, column, value, formula }).is_continue().then_some(cell.end))
    }

    fn value<'v>(&self, cell: &CellMarkup<'v>, buffer: &'v mut String) -> ScanResult<CellValue<'v>>
    where
        'b: 'v,
    {
        let strings: &'b SharedStrings = self.strings;
        let written = match cell.content {
            CellContent::Nothing => return Ok(CellValue::Empty),
            CellContent::Inline => return Ok(CellValue::Text(buffer)),
            CellContent::Written(written) => written,
        };
        Ok(match cell.kind {
            CellKind::Inline => CellValue::Empty,
            CellKind::Text => {
                if is_plain(written) && memchr::memchr(b'_', written.as_bytes()).is_none() {
                    return Ok(CellValue::Text(written));
                }
                buffer.clear();
                decode(written, buffer)?;
                decode_escapes(buffer, 0);
                CellValue::Text(buffer)
            }
            CellKind::Date if is_plain(written) => CellValue::IsoDateTime(written),
            CellKind::Number | CellKind::Shared | CellKind::Bool | CellKind::Error if written.is_empty() => {
                CellValue::Empty
            }
            CellKind::Shared => {
                let index = digits(written.as_bytes(), STRING_DIGITS_MAX).ok_or(ScanStop::NeedsFallback)?;
                CellValue::Text(strings.get(index as usize).ok_or(ScanStop::NeedsFallback)?)
            }
            CellKind::Bool => match written {
                "0" => CellValue::Bool(false),
                "1" => CellValue::Bool(true),
                _ => return Err(ScanStop::NeedsFallback),
            },
            CellKind::Error if is_plain(written) && written.trim() == written => CellValue::Error(written),
            CellKind::Number => self.number(cell.style, number(written).ok_or(ScanStop::NeedsFallback)?),
            CellKind::Date | CellKind::Error | CellKind::Unknown => return Err(ScanStop::NeedsFallback),
        })
    }

    fn number(&self, style: Option<usize>, number: f64) -> CellValue<'b> {
        let formats: &'b CellFormats = self.formats;
        style.map_or(CellValue::Number(number), |style| CellValue::number(number, formats.get(style)))
    }
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
}
