//! What makes a complex lead an unsorted one: a form or a call. [seed] for `category`, the keys [doc], [client]

use serde_json::Value;

use crate::check::{ValidationErrors, join};

#[derive(Debug, Clone, Copy)]
enum MetadataType {
    Text,
    /// The seed shows a number, the documents of unsorted leads a string.
    TextOrInt,
    Int,
    Bool,
}

const FORMS: &[(&str, MetadataType)] = &[
    ("form_id", MetadataType::TextOrInt),
    ("form_name", MetadataType::Text),
    ("form_page", MetadataType::Text),
    ("form_sent_at", MetadataType::Int),
    ("ip", MetadataType::Text),
    ("referer", MetadataType::Text),
    ("form_type", MetadataType::TextOrInt),
    ("visitor_uid", MetadataType::Text),
];

const SIP: &[(&str, MetadataType)] = &[
    ("from", MetadataType::TextOrInt),
    ("phone", MetadataType::TextOrInt),
    ("called_at", MetadataType::Int),
    ("duration", MetadataType::Int),
    ("link", MetadataType::Text),
    ("service_code", MetadataType::Text),
    ("is_call_event_needed", MetadataType::Bool),
    ("call_responsible", MetadataType::TextOrInt),
];

pub fn check(value: &Value, path: &str, errors: &mut ValidationErrors) -> Option<Value> {
    let Some(metadata) = value.as_object() else {
        // The table of the seed says array, its example shows an object. An empty one says nothing.
        if !value.is_null() && value.as_array().is_none_or(|a| !a.is_empty()) {
            errors.wrong_type(path, "array");
        }
        return None;
    };
    let at = join(path, "category");
    let keys = match metadata.get("category") {
        Some(Value::String(category)) => match category.as_str() {
            "forms" => FORMS,
            "sip" => SIP,
            _ => {
                errors.choice(at);
                return None;
            }
        },
        Some(_) => {
            errors.wrong_type(at, "string");
            return None;
        }
        None => {
            errors.missing(at);
            return None;
        }
    };
    for (key, value) in metadata.iter().filter(|(key, _)| *key != "category") {
        let at = join(path, key);
        match keys.iter().find(|(name, _)| name == key).map(|(_, is)| is) {
            None => errors.unexpected(at), // `uniq` among them [client]
            Some(MetadataType::Text) if !value.is_string() => errors.wrong_type(at, "string"),
            Some(MetadataType::TextOrInt) if !value.is_string() && !value.is_i64() => errors.wrong_type(at, "string"),
            Some(MetadataType::Int) if !value.is_i64() => errors.wrong_type(at, "int"),
            Some(MetadataType::Bool) if !value.is_boolean() => errors.wrong_type(at, "bool"),
            Some(MetadataType::Text | MetadataType::TextOrInt | MetadataType::Int | MetadataType::Bool) => {}
        }
    }
    Some(value.clone())
}
