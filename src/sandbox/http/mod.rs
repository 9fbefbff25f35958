//! The server: bytes in, bytes out, and all effects between. Pace, faults and latency are applied here; what an answer
//! says is `endpoints`.

mod control;
mod socket;

use std::net::TcpListener;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use serde_json::Value;
use tokio::sync::oneshot;

use super::Clock;
use super::answers::{Media, Reply};
use super::endpoints::{self, Call, Found, Route, TOKEN};
use super::faults::{Action, Fault, Faults, Refusal};
use super::log::{Entry, Log};
use super::persist::Folder;
use super::query::Query;
use super::rate::{Gate, Rate};
use super::switches::{RateKey, Switches, Throttling};
use super::world::World;
use crate::entity::{API_PREFIX, TOKEN_PATH};

/// More than any batch is; a body above it is refused by the gateway. [inferred]
const BODY_MAX: usize = 64 << 20;

/// The world and where it is kept.
pub struct Core {
    pub world: World,
    pub folder: Option<Folder>,
    pub switches: Switches,
}

/// What stands between a request and the world.
#[derive(Default)]
pub struct Desk {
    pub rate: Rate,
    pub faults: Faults,
    pub log: Log,
    dice: u64,
}

pub struct Server {
    core: Mutex<Core>,
    desk: Mutex<Desk>,
    base: String,
    clock: Clock,
    started: Instant,
    started_ms: u64,
    first_switches: Switches,
}

impl Server {
    pub fn new(core: Core, base: String, clock: Clock) -> Server {
        let started_ms = u64::try_from(clock()).unwrap_or(0).saturating_mul(1000);
        let desk = Desk { dice: core.world.seed, ..Desk::default() };
        let first_switches = core.switches.clone();
        Server {
            core: Mutex::new(core),
            desk: Mutex::new(desk),
            base,
            clock,
            started: Instant::now(),
            started_ms,
            first_switches,
        }
    }

    /// Called when nothing is served any more.
    pub fn withdraw(&self) {
        if let Some(folder) = &self.core().folder {
            folder.withdraw();
        }
    }

    /// A request that panicked has changed nothing: commits are applied by code that cannot panic. So the lock is
    /// taken whether or not that happened.
    fn core(&self) -> MutexGuard<'_, Core> {
        self.core.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn elapsed_ms(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

/// Serves until `stop` fires or is dropped.
pub async fn serve(listener: TcpListener, server: Arc<Server>, stop: oneshot::Receiver<()>) -> std::io::Result<()> {
    let door = socket::Door(tokio::net::TcpListener::from_std(listener)?);
    let app = Router::new().fallback(handle).with_state(server);
    let service = app.into_make_service_with_connect_info::<socket::Plug>();
    tokio::select! {
        result = std::future::IntoFuture::into_future(axum::serve(door, service)) => result,
        _ = stop => Ok(()),
    }
}

/// A request that has come in whole.
struct Asked {
    method: String,
    path: String,
    query: String,
    token: String,
    body: Vec<u8>,
}

impl Asked {
    /// The path as routes and scripts name it: below `/api/v4/`.
    fn short_path(&self) -> &str {
        self.path.strip_prefix(API_PREFIX).unwrap_or(self.path.trim_start_matches('/'))
    }
}

async fn handle(
    State(server): State<Arc<Server>>,
    ConnectInfo(plug): ConnectInfo<socket::Plug>,
    request: Request,
) -> Response {
    let (parts, body) = request.into_parts();
    let token = parts.headers.get(header::AUTHORIZATION).and_then(|v| v.to_str().ok()).and_then(bearer);
    let Ok(body) = to_bytes(body, BODY_MAX).await else { return respond(Reply::html(413)) };
    let asked = Asked {
        method: parts.method.to_string(),
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().unwrap_or("").to_owned(),
        token: token.unwrap_or("").to_owned(),
        body: body.to_vec(),
    };
    if let Some(corner) = asked.path.strip_prefix("/_sandbox/") {
        return respond(control::answer(&server, &asked, corner));
    }
    let (reply, latency_ms) = answer(&server, &plug, &asked);
    if latency_ms > 0 {
        tokio::time::sleep(Duration::from_millis(latency_ms)).await;
    }
    respond(reply)
}

fn bearer(header: &str) -> Option<&str> {
    let (scheme, token) = header.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}

/// The answer and the milliseconds it is held back; all that it changes is done.
fn answer(server: &Server, plug: &socket::Plug, asked: &Asked) -> (Reply, u64) {
    let switches = server.core().switches.clone();
    let key = match switches.rate_key {
        RateKey::Token => asked.token.clone(),
        RateKey::Address => plug.peer.ip().to_string(),
    };
    let (now_ms, gate, fault, mut latency_ms, refusals) = {
        let mut desk = server.desk();
        // Read while the desk is held, so that instants come in their order.
        let now_ms = server.elapsed_ms();
        let gate = desk.rate.arrive(&key, now_ms, &switches);
        let dice = roll(&mut desk.dice);
        match gate {
            Gate::Pass => {
                let (fault, latency_ms) = desk.faults.next(&asked.method, asked.short_path(), dice);
                (now_ms, gate, fault, latency_ms, desk.faults.refuse.clone())
            }
            Gate::Throttled | Gate::Blocked => (now_ms, gate, None, 0, Vec::new()),
        }
    };
    let found = route(asked);
    let reply = match gate {
        Gate::Pass => faulty(server, plug, asked, &found, fault, &refusals, &switches),
        Gate::Throttled => throttled(&switches),
        Gate::Blocked => Reply::html(403), // [client]
    };
    let was_reset = fault.is_some_and(|f| f.action == Action::Reset);
    if was_reset && fault.is_some_and(|f| !f.after_commit) {
        latency_ms = 0;
    }
    server.desk().log.add(
        &route_name(asked, &found),
        Entry {
            n: 0,
            at_ms: server.started_ms + now_ms,
            method: asked.method.clone(),
            path: asked.path.clone(),
            query: asked.query.clone(),
            status: if was_reset { 0 } else { reply.status },
            items: items(asked, &reply),
            latency: latency_ms,
        },
    );
    (reply, latency_ms)
}

/// Carries the request out, unless a fault comes first; and spoils the answer, if one comes after.
fn faulty(
    server: &Server,
    plug: &socket::Plug,
    asked: &Asked,
    found: &Found,
    fault: Option<Fault>,
    refusals: &[Refusal],
    switches: &Switches,
) -> Reply {
    let Some(Fault { action, after_commit }) = fault else { return carry_out(server, asked, found, refusals, true) };
    // A cut answer is the true one, whether or not it is true.
    let needs_answer = matches!(action, Action::Cut | Action::Slow);
    let reply = (after_commit || needs_answer).then(|| carry_out(server, asked, found, refusals, after_commit));
    match (action, reply) {
        (Action::Slow | Action::Cut, None) => Reply::nothing(),
        (Action::Slow, Some(reply)) => reply,
        (Action::Cut, Some(reply)) => {
            plug.cut_after(reply.body.len() / 2);
            reply
        }
        (Action::Reset, _) => {
            plug.reset();
            Reply::nothing()
        }
        (Action::Unnamed400, _) => Reply::problem(400, "Request validation failed"),
        (Action::Status(429), _) => throttled(switches),
        (Action::Status(401), _) => unauthorized(),
        (Action::Status(status @ (403 | 500..)), _) => Reply::html(status), // [client]
        (Action::Status(status), _) => Reply::problem(status, super::answers::reason(status)),
    }
}

fn carry_out(server: &Server, asked: &Asked, found: &Found, refusals: &[Refusal], commit: bool) -> Reply {
    let now = (server.clock)();
    let core = &mut *server.core();
    let mut reply = decide(server, core, asked, found, refusals, now);
    let change = std::mem::take(&mut reply.commit);
    if !commit || change.is_empty() {
        return reply;
    }
    if let Some(folder) = &mut core.folder
        && folder.append(&change).is_err()
    {
        // A change that cannot be kept is not made.
        return Reply::html(500);
    }
    core.world.apply(change);
    reply
}

fn decide(server: &Server, core: &Core, asked: &Asked, found: &Found, refusals: &[Refusal], now: i64) -> Reply {
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
    let call = Call {
        world: &core.world,
        switches: &core.switches,
        refusals,
        now,
        base: &server.base,
        query: &query,
        ids,
        body: &asked.body,
    };
    (route.run)(&call)
}

fn route(asked: &Asked) -> Found {
    if asked.path == TOKEN_PATH {
        let is_post = asked.method == TOKEN.method;
        return if is_post { Found::Route(&TOKEN, Vec::new()) } else { Found::OtherMethod };
    }
    match asked.path.strip_prefix(API_PREFIX) {
        Some(path) => endpoints::find(&asked.method, path),
        None => Found::Nothing,
    }
}

fn route_name(asked: &Asked, found: &Found) -> String {
    match found {
        Found::Route(Route { method, pattern, .. }, _) => format!("{method} {pattern}"),
        Found::OtherMethod | Found::Nothing => format!("{} (unknown)", asked.method),
    }
}

/// What the request sent, or what the answer shows.
fn items(asked: &Asked, reply: &Reply) -> usize {
    if reply.items > 0 || asked.body.is_empty() {
        return reply.items;
    }
    match serde_json::from_slice::<Vec<&serde_json::value::RawValue>>(&asked.body) {
        Ok(items) => items.len(),
        Err(_) => usize::from(serde_json::from_slice::<Value>(&asked.body).is_ok()),
    }
}

fn unauthorized() -> Reply {
    Reply::problem(401, "Unauthorized") // [doc]
}

fn throttled(switches: &Switches) -> Reply {
    let mut reply = match switches.throttling {
        Throttling::Html | Throttling::Header => Reply::html(429),
        Throttling::Json => {
            let mut reply = Reply::problem(429, "Too Many Requests");
            // The body is ours and is an object: it ends in a brace.
            reply.body.pop();
            reply.body.push_str(",\"retry_after\":1}");
            reply
        }
    };
    reply.retry_after = (switches.throttling == Throttling::Header).then_some(1);
    reply
}

fn respond(reply: Reply) -> Response {
    let mut response = Response::new(Body::from(reply.body));
    *response.status_mut() = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    if let Some(kind) = Media::content_type(reply.media) {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    }
    if let Some(seconds) = reply.retry_after {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store, no-cache")); // [client live]
    response
}

/// The next of a row of numbers that looks random and is the same for the same seed (splitmix64).
fn roll(dice: &mut u64) -> u64 {
    *dice = dice.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mut z = *dice;
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}
