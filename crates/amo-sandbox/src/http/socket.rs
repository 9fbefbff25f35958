//! Connections that can be broken on purpose through a handle, and that time out when they are idle or slow. Bytes
//! only.

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

/// The time limit from the first to the last byte of a request's head.
const HEAD_MAX: Duration = Duration::from_secs(10);
/// The time limit for an idle connection. Clients open connections in advance and keep them; none keeps one as long.
const IDLE_MAX: Duration = Duration::from_secs(300);
/// The pause before the next try where the system has no connection to give.
const ACCEPT_PAUSE: Duration = Duration::from_secs(1);

/// The handler's end of a connection.
#[derive(Debug, Clone)]
pub struct ConnectionHandle {
    pub peer: SocketAddr,
    state: Arc<ConnectionState>,
}

/// The state that both ends of a connection share.
#[derive(Debug)]
struct ConnectionState {
    /// The number of bytes of the body that the next response may still send; `WHOLE` for all, `RESET` for none and a
    /// TCP reset.
    left: AtomicUsize,
    /// Requests whose heads have arrived, and those of them that are finished.
    begun: AtomicUsize,
    ended: AtomicUsize,
}

impl ConnectionHandle {
    /// Resets the connection in place of a response.
    pub fn reset(&self) {
        self.state.left.store(RESET, Ordering::SeqCst);
    }

    /// Closes the connection after the head of the response and so many bytes of its body.
    pub fn cut_after(&self, body_bytes: usize) {
        self.state.left.store(body_bytes.min(RESET - 1), Ordering::SeqCst);
    }

    /// The connection is in use from now on, until the guard is dropped.
    pub fn begin_request(&self) -> RequestGuard {
        self.state.begun.fetch_add(1, Ordering::SeqCst);
        RequestGuard(self.state.clone())
    }
}

/// A request that is being handled, until this is dropped.
pub struct RequestGuard(Arc<ConnectionState>);

impl Drop for RequestGuard {
    fn drop(&mut self) {
        self.0.ended.fetch_add(1, Ordering::SeqCst);
    }
}

/// The next connection, and its handle.
pub async fn accept(listener: &TcpListener) -> (ServerStream, ConnectionHandle) {
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                // Responses are small, so that none should wait for another to fill a packet.
                let _ = stream.set_nodelay(true);
                let (left, begun, ended) = (AtomicUsize::new(WHOLE), AtomicUsize::new(0), AtomicUsize::new(0));
                let state = Arc::new(ConnectionState { left, begun, ended });
                return (ServerStream::new(stream, state.clone()), ConnectionHandle { peer, state });
            }
            // The client closed the connection before it was accepted.
            Err(error) if matches!(error.kind(), io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset) => {
            }
            // Too many connections are open, for example: some will end.
            Err(_) => sleep(ACCEPT_PAUSE).await,
        }
    }
}

/// What an idle connection waits for.
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
    /// The head of a response that is to be cut has been sent.
    head_sent: bool,
    /// Requests begun when bytes were last read.
    begun: usize,
    /// A part of the next head has arrived.
    head_started: bool,
    /// What the timer was set for.
    timed: Option<ReadWait>,
    /// Created on first use: most heads arrive whole.
    timer: Option<Pin<Box<Sleep>>>,
}

impl ServerStream {
    fn new(stream: TcpStream, state: Arc<ConnectionState>) -> ServerStream {
        ServerStream { stream, state, head_sent: false, begun: 0, head_started: false, timed: None, timer: None }
    }

    /// Ready when the connection has been idle for too long.
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
            // Closing with a linger time of zero sends RST.
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

/// The number of bytes before the body; all bytes where it has not begun.
fn head_length(bytes: &[u8]) -> usize {
    bytes.windows(4).position(|w| w == b"\r\n\r\n").map_or(bytes.len(), |at| at + 4)
}
