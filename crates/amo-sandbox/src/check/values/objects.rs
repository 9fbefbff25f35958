//! Values that are objects, and values that name something else: papers of a company, files, links into lists. [doc]

use serde_json::{Map, Value, json};

use crate::account::FieldDefinition;
use crate::check::{CheckContext, ObjectReader, ValidationErrors, join};
use crate::world::RecordTable;
use amo_model::{NAME_MAX, TEXT_MAX, TEXTAREA_MAX};

/// Keys of a company's papers in Russia; those of other countries are refused even as `null`. [client live]
const LEGAL_TEXTS_RU: [(&str, usize); 9] = [
    ("vat_id", TEXT_MAX),
    ("tax_registration_reason_code", TEXT_MAX),
    ("address", TEXTAREA_MAX),
    ("real_address", TEXTAREA_MAX),
    ("kpp", TEXT_MAX),
    ("bank_code", TEXT_MAX),
    ("bank_account_number", TEXT_MAX),
    ("director", TEXT_MAX),
    ("external_uid", TEXT_MAX),
];

pub fn legal_entity(value: &Value, at: &str, errors: &mut ValidationErrors) -> Option<Value> {
    let before = errors.0.len();
    let mut papers = ObjectReader::of(value, join(at, "value"), errors)?;
    papers.needs(&["name"]);
    papers.name("name", NAME_MAX);
    for (key, max) in LEGAL_TEXTS_RU {
        papers.text(key, max);
    }
    // 1 a sole proprietor, 2 a company. [doc]
    if papers.int("entity_type").is_some_and(|n| n != 1 && n != 2) {
        papers.choice("entity_type");
    }
    papers.done();
    (errors.0.len() == before).then(|| json!({"value": value}))
}

/// The file itself is elsewhere: its uuid is taken on trust. [doc]
pub fn file(value: &Value, at: &str, errors: &mut ValidationErrors) -> Option<Value> {
    let before = errors.0.len();
    let mut file = ObjectReader::of(value, join(at, "value"), errors)?;
    file.needs(&["file_uuid"]);
    for key in ["file_uuid", "version_uuid", "file_name"] {
        file.text(key, TEXT_MAX);
    }
    file.id("file_size");
    file.bool("is_deleted");
    file.done();
    (errors.0.len() == before).then(|| json!({"value": value}))
}

/// No `value` key at all; extra keys are refused. [client]
pub fn chained(
    context: &CheckContext,
    field: &FieldDefinition,
    item: &Map<String, Value>,
    at: &str,
    errors: &mut ValidationErrors,
) -> Option<Value> {
    let before = errors.0.len();
    let mut link = ObjectReader::over(item, at, errors);
    let (catalog, element) = (link.id("catalog_id"), link.id("catalog_element_id"));
    link.needs(&["catalog_id", "catalog_element_id"]);
    if catalog.is_some_and(|id| !field.chain.iter().any(|link| link.catalog_id == id)) {
        link.choice("catalog_id");
    } else if let (Some(catalog), Some(element)) = (catalog, element)
        && element_of(context, catalog, element).is_none()
    {
        link.choice("catalog_element_id");
    }
    link.done();
    let kept = json!({"catalog_id": catalog, "catalog_element_id": element});
    (errors.0.len() == before).then_some(kept)
}

/// The name of an element, where it is there.
fn element_of(context: &CheckContext, catalog: u64, id: u64) -> Option<Value> {
    let record = context.world.records(RecordTable::Elements).get(id).filter(|r| r.container == catalog)?;
    name_in(&record.json)
}

fn name_in(json: &str) -> Option<Value> {
    serde_json::from_str::<Value>(json).ok().map(|mut json| json["name"].take())
}

/// A contact, a company or an element, where the field looks for such; or a name alone. [doc], which pairs [inferred]
pub fn linked(
    context: &CheckContext,
    field: &FieldDefinition,
    value: &Value,
    at: &str,
    errors: &mut ValidationErrors,
) -> Option<Value> {
    let before = errors.0.len();
    let mut link = ObjectReader::of(value, join(at, "value"), errors)?;
    let (name, id) = (link.text("name", NAME_MAX), link.id("entity_id"));
    let catalog = link.id("catalog_id");
    let kind = link.word("entity_type", &["contacts", "companies", "catalog_elements"]);
    let looks_in = field.search_in.as_deref().unwrap_or("contacts_and_companies");
    let of_catalog = looks_in.parse::<u64>().ok();
    let fits = match kind {
        Some("catalog_elements") => of_catalog.is_some() && (catalog.is_none() || catalog == of_catalog),
        Some(people) => looks_in == people || looks_in == "contacts_and_companies",
        None => true,
    };
    if !fits {
        link.choice(if kind == Some("catalog_elements") && of_catalog.is_some() {
            "catalog_id"
        } else {
            "entity_type"
        });
    }
    let mut found = None;
    match (id, kind) {
        (Some(id), Some(kind)) if fits => {
            let record = |table| context.world.records(table).get(id).and_then(|r| name_in(&r.json));
            found = match kind {
                "contacts" => record(RecordTable::Contacts),
                "companies" => record(RecordTable::Companies),
                _ => element_of(context, of_catalog.unwrap_or(0), id),
            };
            if found.is_none() {
                link.choice("entity_id");
            }
        }
        (Some(_), None) => link.needs(&["entity_type"]),
        (Some(_), Some(_)) => {}
        (None, _) => link.needs(&["name"]),
    }
    link.done();
    let catalog = of_catalog.filter(|_| kind == Some("catalog_elements"));
    let kept = json!({"value": {
        "name": name.map_or(found.unwrap_or(Value::Null), |n| json!(n)), "entity_id": id, "entity_type": kind,
        "catalog_id": catalog
    }});
    (errors.0.len() == before).then_some(kept)
}
