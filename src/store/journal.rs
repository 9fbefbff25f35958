//! Writing a run: a batch noted as sent before it goes, its outcomes after the answer. Every call is one transaction,
//! on the disk when it returns.

use super::history::{self, State, Step};
use super::outcome::{Counts, Outcome, Status};
use super::{Head, Run, Store, StoreError};
use rusqlite::{OptionalExtension, Transaction, params};

pub type BatchNo = u32;

/// What is known of a run when it begins.
#[derive(Debug)]
pub struct NewRun<'a> {
    pub name: &'a str,
    pub head: &'a Head,
    /// The account's snapshot, so that a resumed run maps exactly alike.
    pub snapshot: &'a str,
    /// Unix seconds.
    pub started_at: i64,
}

/// The open run of a store.
pub struct Journal {
    store: Store,
    run: i64,
    account: String,
    kind: String,
    next_batch: BatchNo,
    counts: Counts,
}

impl Journal {
    pub fn begin(store: Store, new: &NewRun<'_>) -> Result<Journal, StoreError> {
        let head = new.head;
        store.db.execute(
            "INSERT INTO run (name, account, source_sha, mapping_sha, head, snapshot, started_at) VALUES (?,?,?,?,?,?,?)",
            params![
                new.name,
                head.account,
                head.source.sha256,
                head.mapping.sha256,
                serde_json::to_string(head)?,
                new.snapshot,
                new.started_at
            ],
        )?;
        let run = store.db.last_insert_rowid();
        let (account, kind) = (head.account.clone(), head.kind.clone());
        Ok(Journal { store, run, account, kind, next_batch: 1, counts: Counts::default() })
    }

    /// Opens a run again. Batches that were sent and never answered are in doubt now; what was unprocessed is open.
    pub fn resume(store: Store, run: &Run) -> Result<Journal, StoreError> {
        let head = &run.head;
        let run = run.run;
        let last: Option<BatchNo> =
            store.db.query_row("SELECT max(batch) FROM batch WHERE run = ?", [run], |row| row.get(0))?;
        store
            .db
            .execute("DELETE FROM record WHERE run = ? AND status = ?", params![run, Status::Unprocessed.number()])?;
        store.db.execute("UPDATE run SET outcome = 'running', exit_code = NULL WHERE run = ?", [run])?;
        let mut counts = Counts::default();
        super::reading::count(&store.db, run, &mut counts)?;
        let (account, kind) = (head.account.clone(), head.kind.clone());
        Ok(Journal { store, run, account, kind, next_batch: last.unwrap_or(0) + 1, counts })
    }

    pub fn run(&self) -> i64 {
        self.run
    }

    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Outcomes so far.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    pub fn next_batch(&mut self) -> BatchNo {
        let batch = self.next_batch;
        self.next_batch += 1;
        batch
    }

    /// Notes that a batch goes out now. Nothing may be sent before this has returned.
    pub fn sent(&mut self, batch: BatchNo, rows: &[u32], at_ms: i64) -> Result<u32, StoreError> {
        let tx = self.store.db.transaction()?;
        let known: Option<(String, u32)> = tx
            .prepare_cached("SELECT state, attempts FROM batch WHERE run = ? AND batch = ?")?
            .query_row(params![self.run, batch], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        let (from, attempts) = match known {
            Some((word, attempts)) => (state(&word)?, attempts),
            None => (State::Planned, 0),
        };
        let to = history::step(from, Step::Send)?;
        tx.prepare_cached(
            "INSERT INTO batch (run, batch, state, attempts, rows, sent_at_ms) VALUES (?,?,?,?,?,?)
             ON CONFLICT DO UPDATE SET state = excluded.state, attempts = excluded.attempts, sent_at_ms = excluded.sent_at_ms",
        )?
        .execute(params![self.run, batch, to.word(), attempts + 1, pack(rows), at_ms])?;
        tx.commit()?;
        Ok(attempts + 1)
    }

    /// The batch certainly was not acted on: it may go again.
    pub fn not_taken(&mut self, batch: BatchNo, http_status: Option<u16>) -> Result<(), StoreError> {
        let tx = self.store.db.transaction()?;
        move_batch(&tx, self.run, batch, &[Step::NotTaken], http_status)?;
        Ok(tx.commit()?)
    }

    /// The service has said what became of the batch. Records of it without an outcome here go on in another batch.
    pub fn answered(&mut self, batch: BatchNo, http_status: u16, outcomes: &[Outcome]) -> Result<(), StoreError> {
        self.settle(batch, Step::Answer, Some(http_status), outcomes)
    }

    /// The answer was lost: the records' outcomes say `unknown` until somebody has looked.
    pub fn in_doubt(
        &mut self,
        batch: BatchNo,
        http_status: Option<u16>,
        outcomes: &[Outcome],
    ) -> Result<(), StoreError> {
        self.settle(batch, Step::Doubt, http_status, outcomes)
    }

    fn settle(
        &mut self,
        batch: BatchNo,
        step: Step,
        http_status: Option<u16>,
        outcomes: &[Outcome],
    ) -> Result<(), StoreError> {
        let tx = self.store.db.transaction()?;
        move_batch(&tx, self.run, batch, &[step, Step::Settle], http_status)?;
        for outcome in outcomes {
            insert(&tx, self.run, Some(batch), outcome)?;
            remember(&tx, &self.account, &self.kind, self.run, outcome)?;
        }
        tx.commit()?;
        outcomes.iter().for_each(|outcome| self.counts.add(outcome.status, 1));
        Ok(())
    }

    /// Records that ended without being sent: rejected by the mapping, skipped, unprocessed.
    pub fn local(&mut self, outcomes: &[Outcome]) -> Result<(), StoreError> {
        if outcomes.is_empty() {
            return Ok(());
        }
        let tx = self.store.db.transaction()?;
        for outcome in outcomes {
            insert(&tx, self.run, None, outcome)?;
        }
        tx.commit()?;
        outcomes.iter().for_each(|outcome| self.counts.add(outcome.status, 1));
        Ok(())
    }

    /// Closes the run, or leaves it open to be resumed.
    pub fn end(&mut self, end: &RunEnd<'_>) -> Result<(), StoreError> {
        self.store.db.execute(
            "UPDATE run SET outcome = ?, exit_code = ?, elapsed_ms = elapsed_ms + ?, sent = sent + ?,
             retried = retried + ?, throttled = throttled + ?, source_rows = max(source_rows, ?) WHERE run = ?",
            params![
                end.outcome,
                end.exit_code,
                end.elapsed_ms,
                end.sent,
                end.retried,
                end.throttled,
                end.source_rows,
                self.run
            ],
        )?;
        Ok(())
    }
}

/// How a run, or this stretch of it, ended.
#[derive(Debug)]
pub struct RunEnd<'a> {
    pub outcome: &'a str,
    pub exit_code: i64,
    pub elapsed_ms: i64,
    pub sent: i64,
    pub retried: i64,
    pub throttled: i64,
    pub source_rows: i64,
}

fn state(word: &str) -> Result<State, StoreError> {
    State::from_word(word).ok_or_else(|| StoreError::Odd(format!("a batch is \"{word}\"")))
}

fn move_batch(
    tx: &Transaction<'_>,
    run: i64,
    batch: BatchNo,
    steps: &[Step],
    http_status: Option<u16>,
) -> Result<(), StoreError> {
    let word: String = tx
        .prepare_cached("SELECT state FROM batch WHERE run = ? AND batch = ?")?
        .query_row(params![run, batch], |row| row.get(0))?;
    let mut now = state(&word)?;
    for step in steps {
        now = history::step(now, *step)?;
    }
    tx.prepare_cached("UPDATE batch SET state = ?, http_status = ? WHERE run = ? AND batch = ?")?.execute(params![
        now.word(),
        http_status,
        run,
        batch
    ])?;
    Ok(())
}

fn insert(tx: &Transaction<'_>, run: i64, batch: Option<BatchNo>, outcome: &Outcome) -> Result<(), StoreError> {
    let cells = outcome.cells.as_ref().map(serde_json::to_string).transpose()?;
    tx.prepare_cached(
        "INSERT INTO record (run, row, status, key, id, contact_id, company_id, http_status, batch, attempts, cells)
         VALUES (?,?,?,?,?,?,?,?,?,?,?)",
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
        cells,
    ])?;
    for (n, problem) in outcome.problems.iter().enumerate() {
        tx.prepare_cached(
            "INSERT INTO problem (run, row, n, stage, code, title, cell, value, message, hint) VALUES (?,?,?,?,?,?,?,?,?,?)",
        )?
        .execute(params![
            run,
            outcome.row,
            n as i64,
            problem.stage,
            problem.code,
            problem.title,
            problem.cell,
            problem.value,
            problem.message,
            problem.hint,
        ])?;
    }
    Ok(())
}

/// The ledger: which key has which id in this account.
fn remember(tx: &Transaction<'_>, account: &str, kind: &str, run: i64, outcome: &Outcome) -> Result<(), StoreError> {
    let (Some(key), Some(id)) = (&outcome.key, outcome.id) else { return Ok(()) };
    tx.prepare_cached("INSERT OR REPLACE INTO ledger (account, kind, key, id, run) VALUES (?,?,?,?,?)")?
        .execute(params![account, kind, key, id as i64, run])?;
    Ok(())
}

/// Rows of a batch as little-endian 32-bit numbers.
fn pack(rows: &[u32]) -> Vec<u8> {
    rows.iter().flat_map(|row| row.to_le_bytes()).collect()
}

pub(super) fn unpack(bytes: &[u8]) -> Vec<u32> {
    bytes.chunks_exact(4).map(|four| u32::from_le_bytes([four[0], four[1], four[2], four[3]])).collect()
}
