//! The control corner, `/_sandbox/…`: for tests and for people who watch. Never limited, needs no token, is not in the
//! log.

use serde_json::{Map, Value, json};

use super::{Asked, Core, Server};
use crate::sandbox::answers::Reply;
use crate::sandbox::auth::Auth;
use crate::sandbox::faults::Faults;
use crate::sandbox::log::Log;
use crate::sandbox::query::Query;
use crate::sandbox::rate::Rate;
use crate::sandbox::switches::Switches;
use crate::sandbox::world::{Commit, Shelf, World};

pub fn answer(server: &Server, asked: &Asked, corner: &str) -> Reply {
    match (asked.method.as_str(), corner.trim_end_matches('/')) {
        ("GET", "stats") => Reply::json(200, &stats(server)),
        ("GET", "requests") => Reply::json(200, &requests(server)),
        ("POST", "reset") => reset(server, Query::parse(&asked.query).get("keep") == Some("world")),
        ("GET", "faults") => Reply::json(200, &json!(server.desk().faults)),
        ("POST", "faults") => set_faults(server, &asked.body),
        ("GET", "switches") => Reply::json(200, &json!(server.core().switches)),
        ("POST", "switches") => set_switches(server, &asked.body),
        ("GET" | "POST", "oauth") => oauth(server),
        ("POST", "expire") => expire(server),
        _ => Reply::json(
            404,
            &json!({"error": "the corner has stats, requests, reset, faults, switches, oauth, expire"}),
        ),
    }
}

fn stats(server: &Server) -> Value {
    let entities: Map<String, Value> = {
        let core = server.core();
        Shelf::ALL.iter().map(|s| (s.path().to_owned(), json!(core.world.records(*s).count()))).collect()
    };
    let desk = server.desk();
    json!({
        "requests": desk.log.requests, "worst_sliding_second": desk.rate.worst_second,
        "throttled": desk.rate.throttled, "blocked": desk.rate.blocked, "by_route": desk.log.by_route,
        "entities": entities
    })
}

fn requests(server: &Server) -> Value {
    server.desk().log.entries().map(|entry| json!(entry)).collect()
}

/// Counters, log and limits always; world, faults and switches unless the world is to be kept.
fn reset(server: &Server, keep_world: bool) -> Reply {
    if !keep_world {
        let core = &mut *server.core();
        let world = World::new(core.world.account.clone(), core.world.seed);
        if let Some(folder) = &mut core.folder
            && let Err(error) = folder.replace(&world)
        {
            return Reply::json(500, &json!({"error": format!("the world cannot be written: {error}")}));
        }
        core.world = world;
        core.switches = server.first_switches.clone();
    }
    let desk = &mut *server.desk();
    desk.rate = Rate::default();
    desk.log = Log::default();
    if !keep_world {
        desk.faults = Faults::default();
    }
    Reply::json(200, &json!({"ok": true}))
}

fn set_faults(server: &Server, body: &[u8]) -> Reply {
    match serde_json::from_slice::<Faults>(body) {
        Ok(faults) => {
            let shown = json!(faults);
            server.desk().faults = faults;
            Reply::json(200, &shown)
        }
        Err(error) => Reply::json(400, &json!({"error": error.to_string()})),
    }
}

/// Changes the switches that are named, leaves the others.
fn set_switches(server: &Server, body: &[u8]) -> Reply {
    let core = &mut *server.core();
    let changed = serde_json::from_slice::<Map<String, Value>>(body).and_then(|changes| {
        let mut all = serde_json::to_value(&core.switches)?;
        for (key, value) in changes {
            all[key] = value;
        }
        serde_json::from_value::<Switches>(all)
    });
    match changed {
        Ok(switches) => {
            let shown = json!(switches);
            core.switches = switches;
            Reply::json(200, &shown)
        }
        Err(error) => Reply::json(400, &json!({"error": error.to_string()})),
    }
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
    keep(core, auth, now, shown)
}

/// Ends the access token at once, as if its day were over.
fn expire(server: &Server) -> Reply {
    let core = &mut *server.core();
    let mut auth = core.world.auth.clone();
    auth.expire();
    keep(core, auth, (server.clock)(), json!({"ok": true}))
}

fn keep(core: &mut Core, auth: Auth, at: i64, shown: Value) -> Reply {
    let change = Commit { at, auth: Some(auth), ..Commit::default() };
    if let Some(folder) = &mut core.folder
        && let Err(error) = folder.append(&change)
    {
        return Reply::json(500, &json!({"error": format!("the world cannot be written: {error}")}));
    }
    core.world.apply(change);
    Reply::json(200, &shown)
}
