//! `catalogs/{id}/elements`. [seed]

use serde_json::{Value, json};

use crate::account::Catalog;
use crate::account::builtin::{KIND_INVOICES, KIND_SUPPLIERS};
use crate::changes::changeset::Plan;
use crate::changes::write;
use crate::check::{Clean, Complaints, Mode, Refused, check_item};
use crate::endpoints::Call;
use crate::endpoints::batch::{Checked, check_batch, invalid, request_id, shown_request_id};
use crate::endpoints::reply::Reply;
use crate::read::{list, written};
use crate::switches::{Partial, RequestIds};
use crate::world::{Draft, Shelf};
use amo_model::Owner;

/// The catalog of the path, or the reply that says it is not there, or not for this user.
fn catalog<'a>(call: &Call<'a>) -> Result<&'a Catalog, Box<Reply>> {
    if let Some(reply) = call.forbidden() {
        return Err(Box::new(reply));
    }
    call.world.account.catalog(call.id(0)).ok_or_else(|| {
        Box::new(match call.switches.unknown_catalog_status {
            204 => Reply::nothing(),
            status => Reply::problem(status, "Catalog not found"),
        })
    })
}

fn path(catalog: u64) -> String {
    format!("catalogs/{catalog}/elements")
}

pub fn list(call: &Call) -> Reply {
    let catalog = match catalog(call) {
        Ok(catalog) => catalog.id,
        Err(reply) => return *reply,
    };
    let query = call.query.or("limit", &call.switches.elements_page.to_string());
    let call = Call { query: &query, ..*call };
    if let Some(reply) = call.too_far() {
        return reply;
    }
    let (ids, more) = list::elements(call.world, catalog, call.query, call.switches, call.now_ms);
    let view = call.view();
    let rows = ids.into_iter().filter_map(|id| view.record(Shelf::Elements, id)).collect();
    call.page(&path(catalog), "elements", rows, more || call.switches.next_always)
}

pub fn get(call: &Call) -> Reply {
    let catalog = match catalog(call) {
        Ok(catalog) => catalog.id,
        Err(reply) => return *reply,
    };
    let id = call.id(1);
    let is_here = call.world.records(Shelf::Elements).get(id).is_some_and(|r| r.container == catalog);
    let shown = if is_here { call.view().record(Shelf::Elements, id) } else { None };
    shown.map_or_else(|| call.unknown_id(), |model| Reply::ok(&model).with_items(1))
}

pub fn create(call: &Call) -> Reply {
    write_batch(call, Mode::Create)
}

pub fn update(call: &Call) -> Reply {
    write_batch(call, Mode::Update(None))
}

pub fn update_one(call: &Call) -> Reply {
    let catalog = match writable(call, Mode::Update(None)) {
        Ok(catalog) => catalog.id,
        Err(reply) => return *reply,
    };
    let Some(item) = call.json().filter(Value::is_object) else { return Call::blank() };
    let mut complaints = Complaints::default();
    let mode = Mode::Update(Some(call.id(1)));
    let clean = check_item(&call.rules(), Shelf::Elements, mode, &item, "", &mut complaints);
    if !complaints.is_empty() {
        return invalid(call, vec![Refused { request_id: Some(request_id(&item, 0)), complaints }]);
    }
    let mut plan = Plan::new(call.world, call.now);
    let name = answer_name(call, mode, clean.request_id.clone(), 0, clean.id);
    let Some((id, draft)) = keep(&mut plan, catalog, mode, clean) else { return call.unknown_id() };
    let view = call.view();
    let model = view.written_element(id, &draft, name);
    let body = match call.switches.patch_wrapped {
        true => written(&view.url(&path(catalog)), "elements", vec![model]),
        false => model,
    };
    Reply::ok(&body).with_commit(plan.into_commit()).with_items(1)
}

/// The catalog, where its elements may be written and the request is one at all.
fn writable<'a>(call: &Call<'a>, mode: Mode) -> Result<&'a Catalog, Box<Reply>> {
    let catalog = catalog(call)?;
    // The service's own list. [client live]
    if catalog.kind == KIND_SUPPLIERS && !call.switches.suppliers_writable {
        return Err(Box::new(Reply::problem(403, "Forbidden")));
    }
    if catalog.kind == KIND_INVOICES && lacks_invoice_fields(call, catalog, mode) {
        return Err(Box::new(Reply::problem(400, INVOICE_FIELDS_MISSING)));
    }
    Ok(catalog)
}

/// The old error 285, a text without validation errors; the number is told, the words are ours. [client], [inferred]
const INVOICE_FIELDS_MISSING: &str = "Код ошибки 285. Не заполнены обязательные поля счёта";

/// A new invoice has a name and a status, and an invoice does not lose its status. [client], the second [inferred]
fn lacks_invoice_fields(call: &Call, catalog: &Catalog, mode: Mode) -> bool {
    let status = call.world.account.field_by_code(Owner::Catalog(catalog.id), "BILL_STATUS");
    let body = call.json();
    let items = match &body {
        Some(Value::Array(items)) => items.as_slice(),
        Some(item) => std::slice::from_ref(item),
        None => &[],
    };
    items.iter().filter_map(Value::as_object).any(|item| {
        let fields = item.get("custom_fields_values").and_then(Value::as_array);
        let said = status.and_then(|status| {
            let is_status = |f: &&Value| {
                f["field_id"].as_u64() == Some(status.id) || f["field_code"].as_str() == status.code.as_deref()
            };
            fields.into_iter().flatten().find(is_status)
        });
        let is_emptied = said.is_some_and(|said| said.get("values").is_some_and(Value::is_null));
        match mode {
            Mode::Update(_) => is_emptied,
            Mode::Create | Mode::Complex | Mode::Inner => {
                let name = item.get("name").is_none_or(|name| name.is_null() || name == "");
                name || is_emptied || (status.is_some() && said.is_none())
            }
        }
    })
}

fn write_batch(call: &Call, mode: Mode) -> Reply {
    let catalog = match writable(call, mode) {
        Ok(catalog) => catalog.id,
        Err(reply) => return *reply,
    };
    let Checked { good, refused } = match check_batch(call, Shelf::Elements, mode) {
        Ok(checked) => checked,
        Err(reply) => return *reply,
    };
    let view = call.view();
    let mut plan = Plan::new(call.world, call.now);
    let mut answers = Vec::new();
    for (index, _, clean) in good {
        let said = clean.request_id.clone();
        if let Some((id, draft)) = keep(&mut plan, catalog, mode, clean) {
            answers.push(view.written_element(id, &draft, answer_name(call, mode, said, index, id)));
        }
    }
    if call.switches.shuffled {
        answers.reverse();
    }
    let items = answers.len() + refused.len();
    let commit = plan.into_commit();
    if !refused.is_empty() && call.switches.partial == Partial::Silent {
        return invalid(call, refused).with_commit(commit).with_items(items);
    }
    let mut body = written(&view.url(&path(catalog)), "elements", answers);
    if !refused.is_empty() {
        body["validation-errors"] = Refused::all_to_json(&refused);
    }
    let status = if mode == Mode::Create { call.switches.created_status } else { 200 };
    Reply::hal(status, &body).with_commit(commit).with_items(items)
}

fn keep(plan: &mut Plan, catalog: u64, mode: Mode, mut clean: Clean) -> Option<(u64, Draft)> {
    match mode {
        Mode::Create | Mode::Complex | Mode::Inner => {
            clean.set.insert("catalog_id".to_owned(), json!(catalog));
            let id = write::create(plan, Shelf::Elements, clean);
            Some((id, plan.get(Shelf::Elements, id)?))
        }
        Mode::Update(_) => {
            let id = clean.id;
            Some((id, write::update(plan, Shelf::Elements, clean)?))
        }
    }
}

/// What an item is called in the answer. Left out, it is a number: the place of a new element, the id of a changed
/// one. [seed] A recorded answer shows the place as a string. [client live]
fn answer_name(call: &Call, mode: Mode, said: Option<Value>, index: usize, id: u64) -> Option<Value> {
    let name = match (said, mode) {
        (Some(said), _) => said,
        (None, Mode::Update(_)) => json!(id),
        (None, _) if call.switches.element_places_text => json!(index.to_string()),
        (None, _) => json!(index),
    };
    match call.switches.request_ids {
        RequestIds::String => Some(name),
        RequestIds::Int | RequestIds::Index | RequestIds::Missing => shown_request_id(call, name, index),
    }
}
