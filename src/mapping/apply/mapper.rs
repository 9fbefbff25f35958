//! Maps one row at a time to the JSON of a record or to problems. All problems of a row are reported, not only the
//! first. The import, the dry run and `check` use the same code, so a preview cannot differ from the import.

use super::buffers::Buffers;
use super::key::KEY_FORMAT;
use super::record::{IncompleteGroup, Mapped, Record, RowRole, request_id};
use super::row::context::RowContext;
use super::row::{RecordBuilder, RecordMeta};
use super::source_checks::SourceChecks;
use super::tally::{Tally, WHERE_EMPTY};
use crate::mapping::edits::Edit;
use crate::mapping::lookup::NameCache;
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
    names: NameCache,
    checks: SourceChecks,
    tally: Tally,
}

impl Mapper {
    /// `run` is the name of the run, for markers of records without a key.
    pub fn new(plan: Arc<Plan>, run: &str) -> Mapper {
        let names = NameCache::new(plan.resolver.clone(), plan.lookups);
        let (buffers, checks) = (Buffers::new(&plan), SourceChecks::new(&plan));
        Mapper { plan, run: run.to_owned(), buffers, names, checks, tally: Tally::default() }
    }

    /// Notes about effects of the mapping on all rows.
    pub fn notes(&self) -> Vec<Note> {
        let of_keys = self.plan.resolver.ledger.notes();
        self.plan.notes.iter().cloned().chain(self.tally.notes(&self.plan)).chain(of_keys).collect()
    }

    pub fn plan(&self) -> &Arc<Plan> {
        &self.plan
    }

    /// Whether a row belongs to a record.
    pub fn role(&self, row: &Row) -> RowRole {
        match row.kind {
            RowKind::Hidden if self.plan.skips_hidden => RowRole::Excluded,
            RowKind::Header | RowKind::Totals => RowRole::Excluded,
            RowKind::Cut | RowKind::Continuation => RowRole::Rejected(None),
            RowKind::Plain | RowKind::Hidden if !self.is_wanted(row) => RowRole::Excluded,
            RowKind::Plain | RowKind::Hidden => match self.suspicion(row) {
                Some(why) => RowRole::Rejected(Some(why)),
                None => RowRole::Included,
            },
        }
    }

    /// False if `where` leaves the row out. A condition that fails, or reads a formula without a result, leaves no row
    /// out.
    fn is_wanted(&self, row: &Row) -> bool {
        self.plan.condition.as_ref().is_none_or(|condition| {
            condition.column_indexes().any(|column| row.get(column).value == Scalar::Uncomputed)
                || condition.render(row).map_or(true, |made| !made.text.is_empty())
        })
    }

    /// The result of a row that belongs to no record; `why` for suspicious rows.
    pub fn exclude(&mut self, row: &Row, why: Option<Suspicion>) -> Mapped {
        let plan = Arc::clone(&self.plan);
        let at = RowContext { plan: &plan, row };
        let mut skipped = |code: &'static str, message: &'static str| {
            self.tally.skip(code, row.number);
            Mapped::Skipped(Some(at.problem(None, code, message)))
        };
        match row.kind {
            RowKind::Hidden if self.plan.skips_hidden => {
                return skipped("hidden-row", "the row is hidden");
            }
            RowKind::Header => return skipped("repeated-header", "the row repeats the header"),
            RowKind::Totals => return skipped("totals-row", "the workbook marks this row as totals"),
            RowKind::Cut | RowKind::Continuation => {
                let message = match row.kind {
                    RowKind::Cut => "the row below looks like the rest of this one, cut by a line break",
                    _ => "this row looks like the rest of the row above, cut by a line break",
                };
                let hint = "quote the cell with the line break, or fill the missing cells of both rows";
                let problem = at.problem(None, ROW_CUT, message).hint(hint);
                return Mapped::Rejected { key: at.key(), problems: vec![problem] };
            }
            RowKind::Plain | RowKind::Hidden => {}
        }
        match why {
            Some(why) => Mapped::Rejected { key: at.key(), problems: vec![at.suspicious(why)] },
            None => {
                if plan
                    .condition
                    .as_ref()
                    .is_some_and(|condition| condition.render(row).is_ok_and(|made| made.compared_empty))
                {
                    self.tally.skip(WHERE_EMPTY, row.number);
                }
                Mapped::Skipped(None)
            }
        }
    }

    /// Why the row is probably no record. Rows of an exported workbook are not checked.
    fn suspicion(&self, row: &Row) -> Option<Suspicion> {
        if self.plan.edits.is_some() {
            None
        } else {
            self.plan.suspects.suspicion(row, self.plan.header.reject_code(row))
        }
    }

    /// Sets whether the next record exists in the account.
    pub fn set_exists(&mut self, exists: bool) {
        self.checks.set_exists(exists);
    }

    /// Maps a record of one row.
    pub fn apply(&mut self, row: &Row) -> Mapped {
        let plan = Arc::clone(&self.plan);
        let edit = plan.edits.as_ref().map(|edits| edits.of(row.number));
        if edit == Some(&Edit::Elsewhere) {
            return Mapped::Elsewhere;
        }
        match self.role(row) {
            RowRole::Included => {}
            RowRole::Excluded => return self.exclude(row, None),
            RowRole::Rejected(why) => return self.exclude(row, why),
        }
        match edit {
            Some(Edit::Total) => {
                self.tally.skip("totals-row", row.number);
                let problem = RowContext { plan: &plan, row }.problem(
                    None,
                    "totals-row",
                    "the row has no ID and contains only formulas",
                );
                Mapped::Skipped(Some(problem))
            }
            None | Some(Edit::Plain | Edit::Elsewhere) => self.record(row, &[]),
            Some(Edit::Same) => match plan.id_column().and_then(|column| row.get(column).text.trim().parse().ok()) {
                Some(id) => Mapped::Unchanged { key: None, id },
                // There is no decision about such a row, so it is mapped like any other.
                None => self.record(row, &[]),
            },
            Some(Edit::Change(_) | Edit::New(_)) => self.build(row, &[], edit),
            Some(Edit::Made { key, id }) => Mapped::Unchanged { key: Some(key.clone()), id: *id },
            Some(Edit::Refused(refusals)) => {
                let context = RowContext { plan: &plan, row };
                let key = context.key();
                let problems = refusals.iter().map(|refusal| context.refused(refusal)).collect();
                Mapped::Rejected { key, problems }
            }
        }
    }

    /// The JSON of these columns, to compare rows; `None` if it has problems.
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

    /// Records the key of a row that the run sent before it was interrupted, without mapping it again, which would take
    /// most of the time of resuming. False if other data of the row matter for later rows.
    pub fn skip_sent(&mut self, row: &Row) -> bool {
        let plan = Arc::clone(&self.plan);
        let alone = plan.action == Action::Create && plan.quota.is_none() && plan.groups.is_none();
        if !alone || plan.edits.is_some() {
            return false;
        }
        if let Some(key) = (RowContext { plan: &plan, row }).key() {
            self.checks.seen(("key", &key), row.number);
        }
        true
    }

    /// Rejects a row without a group.
    pub fn without_group(&mut self, row: &Row) -> Mapped {
        let plan = Arc::clone(&self.plan);
        let context = RowContext { plan: &plan, row };
        let columns = plan.groups.as_ref().map(|groups| groups.columns.clone()).unwrap_or_default();
        let mut record = RecordBuilder::new(context, &mut self.names);
        record.check_cells(&columns);
        let mut problems = record.problems;
        if problems.is_empty() {
            let message = "the cell that groups rows into records is empty";
            problems.push(context.problem(columns.first().copied(), "no-group", message).hint(self.fill_down()));
        }
        Mapped::Rejected { key: context.key(), problems }
    }

    /// The hint for a row without a group.
    fn fill_down(&self) -> Message {
        let column = self.plan.groups.as_ref().and_then(|groups| groups.columns.first().copied());
        let title = column.map(|column| self.plan.header.column(column).title).unwrap_or_else(|| "".into());
        message!(
            "fill the cell; or, if an empty cell repeats the one above, add fill-down = \"{column}\" under [source]; or leave the row out with \"where\"",
            column = title.to_string()
        )
    }

    /// Rejects a record that may lack rows: records are sent only with all their rows.
    pub fn incomplete(&self, row: &Row, lack: IncompleteGroup) -> Mapped {
        let at = RowContext { plan: &self.plan, row };
        let problem = match lack {
            IncompleteGroup::Ungrouped(below) => {
                let message = message!("row {below} has no group and may belong to this record", below);
                at.problem(None, "group-incomplete", message).hint(self.fill_down())
            }
            IncompleteGroup::Rejected(other) => {
                let message = message!("row {other} of this record is rejected", other);
                at.problem(None, "group-incomplete", message).hint("correct that row, or remove it")
            }
        };
        Mapped::Rejected { key: at.key(), problems: vec![problem] }
    }

    /// Maps a record of one or more rows.
    pub fn record(&mut self, row: &Row, more: &[Row]) -> Mapped {
        self.build(row, more, None)
    }

    /// `edit` limits the columns that are sent, or gives the key of a record that is made.
    fn build(&mut self, row: &Row, more: &[Row], edit: Option<&Edit>) -> Mapped {
        let (columns, new_key) = match edit {
            Some(Edit::Change(columns)) => (Some(columns.as_slice()), None),
            Some(Edit::New(key)) => (None, Some(key)),
            _ => (None, None),
        };
        let plan = Arc::clone(&self.plan);
        let mut record = RecordBuilder::new(RowContext { plan: &plan, row }, &mut self.names);
        record.columns = columns;
        for row in std::iter::once(row).chain(more) {
            record.go_to(row);
            record.check_condition();
            record.check_header_width();
        }
        record.go_to(row);
        record.check_cells(&plan.key);
        let key = new_key.cloned().or_else(|| record.context.key());
        let key = if plan.key.is_empty() { key } else { record.key_in_ledger(key) };
        self.buffers.fill(&mut record, row, more);
        record.go_to(row);
        if plan.id_by_key && !record.problems.iter().any(|problem| problem.code == KEY_FORMAT) {
            record.id_by_key(key.as_deref());
            self.buffers.own_id(&record);
        }
        if self.buffers.is_empty() && plan.action != Action::Delete && record.problems.is_empty() {
            let message = "the row has no values to send";
            let hint = "fill the row, or leave it out with \"where\" under [source]";
            record.problems.push(record.context.problem(None, "nothing-to-send", message).hint(hint));
        }
        if record.problems.is_empty() {
            self.checks.check_key(key.as_deref(), &mut record);
        }
        if record.problems.is_empty() {
            self.checks.check_quota(key.as_deref(), &mut record);
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
        Mapped::Record(Record { row: row.number, key, id, parent, body, links, total, lost: 0, other_company: false })
    }
}
