//! Words of `customers`, their purchases and their segments.

use serde_json::json;

use super::worlds::{linked, listing, names, quartet};
use super::{Effect, Names, Seen, World};
use crate::documents::server::{NOW, Server, Stand};
use Seen::{Rows, Shows};

/// Statuses are there only where customers buy periodically.
fn four(server: &Server) -> Names {
    server.customers("periodicity");
    let statuses = listing(server, "customers/statuses", "statuses");
    let mut all = quartet(server, "customers", |n, customer| {
        customer.insert("next_price".to_owned(), json!((n + 1) * 1_000));
        customer.insert("next_date".to_owned(), json!(NOW + n as i64 * 1_000));
        let status = if n == 2 { &statuses["r3"] } else { &statuses["r1"] };
        customer.insert("status_id".to_owned(), status.parse().expect("an id"));
    });
    all.insert("status".to_owned(), statuses["r3"].clone());
    all.insert("soon".to_owned(), (NOW + 500).to_string());
    all.insert("late".to_owned(), (NOW + 2_500).to_string());
    all
}

fn full(server: &Server) -> Names {
    linked(server, "customers", &["contacts", "companies", "catalog_elements"])
}

/// Four purchases of one customer, as `customer_id`, and one of another.
fn purchases(server: &Server) -> Names {
    let (customer, other) = (server.stand(Stand::Customer), server.stand(Stand::Customer));
    let buy = |customer: u64, price: u64| {
        server.made(&format!("customers/{customer}/transactions"), &json!([{"price": price}]))
    };
    let [a, b, c, d] = [1, 2, 3, 4].map(|price| buy(customer, price));
    names([("a", a), ("b", b), ("c", c), ("d", d), ("of_another", buy(other, 5)), ("customer_id", customer)])
}

fn segments(server: &Server) -> Names {
    server.customers("segments");
    for name in ["Волга", "Амур", "Енисей"] {
        server.made("customers/segments", &json!({"name": name}));
    }
    listing(server, "customers/segments", "segments")
}

const FOUR: [(&str, Seen); 16] = [
    ("<limit>=2", Rows(&["a", "b"])),
    ("limit=1&<page>=3", Rows(&["c"])),
    ("<query>=волга", Rows(&["b"])),
    ("<query>=слово2", Rows(&["c"])),
    ("<query>=4000", Rows(&["d"])),
    ("filter[<id>]={b}", Rows(&["b"])),
    ("filter[<id>][]={b}&filter[<id>][]={d}", Rows(&["b", "d"])),
    ("filter[<name>]=Волга", Rows(&["b"])),
    ("filter[<next_date>][<from>]={soon}&filter[next_date][<to>]={late}", Rows(&["b", "c"])),
    ("filter[<next_price>][<from>]=1500&filter[next_price][<to>]=3500", Rows(&["b", "c"])),
    ("filter[<status_id>][]={status}", Rows(&["c"])),
    ("filter[<created_by>][]={ivan}", Rows(&["a"])),
    ("filter[<updated_by>][]={ivan}", Rows(&["d"])),
    ("filter[<responsible_user_id>][]={ivan}&filter[<responsible_user_id>][]={maria}", Rows(&["b", "c"])),
    ("filter[<created_at>][<from>]=1600000150&filter[created_at][<to>]=1600000350", Rows(&["a", "d"])),
    ("filter[<updated_at>][<from>]=1700000150&filter[updated_at][<to>]=1700000350", Rows(&["a", "d"])),
];

const FIELDS: [(&str, Seen); 2] = [
    ("filter[<custom_fields_values>][{text}][]=слово1", Rows(&["b"])),
    (
        "filter[<custom_fields_values>][{number}][<from>]=15&filter[custom_fields_values][{number}][<to>]=35",
        Rows(&["b", "c"]),
    ),
];

const ORDERED: [(&str, Seen); 8] = [
    ("order[<id>]=<asc>&order[created_at]=desc", Rows(&["a", "b", "c", "d"])),
    ("order[<id>]=<desc>", Rows(&["d", "c", "b", "a"])),
    ("order[<created_at>]=<asc>", Rows(&["c", "a", "d", "b"])),
    ("order[<created_at>]=<desc>", Rows(&["b", "d", "a", "c"])),
    ("order[<updated_at>]=<asc>", Rows(&["b", "a", "d", "c"])),
    ("order[<updated_at>]=<desc>", Rows(&["c", "d", "a", "b"])),
    ("order[<name>]=<asc>", Rows(&["d", "b", "a", "c"])),
    ("order[<name>]=<desc>", Rows(&["c", "a", "b", "d"])),
];

const WITH: [(&str, Seen); 3] = [
    (
        "with=<catalog_elements>",
        Shows(
            "id",
            &[(
                "/_embedded/catalog_elements",
                r#"[{"id": {catalog_elements}, "metadata": {"catalog_id": {catalog}, "quantity": 3}}]"#,
            )],
        ),
    ),
    ("with=<contacts>", Shows("id", &[("/_embedded/contacts", r#"[{"id": {contacts}}]"#)])),
    ("with=<companies>", Shows("id", &[("/_embedded/companies", r#"[{"id": {companies}}]"#)])),
];

const BOUGHT: [(&str, Seen); 4] = [
    ("<limit>=2", Rows(&["a", "b"])),
    ("limit=1&<page>=3", Rows(&["c"])),
    ("filter[<id>]={b}", Rows(&["b"])),
    ("filter[<id>][]={b}&filter[<id>][]={d}", Rows(&["b", "d"])),
];

const SEGMENTS: [(&str, Seen); 2] = [("<limit>=2", Rows(&["r1", "r2"])), ("limit=1&<page>=3", Rows(&["r3"]))];

pub fn all() -> Vec<Effect> {
    let effect = |route, world: World, (query, seen): (&str, Seen)| Effect {
        route,
        query: query.to_owned(),
        seen,
        world,
        switch: None,
        file: "customers",
    };
    let mut all: Vec<Effect> = FOUR.map(|entry| effect("customers", four as World, entry)).into();
    all.extend(FIELDS.map(|entry| Effect { switch: Some("field_filters"), ..effect("customers", four, entry) }));
    all.extend(ORDERED.map(|entry| Effect { switch: Some("customers_order"), ..effect("customers", four, entry) }));
    for route in ["customers", "customers/{id}"] {
        all.extend(WITH.map(|entry| effect(route, full, entry)));
    }
    for route in ["customers/transactions", "customers/{customer_id}/transactions"] {
        all.extend(BOUGHT.map(|entry| effect(route, purchases, entry)));
    }
    all.extend(SEGMENTS.map(|entry| effect("customers/segments", segments, entry)));
    all
}
