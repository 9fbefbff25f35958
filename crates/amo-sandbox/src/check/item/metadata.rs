//! What makes a complex lead an unsorted one: a form or a call. [seed] for `category`, the keys [doc], [client]

use serde_json::Value;

use crate::check::{Complaints, join};

#[derive(Debug, Clone, Copy)]
enum Is {
    Text,
    /// The seed shows a number, the documents of unsorted leads a string.
    TextOrInt,
    Int,
    Bool,
}

const FORMS: &[(&str, Is)] = &[
    ("form_id", Is::TextOrInt),
    ("form_name", Is::Text),
    ("form_page", Is::Text),
    ("form_sent_at", Is::Int),
    ("ip", Is::Text),
    ("referer", Is::Text),
    ("form_type", Is::TextOrInt),
    ("visitor_uid", Is::Text),
];

const SIP: &[(&str, Is)] = &[
    ("from", Is::TextOrInt),
    ("phone", Is::TextOrInt),
    ("called_at", Is::Int),
    ("duration", Is::Int),
    ("link", Is::Text),
    ("service_code", Is::Text),
    ("is_call_event_needed", Is::Bool),
    ("call_responsible", Is::TextOrInt),
];

pub fn check(value: &Value, path: &str, complaints: &mut Complaints) -> Option<Value> {
    let Some(metadata) = value.as_object() else {
        // The table of the seed says array, its example shows an object. An empty one says nothing.
        if !value.is_null() && value.as_array().is_none_or(|a| !a.is_empty()) {
            complaints.wrong_type(path, "array");
        }
        return None;
    };
    let at = join(path, "category");
    let keys = match metadata.get("category") {
        Some(Value::String(category)) => match category.as_str() {
            "forms" => FORMS,
            "sip" => SIP,
            _ => {
                complaints.choice(at);
                return None;
            }
        },
        Some(_) => {
            complaints.wrong_type(at, "string");
            return None;
        }
        None => {
            complaints.missing(at);
            return None;
        }
    };
    for (key, value) in metadata.iter().filter(|(key, _)| *key != "category") {
        let at = join(path, key);
        match keys.iter().find(|(name, _)| name == key).map(|(_, is)| is) {
            None => complaints.unexpected(at), // `uniq` among them [client]
            Some(Is::Text) if !value.is_string() => complaints.wrong_type(at, "string"),
            Some(Is::TextOrInt) if !value.is_string() && !value.is_i64() => complaints.wrong_type(at, "string"),
            Some(Is::Int) if !value.is_i64() => complaints.wrong_type(at, "int"),
            Some(Is::Bool) if !value.is_boolean() => complaints.wrong_type(at, "bool"),
            Some(Is::Text | Is::TextOrInt | Is::Int | Is::Bool) => {}
        }
    }
    Some(value.clone())
}
