//! What imports of exported workbooks have sent back, by export, file and record, so that the changes of a file are
//! distinguished from those of its copies.

use crate::store::{Store, StoreError};
use rusqlite::params;
use std::collections::HashMap;

/// What one file has sent to a record. Each field has a hash for every column of the export, as text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SentBack {
    /// Cells that were sent.
    pub sent: String,
    /// Cells that are being sent.
    pub sending: String,
    /// Values of the account before.
    pub before: String,
    /// Values of the account afterwards, which come from this file.
    pub ours: String,
    /// Exported values, where the workbook does not have them.
    pub base: String,
}

impl Store {
    /// What a file has sent back, by the ids of the records of an export.
    pub fn sent_back(&self, export: &str, file: &str) -> Result<HashMap<u64, SentBack>, StoreError> {
        let sql = "SELECT id, sent, sending, before, ours, base FROM sent_back WHERE export = ? AND file = ?";
        let mut statement = self.db.prepare(sql)?;
        let known = statement.query_map([export, file], |row| {
            let [sent, sending, before, ours, base] = [row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?, row.get(5)?];
            Ok((row.get::<_, i64>(0)? as u64, SentBack { sent, sending, before, ours, base }))
        })?;
        Ok(known.collect::<Result<_, _>>()?)
    }

    /// Exported values, as imports of any copy have found them, by id.
    pub fn bases(&self, export: &str) -> Result<HashMap<u64, String>, StoreError> {
        let mut statement = self.db.prepare("SELECT id, base FROM sent_back WHERE export = ? AND base <> ''")?;
        let known = statement.query_map([export], |row| Ok((row.get::<_, i64>(0)? as u64, row.get(1)?)))?;
        Ok(known.collect::<Result<_, _>>()?)
    }

    /// Records that versions before the sixth format sent back, by id: a hash of the account's values afterwards, where they
    /// were those of the sheet. It is not known from which copy they were.
    pub fn account_hashes_of_format_five(&self, export: &str) -> Result<HashMap<u64, u64>, StoreError> {
        let sql = "SELECT id, account FROM returned WHERE export = ? AND sheet IS NOT NULL AND account IS NOT NULL";
        let mut statement = self.db.prepare(sql)?;
        let known =
            statement.query_map([export], |row| Ok((row.get::<_, i64>(0)? as u64, row.get::<_, i64>(1)? as u64)))?;
        Ok(known.collect::<Result<_, _>>()?)
    }

    /// Notes what is about to be sent, and once more when its outcome is known.
    pub fn note_sent_back(&self, export: &str, file: &str, records: &[(u64, SentBack)]) -> Result<(), StoreError> {
        let tx = self.db.unchecked_transaction()?;
        {
            let mut note = tx.prepare(
                "REPLACE INTO sent_back (export, file, id, sent, sending, before, ours, base) VALUES (?,?,?,?,?,?,?,?)",
            )?;
            for (id, SentBack { sent, sending, before, ours, base }) in records {
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
        let sent_back = |ours: &str, base: &str| SentBack {
            sent: "-AAAAB".into(),
            sending: "-AAAAC".into(),
            before: "..".into(),
            ours: ours.into(),
            base: base.into(),
        };
        store.note_sent_back("e1", "/a.xlsx", &[(1, sent_back("", "")), (2, sent_back("", ""))]).unwrap();
        store.note_sent_back("e1", "/a.xlsx", &[(2, sent_back("-AAAAB", ""))]).unwrap();
        store.note_sent_back("e1", "/b.xlsx", &[(u64::MAX >> 1, sent_back("-", ".."))]).unwrap();
        let known = store.sent_back("e1", "/a.xlsx").unwrap();
        assert_eq!(known, HashMap::from([(1, sent_back("", "")), (2, sent_back("-AAAAB", ""))]));
        assert_eq!(store.sent_back("e1", "/b.xlsx").unwrap().len(), 1);
        assert_eq!(store.bases("e1").unwrap(), HashMap::from([(u64::MAX >> 1, "..".to_owned())]));
        assert!(store.sent_back("e2", "/a.xlsx").unwrap().is_empty() && store.bases("e2").unwrap().is_empty());
    }

    #[test]
    fn what_a_store_of_the_fifth_format_knows_of_rows_is_still_known() {
        let folder = tempfile::tempdir().unwrap();
        let earlier = "DROP TABLE sent_back;
            INSERT INTO returned VALUES ('e1', 1, 7, 8), ('e1', 2, NULL, 8), ('e1', 3, 7, NULL), ('e1', 4, 7, -1), ('e2', 5, 7, 8);
            PRAGMA user_version = 5;";
        Store::open(folder.path()).unwrap().db.execute_batch(earlier).unwrap();
        let store = Store::open(folder.path()).unwrap();
        assert!(store.sent_back("e1", "/a.xlsx").unwrap().is_empty());
        assert_eq!(store.account_hashes_of_format_five("e1").unwrap(), HashMap::from([(1, 8), (4, u64::MAX)]));
    }
}
