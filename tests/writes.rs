//! What is sent to which address, and what its answers mean there: the loop and the linking pass against a server of a few
//! lines, which says what the sandbox would not say by itself.

use amoport::api::{Client, Pace, parse_base, pull};
use amoport::clock::Clock;
use amoport::entity::{Action, Entity, Kind};
use amoport::mapping::{self, Link, Plan, Record, compile};
use amoport::sandbox::{Options as SandboxOptions, Sandbox};
use amoport::store::{Head, Journal, Line, Links, MappingHead, NewRun, Outcome, SourceHead, Status, Store, StoreError};
use amoport::table::{ReadOptions, Row, Table};
use amoport::upload::feed::{Fed, Loaded};
use amoport::upload::links::{self, Linking};
use amoport::upload::{BatchSize, End, Options, Upload};
use std::collections::{BTreeMap, HashMap};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::{mpsc, watch};

type Log = Arc<Mutex<Vec<(String, String)>>>;

/// Answers `METHOD path`, asked for the nth time, with a status and a body; a read has its query for a body.
struct Service {
    url: String,
    log: Log,
}

impl Service {
    fn start(answer: impl Fn(&str, usize, &str) -> (u16, String) + Send + 'static) -> Service {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let log = Log::default();
        let kept = Arc::clone(&log);
        std::thread::spawn(move || {
            let mut asked: HashMap<String, usize> = HashMap::new();
            for stream in listener.incoming() {
                let mut stream = stream.expect("a connection");
                let (line, body) = request(&mut stream);
                let nth = asked.entry(line.clone()).or_default();
                *nth += 1;
                let (status, answer) = answer(&line, *nth, &body);
                kept.lock().expect("the log").push((line, body));
                let head =
                    format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", answer.len());
                let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(answer.as_bytes()));
            }
        });
        Service { url, log }
    }

    /// Bodies sent to an address, in their order.
    fn sent(&self, line: &str) -> Vec<String> {
        let log = self.log.lock().expect("the log");
        log.iter().filter(|(asked, _)| asked == line).map(|(_, body)| body.clone()).collect()
    }
}

/// `METHOD path` without the query, and the body, or the query where there is none.
fn request(stream: &mut TcpStream) -> (String, String) {
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length =
                head.lines().find_map(|l| l.to_lowercase().strip_prefix("content-length: ").map(str::to_owned));
            let length: usize = length.and_then(|n| n.parse().ok()).unwrap_or(0);
            if body.len() >= length {
                let line = head.lines().next().unwrap_or_default();
                let path = line.split([' ', '?']).nth(1).unwrap_or_default();
                let method = line.split(' ').next().unwrap_or_default();
                let query = line.split([' ', '?']).nth(2).unwrap_or_default();
                let body = if method == "GET" { query } else { body };
                return (format!("{method} {}", path.trim_start_matches("/api/v4/")), body.to_owned());
            }
        }
        let read = stream.read(&mut buffer).expect("a request");
        assert!(read > 0, "the request broke off: {text}");
        bytes.extend_from_slice(&buffer[..read]);
    }
}

struct Stage {
    folder: tempfile::TempDir,
    client: Arc<Client>,
    plan: Arc<Plan>,
    journal: Arc<Mutex<Journal>>,
}

impl Stage {
    async fn set(service: &Service, kind: Kind, action: Action) -> Stage {
        let folder = tempfile::tempdir().expect("a folder");
        let clock = Clock::faster(100.0);
        let client = |url: &str, token: &str| {
            let token = secrecy::SecretString::from(token.to_owned());
            Arc::new(Client::new(parse_base(url).unwrap(), token.into(), Pace::new(7, clock)).unwrap())
        };
        let sandbox = Sandbox::start(SandboxOptions::default()).expect("a sandbox");
        let account = pull::pull(&client(sandbox.url(), sandbox.token()), &Entity::ALL[..3], 0).await.unwrap().0;
        std::fs::write(folder.path().join("rows.csv"), "name\nA\n").unwrap();
        std::fs::write(folder.path().join("rows.toml"), "version = 1\nkind = \"lead\"\n[lead]\nname = \"name\"\n")
            .unwrap();
        let written = mapping::read(&folder.path().join("rows.toml")).expect("the mapping is good");
        let table = Table::open(&folder.path().join("rows.csv"), &ReadOptions::default()).expect("the source");
        let origins = compile::Origins { header: table.header.clone(), source: table.source() };
        let plan = compile::compile(&written, origins, Arc::new(account)).expect("the plan");
        // What the loop looks at is the kind and the way it is written; the records are made by hand.
        let write = kind.spec().write(action).expect("a way of writing it");
        let plan = Arc::new(Plan { kind, action, write, ..plan });
        let head = head(kind, action);
        let new = NewRun { name: "run", head: &head, snapshot: "{}", started_at: 0 };
        let journal = Journal::begin(Store::open(folder.path()).expect("the store"), &new).expect("a journal");
        Stage { folder, client: client(&service.url, "token"), plan, journal: Arc::new(Mutex::new(journal)) }
    }

    async fn upload(&self, records: Vec<Record>) -> End {
        let (_signal, stop) = watch::channel(false);
        let upload = Upload {
            client: Arc::clone(&self.client),
            plan: Arc::clone(&self.plan),
            journal: Arc::clone(&self.journal),
            feed: fed(records).await,
            options: Options {
                batch: BatchSize::Fixed(self.plan.write.batch_max.min(50)),
                in_flight: 24,
                max_errors: None,
                settle: Duration::from_secs(1),
                clock: Clock::faster(100.0),
                again: false,
            },
            doubts: Vec::new(),
            stop,
        };
        amoport::upload::run(upload, &mut |_| {}).await.expect("the store works").end
    }

    async fn link(&self, records: Vec<Record>, stopped: bool) -> End {
        let (_signal, stop) = watch::channel(stopped);
        let linking = Linking {
            client: Arc::clone(&self.client),
            plan: Arc::clone(&self.plan),
            journal: Arc::clone(&self.journal),
            feed: fed(records).await,
            ids: self.store().unlinked(1).expect("the store works"),
            in_flight: 4,
            stop,
        };
        links::link(linking).await.expect("the store works")
    }

    fn store(&self) -> Store {
        Store::open(self.folder.path()).expect("the store")
    }

    fn lines(&self) -> BTreeMap<u32, Line> {
        let mut lines = BTreeMap::new();
        let kept = self.store().lines::<StoreError>(1, |line| {
            lines.insert(line.row, line);
            Ok(())
        });
        kept.expect("the store works");
        lines
    }

    fn statuses(&self) -> Vec<(u32, &'static str, String)> {
        let code = |line: &Line| line.problems.first().map(|p| p.code.clone()).unwrap_or_default();
        self.lines().values().map(|line| (line.row, line.status.word(), code(line))).collect()
    }
}

async fn fed(records: Vec<Record>) -> mpsc::Receiver<Vec<Fed>> {
    let (sender, receiver) = mpsc::channel(4);
    let rows = records.len() as u64;
    let loaded = |record: Record| {
        let mut row = Row::default();
        row.number = record.row;
        Fed::Record(Loaded { record, row, more: Vec::new() })
    };
    sender.send(records.into_iter().map(loaded).collect()).await.expect("there is room");
    sender.send(vec![Fed::End { rows }]).await.expect("there is room");
    receiver
}

fn head(kind: Kind, action: Action) -> Head {
    let source = SourceHead {
        path: "rows.csv".to_owned(),
        sha256: String::new(),
        sheet: None,
        header_row: 1,
        format: "csv".to_owned(),
        encoding: None,
        bom: false,
        delimiter: Some(','),
        titles: Vec::new(),
    };
    Head {
        source,
        mapping: MappingHead { path: String::new(), sha256: String::new() },
        kind: kind.name().to_owned(),
        entity: kind.spec().entity.path().to_owned(),
        action: action.name().to_owned(),
        account: "a".to_owned(),
        target: "a".to_owned(),
        base: String::new(),
        folder: String::new(),
        batch: None,
        settle: 1,
        verify: "none".to_owned(),
        rate: 7,
        rows: None,
        limit: None,
        again: false,
        catalog: None,
    }
}

fn record(row: u32, body: &str) -> Record {
    Record { row, body: body.replace("ROW", &format!("r{row}")).into_bytes(), ..Record::default() }
}

fn not_found() -> (u16, String) {
    (404, r#"{"title":"Not Found","status":404,"detail":"not there"}"#.to_owned())
}

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
    assert_eq!(line.problems[0].message, "the account has no customer 9");
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
            ("POST customers/8/transactions", 2) => {
                (200, r#"{"_embedded":{"transactions":[{"id":90,"request_id":"0"}]}}"#.to_owned())
            }
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
    assert!(stage.lines()[&3].problems[0].message.contains("too many"));
}

#[tokio::test]
async fn a_change_that_no_answer_mentions_is_unknown_after_the_second_time() {
    let service = Service::start(|_, _, _| (200, r#"{"_embedded":{"leads":[{"id":1,"updated_at":5}]}}"#.to_owned()));
    let stage = Stage::set(&service, Kind::Lead, Action::Update).await;
    let records = (1..=3).map(|n| Record { id: Some(n), ..record(n as u32 + 1, "{}") }).collect();
    assert!(matches!(stage.upload(records).await, End::Finished));
    assert_eq!(service.sent("PATCH leads"), ["[{},{},{}]", "[{},{}]"]);
    let unknown = |row| (row, "unknown", "unknown".to_owned());
    assert_eq!(stage.statuses(), [(2, "updated", String::new()), unknown(3), unknown(4)]);
}

fn linked(row: u32, to: &[u64]) -> Record {
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
            (_, None) => (200, r#"{"_embedded":{"links":[]}}"#.to_owned()),
        }
    });
    let stage = Stage::set(&service, Kind::Lead, Action::Create).await;
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
    assert_eq!((lines[&2].status, lines[&2].problems[0].code.as_str()), (Status::Created, "NotSupportedChoice"));
    assert_eq!((lines[&4].status, lines[&4].problems[0].code.as_str()), (Status::Created, "link-refused"));
    assert_eq!(stage.store().unlinked(1).unwrap().into_keys().collect::<Vec<_>>(), [3], "it has none to make");

    // Once more, as a resumed run would: nothing is left.
    let sent = service.sent("POST leads/link").len();
    assert!(matches!(stage.link(records(), false).await, End::Finished));
    assert_eq!(service.sent("POST leads/link").len(), sent);
}
