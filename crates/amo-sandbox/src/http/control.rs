//! Control endpoints below `/_sandbox/`, for tests and for people who watch. They need the world's own token, not one
//! of an integration; they have no rate limit and are not logged.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use crate::account::template::InitialState;
use crate::changes::changeset::Changeset;
use crate::changes::trash;
use crate::endpoints;
use crate::endpoints::account::catalogs;
use crate::endpoints::customers::{segments, statuses};
use crate::endpoints::reply::ApiResponse;
use crate::faults::Faults;
use crate::http::log::RequestLog;
use crate::http::rate::RateLimiter;
use crate::http::{IncomingRequest, LiveWorld, Server};
use crate::read::query::Query;
use crate::read::{self, View};
use crate::robots::Robot;
use crate::switches::Switches;
use crate::world::{Commit, RecordTable, SENT_AS, World};

pub fn answer(server: &Server, incoming: &IncomingRequest, path: &str) -> ApiResponse {
    match (incoming.method.as_str(), path.trim_end_matches('/')) {
        ("GET", "stats") => ApiResponse::json(200, &stats(server)),
        ("GET", "routes") => ApiResponse::json(200, &routes()),
        ("GET", "requests") => ApiResponse::json(200, &requests(server)),
        ("POST", "reset") => reset(server, Query::parse(&incoming.query).get("keep") == Some("world")),
        ("GET", "faults") => ApiResponse::json(200, &json!(server.traffic().faults)),
        ("POST", "faults") => set_faults(server, &incoming.body),
        ("GET", "switches") => ApiResponse::json(200, &json!(*server.traffic().switches)),
        ("POST", "switches") => set_switches(server, &incoming.body),
        ("POST", "late") => ApiResponse::json(200, &json!({"done": server.carry_out_delayed()})),
        ("GET", "robots") => ApiResponse::json(200, &robots(&server.live_world().robots)),
        ("POST", "robots") => set_robots(server, &incoming.body),
        ("GET" | "POST", "oauth") => oauth(server),
        ("POST", "expire") => expire(server),
        ("POST", "delete") => delete(server, incoming),
        ("GET", path) if path.starts_with("entities/") => entities(server, incoming, &path["entities/".len()..]),
        _ => {
            let corners = "stats, requests, routes, reset, faults, switches, robots, late, oauth, expire, delete, entities/leads and other entities";
            ApiResponse::json(404, &json!({"error": format!("the corner has {corners}")}))
        }
    }
}

/// The response without the world's token.
pub fn no_token() -> ApiResponse {
    let error = "the corner needs the world's token, as `amoport sandbox` prints it: Authorization: Bearer TOKEN";
    ApiResponse::json(401, &json!({"error": error}))
}

fn stats(server: &Server) -> Value {
    // `traffic` is locked first: a delayed commit that is gone from it is in the world already.
    let mut stats = {
        let traffic = server.traffic();
        json!({
            "requests": traffic.log.requests, "worst_sliding_second": traffic.rate.worst_second,
            "throttled": traffic.rate.throttled, "blocked": traffic.rate.blocked, "by_route": traffic.log.by_route,
            "commits": traffic.log.tallies, "faults": traffic.log.faults, "late": traffic.delayed.len()
        })
    };
    let live_world = server.live_world();
    let account = &live_world.world.account;
    let parts = [
        ("catalogs", account.catalogs.len()),
        ("segments", account.segments.len()),
        ("statuses", account.customer_statuses.len()),
    ];
    let tables = RecordTable::ALL.iter().map(|s| (s.path(), live_world.world.records(*s).count()));
    stats["errands"] = json!(live_world.robot_tasks.len());
    stats["entities"] = tables.chain(parts).map(|(name, count)| (name.to_owned(), json!(count))).collect();
    stats
}

/// The default and maximum number of rows of one response: the world is locked meanwhile.
const ROWS_MAX: usize = 10_000;

/// `entities/leads?fields=id,name&after=ID&limit=N`: the records of the world in the order of ids.
fn entities(server: &Server, incoming: &IncomingRequest, name: &str) -> ApiResponse {
    let query = Query::parse(&incoming.query);
    let number = |key: &str| query.get(key).and_then(|n| n.parse::<u64>().ok());
    let limit = number("limit").map_or(ROWS_MAX, |n| usize::try_from(n).unwrap_or(ROWS_MAX).clamp(1, ROWS_MAX));
    let after = number("after").unwrap_or(0);
    let fields: Option<Vec<&str>> = query.get("fields").map(|fields| fields.split(',').map(str::trim).collect());
    let live_world = server.live_world();
    // The true state, whatever the switches make reads show.
    let (with, switches) = (Query::parse("with=source_id,invoice_link,is_pinned"), Switches::default());
    let view = View { world: &live_world.world, base: &server.base, query: &with, switches: &switches };
    let rows: Box<dyn Iterator<Item = Value>> = match RecordTable::ALL.into_iter().find(|s| s.path() == name) {
        Some(table) => {
            Box::new(live_world.world.records(table).after(after).filter_map(move |id| view.flat_record(table, id)))
        }
        None => match parts(&view, name) {
            Some(parts) => Box::new(parts.into_iter().filter(|row| row["id"].as_u64() > Some(after))),
            None => return ApiResponse::json(404, &json!({"error": format!("\"{name}\" is no entity of this world")})),
        },
    };
    let mut rows = rows.peekable();
    let shown: Vec<Value> = rows.by_ref().take(limit).map(|row| select_keys(row, fields.as_deref())).collect();
    let last = shown.last().map(|row| row["id"].clone());
    let next = if rows.peek().is_some() { last } else { None };
    ApiResponse::json(200, &json!({"rows": shown, "next": next}))
}

/// The id and the named fields of a row; without names, all fields that the API shows.
fn select_keys(mut row: Value, fields: Option<&[&str]>) -> Value {
    if let Some(row) = row.as_object_mut() {
        row.retain(|key, _| match fields {
            Some(fields) => key == "id" || fields.contains(&key.as_str()),
            None => key != SENT_AS,
        });
    }
    row
}

/// Parts of the account that are no records.
fn parts(view: &View, name: &str) -> Option<Vec<Value>> {
    let account = &view.world.account;
    let mut models: Vec<Value> = match name {
        "catalogs" => account.catalogs.iter().map(|c| catalogs::model(view, c)).collect(),
        "segments" => {
            let counts = segments::counts(view.world);
            account.segments.iter().map(|s| segments::model(view, s, &counts)).collect()
        }
        "statuses" => account.customer_statuses.iter().map(|s| statuses::model(view, account, s)).collect(),
        _ => return None,
    };
    models.sort_by_key(|model| model["id"].as_u64());
    Some(models.into_iter().map(read::flatten).collect())
}

/// The routes of the API, `{method, path}` each.
fn routes() -> Value {
    endpoints::routes::all().map(|route| json!({"method": route.method, "path": route.pattern})).collect()
}

fn requests(server: &Server) -> Value {
    server.traffic().log.entries().map(|entry| json!(entry)).collect()
}

/// Always clears counters, log and rate limit; clears world, faults and switches unless the world is kept. Delayed
/// requests of the old world are dropped: the new one is another account, and its records get the same ids again.
fn reset(server: &Server, keep_world: bool) -> ApiResponse {
    if !keep_world {
        server.traffic().delayed.clear();
        let live_world = &mut *server.live_world();
        let initial = InitialState::clone(&live_world.world.initial);
        let id = initial.account.next_account_id();
        let auth = live_world.world.auth.after_reset();
        let world = World::new(Arc::new(initial.with_account_id(id)), live_world.world.seed, auth);
        if let Some(folder) = &mut live_world.folder
            && let Err(error) = folder.replace(&world)
        {
            return ApiResponse::json(500, &json!({"error": format!("the world cannot be written: {error}")}));
        }
        server.set_auth(&world.auth);
        live_world.world = world;
        live_world.robots.clear();
        live_world.robot_tasks.clear();
    }
    let traffic = &mut *server.traffic();
    traffic.rate = RateLimiter::default();
    traffic.log = RequestLog::default();
    traffic.rolls = 0;
    if !keep_world {
        traffic.switches = server.first_switches.clone();
        traffic.faults = server.first_faults.clone();
        traffic.expired_tokens.clear();
        traffic.answers.clear();
    }
    ApiResponse::json(200, &json!({"ok": true}))
}

fn set_faults(server: &Server, body: &[u8]) -> ApiResponse {
    match serde_json::from_slice::<Faults>(body) {
        Ok(faults) => {
            let shown = json!(faults);
            let traffic = &mut *server.traffic();
            traffic.faults = faults;
            traffic.expired_tokens.clear();
            ApiResponse::json(200, &shown)
        }
        Err(error) => ApiResponse::json(400, &json!({"error": error.to_string()})),
    }
}

/// Sets the switches that are named.
fn set_switches(server: &Server, body: &[u8]) -> ApiResponse {
    let traffic = &mut *server.traffic();
    let changed = serde_json::from_slice::<Map<String, Value>>(body).and_then(|changes| {
        let mut all = serde_json::to_value(&*traffic.switches)?;
        for (key, value) in changes {
            all[key] = value;
        }
        serde_json::from_value::<Switches>(all)
    });
    match changed {
        Ok(switches) if switches.find_error().is_some() => {
            ApiResponse::json(400, &json!({"error": switches.find_error()}))
        }
        Ok(switches) => {
            let shown = json!(switches);
            traffic.switches = Arc::new(switches);
            ApiResponse::json(200, &shown)
        }
        Err(error) => ApiResponse::json(400, &json!({"error": error.to_string()})),
    }
}

/// Replaces all robots; tasks that are pending are still carried out.
fn set_robots(server: &Server, body: &[u8]) -> ApiResponse {
    let wrong = |error: String| ApiResponse::json(400, &json!({"error": error}));
    let new = match serde_json::from_slice::<Vec<Robot>>(body) {
        Ok(new) => new,
        Err(error) => return wrong(error.to_string()),
    };
    let live_world = &mut *server.live_world();
    for (i, robot) in new.iter().enumerate() {
        if let Some(error) = robot.find_error(&live_world.world.account) {
            return wrong(format!("robot {}: {error}", i + 1));
        }
    }
    live_world.robots = new.into_iter().map(Arc::new).collect();
    ApiResponse::json(200, &robots(&live_world.robots))
}

fn robots(robots: &[Arc<Robot>]) -> Value {
    robots.iter().map(|robot| json!(**robot)).collect()
}

/// Client id, secret and a new code, as after a person's consent.
fn oauth(server: &Server) -> ApiResponse {
    let now = (server.clock)();
    let live_world = &mut *server.live_world();
    let mut auth = live_world.world.auth.clone();
    let shown = json!({
        "client_id": auth.client_id, "client_secret": auth.client_secret, "redirect_uri": "https://example.com/",
        "code": auth.new_code(now)
    });
    apply(server, live_world, Commit::of_tokens(now, auth), shown)
}

/// Ends the lifetime of the access token.
fn expire(server: &Server) -> ApiResponse {
    let live_world = &mut *server.live_world();
    let mut auth = live_world.world.auth.clone();
    auth.expire();
    apply(server, live_world, Commit::of_tokens((server.clock)(), auth), json!({"ok": true}))
}

/// Deletes records as a person does in the CRM, which the API cannot: `{"leads":[1,2]}`. Links to them are removed.
/// With `for_good=1` they do not go to the trash.
fn delete(server: &Server, incoming: &IncomingRequest) -> ApiResponse {
    let for_good = Query::parse(&incoming.query).get("for_good") == Some("1");
    let named: Map<String, Value> = match serde_json::from_slice(&incoming.body) {
        Ok(named) => named,
        Err(error) => return ApiResponse::json(400, &json!({"error": format!("no lists of ids: {error}")})),
    };
    let mut records = Vec::new();
    for (name, ids) in &named {
        let Some(table) = RecordTable::ALL.into_iter().find(|table| table.path() == name) else {
            return ApiResponse::json(400, &json!({"error": format!("\"{name}\" is no entity with records")}));
        };
        records.extend(ids.as_array().into_iter().flatten().filter_map(Value::as_u64).map(|id| (table, id)));
    }
    delete_records(server, &records, for_good)
}

/// Deletes records of any table; counts those that exist.
pub fn delete_records(server: &Server, records: &[(RecordTable, u64)], for_good: bool) -> ApiResponse {
    let live_world = &mut *server.live_world();
    let mut changes = Changeset::new(&live_world.world, (server.clock)());
    let mut count = 0;
    for (table, id) in records {
        if changes.get(*table, *id).is_some() {
            count += 1;
            if for_good && table.has_trash() {
                changes.remove(*table, *id);
            } else {
                trash::delete(&mut changes, (*table, *id));
            }
        }
    }
    let change = changes.into_commit();
    apply(server, live_world, change, json!({"deleted": count}))
}

fn apply(server: &Server, live_world: &mut LiveWorld, change: Commit, shown: Value) -> ApiResponse {
    if let Some(folder) = &mut live_world.folder
        && let Err(error) = folder.append(&change)
    {
        return ApiResponse::json(500, &json!({"error": format!("the world cannot be written: {error}")}));
    }
    server.apply(live_world, change);
    ApiResponse::json(200, &shown)
}
