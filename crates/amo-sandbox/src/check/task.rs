//! Tasks: the record that owns it, its type, its result. [doc]

use serde_json::Value;

use crate::check::plain::{self, Expected};
use crate::check::{CheckContext, CheckedItem, JsonNode, WriteMode, check_item};
use crate::world::RecordTable;
use crate::world::attached::{self, OWNERS, TASK_TYPES};

/// A task: all that an item has, then its owner, type and result.
pub fn check(context: &CheckContext, mode: WriteMode, mut node: JsonNode) -> CheckedItem {
    let mut accepted = check_item(context, RecordTable::Tasks, mode, node.reborrow());
    check_owner(context, mode, &mut accepted, &mut node);
    let is_known = |id: u64| TASK_TYPES.iter().any(|(known, _, _)| *known == id);
    match accepted.set.get("task_type_id") {
        Some(id) if !id.is_i64() => node.errors.wrong_type("task_type_id", "int"),
        Some(id) if !id.as_u64().is_some_and(is_known) => node.errors.invalid_choice("task_type_id"),
        Some(_) | None => {}
    }
    check_result(context, &mut accepted, node);
    accepted
}

/// A task has an owner or none; for none reads show `null`, which may be sent back. [doc]
fn check_owner(context: &CheckContext, mode: WriteMode, accepted: &mut CheckedItem, node: &mut JsonNode) {
    let mut take = |key: &str| accepted.set.shift_remove(key).filter(|value| !value.is_null());
    let (id, kind) = (take("entity_id"), take("entity_type"));
    let current = match mode {
        WriteMode::Update(_) => attached::owner(context.world, RecordTable::Tasks, accepted.id),
        WriteMode::Create | WriteMode::Complex | WriteMode::Inner => None,
    };
    let kind = match (kind, current) {
        (Some(Value::String(word)), _) => {
            let kind = OWNERS.into_iter().find(|kind| kind.path() == word);
            let exists = |kind: &RecordTable| *kind != RecordTable::Customers || context.account().has_customers(); // [inferred]
            match kind.filter(exists) {
                Some(kind) => Some(kind),
                None => return node.errors.invalid_choice("entity_type"),
            }
        }
        (Some(_), _) => return node.errors.wrong_type("entity_type", "string"),
        (None, current) => current.map(|(kind, _)| kind),
    };
    // One of the two keys without the other names no record. [inferred]
    match (id, kind) {
        (None, None) => {}
        (None, Some(kind)) if current.is_some_and(|(current, _)| current == kind) => {}
        (None, Some(_)) => node.missing("entity_id"),
        (Some(id), _) if !id.is_i64() => node.errors.wrong_type("entity_id", "int"),
        (Some(_), None) => node.missing("entity_type"),
        (Some(id), Some(kind)) => match id.as_u64().filter(|id| context.visible(kind, *id).is_some()) {
            Some(id) => accepted.owner = Some((kind, id)),
            None => node.errors.invalid_choice("entity_id"),
        },
    }
}

/// `{"text": …}` [doc]; an empty list where there is none, as reads show it. [client live]
fn check_result(context: &CheckContext, accepted: &mut CheckedItem, mut node: JsonNode) {
    const KEYS: &[plain::KeySpec] = &[("text", Expected::Text, true)];
    match accepted.set.get("result") {
        None => {}
        Some(Value::Null) => drop(accepted.set.shift_remove("result")),
        Some(Value::Array(none)) if none.is_empty() => drop(accepted.set.shift_remove("result")),
        Some(_) => drop(node.get("result").and_then(|result| plain::check(context, KEYS, true, result))),
    }
}
