//! Values of a custom field, by its type: what may be written and how it is stored. [doc] where no other source stands.

mod address;
pub mod custom_fields;
mod invoice;
mod objects;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Value, json};

use crate::account::{Choice, FieldDefinition};
use crate::check::{CheckContext, JsonNode};
use amo_model::{CHAIN_MAX, FieldKind};

/// Numbers with more digits lose some of them. [client]
const DIGITS_MAX: usize = 15;

/// The values of one field.
pub struct FieldCheck<'a> {
    pub context: &'a CheckContext<'a>,
    pub field: &'a FieldDefinition,
}

impl FieldCheck<'_> {
    /// The values as they are stored; `None` where one of them has an error.
    pub fn values(&self, mut node: JsonNode) -> Option<Vec<Value>> {
        let max = match self.field.kind {
            FieldKind::ChainedList => CHAIN_MAX,
            FieldKind::Multiselect | FieldKind::Multitext | FieldKind::SmartAddress | FieldKind::Items => usize::MAX,
            _ => 1,
        };
        let errors_before = node.errors.0.len();
        let items = node.array()?;
        if items.len() > max {
            node.too_many(max); // [inferred]
        }
        let mut stored = Vec::with_capacity(items.len());
        for (i, item) in items.iter().enumerate() {
            let mut item = node.child(i, item);
            if item.object().is_some() {
                stored.extend(self.value(item));
            }
        }
        (node.errors.0.len() == errors_before).then_some(stored)
    }

    fn value(&self, mut node: JsonNode) -> Option<Value> {
        let context = self.context;
        match self.field.kind {
            FieldKind::Text
            | FieldKind::Textarea
            | FieldKind::Url
            | FieldKind::Streetaddress
            | FieldKind::TrackingData => Some(json!({"value": self.text(only_value(&mut node)?)?})),
            FieldKind::Numeric | FieldKind::Monetary | FieldKind::Price => {
                Some(json!({"value": number(only_value(&mut node)?)?}))
            }
            FieldKind::Checkbox => {
                let mut value = only_value(&mut node)?;
                if !value.value.is_boolean() {
                    value.wrong_type("bool");
                    return None;
                }
                Some(json!({"value": value.value}))
            }
            FieldKind::Select | FieldKind::Radiobutton => self.choice(node, true),
            FieldKind::Category => self.choice(node, false), // branches have no codes
            FieldKind::Multiselect => self.choice(node, context.switches.multiselect_enum_code),
            FieldKind::Date | FieldKind::DateTime | FieldKind::Birthday => {
                Some(json!({"value": self.time(only_value(&mut node)?)?}))
            }
            FieldKind::Multitext => self.multitext(node),
            FieldKind::SmartAddress => address::check(context, self.field, node),
            FieldKind::LegalEntity => objects::legal_entity(only_value(&mut node)?),
            FieldKind::ChainedList => self.chained(node),
            FieldKind::File => objects::file(only_value(&mut node)?),
            FieldKind::LinkedEntity => self.linked_entity(only_value(&mut node)?),
            FieldKind::Items => invoice::line(context, only_value(&mut node)?),
            FieldKind::Payer => invoice::payer(context, only_value(&mut node)?),
            FieldKind::Supplier => invoice::supplier(context, only_value(&mut node)?),
            FieldKind::OrgLegalName | FieldKind::Unknown => {
                let path = node.key_path("value");
                node.errors.unexpected(path);
                None
            }
        }
    }

    fn text<'v>(&self, mut node: JsonNode<'v, '_>) -> Option<&'v str> {
        let max = match self.field.kind.text_max() {
            Some(max) if max == amo_model::TEXT_MAX => self.context.switches.text_max,
            Some(max) => max,
            None => 0,
        };
        node.text(max) // [client]
    }

    fn choice(&self, mut node: JsonNode, allows_code: bool) -> Option<Value> {
        let keys: &[&str] = if allows_code { &["value", "enum_id", "enum_code"] } else { &["value", "enum_id"] };
        only_keys(&mut node, keys); // `enum_code` in a multiselect is refused [client]
        let found = self.named_choice(&mut node, &["enum_id", "value", "enum_code"])?;
        Some(json!({"enum_id": found.id}))
    }

    /// The option that an item names by the first of `keys` that it has. An option sent back as it was read has all keys.
    fn named_choice(&self, node: &mut JsonNode, keys: &[&str]) -> Option<&Choice> {
        let has = |key: &&&str| node.value.get(**key).is_some_and(|value| !value.is_null());
        let Some(key) = keys.iter().find(has) else {
            node.missing("value");
            return None;
        };
        let mut named = node.get(key)?;
        let (found, wanted) = match *key {
            "enum_id" => (named.value.as_u64().map(|id| self.field.choice(id)), "int"),
            "value" => (named.value.as_str().map(|text| self.field.choice_by_value(text)), "string"),
            _ => (named.value.as_str().map(|code| self.field.choice_by_code(code)), "string"),
        };
        match found {
            Some(Some(choice)) => return Some(choice),
            Some(None) => named.invalid_choice(), // [doc]
            None => named.wrong_type(wanted),
        }
        None
    }

    /// Unix seconds or RFC 3339; a string of digits counts as Unix seconds. Stored as Unix seconds.
    fn time(&self, mut node: JsonNode) -> Option<i64> {
        let (kind, text) = (self.field.kind, node.value.as_str());
        let seconds = match node.value {
            Value::Number(number) => number.as_i64(),
            Value::String(text) => text.parse().ok().or_else(|| text.parse::<Timestamp>().ok().map(|t| t.as_second())),
            _ => None,
        };
        let Some(seconds) = seconds else {
            node.wrong_type("int");
            return None;
        };
        // A birthday before 1970 is written as a string. [client]
        if kind == FieldKind::Birthday && seconds < 0 && !text.is_some_and(|text| text.contains('T')) {
            node.invalid_choice();
            return None;
        }
        if kind == FieldKind::DateTime || !self.context.switches.date_shift {
            return Some(seconds);
        }
        let midnight = midnight(seconds, &self.context.account().timezone);
        if midnight.is_none() {
            node.invalid_choice();
        }
        midnight
    }

    /// A phone or an e-mail with its type by code or id; the default is WORK.
    fn multitext(&self, mut node: JsonNode) -> Option<Value> {
        only_keys(&mut node, &["value", "enum_id", "enum_code"]);
        let text = self.text(node.require("value")?)?;
        let has_type = ["enum_id", "enum_code"].iter().any(|key| node.value.get(*key).is_some_and(|v| !v.is_null()));
        let chosen = if has_type {
            self.named_choice(&mut node, &["enum_id", "enum_code"])
        } else {
            // WORK [doc]; IM has no such type, so its first one is taken.
            self.field.choice_by_code("WORK").or(self.field.choices.first())
        };
        Some(json!({"value": text, "enum_id": chosen?.id}))
    }
}

/// The value of `{"value": …}`; other keys are errors.
fn only_value<'v, 'n>(node: &'n mut JsonNode<'v, '_>) -> Option<JsonNode<'v, 'n>> {
    only_keys(node, &["value"]);
    node.require("value")
}

pub(super) fn only_keys(node: &mut JsonNode, keys: &[&str]) {
    let object = node.value.as_object();
    for (key, value) in object.into_iter().flatten().filter(|(key, _)| !keys.contains(&key.as_str())) {
        node.child(key, value).unexpected();
    }
}

/// Numbers are stored and read as strings; strings of digits are accepted. [doc], [client live]
fn number(mut node: JsonNode) -> Option<String> {
    let text = match node.value {
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.trim().to_owned(),
        _ => {
            node.wrong_type("numeric");
            return None;
        }
    };
    let plain = !text.is_empty() && text.chars().all(|c| c.is_ascii_digit() || "+-.eE".contains(c));
    let parsed = if plain { text.parse::<f64>().ok().filter(|n| n.is_finite()) } else { None };
    match parsed {
        None => {
            node.wrong_type("numeric");
            None
        }
        Some(n) if text.contains(['e', 'E']) => Some(n.to_string()),
        Some(n) if text.chars().filter(char::is_ascii_digit).count() > DIGITS_MAX => Some(n.to_string()),
        Some(_) => Some(text.strip_suffix(".0").unwrap_or(&text).to_owned()),
    }
}

/// The time at which the next purchase is expected, as it is stored.
pub fn next_date(context: &CheckContext, seconds: i64) -> i64 {
    let shifted = context.switches.next_date_shift.then(|| midnight(seconds, &context.account().timezone)).flatten();
    shifted.unwrap_or(seconds)
}

/// The start of that day in the account's zone: 1634601600 comes back as 1634590800. [client]
fn midnight(seconds: i64, timezone: &str) -> Option<i64> {
    let zone = TimeZone::get(timezone).ok()?;
    let day = Timestamp::from_second(seconds).ok()?.to_zoned(zone).start_of_day().ok()?;
    Some(day.timestamp().as_second())
}
