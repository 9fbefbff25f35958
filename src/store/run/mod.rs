//! Reading runs and their records: for resuming, for reports, and for recognizing a file that was imported before. Records are
//! streamed in source order; a run of a million is never held in memory.
//!
//! `head` has the options of a run, `outcome` the outcomes of records, `cells` the cells of rejected ones.

pub mod cells;
pub mod head;
pub mod outcome;

use crate::store::journal::history::OPEN;
use crate::store::journal::rows::{StoredMessage, unpack};
use crate::store::words::{FrozenWord, RunOutcome};
use crate::store::{AccountKey, RunHead, Store, StoreError};
use cells::KeptCell;
use outcome::{Counts, Status};
use rusqlite::{Connection, OptionalExtension, Row, params};
use sheet_source::problem::{Column, Message, Place, Problem, Source, Stage};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

/// A run in the store. Times are in Unix seconds and milliseconds, `elapsed_ms` and the counts are sums over all stretches.
#[derive(Debug, Clone)]
pub struct Run {
    pub run: i64,
    pub name: String,
    pub head: RunHead,
    pub started_at: i64,
    pub outcome: RunOutcome,
    pub exit_code: Option<i64>,
    pub elapsed_ms: i64,
    pub sent: i64,
    pub retried: i64,
    pub throttled: i64,
    pub source_rows: i64,
}

/// The ids of a record in the account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordIds {
    pub id: u64,
    pub contact_id: Option<u64>,
    pub company_id: Option<u64>,
}

/// A record of a run in the report.
#[derive(Debug, Clone)]
pub struct ReportLine {
    pub row: u32,
    /// The rows of a grouped record after the first.
    pub more: Vec<u32>,
    pub status: Status,
    pub key: Option<String>,
    pub id: Option<i64>,
    pub contact_id: Option<i64>,
    pub company_id: Option<i64>,
    pub http_status: Option<i64>,
    pub batch: Option<i64>,
    pub attempts: i64,
    /// A list of cells for each row.
    pub cells: Vec<Vec<KeptCell>>,
    /// The address of its view, where that is not its card.
    pub url: Option<String>,
    pub problems: Vec<Problem>,
}

const RUN_COLUMNS: &str =
    "run, name, head, started_at, outcome, exit_code, elapsed_ms, sent, retried, throttled, source_rows";

fn run_of(row: &Row<'_>) -> rusqlite::Result<Run> {
    let head: String = row.get(2)?;
    let outcome: String = row.get(4)?;
    let unknown = || {
        rusqlite::Error::FromSqlConversionFailure(
            4,
            rusqlite::types::Type::Text,
            format!("unknown outcome of a run \"{outcome}\"").into(),
        )
    };
    let unreadable =
        |e: serde_json::Error| rusqlite::Error::FromSqlConversionFailure(2, rusqlite::types::Type::Text, Box::new(e));
    Ok(Run {
        run: row.get(0)?,
        name: row.get(1)?,
        head: serde_json::from_str(&head).map_err(unreadable)?,
        started_at: row.get(3)?,
        outcome: RunOutcome::from_word(&outcome).ok_or_else(unknown)?,
        exit_code: row.get(5)?,
        elapsed_ms: row.get(6)?,
        sent: row.get(7)?,
        retried: row.get(8)?,
        throttled: row.get(9)?,
        source_rows: row.get(10)?,
    })
}

impl Run {
    /// The source, for the places of problems.
    pub fn source(&self) -> Arc<Source> {
        Arc::new(Source { file: self.head.source.path.clone(), sheet: self.head.source.sheet.clone() })
    }
}

impl Store {
    /// True where some record of the run has a problem with this code.
    pub fn has_problem(&self, run: i64, code: &str) -> Result<bool, StoreError> {
        let mut statement = self.db.prepare_cached("SELECT 1 FROM problem WHERE run = ? AND code = ? LIMIT 1")?;
        Ok(statement.exists(params![run, code])?)
    }

    /// All runs, newest first.
    pub fn runs(&self) -> Result<Vec<Run>, StoreError> {
        let mut statement = self.db.prepare(&format!("SELECT {RUN_COLUMNS} FROM run ORDER BY run DESC"))?;
        Ok(statement.query_map([], run_of)?.collect::<Result<_, _>>()?)
    }

    pub fn run(&self, run: i64) -> Result<Run, StoreError> {
        let sql = format!("SELECT {RUN_COLUMNS} FROM run WHERE run = ?");
        Ok(self.db.query_row(&sql, [run], run_of)?)
    }

    pub fn run_named(&self, name: &str) -> Result<Option<Run>, StoreError> {
        let sql = format!("SELECT {RUN_COLUMNS} FROM run WHERE name = ?");
        Ok(self.db.query_row(&sql, [name], run_of).optional()?)
    }

    /// The runs into an account, newest first.
    pub fn runs_into(&self, account: &AccountKey) -> Result<Vec<Run>, StoreError> {
        let sql = format!("SELECT {RUN_COLUMNS} FROM run WHERE account = ? ORDER BY run DESC");
        let mut statement = self.db.prepare(&sql)?;
        let runs = statement.query_map([account], run_of)?;
        Ok(runs.collect::<Result<_, _>>()?)
    }

    /// Rows of created records and of records with an unknown outcome, with their ids, and rows that were left out since
    /// another run had sent them.
    pub fn sent_rows(&self, run: i64) -> Result<Vec<(u32, Option<u64>)>, StoreError> {
        let mut statement =
            self.db.prepare("SELECT row, id, more FROM record WHERE run = ?1 AND (status IN (?2, ?3, ?4) OR status = ?5 AND id IS NOT NULL) ORDER BY row")?;
        let [created, merged, unknown] = [Status::Created, Status::Merged, Status::Unknown].map(Status::number);
        let mut found = statement.query(params![run, created, merged, unknown, Status::Skipped.number()])?;
        let mut rows = Vec::new();
        while let Some(record) = found.next()? {
            let (row, id, more): (u32, Option<i64>, Option<Vec<u8>>) = (record.get(0)?, record.get(1)?, record.get(2)?);
            let id = id.map(|id| id as u64);
            rows.push((row, id));
            rows.extend(unpack(&more.unwrap_or_default()).into_iter().map(|row| (row, id)));
        }
        Ok(rows)
    }

    /// The rows in the reject files of a run.
    pub fn rejected_rows(&self, run: i64) -> Result<Vec<u32>, StoreError> {
        let mut statement = self.db.prepare("SELECT row, more FROM record WHERE run = ?1 AND status = ?2")?;
        let mut found = statement.query(params![run, Status::Rejected.number()])?;
        let mut rows = Vec::new();
        while let Some(record) = found.next()? {
            let (row, more): (u32, Option<Vec<u8>>) = (record.get(0)?, record.get(1)?);
            rows.push(row);
            rows.extend(unpack(&more.unwrap_or_default()));
        }
        Ok(rows)
    }

    /// Decisions about rows before the run, as JSON.
    pub fn edits(&self, run: i64) -> Result<Vec<(u32, String)>, StoreError> {
        let mut statement = self.db.prepare("SELECT row, what FROM edit WHERE run = ? ORDER BY row")?;
        let edits = statement.query_map([run], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(edits.collect::<Result<_, _>>()?)
    }

    /// Keys of a ledger that begin with `start`, with their current ids.
    pub fn keys_beginning(
        &self,
        account: &AccountKey,
        ledger: &str,
        start: &str,
    ) -> Result<HashMap<String, Option<u64>>, StoreError> {
        let mut statement = self.db.prepare(
            "SELECT key, id FROM ledger WHERE account = ?1 AND kind = ?2 AND substr(key, 1, length(?3)) = ?3",
        )?;
        let keys = statement.query_map(params![account, ledger, start], |row| {
            Ok((row.get(0)?, row.get::<_, Option<i64>>(1)?.map(|id| id as u64)))
        })?;
        Ok(keys.collect::<Result<_, _>>()?)
    }

    /// The account snapshot of a run, as JSON.
    pub fn snapshot(&self, run: i64) -> Result<String, StoreError> {
        Ok(self.db.query_row("SELECT snapshot FROM run WHERE run = ?", [run], |row| row.get(0))?)
    }

    /// Numbers of records by status.
    pub fn counts(&self, run: i64) -> Result<Counts, StoreError> {
        let mut counts = Counts::default();
        statuses(&self.db, run, |_, status| counts.add(status, 1))?;
        Ok(counts)
    }

    /// Rows that were skipped, or rejected before anything was sent.
    pub fn refused(&self, run: i64) -> Result<HashSet<u32>, StoreError> {
        let mut statement = self.db.prepare(
            "SELECT row FROM record WHERE run = ?1 AND status = ?2
             UNION SELECT row FROM problem WHERE run = ?1 AND stage IN (?3, ?4)",
        )?;
        let stages = [Stage::Read, Stage::Map].map(Stage::word);
        let rows =
            statement.query_map(params![run, Status::Skipped.number(), stages[0], stages[1]], |row| row.get(0))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// The first row of a run without an outcome.
    pub fn first_open_row(&self, run: i64) -> Result<u32, StoreError> {
        let open = params![run, Status::Unprocessed.number()];
        let first: Option<u32> =
            self.db.query_row("SELECT min(row) FROM record WHERE run = ? AND status = ?", open, |row| row.get(0))?;
        let last: Option<(u32, Option<Vec<u8>>)> = self
            .db
            .query_row("SELECT row, more FROM record WHERE run = ? ORDER BY row DESC LIMIT 1", [run], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })
            .optional()?;
        let last = last.and_then(|(row, more)| unpack(&more.unwrap_or_default()).into_iter().chain([row]).max());
        Ok(first.or(last.map(|row| row + 1)).unwrap_or(1))
    }

    /// The highest id known before the first batch of a run was sent.
    pub fn first_watermark(&self, run: i64) -> Result<Option<u64>, StoreError> {
        let lowest: Option<i64> =
            self.db
                .query_row("SELECT min(watermark) FROM batch WHERE run = ? AND carries = 0", [run], |row| row.get(0))?;
        Ok(lowest.map(|id| id as u64))
    }

    /// Rows of records that were created, changed or deleted in the account, with their ids.
    pub fn written(&self, run: i64) -> Result<BTreeMap<u32, RecordIds>, StoreError> {
        let mut statement = self.db.prepare(
            "SELECT row, id, contact_id, company_id FROM record WHERE run = ? AND id IS NOT NULL AND status IN (?, ?, ?)",
        )?;
        let statuses = [Status::Created, Status::Updated, Status::Deleted].map(Status::number);
        let rows = statement.query_map(params![run, statuses[0], statuses[1], statuses[2]], |row| {
            let id = |column: usize| row.get::<_, Option<i64>>(column).map(|id| id.map(|id| id as u64));
            let written = RecordIds { id: id(1)?.unwrap_or(0), contact_id: id(2)?, company_id: id(3)? };
            Ok((row.get(0)?, written))
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Rows with a final outcome, or that were sent.
    pub fn settled_rows(&self, run: i64) -> Result<HashSet<u32>, StoreError> {
        let mut rows = self.doubtful_rows(run)?;
        let mut statement = self.db.prepare("SELECT row, more FROM record WHERE run = ? AND status != ?")?;
        let mut records = statement.query(params![run, Status::Unprocessed.number()])?;
        while let Some(record) = records.next()? {
            let (row, more): (u32, Option<Vec<u8>>) = (record.get(0)?, record.get(1)?);
            rows.insert(row);
            rows.extend(unpack(&more.unwrap_or_default()));
        }
        Ok(rows)
    }

    /// Rows of records with an unknown outcome.
    pub fn unknown_rows(&self, run: i64) -> Result<HashSet<u32>, StoreError> {
        let mut statement = self.db.prepare("SELECT row FROM record WHERE run = ? AND status = ?")?;
        let rows = statement.query_map(params![run, Status::Unknown.number()], |row| row.get(0))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Rows of batches that were sent and have no outcome.
    pub fn doubtful_rows(&self, run: i64) -> Result<HashSet<u32>, StoreError> {
        let sql = format!("SELECT rows {OPEN} run = ? AND carries = 0");
        let mut statement = self.db.prepare(&sql)?;
        let packed = statement.query_map([run], |row| row.get::<_, Vec<u8>>(0))?;
        let mut rows = HashSet::new();
        for packed in packed {
            rows.extend(unpack(&packed?));
        }
        Ok(rows)
    }

    /// A sample of at most `max` rows of `written`, spread over the run, which does not read all of its records.
    pub fn written_sample(&self, run: i64, max: usize) -> Result<HashSet<u32>, StoreError> {
        let end = |what| {
            let sql = format!("SELECT {what}(row) FROM record WHERE run = ?");
            self.db.query_row(&sql, [run], |row| row.get::<_, Option<u32>>(0))
        };
        let mut rows = HashSet::new();
        let (Some(first), Some(last)) = (end("min")?, end("max")?) else { return Ok(rows) };
        let mut statement = self.db.prepare(
            "SELECT row FROM record WHERE run = ? AND row >= ? AND id IS NOT NULL AND status IN (?, ?, ?) ORDER BY row LIMIT 1",
        )?;
        let [created, updated, deleted] = [Status::Created, Status::Updated, Status::Deleted].map(Status::number);
        let mut found = None;
        for n in 0..max as i64 {
            let from = i64::from(first) + (i64::from(last - first) + 1) * n / max as i64;
            if found.is_some_and(|row| from <= row) {
                continue;
            }
            let next = statement.query_row(params![run, from, created, updated, deleted], |row| row.get::<_, u32>(0));
            let Some(row) = next.optional()? else { break };
            rows.insert(row);
            found = Some(i64::from(row));
        }
        Ok(rows)
    }

    /// `written` for some rows.
    pub fn written_rows(
        &self,
        run: i64,
        rows: impl IntoIterator<Item = u32>,
    ) -> Result<BTreeMap<u32, RecordIds>, StoreError> {
        let mut statement = self.db.prepare_cached(
            "SELECT id, contact_id, company_id FROM record WHERE run = ? AND row = ? AND id IS NOT NULL AND status IN (?, ?, ?)",
        )?;
        let [created, updated, deleted] = [Status::Created, Status::Updated, Status::Deleted].map(Status::number);
        let mut found = BTreeMap::new();
        for row in rows {
            let written = statement.query_row(params![run, row, created, updated, deleted], |row| {
                let id = |column: usize| row.get::<_, Option<i64>>(column).map(|id| id.map(|id| id as u64));
                Ok(RecordIds { id: id(0)?.unwrap_or(0), contact_id: id(1)?, company_id: id(2)? })
            });
            found.extend(written.optional()?.map(|written| (row, written)));
        }
        Ok(found)
    }

    /// Calls `each` with every record of a run, in source order, problems included.
    pub fn lines<E: From<StoreError>>(
        &self,
        run: &Run,
        mut each: impl FnMut(ReportLine) -> Result<(), E>,
    ) -> Result<(), E> {
        let source = run.source();
        let run = run.run;
        let sqlite = |e: rusqlite::Error| E::from(StoreError::Sqlite(e));
        let mut statement = self
            .db
            .prepare(
                "SELECT row, status, key, id, contact_id, company_id, http_status, batch, attempts, cells,
                   more, url
                 FROM record WHERE run = ? ORDER BY row",
            )
            .map_err(sqlite)?;
        let mut problems = self
            .db
            .prepare(&format!("SELECT {PROBLEM_COLUMNS} FROM problem p WHERE run = ? ORDER BY p.row, n"))
            .map_err(sqlite)?;
        let mut problems = problems.query([run]).map_err(sqlite)?;
        let mut pending = next_problem(&mut problems, &source)?;
        let mut rows = statement.query([run]).map_err(sqlite)?;
        while let Some(row) = rows.next().map_err(sqlite)? {
            let mut line = line_of(row)?;
            // Both queries are in the order of rows, so one pass over each is enough.
            while let Some((row, problem)) = pending.take() {
                if row > line.row {
                    pending = Some((row, problem));
                    break;
                }
                if row == line.row {
                    line.problems.push(problem);
                }
                pending = next_problem(&mut problems, &source)?;
            }
            each(line)?;
        }
        Ok(())
    }

    /// The first problems of a run's rejected and unknown records.
    pub fn first_problems(&self, run: &Run, at_most: usize) -> Result<Vec<Problem>, StoreError> {
        let source = run.source();
        let mut statement = self.db.prepare(&format!(
            "SELECT {PROBLEM_COLUMNS} FROM problem p JOIN record r ON r.run = p.run AND r.row = p.row
             WHERE p.run = ? AND r.status IN (?, ?) ORDER BY p.row, n LIMIT ?"
        ))?;
        let (rejected, unknown) = (Status::Rejected.number(), Status::Unknown.number());
        let mut rows = statement.query(params![run.run, rejected, unknown, at_most as i64])?;
        let mut problems = Vec::new();
        while let Some((_, problem)) = next_problem(&mut rows, &source)? {
            problems.push(problem);
        }
        Ok(problems)
    }
}

const PROBLEM_COLUMNS: &str = "p.row, stage, code, title, cell, value, message, hint, said, at_row, at_column";

fn status(number: i64) -> Result<Status, StoreError> {
    Status::from_number(number).ok_or_else(|| StoreError::Invalid(format!("status {number} of a record")))
}

fn line_of(row: &Row<'_>) -> Result<ReportLine, StoreError> {
    let cells: Option<String> = row.get(9)?;
    let more: Option<Vec<u8>> = row.get(10)?;
    Ok(ReportLine {
        row: row.get(0)?,
        more: more.map(|packed| unpack(&packed)).unwrap_or_default(),
        status: status(row.get(1)?)?,
        key: row.get(2)?,
        id: row.get(3)?,
        contact_id: row.get(4)?,
        company_id: row.get(5)?,
        http_status: row.get(6)?,
        batch: row.get(7)?,
        attempts: row.get(8)?,
        cells: cells::read(cells.as_deref())?,
        url: row.get(11)?,
        problems: Vec::new(),
    })
}

/// The next problem, with the first row of its record.
fn next_problem(rows: &mut rusqlite::Rows<'_>, source: &Arc<Source>) -> Result<Option<(u32, Problem)>, StoreError> {
    let Some(row) = rows.next()? else { return Ok(None) };
    let record: u32 = row.get(0)?;
    let stage: String = row.get(1)?;
    let title: Option<String> = row.get(3)?;
    let stored: Option<String> = row.get(8)?;
    let StoredMessage { message, hint } = match stored {
        Some(json) => serde_json::from_str(&json)?,
        None => {
            let hint: Option<String> = row.get(7)?;
            StoredMessage { message: Message::verbatim(row.get::<_, String>(6)?), hint: hint.map(Message::verbatim) }
        }
    };
    let cell: Option<String> = row.get(4)?;
    let old = cell.as_deref().and_then(place_of_cell);
    let index = row.get::<_, Option<i64>>(10)?.map(|index| index as usize).or(old.map(|(index, _)| index));
    let place_row = row.get::<_, Option<u32>>(9)?.or(old.map(|(_, row)| row)).unwrap_or(record);
    let column = index.map(|index| Column { index, title: title.unwrap_or_default().into() });
    let problem = Problem {
        stage: Stage::from_word(&stage).ok_or_else(|| StoreError::Invalid(format!("stage {stage} of a problem")))?,
        code: row.get::<_, String>(2)?.into(),
        place: Place::Cell { source: Arc::clone(source), row: place_row, column },
        value: row.get(5)?,
        message,
        hint,
    };
    Ok(Some((record, problem)))
}

/// The column index and row of a cell name such as `C17`, which version 0.1 stored.
fn place_of_cell(cell: &str) -> Option<(usize, u32)> {
    let digits = cell.find(|c: char| c.is_ascii_digit())?;
    let (letters, row) = cell.split_at(digits);
    let index = letters.bytes().try_fold(0_usize, |index, letter| {
        letter.is_ascii_uppercase().then(|| index * 26 + usize::from(letter - b'A') + 1)
    })?;
    Some((index.checked_sub(1)?, row.parse().ok()?))
}

/// Calls `each` with the row and status of every record. Grouping in SQLite would sort them, of which there may be a million.
pub(super) fn statuses(db: &Connection, run: i64, mut each: impl FnMut(u32, Status)) -> Result<(), StoreError> {
    let mut statement = db.prepare("SELECT row, status FROM record WHERE run = ?")?;
    let mut rows = statement.query([run])?;
    while let Some(row) = rows.next()? {
        each(row.get(0)?, status(row.get(1)?)?);
    }
    Ok(())
}
