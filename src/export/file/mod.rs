//! The files of an export.
//!
//! - `out` writes a table or JSON lines, `part` is a file under another name until it is complete.
//! - `gather` builds a workbook: its rows wait in `spool`, `arrange` orders the columns, `sheets` writes the sheets.
//! - `sheet_rows` packs the rows of a sheet: `sheet_xml` is their XML, `styles` numbers their formats, `packed` joins packed
//!   pieces.
//! - `manifest` is the file beside it.

pub mod arrange;
mod gather;
pub mod manifest;
pub mod out;
mod packed;
pub mod part;
mod sheet_rows;
mod sheet_xml;
pub mod sheets;
mod spool;
mod styles;
