//! Values that are objects (payers, lines, legal entities, addresses) as JSON in a cell, in the format of an export.

use super::ValueError;
use amo_model::{ADDRESS_PARTS, COUNTED_PARTS, FieldKind, REFERENCE_PARTS, REFERENCE_TYPE_PART};
use serde_json::{Map, Value, json};
use sheet_source::message;
use sheet_source::problem::Message;

/// The values of a field in the service's format, separated by commas. `without_ids` leaves out references to other
/// records.
pub fn values(text: &str, kind: FieldKind, without_ids: bool) -> Result<String, ValueError> {
    let objects = match serde_json::from_str(text.trim()) {
        Ok(Value::Object(one)) => vec![one],
        Ok(Value::Array(many)) => many.into_iter().map(|one| object(one, text)).collect::<Result<_, _>>()?,
        Ok(Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) => {
            return Err(invalid(text, "is neither an object nor a list of objects"));
        }
        Err(error) => return Err(invalid(text, message!("is not valid JSON: {error}", error = error.to_string()))),
    };
    if objects.is_empty() {
        return Err(invalid(text, "is an empty list; empty the cell instead"));
    }
    let mut written = Vec::new();
    for mut one in objects {
        // Null keys are refused in some countries. [client live]
        one.retain(|key, value| !value.is_null() && !COUNTED_PARTS.contains(&key.as_str()));
        // In another account these ids would refer to other records.
        if without_ids && REFERENCE_PARTS.map(|key| one.shift_remove(key).is_some()).contains(&true) {
            one.shift_remove(REFERENCE_TYPE_PART);
        }
        match kind {
            FieldKind::SmartAddress => written.extend(address(one, text)?),
            // The service does not accept the keys that it adds when read. [seed]
            FieldKind::Supplier => {
                one.retain(|key, _| REFERENCE_PARTS.contains(&key.as_str()));
                written.push(json!({ "value": one }).to_string());
            }
            // The steps of a chain have no `value`. [doc]
            FieldKind::ChainedList => written.push(Value::Object(one).to_string()),
            _ => written.push(json!({ "value": one }).to_string()),
        }
    }
    Ok(written.join(","))
}

fn object(value: Value, text: &str) -> Result<Map<String, Value>, ValueError> {
    match value {
        Value::Object(object) => Ok(object),
        _ => Err(invalid(text, "contains something other than an object")),
    }
}

/// Each part of an address is a value of its own. [doc]
fn address(parts: Map<String, Value>, text: &str) -> Result<Vec<String>, ValueError> {
    let part = |(code, value): (String, Value)| match (ADDRESS_PARTS.contains(&code.as_str()), value) {
        (true, Value::String(value)) => Ok(json!({"value": value, "enum_code": code}).to_string()),
        (true, _) => Err(invalid(text, message!("has a \"{part}\" that is not a text", part = code))),
        (false, _) => Err(invalid(
            text,
            message!("has an unknown address part \"{part}\"; known: {known}", part = code, known = ADDRESS_PARTS),
        )),
    };
    parts.into_iter().map(part).collect()
}

fn invalid(text: &str, fault: impl Into<Message>) -> ValueError {
    ValueError::new("json", text, fault).hint("write it as the export does: {\"name\": \"…\"}, or a list of these")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_become_values_and_anything_else_is_refused() {
        for (kind, without_ids, text, written) in [
            (
                FieldKind::Payer,
                false,
                r#"{"name":"A","entity_id":5,"kpp":null}"#,
                r#"{"value":{"name":"A","entity_id":5}}"#,
            ),
            (
                FieldKind::Payer,
                true,
                r#"{"name":"A","entity_id":5,"entity_type":"contacts"}"#,
                r#"{"value":{"name":"A"}}"#,
            ),
            (FieldKind::Items, false, r#"{"sku":1,"total_sum":5}"#, r#"{"value":{"sku":1}}"#),
            (FieldKind::LegalEntity, true, r#"{"entity_type":1}"#, r#"{"value":{"entity_type":1}}"#),
            (FieldKind::Items, false, r#"[{"sku":1},{"sku":2}]"#, r#"{"value":{"sku":1}},{"value":{"sku":2}}"#),
            (FieldKind::Supplier, false, r#"{"name":"A","entity_id":5}"#, r#"{"value":{"entity_id":5}}"#),
            (FieldKind::ChainedList, false, r#"{"catalog_id":1}"#, r#"{"catalog_id":1}"#),
            (FieldKind::SmartAddress, false, r#"{"city":"Мо"}"#, r#"{"value":"Мо","enum_code":"city"}"#),
        ] {
            assert_eq!(values(text, kind, without_ids), Ok(written.to_owned()));
        }
        for text in ["5", "[5]", "[]", "{", "текст", "null"] {
            assert_eq!(values(text, FieldKind::Payer, false).map_err(|error| error.code), Err("json"), "{text}");
        }
        for text in [r#"{"street":"a"}"#, r#"{"city":5}"#] {
            assert_eq!(values(text, FieldKind::SmartAddress, false).map_err(|error| error.code), Err("json"), "{text}");
        }
    }
}
