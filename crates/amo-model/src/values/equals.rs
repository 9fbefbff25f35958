//! Whether the account already has what an update would send. Stricter than `compare`, which looks for a lost record among
//! others: here a wrong "equal" would leave out a change, and a wrong "different" costs one request.

use super::compare::{COLOUR, DAY, DAY_S, NUMERIC, colour, same, same_item, timestamp};
use crate::parts::{id, list, text};
use serde_json::Value;

/// True where a key of the item itself already has the value that was sent.
pub fn key_holds(key: &str, sent: &Value, held: &Value) -> bool {
    let same_colour = || !held.is_null() && colour(sent) == colour(held);
    same(sent, held, false) || (key == COLOUR && same_colour()) || (key == DAY && day_holds(sent, held))
}

/// The service stores the midnight at which the day began. [seed]
fn day_holds(sent: &Value, held: &Value) -> bool {
    matches!((timestamp(&text(sent)), timestamp(&text(held))), (Some(a), Some(b)) if (0..DAY_S).contains(&(a - b)))
}

/// True where a custom field already has the values that were sent; `held` is its entry in the record, if there is one.
pub fn field_holds(sent: &Value, held: Option<&Value>) -> bool {
    let (here, there) = (list(sent), held.map(held_values).unwrap_or_default());
    let Some(held) = held.filter(|_| !there.is_empty()) else {
        // A checkbox that was never ticked has no value, and counts as false.
        return here.iter().all(|value| value["value"] == Value::Bool(false));
    };
    if here.len() != there.len() {
        return false;
    }
    let kind = text(&held["field_type"]);
    let numeric = NUMERIC.contains(&kind.as_str());
    let equal = |h: &Value, t: &Value| {
        same_item(h, t, numeric)
            && same_enum(h, t)
            && !(kind == "legal_entity" && has_more_parts(&t["value"], &h["value"]))
    };
    // The order of phones matters, since the first is the main one. The service orders options and address lines itself.
    let ordered = !here.iter().all(|value| value.get("value").is_none() && value.get("enum_id").is_some());
    if ordered && kind != "smart_address" {
        return here.iter().zip(&there).all(|(h, t)| equal(h, t));
    }
    let mut remaining = there;
    here.iter().all(|h| match remaining.iter().position(|t| equal(h, t)) {
        Some(n) => {
            remaining.swap_remove(n);
            true
        }
        None => false,
    })
}

/// The values of a custom field's entry, without empty ones.
pub fn held_values(entry: &Value) -> Vec<&Value> {
    let filled = |value: &&Value| {
        id(&value["enum_id"]).is_some() || id(&value["catalog_element_id"]).is_some() || !is_blank(&value["value"])
    };
    list(&entry["values"]).into_iter().filter(filled).collect()
}

fn is_blank(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.trim().is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Bool(_) | Value::Number(_) | Value::Object(_) => false,
    }
}

/// True where a key of the item itself is empty: the CRM writes 0 where there is no price, reason or time.
pub fn key_is_empty(held: &Value) -> bool {
    is_blank(held) || matches!(held, Value::Number(number) if number.as_f64() == Some(0.0))
}

/// Compares the enum of a phone or an e-mail, where both sides have a code or both have an id.
fn same_enum(sent: &Value, held: &Value) -> bool {
    if sent.get("value").is_none() {
        return true;
    }
    let (code, other) = (text(&sent["enum_code"]), text(&held["enum_code"]));
    if !code.is_empty() && !other.is_empty() {
        return code == other;
    }
    match (id(&sent["enum_id"]), id(&held["enum_id"])) {
        (Some(option), Some(other)) => option == other,
        _ => true,
    }
}

/// True where the record's object has parts that the sent one lacks and that the service does not add itself. They would be
/// lost, since a sent object replaces the whole value.
fn has_more_parts(held: &Value, sent: &Value) -> bool {
    const ADDED_BY_SERVICE: &str = "entity_type";
    let (Some(held), Some(sent)) = (held.as_object(), sent.as_object()) else { return false };
    held.iter().any(|(key, value)| key != ADDED_BY_SERVICE && !is_blank(value) && !sent.contains_key(key))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_key_is_equal_in_every_form_of_the_service() {
        for (key, sent, held, holds) in [
            ("price", json!(5), json!("5"), true),
            ("price", json!(0), json!(null), false),
            ("name", json!("А"), json!("А "), true),
            ("name", json!("А"), json!("а"), false),
            ("color", json!("#FFDC7F"), json!("ffdc7f"), true),
            ("color", json!("#ffdc7f"), json!(null), false),
            // Moved back to midnight, and never to the next one.
            ("next_date", json!(1_589_058_000), json!(1_589_057_000), true),
            ("next_date", json!(1_589_058_000), json!(1_589_059_000), false),
            ("next_date", json!(1_589_058_000), json!(1_589_058_000 - 86_400), false),
            ("available_products_price_types", json!([1, 2]), json!([2, 1]), true),
            ("available_products_price_types", json!([1]), json!([2, 1]), false),
        ] {
            assert_eq!(key_holds(key, &sent, &held), holds, "{key} {sent} {held}");
        }
    }

    #[test]
    fn a_field_is_equal_when_all_of_its_values_are() {
        let phone = |number: &str, code: &str| json!({"value": number, "enum_code": code});
        let (one, two) = (phone("+71", "WORK"), phone("+72", "MOB"));
        let held_phone = |number: &str, code: &str| json!({"value": number, "enum_id": 5, "enum_code": code});
        let (three, four) = (held_phone("+71", "WORK"), held_phone("+72", "MOB"));
        let [seven, eight] = [7, 8].map(|option| json!({"enum_id": option}));
        let option = |option: u64| json!({"value": "Да", "enum_id": option, "enum_code": null});
        for (sent, kind, held, holds) in [
            (json!([one, two]), "multitext", json!([three, four]), true),
            (json!([two, one]), "multitext", json!([three, four]), false),
            (json!([one]), "multitext", json!([three, four]), false),
            (json!([one, one]), "multitext", json!([three, four]), false),
            (json!([phone("+71", "MOB")]), "multitext", json!([three]), false),
            (json!([phone("+71", "MOB")]), "multitext", json!([{"value": "+71", "enum_id": 5}]), true),
            (json!([{"value": "+71", "enum_id": 6}]), "multitext", json!([three]), false),
            (json!([seven, eight]), "multiselect", json!([option(8), option(7)]), true),
            (json!([seven, seven]), "multiselect", json!([option(8), option(7)]), false),
            (json!([seven]), "select", json!([option(7)]), true),
            (json!([{"value": true}]), "checkbox", json!([{"value": "1"}]), true),
            (json!([{"value": false}]), "checkbox", json!([]), true),
            (json!([{"value": true}]), "checkbox", json!([]), false),
            (json!([{"value": "100.50"}]), "monetary", json!([{"value": "100.5"}]), true),
            (json!([{"value": "007"}]), "text", json!([{"value": "7"}]), false),
            (json!([{"value": "А"}]), "text", json!([{"value": ""}]), false),
            (json!(null), "text", json!([{"value": ""}]), true),
            (json!(null), "text", json!(null), true),
            (json!(null), "text", json!([{"value": "А"}]), false),
            (
                json!([{"value": {"name": "А"}}]),
                "legal_entity",
                json!([{"value": {"name": "А", "vat_id": "1"}}]),
                false,
            ),
            (
                json!([{"value": {"name": "А"}}]),
                "legal_entity",
                json!([{"value": {"name": "А", "vat_id": null}}]),
                true,
            ),
            (json!([{"value": {"entity_id": 1}}]), "supplier", json!([{"value": {"entity_id": 1, "name": "А"}}]), true),
        ] {
            let entry = json!({"field_id": 1, "field_type": kind, "values": held});
            assert_eq!(field_holds(&sent, Some(&entry)), holds, "{sent} {entry}");
        }
        assert!(field_holds(&json!(null), None) && !field_holds(&json!([{"value": "А"}]), None));
    }

    #[test]
    fn a_key_is_empty_when_the_card_shows_nothing() {
        for (held, empty) in
            [(json!(null), true), (json!(0), true), (json!(" "), true), (json!(false), false), (json!("0"), false)]
        {
            assert_eq!(key_is_empty(&held), empty, "{held}");
        }
    }
}
