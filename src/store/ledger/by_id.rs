//! The ledger by id: the key under which an entity was created. The ledger is sorted by key; a copy sorted by id is in a
//! temporary table, so that memory does not grow with it.

use crate::store::{AccountKey, Store, StoreError};
use rusqlite::{OptionalExtension, params};

const BY_ID: &str = "
    CREATE TEMP TABLE IF NOT EXISTS key_by_id (account TEXT, kind TEXT, id INTEGER, key TEXT,
        PRIMARY KEY (account, kind, id)) WITHOUT ROWID;
    CREATE TEMP TABLE IF NOT EXISTS key_copied (account TEXT, kind TEXT, PRIMARY KEY (account, kind)) WITHOUT ROWID;";

impl Store {
    /// The key under which an import into this account created an id, in one of these ledgers. Keys that are added after the
    /// first call are not found.
    pub fn key_of(&self, account: &AccountKey, ledgers: &[String], id: u64) -> Result<Option<String>, StoreError> {
        self.db.execute_batch(BY_ID)?;
        for ledger in ledgers {
            self.copy_keys(account, ledger)?;
            let key = self
                .db
                .prepare_cached("SELECT key FROM key_by_id WHERE account = ? AND kind = ? AND id = ?")?
                .query_row(params![account, ledger, id as i64], |row| row.get(0))
                .optional()?;
            if key.is_some() {
                return Ok(key);
            }
        }
        Ok(None)
    }

    fn copy_keys(&self, account: &AccountKey, ledger: &str) -> Result<(), StoreError> {
        let copied = "INSERT OR IGNORE INTO key_copied (account, kind) VALUES (?, ?)";
        if self.db.prepare_cached(copied)?.execute(params![account, ledger])? == 0 {
            return Ok(());
        }
        let copy = "INSERT OR IGNORE INTO key_by_id (account, kind, id, key)
            SELECT account, kind, id, key FROM ledger WHERE account = ? AND kind = ? AND id IS NOT NULL ORDER BY id";
        self.db.execute(copy, params![account, ledger])?;
        Ok(())
    }
}
