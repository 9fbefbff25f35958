//! Tags of an item: by id or by name, nothing else. [seed], [client]

use serde_json::Value;

use crate::check::{Complaints, Rules, join, longer_than};
use crate::world::Shelf;

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

pub fn check_tags(rules: &Rules, shelf: Shelf, value: &Value, path: &str, complaints: &mut Complaints) -> Vec<TagRef> {
    let Some(tags) = value.as_array() else {
        complaints.wrong_type(path, "array");
        return Vec::new();
    };
    tags.iter().enumerate().filter_map(|(i, tag)| check_tag(rules, shelf, tag, &join(path, i), complaints)).collect()
}

fn check_tag(rules: &Rules, shelf: Shelf, tag: &Value, path: &str, complaints: &mut Complaints) -> Option<TagRef> {
    let Some(tag) = tag.as_object() else {
        complaints.wrong_type(path, "array");
        return None;
    };
    // A tag sent back as it was read has a colour, which is passed over; a new one may not have it. [client]
    let is_read = tag.get("id").is_some_and(|id| !id.is_null()) && !rules.switches.read_keys_refused;
    for key in tag.keys().filter(|key| *key != "id" && *key != "name" && !(*key == "color" && is_read)) {
        complaints.unexpected(join(path, key)); // `request_id` [client]
    }
    match (tag.get("id"), tag.get("name")) {
        (Some(id), _) if !id.is_null() => match id.as_u64() {
            Some(id) if rules.world.tags(shelf).name(id).is_some() => Some(TagRef::Id(id)),
            Some(_) => {
                complaints.choice(join(path, "id"));
                None
            }
            None => {
                complaints.wrong_type(join(path, "id"), "int");
                None
            }
        },
        (_, Some(Value::String(name))) if longer_than(name, rules.switches.name_max) => {
            complaints.too_long(join(path, "name"), rules.switches.name_max);
            None
        }
        (_, Some(Value::String(name))) if !name.is_empty() => Some(TagRef::Name(name.clone())),
        (_, None | Some(Value::String(_))) => {
            complaints.missing(join(path, "name"));
            None
        }
        (_, Some(_)) => {
            complaints.wrong_type(join(path, "name"), "string");
            None
        }
    }
}
