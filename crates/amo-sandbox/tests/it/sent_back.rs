//! A record read whole, with one thing changed, and sent back: how most clients save. What reads alone show is passed
//! over; a switch refuses it, as the tables of writes do not name it.

use serde_json::{Value, json};

use super::statuses_segments::EXPECTED;
use super::{CATEGORIES, CHAIR, CHAMOMILE, DESK, FURNITURE, INVOICES, MAIN, PRODUCTS, Running};

/// Where a record stands, how it is read, what is changed of it, and what only reads show of it.
struct Case {
    path: String,
    with: &'static str,
    change: (&'static str, Value),
    /// As the strict sandbox complains of them, in their order.
    shown: &'static [&'static str],
    /// Of the list, too, and what it is called there; else by its own address alone.
    key: Option<&'static str>,
}

fn tags() -> Value {
    json!([{"name": "один"}, {"name": "два"}])
}

/// One of everything that a change may be sent to, each as full as it can be.
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

/// Some tell when they were changed, and cannot be told.
fn timeless(mut record: Value) -> Value {
    record["updated_at"] = Value::Null;
    record
}

/// Sends the record back by its address or among others, and looks for what else has changed.
fn send_back(s: &Running, case: &Case) {
    let whole = format!("{}?with={}", case.path, case.with);
    let before = s.get(&whole);
    assert_eq!(before.status, 200, "{whole}");
    let before = before.json();
    let mut changed = before.clone();
    changed[case.change.0] = case.change.1.clone();
    assert_ne!(before, changed, "{}", case.path);
    s.patch(&case.path, changed.clone()).is(200);
    assert_eq!(timeless(s.get(&whole).json()), timeless(changed), "{}", case.path);
    if case.key.is_some() {
        let list = case.path.rsplit_once('/').expect("a list").0;
        s.patch(list, json!([before.clone()])).is(200);
        assert_eq!(timeless(s.get(&whole).json()), timeless(before), "{list}");
    }
}

#[test]
fn a_record_sent_back_as_it_was_read_changes_in_what_was_changed_alone() {
    let s = Running::with(json!({"supplier_papers": true}));
    for case in cases(&s) {
        send_back(&s, &case);
        // What no read shows is still refused.
        let misspelt = s.patch(&case.path, json!({"nmae": "Другое"})).is(400);
        assert_eq!(misspelt.complaints(), ["FieldNotExpected nmae"], "{}", case.path);
    }
}

#[test]
fn keys_that_reads_alone_show_are_refused_where_the_tables_of_writes_decide() {
    let s = Running::unlimited();
    let cases = cases(&s);
    s.switch("read_keys_refused", json!(true));
    for case in cases {
        let before = s.get(&format!("{}?with={}", case.path, case.with)).json();
        let complaints = s.patch(&case.path, before.clone()).is(400).complaints();
        for key in case.shown {
            let is_it = |c: &String| c.starts_with("FieldNotExpected") && c.rsplit([' ', '.']).next() == Some(key);
            assert!(complaints.iter().any(is_it), "{} is silent about {key}: {complaints:?}", case.path);
        }
        // Nobody waits for a purchase where customers are not in periods: `null`, which is no day.
        let is_known = |c: &String| c.starts_with("FieldNotExpected") || c == "InvalidType next_date";
        assert!(complaints.iter().all(is_known), "{} {complaints:?}", case.path);
    }
}

#[test]
fn customers_who_buy_periodically_and_their_statuses_are_sent_back_as_well() {
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

/// Recorded refusals: these are shown by reads, and are not passed over. [client live]
#[test]
fn a_code_of_a_multiselect_and_keys_of_other_countries_are_refused_though_reads_show_them() {
    let s = Running::unlimited();
    for (field, value, wanted) in [
        ("Интересы", json!({"enum_id": 0}), "values.0.enum_code"),
        ("Реквизиты", json!({"value": {"name": "Ромашка"}}), "values.0.value.unp"),
    ] {
        let model = s.field_model("leads", field);
        let value = if field == "Интересы" { json!({"enum_id": model["enums"][0]["id"]}) } else { value };
        let id = s.made("leads", json!({"custom_fields_values": [{"field_id": model["id"], "values": [value]}]}));
        let complaints = s.patch(&format!("leads/{id}"), s.lead(id)).is(400).complaints();
        let wanted = format!("FieldNotExpected custom_fields_values.0.{wanted}");
        assert!(complaints.contains(&wanted), "{field} {complaints:?}");
        assert!(
            complaints.iter().all(|c| c.starts_with("FieldNotExpected custom_fields_values.0.values")),
            "{complaints:?}"
        );
    }
}
