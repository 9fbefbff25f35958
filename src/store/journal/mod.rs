//! Writing a run: a batch is noted before it is sent, its outcomes after the answer. Each call is one transaction, which is on
//! the disk when the call returns.
//!
//! `history` has the states of a batch, `claims` the ids that runs have created, `rows` writes records, `links` their links,
//! `notes` notes, `source_rows` the hashes of the source.

pub mod claims;
pub mod history;
pub mod links;
pub mod notes;
pub mod resume;
pub mod rows;
pub mod source_rows;

use crate::store::ledger::{KeySpace, KeyUse, Keys, move_keys_into_space};
use crate::store::run::outcome::{Counts, Outcome, Status};
use crate::store::words::{FrozenWord, RunOutcome};
use crate::store::{AccountKey, LastSend, RunHead, Sends, Store, StoreError, crash};
use amo_model::Entity;
use history::{BatchNo, BatchState, Step};
use rows::{add_problem, forget_open_keys, insert, pack};
use rusqlite::{OptionalExtension, Transaction, params};
use sheet_source::RowHashes;
use sheet_source::problem::Problem;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A run that begins.
#[derive(Debug)]
pub struct NewRun<'a> {
    pub name: &'a str,
    pub head: &'a RunHead,
    /// The account's snapshot, so that a resumed run maps the same way.
    pub snapshot: &'a str,
    /// In Unix seconds.
    pub started_at: i64,
    /// Decisions about rows before the run, as JSON.
    pub edits: &'a [(u32, String)],
    /// The rows of its source, where later sources may have to be compared with them.
    pub rows: Option<&'a RowHashes>,
}

/// The content of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BatchOf {
    Records,
    /// Links of existing records, which may be made twice without harm.
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

/// A batch about to be sent.
#[derive(Debug, Clone, Copy)]
pub struct OutgoingBatch<'a> {
    pub batch: BatchNo,
    pub of: BatchOf,
    pub rows: &'a [u32],
    /// The parent of all of them, where the address names it.
    pub owner: Option<u64>,
    /// Keys of records to create, for the ledger.
    pub keys: &'a [&'a str],
    /// The highest id known before it is sent.
    pub watermark: u64,
    /// In Unix milliseconds.
    pub at_ms: i64,
}

/// The entry of a key in the ledger, for a record to create.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KnownKey {
    /// It was created with this id, by a run that began at this time in Unix seconds.
    Made { id: u64, began_at: i64 },
    /// Another run has sent it, and it is not known whether it arrived.
    Sent { run: String },
    /// A run with another mapping has created it, and it is not known whether its keys mean the same.
    Unsure { id: Option<u64>, run: String, mapping: String },
}

/// The open run of a store.
pub struct Journal {
    pub(super) store: Store,
    pub(super) run: i64,
    pub(super) account: AccountKey,
    /// The name of the ledger of its keys.
    pub(super) ledger: String,
    keys: Keys,
    space: KeySpace,
    /// True where keys of other mappings mean the same.
    same_keys: bool,
    pub(super) entity: Entity,
    pub(super) catalog: Option<u64>,
    next_batch: BatchNo,
    counts: Counts,
    name: String,
    /// Where the newest send is noted outside of the store.
    sends: Option<Sends>,
}

/// Locks a journal that several tasks share. A panic while the lock was held cannot have left it half written: every call on
/// it is one transaction.
pub fn lock_journal(journal: &Mutex<Journal>) -> MutexGuard<'_, Journal> {
    journal.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How a batch, or a part of it, ended, with the status of its answer.
#[derive(Debug, Clone, Copy)]
enum BatchEnd {
    Answered(u16),
    Doubted(Option<u16>),
    Settled(Option<u16>),
    /// Some of its records were found; the rest stays in doubt.
    Found,
    /// The run stopped, and it stays in doubt.
    Left,
}

impl BatchEnd {
    /// Its name among the failpoints, and the steps of the batch.
    fn steps(self) -> (&'static str, &'static [Step]) {
        match self {
            BatchEnd::Answered(_) => ("answered", &[Step::Answer, Step::Settle]),
            BatchEnd::Doubted(_) => ("doubt", &[Step::Doubt]),
            BatchEnd::Settled(_) => ("settle", &[Step::Settle]),
            BatchEnd::Found => ("found", &[]),
            BatchEnd::Left => ("leave", &[]),
        }
    }

    fn http_status(self) -> Option<u16> {
        match self {
            BatchEnd::Answered(status) => Some(status),
            BatchEnd::Doubted(status) | BatchEnd::Settled(status) => status,
            BatchEnd::Found | BatchEnd::Left => None,
        }
    }
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

    /// A journal that notes its newest send in `sends` as well.
    pub fn with_sends(self, sends: Option<Sends>) -> Journal {
        Journal { sends, ..self }
    }

    /// Begins a run.
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
        move_keys_into_space(&tx, head)?;
        tx.commit()?;
        Ok(Journal::of(store, (run, new.name, head), 1, Counts::default()))
    }

    pub fn run(&self) -> i64 {
        self.run
    }

    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Number of records by outcome so far.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    pub fn next_batch(&mut self) -> BatchNo {
        let batch = self.next_batch;
        self.next_batch += 1;
        batch
    }

    /// Notes that a batch is about to be sent. Nothing may be sent before this returns, and nothing where it returns false:
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
            None => (BatchState::Planned, 0),
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
            // Known from now on: another import of the same key waits for the outcome of this one.
            tx.prepare_cached(
                "INSERT INTO ledger (account, kind, key, id, run, batch) VALUES (?,?,?,NULL,?,?)
                 ON CONFLICT DO UPDATE SET run = excluded.run, batch = excluded.batch WHERE id IS NULL",
            )?
            .execute(params![self.account, self.ledger, key, self.run, batch])?;
        }
        tx.commit()?;
        crash::point("sent-after");
        // A missing note matters only to a store that goes back in time right after this send.
        if let Some(sends) = &self.sends {
            let (run, path) = (self.name.clone(), self.store.place());
            let send = LastSend { run, batch, sent_at_ms: at_ms, watermark, path };
            let _ = sends.note(&self.store, &send);
        }
        Ok(true)
    }

    /// Notes that the service certainly did not act on a batch: it may be sent again.
    pub fn not_taken(&mut self, batch: BatchNo, http_status: Option<u16>) -> Result<(), StoreError> {
        crash::point("not-taken-before");
        let tx = self.store.db.transaction()?;
        move_batch(&tx, self.run, batch, &[Step::NotTaken], http_status)?;
        forget_open_keys(&tx, self.run, batch)?;
        tx.commit()?;
        crash::point("not-taken-after");
        Ok(())
    }

    /// Notes the answer to a batch. Its records without an outcome here go into another batch.
    pub fn answered(&mut self, batch: BatchNo, http_status: u16, outcomes: &[Outcome]) -> Result<(), StoreError> {
        self.end_records(batch, BatchEnd::Answered(http_status), outcomes)
    }

    /// Notes that the answer was lost, or did not mention some records; `outcomes` are of those that it mentioned.
    pub fn doubt(&mut self, batch: BatchNo, http_status: Option<u16>, outcomes: &[Outcome]) -> Result<(), StoreError> {
        self.end_records(batch, BatchEnd::Doubted(http_status), outcomes)
    }

    /// Notes that the account was read: records in doubt have outcomes, or go into another batch.
    pub fn settle_doubt(&mut self, batch: BatchNo, outcomes: &[Outcome]) -> Result<(), StoreError> {
        self.end_records(batch, BatchEnd::Settled(None), outcomes)
    }

    /// Notes that the account was read for refused records: they do not exist, and go into another batch.
    pub fn refused(&mut self, batch: BatchNo, http_status: u16) -> Result<(), StoreError> {
        self.end_records(batch, BatchEnd::Settled(Some(http_status)), &[])
    }

    /// Notes records in doubt that were found; the rest stays in doubt.
    pub fn found_in_doubt(&mut self, batch: BatchNo, outcomes: &[Outcome]) -> Result<(), StoreError> {
        self.end_records(batch, BatchEnd::Found, outcomes)
    }

    /// Notes that the run stopped before the account was read: the records are unknown for now, and the batch stays in doubt.
    pub fn leave_in_doubt(&mut self, batch: BatchNo, outcomes: &[Outcome]) -> Result<(), StoreError> {
        self.end_records(batch, BatchEnd::Left, outcomes)
    }

    fn end_records(&mut self, batch: BatchNo, end: BatchEnd, outcomes: &[Outcome]) -> Result<(), StoreError> {
        let (name, steps) = end.steps();
        crash::point(&format!("{name}-before"));
        let tx = self.store.db.unchecked_transaction()?;
        move_batch(&tx, self.run, batch, steps, end.http_status())?;
        for outcome in outcomes {
            self.check_unclaimed(&tx, outcome)?;
            insert(&tx, self.run, Some(batch), outcome)?;
            self.update_ledger(&tx, outcome)?;
        }
        if steps.last() == Some(&Step::Settle) {
            // A record without an id and not unknown was refused, or is sent again and noted then.
            forget_open_keys(&tx, self.run, batch)?;
        }
        tx.commit()?;
        crash::point(&format!("{name}-after"));
        outcomes.iter().for_each(|outcome| self.counts.add(outcome.status, 1));
        Ok(())
    }

    /// Notes records that are not sent: rejected by the mapping, skipped, unprocessed, or in the account as wanted.
    pub fn local(&mut self, outcomes: &[Outcome]) -> Result<(), StoreError> {
        if outcomes.is_empty() {
            return Ok(());
        }
        crash::point("local-before");
        let tx = self.store.db.unchecked_transaction()?;
        for outcome in outcomes {
            insert(&tx, self.run, None, outcome)?;
            if matches!(outcome.status, Status::Unchanged | Status::Updated) {
                self.update_ledger(&tx, outcome)?;
            }
        }
        tx.commit()?;
        crash::point("local-after");
        outcomes.iter().for_each(|outcome| self.counts.add(outcome.status, 1));
        Ok(())
    }

    /// Notes records that the account has, or may have, from sends that the store has forgotten.
    pub fn found_again(&mut self, outcomes: &[Outcome]) -> Result<(), StoreError> {
        if outcomes.is_empty() {
            return Ok(());
        }
        crash::point("found-again-before");
        let tx = self.store.db.unchecked_transaction()?;
        for outcome in outcomes {
            self.check_unclaimed(&tx, outcome)?;
            insert(&tx, self.run, None, outcome)?;
            self.update_ledger(&tx, outcome)?;
        }
        tx.commit()?;
        crash::point("found-again-after");
        outcomes.iter().for_each(|outcome| self.counts.add(outcome.status, 1));
        Ok(())
    }

    /// The entry of a key from other runs in this account.
    pub fn known_key(&self, key: &str) -> Result<Option<KnownKey>, StoreError> {
        let found = self.store.find_key(&self.keys, (key, &self.space, KeyUse::Make), Some(self.run))?;
        Ok(found.map(|entry| entry.known(self.same_keys)))
    }

    /// Keeps the keys of a batch open for good, except some: the outcome of their records stays unknown.
    pub fn keep_open(&self, batch: BatchNo, except: &[&str]) -> Result<(), StoreError> {
        self.store.db.execute(
            "UPDATE ledger SET batch = NULL WHERE run = ?1 AND batch = ?2 AND id IS NULL
             AND key NOT IN (SELECT value FROM json_each(?3))",
            params![self.run, batch, serde_json::to_string(except)?],
        )?;
        Ok(())
    }

    /// Forgets keys of records that are deleted from the account, so that they can be created again.
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

    /// Adds problems to records that have an outcome.
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
    /// Closes a run that is not open.
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

/// The end of a run, or of a stretch of it.
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

pub(super) fn state(word: &str) -> Result<BatchState, StoreError> {
    BatchState::from_word(word).ok_or_else(|| StoreError::Invalid(format!("batch state \"{word}\"")))
}

/// Moves a batch by steps, and sets the status of its answer.
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
    let mut state = state(&word)?;
    for step in steps {
        state = history::step(state, *step)?;
    }
    tx.prepare_cached("UPDATE batch SET state = ?, http_status = ? WHERE run = ? AND batch = ?")?.execute(params![
        state.word(),
        http_status,
        run,
        batch
    ])?;
    Ok(())
}
