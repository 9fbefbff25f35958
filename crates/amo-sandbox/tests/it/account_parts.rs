//! Writes to parts of the account: fields and their groups, pipelines and stages, sources; also unsorted leads and
//! events.

use std::sync::atomic::Ordering;

use serde_json::{Value, json};

use crate::{CATEGORIES, INVOICES, MAIN, NOW, PRODUCTS, Running, WHOLESALE, keys, no_limit};

const OWNERS: [&str; 7] =
    ["leads", "contacts", "companies", "customers", "customers/segments", "catalogs/1001", "catalogs/1003"];

/// The only item of an answer.
fn first(answer: &Value) -> &Value {
    let embedded = answer["_embedded"].as_object().expect("a collection");
    &embedded.values().next().expect("a collection")[0]
}

#[test]
fn fields_of_every_owner_are_created_updated_and_deleted() {
    let s = Running::unlimited();
    for owner in OWNERS {
        let path = format!("{owner}/custom_fields");
        let new = json!([{"name": "Новое", "type": "select", "code": "FRESH", "request_id": "п",
            "enums": [{"value": "Да", "sort": 5, "code": "yes"}, {"value": "Нет"}]}]);
        let answer = s.post(&path, new).is(200).json();
        assert_eq!(answer["_total_items"], 1);
        let made = first(&answer).clone();
        assert_eq!((&made["request_id"], &made["type"]), (&json!("п"), &json!("select")), "{owner}");
        let (id, yes) = (made["id"].as_u64().expect("an id"), made["enums"][0]["id"].clone());
        assert_eq!((&made["enums"][0]["code"], &made["enums"][1]["value"]), (&json!("yes"), &json!("Нет")));
        let enums = json!([{"id": yes, "value": "Конечно"}, {"value": "Может быть"}]);
        let changed = s.patch(&path, json!([{"id": id, "name": "Другое", "enums": enums}])).is(200).json();
        let changed = first(&changed).clone();
        assert_eq!((&changed["name"], &changed["request_id"]), (&json!("Другое"), &json!("0")));
        assert_eq!((&changed["enums"][0]["id"], &changed["enums"][0]["value"]), (&yes, &json!("Конечно")));
        let one = s.patch(&format!("{path}/{id}"), json!({"sort": 7})).is(200).json();
        assert_eq!((&one["sort"], &one["enums"]), (&json!(7), &changed["enums"]));
        assert_eq!(s.get(&format!("{path}/{id}")).is(200).json()["name"], "Другое");
        s.send("DELETE", &format!("{path}/{id}"), "").is(204);
        s.get(&format!("{path}/{id}")).is(204);
        assert_eq!(s.send("DELETE", &format!("{path}/{id}"), "").is(400).errors(), ["NotSupportedChoice id"]);
    }
    s.post("catalogs/77/custom_fields", json!([])).is(404);
    let phone = s.field("contacts", "Телефон");
    s.send("DELETE", &format!("contacts/custom_fields/{phone}"), "").is(400);
    s.control("POST", "switches", r#"{"enums_keyed":true}"#).is(200);
    let source = s.field("leads", "Источник");
    let keyed = s.patch(&format!("leads/custom_fields/{source}"), json!({"name": "Откуда"})).is(200).json();
    assert_eq!(keyed["enums"]["0"]["value"], "Сайт");
}

#[test]
fn a_new_field_takes_values_and_survives_a_restart() {
    let folder = tempfile::tempdir().expect("a folder");
    let s = Running::start(Some(folder.path()), no_limit());
    let made = s.post("leads/custom_fields", json!([{"name": "Этаж", "type": "numeric"}])).is(200).json();
    let field = first(&made)["id"].as_u64().expect("an id");
    let values = json!([{"field_id": field, "values": [{"value": 3}]}]);
    let lead = s.made("leads", json!({"custom_fields_values": values}));
    drop(s);
    let s = Running::start(Some(folder.path()), no_limit());
    assert_eq!(s.lead(lead)["custom_fields_values"][0]["field_name"], "Этаж");
    s.send("DELETE", &format!("leads/custom_fields/{field}"), "").is(204);
    assert_eq!(s.lead(lead)["custom_fields_values"], Value::Null);
    assert_eq!(
        s.post("leads", json!([{"custom_fields_values": values}])).is(400).errors(),
        ["NotSupportedChoice custom_fields_values.0.field_id"]
    );
}

#[test]
fn branches_name_their_parent_by_request_id_or_id() {
    let s = Running::unlimited();
    let path = format!("catalogs/{CATEGORIES}/custom_fields");
    let nested = json!([{"value": "Мебель", "request_id": "м"}, {"value": "Столы", "parent_request_id": "м"}]);
    let made = s.post(&path, json!([{"name": "Дерево", "type": "category", "nested": nested}])).is(200).json();
    let (id, tree) = (first(&made)["id"].clone(), first(&made)["nested"].clone());
    assert_eq!((&tree[0]["parent_id"], &tree[1]["parent_id"]), (&Value::Null, &tree[0]["id"]));
    let mut grown = tree.as_array().expect("a tree").clone();
    grown.push(json!({"value": "Стулья", "parent_id": tree[0]["id"], "sort": 9}));
    let changed = s.patch(&format!("{path}/{id}"), json!({"nested": grown})).is(200).json();
    assert_eq!((&changed["nested"][1], &changed["nested"][2]["parent_id"]), (&tree[1], &tree[0]["id"]));
    let lost = json!({"nested": [{"value": "а", "parent_request_id": "нет"}, {"value": "б", "parent_id": 1}]});
    assert_eq!(
        s.patch(&format!("{path}/{id}"), lost).is(400).errors(),
        ["NotSupportedChoice nested.0.parent_request_id", "NotSupportedChoice nested.1.parent_id"]
    );
    assert_eq!(s.get(&format!("{path}/{id}")).json()["nested"].as_array().map(Vec::len), Some(3));
}

#[test]
fn errors_of_a_field_have_code_and_path() {
    let s = Running::unlimited();
    let products = format!("catalogs/{PRODUCTS}");
    let of = |kind: &str, more: Value| {
        let mut field = json!({"name": "а", "type": kind});
        for (key, value) in more.as_object().expect("an object") {
            field[key] = value.clone();
        }
        field
    };
    let stage = |pipeline: u64, status: u64| json!([{"pipeline_id": pipeline, "status_id": status}]);
    for (owner, item, wanted) in [
        ("leads", json!({"type": "text"}), "FieldMissing name"),
        ("leads", json!({"name": "а"}), "FieldMissing type"),
        ("leads", of("nonsense", json!({})), "NotSupportedChoice type"),
        ("leads", of("price", json!({})), "NotSupportedChoice type"),
        (&products, of("birthday", json!({})), "NotSupportedChoice type"),
        (&products, of("items", json!({})), "NotSupportedChoice type"),
        ("leads", of("text", json!({"code": "ORDER_NO"})), "NotSupportedChoice code"),
        ("leads", of("text", json!({"enums": []})), "FieldNotExpected enums"),
        ("leads", of("text", json!({"is_required": true})), "FieldNotExpected is_required"),
        ("leads", of("text", json!({"nonsense": 1})), "FieldNotExpected nonsense"),
        ("leads", of("text", json!({"sort": "1"})), "InvalidType sort"),
        ("leads", of("text", json!({"group_id": "nowhere"})), "NotSupportedChoice group_id"),
        (
            "leads",
            of("text", json!({"required_statuses": stage(MAIN, 1)})),
            "NotSupportedChoice required_statuses.0.status_id",
        ),
        (
            "leads",
            of("text", json!({"hidden_statuses": stage(1, 142)})),
            "NotSupportedChoice hidden_statuses.0.pipeline_id",
        ),
        ("leads", of("text", json!({"hidden_statuses": [{}]})), "FieldMissing hidden_statuses.0.pipeline_id"),
        ("contacts", of("text", json!({"required_statuses": []})), "FieldNotExpected required_statuses"),
        (&products, of("text", json!({"is_api_only": true})), "FieldNotExpected is_api_only"),
        (&products, of("text", json!({"is_visible": 1})), "InvalidType is_visible"),
        ("leads", of("select", json!({"enums": [{}]})), "FieldMissing enums.0.value"),
        ("leads", of("select", json!({"enums": [{"value": "а", "x": 1}]})), "FieldNotExpected enums.0.x"),
        ("leads", of("select", json!({"enums": [{"value": "а", "id": 1}]})), "NotSupportedChoice enums.0.id"),
        ("leads", of("select", json!({"enums": {"0": 1}})), "InvalidType enums"),
        ("leads", of("birthday", json!({"remind": "year"})), "NotSupportedChoice remind"),
        ("leads", of("monetary", json!({"currency": "RUBLE"})), "TooLong currency"),
        (
            "leads",
            of("chained_list", json!({"chained_lists": [{"catalog_id": 1}]})),
            "NotSupportedChoice chained_lists.0.catalog_id",
        ),
        (&products, of("linked_entity", json!({"search_in": "leads"})), "NotSupportedChoice search_in"),
        (&products, of("linked_entity", json!({"search_in": true})), "InvalidType search_in"),
    ] {
        let complaints = s.post(&format!("{owner}/custom_fields"), json!([item])).is(400).errors();
        assert_eq!(complaints.first().map(String::as_str), Some(wanted), "{item}");
    }
    let city = s.field("leads", "Город");
    for (item, wanted) in [
        (json!({"name": "а"}), "FieldMissing id"),
        (json!({"id": 1}), "NotSupportedChoice id"),
        (json!({"id": city, "type": "numeric"}), "FieldNotExpected type"),
        (json!({"id": city, "name": ""}), "NotBlank name"),
    ] {
        assert_eq!(s.patch("leads/custom_fields", json!([item])).is(400).errors(), [wanted], "{item}");
    }
    for (owner, item) in [
        (
            "leads",
            of("text", json!({"required_statuses": stage(MAIN, 142), "group_id": "default", "is_api_only": true})),
        ),
        ("leads", of("chained_list", json!({"chained_lists": [{"catalog_id": 1005, "title": "Раздел"}]}))),
        (&products, of("linked_entity", json!({"search_in": 1005}))),
        (&products, of("price", json!({"code": "SPECIAL_PRICE_2", "is_required": true}))),
        ("contacts", of("birthday", json!({"remind": "day"}))),
    ] {
        s.post(&format!("{owner}/custom_fields"), json!([item])).is(200);
    }
    s.post(&format!("catalogs/{INVOICES}/custom_fields"), json!([of("payer", json!({}))])).is(200);
    let many: Vec<Value> = (0..19).map(|_| of("text", json!({}))).collect();
    assert_eq!(s.post("customers/segments/custom_fields", json!(many)).is(400).errors(), ["TooMany "]);
    s.control("POST", "switches", r#"{"token_is_admin":false}"#).is(200);
    s.get("leads/custom_fields").is(200);
    for path in ["leads/custom_fields", "leads/pipelines", "sources", "leads/custom_fields/groups"] {
        s.post(path, json!([{"name": "а"}])).is(403);
    }
    s.send("DELETE", &format!("leads/pipelines/{WHOLESALE}"), "").is(403);
    s.get("users").is(403);
}

#[test]
fn groups_of_fields_are_created_and_listed() {
    let s = Running::unlimited();
    for owner in OWNERS {
        let path = format!("{owner}/custom_fields/groups");
        let answer = s.post(&path, json!([{"name": "Доставка", "sort": 3, "request_id": "г"}])).is(200).json();
        let group = first(&answer).clone();
        assert_eq!((&group["name"], &group["request_id"]), (&json!("Доставка"), &json!("г")), "{owner}");
        let all = s.get(&path).is(200).json();
        let ids: Vec<&Value> =
            all["_embedded"]["custom_field_groups"].as_array().expect("groups").iter().map(|g| &g["id"]).collect();
        assert_eq!(ids, [&json!("default"), &group["id"]]);
        let field = json!([{"name": "Адрес", "type": "text", "group_id": group["id"]}]);
        let made = s.post(&format!("{owner}/custom_fields"), field).is(200).json();
        assert_eq!(first(&made)["group_id"], group["id"]);
        assert_eq!(s.post(&path, json!([{"sort": 1}])).is(400).errors(), ["FieldMissing name"]);
    }
    s.get("catalogs/77/custom_fields/groups").is(404);
}

#[test]
fn pipelines_are_created_updated_and_deleted() {
    let s = Running::unlimited();
    let new = json!([{"name": "Сервис", "sort": 3, "is_main": false, "is_unsorted_on": false, "request_id": "в",
        "_embedded": {"statuses": [
            {"name": "Второй", "sort": 30, "color": "#fffeb2"}, {"id": 142, "name": "Готово"},
            {"name": "Третий", "sort": 40}]}}]);
    let answer = s.post("leads/pipelines", new).is(200).json();
    let made = first(&answer).clone();
    assert_eq!((made.get("request_id"), &made["is_unsorted_on"]), (None, &json!(false)));
    let id = made["id"].as_u64().expect("an id");
    let names = || -> Vec<String> {
        let all = s.get(&format!("leads/pipelines/{id}/statuses")).is(200).json();
        let stages = all["_embedded"]["statuses"].as_array().expect("stages").clone();
        stages.iter().map(|s| s["name"].as_str().expect("a name").to_owned()).collect()
    };
    assert_eq!(names(), ["Неразобранное", "Второй", "Третий", "Готово", "Закрыто и не реализовано"]);
    let path = format!("leads/pipelines/{id}/statuses");
    let answer = s.post(&path, json!([{"name": "Между", "sort": 35, "color": "#d6eaff"}])).is(200).json();
    let between = first(&answer)["id"].as_u64().expect("an id");
    assert_eq!(first(&answer)["pipeline_id"], id);
    assert_eq!(names()[1..4], ["Второй", "Между", "Третий"]);
    let moved = s.patch(&format!("{path}/{between}"), json!({"name": "Потом", "sort": 45})).is(200).json();
    assert_eq!((&moved["name"], &moved["color"]), (&json!("Потом"), &json!("#d6eaff")));
    assert_eq!(names()[1..4], ["Второй", "Третий", "Потом"]);
    let lead = s.made("leads", json!({"pipeline_id": id, "status_id": between}));
    s.send("DELETE", &format!("{path}/{between}"), "").is(422).has_type("application/problem+json");
    s.send("DELETE", &format!("leads/pipelines/{id}"), "").is(422);
    s.patch(&format!("leads/{lead}"), json!({"pipeline_id": MAIN, "status_id": 142})).is(200);
    s.send("DELETE", &format!("{path}/{between}"), "").is(204);
    s.get(&format!("{path}/{between}")).is(204);
    let main = s.patch(&format!("leads/pipelines/{id}"), json!({"is_main": true, "name": "Главная"})).is(200).json();
    assert_eq!((&main["is_main"], &main["name"]), (&json!(true), &json!("Главная")));
    assert_eq!(s.get(&format!("leads/pipelines/{MAIN}")).json()["is_main"], false);
    assert_eq!(s.lead(s.made("leads", json!({})))["pipeline_id"], id);
    s.send("DELETE", &format!("leads/pipelines/{WHOLESALE}"), "").is(204);
    for path in [format!("leads/pipelines/{WHOLESALE}"), format!("{path}/142"), "leads/pipelines/1".to_owned()] {
        assert_eq!(s.send("DELETE", &path, "").is(400).errors(), ["NotSupportedChoice id"], "{path}");
    }
}

#[test]
fn errors_of_a_pipeline_have_code_and_path() {
    let s = Running::unlimited();
    let good = json!({"name": "а", "sort": 1, "is_main": false, "is_unsorted_on": true});
    let with = |key: &str, value: Value| {
        let mut pipeline = good.clone();
        pipeline[key] = value;
        pipeline
    };
    for (item, wanted) in [
        (with("name", Value::Null), "FieldMissing name"),
        (with("is_main", json!(1)), "InvalidType is_main"),
        (with("nonsense", json!(1)), "FieldNotExpected nonsense"),
        (with("_embedded", json!({"stages": []})), "FieldNotExpected _embedded.stages"),
        (with("_embedded", json!({"statuses": [{}]})), "FieldMissing _embedded.statuses.0.name"),
        (
            with("_embedded", json!({"statuses": [{"name": "а", "color": "#000000"}]})),
            "NotSupportedChoice _embedded.statuses.0.color",
        ),
        (
            with("_embedded", json!({"statuses": [{"name": "а", "id": 7}]})),
            "NotSupportedChoice _embedded.statuses.0.id",
        ),
    ] {
        assert_eq!(s.post("leads/pipelines", json!([item])).is(400).errors(), [wanted], "{item}");
    }
    let stages = format!("leads/pipelines/{MAIN}/statuses");
    for (item, wanted) in [
        (json!({"name": "а"}), "FieldMissing sort"),
        (json!({"name": "а", "sort": 1, "color": "red"}), "NotSupportedChoice color"),
        (json!({"name": "а", "sort": 1, "type": 1}), "FieldNotExpected type"),
    ] {
        assert_eq!(s.post(&stages, json!([item])).is(400).errors(), [wanted], "{item}");
    }
    let unsorted = s.status(MAIN, "Неразобранное");
    for id in [142, 143, unsorted, 1] {
        assert_eq!(
            s.patch(&format!("{stages}/{id}"), json!({"name": "а"})).is(400).errors(),
            ["NotSupportedChoice id"]
        );
    }
    let demoted = s.patch(&format!("leads/pipelines/{MAIN}"), json!({"is_main": false}));
    assert_eq!(demoted.is(400).errors(), ["NotSupportedChoice is_main"]);
    let many: Vec<Value> = (0..49).map(|_| good.clone()).collect();
    assert_eq!(s.post("leads/pipelines", json!(many)).is(400).errors(), ["TooMany "]);
    let many: Vec<Value> = (0..94).map(|i| json!({"name": "а", "sort": i})).collect();
    assert_eq!(s.post(&stages, json!(many)).is(400).errors(), ["TooMany "]);
}

#[test]
fn sources_are_created_and_updated() {
    let s = Running::unlimited();
    let new = json!([{"name": "Телефон", "external_id": "phone", "pipeline_id": WHOLESALE, "request_id": "т"}]);
    let answer = s.post("sources", new).is(200).json();
    let made = first(&answer).clone();
    assert_eq!(
        keys(&made),
        ["id", "name", "pipeline_id", "external_id", "services", "default", "origin_code", "request_id", "_links"]
    );
    let found = s.get("sources?filter[external_id][]=phone").is(200).json();
    assert_eq!((&found["_total_items"], &first(&found)["id"]), (&json!(1), &made["id"]));
    let changed = s.patch("sources", json!([{"id": made["id"], "default": true}])).is(200).json();
    assert_eq!((&first(&changed)["default"], &first(&changed)["name"]), (&json!(true), &json!("Телефон")));
    let path = format!("sources/{}", made["id"]);
    assert_eq!(s.patch(&path, json!({"name": "Звонки"})).is(200).json()["name"], "Звонки");
    let lead = json!({"_embedded": {"source": {"external_id": "phone", "type": "widget"}}});
    assert_eq!(s.lead(s.made("leads", lead))["source_id"], made["id"]);
    for (item, wanted) in [
        (json!({"name": "а"}), "FieldMissing external_id"),
        (json!({"name": "а", "external_id": "site"}), "SourceAlreadyExists external_id"),
        (json!({"name": "а", "external_id": true}), "InvalidType external_id"),
        (json!({"name": "а", "external_id": 5.5}), "InvalidType external_id"),
        (json!({"name": "а", "external_id": "x", "pipeline_id": 1}), "NotSupportedChoice pipeline_id"),
        (json!({"name": "а", "external_id": "x", "id": 1}), "FieldNotExpected id"),
    ] {
        assert_eq!(s.post("sources", json!([item])).is(400).errors(), [wanted], "{item}");
    }
    s.send("DELETE", &path, "").is(204);
    s.get(&path).is(204);
}

#[test]
fn unsorted_leads_are_created_from_forms_and_calls() {
    let s = Running::unlimited();
    let form = json!({"form_id": "f1", "form_name": "Заявка", "form_page": "example.com", "form_sent_at": NOW});
    let call = json!({"from": 79990000000_u64, "phone": "1", "called_at": NOW, "duration": 5, "service_code": "s",
        "is_call_event_needed": true, "link": "https://example.com/1"});
    let item = |metadata: &Value| {
        json!({"source_name": "Сайт", "source_uid": "u1", "metadata": metadata, "pipeline_id": WHOLESALE,
            "created_at": 100, "_embedded": {"leads": [{"name": "Из формы", "tags_to_add": [{"name": "сайт"}]}],
                "contacts": [{"name": "Анна"}], "companies": [{"name": "ООО Лес"}]}})
    };
    let answer = s.post("leads/unsorted/forms", json!([item(&form)])).is(200).json();
    let waiting = first(&answer);
    assert_eq!(keys(waiting), ["uid", "account_id", "request_id", "_links"]);
    assert_eq!((waiting["uid"].as_str().map(str::len), &waiting["request_id"]), (Some(32), &json!("0")));
    assert_eq!(s.people(), [1, 1, 1]);
    let lead = s.get("leads?with=contacts").is(200).json();
    let lead = first(&lead);
    let unsorted = s.status(WHOLESALE, "Неразобранное");
    assert_eq!((&lead["status_id"], &lead["created_at"]), (&json!(unsorted), &json!(100)));
    assert_eq!(lead["_embedded"]["contacts"].as_array().map(Vec::len), Some(1));
    s.post("leads/unsorted/sip", json!([{"source_name": "а", "source_uid": "б", "metadata": call}])).is(200);
    assert_eq!(s.people(), [2, 1, 1]);
    let with = |key: &str, value: Value| {
        let mut item = item(&form);
        item[key] = value;
        item
    };
    for (item, wanted) in [
        (with("source_uid", Value::Null), "FieldMissing source_uid"),
        (with("metadata", Value::Null), "FieldMissing metadata"),
        (with("metadata", json!({"phone": "1"})), "FieldNotExpected metadata.phone"),
        (with("metadata", json!({"category": "forms"})), "FieldNotExpected metadata.category"),
        (with("metadata", json!({"form_sent_at": "x"})), "InvalidType metadata.form_sent_at"),
        (with("pipeline_id", json!(1)), "NotSupportedChoice pipeline_id"),
        (with("nonsense", json!(1)), "FieldNotExpected nonsense"),
        (with("_embedded", json!({"leads": [{}, {}]})), "TooMany _embedded.leads"),
        (with("_embedded", json!({"leads": [{"price": "x"}]})), "InvalidType _embedded.leads.0.price"),
        (with("_embedded", json!({"tags": []})), "FieldNotExpected _embedded.tags"),
    ] {
        assert_eq!(s.post("leads/unsorted/forms", json!([item])).is(400).errors(), [wanted], "{item}");
    }
    assert_eq!(s.people(), [2, 1, 1]);
}

#[test]
fn events_report_creations() {
    let s = Running::unlimited();
    s.get("events").is(204);
    let lead = s.made("leads", json!({"name": "а", "created_at": 100}));
    s.now.fetch_add(10, Ordering::SeqCst);
    let contact = s.made("contacts", json!({"name": "б"}));
    s.patch(&format!("leads/{lead}"), json!({"name": "в"})).is(200);
    let read = |query: &str| -> Vec<(String, u64)> {
        let answer = s.get(&format!("events?{query}"));
        if answer.status == 204 {
            return Vec::new();
        }
        let body = answer.is(200).json();
        let events = body["_embedded"]["events"].as_array().expect("events").clone();
        let told =
            |e: &Value| (e["type"].as_str().expect("a type").to_owned(), e["entity_id"].as_u64().expect("an id"));
        events.iter().map(told).collect()
    };
    let (made_lead, made_contact) = (("lead_added".to_owned(), lead), ("contact_added".to_owned(), contact));
    for (query, wanted) in [
        (String::new(), vec![made_contact.clone(), made_lead.clone()]),
        ("filter[type]=lead_added".to_owned(), vec![made_lead.clone()]),
        ("filter[type]=company_added,contact_added".to_owned(), vec![made_contact.clone()]),
        ("filter[type][]=lead_added&filter[type][]=contact_added&limit=1&page=2".to_owned(), vec![made_lead.clone()]),
        ("filter[entity][]=contact".to_owned(), vec![made_contact.clone()]),
        (format!("filter[entity_id][]={lead}"), vec![made_lead.clone()]),
        (format!("filter[created_at]={},{}", NOW + 1, NOW + 100), vec![made_contact.clone()]),
        (format!("filter[created_at][to]={NOW}"), vec![made_lead.clone()]),
        ("filter[created_by][]=500003".to_owned(), vec![]),
        ("filter[created_by][]=500001&filter[type]=lead_added".to_owned(), vec![made_lead.clone()]),
    ] {
        assert_eq!(read(&query), wanted, "{query}");
    }
    let event = s.get("events?filter[type]=lead_added").is(200).json()["_embedded"]["events"][0].clone();
    assert_eq!((&event["created_at"], &event["entity_type"]), (&json!(NOW), &json!("lead")));
    let many: Vec<Value> = (0..101).map(|_| json!({})).collect();
    s.post("companies", json!(many)).is(200);
    assert_eq!(read("limit=250").len(), 100);
}
