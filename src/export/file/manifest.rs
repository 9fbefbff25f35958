//! The manifest beside a file: the query, what was exported, and whether it is complete.

use super::part::write_whole;
use crate::export::query::ExportQuery;
use crate::export::{ExportError, ExportSummary};
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The suffix of a manifest after the name of its file.
pub const MANIFEST_SUFFIX: &str = ".manifest.json";

/// The token's user, to whose rights lists are limited. [seed]
#[derive(Debug, Clone, Default, Serialize)]
pub struct Person {
    pub id: u64,
    pub name: Option<String>,
    /// `None` where it is unknown.
    pub is_admin: Option<bool>,
}

/// The manifest of an export, as JSON.
#[derive(Debug, Default, Serialize)]
pub struct Manifest {
    pub schema: u32,
    pub kind: String,
    pub account: String,
    pub catalog: Option<u64>,
    pub user: Person,
    /// The time zone of the dates in a table; UTC where the account has none.
    pub timezone: Option<String>,
    /// Parts of the account that could not be read: their names stay ids, their fields have no columns.
    pub gaps: Vec<String>,
    pub started: String,
    pub ended: String,
    pub query: BTreeMap<String, Vec<String>>,
    /// True where the list was read twice.
    pub twice: bool,
    pub columns: Vec<String>,
    pub pages: u64,
    /// Number of items in the file; a mapping may make several rows of one.
    pub rows: u64,
    /// Number of rows that came twice and were dropped.
    pub repeated: u64,
    /// Number of rows that were added or moved while the list was read, found by a second look.
    pub late: u64,
    /// Number of rows that the service gave although the filters exclude them.
    pub filtered_out: u64,
    /// Ids of the query that were not found.
    pub missing_ids: Vec<u64>,
    /// Custom fields with values and without a column, since the account does not list them.
    pub unlisted_fields: Vec<u64>,
    /// The mapping that gives the columns.
    pub mapping: Option<String>,
    /// Values that the mapping writes and no column can show.
    pub not_exported: Vec<String>,
    /// Linked entities with columns of their own.
    pub linked: Vec<String>,
    /// Number of linked records that could not be read, deleted or hidden from the token's user: only their ids are exported.
    pub linked_missing: u64,
    /// The lowest and the highest id of the rows that were read.
    pub min_id: Option<u64>,
    pub max_id: Option<u64>,
    pub complete: bool,
    /// Why it may not be complete.
    pub reason: Option<String>,
    /// Number of texts with an apostrophe, since a spreadsheet would take them for formulas.
    pub neutralised: u64,
    /// Number of texts that were cut to the limit of an Excel cell; each ends with a note.
    pub cut: u64,
    /// The places of the first of them.
    pub cut_at: Vec<String>,
    pub file: String,
    pub sha256: Option<String>,
}

impl Manifest {
    /// Adds the query and the result of an export.
    pub fn add(&mut self, query: &ExportQuery, exported: &ExportSummary) {
        let listed = &exported.listed;
        for (key, value) in query.parameters() {
            self.query.entry(key).or_default().push(value);
        }
        self.twice = query.twice;
        let ends = listed.seen.bounds();
        self.pages = listed.pages;
        self.rows = exported.rows;
        self.linked_missing = exported.linked_missing;
        self.repeated = listed.repeated;
        self.late = listed.late;
        self.filtered_out = exported.filtered;
        self.missing_ids = query.ids().iter().copied().filter(|id| !listed.seen.contains(*id)).collect();
        (self.min_id, self.max_id) = (ends.map(|ends| ends.0), ends.map(|ends| ends.1));
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
        (self.cut > 0)
            .then(|| format!("{} {which} longer than the limit of an Excel cell and cut: {at}{more}", self.cut))
    }

    /// The path of the manifest of a file.
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
