//! Writing a run: a batch noted as sent before it goes, its outcomes after the answer. Every call is one transaction,
//! on the disk when it returns.

pub mod claims;
pub mod history;
pub mod links;
pub mod notes;
pub mod rows;
pub mod source_rows;

use crate::store::ledger::{KeySpace, KeyUse, Keys, move_in};
use crate::store::run::outcome::{Counts, Outcome, Status};
use crate::store::words::{FrozenWord, RunOutcome};
use crate::store::{AccountKey, LastSend, Run, RunHead, Sends, Store, StoreError, crash};
use amo_model::Entity;
use history::{BatchNo, OPEN, State, Step};
use rows::{add_problem, forget_open_keys, insert, pack, remember, unpack};
use rusqlite::{OptionalExtension, Transaction, params};
use sheet_source::RowHashes;
use sheet_source::problem::Problem;
use std::collections::HashSet;

/// What is known of a run when it begins.
#[derive(Debug)]
pub struct NewRun<'a> {
    pub name: &'a str,
    pub head: &'a RunHead,
    /// The account's snapshot, so that a resumed run maps exactly alike.
    pub snapshot: &'a str,
    /// Unix seconds.
    pub started_at: i64,
    /// What was decided of rows beforehand, as JSON.
    pub edits: &'a [(u32, String)],
    /// The rows of its source, where later ones may have to be held against them.
    pub rows: Option<&'a RowHashes>,
}

/// What a batch carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BatchOf {
    Records,
    /// Links of records that are there. They may be made twice without harm.
    Links,
}

impl BatchOf {
    /// The number in the store; never renumbered.
    fn number(self) -> i64 {
        match self {
            BatchOf::Records => 0,
            BatchOf::Links => 1,
        }
    }
}

/// A batch that goes out now.
#[derive(Debug, Clone, Copy)]
pub struct OutgoingBatch<'a> {
    pub batch: BatchNo,
    pub of: BatchOf,
    pub rows: &'a [u32],
    /// What all of them belong to, where that stands in the address.
    pub owner: Option<u64>,
    /// Keys of records that are made, for the ledger.
    pub keys: &'a [&'a str],
    /// The highest id known before it is sent.
    pub watermark: u64,
    /// Unix milliseconds.
    pub at_ms: i64,
}

/// A batch that was sent and never answered, as a resumed run finds it.
#[derive(Debug, Clone)]
pub struct OpenDoubt {
    pub batch: BatchNo,
    /// Rows of it that have no outcome.
    pub rows: Vec<u32>,
    /// What they belonged to when it was sent: a key may name something else by now.
    pub owner: Option<u64>,
    /// The highest id known before it was sent.
    pub watermark: u64,
    /// Unix milliseconds.
    pub sent_at_ms: i64,
}

/// What the ledger says of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KnownKey {
    /// It was made, with this id, by a run that began then, in Unix seconds.
    Made { id: u64, began_at: i64 },
    /// Another run has sent it, and nobody knows yet whether it arrived.
    Sent { run: String },
    /// Another mapping has made it, of which nobody has said whether its keys are the same.
    Unsure { id: Option<u64>, run: String, mapping: String },
}

/// The open run of a store.
pub struct Journal {
    pub(super) store: Store,
    pub(super) run: i64,
    pub(super) account: AccountKey,
    /// Under which name keys are kept.
    ledger: String,
    keys: Keys,
    space: KeySpace,
    /// Keys of other mappings are taken for the same.
    same_keys: bool,
    pub(super) entity: Entity,
    pub(super) catalog: Option<u64>,
    next_batch: BatchNo,
    counts: Counts,
    name: String,
    /// Where the newest send is kept outside of the store.
    sends: Option<Sends>,
}

/// How far a run that is opened again begins anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reopen {
    /// What was unprocessed has its turn.
    GoOn,
    /// And so have records of unknown outcome: only when the user says so.
    ResendUnknown,
    /// What was unprocessed stays so.
    KeepRest,
}

/// A run that was opened again.
pub struct Resumed {
    pub journal: Journal,
    pub doubts: Vec<OpenDoubt>,
    /// Rows that have their outcome: all others are sent.
    pub done: HashSet<u32>,
    /// Records of unknown outcome that are sent again.
    pub forgotten: u64,
}

impl Journal {
    fn of(store: Store, (run, name, head): (i64, &str, &RunHead), next_batch: BatchNo, counts: Counts) -> Journal {
        Journal {
            account: head.account_key(),
            ledger: head.ledger(),
            keys: head.keys(),
            space: KeySpace::of(head),
            same_keys: head.same_keys,
            entity: head.entity,
            catalog: head.catalog,
            store,
            run,
            next_batch,
            counts,
            name: name.to_owned(),
            sends: None,
        }
    }

    /// The newest send is kept there as well.
    pub fn keeping(self, sends: Option<Sends>) -> Journal {
        Journal { sends, ..self }
    }

    pub fn begin(store: Store, new: &NewRun<'_>) -> Result<Journal, StoreError> {
        let head = new.head;
        let tx = store.db.unchecked_transaction()?;
        tx.execute(
            "INSERT INTO run (name, account, source_sha, mapping_sha, head, snapshot, started_at) VALUES (?,?,?,?,?,?,?)",
            params![
                new.name,
                head.account_key(),
                head.source.sha256,
                head.mapping.sha256,
                serde_json::to_string(head)?,
                new.snapshot,
                new.started_at
            ],
        )?;
        let run = tx.last_insert_rowid();
        {
            let mut insert = tx.prepare("INSERT INTO edit (run, row, what) VALUES (?,?,?)")?;
            for (row, what) in new.edits {
                insert.execute(params![run, row, what])?;
            }
        }
        if let Some(rows) = new.rows {
            source_rows::put(&tx, run, rows)?;
        }
        move_in(&tx, head)?;
        tx.commit()?;
        Ok(Journal::of(store, (run, new.name, head), 1, Counts::default()))
    }

    /// Opens a run again. What was unprocessed is open; batches that were sent and never answered are in doubt, and come
    /// back with their rows and watermarks.
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
            Reopen::GoOn | Reopen::KeepRest => 0,
        };
        // Of a million rows one walk must do.
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

    /// Notes that a batch goes out now. Nothing may be sent before this has returned, and nothing if it comes to false:
    /// then one of its keys has become known meanwhile.
    pub fn sent(&mut self, sending: &OutgoingBatch<'_>) -> Result<bool, StoreError> {
        let OutgoingBatch { batch, of, rows, owner, keys, watermark, at_ms } = *sending;
        crash::point("sent-before");
        let tx = self.store.db.transaction()?;
        for key in keys {
            if self.keys.find(&tx, (key, &self.space, KeyUse::Make), Some(self.run))?.is_some() {
                return Ok(false);
            }
        }
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
            "INSERT INTO batch (run, batch, state, attempts, rows, sent_at_ms, watermark, owner, carries)
             VALUES (?,?,?,?,?,?,?,?,?)
             ON CONFLICT DO UPDATE SET state = excluded.state, attempts = excluded.attempts, rows = excluded.rows,
               sent_at_ms = excluded.sent_at_ms, watermark = excluded.watermark",
        )?
        .execute(params![
            self.run,
            batch,
            to.word(),
            attempts + 1,
            pack(rows),
            at_ms,
            watermark as i64,
            owner.map(|id| id as i64),
            of.number()
        ])?;
        for key in keys {
            // Known from now on: another import of the same key waits for what becomes of this one.
            tx.prepare_cached(
                "INSERT INTO ledger (account, kind, key, id, run, batch) VALUES (?,?,?,NULL,?,?)
                 ON CONFLICT DO UPDATE SET run = excluded.run, batch = excluded.batch WHERE id IS NULL",
            )?
            .execute(params![self.account, self.ledger, key, self.run, batch])?;
        }
        tx.commit()?;
        crash::point("sent-after");
        // A send that is not noted here is missed by nobody but a store that goes back in time right after it.
        if let Some(sends) = &self.sends {
            let (run, path) = (self.name.clone(), self.store.place());
            let send = LastSend { run, batch, sent_at_ms: at_ms, watermark, path };
            let _ = sends.note(&self.store, &send);
        }
        Ok(true)
    }

    /// The batch certainly was not acted on: it may go again.
    pub fn not_taken(&mut self, batch: BatchNo, http_status: Option<u16>) -> Result<(), StoreError> {
        crash::point("not-taken-before");
        let tx = self.store.db.transaction()?;
        move_batch(&tx, self.run, batch, &[Step::NotTaken], http_status)?;
        forget_open_keys(&tx, self.run, batch)?;
        tx.commit()?;
        crash::point("not-taken-after");
        Ok(())
    }

    /// The service has said what became of the batch. Records of it without an outcome here go on in another batch.
    pub fn answered(&mut self, batch: BatchNo, http_status: u16, outcomes: &[Outcome]) -> Result<(), StoreError> {
        self.end_records("answered", batch, &[Step::Answer, Step::Settle], Some(http_status), outcomes)
    }

    /// The answer was lost, or was silent about some records; `outcomes` are of those it spoke of.
    pub fn doubt(&mut self, batch: BatchNo, http_status: Option<u16>, outcomes: &[Outcome]) -> Result<(), StoreError> {
        self.end_records("doubt", batch, &[Step::Doubt], http_status, outcomes)
    }

    /// Somebody has looked: what was in doubt has its outcomes, or goes on in another batch.
    pub fn settle_doubt(&mut self, batch: BatchNo, outcomes: &[Outcome]) -> Result<(), StoreError> {
        self.end_records("settle", batch, &[Step::Settle], None, outcomes)
    }

    /// Somebody has looked whether what was refused was done all the same; it was not, and goes on in another batch.
    pub fn refused(&mut self, batch: BatchNo, http_status: u16) -> Result<(), StoreError> {
        self.end_records("settle", batch, &[Step::Settle], Some(http_status), &[])
    }

    /// Some of what is in doubt was found; the rest stays in doubt.
    pub fn found_in_doubt(&mut self, batch: BatchNo, outcomes: &[Outcome]) -> Result<(), StoreError> {
        self.end_records("found", batch, &[], None, outcomes)
    }

    /// Nobody could look before the run stopped: the records are unknown for now, and the batch stays in doubt.
    pub fn leave_in_doubt(&mut self, batch: BatchNo, outcomes: &[Outcome]) -> Result<(), StoreError> {
        self.end_records("leave", batch, &[], None, outcomes)
    }

    fn end_records(
        &mut self,
        name: &str,
        batch: BatchNo,
        steps: &[Step],
        http_status: Option<u16>,
        outcomes: &[Outcome],
    ) -> Result<(), StoreError> {
        crash::point(&format!("{name}-before"));
        let tx = self.store.db.unchecked_transaction()?;
        move_batch(&tx, self.run, batch, steps, http_status)?;
        for outcome in outcomes {
            self.unclaimed(&tx, outcome)?;
            insert(&tx, self.run, Some(batch), outcome)?;
            remember(&tx, &self.account, &self.ledger, self.run, outcome)?;
        }
        if steps.last() == Some(&Step::Settle) {
            // What is not made and not unknown was refused, or goes again and is noted then.
            forget_open_keys(&tx, self.run, batch)?;
        }
        tx.commit()?;
        crash::point(&format!("{name}-after"));
        outcomes.iter().for_each(|outcome| self.counts.add(outcome.status, 1));
        Ok(())
    }

    /// Records that ended without being sent: rejected by the mapping, skipped, unprocessed, or as the account has them.
    pub fn local(&mut self, outcomes: &[Outcome]) -> Result<(), StoreError> {
        if outcomes.is_empty() {
            return Ok(());
        }
        crash::point("local-before");
        let tx = self.store.db.transaction()?;
        for outcome in outcomes {
            insert(&tx, self.run, None, outcome)?;
            if matches!(outcome.status, Status::Unchanged | Status::Updated) {
                remember(&tx, &self.account, &self.ledger, self.run, outcome)?;
            }
        }
        tx.commit()?;
        crash::point("local-after");
        outcomes.iter().for_each(|outcome| self.counts.add(outcome.status, 1));
        Ok(())
    }

    /// Records that the account has already, made by sends that the store has forgotten, or that it may have.
    pub fn found_again(&mut self, outcomes: &[Outcome]) -> Result<(), StoreError> {
        if outcomes.is_empty() {
            return Ok(());
        }
        crash::point("found-again-before");
        let tx = self.store.db.unchecked_transaction()?;
        for outcome in outcomes {
            self.unclaimed(&tx, outcome)?;
            insert(&tx, self.run, None, outcome)?;
            remember(&tx, &self.account, &self.ledger, self.run, outcome)?;
        }
        tx.commit()?;
        crash::point("found-again-after");
        outcomes.iter().for_each(|outcome| self.counts.add(outcome.status, 1));
        Ok(())
    }

    /// What is known of a key in this account from other runs.
    pub fn known_key(&self, key: &str) -> Result<Option<KnownKey>, StoreError> {
        let found = self.store.find_key(&self.keys, (key, &self.space, KeyUse::Make), Some(self.run))?;
        Ok(found.map(|entry| entry.known(self.same_keys)))
    }

    /// Keeps the keys of a batch open for good, but for these: nobody will know what became of their records.
    pub fn keep_open(&self, batch: BatchNo, but: &[&str]) -> Result<(), StoreError> {
        self.store.db.execute(
            "UPDATE ledger SET batch = NULL WHERE run = ?1 AND batch = ?2 AND id IS NULL
             AND key NOT IN (SELECT value FROM json_each(?3))",
            params![self.run, batch, serde_json::to_string(but)?],
        )?;
        Ok(())
    }

    /// Forgets keys of records that are gone from the account, so that they can be made anew.
    pub fn forget_keys<'k>(&self, keys: impl Iterator<Item = (&'k str, u64)> + Clone) -> Result<(), StoreError> {
        let tx = self.store.db.unchecked_transaction()?;
        for ledger in self.store.ledgers(&self.account, self.keys.base())? {
            for (key, id) in keys.clone() {
                tx.prepare_cached("DELETE FROM ledger WHERE account = ? AND kind = ? AND key = ? AND id = ?")?
                    .execute(params![self.account, ledger, key, id as i64])?;
            }
        }
        Ok(tx.commit()?)
    }

    /// Adds problems to records that have their outcome already.
    pub fn note(&mut self, notes: &[(u32, Problem)]) -> Result<(), StoreError> {
        let tx = self.store.db.transaction()?;
        for (row, problem) in notes {
            add_problem(&tx, self.run, *row, problem)?;
        }
        Ok(tx.commit()?)
    }

    /// Closes the run, or leaves it open to be resumed.
    pub fn end(&mut self, end: &RunEnd) -> Result<(), StoreError> {
        crash::point("end-before");
        self.store.end(self.run, end)?;
        crash::point("end-after");
        Ok(())
    }
}

impl Store {
    /// The same for a run that is not open.
    pub fn end(&self, run: i64, end: &RunEnd) -> Result<(), StoreError> {
        self.db.execute(
            "UPDATE run SET outcome = ?, exit_code = ?, elapsed_ms = elapsed_ms + ?, sent = sent + ?,
             retried = retried + ?, throttled = throttled + ?, source_rows = max(source_rows, ?) WHERE run = ?",
            params![
                end.outcome.word(),
                end.exit_code,
                end.elapsed_ms,
                end.sent,
                end.retried,
                end.throttled,
                end.source_rows,
                run
            ],
        )?;
        Ok(())
    }
}

/// How a run, or this stretch of it, ended.
#[derive(Debug)]
pub struct RunEnd {
    pub outcome: RunOutcome,
    pub exit_code: i64,
    pub elapsed_ms: i64,
    pub sent: i64,
    pub retried: i64,
    pub throttled: i64,
    pub source_rows: i64,
}

pub(super) fn state(word: &str) -> Result<State, StoreError> {
    State::from_word(word).ok_or_else(|| StoreError::Odd(format!("a batch is \"{word}\"")))
}

/// The batches of a run that were sent and never answered, which are in doubt from now on.
fn doubts(tx: &Transaction<'_>, run: i64) -> Result<Vec<OpenDoubt>, StoreError> {
    let (mut doubts, mut sent) = (Vec::new(), Vec::new());
    let sql = format!("SELECT batch, state, rows, watermark, owner, sent_at_ms {OPEN} run = ? ORDER BY batch");
    let mut statement = tx.prepare(&sql)?;
    let mut rows = statement.query([run])?;
    while let Some(row) = rows.next()? {
        let (batch, word): (BatchNo, String) = (row.get(0)?, row.get(1)?);
        if state(&word)? == State::Sent {
            sent.push(batch);
        }
        let (packed, watermark): (Vec<u8>, i64) = (row.get(2)?, row.get(3)?);
        let owner = row.get::<_, Option<i64>>(4)?.map(|id| id as u64);
        let (rows, watermark, sent_at_ms) = (unpack(&packed), watermark as u64, row.get(5)?);
        doubts.push(OpenDoubt { batch, rows, owner, watermark, sent_at_ms });
    }
    // Not while the index is read that this changes.
    sent.into_iter().try_for_each(|batch| move_batch(tx, run, batch, &[Step::Doubt], None))?;
    Ok(doubts)
}

/// Requests for links that were sent and never answered: their links simply go again.
fn settle_links(tx: &Transaction<'_>, run: i64) -> Result<(), StoreError> {
    let mut open: Vec<(BatchNo, String)> = Vec::new();
    let mut statement = tx.prepare(&format!("SELECT batch, state {OPEN} run = ? AND carries = ?"))?;
    let mut rows = statement.query(params![run, BatchOf::Links.number()])?;
    while let Some(row) = rows.next()? {
        open.push((row.get(0)?, row.get(1)?));
    }
    for (batch, word) in open {
        let steps = if state(&word)? == State::Sent { &[Step::Doubt, Step::Settle][..] } else { &[Step::Settle] };
        move_batch(tx, run, batch, steps, None)?;
    }
    Ok(())
}

/// Forgets records of unknown outcome: of a batch in doubt, where they were unknown only for the report of a stopped run,
/// or of the whole run. How many there were.
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

pub(super) fn move_batch(
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
