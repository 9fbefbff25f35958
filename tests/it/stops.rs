//! What stops a run from outside, and what each stop says: another run of the same source, a full disk, a folder that
//! cannot be written, a store of another version, the wrong source.

use crate::program;

use program::{Folder, Service, ran};
use std::fmt::Write as _;
use std::time::Duration;

const MAPPING: &str = "version = 1\nkind = \"lead\"\nkey = \"n\"\n[lead]\nname = \"name\"\nprice = \"n\"\n";
const IMPORT: [&str; 10] =
    ["import", "leads.csv", "-m", "leads.toml", "--batch", "20", "--settle", "1s", "--answer-timeout", "2s"];

fn folder(count: u32) -> Folder {
    let folder = Folder::new();
    let mut csv = String::from("n,name\n");
    for n in 1..=count {
        let _ = writeln!(csv, "{n},Сделка {n}");
    }
    folder.write("leads.csv", csv);
    folder.write("leads.toml", MAPPING);
    folder
}

#[test]
fn a_source_that_is_being_imported_is_busy() {
    let service = Service::start();
    service.faults(r#"{"latency_ms":300}"#);
    let folder = folder(1_000);
    let first = folder.spawn(&service, &IMPORT);
    std::thread::sleep(Duration::from_millis(2_000));
    let second = folder.run(&service, &IMPORT).expect(75);
    assert!(second.stderr.contains("is being imported into this account right now"), "{}", second.stderr);
    folder.run(&service, &["resume"]).expect(75);
    ran(first.wait_with_output().unwrap()).expect(0);
    assert_eq!(service.entities("leads"), 1_000);
}

/// A limit on the size of files stands in for a full disk: both end in a write that fails.
#[cfg(unix)]
#[test]
fn a_full_disk_stops_the_run_and_with_room_again_it_goes_on() {
    let service = Service::start();
    let folder = folder(2_000);
    let program = env!("CARGO_BIN_EXE_amoport");
    let command =
        format!("trap '' XFSZ; ulimit -f 400; exec {program} {} --account {}", IMPORT.join(" "), service.url());
    let run = std::process::Command::new("sh")
        .args(["-c", &command])
        .current_dir(folder.path())
        .env("AMOPORT_TOKEN", service.token())
        .env("AMOPORT_RATE_DIR", service.rate_dir())
        .env("XDG_CONFIG_HOME", service.config_home())
        .output()
        .unwrap();
    let run = ran(run).expect(5);
    assert!(run.stderr.contains("is the disk full"), "{}", run.stderr);
    assert!(service.entities("leads") < 2_000, "the disk was full before the end");
    let resumed = folder.run(&service, &["resume", "--json"]).expect(0);
    assert_eq!(resumed.json()["counts"]["created"], 2_000);
    assert_eq!(service.entities("leads"), 2_000);
}

#[test]
fn a_state_folder_that_cannot_be_used_is_told_before_anything_is_sent() {
    let service = Service::start();
    let folder = folder(5);
    // A file where the folder should be: also root cannot write into that.
    folder.write("taken", "");
    let run = folder.run(&service, &[&IMPORT[..], &["--state", "taken/state"]].concat()).expect(2);
    assert!(run.stderr.contains("cannot be created") && run.stderr.contains("--state"), "{}", run.stderr);
    assert_eq!(service.requests("POST leads"), 0);
}

#[test]
fn a_store_of_a_newer_version_is_left_alone() {
    let service = Service::start();
    let folder = folder(5);
    folder.run(&service, &IMPORT).expect(0);
    let store = rusqlite::Connection::open(folder.path().join(".amoport/store.db")).unwrap();
    store.pragma_update(None, "user_version", 99).unwrap();
    drop(store);
    let run = folder.run(&service, &["import", "leads.csv", "-m", "leads.toml", "--again"]).expect(2);
    assert!(run.stderr.contains("has format 99, but this amoport supports"), "{}", run.stderr);
    assert_eq!(service.entities("leads"), 5);
}

#[test]
fn another_source_under_the_same_name_is_not_resumed() {
    let service = Service::start();
    service.faults(r#"{"script":[{"on":"POST leads","nth":2,"do":"403"}]}"#);
    let one = folder(100);
    one.run(&service, &IMPORT).expect(4);
    service.faults("{}");
    one.write("leads.csv", "n,name\n1,Совсем другая\n");
    let refused = one.run(&service, &["resume"]).expect(2);
    assert!(refused.stderr.contains("the source has changed since the run began"), "{}", refused.stderr);
    assert!(refused.stderr.contains("none of the run's rows"), "{}", refused.stderr);
    let by_name = one.run(&service, &["resume", "no-such-run"]).expect(2);
    assert!(by_name.stderr.contains("there is no run \"no-such-run\""), "{}", by_name.stderr);
    assert!(service.entities("leads") < 100, "nothing of the other source was sent");
}

/// A pipe may never be filled: in the place of a mapping or a snapshot it is refused, as a source it is read with a word.
#[test]
fn what_is_no_file_is_refused_or_said_to_be_waited_for() {
    let (service, folder) = (Service::start(), Folder::new());
    folder.write("leads.csv", "name\nA\n");
    folder.write("leads.toml", "version = 1\nkind = \"lead\"\n[lead]\nname = \"name\"\n");
    for pipe in ["pipe.csv", "pipe.toml", "pipe.json"] {
        let made = std::process::Command::new("mkfifo").arg(folder.path().join(pipe)).status();
        assert!(made.expect("mkfifo runs").success());
    }
    let refused = folder.run(&service, &["import", "leads.csv", "-m", "pipe.toml"]).expect(2);
    assert!(refused.stderr.contains("it is a pipe or a device, not a file"), "{}", refused.stderr);
    let mut check = std::process::Command::new(env!("CARGO_BIN_EXE_amoport"));
    check.args(["check", "leads.csv", "-m", "leads.toml", "--account-file", "pipe.json"]).current_dir(folder.path());
    let refused = program::ran(check.output().expect("the program runs")).expect(2);
    assert!(refused.stderr.contains("it is a pipe or a device, not a file"), "{}", refused.stderr);
    let pipe = folder.path().join("pipe.csv");
    for verb in [&["import", "pipe.csv", "-m", "leads.toml"][..], &["peek", "pipe.csv"]] {
        let pipe = pipe.clone();
        let filling = std::thread::spawn(move || std::fs::write(pipe, "name\nA\n"));
        let read = folder.run(&service, verb).expect(0);
        filling.join().expect("no panic").expect("it is written");
        assert!(read.stderr.contains("pipe.csv is not a regular file: it is read until it ends"), "{}", read.stderr);
    }
    assert_eq!(service.all("leads").len(), 1);
}
