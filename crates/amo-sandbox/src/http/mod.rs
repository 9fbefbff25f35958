//! The server: bytes in, bytes out, and all effects between. `visitor` says who is not heard, `act` is what happens to a request, `control` the corner
//! for tests, `body` and `socket` what comes over the wire; what an answer says is `endpoints`.

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

use crate::Clock;
use crate::endpoints::reply::{Media, Reply};
use crate::faults::{Done, Fault, Faults, Refusal, Shown};
use crate::http::log::Log;
use crate::http::rate::Rate;
use crate::robots::{Errand, Robot};
use crate::state::Folder;
use crate::switches::Switches;
use crate::world::auth::{Auth, Bearer};
use crate::world::{Commit, World};
use amo_model::{API_PREFIX, TOKEN_PATH};
use body::Unread;

/// The line of a request and its headers. The client's longest, which asks for 250 records by their ids, take an eighth of it.
const HEAD_MAX: usize = 64 << 10;

/// The world and where it is kept, and what is about to happen to it without anybody's asking.
pub struct Core {
    pub world: World,
    pub folder: Option<Folder>,
    robots: Vec<Arc<Robot>>,
    errands: Vec<Errand>,
}

impl Core {
    pub fn new(world: World, folder: Option<Folder>) -> Core {
        Core { world, folder, robots: Vec::new(), errands: Vec::new() }
    }

    /// Robots do what is due by now.
    fn run_errands(&mut self, now_ms: u64, now: i64) {
        let (due, later) = std::mem::take(&mut self.errands).into_iter().partition(|errand| errand.due_ms <= now_ms);
        self.errands = later;
        let due: Vec<Errand> = due;
        for errand in due {
            let change = errand.run(&self.world, now);
            // A change that cannot be kept is not made.
            let is_kept = |folder: &mut Folder| folder.append(&change).is_ok();
            if !change.is_empty() && self.folder.as_mut().is_none_or(is_kept) {
                self.world.apply(change);
            }
        }
    }
}

/// What stands between a request and the world. Held for moments only: the instant at which a request comes must not
/// depend on what is being done to the world.
#[derive(Default)]
pub struct Desk {
    pub switches: Arc<Switches>,
    pub rate: Rate,
    pub faults: Faults,
    pub log: Log,
    /// Requests to be carried out after their answers, in the order in which they came.
    late: BTreeMap<u64, Late>,
    put_off: u64,
    /// The last true answer to a write, by its route.
    answers: BTreeMap<String, String>,
    /// Tokens that a fault has killed, and how many more requests are told.
    dead_tokens: BTreeMap<String, u64>,
    rolled: u64,
}

struct Late {
    asked: Asked,
    switches: Arc<Switches>,
    refusals: Vec<Refusal>,
}

impl Desk {
    fn put_off(&mut self, late: Late) -> u64 {
        self.put_off += 1;
        self.late.insert(self.put_off, late);
        self.put_off
    }

    /// The request that kills a token is the first of `times` that are told.
    fn kill(&mut self, token: &str, times: u64) {
        if times > 1 {
            self.dead_tokens.insert(token.to_owned(), times - 1);
        }
    }

    /// The fault of a request with a dead token; the last of its times brings the token back to life.
    fn mourn(&mut self, token: &str) -> Option<Fault> {
        let left = self.dead_tokens.get_mut(token)?;
        *left -= 1;
        if *left == 0 {
            self.dead_tokens.remove(token);
        }
        let (word, shown) = ("token-expired".to_owned(), Shown::Status(401));
        Some(Fault { word, done: Done::Nothing, shown, late_ms: 0, retry_after: 0, times: 1, dice: 0 })
    }
}

pub struct Server {
    core: Mutex<Core>,
    desk: Mutex<Desk>,
    /// The world's, once more: who asks is known while the world is busy.
    auth: Mutex<Auth>,
    base: String,
    clock: Clock,
    started: Instant,
    started_ms: u64,
    seed: u64,
    first_switches: Arc<Switches>,
    first_faults: Faults,
}

impl Server {
    pub fn new(core: Core, switches: Switches, faults: Faults, base: String, clock: Clock) -> Server {
        let switches = Arc::new(switches);
        Server {
            base,
            started: Instant::now(),
            started_ms: millis(&clock),
            clock,
            seed: core.world.seed,
            auth: Mutex::new(core.world.auth.clone()),
            desk: Mutex::new(Desk { switches: switches.clone(), faults: faults.clone(), ..Desk::default() }),
            first_switches: switches,
            first_faults: faults,
            core: Mutex::new(core),
        }
    }

    /// Called when nothing is served any more. What was put off is done now: a service does not forget a request because
    /// its client has left.
    pub fn close(&self) {
        self.carry_out_late();
        let core = &mut *self.core();
        core.run_errands(u64::MAX, (self.clock)());
        if let Some(folder) = &core.folder {
            folder.withdraw();
        }
    }

    /// What was put off, before its time; how many requests that was.
    fn carry_out_late(&self) -> usize {
        let late: Vec<u64> = self.desk().late.keys().copied().collect();
        for id in &late {
            exchange::carry_out_late(self, *id);
        }
        late.len()
    }

    /// A request that panicked has changed nothing: commits are applied by code that cannot panic. So the lock is
    /// taken whether or not that happened. Whoever takes it finds done what robots had to do by now; nobody can look before.
    fn core(&self) -> MutexGuard<'_, Core> {
        let mut core = self.core.lock().unwrap_or_else(PoisonError::into_inner);
        core.run_errands(self.elapsed_ms(), (self.clock)());
        core
    }

    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// By whose right a request comes.
    fn bearer(&self, token: &str) -> Bearer {
        self.auth.lock().unwrap_or_else(PoisonError::into_inner).bearer(token)
    }

    /// A change that is kept, done to the world.
    fn apply(&self, core: &mut Core, change: Commit) {
        if let Some(auth) = &change.auth {
            self.know(auth);
        }
        core.world.apply(change);
    }

    fn know(&self, auth: &Auth) {
        self.auth.lock().unwrap_or_else(PoisonError::into_inner).clone_from(auth);
    }

    fn elapsed_ms(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

/// The instant to the millisecond, where the clock handed in, which counts seconds, is the machine's own.
fn millis(clock: &Clock) -> u64 {
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
            let (line, plug) = socket::accept(&listener).await;
            let server = server.clone();
            let answer = service_fn(move |request| handle(server.clone(), plug.clone(), request));
            let connection = http.serve_connection(TokioIo::new(line), answer);
            // What ends a connection early is the other end's, or a fault of ours that is meant.
            tokio::spawn(async { drop(connection.await) });
        }
    };
    tokio::select! {
        () = accept => Ok(()),
        _ = stop => Ok(()),
    }
}

/// A request that has come in; the body last.
#[derive(Clone)]
struct Asked {
    method: String,
    path: String,
    query: String,
    token: String,
    bearer: Bearer,
    body: Bytes,
}

/// Characters that the log keeps of what a stranger says: its memory must not be his to fill.
const STRANGERS_WORD_MAX: usize = 200;

impl Asked {
    fn of<B>(server: &Server, request: &Request<B>) -> Asked {
        let token = request.headers().get(header::AUTHORIZATION).and_then(|v| v.to_str().ok()).and_then(bearer);
        Asked {
            method: request.method().to_string(),
            path: request.uri().path().to_owned(),
            query: request.uri().query().unwrap_or("").to_owned(),
            bearer: server.bearer(token.unwrap_or("")),
            token: token.unwrap_or("").to_owned(),
            body: Bytes::new(),
        }
    }

    /// As the log keeps it.
    fn noted(&self, text: &str) -> String {
        match self.bearer {
            Bearer::Stranger => text.chars().take(STRANGERS_WORD_MAX).collect(),
            Bearer::World | Bearer::Pair => text.to_owned(),
        }
    }

    /// The path as routes and scripts name it: below `/api/v4/`.
    fn short_path(&self) -> &str {
        self.path.strip_prefix(API_PREFIX).unwrap_or(self.path.trim_start_matches('/'))
    }
}

type Answer = Response<Full<Bytes>>;

async fn handle(server: Arc<Server>, plug: socket::Plug, request: Request<Incoming>) -> Result<Answer, Infallible> {
    let busy = plug.busy();
    let refused = access::refusal(request.version(), request.uri(), request.headers());
    let mut asked = Asked::of(&server, &request);
    let mut body = request.into_body();
    let turned_away = match refused {
        Some(why) => Some(Reply::text(403, &format!("refused: {why}\n"))),
        None => stranger(&server, &asked),
    };
    if let Some(reply) = turned_away {
        body::pour_away(body, busy);
        return Ok(respond(reply));
    }
    let corner = asked.path.strip_prefix(CORNER).map(str::to_owned);
    let slammed = if corner.is_none() { exchange::admit(&server, &plug, &asked, true) } else { None };
    let admitted = match slammed {
        Some(admitted) => admitted,
        None => {
            let read = match asked.bearer {
                _ if asked.path == TOKEN_PATH => body::read_strangers(&mut body).await,
                Bearer::Stranger => body::read_strangers(&mut body).await,
                Bearer::World | Bearer::Pair => body::read(&mut body, body::BODY_MAX).await,
            };
            asked.body = match read {
                Ok(bytes) => bytes,
                Err(unread) => {
                    body::pour_away(body, busy);
                    return Ok(respond(Reply::html(match unread {
                        Unread::TooLong => 413,
                        Unread::Broken => 400,
                    })));
                }
            };
            if let Some(corner) = corner {
                return Ok(respond(control::answer(&server, &asked, &corner)));
            }
            match exchange::admit(&server, &plug, &asked, false) {
                Some(admitted) => admitted,
                None => return Ok(respond(Reply::html(500))),
            }
        }
    };
    let turn = exchange::answer(&server, &plug, &asked, admitted);
    if turn.wait_ms > 0 {
        tokio::time::sleep(Duration::from_millis(turn.wait_ms)).await;
    }
    if turn.silent {
        // Dropped when the client leaves or the server stops.
        std::future::pending::<()>().await;
    }
    if let Some(route) = &turn.tells {
        server.desk().log.answered(route);
    }
    Ok(respond(turn.reply))
}

const CORNER: &str = "/_sandbox/";

/// The answer to whoever has no token of this world and asks for more than tokens. Neither faults nor the pace are his, for he could
/// spoil with them what somebody else does.
fn stranger(server: &Server, asked: &Asked) -> Option<Reply> {
    if asked.path.starts_with(CORNER) {
        return (asked.bearer != Bearer::World).then(control::locked);
    }
    (asked.bearer == Bearer::Stranger && asked.path != TOKEN_PATH).then(|| exchange::refuse_stranger(server, asked))
}

fn bearer(header: &str) -> Option<&str> {
    let (scheme, token) = header.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}

fn respond(reply: Reply) -> Answer {
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
