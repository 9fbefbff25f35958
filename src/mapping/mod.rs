//! From a mapping file to records, in stages: `language` reads the file, `compile` looks up its names in the header of
//! the source and in the account and makes a `plan`, `apply` turns rows into records. The stages share `convert`
//! (conversions, one per file), `template` (templates and conditions over the cells of a row), `lookup` (names to ids),
//! `suspect` (totals and headings), `edits` (which rows of an exported workbook have changes), `blame` (the column of a
//! value that the service refuses) and `hashing` (hashes of texts that come from files).

pub mod apply;
pub mod blame;
pub mod compile;
pub mod convert;
pub mod edits;
mod hashing;
pub mod language;
pub mod lookup;
pub mod plan;
mod suspect;
mod template;

pub use apply::{
    BuiltRow, IncompleteGroup, Link, Mapped, Mapper, Record, RowMapper, RowRole, change, request_id, row_of,
};
pub use compile::{is_structured, no_marker, wanted, writable};
pub use edits::{Edit, Edits, Refusal};
pub use hashing::SeededState;
pub use language::ast::MappingAst;
pub(crate) use language::reader::sort_by_position;
pub use language::tree::is_mapping;
pub use language::{ast, schema, starter};
pub use lookup::{KEY_SPACE, KEY_SPACE_HINT, KeyQuery, Keyed, Ledger};
pub use plan::Plan;
pub use suspect::Suspicion;

use language::{reader, tree};
use sheet_source::problem::Problem;
use std::collections::HashSet;
use std::path::Path;

/// A mapping file, as far as it can be read, with all its problems.
#[derive(Debug)]
pub struct Draft {
    /// `None` if the kind is unknown.
    pub ast: Option<MappingAst>,
    pub problems: Vec<Problem>,
    /// Numbers of lines that could not be read.
    pub unread: HashSet<usize>,
}

impl Draft {
    /// The mapping, if it has no problems.
    pub fn complete(self) -> Result<MappingAst, Vec<Problem>> {
        match self.ast {
            Some(ast) if self.problems.is_empty() => Ok(ast),
            Some(_) | None => Err(self.problems),
        }
    }
}

/// Reads a mapping file; reports all its problems together.
pub fn read(path: &Path) -> Result<MappingAst, Vec<Problem>> {
    draft(path).complete()
}

/// Reads a mapping file that may have problems.
pub fn draft(path: &Path) -> Draft {
    match tree::read(path) {
        Ok((text, tree)) => reader::read(text, tree),
        Err(problems) => Draft { ast: None, problems, unread: HashSet::new() },
    }
}

/// Reads a generated mapping; `path` is the file in its problems.
pub fn read_text(path: &Path, text: &str) -> Result<MappingAst, Vec<Problem>> {
    let (text, tree) = tree::from_toml_text(path, text);
    reader::read(text, tree).complete()
}
