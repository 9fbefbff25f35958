//! Connections that can be broken on purpose: each has a plug that a handler may pull. Knows bytes only.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};

const WHOLE: usize = usize::MAX;
const RESET: usize = usize::MAX - 1;

/// The handler's end of a connection.
#[derive(Debug, Clone)]
pub struct Plug {
    pub peer: SocketAddr,
    /// Bytes of the body the next answer may still send; `WHOLE` for all, `RESET` for none and a TCP reset.
    left: Arc<AtomicUsize>,
}

impl Plug {
    /// Instead of an answer, a reset.
    pub fn reset(&self) {
        self.left.store(RESET, Ordering::SeqCst);
    }

    /// The answer's head, so much of its body, and then the end.
    pub fn cut_after(&self, body_bytes: usize) {
        self.left.store(body_bytes.min(RESET - 1), Ordering::SeqCst);
    }
}

impl Connected<IncomingStream<'_, Door>> for Plug {
    fn connect_info(stream: IncomingStream<'_, Door>) -> Plug {
        Plug { peer: *stream.remote_addr(), left: stream.io().left.clone() }
    }
}

pub struct Door(pub TcpListener);

impl Listener for Door {
    type Io = Line;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Line, SocketAddr) {
        let (stream, peer) = Listener::accept(&mut self.0).await;
        // Answers are small and awaited: none should wait for another to fill a packet.
        let _ = stream.set_nodelay(true);
        (Line { stream, left: Arc::new(AtomicUsize::new(WHOLE)), head_sent: false }, peer)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }
}

pub struct Line {
    stream: TcpStream,
    left: Arc<AtomicUsize>,
    /// Of an answer that is to be cut.
    head_sent: bool,
}

impl AsyncRead for Line {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context, buf: &mut ReadBuf) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Line {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context, buf: &[u8]) -> Poll<io::Result<usize>> {
        let left = self.left.load(Ordering::SeqCst);
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
        self.left.store(left - sent.saturating_sub(head).min(left), Ordering::SeqCst);
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
