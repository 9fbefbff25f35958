//! The proof beside a file: what was asked, what came, and whether it is all there is.

use super::ask::Ask;
use super::part::write_whole;
use super::{ExportError, Exported};
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// What a manifest's name has behind that of its file.
pub const MANIFEST_SUFFIX: &str = ".manifest.json";

/// Lists are cut to what the token's user may see. [seed]
#[derive(Debug, Clone, Default, Serialize)]
pub struct Person {
    pub id: u64,
    pub name: Option<String>,
    /// `None` where that could not be found out.
    pub is_admin: Option<bool>,
}

#[derive(Debug, Default, Serialize)]
pub struct Manifest {
    pub schema: u32,
    pub kind: String,
    pub account: String,
    pub catalog: Option<u64>,
    pub user: Person,
    /// Of the dates in a table; UTC where the account does not say.
    pub timezone: Option<String>,
    /// Parts of the account that could not be read: what they are called stays an id, fields have no columns.
    pub gaps: Vec<String>,
    pub started: String,
    pub ended: String,
    pub query: BTreeMap<String, Vec<String>>,
    /// The list was read a second time.
    pub twice: bool,
    pub columns: Vec<String>,
    pub pages: u64,
    /// Items in the file; a mapping may make several rows of one.
    pub rows: u64,
    /// Rows that came a second time and were dropped.
    pub repeated: u64,
    /// Rows that came or moved while the list was read, found by a second look.
    pub late: u64,
    /// Rows that the service gave though the filters exclude them.
    pub filtered_out: u64,
    /// Ids asked for that are not there.
    pub missing_ids: Vec<u64>,
    /// Custom fields with values that no column shows, since the account did not list them.
    pub unlisted_fields: Vec<u64>,
    /// The mapping whose columns these are.
    pub mapping: Option<String>,
    /// What the mapping writes and no column could show.
    pub not_exported: Vec<String>,
    /// What the rows are linked to and show in columns of their own.
    pub linked: Vec<String>,
    /// Linked records that could not be read, deleted or hidden from the token's user: their ids alone are
    /// there.
    pub linked_missing: u64,
    /// Of the rows that were read.
    pub min_id: Option<u64>,
    pub max_id: Option<u64>,
    pub complete: bool,
    /// Why it may not be complete.
    pub reason: Option<String>,
    /// Texts marked with an apostrophe, since a spreadsheet would take them for formulas.
    pub neutralised: u64,
    /// Texts cut to what a cell of Excel may hold; each ends by saying so.
    pub cut: u64,
    /// Where the first of them stand.
    pub cut_at: Vec<String>,
    pub file: String,
    pub sha256: Option<String>,
}

impl Manifest {
    pub fn tell(&mut self, ask: &Ask, exported: &Exported) {
        let listed = &exported.listed;
        for (key, value) in ask.query() {
            self.query.entry(key).or_default().push(value);
        }
        self.twice = ask.twice;
        let bounds = listed.seen.bounds();
        self.pages = listed.pages;
        self.rows = exported.rows;
        self.linked_missing = exported.linked_missing;
        self.repeated = listed.repeated;
        self.late = listed.late;
        self.filtered_out = exported.filtered;
        self.missing_ids = ask.ids().iter().copied().filter(|id| !listed.seen.contains(*id)).collect();
        (self.min_id, self.max_id) = (bounds.map(|bounds| bounds.0), bounds.map(|bounds| bounds.1));
        self.unlisted_fields = exported.unlisted.iter().copied().collect();
        self.neutralised = exported.written.neutralised;
        self.cut = exported.written.cut.texts;
        self.cut_at = exported.written.cut.places.clone();
        let reasons: Vec<String> = exported.doubt().into_iter().chain(self.texts_cut()).collect();
        self.reason = (!reasons.is_empty()).then(|| reasons.join("; "));
        self.complete = self.reason.is_none();
        self.sha256 = exported.written.sha256.clone();
    }

    fn texts_cut(&self) -> Option<String> {
        let more = if self.cut as usize > self.cut_at.len() { ", …" } else { "" };
        let (which, at) = (if self.cut == 1 { "text is" } else { "texts are" }, self.cut_at.join(", "));
        let told = || format!("{} {which} longer than a cell of Excel may be, and cut: {at}{more}", self.cut);
        (self.cut > 0).then(told)
    }

    /// Where the manifest of a file lies.
    pub fn beside(file: &Path) -> PathBuf {
        let mut name = file.as_os_str().to_owned();
        name.push(MANIFEST_SUFFIX);
        PathBuf::from(name)
    }

    pub fn write(&self, path: &Path) -> Result<(), ExportError> {
        let unwritable = |cause| ExportError::Write { path: path.to_owned(), cause };
        let mut text = serde_json::to_vec_pretty(self).map_err(|e| unwritable(e.into()))?;
        text.push(b'\n');
        write_whole(path, &text).map_err(unwritable)
    }
}
