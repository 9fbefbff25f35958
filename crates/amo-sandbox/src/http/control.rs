//! The control corner, `/_sandbox/…`: for tests and for people who watch. Needs the world's own token, which the OAuth
//! tokens of an integration are not; never limited, is not in the log.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use crate::account::template::Beginning;
use crate::changes::changeset::Plan;
use crate::changes::trash;
use crate::endpoints;
use crate::endpoints::account::catalogs;
use crate::endpoints::customers::{segments, statuses};
use crate::endpoints::reply::Reply;
use crate::faults::Faults;
use crate::http::log::Log;
use crate::http::rate::Rate;
use crate::http::{Asked, Core, Server};
use crate::read::query::Query;
use crate::read::{self, View};
use crate::robots::Robot;
use crate::switches::Switches;
use crate::world::auth::Auth;
use crate::world::{Commit, SENT_AS, Shelf, World};

pub fn answer(server: &Server, asked: &Asked, corner: &str) -> Reply {
    match (asked.method.as_str(), corner.trim_end_matches('/')) {
        ("GET", "stats") => Reply::json(200, &stats(server)),
        ("GET", "routes") => Reply::json(200, &routes()),
        ("GET", "requests") => Reply::json(200, &requests(server)),
        ("POST", "reset") => reset(server, Query::parse(&asked.query).get("keep") == Some("world")),
        ("GET", "faults") => Reply::json(200, &json!(server.desk().faults)),
        ("POST", "faults") => set_faults(server, &asked.body),
        ("GET", "switches") => Reply::json(200, &json!(*server.desk().switches)),
        ("POST", "switches") => set_switches(server, &asked.body),
        ("POST", "late") => Reply::json(200, &json!({"done": server.carry_out_late()})),
        ("GET", "robots") => Reply::json(200, &robots(&server.core().robots)),
        ("POST", "robots") => set_robots(server, &asked.body),
        ("GET" | "POST", "oauth") => oauth(server),
        ("POST", "expire") => expire(server),
        ("POST", "delete") => delete(server, asked),
        ("GET", corner) if corner.starts_with("entities/") => entities(server, asked, &corner["entities/".len()..]),
        _ => {
            let corners = "stats, requests, routes, reset, faults, switches, robots, late, oauth, expire, delete, entities/leads and other entities";
            Reply::json(404, &json!({"error": format!("the corner has {corners}")}))
        }
    }
}

/// The answer to whoever has not the token.
pub fn locked() -> Reply {
    let error = "the corner needs the world's token, as `amoport sandbox` prints it: Authorization: Bearer TOKEN";
    Reply::json(401, &json!({"error": error}))
}

fn stats(server: &Server) -> Value {
    // The desk first: a late commit that is gone from it will be found in the world.
    let mut stats = {
        let desk = server.desk();
        json!({
            "requests": desk.log.requests, "worst_sliding_second": desk.rate.worst_second,
            "throttled": desk.rate.throttled, "blocked": desk.rate.blocked, "by_route": desk.log.by_route,
            "commits": desk.log.tallies, "faults": desk.log.faults, "late": desk.late.len()
        })
    };
    let core = server.core();
    let account = &core.world.account;
    let parts = [
        ("catalogs", account.catalogs.len()),
        ("segments", account.segments.len()),
        ("statuses", account.customer_statuses.len()),
    ];
    let shelves = Shelf::ALL.iter().map(|s| (s.path(), core.world.records(*s).count()));
    stats["errands"] = json!(core.errands.len());
    stats["entities"] = shelves.chain(parts).map(|(name, count)| (name.to_owned(), json!(count))).collect();
    stats
}

/// Rows of one answer where none are asked for, and at most: the world stands still meanwhile.
const ROWS_MAX: usize = 10_000;

/// `entities/leads?fields=id,name&after=ID&limit=N`: what the world holds, as it is, in the order of ids.
fn entities(server: &Server, asked: &Asked, name: &str) -> Reply {
    let query = Query::parse(&asked.query);
    let number = |key: &str| query.get(key).and_then(|n| n.parse::<u64>().ok());
    let limit = number("limit").map_or(ROWS_MAX, |n| usize::try_from(n).unwrap_or(ROWS_MAX).clamp(1, ROWS_MAX));
    let after = number("after").unwrap_or(0);
    let fields: Option<Vec<&str>> = query.get("fields").map(|fields| fields.split(',').map(str::trim).collect());
    let core = server.core();
    // As it is, whatever reads are made to say.
    let (with, switches) = (Query::parse("with=source_id,invoice_link,is_pinned"), Switches::default());
    let view = View { world: &core.world, base: &server.base, query: &with, switches: &switches };
    let rows: Box<dyn Iterator<Item = Value>> = match Shelf::ALL.into_iter().find(|s| s.path() == name) {
        Some(shelf) => Box::new(core.world.records(shelf).after(after).filter_map(move |id| view.whole(shelf, id))),
        None => match parts(&view, name) {
            Some(parts) => Box::new(parts.into_iter().filter(|row| row["id"].as_u64() > Some(after))),
            None => return Reply::json(404, &json!({"error": format!("\"{name}\" is no entity of this world")})),
        },
    };
    let mut rows = rows.peekable();
    let shown: Vec<Value> = rows.by_ref().take(limit).map(|row| only(row, fields.as_deref())).collect();
    let last = shown.last().map(|row| row["id"].clone());
    let next = if rows.peek().is_some() { last } else { None };
    Reply::json(200, &json!({"rows": shown, "next": next}))
}

/// Of a row, the id and the fields that are named; where none are, all that the API tells.
fn only(mut row: Value, fields: Option<&[&str]>) -> Value {
    if let Some(row) = row.as_object_mut() {
        row.retain(|key, _| match fields {
            Some(fields) => key == "id" || fields.contains(&key.as_str()),
            None => key != SENT_AS,
        });
    }
    row
}

/// What is no record but a part of the account.
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
    Some(models.into_iter().map(read::flat).collect())
}

/// What the API has, `{method, path}` each.
fn routes() -> Value {
    endpoints::routes::all().map(|route| json!({"method": route.method, "path": route.pattern})).collect()
}

fn requests(server: &Server) -> Value {
    server.desk().log.entries().map(|entry| json!(entry)).collect()
}

/// Counters, log and limits always; world, faults and switches unless the world is to be kept. What was put off for
/// the old world does not come into the new one, which is another account: its records get the same ids again.
fn reset(server: &Server, keep_world: bool) -> Reply {
    if !keep_world {
        server.desk().late.clear();
        let core = &mut *server.core();
        let beginning = Beginning::clone(&core.world.beginning);
        let id = beginning.account.id_after();
        let auth = core.world.auth.anew();
        let world = World::new(Arc::new(beginning.under(id)), core.world.seed, auth);
        if let Some(folder) = &mut core.folder
            && let Err(error) = folder.replace(&world)
        {
            return Reply::json(500, &json!({"error": format!("the world cannot be written: {error}")}));
        }
        server.know(&world.auth);
        core.world = world;
        core.robots.clear();
        core.errands.clear();
    }
    let desk = &mut *server.desk();
    desk.rate = Rate::default();
    desk.log = Log::default();
    desk.rolled = 0;
    if !keep_world {
        desk.switches = server.first_switches.clone();
        desk.faults = server.first_faults.clone();
        desk.dead_tokens.clear();
        desk.answers.clear();
    }
    Reply::json(200, &json!({"ok": true}))
}

fn set_faults(server: &Server, body: &[u8]) -> Reply {
    match serde_json::from_slice::<Faults>(body) {
        Ok(faults) => {
            let shown = json!(faults);
            let desk = &mut *server.desk();
            desk.faults = faults;
            desk.dead_tokens.clear();
            Reply::json(200, &shown)
        }
        Err(error) => Reply::json(400, &json!({"error": error.to_string()})),
    }
}

/// Changes the switches that are named, leaves the others.
fn set_switches(server: &Server, body: &[u8]) -> Reply {
    let desk = &mut *server.desk();
    let changed = serde_json::from_slice::<Map<String, Value>>(body).and_then(|changes| {
        let mut all = serde_json::to_value(&*desk.switches)?;
        for (key, value) in changes {
            all[key] = value;
        }
        serde_json::from_value::<Switches>(all)
    });
    match changed {
        Ok(switches) if switches.flaw().is_some() => Reply::json(400, &json!({"error": switches.flaw()})),
        Ok(switches) => {
            let shown = json!(switches);
            desk.switches = Arc::new(switches);
            Reply::json(200, &shown)
        }
        Err(error) => Reply::json(400, &json!({"error": error.to_string()})),
    }
}

/// Takes the place of all robots there were; what they are about to do they still do.
fn set_robots(server: &Server, body: &[u8]) -> Reply {
    let wrong = |error: String| Reply::json(400, &json!({"error": error}));
    let new = match serde_json::from_slice::<Vec<Robot>>(body) {
        Ok(new) => new,
        Err(error) => return wrong(error.to_string()),
    };
    let core = &mut *server.core();
    for (i, robot) in new.iter().enumerate() {
        if let Some(flaw) = robot.flaw(&core.world.account) {
            return wrong(format!("robot {}: {flaw}", i + 1));
        }
    }
    core.robots = new.into_iter().map(Arc::new).collect();
    Reply::json(200, &robots(&core.robots))
}

fn robots(robots: &[Arc<Robot>]) -> Value {
    robots.iter().map(|robot| json!(**robot)).collect()
}

/// What an integration would know, and a fresh code, as if a person had just agreed.
fn oauth(server: &Server) -> Reply {
    let now = (server.clock)();
    let core = &mut *server.core();
    let mut auth = core.world.auth.clone();
    let shown = json!({
        "client_id": auth.client_id, "client_secret": auth.client_secret, "redirect_uri": "https://example.com/",
        "code": auth.new_code(now)
    });
    keep(server, core, auth, now, shown)
}

/// Ends the access token at once, as if its day were over.
fn expire(server: &Server) -> Reply {
    let core = &mut *server.core();
    let mut auth = core.world.auth.clone();
    auth.expire();
    keep(server, core, auth, (server.clock)(), json!({"ok": true}))
}

/// What a person does in the CRM, and the API cannot: `{"leads":[1,2]}`. Links to them go with them. With `for_good=1` the
/// trash is emptied of them as well.
fn delete(server: &Server, asked: &Asked) -> Reply {
    let for_good = Query::parse(&asked.query).get("for_good") == Some("1");
    let named: Map<String, Value> = match serde_json::from_slice(&asked.body) {
        Ok(named) => named,
        Err(error) => return Reply::json(400, &json!({"error": format!("no lists of ids: {error}")})),
    };
    let mut records = Vec::new();
    for (name, ids) in &named {
        let Some(shelf) = Shelf::ALL.into_iter().find(|shelf| shelf.path() == name) else {
            return Reply::json(400, &json!({"error": format!("\"{name}\" is no entity with records")}));
        };
        records.extend(ids.as_array().into_iter().flatten().filter_map(Value::as_u64).map(|id| (shelf, id)));
    }
    throw_away(server, &records, for_good)
}

/// Whatever their kind; those that are not there are not counted.
pub fn throw_away(server: &Server, records: &[(Shelf, u64)], for_good: bool) -> Reply {
    let core = &mut *server.core();
    let mut plan = Plan::new(&core.world, (server.clock)());
    let mut count = 0;
    for (shelf, id) in records {
        if plan.get(*shelf, *id).is_some() {
            count += 1;
            if for_good && shelf.has_trash() {
                plan.remove(*shelf, *id);
            } else {
                trash::throw_away(&mut plan, *shelf, *id);
            }
        }
    }
    let change = plan.into_commit();
    apply(server, core, change, json!({"deleted": count}))
}

fn keep(server: &Server, core: &mut Core, auth: Auth, at: i64, shown: Value) -> Reply {
    apply(server, core, Commit { at, auth: Some(auth), ..Commit::default() }, shown)
}

fn apply(server: &Server, core: &mut Core, change: Commit, shown: Value) -> Reply {
    if let Some(folder) = &mut core.folder
        && let Err(error) = folder.append(&change)
    {
        return Reply::json(500, &json!({"error": format!("the world cannot be written: {error}")}));
    }
    server.apply(core, change);
    Reply::json(200, &shown)
}
