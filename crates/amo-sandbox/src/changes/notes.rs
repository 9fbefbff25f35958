//! Notes and tasks: their default values and their owners.

use serde_json::{Map, Value, json};

use crate::changes::changeset::Changeset;
use crate::world::attached::{OWNERS, TASK_TYPES};
use crate::world::{RecordKey, RecordTable};

/// Values of a new task for keys that were not sent.
pub fn defaults(table: RecordTable, json: &mut Map<String, Value>) {
    if table == RecordTable::Tasks {
        json.insert("task_type_id".to_owned(), json!(TASK_TYPES[0].0));
        json.insert("duration".to_owned(), json!(0));
        json.insert("is_completed".to_owned(), json!(false));
    }
}

/// Links a note or a task to its owner and to no other record.
pub fn set_owner(changes: &mut Changeset, record: RecordKey, owner: RecordKey) {
    for kind in OWNERS {
        for (other, _) in changes.linked(record.0, record.1, kind) {
            if (kind, other) != owner {
                changes.unlink(record, (kind, other));
            }
        }
    }
    changes.link(record, owner, None);
}
