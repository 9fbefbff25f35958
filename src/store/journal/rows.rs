//! Writing records, problems and keys into the tables, within a transaction of `journal`.

use crate::store::journal::history::BatchNo;
use crate::store::run::cells;
use crate::store::run::outcome::{Outcome, Status};
use crate::store::{Journal, StoreError};
use rusqlite::{Transaction, params};
use serde::{Deserialize, Serialize};
use sheet_source::problem::{Message, Place, Problem};

/// Inserts the outcome of a record, with its problems and links.
pub fn insert(tx: &Transaction<'_>, run: i64, batch: Option<BatchNo>, outcome: &Outcome) -> Result<(), StoreError> {
    tx.prepare_cached(
        "INSERT INTO record
           (run, row, status, key, id, contact_id, company_id, http_status, batch, attempts, cells, more, url)
         VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?)",
    )?
    .execute(params![
        run,
        outcome.row,
        outcome.status.number(),
        outcome.key,
        outcome.id.map(|id| id as i64),
        outcome.contact_id.map(|id| id as i64),
        outcome.company_id.map(|id| id as i64),
        outcome.http_status,
        batch,
        outcome.attempts,
        cells::write(&outcome.cells)?,
        (!outcome.more.is_empty()).then(|| pack(&outcome.more)),
        outcome.url,
    ])?;
    for problem in &outcome.problems {
        add_problem(tx, run, outcome.row, problem)?;
    }
    add_links(tx, run, outcome.row, &outcome.links)
}

/// Stores the links of a record.
pub fn add_links(tx: &Transaction<'_>, run: i64, row: u32, links: &[String]) -> Result<(), StoreError> {
    for (n, what) in links.iter().enumerate() {
        tx.prepare_cached("INSERT OR REPLACE INTO pending_link (run, row, n, what) VALUES (?,?,?,?)")?
            .execute(params![run, row, n as i64, what])?;
    }
    Ok(())
}

/// A message and a hint as JSON in the store.
#[derive(Serialize, Deserialize)]
pub struct StoredMessage {
    pub message: Message,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<Message>,
}

/// Adds a problem after those that the record has.
pub fn add_problem(tx: &Transaction<'_>, run: i64, row: u32, problem: &Problem) -> Result<(), StoreError> {
    let text = serde_json::to_string(&StoredMessage { message: problem.message.clone(), hint: problem.hint.clone() })?;
    let (at_row, column) = match &problem.place {
        Place::Cell { row, column, .. } => (Some(*row), column.as_ref()),
        Place::Nowhere | Place::File(_) | Place::Text { .. } => (None, None),
    };
    tx.prepare_cached(
        "INSERT INTO problem (run, row, n, stage, code, title, value, message, said, at_row, at_column)
         SELECT ?1, ?2, coalesce(max(n) + 1, 0), ?3, ?4, ?5, ?6, '', ?7, ?8, ?9 FROM problem WHERE run = ?1 AND row = ?2",
    )?
    .execute(params![
        run,
        row,
        problem.stage.word(),
        problem.code,
        column.map(|column| &*column.title),
        problem.value,
        text,
        at_row,
        column.map(|column| column.index as i64),
    ])?;
    Ok(())
}

impl Journal {
    /// Updates the ledger, which has the id of each key in this account. A key of unknown outcome stays open for good.
    pub(super) fn update_ledger(&self, tx: &Transaction<'_>, outcome: &Outcome) -> Result<(), StoreError> {
        let (account, ledger, run) = (&self.account, &self.ledger, self.run);
        if let (Status::Deleted, Some(id)) = (outcome.status, outcome.id) {
            // The key of a deleted record is free again.
            tx.prepare_cached("DELETE FROM ledger WHERE account = ? AND kind = ? AND id = ?")?
                .execute(params![account, ledger, id as i64])?;
            return Ok(());
        }
        let Some(key) = &outcome.key else { return Ok(()) };
        // Where records are changed by their ids, the id is not a key of an import.
        if outcome.status == Status::Updated && outcome.id.is_some_and(|id| id.to_string() == *key) {
            return Ok(());
        }
        match outcome.id {
            Some(id) => {
                // A run that changes a record does not take over its key from the run that created it.
                let run_now = match outcome.status {
                    Status::Created | Status::Merged => "excluded.run",
                    _ => "run",
                };
                let sql = format!(
                    "INSERT INTO ledger (account, kind, key, id, run) VALUES (?,?,?,?,?)
                     ON CONFLICT DO UPDATE SET id = excluded.id, batch = NULL, run = {run_now}"
                );
                tx.prepare_cached(&sql)?.execute(params![account, ledger, key, id as i64, run])?
            }
            None if outcome.status == Status::Unknown => {
                let sql = "UPDATE ledger SET batch = NULL WHERE account = ? AND kind = ? AND key = ? AND id IS NULL";
                tx.prepare_cached(sql)?.execute(params![account, ledger, key])?
            }
            None => 0,
        };
        Ok(())
    }
}

/// Removes the keys of a batch that have no id.
pub fn forget_open_keys(tx: &Transaction<'_>, run: i64, batch: BatchNo) -> Result<(), StoreError> {
    tx.prepare_cached("DELETE FROM ledger WHERE run = ? AND batch = ? AND id IS NULL")?.execute(params![run, batch])?;
    Ok(())
}

/// Rows of a batch as little-endian 32-bit numbers.
pub fn pack(rows: &[u32]) -> Vec<u8> {
    rows.iter().flat_map(|row| row.to_le_bytes()).collect()
}

/// The rows of `pack`.
pub fn unpack(bytes: &[u8]) -> Vec<u32> {
    bytes.chunks_exact(4).map(|four| u32::from_le_bytes([four[0], four[1], four[2], four[3]])).collect()
}
