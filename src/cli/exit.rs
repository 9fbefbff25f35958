//! How the program ends: an exit code, what to tell, and, where a run can go on, how. Relied upon from outside.

use crate::api::Failure;
use crate::problem::{Problem, Stage};
use crate::report::ReportError;
use crate::store::StoreError;
use crate::upload::verdict::Stop;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Every record done or unchanged.
    Done = 0,
    /// Finished, some records rejected or links refused; an export whose end is not proven.
    Rejected = 1,
    /// Nothing sent: usage, mapping, config or source.
    Usage = 2,
    /// Stopped by the error budget.
    Budget = 3,
    /// Stopped by the service; resumable.
    Service = 4,
    /// A fault of ours or of the machine.
    Fault = 5,
    /// Outcomes unknown remain.
    Unknown = 7,
    /// Busy, try later.
    Busy = 75,
    /// SIGINT; resumable.
    Interrupted = 130,
    /// SIGTERM; resumable.
    Terminated = 143,
}

impl Exit {
    /// The word in `run.json`.
    pub fn outcome(self) -> &'static str {
        match self {
            Exit::Done => "done",
            Exit::Rejected => "some-rejected",
            Exit::Usage => "refused",
            Exit::Budget => "error-budget",
            Exit::Service => "stopped-by-service",
            Exit::Fault => "fault",
            Exit::Unknown => "some-unknown",
            Exit::Busy => "busy",
            Exit::Interrupted | Exit::Terminated => "interrupted",
        }
    }

    pub const HELP: &'static str = "Exit codes:
  0    every record done or unchanged
  1    finished, some records rejected or links refused; an export that may not be complete
  2    nothing sent: usage, mapping, config or source
  3    stopped by the error budget (--max-errors)
  4    stopped by the service (auth, block, tariff, 5xx); resumable
  5    internal fault
  7    outcomes unknown remain (outranks 1)
  75   busy, try later
  130  interrupted (SIGINT), resumable; 143 for SIGTERM";
}

/// An end before the ordinary one.
#[derive(Debug)]
pub struct Ended {
    pub exit: Exit,
    pub problems: Vec<Problem>,
}

impl Ended {
    pub fn usage(code: &'static str, message: impl Into<crate::problem::Message>, hint: &str) -> Ended {
        Problem::new(Stage::Read, code, message).hint(hint.to_owned()).into()
    }
}

impl From<Problem> for Ended {
    fn from(problem: Problem) -> Ended {
        vec![problem].into()
    }
}

impl From<Vec<Problem>> for Ended {
    fn from(problems: Vec<Problem>) -> Ended {
        let exit = match problems.first().map(|p| p.code.as_ref()) {
            Some("sandbox-busy" | "busy") => Exit::Busy,
            _ => Exit::Usage,
        };
        Ended { exit, problems }
    }
}

impl From<StoreError> for Ended {
    fn from(error: StoreError) -> Ended {
        let problem = Problem::new(Stage::Reconcile, "store", error.to_string())
            .hint("is the disk full, or the state folder read-only? what was done is kept; resume when it is mended");
        Ended { exit: Exit::Fault, problems: vec![problem] }
    }
}

impl From<ReportError> for Ended {
    fn from(error: ReportError) -> Ended {
        let problem = Problem::new(Stage::Reconcile, "report", error.to_string())
            .hint("the outcomes are safe in the store; write the report again with: amoport report");
        Ended { exit: Exit::Fault, problems: vec![problem] }
    }
}

impl From<Failure> for Ended {
    fn from(failure: Failure) -> Ended {
        let hint = match &failure {
            Failure::Unauthorized(_) => Stop::Auth(String::new()).hint(),
            Failure::Blocked => Stop::Blocked.hint(),
            Failure::NeverSent(_) | Failure::Lost(_) => "check the network and the account's address",
            Failure::Unreadable(_) | Failure::Missing { .. } => "check the account's address: https://NAME.amocrm.ru",
            Failure::Throttled { .. } | Failure::Halted => Stop::Throttled.hint(),
            Failure::Unpaid(_) => Stop::Unpaid(String::new()).hint(),
            Failure::Forbidden(_) => Stop::Forbidden(String::new()).hint(),
            Failure::Refused { .. } | Failure::Broken { .. } => "try again in a few minutes",
        };
        let problem = Problem::new(Stage::Send, "service", failure.to_string()).hint(hint);
        Ended { exit: Exit::Service, problems: vec![problem] }
    }
}
