//! Cells written to files, so that they read back as they were: `csv` writes CSV, `excel` knows what Excel accepts,
//! `stored` finds the number and format of a cell in a workbook.

pub mod csv;
pub mod excel;
pub mod stored;
