//! Records in doubt: sent, and their answer lost.
//!
//! `watch` settles them, `deletions` where they were to be deleted; `forgotten` looks for records that a restored store does
//! not know to be sent. `look` reads records of the account, `reconcile` matches them.

pub(crate) mod deletions;
pub(crate) mod forgotten;
pub(crate) mod look;
pub mod reconcile;
mod watch;

use crate::mapping::Mapper;
use crate::store::{BatchNo, OpenDoubt};
use crate::upload::feed::{self, FeedItem, QueuedRecord, Select, WalkSummary};
use crate::upload::send::{Batch, Load};
use sheet_source::Table;
use sheet_source::message;
use sheet_source::problem::{Problem, Stage};
use std::collections::{HashMap, HashSet};

/// Records of one batch that are in doubt.
#[derive(Debug)]
pub struct Doubt {
    pub batch: BatchNo,
    pub records: Vec<QueuedRecord>,
    /// The highest id known before the batch was sent: its records have higher ones.
    pub watermark: u64,
    /// In Unix milliseconds.
    pub sent_at_ms: i64,
    pub attempts: u32,
    /// The status of the answer that left them in doubt, where one came.
    pub http_status: Option<u16>,
    pub cause: Cause,
    pub why: String,
    /// Ids that an answer gave without naming their records.
    pub named: Vec<u64>,
}

/// Why records are in doubt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// It is not known whether the service has acted on the request.
    Lost,
    /// The same, and the request was too long for a proxy.
    TooLong,
    /// The service refused the request because of other records, or of what an earlier sending has done.
    Refused,
    /// The service refused the request without naming a record.
    RefusedWhole,
}

impl Cause {
    /// True where the rest is sent again in halves.
    pub fn halves(self) -> bool {
        matches!(self, Cause::TooLong | Cause::RefusedWhole)
    }

    /// True where the service itself has refused: records of other users in the list are no reason to doubt that.
    pub(super) fn is_refusal(self) -> bool {
        matches!(self, Cause::Refused | Cause::RefusedWhole)
    }
}

impl Doubt {
    /// The doubt about the records of a batch.
    pub(super) fn of(batch: Batch, http_status: Option<u16>, (cause, why): (Cause, String)) -> Doubt {
        let Batch { no, load, tries, watermark, sent_at_ms, .. } = batch;
        let records = match load {
            Load::Records(records) => records,
            // Links are sent again without a doubt.
            Load::Links(_) => Vec::new(),
        };
        let named = Vec::new();
        Doubt { batch: no, records, watermark, sent_at_ms, attempts: tries, http_status, cause, why, named }
    }

    /// Doubts about the batches that a killed run had sent without an answer. `records` are mapped again from its source, by
    /// row; a missing one is a problem, since the source has to be unchanged.
    pub fn reopen(open: Vec<OpenDoubt>, mut records: HashMap<u32, QueuedRecord>) -> Result<Vec<Doubt>, Problem> {
        let mut doubts = Vec::new();
        for doubt in open {
            let mut of = Vec::with_capacity(doubt.rows.len());
            for row in &doubt.rows {
                // A sent row that is not mapped any more would be taken for an unsent one.
                let Some(mut queued) = records.remove(row) else {
                    let message =
                        message!("row {row} was sent, but the mapping makes no record of it any more", row = *row);
                    return Err(Problem::new(Stage::Map, "changed", message)
                        .hint("put the source, the mapping and amoport back as they were, then resume"));
                };
                // The record was sent to this parent, whatever its cells mean today.
                queued.record.parent = doubt.owner.or(queued.record.parent);
                of.push(queued);
            }
            doubts.push(Doubt {
                batch: doubt.batch,
                records: of,
                watermark: doubt.watermark,
                sent_at_ms: doubt.sent_at_ms,
                attempts: 1,
                http_status: None,
                cause: Cause::Lost,
                why: "the program stopped before the answer came".to_owned(),
                named: Vec::new(),
            });
        }
        Ok(doubts)
    }

    /// The records of the `wanted` rows of a source. `rows` is the range of rows that the run was asked for.
    pub fn records(
        table: Table,
        mapper: Mapper,
        wanted: HashSet<u32>,
        rows: Option<(u32, u32)>,
    ) -> Result<(HashMap<u32, QueuedRecord>, WalkSummary), Problem> {
        // A key that other rows have as well must be seen once only, as it was in the run.
        let select = Select { only: Some(wanted), rows, ..Select::default() };
        let mut records = HashMap::new();
        let summary = feed::walk(table, mapper, &select, |event| {
            if let FeedItem::Record(queued) = event.keep() {
                records.insert(queued.record.row, queued);
            }
            true
        })?;
        Ok((records, summary))
    }
}
