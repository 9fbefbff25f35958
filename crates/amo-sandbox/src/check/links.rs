//! Items of `link` and `unlink`: two records and the metadata of their link. [doc]

use serde_json::{Map, Value, json};

use crate::check::item::customer::{MissingElement, find_element, is_price};
use crate::check::plain::{self, Expected};
use crate::check::{CheckContext, JsonNode};
use crate::world::{RecordKey, RecordTable};

/// A link to be made or removed.
#[derive(Debug, Clone)]
pub struct CheckedLink {
    pub from: RecordKey,
    pub to: RecordKey,
    pub meta: Option<Value>,
}

/// The tables whose records may be linked to a record. [doc]; leads to contacts [client]
pub fn linkable(table: RecordTable) -> &'static [RecordTable] {
    match table {
        RecordTable::Leads | RecordTable::Customers => {
            &[RecordTable::Contacts, RecordTable::Companies, RecordTable::Elements]
        }
        RecordTable::Contacts => {
            &[RecordTable::Companies, RecordTable::Customers, RecordTable::Leads, RecordTable::Elements]
        }
        RecordTable::Companies => {
            &[RecordTable::Contacts, RecordTable::Leads, RecordTable::Customers, RecordTable::Elements]
        }
        RecordTable::Transactions | RecordTable::Elements | RecordTable::Notes | RecordTable::Tasks => &[],
    }
}

/// `to_entity_type`.
pub fn entity_type(table: RecordTable) -> &'static str {
    if table == RecordTable::Elements { "catalog_elements" } else { table.path() }
}

/// The links of one request: each item is checked with those before it.
pub struct LinkBatch<'a> {
    pub context: CheckContext<'a>,
    pub table: RecordTable,
    /// The record that the path names; without one, each item names its own.
    pub record: Option<u64>,
    /// True for `link`, false for `unlink`.
    pub is_new: bool,
    /// Those without errors so far.
    pub links: Vec<CheckedLink>,
}

impl LinkBatch<'_> {
    pub fn check(&mut self, mut node: JsonNode) {
        let link = self.check_link(&mut node);
        self.links.extend(link.filter(|_| node.errors.is_empty()));
    }

    fn check_link(&self, node: &mut JsonNode) -> Option<CheckedLink> {
        const OF_ONE: &[plain::KeySpec] = &[
            ("to_entity_id", Expected::Int, true),
            ("to_entity_type", Expected::Text, true),
            ("metadata", Expected::Anything, false),
        ];
        const OF_MANY: &[plain::KeySpec] = &[
            ("entity_id", Expected::Int, true),
            ("to_entity_id", Expected::Int, true),
            ("to_entity_type", Expected::Text, true),
            ("metadata", Expected::Anything, false),
        ];
        let context = &self.context;
        let keys = if self.record.is_some() { OF_ONE } else { OF_MANY };
        let item = plain::check(context, keys, true, node.reborrow())?;
        let own_id = || item.get("entity_id").filter(|id| id.is_i64()).map(|id| id.as_u64().unwrap_or(0));
        let id = self.record.or_else(own_id);
        if id.is_some_and(|id| context.visible(self.table, id).is_none()) {
            node.errors.invalid_choice("entity_id");
        }
        let exists = |to: RecordTable| to != RecordTable::Customers || context.account().has_customers(); // [inferred]
        let kind = item.get("to_entity_type").and_then(Value::as_str)?;
        let found = linkable(self.table).iter().copied().find(|to| exists(*to) && entity_type(*to) == kind);
        let Some(to) = found else {
            node.errors.invalid_choice("to_entity_type");
            return None;
        };
        let other = item.get("to_entity_id").filter(|id| id.is_i64())?.as_u64().unwrap_or(0);
        if to != RecordTable::Elements && context.visible(to, other).is_none() {
            node.errors.invalid_choice("to_entity_id");
            return None;
        }
        let meta = self.check_metadata((to, other), item, node);
        let link = CheckedLink { from: (self.table, id?), to: (to, other), meta };
        if self.is_new {
            self.check_company(&link, node);
        }
        Some(link)
    }

    /// The keys depend on what is linked. [doc]
    fn check_metadata(&self, (to, id): RecordKey, item: &Map<String, Value>, node: &mut JsonNode) -> Option<Value> {
        const OF_CONTACT: &[plain::KeySpec] =
            &[("is_main", Expected::Bool, false), ("updated_by", Expected::User, false)];
        const OF_ELEMENT: &[plain::KeySpec] = &[
            ("catalog_id", Expected::Int, true),
            ("quantity", Expected::Anything, false),
            ("price_id", Expected::Anything, false),
            ("updated_by", Expected::User, false),
        ];
        const OF_OTHERS: &[plain::KeySpec] = &[("updated_by", Expected::User, false)];
        // `[]` is how PHP writes an empty object.
        let sent = item.get("metadata").filter(|m| !m.is_null() && m.as_array().is_none_or(|all| !all.is_empty()));
        let keys = match to {
            RecordTable::Contacts => OF_CONTACT,
            RecordTable::Elements => OF_ELEMENT,
            RecordTable::Leads
            | RecordTable::Companies
            | RecordTable::Customers
            | RecordTable::Transactions
            | RecordTable::Notes
            | RecordTable::Tasks => OF_OTHERS,
        };
        if sent.is_none() && to != RecordTable::Elements {
            return None;
        }
        let nothing = json!({});
        let mut node =
            JsonNode { value: sent.unwrap_or(&nothing), path: node.key_path("metadata"), errors: node.errors };
        let metadata = plain::check(&self.context, keys, true, node.reborrow())?;
        if to == RecordTable::Elements {
            self.check_element_metadata(id, metadata, &mut node)
        } else {
            Some(Value::Object(metadata.clone()))
        }
    }

    fn check_element_metadata(&self, id: u64, metadata: &Map<String, Value>, node: &mut JsonNode) -> Option<Value> {
        // A negative id belongs to no catalog, as 0 does.
        let catalog = u64::try_from(metadata.get("catalog_id")?.as_i64()?).unwrap_or(0);
        match find_element(&self.context, catalog, id) {
            Ok(()) => {}
            Err(MissingElement::Catalog) => node.errors.invalid_choice("metadata.catalog_id"),
            Err(MissingElement::Element) => node.errors.invalid_choice("to_entity_id"),
        }
        let quantity = metadata.get("quantity").cloned().unwrap_or(json!(1));
        if quantity.as_f64().is_none_or(|n| n <= 0.0) {
            let path = node.key_path("quantity");
            node.errors.wrong_type(path, "numeric"); // [seed] need not be a whole number
        }
        let mut meta = json!({"quantity": quantity, "catalog_id": catalog});
        if let Some(mut price) = node.get("price_id").filter(|price| !price.value.is_null()) {
            match price.value.as_u64() {
                Some(id) if is_price(&self.context, id, |of| of == catalog) => meta["price_id"] = json!(id),
                _ if price.value.is_i64() => price.invalid_choice(),
                _ => price.wrong_type("int"),
            }
        }
        Some(meta)
    }

    /// A lead or a customer has one company. [seed]; that a second is refused, and how [inferred]
    fn check_company(&self, link: &CheckedLink, node: &mut JsonNode) {
        let (holder, company) = match (link.from.0, link.to.0) {
            (RecordTable::Leads | RecordTable::Customers, RecordTable::Companies) => (link.from, link.to),
            (RecordTable::Companies, RecordTable::Leads | RecordTable::Customers) => (link.to, link.from),
            _ => return,
        };
        let linked = self.context.world.linked(holder.0, holder.1, RecordTable::Companies).map(|(id, _)| id);
        let sent = self.links.iter().filter_map(|b| match (b.from, b.to) {
            (from, (RecordTable::Companies, id)) | ((RecordTable::Companies, id), from) if from == holder => Some(id),
            _ => None,
        });
        if !self.context.switches.company_replaced && linked.chain(sent).any(|id| id != company.1) {
            node.errors.too_many("to_entity_id", 1);
        }
    }
}
