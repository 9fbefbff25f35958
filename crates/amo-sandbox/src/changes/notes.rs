//! Notes and tasks: what a new one has, and to which record it is put.

use serde_json::{Map, Value, json};

use crate::changes::changeset::Plan;
use crate::world::attached::{OWNERS, TASK_TYPES};
use crate::world::{End, Shelf};

/// What a new one has where nothing is said.
pub fn defaults(shelf: Shelf, json: &mut Map<String, Value>) {
    if shelf == Shelf::Tasks {
        json.insert("task_type_id".to_owned(), json!(TASK_TYPES[0].0));
        json.insert("duration".to_owned(), json!(0));
        json.insert("is_completed".to_owned(), json!(false));
    }
}

/// Puts a note or a task to a record, and to no other.
pub fn put_to(plan: &mut Plan, (shelf, id): End, to: End) {
    for kind in OWNERS {
        for (other, _) in plan.linked(shelf, id, kind).into_iter().filter(|(other, _)| (kind, *other) != to) {
            plan.unlink(shelf, id, kind, other);
        }
    }
    plan.link(shelf, id, to.0, to.1, None);
}
