//! Tables in files: a source opened, its header found, its rows streamed as typed cells that know their place.
//!
//! Reading order: `Layout` (what was found, or guessed), `Header` (titles and how they are looked up), `Row` and
//! `Cell`, `Table` (the open source). Nothing here knows what the columns mean.

mod cell;
mod header;

pub use cell::{Cell, Row, Scalar};
pub use header::{Found, Header};
