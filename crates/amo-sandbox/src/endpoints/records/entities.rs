//! Leads, contacts, companies, customers: list, get, create, update. Their keys and values are in `check`, `changes`
//! and `read`; here are the shapes of their answers.

use serde_json::{Map, Value, json};

use crate::changes::changeset::Changeset;
use crate::changes::write;
use crate::check::{CheckedItem, JsonNode, RefusedItem, ValidationErrors, WriteMode, check_item};
use crate::endpoints::Call;
use crate::endpoints::batch::{WriteEnvelope, check_batch, echoed_request_id, invalid, request_id};
use crate::endpoints::reply::ApiResponse;
use crate::read::{list, self_link, written_body};
use crate::world::rights::RecordVisibility;
use crate::world::{RecordBody, RecordTable};

pub fn list(call: &Call, table: RecordTable) -> ApiResponse {
    if let Some(reply) = call.page_out_of_range() {
        return reply;
    }
    let view = call.view();
    if wants_trash(call, table) {
        let (ids, more) = list::trash(&view, table);
        let rows = ids.into_iter().filter_map(|id| view.trashed(table, id)).collect();
        return call.page(table.path(), table.path(), rows, more);
    }
    let (ids, more) = list::page(&view, table, call.now_ms);
    let rows = ids.into_iter().filter_map(|id| view.record(table, id)).collect();
    call.page(table.path(), table.path(), rows, more)
}

/// Tables without a trash ignore `only_deleted`. [inferred]
fn wants_trash(call: &Call, table: RecordTable) -> bool {
    call.query.with("only_deleted") && table.has_trash()
}

pub fn get(call: &Call, table: RecordTable) -> ApiResponse {
    let id = call.id(0);
    let shown = match wants_trash(call, table) {
        true => call
            .view()
            .trashed(table, id)
            .filter(|_| RecordVisibility::for_token_user(call.world, call.switches).is_none()),
        false => call.view().record(table, id).filter(|_| call.is_visible(table, id)),
    };
    shown.map_or_else(|| call.unknown_id(), |model| ApiResponse::ok(&model).with_items(1))
}

pub fn create(call: &Call, table: RecordTable) -> ApiResponse {
    write_batch(call, table, WriteMode::Create, |changes, accepted| {
        let id = write::create(changes, table, accepted);
        let mut answer = Map::new();
        answer.insert("id".to_owned(), json!(id));
        if table == RecordTable::Contacts {
            answer.insert("is_deleted".to_owned(), json!(false)); // [client live]
            answer.insert("is_unsorted".to_owned(), json!(false));
        }
        if table == RecordTable::Customers && call.switches.customers_told {
            answer.extend(changes.get(table, id).map(|draft| created_customer(call, draft)).unwrap_or_default());
        }
        (id, answer)
    })
}

pub fn update(call: &Call, table: RecordTable) -> ApiResponse {
    write_batch(call, table, WriteMode::Update(None), |changes, accepted| {
        let id = accepted.id;
        (id, write::update(changes, table, accepted).map_or_else(Map::new, |draft| updated_item(table, id, &draft)))
    })
}

pub fn update_one(call: &Call, table: RecordTable) -> ApiResponse {
    let id = call.id(0);
    let Some(item) = call.json().filter(Value::is_object) else { return Call::blank_body() };
    let mut errors = ValidationErrors::default();
    let node = JsonNode::root(&item, &mut errors);
    let accepted = check_item(&call.check_context(), table, WriteMode::Update(Some(id)), node);
    if !errors.is_empty() {
        return invalid(call, vec![RefusedItem { request_id: Some(request_id(&item, 0)), errors }]);
    }
    let mut changes = Changeset::new(call.world, call.now);
    let Some(draft) = write::update(&mut changes, table, accepted) else { return call.unknown_id() };
    let mut model = updated_item(table, id, &draft);
    let view = call.view();
    if let Some(shown) = echoed_request_id(call, request_id(&item, 0), 0).filter(|_| echoes_request_id_on_update(table))
    {
        model.insert("request_id".to_owned(), shown);
    }
    model.insert("_links".to_owned(), self_link(view.record_url(table, id)));
    // The bare model [seed], for other tables [doc]; wrapped [doc Kommo].
    let body = if call.switches.patch_wrapped {
        written_body(&view.url(table.path()), changed_key(call, table), vec![Value::Object(model)])
    } else {
        Value::Object(model)
    };
    ApiResponse::ok(&body).with_commit(changes.into_commit()).with_items(1)
}

/// Answers to changed customers have `request_id`. [seed] Those of others do not: leads [seed], contacts [doc]
fn echoes_request_id_on_update(table: RecordTable) -> bool {
    table == RecordTable::Customers
}

fn changed_key(call: &Call, table: RecordTable) -> &'static str {
    if table == RecordTable::Customers && call.switches.customers_as_leads { "leads" } else { table.path() }
}

/// The keys of a recorded answer to a new customer. [client live]
fn created_customer(call: &Call, draft: RecordBody) -> Map<String, Value> {
    let mut answer = draft.json;
    answer.retain(|key, _| ["name", "status_id", "created_by", "updated_by"].contains(&key.as_str()));
    answer.insert("created_at".to_owned(), json!(draft.created_at));
    answer.insert("updated_at".to_owned(), json!(draft.updated_at));
    answer.insert("account_id".to_owned(), json!(call.world.account.id));
    answer
}

/// `{id, updated_at}` of leads and customers [seed], with the name of contacts and companies. [doc]
fn updated_item(table: RecordTable, id: u64, draft: &RecordBody) -> Map<String, Value> {
    let mut answer = Map::new();
    answer.insert("id".to_owned(), json!(id));
    if !matches!(table, RecordTable::Leads | RecordTable::Customers) {
        answer.insert("name".to_owned(), draft.json.get("name").cloned().unwrap_or_default());
    }
    answer.insert("updated_at".to_owned(), json!(draft.updated_at));
    if table == RecordTable::Contacts {
        answer.insert("is_deleted".to_owned(), json!(false));
        answer.insert("is_unsorted".to_owned(), draft.json.get("is_unsorted").cloned().unwrap_or(json!(false)));
    }
    answer
}

/// POST and PATCH: checks all items, writes them, and responds with an item for each.
fn write_batch(
    call: &Call,
    table: RecordTable,
    mode: WriteMode,
    write: impl Fn(&mut Changeset, CheckedItem) -> (u64, Map<String, Value>),
) -> ApiResponse {
    let checked = match check_batch(call, table, mode) {
        Ok(checked) => checked,
        Err(reply) => return *reply,
    };
    let view = call.view();
    let mut changes = Changeset::new(call.world, call.now);
    let mut answers: Vec<Value> = Vec::new();
    for (index, request_id, accepted) in checked.good {
        let (id, mut answer) = write(&mut changes, accepted);
        // Items of changed records have no `request_id`. [seed] for leads, [doc] for contacts
        if let Some(shown) = echoed_request_id(call, request_id, index)
            .filter(|_| mode == WriteMode::Create || echoes_request_id_on_update(table))
        {
            answer.insert("request_id".to_owned(), shown);
        }
        answer.insert("_links".to_owned(), self_link(view.record_url(table, id)));
        answers.push(Value::Object(answer));
    }
    let key = if mode == WriteMode::Create { table.path() } else { changed_key(call, table) };
    let status = if mode == WriteMode::Create { call.switches.created_status } else { 200 };
    let envelope = WriteEnvelope { status, path: table.path(), key, is_counted: false };
    envelope.response(call, answers, checked.refused, changes.into_commit())
}
