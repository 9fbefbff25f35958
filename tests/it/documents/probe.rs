//! Asks a running sandbox whether it knows a field of the documents.

use amo_model::Wrapping;
use amo_model::answer::items;
use amo_model::parts::id;
use serde_json::{Map, Value, json};

use crate::documents::effects;
use crate::documents::fields::{Direction, Field, Table, steps};
use crate::documents::prepared::{address, item_for, server_for, whole};
use crate::documents::server::{Answer, Server};

/// A key that no document knows.
const NONSENSE: &str = "no_such_key";

/// For each field of a table, where the sandbox knows it, if anywhere.
pub fn known(table: &Table) -> Vec<Option<&'static str>> {
    let either = |field: &Field, is_known: &dyn Fn(&[&str]) -> bool| match field.within_metadata() {
        _ if is_known(&field.steps()) => Some("yes"),
        Some(within) if is_known(&steps(&within)) => Some("in metadata"),
        _ => None,
    };
    match table.direction {
        Direction::Request => {
            let writes = Writes::to(table);
            let taken = |field: &Field| either(field, &|steps| writes.knows(steps, &field.kind));
            table.fields.iter().map(taken).collect()
        }
        Direction::Query => {
            let heeded = |field: &Field| effects::is_heeded(&table.path, &field.name).then_some("yes");
            table.fields.iter().map(heeded).collect()
        }
        Direction::Answer => {
            let shown = answers(&server_for(&table.path), table);
            table.fields.iter().map(|field| either(field, &|steps| reached(&shown, steps))).collect()
        }
    }
}

/// True where the address leads somewhere.
pub fn is_route(table: &Table) -> bool {
    let server = server_for(&table.path);
    !server.send(&table.method, &address(&server, &table.path), "").is_no_route()
}

/// Writes of one endpoint, with an item that it takes.
struct Writes<'a> {
    server: Server,
    table: &'a Table,
    address: String,
    base: Value,
}

impl Writes<'_> {
    fn to(table: &Table) -> Writes<'_> {
        let server = server_for(&table.path);
        let address = address(&server, &table.path);
        let base = item_for(&server, &table.method, &table.path);
        Writes { server, table, address, base }
    }

    /// A key is known where a value of a wrong type is not refused as unexpected, though nonsense in its place is.
    fn knows(&self, steps: &[&str], kind: &str) -> bool {
        let wrong = if kind == "bool" { json!(5) } else { json!(false) };
        let mut beside = steps.to_vec();
        let is_key = beside.last().is_some_and(|step| step.parse::<usize>().is_err());
        if is_key {
            beside.pop();
            beside.push(NONSENSE);
        }
        !self.refuses(steps, &wrong) && (!is_key || self.refuses(&beside, &wrong))
    }

    fn refuses(&self, steps: &[&str], value: &Value) -> bool {
        let mut body = self.base.clone();
        let item = if body.is_array() { &mut body[0] } else { &mut body };
        put(item, steps, value);
        is_unexpected(&self.server.send(&self.table.method, &self.address, &body.to_string()), &steps.join("."))
    }
}

fn is_unexpected(answer: &Answer, path: &str) -> bool {
    assert!(answer.is_good() || matches!(answer.status, 400 | 422), "{path}: {} {}", answer.status, answer.body);
    let about = |at: &str| path == at || path.strip_prefix(at).is_some_and(|rest| rest.starts_with('.'));
    answer.complaints().iter().any(|(code, at)| code == "FieldNotExpected" && about(at))
}

/// Puts a value where the steps lead, on the way making what is not there.
fn put(item: &mut Value, steps: &[&str], value: &Value) {
    let Some((step, rest)) = steps.split_first() else {
        *item = value.clone();
        return;
    };
    if *step == "0" {
        *item = json!([null]);
        put(&mut item[0], rest, value);
    } else {
        if !item.is_object() {
            *item = Value::Object(Map::new());
        }
        put(&mut item[*step], rest, value);
    }
}

pub fn strip_links(value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.remove("_links");
            map.values_mut().for_each(strip_links);
        }
        Value::Array(items) => items.iter_mut().for_each(strip_links),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// A record that has everything; what it shows is known, and `null` counts.
fn answers(server: &Server, table: &Table) -> Value {
    let address = address(server, &table.path);
    let all = "with=contacts,companies,catalog_elements,loss_reason,source_id,is_price_modified_by_robot,invoice_link";
    let (answer, wanted) = match table.method.as_str() {
        "GET" if table.path.ends_with("{id}") => (server.get(&format!("{address}?{all}")), None),
        "GET" => {
            let one = whole(server, &address);
            (server.get(&format!("{address}?limit=250&{all}")), Some(one))
        }
        method => {
            let body = item_for(server, method, &table.path);
            (server.send(method, &address, &body.to_string()), None)
        }
    };
    assert!(answer.is_good(), "{}: {} {}", table.endpoint(), answer.status, answer.body);
    let json = answer.json();
    let items = items(&json, Wrapping::Embedded, "").unwrap_or_else(|| vec![&json]);
    let item = items.into_iter().find(|item| wanted.is_none() || id(&item["id"]) == wanted);
    item.unwrap_or_else(|| panic!("{}: not the record that was made: {json}", table.endpoint())).clone()
}

/// Lists stand where the documents say object, and are looked into.
fn reached(value: &Value, steps: &[&str]) -> bool {
    let Some((step, rest)) = steps.split_first() else { return true };
    let next = match (value, step.parse::<usize>()) {
        (Value::Array(items), Ok(n)) => items.get(n),
        (Value::Array(items), Err(_)) => items.first().and_then(|item| item.get(*step)),
        (value, _) => value.get(*step),
    };
    next.is_some_and(|next| reached(next, rest))
}
