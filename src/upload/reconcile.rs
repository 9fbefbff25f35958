//! What became of records whose answer was lost: matched, as a multiset, against what the account has got since. Pure;
//! the reading, and the patience, are in `run`.

use super::feed::Loaded;
use crate::entity::compare::{Comparison, Mark, compare};
use crate::entity::parts::{id, text};
use crate::table::fold;
use serde_json::Value;
use std::collections::{HashMap, HashSet};

/// What the account says of a record in doubt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    There {
        id: u64,
        contact_id: Option<u64>,
        company_id: Option<u64>,
    },
    /// Nothing that could be it.
    Missing,
    /// Something that may be it and may not.
    Unclear,
}

/// A record in doubt, and the highest id known before it was sent: what it made has a higher one.
#[derive(Debug, Clone, Copy)]
pub struct InDoubt<'a> {
    pub loaded: &'a Loaded,
    pub watermark: u64,
}

/// Matches records in doubt with what the account has got. `known` are ids that are spoken for: they came back in
/// answers. Each held entity is given to one record at most: first where everything agrees, then where the service may
/// have dropped something. What is alike and not the same is unclear, never missing: missing ones are sent again.
pub fn match_records(
    records: &[InDoubt<'_>],
    held: &[&Value],
    known: &HashSet<u64>,
    marker: Option<Mark>,
) -> Vec<Found> {
    let mut table = Table::new(records, held, known, marker);
    table.give_perfect();
    table.give_partial();
    (0..records.len()).map(|record| table.found(record)).collect()
}

/// The key under which a purchase names its customer. [seed]
const OWNER: &str = "customer_id";

/// A purchase read from a customer's own list, which is known to be theirs whatever it says itself.
pub fn owned(mut item: Value, parent: u64) -> Value {
    item[OWNER] = parent.into();
    item
}

struct Table<'a> {
    sent: Vec<Value>,
    watermarks: Vec<u64>,
    /// What each record belongs to: another's cannot be it.
    parents: Vec<Option<u64>>,
    free: Vec<(u64, &'a Value)>,
    /// Held entities by their folded name: a twin has the same, and comparing everything with everything would take
    /// minutes for a few thousand.
    by_name: HashMap<String, Vec<usize>>,
    by_owner: HashMap<u64, Vec<usize>>,
    all: Vec<usize>,
    marker: Option<Mark>,
    given: Vec<Option<usize>>,
    taken: Vec<bool>,
}

/// Entities nobody claims that are looked through for one with a changed name; with more of them, others are busy in the
/// account and likeness says nothing.
const UNCLAIMED_MAX: usize = 2_000;

impl<'a> Table<'a> {
    fn new(records: &[InDoubt<'_>], held: &[&'a Value], known: &HashSet<u64>, marker: Option<Mark>) -> Table<'a> {
        let free: Vec<(u64, &Value)> = held
            .iter()
            .filter_map(|entity| Some((id(&entity["id"])?, *entity)))
            .filter(|(id, _)| !known.contains(id))
            .collect();
        let mut by_name: HashMap<String, Vec<usize>> = HashMap::new();
        let mut by_owner: HashMap<u64, Vec<usize>> = HashMap::new();
        for (n, (_, entity)) in free.iter().enumerate() {
            by_name.entry(fold(&text(&entity["name"]))).or_default().push(n);
            if let Some(owner) = id(&entity[OWNER]) {
                by_owner.entry(owner).or_default().push(n);
            }
        }
        Table {
            sent: records
                .iter()
                .map(|r| serde_json::from_slice(&r.loaded.record.body).unwrap_or(Value::Null))
                .collect(),
            watermarks: records.iter().map(|r| r.watermark).collect(),
            parents: records.iter().map(|r| r.loaded.record.parent).collect(),
            all: (0..free.len()).collect(),
            given: vec![None; records.len()],
            taken: vec![false; free.len()],
            free,
            by_name,
            by_owner,
            marker,
        }
    }

    /// Entities that may be the record's: those of its owner, or of its name; all of them where it was sent without.
    fn candidates(&self, record: usize) -> &[usize] {
        if let Some(parent) = self.parents[record] {
            return self.by_owner.get(&parent).map_or(&[], Vec::as_slice);
        }
        match self.sent[record].get("name") {
            Some(name) => self.by_name.get(&fold(&text(name))).map_or(&[], Vec::as_slice),
            None => &self.all,
        }
    }

    fn compared(&self, record: usize, candidate: usize) -> Comparison {
        compare(&self.sent[record], self.free[candidate].1)
    }

    fn open(&self, record: usize, candidate: usize) -> bool {
        !self.taken[candidate] && self.free[candidate].0 > self.watermarks[record]
    }

    fn give(&mut self, record: usize, candidate: usize) {
        self.given[record] = Some(candidate);
        self.taken[candidate] = true;
    }

    /// Nothing differs but what robots change.
    fn give_perfect(&mut self) {
        for record in 0..self.sent.len() {
            let perfect = self.candidates(record).iter().copied().find(|candidate| {
                self.open(record, *candidate) && {
                    let comparison = self.compared(record, *candidate);
                    comparison.agreed > 0 && comparison.differences.iter().all(|d| !d.telling && !d.dropped)
                }
            });
            if let Some(candidate) = perfect {
                self.give(record, candidate);
            }
        }
    }

    /// Values that are missing speak neither for nor against; pairs with the most agreement first.
    fn give_partial(&mut self) {
        let mut pairs: Vec<(u32, usize, usize)> = Vec::new();
        for record in (0..self.sent.len()).filter(|record| self.given[*record].is_none()) {
            for candidate in self.candidates(record).iter().copied().filter(|c| self.open(record, *c)) {
                let comparison = self.compared(record, candidate);
                if could_be(&comparison, self.marker) {
                    pairs.push((comparison.agreed, record, candidate));
                }
            }
        }
        pairs.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(&b.1)).then(a.2.cmp(&b.2)));
        for (_, record, candidate) in pairs {
            if self.given[record].is_none() && !self.taken[candidate] {
                self.give(record, candidate);
            }
        }
    }

    fn found(&self, record: usize) -> Found {
        let left = |candidate: &&usize| self.open(record, **candidate);
        match self.given[record] {
            Some(given) => {
                let own = self.compared(record, given).agreed;
                let rival = self.candidates(record).iter().filter(left).any(|candidate| {
                    let other = self.compared(record, *candidate);
                    could_be(&other, self.marker) && other.agreed >= own
                });
                // As good a candidate is left over: one of the two is somebody else's, and nobody can say which.
                if rival {
                    return Found::Unclear;
                }
                let (id, entity) = self.free[given];
                Found::There { id, contact_id: first(entity, "contacts"), company_id: first(entity, "companies") }
            }
            None if self.candidates(record).iter().filter(left).any(|c| self.alike(record, *c)) => Found::Unclear,
            None if self.renamed(record) => Found::Unclear,
            None => Found::Missing,
        }
    }

    /// The same name, with something changed by a robot, say. A candidate of a named record has its name, as a person reads
    /// it, though the service may have tidied the letters.
    fn alike(&self, record: usize, candidate: usize) -> bool {
        let comparison = self.compared(record, candidate);
        let named = self.parents[record].is_none() && self.sent[record].get("name").is_some();
        (named || comparison.agreed > 0) && !comparison.foreign(self.marker)
    }

    /// Somewhere stands an entity that nobody claims and that differs in the name alone.
    fn renamed(&self, record: usize) -> bool {
        if self.parents[record].is_some() {
            return false;
        }
        let unclaimed: Vec<usize> = self.all.iter().copied().filter(|c| self.open(record, *c)).collect();
        unclaimed.len() <= UNCLAIMED_MAX
            && unclaimed.into_iter().any(|candidate| {
                let comparison = self.compared(record, candidate);
                let telling = comparison.differences.iter().filter(|d| d.telling || d.dropped);
                comparison.agreed > 0
                    && !comparison.foreign(self.marker)
                    && telling.into_iter().all(|d| d.path == "name")
            })
    }
}

fn first(entity: &Value, key: &str) -> Option<u64> {
    id(&entity["_embedded"][key][0]["id"])
}

/// Nothing speaks against it, and something for it.
fn could_be(comparison: &Comparison, marker: Option<Mark>) -> bool {
    comparison.compatible() && comparison.agreed > 0 && !comparison.foreign(marker)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mapping::Record;
    use crate::table::Row;
    use serde_json::json;

    fn loaded(row: u32, body: Value) -> Loaded {
        let body = body.to_string().into_bytes();
        Loaded { record: Record { row, body, ..Record::default() }, row: Row::default(), more: Vec::new() }
    }

    fn found(records: &[Loaded], held: &[Value], known: &[u64]) -> Vec<Found> {
        let records: Vec<InDoubt<'_>> = records.iter().map(|loaded| InDoubt { loaded, watermark: 5 }).collect();
        let held: Vec<&Value> = held.iter().collect();
        match_records(&records, &held, &known.iter().copied().collect(), Some(Mark::Field(7)))
    }

    fn there(id: u64) -> Found {
        Found::There { id, contact_id: None, company_id: None }
    }

    #[test]
    fn records_are_matched_as_a_multiset() {
        let lead = |name: &str, price: i64| json!({"name": name, "price": price});
        let held = |id: u64, name: &str, price: i64| json!({"id": id, "name": name, "price": price});
        let three = [loaded(2, lead("A", 1)), loaded(3, lead("A", 1)), loaded(4, lead("B", 2))];
        // Two of the three arrived.
        assert_eq!(found(&three, &[held(10, "A", 1), held(11, "B", 2)], &[]), [there(10), Found::Missing, there(11)]);
        // Two alike, two there: which is which does not matter.
        assert_eq!(
            found(&three, &[held(10, "A", 1), held(12, "A", 1), held(11, "B", 2)], &[]),
            [there(10), there(12), there(11)]
        );
        // Ids that came back in answers are spoken for.
        assert_eq!(found(&three[..1], &[held(10, "A", 1)], &[10]), [Found::Missing]);
        // Three alike for two records: somebody else made one.
        let rivals = [held(10, "A", 1), held(12, "A", 1), held(13, "A", 1)];
        assert_eq!(found(&three[..2], &rivals, &[]), [Found::Unclear, Found::Unclear]);
        assert_eq!(found(&three, &[], &[]), [Found::Missing; 3]);
    }

    #[test]
    fn a_marker_settles_what_content_cannot() {
        let marked = |name: &str, mark: &str| json!({"name": name, "custom_fields_values": [{"field_id": 7, "values": [{"value": mark}]}]});
        let with_id = |id: u64, name: &str, mark: &str| {
            let mut held = marked(name, mark);
            held["id"] = json!(id);
            held
        };
        let two = [loaded(2, marked("A", "run/r2")), loaded(3, marked("A", "run/r3"))];
        let held = [with_id(10, "A", "run/r3"), with_id(11, "A", "other/r2")];
        assert_eq!(found(&two, &held, &[]), [Found::Missing, there(10)]);
    }

    #[test]
    fn what_a_robot_may_have_changed_is_unclear_and_not_missing() {
        let field = |value: &str| json!([{"field_id": 9, "values": [{"value": value}]}]);
        let one = [loaded(2, json!({"name": "A", "custom_fields_values": field("x")}))];
        let held = [json!({"id": 10, "name": "A", "custom_fields_values": field("changed")})];
        assert_eq!(found(&one, &held, &[]), [Found::Unclear]);
    }

    #[test]
    fn what_stands_below_the_watermark_is_older_than_the_record() {
        let one = [loaded(2, json!({"name": "A", "price": 1}))];
        assert_eq!(found(&one, &[json!({"id": 5, "name": "A", "price": 1})], &[]), [Found::Missing]);
    }

    #[test]
    fn purchases_are_matched_within_their_customer() {
        let bought = |row: u32, customer: u64| {
            let mut loaded = loaded(row, json!({"price": 5, "comment": "чай"}));
            loaded.record.parent = Some(customer);
            loaded
        };
        let held = |id: u64, customer: u64| owned(json!({"id": id, "price": 5, "comment": "чай"}), customer);
        let three = [bought(2, 7), bought(3, 7), bought(4, 8)];
        assert_eq!(found(&three, &[held(10, 7), held(11, 8)], &[]), [there(10), Found::Missing, there(11)]);
        assert_eq!(found(&three[..1], &[held(10, 8)], &[]), [Found::Missing]);
        let other = owned(json!({"id": 10, "price": 6, "comment": "чай"}), 7);
        assert_eq!(found(&three[..1], &[other], &[]), [Found::Unclear]);
    }

    #[test]
    fn a_changed_name_is_unclear() {
        let one = [loaded(2, json!({"name": "A ☂ B", "price": 10}))];
        assert_eq!(found(&one, &[json!({"id": 10, "name": "A B", "price": 10})], &[]), [Found::Unclear]);
        assert_eq!(found(&one, &[json!({"id": 10, "name": "C", "price": 11})], &[]), [Found::Missing]);
    }

    /// Spaces that the service puts in order, a letter it writes another way: with nothing else sent, nothing else agrees.
    #[test]
    fn a_name_that_comes_back_tidied_is_not_missing() {
        let one = [loaded(2, json!({"name": "Стол  «Ёлка»"}))];
        assert_eq!(found(&one, &[json!({"id": 10, "name": "Стол «ёлка»"})], &[]), [Found::Unclear]);
        assert_eq!(found(&one, &[json!({"id": 10, "name": "Стул"})], &[]), [Found::Missing]);
    }

    #[test]
    fn leads_of_one_name_are_told_apart_by_their_contacts() {
        let lead = |contact: &str| json!({"name": "Заявка с сайта", "_embedded": {"contacts": [{"name": contact}]}});
        let two = [loaded(2, lead("Анна")), loaded(3, lead("Олег"))];
        let held = json!({"id": 10, "name": "Заявка с сайта", "_embedded": {"contacts": [{"id": 7, "name": "Олег"}]}});
        let there = Found::There { id: 10, contact_id: Some(7), company_id: None };
        assert_eq!(found(&two, &[held], &[]), [Found::Missing, there]);
    }
}
