//! `custom_fields_values`: which field is meant, once each, and what stands in it. The values themselves are in
//! `values`.

use serde_json::{Map, Value};

use crate::account::Field;
use crate::check::{Complaints, Rules, join, values};
use amo_model::Owner;

pub fn check(
    rules: &Rules,
    owner: Owner,
    value: &Value,
    path: &str,
    complaints: &mut Complaints,
) -> Vec<(u64, Option<Vec<Value>>)> {
    let mut fields: Vec<(u64, Option<Vec<Value>>)> = Vec::new();
    let Some(entries) = value.as_array() else {
        // Reads show `null` where nothing is filled in; sent back it says nothing. [seed], [inferred]
        if !value.is_null() {
            complaints.wrong_type(path, "array");
        }
        return fields;
    };
    for (i, entry) in entries.iter().enumerate() {
        let at = join(path, i);
        let Some(entry) = entry.as_object() else {
            complaints.wrong_type(at, "array");
            continue;
        };
        let Some(field) = find(rules, owner, entry, &at, complaints) else { continue };
        if fields.iter().any(|(id, _)| *id == field.id) {
            complaints.choice(join(&at, "field_id")); // One field, one entry. [inferred]
            continue;
        }
        if let Some(values) = check_entry(rules, field, entry, &at, complaints) {
            fields.push((field.id, values));
        }
    }
    fields
}

fn find<'a>(
    rules: &'a Rules,
    owner: Owner,
    entry: &Map<String, Value>,
    at: &str,
    complaints: &mut Complaints,
) -> Option<&'a Field> {
    // `field_name` sent along is let through, as an example of segments does it [seed]; what else reads show of a
    // field is passed over. [client]
    for key in entry.keys() {
        match key.as_str() {
            "field_id" | "field_code" | "field_name" | "values" => {}
            "field_type" | "is_computed" if !rules.switches.read_keys_refused => {}
            _ => complaints.unexpected(join(at, key)),
        }
    }
    let (id, code) = (entry.get("field_id"), entry.get("field_code").filter(|c| !c.is_null()));
    let (key, found) = match (id, code) {
        (Some(id), _) => {
            let Some(id) = id.as_u64() else {
                complaints.wrong_type(join(at, "field_id"), "int");
                return None;
            };
            ("field_id", rules.account().field(id).filter(|f| f.owner == owner))
        }
        (None, Some(code)) => {
            let Some(code) = code.as_str() else {
                complaints.wrong_type(join(at, "field_code"), "string");
                return None;
            };
            ("field_code", rules.world.account.fields(owner).find(|f| f.code.as_deref() == Some(code)))
        }
        (None, None) => {
            complaints.missing(join(at, "field_id"));
            return None;
        }
    };
    if found.is_none() {
        complaints.choice(join(at, key)); // [doc]
    }
    found
}

/// `Some(None)` empties the field, `None` was refused.
fn check_entry(
    rules: &Rules,
    field: &Field,
    entry: &Map<String, Value>,
    at: &str,
    complaints: &mut Complaints,
) -> Option<Option<Vec<Value>>> {
    let at = join(at, "values");
    match entry.get("values") {
        None => complaints.missing(at),
        Some(Value::Null) => return Some(None), // [doc]
        Some(Value::Array(values)) if values.is_empty() => complaints.wrong_type(at, "array"), // [client live]
        Some(Value::Array(items)) => return values::check_all(rules, field, items, &at, complaints).map(Some),
        Some(_) => complaints.wrong_type(at, "array"),
    }
    None
}
