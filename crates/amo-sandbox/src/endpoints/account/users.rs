//! Reads of loss reasons and users. [doc] for the shapes

use serde_json::{Value, json};

use crate::account::{AccountUser, Right};
use crate::endpoints::Call;
use crate::endpoints::reply::ApiResponse;
use crate::read::{View, self_link};
use crate::world::rights;

pub fn loss_reasons(call: &Call) -> ApiResponse {
    let view = call.view();
    let all: Vec<Value> = call.world.account.loss_reasons.iter().map(|r| view.loss_reason(r)).collect();
    call.counted_page("leads/loss_reasons", "loss_reasons", all)
}

pub fn loss_reason_by_id(call: &Call) -> ApiResponse {
    match call.world.account.loss_reason(call.id(0)) {
        Some(reason) => ApiResponse::ok(&call.view().loss_reason(reason)).with_items(1),
        None => call.unknown_id(),
    }
}

/// For administrators only. [doc]
pub fn users(call: &Call) -> ApiResponse {
    if let Some(reply) = call.forbidden() {
        return reply;
    }
    let view = call.view();
    let all: Vec<Value> = call.world.account.users.iter().map(|u| user_model(&view, u)).collect();
    call.counted_page("users", "users", all)
}

/// For administrators only [doc]; no source has an exception for the user's own record.
pub fn user(call: &Call) -> ApiResponse {
    let is_own_user = call.switches.own_user_shown && call.id(0) == call.world.account.current_user;
    if let Some(reply) = call.forbidden().filter(|_| !is_own_user) {
        return reply;
    }
    match call.world.account.user(call.id(0)) {
        Some(user) => ApiResponse::ok(&user_model(&call.view(), user)).with_items(1),
        None => call.unknown_id(),
    }
}

fn user_model(view: &View, user: &AccountUser) -> Value {
    let account = &view.world.account;
    let is_ours = user.id == account.current_user;
    let is_admin = if is_ours { rights::is_admin(view.world, view.switches) } else { user.is_admin };
    // The switch applies to the token's user; the others have the rights that the CRM gives to new users.
    let right = if is_ours && !is_admin { view.switches.token_view } else { Right::All };
    let of_records = json!({"view": right, "edit": right, "add": right, "delete": right, "export": right});
    let mut model = json!({
        "id": user.id, "name": user.name, "email": user.email, "lang": "ru",
        "rights": {
            "leads": of_records, "contacts": of_records, "companies": of_records,
            "tasks": {"edit": right, "delete": right}, "mail_access": false, "catalog_access": is_admin, "files_access": false, "status_rights": [],
            "catalog_rights": null, "custom_fields_rights": null, "oper_day_reports_view_access": false,
            "oper_day_user_tracking": false, "is_admin": is_admin, "is_free": false,
            "is_active": user.is_active, "group_id": user.group_id, "role_id": null
        },
        "_links": self_link(view.url(&format!("users/{}", user.id)))
    });
    for (word, value) in [
        ("uuid", json!(format!("00000000-0000-4000-8000-{:012}", user.id))),
        ("amojo_id", json!(format!("00000000-0000-4000-9000-{:012}", user.id))),
        ("user_rank", json!(null)),
        ("phone_number", json!(null)),
    ] {
        if view.query.with(word) {
            model[word] = value;
        }
    }
    let mut embedded = serde_json::Map::new();
    if view.query.with("role") {
        embedded.insert("roles".to_owned(), json!([]));
    }
    if view.query.with("group") {
        embedded.insert("groups".to_owned(), json!([{"id": user.group_id, "name": account.group_name(user.group_id)}]));
    }
    if !embedded.is_empty() {
        model["_embedded"] = Value::Object(embedded);
    }
    model
}
