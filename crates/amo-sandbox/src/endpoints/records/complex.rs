//! `POST leads/complex`: a lead with its contact and company in one item; and, where it is switched on, the control of
//! duplicates. [seed]

use std::collections::HashMap;

use serde_json::{Value, json};

use crate::changes::changeset::Plan;
use crate::changes::write;
use crate::check::{Clean, Mode, Party};
use crate::endpoints::Call;
use crate::endpoints::batch::{check_batch, invalid, shown_request_id};
use crate::endpoints::reply::Reply;
use crate::switches::Partial;
use crate::world::{Shelf, World};
use amo_model::{FieldKind, STATUS_LOST, STATUS_WON};

/// One item of the answer.
struct Made {
    id: u64,
    contact_id: Option<u64>,
    company_id: Option<u64>,
    request_ids: Vec<Value>,
    merged: bool,
}

pub fn create(call: &Call) -> Reply {
    let checked = match check_batch(call, Shelf::Leads, Mode::Complex) {
        Ok(checked) => checked,
        Err(reply) => return *reply,
    };
    let items = checked.good.len() + checked.refused.len();
    let mut plan = Plan::new(call.world, call.now);
    let known = call.switches.duplicate_control.then(|| Known::of(call.world));
    let mut made: Vec<Made> = Vec::new();
    for (index, request_id, clean) in checked.good {
        let shown = shown_request_id(call, request_id, index);
        add(&mut plan, known.as_ref(), clean, shown, &mut made);
    }
    if call.switches.shuffled {
        made.reverse();
    }
    let answer: Value = made.iter().map(Made::to_json).collect();
    let commit = plan.into_commit();
    // A bare array has no room for errors beside it.
    if !checked.refused.is_empty() && call.switches.partial != Partial::None {
        return invalid(call, checked.refused).with_commit(commit).with_items(items);
    }
    Reply::hal(call.switches.created_status, &answer).with_commit(commit).with_items(items)
}

impl Made {
    fn to_json(&self) -> Value {
        json!({
            "id": self.id, "contact_id": self.contact_id, "company_id": self.company_id,
            "request_id": self.request_ids, "merged": self.merged
        })
    }
}

fn add(plan: &mut Plan, known: Option<&Known>, mut clean: Clean, request_id: Option<Value>, made: &mut Vec<Made>) {
    let unsorted = clean.metadata.is_some();
    let (contact, company) = (std::mem::take(&mut clean.contact_party), std::mem::take(&mut clean.company_party));
    let twin = match (&contact, known) {
        (Party::New(contact), Some(known)) => known.find(&Known::keys(plan.world, &contact.fields)),
        (Party::Existing(_) | Party::None, _) | (_, None) => None,
    };
    let pipeline = clean.stage.map(|(pipeline, _)| pipeline);
    if let Some((twin, lead)) = twin.and_then(|twin| Some((twin, open_lead(plan, twin, pipeline)?))) {
        return merge(plan, twin, lead, clean, request_id, made);
    }
    // The company first: in the example its id is the lower one. [seed]
    let both_new = matches!((&contact, &company, twin), (Party::New(_), Party::New(_), None));
    let company_id = settle(plan, Shelf::Companies, company, false);
    let contact_id = twin.or_else(|| settle(plan, Shelf::Contacts, contact, unsorted));
    if let (true, Some(contact), Some(company)) = (both_new, contact_id, company_id) {
        plan.link(Shelf::Contacts, contact, Shelf::Companies, company, None); // [seed]
    }
    clean.contacts = contact_id.map(|id| (id, true)).into_iter().collect();
    clean.company = company_id;
    let id = write::create(plan, Shelf::Leads, clean);
    let request_ids = request_id.into_iter().collect();
    made.push(Made { id, contact_id, company_id, request_ids, merged: twin.is_some() });
}

fn settle(plan: &mut Plan, shelf: Shelf, party: Party, unsorted: bool) -> Option<u64> {
    match party {
        Party::None => None,
        Party::Existing(id) => Some(id),
        Party::New(mut clean) => {
            if unsorted && shelf == Shelf::Contacts {
                clean.set.insert("is_unsorted".to_owned(), json!(true)); // [inferred]
            }
            Some(write::create(plan, shelf, *clean))
        }
    }
}

/// The lead of a known contact takes what the item says of it; nothing new is made. [seed] that it merges, how [inferred]
fn merge(plan: &mut Plan, contact: u64, lead: u64, mut clean: Clean, request_id: Option<Value>, made: &mut Vec<Made>) {
    clean.id = lead;
    clean.stage = None;
    for key in ["status_id", "pipeline_id", "created_at", "created_by"] {
        clean.set.shift_remove(key);
    }
    let company = plan.world.linked(Shelf::Leads, lead, Shelf::Companies).next().map(|(id, _)| id);
    write::update(plan, Shelf::Leads, clean);
    match made.iter_mut().find(|m| m.id == lead) {
        Some(first) => {
            first.request_ids.extend(request_id);
            first.merged = true;
        }
        None => made.push(Made {
            id: lead,
            contact_id: Some(contact),
            company_id: company,
            request_ids: request_id.into_iter().collect(),
            merged: true,
        }),
    }
}

/// Contacts by their phones and e-mails, as they were before the request: what it brings is not compared with itself. [seed]
struct Known {
    contacts: HashMap<String, u64>,
}

impl Known {
    /// Reads all contacts; only where the control is switched on.
    fn of(world: &World) -> Known {
        let mut contacts = HashMap::new();
        for (id, record) in world.records(Shelf::Contacts).iter() {
            let fields = serde_json::from_str::<Value>(&record.json).ok().and_then(|mut json| {
                serde_json::from_value::<Vec<(u64, Option<Vec<Value>>)>>(json.get_mut("fields")?.take()).ok()
            });
            for key in Known::keys(world, &fields.unwrap_or_default()) {
                contacts.entry(key).or_insert(id);
            }
        }
        Known { contacts }
    }

    /// A phone by its last ten digits, an e-mail in lower case. [inferred]
    fn keys(world: &World, fields: &[(u64, Option<Vec<Value>>)]) -> Vec<String> {
        let mut keys = Vec::new();
        for (id, values) in fields {
            let field = world.account.field(*id).filter(|f| f.kind == FieldKind::Multitext);
            let code = field.and_then(|f| f.code.as_deref());
            for value in values.iter().flatten().filter_map(|v| v.get("value")?.as_str()) {
                match code {
                    Some("PHONE") => {
                        let digits: Vec<char> = value.chars().filter(char::is_ascii_digit).collect();
                        if !digits.is_empty() {
                            keys.push(digits[digits.len().saturating_sub(10)..].iter().collect());
                        }
                    }
                    Some("EMAIL") => keys.push(value.trim().to_lowercase()),
                    _ => {}
                }
            }
        }
        keys
    }

    fn find(&self, keys: &[String]) -> Option<u64> {
        keys.iter().find_map(|key| self.contacts.get(key).copied())
    }
}

/// A lead of this contact that is not closed, in this pipeline.
fn open_lead(plan: &Plan, contact: u64, pipeline: Option<u64>) -> Option<u64> {
    plan.world.linked(Shelf::Contacts, contact, Shelf::Leads).map(|(id, _)| id).find(|lead| {
        let draft = plan.get(Shelf::Leads, *lead);
        let at = |key: &str| draft.as_ref()?.json.get(key)?.as_u64();
        at("pipeline_id") == pipeline && !matches!(at("status_id"), None | Some(STATUS_WON | STATUS_LOST))
    })
}
