//! The ways a call can fail, one variant each, and how an answer is classified. Pure.

use amo_model::answer::{self, ItemErrors};
use std::time::Duration;

/// Every end of a call that is not a readable success. The caller decides what follows: most reads are worth another
/// try, while `Lost`, `ServerError` and `Unreadable` leave a write in doubt.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// The request did not leave this machine: DNS, connection or TLS failed. Safe to repeat.
    #[error("the service cannot be reached: {0}")]
    NeverSent(String),
    /// The request was sent, and no complete answer came: time-out, reset, a body cut short.
    #[error("the answer was lost: {0}")]
    Lost(String),
    /// 2xx with a body that is not what the API documents.
    #[error("the answer cannot be read: {0}")]
    Unreadable(String),
    /// An answer beyond the bounds of what is read, which another try would not change.
    #[error("the answer cannot be read: {0}")]
    Excessive(String),
    /// A list does not come in the order asked for, or not to its end, so that an absent record is not proved absent.
    #[error("{0}")]
    Incomplete(String),
    /// 429.
    #[error("the service asks to slow down")]
    Throttled { wait: Option<Duration> },
    /// 400 or 422: a definite refusal. `errors` may name the items that caused it.
    #[error("the service refused the request ({status}): {detail}")]
    Refused { status: u16, detail: String, errors: Vec<ItemErrors> },
    /// 401.
    #[error("the service does not accept the token: {0}")]
    Unauthorized(String),
    /// 402.
    #[error("the account's plan does not allow this: {0}")]
    Unpaid(String),
    /// 403 with JSON: the token's user lacks the right.
    #[error("the token's user does not have the right to do this: {0}")]
    Forbidden(String),
    /// 403 with an HTML page: the account or the address is blocked. [doc][client]
    #[error("the service has blocked this account or address (403)")]
    Blocked,
    /// Not sent: 429s kept coming, in this process or another one, and all processes have stopped.
    #[error("the service keeps asking to slow down (429)")]
    Halted,
    /// 404 and other 3xx and 4xx from the service itself: it has not done what was asked.
    #[error("{}", sentence(*.status, .detail))]
    Missing { status: u16, detail: String },
    /// The same from a router, proxy or gateway on the way. Whether it has passed the request on is unknown. [client live]
    #[error("{}", sentence(*.status, .detail))]
    Gateway { status: u16, detail: String },
    /// 5xx: the request may or may not have been carried out.
    #[error("the service failed ({status}): {detail}")]
    ServerError { status: u16, detail: String },
}

impl Failure {
    /// The HTTP status, where an answer came.
    pub fn status(&self) -> Option<u16> {
        match self {
            Failure::NeverSent(_)
            | Failure::Lost(_)
            | Failure::Unreadable(_)
            | Failure::Excessive(_)
            | Failure::Incomplete(_)
            | Failure::Halted => None,
            Failure::Throttled { .. } => Some(429),
            Failure::Unauthorized(_) => Some(401),
            Failure::Unpaid(_) => Some(402),
            Failure::Forbidden(_) | Failure::Blocked => Some(403),
            Failure::Refused { status, .. }
            | Failure::Missing { status, .. }
            | Failure::Gateway { status, .. }
            | Failure::ServerError { status, .. } => Some(*status),
        }
    }
}

/// What a status without a variant of its own means, and what a person can do about it.
pub fn meaning(status: u16) -> (&'static str, &'static str) {
    match status {
        300..=399 => (
            "the address has moved to another",
            "open the address in a browser, and give --account the address that it leads to",
        ),
        408 | 499 => ("a proxy or gateway did not wait for the request", "wait a minute and resume"),
        409 => ("a proxy or gateway reports a conflict with another request", "wait a minute and resume"),
        413 | 414 => ("the request is too long for a proxy or gateway", "resume with a smaller --batch"),
        415 => ("a proxy or gateway does not accept JSON", "ask whoever runs the proxy to let it through"),
        421 => ("the request reached the wrong server", "check the proxy and the name servers, and resume"),
        423 => ("the resource is locked", "wait until it is unlocked, and resume"),
        425 => ("the service refused a request sent too early on its connection", "wait a minute and resume"),
        404 | 405 | 410 => {
            ("the service does not know this address", "check the account's address: https://NAME.amocrm.ru")
        }
        _ => ("the status is not documented", "check the account's address and the proxy, and resume"),
    }
}

fn sentence(status: u16, detail: &str) -> String {
    format!("{} ({status}): {detail}", meaning(status).0)
}

/// Why a client cannot be made; the sentence is for the user.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ClientError {
    /// The certificates of this machine, or those that its environment names, cannot be used.
    #[error("{0}")]
    Certificates(String),
    #[error("{0}")]
    Setup(String),
}

/// An answer as it was received.
#[derive(Debug, Clone)]
pub struct Reply {
    pub status: u16,
    /// Seconds of the `Retry-After` header; sent by gateways, documented nowhere. [client]
    pub retry_after: Option<u64>,
    pub body: Vec<u8>,
}

/// Classifies an answer: the status decides first, the body only adds details and may be an HTML page. [inferred]
pub fn classify(reply: Reply) -> Result<Reply, Failure> {
    let detail = || answer::detail(&reply.body).unwrap_or_else(|| format!("no details, {} bytes", reply.body.len()));
    match reply.status {
        200..=299 => Ok(reply),
        400 | 422 => Err(Failure::Refused {
            status: reply.status,
            detail: detail(),
            errors: answer::validation_errors(&reply.body),
        }),
        401 => Err(Failure::Unauthorized(detail())),
        402 => Err(Failure::Unpaid(detail())),
        403 => Err(match answer::detail(&reply.body) {
            Some(detail) => Failure::Forbidden(detail),
            None => Failure::Blocked,
        }),
        429 => {
            let seconds = reply.retry_after.or_else(|| answer::retry_after(&reply.body));
            Err(Failure::Throttled { wait: seconds.map(Duration::from_secs) })
        }
        500.. => Err(Failure::ServerError { status: reply.status, detail: detail() }),
        status if answer::is_problem(&reply.body, status) => Err(Failure::Missing { status, detail: detail() }),
        status => Err(Failure::Gateway { status, detail: detail() }),
    }
}

/// Only a 204 means that there is nothing; a 200 without a body has lost it on the way.
pub(super) fn require_body(reply: Reply) -> Result<Reply, Failure> {
    match reply.status != 204 && reply.body.trim_ascii().is_empty() {
        true => Err(Failure::Unreadable(format!("{} with an empty body", reply.status))),
        false => Ok(reply),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_status_and_body_has_its_variant() {
        let json = r#"{"title":"T","detail":"D","status":"x"}"#;
        let cases: Vec<(u16, &str, Failure)> = vec![
            (400, json, Failure::Refused { status: 400, detail: "T: D".into(), errors: vec![] }),
            (401, json, Failure::Unauthorized("T: D".into())),
            (402, json, Failure::Unpaid("T: D".into())),
            (403, json, Failure::Forbidden("T: D".into())),
            (403, "<html>", Failure::Blocked),
            (404, "<html>", Failure::Gateway { status: 404, detail: "no details, 6 bytes".into() }),
            (404, r#"{"title":"T","status":404}"#, Failure::Missing { status: 404, detail: "T".into() }),
            (404, r#"{"title":"T","status":"404"}"#, Failure::Missing { status: 404, detail: "T".into() }),
            (404, r#"{"title":"T"}"#, Failure::Missing { status: 404, detail: "T".into() }),
            (404, r#"{"title":"T","status":502}"#, Failure::Gateway { status: 404, detail: "T".into() }),
            (404, "", Failure::Gateway { status: 404, detail: "no details, 0 bytes".into() }),
            (409, "<html>", Failure::Gateway { status: 409, detail: "no details, 6 bytes".into() }),
            (308, "", Failure::Gateway { status: 308, detail: "no details, 0 bytes".into() }),
            (429, "<html>", Failure::Throttled { wait: None }),
            (429, r#"{"retry_after":300}"#, Failure::Throttled { wait: Some(Duration::from_secs(300)) }),
            (504, "<html>", Failure::ServerError { status: 504, detail: "no details, 6 bytes".into() }),
        ];
        for (status, body, expected) in cases {
            let reply = Reply { status, retry_after: None, body: body.as_bytes().to_vec() };
            assert_eq!(classify(reply).unwrap_err(), expected);
        }
        assert!(classify(Reply { status: 201, retry_after: None, body: vec![] }).is_ok());
    }
}
