//! A sandbox of this test's own, spoken to in plain HTTP.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering::SeqCst};

use amo_sandbox::{Options, Sandbox, Switches};
use serde_json::{Value, json};

pub const NOW: i64 = 1_763_726_400;

pub struct Server {
    sandbox: Sandbox,
    now: Arc<AtomicI64>,
}

#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub body: String,
}

impl Answer {
    /// `null` where there is no body.
    pub fn json(&self) -> Value {
        if self.body.is_empty() {
            return Value::Null;
        }
        serde_json::from_str(&self.body).unwrap_or_else(|e| panic!("{e} in {} {}", self.status, self.body))
    }

    pub fn is_good(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// Code and path of every validation error.
    pub fn complaints(&self) -> Vec<(String, String)> {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let body = self.json();
        let items = body["validation-errors"].as_array().cloned().unwrap_or_default();
        let errors = items.iter().flat_map(|item| item["errors"].as_array().cloned().unwrap_or_default());
        errors.map(|e| (text(&e["code"]), text(&e["path"]))).collect()
    }

    /// The address leads nowhere; an unknown record is answered otherwise.
    pub fn is_no_route(&self) -> bool {
        self.status == 405 || self.status == 404 && self.json()["detail"].as_str().is_some_and(|d| d.contains("Cannot"))
    }
}

impl Server {
    pub fn start() -> Server {
        let switches = Switches { rate_max: 1_000_000, ..Switches::default() };
        let now = Arc::new(AtomicI64::new(NOW));
        let clock = now.clone();
        let options = Options { switches, clock: Arc::new(move || clock.load(SeqCst)), ..Options::default() };
        Server { sandbox: Sandbox::start(options).expect("a free port"), now }
    }

    /// Time stands still but for this.
    pub fn pass(&self, seconds: i64) {
        self.now.fetch_add(seconds, SeqCst);
    }

    pub fn send(&self, method: &str, path: &str, body: &str) -> Answer {
        self.ask(method, &format!("/api/v4/{path}"), body)
    }

    /// What people do in the CRM, and how the sandbox is set.
    pub fn corner(&self, path: &str, body: &Value) {
        let answer = self.ask("POST", &format!("/_sandbox/{path}"), &body.to_string());
        assert!(answer.is_good(), "{path}: {} {}", answer.status, answer.body);
    }

    fn ask(&self, method: &str, path: &str, body: &str) -> Answer {
        let address = self.sandbox.url().strip_prefix("http://").expect("plain http");
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\nauthorization: Bearer {}\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n",
            self.sandbox.token(),
            body.len()
        );
        let mut stream = TcpStream::connect(address).expect("a connection");
        stream.write_all(head.as_bytes()).expect("a request sent");
        stream.write_all(body.as_bytes()).expect("a request sent");
        let mut text = String::new();
        stream.read_to_string(&mut text).expect("an answer");
        let (head, body) = text.split_once("\r\n\r\n").expect("a head");
        let status = head.split(' ').nth(1).and_then(|s| s.parse().ok()).expect("a status");
        Answer { status, body: body.to_owned() }
    }

    pub fn get(&self, path: &str) -> Answer {
        self.send("GET", path, "")
    }

    /// What must be there, or the test is at fault.
    pub fn list(&self, path: &str, collection: &str) -> Vec<Value> {
        let answer = self.get(path);
        let json = answer.json();
        let items = json["_embedded"][collection].as_array();
        items.unwrap_or_else(|| panic!("no {collection} in {path}: {} {}", answer.status, answer.body)).clone()
    }
}

/// What an id of an example stands for; each is found or made in the sandbox over HTTP.
#[derive(Debug, Clone, Copy)]
pub enum Stand {
    /// The first custom field of this owner with this type or code.
    Field(&'static str, &'static str),
    /// The nth option of that field.
    Choice(&'static str, &'static str, usize),
    User,
    Pipeline,
    /// The nth stage of that pipeline; 0 is the one of unsorted leads.
    Stage(usize),
    LossReason,
    /// The list of this type.
    Catalog(&'static str),
    /// A field of the invoices' list.
    OfInvoices(&'static str),
    /// The nth option of a field of the invoices' list.
    InvoiceChoice(&'static str, usize),
    /// A tag of leads, made with a lead that carries it.
    Tag,
    Lead,
    Contact,
    Company,
    Customer,
    /// Of the list of products.
    Element,
    /// Suppliers are there: nobody can make them by the API.
    Supplier,
    Status,
    Segment,
}

impl Server {
    pub fn stand(&self, what: Stand) -> u64 {
        let id = |value: &Value| value["id"].as_u64().unwrap_or_else(|| panic!("no id in {value}"));
        match what {
            Stand::Field(owner, which) => id(&self.field(owner, which)),
            Stand::Choice(owner, which, n) => id(&self.field(owner, which)["enums"][n]),
            Stand::User => id(&self.list("users", "users")[0]),
            Stand::Pipeline => id(&self.list("leads/pipelines", "pipelines")[0]),
            Stand::Stage(n) => id(&self.list("leads/pipelines", "pipelines")[0]["_embedded"]["statuses"][n]),
            Stand::LossReason => id(&self.list("leads/loss_reasons", "loss_reasons")[0]),
            Stand::Catalog(kind) => self.catalog(kind),
            Stand::OfInvoices(which) => id(&self.field(&format!("catalogs/{}", self.catalog("invoices")), which)),
            Stand::InvoiceChoice(which, n) => {
                id(&self.field(&format!("catalogs/{}", self.catalog("invoices")), which)["enums"][n])
            }
            Stand::Tag => {
                self.made("leads", &json!([{"tags_to_add": [{"name": "до примера"}]}]));
                id(&self.list("leads/tags", "tags")[0])
            }
            Stand::Lead => self.made("leads", &json!([{"name": "до примера"}])),
            Stand::Contact => self.made("contacts", &json!([{"name": "до примера"}])),
            Stand::Company => self.made("companies", &json!([{"name": "до примера"}])),
            Stand::Customer => self.made("customers", &json!([{"name": "до примера", "next_date": NOW}])),
            Stand::Supplier => {
                id(&self.list(&format!("catalogs/{}/elements", self.catalog("suppliers")), "elements")[0])
            }
            Stand::Element => {
                let catalog = self.catalog("products");
                self.made(&format!("catalogs/{catalog}/elements"), &json!([{"name": "до примера"}]))
            }
            Stand::Status => self.made("customers/statuses", &json!([{"name": "до примера", "sort": 100}])),
            Stand::Segment => self.made("customers/segments", &json!({"name": "до примера"})),
        }
    }

    /// The id of the only record that is made.
    pub fn made(&self, path: &str, body: &Value) -> u64 {
        let answer = self.send("POST", path, &body.to_string());
        assert!(answer.is_good(), "POST {path}: {} {}", answer.status, answer.body);
        let json = answer.json();
        let embedded = json["_embedded"].as_object().and_then(|e| e.values().find(|v| v.is_array()));
        let item = embedded.map_or(&json, |items| &items[0]);
        item["id"].as_u64().unwrap_or_else(|| panic!("no id in {json}"))
    }

    fn field(&self, owner: &str, which: &str) -> Value {
        let fields = self.list(&format!("{owner}/custom_fields?limit=250"), "custom_fields");
        let found = fields.into_iter().find(|f| f["type"] == which || f["code"] == which);
        found.unwrap_or_else(|| panic!("{owner} have no field {which}"))
    }

    fn catalog(&self, kind: &str) -> u64 {
        let all = self.list("catalogs", "catalogs");
        let found = all.iter().find(|c| c["type"] == kind).and_then(|c| c["id"].as_u64());
        found.unwrap_or_else(|| panic!("no list of type {kind}"))
    }

    /// The mode of customers that an endpoint needs.
    pub fn customers(&self, mode: &str) {
        let body = json!({"mode": mode, "is_enabled": true}).to_string();
        let answer = self.send("PATCH", "customers/mode", &body);
        assert!(answer.is_good(), "{} {}", answer.status, answer.body);
    }

    /// An address of the documents with records of this sandbox in it.
    pub fn address(&self, path: &str, ids: &[(&str, Stand)]) -> String {
        let mut address = path.to_owned();
        for (name, what) in ids {
            address = address.replace(name, &self.stand(*what).to_string());
        }
        assert!(!address.contains('{'), "{path}: what is {address}?");
        address
    }
}
