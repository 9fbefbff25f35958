//! Values of a custom field, by its type: what may be written, and how it is kept. [doc] unless said otherwise.

mod address;
pub mod custom_fields;
mod invoice;
mod objects;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Map, Value, json};

use crate::account::{Choice, Field};
use crate::check::{Complaints, Rules, join, longer_than};
use amo_model::FieldKind;

/// Values of a `chained_list`. [doc]
const CHAIN_MAX: usize = 5;
/// Numbers longer than this come back mangled. [client]
const DIGITS_MAX: usize = 15;

pub fn check_all(
    rules: &Rules,
    field: &Field,
    items: &[Value],
    path: &str,
    complaints: &mut Complaints,
) -> Option<Vec<Value>> {
    let max = match field.kind {
        FieldKind::ChainedList => CHAIN_MAX,
        FieldKind::Multiselect | FieldKind::Multitext | FieldKind::SmartAddress | FieldKind::Items => usize::MAX,
        _ => 1,
    };
    let before = complaints.0.len();
    if items.len() > max {
        complaints.too_many(path, max); // [inferred]
    }
    let mut kept = Vec::with_capacity(items.len());
    for (i, item) in items.iter().enumerate() {
        let at = join(path, i);
        match item.as_object() {
            Some(item) => kept.extend(check_one(rules, field, item, &at, complaints)),
            None => complaints.wrong_type(at, "array"),
        }
    }
    (complaints.0.len() == before).then_some(kept)
}

fn check_one(
    rules: &Rules,
    field: &Field,
    item: &Map<String, Value>,
    at: &str,
    complaints: &mut Complaints,
) -> Option<Value> {
    match field.kind {
        FieldKind::Text | FieldKind::Textarea | FieldKind::Url | FieldKind::Streetaddress | FieldKind::TrackingData => {
            let value = only_value(item, at, complaints)?;
            Some(json!({"value": text(rules, field, value, at, complaints)?}))
        }
        FieldKind::Numeric | FieldKind::Monetary | FieldKind::Price => {
            let value = only_value(item, at, complaints)?;
            Some(json!({"value": number(value, at, complaints)?}))
        }
        FieldKind::Checkbox => match only_value(item, at, complaints)? {
            Value::Bool(value) => Some(json!({"value": value})),
            _ => refuse(complaints, |c| c.wrong_type(join(at, "value"), "bool")),
        },
        FieldKind::Select | FieldKind::Radiobutton => choice(field, item, true, at, complaints),
        FieldKind::Category => choice(field, item, false, at, complaints), // branches have no codes
        FieldKind::Multiselect => choice(field, item, rules.switches.multiselect_enum_code, at, complaints),
        FieldKind::Date | FieldKind::DateTime | FieldKind::Birthday => {
            let value = only_value(item, at, complaints)?;
            Some(json!({"value": time(rules, field.kind, value, at, complaints)?}))
        }
        FieldKind::Multitext => multitext(rules, field, item, at, complaints),
        FieldKind::SmartAddress => address::check(rules, field, item, at, complaints),
        FieldKind::LegalEntity => objects::legal_entity(only_value(item, at, complaints)?, at, complaints),
        FieldKind::ChainedList => objects::chained(rules, field, item, at, complaints),
        FieldKind::File => objects::file(only_value(item, at, complaints)?, at, complaints),
        FieldKind::LinkedEntity => objects::linked(rules, field, only_value(item, at, complaints)?, at, complaints),
        FieldKind::Items => invoice::line(rules, only_value(item, at, complaints)?, at, complaints),
        FieldKind::Payer => invoice::payer(rules, only_value(item, at, complaints)?, at, complaints),
        FieldKind::Supplier => invoice::supplier(rules, only_value(item, at, complaints)?, at, complaints),
        FieldKind::OrgLegalName | FieldKind::Unknown => refuse(complaints, |c| c.unexpected(join(at, "value"))),
    }
}

pub(super) fn refuse<T>(complaints: &mut Complaints, say: impl FnOnce(&mut Complaints)) -> Option<T> {
    say(complaints);
    None
}

/// `{"value": …}` and nothing else.
fn only_value<'a>(item: &'a Map<String, Value>, at: &str, complaints: &mut Complaints) -> Option<&'a Value> {
    only_keys(item, &["value"], at, complaints);
    match item.get("value") {
        Some(value) => Some(value),
        None => refuse(complaints, |c| c.missing(join(at, "value"))),
    }
}

pub(super) fn only_keys(item: &Map<String, Value>, keys: &[&str], at: &str, complaints: &mut Complaints) {
    for key in item.keys().filter(|k| !keys.contains(&k.as_str())) {
        complaints.unexpected(join(at, key));
    }
}

fn text<'a>(rules: &Rules, field: &Field, value: &'a Value, at: &str, complaints: &mut Complaints) -> Option<&'a str> {
    let Some(text) = value.as_str() else {
        return refuse(complaints, |c| c.wrong_type(join(at, "value"), "string"));
    };
    let max = match field.kind.text_max() {
        Some(max) if max == amo_model::TEXT_MAX => rules.switches.text_max,
        Some(max) => max,
        None => 0,
    };
    if longer_than(text, max) {
        return refuse(complaints, |c| c.too_long(join(at, "value"), max)); // [client]
    }
    Some(text)
}

/// Numbers are read back as strings; strings of digits are taken. [doc], [client live]
fn number(value: &Value, at: &str, complaints: &mut Complaints) -> Option<String> {
    let text = match value {
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.trim().to_owned(),
        _ => return refuse(complaints, |c| c.wrong_type(join(at, "value"), "numeric")),
    };
    let plain = !text.is_empty() && text.chars().all(|c| c.is_ascii_digit() || "+-.eE".contains(c));
    let parsed = if plain { text.parse::<f64>().ok().filter(|n| n.is_finite()) } else { None };
    match parsed {
        None => refuse(complaints, |c| c.wrong_type(join(at, "value"), "numeric")),
        Some(n) if text.contains(['e', 'E']) => Some(n.to_string()),
        Some(n) if text.chars().filter(char::is_ascii_digit).count() > DIGITS_MAX => Some(n.to_string()),
        Some(_) => Some(text.strip_suffix(".0").unwrap_or(&text).to_owned()),
    }
}

fn choice(
    field: &Field,
    item: &Map<String, Value>,
    takes_code: bool,
    at: &str,
    complaints: &mut Complaints,
) -> Option<Value> {
    let keys: &[&str] = if takes_code { &["value", "enum_id", "enum_code"] } else { &["value", "enum_id"] };
    only_keys(item, keys, at, complaints); // `enum_code` in a multiselect is refused [client]
    let found = named_choice(field, item, at, complaints)?;
    Some(json!({"enum_id": found.id}))
}

/// The option an item names, by whichever key; the id counts most. A read option sent back has all keys.
fn named_choice<'a>(
    field: &'a Field,
    item: &Map<String, Value>,
    at: &str,
    complaints: &mut Complaints,
) -> Option<&'a Choice> {
    let said = |key: &str| item.get(key).filter(|v| !v.is_null());
    let (key, found, wanted) = if let Some(id) = said("enum_id") {
        ("enum_id", id.as_u64().map(|id| field.choice(id)), "int")
    } else if let Some(value) = said("value") {
        ("value", value.as_str().map(|v| field.choice_by_value(v)), "string")
    } else if let Some(code) = said("enum_code") {
        ("enum_code", code.as_str().map(|c| field.choice_by_code(c)), "string")
    } else {
        return refuse(complaints, |c| c.missing(join(at, "value")));
    };
    match found {
        Some(Some(choice)) => Some(choice),
        Some(None) => refuse(complaints, |c| c.choice(join(at, key))), // [doc]
        None => refuse(complaints, |c| c.wrong_type(join(at, key), wanted)),
    }
}

/// Unix seconds or RFC 3339, as a string of digits too. Kept as Unix seconds.
fn time(rules: &Rules, kind: FieldKind, value: &Value, at: &str, complaints: &mut Complaints) -> Option<i64> {
    let seconds = match value {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => text.parse().ok().or_else(|| text.parse::<Timestamp>().ok().map(|t| t.as_second())),
        _ => None,
    };
    let Some(seconds) = seconds else {
        return refuse(complaints, |c| c.wrong_type(join(at, "value"), "int"));
    };
    // Before 1970 a birthday is written as a string. [client]
    if kind == FieldKind::Birthday && seconds < 0 && !value.as_str().is_some_and(|v| v.contains('T')) {
        return refuse(complaints, |c| c.choice(join(at, "value")));
    }
    if kind == FieldKind::DateTime || !rules.switches.date_shift {
        return Some(seconds);
    }
    let midnight = midnight(seconds, &rules.account().timezone);
    if midnight.is_none() {
        complaints.choice(join(at, "value"));
    }
    midnight
}

/// When the next purchase is expected, as it is kept.
pub fn day(rules: &Rules, seconds: i64) -> i64 {
    let shifted = rules.switches.next_date_shift.then(|| midnight(seconds, &rules.account().timezone)).flatten();
    shifted.unwrap_or(seconds)
}

/// The start of that day in the account's zone: 1634601600 comes back as 1634590800. [client]
fn midnight(seconds: i64, timezone: &str) -> Option<i64> {
    let zone = TimeZone::get(timezone).ok()?;
    let day = Timestamp::from_second(seconds).ok()?.to_zoned(zone).start_of_day().ok()?;
    Some(day.timestamp().as_second())
}

/// A phone, an e-mail: its kind by code or id, WORK where it is left out.
fn multitext(
    rules: &Rules,
    field: &Field,
    item: &Map<String, Value>,
    at: &str,
    complaints: &mut Complaints,
) -> Option<Value> {
    only_keys(item, &["value", "enum_id", "enum_code"], at, complaints);
    let Some(value) = item.get("value") else { return refuse(complaints, |c| c.missing(join(at, "value"))) };
    let value = text(rules, field, value, at, complaints)?;
    let mut kind = item.clone();
    kind.remove("value");
    kind.retain(|_, v| !v.is_null());
    let chosen = if kind.is_empty() {
        // WORK [doc]; IM has no such kind, its first is as good.
        field.choice_by_code("WORK").or(field.choices.first())
    } else {
        named_choice(field, &kind, at, complaints)
    };
    Some(json!({"value": value, "enum_id": chosen?.id}))
}
