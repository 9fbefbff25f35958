//! The newest send of each store, noted outside of it. A store that does not know its newest send went back in time: a backup
//! was restored, a copy is used, or its last pages were lost. The store also notes up to which ids it is complete then.
//!
//! The file is in the user's folder, beside the pace, and is not synchronised to the disk: a power cut can lose a note, but not
//! the send in the store, which is synchronised.

use crate::store::run::outcome::Status;
use crate::store::words::FrozenWord;
use crate::store::{AccountKey, BatchNo, Store, StoreError};
use amo_client::private;
use amo_model::Entity;
use rusqlite::{Connection, OptionalExtension, params};
use std::path::Path;
use std::time::Duration;

const FILE: &str = "sends.db";
/// How long a send waits to be noted; the next one is noted again.
const BUSY_WAIT: Duration = Duration::from_secs(1);
const TABLE: &str = "CREATE TABLE IF NOT EXISTS send (
      store TEXT PRIMARY KEY,
      run TEXT NOT NULL,
      batch INTEGER NOT NULL,
      sent_at_ms INTEGER NOT NULL,
      watermark INTEGER NOT NULL,
      path TEXT NOT NULL
    ) WITHOUT ROWID";

/// A batch that was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastSend {
    pub run: String,
    pub batch: BatchNo,
    /// In Unix milliseconds.
    pub sent_at_ms: i64,
    /// The highest id known before it was sent.
    pub watermark: u64,
    /// The path of the store.
    pub path: String,
}

/// The newest sends of all stores of a user.
#[derive(Debug)]
pub struct Sends {
    db: Connection,
}

impl Sends {
    pub fn open(folder: &Path) -> rusqlite::Result<Sends> {
        let path = folder.join(FILE);
        // Where that fails, SQLite reports why.
        let _ = private::database(&path);
        let db = Connection::open(path)?;
        db.busy_timeout(BUSY_WAIT)?;
        db.pragma_update(None, "journal_mode", "WAL")?;
        db.pragma_update(None, "synchronous", "OFF")?;
        db.execute(TABLE, [])?;
        Ok(Sends { db })
    }

    /// The newest send of a store. `began_at` is the start of its first run in Unix seconds: a store without a send under its
    /// name may be of a format without names, restored to the path of a later one.
    pub fn last(&self, store: &Store, began_at: Option<i64>) -> rusqlite::Result<Option<LastSend>> {
        let columns = "SELECT run, batch, sent_at_ms, watermark, path FROM send";
        let read = |row: &rusqlite::Row<'_>| {
            let (watermark, path): (i64, String) = (row.get(3)?, row.get(4)?);
            let (run, batch, sent_at_ms) = (row.get(0)?, row.get(1)?, row.get(2)?);
            Ok(LastSend { run, batch, sent_at_ms, watermark: watermark as u64, path })
        };
        let own = self.db.query_row(&format!("{columns} WHERE store = ?"), [store.id()], read).optional()?;
        let (None, Some(began_at)) = (&own, began_at) else { return Ok(own) };
        let by_path = format!("{columns} WHERE path = ? AND sent_at_ms > ? ORDER BY sent_at_ms DESC LIMIT 1");
        self.db.query_row(&by_path, params![store.place(), began_at * 1_000], read).optional()
    }

    /// Notes the newest send of a store.
    pub fn note(&self, store: &Store, send: &LastSend) -> rusqlite::Result<()> {
        let LastSend { run, batch, sent_at_ms, watermark, path } = send;
        self.db
            .prepare_cached(
                "INSERT OR REPLACE INTO send (store, run, batch, sent_at_ms, watermark, path) VALUES (?,?,?,?,?,?)",
            )?
            .execute(params![store.id(), run, batch, sent_at_ms, *watermark as i64, path])?;
        Ok(())
    }
}

impl Store {
    /// The absolute path of the store.
    pub fn place(&self) -> String {
        std::fs::canonicalize(&self.path).unwrap_or_else(|_| self.path.clone()).display().to_string()
    }

    /// The start of its first run, in Unix seconds.
    pub fn began_at(&self) -> Result<Option<i64>, StoreError> {
        Ok(self.db.query_row("SELECT min(started_at) FROM run", [], |row| row.get(0))?)
    }

    /// True where this store has this send.
    pub fn knows(&self, send: &LastSend) -> Result<bool, StoreError> {
        let sql = "SELECT 1 FROM run JOIN batch USING (run) WHERE name = ? AND batch = ? AND sent_at_ms >= ?";
        Ok(self.db.prepare_cached(sql)?.exists(params![send.run, send.batch, send.sent_at_ms])?)
    }

    /// The time of the newest send in this store, in Unix milliseconds.
    pub fn last_sent_at(&self) -> Result<Option<i64>, StoreError> {
        Ok(self.db.query_row("SELECT max(sent_at_ms) FROM batch", [], |row| row.get(0))?)
    }

    /// Notes that this store went back in time at `at_ms` (Unix milliseconds), and up to which ids it is complete: what it has
    /// forgotten was sent later and has higher ids. Of several such notes the lower ids hold.
    pub fn note_restored(&self, at_ms: i64) -> Result<(), StoreError> {
        let present =
            [Status::Created, Status::Updated, Status::Merged, Status::Deleted, Status::Unchanged, Status::Skipped];
        let present = present.map(|status| status.number().to_string()).join(",");
        let tx = self.db.unchecked_transaction()?;
        tx.execute(
            &format!(
                "INSERT INTO sure (account, entity, upto)
                 SELECT account, json_extract(head, '$.entity') AS entity, max(max(
                   coalesce((SELECT max(id) FROM record WHERE record.run = run.run AND status IN ({present})), 0),
                   coalesce((SELECT max(watermark) FROM batch WHERE batch.run = run.run AND carries = 0), 0)))
                 FROM run WHERE true GROUP BY account, entity
                 ON CONFLICT DO UPDATE SET upto = min(upto, excluded.upto)"
            ),
            [],
        )?;
        tx.execute("UPDATE store SET went_back_at_ms = ?", [at_ms])?;
        Ok(tx.commit()?)
    }

    /// When it was last found to have gone back in time, in Unix milliseconds.
    pub fn restored_at(&self) -> Result<Option<i64>, StoreError> {
        Ok(self.db.query_row("SELECT went_back_at_ms FROM store", [], |row| row.get(0))?)
    }

    /// The id up to which this store has all that it sent to an account; `None` where it has everything.
    pub fn complete_up_to(&self, account: &AccountKey, entity: Entity) -> Result<Option<u64>, StoreError> {
        if self.restored_at()?.is_none() {
            return Ok(None);
        }
        let sql = "SELECT upto FROM sure WHERE account = ? AND entity = ?";
        let upto = self.db.query_row(sql, params![account, entity.word()], |row| row.get::<_, i64>(0)).optional()?;
        Ok(Some(upto.unwrap_or(0) as u64))
    }

    /// Sets the id above which records of a run are looked for before they are sent, in every stretch of it.
    pub fn set_look_from(&self, run: i64, id: u64) -> Result<(), StoreError> {
        self.db
            .execute("UPDATE run SET head = json_set(head, '$.look_from', ?) WHERE run = ?", params![id as i64, run])?;
        Ok(())
    }
}
