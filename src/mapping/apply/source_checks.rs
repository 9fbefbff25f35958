//! Checks across the records of a source: unique keys and ids, and the quota of the account.

use super::row::RecordBuilder;
use super::seen_names::SeenNames;
use crate::mapping::lookup::KeyQuery;
use crate::mapping::plan::Plan;
use amo_model::{INVOICES, PRODUCTS, TEXT_MAX};
use sheet_source::message;
use sheet_source::problem::quoted;

/// Keys, ids and quota that earlier records have used.
pub(super) struct SourceChecks {
    keys: SeenNames,
    /// The number of records created so far, for kinds with a quota.
    made: usize,
    /// Types of existing catalogs.
    types: Vec<String>,
    /// The current record exists in the account and needs no quota.
    exists: bool,
}

impl SourceChecks {
    pub(super) fn new(plan: &Plan) -> SourceChecks {
        let types = plan.quota.iter().flat_map(|room| room.types.clone()).collect();
        SourceChecks { keys: SeenNames::new(), made: 0, types, exists: false }
    }

    /// Sets whether the next record exists in the account.
    pub(super) fn set_exists(&mut self, exists: bool) {
        self.exists = exists;
    }

    /// Rejects records beyond the quota: the service would refuse them, or replace something else. [seed]
    pub(super) fn check_quota(&mut self, key: Option<&str>, record: &mut RecordBuilder<'_, '_>) {
        let plan = record.context.plan;
        let Some(room) = &plan.quota else { return };
        // It is counted already and will not be created again.
        if self.exists {
            return;
        }
        if let Some(key) = key {
            let titles: Vec<String> = plan.key_titles().collect();
            let (entity, catalog) = (plan.kind.spec().entity, plan.catalog);
            let query = KeyQuery { entity, catalog, key, titles: Some(&titles), made: true };
            // If the lookup fails, the record counts, so that a row is rejected rather than sent beyond the quota.
            if plan.resolver.ledger.find(query).is_ok_and(|found| found.is_some()) {
                return;
            }
        }
        if room.taken + self.made >= room.max {
            let (max, things, taken) = (room.max, room.what, room.taken);
            let message = message!(
                "the account takes {max} {things}, has {taken}, and {made} are created before this row",
                max,
                things,
                taken,
                made = self.made
            );
            let problem = record.context.problem(None, "limit", message);
            record.problems.push(problem.hint(message!("delete some {things} in the CRM, or import fewer", things)));
            return;
        }
        let single = record.meta.catalog_type.take().filter(|kind| kind == PRODUCTS || kind == INVOICES);
        if let Some(kind) = single {
            if self.types.contains(&kind) {
                let message =
                    message!("an account has one catalog of type {kind}, this would be a second", kind = &kind);
                let problem = record.context.problem(None, "limit", message).value(kind);
                record.problems.push(problem.hint("use the existing one, or create a catalog of type regular"));
                return;
            }
            self.types.push(kind);
        }
        self.made += 1;
    }

    /// Rejects the later of two records with the same key. So are two changes of one record: batches may overtake each
    /// other, so that older values win.
    pub(super) fn check_key(&mut self, key: Option<&str>, record: &mut RecordBuilder<'_, '_>) {
        if let Some(key) = key {
            if record.context.plan.marker.is_some() && key.chars().count() > TEXT_MAX {
                let message = message!(
                    "{value} is too long for the marker, which takes {max} characters",
                    value = quoted(key),
                    max = TEXT_MAX
                );
                let problem =
                    record.context.problem(record.context.plan.key.first().copied(), "too-long", message).value(key);
                record.problems.push(problem.hint("shorten the key, or leave \"marker\" out"));
            }
            if let Some(earlier) = self.seen(("key", key), record.context.row.number) {
                let message = message!("{value} is already the key of row {earlier}", value = quoted(key), earlier);
                let problem =
                    record.context.problem(record.context.plan.key.first().copied(), "key-twice", message).value(key);
                record.problems.push(problem.hint("keep one of the rows, or correct the key"));
            }
        }
        if let Some(id) = record.meta.own_id
            && let Some(earlier) = self.seen(("id", &id.to_string()), record.context.row.number)
        {
            let message = message!("row {earlier} already changes {id}", id, earlier);
            let problem = record.context.problem(None, "id-twice", message).value(id.to_string());
            record.problems.push(problem.hint("keep one of the rows, with all the changes"));
        }
    }

    /// The earlier row with this name; `None` records the row under it.
    pub(super) fn seen(&mut self, name: (&str, &str), row: u32) -> Option<u32> {
        self.keys.seen(name, row)
    }
}
