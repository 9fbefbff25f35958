//! Transactions of customers: list, get, create, delete. They cannot be changed. [seed]

use serde_json::{Value, json};

use crate::changes::changeset::Changeset;
use crate::changes::purchases;
use crate::check::WriteMode;
use crate::endpoints::Call;
use crate::endpoints::batch::{WriteEnvelope, check_batch, echoed_request_id};
use crate::endpoints::reply::ApiResponse;
use crate::read::{list, self_link};
use crate::world::RecordTable;

pub fn list(call: &Call) -> ApiResponse {
    let page = list::page(&call.view(), RecordTable::Transactions, call.now_ms);
    respond_page(call, "customers/transactions", page)
}

pub fn list_of_customer(call: &Call) -> ApiResponse {
    let customer = (RecordTable::Customers, call.id(0));
    let page = list::linked_page(&call.view(), customer, RecordTable::Transactions, call.now_ms);
    respond_page(call, &format!("customers/{}/transactions", call.id(0)), page)
}

fn respond_page(call: &Call, path: &str, (ids, more): (Vec<u64>, bool)) -> ApiResponse {
    // A page after the last one has the same response: the server does not tell the two apart.
    if ids.is_empty() && call.switches.no_transactions_status != 204 {
        return ApiResponse::problem(call.switches.no_transactions_status, "Transactions not found"); // [client live]
    }
    let view = call.view();
    let rows = ids.into_iter().filter_map(|id| view.record(RecordTable::Transactions, id)).collect();
    call.page(path, "transactions", rows, more || call.switches.transactions_next_always)
}

pub fn get(call: &Call) -> ApiResponse {
    get_one(call, None, call.id(0))
}

pub fn get_of_customer(call: &Call) -> ApiResponse {
    get_one(call, Some(call.id(0)), call.id(1))
}

fn get_one(call: &Call, customer: Option<u64>, id: u64) -> ApiResponse {
    let shown =
        call.view().record(RecordTable::Transactions, id).filter(|_| call.is_visible(RecordTable::Transactions, id));
    match shown.filter(|model| customer.is_none_or(|id| model["customer_id"] == id)) {
        Some(model) => ApiResponse::ok(&model).with_items(1),
        None => call.unknown_id(),
    }
}

pub fn create(call: &Call) -> ApiResponse {
    let customer = call.id(0);
    if !call.is_visible(RecordTable::Customers, customer) {
        return ApiResponse::problem(404, "Customer not found"); // [inferred]
    }
    let checked = match check_batch(call, RecordTable::Transactions, WriteMode::Create) {
        Ok(checked) => checked,
        Err(reply) => return *reply,
    };
    let accrue_bonus = matches!(call.query.get("accrue_bonus"), Some("true" | "1")); // [client]
    let view = call.view();
    let mut changes = Changeset::new(call.world, call.now);
    let mut answers: Vec<Value> = Vec::new();
    for (index, request_id, accepted) in checked.good {
        let id = purchases::create(&mut changes, customer, accepted, accrue_bonus);
        let mut model = json!({"id": id, "customer_id": customer});
        if let Some(shown) = echoed_request_id(call, request_id, index) {
            model["request_id"] = shown;
        }
        model["_links"] = self_link(view.transaction_url(&json!(customer), id));
        let url = view.record_url(RecordTable::Customers, customer);
        model["_embedded"] = json!({"customer": {"id": customer, "_links": self_link(url)}});
        answers.push(model);
    }
    let key = if call.switches.transactions_as_customers { "customers" } else { "transactions" };
    let path = format!("customers/{customer}/transactions");
    let envelope = WriteEnvelope { status: call.switches.created_status, path: &path, key, is_counted: true };
    envelope.response(call, answers, checked.refused, changes.into_commit())
}

pub fn delete(call: &Call) -> ApiResponse {
    delete_one(call, None, call.id(0))
}

pub fn delete_of_customer(call: &Call) -> ApiResponse {
    delete_one(call, Some(call.id(0)), call.id(1))
}

fn delete_one(call: &Call, customer: Option<u64>, id: u64) -> ApiResponse {
    let mut changes = Changeset::new(call.world, call.now);
    match (purchases::delete(&mut changes, id, customer), call.switches.gone_transaction_status) {
        (true, _) => ApiResponse::no_content().with_commit(changes.into_commit()).with_items(1),
        (false, 204) => ApiResponse::no_content(),
        (false, status) => ApiResponse::problem(status, "Transaction not found"), // [inferred]
    }
}
