//! `POST leads/unsorted/forms` and `…/sip`: a lead that waits to be accepted, with its contact and company. [doc]

use serde_json::{Value, json};

use crate::changes::changeset::Changeset;
use crate::changes::write;
use crate::check::{
    CheckedItem, ObjectReader, RefusedItem, ValidationErrors, WriteMode, check_item, check_metadata, join,
};
use crate::endpoints::Call;
use crate::endpoints::batch::{invalid, request_id, shown_request_id};
use crate::endpoints::reply::ApiResponse;
use crate::read::{self_link, written};
use crate::switches::Partial;
use crate::world::RecordTable;
use amo_model::BATCH_MAX;

/// An acceptable item.
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
        _ => return Call::blank(),
    };
    if items.len() > BATCH_MAX {
        return ApiResponse::problem(call.switches.batch_excess_status, &format!("Limit of {BATCH_MAX} per page"));
    }
    let path = format!("leads/unsorted/{category}");
    let mut changes = Changeset::new(call.world, call.now);
    let (mut answers, mut refused) = (Vec::new(), Vec::new());
    for (index, item) in items.iter().enumerate() {
        let mut errors = ValidationErrors::default();
        let waiting = check(call, category, item, &mut errors);
        match waiting.filter(|_| errors.is_empty()) {
            Some(waiting) => answers.push(keep(call, &mut changes, waiting, item, index)),
            None => refused.push(RefusedItem { request_id: Some(request_id(item, index)), errors }),
        }
    }
    // A bad item spoils the batch. [inferred]
    if !refused.is_empty() && (call.switches.partial == Partial::None || answers.is_empty()) {
        return invalid(call, refused).with_items(items.len());
    }
    let commit = changes.into_commit();
    if !refused.is_empty() && call.switches.partial == Partial::Silent {
        return invalid(call, refused).with_commit(commit).with_items(items.len());
    }
    let mut body = written(&call.view().url(&path), "unsorted", answers);
    if !refused.is_empty() {
        body["validation-errors"] = RefusedItem::all_to_json(&refused);
    }
    ApiResponse::hal(call.switches.created_status, &body).with_commit(commit).with_items(items.len())
}

fn check(call: &Call, category: &str, item: &Value, errors: &mut ValidationErrors) -> Option<UnsortedLead> {
    let mut said = ObjectReader::of(item, "", errors)?;
    said.needs(&["source_name", "source_uid", "metadata"]);
    said.text("source_name", call.switches.name_max);
    said.text("source_uid", call.switches.name_max);
    let created_at = said.int("created_at");
    let account = &call.world.account;
    let asked = said.id("pipeline_id");
    let pipeline = asked.map_or_else(|| account.main_pipeline(), |id| account.pipeline(id));
    if pipeline.is_none() {
        said.choice("pipeline_id");
    }
    let metadata = said.any("metadata").cloned();
    let embedded = said.any("_embedded");
    said.text("request_id", 0);
    said.done();
    let mut metadata = metadata?;
    // The path says which of the two it is. [doc]
    match metadata.as_object_mut() {
        Some(keys) if keys.contains_key("category") => errors.unexpected("metadata.category"),
        Some(keys) => drop(keys.insert("category".to_owned(), json!(category))),
        None => errors.wrong_type("metadata", "array"),
    }
    let metadata = check_metadata(&metadata, "metadata", errors);
    let (mut lead, contact, company) = check_embedded(call, embedded, errors)?;
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
fn check_embedded(call: &Call, embedded: Option<&Value>, errors: &mut ValidationErrors) -> Option<Embedded> {
    let nothing = json!({});
    let at = "_embedded";
    let mut said = ObjectReader::of(embedded.unwrap_or(&nothing), at, errors)?;
    let mut found = [None, None, None];
    for (place, (key, _)) in found.iter_mut().zip(PARTS) {
        *place = said.list(key);
        if place.is_some_and(|items| items.len() > 1) {
            let at = said.path(key);
            said.errors.too_many(at, 1);
        }
    }
    said.done();
    let mut accepted = found.into_iter().zip(PARTS).map(|(items, (key, table))| {
        let item = items.and_then(|items| items.first())?;
        let at = join(&join(at, key), 0);
        Some(check_item(&call.check_context(), table, WriteMode::Inner, item, &at, errors))
    });
    let mut next = || accepted.next().flatten();
    Some((next().unwrap_or_default(), next(), next()))
}

const PARTS: [(&str, RecordTable); 3] =
    [("leads", RecordTable::Leads), ("contacts", RecordTable::Contacts), ("companies", RecordTable::Companies)];

/// Makes all of it, linked to each other, and answers what the item is called from now on.
fn keep(call: &Call, changes: &mut Changeset, waiting: UnsortedLead, item: &Value, index: usize) -> Value {
    let UnsortedLead { mut lead, contact, company } = waiting;
    lead.company = company.map(|company| write::create(changes, RecordTable::Companies, company));
    let contact = contact.map(|mut contact| {
        contact.set.insert("is_unsorted".to_owned(), json!(true)); // [inferred]
        write::create(changes, RecordTable::Contacts, contact)
    });
    if let (Some(contact), Some(company)) = (contact, lead.company) {
        changes.link(RecordTable::Contacts, contact, RecordTable::Companies, company, None);
    }
    lead.contacts = contact.map(|id| (id, true)).into_iter().collect();
    let id = write::create(changes, RecordTable::Leads, lead);
    let uid = format!("{:016x}{:016x}", call.world.seed.rotate_left(17) ^ id, id.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let mut answer = json!({"uid": uid, "account_id": call.world.account.id});
    if let Some(shown) = shown_request_id(call, request_id(item, index), index) {
        answer["request_id"] = shown;
    }
    answer["_links"] = self_link(call.view().url(&format!("leads/unsorted/{uid}")));
    answer
}
