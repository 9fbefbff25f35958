//! `custom_fields_values`: which field is meant, once each, and what stands in it. The values themselves are in
//! `values`.

use serde_json::{Map, Value};

use crate::account::FieldDefinition;
use crate::check::{CheckContext, ValidationErrors, join, values};
use amo_model::Owner;

pub fn check(
    context: &CheckContext,
    owner: Owner,
    value: &Value,
    path: &str,
    errors: &mut ValidationErrors,
) -> Vec<(u64, Option<Vec<Value>>)> {
    let mut fields: Vec<(u64, Option<Vec<Value>>)> = Vec::new();
    let Some(entries) = value.as_array() else {
        // Reads show `null` where nothing is filled in; sent back it says nothing. [seed], [inferred]
        if !value.is_null() {
            errors.wrong_type(path, "array");
        }
        return fields;
    };
    for (i, entry) in entries.iter().enumerate() {
        let at = join(path, i);
        let Some(entry) = entry.as_object() else {
            errors.wrong_type(at, "array");
            continue;
        };
        let Some(field) = find(context, owner, entry, &at, errors) else { continue };
        if fields.iter().any(|(id, _)| *id == field.id) {
            errors.choice(join(&at, "field_id")); // One field, one entry. [inferred]
            continue;
        }
        if let Some(values) = check_entry(context, field, entry, &at, errors) {
            fields.push((field.id, values));
        }
    }
    fields
}

fn find<'a>(
    context: &'a CheckContext,
    owner: Owner,
    entry: &Map<String, Value>,
    at: &str,
    errors: &mut ValidationErrors,
) -> Option<&'a FieldDefinition> {
    // `field_name` sent along is let through, as an example of segments does it [seed]; what else reads show of a
    // field is passed over. [client]
    for key in entry.keys() {
        match key.as_str() {
            "field_id" | "field_code" | "field_name" | "values" => {}
            "field_type" | "is_computed" if !context.switches.read_keys_refused => {}
            _ => errors.unexpected(join(at, key)),
        }
    }
    let (id, code) = (entry.get("field_id"), entry.get("field_code").filter(|c| !c.is_null()));
    let (key, found) = match (id, code) {
        (Some(id), _) => {
            let Some(id) = id.as_u64() else {
                errors.wrong_type(join(at, "field_id"), "int");
                return None;
            };
            ("field_id", context.account().field(id).filter(|f| f.owner == owner))
        }
        (None, Some(code)) => {
            let Some(code) = code.as_str() else {
                errors.wrong_type(join(at, "field_code"), "string");
                return None;
            };
            ("field_code", context.world.account.fields(owner).find(|f| f.code.as_deref() == Some(code)))
        }
        (None, None) => {
            errors.missing(join(at, "field_id"));
            return None;
        }
    };
    if found.is_none() {
        errors.choice(join(at, key)); // [doc]
    }
    found
}

/// `Some(None)` empties the field, `None` was refused.
fn check_entry(
    context: &CheckContext,
    field: &FieldDefinition,
    entry: &Map<String, Value>,
    at: &str,
    errors: &mut ValidationErrors,
) -> Option<Option<Vec<Value>>> {
    let at = join(at, "values");
    match entry.get("values") {
        None => errors.missing(at),
        Some(Value::Null) => return Some(None), // [doc]
        Some(Value::Array(values)) if values.is_empty() => errors.wrong_type(at, "array"), // [client live]
        Some(Value::Array(items)) => return values::check_all(context, field, items, &at, errors).map(Some),
        Some(_) => errors.wrong_type(at, "array"),
    }
    None
}
