//! Rough journeys: whole imports by the engine into an account that others work in as well. Robots rename and price what has just been
//! made, strangers make twins of it, lists lag, the token does not see everything, commits come later than anybody waits,
//! portals answer in place of the service, two runs go at once over one store, and people change the same records between
//! a stop and its resume.
//!
//! What the account holds then is truth: the sandbox remembers under which `request_id` each record was made. Nothing may be
//! doubled or lost without being told: by the status `unknown`, or by exit code 7 and a problem that names the row.

use super::Dice;
use crate::program::{Ran, http, ran};
use crate::voyage::{Freight, Harbour, Row, Voyage};
use amo_client::clock::Clock;
use amo_model::{Action, Kind};
use amo_sandbox::{Options, Sandbox, Switches};
use amoport::engine::{self, Cancel, Event, ExportRequest, Folders, ImportRequest, Next, RunResult, Target, Token};
use amoport::store::Verify;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

/// How much faster time runs, but for a resumed run, which goes by the machine's clock.
const SPEED: f64 = 10.0;
/// On the faster clock; 0.3 s on the machine.
const SETTLE_S: u64 = 3;
/// For a resumed run it is as long on the machine.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);
/// More would mean that a run does not get on.
const RESUMES_MAX: u32 = 12;
/// Rows of the second source stand below those of the first, so that no two records go by one name.
const SECOND_FROM: usize = 1000;
const IVAN: u64 = 500_003;

/// What makes a journey rough.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Peril {
    Robots,
    Strangers,
    Lag,
    /// A token that is no administrator's, and robots that hand records over to others.
    Rights,
    /// Commits that come after the settling time, while the run still goes on.
    LateCommits,
    /// Login pages with 200, and pages of somebody in between with the statuses 404, 408, 409, 413 and 499.
    Pages,
    /// The answer of another batch, answers without names and in another order.
    Answers,
    TwoRuns,
    /// Updates of the same records, and workbooks of them, between a stop and its resume.
    Between,
    Cancels,
}

impl Peril {
    const ALL: [Peril; 10] = [
        Peril::Robots,
        Peril::Strangers,
        Peril::Lag,
        Peril::Rights,
        Peril::LateCommits,
        Peril::Pages,
        Peril::Answers,
        Peril::TwoRuns,
        Peril::Between,
        Peril::Cancels,
    ];

    /// All of them, or some by name: `AMOPORT_PERILS=robots,two-runs`.
    fn met() -> Vec<Peril> {
        match std::env::var("AMOPORT_PERILS") {
            Err(_) => Peril::ALL.to_vec(),
            Ok(names) => names.split(',').map(Peril::named).collect(),
        }
    }

    fn named(name: &str) -> Peril {
        let plain = name.trim().replace('-', "");
        let found = Peril::ALL.into_iter().find(|peril| format!("{peril:?}").eq_ignore_ascii_case(&plain));
        found.unwrap_or_else(|| panic!("\"{name}\" is none of the perils {:?}", Peril::ALL))
    }

    /// One to three of those that are met.
    fn some(dice: &mut Dice) -> BTreeSet<Peril> {
        let met = Peril::met();
        (0..=dice.below(3)).map(|_| dice.pick(&met)).collect()
    }
}

const KINDS: [Kind; 9] = [
    Kind::Lead,
    Kind::Lead,
    Kind::Lead,
    Kind::ComplexLead,
    Kind::Contact,
    Kind::Company,
    Kind::Customer,
    Kind::Transaction,
    Kind::Element,
];

struct Journey {
    folder: tempfile::TempDir,
    sandbox: Sandbox,
    voyage: Voyage,
    freight: Freight,
    perils: BTreeSet<Peril>,
    batch: usize,
    in_flight: usize,
    cancel_after: Option<u64>,
}

/// A run as its report tells it.
#[derive(Debug)]
struct Told {
    /// Status and id by request_id.
    rows: HashMap<String, (String, Option<u64>)>,
    exit_code: i64,
    /// Rows that a problem names.
    named: HashSet<String>,
}

/// What all journeys came to, so that a passing test can be seen to have been through something.
pub static MET: Met =
    Met { rows: AtomicU64::new(0), unknown: AtomicU64::new(0), faults: AtomicU64::new(0), resumes: AtomicU64::new(0) };

pub struct Met {
    pub rows: AtomicU64,
    pub unknown: AtomicU64,
    pub faults: AtomicU64,
    pub resumes: AtomicU64,
}

pub fn journey(seed: u64) -> Result<(), String> {
    let mut dice = Dice(seed);
    let journey = Journey::begin(&mut dice, seed);
    let about = format!("{} with {:?}", journey.voyage.name(), journey.perils);
    journey.walk(&mut dice).and_then(|told| journey.check(&told)).map_err(|why| format!("{about}: {why}"))
}

fn switches(dice: &mut Dice, perils: &BTreeSet<Peril>) -> Switches {
    let mut switches = json!({"rate_max": 1_000_000, "block_after": 0});
    if perils.contains(&Peril::Lag) {
        switches["list_lag_s"] = json!(dice.pick(&[0.02, 0.1, 0.2]));
    }
    if perils.contains(&Peril::Answers) {
        switches["shuffled"] = json!(dice.chance(50));
        switches["request_ids"] = json!(dice.pick(&["string", "int", "missing"]));
    }
    serde_json::from_value(switches).expect("switches of the sandbox")
}

/// The lost answers of every journey, and what its perils add.
fn faults(dice: &mut Dice, perils: &BTreeSet<Peril>) -> Value {
    let mut kinds = vec!["504-after", "reset-after", "cut", "half", "502"];
    let mut read_kinds = vec!["502", "reset"];
    if perils.contains(&Peril::Pages) {
        kinds = vec!["504-after", "200-html", "200-html-after", "413-html", "408-html-after"];
        kinds.extend(["404-html", "404-html-after", "409-html-after", "499-html", "499-html-after"]);
        read_kinds.extend(["200-html", "499-html"]);
    }
    if perils.contains(&Peril::Answers) {
        kinds.extend(["foreign", "nameless", "nameless"]);
    }
    if perils.contains(&Peril::LateCommits) {
        kinds = vec!["commit-late", "504-after"];
    }
    json!({"latency_ms": [0, 5], "seeded": {
        "seed": dice.roll() % 1_000_000, "percent": dice.pick(&[15, 30, 50]), "kinds": kinds,
        "reads_percent": dice.pick(&[0, 0, 5]), "read_kinds": read_kinds, "max": 1 + dice.below(6),
        // Beyond the 0.3 s of settling, and, shown by a list that lags, within the 0.8 s that an answer and that may take: what comes after
        // a run nobody can tell.
        "late_ms": 350 + dice.below(120), "retry_after": 1,
    }})
}

fn robots(dice: &mut Dice, kind: Kind, perils: &BTreeSet<Peril>) -> Value {
    let of = kind.spec().entity.collection();
    let mut robots = Vec::new();
    let mut add = |dice: &mut Dice, deed: &str| {
        let (percent, delay_ms) = (dice.pick(&[30, 100]), dice.pick(&[0, 5, 60]));
        robots.push(
            json!({"of": of, "do": deed, "percent": percent, "seed": dice.roll() % 1_000_000, "delay_ms": delay_ms}),
        );
    };
    if perils.contains(&Peril::Robots) {
        add(dice, "rename");
    }
    if perils.contains(&Peril::Rights) {
        add(dice, "hand_over");
    }
    json!(robots)
}

impl Journey {
    fn begin(dice: &mut Dice, seed: u64) -> Journey {
        let folder = tempfile::tempdir().expect("a folder");
        let perils = Peril::some(dice);
        let options = Options { seed: Some(seed), switches: switches(dice, &perils), ..Options::default() };
        let sandbox = Sandbox::start(options).expect("a sandbox");
        // Lists of elements are for administrators. [seed]
        let kind = match dice.pick(&KINDS) {
            Kind::Element if perils.contains(&Peril::Rights) => Kind::Lead,
            kind => kind,
        };
        let voyage = Voyage { kind, action: Action::Create };
        let harbour = Harbour { url: sandbox.url(), token: sandbox.token() };
        let count = 5 + dice.below(35) as u32;
        let (names, prices) = dice.pick(&[(1_000_000, 1_000_000), (1_000_000, 1_000_000), (3, 50), (2, 2)]);
        let mut freight = voyage.load(harbour, count, |n| match names {
            1_000_000 => (format!("Запись {n}"), i64::from(n)),
            _ => (format!("Имя {}", dice.below(names)), dice.below(prices) as i64),
        });
        if voyage.kind == Kind::Lead && dice.chance(50) {
            freight.mapping = freight.mapping.replace("[lead]\n", "marker = \"Номер заявки\"\n[lead]\n");
        }
        let post = |corner: &str, body: &Value| {
            http(sandbox.url(), "POST", &format!("/_sandbox/{corner}"), sandbox.token(), &body.to_string())
        };
        post("robots", &robots(dice, voyage.kind, &perils));
        post("faults", &faults(dice, &perils));
        if perils.contains(&Peril::Rights) {
            post("switches", &json!({"token_is_admin": false, "token_view": dice.pick(&["A", "G", "M"])}));
        }
        let stops = perils.contains(&Peril::Cancels) || perils.contains(&Peril::Between);
        let cancel_after = stops.then(|| dice.below(u64::from(count)));
        let (batch, in_flight) = (1 + dice.below(12) as usize, dice.pick(&[1, 2, 5]));
        Journey { folder, sandbox, voyage, freight, perils, batch, in_flight, cancel_after }
    }

    fn has(&self, peril: Peril) -> bool {
        self.perils.contains(&peril)
    }

    fn harbour(&self) -> Harbour<'_> {
        Harbour { url: self.sandbox.url(), token: self.sandbox.token() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn walk(&self, dice: &mut Dice) -> Result<Vec<Told>, String> {
        std::fs::write(self.path("rows.toml"), &self.freight.mapping).expect("a mapping");
        std::fs::write(self.path("first.csv"), &self.freight.csv).expect("a source");
        std::fs::write(self.path("second.csv"), second(&self.freight.csv)).expect("a source");
        let mut strangers = Dice(dice.roll());
        let over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let works = self.has(Peril::Strangers).then(|| scope.spawn(|| self.strangers(&mut strangers, &over)));
            let second = self.has(Peril::TwoRuns).then(|| scope.spawn(|| self.run("second.csv")));
            let first = self.run("first.csv");
            let second = second.map(|second| second.join().unwrap_or_else(|_| Err("it panicked".to_owned())));
            over.store(true, Ordering::SeqCst);
            if let Some(works) = works {
                works.join().map_err(|_| "the strangers panicked".to_owned())?;
            }
            [Some(first), second].into_iter().flatten().collect()
        })
    }

    /// One import to its end.
    fn run(&self, source: &str) -> Result<Told, String> {
        let mut result = self.import(source)?;
        let name = result.summary.run.clone();
        for _ in 0..RESUMES_MAX {
            if result.next != Next::Resume {
                return self.told(&result.folder);
            }
            if self.has(Peril::Between) {
                self.touch();
            }
            MET.resumes.fetch_add(1, Ordering::Relaxed);
            let ran = self.amoport(&["resume", &name]);
            if ran.code != 4 && ran.code != 75 {
                return self.told(&result.folder);
            }
            result.next = Next::Resume;
        }
        Err(format!("{source} does not get on"))
    }

    /// An import that could not even begin, since the account was not to be read, begins once more.
    fn import(&self, source: &str) -> Result<RunResult, String> {
        let mut why = String::new();
        for _ in 0..RESUMES_MAX {
            let request = self.request(source, "rows.toml");
            let (cancel, after) = (request.cancel.clone(), self.cancel_after);
            let imported = engine::import(&request, &mut |event| {
                if let (Event::Progress(progress), Some(after)) = (&event, after)
                    && progress.done >= after
                {
                    cancel.cancel();
                }
            });
            match imported {
                Ok(result) => return Ok(result),
                Err(error) => why = format!("{why}{}{error}", if why.is_empty() { "" } else { "; " }),
            }
        }
        Err(format!("{source} does not begin: {why}"))
    }

    fn request(&self, source: &str, mapping: &str) -> ImportRequest {
        let token = Token::Value(self.sandbox.token().to_owned().into());
        let target = Target::local(self.sandbox.url(), Clock::faster(SPEED)).expect("a target").token(token);
        let target = target.answer_timeout(ANSWER_TIMEOUT);
        let folders = Folders::new(self.path("state"), self.path("runs"));
        ImportRequest {
            batch: Some(self.batch),
            in_flight: self.in_flight,
            settle_s: SETTLE_S,
            verify: Verify::All,
            cancel: Cancel::new(),
            ..ImportRequest::new(self.path(source), target, folders)
        }
        .mapping(self.path(mapping))
    }

    fn amoport(&self, args: &[&str]) -> Ran {
        let mut command = Command::new(env!("CARGO_BIN_EXE_amoport"));
        command.current_dir(self.folder.path()).args(args).args(["--state", "state", "--runs", "runs"]);
        command.env("AMOPORT_TOKEN", self.sandbox.token()).env("AMOPORT_RATE_DIR", self.path("rate"));
        command.env("XDG_CONFIG_HOME", self.path("config"));
        ran(command.stdin(Stdio::null()).output().expect("the program runs"))
    }

    /// Every id is seen by another run: an update by id with the names that are there, or a workbook that comes back as it
    /// was exported. They may be refused or stopped as any other.
    fn touch(&self) {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let n = MADE.fetch_add(1, Ordering::Relaxed);
        if !matches!(self.voyage.kind, Kind::Lead | Kind::Contact | Kind::Company | Kind::Customer) {
            return;
        }
        if n.is_multiple_of(2) {
            let request = self.request("", "");
            let book = format!("touch{n}.xlsx");
            let export =
                ExportRequest::new(self.voyage.kind, self.path(&book), request.target.clone(), request.folders.clone());
            if engine::export(&export, &mut |_| {}).is_ok() {
                let back = ImportRequest { source: self.path(&book), mapping: None, ..request };
                let _ = engine::round_trip(&back, &mut |_| {});
            }
            return;
        }
        let rows = self.harbour().held(self.voyage.kind.spec().entity);
        let mut csv = "id,name\n".to_owned();
        for row in &rows {
            csv.push_str(&format!("{},{}\n", row["id"], row["name"].as_str().unwrap_or("")));
        }
        let (kind, source, mapping) = (self.voyage.kind.name(), format!("touch{n}.csv"), format!("touch{n}.toml"));
        let toml =
            format!("version = 1\nkind = \"{kind}\"\naction = \"update\"\n[{kind}]\nid = \"id\"\nname = \"name\"\n");
        std::fs::write(self.path(&source), csv).expect("a source");
        std::fs::write(self.path(&mapping), toml).expect("a mapping");
        let _ = engine::import(&self.request(&source, &mapping), &mut |_| {});
    }

    /// People who make twins of what has just been made.
    fn strangers(&self, dice: &mut Dice, over: &AtomicBool) {
        let entity = self.voyage.kind.spec().entity.collection();
        if !matches!(entity, "leads" | "contacts" | "companies") {
            return;
        }
        let mut after = json!(0);
        while !over.load(Ordering::SeqCst) {
            let fields = "fields=name,price,sent_as";
            let page = self.harbour().get(&format!("/_sandbox/entities/{entity}?{fields}&after={after}"));
            for row in page["rows"].as_array().into_iter().flatten() {
                after = row["id"].clone();
                if row["sent_as"].is_null() || !dice.chance(30) {
                    continue;
                }
                let mut twin = json!({"name": row["name"], "created_by": IVAN});
                if entity == "leads" {
                    twin["price"] = row["price"].clone();
                }
                self.send_and_forget(&format!("/api/v4/{entity}"), &json!([twin]).to_string());
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// It may go wrong as any other request, and nobody minds.
    fn send_and_forget(&self, path: &str, body: &str) {
        let host = self.sandbox.url().trim_start_matches("http://");
        let Ok(mut stream) = TcpStream::connect(host) else { return };
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer {}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
            self.sandbox.token(),
            body.len()
        );
        let sent = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body.as_bytes()));
        let _ = sent.and_then(|()| stream.read_to_end(&mut Vec::new()));
    }

    fn told(&self, folder: &Path) -> Result<Told, String> {
        let read = |name: &str| std::fs::read_to_string(folder.join(name)).map_err(|e| format!("{name}: {e}"));
        let summary: Value = serde_json::from_str(&read("run.json")?).map_err(|e| format!("run.json: {e}"))?;
        let table = |text: String| -> Result<Vec<HashMap<String, String>>, String> {
            csv::Reader::from_reader(text.as_bytes()).deserialize().collect::<Result<_, _>>().map_err(|e| e.to_string())
        };
        let mut rows = HashMap::new();
        for row in table(read("results.csv")?)? {
            let told = (row["status"].clone(), row["id"].parse().ok());
            if rows.insert(row["request_id"].clone(), told).is_some() {
                return Err(format!("{} is told twice", row["request_id"]));
            }
        }
        let problems = table(read("problems.csv")?)?;
        let named = problems.iter().filter_map(|row| row.get("request_id").cloned()).collect();
        let exit_code = summary["exit_code"].as_i64().ok_or("run.json tells no exit code")?;
        Ok(Told { rows, exit_code, named })
    }

    /// Rows of equal content cannot be told apart: they are held against the account together.
    fn check(&self, told: &[Told]) -> Result<(), String> {
        http(self.sandbox.url(), "POST", "/_sandbox/late", self.sandbox.token(), "");
        let entity = self.voyage.kind.spec().entity.collection();
        let held = self.harbour().get(&format!("/_sandbox/entities/{entity}?fields=sent_as&limit=10000"));
        let mut made: BTreeMap<Content, BTreeSet<u64>> = BTreeMap::new();
        for row in held["rows"].as_array().into_iter().flatten() {
            if let (Some(id), Some(name)) = (row["id"].as_u64(), row["sent_as"].as_str())
                && let Some(content) = self.content(name)
            {
                made.entry(content).or_default().insert(id);
            }
        }
        let stats = self.harbour().get("/_sandbox/stats");
        let faults = stats["faults"].as_object().map_or(0, |f| f.values().filter_map(Value::as_u64).sum());
        MET.faults.fetch_add(faults, Ordering::Relaxed);
        let rows = told.iter().map(|told| told.rows.len()).sum::<usize>();
        let unknown = told.iter().flat_map(|told| told.rows.values()).filter(|(status, _)| status == "unknown").count();
        MET.rows.fetch_add(rows as u64, Ordering::Relaxed);
        MET.unknown.fetch_add(unknown as u64, Ordering::Relaxed);
        if rows != self.freight.rows.len() * told.len() {
            return Err(format!("{rows} rows are told of {} in {} sources", self.freight.rows.len(), told.len()));
        }
        let mut claimed = HashSet::new();
        for (content, told) in self.by_content(told)? {
            let there = made.remove(&content).unwrap_or_default();
            told.agrees(&there, &mut claimed).map_err(|why| format!("{content:?}: {why}"))?;
        }
        Ok(())
    }

    fn by_content(&self, told: &[Told]) -> Result<BTreeMap<Content, OfContent>, String> {
        let mut all: BTreeMap<Content, OfContent> = BTreeMap::new();
        for told in told {
            for (name, (status, id)) in &told.rows {
                let content = self.content(name).ok_or(format!("{name} is none of the source's"))?;
                let of = all.entry(content).or_default();
                match status.as_str() {
                    "created" | "merged" => of.created.push((name.clone(), id.ok_or(format!("{name} has no id"))?)),
                    "unknown" => of.unknown += 1,
                    _ => of.not_made += 1,
                }
                of.is_told |= status == "unknown" || (told.exit_code == 7 && told.named.contains(name));
            }
        }
        Ok(all)
    }

    /// What the row of this name holds, in whichever source.
    fn content(&self, request_id: &str) -> Option<Content> {
        let row: usize = request_id.strip_prefix('r')?.parse().ok()?;
        let row = if row > SECOND_FROM { row - SECOND_FROM } else { row };
        let Row { name, price, id } = self.freight.rows.get(&(row as u32))?;
        let apart = if self.voyage.kind == Kind::ComplexLead { row } else { 0 };
        Some((name.clone(), *price, *id, apart))
    }
}

/// Name, price, customer; and of complex leads, whose contacts tell them apart, the row.
type Content = (String, i64, u64, usize);

/// What is told of rows of equal content.
#[derive(Default)]
struct OfContent {
    created: Vec<(String, u64)>,
    unknown: usize,
    not_made: usize,
    /// Somebody was told that all may not be well.
    is_told: bool,
}

impl OfContent {
    fn agrees(&self, there: &BTreeSet<u64>, claimed: &mut HashSet<u64>) -> Result<(), String> {
        for (name, id) in &self.created {
            if !claimed.insert(*id) {
                return Err(format!("{name} is told to be {id}, and so is another row"));
            }
            if !there.contains(id) && !self.is_told {
                return Err(format!("{name} is told to be {id}, which is not its record: lost"));
            }
        }
        let rows = self.created.len() + self.unknown + self.not_made;
        let said = format!(
            "of {rows} rows {} are told created, {} unknown, and there are {}",
            self.created.len(),
            self.unknown,
            there.len()
        );
        match there.len() {
            n if n > rows && !self.is_told => Err(format!("{said}: doubled")),
            n if n > self.created.len() && !self.is_told => Err(format!("{said}: made, and told not to be")),
            n if n < self.created.len() && !self.is_told => Err(format!("{said}: lost")),
            _ => Ok(()),
        }
    }
}

/// The same rows under other numbers, below as many blank lines as keep their names apart from the first ones'.
fn second(csv: &str) -> String {
    let (titles, rows) = csv.split_once('\n').unwrap_or((csv, ""));
    let mut text = format!("{titles}{}", "\n".repeat(SECOND_FROM + 1));
    for row in rows.lines() {
        let (n, rest) = row.split_once(',').unwrap_or((row, ""));
        text.push_str(&format!("9{n},{rest}\n"));
    }
    text
}
