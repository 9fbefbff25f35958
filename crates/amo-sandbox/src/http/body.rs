//! The body of a request: read as far as somebody may send one, and no further.

use std::time::Duration;

use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::{Body, Bytes, Incoming};

use crate::http::socket::RequestGuard;

/// More than any batch is; a body above it is refused by the gateway. [inferred]
pub const BODY_MAX: usize = 64 << 20;
/// Of those whom no token has made known: a question for tokens is far smaller.
pub const STRANGER_MAX: usize = 64 << 10;
/// As long may a stranger's body take, and the rest of one that is not wanted.
const SLOW_MAX: Duration = Duration::from_secs(10);

/// Why a body is not there.
pub enum BodyError {
    TooLong,
    /// The connection broke, or what came was no body.
    Broken,
}

/// The whole body, where it is no longer than `max`. A longer one stays where it is, but for its beginning.
pub async fn read(body: &mut Incoming, max: usize) -> Result<Bytes, BodyError> {
    if body.size_hint().lower() > max as u64 {
        return Err(BodyError::TooLong);
    }
    match Limited::new(body, max).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(BodyError::TooLong),
        Err(_) => Err(BodyError::Broken),
    }
}

/// The same of a stranger, who might never come to an end.
pub async fn read_stranger(body: &mut Incoming) -> Result<Bytes, BodyError> {
    tokio::time::timeout(SLOW_MAX, read(body, STRANGER_MAX)).await.unwrap_or(Err(BodyError::Broken))
}

/// Takes what nobody wants to know, keeps none of it, and ends: a client that writes its whole body before it reads an answer comes to
/// the answer, and finds no reset in its place. It has the connection until then.
pub fn drain(mut body: Incoming, busy: RequestGuard) {
    if body.is_end_stream() {
        return;
    }
    tokio::spawn(async move {
        let _busy = busy;
        let draining = async {
            let mut left = BODY_MAX;
            while let Some(Ok(frame)) = body.frame().await {
                match left.checked_sub(frame.data_ref().map_or(0, Bytes::len)) {
                    Some(rest) => left = rest,
                    None => break,
                }
            }
        };
        // Who is late finds the connection closed.
        let _ = tokio::time::timeout(SLOW_MAX, draining).await;
    });
}
