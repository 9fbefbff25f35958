//! CSV files as rows.
//!
//! `reader` plans with `encoding` and `dialect`, decodes with `decode` and finds records with `record`; `read_ahead`
//! reads on its own thread.

pub mod read_ahead;
mod decode;
pub mod dialect;
pub mod reader;
mod record;
