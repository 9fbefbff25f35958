//! Records, problems and keys as they are written into the tables, within a transaction of `journal`.

use crate::store::journal::history::BatchNo;
use crate::store::run::cells;
use crate::store::run::outcome::{Outcome, Status};
use crate::store::{AccountKey, StoreError};
use rusqlite::{Transaction, params};
use serde::{Deserialize, Serialize};
use sheet_source::problem::{Message, Place, Problem};

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
    for (n, problem) in outcome.problems.iter().enumerate() {
        insert_problem(tx, run, outcome.row, n as i64, problem)?;
    }
    add_links(tx, run, outcome.row, &outcome.links)
}

/// What a record is to be linked to.
pub fn add_links(tx: &Transaction<'_>, run: i64, row: u32, links: &[String]) -> Result<(), StoreError> {
    for (n, what) in links.iter().enumerate() {
        tx.prepare_cached("INSERT OR REPLACE INTO pending_link (run, row, n, what) VALUES (?,?,?,?)")?
            .execute(params![run, row, n as i64, what])?;
    }
    Ok(())
}

/// Adds a problem after those the record has.
pub fn add_problem(tx: &Transaction<'_>, run: i64, row: u32, problem: &Problem) -> Result<(), StoreError> {
    let n: i64 = tx
        .prepare_cached("SELECT coalesce(max(n) + 1, 0) FROM problem WHERE run = ? AND row = ?")?
        .query_row(params![run, row], |row| row.get(0))?;
    insert_problem(tx, run, row, n, problem)
}

/// A message and a hint as they are kept.
#[derive(Serialize, Deserialize)]
pub struct StoredMessage {
    pub message: Message,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<Message>,
}

fn insert_problem(tx: &Transaction<'_>, run: i64, row: u32, n: i64, problem: &Problem) -> Result<(), StoreError> {
    let said = serde_json::to_string(&StoredMessage { message: problem.message.clone(), hint: problem.hint.clone() })?;
    let (at_row, column) = match &problem.place {
        Place::Cell { row, column, .. } => (Some(*row), column.as_ref()),
        Place::Nowhere | Place::File(_) | Place::Text { .. } => (None, None),
    };
    tx.prepare_cached(
        "INSERT INTO problem (run, row, n, stage, code, title, value, message, said, at_row, at_column)
         VALUES (?,?,?,?,?,?,?,'',?,?,?)",
    )?
    .execute(params![
        run,
        row,
        n,
        problem.stage.word(),
        problem.code,
        column.map(|column| &*column.title),
        problem.value,
        said,
        at_row,
        column.map(|column| column.index as i64),
    ])?;
    Ok(())
}

/// The ledger: which key has which id in this account. A key of unknown outcome stays open for good.
pub fn remember(
    tx: &Transaction<'_>,
    account: &AccountKey,
    kind: &str,
    run: i64,
    outcome: &Outcome,
) -> Result<(), StoreError> {
    if let (Status::Deleted, Some(id)) = (outcome.status, outcome.id) {
        // Its key is free again.
        tx.prepare_cached("DELETE FROM ledger WHERE account = ? AND kind = ? AND id = ?")?
            .execute(params![account, kind, id as i64])?;
        return Ok(());
    }
    let Some(key) = &outcome.key else { return Ok(()) };
    // Where records are changed by their ids, the id is no key that an import has given.
    if outcome.status == Status::Updated && outcome.id.is_some_and(|id| id.to_string() == *key) {
        return Ok(());
    }
    match outcome.id {
        Some(id) => {
            // Whoever changes a record does not make its key: that stays the key of the run that has made it.
            let run_now = match outcome.status {
                Status::Created | Status::Merged => "excluded.run",
                _ => "run",
            };
            let sql = format!(
                "INSERT INTO ledger (account, kind, key, id, run) VALUES (?,?,?,?,?)
                 ON CONFLICT DO UPDATE SET id = excluded.id, batch = NULL, run = {run_now}"
            );
            tx.prepare_cached(&sql)?.execute(params![account, kind, key, id as i64, run])?
        }
        None if outcome.status == Status::Unknown => tx
            .prepare_cached("UPDATE ledger SET batch = NULL WHERE account = ? AND kind = ? AND key = ? AND id IS NULL")?
            .execute(params![account, kind, key])?,
        None => 0,
    };
    Ok(())
}

pub fn forget_open_keys(tx: &Transaction<'_>, run: i64, batch: BatchNo) -> Result<(), StoreError> {
    tx.prepare_cached("DELETE FROM ledger WHERE run = ? AND batch = ? AND id IS NULL")?.execute(params![run, batch])?;
    Ok(())
}

/// Rows of a batch as little-endian 32-bit numbers.
pub fn pack(rows: &[u32]) -> Vec<u8> {
    rows.iter().flat_map(|row| row.to_le_bytes()).collect()
}

pub fn unpack(bytes: &[u8]) -> Vec<u32> {
    bytes.chunks_exact(4).map(|four| u32::from_le_bytes([four[0], four[1], four[2], four[3]])).collect()
}
