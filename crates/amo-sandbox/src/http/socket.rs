//! Connections that can be broken on purpose: each has a plug that a handler may pull. And those that nobody uses, or that
//! bring a request byte by byte, end by themselves. Knows bytes only.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, Sleep, sleep, sleep_until};

const WHOLE: usize = usize::MAX;
const RESET: usize = usize::MAX - 1;

/// From the first byte of a request to the last one of its head.
const HEAD_MAX: Duration = Duration::from_secs(10);
/// Before a request and after one. Clients open connections ahead and keep them; this is longer than any of them is kept.
const IDLE_MAX: Duration = Duration::from_secs(300);
/// Until the next try where the system has no connection to give.
const ACCEPT_PAUSE: Duration = Duration::from_secs(1);

/// The handler's end of a connection.
#[derive(Debug, Clone)]
pub struct ConnectionHandle {
    pub peer: SocketAddr,
    state: Arc<ConnectionState>,
}

/// What both ends of a connection know of it.
#[derive(Debug)]
struct ConnectionState {
    /// Bytes of the body the next answer may still send; `WHOLE` for all, `RESET` for none and a TCP reset.
    left: AtomicUsize,
    /// Requests whose heads have come, and those of them that nobody is busy with any more.
    begun: AtomicUsize,
    ended: AtomicUsize,
}

impl ConnectionHandle {
    /// Instead of an answer, a reset.
    pub fn reset(&self) {
        self.state.left.store(RESET, Ordering::SeqCst);
    }

    /// The answer's head, so much of its body, and then the end.
    pub fn cut_after(&self, body_bytes: usize) {
        self.state.left.store(body_bytes.min(RESET - 1), Ordering::SeqCst);
    }

    /// A request's head has come: however long its body and its answer take, the connection is in use.
    pub fn begin_request(&self) -> RequestGuard {
        self.state.begun.fetch_add(1, Ordering::SeqCst);
        RequestGuard(self.state.clone())
    }
}

/// Somebody is busy with a request, until this is dropped.
pub struct RequestGuard(Arc<ConnectionState>);

impl Drop for RequestGuard {
    fn drop(&mut self) {
        self.0.ended.fetch_add(1, Ordering::SeqCst);
    }
}

/// The next connection, from its two ends.
pub async fn accept(listener: &TcpListener) -> (ServerStream, ConnectionHandle) {
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                // Answers are small and awaited: none should wait for another to fill a packet.
                let _ = stream.set_nodelay(true);
                let (left, begun, ended) = (AtomicUsize::new(WHOLE), AtomicUsize::new(0), AtomicUsize::new(0));
                let state = Arc::new(ConnectionState { left, begun, ended });
                return (ServerStream::new(stream, state.clone()), ConnectionHandle { peer, state });
            }
            // The client was gone before it was heard.
            Err(error) if matches!(error.kind(), io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset) => {
            }
            // Too many are open, say: some will end.
            Err(_) => sleep(ACCEPT_PAUSE).await,
        }
    }
}

/// What a connection without a request is waiting for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ReadWait {
    Request,
    RestOfHead,
}

impl ReadWait {
    fn timeout(self) -> Duration {
        match self {
            ReadWait::Request => IDLE_MAX,
            ReadWait::RestOfHead => HEAD_MAX,
        }
    }
}

pub struct ServerStream {
    stream: TcpStream,
    state: Arc<ConnectionState>,
    /// Of an answer that is to be cut.
    head_sent: bool,
    /// Requests begun when bytes were last asked for.
    begun: usize,
    /// A part of the next head has come.
    head_started: bool,
    /// What the timer was set for.
    timed: Option<ReadWait>,
    /// Made when first needed: most heads come whole.
    timer: Option<Pin<Box<Sleep>>>,
}

impl ServerStream {
    fn new(stream: TcpStream, state: Arc<ConnectionState>) -> ServerStream {
        ServerStream { stream, state, head_sent: false, begun: 0, head_started: false, timed: None, timer: None }
    }

    /// Nothing has come, and nothing is being done: ready when that has lasted too long.
    fn poll_timeout(&mut self, cx: &mut Context) -> Poll<()> {
        let awaited = if self.head_started { ReadWait::RestOfHead } else { ReadWait::Request };
        let deadline = Instant::now() + awaited.timeout();
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(deadline)));
        if self.timed != Some(awaited) {
            self.timed = Some(awaited);
            timer.as_mut().reset(deadline);
        }
        timer.as_mut().poll(cx)
    }
}

impl AsyncRead for ServerStream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context, buf: &mut ReadBuf) -> Poll<io::Result<()>> {
        let begun = self.state.begun.load(Ordering::SeqCst);
        if begun != self.begun {
            (self.begun, self.head_started, self.timed) = (begun, false, None);
        }
        let is_busy = begun != self.state.ended.load(Ordering::SeqCst);
        let before = buf.filled().len();
        match Pin::new(&mut self.stream).poll_read(cx, buf) {
            Poll::Pending if is_busy => Poll::Pending,
            Poll::Pending => self.poll_timeout(cx).map(|()| Err(io::ErrorKind::TimedOut.into())),
            ready => {
                self.head_started |= !is_busy && buf.filled().len() > before;
                ready
            }
        }
    }
}

impl AsyncWrite for ServerStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context, buf: &[u8]) -> Poll<io::Result<usize>> {
        let left = self.state.left.load(Ordering::SeqCst);
        if left == WHOLE {
            return Pin::new(&mut self.stream).poll_write(cx, buf);
        }
        if left == RESET {
            // Closing with nothing to linger for is what sends RST.
            let _ = self.stream.set_zero_linger();
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        let head = if self.head_sent { 0 } else { head_length(buf) };
        let allowed = (head + left).min(buf.len());
        if allowed == 0 {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        let sent = ready!(Pin::new(&mut self.stream).poll_write(cx, &buf[..allowed]))?;
        self.head_sent |= sent >= head;
        self.state.left.store(left - sent.saturating_sub(head).min(left), Ordering::SeqCst);
        Poll::Ready(Ok(sent))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// Bytes before the body; all of them where there is none yet.
fn head_length(bytes: &[u8]) -> usize {
    bytes.windows(4).position(|w| w == b"\r\n\r\n").map_or(bytes.len(), |at| at + 4)
}
