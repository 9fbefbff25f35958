//! One row of a sheet as the file has it: its filled cells, how often each is repeated, and what else it says.

use super::damaged;
use super::head::{CellHead, Stored};
use super::text::cell_text;
use super::xml::{Ns, XmlPiece, XmlStream, XmlTag};
use crate::table::record::COLUMNS_MAX;
use crate::table::value::Value;
use crate::table::workbook::{BEYOND, Trouble};
use std::io::Read;
use std::ops::Range;

/// Excel's longest cell is 128 KiB, and a thousand times that is no row of a table.
const ROW_TEXT_BYTES_MAX: usize = 8 << 20;
/// Addresses of one row; the longest that browsers take has 2 KB.
const LINKS_BYTES_MAX: usize = 1 << 20;

#[derive(Default)]
pub struct OdsRow {
    /// Counted from 0.
    pub first: u32,
    /// How many rows in a row are like this one.
    pub repeat: u32,
    pub hidden: bool,
    pub merged: Vec<Merged>,
    pub links: Vec<(Range<u32>, String)>,
    /// Whether values are made, or only looked for.
    values: bool,
    links_bytes: usize,
    text: String,
    cells: Vec<OdsCell>,
    beyond: bool,
    too_long: bool,
}

/// Cells whose value is the same.
pub struct OdsCell {
    pub columns: Range<u32>,
    /// It is the result of a formula.
    pub formula: bool,
    text: Range<usize>,
    stored: Stored,
}

/// Cells of which each is merged with those to the right and below.
pub struct Merged {
    pub columns: Range<u32>,
    pub width: u32,
    pub height: u32,
}

impl OdsRow {
    /// A row for cells; without `values`, they are only counted.
    pub fn new(values: bool) -> OdsRow {
        OdsRow { values, ..OdsRow::default() }
    }

    /// Reads the row whose tag was the last.
    pub fn read<R: Read>(&mut self, stream: &mut XmlStream<R>) -> Result<(), Trouble> {
        let outside = stream.depth() - 1;
        let mut column = 0_u32;
        while stream.depth() > outside {
            let (covered, formula, head) = match stream.next()? {
                XmlPiece::Opening(tag) if tag.is(Ns::Table, "table-cell") => {
                    (false, self.values && tag.has(Ns::Table, "formula")?, Some(CellHead::of(&tag)?))
                }
                XmlPiece::Opening(tag) if tag.is(Ns::Table, "covered-table-cell") => {
                    (true, false, Some(CellHead::of(&tag)?))
                }
                XmlPiece::Opening(_) => (false, false, None),
                XmlPiece::Closing | XmlPiece::Text(_) | XmlPiece::Letter(_) | XmlPiece::Nothing | XmlPiece::End => {
                    continue;
                }
            };
            let Some(head) = head else {
                stream.skip()?;
                continue;
            };
            let columns = column..column.saturating_add(head.repeat);
            column = columns.end;
            match covered {
                // What a merged cell lies on is not seen.
                true => stream.skip()?,
                false => self.cell(stream, (&head, formula), columns)?,
            }
        }
        Ok(())
    }

    fn cell<R: Read>(
        &mut self,
        stream: &mut XmlStream<R>,
        (head, formula): (&CellHead, bool),
        columns: Range<u32>,
    ) -> Result<(), Trouble> {
        let start = self.text.len();
        let links = cell_text(stream, self)?;
        let stored = match self.values {
            true => head.stored(start, &mut self.text),
            false => head.is_filled(&self.text[start..]).then_some(Stored::Uncomputed),
        };
        let past = columns.end as usize > COLUMNS_MAX;
        if (head.width > 1 || head.height > 1) && !past {
            self.merged.push(Merged { columns: columns.clone(), width: head.width, height: head.height });
        }
        let Some(stored) = stored else {
            self.text.truncate(start);
            return Ok(());
        };
        // A value may be longer than what is displayed.
        self.too_long |= self.text.len() > ROW_TEXT_BYTES_MAX;
        self.beyond |= past;
        if past || self.too_long {
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

    /// A row of its own begins.
    pub fn begin(&mut self, tag: &XmlTag<'_>, first: u32) -> Result<(), Trouble> {
        (self.first, self.repeat, self.hidden) = (first, 1, false);
        (self.beyond, self.too_long, self.links_bytes) = (false, false, 0);
        // One very long row should not stay.
        if self.text.capacity() > ROW_TEXT_BYTES_MAX / 8 {
            self.text = String::new();
        }
        self.text.clear();
        self.cells.clear();
        self.merged.clear();
        self.links.clear();
        tag.attributes(|ns, name, value| match (ns, name) {
            (Ns::Table, "number-rows-repeated") => self.repeat = count(&value),
            (Ns::Table, "visibility") => self.hidden = matches!(value.as_ref(), "collapse" | "filter"),
            _ => {}
        })
    }

    pub fn push_text(&mut self, text: &str) {
        if self.text.len() + text.len() > ROW_TEXT_BYTES_MAX {
            self.too_long = true;
        } else {
            self.text.push_str(text);
        }
    }

    /// Nothing more is put where something was left out.
    pub fn has_room(&self) -> bool {
        !self.too_long
    }

    pub fn is_filled(&self) -> bool {
        !self.cells.is_empty() || self.beyond || self.too_long
    }

    /// What keeps the row from being read.
    pub fn trouble(&self, rows_max: u32) -> Option<Trouble> {
        let past = self.is_filled() && self.first.saturating_add(self.repeat) > rows_max;
        if self.beyond || past {
            return Some(damaged(BEYOND));
        }
        let row = self.first.saturating_add(1);
        self.too_long.then(|| damaged(format!("row {row} holds more than {} MB of text", ROW_TEXT_BYTES_MAX >> 20)))
    }

    pub fn cells(&self) -> &[OdsCell] {
        &self.cells
    }

    pub fn value<'r>(&'r self, cell: &OdsCell) -> Value<'r> {
        let text = &self.text[cell.text.clone()];
        match cell.stored {
            Stored::Text => Value::Text(text),
            Stored::Number(number) => Value::Number(number),
            Stored::Shown(number, shown) => Value::Shown { number, text, shown },
            Stored::Date => Value::Iso(text),
            Stored::Time => Value::IsoDuration(text),
            Stored::Bool(truth) => Value::Bool(truth),
            Stored::Error => Value::Error(text),
            Stored::Uncomputed => Value::Uncomputed(""),
        }
    }

    /// What the repetitions of the row's cells come to, in bytes handed on.
    pub fn repeated_bytes(&self) -> u64 {
        const CELL_BYTES: u64 = 16;
        let bytes =
            |cell: &OdsCell| u64::from(cell.columns.end - cell.columns.start) * (CELL_BYTES + cell.text.len() as u64);
        let once: u64 = self.cells.iter().map(|cell| CELL_BYTES + cell.text.len() as u64).sum();
        let all: u64 = self.cells.iter().map(bytes).sum();
        all.saturating_mul(self.repeat.into()) - once
    }
}

/// A count as the file gives it: at least 1, and as much as can be counted where it is more.
pub fn count(written: &str) -> u32 {
    let written = written.trim();
    let many = !written.is_empty() && written.bytes().all(|byte| byte.is_ascii_digit());
    written.parse().unwrap_or(if many { u32::MAX } else { 1 }).max(1)
}
