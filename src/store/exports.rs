//! Since when an account is exported: what `--since last` goes on from.

use crate::store::{AccountKey, Store, StoreError};
use rusqlite::{OptionalExtension, params};

impl Store {
    /// When the last complete export of this began, in Unix seconds.
    pub fn last_export(&self, account: &AccountKey, what: &str) -> Result<Option<i64>, StoreError> {
        let mut ask = self.db.prepare_cached("SELECT began_at FROM export WHERE account = ? AND what = ?")?;
        Ok(ask.query_row(params![account, what], |row| row.get(0)).optional()?)
    }

    /// Notes a complete one. Of two that ran at the same time the later beginning counts: it has all that the other has.
    pub fn exported(&self, account: &AccountKey, what: &str, began_at: i64) -> Result<(), StoreError> {
        self.db
            .prepare_cached(
                "INSERT INTO export (account, what, began_at) VALUES (?,?,?)
                 ON CONFLICT DO UPDATE SET began_at = max(began_at, excluded.began_at)",
            )?
            .execute(params![account, what, began_at])?;
        Ok(())
    }
}
