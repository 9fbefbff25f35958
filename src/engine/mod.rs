//! What amoport does, one file a use case: a request in, events on the way, a result back. Every front end calls these
//! functions and repeats none of them; nothing here prints, ends the process, or asks a terminal.
//!
//! `request` says what is asked, `target` which account and by what right, `event` what is heard on the way, `result` what
//! came of it, `error` why nothing did. An `import` (of a file through a mapping) and a `round_trip` (of a workbook that an export
//! wrote) prepare with `source`, `survey` and `prepare`, begin with `begin`, the one place that knows in which order a run
//! is locked, refused, weighed and noted, and are carried out by `run`; `resume` goes on with one. `check` stops before
//! sending (`walk`); `report`, `export` and `account` are what their names say.
//!
//! Several of these may run at the same time in one process. They share no state but the pace of an account.

mod account;
mod after;
mod begin;
mod cancel;
mod check;
mod config;
mod error;
mod event;
mod export;
mod import;
mod mapped_export;
mod prepare;
mod report;
mod request;
mod result;
mod resume;
mod returned;
mod round_trip;
mod run;
mod source;
mod survey;
mod target;
mod walk;

pub use account::{
    CustomersMode, LoggedIn, ModeChange, Saved, TokenStatus, customers_mode, log_in, pull, show, status,
};
pub use cancel::{Cancel, Interruption};
pub use check::check;
pub use error::{EngineError, ErrorKind};
pub use event::{Event, Phase, Progress, Wait, WaitReason};
pub use export::{ExportResult, export};
pub use import::import;
pub use report::{report, runs};
pub use request::{
    Answer, CheckRequest, Consent, ExportRequest, Folders, ImportRequest, MaxErrors, ReportRequest, ResumeRequest,
    SourceOptions,
};
pub use result::{Checked, Next, Part, RunResult};
pub use resume::resume;
pub use round_trip::round_trip;
pub use target::{Target, Token};
