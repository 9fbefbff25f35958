//! Complex leads: the example of the document, errors, duplicate control.

use serde_json::{Value, json};

use crate::{IVAN, MAIN, Running, shape};

/// The example of the seed with the ids of this account.
pub fn complex_example(s: &Running) -> Value {
    let interests = (s.option("leads", "Интересы", "Обучение"), s.option("leads", "Интересы", "Внедрение"));
    let email = s.field_model("contacts", "Email");
    let phone = s.field_model("contacts", "Телефон");
    json!([
        {
            "name": "Название сделки", "price": 3422,
            "_embedded": {
                "contacts": [{
                    "first_name": "Екатерина", "created_at": 1_608_905_348, "responsible_user_id": IVAN, "updated_by": 0,
                    "custom_fields_values": [
                        {"field_id": email["id"],
                            "values": [{"enum_id": email["enums"][0]["id"], "value": "example@example.com"}]},
                        {"field_id": phone["id"],
                            "values": [{"enum_id": phone["enums"][0]["id"], "value": "+79123456789"}]}
                    ]
                }],
                "companies": [{"name": "ООО Рога и Копыта"}]
            },
            "created_at": 1_608_905_348, "responsible_user_id": IVAN,
            "custom_fields_values": [
                {"field_id": s.field("leads", "Город"), "values": [{"value": "Поле текст"}]},
                {"field_id": s.field("leads", "Интересы"),
                    "values": [{"enum_id": interests.0}, {"enum_id": interests.1}]}
            ],
            "status_id": s.status(MAIN, "Переговоры"), "pipeline_id": MAIN, "request_id": "qweasd"
        },
        {
            "name": "Название сделки", "price": 3422,
            "_embedded": {
                "metadata": {
                    "category": "forms", "form_id": 123, "form_name": "Форма на сайте",
                    "form_page": "https://example.com", "form_sent_at": 1_608_905_348, "ip": "8.8.8.8",
                    "referer": "https://example.com/form.html"
                },
                "contacts": [{
                    "first_name": "Евгений",
                    "custom_fields_values": [
                        {"field_code": "EMAIL",
                            "values": [{"enum_code": "WORK", "value": "unsorted_example@example.com"}]},
                        {"field_code": "PHONE", "values": [{"enum_code": "WORK", "value": "+79129876543"}]}
                    ]
                }]
            },
            "status_id": s.status(MAIN, "Переговоры"), "pipeline_id": MAIN, "request_id": "uns_qweasd"
        }
    ])
}

#[test]
fn complex_leads_create_their_contact_and_company() {
    let s = Running::unlimited();
    let answer = s.post("leads/complex", complex_example(&s)).is(200).has_type("application/hal+json").json();
    let items = answer.as_array().expect("a bare array");
    assert_eq!(
        items[0].as_object().expect("an item").keys().collect::<Vec<_>>(),
        ["id", "contact_id", "company_id", "request_id", "merged"]
    );
    assert_eq!((&items[0]["request_id"], &items[0]["merged"]), (&json!(["qweasd"]), &json!(false)));
    assert_eq!((&items[1]["request_id"], &items[1]["company_id"]), (&json!(["uns_qweasd"]), &Value::Null));
    assert_eq!(items[0]["contact_id"].as_u64(), items[0]["company_id"].as_u64().map(|id| id + 2));
    let lead = s.lead(items[0]["id"].as_u64().expect("an id"));
    assert_eq!(lead["_embedded"]["contacts"][0]["id"], items[0]["contact_id"]);
    assert_eq!(lead["_embedded"]["contacts"][0]["is_main"], true);
    assert_eq!(lead["_embedded"]["companies"][0]["id"], items[0]["company_id"]);
    let contact = s.get(&format!("contacts/{}?with=leads", items[0]["contact_id"])).is(200).json();
    assert_eq!(contact["_embedded"]["companies"][0]["id"], items[0]["company_id"]);
    assert_eq!(contact["_embedded"]["leads"][0]["id"], items[0]["id"]);
    // Metadata make it unsorted, whatever its stage.
    assert_eq!(s.lead(items[1]["id"].as_u64().expect("an id"))["status_id"], s.status(MAIN, "Неразобранное"));
    let existing = json!([{"_embedded": {"contacts": [{"id": items[0]["contact_id"]}]}}]);
    let again = s.post("leads/complex", existing).is(200).json();
    assert_eq!(
        shape(&again),
        json!([{"id": "number", "contact_id": "number", "company_id": "null",
        "request_id": ["string"], "merged": "bool"}])
    );
    assert_eq!(again[0]["request_id"], json!(["0"]));
}

#[test]
fn errors_of_a_complex_lead_have_code_and_path() {
    let s = Running::unlimited();
    let contact = |contact: Value| json!({"_embedded": {"contacts": [contact]}});
    let metadata = |metadata: Value| json!({"_embedded": {"metadata": metadata}});
    for (item, wanted) in [
        (contact(json!({"request_id": "1"})), "FieldNotExpected _embedded.contacts.0.request_id"),
        (contact(json!({"id": 1})), "NotSupportedChoice _embedded.contacts.0.id"),
        (contact(json!({"id": 1, "name": "a"})), "FieldNotExpected _embedded.contacts.0.name"),
        (
            contact(json!({"custom_fields_values": [{"field_code": "PHONE", "values": [{"value": 7}]}]})),
            "InvalidType _embedded.contacts.0.custom_fields_values.0.values.0.value",
        ),
        (json!({"_embedded": {"contacts": [{}, {}]}}), "TooMany _embedded.contacts"),
        (metadata(json!({"form_id": "1"})), "FieldMissing _embedded.metadata.category"),
        (metadata(json!({"category": "mail"})), "NotSupportedChoice _embedded.metadata.category"),
        (metadata(json!({"category": "sip", "uniq": "1"})), "FieldNotExpected _embedded.metadata.uniq"),
        (metadata(json!({"category": "sip", "duration": "1"})), "InvalidType _embedded.metadata.duration"),
        (json!({"tags_to_delete": []}), "FieldNotExpected tags_to_delete"),
    ] {
        let answer = s.post("leads/complex", json!([item])).is(400);
        assert_eq!(answer.errors().first().map(String::as_str), Some(wanted), "{item}");
    }
    let fields: Vec<Value> =
        (0..41).map(|i| json!({"field_id": 600_101 + i % 20, "values": [{"value": "1"}]})).collect();
    let answer = s.post("leads/complex", json!([{"custom_fields_values": fields.clone()}])).is(400);
    assert!(answer.errors().contains(&"TooMany custom_fields_values".to_owned()));
    let answer = s.post("leads/complex", json!([contact(json!({"custom_fields_values": fields}))])).is(400);
    assert!(answer.errors().contains(&"TooMany _embedded.contacts.0.custom_fields_values".to_owned()));
    let many: Vec<Value> = (0..51).map(|_| json!({"name": "a"})).collect();
    let answer = s.post("leads/complex", json!(many)).is(400);
    assert_eq!(answer.json()["validation-errors"][0].get("request_id"), None);
    assert_eq!(s.people(), [0, 0, 0]);
}

#[test]
fn duplicates_merge_only_with_duplicate_control() {
    let person = |phone: &str, id: &str| {
        json!({"name": "Заявка", "request_id": id, "_embedded": {"contacts": [{"name": "Иван",
            "custom_fields_values": [{"field_code": "PHONE", "values": [{"value": phone}]}]}]}})
    };
    let s = Running::unlimited();
    let twice = json!([person("+7 999 123-45-67", "a"), person("89991234567", "b")]);
    assert_eq!(s.post("leads/complex", twice.clone()).is(200).json().as_array().map(Vec::len), Some(2));
    let s = Running::with(json!({"duplicate_control": true}));
    // The items of one request are compared with what existed before, not with each other. [seed]
    let both = s.post("leads/complex", twice.clone()).is(200).json();
    assert_eq!([&both[0]["merged"], &both[1]["merged"]], [&json!(false), &json!(false)]);
    assert_eq!(s.stats()["entities"]["contacts"], 2);
    let s = Running::with(json!({"duplicate_control": true}));
    s.post("leads/complex", json!([person("+79991234567", "first")])).is(200);
    // Two duplicates of an existing lead are one item with both names. [seed]
    let made = s.post("leads/complex", twice).is(200).json();
    assert_eq!(made.as_array().map(Vec::len), Some(1));
    assert_eq!((&made[0]["request_id"], &made[0]["merged"]), (&json!(["a", "b"]), &json!(true)));
    let later = s.post("leads/complex", json!([person("79991234567", "c")])).is(200).json();
    assert_eq!((&later[0]["id"], &later[0]["contact_id"]), (&made[0]["id"], &made[0]["contact_id"]));
    assert_eq!(later[0]["merged"], true);
    s.patch("leads", json!([{"id": made[0]["id"], "status_id": 142}])).is(200);
    let after = s.post("leads/complex", json!([person("79991234567", "d")])).is(200).json();
    assert_ne!(after[0]["id"], made[0]["id"]);
    assert_eq!((&after[0]["contact_id"], &after[0]["merged"]), (&made[0]["contact_id"], &json!(true)));
    assert_eq!(s.stats()["entities"]["contacts"], 1);
}
