//! Records, problems and keys as they are written into the tables, within a transaction of `journal`.

use super::StoreError;
use super::journal::BatchNo;
use super::outcome::{Outcome, Problem, Status};
use rusqlite::{Transaction, params};

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
        cells(&outcome.cells)?,
        (!outcome.more.is_empty()).then(|| pack(&outcome.more)),
        outcome.url,
    ])?;
    for (n, problem) in outcome.problems.iter().enumerate() {
        insert_problem(tx, run, outcome.row, n as i64, problem)?;
    }
    Ok(())
}

/// Nothing, the cells of the one row, or a list of them for each row.
fn cells(rows: &[Vec<String>]) -> Result<Option<String>, StoreError> {
    Ok(match rows {
        [] => None,
        [one] => Some(serde_json::to_string(one)?),
        many => Some(serde_json::to_string(many)?),
    })
}

/// Adds a problem after those the record has.
pub fn add_problem(tx: &Transaction<'_>, run: i64, row: u32, problem: &Problem) -> Result<(), StoreError> {
    let n: i64 = tx
        .prepare_cached("SELECT coalesce(max(n) + 1, 0) FROM problem WHERE run = ? AND row = ?")?
        .query_row(params![run, row], |row| row.get(0))?;
    insert_problem(tx, run, row, n, problem)
}

fn insert_problem(tx: &Transaction<'_>, run: i64, row: u32, n: i64, problem: &Problem) -> Result<(), StoreError> {
    tx.prepare_cached(
        "INSERT INTO problem (run, row, n, stage, code, title, cell, value, message, hint) VALUES (?,?,?,?,?,?,?,?,?,?)",
    )?
    .execute(params![
        run,
        row,
        n,
        problem.stage,
        problem.code,
        problem.title,
        problem.cell,
        problem.value,
        problem.message,
        problem.hint,
    ])?;
    Ok(())
}

/// The ledger: which key has which id in this account. A key of unknown outcome stays open for good.
pub fn remember(
    tx: &Transaction<'_>,
    account: &str,
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
    match outcome.id {
        Some(id) => tx
            .prepare_cached("INSERT OR REPLACE INTO ledger (account, kind, key, id, run) VALUES (?,?,?,?,?)")?
            .execute(params![account, kind, key, id as i64, run])?,
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
