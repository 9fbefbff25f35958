//! Every kind with every action the API gives it, as something that can be sent through a storm: what must be there
//! before, what is sent, and what the account must hold when it is over.

// Each test file uses its own part of this.
#![allow(dead_code)]

use crate::program::http;
use amo_model::{Action, Entity, Kind};
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashSet};
use std::fmt::Write as _;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Voyage {
    pub kind: Kind,
    pub action: Action,
}

/// What a voyage carries.
pub struct Freight {
    pub csv: String,
    pub mapping: String,
    pub rows: BTreeMap<u32, Row>,
    /// Records of the kind that were there before and are none of ours.
    before: HashSet<u64>,
}

/// One row of the source, and the record it is about.
#[derive(Debug, Clone)]
pub struct Row {
    pub name: String,
    pub price: i64,
    /// Of the record that is changed or deleted; of the customer whose purchase is made.
    pub id: u64,
}

/// A line of the report, as far as it is compared.
#[derive(Debug, Clone)]
pub struct Told {
    pub row: u32,
    pub status: String,
    pub id: Option<u64>,
    pub contact_id: Option<u64>,
    pub company_id: Option<u64>,
}

/// The account in which the voyage ends.
#[derive(Clone, Copy)]
pub struct Harbour<'a> {
    pub url: &'a str,
    pub token: &'a str,
}

impl Harbour<'_> {
    pub fn get(&self, path: &str) -> Value {
        http(self.url, "GET", path, self.token, "").1
    }

    fn send(&self, method: &str, path: &str, body: &Value) -> Value {
        let (status, answer) = http(self.url, method, &format!("/api/v4/{path}"), self.token, &body.to_string());
        assert!(status < 300, "{method} {path}: {status} {answer}");
        answer
    }

    /// What the account holds of an entity, whole.
    pub fn held(&self, entity: Entity) -> Vec<Value> {
        let mut rows = Vec::new();
        let mut after = Value::Null;
        loop {
            let page = self.get(&format!("/_sandbox/entities/{}?after={after}", entity.collection()));
            rows.extend(page["rows"].as_array().cloned().unwrap_or_default());
            after = page["next"].clone();
            if after.is_null() {
                return rows;
            }
        }
    }
}

pub fn all() -> Vec<Voyage> {
    let of = |kind: Kind| kind.spec().writes.iter().map(move |write| Voyage { kind, action: write.action });
    Kind::ALL.into_iter().flat_map(of).collect()
}

/// Customers whose purchases are made; enough for lanes, few enough for several purchases each.
const CUSTOMERS: u64 = 7;

impl Voyage {
    pub fn name(self) -> String {
        format!("{} {}", self.kind.name(), self.action.name())
    }

    /// The most records an account has room for.
    pub fn room(self) -> u32 {
        match self.kind {
            Kind::Catalog => 6,
            Kind::CustomerStatus => 20,
            Kind::Segment => 60,
            _ => u32::MAX,
        }
    }

    /// Makes what must be there before, and what is sent: `count` rows, named and priced by `draw`.
    pub fn load(self, harbour: Harbour<'_>, count: u32, mut draw: impl FnMut(u32) -> (String, i64)) -> Freight {
        let count = count.min(self.room());
        if matches!(self.kind, Kind::CustomerStatus) {
            harbour.send("PATCH", "customers/mode", &json!({"mode": "periodicity", "is_enabled": true}));
        }
        let ids = self.prepare(harbour, count);
        let mut csv = String::from("n,id,name,price\n");
        let mut rows = BTreeMap::new();
        for n in 1..=count {
            let (name, price) = draw(n);
            let id = ids.get((n as usize - 1) % ids.len().max(1)).copied().unwrap_or(0);
            let _ = writeln!(csv, "{n},{id},{name},{price}");
            rows.insert(n + 1, Row { name, price, id });
        }
        let before = harbour.held(self.kind.spec().entity);
        let before = before.iter().filter_map(|held| held["id"].as_u64()).collect();
        Freight { csv, mapping: self.mapping(), rows, before }
    }

    /// Ids of what was made beforehand: customers for purchases, records to change or to delete.
    fn prepare(self, harbour: Harbour<'_>, count: u32) -> Vec<u64> {
        let item = |n: u32| match self.kind {
            Kind::Invoice => json!({"name": format!("Старое {n}"), "custom_fields_values": [
                {"field_code": "BILL_STATUS", "values": [{"enum_code": "created"}]}]}),
            Kind::CustomerStatus => json!({"name": format!("Старое {n}"), "sort": n}),
            _ => json!({"name": format!("Старое {n}")}),
        };
        match (self.kind, self.action) {
            (Kind::Transaction, _) => {
                let customers: Vec<Value> =
                    (0..CUSTOMERS).map(|n| json!({"name": format!("Покупатель {n}")})).collect();
                let customers = made(&harbour.send("POST", "customers", &json!(customers)));
                if self.action == Action::Create {
                    return customers;
                }
                let purchase = |n: u32| json!({"price": n + 1, "comment": format!("Старое {n}")});
                let path = format!("customers/{}/transactions", customers[0]);
                in_batches(count, purchase, |batch| harbour.send("POST", &path, &batch))
            }
            (_, Action::Create) => Vec::new(),
            (Kind::Segment, _) => {
                let one = |n: u32| harbour.send("POST", "customers/segments", &item(n))["id"].as_u64();
                (1..=count).filter_map(one).collect()
            }
            _ => {
                let path = self.kind.spec().entity.path().replace("{catalog}", &self.catalog().to_string());
                in_batches(count, item, |batch| harbour.send("POST", &path, &batch))
            }
        }
    }

    fn catalog(self) -> u64 {
        if self.kind == Kind::Invoice { 1003 } else { 1005 }
    }

    fn mapping(self) -> String {
        let id = if self.action == Action::Create { "" } else { "id = \"id\"\n" };
        let body = match (self.kind, self.action) {
            (kind, Action::Delete) => format!("[{}]\n{id}", kind.name()),
            (Kind::Lead, _) => {
                format!("[lead]\n{id}name = \"name\"\nprice = \"price\"\n[lead.fields]\n\"Город\" = \"price\"\n")
            }
            (Kind::ComplexLead, _) => {
                "[lead]\nname = \"name\"\nprice = \"price\"\n[contact]\nname = \"n\"\n[company]\nname = \"name\"\n"
                    .to_owned()
            }
            (Kind::Contact, _) => format!("[contact]\n{id}name = \"name\"\n[contact.fields]\n\"Город\" = \"price\"\n"),
            (Kind::Company, _) => format!("[company]\n{id}name = \"name\"\n[company.fields]\n\"ИНН\" = \"price\"\n"),
            (Kind::Customer, _) => format!("[customer]\n{id}name = \"name\"\nnext_price = \"price\"\n"),
            (Kind::Transaction, _) => {
                "[transaction]\ncustomer = \"id\"\nprice = \"price\"\ncomment = \"name\"\n".to_owned()
            }
            (Kind::Element, _) => {
                format!(
                    "catalog = \"Категории\"\n[element]\n{id}name = \"name\"\n[element.fields]\n\"Описание\" = \"price\"\n"
                )
            }
            (Kind::Invoice, _) => format!(
                "group = \"n\"\n[invoice]\n{id}name = \"name\"\nstatus = {{ value = \"paid\" }}\n\
                 [invoice.items]\ndescription = \"name\"\nunit_price = \"price\"\nquantity = {{ value = 2 }}\n"
            ),
            (Kind::Catalog, _) => format!("[catalog]\n{id}name = \"name\"\n"),
            (Kind::Segment, _) => {
                format!("[segment]\n{id}name = \"name\"\n[segment.fields]\n\"Скидка, %\" = \"price\"\n")
            }
            (Kind::CustomerStatus, _) => format!("[customer-status]\n{id}name = \"name\"\nsort = \"n\"\n"),
        };
        format!("version = 1\nkind = \"{}\"\naction = \"{}\"\n{body}", self.kind.name(), self.action.name())
    }

    /// The account holds every record exactly once, as it was sent, and the report says so, row by row.
    pub fn check(self, harbour: Harbour<'_>, freight: &Freight, told: &[Told]) -> Result<(), String> {
        if told.len() != freight.rows.len() {
            return Err(format!("{} rows in the report, {} in the source", told.len(), freight.rows.len()));
        }
        let held = harbour.held(self.kind.spec().entity);
        let by_id: BTreeMap<u64, &Value> = held.iter().filter_map(|item| Some((item["id"].as_u64()?, item))).collect();
        let fresh = by_id.keys().filter(|id| !freight.before.contains(id)).count();
        let expected = if self.action == Action::Create { freight.rows.len() } else { 0 };
        if fresh != expected {
            return Err(format!("the account has got {fresh} new records, not {expected}"));
        }
        let status = match self.action {
            Action::Create => "created",
            Action::Update => "updated",
            Action::Delete => "deleted",
        };
        let mut ids = HashSet::new();
        for line in told {
            let row = freight.rows.get(&line.row).ok_or(format!("row {} is none of the source's", line.row))?;
            if line.status != status {
                return Err(format!("row {} is {}", line.row, line.status));
            }
            let id = line.id.ok_or(format!("row {} has no id", line.row))?;
            if !ids.insert(id) {
                return Err(format!("the id {id} is told twice"));
            }
            if self.action != Action::Create && id != row.id {
                return Err(format!("row {} is about {}, not about {id}", line.row, row.id));
            }
            match (self.action, by_id.get(&id)) {
                (Action::Delete, None) => {}
                (Action::Delete, Some(_)) => return Err(format!("row {}: {id} is still there", line.row)),
                (_, None) => return Err(format!("row {}: the account has no {id}", line.row)),
                (_, Some(item)) => self.as_sent(row, item).map_err(|why| format!("row {}: {why}", line.row))?,
            }
        }
        match self.kind {
            Kind::Transaction => sums(harbour),
            Kind::ComplexLead => people(harbour, told),
            _ => Ok(()),
        }
    }

    fn as_sent(self, row: &Row, held: &Value) -> Result<(), String> {
        let name = if self.kind == Kind::Transaction { "comment" } else { "name" };
        let same = held[name] == json!(row.name)
            && match self.kind {
                Kind::Lead | Kind::ComplexLead => held["price"] == json!(row.price),
                Kind::Customer => held["next_price"] == json!(row.price),
                Kind::Transaction => held["price"] == json!(row.price) && held["customer_id"] == json!(row.id),
                Kind::Invoice => {
                    let line = &held["custom"]["Позиции"][0];
                    line["total_sum"].as_f64() == Some(row.price as f64 * 2.0)
                        && held["custom"]["Позиции"].as_array().is_some_and(|l| l.len() == 1)
                }
                _ => true,
            };
        if same { Ok(()) } else { Err(format!("it was {row:?}, the account holds {held}")) }
    }
}

fn in_batches(count: u32, item: impl Fn(u32) -> Value, send: impl Fn(Value) -> Value) -> Vec<u64> {
    let items: Vec<Value> = (1..=count).map(item).collect();
    items.chunks(200).flat_map(|batch| made(&send(json!(batch)))).collect()
}

/// The ids of an answer, whatever its key.
fn made(answer: &Value) -> Vec<u64> {
    let lists = answer["_embedded"].as_object().into_iter().flat_map(|lists| lists.values());
    lists.filter_map(Value::as_array).flatten().filter_map(|item| item["id"].as_u64()).collect()
}

/// What customers have spent is what their purchases come to: none is counted twice.
fn sums(harbour: Harbour<'_>) -> Result<(), String> {
    let mut spent: BTreeMap<u64, (i64, u64)> = BTreeMap::new();
    for purchase in harbour.held(Entity::Transactions) {
        let sum = spent.entry(purchase["customer_id"].as_u64().unwrap_or(0)).or_default();
        sum.0 += purchase["price"].as_i64().unwrap_or(0);
        sum.1 += 1;
    }
    for customer in harbour.held(Entity::Customers) {
        let (sum, count) = spent.remove(&customer["id"].as_u64().unwrap_or(0)).unwrap_or_default();
        if customer["ltv"] != json!(sum) || customer["purchases_count"] != json!(count) {
            return Err(format!("{count} purchases come to {sum}, the customer is {customer}"));
        }
    }
    if spent.is_empty() { Ok(()) } else { Err(format!("purchases of nobody: {spent:?}")) }
}

/// Leads of one name are told apart by their contacts, which carry the row's number.
fn people(harbour: Harbour<'_>, told: &[Told]) -> Result<(), String> {
    let held = harbour.held(Entity::Contacts);
    let names: BTreeMap<u64, &str> =
        held.iter().filter_map(|row| Some((row["id"].as_u64()?, row["name"].as_str()?))).collect();
    for line in told {
        let contact = line.contact_id.and_then(|id| names.get(&id));
        if contact.is_none_or(|name| *name != (line.row - 1).to_string()) || line.company_id.is_none() {
            return Err(format!("row {} is told to have the contact {contact:?}", line.row));
        }
    }
    Ok(())
}
