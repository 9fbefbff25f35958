//! Reads .xls workbooks: since Excel 97 (BIFF8), and of Excel 5 and 95 (BIFF5).
//!
//! `compound` reads the stream of records from its container, `records` splits it into records and reads texts,
//! `globals` reads what comes before the sheets, `sheet` the sheets, `links` link addresses. The stream is held in
//! memory, which limits the size; a sheet is not, unless its cells are out of order.
//!
//! The records are those of [MS-XLS]. A contradiction is an error; no record that could be a cell is skipped.

mod compound;
mod globals;
mod links;
mod records;
mod sheet;

#[cfg(test)]
pub mod fixtures;
#[cfg(test)]
mod tests;

use crate::file::error::WorkbookError;
use crate::file::input::SourceFile;
use crate::workbook::sheet::metadata::SheetMetadata;
use crate::workbook::sheet::{RawCell, Sheet};
use globals::{BoundSheet, Globals};
use sheet::{SheetCells, SheetIndex, index_sheet};
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::io::{Read, Seek};
use std::ops::ControlFlow;

/// An open workbook.
pub struct XlsBook {
    stream: Vec<u8>,
    globals: Globals,
    /// The sheets indexed so far, by their offset.
    indexes: HashMap<usize, SheetIndex>,
}

impl XlsBook {
    pub fn open(mut file: SourceFile) -> Result<XlsBook, WorkbookError> {
        let stream = match &file {
            SourceFile::Memory(bytes) => compound::read_workbook_stream(bytes.get_ref())?,
            SourceFile::File(_) => {
                let mut bytes = Vec::new();
                file.rewind().map_err(WorkbookError::Io)?;
                file.read_to_end(&mut bytes).map_err(WorkbookError::Io)?;
                compound::read_workbook_stream(&bytes)?
            }
        };
        let globals = Globals::read(&stream)?;
        Ok(XlsBook { stream, globals, indexes: HashMap::new() })
    }

    pub fn sheets(&self) -> Vec<Sheet> {
        self.globals.sheets.iter().map(BoundSheet::as_sheet).collect()
    }

    pub fn epoch_1904(&self) -> bool {
        self.globals.epoch_1904
    }

    /// The metadata of a sheet; `links` requests link addresses.
    pub fn metadata(&mut self, sheet: &str, links: bool) -> Result<SheetMetadata, WorkbookError> {
        let at = self.offset_of(sheet)?;
        let XlsBook { stream, globals, indexes } = self;
        index_of(indexes, globals, stream, at)?.metadata(stream, links)
    }

    /// Passes the cells of a sheet to `visit`, row by row, until it breaks.
    pub fn visit_cells(
        &mut self,
        sheet: &str,
        visit: &mut dyn FnMut(RawCell<'_>) -> ControlFlow<()>,
    ) -> Result<(), WorkbookError> {
        let at = self.offset_of(sheet)?;
        let XlsBook { stream, globals, indexes } = self;
        let SheetIndex { in_order, results, .. } = index_of(indexes, globals, stream, at)?;
        let cells = SheetCells { globals, stream, at, results: *results };
        if *in_order { cells.visit(visit) } else { cells.visit_sorted(visit) }
    }

    fn offset_of(&self, sheet: &str) -> Result<usize, WorkbookError> {
        let place = self.globals.sheets.iter().find(|place| place.name == sheet);
        place.map(|place| place.at).ok_or(WorkbookError::Missing)
    }
}

/// The index of the sheet at this offset, made once.
fn index_of<'l>(
    indexes: &'l mut HashMap<usize, SheetIndex>,
    globals: &Globals,
    stream: &[u8],
    at: usize,
) -> Result<&'l SheetIndex, WorkbookError> {
    Ok(match indexes.entry(at) {
        Entry::Occupied(known) => known.into_mut(),
        Entry::Vacant(unknown) => unknown.insert(index_sheet(globals, stream, at)?),
    })
}
