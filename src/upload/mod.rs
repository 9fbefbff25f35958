//! Sending: `feed` reads and maps, `batch` sizes requests, `run` is the loop for records and for what they are linked to
//! (`links`), `present` reads the records of an update before they are changed, `send` is one request of the loop, `verdict` says what an answer means for a batch, `settle` what it means for each
//! record; `sent_rows` knows what earlier runs have sent of the same source, `known` which keys are known. Where an answer was lost, `doubt` looks into
//! the account with patience, `deletions` for what was to be deleted, `forgotten` for what the store does not know of, and `reconcile` matches what it sees; `verify` reads back at the end; both read records by
//! `look`. `batch`, `lanes`, `verdict`, `settle`, `sent_rows` and `reconcile` are pure.

pub mod batch;
mod doubt;
pub mod feed;
mod responses;
mod queue;
pub mod links;
pub mod present;
mod run;
mod send;
mod settle;
pub mod verdict;
pub mod verify;

pub use batch::BatchSize;
pub use doubt::Doubt;
pub use feed::sent_rows::SentRows;
pub use run::{End, Report, Upload, run};
pub use settle::unprocessed;

use crate::store::{BatchNo, BatchOf, Counts};
use amo_client::clock::Clock;
use sheet_source::problem::Problem;
use std::time::Duration;

/// How many rejected records are too many.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Budget {
    Count(u64),
    /// Percent of the records that the source holds.
    Share {
        percent: f64,
        of: u64,
    },
}

impl Budget {
    /// True when `rejected` is more than the budget allows.
    pub fn exceeded(self, rejected: u64) -> bool {
        match self {
            Budget::Count(max) => rejected > max,
            Budget::Share { percent, of } => rejected as f64 * 100.0 > percent * of as f64,
        }
    }
}

/// Requests under way at once. At 7 a second and 3 s an answer, 21 are needed to keep the pace.
pub const IN_FLIGHT: usize = 24;

#[derive(Debug, Clone, Copy)]
pub struct UploadOptions {
    pub batch: BatchSize,
    /// Requests under way at once, at the most.
    pub in_flight: usize,
    pub max_errors: Option<Budget>,
    /// How long the account is watched for records whose answer was lost: a commit may come late.
    pub settle: Duration,
    /// How long answers were waited for, by this stretch of the run or an earlier one: so long their requests may be on their
    /// way.
    pub answer_timeout: Duration,
    pub clock: Clock,
    /// Records whose keys are known and that are gone from the account are made anew.
    pub remake_deleted: bool,
    /// Keeps some of the records that were sent, for reading them back.
    pub sample: bool,
    /// Records are looked for above this id before they are sent, since the store may have forgotten that it sent them.
    pub look_from: Option<u64>,
    /// What is in doubt is settled, and nothing is sent.
    pub giving_up: bool,
}

/// What happens while sending, for the progress and the log.
#[derive(Debug, Clone)]
pub enum UploadEvent {
    Answered {
        batch: BatchNo,
        of: BatchOf,
        /// Records, or links.
        records: usize,
        attempt: u32,
        status: Option<u16>,
        ms: u64,
    },
    /// The batch goes again, after a pause.
    Again {
        batch: BatchNo,
        why: String,
        pause: Duration,
        /// The service asked everybody to slow down.
        throttled: bool,
    },
    InDoubt {
        batch: BatchNo,
        records: usize,
        why: String,
        /// How long they are looked for; nothing where one look is enough.
        at_most: Duration,
    },
    /// The account was looked at for records in doubt.
    Looked {
        found: usize,
        missing: usize,
        unclear: usize,
        last: bool,
    },
    Counts(Counts),
    /// A record was rejected, by the mapping or by the service. Not for a log: it quotes the user's cells.
    Rejected(Box<Problem>),
    /// Records all of whose links are made or refused by now.
    Linked {
        records: u64,
    },
}
