//! Exports against the sandbox: whole in spite of everything that can go wrong, and the same values in every format.

use crate::program;

use amo_client::account::{Account, CatalogRef, SnapshotScope};
use amo_client::clock::Clock;
use amo_client::{Client, ListQuery, Pace, parse_base, snapshot};
use amo_model::{Entity, parts};
use amo_sandbox::{Options, Sandbox, Switches};
use amoport::export::{self, Destination, ExportError, ExportQuery, ExportSummary, Format, TableColumns};
use calamine::{Data, Reader};
use program::{Folder, Ran, Service, http, ran};
use serde_json::{Value, json};
use std::collections::HashSet;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

const SPEED: f64 = 50.0;
const LEADS: usize = 2_000;

struct Running {
    sandbox: Sandbox,
    folder: tempfile::TempDir,
}

impl Running {
    fn start(switches: Switches) -> Running {
        let switches = Switches { rate_max: 1_000_000, ..switches };
        let sandbox = Sandbox::start(Options { switches, ..Options::default() }).expect("a sandbox");
        Running { sandbox, folder: tempfile::tempdir().expect("a folder") }
    }

    fn send(&self, method: &str, path: &str, body: &Value) -> Value {
        let (status, answer) = http(self.sandbox.url(), method, path, self.sandbox.token(), &body.to_string());
        assert!(status < 300, "{method} {path}: {status} {answer}");
        answer
    }

    fn with_leads(switches: Switches, count: usize) -> Running {
        let running = Running::start(switches);
        for from in (0..count).step_by(250) {
            let leads: Vec<Value> =
                (from..count.min(from + 250)).map(|n| json!({"name": format!("Сделка {n}")})).collect();
            running.send("POST", "/api/v4/leads", &json!(leads));
        }
        running
    }

    fn client(&self) -> Arc<Client> {
        let base = parse_base(self.sandbox.url()).expect("an address");
        let token = secrecy::SecretString::from(self.sandbox.token().to_owned());
        Arc::new(Client::new(base, token.into(), Pace::new(7, Clock::faster(SPEED))).expect("a client"))
    }

    fn export(&self, ask: &ExportQuery, file: &str) -> Result<ExportSummary, ExportError> {
        let format = Format::of(Path::new(file)).expect("a format");
        let place = Destination { format, file: Some(self.folder.path().join(file)), force: false };
        let client = self.client();
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("threads");
        runtime.block_on(async {
            let catalogs = ask.catalog.iter().map(|id| CatalogRef::Named(id.to_string())).collect();
            let wanted = SnapshotScope {
                pipelines: true,
                users: true,
                loss_reasons: true,
                fields: vec![ask.entity],
                catalog_list: true,
                catalogs,
                ..SnapshotScope::default()
            };
            let account: Account = snapshot::pull(&client, &wanted, 0, |_| {}).await.expect("the account").0;
            let columns = TableColumns::of(ask.entity, ask.catalog, &account);
            export::run(&client, &account, ask, &mut columns.into(), &place, |_| {}).await
        })
    }

    fn lines(&self, file: &str) -> Vec<Value> {
        let text = std::fs::read_to_string(self.folder.path().join(file)).expect("a file");
        text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
    }
}

fn leads() -> ExportQuery {
    ExportQuery {
        entity: Entity::Leads,
        catalog: None,
        filters: vec![],
        since: None,
        text: None,
        with: vec![],
        twice: false,
    }
}

fn ids(rows: &[Value]) -> Vec<u64> {
    rows.iter().map(|row| row["id"].as_u64().expect("an id")).collect()
}

#[test]
fn a_list_is_whole_whatever_its_answers_are_like() {
    let script =
        |on: &str, word: &str, times: u32| json!({"script": [{"on": on, "nth": 3, "do": word, "times": times}]});
    let running = Running::with_leads(Switches::default(), LEADS);
    for (n, (switch, fault)) in [
        (json!({}), json!({})),
        (json!({"next_dropped": true}), json!({})),
        (json!({"next_dropped": false, "next_always": true}), script("GET leads", "next-missing", 9)),
        (json!({}), script("GET leads", "429", 2)),
        (json!({}), script("GET leads", "429-json", 1)),
        (json!({}), script("GET leads", "502", 2)),
        (json!({}), script("GET leads", "cut", 2)),
        (json!({}), script("GET leads", "reset", 1)),
        (json!({}), script("GET leads", "odd-key", 1)),
        (json!({}), script("GET leads", "shift", 1)),
    ]
    .into_iter()
    .enumerate()
    {
        running.send("POST", "/_sandbox/switches", &switch);
        running.send("POST", "/_sandbox/faults", &fault);
        let file = format!("{n}.jsonl");
        let exported = running.export(&leads(), &file).unwrap_or_else(|e| panic!("{switch} {fault}: {e}"));
        assert_eq!(exported.listed.doubt, None, "{switch} {fault}");
        let rows = running.lines(&file);
        let ids = ids(&rows);
        let shifted = fault.to_string().contains("shift");
        assert!(shifted || ids.is_sorted(), "{switch} {fault}");
        assert_eq!(ids.iter().collect::<HashSet<_>>().len(), LEADS, "{switch} {fault}");
        assert_eq!((ids.len(), exported.rows), (LEADS, LEADS as u64));
        assert_eq!(rows[0]["_embedded"]["contacts"], json!([]), "nested, and as the service gives it");
    }
}

#[test]
fn a_page_that_stays_unreadable_is_a_doubt_and_a_block_leaves_no_file() {
    let running = Running::with_leads(Switches::default(), 600);
    running.send("POST", "/_sandbox/switches", &json!({"page_max": 2}));
    let exported = running.export(&leads(), "a.jsonl").expect("a part");
    let doubt = exported.listed.doubt.expect("a doubt");
    assert!(doubt.starts_with("page 3 could not be read"), "{doubt}");
    assert_eq!(running.lines("a.jsonl").len(), 498);

    running.send("POST", "/_sandbox/switches", &json!({"page_max": 0}));
    for (word, times) in [("502", 90), ("401", 90), ("403", 1)] {
        let fault = json!({"script": [{"on": "GET leads", "nth": if word == "502" { 1 } else { 2 }, "do": word, "times": times}]});
        running.send("POST", "/_sandbox/faults", &fault);
        let failed = running.export(&leads(), "b.csv").err().unwrap_or_else(|| panic!("{word} stops"));
        assert!(matches!(failed, ExportError::Service(_)), "{failed}");
        let left: Vec<_> = std::fs::read_dir(running.folder.path()).expect("a folder").flatten().collect();
        assert_eq!(left.len(), 1, "{word}: {left:?}");
    }
}

/// A service whose list is another one at each request: `answer` is given the request's number, the offset and the limit.
fn served(answer: impl Fn(u64, usize, usize) -> Vec<u64> + Send + Sync + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let base = format!("http://{}", listener.local_addr().expect("an address"));
    std::thread::spawn(move || {
        let (answer, requests) = (Arc::new(answer), Arc::new(AtomicU64::new(0)));
        for stream in listener.incoming() {
            let mut stream = stream.expect("a connection");
            let (answer, requests) = (Arc::clone(&answer), Arc::clone(&requests));
            // A connection that was opened ahead may wait, and nobody waits for it.
            std::thread::spawn(move || {
                let mut line = String::new();
                let mut request = BufReader::new(stream.try_clone().expect("a stream"));
                if request.read_line(&mut line).unwrap_or(0) == 0 {
                    return;
                }
                while request.read_line(&mut String::new()).is_ok_and(|read| read > 2) {}
                let number = |key: &str| -> usize {
                    let value = line.split(['?', '&', ' ']).find_map(|part| part.strip_prefix(key)).expect(key);
                    value.parse().expect("a number")
                };
                let (page, limit) = (number("page="), number("limit="));
                let n = requests.fetch_add(1, Ordering::Relaxed);
                let rows: Vec<Value> =
                    answer(n, (page - 1) * limit, limit).into_iter().map(|id| json!({"id": id})).collect();
                let body = json!({"_embedded": {"leads": rows}}).to_string();
                let head = format!("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", body.len());
                let _ = stream.write_all((head + &body).as_bytes());
            });
        }
    });
    base
}

/// A page of a list as it is at the nth request.
fn paged(list: impl Fn(u64) -> Vec<u64> + Send + Sync + 'static) -> String {
    served(move |n, from, limit| list(n).into_iter().skip(from).take(limit).collect())
}

fn listed(base: &str, twice: bool) -> (Vec<u64>, Option<String>) {
    let base = parse_base(base).expect("an address");
    let token = secrecy::SecretString::from("token".to_owned());
    let client = Arc::new(Client::new(base, token.into(), Pace::new(7, Clock::faster(SPEED))).expect("a client"));
    let listing = ListQuery { entity: Entity::Leads, catalog: None, query: vec![], twice };
    let mut ids = Vec::new();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("threads");
    let listed = runtime.block_on(client.read_list(listing, async |row| {
        ids.extend(parts::id(&row.item["id"]));
        Ok::<(), ()>(())
    }));
    (ids, listed.expect("a list").doubt)
}

#[test]
fn a_list_that_moves_or_lies_is_read_again_or_doubted() {
    let count = |base: String, twice: bool| {
        let (ids, doubt) = listed(&base, twice);
        let unlike: HashSet<u64> = ids.iter().copied().collect();
        assert_eq!(unlike.len(), ids.len(), "every id once");
        (ids.len(), doubt)
    };
    assert_eq!(count(paged(|_| (1..=1_000).collect()), false), (1_000, None));
    // Rows that are hidden from this user: short pages are no end, and they never meet.
    let hidden = |_, from: usize, limit: usize| -> Vec<u64> {
        (1..=1_000).skip(from).take(limit).filter(|id| id % 100 < 50 && id % 7 != 0).collect()
    };
    let there = (1..=1_000).filter(|id| id % 100 < 50 && id % 7 != 0).count();
    assert_eq!(count(served(hidden), false), (there, None));
    // One row is deleted after the first answer, or some after each of the first four: others slip to pages that were read.
    // Several pages are asked for at once, so the first answer need not be the one with the row that goes.
    let one_goes = |twice: bool| {
        let (rows, doubt) = count(paged(|n| (1 + u64::from(n > 0)..=1_000).collect()), twice);
        assert!((999..=1_000).contains(&rows) && doubt.is_none(), "{rows}, {doubt:?}");
    };
    one_goes(false);
    let (rows, doubt) = count(paged(|n| (1 + 20 * n.min(4)..=1_000).collect()), false);
    assert!(rows >= 920 && doubt.is_none(), "{rows}, {doubt:?}");
    // It breaks off behind a page that is full: what should begin within that is empty.
    let breaks_off = |_, from: usize, limit: usize| -> Vec<u64> {
        if from < 500 { (1..=1_000).skip(from).take(limit).collect() } else { Vec::new() }
    };
    let (rows, doubt) = count(served(breaks_off), false);
    assert!(rows < 1_000, "{rows}");
    assert!(doubt.as_deref().is_some_and(|why| why.contains("overlaps the full page before it")), "{doubt:?}");
    // At the end, where the pages behind are empty.
    assert_eq!(count(paged(|n| (1..=300).filter(|id| *id > 2 || n < 2).collect()), false).1, None);
    let (_, doubt) = count(paged(|n| (1 + 100 * n..=3_000 + 100 * n).collect()), false);
    assert!(doubt.is_some_and(|doubt| doubt.contains("changed during")));
    let falling = |_, from: usize, _| match from {
        0 => vec![9, 19],
        250.. => vec![],
        _ => vec![8, 18, 19],
    };
    assert_eq!(count(served(falling), false), (4, None), "two readings agree");
    let (rows, doubt) = count(served(|_, from, _| if from == 0 { vec![2, 1] } else { vec![] }), false);
    assert!(rows == 2 && doubt.is_some_and(|doubt| doubt.contains("ids are not in ascending order")));
    // One that ignores the page's number, and one that ignores its size as well.
    assert_eq!(count(served(|_, _, _| vec![1, 2, 3]), false), (3, None));
    for list in
        [|_: u64, _: usize, limit: usize| (1..=limit as u64).collect(), |_, _, _| (1..=250).collect::<Vec<u64>>()]
    {
        let (rows, doubt) = count(served(list), false);
        assert!(rows == 250 && doubt.is_some_and(|doubt| doubt.contains("so the list may be longer")));
    }
    // Twice is twice.
    one_goes(true);
}

#[test]
fn rows_that_the_service_should_have_filtered_are_left_out() {
    let running = Running::start(Switches::default());
    let pipelines = running.send("GET", "/api/v4/leads/pipelines", &Value::Null);
    let pipeline = &pipelines["_embedded"]["pipelines"][0];
    let stages = pipeline["_embedded"]["statuses"].as_array().expect("stages");
    let stage = stages.last().expect("a stage")["id"].as_u64().expect("an id");
    running.send(
        "POST",
        "/api/v4/leads",
        &json!([{"name": "a"}, {"name": "b", "status_id": stage, "pipeline_id": pipeline["id"]}]),
    );
    // A flat filter by stage is ignored. [client live]
    let ask = ExportQuery { filters: vec![("status_id".into(), vec![stage])], ..leads() };
    let exported = running.export(&ask, "a.jsonl").expect("an export");
    assert_eq!((exported.rows, exported.filtered), (1, 1));
    assert_eq!(running.lines("a.jsonl")[0]["name"], "b");
    let future = ExportQuery { since: Some(9_999_999_999), ..leads() };
    assert_eq!(running.export(&future, "b.jsonl").expect("an export").rows, 0);
}

#[test]
fn a_workbook_and_a_csv_hold_what_was_made() {
    let running = Running::start(Switches::default());
    let fields = running.send(
        "POST",
        "/api/v4/leads/custom_fields",
        &json!([
            {"name": "Проба: число", "type": "numeric"}, {"name": "Проба: день", "type": "date"},
            {"name": "Проба: миг", "type": "date_time"}, {"name": "Проба: флаг", "type": "checkbox"},
            {"name": "Проба: текст", "type": "text"},
        ]),
    );
    let field = |n: usize| fields["_embedded"]["custom_fields"][n]["id"].clone();
    let value = |n: usize, value: Value| json!({"field_id": field(n), "values": [{"value": value}]});
    // 2025-11-20T10:00+03:00, the sandbox being in Moscow.
    let at = 1_763_622_000;
    let lead = json!([{"name": "=1+1", "price": 1500, "created_at": at, "closed_at": at, "tags_to_add": [{"name": "a"}, {"name": "b"}],
        "custom_fields_values": [value(0, json!(12.5)), value(1, json!(at)), value(2, json!(at)), value(3, json!(true)),
            value(4, json!("+7 900"))]}]);
    running.send("POST", "/api/v4/leads", &lead);
    let expected = [
        ("Название", "=1+1", Data::String("=1+1".into())),
        ("Бюджет", "1500", Data::Float(1500.0)),
        ("Создана", "2025-11-20 10:00", Data::Float(45_981.0 + 10.0 / 24.0)),
        ("Теги", "a, b", Data::String("a, b".into())),
        ("Проба: число", "12.5", Data::Float(12.5)),
        ("Проба: день", "2025-11-20", Data::Float(45_981.0)),
        ("Проба: миг", "2025-11-20 10:00", Data::Float(45_981.0 + 10.0 / 24.0)),
        ("Проба: флаг", "да", Data::String("да".into())),
        ("Проба: текст", "+7 900", Data::String("+7 900".into())),
    ];

    running.export(&leads(), "a.xlsx").expect("a workbook");
    let mut book: calamine::Xlsx<_> = calamine::open_workbook(running.folder.path().join("a.xlsx")).expect("it opens");
    let formulas = book.worksheet_formula("Export").expect("a sheet");
    let sheet = book.worksheet_range("Export").expect("a sheet");
    let told: Vec<&String> = formulas.used_cells().map(|(_, _, formula)| formula).collect();
    let last = sheet.rows().next().expect("titles").iter().position(|cell| cell == "Ссылка").expect("links");
    let Data::String(link) = &sheet.rows().nth(1).expect("a row")[last] else { panic!("a link is a text") };
    assert!(link.contains("/leads/detail/"), "{link}");
    assert_eq!(told, [&format!("HYPERLINK(\"{link}\")")], "what a lead holds is never a formula");
    for (title, _, value) in &expected {
        let column = sheet.rows().next().expect("titles").iter().position(|cell| cell == *title).expect(title);
        let cell = &sheet.rows().nth(1).expect("a row")[column];
        match (cell, value) {
            (Data::DateTime(at), Data::Float(days)) => assert!((at.as_f64() - days).abs() < 1e-6, "{title}: {at}"),
            _ => assert_eq!(cell, value, "{title}"),
        }
    }

    let exported = running.export(&leads(), "a.csv").expect("a csv");
    assert_eq!(exported.written.neutralised, 2);
    let bytes = std::fs::read(running.folder.path().join("a.csv")).expect("a file");
    assert!(bytes.starts_with(b"\xEF\xBB\xBF\"ID\"") || bytes.starts_with(b"\xEF\xBB\xBFID,"));
    assert!(bytes.ends_with(b"\r\n"));
    let mut rows = csv::Reader::from_reader(&bytes[3..]);
    let titles = rows.headers().expect("titles").clone();
    let row = rows.records().next().expect("a row").expect("a row");
    for (title, text, _) in &expected {
        let column = titles.iter().position(|name| name == *title).expect(title);
        let text = if text.starts_with(['=', '+']) { format!("'{text}") } else { (*text).to_owned() };
        assert_eq!(row[column], text, "{title}");
    }
    let link = titles.iter().position(|name| name == "Ссылка").expect("links");
    assert!(row[link].contains("/leads/detail/"), "{}", &row[link]);
}

/// 777.5 was shown as 778 where it was typed into a column of whole amounts.
#[test]
fn columns_that_no_record_fills_stand_last_and_folded_and_numbers_are_shown_whole() {
    let running = Running::start(Switches::default());
    let fields = json!([{"name": "Проба: пусто", "type": "text"}, {"name": "Проба: сумма", "type": "monetary"},
        {"name": "Проба: ИНН", "type": "numeric"}]);
    let fields = running.send("POST", "/api/v4/leads/custom_fields", &fields);
    let field = |n: usize| fields["_embedded"]["custom_fields"][n]["id"].clone();
    let lead = |sum: f64, inn: f64| {
        json!({"name": "Сделка", "price": 500, "custom_fields_values": [
            {"field_id": field(1), "values": [{"value": sum}]}, {"field_id": field(2), "values": [{"value": inn}]}]})
    };
    running.send("POST", "/api/v4/leads", &json!([lead(500.0, 7.0), lead(777.5, 500_100_732_259.0)]));
    running.export(&leads(), "a.xlsx").expect("a workbook");
    let file = running.folder.path().join("a.xlsx");

    let mut book: calamine::Xlsx<_> = calamine::open_workbook(&file).expect("it opens");
    let sheet = book.worksheet_range("Export").expect("a sheet");
    let filled: Vec<bool> =
        (0..sheet.width()).map(|at| sheet.rows().skip(1).any(|row| row[at] != Data::Empty)).collect();
    let first_empty = filled.iter().position(|filled| !filled).expect("an empty column");
    assert!(first_empty > 5 && filled[first_empty..].iter().all(|filled| !filled), "{filled:?}");
    let titles: Vec<String> = sheet.rows().next().expect("titles").iter().map(Data::to_string).collect();
    assert!(titles[first_empty..].contains(&"Проба: пусто".to_owned()), "{titles:?}");

    let xml = part(&file, "xl/worksheets/sheet1.xml");
    let mut folded = Vec::new();
    for tag in xml.split("<col ").skip(1).map(|tag| &tag[..tag.find("/>").expect("an end")]) {
        let number = |name: &str| {
            let value = tag.split(&format!("{name}=\"")).nth(1).and_then(|rest| rest.split('"').next());
            value.and_then(|value| value.parse::<usize>().ok()).expect("a number")
        };
        if tag.contains(r#"hidden="1""#) && tag.contains(r#"outlineLevel="1""#) {
            folded.extend(number("min")..=number("max"));
        }
    }
    assert_eq!(folded, (first_empty + 1..=titles.len()).collect::<Vec<_>>());

    let styles = part(&file, "xl/styles.xml");
    let formats: Vec<&str> = styles.split("<numFmts").nth(1).expect("formats").split("<numFmt ").skip(1).collect();
    let formats: Vec<&str> = formats.iter().map(|tag| &tag[..tag.find("/>").expect("an end")]).collect();
    let code = |style: &str| {
        let xfs = styles.split("<cellXfs").nth(1).expect("styles");
        let xf = xfs.split("<xf ").nth(style.parse::<usize>().expect("a number") + 1).expect("a style");
        let id = xf.split("numFmtId=\"").nth(1).and_then(|rest| rest.split('"').next()).expect("an id");
        let tag = formats.iter().find(|tag| tag.contains(&format!("numFmtId=\"{id}\"")));
        tag.and_then(|tag| tag.split("formatCode=\"").nth(1)?.split('"').next()).unwrap_or("General").to_owned()
    };
    for (title, format) in [
        ("Бюджет", "#,##0.00####"),
        ("Проба: сумма", "#,##0.00####"),
        ("Проба: ИНН", "[&lt;100000000000]General;0"),
        ("ID", "General"),
    ] {
        let at = titles.iter().position(|known| known == title).expect(title);
        let letter = rust_xlsxwriter::utility::column_number_to_name(at as u16);
        for row in [2, 3] {
            let cell = xml.split(&format!("<c r=\"{letter}{row}\"")).nth(1).expect("a cell");
            let style = cell[..cell.find('>').expect("an end")].split("s=\"").nth(1);
            let style = style.and_then(|rest| rest.split('"').next()).unwrap_or("0");
            assert_eq!(code(style), format, "{title} {row}");
        }
    }
}

/// What a part of a workbook holds.
fn part(file: &Path, name: &str) -> String {
    let mut book = zip::ZipArchive::new(std::fs::File::open(file).expect("a file")).expect("a workbook");
    std::io::read_to_string(book.by_name(name).expect(name)).expect("XML")
}

#[test]
fn a_column_offers_what_the_account_knows() {
    let running = Running::with_leads(Switches::default(), 3);
    running.export(&leads(), "a.xlsx").expect("a workbook");
    let file = running.folder.path().join("a.xlsx");
    let mut book: calamine::Xlsx<_> = calamine::open_workbook(&file).expect("it opens");
    let titles: Vec<String> = book
        .worksheet_range("Export")
        .expect("a sheet")
        .rows()
        .next()
        .expect("titles")
        .iter()
        .map(Data::to_string)
        .collect();
    let lists = book.worksheet_range("Списки").expect("lists");
    let xml = part(&file, "xl/worksheets/sheet1.xml");
    // The column of a rule, and the column of the list it takes its texts from.
    let letter = |letter: &str| letter.bytes().fold(0, |n, b| n * 26 + usize::from(b - b'A') + 1) - 1;
    let offered = |title: &str| -> Vec<String> {
        let rule = xml.split("<dataValidation ").skip(1).find(|rule| {
            let at = rule.split("sqref=\"").nth(1).expect("a place").split(|c: char| c.is_ascii_digit()).next();
            titles[letter(at.expect("a column"))] == title
        });
        let rule = rule.unwrap_or_else(|| panic!("no list for {title}: {titles:?}"));
        let list = rule.split("<formula1>").nth(1).expect("a list").split('<').next().expect("a list");
        let (from, to) = list.strip_prefix("'Списки'!$").expect("a sheet").split_once(":$").expect("a range");
        let rows = to.rsplit('$').next().expect("a row").parse::<usize>().expect("a number");
        let column = letter(from.split('$').next().expect("a column"));
        assert_eq!(lists.get_value((0, column as u32)).map(Data::to_string).as_deref(), Some(title));
        (1..rows).map(|row| lists.get_value((row as u32, column as u32)).expect("a choice").to_string()).collect()
    };
    let all = |path: &str, key: &str| -> Vec<Value> {
        let answer = running.send("GET", path, &Value::Null);
        answer["_embedded"][key].as_array().expect("a list").clone()
    };
    let names = |all: &[Value], key: &str| -> Vec<String> {
        all.iter().map(|one| one[key].as_str().expect("a name").to_owned()).collect()
    };
    assert_eq!(offered("Воронка"), names(&all("/api/v4/leads/pipelines", "pipelines"), "name"));
    assert!(offered("Этап").contains(&"Успешно реализовано".to_owned()));
    assert!(offered("Ответственный").contains(&"Анна Смирнова".to_owned()));
    let fields = all("/api/v4/leads/custom_fields?limit=250", "custom_fields");
    let selects: Vec<&Value> = fields.iter().filter(|field| field["type"] == "select").collect();
    assert!(!selects.is_empty());
    for field in selects {
        let options = field["enums"].as_array().expect("options");
        assert_eq!(offered(field["name"].as_str().expect("a name")), names(options, "value"), "{field}");
    }
    let hidden = part(&file, "xl/workbook.xml");
    assert!(hidden.contains("name=\"Списки\" sheetId=\"2\" state=\"hidden\""), "{hidden}");
}

/// The catalog that people export to look at its prices.
#[test]
fn a_catalog_of_twenty_thousand_is_the_same_value_by_value() {
    const PRODUCTS: u64 = 20_000;
    let running = Running::start(Switches::default());
    let lists = running.send("GET", "/api/v4/catalogs?limit=250", &Value::Null);
    let list = lists["_embedded"]["catalogs"].as_array().expect("lists").iter().find(|list| list["type"] == "products");
    let catalog = list.expect("products")["id"].as_u64().expect("an id");
    let path = format!("/api/v4/catalogs/{catalog}");
    let fields = running.send("GET", &format!("{path}/custom_fields?limit=250"), &Value::Null);
    let field = |code: &str| {
        let fields = fields["_embedded"]["custom_fields"].as_array().expect("fields");
        fields.iter().find(|field| field["code"] == code).expect(code).clone()
    };
    let (sku, price) = (field("SKU"), field("PRICE"));
    let article = |n: u64| format!("{n:05}");
    // Prices with and without cents, and some elements without one.
    let cents = |n: u64| (!n.is_multiple_of(10)).then(|| n * 37 % 1_000_003 + (n % 3) * 50);
    let before = running.send("GET", &format!("{path}/elements?limit=250"), &Value::Null);
    let before = before["_embedded"]["elements"].as_array().map_or(0, Vec::len);
    for from in (0..PRODUCTS).step_by(250) {
        let elements: Vec<Value> = (from..from + 250)
            .map(|n| {
                let mut values = vec![json!({"field_id": sku["id"], "values": [{"value": article(n)}]})];
                if let Some(cents) = cents(n) {
                    let value = format!("{}.{:02}", cents / 100, cents % 100);
                    values.push(json!({"field_id": price["id"], "values": [{"value": value}]}));
                }
                json!({"name": format!("Товар {n}"), "custom_fields_values": values})
            })
            .collect();
        running.send("POST", &format!("{path}/elements"), &json!(elements));
    }
    let ask = ExportQuery { entity: Entity::Elements, catalog: Some(catalog), ..leads() };
    let exported = running.export(&ask, "products.xlsx").expect("a workbook");
    assert_eq!((exported.listed.doubt, exported.rows), (None, PRODUCTS + before as u64));
    let file = running.folder.path().join("products.xlsx");
    let mut book: calamine::Xlsx<_> = calamine::open_workbook(file).expect("it opens");
    let sheet = book.worksheet_range("Export").expect("a sheet");
    let titles: Vec<String> = sheet.rows().next().expect("titles").iter().map(Data::to_string).collect();
    let column = |title: &Value| titles.iter().position(|name| name == title).unwrap_or_else(|| panic!("no {title}"));
    let columns = (column(&json!("Название")), column(&sku["name"]), column(&price["name"]));
    let rows: Vec<_> = sheet.rows().skip(1 + before).collect();
    assert_eq!(rows.len() as u64, PRODUCTS);
    for (n, row) in (0..PRODUCTS).zip(rows) {
        let price = cents(n).map_or(Data::Empty, |cents| Data::Float(cents as f64 / 100.0));
        let expected = (&Data::String(format!("Товар {n}")), &Data::String(article(n)), &price);
        assert_eq!((&row[columns.0], &row[columns.1], &row[columns.2]), expected);
    }
}

/// Makes some of every kind, and says how many there are now.
fn furnish(service: &Service, folder: &Folder) -> Vec<(&'static str, &'static [&'static str], usize)> {
    let named =
        |count: usize| json!((0..count).map(|n| json!({"name": format!("n{n}")})).collect::<Vec<_>>()).to_string();
    service.post("/_sandbox/switches", r#"{"rate_max": 1000000}"#);
    service.post("/api/v4/leads", &named(4));
    service.post("/api/v4/contacts", &named(3));
    service.post("/api/v4/companies", &named(2));
    let made = service.post("/api/v4/customers", &named(2));
    let customer = made["_embedded"]["customers"][0]["id"].as_u64().expect("a customer");
    service
        .post(&format!("/api/v4/customers/{customer}/transactions"), r#"[{"price": 5}, {"price": 6}, {"price": 7}]"#);
    service.post("/api/v4/customers/segments", r#"{"name": "Опт"}"#);
    let of = |name: &str| format!("{}/{name}", env!("CARGO_MANIFEST_DIR"));
    let (source, mapping) = (of("samples/invoices.xlsx"), of("mappings/invoices.toml"));
    folder.run(service, &["import", &source, "--mapping", &mapping, "--verify", "none"]).expect(0);
    let lists = service.all("catalogs");
    let list = |kind: &str| lists.iter().find(|list| list["type"] == kind).expect("a list")["id"].clone();
    let count = |kind: &str| service.get(&format!("/api/v4/catalogs/{}/elements?limit=250", list(kind)));
    let count = |kind: &str| count(kind)["_embedded"]["elements"].as_array().map_or(0, Vec::len);
    vec![
        ("lead", &[], 4),
        ("contact", &[], 3),
        ("company", &[], 2),
        ("customer", &[], 2),
        ("transaction", &[], 3),
        ("element", &["--catalog", "Товары"], count("products")),
        ("invoice", &[], count("invoices")),
        ("catalog", &[], lists.len()),
        (
            "segment",
            &[],
            service.get("/api/v4/customers/segments")["_embedded"]["segments"].as_array().map_or(0, Vec::len),
        ),
    ]
}

/// Beside others that would share their pace with it otherwise.
fn alone(folder: &Folder, service: &Service, args: &[&str]) -> Ran {
    let rate = tempfile::tempdir().expect("a folder");
    ran(folder.command(service, args).env("AMOPORT_RATE_DIR", rate.path()).output().expect("the program runs"))
}

#[test]
fn every_kind_can_be_exported() {
    let (service, folder) = (Service::start(), Folder::new());
    let kinds = furnish(&service, &folder);
    let check = &|kind: &str, more: &[&str], rows: usize| {
        for ending in ["csv", "jsonl"] {
            let file = format!("{kind}.{ending}");
            let ran = alone(&folder, &service, &[&["export", kind, "--to", &file, "--json"], more].concat()).expect(0);
            assert_eq!(ran.json()["rows"], rows, "{kind}");
            let bytes = std::fs::read(folder.path().join(&file)).expect("a file");
            let found = match ending {
                "csv" => csv::Reader::from_reader(&bytes[3..]).records().count(),
                _ => String::from_utf8_lossy(&bytes).lines().count(),
            };
            assert_eq!(found, rows, "{file}");
            let manifest = std::fs::read(folder.path().join(format!("{file}.manifest.json"))).expect("a manifest");
            let manifest: Value = serde_json::from_slice(&manifest).expect("JSON");
            assert_eq!((&manifest["complete"], &manifest["rows"]), (&json!(true), &json!(rows)), "{kind}");
            assert_eq!(manifest["user"]["is_admin"], json!(true));
            assert_eq!(manifest["sha256"].as_str().map(str::len), Some(64));
        }
    };
    assert!(kinds.iter().all(|(_, _, rows)| *rows > 0), "{kinds:?}");
    std::thread::scope(|scope| {
        for (kind, more, rows) in kinds {
            scope.spawn(move || check(kind, more, rows));
        }
    });
    http(
        service.url(),
        "PATCH",
        "/api/v4/customers/mode",
        service.token(),
        r#"{"mode":"periodicity","is_enabled":true}"#,
    );
    let statuses = service.get("/api/v4/customers/statuses")["_embedded"]["statuses"].as_array().map_or(0, Vec::len);
    assert!(statuses > 0);
    check("customer-status", &[], statuses);
    let refused = folder.run(&service, &["export", "segment", "--to", "s.csv"]).expect(2);
    assert!(refused.stderr.contains("customers are \"periodicity\""), "{}", refused.stderr);
}

#[test]
fn an_export_goes_on_from_the_last_complete_one() {
    let (service, folder) = (Service::start(), Folder::new());
    service.post("/_sandbox/switches", r#"{"rate_max": 1000000}"#);
    let old: Vec<Value> = (0..300).map(|n| json!({"name": format!("n{n}"), "updated_at": 1_700_000_000})).collect();
    let first = service.post("/api/v4/leads", &json!(old[..250]).to_string())["_embedded"]["leads"][0]["id"].clone();
    service.post("/api/v4/leads", &json!(old[250..]).to_string());
    let export = |file: &str, more: &[&str], exit: i32| {
        let ran = alone(&folder, &service, &[&["export", "lead", "--to", file], more].concat()).expect(exit);
        let text = std::fs::read_to_string(folder.path().join(file)).expect("a file");
        (text.lines().count(), ran.stderr)
    };
    // What is possibly incomplete is not gone on from.
    service.post("/_sandbox/switches", r#"{"page_max": 1}"#);
    assert_eq!(export("0.jsonl", &["--since", "last"], 1).0, 250);
    service.post("/_sandbox/switches", r#"{"page_max": 0}"#);
    let (rows, told) = export("1.jsonl", &["--since", "last"], 0);
    assert!(rows == 300 && told.contains("everything is read"), "{told}");
    let (rows, told) = export("2.jsonl", &["--since", "last"], 0);
    assert!(rows == 0 && told.contains("what has changed since 20"), "{told}");
    service.post("/api/v4/leads", r#"[{"name": "new"}]"#);
    let path = format!("/api/v4/leads/{first}");
    http(service.url(), "PATCH", &path, service.token(), r#"{"name": "changed"}"#);
    assert_eq!(export("3.jsonl", &["--since", "last"], 0).0, 2);
    assert_eq!(export("4.jsonl", &["--since", "last"], 0).0, 2, "what was there a moment ago comes again");
    // Others are remembered apart.
    let (rows, told) = export("5.jsonl", &["--since", "last", "--query", "changed"], 0);
    assert!(rows == 1 && told.contains("everything is read"), "{told}");
}

#[test]
fn what_cannot_be_asked_is_refused_with_what_to_do() {
    let (service, folder) = (Service::start(), Folder::new());
    service.post("/_sandbox/switches", r#"{"rate_max": 1000000}"#);
    service.post("/api/v4/leads", r#"[{"name": "a"}, {"name": "b"}]"#);
    folder.write("there.csv", "x");
    let refused = [
        (&["lead", "--to", "a.txt"][..], "use a name that ends in .xlsx, .csv or .jsonl"),
        (&["lead", "--to", "there.csv"], "--force"),
        (&["lead", "--to", "none/a.csv"], "does not exist"),
        (&["lead", "--to", "a.csv", "--filter", "price=1"], "responsible_user_id"),
        (&["lead", "--to", "a.csv", "--filter", "status_id=x"], "is not a valid id"),
        (&["contact", "--to", "a.csv", "--filter", "status_id=1"], "cannot be filtered"),
        (&["customer-status", "--to", "a.csv", "--since", "2026-01-01"], "leave out --since"),
        (&["lead", "--to", "a.csv", "--since", "soon"], "is not a valid date"),
        (&["lead", "--to", "a.csv", "--columns", "ID,Бюджед"], "did you mean \"Бюджет\"?"),
        (&["lead", "--to", "a.jsonl", "--columns", "ID"], "leave out --columns"),
        (&["element", "--to", "a.csv"], "add --catalog"),
        (&["element", "--to", "a.csv", "--catalog", "Товар"], "did you mean"),
        (&["complex-lead", "--to", "a.csv"], "kinds are lead"),
    ];
    std::thread::scope(|scope| {
        for (args, told) in refused {
            let (service, folder) = (&service, &folder);
            scope.spawn(move || {
                let ran = alone(folder, service, &[&["export"], args].concat()).expect(2);
                assert!(ran.stderr.contains(told), "{args:?}: {}", ran.stderr);
            });
        }
    });
    folder.run(&service, &["export", "lead", "--to", "there.csv", "--force", "--columns", "название, ID"]).expect(0);
    let text = std::fs::read_to_string(folder.path().join("there.csv")).expect("a file");
    assert!(text.starts_with("\u{feff}Название,ID\r\na,"), "{text}");
    let ran = folder.run(&service, &["export", "lead", "--to", "-", "--query", "b"]).expect(0);
    let row: Value = serde_json::from_str(&ran.stdout).expect("one row");
    assert_eq!(row["name"], "b");
    let id = row["id"].to_string();
    let ran =
        folder.run(&service, &["export", "lead", "--to", "i.csv", "--id", &format!("{id},5"), "--json"]).expect(0);
    assert_eq!((&ran.json()["rows"], &ran.json()["missing_ids"]), (&json!(1), &json!([5])));
    let ran = folder.run(&service, &["export", "lead", "--to", "s.csv", "--since", "2999-01-01", "--json"]).expect(0);
    assert_eq!(ran.json()["rows"], 0);
    // Without its fields a table would lack columns, and say so.
    let field = service.get("/api/v4/leads/custom_fields")["_embedded"]["custom_fields"][2]["id"].clone();
    let lead = json!([{"name": "c", "custom_fields_values": [{"field_id": field, "values": [{"value": "x"}]}]}]);
    let made = http(service.url(), "POST", "/api/v4/leads", service.token(), &lead.to_string());
    assert_eq!(made.0, 200, "{}", made.1);
    service.post("/_sandbox/faults", r#"{"script": [{"on": "GET leads/custom_fields", "nth": 1, "do": "422"}]}"#);
    let ran = folder.run(&service, &["export", "lead", "--to", "f.csv", "--json"]).expect(1);
    assert_eq!(ran.json()["unlisted_fields"], json!([field]));
    assert_eq!(ran.json()["gaps"], json!(["fields of leads"]));
    service.post("/_sandbox/faults", r#"{"script": [{"on": "GET leads", "nth": 1, "do": "403", "times": 9}]}"#);
    let ran = folder.run(&service, &["export", "lead", "--to", "x.csv"]).expect(4);
    assert!(ran.stderr.contains("no file was written"), "{}", ran.stderr);
    assert!(!folder.path().join("x.csv").exists());
}

#[cfg(unix)]
#[test]
fn an_interrupted_export_leaves_no_file() {
    let (service, folder) = (Service::start(), Folder::new());
    service.post("/api/v4/leads", r#"[{"name": "a"}]"#);
    service.faults(r#"{"script": [{"on": "GET leads", "nth": 1, "do": "hang"}]}"#);
    let child = folder.spawn(&service, &["export", "lead", "--to", "a.csv"]);
    let begun = || {
        std::fs::read_dir(folder.path())
            .is_ok_and(|mut files| files.any(|f| f.is_ok_and(|f| f.file_name().to_string_lossy().ends_with(".part"))))
    };
    for _ in 0..600 {
        if begun() {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    assert!(begun(), "the file grows under another name");
    let killed = std::process::Command::new("kill").args(["-TERM", &child.id().to_string()]).status();
    assert!(killed.is_ok_and(|status| status.success()));
    ran(child.wait_with_output().expect("it ends")).expect(143);
    assert!(!begun() && !folder.path().join("a.csv").exists());
}

#[test]
fn a_reader_of_standard_output_that_has_enough_is_no_fault_of_the_disk() {
    let (service, folder) = (Service::start(), Folder::new());
    let leads: Vec<Value> = (0..250).map(|n| json!({"name": "Сделка ".repeat(30) + &n.to_string()})).collect();
    service.post("/api/v4/leads", &json!(leads).to_string());
    let mut command = folder.command(&service, &["export", "lead", "--to", "-"]);
    let mut child =
        command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped()).spawn().expect("the program");
    // Closed before anything can have come.
    drop(child.stdout.take());
    let ran = ran(child.wait_with_output().expect("an end")).expect(1);
    assert!(ran.stderr.contains("has stopped reading"), "{}", ran.stderr);
    assert!(!ran.stderr.contains("disk"), "{}", ran.stderr);
}

/// What was exported before has its own proof: neither is replaced without the other.
#[test]
fn a_file_whose_proof_cannot_be_replaced_stays_as_it_is() {
    let (service, folder) = (Service::start(), Folder::new());
    service.post("/_sandbox/switches", r#"{"rate_max": 1000000}"#);
    service.post("/api/v4/leads", r#"[{"name": "a"}]"#);
    let export = ["export", "lead", "--to", "a.jsonl", "--force"];
    folder.run(&service, &export).expect(0);
    let old = std::fs::read(folder.path().join("a.jsonl")).expect("the file");
    // Nobody takes away a folder for a file.
    let proof = folder.path().join("a.jsonl.manifest.json");
    std::fs::remove_file(&proof).expect("the proof");
    std::fs::create_dir(&proof).expect("a folder");
    service.post("/api/v4/leads", r#"[{"name": "b"}]"#);
    folder.run(&service, &export).expect(5);
    assert_eq!(std::fs::read(folder.path().join("a.jsonl")).expect("the file"), old);
    std::fs::remove_dir(&proof).expect("the folder");
    folder.run(&service, &export).expect(0);
    let manifest: Value = serde_json::from_slice(&std::fs::read(&proof).expect("the proof")).expect("JSON");
    assert_eq!(manifest["rows"], 2);
}
