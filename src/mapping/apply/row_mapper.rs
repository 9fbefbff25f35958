//! Maps a row by itself, without the rows above it, so that several threads can map rows of one source.

use super::buffers::Buffers;
use super::key::KEY_FORMAT;
use super::record::{IncompleteGroup, Mapped, Record, RowRole, request_id};
use super::row::context::RowContext;
use super::row::{RecordBuilder, RecordMeta};
use super::tally::{Effects, WHERE_EMPTY};
use crate::mapping::edits::Edit;
use crate::mapping::lookup::NameCache;
use crate::mapping::plan::Plan;
use crate::mapping::suspect::Suspicion;
use amo_model::Action;
use sheet_source::message;
use sheet_source::problem::Message;
use sheet_source::{ROW_CUT, Row, RowKind, Scalar};
use std::sync::Arc;

/// What a row is by itself. `Mapper` compares it with the rows above.
#[derive(Debug)]
pub struct BuiltRow {
    pub(super) mapped: Mapped,
    /// Of a record that is accepted by itself.
    pub(super) accepted: Option<AcceptedRecord>,
    /// Why the row belongs to no record, where that is counted.
    pub(super) skip: Option<&'static str>,
}

/// What the checks across rows need of a record.
#[derive(Debug)]
pub(super) struct AcceptedRecord {
    pub own_id: Option<u64>,
    /// The type of a new catalog.
    pub catalog_type: Option<String>,
    pub effects: Effects,
}

impl From<Mapped> for BuiltRow {
    fn from(mapped: Mapped) -> BuiltRow {
        BuiltRow { mapped, accepted: None, skip: None }
    }
}

/// Maps rows one by one.
pub struct RowMapper {
    plan: Arc<Plan>,
    run: String,
    buffers: Buffers,
    names: NameCache,
}

impl RowMapper {
    /// `run` is the name of the run, for markers of records without a key.
    pub fn new(plan: Arc<Plan>, run: &str) -> RowMapper {
        let names = NameCache::new(plan.resolver.clone(), plan.lookups);
        RowMapper { buffers: Buffers::new(&plan), plan, run: run.to_owned(), names }
    }

    pub fn plan(&self) -> &Arc<Plan> {
        &self.plan
    }

    /// Another mapper with the same plan.
    pub fn again(&self) -> RowMapper {
        RowMapper::new(Arc::clone(&self.plan), &self.run)
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
    pub fn exclude(&self, row: &Row, why: Option<Suspicion>) -> BuiltRow {
        let plan = &*self.plan;
        let at = RowContext { plan, row };
        let skipped = |code: &'static str, message: &'static str| {
            let mapped = Mapped::Skipped(Some(at.problem(None, code, message)));
            BuiltRow { skip: Some(code), ..mapped.into() }
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
                return Mapped::Rejected { key: at.key(), problems: vec![problem] }.into();
            }
            RowKind::Plain | RowKind::Hidden => {}
        }
        match why {
            Some(why) => Mapped::Rejected { key: at.key(), problems: vec![at.suspicious(why)] }.into(),
            None => {
                let rendered = plan.condition.as_ref().map(|condition| condition.render(row));
                let compared_empty = matches!(rendered, Some(Ok(made)) if made.compared_empty);
                BuiltRow { skip: compared_empty.then_some(WHERE_EMPTY), ..Mapped::Skipped(None).into() }
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

    /// Maps a record of one row.
    pub fn apply(&mut self, row: &Row) -> BuiltRow {
        let plan = Arc::clone(&self.plan);
        let edit = plan.edits.as_ref().map(|edits| edits.of(row.number));
        if edit == Some(&Edit::Elsewhere) {
            return Mapped::Elsewhere.into();
        }
        match self.role(row) {
            RowRole::Included => {}
            RowRole::Excluded => return self.exclude(row, None),
            RowRole::Rejected(why) => return self.exclude(row, why),
        }
        match edit {
            Some(Edit::Total) => {
                let (code, why) = ("totals-row", "the row has no ID and contains only formulas");
                let problem = RowContext { plan: &plan, row }.problem(None, code, why);
                BuiltRow { skip: Some(code), ..Mapped::Skipped(Some(problem)).into() }
            }
            None | Some(Edit::Plain | Edit::Elsewhere) => self.record(row, &[]),
            Some(Edit::Same) => match plan.id_column().and_then(|column| row.get(column).text.trim().parse().ok()) {
                Some(id) => Mapped::Unchanged { key: None, id }.into(),
                // There is no decision about such a row, so it is mapped like any other.
                None => self.record(row, &[]),
            },
            Some(Edit::Change(_) | Edit::New(_)) => self.build(row, &[], edit),
            Some(Edit::Made { key, id }) => Mapped::Unchanged { key: Some(key.clone()), id: *id }.into(),
            Some(Edit::Refused(refusals)) => {
                let context = RowContext { plan: &plan, row };
                let key = context.key();
                let problems = refusals.iter().map(|refusal| context.refused(refusal)).collect();
                Mapped::Rejected { key, problems }.into()
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
    pub fn record(&mut self, row: &Row, more: &[Row]) -> BuiltRow {
        self.build(row, more, None)
    }

    /// `edit` limits the columns that are sent, or gives the key of a record that is made.
    fn build(&mut self, row: &Row, more: &[Row], edit: Option<&Edit>) -> BuiltRow {
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
        if !record.problems.is_empty() {
            return Mapped::Rejected { key, problems: record.problems }.into();
        }
        let accepted = AcceptedRecord {
            own_id: record.meta.own_id,
            catalog_type: record.meta.catalog_type.take(),
            effects: std::mem::take(&mut record.converter.effects),
        };
        let mapped = match record.meta.own_id.filter(|id| self.buffers.changes_nothing(&record, *id)) {
            Some(id) => Mapped::Unchanged { key, id },
            None => {
                let marker = || key.clone().unwrap_or_else(|| format!("{}/{}", self.run, request_id(row.number)));
                let marker = plan.marker.map(|mark| (mark, marker()));
                let body = self.buffers.body(&record, marker, Some(row.number));
                let RecordMeta { own_id: id, parent, links, total, .. } = record.meta;
                let total = total.known();
                Mapped::Record(Record {
                    row: row.number,
                    key,
                    id,
                    parent,
                    body,
                    links,
                    total,
                    lost: 0,
                    other_company: false,
                })
            }
        };
        BuiltRow { mapped, accepted: Some(accepted), skip: None }
    }
}
