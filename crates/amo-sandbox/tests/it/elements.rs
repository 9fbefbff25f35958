//! Elements of catalogs: reads, creation, changes. [seed]

use std::sync::atomic::Ordering;

use serde_json::{Value, json};

use crate::{
    CATEGORIES, CHAMOMILE, DESK, FURNITURE, INVOICES, NOW, PRODUCTS, Running, SHIPPED, SUPPLIERS, keys, no_limit,
};

fn names(page: &Value) -> Vec<&str> {
    page["_embedded"]["elements"].as_array().expect("elements").iter().filter_map(|e| e["name"].as_str()).collect()
}

#[test]
fn the_built_in_catalogs_have_elements() {
    let s = Running::unlimited();
    assert_eq!(s.stats()["entities"]["elements"], SHIPPED);
    let desk = s.get(&format!("catalogs/{PRODUCTS}/elements/{DESK}")).is(200).json();
    assert_eq!(
        keys(&desk),
        [
            "id",
            "name",
            "created_by",
            "updated_by",
            "created_at",
            "updated_at",
            "is_deleted",
            "custom_fields_values",
            "catalog_id",
            "account_id",
            "_links"
        ]
    );
    assert_eq!((&desk["name"], &desk["is_deleted"]), (&json!("Стол письменный"), &Value::Null));
    let field = |i: usize| {
        let field = &desk["custom_fields_values"][i];
        (field["field_code"].clone(), field["field_type"].clone(), field["values"].clone())
    };
    assert_eq!(field(0), (json!("SKU"), json!("text"), json!([{"value": "T-100"}])));
    assert_eq!(field(1), (json!("PRICE"), json!("price"), json!([{"value": "12500"}])));
    assert_eq!(field(2).2, json!([{"value": "Столы", "enum_id": 960_405}]));
    let page = s.get(&format!("catalogs/{SUPPLIERS}/elements")).is(200).json();
    assert_eq!(names(&page), ["ООО Ромашка", "ИП Петров", "ООО Василёк"]);
    let categories = s.get(&format!("catalogs/{CATEGORIES}/elements/{FURNITURE}")).is(200).json();
    assert_eq!((&categories["name"], &categories["custom_fields_values"]), (&json!("Мебель"), &json!([])));
    s.get(&format!("catalogs/{INVOICES}/elements")).is(204);
    s.control("POST", "switches", r#"{"price_numeric":true}"#).is(200);
    let desk = s.get(&format!("catalogs/{PRODUCTS}/elements/{DESK}")).is(200).json();
    assert_eq!(desk["custom_fields_values"][1]["field_type"], "numeric");
    assert_eq!(s.field_model(&format!("catalogs/{PRODUCTS}"), "Цена")["type"], "numeric");
}

#[test]
fn elements_are_created_and_updated_as_the_seed_shows() {
    let s = Running::unlimited();
    let path = format!("catalogs/{CATEGORIES}/elements");
    let answer = s.post(&path, json!([{"name": "Первый"}, {"name": "Второй", "request_id": "б"}])).is(200).json();
    let url = format!("{}/api/v4/{path}", s.sandbox.url());
    assert_eq!(answer["_links"], json!({"self": {"href": url}}));
    let made = answer["_embedded"]["elements"].clone();
    let written = [
        "id",
        "name",
        "created_by",
        "updated_by",
        "created_at",
        "updated_at",
        "is_deleted",
        "custom_fields_values",
        "catalog_id",
        "account_id",
        "request_id",
        "invoice_link",
        "_links",
    ];
    assert_eq!(keys(&made[0]), written);
    assert_eq!((&made[0]["request_id"], &made[1]["request_id"]), (&json!(0), &json!("б")));
    assert_eq!((&made[0]["is_deleted"], &made[0]["invoice_link"]), (&json!(false), &Value::Null));
    assert_eq!(made[0]["_links"]["self"]["href"], format!("{url}/{}", made[0]["id"]));
    assert_eq!(made[0]["id"], 5_000_001);
    s.now.fetch_add(60, Ordering::SeqCst);
    let batch = json!([{"id": made[0]["id"], "name": "Новое имя"}, {"id": made[1]["id"], "request_id": "в"}]);
    let changed = s.patch(&path, batch).is(200).json()["_embedded"]["elements"].clone();
    assert_eq!(keys(&changed[0]), written);
    assert_eq!((&changed[0]["request_id"], &changed[1]["request_id"]), (&made[0]["id"], &json!("в")));
    assert_eq!((&changed[0]["updated_at"], &changed[1]["name"]), (&json!(NOW + 60), &json!("Второй")));
    let one = s.patch(&format!("{path}/{}", made[0]["id"]), json!({"name": "Третье имя"})).is(200).json();
    assert_eq!((keys(&one), &one["request_id"]), (written.to_vec(), &made[0]["id"]));
    assert_eq!(s.get(&format!("{path}/{}", made[0]["id"])).json()["name"], "Третье имя");
    for (switches, wanted) in [
        (json!({"element_places_text": true}), Some(json!("0"))),
        (json!({"element_places_text": false, "request_ids": "index"}), Some(json!(0))),
        (json!({"request_ids": "missing"}), None),
    ] {
        s.control("POST", "switches", &switches.to_string()).is(200);
        let answer = s.post(&path, json!([{"name": "а"}])).is(200).json();
        assert_eq!(answer["_embedded"]["elements"][0].get("request_id"), wanted.as_ref(), "{switches}");
    }
    s.control("POST", "switches", r#"{"patch_wrapped":true,"shuffled":true}"#).is(200);
    let wrapped = s.patch(&format!("{path}/{}", made[0]["id"]), json!({"name": "а"})).is(200).json();
    assert_eq!(wrapped["_embedded"]["elements"][0]["name"], "а");
    let answer = s.post(&path, json!([{"name": "а"}, {"name": "б"}])).is(200).json();
    assert_eq!(names(&answer), ["б", "а"]);
}

#[test]
fn lists_of_elements_are_paged_and_filtered() {
    let s = Running::unlimited();
    let path = format!("catalogs/{CATEGORIES}/elements");
    let many: Vec<Value> = (0..110).map(|i| json!({"name": format!("Раздел {i}")})).collect();
    s.post(&path, json!(many)).is(200);
    let read = |query: &str| s.get(&format!("{path}?{query}")).is(200).json();
    assert_eq!(names(&read("")).len(), 50);
    assert_eq!(names(&read("limit=200")).len(), 118);
    assert!(read("limit=200")["_links"]["next"].is_object(), "a next page that is not there");
    s.get(&format!("{path}?limit=200&page=2")).is(204);
    assert_eq!(names(&read("query=%D1%80%D0%B0%D0%B7%D0%B4%D0%B5%D0%BB+109")), ["Раздел 109"]);
    let sku = s.get(&format!("catalogs/{PRODUCTS}/elements?query=t-110")).is(200).json();
    assert_eq!(names(&sku), ["Стол обеденный"]);
    for query in ["filter[id]=4920001", "filter[id][]=4920001", "id[]=4920001", "id[0]=4920001"] {
        assert_eq!(names(&read(query)), ["Мебель"], "{query}");
    }
    assert_eq!(names(&read("filter[id][]=4920003&filter[id][]=4920001&filter[id][]=4900001")), ["Мебель", "Столы"]);
    assert_eq!(names(&read("limit=1&order[id]=desc&filter[name]=x&filter[updated_at][from]=9999999999")), ["Мебель"]);
    assert_eq!(read("limit=1").pointer("/_embedded/elements/0/invoice_link"), None);
    assert_eq!(read("limit=1&with=invoice_link").pointer("/_embedded/elements/0/invoice_link"), Some(&Value::Null));
    let set = |switches: &str| drop(s.control("POST", "switches", switches).is(200));
    set(r#"{"elements_order":true,"elements_page":100,"next_dropped":true}"#);
    assert_eq!(names(&read("limit=1&order[id]=desc")), ["Раздел 109"]);
    let short = read("");
    assert_eq!((names(&short).len(), short["_links"].get("next")), (100, None));
    set(r#"{"next_dropped":false,"next_always":false,"page_max":2,"query_lag_s":5}"#);
    assert!(read("")["_links"]["next"].is_object());
    assert_eq!(read("page=2")["_links"].get("next"), None);
    s.get(&format!("{path}?page=3")).is(400);
    s.get(&format!("{path}?query=109")).is(204);
}

#[test]
fn errors_of_an_element_have_code_and_path() {
    let s = Running::unlimited();
    let path = format!("catalogs/{PRODUCTS}/elements");
    for (item, wanted) in [
        (json!({}), "FieldMissing name"),
        (json!({"name": " "}), "NotBlank name"),
        (json!({"name": 1}), "InvalidType name"),
        (json!({"name": "а", "id": 1}), "FieldNotExpected id"),
        (json!({"name": "а", "catalog_id": 1}), "FieldNotExpected catalog_id"),
        (json!({"name": "а", "tags_to_add": []}), "FieldNotExpected tags_to_add"),
        (json!({"name": "а", "_embedded": {}}), "FieldNotExpected _embedded"),
        (json!({"name": "а", "request_id": 0}), "InvalidType request_id"),
        (
            json!({"name": "а", "custom_fields_values": [{"field_code": "PHONE", "values": [{"value": "1"}]}]}),
            "NotSupportedChoice custom_fields_values.0.field_code",
        ),
        (
            json!({"name": "а", "custom_fields_values": [{"field_code": "SUPPLIER", "values": null}]}),
            "NotSupportedChoice custom_fields_values.0.field_code",
        ),
    ] {
        assert_eq!(s.post(&path, json!([item])).is(400).errors(), [wanted], "{item}");
    }
    for (item, wanted) in [
        (json!({"name": "а"}), "FieldMissing id"),
        (json!({"id": 77, "name": "а"}), "NotSupportedChoice id"),
        (json!({"id": FURNITURE, "name": "а"}), "NotSupportedChoice id"),
        (json!({"id": DESK, "name": ""}), "NotBlank name"),
    ] {
        assert_eq!(s.patch(&path, json!([item])).is(400).errors(), [wanted], "{item}");
    }
    assert_eq!(s.patch(&format!("{path}/{FURNITURE}"), json!({})).is(400).errors(), ["NotSupportedChoice id"]);
    s.get(&format!("{path}/{FURNITURE}")).is(204);
    let many: Vec<Value> = (0..251).map(|_| json!({"name": "а"})).collect();
    s.post(&path, json!(many)).is(422);
    for answer in
        [s.get("catalogs/77/elements"), s.get("catalogs/77/elements/1"), s.post("catalogs/77/elements", json!([]))]
    {
        assert_eq!(answer.is(404).has_type("application/problem+json").json()["detail"], "Catalog not found");
    }
    s.send("DELETE", &format!("{path}/{DESK}"), "").is(405);
    let suppliers = format!("catalogs/{SUPPLIERS}/elements");
    s.post(&suppliers, json!([{"name": "а"}])).is(403);
    s.control("POST", "switches", r#"{"suppliers_writable":true,"unknown_catalog_status":204}"#).is(200);
    s.post(&suppliers, json!([{"name": "а"}])).is(200);
    s.get("catalogs/77/elements").is(204);
    s.patch(&format!("{path}/{DESK}"), json!({})).is(200);
    s.control("POST", "switches", r#"{"patch_needs_name":true}"#).is(200);
    assert_eq!(s.patch(&path, json!([{"id": DESK}])).is(400).errors(), ["FieldMissing name"]);
}

#[test]
fn one_bad_element_rejects_its_batch_and_is_named() {
    let s = Running::unlimited();
    let path = format!("catalogs/{CATEGORIES}/elements");
    let batch = json!([{"name": "хороший", "request_id": "r1"}, {"request_id": "r2"}]);
    let refused = s.post(&path, batch.clone()).is(400).json();
    assert_eq!(refused["validation-errors"][0]["request_id"], "r2");
    assert_eq!(s.stats()["entities"]["elements"], SHIPPED);
    s.control("POST", "switches", r#"{"partial":"told","created_status":201}"#).is(200);
    let told = s.post(&path, batch.clone()).is(201).json();
    assert_eq!((names(&told), told["validation-errors"].as_array().map(Vec::len)), (vec!["хороший"], Some(1)));
    s.control("POST", "switches", r#"{"partial":"silent"}"#).is(200);
    s.post(&path, batch).is(400);
    assert_eq!(s.stats()["entities"]["elements"], SHIPPED + 2);
    s.faults(json!({"refuse": [{"name_contains": "плох", "path": "name"}]}));
    assert_eq!(s.post(&path, json!([{"name": "плохой"}])).is(400).errors(), ["NotSupportedChoice name"]);
    assert_eq!(s.post("catalogs", json!([{"name": "плохой"}])).is(400).errors(), ["NotSupportedChoice name"]);
    s.post("catalogs", json!([{"name": "а"}, {"name": "б"}])).is(201);
    assert_eq!(s.stats()["commits"]["POST catalogs"], json!({"commits": 1, "records": 2, "answered": 1}));
}

#[test]
fn elements_survive_a_restart_and_control_shows_them_flat() {
    let folder = tempfile::tempdir().expect("a folder");
    let s = Running::start(Some(folder.path()), no_limit());
    let sku = json!([{"field_code": "SKU", "values": [{"value": "T-101"}]}]);
    s.patch(&format!("catalogs/{PRODUCTS}/elements/{DESK}"), json!({"custom_fields_values": sku})).is(200);
    let id = s.element(PRODUCTS, json!({"name": "Новый", "custom_fields_values": sku}));
    let supplier = json!([{"field_code": "SUPPLIER", "values": [{"value": {"entity_id": CHAMOMILE}}]},
        {"field_code": "BILL_STATUS", "values": [{"enum_code": "created"}]}]);
    let invoice = s.element(INVOICES, json!({"name": "Счёт", "custom_fields_values": supplier}));
    drop(s);
    let log = std::fs::read_to_string(folder.path().join("world.jsonl")).expect("the log");
    assert!(!log.contains("T-210"), "what ships is not in the log");
    let s = Running::start(Some(folder.path()), no_limit());
    assert_eq!(s.stats()["entities"]["elements"], SHIPPED + 2);
    let row = |id: u64| {
        let rows = s.control("GET", &format!("entities/elements?after={}&limit=1", id - 1), "").is(200).json();
        rows["rows"][0].clone()
    };
    let desk = row(DESK);
    assert_eq!((&desk["catalog_id"], &desk["custom"]["Артикул"]), (&json!(PRODUCTS), &json!(["T-101"])));
    assert_eq!(desk["custom"]["Группа"], json!(["Столы"]));
    assert_eq!(row(id)["name"], "Новый");
    assert_eq!(row(invoice)["custom"]["Поставщик"][0]["entity_id"], CHAMOMILE);
    s.control("POST", "reset", "").is(200);
    assert_eq!(s.stats()["entities"]["elements"], SHIPPED);
    assert_eq!(row(DESK)["custom"]["Артикул"], json!(["T-100"]));
}
