//! Records as the API shows them. Reads the world, decides nothing.

mod customers;
mod elements;
pub mod list_notes;
mod notes;
pub mod list;
pub mod query;
pub mod values;

use serde_json::{Map, Value, json};

use crate::account::LossReason;
use crate::read::query::Query;
use crate::switches::Switches;
use crate::world::{PRICED_BY_ROBOT, RecordBody, RecordKey, RecordTable, RecordTrashed, World, attached};
use amo_model::API_PREFIX;

/// The world as a request sees it.
#[derive(Clone, Copy)]
pub struct View<'a> {
    pub world: &'a World,
    /// `http://127.0.0.1:1234`
    pub base: &'a str,
    pub query: &'a Query,
    pub switches: &'a Switches,
}

/// Seconds spent on a lead. [seed] The sandbox does not count them, and no source says what is shown then; null, as
/// other ints of the same table without a value, such as `closed_at`. [inferred]
const LABOR_COST: Option<i64> = None;

impl View<'_> {
    pub fn url(&self, path: &str) -> String {
        format!("{}{API_PREFIX}{path}", self.base)
    }

    pub fn record_url(&self, table: RecordTable, id: u64) -> String {
        self.url(&format!("{}/{id}", table.path()))
    }

    /// A stored record as reads show it; `None` where it does not exist.
    pub fn record(&self, table: RecordTable, id: u64) -> Option<Value> {
        let record = self.world.records(table).get(id)?;
        let json = serde_json::from_str(&record.json).ok()?;
        let draft = RecordBody { created_at: record.created_at, updated_at: record.updated_at, json };
        Some(match table {
            RecordTable::Leads => self.lead(id, &draft),
            RecordTable::Contacts => self.contact(id, &draft),
            RecordTable::Elements => self.element(id, &draft),
            RecordTable::Customers => self.customer(id, &draft),
            RecordTable::Transactions => self.transaction(id, &draft),
            RecordTable::Companies => self.company(id, &draft),
            RecordTable::Notes => self.note(id, &draft)?,
            RecordTable::Tasks => self.task(id, &draft),
        })
    }

    /// A record in the trash: a model with its id, when and by whom it was deleted, and no other values. `is_deleted`
    /// is true for leads [seed] and false for contacts and companies. [client live]
    pub fn trashed(&self, table: RecordTable, id: u64) -> Option<Value> {
        let RecordTrashed(_, _, at, by) = *self.world.trashed(table, id)?;
        let draft =
            RecordBody { created_at: 0, updated_at: at, json: Map::from_iter([("updated_by".to_owned(), json!(by))]) };
        let mut model = match table {
            RecordTable::Leads => self.lead(id, &draft),
            RecordTable::Contacts => self.contact(id, &draft),
            RecordTable::Companies => self.company(id, &draft),
            RecordTable::Customers
            | RecordTable::Transactions
            | RecordTable::Elements
            | RecordTable::Notes
            | RecordTable::Tasks => return None,
        };
        model["created_at"] = Value::Null;
        model["group_id"] = Value::Null;
        model["is_deleted"] = json!(table == RecordTable::Leads);
        Some(model)
    }

    /// A record in a flat form for tests: the keys that the API shows, `custom` with the values of fields by name,
    /// names of `tags` and `segments`, the linked ids of every other table, and `catalog_elements` with the metadata of
    /// linked elements.
    pub fn flat_record(&self, table: RecordTable, id: u64) -> Option<Value> {
        let mut record = self.record(table, id)?;
        let embedded = record["_embedded"].take();
        let Value::Object(mut model) = flatten(record) else { return None };
        model.insert("tags".to_owned(), json!(list(&embedded["tags"], "name")));
        for to in RecordTable::ALL.into_iter().filter(|to| *to != table) {
            let linked: Vec<u64> = self.world.linked(table, id, to).map(|(other, _)| other).collect();
            model.insert(to.path().to_owned(), json!(linked));
        }
        if let Some(segments) = embedded["segments"].as_array() {
            let name = |entry: &Value| Some(self.world.account.segment(entry["id"].as_u64()?)?.name.clone());
            model.insert("segments".to_owned(), json!(segments.iter().filter_map(name).collect::<Vec<_>>()));
        }
        if let Value::Array(elements) = self.elements(table, id)
            && !elements.is_empty()
        {
            model.insert("catalog_elements".to_owned(), Value::Array(elements));
        }
        model.extend(self.hidden_keys(table, id));
        Some(Value::Object(model))
    }

    fn lead(&self, id: u64, draft: &RecordBody) -> Value {
        let at = |key: &str| draft.json.get(key).unwrap_or(&Value::Null);
        let source_id = if self.query.with("source_id") { at("source_id") } else { &Value::Null };
        let mut lead = json!({
            "id": id, "name": at("name"), "price": at("price"), "responsible_user_id": at("responsible_user_id"),
            "group_id": self.group(at("responsible_user_id")), "status_id": at("status_id"),
            "pipeline_id": at("pipeline_id"), "loss_reason_id": at("loss_reason_id"), "source_id": source_id,
            "created_by": at("created_by"), "updated_by": at("updated_by"), "created_at": draft.created_at,
            "updated_at": draft.updated_at, "closed_at": at("closed_at"), "closest_task_at": self.closest_task(RecordTable::Leads, id),
            "is_deleted": false, "custom_fields_values": self.fields(draft), "score": null,
            "account_id": self.world.account.id, "labor_cost": LABOR_COST
        });
        if self.query.with("is_price_modified_by_robot") {
            lead["is_price_modified_by_robot"] = json!(draft.json.contains_key(PRICED_BY_ROBOT));
        }
        lead["_links"] = self_link(self.record_url(RecordTable::Leads, id));
        let mut embedded = Map::new();
        embedded.insert("tags".to_owned(), self.tags(RecordTable::Leads, draft));
        if self.query.with("catalog_elements") {
            embedded.insert("catalog_elements".to_owned(), self.elements(RecordTable::Leads, id));
        }
        if self.query.with("loss_reason") {
            embedded.insert("loss_reason".to_owned(), self.loss_reasons(at("loss_reason_id")));
        }
        embedded.insert("companies".to_owned(), self.linked(RecordTable::Leads, id, RecordTable::Companies));
        if self.query.with("contacts") {
            embedded.insert("contacts".to_owned(), self.linked(RecordTable::Leads, id, RecordTable::Contacts));
        }
        lead["_embedded"] = Value::Object(embedded);
        lead
    }

    fn contact(&self, id: u64, draft: &RecordBody) -> Value {
        let at = |key: &str| draft.json.get(key).unwrap_or(&Value::Null);
        let mut contact = json!({
            "id": id, "name": at("name"), "first_name": at("first_name"), "last_name": at("last_name"),
            "responsible_user_id": at("responsible_user_id"), "group_id": self.group(at("responsible_user_id")),
            "created_by": at("created_by"), "updated_by": at("updated_by"), "created_at": draft.created_at,
            "updated_at": draft.updated_at, "closest_task_at": self.closest_task(RecordTable::Contacts, id), "is_deleted": false,
            "is_unsorted": at("is_unsorted").as_bool().unwrap_or(false),
            "custom_fields_values": self.fields(draft), "account_id": self.world.account.id,
            "_links": self_link(self.record_url(RecordTable::Contacts, id))
        });
        let mut linked = vec![RecordTable::Companies];
        linked.extend(self.requested(&[RecordTable::Leads, RecordTable::Customers]));
        contact["_embedded"] = self.embedded((RecordTable::Contacts, id), draft, &linked);
        contact
    }

    fn company(&self, id: u64, draft: &RecordBody) -> Value {
        let at = |key: &str| draft.json.get(key).unwrap_or(&Value::Null);
        let mut company = json!({
            "id": id, "name": at("name"), "responsible_user_id": at("responsible_user_id"),
            "group_id": self.group(at("responsible_user_id")), "created_by": at("created_by"),
            "updated_by": at("updated_by"), "created_at": draft.created_at, "updated_at": draft.updated_at,
            "closest_task_at": self.closest_task(RecordTable::Companies, id), "is_deleted": false,
            "custom_fields_values": self.fields(draft), "account_id": self.world.account.id, "_links": self_link(self.record_url(RecordTable::Companies, id))
        });
        let linked = self.requested(&[RecordTable::Contacts, RecordTable::Leads, RecordTable::Customers]);
        company["_embedded"] = self.embedded((RecordTable::Companies, id), draft, &linked);
        company
    }

    /// Those of the tables that the query names in `with`. [doc]
    fn requested(&self, tables: &[RecordTable]) -> Vec<RecordTable> {
        tables.iter().copied().filter(|to| self.query.with(to.path())).collect()
    }

    fn embedded(&self, (table, id): RecordKey, draft: &RecordBody, linked: &[RecordTable]) -> Value {
        let mut embedded = Map::new();
        embedded.insert("tags".to_owned(), self.tags(table, draft));
        for to in linked {
            embedded.insert(to.path().to_owned(), self.linked(table, id, *to));
        }
        if self.query.with("catalog_elements") {
            embedded.insert("catalog_elements".to_owned(), self.elements(table, id));
        }
        Value::Object(embedded)
    }

    pub(super) fn closest_task(&self, table: RecordTable, id: u64) -> Option<i64> {
        attached::closest_task(self.world, table, id)
    }

    /// The group follows the responsible user. [seed]
    pub(super) fn group(&self, user: &Value) -> Value {
        let user = user.as_u64().and_then(|id| self.world.account.user(id));
        json!(user.map_or(0, |u| u.group_id))
    }

    pub(super) fn tags(&self, table: RecordTable, draft: &RecordBody) -> Value {
        let Some(Value::Array(ids)) = draft.json.get("tags") else { return json!([]) };
        let tags = self.world.tags(table);
        ids.iter()
            .filter_map(Value::as_u64)
            .filter_map(|id| Some(tag(table, id, tags.name(id)?, tags.color(id))))
            .collect()
    }

    pub(super) fn linked(&self, table: RecordTable, id: u64, to: RecordTable) -> Value {
        self.world
            .linked(table, id, to)
            .map(|(other, meta)| {
                let mut link = json!({"id": other});
                let meta = meta.and_then(|m| serde_json::from_str::<Value>(m).ok());
                if let Some(is_main) = meta.as_ref().and_then(|m| m.get("is_main")) {
                    link["is_main"] = is_main.clone();
                }
                link["_links"] = self_link(self.record_url(to, other));
                link
            })
            .collect()
    }

    /// An array in the example, though the table says object. [seed]
    fn loss_reasons(&self, id: &Value) -> Value {
        let reason = id.as_u64().and_then(|id| self.world.account.loss_reason(id));
        reason.map(|reason| self.loss_reason(reason)).into_iter().collect()
    }

    pub fn loss_reason(&self, reason: &LossReason) -> Value {
        let made_at = self.world.account.created_at;
        json!({
            "id": reason.id, "name": reason.name, "sort": reason.sort, "created_at": made_at, "updated_at": made_at,
            "_links": self_link(self.url(&format!("leads/loss_reasons/{}", reason.id)))
        })
    }

    /// `null` where no field has a value. [seed]
    pub(super) fn fields(&self, draft: &RecordBody) -> Value {
        let shown = values::fields(self, draft, true);
        if shown.is_empty() { Value::Null } else { Value::Array(shown) }
    }
}

/// An entry without the key is a value itself, as of a `chained_list`.
fn list(value: &Value, key: &str) -> Vec<Value> {
    value.as_array().into_iter().flatten().map(|entry| entry.get(key).unwrap_or(entry).clone()).collect()
}

/// A model without `_embedded` and `_links`, and with `custom`, the values of its fields by name.
pub fn flatten(mut model: Value) -> Value {
    if let Some(model) = model.as_object_mut() {
        model.shift_remove("_embedded");
        model.shift_remove("_links");
    }
    let custom = model["custom_fields_values"].as_array().into_iter().flatten();
    let custom: Map<String, Value> = custom
        .filter_map(|f| Some((f["field_name"].as_str()?.to_owned(), json!(list(&f["values"], "value")))))
        .collect();
    model["custom"] = Value::Object(custom);
    model
}

/// Only tags of leads have a colour [seed], where one was given when they were created. [client]
pub fn tag(table: RecordTable, id: u64, name: &str, color: Option<&str>) -> Value {
    match table {
        RecordTable::Leads => json!({"id": id, "name": name, "color": color}),
        RecordTable::Contacts
        | RecordTable::Companies
        | RecordTable::Customers
        | RecordTable::Transactions
        | RecordTable::Elements
        | RecordTable::Notes
        | RecordTable::Tasks => json!({"id": id, "name": name}),
    }
}

pub fn href(url: impl Into<String>) -> Value {
    json!({"href": url.into()})
}

pub fn self_link(url: impl Into<String>) -> Value {
    json!({"self": href(url)})
}

/// `{"_links": {"self": …}, "_embedded": {key: items}}`: the body of an answer to a write. [seed]
pub fn written_body(url: &str, key: &str, items: Vec<Value>) -> Value {
    let mut embedded = Map::new();
    embedded.insert(key.to_owned(), Value::Array(items));
    json!({"_links": self_link(url), "_embedded": embedded})
}
