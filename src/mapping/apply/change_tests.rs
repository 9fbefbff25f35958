use super::*;
use crate::mapping::compile::{SourceContext, compile};
use crate::mapping::{Ledger, read_text};
use amo_client::account::example as account;
use amo_model::{Owner, parts};
use rust_decimal::Decimal;
use sheet_source::Header;
use sheet_source::problem::Source;
use std::path::Path;
use std::sync::Arc;

const PHONE: u64 = 21;
const EMAIL: u64 = 22;

/// A plan that changes `kind`s; all its columns are there.
fn plan(kind: &str, fields: &str) -> Plan {
    let text = format!("version = 1\nkind = \"{kind}\"\naction = \"update\"\n[{kind}]\nid = \"A\"\n{fields}");
    let written = read_text(Path::new("m.toml"), &text).unwrap();
    let header = Header::new(["A", "B", "C"].map(str::to_owned).to_vec());
    let source = Arc::new(Source { file: "s.csv".into(), sheet: None });
    let mut account = account();
    let field = |id: u64, code: &str| {
        parts::field(&json!({"id": id, "name": code, "code": code, "type": "multitext"})).unwrap()
    };
    let fields = vec![field(PHONE, "PHONE"), field(EMAIL, "EMAIL")];
    account.fields.insert(Owner::Entity(Entity::Contacts), fields);
    account.basics.country = "RU".to_owned();
    compile(&written, SourceContext::without_rows(header, source, Ledger::empty()), Arc::new(account)).unwrap()
}

/// What is left of a body, as JSON; nothing where the account holds all of it.
fn diff(plan: &Plan, sent: &str, held: &Value) -> Option<Value> {
    let record = Record { body: sent.as_bytes().to_vec(), ..Record::default() };
    match DiffRules::of(plan).diff(&record, held).unwrap() {
        Diff::Unchanged => None,
        Diff::Change { body, .. } => Some(serde_json::from_slice(&body).unwrap()),
    }
}

#[test]
fn only_what_differs_is_left_and_its_digits_stay() {
    let plan = plan("lead", "name = \"B\"");
    let held = json!({"id": 1, "name": "A", "price": 5, "pipeline_id": 1, "status_id": 2,
        "custom_fields_values": [{"field_id": 7, "field_type": "numeric", "values": [{"value": "1.5"}]}],
        "_embedded": {"tags": [{"name": "VIP"}]}});
    for (sent, expected) in [
        (r#"{"id":1,"name":"A","price":5,"request_id":"r2"}"#, None),
        (r#"{"id":1,"name":"B","price":5,"request_id":"r2"}"#, Some(json!({"id": 1, "name": "B", "request_id": "r2"}))),
        // A stage is one of a pipeline.
        (
            r#"{"id":1,"name":"A","pipeline_id":1,"status_id":3}"#,
            Some(json!({"id": 1, "pipeline_id": 1, "status_id": 3})),
        ),
        // What the account does not show cannot be held against it.
        (r#"{"id":1,"closed_at":5}"#, Some(json!({"id": 1, "closed_at": 5}))),
        (r#"{"id":1,"custom_fields_values":[{"field_id":7,"values":[{"value":1.50}]}]}"#, None),
        (
            r#"{"id":1,"custom_fields_values":[{"field_id":7,"values":[{"value":1.5}]},{"field_id":8,"values":[{"value":"x"}]}]}"#,
            Some(json!({"id": 1, "custom_fields_values": [{"field_id": 8, "values": [{"value": "x"}]}]})),
        ),
        (r#"{"id":1,"tags_to_add":[{"name":"vip"}]}"#, None),
        (
            r#"{"id":1,"tags_to_add":[{"name":"VIP"},{"name":"new"}],"tags_to_delete":[{"name":"old"}]}"#,
            Some(json!({"id": 1, "tags_to_add": [{"name": "new"}]})),
        ),
        (r#"{"id":1,"tags_to_delete":[{"name":"VIP"}]}"#, Some(json!({"id": 1, "tags_to_delete": [{"name": "VIP"}]}))),
        (r#"{"id":1,"_embedded":{"tags":[{"name":"VIP"}]}}"#, None),
        (r#"{"id":1,"_embedded":{"tags":[]}}"#, Some(json!({"id": 1, "_embedded": {"tags": []}}))),
    ] {
        assert_eq!(diff(&plan, sent, &held), expected, "{sent}");
    }
    let digits =
        r#"{"id":1,"name":"A","custom_fields_values":[{"field_id":7,"values":[{"value":0.12345678901234567890}]}]}"#;
    let record = Record { body: digits.as_bytes().to_vec(), ..Record::default() };
    let Ok(Diff::Change { body, .. }) = DiffRules::of(&plan).diff(&record, &held) else { panic!("it differs") };
    assert!(String::from_utf8(body).unwrap().contains("0.12345678901234567890"));
}

#[test]
fn a_list_is_joined_with_what_is_there() {
    let plan = plan(
        "contact",
        "[contact.fields]\nPHONE = { column = \"B\", list = \"add\" }\nEMAIL = { column = \"C\", list = \"add\" }",
    );
    let [phone, email] = [PHONE, EMAIL];
    let held = json!({"id": 1, "custom_fields_values": [
        {"field_id": phone, "field_type": "multitext", "values": [{"value": "8 (900) 000-00-01", "enum_id": 5, "enum_code": "WORK"}]},
        {"field_id": email, "field_type": "multitext", "values": [{"value": "Anna@Example.com", "enum_code": "PRIV"}]},
    ]});
    let sent = |field: u64, value: &str| {
        json!({"id": 1, "custom_fields_values": [{"field_id": field, "values": [{"value": value, "enum_code": "WORK"}]}]}).to_string()
    };
    assert_eq!(diff(&plan, &sent(phone, "+79000000001"), &held), None, "the same number, written by a person");
    assert_eq!(diff(&plan, &sent(email, "anna@example.com"), &held), None);
    let values = |field: u64, value: &str| {
        let left = diff(&plan, &sent(field, value), &held).unwrap();
        left["custom_fields_values"][0]["values"].clone()
    };
    let there = json!({"value": "8 (900) 000-00-01", "enum_id": 5});
    assert_eq!(values(phone, "+79000000002"), json!([there, {"value": "+79000000002", "enum_code": "WORK"}]));
    let there = json!({"value": "Anna@Example.com", "enum_code": "PRIV"});
    assert_eq!(values(email, "b@example.com"), json!([there, {"value": "b@example.com", "enum_code": "WORK"}]));
    let bare = json!({"id": 1, "custom_fields_values": null});
    assert_eq!(
        diff(&plan, &sent(phone, "+79000000002"), &bare),
        Some(serde_json::from_str(&sent(phone, "+79000000002")).unwrap())
    );
}

#[test]
fn what_fills_empty_fields_leaves_the_others() {
    let plan = plan(
        "lead",
        "name = { column = \"B\", overwrite = false }\nprice = { column = \"C\", overwrite = false }\ntags = { column = \"B\", overwrite = false }",
    );
    let sent = r#"{"id":1,"name":"B","price":7,"tags_to_add":[{"name":"x"}]}"#;
    let held = |name: &str, price: u64, tags: Value| json!({"id": 1, "name": name, "price": price, "_embedded": {"tags": tags}});
    assert_eq!(diff(&plan, sent, &held("A", 5, json!([{"name": "y"}]))), None);
    // No budget is 0 there.
    assert_eq!(diff(&plan, sent, &held("A", 0, json!([{"name": "y"}]))), Some(json!({"id": 1, "price": 7})));
    let all = serde_json::from_str::<Value>(sent).unwrap();
    assert_eq!(diff(&plan, sent, &held("", 0, json!([]))), Some(all));
}

#[test]
fn links_that_are_there_are_not_made_again() {
    let plan = plan("customer", "name = \"B\"\ncompany = { column = \"C\", overwrite = false }");
    let link = |to: Entity, id: u64| Link { to, id, catalog: None, quantity: None, main: None };
    let product = Link { catalog: Some(9), quantity: Some(Decimal::TWO), ..link(Entity::Elements, 5) };
    let main = Link { main: Some(true), ..link(Entity::Contacts, 3) };
    let held = json!({"id": 1, "name": "A", "_embedded": {"companies": [{"id": 8}], "contacts": [{"id": 3, "is_main": false}],
        "catalog_elements": [{"id": 5, "metadata": {"quantity": 2, "catalog_id": 9}}]}});
    let left = |link: &Link| {
        let record =
            Record { body: br#"{"id":1,"name":"A"}"#.to_vec(), links: vec![link.clone()], ..Record::default() };
        matches!(DiffRules::of(&plan).diff(&record, &held).unwrap(), Diff::Change { links, .. } if links.len() == 1)
    };
    for (link, is_left) in [
        (product.clone(), false),
        (Link { quantity: Some(Decimal::ONE), ..product }, true),
        (link(Entity::Contacts, 3), false),
        (main, true),
        (link(Entity::Contacts, 4), true),
        (link(Entity::Companies, 8), false),
        // Another company stands there, which is to stay.
        (link(Entity::Companies, 7), false),
    ] {
        assert_eq!(left(&link), is_left, "{link:?}");
    }
}
