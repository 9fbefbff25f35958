//! Connections to the service. A request that has had its turn must leave at once, or it comes in late and beside its
//! successors. So connections are opened ahead of the requests that will need them, and who has to wait for one all the same
//! is told, so that the pace counts its request from when it can have come in.
//!
//! The HTTP client keeps connections that have been used. This sits between it and the network: it hands over what was
//! opened ahead, and sees what has to be opened in a hurry. HTTP/2, where the service offers it, needs one connection for
//! everything; while it is being opened nobody else opens another.

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

/// Connections that are kept ready while requests overlap: at 7 a second one is opened about half a second before its turn.
const READY: usize = 4;
/// Requests before the end of a connection of HTTP/2, by the life of the one before, at which the next one is opened.
const NEXT: usize = 8;
/// A server may close a connection on which nothing was asked; none is known to do so sooner. [inferred]
const SPARE_MAX: Duration = Duration::from_secs(10);
/// Without TLS nothing tells when the other end has begun to listen to a connection. After this it has, or the pace is told
/// that nobody knows.
const PLAIN_AGE: Duration = Duration::from_millis(500);
/// How long a request waits for an HTTP/2 connection that another one has opened to be handed to it.
const HAND_OVER: Duration = Duration::from_secs(2);
const HAND_OVER_LOOK: Duration = Duration::from_millis(20);

/// What a request goes on with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// It waits for a connection.
    Waits,
    /// Its connection is ready, and it leaves.
    Leaves,
}

tokio::task_local! {
    static REQUEST: Arc<AtomicU8>;
}

const WAITS: u8 = 1;
const LEAVES: u8 = 2;

/// Tells `heard` at once when the request that `future` makes has to wait for a connection, and when it has one.
pub async fn watched<F: Future>(future: F, mut heard: impl FnMut(Progress)) -> F::Output {
    let progress = Arc::new(AtomicU8::new(0));
    let mut future = pin!(REQUEST.scope(Arc::clone(&progress), future));
    let mut last = 0;
    std::future::poll_fn(|cx| {
        let polled = future.as_mut().poll(cx);
        let now = progress.load(Ordering::Relaxed);
        if now != last {
            heard(if now == LEAVES { Progress::Leaves } else { Progress::Waits });
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

/// What is known of the connections of one client.
pub struct Connections {
    /// With TLS, whose handshake proves that the other end listens.
    secure: bool,
    state: Mutex<State>,
    /// Held while a connection is opened, unless each request needs one of its own.
    opening_first: tokio::sync::Mutex<()>,
}

struct State {
    protocol: Protocol,
    /// Opened ahead, the oldest first.
    spares: VecDeque<Spare>,
    opening: usize,
    /// Connections that the HTTP client has, as far as can be told from here.
    open: usize,
    /// Requests under way.
    busy: usize,
    /// Requests since a connection was last handed over, and how many it had been when the one before was used up.
    served: usize,
    lifetime: Option<usize>,
    /// When the client last asked for another connection.
    asked: Option<Instant>,
}

struct Spare {
    since: Instant,
    /// Of the client's own type, which has no name.
    connection: Box<dyn Any + Send>,
}

/// Counts a request, from its turn to its end.
pub struct UnderWay<'a> {
    connections: &'a Connections,
    keeps: bool,
}

impl UnderWay<'_> {
    /// An answer of this version came, after which the connection is closed or not.
    pub fn answered(&mut self, version: Version, closes: bool) {
        let mut state = self.connections.state();
        if version == Version::HTTP_2 {
            state.speaks(Protocol::Http2);
        } else if version == Version::HTTP_11 && !closes {
            self.keeps = true;
        }
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        let mut state = self.connections.state();
        state.busy = state.busy.saturating_sub(1);
        if !self.keeps {
            state.open = state.open.saturating_sub(1);
        }
    }
}

/// A connection that is being opened ahead.
struct Ahead(Arc<Connections>);

impl Drop for Ahead {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.opening = state.opening.saturating_sub(1);
    }
}

impl Connections {
    pub fn new(base: &Url) -> Arc<Connections> {
        let secure = base.scheme() == "https";
        let state = State {
            // Without TLS nothing can be offered.
            protocol: if secure { Protocol::Unknown } else { Protocol::Http1 },
            spares: VecDeque::new(),
            opening: 0,
            open: 0,
            busy: 0,
            served: 0,
            lifetime: None,
            asked: None,
        };
        Arc::new(Connections { secure, state: Mutex::new(state), opening_first: tokio::sync::Mutex::default() })
    }

    /// Between the HTTP client and the network: hands over what was opened ahead.
    pub fn handing_over(self: &Arc<Self>) -> Between {
        Between { connections: Arc::clone(self), keeps: false }
    }

    /// For a client that only opens connections: none of its requests is ever sent.
    pub fn keeping(self: &Arc<Self>) -> Between {
        Between { connections: Arc::clone(self), keeps: true }
    }

    /// A request has had its turn.
    pub fn leaves(&self) -> UnderWay<'_> {
        let mut state = self.state();
        state.busy += 1;
        state.served += 1;
        drop(state);
        UnderWay { connections: self, keeps: false }
    }

    /// A request waits for its turn: opens, by `opener`, what it and its successors will need.
    pub fn open_ahead(self: &Arc<Self>, opener: &reqwest::Client, base: &Url) {
        let lacks = {
            let mut state = self.state();
            let lacks = state.lacks();
            state.opening += lacks;
            lacks
        };
        for _ in 0..lacks {
            let (opener, base, ahead) = (opener.clone(), base.clone(), Ahead(Arc::clone(self)));
            tokio::spawn(async move {
                // An error by its nature: the connection is kept, and nothing is sent.
                let _ = opener.get(base).send().await;
                drop(ahead);
            });
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A connection that was opened ahead and still stands; false where the other end may not have heard of it yet.
    fn take<C: Read + Unpin + 'static>(&self) -> Option<(C, bool)> {
        let mut state = self.state();
        // Who asks has none: those that were thought idle are gone.
        state.open = state.busy;
        state.asked = Some(Instant::now());
        let served = std::mem::take(&mut state.served);
        if state.protocol == Protocol::Http2 {
            state.lifetime = Some(served);
        }
        // What a server says first on HTTP/2 must not be read here.
        let may_speak = state.protocol == Protocol::Http2;
        while let Some(spare) = state.spares.pop_front() {
            let age = spare.since.elapsed();
            if let Ok(mut connection) = spare.connection.downcast::<C>()
                && age < SPARE_MAX
                && (may_speak || stands(&mut *connection))
            {
                return Some((*connection, self.secure || age >= PLAIN_AGE));
            }
        }
        None
    }

    fn keep<C: Connection + Send + 'static>(&self, connection: C) {
        let protocol = Protocol::of(&connection);
        let mut state = self.state();
        state.speaks(protocol);
        state.spares.push_back(Spare { since: Instant::now(), connection: Box::new(connection) });
    }

    /// Waits while somebody opens a connection that will do for all; an error where this one is not needed any more.
    async fn alone(&self) -> Result<Option<tokio::sync::MutexGuard<'_, ()>>, BoxError> {
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
            tokio::time::sleep(HAND_OVER_LOOK).await;
        }
        Ok(Some(first))
    }
}

impl Protocol {
    fn of(connection: &impl Connection) -> Protocol {
        if connection.connected().is_negotiated_h2() { Protocol::Http2 } else { Protocol::Http1 }
    }
}

impl State {
    /// This is what the service speaks now.
    fn speaks(&mut self, protocol: Protocol) {
        if self.protocol != protocol {
            self.protocol = protocol;
            self.spares.clear();
        }
    }

    /// How many connections should be opened now.
    fn lacks(&mut self) -> usize {
        self.spares.retain(|spare| spare.since.elapsed() < SPARE_MAX);
        let (wanted, idle) = match self.protocol {
            Protocol::Http1 if self.busy > 0 => {
                let wanted = if self.asked.is_some_and(|at| at.elapsed() < SPARE_MAX) { READY } else { 1 };
                (wanted, self.open.saturating_sub(self.busy))
            }
            Protocol::Http2 => (usize::from(self.lifetime.is_some_and(|most| self.served + NEXT >= most)), 0),
            Protocol::Http1 | Protocol::Unknown => (0, 0),
        };
        wanted.saturating_sub(idle + self.spares.len() + self.opening)
    }
}

/// Nothing has come over it, and it is not closed.
fn stands<C: Read + Unpin>(connection: &mut C) -> bool {
    let mut room = [0; 1];
    let mut room = ReadBuf::new(&mut room);
    let polled = Pin::new(connection).poll_read(&mut Context::from_waker(Waker::noop()), room.unfilled());
    polled.is_pending()
}

/// A layer around whatever opens connections for a client.
#[derive(Clone)]
pub struct Between {
    connections: Arc<Connections>,
    keeps: bool,
}

impl<S> Layer<S> for Between {
    type Service = Opener<S>;

    fn layer(&self, inner: S) -> Opener<S> {
        Opener { inner, between: self.clone() }
    }
}

#[derive(Clone)]
pub struct Opener<S> {
    inner: S,
    between: Between,
}

impl<S, R> Service<R> for Opener<S>
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
        let connections = Arc::clone(&self.between.connections);
        if self.between.keeps {
            let opened = self.inner.call(to);
            return Box::pin(async move {
                connections.keep(opened.await?);
                Err("the connection is kept for later".into())
            });
        }
        let request = REQUEST.try_with(Arc::clone).unwrap_or_default();
        match connections.take() {
            Some((connection, true)) => return Box::pin(std::future::ready(Ok(connection))),
            Some((connection, false)) => {
                request.store(WAITS, Ordering::Relaxed);
                return Box::pin(std::future::ready(Ok(connection)));
            }
            None => request.store(WAITS, Ordering::Relaxed),
        }
        // Nothing is opened before this is polled.
        let opened = self.inner.call(to);
        Box::pin(async move {
            let first = connections.alone().await?;
            let connection = opened.await?;
            connections.state().speaks(Protocol::of(&connection));
            drop(first);
            if connections.secure {
                request.store(LEAVES, Ordering::Relaxed);
            }
            Ok(connection)
        })
    }
}

/// HTTP/2 says of some requests that the service has not begun with them: those on a connection that it is closing in good
/// order, and those it refuses. [RFC 9113, 8.7]
pub fn not_begun(error: &reqwest::Error) -> bool {
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
        if let Some(error) = cause.downcast_ref::<h2::Error>() {
            let reason = error.reason();
            return error.is_remote()
                && (error.is_go_away() && reason == Some(h2::Reason::NO_ERROR)
                    || error.is_reset() && reason == Some(h2::Reason::REFUSED_STREAM));
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(protocol: Protocol, open: usize, busy: usize, asked: bool) -> State {
        let asked = asked.then(Instant::now);
        State { protocol, spares: VecDeque::new(), opening: 0, open, busy, served: 0, lifetime: None, asked }
    }

    #[test]
    fn connections_are_opened_ahead_while_requests_overlap() {
        for (protocol, open, busy, asked, lacks) in [
            (Protocol::Http1, 1, 0, true, 0),
            (Protocol::Http1, 1, 1, true, READY),
            (Protocol::Http1, 3, 1, true, READY - 2),
            (Protocol::Http1, 9, 2, true, 0),
            (Protocol::Http1, 2, 2, false, 1),
            (Protocol::Http1, 3, 2, false, 0),
            (Protocol::Unknown, 1, 1, true, 0),
            (Protocol::Http2, 1, 9, true, 0),
        ] {
            assert_eq!(state(protocol, open, busy, asked).lacks(), lacks, "{protocol:?} {open} {busy} {asked}");
        }
        let mut one = state(Protocol::Http1, 1, 1, true);
        one.opening = READY;
        assert_eq!(one.lacks(), 0);
    }

    #[test]
    fn the_next_connection_of_http_2_is_opened_when_the_life_of_the_one_before_is_nearly_reached() {
        let mut state = state(Protocol::Http2, 1, 3, true);
        for (lifetime, served, lacks) in
            [(None, 1_000, 0), (Some(100), 91, 0), (Some(100), 92, 1), (Some(5), 0, 1), (Some(5), 40, 1)]
        {
            (state.lifetime, state.served) = (lifetime, served);
            assert_eq!(state.lacks(), lacks, "{lifetime:?} {served}");
        }
        state.speaks(Protocol::Http1);
        assert_eq!(state.lacks(), READY);
    }
}
