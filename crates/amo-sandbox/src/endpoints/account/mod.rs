//! Account and its parts: `GET account` here, each part in a file of its own. [doc]

pub mod catalogs;
pub mod custom_fields;
pub mod field_writes;
pub mod pipelines;
pub mod sources;
pub mod users;
pub mod writes;

use std::collections::BTreeSet;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Map, Value, json};

use crate::account::AccountState;
use crate::endpoints::Call;
use crate::endpoints::reply::ApiResponse;
use crate::read::self_link;
use crate::world::attached::TASK_TYPES;

pub fn get(call: &Call) -> ApiResponse {
    let account = &call.world.account;
    let mut model = json!({
        "id": account.id, "name": account.name, "subdomain": account.subdomain, "created_at": account.created_at,
        "created_by": 0, "updated_at": account.created_at, "updated_by": 0,
        "current_user_id": account.current_user, "country": account.country, "currency": account.currency,
        "currency_symbol": currency_symbol(&account.currency), "customers_mode": account.customers_mode, "is_unsorted_on": true,
        "is_loss_reason_enabled": true, "is_helpbot_enabled": false, "is_technical_account": false,
        "contact_name_display_order": 1, "mobile_feature_version": 0, "language": account.language,
        "_links": self_link(call.view().url("account"))
    });
    for (word, value) in extra_keys(call) {
        if call.query.with(word) {
            model[word] = value;
        }
    }
    let requested = |(word, _): &(&str, Value)| call.query.with(word);
    let mut requested_inside: Map<String, Value> =
        embedded(account).into_iter().filter(requested).map(|(word, value)| (word.to_owned(), value)).collect();
    let place = match call.switches.account_settings_outside {
        true => model.as_object_mut(),
        false => Some(&mut requested_inside),
    };
    if let Some(place) = place {
        place.extend(settings(call).into_iter().filter(requested).map(|(word, value)| (word.to_owned(), value)));
    }
    let requested = requested_inside;
    if !requested.is_empty() {
        model["_embedded"] = Value::Object(requested);
    }
    ApiResponse::ok(&model)
}

/// The symbol of common currencies, else the code.
fn currency_symbol(code: &str) -> &str {
    match code {
        "RUB" => "₽",
        "USD" => "$",
        "EUR" => "€",
        "KZT" => "₸",
        code => code,
    }
}

/// Keys that `with` adds to the model itself.
fn extra_keys(call: &Call) -> [(&'static str, Value); 6] {
    let account = &call.world.account;
    let forms =
        |one: &str, few: &str, many: &str| json!({"nominative_singular": one, "gen_singular": few, "gen_plural": many});
    [
        ("amojo_id", json!("00000000-0000-4000-8000-0000000000bb")),
        ("version", json!(11)),
        ("entity_names", json!({"leads": {"ru": forms("Сделка", "Сделки", "Сделок")}})),
        ("drive_url", json!(call.base)),
        ("is_api_filter_enabled", json!(call.switches.field_filters)),
        ("invoices_settings", json!({"lang": account.language, "currency": account.currency})),
    ]
}

/// Clients expect these in `_embedded`, too. [client]
fn settings(call: &Call) -> [(&'static str, Value); 2] {
    let timezone = &call.world.account.timezone;
    [
        ("amojo_rights", json!({"can_direct": true, "can_create_groups": true})),
        (
            "datetime_settings",
            json!({
                "date_pattern": "d.m.Y H:i", "short_date_pattern": "d.m", "short_time_pattern": "H:i",
                "date_format": "d.m.Y", "time_format": "H:i:s", "timezone": timezone,
                "timezone_offset": utc_offset(timezone, call.now)
            }),
        ),
    ]
}

/// The current offset from UTC: `+03:00`.
fn utc_offset(timezone: &str, now: i64) -> Option<String> {
    let zone = TimeZone::get(timezone).ok()?;
    Some(Timestamp::from_second(now).ok()?.to_zoned(zone).strftime("%:z").to_string())
}

/// Keys that `with` adds to `_embedded`.
fn embedded(account: &AccountState) -> [(&'static str, Value); 2] {
    let groups: BTreeSet<u64> = account.users.iter().map(|user| user.group_id).collect();
    let task_type = |(id, name, code)| json!({"id": id, "name": name, "color": null, "icon_id": null, "code": code});
    let group = |id: u64| json!({"id": id, "name": account.group_name(id), "uuid": null});
    [
        ("users_groups", groups.into_iter().map(group).collect()),
        ("task_types", TASK_TYPES.into_iter().map(task_type).collect()),
    ]
}
