//! A request from its arrival to its response: rate limit, fault, the route's function, what the connection sees of it.
//! All effects on world, counters and connection are here; `handle` does the waiting.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use crate::endpoints::reply::{ApiResponse, reason};
use crate::endpoints::routes::{self, RouteMatch, TOKEN};
use crate::endpoints::{Call, Route};
use crate::faults::{
    FaultEffect, FaultResponse, ForcedRefusal, Oddity, RETRY_AFTER_S, RequestFault, RequestLine, damage, roll,
};
use crate::http::log::LogEntry;
use crate::http::rate::RateDecision;
use crate::http::socket::ConnectionHandle;
use crate::http::{DelayedRequest, IncomingRequest, LiveWorld, Server, TrafficState, control, unix_ms};
use crate::read::query::Query;
use crate::robots;
use crate::switches::{RateKey, Switches, Throttling};
use crate::world::RecordTable;
use crate::world::auth::Bearer;
use amo_model::{API_PREFIX, TOKEN_PATH};

/// A response, and when it goes out.
pub struct TimedResponse {
    pub reply: ApiResponse,
    pub wait_ms: u64,
    /// The response never goes out.
    pub silent: bool,
    /// The route, where the response reports a commit.
    pub reported_route: Option<String>,
}

/// What was decided when the request came in.
pub struct AdmittedRequest {
    now_ms: u64,
    switches: Arc<Switches>,
    rate: RateDecision,
    fault: Option<RequestFault>,
    latency_ms: u64,
    refusals: Vec<ForcedRefusal>,
}

impl IncomingRequest {
    fn line(&self) -> RequestLine<'_> {
        RequestLine { method: &self.method, path: self.short_path(), in_api: self.path.starts_with(API_PREFIX) }
    }
}

/// A request on its connection.
pub struct Exchange<'a> {
    pub server: &'a Arc<Server>,
    pub connection: &'a ConnectionHandle,
    pub incoming: &'a IncomingRequest,
}

impl Exchange<'_> {
    /// Admits a request whose body has not been read, where its fault resets the connection before that; `None` for all
    /// others.
    pub fn admit_before_body(&self) -> Option<AdmittedRequest> {
        let line = self.incoming.line();
        let traffic = &mut *self.server.traffic();
        let is_expired = line.in_api && traffic.expired_tokens.contains_key(&self.incoming.token);
        let is_reset = !is_expired && traffic.faults.resets_before_body(line);
        is_reset.then(|| self.admit_with(traffic))
    }

    /// Counts the request and decides its fault.
    pub fn admit(&self) -> AdmittedRequest {
        self.admit_with(&mut self.server.traffic())
    }

    fn admit_with(&self, traffic: &mut TrafficState) -> AdmittedRequest {
        let (server, incoming, line) = (self.server, self.incoming, self.incoming.line());
        let is_expired = line.in_api && traffic.expired_tokens.contains_key(&incoming.token);
        let switches = traffic.switches.clone();
        let key = match switches.rate_key {
            RateKey::Token if incoming.bearer == Bearer::Stranger => String::new(),
            RateKey::Token => incoming.token.clone(),
            RateKey::Address => self.connection.peer.ip().to_string(),
        };
        // Read while `traffic` is locked, so that the instants are in order.
        let now_ms = server.elapsed_ms();
        let rate = traffic.rate.admit(&key, now_ms, &switches);
        traffic.rolls += 1;
        let dice = roll(server.seed, traffic.rolls);
        let mut admitted = AdmittedRequest { now_ms, switches, rate, fault: None, latency_ms: 0, refusals: Vec::new() };
        match rate {
            RateDecision::Pass if is_expired => admitted.fault = traffic.expired_token_fault(&incoming.token),
            RateDecision::Pass => {
                (admitted.fault, admitted.latency_ms) = traffic.faults.next(line, dice);
                if traffic.faults.latency_item_ms.is_some() {
                    let more_ms = traffic.faults.latency_of(count_items(&incoming.body));
                    admitted.latency_ms = admitted.latency_ms.saturating_add(more_ms);
                }
                admitted.refusals = traffic.faults.refuse.clone();
            }
            RateDecision::Throttled | RateDecision::Blocked => {}
        }
        admitted
    }

    pub fn respond(&self, admitted: AdmittedRequest) -> TimedResponse {
        let AdmittedRequest { now_ms, switches, rate, fault, mut latency_ms, refusals } = admitted;
        let found = route(self.incoming);
        let name = route_name(self.incoming, &found);
        let request = RouteRequest {
            incoming: self.incoming,
            switches: &switches,
            found: &found,
            refusals: &refusals,
            replaced_body: None,
        };
        let (reply, is_reported) = match (rate, &fault) {
            (RateDecision::Pass, None) => carry_out(self.server, &request, true),
            (RateDecision::Pass, Some(fault)) => self.carry_out_faulty(request, fault),
            (RateDecision::Throttled, _) => (throttled(switches.throttling, RETRY_AFTER_S), false),
            (RateDecision::Blocked, _) => (ApiResponse::html(403), false), // [client]
        };
        let (effect, response) =
            fault.as_ref().map_or((FaultEffect::All, FaultResponse::Truth), |f| (f.effect, f.response));
        let unanswered = matches!(response, FaultResponse::Reset | FaultResponse::ResetBefore | FaultResponse::Silence);
        if unanswered && effect == FaultEffect::Nothing {
            latency_ms = 0;
        }
        let mut entry = log_entry(self.incoming, self.server.started_ms + now_ms);
        entry.status = if unanswered { 0 } else { reply.status };
        entry.items = items(self.incoming, &reply);
        entry.latency = latency_ms;
        entry.fault = fault.map(|f| f.word);
        self.server.traffic().log.add(&name, entry);
        let silent = response == FaultResponse::Silence;
        TimedResponse { reply, wait_ms: latency_ms, silent, reported_route: is_reported.then_some(name) }
    }

    /// First what is done of the request, then what the connection sees; true where the response reports a change.
    fn carry_out_faulty(&self, request: RouteRequest, fault: &RequestFault) -> (ApiResponse, bool) {
        let (server, incoming, switches) = (self.server, self.incoming, request.switches);
        let odd_switches;
        let mut request = request;
        if let FaultResponse::Odd(oddity) = fault.response {
            odd_switches = Arc::new(oddity.switches(switches));
            request.switches = &odd_switches;
        }
        let commit = match fault.effect {
            FaultEffect::All => true,
            FaultEffect::Nothing => false,
            FaultEffect::Half => {
                request.replaced_body = Some(damage::half(&incoming.body));
                true
            }
            FaultEffect::DropValue => {
                request.replaced_body = Some(damage::without_one_value(&incoming.body, fault.dice));
                true
            }
            FaultEffect::Later => {
                delay(server, &request, fault.late_ms);
                false
            }
        };
        let needs_answer = fault.response.is_true() || fault.response == FaultResponse::Cut;
        let before = server.traffic().answers.get(&route_name(incoming, request.found)).cloned();
        let (mut reply, changed) = if commit || needs_answer {
            carry_out(server, &request, commit)
        } else {
            (ApiResponse::no_content(), false)
        };
        if let (FaultResponse::Foreign, Some(before)) = (fault.response, before.filter(|_| changed)) {
            reply.body = before;
        }
        (self.faulty_response(switches, fault, reply), changed && fault.response.is_true())
    }

    fn faulty_response(&self, switches: &Switches, fault: &RequestFault, mut reply: ApiResponse) -> ApiResponse {
        match fault.response {
            FaultResponse::Truth | FaultResponse::LateTruth => reply,
            FaultResponse::Odd(Oddity::OddKey) => {
                reply.body = damage::odd_key(&reply.body);
                reply
            }
            FaultResponse::Odd(Oddity::NextMissing) => {
                reply.body = damage::without_next(&reply.body);
                reply
            }
            FaultResponse::Odd(Oddity::Shift) => {
                if let Some((table, id)) = first_record(&reply.body) {
                    // Where the world cannot be written it stays as it is, and the response is true all the same.
                    let _ = control::delete_records(self.server, &[(table, id)], false);
                }
                reply
            }
            // The switches for these were set before the response was made.
            FaultResponse::Odd(
                Oddity::RequestIdsMissing | Oddity::RequestIdsInt | Oddity::Shuffled | Oddity::Nameless,
            ) => reply,
            // The body has been replaced already.
            FaultResponse::Foreign => reply,
            FaultResponse::Cut if reply.body.is_empty() => {
                self.connection.reset();
                reply
            }
            FaultResponse::Cut => {
                self.connection.cut_after(reply.body.len() / 2);
                reply
            }
            FaultResponse::Reset | FaultResponse::ResetBefore => {
                self.connection.reset();
                ApiResponse::no_content()
            }
            FaultResponse::Silence => ApiResponse::no_content(),
            FaultResponse::Empty => ApiResponse { body: Default::default(), status: 200, ..reply },
            FaultResponse::Page(200) => ApiResponse::login_page(),
            FaultResponse::Page(status) => ApiResponse::html(status),
            FaultResponse::Unnamed400 => ApiResponse::problem(400, "Request validation failed"),
            FaultResponse::Throttled(form) => throttled(form.unwrap_or(switches.throttling), fault.retry_after),
            FaultResponse::Expired => {
                if self.incoming.bearer != Bearer::Stranger {
                    self.server.traffic().expire_token(&self.incoming.token, fault.times);
                }
                unauthorized()
            }
            FaultResponse::Status(401) => unauthorized(),
            FaultResponse::Status(status @ (403 | 500..)) => ApiResponse::html(status), // [client]
            FaultResponse::Status(status) => ApiResponse::problem(status, reason(status)),
        }
    }
}

/// The response to a request without a token of this world: nothing is done, and the request is logged.
pub fn refuse_stranger(server: &Server, incoming: &IncomingRequest) -> ApiResponse {
    let reply = unauthorized();
    let mut entry = log_entry(incoming, server.started_ms + server.elapsed_ms());
    entry.status = reply.status;
    server.traffic().log.add(&route_name(incoming, &route(incoming)), entry);
    reply
}

fn log_entry(incoming: &IncomingRequest, at_ms: u64) -> LogEntry {
    LogEntry {
        n: 0,
        at_ms,
        method: incoming.logged(&incoming.method),
        path: incoming.logged(&incoming.path),
        query: incoming.logged(&incoming.query),
        status: 0,
        items: 0,
        latency: 0,
        fault: None,
    }
}

/// A request to be carried out.
struct RouteRequest<'a> {
    incoming: &'a IncomingRequest,
    switches: &'a Arc<Switches>,
    found: &'a RouteMatch,
    refusals: &'a [ForcedRefusal],
    /// Carried out in place of the body that was sent, where that one has no errors.
    replaced_body: Option<Vec<u8>>,
}

impl RouteRequest<'_> {
    /// The response of the route; `now_ms` are Unix milliseconds.
    fn run(&self, server: &Server, live_world: &LiveWorld, body: &[u8], now_ms: i64) -> ApiResponse {
        let now = now_ms / 1000;
        let RouteRequest { incoming, switches, found, refusals, .. } = *self;
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
}

/// The first record of the list in a response.
fn first_record(body: &str) -> Option<(RecordTable, u64)> {
    let answer: Value = serde_json::from_str(body).ok()?;
    let embedded = answer.get("_embedded")?;
    RecordTable::ALL.into_iter().find_map(|table| {
        let rows = embedded.get(table.path())?;
        Some((table, rows.get(0)?.get("id")?.as_u64()?))
    })
}

/// Carries the request out after `late_ms`, whether or not its client is still connected.
fn delay(server: &Arc<Server>, request: &RouteRequest, late_ms: u64) {
    let RouteRequest { incoming, switches, refusals, .. } = *request;
    let delayed =
        DelayedRequest { incoming: incoming.clone(), switches: switches.clone(), refusals: refusals.to_vec() };
    let id = server.traffic().delay(delayed);
    let server = server.clone();
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(late_ms)).await;
        carry_out_delayed(&server, id);
    });
}

/// Does nothing where a reset of the world has cancelled the request.
pub fn carry_out_delayed(server: &Server, id: u64) {
    // The world is locked while the request is taken from `traffic`: whoever finds it gone from there finds it done.
    let live_world = &mut *server.live_world();
    let Some(DelayedRequest { incoming, switches, refusals }) = server.traffic().delayed.remove(&id) else { return };
    let found = route(&incoming);
    let request = RouteRequest {
        incoming: &incoming,
        switches: &switches,
        found: &found,
        refusals: &refusals,
        replaced_body: None,
    };
    let (_, changed) = carry_out_on(server, live_world, &request, true);
    server.traffic().log.committed(&route_name(&incoming, &found), changed);
}

/// The true response, and whether the world has changed.
fn carry_out(server: &Server, request: &RouteRequest, commit: bool) -> (ApiResponse, bool) {
    let (reply, changed) = carry_out_on(server, &mut server.live_world(), request, commit);
    if changed.is_some() {
        let (name, traffic) = (route_name(request.incoming, request.found), &mut *server.traffic());
        traffic.log.committed(&name, changed);
        traffic.answers.insert(name, reply.body.clone());
    }
    (reply, changed.is_some())
}

/// The true response, and the number of records changed where anything was.
fn carry_out_on(
    server: &Server,
    live_world: &mut LiveWorld,
    request: &RouteRequest,
    commit: bool,
) -> (ApiResponse, Option<usize>) {
    let now_ms = i64::try_from(unix_ms(&server.clock)).unwrap_or(i64::MAX);
    let mut reply = request.run(server, live_world, &request.incoming.body, now_ms);
    if let Some(body) = request.replaced_body.as_ref().filter(|_| reply.status < 400) {
        reply = request.run(server, live_world, body, now_ms);
    }
    let mut change = std::mem::take(&mut reply.commit);
    change.ms = now_ms % 1000;
    if !commit || change.is_empty() {
        return (reply, None);
    }
    if let Some(folder) = &mut live_world.folder
        && folder.append(&change).is_err()
    {
        // A change that cannot be stored is not made.
        return (ApiResponse::html(500), None);
    }
    // A change without records (a part of the account, a link) counts the items of its request.
    let records = change.put.len() + change.gone.len();
    let records = if change.account.is_some() || records == 0 { reply.items } else { records };
    let elapsed_ms = server.elapsed_ms();
    let tasks = robots::tasks(&live_world.robots, &live_world.world, &change, elapsed_ms);
    live_world.robot_tasks.extend(tasks);
    server.apply(live_world, change);
    live_world.run_robots(elapsed_ms, now_ms / 1000);
    (reply, Some(records))
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

/// The items of the response, else of the request.
fn items(incoming: &IncomingRequest, reply: &ApiResponse) -> usize {
    if reply.items > 0 || incoming.body.is_empty() {
        return reply.items;
    }
    count_items(&incoming.body)
}

/// The number of items in a body.
fn count_items(body: &[u8]) -> usize {
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
            // The body is an object made here, so it ends in a brace.
            reply.body.pop();
            reply.body.push_str(&format!(",\"retry_after\":{retry_after}}}"));
            reply
        }
    };
    reply.retry_after = (form == Throttling::Header).then_some(retry_after);
    reply
}
