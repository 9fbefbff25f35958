//! Workbooks of the kind .xlsx, read by ourselves: as a stream, in the memory of the shared strings alone, with all that a
//! person sees of a cell.
//!
//! `sheet` scans the XML that programs write, three times as fast as a general reader of XML, and knows when it meets
//! anything else: then it gives up (`NeedsFallback`), and `patient`, which takes whatever XML allows, goes on from that very cell.
//! Every cell given by the one is the one the other would have given.
//!
//! `workbook` says which part of the `package` is what, `metadata` what a sheet says besides its cells; `window` unpacks a part
//! piece by piece, `markup` knows tags and attributes, `text` what stands between them; of these are made the `strings` and the
//! cells of a `sheet`.

mod metadata;
mod markup;
mod workbook_part;
mod fallback;
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
use crate::workbook::sheet::metadata::SheetMetadata;
use crate::workbook::sheet::{RawCell, Sheet};
use fallback::FallbackReader;
use std::ops::ControlFlow;
use strings::SharedStrings;
use window::TextWindow;
use workbook_part::WorkbookPart;

/// Something that only a patient reader can judge.
#[derive(Debug)]
pub struct NeedsFallback;

/// Why a step of the scanner was not finished.
#[derive(Debug)]
enum ScanStop {
    /// The text at hand ends within an element.
    Incomplete,
    NeedsFallback,
}

type ScanResult<T> = Result<T, ScanStop>;

/// An open workbook.
pub struct XlsxBook {
    package: Package,
    workbook: WorkbookPart,
    strings: SharedStrings,
    #[cfg(test)]
    fell_back: std::cell::Cell<bool>,
}

impl XlsxBook {
    pub fn open(file: &SourceFile) -> Result<XlsxBook, WorkbookError> {
        let mut package = Package::open(file)?;
        let workbook = WorkbookPart::of(&mut package)?;
        let scanned = match workbook.strings {
            Some(part) => SharedStrings::read(TextWindow::new(package.part(part)?)),
            None => Ok(SharedStrings::default()),
        };
        #[cfg(test)]
        let patient = scanned.is_err();
        let strings = match (scanned, workbook.strings) {
            (Ok(strings), _) => strings,
            (Err(NeedsFallback), Some(part)) => SharedStrings::read_with_fallback(&mut package.xml(part)?)?,
            (Err(NeedsFallback), None) => SharedStrings::default(),
        };
        Ok(XlsxBook {
            package,
            workbook,
            strings,
            #[cfg(test)]
            fell_back: std::cell::Cell::new(patient),
        })
    }

    pub fn sheets(&self) -> Vec<Sheet> {
        self.workbook.sheet_list()
    }

    pub fn epoch_1904(&self) -> bool {
        self.workbook.epoch_1904
    }

    /// Hands the cells of a sheet to `take`, in the order of the file, until it breaks off.
    pub fn visit_cells(
        &mut self,
        sheet: &str,
        visit: &mut dyn FnMut(RawCell<'_>) -> ControlFlow<()>,
    ) -> Result<(), WorkbookError> {
        let part = self.part_of(sheet)?;
        let mut given = 0_u64;
        let window = TextWindow::new(self.package.part(part)?);
        let scanned = sheet::SheetScanner::new(&self.strings, &self.workbook.formats).run(window, &mut |found| {
            given += 1;
            visit(found)
        });
        if scanned.is_ok() {
            return Ok(());
        }
        // Those before the unusual one have been taken.
        let mut passed = 0_u64;
        self.read_with_fallback(part, &mut |found| {
            passed += 1;
            if passed <= given { ControlFlow::Continue(()) } else { visit(found) }
        })
    }

    fn read_with_fallback(
        &mut self,
        part: usize,
        visit: &mut dyn FnMut(RawCell<'_>) -> ControlFlow<()>,
    ) -> Result<(), WorkbookError> {
        #[cfg(test)]
        self.fell_back.set(true);
        let mut xml = self.package.xml(part)?;
        FallbackReader { strings: &self.strings, formats: &self.workbook.formats }.run(&mut xml, visit)
    }

    /// What the sheet says besides its cells; `links` are looked for where they are wanted, which takes longer.
    pub fn metadata(&mut self, sheet: &str, links: bool) -> Result<SheetMetadata, WorkbookError> {
        let part = self.part_of(sheet)?;
        let path = self.workbook.sheet(sheet).map(|sheet| sheet.path.clone()).unwrap_or_default();
        let relationships = self.package.relationships(&path)?;
        metadata::read(&mut self.package, part, &relationships, links)
    }

    fn part_of(&self, sheet: &str) -> Result<usize, WorkbookError> {
        self.workbook.sheet(sheet).and_then(|sheet| sheet.part).ok_or(WorkbookError::Missing)
    }
}
