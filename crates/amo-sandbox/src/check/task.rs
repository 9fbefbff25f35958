//! Tasks: what each is about, its type, its result. [doc]

use serde_json::Value;

use crate::check::plain::{self, Expected};
use crate::check::{CheckContext, CheckedItem, ValidationErrors, WriteMode};
use crate::world::RecordTable;
use crate::world::attached::{self, OWNERS, TASK_TYPES};

/// Settles what `check_item` has left.
pub fn check(context: &CheckContext, mode: WriteMode, accepted: &mut CheckedItem, errors: &mut ValidationErrors) {
    check_owner(context, mode, accepted, errors);
    let is_known = |id: u64| TASK_TYPES.iter().any(|(known, _, _)| *known == id);
    match accepted.set.get("task_type_id") {
        Some(id) if !id.is_i64() => errors.wrong_type("task_type_id", "int"),
        Some(id) if !id.as_u64().is_some_and(is_known) => errors.choice("task_type_id"),
        Some(_) | None => {}
    }
    check_result(context, accepted, errors);
}

/// A task is about a record, or about none: then reads show `null`, which may come back. [doc]
fn check_owner(context: &CheckContext, mode: WriteMode, accepted: &mut CheckedItem, errors: &mut ValidationErrors) {
    let mut said = |key: &str| accepted.set.shift_remove(key).filter(|value| !value.is_null());
    let (id, kind) = (said("entity_id"), said("entity_type"));
    let before = match mode {
        WriteMode::Update(_) => attached::owner(context.world, RecordTable::Tasks, accepted.id),
        WriteMode::Create | WriteMode::Complex | WriteMode::Inner => None,
    };
    let kind = match (kind, before) {
        (Some(Value::String(word)), _) => {
            let kind = OWNERS.into_iter().find(|kind| kind.path() == word);
            let is_there = |kind: &RecordTable| *kind != RecordTable::Customers || context.account().has_customers(); // [inferred]
            match kind.filter(is_there) {
                Some(kind) => Some(kind),
                None => return errors.choice("entity_type"),
            }
        }
        (Some(_), _) => return errors.wrong_type("entity_type", "string"),
        (None, before) => before.map(|(kind, _)| kind),
    };
    // Half of the two says nothing. [inferred]
    match (id, kind) {
        (None, None) => {}
        (None, Some(kind)) if before.is_some_and(|(stands, _)| stands == kind) => {}
        (None, Some(_)) => errors.missing("entity_id"),
        (Some(id), _) if !id.is_i64() => errors.wrong_type("entity_id", "int"),
        (Some(_), None) => errors.missing("entity_type"),
        (Some(id), Some(kind)) => match id.as_u64().filter(|id| context.stands(kind, *id).is_some()) {
            Some(id) => accepted.owner = Some((kind, id)),
            None => errors.choice("entity_id"),
        },
    }
}

/// `{"text": …}` [doc]; an empty list where there is none, as reads show it. [client live]
fn check_result(context: &CheckContext, accepted: &mut CheckedItem, errors: &mut ValidationErrors) {
    const KEYS: &[plain::KeySpec] = &[("text", Expected::Text, true)];
    match accepted.set.get("result") {
        None => {}
        Some(Value::Null) => drop(accepted.set.shift_remove("result")),
        Some(Value::Array(none)) if none.is_empty() => drop(accepted.set.shift_remove("result")),
        Some(result) => drop(plain::check(context, KEYS, true, result, "result", errors)),
    }
}
