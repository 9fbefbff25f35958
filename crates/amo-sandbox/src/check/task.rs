//! Tasks: what each is about, its type, its result. [doc]

use serde_json::Value;

use crate::check::plain::{self, Must};
use crate::check::{Clean, Complaints, Mode, Rules};
use crate::world::Shelf;
use crate::world::attached::{self, OWNERS, TASK_TYPES};

/// Settles what `check_item` has left.
pub fn check(rules: &Rules, mode: Mode, clean: &mut Clean, complaints: &mut Complaints) {
    check_owner(rules, mode, clean, complaints);
    let is_known = |id: u64| TASK_TYPES.iter().any(|(known, _, _)| *known == id);
    match clean.set.get("task_type_id") {
        Some(id) if !id.is_i64() => complaints.wrong_type("task_type_id", "int"),
        Some(id) if !id.as_u64().is_some_and(is_known) => complaints.choice("task_type_id"),
        Some(_) | None => {}
    }
    check_result(rules, clean, complaints);
}

/// A task is about a record, or about none: then reads show `null`, which may come back. [doc]
fn check_owner(rules: &Rules, mode: Mode, clean: &mut Clean, complaints: &mut Complaints) {
    let mut said = |key: &str| clean.set.shift_remove(key).filter(|value| !value.is_null());
    let (id, kind) = (said("entity_id"), said("entity_type"));
    let before = match mode {
        Mode::Update(_) => attached::owner(rules.world, Shelf::Tasks, clean.id),
        Mode::Create | Mode::Complex | Mode::Inner => None,
    };
    let kind = match (kind, before) {
        (Some(Value::String(word)), _) => {
            let kind = OWNERS.into_iter().find(|kind| kind.path() == word);
            let is_there = |kind: &Shelf| *kind != Shelf::Customers || rules.account().has_customers(); // [inferred]
            match kind.filter(is_there) {
                Some(kind) => Some(kind),
                None => return complaints.choice("entity_type"),
            }
        }
        (Some(_), _) => return complaints.wrong_type("entity_type", "string"),
        (None, before) => before.map(|(kind, _)| kind),
    };
    // Half of the two says nothing. [inferred]
    match (id, kind) {
        (None, None) => {}
        (None, Some(kind)) if before.is_some_and(|(stands, _)| stands == kind) => {}
        (None, Some(_)) => complaints.missing("entity_id"),
        (Some(id), _) if !id.is_i64() => complaints.wrong_type("entity_id", "int"),
        (Some(_), None) => complaints.missing("entity_type"),
        (Some(id), Some(kind)) => match id.as_u64().filter(|id| rules.stands(kind, *id).is_some()) {
            Some(id) => clean.owner = Some((kind, id)),
            None => complaints.choice("entity_id"),
        },
    }
}

/// `{"text": …}` [doc]; an empty list where there is none, as reads show it. [client live]
fn check_result(rules: &Rules, clean: &mut Clean, complaints: &mut Complaints) {
    const KEYS: &[plain::Key] = &[("text", Must::Text, true)];
    match clean.set.get("result") {
        None => {}
        Some(Value::Null) => drop(clean.set.shift_remove("result")),
        Some(Value::Array(none)) if none.is_empty() => drop(clean.set.shift_remove("result")),
        Some(result) => drop(plain::check(rules, KEYS, true, result, "result", complaints)),
    }
}
