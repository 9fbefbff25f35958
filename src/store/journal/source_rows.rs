//! Hashes of the rows of a run's source. A later source is compared with them, whatever format it is saved in.

use crate::store::journal::rows::{self, pack, unpack};
use crate::store::run::outcome::{Outcome, Status};
use crate::store::{Run, Store, StoreError};
use rusqlite::{Connection, Transaction, TransactionBehavior, params};
use sheet_source::RowHashes;
use std::collections::HashSet;

/// Number of rows in one piece.
const PIECE_ROWS: usize = 8_192;

pub fn put(tx: &Transaction<'_>, run: i64, rows: &RowHashes) -> Result<(), StoreError> {
    let mut insert = tx.prepare("INSERT INTO source_row (run, piece, rows, hashes) VALUES (?,?,?,?)")?;
    let pieces = rows.numbers().chunks(PIECE_ROWS).zip(rows.hashes().chunks(PIECE_ROWS));
    for (piece, (numbers, hashes)) in pieces.enumerate() {
        let hashes: Vec<u8> = hashes.iter().flat_map(|hash| hash.to_le_bytes()).collect();
        insert.execute(params![run, piece as i64, pack(numbers), hashes])?;
    }
    Ok(())
}

impl Store {
    /// The rows of a run's source; `None` for a run that stored none.
    pub fn source_rows(&self, run: i64) -> Result<Option<RowHashes>, StoreError> {
        read(&self.db, run)
    }

    /// Makes rows of a run's source without an outcome unprocessed, except those of `soon`, which get one soon. Where the run
    /// was limited to a number of records, it is not known which rows were wanted, and nothing is noted.
    pub fn note_rest(&self, run: &Run, soon: &HashSet<u32>) -> Result<(), StoreError> {
        let Some(rows) = self.source_rows(run.run)?.filter(|_| run.head.limit.is_none()) else { return Ok(()) };
        let wanted = |row: &u32| run.head.rows.is_none_or(|(first, last)| (first..=last).contains(row));
        let tx = Transaction::new_unchecked(&self.db, TransactionBehavior::Immediate)?;
        let mut known = HashSet::new();
        {
            let mut records = tx.prepare("SELECT row, more FROM record WHERE run = ?")?;
            let mut records = records.query([run.run])?;
            while let Some(record) = records.next()? {
                let (row, more): (u32, Option<Vec<u8>>) = (record.get(0)?, record.get(1)?);
                known.insert(row);
                known.extend(unpack(&more.unwrap_or_default()));
            }
        }
        let all = rows.numbers().iter().copied().filter(wanted);
        for row in all.clone().filter(|row| !known.contains(row) && !soon.contains(row)) {
            rows::insert(&tx, run.run, None, &Outcome::new(row, Status::Unprocessed))?;
        }
        tx.execute(
            "UPDATE run SET source_rows = max(source_rows, ?) WHERE run = ?",
            params![all.count() as i64, run.run],
        )?;
        Ok(tx.commit()?)
    }
}

fn read(db: &Connection, run: i64) -> Result<Option<RowHashes>, StoreError> {
    let mut statement = db.prepare_cached("SELECT rows, hashes FROM source_row WHERE run = ? ORDER BY piece")?;
    let mut pieces = statement.query([run])?;
    let mut rows = RowHashes::default();
    while let Some(piece) = pieces.next()? {
        let (numbers, hashes): (Vec<u8>, Vec<u8>) = (piece.get(0)?, piece.get(1)?);
        let (hashes, _) = hashes.as_chunks::<8>();
        unpack(&numbers)
            .into_iter()
            .zip(hashes)
            .for_each(|(number, hash)| rows.push(number, u64::from_le_bytes(*hash)));
    }
    Ok((!rows.is_empty()).then_some(rows))
}
