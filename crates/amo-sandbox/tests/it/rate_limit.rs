//! The rate limit, and its open questions.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use amo_sandbox::{Options, Sandbox, Switches};
use serde_json::{Value, json};

use crate::{Answer, Running};

#[test]
fn too_many_requests_are_429_and_ten_429s_are_403_until_a_reset() {
    let s = Running::start(None, Switches::default());
    let statuses: Vec<u16> = (0..19).map(|_| s.get("account").status).collect();
    assert_eq!(statuses[..7], [200; 7]);
    assert_eq!(statuses[7..17], [429; 10]);
    assert_eq!(statuses[17..], [403; 2]);
    s.get("account").is(403).has_type("text/html");
    let stats = s.stats();
    assert_eq!((&stats["throttled"], &stats["blocked"], &stats["requests"]), (&json!(10), &json!(true), &json!(20)));
    assert!(stats["worst_sliding_second"].as_u64() >= Some(8));
    assert_eq!(stats["by_route"]["GET account"], 20);
    s.control("POST", "reset?keep=world", "").is(200);
    s.get("account").is(200);
    assert_eq!(s.stats()["worst_sliding_second"], 1);
    let mut eight: Vec<Answer> = (0..8).map(|_| s.get("account")).collect();
    let html = eight.remove(7).is(429).has_type("text/html");
    assert!(html.body.contains("429 Too Many Requests"));
}

/// The clock counts seconds: without milliseconds, instants were up to a second early.
#[test]
fn the_log_has_milliseconds() {
    let unix = || SystemTime::now().duration_since(UNIX_EPOCH).expect("a time after 1970");
    while !(300..900).contains(&unix().subsec_millis()) {
        std::thread::sleep(Duration::from_millis(10));
    }
    let sandbox = Sandbox::start(Options::default()).expect("a free port");
    let s = Running { sandbox, now: Arc::new(AtomicI64::new(0)) };
    let before = unix().as_millis();
    s.get("account").is(200);
    let after = unix().as_millis();
    let log = s.control("GET", "requests", "").is(200).json();
    let at = u128::from(log[0]["at_ms"].as_u64().expect("an instant"));
    assert!((before - 1..=after + 1).contains(&at), "{before} ≤ {at} ≤ {after}");
}

#[test]
fn a_throttled_request_has_three_responses_and_need_not_block() {
    for (throttling, content_type, header) in
        [("html", "text/html", false), ("header", "text/html", true), ("json", "application/problem+json", false)]
    {
        let s =
            Running::with(json!({"rate_max": 1, "block_after": 0, "throttling": throttling, "rate_key": "address"}));
        let answers: Vec<Answer> = (0..14).map(|_| s.get("account")).collect();
        let last = answers.into_iter().next_back().expect("fourteen").is(429).has_type(content_type);
        assert_eq!(last.head.to_lowercase().contains("retry-after: 1"), header);
        if throttling == "json" {
            assert_eq!((&last.json()["retry_after"], &last.json()["status"]), (&json!(1), &json!(429)));
        }
    }
}

#[test]
fn every_open_question_has_its_switch() {
    let leads = |s: &Running, body: Value| s.post("leads", body).is(200).json()["_embedded"]["leads"].clone();
    let s = Running::with(json!({"request_ids": "int", "shuffled": true}));
    let answer = leads(&s, json!([{"request_id": "r1"}, {}]));
    assert_eq!((&answer[0]["request_id"], &answer[1]["request_id"]), (&json!(1), &json!("r1")));
    let s = Running::with(json!({"request_ids": "missing", "patch_wrapped": true, "next_dropped": true}));
    let answer = leads(&s, json!([{}, {}]));
    assert_eq!(answer[0].get("request_id"), None);
    let wrapped = s.patch(&format!("leads/{}", answer[0]["id"]), json!({"price": 1})).is(200).json();
    assert_eq!(wrapped["_embedded"]["leads"][0]["id"], answer[0]["id"]);
    assert_eq!(s.get("leads?limit=1").is(200).json()["_links"].get("next"), None);
    let s = Running::with(json!({"complex_excess_status": 422, "batch_excess_status": 400, "page_max": 3}));
    let many = |n: usize| Value::from(vec![json!({}); n]);
    s.post("leads/complex", many(51)).is(422);
    s.post("leads", many(251)).is(400);
    s.get("leads?page=4").is(400);
    let s = Running::with(json!({"text_max": 0, "name_max": 0, "created_status": 201, "unknown_id_status": 404}));
    let long = json!({"name": "я".repeat(300), "custom_fields_values": [
        {"field_code": "ORDER_NO", "values": [{"value": "я".repeat(300)}]}]});
    s.post("leads", json!([long])).is(201);
    s.get("leads/1").is(404);
    let s = Running::with(json!({"unknown_codes": true, "date_shift": false, "field_filters": true}));
    assert_eq!(s.post("leads", json!([{"price": "a"}])).is(400).errors(), ["SomethingNobodyKnows price"]);
    let date = s.field("leads", "Дата отгрузки");
    let id =
        s.made("leads", json!({"custom_fields_values": [{"field_id": date, "values": [{"value": 1_634_601_600}]}]}));
    assert_eq!(s.lead(id)["custom_fields_values"][0]["values"][0]["value"], 1_634_601_600);
    s.made("leads", json!({}));
    let found = s.get(&format!("leads?filter[custom_fields_values][{date}][]=1634601600")).is(200).json();
    assert_eq!(found["_embedded"]["leads"].as_array().map(Vec::len), Some(1));
    assert_eq!(s.get("account?with=is_api_filter_enabled").json()["is_api_filter_enabled"], true);
    let s = Running::with(json!({"list_lag_s": 5}));
    let id = s.made("leads", json!({"created_at": 1}));
    s.get("leads").is(204);
    s.get(&format!("leads/{id}")).is(200);
    s.now.fetch_add(5, Ordering::SeqCst);
    s.get("leads").is(200);
    s.control("POST", "switches", r#"{"no_such_switch":1}"#).is(400);
    s.control("POST", "switches", r#"{"partial":"perhaps"}"#).is(400);
}
