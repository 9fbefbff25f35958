//! Where the documents contradict themselves, each other or the service: forty-nine places, a row for each, with the
//! forms an answer may come in and what our reading must make of either. What is no matter of reading says why.

mod drift;
mod wrong;

use amo_client::{Failure, Reply, classify};
use amo_model::Wrapping;
use amo_model::answer::items;
use amo_model::compare::compare;
use amo_model::parts::{id, named};
use serde_json::{Value, json};

use crate::documents::answers::written;

/// How a form is read; what comes out is JSON, so that a row can say it.
type Read = fn(&str) -> Value;

enum Row {
    /// The forms, and what either must be read as.
    Same(u8, &'static str, Read, &'static [&'static str], &'static str),
    /// The forms say different things, and each must be read as what it says.
    Each(u8, &'static str, Read, &'static [(&'static str, &'static str)]),
    /// Nothing of it is read from an answer; why.
    Off(u8, &'static str),
}

impl Row {
    fn number(&self) -> u8 {
        match self {
            Row::Same(n, ..) | Row::Each(n, ..) | Row::Off(n, _) => *n,
        }
    }
}

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|e| panic!("{e} in {text}"))
}

/// `[[id, request ids, company], …]`, or `null` where the outcome would be in doubt.
fn writes(body: &str, wrapping: Wrapping, collection: &str) -> Value {
    let items = written(body, wrapping, collection);
    items.map_or(Value::Null, |items| {
        items.into_iter().map(|(id, ids, _, company, _)| json!([id, ids, company])).collect()
    })
}

/// The ids of a list, or `null`.
fn lists(body: &str, collection: &str) -> Value {
    let Ok(value) = serde_json::from_str::<Value>(body) else { return Value::Null };
    let items = items(&value, Wrapping::Embedded, collection);
    items.map_or(Value::Null, |items| items.into_iter().map(|item| json!(id(&item["id"]))).collect())
}

fn id_and_name(body: &str) -> Value {
    named(&parsed(body)).map_or(Value::Null, |named| json!([named.id, named.name]))
}

/// A form is `[what was sent, what is held]`: how many values agree, how many tell of another record.
fn compared(pair: &str) -> Value {
    let pair = parsed(pair);
    let comparison = compare(&pair[0], &pair[1]);
    let telling = comparison.differences.iter().filter(|d| d.telling && !d.dropped).count();
    let dropped = comparison.differences.iter().filter(|d| d.dropped).count();
    json!({"agreed": comparison.agreed, "another": telling, "dropped": dropped})
}

/// A form is a status and a body.
fn sorted(form: &str) -> Value {
    let (status, body) = form.split_once(' ').expect("a status and a body");
    let reply = Reply { status: status.parse().expect("a status"), retry_after: None, body: body.as_bytes().to_vec() };
    json!(match classify(reply) {
        Ok(_) => "good",
        Err(Failure::Unpaid(_)) => "unpaid",
        Err(Failure::Forbidden(_)) => "forbidden",
        Err(Failure::Blocked) => "blocked",
        Err(Failure::Missing { .. }) => "missing",
        Err(Failure::Refused { .. }) => "refused",
        Err(Failure::Throttled { .. }) => "throttled",
        Err(Failure::ServerError { .. }) => "broken",
        Err(other) => panic!("{other}"),
    })
}

fn rows() -> impl Iterator<Item = &'static Row> {
    wrong::ROWS.iter().chain(drift::ROWS)
}

#[test]
fn every_contradiction_has_one_row() {
    let numbers: Vec<u8> = rows().map(Row::number).collect();
    assert_eq!(numbers, (1..=49).collect::<Vec<u8>>());
}

#[test]
fn either_form_of_a_contradiction_is_read() {
    for row in rows() {
        match row {
            Row::Same(n, about, read, forms, wanted) => {
                assert!(forms.len() > 1, "{n} {about}: one form contradicts nothing");
                for form in *forms {
                    assert_eq!(read(form), parsed(wanted), "{n} {about}: {form}");
                }
            }
            Row::Each(n, about, read, forms) => {
                for (form, wanted) in *forms {
                    assert_eq!(read(form), parsed(wanted), "{n} {about}: {form}");
                }
            }
            Row::Off(n, why) => assert!(!why.is_empty(), "{n} says no reason"),
        }
    }
}
