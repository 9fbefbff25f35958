//! Objects whose keys are looked at one by one, with nothing that follows from another: a table says which there are,
//! what each holds, which may not be left out.

use serde_json::{Map, Value};

use crate::check::{CheckContext, ValidationErrors, join};

/// What a key must hold.
#[derive(Debug, Clone, Copy)]
pub enum Expected {
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
pub type KeySpec = (&'static str, Expected, bool);

/// The object says something that can be changed.
pub fn says_anything(keys: &[KeySpec], object: &Map<String, Value>) -> bool {
    let is_said = |(name, must, _): &&KeySpec| !matches!(must, Expected::Shown) && *name != "request_id";
    keys.iter().filter(is_said).any(|(name, _, _)| object.contains_key(*name))
}

/// The object, where it is one. What is wrong with it goes to `complaints`.
pub fn check<'a>(
    context: &CheckContext,
    keys: &[KeySpec],
    is_new: bool,
    item: &'a Value,
    path: &str,
    errors: &mut ValidationErrors,
) -> Option<&'a Map<String, Value>> {
    let Some(object) = item.as_object() else {
        errors.wrong_type(path, "array");
        return None;
    };
    for (name, value) in object {
        let at = join(path, name);
        match keys.iter().find(|(key, _, _)| key == name) {
            Some((_, Expected::Shown, _)) if context.switches.read_keys_refused => errors.unexpected(at),
            Some((_, must, _)) => check_value(context, *must, value, &at, errors),
            None => errors.unexpected(at),
        }
    }
    for (name, _, _) in keys.iter().filter(|(name, _, required)| *required && is_new && !object.contains_key(*name)) {
        errors.missing(join(path, name));
    }
    Some(object)
}

fn check_value(context: &CheckContext, must: Expected, value: &Value, at: &str, errors: &mut ValidationErrors) {
    match (must, value) {
        (Expected::Name, Value::String(text)) => drop(errors.name(text, context.switches.name_max, at)),
        (Expected::Word(words), Value::String(word)) if !words.contains(&word.as_str()) => errors.choice(at),
        (Expected::Text | Expected::Word(_), Value::String(_)) | (Expected::Bool, Value::Bool(_)) => {}
        (Expected::User, Value::Number(id)) if id.is_i64() => {
            if id.as_u64().is_none_or(|id| id > 0 && context.account().user(id).is_none()) {
                errors.choice(at);
            }
        }
        (Expected::Int, Value::Number(number)) if number.is_i64() => {}
        (Expected::Name | Expected::Text | Expected::Word(_), _) => errors.wrong_type(at, "string"),
        (Expected::Int | Expected::User, _) => errors.wrong_type(at, "int"),
        (Expected::Bool, _) => errors.wrong_type(at, "bool"),
        (Expected::Anything | Expected::Shown, _) => {}
    }
}
