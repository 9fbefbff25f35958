//! The reading side: a thread that reads rows, maps them and hands them over in parcels through a bounded channel, so
//! that the next batches are ready before their turn and memory does not grow with the source.

pub mod groups;
pub mod known;
pub(crate) mod sent_rows;

use crate::mapping::{Mapped, Mapper, Record};
use crate::store::{KeptCell, Outcome, Status};
use groups::{FirstReading, Gathering, Unit};
use sent_rows::{HeldOutcome, SENT_BEFORE, SentRows, held_back_before};
use sheet_source::message;
use sheet_source::problem::{Note, Problem, Stage};
use sheet_source::{Row, RowKind, Table};
use std::collections::HashSet;
use std::sync::Arc;
use tokio::sync::mpsc;

/// A record and the rows it came from, which the reject file needs as they were.
#[derive(Debug, Clone)]
pub struct QueuedRecord {
    pub record: Record,
    pub row: Row,
    /// The other rows of its group.
    pub more: Vec<Row>,
}

/// What the reading side hands over.
#[derive(Debug)]
pub enum Fed {
    Record(QueuedRecord),
    /// A row that ends here: skipped or rejected by the mapping.
    Local(Outcome),
    /// A record that has its outcome from before and was asked for (`Select::known`).
    Known(QueuedRecord),
    /// The same, of which the mapping makes no record any more, and why.
    Lost(Outcome),
    /// The source is read to its end.
    End(Walked),
    /// The source cannot be read further.
    Broken(Problem),
}

/// What a walk comes to, row by row. The rows are lent: only some of those who walk keep them.
#[derive(Debug)]
pub enum RowEvent<'a> {
    Record {
        record: Record,
        row: &'a Row,
        more: &'a [Row],
    },
    /// A row that ends here: skipped or rejected by the mapping.
    Local(Outcome),
    /// A record that has its outcome from before and was asked for.
    Known {
        record: Record,
        row: &'a Row,
        more: &'a [Row],
    },
    /// The same, of which the mapping makes no record any more.
    Lost(Outcome),
}

impl RowEvent<'_> {
    pub fn keep(self) -> Fed {
        let loaded = |record, row: &Row, more: &[Row]| QueuedRecord { record, row: row.clone(), more: more.to_vec() };
        match self {
            RowEvent::Record { record, row, more } => Fed::Record(loaded(record, row, more)),
            RowEvent::Known { record, row, more } => Fed::Known(loaded(record, row, more)),
            RowEvent::Local(outcome) => Fed::Local(outcome),
            RowEvent::Lost(outcome) => Fed::Lost(outcome),
        }
    }
}

/// Items in a parcel: one hand-over for many rows, since a hand-over costs as much as mapping one.
const PARCEL: usize = 128;
/// Parcels waiting; with batches of 250 this is the next dozen of them.
const PARCELS: usize = 24;

/// Which rows are of interest.
#[derive(Debug, Clone, Default)]
pub struct Select {
    /// Rows with an outcome from before; read, so that keys are known, and not handed over.
    pub done: HashSet<u32>,
    /// Of these, the ones that the mapping refused or left out: they have no key that another row must not have.
    pub refused: HashSet<u32>,
    /// Of these, the ones that are handed over all the same, as known.
    pub known: HashSet<u32>,
    /// These rows and no others; for looking at some again.
    pub only: Option<HashSet<u32>>,
    /// First and last row, as Excel shows them.
    pub rows: Option<(u32, u32)>,
    /// Records at the most.
    pub limit: Option<u64>,
    /// Rows that earlier runs have sent of this very source.
    pub sent: Arc<SentRows>,
}

impl Select {
    fn wants(&self, row: u32) -> bool {
        self.rows.is_none_or(|(first, last)| (first..=last).contains(&row))
    }
}

/// Starts the reading thread.
pub fn start(table: Table, mapper: Mapper, select: Select) -> mpsc::Receiver<Vec<Fed>> {
    let (sender, receiver) = mpsc::channel(PARCELS);
    std::thread::spawn(move || {
        let mut parcel = Vec::with_capacity(PARCEL);
        let end = walk(table, mapper, &select, |met| {
            parcel.push(met.keep());
            if parcel.len() < PARCEL {
                return true;
            }
            // The other side has gone: a second interrupt. There is nobody left to read for.
            sender.blocking_send(std::mem::take(&mut parcel)).is_ok()
        });
        parcel.push(match end {
            Ok(walked) => Fed::End(walked),
            Err(problem) => Fed::Broken(problem),
        });
        let _ = sender.blocking_send(parcel);
    });
    receiver
}

/// The reading thread ended without a word: a fault of ours. The rows it did not hand over must not vanish.
pub fn died() -> Problem {
    Problem::new(Stage::Map, FAULT, "reading the source has failed inside amoport; the rows after this are not done")
        .hint("please report the lines above")
}

/// The code of a problem that is a fault of ours.
pub const FAULT: &str = "fault";

/// What a walk came to.
#[derive(Debug, Clone, Default)]
pub struct Walked {
    /// Rows that were wanted, blank ones apart.
    pub rows: u64,
    /// What the reader noticed.
    pub notes: Vec<Note>,
    /// Where rows are grouped and nobody has counted them yet.
    pub counted: Option<FirstReading>,
    /// Records that earlier runs have sent, or may have.
    pub sent: u64,
    /// Records of which somebody has to say whether they were sent.
    pub undecided: u64,
}

/// Reads and maps every wanted row; `give` returns false to stop. The dry run and `check` use this directly.
pub fn walk(
    table: Table,
    mapper: Mapper,
    select: &Select,
    give: impl FnMut(RowEvent<'_>) -> bool,
) -> Result<Walked, Problem> {
    let mut table = table.read_ahead()?;
    let plan = Arc::clone(mapper.plan());
    let mut walk = SourceWalk { mapper, select, give, rows: 0, records: 0, left_out: 0, sent: 0, undecided: 0 };
    let mut gathering = plan.groups.as_ref().map(Gathering::new);
    let mut row = Row::default();
    while table.read(&mut row)? {
        let more = match &mut gathering {
            None => walk.row(&row),
            Some(gathering) => {
                let role = walk.mapper.role(&row);
                gathering.add(&row, role).into_iter().all(|unit| walk.unit(unit))
            }
        };
        if !more {
            return Ok(walk.walked(&table, None));
        }
    }
    let rest = gathering.as_mut().and_then(Gathering::rest);
    if let Some(unit) = rest {
        walk.unit(unit);
    }
    Ok(walk.walked(&table, gathering.and_then(Gathering::counted)))
}

struct SourceWalk<'a, G> {
    mapper: Mapper,
    select: &'a Select,
    give: G,
    rows: u64,
    records: u64,
    /// Of these, the ones that earlier runs have sent.
    left_out: u64,
    /// The same, and the ones that they may have sent.
    sent: u64,
    /// Records of which somebody has to say whether they were sent.
    undecided: u64,
}

impl<G> SourceWalk<'_, G> {
    fn walked(&self, table: &Table, counted: Option<FirstReading>) -> Walked {
        Walked { rows: self.rows, notes: self.notes(table), counted, sent: self.sent, undecided: self.undecided }
    }

    /// What the reader and the mapping have noticed; where the run goes on, the mapping has seen the rest of the rows only.
    fn notes(&self, table: &Table) -> Vec<Note> {
        let left_out = match self.left_out {
            1 => message!("1 record is left out: an earlier run of this file has sent it"),
            count => message!("{count} records are left out: earlier runs of this file have sent them", count),
        };
        let left_out = (self.left_out > 0).then(|| Note::new(SENT_BEFORE, left_out).count(self.left_out));
        let mut notes = table.notes();
        notes.extend(self.mapper.notes().into_iter().chain(left_out).map(|note| match self.select.done.is_empty() {
            true => note,
            false => Note { message: message!("since the run went on: {what}", what = note.message), ..note },
        }));
        notes
    }

    /// The outcome of a record that earlier runs have sent, whatever this mapping says of it; what is refused anyhow, and not
    /// known to be there, is refused for what the mapping says.
    fn held(&mut self, row: &Row, more: &[Row], key: Option<&String>, good: bool) -> Option<Outcome> {
        if let Some(outcome) = held_back_before(self.mapper.plan(), row, more, key).filter(|_| good) {
            self.undecided += 1;
            return Some(outcome);
        }
        let held = self.select.sent.held(self.mapper.plan(), row, more, key)?;
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
    /// A row that is a record by itself. False when there is nothing more to do.
    fn row(&mut self, row: &Row) -> bool {
        if !self.select.wants(row.number) {
            return true;
        }
        let through = self.select.done.contains(&row.number) && !self.select.refused.contains(&row.number);
        let known = self.select.known.contains(&row.number);
        if through && !known && self.select.limit.is_none() && self.mapper.skip_sent(row) {
            self.rows += 1;
            return true;
        }
        self.mapper.set_exists(self.select.sent.find(row.number).is_some());
        let mapped = self.mapper.apply(row);
        self.mapped(row, &[], mapped)
    }

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
        // A record belongs where it begins, whatever rows follow.
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
            && let Some(outcome) = self.held(row, more, key.as_ref(), matches!(mapped, Mapped::Record(_)))
        {
            return (self.give)(RowEvent::Local(outcome));
        }
        let width = self.mapper.plan().header.source_len();
        (self.give)(match mapped {
            Mapped::Record(record) if known => RowEvent::Known { record, row, more },
            Mapped::Record(record) => RowEvent::Record { record, row, more },
            // Left out above.
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
                    fill_up(&mut outcome, width);
                }
                if known { RowEvent::Lost(outcome) } else { RowEvent::Local(outcome) }
            }
        })
    }
}

/// Cells that the rest of a cut row does not have: errors stand in their place, so that the row is not taken for a whole one
/// when it comes back as it was.
fn fill_up(outcome: &mut Outcome, width: usize) {
    if let Some(cells) = outcome.cells.first_mut() {
        let missing = width.saturating_sub(cells.len());
        cells.extend(std::iter::repeat_n(KeptCell::missing(), missing));
    }
}

/// The outcome of a record that cannot be sent, with the cells of its rows as they were; `more` are the rows of its group
/// beyond the first.
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
