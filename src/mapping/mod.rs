//! From a mapping file to records, in stages: `language` reads the file, `compile` looks its names up in the source's header
//! and the account and makes a `plan`, `apply` turns a row into a record with it. The stages share `convert` (the
//! conversions, one a file), `template` (texts and conditions over the cells of a row), `lookup` (names to ids), `suspect`
//! (rows that look like no record), `edits` (which rows of an exported workbook say something new) and `blame` (from a value that the service refuses back
//! to its column).

pub mod apply;
pub mod blame;
pub mod compile;
pub mod convert;
pub mod edits;
pub mod language;
pub mod lookup;
pub mod plan;
mod suspect;
mod template;

pub use apply::{Lack, Link, Mapped, Mapper, Record, RowRole, change, request_id, row_of};
pub use compile::{is_structured, no_marker, wanted, writable};
pub use edits::{Edit, Edits, Refusal};
pub use language::ast::Written;
pub(crate) use language::reader::in_order;
pub use language::tree::is_mapping;
pub use language::{ast, schema};
pub use lookup::{KEY_SPACE, KEY_SPACE_HINT, KeyQuery, Keyed, Ledger};
pub use plan::Plan;
pub use suspect::Suspicion;

use language::{reader, tree};
use sheet_source::problem::Problem;
use std::collections::HashSet;
use std::path::Path;

/// A mapping file as far as it can be understood, and all that is wrong with it.
#[derive(Debug)]
pub struct Draft {
    /// Nothing where it is not even known what it maps.
    pub written: Option<Written>,
    pub problems: Vec<Problem>,
    /// Lines that could not be read: they say nothing of what was meant there.
    pub unread: HashSet<usize>,
}

impl Draft {
    /// The mapping, if nothing is wrong with it.
    pub fn whole(self) -> Result<Written, Vec<Problem>> {
        match self.written {
            Some(written) if self.problems.is_empty() => Ok(written),
            Some(_) | None => Err(self.problems),
        }
    }
}

/// Reads a mapping file; all its problems come out together.
pub fn read(path: &Path) -> Result<Written, Vec<Problem>> {
    draft(path).whole()
}

/// Reads a mapping file of which something may be wrong.
pub fn draft(path: &Path) -> Draft {
    match tree::read(path) {
        Ok((text, tree)) => reader::walk(text, tree),
        Err(problems) => Draft { written: None, problems, unread: HashSet::new() },
    }
}

/// Reads a mapping that amoport has made by itself; `path` is named where something is wrong with it.
pub fn read_text(path: &Path, text: &str) -> Result<Written, Vec<Problem>> {
    let (text, tree) = tree::of_toml(path, text);
    reader::walk(text, tree).whole()
}
