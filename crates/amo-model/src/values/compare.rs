//! Compares what was sent with what the account has. Values are normalised first, because the service returns numbers as texts,
//! days as timestamps, and flags as words. [client live]

use crate::parts::{id, list, text};
use crate::payload::REQUEST_ID;
use rust_decimal::Decimal;
use serde_json::Value;

/// How a sent item and a record of the account agree.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ItemDiff {
    /// The number of values that are the same on both sides.
    pub agreed: u32,
    /// How many of those the account's robots do not change.
    pub telling: u32,
    pub differences: Vec<Difference>,
}

/// A value that is not the same on both sides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// As in the API's validation errors: `price`, `custom_fields_values.2.values`.
    pub path: String,
    /// The id of the custom field, where it is one.
    pub field: Option<u64>,
    /// The account has no value where one was sent.
    pub dropped: bool,
    /// The account's robots do not change this value, so a difference means another record.
    pub telling: bool,
}

impl ItemDiff {
    /// True where nothing shows that this is another record. Dropped values do not: the service is known to drop some.
    pub fn compatible(&self) -> bool {
        self.differences.iter().all(|d| d.dropped || !d.telling)
    }

    fn agree(&mut self) {
        self.agreed += 1;
        self.telling += 1;
    }

    /// Adds a key of the item itself.
    fn add_key(&mut self, key: &str, equal: bool, held: &Value) {
        let telling = !ROBOTS_CHANGE.contains(&key);
        if equal {
            self.agreed += 1;
            self.telling += u32::from(telling);
        } else {
            let dropped = held.is_null();
            self.differences.push(Difference { path: key.to_owned(), field: None, dropped, telling });
        }
    }

    /// True where the marker shows that this is another record: its value is another one, or missing.
    pub fn foreign(&self, marker: Option<Marker>) -> bool {
        let Some(marker) = marker else { return false };
        self.differences.iter().any(|d| match marker {
            Marker::Field(id) => d.field == Some(id),
            Marker::Key(key) => d.path == key,
        })
    }
}

/// Where records have their marker, a text that is unique to each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Marker {
    /// A custom field.
    Field(u64),
    /// A key of the item itself: the comment of a transaction, which has no custom fields.
    Key(&'static str),
}

impl Marker {
    /// The value of the marker in an item that was sent or read.
    pub fn of(self, item: &Value) -> Option<String> {
        let mark = match self {
            Marker::Key(key) => text(&item[key]),
            Marker::Field(field) => {
                let of_field = |entry: &&Value| id(&entry["field_id"]) == Some(field);
                text(&list(&item["custom_fields_values"]).into_iter().find(of_field)?["values"][0]["value"])
            }
        };
        Some(mark.trim().to_owned()).filter(|mark| !mark.is_empty())
    }
}

/// Keys that are sent and never returned under the same name.
const NOT_RETURNED: [&str; 4] = [REQUEST_ID, "tags_to_add", "tags_to_delete", "_embedded"];
/// Keys that the account's robots change within a second, so that a difference means nothing. `sort` is renumbered by the
/// service itself. [seed]
const ROBOTS_CHANGE: [&str; 8] = [
    "status_id",
    "pipeline_id",
    "responsible_user_id",
    "updated_at",
    "updated_by",
    "closed_at",
    "loss_reason_id",
    "sort",
];
/// Returned with or without a `#`. [seed]
pub(super) const COLOUR: &str = "color";
/// The service moves it to the midnight of the account's day, as in all examples. [seed]
pub(super) const DAY: &str = "next_date";
pub(super) const DAY_S: i64 = 86_400;

/// Compares an item that was sent with a record that was read.
pub fn compare(sent: &Value, held: &Value) -> ItemDiff {
    let mut comparison = ItemDiff::default();
    let Some(keys) = sent.as_object() else { return comparison };
    for (key, value) in
        keys.iter().filter(|(key, _)| !NOT_RETURNED.contains(&key.as_str()) && *key != "custom_fields_values")
    {
        // A key that the answer lacks is not compared.
        if !held.as_object().is_some_and(|held| held.contains_key(key)) {
            continue;
        }
        let held = &held[key];
        let equal = same(value, held, false)
            || (key == COLOUR && colour(value) == colour(held))
            || (key == DAY && same_day(value, held));
        comparison.add_key(key, equal, held);
    }
    // A part that the answer lacks is not compared: linked records come with their ids only.
    if let Some(held) = held.get("custom_fields_values") {
        custom_fields(&mut comparison, &sent["custom_fields_values"], held);
    }
    for key in ["contacts", "companies", "segments"] {
        if let Some(held) = held["_embedded"].get(key) {
            embedded(&mut comparison, key, &sent["_embedded"][key], held);
        }
    }
    if let Some(held) = held["_embedded"].get("catalog_elements") {
        elements(&mut comparison, &sent["_embedded"]["catalog_elements"], held);
    }
    if let Some(held) = held["_embedded"].get("tags") {
        tags(&mut comparison, "tags_to_add", &sent["tags_to_add"], held);
        tags(&mut comparison, "_embedded.tags", &sent["_embedded"]["tags"], held);
    }
    comparison
}

fn same_day(sent: &Value, held: &Value) -> bool {
    matches!((timestamp(&text(sent)), timestamp(&text(held))), (Some(a), Some(b)) if (a - b).abs() < DAY_S)
}

/// Unix seconds. Since then no time zone has an offset with seconds; the last was Liberia. [tz database]
const WHOLE_MINUTES_SINCE: i64 = 63_593_070;

/// A day is sent as its midnight with an offset in whole minutes, which may be some seconds later than the exact midnight that
/// the account has.
fn same_old_day(sent: &Value, sent_s: i64, held_s: i64) -> bool {
    sent.is_string() && held_s < WHOLE_MINUTES_SINCE && (0..60).contains(&(sent_s - held_s))
}

pub(super) fn colour(value: &Value) -> String {
    text(value).trim().trim_start_matches('#').to_lowercase()
}

/// Compares the elements of catalogs that belong to the item, by id and, where both sides have it, by quantity.
fn elements(comparison: &mut ItemDiff, sent: &Value, held: &Value) {
    let held = list(held);
    for (n, item) in list(sent).into_iter().enumerate() {
        let other = held.iter().find(|other| id(&other["id"]) == id(&item["id"]));
        let path = format!("_embedded.catalog_elements.{n}");
        let [here, there] = [Some(&item), other].map(|item| item.map_or(&Value::Null, |i| &i["metadata"]["quantity"]));
        match other {
            Some(_) if here.is_null() || there.is_null() || same(here, there, true) => comparison.agree(),
            Some(_) => comparison.differences.push(Difference { path, field: None, dropped: false, telling: true }),
            None => {
                comparison.differences.push(Difference { path, field: None, dropped: held.is_empty(), telling: true });
            }
        }
    }
}

/// Compares linked contacts and companies: by id where the item has one, else by all their values. The record of the account
/// has only ids unless the caller has put the whole records in.
fn embedded(comparison: &mut ItemDiff, key: &str, sent: &Value, held: &Value) {
    let held = list(held);
    for (n, item) in list(sent).into_iter().enumerate() {
        let path = format!("_embedded.{key}.{n}");
        match id(&item["id"]) {
            Some(wanted) if held.iter().any(|other| id(&other["id"]) == Some(wanted)) => comparison.agree(),
            Some(_) => {
                comparison.differences.push(Difference { path, field: None, dropped: held.is_empty(), telling: true });
            }
            None => match held.get(n) {
                None => comparison.differences.push(Difference { path, field: None, dropped: true, telling: true }),
                Some(other) => {
                    let inner = compare(item, other);
                    comparison.agreed += inner.agreed;
                    comparison.telling += inner.telling;
                    let nested = inner.differences.into_iter();
                    // A custom field of a contact is not one of the lead, so it is not the marker.
                    comparison.differences.extend(nested.map(|d| Difference {
                        path: format!("{path}.{}", d.path),
                        field: None,
                        ..d
                    }));
                }
            },
        }
    }
}

fn custom_fields(comparison: &mut ItemDiff, sent: &Value, held: &Value) {
    let held: Vec<&Value> = list(held);
    for (n, field) in list(sent).into_iter().enumerate() {
        let field_id = id(&field["field_id"]);
        let other = held.iter().find(|other| id(&other["field_id"]) == field_id);
        let numeric = other.is_some_and(|other| NUMERIC.contains(&text(&other["field_type"]).as_str()));
        let there = other.map(|other| list(&other["values"])).filter(|values| !values.is_empty());
        let path = format!("custom_fields_values.{n}.values");
        let here = list(&field["values"]);
        match there {
            // The field was emptied, and is empty.
            None if here.is_empty() => comparison.agreed += 1,
            None => comparison.differences.push(Difference { path, field: field_id, dropped: true, telling: true }),
            Some(there) if same_values(&here, &there, numeric) => comparison.agree(),
            Some(there) => {
                // All values are among those sent, and some are missing: these were dropped.
                let dropped =
                    there.len() < here.len() && there.iter().all(|t| here.iter().any(|h| same_item(h, t, numeric)));
                comparison.differences.push(Difference { path, field: field_id, dropped, telling: true });
            }
        }
    }
}

fn same_values(here: &[&Value], there: &[&Value], numeric: bool) -> bool {
    here.len() == there.len() && here.iter().all(|h| there.iter().any(|t| same_item(h, t, numeric)))
}

/// Compares options by id and other values by `value`; a step of a chained list, which has neither, by its keys.
pub(super) fn same_item(sent: &Value, held: &Value, numeric: bool) -> bool {
    match (id(&sent["enum_id"]), sent.get("value")) {
        (Some(option), None) => id(&held["enum_id"]) == Some(option),
        (None, None) => same(sent, held, numeric),
        (_, Some(value)) => same(value, &held["value"], numeric),
    }
}

fn tags(comparison: &mut ItemDiff, key: &str, sent: &Value, held: &Value) {
    let held: Vec<String> = list(held).into_iter().map(|tag| text(&tag["name"]).to_lowercase()).collect();
    for (n, tag) in list(sent).into_iter().enumerate() {
        if held.contains(&text(&tag["name"]).to_lowercase()) {
            comparison.agree();
        } else {
            let path = format!("{key}.{n}");
            comparison.differences.push(Difference { path, field: None, dropped: true, telling: false });
        }
    }
}

/// Types whose texts are numbers, where "100.50" equals "100.5". In other types "007" does not equal "7".
pub(super) const NUMERIC: [&str; 3] = ["numeric", "monetary", "price"];

/// Compares two values after normalising them.
pub(super) fn same(sent: &Value, held: &Value, numeric: bool) -> bool {
    if sent == held {
        return true;
    }
    match (sent, held) {
        (Value::Bool(flag), other) | (other, Value::Bool(flag)) => {
            crate::parts::flag(other) == *flag && !other.is_null()
        }
        (Value::Null, _) | (_, Value::Null) => false,
        // All that was sent must be there; the service may add more. An empty object is returned as an empty list. [seed]
        (Value::Object(sent), _) => {
            (sent.is_empty() && list(held).is_empty())
                || sent.iter().all(|(key, value)| match held.get(key) {
                    None | Some(Value::Null) => value.is_null(),
                    Some(held) => same(value, held, numeric),
                })
        }
        (Value::Array(_), Value::Array(_) | Value::Object(_)) => {
            let (here, there) = (list(sent), list(held));
            here.len() == there.len() && here.iter().all(|h| there.iter().any(|t| same(h, t, numeric)))
        }
        (Value::Array(_), _) | (_, Value::Array(_) | Value::Object(_)) => false,
        _ => {
            let (a, b) = (text(sent), text(held));
            if a.trim() == b.trim() {
                return true;
            }
            match (timestamp(&a), timestamp(&b)) {
                (Some(a), Some(b)) if sent.is_string() != held.is_string() => a == b || same_old_day(sent, a, b),
                _ if numeric || !(sent.is_string() && held.is_string()) => {
                    matches!((decimal(&a), decimal(&b)), (Some(a), Some(b)) if a == b)
                }
                _ => false,
            }
        }
    }
}

fn decimal(text: &str) -> Option<Decimal> {
    text.trim().parse().ok()
}

/// Reads unix seconds, or RFC 3339, as unix seconds.
pub(super) fn timestamp(text: &str) -> Option<i64> {
    text.parse().ok().or_else(|| text.parse::<jiff::Timestamp>().ok().map(jiff::Timestamp::as_second))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn values_are_equal_in_every_form_of_the_service() {
        for (sent, held, equal) in [
            (json!(12.5), json!("12.5"), true),
            (json!(true), json!("1"), true),
            (json!(true), json!(null), false),
            (json!("2021-10-19T00:00:00+03:00"), json!(1_634_590_800), true),
            (json!("2021-10-19T00:00:00+03:00"), json!(1_634_590_801), false),
            // Midnight in Moscow in 1900 was 17 seconds earlier than an offset in minutes says; in Monrovia in 1960, 30 seconds.
            (json!("1900-01-01T00:00:00+02:30"), json!(-2_208_997_817_i64), true),
            (json!("1900-01-01T00:00:00+02:30"), json!(-2_208_997_861_i64), false),
            (json!("1900-01-01T00:00:00+02:30"), json!(-2_208_997_799_i64), false),
            (json!("1960-03-05T00:00:00-00:45"), json!(-310_086_930_i64), true),
            (json!(-2_208_997_800_i64), json!(-2_208_997_817_i64), false),
            (json!("a "), json!("a"), true),
            (json!("007"), json!("7"), false),
            (json!("1.0"), json!("1"), false),
            (json!(7), json!("7"), true),
            (json!("a"), json!("b"), false),
            (json!(1), json!(2), false),
        ] {
            assert_eq!(same(&sent, &held, false), equal, "{sent} {held}");
        }
        assert!(same(&json!("100.50"), &json!("100.5"), true), "in a field of money");
    }

    #[test]
    fn objects_are_equal_when_all_that_was_sent_is_there() {
        for (sent, held, equal) in [
            (json!({"name": "A"}), json!({"name": "A", "address": "x"}), true),
            (json!({"name": "A", "kpp": null}), json!({"name": "A"}), true),
            (json!({"name": "A"}), json!({"name": "B"}), false),
            (json!({"name": "A"}), json!({}), false),
            (json!({"name": "A"}), json!(null), false),
            (json!({"quantity": 5, "unit_price": "10.00"}), json!({"quantity": 5.0, "unit_price": 10.0}), true),
            (
                json!({"discount": {"type": "amount", "value": 25}}),
                json!({"discount": {"type": "amount", "value": 2}}),
                false,
            ),
            (json!({"metadata": {}}), json!({"metadata": []}), true),
            (json!([1, 2]), json!(["2", "1"]), true),
            (json!([1, 2]), json!([1]), false),
            (json!([]), json!(5), false),
        ] {
            assert_eq!(same(&sent, &held, false), equal, "{sent} {held}");
        }
        let field = |value: Value| json!({"custom_fields_values": [{"field_id": 1, "values": [value]}]});
        let link = |id: u64| field(json!({"catalog_id": 5, "catalog_element_id": id}));
        assert_eq!(compare(&link(7), &link(7)).agreed, 1);
        assert!(!compare(&link(7), &link(8)).compatible(), "steps of a chained list have no `value`");
    }

    #[test]
    fn embedded_parts_are_compared_and_renumbered_keys_are_not() {
        let with = |key: &str, items: Value| json!({"_embedded": {key: items}});
        let element =
            |id: u64, quantity: Value| json!([{"id": id, "metadata": {"catalog_id": 1, "quantity": quantity}}]);
        for (key, sent, held, agreed, compatible) in [
            ("catalog_elements", element(5, json!(2)), element(5, json!("2.0")), 1, true),
            ("catalog_elements", element(5, json!(2)), element(5, json!(3)), 0, false),
            ("catalog_elements", element(5, json!(2)), json!([{"id": 5}]), 1, true),
            ("catalog_elements", element(5, json!(2)), element(6, json!(2)), 0, false),
            ("segments", json!([{"id": 1}]), json!([{"id": 2}, {"id": 1}]), 1, true),
            ("segments", json!([{"id": 1}]), json!([{"id": 2}]), 0, false),
            ("tags", json!([{"name": "VIP"}]), json!([{"id": 1, "name": "vip"}]), 1, true),
        ] {
            let comparison = compare(&with(key, sent), &with(key, held));
            assert_eq!((comparison.agreed, comparison.compatible()), (agreed, compatible), "{comparison:?}");
        }
        let status = |sort: u64, color: &str| json!({"name": "A", "sort": sort, "color": color});
        let renumbered = compare(&status(100, "#FFDC7F"), &status(5, "ffdc7f"));
        assert_eq!((renumbered.agreed, renumbered.compatible()), (2, true), "{renumbered:?}");
        assert!(!compare(&status(1, "#ffdc7f"), &status(1, "#ffdbdb")).compatible());
        let next = |at: i64| json!({"next_date": at});
        assert!(compare(&next(1_589_058_000), &next(1_589_000_000)).compatible(), "moved to midnight");
        assert!(!compare(&next(1_589_058_000), &next(1_588_900_000)).compatible());
        let bought = |comment: &str| json!({"price": 5, "comment": comment});
        let other = compare(&bought("run/r2"), &bought("run/r3"));
        assert!(other.foreign(Some(Marker::Key("comment"))) && !other.foreign(Some(Marker::Field(1))));
    }

    #[test]
    fn linked_records_tell_records_apart() {
        let lead = |contact: Value| json!({"name": "A", "_embedded": {"contacts": [contact]}});
        let full = json!({"name": "B", "custom_fields_values": [{"field_id": 1, "values": [{"value": "x"}]}]});
        assert_eq!(compare(&lead(full), &lead(json!({"id": 6}))).differences, []);
        let ids = compare(&lead(json!({"id": 5})), &lead(json!({"id": 5, "is_main": true})));
        assert_eq!((ids.agreed, ids.differences.len()), (2, 0));
        assert!(!compare(&lead(json!({"id": 5})), &lead(json!({"id": 6}))).compatible());
        assert!(compare(&lead(json!({"name": "B"})), &lead(json!({"id": 6, "name": "B"}))).compatible());
        assert!(!compare(&lead(json!({"name": "B"})), &lead(json!({"id": 6, "name": "C"}))).compatible());
        let unread = compare(&lead(json!({"name": "B"})), &lead(json!({"id": 6})));
        assert_eq!((unread.agreed, unread.differences.len()), (1, 0), "a part that was not read is not compared");
    }

    #[test]
    fn a_dropped_value_does_not_mean_another_record_and_a_different_one_does() {
        let sent = json!({"name": "A", "price": 5, "status_id": 3, "request_id": "r2", "tags_to_add": [{"name": "x"}],
            "custom_fields_values": [{"field_id": 1, "values": [{"value": "m1"}]}, {"field_id": 2, "values": [{"enum_id": 7}]}]});
        let field = |id: u64, value: Value| json!({"field_id": id, "values": [value]});
        let held = |name: &str, price: i64, fields: Vec<Value>| json!({"id": 9, "name": name, "price": price, "status_id": 4, "custom_fields_values": fields, "_embedded": {"tags": []}});
        let one = field(1, json!({"value": "m1"}));
        let two = field(2, json!({"value": "Да", "enum_id": 7}));
        let whole = compare(&sent, &held("A", 5, vec![one.clone(), two.clone()]));
        assert_eq!((whole.agreed, whole.differences.len()), (4, 2), "a robot moved it, the tag was dropped: {whole:?}");
        assert!(whole.compatible());
        let dropped = compare(&sent, &held("A", 5, vec![one.clone()]));
        assert!(dropped.compatible() && dropped.differences.iter().any(|d| d.field == Some(2)));
        assert!(!compare(&sent, &held("A", 6, vec![one.clone(), two.clone()])).compatible());
        assert!(!compare(&sent, &held("B", 5, vec![one, two.clone()])).compatible());
        let other = compare(&sent, &held("A", 5, vec![field(1, json!({"value": "m2"})), two]));
        assert!(!other.compatible() && other.foreign(Some(Marker::Field(1))) && !other.foreign(None));
    }
}
