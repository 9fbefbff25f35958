//! The server, and all effects between request and response.
//!
//! - `access`: requests that are refused before they are read
//! - `exchange`: a request from its arrival to its response
//! - `control`: the endpoints below `/_sandbox/`
//! - `body`, `socket`: bytes of bodies and connections
//! - `rate`, `log`: rate limit and request log

mod access;
mod body;
mod control;
mod exchange;
pub mod log;
pub mod rate;
mod socket;

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::TcpListener;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{self, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::sync::oneshot;

use crate::endpoints::reply::{ApiResponse, Media};
use crate::faults::{FaultEffect, FaultResponse, Faults, ForcedRefusal, RequestFault};
use crate::http::log::RequestLog;
use crate::http::rate::RateLimiter;
use crate::robots::{Robot, RobotTask};
use crate::state::WorldFolder;
use crate::switches::Switches;
use crate::world::auth::{Bearer, WorldTokens};
use crate::world::{Commit, World};
use crate::{Options, UnixClock};
use amo_model::{API_PREFIX, TOKEN_PATH};
use body::BodyError;
use exchange::Exchange;

/// The limit for the request line and the headers. The longest request of the client, with 250 ids, takes an eighth of
/// it.
const HEAD_MAX: usize = 64 << 10;

/// The world with its folder, its robots and their pending tasks.
pub struct LiveWorld {
    pub world: World,
    pub folder: Option<WorldFolder>,
    robots: Vec<Arc<Robot>>,
    robot_tasks: Vec<RobotTask>,
}

impl LiveWorld {
    pub fn new(world: World, folder: Option<WorldFolder>) -> LiveWorld {
        LiveWorld { world, folder, robots: Vec::new(), robot_tasks: Vec::new() }
    }

    /// Carries out the tasks of robots that are due.
    fn run_robots(&mut self, now_ms: u64, now: i64) {
        let (due, later) = std::mem::take(&mut self.robot_tasks).into_iter().partition(|task| task.due_ms <= now_ms);
        self.robot_tasks = later;
        let due: Vec<RobotTask> = due;
        for task in due {
            let change = task.run(&self.world, now);
            // A change that cannot be stored is not made.
            let is_kept = |folder: &mut WorldFolder| folder.append(&change).is_ok();
            if !change.is_empty() && self.folder.as_mut().is_none_or(is_kept) {
                self.world.apply(change);
            }
        }
    }
}

/// State between requests and the world. It is locked for moments only, so that the arrival time of a request does not
/// depend on work on the world.
#[derive(Default)]
pub struct TrafficState {
    pub switches: Arc<Switches>,
    pub rate: RateLimiter,
    pub faults: Faults,
    pub log: RequestLog,
    /// Requests to be carried out after their responses, in the order of arrival.
    delayed: BTreeMap<u64, DelayedRequest>,
    last_delayed: u64,
    /// The last true response to a write, by route.
    answers: BTreeMap<String, String>,
    /// Tokens that a fault has expired, and the number of requests that still get 401.
    expired_tokens: BTreeMap<String, u64>,
    rolls: u64,
}

struct DelayedRequest {
    incoming: IncomingRequest,
    switches: Arc<Switches>,
    refusals: Vec<ForcedRefusal>,
}

impl TrafficState {
    fn delay(&mut self, request: DelayedRequest) -> u64 {
        self.last_delayed += 1;
        self.delayed.insert(self.last_delayed, request);
        self.last_delayed
    }

    /// The request that expires a token is the first of `times` that get 401.
    fn expire_token(&mut self, token: &str, times: u64) {
        if times > 1 {
            self.expired_tokens.insert(token.to_owned(), times - 1);
        }
    }

    /// The fault of a request with an expired token; after the last one the token is valid again.
    fn expired_token_fault(&mut self, token: &str) -> Option<RequestFault> {
        let left = self.expired_tokens.get_mut(token)?;
        *left -= 1;
        if *left == 0 {
            self.expired_tokens.remove(token);
        }
        let (word, response) = ("token-expired".to_owned(), FaultResponse::Status(401));
        Some(RequestFault {
            word,
            effect: FaultEffect::Nothing,
            response,
            late_ms: 0,
            retry_after: 0,
            times: 1,
            dice: 0,
        })
    }
}

pub struct Server {
    live_world: Mutex<LiveWorld>,
    traffic: Mutex<TrafficState>,
    /// A copy of the world's tokens, so that a token can be checked while the world is locked.
    auth: Mutex<WorldTokens>,
    base: String,
    clock: UnixClock,
    started: Instant,
    started_ms: u64,
    seed: u64,
    first_switches: Arc<Switches>,
    first_faults: Faults,
}

impl Server {
    /// `base` is the address without a slash at its end.
    pub fn new(live_world: LiveWorld, base: String, options: Options) -> Server {
        let Options { switches, faults, clock, .. } = options;
        let switches = Arc::new(switches);
        Server {
            base,
            started: Instant::now(),
            started_ms: unix_ms(&clock),
            clock,
            seed: live_world.world.seed,
            auth: Mutex::new(live_world.world.auth.clone()),
            traffic: Mutex::new(TrafficState {
                switches: switches.clone(),
                faults: faults.clone(),
                ..TrafficState::default()
            }),
            first_switches: switches,
            first_faults: faults,
            live_world: Mutex::new(live_world),
        }
    }

    /// Called after the last request. Delayed requests are carried out now: a service does not drop a request because
    /// its client has left.
    pub fn close(&self) {
        self.carry_out_delayed();
        let live_world = &mut *self.live_world();
        live_world.run_robots(u64::MAX, (self.clock)());
        if let Some(folder) = &live_world.folder {
            folder.remove_announcement();
        }
    }

    /// Carries out the delayed requests before their time; returns how many there were.
    fn carry_out_delayed(&self) -> usize {
        let delayed: Vec<u64> = self.traffic().delayed.keys().copied().collect();
        for id in &delayed {
            exchange::carry_out_delayed(self, *id);
        }
        delayed.len()
    }

    /// A poisoned lock is taken as well: a request that panicked has changed nothing, since the code that applies
    /// commits cannot panic. Tasks of robots that are due are carried out before the world is returned.
    fn live_world(&self) -> MutexGuard<'_, LiveWorld> {
        let mut live_world = self.live_world.lock().unwrap_or_else(PoisonError::into_inner);
        live_world.run_robots(self.elapsed_ms(), (self.clock)());
        live_world
    }

    fn traffic(&self) -> MutexGuard<'_, TrafficState> {
        self.traffic.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The bearer of a request.
    fn bearer(&self, token: &str) -> Bearer {
        self.auth.lock().unwrap_or_else(PoisonError::into_inner).bearer(token)
    }

    /// Applies a change that has been stored.
    fn apply(&self, live_world: &mut LiveWorld, change: Commit) {
        if let Some(auth) = &change.auth {
            self.set_auth(auth);
        }
        live_world.world.apply(change);
    }

    fn set_auth(&self, auth: &WorldTokens) {
        self.auth.lock().unwrap_or_else(PoisonError::into_inner).clone_from(auth);
    }

    fn elapsed_ms(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

/// Unix milliseconds. A given clock counts seconds; the milliseconds are added where it is the machine's own.
fn unix_ms(clock: &UnixClock) -> u64 {
    let machine = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let seconds = u64::try_from(clock()).unwrap_or(0);
    match seconds == machine.as_secs() {
        true => u64::try_from(machine.as_millis()).unwrap_or(u64::MAX),
        false => seconds.saturating_mul(1000),
    }
}

/// Serves until `stop` fires or is dropped.
pub async fn serve(listener: TcpListener, server: Arc<Server>, stop: oneshot::Receiver<()>) -> std::io::Result<()> {
    let listener = tokio::net::TcpListener::from_std(listener)?;
    let mut http = http1::Builder::new();
    http.max_header_size(HEAD_MAX);
    let accept = async {
        loop {
            let (line, connection) = socket::accept(&listener).await;
            let server = server.clone();
            let answer = service_fn(move |request| handle(server.clone(), connection.clone(), request));
            let connection = http.serve_connection(TokioIo::new(line), answer);
            // A connection ends early because of the client, or because of a fault that is intended.
            tokio::spawn(async { drop(connection.await) });
        }
    };
    tokio::select! {
        () = accept => Ok(()),
        _ = stop => Ok(()),
    }
}

/// A request that has arrived; the body is read last.
#[derive(Clone)]
struct IncomingRequest {
    method: String,
    path: String,
    query: String,
    token: String,
    bearer: Bearer,
    body: Bytes,
}

/// Characters that the log keeps of a stranger's request, so that a stranger cannot fill the memory.
const STRANGER_TEXT_MAX: usize = 200;

impl IncomingRequest {
    fn from_http<B>(server: &Server, request: &Request<B>) -> IncomingRequest {
        let token = request.headers().get(header::AUTHORIZATION).and_then(|v| v.to_str().ok()).and_then(bearer);
        IncomingRequest {
            method: request.method().to_string(),
            path: request.uri().path().to_owned(),
            query: request.uri().query().unwrap_or("").to_owned(),
            bearer: server.bearer(token.unwrap_or("")),
            token: token.unwrap_or("").to_owned(),
            body: Bytes::new(),
        }
    }

    /// The text as the log keeps it.
    fn logged(&self, text: &str) -> String {
        match self.bearer {
            Bearer::Stranger => text.chars().take(STRANGER_TEXT_MAX).collect(),
            Bearer::World | Bearer::Integration => text.to_owned(),
        }
    }

    /// The path as routes and scripts name it: below `/api/v4/`.
    fn short_path(&self) -> &str {
        self.path.strip_prefix(API_PREFIX).unwrap_or(self.path.trim_start_matches('/'))
    }
}

type HttpResponse = Response<Full<Bytes>>;

async fn handle(
    server: Arc<Server>,
    connection: socket::ConnectionHandle,
    request: Request<Incoming>,
) -> Result<HttpResponse, Infallible> {
    let busy = connection.begin_request();
    let refused = access::refusal(request.version(), request.uri(), request.headers());
    let mut incoming = IncomingRequest::from_http(&server, &request);
    let mut body = request.into_body();
    let refusal = match refused {
        Some(why) => Some(ApiResponse::text(403, &format!("refused: {why}\n"))),
        None => refuse_without_token(&server, &incoming),
    };
    if let Some(reply) = refusal {
        body::drain(body, busy);
        return Ok(http_response(reply));
    }
    let control_path = incoming.path.strip_prefix(CONTROL_PREFIX).map(str::to_owned);
    let exchange = Exchange { server: &server, connection: &connection, incoming: &incoming };
    let early = if control_path.is_none() { exchange.admit_before_body() } else { None };
    let admitted = match early {
        Some(admitted) => admitted,
        None => {
            let read = match incoming.bearer {
                _ if incoming.path == TOKEN_PATH => body::read_stranger(&mut body).await,
                Bearer::Stranger => body::read_stranger(&mut body).await,
                Bearer::World | Bearer::Integration => body::read(&mut body, body::BODY_MAX).await,
            };
            incoming.body = match read {
                Ok(bytes) => bytes,
                Err(unread) => {
                    body::drain(body, busy);
                    return Ok(http_response(ApiResponse::html(match unread {
                        BodyError::TooLong => 413,
                        BodyError::Broken => 400,
                    })));
                }
            };
            if let Some(path) = control_path {
                return Ok(http_response(control::answer(&server, &incoming, &path)));
            }
            Exchange { server: &server, connection: &connection, incoming: &incoming }.admit()
        }
    };
    let timed = Exchange { server: &server, connection: &connection, incoming: &incoming }.respond(admitted);
    if timed.wait_ms > 0 {
        tokio::time::sleep(Duration::from_millis(timed.wait_ms)).await;
    }
    if timed.silent {
        // Dropped when the client leaves or the server stops.
        std::future::pending::<()>().await;
    }
    if let Some(route) = &timed.reported_route {
        server.traffic().log.answered(route);
    }
    Ok(http_response(timed.reply))
}

const CONTROL_PREFIX: &str = "/_sandbox/";

/// The response to a request without a valid token that is not one for tokens. It is subject to neither faults nor the
/// rate limit, so that strangers cannot disturb other clients.
fn refuse_without_token(server: &Server, incoming: &IncomingRequest) -> Option<ApiResponse> {
    if incoming.path.starts_with(CONTROL_PREFIX) {
        return (incoming.bearer != Bearer::World).then(control::no_token);
    }
    (incoming.bearer == Bearer::Stranger && incoming.path != TOKEN_PATH)
        .then(|| exchange::refuse_stranger(server, incoming))
}

fn bearer(header: &str) -> Option<&str> {
    let (scheme, token) = header.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}

fn http_response(reply: ApiResponse) -> HttpResponse {
    let mut response = Response::new(Full::from(reply.body));
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
