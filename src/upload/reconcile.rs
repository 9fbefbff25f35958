//! What became of records whose answer was lost: matched, as a multiset, against what the account has got since. Pure;
//! the reading, and the patience, are in `run`.
//!
//! Missing is what goes again, so it needs proof: nothing that nobody claims may be left that could be the record. Whatever is
//! left and is not shown to be somebody else's is unclear.

use super::feed::QueuedRecord;
use crate::store::OtherOpen;
use amo_model::compare::{ItemDiff, Marker, compare};
use amo_model::parts::{id, text};
use serde_json::Value;
use sheet_source::fold;
use std::collections::{HashMap, HashSet};

/// What the account says of a record in doubt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finding {
    There {
        id: u64,
        contact_id: Option<u64>,
        company_id: Option<u64>,
    },
    /// Nothing that could be it.
    Missing,
    /// Something that may be it and may not: the ids of some of that.
    Unclear(Vec<u64>),
}

/// A record in doubt.
#[derive(Debug, Clone, Copy)]
pub struct InDoubt<'a> {
    pub loaded: &'a QueuedRecord,
    /// The highest id known before it was sent: what it made has a higher one.
    pub watermark: u64,
    /// Unix milliseconds.
    pub sent_at_ms: i64,
    /// The service has refused the request, so that something that differs is not the record.
    pub refused: bool,
}

impl<'a> InDoubt<'a> {
    /// One whose answer has just come.
    pub fn fresh(loaded: &'a QueuedRecord) -> InDoubt<'a> {
        InDoubt { loaded, watermark: 0, sent_at_ms: 0, refused: false }
    }
}

/// What is known besides the records and the account.
#[derive(Debug, Clone, Copy)]
pub struct PriorKnowledge<'a> {
    /// Ids that are spoken for: runs have made them.
    pub ids: &'a HashSet<u64>,
    pub marker: Option<Marker>,
    /// The token's user; 0 where nobody knows.
    pub user: u64,
    /// Ids that an answer has given to these records, without saying which of them.
    pub named: &'a HashSet<u64>,
    /// What other runs have under way: without a mark, nothing that may be theirs is taken.
    pub elsewhere: &'a [OtherOpen],
}

impl<'a> PriorKnowledge<'a> {
    /// Nothing is known; `none` is an empty set.
    pub fn nothing(none: &'a HashSet<u64>) -> PriorKnowledge<'a> {
        PriorKnowledge { ids: none, marker: None, user: 0, named: none, elsewhere: &[] }
    }
}

/// Matches records in doubt with what the account has got. Each held entity is given to one record at most: by its mark, where
/// records carry one; else first where everything agrees, then where the service may have dropped something.
pub fn match_records(records: &[InDoubt<'_>], held: &[&Value], known: PriorKnowledge<'_>) -> Vec<Finding> {
    let mut table = ItemIndex::new(records, held, known);
    table.give_marked();
    table.give_perfect();
    table.give_partial();
    (0..records.len()).map(|record| table.found(record)).collect()
}

/// The key under which a purchase names its customer. [seed]
const OWNER: &str = "customer_id";
const MAKER: &str = "created_by";
/// Ids that a person is shown to look at.
const NAMED_MAX: usize = 2;

/// A purchase read from a customer's own list, which is known to be theirs whatever it says itself.
pub fn owned(mut item: Value, parent: u64) -> Value {
    if let Value::Object(item) = &mut item {
        item.insert(OWNER.to_owned(), parent.into());
    }
    item
}

struct ItemIndex<'a> {
    sent: Vec<Value>,
    /// The mark that each record carries.
    marks: Vec<Option<String>>,
    records: Vec<InDoubt<'a>>,
    free: Vec<(u64, &'a Value)>,
    /// Held entities by their folded name: a twin has the same, and comparing everything with everything would take
    /// minutes for a few thousand.
    by_name: HashMap<String, Vec<usize>>,
    by_owner: HashMap<u64, Vec<usize>>,
    by_mark: HashMap<String, Vec<usize>>,
    all: Vec<usize>,
    known: PriorKnowledge<'a>,
    /// Who has made all that these runs are known to have made, so that what another has made is not theirs.
    maker: Option<u64>,
    given: Vec<Option<usize>>,
    /// By a mark, of which there is no second.
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
            if let Some(owner) = id(&entity[OWNER]) {
                by_owner.entry(owner).or_default().push(n);
            }
            if let Some(mark) = known.marker.and_then(|marker| marker.of(entity)) {
                by_mark.entry(mark).or_default().push(n);
            }
        }
        let sent: Vec<Value> =
            records.iter().map(|r| serde_json::from_slice(&r.loaded.record.body).unwrap_or(Value::Null)).collect();
        ItemIndex {
            marks: sent.iter().map(|sent| known.marker?.of(sent)).collect(),
            records: records.to_vec(),
            all: (0..free.len()).collect(),
            maker: maker(&ours),
            given: vec![None; records.len()],
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

    /// What the record belongs to: another's cannot be it.
    fn parent(&self, record: usize) -> Option<u64> {
        self.records[record].loaded.record.parent
    }

    /// Entities that may be the record's: those of its owner, or of its name; all of them where it was sent without.
    fn candidates(&self, record: usize) -> &[usize] {
        if let Some(parent) = self.parent(record) {
            return self.by_owner.get(&parent).map_or(&[], Vec::as_slice);
        }
        match self.sent[record].get("name") {
            Some(name) => self.by_name.get(&fold(&text(name))).map_or(&[], Vec::as_slice),
            None => &self.all,
        }
    }

    fn compared(&self, record: usize, candidate: usize) -> ItemDiff {
        compare(&self.sent[record], self.free[candidate].1)
    }

    /// Nobody has it, it is newer than the record, and nothing shows that it is somebody else's.
    fn open(&self, record: usize, candidate: usize) -> bool {
        let (id, entity) = self.free[candidate];
        !self.taken[candidate] && id > self.records[record].watermark && !self.is_foreign(record, entity)
    }

    /// It may be what another run has made, of which that run knows nothing yet. The earlier one settles first.
    fn is_contested(&self, record: usize, candidate: usize) -> bool {
        let id = self.free[candidate].0;
        let InDoubt { loaded, sent_at_ms, .. } = self.records[record];
        !self.known.named.contains(&id)
            && self.known.elsewhere.iter().any(|other| {
                other.watermark < id
                    && (!other.in_doubt || other.sent_at_ms <= sent_at_ms)
                    && (other.owner.is_none() || other.owner == loaded.record.parent)
            })
    }

    /// It carries another mark, or another has made it. The robot may have made whatever it says of itself. [seed]
    fn is_foreign(&self, record: usize, entity: &Value) -> bool {
        let mark = self.known.marker.and_then(|marker| marker.of(entity));
        if mark.is_some() && self.marks[record].is_some() && mark != self.marks[record] {
            return true;
        }
        let (made, said) = (number(&entity[MAKER]), number(&self.sent[record][MAKER]));
        made > 0 && self.maker.is_some_and(|maker| maker != made) && said != made
    }

    fn give(&mut self, record: usize, candidate: usize) {
        self.given[record] = Some(candidate);
        self.taken[candidate] = true;
    }

    /// A mark decides alone, whatever people and robots have made of the rest. A copied card has it too: then the content
    /// decides. Where a mark is a key, another source may use the same: what differs and was never changed is not the record.
    fn give_marked(&mut self) {
        for record in 0..self.sent.len() {
            let marked = self.marked(record);
            let agreeing = |candidate: &&usize| self.compared(record, **candidate).compatible();
            let agreeing: Vec<usize> = marked.iter().filter(agreeing).copied().collect();
            if let ([one], _) | (_, [one]) = (marked.as_slice(), agreeing.as_slice()) {
                let one = *one;
                if self.compared(record, one).compatible() || was_changed(self.free[one].1) {
                    self.give(record, one);
                    self.proven[record] = true;
                }
            }
        }
    }

    fn marked(&self, record: usize) -> Vec<usize> {
        let marked = self.marks[record].as_ref().and_then(|mark| self.by_mark.get(mark));
        marked.into_iter().flatten().copied().filter(|candidate| self.open(record, *candidate)).collect()
    }

    /// Nothing differs but what robots change.
    fn give_perfect(&mut self) {
        for record in 0..self.sent.len() {
            if self.given[record].is_some() || self.marks[record].is_some() {
                continue;
            }
            let perfect = self.candidates(record).iter().copied().find(|candidate| {
                self.open(record, *candidate) && !self.is_contested(record, *candidate) && {
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
            if self.marks[record].is_some() {
                continue;
            }
            for candidate in self.candidates(record).iter().copied().filter(|c| self.open(record, *c)) {
                if self.is_contested(record, candidate) {
                    continue;
                }
                let comparison = self.compared(record, candidate);
                if could_be(&comparison) {
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

    fn found(&self, record: usize) -> Finding {
        let Some(given) = self.given[record] else { return self.not_given(record) };
        let (id, entity) = self.free[given];
        let own = self.compared(record, given);
        // As good a candidate is left over: one of the two is somebody else's, and nobody can say which.
        let rival = |candidate: &&usize| {
            let other = self.compared(record, **candidate);
            let named = |id: u64| self.known.named.contains(&id);
            could_be(&other) && other.agreed >= own.agreed && (!named(id) || named(self.free[**candidate].0))
        };
        let rival = self.candidates(record).iter().filter(|candidate| self.open(record, **candidate)).find(rival);
        match rival {
            Some(rival) if !self.proven[record] => Finding::Unclear(vec![id, self.free[*rival].0]),
            None if !self.proven[record] && !self.is_enough(record, &own, entity) => Finding::Unclear(vec![id]),
            _ => Finding::There { id, contact_id: first(entity, "contacts"), company_id: first(entity, "companies") },
        }
    }

    /// One value alone, a name or a price, many cards have; with the token's user for its maker it is enough, and where a kind of
    /// thing does not say who has made it.
    fn is_enough(&self, record: usize, comparison: &ItemDiff, entity: &Value) -> bool {
        let made = number(&entity[MAKER]);
        let ours = made > 0 && (made == self.known.user || self.maker == Some(made)) || entity.get(MAKER).is_none();
        comparison.telling > 1
            || ours
            || self.parent(record).is_some()
            || id(&entity["id"]).is_some_and(|id| self.known.named.contains(&id))
    }

    /// Two cards with its mark, or anything that nobody claims and that may be it: a robot may have changed whatever was sent.
    fn not_given(&self, record: usize) -> Finding {
        let ids = |candidates: &mut dyn Iterator<Item = usize>| -> Vec<u64> {
            candidates.take(NAMED_MAX).map(|candidate| self.free[candidate].0).collect()
        };
        let marked = self.marked(record);
        if !marked.is_empty() {
            return Finding::Unclear(ids(&mut marked.into_iter()));
        }
        let strict = self.marks[record].is_some() || self.records[record].refused;
        let own = |candidate: &usize| {
            let made = number(&self.free[*candidate].1[MAKER]);
            self.records[record].refused && self.marks[record].is_none() && made > 0 && made == self.known.user
        };
        let likely = |candidate: &usize| !strict || own(candidate) || could_be(&self.compared(record, *candidate));
        let mut open =
            self.of_owner(record).iter().copied().filter(|candidate| self.open(record, *candidate)).filter(likely);
        let unclear = ids(&mut open);
        if unclear.is_empty() { Finding::Missing } else { Finding::Unclear(unclear) }
    }

    fn of_owner(&self, record: usize) -> &[usize] {
        match self.parent(record) {
            Some(parent) => self.by_owner.get(&parent).map_or(&[], Vec::as_slice),
            None => &self.all,
        }
    }
}

/// Who has made all of these, if one has.
fn maker(ours: &[(u64, &Value)]) -> Option<u64> {
    let mut makers = ours.iter().map(|(_, entity)| number(&entity[MAKER]));
    let first = makers.next().filter(|maker| *maker > 0)?;
    makers.all(|maker| maker == first).then_some(first)
}

fn number(value: &Value) -> u64 {
    text(value).parse().unwrap_or(0)
}

fn first(entity: &Value, key: &str) -> Option<u64> {
    id(&entity["_embedded"][key][0]["id"])
}

/// Somebody or something has changed it since it was made; a robot does so in the same second, and as nobody. [seed]
fn was_changed(entity: &Value) -> bool {
    let [made_at, changed_at, maker, changer] =
        ["created_at", "updated_at", MAKER, "updated_by"].map(|key| entity.get(key).map(number));
    changed_at > made_at || (changer.is_some() && changer != maker)
}

/// Nothing speaks against it, and something for it.
fn could_be(comparison: &ItemDiff) -> bool {
    comparison.compatible() && comparison.agreed > 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mapping::Record;
    use serde_json::json;
    use sheet_source::Row;

    fn loaded(row: u32, body: Value) -> QueuedRecord {
        let body = body.to_string().into_bytes();
        QueuedRecord { record: Record { row, body, ..Record::default() }, row: Row::default(), more: Vec::new() }
    }

    fn found(records: &[QueuedRecord], held: &[Value], known: &[u64]) -> Vec<Finding> {
        let records: Vec<InDoubt<'_>> =
            records.iter().map(|loaded| InDoubt { watermark: 5, ..InDoubt::fresh(loaded) }).collect();
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
        Finding::There { id, contact_id: None, company_id: None }
    }

    #[test]
    fn records_are_matched_as_a_multiset() {
        let lead = |name: &str, price: i64| json!({"name": name, "price": price});
        let held = |id: u64, name: &str, price: i64| json!({"id": id, "name": name, "price": price, "created_by": 0});
        let three = [loaded(2, lead("A", 1)), loaded(3, lead("A", 1)), loaded(4, lead("B", 2))];
        // Two of the three arrived.
        assert_eq!(found(&three, &[held(10, "A", 1), held(11, "B", 2)], &[]), [there(10), Finding::Missing, there(11)]);
        // Two alike, two there: which is which does not matter.
        assert_eq!(
            found(&three, &[held(10, "A", 1), held(12, "A", 1), held(11, "B", 2)], &[]),
            [there(10), there(12), there(11)]
        );
        // Ids that came back in answers are spoken for.
        assert_eq!(found(&three[..1], &[held(10, "A", 1)], &[10]), [Finding::Missing]);
        // Three alike for two records: somebody else made one.
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
        let two = [loaded(2, marked("A", "run/r2")), loaded(3, marked("A", "run/r3"))];
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
        // Where a mark is a key, another source may have the same: what nobody has changed and is something else is not it.
        let mut other = with_id(10, "Бананы", "run/r3");
        other["created_at"] = json!(5);
        other["updated_at"] = json!(5);
        assert_eq!(found(&two, &[other], &[]), [Finding::Missing, unclear(&[10])]);
        // A card that was copied has the mark as well: the content decides, or nobody.
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
        let one = [loaded(2, json!({"name": "A", "price": 10, "custom_fields_values": field("x")}))];
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
        let one = [loaded(2, json!({"name": "A"}))];
        for (made, expected) in [(json!(500), there(10)), (json!(0), unclear(&[10])), (json!(700), unclear(&[10]))] {
            assert_eq!(found(&one, &[json!({"id": 10, "name": "A", "created_by": made})], &[]), [expected]);
        }
        assert_eq!(found(&one, &[json!({"id": 10, "name": "A"})], &[]), [there(10)], "nobody says who makes these");
    }

    #[test]
    fn what_stands_below_the_watermark_is_older_than_the_record() {
        let one = [loaded(2, json!({"name": "A", "price": 1}))];
        assert_eq!(found(&one, &[json!({"id": 5, "name": "A", "price": 1})], &[]), [Finding::Missing]);
    }

    #[test]
    fn purchases_are_matched_within_their_customer() {
        let bought = |row: u32, customer: u64| {
            let mut loaded = loaded(row, json!({"price": 5, "comment": "чай"}));
            loaded.record.parent = Some(customer);
            loaded
        };
        assert_eq!(owned(json!([]), 7), json!([]), "PHP writes an empty object so");
        let held = |id: u64, customer: u64| owned(json!({"id": id, "price": 5, "comment": "чай"}), customer);
        let three = [bought(2, 7), bought(3, 7), bought(4, 8)];
        assert_eq!(found(&three, &[held(10, 7), held(11, 8)], &[]), [there(10), Finding::Missing, there(11)]);
        assert_eq!(found(&three[..1], &[held(10, 8)], &[]), [Finding::Missing]);
        let other = owned(json!({"id": 10, "price": 6, "comment": "чай"}), 7);
        assert_eq!(found(&three[..1], &[other], &[]), [unclear(&[10])]);
    }

    /// Spaces that the service puts in order, a letter it writes another way.
    #[test]
    fn a_name_that_comes_back_tidied_is_not_missing() {
        let one = [loaded(2, json!({"name": "Стол  «Ёлка»"}))];
        assert_eq!(found(&one, &[json!({"id": 10, "name": "Стол «ёлка»"})], &[]), [unclear(&[10])]);
    }

    #[test]
    fn leads_of_one_name_are_told_apart_by_their_contacts() {
        let lead = |contact: &str| json!({"name": "Заявка с сайта", "_embedded": {"contacts": [{"name": contact}]}});
        let two = [loaded(2, lead("Анна")), loaded(3, lead("Олег"))];
        let held = json!({"id": 10, "name": "Заявка с сайта", "_embedded": {"contacts": [{"id": 7, "name": "Олег"}]}});
        let there = Finding::There { id: 10, contact_id: Some(7), company_id: None };
        assert_eq!(found(&two, &[held], &[]), [Finding::Missing, there]);
    }
}
