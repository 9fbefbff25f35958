//! A shop's till: 3,000 purchases of 1,200 customers, in the order of time, as such files come. Each lands at its own
//! customer, and what the account says a customer has spent is what the sheet comes to. Time runs faster.

use crate::voyage;

use amo_client::clock::Clock;
use amo_client::pace::Pace;
use amo_client::{Client, parse_base, snapshot};
use amo_model::Entity;
use amo_sandbox::{Options as SandboxOptions, Sandbox, Switches};
use amoport::mapping::wanted::wanted;
use amoport::mapping::{self, Keyed, Ledger, Mapper, compile};
use amoport::store::{Journal, NewRun, RunHead, Store};
use amoport::upload::feed::{self, Select};
use amoport::upload::{BatchSize, End, Rights, Upload, UploadOptions};
use serde_json::{Value, json};
use sheet_source::{ReadOptions, Table};
use std::collections::HashMap;
use std::collections::HashSet;
use std::fmt::Write as _;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use voyage::Harbour;

const CUSTOMERS: usize = 1_200;
const PURCHASES: usize = 3_000;
const SPEED: f64 = 200.0;

/// The next of a row of numbers that never changes (Lehmer).
fn next(state: &mut u64) -> usize {
    *state = *state * 48_271 % 2_147_483_647;
    *state as usize
}

/// The files as a till and a card system leave them: windows-1251, semicolons, amounts written by hand.
fn sheets(folder: &Path) -> HashMap<String, (i64, u64)> {
    let mut customers = String::from(
        "Код клиента;Покупатель;Ожидаемая сумма;Ждём;Сегменты;Теги;Менеджер;Уровень;Баланс;Участник с;Интересы;Рассылка;Комментарий\r\n",
    );
    for n in 0..CUSTOMERS {
        // Many share a name: only their codes tell them apart.
        let _ = write!(customers, "К-{n:05};Покупатель {};;;;;;;;;;;\r\n", n % 400);
    }
    let mut till = String::from("Чек;Дата;Клиент;Сумма;Товары;Количество;Комментарий;Следующая покупка\r\n");
    let mut spent: HashMap<String, (i64, u64)> = HashMap::new();
    let mut state = 7;
    for n in 0..PURCHASES {
        // Everybody buys once, in no order that the cards have; then some again, and a few often.
        let regular = next(&mut state).is_multiple_of(3);
        let again = next(&mut state) % if regular { 60 } else { CUSTOMERS };
        let customer = if n % 5 < 2 { n / 5 * 2 + n % 5 } else { again };
        let price = (next(&mut state) % 90_000) as i64 + 10;
        let amount = match next(&mut state) % 4 {
            0 => format!("{price}"),
            1 if price >= 1000 => format!("{} {:03}", price / 1000, price % 1000),
            2 => format!("{price} руб."),
            _ => format!("{price},00"),
        };
        let (day, minute) = (1 + n / 110, n % 60);
        let _ = write!(till, "Ч-{n:06};{day:02}.10.2026 12:{minute:02};К-{customer:05};{amount};;;;\r\n");
        let sum = spent.entry(format!("К-{customer:05}")).or_default();
        sum.0 += price;
        sum.1 += 1;
    }
    for (name, text) in [("customers.csv", customers), ("till.csv", till)] {
        let (bytes, _, lost) = encoding_rs::WINDOWS_1251.encode(&text);
        assert!(!lost, "windows-1251 has all of these letters");
        std::fs::write(folder.join(name), bytes).expect("a source");
    }
    spent
}

fn head(file: &str, kind: &str, entity: &str) -> RunHead {
    serde_json::from_value(json!({
        "source": {"path": file, "sha256": file, "header_row": 1, "format": "csv", "bom": false, "titles": []},
        "mapping": {"path": "", "sha256": ""},
        "kind": kind, "entity": entity, "action": "create", "account": "sandbox", "target": "sandbox", "base": "",
        "folder": "", "settle": 60, "verify": "none", "rate": 7, "again": false,
    }))
    .expect("a head")
}

/// One import through the library, as the program does it. Comes to the id of each key.
fn import(
    sandbox: &Sandbox,
    folder: &Path,
    file: &str,
    mapping: &str,
    known: HashMap<String, u64>,
) -> HashMap<String, u64> {
    let path = folder.join(file);
    let written =
        mapping::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("mappings").join(mapping)).expect("a mapping");
    let clock = Clock::faster(SPEED);
    let base = parse_base(sandbox.url()).expect("an address");
    let token = secrecy::SecretString::from(sandbox.token().to_owned());
    let client = Arc::new(Client::new(base, token.into(), Pace::new(7, clock)).expect("a client"));
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
    let account = runtime.block_on(snapshot::pull(&client, &wanted(&written), 0, |_| {})).expect("the account").0;
    let open = || Table::open(&path, &ReadOptions { titles: compile::titles(&written), ..ReadOptions::default() });
    let table = open().expect("the source");
    let ledger = Ledger::new(move |asked| {
        let known = known.get(asked.key).copied().filter(|_| asked.entity == Entity::Customers);
        Ok(known.map(Keyed::Id))
    });
    let origins = compile::SourceContext::of(&table, ledger);
    let plan = Arc::new(compile::compile(&written, origins, Arc::new(account)).expect("a plan"));
    let spec = plan.kind.spec();
    let head = head(file, spec.name, spec.entity.path());
    let new = NewRun { name: file, head: &head, snapshot: "{}", started_at: 0, edits: &[], rows: None };
    let journal = Journal::begin(Store::open(folder).expect("a store"), &new).expect("a run");
    let upload = Upload {
        client,
        plan: Arc::clone(&plan),
        journal: Arc::new(Mutex::new(journal)),
        feed: feed::start(table, Mapper::new(Arc::clone(&plan), file), Select::default()),
        options: UploadOptions {
            batch: BatchSize::Auto { max: plan.write.batch_max, known: None },
            in_flight: 24,
            rate: 7,
            max_errors: None,
            settle: Duration::from_secs(60),
            answer_timeout: Duration::from_secs(60),
            clock,
            remake_deleted: false,
            sample: false,
            look_from: None,
            giving_up: false,
        },
        doubts: Vec::new(),
        links_unknown: HashSet::new(),
        rights: Rights::Known(true),
        watermark: None,
        expected: None,
        stop: CancellationToken::new(),
    };
    let report = runtime.block_on(amoport::upload::run(upload, &mut |_| {})).expect("the store");
    assert!(matches!(report.end, End::Finished), "{:?}", report.end);
    let store = Store::open(folder).expect("a store");
    let run = store.run_named(file).expect("a run").expect("a run");
    let mut ids = HashMap::new();
    store
        .lines::<amoport::store::StoreError>(&run, |line| {
            assert_eq!(line.status.word(), "created", "row {}: {:?}", line.row, line.problems);
            ids.extend(line.key.zip(line.id.map(|id| id as u64)));
            Ok(())
        })
        .expect("the report");
    ids
}

#[test]
fn purchases_land_at_their_customers_and_come_to_what_the_sheet_says() {
    let folder = tempfile::tempdir().expect("a folder");
    let spent = sheets(folder.path());
    let switches: Switches =
        serde_json::from_value(json!({"rate_max": 1_000_000, "block_after": 0})).expect("switches");
    let sandbox = Sandbox::start(SandboxOptions { switches, ..SandboxOptions::default() }).expect("a sandbox");
    let customers = import(&sandbox, folder.path(), "customers.csv", "customers.toml", HashMap::new());
    assert_eq!(customers.len(), CUSTOMERS);
    let purchases = import(&sandbox, folder.path(), "till.csv", "transactions.toml", customers.clone());
    assert_eq!(purchases.len(), PURCHASES);

    let harbour = Harbour { url: sandbox.url(), token: sandbox.token() };
    assert_eq!(harbour.held(Entity::Transactions).len(), PURCHASES);
    let held: HashMap<u64, Value> =
        harbour.held(Entity::Customers).into_iter().filter_map(|c| Some((c["id"].as_u64()?, c))).collect();
    for (key, id) in &customers {
        let (sum, count) = spent.get(key).copied().unwrap_or_default();
        let customer = &held[id];
        assert_eq!((&customer["ltv"], &customer["purchases_count"]), (&json!(sum), &json!(count)), "{key}");
    }
    let requests = harbour.get("/_sandbox/stats")["by_route"]["POST customers/{id}/transactions"].as_u64().unwrap_or(0);
    println!(
        "{PURCHASES} purchases of {} customers in {requests} requests, {} in all",
        spent.len(),
        spent.values().map(|(sum, _)| sum).sum::<i64>()
    );
    // One request for each customer who bought: the purchases of one customer meet in one batch.
    assert!(requests <= spent.len() as u64 + 50, "{requests} requests for {} customers", spent.len());
}
