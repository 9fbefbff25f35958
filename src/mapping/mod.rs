//! From a mapping file to records. In the order of the path: `tree` (the file with its places: `lines`; what is often
//! wrong with how it is written: `quotes`, `doubled`, `unclosed`), `written` (what its
//! author said: `walk`, `origin`), `compile` and `conversion` (looked up in the source's header and the account), `names` (what is looked
//! up), `plan` (the result), `mapper` (one row at a time), `value` (one cell of it), `convert` (the conversions, one a
//! file), `lists` (several values in a cell), `joined` (several cells in a value), `edits` (which rows of an exported workbook say something new), `change` (what of a change is left to send, once the record has been read), `trace` (from a refused value back to its column), `schema` (for editors).

pub mod change;
pub mod compile;
mod conversion;
pub mod convert;
mod doubled;
pub mod edits;
mod existing;
mod joined;
mod lines;
mod lists;
mod marker;
pub mod mapper;
mod names;
mod origin;
pub mod plan;
mod quotes;
mod row;
mod rules;
mod suspect;
mod tally;
pub mod schema;
mod target;
mod template;
mod total;
pub mod trace;
pub mod tree;
mod unclosed;
mod value;
mod values_file;
mod walk;
pub mod wanted;
mod write;
pub mod written;

pub use conversion::{is_structured, writable};
pub use edits::{Edit, Edits, Refusal};
pub use mapper::{Lack, Link, Mapped, Mapper, Record, Verdict, request_id, row_of};
pub use marker::no_marker;
pub use names::{KEY_SPACE, KEY_SPACE_HINT, KeyQuery, Keyed, Ledger, resolve};
pub use plan::Plan;
pub use suspect::Suspicion;
pub use tree::is_mapping;
pub(crate) use walk::in_order;
pub use written::Written;

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
        Ok((text, tree)) => walk::walk(text, tree),
        Err(problems) => Draft { written: None, problems, unread: HashSet::new() },
    }
}

/// Reads a mapping that amoport has made by itself; `path` is named where something is wrong with it.
pub fn read_text(path: &Path, text: &str) -> Result<Written, Vec<Problem>> {
    let (text, tree) = tree::of_toml(path, text);
    walk::walk(text, tree).whole()
}
