//! The content of an exported table.
//!
//! - `columns` are the columns of a kind, with their `choices` and whether they are `writable`.
//! - `cell` has the values of cells, `dialect` the layout of a file.
//! - `linked` reads linked records.
//! - `hidden` is the hidden sheet with which a workbook can be imported again, with the `hashes` of its rows and the
//!   `exported_column`s.

pub mod cell;
mod choices;
pub mod columns;
pub mod dialect;
pub mod exported_column;
pub mod hashes;
pub mod hidden;
pub mod linked;
pub mod writable;
