//! Errors of the use cases: the kind of error, and its problems.

use crate::engine::interface::cancel::{Cancel, Interruption};
use crate::report::ReportError;
use crate::store::{self, StoreError};
use amo_client::{Failure, meaning};
use sheet_source::message;
use sheet_source::problem::{Message, Place, Problem, Stage};
use std::fmt;
use std::path::Path;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// Usage, mapping, config or source: nothing was sent.
    Refused,
    /// The source or the sandbox is in use by another run: nothing was sent; try again later.
    Busy,
    /// The service cannot be reached or refuses: nothing was sent.
    Service,
    /// A fault of the program or of the machine. It is the only kind of an import's errors that can come after something was
    /// sent: when the store or the report cannot be written. What was done is kept; resume the run.
    Fault,
    /// Cancelled before anything was sent.
    Interrupted(Interruption),
    /// An export writes to a pipe that is closed.
    NoReader,
}

#[derive(Debug)]
pub struct EngineError {
    pub kind: ErrorKind,
    /// At least one.
    pub problems: Vec<Problem>,
}

impl EngineError {
    pub fn new(kind: ErrorKind, problem: Problem) -> EngineError {
        EngineError { kind, problems: vec![problem] }
    }

    /// A request that cannot be carried out as it is.
    pub(crate) fn refused(code: &'static str, message: impl Into<Message>, hint: impl Into<Message>) -> EngineError {
        EngineError::new(ErrorKind::Refused, Problem::new(Stage::Read, code, message).hint(hint))
    }

    /// A bug in amoport.
    pub fn fault(message: &'static str) -> EngineError {
        let problem = Problem::new(Stage::Read, "fault", message).hint("please report this");
        EngineError::new(ErrorKind::Fault, problem)
    }

    /// Adds the path of a damaged store to its problems, because SQLite does not name it.
    pub fn with_store_path(mut self, state: &Path) -> EngineError {
        for problem in self.problems.iter_mut().filter(|problem| problem.code == store::DAMAGED) {
            problem.place = Place::File(store::file_of(state));
        }
        self
    }

    /// The error of a store damaged in the middle of a run, which has sent something already.
    pub fn while_sending(mut self) -> EngineError {
        for problem in self.problems.iter_mut().filter(|problem| problem.code == store::DAMAGED) {
            self.kind = ErrorKind::Fault;
            problem.message = "the store is damaged; what was sent until now is in the account".into();
        }
        self
    }

    pub fn interrupted(by: Interruption, message: &'static str) -> EngineError {
        EngineError::new(ErrorKind::Interrupted(by), Problem::new(Stage::Read, "interrupted", message))
    }
}

/// An `Interrupted` error if the use case was cancelled before it sent anything.
pub fn check_cancelled(cancel: &Cancel) -> Result<(), EngineError> {
    match cancel.is_cancelled() {
        true => Err(EngineError::interrupted(cancel.by(), "nothing was sent")),
        false => Ok(()),
    }
}

impl fmt::Display for EngineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.problems.split_first() {
            Some((first, [])) => write!(f, "{first}"),
            Some((first, rest)) => write!(f, "{first} (and {} more)", rest.len()),
            None => f.write_str("it failed"),
        }
    }
}

impl std::error::Error for EngineError {}

impl From<Problem> for EngineError {
    fn from(problem: Problem) -> EngineError {
        vec![problem].into()
    }
}

impl From<Vec<Problem>> for EngineError {
    fn from(problems: Vec<Problem>) -> EngineError {
        EngineError { kind: ErrorKind::Refused, problems }
    }
}

impl From<StoreError> for EngineError {
    fn from(error: StoreError) -> EngineError {
        if error.is_damage() {
            return store::damaged(&error).into();
        }
        if let StoreError::ClaimedTwice { .. } = error {
            let problem =
                Problem::new(Stage::Reconcile, "claimed-twice", message!("{error}", error = error.to_string())).hint(
                    "look at the card and at both rows; amoport resume then looks for what was sent in the account",
                );
            return EngineError::new(ErrorKind::Fault, problem);
        }
        let problem = Problem::new(Stage::Reconcile, "store", message!("{error}", error = error.to_string()))
            .hint("is the disk full, or the state folder read-only? what was done is kept; resume when this is fixed");
        EngineError::new(ErrorKind::Fault, problem)
    }
}

impl From<ReportError> for EngineError {
    fn from(error: ReportError) -> EngineError {
        let problem = Problem::new(Stage::Reconcile, "report", message!("{error}", error = error.to_string()))
            .hint("the outcomes are safe in the store; write the report again with: amoport report");
        EngineError::new(ErrorKind::Fault, problem)
    }
}

impl From<Failure> for EngineError {
    fn from(failure: Failure) -> EngineError {
        let hint = match &failure {
            Failure::Unauthorized(_) => "check the token (amoport auth status)",
            Failure::Blocked => "only the service's support can lift the block",
            Failure::NeverSent(_) | Failure::Lost(_) => "check the network and the account's address",
            Failure::Unreadable(_) | Failure::Excessive(_) => "check the account's address: https://NAME.amocrm.ru",
            Failure::Incomplete(_) => "ask whoever runs the proxy, or the service's support, about that list",
            Failure::Missing { status, .. } | Failure::Gateway { status, .. } => meaning(*status).1,
            Failure::Throttled { .. } | Failure::Halted => {
                "other programs may be using the account; wait a few minutes and start again with a lower --rate"
            }
            Failure::Unpaid(_) => "pay for the account or change its plan",
            Failure::Forbidden(_) => "use the token of a user with this permission",
            Failure::Refused { .. } | Failure::ServerError { .. } => "try again in a few minutes",
        };
        let problem =
            Problem::new(Stage::Send, "service", message!("{failure}", failure = failure.to_string())).hint(hint);
        EngineError::new(ErrorKind::Service, problem)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_damaged_store_is_told_with_its_file_and_with_what_was_sent() {
        let damage = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_CORRUPT);
        let error = || StoreError::Sqlite(rusqlite::Error::SqliteFailure(damage, None));
        let early = EngineError::from(error()).with_store_path(Path::new("state"));
        assert_eq!((early.kind, early.problems[0].code.as_ref()), (ErrorKind::Refused, store::DAMAGED));
        let text = early.to_string();
        assert!(text.contains("store.db") && text.contains("nothing was sent"), "{text}");
        let late = EngineError::from(error()).while_sending().with_store_path(Path::new("state"));
        assert_eq!(late.kind, ErrorKind::Fault);
        let text = late.to_string();
        assert!(text.contains("store.db") && !text.contains("nothing was sent"), "{text}");
    }
}
