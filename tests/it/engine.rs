//! The engine as a library: what a front end that is no command line relies on.

use crate::program;

use amoport::engine::{
    self, Cancel, ErrorKind, Event, Folders, ImportRequest, MaxErrors, Next, Phase, ReportRequest, ResumeRequest,
    RunResult, Target, Token,
};
use amoport::store::{RunOutcome, Verify};
use program::{Folder, Service, ran};
use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::process::Command;

const MAPPING: &str = "version = 1\nkind = \"lead\"\n[lead]\nname = \"name\"\nprice = \"price\"\n";

fn leads(count: usize) -> String {
    (0..count).fold("name,price\n".to_owned(), |text, n| text + &format!("Lead {n},{}\n", 100 + n))
}

fn folders(folder: &Folder) -> Folders {
    Folders::new(folder.path().join("state"), folder.path().join("runs"))
}

fn target(service: &Service) -> Target {
    Target::account(service.url()).token(Token::Value(service.token().to_owned().into()))
}

/// An import of so many leads into an account of its own.
struct Import {
    service: Service,
    folder: Folder,
    request: ImportRequest,
}

impl Import {
    fn of(leads_count: usize) -> Import {
        let (service, folder) = (Service::start(), Folder::new());
        let source = folder.write("leads.csv", leads(leads_count));
        let mapping = folder.write("leads.toml", MAPPING);
        let request =
            ImportRequest { batch: Some(20), ..ImportRequest::new(source, target(&service), folders(&folder)) }
                .mapping(mapping);
        Import { service, folder, request }
    }
}

/// Runs have a state folder, a journal and an account each; what stops one does not touch the other.
#[test]
fn two_imports_into_two_accounts_run_at_once_in_one_process_and_one_is_cancelled() {
    let (one, other) = (Import::of(400), Import::of(400));
    let run = |import: &Import, cancel_at: Option<u64>| {
        let cancel = import.request.cancel.clone();
        let result = engine::import(&import.request, &mut |event| {
            if let (Event::Progress(progress), Some(at)) = (&event, cancel_at)
                && progress.done >= at
            {
                cancel.cancel();
            }
        });
        result.expect("it has begun")
    };
    let (cancelled, whole): (RunResult, RunResult) = std::thread::scope(|scope| {
        let cancelled = scope.spawn(|| run(&one, Some(100)));
        let whole = scope.spawn(|| run(&other, None));
        (cancelled.join().expect("it ends"), whole.join().expect("it ends"))
    });

    assert_eq!((whole.outcome, whole.next), (RunOutcome::Done, Next::Nothing));
    assert_eq!(other.service.entities("leads"), 400);
    assert_eq!((cancelled.outcome, cancelled.next), (RunOutcome::Interrupted, Next::Resume));
    assert_eq!(cancelled.summary.exit_code, Some(130));
    let made = cancelled.summary.counts.created;
    assert!((100..400).contains(&made), "{made}");
    assert_eq!(one.service.entities("leads"), made);

    let resume = ResumeRequest {
        target: Target::unspecified().token(Token::Value(one.service.token().to_owned().into())),
        ..ResumeRequest::new(folders(&one.folder))
    };
    let finished = engine::resume(&resume, &mut |_| {}).expect("it goes on");
    assert_eq!((finished.outcome, finished.summary.counts.created), (RunOutcome::Done, 400));
    assert_eq!(one.service.entities("leads"), 400, "each once");
    assert!(finished.folder.join("run.json").exists());
}

#[test]
fn an_import_that_is_cancelled_before_it_begins_sends_nothing_and_leaves_no_run() {
    let import = Import::of(5);
    import.request.cancel.cancel();
    let error = engine::import(&import.request, &mut |_| {}).expect_err("cancelled");
    assert!(matches!(error.kind, ErrorKind::Interrupted(_)), "{error}");
    assert_eq!(import.service.entities("leads"), 0);
    assert!(engine::runs(&folders(&import.folder)).expect("the store").is_empty());
    assert!(Cancel::new().is_cancelled() != import.request.cancel.is_cancelled());
}

/// Each takes a name, a row in the store and the pace of the account in its turn.
#[test]
fn imports_that_begin_in_the_same_second_in_one_state_folder_are_runs_of_their_own() {
    let first = Import::of(1);
    let requests: Vec<ImportRequest> = (2..8)
        .map(|count| ImportRequest {
            source: first.folder.write(&format!("{count}.csv"), leads(count)),
            cancel: Cancel::new(),
            ..first.request.clone()
        })
        .collect();
    let results: Vec<RunResult> = std::thread::scope(|scope| {
        let import = |request| scope.spawn(move || engine::import(request, &mut |_| {}));
        let begun: Vec<_> = requests.iter().map(import).collect();
        begun.into_iter().map(|run| run.join().expect("it ends").expect("it has begun")).collect()
    });
    assert!(results.iter().all(|result| result.outcome == RunOutcome::Done));
    assert_eq!(first.service.entities("leads"), (2..8).sum::<usize>() as u64);
    let names: HashSet<&str> = results.iter().map(|result| result.summary.run.as_str()).collect();
    assert_eq!(names.len(), 6, "{names:?}");
    assert!(results.iter().all(|result| result.folder.join("run.json").exists()));
}

/// What cannot be done after the import is told; the import is done, and its run is closed.
#[test]
fn a_source_that_is_gone_before_it_is_read_back_does_not_leave_a_run_without_its_end() {
    let import = Import::of(30);
    let request = ImportRequest { verify: Verify::All, ..import.request };
    let mut told = Vec::new();
    let result = engine::import(&request, &mut |event| match event {
        Event::Phase(Phase::Send) => std::fs::remove_file(&request.source).expect("it is there"),
        Event::Note(note) => told.push(note.message.to_string()),
        _ => {}
    });
    let result = result.expect("records were sent");
    assert_eq!((result.outcome, result.summary.counts.created), (RunOutcome::Done, 30));
    assert!(result.folder.join("run.json").exists());
    let kept: Vec<String> = result.summary.notes.iter().map(|note| note.message.to_string()).collect();
    assert_eq!(kept, told);
    let failed = kept.iter().filter(|note| note.starts_with("the import is done; a step after it failed: "));
    assert_eq!(failed.count(), 1, "{kept:?}");
}

#[test]
fn values_that_nothing_can_be_done_with_are_refused_before_anything_is_read() {
    let import = Import::of(1);
    let plain = || ImportRequest { source: "no such file".into(), ..import.request.clone() };
    for (value, request) in [
        ("in_flight", ImportRequest { in_flight: 0, ..plain() }),
        ("batch", ImportRequest { batch: Some(0), ..plain() }),
        ("rows", ImportRequest { rows: Some((5, 2)), ..plain() }),
        ("rows", ImportRequest { rows: Some((0, 2)), ..plain() }),
        ("rate", ImportRequest { rate: 8, ..plain() }),
        ("max_errors", ImportRequest { max_errors: Some(MaxErrors::Percent(f64::NAN)), ..plain() }),
    ] {
        let error = engine::import(&request, &mut |_| {}).expect_err(value);
        assert_eq!((error.kind, &*error.problems[0].code), (ErrorKind::Refused, "value"));
        assert!(error.to_string().contains(&format!("{value} is out of range")), "{error}");
    }
}

#[test]
fn no_target_lifts_the_pace_of_an_account_that_is_not_on_this_machine() {
    let clock = amo_client::clock::Clock::faster(1_000.0);
    for url in ["https://example.amocrm.ru", "https://127.0.0.1", "http://example.amocrm.ru", "example"] {
        assert!(Target::local(url, clock).is_err(), "{url}");
    }
    assert!(Target::local("http://127.0.0.1:1", clock).is_ok());
}

/// The example is what a library user copies: it runs, and says where its report is.
#[test]
fn the_example_imports_is_stopped_resumes_and_names_its_report() {
    let pace = tempfile::tempdir().expect("a folder");
    let output = Command::new(env!("CARGO"))
        .args(["run", "--quiet", "--example", "import"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env("AMOPORT_RATE_DIR", pace.path())
        .env("XDG_CONFIG_HOME", pace.path())
        .output()
        .expect("cargo runs");
    let ran = ran(output).expect(0);
    let lines: Vec<&str> = ran.stdout.lines().collect();
    assert!(lines[0].starts_with("stopped: ") && lines[0].ends_with(" of 1000 records are made"), "{lines:?}");
    assert_eq!(lines[1], "finished: 1000 of 1000 records are made");
    let report = PathBuf::from(lines[2].trim_start_matches("report: "));
    assert!(report.exists(), "{lines:?}");
    let kept = report.ancestors().nth(3).expect("the example's folder").to_owned();
    std::fs::remove_dir_all(kept).expect("it can be taken away");
    let text =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/import.rs")).expect("the example");
    let code = text.lines().filter(|line| !line.trim().is_empty() && !line.trim_start().starts_with("//")).count();
    assert!(code < 40, "{code} lines");
}

/// What the reader noticed is in the events, in `run.json`, in the report made again, and said by every command alike.
#[test]
fn what_was_noticed_is_told_by_every_command_and_kept_with_the_run() {
    let (service, folder) = (Service::start(), Folder::new());
    folder.write("leads.csv", "name,price\nA,1\nB,2,beyond\nC,3,beyond,too\n");
    folder.write("leads.toml", MAPPING);
    let message = "2 rows have cells beyond the last column of the header, the first is row 3";
    let note = serde_json::json!({"code": "cells-beyond-header", "count": 2, "message": message});
    let told = |notes: &serde_json::Value| notes.as_array().is_some_and(|notes| notes.contains(&note));
    for args in [
        &["peek", "leads.csv", "--json"][..],
        &["check", "leads.csv", "-m", "leads.toml", "--json"],
        &["import", "leads.csv", "-m", "leads.toml", "--dry-run", "--json"],
        &["import", "leads.csv", "-m", "leads.toml", "--json"],
        &["report", "--json"],
    ] {
        // The rows themselves are rejected.
        let ran = folder.run(&service, args).expect(i32::from(!matches!(args[0], "peek" | "report")));
        assert!(told(&ran.json()["notes"]), "{args:?}: {}", ran.json()["notes"]);
        if !matches!(args[0], "peek" | "report") {
            assert_eq!(ran.stderr.matches(message).count(), 1, "{args:?}: {}", ran.stderr);
        }
    }
    let summary: serde_json::Value = serde_json::from_str(&folder.of_run("run.json")).expect("JSON");
    assert!(told(&summary["notes"]));
    let state = Folders::new(folder.path().join(".amoport"), folder.path().join("runs"));
    let again = engine::report(&ReportRequest::new(state), &mut |_| {}).expect("a report");
    assert!(told(&serde_json::to_value(&again.summary.notes).expect("JSON")));
}

/// Standard input can be read once only: it is kept, so that the run can read it twice and go on after a stop.
#[cfg(unix)]
#[test]
fn standard_input_is_a_source_like_any_other() {
    use std::io::Write;
    use std::process::Stdio;
    let (service, folder) = (Service::start(), Folder::new());
    folder.write("leads.toml", MAPPING);
    let import_into = |text: &str, state: &[&str]| {
        let mut command = folder.command(&service, &["import", "-", "-m", "leads.toml", "--json"]);
        command.args(state);
        let mut child = command.stdin(Stdio::piped()).spawn().expect("the program runs");
        child.stdin.take().expect("a pipe").write_all(text.as_bytes()).expect("it is written");
        ran(child.wait_with_output().expect("it ends"))
    };
    let import = |text: &str| import_into(text, &[]);
    let first = import(&leads(30)).expect(0);
    assert_eq!(first.json()["counts"]["created"], 30);
    let again = import(&leads(30)).expect(2);
    assert!(again.stderr.contains("-: this source was imported before"), "{}", again.stderr);
    assert!(!again.stderr.contains("spool"), "{}", again.stderr);
    assert_eq!(service.entities("leads"), 30);
    let spool = folder.path().join(".amoport/spool");
    let kept = || -> Vec<PathBuf> {
        let files = std::fs::read_dir(&spool).expect("the spool").flatten();
        files.filter(|file| file.file_name() != "lock").map(|file| file.path()).collect()
    };
    assert!(kept().is_empty(), "no run needs it any more: {:?}", kept());

    // A run that was stopped goes on with what was kept.
    service.faults(r#"{"script": [{"on": "POST leads", "nth": 1, "times": 1, "do": "403"}]}"#);
    let stopped = import(&leads(31)).expect(4);
    use std::os::unix::fs::PermissionsExt;
    let mode = |path: &Path| std::fs::metadata(path).expect("it is there").permissions().mode() & 0o777;
    assert_eq!((mode(&spool), mode(&kept()[0])), (0o700, 0o600));
    // Another import takes nothing away, also where it writes the state folder another way.
    std::fs::write(spool.join("left.part"), "of a process that was killed").expect("a file");
    let absolute = folder.path().join(".amoport").display().to_string();
    let refused = import_into(&leads(31), &["--state", &absolute]).expect(2);
    assert!(refused.stderr.contains("amoport resume"), "{}", refused.stderr);
    assert_eq!(kept().len(), 1, "the run still needs it");
    service.faults(r#"{"script": []}"#);
    let run = stopped.json()["run"].as_str().expect("a run").to_owned();
    assert_eq!(folder.run(&service, &["resume", &run, "--json"]).expect(0).json()["counts"]["created"], 31);
    assert!(kept().is_empty());
}

/// A sample of it is ASCII and says nothing; the import judges by the first reading of all of it, whatever that is for.
#[test]
fn a_long_source_that_begins_in_ascii_is_read_in_the_encoding_of_its_end() {
    let mut text = "group,name\n".to_owned();
    (0..20).for_each(|n| text.push_str(&format!("g{n},{}\n", "x".repeat(16_000))));
    text.push_str("g20,Договор №7\n");
    let (bytes, _, _) = encoding_rs::WINDOWS_1251.encode(&text);
    let mapping =
        "version = 1\nkind = \"lead\"\n[source]\nwhere = \"row['group'] == 'g20'\"\n[lead]\nname = \"name\"\n";
    for args in [&[][..], &["--max-errors", "5%"], &["--no-progress", "--max-errors", "5"]] {
        let (service, folder) = (Service::start(), Folder::new());
        folder.write("deals.csv", &bytes);
        folder.write("deals.toml", mapping);
        let ran = folder.run(&service, &[&["import", "deals.csv", "-m", "deals.toml"], args].concat()).expect(0);
        assert_eq!(ran.stderr.matches("CSV, windows-1251").count(), 1, "{}", ran.stderr);
        let names: Vec<String> =
            service.all("leads").iter().map(|lead| lead["name"].as_str().unwrap_or("").to_owned()).collect();
        assert_eq!(names, ["Договор №7"], "{args:?}");
    }
}

/// What version 0.1 left: a finished run, one that was blocked among its records, one that was blocked while linking and
/// kept none of its links.
fn state_of_0_1(folder: &Folder) {
    let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/files/store-0.1");
    for file in std::fs::read_dir(&kept).expect("the fixture").flatten() {
        std::fs::copy(file.path(), folder.path().join(file.file_name())).expect("a copy");
    }
    std::fs::create_dir_all(folder.path().join(".amoport/sandbox")).expect("a folder");
    let (from, to) = (folder.path().join("world.jsonl"), folder.path().join(".amoport/sandbox/world.jsonl"));
    std::fs::rename(from, to).expect("the world");
    let store = rusqlite::Connection::open(folder.path().join(".amoport/store.db")).expect("a store");
    let dump = std::fs::read_to_string(folder.path().join("store.sql")).expect("the dump");
    store.execute_batch(&dump).expect("the dump is SQL");
}

#[test]
fn a_store_of_version_0_1_opens_its_reports_are_the_same_and_its_runs_go_on() {
    let (service, folder) = (Service::start(), Folder::new());
    state_of_0_1(&folder);
    let amoport = |args: &[&str]| {
        // Its runs went into the sandbox of the state folder, so the account of the service is left out.
        let mut command = Command::new(env!("CARGO_BIN_EXE_amoport"));
        command.current_dir(folder.path()).args(args).env("AMOPORT_RATE_DIR", service.rate_dir());
        command.env("XDG_CONFIG_HOME", service.config_home());
        ran(command.output().expect("the program runs"))
    };
    let listed = amoport(&["runs"]).expect(0).stdout;
    assert_eq!(listed.lines().count(), 4, "{listed}");

    amoport(&["report", "20261127T024704Z-leads"]).expect(0);
    for name in ["results.csv", "problems.csv", "rejected.csv"] {
        let made = folder.path().join("runs/20261127T024704Z-leads").join(name);
        let (made, then) =
            (std::fs::read_to_string(made), std::fs::read_to_string(folder.path().join(format!("leads-{name}"))));
        assert_eq!(made.expect("made again"), then.expect("as 0.1 wrote it"), "{name}");
    }

    let more = amoport(&["resume", "20261127T024706Z-more", "--json"]).expect(0).json();
    assert_eq!((&more["counts"]["created"], &more["counts"]["unprocessed"]), (&3.into(), &0.into()));
    let linked = amoport(&["resume", "20261127T024707Z-customers", "--json"]).expect(0).json();
    assert_eq!(linked["links"], serde_json::json!({"made": 2, "refused": 0}), "what 0.1 did not keep is mapped again");
    // Its ledger holds: the same keys are not made again.
    let again = amoport(&["import", "contacts.csv", "-m", "contacts.toml", "--sandbox", "--rows", "2-2"]);
    assert!(again.expect(2).stderr.contains("was imported before, by run 20261127T024705Z-contacts"));
}

/// Leads whose names are long enough that a few hundred of them are more than a reader's sample.
fn long_leads(count: usize) -> String {
    let name = "x".repeat(240);
    (0..count).fold("group,name,price\n".to_owned(), |text, n| text + &format!("{n},{name}{n},1\n"))
}

/// The encoding is known by then; that nobody looked past the first letters changes nothing.
#[test]
fn a_run_in_doubt_goes_on_with_a_long_source_that_begins_in_ascii_and_only_with_the_same() {
    let (service, folder) = (Service::start(), Folder::new());
    folder.write("leads.toml", MAPPING);
    let text = long_leads(1_500) + "last,Имя,2\n";
    folder.write("leads.csv", &text);
    let mut command = folder.command(
        &service,
        &["import", "leads.csv", "-m", "leads.toml", "--settle=1", "--answer-timeout=2", "--batch=250"],
    );
    let killed = ran(command.env("AMOPORT_CRASH", "sent-after:3").output().expect("the program runs"));
    assert!(!(0..8).contains(&killed.code), "{}", killed.stderr);

    // Of a source that is being written nothing is believed.
    folder.write("leads.csv", text.replacen("\n1499,", "\n\"1499,", 1));
    let changed = folder.run(&service, &["resume"]).expect(2);
    assert!(changed.stderr.contains("the source has changed since the run began"), "{}", changed.stderr);
    assert!(changed.stderr.contains("opens with a quote"), "{}", changed.stderr);
    folder.write("leads.csv", &text);
    let resumed = folder.run(&service, &["resume", "--json"]).expect(0).json();
    assert_eq!((&resumed["counts"]["created"], service.entities("leads")), (&1_501.into(), 1_501));
}

/// Behind the break may stand another row of a record that would go out without it.
#[test]
fn a_grouped_source_that_breaks_off_is_refused_however_long_it_is() {
    let (service, folder) = (Service::start(), Folder::new());
    folder.write("leads.toml", MAPPING.replacen("[lead]", "group = \"group\"\n[lead]", 1));
    for count in [3, 1_500] {
        folder.write("leads.csv", long_leads(count) + "5,\"never closed,1\n0,x0,1\n");
        let refused = folder.run(&service, &["import", "leads.csv", "-m", "leads.toml"]).expect(2);
        assert!(refused.stderr.contains("opens with a quote"), "{}", refused.stderr);
        assert_eq!(service.requests("POST leads"), 0);
        assert!(!folder.path().join("runs").exists(), "{count}");
    }
}

/// Whoever fills a pipe may never close it.
#[cfg(unix)]
#[test]
fn a_stop_does_not_wait_for_the_end_of_a_pipe() {
    let import = Import::of(1);
    let pipe = import.folder.path().join("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().expect("mkfifo").success());
    let request = ImportRequest { source: pipe, ..import.request };
    let error = std::thread::scope(|scope| {
        let imported = scope.spawn(|| engine::import(&request, &mut |_| {}).expect_err("cancelled"));
        request.cancel.cancel();
        imported.join().expect("it ends")
    });
    assert!(matches!(error.kind, ErrorKind::Interrupted(_)), "{error}");
    // The thread that waits for the pipe is let go.
    std::fs::write(&request.source, "").expect("a pipe");
}

/// A page shows what goes wrong while it goes wrong: what the mapping refuses and what the service refuses.
#[test]
fn problems_of_records_are_heard_on_the_way_with_their_places() {
    let (service, folder) = (Service::start(), Folder::new());
    service.faults(r#"{"script": [{"on": "POST leads", "nth": 1, "times": 1, "do": "400"}]}"#);
    let source = folder.write("leads.csv", "name,price\nA,much\nB,2\n");
    let mapping = folder.write("leads.toml", MAPPING);
    let request = ImportRequest::new(source, target(&service), folders(&folder)).mapping(mapping);
    let mut heard = Vec::new();
    let result = engine::import(&request, &mut |event| match event {
        Event::Problem(problem) => heard.push((problem.code.to_string(), problem.place.cell())),
        Event::Wait(wait) => panic!("nothing is waited for: {wait:?}"),
        _ => {}
    })
    .expect("it has begun");
    assert_eq!(heard[0], ("money".to_owned(), Some("B2".to_owned())), "{heard:?}");
    assert_eq!(heard.len() as u64, result.summary.counts.rejected, "{heard:?}");
    assert_eq!(result.outcome, RunOutcome::SomeRejected);
}
