//! Reads .xlsb workbooks as streams of records; only the shared strings are held in memory.
//!
//! `package` finds parts and relationships, `records` splits a part into records, `book` reads what all sheets share,
//! `sheet` reads one sheet. The records are those of [MS-XLSB]; unknown records are skipped, as it demands.

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

    /// Passes the cells of a sheet to `visit` in file order, until it breaks.
    pub fn visit_cells(
        &mut self,
        sheet: &str,
        visit: &mut dyn FnMut(RawCell<'_>) -> ControlFlow<()>,
    ) -> Result<(), WorkbookError> {
        let part = self.part_of(sheet)?;
        let part = self.package.part_named(&part)?.ok_or(WorkbookError::Missing)?;
        sheet::visit_cells(PartRecords::new(part), &self.globals, visit)
    }

    /// The metadata of a sheet; `links` requests link addresses.
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
