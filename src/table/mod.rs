//! Tables in files: a source opened, its header found, its rows streamed as typed cells that know their place.
//!
//! Reading order: `layout` (what is said and found about a source), `open` (the open `Table`), `header` (titles and
//! how they are looked up), `cell` (a row and its typed cells). Behind them, for CSV: `csv_in`, which plans with
//! `encoding` and `dialect`, reads with `decode` and `record`, and reads `ahead` where there is much to do; for workbooks: `sheet_in`, which reads with
//! `workbook` (which scans an `xlsx` itself and leaves all else to `calamine`) and `value` what `choose` chose, once
//! `extent` has looked how far the cells of an old one reach. `kind` tells all these apart; `fingerprint` is learnt from all bytes of a file, `input` is the file or a copy of it in memory; `csv_out` writes, and `excel`
//! says what workbooks take.
//!
//! Nothing here knows what the columns mean.

mod layout;
mod open;
mod header;
mod cell;
mod kind;
mod input;
mod fingerprint;
mod csv_in;
mod encoding;
mod dialect;
mod decode;
mod record;
mod ahead;
mod sheet_in;
mod choose;
mod workbook;
mod xlsx;
mod extent;
mod value;
mod quiet;
mod csv_out;
mod excel;

pub use cell::{Cell, Row, Scalar};
pub use csv_out::CsvOut;
pub use excel::{CELL_MAX, COMPRESSION, SHEET_ROWS_MAX, cut, link_format, write_link};
pub use fingerprint::Fingerprint;
pub use header::{Found, Header, fold};
pub use layout::{BeyondAscii, Format, Layout, ReadOptions};
pub use open::{Reading, Table};
