//! Opens workbooks with one reader per format: their sheets, the metadata of a sheet, and its cells in order.
//! `choose` picks the sheet and the header row; `rows` turns cells into rows.

use super::sheet::{CELL_OUT_OF_BOUNDS, ROWS_MAX, RawCell, Sheet};
use crate::file::error::WorkbookError;
use crate::file::input::SourceFile;
use crate::file::layout::FileFormat;
use crate::row::COLUMNS_MAX;
use crate::workbook::ods::OpenDocument;
use crate::workbook::ooxml::xlsb::XlsbBook;
use crate::workbook::ooxml::xlsx::XlsxBook;
use crate::workbook::sheet::metadata::SheetMetadata;
use crate::workbook::xls::XlsBook;
use std::ops::ControlFlow;

/// An open workbook.
pub struct Workbook {
    book: BookReader,
    pub format: FileFormat,
    pub sheets: Vec<Sheet>,
    pub epoch_1904: bool,
}

enum BookReader {
    Xlsx(Box<XlsxBook>),
    Xlsb(Box<XlsbBook>),
    Xls(Box<XlsBook>),
    Ods(Box<OpenDocument>),
}

impl Workbook {
    pub fn open(file: SourceFile, format: FileFormat) -> Result<Workbook, WorkbookError> {
        let (book, sheets, epoch_1904) = match format {
            // The caller opens text elsewhere; here it would be an invalid workbook.
            FileFormat::Xlsx | FileFormat::Csv => {
                let book = XlsxBook::open(&file)?;
                let (sheets, epoch_1904) = (book.sheets(), book.epoch_1904());
                (BookReader::Xlsx(Box::new(book)), sheets, epoch_1904)
            }
            FileFormat::Xlsb => {
                let book = XlsbBook::open(&file)?;
                let (sheets, epoch_1904) = (book.sheets(), book.epoch_1904());
                (BookReader::Xlsb(Box::new(book)), sheets, epoch_1904)
            }
            FileFormat::Xls => {
                let book = XlsBook::open(file)?;
                let (sheets, epoch_1904) = (book.sheets(), book.epoch_1904());
                (BookReader::Xls(Box::new(book)), sheets, epoch_1904)
            }
            FileFormat::Ods => {
                let book = OpenDocument::open(file)?;
                let sheets = book.sheets();
                (BookReader::Ods(Box::new(book)), sheets, false)
            }
        };
        Ok(Workbook { book, format, sheets, epoch_1904 })
    }

    /// Passes the cells of a sheet to `visit` in file order, until it breaks.
    pub fn visit_cells(
        &mut self,
        sheet: &str,
        visit: &mut dyn FnMut(RawCell<'_>) -> ControlFlow<()>,
    ) -> Result<(), WorkbookError> {
        let mut out_of_bounds = false;
        let mut visit_within = |cell: RawCell<'_>| {
            out_of_bounds = cell.row >= ROWS_MAX || cell.column as usize >= COLUMNS_MAX;
            if out_of_bounds { ControlFlow::Break(()) } else { visit(cell) }
        };
        match &mut self.book {
            BookReader::Xlsx(book) => book.visit_cells(sheet, &mut visit_within)?,
            BookReader::Xlsb(book) => book.visit_cells(sheet, &mut visit_within)?,
            BookReader::Xls(book) => book.visit_cells(sheet, &mut visit_within)?,
            BookReader::Ods(book) => book.visit_cells(sheet, &mut visit_within)?,
        }
        if out_of_bounds { Err(WorkbookError::damaged(CELL_OUT_OF_BOUNDS)) } else { Ok(()) }
    }

    /// The metadata of a sheet; `links` requests link addresses.
    pub fn metadata(&mut self, sheet: &str, links: bool) -> Result<SheetMetadata, WorkbookError> {
        match &mut self.book {
            BookReader::Xlsx(book) => book.metadata(sheet, links),
            BookReader::Xlsb(book) => book.metadata(sheet, links),
            BookReader::Xls(book) => book.metadata(sheet, links),
            BookReader::Ods(book) => book.metadata(sheet, links),
        }
    }
}
