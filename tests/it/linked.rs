//! What the rows of an export are linked to, in columns of the same row, against the sandbox.

use crate::program;

use amo_client::account::{Account, SnapshotScope};
use amo_client::clock::Clock;
use amo_client::{Client, Pace, parse_base, snapshot};
use amo_model::{Entity, LinkKind};
use amo_sandbox::{Options, Sandbox, Switches};
use amoport::export::{self, Destination, ExportError, ExportQuery, ExportSummary, Format, TableColumns};
use calamine::Reader as _;
use program::{Folder, Service, http};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::Path;
use std::sync::Arc;

const SPEED: f64 = 50.0;
const LEADS: usize = 900;
const CONTACTS: usize = 450;

/// Leads with contacts and companies: every contact has two leads, the companies have many; each tenth lead has a second
/// contact, which is its main one; the last lead has nothing.
struct World {
    sandbox: Sandbox,
    folder: tempfile::TempDir,
    contacts: Vec<u64>,
    companies: Vec<u64>,
}

impl World {
    fn start() -> World {
        let switches = Switches { rate_max: 1_000_000, ..Switches::default() };
        let sandbox = Sandbox::start(Options { switches, ..Options::default() }).expect("a sandbox");
        let folder = tempfile::tempdir().expect("a folder");
        let mut world = World { sandbox, folder, contacts: vec![], companies: vec![] };
        let phone = |n: usize| {
            json!([{"field_code": "PHONE", "values": [{"value": format!("+7900{n:07}"), "enum_code": "WORK"}]},
            {"field_code": "EMAIL", "values": [{"value": format!("k{n}@example.com"), "enum_code": "WORK"}]}])
        };
        let contact = |n: usize| json!({"name": format!("Контакт {n}"), "custom_fields_values": phone(n)});
        world.contacts = world.made("contacts", (0..CONTACTS).map(contact).collect());
        world.companies = world.made("companies", (0..7).map(|n| json!({"name": format!("Компания {n}")})).collect());
        let lead = |n: usize| {
            let mut contacts = vec![json!({"id": world.contacts[n % CONTACTS]})];
            if n.is_multiple_of(10) {
                contacts.push(json!({"id": world.contacts[(n + 1) % CONTACTS], "is_main": true}));
            }
            let mut lead = json!({"name": format!("Сделка {n}")});
            if n + 1 < LEADS {
                lead["_embedded"] = json!({"contacts": contacts, "companies": [{"id": world.companies[n % 7]}]});
            }
            lead
        };
        world.made("leads", (0..LEADS).map(lead).collect());
        world
    }

    fn made(&self, entity: &str, items: Vec<Value>) -> Vec<u64> {
        let mut ids = Vec::new();
        for chunk in items.chunks(250) {
            let path = format!("/api/v4/{entity}");
            let (status, answer) =
                http(self.sandbox.url(), "POST", &path, self.sandbox.token(), &json!(chunk).to_string());
            assert!(status < 300, "{answer}");
            let made = answer["_embedded"][entity].as_array().expect("items").clone();
            ids.extend(made.iter().map(|item| item["id"].as_u64().expect("an id")));
        }
        ids
    }

    fn requests(&self, route: &str) -> u64 {
        let stats = http(self.sandbox.url(), "GET", "/_sandbox/stats", self.sandbox.token(), "").1;
        stats["by_route"][route].as_u64().unwrap_or(0)
    }

    fn export(&self, base: &str, file: &str) -> Result<ExportSummary, ExportError> {
        let format = Format::of(Path::new(file)).expect("a format");
        let place = Destination { format, file: Some(self.folder.path().join(file)), force: false };
        let token = secrecy::SecretString::from(self.sandbox.token().to_owned());
        let base = parse_base(base).expect("an address");
        let client = Arc::new(Client::new(base, token.into(), Pace::new(7, Clock::faster(SPEED))).expect("a client"));
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("threads");
        let ask = ExportQuery {
            entity: Entity::Leads,
            catalog: None,
            filters: vec![],
            since: None,
            text: None,
            with: vec![],
            twice: false,
        };
        runtime.block_on(async {
            let fields = vec![Entity::Leads, Entity::Contacts, Entity::Companies];
            let wanted =
                SnapshotScope { pipelines: true, users: true, loss_reasons: true, fields, ..SnapshotScope::default() };
            let account: Account = snapshot::pull(&client, &wanted, 0, |_| {}).await.expect("the account").0;
            let links = [LinkKind::Contact, LinkKind::Company];
            let columns = TableColumns::of(ask.entity, None, &account).with_links(&links, &account);
            export::run(&client, &account, &ask, &mut columns.into(), &place, |_| {}).await
        })
    }

    fn rows(&self, file: &str) -> Vec<HashMap<String, String>> {
        let bytes = std::fs::read(self.folder.path().join(file)).expect("a file");
        csv::Reader::from_reader(&bytes[3..]).deserialize().collect::<Result<_, _>>().expect("a csv")
    }

    /// The number of the contact that lead `n` shows.
    fn main_of(n: usize) -> usize {
        if n.is_multiple_of(10) { (n + 1) % CONTACTS } else { n % CONTACTS }
    }

    fn check(&self, n: usize, row: &HashMap<String, String>) {
        assert_eq!(row["Название"], format!("Сделка {n}"), "the order stays");
        let main = World::main_of(n);
        assert_eq!(row["Контакт: ID"], self.contacts[main].to_string());
        assert_eq!(row["Контакт: Полное имя"], format!("Контакт {main}"));
        assert!(row["Контакт: Телефон"].contains(&format!("+7900{main:07}")), "{}", row["Контакт: Телефон"]);
        assert!(row["Контакт: Email"].contains(&format!("k{main}@example.com")), "{}", row["Контакт: Email"]);
        assert_eq!(row["Компания: Название"], format!("Компания {}", n % 7));
        assert_eq!(row["Названия компаний"], format!("Компания {}", n % 7));
        let second = format!(", Контакт {main}");
        let names = format!("Контакт {}{}", n % CONTACTS, if n.is_multiple_of(10) { &second } else { "" });
        assert_eq!(row["Имена контактов"], names, "in the order of their ids");
        let all = row["Контакты"].split(", ").count();
        assert_eq!(all, if n.is_multiple_of(10) { 2 } else { 1 }, "all of them stay beside the main one");
    }
}

/// Stands between the client and the sandbox, and changes what reads of contacts bring.
fn between(world: &World, change: impl Fn(&str, Value) -> (u16, Value) + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let base = format!("http://{}", listener.local_addr().expect("an address"));
    let (to, token) = (world.sandbox.url().to_owned(), world.sandbox.token().to_owned());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.expect("a connection");
            let (mut line, mut head) = (String::new(), String::new());
            let mut request = BufReader::new(stream.try_clone().expect("a stream"));
            let _ = request.read_line(&mut line);
            while request.read_line(&mut head).is_ok_and(|read| read > 2) {}
            // A client may open a connection that it then does not need.
            let Some(path) = line.split(' ').nth(1) else { continue };
            let (mut status, mut answer) = http(&to, "GET", path, &token, "");
            if path.starts_with("/api/v4/contacts?") {
                (status, answer) = change(path, answer);
            }
            let kind = if status < 400 { "application/hal+json" } else { "application/problem+json" };
            let body = if status == 204 { String::new() } else { answer.to_string() };
            let head = format!(
                "HTTP/1.1 {status} -\r\ncontent-type: {kind}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
                body.len()
            );
            stream.write_all((head + &body).as_bytes()).expect("an answer");
        }
    });
    base
}

#[test]
fn every_row_has_its_main_contact_and_its_company_and_nothing_is_read_twice() {
    let world = World::start();
    let before = (world.requests("GET contacts"), world.requests("GET companies"));
    let exported = world.export(world.sandbox.url(), "a.csv").expect("a file");
    assert_eq!((exported.rows, exported.linked_missing, exported.listed.doubt), (LEADS as u64, 0, None));
    let rows = world.rows("a.csv");
    for (n, row) in rows.iter().enumerate().take(LEADS - 1) {
        world.check(n, row);
    }
    let last = &rows[LEADS - 1];
    assert!(last.iter().filter(|(title, _)| title.contains(": ")).all(|(_, text)| text.is_empty()), "{last:?}");
    assert!(world.requests("GET contacts") - before.0 <= 6, "450 contacts, 100 to a request and 200 rows to a window");
    assert_eq!(world.requests("GET companies") - before.1, 1, "7 companies in one");

    world.export(world.sandbox.url(), "a.xlsx").expect("a workbook");
    let mut book: calamine::Xlsx<_> = calamine::open_workbook(world.folder.path().join("a.xlsx")).expect("it opens");
    let sheet = book.worksheet_range("Export").expect("a sheet");
    let titles: Vec<String> = sheet.rows().next().expect("titles").iter().map(ToString::to_string).collect();
    for (n, cells) in sheet.rows().skip(1).enumerate().take(50) {
        world.check(n, &titles.iter().cloned().zip(cells.iter().map(ToString::to_string)).collect());
    }
}

#[test]
fn linked_records_that_cannot_be_read_leave_their_cells_empty_and_are_counted() {
    let world = World::start();
    let gone = world.contacts[5];
    let deleted = between(&world, move |_, mut answer| {
        if let Some(contacts) = answer["_embedded"]["contacts"].as_array_mut() {
            contacts.retain(|contact| contact["id"] != gone);
        }
        (200, answer)
    });
    let exported = world.export(&deleted, "a.csv").expect("a file");
    assert_eq!((exported.rows, exported.linked_missing), (LEADS as u64, 1));
    for (n, row) in world.rows("a.csv").iter().enumerate().take(LEADS - 1) {
        if World::main_of(n) == 5 {
            assert_eq!((&*row["Контакт: ID"], &*row["Контакт: Email"]), ("", ""));
            assert_eq!(row["Компания: Название"], format!("Компания {}", n % 7));
            assert!(row["Контакты"].contains(&gone.to_string()), "its id stays: {}", row["Контакты"]);
        } else {
            world.check(n, row);
        }
    }
    let forbidden = between(&world, |path, answer| match path.contains("filter") {
        true => (403, json!({"title": "Forbidden", "type": "x", "status": 403, "detail": "Access denied"})),
        false => (200, answer),
    });
    let exported = world.export(&forbidden, "b.csv").expect("a file");
    assert_eq!((exported.rows, exported.linked_missing), (LEADS as u64, 450));
    assert_eq!(world.rows("b.csv")[3]["Имена контактов"], world.contacts[3].to_string(), "an id stays an id");
    assert_eq!(world.rows("b.csv")[3]["Компания: Название"], "Компания 3");
}

#[test]
fn a_linked_read_that_stays_failing_stops_and_leaves_no_file() {
    let world = World::start();
    let token = world.sandbox.token();
    for (word, times) in [("502", 99), ("401", 99), ("422", 1)] {
        let fault = json!({"script": [{"on": "GET contacts", "nth": 2, "do": word, "times": times}]}).to_string();
        assert_eq!(http(world.sandbox.url(), "POST", "/_sandbox/faults", token, &fault).0, 200);
        let failed = world.export(world.sandbox.url(), "a.csv").err().unwrap_or_else(|| panic!("{word} stops"));
        assert!(matches!(failed, ExportError::Service(_)), "{failed}");
        assert_eq!(std::fs::read_dir(world.folder.path()).expect("a folder").count(), 0, "{word}");
    }
}

#[test]
fn linked_columns_can_be_chosen_and_what_no_kind_has_is_refused() {
    let (service, folder) = (Service::start(), Folder::new());
    service.post("/_sandbox/switches", r#"{"rate_max": 1000000}"#);
    let made = service.post("/api/v4/companies", r#"[{"name": "ООО Ромашка"}]"#);
    let company = made["_embedded"]["companies"][0]["id"].clone();
    let made = service.post("/api/v4/contacts", r#"[{"name": "Иван"}]"#);
    let contact = &made["_embedded"]["contacts"][0]["id"];
    let link = json!([{"to_entity_id": company, "to_entity_type": "companies"}]).to_string();
    service.post(&format!("/api/v4/contacts/{contact}/link"), &link);
    let made = service.post("/api/v4/customers", r#"[{"name": "Покупатель 1"}]"#);
    let customer = &made["_embedded"]["customers"][0]["id"];
    service.post(&format!("/api/v4/customers/{customer}/transactions"), r#"[{"price": 5}]"#);
    for (args, told) in [
        (&["contact", "--to", "a.csv", "--linked", "contact"][..], "it has company"),
        (&["segment", "--to", "a.csv", "--linked", "company"], "leave out --linked"),
        (&["lead", "--to", "a.jsonl", "--linked", "contact"], "leave out --linked"),
    ] {
        let ran = folder.run(&service, &[&["export"], args].concat()).expect(2);
        assert!(ran.stderr.contains(told), "{args:?}: {}", ran.stderr);
    }
    let args = ["--linked", "company", "--columns", "компания: название,Полное имя"];
    let ran = folder.run(&service, &[&["export", "contact", "--to", "c.csv", "--json"], &args[..]].concat()).expect(0);
    assert_eq!((&ran.json()["linked"], &ran.json()["linked_missing"]), (&json!(["company"]), &json!(0)));
    let text = std::fs::read_to_string(folder.path().join("c.csv")).expect("a file");
    assert_eq!(text, "\u{feff}Компания: Название,Полное имя\r\nООО Ромашка,Иван\r\n");
    // Names stand beside ids without --linked, and are read only where they are shown.
    let read = service.requests("GET companies");
    folder.run(&service, &["export", "contact", "--to", "n.csv", "--columns", "ID,Компании"]).expect(0);
    assert_eq!(service.requests("GET companies"), read);
    let args = ["export", "contact", "--to", "n.xlsx", "--columns", "Ближайшая задача,Названия компаний,ID"];
    folder.run(&service, &args).expect(0);
    assert_eq!(service.requests("GET companies"), read + 1);
    let mut book: calamine::Xlsx<_> = calamine::open_workbook(folder.path().join("n.xlsx")).expect("it opens");
    let sheet = book.worksheet_range("Export").expect("a sheet");
    let rows: Vec<Vec<String>> = sheet.rows().map(|row| row.iter().map(ToString::to_string).collect()).collect();
    assert_eq!(rows[0], ["Ближайшая задача", "Названия компаний", "ID"], "they stand where a person has put them");
    assert_eq!(rows[1], ["", "ООО Ромашка", &contact.to_string()]);
    let args = ["--linked", "customer", "--columns", "Сумма,Покупатель: Название"];
    folder.run(&service, &[&["export", "transaction", "--to", "t.csv"], &args[..]].concat()).expect(0);
    let text = std::fs::read_to_string(folder.path().join("t.csv")).expect("a file");
    assert_eq!(text, "\u{feff}Сумма,Покупатель: Название\r\n5,Покупатель 1\r\n");
}
