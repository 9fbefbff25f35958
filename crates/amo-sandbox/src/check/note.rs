//! Notes: the record that owns it, its type, and the parameters of that type. [doc]

use serde_json::{Map, Value};

use crate::check::plain::{self, Expected};
use crate::check::{CheckContext, CheckedItem, JsonNode, WriteMode, check_item};
use crate::world::attached::{self, NoteScope};
use crate::world::{RecordKey, RecordTable};

const COMMON: &[plain::KeySpec] = &[("text", Expected::Text, true)];
/// The last three are in no document. [client]
const CALL: &[plain::KeySpec] = &[
    ("uniq", Expected::Text, true),
    ("duration", Expected::Int, true),
    ("source", Expected::Text, true),
    ("link", Expected::Text, true),
    ("phone", Expected::Text, true),
    ("call_result", Expected::Text, false),
    ("call_status", Expected::Int, false),
    ("call_responsible", Expected::Anything, false),
];
const SERVICE: &[plain::KeySpec] = &[("service", Expected::Text, true), ("text", Expected::Text, true)];
/// `shop` [inferred]
const CASHIER: &[plain::KeySpec] = &[
    ("status", Expected::Word(&["created", "shown", "canceled"]), true),
    ("text", Expected::Text, true),
    ("shop", Expected::Text, false),
];
/// In the older document only; the service still takes it. [client live]
const PAID: &[plain::KeySpec] =
    &[("text", Expected::Text, true), ("service", Expected::Text, true), ("icon_url", Expected::Text, true)];
const PLACE: &[plain::KeySpec] = &[
    ("text", Expected::Text, true),
    ("address", Expected::Text, true),
    ("longitude", Expected::Text, true),
    ("latitude", Expected::Text, true),
];
const SMS: &[plain::KeySpec] = &[("text", Expected::Text, true), ("phone", Expected::Text, true)];
/// Without a version the latest is meant. [doc]
const FILE: &[plain::KeySpec] = &[
    ("file_uuid", Expected::Text, true),
    ("file_name", Expected::Text, true),
    ("version_uuid", Expected::Text, false),
];

/// Parameters of the types that can be written; letters, chats and the like are read only. [client]
fn params_of(note_type: &str) -> Option<&'static [plain::KeySpec]> {
    match note_type {
        "common" => Some(COMMON),
        "call_in" | "call_out" => Some(CALL),
        "service_message" | "extended_service_message" => Some(SERVICE),
        "message_cashier" => Some(CASHIER),
        "invoice_paid" => Some(PAID),
        "geolocation" => Some(PLACE),
        "sms_in" | "sms_out" => Some(SMS),
        "attachment" => Some(FILE),
        _ => None,
    }
}

/// The note that a write changes, as it is stored.
#[derive(Default)]
struct StoredNote {
    owner: Option<RecordKey>,
    note_type: Option<String>,
    params: Map<String, Value>,
}

impl StoredNote {
    fn read(context: &CheckContext, id: u64) -> StoredNote {
        let owner = attached::owner(context.world, RecordTable::Notes, id);
        let record = context.world.records(RecordTable::Notes).get(id);
        let mut json: Map<String, Value> =
            record.and_then(|record| serde_json::from_str(&record.json).ok()).unwrap_or_default();
        let note_type = json.get("note_type").and_then(Value::as_str).map(str::to_owned);
        let params = match json.get_mut("params").map(Value::take) {
            Some(Value::Object(params)) => params,
            _ => Map::new(),
        };
        StoredNote { owner, note_type, params }
    }
}

/// A note: all that an item has, then its owner, type and parameters.
pub fn check(context: &CheckContext, scope: NoteScope, mode: WriteMode, mut node: JsonNode) -> CheckedItem {
    let mut accepted = check_item(context, RecordTable::Notes, mode, node.reborrow());
    let stored = match mode {
        WriteMode::Update(_) => Some(StoredNote::read(context, accepted.id)),
        WriteMode::Create | WriteMode::Complex | WriteMode::Inner => None,
    };
    let entity_id = accepted.set.shift_remove("entity_id");
    match &stored {
        None => accepted.owner = new_owner(context, scope, entity_id.as_ref(), &mut node),
        Some(stored) => check_owner(scope, stored, entity_id.as_ref(), &mut node),
    }
    let Some(note_type) = check_type(stored.as_ref(), &accepted, &mut node) else { return accepted };
    if !accepted.set.contains_key("params") {
        return accepted;
    }
    let is_new = stored.is_none();
    let params = node.get("params").and_then(|params| check_params(context, &note_type, is_new, params));
    let Some(params) = params else { return accepted };
    // Parameters that a change does not name are kept. [inferred]
    let mut all = stored.map(|stored| stored.params).unwrap_or_default();
    all.extend(params);
    accepted.set.insert("params".to_owned(), Value::Object(all));
    accepted
}

/// The record that the path or the item names; it has to exist. [doc], the code [inferred]
fn new_owner(
    context: &CheckContext,
    scope: NoteScope,
    entity_id: Option<&Value>,
    node: &mut JsonNode,
) -> Option<RecordKey> {
    let named = match entity_id {
        None => None,
        Some(id) if id.is_i64() => Some(id.as_u64().unwrap_or(0)),
        Some(_) => {
            node.errors.wrong_type("entity_id", "int");
            return None;
        }
    };
    let Some(id) = scope.id.or(named) else {
        node.missing("entity_id");
        return None;
    };
    if named.is_some_and(|named| named != id) || context.visible(scope.kind, id).is_none() {
        node.errors.invalid_choice("entity_id");
        return None;
    }
    Some((scope.kind, id))
}

/// A note keeps its owner, and the path names that owner. [inferred]
fn check_owner(scope: NoteScope, stored: &StoredNote, entity_id: Option<&Value>, node: &mut JsonNode) {
    let Some(owner) = stored.owner else { return };
    if !scope.includes(owner) {
        node.errors.invalid_choice("id");
    } else if entity_id.is_some_and(|id| *id != owner.1) {
        node.errors.invalid_choice("entity_id");
    }
}

/// The type that a note has or gets; it cannot be changed. [inferred]
fn check_type(stored: Option<&StoredNote>, accepted: &CheckedItem, node: &mut JsonNode) -> Option<String> {
    let current = stored.and_then(|stored| stored.note_type.clone());
    match accepted.set.get("note_type") {
        None => current,
        Some(Value::String(sent)) if params_of(sent).is_some() && current.as_ref().is_none_or(|c| c == sent) => {
            Some(sent.clone())
        }
        Some(Value::String(_)) => {
            node.errors.invalid_choice("note_type"); // [client]
            None
        }
        Some(_) => {
            node.errors.wrong_type("note_type", "string");
            None
        }
    }
}

/// A parameter cannot be left out by `null`. [client]
fn check_params(
    context: &CheckContext,
    note_type: &str,
    is_new: bool,
    mut node: JsonNode,
) -> Option<Map<String, Value>> {
    let mut params = match node.value {
        Value::Object(params) => params.clone(),
        Value::Array(none) if none.is_empty() => Map::new(), // PHP's empty object
        _ => {
            node.wrong_type("array");
            return None;
        }
    };
    let keys = params_of(note_type)?;
    let nulls: Vec<String> = params.iter().filter(|(_, value)| value.is_null()).map(|(key, _)| key.clone()).collect();
    for key in &nulls {
        params.shift_remove(key);
        node.child(key, &Value::Null).null();
    }
    let keys: Vec<plain::KeySpec> =
        keys.iter().copied().filter(|(key, _, _)| !nulls.iter().any(|n| n == key)).collect();
    let is_empty =
        note_type == "common" && params.get("text").and_then(Value::as_str).is_some_and(|t| t.trim().is_empty());
    if is_empty {
        node.errors.blank("params.text"); // [inferred]
    }
    let params = Value::Object(params);
    plain::check(context, &keys, is_new, JsonNode { value: &params, path: node.path, errors: node.errors }).cloned()
}
