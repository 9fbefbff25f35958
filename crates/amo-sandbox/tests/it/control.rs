//! Control endpoints: records of the world, deletion, switches.

use amo_sandbox::Switches;
use serde_json::{Value, json};

use crate::Running;

/// Names of the rows of `entities/…`.
pub fn names(rows: &Value) -> Vec<&str> {
    rows["rows"].as_array().expect("rows").iter().map(|row| row["name"].as_str().expect("a name")).collect()
}

#[test]
fn control_deletes_what_the_api_cannot() {
    let s = Running::unlimited();
    let made = s.post("leads", json!([{"name": "a"}, {"name": "b"}, {"name": "c"}])).is(200).json();
    let ids: Vec<u64> =
        made["_embedded"]["leads"].as_array().expect("leads").iter().filter_map(|lead| lead["id"].as_u64()).collect();
    let deleted = s.control("POST", "delete", &json!({"leads": [ids[1], 7]}).to_string()).is(200).json();
    assert_eq!((deleted, s.leads()), (json!({"deleted": 1}), 2));
    s.get(&format!("leads/{}", ids[1])).is(204);
    s.control("POST", "delete", r#"{"things":[1]}"#).is(400);
    // A record is deleted while a list is being read: the page was read before that.
    s.faults(json!({"script": [{"on": "GET leads", "nth": 1, "do": "shift"}]}));
    let page = s.get("leads?limit=1").is(200).json();
    assert_eq!((&page["_embedded"]["leads"][0]["id"], s.leads()), (&json!(ids[0]), 1));
}

#[test]
fn a_record_keeps_its_request_id_for_tests() {
    let s = Running::unlimited();
    s.post("leads", json!([{"request_id": "r17"}, {}])).is(200);
    s.patch("leads", json!([{"id": 10_000_001, "name": "а", "request_id": "r99"}])).is(200);
    let customer = s.made("customers", json!({"name": "К", "request_id": "r3"}));
    s.post(&format!("customers/{customer}/transactions"), json!([{"price": 1, "request_id": "r4"}])).is(200);
    let read =
        |what: &str| s.control("GET", &format!("entities/{what}?fields=sent_as"), "").is(200).json()["rows"].clone();
    assert_eq!(read("leads"), json!([{"id": 10_000_001, "sent_as": "r17"}, {"id": 10_000_003}]));
    assert_eq!((&read("customers")[0]["sent_as"], &read("transactions")[0]["sent_as"]), (&json!("r3"), &json!("r4")));
    assert_eq!(s.lead(10_000_001).get("sent_as"), None);
}

#[test]
fn the_whole_world_can_be_read_row_by_row() {
    let s = Running::start(None, Switches { rate_max: 3, ..Switches::default() });
    let contact = s.made("contacts", json!({"name": "Екатерина", "tags_to_add": [{"name": "вип"}]}));
    let company = s.made("companies", json!({"name": "АО"}));
    let fields = json!([{"field_code": "ORDER_NO", "values": [{"value": "З-17"}]}]);
    let lead = s.made(
        "leads",
        json!({"name": "Первая", "custom_fields_values": fields,
        "_embedded": {"contacts": [{"id": contact}], "companies": [{"id": company}]}}),
    );
    s.faults(json!({"script": [{"on": "**", "do": "500"}], "latency_ms": 60_000}));
    let read = |what: &str| s.control("GET", &format!("entities/{what}"), "").is(200).json();
    let all = read("leads");
    let row = &all["rows"][0];
    assert_eq!(
        (&row["name"], &row["contacts"], &row["companies"]),
        (&json!("Первая"), &json!([contact]), &json!([company]))
    );
    assert_eq!(
        row["custom"].as_object().map(|custom| custom.values().collect::<Vec<_>>()),
        Some(vec![&json!(["З-17"])])
    );
    assert_eq!((&row["tags"], row.get("_embedded"), &all["next"]), (&json!([]), None, &Value::Null));
    assert_eq!(
        read("contacts?fields=tags,leads"),
        json!({"rows": [{"id": contact, "tags": ["вип"], "leads": [lead]}], "next": null})
    );
    s.control("GET", "entities/nonsense", "").is(404);
    assert_eq!(row.get("sent_as"), None);
    s.faults(json!({}));
    s.control("POST", "switches", r#"{"rate_max":1000000}"#).is(200);
    let batch: Vec<Value> = (0..9).map(|i| json!({"name": format!("{i}")})).collect();
    s.post("leads", json!(batch)).is(200);
    let (mut after, mut seen) = (json!(0), Vec::new());
    while after != Value::Null {
        let page = read(&format!("leads?fields=name&limit=4&after={after}"));
        seen.extend(names(&page).into_iter().map(str::to_owned));
        after = page["next"].clone();
    }
    assert_eq!(seen, ["Первая", "0", "1", "2", "3", "4", "5", "6", "7", "8"]);
}

#[test]
fn the_largest_numbers_crash_nothing() {
    let s = Running::unlimited();
    s.post("catalogs", json!([{"name": "Последний", "type": "regular", "sort": i64::MAX}])).is(200);
    s.post("catalogs", json!([{"name": "Ещё один", "type": "regular"}])).is(200);
    s.post("leads/custom_fields", json!([{"name": "Последнее", "type": "text", "sort": i64::MAX}])).is(200);
    s.post("leads/custom_fields", json!([{"name": "Ещё одно", "type": "text"}])).is(200);
    let customer = s.made("customers", json!({"name": "К"}));
    let path = format!("customers/{customer}/transactions");
    let purchase = crate::ids(&s.post(&path, json!([{"price": i64::MIN}])).is(200).json(), "transactions")[0];
    s.delete(&format!("customers/transactions/{purchase}")).is(204);
    let between = |from: u64, to: u64| amo_sandbox::Latency::Between(from, to).pick(u64::MAX);
    assert_eq!((between(0, u64::MAX), between(5, 5)), (0, 5));
}

#[test]
fn an_impossible_switch_is_refused_with_a_reason() {
    let s = Running::unlimited();
    for (switches, why) in [
        (json!({"batch_excess_status": 99}), "batch_excess_status is 99, and a status goes from 200 to 599"),
        (json!({"unknown_id_status": 1000}), "unknown_id_status is 1000"),
        (json!({"list_lag_s": -1}), "list_lag_s is -1, and a lag goes from 0 to 86400 seconds"),
        (json!({"query_lag_s": 1e308}), "query_lag_s is 1"),
    ] {
        let said = s.control("POST", "switches", &switches.to_string()).is(400).json();
        assert!(said["error"].as_str().expect("an error").contains(why), "{said}");
    }
    assert_eq!(s.control("GET", "switches", "").json()["unknown_id_status"], 204);
}

#[test]
fn a_transaction_deleted_by_a_person_leaves_its_customers_totals() {
    let s = Running::unlimited();
    let customer = s.made("customers", json!({"name": "К"}));
    let path = format!("customers/{customer}/transactions");
    let bought = |price: u64| crate::ids(&s.post(&path, json!([{"price": price}])).is(200).json(), "transactions")[0];
    let (first, _) = (bought(10), bought(20));
    s.control("POST", "delete", &json!({"transactions": [first]}).to_string()).is(200);
    let customer = s.get(&format!("customers/{customer}")).is(200).json();
    assert_eq!((&customer["ltv"], &customer["purchases_count"]), (&json!(20), &json!(1)));
}
