//! Tokens that end in mid-run: the real program against the sandbox's OAuth, in which a refresh kills the old pair.
//! Nobody is logged out, nothing is lost, and no secret is seen.

use crate::program;

use program::{Folder, Ran, Service, http, ran};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const MAPPING: &str = r#"
version = 1
kind = "lead"
key = "n"
[lead]
name = "name"
"#;

fn leads(count: u32) -> String {
    let mut csv = String::from("n,name\n");
    for n in 1..=count {
        let _ = writeln!(csv, "{n},Сделка {n}");
    }
    csv
}

/// What an integration would know, with a fresh code.
fn oauth(service: &Service) -> Value {
    service.get("/_sandbox/oauth")
}

/// The sandbox counts by token, unless told to count all that come from here together.
fn count_all_tokens(service: &Service) {
    service.post("/_sandbox/switches", r#"{"rate_key":"address"}"#);
}

/// Exchanges a code beside the program, which kills the pair that was there.
fn pair(service: &Service, code: &Value) -> Value {
    let mut grant = code.clone();
    grant["grant_type"] = json!("authorization_code");
    let (status, pair) = http(service.url(), "POST", "/oauth2/access_token", "", &grant.to_string());
    assert_eq!(status, 200);
    pair
}

fn source(count: u32) -> Folder {
    let folder = Folder::new();
    folder.write("leads.csv", leads(count));
    folder.write("leads.toml", MAPPING);
    folder
}

/// An account "main" that logs in by OAuth, in a config in `folder`.
fn account(service: &Service, known: &Value, folder: &Path, file: &str) {
    std::fs::create_dir_all(folder).expect("a folder");
    std::fs::write(folder.join("secret"), known["client_secret"].as_str().unwrap()).expect("a secret");
    program::private(&folder.join("secret"));
    let (url, id, redirect) = (service.url(), &known["client_id"], &known["redirect_uri"]);
    let config = format!(
        "[accounts.main]\nurl = \"{url}\"\nclient-id = {id}\nclient-secret-file = \"secret\"\n\
         redirect-uri = {redirect}\ntoken-store = \"tokens.json\"\n"
    );
    std::fs::write(folder.join(file), config).expect("a config");
}

/// A project with an account of its own.
fn project(service: &Service, known: &Value, count: u32) -> Folder {
    let folder = source(count);
    account(service, known, folder.path(), "amoport.toml");
    folder.allow(service, service.url());
    folder
}

fn command(folder: &Folder, service: &Service, args: &[&str]) -> Command {
    let mut command = folder.command(service, &[]);
    command.args(args).env_remove("AMOPORT_TOKEN");
    command
}

fn run(folder: &Folder, service: &Service, args: &[&str]) -> Ran {
    ran(command(folder, service, args).output().expect("the program runs"))
}

const IMPORT: [&str; 9] = ["import", "leads.csv", "-m", "leads.toml", "--account", "main", "--batch", "10", "--json"];

fn import(folder: &Folder, service: &Service) -> Child {
    command(folder, service, &IMPORT).spawn().expect("the program runs")
}

fn log_in(folder: &Folder, service: &Service, known: &Value) {
    let mut child = command(folder, service, &["auth", "login", "--account", "main", "--code-file", "-"])
        .stdin(Stdio::piped())
        .spawn()
        .expect("the program runs");
    child.stdin.take().unwrap().write_all(known["code"].as_str().unwrap().as_bytes()).unwrap();
    let end = ran(child.wait_with_output().unwrap()).expect(0);
    assert!(end.stderr.contains("logged in"), "{}", end.stderr);
}

fn stored(folder: &Folder) -> Value {
    serde_json::from_slice(&std::fs::read(folder.path().join("tokens.json")).expect("a store")).expect("JSON")
}

fn wait_for_leads(service: &Service, count: u64) {
    let until = Instant::now() + Duration::from_secs(20);
    while service.entities("leads") < count {
        assert!(Instant::now() < until, "the import does not come on");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn refreshes(service: &Service) -> u64 {
    service.requests("POST oauth2/access_token")
}

#[test]
fn a_run_survives_the_end_of_its_token_and_shows_no_secret() {
    let service = Service::start();
    let known = oauth(&service);
    count_all_tokens(&service);
    let folder = project(&service, &known, 250);
    log_in(&folder, &service, &known);
    let first = stored(&folder);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(folder.path().join("tokens.json")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    service.faults(r#"{"latency_ms":300}"#);
    let child = import(&folder, &service);
    let argv = std::fs::read_to_string(format!("/proc/{}/cmdline", child.id())).unwrap_or_default();
    wait_for_leads(&service, 100);
    service.post("/_sandbox/expire", "");
    let end = ran(child.wait_with_output().unwrap()).expect(0);
    assert_eq!(end.json()["counts"]["created"], 250);
    assert_eq!(service.entities("leads"), 250);
    assert_eq!(refreshes(&service), 2, "the code's exchange, and one refresh for all that was under way");
    // Requests that are sent apart may arrive together on a busy machine; a refresh that breaks the pace sends all at once.
    assert!(service.get("/_sandbox/stats")["worst_sliding_second"].as_u64().unwrap() <= 8);
    let second = stored(&folder);
    assert_ne!(first["access_token"], second["access_token"]);
    assert!(second["expires_at"].as_i64().unwrap() > 1_700_000_000);
    let status = run(&folder, &service, &["auth", "status", "--account", "main", "--json"]).expect(0);
    assert!(status.json()["token_until"].is_string());

    let seen = [argv, end.stdout, end.stderr, status.stdout, folder.of_run("log.jsonl"), folder.of_run("run.json")];
    for pair in [&first, &second] {
        for secret in [&pair["access_token"], &pair["refresh_token"], &known["client_secret"], &known["code"]] {
            let secret = secret.as_str().unwrap();
            assert!(seen.iter().all(|text| !text.contains(secret)), "a secret is seen");
        }
    }
}

#[test]
fn two_processes_on_one_store_do_not_log_each_other_out() {
    let service = Service::start();
    let known = oauth(&service);
    // In the user's own config, so both projects know it.
    account(&service, &known, &service.config_home().join("amoport"), "config.toml");
    let (one, two) = (source(150), source(150));
    log_in(&one, &service, &known);
    service.faults(r#"{"latency_ms":300}"#);
    let (first, second) = (import(&one, &service), import(&two, &service));
    for leads in [60, 160] {
        wait_for_leads(&service, leads);
        service.post("/_sandbox/expire", "");
    }
    for child in [first, second] {
        let end = ran(child.wait_with_output().unwrap()).expect(0);
        assert_eq!(end.json()["counts"]["created"], 150);
    }
    assert_eq!(service.entities("leads"), 300);
    assert_eq!(refreshes(&service), 3, "the code's exchange, and one refresh for each end, whoever made it");
    run(&one, &service, &["auth", "status", "--account", "main"]).expect(0);
}

#[test]
fn a_crash_between_refresh_and_use_loses_nothing() {
    let service = Service::start();
    let known = oauth(&service);
    let folder = project(&service, &known, 20);
    log_in(&folder, &service, &known);
    let before = stored(&folder);
    service.post("/_sandbox/expire", "");
    // The first request meets the 401; its repeat with the new token is held back, and there the process is killed.
    service.faults(r#"{"script":[{"on":"GET account","nth":2,"do":"slow","latency_ms":20000}]}"#);
    let mut child = import(&folder, &service);
    let until = Instant::now() + Duration::from_secs(10);
    while service.requests("GET account") < 2 {
        assert!(Instant::now() < until, "the repeat does not come");
        std::thread::sleep(Duration::from_millis(10));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    service.faults("{}");
    assert_ne!(before["refresh_token"], stored(&folder)["refresh_token"]);
    run(&folder, &service, &IMPORT).expect(0);
    assert_eq!(refreshes(&service), 2, "the pair on the disk was the new one");
    assert_eq!(service.entities("leads"), 20);
}

#[test]
fn a_pair_that_was_revoked_stops_the_run_which_goes_on_after_a_login() {
    let service = Service::start();
    let known = oauth(&service);
    let folder = project(&service, &known, 250);
    log_in(&folder, &service, &known);
    service.faults(r#"{"latency_ms":300}"#);
    let child = import(&folder, &service);
    wait_for_leads(&service, 100);
    // Somebody else logs in by the same integration: the pair of this store is dead.
    pair(&service, &oauth(&service));
    let end = ran(child.wait_with_output().unwrap()).expect(4);
    assert!(end.stderr.contains("amoport auth login"), "{}", end.stderr);
    assert!(end.stderr.contains("Token has been revoked") || end.stderr.contains("refused"), "{}", end.stderr);
    assert_eq!(refreshes(&service), 3, "a refusal is found out once, not for every request under way");
    log_in(&folder, &service, &service.get("/_sandbox/oauth"));
    let resumed = run(&folder, &service, &["resume", "--json"]).expect(0);
    assert_eq!(resumed.json()["counts"]["created"], 250);
    assert_eq!(service.entities("leads"), 250);
}

#[test]
fn a_token_file_that_was_changed_in_mid_run_is_read_again_once() {
    let service = Service::start();
    let known = oauth(&service);
    let access = |code: &Value| pair(&service, code)["access_token"].as_str().unwrap().to_owned();
    let folder = Folder::new();
    folder.write("leads.csv", leads(250));
    folder.write("leads.toml", MAPPING);
    let file = folder.secret("token", access(&known));
    service.faults(r#"{"latency_ms":300}"#);
    let args = ["import", "leads.csv", "-m", "leads.toml", "--batch", "10", "--account", service.url(), "--json"];
    let start = |more: &[&str]| {
        let mut command = command(&folder, &service, &args);
        command.args(["--token-file", "token"]).args(more).spawn().expect("the program runs")
    };
    let child = start(&[]);
    wait_for_leads(&service, 100);
    let next = access(&oauth(&service));
    std::fs::write(&file, next).unwrap();
    let end = ran(child.wait_with_output().unwrap());
    // Between the new pair and the new file a request may have met the old one: then the run stops, and says so.
    if end.code == 4 {
        run(&folder, &service, &["resume", "--token-file", "token"]).expect(0);
    } else {
        end.expect(0);
    }
    assert_eq!(service.entities("leads"), 250);
    service.post("/_sandbox/expire", "");
    let refused = ran(start(&["--again"]).wait_with_output().unwrap()).expect(4);
    assert!(refused.stderr.contains("does not accept the token"), "{}", refused.stderr);
}

#[test]
fn logging_in_needs_an_integration_a_secret_and_a_good_code() {
    let service = Service::start();
    let known = oauth(&service);
    let folder = project(&service, &known, 1);
    folder.secret("code", "nonsense");
    let login = ["auth", "login", "--account", "main", "--code-file", "code"];
    let refused = run(&folder, &service, &login).expect(4);
    assert!(refused.stderr.contains("new tokens were refused"), "{}", refused.stderr);
    assert!(!folder.path().join("tokens.json").exists());
    let none = run(&folder, &service, &IMPORT).expect(2);
    assert!(none.stderr.contains("log in: amoport auth login --account main"), "{}", none.stderr);
    folder.secret("code", known["code"].as_str().unwrap());
    std::fs::remove_file(folder.path().join("secret")).unwrap();
    run(&folder, &service, &login).expect(2);
    let secret = known["client_secret"].as_str().unwrap();
    let end = ran(command(&folder, &service, &login).env("AMOPORT_CLIENT_SECRET", secret).output().unwrap()).expect(0);
    assert!(end.stderr.contains("tokens.json"), "{}", end.stderr);
    folder.write("amoport.toml", format!("[accounts.main]\nurl = \"{}\"\n", service.url()));
    let plain = run(&folder, &service, &login).expect(2);
    assert!(plain.stderr.contains("has no integration"), "{}", plain.stderr);
}
