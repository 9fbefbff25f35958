//! Statuses and segments of customers.

use serde_json::{Value, json};

use crate::{Answer, NOW, PRODUCTS, Running, ids, keys, no_limit};

const PLAIN: u64 = 4_740_003;
pub const EXPECTED: u64 = 4_740_005;
const CLOSED: u64 = 4_740_009;

fn statuses(s: &Running) -> Vec<(String, i64)> {
    let all = s.get("customers/statuses").is(200).json();
    let all = all["_embedded"]["statuses"].as_array().expect("statuses").clone();
    all.iter().map(|s| (s["name"].as_str().expect("a name").to_owned(), s["sort"].as_i64().expect("a place"))).collect()
}

#[test]
fn statuses_are_one_page_and_need_periodicity() {
    let s = Running::unlimited();
    for path in ["customers/statuses", "customers/statuses/4740001"] {
        s.get(path).is(422).has_type("application/problem+json");
    }
    s.post("customers/statuses", json!([{"name": "a", "sort": 1}])).is(422);
    s.mode("periodicity", true);
    let all = s.get("customers/statuses?page=2&limit=1").is(200).json();
    assert_eq!(keys(&all), ["_total_items", "_links", "_embedded"]);
    assert_eq!(all["_total_items"], 5);
    let types: Vec<&Value> =
        all["_embedded"]["statuses"].as_array().expect("statuses").iter().map(|s| &s["type"]).collect();
    assert_eq!(types, [4, 0, 1, 2, 3]);
    let one = s.get(&format!("customers/statuses/{EXPECTED}")).is(200).json();
    let wanted = ["id", "name", "sort", "is_default", "conditions", "color", "type", "account_id", "_links"];
    assert_eq!(keys(&one), wanted);
    assert_eq!((&one["sort"], &one["is_default"]), (&json!(2), &json!(true)));
    assert_eq!(one["conditions"][0][0]["match"]["value"], 0);
    assert_eq!(one, all["_embedded"]["statuses"][2]);
    s.get("customers/statuses/1").is(204);
    s.switch("expected_as_closed", json!(true));
    assert_eq!(s.get(&format!("customers/statuses/{EXPECTED}")).json()["type"], 3);
    let kept = s.kept("statuses", PLAIN);
    assert_eq!((&kept["name"], &s.stats()["entities"]["statuses"]), (&json!("Постоянный клиент"), &json!(5)));
}

#[test]
fn statuses_are_created_and_sorted() {
    let s = Running::periodic();
    let sent =
        json!([{"name": "Новый", "sort": 100, "color": "#fffeb2"}, {"name": "Первый", "sort": 0, "request_id": "p"}]);
    let answer = s.post("customers/statuses", sent).is(200).has_type("application/hal+json").json();
    assert_eq!(answer["_total_items"], 2);
    let made = answer["_embedded"]["statuses"].as_array().expect("statuses");
    assert_eq!(keys(&made[0]), ["id", "request_id", "_links"]);
    assert_eq!((&made[0]["request_id"], &made[1]["request_id"]), (&json!("0"), &json!("p")));
    let names = |s: &Running| statuses(s).into_iter().map(|(name, _)| name).collect::<Vec<_>>();
    assert_eq!(
        names(&s),
        ["Первый", "Купили недавно", "Постоянный клиент", "Ожидается покупка", "Не купили", "Новый", "Закрыт"]
    );
    assert_eq!(statuses(&s).into_iter().map(|(_, sort)| sort).collect::<Vec<_>>(), [0, 1, 2, 3, 4, 5, 6]);
    let id = made[0]["id"].as_u64().expect("an id");
    let path = format!("customers/statuses/{id}");
    let change = json!({"name": "Новое название для статуса", "color": "#c1e0ff"});
    let changed = s.patch(&path, change).is(200).json();
    let wanted =
        ["id", "name", "sort", "is_default", "conditions", "color", "type", "account_id", "request_id", "_links"];
    assert_eq!(keys(&changed), wanted);
    assert_eq!([&changed["sort"], &changed["type"]], [5, 0]);
    assert_eq!((&changed["color"], &changed["request_id"]), (&json!("#c1e0ff"), &json!("0")));
    assert_eq!(s.patch(&path, json!({"sort": 1, "request_id": "r"})).is(200).json()["request_id"], "r");
    assert_eq!(s.get(&path).json()["sort"], 1);
    s.patch(&format!("customers/statuses/{CLOSED}"), json!({"sort": 0})).is(200);
    assert_eq!(names(&s).last().map(String::as_str), Some("Закрыт"));
    let kept = s.control("GET", "entities/statuses?fields=sort&limit=2", "").is(200).json();
    assert_eq!(kept, json!({"rows": [{"id": PLAIN - 2, "sort": 2}, {"id": PLAIN, "sort": 3}], "next": PLAIN}));
    s.switch("request_ids", json!("missing"));
    assert_eq!(s.patch(&path, json!({"name": "x"})).json().get("request_id"), None);
    s.patch("customers/statuses", json!([{"id": id, "name": "x"}])).is(405);
}

#[test]
fn errors_of_a_status_have_code_and_path() {
    let s = Running::periodic();
    let named = |key: &str, value: Value| json!({"name": "a", "sort": 1, key: value});
    for (item, wanted) in [
        (json!({"sort": 1}), "FieldMissing name"),
        (json!({"name": "a"}), "FieldMissing sort"),
        (named("name", json!(1)), "InvalidType name"),
        (named("name", json!("я".repeat(256))), "TooLong name"),
        (named("sort", json!("1")), "InvalidType sort"),
        (named("color", json!("fffeb2")), "NotSupportedChoice color"),
        (named("color", json!("#ccff66")), "NotSupportedChoice color"),
        (named("color", json!(null)), "InvalidType color"),
        (named("type", json!(1)), "FieldNotExpected type"),
        (named("conditions", json!([])), "FieldNotExpected conditions"),
        (named("request_id", json!(1)), "InvalidType request_id"),
    ] {
        assert_eq!(s.post("customers/statuses", json!([item])).is(400).errors(), [wanted], "{item}");
    }
    s.post("customers/statuses", json!({"name": "a", "sort": 1})).is(400);
    let path = format!("customers/statuses/{PLAIN}");
    assert_eq!(s.patch(&path, json!({"color": "red"})).is(400).errors(), ["NotSupportedChoice color"]);
    for body in [json!({}), json!({"request_id": "r"}), json!({"id": PLAIN}), json!([{"name": "a"}])] {
        s.patch(&path, body).is(400);
    }
    assert_eq!(s.patch("customers/statuses/1", json!({"name": "a"})).is(400).errors(), ["NotSupportedChoice id"]);
    // Thirty, the system's included. [seed]
    let many = |n: usize| Value::Array(vec![json!({"name": "a", "sort": 1}); n]);
    s.post("customers/statuses", many(26)).is(422);
    s.post("customers/statuses", many(25)).is(200);
    s.post("customers/statuses", many(1)).is(422);
    assert_eq!(statuses(&s).len(), 30);
}

#[test]
fn customers_of_a_deleted_status_get_another() {
    let folder = tempfile::tempdir().expect("a folder");
    let s = Running::start(Some(folder.path()), no_limit());
    s.mode("periodicity", true);
    let in_plain = s.made("customers", json!({"name": "a", "next_date": NOW, "status_id": PLAIN}));
    let in_closed = s.made("customers", json!({"name": "b", "next_date": NOW, "status_id": CLOSED}));
    for id in [EXPECTED, CLOSED, 1] {
        let answer = s.delete(&format!("customers/statuses/{id}")).is(400);
        assert_eq!(answer.errors(), ["NotSupportedChoice id"]);
    }
    s.delete(&format!("customers/statuses/{PLAIN}")).is(204);
    s.get(&format!("customers/statuses/{PLAIN}")).is(204);
    drop(s);
    let s = Running::start(Some(folder.path()), no_limit());
    assert_eq!(s.get(&format!("customers/{in_plain}")).json()["status_id"], EXPECTED);
    assert_eq!(s.get(&format!("customers/{in_closed}")).json()["status_id"], CLOSED);
    let answer = s.post("customers/statuses", json!([{"name": "a", "sort": 1}])).is(200).json();
    let id = ids(&answer, "statuses")[0];
    s.delete(&format!("customers/statuses/{id}")).is(204);
    let again = s.post("customers/statuses", json!([{"name": "a", "sort": 1}])).is(200).json();
    assert!(ids(&again, "statuses")[0] > id, "an id is given once");
    s.control("POST", "reset", "").is(200);
    s.mode("periodicity", true);
    assert_eq!(statuses(&s).len(), 5);
}

/// The example of the document. [seed]
fn example(s: &Running) -> Value {
    let channels = s.option("customers/segments", "Интересы", "Поддержка");
    json!({"name": "Сегмент для примера", "color": "ae003f", "custom_fields_values": [
        {"field_id": s.field("customers/segments", "Код сегмента"), "field_name": "Описание сегмента",
            "values": [{"value": "Этот сегмент создан для примера"}]},
        {"field_id": s.field("customers/segments", "Интересы"), "values": [{"enum_id": channels}]}]})
}

#[test]
fn segments_are_created_one_by_one_and_shown_in_full() {
    let s = Running::unlimited();
    let made = s.post("customers/segments", example(&s)).is(200).has_type("application/hal+json").json();
    let wanted = [
        "id",
        "created_at",
        "updated_at",
        "account_id",
        "name",
        "color",
        "available_products_price_types",
        "customers_count",
        "custom_fields_values",
        "_links",
    ];
    assert_eq!(keys(&made), wanted);
    assert_eq!((&made["color"], &made["created_at"]), (&json!("ae003f"), &json!(NOW)));
    assert_eq!((&made["available_products_price_types"], &made["customers_count"]), (&json!([]), &json!(0)));
    let fields = made["custom_fields_values"].as_array().expect("fields");
    assert_eq!(fields[0]["values"], json!([{"value": "Этот сегмент создан для примера"}]));
    assert_eq!(
        (&fields[1]["field_type"], &fields[1]["values"][0]["value"]),
        (&json!("multiselect"), &json!("Поддержка"))
    );
    let id = made["id"].as_u64().expect("an id");
    let path = format!("customers/segments/{id}");
    assert_eq!(s.get(&path).is(200).json(), made);
    let list = s.get("customers/segments").is(200).json();
    assert_eq!((&list["_total_items"], &list["_page"], &list["_page_count"]), (&json!(4), &json!(1), &json!(1)));
    assert_eq!(ids(&list, "segments"), [51, 53, 55, id]);
    assert_eq!(list["_embedded"]["segments"][0]["custom_fields_values"], json!([]));
    let page = s.get("customers/segments?limit=3&page=2").is(200).json();
    assert_eq!((ids(&page, "segments"), &page["_page_count"]), (vec![id], &json!(2)));
    let price = s.field("catalogs/1001", "Цена оптовая");
    let change = json!({"name": "Новое имя", "available_products_price_types": [price], "request_id": "r",
        "custom_fields_values": [{"field_id": s.field("customers/segments", "Код сегмента"), "values": null}]});
    s.now.fetch_add(60, std::sync::atomic::Ordering::SeqCst);
    let changed = s.patch(&path, change).is(200).json();
    assert_eq!(keys(&changed), wanted);
    assert_eq!((&changed["name"], &changed["color"]), (&json!("Новое имя"), &json!("ae003f")));
    assert_eq!([&changed["created_at"], &changed["updated_at"]], [NOW, NOW + 60]);
    assert_eq!(changed["available_products_price_types"], json!([price]));
    assert_eq!(changed["custom_fields_values"].as_array().map(Vec::len), Some(1));
    let kept = s.kept("segments", id);
    assert_eq!((&kept["name"], &kept["custom"]), (&json!("Новое имя"), &json!({"Интересы": ["Поддержка"]})));
    assert_eq!(s.count("segments"), 4);
    let page = |query: &str| s.control("GET", &format!("entities/segments?{query}"), "").is(200).json();
    let rows = json!([{"id": 53, "name": "Постоянные"}, {"id": 55, "name": "Новые"}]);
    assert_eq!(page("fields=name&after=51&limit=2"), json!({"rows": rows, "next": 55}));
    assert_eq!(page("fields=&after=55"), json!({"rows": [{"id": id}], "next": null}));
    s.get("customers/segments/1").is(204);
    s.mode("periodicity", true);
    s.get("customers/segments").is(422);
    s.post("customers/segments", json!({"name": "a"})).is(422);
    s.get("customers/segments/custom_fields").is(200);
}

#[test]
fn errors_of_a_segment_have_code_and_path() {
    let s = Running::unlimited();
    let named = |key: &str, value: Value| json!({"name": "a", key: value});
    let path = "available_products_price_types";
    let sku = s.field("catalogs/1001", "Артикул");
    let of_lead = json!([{"field_id": s.field("leads", "Город"), "values": [{"value": "a"}]}]);
    for (item, wanted) in [
        (json!({}), "FieldMissing name".to_owned()),
        (named("name", json!(1)), "InvalidType name".to_owned()),
        (named("color", json!("#ae003f")), "NotSupportedChoice color".to_owned()),
        (named("color", json!("ffffff")), "NotSupportedChoice color".to_owned()),
        (named("request_id", json!("r")), "FieldNotExpected request_id".to_owned()),
        (named("customers_count", json!(1)), "FieldNotExpected customers_count".to_owned()),
        (named(path, json!(1)), format!("InvalidType {path}")),
        (named(path, json!(["1"])), format!("InvalidType {path}.0")),
        (named(path, json!([sku])), format!("NotSupportedChoice {path}.0")),
        (named("custom_fields_values", of_lead), "NotSupportedChoice custom_fields_values.0.field_id".to_owned()),
        (named("custom_fields_values", json!(1)), "InvalidType custom_fields_values".to_owned()),
    ] {
        assert_eq!(s.post("customers/segments", item.clone()).is(400).errors(), [wanted], "{item}");
    }
    // An array with one segment is not one. [seed]
    s.post("customers/segments", json!([{"name": "a"}])).is(400);
    for body in [json!({}), json!({"request_id": "r"}), json!([])] {
        s.patch("customers/segments/51", body).is(400);
    }
    assert_eq!(s.patch("customers/segments/1", json!({"name": "a"})).is(400).errors(), ["NotSupportedChoice id"]);
    assert_eq!(s.delete("customers/segments/1").is(400).errors(), ["NotSupportedChoice id"]);
    s.patch("customers/segments", json!([{"id": 51, "name": "a"}])).is(405);
    assert_eq!(s.stats()["entities"]["segments"], 3);
    for n in 3..100 {
        s.post("customers/segments", json!({"name": n.to_string()})).is(200);
    }
    s.post("customers/segments", json!({"name": "a"})).is(400);
}

#[test]
fn a_deleted_price_field_is_removed_from_segments() {
    let s = Running::unlimited();
    let fields = format!("catalogs/{PRODUCTS}/custom_fields");
    let made = s.post(&fields, json!([{"name": "Цена для своих", "type": "price"}])).is(200).json();
    let price = ids(&made, "custom_fields")[0];
    let prices = json!({"available_products_price_types": [price]});
    let changed = s.patch("customers/segments/51", prices).is(200).json();
    assert_eq!(changed["available_products_price_types"], json!([price]));
    s.delete(&format!("{fields}/{price}")).is(204);
    assert_eq!(s.get("customers/segments/51").json()["available_products_price_types"], json!([]));
}

#[test]
fn scripts_refuse_segments_and_statuses() {
    let (s, p) = (Running::unlimited(), Running::periodic());
    for s in [&s, &p] {
        s.faults(json!({"refuse": [{"name_contains": "плох", "path": "name"}]}));
    }
    let bad = |answer: Answer| assert_eq!(answer.is(400).errors(), ["NotSupportedChoice name"]);
    bad(s.post("customers/segments", json!({"name": "плохой"})));
    bad(s.patch("customers/segments/51", json!({"name": "плохой"})));
    bad(p.post("customers/statuses", json!([{"name": "плохой", "sort": 1}])));
    bad(p.patch(&format!("customers/statuses/{PLAIN}"), json!({"name": "плохой"})));
    p.post("customers/statuses", json!([{"name": "a", "sort": 1}, {"name": "b", "sort": 1}])).is(200);
    let tally = &p.stats()["commits"]["POST customers/statuses"];
    assert_eq!(tally, &json!({"commits": 1, "records": 2, "answered": 1}));
}

#[test]
fn a_segment_counts_its_customers_until_it_is_deleted() {
    let folder = tempfile::tempdir().expect("a folder");
    let s = Running::start(Some(folder.path()), no_limit());
    let made = |segments: &[u64]| {
        let segments: Vec<Value> = segments.iter().map(|id| json!({"id": id})).collect();
        s.made("customers", json!({"name": "a", "_embedded": {"segments": segments}}))
    };
    let (a, b) = (made(&[51, 53]), made(&[51]));
    made(&[]);
    let counts = |s: &Running| {
        let list = s.get("customers/segments").is(200).json();
        let all = list["_embedded"]["segments"].as_array().expect("segments").clone();
        all.iter().map(|s| s["customers_count"].as_u64().expect("a number")).collect::<Vec<_>>()
    };
    assert_eq!(counts(&s), [2, 1, 0]);
    assert_eq!(s.get("customers/segments/51").json()["customers_count"], 2);
    s.delete("customers/segments/51").is(204);
    drop(s);
    let s = Running::start(Some(folder.path()), no_limit());
    assert_eq!(counts(&s), [1, 0]);
    assert_eq!(ids(&s.get(&format!("customers/{a}")).json(), "segments"), [53]);
    assert_eq!(s.kept("customers", b)["segments"], json!([]));
    for _ in 0..3 {
        s.delete("customers/segments/53");
        s.delete("customers/segments/55");
    }
    s.get("customers/segments").is(204);
}
