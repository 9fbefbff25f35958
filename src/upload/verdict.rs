//! What the end of a write means for its batch. Pure: one match that names every end, so that a new one stops the
//! compiler and not a user.

use crate::api::{Failure, Reply};
use crate::entity::answer::{self, ItemErrors, WrittenItem};
use crate::entity::{Action, Write};
use std::time::Duration;

/// What to do with a batch whose request has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Done; these are the items.
    Done(Vec<WrittenItem>),
    /// It was certainly not acted on: the same batch again, after a pause.
    Again { pause: Duration, why: String },
    /// Refused for these records; the rest goes again at once, in one more request.
    Reject(Vec<ItemErrors>),
    /// Refused, and nobody is named: halved, until the one stands alone.
    Halve(String),
    /// Nobody here knows whether it was done.
    InDoubt(String),
    /// The service will refuse everything that follows: nothing more is sent.
    Stop(Stop),
}

/// Why the service ends a run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Stop {
    #[error("the service does not accept the token: {0}")]
    Auth(String),
    #[error("the service has blocked this account or address (403)")]
    Blocked,
    #[error("the token's user may not do this: {0}")]
    Forbidden(String),
    #[error("the account's tariff does not allow this: {0}")]
    Unpaid(String),
    #[error("the service keeps asking to slow down (429)")]
    Throttled,
    #[error("the service cannot be reached: {0}")]
    Unreachable(String),
    #[error("the service does not know this address: {0}")]
    Missing(String),
    #[error("the service failed {0} times in a row")]
    Failing(u32),
}

impl Stop {
    /// What the user can do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Stop::Auth(_) => "check the token (amoport auth status) and resume",
            Stop::Blocked => "only the service's support can lift the block; resume afterwards",
            Stop::Forbidden(_) => "use the token of a user who may do this, and resume",
            Stop::Unpaid(_) => "pay for the account or change its tariff, and resume",
            Stop::Throttled => {
                "other programs may be using the account; wait some minutes and resume with a lower --rate"
            }
            Stop::Unreachable(_) => "check the network and the account's address, and resume",
            Stop::Missing(_) => "check the account's address",
            Stop::Failing(_) => "wait until the service is well again and resume",
        }
    }
}

/// Tries of a batch that certainly was not acted on.
pub const TRIES_MAX: u32 = 6;
/// The text of a 400 that is a passing failure inside the service, not a refusal. [client]
const SYSTEM_ERROR: &str = "системная ошибка";

/// `tries` counts this one. An update may be sent twice without harm, a creation may not.
pub fn verdict(end: &Result<Reply, Failure>, write: &Write, collection: &str, tries: u32) -> Verdict {
    let again = |pause: Duration, why: String, else_stop: Stop| {
        if tries >= TRIES_MAX { Verdict::Stop(else_stop) } else { Verdict::Again { pause, why } }
    };
    let doubt = |why: String| match write.action {
        Action::Update | Action::Delete if tries < TRIES_MAX => Verdict::Again { pause: backoff(tries), why },
        Action::Update | Action::Delete => Verdict::Stop(Stop::Failing(tries)),
        Action::Create => Verdict::InDoubt(why),
    };
    match end {
        Ok(reply) => {
            if let Some(errors) = answer::embedded_errors(&reply.body) {
                return doubt(format!("the answer carries errors: {errors}"));
            }
            match answer::written_items(&reply.body, write.wrapping, collection) {
                Some(items) => Verdict::Done(items),
                None => doubt("the answer cannot be read".to_owned()),
            }
        }
        Err(Failure::NeverSent(why)) => again(backoff(tries), why.clone(), Stop::Unreachable(why.clone())),
        // The pause is held by the pace, for everybody.
        Err(Failure::Throttled { .. }) => again(Duration::ZERO, "429".to_owned(), Stop::Throttled),
        Err(Failure::Refused { detail, errors, .. }) => {
            if detail.to_lowercase().contains(SYSTEM_ERROR) {
                return doubt(detail.clone());
            }
            if errors.iter().any(|item| item.request_id.is_some()) {
                Verdict::Reject(errors.clone())
            } else {
                Verdict::Halve(told(detail, errors))
            }
        }
        Err(Failure::Lost(why) | Failure::Unreadable(why)) => doubt(why.clone()),
        Err(Failure::Broken { status, detail }) => doubt(format!("{status}: {detail}")),
        Err(Failure::Unauthorized(detail)) => Verdict::Stop(Stop::Auth(detail.clone())),
        Err(Failure::Unpaid(detail)) => Verdict::Stop(Stop::Unpaid(detail.clone())),
        Err(Failure::Forbidden(detail)) => Verdict::Stop(Stop::Forbidden(detail.clone())),
        Err(Failure::Blocked) => Verdict::Stop(Stop::Blocked),
        Err(Failure::Halted) => Verdict::Stop(Stop::Throttled),
        Err(Failure::Missing { status, detail }) => Verdict::Stop(Stop::Missing(format!("{status}: {detail}"))),
    }
}

/// The account cannot be read: why, as a reason to stop.
pub fn stop_of(failure: Failure) -> Stop {
    match failure {
        Failure::NeverSent(why) | Failure::Lost(why) | Failure::Unreadable(why) => Stop::Unreachable(why),
        Failure::Throttled { .. } | Failure::Halted => Stop::Throttled,
        Failure::Unauthorized(why) => Stop::Auth(why),
        Failure::Unpaid(why) => Stop::Unpaid(why),
        Failure::Forbidden(why) => Stop::Forbidden(why),
        Failure::Blocked => Stop::Blocked,
        Failure::Missing { status, detail }
        | Failure::Broken { status, detail }
        | Failure::Refused { status, detail, .. } => Stop::Missing(format!("{status}: {detail}")),
    }
}

fn backoff(tries: u32) -> Duration {
    Duration::from_secs(1) * 2_u32.pow(tries.saturating_sub(1).min(5))
}

fn told(detail: &str, errors: &[ItemErrors]) -> String {
    let named = errors.iter().flat_map(|item| &item.errors);
    let mut told: Vec<String> = named.map(|e| format!("{}: {} {}", e.path, e.code, e.detail)).collect();
    told.insert(0, detail.to_owned());
    told.join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entity::Kind;
    use crate::entity::answer::ItemError;

    #[test]
    fn every_end_of_a_write_has_its_verdict() {
        let spec = Kind::Lead.spec();
        let create = spec.write(Action::Create).unwrap();
        let update = spec.write(Action::Update).unwrap();
        let ok = |body: &str| Ok(Reply { status: 200, retry_after: None, body: body.as_bytes().to_vec() });
        let named = vec![ItemErrors {
            request_id: Some("r2".into()),
            errors: vec![ItemError { code: "c".into(), path: "p".into(), detail: "d".into() }],
        }];
        let refused = |detail: &str, errors: Vec<ItemErrors>| {
            Err(Failure::Refused { status: 400, detail: detail.into(), errors })
        };
        let of = |end: &Result<Reply, Failure>, write: &Write, tries| verdict(end, write, "leads", tries);

        assert!(
            matches!(of(&ok(r#"{"_embedded":{"leads":[{"id":1}]}}"#), create, 1), Verdict::Done(items) if items.len() == 1)
        );
        assert!(matches!(of(&ok("<html>"), create, 1), Verdict::InDoubt(_)));
        assert!(matches!(of(&ok(r#"{"_embedded":{"leads":[],"errors":["x"]}}"#), create, 1), Verdict::InDoubt(_)));
        assert_eq!(of(&refused("no", named.clone()), create, 1), Verdict::Reject(named));
        assert_eq!(of(&refused("no", vec![]), create, 1), Verdict::Halve("no".into()));
        assert!(matches!(of(&refused("Возникла системная ошибка. Повторите", vec![]), create, 1), Verdict::InDoubt(_)));
        let unreachable = Err(Failure::NeverSent("refused".into()));
        assert!(matches!(of(&unreachable, create, 3), Verdict::Again { pause, .. } if pause == Duration::from_secs(4)));
        assert!(matches!(of(&unreachable, create, TRIES_MAX), Verdict::Stop(Stop::Unreachable(_))));
        let lost = Err(Failure::Lost("reset".into()));
        assert!(matches!(of(&lost, create, 1), Verdict::InDoubt(_)));
        assert!(matches!(of(&lost, update, 1), Verdict::Again { .. }), "an update may be sent twice");
        assert_eq!(of(&lost, update, TRIES_MAX), Verdict::Stop(Stop::Failing(TRIES_MAX)));
        let broken = Err(Failure::Broken { status: 504, detail: "x".into() });
        assert!(matches!(of(&broken, create, 1), Verdict::InDoubt(_)));
        assert!(matches!(of(&Err(Failure::Throttled { wait: None }), create, 1), Verdict::Again { .. }));
        assert_eq!(of(&Err(Failure::Throttled { wait: None }), create, TRIES_MAX), Verdict::Stop(Stop::Throttled));
        assert_eq!(of(&Err(Failure::Blocked), create, 1), Verdict::Stop(Stop::Blocked));
        assert_eq!(of(&Err(Failure::Halted), create, 1), Verdict::Stop(Stop::Throttled));
    }
}
