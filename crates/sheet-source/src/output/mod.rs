//! Writes cells so that they read back unchanged: `csv` writes CSV, `excel` knows the limits of Excel, `stored` finds
//! the number and format of a cell in a workbook.

pub mod csv;
pub mod excel;
pub mod stored;
