//! Finds the problem codes that the sources make, by reading the sources as Rust. A code is made in one of these ways,
//! and in no other:
//!
//! - as the argument for a parameter `code: &'static str` of a function of the workspace, or `code` of a closure with a name
//! - as the field `code` of one of `CARRIERS`, or put into such a field later
//! - as what a function `code()` returns
//!
//! There it is a literal, a constant, or a variable whose literals stand in the same function. Anything else is a fault, and
//! fails the test.

mod calls;
mod definitions;
mod names;
mod tree;

use calls::Calls;
use definitions::{Definitions, Signatures};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use syn::visit::Visit;

/// Types that carry a code to where it is shown.
const CARRIERS: [&str; 5] = ["Problem", "Note", "ValueError", "Refusal", "LinkRefusal"];

#[derive(Debug, Default)]
pub struct Scan {
    /// Code to the files that make it, and how.
    pub made: BTreeMap<String, BTreeSet<Site>>,
    /// What the scan does not understand.
    pub faults: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Site {
    pub file: PathBuf,
    /// `Problem::new`, `.problem`, `Unfit {}`.
    pub by: String,
}

impl Scan {
    /// Of files with their texts; paths are from the root of the repository.
    pub fn of(sources: &[(PathBuf, String)]) -> Scan {
        let mut scan = Scan::default();
        let mut files = Vec::new();
        for (path, text) in sources {
            files.push((path, syn::parse_file(text).unwrap_or_else(|e| panic!("{}: {e}", path.display()))));
        }
        let mut known = Definitions::default();
        for (path, file) in &files {
            Signatures { scan: &mut scan, known: &mut known, path, owner: None }.visit_file(file);
        }
        for (path, file) in &files {
            Calls { scan: &mut scan, known: &known, path, owner: None, inside: Vec::new() }.visit_file(file);
        }
        scan
    }
}
