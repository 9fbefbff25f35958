//! What imports of exported workbooks have sent back, by export and record: what a further import of the same workbook
//! holds its rows against, instead of what was exported.

use super::{Store, StoreError};
use rusqlite::params;
use std::collections::HashMap;

/// A record that a workbook was sent back to, as hashes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Returned {
    /// Of the row that was sent, where the account was seen to say the same.
    pub sheet: Option<u64>,
    /// Of the record as the account showed it then; `None` where that was never seen.
    pub account: Option<u64>,
}

impl Store {
    /// Records of an export that were sent back.
    pub fn returned(&self, export: &str) -> Result<HashMap<u64, Returned>, StoreError> {
        let mut statement = self.db.prepare("SELECT id, sheet, account FROM returned WHERE export = ?")?;
        let known = statement.query_map([export], |row| {
            let hash = |column: usize| row.get::<_, Option<i64>>(column).map(|hash| hash.map(|hash| hash as u64));
            Ok((row.get::<_, i64>(0)? as u64, Returned { sheet: hash(1)?, account: hash(2)? }))
        })?;
        Ok(known.collect::<Result<_, _>>()?)
    }

    /// Notes, before anything is sent, which records are about to be: whatever becomes of it, their rows are looked at again.
    pub fn returning(&self, export: &str, ids: impl Iterator<Item = u64>) -> Result<(), StoreError> {
        let tx = self.db.unchecked_transaction()?;
        {
            let mut note =
                tx.prepare("INSERT INTO returned (export, id) VALUES (?,?) ON CONFLICT DO UPDATE SET sheet = NULL")?;
            for id in ids {
                note.execute(params![export, id as i64])?;
            }
        }
        Ok(tx.commit()?)
    }

    /// Notes what was seen to have arrived.
    pub fn has_returned(&self, export: &str, seen: &[(u64, Returned)]) -> Result<(), StoreError> {
        let tx = self.db.unchecked_transaction()?;
        {
            let mut note = tx.prepare("REPLACE INTO returned (export, id, sheet, account) VALUES (?,?,?,?)")?;
            for (id, Returned { sheet, account }) in seen {
                let hash = |hash: &Option<u64>| hash.map(|hash| hash as i64);
                note.execute(params![export, *id as i64, hash(sheet), hash(account)])?;
            }
        }
        Ok(tx.commit()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_back_again_is_looked_at_again_and_keeps_what_was_seen() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        store.returning("e1", [1, 2].into_iter()).unwrap();
        let seen = Returned { sheet: Some(u64::MAX), account: Some(7) };
        store.has_returned("e1", &[(2, seen)]).unwrap();
        assert_eq!(store.returned("e1").unwrap(), HashMap::from([(1, Returned::default()), (2, seen)]));
        store.returning("e1", [2].into_iter()).unwrap();
        assert_eq!(store.returned("e1").unwrap()[&2], Returned { sheet: None, account: Some(7) });
        assert!(store.returned("e2").unwrap().is_empty());
    }
}
