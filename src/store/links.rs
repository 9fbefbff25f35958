//! Which records are linked: the second pass over a run, noted row by row so that a resumed run links the rest.

use super::outcome::{Problem, Status};
use super::put::add_problem;
use super::{Journal, Store, StoreError, crash};
use rusqlite::params;
use serde::Serialize;
use std::collections::BTreeMap;

/// Links of a run, or of a record.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Links {
    pub made: u64,
    pub refused: u64,
}

impl Links {
    pub fn any(&self) -> bool {
        self.made + self.refused > 0
    }

    pub fn add(&mut self, other: Links) {
        self.made += other.made;
        self.refused += other.refused;
    }
}

/// What became of a record's links.
#[derive(Debug, Clone)]
pub struct Linked {
    pub row: u32,
    pub links: Links,
    /// A problem for each link that was refused; the record keeps its status.
    pub problems: Vec<Problem>,
}

impl Journal {
    /// Notes records all of whose links were made or refused.
    pub fn linked(&mut self, records: &[Linked]) -> Result<(), StoreError> {
        if records.is_empty() {
            return Ok(());
        }
        crash::point("linked-before");
        let tx = self.store.db.transaction()?;
        for record in records {
            tx.prepare_cached("INSERT INTO link (run, row, made, refused) VALUES (?,?,?,?)")?.execute(params![
                self.run,
                record.row,
                record.links.made as i64,
                record.links.refused as i64
            ])?;
            for problem in &record.problems {
                add_problem(&tx, self.run, record.row, problem)?;
            }
        }
        tx.commit()?;
        crash::point("linked-after");
        Ok(())
    }
}

impl Store {
    /// Records that were made or changed and are not known to be linked, with their ids.
    pub fn unlinked(&self, run: i64) -> Result<BTreeMap<u32, u64>, StoreError> {
        let mut statement = self.db.prepare(
            "SELECT row, id FROM record WHERE run = ?1 AND id IS NOT NULL AND status IN (?2, ?3, ?4)
             AND row NOT IN (SELECT row FROM link WHERE run = ?1)",
        )?;
        let written = params![run, Status::Created.number(), Status::Updated.number(), Status::Merged.number()];
        let rows = statement.query_map(written, |row| Ok((row.get(0)?, row.get::<_, i64>(1)? as u64)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    pub fn links(&self, run: i64) -> Result<Links, StoreError> {
        Ok(self.db.query_row(
            "SELECT coalesce(sum(made), 0), coalesce(sum(refused), 0) FROM link WHERE run = ?",
            [run],
            |row| Ok(Links { made: row.get::<_, i64>(0)? as u64, refused: row.get::<_, i64>(1)? as u64 }),
        )?)
    }
}
