//! Seeded journeys: random sources through the real client into the real sandbox while everything goes wrong that can; `rough` goes where
//! others work in the account as well.
//! Each ends with the account holding every record exactly once and the report agreeing with it row by row. Time runs
//! faster; a failure prints its one seed.
//!
//! `AMOPORT_SEEDS=10000 cargo test --release journeys` walks more of them, `AMOPORT_SEED=17 cargo test journeys` one.

use crate::program;
mod rough;
use crate::voyage;

use amo_client::account::Account;
use amo_client::clock::Clock;
use amo_client::pace::Pace;
use amo_client::{Client, parse_base, snapshot};
use amo_model::{Action, Kind};
use amo_sandbox::{Options as SandboxOptions, Sandbox, Switches};
use amoport::mapping::wanted::wanted;
use amoport::mapping::{self, Ledger, Mapper, Plan, compile};
use amoport::store::{
    Journal, MappingHead, NewRun, Reopen, Resumed, RunEnd, RunHead, RunOutcome, SourceHead, Store, StoreError, Verify,
};
use amoport::upload::feed::{self, Select};
use amoport::upload::{BatchSize, Doubt, End, Rights, Upload, UploadEvent, UploadOptions};
use serde_json::{Value, json};
use sheet_source::{FileFormat, ReadOptions, Row, Table};
use std::collections::HashSet;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use voyage::{Freight, Harbour, Told, Voyage};

const SEEDS_DEFAULT: u64 = 300;
const ROUGH_DEFAULT: u64 = 40;
/// How much faster time runs.
const SPEED: f64 = 100.0;
/// On the journey's clock; 0.4 s on the machine, ten times what a late commit takes.
const SETTLE: Duration = Duration::from_secs(40);
const LATE_MS: u64 = 40;
/// Runs and resumes of one journey; more would mean that it does not get on.
const STRETCHES_MAX: u32 = 60;

/// What the journeys met, so that a passing test can be seen to have been through something.
#[derive(Default)]
struct Met {
    faults: AtomicU64,
    doubts: AtomicU64,
    found: AtomicU64,
    sent_again: AtomicU64,
    kills: AtomicU64,
    stretches: AtomicU64,
    records: AtomicU64,
}

static MET: Met = Met {
    faults: AtomicU64::new(0),
    doubts: AtomicU64::new(0),
    found: AtomicU64::new(0),
    sent_again: AtomicU64::new(0),
    kills: AtomicU64::new(0),
    stretches: AtomicU64::new(0),
    records: AtomicU64::new(0),
};

fn met(what: &AtomicU64, count: u64) {
    what.fetch_add(count, Ordering::Relaxed);
}

/// A generator of which a seed says everything (splitmix64).
pub(crate) struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.roll() % end.max(1)
    }

    fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len() as u64) as usize]
    }
}

/// What a journey carries, decided by its seed.
fn freight(voyage: Voyage, harbour: Harbour<'_>, dice: &mut Dice) -> Freight {
    let most = if dice.chance(20) { 400 } else { 80 };
    let count = 1 + dice.below(most) as u32;
    // All different, few names with many prices, or many twins.
    let (names, prices) = dice.pick(&[(u64::MAX, 1_000), (3, 50), (2, 2)]);
    let mut freight = voyage.load(harbour, count, |n| {
        let name =
            if names == u64::MAX { format!("Запись {n}") } else { format!("Имя {}", dice.below(names)) };
        (name, dice.below(prices) as i64)
    });
    let lead = Voyage { kind: Kind::Lead, action: Action::Create };
    if voyage == lead && dice.chance(30) {
        freight.mapping = freight.mapping.replace("[lead]\n", "marker = \"Номер заявки\"\n[lead]\n");
    }
    freight
}

/// Faults for a journey: how many, of which kinds, up to when.
fn faults(dice: &mut Dice) -> Value {
    let percent = dice.pick(&[0, 5, 15, 30, 50]);
    let reads = dice.pick(&[0, 0, 5, 20]);
    let latency = dice.pick(&[0, 2, 10]);
    json!({
        "latency_ms": [0, latency],
        "seeded": {
            "seed": dice.roll() % 1_000_000, "percent": percent, "reads_percent": reads,
            "late_ms": LATE_MS, "retry_after": 1, "max": 5 + dice.below(40),
        },
    })
}

fn switches(dice: &mut Dice) -> Switches {
    let mut switches = json!({"rate_max": 1_000_000, "block_after": 0});
    switches["shuffled"] = json!(dice.chance(20));
    switches["request_ids"] = json!(dice.pick(&["string", "string", "string", "int"]));
    serde_json::from_value(switches).expect("switches of the sandbox")
}

struct Journey {
    folder: tempfile::TempDir,
    sandbox: Sandbox,
    voyage: Voyage,
    freight: Freight,
    plan: Arc<Plan>,
    account: Account,
    batch: BatchSize,
    in_flight: usize,
}

fn client(sandbox: &Sandbox, clock: Clock) -> Arc<Client> {
    let base = parse_base(sandbox.url()).expect("the sandbox's address");
    let token = secrecy::SecretString::from(sandbox.token().to_owned());
    Arc::new(Client::new(base, token.into(), Pace::new(7, clock)).expect("a client"))
}

impl Journey {
    fn begin(dice: &mut Dice) -> Journey {
        let folder = tempfile::tempdir().expect("a folder");
        let options = SandboxOptions { seed: Some(dice.roll()), switches: switches(dice), ..SandboxOptions::default() };
        let sandbox = Sandbox::start(options).expect("a sandbox");
        let voyage = dice.pick(&voyage::all());
        let freight = freight(voyage, harbour(&sandbox), dice);
        std::fs::write(folder.path().join("rows.csv"), &freight.csv).expect("a source");
        std::fs::write(folder.path().join("rows.toml"), &freight.mapping).expect("a mapping");
        let written = mapping::read(&folder.path().join("rows.toml")).expect("the mapping is good");
        let account = block_on(async {
            let client = client(&sandbox, Clock::faster(SPEED));
            snapshot::pull(&client, &wanted(&written), 0, |_| {}).await.expect("the account is read").0
        });
        let table = Table::open(&folder.path().join("rows.csv"), &ReadOptions::default()).expect("the source");
        let origins = compile::SourceContext::of(&table, Ledger::empty());
        let mut plan = compile::compile(&written, origins, Arc::new(account.clone())).expect("the plan");
        count_groups(&mut plan, &folder.path().join("rows.csv"));
        let max = plan.write.batch_max;
        let batch = match dice.below(3) {
            0 => BatchSize::Auto { max, known: None },
            _ => BatchSize::Fixed(1 + dice.below(max.min(40) as u64) as usize),
        };
        let in_flight = dice.pick(&[1, 2, 5, 24]);
        program::http(sandbox.url(), "POST", "/_sandbox/faults", sandbox.token(), &faults(dice).to_string());
        Journey { folder, sandbox, voyage, freight, plan: Arc::new(plan), account, batch, in_flight }
    }

    fn table(&self) -> Table {
        Table::open(&self.folder.path().join("rows.csv"), &ReadOptions::default()).expect("the source")
    }

    fn store(&self) -> Store {
        Store::open(self.folder.path()).expect("the store")
    }

    fn mapper(&self) -> Mapper {
        Mapper::new(Arc::clone(&self.plan), RUN)
    }

    /// Runs and resumes until the run is finished; some stretches are cut off where they stand, as by a kill.
    fn walk(&self, dice: &mut Dice) -> Result<(), String> {
        let mut first = true;
        for stretch in 0..STRETCHES_MAX {
            let (journal, doubts, done) = self.open(first)?;
            first = false;
            let kill = (stretch < 8 && dice.chance(35)).then(|| Duration::from_millis(1 + dice.below(120)));
            if self.stretch(journal, doubts, done, kill)? {
                return Ok(());
            }
        }
        Err("the journey does not get on".to_owned())
    }

    fn open(&self, first: bool) -> Result<(Journal, Vec<Doubt>, HashSet<u32>), String> {
        let told = |e: StoreError| e.to_string();
        if first {
            let head = head(self.folder.path(), self.voyage);
            let snapshot = serde_json::to_string(&self.account).expect("a snapshot");
            let new = NewRun { name: RUN, head: &head, snapshot: &snapshot, started_at: 0, edits: &[], rows: None };
            return Ok((Journal::begin(self.store(), &new).map_err(told)?, Vec::new(), HashSet::new()));
        }
        let run = self.store().run_named(RUN).map_err(told)?.ok_or("the run is gone")?;
        let Resumed { mut journal, doubts: mut open, mut done, .. } =
            Journal::resume(self.store(), &run, Reopen::Continue).map_err(told)?;
        if self.voyage.action != Action::Create {
            // They may be made twice without harm, and simply go again.
            for doubt in std::mem::take(&mut open) {
                journal.settle_doubt(doubt.batch, &[]).map_err(told)?;
            }
        }
        let wanted = open.iter().flat_map(|doubt| &doubt.rows).copied().collect();
        let records = Doubt::records(self.table(), self.mapper(), wanted, None).map_err(|p| p.to_string())?.0;
        let doubts = Doubt::reopen(open, records).map_err(|p| p.to_string())?;
        done.extend(doubts.iter().flat_map(|doubt| &doubt.records).map(|loaded| loaded.record.row));
        Ok((journal, doubts, done))
    }

    /// True when the run is finished.
    fn stretch(
        &self,
        journal: Journal,
        doubts: Vec<Doubt>,
        done: HashSet<u32>,
        kill: Option<Duration>,
    ) -> Result<bool, String> {
        let journal = Arc::new(Mutex::new(journal));
        let clock = Clock::faster(SPEED);
        let report = block_on(async {
            let upload = Upload {
                client: client(&self.sandbox, clock),
                plan: Arc::clone(&self.plan),
                journal: Arc::clone(&journal),
                feed: feed::start(self.table(), self.mapper(), Select { done, ..Select::default() }),
                options: UploadOptions {
                    batch: self.batch,
                    in_flight: self.in_flight,
                    rate: 7,
                    max_errors: None,
                    settle: SETTLE,
                    answer_timeout: amo_client::ANSWER_TIMEOUT,
                    clock,
                    remake_deleted: false,
                    sample: false,
                    look_from: None,
                    giving_up: false,
                },
                doubts,
                links_unknown: HashSet::new(),
                rights: Rights::Known(true),
                watermark: None,
                expected: None,
                stop: CancellationToken::new(),
            };
            let mut observe = |event: UploadEvent| match event {
                UploadEvent::InDoubt { .. } => met(&MET.doubts, 1),
                UploadEvent::Looked { found, missing, last: true, .. } => {
                    met(&MET.found, found as u64);
                    met(&MET.sent_again, missing as u64);
                }
                UploadEvent::Answered { .. }
                | UploadEvent::Retry { .. }
                | UploadEvent::Rights { .. }
                | UploadEvent::Looked { .. }
                | UploadEvent::Counts(_)
                | UploadEvent::Rejected(_)
                | UploadEvent::Linked { .. } => {}
            };
            let run = amoport::upload::run(upload, &mut observe);
            match kill {
                Some(after) => tokio::time::timeout(after, run).await.ok(),
                None => Some(run.await),
            }
        });
        met(&MET.stretches, 1);
        let Some(report) = report else {
            met(&MET.kills, 1);
            return Ok(false);
        };
        let report = report.map_err(|e| e.to_string())?;
        let finished = matches!(report.end, End::Finished);
        let end = RunEnd {
            outcome: if finished { RunOutcome::Done } else { RunOutcome::StoppedByService },
            exit_code: 0,
            elapsed_ms: 0,
            sent: 0,
            retried: 0,
            throttled: 0,
            source_rows: 0,
        };
        journal.lock().expect("the journal").end(&end).map_err(|e| e.to_string())?;
        Ok(finished)
    }

    /// The account holds every record exactly once, and the report says so, row by row.
    fn check(&self) -> Result<(), String> {
        // A late commit may still be on its way.
        for _ in 0..200 {
            let (_, stats) = program::http(self.sandbox.url(), "GET", "/_sandbox/stats", self.sandbox.token(), "");
            if stats["late"] == 0 {
                met(&MET.faults, stats["faults"].as_object().map_or(0, |f| f.values().filter_map(Value::as_u64).sum()));
                break;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        let mut lines: Vec<Told> = Vec::new();
        let store = self.store();
        let run = store.run_named(RUN).map_err(|e| e.to_string())?.ok_or("the run is gone")?;
        let id = |id: Option<i64>| id.map(|id| id as u64);
        store
            .lines::<StoreError>(&run, |line| {
                lines.push(Told {
                    row: line.row,
                    status: line.status.word().to_owned(),
                    id: id(line.id),
                    contact_id: id(line.contact_id),
                    company_id: id(line.company_id),
                });
                Ok(())
            })
            .map_err(|e| e.to_string())?;
        met(&MET.records, lines.len() as u64);
        self.voyage.check(harbour(&self.sandbox), &self.freight, &lines)
    }
}

fn harbour(sandbox: &Sandbox) -> Harbour<'_> {
    Harbour { url: sandbox.url(), token: sandbox.token() }
}

/// As `cli` does it before a run.
fn count_groups(plan: &mut Plan, source: &Path) {
    let Some(groups) = &mut plan.groups else { return };
    let mut table = Table::open(source, &ReadOptions::default()).expect("the source");
    let mut row = Row::default();
    while table.read(&mut row).expect("a row") {
        groups.count(&row);
    }
}

const RUN: &str = "journey";

fn head(folder: &Path, Voyage { kind, action }: Voyage) -> RunHead {
    RunHead {
        source: SourceHead {
            path: folder.join("rows.csv").display().to_string(),
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
        },
        mapping: MappingHead { path: String::new(), absolute: None, sha256: String::new(), made: None },
        kind,
        entity: kind.spec().entity,
        action,
        account: "sandbox".to_owned(),
        account_id: None,
        target: "sandbox".to_owned(),
        config: None,
        token_file: None,
        base: String::new(),
        folder: String::new(),
        batch: None,
        settle: SETTLE.as_secs(),
        answer_timeout: 90,
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
        catalog: None,
        decimal: None,
        keeps_links: true,
    }
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(future)
}

fn journey(seed: u64) -> Result<(), String> {
    let mut dice = Dice(seed);
    let journey = Journey::begin(&mut dice);
    let told = |why| format!("{}: {why}", journey.voyage.name());
    journey.walk(&mut dice).and_then(|()| journey.check()).map_err(told)
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// Walks a journey for each seed, several at once; those that failed, and why.
fn walk_all(seeds: &[u64], journey: fn(u64) -> Result<(), String>) -> Vec<String> {
    let next = AtomicU64::new(0);
    let failed = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                while let Some(seed) = seeds.get(next.fetch_add(1, Ordering::Relaxed) as usize) {
                    let end =
                        std::panic::catch_unwind(|| journey(*seed)).unwrap_or_else(|_| Err("it panicked".to_owned()));
                    if let Err(why) = end {
                        failed.lock().expect("the list").push(format!("seed {seed}: {why}"));
                    }
                }
            });
        }
    });
    failed.into_inner().expect("the list")
}

/// One that is asked for, or so many.
fn seeds(default: u64) -> Vec<u64> {
    match number("AMOPORT_SEED") {
        Some(seed) => vec![seed],
        None => (1..=number("AMOPORT_SEEDS").unwrap_or(default)).collect(),
    }
}

fn all_ended_well(seeds: &[u64], failed: &[String]) {
    let shown: Vec<&String> = failed.iter().take(20).collect();
    assert!(
        failed.is_empty(),
        "{} of {} journeys failed:\n{shown:#?}\nwalk one again with AMOPORT_SEED=…",
        failed.len(),
        seeds.len()
    );
}

/// `AMOPORT_SEEDS=600 cargo test rough_journeys` walks more of them, `AMOPORT_PERILS=robots` among robots alone.
#[test]
fn rough_journeys_double_and_lose_nothing_without_a_word() {
    let seeds = seeds(ROUGH_DEFAULT);
    let failed = walk_all(&seeds, rough::journey);
    let count = |what: &AtomicU64| what.load(Ordering::Relaxed);
    let (rows, unknown) = (count(&rough::MET.rows), count(&rough::MET.unknown));
    println!(
        "{} rough journeys, {rows} rows, {unknown} of them unknown; {} faults, {} resumes",
        seeds.len(),
        count(&rough::MET.faults),
        count(&rough::MET.resumes)
    );
    all_ended_well(&seeds, &failed);
    // Who calls everything unknown has told it, and done nothing.
    assert!(seeds.len() == 1 || unknown * 2 < rows, "{unknown} of {rows} rows are unknown");
}

#[test]
fn journeys_end_with_every_record_exactly_once() {
    let seeds = seeds(SEEDS_DEFAULT);
    let failed = walk_all(&seeds, journey);
    let count = |what: &AtomicU64| what.load(Ordering::Relaxed);
    println!(
        "{} journeys, {} records, {} stretches, {} of them killed; {} faults, {} batches in doubt: {} records found, {} sent again",
        seeds.len(),
        count(&MET.records),
        count(&MET.stretches),
        count(&MET.kills),
        count(&MET.faults),
        count(&MET.doubts),
        count(&MET.found),
        count(&MET.sent_again)
    );
    all_ended_well(&seeds, &failed);
}
