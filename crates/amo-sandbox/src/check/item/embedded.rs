//! `_embedded` of an item: tags in every write; contacts, a company and a source in a new lead; all of these in full, and
//! metadata, in a complex lead. [seed]

use serde_json::Value;

use crate::check::item::keys::read_only_embedded;
use crate::check::item::tags::check_tags;
use crate::check::item::{CheckedItem, ItemCheck, WriteMode, check_item, customer, metadata};
use crate::check::{CheckContext, JsonNode};
use crate::world::RecordTable;

/// The contact or company of a complex lead.
#[derive(Debug, Default)]
pub enum Party {
    #[default]
    None,
    Existing(u64),
    New(Box<CheckedItem>),
}

impl ItemCheck<'_> {
    pub(super) fn check_embedded(&mut self, mut node: JsonNode) {
        // `[]` is how PHP writes an empty object; `null` changes nothing either.
        if node.value.is_null() || node.value.as_array().is_some_and(Vec::is_empty) {
            return;
        }
        let Some(embedded) = node.object() else { return };
        for (key, value) in embedded {
            self.check_embedded_key(key, node.child(key, value));
        }
    }

    fn check_embedded_key(&mut self, key: &str, mut node: JsonNode) {
        let (context, mode) = (self.context, self.mode);
        match (key, self.table, mode) {
            ("catalog_elements", RecordTable::Transactions, _) => {
                self.accepted.elements = customer::check_bought(context, node);
            }
            ("segments", RecordTable::Customers, _)
                if !context.account().has_segments() && context.ignores_read_only(mode) => {}
            ("segments", RecordTable::Customers, _) => {
                self.accepted.segments = customer::check_segments(context, node);
            }
            ("tags", RecordTable::Transactions, _) => node.unexpected(),
            ("tags", _, _) => self.check_tag_set(node),
            ("contacts", RecordTable::Leads, WriteMode::Create) => {
                self.accepted.contacts = check_links(context, RecordTable::Contacts, node);
            }
            ("companies", RecordTable::Leads, WriteMode::Create) => {
                let companies = check_links(context, RecordTable::Companies, node.reborrow());
                if companies.len() > 1 {
                    node.too_many(1); // [seed] a lead has one company
                }
                self.accepted.company = companies.first().map(|(id, _)| *id);
            }
            ("contacts", RecordTable::Leads, WriteMode::Complex) => {
                self.accepted.contact_party = check_party(context, RecordTable::Contacts, node);
            }
            ("companies", RecordTable::Leads, WriteMode::Complex) => {
                self.accepted.company_party = check_party(context, RecordTable::Companies, node);
            }
            ("metadata", RecordTable::Leads, WriteMode::Complex) => self.accepted.metadata = metadata::check(node),
            ("source", RecordTable::Leads, WriteMode::Create | WriteMode::Complex) => {
                self.accepted.source_id = check_source(context, node);
            }
            (key, table, _) if context.ignores_read_only(mode) && read_only_embedded(table).contains(&key) => {}
            _ => node.unexpected(),
        }
    }

    fn check_tag_set(&mut self, node: JsonNode) {
        if !node.value.is_null() {
            self.accepted.tags.replace = Some(check_tags(self.context, self.table, node));
        } else if self.context.switches.null_clears_tags && matches!(self.mode, WriteMode::Update(_)) {
            self.accepted.tags.replace = Some(Vec::new()); // [seed]; a live client saw `null` ignored
        }
    }
}

/// `[{"id": n, "is_main": true}]`
fn check_links(context: &CheckContext, to: RecordTable, mut node: JsonNode) -> Vec<(u64, bool)> {
    if node.value.is_null() {
        return Vec::new();
    }
    let Some(items) = node.array() else { return Vec::new() };
    let mut links: Vec<(u64, bool)> = Vec::new();
    for (i, item) in items.iter().enumerate() {
        let mut item = node.child(i, item);
        if item.object().is_some() {
            links.extend(check_link(context, to, item));
        }
    }
    links
}

fn check_link(context: &CheckContext, to: RecordTable, mut node: JsonNode) -> Option<(u64, bool)> {
    for (key, value) in node.value.as_object()? {
        if key != "id" && !(key == "is_main" && to == RecordTable::Contacts) {
            node.child(key, value).unexpected();
        }
    }
    let is_main = node.get("is_main").is_some_and(|mut main| match main.value {
        Value::Null => false,
        Value::Bool(main) => *main,
        Value::String(main) => main == "true" || main == "1", // [seed] a string in the table, a bool in reads
        _ => {
            main.wrong_type("bool");
            false
        }
    });
    let mut id = node.require("id")?;
    match id.value.as_u64() {
        Some(known) if context.visible(to, known).is_some() => return Some((known, is_main)),
        Some(_) => id.invalid_choice(),
        None => id.wrong_type("int"),
    }
    None
}

/// At most one, by id or in full. [seed]
fn check_party(context: &CheckContext, to: RecordTable, mut node: JsonNode) -> Party {
    if node.value.is_null() {
        return Party::None;
    }
    let Some(items) = node.array() else { return Party::None };
    if items.len() > 1 {
        node.too_many(1);
    }
    let Some(item) = items.first() else { return Party::None };
    let mut node = node.child(0, item);
    match node.object() {
        Some(object) if object.contains_key("id") => match check_link(context, to, node) {
            Some((id, _)) => Party::Existing(id),
            None => Party::None,
        },
        Some(_) => Party::New(Box::new(check_item(context, to, WriteMode::Inner, node))),
        None => Party::None,
    }
}

/// The id of the source; one that the account does not have is accepted and dropped. [inferred]
fn check_source(context: &CheckContext, mut node: JsonNode) -> Option<u64> {
    let source = node.object()?;
    for (key, value) in source.iter().filter(|(key, _)| *key != "external_id" && *key != "type") {
        node.child(key, value).unexpected();
    }
    if let Some(mut kind) = node.get("type") {
        match kind.value.as_str() {
            Some("widget") => {} // [seed] the only one
            Some(_) => kind.invalid_choice(),
            None => kind.wrong_type("string"),
        }
    }
    let mut external_id = node.require("external_id")?;
    match external_id.value {
        // An int in the table [seed], a string with clients. [client]
        Value::Number(number) => context.account().source(&number.to_string()).map(|s| s.id),
        Value::String(text) => context.account().source(text).map(|s| s.id),
        _ => {
            external_id.wrong_type("string");
            None
        }
    }
}
