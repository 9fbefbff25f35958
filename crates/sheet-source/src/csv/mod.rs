//! CSV files as rows.
//!
//! `reader` plans with `encoding` and `dialect`, decodes with `decode` and finds records with `record`; `ahead` reads on
//! a thread of its own.

pub mod ahead;
mod decode;
pub mod dialect;
pub mod reader;
mod record;
