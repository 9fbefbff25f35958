//! One row at a time: cells in, a record's JSON or its problems out. All problems of a row are told, not only the
//! first. The same code serves the import, the dry run and `check`, so a preview cannot differ from what is sent.

use super::buffers::Buffers;
use super::key::KEY_FORMAT;
use super::record::{Lack, Mapped, Record, RowRole, request_id};
use super::row::{RecordBuilder, RecordMeta, RowContext};
use super::source_checks::SourceChecks;
use super::tally::{Tally, WHERE_EMPTY};
use crate::mapping::edits::Edit;
use crate::mapping::lookup::Names;
use crate::mapping::plan::Plan;
use crate::mapping::suspect::Suspicion;
use amo_model::Action;
use sheet_source::message;
use sheet_source::problem::{Message, Note};
use sheet_source::{ROW_CUT, Row, RowKind, Scalar};
use std::sync::Arc;

pub struct Mapper {
    plan: Arc<Plan>,
    run: String,
    buffers: Buffers,
    names: Names,
    checks: SourceChecks,
    tally: Tally,
}

impl Mapper {
    /// `run` is the run's name, for markers of records without a key.
    pub fn new(plan: Arc<Plan>, run: &str) -> Mapper {
        let names = Names::new(plan.book.clone(), plan.lookups);
        let (buffers, checks) = (Buffers::new(&plan), SourceChecks::new(&plan));
        Mapper { plan, run: run.to_owned(), buffers, names, checks, tally: Tally::default() }
    }

    /// What the mapping has done to many rows without refusing any.
    pub fn notes(&self) -> Vec<Note> {
        let of_keys = self.plan.book.ledger.notes();
        self.plan.notes.iter().cloned().chain(self.tally.notes(&self.plan)).chain(of_keys).collect()
    }

    pub fn plan(&self) -> &Arc<Plan> {
        &self.plan
    }

    /// Whether a row is one of a record.
    pub fn role(&self, row: &Row) -> RowRole {
        match row.kind {
            RowKind::Hidden if self.plan.skips_hidden => RowRole::LeftOut,
            RowKind::Header | RowKind::Totals => RowRole::LeftOut,
            RowKind::Cut | RowKind::Continuation => RowRole::Refused(None),
            RowKind::Plain | RowKind::Hidden if !self.is_wanted(row) => RowRole::LeftOut,
            RowKind::Plain | RowKind::Hidden => match self.suspicion(row) {
                Some(why) => RowRole::Refused(Some(why)),
                None => RowRole::Taken,
            },
        }
    }

    /// False where the mapping's `where` leaves the row out. A condition that fails, or reads what nobody knows, leaves no row
    /// out.
    fn is_wanted(&self, row: &Row) -> bool {
        self.plan.condition.as_ref().is_none_or(|condition| {
            condition.reads().any(|column| row.get(column).value == Scalar::Uncomputed)
                || condition.render(row).map_or(true, |made| !made.text.is_empty())
        })
    }

    /// A row that is none of a record; `why` it looks like that, where it only does.
    pub fn apart(&mut self, row: &Row, why: Option<Suspicion>) -> Mapped {
        let plan = Arc::clone(&self.plan);
        let at = RowContext { plan: &plan, row };
        let mut skipped = |code: &'static str, message: &'static str| {
            self.tally.skip(code, row.number);
            Mapped::Skipped(Some(at.problem(None, code, message)))
        };
        match row.kind {
            RowKind::Hidden if self.plan.skips_hidden => {
                return skipped("hidden-row", "the sheet does not show the row");
            }
            RowKind::Header => return skipped("repeated-header", "the row holds the titles of the columns once more"),
            RowKind::Totals => return skipped("totals-row", "the workbook calls this a row of totals"),
            RowKind::Cut | RowKind::Continuation => {
                let message = match row.kind {
                    RowKind::Cut => "the row below looks like the rest of this one, which a line break has cut",
                    _ => "this looks like the rest of the row above, which a line break has cut",
                };
                let hint = "put the cell with the line break between quotes, or fill the missing cells of both rows";
                let problem = at.problem(None, ROW_CUT, message).hint(hint);
                return Mapped::Rejected { key: at.key(), problems: vec![problem] };
            }
            RowKind::Plain | RowKind::Hidden => {}
        }
        match why {
            Some(why) => Mapped::Rejected { key: at.key(), problems: vec![at.suspicious(why)] },
            None => {
                if plan.condition.as_ref().is_some_and(|condition| condition.render(row).is_ok_and(|made| made.empty)) {
                    self.tally.skip(WHERE_EMPTY, row.number);
                }
                Mapped::Skipped(None)
            }
        }
    }

    /// Why the row looks like no record. Rows of an exported workbook say themselves what they are.
    fn suspicion(&self, row: &Row) -> Option<Suspicion> {
        if self.plan.edits.is_some() { None } else { self.plan.suspects.why(row, self.plan.header.reject_code(row)) }
    }

    /// Whether what comes next is in the account already.
    pub fn is_there(&mut self, is_there: bool) {
        self.checks.is_there(is_there);
    }

    /// A record of one row.
    pub fn apply(&mut self, row: &Row) -> Mapped {
        let plan = Arc::clone(&self.plan);
        let edit = plan.edits.as_ref().map(|edits| edits.of(row.number));
        if edit == Some(&Edit::Elsewhere) {
            return Mapped::Elsewhere;
        }
        match self.role(row) {
            RowRole::Taken => {}
            RowRole::LeftOut => return self.apart(row, None),
            RowRole::Refused(why) => return self.apart(row, why),
        }
        match edit {
            Some(Edit::Total) => {
                self.tally.skip("totals-row", row.number);
                let problem = RowContext { plan: &plan, row }.problem(
                    None,
                    "totals-row",
                    "the row has no ID and holds nothing but formulas",
                );
                Mapped::Skipped(Some(problem))
            }
            None | Some(Edit::Plain | Edit::Elsewhere) => self.record(row, &[]),
            Some(Edit::Same) => match plan.id_column().and_then(|column| row.get(column).text.trim().parse().ok()) {
                Some(id) => Mapped::Unchanged { key: None, id },
                // Nothing was decided of such a row, so it is told as any other.
                None => self.record(row, &[]),
            },
            Some(Edit::Change(columns)) => self.record_of(row, &[], Asked { columns: Some(columns), key: None }),
            Some(Edit::New(key)) => self.record_of(row, &[], Asked { columns: None, key: Some(key) }),
            Some(Edit::Made { key, id }) => Mapped::Unchanged { key: Some(key.clone()), id: *id },
            Some(Edit::Refused(refusals)) => {
                let context = RowContext { plan: &plan, row };
                let key = context.key();
                let problems = refusals.iter().map(|refusal| context.refused(refusal)).collect();
                Mapped::Rejected { key, problems }
            }
        }
    }

    /// What these columns of a row come to, for holding it against another row; `None` where that cannot be said.
    pub fn item(&mut self, row: &Row, columns: &[usize]) -> Option<Vec<u8>> {
        let plan = Arc::clone(&self.plan);
        let mut record = RecordBuilder::new(RowContext { plan: &plan, row }, &mut self.names);
        record.columns = Some(columns);
        self.buffers.fill(&mut record, row, &[]);
        if !record.problems.is_empty() {
            return None;
        }
        Some(self.buffers.body(&record, None, None))
    }

    /// Takes note of a row that was mapped and sent by an earlier stretch of the run, without mapping it again, which would
    /// be most of the time of resuming; false where more than its key may matter for others.
    pub fn passes(&mut self, row: &Row) -> bool {
        let plan = Arc::clone(&self.plan);
        let alone = plan.action == Action::Create && plan.room.is_none() && plan.groups.is_none();
        if !alone || plan.edits.is_some() {
            return false;
        }
        if let Some(key) = (RowContext { plan: &plan, row }).key() {
            self.checks.met(("key", &key), row.number);
        }
        true
    }

    /// A row of which nothing says what record it belongs to.
    pub fn groupless(&mut self, row: &Row) -> Mapped {
        let plan = Arc::clone(&self.plan);
        let context = RowContext { plan: &plan, row };
        let columns = plan.groups.as_ref().map(|groups| groups.columns.clone()).unwrap_or_default();
        let mut record = RecordBuilder::new(context, &mut self.names);
        record.sound(&columns);
        let mut problems = record.problems;
        if problems.is_empty() {
            let message = "the cell that says which record the row belongs to is empty";
            problems.push(context.problem(columns.first().copied(), "no-group", message).hint(self.fill_down()));
        }
        Mapped::Rejected { key: context.key(), problems }
    }

    /// What can be done about a row without the cell that says which record it belongs to.
    fn fill_down(&self) -> Message {
        let column = self.plan.groups.as_ref().and_then(|groups| groups.columns.first().copied());
        let title = column.map(|column| self.plan.header.column(column).title).unwrap_or_else(|| "".into());
        message!(
            "fill the cell; or, where an empty cell means the one above it, say fill-down = \"{column}\" under [source]; or leave the row out with \"where\"",
            column = title.to_string()
        )
    }

    /// A record that lacks a row, or may: none goes out with a part of its rows.
    pub fn incomplete(&self, row: &Row, lack: Lack) -> Mapped {
        let at = RowContext { plan: &self.plan, row };
        let problem = match lack {
            Lack::Unsaid(below) => {
                let message = message!(
                    "row {below} does not say which record it belongs to, and may be a part of this one",
                    below
                );
                at.problem(None, "group-incomplete", message).hint(self.fill_down())
            }
            Lack::Refused(other) => {
                let message = message!("row {other} of this record is rejected", other);
                at.problem(None, "group-incomplete", message).hint("correct that row, or take it out")
            }
        };
        Mapped::Rejected { key: at.key(), problems: vec![problem] }
    }

    /// A record of a row, and of others that belong to it.
    pub fn record(&mut self, row: &Row, more: &[Row]) -> Mapped {
        self.record_of(row, more, Asked { columns: None, key: None })
    }

    fn record_of(&mut self, row: &Row, more: &[Row], asked: Asked<'_>) -> Mapped {
        let plan = Arc::clone(&self.plan);
        let mut record = RecordBuilder::new(RowContext { plan: &plan, row }, &mut self.names);
        record.columns = asked.columns;
        for row in std::iter::once(row).chain(more) {
            record.go_to(row);
            record.condition();
            record.beyond_header();
        }
        record.go_to(row);
        record.sound(&plan.key);
        let key = asked.key.map(str::to_owned).or_else(|| record.context.key());
        let key = if plan.key.is_empty() { key } else { record.known_key(key) };
        self.buffers.fill(&mut record, row, more);
        record.go_to(row);
        if plan.id_by_key && !record.problems.iter().any(|problem| problem.code == KEY_FORMAT) {
            record.id_by_key(key.as_deref());
            self.buffers.own_id(&record);
        }
        if self.buffers.is_empty() && plan.action != Action::Delete && record.problems.is_empty() {
            let message = "the row holds none of the values the mapping sends";
            let hint = "fill the row, or leave it out with \"where\" under [source]";
            record.problems.push(record.context.problem(None, "nothing-to-send", message).hint(hint));
        }
        if record.problems.is_empty() {
            self.checks.check_key(key.as_deref(), &mut record);
        }
        if record.problems.is_empty() {
            self.checks.check_room(key.as_deref(), &mut record);
        }
        if !record.problems.is_empty() {
            return Mapped::Rejected { key, problems: record.problems };
        }
        if let Some(id) = record.meta.own_id.filter(|id| self.buffers.changes_nothing(&record, *id)) {
            return Mapped::Unchanged { key, id };
        }
        self.tally.record(&plan, row, &record.converter.effects);
        let marker = || key.clone().unwrap_or_else(|| format!("{}/{}", self.run, request_id(row.number)));
        let marker = plan.marker.map(|mark| (mark, marker()));
        let body = self.buffers.body(&record, marker, Some(row.number));
        let RecordMeta { own_id: id, parent, links, total, .. } = record.meta;
        let total = total.known();
        Mapped::Record(Record { row: row.number, key, id, parent, body, links, total, lost: 0, beside: false })
    }
}

/// What is asked of a row beside its cells.
struct Asked<'a> {
    /// These columns and no others.
    columns: Option<&'a [usize]>,
    /// This key and not that of its cells.
    key: Option<&'a str>,
}
