//! Objects whose keys are looked at one by one, with nothing that follows from another: a table says which there are,
//! what each holds, which may not be left out.

use serde_json::{Map, Value};

use crate::check::{Complaints, Rules, join};

/// What a key must hold.
#[derive(Debug, Clone, Copy)]
pub enum Must {
    Name,
    Text,
    Int,
    Bool,
    Word(&'static [&'static str]),
    User,
    /// Looked at by who asked.
    Anything,
    /// Shown by reads alone; passed over where an object is sent back as it was read. [client]
    Shown,
}

/// Name, what it holds, and whether a new object must have it.
pub type Key = (&'static str, Must, bool);

/// The object says something that can be changed.
pub fn says_anything(keys: &[Key], object: &Map<String, Value>) -> bool {
    let is_said = |(name, must, _): &&Key| !matches!(must, Must::Shown) && *name != "request_id";
    keys.iter().filter(is_said).any(|(name, _, _)| object.contains_key(*name))
}

/// The object, where it is one. What is wrong with it goes to `complaints`.
pub fn check<'a>(
    rules: &Rules,
    keys: &[Key],
    is_new: bool,
    item: &'a Value,
    path: &str,
    complaints: &mut Complaints,
) -> Option<&'a Map<String, Value>> {
    let Some(object) = item.as_object() else {
        complaints.wrong_type(path, "array");
        return None;
    };
    for (name, value) in object {
        let at = join(path, name);
        match keys.iter().find(|(key, _, _)| key == name) {
            Some((_, Must::Shown, _)) if rules.switches.read_keys_refused => complaints.unexpected(at),
            Some((_, must, _)) => check_value(rules, *must, value, &at, complaints),
            None => complaints.unexpected(at),
        }
    }
    for (name, _, _) in keys.iter().filter(|(name, _, required)| *required && is_new && !object.contains_key(*name)) {
        complaints.missing(join(path, name));
    }
    Some(object)
}

fn check_value(rules: &Rules, must: Must, value: &Value, at: &str, complaints: &mut Complaints) {
    match (must, value) {
        (Must::Name, Value::String(text)) => drop(complaints.name(text, rules.switches.name_max, at)),
        (Must::Word(words), Value::String(word)) if !words.contains(&word.as_str()) => complaints.choice(at),
        (Must::Text | Must::Word(_), Value::String(_)) | (Must::Bool, Value::Bool(_)) => {}
        (Must::User, Value::Number(id)) if id.is_i64() => {
            if id.as_u64().is_none_or(|id| id > 0 && rules.account().user(id).is_none()) {
                complaints.choice(at);
            }
        }
        (Must::Int, Value::Number(number)) if number.is_i64() => {}
        (Must::Name | Must::Text | Must::Word(_), _) => complaints.wrong_type(at, "string"),
        (Must::Int | Must::User, _) => complaints.wrong_type(at, "int"),
        (Must::Bool, _) => complaints.wrong_type(at, "bool"),
        (Must::Anything | Must::Shown, _) => {}
    }
}
