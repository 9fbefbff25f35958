//! Leads, contacts, companies: list, one, create, change. What differs between them is in the tables of `check`,
//! `write` and `render`; here only the shapes of their answers do.

use serde_json::{Map, Value, json};

use crate::changes::changeset::Plan;
use crate::changes::write;
use crate::check::{Clean, Complaints, Mode, Refused, check_item};
use crate::endpoints::Call;
use crate::endpoints::batch::{Answer, answer, check_batch, invalid, request_id, shown_request_id};
use crate::endpoints::reply::Reply;
use crate::read::{list, self_link, written};
use crate::world::rights::Sight;
use crate::world::{Draft, Shelf};

pub fn list(call: &Call, shelf: Shelf) -> Reply {
    if let Some(reply) = call.too_far() {
        return reply;
    }
    let view = call.view();
    if asks_for_trash(call, shelf) {
        let (ids, more) = list::trash(call.world, shelf, call.query, call.switches);
        let rows = ids.into_iter().filter_map(|id| view.trashed(shelf, id)).collect();
        return call.page(shelf.path(), shelf.path(), rows, more);
    }
    let (ids, more) = list::page(call.world, shelf, call.query, call.switches, call.now_ms);
    let rows = ids.into_iter().filter_map(|id| view.record(shelf, id)).collect();
    call.page(shelf.path(), shelf.path(), rows, more)
}

/// Kinds without a trash know no such word, and ignore it. [inferred]
fn asks_for_trash(call: &Call, shelf: Shelf) -> bool {
    call.query.with("only_deleted") && shelf.has_trash()
}

pub fn get(call: &Call, shelf: Shelf) -> Reply {
    let id = call.id(0);
    let shown = match asks_for_trash(call, shelf) {
        true => call.view().trashed(shelf, id).filter(|_| Sight::of(call.world, call.switches).is_none()),
        false => call.view().record(shelf, id).filter(|_| call.shows(shelf, id)),
    };
    shown.map_or_else(|| call.unknown_id(), |model| Reply::ok(&model).with_items(1))
}

pub fn create(call: &Call, shelf: Shelf) -> Reply {
    write_batch(call, shelf, Mode::Create, |plan, clean| {
        let id = write::create(plan, shelf, clean);
        let mut answer = Map::new();
        answer.insert("id".to_owned(), json!(id));
        if shelf == Shelf::Contacts {
            answer.insert("is_deleted".to_owned(), json!(false)); // [client live]
            answer.insert("is_unsorted".to_owned(), json!(false));
        }
        if shelf == Shelf::Customers && call.switches.customers_told {
            answer.extend(plan.get(shelf, id).map(|draft| told(call, draft)).unwrap_or_default());
        }
        (id, answer)
    })
}

pub fn update(call: &Call, shelf: Shelf) -> Reply {
    write_batch(call, shelf, Mode::Update(None), |plan, clean| {
        let id = clean.id;
        (id, write::update(plan, shelf, clean).map_or_else(Map::new, |draft| updated(shelf, id, &draft)))
    })
}

pub fn update_one(call: &Call, shelf: Shelf) -> Reply {
    let id = call.id(0);
    let Some(item) = call.json().filter(Value::is_object) else { return Call::blank() };
    let mut complaints = Complaints::default();
    let clean = check_item(&call.rules(), shelf, Mode::Update(Some(id)), &item, "", &mut complaints);
    if !complaints.is_empty() {
        return invalid(call, vec![Refused { request_id: Some(request_id(&item, 0)), complaints }]);
    }
    let mut plan = Plan::new(call.world, call.now);
    let Some(draft) = write::update(&mut plan, shelf, clean) else { return call.unknown_id() };
    let mut model = updated(shelf, id, &draft);
    let view = call.view();
    if let Some(shown) = shown_request_id(call, request_id(&item, 0), 0).filter(|_| names_changed(shelf)) {
        model.insert("request_id".to_owned(), shown);
    }
    model.insert("_links".to_owned(), self_link(view.record_url(shelf, id)));
    // Bare [seed] for other kinds, [doc]; wrapped [doc Kommo].
    let body = if call.switches.patch_wrapped {
        written(&view.url(shelf.path()), changed_key(call, shelf), vec![Value::Object(model)])
    } else {
        Value::Object(model)
    };
    Reply::ok(&body).with_commit(plan.into_commit()).with_items(1)
}

/// Changed customers are told by their `request_id`, too. [seed] Others are not: leads [seed], contacts [doc]
fn names_changed(shelf: Shelf) -> bool {
    shelf == Shelf::Customers
}

fn changed_key(call: &Call, shelf: Shelf) -> &'static str {
    if shelf == Shelf::Customers && call.switches.customers_as_leads { "leads" } else { shelf.path() }
}

/// What a recorded answer has of a new customer. [client live]
fn told(call: &Call, draft: Draft) -> Map<String, Value> {
    let mut told = draft.json;
    told.retain(|key, _| ["name", "status_id", "created_by", "updated_by"].contains(&key.as_str()));
    told.insert("created_at".to_owned(), json!(draft.created_at));
    told.insert("updated_at".to_owned(), json!(draft.updated_at));
    told.insert("account_id".to_owned(), json!(call.world.account.id));
    told
}

/// `{id, updated_at}` of leads and customers [seed], with the name of contacts and companies. [doc]
fn updated(shelf: Shelf, id: u64, draft: &Draft) -> Map<String, Value> {
    let mut answer = Map::new();
    answer.insert("id".to_owned(), json!(id));
    if !matches!(shelf, Shelf::Leads | Shelf::Customers) {
        answer.insert("name".to_owned(), draft.json.get("name").cloned().unwrap_or_default());
    }
    answer.insert("updated_at".to_owned(), json!(draft.updated_at));
    if shelf == Shelf::Contacts {
        answer.insert("is_deleted".to_owned(), json!(false));
        answer.insert("is_unsorted".to_owned(), draft.json.get("is_unsorted").cloned().unwrap_or(json!(false)));
    }
    answer
}

/// The common way of POST and PATCH: check all, write, answer an item for each.
fn write_batch(
    call: &Call,
    shelf: Shelf,
    mode: Mode,
    write: impl Fn(&mut Plan, Clean) -> (u64, Map<String, Value>),
) -> Reply {
    let checked = match check_batch(call, shelf, mode) {
        Ok(checked) => checked,
        Err(reply) => return *reply,
    };
    let view = call.view();
    let mut plan = Plan::new(call.world, call.now);
    let mut answers: Vec<Value> = Vec::new();
    for (index, request_id, clean) in checked.good {
        let (id, mut answer) = write(&mut plan, clean);
        // Changed records are named by their id alone. [seed] for leads, [doc] for contacts
        if let Some(shown) =
            shown_request_id(call, request_id, index).filter(|_| mode == Mode::Create || names_changed(shelf))
        {
            answer.insert("request_id".to_owned(), shown);
        }
        answer.insert("_links".to_owned(), self_link(view.record_url(shelf, id)));
        answers.push(Value::Object(answer));
    }
    let key = if mode == Mode::Create { shelf.path() } else { changed_key(call, shelf) };
    let status = if mode == Mode::Create { call.switches.created_status } else { 200 };
    let about = Answer { status, path: shelf.path(), key, is_counted: false };
    answer(call, about, answers, checked.refused, plan.into_commit())
}
