//! Links between leads, contacts, companies, customers and elements.

use serde_json::{Value, json};

use crate::{CHAIR, DESK, FURNITURE, PRODUCTS, Running, ids, keys};

fn to(kind: &str, id: u64, metadata: Value) -> Value {
    json!([{"to_entity_id": id, "to_entity_type": kind, "metadata": metadata}])
}

/// Types and ids of the records linked to a record.
fn linked(s: &Running, path: &str) -> Vec<(String, u64)> {
    let answer = s.get(path);
    if answer.status == 204 {
        return Vec::new();
    }
    let body = answer.is(200).json();
    let rows = body["_embedded"]["links"].as_array().expect("links").clone();
    assert_eq!(body["_total_items"], rows.len());
    let pair = |row: &Value| Some((row["to_entity_type"].as_str()?.to_owned(), row["to_entity_id"].as_u64()?));
    rows.iter().map(|row| pair(row).expect("a kind and an id")).collect()
}

#[test]
fn a_link_is_shown_from_both_ends() {
    let s = Running::unlimited();
    let made = |entity: &str| s.made(entity, json!({"name": "a"}));
    for (from, kind) in [
        ("leads", "contacts"),
        ("leads", "companies"),
        ("contacts", "companies"),
        ("contacts", "customers"),
        ("contacts", "leads"),
        ("companies", "contacts"),
        ("companies", "leads"),
        ("companies", "customers"),
        ("customers", "contacts"),
        ("customers", "companies"),
    ] {
        let (id, other) = (made(from), made(kind));
        let path = format!("{from}/{id}");
        let answer = s.post(&format!("{path}/link"), to(kind, other, json!(null))).is(200).json();
        let item = &answer["_embedded"]["links"][0];
        assert_eq!(keys(item), ["to_entity_id", "to_entity_type", "metadata"], "{from} {kind}");
        assert_eq!(linked(&s, &format!("{path}/links")), [(kind.to_owned(), other)], "{from} {kind}");
        if (from, kind) != ("leads", "companies") {
            let read = s.get(&format!("{path}?with={kind}")).json();
            assert_eq!(ids(&read, kind), [other], "{from} {kind}");
        }
        let back = s.get(&format!("{kind}/{other}?with={from}")).json();
        if back["_embedded"].get(from).is_some() {
            assert_eq!(ids(&back, from), [id], "{from} {kind}");
        }
        assert_eq!(s.kept(kind, other)[from], json!([id]), "{from} {kind}");
        s.post(&format!("{path}/unlink"), to(kind, other, json!(null))).is(204);
        s.get(&format!("{path}/links")).is(204);
        s.post(&format!("{path}/unlink"), to(kind, other, json!(null))).is(204);
    }
    let lead = made("leads");
    s.get("leads/1/links").is(204);
    s.switch("no_links_status", json!(200));
    assert_eq!(s.get(&format!("leads/{lead}/links")).is(200).json()["_embedded"]["links"], json!([]));
}

#[test]
fn one_contact_is_the_main_one() {
    let s = Running::unlimited();
    let [a, b, c] = [1, 2, 3].map(|_| s.made("contacts", json!({})));
    for entity in ["leads", "customers"] {
        let id = s.made(entity, json!({"name": "a"}));
        let path = format!("{entity}/{id}");
        let main = || {
            let read = s.get(&format!("{path}?with=contacts")).json();
            let contacts = read["_embedded"]["contacts"].as_array().expect("contacts").clone();
            contacts
                .iter()
                .filter(|c| c["is_main"] == true)
                .map(|c| c["id"].as_u64().expect("an id"))
                .collect::<Vec<_>>()
        };
        for (verb, contact, metadata, wanted) in [
            ("link", a, json!(null), vec![a]),
            ("link", b, json!(null), vec![a]),
            ("link", b, json!({"is_main": true}), vec![b]),
            ("link", c, json!({"is_main": false}), vec![b]),
            ("link", b, json!({"is_main": false}), vec![a]),
            ("unlink", a, json!([]), vec![b]),
            ("unlink", b, json!(null), vec![c]),
            ("unlink", c, json!(null), vec![]),
            ("link", c, json!({"is_main": false}), vec![c]),
        ] {
            s.post(&format!("{path}/{verb}"), to("contacts", contact, metadata.clone()));
            assert_eq!(main(), wanted, "{entity} {verb} {contact} {metadata}");
        }
        let rows = s.get(&format!("{path}/links")).json();
        assert_eq!(rows["_embedded"]["links"][0]["metadata"], json!({"main_contact": true}));
        let rows = s.get(&format!("contacts/{c}/links?filter[to_entity_type]={entity}")).json();
        assert_eq!(rows["_embedded"]["links"][0]["metadata"], json!({"main_contact": true}));
    }
}

#[test]
fn elements_have_a_quantity_and_a_second_link_changes_it() {
    let s = Running::unlimited();
    let price = s.field("catalogs/1001", "Цена оптовая");
    for entity in ["leads", "contacts", "companies", "customers"] {
        let id = s.made(entity, json!({"name": "a"}));
        let path = format!("{entity}/{id}/link");
        let said = json!({"catalog_id": PRODUCTS, "quantity": 1, "updated_by": 500_001});
        s.post(&path, to("catalog_elements", CHAIR, said)).is(200);
        let said = json!({"catalog_id": PRODUCTS, "quantity": 2.5, "price_id": price});
        let answer = s.post(&path, to("catalog_elements", CHAIR, said)).is(200).json();
        let meta = json!({"quantity": 2.5, "catalog_id": PRODUCTS, "price_id": price});
        assert_eq!(answer["_embedded"]["links"][0]["metadata"], meta);
        s.post(&path, to("catalog_elements", FURNITURE, json!({"catalog_id": 1005}))).is(200);
        let read = s.get(&format!("{entity}/{id}?with=catalog_elements")).json();
        let wanted = json!([{"id": CHAIR, "metadata": meta}, {"id": FURNITURE, "metadata": {"quantity": 1, "catalog_id": 1005}}]);
        assert_eq!(read["_embedded"]["catalog_elements"], wanted, "{entity}");
        assert_eq!(s.get(&format!("{entity}/{id}")).json()["_embedded"].get("catalog_elements"), None);
        assert_eq!(s.kept(entity, id)["catalog_elements"], wanted);
        let links = format!("{entity}/{id}/links");
        let element = |id| ("catalog_elements".to_owned(), id);
        assert_eq!(linked(&s, &format!("{links}?filter[to_catalog_id]={PRODUCTS}")), [element(CHAIR)]);
        let query = format!("filter[to_entity_type]=catalog_elements&filter[to_entity_id]={FURNITURE}");
        assert_eq!(linked(&s, &format!("{links}?{query}")), [element(FURNITURE)]);
        let cut = to("catalog_elements", CHAIR, json!({"catalog_id": PRODUCTS}));
        s.post(&format!("{entity}/{id}/unlink"), cut).is(204);
        assert_eq!(linked(&s, &links), [element(FURNITURE)]);
    }
    let tally = s.stats()["commits"]["POST leads/{id}/link"].clone();
    assert_eq!(tally, json!({"commits": 3, "records": 3, "answered": 3}));
}

#[test]
fn many_links_are_created_and_read_in_one_request() {
    let s = Running::unlimited();
    let [x, y, z] = [1, 2, 3].map(|_| s.made("leads", json!({})));
    let contact = s.made("contacts", json!({}));
    let item = |id: u64, kind: &str, other: u64, metadata: Value| json!({"entity_id": id, "to_entity_id": other, "to_entity_type": kind, "metadata": metadata});
    let all = json!([
        item(x, "contacts", contact, json!(null)),
        item(y, "catalog_elements", DESK, json!({"catalog_id": PRODUCTS, "quantity": 3})),
        item(z, "contacts", contact, json!(null))
    ]);
    let answer = s.post("leads/link", all.clone()).is(200).json();
    let row = &answer["_embedded"]["links"][1];
    assert_eq!(keys(row), ["entity_id", "entity_type", "to_entity_id", "to_entity_type", "metadata"]);
    assert_eq!((&row["entity_id"], &row["entity_type"]), (&json!(y), &json!("leads")));
    let answer = s.get("leads/links").is(400);
    assert_eq!(answer.errors(), ["FieldMissing filter.entity_id"]);
    let path = format!("leads/links?filter[entity_id][]={x}&filter[entity_id][]={y}");
    let wanted = [("contacts".to_owned(), contact), ("catalog_elements".to_owned(), DESK)];
    assert_eq!(linked(&s, &path), wanted);
    assert_eq!(linked(&s, &format!("contacts/{contact}/links")), [("leads".to_owned(), x), ("leads".to_owned(), z)]);
    s.post("leads/unlink", all).is(204);
    assert!(linked(&s, &path).is_empty());
}

#[test]
fn errors_of_a_link_have_code_and_path() {
    let s = Running::unlimited();
    let made = |entity: &str| s.made(entity, json!({"name": "a"}));
    let (lead, contact, customer) = (made("leads"), made("contacts"), made("customers"));
    let element = |metadata: Value| to("catalog_elements", CHAIR, metadata);
    let sku = s.field("catalogs/1001", "Артикул");
    let path = format!("leads/{lead}/link");
    for (path, items, wanted) in [
        (&path, json!([{}]), "FieldMissing to_entity_id"),
        (&path, json!([{"to_entity_id": contact}]), "FieldMissing to_entity_type"),
        (&path, json!([{"to_entity_id": "1", "to_entity_type": "contacts"}]), "InvalidType to_entity_id"),
        (&path, json!([{"to_entity_id": 1, "to_entity_type": 1}]), "InvalidType to_entity_type"),
        (&path, json!([{"to_entity_id": contact, "to_entity_type": "contacts", "x": 1}]), "FieldNotExpected x"),
        (&path, to("contacts", 1, json!(null)), "NotSupportedChoice to_entity_id"),
        (&path, to("leads", lead, json!(null)), "NotSupportedChoice to_entity_type"),
        (&path, to("customers", customer, json!(null)), "NotSupportedChoice to_entity_type"),
        (&path, to("contacts", contact, json!(1)), "InvalidType metadata"),
        (&path, to("contacts", contact, json!({"is_main": 1})), "InvalidType metadata.is_main"),
        (&path, to("contacts", contact, json!({"main_contact": true})), "FieldNotExpected metadata.main_contact"),
        (&path, to("contacts", contact, json!({"updated_by": 1})), "NotSupportedChoice metadata.updated_by"),
        (&path, element(json!(null)), "FieldMissing metadata.catalog_id"),
        (&path, element(json!({"catalog_id": 7})), "NotSupportedChoice metadata.catalog_id"),
        (&path, element(json!({"catalog_id": -7})), "NotSupportedChoice metadata.catalog_id"),
        (&path, element(json!({"catalog_id": 1005})), "NotSupportedChoice to_entity_id"),
        (&path, element(json!({"catalog_id": PRODUCTS, "quantity": "1"})), "InvalidType metadata.quantity"),
        (&path, element(json!({"catalog_id": PRODUCTS, "quantity": 0})), "InvalidType metadata.quantity"),
        (&path, element(json!({"catalog_id": PRODUCTS, "price_id": sku})), "NotSupportedChoice metadata.price_id"),
        (&path, element(json!({"catalog_id": PRODUCTS, "is_main": true})), "FieldNotExpected metadata.is_main"),
        (&"leads/1/link".to_owned(), to("contacts", contact, json!(null)), "NotSupportedChoice entity_id"),
        (&"leads/link".to_owned(), to("contacts", contact, json!(null)), "FieldMissing entity_id"),
        (&"customers/1/unlink".to_owned(), to("contacts", contact, json!(null)), "NotSupportedChoice entity_id"),
    ] {
        let answer = s.post(path, items.clone()).is(400);
        assert_eq!(answer.errors().first().map(String::as_str), Some(wanted), "{path} {items}");
    }
    let one = to("contacts", contact, json!(null))[0].clone();
    let answer = s.post(&path, json!([one, {}])).is(400);
    assert_eq!(answer.json()["validation-errors"][0]["request_id"], "1");
    assert!(linked(&s, &format!("leads/{lead}/links")).is_empty());
    s.post(&path, Value::Array(vec![one.clone(); 251])).is(422);
    s.post(&path, json!({"to_entity_id": contact, "to_entity_type": "contacts"})).is(400);
    s.post(&path, Value::Array(vec![one; 250])).is(200);
    s.get("elements/1/links").is(404);
    s.mode("segments", false);
    let answer = s.post(&format!("contacts/{contact}/link"), to("customers", customer, json!(null))).is(400);
    assert_eq!(answer.errors(), ["NotSupportedChoice to_entity_type"]);
}

#[test]
fn a_lead_and_a_customer_have_one_company() {
    let s = Running::unlimited();
    let [a, b] = [1, 2].map(|_| s.made("companies", json!({"name": "a"})));
    let company = |id: u64| to("companies", id, json!(null));
    for entity in ["leads", "customers"] {
        let id = s.made(entity, json!({"name": "a"}));
        let path = format!("{entity}/{id}/link");
        let both = json!([company(a)[0], company(b)[0]]);
        assert_eq!(s.post(&path, both.clone()).is(400).errors(), ["TooMany to_entity_id"]);
        s.post(&path, company(a)).is(200);
        s.post(&path, company(a)).is(200);
        s.post(&path, company(b)).is(400);
        s.post(&format!("companies/{b}/link"), to(entity, id, json!(null))).is(400);
        s.switch("company_replaced", json!(true));
        s.post(&path, company(b)).is(200);
        assert_eq!(s.kept(entity, id)["companies"], json!([b]));
        s.post(&path, both).is(200);
        assert_eq!(s.kept(entity, id)["companies"], json!([b]));
        s.post(&format!("companies/{a}/link"), to(entity, id, json!(null))).is(200);
        assert_eq!(s.kept(entity, id)["companies"], json!([a]));
        s.switch("company_replaced", json!(false));
    }
}

#[test]
fn a_linked_element_may_reset_the_stage_of_its_lead() {
    let s = Running::unlimited();
    let lead = s.made("leads", json!({"status_id": 142}));
    let link = to("catalog_elements", CHAIR, json!({"catalog_id": PRODUCTS}));
    s.post(&format!("leads/{lead}/link"), link.clone()).is(200);
    assert_eq!(s.lead(lead)["status_id"], 142);
    s.switch("element_resets_stage", json!(true));
    s.post(&format!("leads/{lead}/link"), link).is(200);
    assert_eq!(s.lead(lead)["status_id"], s.status(crate::MAIN, "Первичный контакт"));
}
