//! Connections to the service. A request must leave as soon as it has its turn, or it arrives late and together with the
//! next ones. So connections are opened ahead of the requests that will need them. Where a request has to wait for one all
//! the same, the pace is told, and counts the request from when it can have arrived.
//!
//! The HTTP client keeps used connections itself. This is a layer between it and the network: it hands over connections that
//! were opened ahead, and notices those that have to be opened at once. HTTP/2, where the service offers it, needs one
//! connection for all requests; while that is being opened no other is.

use hyper::rt::{Read, ReadBuf};
use hyper_util::client::legacy::connect::Connection;
use reqwest::{Url, Version};
use std::any::Any;
use std::collections::VecDeque;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};
use tower_layer::Layer;
use tower_service::Service;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Spare connections while requests overlap: at 7 requests a second one is opened about half a second before its turn.
const READY: usize = 4;
/// The next HTTP/2 connection is opened this many requests before the present one will be closed, which is expected after as
/// many requests as the one before it served.
const NEXT: usize = 8;
/// The age at which a spare connection is dropped: a server may close an unused one, and none is known to do so sooner.
/// [inferred]
const SPARE_MAX: Duration = Duration::from_secs(10);
/// How long a request waits for the HTTP client to put it on an HTTP/2 connection that another request has opened.
const HAND_OVER: Duration = Duration::from_secs(2);
const HAND_OVER_POLL: Duration = Duration::from_millis(20);

/// Whether a request has its connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConnectionWait {
    /// It waits for one.
    Waiting,
    /// Its connection is ready, and the request leaves.
    Ready,
}

tokio::task_local! {
    static REQUEST: Arc<AtomicU8>;
}

const WAITING: u8 = 1;
const READY_NOW: u8 = 2;

/// Calls `on_change` at once when the request that `future` makes has to wait for a connection, and when it has one.
pub async fn watch<F: Future>(future: F, mut on_change: impl FnMut(ConnectionWait)) -> F::Output {
    let wait = Arc::new(AtomicU8::new(0));
    let mut future = pin!(REQUEST.scope(Arc::clone(&wait), future));
    let mut last = 0;
    std::future::poll_fn(|cx| {
        let polled = future.as_mut().poll(cx);
        let now = wait.load(Ordering::Relaxed);
        if now != last {
            on_change(if now == READY_NOW { ConnectionWait::Ready } else { ConnectionWait::Waiting });
            last = now;
        }
        polled
    })
    .await
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Protocol {
    Unknown,
    Http1,
    Http2,
}

/// The connections of one client, as far as they are known here.
pub struct ConnectionPool {
    state: Mutex<PoolState>,
    /// Held while a connection is opened, unless each request needs one of its own.
    opening_first: tokio::sync::Mutex<()>,
}

struct PoolState {
    protocol: Protocol,
    /// Opened ahead, the oldest first.
    spares: VecDeque<SpareConnection>,
    opening: usize,
    /// Connections of the HTTP client, as far as this layer sees them.
    open: usize,
    /// Requests in flight.
    busy: usize,
    /// Requests since a connection was last handed over.
    served: usize,
    /// Requests that the connection before it served.
    lifetime: Option<usize>,
    /// When the HTTP client last asked for a connection.
    requested: Option<Instant>,
}

struct SpareConnection {
    since: Instant,
    /// Of the HTTP client's own type, which has no name.
    connection: Box<dyn Any + Send>,
}

/// Counts a request from its turn to its end.
pub struct InFlight<'a> {
    pool: &'a ConnectionPool,
    keeps: bool,
}

impl InFlight<'_> {
    /// An answer of this HTTP version came; `closes` where the connection ends with it.
    pub fn answered(&mut self, version: Version, closes: bool) {
        let mut state = self.pool.state();
        if version == Version::HTTP_2 {
            state.set_protocol(Protocol::Http2);
        } else if version == Version::HTTP_11 && !closes {
            self.keeps = true;
        }
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        let mut state = self.pool.state();
        state.busy = state.busy.saturating_sub(1);
        if !self.keeps {
            state.open = state.open.saturating_sub(1);
        }
    }
}

/// A connection that is being opened ahead.
struct Opening(Arc<ConnectionPool>);

impl Drop for Opening {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.opening = state.opening.saturating_sub(1);
    }
}

impl ConnectionPool {
    pub fn new(base: &Url) -> Arc<ConnectionPool> {
        let state = PoolState {
            // Only TLS can negotiate HTTP/2.
            protocol: if base.scheme() == "https" { Protocol::Unknown } else { Protocol::Http1 },
            spares: VecDeque::new(),
            opening: 0,
            open: 0,
            busy: 0,
            served: 0,
            lifetime: None,
            requested: None,
        };
        Arc::new(ConnectionPool { state: Mutex::new(state), opening_first: tokio::sync::Mutex::default() })
    }

    /// The layer of the client that sends requests: hands over connections that were opened ahead.
    pub fn take_layer(self: &Arc<Self>) -> PoolLayer {
        PoolLayer { pool: Arc::clone(self), fills: false }
    }

    /// The layer of the client that only opens connections: none of its requests is ever sent.
    pub fn fill_layer(self: &Arc<Self>) -> PoolLayer {
        PoolLayer { pool: Arc::clone(self), fills: true }
    }

    /// A request has had its turn and begins.
    pub fn begin_request(&self) -> InFlight<'_> {
        let mut state = self.state();
        state.busy += 1;
        state.served += 1;
        drop(state);
        InFlight { pool: self, keeps: false }
    }

    /// A request waits for its turn: `opener` opens the connections that it and the next ones will need.
    pub fn open_ahead(self: &Arc<Self>, opener: &reqwest::Client, base: &Url) {
        let missing = {
            let mut state = self.state();
            let missing = state.missing();
            state.opening += missing;
            missing
        };
        for _ in 0..missing {
            let (opener, base, opening) = (opener.clone(), base.clone(), Opening(Arc::clone(self)));
            tokio::spawn(async move {
                // Always an error: the layer keeps the connection, and nothing is sent.
                let _ = opener.get(base).send().await;
                drop(opening);
            });
        }
    }

    fn state(&self) -> MutexGuard<'_, PoolState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A connection that was opened ahead and is still open.
    fn take<C: Read + Unpin + 'static>(&self) -> Option<C> {
        let mut state = self.state();
        // The HTTP client asks because it has none: those counted as idle are closed.
        state.open = state.busy;
        state.requested = Some(Instant::now());
        let served = std::mem::take(&mut state.served);
        if state.protocol == Protocol::Http2 {
            state.lifetime = Some(served);
        }
        // On HTTP/2 the server sends first, and that must not be read here.
        let may_speak = state.protocol == Protocol::Http2;
        while let Some(spare) = state.spares.pop_front() {
            if let Ok(mut connection) = spare.connection.downcast::<C>()
                && spare.since.elapsed() < SPARE_MAX
                && (may_speak || is_open(&mut *connection))
            {
                return Some(*connection);
            }
        }
        None
    }

    /// Keeps a connection for later requests.
    fn keep<C: Connection + Send + 'static>(&self, connection: C) {
        let protocol = Protocol::of(&connection);
        let mut state = self.state();
        state.set_protocol(protocol);
        state.spares.push_back(SpareConnection { since: Instant::now(), connection: Box::new(connection) });
    }

    /// Waits while another request opens a connection that serves all; an error where this one is not needed any more.
    async fn wait_for_first(&self) -> Result<Option<tokio::sync::MutexGuard<'_, ()>>, BoxError> {
        if self.state().protocol == Protocol::Http1 {
            return Ok(None);
        }
        if let Ok(first) = self.opening_first.try_lock() {
            return Ok(Some(first));
        }
        let first = self.opening_first.lock().await;
        let since = Instant::now();
        while self.state().protocol == Protocol::Http2 && since.elapsed() < HAND_OVER {
            if REQUEST.try_with(|_| ()).is_err() {
                return Err("the request went over another connection".into());
            }
            tokio::time::sleep(HAND_OVER_POLL).await;
        }
        Ok(Some(first))
    }
}

impl Protocol {
    fn of(connection: &impl Connection) -> Protocol {
        if connection.connected().is_negotiated_h2() { Protocol::Http2 } else { Protocol::Http1 }
    }
}

impl PoolState {
    /// Notes which protocol the service speaks now. Spare connections of another one are dropped.
    fn set_protocol(&mut self, protocol: Protocol) {
        if self.protocol != protocol {
            self.protocol = protocol;
            self.spares.clear();
        }
    }

    /// How many connections should be opened now.
    fn missing(&mut self) -> usize {
        self.spares.retain(|spare| spare.since.elapsed() < SPARE_MAX);
        let (wanted, idle) = match self.protocol {
            Protocol::Http1 if self.busy > 0 => {
                let wanted = if self.requested.is_some_and(|at| at.elapsed() < SPARE_MAX) { READY } else { 1 };
                (wanted, self.open.saturating_sub(self.busy))
            }
            Protocol::Http2 => (usize::from(self.lifetime.is_some_and(|most| self.served + NEXT >= most)), 0),
            Protocol::Http1 | Protocol::Unknown => (0, 0),
        };
        wanted.saturating_sub(idle + self.spares.len() + self.opening)
    }
}

/// True while the connection is open and nothing has arrived on it.
fn is_open<C: Read + Unpin>(connection: &mut C) -> bool {
    let mut room = [0; 1];
    let mut room = ReadBuf::new(&mut room);
    let polled = Pin::new(connection).poll_read(&mut Context::from_waker(Waker::noop()), room.unfilled());
    polled.is_pending()
}

/// A layer around the connector of an HTTP client.
#[derive(Clone)]
pub struct PoolLayer {
    pool: Arc<ConnectionPool>,
    fills: bool,
}

impl<S> Layer<S> for PoolLayer {
    type Service = PoolConnector<S>;

    fn layer(&self, inner: S) -> PoolConnector<S> {
        PoolConnector { inner, layer: self.clone() }
    }
}

#[derive(Clone)]
pub struct PoolConnector<S> {
    inner: S,
    layer: PoolLayer,
}

impl<S, R> Service<R> for PoolConnector<S>
where
    S: Service<R, Error = BoxError>,
    S::Future: Send + 'static,
    S::Response: Connection + Read + Unpin + Send + 'static,
{
    type Response = S::Response;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, to: R) -> Self::Future {
        let pool = Arc::clone(&self.layer.pool);
        if self.layer.fills {
            let opened = self.inner.call(to);
            return Box::pin(async move {
                pool.keep(opened.await?);
                Err("the connection is kept for later".into())
            });
        }
        let request = REQUEST.try_with(Arc::clone).unwrap_or_default();
        if let Some(connection) = pool.take() {
            return Box::pin(std::future::ready(Ok(connection)));
        }
        request.store(WAITING, Ordering::Relaxed);
        // The future opens nothing before it is polled.
        let opened = self.inner.call(to);
        Box::pin(async move {
            let first = pool.wait_for_first().await?;
            let connection = opened.await?;
            pool.state().set_protocol(Protocol::of(&connection));
            drop(first);
            request.store(READY_NOW, Ordering::Relaxed);
            Ok(connection)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(protocol: Protocol, open: usize, busy: usize, requested: bool) -> PoolState {
        let requested = requested.then(Instant::now);
        PoolState { protocol, spares: VecDeque::new(), opening: 0, open, busy, served: 0, lifetime: None, requested }
    }

    #[test]
    fn connections_are_opened_ahead_while_requests_overlap() {
        for (protocol, open, busy, requested, missing) in [
            (Protocol::Http1, 1, 0, true, 0),
            (Protocol::Http1, 1, 1, true, READY),
            (Protocol::Http1, 3, 1, true, READY - 2),
            (Protocol::Http1, 9, 2, true, 0),
            (Protocol::Http1, 2, 2, false, 1),
            (Protocol::Http1, 3, 2, false, 0),
            (Protocol::Unknown, 1, 1, true, 0),
            (Protocol::Http2, 1, 9, true, 0),
        ] {
            assert_eq!(
                state(protocol, open, busy, requested).missing(),
                missing,
                "{protocol:?} {open} {busy} {requested}"
            );
        }
        let mut one = state(Protocol::Http1, 1, 1, true);
        one.opening = READY;
        assert_eq!(one.missing(), 0);
    }

    #[test]
    fn the_next_http_2_connection_is_opened_shortly_before_the_present_one_ends() {
        let mut state = state(Protocol::Http2, 1, 3, true);
        for (lifetime, served, missing) in
            [(None, 1_000, 0), (Some(100), 91, 0), (Some(100), 92, 1), (Some(5), 0, 1), (Some(5), 40, 1)]
        {
            (state.lifetime, state.served) = (lifetime, served);
            assert_eq!(state.missing(), missing, "{lifetime:?} {served}");
        }
        state.set_protocol(Protocol::Http1);
        assert_eq!(state.missing(), READY);
    }
}
