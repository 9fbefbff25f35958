//! A sandbox made like a real account: what it takes over, what stays its own, and that a rehearsal in it leaves all that is
//! known of the real account as it was.

use crate::program;

use program::{Folder, Ran, Service, http, ran};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

const ROWS: &str = "n,name,price,stage\n1,Один,10,Замер\n2,Два,20,Договор\n3,Три,30,Замер\n";
const MAPPING: &str = r#"version = 1
kind = "lead"
action = "create"
key = "n"
[lead]
name = "name"
price = "price"
pipeline = { value = "Монтаж" }
status = "stage"
[lead.fields]
"Этаж" = "n"
"#;

/// A pipeline, a field with options, a list, a product and a segment that no other account has.
fn furnish(service: &Service) {
    let pipeline = json!([{"name": "Монтаж", "sort": 30, "is_main": false, "is_unsorted_on": true, "_embedded": {"statuses": [
        {"name": "Замер", "sort": 20, "color": "#fffeb2"}, {"name": "Договор", "sort": 30, "color": "#fffeb2"}]}}]);
    service.post("/api/v4/leads/pipelines", &pipeline.to_string());
    let fields = json!([
        {"name": "Этаж", "type": "numeric"},
        {"name": "Дом", "type": "select", "enums": [{"value": "Кирпич", "sort": 1}, {"value": "Панель", "sort": 2}]}
    ]);
    service.post("/api/v4/leads/custom_fields", &fields.to_string());
    service.post("/api/v4/catalogs", r#"[{"name": "Окна", "type": "regular", "can_add_elements": true}]"#);
    service.post("/api/v4/customers/segments", r#"{"name": "Дачники"}"#);
    service.post("/api/v4/catalogs/1001/elements", r#"[{"name": "Ставень"}]"#);
}

/// The snapshot of an account, saved as `account.json`; changed where the sandbox's own API changes nothing.
fn snapshot(folder: &Folder, service: &Service) -> Value {
    folder.run(service, &["account", "pull"]).expect(0);
    let kept = std::fs::read_dir(folder.path().join(".amoport/accounts")).expect("kept lists").flatten().next();
    let mut snapshot = read(&kept.expect("a kept list").path());
    for (key, value) in [
        ("id", json!(12_345_678)),
        ("name", json!("Окна и двери")),
        ("subdomain", json!("oknadveri")),
        ("currency", json!("KZT")),
        ("country", json!("KZ")),
        ("timezone", json!("Asia/Almaty")),
    ] {
        snapshot["basics"][key] = value;
    }
    folder.write("account.json", snapshot.to_string());
    snapshot
}

fn read(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).expect("a file")).expect("JSON")
}

/// Without an account of its own.
fn amoport(folder: &Folder, service: &Service, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_amoport"));
    command.current_dir(folder.path()).args(args).env("AMOPORT_RATE_DIR", service.rate_dir());
    command.env("XDG_CONFIG_HOME", service.config_home());
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn run(folder: &Folder, service: &Service, args: &[&str]) -> Ran {
    ran(amoport(folder, service, args).output().expect("the program runs"))
}

/// A sandbox served by the program until it is dropped.
struct Served {
    child: Child,
    url: String,
    token: String,
}

impl Served {
    fn start(folder: &Folder, service: &Service, more: &[&str]) -> Served {
        let args = [&["sandbox", "--port", "0", "--json"], more].concat();
        let mut child = amoport(folder, service, &args).spawn().expect("the program runs");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("its output")).read_line(&mut line).expect("a line");
        let said: Value = serde_json::from_str(&line).unwrap_or_else(|e| panic!("{e} in {line:?}"));
        let text = |key: &str| said[key].as_str().expect("a text").to_owned();
        Served { child, url: text("url"), token: text("token") }
    }

    fn get(&self, path: &str) -> Value {
        http(&self.url, "GET", &format!("/api/v4/{path}"), &self.token, "").1
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_world_is_made_like_a_snapshot_and_under_an_id_of_its_own() {
    let (service, folder) = (Service::start(), Folder::new());
    furnish(&service);
    let wanted = snapshot(&folder, &service);
    let mut ids = Vec::new();
    // Made, opened again, and begun anew.
    for more in [&["--like", "account.json"][..], &[], &["--like", "account.json"]] {
        let served = Served::start(&folder, &service, more);
        if ids.len() == 2 {
            http(&served.url, "POST", "/_sandbox/reset", &served.token, "");
        }
        let account = served.get("account");
        assert_eq!((&account["subdomain"], &account["currency"]), (&json!("oknadveri"), &json!("KZT")));
        ids.push(account["id"].clone());
        // A pull takes seconds, at seven requests in each.
        if ids.len() == 2 {
            continue;
        }
        let args = ["account", "pull", "-o", "again.json", "--force", "--account", &served.url];
        let pulled =
            ran(amoport(&folder, &service, &args).env("AMOPORT_TOKEN", &served.token).output().expect("a run"));
        pulled.expect(0);
        let mut again = read(&folder.path().join("again.json"));
        assert_ne!(again["basics"]["id"], wanted["basics"]["id"], "the id is never the snapshot's");
        for place in ["/basics/id", "/base", "/pulled_at"] {
            *again.pointer_mut(place).expect("it is there") = wanted.pointer(place).expect("it is there").clone();
        }
        assert_eq!(again, wanted);
    }
    // Begun anew it is another account, for its records get the same ids again.
    assert!(ids[0] == ids[1] && ids[1] != ids[2], "{ids:?}");
    // What is made in it has ids that nothing of the snapshot has.
    let served = Served::start(&folder, &service, &[]);
    let pipelines = served.get("leads/pipelines");
    let known: Vec<&Value> = wanted["pipelines"].as_array().expect("pipelines").iter().map(|p| &p["id"]).collect();
    let new = json!([{"name": "Ещё одна", "sort": 40, "is_main": false, "is_unsorted_on": true, "_embedded": {"statuses": [
        {"name": "Первый", "sort": 20, "color": "#fffeb2"}]}}]);
    let made = http(&served.url, "POST", "/api/v4/leads/pipelines", &served.token, &new.to_string()).1;
    assert!(!known.contains(&&made["_embedded"]["pipelines"][0]["id"]), "{made} {pipelines}");
}

#[test]
fn an_unusable_snapshot_ends_with_exit_code_2() {
    let (service, folder) = (Service::start(), Folder::new());
    let mut good = snapshot(&folder, &service);
    folder.write("rows.csv", ROWS);
    folder.write("rows.toml", MAPPING);
    folder.write("broken.json", "{");
    good["schema"] = json!(99);
    folder.write("newer.json", good.to_string());
    good["schema"] = json!(1);
    good["pipelines"] = json!([]);
    folder.write("bare.json", good.to_string());
    for (file, why) in [
        ("missing.json", "the snapshot cannot be read"),
        ("broken.json", "this is not a valid snapshot of an account"),
        ("newer.json", "the snapshot has format 99"),
        ("bare.json", "the snapshot holds no pipelines"),
    ] {
        for args in [
            vec!["sandbox", "--port", "0", "--like", file],
            vec!["import", "rows.csv", "-m", "rows.toml", "--sandbox", "--like", file],
        ] {
            let told = run(&folder, &service, &args).expect(2).stderr;
            assert!(told.contains(file) && told.contains(why), "{args:?}: {told}");
        }
    }
    assert!(!folder.path().join(".amoport/sandbox/world.jsonl").exists(), "no world was begun");
    let told = run(&folder, &service, &["import", "rows.csv", "-m", "rows.toml", "--like", "account.json"]).expect(2);
    assert!(told.stderr.contains("--sandbox"), "{}", told.stderr);
}

#[test]
fn a_world_that_is_there_is_not_made_like_another_account() {
    let (service, folder) = (Service::start(), Folder::new());
    snapshot(&folder, &service);
    folder.write("rows.csv", "name\nОдин\n");
    folder.write("rows.toml", "version = 1\nkind = \"lead\"\naction = \"create\"\n[lead]\nname = \"name\"\n");
    let import = ["import", "rows.csv", "-m", "rows.toml", "--sandbox"];
    run(&folder, &service, &import).expect(0);
    let like = [&import[..], &["--like", "account.json"]].concat();
    let told = run(&folder, &service, &like).expect(2).stderr;
    assert!(told.contains("this world was begun otherwise than --like says"), "{told}");
    let _served = Served::start(&folder, &service, &[]);
    let told = run(&folder, &service, &like).expect(2).stderr;
    assert!(told.contains("a sandbox is already running from this state folder"), "{told}");
}

/// All rows of all tables of a SQLite file, as text.
fn rows(file: &Path) -> BTreeMap<String, Vec<String>> {
    let db = rusqlite::Connection::open(file).expect("a SQLite file");
    let names = "SELECT name FROM sqlite_master WHERE type = 'table'";
    let tables: Vec<String> =
        db.prepare(names).expect("SQL").query_map([], |row| row.get(0)).expect("rows").map(Result::unwrap).collect();
    let of = |table: &String| {
        let mut all = db.prepare(&format!("SELECT * FROM \"{table}\"")).expect("SQL");
        let columns = all.column_count();
        let text = |row: &rusqlite::Row<'_>| (0..columns).map(|n| row.get_ref(n).map(|v| format!("{v:?}"))).collect();
        let rows =
            all.query_map([], text).expect("rows").map(|row: Result<Vec<String>, _>| row.expect("a row").join("|"));
        rows.collect()
    };
    tables.iter().map(|table| (table.clone(), of(table))).collect()
}

/// Every file below a folder with its bytes, but for the databases and the sandbox's world.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
        if path.is_dir() && name != "sandbox" {
            found.extend(files(&path));
        } else if path.is_file() && !name.contains(".db") {
            found.insert(path.display().to_string(), std::fs::read(&path).expect("a file"));
        }
    }
    found
}

#[test]
fn a_rehearsal_leaves_all_that_is_known_of_the_real_account_as_it_was() {
    let (service, folder) = (Service::start(), Folder::new());
    furnish(&service);
    folder.write("rows.csv", ROWS);
    folder.write("rows.toml", MAPPING);
    folder.run(&service, &["import", "rows.csv", "-m", "rows.toml"]).expect(0);
    folder.run(&service, &["export", "lead", "--to", "leads.xlsx", "--since", "2020-01-01"]).expect(0);
    snapshot(&folder, &service);
    let store = folder.path().join(".amoport/store.db");
    // Beside them stands the newest send of the store, whatever account it went to.
    let paces = || {
        let files = std::fs::read_dir(service.rate_dir()).expect("the folder of the pace").flatten().map(|f| f.path());
        let paces = files.filter(|path| path.extension().is_some_and(|e| e == "db") && !path.ends_with("sends.db"));
        paces.map(|path| (path.display().to_string(), rows(&path))).collect::<BTreeMap<_, _>>()
    };
    let (rows_before, files_before, paces_before) = (rows(&store), files(folder.path()), paces());
    assert!(!paces_before.is_empty());
    let leads_before = service.all("leads");
    assert!(rows_before["ledger"].iter().any(|row| row.contains("10000001")), "{:?}", rows_before["ledger"]);

    let import = ["import", "rows.csv", "-m", "rows.toml", "--sandbox", "--like", "account.json"];
    let told = run(&folder, &service, &import).expect(0).stderr;
    assert!(told.contains("created 3 of 3"), "{told}");
    let told = run(&folder, &service, &import).expect(2).stderr;
    assert!(told.contains("imported before"), "the rehearsal has a guard of its own: {told}");

    let (rows_after, files_after) = (rows(&store), files(folder.path()));
    for (table, before) in &rows_before {
        let after = &rows_after[table];
        let lost: Vec<&String> = before.iter().filter(|row| !after.contains(row)).collect();
        assert!(lost.is_empty(), "{table}: {lost:#?}\nis gone or changed");
    }
    for (file, bytes) in &files_before {
        assert!(files_after.get(file) == Some(bytes), "{file} has changed");
    }
    let paces_after = paces();
    for (file, before) in &paces_before {
        assert_eq!(&paces_after[file], before, "{file}");
    }
    assert_eq!(service.all("leads"), leads_before);
    // And the file is as known to the real account as it was.
    let told = folder.run(&service, &["import", "rows.csv", "-m", "rows.toml"]).expect(2).stderr;
    assert!(told.contains("imported before"), "{told}");
}
