//! A row of a sheet as in the file: its cells with content, how often each is repeated, and its attributes.

use super::cell_attributes::{CellAttributes, OdsValue};
use super::damaged;
use super::text::{ROW_TEXT_BYTES_MAX, RowText, cell_text};
use super::xml::{Ns, XmlEvent, XmlStream, XmlTag, repeat_count};
use crate::cell::value::CellValue;
use crate::file::error::WorkbookError;
use crate::row::COLUMNS_MAX;
use crate::workbook::sheet::CELL_OUT_OF_BOUNDS;
use std::io::Read;
use std::ops::Range;

/// Memory for the addresses of one row; the longest address in browsers has 2 KB.
const LINKS_BYTES_MAX: usize = 1 << 20;

#[derive(Default)]
pub struct OdsRow {
    /// Counted from 0.
    pub first: u32,
    /// How many consecutive rows are equal.
    pub repeat: u32,
    pub hidden: bool,
    pub merged: Vec<SpannedCells>,
    pub links: Vec<(Range<u32>, String)>,
    /// Whether to make values, or only to look for content.
    values: bool,
    links_bytes: usize,
    text: RowText,
    cells: Vec<OdsCell>,
    has_cells_out_of_bounds: bool,
}

/// Adjacent cells with the same value.
pub struct OdsCell {
    pub columns: Range<u32>,
    /// True for the result of a formula.
    pub formula: bool,
    text: Range<usize>,
    stored: OdsValue,
}

/// Adjacent cells that are each merged with cells to the right and below.
pub struct SpannedCells {
    pub columns: Range<u32>,
    pub width: u32,
    pub height: u32,
}

impl OdsRow {
    /// A row for reading; without `values` cells are only counted.
    pub fn new(values: bool) -> OdsRow {
        OdsRow { values, ..OdsRow::default() }
    }

    /// Reads the row whose start tag was the last event.
    pub fn read<R: Read>(&mut self, stream: &mut XmlStream<R>) -> Result<(), WorkbookError> {
        let outside = stream.depth() - 1;
        let mut column = 0_u32;
        while stream.depth() > outside {
            let (covered, formula, attributes) = match stream.next()? {
                XmlEvent::Start(tag) if tag.is(Ns::Table, "table-cell") => {
                    (false, self.values && tag.has(Ns::Table, "formula")?, Some(CellAttributes::of(&tag)?))
                }
                XmlEvent::Start(tag) if tag.is(Ns::Table, "covered-table-cell") => {
                    (true, false, Some(CellAttributes::of(&tag)?))
                }
                XmlEvent::Start(_) => (false, false, None),
                XmlEvent::End | XmlEvent::Text(_) | XmlEvent::Char(_) | XmlEvent::Other | XmlEvent::Eof => {
                    continue;
                }
            };
            let Some(attributes) = attributes else {
                stream.skip()?;
                continue;
            };
            let columns = column..column.saturating_add(attributes.repeat);
            column = columns.end;
            match covered {
                // Content below a merged cell is not shown.
                true => stream.skip()?,
                false => self.cell(stream, (&attributes, formula), columns)?,
            }
        }
        Ok(())
    }

    fn cell<R: Read>(
        &mut self,
        stream: &mut XmlStream<R>,
        (attributes, formula): (&CellAttributes, bool),
        columns: Range<u32>,
    ) -> Result<(), WorkbookError> {
        let start = self.text.len();
        let links = cell_text(stream, &mut self.text)?;
        let stored = match self.values {
            true => self.text.edit(|text| attributes.value(start, text)),
            false => attributes.is_filled(&self.text.as_str()[start..]).then_some(OdsValue::Uncomputed),
        };
        let out_of_bounds = columns.end as usize > COLUMNS_MAX;
        if (attributes.width > 1 || attributes.height > 1) && !out_of_bounds {
            self.merged.push(SpannedCells {
                columns: columns.clone(),
                width: attributes.width,
                height: attributes.height,
            });
        }
        let Some(stored) = stored else {
            self.text.truncate(start);
            return Ok(());
        };
        self.has_cells_out_of_bounds |= out_of_bounds;
        if out_of_bounds || self.text.is_too_long() {
            self.text.truncate(start);
            return Ok(());
        }
        if let Some(links) = links.filter(|links| self.links_bytes + links.len() < LINKS_BYTES_MAX) {
            self.links_bytes += links.len();
            self.links.push((columns.clone(), links));
        }
        self.cells.push(OdsCell { columns, formula, text: start..self.text.len(), stored });
        Ok(())
    }

    /// Resets the row for the next one.
    pub fn begin(&mut self, tag: &XmlTag<'_>, first: u32) -> Result<(), WorkbookError> {
        (self.first, self.repeat, self.hidden) = (first, 1, false);
        (self.has_cells_out_of_bounds, self.links_bytes) = (false, 0);
        self.text.clear();
        self.cells.clear();
        self.merged.clear();
        self.links.clear();
        tag.attributes(|ns, name, value| match (ns, name) {
            (Ns::Table, "number-rows-repeated") => self.repeat = repeat_count(&value),
            (Ns::Table, "visibility") => self.hidden = matches!(value.as_ref(), "collapse" | "filter"),
            _ => {}
        })
    }

    pub fn is_filled(&self) -> bool {
        !self.cells.is_empty() || self.has_cells_out_of_bounds || self.text.is_too_long()
    }

    /// The error that prevents reading the row, if any.
    pub fn check(&self, rows_max: u32) -> Option<WorkbookError> {
        let out_of_bounds = self.is_filled() && self.first.saturating_add(self.repeat) > rows_max;
        if self.has_cells_out_of_bounds || out_of_bounds {
            return Some(damaged(CELL_OUT_OF_BOUNDS));
        }
        let row = self.first.saturating_add(1);
        self.text
            .is_too_long()
            .then(|| damaged(format!("row {row} holds more than {} MB of text", ROW_TEXT_BYTES_MAX >> 20)))
    }

    pub fn cells(&self) -> &[OdsCell] {
        &self.cells
    }

    pub fn value<'r>(&'r self, cell: &OdsCell) -> CellValue<'r> {
        let text = &self.text.as_str()[cell.text.clone()];
        match cell.stored {
            OdsValue::Text => CellValue::Text(text),
            OdsValue::Number(number) => CellValue::Number(number),
            OdsValue::Displayed(number, kind) => CellValue::Displayed { number, text, kind },
            OdsValue::Date => CellValue::IsoDateTime(text),
            OdsValue::Time => CellValue::IsoDuration(text),
            OdsValue::Bool(truth) => CellValue::Bool(truth),
            OdsValue::Error => CellValue::Error(text),
            OdsValue::Uncomputed => CellValue::Uncomputed(""),
        }
    }

    /// The size of the repetitions of the row, in bytes passed on.
    pub fn repeated_bytes(&self) -> u64 {
        const CELL_BYTES: u64 = 16;
        let bytes =
            |cell: &OdsCell| u64::from(cell.columns.end - cell.columns.start) * (CELL_BYTES + cell.text.len() as u64);
        let once: u64 = self.cells.iter().map(|cell| CELL_BYTES + cell.text.len() as u64).sum();
        let all: u64 = self.cells.iter().map(bytes).sum();
        all.saturating_mul(self.repeat.into()) - once
    }
}
