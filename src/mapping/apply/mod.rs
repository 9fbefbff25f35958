//! Applies a plan to rows. `row_mapper` takes one row by itself and makes a record or problems of it (`record`), `mapper`
//! compares it with the rows above. `row` builds one record: `key` builds and resolves its key, `value` converts cells, `write` writes values into its JSON
//! (`buffers`), `total` adds up invoice lines. `source_checks` checks keys (`seen_names`) and quota across rows,
//! `tally` counts what is reported once, `change` reduces an update to what differs from the account.

mod buffers;
pub mod change;
mod key;
mod seen_names;
mod mapper;
mod record;
mod row;
mod row_mapper;
mod source_checks;
mod tally;
mod total;
pub mod value;
mod write;

pub use mapper::Mapper;
pub use record::{IncompleteGroup, Link, Mapped, Record, RowRole, request_id, row_of};
pub use row_mapper::{BuiltRow, RowMapper};
