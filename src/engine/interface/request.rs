//! What is asked of the engine. Most requests have a `new`, which takes what has no default.

use crate::engine::interface::cancel::Cancel;
use crate::engine::interface::consent::Consent;
use crate::engine::interface::error::EngineError;
use crate::engine::target::Target;
use crate::engine::target::trust;
use crate::export::CsvOptions;
use crate::store::{self, Verify};
use crate::upload::feed::Select;
use crate::upload::{Budget, IN_FLIGHT};
use amo_model::{Kind, RATE_MAX};
use sheet_source::HiddenRows;
use sheet_source::message;
use std::path::{Path, PathBuf};

/// The state folder of a working folder.
const STATE: &str = ".amoport";

/// Where things are kept.
#[derive(Debug, Clone)]
pub struct Folders {
    /// The store: journal, ledger of keys, sandbox world.
    pub state: PathBuf,
    /// Each run leaves a folder of its own in it.
    pub runs: PathBuf,
}

impl Folders {
    pub fn new(state: impl Into<PathBuf>, runs: impl Into<PathBuf>) -> Folders {
        // What is printed and kept of them is good in any folder.
        let rooted = |path: PathBuf| std::path::absolute(&path).unwrap_or(path);
        Folders { state: rooted(state.into()), runs: rooted(runs.into()) }
    }

    /// The same, where the state folder may be somebody else's: one that is named must only not be everybody's to change; `None`
    /// is the one that is found in the working folder, which has to be the user's own.
    pub fn checked(state: Option<&Path>, runs: &Path) -> Result<Folders, EngineError> {
        let folders = Folders::new(state.unwrap_or(Path::new(STATE)), runs);
        match state {
            Some(_) => trust::check_named_state(&folders.state, &store::file_of(&folders.state))?,
            None => trust::check_found_path(&folders.state, &message!("name it: --state {state}", state = STATE))?,
        }
        Ok(folders)
    }
}

/// How to read the source; each wins over the mapping's `[source]`.
#[derive(Debug, Clone, Default)]
pub struct SourceOptions {
    /// By name, or by number counted from 1.
    pub sheet: Option<String>,
    /// As Excel shows it; 0 where there is none.
    pub header_row: Option<u32>,
    /// Rows that the sheet does not show; where there are any, it must be said.
    pub hidden_rows: Option<HiddenRows>,
    pub encoding: Option<String>,
    pub delimiter: Option<char>,
}

/// How many rejected records are too many.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum MaxErrors {
    Records(u64),
    /// Of the records that the source holds.
    Percent(f64),
}

impl MaxErrors {
    pub fn of(self, records: u64) -> Budget {
        match self {
            MaxErrors::Records(max) => Budget::Count(max),
            MaxErrors::Percent(percent) => Budget::Share { percent, of: records },
        }
    }
}

/// An import of one source. A clone has the same `cancel`: give each of several imports its own.
#[derive(Debug, Clone)]
pub struct ImportRequest {
    /// The file; `-` is standard input, which is kept in the state folder first.
    pub source: PathBuf,
    /// The mapping file; a workbook that an export wrote needs none, and goes to `round_trip`.
    pub mapping: Option<PathBuf>,
    pub target: Target,
    pub folders: Folders,
    pub read: SourceOptions,
    /// Records at the most.
    pub limit: Option<u64>,
    /// First and last row, as Excel shows them.
    pub rows: Option<(u32, u32)>,
    /// Records in a request; `None` finds the size by the answers.
    pub batch: Option<usize>,
    /// Requests in a second, at most 7.
    pub rate: u32,
    pub max_errors: Option<MaxErrors>,
    /// How long the account is watched for records whose answer was lost, in seconds.
    pub settle_s: u64,
    pub verify: Verify,
    /// Although this source was imported before.
    pub again: bool,
    /// Keys that another mapping has made, and such as differ by the zeros or words of a number's format alone, are the same.
    pub same_keys: bool,
    /// Records with known keys that are gone from the account are made anew.
    pub remake_deleted: bool,
    /// Although the store knows less than was sent by it: records are looked for in the account before they are sent.
    pub older_state: bool,
    /// Of a workbook: the sheet wins in cells that are in conflict with the account.
    pub force: bool,
    /// Of a workbook: every row is made as a new record.
    pub as_new: bool,
    /// Requests under way at once, at the most.
    pub in_flight: usize,
    /// For deletions.
    pub consent: Consent,
    /// Counts the records beforehand, so that the progress has a total.
    pub count: bool,
    pub cancel: Cancel,
}

/// Seconds over which the account is watched for records whose answer was lost.
const SETTLE_S: u64 = 60;

impl ImportRequest {
    pub fn new(source: impl Into<PathBuf>, target: Target, folders: Folders) -> ImportRequest {
        ImportRequest {
            source: source.into(),
            mapping: None,
            target,
            folders,
            read: SourceOptions::default(),
            limit: None,
            rows: None,
            batch: None,
            rate: RATE_MAX,
            max_errors: None,
            settle_s: SETTLE_S,
            verify: Verify::Sample,
            again: false,
            same_keys: false,
            remake_deleted: false,
            older_state: false,
            force: false,
            as_new: false,
            in_flight: IN_FLIGHT,
            consent: Consent::Missing,
            count: false,
            cancel: Cancel::new(),
        }
    }

    /// The same with a mapping.
    pub fn mapping(self, mapping: impl Into<PathBuf>) -> ImportRequest {
        ImportRequest { mapping: Some(mapping.into()), ..self }
    }

    /// Refuses values that nothing can be done with, before anything is read.
    pub fn validate(&self) -> Result<(), EngineError> {
        let percent = match self.max_errors {
            Some(MaxErrors::Percent(percent)) => (0.0..=100.0).contains(&percent),
            Some(MaxErrors::Records(_)) | None => true,
        };
        let values = [
            (self.in_flight > 0, "in_flight", "give 1 or more"),
            (self.batch != Some(0), "batch", "give 1 or more"),
            (
                self.rows.is_none_or(|(first, last)| 0 < first && first <= last),
                "rows",
                "give the first row before the last",
            ),
            ((1..=RATE_MAX).contains(&self.rate), "rate", "give 1 to 7 requests per second"),
            (percent, "max_errors", "give 0 to 100 percent"),
        ];
        match values.into_iter().find(|(possible, _, _)| !possible) {
            Some((_, value, hint)) => {
                Err(EngineError::refused("value", message!("{value} is out of range", value), hint))
            }
            None => Ok(()),
        }
    }

    /// What of the source goes into the run.
    pub fn select(&self) -> Select {
        Select { rows: self.rows, limit: self.limit, ..Select::default() }
    }

    pub fn wants(&self, row: u32) -> bool {
        self.rows.is_none_or(|(first, last)| (first..=last).contains(&row))
    }
}

/// Everything an import does but sending.
#[derive(Debug, Clone)]
pub struct CheckRequest {
    pub import: ImportRequest,
    /// A snapshot saved by `pull`, instead of the account.
    pub snapshot: Option<PathBuf>,
}

/// Goes on with a run.
#[derive(Debug, Clone)]
pub struct ResumeRequest {
    /// Its name; the newest that can go on, if left out.
    pub run: Option<String>,
    pub folders: Folders,
    /// Its account, and the token for it. Where no account is said, it is the one that the run began with; where no token is, it
    /// is found as for an import.
    pub target: Target,
    /// Sends records again of which it is not known whether they arrived.
    pub resend_unknown: bool,
    /// As for an import.
    pub older_state: bool,
    pub count: bool,
    pub cancel: Cancel,
}

impl ResumeRequest {
    pub fn new(folders: Folders) -> ResumeRequest {
        ResumeRequest {
            run: None,
            folders,
            target: Target::unspecified(),
            resend_unknown: false,
            older_state: false,
            count: false,
            cancel: Cancel::new(),
        }
    }
}

/// Gives a run up that has not ended.
#[derive(Debug, Clone)]
pub struct AbandonRequest {
    /// Its name.
    pub run: String,
    pub folders: Folders,
    /// Its account, and the token for it, as for `ResumeRequest`.
    pub target: Target,
    pub cancel: Cancel,
}

impl AbandonRequest {
    pub fn new(run: impl Into<String>, folders: Folders) -> AbandonRequest {
        AbandonRequest { run: run.into(), folders, target: Target::unspecified(), cancel: Cancel::new() }
    }
}

/// The report of a run, made again from the store.
#[derive(Debug, Clone)]
pub struct ReportRequest {
    /// Its name; the newest, if left out.
    pub run: Option<String>,
    pub folders: Folders,
    /// Its account, where that is said.
    pub target: Target,
}

impl ReportRequest {
    pub fn new(folders: Folders) -> ReportRequest {
        ReportRequest { run: None, folders, target: Target::unspecified() }
    }
}

/// What an account holds, in a file.
#[derive(Debug, Clone)]
pub struct ExportRequest {
    pub kind: Kind,
    /// Ends in `.xlsx`, `.csv` or `.jsonl`; `-` is JSON lines on standard output.
    pub to: PathBuf,
    pub target: Target,
    pub folders: Folders,
    /// The list whose elements are read, by name or id.
    pub catalog: Option<String>,
    pub ids: Vec<u64>,
    /// `2026-11-20`, `2026-11-20T10:00`, or `last`.
    pub since: Option<String>,
    pub query: Option<String>,
    pub with: Vec<String>,
    /// These columns only, by title, in this order.
    pub columns: Vec<String>,
    /// The columns of this mapping, filled so that an import gives the same again.
    pub mapping: Option<PathBuf>,
    pub linked: Vec<String>,
    /// How a CSV is written; by the mapping, or as usual, where that is not said.
    pub csv: CsvOptions,
    /// `key=id` each.
    pub filters: Vec<String>,
    pub twice: bool,
    /// Replaces the file if it is there.
    pub force: bool,
    pub rate: u32,
    pub cancel: Cancel,
}

impl ExportRequest {
    pub fn new(kind: Kind, to: impl Into<PathBuf>, target: Target, folders: Folders) -> ExportRequest {
        ExportRequest {
            kind,
            to: to.into(),
            target,
            folders,
            catalog: None,
            ids: Vec::new(),
            since: None,
            query: None,
            with: Vec::new(),
            columns: Vec::new(),
            mapping: None,
            linked: Vec::new(),
            csv: CsvOptions::default(),
            filters: Vec::new(),
            twice: false,
            force: false,
            rate: RATE_MAX,
            cancel: Cancel::new(),
        }
    }
}
