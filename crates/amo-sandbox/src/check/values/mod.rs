//! Values of a custom field, by its type: what may be written, and how it is kept. [doc] unless said otherwise.

mod address;
pub mod custom_fields;
mod invoice;
mod objects;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Map, Value, json};

use crate::account::{Choice, FieldDefinition};
use crate::check::{CheckContext, ValidationErrors, join, longer_than};
use amo_model::{CHAIN_MAX, FieldKind};

/// Numbers longer than this come back mangled. [client]
const DIGITS_MAX: usize = 15;

pub fn check_all(
    context: &CheckContext,
    field: &FieldDefinition,
    items: &[Value],
    path: &str,
    errors: &mut ValidationErrors,
) -> Option<Vec<Value>> {
    let max = match field.kind {
        FieldKind::ChainedList => CHAIN_MAX,
        FieldKind::Multiselect | FieldKind::Multitext | FieldKind::SmartAddress | FieldKind::Items => usize::MAX,
        _ => 1,
    };
    let before = errors.0.len();
    if items.len() > max {
        errors.too_many(path, max); // [inferred]
    }
    let mut kept = Vec::with_capacity(items.len());
    for (i, item) in items.iter().enumerate() {
        let at = join(path, i);
        match item.as_object() {
            Some(item) => kept.extend(check_one(context, field, item, &at, errors)),
            None => errors.wrong_type(at, "array"),
        }
    }
    (errors.0.len() == before).then_some(kept)
}

fn check_one(
    context: &CheckContext,
    field: &FieldDefinition,
    item: &Map<String, Value>,
    at: &str,
    errors: &mut ValidationErrors,
) -> Option<Value> {
    match field.kind {
        FieldKind::Text | FieldKind::Textarea | FieldKind::Url | FieldKind::Streetaddress | FieldKind::TrackingData => {
            let value = only_value(item, at, errors)?;
            Some(json!({"value": text(context, field, value, at, errors)?}))
        }
        FieldKind::Numeric | FieldKind::Monetary | FieldKind::Price => {
            let value = only_value(item, at, errors)?;
            Some(json!({"value": number(value, at, errors)?}))
        }
        FieldKind::Checkbox => match only_value(item, at, errors)? {
            Value::Bool(value) => Some(json!({"value": value})),
            _ => refuse(errors, |c| c.wrong_type(join(at, "value"), "bool")),
        },
        FieldKind::Select | FieldKind::Radiobutton => choice(field, item, true, at, errors),
        FieldKind::Category => choice(field, item, false, at, errors), // branches have no codes
        FieldKind::Multiselect => choice(field, item, context.switches.multiselect_enum_code, at, errors),
        FieldKind::Date | FieldKind::DateTime | FieldKind::Birthday => {
            let value = only_value(item, at, errors)?;
            Some(json!({"value": time(context, field.kind, value, at, errors)?}))
        }
        FieldKind::Multitext => multitext(context, field, item, at, errors),
        FieldKind::SmartAddress => address::check(context, field, item, at, errors),
        FieldKind::LegalEntity => objects::legal_entity(only_value(item, at, errors)?, at, errors),
        FieldKind::ChainedList => objects::chained(context, field, item, at, errors),
        FieldKind::File => objects::file(only_value(item, at, errors)?, at, errors),
        FieldKind::LinkedEntity => objects::linked(context, field, only_value(item, at, errors)?, at, errors),
        FieldKind::Items => invoice::line(context, only_value(item, at, errors)?, at, errors),
        FieldKind::Payer => invoice::payer(context, only_value(item, at, errors)?, at, errors),
        FieldKind::Supplier => invoice::supplier(context, only_value(item, at, errors)?, at, errors),
        FieldKind::OrgLegalName | FieldKind::Unknown => refuse(errors, |c| c.unexpected(join(at, "value"))),
    }
}

pub(super) fn refuse<T>(errors: &mut ValidationErrors, say: impl FnOnce(&mut ValidationErrors)) -> Option<T> {
    say(errors);
    None
}

/// `{"value": …}` and nothing else.
fn only_value<'a>(item: &'a Map<String, Value>, at: &str, errors: &mut ValidationErrors) -> Option<&'a Value> {
    only_keys(item, &["value"], at, errors);
    match item.get("value") {
        Some(value) => Some(value),
        None => refuse(errors, |c| c.missing(join(at, "value"))),
    }
}

pub(super) fn only_keys(item: &Map<String, Value>, keys: &[&str], at: &str, errors: &mut ValidationErrors) {
    for key in item.keys().filter(|k| !keys.contains(&k.as_str())) {
        errors.unexpected(join(at, key));
    }
}

fn text<'a>(
    context: &CheckContext,
    field: &FieldDefinition,
    value: &'a Value,
    at: &str,
    errors: &mut ValidationErrors,
) -> Option<&'a str> {
    let Some(text) = value.as_str() else {
        return refuse(errors, |c| c.wrong_type(join(at, "value"), "string"));
    };
    let max = match field.kind.text_max() {
        Some(max) if max == amo_model::TEXT_MAX => context.switches.text_max,
        Some(max) => max,
        None => 0,
    };
    if longer_than(text, max) {
        return refuse(errors, |c| c.too_long(join(at, "value"), max)); // [client]
    }
    Some(text)
}

/// Numbers are read back as strings; strings of digits are taken. [doc], [client live]
fn number(value: &Value, at: &str, errors: &mut ValidationErrors) -> Option<String> {
    let text = match value {
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.trim().to_owned(),
        _ => return refuse(errors, |c| c.wrong_type(join(at, "value"), "numeric")),
    };
    let plain = !text.is_empty() && text.chars().all(|c| c.is_ascii_digit() || "+-.eE".contains(c));
    let parsed = if plain { text.parse::<f64>().ok().filter(|n| n.is_finite()) } else { None };
    match parsed {
        None => refuse(errors, |c| c.wrong_type(join(at, "value"), "numeric")),
        Some(n) if text.contains(['e', 'E']) => Some(n.to_string()),
        Some(n) if text.chars().filter(char::is_ascii_digit).count() > DIGITS_MAX => Some(n.to_string()),
        Some(_) => Some(text.strip_suffix(".0").unwrap_or(&text).to_owned()),
    }
}

fn choice(
    field: &FieldDefinition,
    item: &Map<String, Value>,
    takes_code: bool,
    at: &str,
    errors: &mut ValidationErrors,
) -> Option<Value> {
    let keys: &[&str] = if takes_code { &["value", "enum_id", "enum_code"] } else { &["value", "enum_id"] };
    only_keys(item, keys, at, errors); // `enum_code` in a multiselect is refused [client]
    let found = named_choice(field, item, at, errors)?;
    Some(json!({"enum_id": found.id}))
}

/// The option an item names, by whichever key; the id counts most. A read option sent back has all keys.
fn named_choice<'a>(
    field: &'a FieldDefinition,
    item: &Map<String, Value>,
    at: &str,
    errors: &mut ValidationErrors,
) -> Option<&'a Choice> {
    let said = |key: &str| item.get(key).filter(|v| !v.is_null());
    let (key, found, wanted) = if let Some(id) = said("enum_id") {
        ("enum_id", id.as_u64().map(|id| field.choice(id)), "int")
    } else if let Some(value) = said("value") {
        ("value", value.as_str().map(|v| field.choice_by_value(v)), "string")
    } else if let Some(code) = said("enum_code") {
        ("enum_code", code.as_str().map(|c| field.choice_by_code(c)), "string")
    } else {
        return refuse(errors, |c| c.missing(join(at, "value")));
    };
    match found {
        Some(Some(choice)) => Some(choice),
        Some(None) => refuse(errors, |c| c.choice(join(at, key))), // [doc]
        None => refuse(errors, |c| c.wrong_type(join(at, key), wanted)),
    }
}

/// Unix seconds or RFC 3339, as a string of digits too. Kept as Unix seconds.
fn time(
    context: &CheckContext,
    kind: FieldKind,
    value: &Value,
    at: &str,
    errors: &mut ValidationErrors,
) -> Option<i64> {
    let seconds = match value {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => text.parse().ok().or_else(|| text.parse::<Timestamp>().ok().map(|t| t.as_second())),
        _ => None,
    };
    let Some(seconds) = seconds else {
        return refuse(errors, |c| c.wrong_type(join(at, "value"), "int"));
    };
    // Before 1970 a birthday is written as a string. [client]
    if kind == FieldKind::Birthday && seconds < 0 && !value.as_str().is_some_and(|v| v.contains('T')) {
        return refuse(errors, |c| c.choice(join(at, "value")));
    }
    if kind == FieldKind::DateTime || !context.switches.date_shift {
        return Some(seconds);
    }
    let midnight = midnight(seconds, &context.account().timezone);
    if midnight.is_none() {
        errors.choice(join(at, "value"));
    }
    midnight
}

/// When the next purchase is expected, as it is kept.
pub fn day(context: &CheckContext, seconds: i64) -> i64 {
    let shifted = context.switches.next_date_shift.then(|| midnight(seconds, &context.account().timezone)).flatten();
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
    context: &CheckContext,
    field: &FieldDefinition,
    item: &Map<String, Value>,
    at: &str,
    errors: &mut ValidationErrors,
) -> Option<Value> {
    only_keys(item, &["value", "enum_id", "enum_code"], at, errors);
    let Some(value) = item.get("value") else { return refuse(errors, |c| c.missing(join(at, "value"))) };
    let value = text(context, field, value, at, errors)?;
    let mut kind = item.clone();
    kind.remove("value");
    kind.retain(|_, v| !v.is_null());
    let chosen = if kind.is_empty() {
        // WORK [doc]; IM has no such kind, its first is as good.
        field.choice_by_code("WORK").or(field.choices.first())
    } else {
        named_choice(field, &kind, at, errors)
    };
    Some(json!({"value": value, "enum_id": chosen?.id}))
}
