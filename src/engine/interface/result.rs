//! What the use cases come to, as data.

use crate::report::Summary;
use crate::store::{Counts, RunOutcome, Status};
use amo_model::{Action, Kind};
use sheet_source::problem::{Message, Note, Problem};
use std::path::PathBuf;

/// How a run, or this stretch of it, ended.
#[derive(Debug, Clone)]
pub struct RunResult {
    pub outcome: RunOutcome,
    /// What `run.json` holds.
    pub summary: Summary,
    /// With the report.
    pub folder: PathBuf,
    /// The file with the rejected rows, where there are any: a workbook where the source is one.
    pub rejected: Option<PathBuf>,
    /// The mapping was made for a workbook, and is in no file.
    pub made_mapping: bool,
    /// Why it stopped, where it did.
    pub stopped: Option<Message>,
    /// The first problems of its rejected and unknown records.
    pub problems: Vec<Problem>,
    /// There are more of them than these.
    pub more_problems: bool,
    pub next: Next,
    pub location: RunLocation,
}

/// What finds a run again, and the right to its account, from whatever folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunLocation {
    /// As it was said: an address, a name, or `sandbox`.
    pub account: String,
    pub state: PathBuf,
    pub runs: PathBuf,
    pub token_file: Option<PathBuf>,
}

/// How to go on with a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    Nothing,
    Resume,
    /// The source is to be mended, and its rows from this one on imported.
    ImportFrom(u32),
}

/// What a check came to.
#[derive(Debug, Clone)]
pub struct CheckResult {
    pub kind: Kind,
    pub action: Action,
    pub source: String,
    pub account: String,
    pub account_id: u64,
    /// Rows that were read.
    pub rows: u64,
    /// Records that can be sent.
    pub records: u64,
    pub rejected: u64,
    pub unchanged: u64,
    pub skipped: u64,
    pub problems: u64,
    /// Several rows may make one record.
    pub grouped: bool,
    /// More would be rejected than the budget allows.
    pub over_budget: bool,
    /// Why the import would not begin, as it would say.
    pub refused: Vec<Problem>,
    /// Of a workbook without a mapping: what its rows are for.
    pub part: Option<WorkbookRun>,
    pub notes: Vec<Note>,
}

/// The two runs that a workbook without a mapping makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WorkbookRun {
    Changes,
    NewRows,
}

impl CheckResult {
    /// As `run.json` counts: what could be sent was not processed.
    pub fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        counts.add(Status::Rejected, self.rejected);
        counts.add(Status::Unchanged, self.unchanged);
        counts.add(Status::Skipped, self.skipped);
        counts.add(Status::Unprocessed, self.records);
        counts
    }
}
