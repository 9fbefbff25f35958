//! Parts of a `smart_address`: each value says which part it is, by code or by id. [doc]

use serde_json::{Map, Value, json};

use crate::account::FieldDefinition;
use crate::check::values::{only_keys, refuse};
use crate::check::{CheckContext, ValidationErrors, join, longer_than};

pub fn check(
    context: &CheckContext,
    field: &FieldDefinition,
    item: &Map<String, Value>,
    at: &str,
    errors: &mut ValidationErrors,
) -> Option<Value> {
    only_keys(item, &["value", "enum_id", "enum_code"], at, errors);
    let part = match (item.get("enum_id"), item.get("enum_code")) {
        (Some(id), _) if !id.is_null() => match id.as_u64().map(|id| field.choice(id)) {
            Some(Some(part)) => part,
            Some(None) => return refuse(errors, |c| c.choice(join(at, "enum_id"))),
            None => return refuse(errors, |c| c.wrong_type(join(at, "enum_id"), "int")),
        },
        (_, Some(code)) if !code.is_null() => match code.as_str().map(|code| field.choice_by_code(code)) {
            Some(Some(part)) => part,
            Some(None) => return refuse(errors, |c| c.choice(join(at, "enum_code"))),
            None => return refuse(errors, |c| c.wrong_type(join(at, "enum_code"), "string")),
        },
        _ => return refuse(errors, |c| c.missing(join(at, "enum_code"))),
    };
    let at = join(at, "value");
    let text = match item.get("value") {
        None => return refuse(errors, |c| c.missing(at)),
        Some(Value::String(text)) => text,
        Some(_) => return refuse(errors, |c| c.wrong_type(at, "string")),
    };
    // A country is its code of two letters. [doc]
    let is_country = part.code.as_deref() == Some("country");
    if is_country && !(text.len() == 2 && text.chars().all(|c| c.is_ascii_uppercase())) {
        return refuse(errors, |c| c.choice(at));
    }
    if longer_than(text, context.switches.text_max) {
        return refuse(errors, |c| c.too_long(at, context.switches.text_max)); // [inferred]
    }
    Some(json!({"value": text, "enum_id": part.id}))
}
