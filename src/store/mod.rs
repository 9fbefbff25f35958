//! The store: runs, the journal of their batches and outcomes, the ledger of keys. It is one SQLite file in the state folder,
//! in WAL mode with full synchronisation: what a call has written is on the disk when it returns.
//!
//! - `run` reads runs and their records; it has the `head` (the options of a run), `outcome` and `cells` of records.
//! - `journal` writes a run; its `history` has the states of a batch.
//! - `ledger` finds keys, with their key spaces.
//! - `identity` knows accounts, the store itself and its newest send.
//! - `exports` and `round_trip` note what was exported and sent back.
//! - `words` are the words on the disk, `tables.sql` is the layout, `crash` has the failpoints of tests.

pub mod crash;
mod exports;
mod identity;
mod journal;
mod ledger;
mod round_trip;
mod run;
mod speed;
pub mod words;

pub use identity::accounts::AccountKey;
pub use identity::sends::{LastSend, Sends};
pub use journal::claims::OtherRunBatch;
pub use journal::history::BatchNo;
pub use journal::links::{LinkOutcomes, Links, PendingLink};
pub use journal::resume::{OpenDoubt, Reopen, Resumed};
pub use journal::{BatchOf, Journal, KnownKey, NewRun, OutgoingBatch, RunEnd, lock_journal};
pub use ledger::{KeySpace, KeyUse, Keys, LedgerEntry, Relation, file_name};
pub use round_trip::SentBack;
pub use run::cells::{KeptCell, NO_VALUE};
pub use run::head::{MappingHead, RunHead, SANDBOX, SourceHead, ledger_name};
pub use run::outcome::{Counts, Outcome, Status};
pub use run::{RecordIds, ReportLine, Run};
pub use speed::ServiceSpeed;
pub use words::{FrozenWord, RunOutcome, Verify};

use amo_client::private;
use identity::Identity;
use identity::accounts::carry_over_known;
use rusqlite::{Connection, ErrorCode, TransactionBehavior};
use sheet_source::message;
use sheet_source::problem::{Message, Place, Problem, Stage};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The version of the layout; a store with a higher number was written by a newer amoport.
const SCHEMA_VERSION: i64 = 8;
/// How long a call waits for another process that writes.
const BUSY_WAIT: Duration = Duration::from_secs(30);
const FILE: &str = "store.db";
const TABLES: &str = include_str!("tables.sql");

/// A failure of the store. It is never caused by a row, so the run stops.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("the store cannot be used: {0}")]
    Sqlite(#[from] rusqlite::Error),
    #[error(transparent)]
    IllegalStep(#[from] journal::history::IllegalStep),
    #[error(
        "row {row} got the id {id}, which row {other} of run {run} has: one of the two is wrong, so nothing more is sent"
    )]
    ClaimedTwice { id: u64, row: u32, run: String, other: u32 },
    #[error("the store has a value that this version does not know: {0}")]
    Invalid(String),
    #[error("{0}")]
    Json(#[from] serde_json::Error),
}

impl StoreError {
    /// True where SQLite reports a damaged file.
    pub fn is_damage(&self) -> bool {
        let StoreError::Sqlite(error) = self else { return false };
        matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase))
    }
}

/// The code of a damaged store.
pub const DAMAGED: &str = "state-damaged";

/// The path of the store in a state folder.
pub fn file_of(state: &Path) -> PathBuf {
    state.join(FILE)
}

/// The problem of a store that is found damaged before anything was sent.
pub fn damaged(error: &StoreError) -> Problem {
    let error = match error {
        StoreError::Sqlite(error) => error.to_string(),
        error => error.to_string(),
    };
    let message = message!("the store is damaged ({error}); nothing was sent", error);
    Problem::new(Stage::Read, DAMAGED, message).hint(
        "restore a backup of its folder and add --older-state to the command, which looks in the account for what was sent since; or use \
         another folder with --state, which does not know earlier imports and would create their records again",
    )
}

/// An open store.
#[derive(Debug)]
pub struct Store {
    db: Connection,
    path: PathBuf,
    identity: Identity,
}

impl Store {
    /// Opens the store of a state folder, and creates both where they do not exist.
    pub fn open(state: &Path) -> Result<Store, Problem> {
        let path = file_of(state);
        let unusable = |message: Message| {
            Problem::new(Stage::Read, "state-unusable", message)
                .hint("use --state with a writable folder on a local disk")
        };
        private::folder(state).map_err(|e| {
            unusable(message!(
                "the state folder \"{folder}\" cannot be created: {error}",
                folder = state.display(),
                error = e.to_string()
            ))
        })?;
        let failed = |error: StoreError| {
            if error.is_damage() {
                return Problem { place: Place::File(path.clone()), ..damaged(&error) };
            }
            unusable(message!(
                "the store \"{path}\" cannot be opened: {error}",
                path = path.display(),
                error = error.to_string()
            ))
        };
        private::database(&path).map_err(|e| {
            unusable(message!(
                "the store \"{path}\" cannot be opened: {error}",
                path = path.display(),
                error = e.to_string()
            ))
        })?;
        let mut store = Store::open_file(&path).map_err(|e| failed(e.into()))?;
        let version: i64 =
            store.db.pragma_query_value(None, "user_version", |row| row.get(0)).map_err(|e| failed(e.into()))?;
        match version {
            0 => store.create().map_err(|e| failed(e.into()))?,
            1..SCHEMA_VERSION => store.migrate().map_err(failed)?,
            SCHEMA_VERSION => {}
            newer => {
                let message = message!(
                    "the store \"{path}\" has format {newer}, but this amoport supports only formats up to {known}",
                    path = path.display(),
                    newer,
                    known = SCHEMA_VERSION
                );
                return Err(Problem::new(Stage::Read, "state-newer", message)
                    .hint("use the newer amoport, or another folder with --state"));
            }
        }
        store.identity = Identity::of(&store.db, &path).map_err(|e| failed(e.into()))?;
        Ok(store)
    }

    /// The store of a state folder; `None` where it has none.
    pub fn existing(state: &Path) -> Result<Option<Store>, Problem> {
        state.join(FILE).exists().then(|| Store::open(state)).transpose()
    }

    fn open_file(path: &Path) -> rusqlite::Result<Store> {
        let mut db = Connection::open(path)?;
        db.busy_timeout(BUSY_WAIT)?;
        // A transaction that begins by reading fails without waiting where it comes to write while another process writes.
        db.set_transaction_behavior(TransactionBehavior::Immediate);
        db.pragma_update(None, "journal_mode", "WAL")?;
        db.pragma_update(None, "synchronous", "FULL")?;
        db.pragma_update(None, "foreign_keys", "ON")?;
        Ok(Store { db, path: path.to_owned(), identity: Identity::default() })
    }

    fn create(&self) -> rusqlite::Result<()> {
        self.db.execute_batch(&format!("BEGIN IMMEDIATE; {TABLES} PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;"))
    }

    /// Brings a store of an earlier format up to date. Another process may have done so while this one waited for the lock.
    fn migrate(&self) -> Result<(), StoreError> {
        let tx = rusqlite::Transaction::new_unchecked(&self.db, TransactionBehavior::Immediate)?;
        let version: i64 = tx.pragma_query_value(None, "user_version", |row| row.get(0))?;
        if version == 1 {
            tx.execute_batch(
                "ALTER TABLE record ADD COLUMN more BLOB;
                 ALTER TABLE record ADD COLUMN url TEXT;",
            )?;
        }
        if version < 3 {
            tx.execute_batch("ALTER TABLE batch ADD COLUMN owner INTEGER;")?;
        }
        if version < 5 {
            tx.execute_batch(
                "ALTER TABLE batch ADD COLUMN carries INTEGER NOT NULL DEFAULT 0;
                 ALTER TABLE problem ADD COLUMN said TEXT;
                 ALTER TABLE problem ADD COLUMN at_row INTEGER;
                 ALTER TABLE problem ADD COLUMN at_column INTEGER;",
            )?;
        }
        if version < SCHEMA_VERSION {
            tx.execute_batch(TABLES)?;
            carry_over_known(&tx)?;
            tx.pragma_update(None, "user_version", SCHEMA_VERSION)?;
        }
        Ok(tx.commit()?)
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The state folder.
    pub fn folder(&self) -> &Path {
        self.path.parent().unwrap_or(Path::new(""))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_of_the_first_format_is_brought_up_to_date() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        store
            .db
            .execute_batch(
                "DROP TABLE link; DROP TABLE export; DROP TABLE edit; DROP TABLE source_row; ALTER TABLE record DROP COLUMN more; ALTER TABLE record DROP COLUMN url;
                 ALTER TABLE batch DROP COLUMN owner; ALTER TABLE batch DROP COLUMN carries;
                 ALTER TABLE problem DROP COLUMN said; ALTER TABLE problem DROP COLUMN at_row;
                 ALTER TABLE problem DROP COLUMN at_column; PRAGMA user_version = 1;",
            )
            .unwrap();
        drop(store);
        for _ in 0..2 {
            let store = Store::open(folder.path()).unwrap();
            assert_eq!(store.links(1).unwrap(), Links::default());
            assert_eq!(store.last_export(&AccountKey::of_address("a"), "lead").unwrap(), None);
            assert_eq!(store.runs().unwrap().len(), 0);
        }
        Store::open(folder.path()).unwrap().db.execute_batch("PRAGMA user_version = 99").unwrap();
        assert_eq!(Store::open(folder.path()).err().unwrap().code, "state-newer");
    }

    #[test]
    fn a_store_of_the_third_format_gets_a_place_for_edits() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        store
            .db
            .execute_batch(
                "DROP TABLE edit; DROP TABLE source_row; ALTER TABLE batch DROP COLUMN carries; ALTER TABLE problem DROP COLUMN said;
                 ALTER TABLE problem DROP COLUMN at_row; ALTER TABLE problem DROP COLUMN at_column;
                 PRAGMA user_version = 3;",
            )
            .unwrap();
        drop(store);
        assert_eq!(Store::open(folder.path()).unwrap().edits(1).unwrap(), []);
    }

    fn head() -> RunHead {
        serde_json::from_str(
            r#"{"source":{"path":"","sha256":"","header_row":1,"format":"csv","bom":false,"titles":[]},
                "mapping":{"path":"","sha256":""},"kind":"lead","entity":"leads","action":"create","account":"a",
                "target":"a","base":"","folder":"","settle":1,"verify":"none","rate":7,"again":false}"#,
        )
        .unwrap()
    }

    #[test]
    fn rows_that_were_written_are_taken_from_all_over_the_run() {
        let folder = tempfile::tempdir().unwrap();
        let new = NewRun { name: "run", head: &head(), snapshot: "{}", started_at: 0, edits: &[], rows: None };
        let mut journal = Journal::begin(Store::open(folder.path()).unwrap(), &new).unwrap();
        let spread = |journal: &Journal, most| {
            let mut rows: Vec<u32> = journal.store().written_sample(journal.run(), most).unwrap().into_iter().collect();
            rows.sort_unstable();
            rows
        };
        assert!(spread(&journal, 100).is_empty());
        // Rows 2 to 101, with a gap that holds none that was written.
        let outcomes: Vec<Outcome> = (2..102)
            .map(|row| match (20..60).contains(&row) {
                true => Outcome::new(row, Status::Rejected),
                false => Outcome { id: Some(row.into()), ..Outcome::new(row, Status::Created) },
            })
            .collect();
        journal.local(&outcomes).unwrap();
        assert_eq!(spread(&journal, 5), [2, 60, 62, 82]);
        assert_eq!(spread(&journal, 1_000).len(), 60);
        assert!(spread(&journal, 0).is_empty());
    }

    /// A transaction that begins by reading and meets another writer is refused at once, however long it might wait.
    #[test]
    fn two_processes_write_at_the_same_time() {
        let folder = tempfile::tempdir().unwrap();
        Store::open(folder.path()).unwrap();
        let head = head();
        std::thread::scope(|scope| {
            for name in ["one", "other"] {
                let (folder, head) = (folder.path(), &head);
                scope.spawn(move || {
                    let new = NewRun { name, head, snapshot: "{}", started_at: 0, edits: &[], rows: None };
                    let mut journal = Journal::begin(Store::open(folder).unwrap(), &new).unwrap();
                    for row in 0..100 {
                        let batch = journal.next_batch();
                        journal
                            .sent(&OutgoingBatch {
                                batch,
                                of: BatchOf::Records,
                                rows: &[row],
                                owner: None,
                                keys: &[],
                                watermark: 0,
                                at_ms: 0,
                            })
                            .unwrap();
                        journal.answered(batch, 200, &[Outcome::new(row, Status::Created)]).unwrap();
                    }
                });
            }
        });
    }
}
