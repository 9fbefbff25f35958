//! `_embedded` of an item: tags always; on a new lead contacts, a company, a source; in a complex lead all of it in
//! full, and metadata. [seed]

use serde_json::{Map, Value};

use crate::check::item::keys::shown_embedded;
use crate::check::item::{CheckedItem, WriteMode, check_item, customer, metadata, tags};
use crate::check::{CheckContext, ValidationErrors, join};
use crate::world::RecordTable;

/// The contact or company of a complex lead.
#[derive(Debug, Default)]
pub enum Party {
    #[default]
    None,
    Existing(u64),
    New(Box<CheckedItem>),
}

pub fn check_embedded(
    context: &CheckContext,
    table: RecordTable,
    mode: WriteMode,
    value: &Value,
    path: &str,
    accepted: &mut CheckedItem,
    errors: &mut ValidationErrors,
) {
    // `[]` is how PHP writes an empty object, `null` says as little.
    if value.is_null() || value.as_array().is_some_and(Vec::is_empty) {
        return;
    }
    let Some(embedded) = value.as_object() else { return errors.wrong_type(path, "array") };
    for (key, value) in embedded {
        let at = join(path, key);
        match (key.as_str(), table, mode) {
            ("catalog_elements", RecordTable::Transactions, _) => {
                accepted.elements = customer::check_bought(context, value, &at, errors)
            }
            ("segments", RecordTable::Customers, _)
                if !context.account().has_segments() && context.passes_over(mode) => {}
            ("segments", RecordTable::Customers, _) => {
                accepted.segments = customer::check_segments(context, value, &at, errors)
            }
            ("tags", RecordTable::Transactions, _) => errors.unexpected(at),
            ("tags", _, _) => check_tag_set(context, table, mode, value, &at, accepted, errors),
            ("contacts", RecordTable::Leads, WriteMode::Create) => {
                accepted.contacts = check_links(context, RecordTable::Contacts, value, &at, errors)
            }
            ("companies", RecordTable::Leads, WriteMode::Create) => {
                let companies = check_links(context, RecordTable::Companies, value, &at, errors);
                if companies.len() > 1 {
                    errors.too_many(&at, 1); // [seed] a lead has one company
                }
                accepted.company = companies.first().map(|(id, _)| *id);
            }
            ("contacts", RecordTable::Leads, WriteMode::Complex) => {
                accepted.contact_party = check_party(context, RecordTable::Contacts, value, &at, errors)
            }
            ("companies", RecordTable::Leads, WriteMode::Complex) => {
                accepted.company_party = check_party(context, RecordTable::Companies, value, &at, errors)
            }
            ("metadata", RecordTable::Leads, WriteMode::Complex) => {
                accepted.metadata = metadata::check(value, &at, errors);
            }
            ("source", RecordTable::Leads, WriteMode::Create | WriteMode::Complex) => {
                accepted.source_id = check_source(context, value, &at, errors)
            }
            (key, _, _) if context.passes_over(mode) && shown_embedded(table).contains(&key) => {}
            _ => errors.unexpected(at),
        }
    }
}

fn check_tag_set(
    context: &CheckContext,
    table: RecordTable,
    mode: WriteMode,
    value: &Value,
    at: &str,
    accepted: &mut CheckedItem,
    errors: &mut ValidationErrors,
) {
    if !value.is_null() {
        accepted.tags.replace = Some(tags::check_tags(context, table, value, at, errors));
    } else if context.switches.null_clears_tags && matches!(mode, WriteMode::Update(_)) {
        accepted.tags.replace = Some(Vec::new()); // [seed]; a live client saw `null` ignored
    }
}

/// `[{"id": n, "is_main": true}]`
fn check_links(
    context: &CheckContext,
    to: RecordTable,
    value: &Value,
    path: &str,
    errors: &mut ValidationErrors,
) -> Vec<(u64, bool)> {
    let Some(items) = value.as_array() else {
        if !value.is_null() {
            errors.wrong_type(path, "array");
        }
        return Vec::new();
    };
    let mut links: Vec<(u64, bool)> = Vec::new();
    for (i, item) in items.iter().enumerate() {
        let at = join(path, i);
        match item.as_object() {
            Some(item) => links.extend(check_link(context, to, item, &at, errors)),
            None => errors.wrong_type(at, "array"),
        }
    }
    links
}

fn check_link(
    context: &CheckContext,
    to: RecordTable,
    item: &Map<String, Value>,
    path: &str,
    errors: &mut ValidationErrors,
) -> Option<(u64, bool)> {
    for key in item.keys().filter(|k| *k != "id" && !(*k == "is_main" && to == RecordTable::Contacts)) {
        errors.unexpected(join(path, key));
    }
    let is_main = match item.get("is_main") {
        None | Some(Value::Null) => false,
        Some(Value::Bool(main)) => *main,
        Some(Value::String(main)) => main == "true" || main == "1", // [seed] a string in the table, a bool in reads
        Some(_) => {
            errors.wrong_type(join(path, "is_main"), "bool");
            false
        }
    };
    let id = check_id(context, to, item.get("id"), &join(path, "id"), errors)?;
    Some((id, is_main))
}

fn check_id(
    context: &CheckContext,
    to: RecordTable,
    id: Option<&Value>,
    at: &str,
    errors: &mut ValidationErrors,
) -> Option<u64> {
    match id.map(|id| id.as_u64()) {
        None => errors.missing(at),
        Some(None) => errors.wrong_type(at, "int"),
        Some(Some(id)) if context.stands(to, id).is_some() => return Some(id),
        Some(Some(_)) => errors.choice(at),
    }
    None
}

/// At most one, by id or in full. [seed]
fn check_party(
    context: &CheckContext,
    to: RecordTable,
    value: &Value,
    path: &str,
    errors: &mut ValidationErrors,
) -> Party {
    let Some(items) = value.as_array() else {
        if !value.is_null() {
            errors.wrong_type(path, "array");
        }
        return Party::None;
    };
    if items.len() > 1 {
        errors.too_many(path, 1);
    }
    let Some(item) = items.first() else { return Party::None };
    let at = join(path, 0);
    match item.as_object() {
        Some(object) if object.contains_key("id") => match check_link(context, to, object, &at, errors) {
            Some((id, _)) => Party::Existing(id),
            None => Party::None,
        },
        Some(_) => Party::New(Box::new(check_item(context, to, WriteMode::Inner, item, &at, errors))),
        None => {
            errors.wrong_type(at, "array");
            Party::None
        }
    }
}

/// The id of the source; one the account does not know is taken and forgotten. [inferred]
fn check_source(context: &CheckContext, value: &Value, path: &str, errors: &mut ValidationErrors) -> Option<u64> {
    let Some(source) = value.as_object() else {
        errors.wrong_type(path, "array");
        return None;
    };
    for key in source.keys().filter(|k| *k != "external_id" && *k != "type") {
        errors.unexpected(join(path, key));
    }
    match source.get("type") {
        None => {}
        Some(Value::String(kind)) if kind == "widget" => {} // [seed] the only one
        Some(Value::String(_)) => errors.choice(join(path, "type")),
        Some(_) => errors.wrong_type(join(path, "type"), "string"),
    }
    match source.get("external_id") {
        // An int in the table [seed], a string with clients. [client]
        Some(Value::Number(external_id)) => context.account().source(&external_id.to_string()).map(|s| s.id),
        Some(Value::String(external_id)) => context.account().source(external_id).map(|s| s.id),
        Some(_) => {
            errors.wrong_type(join(path, "external_id"), "string");
            None
        }
        None => {
            errors.missing(join(path, "external_id"));
            None
        }
    }
}
