//! Outcomes of records, and their counts.

use crate::store::run::cells::KeptCell;
use serde::{Deserialize, Serialize};
use sheet_source::problem::Problem;

/// The status of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    Created,
    Updated,
    Merged,
    Unchanged,
    Skipped,
    Rejected,
    /// Sent, and it is not known whether it arrived.
    Unknown,
    /// The run stopped before it was sent.
    Unprocessed,
    Deleted,
}

impl Status {
    pub const ALL: [Status; 9] = [
        Status::Created,
        Status::Updated,
        Status::Merged,
        Status::Deleted,
        Status::Unchanged,
        Status::Skipped,
        Status::Rejected,
        Status::Unknown,
        Status::Unprocessed,
    ];

    pub fn word(self) -> &'static str {
        match self {
            Status::Created => "created",
            Status::Updated => "updated",
            Status::Merged => "merged",
            Status::Unchanged => "unchanged",
            Status::Skipped => "skipped",
            Status::Rejected => "rejected",
            Status::Unknown => "unknown",
            Status::Unprocessed => "unprocessed",
            Status::Deleted => "deleted",
        }
    }

    /// The number in the store; never renumbered.
    pub fn number(self) -> i64 {
        match self {
            Status::Created => 1,
            Status::Updated => 2,
            Status::Merged => 3,
            Status::Unchanged => 4,
            Status::Skipped => 5,
            Status::Rejected => 6,
            Status::Unknown => 7,
            Status::Unprocessed => 8,
            Status::Deleted => 9,
        }
    }

    pub fn from_number(number: i64) -> Option<Status> {
        Status::ALL.into_iter().find(|status| status.number() == number)
    }

    /// True where a resumed run does not send the record.
    pub fn is_final(self) -> bool {
        match self {
            Status::Created
            | Status::Updated
            | Status::Merged
            | Status::Deleted
            | Status::Unchanged
            | Status::Skipped
            | Status::Rejected
            | Status::Unknown => true,
            Status::Unprocessed => false,
        }
    }
}

/// The outcome of a record, as it is stored.
#[derive(Debug, Clone)]
pub struct Outcome {
    pub row: u32,
    /// The rows of a grouped record after the first.
    pub more: Vec<u32>,
    pub status: Status,
    pub key: Option<String>,
    pub id: Option<u64>,
    pub contact_id: Option<u64>,
    pub company_id: Option<u64>,
    /// The address of its view, where that is not its card: the print form of an invoice.
    pub url: Option<String>,
    pub http_status: Option<u16>,
    pub attempts: u32,
    pub problems: Vec<Problem>,
    /// The cells of the source, a list for each row, for rejected records.
    pub cells: Vec<Vec<KeptCell>>,
    /// The links of the record, as JSON of `upload::links`.
    pub links: Vec<String>,
}

impl Outcome {
    pub fn new(row: u32, status: Status) -> Outcome {
        Outcome {
            row,
            more: Vec::new(),
            status,
            key: None,
            id: None,
            contact_id: None,
            company_id: None,
            url: None,
            http_status: None,
            attempts: 0,
            problems: Vec::new(),
            cells: Vec::new(),
            links: Vec::new(),
        }
    }
}

/// Numbers of records by status. `read` is their sum without skipped rows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    pub read: u64,
    pub created: u64,
    pub updated: u64,
    pub merged: u64,
    #[serde(default)]
    pub deleted: u64,
    pub unchanged: u64,
    pub skipped: u64,
    pub rejected: u64,
    pub unknown: u64,
    pub unprocessed: u64,
}

impl Counts {
    pub fn add(&mut self, status: Status, count: u64) {
        let place = match status {
            Status::Created => &mut self.created,
            Status::Updated => &mut self.updated,
            Status::Merged => &mut self.merged,
            Status::Deleted => &mut self.deleted,
            Status::Unchanged => &mut self.unchanged,
            Status::Skipped => &mut self.skipped,
            Status::Rejected => &mut self.rejected,
            Status::Unknown => &mut self.unknown,
            Status::Unprocessed => &mut self.unprocessed,
        };
        *place += count;
        if status != Status::Skipped {
            self.read += count;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_counts_always_add_up_with_skipped_rows_apart() {
        let mut counts = Counts::default();
        for (n, status) in Status::ALL.into_iter().enumerate() {
            counts.add(status, n as u64 + 1);
            assert_eq!(Status::from_number(status.number()), Some(status));
        }
        let c = counts;
        let written = c.created + c.updated + c.merged + c.deleted;
        assert_eq!(c.read, written + c.unchanged + c.rejected + c.unknown + c.unprocessed);
        assert_eq!((c.deleted, c.skipped), (4, 6));
    }
}
