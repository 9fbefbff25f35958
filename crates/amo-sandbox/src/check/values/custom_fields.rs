//! `custom_fields_values`: the field of each entry, once each, and its values, which `values` checks.

use serde_json::Value;

use crate::account::FieldDefinition;
use crate::check::values::FieldCheck;
use crate::check::{CheckContext, JsonNode};
use amo_model::Owner;

/// Field ids and their values; `None` empties the field.
pub fn check(context: &CheckContext, owner: Owner, mut node: JsonNode) -> Vec<(u64, Option<Vec<Value>>)> {
    let mut fields: Vec<(u64, Option<Vec<Value>>)> = Vec::new();
    // Reads show `null` where there are no values; sent back, it changes nothing. [seed], [inferred]
    if node.value.is_null() {
        return fields;
    }
    let Some(entries) = node.array() else { return fields };
    for (i, entry) in entries.iter().enumerate() {
        let mut entry = node.child(i, entry);
        if entry.object().is_none() {
            continue;
        }
        let Some(field) = find(context, owner, &mut entry) else { continue };
        if fields.iter().any(|(id, _)| *id == field.id) {
            // One field has one entry. [inferred]
            let path = entry.key_path("field_id");
            entry.errors.invalid_choice(path);
            continue;
        }
        if let Some(values) = check_entry(context, field, entry) {
            fields.push((field.id, values));
        }
    }
    fields
}

fn find<'c>(context: &CheckContext<'c>, owner: Owner, node: &mut JsonNode) -> Option<&'c FieldDefinition> {
    let entry = node.value.as_object()?;
    // `field_name` is accepted, as an example of segments has it [seed]; the other keys that reads show of a field are
    // ignored. [client]
    for (key, value) in entry {
        match key.as_str() {
            "field_id" | "field_code" | "field_name" | "values" => {}
            "field_type" | "is_computed" if !context.switches.read_keys_refused => {}
            _ => node.child(key, value).unexpected(),
        }
    }
    let account = &context.world.account;
    let has_code = entry.get("field_code").is_some_and(|code| !code.is_null());
    let key = if entry.contains_key("field_id") || !has_code { "field_id" } else { "field_code" };
    let mut named = node.require(key)?;
    let found = match key {
        "field_id" => named.value.as_u64().map(|id| account.field(id).filter(|f| f.owner == owner)),
        _ => named.value.as_str().map(|code| account.field_by_code(owner, code)),
    };
    match found {
        Some(Some(field)) => return Some(field),
        Some(None) => named.invalid_choice(), // [doc]
        None => named.wrong_type(if key == "field_id" { "int" } else { "string" }),
    }
    None
}

/// `Some(None)` empties the field, `None` is an error.
fn check_entry(context: &CheckContext, field: &FieldDefinition, mut node: JsonNode) -> Option<Option<Vec<Value>>> {
    let mut values = node.require("values")?;
    match values.value {
        Value::Null => Some(None), // [doc]
        Value::Array(items) if !items.is_empty() => FieldCheck { context, field }.values(values).map(Some),
        _ => {
            values.wrong_type("array"); // an empty list, too [client live]
            None
        }
    }
}
