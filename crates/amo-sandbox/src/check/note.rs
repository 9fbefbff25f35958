//! Notes: the record each is about, its type, and the parameters that notes of that type have. [doc]

use serde_json::{Map, Value};

use crate::check::plain::{self, Must};
use crate::check::{Clean, Complaints, Mode, Rules, join};
use crate::world::attached::{self, At};
use crate::world::{End, Shelf};

const COMMON: &[plain::Key] = &[("text", Must::Text, true)];
/// The last three are in no document. [client]
const CALL: &[plain::Key] = &[
    ("uniq", Must::Text, true),
    ("duration", Must::Int, true),
    ("source", Must::Text, true),
    ("link", Must::Text, true),
    ("phone", Must::Text, true),
    ("call_result", Must::Text, false),
    ("call_status", Must::Int, false),
    ("call_responsible", Must::Anything, false),
];
const SERVICE: &[plain::Key] = &[("service", Must::Text, true), ("text", Must::Text, true)];
/// `shop` [inferred]
const CASHIER: &[plain::Key] = &[
    ("status", Must::Word(&["created", "shown", "canceled"]), true),
    ("text", Must::Text, true),
    ("shop", Must::Text, false),
];
/// In the older document only; still taken. [client live]
const PAID: &[plain::Key] =
    &[("text", Must::Text, true), ("service", Must::Text, true), ("icon_url", Must::Text, true)];
const PLACE: &[plain::Key] = &[
    ("text", Must::Text, true),
    ("address", Must::Text, true),
    ("longitude", Must::Text, true),
    ("latitude", Must::Text, true),
];
const SMS: &[plain::Key] = &[("text", Must::Text, true), ("phone", Must::Text, true)];
/// Without a version, the latest is meant. [doc]
const FILE: &[plain::Key] =
    &[("file_uuid", Must::Text, true), ("file_name", Must::Text, true), ("version_uuid", Must::Text, false)];

/// Of the types that can be written; letters, chats and the like are read only. [client]
fn params_of(note_type: &str) -> Option<&'static [plain::Key]> {
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
    owner: Option<End>,
    note_type: Option<String>,
    params: Map<String, Value>,
}

impl Before {
    fn of(rules: &Rules, id: u64) -> Before {
        let owner = attached::owner(rules.world, Shelf::Notes, id);
        let record = rules.world.records(Shelf::Notes).get(id);
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
pub fn check(rules: &Rules, at: At, mode: Mode, clean: &mut Clean, complaints: &mut Complaints) {
    let before = match mode {
        Mode::Update(_) => Some(Before::of(rules, clean.id)),
        Mode::Create | Mode::Complex | Mode::Inner => None,
    };
    let said = clean.set.shift_remove("entity_id");
    match &before {
        None => clean.owner = new_owner(rules, at, said.as_ref(), complaints),
        Some(before) => check_owner(at, before, said.as_ref(), complaints),
    }
    let Some(note_type) = check_type(before.as_ref(), clean, complaints) else { return };
    let Some(params) = clean.set.get("params") else { return };
    let is_new = before.is_none();
    let Some(params) = check_params(rules, &note_type, is_new, params, complaints) else { return };
    // What a change does not name stays. [inferred]
    let mut all = before.map(|before| before.params).unwrap_or_default();
    all.extend(params);
    clean.set.insert("params".to_owned(), Value::Object(all));
}

/// The one that the path names, or the item; it has to be there. [doc], the code [inferred]
fn new_owner(rules: &Rules, at: At, said: Option<&Value>, complaints: &mut Complaints) -> Option<End> {
    let said = match said {
        None => None,
        Some(id) if id.is_i64() => Some(id.as_u64().unwrap_or(0)),
        Some(_) => {
            complaints.wrong_type("entity_id", "int");
            return None;
        }
    };
    let Some(id) = at.id.or(said) else {
        complaints.missing("entity_id");
        return None;
    };
    if said.is_some_and(|said| said != id) || rules.stands(at.kind, id).is_none() {
        complaints.choice("entity_id");
        return None;
    }
    Some((at.kind, id))
}

/// A note stays where it is, and is where the path says. [inferred]
fn check_owner(at: At, before: &Before, said: Option<&Value>, complaints: &mut Complaints) {
    let Some(owner) = before.owner else { return };
    if !at.takes(owner) {
        complaints.choice("id");
    } else if said.is_some_and(|said| *said != owner.1) {
        complaints.choice("entity_id");
    }
}

/// The type a note has or gets; it does not become another. [inferred]
fn check_type(before: Option<&Before>, clean: &Clean, complaints: &mut Complaints) -> Option<String> {
    let stands = before.and_then(|before| before.note_type.clone());
    match clean.set.get("note_type") {
        None => stands,
        Some(Value::String(said)) if params_of(said).is_some() && stands.as_ref().is_none_or(|s| s == said) => {
            Some(said.clone())
        }
        Some(Value::String(_)) => {
            complaints.choice("note_type"); // [client]
            None
        }
        Some(_) => {
            complaints.wrong_type("note_type", "string");
            None
        }
    }
}

/// `null` is no way to leave a parameter out. [client]
fn check_params(
    rules: &Rules,
    note_type: &str,
    is_new: bool,
    params: &Value,
    complaints: &mut Complaints,
) -> Option<Map<String, Value>> {
    let mut said = match params {
        Value::Object(said) => said.clone(),
        Value::Array(none) if none.is_empty() => Map::new(), // PHP's empty object
        _ => {
            complaints.wrong_type("params", "array");
            return None;
        }
    };
    let keys = params_of(note_type)?;
    let nulls: Vec<String> = said.iter().filter(|(_, value)| value.is_null()).map(|(key, _)| key.clone()).collect();
    for key in &nulls {
        said.shift_remove(key);
        complaints.null(join("params", key));
    }
    let keys: Vec<plain::Key> = keys.iter().copied().filter(|(key, _, _)| !nulls.iter().any(|n| n == key)).collect();
    let is_empty =
        note_type == "common" && said.get("text").and_then(Value::as_str).is_some_and(|t| t.trim().is_empty());
    if is_empty {
        complaints.blank("params.text"); // [inferred]
    }
    plain::check(rules, &keys, is_new, &Value::Object(said.clone()), "params", complaints)?;
    Some(said)
}
