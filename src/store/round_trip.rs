//! What imports of exported workbooks have sent back, by export, place of the file and record: one file's own changes are told
//! from those of its copies.

use crate::store::{Store, StoreError};
use rusqlite::params;
use std::collections::HashMap;

/// What one file has sent to a record; each is a hash for every column of the export, as text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Returned {
    /// The cells that it has sent.
    pub sent: String,
    /// Those on their way.
    pub sending: String,
    /// What the account showed before.
    pub before: String,
    /// What the account was seen to show because of it.
    pub ours: String,
    /// What was exported, where the workbook does not say that itself.
    pub base: String,
}

impl Store {
    /// Records of an export that a file has changed.
    pub fn returned(&self, export: &str, file: &str) -> Result<HashMap<u64, Returned>, StoreError> {
        let ask = "SELECT id, sent, sending, before, ours, base FROM sent_back WHERE export = ? AND file = ?";
        let mut statement = self.db.prepare(ask)?;
        let known = statement.query_map([export, file], |row| {
            let [sent, sending, before, ours, base] = [row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?, row.get(5)?];
            Ok((row.get::<_, i64>(0)? as u64, Returned { sent, sending, before, ours, base }))
        })?;
        Ok(known.collect::<Result<_, _>>()?)
    }

    /// What was exported, as imports of any copy have found it out.
    pub fn bases(&self, export: &str) -> Result<HashMap<u64, String>, StoreError> {
        let mut statement = self.db.prepare("SELECT id, base FROM sent_back WHERE export = ? AND base <> ''")?;
        let known = statement.query_map([export], |row| Ok((row.get::<_, i64>(0)? as u64, row.get(1)?)))?;
        Ok(known.collect::<Result<_, _>>()?)
    }

    /// Of records that versions before the sixth format sent back: a hash of what the account was then seen to show, where it
    /// said what the sheet said. It is not known from which copy they were.
    pub fn returned_rows(&self, export: &str) -> Result<HashMap<u64, u64>, StoreError> {
        let ask = "SELECT id, account FROM returned WHERE export = ? AND sheet IS NOT NULL AND account IS NOT NULL";
        let mut statement = self.db.prepare(ask)?;
        let known =
            statement.query_map([export], |row| Ok((row.get::<_, i64>(0)? as u64, row.get::<_, i64>(1)? as u64)))?;
        Ok(known.collect::<Result<_, _>>()?)
    }

    /// Notes what is about to be sent, before it is, and once more when it is known what became of it.
    pub fn has_returned(&self, export: &str, file: &str, records: &[(u64, Returned)]) -> Result<(), StoreError> {
        let tx = self.db.unchecked_transaction()?;
        {
            let mut note = tx.prepare(
                "REPLACE INTO sent_back (export, file, id, sent, sending, before, ours, base) VALUES (?,?,?,?,?,?,?,?)",
            )?;
            for (id, Returned { sent, sending, before, ours, base }) in records {
                note.execute(params![export, file, *id as i64, sent, sending, before, ours, base])?;
            }
        }
        Ok(tx.commit()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_file_has_sent_what_it_has_sent() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let returned = |ours: &str, base: &str| Returned {
            sent: "-AAAAB".into(),
            sending: "-AAAAC".into(),
            before: "..".into(),
            ours: ours.into(),
            base: base.into(),
        };
        store.has_returned("e1", "/a.xlsx", &[(1, returned("", "")), (2, returned("", ""))]).unwrap();
        store.has_returned("e1", "/a.xlsx", &[(2, returned("-AAAAB", ""))]).unwrap();
        store.has_returned("e1", "/b.xlsx", &[(u64::MAX >> 1, returned("-", ".."))]).unwrap();
        let known = store.returned("e1", "/a.xlsx").unwrap();
        assert_eq!(known, HashMap::from([(1, returned("", "")), (2, returned("-AAAAB", ""))]));
        assert_eq!(store.returned("e1", "/b.xlsx").unwrap().len(), 1);
        assert_eq!(store.bases("e1").unwrap(), HashMap::from([(u64::MAX >> 1, "..".to_owned())]));
        assert!(store.returned("e2", "/a.xlsx").unwrap().is_empty() && store.bases("e2").unwrap().is_empty());
    }

    #[test]
    fn what_a_store_of_the_fifth_format_knows_of_rows_is_still_known() {
        let folder = tempfile::tempdir().unwrap();
        let earlier = "DROP TABLE sent_back;
            INSERT INTO returned VALUES ('e1', 1, 7, 8), ('e1', 2, NULL, 8), ('e1', 3, 7, NULL), ('e1', 4, 7, -1), ('e2', 5, 7, 8);
            PRAGMA user_version = 5;";
        Store::open(folder.path()).unwrap().db.execute_batch(earlier).unwrap();
        let store = Store::open(folder.path()).unwrap();
        assert!(store.returned("e1", "/a.xlsx").unwrap().is_empty());
        assert_eq!(store.returned_rows("e1").unwrap(), HashMap::from([(1, 8), (4, u64::MAX)]));
    }
}
