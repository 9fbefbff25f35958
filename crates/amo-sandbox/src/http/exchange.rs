//! A request from its arrival to what is sent back: pace, fault, the deed, what the connection sees of it. All effects
//! on world, counters and connection are here; waiting is `handle`.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use crate::endpoints::reply::{Reply, reason};
use crate::endpoints::routes::{self, Found, TOKEN};
use crate::endpoints::{Call, Route};
use crate::faults::{Ask, Done, Fault, Oddity, RETRY_AFTER_S, Refusal, Shown, roll, spoil};
use crate::http::log::Entry;
use crate::http::rate::Gate;
use crate::http::{Asked, Core, Late, Server, control, millis, socket};
use crate::read::query::Query;
use crate::robots;
use crate::switches::{RateKey, Switches, Throttling};
use crate::world::Shelf;
use crate::world::auth::Bearer;
use amo_model::{API_PREFIX, TOKEN_PATH};

/// What goes back, and when.
pub struct Turn {
    pub reply: Reply,
    pub wait_ms: u64,
    /// The reply never goes out.
    pub silent: bool,
    /// The route of the commit that this answer tells.
    pub tells: Option<String>,
}

/// What was decided when the request came in.
pub struct Admitted {
    now_ms: u64,
    switches: Arc<Switches>,
    gate: Gate,
    fault: Option<Fault>,
    latency_ms: u64,
    refusals: Vec<Refusal>,
}

impl Asked {
    fn ask(&self) -> Ask<'_> {
        Ask { method: &self.method, path: self.short_path(), in_api: self.path.starts_with(API_PREFIX) }
    }
}

/// Counts the request and draws its fault. At the door, when only its head has come, only those are let in (`Some`)
/// that will never be heard.
pub fn admit(server: &Server, plug: &socket::Plug, asked: &Asked, at_the_door: bool) -> Option<Admitted> {
    let ask = asked.ask();
    let desk = &mut *server.desk();
    let is_dead = ask.in_api && desk.dead_tokens.contains_key(&asked.token);
    if at_the_door && (is_dead || !desk.faults.slams_the_door(ask)) {
        return None;
    }
    let switches = desk.switches.clone();
    let key = match switches.rate_key {
        RateKey::Token if asked.bearer == Bearer::Stranger => String::new(),
        RateKey::Token => asked.token.clone(),
        RateKey::Address => plug.peer.ip().to_string(),
    };
    // Read while the desk is held, so that instants come in their order.
    let now_ms = server.elapsed_ms();
    let gate = desk.rate.arrive(&key, now_ms, &switches);
    desk.rolled += 1;
    let dice = roll(server.seed, desk.rolled);
    let mut admitted = Admitted { now_ms, switches, gate, fault: None, latency_ms: 0, refusals: Vec::new() };
    match gate {
        Gate::Pass if is_dead => admitted.fault = desk.mourn(&asked.token),
        Gate::Pass => {
            (admitted.fault, admitted.latency_ms) = desk.faults.next(ask, dice);
            if desk.faults.latency_item_ms.is_some() {
                let grows = desk.faults.latency_of(brought(&asked.body));
                admitted.latency_ms = admitted.latency_ms.saturating_add(grows);
            }
            admitted.refusals = desk.faults.refuse.clone();
        }
        Gate::Throttled | Gate::Blocked => {}
    }
    Some(admitted)
}

pub fn answer(server: &Arc<Server>, plug: &socket::Plug, asked: &Asked, admitted: Admitted) -> Turn {
    let Admitted { now_ms, switches, gate, fault, mut latency_ms, refusals } = admitted;
    let found = route(asked);
    let name = route_name(asked, &found);
    let order = Order { asked, switches: &switches, found: &found, refusals: &refusals, body: None };
    let (reply, tells) = match (gate, &fault) {
        (Gate::Pass, None) => carry_out(server, &order, true),
        (Gate::Pass, Some(fault)) => go_wrong(server, plug, order, fault),
        (Gate::Throttled, _) => (throttled(switches.throttling, RETRY_AFTER_S), false),
        (Gate::Blocked, _) => (Reply::html(403), false), // [client]
    };
    let (done, shown) = fault.as_ref().map_or((Done::All, Shown::Truth), |f| (f.done, f.shown));
    let unanswered = matches!(shown, Shown::Reset | Shown::ResetBefore | Shown::Silence);
    if unanswered && done == Done::Nothing {
        latency_ms = 0;
    }
    server.desk().log.add(
        &name,
        Entry {
            n: 0,
            at_ms: server.started_ms + now_ms,
            method: asked.noted(&asked.method),
            path: asked.noted(&asked.path),
            query: asked.noted(&asked.query),
            status: if unanswered { 0 } else { reply.status },
            items: items(asked, &reply),
            latency: latency_ms,
            fault: fault.map(|f| f.word),
        },
    );
    Turn { reply, wait_ms: latency_ms, silent: shown == Shown::Silence, tells: tells.then_some(name) }
}

/// The answer to somebody who has no token of this world: nothing is done, and the request is noted.
pub fn refuse_stranger(server: &Server, asked: &Asked) -> Reply {
    let reply = unauthorized();
    let entry = Entry {
        n: 0,
        at_ms: server.started_ms + server.elapsed_ms(),
        method: asked.noted(&asked.method),
        path: asked.noted(&asked.path),
        query: asked.noted(&asked.query),
        status: reply.status,
        items: 0,
        latency: 0,
        fault: None,
    };
    server.desk().log.add(&route_name(asked, &route(asked)), entry);
    reply
}

/// A request to be carried out.
struct Order<'a> {
    asked: &'a Asked,
    switches: &'a Arc<Switches>,
    found: &'a Found,
    refusals: &'a [Refusal],
    /// What is carried out in place of the body that came, provided that that one is good.
    body: Option<Vec<u8>>,
}

/// The deed, then the show; the bool is true where the answer tells of a change.
fn go_wrong(server: &Arc<Server>, plug: &socket::Plug, order: Order, fault: &Fault) -> (Reply, bool) {
    let (asked, switches) = (order.asked, order.switches);
    let bent;
    let mut order = order;
    if let Shown::Odd(oddity) = fault.shown {
        bent = Arc::new(oddity.bend(switches));
        order.switches = &bent;
    }
    let commit = match fault.done {
        Done::All => true,
        Done::Nothing => false,
        Done::Half => {
            order.body = Some(spoil::half(&asked.body));
            true
        }
        Done::Less => {
            order.body = Some(spoil::less(&asked.body, fault.dice));
            true
        }
        Done::Later => {
            carry_out_later(server, &order, fault.late_ms);
            false
        }
    };
    let needs_answer = fault.shown.is_true() || fault.shown == Shown::Cut;
    let before = server.desk().answers.get(&route_name(asked, order.found)).cloned();
    let (mut reply, changed) =
        if commit || needs_answer { carry_out(server, &order, commit) } else { (Reply::nothing(), false) };
    if let (Shown::Foreign, Some(before)) = (fault.shown, before.filter(|_| changed)) {
        reply.body = before;
    }
    (show(server, plug, asked, switches, fault, reply), changed && fault.shown.is_true())
}

fn show(
    server: &Server,
    plug: &socket::Plug,
    asked: &Asked,
    switches: &Switches,
    fault: &Fault,
    mut reply: Reply,
) -> Reply {
    match fault.shown {
        Shown::Truth | Shown::LateTruth => reply,
        Shown::Odd(Oddity::OddKey) => {
            reply.body = spoil::odd_key(&reply.body);
            reply
        }
        Shown::Odd(Oddity::NextMissing) => {
            reply.body = spoil::no_next(&reply.body);
            reply
        }
        Shown::Odd(Oddity::Shift) => {
            if let Some((shelf, id)) = first_record(&reply.body) {
                // A world that cannot be written stays as it is; the answer is true all the same.
                let _ = control::throw_away(server, &[(shelf, id)], false);
            }
            reply
        }
        // These were bent when the answer was made.
        Shown::Odd(Oddity::RequestIdsMissing | Oddity::RequestIdsInt | Oddity::Shuffled | Oddity::Nameless) => reply,
        // It has taken the place of the true one already.
        Shown::Foreign => reply,
        Shown::Cut if reply.body.is_empty() => {
            plug.reset();
            reply
        }
        Shown::Cut => {
            plug.cut_after(reply.body.len() / 2);
            reply
        }
        Shown::Reset | Shown::ResetBefore => {
            plug.reset();
            Reply::nothing()
        }
        Shown::Silence => Reply::nothing(),
        Shown::Empty => Reply { body: Default::default(), status: 200, ..reply },
        Shown::Page(200) => Reply::login_page(),
        Shown::Page(status) => Reply::html(status),
        Shown::Unnamed400 => Reply::problem(400, "Request validation failed"),
        Shown::Throttled(form) => throttled(form.unwrap_or(switches.throttling), fault.retry_after),
        Shown::Expired => {
            if asked.bearer != Bearer::Stranger {
                server.desk().kill(&asked.token, fault.times);
            }
            unauthorized()
        }
        Shown::Status(401) => unauthorized(),
        Shown::Status(status @ (403 | 500..)) => Reply::html(status), // [client]
        Shown::Status(status) => Reply::problem(status, reason(status)),
    }
}

/// The first of the list that an answer holds.
fn first_record(body: &str) -> Option<(Shelf, u64)> {
    let answer: Value = serde_json::from_str(body).ok()?;
    let embedded = answer.get("_embedded")?;
    Shelf::ALL.into_iter().find_map(|shelf| {
        let rows = embedded.get(shelf.path())?;
        Some((shelf, rows.get(0)?.get("id")?.as_u64()?))
    })
}

/// Whoever asked may be gone by then.
fn carry_out_later(server: &Arc<Server>, order: &Order, late_ms: u64) {
    let Order { asked, switches, refusals, .. } = *order;
    let late = Late { asked: asked.clone(), switches: switches.clone(), refusals: refusals.to_vec() };
    let id = server.desk().put_off(late);
    let server = server.clone();
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(late_ms)).await;
        carry_out_late(&server, id);
    });
}

/// Nothing, where a reset of the world has cancelled it.
pub fn carry_out_late(server: &Server, id: u64) {
    // The world is held while the late one is taken from the desk: who sees it gone from there will find it done.
    let core = &mut *server.core();
    let Some(Late { asked, switches, refusals }) = server.desk().late.remove(&id) else { return };
    let found = route(&asked);
    let order = Order { asked: &asked, switches: &switches, found: &found, refusals: &refusals, body: None };
    let (_, changed) = carry_out_on(server, core, &order, true);
    server.desk().log.committed(&route_name(&asked, &found), changed);
}

/// The true answer, and whether the world has changed.
fn carry_out(server: &Server, order: &Order, commit: bool) -> (Reply, bool) {
    let (reply, changed) = carry_out_on(server, &mut server.core(), order, commit);
    if changed.is_some() {
        let (name, desk) = (route_name(order.asked, order.found), &mut *server.desk());
        desk.log.committed(&name, changed);
        desk.answers.insert(name, reply.body.clone());
    }
    (reply, changed.is_some())
}

/// The true answer, and the number of records changed where anything was.
fn carry_out_on(server: &Server, core: &mut Core, order: &Order, commit: bool) -> (Reply, Option<usize>) {
    let now_ms = i64::try_from(millis(&server.clock)).unwrap_or(i64::MAX);
    let mut reply = decide(server, core, order, &order.asked.body, now_ms);
    if let Some(body) = order.body.as_ref().filter(|_| reply.status < 400) {
        reply = decide(server, core, order, body, now_ms);
    }
    let mut change = std::mem::take(&mut reply.commit);
    change.ms = now_ms % 1000;
    if !commit || change.is_empty() {
        return (reply, None);
    }
    if let Some(folder) = &mut core.folder
        && folder.append(&change).is_err()
    {
        // A change that cannot be kept is not made.
        return (Reply::html(500), None);
    }
    // What is no record, a part of the account or a link, is counted by the items that spoke of it.
    let records = change.put.len() + change.gone.len();
    let records = if change.account.is_some() || records == 0 { reply.items } else { records };
    let elapsed_ms = server.elapsed_ms();
    let errands = robots::errands(&core.robots, &core.world, &change, elapsed_ms);
    core.errands.extend(errands);
    server.apply(core, change);
    core.run_errands(elapsed_ms, now_ms / 1000);
    (reply, Some(records))
}

fn decide(server: &Server, core: &Core, order: &Order, body: &[u8], now_ms: i64) -> Reply {
    let now = now_ms / 1000;
    let Order { asked, switches, found, refusals, .. } = *order;
    let authorized = core.world.auth.accepts(&asked.token, now);
    let (route, ids) = match found {
        Found::Route(route, ids) => (*route, ids),
        _ if asked.path.starts_with(API_PREFIX) && !authorized => return unauthorized(),
        Found::OtherMethod => return Reply::problem(405, "Method Not Allowed"), // [client live]
        Found::Nothing => {
            let url = format!("Cannot {} {}{}", asked.method, server.base, asked.path); // [doc Kommo]
            return Reply::problem(404, &url);
        }
    };
    if !authorized && !std::ptr::eq(route, &TOKEN) {
        return unauthorized();
    }
    let query = Query::parse(&asked.query);
    let call =
        Call { world: &core.world, switches, refusals, now, now_ms, base: &server.base, query: &query, ids, body };
    (route.run)(&call)
}

fn route(asked: &Asked) -> Found {
    if asked.path == TOKEN_PATH {
        let is_post = asked.method == TOKEN.method;
        return if is_post { Found::Route(&TOKEN, Vec::new()) } else { Found::OtherMethod };
    }
    match asked.path.strip_prefix(API_PREFIX) {
        Some(path) => routes::find(&asked.method, path),
        None => Found::Nothing,
    }
}

fn route_name(asked: &Asked, found: &Found) -> String {
    match found {
        Found::Route(Route { method, pattern, .. }, _) => format!("{method} {pattern}"),
        Found::OtherMethod | Found::Nothing => format!("{:.20} (unknown)", asked.method),
    }
}

/// What the request sent, or what the answer shows.
fn items(asked: &Asked, reply: &Reply) -> usize {
    if reply.items > 0 || asked.body.is_empty() {
        return reply.items;
    }
    brought(&asked.body)
}

/// Records in a request.
fn brought(body: &[u8]) -> usize {
    match serde_json::from_slice::<Vec<&serde_json::value::RawValue>>(body) {
        Ok(items) => items.len(),
        Err(_) => usize::from(serde_json::from_slice::<Value>(body).is_ok()),
    }
}

fn unauthorized() -> Reply {
    Reply::problem(401, "Unauthorized") // [doc]
}

fn throttled(form: Throttling, retry_after: u64) -> Reply {
    let mut reply = match form {
        Throttling::Html | Throttling::Header => Reply::html(429),
        Throttling::Json => {
            let mut reply = Reply::problem(429, "Too Many Requests");
            // The body is ours and is an object: it ends in a brace.
            reply.body.pop();
            reply.body.push_str(&format!(",\"retry_after\":{retry_after}}}"));
            reply
        }
    };
    reply.retry_after = (form == Throttling::Header).then_some(retry_after);
    reply
}
