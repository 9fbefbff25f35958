//! Invoices: elements with lines, a payer and a supplier. [seed]

use serde_json::{Value, json};

use crate::{CHAMOMILE, DESK, INVOICES, Running, keys};

const PATH: &str = "catalogs/1003/elements";

fn field(code: &str, values: Value) -> Value {
    json!({"field_code": code, "values": values})
}

fn created() -> Value {
    field("BILL_STATUS", json!([{"enum_code": "created"}]))
}

fn with(fields: &[Value]) -> Value {
    let mut all = vec![created()];
    all.extend_from_slice(fields);
    json!({"name": "Покупка #11111", "custom_fields_values": all})
}

fn lines(lines: &[Value]) -> Value {
    field("ITEMS", lines.iter().map(|line| json!({"value": line})).collect())
}

fn seed_line() -> Value {
    json!({"sku": "34N4124", "description": "Товар #1", "unit_price": 10, "quantity": 5, "unit_type": "шт.",
        "discount": {"type": "amount", "value": 25}, "vat_rate_id": 18})
}

#[test]
fn the_invoice_of_the_seed_gets_the_answer_of_the_seed() {
    let s = Running::unlimited();
    let payer = json!({"name": "Новый покупатель #1", "address": "Москва, Вымышленная набережная, дом 1"});
    let sent = with(&[
        field("PAYER", json!([{"value": payer}])),
        field("SUPPLIER", json!([{"value": {"entity_id": CHAMOMILE}}])),
        lines(&[seed_line()]),
        field("BILL_PRICE", json!([{"value": 7.5}])),
    ]);
    let answer = s.post(PATH, json!([sent])).is(200).json();
    let element = &answer["_embedded"]["elements"][0];
    let values = |model: &Value, i: usize| model["custom_fields_values"][i]["values"].clone();
    let status = values(element, 0);
    assert_eq!((&status[0]["value"], &status[0]["enum_code"]), (&json!("Создан"), &json!("created")));
    assert_eq!(values(element, 1), json!([{"value": payer}]));
    assert_eq!(values(element, 2), json!([{"value": {"entity_id": CHAMOMILE}}]));
    // As text: the seed shows whole numbers with a fraction.
    let line = values(element, 3)[0]["value"].to_string();
    let wanted = r#"{"sku":"34N4124","product_id":null,"description":"Товар #1","unit_price":10.0,"unit_type":"шт.",
        "quantity":5.0,"discount":{"type":"amount","value":25.0},"vat_rate_id":18,"vat_rate_value":0,
        "bonus_points_per_purchase":0.0,"external_uid":"","metadata":[],"is_discount_recalculated":false,
        "is_total_sum_recalculated":false,"total_sum":25.0}"#;
    assert_eq!(line, wanted.replace("\n        ", ""));
    assert_eq!(values(element, 4), json!([{"value": "7.5"}]));
    let link = element["invoice_link"].as_str().expect("a link");
    assert!(link.len() == 32 && link.starts_with("https://pay.amocrm.ru/"), "{link}");
    let path = format!("{PATH}/{}", element["id"]);
    let read = s.get(&path).is(200).json();
    assert_eq!(read["_embedded"], json!({"warning": {"message": null}}));
    assert_eq!((values(&read, 3), read.get("invoice_link")), (values(element, 3), None));
    assert_eq!(s.get(&format!("{path}?with=invoice_link")).json()["invoice_link"], link);
    let supplier = values(&read, 2)[0]["value"].clone();
    assert_eq!(
        keys(&supplier),
        [
            "entity_id",
            "name",
            "vat_id",
            "kpp",
            "tax_registration_reason_code",
            "bank_code",
            "address",
            "bank_account_number"
        ]
    );
    assert_eq!((&supplier["name"], &supplier["vat_id"]), (&json!("ООО Ромашка"), &json!("7701234567")));
    assert_eq!(s.get(&format!("{PATH}?query=34n4124")).is(200).json()["_embedded"]["elements"][0], read);
    s.get(&format!("{PATH}?query=34n4125")).is(204);
    s.control("POST", "switches", r#"{"supplier_papers":false,"invoice_warned":true}"#).is(200);
    let read = s.get(&format!("{PATH}?limit=1")).is(200).json()["_embedded"]["elements"][0].clone();
    assert_eq!(values(&read, 2), json!([{"value": {"entity_id": CHAMOMILE}}]));
    assert!(read["_embedded"]["warning"]["message"].is_string());
}

#[test]
fn sums_of_lines_are_calculated_and_corrections_reported() {
    let s = Running::unlimited();
    let line = |more: Value| {
        let mut line = json!({"unit_price": 200, "quantity": 1.5, "product_id": DESK});
        for (key, value) in more.as_object().expect("an object") {
            line[key] = value.clone();
        }
        line
    };
    for (more, total, discount, flags) in [
        (json!({}), 300.0, 0.0, [false, false]),
        (json!({"discount": {"type": "percentage", "value": 10}}), 270.0, 10.0, [false, false]),
        (json!({"discount": {"type": "amount", "value": 301}}), 0.0, 300.0, [true, false]),
        (json!({"discount": {"type": "percentage", "value": 120}}), 0.0, 100.0, [true, false]),
        (json!({"total_sum": 300}), 300.0, 0.0, [false, false]),
        (json!({"total_sum": 299}), 300.0, 0.0, [false, true]),
    ] {
        let id = s.element(INVOICES, with(&[lines(&[seed_line(), line(more.clone())])]));
        let read = s.get(&format!("{PATH}/{id}")).is(200).json();
        let values = &read["custom_fields_values"][1]["values"];
        let kept = &values[1]["value"];
        assert_eq!((&kept["total_sum"], &kept["discount"]["value"]), (&json!(total), &json!(discount)), "{more}");
        let told = [&kept["is_discount_recalculated"], &kept["is_total_sum_recalculated"]];
        assert_eq!(told, [&json!(flags[0]), &json!(flags[1])], "{more}");
        assert_eq!(read["_embedded"]["warning"]["message"].is_string(), flags[0] || flags[1], "{more}");
        assert_eq!((&values[0]["value"]["total_sum"], &kept["product_id"]), (&json!(25.0), &json!(DESK)));
    }
}

#[test]
fn an_invoice_without_name_or_status_is_the_old_error() {
    let s = Running::unlimited();
    let status = s.field("catalogs/1003", "Статус");
    let by_id = json!({"field_id": status, "values": [{"value": "Оплачен"}]});
    let id = s.element(INVOICES, json!({"name": "а", "custom_fields_values": [by_id]}));
    let nameless = json!({"custom_fields_values": [created()]});
    for answer in [
        s.post(PATH, json!([{"name": "а"}])),
        s.post(PATH, json!([with(&[]), {"name": "а", "custom_fields_values": []}])),
        s.post(PATH, json!([nameless])),
        s.post(PATH, json!([{"name": "а", "custom_fields_values": [field("BILL_STATUS", Value::Null)]}])),
        s.patch(PATH, json!([{"id": id, "custom_fields_values": [field("BILL_STATUS", Value::Null)]}])),
    ] {
        let body = answer.is(400).has_type("application/problem+json").json();
        assert_eq!(keys(&body), ["title", "type", "status", "detail"]);
        assert!(body["detail"].as_str().is_some_and(|detail| detail.contains("285")), "{body}");
    }
    s.patch(&format!("{PATH}/{id}"), json!({"name": "б"})).is(200);
    let empty = json!({"name": "а", "custom_fields_values": [field("BILL_STATUS", json!([]))]});
    assert_eq!(s.post(PATH, json!([empty])).is(400).errors(), ["InvalidType custom_fields_values.0.values"]);
}

#[test]
fn errors_of_lines_payer_and_supplier_have_code_and_path() {
    let s = Running::with(json!({"read_keys_refused": true}));
    let contact = s.made("contacts", json!({"name": "Екатерина"}));
    let line = |key: &str, value: Value| {
        let mut line = seed_line();
        line[key] = value;
        ("ITEMS", line)
    };
    let payer = |value: Value| ("PAYER", value);
    let supplier = |value: Value| ("SUPPLIER", value);
    for ((code, value), wanted) in [
        (line("nonsense", json!(1)), "FieldNotExpected .nonsense"),
        (line("is_discount_recalculated", json!(false)), "FieldNotExpected .is_discount_recalculated"),
        (line("unit_price", json!("10")), "InvalidType .unit_price"),
        (line("unit_price", Value::Null), "FieldMissing .unit_price"),
        (line("quantity", json!(-1)), "TooLow .quantity"),
        (line("sku", json!(1)), "InvalidType .sku"),
        (line("product_id", json!(77)), "NotSupportedChoice .product_id"),
        (line("product_id", json!(CHAMOMILE)), "NotSupportedChoice .product_id"),
        (line("discount", json!(5)), "InvalidType .discount"),
        (line("discount", json!({"type": "half", "value": 5})), "NotSupportedChoice .discount.type"),
        (line("discount", json!({"type": "amount"})), "FieldMissing .discount.value"),
        (line("discount", json!({"type": "amount", "value": 1, "x": 1})), "FieldNotExpected .discount.x"),
        (line("vat_rate_id", json!("18")), "InvalidType .vat_rate_id"),
        (line("metadata", json!("a")), "InvalidType .metadata"),
        (payer(json!("ООО")), "InvalidType "),
        (payer(json!({"address": "а"})), "FieldMissing .name"),
        (payer(json!({"name": ""})), "NotBlank .name"),
        (payer(json!({"name": "а", "inn": "1"})), "FieldNotExpected .inn"),
        (payer(json!({"name": "а", "type": "robot"})), "NotSupportedChoice .type"),
        (payer(json!({"name": "а", "vat_id": 77})), "InvalidType .vat_id"),
        (payer(json!({"name": "а", "entity_type": "contacts", "entity_id": 1})), "NotSupportedChoice .entity_id"),
        (payer(json!({"name": "а", "entity_id": contact})), "FieldMissing .entity_type"),
        (supplier(json!({"entity_id": DESK})), "NotSupportedChoice .entity_id"),
        (supplier(json!({"entity_id": "1"})), "InvalidType .entity_id"),
        (supplier(json!({})), "FieldMissing .entity_id"),
        (supplier(json!({"entity_id": CHAMOMILE, "name": "а"})), "FieldNotExpected .name"),
    ] {
        let answer = s.post(PATH, json!([with(&[field(code, json!([{"value": value}]))])])).is(400);
        let wanted = wanted.replace(" ", " custom_fields_values.1.values.0.value");
        assert_eq!(answer.errors(), [wanted], "{value}");
    }
    let good = json!({"name": "а", "type": "individual", "entity_type": "contacts", "entity_id": contact, "kpp": null});
    s.post(PATH, json!([with(&[field("PAYER", json!([{"value": good}]))])])).is(200);
    s.control("POST", "switches", r#"{"vat_rates_refused":true}"#).is(200);
    let refused = s.post(PATH, json!([with(&[lines(&[seed_line()])])])).is(400).errors();
    assert_eq!(refused, ["NotSupportedChoice custom_fields_values.1.values.0.value.vat_rate_id"]);
}
