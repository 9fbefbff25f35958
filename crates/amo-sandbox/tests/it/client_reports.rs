//! Behaviour that other clients rely on, each as a request and its response.

use serde_json::{Value, json};

use super::{MAIN, Running, ids, no_limit};

#[test]
fn a_tag_of_leads_keeps_its_colour() {
    let folder = tempfile::tempdir().expect("a folder");
    let s = Running::start(Some(folder.path()), no_limit());
    let tag = json!([{"name": "Срочно", "color": "DDEBB5"}, {"name": "Потом"}]);
    let made = s.post("leads/tags", tag).is(200).json()["_embedded"]["tags"].clone();
    assert_eq!((&made[0]["color"], &made[1]["color"]), (&json!("DDEBB5"), &Value::Null));
    let lead = s.made("leads", json!({"_embedded": {"tags": [{"name": "Срочно"}]}}));
    let color = |s: &Running| s.lead(lead)["_embedded"]["tags"][0]["color"].clone();
    assert_eq!(color(&s), "DDEBB5");
    // A name that exists returns the existing tag, with the last colour.
    assert_eq!(s.post("leads/tags", json!([{"name": "Срочно"}])).json()["_embedded"]["tags"][0]["color"], "DDEBB5");
    s.post("leads/tags", json!([{"name": "Срочно", "color": "EBEBEB"}])).is(200);
    assert_eq!(s.get("leads/tags?query=Срочно").json()["_embedded"]["tags"][0]["color"], "EBEBEB");
    drop(s);
    assert_eq!(color(&Running::start(Some(folder.path()), no_limit())), "EBEBEB");
}

#[test]
fn empty_names_are_refused() {
    let s = Running::periodic();
    let field = json!([{"name": " ", "type": "text"}]);
    for (path, items) in [
        ("customers/statuses", json!([{"name": " ", "sort": 1}])),
        ("leads/tags", json!([{"name": ""}])),
        ("catalogs", json!([{"name": ""}])),
        ("leads/custom_fields", field),
        ("sources", json!([{"name": "", "external_id": "a"}])),
    ] {
        assert_eq!(s.post(path, items).is(400).errors(), ["NotBlank name"], "{path}");
    }
    let s = Running::unlimited();
    assert_eq!(s.post("customers/segments", json!({"name": ""})).is(400).errors(), ["NotBlank name"]);
    assert_eq!(s.patch("customers/segments/51", json!({"name": " "})).is(400).errors(), ["NotBlank name"]);
}

#[test]
fn a_changed_segment_is_wrapped_with_the_switch() {
    let s = Running::unlimited();
    let change = || s.patch("customers/segments/51", json!({"name": "Другой"})).is(200).json();
    assert_eq!(change()["name"], "Другой");
    s.switch("patch_wrapped", json!(true));
    assert_eq!(change()["_embedded"]["segments"][0]["name"], "Другой");
}

#[test]
fn external_id_of_a_source_is_a_number_or_a_text() {
    for (made, other) in [(json!("77"), json!(77)), (json!(77), json!("77"))] {
        let s = Running::unlimited();
        let source = s.made("sources", json!({"name": "Сайт", "external_id": made, "pipeline_id": MAIN}));
        let lead = |external_id: Value| s.made("leads", json!({"_embedded": {"source": {"external_id": external_id}}}));
        let (by_text, by_number) = (lead(json!("77")), lead(json!(77)));
        assert_eq!([&s.lead(by_text)["source_id"], &s.lead(by_number)["source_id"]], [source, source]);
        let found = s.get("sources?filter[external_id][]=77").is(200).json();
        assert_eq!(found["_embedded"]["sources"][0]["external_id"], "77");
        let twice = s.post("sources", json!([{"name": "Второй", "external_id": other}])).is(400);
        assert_eq!(twice.errors(), ["SourceAlreadyExists external_id"]);
        let renamed = s.patch(&format!("sources/{source}"), json!({"external_id": 78})).is(200).json();
        assert_eq!(renamed["external_id"], "78");
    }
}

#[test]
fn a_query_finds_leads_by_price_and_customers_by_next_price() {
    let s = Running::unlimited();
    let lead = s.made("leads", json!({"name": "Сделка", "price": 48_500}));
    s.made("leads", json!({"name": "Сделка", "price": 4850}));
    assert_eq!(ids(&s.get("leads?query=48500").is(200).json(), "leads"), [lead]);
    let customer = s.made("customers", json!({"name": "Покупатель", "next_price": 7300}));
    s.made("customers", json!({"name": "Покупатель", "next_price": 1}));
    assert_eq!(ids(&s.get("customers?query=7300").is(200).json(), "customers"), [customer]);
}

#[test]
fn custom_fields_are_filtered_by_range_with_the_switch() {
    let s = Running::unlimited();
    let discount = s.field("leads", "Скидка, %");
    let leads: Vec<u64> = [5.0, 12.5, 30.0]
        .map(|n| s.made("leads", json!({"custom_fields_values": [{"field_id": discount, "values": [{"value": n}]}]})))
        .to_vec();
    s.made("leads", json!({"name": "без скидки"}));
    let found = |ends: &[(&str, &str)]| {
        let of = |(end, value): &(&str, &str)| format!("filter[custom_fields_values][{discount}][{end}]={value}");
        let query: Vec<String> = ends.iter().map(of).collect();
        ids(&s.get(&format!("leads?{}", query.join("&"))).is(200).json(), "leads")
    };
    assert_eq!(found(&[("from", "12.5")]).len(), 4);
    s.switch("field_filters", json!(true));
    assert_eq!(found(&[("from", "12.5")]), leads[1..]);
    assert_eq!(found(&[("to", "12.5")]), leads[..2]);
    assert_eq!(found(&[("from", "6"), ("to", "29")]), leads[1..2]);
}

#[test]
fn tokens_are_requested_by_form_or_json() {
    let s = Running::unlimited();
    let known = s.control("GET", "oauth", "").is(200).json();
    let text = |key: &str| known[key].as_str().expect("a text").to_owned();
    let form = |code: &str| {
        format!(
            "grant_type=authorization_code&client_id={}&client_secret={}&code={code}&redirect_uri=https%3A%2F%2Fexample.com",
            text("client_id"),
            text("client_secret")
        )
    };
    let ask = |body: &str| {
        s.plain("POST", "/oauth2/access_token", "content-type: application/x-www-form-urlencoded\r\n", body)
    };
    ask(&form("wrong")).is(401);
    let pair = ask(&form(&text("code"))).is(200).json();
    assert_eq!(pair["token_type"], "Bearer");
    let headers = format!("authorization: Bearer {}\r\n", pair["access_token"].as_str().expect("a token"));
    s.plain("GET", "/api/v4/account", &headers, "").is(200);
    for body in ["", "nonsense", "{"] {
        ask(body).is(400);
    }
}
