//! Reopens the journal of a run that was stopped: what is open in it, and what becomes of that.

use super::history::{BatchNo, BatchState, OPEN, Step};
use super::rows::unpack;
use super::{BatchOf, Journal, move_batch, state};
use crate::store::run::outcome::{Counts, Status};
use crate::store::{Run, Store, StoreError};
use rusqlite::{Transaction, params};
use std::collections::HashSet;

/// A batch without an answer, as a resumed run finds it.
#[derive(Debug, Clone)]
pub struct OpenDoubt {
    pub batch: BatchNo,
    /// Its rows without an outcome.
    pub rows: Vec<u32>,
    /// The parent of its records when it was sent; a key may name another one by now.
    pub owner: Option<u64>,
    /// The highest id known before it was sent.
    pub watermark: u64,
    /// In Unix milliseconds.
    pub sent_at_ms: i64,
}

/// What a run that is opened again does with its remaining records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reopen {
    /// Unprocessed records are sent.
    Continue,
    /// Unprocessed records and those of unknown outcome are sent, which the user has to ask for.
    ResendUnknown,
    /// Unprocessed records stay so.
    KeepRest,
}

/// A run that was opened again.
pub struct Resumed {
    pub journal: Journal,
    pub doubts: Vec<OpenDoubt>,
    /// Rows with an outcome: all others are sent.
    pub done: HashSet<u32>,
    /// Number of records of unknown outcome that are sent again.
    pub forgotten: u64,
}

impl Journal {
    /// Opens a run again. Unprocessed records are to be sent; batches without an answer are in doubt and are returned with
    /// their rows and watermarks.
    pub fn resume(mut store: Store, run: &Run, reopen: Reopen) -> Result<Resumed, StoreError> {
        let (head, name, run) = (&run.head, &run.name, run.run);
        let tx = store.db.transaction()?;
        let last: Option<BatchNo> =
            tx.query_row("SELECT max(batch) FROM batch WHERE run = ?", [run], |row| row.get(0))?;
        settle_links(&tx, run)?;
        let mut doubts = doubts(&tx, run)?;
        for doubt in &mut doubts {
            forget_unknown(&tx, run, Some(doubt.batch))?;
            let mut settled = tx.prepare_cached("SELECT count(*) FROM record WHERE run = ? AND row = ?")?;
            let mut open = Vec::new();
            for row in &doubt.rows {
                if settled.query_row(params![run, row], |row| row.get::<_, i64>(0))? == 0 {
                    open.push(*row);
                }
            }
            doubt.rows = open;
        }
        let forgotten = match reopen {
            Reopen::ResendUnknown => forget_unknown(&tx, run, None)?,
            Reopen::Continue | Reopen::KeepRest => 0,
        };
        // A million rows should be read only once.
        let (mut counts, mut done, mut unprocessed) = (Counts::default(), HashSet::new(), false);
        crate::store::run::statuses(&tx, run, |row, status| {
            if status.is_final() || reopen == Reopen::KeepRest {
                counts.add(status, 1);
                done.insert(row);
            } else {
                unprocessed = true;
            }
        })?;
        if unprocessed {
            let status = Status::Unprocessed.number();
            tx.execute("DELETE FROM record WHERE run = ? AND status = ?", params![run, status])?;
        }
        tx.execute("UPDATE run SET outcome = 'running', exit_code = NULL WHERE run = ?", [run])?;
        tx.commit()?;
        let next_batch = last.unwrap_or(0) + 1;
        Ok(Resumed { journal: Journal::of(store, (run, name, head), next_batch, counts), doubts, done, forgotten })
    }
}

/// The batches of a run without an answer, which are in doubt from now on.
fn doubts(tx: &Transaction<'_>, run: i64) -> Result<Vec<OpenDoubt>, StoreError> {
    let (mut doubts, mut sent) = (Vec::new(), Vec::new());
    let sql = format!("SELECT batch, state, rows, watermark, owner, sent_at_ms {OPEN} run = ? ORDER BY batch");
    let mut statement = tx.prepare(&sql)?;
    let mut rows = statement.query([run])?;
    while let Some(row) = rows.next()? {
        let (batch, word): (BatchNo, String) = (row.get(0)?, row.get(1)?);
        if state(&word)? == BatchState::Sent {
            sent.push(batch);
        }
        let (packed, watermark): (Vec<u8>, i64) = (row.get(2)?, row.get(3)?);
        let owner = row.get::<_, Option<i64>>(4)?.map(|id| id as u64);
        let (rows, watermark, sent_at_ms) = (unpack(&packed), watermark as u64, row.get(5)?);
        doubts.push(OpenDoubt { batch, rows, owner, watermark, sent_at_ms });
    }
    // After reading, since this changes the index.
    sent.into_iter().try_for_each(|batch| move_batch(tx, run, batch, &[Step::Doubt], None))?;
    Ok(doubts)
}

/// Settles batches of links without an answer: their links are simply sent again.
fn settle_links(tx: &Transaction<'_>, run: i64) -> Result<(), StoreError> {
    let mut open: Vec<(BatchNo, String)> = Vec::new();
    let mut statement = tx.prepare(&format!("SELECT batch, state {OPEN} run = ? AND carries = ?"))?;
    let mut rows = statement.query(params![run, BatchOf::Links.number()])?;
    while let Some(row) = rows.next()? {
        open.push((row.get(0)?, row.get(1)?));
    }
    for (batch, word) in open {
        let steps = if state(&word)? == BatchState::Sent { &[Step::Doubt, Step::Settle][..] } else { &[Step::Settle] };
        move_batch(tx, run, batch, steps, None)?;
    }
    Ok(())
}

/// Deletes records of unknown outcome: of a batch in doubt, where they were unknown only for the report of a stopped run, or of
/// the whole run. The result is their number.
fn forget_unknown(tx: &Transaction<'_>, run: i64, batch: Option<BatchNo>) -> Result<u64, StoreError> {
    let which = params![run, Status::Unknown.number(), batch];
    tx.execute(
        "DELETE FROM problem WHERE run = ?1 AND row IN
         (SELECT row FROM record WHERE run = ?1 AND status = ?2 AND (?3 IS NULL OR batch = ?3))",
        which,
    )?;
    let records = "DELETE FROM record WHERE run = ?1 AND status = ?2 AND (?3 IS NULL OR batch = ?3)";
    Ok(tx.execute(records, which)? as u64)
}
