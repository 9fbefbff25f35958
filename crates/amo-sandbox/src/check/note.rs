//! Notes: the record each is about, its type, and the parameters that notes of that type have. [doc]

use serde_json::{Map, Value};

use crate::check::plain::{self, Expected};
use crate::check::{CheckContext, CheckedItem, ValidationErrors, WriteMode, join};
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
/// In the older document only; still taken. [client live]
const PAID: &[plain::KeySpec] =
    &[("text", Expected::Text, true), ("service", Expected::Text, true), ("icon_url", Expected::Text, true)];
const PLACE: &[plain::KeySpec] = &[
    ("text", Expected::Text, true),
    ("address", Expected::Text, true),
    ("longitude", Expected::Text, true),
    ("latitude", Expected::Text, true),
];
const SMS: &[plain::KeySpec] = &[("text", Expected::Text, true), ("phone", Expected::Text, true)];
/// Without a version, the latest is meant. [doc]
const FILE: &[plain::KeySpec] = &[
    ("file_uuid", Expected::Text, true),
    ("file_name", Expected::Text, true),
    ("version_uuid", Expected::Text, false),
];

/// Of the types that can be written; letters, chats and the like are read only. [client]
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

/// What stands already, of a note that is changed.
#[derive(Default)]
struct Before {
    owner: Option<RecordKey>,
    note_type: Option<String>,
    params: Map<String, Value>,
}

impl Before {
    fn of(context: &CheckContext, id: u64) -> Before {
        let owner = attached::owner(context.world, RecordTable::Notes, id);
        let record = context.world.records(RecordTable::Notes).get(id);
        let mut json: Map<String, Value> =
            record.and_then(|record| serde_json::from_str(&record.json).ok()).unwrap_or_default();
        let note_type = json.get("note_type").and_then(Value::as_str).map(str::to_owned);
        let params = match json.get_mut("params").map(Value::take) {
            Some(Value::Object(params)) => params,
            _ => Map::new(),
        };
        Before { owner, note_type, params }
    }
}

/// Settles what `check_item` has left: whose note it is, its type and parameters.
pub fn check(
    context: &CheckContext,
    at: NoteScope,
    mode: WriteMode,
    accepted: &mut CheckedItem,
    errors: &mut ValidationErrors,
) {
    let before = match mode {
        WriteMode::Update(_) => Some(Before::of(context, accepted.id)),
        WriteMode::Create | WriteMode::Complex | WriteMode::Inner => None,
    };
    let said = accepted.set.shift_remove("entity_id");
    match &before {
        None => accepted.owner = new_owner(context, at, said.as_ref(), errors),
        Some(before) => check_owner(at, before, said.as_ref(), errors),
    }
    let Some(note_type) = check_type(before.as_ref(), accepted, errors) else { return };
    let Some(params) = accepted.set.get("params") else { return };
    let is_new = before.is_none();
    let Some(params) = check_params(context, &note_type, is_new, params, errors) else { return };
    // What a change does not name stays. [inferred]
    let mut all = before.map(|before| before.params).unwrap_or_default();
    all.extend(params);
    accepted.set.insert("params".to_owned(), Value::Object(all));
}

/// The one that the path names, or the item; it has to be there. [doc], the code [inferred]
fn new_owner(
    context: &CheckContext,
    at: NoteScope,
    said: Option<&Value>,
    errors: &mut ValidationErrors,
) -> Option<RecordKey> {
    let said = match said {
        None => None,
        Some(id) if id.is_i64() => Some(id.as_u64().unwrap_or(0)),
        Some(_) => {
            errors.wrong_type("entity_id", "int");
            return None;
        }
    };
    let Some(id) = at.id.or(said) else {
        errors.missing("entity_id");
        return None;
    };
    if said.is_some_and(|said| said != id) || context.stands(at.kind, id).is_none() {
        errors.choice("entity_id");
        return None;
    }
    Some((at.kind, id))
}

/// A note stays where it is, and is where the path says. [inferred]
fn check_owner(at: NoteScope, before: &Before, said: Option<&Value>, errors: &mut ValidationErrors) {
    let Some(owner) = before.owner else { return };
    if !at.takes(owner) {
        errors.choice("id");
    } else if said.is_some_and(|said| *said != owner.1) {
        errors.choice("entity_id");
    }
}

/// The type a note has or gets; it does not become another. [inferred]
fn check_type(before: Option<&Before>, accepted: &CheckedItem, errors: &mut ValidationErrors) -> Option<String> {
    let stands = before.and_then(|before| before.note_type.clone());
    match accepted.set.get("note_type") {
        None => stands,
        Some(Value::String(said)) if params_of(said).is_some() && stands.as_ref().is_none_or(|s| s == said) => {
            Some(said.clone())
        }
        Some(Value::String(_)) => {
            errors.choice("note_type"); // [client]
            None
        }
        Some(_) => {
            errors.wrong_type("note_type", "string");
            None
        }
    }
}

/// `null` is no way to leave a parameter out. [client]
fn check_params(
    context: &CheckContext,
    note_type: &str,
    is_new: bool,
    params: &Value,
    errors: &mut ValidationErrors,
) -> Option<Map<String, Value>> {
    let mut said = match params {
        Value::Object(said) => said.clone(),
        Value::Array(none) if none.is_empty() => Map::new(), // PHP's empty object
        _ => {
            errors.wrong_type("params", "array");
            return None;
        }
    };
    let keys = params_of(note_type)?;
    let nulls: Vec<String> = said.iter().filter(|(_, value)| value.is_null()).map(|(key, _)| key.clone()).collect();
    for key in &nulls {
        said.shift_remove(key);
        errors.null(join("params", key));
    }
    let keys: Vec<plain::KeySpec> =
        keys.iter().copied().filter(|(key, _, _)| !nulls.iter().any(|n| n == key)).collect();
    let is_empty =
        note_type == "common" && said.get("text").and_then(Value::as_str).is_some_and(|t| t.trim().is_empty());
    if is_empty {
        errors.blank("params.text"); // [inferred]
    }
    plain::check(context, &keys, is_new, &Value::Object(said.clone()), "params", errors)?;
    Some(said)
}
