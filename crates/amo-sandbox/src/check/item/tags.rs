//! Tags of an item: by id or by name, nothing else. [seed], [client]

use serde_json::Value;

use crate::check::{CheckContext, ValidationErrors, join, longer_than};
use crate::world::RecordTable;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TagRef {
    Id(u64),
    Name(String),
}

/// What becomes of a record's tags.
#[derive(Debug, Default)]
pub struct TagEdit {
    /// `_embedded.tags`: the whole set.
    pub replace: Option<Vec<TagRef>>,
    pub add: Vec<TagRef>,
    pub delete: Vec<TagRef>,
}

pub fn check_tags(
    context: &CheckContext,
    table: RecordTable,
    value: &Value,
    path: &str,
    errors: &mut ValidationErrors,
) -> Vec<TagRef> {
    let Some(tags) = value.as_array() else {
        errors.wrong_type(path, "array");
        return Vec::new();
    };
    tags.iter().enumerate().filter_map(|(i, tag)| check_tag(context, table, tag, &join(path, i), errors)).collect()
}

fn check_tag(
    context: &CheckContext,
    table: RecordTable,
    tag: &Value,
    path: &str,
    errors: &mut ValidationErrors,
) -> Option<TagRef> {
    let Some(tag) = tag.as_object() else {
        errors.wrong_type(path, "array");
        return None;
    };
    // A tag sent back as it was read has a colour, which is passed over; a new one may not have it. [client]
    let is_read = tag.get("id").is_some_and(|id| !id.is_null()) && !context.switches.read_keys_refused;
    for key in tag.keys().filter(|key| *key != "id" && *key != "name" && !(*key == "color" && is_read)) {
        errors.unexpected(join(path, key)); // `request_id` [client]
    }
    match (tag.get("id"), tag.get("name")) {
        (Some(id), _) if !id.is_null() => match id.as_u64() {
            Some(id) if context.world.tags(table).name(id).is_some() => Some(TagRef::Id(id)),
            Some(_) => {
                errors.choice(join(path, "id"));
                None
            }
            None => {
                errors.wrong_type(join(path, "id"), "int");
                None
            }
        },
        (_, Some(Value::String(name))) if longer_than(name, context.switches.name_max) => {
            errors.too_long(join(path, "name"), context.switches.name_max);
            None
        }
        (_, Some(Value::String(name))) if !name.is_empty() => Some(TagRef::Name(name.clone())),
        (_, None | Some(Value::String(_))) => {
            errors.missing(join(path, "name"));
            None
        }
        (_, Some(_)) => {
            errors.wrong_type(join(path, "name"), "string");
            None
        }
    }
}
