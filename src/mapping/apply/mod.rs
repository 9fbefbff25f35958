//! A plan applied to rows: `mapper` takes one row at a time and returns a record or problems, `row` fills the targets of
//! one record, `value` converts one cell, `write` puts values into the record's JSON, `total` adds up invoice lines,
//! `tally` counts what is reported once for the whole source, `change` cuts a record down to what differs from the account.

mod buffers;
pub mod change;
mod key;
mod mapper;
mod record;
mod row;
mod source_checks;
mod tally;
mod total;
pub mod value;
mod write;

pub use mapper::Mapper;
pub use record::{Lack, Link, Mapped, Record, RowRole, request_id, row_of};
