//! The sandbox from outside: tests send raw bytes over TCP, so that the client and the server cannot share a mistake.

mod access;
mod account_parts;
mod catalogs;
mod client_reports;
mod complex;
mod control;
mod customers;
mod docs_page;
mod elements;
mod faults;
mod field_types;
mod full_records;
mod invoices;
mod links;
mod notes;
mod rate_limit;
mod reads;
mod rights;
mod robots;
mod secrets;
mod statuses_segments;
mod tasks;
mod transactions;
mod trash;
mod world;
mod writes;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use amo_sandbox::{Options, Sandbox, Switches};
use serde_json::{Value, json};

const NOW: i64 = 1_763_726_400;
const IVAN: u64 = 500_003;
const MAIN: u64 = 4_100_001;
const WHOLESALE: u64 = 4_100_003;

const PRODUCTS: u64 = 1001;
const INVOICES: u64 = 1003;
const CATEGORIES: u64 = 1005;
const SUPPLIERS: u64 = 1007;
/// Elements of a new world: two products, a category, a supplier, and their total number.
const DESK: u64 = 4_900_001;
const CHAIR: u64 = 4_900_005;
const FURNITURE: u64 = 4_920_001;
const CHAMOMILE: u64 = 4_910_001;
const SHIPPED: u64 = 19;

struct Answer {
    status: u16,
    head: String,
    body: String,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|e| panic!("{e} in {} {}", self.status, self.body))
    }

    fn is(self, status: u16) -> Answer {
        assert_eq!(self.status, status, "{}{}", self.head, self.body);
        self
    }

    fn has_type(self, content_type: &str) -> Answer {
        let line = format!("\r\ncontent-type: {content_type}\r\n");
        assert!(self.head.to_lowercase().contains(&line), "{}", self.head);
        self
    }

    /// `code path` of every error, in order.
    fn errors(&self) -> Vec<String> {
        let body = self.json();
        let all = body["validation-errors"].as_array().expect("validation errors").clone();
        let text = |e: &Value, key: &str| e[key].as_str().expect("a string").to_owned();
        all.iter()
            .flat_map(|item| item["errors"].as_array().expect("errors").clone())
            .map(|e| format!("{} {}", text(&e, "code"), text(&e, "path")))
            .collect()
    }
}

struct Running {
    sandbox: Sandbox,
    now: Arc<AtomicI64>,
}

impl Running {
    fn start(state: Option<&Path>, switches: Switches) -> Running {
        Running::of(Options { state: state.map(Path::to_owned), seed: Some(1), switches, ..Options::default() })
    }

    /// With a clock that only the test moves.
    fn of(options: Options) -> Running {
        let now = Arc::new(AtomicI64::new(NOW));
        let clock = now.clone();
        let options = Options { clock: Arc::new(move || clock.load(Ordering::SeqCst)), ..options };
        Running { sandbox: Sandbox::start(options).expect("a free port"), now }
    }

    /// In memory, without a rate limit.
    fn unlimited() -> Running {
        Running::start(None, no_limit())
    }

    fn with(switches: Value) -> Running {
        let running = Running::unlimited();
        running.control("POST", "switches", &switches.to_string()).is(200);
        running
    }

    /// Sends a request and reads nothing of the response.
    fn open(&self, method: &str, path: &str, headers: &str, body: &str) -> TcpStream {
        self.try_open(method, path, headers, body).expect("a request sent")
    }

    fn try_open(&self, method: &str, path: &str, headers: &str, body: &str) -> std::io::Result<TcpStream> {
        let address = self.sandbox.url().strip_prefix("http://").expect("plain http");
        let mut stream = TcpStream::connect(address)?;
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n{headers}content-length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all(head.as_bytes())?;
        stream.write_all(body.as_bytes())?;
        Ok(stream)
    }

    fn raw(&self, method: &str, path: &str, headers: &str, body: &str) -> std::io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.try_open(method, path, headers, body)?.read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    fn plain(&self, method: &str, path: &str, headers: &str, body: &str) -> Answer {
        let bytes = self.raw(method, path, headers, body).expect("an answer");
        let text = String::from_utf8(bytes).expect("UTF-8");
        let (head, body) = text.split_once("\r\n\r\n").expect("a head");
        let status = head.split(' ').nth(1).and_then(|s| s.parse().ok()).expect("a status");
        Answer { status, head: format!("{head}\r\n"), body: body.to_owned() }
    }

    fn send(&self, method: &str, path: &str, body: &str) -> Answer {
        let headers = format!("authorization: Bearer {}\r\ncontent-type: application/json\r\n", self.sandbox.token());
        self.plain(method, &format!("/api/v4/{path}"), &headers, body)
    }

    fn get(&self, path: &str) -> Answer {
        self.send("GET", path, "")
    }

    fn post(&self, path: &str, body: Value) -> Answer {
        self.send("POST", path, &body.to_string())
    }

    fn patch(&self, path: &str, body: Value) -> Answer {
        self.send("PATCH", path, &body.to_string())
    }

    fn control(&self, method: &str, corner: &str, body: &str) -> Answer {
        let headers = format!("authorization: Bearer {}\r\n", self.sandbox.token());
        self.plain(method, &format!("/_sandbox/{corner}"), &headers, body)
    }

    fn faults(&self, faults: Value) {
        self.control("POST", "faults", &faults.to_string()).is(200);
    }

    /// Resets the world and sets this script.
    fn script(&self, rules: Value) {
        self.control("POST", "reset", "").is(200);
        self.control("POST", "switches", r#"{"rate_max":1000000}"#).is(200);
        self.faults(json!({"script": rules}));
    }

    /// The number of leads.
    fn leads(&self) -> u64 {
        self.count("leads")
    }

    /// The number of leads, contacts and companies.
    fn people(&self) -> [u64; 3] {
        ["leads", "contacts", "companies"].map(|entity| self.count(entity))
    }

    fn count(&self, entity: &str) -> u64 {
        self.stats()["entities"][entity].as_u64().expect("a number")
    }

    fn stats(&self) -> Value {
        self.control("GET", "stats", "").is(200).json()
    }

    /// Creates an item and returns its id.
    fn made(&self, path: &str, item: Value) -> u64 {
        let answer = self.post(path, json!([item])).is(200).json();
        answer["_embedded"][path][0]["id"].as_u64().expect("an id")
    }

    /// Creates a transaction of a customer and returns its id.
    fn made_of(&self, customer: u64) -> u64 {
        let answer = self.post(&format!("customers/{customer}/transactions"), json!([{"price": 1}])).is(200).json();
        answer["_embedded"]["transactions"][0]["id"].as_u64().expect("an id")
    }

    /// Creates an element and returns its id.
    fn element(&self, catalog: u64, item: Value) -> u64 {
        let answer = self.post(&format!("catalogs/{catalog}/elements"), json!([item])).is(200).json();
        answer["_embedded"]["elements"][0]["id"].as_u64().expect("an id")
    }

    fn lead(&self, id: u64) -> Value {
        self.get(&format!("leads/{id}?with=contacts,loss_reason,source_id")).is(200).json()
    }

    /// A world in memory in the mode periodicity.
    fn periodic() -> Running {
        let s = Running::unlimited();
        s.mode("periodicity", true);
        s
    }

    fn mode(&self, mode: &str, is_enabled: bool) {
        self.patch("customers/mode", json!({"mode": mode, "is_enabled": is_enabled})).is(200);
    }

    fn switch(&self, name: &str, value: Value) {
        self.control("POST", "switches", &json!({name: value}).to_string()).is(200);
    }

    fn delete(&self, path: &str) -> Answer {
        self.send("DELETE", path, "")
    }

    /// A record as the control endpoints show it.
    fn kept(&self, entity: &str, id: u64) -> Value {
        let rows = self.control("GET", &format!("entities/{entity}"), "").is(200).json()["rows"].clone();
        let found = rows.as_array().expect("rows").iter().find(|row| row["id"] == id).cloned();
        found.unwrap_or_else(|| panic!("no {id} of {entity}"))
    }

    fn field(&self, entity: &str, name: &str) -> u64 {
        self.field_model(entity, name)["id"].as_u64().expect("an id")
    }

    fn field_model(&self, entity: &str, name: &str) -> Value {
        let all = self.get(&format!("{entity}/custom_fields?limit=250")).is(200).json();
        let fields = all["_embedded"]["custom_fields"].as_array().expect("fields").clone();
        fields.into_iter().find(|f| f["name"] == name).unwrap_or_else(|| panic!("no field {name}"))
    }

    fn option(&self, entity: &str, field: &str, value: &str) -> u64 {
        let enums = self.field_model(entity, field)["enums"].clone();
        let found = enums.as_array().expect("options").iter().find(|e| e["value"] == value).cloned();
        found.expect("the option")["id"].as_u64().expect("an id")
    }

    fn status(&self, pipeline: u64, name: &str) -> u64 {
        let all = self.get(&format!("leads/pipelines/{pipeline}/statuses")).is(200).json();
        let found =
            all["_embedded"]["statuses"].as_array().expect("stages").iter().find(|s| s["name"] == name).cloned();
        found.expect("the stage")["id"].as_u64().expect("an id")
    }
}

/// The ids of a list, by the key of the collection.
fn ids(body: &Value, key: &str) -> Vec<u64> {
    let rows = body["_embedded"][key].as_array().expect("rows");
    rows.iter().map(|row| row["id"].as_u64().expect("an id")).collect()
}

fn no_limit() -> Switches {
    Switches { rate_max: 1_000_000, ..Switches::default() }
}

/// The keys of an object, in order.
fn keys(value: &Value) -> Vec<&str> {
    value.as_object().expect("an object").keys().map(String::as_str).collect()
}

/// Keys and types of a value, as text: equal for two responses of the same shape.
fn shape(value: &Value) -> Value {
    match value {
        Value::Null => json!("null"),
        Value::Bool(_) => json!("bool"),
        Value::Number(_) => json!("number"),
        Value::String(_) => json!("string"),
        Value::Array(items) => items.first().map_or(json!([]), |first| json!([shape(first)])),
        Value::Object(map) => map.iter().map(|(k, v)| (k.clone(), shape(v))).collect(),
    }
}
