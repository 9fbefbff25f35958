//! Records deleted by a person, and the trash.

use std::sync::atomic::Ordering;

use serde_json::{Value, json};

use crate::{NOW, Running, ids, no_limit};

const ANNA: u64 = 500_001;

fn delete(s: &Running, kind: &str, ids: &[u64]) {
    let deleted = s.control("POST", "delete", &json!({kind: ids}).to_string()).is(200).json();
    assert_eq!(deleted["deleted"], ids.len());
}

#[test]
fn deleted_records_are_in_the_trash_only() {
    let folder = tempfile::tempdir().expect("a folder");
    // `is_deleted` in the trash is true for leads and false for contacts and companies.
    for (kind, says) in [("leads", true), ("contacts", false), ("companies", false)] {
        let state = folder.path().join(kind);
        let s = Running::start(Some(&state), no_limit());
        let made: Vec<u64> = (0..4).map(|n| s.made(kind, json!({"name": format!("№{n}"), "created_at": 1}))).collect();
        s.get(&format!("{kind}?with=only_deleted")).is(204);
        s.now.fetch_add(77, Ordering::SeqCst);
        delete(&s, kind, &[made[1], made[2]]);
        s.control("POST", "delete", &json!({kind: [made[1]]}).to_string()).is(200);
        for _ in 0..2 {
            assert_eq!(ids(&s.get(kind).is(200).json(), kind), [made[0], made[3]]);
            s.get(&format!("{kind}?filter[id][]={}", made[1])).is(204);
            s.get(&format!("{kind}/{}", made[1])).is(204);
            assert_eq!(
                s.patch(kind, json!([{"id": made[1], "name": "А"}])).is(400).errors(),
                ["NotSupportedChoice id"]
            );
            let trash = s.get(&format!("{kind}?with=only_deleted")).is(200).json();
            assert_eq!(ids(&trash, kind), [made[1], made[2]]);
            let row = &trash["_embedded"][kind][0];
            assert_eq!((&row["is_deleted"], &row["updated_at"]), (&json!(says), &json!(NOW + 77)), "{kind}");
            assert_eq!(
                (&row["updated_by"], &row["name"], &row["created_at"]),
                (&json!(ANNA), &Value::Null, &Value::Null)
            );
            let asked = s.get(&format!("{kind}?with=only_deleted&limit=1&filter[id][]={}", made[2])).is(200).json();
            assert_eq!(ids(&asked, kind), [made[2]]);
            let paged = s.get(&format!("{kind}?with=only_deleted&limit=1&page=2")).is(200).json();
            assert_eq!(ids(&paged, kind), [made[2]]);
            let one = s.get(&format!("{kind}/{}?with=only_deleted", made[1])).is(200).json();
            assert_eq!((&one["id"], &one["is_deleted"]), (&json!(made[1]), &json!(says)));
            s.get(&format!("{kind}/{}?with=only_deleted", made[0])).is(204);
        }
        drop(s);
        let s = Running::start(Some(&state), no_limit());
        assert_eq!(ids(&s.get(&format!("{kind}?with=only_deleted")).is(200).json(), kind), [made[1], made[2]]);
        s.control("POST", "switches", r#"{"token_is_admin":false,"token_view":"M"}"#).is(200);
        s.get(&format!("{kind}?with=only_deleted")).is(204);
        s.control("POST", "reset", "").is(200);
        s.get(&format!("{kind}?with=only_deleted")).is(204);
    }
}

#[test]
fn records_deleted_for_good_are_not_in_the_trash() {
    let s = Running::unlimited();
    let lead = s.made("leads", json!({}));
    let body = json!({"leads": [lead]}).to_string();
    assert_eq!(s.control("POST", "delete?for_good=1", &body).is(200).json()["deleted"], 1);
    for path in ["leads", "leads?with=only_deleted"] {
        s.get(path).is(204);
    }
    assert_eq!(s.made("leads", json!({})), lead + 2, "no id is given twice");
}

#[test]
fn tables_without_a_trash_ignore_only_deleted() {
    let s = Running::unlimited();
    let customers = [s.made("customers", json!({"name": "А"})), s.made("customers", json!({"name": "Б"}))];
    delete(&s, "customers", &customers[..1]);
    for query in ["customers", "customers?with=only_deleted"] {
        assert_eq!(ids(&s.get(query).is(200).json(), "customers"), customers[1..], "{query}");
    }
}
