//! The reading side: a thread reads rows, maps them and hands them over in chunks through a bounded channel, so that the next
//! batches are ready before their turn and memory does not grow with the source.
//!
//! `groups` gathers the rows of a record, `parallel` maps rows on several threads, `sent_rows` knows the rows that earlier runs
//! have sent, `known` describes known keys.

pub mod groups;
pub mod known;
mod parallel;
pub(crate) mod sent_rows;

use crate::mapping::{BuiltRow, Mapped, Mapper, Plan, Record, RowMapper};
use crate::store::{KeptCell, Outcome, Status};
use groups::{FirstReading, Gathering, Unit};
use sent_rows::{HeldOutcome, SENT_BEFORE, SentRows, held_back_before};
use sheet_source::message;
use sheet_source::problem::{Note, Place, Problem, Stage};
use sheet_source::{Row, RowKind, Table};
use std::collections::HashSet;
use std::sync::Arc;
use tokio::sync::mpsc;

/// A record with the rows that it comes from, which the reject file repeats.
#[derive(Debug, Clone)]
pub struct QueuedRecord {
    pub record: Record,
    pub row: Row,
    /// The other rows of its group.
    pub more: Vec<Row>,
}

/// An item that the reading side hands over.
#[derive(Debug)]
pub enum FeedItem {
    Record(QueuedRecord),
    /// The outcome of a row that is not sent: skipped or rejected.
    Local(Outcome),
    /// A record with an outcome from before that is wanted all the same (`Select::known`).
    Known(QueuedRecord),
    /// The same, of which the mapping makes no record any more, with the reason.
    Unmapped(Outcome),
    /// The source is read to its end.
    End(WalkSummary),
    /// The source cannot be read further.
    Broken(Problem),
}

/// A row or record that a walk has read. The rows are borrowed: not every caller keeps them.
#[derive(Debug)]
pub enum RowEvent<'a> {
    Record {
        record: Record,
        row: &'a Row,
        more: &'a [Row],
    },
    /// The outcome of a row that is not sent: skipped or rejected.
    Local(Outcome),
    /// A record with an outcome from before that is wanted all the same.
    Known {
        record: Record,
        row: &'a Row,
        more: &'a [Row],
    },
    /// The same, of which the mapping makes no record any more.
    Unmapped(Outcome),
}

impl RowEvent<'_> {
    /// The event with rows of its own.
    pub fn keep(self) -> FeedItem {
        let queued = |record, row: &Row, more: &[Row]| QueuedRecord { record, row: row.clone(), more: more.to_vec() };
        match self {
            RowEvent::Record { record, row, more } => FeedItem::Record(queued(record, row, more)),
            RowEvent::Known { record, row, more } => FeedItem::Known(queued(record, row, more)),
            RowEvent::Local(outcome) => FeedItem::Local(outcome),
            RowEvent::Unmapped(outcome) => FeedItem::Unmapped(outcome),
        }
    }
}

/// Number of items in a chunk: handing over costs as much as mapping a row.
const CHUNK_ITEMS: usize = 128;
/// Number of chunks in the channel: with batches of 250 the next dozen.
const CHUNKS_MAX: usize = 24;

/// The rows that a walk hands over.
#[derive(Debug, Clone, Default)]
pub struct Select {
    /// Rows with an outcome from before: they are read, so that keys are known, and not handed over.
    pub done: HashSet<u32>,
    /// Of these, rows that the mapping refused or left out: another row may have their key.
    pub refused: HashSet<u32>,
    /// Of these, rows that are handed over all the same, as known.
    pub known: HashSet<u32>,
    /// Only these rows, for mapping some again.
    pub only: Option<HashSet<u32>>,
    /// First and last row, as Excel shows them.
    pub rows: Option<(u32, u32)>,
    /// The highest number of records.
    pub limit: Option<u64>,
    /// Rows of this source that earlier runs have sent.
    pub sent: Arc<SentRows>,
}

impl Select {
    fn wants(&self, row: u32) -> bool {
        self.rows.is_none_or(|(first, last)| (first..=last).contains(&row))
    }

    /// True for a row that is not handed over and whose key stays taken.
    fn is_finished(&self, row: u32) -> bool {
        self.done.contains(&row) && !self.refused.contains(&row) && !self.known.contains(&row)
    }
}

/// Starts the reading thread.
pub fn start(table: Table, mapper: Mapper, select: Select) -> mpsc::Receiver<Vec<FeedItem>> {
    let (sender, receiver) = mpsc::channel(CHUNKS_MAX);
    std::thread::spawn(move || {
        let mut chunk = Vec::with_capacity(CHUNK_ITEMS);
        let end = walk(table, mapper, &select, |event| {
            chunk.push(event.keep());
            if chunk.len() < CHUNK_ITEMS {
                return true;
            }
            // The receiver is closed after a second interrupt: nothing more is wanted.
            sender.blocking_send(std::mem::take(&mut chunk)).is_ok()
        });
        chunk.push(match end {
            Ok(summary) => FeedItem::End(summary),
            Err(problem) => FeedItem::Broken(problem),
        });
        let _ = sender.blocking_send(chunk);
    });
    receiver
}

/// The problem of a reading thread that ended without a result: an internal error. Its remaining rows must not vanish.
pub fn reader_failed() -> Problem {
    let message = "internal error while reading the source; the remaining rows are not processed";
    Problem::new(Stage::Map, FAULT, message).hint("please report the lines above")
}

/// The code of an internal error.
pub const FAULT: &str = "fault";

/// The result of a walk.
#[derive(Debug, Clone, Default)]
pub struct WalkSummary {
    /// Number of rows that were wanted, without blank ones.
    pub rows: u64,
    /// Notes of the reader and the mapping.
    pub notes: Vec<Note>,
    /// The counted groups, where rows are grouped and were not counted before.
    pub counted: Option<FirstReading>,
    /// Number of records that earlier runs have sent.
    pub sent: u64,
    /// Number of records of which the user has to decide whether they were sent.
    pub undecided: u64,
}

/// Reads and maps every wanted row; `on_event` returns false to stop. The dry run and `check` use this directly.
pub fn walk(
    table: Table,
    mapper: Mapper,
    select: &Select,
    on_event: impl FnMut(RowEvent<'_>) -> bool,
) -> Result<WalkSummary, Problem> {
    let mut table = table.read_ahead()?;
    let plan = Arc::clone(mapper.plan());
    let skips_sent = mapper.knows_sent_rows() && select.limit.is_none();
    let mut walk = SourceWalk { mapper, select, on_event, rows: 0, records: 0, left_out: 0, sent: 0, undecided: 0 };
    if let Some(groups) = &plan.groups {
        return walk_groups(table, walk, Gathering::new(groups));
    }
    let map = |mapper: &mut RowMapper, row: &Row| {
        let done = skips_sent && select.is_finished(row.number);
        (select.wants(row.number) && !done).then(|| mapper.apply(row))
    };
    let threads = if maps_in_parallel(&plan, select) { parallel::THREADS } else { 1 };
    let mut mappers: Vec<RowMapper> = (0..threads).map(|_| walk.mapper.row_mapper()).collect();
    if let [mapper] = mappers.as_mut_slice() {
        let mut row = Row::default();
        while table.read(&mut row)? {
            let built = map(mapper, &row);
            if !walk.row(&row, built) {
                break;
            }
        }
        return Ok(walk.summary(&table, None));
    }
    let (table, read) = parallel::map_rows(table, mappers, map, |row, built| walk.row(row, built));
    read?;
    Ok(walk.summary(&table, None))
}

/// True where rows do not depend on a ledger, which threads would wait for, and reading ahead costs nothing.
fn maps_in_parallel(plan: &Plan, select: &Select) -> bool {
    let several = std::thread::available_parallelism().is_ok_and(|cores| cores.get() > 1);
    several && plan.edits.is_none() && !plan.id_by_key && select.limit.is_none()
}

/// Walks through a source whose records have several rows.
fn walk_groups<G: FnMut(RowEvent<'_>) -> bool>(
    mut table: Table,
    mut walk: SourceWalk<'_, G>,
    mut gathering: Gathering,
) -> Result<WalkSummary, Problem> {
    let mut row = Row::default();
    while table.read(&mut row)? {
        let role = walk.mapper.role(&row);
        if !gathering.add(&row, role).into_iter().all(|unit| walk.unit(unit)) {
            return Ok(walk.summary(&table, None));
        }
    }
    if let Some(unit) = gathering.rest() {
        walk.unit(unit);
    }
    Ok(walk.summary(&table, gathering.counted()))
}

/// A walk through a source, with its counts.
struct SourceWalk<'a, G> {
    mapper: Mapper,
    select: &'a Select,
    on_event: G,
    rows: u64,
    records: u64,
    /// Of these, records that earlier runs have sent.
    left_out: u64,
    /// The same.
    sent: u64,
    /// Records of which the user has to decide whether they were sent.
    undecided: u64,
}

impl<G> SourceWalk<'_, G> {
    fn summary(&self, table: &Table, counted: Option<FirstReading>) -> WalkSummary {
        WalkSummary { rows: self.rows, notes: self.notes(table), counted, sent: self.sent, undecided: self.undecided }
    }

    /// Notes of the reader and the mapping. In a resumed run, the mapping has seen the remaining rows only.
    fn notes(&self, table: &Table) -> Vec<Note> {
        let left_out = match self.left_out {
            1 => message!("1 record is left out: an earlier run of this file has sent it"),
            count => message!("{count} records are left out: earlier runs of this file have sent them", count),
        };
        let left_out = (self.left_out > 0).then(|| Note::new(SENT_BEFORE, left_out).count(self.left_out));
        let mut notes = table.notes();
        notes.extend(self.mapper.notes().into_iter().chain(left_out).map(|note| match self.select.done.is_empty() {
            true => note,
            false => Note { message: message!("since the run was resumed: {what}", what = note.message), ..note },
        }));
        notes
    }

    /// The outcome of a record that earlier runs have sent, whatever the mapping makes of it now. A record that the mapping
    /// refuses, and that is not known to be in the account, keeps the problems of the mapping. `good` is true where the mapping
    /// accepts it.
    fn held_outcome(&mut self, row: &Row, more: &[Row], key: Option<&String>, good: bool) -> Option<Outcome> {
        if let Some(outcome) = held_back_before(self.mapper.plan(), row, more, key).filter(|_| good) {
            self.undecided += 1;
            return Some(outcome);
        }
        let held = self.select.sent.hold_back(self.mapper.plan(), row, more, key)?;
        if !good && !matches!(held, HeldOutcome::Sent(_)) {
            return None;
        }
        match held {
            HeldOutcome::Undecided(_) | HeldOutcome::Unknown(_) => self.undecided += 1,
            HeldOutcome::Sent(_) => self.sent += 1,
        }
        self.left_out += u64::from(matches!(held, HeldOutcome::Sent(_)));
        match held {
            HeldOutcome::Sent(outcome) | HeldOutcome::Unknown(outcome) | HeldOutcome::Undecided(outcome) => {
                Some(outcome)
            }
        }
    }
}

impl<G: FnMut(RowEvent<'_>) -> bool> SourceWalk<'_, G> {
    /// Handles a row that is a record by itself; `built` is `None` where it is not mapped. False to stop the walk.
    fn row(&mut self, row: &Row, built: Option<BuiltRow>) -> bool {
        let Some(built) = built else {
            if self.select.wants(row.number) {
                self.mapper.skip_sent(row);
                self.rows += 1;
            }
            return true;
        };
        self.mapper.set_exists(self.select.sent.find(row.number).is_some());
        let mapped = self.mapper.settle(row, built);
        self.mapped(row, &[], mapped)
    }

    /// Handles grouped rows. False to stop the walk.
    fn unit(&mut self, unit: Unit) -> bool {
        let (first, more, mapped) = match unit {
            Unit::Apart(row, why) => {
                let mapped = self.mapper.exclude(&row, why);
                (row, Vec::new(), Some(mapped))
            }
            Unit::Incomplete(mut rows, lack) => {
                let first = rows.remove(0);
                let mapped = self.mapper.incomplete(&first, lack);
                (first, rows, Some(mapped))
            }
            Unit::Groupless(row) => {
                let mapped = self.mapper.without_group(&row);
                (row, Vec::new(), Some(mapped))
            }
            Unit::Record(mut rows) => {
                let first = rows.remove(0);
                (first, rows, None)
            }
        };
        // A record belongs to its first row.
        if !self.select.wants(first.number) {
            return true;
        }
        let mapped = mapped.unwrap_or_else(|| self.mapper.record(&first, &more));
        self.mapped(&first, &more, mapped)
    }

    fn mapped(&mut self, row: &Row, more: &[Row], mapped: Mapped) -> bool {
        if matches!(mapped, Mapped::Elsewhere) {
            return true;
        }
        if !matches!(mapped, Mapped::Skipped(_)) {
            self.records += 1;
        }
        if self.select.limit.is_some_and(|limit| self.records > limit) {
            return false;
        }
        self.rows += 1 + more.len() as u64;
        let done = self.select.done.contains(&row.number);
        let known = done && self.select.known.contains(&row.number);
        if (done && !known) || self.select.only.as_ref().is_some_and(|only| !only.contains(&row.number)) {
            return true;
        }
        if let (Mapped::Record(Record { key, .. }) | Mapped::Rejected { key, .. }, false) = (&mapped, known)
            && let Some(outcome) = self.held_outcome(row, more, key.as_ref(), matches!(mapped, Mapped::Record(_)))
        {
            return (self.on_event)(RowEvent::Local(outcome));
        }
        let width = self.mapper.plan().header.source_len();
        (self.on_event)(match mapped {
            Mapped::Record(record) if known => RowEvent::Known { record, row, more },
            Mapped::Record(record) => RowEvent::Record { record, row, more },
            // Handled above.
            Mapped::Elsewhere => return true,
            Mapped::Skipped(why) => {
                let problems = why.into_iter().collect();
                RowEvent::Local(Outcome { problems, ..Outcome::new(row.number, Status::Skipped) })
            }
            Mapped::Unchanged { key, id } => {
                let more = more.iter().map(|row| row.number).collect();
                RowEvent::Local(Outcome { key, id: Some(id), more, ..Outcome::new(row.number, Status::Unchanged) })
            }
            Mapped::Rejected { key, problems } => {
                let mut outcome = rejected(row, more, key, &problems);
                if row.kind == RowKind::Continuation {
                    pad_cells(&mut outcome, width);
                }
                if known { RowEvent::Unmapped(outcome) } else { RowEvent::Local(outcome) }
            }
        })
    }
}

/// Fills the cells that a cut row does not have with errors, so that the row is not taken for a whole one when it is imported
/// again.
fn pad_cells(outcome: &mut Outcome, width: usize) {
    if let Some(cells) = outcome.cells.first_mut() {
        let missing = width.saturating_sub(cells.len());
        cells.extend(std::iter::repeat_n(KeptCell::missing(), missing));
    }
}

/// The place of a row in the source, or of one of its cells.
pub fn place(plan: &Plan, row: u32, column: Option<usize>) -> Place {
    let column = column.map(|index| plan.header.column(index));
    Place::Cell { source: Arc::clone(&plan.source), row, column }
}

/// The outcome of a record that cannot be sent, with the cells of its rows as they were. `more` are the rows of its group after
/// the first.
pub fn rejected(row: &Row, more: &[Row], key: Option<String>, problems: &[Problem]) -> Outcome {
    let cells = |row: &Row| row.reject_cells().map(KeptCell::from).collect();
    Outcome {
        key,
        more: more.iter().map(|row| row.number).collect(),
        problems: problems.to_vec(),
        cells: std::iter::once(row).chain(more).map(cells).collect(),
        ..Outcome::new(row.number, Status::Rejected)
    }
}
