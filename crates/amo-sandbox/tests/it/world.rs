//! The world over time: request log, files, tokens, size.

use std::sync::atomic::Ordering;

use amo_sandbox::{Options, RunningServer, Sandbox};
use serde_json::{Value, json};

use crate::complex::complex_example;
use crate::{DESK, NOW, PRODUCTS, Running, SHIPPED, no_limit};

#[test]
fn the_log_has_the_requests_until_a_reset() {
    let s = Running::unlimited();
    s.post("leads", json!([{}, {}])).is(200);
    s.get("leads?limit=1").is(200);
    let log = s.control("GET", "requests", "").is(200).json();
    let entry = &log[0];
    assert_eq!(
        entry.as_object().expect("an entry").keys().collect::<Vec<_>>(),
        ["n", "at_ms", "method", "path", "query", "status", "items", "latency"]
    );
    assert_eq!((&entry["path"], &entry["items"], &entry["n"]), (&json!("/api/v4/leads"), &json!(2), &json!(1)));
    assert_eq!((&log[1]["query"], &log[1]["items"]), (&json!("limit=1"), &json!(1)));
    s.control("POST", "reset?keep=world", "").is(200);
    assert_eq!((&s.stats()["requests"], &s.stats()["entities"]["leads"]), (&json!(0), &json!(2)));
    s.control("POST", "reset", "").is(200);
    assert_eq!(s.stats()["entities"]["leads"], 0);
    assert_eq!(s.made("leads", json!({})), 10_000_001);
}

#[test]
fn the_world_survives_a_restart_and_a_torn_line() {
    let folder = tempfile::tempdir().expect("a folder");
    let state = folder.path().join("state");
    let (token, id);
    {
        let s = Running::start(Some(&state), no_limit());
        token = s.sandbox.token().to_owned();
        id = s.made("leads", json!({"name": "Вечная", "tags_to_add": [{"name": "тег"}]}));
        s.post("leads/complex", complex_example(&s)).is(200);
        let standing = RunningServer::find(&state).expect("a standing server");
        assert_eq!((standing.url.as_str(), &standing.token), (s.sandbox.url(), &token));
        let busy = Sandbox::start(Options { state: Some(state.clone()), ..Options::default() }).expect_err("busy");
        assert_eq!(busy.code(), "sandbox-busy");
        // The log of a killed process: complete lines, and half of one more.
        std::fs::copy(state.join("world.jsonl"), folder.path().join("copy")).expect("a copy");
    }
    assert!(!state.join("server.json").exists());
    assert_eq!(RunningServer::find(&state), None);
    let mut log = std::fs::read(folder.path().join("copy")).expect("the log");
    log.extend_from_slice(b"{\"at\":1,\"put\":[[\"leads\",10000009,1,");
    std::fs::write(state.join("world.jsonl"), log).expect("written");
    let s = Running::start(Some(&state), no_limit());
    assert_eq!(s.sandbox.token(), token);
    let lead = s.lead(id);
    assert_eq!((&lead["name"], &lead["_embedded"]["tags"][0]["name"]), (&json!("Вечная"), &json!("тег")));
    let people = s.get("leads?order[id]=desc&limit=1&with=contacts").is(200).json();
    assert_eq!(people["_embedded"]["leads"][0]["_embedded"]["contacts"].as_array().map(Vec::len), Some(1));
    assert_eq!(s.made("leads", json!({})), id + 6);
    drop(s);
    let s = Running::start(Some(&state), no_limit());
    let counts = s.stats()["entities"].clone();
    for (entity, count) in [("leads", 4), ("contacts", 2), ("companies", 1), ("customers", 0), ("elements", SHIPPED)] {
        assert_eq!(counts[entity], count, "{entity}");
    }
    s.control("POST", "reset", "").is(200);
    drop(s);
    assert_eq!(Running::start(Some(&state), no_limit()).stats()["entities"]["leads"], 0);
}

#[test]
fn a_reset_restores_the_initial_account_and_elements() {
    let folder = tempfile::tempdir().expect("a folder");
    let s = Running::start(Some(folder.path()), no_limit());
    let counts = |s: &Running| ["catalogs", "segments", "elements"].map(|what| s.count(what));
    let before = counts(&s);
    s.made("catalogs", json!({"name": "Склад"}));
    s.post("customers/segments", json!({"name": "Новый"})).is(200);
    s.element(PRODUCTS, json!({"name": "Полка"}));
    let desk = format!("catalogs/{PRODUCTS}/elements/{DESK}");
    let first = s.get(&desk).is(200).json();
    s.patch(&desk, json!({"name": "Стол другой"})).is(200);
    drop(s);
    let s = Running::start(Some(folder.path()), no_limit());
    assert_eq!(counts(&s), before.map(|n| n + 1));
    assert_eq!(s.get(&desk).json()["name"], "Стол другой");
    s.control("POST", "reset", "").is(200);
    drop(s);
    let s = Running::start(Some(folder.path()), no_limit());
    assert_eq!(counts(&s), before);
    let shown = s.get(&desk).json();
    assert_eq!((&shown["name"], &shown["updated_at"]), (&first["name"], &first["updated_at"]));
}

/// Id and subdomain of the account.
fn account(s: &Running) -> (u64, String) {
    let account = s.get("account").is(200).json();
    (account["id"].as_u64().expect("an id"), account["subdomain"].as_str().expect("a subdomain").to_owned())
}

#[test]
fn every_world_has_an_account_id_of_its_own() {
    let folder = tempfile::tempdir().expect("a folder");
    let drawn = |state: &str| {
        Running::of(Options { state: Some(folder.path().join(state)), switches: no_limit(), ..Options::default() })
    };
    let s = drawn("a");
    let own = account(&s);
    assert!((10_000_000..100_000_000).contains(&own.0), "{own:?}");
    assert_eq!(own.1, format!("sandbox{}", own.0));
    let lead = s.made("leads", json!({}));
    let customer = s.made("customers", json!({"name": "К", "next_date": NOW}));
    for path in [
        format!("leads/{lead}"),
        format!("customers/{customer}"),
        format!("catalogs/{PRODUCTS}"),
        format!("catalogs/{PRODUCTS}/elements/{DESK}"),
        format!("leads/custom_fields/{}", s.field("leads", "Город")),
    ] {
        assert_eq!(s.get(&path).is(200).json()["account_id"], own.0, "{path}");
    }
    s.mode("periodicity", true);
    s.control("POST", "reset", "").is(200);
    let anew = account(&s);
    assert_ne!(anew, own, "its records get the same ids again");
    assert_eq!(anew.1, format!("sandbox{}", anew.0));
    s.mode("periodicity", true);
    drop(s);
    assert_eq!(account(&drawn("a")), anew);
    assert_ne!(account(&drawn("b")), anew);
    let seeded = || account(&Running::start(None, no_limit()));
    assert_eq!(seeded(), seeded());
}

#[test]
fn a_world_of_an_earlier_version_gets_an_account_id_and_keeps_it() {
    const BUILT_IN: u64 = 31_000_001;
    let folder = tempfile::tempdir().expect("a folder");
    let s = Running::start(Some(folder.path()), no_limit());
    let (token, own) = (s.sandbox.token().to_owned(), account(&s).0);
    let lead = s.made("leads", json!({"name": "Прежняя"}));
    // This request writes the account to the log.
    s.mode("periodicity", true);
    drop(s);
    let log = folder.path().join("world.jsonl");
    let text = std::fs::read_to_string(&log).expect("the log");
    let (_, commits) = text.split_once('\n').expect("a header");
    let commits = commits.replace(&format!("\"id\":{own}"), &format!("\"id\":{BUILT_IN}"));
    assert!(commits.contains("\"id\":31000001"), "the account is in the log");
    std::fs::write(&log, format!("{{\"amoport_sandbox_world\":1,\"seed\":1}}\n{commits}")).expect("written");
    let open = || Running::start(Some(folder.path()), no_limit());
    let s = open();
    let drawn = account(&s);
    assert_ne!(drawn.0, BUILT_IN);
    assert_eq!(drawn.1, format!("sandbox{}", drawn.0));
    assert_eq!((s.sandbox.token(), &s.lead(lead)["name"]), (token.as_str(), &json!("Прежняя")));
    assert_eq!(s.get("account").json()["customers_mode"], "periodicity");
    drop(s);
    assert_eq!(account(&open()), drawn);
}

#[test]
fn tokens_rotate() {
    let s = Running::unlimited();
    let known = s.control("GET", "oauth", "").is(200).json();
    let ask = |grant: Value| {
        let mut body = json!({"client_id": known["client_id"], "client_secret": known["client_secret"],
            "redirect_uri": known["redirect_uri"]});
        for (key, value) in grant.as_object().expect("an object") {
            body[key] = value.clone();
        }
        s.plain("POST", "/oauth2/access_token", "", &body.to_string())
    };
    let account = |token: &Value| {
        let header = format!("authorization: Bearer {}\r\n", token.as_str().expect("a token"));
        s.plain("GET", "/api/v4/account", &header, "").status
    };
    let code = json!({"grant_type": "authorization_code", "code": known["code"]});
    let first = ask(code.clone()).is(200).json();
    assert_eq!((&first["token_type"], &first["expires_in"]), (&json!("Bearer"), &json!(86400)));
    assert_eq!(account(&first["access_token"]), 200);
    assert_eq!(ask(code).is(401).json()["hint"], "Cannot decrypt the authorization code");
    let refresh = json!({"grant_type": "refresh_token", "refresh_token": first["refresh_token"]});
    let second = ask(refresh.clone()).is(200).json();
    assert_eq!((account(&first["access_token"]), account(&second["access_token"])), (401, 200));
    assert_eq!(ask(refresh).is(401).has_type("application/problem+json").json()["hint"], "Token has been revoked");
    ask(json!({"client_secret": "wrong"})).is(401);
    s.now.fetch_add(86_400, Ordering::SeqCst);
    assert_eq!(account(&second["access_token"]), 401);
}

/// `cargo test -p amo-sandbox -- --ignored --nocapture`: takes minutes and some gigabytes of disk.
#[test]
#[ignore = "takes minutes; run by hand after changes to the store"]
fn a_million_leads_are_stored_and_loaded() {
    let folder = tempfile::tempdir().expect("a folder");
    let state = folder.path().join("state");
    let s = Running::start(Some(&state), no_limit());
    let city = s.field("leads", "Город");
    let lead = |n: usize| {
        json!({"name": format!("Сделка {n}"), "price": n, "created_at": NOW - n as i64,
            "custom_fields_values": [{"field_id": city, "values": [{"value": format!("Город {n}")}]}]})
    };
    let timed = |what: &str, begun: std::time::Instant| eprintln!("{what}: {:?}", begun.elapsed());
    let begun = std::time::Instant::now();
    for batch in 0..4000 {
        let leads: Vec<Value> = (0..250).map(|i| lead(batch * 250 + i)).collect();
        s.post("leads", json!(leads)).is(200);
    }
    timed("made", begun);
    drop(s);
    let begun = std::time::Instant::now();
    let s = Running::start(Some(&state), no_limit());
    timed("loaded", begun);
    assert_eq!(s.stats()["entities"]["leads"], 1_000_000);
    for query in [
        "limit=250&page=4000&order[id]=asc",
        "limit=1&order[id]=desc",
        "limit=250&order[created_at]=asc&page=2000",
        "filter[responsible_user_id]=500003",
        "query=%D0%93%D0%BE%D1%80%D0%BE%D0%B4+999999",
    ] {
        let begun = std::time::Instant::now();
        s.get(&format!("leads?{query}"));
        timed(query, begun);
    }
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    eprintln!("{}", status.lines().find(|l| l.starts_with("VmRSS")).unwrap_or(""));
}
