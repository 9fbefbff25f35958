//! Customers besides what all entities have: access by mode, the mode itself, bonus points.

pub mod segments;
pub mod statuses;
pub mod transactions;

use serde_json::{Value, json};

use crate::changes::changeset::Changeset;
use crate::check::plain::{self, Expected};
use crate::check::{JsonNode, RefusedItem, ValidationErrors};
use crate::endpoints::Call;
use crate::endpoints::batch::invalid;
use crate::endpoints::reply::ApiResponse;
use crate::world::RecordTable;

/// Runs the route where customers are switched on. [client live] for the response else
pub fn with_customers(call: &Call, run: fn(&Call) -> ApiResponse) -> ApiResponse {
    match call.world.account.has_customers() {
        true => run(call),
        false if call.switches.customers_off_422 => disabled(),
        false => ApiResponse::problem(400, "Error 426."),
    }
}

/// The same for segments and custom fields, which respond with 422. [client live]
pub fn with_customers_or_422(call: &Call, run: fn(&Call) -> ApiResponse) -> ApiResponse {
    if call.world.account.has_customers() { run(call) } else { disabled() }
}

pub fn disabled() -> ApiResponse {
    ApiResponse::problem(422, "Customers disabled")
}

/// 422 in other modes. [seed]; the text [inferred]
pub fn in_segments_mode(call: &Call, run: fn(&Call) -> ApiResponse) -> ApiResponse {
    match call.world.account.has_segments() {
        true => run(call),
        false if call.world.account.has_customers() => ApiResponse::problem(422, "Customers segments disabled"),
        false => disabled(),
    }
}

/// 422 in other modes. [seed]; the text [inferred]
pub fn in_periodicity_mode(call: &Call, run: fn(&Call) -> ApiResponse) -> ApiResponse {
    match call.world.account.has_periodicity() {
        true => run(call),
        false if call.world.account.has_customers() => ApiResponse::problem(422, "Customers periodicity disabled"),
        false => disabled(),
    }
}

/// 403 for everybody else. [seed]
pub fn admin_only(call: &Call, run: fn(&Call) -> ApiResponse) -> ApiResponse {
    call.forbidden().unwrap_or_else(|| run(call))
}

/// Both keys are required and come back. [seed]
pub fn set_mode(call: &Call) -> ApiResponse {
    const KEYS: &[plain::KeySpec] =
        &[("mode", Expected::Word(&["segments", "periodicity"]), true), ("is_enabled", Expected::Bool, true)];
    let Some(item) = call.json().filter(Value::is_object) else { return Call::blank_body() };
    let mut errors = ValidationErrors::default();
    plain::check(&call.check_context(), KEYS, true, JsonNode::root(&item, &mut errors));
    if !errors.is_empty() {
        return invalid(call, vec![RefusedItem { request_id: None, errors }]);
    }
    let is_enabled = item["is_enabled"] == true;
    if is_enabled && call.switches.customers_unpaid {
        return ApiResponse::problem(402, "Payment Required");
    }
    let mut changes = Changeset::new(call.world, call.now);
    changes.account_mut().customers_mode = match item["mode"].as_str() {
        Some(mode) if is_enabled => mode.to_owned(),
        _ => "disabled".to_owned(), // [doc]
    };
    let echo = json!({"mode": item["mode"], "is_enabled": is_enabled});
    ApiResponse::ok(&echo).with_commit(changes.into_commit()).with_items(1)
}

/// `{"earn": n}` or `{"redeem": n}`; the answer has the points after that. [doc]; the points cannot fall below 0
/// [inferred]
pub fn bonus_points(call: &Call) -> ApiResponse {
    const KEYS: &[plain::KeySpec] = &[("earn", Expected::Int, false), ("redeem", Expected::Int, false)];
    let id = call.id(0);
    let mut changes = Changeset::new(call.world, call.now);
    let Some(mut draft) = changes.get(RecordTable::Customers, id) else {
        return ApiResponse::problem(404, "Customer not found");
    };
    let Some(item) = call.json().filter(Value::is_object) else { return Call::blank_body() };
    let mut errors = ValidationErrors::default();
    plain::check(&call.check_context(), KEYS, true, JsonNode::root(&item, &mut errors));
    let points = draft.json.get("bonus_points").and_then(Value::as_i64).unwrap_or(0);
    let after = match (item.get("earn"), item.get("redeem")) {
        (Some(earn), None) => earn.as_i64().filter(|n| *n >= 0).map(|n| ("earn", points.saturating_add(n))),
        (None, Some(redeem)) => redeem.as_i64().filter(|n| *n >= 0).map(|n| ("redeem", points.saturating_sub(n))),
        (None, None) => {
            errors.missing("earn");
            None
        }
        (Some(_), Some(_)) => {
            errors.unexpected("redeem");
            None
        }
    };
    match after {
        Some((_, after)) if after >= 0 && errors.is_empty() => {
            draft.json.insert("bonus_points".to_owned(), json!(after));
            draft.updated_at = call.now;
            changes.put(RecordTable::Customers, id, draft);
            return ApiResponse::ok(&json!({"bonus_points": after})).with_commit(changes.into_commit()).with_items(1);
        }
        Some((key, _)) if errors.is_empty() => errors.invalid_choice(key),
        None if errors.is_empty() => errors.invalid_choice(if item.get("earn").is_some() { "earn" } else { "redeem" }),
        Some(_) | None => {}
    }
    invalid(call, vec![RefusedItem { request_id: None, errors }])
}
