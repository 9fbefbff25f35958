//! Reads .xlsx workbooks as a stream, with everything that a person sees of a cell; only the shared strings are held
//! in memory.
//!
//! `sheet` scans the XML that programs write, three times as fast as a general XML reader. At anything else it stops
//! (`NeedsFallback`), and `fallback`, which reads any valid XML, continues from that cell. Both give the same cells.
//! `usual` reads the rows, cells and shared strings of the exact form that nearly all of them have; the scanner reads
//! the others by their tags.
//!
//! `workbook_part` finds the parts of the `package`, `metadata` reads the metadata of a sheet; `window` unpacks a
//! part in blocks, `markup` reads tags and attributes, `text` the text between them, `cell_markup` a cell; `strings`
//! and `sheet` use these.

mod cell_markup;
mod metadata;
mod markup;
mod workbook_part;
mod fallback;
mod sheet;
mod strings;
mod text;
mod usual;
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

/// XML that only the fallback reader can read.
#[derive(Debug)]
pub struct NeedsFallback;

/// Why a step of the scanner did not finish.
#[derive(Debug)]
enum ScanStop {
    /// The available text ends inside an element.
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

    /// Passes the cells of a sheet to `visit` in file order, until it breaks.
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
        // The cells before the unusual one were passed on already.
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

    /// The metadata of a sheet; `links` requests link addresses, which takes longer.
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
