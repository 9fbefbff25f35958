//! From a mapping file to records. In the order of the path: `tree` (the file with its places), `written` (what its
//! author said), `compile` and `conversion` (looked up in the source's header and the account), `names` (what is looked
//! up), `plan` (the result), `mapper` (one row at a time), `value` (one cell of it), `convert` (the conversions, one a
//! file), `lists` (several values in a cell), `edits` (which rows of an exported workbook say something new), `trace` (from a refused value back to its column), `schema` (for editors).

pub mod compile;
mod conversion;
pub mod convert;
pub mod edits;
mod lists;
pub mod mapper;
mod names;
pub mod plan;
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
mod value;
mod values_file;
mod walk;
pub mod wanted;
mod write;
pub mod written;

pub use conversion::{is_structured, writable};
pub use edits::{Edit, Edits, Refusal};
pub use mapper::{Lack, Link, Mapped, Mapper, Record, Verdict, request_id, row_of};
pub use names::{Ledger, resolve};
pub use plan::Plan;
pub use suspect::Suspicion;
pub use written::Written;

use crate::problem::Problem;
use std::path::Path;

/// Reads a mapping file; all its problems come out together.
pub fn read(path: &Path) -> Result<Written, Vec<Problem>> {
    let (text, root) = tree::read(path)?;
    walk::walk(text, &root)
}

/// Reads a mapping that amoport has made by itself; `path` is named where something is wrong with it.
pub fn read_text(path: &Path, text: &str) -> Result<Written, Vec<Problem>> {
    let (text, root) = tree::of_toml(path, text)?;
    walk::walk(text, &root)
}
