//! Tables in files: a source opened, its header found, its rows streamed as typed cells that know their place.
//!
//! Reading order: `layout` (what is said and found about a source), `open` (the open `Table`), `header` (titles and
//! how they are looked up), `cell` (a row and its typed cells). Behind them, for CSV: `csv_in`, which plans with
//! `encoding` and `dialect`, reads with `decode` and `record`, and reads `ahead` where there is much to do; for workbooks: `sheet_in`, which reads with
//! `workbook` and `value` what `choose` chose, and what `sheet_facts` a sheet has besides its cells (`merged`, hidden rows, links).
//! `workbook` reads an `xlsx`, an `xlsb`, an `xls` and an `ods` with code of our own; `xlsx` and `xlsb` share `package` and `xml`,
//! both and `xls` share `binary` and `shared_texts`, `xlsb` and `xls` share `bytes`. `number_format` and `currency` say what the format of a number adds to it, `sums` what a row of totals begins with; `unpack` bounds what comes
//! out of a zip file. `kind` tells all these apart, with `markup_text` from pages and XML; `fingerprint` is learnt from all bytes of a file, `row_hash` from its rows, `input` is the file or a copy of it in memory; `csv_out` writes, and `excel`
//! says what workbooks take, `typed` how a cell is stored in one so that it reads the same, `guard` what a text has in front that no spreadsheet shall
//! count.
//!
//! Nothing here knows what the columns mean.

mod layout;
mod open;
mod header;
mod guard;
mod cell;
mod currency;
mod kind;
mod markup_text;
mod input;
mod fingerprint;
mod row_hash;
mod csv_in;
mod encoding;
mod dialect;
mod decode;
mod record;
mod ahead;
mod sheet_in;
mod choose;
mod workbook;
mod sheet_facts;
mod sums;
mod merged;
mod package;
mod xml;
mod xlsx;
mod ods;
mod xlsb;
mod xls;
mod binary;
mod shared_texts;
mod bytes;
mod unpack;
mod value;
mod number_format;
mod typed;
mod quiet;
mod csv_out;
mod excel;
mod formula;
#[cfg(test)]
mod binary_tests;
#[cfg(test)]
mod by_calamine;

pub use cell::{Cell, LINKS_FROM, ROW_CUT, Row, Scalar, Seen, Shown};
pub use csv_out::CsvOut;
pub use currency::{CurrencySign, is_currency_code};
pub use dialect::delimiter_allowed;
pub use encoding::{EncodingDoubt, EncodingReading, Evidence, Unclear};
pub use excel::{CELL_MAX, COMPRESSION, SHEET_ROWS_MAX, cut, cut_marked, is_cut, link_format, write_link};
pub use fingerprint::Fingerprint;
pub use formula::{NO_RESULT, moved};
pub use guard::{guarded, guarded_in_rejects, guarded_in_workbook};
pub use header::{Found, Header, LINK, REJECT_COLUMNS, REJECTS_OF_CSV, fold};
pub use layout::{BeyondAscii, Format, HiddenCount, HiddenRows, Layout, ReadOptions};
pub use open::{Reading, Table};
pub use row_hash::{Hashed, RowHasher, RowHashes};
pub use sums::names_total;
pub use typed::stored;
pub use value::write_number;
