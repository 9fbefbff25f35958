//! An exported workbook goes back: what was edited is sent, and nothing else.

mod program;
mod workbook;

use program::{Folder, Ran, Service};
use serde_json::{Value, json};
use std::path::Path;
use workbook::{Book, Cell};

const PRODUCTS: u64 = 1001;
const FILE: &str = "goods.xlsx";
const EXPORT: [&str; 6] = ["export", "element", "--catalog", "1001", "--to", FILE];
const IMPORT: [&str; 4] = ["import", FILE, "--json", "--verify=none"];

/// How many products: 2000, or as many as the environment asks for.
fn many() -> usize {
    std::env::var("AMOPORT_ROUND_TRIP").ok().and_then(|n| n.parse().ok()).unwrap_or(2_000)
}

/// A sandbox with products, and an export of them.
fn exported(count: usize) -> (Service, Folder) {
    let service = Service::start();
    service.post("/_sandbox/switches", r#"{"rate_max": 1000000}"#);
    let price = price_field(&service);
    for from in (0..count).step_by(250) {
        let elements: Vec<Value> = (from..count.min(from + 250))
            .map(|n| {
                let values = json!([{"field_id": price, "values": [{"value": n + 100}]}]);
                json!({"name": format!("Товар {n}"), "custom_fields_values": values})
            })
            .collect();
        service.post(&format!("/api/v4/catalogs/{PRODUCTS}/elements"), &json!(elements).to_string());
    }
    let folder = Folder::new();
    folder.run(&service, &EXPORT).expect(0);
    (service, folder)
}

fn price_field(service: &Service) -> u64 {
    let fields = service.get(&format!("/api/v4/catalogs/{PRODUCTS}/custom_fields?limit=250"));
    let fields = fields["_embedded"]["custom_fields"].as_array().expect("fields").clone();
    let price = fields.into_iter().find(|field| field["code"] == "PRICE").expect("a price");
    price["id"].as_u64().expect("an id")
}

fn book(folder: &Folder) -> Book {
    Book::read(&folder.path().join(FILE))
}

/// Requests that change something, with the records of each.
fn writes(service: &Service) -> Vec<(String, u64)> {
    let requests = service.get("/_sandbox/requests");
    let writes = requests.as_array().expect("requests").iter().filter(|request| {
        matches!(request["method"].as_str(), Some("POST" | "PATCH" | "DELETE"))
            && request["path"].as_str().is_some_and(|path| path.starts_with("/api/"))
    });
    let told = |request: &Value| {
        let (method, path) = (request["method"].as_str().unwrap_or(""), request["path"].as_str().unwrap_or(""));
        (format!("{method} {path}"), request["items"].as_u64().unwrap_or(0))
    };
    writes.map(told).collect()
}

/// From here on only what is done next is seen.
fn forget(service: &Service) {
    service.post("/_sandbox/reset?keep=world", "");
}

fn element(service: &Service, id: u64) -> Value {
    service.get(&format!("/api/v4/catalogs/{PRODUCTS}/elements/{id}"))
}

fn price_of(service: &Service, id: u64) -> Value {
    let element = element(service, id);
    let fields = element["custom_fields_values"].as_array().expect("fields");
    let price = fields.iter().find(|field| field["field_code"] == "PRICE").expect("a price");
    price["values"][0]["value"].clone()
}

fn patch() -> String {
    format!("PATCH /api/v4/catalogs/{PRODUCTS}/elements")
}

fn post() -> String {
    format!("POST /api/v4/catalogs/{PRODUCTS}/elements")
}

fn counts(ran: &Ran) -> Vec<Value> {
    ran.stdout.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON")["counts"].clone()).collect()
}

fn column(book: &Book, title: &str) -> usize {
    book.column(title)
}

#[test]
fn edited_prices_go_back_in_one_request_and_an_unedited_workbook_sends_nothing() {
    let (service, folder) = exported(many());
    forget(&service);
    let ran = folder.run(&service, &IMPORT).expect(0);
    assert_eq!(writes(&service), []);
    assert_eq!(counts(&ran)[0]["unchanged"], counts(&ran)[0]["read"]);

    let mut book = book(&folder);
    // Also as Excel and LibreOffice would have stored it: what was not edited stays what it was.
    let price = column(&book, "Цена");
    let mut ids = Vec::new();
    for n in 0..37 {
        let row = 20 + n * 7;
        ids.push(book.id(row));
        // A number, or a number written as a text.
        book.rows[row][price] = if n % 2 == 0 { Cell::Float(5_000.5 + n as f64) } else { Cell::String(format!("5 {n:03}")) };
    }
    // Written in another way and still the same.
    let same = book.rows[19][price].to_string();
    book.rows[19][price] = Cell::String(format!(" {same},00"));
    book.write(&folder.path().join(FILE));
    forget(&service);
    let ran = folder.run(&service, &IMPORT).expect(0);
    assert_eq!(writes(&service), [(patch(), 37)]);
    assert_eq!(counts(&ran)[0]["updated"], 37, "{}", ran.stderr);
    assert_eq!(price_of(&service, ids[0]), json!("5000.5"));
    assert_eq!(price_of(&service, ids[1]), json!("5001"));

    // The same workbook once more says nothing new.
    forget(&service);
    folder.run(&service, &IMPORT).expect(0);
    assert_eq!(writes(&service), []);
}

#[test]
fn what_changed_in_the_account_meanwhile_is_a_conflict_unless_forced() {
    let (service, folder) = exported(30);
    let mut book = book(&folder);
    let (price, name) = (column(&book, "Цена"), column(&book, "Название"));
    let (first, second, third) = (book.id(10), book.id(11), book.id(12));
    book.rows[10][price] = Cell::Float(1.0);
    book.rows[11][name] = Cell::String("Другое имя".into());
    book.rows[12][name] = Cell::String("Уже так".into());
    book.write(&folder.path().join(FILE));
    let field = price_field(&service);
    let body = json!([
        {"id": first, "custom_fields_values": [{"field_id": field, "values": [{"value": 77}]}]},
        {"id": third, "name": "Уже так"},
    ]);
    program::http(service.url(), "PATCH", &format!("/api/v4/catalogs/{PRODUCTS}/elements"), service.token(), &body.to_string());
    forget(&service);
    let ran = folder.run(&service, &IMPORT).expect(1);
    assert_eq!(writes(&service), [(patch(), 1)], "{}", ran.stderr);
    assert_eq!(element(&service, second)["name"], "Другое имя");
    assert_eq!(price_of(&service, first), json!("77"));
    let problems = folder.of_run("problems.csv");
    assert!(problems.contains("changed-meanwhile") && problems.contains("\"\"1\"\" here, \"\"77\"\" there"), "{problems}");
    forget(&service);
    folder.run(&service, &["import", FILE, "--json", "--verify=none", "--force"]).expect(0);
    assert_eq!(writes(&service), [(patch(), 1)]);
    assert_eq!(price_of(&service, first), json!("1"));
}

#[test]
fn new_rows_are_made_once_and_deleted_and_sorted_rows_do_no_harm() {
    let (service, folder) = exported(30);
    let mut book = book(&folder);
    let (price, name, id) = (column(&book, "Цена"), column(&book, "Название"), column(&book, "ID"));
    let gone = book.id(5);
    book.rows.remove(5);
    book.rows[1..].reverse();
    for n in 0..3 {
        let mut row = vec![Cell::Empty; book.rows[0].len()];
        row[name] = Cell::String(format!("Новый {}", n / 2));
        row[price] = Cell::Float(12.0);
        book.rows.insert(4 + n, row);
    }
    let edited = book.id(10);
    book.rows[10][price] = Cell::Float(3.0);
    book.write(&folder.path().join(FILE));
    forget(&service);
    let ran = folder.run(&service, &IMPORT).expect(0);
    assert_eq!(writes(&service), [(patch(), 1), (post(), 3)], "{}", ran.stderr);
    assert_eq!(counts(&ran).len(), 2, "a summary for each run");
    assert!(ran.stderr.contains(&format!("left alone in the account: {gone}")), "{}", ran.stderr);
    assert_eq!(price_of(&service, edited), json!("3"));
    assert_eq!(element(&service, gone)["id"], gone, "it is left alone");
    assert_eq!(run_file(&folder, "left-alone.csv"), format!("id\n{gone}\n"));

    // The same again, and with one more change: nothing is made twice.
    forget(&service);
    folder.run(&service, &IMPORT).expect(0);
    assert_eq!(writes(&service), []);
    let mut again = Book::read(&folder.path().join(FILE));
    again.rows[12][price] = Cell::Float(8.0);
    again.write(&folder.path().join(FILE));
    folder.run(&service, &IMPORT).expect(0);
    assert_eq!(writes(&service), [(patch(), 1)]);

    // A row that was made and edited afterwards could be another one, and nobody can tell.
    again.rows[4][price] = Cell::Float(13.0);
    again.write(&folder.path().join(FILE));
    forget(&service);
    let ran = folder.run(&service, &IMPORT).expect(1);
    assert_eq!(writes(&service), [], "{}", ran.stderr);
    assert!(folder.of_run("problems.csv").contains("new-row-unclear"));
    folder.run(&service, &["import", FILE, "--json", "--verify=none", "--again"]).expect(0);
    assert_eq!(writes(&service), [(post(), 1)]);
    assert!(again.rows[4][id].to_string().is_empty());
}

#[test]
fn odd_ids_are_refused_and_edits_that_cannot_be_sent_are_told() {
    let (service, folder) = exported(30);
    let mut book = book(&folder);
    let (price, id, made) = (column(&book, "Цена"), column(&book, "ID"), column(&book, "Изменён"));
    let copy = book.rows[6].clone();
    book.rows.push(copy);
    let last = book.rows.len() - 1;
    book.rows[last][price] = Cell::Float(9.0);
    book.rows[7][id] = Cell::Float(99_999_999.0);
    book.rows[8][id] = Cell::String("нет".into());
    book.rows[9][made] = Cell::String("вчера".into());
    book.write(&folder.path().join(FILE));
    forget(&service);
    let ran = folder.run(&service, &IMPORT).expect(1);
    assert_eq!(writes(&service), [], "{}", ran.stderr);
    assert_eq!(counts(&ran)[0]["rejected"], 4);
    let problems = folder.of_run("problems.csv");
    for code in ["id-twice", "unknown-id"] {
        assert!(problems.contains(code), "{problems}");
    }
    assert!(ran.stderr.contains("warning: 1 changed cells cannot be sent back"), "{}", ran.stderr);

    let ran = folder.run(&service, &["check", FILE]).expect(1);
    assert!(ran.stderr.contains("0 changed, 0 in conflict, 4 refused"), "{}", ran.stderr);
    let ran = folder.run(&service, &["import", FILE, "--dry-run"]).expect(1);
    assert!(ran.stderr.contains("nothing was sent"), "{}", ran.stderr);
    assert_eq!(writes(&service), []);
}

#[test]
fn a_file_that_no_export_wrote_and_another_account_are_refused() {
    let (service, folder) = exported(3);
    folder.write("plain.csv", "ID,Название\n1,a\n");
    let ran = folder.run(&service, &["import", "plain.csv"]).expect(2);
    assert!(ran.stderr.contains("name a mapping with -m"), "{}", ran.stderr);
    let other = Service::start();
    let ran = folder.run(&other, &["import", FILE]).expect(2);
    assert!(ran.stderr.contains("--as-new"), "{}", ran.stderr);
    assert_eq!(writes(&other), []);
}

/// A file of the one run that has it.
fn run_file(folder: &Folder, name: &str) -> String {
    let runs = std::fs::read_dir(folder.path().join("runs")).expect("runs").flatten();
    let found: Vec<_> = runs.map(|run| run.path().join(name)).filter(|path: &std::path::PathBuf| Path::exists(path)).collect();
    std::fs::read_to_string(found.first().expect("a run with it")).expect("a file")
}
