//! What is sent to which address, and what its answers mean there: the sending loop against a server of a few
//! lines, which says what the sandbox would not say by itself.

mod doubts;
mod oddities;
mod stage;
mod standing;

use amo_model::{Action, Entity, Kind};
use amoport::mapping::{Link, Record};
use amoport::store::{Links, Outcome, Status};
use amoport::upload::End;
use stage::{Service, Stage, as_linked, loaded, not_found, record};
use std::collections::HashMap;
use std::sync::Mutex;

#[tokio::test]
async fn purchases_go_to_their_customers_in_their_order_and_an_unknown_customer_rejects_only_his() {
    let service = Service::start(|line, _, body| match line {
        "POST customers/9/transactions" | "GET customers/transactions" => not_found(),
        _ => {
            let items: Vec<serde_json::Value> = serde_json::from_str(body).expect("an array");
            let made = items.iter().map(|i| serde_json::json!({"id": i["price"], "request_id": i["request_id"]}));
            let made: Vec<serde_json::Value> = made.collect();
            (200, serde_json::json!({"_embedded": {"customers": made}}).to_string())
        }
    });
    let stage = Stage::set(&service, Kind::Transaction, Action::Create).await;
    let bought = |row: u32, customer: u64| Record {
        parent: Some(customer),
        ..record(row, &format!(r#"{{"price":{},"request_id":"ROW"}}"#, 100 + row))
    };
    let records = vec![bought(2, 7), bought(3, 8), bought(4, 7), bought(5, 9), bought(6, 8), bought(7, 7)];
    assert!(matches!(stage.upload(records).await, End::Finished));
    let prices = |customer: u64| -> Vec<Vec<u64>> {
        let sent = service.sent(&format!("POST customers/{customer}/transactions"));
        let read = |body: &String| {
            let items: Vec<serde_json::Value> = serde_json::from_str(body).expect("an array");
            items.iter().filter_map(|item| item["price"].as_u64()).collect()
        };
        sent.iter().map(read).collect()
    };
    assert_eq!(prices(7), [[102, 104, 107]], "one request a customer, in order");
    assert_eq!(prices(8), [[103, 106]]);
    let rejected: Vec<_> = stage.statuses().into_iter().filter(|(_, status, _)| *status != "created").collect();
    assert_eq!(rejected, [(5, "rejected", "not-found".to_owned())]);
    let line = &stage.lines()[&5];
    assert_eq!(line.problems[0].message.to_string(), "the account has no customer 9");
}

#[tokio::test]
async fn purchases_whose_answer_was_lost_are_looked_for_at_their_customers() {
    // Customer 7's arrive although the answer is lost, 8's do not; an old one of 7's is the same as the first.
    let held = Mutex::new(vec![serde_json::json!({"id": 5, "price": 1, "comment": "чай"})]);
    let service = Service::start(move |line, nth, body| {
        let mut held = held.lock().expect("the world");
        let first_page = body.contains("page=1&");
        match (line, nth) {
            ("GET customers/transactions" | "GET customers/7/transactions", _) if first_page => {
                (200, serde_json::json!({"_embedded": {"transactions": *held}}).to_string())
            }
            ("POST customers/7/transactions", 1) => {
                let items: Vec<serde_json::Value> = serde_json::from_str(body).expect("an array");
                for mut item in items {
                    item["id"] = (held.len() + 10).into();
                    held.push(item);
                }
                (504, "<html>".to_owned())
            }
            ("POST customers/8/transactions", 1) => (504, "<html>".to_owned()),
            ("POST customers/8/transactions", 2) => (
                200,
                r#"{"_embedded":{"transactions":[{"id":90,"price":1,"comment":"чай","request_id":"0"}]}}"#.to_owned(),
            ),
            (line, _) if line.starts_with("GET") => not_found(),
            other => panic!("{other:?}"),
        }
    });
    let stage = Stage::set(&service, Kind::Transaction, Action::Create).await;
    let bought = |row: u32, customer: u64, price: u32| Record {
        parent: Some(customer),
        ..record(row, &format!(r#"{{"price":{price},"comment":"чай","request_id":"ROW"}}"#))
    };
    let records = vec![bought(2, 7, 1), bought(3, 8, 1), bought(4, 7, 2)];
    assert!(matches!(stage.upload(records).await, End::Finished));
    let ids: Vec<_> = stage.lines().into_values().map(|line| (line.row, line.status, line.id)).collect();
    let made = |row, id| (row, Status::Created, Some(id));
    assert_eq!(ids, [made(2, 11), made(3, 90), made(4, 12)]);
    assert_eq!(service.sent("POST customers/7/transactions").len(), 1, "nothing was sent twice");
}

#[tokio::test]
async fn deleting_has_no_body_and_what_an_earlier_time_has_deleted_counts() {
    let service = Service::start(|line, nth, body| {
        assert!(body.is_empty() || line.starts_with("GET"), "{line}: {body}");
        let refused = r#"{"validation-errors":[{"errors":[{"code":"NotSupportedChoice","path":"id","detail":"d"}]}]}"#;
        match (line, nth) {
            ("DELETE customers/statuses/1", _) => (204, String::new()),
            ("DELETE customers/statuses/2" | "DELETE customers/statuses/4" | "DELETE customers/statuses/5", 1) => {
                (504, "<html>".to_owned())
            }
            ("DELETE customers/statuses/2" | "DELETE customers/statuses/3", _) => not_found(),
            ("DELETE customers/statuses/6", 1) => (404, "<html>".to_owned()),
            ("DELETE customers/statuses/6", _) => (204, String::new()),
            ("DELETE customers/statuses/4" | "DELETE customers/statuses/5", _) => (400, refused.to_owned()),
            ("GET customers/statuses", _) => (200, r#"{"_embedded":{"statuses":[{"id":4}]}}"#.to_owned()),
            other => panic!("{other:?}"),
        }
    });
    let stage = Stage::set(&service, Kind::CustomerStatus, Action::Delete).await;
    let records = (1..=6).map(|n| Record { id: Some(n), ..record(n as u32 + 1, "{}") }).collect();
    assert!(matches!(stage.upload(records).await, End::Finished));
    let deleted = |row| (row, "deleted", String::new());
    assert_eq!(
        stage.statuses(),
        [
            deleted(2),
            deleted(3),
            (4, "rejected", "not-found".to_owned()),
            // Refused or done the first time: the list says which.
            (5, "rejected", "refused".to_owned()),
            deleted(6),
            deleted(7),
        ]
    );
    let counts = stage.store().counts(1).unwrap();
    assert_eq!((counts.read, counts.deleted, counts.rejected), (6, 4, 2));
}

#[tokio::test]
async fn a_resumed_run_knows_what_may_have_been_deleted() {
    let service = Service::start(|line, nth, _| match (line, nth) {
        ("DELETE customers/statuses/1", 1..=6) => (502, "<html>".to_owned()),
        ("DELETE customers/statuses/1", _) => not_found(),
        // Over the settling time it is looked for seven times.
        ("GET customers/statuses", 1..=7) => (200, r#"{"_embedded":{"statuses":[{"id":1}]}}"#.to_owned()),
        ("GET customers/statuses", _) => (204, String::new()),
        other => panic!("{other:?}"),
    });
    let stage = Stage::set(&service, Kind::CustomerStatus, Action::Delete).await;
    let records = || vec![Record { id: Some(1), ..record(2, "{}") }];
    assert!(matches!(stage.upload(records()).await, End::Service(_)));
    assert_eq!(stage.statuses(), [(2, "unprocessed", String::new())]);
    let stage = stage.resume();
    assert!(matches!(stage.upload(records()).await, End::Finished));
    assert_eq!(stage.statuses(), [(2, "deleted", String::new())]);
}

#[tokio::test]
async fn an_invoice_of_several_rows_keeps_them_and_what_the_service_says_of_its_sum() {
    let service = Service::start(|line, _, body| match line {
        "GET catalogs/77/elements" => (204, String::new()),
        "POST catalogs/77/elements" if body.contains("r5") => {
            let error = r#"{"code":"NotBlank","path":"name","detail":"d"}"#;
            (400, format!(r#"{{"validation-errors":[{{"request_id":"r5","errors":[{error}]}}],"detail":"no"}}"#))
        }
        "POST catalogs/77/elements" => {
            let lines = r#"[{"field_id":1,"field_code":"ITEMS","values":[{"value":{"total_sum":25}}]}]"#;
            let warned = r#"{"warning":{"message":"counted anew"}}"#;
            let first = format!(
                r#"{{"id":90,"request_id":"r2","invoice_link":"https://pay/1","custom_fields_values":{lines},"_embedded":{warned}}}"#
            );
            (200, format!(r#"{{"_embedded":{{"elements":[{first},{{"id":91,"request_id":"r8"}}]}}}}"#))
        }
        other => panic!("{other}"),
    });
    let stage = Stage::set(&service, Kind::Invoice, Action::Create).await;
    let invoice = |row: u32| Record { total: Some(30.into()), ..record(row, r#"{"name":"A","request_id":"ROW"}"#) };
    let records =
        vec![loaded(invoice(2), &[3, 4]), loaded(invoice(5), &[7]), loaded(record(8, r#"{"request_id":"ROW"}"#), &[])];
    assert!(matches!(stage.upload_loaded(records).await, End::Finished));
    let codes: Vec<String> = stage.lines()[&2].problems.iter().map(|problem| problem.code.to_string()).collect();
    assert_eq!(codes, ["recalculated", "total-differs"]);

    let run = stage.store().run_named("run").unwrap().unwrap();
    amoport::report::write(&stage.store(), &run, stage.folder.path()).expect("a report");
    let read = |name: &str| std::fs::read_to_string(stage.folder.path().join(name)).expect("a file of the report");
    let results: Vec<HashMap<String, String>> =
        csv::Reader::from_reader(read("results.csv").as_bytes()).deserialize().collect::<Result<_, _>>().unwrap();
    let told: Vec<[&str; 3]> =
        results.iter().map(|line| ["rows", "status", "url"].map(|column| line[column].as_str())).collect();
    let card = "https://a/catalogs/77/detail/91";
    assert_eq!(told, [["2-4", "created", "https://pay/1"], ["5,7", "rejected", ""], ["8", "created", card]]);
    assert_eq!(read("rejected.csv").lines().count(), 3, "a line for each row of the group");
}

#[tokio::test]
async fn an_object_goes_bare_and_its_answer_is_the_record_whatever_name_it_has() {
    let service = Service::start(|line, nth, _| match (line, nth) {
        ("GET customers/segments", _) => (204, String::new()),
        ("POST customers/segments", 1) => (200, r#"{"id":11,"name":"A","request_id":"0"}"#.to_owned()),
        ("POST customers/segments", _) => (422, r#"{"title":"T","status":422,"detail":"too many"}"#.to_owned()),
        other => panic!("{other:?}"),
    });
    let stage = Stage::set(&service, Kind::Segment, Action::Create).await;
    let records = vec![record(2, r#"{"name":"A"}"#), record(3, r#"{"name":"B"}"#)];
    assert!(matches!(stage.upload(records).await, End::Finished));
    assert_eq!(service.sent("POST customers/segments"), [r#"{"name":"A"}"#, r#"{"name":"B"}"#]);
    assert_eq!(stage.statuses(), [(2, "created", String::new()), (3, "rejected", "refused".to_owned())]);
    assert!(stage.lines()[&3].problems[0].message.to_string().contains("too many"));
}

#[tokio::test]
async fn a_change_that_no_answer_mentions_is_unknown_after_the_second_time() {
    let service = Service::start(|what, _, _| {
        let held = |id: u64| format!(r#"{{"id":{id},"name":"A"}}"#);
        let leads = match what {
            "GET leads" => [held(1), held(2), held(3)].join(","),
            _ => r#"{"id":1,"updated_at":5}"#.to_owned(),
        };
        (200, format!(r#"{{"_embedded":{{"leads":[{leads}]}}}}"#))
    });
    let stage = Stage::set(&service, Kind::Lead, Action::Update).await;
    let renamed = |n: u64| Record { id: Some(n), ..record(n as u32 + 1, r#"{"name":"B"}"#) };
    assert!(matches!(stage.upload((1..=3).map(renamed).collect()).await, End::Finished));
    let sent = [r#"[{"name":"B"},{"name":"B"},{"name":"B"}]"#, r#"[{"name":"B"},{"name":"B"}]"#];
    assert_eq!(service.sent("PATCH leads"), sent);
    let unknown = |row| (row, "unknown", "unknown".to_owned());
    assert_eq!(stage.statuses(), [(2, "updated", String::new()), unknown(3), unknown(4)]);
}

#[tokio::test]
async fn a_change_is_held_against_the_account_and_what_differs_is_sent() {
    let service = Service::start(|what, nth, _| {
        let held = r#"{"id":1,"name":"A","price":5},{"id":2,"name":"A","price":5},{"id":4,"name":"A","price":7}"#;
        match (what, nth) {
            ("GET leads", 1) => (200, format!(r#"{{"_embedded":{{"leads":[{held}]}}}}"#)),
            ("GET leads", _) => (204, String::new()),
            _ => (200, r#"{"_embedded":{"leads":[{"id":2,"updated_at":5},{"id":4,"updated_at":5}]}}"#.to_owned()),
        }
    });
    let stage = Stage::set(&service, Kind::Lead, Action::Update).await;
    let wanted = |n: u64, price: u64| Record {
        id: Some(n),
        ..record(n as u32 + 1, &format!(r#"{{"id":{n},"name":"A","price":{price},"request_id":"r{}"}}"#, n + 1))
    };
    let records = vec![wanted(1, 5), wanted(2, 6), wanted(3, 5), wanted(4, 8)];
    assert!(matches!(stage.upload(records).await, End::Finished));
    let sent = r#"[{"id":2,"request_id":"r3","price":6},{"id":4,"request_id":"r5","price":8}]"#;
    assert_eq!(service.sent("PATCH leads"), [sent]);
    // A gateway may cap pages, so the next one is asked for what the first does not show.
    assert_eq!(service.sent("GET leads").len(), 3, "one reading for all of them, and one for what it does not show");
    let done = |row, status| (row, status, String::new());
    let rejected = (4, "rejected", "not-visible".to_owned());
    assert_eq!(stage.statuses(), [done(2, "unchanged"), done(3, "updated"), rejected, done(5, "updated")]);
}

#[tokio::test]
async fn an_address_that_is_too_long_is_asked_in_two() {
    let service = Service::start(|what, _, query| {
        let asked: Vec<u64> = (1..=3).filter(|id| query.contains(&format!("%5D={id}"))).collect();
        match what {
            "GET leads" if asked.len() > 1 => (414, "<html>".to_owned()),
            "GET leads" => (200, format!(r#"{{"_embedded":{{"leads":[{{"id":{},"name":"A"}}]}}}}"#, asked[0])),
            _ => panic!("{what}: nothing is to be sent"),
        }
    });
    let stage = Stage::set(&service, Kind::Lead, Action::Update).await;
    let same = |n: u64| Record { id: Some(n), ..record(n as u32 + 1, r#"{"name":"A"}"#) };
    assert!(matches!(stage.upload((1..=3).map(same).collect()).await, End::Finished));
    let unchanged = |row| (row, "unchanged", String::new());
    assert_eq!(stage.statuses(), [unchanged(2), unchanged(3), unchanged(4)]);
}

pub fn linked(row: u32, to: &[u64]) -> Record {
    let link = |id: &u64| Link { to: Entity::Contacts, id: *id, catalog: None, quantity: None, main: None };
    Record { row, links: to.iter().map(link).collect(), ..Record::default() }
}

#[tokio::test]
async fn links_go_out_together_a_refused_one_is_told_and_what_was_stopped_goes_on() {
    let service = Service::start(|_, nth, body| {
        let links: Vec<serde_json::Value> = serde_json::from_str(body).expect("an array");
        let bad = links.iter().position(|link| link["to_entity_id"] == 99);
        match (nth, bad) {
            (1, _) => (503, "<html>".to_owned()),
            (_, Some(n)) => {
                let error = serde_json::json!({"code": "NotSupportedChoice", "path": "to_entity_id", "detail": "d"});
                let errors = serde_json::json!([{"request_id": n.to_string(), "errors": [error]}]);
                (400, serde_json::json!({"validation-errors": errors, "detail": "no"}).to_string())
            }
            // Nobody is named.
            (_, None) if links.iter().any(|link| link["to_entity_id"] == 98) => (400, r#"{"detail":"no"}"#.to_owned()),
            (_, None) => (200, as_linked(body, |_| true)),
        }
    });
    let stage = Stage::set(&service, Kind::Lead, Action::Update).await;
    let made = |row: u32| Outcome { id: Some(u64::from(row) * 10), ..Outcome::new(row, Status::Created) };
    let rejected = Outcome::new(6, Status::Rejected);
    let outcomes: Vec<Outcome> = (2..=5).map(made).chain([rejected]).collect();
    stage.journal.lock().unwrap().local(&outcomes).unwrap();
    let records =
        || vec![linked(2, &[1, 99]), linked(3, &[]), linked(4, &[2, 98, 3]), linked(5, &[4]), linked(6, &[5])];

    assert!(matches!(stage.link(records(), true).await, End::Interrupted));
    assert_eq!(service.sent("POST leads/link").len(), 0);
    assert_eq!(stage.store().links(1).unwrap(), Links::default());

    assert!(matches!(stage.link(records(), false).await, End::Finished));
    assert_eq!(stage.store().links(1).unwrap(), Links { made: 4, refused: 2 });
    let first: serde_json::Value = serde_json::from_str(&service.sent("POST leads/link")[0]).unwrap();
    let pairs: Vec<_> = first.as_array().unwrap().iter().map(|l| (&l["entity_id"], &l["to_entity_id"])).collect();
    let wanted = serde_json::json!([[20, 1], [20, 99], [40, 2], [40, 98], [40, 3], [50, 4]]);
    assert_eq!(serde_json::json!(pairs), wanted);
    let lines = stage.lines();
    assert_eq!((lines[&2].status, lines[&2].problems[0].code.as_ref()), (Status::Created, "NotSupportedChoice"));
    assert_eq!((lines[&4].status, lines[&4].problems[0].code.as_ref()), (Status::Created, "link-refused"));
    assert_eq!(stage.links_unknown(), [3].into(), "it has none to make");

    // Once more, as a resumed run would: nothing is left.
    let sent = service.sent("POST leads/link").len();
    assert!(matches!(stage.link(records(), false).await, End::Finished));
    assert_eq!(service.sent("POST leads/link").len(), sent);
}
