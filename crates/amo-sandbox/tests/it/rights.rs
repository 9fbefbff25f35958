//! The records that a token's user sees who is no administrator.

use serde_json::{Value, json};

use crate::{IVAN, Running, ids};

const ANNA: u64 = 500_001;
/// In another group than Anna, who owns the token.
const OLEG: u64 = 500_007;

const KINDS: [&str; 4] = ["leads", "contacts", "companies", "customers"];

/// A record of each of three users.
fn records_of_three_users(s: &Running, kind: &str) -> [u64; 3] {
    [ANNA, IVAN, OLEG].map(|user| s.made(kind, json!({"name": format!("{user}"), "responsible_user_id": user})))
}

fn shown(s: &Running, path: &str, key: &str) -> Vec<u64> {
    let answer = s.get(path);
    if answer.status == 204 { Vec::new() } else { ids(&answer.is(200).json(), key) }
}

#[test]
fn lists_follow_the_rights_of_the_user() {
    for kind in KINDS {
        let s = Running::unlimited();
        let [own, ivans, olegs] = records_of_three_users(&s, kind);
        for (view, wanted) in [("A", vec![own, ivans, olegs]), ("G", vec![own, ivans]), ("M", vec![own]), ("D", vec![])]
        {
            s.control("POST", "switches", &json!({"token_is_admin": false, "token_view": view}).to_string()).is(200);
            for list in [kind.to_owned(), format!("{kind}?limit=250&order[id]=asc"), format!("{kind}?query=5000")] {
                assert_eq!(shown(&s, &list, kind), wanted, "{view} {list}");
            }
            let filtered = format!("{kind}?filter[id][]={ivans}&filter[id][]={olegs}");
            let others: Vec<u64> = wanted.iter().copied().filter(|id| *id != own).collect();
            assert_eq!(shown(&s, &filtered, kind), others, "{view}");
            for id in [own, ivans, olegs] {
                let status = if wanted.contains(&id) { 200 } else { 204 };
                s.get(&format!("{kind}/{id}")).is(status);
            }
        }
        s.switch("token_is_admin", json!(true));
        assert_eq!(shown(&s, kind, kind).len(), 3, "an administrator sees all");
    }
}

#[test]
fn hidden_records_are_as_unknown_ones() {
    let s = Running::unlimited();
    let [own, ivans, _] = records_of_three_users(&s, "leads");
    let [_, customer, _] = records_of_three_users(&s, "customers");
    let purchase = s.made_of(customer);
    s.control("POST", "switches", r#"{"token_is_admin":false,"token_view":"M"}"#).is(200);
    s.patch("leads", json!([{"id": own, "price": 7}])).is(200);
    let refused = s.patch("leads", json!([{"id": ivans, "price": 7}])).is(400);
    assert_eq!(refused.errors(), ["NotSupportedChoice id"]);
    s.patch(&format!("leads/{ivans}"), json!({"price": 7})).is(400);
    let link = json!([{"to_entity_id": customer, "to_entity_type": "customers"}]);
    s.post(&format!("leads/{ivans}/link"), link).is(400);
    s.get(&format!("leads/{ivans}/links")).is(204);
    s.get("customers/transactions").is(404);
    s.get(&format!("customers/{customer}/transactions/{purchase}")).is(204);
    s.post(&format!("customers/{customer}/transactions"), json!([{"price": 1}])).is(404);
    let events = s.get("events?filter[entity]=lead").is(200).json();
    let told: Vec<&Value> =
        events["_embedded"]["events"].as_array().expect("events").iter().map(|e| &e["entity_id"]).collect();
    assert_eq!(told, [&json!(own)]);
    // The world still has all records, and records for another user are created.
    s.post("leads", json!([{"name": "Чужая", "responsible_user_id": IVAN}])).is(200);
    assert_eq!((s.leads(), shown(&s, "leads", "leads")), (4, vec![own]));
}

#[test]
fn users_are_for_administrators_and_show_their_rights() {
    let s = Running::unlimited();
    let user = |id: u64| s.get(&format!("users/{id}?with=group")).is(200).json();
    let admin = user(ANNA);
    assert_eq!((&admin["rights"]["is_admin"], &admin["rights"]["leads"]["view"]), (&json!(true), &json!("A")));
    assert_eq!(
        (&user(IVAN)["rights"]["is_admin"], &user(OLEG)["rights"]["group_id"]),
        (&json!(false), &json!(500_101))
    );
    let groups = s.get("account?with=users_groups").is(200).json()["_embedded"]["users_groups"].clone();
    assert_eq!(
        (&groups[1]["id"], &groups[1]["name"]),
        (&json!(500_101), &user(OLEG)["_embedded"]["groups"][0]["name"])
    );
    s.control("POST", "switches", r#"{"token_is_admin":false,"token_view":"M"}"#).is(200);
    for path in ["users".to_owned(), format!("users/{ANNA}"), format!("users/{IVAN}")] {
        s.get(&path).is(403).has_type("application/problem+json");
    }
    assert_eq!(s.get("account").is(200).json()["current_user_id"], ANNA);
    s.switch("own_user_shown", json!(true));
    let own = user(ANNA);
    assert_eq!((&own["rights"]["is_admin"], &own["rights"]["leads"]["view"]), (&json!(false), &json!("M")));
    s.get(&format!("users/{IVAN}")).is(403);
}
