//! Changes that robots make to records.

use std::sync::atomic::Ordering;

use serde_json::{Value, json};

use crate::{NOW, Running, ids, no_limit};

fn robots(s: &Running, robots: Value) {
    s.control("POST", "robots", &robots.to_string()).is(200);
}

fn twenty(s: &Running) -> Vec<u64> {
    let leads: Vec<Value> = (0..20).map(|n| json!({"name": format!("Сделка {n}"), "price": 100})).collect();
    ids(&s.post("leads", json!(leads)).is(200).json(), "leads")
}

/// Names and prices of all leads.
fn shown(s: &Running) -> Vec<(String, u64)> {
    let rows = s.control("GET", "entities/leads", "").is(200).json()["rows"].clone();
    let rows = rows.as_array().expect("rows").clone();
    rows.iter()
        .map(|r| (r["name"].as_str().expect("a name").to_owned(), r["price"].as_u64().expect("a price")))
        .collect()
}

#[test]
fn a_robot_changes_new_records_only() {
    let s = Running::unlimited();
    let before = s.made("leads", json!({"name": "Прежняя", "price": 100}));
    robots(&s, json!([{"do": "rename", "percent": 50, "seed": 5}]));
    let contact = s.made("contacts", json!({"name": "Контакт"}));
    let made = twenty(&s);
    let changed: Vec<u64> =
        made.iter().copied().filter(|id| s.lead(*id)["name"].as_str().expect("a name").starts_with("Робот")).collect();
    assert!((5..16).contains(&changed.len()), "{} of 20", changed.len());
    let lead = s.lead(changed[0]);
    assert_eq!((&lead["updated_by"], &lead["created_by"]), (&json!(0), &json!(500_001)));
    assert_ne!(lead["price"], 100);
    // A record changed by hand is not new any more.
    s.patch("leads", json!([{"id": changed[0], "name": "Иначе"}])).is(200);
    assert_eq!(s.lead(changed[0])["name"], "Иначе");
    assert_eq!((&s.lead(before)["name"], &s.kept("contacts", contact)["name"]), (&json!("Прежняя"), &json!("Контакт")));
    let alike = Running::unlimited();
    alike.made("leads", json!({"name": "Прежняя", "price": 100}));
    robots(&alike, json!([{"do": "rename", "percent": 50, "seed": 5}]));
    alike.made("contacts", json!({}));
    twenty(&alike);
    alike.patch("leads", json!([{"id": changed[0], "name": "Иначе"}])).is(200);
    assert_eq!(shown(&alike), shown(&s), "a seed decides all of it");
}

#[test]
fn a_robot_runs_when_it_is_due() {
    let folder = tempfile::tempdir().expect("a folder");
    let s = Running::start(Some(folder.path()), no_limit());
    robots(&s, json!([{"delay_ms": 3_600_000}]));
    assert_eq!(s.control("GET", "robots", "").json()[0]["do"], "rename");
    let late = s.made("leads", json!({"name": "Поздняя"}));
    robots(&s, json!([{"delay_ms": 30}]));
    let soon = s.made("leads", json!({"name": "Скорая"}));
    robots(&s, json!([]));
    let plain = s.made("leads", json!({"name": "Простая"}));
    while s.stats()["errands"] != 1 {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    let renamed = s.lead(soon)["name"].clone();
    assert_ne!(renamed, "Скорая");
    assert_eq!((&s.lead(late)["name"], &s.lead(plain)["name"]), (&json!("Поздняя"), &json!("Простая")));
    // Pending tasks are carried out when the server stops.
    s.now.fetch_add(5, Ordering::SeqCst);
    drop(s);
    let s = Running::start(Some(folder.path()), no_limit());
    let lead = s.lead(late);
    assert_ne!(lead["name"], "Поздняя");
    assert_eq!((&lead["created_at"], &lead["updated_at"]), (&json!(NOW), &json!(NOW + 5)));
    assert_eq!((&s.lead(soon)["name"], &s.lead(plain)["name"]), (&renamed, &json!("Простая")));
    s.control("POST", "robots", r#"[{"do":"dance"}]"#).is(400);
}

#[test]
fn robots_delete_merge_and_reassign() {
    let s = Running::unlimited();
    let contact = s.made("contacts", json!({"name": "Контакт"}));
    let first = s.made("leads", json!({"name": "Один"}));
    robots(&s, json!([{"do": "merge"}]));
    let other = s.made("leads", json!({"name": "Другой"}));
    let twin = json!({"name": "Один", "_embedded": {"contacts": [{"id": contact}]}});
    let twin = s.made("leads", twin);
    assert_eq!(ids(&s.get("leads").is(200).json(), "leads"), [first, other]);
    assert_eq!(ids(&s.get("leads?with=only_deleted").is(200).json(), "leads"), [twin]);
    assert_eq!(s.lead(first)["_embedded"]["contacts"][0]["id"], contact);
    robots(&s, json!([{"do": "delete", "of": "companies"}]));
    let company = s.made("companies", json!({"name": "Ромашка"}));
    s.get("companies").is(204);
    assert_eq!(ids(&s.get("companies?with=only_deleted").is(200).json(), "companies"), [company]);
    robots(&s, json!([{"do": "hand_over", "of": "contacts"}]));
    let given = s.made("contacts", json!({"name": "Другому"}));
    assert_eq!(s.kept("contacts", given)["responsible_user_id"], crate::IVAN);
    s.control("POST", "reset", "").is(200);
    s.made("companies", json!({"name": "Ромашка"}));
    assert_eq!(s.count("companies"), 1, "a reset sends robots away");
}

/// The main pipeline, another one with two stages, and its second stage.
fn pipelines(s: &Running) -> (u64, u64, u64) {
    let stages = json!([{"name": "Первый"}, {"name": "Второй", "sort": 20}]);
    let made = s.post(
        "leads/pipelines",
        json!([{"name": "Склад", "is_main": false, "is_unsorted_on": false,
        "sort": 50, "_embedded": {"statuses": stages}}]),
    );
    let made = made.is(200).json()["_embedded"]["pipelines"][0].clone();
    let stage = made["_embedded"]["statuses"].as_array().expect("stages").iter().find(|s| s["name"] == "Второй");
    let main = s.get("leads/pipelines").is(200).json()["_embedded"]["pipelines"][0]["id"].as_u64().expect("an id");
    (main, made["id"].as_u64().expect("an id"), stage.expect("the second stage")["id"].as_u64().expect("an id"))
}

#[test]
fn a_script_has_conditions_and_steps() {
    let s = Running::unlimited();
    let (main, other, stage) = pipelines(&s);
    let script = json!([{"of": "leads", "on": "create", "if": {"pipeline_id": other, "price": [100, 200]},
        "do": [{"rename": "Заказ {id}"}, {"price": 777}, {"move": {"status_id": 142}}, {"hand_over": crate::IVAN},
            {"tag": "робот"}], "percent": 100.0, "seed": 1, "delay_ms": 0}]);
    robots(&s, script.clone());
    assert_eq!(s.control("GET", "robots", "").json(), script, "shown as it was sent");
    let taken = s.made("leads", json!({"name": "А", "price": 200, "pipeline_id": other}));
    let elsewhere = s.made("leads", json!({"name": "Б", "price": 200, "pipeline_id": main}));
    let dear = s.made("leads", json!({"name": "В", "price": 300, "pipeline_id": other}));
    let lead = s.get(&format!("leads/{taken}?with=is_price_modified_by_robot")).is(200).json();
    assert_eq!(lead["name"], format!("Заказ {taken}"));
    assert_eq!((&lead["price"], &lead["is_price_modified_by_robot"]), (&json!(777), &json!(true)));
    assert_eq!((&lead["pipeline_id"], &lead["status_id"]), (&json!(other), &json!(142)), "it stays in its pipeline");
    assert_eq!((&lead["closed_at"], &lead["updated_by"]), (&json!(NOW), &json!(0)));
    assert_eq!(
        (&lead["responsible_user_id"], &lead["_embedded"]["tags"][0]["name"]),
        (&json!(crate::IVAN), &json!("робот"))
    );
    assert_eq!((&s.lead(elsewhere)["name"], &s.lead(dear)["name"]), (&json!("Б"), &json!("В")));
    // A price set by somebody else is not a robot's.
    s.patch("leads", json!([{"id": taken, "price": 5}])).is(200);
    let lead = s.get(&format!("leads/{taken}?with=is_price_modified_by_robot")).is(200).json();
    assert_eq!((&lead["price"], &lead["is_price_modified_by_robot"]), (&json!(5), &json!(false)));
    // A stage of another pipeline moves the lead there.
    robots(&s, json!([{"do": {"move": {"status_id": stage}}}]));
    let moved = s.lead(s.made("leads", json!({"name": "Д"})));
    assert_eq!((&moved["pipeline_id"], &moved["status_id"]), (&json!(other), &json!(stage)));
    // The stage may be named with its pipeline.
    robots(&s, json!([{"do": {"move": {"pipeline_id": other, "status_id": stage}}}]));
    let moved = s.lead(s.made("leads", json!({"name": "Г"})));
    assert_eq!((&moved["pipeline_id"], &moved["status_id"]), (&json!(other), &json!(stage)));
}

#[test]
fn a_change_robot_runs_when_its_conditions_begin_to_hold() {
    let s = Running::unlimited();
    robots(&s, json!([{"on": "change", "if": {"status_id": 142}, "do": [{"rename": "Успех"}]}]));
    let lead = s.made("leads", json!({"name": "А"}));
    s.patch("leads", json!([{"id": lead, "price": 5}])).is(200);
    assert_eq!(s.lead(lead)["name"], "А");
    s.patch("leads", json!([{"id": lead, "status_id": 142}])).is(200);
    assert_eq!(s.lead(lead)["name"], "Успех");
    s.patch("leads", json!([{"id": lead, "name": "Б"}])).is(200);
    assert_eq!(s.lead(lead)["name"], "Б", "it held before");
    robots(&s, json!([{"on": "change", "of": "contacts", "do": [{"tag": "тронут"}, "delete", {"rename": "Никогда"}]}]));
    let contact = s.made("contacts", json!({"name": "К"}));
    assert_eq!(s.kept("contacts", contact)["name"], "К");
    s.patch("contacts", json!([{"id": contact, "name": "Л"}])).is(200);
    s.get(&format!("contacts/{contact}")).is(204);
}

#[test]
fn an_impossible_script_is_refused_with_a_reason() {
    let s = Running::unlimited();
    let kept = json!([{"do": {"price": 1}}]);
    robots(&s, kept);
    for (robot, why) in [
        (json!({"do": "dance"}), "\"dance\" is no step"),
        (json!({"do": ["rename", {"price": "much"}]}), "is no step"),
        (json!({"do": {"move": {"status": 1}}}), "is no step"),
        (json!({"do": {"move": {"status_id": 1}}}), "robot 1: move: there is no stage 1 in any pipeline"),
        (json!({"do": {"hand_over": 1}}), "robot 1: hand_over: there is no active user 1"),
        (json!({"of": "contacts", "do": {"price": 1}}), "goes with leads, not with contacts"),
        (json!({"of": "transactions", "do": {"tag": "т"}}), "transactions have no tags"),
        (json!({"of": "notes", "do": "rename"}), "notes have no name"),
        (json!({"of": "transactions", "do": "merge"}), "transactions have no name"),
        (json!({"of": "elements", "do": "hand_over"}), "nobody is responsible for elements"),
        (json!({"do": {"rename": ""}}), "the name is empty"),
        (json!({"do": {"price": 9_223_372_036_854_775_808_u64}}), "price: 9223372036854775808 is more than"),
        (json!({"if": {"pipeline": 1}}), "pipeline is no condition for leads, which has name"),
        (json!({"percent": 101}), "percent is 101"),
        (json!({"on": "delete"}), "delete"),
        (json!({"of": "sheep"}), "sheep"),
    ] {
        let said = s.control("POST", "robots", &json!([robot]).to_string()).is(400).json();
        let said = said["error"].as_str().expect("an error").to_owned();
        assert!(said.contains(why), "{robot}: {said}");
    }
    assert_eq!(s.control("GET", "robots", "").json()[0]["do"], json!({"price": 1}), "the old ones stay");
}
