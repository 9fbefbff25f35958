//! Parts of a `smart_address`: each value names its part by code or by id. [doc]

use serde_json::{Value, json};

use crate::account::{Choice, FieldDefinition};
use crate::check::values::only_keys;
use crate::check::{CheckContext, JsonNode};

pub fn check(context: &CheckContext, field: &FieldDefinition, mut node: JsonNode) -> Option<Value> {
    only_keys(&mut node, &["value", "enum_id", "enum_code"]);
    let part = named_part(field, &mut node)?;
    let mut value = node.require("value")?;
    let Some(text) = value.value.as_str() else {
        value.wrong_type("string");
        return None;
    };
    // A country is its code of two letters. [doc]
    let is_country = part.code.as_deref() == Some("country");
    if is_country && !(text.len() == 2 && text.chars().all(|c| c.is_ascii_uppercase())) {
        value.invalid_choice();
        return None;
    }
    value.text(context.switches.text_max)?; // the limit [inferred]
    Some(json!({"value": text, "enum_id": part.id}))
}

fn named_part<'f>(field: &'f FieldDefinition, node: &mut JsonNode) -> Option<&'f Choice> {
    let has = |node: &JsonNode, key: &str| node.value.get(key).is_some_and(|value| !value.is_null());
    let (key, wanted) = match (has(node, "enum_id"), has(node, "enum_code")) {
        (true, _) => ("enum_id", "int"),
        (false, true) => ("enum_code", "string"),
        (false, false) => {
            node.missing("enum_code");
            return None;
        }
    };
    let mut named = node.get(key)?;
    let part = match key {
        "enum_id" => named.value.as_u64().map(|id| field.choice(id)),
        _ => named.value.as_str().map(|code| field.choice_by_code(code)),
    };
    match part {
        Some(Some(part)) => return Some(part),
        Some(None) => named.invalid_choice(),
        None => named.wrong_type(wanted),
    }
    None
}
