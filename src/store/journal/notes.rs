//! Notes of a run by its reader, its mapping or the run itself: counted, reported once, stored for its report.

use crate::store::{Journal, Store, StoreError};
use rusqlite::params;
use sheet_source::problem::{Note, Severity};

impl Journal {
    /// Stores notes of the run; a note with the same message as one of an earlier stretch replaces it.
    pub fn notes(&mut self, notes: &[Note]) -> Result<(), StoreError> {
        let tx = self.store.db.transaction()?;
        for note in notes {
            tx.prepare_cached(
                "INSERT INTO note (run, code, message, count, level) VALUES (?,?,?,?,?)
                 ON CONFLICT DO UPDATE SET count = excluded.count",
            )?
            .execute(params![
                self.run,
                note.code,
                serde_json::to_string(&note.message)?,
                note.count as i64,
                number(note.level)
            ])?;
        }
        Ok(tx.commit()?)
    }
}

impl Store {
    /// The notes of a run, in the order in which they came up.
    pub fn notes(&self, run: i64) -> Result<Vec<Note>, StoreError> {
        let mut statement =
            self.db.prepare_cached("SELECT code, message, count, level FROM note WHERE run = ? ORDER BY rowid")?;
        let mut rows = statement.query([run])?;
        let mut notes = Vec::new();
        while let Some(row) = rows.next()? {
            let (code, message): (String, String) = (row.get(0)?, row.get(1)?);
            notes.push(Note {
                code: code.into(),
                count: row.get::<_, i64>(2)? as u64,
                message: serde_json::from_str(&message)?,
                level: level(row.get(3)?),
            });
        }
        Ok(notes)
    }
}

/// The number in the store; never renumbered.
fn number(level: Severity) -> i64 {
    match level {
        Severity::Info => 0,
        Severity::Warning => 1,
    }
}

fn level(number: i64) -> Severity {
    if number == 1 { Severity::Warning } else { Severity::Info }
}
