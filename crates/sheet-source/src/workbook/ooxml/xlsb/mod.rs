//! Workbooks of the kind .xlsb, read by our own code as streams of records, in the memory of the shared texts alone.
//!
//! `package` finds parts and what they name, `records` knows one record from the next, `book` reads what all sheets share,
//! `sheet` one sheet. The records are those of [MS-XLSB]; those not known here are passed over, as it asks.

mod book;
mod records;
mod sheet;

#[cfg(test)]
pub mod made;
#[cfg(test)]
mod tests;

use crate::file::error::WorkbookError;
use crate::file::input::SourceFile;
use crate::workbook::ooxml::package::Package;
use crate::workbook::sheet::facts::SheetFacts;
use crate::workbook::sheet::{RawCell, Sheet};
use book::{BundledSheet, Outlines};
use records::PartRecords;
use std::collections::BTreeSet;
use std::ops::ControlFlow;

/// An open workbook.
pub struct XlsbBook {
    package: Package,
    outlines: Outlines,
}

impl XlsbBook {
    pub fn open(file: &SourceFile) -> Result<XlsbBook, WorkbookError> {
        let mut package = Package::open(file)?;
        let outlines = Outlines::read(&mut package)?;
        Ok(XlsbBook { package, outlines })
    }

    pub fn sheets(&self) -> Vec<Sheet> {
        self.outlines.sheets.iter().map(BundledSheet::as_sheet).collect()
    }

    pub fn epoch_1904(&self) -> bool {
        self.outlines.epoch_1904
    }

    /// Hands the cells of a sheet to `take`, in the order of the file, until it breaks off.
    pub fn cells(
        &mut self,
        sheet: &str,
        take: &mut dyn FnMut(RawCell<'_>) -> ControlFlow<()>,
    ) -> Result<(), WorkbookError> {
        let part = self.part_of(sheet)?;
        let part = self.package.part_named(&part)?.ok_or(WorkbookError::Missing)?;
        sheet::give_cells(PartRecords::new(part), &self.outlines, take)
    }

    /// What the sheet says besides its cells; `links` are looked for where they are wanted.
    pub fn facts(&mut self, sheet: &str, links: bool) -> Result<SheetFacts, WorkbookError> {
        let name = self.part_of(sheet)?;
        let related = self.package.related(&name)?;
        let part = self.package.part_named(&name)?.ok_or(WorkbookError::Missing)?;
        let mut facts = sheet::read_facts(PartRecords::new(part), &related, links)?;
        let tables = related.iter().filter(|one| one.kind == "table");
        let parts: BTreeSet<&str> = tables.map(|table| table.target.as_str()).collect();
        for part in parts {
            if let Some(part) = self.package.part_named(part)? {
                facts.totals.extend(sheet::totals_row(PartRecords::new(part))?);
            }
        }
        Ok(facts)
    }

    fn part_of(&self, sheet: &str) -> Result<String, WorkbookError> {
        let found = self.outlines.sheets.iter().find(|part| part.name == sheet);
        found.map(|part| part.part.clone()).ok_or(WorkbookError::Missing)
    }
}
