//! `customers/statuses`: the stages of customers in the mode periodicity. [seed]

use serde_json::{Map, Value, json};

use crate::account::{AccountState, CustomerStatus};
use crate::changes::changeset::Changeset;
use crate::check::plain::{self, Expected};
use crate::check::{JsonNode, RefusedItem, ValidationErrors};
use crate::endpoints::Call;
use crate::endpoints::account::pipelines::COLORS;
use crate::endpoints::account::writes::force_refusals;
use crate::endpoints::batch::{WriteEnvelope, check_all, echoed_request_id, invalid, request_id};
use crate::endpoints::reply::ApiResponse;
use crate::read::{View, self_link};
use crate::world::RecordTable;
use amo_model::{BATCH_MAX, CUSTOMER_STATUSES_MAX};

/// Ids of new statuses start here; those of the built-in account are lower.
const FIRST_ID: u64 = 4_740_011;

const ON_CREATE: &[plain::KeySpec] = &[
    ("name", Expected::Name, true),
    ("sort", Expected::Int, true),
    // The system's statuses have other colours. [seed]
    ("color", Expected::Word(&COLORS), false),
    ("request_id", Expected::Text, false),
];

const ON_UPDATE: &[plain::KeySpec] = &[
    ("name", Expected::Name, true),
    ("sort", Expected::Int, true),
    ("color", Expected::Word(&COLORS), false),
    ("request_id", Expected::Text, false),
    ("id", Expected::ReadOnly, false),
    ("is_default", Expected::ReadOnly, false),
    ("conditions", Expected::ReadOnly, false),
    ("type", Expected::ReadOnly, false),
    ("account_id", Expected::ReadOnly, false),
    ("_links", Expected::ReadOnly, false),
];

/// All statuses on one page. [seed]
pub fn list(call: &Call) -> ApiResponse {
    let view = call.view();
    let all: Vec<Value> =
        call.world.account.customer_statuses.iter().map(|s| model(&view, &call.world.account, s)).collect();
    let items = all.len();
    let links = self_link(view.url("customers/statuses"));
    ApiResponse::ok(&json!({"_total_items": items, "_links": links, "_embedded": {"statuses": all}})).with_items(items)
}

pub fn get(call: &Call) -> ApiResponse {
    let account = &call.world.account;
    match account.customer_status(call.id(0)) {
        Some(status) => ApiResponse::ok(&model(&call.view(), account, status)).with_items(1),
        None => call.unknown_id(),
    }
}

/// `sort` is the index: a status made with 100 later has 5. [seed]
pub fn model(view: &View, account: &AccountState, status: &CustomerStatus) -> Value {
    let kind = match status.kind {
        CustomerStatus::EXPECTED if view.switches.expected_as_closed => CustomerStatus::CLOSED,
        kind => kind,
    };
    json!({
        "id": status.id, "name": status.name,
        "sort": account.customer_statuses.iter().position(|s| s.id == status.id),
        "is_default": status.is_system(), "conditions": status.conditions, "color": status.color,
        "type": kind, "account_id": account.id, "_links": self_link(url(view, status.id))
    })
}

fn url(view: &View, id: u64) -> String {
    view.url(&format!("customers/statuses/{id}"))
}

pub fn create(call: &Call) -> ApiResponse {
    let excess = ApiResponse::problem(call.switches.batch_excess_status, &format!("Limit of {BATCH_MAX} per page"));
    let checked = check_all(call, BATCH_MAX, excess, |mut node| {
        force_refusals(call, &mut node);
        plain::check(&call.check_context(), ON_CREATE, true, node).cloned().unwrap_or_default()
    });
    let checked = match checked {
        Ok(checked) => checked,
        Err(reply) => return *reply,
    };
    // 422 is for data that cannot be processed, here for too many statuses. [seed], [inferred]
    if call.world.account.customer_statuses.len() + checked.good.len() > CUSTOMER_STATUSES_MAX {
        return ApiResponse::problem(422, &format!("Limit of {CUSTOMER_STATUSES_MAX} statuses"));
    }
    let view = call.view();
    let mut changes = Changeset::new(call.world, call.now);
    let account = changes.account_mut();
    let mut answers = Vec::new();
    for (index, request_id, item) in checked.good {
        let id = account.new_id(FIRST_ID);
        let status = CustomerStatus {
            id,
            name: String::new(),
            color: COLORS[0].to_owned(), // [inferred]
            kind: CustomerStatus::PLAIN,
            conditions: json!([]),
        };
        place_status(account, status, &item, 0);
        let mut model = json!({"id": id});
        if let Some(shown) = echoed_request_id(call, request_id, index) {
            model["request_id"] = shown;
        }
        model["_links"] = self_link(url(&view, id));
        answers.push(model);
    }
    let envelope = WriteEnvelope {
        status: call.switches.created_status,
        path: "customers/statuses",
        key: "statuses",
        is_counted: true,
    };
    envelope.response(call, answers, checked.refused, changes.into_commit())
}

/// Inserts a status at its `sort`, else at `at`; the closed status stays last. [inferred] from a status made with
/// `sort` 100 in an account of six, which has 5 later. [seed]
fn place_status(account: &mut AccountState, mut status: CustomerStatus, sent: &Map<String, Value>, at: usize) {
    let text = |key: &str| sent.get(key).and_then(Value::as_str).map(str::to_owned);
    status.name = text("name").unwrap_or(status.name);
    status.color = text("color").unwrap_or(status.color);
    let at = sent.get("sort").and_then(Value::as_i64).map_or(at, |sort| usize::try_from(sort).unwrap_or(0));
    let statuses = &mut account.customer_statuses;
    let end = statuses.iter().position(|s| s.kind == CustomerStatus::CLOSED).unwrap_or(statuses.len());
    let at = if status.kind == CustomerStatus::CLOSED { statuses.len() } else { at.min(end) };
    statuses.insert(at, status);
}

pub fn update(call: &Call) -> ApiResponse {
    let id = call.id(0);
    let Some(mut item) = call.json().filter(Value::is_object) else { return Call::blank_body() };
    let mut errors = ValidationErrors::default();
    force_refusals(call, &mut JsonNode::root(&item, &mut errors));
    // The current colour may be sent back: the system's statuses have other colours. [seed], [inferred]
    let own = call.world.account.customer_status(id).map(|status| json!(status.color));
    if own.is_some()
        && item.get("color") == own.as_ref()
        && let Some(item) = item.as_object_mut()
        && item.len() > 1
    {
        item.shift_remove("color");
    }
    let node = JsonNode::root(&item, &mut errors);
    let sent = plain::check(&call.check_context(), ON_UPDATE, false, node).cloned().unwrap_or_default();
    let mut changes = Changeset::new(call.world, call.now);
    let at = changes.account().customer_statuses.iter().position(|s| s.id == id);
    if at.is_none() {
        errors.invalid_choice("id"); // [inferred], as of pipelines [client live]
    }
    let Some(at) = at.filter(|_| errors.is_empty()) else {
        return invalid(call, vec![RefusedItem { request_id: Some(request_id(&item, 0)), errors }]);
    };
    // At least one key is required. [seed]
    if !plain::has_changes(ON_UPDATE, &sent) {
        return Call::blank_body();
    }
    let account = changes.account_mut();
    let status = account.customer_statuses.remove(at);
    place_status(account, status, &sent, at);
    let Some(status) = account.customer_status(id) else { return call.unknown_id() };
    let mut model = model(&call.view(), account, status);
    if let (Some(shown), Some(model)) = (echoed_request_id(call, request_id(&item, 0), 0), model.as_object_mut()) {
        model.shift_insert(model.len() - 1, "request_id".to_owned(), shown); // before the links, as in the example [seed]
    }
    ApiResponse::ok(&model).with_commit(changes.into_commit()).with_items(1)
}

/// The system's statuses cannot be deleted; customers get another status, here at once. [seed] Which one [inferred]
pub fn delete(call: &Call) -> ApiResponse {
    let id = call.id(0);
    let mut changes = Changeset::new(call.world, call.now);
    if call.world.account.customer_status(id).is_none_or(CustomerStatus::is_system) {
        let mut errors = ValidationErrors::default();
        errors.invalid_choice("id"); // 400, as 403 is for users without rights [seed], [inferred]
        return invalid(call, vec![RefusedItem { request_id: None, errors }]);
    }
    changes.account_mut().customer_statuses.retain(|s| s.id != id);
    let home = call.world.account.first_customer_status();
    for (customer, _) in call.world.records(RecordTable::Customers).iter() {
        let Some(mut draft) = changes.get(RecordTable::Customers, customer) else { continue };
        if draft.json.get("status_id").and_then(Value::as_u64) == Some(id) {
            draft.json.insert("status_id".to_owned(), json!(home));
            changes.put(RecordTable::Customers, customer, draft);
        }
    }
    ApiResponse::no_content().with_commit(changes.into_commit()).with_items(1)
}
