//! Writes: validation and its errors, changes, tags, batches.

use std::sync::atomic::Ordering;

use proptest::prelude::*;
use serde_json::{Value, json};

use crate::{FURNITURE, MAIN, NOW, Running, WHOLESALE};

#[test]
fn errors_of_a_lead_have_code_and_path() {
    let s = Running::unlimited();
    let source = s.field("leads", "Источник");
    let city = s.field("leads", "Город");
    let unsorted = s.status(MAIN, "Неразобранное");
    let order = s.status(WHOLESALE, "Заявка");
    let field = |id: u64, values: Value| json!({"custom_fields_values": [{"field_id": id, "values": values}]});
    let of = |name: &str, value: Value| field(s.field("leads", name), json!([{"value": value}]));
    for (item, wanted) in [
        (json!({"nonsense": 1}), "FieldNotExpected nonsense"),
        (json!({"account_id": 1}), "FieldNotExpected account_id"),
        (json!({"id": 1}), "FieldNotExpected id"),
        (json!({"price": "100"}), "InvalidType price"),
        (json!({"price": 100.5}), "InvalidType price"),
        (json!({"name": 1}), "InvalidType name"),
        (json!({"name": "я".repeat(256)}), "TooLong name"),
        (json!({"request_id": 0}), "InvalidType request_id"),
        (json!({"created_at": "2025-01-01"}), "InvalidType created_at"),
        (json!({"responsible_user_id": 1}), "NotSupportedChoice responsible_user_id"),
        (json!({"responsible_user_id": 500_009}), "NotSupportedChoice responsible_user_id"),
        (json!({"responsible_user_id": 0}), "NotSupportedChoice responsible_user_id"),
        (json!({"created_by": 1}), "NotSupportedChoice created_by"),
        (json!({"pipeline_id": 1}), "NotSupportedChoice pipeline_id"),
        (json!({"status_id": 1}), "NotSupportedChoice status_id"),
        (json!({"status_id": unsorted}), "NotSupportedChoice status_id"),
        (json!({"pipeline_id": MAIN, "status_id": order}), "NotSupportedChoice status_id"),
        (json!({"loss_reason_id": 1}), "NotSupportedChoice loss_reason_id"),
        (json!({"tags_to_delete": []}), "FieldNotExpected tags_to_delete"),
        (json!({"tags_to_add": [{"id": 1}]}), "NotSupportedChoice tags_to_add.0.id"),
        (json!({"tags_to_add": [{}]}), "FieldMissing tags_to_add.0.name"),
        (json!({"tags_to_add": {"name": "a"}}), "InvalidType tags_to_add"),
        (
            json!({"_embedded": {"tags": [{"name": "a", "request_id": "0"}]}}),
            "FieldNotExpected _embedded.tags.0.request_id",
        ),
        (json!({"_embedded": {"contacts": [{"id": 1}]}}), "NotSupportedChoice _embedded.contacts.0.id"),
        (json!({"_embedded": {"contacts": [{"name": "a"}]}}), "FieldNotExpected _embedded.contacts.0.name"),
        (json!({"_embedded": {"source": {"external_id": true}}}), "InvalidType _embedded.source.external_id"),
        (json!({"_embedded": {"customers": []}}), "FieldNotExpected _embedded.customers"),
        (field(1, json!([{"value": "a"}])), "NotSupportedChoice custom_fields_values.0.field_id"),
        (
            json!({"custom_fields_values": [{"field_code": "PHONE", "values": [{"value": "1"}]}]}),
            "NotSupportedChoice custom_fields_values.0.field_code",
        ),
        (json!({"custom_fields_values": [{"values": []}]}), "FieldMissing custom_fields_values.0.field_id"),
        (json!({"custom_fields_values": [{"field_id": city}]}), "FieldMissing custom_fields_values.0.values"),
        (json!({"custom_fields_values": {"a": 1}}), "InvalidType custom_fields_values"),
        (field(city, json!([])), "InvalidType custom_fields_values.0.values"),
        (field(city, json!("a")), "InvalidType custom_fields_values.0.values"),
        (field(city, json!([{}])), "FieldMissing custom_fields_values.0.values.0.value"),
        (field(city, json!([{"value": 1}])), "InvalidType custom_fields_values.0.values.0.value"),
        (field(city, json!([{"value": "я".repeat(257)}])), "TooLong custom_fields_values.0.values.0.value"),
        (field(source, json!([{"value": "Нет"}])), "NotSupportedChoice custom_fields_values.0.values.0.value"),
        (field(source, json!([{"enum_id": 1}])), "NotSupportedChoice custom_fields_values.0.values.0.enum_id"),
        (of("Срочно", json!("да")), "InvalidType custom_fields_values.0.values.0.value"),
        (of("Скидка, %", json!("много")), "InvalidType custom_fields_values.0.values.0.value"),
        (of("Дата отгрузки", json!("01.02.2025")), "InvalidType custom_fields_values.0.values.0.value"),
        (of("День рождения", json!(-1)), "NotSupportedChoice custom_fields_values.0.values.0.value"),
        (of("Реквизиты", json!({})), "FieldMissing custom_fields_values.0.values.0.value.name"),
        (
            of("Реквизиты", json!({"name": "a", "unp": null})),
            "FieldNotExpected custom_fields_values.0.values.0.value.unp",
        ),
        (of("Адрес объекта", json!("Москва")), "FieldMissing custom_fields_values.0.values.0.enum_code"),
        (
            field(s.field("leads", "Адрес объекта"), json!([{"value": "Россия", "enum_code": "country"}])),
            "NotSupportedChoice custom_fields_values.0.values.0.value",
        ),
        (
            field(s.field("leads", "Интересы"), json!([{"enum_code": "a"}])),
            "FieldNotExpected custom_fields_values.0.values.0.enum_code",
        ),
        (
            field(
                s.field("leads", "Категория товара"),
                json!([{"catalog_id": 1005, "catalog_element_id": FURNITURE, "x": 1}]),
            ),
            "FieldNotExpected custom_fields_values.0.values.0.x",
        ),
    ] {
        let answer = s.post("leads", json!([item])).is(400).has_type("application/problem+json");
        assert_eq!(answer.errors().first().map(String::as_str), Some(wanted), "{item}");
    }
    assert_eq!(s.stats()["entities"]["leads"], 0);
}

#[test]
fn one_refused_item_rejects_its_batch_and_is_named() {
    let s = Running::unlimited();
    let batch = json!([{"name": "хорошая", "request_id": "r1"}, {"price": "x", "request_id": "r2"}, {"price": true}]);
    let answer = s.post("leads", batch.clone()).is(400);
    assert_eq!(
        answer.json(),
        json!({
            "validation-errors": [
                {"request_id": "r2", "errors": [
                    {"code": "InvalidType", "path": "price", "detail": "This value should be of type int."}]},
                {"request_id": "2", "errors": [
                    {"code": "InvalidType", "path": "price", "detail": "This value should be of type int."}]}
            ],
            "title": "Bad Request", "type": "https://httpstatus.es/400", "status": 400,
            "detail": "Request validation failed"
        })
    );
    assert_eq!(s.stats()["entities"]["leads"], 0);
    let s = Running::with(json!({"partial": "silent"}));
    s.post("leads", batch.clone()).is(400);
    assert_eq!(s.stats()["entities"]["leads"], 1);
    let s = Running::with(json!({"partial": "told"}));
    let told = s.post("leads", batch).is(200).json();
    assert_eq!(told["_embedded"]["leads"][0]["request_id"], "r1");
    assert_eq!(told["validation-errors"][0]["request_id"], "r2");
}

#[test]
fn a_patch_changes_only_its_keys() {
    let s = Running::unlimited();
    let (city, source) = (s.field("leads", "Город"), s.field("leads", "Источник"));
    let id = s.made(
        "leads",
        json!({"name": "Сделка", "price": 5, "custom_fields_values": [
            {"field_id": city, "values": [{"value": "Тверь"}]}, {"field_id": source, "values": [{"value": "Сайт"}]}]}),
    );
    s.now.fetch_add(60, Ordering::SeqCst);
    let answer = s
        .patch(
            "leads",
            json!([{"id": id, "pipeline_id": WHOLESALE, "status_id": 143, "closed_at": 1_589_297_221,
                "loss_reason_id": 4_200_001, "updated_by": 0, "request_id": "x",
                "custom_fields_values": [{"field_id": city, "values": null}]}]),
        )
        .is(200)
        .json();
    let item = answer["_embedded"]["leads"][0].as_object().expect("an item").clone();
    assert_eq!(item.keys().collect::<Vec<_>>(), ["id", "updated_at", "_links"]);
    assert_eq!(item["updated_at"], NOW + 60);
    let lead = s.lead(id);
    assert_eq!(
        [&lead["name"], &lead["price"], &lead["status_id"], &lead["closed_at"], &lead["updated_by"]],
        [&json!("Сделка"), &json!(5), &json!(143), &json!(1_589_297_221), &json!(0)]
    );
    assert_eq!(lead["custom_fields_values"].as_array().map(Vec::len), Some(1));
    assert_eq!(lead["_embedded"]["loss_reason"][0]["name"], "Дорого");
    let bare = s.patch(&format!("leads/{id}"), json!({"price": 7})).is(200).json();
    assert_eq!((bare["id"].as_u64(), bare.get("_embedded")), (Some(id), None));
    assert_eq!(s.lead(id)["status_id"], 143);
    for (item, wanted) in [
        (json!({"id": 1}), "NotSupportedChoice id"),
        (json!({"name": "a"}), "FieldMissing id"),
        (json!({"id": "1"}), "InvalidType id"),
        (json!({"id": id, "_embedded": {"contact": []}}), "FieldNotExpected _embedded.contact"),
    ] {
        assert_eq!(s.patch("leads", json!([item])).is(400).errors(), [wanted], "{item}");
    }
    assert_eq!(s.patch("leads/1", json!({"price": 7})).is(400).errors(), ["NotSupportedChoice id"]);
}

#[test]
fn tags_are_added_deleted_replaced_and_not_cleared_by_null() {
    let s = Running::unlimited();
    let id = s.made("leads", json!({"tags_to_add": [{"name": "Первый тег"}, {"name": "второй"}]}));
    let tags = |id: u64| -> Vec<String> {
        let lead = s.lead(id);
        let tags = lead["_embedded"]["tags"].as_array().expect("tags");
        tags.iter().map(|t| t["name"].as_str().expect("a name").to_owned()).collect()
    };
    for (change, wanted) in [
        (
            json!({"tags_to_add": [{"name": "Второй тег"}], "tags_to_delete": [{"name": "Первый тег"}]}),
            vec!["второй", "Второй тег"],
        ),
        (json!({"_embedded": {"tags": null}}), vec!["второй", "Второй тег"]),
        (json!({"tags_to_delete": [{"name": "нет такого"}]}), vec!["второй", "Второй тег"]),
        (json!({"_embedded": {"tags": [{"name": "один"}]}}), vec!["один"]),
        (json!({"_embedded": {"tags": []}}), vec![]),
    ] {
        s.patch(&format!("leads/{id}"), change.clone()).is(200);
        assert_eq!(tags(id), wanted, "{change}");
    }
    let all = s.get("leads/tags").is(200).json();
    assert_eq!(all["_embedded"]["tags"].as_array().map(Vec::len), Some(4));
    s.control("POST", "switches", r#"{"null_clears_tags":true}"#).is(200);
    s.patch(&format!("leads/{id}"), json!({"tags_to_add": [{"name": "один"}]})).is(200);
    s.patch(&format!("leads/{id}"), json!({"_embedded": {"tags": null}})).is(200);
    assert_eq!(tags(id), Vec::<String>::new());
}

#[test]
fn malformed_bodies_are_refused() {
    let s = Running::unlimited();
    let token = |token: &str| format!("authorization: Bearer {token}\r\n");
    for headers in [String::new(), token("wrong"), "authorization: Basic a\r\n".to_owned()] {
        let answer = s.plain("GET", "/api/v4/account", &headers, "").is(401).has_type("application/problem+json");
        assert_eq!((&answer.json()["title"], &answer.json()["status"]), (&json!("Unauthorized"), &json!(401)));
    }
    for body in ["", "{", "[]", "null", "{\"name\":\"a\"}"] {
        let answer = s.send("POST", "leads", body).is(400).has_type("application/problem+json");
        assert_eq!(answer.json()["detail"], "Request data can't be blank", "{body}");
    }
    let many: Vec<Value> = (0..251).map(|_| json!({})).collect();
    assert_eq!(s.post("leads", json!(many)).is(422).json()["detail"], "Limit of 250 per page");
    s.send("DELETE", "leads/1", "").is(405).has_type("application/problem+json");
    let lost = s.get("nonsense").is(404).has_type("application/problem+json").json();
    assert!(lost["detail"].as_str().is_some_and(|d| d.starts_with("Cannot GET http://")));
}

/// JSON that resembles a request, so that it passes the first check.
fn any_json() -> impl Strategy<Value = Value> {
    let key = prop_oneof![
        Just("id".to_owned()),
        Just("name".to_owned()),
        Just("custom_fields_values".to_owned()),
        Just("field_id".to_owned()),
        Just("field_code".to_owned()),
        Just("values".to_owned()),
        Just("value".to_owned()),
        Just("enum_id".to_owned()),
        Just("enum_code".to_owned()),
        Just("_embedded".to_owned()),
        Just("tags".to_owned()),
        Just("contacts".to_owned()),
        Just("companies".to_owned()),
        Just("metadata".to_owned()),
        Just("tags_to_add".to_owned()),
        Just("status_id".to_owned()),
        Just("pipeline_id".to_owned()),
        Just("closed_at".to_owned()),
        Just("catalog_id".to_owned()),
        Just("entity_id".to_owned()),
        Just("discount".to_owned()),
        Just("type".to_owned()),
        Just("enums".to_owned()),
        Just("nested".to_owned()),
        Just("statuses".to_owned()),
        Just("external_id".to_owned()),
        ".{0,4}",
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        (600_101_u64..600_122).prop_map(Value::from),
        (600_601_u64..600_619).prop_map(Value::from),
        (600_701_u64..600_711).prop_map(Value::from),
        Just(json!("category")),
        Just(json!(4_100_001)),
        any::<f64>().prop_map(Value::from),
        Just(json!("PHONE")),
        Just(json!("9999-12-31T23:59:59Z")),
        "-?[0-9]{0,20}".prop_map(Value::from),
        ".{0,8}".prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 48, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((key.clone(), inner), 0..5).prop_map(|pairs| pairs.into_iter().collect()),
        ]
    })
}

#[test]
fn no_body_and_no_query_crashes_the_server() {
    let s = Running::unlimited();
    let id = s.made("leads", json!({"name": "жива"}));
    let (customer, p) = (s.made("customers", json!({"name": "жив"})), Running::periodic());
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig::with_cases(300));
    let input = (prop::collection::vec(any_json(), 1..4), "[a-z\\[\\]=&%0-9]{0,30}");
    runner
        .run(&input, |(items, query)| {
            let body = Value::from(items.clone());
            for answer in [
                s.post("leads", body.clone()),
                s.post("leads/complex", body.clone()),
                s.post("contacts", body.clone()),
                s.patch("companies", body.clone()),
                s.post("catalogs/1001/elements", body.clone()),
                s.patch("catalogs/1003/elements", body.clone()),
                s.patch("catalogs", body.clone()),
                s.post("leads/custom_fields", body.clone()),
                s.post("catalogs/1001/custom_fields", body.clone()),
                s.post("leads/pipelines", body.clone()),
                s.patch("sources", body.clone()),
                s.post("leads/unsorted/forms", body.clone()),
                s.post("customers", body.clone()),
                s.post(&format!("customers/{customer}/transactions"), body.clone()),
                s.post(&format!("leads/{id}/link"), body.clone()),
                s.post("customers/link", body.clone()),
                p.post("customers/statuses", body.clone()),
                p.patch("customers", body),
                s.patch("customers/segments/51", items[0].clone()),
                s.post(&format!("customers/{customer}/bonus_points"), items[0].clone()),
                s.get(&format!("customers/links?{query}&filter[entity_id][]={query}")),
                s.patch("catalogs/1001/elements/4900001", items[0].clone()),
                s.get(&format!("catalogs/1001/elements?{query}&id[]={query}")),
                s.get(&format!("events?{query}&filter[type]={query}")),
                s.patch(&format!("leads/{id}"), items[0].clone()),
                s.get(&format!("leads?{query}&filter[id][]={query}&order[{query}]=asc&limit=3")),
            ] {
                prop_assert!([200, 204, 400, 422].contains(&answer.status), "{} {}", answer.status, answer.body);
            }
            Ok(())
        })
        .expect("every answer is an answer");
}
