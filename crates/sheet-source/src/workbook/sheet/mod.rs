//! What every workbook reader gives: the list of sheets, and the cells of a sheet in file order. `metadata` is what a
//! sheet has besides its cells; `merged` fills rows from merged cells.

pub mod metadata;
pub mod merged;

use crate::cell::value::CellValue;
use crate::file::error::WorkbookError;

/// Excel has 1 048 576 rows, LibreOffice up to sixteen times as many.
pub const ROWS_MAX: u32 = 1 << 24;
/// The error of a cell beyond the last row or column.
pub const CELL_OUT_OF_BOUNDS: &str = "a cell is beyond the last row or column";

pub struct Sheet {
    pub name: String,
    pub visible: bool,
    /// False for charts, dialogs and macros, which have no cells.
    pub is_worksheet: bool,
}

/// A cell from a reader; row and column are counted from 0.
pub struct RawCell<'a> {
    pub row: u32,
    pub column: u32,
    pub value: CellValue<'a>,
    /// True for the result of a formula.
    pub formula: bool,
}

/// Called whenever sheets are found, or styles of sheets.
pub fn check_sheets(count: usize) -> Result<(), WorkbookError> {
    /// The maximum in LibreOffice.
    const SHEETS_MAX: usize = 10_000;
    if count > SHEETS_MAX { Err(WorkbookError::damaged("it has too many sheets")) } else { Ok(()) }
}
