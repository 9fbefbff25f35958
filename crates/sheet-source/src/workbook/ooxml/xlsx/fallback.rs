//! The cells of a sheet whose XML is valid but unusual: comments inside values, blanks around numbers, attributes in
//! odd places. Slower than `sheet`, with the same cells as result.

use super::strings::SharedStrings;
use super::text::decode_escapes;
use super::xml::{TRUNCATED, Xml, attribute, damaged};
use crate::cell::value::CellValue;
use crate::file::error::WorkbookError;
use crate::workbook::sheet::RawCell;
use crate::workbook::styles::CellFormats;
use quick_xml::events::{BytesStart, Event};
use std::ops::ControlFlow;

pub struct FallbackReader<'b> {
    pub strings: &'b SharedStrings,
    pub formats: &'b CellFormats,
}

/// A cell as its XML describes it.
#[derive(Default)]
struct CellElement {
    reference: Option<(u32, u32)>,
    style: usize,
    kind: Option<String>,
    /// `None` if no value is stored.
    value: Option<String>,
    /// An inline text.
    inline: Option<String>,
    /// The text of the formula; empty if it is an array formula, or if another cell has it.
    formula: Option<String>,
}

impl FallbackReader<'_> {
    pub fn run(
        &self,
        xml: &mut Xml<'_>,
        visit: &mut dyn FnMut(RawCell<'_>) -> ControlFlow<()>,
    ) -> Result<(), WorkbookError> {
        let (mut row, mut column) = (0_u32, 0_u32);
        let mut in_cells = false;
        loop {
            let event = xml.next()?;
            match event {
                Event::Start(element) => match element.local_name().as_ref() {
                    "sheetData" => in_cells = true,
                    "row" if in_cells => {
                        if let Some(number) = attribute(&element, "r") {
                            row = row_index(&number)?;
                        }
                    }
                    "c" if in_cells => {
                        let cell = read_attributes(&element)?;
                        let cell = self.content(xml, cell)?;
                        let (at_row, at_column) = cell.reference.unwrap_or((row, column));
                        column = at_column.saturating_add(1);
                        let place = CellPosition(at_row, at_column);
                        let value = self.value(&cell, place)?;
                        if visit(RawCell { row: at_row, column: at_column, value, formula: cell.formula.is_some() })
                            .is_break()
                        {
                            return Ok(());
                        }
                    }
                    _ => {}
                },
                Event::End(element) => match element.local_name().as_ref() {
                    "row" if in_cells => (row, column) = (row.saturating_add(1), 0),
                    "sheetData" => return Ok(()),
                    _ => {}
                },
                Event::Eof => return Err(damaged(TRUNCATED)),
                _ => {}
            }
        }
    }

    fn content(&self, xml: &mut Xml<'_>, mut cell: CellElement) -> Result<CellElement, WorkbookError> {
        loop {
            let mut of_array = false;
            let part = match xml.next()? {
                Event::Start(element) => {
                    of_array |= attribute(&element, "t").is_some_and(|kind| !matches!(&*kind, "normal" | "shared"));
                    element.local_name().as_ref().to_owned()
                }
                Event::End(_) => return Ok(cell),
                Event::Eof => return Err(damaged(TRUNCATED)),
                _ => continue,
            };
            match part.as_str() {
                "v" => {
                    let value = cell.value.insert(String::new());
                    xml.text(value)?;
                    if cell.kind.as_deref() == Some("str") {
                        decode_escapes(value, 0);
                    }
                }
                "is" => SharedStrings::item_of(xml, cell.inline.insert(String::new()))?,
                "f" => {
                    let mut text = String::new();
                    xml.text(&mut text)?;
                    cell.formula = Some(if of_array { String::new() } else { text });
                }
                _ => xml.skip()?,
            }
        }
    }

    fn value<'v>(&'v self, cell: &'v CellElement, place: CellPosition) -> Result<CellValue<'v>, WorkbookError> {
        let own_text = matches!(cell.kind.as_deref(), Some("inlineStr" | "is")) || cell.value.is_none();
        if let Some(text) = cell.inline.as_deref().filter(|_| own_text) {
            return Ok(CellValue::Text(text));
        }
        let nothing = cell.formula.as_deref().map_or(CellValue::Empty, CellValue::Uncomputed);
        let Some(written) = cell.value.as_deref() else { return Ok(nothing) };
        let trimmed = written.trim();
        Ok(match cell.kind.as_deref() {
            Some("inlineStr" | "is") => nothing,
            Some("str") => CellValue::Text(written),
            Some("d") => CellValue::IsoDateTime(written),
            Some("n" | "s" | "b" | "e") | None if trimmed.is_empty() => nothing,
            Some("s") => {
                let index = trimmed.parse::<usize>().ok();
                let text = index.and_then(|index| self.strings.get(index));
                CellValue::Text(text.ok_or_else(|| place.damaged("refers to a missing text"))?)
            }
            Some("b") => match trimmed {
                "0" | "false" => CellValue::Bool(false),
                "1" | "true" => CellValue::Bool(true),
                _ => return Err(place.damaged("is neither true nor false")),
            },
            Some("e") => CellValue::Error(trimmed),
            Some("n") | None => {
                let number = trimmed.parse::<f64>().ok().filter(|number| number.is_finite());
                let number = number.ok_or_else(|| place.damaged("does not hold a valid number"))?;
                CellValue::number(number, self.formats.get(cell.style))
            }
            Some(_) => return Err(place.damaged("has an unknown type")),
        })
    }
}

#[derive(Clone, Copy)]
struct CellPosition(u32, u32);

impl CellPosition {
    fn damaged(self, what: &str) -> WorkbookError {
        let letter = crate::problem::column_letter(self.1 as usize);
        WorkbookError::Damaged(format!("cell {letter}{} {what}", self.0.saturating_add(1)))
    }
}

fn read_attributes(element: &BytesStart<'_>) -> Result<CellElement, WorkbookError> {
    Ok(CellElement {
        reference: attribute(element, "r").map(|written| parse_reference(&written)).transpose()?,
        style: attribute(element, "s").and_then(|style| style.trim().parse().ok()).unwrap_or(0),
        kind: attribute(element, "t"),
        ..CellElement::default()
    })
}

/// `B7` as row and column, counted from 0.
pub fn parse_reference(written: &str) -> Result<(u32, u32), WorkbookError> {
    let wrong = || damaged("a cell has no valid reference");
    let written = written.trim().replace('$', "");
    let letters = written.bytes().take_while(u8::is_ascii_alphabetic).count();
    if letters == 0 || letters > 3 {
        return Err(wrong());
    }
    let (letters, number) = written.split_at(letters);
    let column =
        letters.bytes().fold(0_u32, |sum, letter| sum * 26 + u32::from(letter.to_ascii_uppercase() - b'A') + 1);
    Ok((row_index(number)?, column - 1))
}

fn row_index(written: &str) -> Result<u32, WorkbookError> {
    let number = written.trim().parse::<u32>().ok().and_then(|number| number.checked_sub(1));
    number.ok_or_else(|| damaged("a row has no valid number"))
}
