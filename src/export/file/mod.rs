//! The files of an export: the table or JSON lines (`out`), a workbook, whose rows wait in a spool until all are there
//! (`gather`, `spool`, `arrange`, `sheets`), a file under another name until it is whole (`part`), and the manifest beside
//! it (`manifest`).

pub mod arrange;
mod gather;
pub mod manifest;
pub mod out;
pub mod part;
pub mod sheets;
mod spool;
