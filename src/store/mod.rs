//! What amoport remembers: runs, the journal of their batches and outcomes, the ledger of keys. One SQLite file in the
//! state folder, in WAL mode with full synchronisation: what a call has written is on the disk when it returns.
//!
//! Reading order: `head` (what a run was asked), `history` (the states of a batch), `outcome` (what became of a record), `journal` (writing a run),
//! `reading` (runs and their records read back for resuming and reporting).

pub mod crash;
mod head;
pub mod history;
mod journal;
mod outcome;
mod reading;

pub use head::{Head, MappingHead, SourceHead};
pub use journal::{BatchNo, Journal, KnownKey, NewRun, OpenDoubt, RunEnd, Sending};
pub use outcome::{Counts, Outcome, Problem as StoredProblem, Status};
pub use reading::{Line, Run};

use crate::problem::{Problem, Stage};
use rusqlite::Connection;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The layout of the tables below; a store with a higher number was written by a newer version.
const SCHEMA_VERSION: i64 = 1;
/// How long a call waits for another process that is writing.
const BUSY_WAIT: Duration = Duration::from_secs(30);
const FILE: &str = "store.db";

/// A failure of the store is never the fault of a row: the run stops and says why.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("the store cannot be used: {0}")]
    Sqlite(#[from] rusqlite::Error),
    #[error(transparent)]
    IllegalStep(#[from] history::IllegalStep),
    #[error("the store holds something this version does not understand: {0}")]
    Odd(String),
    #[error("{0}")]
    Json(#[from] serde_json::Error),
}

pub struct Store {
    db: Connection,
    path: PathBuf,
}

impl Store {
    /// Opens the store of a state folder, making both if need be.
    pub fn open(state: &Path) -> Result<Store, Problem> {
        let path = state.join(FILE);
        let unusable = |message: String| {
            Problem::new(Stage::Read, "state-unusable", message)
                .hint("name a folder you may write to with --state, on a local disk")
        };
        std::fs::create_dir_all(state)
            .map_err(|e| unusable(format!("the state folder \"{}\" cannot be made: {e}", state.display())))?;
        let store = Store::open_file(&path)
            .map_err(|e| unusable(format!("the store \"{}\" cannot be opened: {e}", path.display())))?;
        let version: i64 = store
            .db
            .pragma_query_value(None, "user_version", |row| row.get(0))
            .map_err(|e| unusable(format!("the store \"{}\" cannot be read: {e}", path.display())))?;
        match version {
            0 => store
                .create()
                .map_err(|e| unusable(format!("the store \"{}\" cannot be set up: {e}", path.display())))?,
            SCHEMA_VERSION => {}
            newer => {
                let message =
                    format!("the store \"{}\" has format {newer}, this amoport knows {SCHEMA_VERSION}", path.display());
                return Err(Problem::new(Stage::Read, "state-newer", message)
                    .hint("use the newer amoport, or another --state folder"));
            }
        }
        Ok(store)
    }

    fn open_file(path: &Path) -> rusqlite::Result<Store> {
        let db = Connection::open(path)?;
        db.busy_timeout(BUSY_WAIT)?;
        db.pragma_update(None, "journal_mode", "WAL")?;
        db.pragma_update(None, "synchronous", "FULL")?;
        db.pragma_update(None, "foreign_keys", "ON")?;
        // Personal data may stand in rejected rows: the file is the owner's alone.
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let _ = std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600));
        }
        Ok(Store { db, path: path.to_owned() })
    }

    fn create(&self) -> rusqlite::Result<()> {
        self.db.execute_batch(&format!(
            "BEGIN IMMEDIATE;
             CREATE TABLE IF NOT EXISTS run (
               run INTEGER PRIMARY KEY,
               name TEXT NOT NULL UNIQUE,
               account TEXT NOT NULL,
               source_sha TEXT NOT NULL,
               mapping_sha TEXT NOT NULL,
               head TEXT NOT NULL,
               snapshot TEXT NOT NULL,
               started_at INTEGER NOT NULL,
               outcome TEXT NOT NULL DEFAULT 'running',
               exit_code INTEGER,
               elapsed_ms INTEGER NOT NULL DEFAULT 0,
               sent INTEGER NOT NULL DEFAULT 0,
               retried INTEGER NOT NULL DEFAULT 0,
               throttled INTEGER NOT NULL DEFAULT 0,
  source_rows INTEGER NOT NULL DEFAULT 0
             );
             CREATE INDEX IF NOT EXISTS run_source ON run (account, source_sha, mapping_sha);
             CREATE TABLE IF NOT EXISTS batch (
               run INTEGER NOT NULL REFERENCES run,
               batch INTEGER NOT NULL,
               state TEXT NOT NULL,
               attempts INTEGER NOT NULL,
               rows BLOB NOT NULL,
               sent_at_ms INTEGER NOT NULL,
               watermark INTEGER NOT NULL,
               http_status INTEGER,
               PRIMARY KEY (run, batch)
             ) WITHOUT ROWID;
             CREATE TABLE IF NOT EXISTS record (
               run INTEGER NOT NULL REFERENCES run,
               row INTEGER NOT NULL,
               status INTEGER NOT NULL,
               key TEXT,
               id INTEGER,
               contact_id INTEGER,
               company_id INTEGER,
               http_status INTEGER,
               batch INTEGER,
               attempts INTEGER NOT NULL,
               cells TEXT,
               PRIMARY KEY (run, row)
             ) WITHOUT ROWID;
             CREATE TABLE IF NOT EXISTS problem (
               run INTEGER NOT NULL REFERENCES run,
               row INTEGER NOT NULL,
               n INTEGER NOT NULL,
               stage TEXT NOT NULL,
               code TEXT NOT NULL,
               title TEXT,
               cell TEXT,
               value TEXT,
               message TEXT NOT NULL,
               hint TEXT,
               PRIMARY KEY (run, row, n)
             ) WITHOUT ROWID;
             CREATE TABLE IF NOT EXISTS ledger (
               account TEXT NOT NULL,
               kind TEXT NOT NULL,
               key TEXT NOT NULL,
               id INTEGER,
               run INTEGER NOT NULL REFERENCES run,
               batch INTEGER,
               PRIMARY KEY (account, kind, key)
             ) WITHOUT ROWID;
             CREATE INDEX IF NOT EXISTS ledger_open ON ledger (run, batch) WHERE id IS NULL;
             PRAGMA user_version = {SCHEMA_VERSION};
             COMMIT;"
        ))
    }

    pub fn path(&self) -> &Path {
        &self.path
    }
}
