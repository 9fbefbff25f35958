//! Transactions of customers: a transaction changes the totals of its customer when it is created and when it is
//! deleted. [seed] that the totals follow, how [inferred]

use serde_json::{Map, Value, json};

use crate::changes::changeset::Changeset;
use crate::check::CheckedItem;
use crate::world::{IdSequence, RecordBody, RecordTable, SENT_AS};

/// Creates a transaction of an existing customer and returns its id.
pub fn create(changes: &mut Changeset, customer: u64, accepted: CheckedItem, accrue_bonus: bool) -> u64 {
    let id = changes.new_id(IdSequence::Transactions);
    let me = changes.world.account.current_user;
    let mut json = Map::new();
    json.insert("price".to_owned(), json!(0));
    json.insert("comment".to_owned(), Value::Null);
    json.insert("completed_at".to_owned(), json!(changes.now));
    json.insert("created_by".to_owned(), json!(me));
    let (of_customer, own): (Map<_, _>, Map<_, _>) =
        accepted.set.into_iter().partition(|(key, _)| key == "next_price" || key == "next_date");
    json.extend(own);
    json.insert("updated_by".to_owned(), json!(me));
    json.insert("customer_id".to_owned(), json!(customer));
    json.insert("accrue_bonus".to_owned(), json!(accrue_bonus));
    if let Some(name) = accepted.request_id {
        json.insert(SENT_AS.to_owned(), name);
    }
    let price = price(&json);
    changes.put(RecordTable::Transactions, id, RecordBody { created_at: changes.now, updated_at: changes.now, json });
    changes.link((RecordTable::Transactions, id), (RecordTable::Customers, customer), None);
    for element in &accepted.elements {
        changes.link((RecordTable::Transactions, id), (RecordTable::Elements, element.id), Some(&element.metadata));
    }
    update_customer(changes, customer, |json| {
        add_to(json, "ltv", price);
        add_to(json, "purchases_count", 1);
        json.extend(of_customer);
    });
    id
}

/// Deletes a transaction; false where it does not exist or belongs to another customer than `of`.
pub fn delete(changes: &mut Changeset, id: u64, of: Option<u64>) -> bool {
    let Some(draft) = changes.get(RecordTable::Transactions, id) else { return false };
    let customer = draft.json.get("customer_id").and_then(Value::as_u64).unwrap_or(0);
    if of.is_some_and(|of| of != customer) {
        return false;
    }
    changes.remove(RecordTable::Transactions, id);
    update_customer(changes, customer, |json| {
        add_to(json, "ltv", price(&draft.json).saturating_neg());
        add_to(json, "purchases_count", -1);
    });
    true
}

fn price(json: &Map<String, Value>) -> i64 {
    json.get("price").and_then(Value::as_i64).unwrap_or(0)
}

fn update_customer(changes: &mut Changeset, customer: u64, update: impl FnOnce(&mut Map<String, Value>)) {
    let Some(mut body) = changes.get(RecordTable::Customers, customer) else { return };
    update(&mut body.json);
    body.updated_at = changes.now;
    changes.put(RecordTable::Customers, customer, body);
}

fn add_to(json: &mut Map<String, Value>, key: &str, more: i64) {
    let before = json.get(key).and_then(Value::as_i64).unwrap_or(0);
    json.insert(key.to_owned(), json!(before.saturating_add(more)));
}
