//! The times of exports, from which `--since last` continues.

use crate::store::{AccountKey, Store, StoreError};
use rusqlite::{OptionalExtension, params};

impl Store {
    /// The start of the last complete export of `what`, in Unix seconds.
    pub fn last_export(&self, account: &AccountKey, what: &str) -> Result<Option<i64>, StoreError> {
        let mut sql = self.db.prepare_cached("SELECT began_at FROM export WHERE account = ? AND what = ?")?;
        Ok(sql.query_row(params![account, what], |row| row.get(0)).optional()?)
    }

    /// Notes a complete export. Of two exports at the same time the later start counts: that one has all that the other has.
    pub fn note_export(&self, account: &AccountKey, what: &str, began_at: i64) -> Result<(), StoreError> {
        self.db
            .prepare_cached(
                "INSERT INTO export (account, what, began_at) VALUES (?,?,?)
                 ON CONFLICT DO UPDATE SET began_at = max(began_at, excluded.began_at)",
            )?
            .execute(params![account, what, began_at])?;
        Ok(())
    }
}
