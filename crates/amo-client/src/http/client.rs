//! The client: one constructor, one way out. No request without its turn in the pace, no retry that the caller did not ask
//! for, no token to any other host.

use super::body::BodyReader;
use super::connections::{ConnectionPool, ConnectionWait, watch};
use super::failure::{self, ClientError, Failure, Reply};
use super::tls;
use super::transport::failure_of;
use crate::auth::{Auth, RENEWALS_MAX};
use crate::pace::{Pace, SendTime, Turn};
use amo_model::{API_PREFIX, TOKEN_PATH};
use reqwest::{Method, Request, RequestBuilder, Url};
use secrecy::ExposeSecret;
use std::any::Any;
use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long an answer is waited for, unless another time is set. Writes of 250 records have been seen to take tens of seconds,
/// and giving up early only leaves them in doubt. [client live]
pub const ANSWER_TIMEOUT: Duration = Duration::from_secs(90);
/// Tries of a read, which is safe to repeat.
pub(super) const READ_TRIES: u32 = 4;

/// A client of one account.
pub struct Client {
    pub(super) http: reqwest::Client,
    connections: Arc<ConnectionPool>,
    /// Opens connections ahead, and sends nothing.
    opener: reqwest::Client,
    pub(super) base: Url,
    pub(super) auth: Auth,
    pub(super) pace: Pace,
    counters: Counters,
    bodies: BodyReader,
    answer_timeout: Duration,
}

/// Requests so far.
#[derive(Debug)]
pub struct Counters {
    pub sent: AtomicU64,
    /// Those answered with a 429.
    pub throttled: AtomicU64,
    /// The least time in microseconds in which a read was answered; `u64::MAX` before the first.
    quickest_read_us: AtomicU64,
}

impl Default for Counters {
    fn default() -> Counters {
        let quickest_read_us = AtomicU64::new(u64::MAX);
        Counters { sent: AtomicU64::new(0), throttled: AtomicU64::new(0), quickest_read_us }
    }
}

tokio::task_local! {
    static UNTIL_TURN: RefCell<Option<Box<dyn Any + Send>>>;
    static COUNTED: Arc<AtomicU64>;
}

/// Runs `work`, and counts the requests that it sends in `counter` as well.
pub async fn count_requests<F: Future>(counter: Arc<AtomicU64>, work: F) -> F::Output {
    COUNTED.scope(counter, work).await
}

/// Runs `work`, and drops `value` when the first request that it makes has had its turn, or when it ends.
pub async fn drop_at_first_turn<F: Future>(value: impl Any + Send, work: F) -> F::Output {
    UNTIL_TURN.scope(RefCell::new(Some(Box::new(value))), work).await
}

impl Client {
    /// The one constructor: explicit TLS provider, the system's certificates, no redirects, no hidden retries.
    pub fn new(base: Url, auth: Auth, pace: Pace) -> Result<Client, ClientError> {
        let mut tls = tls::config(&base)?;
        tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let connections = ConnectionPool::new(&base);
        let client = |layer| {
            // Plain http is for this machine only, and a proxy would see the token.
            let builder = reqwest::Client::builder();
            let builder = if base.scheme() == "http" { builder.no_proxy() } else { builder };
            builder
                .tls_backend_preconfigured(tls.clone())
                .connector_layer(layer)
                .retry(reqwest::retry::never())
                // A redirect could carry the token to another host.
                .redirect(reqwest::redirect::Policy::none())
                .user_agent(concat!("amoport/", env!("CARGO_PKG_VERSION")))
                .connect_timeout(CONNECT_TIMEOUT)
                .build()
                .map_err(|e| ClientError::Setup(format!("the HTTP client cannot be set up: {e}")))
        };
        let (http, opener) = (client(connections.take_layer())?, client(connections.fill_layer())?);
        let (counters, bodies) = (Counters::default(), BodyReader::default());
        Ok(Client { http, connections, opener, base, auth, pace, counters, bodies, answer_timeout: ANSWER_TIMEOUT })
    }

    /// The same client with another time limit for answers.
    pub fn with_answer_timeout(self, answer_timeout: Duration) -> Client {
        Client { answer_timeout, ..self }
    }

    /// How long an answer is waited for. After that its request may still be carried out.
    pub fn answer_timeout(&self) -> Duration {
        self.answer_timeout
    }

    pub fn base(&self) -> &Url {
        &self.base
    }

    pub fn pace(&self) -> &Pace {
        &self.pace
    }

    pub fn auth(&self) -> &Auth {
        &self.auth
    }

    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// The least time in which this service has answered a read; `None` before the first.
    pub fn quickest_read(&self) -> Option<Duration> {
        let us = self.counters.quickest_read_us.load(Ordering::Relaxed);
        (us != u64::MAX).then(|| Duration::from_micros(us))
    }

    /// Waits until one request may be sent. Meanwhile connections are opened that it and the next ones will need.
    pub async fn turn(&self) -> Turn {
        self.connections.open_ahead(&self.opener, &self.base);
        let turn = self.pace.turn().await;
        let _ = UNTIL_TURN.try_with(|value| value.take());
        turn
    }

    /// Sends a write at once; the caller has noted durably that it sends, and then waited for the turn. `path` is below
    /// `/api/v4/`. A DELETE has no body.
    pub async fn write(
        &self,
        turn: Turn,
        method: &'static str,
        path: &str,
        body: Option<Vec<u8>>,
    ) -> Result<Reply, Failure> {
        let method = Method::from_bytes(method.as_bytes()).unwrap_or(Method::POST);
        let request = self.request(method, path, &[]);
        let request = match body {
            Some(body) => request.header(reqwest::header::CONTENT_TYPE, "application/json").body(body),
            None => request,
        };
        self.call(turn, request).await
    }

    /// Reads a path below `/api/v4/`: waits for its turn, and tries again where that is safe and may help.
    pub async fn read(&self, path: &str, query: &[(&str, &str)]) -> Result<Reply, Failure> {
        let turn = self.turn().await;
        self.read_in_turn(turn, path, query).await
    }

    /// The same for a request that has its turn; each repeat waits for another one.
    pub(crate) async fn read_in_turn(
        &self,
        mut turn: Turn,
        path: &str,
        query: &[(&str, &str)],
    ) -> Result<Reply, Failure> {
        let mut tries = 0;
        loop {
            tries += 1;
            let began = Instant::now();
            let end = self.call(turn, self.request(Method::GET, path, query)).await.and_then(failure::require_body);
            if end.is_ok() {
                let took = u64::try_from(self.pace.clock().since(began).as_micros()).unwrap_or(u64::MAX);
                self.counters.quickest_read_us.fetch_min(took, Ordering::Relaxed);
            }
            let pause = match &end {
                Err(Failure::Throttled { .. }) => Duration::ZERO,
                Err(
                    Failure::NeverSent(_)
                    | Failure::Lost(_)
                    | Failure::ServerError { .. }
                    | Failure::Unreadable(_)
                    | Failure::Gateway { .. },
                ) => Duration::from_secs(1) * 2_u32.pow(tries - 1),
                Ok(_)
                | Err(
                    Failure::Refused { .. }
                    | Failure::Unauthorized(_)
                    | Failure::Unpaid(_)
                    | Failure::Forbidden(_)
                    | Failure::Blocked
                    | Failure::Halted
                    | Failure::Incomplete(_)
                    | Failure::Excessive(_)
                    | Failure::Missing { .. },
                ) => return end,
            };
            if tries >= READ_TRIES {
                return end;
            }
            self.pace.clock().sleep(pause).await;
            turn = self.turn().await;
        }
    }

    fn request(&self, method: Method, path: &str, query: &[(&str, &str)]) -> RequestBuilder {
        let mut url = self.base.clone();
        url.set_path(&format!("{API_PREFIX}{path}"));
        self.http.request(method, url).timeout(self.answer_timeout).query(query)
    }

    /// Sends with the token, and again with another one when that is refused; the repeat takes a turn of its own.
    async fn call(&self, mut turn: Turn, request: RequestBuilder) -> Result<Reply, Failure> {
        let mut renewals = 0;
        loop {
            let (no, token) = self.auth.token();
            // A body of bytes is shared by its clones, not copied.
            let copy =
                request.try_clone().ok_or_else(|| Failure::NeverSent("the request cannot be repeated".to_owned()))?;
            let copy = copy.bearer_auth(token.expose_secret()).build().map_err(failure_of)?;
            let end = self.send_once(turn, copy).await;
            let detail = match &end {
                Err(Failure::Unauthorized(detail)) if renewals < RENEWALS_MAX => detail,
                Ok(_) => {
                    self.auth.accepted(no);
                    return end;
                }
                Err(_) => return end,
            };
            renewals += 1;
            self.renew(no, detail).await?;
            turn = self.turn().await;
        }
    }

    /// Sends one request and reports to the pace when it left and how it ended.
    pub(super) async fn send_once(&self, turn: Turn, request: Request) -> Result<Reply, Failure> {
        if let Some(refusal) = self.pace.refusal() {
            return Err(refusal);
        }
        self.counters.sent.fetch_add(1, Ordering::Relaxed);
        let _ = COUNTED.try_with(|counter| counter.fetch_add(1, Ordering::Relaxed));
        let sent_at = self.pace.left(turn);
        let mut late = LateRequest { pace: &self.pace, sent_at, waits: false };
        let end = watch(self.exchange(request), |wait| late.connection(wait)).await;
        drop(late);
        self.pace.ended(sent_at, &end);
        if let Err(Failure::Throttled { .. }) = &end {
            self.counters.throttled.fetch_add(1, Ordering::Relaxed);
        }
        end
    }

    async fn exchange(&self, request: Request) -> Result<Reply, Failure> {
        let is_grant = request.url().path() == TOKEN_PATH;
        let mut in_flight = self.connections.begin_request();
        let answer = self.http.execute(request).await.map_err(failure_of)?;
        let closes = answer.headers().get(reqwest::header::CONNECTION).is_some_and(|value| {
            value.to_str().is_ok_and(|words| words.split(',').any(|word| word.trim().eq_ignore_ascii_case("close")))
        });
        let status = answer.status().as_u16();
        let retry_after = answer
            .headers()
            .get(reqwest::header::RETRY_AFTER)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.trim().parse().ok());
        let version = answer.version();
        let body = self.bodies.read(answer).await?;
        in_flight.answered(version, closes);
        let body = match status {
            // The answer to a grant has to bring tokens.
            200..=299 if is_grant => body,
            _ => self.auth.redact(body),
        };
        failure::classify(Reply { status, retry_after, body })
    }
}

/// A request that may wait for its connection. It counts as late until it has one or ends, also where its caller gives it up.
struct LateRequest<'a> {
    pace: &'a Pace,
    sent_at: SendTime,
    waits: bool,
}

impl LateRequest<'_> {
    fn connection(&mut self, wait: ConnectionWait) {
        self.waits = wait == ConnectionWait::Waiting;
        match wait {
            ConnectionWait::Waiting => self.pace.is_late(self.sent_at),
            ConnectionWait::Ready => self.pace.arrived(self.sent_at),
        }
    }
}

impl Drop for LateRequest<'_> {
    fn drop(&mut self) {
        if self.waits {
            self.pace.arrived(self.sent_at);
        }
    }
}
