//! Workbooks of the kind .xlsx, read by ourselves: as a stream, in the memory of the shared strings alone, with all that a
//! person sees of a cell.
//!
//! `sheet` scans the XML that programs write, three times as fast as a general reader of XML, and knows when it meets
//! anything else: then it gives up (`Unusual`), and `patient`, which takes whatever XML allows, goes on from that very cell.
//! Every cell given by the one is the one the other would have given.
//!
//! `outline` says which part of the `package` is what, `facts` what a sheet says besides its cells; `window` unpacks a part
//! piece by piece, `markup` knows tags and attributes, `text` what stands between them; of these are made the `strings` and the
//! cells of a `sheet`.

mod facts;
mod markup;
mod outline;
mod patient;
mod sheet;
mod strings;
mod text;
mod window;

#[cfg(test)]
mod oracle;

use crate::file::error::WorkbookError;
use crate::file::input::SourceFile;
use crate::workbook::ooxml::package::{self, Package};
use crate::workbook::ooxml::xml;
use crate::workbook::sheet::facts::SheetFacts;
use crate::workbook::sheet::{RawCell, Sheet};
use outline::Outline;
use patient::Patient;
use std::ops::ControlFlow;
use strings::Strings;
use window::TextWindow;

/// Something that only a patient reader can judge.
#[derive(Debug)]
pub struct Unusual;

/// Why a step of the scanner was not finished.
#[derive(Debug)]
enum ScanStop {
    /// The text at hand ends within an element.
    More,
    Unusual,
}

type ScanResult<T> = Result<T, ScanStop>;

/// An open workbook.
pub struct XlsxBook {
    package: Package,
    outline: Outline,
    strings: Strings,
    #[cfg(test)]
    was_patient: std::cell::Cell<bool>,
}

impl XlsxBook {
    pub fn open(file: &SourceFile) -> Result<XlsxBook, WorkbookError> {
        let mut package = Package::open(file)?;
        let outline = Outline::of(&mut package)?;
        let scanned = match outline.strings {
            Some(part) => Strings::read(TextWindow::new(package.part(part)?)),
            None => Ok(Strings::default()),
        };
        #[cfg(test)]
        let patient = scanned.is_err();
        let strings = match (scanned, outline.strings) {
            (Ok(strings), _) => strings,
            (Err(Unusual), Some(part)) => Strings::read_patiently(&mut package.xml(part)?)?,
            (Err(Unusual), None) => Strings::default(),
        };
        Ok(XlsxBook {
            package,
            outline,
            strings,
            #[cfg(test)]
            was_patient: std::cell::Cell::new(patient),
        })
    }

    pub fn sheets(&self) -> Vec<Sheet> {
        self.outline.told()
    }

    pub fn epoch_1904(&self) -> bool {
        self.outline.epoch_1904
    }

    /// Hands the cells of a sheet to `take`, in the order of the file, until it breaks off.
    pub fn cells(
        &mut self,
        sheet: &str,
        take: &mut dyn FnMut(RawCell<'_>) -> ControlFlow<()>,
    ) -> Result<(), WorkbookError> {
        let part = self.part_of(sheet)?;
        let mut given = 0_u64;
        let window = TextWindow::new(self.package.part(part)?);
        let scanned = sheet::SheetScanner::new(&self.strings, &self.outline.formats).run(window, &mut |found| {
            given += 1;
            take(found)
        });
        if scanned.is_ok() {
            return Ok(());
        }
        // Those before the unusual one have been taken.
        let mut passed = 0_u64;
        self.patiently(part, &mut |found| {
            passed += 1;
            if passed <= given { ControlFlow::Continue(()) } else { take(found) }
        })
    }

    fn patiently(
        &mut self,
        part: usize,
        take: &mut dyn FnMut(RawCell<'_>) -> ControlFlow<()>,
    ) -> Result<(), WorkbookError> {
        #[cfg(test)]
        self.was_patient.set(true);
        let mut xml = self.package.xml(part)?;
        Patient { strings: &self.strings, formats: &self.outline.formats }.run(&mut xml, take)
    }

    /// What the sheet says besides its cells; `links` are looked for where they are wanted, which takes longer.
    pub fn facts(&mut self, sheet: &str, links: bool) -> Result<SheetFacts, WorkbookError> {
        let part = self.part_of(sheet)?;
        let path = self.outline.sheet(sheet).map(|sheet| sheet.path.clone()).unwrap_or_default();
        let related = self.package.related(&path)?;
        facts::of(&mut self.package, part, &related, links)
    }

    fn part_of(&self, sheet: &str) -> Result<usize, WorkbookError> {
        self.outline.sheet(sheet).and_then(|sheet| sheet.part).ok_or(WorkbookError::Missing)
    }
}
