//! `catalogs/{id}/elements`. [seed]

use serde_json::{Value, json};

use crate::account::CatalogDefinition;
use crate::account::builtin::{KIND_INVOICES, KIND_SUPPLIERS};
use crate::changes::changeset::Changeset;
use crate::changes::write as records;
use crate::check::{CheckedItem, JsonNode, RefusedItem, ValidationErrors, WriteMode, check_item};
use crate::endpoints::Call;
use crate::endpoints::batch::{CheckedBatch, check_batch, echoed_request_id, invalid, request_id};
use crate::endpoints::reply::ApiResponse;
use crate::read::{list, written_body};
use crate::switches::{Partial, RequestIds};
use crate::world::{RecordBody, RecordTable};
use amo_model::Owner;

/// The catalog that the path names; `Err` where it does not exist or the user may not see it.
fn catalog<'a>(call: &Call<'a>) -> Result<&'a CatalogDefinition, Box<ApiResponse>> {
    if let Some(reply) = call.forbidden() {
        return Err(Box::new(reply));
    }
    call.world.account.catalog(call.id(0)).ok_or_else(|| {
        Box::new(match call.switches.unknown_catalog_status {
            204 => ApiResponse::no_content(),
            status => ApiResponse::problem(status, "Catalog not found"),
        })
    })
}

fn path(catalog: u64) -> String {
    format!("catalogs/{catalog}/elements")
}

pub fn list(call: &Call) -> ApiResponse {
    let catalog = match catalog(call) {
        Ok(catalog) => catalog.id,
        Err(reply) => return *reply,
    };
    let query = call.query.with_default("limit", &call.switches.elements_page.to_string());
    let call = Call { query: &query, ..*call };
    if let Some(reply) = call.page_out_of_range() {
        return reply;
    }
    let (ids, more) = list::elements(&call.view(), catalog, call.now_ms);
    let view = call.view();
    let rows = ids.into_iter().filter_map(|id| view.record(RecordTable::Elements, id)).collect();
    call.page(&path(catalog), "elements", rows, more || call.switches.next_always)
}

pub fn get(call: &Call) -> ApiResponse {
    let catalog = match catalog(call) {
        Ok(catalog) => catalog.id,
        Err(reply) => return *reply,
    };
    let id = call.id(1);
    let is_here = call.world.records(RecordTable::Elements).get(id).is_some_and(|r| r.container == catalog);
    let shown = if is_here { call.view().record(RecordTable::Elements, id) } else { None };
    shown.map_or_else(|| call.unknown_id(), |model| ApiResponse::ok(&model).with_items(1))
}

pub fn create(call: &Call) -> ApiResponse {
    write_batch(call, WriteMode::Create)
}

pub fn update(call: &Call) -> ApiResponse {
    write_batch(call, WriteMode::Update(None))
}

pub fn update_one(call: &Call) -> ApiResponse {
    let catalog = match writable(call, WriteMode::Update(None)) {
        Ok(catalog) => catalog.id,
        Err(reply) => return *reply,
    };
    let Some(item) = call.json().filter(Value::is_object) else { return Call::blank_body() };
    let mut errors = ValidationErrors::default();
    let mode = WriteMode::Update(Some(call.id(1)));
    let accepted = check_item(&call.check_context(), RecordTable::Elements, mode, JsonNode::root(&item, &mut errors));
    if !errors.is_empty() {
        return invalid(call, vec![RefusedItem { request_id: Some(request_id(&item, 0)), errors }]);
    }
    let mut changes = Changeset::new(call.world, call.now);
    let name = shown_name(call, accepted.request_id.clone().unwrap_or(json!(accepted.id)), 0);
    let Some((id, draft)) = write(&mut changes, catalog, mode, accepted) else { return call.unknown_id() };
    let view = call.view();
    let model = view.written_element(id, &draft, name);
    let body = match call.switches.patch_wrapped {
        true => written_body(&view.url(&path(catalog)), "elements", vec![model]),
        false => model,
    };
    ApiResponse::ok(&body).with_commit(changes.into_commit()).with_items(1)
}

/// The catalog, where its elements may be written and the items have what it requires.
fn writable<'a>(call: &Call<'a>, mode: WriteMode) -> Result<&'a CatalogDefinition, Box<ApiResponse>> {
    let catalog = catalog(call)?;
    // The service's own catalog. [client live]
    if catalog.kind == KIND_SUPPLIERS && !call.switches.suppliers_writable {
        return Err(Box::new(ApiResponse::problem(403, "Forbidden")));
    }
    if catalog.kind == KIND_INVOICES && lacks_invoice_fields(call, catalog, mode) {
        return Err(Box::new(ApiResponse::problem(400, INVOICE_FIELDS_MISSING)));
    }
    Ok(catalog)
}

/// The old error 285, a text without validation errors; the number is known, the text is ours. [client], [inferred]
const INVOICE_FIELDS_MISSING: &str = "Код ошибки 285. Не заполнены обязательные поля счёта";

/// A new invoice has a name and a status, and a status cannot be emptied. [client], the second [inferred]
fn lacks_invoice_fields(call: &Call, catalog: &CatalogDefinition, mode: WriteMode) -> bool {
    let status = call.world.account.field_by_code(Owner::Catalog(catalog.id), "BILL_STATUS");
    let body = call.json();
    let items = match &body {
        Some(Value::Array(items)) => items.as_slice(),
        Some(item) => std::slice::from_ref(item),
        None => &[],
    };
    items.iter().filter_map(Value::as_object).any(|item| {
        let fields = item.get("custom_fields_values").and_then(Value::as_array);
        let sent = status.and_then(|status| {
            let is_status = |f: &&Value| {
                f["field_id"].as_u64() == Some(status.id) || f["field_code"].as_str() == status.code.as_deref()
            };
            fields.into_iter().flatten().find(is_status)
        });
        let is_emptied = sent.is_some_and(|sent| sent.get("values").is_some_and(Value::is_null));
        match mode {
            WriteMode::Update(_) => is_emptied,
            WriteMode::Create | WriteMode::Complex | WriteMode::Inner => {
                let name = item.get("name").is_none_or(|name| name.is_null() || name == "");
                name || is_emptied || (status.is_some() && sent.is_none())
            }
        }
    })
}

fn write_batch(call: &Call, mode: WriteMode) -> ApiResponse {
    let catalog = match writable(call, mode) {
        Ok(catalog) => catalog.id,
        Err(reply) => return *reply,
    };
    let CheckedBatch { good, refused } = match check_batch(call, RecordTable::Elements, mode) {
        Ok(checked) => checked,
        Err(reply) => return *reply,
    };
    let view = call.view();
    let mut changes = Changeset::new(call.world, call.now);
    let mut answers = Vec::new();
    for (index, _, accepted) in good {
        let sent_name = accepted.request_id.clone();
        if let Some((id, draft)) = write(&mut changes, catalog, mode, accepted) {
            let name = sent_name.unwrap_or_else(|| match mode {
                WriteMode::Update(_) => json!(id),
                _ if call.switches.element_places_text => json!(index.to_string()),
                _ => json!(index),
            });
            answers.push(view.written_element(id, &draft, shown_name(call, name, index)));
        }
    }
    if call.switches.shuffled {
        answers.reverse();
    }
    let items = answers.len() + refused.len();
    let commit = changes.into_commit();
    if !refused.is_empty() && call.switches.partial == Partial::Silent {
        return invalid(call, refused).with_commit(commit).with_items(items);
    }
    let mut body = written_body(&view.url(&path(catalog)), "elements", answers);
    if !refused.is_empty() {
        body["validation-errors"] = RefusedItem::all_to_json(&refused);
    }
    let status = if mode == WriteMode::Create { call.switches.created_status } else { 200 };
    ApiResponse::hal(status, &body).with_commit(commit).with_items(items)
}

fn write(
    changes: &mut Changeset,
    catalog: u64,
    mode: WriteMode,
    mut accepted: CheckedItem,
) -> Option<(u64, RecordBody)> {
    match mode {
        WriteMode::Create | WriteMode::Complex | WriteMode::Inner => {
            accepted.set.insert("catalog_id".to_owned(), json!(catalog));
            let id = records::create(changes, RecordTable::Elements, accepted);
            Some((id, changes.get(RecordTable::Elements, id)?))
        }
        WriteMode::Update(_) => {
            let id = accepted.id;
            Some((id, records::update(changes, RecordTable::Elements, accepted)?))
        }
    }
}

/// `request_id` of an answer. Where none was sent it is a number: the index of a new element, the id of a changed
/// one. [seed] A recorded answer shows the index as a string. [client live]
fn shown_name(call: &Call, name: Value, index: usize) -> Option<Value> {
    match call.switches.request_ids {
        RequestIds::String => Some(name),
        RequestIds::Int | RequestIds::Index | RequestIds::Missing => echoed_request_id(call, name, index),
    }
}
