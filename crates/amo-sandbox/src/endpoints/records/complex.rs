//! `POST leads/complex`: a lead with its contact and company in one item, with duplicate control where it is switched
//! on. [seed]

use std::collections::HashMap;

use serde_json::{Value, json};

use crate::changes::changeset::Changeset;
use crate::changes::write;
use crate::check::{CheckedItem, Party, WriteMode};
use crate::endpoints::Call;
use crate::endpoints::batch::{check_batch, echoed_request_id, invalid};
use crate::endpoints::reply::ApiResponse;
use crate::switches::Partial;
use crate::world::{RecordTable, World};
use amo_model::{FieldKind, STATUS_LOST, STATUS_WON};

/// An item of the answer.
struct ComplexLead {
    id: u64,
    contact_id: Option<u64>,
    company_id: Option<u64>,
    request_ids: Vec<Value>,
    merged: bool,
}

pub fn create(call: &Call) -> ApiResponse {
    let checked = match check_batch(call, RecordTable::Leads, WriteMode::Complex) {
        Ok(checked) => checked,
        Err(reply) => return *reply,
    };
    let items = checked.good.len() + checked.refused.len();
    let mut batch = ComplexBatch {
        changes: Changeset::new(call.world, call.now),
        duplicates: call.switches.duplicate_control.then(|| DuplicateIndex::build(call.world)),
        leads: Vec::new(),
    };
    for (index, request_id, accepted) in checked.good {
        batch.add(accepted, echoed_request_id(call, request_id, index));
    }
    let ComplexBatch { changes, leads: mut made, .. } = batch;
    if call.switches.shuffled {
        made.reverse();
    }
    let answer: Value = made.iter().map(ComplexLead::to_json).collect();
    let commit = changes.into_commit();
    // The answer is a bare array, which has no place for errors.
    if !checked.refused.is_empty() && call.switches.partial != Partial::None {
        return invalid(call, checked.refused).with_commit(commit).with_items(items);
    }
    ApiResponse::hal(call.switches.created_status, &answer).with_commit(commit).with_items(items)
}

impl ComplexLead {
    fn to_json(&self) -> Value {
        json!({
            "id": self.id, "contact_id": self.contact_id, "company_id": self.company_id,
            "request_id": self.request_ids, "merged": self.merged
        })
    }
}

/// The leads of one request as they are created.
struct ComplexBatch<'w> {
    changes: Changeset<'w>,
    /// `None` where duplicate control is off.
    duplicates: Option<DuplicateIndex>,
    leads: Vec<ComplexLead>,
}

impl ComplexBatch<'_> {
    fn add(&mut self, mut accepted: CheckedItem, request_id: Option<Value>) {
        let unsorted = accepted.metadata.is_some();
        let contact = std::mem::take(&mut accepted.contact_party);
        let company = std::mem::take(&mut accepted.company_party);
        let duplicate = match (&contact, &self.duplicates) {
            (Party::New(contact), Some(index)) => {
                index.find(&DuplicateIndex::keys(self.changes.world, &contact.fields))
            }
            (Party::Existing(_) | Party::None, _) | (_, None) => None,
        };
        let pipeline = accepted.stage.map(|(pipeline, _)| pipeline);
        if let Some(contact) = duplicate
            && let Some(lead) = open_lead(&self.changes, contact, pipeline)
        {
            return self.merge(contact, lead, accepted, request_id);
        }
        // The company first: in the example its id is lower. [seed]
        let both_new = matches!((&contact, &company, duplicate), (Party::New(_), Party::New(_), None));
        let company_id = self.create_party(RecordTable::Companies, company, false);
        let contact_id = duplicate.or_else(|| self.create_party(RecordTable::Contacts, contact, unsorted));
        if let (true, Some(contact), Some(company)) = (both_new, contact_id, company_id) {
            self.changes.link((RecordTable::Contacts, contact), (RecordTable::Companies, company), None); // [seed]
        }
        accepted.contacts = contact_id.map(|id| (id, true)).into_iter().collect();
        accepted.company = company_id;
        let id = write::create(&mut self.changes, RecordTable::Leads, accepted);
        let request_ids = request_id.into_iter().collect();
        self.leads.push(ComplexLead { id, contact_id, company_id, request_ids, merged: duplicate.is_some() });
    }

    fn create_party(&mut self, table: RecordTable, party: Party, unsorted: bool) -> Option<u64> {
        match party {
            Party::None => None,
            Party::Existing(id) => Some(id),
            Party::New(mut accepted) => {
                if unsorted && table == RecordTable::Contacts {
                    accepted.set.insert("is_unsorted".to_owned(), json!(true)); // [inferred]
                }
                Some(write::create(&mut self.changes, table, *accepted))
            }
        }
    }

    /// Updates the open lead of a known contact instead of a new one. [seed] that it merges, how [inferred]
    fn merge(&mut self, contact: u64, lead: u64, mut accepted: CheckedItem, request_id: Option<Value>) {
        accepted.id = lead;
        accepted.stage = None;
        for key in ["status_id", "pipeline_id", "created_at", "created_by"] {
            accepted.set.shift_remove(key);
        }
        let world = self.changes.world;
        let company = world.linked(RecordTable::Leads, lead, RecordTable::Companies).next().map(|(id, _)| id);
        write::update(&mut self.changes, RecordTable::Leads, accepted);
        match self.leads.iter_mut().find(|m| m.id == lead) {
            Some(first) => {
                first.request_ids.extend(request_id);
                first.merged = true;
            }
            None => self.leads.push(ComplexLead {
                id: lead,
                contact_id: Some(contact),
                company_id: company,
                request_ids: request_id.into_iter().collect(),
                merged: true,
            }),
        }
    }
}

/// Contacts by phone and e-mail, as they were before the request: its items are not compared with each other. [seed]
struct DuplicateIndex {
    contacts: HashMap<String, u64>,
}

impl DuplicateIndex {
    /// Reads all contacts; used only where duplicate control is on.
    fn build(world: &World) -> DuplicateIndex {
        let mut contacts = HashMap::new();
        for (id, record) in world.records(RecordTable::Contacts).iter() {
            let fields = serde_json::from_str::<Value>(&record.json).ok().and_then(|mut json| {
                serde_json::from_value::<Vec<(u64, Option<Vec<Value>>)>>(json.get_mut("fields")?.take()).ok()
            });
            for key in DuplicateIndex::keys(world, &fields.unwrap_or_default()) {
                contacts.entry(key).or_insert(id);
            }
        }
        DuplicateIndex { contacts }
    }

    /// The last ten digits of a phone, an e-mail in lower case. [inferred]
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

/// A lead of the contact in this pipeline that is not closed.
fn open_lead(changes: &Changeset, contact: u64, pipeline: Option<u64>) -> Option<u64> {
    changes.world.linked(RecordTable::Contacts, contact, RecordTable::Leads).map(|(id, _)| id).find(|lead| {
        let draft = changes.get(RecordTable::Leads, *lead);
        let at = |key: &str| draft.as_ref()?.json.get(key)?.as_u64();
        at("pipeline_id") == pipeline && !matches!(at("status_id"), None | Some(STATUS_WON | STATUS_LOST))
    })
}
