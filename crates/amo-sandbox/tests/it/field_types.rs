//! Every type of custom field, on every owner that may have it: values that are accepted, how they are read, values
//! that are refused.

use serde_json::{Value, json};

use crate::{CHAMOMILE, DESK, FURNITURE, PRODUCTS, Running};

/// Creates a record of this owner with one field.
fn sent(s: &Running, owner: &str, field: u64, values: Value) -> crate::Answer {
    let item = json!({"name": "а", "custom_fields_values": [{"field_id": field, "values": values}]});
    let path = if owner.starts_with("catalogs/") { format!("{owner}/elements") } else { owner.to_owned() };
    s.post(&path, json!([item]))
}

fn read_back(s: &Running, owner: &str, answer: &crate::Answer) -> Value {
    let path = if owner.starts_with("catalogs/") { format!("{owner}/elements") } else { owner.to_owned() };
    let body = answer.json();
    let id = &body["_embedded"][path.rsplit('/').next().expect("a key")][0]["id"];
    s.get(&format!("{path}/{id}")).is(200).json()["custom_fields_values"][0]["values"].clone()
}

/// Values with what reads show, `null` for the same; and refused values, with code and end of the path.
type Cases = (Vec<(Value, Value)>, Vec<(Value, &'static str)>);

fn cases(kind: &str) -> Cases {
    let value = |v: Value| json!([{"value": v}]);
    match kind {
        "text" | "url" | "tracking_data" => (
            vec![(value(json!("слово")), Value::Null)],
            vec![
                (value(json!(5)), "InvalidType .0.value"),
                (value(json!("я".repeat(257))), "TooLong .0.value"),
                (json!([{"value": "а", "x": 1}]), "FieldNotExpected .0.x"),
                (json!([{"value": "а"}, {"value": "б"}]), "TooMany "),
            ],
        ),
        "textarea" | "streetaddress" => (
            vec![(value(json!("раз\nдва")), Value::Null), (value(json!("я".repeat(300))), Value::Null)],
            vec![(value(json!(["а"])), "InvalidType .0.value"), (json!(["а"]), "InvalidType .0")],
        ),
        "numeric" | "monetary" | "price" => (
            vec![
                (value(json!(12.5)), value(json!("12.5"))),
                (value(json!("999.12")), Value::Null),
                (value(json!(100)), value(json!("100"))),
                (value(json!(100.0)), value(json!("100"))),
                (value(json!(-3)), value(json!("-3"))),
            ],
            vec![
                (value(json!("много")), "InvalidType .0.value"),
                (value(json!(true)), "InvalidType .0.value"),
                (value(json!("1 000")), "InvalidType .0.value"),
            ],
        ),
        "checkbox" => (
            vec![(value(json!(true)), Value::Null), (value(json!(false)), Value::Null)],
            vec![(value(json!(1)), "InvalidType .0.value")],
        ),
        "date" => (
            vec![
                (value(json!(1_634_601_600)), value(json!(1_634_590_800))),
                (value(json!("2021-10-19T12:00:00+03:00")), value(json!(1_634_590_800))),
            ],
            vec![(value(json!("19.10.2021")), "InvalidType .0.value")],
        ),
        "date_time" => (
            vec![
                (value(json!(1_634_601_600)), Value::Null),
                (value(json!("2021-10-19T00:00:00Z")), value(json!(1_634_601_600))),
            ],
            vec![(value(json!("вчера")), "InvalidType .0.value")],
        ),
        "birthday" => (
            vec![(value(json!("1969-05-09T00:00:00+03:00")), value(json!(-20_487_600)))],
            vec![(value(json!(-20_487_600)), "NotSupportedChoice .0.value")],
        ),
        "legal_entity" => (
            vec![],
            vec![
                (value(json!({})), "FieldMissing .0.value.name"),
                (value(json!({"name": "а", "bin": null})), "FieldNotExpected .0.value.bin"),
                (value(json!({"name": "а", "entity_type": 3})), "NotSupportedChoice .0.value.entity_type"),
                (value(json!({"name": "а", "kpp": 5})), "InvalidType .0.value.kpp"),
                (value(json!("ООО")), "InvalidType .0.value"),
            ],
        ),
        "smart_address" => (
            vec![(
                json!([{"value": "Тверь", "enum_code": "city"}, {"value": "170000", "enum_id": 5}]),
                json!([{"value": "Тверь", "enum_id": 3, "enum_code": "city"},
                    {"value": "170000", "enum_id": 5, "enum_code": "zip"}]),
            )],
            vec![
                (json!([{"value": "а"}]), "FieldMissing .0.enum_code"),
                (json!([{"value": "а", "enum_code": "planet"}]), "NotSupportedChoice .0.enum_code"),
                (json!([{"value": "Россия", "enum_code": "country"}]), "NotSupportedChoice .0.value"),
            ],
        ),
        "file" => (
            vec![(
                value(json!({"file_uuid": "a-b", "version_uuid": "c", "file_name": "a.pdf", "file_size": 1})),
                Value::Null,
            )],
            vec![
                (value(json!({"file_name": "a.pdf"})), "FieldMissing .0.value.file_uuid"),
                (value(json!({"file_uuid": "a", "file_size": "1"})), "InvalidType .0.value.file_size"),
                (value(json!({"file_uuid": "a", "path": "1"})), "FieldNotExpected .0.value.path"),
            ],
        ),
        "chained_list" => (
            vec![(json!([{"catalog_id": 1005, "catalog_element_id": FURNITURE}]), Value::Null)],
            vec![
                (json!([{"catalog_id": 1005, "catalog_element_id": 2}]), "NotSupportedChoice .0.catalog_element_id"),
                (json!([{"catalog_id": 1005, "catalog_element_id": DESK}]), "NotSupportedChoice .0.catalog_element_id"),
                (json!([{"catalog_id": 1001, "catalog_element_id": DESK}]), "NotSupportedChoice .0.catalog_id"),
                (json!([{"catalog_id": 1005}]), "FieldMissing .0.catalog_element_id"),
                (
                    json!([{"catalog_id": 1005, "catalog_element_id": FURNITURE, "value": "а"}]),
                    "FieldNotExpected .0.value",
                ),
                (vec![json!({"catalog_id": 1005, "catalog_element_id": FURNITURE}); 6].into(), "TooMany "),
            ],
        ),
        "linked_entity" => (
            vec![(
                value(json!({"name": "ООО Лес"})),
                value(json!({"name": "ООО Лес", "entity_id": null, "entity_type": null, "catalog_id": null})),
            )],
            vec![
                (value(json!({})), "FieldMissing .0.value.name"),
                (value(json!({"name": "а", "x": 1})), "FieldNotExpected .0.value.x"),
                (value(json!({"entity_id": 5})), "FieldMissing .0.value.entity_type"),
                (value(json!({"entity_id": 5, "entity_type": "leads"})), "NotSupportedChoice .0.value.entity_type"),
            ],
        ),
        "supplier" => (vec![], vec![(value(json!({"entity_id": DESK})), "NotSupportedChoice .0.value.entity_id")]),
        _ => (vec![], vec![]),
    }
}

const OWNERS: [&str; 4] = ["leads", "contacts", "companies", "catalogs/1001"];

#[test]
fn each_type_has_the_same_rules_on_every_owner() {
    let s = Running::unlimited();
    let mut seen = 0;
    for owner in OWNERS {
        let all = s.get(&format!("{owner}/custom_fields?limit=250")).is(200).json();
        for field in all["_embedded"]["custom_fields"].as_array().expect("fields") {
            let (id, kind) = (field["id"].as_u64().expect("id"), field["type"].as_str().expect("a type"));
            let (good, bad) = cases(kind);
            for (values, wanted) in good {
                let answer = sent(&s, owner, id, values.clone()).is(200);
                let wanted = if wanted.is_null() { &values } else { &wanted };
                assert_eq!(&read_back(&s, owner, &answer), wanted, "{kind} of {owner}: {values}");
            }
            for (values, wanted) in bad {
                let wanted = wanted.replace(" ", " custom_fields_values.0.values");
                let complaints = sent(&s, owner, id, values.clone()).is(400).errors();
                assert_eq!(complaints, [wanted], "{kind} of {owner}: {values}");
            }
            let empty = sent(&s, owner, id, json!([])).is(400).errors();
            assert_eq!(empty, ["InvalidType custom_fields_values.0.values"], "{kind} of {owner}");
            sent(&s, owner, id, Value::Null).is(200);
            seen += 1;
        }
    }
    assert!(seen > 70, "{seen}");
}

#[test]
fn options_are_chosen_by_id_text_or_code() {
    let s = Running::unlimited();
    for (owner, name) in [
        ("leads", "Источник"),
        ("contacts", "Пол"),
        ("companies", "Отрасль"),
        ("catalogs/1001", "Единица измерения"),
        ("catalogs/1001", "Состояние"),
    ] {
        let field = s.field_model(owner, name);
        let id = field["id"].as_u64().expect("an id");
        let option = &field["enums"][0];
        let wanted = json!([{"value": option["value"], "enum_id": option["id"], "enum_code": null}]);
        for values in [json!([{"enum_id": option["id"]}]), json!([{"value": option["value"]}])] {
            let answer = sent(&s, owner, id, values).is(200);
            assert_eq!(read_back(&s, owner, &answer), wanted, "{name}");
        }
        let lower = option["value"].as_str().expect("a text").to_uppercase();
        for (values, wanted) in [
            (json!([{"value": format!("{lower}!")}]), "NotSupportedChoice .0.value"),
            (json!([{"enum_id": 1}]), "NotSupportedChoice .0.enum_id"),
            (json!([{"enum_id": "1"}]), "InvalidType .0.enum_id"),
            (json!([{"enum_code": "a"}]), "NotSupportedChoice .0.enum_code"),
            (json!([{}]), "FieldMissing .0.value"),
        ] {
            let wanted = wanted.replace(" ", " custom_fields_values.0.values");
            assert_eq!(sent(&s, owner, id, values.clone()).is(400).errors(), [wanted], "{name} {values}");
        }
    }
    let colours = s.field("catalogs/1001", "Цвета");
    let by_code = json!([{"enum_code": "a"}]);
    let complaints = sent(&s, "catalogs/1001", colours, by_code.clone()).is(400).errors();
    assert_eq!(
        complaints,
        [
            "FieldNotExpected custom_fields_values.0.values.0.enum_code",
            "NotSupportedChoice custom_fields_values.0.values.0.enum_code"
        ]
    );
    s.control("POST", "switches", r#"{"multiselect_enum_code":true}"#).is(200);
    let complaints = sent(&s, "catalogs/1001", colours, by_code).is(400).errors();
    assert_eq!(complaints, ["NotSupportedChoice custom_fields_values.0.values.0.enum_code"]);
}

#[test]
fn a_category_is_a_branch_of_a_tree() {
    let s = Running::unlimited();
    let group = s.field_model("catalogs/1001", "Группа");
    assert_eq!((&group["code"], &group["enums"]), (&json!("GROUP"), &Value::Null));
    let tree = group["nested"].as_array().expect("a tree");
    let desks = tree.iter().find(|b| b["value"] == "Столы").expect("a branch");
    let parent = tree.iter().find(|b| b["id"] == desks["parent_id"]).expect("its parent");
    assert_eq!((&parent["value"], &parent["parent_id"]), (&json!("Мебель"), &Value::Null));
    let id = group["id"].as_u64().expect("an id");
    for values in [json!([{"enum_id": desks["id"]}]), json!([{"value": "Столы"}])] {
        let answer = sent(&s, "catalogs/1001", id, values).is(200);
        assert_eq!(read_back(&s, "catalogs/1001", &answer), json!([{"value": "Столы", "enum_id": desks["id"]}]));
    }
    let refused = sent(&s, "catalogs/1001", id, json!([{"value": "Диваны"}])).is(400).errors();
    assert_eq!(refused, ["NotSupportedChoice custom_fields_values.0.values.0.value"]);
}

#[test]
fn linked_fields_search_where_their_definition_says() {
    let s = Running::unlimited();
    let contact = s.made("contacts", json!({"name": "Екатерина"}));
    let company = s.made("companies", json!({"name": "ООО Лес"}));
    let owner = format!("catalogs/{PRODUCTS}");
    for (name, search_in, id, kind, found) in [
        ("Производитель", "companies", company, "companies", Some("ООО Лес")),
        ("Производитель", "companies", contact, "contacts", None),
        ("Ответственное лицо", "contacts_and_companies", contact, "contacts", Some("Екатерина")),
        ("Ответственное лицо", "contacts_and_companies", company, "companies", Some("ООО Лес")),
        ("Ответственное лицо", "contacts_and_companies", FURNITURE, "catalog_elements", None),
        ("Раздел каталога", "1005", FURNITURE, "catalog_elements", Some("Мебель")),
        ("Раздел каталога", "1005", CHAMOMILE, "catalog_elements", None),
        ("Раздел каталога", "1005", contact, "contacts", None),
    ] {
        let field = s.field_model(&owner, name);
        assert_eq!(field["search_in"], search_in);
        let values = json!([{"value": {"entity_id": id, "entity_type": kind}}]);
        let answer = sent(&s, &owner, field["id"].as_u64().expect("an id"), values);
        match found {
            Some(found) => {
                let catalog = (kind == "catalog_elements").then_some(1005);
                let wanted =
                    json!([{"value": {"name": found, "entity_id": id, "entity_type": kind, "catalog_id": catalog}}]);
                assert_eq!(read_back(&s, &owner, &answer.is(200)), wanted, "{name}");
            }
            None => drop(answer.is(400)),
        }
    }
}

#[test]
fn null_empties_a_field_of_an_element_and_a_code_names_it() {
    let s = Running::unlimited();
    let path = format!("catalogs/{PRODUCTS}/elements/{DESK}");
    let change = |values: Value| json!({"custom_fields_values": [{"field_code": "GROUP", "values": values}]});
    s.patch(&path, change(Value::Null)).is(200);
    let codes = |model: Value| -> Vec<Value> {
        let fields = model["custom_fields_values"].as_array().expect("fields").clone();
        fields.iter().map(|f| f["field_code"].clone()).collect()
    };
    assert_eq!(codes(s.get(&path).is(200).json()), ["SKU", "PRICE", "UNIT", "SPECIAL_PRICE_1"]);
    s.patch(&path, change(json!([{"value": "Свет"}]))).is(200);
    assert_eq!(codes(s.get(&path).is(200).json()).len(), 5);
    let special = json!({"custom_fields_values": [{"field_code": "SPECIAL_PRICE_1", "values": [{"value": "99.90"}]}]});
    assert_eq!(
        s.patch(&path, special).is(200).json()["custom_fields_values"][3]["values"],
        json!([{"value": "99.90"}])
    );
}
