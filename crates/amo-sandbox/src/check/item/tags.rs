//! Tags of an item: by id or by name, nothing else. [seed], [client]

use serde_json::Value;

use crate::check::{CheckContext, JsonNode};
use crate::world::RecordTable;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TagRef {
    Id(u64),
    Name(String),
}

/// The change of a record's tags.
#[derive(Debug, Default)]
pub struct TagEdit {
    /// `_embedded.tags`: the whole set.
    pub replace: Option<Vec<TagRef>>,
    pub add: Vec<TagRef>,
    pub delete: Vec<TagRef>,
}

pub fn check_tags(context: &CheckContext, table: RecordTable, mut node: JsonNode) -> Vec<TagRef> {
    let Some(tags) = node.array() else { return Vec::new() };
    tags.iter().enumerate().filter_map(|(i, tag)| check_tag(context, table, node.child(i, tag))).collect()
}

fn check_tag(context: &CheckContext, table: RecordTable, mut node: JsonNode) -> Option<TagRef> {
    let tag = node.object()?;
    let has_id = tag.get("id").is_some_and(|id| !id.is_null());
    // A tag sent back as it was read has a colour, which is ignored; a new one may not have it. [client]
    let ignores_color = has_id && !context.switches.read_keys_refused;
    for (key, value) in tag.iter().filter(|(key, _)| *key != "id" && *key != "name") {
        if !(key == "color" && ignores_color) {
            node.child(key, value).unexpected(); // `request_id` [client]
        }
    }
    if let Some(mut id) = node.get("id").filter(|_| has_id) {
        match id.value.as_u64() {
            Some(known) if context.world.tags(table).name(known).is_some() => return Some(TagRef::Id(known)),
            Some(_) => id.invalid_choice(),
            None => id.wrong_type("int"),
        }
        return None;
    }
    if matches!(tag.get("name"), None | Some(Value::String(_))) && tag.get("name").is_none_or(|name| name == "") {
        node.missing("name");
        return None;
    }
    let name = node.get("name")?.text(context.switches.name_max)?;
    Some(TagRef::Name(name.to_owned()))
}
