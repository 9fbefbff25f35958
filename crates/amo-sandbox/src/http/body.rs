//! Reads the body of a request, up to a limit.

use std::time::Duration;

use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::{Body, Bytes, Incoming};

use crate::http::socket::RequestGuard;

/// Larger than any batch; the gateway refuses a larger body. [inferred]
pub const BODY_MAX: usize = 64 << 20;
/// For requests without a valid token: a request for tokens is far smaller.
pub const STRANGER_MAX: usize = 64 << 10;
/// The time limit for the body of a stranger, and for draining a body.
const SLOW_MAX: Duration = Duration::from_secs(10);

/// Why a body could not be read.
pub enum BodyError {
    TooLong,
    /// The connection broke, or the body is malformed.
    Broken,
}

/// The whole body, where it has no more than `max` bytes. Of a longer one only the beginning is read.
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

/// The same for a stranger, with a time limit.
pub async fn read_stranger(body: &mut Incoming) -> Result<Bytes, BodyError> {
    tokio::time::timeout(SLOW_MAX, read(body, STRANGER_MAX)).await.unwrap_or(Err(BodyError::Broken))
}

/// Reads the rest of a body and drops it. A client that writes its whole body before it reads the response then gets
/// the response and not a connection reset. The connection stays in use until then.
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
        // After the time limit the connection is closed.
        let _ = tokio::time::timeout(SLOW_MAX, draining).await;
    });
}
