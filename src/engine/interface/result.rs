//! Results of the use cases, as data.

use crate::report::Summary;
use crate::store::{Counts, RunOutcome, Status};
use amo_model::{Action, Kind};
use sheet_source::problem::{Message, Note, Problem};
use std::path::PathBuf;

/// How a run, or this part of it, ended.
#[derive(Debug, Clone)]
pub struct RunResult {
    pub outcome: RunOutcome,
    /// The content of `run.json`.
    pub summary: Summary,
    /// The run's folder, with the report.
    pub folder: PathBuf,
    /// The file with the rejected rows, if there are any: a workbook if the source is one.
    pub rejected: Option<PathBuf>,
    /// The mapping was generated for a workbook and is in no file.
    pub made_mapping: bool,
    /// Why the run stopped, if it did.
    pub stopped: Option<Message>,
    /// The first problems of its rejected and unknown records.
    pub problems: Vec<Problem>,
    /// The run has more problems than these.
    pub more_problems: bool,
    pub next: Next,
    pub location: RunLocation,
}

/// Where a run is kept, and its account, to resume it from any folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunLocation {
    /// As it was given: an address, a name, or `sandbox`.
    pub account: String,
    pub state: PathBuf,
    pub runs: PathBuf,
    pub token_file: Option<PathBuf>,
}

/// How to continue after a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    Nothing,
    Resume,
    /// Fix the source, and import its rows from this one on.
    ImportFrom(u32),
}

/// The result of a check.
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
    /// More records would be rejected than the budget allows.
    pub over_budget: bool,
    /// Problems that would keep the import from beginning.
    pub refused: Vec<Problem>,
    /// For a workbook without a mapping: which of its two runs this is.
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
    /// Counts as in `run.json`: records that can be sent are unprocessed.
    pub fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        counts.add(Status::Rejected, self.rejected);
        counts.add(Status::Unchanged, self.unchanged);
        counts.add(Status::Skipped, self.skipped);
        counts.add(Status::Unprocessed, self.records);
        counts
    }
}
