//! Catalogs: reads, creation, changes, limits. [seed]

use std::sync::atomic::Ordering;

use serde_json::{Value, json};

use crate::{NOW, PRODUCTS, Running, SUPPLIERS, keys, no_limit, shape};

const READ_KEYS: [&str; 15] = [
    "id",
    "name",
    "created_by",
    "updated_by",
    "created_at",
    "updated_at",
    "sort",
    "type",
    "can_add_elements",
    "can_show_in_cards",
    "can_link_multiple",
    "can_be_deleted",
    "sdk_widget_code",
    "account_id",
    "_links",
];

#[test]
fn catalogs_are_read_as_the_seed_shows() {
    let s = Running::unlimited();
    let all = s.get("catalogs").is(200).has_type("application/hal+json").json();
    assert_eq!(keys(&all), ["_page", "_links", "_embedded"]);
    let url = |page: u64| json!({"href": format!("{}/api/v4/catalogs?limit=50&page={page}", s.sandbox.url())});
    assert_eq!(all["_links"], json!({"self": url(1), "next": url(2)}));
    let rows = all["_embedded"]["catalogs"].as_array().expect("lists");
    let types: Vec<&Value> = rows.iter().map(|c| &c["type"]).collect();
    assert_eq!(types, ["products", "invoices", "regular", "suppliers"]);
    assert_eq!(keys(&rows[0]), READ_KEYS);
    let flags = |i: usize| {
        ["can_add_elements", "can_show_in_cards", "can_link_multiple", "can_be_deleted"].map(|k| rows[i][k] == true)
    };
    assert_eq!([flags(0), flags(1)], [[true, false, true, false], [false, false, true, true]]);
    assert_eq!(s.get("catalogs?type=invoices").json()["_embedded"]["catalogs"][0]["name"], "Счета");
    assert_eq!(s.get(&format!("catalogs/{PRODUCTS}")).is(200).json(), rows[0]);
    for missing in ["catalogs/77", "catalogs?page=2", "catalogs?type=nonsense"] {
        s.get(missing).is(204);
    }
    s.control("POST", "switches", r#"{"next_always":false}"#).is(200);
    assert_eq!(s.get("catalogs").json()["_links"].get("next"), None);
    assert!(s.get("catalogs?limit=2").json()["_links"]["next"].is_object());
    s.control("POST", "switches", r#"{"next_dropped":true}"#).is(200);
    assert_eq!(s.get("catalogs?limit=2").json()["_links"].get("next"), None);
}

#[test]
fn a_catalog_is_created_updated_and_stored() {
    let folder = tempfile::tempdir().expect("a folder");
    let s = Running::start(Some(folder.path()), no_limit());
    let sent = json!([
        {"name": "Тестовый список", "can_add_elements": true, "can_link_multiple": false, "request_id": "123"},
        {"name": "Второй", "type": "regular", "sort": 5}
    ]);
    let answer = s.post("catalogs", sent).is(200).json();
    assert_eq!(answer["_links"]["self"]["href"], format!("{}/api/v4/catalogs", s.sandbox.url()));
    let made = &answer["_embedded"]["catalogs"];
    let written: Vec<&str> = READ_KEYS.map(|k| if k == "sdk_widget_code" { "account_id" } else { k }).to_vec();
    let written = [&written[..13], &["request_id", "_links"]].concat();
    assert_eq!(keys(&made[0]), written);
    let told = |i: usize| ["request_id", "type", "sort", "can_link_multiple"].map(|key| made[i][key].clone());
    assert_eq!(told(0), [json!("123"), json!("regular"), json!(50), json!(false)]);
    assert_eq!(told(1), [json!("1"), json!("regular"), json!(5), json!(true)]);
    let id = made[0]["id"].as_u64().expect("an id");
    s.now.fetch_add(60, Ordering::SeqCst);
    let path = format!("catalogs/{id}");
    let changed = s.patch(&path, json!({"name": "Новое имя списка", "can_link_multiple": true})).is(200).json();
    assert_eq!(keys(&changed), written);
    assert_eq!(changed["request_id"], json!(id.to_string()));
    assert_eq!([&changed["created_at"], &changed["updated_at"]], [&json!(NOW), &json!(NOW + 60)]);
    let batch = s.patch("catalogs", json!([{"id": id, "can_add_elements": false, "request_id": "к"}])).is(200).json();
    assert_eq!(batch["_embedded"]["catalogs"][0]["request_id"], "к");
    assert_eq!(batch["_embedded"]["catalogs"][0]["name"], "Новое имя списка");
    drop(s);
    let s = Running::start(Some(folder.path()), no_limit());
    assert_eq!(s.get(&path).is(200).json()["can_add_elements"], false);
    assert_eq!(s.get("catalogs?limit=1").json()["_embedded"]["catalogs"][0]["name"], "Второй");
    assert_eq!(s.stats()["entities"]["catalogs"], 6);
    let rows = s.control("GET", "entities/catalogs?after=1007&fields=name", "").is(200).json();
    assert_eq!(rows["rows"][0], json!({"id": id, "name": "Новое имя списка"}));
    s.control("POST", "switches", r#"{"patch_wrapped":true,"created_status":201}"#).is(200);
    let wrapped = s.patch(&path, json!({"name": "Имя"})).is(200).json();
    assert_eq!(wrapped["_embedded"]["catalogs"][0]["name"], "Имя");
    s.post("catalogs", json!([{"name": "Ещё"}])).is(201);
}

#[test]
fn errors_of_a_catalog_have_code_and_path() {
    let s = Running::unlimited();
    for (item, wanted) in [
        (json!({}), "FieldMissing name"),
        (json!({"name": ""}), "NotBlank name"),
        (json!({"name": 5}), "InvalidType name"),
        (json!({"name": "я".repeat(256)}), "TooLong name"),
        (json!({"name": "а", "type": "suppliers"}), "NotSupportedChoice type"),
        (json!({"name": "а", "type": "invoices"}), "NotSupportedChoice type"),
        (json!({"name": "а", "type": "products"}), "NotSupportedChoice type"),
        (json!({"name": "а", "sort": "1"}), "InvalidType sort"),
        (json!({"name": "а", "can_add_elements": 1}), "InvalidType can_add_elements"),
        (json!({"name": "а", "can_be_deleted": true}), "FieldNotExpected can_be_deleted"),
        (json!({"name": "а", "request_id": 1}), "InvalidType request_id"),
        (json!({"name": "а", "id": 1}), "FieldNotExpected id"),
    ] {
        assert_eq!(s.post("catalogs", json!([item])).is(400).errors(), [wanted], "{item}");
    }
    for (item, wanted) in [
        (json!({"name": "а"}), "FieldMissing id"),
        (json!({"id": 77, "name": "а"}), "NotSupportedChoice id"),
        (json!({"id": SUPPLIERS, "name": "а"}), "NotSupportedChoice id"),
        (json!({"id": PRODUCTS, "type": "regular"}), "FieldNotExpected type"),
        (json!({"id": PRODUCTS, "sort": 1}), "FieldNotExpected sort"),
    ] {
        assert_eq!(s.patch("catalogs", json!([item])).is(400).errors(), [wanted], "{item}");
    }
    assert_eq!(s.patch("catalogs/77", json!({"name": "а"})).is(400).errors(), ["NotSupportedChoice id"]);
    s.patch(&format!("catalogs/{PRODUCTS}"), json!({"can_add_elements": true})).is(200);
    s.control("POST", "switches", r#"{"patch_needs_name":true}"#).is(200);
    let nameless = s.patch(&format!("catalogs/{PRODUCTS}"), json!({"can_add_elements": true}));
    assert_eq!(nameless.is(400).errors(), ["FieldMissing name"]);
    // Seven more make ten; the service's own catalog of suppliers does not count.
    let seven: Vec<Value> = (0..7).map(|i| json!({"name": format!("Список {i}")})).collect();
    s.post("catalogs", json!(seven)).is(200);
    assert_eq!(s.post("catalogs", json!([{"name": "а"}])).is(400).errors(), ["TooMany "]);
    s.send("DELETE", "catalogs/1005", "").is(405);
    s.control("POST", "switches", r#"{"token_is_admin":false}"#).is(200);
    let refused = s.post("catalogs", json!([{"name": "а"}])).is(403).has_type("application/problem+json").json();
    assert_eq!(shape(&refused), json!({"title": "string", "type": "string", "status": "number", "detail": "string"}));
    s.get("catalogs").is(403);
    s.get(&format!("catalogs/{PRODUCTS}/elements")).is(403);
}
