//! Faults, and the state of the world after them.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

use amo_sandbox::{Faults, Options, Sandbox};
use serde_json::{Value, json};

use crate::complex::complex_example;
use crate::control::names;
use crate::{Running, no_limit};

#[test]
fn faults_follow_the_script() {
    let s = Running::unlimited();
    let script = |rule: Value| s.script(json!([rule]));
    let leads = || s.leads();
    script(json!({"on": "POST leads", "nth": 2, "do": "504", "after_commit": true}));
    s.post("leads", json!([{}])).is(200);
    s.post("leads", json!([{}])).is(504).has_type("text/html");
    s.post("leads", json!([{}])).is(200);
    assert_eq!(leads(), 3);
    script(json!({"on": "POST leads", "do": "504-before"}));
    s.post("leads", json!([{}])).is(504);
    assert_eq!(leads(), 0);
    script(json!({"on": "POST leads", "do": "unnamed-400"}));
    assert_eq!(s.post("leads", json!([{}])).is(400).json().get("validation-errors"), None);
    for (after_commit, there) in [(false, 0), (true, 1)] {
        script(json!({"on": "POST leads", "do": "reset", "after_commit": after_commit}));
        let error = s.raw("POST", "/api/v4/leads", &bearer(&s), "[{}]").expect_err("no answer");
        assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
        assert_eq!(leads(), there);
        script(json!({"on": "POST leads", "do": "cut", "after_commit": after_commit}));
        let bytes = s.raw("POST", "/api/v4/leads", &bearer(&s), "[{}]").unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let (head, body) = text.split_once("\r\n\r\n").expect("a head");
        let length: usize = head
            .to_lowercase()
            .split("content-length: ")
            .nth(1)
            .and_then(|l| l.split("\r\n").next()?.parse().ok())
            .expect("a length");
        assert_eq!(body.len(), length / 2);
        assert_eq!(leads(), there);
    }
    s.control("POST", "faults", "{}").is(200);
    s.post("leads", json!([{}])).is(200);
    s.control("POST", "faults", r#"{"script":[{"on":"*","do":"dance"}]}"#).is(400);
}

pub fn bearer(s: &Running) -> String {
    format!("authorization: Bearer {}\r\n", s.sandbox.token())
}

#[test]
fn records_are_refused_by_name_and_latency_delays_no_other_request() {
    let s = Running::unlimited();
    let faults = json!({"latency_ms": 300,
        "refuse": [{"name_contains": "отказ", "path": "status_id", "code": "NotSupportedChoice"}]});
    s.control("POST", "faults", &faults.to_string()).is(200);
    let answer = s.post("leads", json!([{"name": "да"}, {"name": "тут отказ"}])).is(400);
    assert_eq!(answer.errors(), ["NotSupportedChoice status_id"]);
    assert_eq!(answer.json()["validation-errors"][0]["request_id"], "1");
    let begun = std::time::Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| s.get("account").is(200));
        }
    });
    let took = begun.elapsed().as_millis();
    assert!((300..1500).contains(&took), "{took} ms for six at once");
}

#[test]
fn latency_grows_with_the_number_of_records() {
    let s = Running::unlimited();
    s.faults(json!({"latency_ms": 20, "latency_item_ms": 2.5}));
    s.get("account").is(200);
    let begun = Instant::now();
    s.post("leads", Value::from(vec![json!({}); 40])).is(200);
    assert!(begun.elapsed() >= Duration::from_millis(120));
    s.post("leads", json!([{}])).is(200);
    let log = s.control("GET", "requests", "").is(200).json();
    let took: Vec<&Value> = log.as_array().expect("the log").iter().map(|entry| &entry["latency"]).collect();
    assert_eq!(took, [20, 120, 22]);
}

/// The status of a request that may have failed; 0 where the connection broke.
fn status(s: &Running, method: &str, path: &str, body: &Value) -> u16 {
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let bytes = s.raw(method, &format!("/api/v4/{path}"), &bearer(s), &body).unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes).into_owned();
    text.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0)
}

fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < Duration::from_secs(20), "{what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn every_fault_has_the_effect_and_response_of_the_table() {
    let s = Running::unlimited();
    let batch = json!([{"name": "а"}, {"name": "б"}, {"name": "в"}, {"name": "г"}, {"name": "д"}]);
    for (rule, shown, there) in [
        (json!({"do": "504-before"}), 504, 0),
        (json!({"do": "504"}), 504, 5),
        (json!({"do": 504}), 504, 5),
        (json!({"do": 504, "after_commit": false}), 504, 0),
        (json!({"do": "504-after"}), 504, 5),
        (json!({"do": "500", "after_commit": true}), 500, 5),
        (json!({"do": "502"}), 502, 0),
        (json!({"do": "403"}), 403, 0),
        (json!({"do": "402"}), 402, 0),
        (json!({"do": "429"}), 429, 0),
        (json!({"do": "unnamed-400"}), 400, 0),
        (json!({"do": "half"}), 504, 2),
        (json!({"do": "half", "answer": 502}), 502, 2),
        (json!({"do": "half", "answer": "reset"}), 0, 2),
        (json!({"do": "reset"}), 0, 0),
        (json!({"do": "reset-after"}), 0, 5),
        (json!({"do": "reset-before"}), 0, 0),
        (json!({"do": "cut"}), 200, 5),
        (json!({"do": "slow", "latency_ms": 5}), 200, 5),
        (json!({"do": "late", "late_ms": 5}), 200, 5),
        (json!({"do": "drop-values"}), 200, 5),
        (json!({"do": "shuffled"}), 200, 5),
        (json!({"do": "nameless"}), 200, 5),
        (json!({"do": "200-html"}), 200, 0),
        (json!({"do": "200-html-after"}), 200, 5),
        (json!({"do": "404-html-after"}), 404, 5),
        (json!({"do": "499-html"}), 499, 0),
        (json!({"do": "foreign"}), 200, 5),
        (json!({"do": "token-expired"}), 401, 0),
    ] {
        let mut rule = rule;
        rule["on"] = json!("POST leads");
        s.script(json!([rule]));
        assert_eq!((status(&s, "POST", "leads", &batch), s.leads()), (shown, there), "{rule}");
        let word = rule["do"].as_str().map_or_else(|| rule["do"].to_string(), str::to_owned);
        let stats = s.stats();
        assert_eq!(stats["faults"], json!({word.clone(): 1}), "{rule}");
        let tally = &stats["commits"]["POST leads"];
        let (told, commits) = (
            u64::from(shown == 200 && !["cut", "200-html-after", "foreign"].contains(&word.as_str())),
            u64::from(there > 0),
        );
        match commits {
            0 => assert_eq!(tally, &Value::Null, "{rule}"),
            _ => assert_eq!(tally, &json!({"commits": 1, "records": there, "answered": told}), "{rule}"),
        }
        let entry = &s.control("GET", "requests", "").json()[0];
        assert_eq!((&entry["status"], &entry["fault"]), (&json!(shown), &json!(word)), "{rule}");
    }
    for wrong in [
        json!({"on": "*", "do": "dance"}),
        json!({"on": "*", "do": 200}),
        json!({"on": "*", "do": "half", "sometimes": 1}),
        json!({"on": "*", "do": "half", "answer": "dance"}),
    ] {
        s.control("POST", "faults", &json!({"script": [wrong]}).to_string()).is(400);
    }
}

#[test]
fn a_429_has_the_form_that_the_rule_says() {
    let s = Running::unlimited();
    for (word, content_type, seconds) in [
        ("429-html", "text/html", None),
        ("429-header", "text/html", Some(7)),
        ("429-json", "application/problem+json", None),
    ] {
        s.script(json!([{"on": "GET account", "do": word, "retry_after": 7}]));
        let answer = s.get("account").is(429).has_type(content_type);
        let header = seconds.map(|n: u64| format!("\r\nretry-after: {n}\r\n"));
        assert!(header.is_none_or(|line| answer.head.to_lowercase().contains(&line)), "{}", answer.head);
        if word == "429-json" {
            assert_eq!(answer.json()["retry_after"], 7);
        }
    }
}

#[test]
fn half_of_complex_leads_have_their_contacts_and_half_of_a_bad_batch_is_nothing() {
    let s = Running::unlimited();
    let two = complex_example(&s);
    s.script(json!([{"on": "POST leads/complex", "do": "half"}, {"on": "POST leads", "do": "half"}]));
    s.post("leads/complex", two).is(504);
    assert_eq!(s.people(), [1, 1, 1]);
    s.post("leads", json!([{"name": "а"}, {"price": "не число"}])).is(504);
    s.post("leads", json!([{"name": "одна"}])).is(504);
    assert_eq!(s.leads(), 1);
}

#[test]
fn a_late_commit_happens_after_its_response_whether_or_not_the_client_waits() {
    let s = Running::unlimited();
    for (answer, shown) in [("504", 504), ("reset", 0), ("hang", 0)] {
        s.script(json!([{"on": "POST leads", "times": 1, "do": "commit-late", "late_ms": 400, "answer": answer}]));
        let begun = Instant::now();
        if answer == "hang" {
            // The client closes the connection at once.
            let mut stream = s.open("POST", "/api/v4/leads", &bearer(&s), "[{}]");
            stream.set_read_timeout(Some(Duration::from_millis(100))).expect("a timeout");
            assert!(stream.read(&mut [0; 1]).is_err());
        } else {
            assert_eq!(status(&s, "POST", "leads", &json!([{}])), shown);
        }
        assert!(begun.elapsed() < Duration::from_millis(350), "{answer} took {:?}", begun.elapsed());
        s.get("leads").is(204);
        assert_eq!(s.stats()["late"], 1);
        // Other requests do not wait, and ids are given when the record is created.
        let other = s.made("leads", json!({"name": "другая"}));
        eventually("the late one comes", || s.stats()["late"] == 0);
        assert!(begun.elapsed() >= Duration::from_millis(400));
        let leads = s.get("leads?order[id]=desc").is(200).json();
        assert_eq!(leads["_embedded"]["leads"].as_array().map(Vec::len), Some(2));
        assert_eq!(leads["_embedded"]["leads"][1]["id"], other);
        assert_eq!(s.stats()["commits"]["POST leads"], json!({"commits": 2, "records": 2, "answered": 1}));
    }
    s.script(json!([{"on": "POST leads", "do": "commit-late", "late_ms": 50}]));
    s.post("leads", json!([{}])).is(504);
    s.control("POST", "reset", "").is(200);
    std::thread::sleep(Duration::from_millis(150));
    assert_eq!(s.leads(), 0, "a reset forgets what was put off");
}

#[test]
fn delayed_requests_are_carried_out_when_the_server_stops() {
    let folder = tempfile::tempdir().expect("a folder");
    let s = Running::start(Some(folder.path()), no_limit());
    s.faults(json!({"script": [{"on": "POST leads", "do": "commit-late", "late_ms": 3_600_000}]}));
    s.post("leads", json!([{}, {}])).is(504);
    assert_eq!(s.leads(), 0);
    drop(s);
    assert_eq!(Running::start(Some(folder.path()), no_limit()).leads(), 2);
}

#[test]
fn a_reset_before_reading_does_not_wait_for_the_body() {
    let s = Running::unlimited();
    s.script(json!([{"on": "POST leads", "nth": 2, "do": "reset-before"}]));
    s.post("leads", json!([{}])).is(200);
    // The head announces more bytes than are sent.
    let address = s.sandbox.url().strip_prefix("http://").expect("plain http");
    let mut stream = TcpStream::connect(address).expect("a connection");
    let head = format!("POST /api/v4/leads HTTP/1.1\r\nhost: localhost\r\n{}content-length: 1000\r\n\r\n", bearer(&s));
    stream.write_all(head.as_bytes()).expect("sent");
    stream.set_read_timeout(Some(Duration::from_secs(10))).expect("a timeout");
    let error = stream.read(&mut [0; 1]).expect_err("no answer");
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
    s.post("leads", json!([{}])).is(200);
    assert_eq!((s.leads(), &s.stats()["by_route"]["POST leads"]), (2, &json!(3)));
}

#[test]
fn a_request_without_a_response_delays_no_other() {
    let s = Running::unlimited();
    s.script(
        json!([{"on": "POST leads", "nth": 1, "do": "hang"}, {"on": "POST leads", "do": "hang-after", "times": 1}]),
    );
    let hanging: Vec<TcpStream> = (0..2).map(|_| s.open("POST", "/api/v4/leads", &bearer(&s), "[{}]")).collect();
    eventually("both have come", || s.stats()["by_route"]["POST leads"] == 2);
    assert_eq!(s.leads(), 1);
    s.post("leads", json!([{}])).is(200);
    for mut stream in hanging {
        stream.set_read_timeout(Some(Duration::from_millis(50))).expect("a timeout");
        let error = stream.read(&mut [0; 1]).expect_err("silence");
        assert!(matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut), "{error}");
    }
    assert_eq!(s.stats()["commits"]["POST leads"], json!({"commits": 2, "records": 2, "answered": 1}));
}

#[test]
fn a_late_response_follows_its_commit() {
    let s = Running::unlimited();
    s.script(json!([{"on": "POST leads", "do": "late", "late_ms": 500}]));
    let begun = Instant::now();
    std::thread::scope(|scope| {
        let asking = scope.spawn(|| s.post("leads", json!([{}])).is(200));
        eventually("the commit", || s.leads() == 1);
        assert_eq!(s.stats()["commits"]["POST leads"]["answered"], 0);
        assert!(begun.elapsed() < Duration::from_millis(450));
        asking.join().expect("an answer");
    });
    assert!(begun.elapsed() >= Duration::from_millis(500));
    assert_eq!(s.stats()["commits"]["POST leads"]["answered"], 1);
}

#[test]
fn a_token_expires_for_good_or_for_some_requests() {
    let s = Running::unlimited();
    s.script(json!([{"on": "POST leads", "nth": 2, "times": 3, "do": "token-expired"}]));
    let statuses: Vec<u16> =
        ["POST", "POST", "GET", "POST", "POST"].iter().map(|m| status(&s, m, "leads", &json!([{}]))).collect();
    assert_eq!(statuses, [200, 401, 401, 401, 200]);
    s.script(json!([{"on": "POST leads", "do": "token-expired"}]));
    assert_eq!(status(&s, "GET", "account", &Value::Null), 200);
    s.post("leads", json!([{}])).is(401).has_type("application/problem+json");
    for _ in 0..3 {
        s.get("account").is(401);
    }
    // A token of another kind is not affected.
    let known = s.control("GET", "oauth", "").is(200).json();
    let ask = json!({"client_id": known["client_id"], "client_secret": known["client_secret"],
        "redirect_uri": known["redirect_uri"], "grant_type": "authorization_code", "code": known["code"]});
    let pair = s.plain("POST", "/oauth2/access_token", "", &ask.to_string()).is(200).json();
    let fresh = format!("authorization: Bearer {}\r\n", pair["access_token"].as_str().expect("a token"));
    s.plain("POST", "/api/v4/leads", &fresh, "[{}]").is(200);
    s.get("account").is(401);
    s.faults(json!({}));
    s.get("account").is(200);
}

#[test]
fn odd_responses_are_odd_in_one_way_each() {
    let s = Running::unlimited();
    let made = |word: &str| -> Value {
        s.script(json!([{"on": "POST leads", "times": 1, "do": word}]));
        let batch = json!([{"request_id": "r17"}, {"request_id": "r18"}]);
        let answer = s.post("leads", batch.clone()).is(200).json();
        let plain = s.post("leads", batch).is(200).json();
        assert_eq!(plain["_embedded"]["leads"][0]["request_id"], "r17");
        assert_eq!(s.leads(), 4);
        answer["_embedded"].clone()
    };
    assert_eq!(made("request-ids-missing")["leads"][0].get("request_id"), None);
    assert_eq!(made("request-ids-int")["leads"][1]["request_id"], 1);
    assert_eq!(made("shuffled")["leads"][0]["request_id"], "r18");
    let nameless = made("nameless")["leads"].clone();
    assert_eq!(nameless[0].get("request_id"), None);
    assert!(nameless[0]["id"].as_u64() > nameless[1]["id"].as_u64(), "{nameless}");
    let odd = made("odd-key");
    assert_eq!((odd.get("leads"), &odd["things"][1]["request_id"]), (None, &json!("r18")));
    s.faults(json!({"script": [{"on": "GET leads", "nth": 2, "do": "next-missing"}]}));
    for (page, has_next) in [(1, true), (2, false), (3, true)] {
        let answer = s.get(&format!("leads?limit=1&page={page}")).is(200).json();
        assert_eq!(answer["_links"].get("next").is_some(), has_next, "page {page}");
    }
}

#[test]
fn a_response_may_be_that_of_another_batch() {
    let s = Running::unlimited();
    s.script(json!([{"on": "POST leads", "every": 2, "do": "foreign"}]));
    let sent = |name: &str| s.post("leads", json!([{"name": name, "request_id": name}])).is(200).json();
    let (first, second) = (sent("r1"), sent("r2"));
    assert_eq!(second, first);
    let names = ["r1", "r2"].map(|name| s.get(&format!("leads?filter[name]={name}")).is(200).json());
    assert_ne!(names[0]["_embedded"]["leads"][0]["id"], names[1]["_embedded"]["leads"][0]["id"]);
    // The next response is true, and the one after it is that of the one before, not of the first.
    let third = sent("r3");
    assert_eq!(third["_embedded"]["leads"][0]["request_id"], "r3");
    assert_eq!((sent("r4"), s.leads()), (third, 4));
}

#[test]
fn a_proxy_responds_with_a_login_page() {
    let s = Running::unlimited();
    for (word, there) in [("200-html", 0), ("200-html-after", 1)] {
        s.script(json!([{"on": "POST leads", "times": 1, "do": word}]));
        let page = s.post("leads", json!([{}])).is(200).has_type("text/html");
        assert!(page.body.contains("password") && serde_json::from_str::<Value>(&page.body).is_err());
        assert_eq!(s.leads(), there, "{word}");
    }
    s.script(json!([{"on": "GET leads", "do": "200-html"}]));
    s.get("leads").is(200).has_type("text/html");
}

#[test]
fn delayed_requests_are_carried_out_on_demand() {
    let s = Running::unlimited();
    s.script(json!([{"on": "POST leads", "times": 1, "do": "commit-late", "late_ms": 3_600_000}]));
    s.post("leads", json!([{"name": "поздняя"}, {}])).is(504);
    assert_eq!((s.leads(), &s.stats()["late"]), (0, &json!(1)));
    assert_eq!(s.control("POST", "late", "").is(200).json()["done"], 1);
    assert_eq!((s.leads(), &s.stats()["late"]), (2, &json!(0)));
    assert_eq!(s.control("POST", "late", "").is(200).json()["done"], 0);
}

#[test]
fn a_dropped_value_is_not_reported() {
    let s = Running::unlimited();
    let field = |value: &str| json!([{"field_code": "ORDER_NO", "values": [{"value": value}]}]);
    let batch = json!([{"request_id": "r1", "custom_fields_values": field("З-1")},
        {"request_id": "r2", "custom_fields_values": field("З-2")}]);
    s.script(json!([{"on": "POST leads", "do": "drop-values"}]));
    let answer = s.post("leads", batch).is(200).json();
    assert_eq!(answer["_embedded"]["leads"].as_array().map(Vec::len), Some(2));
    let rows = s.control("GET", "entities/leads?fields=custom", "").is(200).json();
    let kept = rows["rows"].as_array().expect("rows").iter().filter(|row| row["custom"] != json!({})).count();
    assert_eq!(kept, 1);
}

#[test]
fn seeded_faults_are_the_same_for_the_same_seed() {
    let run = |seed: u64| -> (Vec<u16>, Value) {
        let s = Running::unlimited();
        let kinds = ["504", "504-before", "half", "reset", "reset-after", "reset-before", "cut", "429-json", "500"];
        s.faults(json!({"seeded": {"seed": seed, "percent": 40, "kinds": kinds, "reads_percent": 20}}));
        let statuses = (0..60)
            .map(|i| match i % 3 {
                0 => status(&s, "GET", "leads/custom_fields", &Value::Null),
                _ => status(&s, "POST", "leads", &json!([{"name": format!("{i} а")}, {"name": format!("{i} б")}])),
            })
            .collect();
        let rows = s.control("GET", "entities/leads?fields=name", "").is(200).json();
        (statuses, rows)
    };
    let (statuses, rows) = run(42);
    assert_eq!(run(42), (statuses.clone(), rows.clone()));
    assert_ne!(statuses, run(43).0);
    assert!(statuses.iter().filter(|status| **status != 200).count() > 10, "{statuses:?}");
    assert!(names(&rows).len() > 20);
}

#[test]
fn seeded_faults_hit_writes_only_and_stop_at_their_maximum() {
    let s = Running::unlimited();
    s.faults(json!({"seeded": {"percent": 100, "kinds": ["500"], "max": 2}}));
    let known = s.control("GET", "oauth", "").is(200).json();
    s.plain("POST", "/oauth2/access_token", "", &known.to_string()).is(400);
    s.get("account").is(200);
    let statuses: Vec<u16> = (0..4).map(|_| status(&s, "POST", "leads", &json!([{}]))).collect();
    assert_eq!(statuses, [500, 500, 200, 200]);
    let shown = s.control("GET", "faults", "").is(200).json();
    assert_eq!((&shown["seeded"]["seen"], &shown["seeded"]["fired"]), (&json!(5), &json!(2)));
    // The shown faults can be set again.
    s.faults(without_counters(shown));
    for wrong in [json!({"percent": 5, "kinds": ["dance"]}), json!({"chance": 5})] {
        s.control("POST", "faults", &json!({"seeded": wrong}).to_string()).is(400);
    }
}

/// Counters cannot be set.
fn without_counters(mut shown: Value) -> Value {
    let seeded = shown["seeded"].as_object_mut().expect("seeded faults");
    seeded.retain(|key, _| key != "seen" && key != "fired");
    shown
}

#[test]
fn initial_faults_are_in_force_from_the_start_and_after_a_reset() {
    let faults: Faults = r#"{"script": [{"on": "GET account", "times": 1, "do": "500"}]}"#.parse().expect("faults");
    let sandbox = Sandbox::start(Options { faults, switches: no_limit(), ..Options::default() }).expect("a port");
    let s = Running { sandbox, now: Arc::default() };
    for _ in 0..2 {
        s.get("account").is(500);
        s.get("account").is(200);
        s.control("POST", "reset", "").is(200);
    }
    assert!("{\"script\": 1}".parse::<Faults>().is_err());
}
