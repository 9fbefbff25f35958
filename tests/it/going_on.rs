//! The line by which a person goes on after a stop: copied into a shell in any folder, it does what it says.
#![cfg(unix)]

use crate::program;

use program::{Folder, Ran, Service, ran};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;

const MAPPING: &str = "version = 1\nkind = \"lead\"\n[lead]\nname = \"name\"\n";
const ROWS: &str = "name\nA\nB\nC\nD\n";
const PROGRAM: &str = env!("CARGO_BIN_EXE_amoport");
/// Of the four records, each in a request of its own, one is made before the service closes its doors.
const STOP: &str = r#"{"script": [{"on": "POST leads", "nth": 2, "times": 1000, "do": "403"}]}"#;

/// A folder whose name a shell would take apart, with a source, its mapping and a file with the token.
fn room(folder: &Folder, service: &Service) -> PathBuf {
    let room = folder.path().join("Бюро 'Ромашка' $HOME");
    std::fs::create_dir(&room).expect("a folder");
    for (name, text) in [("rows.csv", ROWS), ("rows.toml", MAPPING), ("token", service.token())] {
        std::fs::write(room.join(name), text).expect("a file");
        program::private(&room.join(name));
    }
    room
}

/// Nothing in the environment says which account or which token.
fn bare(command: &mut Command, here: &Path, service: &Service) -> Ran {
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("AMOPORT_")) {
        command.env_remove(name);
    }
    command.env("AMOPORT_RATE_DIR", service.rate_dir()).env("XDG_CONFIG_HOME", service.config_home());
    ran(command.current_dir(here).output().expect("it runs"))
}

fn amoport(here: &Path, service: &Service, args: &[&str]) -> Ran {
    bare(Command::new(PROGRAM).args(args), here, service)
}

fn line(ran: &Ran) -> String {
    let last = ran.stderr.lines().last().unwrap_or_default();
    last.strip_prefix("to go on: ").unwrap_or_else(|| panic!("no way to go on:\n{}", ran.stderr)).to_owned()
}

/// As whoever copies the line would run it.
fn shell(line: &str, here: &Path, service: &Service) -> Ran {
    let folder = Path::new(PROGRAM).parent().expect("a folder").display().to_string();
    let path = format!("{folder}:{}", std::env::var("PATH").unwrap_or_default());
    bare(Command::new("sh").args(["-c", line]).env("PATH", path), here, service)
}

const IMPORT: [&str; 6] = ["import", "rows.csv", "-m", "rows.toml", "--batch", "1"];

fn import(room: &Path, service: &Service, more: &[&str]) -> Ran {
    amoport(room, service, &[&IMPORT, more].concat())
}

#[test]
fn the_line_works_from_any_folder_also_when_the_runs_are_gone() {
    let (service, folder) = (Service::start(), Folder::new());
    let room = room(&folder, &service);
    service.faults(STOP);
    let account = ["--account", service.url(), "--token-file", "token", "--runs", "там"];
    let stopped = import(&room, &service, &account).expect(4);
    std::fs::remove_dir_all(room.join("там")).expect("the runs");
    service.faults("{}");
    let elsewhere = tempfile::tempdir().expect("a folder");
    let resumed = shell(&(line(&stopped) + " --json"), elsewhere.path(), &service).expect(0);
    assert_eq!(resumed.json()["counts"]["created"], 4);
    assert_eq!(service.entities("leads"), 4);
    let run = resumed.json()["run"].as_str().expect("a name").to_owned();
    assert!(room.join("там").join(run).join("results.csv").exists(), "the report is where the others were");
    assert_eq!(std::fs::read_dir(elsewhere.path()).expect("a folder").count(), 0, "nothing is left elsewhere");
}

#[test]
fn the_token_file_is_remembered_and_one_that_is_named_later_is_named_again() {
    let (service, folder) = (Service::start(), Folder::new());
    let room = room(&folder, &service);
    service.faults(STOP);
    import(&room, &service, &["--account", service.url(), "--token-file", "token"]).expect(4);
    std::fs::rename(room.join("token"), room.join("new token")).expect("it is renamed");
    let refused = amoport(&room, &service, &["resume"]).expect(2);
    assert!(refused.stderr.contains("token cannot be read"), "{}", refused.stderr);
    let stopped = amoport(&room, &service, &["resume", "--token-file", "new token"]).expect(4);
    assert!(line(&stopped).ends_with("new token'"), "{}", stopped.stderr);
    service.faults("{}");
    shell(&line(&stopped), folder.path(), &service).expect(0);
    assert_eq!(service.entities("leads"), 4);
}

#[test]
fn a_name_means_what_it_meant_where_the_run_began() {
    let (service, folder) = (Service::start(), Folder::new());
    let room = room(&folder, &service);
    let config = |url: &str| format!("[accounts.main]\nurl = \"{url}\"\ntoken-file = \"token\"\n");
    std::fs::write(room.join("amoport.toml"), config(service.url())).expect("the config");
    folder.allow(&service, service.url());
    folder.write("amoport.toml", config("https://another.amocrm.ru"));
    service.faults(STOP);
    let stopped = import(&room, &service, &["--account", "main"]).expect(4);
    assert!(line(&stopped).contains("--account main "), "{}", stopped.stderr);
    service.faults("{}");
    shell(&line(&stopped), folder.path(), &service).expect(0);
    assert_eq!(service.entities("leads"), 4);
}

#[test]
fn a_run_into_the_embedded_sandbox_says_so() {
    let (service, folder) = (Service::start(), Folder::new());
    let room = room(&folder, &service);
    let state = room.join(".amoport").display().to_string();
    std::fs::write(room.join("rows.csv"), "name,price\nA,1\nB,much\n").expect("a source");
    std::fs::write(room.join("rows.toml"), format!("{MAPPING}price = \"price\"\n")).expect("a mapping");
    let stopped = import(&room, &service, &["--sandbox", "--max-errors", "0"]).expect(3);
    let line = line(&stopped);
    assert!(line.contains(" --sandbox ") && !line.contains("--account"), "{line}");
    let resumed = shell(&(line + " --json"), folder.path(), &service).expect(1);
    assert_eq!(resumed.json()["counts"]["created"], 1);
    let runs = amoport(folder.path(), &service, &["runs", "--json", "--state", &state]).expect(0).json();
    assert_eq!(runs["runs"][0]["outcome"], "some-rejected");
}

#[test]
fn another_account_than_the_run_s_is_refused_and_both_are_named() {
    let (service, folder) = (Service::start(), Folder::new());
    let room = room(&folder, &service);
    service.faults(STOP);
    let stopped = import(&room, &service, &["--account", service.url(), "--token-file", "token", "--json"]).expect(4);
    let run = stopped.json()["run"].as_str().expect("a name").to_owned();
    service.faults("{}");
    let before = service.get("/_sandbox/stats")["by_route"].clone();
    for verb in ["resume", "report"] {
        for other in [&["--account", "https://other.amocrm.ru"][..], &["--sandbox"]] {
            let said = if other.len() == 1 { "sandbox" } else { other[1] };
            let refused = amoport(&room, &service, &[&[verb, &run, "--json"], other].concat()).expect(2);
            let problem = refused.json()["problems"][0].clone();
            assert_eq!(problem["code"], "other-account", "{verb} {other:?}: {problem}");
            let message = problem["message"].as_str().expect("a message");
            assert!(message.contains(service.url()) && message.contains(said), "{message}");
            // Without a name, the runs of the account that is said are meant: there are none.
            let none = amoport(&room, &service, &[&[verb, "--json"], other].concat()).expect(2);
            let none = none.json()["problems"][0].clone();
            assert_eq!(none["code"], "no-run", "{verb} {other:?}");
            assert!(none["message"].as_str().expect("a message").contains(said), "{none}");
        }
    }
    assert_eq!(service.get("/_sandbox/stats")["by_route"], before, "nobody was asked");
    let same = ["--account", service.url()];
    amoport(&room, &service, &[&["report", &run], &same[..]].concat()).expect(0);
    amoport(&room, &service, &[&["resume"], &same[..]].concat()).expect(0);
    assert_eq!(service.entities("leads"), 4);
}

#[test]
fn where_nothing_was_sent_the_import_itself_is_the_way_to_go_on() {
    let (service, folder) = (Service::start(), Folder::new());
    let room = room(&folder, &service);
    std::fs::write(room.join("new token"), "nobody's").expect("a file");
    program::private(&room.join("new token"));
    let refused = import(&room, &service, &["--account", service.url(), "--token-file", "new token"]).expect(4);
    assert!(!refused.stderr.contains("resume"), "{}", refused.stderr);
    let line = line(&refused);
    let expected =
        format!("amoport import rows.csv -m rows.toml --batch 1 --account {} --token-file 'new token'", service.url());
    assert_eq!(line, expected);
    std::fs::write(room.join("new token"), service.token()).expect("a file");
    shell(&line, &room, &service).expect(0);
    assert_eq!(service.entities("leads"), 4);
}

/// The store as version 0.1 has left it: paths as they were given.
#[test]
fn a_run_that_knows_its_files_from_one_folder_alone_says_so_elsewhere_and_goes_on_there() {
    let (service, folder) = (Service::start(), Folder::new());
    let room = room(&folder, &service);
    service.faults(STOP);
    import(&room, &service, &["--account", service.url(), "--token-file", "token"]).expect(4);
    service.faults("{}");
    let store = rusqlite::Connection::open(room.join(".amoport/store.db")).expect("a store");
    let head: String = store.query_row("SELECT head FROM run", [], |row| row.get(0)).expect("a run");
    let mut head: Value = serde_json::from_str(&head).expect("JSON");
    let run = Path::new(head["folder"].as_str().expect("a folder")).file_name().expect("a name").to_owned();
    head["folder"] = Path::new("runs").join(run).display().to_string().into();
    for (part, key) in [("/source", "absolute"), ("/mapping", "absolute"), ("", "token_file"), ("", "config")] {
        head.pointer_mut(part).and_then(Value::as_object_mut).expect("an object").remove(key);
    }
    store.execute("UPDATE run SET head = ?", [head.to_string()]).expect("it is written");
    drop(store);
    let state = room.join(".amoport").display().to_string();
    let resume = ["resume", "--state", &state, "--token-file"];
    let token = room.join("token").display().to_string();
    let refused = amoport(folder.path(), &service, &[&resume[..], &[&token]].concat()).expect(2);
    assert!(refused.stderr.contains("rows.csv: the file is not in this folder"), "{}", refused.stderr);
    assert!(refused.stderr.contains("resume from the folder in which the run began"), "{}", refused.stderr);
    amoport(&room, &service, &["resume", "--token-file", "token"]).expect(0);
    assert_eq!(service.entities("leads"), 4);
}
