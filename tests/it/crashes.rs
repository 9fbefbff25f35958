//! The real program, killed: at every named step of the store, and at a hundred random moments. Resumed, it leaves the
//! same account and the same results as a run that nobody disturbed.

use crate::program;
use crate::voyage;

use amoport::store::crash::POINTS;
use program::{Folder, Ran, Service, ran};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt::Write as _;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use voyage::{Harbour, Told, Voyage};

const ROWS: u32 = 40;
const MAPPING: &str = r#"
version = 1
kind = "complex-lead"
key = "n"
[lead]
name = "name"
price = "price"
[contact]
name = "name"
[company]
name = "name"
"#;
const IMPORT: [&str; 10] =
    ["import", "rows.csv", "-m", "rows.toml", "--batch", "8", "--settle", "1s", "--answer-timeout", "2s"];
/// Answers that go wrong along the way, so that every step of the store is met: a 429, a lost answer that was carried
/// out, one that was not.
const FAULTS: &str = r#"{"latency_ms": 60, "script": [
    {"on": "POST leads/complex", "nth": 2, "times": 1, "do": "429"},
    {"on": "POST leads/complex", "nth": 3, "times": 1, "do": "504", "after_commit": true},
    {"on": "POST leads/complex", "nth": 5, "times": 1, "do": "504-before"}
]}"#;

fn folder() -> Folder {
    let folder = Folder::new();
    let mut csv = String::from("n,name,price\n");
    for n in 1..=ROWS {
        let price = if n % 13 == 0 { "много".to_owned() } else { (n * 10).to_string() };
        let _ = writeln!(csv, "{n},Запись {n},{price}");
    }
    folder.write("rows.csv", csv);
    folder.write("rows.toml", MAPPING);
    folder
}

/// `results.csv` without what differs from run to run: ids, batches, attempts.
fn story(folder: &Folder) -> Vec<BTreeMap<String, String>> {
    const VARIES: [&str; 8] = ["id", "contact_id", "company_id", "url", "http_status", "batch", "attempts", "merged"];
    let keep =
        |line: HashMap<String, String>| line.into_iter().filter(|(k, _)| !VARIES.contains(&k.as_str())).collect();
    folder.results().into_iter().map(keep).collect()
}

/// The names the account holds, each of which must be there once, with the id that the report tells.
fn agrees(service: &Service, folder: &Folder) -> Result<(), String> {
    let world = service.get("/_sandbox/entities/leads?fields=id,name");
    let held: HashMap<String, String> = world["rows"]
        .as_array()
        .ok_or("no rows")?
        .iter()
        .map(|row| (row["id"].to_string(), row["name"].as_str().unwrap_or_default().to_owned()))
        .collect();
    let names: HashSet<&String> = held.values().collect();
    if names.len() != held.len() {
        return Err(format!("{} leads, {} names", held.len(), names.len()));
    }
    let created: Vec<_> = folder.results().into_iter().filter(|line| line["status"] == "created").collect();
    if created.len() != held.len() {
        return Err(format!("{} created, {} held", created.len(), held.len()));
    }
    for line in created {
        let name = format!("Запись {}", line["key"]);
        if held.get(&line["id"]) != Some(&name) {
            return Err(format!("{name} is told to be {}, which is {:?}", line["id"], held.get(&line["id"])));
        }
    }
    Ok(())
}

/// A kill: at a named point, or so many milliseconds after the start.
#[derive(Debug, Clone, Copy)]
enum Kill {
    At(&'static str, u32),
    After(u64),
}

/// The code of a program that was killed.
const KILLED: i32 = -1;

impl Kill {
    /// Runs the program up to the kill, or to its end when that comes first.
    fn strike(self, folder: &Folder, service: &Service, args: &[&str]) -> Ran {
        let mut command = folder.command(service, args);
        if let Kill::At(point, nth) = self {
            command.env("AMOPORT_CRASH", format!("{point}:{nth}"));
        }
        let mut child = command.spawn().expect("the program starts");
        if let Kill::After(ms) = self {
            std::thread::sleep(Duration::from_millis(ms));
            let _ = child.kill();
        }
        ran(child.wait_with_output().expect("the program ends"))
    }
}

/// Goes on with a run that was killed. Killed before the run was noted, there is nothing to resume and nothing was sent: it
/// is simply begun again.
fn go_on(folder: &Folder, service: &Service, import: &[&str]) -> Ran {
    let resumed = folder.run(service, &["resume"]);
    match resumed.stderr.contains("there is no run to go on with") {
        true => folder.run(service, import),
        false => resumed,
    }
}

/// True when the kill took place, and did not come too late.
fn journey(kill: Kill, undisturbed: &[BTreeMap<String, String>]) -> Result<bool, String> {
    let service = Service::start();
    service.faults(FAULTS);
    let folder = folder();
    let first = kill.strike(&folder, &service, &IMPORT);
    let killed = first.code == KILLED;
    if killed {
        let again = go_on(&folder, &service, &IMPORT);
        if again.code != 1 {
            return Err(format!("ended with {}:\n{}", again.code, again.stderr));
        }
    }
    agrees(&service, &folder)?;
    let story = story(&folder);
    if story != undisturbed {
        let differs = story.iter().zip(undisturbed).find(|(a, b)| a != b);
        return Err(format!("the results differ ({} and {} lines): {differs:#?}", story.len(), undisturbed.len()));
    }
    Ok(killed)
}

fn all(kills: Vec<Kill>) -> Vec<Kill> {
    let service = Service::start();
    let quiet = folder();
    quiet.run(&service, &IMPORT).expect(1);
    let undisturbed = story(&quiet);
    let (next, failed, took_place) = (AtomicUsize::new(0), Mutex::new(Vec::new()), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..20 {
            scope.spawn(|| {
                while let Some(kill) = kills.get(next.fetch_add(1, Ordering::Relaxed)) {
                    match journey(*kill, &undisturbed) {
                        Ok(true) => took_place.lock().expect("the list").push(*kill),
                        Ok(false) => {}
                        Err(why) => failed.lock().expect("the list").push(format!("{kill:?}: {why}")),
                    }
                }
            });
        }
    });
    let failed = failed.into_inner().expect("the list");
    assert!(failed.is_empty(), "{} of {} failed:\n{}", failed.len(), kills.len(), failed.join("\n"));
    took_place.into_inner().expect("the list")
}

#[cfg(unix)]
#[test]
fn killed_at_any_step_of_the_store_a_resumed_run_is_as_if_undisturbed() {
    // `leave` is met only when a run stops with doubts open, `tests/upload.rs` stops one so; `linked` by a mapping that
    // links, see below.
    let points: Vec<&str> =
        POINTS.into_iter().filter(|point| !point.starts_with("leave") && !point.starts_with("linked")).collect();
    let kills = points.iter().flat_map(|point| [Kill::At(point, 1), Kill::At(point, 2)]).collect();
    let took_place = all(kills);
    for point in points {
        let met = took_place.iter().any(|kill| matches!(kill, Kill::At(p, _) if *p == point));
        assert!(met, "the program never passed {point}");
    }
}

#[cfg(unix)]
#[test]
fn killed_at_a_hundred_moments_a_resumed_run_is_as_if_undisturbed() {
    // Spread over the run, which takes about three seconds, by a step that shares nothing with its rhythm.
    let took_place = all((0..100).map(|n| Kill::After(200 + n * 31)).collect());
    assert!(took_place.len() > 50, "only {} kills came in time", took_place.len());
}

#[cfg(unix)]
#[test]
fn a_run_killed_while_it_leaves_out_what_was_sent_before_leaves_it_out_when_it_goes_on() {
    for (point, nth) in
        [("local-after", 1), ("sent-after", 1), ("sent-after", 2), ("answered-after", 2), ("end-before", 1)]
    {
        let service = Service::start();
        let folder = folder();
        folder.write("rows.toml", MAPPING.replace("key = \"n\"", ""));
        folder.run(&service, &["import", "rows.csv", "-m", "rows.toml", "--rows", "5-12"]).expect(0);
        let killed = Kill::At(point, nth).strike(&folder, &service, &IMPORT);
        assert_eq!(killed.code, KILLED, "{point}");
        let counts = folder.run(&service, &["resume", "--json"]).expect(1).json()["counts"].clone();
        let expected = serde_json::json!({"created": 29, "skipped": 8, "rejected": 3});
        for (status, count) in expected.as_object().expect("counts") {
            assert_eq!(&counts[status], count, "{point}: {counts}");
        }
        assert_eq!(service.entities("leads"), 37, "{point}");
        assert!(folder.run(&service, &IMPORT).expect(2).stderr.contains("imported before"), "{point}");
    }
}

/// Of a killed run the source grows; going on is killed as well, at every step that it takes, and at the end each row is there once.
#[test]
fn killed_while_the_run_of_a_changed_source_is_closed_or_its_rest_is_sent_nothing_is_there_twice() {
    let points = [
        ("settle-before", 1),
        ("settle-after", 1),
        ("end-before", 1),
        ("local-before", 1),
        ("sent-before", 1),
        ("sent-after", 1),
        ("answered-before", 1),
        ("answered-after", 2),
        ("end-before", 2),
    ];
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while let Some((point, nth)) = points.get(next.fetch_add(1, Ordering::Relaxed)) {
                    grown(point, *nth);
                }
            });
        }
    });
}

fn grown(point: &'static str, nth: u32) {
    let (service, folder) = (Service::start(), folder());
    folder.write("rows.toml", MAPPING.replace("key = \"n\"", ""));
    let import = ["import", "rows.csv", "-m", "rows.toml", "--batch", "8", "--settle", "1s", "--answer-timeout", "2s"];
    assert_eq!(Kill::At("answered-before", 2).strike(&folder, &service, &import).code, KILLED);
    let csv = std::fs::read_to_string(folder.path().join("rows.csv")).expect("the source");
    folder.write("rows.csv", csv.replacen("\n1,", "\n0,Запись 0,0\n1,", 1) + "41,Запись 41,410\n");
    let killed = Kill::At(point, nth).strike(&folder, &service, &["resume"]);
    assert_eq!(killed.code, KILLED, "{point}:{nth}: {}", killed.stderr);
    let mut run = go_on(&folder, &service, &import);
    // Where the first run was closed and no other had begun, the import begins it.
    if run.code == 2 {
        run = folder.run(&service, &import);
    }
    assert!([0, 1, 2].contains(&run.code), "{point}:{nth}: {}", run.stderr);
    let world = service.get("/_sandbox/entities/leads?fields=id,name");
    let names: Vec<&str> =
        world["rows"].as_array().expect("rows").iter().filter_map(|row| row["name"].as_str()).collect();
    let all: HashSet<&str> = names.iter().copied().collect();
    assert_eq!((names.len(), all.len()), (39, 39), "{point}:{nth}: {names:?}\n{}", run.stderr);
}

/// Records of a voyage: a few batches, and at 7 a second not too many where each is a request of its own.
const RECORDS: u32 = 12;

/// Any kind with any action, killed and resumed while answers go wrong.
fn stormy(voyage: Voyage, kill: Kill, seed: usize) -> Result<bool, String> {
    let service = Service::start();
    service.post("/_sandbox/switches", r#"{"rate_max": 1000000}"#);
    let harbour = Harbour { url: service.url(), token: service.token() };
    let freight = voyage.load(harbour, RECORDS, |n| (format!("Запись {n}"), i64::from(n) * 10));
    service.faults(&format!(
        r#"{{"latency_ms": 60, "seeded": {{"seed": {seed}, "percent": 25, "reads_percent": 0, "late_ms": 40, "max": 3}}}}"#
    ));
    let folder = Folder::new();
    folder.write("rows.csv", &freight.csv);
    folder.write("rows.toml", &freight.mapping);
    let batch =
        if voyage.kind.spec().writes.iter().any(|w| w.action == voyage.action && w.batch_max == 1) { "1" } else { "3" };
    let import = [
        "import",
        "rows.csv",
        "-m",
        "rows.toml",
        "--batch",
        batch,
        "--settle",
        "1s",
        "--answer-timeout",
        "2s",
        "--yes",
    ];
    let mut run = kill.strike(&folder, &service, &import);
    let killed = run.code == KILLED;
    // Also a run that the failing service has stopped goes on.
    for _ in 0..4 {
        if run.code == 0 {
            break;
        }
        run = go_on(&folder, &service, &import);
    }
    if run.code != 0 {
        return Err(format!("ended with {}:\n{}", run.code, run.stderr));
    }
    let number = |text: &String| text.parse().ok();
    let told: Vec<Told> = folder
        .results()
        .iter()
        .map(|line| Told {
            row: number(&line["row"]).unwrap_or(0) as u32,
            status: line["status"].clone(),
            id: number(&line["id"]),
            contact_id: number(&line["contact_id"]),
            company_id: number(&line["company_id"]),
        })
        .collect();
    voyage.check(harbour, &freight, &told).map(|()| killed)
}

/// `AMOPORT_KILLS=40 cargo test --test it crashes` kills each kind and action so often.
const KILLS_DEFAULT: usize = 3;

#[cfg(unix)]
#[test]
fn every_kind_and_action_survives_kills() {
    let kills = std::env::var("AMOPORT_KILLS").ok().and_then(|n| n.parse().ok()).unwrap_or(KILLS_DEFAULT);
    let voyages = voyage::all();
    let draws: Vec<(Voyage, Kill, usize)> = (0..voyages.len() * kills)
        .map(|n| {
            let kill = match n % 2 {
                0 => Kill::At(POINTS[n / 2 % POINTS.len()], 1 + n as u32 / 2 % 3),
                _ => Kill::After(250 + (n as u64 * 97) % 1_500),
            };
            (voyages[n % voyages.len()], kill, n)
        })
        .collect();
    let (next, failed, took_place) = (AtomicUsize::new(0), Mutex::new(Vec::new()), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for _ in 0..20 {
            scope.spawn(|| {
                while let Some((voyage, kill, n)) = draws.get(next.fetch_add(1, Ordering::Relaxed)) {
                    match stormy(*voyage, *kill, *n) {
                        Ok(killed) => {
                            took_place.fetch_add(usize::from(killed), Ordering::Relaxed);
                        }
                        Err(why) => {
                            failed.lock().expect("the list").push(format!("{} {kill:?} seed {n}: {why}", voyage.name()))
                        }
                    }
                }
            });
        }
    });
    let failed = failed.into_inner().expect("the list");
    assert!(failed.is_empty(), "{} of {} failed:\n{}", failed.len(), draws.len(), failed.join("\n"));
    let took_place = took_place.into_inner();
    println!("{} kinds and actions, {took_place} of {} kills came in time", voyages.len(), draws.len());
    assert!(took_place * 3 > draws.len(), "only {took_place} of {} kills came in time", draws.len());
}

const LINKING: &str = r#"
version = 1
kind = "lead"
[lead]
name = "name"
[lead.products]
element = { column = "articles", split = ",", by = "key" }
quantity = { column = "counts", split = "," }
"#;

/// Killed while its records are linked, a run goes on to link the rest: every lead has its products, in its number.
fn linking(kill: Kill) -> Result<bool, String> {
    let service = Service::start();
    service.post("/_sandbox/switches", r#"{"rate_max": 1000000}"#);
    service.faults(r#"{"latency_ms": 60, "script": [{"on": "POST leads/link", "nth": 2, "times": 1, "do": "504", "after_commit": true}]}"#);
    let folder = Folder::new();
    let mut csv = String::from("name;articles;counts\n");
    for n in 1..=ROWS * 3 {
        let _ = writeln!(csv, "Запись {n};T-100, T-200;{n}, 2");
    }
    folder.write("rows.csv", csv);
    folder.write("rows.toml", LINKING);
    let import = ["import", "rows.csv", "-m", "rows.toml", "--batch", "40", "--settle", "1s", "--answer-timeout", "2s"];
    let first = kill.strike(&folder, &service, &import);
    let killed = first.code == KILLED;
    if killed {
        let end = go_on(&folder, &service, &import);
        if end.code != 0 {
            return Err(format!("ended with {}:\n{}", end.code, end.stderr));
        }
    }
    let leads = service.get("/api/v4/leads?limit=250&with=catalog_elements");
    let leads = leads["_embedded"]["leads"].as_array().cloned().unwrap_or_default();
    if leads.len() != ROWS as usize * 3 {
        return Err(format!("{} leads", leads.len()));
    }
    for lead in leads {
        let n: f64 = lead["name"].as_str().and_then(|name| name.split(' ').nth(1)?.parse().ok()).unwrap_or(0.0);
        let links = lead["_embedded"]["catalog_elements"].as_array().cloned().unwrap_or_default();
        let counts: Vec<Option<f64>> = links.iter().map(|link| link["metadata"]["quantity"].as_f64()).collect();
        if counts != [Some(n), Some(2.0)] {
            return Err(format!("{} has {links:?}", lead["name"]));
        }
    }
    Ok(killed)
}

#[cfg(unix)]
#[test]
fn killed_while_linking_a_resumed_run_links_the_rest() {
    let at = |point| (1..=3).map(move |nth| Kill::At(point, nth));
    let kills: Vec<Kill> =
        at("linked-before").chain(at("linked-after")).chain((0..8).map(|n| Kill::After(700 + n * 150))).collect();
    let ends: Vec<Result<bool, String>> = std::thread::scope(|scope| {
        let runs: Vec<_> = kills.iter().map(|kill| scope.spawn(|| linking(*kill))).collect();
        runs.into_iter().map(|run| run.join().expect("a run")).collect()
    });
    for (kill, end) in kills.iter().zip(&ends) {
        assert!(end.is_ok(), "{kill:?}: {end:?}");
        assert!(matches!(kill, Kill::After(_)) || *end == Ok(true), "the program never passed {kill:?}");
    }
}

/// Every file of the newest run but the log, which grows with each stretch of it.
fn report_of(folder: &Folder) -> BTreeMap<String, Vec<u8>> {
    let run = folder.runs().pop().expect("a run");
    let files = std::fs::read_dir(run).expect("its folder").map(|file| file.expect("a file").path());
    let named = files.map(|file| (file.file_name().expect("a name").to_string_lossy().into_owned(), file));
    let kept = named.filter(|(name, _)| name != "log.jsonl");
    kept.map(|(name, file)| (name, std::fs::read(file).expect("it is read"))).collect()
}

/// What the report says; the bytes of a workbook also tell when it was written.
fn told(mut report: BTreeMap<String, Vec<u8>>) -> BTreeMap<String, Vec<u8>> {
    for (name, bytes) in &mut report {
        if name.ends_with(".xlsx") {
            let mut book = calamine::open_workbook_auto_from_rs(std::io::Cursor::new(std::mem::take(bytes)))
                .unwrap_or_else(|e| panic!("{name} is half of a workbook: {e}"));
            let sheets = calamine::Reader::worksheets(&mut book);
            *bytes = format!("{sheets:?}").into_bytes();
        }
    }
    report
}

/// The steps of writing a report of six files.
const REPORT_STEPS: [(&str, u32); 7] = [
    ("report-begun", 1),
    ("report-move", 1),
    ("report-move", 2),
    ("report-move", 3),
    ("report-move", 4),
    ("report-move", 5),
    ("report-move", 6),
];
const REPORT: [&str; 6] = ["problems.csv", "rejected.csv", "rejected.xlsx", "results.csv", "results.xlsx", "run.json"];

#[cfg(unix)]
#[test]
fn a_report_that_is_killed_leaves_the_old_one_whole_and_the_next_one_nothing_else() {
    let (service, folder) = (Service::start(), folder());
    folder.run(&service, &IMPORT).expect(1);
    let whole = told(report_of(&folder));
    assert_eq!(whole.keys().collect::<Vec<_>>(), REPORT);
    for (point, nth) in REPORT_STEPS {
        assert_eq!(Kill::At(point, nth).strike(&folder, &service, &["report"]).code, KILLED, "{point}:{nth}");
        let (parts, left): (BTreeMap<_, _>, BTreeMap<_, _>) =
            report_of(&folder).into_iter().partition(|(name, _)| name.ends_with(".part"));
        assert!(!parts.is_empty(), "{point}:{nth}: the kill came too late");
        assert_eq!(told(left), whole, "{point}:{nth}");
        assert!(folder.run(&service, &["resume"]).expect(2).stderr.contains("there is no run to go on with"));
    }
    folder.run(&service, &["report"]).expect(0);
    assert_eq!(told(report_of(&folder)), whole);
    // Those who write it at once do so one after the other.
    let writers: Vec<_> = (0..4).map(|_| folder.spawn(&service, &["report"])).collect();
    for writer in writers {
        ran(writer.wait_with_output().expect("it ends")).expect(0);
    }
    assert_eq!(told(report_of(&folder)), whole);
}

/// An earlier stretch of the run has left its report: no file of it may stand beside those of the later one with a `run.json` that
/// is not theirs.
#[cfg(unix)]
#[test]
fn a_run_killed_between_its_end_and_its_report_has_it_written_by_resume() {
    let quiet = (Service::start(), folder());
    quiet.1.run(&quiet.0, &IMPORT).expect(1);
    let undisturbed = story(&quiet.1);
    let steps = REPORT_STEPS.into_iter().chain([("end-after", 1)]);
    std::thread::scope(|scope| {
        for (point, nth) in steps {
            let undisturbed = &undisturbed;
            scope.spawn(move || {
                let (service, folder) = (Service::start(), folder());
                service.faults(r#"{"script": [{"on": "POST leads/complex", "nth": 2, "times": 1000, "do": "403"}]}"#);
                folder.run(&service, &IMPORT).expect(4);
                let stopped = report_of(&folder);
                service.faults("{}");
                assert_eq!(Kill::At(point, nth).strike(&folder, &service, &["resume"]).code, KILLED, "{point}:{nth}");
                let left = report_of(&folder);
                match left.get("run.json") {
                    None => assert_eq!(point, "report-move"),
                    Some(_) => assert!(stopped.iter().all(|(name, bytes)| left[name] == *bytes), "{point}:{nth}"),
                }
                // Written by its name or without it, and only once.
                let name = folder.runs()[0].file_name().expect("a name").to_string_lossy().into_owned();
                let resume: &[&str] = if nth % 2 == 0 { &["resume", &name] } else { &["resume"] };
                let resumed = folder.run(&service, resume).expect(1);
                assert!(
                    resumed.stderr.contains("has ended; its report is written"),
                    "{point}:{nth}: {}",
                    resumed.stderr
                );
                assert_eq!(story(&folder), *undisturbed, "{point}:{nth}");
                assert_eq!(report_of(&folder).into_keys().collect::<Vec<_>>(), REPORT, "{point}:{nth}");
                assert_eq!(
                    serde_json::from_str::<serde_json::Value>(&folder.of_run("run.json")).expect("JSON")["exit_code"],
                    1
                );
                assert!(
                    folder.run(&service, &["resume", &name]).expect(2).stderr.contains("has ended (some-rejected)")
                );
                assert!(folder.run(&service, &["resume"]).expect(2).stderr.contains("there is no run to go on with"));
            });
        }
    });
}
