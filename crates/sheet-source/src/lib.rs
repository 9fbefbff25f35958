//! Tables in csv, xlsx, xlsb, xls and ods files, as typed rows that know their place.
//!
//! [`Table::open`] detects the encoding, delimiter, sheet and header row of a file, or takes them from
//! [`ReadOptions`]; [`Table::read`] fills one [`Row`] after the other, so that memory does not depend on the number
//! of rows. [`Header`] finds columns by their titles. A [`Cell`] has the text that a person reads in Excel and a
//! typed [`Scalar`]. An error is a [`problem::Problem`]: a stable code, the cell it is in, and what to do.
//!
//! ```
//! use sheet_source::problem::{Place, Problem, Stage};
//! use sheet_source::{ColumnMatch, ReadOptions, Row, Scalar, Table};
//! use std::sync::Arc;
//!
//! let folder = tempfile::tempdir()?;
//! let path = folder.path().join("leads.csv");
//! std::fs::write(&path, "Name;Budget\nOffice chairs;1500\n\nDesks;\n")?;
//!
//! let mut table = Table::open(&path, &ReadOptions::default())?;
//! assert_eq!(table.layout.to_string(), "CSV, UTF-8, `;`, header in row 1");
//! let ColumnMatch::One(budget) = table.header.find("budget") else { panic!("there is one such column") };
//!
//! let source = Arc::new(sheet_source::problem::Source { file: "leads.csv".into(), sheet: None });
//! let mut row = Row::default();
//! let mut found = Vec::new();
//! while table.read(&mut row)? {
//!     let cell = row.get(budget);
//!     let place = Place::Cell { source: source.clone(), row: row.number, column: Some(table.header.column(budget)) };
//!     found.push(match cell.value {
//!         Scalar::Empty => Problem::new(Stage::Read, "empty-cell", "no budget given").at(place).to_string(),
//!         _ => format!("{place}: {}", cell.text),
//!     });
//! }
//! // Rows are numbered as Excel shows them: the header and the blank line count.
//! assert_eq!(found, ["leads.csv:2:B (Budget): 1500", "leads.csv:4:B (Budget): no budget given"]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The modules; each uses those below it:
//!
//! - `table`: an open table, its header and its rows
//! - `workbook`, `csv`: the readers, each with rows read on its own thread
//! - `output`: cells written so that they read back unchanged
//! - `file`: what a file is, what is known about it, its fingerprint
//! - `row`: a row and its cells, the header, hashes of rows
//! - `cell`: values, numbers, number formats, currencies, formulas
//! - `encoding`: detection of the encoding of a text
//! - `problem`: places and problems
//!
//! Nothing here knows the meaning of columns or anything about a CRM.

#![forbid(unsafe_code)]

pub mod problem;
mod cell;
mod csv;
mod encoding;
mod file;
mod output;
mod row;
mod table;
mod workbook;

pub use cell::currency::{CurrencySign, is_currency_code};
pub use cell::escape::{escape_for_rejects, escape_for_workbook, escape_formula};
pub use cell::formula::{NO_RESULT, move_formula};
pub use cell::number::write_number;
pub use cell::{Cell, DisplayKind, Scalar};
pub use csv::dialect::delimiter_allowed;
pub use encoding::{DoubtKind, EncodingDoubt, EncodingReading, Evidence};
pub use file::fingerprint::Fingerprint;
pub use file::layout::{EncodingScan, FileFormat, HiddenCount, HiddenRows, Layout, ReadOptions};
pub use output::csv::CsvWriter;
pub use output::excel::{
    CELL_MAX, COMPRESSION, SHEET_ROWS_MAX, hyperlink_format, hyperlink_formula, is_hyperlink, is_truncated, truncate,
    truncate_marked,
};
pub use output::stored::stored_number;
pub use row::hash::{RowHasher, RowHashes, SharedRowHashes};
pub use row::header::{CSV_REJECTS_SHEET, ColumnMatch, Header, LINK, REJECT_COLUMNS, fold};
pub use row::totals::is_total_label;
pub use row::{LINK_INDEX_BASE, ROW_CUT, Row, RowKind};
pub use table::{PendingFingerprint, Table};
