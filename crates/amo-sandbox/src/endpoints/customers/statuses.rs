//! `customers/statuses`: the stages of customers who buy periodically. [seed]

use serde_json::{Map, Value, json};

use crate::account::{Account, CustomerStatus};
use crate::changes::changeset::Plan;
use crate::check::plain::{self, Must};
use crate::check::{Complaints, Refused};
use crate::endpoints::Call;
use crate::endpoints::account::pipelines::COLORS;
use crate::endpoints::account::writes::refuse;
use crate::endpoints::batch::{Answer, answer, check_all, invalid, request_id, shown_request_id};
use crate::endpoints::reply::Reply;
use crate::read::{View, self_link};
use crate::world::Shelf;
use amo_model::{BATCH_MAX, CUSTOMER_STATUSES_MAX};

/// Ids of new statuses start here; the ones that ship are below.
const FIRST_ID: u64 = 4_740_011;

const ON_CREATE: &[plain::Key] = &[
    ("name", Must::Name, true),
    ("sort", Must::Int, true),
    // The ones of the system have others. [seed]
    ("color", Must::Word(&COLORS), false),
    ("request_id", Must::Text, false),
];

const ON_UPDATE: &[plain::Key] = &[
    ("name", Must::Name, true),
    ("sort", Must::Int, true),
    ("color", Must::Word(&COLORS), false),
    ("request_id", Must::Text, false),
    ("id", Must::Shown, false),
    ("is_default", Must::Shown, false),
    ("conditions", Must::Shown, false),
    ("type", Must::Shown, false),
    ("account_id", Must::Shown, false),
    ("_links", Must::Shown, false),
];

/// All at once. [seed]
pub fn list(call: &Call) -> Reply {
    let view = call.view();
    let all: Vec<Value> =
        call.world.account.customer_statuses.iter().map(|s| model(&view, &call.world.account, s)).collect();
    let items = all.len();
    let links = self_link(view.url("customers/statuses"));
    Reply::ok(&json!({"_total_items": items, "_links": links, "_embedded": {"statuses": all}})).with_items(items)
}

pub fn get(call: &Call) -> Reply {
    let account = &call.world.account;
    match account.customer_status(call.id(0)) {
        Some(status) => Reply::ok(&model(&call.view(), account, status)).with_items(1),
        None => call.unknown_id(),
    }
}

/// Its place is its `sort`: one made with 100 has been seen with 5. [seed]
pub fn model(view: &View, account: &Account, status: &CustomerStatus) -> Value {
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

pub fn create(call: &Call) -> Reply {
    let excess = Reply::problem(call.switches.batch_excess_status, &format!("Limit of {BATCH_MAX} per page"));
    let checked = check_all(call, BATCH_MAX, excess, |item, complaints| {
        refuse(call, item, complaints);
        plain::check(&call.rules(), ON_CREATE, true, item, "", complaints).cloned().unwrap_or_default()
    });
    let checked = match checked {
        Ok(checked) => checked,
        Err(reply) => return *reply,
    };
    // 422 is for data that cannot be processed; more than an account may have are that. [seed], [inferred]
    if call.world.account.customer_statuses.len() + checked.good.len() > CUSTOMER_STATUSES_MAX {
        return Reply::problem(422, &format!("Limit of {CUSTOMER_STATUSES_MAX} statuses"));
    }
    let view = call.view();
    let mut plan = Plan::new(call.world, call.now);
    let account = plan.account_mut();
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
        settle(account, status, &item, 0);
        let mut model = json!({"id": id});
        if let Some(shown) = shown_request_id(call, request_id, index) {
            model["request_id"] = shown;
        }
        model["_links"] = self_link(url(&view, id));
        answers.push(model);
    }
    let about =
        Answer { status: call.switches.created_status, path: "customers/statuses", key: "statuses", is_counted: true };
    answer(call, about, answers, checked.refused, plan.into_commit())
}

/// Puts a status in its place, `at` where nothing is said of it: the closed one stays the last. [inferred] from a status
/// made with `sort` 100 in an account of six, which has 5 later. [seed]
fn settle(account: &mut Account, mut status: CustomerStatus, said: &Map<String, Value>, at: usize) {
    let text = |key: &str| said.get(key).and_then(Value::as_str).map(str::to_owned);
    status.name = text("name").unwrap_or(status.name);
    status.color = text("color").unwrap_or(status.color);
    let at = said.get("sort").and_then(Value::as_i64).map_or(at, |sort| usize::try_from(sort).unwrap_or(0));
    let statuses = &mut account.customer_statuses;
    let end = statuses.iter().position(|s| s.kind == CustomerStatus::CLOSED).unwrap_or(statuses.len());
    let at = if status.kind == CustomerStatus::CLOSED { statuses.len() } else { at.min(end) };
    statuses.insert(at, status);
}

pub fn update(call: &Call) -> Reply {
    let id = call.id(0);
    let Some(mut item) = call.json().filter(Value::is_object) else { return Call::blank() };
    let mut complaints = Complaints::default();
    refuse(call, &item, &mut complaints);
    // What it has may be sent back: the ones of the system have other colours. [seed], [inferred]
    let own = call.world.account.customer_status(id).map(|status| json!(status.color));
    if own.is_some()
        && item.get("color") == own.as_ref()
        && let Some(item) = item.as_object_mut()
        && item.len() > 1
    {
        item.shift_remove("color");
    }
    let said = plain::check(&call.rules(), ON_UPDATE, false, &item, "", &mut complaints).cloned().unwrap_or_default();
    let mut plan = Plan::new(call.world, call.now);
    let at = plan.account().customer_statuses.iter().position(|s| s.id == id);
    if at.is_none() {
        complaints.choice("id"); // [inferred], as of pipelines [client live]
    }
    let Some(at) = at.filter(|_| complaints.is_empty()) else {
        return invalid(call, vec![Refused { request_id: Some(request_id(&item, 0)), complaints }]);
    };
    // At least one of them has to be there. [seed]
    if !plain::says_anything(ON_UPDATE, &said) {
        return Call::blank();
    }
    let account = plan.account_mut();
    let status = account.customer_statuses.remove(at);
    settle(account, status, &said, at);
    let Some(status) = account.customer_status(id) else { return call.unknown_id() };
    let mut model = model(&call.view(), account, status);
    if let (Some(shown), Some(model)) = (shown_request_id(call, request_id(&item, 0), 0), model.as_object_mut()) {
        model.shift_insert(model.len() - 1, "request_id".to_owned(), shown); // before the links, as in the example [seed]
    }
    Reply::ok(&model).with_commit(plan.into_commit()).with_items(1)
}

/// Those of the system stay; its customers go to another status, here at once. [seed] To which one [inferred]
pub fn delete(call: &Call) -> Reply {
    let id = call.id(0);
    let mut plan = Plan::new(call.world, call.now);
    if call.world.account.customer_status(id).is_none_or(CustomerStatus::is_system) {
        let mut complaints = Complaints::default();
        complaints.choice("id"); // 400, as 403 is for those without rights. [seed], [inferred]
        return invalid(call, vec![Refused { request_id: None, complaints }]);
    }
    plan.account_mut().customer_statuses.retain(|s| s.id != id);
    let home = call.world.account.first_customer_status();
    for (customer, _) in call.world.records(Shelf::Customers).iter() {
        let Some(mut draft) = plan.get(Shelf::Customers, customer) else { continue };
        if draft.json.get("status_id").and_then(Value::as_u64) == Some(id) {
            draft.json.insert("status_id".to_owned(), json!(home));
            plan.put(Shelf::Customers, customer, draft);
        }
    }
    Reply::nothing().with_commit(plan.into_commit()).with_items(1)
}
