//! Answers of every shape: the real client between a mapping and the sandbox, whose answers a seed spoils on the way: types exchanged,
//! keys dropped and doubled, lists for maps, numbers without end, depth, halves. Nothing may panic, everything comes to a
//! clear end, and what a run tells adds up.
//!
//! `AMOPORT_SEEDS=20000 cargo test --test it odd_answers` tries more of them, `AMOPORT_SEED=17 cargo test --test it odd_answers` one.

mod dice;
mod proxy;
mod spoil;
use crate::voyage;

use amo_client::clock::Clock;
use amo_model::Kind;
use amo_sandbox::{Options, Sandbox, Switches};
use amoport::engine::{
    self, Consent, CustomersMode, EngineError, ErrorKind, ExportRequest, Folders, ImportRequest, RunResult, Target,
    Token,
};
use amoport::store::Verify;
use dice::Dice;
use proxy::{Proxy, REQUESTS_MAX, Spoils};
use serde_json::Value;
use spoil::How;
use std::collections::{BTreeMap, HashMap};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use voyage::{Harbour, Voyage};

const SEEDS_DEFAULT: u64 = 200;
/// How much faster time runs.
const SPEED: f64 = 2_000.0;
const ROWS: u32 = 7;

/// Kinds, and mappings that make them of samples of the same name.
const SAMPLES: [(&str, &str); 11] = [
    ("lead", "complex-leads"),
    ("", "leads"),
    ("contact", "contacts"),
    ("company", "companies"),
    ("customer", "customers"),
    ("element", "elements"),
    ("invoice", "invoices"),
    ("catalog", "catalogs"),
    ("segment", "segments"),
    ("", "leads-update"),
    ("", "contacts-update"),
];

fn sample(name: &str) -> (PathBuf, PathBuf) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let of = |ending: &str| root.join("samples").join(format!("{name}.{ending}"));
    let source = ["csv", "xlsx", "ods"].map(of).into_iter().find(|file| file.exists()).expect("a sample");
    (source, root.join("mappings").join(format!("{name}.toml")))
}

/// Runs that came to a report, so that a passing test can be seen to have been through something.
static REPORTS: AtomicU64 = AtomicU64::new(0);
/// Every panic of this process, of whatever thread.
static PANICS: Mutex<Vec<String>> = Mutex::new(Vec::new());

struct Account {
    sandbox: Sandbox,
    folder: tempfile::TempDir,
}

impl Account {
    fn new() -> Account {
        let switches: Switches =
            serde_json::from_str(r#"{"rate_max": 1000000, "block_after": 0}"#).expect("switches of the sandbox");
        let sandbox = Sandbox::start(Options { switches, ..Options::default() }).expect("a sandbox");
        Account { sandbox, folder: tempfile::tempdir().expect("a folder") }
    }

    fn harbour(&self) -> Harbour<'_> {
        Harbour { url: self.sandbox.url(), token: self.sandbox.token() }
    }

    fn target(&self, url: &str) -> Target {
        let target = Target::local(url, Clock::faster(SPEED)).expect("a target");
        target.token(Token::Value(self.sandbox.token().to_owned().into()))
    }

    /// Something to be exported, with values of many types.
    fn fill(&self, kind: Kind) {
        if kind == Kind::CustomerStatus {
            let target = self.target(self.sandbox.url());
            let mode = CustomersMode::Periodicity;
            engine::customers_mode(mode, &target, &self.folders(), &Consent::Given, &mut |_| {}).expect("the mode");
        }
        let Some((_, name)) = SAMPLES.iter().find(|(of, _)| *of == kind.name()) else { return };
        let (source, by) = sample(name);
        let request = ImportRequest {
            limit: Some(u64::from(ROWS)),
            verify: Verify::None,
            ..ImportRequest::new(source, self.target(self.sandbox.url()), self.folders())
        };
        let made = engine::import(&request.mapping(by), &mut |_| {}).expect("the sample is imported");
        assert!(made.summary.counts.created > 0, "{name}: {:?}", made.summary.counts);
    }

    fn folders(&self) -> Folders {
        Folders::new(self.folder.path().join("state"), self.folder.path().join("runs"))
    }
}

/// What a seed does.
#[derive(Debug, Clone, Copy)]
enum Deed {
    Import(Voyage),
    /// A mapping that ships, with its sample.
    Sample(&'static str),
    Export(Kind),
    /// An exported workbook is sent back.
    SendBack(Kind),
    Pull,
}

impl Deed {
    fn drawn(dice: &mut Dice) -> Deed {
        let exported: Vec<Kind> = Kind::exported().collect();
        match dice.below(12) {
            0..4 => Deed::Import(*dice.pick(&voyage::all())),
            4..7 => Deed::Sample(dice.pick(&SAMPLES).1),
            7..9 => Deed::Export(*dice.pick(&exported)),
            9..11 => Deed::SendBack(*dice.pick(&exported)),
            _ => Deed::Pull,
        }
    }

    fn spoils(self, dice: &mut Dice) -> Spoils {
        let collection = match self {
            Deed::Import(voyage) => voyage.kind.spec().entity.collection(),
            Deed::Sample(_) => *dice.pick(&["leads", "contacts", "companies", "elements", "link"]),
            Deed::Export(kind) | Deed::SendBack(kind) => kind.spec().entity.collection(),
            Deed::Pull => "custom_fields",
        };
        *dice.pick(&[
            Spoils::All,
            Spoils::Writes,
            Spoils::LaterReads,
            Spoils::LaterReads,
            Spoils::Of(collection),
            Spoils::Of("with="),
            Spoils::ButAccount,
        ])
    }
}

fn seed(seed: u64) -> Result<u64, String> {
    let mut dice = Dice(seed);
    let deed = Deed::drawn(&mut dice);
    let (spoils, percent) = (deed.spoils(&mut dice), *dice.pick(&[100, 50, 25, 10]));
    let how = *dice.pick(&[How::Anything, How::Inside, How::Php]);
    let account = Account::new();
    let told = |why: String| format!("{deed:?}, {spoils:?} {how:?} {percent} %: {why}");
    let before = match deed {
        Deed::Import(voyage) => Some(voyage.load(account.harbour(), ROWS, |n| (format!("Запись {n}"), i64::from(n)))),
        Deed::Export(kind) | Deed::SendBack(kind) => {
            account.fill(kind);
            None
        }
        Deed::Sample(_) | Deed::Pull => None,
    };
    let proxy = Proxy::start(account.sandbox.url(), seed, spoils, (how, percent));
    let end = catch_unwind(AssertUnwindSafe(|| match deed {
        Deed::Import(_) => {
            let freight = before.as_ref().expect("what is sent");
            let (source, by) = (account.folder.path().join("rows.csv"), account.folder.path().join("rows.toml"));
            std::fs::write(&source, &freight.csv).expect("a source");
            std::fs::write(&by, &freight.mapping).expect("a mapping");
            import(&account, &proxy, (&source, &by), &mut dice)
        }
        Deed::Sample(name) => {
            let (source, by) = sample(name);
            import(&account, &proxy, (&source, &by), &mut dice)
        }
        Deed::Export(kind) => export(&account, &proxy, kind, &mut dice),
        Deed::SendBack(kind) => send_back(&account, &proxy, kind, &mut dice),
        Deed::Pull => pull(&account, &proxy),
    }));
    if proxy.requests() >= REQUESTS_MAX {
        return Err(told("it does not come to an end".to_owned()));
    }
    end.unwrap_or_else(|_| Err("it panicked".to_owned())).map(|()| proxy.spoiled()).map_err(told)
}

fn import(account: &Account, proxy: &Proxy, (source, by): (&Path, &Path), dice: &mut Dice) -> Result<(), String> {
    let request = ImportRequest {
        limit: Some(u64::from(ROWS)),
        batch: Some(1 + dice.below(4)),
        verify: if dice.chance(75) { Verify::All } else { Verify::Sample },
        consent: Consent::Given,
        in_flight: 1 + dice.below(4),
        ..ImportRequest::new(source, account.target(proxy.url()), account.folders())
    };
    // Of some kinds a request takes one record.
    let mut end = engine::import(&request.clone().mapping(by), &mut |_| {});
    if end.as_ref().is_err_and(|error| error.problems[0].code == "batch-size") {
        end = engine::import(&ImportRequest { batch: Some(1), ..request }.mapping(by), &mut |_| {});
    }
    match end {
        Ok(result) => adds_up(&result),
        Err(error) => is_clear(&error),
    }
}

/// The list into which the sample's elements go.
fn catalog(kind: Kind) -> Option<String> {
    (kind.spec().catalog.is_some() && kind != Kind::Invoice).then(|| "Товары".to_owned())
}

/// The workbook is as the account was; as new records, all of it is sent.
fn send_back(account: &Account, proxy: &Proxy, kind: Kind, dice: &mut Dice) -> Result<(), String> {
    let (to, target) = (account.folder.path().join("back.xlsx"), account.target(account.sandbox.url()));
    let request = ExportRequest { catalog: catalog(kind), ..ExportRequest::new(kind, &to, target, account.folders()) };
    engine::export(&request, &mut |_| {}).expect("the export");
    let request = ImportRequest {
        as_new: dice.chance(50),
        verify: Verify::All,
        ..ImportRequest::new(&to, account.target(proxy.url()), account.folders())
    };
    match engine::round_trip(&request, &mut |_| {}) {
        Ok(results) => results.iter().try_for_each(adds_up),
        Err(error) => is_clear(&error),
    }
}

fn export(account: &Account, proxy: &Proxy, kind: Kind, dice: &mut Dice) -> Result<(), String> {
    let to = account.folder.path().join(dice.pick(&["a.xlsx", "a.csv", "a.jsonl"]));
    let linked = if kind == Kind::Lead && !to.ends_with("a.jsonl") { vec!["contact".to_owned()] } else { Vec::new() };
    let request = ExportRequest {
        linked,
        catalog: catalog(kind),
        twice: dice.chance(30),
        ..ExportRequest::new(kind, &to, account.target(proxy.url()), account.folders())
    };
    match engine::export(&request, &mut |_| {}) {
        Ok(exported) if exported.manifest.complete != exported.manifest.reason.is_none() => {
            Err(format!("it is complete, or has a reason: {:?}", exported.manifest))
        }
        Ok(_) if !to.exists() => Err("it has ended well without a file".to_owned()),
        Err(_) if to.exists() => Err("it has failed and left a file".to_owned()),
        Ok(_) => Ok(()),
        Err(error) => is_clear(&error),
    }
}

fn pull(account: &Account, proxy: &Proxy) -> Result<(), String> {
    let (target, folders) = (account.target(proxy.url()), account.folders());
    if let Err(error) = engine::status(&target, &folders, &mut |_| {}) {
        is_clear(&error)?;
    }
    if let Err(error) = engine::pull(&target, &folders, None, &mut |_| {}) {
        is_clear(&error)?;
    }
    let mode = CustomersMode::Periodicity;
    match engine::customers_mode(mode, &target, &folders, &Consent::Given, &mut |_| {}) {
        Ok(_) => Ok(()),
        Err(error) => is_clear(&error),
    }
}

/// It says what is wrong, and that is no fault of the program.
fn is_clear(error: &EngineError) -> Result<(), String> {
    let told = error.problems.iter().all(|problem| !problem.message.to_string().is_empty());
    match error.kind {
        ErrorKind::Fault => Err(format!("a fault: {error}")),
        _ if error.problems.is_empty() || !told => Err(format!("no reason given: {error:?}")),
        _ => Ok(()),
    }
}

/// The counts, the lines of the report and `run.json` say the same, and leave no row out.
fn adds_up(result: &RunResult) -> Result<(), String> {
    REPORTS.fetch_add(1, Ordering::Relaxed);
    let summary: Value = serde_json::to_value(&result.summary).map_err(|e| e.to_string())?;
    let code = summary["exit_code"].as_i64().ok_or("no exit code")?;
    if code == 5 {
        return Err(format!("a fault: {:?}", result.stopped));
    }
    let count = |name: &str| summary["counts"][name].as_u64().unwrap_or(0);
    let outcomes = ["created", "updated", "merged", "deleted", "unchanged", "rejected", "unknown", "unprocessed"];
    let sum: u64 = outcomes.iter().map(|outcome| count(outcome)).sum();
    if sum != count("read") {
        return Err(format!("{} were read, {sum} have an outcome", count("read")));
    }
    let lines = lines(&result.folder)?;
    let mut told: BTreeMap<&str, u64> = BTreeMap::new();
    for line in &lines {
        *told.entry(&line["status"]).or_default() += 1;
        if line["status"] == "created" && line["id"].is_empty() {
            return Err(format!("row {} is told to be made, and has no id", line["row"]));
        }
    }
    if outcomes.iter().any(|outcome| told.get(outcome).copied().unwrap_or(0) != count(outcome)) {
        return Err(format!("the report tells {told:?}, its summary {}", summary["counts"]));
    }
    let kept = std::fs::read(result.folder.join("run.json")).map_err(|e| e.to_string())?;
    let kept: Value = serde_json::from_slice(&kept).map_err(|e| e.to_string())?;
    let clean = count("rejected") + count("unknown") + count("unprocessed") == 0;
    match (kept == summary, code == 0 && !clean) {
        (false, _) => Err("run.json is not what was returned".to_owned()),
        (true, true) => Err(format!("exit code 0, and {}", summary["counts"])),
        (true, false) => Ok(()),
    }
}

fn lines(folder: &Path) -> Result<Vec<HashMap<String, String>>, String> {
    let text = std::fs::read_to_string(folder.join("results.csv")).map_err(|e| e.to_string())?;
    csv::Reader::from_reader(text.as_bytes()).deserialize().collect::<Result<_, _>>().map_err(|e| e.to_string())
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

#[test]
fn no_answer_whatever_its_shape_makes_the_program_panic_or_miscount() {
    if !crate::own_process::is_mine("odd_answers::no_answer_whatever_its_shape_makes_the_program_panic_or_miscount") {
        return;
    }
    std::panic::set_hook(Box::new(|panic| {
        PANICS.lock().expect("the list").push(panic.to_string());
    }));
    let seeds: Vec<u64> = match number("AMOPORT_SEED") {
        Some(seed) => vec![seed],
        None => (1..=number("AMOPORT_SEEDS").unwrap_or(SEEDS_DEFAULT)).collect(),
    };
    let (next, spoiled) = (AtomicU64::new(0), AtomicU64::new(0));
    let failed = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                while let Some(n) = seeds.get(next.fetch_add(1, Ordering::Relaxed) as usize) {
                    match catch_unwind(|| seed(*n)).unwrap_or_else(|_| Err("the test itself panicked".to_owned())) {
                        Ok(count) => drop(spoiled.fetch_add(count, Ordering::Relaxed)),
                        Err(why) => failed.lock().expect("the list").push(format!("seed {n}: {why}")),
                    }
                }
            });
        }
    });
    let _ = std::panic::take_hook();
    let (failed, panics) = (failed.into_inner().expect("the list"), PANICS.lock().expect("the list").clone());
    let spoiled = spoiled.into_inner();
    let reports = REPORTS.load(Ordering::Relaxed);
    println!("{} seeds, {spoiled} answers spoiled, {reports} reports", seeds.len());
    assert!(
        failed.is_empty() && panics.is_empty(),
        "{} of {} failed:\n{}\n{} panics:\n{}\ntry one again with AMOPORT_SEED=…",
        failed.len(),
        seeds.len(),
        failed.iter().take(30).cloned().collect::<Vec<_>>().join("\n"),
        panics.len(),
        panics.iter().take(30).cloned().collect::<Vec<_>>().join("\n")
    );
    let enough = spoiled > seeds.len() as u64 && reports > seeds.len() as u64 / 4;
    assert!(seeds.len() < 50 || enough, "only {spoiled} answers were spoiled, and {reports} runs came to a report");
}
