//! Workbooks of the kind .xlsb, read by our own code as streams of records, in the memory of the shared texts alone.
//!
//! `package` finds parts and what they name, `records` knows one record from the next, `book` reads what all sheets share,
//! `sheet` one sheet. The records are those of [MS-XLSB]; those not known here are passed over, as it asks.

mod book;
mod records;
mod sheet;

#[cfg(test)]
pub mod fixtures;
#[cfg(test)]
mod tests;

use crate::file::error::WorkbookError;
use crate::file::input::SourceFile;
use crate::workbook::ooxml::package::Package;
use crate::workbook::sheet::metadata::SheetMetadata;
use crate::workbook::sheet::{RawCell, Sheet};
use book::{BundledSheet, WorkbookGlobals};
use records::PartRecords;
use std::collections::BTreeSet;
use std::ops::ControlFlow;

/// An open workbook.
pub struct XlsbBook {
    package: Package,
    globals: WorkbookGlobals,
}

impl XlsbBook {
    pub fn open(file: &SourceFile) -> Result<XlsbBook, WorkbookError> {
        let mut package = Package::open(file)?;
        let globals = WorkbookGlobals::read(&mut package)?;
        Ok(XlsbBook { package, globals })
    }

    pub fn sheets(&self) -> Vec<Sheet> {
        self.globals.sheets.iter().map(BundledSheet::as_sheet).collect()
    }

    pub fn epoch_1904(&self) -> bool {
        self.globals.epoch_1904
    }

    /// Hands the cells of a sheet to `take`, in the order of the file, until it breaks off.
    pub fn visit_cells(
        &mut self,
        sheet: &str,
        visit: &mut dyn FnMut(RawCell<'_>) -> ControlFlow<()>,
    ) -> Result<(), WorkbookError> {
        let part = self.part_of(sheet)?;
        let part = self.package.part_named(&part)?.ok_or(WorkbookError::Missing)?;
        sheet::visit_cells(PartRecords::new(part), &self.globals, visit)
    }

    /// What the sheet says besides its cells; `links` are looked for where they are wanted.
    pub fn metadata(&mut self, sheet: &str, links: bool) -> Result<SheetMetadata, WorkbookError> {
        let name = self.part_of(sheet)?;
        let relationships = self.package.relationships(&name)?;
        let part = self.package.part_named(&name)?.ok_or(WorkbookError::Missing)?;
        let mut metadata = sheet::read_metadata(PartRecords::new(part), &relationships, links)?;
        let tables = relationships.iter().filter(|one| one.kind == "table");
        let parts: BTreeSet<&str> = tables.map(|table| table.target.as_str()).collect();
        for part in parts {
            if let Some(part) = self.package.part_named(part)? {
                metadata.totals.extend(sheet::totals_row(PartRecords::new(part))?);
            }
        }
        Ok(metadata)
    }

    fn part_of(&self, sheet: &str) -> Result<String, WorkbookError> {
        let found = self.globals.sheets.iter().find(|part| part.name == sheet);
        found.map(|part| part.part.clone()).ok_or(WorkbookError::Missing)
    }
}
