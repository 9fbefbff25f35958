//! The exit codes of the program, on which other programs rely.

use crate::engine::{ErrorKind, Interruption};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Every record done or unchanged.
    Done = 0,
    /// Finished, some records rejected or links refused; an export that may not be complete.
    Rejected = 1,
    /// Nothing sent: usage, mapping, config or source.
    Usage = 2,
    /// Stopped by the error budget.
    Budget = 3,
    /// Stopped by the service; resumable.
    Service = 4,
    /// A fault of the program or of the machine.
    Fault = 5,
    /// Some outcomes are unknown.
    Unknown = 7,
    /// Busy, try later.
    Busy = 75,
    /// SIGINT; resumable.
    Interrupted = 130,
    /// SIGTERM; resumable.
    Terminated = 143,
}

impl Exit {
    const ALL: [Exit; 10] = [
        Exit::Done,
        Exit::Rejected,
        Exit::Usage,
        Exit::Budget,
        Exit::Service,
        Exit::Fault,
        Exit::Unknown,
        Exit::Busy,
        Exit::Interrupted,
        Exit::Terminated,
    ];

    /// The exit of a run, by the code in its `run.json`.
    pub fn of_code(code: Option<i64>) -> Exit {
        Exit::ALL.into_iter().find(|exit| Some(*exit as i64) == code).unwrap_or(Exit::Fault)
    }

    pub fn of_error(kind: ErrorKind) -> Exit {
        match kind {
            ErrorKind::Refused => Exit::Usage,
            ErrorKind::Busy => Exit::Busy,
            ErrorKind::Service => Exit::Service,
            ErrorKind::Fault => Exit::Fault,
            ErrorKind::Interrupted(Interruption::Interrupt) => Exit::Interrupted,
            ErrorKind::Interrupted(Interruption::Terminate) => Exit::Terminated,
            ErrorKind::NoReader => Exit::Rejected,
        }
    }

    /// The exit of two runs of one command: the later one decides, unless it succeeded.
    pub fn worse(self, later: Exit) -> Exit {
        if later == Exit::Done { self } else { later }
    }

    /// The `outcome` of JSON where there is no run.
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
  4    stopped by the service (auth, block, plan, 5xx); resumable
  5    internal fault
  7    outcomes unknown remain (outranks 1)
  75   busy, try later
  130  interrupted (SIGINT), resumable; 143 for SIGTERM";
}
