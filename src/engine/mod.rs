//! The use cases of amoport: each takes a request, emits events and returns a result. Every front end calls these functions;
//! nothing here ends the process or uses a terminal, and only an export to `-` prints.
//!
//! `interface` holds requests, events, results and errors; `target` opens the account with its token. An `import` (of a file
//! through a mapping) and a `round_trip` (of a workbook that an export wrote) read the `source`, `prepare` account and plan,
//! `begin` a run (lock, guard against a second import, error budget, journal), and `run` it; `resume` continues or abandons a
//! run. `check` does everything except sending. `export` and `account` are what their names say.
//!
//! Calls block until they are done, and each has a runtime of its own: from asynchronous code, call them on a thread of
//! their own (`spawn_blocking`). Events come on the calling thread, from inside the sending loop, so a slow listener slows
//! the sending. Several may run at the same time in one process; they share the pace of an account and the files below
//! `Folders`. A state folder has one sandbox at a time. A cancelled import waits for the requests in flight and writes its
//! report; the rest of the source is read for it, not sent.
//!
//! Inputs outside of a request: the user's config, `amoport.toml` in the working folder, and the environment (`AMOPORT_TOKEN`,
//! `AMOPORT_CLIENT_SECRET`, `AMOPORT_RATE_DIR`, `CREDENTIALS_DIRECTORY`). A program that serves several accounts sets
//! `Target::token`.

mod interface;
mod account;
mod begin;
mod check;
mod export;
mod import;
mod prepare;
mod resume;
mod round_trip;
mod run;
mod source;
mod target;

pub use account::{
    CustomersMode, LoginResult, ModeChange, SavedSnapshot, SnapshotOutput, TokenStatus, account_template,
    customers_mode, log_in, pull, show, status,
};
pub use amo_client::private::secret::ReadableByOthers;
pub use begin::older::OLDER_STATE;
pub use check::check;
pub use export::{ExportResult, export};
pub use import::import;
pub use interface::cancel::{Cancel, Interruption};
pub use interface::consent::{Confirmation, Consent};
pub use interface::error::{EngineError, ErrorKind};
pub use interface::event::{Event, Phase, Progress, Wait, WaitReason};
pub use interface::request::{
    AbandonRequest, CheckRequest, ExportRequest, Folders, ImportRequest, MaxErrors, ReportRequest, ResumeRequest,
    SourceOptions,
};
pub use interface::result::{CheckResult, Next, RunLocation, RunResult, WorkbookRun};
pub use resume::give_up::abandon;
pub use resume::resume;
pub use round_trip::round_trip;
pub use run::report::{report, runs};
pub use source::pipe_note;
pub use target::hosts::{Allowed, allow};
#[cfg(not(feature = "sandbox"))]
pub use target::sandbox::no_sandbox;
pub use target::{Target, Token};
