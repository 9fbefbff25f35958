//! Reads: lists, pages, filters, the account, and the shapes of the documents' examples.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use amo_model::parts::Basics;
use amo_sandbox::{AccountTemplate, Options, Sandbox, Switches};
use serde_json::{Value, json};

use crate::{CATEGORIES, FURNITURE, IVAN, MAIN, NOW, Running, WHOLESALE, ids, no_limit, shape};

#[test]
fn lists_lag_and_reads_by_id_do_not() {
    // Half a second, on a clock that only the test moves.
    let s = Running::with(json!({"list_lag_s": 0.5}));
    let customer = s.made("customers", json!({"name": "К"}));
    let purchase = s.made_of(customer);
    let element = s.element(CATEGORIES, json!({"name": "Э"}));
    let of = |kind: &str| s.made(kind, json!({"name": "Новая"}));
    let made = [
        ("leads".to_owned(), "leads", of("leads")),
        ("contacts".to_owned(), "contacts", of("contacts")),
        ("companies".to_owned(), "companies", of("companies")),
        ("customers".to_owned(), "customers", customer),
        ("customers/transactions".to_owned(), "transactions", purchase),
        (format!("customers/{customer}/transactions"), "transactions", purchase),
        (format!("catalogs/{CATEGORIES}/elements"), "elements", element),
    ];
    let shows = |(path, key, id): &(String, &str, u64)| {
        ["", "&order[id]=desc", &format!("&filter[id][]={id}")].map(|query| {
            let answer = s.get(&format!("{path}?limit=250{query}"));
            answer.status == 200 && ids(&answer.json(), key).contains(id)
        })
    };
    for list in &made {
        assert_eq!(shows(list), [false; 3], "{list:?}");
        s.get(&format!("{}/{}", list.0, list.2)).is(200);
    }
    s.get("events").is(204);
    s.now.fetch_add(1, Ordering::SeqCst);
    for list in &made {
        assert_eq!(shows(list), [true; 3], "{list:?}");
    }
    assert!(s.get("events").status == 200);
}

#[test]
fn a_lag_may_be_a_fraction_of_a_second() {
    let options = Options { switches: Switches { list_lag_s: 0.3, ..no_limit() }, ..Options::default() };
    let s = Running { sandbox: Sandbox::start(options).expect("a free port"), now: Arc::default() };
    let begun = Instant::now();
    let lead = s.made("leads", json!({}));
    s.get(&format!("leads/{lead}")).is(200);
    while s.get("leads").status == 204 {
        std::thread::sleep(Duration::from_millis(10));
    }
    assert!(begun.elapsed() >= Duration::from_millis(299), "{:?}", begun.elapsed());
}

#[test]
fn the_leads_of_the_seed_get_the_answer_of_the_seed() {
    let s = Running::unlimited();
    let city = s.field("leads", "Город");
    s.made("leads", json!({"tags_to_add": [{"name": "старый"}]}));
    let tag = s.get("leads/tags").is(200).json()["_embedded"]["tags"][0]["id"].clone();
    let answer = s
        .post(
            "leads",
            json!([
                {
                    "name": "Сделка для примера 1", "created_by": 0, "price": 20000,
                    "custom_fields_values": [{"field_id": city, "values": [{"value": "Наш первый клиент"}]}],
                    "tags_to_add": [{"name": "Первый тег"}, {"id": tag}]
                },
                {"name": "Сделка для примера 2", "price": 10000, "_embedded": {"tags": [{"id": tag}]}}
            ]),
        )
        .is(200)
        .has_type("application/hal+json")
        .json();
    let item = |id: &str| json!({"id": "number", "request_id": id, "_links": {"self": {"href": "string"}}});
    assert_eq!(
        shape(&answer),
        json!({"_links": {"self": {"href": "string"}}, "_embedded": {"leads": [item("string")]}})
    );
    let leads = &answer["_embedded"]["leads"];
    assert_eq!((&leads[0]["request_id"], &leads[1]["request_id"]), (&json!("0"), &json!("1")));
    let (first, second) = (leads[0]["id"].as_u64().expect("id"), leads[1]["id"].as_u64().expect("id"));
    assert_eq!(second, first + 2);
    let lead = s.lead(first);
    assert_eq!(lead["created_by"], 0);
    assert_eq!(lead["_embedded"]["tags"].as_array().map(Vec::len), Some(2));
    assert_eq!(lead["custom_fields_values"][0]["values"], json!([{"value": "Наш первый клиент"}]));
    assert_eq!(lead["_links"]["self"]["href"], format!("{}/api/v4/leads/{first}", s.sandbox.url()));
}

#[test]
fn a_lead_has_the_keys_of_the_seed() {
    let s = Running::unlimited();
    let contact = s.made("contacts", json!({"name": "Екатерина"}));
    let company = s.made("companies", json!({"name": "ООО Рога и Копыта"}));
    let id = s.made(
        "leads",
        json!({"name": "Example", "price": 12, "status_id": 143, "pipeline_id": MAIN, "loss_reason_id": 4_200_003,
            "tags_to_add": [{"name": "тест"}],
            "_embedded": {"contacts": [{"id": contact, "is_main": true}], "companies": [{"id": company}]}}),
    );
    let lead = s.get(&format!("leads/{id}?with=contacts,loss_reason,catalog_elements,is_price_modified_by_robot"));
    let link = json!({"self": {"href": "string"}});
    assert_eq!(
        shape(&lead.is(200).json()),
        json!({
            "id": "number", "name": "string", "price": "number", "responsible_user_id": "number",
            "group_id": "number", "status_id": "number", "pipeline_id": "number", "loss_reason_id": "number",
            "source_id": "null", "created_by": "number", "updated_by": "number", "created_at": "number",
            "updated_at": "number", "closed_at": "number", "closest_task_at": "null", "is_deleted": "bool",
            "custom_fields_values": "null", "score": "null", "account_id": "number", "labor_cost": "null",
            "is_price_modified_by_robot": "bool", "_links": link,
            "_embedded": {
                "tags": [{"id": "number", "name": "string", "color": "null"}], "catalog_elements": [],
                "loss_reason": [{"id": "number", "name": "string", "sort": "number", "created_at": "number",
                    "updated_at": "number", "_links": link}],
                "companies": [{"id": "number", "_links": link}],
                "contacts": [{"id": "number", "is_main": "bool", "_links": link}]
            }
        })
    );
    let plain = s.get(&format!("leads/{id}")).is(200).json();
    let keys: Vec<&String> = plain["_embedded"].as_object().expect("embedded").keys().collect();
    assert_eq!(keys, ["tags", "companies"]);
}

#[test]
fn lists_are_paged_as_the_seed_shows() {
    let s = Running::unlimited();
    s.get("leads").is(204);
    let five: Vec<Value> = (0..5).map(|i| json!({"name": format!("Сделка {i}")})).collect();
    s.post("leads", json!(five)).is(200);
    let page = s.get("leads?limit=2&page=2").is(200).has_type("application/hal+json").json();
    assert_eq!(page["_page"], 2);
    let url = |n: u32| json!({"href": format!("{}/api/v4/leads?limit=2&page={n}", s.sandbox.url())});
    assert_eq!(page["_links"], json!({"self": url(2), "next": url(3), "first": url(1), "prev": url(1)}));
    assert_eq!(page["_embedded"]["leads"].as_array().map(Vec::len), Some(2));
    let last = s.get("leads?limit=2&page=3").is(200).json();
    assert_eq!(last["_links"].get("next"), None);
    s.get("leads?limit=2&page=4").is(204);
    let newest = s.get("leads?order[id]=desc&limit=1").is(200).json();
    assert_eq!(newest["_embedded"]["leads"][0]["name"], "Сделка 4");
    s.get("leads/999").is(204);
    let many: Vec<Value> = (0..250).map(|_| json!({})).collect();
    s.post("leads", json!(many)).is(200);
    s.post("leads", json!(many)).is(200);
    assert_eq!(s.get("leads?limit=500").json()["_embedded"]["leads"].as_array().map(Vec::len), Some(250));
    assert_eq!(s.get("leads").json()["_embedded"]["leads"].as_array().map(Vec::len), Some(50));
}

#[test]
fn filters_work_and_unknown_ones_are_ignored() {
    let s = Running::unlimited();
    let talks = s.status(MAIN, "Переговоры");
    let order = s.status(WHOLESALE, "Заявка");
    let fields = json!([{"field_code": "ORDER_NO", "values": [{"value": "З-17"}]}]);
    let a = s.made("leads", json!({"name": "А", "created_at": 100, "updated_at": 900, "status_id": talks}));
    let b = s.made("leads", json!({"name": "Б", "created_at": 200, "updated_at": 800, "responsible_user_id": IVAN}));
    let c = s.made(
        "leads",
        json!({"name": "В", "created_at": 300, "updated_at": 700, "status_id": order,
        "pipeline_id": WHOLESALE, "custom_fields_values": fields}),
    );
    let found = |query: &str| -> Vec<u64> {
        let answer = s.get(&format!("leads?{query}"));
        if answer.status == 204 {
            return Vec::new();
        }
        let body = answer.is(200).json();
        let leads = body["_embedded"]["leads"].as_array().expect("leads");
        leads.iter().map(|l| l["id"].as_u64().expect("id")).collect()
    };
    for (query, wanted) in [
        (format!("filter[id][]={a}&filter[id][]={c}"), vec![a, c]),
        (format!("filter%5Bid%5D={b}"), vec![b]),
        ("filter[created_at][from]=200".to_owned(), vec![b, c]),
        ("filter[created_at][from]=200&filter[created_at][to]=200".to_owned(), vec![b]),
        ("filter[updated_at][to]=800".to_owned(), vec![b, c]),
        ("filter[name]=%D0%91".to_owned(), vec![b]),
        (format!("filter[responsible_user_id]={IVAN}"), vec![b]),
        (format!("filter[pipeline_id]={WHOLESALE}"), vec![c]),
        (format!("filter[statuses][0][pipeline_id]={MAIN}&filter[statuses][0][status_id]={talks}"), vec![a]),
        ("filter[status_id]=1".to_owned(), vec![a, b, c]),
        ("filter[nonsense][x]=1&order[price]=desc".to_owned(), vec![a, b, c]),
        ("filter[custom_fields_values][600102][]=1".to_owned(), vec![a, b, c]),
        ("query=%D0%97-17".to_owned(), vec![c]),
        ("query=nothing".to_owned(), vec![]),
        ("order[updated_at]=asc".to_owned(), vec![c, b, a]),
        ("order[created_at]=desc".to_owned(), vec![c, b, a]),
        ("order[id]=sideways".to_owned(), vec![a, b, c]),
        ("with=only_deleted".to_owned(), vec![]),
    ] {
        assert_eq!(found(&query), wanted, "{query}");
    }
    // Contacts are ordered by their last change, and `created_at` does not order them.
    let x = s.made("contacts", json!({"name": "Я", "created_at": 1, "updated_at": 20}));
    let y = s.made("contacts", json!({"name": "А", "created_at": 2, "updated_at": 10}));
    for (query, wanted) in
        [("", [y, x]), ("order[created_at]=asc", [y, x]), ("order[id]=asc", [x, y]), ("order[name]=asc", [y, x])]
    {
        let body = s.get(&format!("contacts?{query}")).is(200).json();
        let ids = [&body["_embedded"]["contacts"][0]["id"], &body["_embedded"]["contacts"][1]["id"]];
        assert_eq!(ids, [&json!(wanted[0]), &json!(wanted[1])], "{query}");
    }
}

#[test]
fn settings_of_the_account_are_embedded_and_its_offset_is_that_of_its_zone() {
    let s = Running::unlimited();
    let read = || s.get("account?with=datetime_settings,amojo_rights,version").is(200).json();
    let account = read();
    assert_eq!(account["_embedded"]["datetime_settings"]["timezone"], "Europe/Moscow");
    assert_eq!(account["_embedded"]["datetime_settings"]["timezone_offset"], "+03:00");
    assert_eq!(account["_embedded"]["amojo_rights"]["can_direct"], true);
    assert_eq!((account.get("datetime_settings"), &account["version"]), (None, &json!(11)));
    s.switch("account_settings_outside", json!(true));
    let outside = read();
    assert_eq!(outside["datetime_settings"], account["_embedded"]["datetime_settings"]);
    assert_eq!((outside["amojo_rights"]["can_direct"].as_bool(), outside.get("_embedded")), (Some(true), None));
}

/// The built-in account in another time zone.
fn in_zone(timezone: &str) -> Running {
    let basics = Basics {
        name: "Волга".to_owned(),
        subdomain: "volga".to_owned(),
        current_user: 500_001,
        timezone: Some(timezone.to_owned()),
        ..Basics::default()
    };
    let like = AccountTemplate {
        basics,
        pipelines: Vec::new(),
        users: Vec::new(),
        loss_reasons: Vec::new(),
        catalogs: Vec::new(),
        fields: BTreeMap::new(),
        segments: Vec::new(),
        customer_statuses: Vec::new(),
        elements: BTreeMap::new(),
    };
    Running::of(Options { like: Some(like), switches: no_limit(), ..Options::default() })
}

#[test]
fn the_offset_follows_the_zone_and_the_time_of_the_year() {
    const JULY: i64 = 1_784_116_800;
    for (zone, in_november, in_july) in [
        ("Asia/Vladivostok", "+10:00", "+10:00"),
        ("Asia/Kolkata", "+05:30", "+05:30"),
        ("Asia/Kathmandu", "+05:45", "+05:45"),
        ("Europe/Berlin", "+01:00", "+02:00"),
        ("America/St_Johns", "-03:30", "-02:30"),
        ("UTC", "+00:00", "+00:00"),
    ] {
        let s = in_zone(zone);
        for (now, offset) in [(NOW, in_november), (JULY, in_july)] {
            s.now.store(now, Ordering::SeqCst);
            let account = s.get("account?with=datetime_settings").is(200).json();
            let settings = &account["_embedded"]["datetime_settings"];
            assert_eq!([&settings["timezone"], &settings["timezone_offset"]], [zone, offset]);
        }
    }
    let nowhere = in_zone("Nowhere/Land").get("account?with=datetime_settings").is(200).json();
    assert_eq!(nowhere["_embedded"]["datetime_settings"]["timezone_offset"], Value::Null);
}

#[test]
fn all_parts_of_the_account_can_be_read() {
    let s = Running::unlimited();
    let account = s.get("account").is(200).json();
    assert_eq!((&account["currency"], &account["country"]), (&json!("RUB"), &json!("RU")));
    assert_eq!(account.get("_embedded"), None);
    let pipelines = s.get("leads/pipelines?limit=1&page=2").is(200).json();
    assert_eq!(pipelines["_total_items"], 2);
    assert_eq!(pipelines["_embedded"]["pipelines"][1]["_embedded"]["statuses"].as_array().map(Vec::len), Some(7));
    let users = s.get("users?limit=2&page=2").is(200).json();
    assert_eq!([&users["_total_items"], &users["_page_count"], &users["_page"]], [5, 3, 2]);
    assert_eq!(s.get("users/500009").json()["rights"]["is_active"], false);
    assert_eq!(s.get("leads/loss_reasons").is(200).json()["_embedded"]["loss_reasons"][0]["name"], "Дорого");
    let catalogs = s.get("catalogs").is(200).json();
    assert_eq!(catalogs["_embedded"]["catalogs"][1]["name"], "Счета");
    for entity in
        ["leads", "contacts", "companies", "customers", "customers/segments", "catalogs/1001", "catalogs/1003"]
    {
        let fields = s.get(&format!("{entity}/custom_fields?limit=1")).is(200).json();
        assert!(fields["_links"]["next"].is_object(), "{entity}");
        let id = &fields["_embedded"]["custom_fields"][0]["id"];
        assert_eq!(&s.get(&format!("{entity}/custom_fields/{id}")).is(200).json()["id"], id);
    }
    let dates = s.get("leads/custom_fields?filter[type][0]=date").is(200).json();
    assert_eq!(dates["_total_items"], 1);
}

#[test]
fn values_are_read_back_as_the_service_stores_them() {
    let s = Running::unlimited();
    let onion = s.option("leads", "Интересы", "Обучение");
    for (name, sent, kept) in [
        ("Скидка, %", json!([{"value": 12.5}]), json!([{"value": "12.5"}])),
        ("Скидка, %", json!([{"value": "7"}]), json!([{"value": "7"}])),
        ("Предоплата", json!([{"value": 100}]), json!([{"value": "100"}])),
        ("Срочно", json!([{"value": true}]), json!([{"value": true}])),
        ("Дата отгрузки", json!([{"value": 1_634_601_600}]), json!([{"value": 1_634_590_800}])),
        ("Дата отгрузки", json!([{"value": "2021-10-19T00:00:00+03:00"}]), json!([{"value": 1_634_590_800}])),
        ("Встреча", json!([{"value": 1_634_601_600}]), json!([{"value": 1_634_601_600}])),
        ("День рождения", json!([{"value": "1969-05-09T00:00:00+03:00"}]), json!([{"value": -20_487_600}])),
        ("Комментарий", json!([{"value": "раз\nдва"}]), json!([{"value": "раз\nдва"}])),
        (
            "Интересы",
            json!([{"value": "Обучение"}, {"value": "Аренда, лизинг"}]),
            json!([{"value": "Обучение", "enum_id": onion, "enum_code": null},
                {"value": "Аренда, лизинг", "enum_id": onion + 4, "enum_code": null}]),
        ),
        (
            "Адрес объекта",
            json!([{"value": "Москва", "enum_code": "city"}, {"value": "RU", "enum_id": 6}]),
            json!([{"value": "Москва", "enum_id": 3, "enum_code": "city"},
                {"value": "RU", "enum_id": 6, "enum_code": "country"}]),
        ),
        (
            "Категория товара",
            json!([{"catalog_id": 1005, "catalog_element_id": FURNITURE}]),
            json!([{"catalog_id": 1005, "catalog_element_id": FURNITURE}]),
        ),
        (
            "Документ",
            json!([{"value": {"file_uuid": "a-b", "file_name": "a.pdf"}}]),
            json!([{"value": {"file_uuid": "a-b", "file_name": "a.pdf"}}]),
        ),
    ] {
        let field = s.field("leads", name);
        let id = s.made("leads", json!({"custom_fields_values": [{"field_id": field, "values": sent}]}));
        assert_eq!(s.lead(id)["custom_fields_values"][0]["values"], kept, "{name} {sent}");
    }
    let field = s.field("leads", "Реквизиты");
    let value = json!({"name": "ООО Ромашка", "vat_id": "7701234567", "entity_type": 2});
    let id = s.made("leads", json!({"custom_fields_values": [{"field_id": field, "values": [{"value": value}]}]}));
    let read = s.lead(id)["custom_fields_values"][0]["values"][0]["value"].clone();
    assert_eq!((&read["vat_id"], read.get("unp")), (&json!("7701234567"), Some(&Value::Null)));
}

#[test]
fn contacts_and_companies_are_created_and_shown() {
    let s = Running::unlimited();
    let phones = json!([{"value": "+79991234567"}, {"value": "+78121234567", "enum_code": "MOB"}]);
    let answer = s
        .post(
            "contacts",
            json!([{"first_name": "Екатерина", "last_name": "Орлова", "request_id": "к1",
                "custom_fields_values": [{"field_code": "PHONE", "values": phones}], "tags_to_add": [{"name": "вип"}]}]),
        )
        .is(200)
        .json();
    let item = &answer["_embedded"]["contacts"][0];
    let keys: Vec<&String> = item.as_object().expect("an item").keys().collect();
    assert_eq!(keys, ["id", "is_deleted", "is_unsorted", "request_id", "_links"]);
    assert_eq!(item["request_id"], "к1");
    let contact = s.get(&format!("contacts/{}", item["id"])).is(200).json();
    assert_eq!(contact["name"], "Екатерина Орлова");
    let phones = &contact["custom_fields_values"][0];
    assert_eq!((&phones["field_code"], &phones["field_type"]), (&json!("PHONE"), &json!("multitext")));
    assert_eq!((&phones["values"][0]["enum_code"], &phones["values"][1]["enum_code"]), (&json!("WORK"), &json!("MOB")));
    assert_eq!(s.get("companies/tags").status, 204);
    let company = s.post("companies", json!([{"name": "ООО Рога и Копыта"}])).is(200).json();
    let keys: Vec<String> =
        company["_embedded"]["companies"][0].as_object().expect("an item").keys().cloned().collect();
    assert_eq!(keys, ["id", "request_id", "_links"]);
    let changed = s.patch("companies", json!([{"id": company["_embedded"]["companies"][0]["id"], "name": "АО"}]));
    let keys: Vec<String> =
        changed.is(200).json()["_embedded"]["companies"][0].as_object().expect("an item").keys().cloned().collect();
    assert_eq!(keys, ["id", "name", "updated_at", "_links"]);
}
