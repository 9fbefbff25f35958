//! Requests to the engine. Most have a `new` that takes the fields without a default.

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

/// The folders in which amoport keeps its files.
#[derive(Debug, Clone)]
pub struct Folders {
    /// The store: journal, ledger of keys, sandbox world.
    pub state: PathBuf,
    /// Each run has a folder in it.
    pub runs: PathBuf,
}

impl Folders {
    pub fn new(state: impl Into<PathBuf>, runs: impl Into<PathBuf>) -> Folders {
        // Absolute paths stay valid in any working folder.
        let rooted = |path: PathBuf| std::path::absolute(&path).unwrap_or(path);
        Folders { state: rooted(state.into()), runs: rooted(runs.into()) }
    }

    /// The same, with a check of the state folder's owner and mode: a named folder must not be writable by everyone; `None` is
    /// the folder in the working folder, which has to be the user's own.
    pub fn checked(state: Option<&Path>, runs: &Path) -> Result<Folders, EngineError> {
        let folders = Folders::new(state.unwrap_or(Path::new(STATE)), runs);
        match state {
            Some(_) => trust::check_named_state(&folders.state, &store::file_of(&folders.state))?,
            None => trust::check_found_path(&folders.state, &message!("name it: --state {state}", state = STATE))?,
        }
        Ok(folders)
    }
}

/// How to read the source; each option overrides the mapping's `[source]`.
#[derive(Debug, Clone, Default)]
pub struct SourceOptions {
    /// By name, or by number counted from 1.
    pub sheet: Option<String>,
    /// The number as Excel shows it; 0 for no header.
    pub header_row: Option<u32>,
    /// What to do with rows that the sheet does not show; required if there are any.
    pub hidden_rows: Option<HiddenRows>,
    pub encoding: Option<String>,
    pub delimiter: Option<char>,
}

/// The maximum number of rejected records.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum MaxErrors {
    Records(u64),
    /// Percent of the records in the source.
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
    /// The file; `-` is standard input, which is copied to the state folder first.
    pub source: PathBuf,
    /// The mapping file; a workbook that an export wrote needs none and is imported with `round_trip`.
    pub mapping: Option<PathBuf>,
    pub target: Target,
    pub folders: Folders,
    pub read: SourceOptions,
    /// Maximum number of records.
    pub limit: Option<u64>,
    /// First and last row, as Excel shows them.
    pub rows: Option<(u32, u32)>,
    /// Records per request; `None` adapts the size to the answers.
    pub batch: Option<usize>,
    /// Requests per second, at most 7.
    pub rate: u32,
    pub max_errors: Option<MaxErrors>,
    /// How long records whose answer was lost are looked for in the account, in seconds.
    pub settle_s: u64,
    pub verify: Verify,
    /// Imports the source even if it was imported before.
    pub again: bool,
    /// Treats keys of another mapping, and keys that differ only by the zeros or words of a number's format, as the same.
    pub same_keys: bool,
    /// Creates records with known keys again if they were deleted from the account.
    pub remake_deleted: bool,
    /// Accepts a store that is older than what was sent from it: records are looked for in the account before they are sent.
    pub older_state: bool,
    /// For a workbook: the sheet wins in cells that conflict with the account.
    pub force: bool,
    /// For a workbook: every row is created as a new record.
    pub as_new: bool,
    /// Maximum number of concurrent requests.
    pub in_flight: usize,
    /// Consent to deletions.
    pub consent: Consent,
    /// Counts the records first, so that the progress has a total.
    pub count: bool,
    pub cancel: Cancel,
}

/// Seconds for which records whose answer was lost are looked for in the account.
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

    /// Refuses values out of range, before anything is read.
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

    /// The rows of the source that go into the run.
    pub fn select(&self) -> Select {
        Select { rows: self.rows, limit: self.limit, ..Select::default() }
    }

    pub fn wants(&self, row: u32) -> bool {
        self.rows.is_none_or(|(first, last)| (first..=last).contains(&row))
    }
}

/// Everything an import does except sending.
#[derive(Debug, Clone)]
pub struct CheckRequest {
    pub import: ImportRequest,
    /// A snapshot saved by `pull`, instead of the account.
    pub snapshot: Option<PathBuf>,
}

/// Resumes a run.
#[derive(Debug, Clone)]
pub struct ResumeRequest {
    /// Its name; the newest run that can be resumed, if `None`.
    pub run: Option<String>,
    pub folders: Folders,
    /// Its account and token. Without an account it is the run's; without a token it is found as for an import.
    pub target: Target,
    /// Sends records of unknown outcome again.
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

/// Abandons a run that has not ended.
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

/// Writes the report of a run again from the store.
#[derive(Debug, Clone)]
pub struct ReportRequest {
    /// Its name; the newest run, if `None`.
    pub run: Option<String>,
    pub folders: Folders,
    /// True to write into the folder of the run's name in `folders.runs`; otherwise into the folder that the run had.
    pub into_runs: bool,
    /// Its account; any, if unspecified.
    pub target: Target,
}

impl ReportRequest {
    pub fn new(folders: Folders) -> ReportRequest {
        ReportRequest { run: None, folders, into_runs: false, target: Target::unspecified() }
    }
}

/// Writes what an account holds to a file.
#[derive(Debug, Clone)]
pub struct ExportRequest {
    pub kind: Kind,
    /// Ends in `.xlsx`, `.csv` or `.jsonl`; `-` is JSON lines on standard output.
    pub to: PathBuf,
    pub target: Target,
    pub folders: Folders,
    /// The catalog whose elements are read, by name or id.
    pub catalog: Option<String>,
    pub ids: Vec<u64>,
    /// `2026-11-20`, `2026-11-20T10:00`, or `last`.
    pub since: Option<String>,
    pub query: Option<String>,
    pub with: Vec<String>,
    /// These columns only, by title, in this order.
    pub columns: Vec<String>,
    /// The columns of this mapping, filled so that an import of the file gives the same records.
    pub mapping: Option<PathBuf>,
    pub linked: Vec<String>,
    /// How a CSV is written; by the mapping or the default, where it is `None`.
    pub csv: CsvOptions,
    /// `key=id` each.
    pub filters: Vec<String>,
    pub twice: bool,
    /// Replaces the file if it exists.
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
