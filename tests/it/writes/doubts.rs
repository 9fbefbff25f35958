//! Answers that say less than they seem to, and lists that do: what is believed of them.

use crate::writes::stage::{MARK, Service, Stage, record};
use amo_model::{Action, Kind};
use amoport::mapping::Record;
use amoport::store::{BatchOf, Journal, Outcome, OutgoingBatch};
use amoport::store::{NewRun, Status, Store};
use amoport::upload::End;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// Leads of an account that answers as it is asked to.
#[derive(Clone, Default)]
struct Held(Arc<Mutex<Vec<Value>>>);

impl Held {
    fn with(items: &[Value]) -> Held {
        Held(Arc::new(Mutex::new(items.to_vec())))
    }

    fn make(&self, id: u64, item: &Value) {
        let mut item = item.clone();
        item["id"] = id.into();
        item["created_by"] = 0.into();
        self.0.lock().expect("the account").push(item);
    }

    fn len(&self) -> usize {
        self.0.lock().expect("the account").len()
    }

    /// The page that a query asks for.
    fn list(&self, query: &str) -> (u16, String) {
        let mut items = self.0.lock().expect("the account").clone();
        let asked: Vec<u64> =
            query.split('&').filter_map(|part| part.strip_prefix("filter%5Bid%5D%5B%5D=")?.parse().ok()).collect();
        items.retain(|item| asked.is_empty() || item["id"].as_u64().is_some_and(|id| asked.contains(&id)));
        items.sort_by_key(|item| item["id"].as_u64());
        if query.contains("=desc") {
            items.reverse();
        }
        let number = |key: &str| query.split('&').find_map(|part| part.strip_prefix(key)?.parse::<usize>().ok());
        let (page, limit) = (number("page=").unwrap_or(1), number("limit=").unwrap_or(50));
        let rows: Vec<Value> = items.into_iter().skip((page - 1) * limit).take(limit).collect();
        match rows.is_empty() || query.contains("only_deleted") {
            true => (204, String::new()),
            false => (200, json!({"_embedded": {"leads": rows}}).to_string()),
        }
    }
}

fn items(body: &str) -> Vec<Value> {
    serde_json::from_str(body).expect("an array")
}

fn lead(row: u32, price: u32) -> Record {
    record(row, &format!(r#"{{"name":"Сделка {row}","price":{price},"request_id":"ROW"}}"#))
}

async fn leads(service: &Service) -> Stage {
    Stage::set(service, Kind::Lead, Action::Create).await
}

fn ids(stage: &Stage) -> Vec<(u32, Status, Option<i64>)> {
    stage.lines().into_values().map(|line| (line.row, line.status, line.id)).collect()
}

fn answer(made: &[Value]) -> (u16, String) {
    (200, json!({"_embedded": {"leads": made}}).to_string())
}

/// A gateway that mixes answers up: the only record of a batch is not what the only item of another's answer is.
#[tokio::test]
async fn a_batch_of_one_takes_no_other_batchs_answer() {
    let held = Held::with(&[json!({"id": 5, "name": "Старая"})]);
    let account = held.clone();
    let service = Service::start(move |line, _, body| match line {
        "POST leads" => {
            account.make(20, &items(body)[0]);
            answer(&[json!({"id": 5, "request_id": "r9"})])
        }
        _ => account.list(body),
    });
    let stage = leads(&service).await;
    assert!(matches!(stage.upload(vec![lead(2, 7)]).await, End::Finished));
    assert_eq!(ids(&stage), [(2, Status::Created, Some(20))]);
    assert_eq!(held.len(), 2);
}

#[tokio::test]
async fn items_that_name_nobody_are_known_by_what_the_account_holds_under_their_ids() {
    let held = Held::with(&[json!({"id": 5, "name": "Старая"})]);
    let account = held.clone();
    let service = Service::start(move |line, _, body| match line {
        "POST leads" => {
            let sent = items(body);
            let made = |(n, item): (usize, &Value)| {
                let id = 20 + n as u64;
                account.make(id, item);
                json!({"id": id})
            };
            answer(&sent.iter().rev().enumerate().map(made).collect::<Vec<_>>())
        }
        _ => account.list(body),
    });
    let stage = leads(&service).await;
    assert!(matches!(stage.upload(vec![lead(2, 7), lead(3, 8), lead(4, 9)]).await, End::Finished));
    let made = |row, id| (row, Status::Created, Some(id));
    assert_eq!(ids(&stage), [made(2, 22), made(3, 21), made(4, 20)], "their order says nothing");
    assert_eq!(service.sent("POST leads").len(), 1);
}

#[tokio::test]
async fn a_record_with_two_ids_is_told() {
    let held = Held::with(&[json!({"id": 5, "name": "Старая"})]);
    let service = Service::start(move |line, _, body| match line {
        "POST leads" => answer(&[json!({"id": 20, "request_id": "r2"}), json!({"id": 21, "request_id": "r2"})]),
        _ => held.list(body),
    });
    let stage = leads(&service).await;
    assert!(matches!(stage.upload(vec![lead(2, 7)]).await, End::Finished));
    assert_eq!(ids(&stage), [(2, Status::Created, Some(20))]);
    let problem = &stage.lines()[&2].problems[0];
    assert_eq!(problem.code, "doubled");
    assert_eq!(problem.message.to_string(), "the answer gives it two ids, 20 and 21");
}

/// What a refusal names is refused; the others may have been written all the same.
#[tokio::test]
async fn what_was_written_beside_a_refused_record_does_not_go_again() {
    for written in [true, false] {
        let held = Held::with(&[json!({"id": 5, "name": "Старая"})]);
        let account = held.clone();
        let service = Service::start(move |line, nth, body| match (line, nth) {
            ("POST leads", 1) => {
                if written {
                    account.make(20, &items(body)[0]);
                    account.make(21, &items(body)[2]);
                }
                let error = json!({"code": "NotBlank", "path": "name", "detail": "d"});
                (400, json!({"validation-errors": [{"request_id": "r3", "errors": [error]}]}).to_string())
            }
            ("POST leads", _) => {
                let made: Vec<Value> = items(body)
                    .iter()
                    .enumerate()
                    .map(|(n, item)| {
                        account.make(30 + n as u64, item);
                        json!({"id": 30 + n, "request_id": item["request_id"]})
                    })
                    .collect();
                answer(&made)
            }
            _ => account.list(body),
        });
        let stage = leads(&service).await;
        assert!(matches!(stage.upload(vec![lead(2, 7), lead(3, 8), lead(4, 9)]).await, End::Finished));
        let (first, last) = if written { (20, 21) } else { (30, 31) };
        let refused = (3, Status::Rejected, None);
        assert_eq!(ids(&stage), [(2, Status::Created, Some(first)), refused, (4, Status::Created, Some(last))]);
        assert_eq!(held.len(), 3, "written: {written}");
        let twice = stage.journal.lock().unwrap().sent_twice().expect("the store works");
        assert_eq!(twice.map(|(rows, _)| rows.len()), (!written).then_some(2), "whose twins are looked for at the end");
        let looks = service.sent("GET leads").iter().filter(|query| query.contains("limit=250")).count();
        assert_eq!(looks, if written { 2 } else { 1 }, "one look where nothing was written");
    }
}

/// Lists that do not show what was there before prove nothing.
#[tokio::test]
async fn what_a_list_does_not_show_is_missing_only_where_it_shows_what_was_there_before() {
    for (shows, status) in [(true, Status::Created), (false, Status::Unknown)] {
        let held = Held::with(&[json!({"id": 5, "name": "Старая"})]);
        let service = Service::start(move |line, nth, body| match (line, nth) {
            ("POST leads", 1) => (504, "<html>".to_owned()),
            ("POST leads", _) => answer(&[json!({"id": 20, "request_id": "r2"})]),
            ("GET leads", 1) => held.list(body),
            _ if shows => held.list(body),
            _ => (204, String::new()),
        });
        let stage = leads(&service).await;
        assert!(matches!(stage.upload(vec![lead(2, 7)]).await, End::Finished));
        assert_eq!(ids(&stage)[0].1, status);
        if !shows {
            let told = stage.lines()[&2].problems[0].message.to_string();
            assert!(told.contains("the list does not show 5 either"), "{told}");
        }
    }
}

#[tokio::test]
async fn what_is_not_shown_to_a_token_that_sees_a_part_is_unknown() {
    let held = Held::with(&[json!({"id": 5, "name": "Старая"})]);
    let service = Service::start(move |line, _, body| match line {
        "POST leads" => (504, "<html>".to_owned()),
        _ => held.list(body),
    });
    let mut stage = leads(&service).await;
    stage.sees_all = false;
    assert!(matches!(stage.upload(vec![lead(2, 7)]).await, End::Finished));
    assert_eq!(ids(&stage), [(2, Status::Unknown, None)]);
    assert_eq!(service.sent("POST leads").len(), 1);
}

#[tokio::test]
async fn a_list_that_ignores_its_order_leaves_its_records_unknown_and_says_so() {
    let held = Held::with(&[json!({"id": 5, "name": "Старая"}), json!({"id": 6, "name": "Новая"})]);
    let service = Service::start(move |line, _, body| match line {
        "POST leads" => (504, "<html>".to_owned()),
        _ => held.list(&body.replace("=desc", "=asc")),
    });
    let stage = leads(&service).await;
    assert!(matches!(stage.upload(vec![lead(2, 7)]).await, End::Finished));
    assert_eq!(ids(&stage), [(2, Status::Unknown, None)]);
    let told = stage.lines()[&2].problems[0].message.to_string();
    assert!(told.contains("the list of leads ignores the order asked for"), "{told}");
}

/// A full page names the next one, and that has nothing.
#[tokio::test]
async fn a_list_that_breaks_off_leaves_its_records_unknown() {
    let held = Held::with(&[json!({"id": 5, "name": "Старая"})]);
    let service = Service::start(move |line, _, body| match line {
        "POST leads" => (504, "<html>".to_owned()),
        _ if body.contains("limit=250") && !body.contains("filter") && body.contains("page=1&") => {
            let rows: Vec<Value> =
                (1000..1250).rev().map(|id| json!({"id": id, "name": "Чужая", "created_by": 7})).collect();
            (200, json!({"_links": {"next": {"href": "x"}}, "_embedded": {"leads": rows}}).to_string())
        }
        _ if body.contains("page=2&") => (204, String::new()),
        _ => held.list(body),
    });
    let stage = leads(&service).await;
    assert!(matches!(stage.upload(vec![lead(2, 7)]).await, End::Finished));
    assert_eq!(ids(&stage), [(2, Status::Unknown, None)]);
    let told = stage.lines()[&2].problems[0].message.to_string();
    assert!(told.contains("has nothing on page 2, although the full page before it links to it"), "{told}");
}

/// Another run of the store has sent the same and knows nothing yet: what is there may be either's.
#[tokio::test]
async fn what_another_run_may_have_made_is_not_taken_without_a_mark() {
    for (sent_at_ms, status) in [(0, Status::Unknown), (i64::MAX, Status::Created)] {
        let held = Held::with(&[json!({"id": 5, "name": "Старая"})]);
        let account = held.clone();
        let service = Service::start(move |line, _, body| match line {
            "POST leads" => {
                account.make(20, &items(body)[0]);
                (504, "<html>".to_owned())
            }
            _ => account.list(body),
        });
        let stage = leads(&service).await;
        other_run(&stage, sent_at_ms);
        assert!(matches!(stage.upload(vec![lead(2, 7)]).await, End::Finished));
        assert_eq!(ids(&stage)[0].1, status, "the earlier one settles first");
        assert_eq!(held.len(), 2, "nothing was sent twice");
        if status == Status::Unknown {
            let told = stage.lines()[&2].problems[0].message.to_string();
            assert!(told.contains("one of the records in doubt of run other"), "{told}");
        }
    }
}

/// A run beside that of the stage, with a batch in doubt.
fn other_run(stage: &Stage, at_ms: i64) {
    let head = stage.store().run(1).expect("the run").head;
    let new = NewRun { name: "other", head: &head, snapshot: "{}", started_at: 0, edits: &[], rows: None };
    let mut journal = Journal::begin(Store::open(stage.folder.path()).expect("the store"), &new).expect("a journal");
    let batch = journal.next_batch();
    let sending =
        OutgoingBatch { batch, of: BatchOf::Records, rows: &[2], owner: None, keys: &[], watermark: 5, at_ms };
    assert!(journal.sent(&sending).expect("the store works"));
    journal.doubt(batch, None, &[]).expect("the store works");
}

#[tokio::test]
async fn a_second_claim_of_one_id_stops() {
    let service = Service::start(|_, _, _| (204, String::new()));
    let stage = leads(&service).await;
    let made = |row| Outcome { id: Some(20), ..Outcome::new(row, Status::Created) };
    let mut journal = stage.journal.lock().unwrap();
    let mut sent = |rows: &[u32]| {
        let batch = journal.next_batch();
        let sending =
            OutgoingBatch { batch, of: BatchOf::Records, rows, owner: None, keys: &[], watermark: 5, at_ms: 0 };
        journal.sent(&sending).unwrap();
        journal.answered(batch, 200, &rows.iter().map(|row| made(*row)).collect::<Vec<_>>())
    };
    sent(&[2]).unwrap();
    let told = sent(&[3]).unwrap_err().to_string();
    assert_eq!(
        told,
        "row 3 got the id 20, which row 2 of run run has: one of the two is wrong, so nothing more is sent"
    );
    drop(journal);
    assert_eq!(ids(&stage), [(2, Status::Created, Some(20))]);
}

/// Somebody has deleted it before anybody could look.
#[tokio::test]
async fn what_people_have_deleted_meanwhile_is_told_as_made_anew() {
    let held = Held::with(&[json!({"id": 5, "name": "Старая"})]);
    let trash = Held::default();
    let (account, deleted) = (held.clone(), trash.clone());
    let service = Service::start(move |line, nth, body| match (line, nth) {
        ("POST leads", 1) => {
            deleted.make(20, &items(body)[0]);
            (504, "<html>".to_owned())
        }
        ("POST leads", _) => answer(&[json!({"id": 21, "request_id": "r2"})]),
        _ if body.contains("only_deleted") => deleted.list(&body.replace("only_deleted", "")),
        _ => account.list(body),
    });
    let stage = leads(&service).await;
    assert!(matches!(stage.upload(vec![lead(2, 7)]).await, End::Finished));
    assert_eq!(ids(&stage), [(2, Status::Created, Some(21))]);
    let problem = &stage.lines()[&2].problems[0];
    assert_eq!(problem.code, "made-anew");
    assert!(problem.message.to_string().contains("the record was created before as 20"), "{}", problem.message);
}

/// A request may be on its way as long as its answer was waited for, and its commit may come after that.
#[tokio::test]
async fn what_is_missing_does_not_go_again_before_its_time() {
    let held = Held::with(&[json!({"id": 5, "name": "Старая"})]);
    let times = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&times);
    let service = Service::start(move |line, nth, body| match (line, nth) {
        ("POST leads", nth) => {
            seen.lock().expect("the times").push(Instant::now());
            match nth {
                1 => (504, "<html>".to_owned()),
                _ => answer(&[json!({"id": 21, "request_id": "r2"})]),
            }
        }
        _ => held.list(body),
    });
    let mut stage = leads(&service).await;
    stage.answer_timeout = Duration::from_secs(30);
    assert!(matches!(stage.upload(vec![lead(2, 7)]).await, End::Finished));
    assert_eq!(ids(&stage), [(2, Status::Created, Some(21))]);
    let times = times.lock().expect("the times");
    // 30 s and the settling time of 1 s, on a clock that is 100 times faster. It is sent a moment before it arrives.
    let waited = times[1].duration_since(times[0]);
    assert!(waited > Duration::from_millis(250), "{waited:?}");
}

/// A page of somebody in between proves no deletion: what is still shown is deleted once more.
#[tokio::test]
async fn a_deletion_is_told_where_the_account_does_not_show_it_any_more() {
    let held = Arc::new(Mutex::new(vec![1, 2, 3, 4]));
    let account = Arc::clone(&held);
    let service = Service::start(move |line, nth, _| {
        let mut held = account.lock().expect("the account");
        let id = line.rsplit('/').next().and_then(|id| id.parse::<u64>().ok());
        match (line, nth, id) {
            ("DELETE customers/statuses/4", ..) => {
                held.retain(|kept| *kept != 4);
                (502, "<html>".to_owned())
            }
            // The page comes instead of the deletion, after it, and for ever.
            ("DELETE customers/statuses/1", 1, _) | ("DELETE customers/statuses/3", ..) => (200, "<html>".to_owned()),
            ("DELETE customers/statuses/2", 1, _) => {
                held.retain(|kept| *kept != 2);
                (200, "<html>".to_owned())
            }
            (line, _, Some(id)) if line.starts_with("DELETE") => {
                held.retain(|kept| *kept != id);
                (204, String::new())
            }
            _ => {
                let shown: Vec<Value> = held.iter().map(|id| json!({"id": id})).collect();
                (200, json!({"_embedded": {"statuses": shown}}).to_string())
            }
        }
    });
    for (id, status) in [(1, Status::Deleted), (2, Status::Deleted), (3, Status::Unprocessed), (4, Status::Deleted)] {
        let stage = Stage::set(&service, Kind::CustomerStatus, Action::Delete).await;
        stage.upload(vec![Record { id: Some(id), ..record(2, "{}") }]).await;
        assert_eq!(stage.lines()[&2].status, status, "{id}");
    }
    assert_eq!(service.sent("DELETE customers/statuses/2").len(), 1);
    assert_eq!(*held.lock().unwrap(), [3]);
}

/// A store that went back in time knows nothing of what it has sent since.
#[tokio::test]
async fn what_the_store_has_forgotten_is_found_before_anything_is_sent() {
    let held = Held::with(&[
        json!({"id": 5, "name": "Сделка 2", "price": 7}),
        json!({"id": 20, "name": "Сделка 3", "price": 8, "created_by": 0}),
        json!({"id": 21, "name": "Сделка 4", "price": 9, "created_by": 0}),
        json!({"id": 22, "name": "Чужая", "price": 1, "created_by": 0}),
        json!({"id": 23, "name": "Сделка 4", "price": 9, "created_by": 0}),
    ]);
    let account = held.clone();
    let service = Service::start(move |line, _, body| match line {
        "POST leads" => {
            let made = items(body).into_iter().enumerate().map(|(n, item)| {
                account.make(30 + n as u64, &item);
                json!({"id": 30 + n, "request_id": item["request_id"]})
            });
            answer(&made.collect::<Vec<_>>())
        }
        _ => account.list(body),
    });
    let mut stage = leads(&service).await;
    stage.look_from = Some(5);
    assert!(matches!(stage.upload(vec![lead(2, 7), lead(3, 8), lead(4, 9)]).await, End::Finished));
    let made = |row, id| (row, Status::Created, Some(id));
    assert_eq!(ids(&stage), [made(2, 30), made(3, 20), (4, Status::Unknown, None)]);
    assert_eq!(held.len(), 6, "one was made, below the id there is an older one that looks alike");
}

fn marked(row: u32, price: u32, mark: &str) -> Record {
    let mark = json!([{"field_id": MARK, "values": [{"value": mark}]}]);
    let body =
        json!({"name": format!("Сделка {row}"), "price": price, "custom_fields_values": mark, "request_id": "ROW"});
    record(row, &body.to_string())
}

/// What the store has forgotten was made by another run, whose marks name that run.
#[tokio::test]
async fn forgotten_records_are_found_under_the_marks_of_another_run() {
    let as_made = |id: u64, row: u32, price: u32, mark: &str| {
        let mut item: Value = serde_json::from_slice(&marked(row, price, mark).body).unwrap();
        item["id"] = id.into();
        item["created_at"] = 5.into();
        item["updated_at"] = 5.into();
        item
    };
    let account = vec![json!({"id": 5, "name": "Старая"}), as_made(20, 2, 7, "lost/r2")];
    for (keyed, mark, sees_all, expected) in [
        (false, "run/r2", true, (2, Status::Created, Some(20))),
        (true, "lost/r2", true, (2, Status::Created, Some(20))),
        // Who does not see everything may not see it either.
        (false, "run/r3", false, (3, Status::Unknown, None)),
        (false, "run/r3", true, (3, Status::Created, Some(30))),
        // Another source may number its rows alike.
        (true, "lost/r2", true, (3, Status::Unknown, None)),
    ] {
        let held = Held::with(&account);
        let service = Service::start(move |line, _, body| match line {
            "POST leads" => answer(&[json!({"id": 30, "request_id": items(body)[0]["request_id"]})]),
            _ => held.list(body),
        });
        let mut stage = leads(&service).await.marked(keyed);
        (stage.look_from, stage.sees_all) = (Some(5), sees_all);
        let row = expected.0;
        assert!(matches!(stage.upload(vec![marked(row, 7, mark)]).await, End::Finished));
        assert_eq!(ids(&stage), [expected], "{keyed} {mark} {sees_all}");
    }
}

/// A robot may have renamed what was written beside a refused record; what the token's own user has made just now is held to be it.
#[tokio::test]
async fn what_was_changed_beside_a_refused_record_is_unclear() {
    let held = Held::with(&[json!({"id": 5, "name": "Старая"})]);
    let account = held.clone();
    let user = Arc::new(Mutex::new(0));
    let maker = Arc::clone(&user);
    let service = Service::start(move |line, nth, body| match (line, nth) {
        ("POST leads", 1) => {
            let maker: u64 = *maker.lock().unwrap();
            let robot = json!({"id": 20, "name": "Переименована", "created_by": maker, "updated_by": 0});
            account.0.lock().unwrap().push(robot);
            let error = json!({"code": "NotBlank", "path": "name", "detail": "d"});
            (400, json!({"validation-errors": [{"request_id": "r3", "errors": [error]}]}).to_string())
        }
        _ => account.list(body),
    });
    let stage = leads(&service).await;
    *user.lock().unwrap() = stage.user();
    assert!(matches!(stage.upload(vec![lead(2, 7), lead(3, 8)]).await, End::Finished));
    assert_eq!(ids(&stage), [(2, Status::Unknown, None), (3, Status::Rejected, None)]);
    assert_eq!(service.sent("POST leads").len(), 1);
}
