//! Bugs that a careful reader found, each as a test: ways in which a record was doubled, lost, or sent elsewhere.

use crate::program;

use program::{Folder, Service, ran};
use std::collections::BTreeMap;
use std::fmt::Write as _;

fn folder(mapping: &str, csv: &str) -> Folder {
    let folder = Folder::new();
    folder.write("rows.csv", csv);
    folder.write("rows.toml", format!("version = 1\n{mapping}"));
    folder
}

const IMPORT: [&str; 8] = ["import", "rows.csv", "-m", "rows.toml", "--settle", "1s", "--answer-timeout", "2s"];

fn import<'a>(more: &[&'a str]) -> Vec<&'a str> {
    IMPORT.iter().copied().chain(more.iter().copied()).collect()
}

/// Waits until the service has had so many requests to make leads.
fn wait_for(service: &Service, requests: u64) {
    for _ in 0..1_000 {
        if service.requests("POST leads") >= requests {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    panic!("no request in twenty seconds: {}", service.get("/_sandbox/stats"));
}

/// How often each name stands among an account's entities.
fn names(service: &Service, entity: &str) -> BTreeMap<String, u32> {
    let world = service.get(&format!("/_sandbox/entities/{entity}?fields=name"));
    let mut names = BTreeMap::new();
    for row in world["rows"].as_array().expect("rows") {
        *names.entry(row["name"].as_str().unwrap_or_default().to_owned()).or_insert(0) += 1;
    }
    names
}

#[test]
fn leads_of_one_name_are_told_apart_by_their_contacts_after_lost_answers() {
    let service = Service::start();
    service.faults(
        r#"{"script":[{"on":"POST leads/complex","nth":1,"times":1,"do":"504-before"},
                      {"on":"POST leads/complex","nth":2,"times":1,"do":"504","after_commit":true}]}"#,
    );
    let mut csv = String::from("name\n");
    (1..=20).for_each(|n| _ = writeln!(csv, "Клиент {n}"));
    let mapping =
        "kind = \"complex-lead\"\n[lead]\nname = { value = \"Заявка с сайта\" }\n[contact]\nname = \"name\"\n";
    let folder = folder(mapping, &csv);
    folder.run(&service, &import(&["--batch", "10"])).expect(0);
    let contacts = names(&service, "contacts");
    assert_eq!(contacts.len(), 20, "{contacts:?}");
    assert!(contacts.values().all(|count| *count == 1), "{contacts:?}");
}

#[test]
fn values_that_the_service_drops_silently_are_told() {
    let service = Service::start();
    service.faults(r#"{"script":[{"on":"POST leads","nth":1,"times":1,"do":"drop-values"}]}"#);
    let mapping = "kind = \"lead\"\n[lead]\nname = \"k\"\n[lead.fields]\n\"Город\" = \"c\"\n";
    let folder = folder(mapping, "k,c\nа,Москва\nб,Пермь\n");
    for (verify, told) in [("none", false), ("sample", true), ("all", true)] {
        let run = folder.run(&service, &import(&["--again", "--verify", verify])).expect(0);
        assert_eq!(run.stderr.contains("read back 2 records: 1 differ"), told, "{verify}: {}", run.stderr);
        assert_eq!(folder.of_run("problems.csv").contains("was sent, but is not in the account"), told);
        service.faults(r#"{"script":[{"on":"POST leads","nth":1,"times":1,"do":"drop-values"}]}"#);
    }
}

#[test]
fn unknown_records_are_sent_again_only_when_the_user_says_so() {
    let service = Service::start();
    let mapping = "kind = \"lead\"\n[lead]\nname = \"k\"\nprice = \"p\"\n";
    let folder = folder(mapping, "k,p\nа,5\n");
    // The answer is lost before anything is made, and somebody else makes a lead of that name: it may be ours.
    service.faults(r#"{"latency_ms":300,"script":[{"on":"POST leads","nth":1,"times":1,"do":"504-before"}]}"#);
    let child =
        folder.spawn(&service, &["import", "rows.csv", "-m", "rows.toml", "--settle", "3s", "--answer-timeout", "2s"]);
    wait_for(&service, 1);
    std::thread::sleep(std::time::Duration::from_millis(500));
    service.post("/api/v4/leads", r#"[{"name":"а"}]"#);
    let run = program::ran(child.wait_with_output().expect("the program ends")).expect(7);
    assert!(run.stderr.contains("it is not known whether the record reached the account"), "{}", run.stderr);
    folder.run(&service, &["resume"]).expect(2);
    // Nor does another mapping of the file send it.
    let import = ["import", "rows.csv", "-m", "other.toml"];
    folder.write("other.toml", format!("# ours\nversion = 1\n{mapping}"));
    let again = folder.run(&service, &import).expect(1);
    assert!(again.stderr.contains("it is not known whether it arrived"), "{}", again.stderr);
    assert_eq!(service.entities("leads"), 1);
    folder.run(&service, &["resume", "--resend-unknown"]).expect(0);
    assert_eq!(service.entities("leads"), 2);
}

#[cfg(unix)]
#[test]
fn a_second_signal_ends_at_once_and_loses_nothing() {
    let service = Service::start();
    service.faults(r#"{"latency_ms":800}"#);
    let mut csv = String::from("k\n");
    (1..=400).for_each(|n| _ = writeln!(csv, "Запись {n}"));
    let folder = folder("kind = \"lead\"\n[lead]\nname = \"k\"\n", &csv);
    let child = folder.spawn(&service, &import(&["--batch", "10"]));
    wait_for(&service, 3);
    let signal = || std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status().expect("kill");
    signal();
    std::thread::sleep(std::time::Duration::from_millis(100));
    let asked = std::time::Instant::now();
    signal();
    program::ran(child.wait_with_output().expect("the program ends")).expect(130);
    assert!(asked.elapsed() < std::time::Duration::from_millis(500), "{:?}", asked.elapsed());
    service.faults("{}");
    std::thread::sleep(std::time::Duration::from_millis(1_500));
    folder.run(&service, &["resume"]).expect(0);
    let names = names(&service, "leads");
    assert_eq!((names.len(), names.values().max()), (400, Some(&1)));
}

#[test]
fn a_marker_007_is_not_the_marker_7() {
    let service = Service::start();
    service.faults(
        r#"{"script":[{"on":"POST leads","nth":1,"times":1,"do":"504-before"},
                      {"on":"POST leads","nth":2,"times":1,"do":"504","after_commit":true}]}"#,
    );
    let mapping = "kind = \"lead\"\nkey = \"k\"\nmarker = \"Номер заявки\"\n[lead]\nname = { value = \"Заявка\" }\n";
    let folder = folder(mapping, "k\n007\n7\n");
    folder.run(&service, &import(&["--batch", "1"])).expect(0);
    let world = service.get("/_sandbox/entities/leads").to_string();
    assert!(world.contains("[\"007\"]") && world.contains("[\"7\"]"), "{world}");
    assert_eq!(service.entities("leads"), 2);
}

#[test]
fn keys_that_are_in_doubt_are_held_back_from_other_files() {
    let service = Service::start();
    service.faults(r#"{"script":[{"on":"POST leads","do":"504","after_commit":true},{"on":"GET leads","nth":2,"times":9,"do":"403"}]}"#);
    let mapping = "kind = \"lead\"\nkey = \"k\"\n[lead]\nname = \"k\"\n";
    let folder = folder(mapping, "k\nа\nб\n");
    // The account cannot be looked at, so the run stops with its records in doubt.
    folder.run(&service, &import(&[])).expect(4);
    service.faults("{}");
    service.post("/_sandbox/reset?keep=world", "");
    folder.write("next.csv", "k\nа\nб\nв\n");
    let next = folder.run(&service, &["import", "next.csv", "-m", "rows.toml", "--json"]).expect(1);
    assert_eq!((&next.json()["counts"]["created"], &next.json()["counts"]["rejected"]), (&1.into(), &2.into()));
    assert!(next.stderr.contains("was sent by run"), "{}", next.stderr);
    let runs = folder.run(&service, &["runs", "--json"]).json();
    let first = runs["runs"][1]["run"].as_str().expect("the first run").to_owned();
    folder.run(&service, &["resume", &first]).expect(0);
    assert_eq!(names(&service, "leads"), BTreeMap::from([("а".into(), 1), ("б".into(), 1), ("в".into(), 1)]));
}

#[test]
fn a_run_is_not_resumed_into_another_account() {
    let (one, other) = (Service::start(), Service::start());
    one.faults(r#"{"script":[{"on":"POST leads","nth":2,"do":"403"}]}"#);
    let folder = folder("kind = \"lead\"\n[lead]\nname = \"k\"\n", "k\nа\nб\nв\n");
    let account = |service: &Service| {
        folder.secret("token", service.token());
        folder.write("amoport.toml", format!("[accounts.main]\nurl = \"{}\"\ntoken-file = \"token\"\n", service.url()));
    };
    let run = |args: &[&str]| {
        let mut command = folder.command(&one, args);
        program::ran(command.env_remove("AMOPORT_TOKEN").output().expect("the program runs"))
    };
    account(&one);
    folder.allow(&one, one.url());
    let mut first = folder.command(&one, &["runs"]);
    first.env_remove("AMOPORT_TOKEN");
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_amoport"));
    command.current_dir(folder.path()).args(import(&["--batch", "1", "--account", "main"]));
    command.envs(first.get_envs().filter_map(|(k, v)| Some((k, v?))));
    program::ran(command.output().expect("the program runs")).expect(4);
    account(&other);
    folder.allow(&one, other.url());
    let refused = run(&["resume"]).expect(2);
    assert!(refused.stderr.contains("name the old account again"), "{}", refused.stderr);
    assert_eq!(other.entities("leads"), 0);
}

#[test]
fn two_changes_of_one_record_do_not_race() {
    let service = Service::start();
    service.post("/api/v4/leads", r#"[{"name":"А"},{"name":"Б"}]"#);
    let mapping = "kind = \"lead\"\naction = \"update\"\n[lead]\nid = \"id\"\nprice = \"price\"\n";
    let folder = folder(mapping, "id,price\n10000001,1\n10000003,5\n10000001,2\n");
    let run = folder.run(&service, &import(&["--json"])).expect(1);
    assert_eq!((&run.json()["counts"]["updated"], &run.json()["counts"]["rejected"]), (&2.into(), &1.into()));
    assert!(run.stderr.contains("row 2 already changes 10000001"), "{}", run.stderr);
}

#[test]
fn a_run_over_its_error_budget_goes_on_when_it_is_resumed() {
    let service = Service::start();
    let folder = folder("kind = \"lead\"\n[lead]\nname = \"k\"\nprice = \"p\"\n", "k,p\nа,1\nб,x\nв,y\nг,2\n");
    let stopped = folder.run(&service, &import(&["--max-errors", "1"])).expect(3);
    assert!(stopped.stderr.contains("to go on: amoport resume"), "{}", stopped.stderr);
    assert_eq!(service.entities("leads"), 0);
    folder.run(&service, &["resume"]).expect(1);
    assert_eq!(service.entities("leads"), 2);
}

#[test]
fn a_source_that_breaks_off_says_where_its_rest_begins() {
    let service = Service::start();
    let mut csv = String::from("k\n");
    (1..=300).for_each(|n| _ = writeln!(csv, "Запись {n}"));
    let whole = format!("{csv}Запись 301\n");
    csv.push_str("\"Запись 301\n");
    let folder = folder("kind = \"lead\"\n[lead]\nname = \"k\"\n", &csv);
    let broken = folder.run(&service, &import(&[])).expect(2);
    let rest =
        broken.stderr.lines().find_map(|line| line.split("--rows ").nth(1)).expect("where the rest begins").to_owned();
    folder.write("rows.csv", whole);
    folder.run(&service, &import(&["--rows", &rest])).expect(0);
    let names = names(&service, "leads");
    assert_eq!((names.len(), names.values().max()), (301, Some(&1)), "{rest}");
}

#[test]
fn a_proxy_never_hears_of_the_sandbox() {
    let service = Service::start();
    let folder = folder("kind = \"lead\"\n[lead]\nname = \"k\"\n", "k\nа\n");
    let mut command = folder.command(&service, &IMPORT);
    // Nothing listens there; whoever asks it gets nowhere.
    command
        .env("http_proxy", "http://127.0.0.1:9")
        .env("HTTP_PROXY", "http://127.0.0.1:9")
        .env("ALL_PROXY", "http://127.0.0.1:9");
    program::ran(command.output().expect("the program runs")).expect(0);
}

#[test]
fn words_that_mean_nothing_count_as_empty() {
    let service = Service::start();
    let mapping = "kind = \"lead\"\n[lead]\nname = \"k\"\nprice = { column = \"p\", values = { \"-\" = \"\" }, required = true }\n\
                   tags = { column = \"t\", split = \",\", default = \"импорт\" }\n";
    let folder = folder(mapping, "k;p;t\nа;-;x\nб;5;\" , \"\n");
    let run = folder.run(&service, &import(&[])).expect(1);
    assert!(run.stderr.contains("\"price\" needs a value"), "{}", run.stderr);
    let world = service.get("/_sandbox/entities/leads");
    assert_eq!(world["rows"][0]["tags"], serde_json::json!(["импорт"]), "{world}");
}

/// The key of a row stands outside of the rows that were asked for, too: mapped again without that bound, the row would be
/// rejected as the second of its key, its doubt forgotten, and the record sent once more.
#[cfg(unix)]
#[test]
fn a_doubt_is_mapped_again_within_the_rows_that_were_asked_for() {
    let service = Service::start();
    service.faults(r#"{"script":[{"on":"POST leads","nth":1,"times":1,"do":"504","after_commit":true}]}"#);
    let folder = Folder::new();
    folder.write("rows.csv", "n,name\n1,Раз\n2,Два\n1,Три\n2,Четыре\n");
    folder.write("rows.toml", "version = 1\nkind = \"lead\"\nkey = \"n\"\n[lead]\nname = \"name\"\n");
    let import = ["import", "rows.csv", "-m", "rows.toml", "--rows", "4-5", "--settle", "1s", "--answer-timeout", "2s"];
    let mut command = folder.command(&service, &import);
    let killed = ran(command.env("AMOPORT_CRASH", "doubt-after:1").output().unwrap());
    assert_eq!((killed.code, service.entities("leads")), (-1, 2));
    let resumed = folder.run(&service, &["resume", "--json"]).expect(0);
    assert_eq!(resumed.json()["counts"]["created"], 2);
    assert_eq!(service.entities("leads"), 2, "nothing was sent twice");
}

/// Lists that an earlier import made take no room a second time: the rows of theirs are not made again.
#[test]
fn what_was_made_before_takes_no_room() {
    let service = Service::start();
    let taken = service.entities("catalogs");
    let rows = |count: u64| (1..=count).fold(String::from("k\n"), |csv, n| format!("{csv}Список {n}\n"));
    // The list of suppliers is the service's own and takes none. As many as there is room for are made, but one.
    let room = 10 - (taken - 1);
    let folder = folder("kind = \"catalog\"\nkey = \"k\"\n[catalog]\nname = \"k\"\n", &rows(room - 1));
    folder.run(&service, &import(&[])).expect(0);
    folder.write("more.csv", rows(room + 1));
    let more = folder.run(&service, &["import", "more.csv", "-m", "rows.toml", "--json"]).expect(1);
    assert_eq!((&more.json()["counts"]["created"], &more.json()["counts"]["rejected"]), (&1.into(), &room.into()));
    let codes: Vec<String> = folder.results().iter().map(|line| line["code"].clone()).collect();
    assert_eq!(codes.iter().filter(|code| *code == "key-known").count() as u64, room - 1, "{codes:?}");
    assert_eq!(codes[room as usize - 1..], ["", "limit"], "{codes:?}");
}

/// The key is out of the ledger once its record is deleted, and the record is looked for all the same.
#[test]
fn what_was_deleted_by_its_key_is_read_back_too() {
    let service = Service::start();
    let folder = folder("kind = \"segment\"\nkey = \"k\"\n[segment]\nname = \"k\"\n", "k\nа\nб\n");
    folder.run(&service, &import(&[])).expect(0);
    folder.write("delete.toml", "version = 1\nkind = \"segment\"\naction = \"delete\"\nkey = \"k\"\n[segment]\n");
    let delete = ["import", "rows.csv", "-m", "delete.toml", "--yes", "--verify", "all", "-v"];
    let run = folder.run(&service, &delete).expect(0);
    assert!(run.stderr.contains("read back 2 records"), "{}", run.stderr);
}

/// Links go out hours after their records in a long run; by then somebody may have saved another file there.
#[test]
fn a_source_that_was_changed_meanwhile_changes_no_link() {
    let service = Service::start();
    let made = service.post("/api/v4/contacts", r#"[{"name":"Анна"},{"name":"Олег"}]"#);
    let contact = |n: usize| made["_embedded"]["contacts"][n]["id"].as_u64().expect("an id");
    let csv = |first: usize, second: usize| format!("k,c\nа,{}\nб,{}\n", contact(first), contact(second));
    let mapping = "kind = \"customer\"\n[customer]\nname = \"k\"\ncontacts = \"c\"\n";
    let folder = folder(mapping, &csv(0, 1));
    service.faults(r#"{"latency_ms":400}"#);
    let child = folder.spawn(&service, &import(&[]));
    for _ in 0..1_000 {
        if service.requests("POST customers") >= 1 {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    folder.write("rows.csv", csv(1, 0));
    let run = ran(child.wait_with_output().expect("the program ends")).expect(0);
    assert!(run.stderr.contains("2 links made"), "{}", run.stderr);
    service.faults("{}");
    let customers = service.get("/api/v4/customers?with=contacts");
    for customer in customers["_embedded"]["customers"].as_array().expect("customers") {
        let expected = if customer["name"] == "а" { contact(0) } else { contact(1) };
        assert_eq!(customer["_embedded"]["contacts"][0]["id"], expected, "{customer}");
    }
}

/// The customers of a doubt are found by their keys; made once more meanwhile, they are others, and have bought nothing.
#[cfg(unix)]
#[test]
fn a_doubt_is_not_looked_for_at_another_customer() {
    let service = Service::start();
    let folder = Folder::new();
    folder.write("customers.csv", "k,name\n1,Анна\n2,Другая\n");
    folder.write("customers.toml", "version = 1\nkind = \"customer\"\nkey = \"k\"\n[customer]\nname = \"name\"\n");
    folder.run(&service, &["import", "customers.csv", "-m", "customers.toml"]).expect(0);
    folder.write("rows.csv", "k,sum\n1,500\n");
    folder.write(
        "rows.toml",
        "version = 1\nkind = \"transaction\"\n[transaction]\ncustomer = { column = \"k\", by = \"key\" }\nprice = \"sum\"\n",
    );
    service.faults(
        r#"{"script":[{"on":"POST customers/*/transactions","nth":1,"times":1,"do":"504","after_commit":true}]}"#,
    );
    let killed = ran(folder.command(&service, &IMPORT).env("AMOPORT_CRASH", "doubt-after:1").output().unwrap());
    assert_eq!((killed.code, service.entities("transactions")), (-1, 1));
    // By now the key means somebody else.
    let store = rusqlite::Connection::open(folder.path().join(".amoport/store.db")).unwrap();
    let moved = "UPDATE ledger SET id = (SELECT id FROM ledger WHERE key = '2') WHERE key = '1'";
    assert_eq!(store.execute(moved, []).unwrap(), 1);
    drop(store);
    folder.run(&service, &["resume", &run_of(&folder, "rows")]).expect(0);
    assert_eq!(service.entities("transactions"), 1, "nothing was sent twice");
}

/// The run of a mapping.
fn run_of(folder: &Folder, mapping: &str) -> String {
    let runs = std::fs::read_dir(folder.path().join("runs")).expect("runs").flatten();
    let names = runs.map(|run| run.file_name().to_string_lossy().into_owned());
    names.into_iter().find(|name| name.ends_with(&format!("-{mapping}"))).expect("the run")
}
