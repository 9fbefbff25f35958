//! `{entity}/custom_fields`: reads of the definitions. [doc] for the shapes

use std::cmp::Reverse;

use serde_json::{Value, json};

use crate::account::{Choice, FieldDefinition};
use crate::endpoints::Call;
use crate::endpoints::reply::ApiResponse;
use crate::read::{View, self_link, values};
use amo_model::FieldKind;
use amo_model::Owner;

pub fn list(call: &Call, owner: Owner) -> ApiResponse {
    let view = call.view();
    let kinds = call.query.list(&["filter", "type"]);
    let ids: Vec<u64> = call.query.list(&["filter", "id"]).iter().filter_map(|id| id.parse().ok()).collect();
    let mut fields: Vec<&FieldDefinition> = call
        .world
        .account
        .fields(owner)
        .filter(|f| kinds.is_empty() || kinds.contains(&f.kind.name()))
        .filter(|f| ids.is_empty() || ids.contains(&f.id))
        .collect();
    order(call, &mut fields);
    let models = fields.into_iter().map(|f| model(&view, f)).collect();
    call.counted_page(&path(owner), "custom_fields", models)
}

/// Sorted by the first known key and direction [doc]; else in the order of the account.
fn order(call: &Call, fields: &mut [&FieldDefinition]) {
    for key in call.query.keys(&["order"]) {
        match (key, call.query.at(&["order", key])) {
            ("id", Some("asc")) => return fields.sort_by_key(|f| f.id),
            ("id", Some("desc")) => return fields.sort_by_key(|f| Reverse(f.id)),
            ("sort", Some("asc")) => return fields.sort_by_key(|f| (f.sort, f.id)),
            ("sort", Some("desc")) => return fields.sort_by_key(|f| Reverse((f.sort, f.id))),
            _ => {}
        }
    }
}

pub fn get(call: &Call, owner: Owner) -> ApiResponse {
    get_one(call, owner, call.id(0))
}

pub fn list_of_catalog(call: &Call) -> ApiResponse {
    match call.world.account.catalog(call.id(0)) {
        Some(catalog) => list(call, Owner::Catalog(catalog.id)),
        None => ApiResponse::problem(404, "Catalog not found"), // [inferred]
    }
}

pub fn get_of_catalog(call: &Call) -> ApiResponse {
    get_one(call, Owner::Catalog(call.id(0)), call.id(1))
}

fn get_one(call: &Call, owner: Owner, id: u64) -> ApiResponse {
    match call.world.account.field(id).filter(|f| f.owner == owner) {
        Some(field) => ApiResponse::ok(&model(&call.view(), field)).with_items(1),
        None => call.unknown_id(),
    }
}

fn path(owner: Owner) -> String {
    format!("{}/custom_fields", owner.path())
}

pub fn model(view: &View, field: &FieldDefinition) -> Value {
    let account = &view.world.account;
    let mut model = json!({
        "id": field.id, "name": field.name, "type": values::kind(view, field), "account_id": account.id, "code": field.code,
        "sort": field.sort, "is_api_only": field.is_api_only, "enums": enums(field), "group_id": field.group_id,
        "required_statuses": field.required_statuses,
        "is_deletable": !field.is_predefined, "is_predefined": field.is_predefined,
        "entity_type": field.owner.name(), "tracking_callback": field.tracking_callback,
        "remind": field.remind, "triggers": [], "currency": field.currency, "hidden_statuses": field.hidden_statuses,
        "chained_lists": chained_lists(field), "settings": null, "search_in": field.search_in,
        "nested": nested(field), "is_visible": field.is_visible, "is_required": field.is_required
    });
    if let Owner::Catalog(id) = field.owner {
        model["catalog_id"] = json!(id);
    }
    model["_links"] = self_link(view.url(&format!("{}/{}", path(field.owner), field.id)));
    model
}

/// A category has none; its options are in `nested`. [client live]
fn enums(field: &FieldDefinition) -> Value {
    if field.choices.is_empty() || field.kind == FieldKind::Category {
        return Value::Null;
    }
    let model = |c: &Choice| json!({"id": c.id, "value": c.value, "sort": c.sort, "code": c.code});
    field.choices.iter().map(model).collect()
}

fn nested(field: &FieldDefinition) -> Value {
    if field.kind != FieldKind::Category {
        return Value::Null;
    }
    let model = |c: &Choice| json!({"id": c.id, "parent_id": c.parent_id, "value": c.value, "sort": c.sort});
    field.choices.iter().map(model).collect()
}

fn chained_lists(field: &FieldDefinition) -> Value {
    if field.kind == FieldKind::ChainedList { json!(field.chain) } else { Value::Null }
}
