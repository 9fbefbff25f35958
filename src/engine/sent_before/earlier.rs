//! Which earlier runs were of the same source: of the same file, or of one with the same rows. Pure.

use crate::entity::{Action, Kind};
use crate::store::{Head, Run};

/// What tells a source from others, and what is made of it where.
#[derive(Debug, Clone, Copy)]
pub struct Origin<'a> {
    pub account: &'a str,
    pub kind: Kind,
    pub action: Action,
    pub catalog: Option<u64>,
    /// From the root of the disk on.
    pub absolute: Option<&'a str>,
    pub sha256: &'a str,
    pub sheet: Option<&'a str>,
    /// `None` where the rows are not known, or there are none.
    pub digest: Option<&'a str>,
}

impl<'a> Origin<'a> {
    pub fn of(head: &'a Head) -> Origin<'a> {
        Origin {
            account: &head.account,
            kind: head.kind,
            action: head.action,
            catalog: head.catalog,
            absolute: head.source.absolute.as_deref(),
            sha256: &head.source.sha256,
            sheet: head.source.sheet.as_deref(),
            digest: head.source.rows_digest.as_deref(),
        }
    }

    /// The very same bytes, read from the same sheet.
    pub fn same_bytes(&self, other: &Origin<'_>) -> bool {
        self.sha256 == other.sha256 && self.sheet == other.sheet
    }

    pub fn same_path(&self, other: &Origin<'_>) -> bool {
        self.absolute.is_some() && (self.absolute, self.sheet) == (other.absolute, other.sheet)
    }

    fn same_rows(&self, other: &Origin<'_>) -> bool {
        self.digest.is_some() && self.digest == other.digest
    }

    fn is_the_same(&self, other: &Origin<'_>) -> bool {
        self.same_bytes(other) || self.same_path(other) || self.same_rows(other)
    }
}

/// The runs of the same source, in their order: those of this file or of its rows, and all those of the files that these were of.
pub fn of_same_source(origin: &Origin<'_>, mut runs: Vec<Run>) -> Vec<Run> {
    let what = |origin: &Origin<'_>| (origin.kind, origin.action, origin.catalog);
    runs.retain(|run| what(&Origin::of(&run.head)) == what(origin));
    let direct: Vec<bool> = runs.iter().map(|run| origin.is_the_same(&Origin::of(&run.head))).collect();
    let chosen: Vec<bool> = runs
        .iter()
        .enumerate()
        .map(|(n, run)| {
            let of_run = Origin::of(&run.head);
            direct[n]
                || runs.iter().zip(&direct).any(|(other, direct)| *direct && of_run.same_path(&Origin::of(&other.head)))
        })
        .collect();
    let mut chosen = chosen.into_iter();
    runs.retain(|_| chosen.next().unwrap_or(false));
    runs
}
