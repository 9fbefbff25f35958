//! What the account's robots do to records that have just been made.

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
fn a_robot_renames_and_prices_what_is_made_and_nothing_else() {
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
    // It is no longer new when it is changed by hand.
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
fn a_robot_comes_when_its_time_has_come() {
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
    // What is still to come comes when the server ends.
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
fn robots_delete_merge_and_hand_over() {
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
