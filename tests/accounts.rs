//! One account has one name, whatever its address.

mod program;
#[allow(dead_code)]
mod workbook;

use amoport::sandbox::{Options, Sandbox};
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
            .args(["--settle", "1"])
            .env("AMOPORT_TOKEN", service.token());
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
