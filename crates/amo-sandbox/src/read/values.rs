//! Stored values of custom fields as reads show them. [seed], [doc]

use serde_json::{Map, Value, json};

use crate::account::FieldDefinition;
use crate::read::View;
use crate::world::{RecordBody, RecordTable, World};
use amo_model::{FieldKind, Owner};

/// The entries of `custom_fields_values`. With `details`, a supplier is shown with its name and numbers. Answers to
/// writes have no details. [seed]
pub fn fields(view: &View, draft: &RecordBody, details: bool) -> Vec<Value> {
    let Some(Value::Array(fields)) = draft.json.get("fields") else { return Vec::new() };
    fields.iter().filter_map(|stored| entry(view, stored, details)).collect()
}

/// `type` of a field, subject to a switch.
pub fn kind(view: &View, field: &FieldDefinition) -> &'static str {
    let is_price = field.kind == FieldKind::Price && view.switches.price_numeric;
    if is_price { FieldKind::Numeric.name() } else { field.kind.name() }
}

/// One entry from `[id, [values]]`.
pub fn entry(view: &View, stored: &Value, details: bool) -> Option<Value> {
    let world = view.world;
    let field = world.account.field(stored[0].as_u64()?)?;
    let values: Vec<Value> = stored[1].as_array()?.iter().map(|v| value(world, field, v, details)).collect();
    Some(json!({
        "field_id": field.id, "field_name": field.name, "field_code": field.code, "field_type": kind(view, field),
        "values": values
    }))
}

fn value(world: &World, field: &FieldDefinition, stored: &Value, details: bool) -> Value {
    match stored.get("enum_id").and_then(Value::as_u64).map(|id| (id, field.choice(id))) {
        // Branches of a category have no codes. [seed]
        Some((id, choice)) if field.kind == FieldKind::Category => {
            json!({"value": choice.map(|c| &c.value), "enum_id": id})
        }
        Some((id, choice)) => {
            let value = stored.get("value").cloned().or_else(|| choice.map(|c| json!(c.value)));
            json!({"value": value, "enum_id": id, "enum_code": choice.and_then(|c| c.code.clone())})
        }
        None if field.kind == FieldKind::LegalEntity => legal_entity(&stored["value"]),
        None if field.kind == FieldKind::Supplier && details => supplier(world, &stored["value"]),
        None => stored.clone(),
    }
}

/// Reads show the keys of all countries, most of them null. [doc]
fn legal_entity(value: &Value) -> Value {
    const KEYS: [&str; 16] = [
        "name",
        "vat_id",
        "tax_registration_reason_code",
        "address",
        "real_address",
        "kpp",
        "bank_code",
        "bank_account_number",
        "director",
        "external_uid",
        "entity_type",
        "unp",
        "bin",
        "egrpou",
        "mfo",
        "oked",
    ];
    let all: Map<String, Value> =
        KEYS.iter().map(|k| ((*k).to_owned(), value.get(k).cloned().unwrap_or(Value::Null))).collect();
    json!({"value": all})
}

/// Keys that reads add to a supplier, and the codes of the fields of its element that have them. [client]
const SUPPLIER_PAPERS: [(&str, &str); 6] = [
    ("vat_id", "SUPPLIER_VAT_ID"),
    ("kpp", "SUPPLIER_TAX_REGISTRATION_REASON_CODE"),
    ("tax_registration_reason_code", "SUPPLIER_TAX_REGISTRATION_REASON_CODE"),
    ("bank_code", "SUPPLIER_BANK_IDENTIFICATION_CODE"),
    ("address", "SUPPLIER_LEGAL_ADDRESS"),
    ("bank_account_number", "SUPPLIER_ACCOUNT_NUMBER"),
];

fn supplier(world: &World, value: &Value) -> Value {
    let mut value = value.clone();
    let record = value["entity_id"].as_u64().and_then(|id| world.records(RecordTable::Elements).get(id));
    let Some(record) = record else { return json!({"value": value}) };
    let json = serde_json::from_str::<Value>(&record.json).unwrap_or_default();
    value["name"] = json["name"].clone();
    for (key, code) in SUPPLIER_PAPERS {
        let field = world.account.field_by_code(Owner::Catalog(record.container), code);
        let stored = json["fields"].as_array().into_iter().flatten();
        let found = stored.into_iter().find(|f| f[0].as_u64() == field.map(|f| f.id));
        value[key] = found.map_or(Value::Null, |f| f[1][0]["value"].clone());
    }
    json!({"value": value})
}
