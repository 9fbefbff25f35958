//! Values that are objects (payers, lines, legal entities, addresses) as JSON in a cell, the way an export shows them.

use super::Unfit;
use amo_model::{ADDRESS_PARTS, COUNTED_PARTS, FieldKind, REFERENCE_PARTS, REFERENCE_TYPE_PART};
use serde_json::{Map, Value, json};
use sheet_source::message;
use sheet_source::problem::Message;

/// The values of a field as the service takes them, with commas between them.
pub fn values(text: &str, kind: FieldKind, bare: bool) -> Result<String, Unfit> {
    let objects = match serde_json::from_str(text.trim()) {
        Ok(Value::Object(one)) => vec![one],
        Ok(Value::Array(many)) => many.into_iter().map(|one| object(one, text)).collect::<Result<_, _>>()?,
        Ok(Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) => {
            return Err(unfit(text, "is neither an object nor a list of objects"));
        }
        Err(error) => return Err(unfit(text, message!("is no JSON: {error}", error = error.to_string()))),
    };
    if objects.is_empty() {
        return Err(unfit(text, "is an empty list; empty the cell instead"));
    }
    let mut written = Vec::new();
    for mut one in objects {
        // Keys that are not filled are refused in some countries. [client live]
        one.retain(|key, value| !value.is_null() && !COUNTED_PARTS.contains(&key.as_str()));
        // In another account these would name something else.
        if bare && REFERENCE_PARTS.map(|key| one.shift_remove(key).is_some()).contains(&true) {
            one.shift_remove(REFERENCE_TYPE_PART);
        }
        match kind {
            FieldKind::SmartAddress => written.extend(address(one, text)?),
            // What reads add to it is not taken. [seed]
            FieldKind::Supplier => {
                one.retain(|key, _| REFERENCE_PARTS.contains(&key.as_str()));
                written.push(json!({ "value": one }).to_string());
            }
            // Its steps have no `value`. [doc]
            FieldKind::ChainedList => written.push(Value::Object(one).to_string()),
            _ => written.push(json!({ "value": one }).to_string()),
        }
    }
    Ok(written.join(","))
}

fn object(value: Value, text: &str) -> Result<Map<String, Value>, Unfit> {
    match value {
        Value::Object(object) => Ok(object),
        _ => Err(unfit(text, "holds something that is no object")),
    }
}

/// Each part is a value of its own. [doc]
fn address(parts: Map<String, Value>, text: &str) -> Result<Vec<String>, Unfit> {
    let part = |(code, value): (String, Value)| match (ADDRESS_PARTS.contains(&code.as_str()), value) {
        (true, Value::String(value)) => Ok(json!({"value": value, "enum_code": code}).to_string()),
        (true, _) => Err(unfit(text, message!("has a \"{part}\" that is no text", part = code))),
        (false, _) => Err(unfit(
            text,
            message!(
                "has a part \"{part}\" that addresses have not; they have {known}",
                part = code,
                known = ADDRESS_PARTS
            ),
        )),
    };
    parts.into_iter().map(part).collect()
}

fn unfit(text: &str, fault: impl Into<Message>) -> Unfit {
    Unfit::new("json", text, fault).hint("write it as the export does: {\"name\": \"…\"}, or a list of these")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_become_values_and_anything_else_is_refused() {
        for (kind, bare, text, written) in [
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
            assert_eq!(values(text, kind, bare), Ok(written.to_owned()));
        }
        for text in ["5", "[5]", "[]", "{", "текст", "null"] {
            assert_eq!(values(text, FieldKind::Payer, false).map_err(|unfit| unfit.code), Err("json"), "{text}");
        }
        for text in [r#"{"street":"a"}"#, r#"{"city":5}"#] {
            assert_eq!(values(text, FieldKind::SmartAddress, false).map_err(|unfit| unfit.code), Err("json"), "{text}");
        }
    }
}
