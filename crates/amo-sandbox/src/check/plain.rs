//! Objects whose keys are independent of each other: a table says which keys there are, what each holds, which of them
//! are required.

use serde_json::{Map, Value};

use crate::check::{CheckContext, JsonNode};

/// What a key must hold.
#[derive(Debug, Clone, Copy)]
pub enum Expected {
    Name,
    Text,
    Int,
    Bool,
    Word(&'static [&'static str]),
    User,
    /// The caller checks it.
    Anything,
    /// Only reads show it; ignored where an object is sent back as it was read. [client]
    ReadOnly,
}

/// Name, what it holds, and whether a new object must have it.
pub type KeySpec = (&'static str, Expected, bool);

/// True where the object has a key that can be changed.
pub fn has_changes(keys: &[KeySpec], object: &Map<String, Value>) -> bool {
    let can_change = |(name, expected, _): &&KeySpec| !matches!(expected, Expected::ReadOnly) && *name != "request_id";
    keys.iter().filter(can_change).any(|(name, _, _)| object.contains_key(*name))
}

/// The object; `None` where the node is none. `is_new` asks for the required keys.
pub fn check<'v>(
    context: &CheckContext,
    keys: &[KeySpec],
    is_new: bool,
    mut node: JsonNode<'v, '_>,
) -> Option<&'v Map<String, Value>> {
    let object = node.object()?;
    for (name, value) in object {
        let mut value = node.child(name, value);
        match keys.iter().find(|(key, _, _)| key == name) {
            Some((_, Expected::ReadOnly, _)) if context.switches.read_keys_refused => value.unexpected(),
            Some((_, expected, _)) => check_value(context, *expected, value),
            None => value.unexpected(),
        }
    }
    for (name, _, _) in keys.iter().filter(|(name, _, required)| *required && is_new && !object.contains_key(*name)) {
        node.missing(name);
    }
    Some(object)
}

fn check_value(context: &CheckContext, expected: Expected, mut node: JsonNode) {
    match (expected, node.value) {
        (Expected::Name, Value::String(text)) => {
            node.errors.check_name(text, context.switches.name_max, node.path.clone());
        }
        (Expected::Word(words), Value::String(word)) if !words.contains(&word.as_str()) => node.invalid_choice(),
        (Expected::Text | Expected::Word(_), Value::String(_)) | (Expected::Bool, Value::Bool(_)) => {}
        (Expected::User, Value::Number(id)) if id.is_i64() => {
            if id.as_u64().is_none_or(|id| id > 0 && context.account().user(id).is_none()) {
                node.invalid_choice();
            }
        }
        (Expected::Int, Value::Number(number)) if number.is_i64() => {}
        (Expected::Name | Expected::Text | Expected::Word(_), _) => node.wrong_type("string"),
        (Expected::Int | Expected::User, _) => node.wrong_type("int"),
        (Expected::Bool, _) => node.wrong_type("bool"),
        (Expected::Anything | Expected::ReadOnly, _) => {}
    }
}
