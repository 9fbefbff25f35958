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
pub mod made;
#[cfg(test)]
mod tests;

use crate::file::error::WorkbookError;
use crate::file::input::SourceFile;
use crate::workbook::sheet::facts::SheetFacts;
use crate::workbook::sheet::{RawCell, Sheet};
use globals::{Globals, SheetPlace};
use sheet::{FirstLook, SheetCells, first_look};
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::io::{Read, Seek};
use std::ops::ControlFlow;

/// An open workbook.
pub struct XlsBook {
    stream: Vec<u8>,
    globals: Globals,
    /// The sheets looked at so far, by where they begin.
    looks: HashMap<usize, FirstLook>,
}

impl XlsBook {
    pub fn open(mut file: SourceFile) -> Result<XlsBook, WorkbookError> {
        let stream = match &file {
            SourceFile::Memory(bytes) => compound::workbook_stream(bytes.get_ref())?,
            SourceFile::File(_) => {
                let mut bytes = Vec::new();
                file.rewind().map_err(WorkbookError::Io)?;
                file.read_to_end(&mut bytes).map_err(WorkbookError::Io)?;
                compound::workbook_stream(&bytes)?
            }
        };
        let globals = Globals::read(&stream)?;
        Ok(XlsBook { stream, globals, looks: HashMap::new() })
    }

    pub fn sheets(&self) -> Vec<Sheet> {
        self.globals.sheets.iter().map(SheetPlace::as_sheet).collect()
    }

    pub fn epoch_1904(&self) -> bool {
        self.globals.epoch_1904
    }

    /// What the sheet says besides its cells; `links` are read where they are wanted.
    pub fn facts(&mut self, sheet: &str, links: bool) -> Result<SheetFacts, WorkbookError> {
        let at = self.place(sheet)?;
        let XlsBook { stream, globals, looks } = self;
        look(looks, globals, stream, at)?.facts(stream, links)
    }

    /// Hands the cells of a sheet to `take`, row by row, until it breaks off.
    pub fn cells(
        &mut self,
        sheet: &str,
        take: &mut dyn FnMut(RawCell<'_>) -> ControlFlow<()>,
    ) -> Result<(), WorkbookError> {
        let at = self.place(sheet)?;
        let XlsBook { stream, globals, looks } = self;
        let FirstLook { in_order, results, .. } = look(looks, globals, stream, at)?;
        let cells = SheetCells { globals, stream, at, results: *results };
        if *in_order { cells.give(take) } else { cells.give_sorted(take) }
    }

    fn place(&self, sheet: &str) -> Result<usize, WorkbookError> {
        let place = self.globals.sheets.iter().find(|place| place.name == sheet);
        place.map(|place| place.at).ok_or(WorkbookError::Missing)
    }
}

/// What is known of the sheet that begins there, looked at once.
fn look<'l>(
    looks: &'l mut HashMap<usize, FirstLook>,
    globals: &Globals,
    stream: &[u8],
    at: usize,
) -> Result<&'l FirstLook, WorkbookError> {
    Ok(match looks.entry(at) {
        Entry::Occupied(known) => known.into_mut(),
        Entry::Vacant(unknown) => unknown.insert(first_look(globals, stream, at)?),
    })
}
