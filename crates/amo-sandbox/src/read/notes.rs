//! Notes and tasks as the API shows them.

use serde_json::{Value, json};

use crate::read::{View, self_link};
use crate::world::{RecordBody, RecordKey, RecordTable, attached};

impl View<'_> {
    /// Below the record that owns the note. [client live]
    pub fn note_url(&self, owner: RecordKey, id: u64) -> String {
        self.url(&format!("{}/{}/notes/{id}", owner.0.path(), owner.1))
    }

    /// `None` where its owner does not exist.
    pub(super) fn note(&self, id: u64, draft: &RecordBody) -> Option<Value> {
        let owner = attached::owner(self.world, RecordTable::Notes, id)?;
        let at = |key: &str| draft.json.get(key).unwrap_or(&Value::Null);
        let mut note = json!({
            "id": id, "entity_id": owner.1, "created_by": at("created_by"), "updated_by": at("updated_by"),
            "created_at": draft.created_at, "updated_at": draft.updated_at,
            "responsible_user_id": at("responsible_user_id"), "group_id": self.group(at("responsible_user_id")),
            "note_type": at("note_type"), "params": at("params"), "account_id": self.world.account.id
        });
        if self.query.with("is_pinned") {
            note["is_pinned"] = json!(at("is_pinned") == true); // [doc Kommo]
        }
        note["_links"] = self_link(self.note_url(owner, id));
        Some(note)
    }

    /// All keys as recorded; without a result `result` is an empty list. [client live]
    pub(super) fn task(&self, id: u64, draft: &RecordBody) -> Value {
        let at = |key: &str| draft.json.get(key).unwrap_or(&Value::Null);
        let owner = attached::owner(self.world, RecordTable::Tasks, id);
        let result = draft.json.get("result").cloned().unwrap_or_else(|| json!([]));
        json!({
            "id": id, "created_by": at("created_by"), "updated_by": at("updated_by"), "created_at": draft.created_at,
            "updated_at": draft.updated_at, "responsible_user_id": at("responsible_user_id"),
            "group_id": self.group(at("responsible_user_id")), "entity_id": owner.map(|(_, id)| id),
            "entity_type": owner.map(|(kind, _)| kind.path()), "duration": at("duration"),
            "is_completed": at("is_completed"), "task_type_id": at("task_type_id"), "text": at("text"), "result": result,
            "complete_till": at("complete_till"), "account_id": self.world.account.id,
            "_links": self_link(self.record_url(RecordTable::Tasks, id))
        })
    }
}
