//! Workbooks as rows: `.xlsx`, `.xlsb`, `.xls` and `.ods`, each with a reader of its own.
//!
//! - `rows` streams one sheet from its own thread; `choose` picks the sheet and the header row, `two_row_header`
//!   joins the titles of two rows
//! - `book` opens a workbook of any format; `sheet` is what each reader gives: cells in order, merged cells, hidden
//!   rows, links
//! - the readers: `ooxml` (`.xlsx` and `.xlsb`), `xls`, `ods`
//! - shared by the readers: `styles` (number formats), `shared_strings`, `biff`
//! - `catch_panic` turns a panic of a reader into a damaged workbook

mod biff;
mod book;
mod choose;
mod ods;
mod ooxml;
mod catch_panic;
pub mod rows;
mod shared_strings;
mod sheet;
mod styles;
mod two_row_header;
mod xls;

#[cfg(test)]
mod binary_tests;
#[cfg(test)]
mod calamine_tests;
