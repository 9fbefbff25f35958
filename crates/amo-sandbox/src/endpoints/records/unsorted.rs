//! `POST leads/unsorted/forms` and `…/sip`: a lead that waits to be accepted, with its contact and company. [doc]

use serde_json::{Value, json};

use crate::changes::changeset::Plan;
use crate::changes::write;
use crate::check::{Clean, Complaints, Mode, Reader, Refused, check_item, check_metadata, join};
use crate::endpoints::Call;
use crate::endpoints::batch::{invalid, request_id, shown_request_id};
use crate::endpoints::reply::Reply;
use crate::read::{self_link, written};
use crate::switches::Partial;
use crate::world::Shelf;
use amo_model::BATCH_MAX;

/// An acceptable item.
struct Waiting {
    lead: Clean,
    contact: Option<Clean>,
    company: Option<Clean>,
}

pub fn forms(call: &Call) -> Reply {
    create(call, "forms")
}

pub fn sip(call: &Call) -> Reply {
    create(call, "sip")
}

fn create(call: &Call, category: &str) -> Reply {
    let items = match call.json() {
        Some(Value::Array(items)) if !items.is_empty() => items,
        _ => return Call::blank(),
    };
    if items.len() > BATCH_MAX {
        return Reply::problem(call.switches.batch_excess_status, &format!("Limit of {BATCH_MAX} per page"));
    }
    let path = format!("leads/unsorted/{category}");
    let mut plan = Plan::new(call.world, call.now);
    let (mut answers, mut refused) = (Vec::new(), Vec::new());
    for (index, item) in items.iter().enumerate() {
        let mut complaints = Complaints::default();
        let waiting = check(call, category, item, &mut complaints);
        match waiting.filter(|_| complaints.is_empty()) {
            Some(waiting) => answers.push(keep(call, &mut plan, waiting, item, index)),
            None => refused.push(Refused { request_id: Some(request_id(item, index)), complaints }),
        }
    }
    // A bad item spoils the batch. [inferred]
    if !refused.is_empty() && (call.switches.partial == Partial::None || answers.is_empty()) {
        return invalid(call, refused).with_items(items.len());
    }
    let commit = plan.into_commit();
    if !refused.is_empty() && call.switches.partial == Partial::Silent {
        return invalid(call, refused).with_commit(commit).with_items(items.len());
    }
    let mut body = written(&call.view().url(&path), "unsorted", answers);
    if !refused.is_empty() {
        body["validation-errors"] = Refused::all_to_json(&refused);
    }
    Reply::hal(call.switches.created_status, &body).with_commit(commit).with_items(items.len())
}

fn check(call: &Call, category: &str, item: &Value, complaints: &mut Complaints) -> Option<Waiting> {
    let mut said = Reader::of(item, "", complaints)?;
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
        Some(keys) if keys.contains_key("category") => complaints.unexpected("metadata.category"),
        Some(keys) => drop(keys.insert("category".to_owned(), json!(category))),
        None => complaints.wrong_type("metadata", "array"),
    }
    let metadata = check_metadata(&metadata, "metadata", complaints);
    let (mut lead, contact, company) = check_embedded(call, embedded, complaints)?;
    let pipeline = pipeline?;
    lead.stage = Some((pipeline.id, pipeline.unsorted_status().unwrap_or_else(|| pipeline.first_status())));
    lead.metadata = metadata;
    if let Some(created_at) = created_at {
        lead.set.entry("created_at").or_insert(json!(created_at));
    }
    Some(Waiting { lead, contact, company })
}

type Embedded = (Clean, Option<Clean>, Option<Clean>);

/// At most one of each, in full. [inferred] from the complex lead
fn check_embedded(call: &Call, embedded: Option<&Value>, complaints: &mut Complaints) -> Option<Embedded> {
    let nothing = json!({});
    let at = "_embedded";
    let mut said = Reader::of(embedded.unwrap_or(&nothing), at, complaints)?;
    let mut found = [None, None, None];
    for (place, (key, _)) in found.iter_mut().zip(PARTS) {
        *place = said.list(key);
        if place.is_some_and(|items| items.len() > 1) {
            let at = said.path(key);
            said.complaints.too_many(at, 1);
        }
    }
    said.done();
    let mut clean = found.into_iter().zip(PARTS).map(|(items, (key, shelf))| {
        let item = items.and_then(|items| items.first())?;
        let at = join(&join(at, key), 0);
        Some(check_item(&call.rules(), shelf, Mode::Inner, item, &at, complaints))
    });
    let mut next = || clean.next().flatten();
    Some((next().unwrap_or_default(), next(), next()))
}

const PARTS: [(&str, Shelf); 3] =
    [("leads", Shelf::Leads), ("contacts", Shelf::Contacts), ("companies", Shelf::Companies)];

/// Makes all of it, linked to each other, and answers what the item is called from now on.
fn keep(call: &Call, plan: &mut Plan, waiting: Waiting, item: &Value, index: usize) -> Value {
    let Waiting { mut lead, contact, company } = waiting;
    lead.company = company.map(|company| write::create(plan, Shelf::Companies, company));
    let contact = contact.map(|mut contact| {
        contact.set.insert("is_unsorted".to_owned(), json!(true)); // [inferred]
        write::create(plan, Shelf::Contacts, contact)
    });
    if let (Some(contact), Some(company)) = (contact, lead.company) {
        plan.link(Shelf::Contacts, contact, Shelf::Companies, company, None);
    }
    lead.contacts = contact.map(|id| (id, true)).into_iter().collect();
    let id = write::create(plan, Shelf::Leads, lead);
    let uid = format!("{:016x}{:016x}", call.world.seed.rotate_left(17) ^ id, id.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let mut answer = json!({"uid": uid, "account_id": call.world.account.id});
    if let Some(shown) = shown_request_id(call, request_id(item, index), index) {
        answer["request_id"] = shown;
    }
    answer["_links"] = self_link(call.view().url(&format!("leads/unsorted/{uid}")));
    answer
}
