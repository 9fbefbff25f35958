//! Checks across the records of a source: unique keys and ids, and the quota of the account.

use super::row::context::RowContext;
use super::seen_names::SeenNames;
use crate::mapping::lookup::KeyQuery;
use crate::mapping::plan::Plan;
use amo_model::{INVOICES, PRODUCTS, TEXT_MAX};
use sheet_source::message;
use sheet_source::problem::{Problem, quoted};

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

/// A record that is accepted by itself.
pub(super) struct CheckedRecord<'a> {
    pub context: RowContext<'a>,
    pub key: Option<&'a str>,
    pub own_id: Option<u64>,
    /// The type of a new catalog.
    pub catalog_type: Option<String>,
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

    /// The problems of a record after those above it. One with a key that is taken does not count for the quota.
    pub(super) fn check(&mut self, record: CheckedRecord<'_>) -> Vec<Problem> {
        let problems = self.check_key(&record);
        match problems.is_empty() {
            true => self.check_quota(record).into_iter().collect(),
            false => problems,
        }
    }

    /// Rejects records beyond the quota: the service would refuse them, or replace something else. [seed]
    fn check_quota(&mut self, record: CheckedRecord<'_>) -> Option<Problem> {
        let context = record.context;
        let room = context.plan.quota.as_ref()?;
        // It is counted already and will not be created again.
        if self.exists || record.key.is_some_and(|key| is_in_ledger(context.plan, key)) {
            return None;
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
            let problem = context.problem(None, "limit", message);
            return Some(problem.hint(message!("delete some {things} in the CRM, or import fewer", things)));
        }
        if let Some(kind) = record.catalog_type.filter(|kind| kind == PRODUCTS || kind == INVOICES) {
            if self.types.contains(&kind) {
                let message =
                    message!("an account has one catalog of type {kind}, this would be a second", kind = &kind);
                let problem = context.problem(None, "limit", message).value(kind);
                return Some(problem.hint("use the existing one, or create a catalog of type regular"));
            }
            self.types.push(kind);
        }
        self.made += 1;
        None
    }

    /// Rejects the later of two records with the same key. So are two changes of one record: batches may overtake each
    /// other, so that older values win.
    fn check_key(&mut self, record: &CheckedRecord<'_>) -> Vec<Problem> {
        let (context, row) = (record.context, record.context.row.number);
        let mut problems = Vec::new();
        if let Some(key) = record.key {
            let of_key = |code, message| context.problem(context.plan.key.first().copied(), code, message).value(key);
            if context.plan.marker.is_some() && key.chars().count() > TEXT_MAX {
                let message = message!(
                    "{value} is too long for the marker, which takes {max} characters",
                    value = quoted(key),
                    max = TEXT_MAX
                );
                problems.push(of_key("too-long", message).hint("shorten the key, or leave \"marker\" out"));
            }
            if let Some(earlier) = self.seen(("key", key), row) {
                let message = message!("{value} is already the key of row {earlier}", value = quoted(key), earlier);
                problems.push(of_key("key-twice", message).hint("keep one of the rows, or correct the key"));
            }
        }
        if let Some(id) = record.own_id
            && let Some(earlier) = self.seen(("id", &id.to_string()), row)
        {
            let message = message!("row {earlier} already changes {id}", id, earlier);
            let problem = context.problem(None, "id-twice", message).value(id.to_string());
            problems.push(problem.hint("keep one of the rows, with all the changes"));
        }
        problems
    }

    /// The earlier row with this name; `None` records the row under it.
    pub(super) fn seen(&mut self, name: (&str, &str), row: u32) -> Option<u32> {
        self.keys.seen(name, row)
    }
}

/// True where an earlier run has created a record with this key. If the lookup fails, the record counts, so that a row is rejected
/// rather than sent beyond the quota.
fn is_in_ledger(plan: &Plan, key: &str) -> bool {
    let titles: Vec<String> = plan.key_titles().collect();
    let (entity, catalog) = (plan.kind.spec().entity, plan.catalog);
    let query = KeyQuery { entity, catalog, key, titles: Some(&titles), made: true };
    plan.resolver.ledger.find(query).is_ok_and(|found| found.is_some())
}
