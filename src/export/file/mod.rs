//! The files of an export.
//!
//! - `out` writes a table or JSON lines, `part` is a file under another name until it is complete.
//! - `gather` builds a workbook: its rows wait in `spool`, `arrange` orders the columns, `sheets` writes the sheets.
//! - `manifest` is the file beside it.

pub mod arrange;
mod gather;
pub mod manifest;
pub mod out;
pub mod part;
pub mod sheets;
mod spool;
