//! Links of records, stored with their outcomes. Made and refused links are noted row by row, so that a resumed run makes the
//! rest.

use crate::store::journal::history::BatchNo;
use crate::store::journal::history::Step;
use crate::store::journal::move_batch;
use crate::store::journal::rows::{add_links, add_problem};
use crate::store::run::outcome::Status;
use crate::store::{Journal, Store, StoreError, crash};
use rusqlite::{Transaction, params};
use serde::Serialize;
use sheet_source::problem::Problem;
use std::collections::HashSet;

/// Numbers of links of a run, or of a record.
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

/// The outcome of a record's links.
#[derive(Debug, Clone)]
pub struct LinkOutcomes {
    pub row: u32,
    pub links: Links,
    /// A problem for each link that was refused; the record keeps its status.
    pub problems: Vec<Problem>,
}

/// A link to make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PendingLink {
    pub row: u32,
    /// The id of the record.
    pub id: u64,
    /// The link as in `Outcome::links`.
    pub json: String,
}

/// SQL for records that have an id and no outcome of their links.
const UNLINKED: &str = "record.id IS NOT NULL AND record.status IN (?2, ?3, ?4)
    AND NOT EXISTS (SELECT 1 FROM link WHERE link.run = record.run AND link.row = record.row)";

impl Journal {
    /// Settles a batch of links. `records` are those all of whose links are made or refused by now.
    pub fn linked(
        &mut self,
        batch: BatchNo,
        http_status: Option<u16>,
        records: &[LinkOutcomes],
    ) -> Result<(), StoreError> {
        crash::point("linked-before");
        let tx = self.store.db.transaction()?;
        move_batch(&tx, self.run, batch, &[Step::Answer, Step::Settle], http_status)?;
        for record in records {
            insert_linked(&tx, self.run, record)?;
        }
        tx.commit()?;
        crash::point("linked-after");
        Ok(())
    }

    /// Notes a record whose links are not known any more.
    pub fn cannot_link(&mut self, record: &LinkOutcomes) -> Result<(), StoreError> {
        let tx = self.store.db.transaction()?;
        insert_linked(&tx, self.run, record)?;
        Ok(tx.commit()?)
    }
}

impl Journal {
    /// Links to make, of rows after `after`: of whole records, until there are `at_least` links or no more.
    pub fn pending_links(&self, after: u32, at_least: usize) -> Result<Vec<PendingLink>, StoreError> {
        let mut statement = self.store.db.prepare_cached(&format!(
            "SELECT record.row, record.id, what FROM pending_link JOIN record USING (run, row)
             WHERE run = ?1 AND row > ?5 AND {UNLINKED} ORDER BY row, n"
        ))?;
        let [created, updated, merged] = written();
        let mut rows = statement.query(params![self.run, created, updated, merged, after])?;
        let mut links: Vec<PendingLink> = Vec::new();
        while let Some(row) = rows.next()? {
            let link = PendingLink { row: row.get(0)?, id: row.get::<_, i64>(1)? as u64, json: row.get(2)? };
            if links.len() >= at_least && links.last().is_some_and(|last| last.row != link.row) {
                break;
            }
            links.push(link);
        }
        Ok(links)
    }

    /// Stores the links of records that an earlier version of amoport has sent, by row.
    pub fn keep_links(&mut self, records: &[(u32, Vec<String>)]) -> Result<(), StoreError> {
        let tx = self.store.db.transaction()?;
        for (row, links) in records {
            add_links(&tx, self.run, *row, links)?;
        }
        Ok(tx.commit()?)
    }
}

impl Store {
    /// Rows of created or changed records without links and outcomes of them: version 0.1 stored none.
    pub fn links_unknown(&self, run: i64) -> Result<HashSet<u32>, StoreError> {
        let mut statement = self.db.prepare(&format!(
            "SELECT row FROM record WHERE run = ?1 AND {UNLINKED}
             AND NOT EXISTS (SELECT 1 FROM pending_link WHERE pending_link.run = record.run AND pending_link.row = record.row)"
        ))?;
        let [created, updated, merged] = written();
        let rows = statement.query_map(params![run, created, updated, merged], |row| row.get(0))?;
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

fn written() -> [i64; 3] {
    [Status::Created, Status::Updated, Status::Merged].map(Status::number)
}

fn insert_linked(tx: &Transaction<'_>, run: i64, record: &LinkOutcomes) -> Result<(), StoreError> {
    tx.prepare_cached("INSERT INTO link (run, row, made, refused) VALUES (?,?,?,?)")?.execute(params![
        run,
        record.row,
        record.links.made as i64,
        record.links.refused as i64
    ])?;
    for problem in &record.problems {
        add_problem(tx, run, record.row, problem)?;
    }
    Ok(())
}
