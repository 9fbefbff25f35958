//! Matches records in doubt, as a multiset, with what the account has got since. Pure; `watch` reads the account.
//!
//! A missing record is sent again, so that needs proof: no unclaimed entity may be left that could be the record. While one is
//! left that is not shown to be of another user, the record is unclear.

use crate::store::OtherRunBatch;
use crate::upload::feed::QueuedRecord;
use amo_model::compare::{ItemDiff, Marker, compare};
use amo_model::parts::{id, text};
use serde_json::Value;
use sheet_source::fold;
use std::collections::{HashMap, HashSet};

/// What the account shows of a record in doubt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finding {
    Found {
        id: u64,
        contact_id: Option<u64>,
        company_id: Option<u64>,
    },
    /// Nothing in the account could be it.
    Missing,
    /// Entities that may or may not be it: the ids of some of them.
    Unclear(Vec<u64>),
}

/// A record in doubt.
#[derive(Debug, Clone, Copy)]
pub struct InDoubt<'a> {
    pub queued: &'a QueuedRecord,
    /// The highest id known before it was sent: its own is higher.
    pub watermark: u64,
    /// In Unix milliseconds.
    pub sent_at_ms: i64,
    /// The service has refused the request, so that an entity that differs is not the record.
    pub refused: bool,
}

impl<'a> InDoubt<'a> {
    /// A record whose answer has just come.
    pub fn fresh(queued: &'a QueuedRecord) -> InDoubt<'a> {
        InDoubt { queued, watermark: 0, sent_at_ms: 0, refused: false }
    }
}

/// What is known beside the records and the account.
#[derive(Debug, Clone, Copy)]
pub struct PriorKnowledge<'a> {
    /// Ids that runs of this store have created.
    pub ids: &'a HashSet<u64>,
    pub marker: Option<Marker>,
    /// The id of the token's user; 0 where it is unknown.
    pub user: u64,
    /// Ids that an answer has given to these records, without naming which has which.
    pub named: &'a HashSet<u64>,
    /// Open batches of other runs: without a mark, nothing that may be theirs is assigned.
    pub other_runs: &'a [OtherRunBatch],
}

impl<'a> PriorKnowledge<'a> {
    /// No knowledge; `none` is an empty set.
    pub fn nothing(none: &'a HashSet<u64>) -> PriorKnowledge<'a> {
        PriorKnowledge { ids: none, marker: None, user: 0, named: none, other_runs: &[] }
    }
}

/// Matches records in doubt with what the account has got. Each entity is assigned to one record at most: by its mark, where
/// records have one; otherwise first where everything agrees, then where the service may have dropped something. One finding
/// for each record, in their order.
pub fn match_records(records: &[InDoubt<'_>], held: &[&Value], known: PriorKnowledge<'_>) -> Vec<Finding> {
    let mut index = ItemIndex::new(records, held, known);
    index.assign_marked();
    index.assign_exact();
    index.assign_partial();
    (0..records.len()).map(|record| index.finding(record)).collect()
}

/// The key under which a transaction names its customer. [seed]
const CUSTOMER_ID: &str = "customer_id";
const CREATED_BY: &str = "created_by";
/// Number of ids that the user is shown.
const NAMED_MAX: usize = 2;

/// A transaction that was read from a customer's own list, with that customer, whatever it says itself.
pub fn with_owner(mut item: Value, parent: u64) -> Value {
    if let Value::Object(item) = &mut item {
        item.insert(CUSTOMER_ID.to_owned(), parent.into());
    }
    item
}

/// The entities of the account, by what may identify them, and which record has which.
struct ItemIndex<'a> {
    sent: Vec<Value>,
    /// The mark of each record.
    marks: Vec<Option<String>>,
    records: Vec<InDoubt<'a>>,
    free: Vec<(u64, &'a Value)>,
    /// Entities by their folded name: a match has the same, and comparing all with all would take minutes for a few thousand.
    by_name: HashMap<String, Vec<usize>>,
    by_owner: HashMap<u64, Vec<usize>>,
    by_mark: HashMap<String, Vec<usize>>,
    all: Vec<usize>,
    known: PriorKnowledge<'a>,
    /// The user who has created all entities of these runs, so that an entity of another user is not theirs.
    creator: Option<u64>,
    assigned: Vec<Option<usize>>,
    /// True for records that are assigned by a mark that no other entity has.
    proven: Vec<bool>,
    taken: Vec<bool>,
}

impl<'a> ItemIndex<'a> {
    fn new(records: &[InDoubt<'a>], held: &[&'a Value], known: PriorKnowledge<'a>) -> ItemIndex<'a> {
        let (ours, free): (Vec<_>, Vec<_>) = held
            .iter()
            .filter_map(|entity| Some((id(&entity["id"])?, *entity)))
            .partition(|(id, _)| known.ids.contains(id));
        let mut by_name: HashMap<String, Vec<usize>> = HashMap::new();
        let mut by_owner: HashMap<u64, Vec<usize>> = HashMap::new();
        let mut by_mark: HashMap<String, Vec<usize>> = HashMap::new();
        for (n, (_, entity)) in free.iter().enumerate() {
            by_name.entry(fold(&text(&entity["name"]))).or_default().push(n);
            if let Some(owner) = id(&entity[CUSTOMER_ID]) {
                by_owner.entry(owner).or_default().push(n);
            }
            if let Some(mark) = known.marker.and_then(|marker| marker.of(entity)) {
                by_mark.entry(mark).or_default().push(n);
            }
        }
        let sent: Vec<Value> =
            records.iter().map(|r| serde_json::from_slice(&r.queued.record.body).unwrap_or(Value::Null)).collect();
        ItemIndex {
            marks: sent.iter().map(|sent| known.marker?.of(sent)).collect(),
            records: records.to_vec(),
            all: (0..free.len()).collect(),
            creator: creator(&ours),
            assigned: vec![None; records.len()],
            proven: vec![false; records.len()],
            taken: vec![false; free.len()],
            sent,
            free,
            by_name,
            by_owner,
            by_mark,
            known,
        }
    }

    /// The parent of the record: an entity of another parent cannot be it.
    fn parent(&self, record: usize) -> Option<u64> {
        self.records[record].queued.record.parent
    }

    /// Entities that may be the record: of its parent, or with its name; all where it was sent without.
    fn candidates(&self, record: usize) -> &[usize] {
        if let Some(parent) = self.parent(record) {
            return self.by_owner.get(&parent).map_or(&[], Vec::as_slice);
        }
        match self.sent[record].get("name") {
            Some(name) => self.by_name.get(&fold(&text(name))).map_or(&[], Vec::as_slice),
            None => &self.all,
        }
    }

    fn comparison_of(&self, record: usize, candidate: usize) -> ItemDiff {
        compare(&self.sent[record], self.free[candidate].1)
    }

    /// True where an entity is not assigned, newer than the watermark, and not shown to be of another user.
    fn is_candidate(&self, record: usize, candidate: usize) -> bool {
        let (id, entity) = self.free[candidate];
        !self.taken[candidate] && id > self.records[record].watermark && !self.is_foreign(record, entity)
    }

    /// True where an entity may be of another run that does not know it yet. The earlier run settles first.
    fn is_contested(&self, record: usize, candidate: usize) -> bool {
        let id = self.free[candidate].0;
        let InDoubt { queued, sent_at_ms, .. } = self.records[record];
        !self.known.named.contains(&id)
            && self.known.other_runs.iter().any(|other| {
                other.watermark < id
                    && (!other.in_doubt || other.sent_at_ms <= sent_at_ms)
                    && (other.owner.is_none() || other.owner == queued.record.parent)
            })
    }

    /// True where an entity has another mark, or another creator. The robot may have created any entity. [seed]
    fn is_foreign(&self, record: usize, entity: &Value) -> bool {
        let mark = self.known.marker.and_then(|marker| marker.of(entity));
        if mark.is_some() && self.marks[record].is_some() && mark != self.marks[record] {
            return true;
        }
        let (creator, sent) = (parse_number(&entity[CREATED_BY]), parse_number(&self.sent[record][CREATED_BY]));
        creator > 0 && self.creator.is_some_and(|ours| ours != creator) && sent != creator
    }

    fn assign(&mut self, record: usize, candidate: usize) {
        self.assigned[record] = Some(candidate);
        self.taken[candidate] = true;
    }

    /// Assigns by mark, whatever people and robots have changed in the rest. A copied card has the mark too: then the content
    /// decides. Where a mark is a key, another source may use the same: an entity that differs and was never changed is not the
    /// record.
    fn assign_marked(&mut self) {
        for record in 0..self.sent.len() {
            let marked = self.marked_candidates(record);
            let agreeing = |candidate: &&usize| self.comparison_of(record, **candidate).compatible();
            let agreeing: Vec<usize> = marked.iter().filter(agreeing).copied().collect();
            if let ([one], _) | (_, [one]) = (marked.as_slice(), agreeing.as_slice()) {
                let one = *one;
                if self.comparison_of(record, one).compatible() || was_changed(self.free[one].1) {
                    self.assign(record, one);
                    self.proven[record] = true;
                }
            }
        }
    }

    fn marked_candidates(&self, record: usize) -> Vec<usize> {
        let marked = self.marks[record].as_ref().and_then(|mark| self.by_mark.get(mark));
        marked.into_iter().flatten().copied().filter(|candidate| self.is_candidate(record, *candidate)).collect()
    }

    /// Assigns entities that differ only in what robots change.
    fn assign_exact(&mut self) {
        for record in 0..self.sent.len() {
            if self.assigned[record].is_some() || self.marks[record].is_some() {
                continue;
            }
            let exact = self.candidates(record).iter().copied().find(|candidate| {
                self.is_candidate(record, *candidate) && !self.is_contested(record, *candidate) && {
                    let comparison = self.comparison_of(record, *candidate);
                    comparison.agreed > 0 && comparison.differences.iter().all(|d| !d.telling && !d.dropped)
                }
            });
            if let Some(candidate) = exact {
                self.assign(record, candidate);
            }
        }
    }

    /// Assigns entities without a contradiction, pairs with the most agreement first. Missing values count neither way.
    fn assign_partial(&mut self) {
        let mut pairs: Vec<(u32, usize, usize)> = Vec::new();
        for record in (0..self.sent.len()).filter(|record| self.assigned[*record].is_none()) {
            if self.marks[record].is_some() {
                continue;
            }
            for candidate in self.candidates(record).iter().copied().filter(|c| self.is_candidate(record, *c)) {
                if self.is_contested(record, candidate) {
                    continue;
                }
                let comparison = self.comparison_of(record, candidate);
                if is_compatible(&comparison) {
                    pairs.push((comparison.agreed, record, candidate));
                }
            }
        }
        pairs.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(&b.1)).then(a.2.cmp(&b.2)));
        for (_, record, candidate) in pairs {
            if self.assigned[record].is_none() && !self.taken[candidate] {
                self.assign(record, candidate);
            }
        }
    }

    fn finding(&self, record: usize) -> Finding {
        let Some(assigned) = self.assigned[record] else { return self.finding_unassigned(record) };
        let (id, entity) = self.free[assigned];
        let own = self.comparison_of(record, assigned);
        // An equally good candidate is left: one of the two is of another user, and it is not known which.
        let rival = |candidate: &&usize| {
            let other = self.comparison_of(record, **candidate);
            let named = |id: u64| self.known.named.contains(&id);
            is_compatible(&other) && other.agreed >= own.agreed && (!named(id) || named(self.free[**candidate].0))
        };
        let rival =
            self.candidates(record).iter().filter(|candidate| self.is_candidate(record, **candidate)).find(rival);
        match rival {
            Some(rival) if !self.proven[record] => Finding::Unclear(vec![id, self.free[*rival].0]),
            None if !self.proven[record] && !self.is_sufficient(record, &own, entity) => Finding::Unclear(vec![id]),
            _ => Finding::Found { id, contact_id: first(entity, "contacts"), company_id: first(entity, "companies") },
        }
    }

    /// True where the agreement is enough. A single value, such as a name or a price, is shared by many cards; it is enough
    /// where the creator is the token's user, or where a kind of entity does not name its creator.
    fn is_sufficient(&self, record: usize, comparison: &ItemDiff, entity: &Value) -> bool {
        let creator = parse_number(&entity[CREATED_BY]);
        let ours = creator > 0 && (creator == self.known.user || self.creator == Some(creator))
            || entity.get(CREATED_BY).is_none();
        comparison.telling > 1
            || ours
            || self.parent(record).is_some()
            || id(&entity["id"]).is_some_and(|id| self.known.named.contains(&id))
    }

    /// The finding for a record without an entity: unclear where two cards have its mark, or where an unclaimed entity may be
    /// it, since a robot may have changed any value.
    fn finding_unassigned(&self, record: usize) -> Finding {
        let ids = |candidates: &mut dyn Iterator<Item = usize>| -> Vec<u64> {
            candidates.take(NAMED_MAX).map(|candidate| self.free[candidate].0).collect()
        };
        let marked = self.marked_candidates(record);
        if !marked.is_empty() {
            return Finding::Unclear(ids(&mut marked.into_iter()));
        }
        let strict = self.marks[record].is_some() || self.records[record].refused;
        let own = |candidate: &usize| {
            let creator = parse_number(&self.free[*candidate].1[CREATED_BY]);
            self.records[record].refused && self.marks[record].is_none() && creator > 0 && creator == self.known.user
        };
        let likely =
            |candidate: &usize| !strict || own(candidate) || is_compatible(&self.comparison_of(record, *candidate));
        let mut open = self
            .of_parent(record)
            .iter()
            .copied()
            .filter(|candidate| self.is_candidate(record, *candidate))
            .filter(likely);
        let unclear = ids(&mut open);
        if unclear.is_empty() { Finding::Missing } else { Finding::Unclear(unclear) }
    }

    fn of_parent(&self, record: usize) -> &[usize] {
        match self.parent(record) {
            Some(parent) => self.by_owner.get(&parent).map_or(&[], Vec::as_slice),
            None => &self.all,
        }
    }
}

/// The user who has created all of these, where it is one.
fn creator(ours: &[(u64, &Value)]) -> Option<u64> {
    let mut makers = ours.iter().map(|(_, entity)| parse_number(&entity[CREATED_BY]));
    let first = makers.next().filter(|creator| *creator > 0)?;
    makers.all(|creator| creator == first).then_some(first)
}

fn parse_number(value: &Value) -> u64 {
    text(value).parse().unwrap_or(0)
}

fn first(entity: &Value, key: &str) -> Option<u64> {
    id(&entity["_embedded"][key][0]["id"])
}

/// True where an entity was changed after its creation; a robot does so in the same second and without a user. [seed]
fn was_changed(entity: &Value) -> bool {
    let [made_at, changed_at, creator, changer] =
        ["created_at", "updated_at", CREATED_BY, "updated_by"].map(|key| entity.get(key).map(parse_number));
    changed_at > made_at || (changer.is_some() && changer != creator)
}

/// True where something agrees and nothing contradicts.
fn is_compatible(comparison: &ItemDiff) -> bool {
    comparison.compatible() && comparison.agreed > 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mapping::Record;
    use serde_json::json;
    use sheet_source::Row;

    fn queued(row: u32, body: Value) -> QueuedRecord {
        let body = body.to_string().into_bytes();
        QueuedRecord { record: Record { row, body, ..Record::default() }, row: Row::default(), more: Vec::new() }
    }

    fn found(records: &[QueuedRecord], held: &[Value], known: &[u64]) -> Vec<Finding> {
        let records: Vec<InDoubt<'_>> =
            records.iter().map(|queued| InDoubt { watermark: 5, ..InDoubt::fresh(queued) }).collect();
        let held: Vec<&Value> = held.iter().collect();
        let (ids, none) = (known.iter().copied().collect(), HashSet::new());
        match_records(
            &records,
            &held,
            PriorKnowledge { named: &none, marker: Some(Marker::Field(7)), user: 500, ..PriorKnowledge::nothing(&ids) },
        )
    }

    fn unclear(ids: &[u64]) -> Finding {
        Finding::Unclear(ids.to_vec())
    }

    fn there(id: u64) -> Finding {
        Finding::Found { id, contact_id: None, company_id: None }
    }

    #[test]
    fn records_are_matched_as_a_multiset() {
        let lead = |name: &str, price: i64| json!({"name": name, "price": price});
        let held = |id: u64, name: &str, price: i64| json!({"id": id, "name": name, "price": price, "created_by": 0});
        let three = [queued(2, lead("A", 1)), queued(3, lead("A", 1)), queued(4, lead("B", 2))];
        // Two of the three arrived.
        assert_eq!(found(&three, &[held(10, "A", 1), held(11, "B", 2)], &[]), [there(10), Finding::Missing, there(11)]);
        // Two alike, two there: which is which does not matter.
        assert_eq!(
            found(&three, &[held(10, "A", 1), held(12, "A", 1), held(11, "B", 2)], &[]),
            [there(10), there(12), there(11)]
        );
        // Ids that came back in answers are spoken for.
        assert_eq!(found(&three[..1], &[held(10, "A", 1)], &[10]), [Finding::Missing]);
        // Three equal entities for two records: another user has created one.
        let rivals = [held(10, "A", 1), held(12, "A", 1), held(13, "A", 1)];
        assert_eq!(found(&three[..2], &rivals, &[]), [unclear(&[10, 13]), unclear(&[12, 13])]);
        assert_eq!(found(&three, &[], &[]), [Finding::Missing, Finding::Missing, Finding::Missing]);
    }

    #[test]
    fn a_mark_settles_what_content_cannot() {
        let marked = |name: &str, mark: &str| json!({"name": name, "custom_fields_values": [{"field_id": 7, "values": [{"value": mark}]}]});
        let with_id = |id: u64, name: &str, mark: &str| {
            let mut held = marked(name, mark);
            held["id"] = json!(id);
            held
        };
        let two = [queued(2, marked("A", "run/r2")), queued(3, marked("A", "run/r3"))];
        let held = [with_id(10, "A", "run/r3"), with_id(11, "A", "other/r2")];
        assert_eq!(found(&two, &held, &[]), [Finding::Missing, there(10)]);
        // A robot has given it another name, at once or later.
        for (changed_at, changed_by) in [(5, 0), (6, 500)] {
            let mut renamed = with_id(10, "Переименована", "run/r3");
            renamed["created_at"] = json!(5);
            renamed["created_by"] = json!(500);
            renamed["updated_at"] = json!(changed_at);
            renamed["updated_by"] = json!(changed_by);
            assert_eq!(found(&two, &[renamed], &[]), [Finding::Missing, there(10)]);
        }
        // Where a mark is a key, another source may have the same: an unchanged entity with other content is not the record.
        let mut other = with_id(10, "Бананы", "run/r3");
        other["created_at"] = json!(5);
        other["updated_at"] = json!(5);
        assert_eq!(found(&two, &[other], &[]), [Finding::Missing, unclear(&[10])]);
        // A copied card has the mark as well: the content decides, or it is unclear.
        let copied = [with_id(10, "A", "run/r2"), with_id(11, "Копия", "run/r2")];
        assert_eq!(found(&two[..1], &copied, &[]), [there(10)]);
        let copied = [with_id(10, "Б", "run/r2"), with_id(11, "В", "run/r2")];
        assert_eq!(found(&two[..1], &copied, &[]), [unclear(&[10, 11])]);
        // The service may have dropped the mark, of a record that is alike otherwise and of no other.
        assert_eq!(found(&two[..1], &[json!({"id": 10, "name": "A"})], &[]), [unclear(&[10])]);
        assert_eq!(found(&two[..1], &[json!({"id": 10, "name": "B"})], &[]), [Finding::Missing]);
    }

    #[test]
    fn without_a_mark_whatever_differs_and_nobody_claims_is_unclear() {
        let field = |value: &str| json!([{"field_id": 9, "values": [{"value": value}]}]);
        let one = [queued(2, json!({"name": "A", "price": 10, "custom_fields_values": field("x")}))];
        for held in [
            json!({"id": 10, "name": "A", "price": 10, "custom_fields_values": field("changed")}),
            json!({"id": 10, "name": "A \u{2602} B", "price": 10}),
            json!({"id": 10, "name": "Другая", "price": 11}),
        ] {
            assert_eq!(found(&one, std::slice::from_ref(&held), &[]), [unclear(&[10])], "{held}");
            // What these runs have made says who makes theirs: another's is none of them.
            let mut foreign = held.clone();
            foreign["created_by"] = json!(700);
            let ours = json!({"id": 9, "name": "Б", "created_by": 500});
            assert_eq!(found(&one, &[ours.clone(), foreign.clone()], &[9]), [Finding::Missing], "{held}");
            assert_eq!(found(&one, &[foreign], &[]), [unclear(&[10])], "nothing shows who makes ours");
            let mut robot = held;
            robot["created_by"] = json!(0);
            assert_eq!(found(&one, &[ours, robot], &[9]), [unclear(&[10])]);
        }
    }

    #[test]
    fn one_value_is_enough_where_the_maker_is_the_tokens_user() {
        let one = [queued(2, json!({"name": "A"}))];
        for (made, expected) in [(json!(500), there(10)), (json!(0), unclear(&[10])), (json!(700), unclear(&[10]))] {
            assert_eq!(found(&one, &[json!({"id": 10, "name": "A", "created_by": made})], &[]), [expected]);
        }
        assert_eq!(found(&one, &[json!({"id": 10, "name": "A"})], &[]), [there(10)], "these have no creator");
    }

    #[test]
    fn what_stands_below_the_watermark_is_older_than_the_record() {
        let one = [queued(2, json!({"name": "A", "price": 1}))];
        assert_eq!(found(&one, &[json!({"id": 5, "name": "A", "price": 1})], &[]), [Finding::Missing]);
    }

    #[test]
    fn purchases_are_matched_within_their_customer() {
        let bought = |row: u32, customer: u64| {
            let mut queued = queued(row, json!({"price": 5, "comment": "чай"}));
            queued.record.parent = Some(customer);
            queued
        };
        assert_eq!(with_owner(json!([]), 7), json!([]), "PHP writes an empty object so");
        let held = |id: u64, customer: u64| with_owner(json!({"id": id, "price": 5, "comment": "чай"}), customer);
        let three = [bought(2, 7), bought(3, 7), bought(4, 8)];
        assert_eq!(found(&three, &[held(10, 7), held(11, 8)], &[]), [there(10), Finding::Missing, there(11)]);
        assert_eq!(found(&three[..1], &[held(10, 8)], &[]), [Finding::Missing]);
        let other = with_owner(json!({"id": 10, "price": 6, "comment": "чай"}), 7);
        assert_eq!(found(&three[..1], &[other], &[]), [unclear(&[10])]);
    }

    /// The service tidies spaces and spells a letter in another way.
    #[test]
    fn a_name_that_comes_back_tidied_is_not_missing() {
        let one = [queued(2, json!({"name": "Стол  «Ёлка»"}))];
        assert_eq!(found(&one, &[json!({"id": 10, "name": "Стол «ёлка»"})], &[]), [unclear(&[10])]);
    }

    #[test]
    fn leads_of_one_name_are_told_apart_by_their_contacts() {
        let lead = |contact: &str| json!({"name": "Заявка с сайта", "_embedded": {"contacts": [{"name": contact}]}});
        let two = [queued(2, lead("Анна")), queued(3, lead("Олег"))];
        let held = json!({"id": 10, "name": "Заявка с сайта", "_embedded": {"contacts": [{"id": 7, "name": "Олег"}]}});
        let there = Finding::Found { id: 10, contact_id: Some(7), company_id: None };
        assert_eq!(found(&two, &[held], &[]), [Finding::Missing, there]);
    }
}
