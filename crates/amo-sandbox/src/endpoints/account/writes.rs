//! Writes to parts of the account: catalogs, fields, pipelines, sources. Each item is checked against the account as
//! the items before it have changed it.

use serde_json::{Value, json};

use crate::account::AccountState;
use crate::check::{JsonNode, ObjectReader, RefusedItem, ValidationErrors};
use crate::endpoints::Call;
use crate::endpoints::batch::{echoed_request_id, invalid, request_id};
use crate::endpoints::reply::ApiResponse;
use crate::read::written_body;
use crate::switches::Partial;
use crate::world::Commit;
use amo_model::BATCH_MAX;

/// An item of a write.
pub struct BatchItem<'v, 'e> {
    pub node: JsonNode<'v, 'e>,
    pub index: usize,
    /// The id in the path, where it has one.
    pub id: Option<u64>,
}

impl BatchItem<'_, '_> {
    /// The id in the path, else in the item; an error where there is none.
    pub fn own_id(id_in_path: Option<u64>, reader: &mut ObjectReader) -> Option<u64> {
        let own = reader.id("id");
        let id = id_in_path.or(own);
        if id.is_none() {
            reader.require(&["id"]);
        }
        id
    }

    /// `request_id` in the answer: the one that was sent, else `default`.
    pub fn echoed_request_id(&self, call: &Call, default: Value) -> Option<Value> {
        let own = self.node.value.get("request_id").filter(|id| id.is_string()).cloned();
        echoed_request_id(call, own.unwrap_or(default), self.index)
    }

    pub fn has_errors(&self) -> bool {
        !self.node.errors.is_empty()
    }
}

/// The collection that a request writes.
pub struct CollectionWrite<'a> {
    pub path: &'a str,
    pub key: &'a str,
    pub is_new: bool,
    /// The answer has `_total_items`. [doc]
    pub counted: bool,
}

/// `change` changes the account and returns the item of the answer; where it reports an error it must not have changed
/// anything.
pub fn write_batch(
    call: &Call,
    batch: &CollectionWrite,
    mut change: impl FnMut(&mut AccountState, &mut BatchItem) -> Option<Value>,
) -> ApiResponse {
    if let Some(reply) = call.forbidden() {
        return reply;
    }
    let items = match call.json() {
        Some(Value::Array(items)) if !items.is_empty() => items,
        _ => return Call::blank_body(),
    };
    if items.len() > BATCH_MAX {
        return ApiResponse::problem(call.switches.batch_excess_status, &format!("Limit of {BATCH_MAX} per page"));
    }
    let mut account = call.world.account.clone();
    let (mut answers, mut refused) = (Vec::new(), Vec::new());
    for (index, json) in items.iter().enumerate() {
        let mut errors = ValidationErrors::default();
        let mut item = BatchItem { node: JsonNode::root(json, &mut errors), index, id: None };
        force_refusals(call, &mut item.node);
        let answer = if item.has_errors() { None } else { change(&mut account, &mut item) };
        match answer.filter(|_| errors.is_empty()) {
            Some(answer) => answers.push(answer),
            None => refused.push(RefusedItem { request_id: Some(request_id(json, index)), errors }),
        }
    }
    // One bad item rejects the batch. [inferred]
    if !refused.is_empty() && (call.switches.partial == Partial::None || answers.is_empty()) {
        return invalid(call, refused).with_items(items.len());
    }
    let commit = commit(call, account);
    if !refused.is_empty() && call.switches.partial == Partial::Silent {
        return invalid(call, refused).with_commit(commit).with_items(items.len());
    }
    if call.switches.shuffled {
        answers.reverse();
    }
    let total = answers.len();
    let mut body = written_body(&call.view().url(batch.path), batch.key, answers);
    if batch.counted {
        body["_total_items"] = json!(total);
    }
    if !refused.is_empty() {
        body["validation-errors"] = RefusedItem::all_to_json(&refused);
    }
    let status = if batch.is_new { call.switches.created_status } else { 200 };
    ApiResponse::hal(status, &body).with_commit(commit).with_items(items.len())
}

/// Adds the errors that a script of faults forces on the item.
pub fn force_refusals(call: &Call, node: &mut JsonNode) {
    for refusal in call.refusals.iter().filter(|r| r.matches_other(node.value)) {
        node.errors.add(refusal.code.clone(), refusal.path.clone(), refusal.detail.clone());
    }
}

/// `PATCH …/{id}`: the bare model [seed], or wrapped. [doc Kommo]
pub fn write_one(
    call: &Call,
    batch: &CollectionWrite,
    id: u64,
    mut change: impl FnMut(&mut AccountState, &mut BatchItem) -> Option<Value>,
) -> ApiResponse {
    if let Some(reply) = call.forbidden() {
        return reply;
    }
    let Some(json) = call.json().filter(Value::is_object) else { return Call::blank_body() };
    let mut account = call.world.account.clone();
    let mut errors = ValidationErrors::default();
    let mut item = BatchItem { node: JsonNode::root(&json, &mut errors), index: 0, id: Some(id) };
    force_refusals(call, &mut item.node);
    let answer = if item.has_errors() { None } else { change(&mut account, &mut item) };
    let Some(model) = answer.filter(|_| errors.is_empty()) else {
        return invalid(call, vec![RefusedItem { request_id: Some(request_id(&json, 0)), errors }]);
    };
    let body = match call.switches.patch_wrapped {
        true => written_body(&call.view().url(batch.path), batch.key, vec![model]),
        false => model,
    };
    ApiResponse::ok(&body).with_commit(commit(call, account)).with_items(1)
}

/// 204 without a body. [seed] An unknown id is an invalid choice of `id`. [client live]
pub fn delete(call: &Call, change: impl FnOnce(&mut AccountState) -> bool) -> ApiResponse {
    if let Some(reply) = call.forbidden() {
        return reply;
    }
    let mut account = call.world.account.clone();
    if !change(&mut account) {
        let mut errors = ValidationErrors::default();
        errors.invalid_choice("id");
        return invalid(call, vec![RefusedItem { request_id: None, errors }]);
    }
    ApiResponse::no_content().with_commit(commit(call, account)).with_items(1)
}

/// The model with `request_id` before its links. [seed]
pub fn with_request_id(mut model: Value, request_id: Option<Value>) -> Value {
    if let (Value::Object(model), Some(request_id)) = (&mut model, request_id) {
        let links = model.shift_remove("_links");
        model.insert("request_id".to_owned(), request_id);
        model.extend(links.map(|links| ("_links".to_owned(), links)));
    }
    model
}

fn commit(call: &Call, account: AccountState) -> Commit {
    Commit { at: call.now, account: Some(Box::new(account)), ..Commit::default() }
}
