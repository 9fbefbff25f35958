//! The meaning of a write's end for its batch. Pure: one match names every end, so that a new one stops the compiler and not a
//! user.

use amo_client::{Failure, Reply, meaning};
use amo_model::answer::{self, ItemErrors, WrittenItem, WrittenLink};
use amo_model::{Action, BodyShape, Write};
use std::time::Duration;

/// What to do with a batch whose request has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Done, with these items.
    Done(Vec<WrittenItem>),
    /// These links are made.
    Linked(Vec<WrittenLink>),
    /// The service certainly did not act on it: the same batch is sent again, after a pause.
    Retry { pause: Duration, why: String },
    /// The service may have acted on it, and a second time does no harm: the batch is sent again, after a pause.
    Resend { pause: Duration, why: String },
    /// Refused because of these records; the rest is sent again at once, in one request.
    Reject { errors: Vec<ItemErrors>, why: String },
    /// The account does not have what the address names: the record itself, or the parent of the batch.
    NotFound,
    /// Refused without naming a record: halved until a single record is left.
    Halve(String),
    /// It is not known whether it was done.
    InDoubt(String),
    /// Refused; but an earlier sending may have done it.
    RefusedOnRetry(String),
    /// The service will refuse all further requests: nothing more is sent.
    Stop(Stop),
}

/// The reason why the service ends a run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Stop {
    #[error("the service does not accept the token: {0}")]
    Auth(String),
    #[error("the service has blocked this account or address (403)")]
    Blocked,
    #[error("the token's user may not do this: {0}")]
    Forbidden(String),
    #[error("the account's plan does not allow this: {0}")]
    Unpaid(String),
    #[error("the service keeps asking to slow down (429)")]
    Throttled,
    #[error("the service cannot be reached: {0}")]
    Unreachable(String),
    #[error("{0}")]
    Unproven(String),
    #[error("{}", .0)]
    Missing(Failure),
    #[error("the service failed {0} times in a row")]
    Failing(u32),
}

impl Stop {
    /// What the user can do.
    pub fn hint(&self) -> &'static str {
        match self {
            Stop::Auth(_) => "check the token (amoport auth status) and resume",
            Stop::Blocked => "only the service's support can lift the block; resume afterwards",
            Stop::Forbidden(_) => "use the token of a user who may do this, and resume",
            Stop::Unpaid(_) => "pay for the account or change its plan, and resume",
            Stop::Throttled => {
                "other programs may be using the account; wait some minutes and resume with a lower --rate"
            }
            Stop::Unproven(_) => "ask the operator of the proxy, or the service's support, about that list, and resume",
            Stop::Unreachable(_) => "check the network and the account's address, and resume",
            Stop::Missing(failure) => {
                failure.status().map_or("check the account's address", |status| meaning(status).1)
            }
            Stop::Failing(_) => "wait until the service works again and resume",
        }
    }
}

/// The highest number of sendings of one batch.
pub const TRIES_MAX: u32 = 6;
/// The text of a 400 that is a passing failure inside the service and not a refusal. [client]
const SYSTEM_ERROR: &str = "системная ошибка";

/// The texts of a refusal that mean: not found, or deleted. [doc], [client live]
const NOT_FOUND: [&str; 6] = ["not found", "не найден", "error 226", "error 282", "ошибки 226", "ошибки 282"];

/// How often a batch was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attempts {
    /// This sending included.
    pub tries: u32,
    /// The service may have acted on an earlier sending.
    pub repeated: bool,
}

/// What a request sends, as far as the meaning of its end depends on it.
#[derive(Debug, Clone, Copy)]
pub enum RequestKind<'p> {
    Records { write: &'p Write, collection: &'p str },
    Links,
}

/// The verdict on a batch of records or links. An update, a deletion, a link may be sent twice without harm, a creation may
/// not.
pub fn verdict(end: &Result<Reply, Failure>, request_kind: RequestKind<'_>, attempts: Attempts) -> Verdict {
    match request_kind {
        RequestKind::Records { write, collection } => of_records(end, write, collection, attempts),
        RequestKind::Links => of_links(end, attempts.tries),
    }
}

/// Retries a batch that the service certainly did not act on, up to the highest number of sendings.
fn retry(tries: u32, pause: Duration, why: String, else_stop: Stop) -> Verdict {
    if tries >= TRIES_MAX { Verdict::Stop(else_stop) } else { Verdict::Retry { pause, why } }
}

/// Sends a batch again that the service may have acted on, up to the highest number of sendings.
fn resend(tries: u32, why: String, else_stop: Stop) -> Verdict {
    if tries >= TRIES_MAX { Verdict::Stop(else_stop) } else { Verdict::Resend { pause: backoff(tries), why } }
}

fn of_records(end: &Result<Reply, Failure>, write: &Write, collection: &str, attempts: Attempts) -> Verdict {
    let Attempts { tries, repeated } = attempts;
    let doubt = |why: String| match write.action {
        // The account shows whether it is deleted.
        Action::Delete if tries >= TRIES_MAX => Verdict::InDoubt(why),
        Action::Update | Action::Delete => resend(tries, why, Stop::Failing(tries)),
        Action::Create => Verdict::InDoubt(why),
    };
    // An earlier request may have deleted it, or it never existed.
    let not_found = || match write.action {
        Action::Delete if repeated => Verdict::InDoubt("the service does not have it".to_owned()),
        Action::Create | Action::Update | Action::Delete => Verdict::NotFound,
    };
    match end {
        Ok(reply) => {
            if let Some(errors) = answer::embedded_errors(&reply.body) {
                return doubt(format!("the answer carries errors: {errors}"));
            }
            // A deletion is answered with an empty body. [seed]
            if write.shape == BodyShape::Nothing {
                return match reply.status == 204 && reply.body.is_empty() {
                    true => Verdict::Done(Vec::new()),
                    false => Verdict::InDoubt(format!("the answer to the deletion is not 204 but {}", reply.status)),
                };
            }
            match answer::written_items(&reply.body, write.wrapping, collection) {
                Some(items) if write.action == Action::Create && gives_twice(&items) => {
                    doubt("the answer gives one id to several records".to_owned())
                }
                Some(items) => Verdict::Done(items),
                None => doubt("the answer cannot be read".to_owned()),
            }
        }
        Err(Failure::NeverSent(why)) => retry(tries, backoff(tries), why.clone(), Stop::Unreachable(why.clone())),
        // The pace holds the pause, for all requests.
        Err(Failure::Throttled { .. }) => retry(tries, Duration::ZERO, "429".to_owned(), Stop::Throttled),
        Err(Failure::Refused { detail, errors, .. }) => {
            if is_passing(detail) {
                return doubt(detail.clone());
            }
            match refusal(write, detail, repeated) {
                RefusalScope::NotFound => not_found(),
                // Refused, or done by an earlier sending: the service names the id in both cases.
                RefusalScope::Unclear => Verdict::RefusedOnRetry(describe_refusal(detail, errors)),
                RefusalScope::Plain if errors.is_empty() => Verdict::Halve(describe_refusal(detail, errors)),
                RefusalScope::Plain => {
                    Verdict::Reject { errors: errors.clone(), why: describe_refusal(detail, errors) }
                }
            }
        }
        Err(Failure::Lost(why) | Failure::Unreadable(why) | Failure::Excessive(why) | Failure::Incomplete(why)) => {
            doubt(why.clone())
        }
        Err(Failure::ServerError { status, detail }) => doubt(format!("{status}: {detail}")),
        Err(
            failure @ (Failure::Unauthorized(_)
            | Failure::Unpaid(_)
            | Failure::Forbidden(_)
            | Failure::Blocked
            | Failure::Halted),
        ) => Verdict::Stop(stop_of(failure.clone())),
        Err(Failure::Gateway { status, detail }) => doubt(format!("{status}: {detail}")),
        Err(Failure::Missing { status: 413, detail }) => Verdict::Halve(format!("413: {detail}")),
        Err(Failure::Missing { status: 404, .. }) if write.names_record() || write.names_parent() => not_found(),
        Err(failure @ Failure::Missing { .. }) => Verdict::Stop(Stop::Missing(failure.clone())),
    }
}

/// True where two created and not merged records have one id.
fn gives_twice(items: &[WrittenItem]) -> bool {
    let mut named: Vec<(u64, &[String])> =
        items.iter().filter(|item| !item.merged).map(|item| (item.id, item.request_ids.as_slice())).collect();
    named.sort_unstable();
    // The same item twice is no second record.
    named.dedup();
    named.windows(2).any(|two| two[0].0 == two[1].0)
}

/// Linking twice does no harm [inferred], so links of a lost answer are simply sent again.
fn of_links(end: &Result<Reply, Failure>, tries: u32) -> Verdict {
    match end {
        Ok(reply) => match answer::embedded_errors(&reply.body) {
            Some(errors) => Verdict::Halve(errors),
            None => match answer::written_links(&reply.body) {
                Some(links) => Verdict::Linked(links),
                // A proxy has answered.
                None => resend(tries, "the answer lists no links".to_owned(), Stop::Failing(tries)),
            },
        },
        Err(failure @ Failure::Throttled { .. }) => {
            retry(tries, Duration::ZERO, "429".to_owned(), stop_of(failure.clone()))
        }
        Err(failure @ Failure::NeverSent(_)) => {
            retry(tries, backoff(tries), failure.to_string(), stop_of(failure.clone()))
        }
        Err(Failure::Gateway { status: 413, detail }) => Verdict::Halve(detail.clone()),
        Err(
            failure @ (Failure::Lost(_)
            | Failure::Unreadable(_)
            | Failure::Excessive(_)
            | Failure::Incomplete(_)
            | Failure::ServerError { .. }
            | Failure::Gateway { .. }),
        ) => resend(tries, failure.to_string(), stop_of(failure.clone())),
        Err(failure @ Failure::Refused { detail, .. }) if is_passing(detail) => {
            resend(tries, detail.clone(), stop_of(failure.clone()))
        }
        Err(Failure::Refused { detail, errors, .. }) if errors.is_empty() => Verdict::Halve(detail.clone()),
        Err(Failure::Refused { detail, errors, .. }) => Verdict::Reject { errors: errors.clone(), why: detail.clone() },
        // The answer does not say whether the address or one of the ids is unknown.
        Err(Failure::Missing { detail, .. }) => Verdict::Halve(detail.clone()),
        Err(
            failure @ (Failure::Unauthorized(_)
            | Failure::Unpaid(_)
            | Failure::Forbidden(_)
            | Failure::Blocked
            | Failure::Halted),
        ) => Verdict::Stop(stop_of(failure.clone())),
    }
}

/// True for a 400 that is not a refusal but a passing failure.
fn is_passing(detail: &str) -> bool {
    detail.to_lowercase().contains(SYSTEM_ERROR)
}

/// The subject of a 400 or 422.
enum RefusalScope {
    /// The record of the address does not exist.
    NotFound,
    /// Either that or a refusal; the service does not say which.
    Unclear,
    Plain,
}

fn refusal(write: &Write, detail: &str, repeated: bool) -> RefusalScope {
    let detail = detail.to_lowercase();
    if write.names_record() && NOT_FOUND.iter().any(|text| detail.contains(text)) {
        RefusalScope::NotFound
    } else if repeated && write.action == Action::Delete {
        RefusalScope::Unclear
    } else {
        RefusalScope::Plain
    }
}

/// The reason to stop a run, for a failure to read the account.
pub fn stop_of(failure: Failure) -> Stop {
    match failure {
        Failure::NeverSent(why) | Failure::Lost(why) | Failure::Unreadable(why) | Failure::Excessive(why) => {
            Stop::Unreachable(why)
        }
        Failure::Incomplete(why) => Stop::Unproven(why),
        Failure::Throttled { .. } | Failure::Halted => Stop::Throttled,
        Failure::Unauthorized(why) => Stop::Auth(why),
        Failure::Unpaid(why) => Stop::Unpaid(why),
        Failure::Forbidden(why) => Stop::Forbidden(why),
        Failure::Blocked => Stop::Blocked,
        failure @ (Failure::Missing { .. }
        | Failure::Gateway { .. }
        | Failure::ServerError { .. }
        | Failure::Refused { .. }) => Stop::Missing(failure),
    }
}

fn backoff(tries: u32) -> Duration {
    Duration::from_secs(1) * 2_u32.pow(tries.saturating_sub(1).min(5))
}

fn describe_refusal(detail: &str, errors: &[ItemErrors]) -> String {
    let named = errors.iter().flat_map(|item| &item.errors);
    let mut parts: Vec<String> = named.map(|e| format!("{}: {} {}", e.path, e.code, e.detail)).collect();
    parts.insert(0, detail.to_owned());
    parts.join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use amo_model::Kind;
    use amo_model::answer::ItemError;

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
        let of = |end: &Result<Reply, Failure>, write: &Write, tries| {
            verdict(end, RequestKind::Records { write, collection: "leads" }, Attempts { tries, repeated: false })
        };

        assert!(
            matches!(of(&ok(r#"{"_embedded":{"leads":[{"id":1}]}}"#), create, 1), Verdict::Done(items) if items.len() == 1)
        );
        let one_id = r#"[{"id":9,"request_id":"r2"},{"id":8,"request_id":"r3"},{"id":9,"request_id":"r4"}]"#;
        assert!(matches!(of(&ok(one_id), create, 1), Verdict::InDoubt(_)));
        let merged = r#"[{"id":9,"request_id":["r2"]},{"id":9,"request_id":["r3"],"merged":true}]"#;
        assert!(matches!(of(&ok(merged), create, 1), Verdict::Done(_)));
        assert!(matches!(of(&ok("<html>"), create, 1), Verdict::InDoubt(_)));
        assert!(matches!(of(&ok(r#"{"_embedded":{"leads":[],"errors":["x"]}}"#), create, 1), Verdict::InDoubt(_)));
        let rejected = Verdict::Reject { errors: named.clone(), why: "no; p: c d".into() };
        assert_eq!(of(&refused("no", named), create, 1), rejected);
        assert_eq!(of(&refused("no", vec![]), create, 1), Verdict::Halve("no".into()));
        assert!(matches!(of(&refused("Возникла системная ошибка. Повторите", vec![]), create, 1), Verdict::InDoubt(_)));
        let unreachable = Err(Failure::NeverSent("refused".into()));
        assert!(matches!(of(&unreachable, create, 3), Verdict::Retry { pause, .. } if pause == Duration::from_secs(4)));
        assert!(matches!(of(&unreachable, create, TRIES_MAX), Verdict::Stop(Stop::Unreachable(_))));
        let lost = Err(Failure::Lost("reset".into()));
        assert!(matches!(of(&lost, create, 1), Verdict::InDoubt(_)));
        assert!(matches!(of(&lost, update, 1), Verdict::Resend { .. }), "an update may be sent twice");
        assert_eq!(of(&lost, update, TRIES_MAX), Verdict::Stop(Stop::Failing(TRIES_MAX)));
        let broken = Err(Failure::ServerError { status: 504, detail: "x".into() });
        assert!(matches!(of(&broken, create, 1), Verdict::InDoubt(_)));
        assert!(matches!(of(&Err(Failure::Throttled { wait: None }), create, 1), Verdict::Retry { .. }));
        assert_eq!(of(&Err(Failure::Throttled { wait: None }), create, TRIES_MAX), Verdict::Stop(Stop::Throttled));
        assert_eq!(of(&Err(Failure::Blocked), create, 1), Verdict::Stop(Stop::Blocked));
        assert_eq!(of(&Err(Failure::Halted), create, 1), Verdict::Stop(Stop::Throttled));
    }
    #[test]
    fn what_an_address_names_and_is_not_there_rejects_its_records_and_stops_nobody() {
        let status = Kind::CustomerStatus.spec();
        let [update, delete] = [Action::Update, Action::Delete].map(|action| status.write(action).unwrap());
        let bought = Kind::Transaction.spec().write(Action::Create).unwrap();
        let create = status.write(Action::Create).unwrap();
        let missing = |own| match own {
            true => Err(Failure::Missing { status: 404, detail: "Not Found".into() }),
            false => Err(Failure::Gateway { status: 404, detail: "<html>".into() }),
        };
        let refused = |status, detail: &str| Err(Failure::Refused { status, detail: detail.into(), errors: vec![] });
        let no_id = Err(Failure::Refused {
            status: 400,
            detail: "Bad Request".into(),
            errors: vec![ItemErrors {
                request_id: None,
                errors: vec![ItemError { code: "NotSupportedChoice".into(), path: "id".into(), detail: "d".into() }],
            }],
        });
        let empty = Ok(Reply { status: 204, retry_after: None, body: vec![] });
        let of = |end: &Result<Reply, Failure>, write: &Write, repeated| {
            verdict(end, RequestKind::Records { write, collection: "statuses" }, Attempts { tries: 2, repeated })
        };
        for (end, write, repeated, expected) in [
            (&missing(true), update, false, Verdict::NotFound),
            (&missing(true), update, true, Verdict::NotFound),
            (&missing(true), delete, false, Verdict::NotFound),
            (&missing(true), delete, true, Verdict::InDoubt("the service does not have it".into())),
            (&refused(400, "Status not found"), delete, false, Verdict::NotFound),
            (&refused(400, "Status not found"), delete, true, Verdict::InDoubt("the service does not have it".into())),
            (&no_id, delete, true, Verdict::RefusedOnRetry("Bad Request; id: NotSupportedChoice d".into())),
            (&refused(422, "system status"), delete, false, Verdict::Halve("system status".into())),
            (&refused(422, "system status"), delete, true, Verdict::RefusedOnRetry("system status".into())),
            (&missing(true), bought, false, Verdict::NotFound),
            (&empty, delete, false, Verdict::Done(vec![])),
        ] {
            assert_eq!(of(end, write, repeated), expected, "{end:?} {write:?}");
        }
        for (status, body) in [(200, ""), (202, ""), (200, "<html>"), (204, "x")] {
            let page = Ok(Reply { status, retry_after: None, body: body.as_bytes().to_vec() });
            assert!(matches!(of(&page, delete, false), Verdict::InDoubt(_)), "{status} {body}");
        }
        assert!(matches!(of(&missing(true), create, false), Verdict::Stop(Stop::Missing(_))), "a wrong address");
        // A page may have come after the service has done it.
        for write in [bought, create] {
            for status in [301, 404, 408, 409, 413, 415, 425, 499] {
                let between = Err(Failure::Gateway { status, detail: "<html>".into() });
                assert!(matches!(of(&between, write, false), Verdict::InDoubt(_)), "{status}");
            }
        }
        for write in [update, delete] {
            assert!(matches!(of(&missing(false), write, false), Verdict::Resend { .. }), "may be done twice");
        }
        let long = Err(Failure::Gateway { status: 413, detail: "<html>".into() });
        assert!(matches!(of(&long, update, false), Verdict::Resend { .. }));
        let long = Err(Failure::Missing { status: 413, detail: "Too Large".into() });
        assert!(matches!(of(&long, create, false), Verdict::Halve(_)));
        assert!(matches!(of(&Err(Failure::Forbidden("no".into())), delete, true), Verdict::Stop(Stop::Forbidden(_))));
        assert!(matches!(of(&Err(Failure::Lost("reset".into())), delete, false), Verdict::Resend { .. }));
    }

    #[test]
    fn every_end_of_a_request_for_links_has_its_verdict() {
        let error = ItemError { code: "c".into(), path: "to_entity_id".into(), detail: "d".into() };
        let errors = vec![ItemErrors { request_id: Some("1".into()), errors: vec![error] }];
        let refused =
            |errors: &[ItemErrors]| Err(Failure::Refused { status: 400, detail: "no".into(), errors: errors.to_vec() });
        let of =
            |end: &Result<Reply, Failure>, tries| verdict(end, RequestKind::Links, Attempts { tries, repeated: false });
        assert_eq!(of(&refused(&errors), 1), Verdict::Reject { errors, why: "no".into() });
        assert_eq!(of(&refused(&[]), 1), Verdict::Halve("no".into()));
        let ok = |body: &str| Ok(Reply { status: 200, retry_after: None, body: body.as_bytes().to_vec() });
        let one = r#"{"_embedded":{"links":[{"entity_id":1,"to_entity_id":"2","to_entity_type":"contacts"}]}}"#;
        let link = answer::WrittenLink { from: Some(1), to: 2, to_kind: "contacts".into() };
        assert_eq!(of(&ok(one), 1), Verdict::Linked(vec![link]));
        assert_eq!(of(&ok(r#"{"_embedded":{"links":[]}}"#), 1), Verdict::Linked(vec![]));
        for body in ["<html>", "", "{}", "[]", "null", r#"{"_embedded":[]}"#, r#"{"_embedded":{"links":null}}"#] {
            assert!(matches!(of(&ok(body), 1), Verdict::Resend { .. }), "{body}: it lists no links");
        }
        let lost = Err(Failure::Lost("reset".into()));
        assert!(matches!(of(&lost, 1), Verdict::Resend { .. }), "linking twice does no harm");
        assert_eq!(of(&lost, TRIES_MAX), Verdict::Stop(Stop::Unreachable("reset".into())));
        assert_eq!(of(&Err(Failure::Blocked), 1), Verdict::Stop(Stop::Blocked));
        assert_eq!(of(&Err(Failure::Unpaid("x".into())), 1), Verdict::Stop(Stop::Unpaid("x".into())));
        let missing = Err(Failure::Missing { status: 404, detail: "x".into() });
        assert_eq!(of(&missing, 1), Verdict::Halve("x".into()));
    }
}
