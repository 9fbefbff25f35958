//! One account has one name, whatever its address; and a state folder knows what it is: one that went back in time, that is damaged,
//! or that is a copy of another is told before anything is sent.

use crate::program;
#[allow(dead_code)]
use crate::workbook;

use amo_sandbox::{Options, Sandbox};
use program::{Folder, Ran, Service, ran};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;
use workbook::{Book, Cell};

const MAPPING: &str = "version = 1\nkind = \"lead\"\nkey = \"name\"\n[lead]\nname = \"name\"\n";

fn leads(from: usize, count: usize) -> String {
    (from..from + count).fold("name\n".to_owned(), |text, n| text + &format!("Lead {n}\n"))
}

/// A folder with a mapping and three sources.
fn folder() -> Folder {
    let folder = Folder::new();
    folder.write("leads.toml", MAPPING);
    for (name, from) in [("a.csv", 0), ("b.csv", 10), ("c.csv", 20)] {
        folder.write(name, leads(from, 5));
    }
    folder
}

/// The program with an account and the user's folder given.
fn amoport(folder: &Folder, (token, rate_dir): (&str, &Path), args: &[&str]) -> Ran {
    let mut command = Command::new(env!("CARGO_BIN_EXE_amoport"));
    command.current_dir(folder.path()).args(args).env("AMOPORT_TOKEN", token).env("AMOPORT_RATE_DIR", rate_dir);
    command.env("XDG_CONFIG_HOME", program::config_home(rate_dir));
    ran(command.output().expect("the program runs"))
}

fn of(service: &Service) -> (&str, &Path) {
    (service.token(), service.rate_dir())
}

fn import<'a>(file: &'a str, account: &'a str) -> [&'a str; 7] {
    ["import", file, "-m", "leads.toml", "--json", "--account", account]
}

fn localhost(service: &Service) -> String {
    service.url().replace("127.0.0.1", "localhost")
}

#[track_caller]
fn code(ran: &Ran) -> String {
    ran.json()["problems"][0]["code"].as_str().unwrap_or_else(|| panic!("{}{}", ran.stdout, ran.stderr)).to_owned()
}

fn store(state: &Path) -> rusqlite::Connection {
    rusqlite::Connection::open(state.join("store.db")).expect("a store")
}

fn head(state: &Path, run: &Value) -> Value {
    let ask = "SELECT head FROM run WHERE name = ?";
    let text: String = store(state).query_row(ask, [run.as_str()], |row| row.get(0)).expect("the run");
    serde_json::from_str(&text).expect("JSON")
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a folder");
    for entry in std::fs::read_dir(from).expect("a folder").flatten() {
        let to = to.join(entry.file_name());
        match entry.path().is_dir() {
            true => copy(&entry.path(), &to),
            false => drop(std::fs::copy(entry.path(), to).expect("a copy")),
        }
    }
}

fn count(service: &Service) -> u64 {
    service.entities("leads")
}

#[test]
fn what_was_imported_by_one_address_of_an_account_is_known_by_another() {
    let (service, folder) = (Service::start(), folder());
    let (here, there) = (service.url().to_owned(), localhost(&service));
    let first = amoport(&folder, of(&service), &import("a.csv", &here)).expect(0).json();
    let id = service.get("/api/v4/account")["id"].as_u64();
    assert_eq!((first["account"].as_str(), first["account_id"].as_u64()), (Some(here.as_str()), id));
    let again = amoport(&folder, of(&service), &import("a.csv", &there)).expect(2);
    assert_eq!(code(&again), "imported-before");
    let checked =
        amoport(&folder, of(&service), &["check", "a.csv", "-m", "leads.toml", "--json", "--account", &there]);
    let checked = checked.expect(2).json();
    assert_eq!((&checked["refused"][0]["code"], checked["account_id"].as_u64()), (&"imported-before".into(), id));
    // The same rows in another file are known by their keys.
    folder.write("d.csv", format!("{}Lead 99\n", leads(0, 5)));
    let keyed = amoport(&folder, of(&service), &import("d.csv", &there)).expect(1).json();
    assert_eq!((&keyed["counts"]["created"], &keyed["counts"]["rejected"]), (&1.into(), &5.into()), "{keyed}");
    let runs = amoport(&folder, of(&service), &["runs", "--json"]).expect(0).json();
    assert_eq!(runs["runs"].as_array().map(|runs| runs.iter().all(|run| run["account_id"].as_u64() == id)), Some(true));
    assert_eq!(count(&service), 6);

    let export = ["export", "lead", "--to", "one.csv", "--account", &here];
    amoport(&folder, of(&service), &export).expect(0);
    let since = ["export", "lead", "--to", "two.csv", "--since", "last", "--account", &there];
    let told = amoport(&folder, of(&service), &since).expect(0).stderr;
    assert!(told.contains("what has changed since"), "{told}");
}

/// A store that was kept by addresses, of the format before this one.
#[test]
fn a_store_kept_by_addresses_is_carried_over_when_its_account_is_asked() {
    let (service, folder) = (Service::start(), folder());
    let (here, there) = (service.url().to_owned(), localhost(&service));
    amoport(&folder, of(&service), &import("a.csv", &here)).expect(0);
    let killed = |file: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_amoport"));
        command
            .current_dir(folder.path())
            .args(import(file, &there))
            .args(["--settle", "1", "--answer-timeout", "2"])
            .env("AMOPORT_TOKEN", service.token());
        command.env("XDG_CONFIG_HOME", service.config_home());
        command.env("AMOPORT_RATE_DIR", service.rate_dir()).env("AMOPORT_CRASH", "sent-after:1");
        command.output().expect("the program runs")
    };
    killed("b.csv");
    let earlier = "
        UPDATE ledger SET account = (SELECT json_extract(head, '$.account') FROM run WHERE run.run = ledger.run);
        UPDATE run SET account = json_extract(head, '$.account'), head = json_remove(head, '$.account_id');
        DROP TRIGGER IF EXISTS twin_steps_in; DROP TABLE IF EXISTS twin; DROP TABLE IF EXISTS account;
        DROP TABLE IF EXISTS sure; DROP TABLE IF EXISTS store;
        PRAGMA user_version = 6;";
    store(&folder.path().join(".amoport")).execute_batch(earlier).expect("a store of an earlier format");

    let runs = amoport(&folder, of(&service), &["runs", "--json"]).expect(0).json();
    assert_eq!(runs["runs"][0]["account_id"], Value::Null, "nobody has asked yet");
    assert_eq!(code(&amoport(&folder, of(&service), &import("a.csv", &there)).expect(2)), "imported-before");
    let open = amoport(&folder, of(&service), &import("b.csv", &here)).expect(2);
    assert!(open.stderr.contains("has not ended"), "{}", open.stderr);
    let resumed = amoport(&folder, of(&service), &["resume", "--json"]).expect(0).json();
    assert_eq!(resumed["counts"]["created"], 5);
    assert_eq!(resumed["account_id"].as_u64(), service.get("/api/v4/account")["id"].as_u64());
    assert_eq!(count(&service), 10);
}

#[test]
fn another_account_at_a_known_address_is_another_account() {
    let folder = folder();
    let rate_dir = tempfile::tempdir().expect("a folder");
    let started = |port| Sandbox::start(Options { port, ..Options::default() }).expect("a sandbox");
    let first = started(0);
    let url = first.url().to_owned();
    let port = url.rsplit(':').next().and_then(|port| port.parse().ok()).expect("a port");
    amoport(&folder, (first.token(), rate_dir.path()), &import("a.csv", &url)).expect(0);
    folder.write("many.csv", leads(30, 40));
    let mut command = Command::new(env!("CARGO_BIN_EXE_amoport"));
    command.current_dir(folder.path()).args(import("many.csv", &url)).args(["--batch", "10"]);
    command.env("AMOPORT_TOKEN", first.token()).env("AMOPORT_RATE_DIR", rate_dir.path());
    command.env("XDG_CONFIG_HOME", program::config_home(rate_dir.path()));
    command.env("AMOPORT_CRASH", "sent-after:2").output().expect("the program runs");
    drop(first);
    let second = started(port);
    let to_second = (second.token(), rate_dir.path());
    let resumed = amoport(&folder, to_second, &["resume", "--json"]).expect(2);
    assert_eq!(code(&resumed), "other-account");
    assert!(resumed.stderr.contains("which is another account now"), "{}", resumed.stderr);
    let run = amoport(&folder, to_second, &import("a.csv", &url)).expect(0).json();
    assert_eq!(run["counts"]["created"], 5);
    let (_, stats) = program::http(&url, "GET", "/_sandbox/stats", second.token(), "");
    assert_eq!(stats["entities"]["leads"], 5);
    let runs = amoport(&folder, to_second, &["runs", "--json"]).expect(0).json();
    let stopped = runs["runs"][1]["run"].as_str().expect("the run that was killed");
    let given_up = amoport(&folder, to_second, &["runs", "--abandon", stopped, "--json"]).expect(7);
    // The batch before it may have been under way as well.
    let unknown = given_up.json()["counts"]["unknown"].as_u64();
    assert!(unknown.is_some_and(|unknown| [10, 20].contains(&unknown)), "{unknown:?}");
    assert!(given_up.stderr.contains("another account is at the address now"), "{}", given_up.stderr);
}

#[test]
fn a_world_that_was_wiped_is_another_account() {
    let (service, folder) = (Service::start(), folder());
    let import = ["import", "a.csv", "-m", "leads.toml", "--json", "--sandbox"];
    let first = amoport(&folder, of(&service), &import).expect(0).json();
    assert_eq!(code(&amoport(&folder, of(&service), &import).expect(2)), "imported-before");
    std::fs::remove_dir_all(folder.path().join(".amoport/sandbox")).expect("its world");
    let anew = amoport(&folder, of(&service), &import).expect(0).json();
    assert_eq!((&first["account"], &anew["account"]), (&"sandbox".into(), &"sandbox".into()));
    assert!(first["account_id"].is_u64() && first["account_id"] != anew["account_id"], "{first} {anew}");
}

/// How fast two processes are together is measured in `pace.rs`.
#[test]
fn two_addresses_of_one_account_remember_one_pace() {
    let (service, folder) = (Service::start(), folder());
    for account in [service.url(), &localhost(&service)] {
        amoport(&folder, of(&service), &["account", "show", "--account", account]).expect(0);
    }
    let files = std::fs::read_dir(service.rate_dir()).expect("a folder").flatten().map(|entry| entry.path());
    let named = |path: &PathBuf| path.extension().is_some_and(|e| e == "db") && !path.ends_with("sends.db");
    let opened = |path: PathBuf| rusqlite::Connection::open(path).expect("a memory");
    let moved =
        |db: &rusqlite::Connection| db.query_row("SELECT file FROM moved", [], |row| row.get::<_, String>(0)).ok();
    let mut moved: Vec<Option<String>> = files.filter(named).map(opened).map(|db| moved(&db)).collect();
    moved.sort();
    assert!(moved.len() == 3 && moved[0].is_none() && moved[1].is_some() && moved[1] == moved[2], "{moved:?}");
}

#[test]
fn a_workbook_is_of_its_account_by_whatever_address_and_of_whatever_version() {
    let (service, folder) = (Service::start(), folder());
    let (here, there) = (service.url().to_owned(), localhost(&service));
    amoport(&folder, of(&service), &import("a.csv", &here)).expect(0);
    amoport(&folder, of(&service), &["export", "lead", "--to", "leads.xlsx", "--account", &here]).expect(0);
    let book = folder.path().join("leads.xlsx");
    let edited = |by: &str, earlier: bool| {
        let mut edited = Book::read(&book);
        let name = edited.column("Название");
        edited.rows[1][name] = Cell::String(by.into());
        if earlier {
            edited.say("account-id", "");
        }
        edited.write(&folder.path().join(format!("{by}.xlsx")));
    };
    edited("newer", false);
    let send = |file: &str, account: &str, state: &str| {
        amoport(&folder, of(&service), &["import", file, "--json", "--account", account, "--state", state])
    };
    let changed = send("newer.xlsx", &there, "elsewhere").expect(0).json();
    assert_eq!(changed["counts"]["updated"], 1);
    // What it says of an address is known where that was asked.
    edited("older", true);
    let refused = send("older.xlsx", &there, "nowhere").expect(2);
    assert_eq!(code(&refused), "other-account");
    let changed = [&here, &there].map(|account| {
        edited(&format!("older-{}", account.len()), true);
        send(&format!("older-{}.xlsx", account.len()), account, ".amoport").json()
    });
    assert!(changed.iter().all(|run| run["account_id"] == changed[0]["account_id"]), "{changed:?}");
    let other = Service::start();
    let strange = amoport(
        &folder,
        of(&other),
        &["import", "newer.xlsx", "--json", "--account", other.url(), "--state", "elsewhere"],
    );
    assert_eq!(code(&strange.expect(2)), "other-account");
}

/// A state folder from a backup: its last file is not in it any more.
struct Restored {
    service: Service,
    folder: Folder,
    state: PathBuf,
}

impl Restored {
    fn new() -> Restored {
        let (service, folder) = (Service::start(), folder());
        let state = folder.path().join(".amoport");
        let backup = folder.path().join("backup");
        amoport(&folder, of(&service), &import("a.csv", service.url())).expect(0);
        copy(&state, &backup);
        amoport(&folder, of(&service), &import("b.csv", service.url())).expect(0);
        std::fs::remove_dir_all(&state).expect("the state");
        std::fs::rename(&backup, &state).expect("the backup");
        Restored { service, folder, state }
    }

    fn run(&self, args: &[&str]) -> Ran {
        amoport(&self.folder, of(&self.service), args)
    }

    fn import(&self, file: &str, more: &[&str]) -> Ran {
        self.run(&[&import(file, self.service.url())[..], more].concat())
    }
}

#[test]
fn a_state_folder_that_went_back_in_time_sends_nothing_until_somebody_says_so() {
    let restored = Restored::new();
    let newest = restored.service.all("leads")[4]["id"].clone();
    for file in ["b.csv", "c.csv"] {
        let refused = restored.import(file, &[]).expect(2);
        assert_eq!(code(&refused), "older-state");
        let told = &refused.stderr;
        assert!(told.contains("is older than what was sent from it") && told.matches("-leads").count() >= 1, "{told}");
        assert!(told.matches("Z").count() >= 2, "both times: {told}");
        let again = format!(
            "to go on: amoport import {file} -m leads.toml --json --account {} --older-state",
            restored.service.url()
        );
        assert!(told.contains(&again), "{told}");
    }
    assert_eq!(count(&restored.service), 10);
    let dry = restored.import("c.csv", &["--dry-run"]).expect(2).json();
    assert_eq!(dry["refused"][0]["code"], "older-state", "{dry}");
    restored.import("c.csv", &["--dry-run", "--older-state"]).expect(0);
    assert_eq!(restored.run(&["runs", "--json"]).expect(0).json()["runs"].as_array().map(Vec::len), Some(1));

    let run = restored.import("c.csv", &["--older-state"]).expect(0).json();
    assert_eq!(run["counts"]["created"], 5);
    assert_eq!(head(&restored.state, &run["run"])["look_from"], newest, "what it has forgotten has higher ids");
    // From now on it knows of the newest send again; what the lost time was, only a person can say.
    restored.folder.write("d.csv", leads(50, 2));
    let next = restored.import("d.csv", &[]).expect(0).json();
    assert!(next["notes"].to_string().contains("went-back"), "{next}");
    assert_eq!(head(&restored.state, &next["run"])["look_from"], Value::Null);
    restored.folder.write("e.csv", leads(60, 2));
    let asked = restored.import("e.csv", &["--older-state"]).expect(0).json();
    assert_eq!(head(&restored.state, &asked["run"])["look_from"], newest, "not the ids that it has learned since");
}

/// What the journal had not brought into its file yet.
#[test]
fn a_store_that_has_lost_its_last_pages_went_back_in_time() {
    let (service, folder) = (Service::start(), folder());
    amoport(&folder, of(&service), &import("a.csv", service.url())).expect(0);
    let mut command = Command::new(env!("CARGO_BIN_EXE_amoport"));
    command.current_dir(folder.path()).args(import("b.csv", service.url())).args(["--batch", "1"]);
    command.env("AMOPORT_TOKEN", service.token()).env("AMOPORT_RATE_DIR", service.rate_dir());
    command.env("XDG_CONFIG_HOME", service.config_home());
    command.env("AMOPORT_CRASH", "sent-after:3").output().expect("the program runs");
    std::fs::remove_file(folder.path().join(".amoport/store.db-wal")).expect("pages");
    let _ = std::fs::remove_file(folder.path().join(".amoport/store.db-shm"));
    let refused = amoport(&folder, of(&service), &import("b.csv", service.url())).expect(2);
    assert_eq!(code(&refused), "older-state");
    assert_eq!(count(&service), 7);
}

/// A store of the format before this one has no name; it is known by where it lies.
#[test]
fn a_backup_of_an_earlier_version_went_back_in_time() {
    let restored = Restored::new();
    let earlier = "DROP TRIGGER IF EXISTS twin_steps_in; DROP TABLE IF EXISTS twin; DROP TABLE IF EXISTS account;
        DROP TABLE IF EXISTS sure; DROP TABLE IF EXISTS store;
        PRAGMA user_version = 6;";
    store(&restored.state).execute_batch(earlier).expect("a store of an earlier format");
    assert_eq!(code(&restored.import("b.csv", &[]).expect(2)), "older-state");
    // A folder that somebody has made anew is another.
    std::fs::remove_dir_all(&restored.state).expect("the state");
    for file in ["b.csv", "c.csv"] {
        restored.import(file, &["--limit", "1", "--max-errors", "0"]).expect(0);
    }
}

#[test]
fn a_run_that_was_carried_on_in_a_time_that_is_lost_goes_on_only_when_that_is_said() {
    let (service, folder) = (Service::start(), folder());
    let (state, backup) = (folder.path().join(".amoport"), folder.path().join("backup"));
    folder.write("many.csv", leads(30, 40));
    let mut command = Command::new(env!("CARGO_BIN_EXE_amoport"));
    command.current_dir(folder.path()).args(import("many.csv", service.url())).args([
        "--batch",
        "10",
        "--settle",
        "1",
        "--answer-timeout",
        "2",
    ]);
    command.env("AMOPORT_TOKEN", service.token()).env("AMOPORT_RATE_DIR", service.rate_dir());
    command.env("XDG_CONFIG_HOME", service.config_home());
    command.env("AMOPORT_CRASH", "answered-after:2").output().expect("the program runs");
    copy(&state, &backup);
    amoport(&folder, of(&service), &["resume"]).expect(0);
    std::fs::remove_dir_all(&state).expect("the state");
    std::fs::rename(&backup, &state).expect("the backup");
    let refused = amoport(&folder, of(&service), &["resume", "--json"]).expect(2);
    assert_eq!(code(&refused), "older-state");
    assert!(refused.stderr.contains("to go on: amoport resume --json --older-state"), "{}", refused.stderr);
    let sure: i64 = store(&state).query_row("SELECT max(id) FROM record", [], |row| row.get(0)).expect("a record");
    let resumed = amoport(&folder, of(&service), &["resume", "--json", "--older-state"]);
    let run = resumed.json()["run"].clone();
    assert_eq!(head(&state, &run)["look_from"].as_i64(), Some(sure), "{}", resumed.stderr);
}

#[test]
fn older_state_is_no_harm_where_nothing_is_lost() {
    let (service, folder) = (Service::start(), folder());
    for file in ["a.csv", "b.csv"] {
        let run = [&import(file, service.url())[..], &["--older-state"]].concat();
        let run = amoport(&folder, of(&service), &run).expect(0).json();
        assert!(run["notes"].to_string().contains("not-older"), "{run}");
        assert_eq!(head(&folder.path().join(".amoport"), &run["run"])["look_from"], Value::Null);
    }
}

#[test]
fn users_without_a_folder_are_told_what_will_not_be_noticed() {
    let (service, folder) = (Service::start(), folder());
    let file = folder.write("file", "");
    let run = amoport(&folder, (service.token(), &file), &import("a.csv", service.url())).expect(0).json();
    assert!(run["notes"].to_string().contains("sends-not-kept"), "{run}");
    // What lies there is not the user's data, so that its damage stops nobody.
    std::fs::write(service.rate_dir().join("sends.db"), "garbage ".repeat(100)).expect("a file");
    let run = amoport(&folder, of(&service), &import("b.csv", service.url())).expect(0).json();
    assert!(run["notes"].to_string().contains("sends-not-kept"), "{run}");
}

#[test]
fn a_damaged_store_says_so_and_nothing_is_sent() {
    let (service, folder) = (Service::start(), folder());
    amoport(&folder, of(&service), &import("a.csv", service.url())).expect(0);
    let path = folder.path().join(".amoport/store.db");
    // Everything into the file itself.
    store(&folder.path().join(".amoport")).execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").expect("a store");
    let whole = std::fs::read(&path).expect("a store");
    let spoilt = |from: usize| {
        let mut bytes = whole.clone();
        bytes[from..].iter_mut().for_each(|byte| *byte = 0x5a);
        bytes
    };
    for bytes in
        [spoilt(0), spoilt(100), spoilt(4096), b"not a database, but long enough to be taken for one ".repeat(40)]
    {
        for beside in ["store.db-wal", "store.db-shm"] {
            let _ = std::fs::remove_file(folder.path().join(".amoport").join(beside));
        }
        std::fs::write(&path, bytes).expect("a store");
        for args in
            [&import("b.csv", service.url())[..], &["resume", "--json"], &["report", "--json"], &["runs", "--json"]]
        {
            let refused = amoport(&folder, of(&service), args).expect(2);
            assert_eq!(code(&refused), "state-damaged");
            let told = &refused.stderr;
            assert!(told.contains("store.db") && told.contains("nothing was sent"), "{told}");
            assert!(told.contains("--older-state") && told.contains("--state"), "{told}");
        }
    }
    assert_eq!(count(&service), 5);
}

#[test]
fn a_copy_of_a_state_folder_leaves_the_reports_and_runs_of_the_original_alone() {
    let (service, folder) = (Service::start(), folder());
    service.faults(r#"{"script": [{"on": "POST leads", "nth": 1, "times": 99, "do": "403"}]}"#);
    let stopped = amoport(&folder, of(&service), &import("a.csv", service.url())).expect(4).json();
    let run = stopped["run"].as_str().expect("a run");
    let results = folder.path().join("runs").join(run).join("results.csv");
    std::fs::write(&results, "as it was").expect("a report");
    copy(&folder.path().join(".amoport"), &folder.path().join("copied/state"));

    let copied = ["--state", "copied/state", "--runs", "copied/runs"];
    let told = amoport(&folder, of(&service), &[&["report", run][..], &copied].concat()).expect(0).stderr;
    assert!(told.contains("is a copy of"), "{told}");
    assert_eq!(std::fs::read_to_string(&results).expect("a report"), "as it was");
    assert!(folder.path().join("copied/runs").join(run).join("results.csv").exists());
    for verb in [&["resume", run, "--json"][..], &["runs", "--abandon", run, "--json"]] {
        let refused = amoport(&folder, of(&service), &[verb, &copied].concat()).expect(2);
        assert_eq!(code(&refused), "copied-state", "{verb:?}");
    }

    // Where the original is gone, it was moved.
    std::fs::remove_dir_all(folder.path().join(".amoport")).expect("the original");
    let told = amoport(&folder, of(&service), &["report", run, "--state", "copied/state"]).expect(0).stderr;
    assert!(!told.contains("is a copy of"), "{told}");
    assert_ne!(std::fs::read_to_string(&results).expect("a report"), "as it was");
    std::fs::rename(folder.path().join("copied/state"), folder.path().join(".amoport")).expect("moved back");
    let told = amoport(&folder, of(&service), &["report", run]).expect(0).stderr;
    assert!(!told.contains("is a copy of"), "{told}");
}
