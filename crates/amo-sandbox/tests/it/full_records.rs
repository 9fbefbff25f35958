//! A record is read, changed in one key and sent back whole, as most clients save. Read-only keys are ignored; a switch
//! refuses them, since the tables of writes do not have them.

use serde_json::{Value, json};

use super::statuses_segments::EXPECTED;
use super::{CATEGORIES, CHAIR, CHAMOMILE, DESK, FURNITURE, INVOICES, MAIN, PRODUCTS, Running};

/// The path of a record, the query of its read, the change, and its read-only keys.
struct Case {
    path: String,
    with: &'static str,
    change: (&'static str, Value),
    /// As errors of the strict sandbox, in order.
    shown: &'static [&'static str],
    /// The path and key of its collection; `None` where only its own path can be written.
    key: Option<&'static str>,
}

fn tags() -> Value {
    json!([{"name": "один"}, {"name": "два"}])
}

/// A record of everything that can be changed, with as many values as possible.
fn cases(s: &Running) -> Vec<Case> {
    let field = |name: &str| s.field("leads", name);
    let company = s.made(
        "companies",
        json!({"name": "Ромашка", "_embedded": {"tags": tags()}, "custom_fields_values": [
        {"field_code": "PHONE", "values": [{"value": "+7", "enum_code": "WORK"}]}]}),
    );
    let contact = s.made("contacts", json!({"name": "Иван", "first_name": "Иван", "_embedded": {"tags": tags()},
        "custom_fields_values": [{"field_code": "EMAIL", "values": [{"value": "a@example.com", "enum_code": "PRIV"}]}]}));
    let lead = s.made(
        "leads",
        json!({"name": "Сделка", "price": 5, "status_id": 143, "loss_reason_id": 4_200_001,
        "_embedded": {"tags": tags(), "contacts": [{"id": contact, "is_main": true}], "companies": [{"id": company}]},
        "custom_fields_values": [
            {"field_id": field("Город"), "values": [{"value": "Тверь"}]},
            {"field_id": field("Источник"), "values": [{"value": "Сайт"}]},
            {"field_id": field("Срочно"), "values": [{"value": true}]},
            {"field_id": field("Скидка, %"), "values": [{"value": 12.5}]},
            {"field_id": field("Дата отгрузки"), "values": [{"value": 1_763_726_400}]},
            {"field_id": field("Адрес объекта"), "values": [{"value": "Тверь", "enum_code": "city"}]},
            {"field_id": field("Категория товара"), "values": [
                {"catalog_id": CATEGORIES, "catalog_element_id": FURNITURE}]}]}),
    );
    let customer =
        s.made("customers", json!({"name": "Покупатель", "_embedded": {"tags": tags(), "segments": [{"id": 51}]}}));
    for (to, id) in [("contacts", contact), ("companies", company)] {
        s.post(&format!("customers/{customer}/link"), json!([{"to_entity_id": id, "to_entity_type": to}])).is(200);
    }
    for (from, id) in [("leads", lead), ("contacts", contact), ("companies", company), ("customers", customer)] {
        let link = json!([{"to_entity_id": DESK, "to_entity_type": "catalog_elements",
            "metadata": {"catalog_id": PRODUCTS, "quantity": 2}}]);
        s.post(&format!("{from}/{id}/link"), link).is(200);
    }
    let bill = |name: &str, values: Value| json!({"field_id": s.field(&format!("catalogs/{INVOICES}"), name), "values": values});
    let invoice = s.element(
        INVOICES,
        json!({"name": "Счёт", "custom_fields_values": [
        bill("Статус", json!([{"value": "Создан"}])),
        bill("Поставщик", json!([{"value": {"entity_id": CHAMOMILE}}])),
        bill("Плательщик", json!([{"value": {"name": "Ромашка", "entity_id": company, "entity_type": "companies"}}])),
        bill("Позиции", json!([{"value": {"product_id": CHAIR, "unit_price": 10, "quantity": 5,
            "discount": {"type": "amount", "value": 25}}}]))]}),
    );
    let segment = s.post("customers/segments", json!({"name": "Новый"})).is(200).json()["id"].clone();
    let source = s.made("sources", json!({"name": "Сайт", "external_id": "another-site"}));
    let name = || ("name", json!("Другое"));
    let case = |path: String, key, shown| Case { path, with: "", change: name(), shown, key };
    let mut cases = vec![
        Case {
            path: format!("leads/{lead}"),
            with: "contacts,catalog_elements,loss_reason,source_id,is_price_modified_by_robot",
            change: ("price", json!(7)),
            shown: &[
                "group_id",
                "source_id",
                "closest_task_at",
                "is_deleted",
                "field_type",
                "score",
                "account_id",
                "labor_cost",
                "is_price_modified_by_robot",
                "_links",
                "color",
                "catalog_elements",
                "loss_reason",
                "companies",
                "contacts",
            ],
            key: Some("leads"),
        },
        Case {
            path: format!("contacts/{contact}"),
            with: "leads,customers,catalog_elements",
            change: name(),
            shown: &[
                "group_id",
                "closest_task_at",
                "is_deleted",
                "is_unsorted",
                "field_type",
                "account_id",
                "_links",
                "companies",
                "leads",
                "customers",
                "catalog_elements",
            ],
            key: Some("contacts"),
        },
        Case {
            path: format!("companies/{company}"),
            with: "contacts,leads,customers,catalog_elements",
            change: name(),
            shown: &[
                "group_id",
                "closest_task_at",
                "is_deleted",
                "field_type",
                "account_id",
                "_links",
                "contacts",
                "leads",
                "customers",
                "catalog_elements",
            ],
            key: Some("companies"),
        },
        Case {
            path: format!("customers/{customer}"),
            with: "contacts,companies,catalog_elements",
            change: ("next_price", json!(7)),
            shown: &[
                "status_id",
                "closest_task_at",
                "is_deleted",
                "ltv",
                "purchases_count",
                "average_check",
                "account_id",
                "_links",
                "contacts",
                "companies",
                "catalog_elements",
            ],
            key: Some("customers"),
        },
        Case {
            path: format!("catalogs/{INVOICES}/elements/{invoice}"),
            with: "invoice_link",
            change: name(),
            shown: &[
                "updated_at",
                "is_deleted",
                "field_type",
                "catalog_id",
                "account_id",
                "invoice_link",
                "_links",
                "_embedded",
            ],
            key: Some("elements"),
        },
        case(format!("catalogs/{PRODUCTS}/elements/{DESK}"), Some("elements"), &["updated_at", "_links"]),
        case(format!("catalogs/{PRODUCTS}"), Some("catalogs"), &["created_by", "type", "sdk_widget_code", "_links"]),
        case(format!("customers/segments/{segment}"), None, &["customers_count", "account_id", "_links"]),
        case(format!("sources/{source}"), Some("sources"), &["origin_code", "_links"]),
        case(format!("leads/pipelines/{MAIN}"), None, &["is_archive", "account_id", "_links"]),
    ];
    let stage = s.status(MAIN, "Переговоры");
    cases.push(case(format!("leads/pipelines/{MAIN}/statuses/{stage}"), None, &["is_editable", "pipeline_id", "type"]));
    for of in ["leads", "contacts", "companies", "customers", "customers/segments", "catalogs/1001", "catalogs/1003"] {
        let fields = s.get(&format!("{of}/custom_fields?limit=250")).json();
        for field in fields["_embedded"]["custom_fields"].as_array().into_iter().flatten() {
            let path = format!("{of}/custom_fields/{}", field["id"]);
            cases.push(case(path, Some("custom_fields"), &["type", "account_id", "entity_type", "_links"]));
        }
    }
    cases
}

/// Some models show the time of their change, which cannot be written.
fn without_times(mut record: Value) -> Value {
    record["updated_at"] = Value::Null;
    record
}

/// Sends the record back by its own path or in a batch, and checks that nothing else has changed.
fn send_back(s: &Running, case: &Case) {
    let whole = format!("{}?with={}", case.path, case.with);
    let before = s.get(&whole);
    assert_eq!(before.status, 200, "{whole}");
    let before = before.json();
    let mut changed = before.clone();
    changed[case.change.0] = case.change.1.clone();
    assert_ne!(before, changed, "{}", case.path);
    s.patch(&case.path, changed.clone()).is(200);
    assert_eq!(without_times(s.get(&whole).json()), without_times(changed), "{}", case.path);
    if case.key.is_some() {
        let list = case.path.rsplit_once('/').expect("a list").0;
        s.patch(list, json!([before.clone()])).is(200);
        assert_eq!(without_times(s.get(&whole).json()), without_times(before), "{list}");
    }
}

#[test]
fn a_record_sent_back_as_read_changes_only_where_it_was_changed() {
    let s = Running::with(json!({"supplier_papers": true}));
    for case in cases(&s) {
        send_back(&s, &case);
        // A key that no read shows is still refused.
        let misspelt = s.patch(&case.path, json!({"nmae": "Другое"})).is(400);
        assert_eq!(misspelt.errors(), ["FieldNotExpected nmae"], "{}", case.path);
    }
}

#[test]
fn read_only_keys_are_refused_with_the_switch() {
    let s = Running::unlimited();
    let cases = cases(&s);
    s.switch("read_keys_refused", json!(true));
    for case in cases {
        let before = s.get(&format!("{}?with={}", case.path, case.with)).json();
        let complaints = s.patch(&case.path, before.clone()).is(400).errors();
        for key in case.shown {
            let is_it = |c: &String| c.starts_with("FieldNotExpected") && c.rsplit([' ', '.']).next() == Some(key);
            assert!(complaints.iter().any(is_it), "{} is silent about {key}: {complaints:?}", case.path);
        }
        // No purchase is expected outside the mode periodicity, so that `next_date` is `null`.
        let is_known = |c: &String| c.starts_with("FieldNotExpected") || c == "InvalidType next_date";
        assert!(complaints.iter().all(is_known), "{} {complaints:?}", case.path);
    }
}

#[test]
fn customers_and_statuses_of_periodicity_can_be_sent_back() {
    let s = Running::periodic();
    let customer = s.made("customers", json!({"name": "Покупатель", "next_date": 1_763_726_400}));
    let made = s.post("customers/statuses", json!([{"name": "Новый", "sort": 1}])).is(200).json();
    let status = &made["_embedded"]["statuses"][0]["id"];
    let case = |path: String, key| Case { path, with: "", change: ("name", json!("Другое")), shown: &[], key };
    send_back(&s, &case(format!("customers/{customer}"), Some("customers")));
    for status in [status.as_u64().expect("an id"), EXPECTED] {
        send_back(&s, &case(format!("customers/statuses/{status}"), None));
    }
}

/// Recorded refusals: reads show these, and writes do not ignore them. [client live]
#[test]
fn codes_of_multiselects_and_keys_of_other_countries_are_refused_although_reads_show_them() {
    let s = Running::unlimited();
    for (field, value, wanted) in [
        ("Интересы", json!({"enum_id": 0}), "values.0.enum_code"),
        ("Реквизиты", json!({"value": {"name": "Ромашка"}}), "values.0.value.unp"),
    ] {
        let model = s.field_model("leads", field);
        let value = if field == "Интересы" { json!({"enum_id": model["enums"][0]["id"]}) } else { value };
        let id = s.made("leads", json!({"custom_fields_values": [{"field_id": model["id"], "values": [value]}]}));
        let complaints = s.patch(&format!("leads/{id}"), s.lead(id)).is(400).errors();
        let wanted = format!("FieldNotExpected custom_fields_values.0.{wanted}");
        assert!(complaints.contains(&wanted), "{field} {complaints:?}");
        assert!(
            complaints.iter().all(|c| c.starts_with("FieldNotExpected custom_fields_values.0.values")),
            "{complaints:?}"
        );
    }
}
