//! Values that are objects, and values that name something else: legal entities, files, elements, records. [doc]

use serde_json::{Value, json};

use crate::check::values::FieldCheck;
use crate::check::{CheckContext, JsonNode, ObjectReader};
use crate::world::RecordTable;
use amo_model::{NAME_MAX, TEXT_MAX, TEXTAREA_MAX};

/// Keys of a legal entity in Russia; those of other countries are refused even as `null`. [client live]
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

pub fn legal_entity(mut node: JsonNode) -> Option<Value> {
    let errors_before = node.errors.0.len();
    let mut entity = ObjectReader::new(node.reborrow())?;
    entity.require(&["name"]);
    entity.name("name", NAME_MAX);
    for (key, max) in LEGAL_TEXTS_RU {
        entity.text(key, max);
    }
    // 1 is a sole proprietor, 2 a company. [doc]
    if entity.int("entity_type").is_some_and(|n| n != 1 && n != 2) {
        entity.invalid_choice("entity_type");
    }
    entity.finish();
    (node.errors.0.len() == errors_before).then(|| json!({"value": node.value}))
}

/// The file is stored by another service, so its uuid is not checked. [doc]
pub fn file(mut node: JsonNode) -> Option<Value> {
    let errors_before = node.errors.0.len();
    let mut file = ObjectReader::new(node.reborrow())?;
    file.require(&["file_uuid"]);
    for key in ["file_uuid", "version_uuid", "file_name"] {
        file.text(key, TEXT_MAX);
    }
    file.id("file_size");
    file.bool("is_deleted");
    file.finish();
    (node.errors.0.len() == errors_before).then(|| json!({"value": node.value}))
}

/// The name of an element, where it exists.
fn element_name(context: &CheckContext, catalog: u64, id: u64) -> Option<Value> {
    let record = context.world.records(RecordTable::Elements).get(id).filter(|r| r.container == catalog)?;
    name_in(&record.json)
}

fn name_in(json: &str) -> Option<Value> {
    serde_json::from_str::<Value>(json).ok().map(|mut json| json["name"].take())
}

impl FieldCheck<'_> {
    /// It has no `value` key; extra keys are refused. [client]
    pub(super) fn chained(&self, mut node: JsonNode) -> Option<Value> {
        let errors_before = node.errors.0.len();
        let mut link = ObjectReader::new(node.reborrow())?;
        let (catalog, element) = (link.id("catalog_id"), link.id("catalog_element_id"));
        link.require(&["catalog_id", "catalog_element_id"]);
        if catalog.is_some_and(|id| !self.field.chain.iter().any(|link| link.catalog_id == id)) {
            link.invalid_choice("catalog_id");
        } else if let (Some(catalog), Some(element)) = (catalog, element)
            && element_name(self.context, catalog, element).is_none()
        {
            link.invalid_choice("catalog_element_id");
        }
        link.finish();
        let kept = json!({"catalog_id": catalog, "catalog_element_id": element});
        (node.errors.0.len() == errors_before).then_some(kept)
    }

    /// A contact, a company or an element, where `search_in` allows it; or a name alone. [doc], which pairs [inferred]
    pub(super) fn linked_entity(&self, mut node: JsonNode) -> Option<Value> {
        let errors_before = node.errors.0.len();
        let mut link = ObjectReader::new(node.reborrow())?;
        let (name, id) = (link.text("name", NAME_MAX), link.id("entity_id"));
        let catalog = link.id("catalog_id");
        let kind = link.one_of("entity_type", &["contacts", "companies", "catalog_elements"]);
        let search_in = self.field.search_in.as_deref().unwrap_or("contacts_and_companies");
        let own_catalog = search_in.parse::<u64>().ok();
        let fits = match kind {
            Some("catalog_elements") => own_catalog.is_some() && (catalog.is_none() || catalog == own_catalog),
            Some(people) => search_in == people || search_in == "contacts_and_companies",
            None => true,
        };
        if !fits {
            let is_other_catalog = kind == Some("catalog_elements") && own_catalog.is_some();
            link.invalid_choice(if is_other_catalog { "catalog_id" } else { "entity_type" });
        }
        let mut found = None;
        match (id, kind) {
            (Some(id), Some(kind)) if fits => {
                let record = |table| self.context.world.records(table).get(id).and_then(|r| name_in(&r.json));
                found = match kind {
                    "contacts" => record(RecordTable::Contacts),
                    "companies" => record(RecordTable::Companies),
                    _ => element_name(self.context, own_catalog.unwrap_or(0), id),
                };
                if found.is_none() {
                    link.invalid_choice("entity_id");
                }
            }
            (Some(_), None) => link.require(&["entity_type"]),
            (Some(_), Some(_)) => {}
            (None, _) => link.require(&["name"]),
        }
        link.finish();
        let catalog = own_catalog.filter(|_| kind == Some("catalog_elements"));
        let kept = json!({"value": {
            "name": name.map_or(found.unwrap_or(Value::Null), |n| json!(n)), "entity_id": id, "entity_type": kind,
            "catalog_id": catalog
        }});
        (node.errors.0.len() == errors_before).then_some(kept)
    }
}
