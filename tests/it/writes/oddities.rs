//! Habits of the service that a careful reader thought of, and what must not come of them.

use crate::writes::linked;
use crate::writes::stage::{Service, Stage, as_linked, head, loaded, not_found, record};
use amo_model::{Action, Kind};
use amoport::mapping::Record;
use amoport::store::{BatchOf, Journal, Links, NewRun, Outcome, OutgoingBatch, Status};
use amoport::upload::End;
use amoport::upload::feed::{FeedItem, WalkSummary};
use serde_json::{Value, json};
use sheet_source::problem::{Problem, Stage as Step};
use std::sync::Mutex;
use tokio::sync::mpsc;

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

async fn made(service: &Service, rows: std::ops::RangeInclusive<u32>) -> Stage {
    let stage = Stage::set(service, Kind::Lead, Action::Update).await;
    let made = |row: u32| Outcome { id: Some(u64::from(row) * 10), ..Outcome::new(row, Status::Created) };
    stage.journal.lock().unwrap().local(&rows.map(made).collect::<Vec<_>>()).unwrap();
    stage
}

#[tokio::test]
async fn links_are_not_done_where_the_source_cannot_be_read_to_its_end() {
    let service = Service::start(|_, _, _| (200, r#"{"_embedded":{"links":[]}}"#.to_owned()));
    let stage = made(&service, 2..=3).await;
    let broken = FeedItem::Broken(Problem::new(Step::Read, "unreadable", "the source broke off"));
    for last in [vec![broken], Vec::new()] {
        let (sender, feed) = mpsc::channel(4);
        sender.send(vec![FeedItem::Known(loaded(linked(2, &[1]), &[]))]).await.expect("there is room");
        sender.send(last).await.expect("there is room");
        drop(sender);
        assert!(matches!(stage.link_fed(feed, false).await, End::Source(_)));
    }
    assert_eq!(stage.links_unknown(), [3].into(), "what was read is linked");
}

/// A key that its links go by may be forgotten between the two readings.
#[tokio::test]
async fn a_row_that_no_longer_maps_is_told_when_its_links_are_due() {
    let service = Service::start(|_, _, _| (200, r#"{"_embedded":{"links":[]}}"#.to_owned()));
    let stage = made(&service, 2..=2).await;
    let unknown = Problem::new(Step::Map, "unknown-key", "\"K1\" is no key");
    let rejected = Outcome { problems: vec![unknown], ..Outcome::new(2, Status::Rejected) };
    let (sender, feed) = mpsc::channel(4);
    sender
        .send(vec![FeedItem::Unmapped(rejected), FeedItem::End(WalkSummary::default())])
        .await
        .expect("there is room");
    assert!(matches!(stage.link_fed(feed, false).await, End::Finished));
    assert_eq!(stage.store().links(1).unwrap(), Links { made: 0, refused: 1 });
    assert_eq!(stage.statuses(), [(2, "created", "not-linked".to_owned())]);
}

#[tokio::test]
async fn a_passing_failure_refuses_no_link_and_a_page_makes_none() {
    let service = Service::start(|_, nth, body| match nth {
        1 => (400, r#"{"detail":"Возникла системная ошибка. Пожалуйста, повторите попытку."}"#.to_owned()),
        2 => (200, "<html>".to_owned()),
        _ => (200, as_linked(body, |_| true)),
    });
    let stage = made(&service, 2..=2).await;
    assert!(matches!(stage.link(vec![linked(2, &[1])], false).await, End::Finished));
    assert_eq!(stage.store().links(1).unwrap(), Links { made: 1, refused: 0 });
    assert_eq!(service.sent("POST leads/link").len(), 3);
}

/// What the answers do not list may not be linked: it goes once more, and is told then.
#[tokio::test]
async fn a_link_that_no_answer_lists_is_told() {
    let service = Service::start(|_, nth, body| {
        (200, as_linked(body, |link| link["to_entity_id"] == 1 || (nth == 2 && link["to_entity_id"] == 2)))
    });
    let stage = made(&service, 2..=2).await;
    assert!(matches!(stage.link(vec![linked(2, &[1, 2, 3])], false).await, End::Finished));
    assert_eq!(stage.store().links(1).unwrap(), Links { made: 2, refused: 1 });
    assert_eq!(stage.statuses(), [(2, "created", "link-unclear".to_owned())]);
    assert_eq!(service.sent("POST leads/link").len(), 2);
}

/// Purchases wait for their turn for minutes; meanwhile another file with the same key may have been imported.
#[tokio::test]
async fn a_key_that_another_run_has_sent_meanwhile_is_not_sent() {
    let folder = std::sync::Arc::new(std::sync::OnceLock::<std::path::PathBuf>::new());
    let state = std::sync::Arc::clone(&folder);
    let service = Service::start(move |line, nth, body| match (line, nth) {
        // What the other run has made is there.
        ("GET customers/transactions", _) if body.contains("filter") => {
            (200, json!({"_embedded": {"transactions": [{"id": 5}]}}).to_string())
        }
        ("GET customers/transactions", _) => not_found(),
        ("POST customers/7/transactions", nth) => {
            if nth == 1 {
                another_run_makes(state.get().expect("the folder"), Kind::Transaction, "k51");
            }
            let items: Vec<Value> = serde_json::from_str(body).expect("an array");
            let made: Vec<Value> =
                items.iter().map(|i| json!({"id": i["price"], "request_id": i["request_id"]})).collect();
            (200, json!({"_embedded": {"transactions": made}}).to_string())
        }
        other => panic!("{other:?}"),
    });
    let stage = Stage::set(&service, Kind::Transaction, Action::Create).await;
    folder.set(stage.folder.path().to_owned()).expect("set once");
    let bought = |n: u32| Record {
        parent: Some(7),
        key: Some(format!("k{n}")),
        ..record(n + 1, &format!(r#"{{"price":{},"request_id":"ROW"}}"#, 100 + n))
    };
    // A full request, and two that wait for its answer.
    assert!(matches!(stage.upload((1..=52).map(bought).collect()).await, End::Finished));
    let not_made: Vec<_> = stage.statuses().into_iter().filter(|(_, status, _)| *status != "created").collect();
    assert_eq!(not_made, [(52, "rejected", "key-known".to_owned())]);
    let counts = stage.store().counts(1).unwrap();
    assert_eq!((counts.read, counts.created), (52, 51));
}

/// Under the id 5.
fn another_run_makes(state: &std::path::Path, kind: Kind, key: &str) {
    let head = head(kind, Action::Create);
    let new = NewRun { name: "other", head: &head, snapshot: "{}", started_at: 0, edits: &[], rows: None };
    let mut journal = Journal::begin(amoport::store::Store::open(state).expect("the store"), &new).expect("a journal");
    let batch = journal.next_batch();
    journal
        .sent(&OutgoingBatch {
            batch,
            of: BatchOf::Records,
            rows: &[2],
            owner: None,
            keys: &[key],
            watermark: 0,
            at_ms: 0,
        })
        .expect("noted");
    let outcome = Outcome { key: Some(key.to_owned()), id: Some(5), ..Outcome::new(2, Status::Created) };
    journal.answered(batch, 200, &[outcome]).expect("noted");
}

/// A price list that came in by the alphabet rises by id and by name alike; what is made later stands in its middle.
#[tokio::test]
async fn a_list_in_the_order_of_names_is_not_taken_for_one_in_the_order_of_ids() {
    let held = Mutex::new((1..=3_000).map(|n| json!({"id": n, "name": format!("A{n:05}")})).collect::<Vec<Value>>());
    let service = Service::start(move |line, nth, sent| {
        let mut held = held.lock().expect("the world");
        match (line, nth) {
            ("GET catalogs/77/elements", _) => {
                let page = sent.split('&').find_map(|part| part.strip_prefix("page=")).and_then(|n| n.parse().ok());
                let rows: Vec<&Value> = held.iter().skip((page.unwrap_or(1) - 1) * 250).take(250).collect();
                (200, json!({"_embedded": {"elements": rows}}).to_string())
            }
            ("POST catalogs/77/elements", 1) => {
                held.push(json!({"id": 4_000, "name": "A01300b"}));
                held.sort_by_key(|element| element["name"].to_string());
                (504, "<html>".to_owned())
            }
            other => panic!("{other:?}"),
        }
    });
    let stage = Stage::set(&service, Kind::Element, Action::Create).await;
    let records = vec![record(2, r#"{"name":"A01300b","request_id":"ROW"}"#)];
    assert!(matches!(stage.upload(records).await, End::Finished));
    assert_eq!(stage.lines()[&2].id, Some(4_000));
}

/// Another import makes a twin while the account is looked at: it is known for that one's when the look is judged.
#[tokio::test]
async fn what_another_run_makes_during_a_look_is_not_taken_for_the_lost_one() {
    let folder = std::sync::Arc::new(std::sync::OnceLock::<std::path::PathBuf>::new());
    let state = std::sync::Arc::clone(&folder);
    let service = Service::start(move |line, nth, query| match (line, nth) {
        ("GET leads", 1) => (204, String::new()),
        ("GET leads", _) if !query.contains("page=1&") => (204, String::new()),
        ("GET leads", nth) => {
            if nth == 2 {
                another_run_makes(state.get().expect("the folder"), Kind::Lead, "k");
            }
            (200, r#"{"_embedded":{"leads":[{"id":5,"name":"A","price":7}]}}"#.to_owned())
        }
        ("POST leads", 1) => (504, "<html>".to_owned()),
        ("POST leads", 2) => (200, r#"{"_embedded":{"leads":[{"id":6,"request_id":"r2"}]}}"#.to_owned()),
        other => panic!("{other:?}"),
    });
    let stage = Stage::set(&service, Kind::Lead, Action::Create).await;
    folder.set(stage.folder.path().to_owned()).expect("set once");
    let records = vec![record(2, r#"{"name":"A","price":7,"request_id":"ROW"}"#)];
    assert!(matches!(stage.upload(records).await, End::Finished));
    assert_eq!(stage.lines()[&2].id, Some(6));
}
