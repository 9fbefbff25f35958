//! Transactions: totals of their customers, lists, deletion, switches.

use std::sync::atomic::Ordering;

use serde_json::{Value, json};

use crate::{CHAIR, DESK, FURNITURE, NOW, PRODUCTS, Running, ids, keys, no_limit};

fn bought(s: &Running, customer: u64, items: Value) -> Vec<u64> {
    ids(&s.post(&format!("customers/{customer}/transactions"), items).is(200).json(), "transactions")
}

fn sums(s: &Running, customer: u64) -> [i64; 3] {
    let read = s.get(&format!("customers/{customer}")).is(200).json();
    ["ltv", "purchases_count", "average_check"].map(|key| read[key].as_i64().expect("a number"))
}

#[test]
fn totals_follow_created_and_deleted_transactions() {
    let folder = tempfile::tempdir().expect("a folder");
    let state = folder.path().join("state");
    let s = Running::start(Some(&state), no_limit());
    let customer = s.made("customers", json!({"name": "a"}));
    s.now.fetch_add(60, Ordering::SeqCst);
    let made = bought(
        &s,
        customer,
        json!([{"price": 100}, {"price": 51, "next_price": 7, "next_date": 1_589_058_000}, {"price": 0}]),
    );
    assert_eq!(sums(&s, customer), [151, 3, 50]);
    let read = s.get(&format!("customers/{customer}")).json();
    assert_eq!([&read["next_price"], &read["next_date"], &read["updated_at"]], [7, 1_589_058_000, NOW + 60]);
    assert_eq!(s.stats()["entities"]["transactions"], 3);
    s.delete(&format!("customers/transactions/{}", made[0])).is(204);
    assert_eq!(sums(&s, customer), [51, 2, 26]);
    // Not by the path of another customer, and not twice.
    let other = s.made("customers", json!({"name": "b"}));
    for path in [
        format!("customers/{other}/transactions/{}", made[1]),
        format!("customers/transactions/{}", made[0]),
        "customers/transactions/1".to_owned(),
    ] {
        s.delete(&path).is(404).has_type("application/problem+json");
    }
    s.delete(&format!("customers/{customer}/transactions/{}", made[1])).is(204);
    assert_eq!(sums(&s, customer), [0, 1, 0]);
    drop(s);
    let s = Running::start(Some(&state), no_limit());
    assert_eq!((sums(&s, customer), s.stats()["entities"]["transactions"].as_u64()), ([0, 1, 0], Some(1)));
    let left = s.get(&format!("customers/{customer}/transactions")).is(200).json();
    assert_eq!(ids(&left, "transactions"), [made[2]]);
    assert!(bought(&s, customer, json!([{"price": 1}]))[0] > made[2]);
    s.switch("gone_transaction_status", json!(204));
    s.delete("customers/transactions/1").is(204);
}

#[test]
fn a_transaction_is_shown_as_in_the_document() {
    let s = Running::unlimited();
    let customer = s.made("customers", json!({"name": "a"}));
    let path = format!("customers/{customer}/transactions");
    let element = json!({"id": CHAIR, "metadata": {"catalog_id": PRODUCTS, "quantity": 10}});
    let sent = json!([{"price": 123, "created_by": 0, "comment": "Комментарий",
        "_embedded": {"catalog_elements": [element]}}]);
    let answer = s.post(&format!("{path}?accrue_bonus=true"), sent).is(200).has_type("application/hal+json").json();
    assert_eq!(answer["_total_items"], 1);
    let item = &answer["_embedded"]["transactions"][0];
    assert_eq!(keys(item), ["id", "customer_id", "request_id", "_links", "_embedded"]);
    assert_eq!((&item["customer_id"], &item["request_id"]), (&json!(customer), &json!("0")));
    assert_eq!(item["_embedded"]["customer"]["id"], customer);
    let id = item["id"].as_u64().expect("an id");
    let read = s.get(&format!("customers/transactions/{id}")).is(200).json();
    let wanted = [
        "id",
        "price",
        "comment",
        "completed_at",
        "customer_id",
        "created_by",
        "updated_by",
        "created_at",
        "updated_at",
        "is_deleted",
        "account_id",
        "_links",
        "_embedded",
    ];
    assert_eq!(keys(&read), wanted);
    assert_eq!([&read["price"], &read["completed_at"], &read["created_by"]], [123, NOW, 0]);
    let href = read["_links"]["self"]["href"].as_str().expect("a link");
    assert!(href.ends_with(&format!("/api/v4/{path}/{id}")), "{href}");
    assert_eq!(read["_embedded"]["catalog_elements"], json!([element]));
    assert_eq!(s.get(&format!("{path}/{id}")).is(200).json(), read);
    let plain = bought(&s, customer, json!([{"price": 1, "completed_at": 5, "metadata": {"external_id": "чек"}}]))[0];
    let read = s.get(&format!("{path}/{plain}")).json();
    assert_eq!((keys(&read["_embedded"]), &read["comment"]), (vec!["customer"], &Value::Null));
    assert_eq!((&read["completed_at"], read.get("metadata")), (&json!(5), None));
    let kept = s.kept("transactions", id);
    assert_eq!((&kept["customer_id"], &kept["elements"]), (&json!(customer), &json!([CHAIR])));
    assert_eq!((&kept["catalog_elements"], &kept["accrue_bonus"]), (&json!([element]), &json!(true)));
    s.switch("transaction_metadata", json!(true));
    assert_eq!(s.get(&format!("{path}/{plain}")).json()["metadata"]["external_id"], "чек");
    s.get(&format!("customers/1/transactions/{id}")).is(204);
    s.get("customers/transactions/1").is(204);
    s.patch(&format!("{path}/{id}"), json!({"price": 1})).is(405);
    s.patch(&path, json!([{"id": id, "price": 1}])).is(405);
    s.post("customers/transactions", json!([{"price": 1}])).is(405);
}

#[test]
fn errors_of_a_transaction_have_code_and_path() {
    let s = Running::unlimited();
    let path = format!("customers/{}/transactions", s.made("customers", json!({"name": "a"})));
    let priced = |key: &str, value: Value| json!({"price": 1, key: value});
    let of = |element: Value| priced("_embedded", json!({"catalog_elements": [element]}));
    let at = |text: &str| text.replace('@', "_embedded.catalog_elements.0");
    for (item, wanted) in [
        (json!({}), "FieldMissing price"),
        (json!({"price": 1.5}), "InvalidType price"),
        (json!({"price": "1"}), "InvalidType price"),
        (priced("comment", json!(1)), "InvalidType comment"),
        (priced("completed_at", json!("сегодня")), "InvalidType completed_at"),
        (priced("next_price", json!(1.5)), "InvalidType next_price"),
        (priced("next_date", json!(null)), "InvalidType next_date"),
        (priced("created_by", json!(1)), "NotSupportedChoice created_by"),
        (priced("updated_at", json!(1)), "FieldNotExpected updated_at"),
        (priced("customer_id", json!(1)), "FieldNotExpected customer_id"),
        (priced("metadata", json!({"x": 1})), "FieldNotExpected metadata.x"),
        (priced("metadata", json!({"external_id": 1})), "InvalidType metadata.external_id"),
        (priced("_embedded", json!({"tags": []})), "FieldNotExpected _embedded.tags"),
        (priced("_embedded", json!({"catalog_elements": {}})), "InvalidType _embedded.catalog_elements"),
        (of(json!({"metadata": {"catalog_id": PRODUCTS}})), "FieldMissing @.id"),
        (of(json!({"id": CHAIR})), "FieldMissing @.metadata"),
        (of(json!({"id": CHAIR, "metadata": {}})), "FieldMissing @.metadata.catalog_id"),
        (of(json!({"id": CHAIR, "metadata": {"catalog_id": 7}})), "NotSupportedChoice @.metadata.catalog_id"),
        (of(json!({"id": FURNITURE, "metadata": {"catalog_id": PRODUCTS}})), "NotSupportedChoice @.id"),
        (of(json!({"id": 1, "metadata": {"catalog_id": PRODUCTS}})), "NotSupportedChoice @.id"),
        (of(json!({"id": -1, "metadata": {"catalog_id": PRODUCTS}})), "NotSupportedChoice @.id"),
        (of(json!({"id": CHAIR, "metadata": {"catalog_id": -1}})), "NotSupportedChoice @.metadata.catalog_id"),
        (
            of(json!({"id": CHAIR, "metadata": {"catalog_id": PRODUCTS, "quantity": -5}})),
            "NotSupportedChoice @.metadata.quantity",
        ),
        (of(json!({"id": CHAIR, "quantity": 1, "metadata": {"catalog_id": PRODUCTS}})), "FieldNotExpected @.quantity"),
        (
            of(json!({"id": CHAIR, "metadata": {"catalog_id": PRODUCTS, "quantity": 1.5}})),
            "InvalidType @.metadata.quantity",
        ),
    ] {
        let answer = s.post(&path, json!([{"price": 1}, item])).is(400);
        assert_eq!(answer.errors(), [at(wanted)], "{item}");
        assert_eq!(answer.json()["validation-errors"][0]["request_id"], "1");
    }
    for body in [json!([]), json!({"price": 1}), json!(null)] {
        s.post(&path, body).is(400);
    }
    s.post(&path, Value::Array(vec![json!({"price": 1}); 251])).is(422);
    s.post("customers/1/transactions", json!([{"price": 1}])).is(404).has_type("application/problem+json");
    assert_eq!(s.stats()["entities"]["transactions"], 0);
    let refusal =
        json!({"of": "transactions", "name_contains": "чек 7", "code": "Odd", "path": "comment", "detail": "d"});
    s.faults(json!({"refuse": [refusal]}));
    let batch = json!([{"price": 1, "comment": "чек 6"}, {"price": 1, "comment": "чек 7"}]);
    assert_eq!(s.post(&path, batch).is(400).errors(), ["Odd comment"]);
    s.faults(json!({}));
    s.switch("partial", json!("told"));
    let told = s.post(&path, json!([{"price": 1}, {}])).is(200).json();
    assert_eq!((&told["_total_items"], &told["validation-errors"][0]["request_id"]), (&json!(1), &json!("1")));
}

#[test]
fn lists_of_transactions_follow_their_switches() {
    let s = Running::unlimited();
    let (x, y) = (s.made("customers", json!({"name": "x"})), s.made("customers", json!({"name": "y"})));
    let (all, own) = ("customers/transactions".to_owned(), format!("customers/{x}/transactions"));
    for path in [&all, &own, &"customers/1/transactions".to_owned()] {
        let answer = s.get(path).is(404).has_type("application/problem+json");
        assert_eq!(answer.json()["detail"], "Transactions not found");
    }
    let a = bought(&s, x, json!([{"price": 1}, {"price": 2}, {"price": 3}]));
    let b = bought(&s, y, json!([{"price": 4}]));
    for (path, wanted) in [
        (all.clone(), [&a[..], &b[..]].concat()),
        (own.clone(), a.clone()),
        (format!("{all}?filter[id][0]={}&filter[id][1]={}", b[0], a[1]), vec![a[1], b[0]]),
        (format!("{own}?filter[id]={}", a[2]), vec![a[2]]),
        (format!("{all}?filter[price]=4&order[id]=desc&query=x"), [&a[..], &b[..]].concat()),
        (format!("{own}?limit=2&page=2"), vec![a[2]]),
    ] {
        assert_eq!(ids(&s.get(&path).is(200).json(), "transactions"), wanted, "{path}");
    }
    s.get(&format!("{own}?filter[id]={}", b[0])).is(404);
    // Lists have a link to the next page whether or not there is one. [seed]
    let next = s.get(&own).json()["_links"]["next"]["href"].as_str().expect("a next page").to_owned();
    assert!(next.ends_with(&format!("{own}?limit=50&page=2")), "{next}");
    s.get(&format!("{own}?page=2")).is(404);
    s.switch("no_transactions_status", json!(204));
    s.get(&format!("{own}?page=2")).is(204);
    s.switch("transactions_next_always", json!(false));
    assert_eq!(s.get(&own).json()["_links"]["next"], Value::Null);
    assert!(s.get(&format!("{own}?limit=2")).json()["_links"]["next"].is_object());
    s.switch("transactions_as_customers", json!(true));
    assert_eq!(ids(&s.post(&own, json!([{"price": 1}])).json(), "customers").len(), 1);
    s.switch("list_lag_s", json!(60));
    s.get(&own).is(204);
}

#[test]
fn elements_of_a_lead_do_not_change_customer_totals() {
    let s = Running::unlimited();
    let customer = s.made("customers", json!({"name": "a"}));
    let link = json!([{"to_entity_id": DESK, "to_entity_type": "catalog_elements",
        "metadata": {"catalog_id": PRODUCTS, "quantity": 2}}]);
    s.post(&format!("customers/{customer}/link"), link).is(200);
    let bought = bought(
        &s,
        customer,
        json!([{"price": 1, "_embedded": {"catalog_elements": [
            {"id": CHAIR, "metadata": {"catalog_id": PRODUCTS}}]}}]),
    )[0];
    let read = s.get(&format!("customers/{customer}?with=catalog_elements")).json();
    assert_eq!(ids(&read, "catalog_elements"), [DESK]);
    s.delete(&format!("customers/transactions/{bought}")).is(204);
    assert_eq!(s.kept("customers", customer)["transactions"], json!([]));
    assert_eq!(s.kept("elements", CHAIR)["transactions"], json!([]));
}
