//! A request from its arrival to what is sent back: pace, fault, the deed, what the connection sees of it. All effects
//! on world, counters and connection are here; waiting is `handle`.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use crate::endpoints::reply::{ApiResponse, reason};
use crate::endpoints::routes::{self, RouteMatch, TOKEN};
use crate::endpoints::{Call, Route};
use crate::faults::{
    FaultEffect, FaultResponse, ForcedRefusal, Oddity, RETRY_AFTER_S, RequestFault, RequestLine, roll, spoil,
};
use crate::http::log::LogEntry;
use crate::http::rate::RateDecision;
use crate::http::{DelayedRequest, IncomingRequest, LiveWorld, Server, control, millis, socket};
use crate::read::query::Query;
use crate::robots;
use crate::switches::{RateKey, Switches, Throttling};
use crate::world::RecordTable;
use crate::world::auth::Bearer;
use amo_model::{API_PREFIX, TOKEN_PATH};

/// What goes back, and when.
pub struct TimedResponse {
    pub reply: ApiResponse,
    pub wait_ms: u64,
    /// The reply never goes out.
    pub silent: bool,
    /// The route of the commit that this answer tells.
    pub tells: Option<String>,
}

/// What was decided when the request came in.
pub struct AdmittedRequest {
    now_ms: u64,
    switches: Arc<Switches>,
    gate: RateDecision,
    fault: Option<RequestFault>,
    latency_ms: u64,
    refusals: Vec<ForcedRefusal>,
}

impl IncomingRequest {
    fn ask(&self) -> RequestLine<'_> {
        RequestLine { method: &self.method, path: self.short_path(), in_api: self.path.starts_with(API_PREFIX) }
    }
}

/// Counts the request and draws its fault. At the door, when only its head has come, only those are let in (`Some`)
/// that will never be heard.
pub fn admit(
    server: &Server,
    connection: &socket::ConnectionHandle,
    incoming: &IncomingRequest,
    at_the_door: bool,
) -> Option<AdmittedRequest> {
    let ask = incoming.ask();
    let traffic = &mut *server.traffic();
    let is_dead = ask.in_api && traffic.dead_tokens.contains_key(&incoming.token);
    if at_the_door && (is_dead || !traffic.faults.slams_the_door(ask)) {
        return None;
    }
    let switches = traffic.switches.clone();
    let key = match switches.rate_key {
        RateKey::Token if incoming.bearer == Bearer::Stranger => String::new(),
        RateKey::Token => incoming.token.clone(),
        RateKey::Address => connection.peer.ip().to_string(),
    };
    // Read while the desk is held, so that instants come in their order.
    let now_ms = server.elapsed_ms();
    let gate = traffic.rate.arrive(&key, now_ms, &switches);
    traffic.rolled += 1;
    let dice = roll(server.seed, traffic.rolled);
    let mut admitted = AdmittedRequest { now_ms, switches, gate, fault: None, latency_ms: 0, refusals: Vec::new() };
    match gate {
        RateDecision::Pass if is_dead => admitted.fault = traffic.mourn(&incoming.token),
        RateDecision::Pass => {
            (admitted.fault, admitted.latency_ms) = traffic.faults.next(ask, dice);
            if traffic.faults.latency_item_ms.is_some() {
                let grows = traffic.faults.latency_of(brought(&incoming.body));
                admitted.latency_ms = admitted.latency_ms.saturating_add(grows);
            }
            admitted.refusals = traffic.faults.refuse.clone();
        }
        RateDecision::Throttled | RateDecision::Blocked => {}
    }
    Some(admitted)
}

pub fn answer(
    server: &Arc<Server>,
    connection: &socket::ConnectionHandle,
    incoming: &IncomingRequest,
    admitted: AdmittedRequest,
) -> TimedResponse {
    let AdmittedRequest { now_ms, switches, gate, fault, mut latency_ms, refusals } = admitted;
    let found = route(incoming);
    let name = route_name(incoming, &found);
    let order = RouteRequest { incoming, switches: &switches, found: &found, refusals: &refusals, body: None };
    let (reply, tells) = match (gate, &fault) {
        (RateDecision::Pass, None) => carry_out(server, &order, true),
        (RateDecision::Pass, Some(fault)) => go_wrong(server, connection, order, fault),
        (RateDecision::Throttled, _) => (throttled(switches.throttling, RETRY_AFTER_S), false),
        (RateDecision::Blocked, _) => (ApiResponse::html(403), false), // [client]
    };
    let (done, shown) = fault.as_ref().map_or((FaultEffect::All, FaultResponse::Truth), |f| (f.done, f.shown));
    let unanswered = matches!(shown, FaultResponse::Reset | FaultResponse::ResetBefore | FaultResponse::Silence);
    if unanswered && done == FaultEffect::Nothing {
        latency_ms = 0;
    }
    server.traffic().log.add(
        &name,
        LogEntry {
            n: 0,
            at_ms: server.started_ms + now_ms,
            method: incoming.noted(&incoming.method),
            path: incoming.noted(&incoming.path),
            query: incoming.noted(&incoming.query),
            status: if unanswered { 0 } else { reply.status },
            items: items(incoming, &reply),
            latency: latency_ms,
            fault: fault.map(|f| f.word),
        },
    );
    TimedResponse { reply, wait_ms: latency_ms, silent: shown == FaultResponse::Silence, tells: tells.then_some(name) }
}

/// The answer to somebody who has no token of this world: nothing is done, and the request is noted.
pub fn refuse_stranger(server: &Server, incoming: &IncomingRequest) -> ApiResponse {
    let reply = unauthorized();
    let entry = LogEntry {
        n: 0,
        at_ms: server.started_ms + server.elapsed_ms(),
        method: incoming.noted(&incoming.method),
        path: incoming.noted(&incoming.path),
        query: incoming.noted(&incoming.query),
        status: reply.status,
        items: 0,
        latency: 0,
        fault: None,
    };
    server.traffic().log.add(&route_name(incoming, &route(incoming)), entry);
    reply
}

/// A request to be carried out.
struct RouteRequest<'a> {
    incoming: &'a IncomingRequest,
    switches: &'a Arc<Switches>,
    found: &'a RouteMatch,
    refusals: &'a [ForcedRefusal],
    /// What is carried out in place of the body that came, provided that that one is good.
    body: Option<Vec<u8>>,
}

/// The deed, then the show; the bool is true where the answer tells of a change.
fn go_wrong(
    server: &Arc<Server>,
    connection: &socket::ConnectionHandle,
    order: RouteRequest,
    fault: &RequestFault,
) -> (ApiResponse, bool) {
    let (incoming, switches) = (order.incoming, order.switches);
    let bent;
    let mut order = order;
    if let FaultResponse::Odd(oddity) = fault.shown {
        bent = Arc::new(oddity.bend(switches));
        order.switches = &bent;
    }
    let commit = match fault.done {
        FaultEffect::All => true,
        FaultEffect::Nothing => false,
        FaultEffect::Half => {
            order.body = Some(spoil::half(&incoming.body));
            true
        }
        FaultEffect::Less => {
            order.body = Some(spoil::less(&incoming.body, fault.dice));
            true
        }
        FaultEffect::Later => {
            carry_out_later(server, &order, fault.late_ms);
            false
        }
    };
    let needs_answer = fault.shown.is_true() || fault.shown == FaultResponse::Cut;
    let before = server.traffic().answers.get(&route_name(incoming, order.found)).cloned();
    let (mut reply, changed) =
        if commit || needs_answer { carry_out(server, &order, commit) } else { (ApiResponse::nothing(), false) };
    if let (FaultResponse::Foreign, Some(before)) = (fault.shown, before.filter(|_| changed)) {
        reply.body = before;
    }
    (show(server, connection, incoming, switches, fault, reply), changed && fault.shown.is_true())
}

fn show(
    server: &Server,
    connection: &socket::ConnectionHandle,
    incoming: &IncomingRequest,
    switches: &Switches,
    fault: &RequestFault,
    mut reply: ApiResponse,
) -> ApiResponse {
    match fault.shown {
        FaultResponse::Truth | FaultResponse::LateTruth => reply,
        FaultResponse::Odd(Oddity::OddKey) => {
            reply.body = spoil::odd_key(&reply.body);
            reply
        }
        FaultResponse::Odd(Oddity::NextMissing) => {
            reply.body = spoil::no_next(&reply.body);
            reply
        }
        FaultResponse::Odd(Oddity::Shift) => {
            if let Some((table, id)) = first_record(&reply.body) {
                // A world that cannot be written stays as it is; the answer is true all the same.
                let _ = control::throw_away(server, &[(table, id)], false);
            }
            reply
        }
        // These were bent when the answer was made.
        FaultResponse::Odd(Oddity::RequestIdsMissing | Oddity::RequestIdsInt | Oddity::Shuffled | Oddity::Nameless) => {
            reply
        }
        // It has taken the place of the true one already.
        FaultResponse::Foreign => reply,
        FaultResponse::Cut if reply.body.is_empty() => {
            connection.reset();
            reply
        }
        FaultResponse::Cut => {
            connection.cut_after(reply.body.len() / 2);
            reply
        }
        FaultResponse::Reset | FaultResponse::ResetBefore => {
            connection.reset();
            ApiResponse::nothing()
        }
        FaultResponse::Silence => ApiResponse::nothing(),
        FaultResponse::Empty => ApiResponse { body: Default::default(), status: 200, ..reply },
        FaultResponse::Page(200) => ApiResponse::login_page(),
        FaultResponse::Page(status) => ApiResponse::html(status),
        FaultResponse::Unnamed400 => ApiResponse::problem(400, "Request validation failed"),
        FaultResponse::Throttled(form) => throttled(form.unwrap_or(switches.throttling), fault.retry_after),
        FaultResponse::Expired => {
            if incoming.bearer != Bearer::Stranger {
                server.traffic().kill(&incoming.token, fault.times);
            }
            unauthorized()
        }
        FaultResponse::Status(401) => unauthorized(),
        FaultResponse::Status(status @ (403 | 500..)) => ApiResponse::html(status), // [client]
        FaultResponse::Status(status) => ApiResponse::problem(status, reason(status)),
    }
}

/// The first of the list that an answer holds.
fn first_record(body: &str) -> Option<(RecordTable, u64)> {
    let answer: Value = serde_json::from_str(body).ok()?;
    let embedded = answer.get("_embedded")?;
    RecordTable::ALL.into_iter().find_map(|table| {
        let rows = embedded.get(table.path())?;
        Some((table, rows.get(0)?.get("id")?.as_u64()?))
    })
}

/// Whoever asked may be gone by then.
fn carry_out_later(server: &Arc<Server>, order: &RouteRequest, late_ms: u64) {
    let RouteRequest { incoming, switches, refusals, .. } = *order;
    let late = DelayedRequest { incoming: incoming.clone(), switches: switches.clone(), refusals: refusals.to_vec() };
    let id = server.traffic().put_off(late);
    let server = server.clone();
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(late_ms)).await;
        carry_out_late(&server, id);
    });
}

/// Nothing, where a reset of the world has cancelled it.
pub fn carry_out_late(server: &Server, id: u64) {
    // The world is held while the late one is taken from the desk: who sees it gone from there will find it done.
    let live_world = &mut *server.live_world();
    let Some(DelayedRequest { incoming, switches, refusals }) = server.traffic().late.remove(&id) else { return };
    let found = route(&incoming);
    let order =
        RouteRequest { incoming: &incoming, switches: &switches, found: &found, refusals: &refusals, body: None };
    let (_, changed) = carry_out_on(server, live_world, &order, true);
    server.traffic().log.committed(&route_name(&incoming, &found), changed);
}

/// The true answer, and whether the world has changed.
fn carry_out(server: &Server, order: &RouteRequest, commit: bool) -> (ApiResponse, bool) {
    let (reply, changed) = carry_out_on(server, &mut server.live_world(), order, commit);
    if changed.is_some() {
        let (name, traffic) = (route_name(order.incoming, order.found), &mut *server.traffic());
        traffic.log.committed(&name, changed);
        traffic.answers.insert(name, reply.body.clone());
    }
    (reply, changed.is_some())
}

/// The true answer, and the number of records changed where anything was.
fn carry_out_on(
    server: &Server,
    live_world: &mut LiveWorld,
    order: &RouteRequest,
    commit: bool,
) -> (ApiResponse, Option<usize>) {
    let now_ms = i64::try_from(millis(&server.clock)).unwrap_or(i64::MAX);
    let mut reply = decide(server, live_world, order, &order.incoming.body, now_ms);
    if let Some(body) = order.body.as_ref().filter(|_| reply.status < 400) {
        reply = decide(server, live_world, order, body, now_ms);
    }
    let mut change = std::mem::take(&mut reply.commit);
    change.ms = now_ms % 1000;
    if !commit || change.is_empty() {
        return (reply, None);
    }
    if let Some(folder) = &mut live_world.folder
        && folder.append(&change).is_err()
    {
        // A change that cannot be kept is not made.
        return (ApiResponse::html(500), None);
    }
    // What is no record, a part of the account or a link, is counted by the items that spoke of it.
    let records = change.put.len() + change.gone.len();
    let records = if change.account.is_some() || records == 0 { reply.items } else { records };
    let elapsed_ms = server.elapsed_ms();
    let errands = robots::errands(&live_world.robots, &live_world.world, &change, elapsed_ms);
    live_world.errands.extend(errands);
    server.apply(live_world, change);
    live_world.run_errands(elapsed_ms, now_ms / 1000);
    (reply, Some(records))
}

fn decide(server: &Server, live_world: &LiveWorld, order: &RouteRequest, body: &[u8], now_ms: i64) -> ApiResponse {
    let now = now_ms / 1000;
    let RouteRequest { incoming, switches, found, refusals, .. } = *order;
    let authorized = live_world.world.auth.accepts(&incoming.token, now);
    let (route, ids) = match found {
        RouteMatch::Route(route, ids) => (*route, ids),
        _ if incoming.path.starts_with(API_PREFIX) && !authorized => return unauthorized(),
        RouteMatch::OtherMethod => return ApiResponse::problem(405, "Method Not Allowed"), // [client live]
        RouteMatch::Nothing => {
            let url = format!("Cannot {} {}{}", incoming.method, server.base, incoming.path); // [doc Kommo]
            return ApiResponse::problem(404, &url);
        }
    };
    if !authorized && !std::ptr::eq(route, &TOKEN) {
        return unauthorized();
    }
    let query = Query::parse(&incoming.query);
    let call = Call {
        world: &live_world.world,
        switches,
        refusals,
        now,
        now_ms,
        base: &server.base,
        query: &query,
        ids,
        body,
    };
    (route.run)(&call)
}

fn route(incoming: &IncomingRequest) -> RouteMatch {
    if incoming.path == TOKEN_PATH {
        let is_post = incoming.method == TOKEN.method;
        return if is_post { RouteMatch::Route(&TOKEN, Vec::new()) } else { RouteMatch::OtherMethod };
    }
    match incoming.path.strip_prefix(API_PREFIX) {
        Some(path) => routes::find(&incoming.method, path),
        None => RouteMatch::Nothing,
    }
}

fn route_name(incoming: &IncomingRequest, found: &RouteMatch) -> String {
    match found {
        RouteMatch::Route(Route { method, pattern, .. }, _) => format!("{method} {pattern}"),
        RouteMatch::OtherMethod | RouteMatch::Nothing => format!("{:.20} (unknown)", incoming.method),
    }
}

/// What the request sent, or what the answer shows.
fn items(incoming: &IncomingRequest, reply: &ApiResponse) -> usize {
    if reply.items > 0 || incoming.body.is_empty() {
        return reply.items;
    }
    brought(&incoming.body)
}

/// Records in a request.
fn brought(body: &[u8]) -> usize {
    match serde_json::from_slice::<Vec<&serde_json::value::RawValue>>(body) {
        Ok(items) => items.len(),
        Err(_) => usize::from(serde_json::from_slice::<Value>(body).is_ok()),
    }
}

fn unauthorized() -> ApiResponse {
    ApiResponse::problem(401, "Unauthorized") // [doc]
}

fn throttled(form: Throttling, retry_after: u64) -> ApiResponse {
    let mut reply = match form {
        Throttling::Html | Throttling::Header => ApiResponse::html(429),
        Throttling::Json => {
            let mut reply = ApiResponse::problem(429, "Too Many Requests");
            // The body is ours and is an object: it ends in a brace.
            reply.body.pop();
            reply.body.push_str(&format!(",\"retry_after\":{retry_after}}}"));
            reply
        }
    };
    reply.retry_after = (form == Throttling::Header).then_some(retry_after);
    reply
}
