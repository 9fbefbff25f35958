//! Workbooks of the kind .xls, read by our own code: since Excel 97 (BIFF8) and of Excel 5 and 95 (BIFF5).
//!
//! `compound` takes the stream of records out of its container, `records` knows one record from the next and reads texts,
//! `globals` what stands before the sheets, `sheet` the sheets, `links` addresses behind cells. The stream is held in
//! memory, which bounds all of it; of a sheet nothing is, but where its cells are out of order.
//!
//! The records are those of [MS-XLS]. What contradicts itself is damaged; nothing is skipped that might have been a cell.

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
    /// The sheets looked at so far, by where they begin.
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

    /// What the sheet says besides its cells; `links` are read where they are wanted.
    pub fn metadata(&mut self, sheet: &str, links: bool) -> Result<SheetMetadata, WorkbookError> {
        let at = self.offset_of(sheet)?;
        let XlsBook { stream, globals, indexes } = self;
        index_of(indexes, globals, stream, at)?.metadata(stream, links)
    }

    /// Hands the cells of a sheet to `take`, row by row, until it breaks off.
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

/// What is known of the sheet that begins there, looked at once.
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
