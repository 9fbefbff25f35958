//! What a run leaves is its owner's alone, and nothing that is there is replaced or written through a link unasked.
#![cfg(unix)]

use crate::program;

use program::{Folder, Ran, Service, ran};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const MAPPING: &str = "version = 1\nkind = \"lead\"\nkey = \"n\"\n[lead]\nname = \"name\"\nprice = \"price\"\n";
const ROWS: &str = "n,name,price\n1,A,1\n2,B,much\n3,C,3\n4,D,4\n";

/// The command under the most generous of umasks.
fn open_handed(command: &Command) -> Command {
    let mut open = Command::new("sh");
    open.args(["-c", "umask 000; exec \"$0\" \"$@\""]).arg(command.get_program()).args(command.get_args());
    open.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    open.current_dir(command.get_current_dir().expect("a folder"));
    open.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    open
}

fn run(folder: &Folder, service: &Service, args: &[&str]) -> Ran {
    ran(open_handed(&folder.command(service, args)).output().expect("the program runs"))
}

fn mode(path: &Path) -> u32 {
    std::fs::symlink_metadata(path).expect("it is there").permissions().mode() & 0o777
}

/// All that is below, with whether it is a folder.
fn below(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("a name").path()) {
        if entry.is_dir() {
            below(&entry, found);
        }
        found.push(entry);
    }
}

/// What stands in the folders and was not laid there by the test.
fn made(folders: &[&Path], laid: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    folders.iter().for_each(|folder| below(folder, &mut found));
    found.retain(|path| !laid.iter().any(|name| path.file_name() == Some(name.as_ref())));
    found
}

#[track_caller]
fn assert_private(paths: &[PathBuf]) {
    let open: Vec<String> = paths
        .iter()
        .filter(|path| mode(path) != if path.is_dir() { 0o700 } else { 0o600 })
        .map(|path| format!("{:o} {}", mode(path), path.display()))
        .collect();
    assert!(open.is_empty(), "others may read:\n{}", open.join("\n"));
}

#[track_caller]
fn assert_has(paths: &[PathBuf], names: &[&str]) {
    for name in names {
        let there = paths.iter().any(|path| path.to_string_lossy().ends_with(name));
        assert!(there, "there is no {name} among {paths:#?}");
    }
}

fn folder() -> Folder {
    let folder = Folder::new();
    folder.write("rows.csv", ROWS);
    folder.write("rows.toml", MAPPING);
    folder
}

const LAID: [&str; 4] = ["rows.csv", "rows.toml", "amoport.toml", "secret"];
const IMPORT: [&str; 6] = ["import", "rows.csv", "-m", "rows.toml", "--batch", "1"];

#[test]
fn all_that_a_journey_leaves_is_its_owners_alone() {
    let (service, folder) = (Service::start(), folder());
    service.faults(r#"{"script": [{"on": "POST leads", "nth": 2, "times": 1000, "do": "403"}]}"#);
    run(&folder, &service, &IMPORT).expect(4);
    service.faults("{}");
    run(&folder, &service, &["resume"]).expect(1);
    run(&folder, &service, &["report"]).expect(0);
    for to in ["leads.xlsx", "leads.csv", "leads.jsonl"] {
        run(&folder, &service, &["export", "lead", "--to", to]).expect(0);
    }
    run(&folder, &service, &["account", "pull"]).expect(0);
    run(&folder, &service, &["account", "pull", "-o", "a/b/account.json"]).expect(0);
    let sandbox = ["--sandbox", "--state", "pretended"];
    let mut pretended = Command::new(env!("CARGO_BIN_EXE_amoport"));
    pretended.current_dir(folder.path()).args(IMPORT).args(sandbox).args(["--runs", "pretended runs"]);
    pretended.env("AMOPORT_RATE_DIR", service.rate_dir());
    ran(open_handed(&pretended).output().expect("the program runs")).expect(1);
    let left = made(&[folder.path(), service.rate_dir()], &LAID);
    assert_private(&left);
    let names = [
        ".amoport",
        "/store.db",
        "/locks",
        "/runs",
        "/results.xlsx",
        "/results.csv",
        "/problems.csv",
        "/rejected.csv",
        "/rejected.xlsx",
        "/run.json",
        "/log.jsonl",
        "/leads.xlsx",
        "/leads.csv",
        "/leads.jsonl",
        "/leads.xlsx.manifest.json",
        "/a",
        "/a/b",
        "/a/b/account.json",
        "/accounts",
        "/sandbox/world.jsonl",
        "/sends.db",
    ];
    assert_has(&left, &names);
}

#[test]
fn what_a_killed_process_leaves_is_its_owners_alone() {
    let (service, folder) = (Service::start(), folder());
    let killed = |args: &[&str], point: &str| {
        let mut command = folder.command(&service, args);
        command.env("AMOPORT_CRASH", point);
        let ended = open_handed(&command).output().expect("the program runs");
        assert_ne!(ended.status.code(), Some(0), "{}", String::from_utf8_lossy(&ended.stderr));
    };
    killed(&IMPORT, "report-move:2");
    let left = made(&[folder.path(), service.rate_dir()], &LAID);
    assert_has(&left, &["store.db-wal", "store.db-shm", "results.csv.part", "rejected.csv.part", "problems.csv.part"]);
    assert_private(&left);
    // An export that is stopped while it reads: the file on its way, and the rows that wait for a workbook.
    let mut export = open_handed(&folder.command(&service, &["export", "lead", "--to", "on-its-way.xlsx"]));
    service.faults(r#"{"script": [{"on": "GET leads", "nth": 1, "times": 1000, "do": "hang"}]}"#);
    let mut child = export.spawn().expect("the program runs");
    let on_its_way =
        || made(&[folder.path()], &LAID).iter().filter(|path| path.to_string_lossy().contains("on-its-way")).count();
    let since = std::time::Instant::now();
    while on_its_way() < 2 && since.elapsed().as_secs() < 60 {
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    child.kill().expect("it is killed");
    child.wait().expect("it ends");
    let left = made(&[folder.path(), service.rate_dir()], &LAID);
    assert_eq!(on_its_way(), 2, "{left:#?}");
    assert_private(&left);
}

#[test]
fn a_copy_of_a_pipe_and_a_pair_of_tokens_are_their_owners_alone() {
    let (service, folder) = (Service::start(), folder());
    let mut piped = folder.command(&service, &["import", "-", "-m", "rows.toml", "--batch", "1"]);
    piped.env("AMOPORT_CRASH", "sent-after:2");
    let mut piped = open_handed(&piped);
    piped.stdin(std::fs::File::open(folder.path().join("rows.csv")).expect("the rows"));
    assert_ne!(piped.output().expect("the program runs").status.code(), Some(0));
    let known = service.get("/_sandbox/oauth");
    folder.secret("secret", known["client_secret"].as_str().expect("a secret"));
    let config = format!(
        "[accounts.main]\nurl = \"{}\"\nclient-id = {}\nclient-secret-file = \"secret\"\nredirect-uri = {}\n\
         token-store = \"tokens.json\"\n",
        service.url(),
        known["client_id"],
        known["redirect_uri"]
    );
    folder.write("amoport.toml", config);
    folder.secret("code", known["code"].as_str().expect("a code"));
    let mut login = Command::new(env!("CARGO_BIN_EXE_amoport"));
    login.current_dir(folder.path()).env("AMOPORT_RATE_DIR", service.rate_dir());
    login.args(["auth", "login", "--account", "main", "--code-file", "code"]);
    ran(open_handed(&login).output().expect("the program runs")).expect(0);
    let left = made(&[folder.path(), service.rate_dir()], &LAID);
    assert_has(&left, &["/spool", "/spool/lock", "tokens.json", "tokens.json.lock"]);
    assert_eq!(std::fs::read_dir(folder.path().join(".amoport/spool")).expect("a folder").count(), 2);
    assert_private(&left);
}

#[test]
fn what_is_there_is_replaced_with_force_alone_and_keeps_its_mode() {
    let (service, folder) = (Service::start(), folder());
    let shared = |name: &str| {
        let path = folder.write(name, "mine");
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o640)).expect("a mode");
        path
    };
    let commands: [(&str, &[&str]); 3] = [
        ("leads.csv", &["export", "lead", "--to", "leads.csv"]),
        ("leads.xlsx", &["export", "lead", "--to", "leads.xlsx"]),
        ("account.json", &["account", "pull", "-o", "account.json"]),
    ];
    run(&folder, &service, &IMPORT).expect(1);
    for (name, args) in commands {
        let file = shared(name);
        let refused = run(&folder, &service, args).expect(2);
        assert!(refused.stderr.contains("--force"), "{}", refused.stderr);
        assert_eq!(std::fs::read(&file).expect("a file"), b"mine");
        run(&folder, &service, &[args, &["--force"]].concat()).expect(0);
        assert_ne!(std::fs::read(&file).expect("a file"), b"mine");
        assert_eq!(mode(&file), 0o640, "{name}");
    }
    // The one in the state folder is the program's own.
    run(&folder, &service, &["account", "pull"]).expect(0);
    run(&folder, &service, &["account", "pull"]).expect(0);
}

#[test]
fn nothing_is_written_through_a_link_that_somebody_has_planted() {
    let (service, folder) = (Service::start(), folder());
    let elsewhere = Folder::new();
    let precious = elsewhere.write("precious", "precious");
    let plant = |name: &str, target: &Path| symlink(target, folder.path().join(name)).expect("a link");
    run(&folder, &service, &IMPORT).expect(1);
    let run_folder = folder.runs().pop().expect("a run");
    // Under the names by which files are on their way.
    for name in ["results.xlsx", "results.csv", "problems.csv", "rejected.csv", "rejected.xlsx", "run.json"] {
        symlink(&precious, run_folder.join(format!("{name}.part"))).expect("a link");
    }
    run(&folder, &service, &["report"]).expect(0);
    assert_eq!(std::fs::read(&precious).expect("a file"), b"precious");
    // Under the names of what is made, also where they lead nowhere.
    for (name, args) in [
        ("leads.csv", ["export", "lead", "--to", "leads.csv"]),
        ("account.json", ["account", "pull", "-o", "account.json"]),
    ] {
        plant(name, &elsewhere.path().join("nothing"));
        run(&folder, &service, &args).expect(2);
        run(&folder, &service, &[&args[..], &["--force"]].concat()).expect(0);
        assert!(!elsewhere.path().join("nothing").exists(), "{name}");
    }
}
