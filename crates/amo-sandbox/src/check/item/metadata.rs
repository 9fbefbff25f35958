//! `metadata` of a form or a call, which makes a complex lead an unsorted one. [seed] for `category`, the keys [doc], [client]

use serde_json::Value;

use crate::check::JsonNode;

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

pub fn check(mut node: JsonNode) -> Option<Value> {
    let Some(metadata) = node.value.as_object() else {
        // The table of the seed says array, its example shows an object. An empty one means no metadata.
        if !node.value.is_null() && node.value.as_array().is_none_or(|a| !a.is_empty()) {
            node.wrong_type("array");
        }
        return None;
    };
    let mut category = node.require("category")?;
    let keys = match category.value.as_str() {
        Some("forms") => FORMS,
        Some("sip") => SIP,
        Some(_) => {
            category.invalid_choice();
            return None;
        }
        None => {
            category.wrong_type("string");
            return None;
        }
    };
    for (key, value) in metadata.iter().filter(|(key, _)| *key != "category") {
        let mut node = node.child(key, value);
        match keys.iter().find(|(name, _)| name == key).map(|(_, kind)| kind) {
            None => node.unexpected(), // `uniq` among them [client]
            Some(MetadataType::Text) if !value.is_string() => node.wrong_type("string"),
            Some(MetadataType::TextOrInt) if !value.is_string() && !value.is_i64() => node.wrong_type("string"),
            Some(MetadataType::Int) if !value.is_i64() => node.wrong_type("int"),
            Some(MetadataType::Bool) if !value.is_boolean() => node.wrong_type("bool"),
            Some(MetadataType::Text | MetadataType::TextOrInt | MetadataType::Int | MetadataType::Bool) => {}
        }
    }
    Some(node.value.clone())
}
