//! Which earlier runs had the same source: the same file, or one with the same rows. Pure.

use crate::store::{AccountKey, Run, RunHead};
use amo_model::{Action, Kind};

/// What identifies a source, and what is made of it in which account.
#[derive(Debug, Clone)]
pub struct SourceIdentity<'a> {
    pub account: AccountKey,
    pub kind: Kind,
    pub action: Action,
    pub catalog: Option<u64>,
    /// The absolute path.
    pub absolute: Option<&'a str>,
    pub sha256: &'a str,
    pub sheet: Option<&'a str>,
    /// Digest of the rows; `None` where they are not known, or there are none.
    pub digest: Option<&'a str>,
    /// The run whose rejected rows it holds.
    pub retry_of: Option<&'a str>,
}

impl<'a> SourceIdentity<'a> {
    pub fn of(head: &'a RunHead) -> SourceIdentity<'a> {
        SourceIdentity {
            account: head.account_key(),
            kind: head.kind,
            action: head.action,
            catalog: head.catalog,
            absolute: head.source.absolute.as_deref(),
            sha256: &head.source.sha256,
            sheet: head.source.sheet.as_deref(),
            digest: head.source.rows_digest.as_deref(),
            retry_of: head.source.retry_of.as_deref(),
        }
    }

    pub fn same_kind(&self, other: &SourceIdentity<'_>) -> bool {
        (self.kind, self.action, self.catalog) == (other.kind, other.action, other.catalog)
    }

    /// The same bytes, read from the same sheet.
    pub fn same_bytes(&self, other: &SourceIdentity<'_>) -> bool {
        self.sha256 == other.sha256 && self.sheet == other.sheet
    }

    pub fn same_path(&self, other: &SourceIdentity<'_>) -> bool {
        self.absolute.is_some() && (self.absolute, self.sheet) == (other.absolute, other.sheet)
    }

    fn same_rows(&self, other: &SourceIdentity<'_>) -> bool {
        self.digest.is_some() && self.digest == other.digest
    }

    fn is_the_same(&self, other: &SourceIdentity<'_>) -> bool {
        self.same_bytes(other)
            || self.same_path(other)
            || self.same_rows(other)
            || self.retry_of.is_some() && self.retry_of == other.retry_of
    }
}

/// The runs of the same source, in their order: runs of this file or of its rows, of the files they had, and of rows that they
/// rejected.
pub fn of_same_source(origin: &SourceIdentity<'_>, mut runs: Vec<Run>) -> Vec<Run> {
    runs.retain(|run| origin.same_kind(&SourceIdentity::of(&run.head)));
    let is_named = |run: &Run, by: &SourceIdentity<'_>| by.retry_of == Some(run.name.as_str());
    let of = |run: &Run| -> bool { origin.is_the_same(&SourceIdentity::of(&run.head)) || is_named(run, origin) };
    let mut chosen: Vec<bool> = runs.iter().map(of).collect();
    let mut fresh: Vec<usize> = (0..runs.len()).filter(|n| chosen[*n]).collect();
    while let Some(known) = fresh.pop() {
        let by = SourceIdentity::of(&runs[known].head);
        for n in (0..runs.len()).filter(|n| !chosen[*n]).collect::<Vec<_>>() {
            let other = SourceIdentity::of(&runs[n].head);
            if by.is_the_same(&other) || is_named(&runs[n], &by) || is_named(&runs[known], &other) {
                chosen[n] = true;
                fresh.push(n);
            }
        }
    }
    let mut chosen = chosen.into_iter();
    runs.retain(|_| chosen.next().unwrap_or(false));
    runs
}
