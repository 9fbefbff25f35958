//! `_embedded` of an item: tags always; on a new lead contacts, a company, a source; in a complex lead all of it in
//! full, and metadata. [seed]

use serde_json::{Map, Value};

use crate::check::item::keys::shown_embedded;
use crate::check::item::{Clean, Mode, check_item, customer, metadata, tags};
use crate::check::{Complaints, Rules, join};
use crate::world::Shelf;

/// The contact or company of a complex lead.
#[derive(Debug, Default)]
pub enum Party {
    #[default]
    None,
    Existing(u64),
    New(Box<Clean>),
}

pub fn check_embedded(
    rules: &Rules,
    shelf: Shelf,
    mode: Mode,
    value: &Value,
    path: &str,
    clean: &mut Clean,
    complaints: &mut Complaints,
) {
    // `[]` is how PHP writes an empty object, `null` says as little.
    if value.is_null() || value.as_array().is_some_and(Vec::is_empty) {
        return;
    }
    let Some(embedded) = value.as_object() else { return complaints.wrong_type(path, "array") };
    for (key, value) in embedded {
        let at = join(path, key);
        match (key.as_str(), shelf, mode) {
            ("catalog_elements", Shelf::Transactions, _) => {
                clean.elements = customer::check_bought(rules, value, &at, complaints)
            }
            ("segments", Shelf::Customers, _) if !rules.account().has_segments() && rules.passes_over(mode) => {}
            ("segments", Shelf::Customers, _) => {
                clean.segments = customer::check_segments(rules, value, &at, complaints)
            }
            ("tags", Shelf::Transactions, _) => complaints.unexpected(at),
            ("tags", _, _) => check_tag_set(rules, shelf, mode, value, &at, clean, complaints),
            ("contacts", Shelf::Leads, Mode::Create) => {
                clean.contacts = check_links(rules, Shelf::Contacts, value, &at, complaints)
            }
            ("companies", Shelf::Leads, Mode::Create) => {
                let companies = check_links(rules, Shelf::Companies, value, &at, complaints);
                if companies.len() > 1 {
                    complaints.too_many(&at, 1); // [seed] a lead has one company
                }
                clean.company = companies.first().map(|(id, _)| *id);
            }
            ("contacts", Shelf::Leads, Mode::Complex) => {
                clean.contact_party = check_party(rules, Shelf::Contacts, value, &at, complaints)
            }
            ("companies", Shelf::Leads, Mode::Complex) => {
                clean.company_party = check_party(rules, Shelf::Companies, value, &at, complaints)
            }
            ("metadata", Shelf::Leads, Mode::Complex) => {
                clean.metadata = metadata::check(value, &at, complaints);
            }
            ("source", Shelf::Leads, Mode::Create | Mode::Complex) => {
                clean.source_id = check_source(rules, value, &at, complaints)
            }
            (key, _, _) if rules.passes_over(mode) && shown_embedded(shelf).contains(&key) => {}
            _ => complaints.unexpected(at),
        }
    }
}

fn check_tag_set(
    rules: &Rules,
    shelf: Shelf,
    mode: Mode,
    value: &Value,
    at: &str,
    clean: &mut Clean,
    complaints: &mut Complaints,
) {
    if !value.is_null() {
        clean.tags.replace = Some(tags::check_tags(rules, shelf, value, at, complaints));
    } else if rules.switches.null_clears_tags && matches!(mode, Mode::Update(_)) {
        clean.tags.replace = Some(Vec::new()); // [seed]; a live client saw `null` ignored
    }
}

/// `[{"id": n, "is_main": true}]`
fn check_links(rules: &Rules, to: Shelf, value: &Value, path: &str, complaints: &mut Complaints) -> Vec<(u64, bool)> {
    let Some(items) = value.as_array() else {
        if !value.is_null() {
            complaints.wrong_type(path, "array");
        }
        return Vec::new();
    };
    let mut links: Vec<(u64, bool)> = Vec::new();
    for (i, item) in items.iter().enumerate() {
        let at = join(path, i);
        match item.as_object() {
            Some(item) => links.extend(check_link(rules, to, item, &at, complaints)),
            None => complaints.wrong_type(at, "array"),
        }
    }
    links
}

fn check_link(
    rules: &Rules,
    to: Shelf,
    item: &Map<String, Value>,
    path: &str,
    complaints: &mut Complaints,
) -> Option<(u64, bool)> {
    for key in item.keys().filter(|k| *k != "id" && !(*k == "is_main" && to == Shelf::Contacts)) {
        complaints.unexpected(join(path, key));
    }
    let is_main = match item.get("is_main") {
        None | Some(Value::Null) => false,
        Some(Value::Bool(main)) => *main,
        Some(Value::String(main)) => main == "true" || main == "1", // [seed] a string in the table, a bool in reads
        Some(_) => {
            complaints.wrong_type(join(path, "is_main"), "bool");
            false
        }
    };
    let id = check_id(rules, to, item.get("id"), &join(path, "id"), complaints)?;
    Some((id, is_main))
}

fn check_id(rules: &Rules, to: Shelf, id: Option<&Value>, at: &str, complaints: &mut Complaints) -> Option<u64> {
    match id.map(|id| id.as_u64()) {
        None => complaints.missing(at),
        Some(None) => complaints.wrong_type(at, "int"),
        Some(Some(id)) if rules.stands(to, id).is_some() => return Some(id),
        Some(Some(_)) => complaints.choice(at),
    }
    None
}

/// At most one, by id or in full. [seed]
fn check_party(rules: &Rules, to: Shelf, value: &Value, path: &str, complaints: &mut Complaints) -> Party {
    let Some(items) = value.as_array() else {
        if !value.is_null() {
            complaints.wrong_type(path, "array");
        }
        return Party::None;
    };
    if items.len() > 1 {
        complaints.too_many(path, 1);
    }
    let Some(item) = items.first() else { return Party::None };
    let at = join(path, 0);
    match item.as_object() {
        Some(object) if object.contains_key("id") => match check_link(rules, to, object, &at, complaints) {
            Some((id, _)) => Party::Existing(id),
            None => Party::None,
        },
        Some(_) => Party::New(Box::new(check_item(rules, to, Mode::Inner, item, &at, complaints))),
        None => {
            complaints.wrong_type(at, "array");
            Party::None
        }
    }
}

/// The id of the source; one the account does not know is taken and forgotten. [inferred]
fn check_source(rules: &Rules, value: &Value, path: &str, complaints: &mut Complaints) -> Option<u64> {
    let Some(source) = value.as_object() else {
        complaints.wrong_type(path, "array");
        return None;
    };
    for key in source.keys().filter(|k| *k != "external_id" && *k != "type") {
        complaints.unexpected(join(path, key));
    }
    match source.get("type") {
        None => {}
        Some(Value::String(kind)) if kind == "widget" => {} // [seed] the only one
        Some(Value::String(_)) => complaints.choice(join(path, "type")),
        Some(_) => complaints.wrong_type(join(path, "type"), "string"),
    }
    match source.get("external_id") {
        // An int in the table [seed], a string with clients. [client]
        Some(Value::Number(external_id)) => rules.account().source(&external_id.to_string()).map(|s| s.id),
        Some(Value::String(external_id)) => rules.account().source(external_id).map(|s| s.id),
        Some(_) => {
            complaints.wrong_type(join(path, "external_id"), "string");
            None
        }
        None => {
            complaints.missing(join(path, "external_id"));
            None
        }
    }
}
