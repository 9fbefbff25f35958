//! Uploading: records go from the source to the account in batches, under the pace of the client, with a journal.
//!
//! - `feed` reads and maps the source in a thread of its own; its `sent_rows` knows what earlier runs have sent of the same
//!   source,
//!   its `known` describes records whose keys are known.
//! - `first` are reads that began before the upload.
//! - `queue` holds records until their batch, `batch` sizes batches.
//! - `run` is the loop, for records and for their `links`; `send` is one request of it.
//! - `verdict` says what an answer means for a batch, `settle` what it means for each record.
//! - `present` reads the records of an update before they are changed.
//! - `doubt` looks into the account for records whose answer was lost.
//! - `verify` reads records back at the end.
//!
//! `batch`, `queue`, `verdict`, `settle`, `feed::sent_rows` and `doubt::reconcile` are pure.

pub mod batch;
mod doubt;
pub mod feed;
mod first;
pub mod links;
pub mod present;
mod queue;
mod run;
mod send;
mod settle;
pub mod verdict;
pub mod verify;

pub use batch::{BatchSize, SpeedLearned};
pub use doubt::Doubt;
pub use doubt::look::{LIST_LAG, reads_before_update};
pub use feed::sent_rows::SentRows;
pub use first::{FirstWatermark, Rights};
pub use run::{Upload, run};
pub use settle::{DOUBLED, unprocessed};

use crate::store::{BatchNo, BatchOf, Counts};
use amo_client::clock::Clock;
use feed::QueuedRecord;
use sheet_source::problem::{Note, Problem};
use std::time::Duration;
use verdict::Stop;

/// The limit of rejected records.
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

/// Requests in flight. At 7 a second and 3 s an answer, 21 are needed to keep the pace.
pub const IN_FLIGHT: usize = 24;

/// How to upload.
#[derive(Debug, Clone, Copy)]
pub struct UploadOptions {
    pub batch: BatchSize,
    /// The highest number of requests in flight.
    pub in_flight: usize,
    /// Requests a second.
    pub rate: u32,
    pub max_errors: Option<Budget>,
    /// How long the account is watched for records whose answer was lost, since a commit may come late.
    pub settle: Duration,
    /// How long this stretch of the run, or an earlier one, waited for an answer. So long may a request be under way.
    pub answer_timeout: Duration,
    pub clock: Clock,
    /// Records with known keys that are deleted from the account are created again.
    pub remake_deleted: bool,
    /// Keeps some of the sent records, for reading them back.
    pub sample: bool,
    /// Records are looked for above this id before they are sent, since the store may have forgotten their sending.
    pub look_from: Option<u64>,
    /// Doubts are settled, and nothing is sent.
    pub giving_up: bool,
}

/// An event of the upload, for the progress and the log.
#[derive(Debug, Clone)]
pub enum UploadEvent {
    Answered {
        batch: BatchNo,
        of: BatchOf,
        /// Number of records, or of links.
        records: usize,
        attempt: u32,
        status: Option<u16>,
        ms: u64,
    },
    /// The batch is sent again, after a pause.
    Retry {
        batch: BatchNo,
        why: String,
        pause: Duration,
        /// The service asked to slow down (429).
        throttled: bool,
    },
    InDoubt {
        batch: BatchNo,
        records: usize,
        why: String,
        /// How long they are looked for; zero where one look is enough.
        at_most: Duration,
    },
    /// The account was read for records in doubt.
    Looked {
        found: usize,
        missing: usize,
        unclear: usize,
        last: bool,
    },
    /// Whether the token's user is an administrator, which only an administrator's token can tell. Nobody else sees everything,
    /// so a record that the token does not see may exist.
    Rights {
        is_admin: Option<bool>,
    },
    Counts(Counts),
    /// A record was rejected, by the mapping or by the service. Not for a log: it quotes the user's cells.
    Rejected(Box<Problem>),
    /// The number of records all of whose links are made or refused by now.
    Linked {
        records: u64,
    },
}

/// Why the loop ended.
#[derive(Debug)]
pub enum End {
    Finished,
    Budget,
    Service(Stop),
    Interrupted,
    /// Doubts are settled, and the rest is left unsent.
    GivenUp,
    Source(Problem),
}

/// The result of an upload, beside what is in the journal.
#[derive(Debug)]
pub struct Report {
    pub end: End,
    /// Number of rows of the source, where it was read to its end.
    pub rows: u64,
    /// Number of batches that were sent again, whole or in part.
    pub retried: u64,
    /// Notes of the reader of the source.
    pub notes: Vec<Note>,
    /// How the service has answered batches.
    pub speed: SpeedLearned,
    /// Records that are in the account, evenly spread over the run, for reading them back.
    pub sample: Vec<QueuedRecord>,
}
