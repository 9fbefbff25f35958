//! What became of records whose answer was lost: matched, as a multiset, against what the account has got since. Pure;
//! the reading, and the patience, are in `run`.

use super::feed::Loaded;
use crate::entity::compare::{Comparison, compare};
use crate::entity::parts::id;
use serde_json::Value;
use std::collections::HashSet;

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

/// Matches records in doubt with what the account holds above the watermark. `known` are ids that are spoken for: they
/// came back in answers. Each held entity is given to one record at most.
pub fn match_records(records: &[&Loaded], held: &[Value], known: &HashSet<u64>, marker: Option<u64>) -> Vec<Found> {
    let free: Vec<(u64, &Value)> = held
        .iter()
        .filter_map(|entity| Some((id(&entity["id"])?, entity)))
        .filter(|(id, _)| !known.contains(id))
        .collect();
    let sent: Vec<Value> =
        records.iter().map(|l| serde_json::from_slice(&l.record.body).unwrap_or(Value::Null)).collect();
    let compared: Vec<Vec<Comparison>> =
        sent.iter().map(|sent| free.iter().map(|(_, held)| compare(sent, held)).collect()).collect();
    let given = assign(&compared, marker);
    let taken: HashSet<usize> = given.iter().flatten().copied().collect();
    given
        .iter()
        .zip(&compared)
        .map(|(given, row)| match given {
            // As good a candidate is left over: one of the two is somebody else's, and nobody can say which.
            Some(n) if rival(row, *n, &taken, marker) => Found::Unclear,
            Some(n) => {
                let (id, entity) = free[*n];
                Found::There { id, contact_id: first(entity, "contacts"), company_id: first(entity, "companies") }
            }
            None if row.iter().enumerate().any(|(n, c)| !taken.contains(&n) && may_be(c, marker)) => Found::Unclear,
            None => Found::Missing,
        })
        .collect()
}

fn first(entity: &Value, key: &str) -> Option<u64> {
    id(&entity["_embedded"][key][0]["id"])
}

/// Nothing speaks against it, and something for it.
fn could_be(comparison: &Comparison, marker: Option<u64>) -> bool {
    comparison.compatible() && comparison.agreed > 0 && !comparison.foreign(marker)
}

/// Pairs with the most agreement first.
fn assign(compared: &[Vec<Comparison>], marker: Option<u64>) -> Vec<Option<usize>> {
    let mut pairs: Vec<(u32, usize, usize)> = Vec::new();
    for (record, row) in compared.iter().enumerate() {
        for (candidate, comparison) in row.iter().enumerate() {
            if could_be(comparison, marker) {
                pairs.push((comparison.agreed, record, candidate));
            }
        }
    }
    pairs.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(&b.1)).then(a.2.cmp(&b.2)));
    let mut given = vec![None; compared.len()];
    let mut taken = HashSet::new();
    for (_, record, candidate) in pairs {
        if given[record].is_none() && taken.insert(candidate) {
            given[record] = Some(candidate);
        }
    }
    given
}

fn rival(row: &[Comparison], given: usize, taken: &HashSet<usize>, marker: Option<u64>) -> bool {
    row.iter().enumerate().any(|(n, other)| {
        n != given && !taken.contains(&n) && could_be(other, marker) && other.agreed >= row[given].agreed
    })
}

/// Not compatible, and yet alike: the same name, with something changed by a robot, say.
fn may_be(comparison: &Comparison, marker: Option<u64>) -> bool {
    let named_alike = !comparison.differences.iter().any(|d| d.path == "name" || d.path == "created_at");
    named_alike && comparison.agreed > 0 && !comparison.foreign(marker)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mapping::Record;
    use crate::table::Row;
    use serde_json::json;

    fn loaded(row: u32, body: Value) -> Loaded {
        let body = body.to_string().into_bytes();
        Loaded { record: Record { row, key: None, id: None, body }, row: Row::default() }
    }

    fn found(records: &[Loaded], held: &[Value], known: &[u64]) -> Vec<Found> {
        let records: Vec<&Loaded> = records.iter().collect();
        match_records(&records, held, &known.iter().copied().collect(), Some(7))
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
}
