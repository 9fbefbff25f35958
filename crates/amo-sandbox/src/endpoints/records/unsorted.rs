//! `POST leads/unsorted/forms` and `…/sip`: an unsorted lead with its contact and company. [doc]

use serde_json::{Value, json};

use crate::changes::changeset::Changeset;
use crate::changes::write;
use crate::check::{
    CheckedItem, JsonNode, ObjectReader, RefusedItem, ValidationErrors, WriteMode, check_item, check_metadata,
};
use crate::endpoints::Call;
use crate::endpoints::batch::{echoed_request_id, invalid, request_id};
use crate::endpoints::reply::ApiResponse;
use crate::read::{self_link, written_body};
use crate::switches::Partial;
use crate::world::RecordTable;
use amo_model::BATCH_MAX;

/// An item without errors.
struct UnsortedLead {
    lead: CheckedItem,
    contact: Option<CheckedItem>,
    company: Option<CheckedItem>,
}

pub fn forms(call: &Call) -> ApiResponse {
    create(call, "forms")
}

pub fn sip(call: &Call) -> ApiResponse {
    create(call, "sip")
}

fn create(call: &Call, category: &str) -> ApiResponse {
    let items = match call.json() {
        Some(Value::Array(items)) if !items.is_empty() => items,
        _ => return Call::blank_body(),
    };
    if items.len() > BATCH_MAX {
        return ApiResponse::problem(call.switches.batch_excess_status, &format!("Limit of {BATCH_MAX} per page"));
    }
    let path = format!("leads/unsorted/{category}");
    let mut changes = Changeset::new(call.world, call.now);
    let (mut answers, mut refused) = (Vec::new(), Vec::new());
    for (index, item) in items.iter().enumerate() {
        let mut errors = ValidationErrors::default();
        let lead = check(call, category, JsonNode::root(item, &mut errors));
        match lead.filter(|_| errors.is_empty()) {
            Some(lead) => {
                let name = echoed_request_id(call, request_id(item, index), index);
                answers.push(lead.create(call, &mut changes, name));
            }
            None => refused.push(RefusedItem { request_id: Some(request_id(item, index)), errors }),
        }
    }
    // One bad item rejects the batch. [inferred]
    if !refused.is_empty() && (call.switches.partial == Partial::None || answers.is_empty()) {
        return invalid(call, refused).with_items(items.len());
    }
    let commit = changes.into_commit();
    if !refused.is_empty() && call.switches.partial == Partial::Silent {
        return invalid(call, refused).with_commit(commit).with_items(items.len());
    }
    let mut body = written_body(&call.view().url(&path), "unsorted", answers);
    if !refused.is_empty() {
        body["validation-errors"] = RefusedItem::all_to_json(&refused);
    }
    ApiResponse::hal(call.switches.created_status, &body).with_commit(commit).with_items(items.len())
}

fn check(call: &Call, category: &str, mut node: JsonNode) -> Option<UnsortedLead> {
    let mut sent = ObjectReader::new(node.reborrow())?;
    sent.require(&["source_name", "source_uid", "metadata"]);
    sent.text("source_name", call.switches.name_max);
    sent.text("source_uid", call.switches.name_max);
    let created_at = sent.int("created_at");
    let account = &call.world.account;
    let named = sent.id("pipeline_id");
    let pipeline = named.map_or_else(|| account.main_pipeline(), |id| account.pipeline(id));
    if pipeline.is_none() {
        sent.invalid_choice("pipeline_id");
    }
    let metadata = sent.value("metadata").cloned();
    let embedded = sent.value("_embedded");
    sent.text("request_id", 0);
    sent.finish();
    let mut metadata = metadata?;
    // The category is in the path. [doc]
    match metadata.as_object_mut() {
        Some(keys) if keys.contains_key("category") => node.errors.unexpected("metadata.category"),
        Some(keys) => drop(keys.insert("category".to_owned(), json!(category))),
        None => node.errors.wrong_type("metadata", "array"),
    }
    let path = node.key_path("metadata");
    let metadata = check_metadata(JsonNode { value: &metadata, path, errors: node.errors });
    let nothing = json!({});
    let path = node.key_path("_embedded");
    let embedded = JsonNode { value: embedded.unwrap_or(&nothing), path, errors: node.errors };
    let (mut lead, contact, company) = check_embedded(call, embedded)?;
    let pipeline = pipeline?;
    lead.stage = Some((pipeline.id, pipeline.unsorted_status().unwrap_or_else(|| pipeline.first_status())));
    lead.metadata = metadata;
    if let Some(created_at) = created_at {
        lead.set.entry("created_at").or_insert(json!(created_at));
    }
    Some(UnsortedLead { lead, contact, company })
}

type Embedded = (CheckedItem, Option<CheckedItem>, Option<CheckedItem>);

/// At most one of each, in full. [inferred] from the complex lead
fn check_embedded(call: &Call, mut node: JsonNode) -> Option<Embedded> {
    let mut embedded = ObjectReader::new(node.reborrow())?;
    for (key, _) in PARTS {
        if embedded.list(key).is_some_and(|items| items.len() > 1) {
            let path = embedded.node.key_path(key);
            embedded.node.errors.too_many(path, 1);
        }
    }
    embedded.finish();
    let mut part = |(key, table)| {
        let mut items = node.get(key)?;
        let first = items.value.as_array()?.first()?;
        Some(check_item(&call.check_context(), table, WriteMode::Inner, items.child(0, first)))
    };
    let [lead, contact, company] = PARTS.map(&mut part);
    Some((lead.unwrap_or_default(), contact, company))
}

const PARTS: [(&str, RecordTable); 3] =
    [("leads", RecordTable::Leads), ("contacts", RecordTable::Contacts), ("companies", RecordTable::Companies)];

impl UnsortedLead {
    /// Creates the records, links them to each other, and returns the item of the answer.
    fn create(self, call: &Call, changes: &mut Changeset, request_id: Option<Value>) -> Value {
        let UnsortedLead { mut lead, contact, company } = self;
        lead.company = company.map(|company| write::create(changes, RecordTable::Companies, company));
        let contact = contact.map(|mut contact| {
            contact.set.insert("is_unsorted".to_owned(), json!(true)); // [inferred]
            write::create(changes, RecordTable::Contacts, contact)
        });
        if let (Some(contact), Some(company)) = (contact, lead.company) {
            changes.link((RecordTable::Contacts, contact), (RecordTable::Companies, company), None);
        }
        lead.contacts = contact.map(|id| (id, true)).into_iter().collect();
        let id = write::create(changes, RecordTable::Leads, lead);
        let seed = call.world.seed;
        let uid = format!("{:016x}{:016x}", seed.rotate_left(17) ^ id, id.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let mut answer = json!({"uid": uid, "account_id": call.world.account.id});
        if let Some(request_id) = request_id {
            answer["request_id"] = request_id;
        }
        answer["_links"] = self_link(call.view().url(&format!("leads/unsorted/{uid}")));
        answer
    }
}
