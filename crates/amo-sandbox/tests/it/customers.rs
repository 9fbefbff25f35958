//! Customers: modes, writes and reads, lists, bonus points.

use std::sync::atomic::Ordering;

use serde_json::{Value, json};

use crate::{IVAN, NOW, Running, ids, keys, no_limit, shape};

const VIP: u64 = 51;
const REGULAR: u64 = 53;

#[test]
fn the_mode_needs_both_keys_and_is_echoed() {
    let s = Running::unlimited();
    for (body, wanted) in [
        (json!({}), vec!["FieldMissing mode", "FieldMissing is_enabled"]),
        (json!({"mode": "segments"}), vec!["FieldMissing is_enabled"]),
        (json!({"mode": "weekly", "is_enabled": true}), vec!["NotSupportedChoice mode"]),
        (json!({"mode": 1, "is_enabled": "yes"}), vec!["InvalidType mode", "InvalidType is_enabled"]),
        (json!({"mode": "segments", "is_enabled": true, "x": 1}), vec!["FieldNotExpected x"]),
    ] {
        let answer = s.patch("customers/mode", body.clone()).is(400).has_type("application/problem+json");
        assert_eq!(answer.errors(), wanted, "{body}");
    }
    for body in ["", "nonsense", "[]", "1"] {
        s.send("PATCH", "customers/mode", body).is(400);
    }
    let mode = |s: &Running| s.get("account").json()["customers_mode"].clone();
    assert_eq!(mode(&s), "segments");
    for (sent, wanted) in [
        (json!({"mode": "periodicity", "is_enabled": true}), "periodicity"),
        (json!({"mode": "segments", "is_enabled": false}), "disabled"),
        (json!({"mode": "segments", "is_enabled": true}), "segments"),
    ] {
        let answer = s.patch("customers/mode", sent.clone()).is(200).has_type("application/hal+json");
        assert_eq!((answer.json(), mode(&s)), (sent, json!(wanted)));
    }
    s.switch("customers_unpaid", json!(true));
    s.patch("customers/mode", json!({"mode": "periodicity", "is_enabled": true})).is(402);
    s.patch("customers/mode", json!({"mode": "periodicity", "is_enabled": false})).is(200);
    s.get("customers/mode").is(405);
}

#[test]
fn the_mode_survives_a_restart_and_not_a_reset() {
    let folder = tempfile::tempdir().expect("a folder");
    let state = folder.path().join("state");
    let mode = |s: &Running| s.get("account").json()["customers_mode"].clone();
    Running::start(Some(&state), no_limit()).mode("periodicity", true);
    let s = Running::start(Some(&state), no_limit());
    assert_eq!(mode(&s), "periodicity");
    s.control("POST", "reset?keep=world", "").is(200);
    assert_eq!(mode(&s), "periodicity");
    s.control("POST", "reset", "").is(200);
    assert_eq!(mode(&s), "segments");
    drop(s);
    assert_eq!(mode(&Running::start(Some(&state), no_limit())), "segments");
}

#[test]
fn routes_for_administrators_are_403_for_others() {
    let s = Running::with(json!({"token_is_admin": false}));
    s.patch("customers/mode", json!({"mode": "segments", "is_enabled": true})).is(403);
    s.post("customers/segments", json!({"name": "a"})).is(403).has_type("application/problem+json");
    s.patch("customers/segments/51", json!({"name": "a"})).is(403);
    s.delete("customers/segments/51").is(403);
    s.get("customers/segments").is(200);
    s.made("customers", json!({"name": "a"}));
    s.switch("token_is_admin", json!(true));
    s.mode("periodicity", true);
    s.switch("token_is_admin", json!(false));
    s.post("customers/statuses", json!([{"name": "a", "sort": 1}])).is(403);
    s.patch("customers/statuses/4740003", json!({"name": "a"})).is(403);
    s.delete("customers/statuses/4740003").is(403);
    s.get("customers/statuses").is(200);
}

#[test]
fn switched_off_customers_have_three_responses() {
    let s = Running::unlimited();
    let id = s.made("customers", json!({"name": "a"}));
    s.mode("segments", false);
    let paths = [
        ("customers".to_owned(), 400),
        (format!("customers/{id}"), 400),
        ("customers/transactions".to_owned(), 400),
        (format!("customers/{id}/links"), 400),
        ("customers/tags".to_owned(), 400),
        ("customers/segments".to_owned(), 422),
        ("customers/statuses".to_owned(), 422),
        ("customers/custom_fields".to_owned(), 422),
        ("customers/segments/custom_fields".to_owned(), 422),
        ("customers/custom_fields/groups".to_owned(), 422),
    ];
    let detail = |status| if status == 400 { "Error 426." } else { "Customers disabled" };
    for (path, status) in &paths {
        assert_eq!(s.get(path).is(*status).json()["detail"], detail(*status), "{path}");
    }
    s.post("customers", json!([{"name": "b"}])).is(400);
    s.post("customers/segments/custom_fields", json!([{"name": "b", "type": "text"}])).is(422);
    s.switch("customers_off_422", json!(true));
    for (path, _) in &paths {
        assert_eq!(s.get(path).is(422).json()["detail"], "Customers disabled", "{path}");
    }
    s.mode("segments", true);
    s.get(&format!("customers/{id}")).is(200);
}

#[test]
fn errors_of_a_customer_have_code_and_path() {
    let s = Running::unlimited();
    let p = Running::periodic();
    let named = |key: &str, value: Value| json!({"name": "a", "next_date": NOW, key: value});
    let of = |key: &str, value: Value| named("_embedded", json!({key: value}));
    for (server, item, wanted) in [
        (&s, json!({}), "FieldMissing name"),
        (&s, json!({"name": 1}), "InvalidType name"),
        (&s, json!({"name": " "}), "NotBlank name"),
        (&s, named("nonsense", json!(1)), "FieldNotExpected nonsense"),
        (&s, named("ltv", json!(1)), "FieldNotExpected ltv"),
        (&s, named("id", json!(1)), "FieldNotExpected id"),
        (&s, named("next_price", json!("1")), "InvalidType next_price"),
        (&s, named("next_price", json!(1.5)), "InvalidType next_price"),
        (&s, named("next_date", json!("завтра")), "InvalidType next_date"),
        (&s, named("periodicity", json!("1")), "InvalidType periodicity"),
        (&s, named("responsible_user_id", json!(1)), "NotSupportedChoice responsible_user_id"),
        (&s, named("status_id", json!(4_740_005)), "FieldNotExpected status_id"),
        (&s, named("tags_to_delete", json!([])), "FieldNotExpected tags_to_delete"),
        (&s, named("request_id", json!(1)), "InvalidType request_id"),
        (&s, of("segments", json!([{"id": 1}])), "NotSupportedChoice _embedded.segments.0.id"),
        (&s, of("segments", json!([{"id": "VIP"}])), "InvalidType _embedded.segments.0.id"),
        (&s, of("segments", json!([{}])), "FieldMissing _embedded.segments.0.id"),
        (&s, of("segments", json!([{"id": VIP, "name": "VIP"}])), "FieldNotExpected _embedded.segments.0.name"),
        (&s, of("segments", json!({"id": VIP})), "InvalidType _embedded.segments"),
        (&s, of("contacts", json!([{"id": 1}])), "FieldNotExpected _embedded.contacts"),
        (&p, json!({"name": "a"}), "FieldMissing next_date"),
        (&p, named("status_id", json!(142)), "NotSupportedChoice status_id"),
        (&p, named("status_id", json!("142")), "InvalidType status_id"),
        (&p, of("segments", json!([{"id": VIP}])), "FieldNotExpected _embedded.segments"),
    ] {
        let answer = server.post("customers", json!([item])).is(400);
        assert_eq!(answer.errors().first().map(String::as_str), Some(wanted), "{item}");
    }
    assert_eq!(s.count("customers") + p.count("customers"), 0);
    for (item, wanted) in
        [(json!({"name": "a"}), "FieldMissing id"), (json!({"id": 1, "name": "a"}), "NotSupportedChoice id")]
    {
        assert_eq!(s.patch("customers", json!([item])).is(400).errors(), [wanted]);
    }
    s.patch("customers/1", json!({"name": "a"})).is(400);
}

/// The two customers of the example. [seed]
fn example(s: &Running) -> Value {
    json!([
        {"name": "Покупатель для примера 1", "created_by": 0, "custom_fields_values": [
            {"field_id": s.field("customers", "Код клиента"), "values": [{"value": "Наш первый покупатель"}]}]},
        {"name": "Покупатель для примера 2",
            "_embedded": {"tags": [{"name": "Важный покупатель"}], "segments": [{"id": VIP}]}}
    ])
}

#[test]
fn customers_are_created_and_shown_as_in_the_document() {
    let s = Running::unlimited();
    let answer = s.post("customers", example(&s)).is(200).has_type("application/hal+json").json();
    let made = answer["_embedded"]["customers"].as_array().expect("customers");
    assert_eq!((keys(&answer), keys(&made[0])), (vec!["_links", "_embedded"], vec!["id", "request_id", "_links"]));
    assert_eq!((&made[0]["request_id"], &made[1]["request_id"]), (&json!("0"), &json!("1")));
    let id = made[1]["id"].as_u64().expect("an id");
    let read = s.get(&format!("customers/{id}")).is(200).json();
    let wanted = [
        "id",
        "name",
        "next_price",
        "next_date",
        "responsible_user_id",
        "status_id",
        "periodicity",
        "created_by",
        "updated_by",
        "created_at",
        "updated_at",
        "closest_task_at",
        "is_deleted",
        "custom_fields_values",
        "ltv",
        "purchases_count",
        "average_check",
        "account_id",
        "_links",
        "_embedded",
    ];
    assert_eq!(keys(&read), wanted);
    for key in ["next_price", "periodicity", "ltv", "purchases_count", "average_check"] {
        assert_eq!(read[key], 0, "{key}");
    }
    for key in ["next_date", "closest_task_at", "custom_fields_values"] {
        assert_eq!(read[key], Value::Null, "{key}");
    }
    assert_eq!((&read["is_deleted"], &read["created_at"]), (&json!(false), &json!(NOW)));
    assert_eq!(keys(&read["_embedded"]), ["segments", "tags"]);
    let segment = json!({"id": "number", "_links": {"self": {"href": "string"}}});
    assert_eq!(shape(&read["_embedded"]["segments"][0]), segment);
    let href = read["_embedded"]["segments"][0]["_links"]["self"]["href"].as_str().expect("a link").to_owned();
    assert!(href.ends_with("/api/v4/customers/segments/51"), "{href}");
    assert_eq!(read["_embedded"]["tags"][0]["name"], "Важный покупатель");
    let asked = s.get(&format!("customers/{id}?with=contacts,companies,catalog_elements")).json();
    assert_eq!(keys(&asked["_embedded"]), ["segments", "tags", "contacts", "companies", "catalog_elements"]);
    let kept = s.kept("customers", id);
    assert_eq!((&kept["segments"], &kept["tags"]), (&json!(["VIP"]), &json!(["Важный покупатель"])));
    assert_eq!((&kept["contacts"], &kept["companies"]), (&json!([]), &json!([])));
    s.get("customers/1").is(204);
    s.switch("unknown_id_status", json!(404));
    s.get("customers/1").is(404);
    s.switch("created_status", json!(201));
    s.switch("customers_told", json!(true));
    let told = s.post("customers", json!([{"name": "a"}])).is(201).json()["_embedded"]["customers"][0].clone();
    let mut wanted = vec![
        "id",
        "name",
        "status_id",
        "created_by",
        "updated_by",
        "created_at",
        "updated_at",
        "account_id",
        "request_id",
        "_links",
    ];
    let mut found = keys(&told);
    wanted.sort_unstable();
    found.sort_unstable();
    assert_eq!(found, wanted);
}

#[test]
fn a_patch_of_a_customer_changes_only_its_keys() {
    let s = Running::unlimited();
    let answer = s.post("customers", example(&s)).is(200).json();
    let all = ids(&answer, "customers");
    s.now.fetch_add(60, Ordering::SeqCst);
    let change = json!([{"id": all[1], "name": "Новое название", "responsible_user_id": IVAN,
        "_embedded": {"tags": [{"name": "Тег 125"}]}}]);
    let answer = s.patch("customers", change.clone()).is(200).json();
    let item = &answer["_embedded"]["customers"][0];
    assert_eq!(keys(item), ["id", "updated_at", "request_id", "_links"]);
    assert_eq!((&item["updated_at"], &item["request_id"]), (&json!(NOW + 60), &json!("0")));
    let read = s.get(&format!("customers/{}", all[1])).json();
    assert_eq!((&read["name"], &read["responsible_user_id"]), (&json!("Новое название"), &json!(IVAN)));
    assert_eq!(read["_embedded"]["tags"].as_array().map(Vec::len), Some(1));
    assert_eq!(ids(&read, "segments"), [VIP]);
    let path = format!("customers/{}", all[1]);
    let one = s
        .patch(
            &path,
            json!({"tags_to_add": [{"name": "x"}], "tags_to_delete": [{"name": "Тег 125"}], "request_id": "r",
            "_embedded": {"segments": [{"id": REGULAR}, {"id": VIP}, {"id": REGULAR}]}}),
        )
        .is(200)
        .json();
    assert_eq!((keys(&one), &one["request_id"]), (vec!["id", "updated_at", "request_id", "_links"], &json!("r")));
    let kept = s.kept("customers", all[1]);
    assert_eq!((&kept["tags"], &kept["segments"]), (&json!(["x"]), &json!(["Постоянные", "VIP"])));
    s.patch(&path, json!({"_embedded": {"segments": []}})).is(200);
    assert_eq!(s.kept("customers", all[1])["segments"], json!([]));
    s.switch("customers_as_leads", json!(true));
    assert_eq!(ids(&s.patch("customers", change).is(200).json(), "leads"), [all[1]]);
    s.switch("patch_wrapped", json!(true));
    assert_eq!(ids(&s.patch(&path, json!({"next_price": 5})).is(200).json(), "leads"), [all[1]]);
    assert_eq!(ids(&s.post("customers", json!([{"name": "b"}])).json(), "customers").len(), 1);
}

#[test]
fn customers_have_a_status_in_the_mode_periodicity() {
    let s = Running::periodic();
    let item = json!({"name": "a", "next_date": NOW, "next_price": 214, "periodicity": 30});
    let id = s.made("customers", item);
    let read = s.get(&format!("customers/{id}")).json();
    let home = s.get(&format!("customers/statuses/{}", read["status_id"])).is(200).json();
    assert_eq!((&home["type"], &home["is_default"]), (&json!(1), &json!(true)));
    assert_eq!([&read["next_date"], &read["next_price"], &read["periodicity"]], [NOW, 214, 30]);
    s.patch(&format!("customers/{id}"), json!({"status_id": 4_740_003})).is(200);
    assert_eq!(s.get(&format!("customers/{id}")).json()["status_id"], 4_740_003);
    s.switch("next_date_shift", json!(true));
    let id = s.made("customers", json!({"name": "b", "next_date": 1_589_060_000}));
    assert_eq!(s.get(&format!("customers/{id}")).json()["next_date"], 1_589_058_000); // [seed] a midnight of Moscow
}

#[test]
fn a_list_of_customers_is_filtered_and_ordered_by_id() {
    let s = Running::periodic();
    let made = |name: &str, date: i64, price: i64, by: u64, at: i64| {
        s.made(
            "customers",
            json!({"name": name, "next_date": date, "next_price": price, "responsible_user_id": by,
            "created_at": at, "updated_at": 2 * NOW - at}),
        )
    };
    let a = made("Анна", 100, 5, IVAN, 1);
    let b = made("Борис", 200, 10, 500_001, 2);
    let c = made("Вера", 300, 15, IVAN, 3);
    s.patch("customers", json!([{"id": b, "status_id": 4_740_003, "updated_at": 2 * NOW - 2}])).is(200);
    let found = |query: &str| match s.get(&format!("customers?{query}")) {
        answer if answer.status == 204 => vec![],
        answer => ids(&answer.is(200).json(), "customers"),
    };
    for (query, wanted) in [
        (String::new(), vec![a, b, c]),
        (format!("filter[id][]={c}&filter[id][]={a}"), vec![a, c]),
        (format!("filter[responsible_user_id]={IVAN}"), vec![a, c]),
        ("filter[next_date][from]=150&filter[next_date][to]=250".to_owned(), vec![b]),
        ("filter[next_price][from]=10".to_owned(), vec![b, c]),
        ("filter[status_id][]=4740003".to_owned(), vec![b]),
        ("filter[created_at][to]=2".to_owned(), vec![a, b]),
        ("filter[name]=Вера".to_owned(), vec![c]),
        ("filter[price]=5".to_owned(), vec![a, b, c]),
        ("query=бор".to_owned(), vec![b]),
        ("order[id]=desc".to_owned(), vec![a, b, c]),
        ("limit=2&page=2".to_owned(), vec![c]),
        ("limit=2&page=3".to_owned(), vec![]),
    ] {
        assert_eq!(found(&query), wanted, "{query}");
    }
    let page = s.get("customers?limit=2").json();
    assert_eq!((keys(&page), &page["_page"]), (vec!["_page", "_links", "_embedded"], &json!(1)));
    assert!(page["_links"]["next"].is_object());
    assert_eq!(s.get("customers?limit=3").json()["_links"]["next"], Value::Null);
    s.switch("customers_order", json!(true));
    assert_eq!(found("order[id]=desc"), [c, b, a]);
    assert_eq!(found("order[updated_at]=asc"), [c, b, a]);
}

#[test]
fn bonus_points_are_earned_and_redeemed() {
    let s = Running::unlimited();
    let id = s.made("customers", json!({"name": "a"}));
    let path = format!("customers/{id}/bonus_points");
    for (body, points) in [(json!({"earn": 100}), 100), (json!({"redeem": 30}), 70), (json!({"earn": 0}), 70)] {
        assert_eq!(s.post(&path, body).is(200).json(), json!({"bonus_points": points}));
    }
    for (body, wanted) in [
        (json!({"redeem": 71}), "NotSupportedChoice redeem"),
        (json!({"earn": -1}), "NotSupportedChoice earn"),
        (json!({"earn": "1"}), "InvalidType earn"),
        (json!({}), "FieldMissing earn"),
        (json!({"earn": 1, "redeem": 1}), "FieldNotExpected redeem"),
        (json!({"earn": 1, "x": 1}), "FieldNotExpected x"),
    ] {
        assert_eq!(s.post(&path, body.clone()).is(400).errors(), [wanted], "{body}");
    }
    assert_eq!(s.kept("customers", id)["bonus_points"], 70);
    s.post("customers/1/bonus_points", json!({"earn": 1})).is(404).has_type("application/problem+json");
}

#[test]
fn tags_are_created_by_name() {
    let s = Running::unlimited();
    for (entity, color) in [("leads", true), ("contacts", false), ("companies", false), ("customers", false)] {
        let path = format!("{entity}/tags");
        let answer = s.post(&path, json!([{"name": "a"}, {"name": "b", "request_id": "r"}])).is(200).json();
        let tags = answer["_embedded"]["tags"].as_array().expect("tags").clone();
        assert_eq!((&answer["_total_items"], &tags[0]["request_id"]), (&json!(2), &json!("0")));
        assert_eq!((&tags[1]["request_id"], tags[0].get("color").is_some()), (&json!("r"), color));
        let again = s.post(&path, json!([{"name": "b"}, {"name": "b"}])).is(200).json();
        assert_eq!(ids(&again, "tags"), [tags[1]["id"].as_u64().expect("an id"); 2]);
        assert_eq!(s.get(&path).json()["_embedded"]["tags"].as_array().map(Vec::len), Some(2));
        for (item, wanted) in [
            (json!({}), "FieldMissing name"),
            (json!({"name": ""}), "NotBlank name"),
            (json!({"name": 1}), "InvalidType name"),
            (json!({"name": "c", "x": 1}), "FieldNotExpected x"),
        ] {
            assert_eq!(s.post(&path, json!([item])).is(400).errors(), [wanted], "{entity} {item}");
        }
    }
}
