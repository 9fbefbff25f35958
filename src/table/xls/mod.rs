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

use super::input::Input;
use super::sheet_facts::SheetFacts;
use super::workbook::{Found, Sheet, Trouble};
use globals::{Globals, SheetPlace};
use sheet::{Manner, SheetCells, first_look};
use std::collections::HashMap;
use std::io::{Read, Seek};
use std::ops::ControlFlow;

/// An open workbook.
pub struct XlsBook {
    stream: Vec<u8>,
    globals: Globals,
    /// How the sheets looked at so far are to be read, by where they begin.
    manners: HashMap<usize, Manner>,
}

impl XlsBook {
    pub fn open(mut file: Input) -> Result<XlsBook, Trouble> {
        let stream = match &file {
            Input::Memory(bytes) => compound::workbook_stream(bytes.get_ref())?,
            Input::File(_) => {
                let mut bytes = Vec::new();
                file.rewind().map_err(Trouble::Io)?;
                file.read_to_end(&mut bytes).map_err(Trouble::Io)?;
                compound::workbook_stream(&bytes)?
            }
        };
        let globals = Globals::read(&stream)?;
        Ok(XlsBook { stream, globals, manners: HashMap::new() })
    }

    pub fn sheets(&self) -> Vec<Sheet> {
        self.globals.sheets.iter().map(SheetPlace::as_sheet).collect()
    }

    pub fn epoch_1904(&self) -> bool {
        self.globals.epoch_1904
    }

    pub fn facts(&mut self, sheet: &str) -> Result<SheetFacts, Trouble> {
        let at = self.place(sheet)?;
        let look = first_look(&self.globals, &self.stream, at)?;
        self.manners.insert(at, look.manner);
        Ok(look.facts)
    }

    /// Hands the cells of a sheet to `take`, row by row, until it breaks off.
    pub fn cells(&mut self, sheet: &str, take: &mut dyn FnMut(Found<'_>) -> ControlFlow<()>) -> Result<(), Trouble> {
        let at = self.place(sheet)?;
        let manner = match self.manners.get(&at) {
            Some(manner) => *manner,
            None => first_look(&self.globals, &self.stream, at)?.manner,
        };
        self.manners.insert(at, manner);
        let cells = SheetCells { globals: &self.globals, stream: &self.stream, at, results: manner.results };
        if manner.in_order { cells.give(take) } else { cells.give_sorted(take) }
    }

    fn place(&self, sheet: &str) -> Result<usize, Trouble> {
        let place = self.globals.sheets.iter().find(|place| place.name == sheet);
        place.map(|place| place.at).ok_or(Trouble::Missing)
    }
}
