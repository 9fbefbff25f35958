//! Sending: `feed` reads and maps, `run` is the loop, `verdict` says what an answer means for a batch, `settle` what it
//! means for each record. Verdict and settling are pure; the journal is written by the loop alone.

pub mod feed;
mod run;
mod settle;
pub mod verdict;

pub use run::{End, Report, run, unprocessed};

use crate::store::{BatchNo, Counts};

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

#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Records in a request.
    pub batch: usize,
    pub max_errors: Option<Budget>,
}

/// What happens while sending, for the progress and the log; never any of the user's data.
#[derive(Debug, Clone)]
pub enum Event {
    Answered { batch: BatchNo, records: usize, attempt: u32, status: Option<u16>, ms: u64 },
    Again { batch: BatchNo, why: String },
    InDoubt { batch: BatchNo, why: String },
    Counts(Counts),
}
