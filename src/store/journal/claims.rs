//! Ownership of entities: the ids that runs have created, what other runs may create at this moment, and what was sent twice.
//! It is checked before a record is matched with an entity of the account.

use crate::store::StoreError;
use crate::store::journal::history::BatchNo;
use crate::store::journal::history::BatchState;
use crate::store::journal::rows::unpack;
use crate::store::journal::{Journal, state};
use crate::store::run::outcome::{Outcome, Status};
use crate::store::words::FrozenWord;
use amo_model::Action;
use rusqlite::{OptionalExtension, Transaction, params};
use std::collections::HashSet;

/// A batch of another run that creates records of the same kind and has no outcome yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OtherRunBatch {
    /// The name of its run.
    pub run: String,
    pub watermark: u64,
    /// In Unix milliseconds.
    pub sent_at_ms: i64,
    /// True where it is in doubt; otherwise its answer may come at any moment.
    pub in_doubt: bool,
    /// The parent of its records, where their address names it.
    pub owner: Option<u64>,
}

impl Journal {
    /// Checks that no other row has created the entity of an outcome. Two rows with one entity would mean a lost record, so the
    /// run must stop.
    pub fn check_unclaimed(&self, tx: &Transaction<'_>, outcome: &Outcome) -> Result<(), StoreError> {
        let (Status::Created, Some(id)) = (outcome.status, outcome.id) else { return Ok(()) };
        let claimed = tx
            .prepare_cached(
                "SELECT r.name, p.row FROM record p INDEXED BY record_made JOIN run r ON r.run = p.run
                 WHERE p.id = ?1 AND p.status = 1 AND NOT (p.run = ?2 AND p.row = ?3) AND r.account = ?4
                   AND json_extract(r.head, '$.entity') = ?5",
            )?
            .query_row(params![id as i64, self.run, outcome.row, self.account, self.entity.word()], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })
            .optional()?;
        match claimed {
            Some((run, other)) => Err(StoreError::ClaimedTwice { id, row: outcome.row, run, other }),
            None => Ok(()),
        }
    }

    /// Ids above `watermark` that runs have created, of the same entity in this account; each entity has ids of its own. An id
    /// that a run has only read or changed may be of a record that another run created without an answer, and does not count.
    pub fn known_ids(&self, watermark: u64) -> Result<HashSet<u64>, StoreError> {
        let mut statement = self.store.db.prepare_cached(
            "SELECT id FROM record WHERE id > ?3 AND status IN (?4, ?5) AND run IN
               (SELECT run FROM run WHERE account = ?1 AND json_extract(head, '$.entity') = ?2)",
        )?;
        let [created, merged] = [Status::Created, Status::Merged].map(Status::number);
        let of = params![self.account, self.entity.word(), watermark as i64, created, merged];
        let ids = statement.query_map(of, |row| row.get::<_, i64>(0))?;
        Ok(ids.map(|id| id.map(|id| id as u64)).collect::<Result<_, _>>()?)
    }

    /// Batches of other runs that create records of the same kind and have no outcome yet.
    pub fn open_batches_of_other_runs(&self) -> Result<Vec<OtherRunBatch>, StoreError> {
        let mut statement = self.store.db.prepare_cached(
            "SELECT r.name, b.watermark, b.sent_at_ms, b.state, b.owner
             FROM batch b INDEXED BY batch_open JOIN run r ON r.run = b.run
             WHERE b.state IN ('sent', 'in-doubt') AND b.run != ?1 AND b.carries = 0 AND r.account = ?2
               AND json_extract(r.head, '$.entity') = ?3 AND json_extract(r.head, '$.action') = ?4
               AND json_extract(r.head, '$.catalog') IS ?5",
        )?;
        let (catalog, action) = (self.catalog.map(|id| id as i64), Action::Create.word());
        let of = params![self.run, self.account, self.entity.word(), action, catalog];
        let mut rows = statement.query(of)?;
        let mut open = Vec::new();
        while let Some(row) = rows.next()? {
            let (watermark, word): (i64, String) = (row.get(1)?, row.get(3)?);
            open.push(OtherRunBatch {
                run: row.get(0)?,
                watermark: watermark as u64,
                sent_at_ms: row.get(2)?,
                in_doubt: state(&word)? == BatchState::InDoubt,
                owner: row.get::<_, Option<i64>>(4)?.map(|id| id as u64),
            });
        }
        Ok(open)
    }

    /// Rows of batches that were sent again while it was not known whether the service had acted on them.
    pub fn repeated(&self) -> Result<HashSet<u32>, StoreError> {
        let mut statement = self
            .store
            .db
            .prepare("SELECT rows FROM batch WHERE run = ?1 AND http_status IS NULL AND state = ?2 AND carries = 0")?;
        let packed =
            statement.query_map(params![self.run, BatchState::Settled.word()], |row| row.get::<_, Vec<u8>>(0))?;
        let mut rows = HashSet::new();
        for packed in packed {
            rows.extend(unpack(&packed?));
        }
        Ok(rows)
    }

    /// Rows that this run has sent twice, since they were not found or were refused beside others, with the highest id known
    /// before the first sending.
    pub fn sent_twice(&self) -> Result<Option<(HashSet<u32>, u64)>, StoreError> {
        let mut statement = self.store.db.prepare(
            // Rows of an accepted batch were not sent again.
            "SELECT batch, rows, watermark FROM batch
             WHERE run = ?1 AND state = ?2 AND carries = 0 AND (http_status IS NULL OR http_status >= 300)",
        )?;
        let mut created_later = self
            .store
            .db
            .prepare_cached("SELECT 1 FROM record WHERE run = ? AND row = ? AND status = ? AND batch != ?")?;
        let mut batches = statement.query(params![self.run, BatchState::Settled.word()])?;
        let (mut twice, mut least) = (HashSet::new(), u64::MAX);
        while let Some(batch) = batches.next()? {
            let (no, packed, watermark): (BatchNo, Vec<u8>, i64) = (batch.get(0)?, batch.get(1)?, batch.get(2)?);
            for row in unpack(&packed) {
                if created_later.exists(params![self.run, row, Status::Created.number(), no])? {
                    twice.insert(row);
                    least = least.min(watermark as u64);
                }
            }
        }
        Ok((!twice.is_empty()).then_some((twice, least)))
    }
}
