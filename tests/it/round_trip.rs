//! An exported workbook goes back: what was edited is sent, and nothing else.

mod again;
mod copies;
mod long;
use crate::program;
use crate::workbook;

use amoport::engine::{self, Event, Folders, ImportRequest, Target, Token};
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
        book.rows[row][price] =
            if n % 2 == 0 { Cell::Float(5_000.5 + n as f64) } else { Cell::String(format!("5 {n:03}")) };
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
    program::http(
        service.url(),
        "PATCH",
        &format!("/api/v4/catalogs/{PRODUCTS}/elements"),
        service.token(),
        &body.to_string(),
    );
    forget(&service);
    let ran = folder.run(&service, &IMPORT).expect(1);
    assert_eq!(writes(&service), [(patch(), 1)], "{}", ran.stderr);
    assert_eq!(element(&service, second)["name"], "Другое имя");
    assert_eq!(price_of(&service, first), json!("77"));
    let problems = folder.of_run("problems.csv");
    assert!(
        problems.contains("changed-meanwhile")
            && problems.contains("\"\"1\"\" in the sheet, \"\"77\"\" in the account"),
        "{problems}"
    );
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

/// Libraries that do not calculate save a workbook without what its formulas gave; the addresses of cards are formulas.
#[test]
fn a_workbook_saved_without_its_addresses_was_not_edited() {
    let (service, folder) = exported(30);
    let mut book = book(&folder);
    let (price, link) = (column(&book, "Цена"), column(&book, "Ссылка"));
    for row in &mut book.rows[1..] {
        row[link] = Cell::Empty;
    }
    book.rows[3][price] = Cell::Float(9.0);
    book.write(&folder.path().join(FILE));
    forget(&service);
    let ran = folder.run(&service, &["check", FILE]).expect(0);
    assert!(ran.stderr.contains("changes: 1 of "), "{}", ran.stderr);
    assert!(!ran.stderr.contains("warning"), "{}", ran.stderr);
    let asked = folder.run(&service, &IMPORT).expect(0);
    assert_eq!(writes(&service), [(patch(), 1)], "{}", asked.stderr);
}

#[test]
fn a_column_under_another_title_is_told_and_not_sent() {
    let (service, folder) = exported(3);
    let mut book = book(&folder);
    let text = column(&book, "Описание");
    book.rows[0][text] = Cell::String("Описание товара".into());
    book.rows[2][text] = Cell::String("edited".into());
    book.write(&folder.path().join(FILE));
    forget(&service);
    let ran = folder.run(&service, &IMPORT).expect(0);
    assert_eq!(writes(&service), []);
    for told in ["the sheet has no column \"Описание\"", "the export had no column \"Описание товара\""]
    {
        assert!(ran.stderr.contains(told), "{}", ran.stderr);
    }
}

#[test]
fn columns_that_cannot_go_back_have_another_header_than_those_that_can() {
    let (_service, folder) = exported(3);
    let file = std::fs::File::open(folder.path().join(FILE)).expect("a file");
    let mut zip = zip::ZipArchive::new(file).expect("a zip");
    let mut sheet = String::new();
    std::io::Read::read_to_string(&mut zip.by_name("xl/worksheets/sheet1.xml").expect("a sheet"), &mut sheet)
        .expect("text");
    let book = book(&folder);
    let style = |title: &str| {
        let column = rust_xlsxwriter::utility::column_number_to_name(column(&book, title) as u16);
        let cell = sheet.split(&format!("<c r=\"{column}1\" s=\"")).nth(1).expect("a styled header");
        cell.split('"').next().expect("a style").to_owned()
    };
    for title in ["Изменён", "Кем создан", "Ссылка"] {
        assert_eq!(style(title), style("ID"), "{title}");
    }
    for title in ["Цена", "Артикул"] {
        assert_eq!(style(title), style("Название"), "{title}");
    }
    assert_ne!(style("ID"), style("Название"));
}

/// Killed before and after every step that matters, the run goes on with the very rows it had decided on, even where the
/// account has changed since.
#[test]
fn a_killed_run_goes_on_with_what_was_decided() {
    for point in ["sent-after", "answered-before", "end-before"] {
        let (service, folder) = exported(20);
        let mut book = book(&folder);
        let (price, name) = (column(&book, "Цена"), column(&book, "Название"));
        let ids: Vec<u64> = (3..9).map(|row| book.id(row)).collect();
        for row in 3..9 {
            book.rows[row][price] = Cell::Float(7.0 + row as f64);
        }
        let mut new = vec![Cell::Empty; book.rows[0].len()];
        new[name] = Cell::String("Новый".into());
        book.rows.push(new);
        book.write(&folder.path().join(FILE));
        forget(&service);
        let mut command = folder.command(&service, &IMPORT);
        let killed =
            program::ran(command.env("AMOPORT_CRASH", format!("{point}:1")).output().expect("the program runs"));
        assert_ne!(killed.code, 0, "{point}");
        // What was decided stands, though another look would find a conflict.
        let renamed = json!([{"id": ids[0], "name": "Иначе"}]).to_string();
        let path = format!("/api/v4/catalogs/{PRODUCTS}/elements");
        program::http(service.url(), "PATCH", &path, service.token(), &renamed);
        let ran = folder.run(&service, &["resume", "--json"]).expect(0);
        assert_eq!(counts(&ran)[0]["updated"], 6, "{point}: {}", ran.stderr);
        for (n, id) in ids.iter().enumerate() {
            assert_eq!(price_of(&service, *id), json!((10 + n).to_string()), "{point}");
        }
        assert_eq!(element(&service, ids[0])["name"], "Иначе", "{point}: only what was edited is sent");
        assert!(writes(&service).iter().all(|(what, items)| *what == patch() && *items <= 6), "{point}");
        // What is new comes with the next import. What was renamed in the account was not edited, and the prices are ours.
        forget(&service);
        let ran = folder.run(&service, &IMPORT).expect(0);
        assert_eq!(writes(&service), [(post(), 1)], "{point}: {}", ran.stderr);
    }
}

#[test]
fn one_phone_of_several_and_one_part_of_a_value_are_changed_and_the_others_stay() {
    let service = Service::start();
    service.post("/_sandbox/switches", r#"{"rate_max": 1000000}"#);
    let values = json!([
        {"value": "8 (800) 1", "enum_code": "WORK"}, {"value": "+7 900 2", "enum_code": "MOB"},
        {"value": "3, доб. 4", "enum_code": "HOME"},
    ]);
    let body = json!([{"first_name": "Анна", "last_name": "К", "custom_fields_values": [{"field_code": "PHONE", "values": values}]}]);
    let made = service.post("/api/v4/contacts", &body.to_string());
    let id = made["_embedded"]["contacts"][0]["id"].as_u64().expect("an id");
    let folder = Folder::new();
    folder.run(&service, &["export", "contact", "--to", FILE]).expect(0);
    let mut book = book(&folder);
    let (phone, first) = (column(&book, "Телефон"), column(&book, "Имя"));
    let row = (1..book.rows.len()).find(|row| book.id(*row) == id).expect("the contact");
    assert_eq!(book.rows[row][phone].to_string(), r#"8 (800) 1, +7 900 2 (MOB), "3, доб. 4 (HOME)""#);
    book.rows[row][phone] = Cell::String(r#"8 (800) 1, +7 900 5 (MOB), "3, доб. 4 (HOME)""#.into());
    book.rows[row][first] = Cell::String("Яна".into());
    book.write(&folder.path().join(FILE));
    folder.run(&service, &IMPORT).expect(0);
    let contact = service.get(&format!("/api/v4/contacts/{id}"));
    let phones: Vec<(String, String)> = contact["custom_fields_values"][0]["values"]
        .as_array()
        .expect("phones")
        .iter()
        .map(|one| (one["value"].as_str().unwrap_or("").into(), one["enum_code"].as_str().unwrap_or("").into()))
        .collect();
    let expected = [("8 (800) 1", "WORK"), ("+7 900 5", "MOB"), ("3, доб. 4", "HOME")];
    assert_eq!(phones, expected.map(|(value, code)| (value.to_owned(), code.to_owned())));
    assert_eq!((&contact["first_name"], &contact["last_name"]), (&json!("Яна"), &json!("К")));
}

#[test]
fn stages_go_with_their_pipeline_tags_are_replaced_and_only_custom_fields_are_emptied() {
    let service = Service::start();
    service.post("/_sandbox/switches", r#"{"rate_max": 1000000}"#);
    let fields = service.get("/api/v4/leads/custom_fields?limit=250");
    let fields = fields["_embedded"]["custom_fields"].as_array().expect("fields").clone();
    let text = fields.into_iter().find(|field| field["type"] == "text").expect("a text field");
    let (field, title) = (text["id"].clone(), text["name"].as_str().expect("a name").to_owned());
    let leads: Vec<Value> = (0..6)
        .map(|n| {
            let values = json!([{"field_id": field, "values": [{"value": "было"}]}]);
            let tags = json!({"tags": [{"name": "a, b"}, {"name": "c"}]});
            json!({"name": format!("Сделка {n}"), "price": 5, "custom_fields_values": values, "_embedded": tags})
        })
        .collect();
    service.post("/api/v4/leads", &json!(leads).to_string());
    let folder = Folder::new();
    folder.run(&service, &["export", "lead", "--to", FILE]).expect(0);
    let mut book = book(&folder);
    let [name, pipeline, stage, tags, custom] =
        ["Название", "Воронка", "Этап", "Теги", &title].map(|title| column(&book, title));
    let ids: Vec<u64> = (1..7).map(|row| book.id(row)).collect();
    let text = |text: &str| Cell::String(text.into());
    assert_eq!(book.rows[4][tags], text(r#""a, b", c"#));
    book.rows[1][stage] = text("Переговоры");
    (book.rows[2][pipeline], book.rows[2][stage]) = (text("Опт"), text("Отгрузка"));
    book.rows[3][pipeline] = text("Опт");
    book.rows[4][tags] = text(r#""a, b", d"#);
    book.rows[5][custom] = Cell::Empty;
    book.rows[6][name] = Cell::Empty;
    book.write(&folder.path().join(FILE));
    forget(&service);
    let ran = folder.run(&service, &IMPORT).expect(1);
    assert_eq!(writes(&service), [("PATCH /api/v4/leads".to_owned(), 4)], "{}", ran.stderr);
    let leads: Vec<Value> = ids.iter().map(|id| service.get(&format!("/api/v4/leads/{id}"))).collect();
    let pipelines = service.get("/api/v4/leads/pipelines");
    let stage_of = |lead: &Value| {
        let pipelines = pipelines["_embedded"]["pipelines"].as_array().expect("pipelines");
        let stages = pipelines.iter().flat_map(|one| one["_embedded"]["statuses"].as_array().expect("stages"));
        let mut stages =
            stages.filter(|one| one["id"] == lead["status_id"] && one["pipeline_id"] == lead["pipeline_id"]);
        stages.next().expect("a stage")["name"].as_str().expect("a name").to_owned()
    };
    assert_eq!((stage_of(&leads[0]).as_str(), stage_of(&leads[1]).as_str()), ("Переговоры", "Отгрузка"));
    assert_eq!(leads[2]["name"], "Сделка 2");
    let told: Vec<&str> =
        leads[3]["_embedded"]["tags"].as_array().expect("tags").iter().filter_map(|t| t["name"].as_str()).collect();
    assert_eq!(told, ["a, b", "d"]);
    assert_eq!(leads[4]["custom_fields_values"], Value::Null);
    assert_eq!(leads[5]["name"], "Сделка 5");
    let problems = folder.of_run("problems.csv");
    assert!(problems.contains("unknown-name") && problems.contains("empty"), "{problems}");

    book.rows.iter_mut().for_each(|row| row[0] = row.pop().expect("a cell"));
    book.write(&folder.path().join(FILE));
    let ran = folder.run(&service, &IMPORT).expect(2);
    assert!(ran.stderr.contains("the sheet does not have exactly one column \"ID\""), "{}", ran.stderr);
}

#[test]
fn a_file_that_no_export_wrote_and_another_account_are_refused() {
    let (service, folder) = exported(3);
    folder.write("plain.csv", "ID,Название\n1,a\n");
    let ran = folder.run(&service, &["import", "plain.csv"]).expect(2);
    assert!(ran.stderr.contains("name a mapping with --mapping"), "{}", ran.stderr);
    let other = Service::start();
    let ran = folder.run(&other, &["import", FILE]).expect(2);
    assert!(ran.stderr.contains("--as-new"), "{}", ran.stderr);
    assert_eq!(writes(&other), []);
}

/// A file of the one run that has it.
fn run_file(folder: &Folder, name: &str) -> String {
    let runs = std::fs::read_dir(folder.path().join("runs")).expect("runs").flatten();
    let found: Vec<_> =
        runs.map(|run| run.path().join(name)).filter(|path: &std::path::PathBuf| Path::exists(path)).collect();
    std::fs::read_to_string(found.first().expect("a run with it")).expect("a file")
}

/// What an export of each kind has that a record made anew cannot have: ids, what the service counts and notes by itself,
/// and what names other records by their ids.
const ITS_OWN: [&str; 19] = [
    "ID",
    "Ссылка",
    "Ссылка на счёт",
    "ID списка",
    "Создан",
    "Создана",
    "Изменён",
    "Изменена",
    "Кем изменён",
    "Кем изменена",
    "Товары",
    "Контакты",
    "Компании",
    "ID покупателя",
    "Сумма покупок",
    "Покупок",
    "Средний чек",
    "Покупателей",
    // An element of the other account; told on the way.
    "Поставщик",
];

fn shipped(kind: &str, ending: &str) -> String {
    let folder = if ending == "toml" { "mappings" } else { "samples" };
    format!("{}/{folder}/{kind}.{ending}", env!("CARGO_MANIFEST_DIR"))
}

/// Made from a sample, exported, made anew in another account, and exported again: the same values.
fn made_anew(folder: &Folder, (here, there): (&Service, &Service), sample: &str, kind: &str) {
    let list = (kind == "element").then_some("Товары");
    let ending = ["csv", "xlsx", "ods"].into_iter().find(|ending| Path::new(&shipped(sample, ending)).exists());
    let (file, mapping) = (shipped(sample, ending.expect("a sample")), shipped(sample, "toml"));
    let ran = folder.run(here, &["import", &file, "-m", &mapping, "--verify=none", "--limit", "25"]);
    assert!(ran.code < 2, "{kind}: {}", ran.stderr);
    let created = folder.results().into_iter().filter(|line| line["status"] == "created");
    let made: Vec<String> = created.map(|line| line["id"].clone()).collect();
    assert!(!made.is_empty(), "{kind}");
    let (first, second) = (format!("{kind}-1.xlsx"), format!("{kind}-2.xlsx"));
    let export = |service: &Service, to: &str, ids: &str| {
        let mut args = vec!["export", kind, "--to", to, "--id", ids];
        args.extend(list.iter().flat_map(|list| ["--catalog", list]));
        folder.run(service, &args).expect(0);
        Book::read(&folder.path().join(to))
    };
    let before = export(here, &first, &made.join(","));
    let ran = folder.run(there, &["import", &first, "--as-new", "--verify=none"]).expect(0);
    let news: Vec<(String, String)> =
        folder.results().into_iter().map(|line| (line["key"].clone(), line["id"].clone())).collect();
    assert_eq!(news.len(), made.len(), "{kind}: {}", ran.stderr);
    let ids: Vec<&str> = news.iter().map(|(_, id)| id.as_str()).collect();
    let after = export(there, &second, &ids.join(","));
    for (old, new) in &news {
        let row = |book: &Book, id: &str| {
            let at = book.column("ID");
            book.rows.iter().find(|row| cell_is(&row[at], id)).expect("a row").clone()
        };
        let (old, new) = (row(&before, old), row(&after, new));
        for (n, title) in before.rows[0].iter().map(Cell::to_string).enumerate() {
            if !ITS_OWN.contains(&title.as_str()) {
                let new = &new[after.column(&title)];
                assert_eq!(told(&title, &old[n]), told(&title, new), "{kind}: {title}\n{}", ran.stderr);
            }
        }
        for title in LINKS.iter().filter(|title| before.has(title)) {
            let (old, new) = (&old[before.column(title)], &new[after.column(title)]);
            assert_eq!(*old == Cell::Empty, *new == Cell::Empty, "{kind}: {title}\n{}", ran.stderr);
        }
    }
}

/// Ids are numbers in a workbook.
fn cell_is(cell: &Cell, id: &str) -> bool {
    id.parse().is_ok_and(|id: f64| *cell == Cell::Float(id))
}

/// Ids of other things are as new as the record.
fn told(title: &str, cell: &Cell) -> String {
    let text = cell.to_string();
    match (title, serde_json::from_str::<Value>(&text)) {
        ("Плательщик" | "Позиции", Ok(value)) => {
            let mut objects = if value.is_array() { value } else { json!([value]) };
            for object in objects.as_array_mut().expect("objects") {
                for key in ["entity_id", "entity_type", "product_id"] {
                    object.as_object_mut().expect("an object").remove(key);
                }
            }
            objects.to_string()
        }
        _ => text,
    }
}

const LINKS: [&str; 3] = ["Контакты", "Компании", "ID покупателя"];

/// Every kind; those that refer to each other one after the other, the rest beside them.
#[test]
fn every_kind_is_made_anew_in_another_account_with_all_its_values() {
    const GROUPS: [&[(&str, &str)]; 4] = [
        &[("companies", "company"), ("contacts", "contact"), ("leads", "lead")],
        &[("segments", "segment"), ("customers", "customer"), ("transactions", "transaction")],
        &[("catalogs", "catalog"), ("elements", "element"), ("invoices", "invoice")],
        &[("customer-statuses", "customer-status")],
    ];
    std::thread::scope(|scope| {
        for group in GROUPS {
            scope.spawn(move || {
                let (here, there, folder) = (Service::start(), Service::start(), Folder::new());
                for service in [&here, &there] {
                    service.post("/_sandbox/switches", r#"{"rate_max": 1000000}"#);
                    if group[0].1 == "customer-status" {
                        folder.run(service, &["account", "customers-mode", "periodicity", "--yes"]).expect(0);
                    }
                }
                for (sample, kind) in group {
                    made_anew(&folder, (&here, &there), sample, kind);
                }
                // Nothing is made twice, and the copy is a workbook like any other.
                let last = group[group.len() - 1].1;
                folder.run(&there, &["import", &format!("{last}-1.xlsx"), "--as-new", "--verify=none"]).expect(2);
                forget(&there);
                folder.run(&there, &["import", &format!("{last}-2.xlsx"), "--verify=none"]).expect(0);
                assert_eq!(writes(&there), []);
            });
        }
    });
}

/// Its changes are sent by then, so it must not say that nothing was.
#[test]
fn an_import_that_is_cancelled_between_its_two_runs_says_what_is_not_made() {
    let (service, folder) = exported(5);
    let mut book = book(&folder);
    let (price, name) = (column(&book, "Цена"), column(&book, "Название"));
    book.rows[2][price] = Cell::Float(3.0);
    let mut row = vec![Cell::Empty; book.rows[0].len()];
    row[name] = Cell::String("Новый".into());
    book.rows.push(row);
    book.write(&folder.path().join(FILE));
    forget(&service);
    let target = Target::account(service.url()).token(Token::Value(service.token().to_owned().into()));
    let folders = Folders::new(folder.path().join(".amoport"), folder.path().join("runs"));
    let request = ImportRequest::new(folder.path().join(FILE), target, folders);
    let ended = engine::round_trip(&request, &mut |event| {
        if matches!(event, Event::Ended(_)) {
            request.cancel.cancel();
        }
    });
    let error = ended.expect_err("cancelled").to_string();
    assert!(error.contains("the changed rows are sent; the new rows of the workbook are not created yet"), "{error}");
    assert_eq!(writes(&service), [(patch(), 1)]);
    folder.run(&service, &IMPORT).expect(0);
    assert_eq!(writes(&service), [(patch(), 1), (post(), 1)]);
}
