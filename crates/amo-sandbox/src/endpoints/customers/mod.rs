//! Customers beyond what all entities share: whether they are switched on, in which mode, and their bonus points.

pub mod segments;
pub mod statuses;
pub mod transactions;

use serde_json::{Value, json};

use crate::changes::changeset::Plan;
use crate::check::plain::{self, Must};
use crate::check::{Complaints, Refused};
use crate::endpoints::Call;
use crate::endpoints::batch::invalid;
use crate::endpoints::reply::Reply;
use crate::world::Shelf;

/// Customers and their purchases are there only while they are switched on. [client live]
pub fn on(call: &Call, run: fn(&Call) -> Reply) -> Reply {
    match call.world.account.has_customers() {
        true => run(call),
        false if call.switches.customers_off_422 => disabled(),
        false => Reply::problem(400, "Error 426."),
    }
}

/// Segments and custom fields say it in another way. [client live]
pub fn enabled(call: &Call, run: fn(&Call) -> Reply) -> Reply {
    if call.world.account.has_customers() { run(call) } else { disabled() }
}

pub fn disabled() -> Reply {
    Reply::problem(422, "Customers disabled")
}

/// 422 in other modes. [seed]; the text [inferred]
pub fn in_segments(call: &Call, run: fn(&Call) -> Reply) -> Reply {
    match call.world.account.has_segments() {
        true => run(call),
        false if call.world.account.has_customers() => Reply::problem(422, "Customers segments disabled"),
        false => disabled(),
    }
}

/// 422 in other modes. [seed]; the text [inferred]
pub fn in_periodicity(call: &Call, run: fn(&Call) -> Reply) -> Reply {
    match call.world.account.has_periodicity() {
        true => run(call),
        false if call.world.account.has_customers() => Reply::problem(422, "Customers periodicity disabled"),
        false => disabled(),
    }
}

/// 403 for everybody else. [seed]
pub fn as_admin(call: &Call, run: fn(&Call) -> Reply) -> Reply {
    call.forbidden().unwrap_or_else(|| run(call))
}

/// Both keys are required and come back. [seed]
pub fn set_mode(call: &Call) -> Reply {
    const KEYS: &[plain::Key] =
        &[("mode", Must::Word(&["segments", "periodicity"]), true), ("is_enabled", Must::Bool, true)];
    let Some(item) = call.json().filter(Value::is_object) else { return Call::blank() };
    let mut complaints = Complaints::default();
    plain::check(&call.rules(), KEYS, true, &item, "", &mut complaints);
    if !complaints.is_empty() {
        return invalid(call, vec![Refused { request_id: None, complaints }]);
    }
    let is_enabled = item["is_enabled"] == true;
    if is_enabled && call.switches.customers_unpaid {
        return Reply::problem(402, "Payment Required");
    }
    let mut plan = Plan::new(call.world, call.now);
    plan.account_mut().customers_mode = match item["mode"].as_str() {
        Some(mode) if is_enabled => mode.to_owned(),
        _ => "disabled".to_owned(), // [doc]
    };
    let echo = json!({"mode": item["mode"], "is_enabled": is_enabled});
    Reply::ok(&echo).with_commit(plan.into_commit()).with_items(1)
}

/// `{"earn": n}` or `{"redeem": n}`, and the points there are then. [doc]; no more than there are [inferred]
pub fn bonus_points(call: &Call) -> Reply {
    const KEYS: &[plain::Key] = &[("earn", Must::Int, false), ("redeem", Must::Int, false)];
    let id = call.id(0);
    let mut plan = Plan::new(call.world, call.now);
    let Some(mut draft) = plan.get(Shelf::Customers, id) else { return Reply::problem(404, "Customer not found") };
    let Some(item) = call.json().filter(Value::is_object) else { return Call::blank() };
    let mut complaints = Complaints::default();
    plain::check(&call.rules(), KEYS, true, &item, "", &mut complaints);
    let points = draft.json.get("bonus_points").and_then(Value::as_i64).unwrap_or(0);
    let after = match (item.get("earn"), item.get("redeem")) {
        (Some(earn), None) => earn.as_i64().filter(|n| *n >= 0).map(|n| ("earn", points.saturating_add(n))),
        (None, Some(redeem)) => redeem.as_i64().filter(|n| *n >= 0).map(|n| ("redeem", points.saturating_sub(n))),
        (None, None) => {
            complaints.missing("earn");
            None
        }
        (Some(_), Some(_)) => {
            complaints.unexpected("redeem");
            None
        }
    };
    match after {
        Some((_, after)) if after >= 0 && complaints.is_empty() => {
            draft.json.insert("bonus_points".to_owned(), json!(after));
            draft.updated_at = call.now;
            plan.put(Shelf::Customers, id, draft);
            return Reply::ok(&json!({"bonus_points": after})).with_commit(plan.into_commit()).with_items(1);
        }
        Some((key, _)) if complaints.is_empty() => complaints.choice(key),
        None if complaints.is_empty() => complaints.choice(if item.get("earn").is_some() { "earn" } else { "redeem" }),
        Some(_) | None => {}
    }
    invalid(call, vec![Refused { request_id: None, complaints }])
}
