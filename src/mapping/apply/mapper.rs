//! Maps the rows of a source to the JSON of records or to problems. All problems of a row are reported, not only the
//! first. The import, the dry run and `check` use the same code, so a preview cannot differ from the import.

use super::record::{IncompleteGroup, Mapped, Record, RowRole};
use super::row::context::RowContext;
use super::row_mapper::{BuiltRow, RowMapper};
use super::source_checks::{CheckedRecord, SourceChecks};
use super::tally::Tally;
use crate::mapping::plan::Plan;
use crate::mapping::suspect::Suspicion;
use amo_model::Action;
use sheet_source::Row;
use sheet_source::problem::Note;
use std::sync::Arc;

/// Maps rows in the order of their source.
pub struct Mapper {
    rows: RowMapper,
    checks: SourceChecks,
    tally: Tally,
}

impl Mapper {
    /// `run` is the name of the run, for markers of records without a key.
    pub fn new(plan: Arc<Plan>, run: &str) -> Mapper {
        let checks = SourceChecks::new(&plan);
        Mapper { rows: RowMapper::new(plan, run), checks, tally: Tally::default() }
    }

    /// Notes about effects of the mapping on all rows.
    pub fn notes(&self) -> Vec<Note> {
        let plan = self.plan();
        let of_keys = plan.resolver.ledger.notes();
        plan.notes.iter().cloned().chain(self.tally.notes(plan)).chain(of_keys).collect()
    }

    pub fn plan(&self) -> &Arc<Plan> {
        self.rows.plan()
    }

    /// A mapper of single rows, whose results `settle` takes.
    pub fn row_mapper(&self) -> RowMapper {
        self.rows.again()
    }

    /// Whether a row belongs to a record.
    pub fn role(&self, row: &Row) -> RowRole {
        self.rows.role(row)
    }

    /// The result of a row that belongs to no record; `why` for suspicious rows.
    pub fn exclude(&mut self, row: &Row, why: Option<Suspicion>) -> Mapped {
        let built = self.rows.exclude(row, why);
        self.settle(row, built)
    }

    /// Sets whether the next record exists in the account.
    pub fn set_exists(&mut self, exists: bool) {
        self.checks.set_exists(exists);
    }

    /// Maps a record of one row.
    pub fn apply(&mut self, row: &Row) -> Mapped {
        let built = self.rows.apply(row);
        self.settle(row, built)
    }

    /// Maps a record of one or more rows.
    pub fn record(&mut self, row: &Row, more: &[Row]) -> Mapped {
        let built = self.rows.record(row, more);
        self.settle(row, built)
    }

    /// Compares a record with those of the rows above. Rows have to come in the order of their source.
    pub fn settle(&mut self, row: &Row, built: BuiltRow) -> Mapped {
        let BuiltRow { mut mapped, accepted, skip } = built;
        if let Some(code) = skip {
            self.tally.skip(code, row.number);
        }
        let plan = self.rows.plan();
        let (Some(accepted), Mapped::Record(Record { key, .. }) | Mapped::Unchanged { key, .. }) =
            (accepted, &mut mapped)
        else {
            return mapped;
        };
        let record = CheckedRecord {
            context: RowContext { plan, row },
            key: key.as_deref(),
            own_id: accepted.own_id,
            catalog_type: accepted.catalog_type,
        };
        let problems = self.checks.check(record);
        if !problems.is_empty() {
            return Mapped::Rejected { key: key.take(), problems };
        }
        if matches!(mapped, Mapped::Record(_)) {
            self.tally.record(plan, row, &accepted.effects);
        }
        mapped
    }

    /// The JSON of these columns, to compare rows; `None` if it has problems.
    pub fn item(&mut self, row: &Row, columns: &[usize]) -> Option<Vec<u8>> {
        self.rows.item(row, columns)
    }

    /// True where of a row that the run sent before it was interrupted only the key matters for later rows. It is then not mapped
    /// again, which would take most of the time of resuming.
    pub fn knows_sent_rows(&self) -> bool {
        let plan = self.plan();
        plan.action == Action::Create && plan.quota.is_none() && plan.groups.is_none() && plan.edits.is_none()
    }

    /// Records the key of a row that the run sent before it was interrupted.
    pub fn skip_sent(&mut self, row: &Row) {
        let plan = self.rows.plan();
        if let Some(key) = (RowContext { plan, row }).key() {
            self.checks.seen(("key", &key), row.number);
        }
    }

    /// Rejects a row without a group.
    pub fn without_group(&mut self, row: &Row) -> Mapped {
        self.rows.without_group(row)
    }

    /// Rejects a record that may lack rows: records are sent only with all their rows.
    pub fn incomplete(&self, row: &Row, lack: IncompleteGroup) -> Mapped {
        self.rows.incomplete(row, lack)
    }
}
