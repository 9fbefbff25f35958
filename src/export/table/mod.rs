//! What stands in an exported table: the columns of a kind (`columns`, `choices`, `writable`), the text of a cell (`cell`,
//! `dialect`), what the items are linked to (`linked`), and what a workbook keeps on a hidden sheet so that it can be
//! imported again (`hidden`, `cell_hashes`).

pub mod cell;
pub mod exported_column;
pub mod hashes;
mod choices;
pub mod columns;
pub mod dialect;
pub mod hidden;
pub mod linked;
pub mod writable;
