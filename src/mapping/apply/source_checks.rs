//! What the records of a source so far have taken, so that no later one takes it again: keys, ids, room in the account.

use super::row::RecordBuilder;
use crate::mapping::lookup::KeyQuery;
use crate::mapping::plan::Plan;
use amo_model::{INVOICES, PRODUCTS, TEXT_MAX};
use sheet_source::message;
use sheet_source::problem::quoted;
use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

/// Keys, ids and room in the account that earlier records have taken.
pub(super) struct SourceChecks {
    /// Hashes of the keys met, and the row of each. A hash of 64 bits keeps a million keys in 36 MB; that two keys
    /// of a million share one has odds of 1 to 30 million, and then a row is reported, not lost.
    keys: HashMap<u64, u32>,
    /// Records made so far, where the account has room for a few only.
    made: usize,
    /// Types of catalogs that are taken, as of now.
    types: Vec<String>,
    /// The record at hand is in the account already, and needs no room in it.
    is_there: bool,
}

impl SourceChecks {
    pub(super) fn new(plan: &Plan) -> SourceChecks {
        let types = plan.room.iter().flat_map(|room| room.types.clone()).collect();
        SourceChecks { keys: HashMap::new(), made: 0, types, is_there: false }
    }

    /// Whether the next record is in the account already.
    pub(super) fn is_there(&mut self, is_there: bool) {
        self.is_there = is_there;
    }

    /// What the account has no more room for would be refused, or worse, take the place of something else. [seed]
    pub(super) fn check_room(&mut self, key: Option<&str>, record: &mut RecordBuilder<'_, '_>) {
        let plan = record.context.plan;
        let Some(room) = &plan.room else { return };
        // It is there, and counted, and will not be made again.
        if self.is_there {
            return;
        }
        if let Some(key) = key {
            let titles: Vec<String> = plan.key_titles().collect();
            let (entity, catalog) = (plan.kind.spec().entity, plan.catalog);
            let asked = KeyQuery { entity, catalog, key, titles: Some(&titles), made: true };
            // Who cannot look counts it, and rejects a row rather than sending one too many.
            if plan.book.ledger.find(asked).is_ok_and(|found| found.is_some()) {
                return;
            }
        }
        if room.taken + self.made >= room.max {
            let (max, things, taken) = (room.max, room.what, room.taken);
            let message = message!(
                "the account takes {max} {things}, has {taken}, and {made} are made before this row",
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
                    message!("an account has one list of type {kind}, and this would be a second", kind = &kind);
                let problem = record.context.problem(None, "limit", message).value(kind);
                record.problems.push(problem.hint("use the one there is, or make a list of type regular"));
                return;
            }
            self.types.push(kind);
        }
        self.made += 1;
    }

    /// Two records of one source with the same key: the later one is rejected, naming the earlier. So are two changes of
    /// one record: batches overtake each other, and the older values could win.
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
            if let Some(earlier) = self.met(("key", key), record.context.row.number) {
                let message = message!("{value} is already the key of row {earlier}", value = quoted(key), earlier);
                let problem =
                    record.context.problem(record.context.plan.key.first().copied(), "key-twice", message).value(key);
                record.problems.push(problem.hint("keep one of the rows, or correct the key"));
            }
        }
        if let Some(id) = record.meta.own_id
            && let Some(earlier) = self.met(("id", &id.to_string()), record.context.row.number)
        {
            let message = message!("{id} is changed by row {earlier} already", id, earlier);
            let problem = record.context.problem(None, "id-twice", message).value(id.to_string());
            record.problems.push(problem.hint("keep one of the rows, with all the changes"));
        }
    }

    /// The row that had the same name before; else this one has it from now on.
    pub(super) fn met(&mut self, name: (&str, &str), row: u32) -> Option<u32> {
        let mut hasher = DefaultHasher::new();
        name.hash(&mut hasher);
        match self.keys.entry(hasher.finish()) {
            std::collections::hash_map::Entry::Vacant(free) => {
                free.insert(row);
                None
            }
            std::collections::hash_map::Entry::Occupied(earlier) => Some(*earlier.get()),
        }
    }
}
