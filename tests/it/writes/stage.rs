//! The stage: a server of a few lines, and a plan, a journal and records made by hand.

use amo_client::account::SnapshotScope;
use amo_client::clock::Clock;
use amo_client::{Client, Pace, parse_base, snapshot};
use amo_model::compare::Marker;
use amo_model::{Action, Kind};
use amo_sandbox::{Options as SandboxOptions, Sandbox};
use amoport::mapping::{self, Ledger, Plan, Record, compile};
use amoport::store::{
    Journal, MappingHead, NewRun, Reopen, ReportLine, RunHead, SourceHead, Store, StoreError, Verify,
};
use amoport::upload::feed::{FeedItem, QueuedRecord, WalkSummary};
use amoport::upload::{BatchSize, End, Rights, Upload, UploadOptions};
use sheet_source::{FileFormat, ReadOptions, Row, Table};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

type Log = Arc<Mutex<Vec<(String, String)>>>;

/// Answers `METHOD path`, asked for the nth time, with a status and a body; a read has its query for a body.
pub struct Service {
    url: String,
    log: Log,
}

impl Service {
    pub fn start(answer: impl Fn(&str, usize, &str) -> (u16, String) + Send + 'static) -> Service {
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

    pub fn url(&self) -> &str {
        &self.url
    }

    /// Bodies sent to an address, in their order.
    pub fn sent(&self, line: &str) -> Vec<String> {
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

/// The answer to a request for links that lists some of them.
pub fn as_linked(body: &str, listed: impl Fn(&serde_json::Value) -> bool) -> String {
    let links: Vec<serde_json::Value> = serde_json::from_str(body).expect("an array");
    let links: Vec<_> = links.into_iter().filter(|link| listed(link)).collect();
    serde_json::json!({"_embedded": {"links": links}}).to_string()
}

/// The field of marks.
pub const MARK: u64 = 7;
/// The catalog of elements.
const CATALOG: u64 = 77;

pub struct Stage {
    pub folder: tempfile::TempDir,
    client: Arc<Client>,
    plan: Arc<Plan>,
    pub journal: Arc<Mutex<Journal>>,
    /// The token is an administrator's.
    pub sees_all: bool,
    pub answer_timeout: Duration,
    pub look_from: Option<u64>,
}

/// One that links what it makes.
const MAPPING: &str = r#"
version = 1
kind = "lead"
[lead]
name = "name"
[lead.products]
element = { column = "name", by = "id" }
catalog = { value = "Товары" }
"#;

impl Stage {
    pub async fn set(service: &Service, kind: Kind, action: Action) -> Stage {
        let folder = tempfile::tempdir().expect("a folder");
        let clock = Clock::faster(100.0);
        let client = |url: &str, token: &str| {
            let token = secrecy::SecretString::from(token.to_owned());
            Arc::new(Client::new(parse_base(url).unwrap(), token.into(), Pace::new(7, clock)).unwrap())
        };
        let sandbox = Sandbox::start(SandboxOptions::default()).expect("a sandbox");
        let wanted = SnapshotScope {
            pipelines: true,
            users: true,
            loss_reasons: true,
            catalog_list: true,
            ..SnapshotScope::default()
        };
        let account = snapshot::pull(&client(sandbox.url(), sandbox.token()), &wanted, 0, |_| {}).await.unwrap().0;
        std::fs::write(folder.path().join("rows.csv"), "name\nA\n").unwrap();
        std::fs::write(folder.path().join("rows.toml"), MAPPING).unwrap();
        let written = mapping::read(&folder.path().join("rows.toml")).expect("the mapping is good");
        let table = Table::open(&folder.path().join("rows.csv"), &ReadOptions::default()).expect("the source");
        let origins = compile::SourceContext::of(&table, Ledger::empty());
        let plan = compile::compile(&written, origins, Arc::new(account)).expect("the plan");
        // What the loop looks at is the kind and the way it is written; the records are made by hand.
        let write = kind.spec().write(action).expect("a way of writing it");
        let plan = Arc::new(Plan { kind, action, write, catalog: Some(CATALOG), ..plan });
        let head = head(kind, action);
        let new = NewRun { name: "run", head: &head, snapshot: "{}", started_at: 0, edits: &[], rows: None };
        let journal = Journal::begin(Store::open(folder.path()).expect("the store"), &new).expect("a journal");
        let (client, journal) = (client(&service.url, "token"), Arc::new(Mutex::new(journal)));
        let answer_timeout = Duration::from_secs(1);
        Stage { folder, client, plan, journal, sees_all: true, answer_timeout, look_from: None }
    }

    /// The token's.
    pub fn user(&self) -> u64 {
        self.plan.account.basics.current_user
    }

    /// The same whose records carry a mark in a field: their key, or the run's name with the row.
    pub fn marked(self, keyed: bool) -> Stage {
        let key = if keyed { vec![0] } else { Vec::new() };
        let plan = Arc::try_unwrap(self.plan).unwrap_or_else(|_| panic!("the stage alone has it"));
        Stage { plan: Arc::new(Plan { marker: Some(Marker::Field(MARK)), key, ..plan }), ..self }
    }

    pub async fn upload(&self, records: Vec<Record>) -> End {
        self.upload_loaded(records.into_iter().map(|record| loaded(record, &[])).collect()).await
    }

    /// As after a kill, or after a stop.
    pub fn resume(self) -> Stage {
        let run = self.store().run_named("run").expect("the store works").expect("the run is there");
        let resumed = Journal::resume(self.store(), &run, Reopen::Continue).expect("the store works");
        assert!(resumed.doubts.is_empty(), "{:?}", resumed.doubts);
        Stage { journal: Arc::new(Mutex::new(resumed.journal)), ..self }
    }

    pub async fn upload_loaded(&self, records: Vec<QueuedRecord>) -> End {
        self.upload_fed(fed(records, FeedItem::Record).await, HashSet::new(), CancellationToken::new()).await
    }

    async fn upload_fed(
        &self,
        feed: mpsc::Receiver<Vec<FeedItem>>,
        links_unknown: HashSet<u32>,
        stop: CancellationToken,
    ) -> End {
        let upload = Upload {
            client: Arc::clone(&self.client),
            plan: Arc::clone(&self.plan),
            journal: Arc::clone(&self.journal),
            feed,
            options: UploadOptions {
                batch: BatchSize::Fixed(self.plan.write.batch_max.min(50)),
                in_flight: 24,
                rate: 7,
                max_errors: None,
                settle: Duration::from_secs(1),
                answer_timeout: self.answer_timeout,
                clock: Clock::faster(100.0),
                remake_deleted: false,
                sample: false,
                look_from: self.look_from,
                giving_up: false,
            },
            doubts: Vec::new(),
            links_unknown,
            rights: Rights::Known(self.sees_all),
            watermark: None,
            expected: None,
            stop,
        };
        amoport::upload::run(upload, &mut |_| {}).await.expect("the store works").end
    }

    pub async fn link(&self, records: Vec<Record>, stopped: bool) -> End {
        let feed = fed(records.into_iter().map(|record| loaded(record, &[])).collect(), FeedItem::Known).await;
        self.link_fed(feed, stopped).await
    }

    pub async fn link_fed(&self, feed: mpsc::Receiver<Vec<FeedItem>>, stopped: bool) -> End {
        let stop = CancellationToken::new();
        if stopped {
            stop.cancel();
        }
        self.upload_fed(feed, self.links_unknown(), stop).await
    }

    /// Rows that are made, not linked, and of whose links the store knows nothing.
    pub fn links_unknown(&self) -> HashSet<u32> {
        self.store().links_unknown(1).expect("the store works")
    }

    pub fn store(&self) -> Store {
        Store::open(self.folder.path()).expect("the store")
    }

    pub fn lines(&self) -> BTreeMap<u32, ReportLine> {
        let mut lines = BTreeMap::new();
        let run = self.store().run(1).expect("the run is there");
        let kept = self.store().lines::<StoreError>(&run, |line| {
            lines.insert(line.row, line);
            Ok(())
        });
        kept.expect("the store works");
        lines
    }

    pub fn statuses(&self) -> Vec<(u32, &'static str, String)> {
        let code = |line: &ReportLine| line.problems.first().map(|p| p.code.to_string()).unwrap_or_default();
        self.lines().values().map(|line| (line.row, line.status.word(), code(line))).collect()
    }
}

/// A record with its rows, `more` of them beyond the first.
pub fn loaded(record: Record, more: &[u32]) -> QueuedRecord {
    let row = |number: u32| {
        let mut row = Row::default();
        row.number = number;
        row
    };
    QueuedRecord { row: row(record.row), more: more.iter().map(|number| row(*number)).collect(), record }
}

async fn fed(records: Vec<QueuedRecord>, as_what: fn(QueuedRecord) -> FeedItem) -> mpsc::Receiver<Vec<FeedItem>> {
    let (sender, receiver) = mpsc::channel(4);
    let rows = records.len() as u64;
    sender.send(records.into_iter().map(as_what).collect()).await.expect("there is room");
    sender.send(vec![FeedItem::End(WalkSummary { rows, ..WalkSummary::default() })]).await.expect("there is room");
    receiver
}

pub fn head(kind: Kind, action: Action) -> RunHead {
    let source = SourceHead {
        path: "rows.csv".to_owned(),
        sha256: String::new(),
        sheet: None,
        header_row: 1,
        format: FileFormat::Csv,
        encoding: None,
        bom: false,
        delimiter: Some(','),
        titles: Vec::new(),
        hidden_rows: None,
        links: false,
        fill_down: Vec::new(),
        absolute: None,
        rows_digest: None,
        new_delivery: false,
        retry_of: None,
    };
    RunHead {
        source,
        mapping: MappingHead { path: String::new(), absolute: None, sha256: String::new(), made: None },
        kind,
        entity: kind.spec().entity,
        action,
        account: "a".to_owned(),
        account_id: None,
        target: "a".to_owned(),
        config: None,
        token_file: None,
        base: "https://a".to_owned(),
        folder: String::new(),
        batch: None,
        settle: 1,
        answer_timeout: 1,
        verify: Verify::None,
        rate: 7,
        rows: None,
        limit: None,
        again: false,
        look_from: None,
        key_space: None,
        key_titles: None,
        remake_deleted: false,
        remade: Vec::new(),
        same_keys: false,
        catalog: Some(CATALOG),
        decimal: None,
        keeps_links: true,
    }
}

pub fn record(row: u32, body: &str) -> Record {
    Record { row, body: body.replace("ROW", &format!("r{row}")).into_bytes(), ..Record::default() }
}

pub fn not_found() -> (u16, String) {
    (404, r#"{"title":"Not Found","status":404,"detail":"not there"}"#.to_owned())
}
