//! Asks a running sandbox whether it knows a field of the documents.

use amoport::entity::Wrapping;
use amoport::entity::answer::items;
use amoport::entity::parts::id;
use serde_json::{Map, Value, json};

use crate::fields::{Direction, Field, Table};
use crate::prepared::{address, item_for, server_for, whole};
use crate::server::{Answer, Server};

/// A key that no document knows.
const NONSENSE: &str = "no_such_key";

/// For each field of a table, whether the sandbox knows it.
pub fn known(table: &Table) -> Vec<bool> {
    let server = server_for(&table.path);
    match table.direction {
        Direction::Request => requests(&server, table),
        Direction::Query => queries(&server, table),
        Direction::Answer => answers(&server, table),
    }
}

/// True where the address leads somewhere.
pub fn is_route(table: &Table) -> bool {
    let server = server_for(&table.path);
    !server.send(&table.method, &address(&server, &table.path), "").is_no_route()
}

/// A key is known where a value of a wrong type is not refused as unexpected, though nonsense in its place is.
fn requests(server: &Server, table: &Table) -> Vec<bool> {
    let address = address(server, &table.path);
    let base = item_for(server, &table.method, &table.path);
    let ask = |steps: &[&str], value: &Value| {
        let mut body = base.clone();
        let item = if body.is_array() { &mut body[0] } else { &mut body };
        put(item, steps, value);
        is_unexpected(&server.send(&table.method, &address, &body.to_string()), &steps.join("."))
    };
    let known = |field: &Field| {
        let steps = field.steps();
        let wrong = if field.kind == "bool" { json!(5) } else { json!(false) };
        let mut beside = steps.clone();
        let is_key = beside.last().is_some_and(|step| step.parse::<usize>().is_err());
        if is_key {
            beside.pop();
            beside.push(NONSENSE);
        }
        !ask(&steps, &wrong) && (!is_key || ask(&beside, &wrong))
    };
    table.fields.iter().map(known).collect()
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

/// A parameter is known where the answer differs for it.
fn queries(server: &Server, table: &Table) -> Vec<bool> {
    let address = address(server, &table.path);
    let one = if table.path.ends_with("{id}") { 0 } else { whole(server, &address) };
    let read = |query: &str| {
        let mut json = server.get(&format!("{address}?{query}")).json();
        // Links repeat the query, known or not.
        if let Some(answer) = json.as_object_mut() {
            answer.remove("_links");
        }
        strip_links(&mut json);
        json
    };
    let mut words = table.fields.iter().filter_map(|f| f.name.strip_prefix("with="));
    let first_word = words.next().unwrap_or_default().to_owned();
    if one != 0 {
        whole(server, &address);
    }
    let plain = read("");
    assert_eq!(read("no_such_key=1&with=no_such_key"), plain, "{}: two readings differ", table.endpoint());
    let known = |field: &Field| match field.name.as_str() {
        "page" => read("page=2&limit=1") != read("page=1&limit=1"),
        "limit" => read("limit=1") != plain,
        "query" => read("query=нет-такого") != plain,
        "filter" | "filter[id]" => read(&format!("filter[id][]={one}")) != plain,
        "order" => read("order[id]=asc") != read("order[id]=desc"),
        "with" => read(&format!("with={first_word}")) != plain,
        word => read(word) != plain,
    };
    table.fields.iter().map(known).collect()
}

fn strip_links(value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.remove("_links");
            map.values_mut().for_each(strip_links);
        }
        Value::Array(items) => items.iter_mut().for_each(strip_links),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// A field is known where a record that has everything shows it; `null` counts.
fn answers(server: &Server, table: &Table) -> Vec<bool> {
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
    let item = item.unwrap_or_else(|| panic!("{}: not the record that was made: {json}", table.endpoint()));
    table.fields.iter().map(|field| reached(item, &field.steps())).collect()
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
