//! Habits of the service that a careful reader thought of, and what must not come of them.

use crate::stage::{Service, Stage, not_found, record};
use amoport::entity::{Action, Kind};
use amoport::mapping::Record;
use amoport::upload::End;
use serde_json::{Value, json};

const REFUSED: &str = r#"{"validation-errors":[{"errors":[{"code":"NotSupportedChoice","path":"id","detail":"d"}]}]}"#;

/// An unknown filter is ignored with a 200: the first page of everything says nothing of what was asked for.
#[tokio::test]
async fn a_deletion_is_not_done_because_a_list_that_ignores_the_filter_does_not_show_it() {
    let purchases = |ids: std::ops::Range<u64>| {
        let rows: Vec<Value> = ids.map(|id| json!({"id": id})).collect();
        (200, json!({"_embedded": {"transactions": rows}}).to_string())
    };
    let service = Service::start(move |line, nth, query| match (line, nth) {
        ("DELETE customers/transactions/900", 1) => (504, "<html>".to_owned()),
        ("DELETE customers/transactions/900", _) => (400, REFUSED.to_owned()),
        ("GET customers/transactions", _) if query.contains("page=2&") => purchases(850..901),
        ("GET customers/transactions", _) if query.contains("page=3&") => not_found(),
        ("GET customers/transactions", _) => purchases(600..850),
        other => panic!("{other:?}"),
    });
    let stage = Stage::set(&service, Kind::Transaction, Action::Delete).await;
    let records = vec![Record { id: Some(900), ..record(2, "{}") }];
    assert!(matches!(stage.upload(records).await, End::Finished));
    assert_eq!(stage.statuses(), [(2, "rejected", "refused".to_owned())]);
}

/// Lists lag behind writes.
#[tokio::test]
async fn a_deletion_that_a_list_still_shows_is_looked_at_again_before_it_counts_as_refused() {
    let service = Service::start(|line, nth, _| match (line, nth) {
        ("DELETE customers/statuses/4", 1) => (504, "<html>".to_owned()),
        ("DELETE customers/statuses/4", _) => (400, REFUSED.to_owned()),
        ("GET customers/statuses", 1) => (200, r#"{"_embedded":{"statuses":[{"id":4}]}}"#.to_owned()),
        ("GET customers/statuses", _) => (200, r#"{"_embedded":{"statuses":[{"id":5}]}}"#.to_owned()),
        other => panic!("{other:?}"),
    });
    let stage = Stage::set(&service, Kind::CustomerStatus, Action::Delete).await;
    let records = vec![Record { id: Some(4), ..record(2, "{}") }];
    assert!(matches!(stage.upload(records).await, End::Finished));
    assert_eq!(stage.statuses(), [(2, "deleted", String::new())]);
}
