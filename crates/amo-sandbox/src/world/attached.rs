//! Notes and tasks and their owners, which a link names; a task may have no owner. [doc]

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::world::{RecordKey, RecordTable, StoredRecord, World};

pub const KINDS: [RecordTable; 2] = [RecordTable::Notes, RecordTable::Tasks];

/// Tables of records that may have notes and tasks. [doc]
pub const OWNERS: [RecordTable; 4] =
    [RecordTable::Leads, RecordTable::Contacts, RecordTable::Companies, RecordTable::Customers];

/// The types of tasks that every account has [doc]: id, name, code.
pub const TASK_TYPES: [(u64, &str, &str); 2] = [(1, "Связаться", "FOLLOW_UP"), (2, "Встреча", "MEETING")];

/// The owners that a path names: all records of a table, or one.
#[derive(Debug, Clone, Copy)]
pub struct NoteScope {
    pub kind: RecordTable,
    pub id: Option<u64>,
}

impl NoteScope {
    pub fn includes(self, owner: RecordKey) -> bool {
        owner.0 == self.kind && self.id.is_none_or(|id| id == owner.1)
    }
}

/// The owner of a note or a task.
pub fn owner(world: &World, table: RecordTable, id: u64) -> Option<RecordKey> {
    OWNERS.into_iter().find_map(|kind| Some((kind, world.linked(table, id, kind).next()?.0)))
}

/// When an open task is due.
fn open_due_at(record: &StoredRecord) -> Option<i64> {
    #[derive(Deserialize)]
    struct Due {
        #[serde(default)]
        is_completed: bool,
        complete_till: i64,
    }
    let due: Due = serde_json::from_str(&record.json).ok()?;
    (!due.is_completed).then_some(due.complete_till)
}

/// `closest_task_at`: when the next open task of a record is due. [doc]
pub fn closest_task(world: &World, table: RecordTable, id: u64) -> Option<i64> {
    let tasks = world.records(RecordTable::Tasks);
    world.linked(table, id, RecordTable::Tasks).filter_map(|(task, _)| open_due_at(tasks.get(task)?)).min()
}

/// The same for all records of a table that have one.
pub fn closest_tasks(world: &World, table: RecordTable) -> BTreeMap<u64, i64> {
    let mut closest: BTreeMap<u64, i64> = BTreeMap::new();
    for (task, record) in world.records(RecordTable::Tasks).iter() {
        let Some(due) = open_due_at(record) else { continue };
        for (id, _) in world.linked(RecordTable::Tasks, task, table) {
            closest.entry(id).and_modify(|at| *at = due.min(*at)).or_insert(due);
        }
    }
    closest
}
