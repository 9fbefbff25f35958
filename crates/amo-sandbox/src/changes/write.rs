//! Creating and updating records from checked items: defaults, derived values, tags, links.

use serde_json::{Map, Value, json};

use super::notes;
use crate::changes::changeset::Changeset;
use crate::check::{CheckedItem, TagEdit, TagRef};
use crate::world::{PRICED_BY_ROBOT, RecordBody, RecordTable, SENT_AS};
use amo_model::{STATUS_LOST, STATUS_WON};

/// Creates a record and returns its id.
pub fn create(changes: &mut Changeset, table: RecordTable, mut accepted: CheckedItem) -> u64 {
    let id = changes.new_id(table.sequence());
    let me = changes.world.account.current_user;
    let mut json = Map::new();
    match table {
        RecordTable::Leads => lead_defaults(changes, id, &accepted, &mut json),
        RecordTable::Contacts => contact_defaults(&accepted, &mut json),
        RecordTable::Customers => customer_defaults(changes, &mut json),
        RecordTable::Companies | RecordTable::Transactions | RecordTable::Elements => {
            json.insert("name".to_owned(), json!(""));
        }
        RecordTable::Notes | RecordTable::Tasks => notes::defaults(table, &mut json),
    }
    for key in ["responsible_user_id", "created_by", "updated_by"] {
        json.insert(key.to_owned(), json!(me));
    }
    if let Some(name) = accepted.request_id.take() {
        json.insert(SENT_AS.to_owned(), name);
    }
    let created_at = take_time(&mut accepted.set, "created_at").unwrap_or(changes.now);
    let updated_at = take_time(&mut accepted.set, "updated_at").unwrap_or(changes.now);
    merge(&mut json, &accepted);
    if table == RecordTable::Leads {
        update_closing(&mut json, &accepted.set, None, changes.now);
    }
    set_fields(&mut json, &accepted.fields);
    set_tags(changes, table, &mut json, &accepted.tags);
    changes.put(table, id, RecordBody { created_at, updated_at, json });
    link_contacts(changes, id, &accepted.contacts);
    if let Some(company) = accepted.company {
        changes.link((table, id), (RecordTable::Companies, company), None);
    }
    if let Some(owner) = accepted.owner {
        notes::set_owner(changes, (table, id), owner);
    }
    id
}

/// Updates a record and returns it; `None` where it does not exist.
pub fn update(changes: &mut Changeset, table: RecordTable, mut accepted: CheckedItem) -> Option<RecordBody> {
    let mut draft = changes.get(table, accepted.id)?;
    let status_before = status(&draft.json);
    draft.created_at = take_time(&mut accepted.set, "created_at").unwrap_or(draft.created_at);
    draft.updated_at = take_time(&mut accepted.set, "updated_at").unwrap_or(changes.now);
    draft.json.insert("updated_by".to_owned(), json!(changes.world.account.current_user));
    merge(&mut draft.json, &accepted);
    match table {
        RecordTable::Leads => update_closing(&mut draft.json, &accepted.set, status_before, changes.now),
        RecordTable::Contacts => update_full_name(&mut draft.json, &accepted.set),
        RecordTable::Companies
        | RecordTable::Customers
        | RecordTable::Transactions
        | RecordTable::Elements
        | RecordTable::Notes
        | RecordTable::Tasks => {}
    }
    set_fields(&mut draft.json, &accepted.fields);
    set_tags(changes, table, &mut draft.json, &accepted.tags);
    changes.put(table, accepted.id, draft.clone());
    if let Some(owner) = accepted.owner {
        notes::set_owner(changes, (table, accepted.id), owner);
    }
    Some(draft)
}

/// The first marked contact is the main one, else the first. [inferred]
pub fn link_contacts(changes: &mut Changeset, lead: u64, contacts: &[(u64, bool)]) {
    let main = contacts.iter().position(|(_, is_main)| *is_main).unwrap_or(0);
    for (i, (contact, _)) in contacts.iter().enumerate() {
        let meta = json!({"is_main": i == main});
        changes.link((RecordTable::Leads, lead), (RecordTable::Contacts, *contact), Some(&meta));
    }
}

fn take_time(set: &mut Map<String, Value>, key: &str) -> Option<i64> {
    set.shift_remove(key).and_then(|v| v.as_i64())
}

fn merge(json: &mut Map<String, Value>, accepted: &CheckedItem) {
    if accepted.set.contains_key("price") {
        json.shift_remove(PRICED_BY_ROBOT);
    }
    for (key, value) in &accepted.set {
        json.insert(key.clone(), value.clone());
    }
    if let Some((pipeline, status)) = accepted.stage {
        json.insert("pipeline_id".to_owned(), json!(pipeline));
        json.insert("status_id".to_owned(), json!(status));
    }
    if let Some(segments) = &accepted.segments {
        json.insert("segments".to_owned(), json!(segments));
    }
}

fn lead_defaults(changes: &Changeset, id: u64, accepted: &CheckedItem, json: &mut Map<String, Value>) {
    json.insert("name".to_owned(), json!(format!("Сделка #{id}"))); // [inferred]
    json.insert("price".to_owned(), json!(0));
    for key in ["status_id", "pipeline_id", "loss_reason_id", "closed_at"] {
        json.insert(key.to_owned(), Value::Null);
    }
    json.insert("source_id".to_owned(), json!(accepted.source_id));
    if let Some(metadata) = &accepted.metadata {
        json.insert("metadata".to_owned(), metadata.clone());
    }
    if let (None, Some(main)) = (accepted.stage, changes.world.account.main_pipeline()) {
        json.insert("status_id".to_owned(), json!(main.first_status()));
        json.insert("pipeline_id".to_owned(), json!(main.id));
    }
}

/// Zeros, as the second customer of the example has them [seed]; a status in both modes. [seed]
fn customer_defaults(changes: &Changeset, json: &mut Map<String, Value>) {
    for key in ["next_price", "periodicity", "ltv", "purchases_count", "bonus_points"] {
        json.insert(key.to_owned(), json!(0));
    }
    json.insert("next_date".to_owned(), Value::Null);
    json.insert("status_id".to_owned(), json!(changes.world.account.first_customer_status()));
    json.insert("segments".to_owned(), json!([]));
}

fn status(json: &Map<String, Value>) -> Option<u64> {
    json.get("status_id").and_then(Value::as_u64)
}

/// The stage closes a lead: a closed lead has a time of closing, and a lost one may have a reason. [inferred]
fn update_closing(json: &mut Map<String, Value>, sent: &Map<String, Value>, before: Option<u64>, now: i64) {
    let closed = |status: Option<u64>| matches!(status, Some(STATUS_WON | STATUS_LOST));
    let status = status(json);
    if status != Some(STATUS_LOST) {
        json.insert("loss_reason_id".to_owned(), Value::Null); // [client, weak] the service drops it without an error
    }
    if sent.contains_key("closed_at") || status == before {
        return;
    }
    if !closed(status) {
        json.insert("closed_at".to_owned(), Value::Null);
    } else if !closed(before) {
        json.insert("closed_at".to_owned(), json!(now));
    }
}

fn contact_defaults(accepted: &CheckedItem, json: &mut Map<String, Value>) {
    for key in ["name", "first_name", "last_name"] {
        json.insert(key.to_owned(), json!(""));
    }
    if !accepted.set.contains_key("name") {
        let part = |key: &str| accepted.set.get(key).and_then(Value::as_str).unwrap_or("");
        json.insert("name".to_owned(), json!(full_name(part("first_name"), part("last_name"))));
    }
}

/// First and last name make the name where no name is sent. [doc]
fn update_full_name(json: &mut Map<String, Value>, sent: &Map<String, Value>) {
    let parts_sent = sent.contains_key("first_name") || sent.contains_key("last_name");
    if parts_sent && !sent.contains_key("name") {
        let part = |key: &str| json.get(key).and_then(Value::as_str).unwrap_or("");
        let name = full_name(part("first_name"), part("last_name"));
        json.insert("name".to_owned(), json!(name));
    }
}

fn full_name(first: &str, last: &str) -> String {
    format!("{first} {last}").trim().to_owned()
}

/// Fields are stored as `[[id, [values]], …]`. A field that is sent is replaced, others are kept. [doc]
fn set_fields(json: &mut Map<String, Value>, values: &[(u64, Option<Vec<Value>>)]) {
    if values.is_empty() {
        return;
    }
    let mut fields = match json.get_mut("fields").map(Value::take) {
        Some(Value::Array(fields)) => fields,
        _ => Vec::new(),
    };
    for (id, values) in values {
        let at = fields.iter().position(|f| f[0].as_u64() == Some(*id));
        match (at, values) {
            (Some(at), Some(values)) => fields[at] = json!([id, values]),
            (Some(at), None) => drop(fields.remove(at)),
            (None, Some(values)) => fields.push(json!([id, values])),
            (None, None) => {}
        }
    }
    json.insert("fields".to_owned(), Value::Array(fields));
}

/// Tags are stored as ids. `_embedded.tags` replaces all tags, then tags are added and deleted. [client live], [seed]
fn set_tags(changes: &mut Changeset, table: RecordTable, json: &mut Map<String, Value>, edit: &TagEdit) {
    if edit.replace.is_none() && edit.add.is_empty() && edit.delete.is_empty() {
        return;
    }
    let mut tags: Vec<u64> = match (&edit.replace, json.get("tags")) {
        (None, Some(Value::Array(tags))) => tags.iter().filter_map(Value::as_u64).collect(),
        (None, _) | (Some(_), _) => Vec::new(),
    };
    for tag in &edit.delete {
        let id = match tag {
            TagRef::Id(id) => Some(*id),
            TagRef::Name(name) => changes.tag_id_if_known(table, name),
        };
        tags.retain(|t| Some(*t) != id);
    }
    for tag in edit.replace.iter().flatten().chain(&edit.add) {
        let id = match tag {
            TagRef::Id(id) => *id,
            TagRef::Name(name) => changes.tag_id(table, name),
        };
        if !tags.contains(&id) {
            tags.push(id);
        }
    }
    json.insert("tags".to_owned(), json!(tags));
}
