//! Purchases of customers: list, one, create, delete. There is no way to change one. [seed]

use serde_json::{Value, json};

use crate::changes::changeset::Plan;
use crate::changes::purchases;
use crate::check::Mode;
use crate::endpoints::Call;
use crate::endpoints::batch::{Answer, answer, check_batch, shown_request_id};
use crate::endpoints::reply::Reply;
use crate::read::{list, self_link};
use crate::world::Shelf;

pub fn list(call: &Call) -> Reply {
    let page = list::page(call.world, Shelf::Transactions, call.query, call.switches, call.now_ms);
    show(call, "customers/transactions", page)
}

pub fn list_of_customer(call: &Call) -> Reply {
    let customer = (Shelf::Customers, call.id(0));
    let page = list::page_of(call.world, customer, Shelf::Transactions, call.query, call.switches, call.now_ms);
    show(call, &format!("customers/{}/transactions", call.id(0)), page)
}

fn show(call: &Call, path: &str, (ids, more): (Vec<u64>, bool)) -> Reply {
    // Behind the last page, too: to the server it is the same question.
    if ids.is_empty() && call.switches.no_transactions_status != 204 {
        return Reply::problem(call.switches.no_transactions_status, "Transactions not found"); // [client live]
    }
    let view = call.view();
    let rows = ids.into_iter().filter_map(|id| view.record(Shelf::Transactions, id)).collect();
    call.page(path, "transactions", rows, more || call.switches.transactions_next_always)
}

pub fn get(call: &Call) -> Reply {
    one(call, None, call.id(0))
}

pub fn get_of_customer(call: &Call) -> Reply {
    one(call, Some(call.id(0)), call.id(1))
}

fn one(call: &Call, customer: Option<u64>, id: u64) -> Reply {
    let shown = call.view().record(Shelf::Transactions, id).filter(|_| call.shows(Shelf::Transactions, id));
    match shown.filter(|model| customer.is_none_or(|id| model["customer_id"] == id)) {
        Some(model) => Reply::ok(&model).with_items(1),
        None => call.unknown_id(),
    }
}

pub fn create(call: &Call) -> Reply {
    let customer = call.id(0);
    if !call.shows(Shelf::Customers, customer) {
        return Reply::problem(404, "Customer not found"); // [inferred]
    }
    let checked = match check_batch(call, Shelf::Transactions, Mode::Create) {
        Ok(checked) => checked,
        Err(reply) => return *reply,
    };
    let accrue_bonus = matches!(call.query.get("accrue_bonus"), Some("true" | "1")); // [client]
    let view = call.view();
    let mut plan = Plan::new(call.world, call.now);
    let mut answers: Vec<Value> = Vec::new();
    for (index, request_id, clean) in checked.good {
        let id = purchases::create(&mut plan, customer, clean, accrue_bonus);
        let mut model = json!({"id": id, "customer_id": customer});
        if let Some(shown) = shown_request_id(call, request_id, index) {
            model["request_id"] = shown;
        }
        model["_links"] = self_link(view.transaction_url(&json!(customer), id));
        let url = view.record_url(Shelf::Customers, customer);
        model["_embedded"] = json!({"customer": {"id": customer, "_links": self_link(url)}});
        answers.push(model);
    }
    let key = if call.switches.transactions_as_customers { "customers" } else { "transactions" };
    let path = format!("customers/{customer}/transactions");
    let about = Answer { status: call.switches.created_status, path: &path, key, is_counted: true };
    answer(call, about, answers, checked.refused, plan.into_commit())
}

pub fn delete(call: &Call) -> Reply {
    take_back(call, None, call.id(0))
}

pub fn delete_of_customer(call: &Call) -> Reply {
    take_back(call, Some(call.id(0)), call.id(1))
}

fn take_back(call: &Call, customer: Option<u64>, id: u64) -> Reply {
    let mut plan = Plan::new(call.world, call.now);
    match (purchases::delete(&mut plan, id, customer), call.switches.gone_transaction_status) {
        (true, _) => Reply::nothing().with_commit(plan.into_commit()).with_items(1),
        (false, 204) => Reply::nothing(),
        (false, status) => Reply::problem(status, "Transaction not found"), // [inferred]
    }
}
