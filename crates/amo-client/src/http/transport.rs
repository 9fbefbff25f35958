//! Errors of the transport: was the request sent, and what a person reads.

use super::failure::Failure;
use super::tls;

/// What a transport error means follows from the HTTP client's own classes: nothing was sent where no connection was made,
/// and nothing was done with a request that HTTP/2 gives back as not begun.
pub(super) fn failure_of(error: reqwest::Error) -> Failure {
    let text = describe(&error);
    match error.is_connect() || error.is_builder() || not_begun(&error) {
        true => Failure::NeverSent(text),
        false => Failure::Lost(text),
    }
}

/// The innermost cause says most ("connection refused"). The address is left out, since it may carry personal data.
fn describe(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "no answer in time".to_owned();
    }
    if let Some(text) = tls::describe_tls_error(error) {
        return text;
    }
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}

/// True where HTTP/2 says that the service has not begun with the request: the connection is being closed in good order, or
/// the stream is refused. [RFC 9113, 8.7]
fn not_begun(error: &reqwest::Error) -> bool {
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
