//! Words of `catalogs`, their elements, custom fields and tags.

use serde_json::json;

use super::worlds::{listing, names};
use super::{Effect, Names, Seen, World};
use crate::documents::prepared::whole;
use crate::documents::server::{Server, Stand};
use Seen::{Prepared, Rows, Shows};

fn catalogs(server: &Server) -> Names {
    listing(server, "catalogs", "catalogs")
}

/// Four elements of a new list, as `catalog_id`, with a custom field, and one of another list.
fn elements(server: &Server) -> Names {
    let catalog = server.made("catalogs", &json!([{"name": "Окна", "can_add_elements": true}]));
    let field = json!([{"name": "Цвет", "type": "text"}]);
    let field = server.made(&format!("catalogs/{catalog}/custom_fields"), &field);
    let path = format!("catalogs/{catalog}/elements");
    let make = |(name, color): (&str, &str)| {
        let fields = json!([{"field_id": field, "values": [{"value": color}]}]);
        server.made(&path, &json!([{"name": name, "custom_fields_values": fields}]))
    };
    let [a, b, c, d] = [("Дон", "синий"), ("Волга", "белый"), ("Енисей", "серый"), ("Амур", "чёрный")].map(make);
    names([("a", a), ("b", b), ("c", c), ("d", d), ("catalog_id", catalog)])
}

fn invoice(server: &Server) -> Names {
    let catalog = server.stand(Stand::Catalog("invoices"));
    let id = whole(server, &format!("catalogs/{catalog}/elements"));
    names([("id", id), ("catalog_id", catalog)])
}

const CATALOGS: [(&str, Seen); 3] = [
    ("<limit>=2", Rows(&["r1", "r2"])),
    ("limit=1&<page>=3", Rows(&["r3"])),
    // The list of this type stands first.
    ("<type>=invoices", Rows(&["r2"])),
];

const ELEMENTS: [(&str, Seen); 7] = [
    ("<limit>=2", Rows(&["a", "b"])),
    ("limit=1&<page>=3", Rows(&["c"])),
    ("<query>=волга", Rows(&["b"])),
    ("<query>=серый", Rows(&["c"])),
    ("filter[<id>]={b}", Rows(&["b"])),
    ("filter[<id>][]={b}&filter[<id>][]={d}", Rows(&["b", "d"])),
    ("<id>[]={b}&<id>[]={d}", Rows(&["b", "d"])),
];

const INVOICE: (&str, Seen) = ("with=<invoice_link>", Shows("id", &[("/invoice_link", "*")]));

/// Four new fields; those that ship are other ones.
fn fields(server: &Server, path: &str) -> Names {
    let make = |(kind, sort): (&str, i64)| {
        server.made(&format!("{path}/custom_fields"), &json!([{"name": "Поле", "type": kind, "sort": sort}]))
    };
    let [a, b, c, d] = [("text", 2_010), ("numeric", 2_020), ("date", 2_040), ("textarea", 2_030)].map(make);
    names([("a", a), ("b", b), ("c", c), ("d", d)])
}

const FIELDS: [(&str, Seen); 8] = [
    ("filter[id][]={a}&filter[id][]={b}&filter[id][]={c}&<limit>=2", Rows(&["a", "b"])),
    ("filter[id][]={a}&filter[id][]={b}&filter[id][]={c}&limit=1&<page>=3", Rows(&["c"])),
    ("limit=250&filter[<type>][]=textarea&filter[id][]={a}&filter[id][]={d}", Rows(&["d"])),
    ("filter[<id>][]={b}&filter[<id>][]={d}", Rows(&["b", "d"])),
    ("limit=250&order[<id>]=<asc>&order[sort]=desc", Prepared(&["a", "b", "c", "d"])),
    ("limit=250&order[<id>]=<desc>", Prepared(&["d", "c", "b", "a"])),
    ("limit=250&order[<sort>]=<asc>&order[id]=desc", Prepared(&["a", "b", "d", "c"])),
    ("limit=250&order[<sort>]=<desc>", Prepared(&["c", "d", "b", "a"])),
];

/// Four tags, `a b c d`.
fn tags(server: &Server, path: &str) -> Names {
    let make = |name: &str| server.made(&format!("{path}/tags"), &json!([{"name": name}]));
    let [a, b, c, d] = ["дон", "волга", "енисей", "амур"].map(make);
    names([("a", a), ("b", b), ("c", c), ("d", d)])
}

const TAGS: [(&str, Seen); 6] = [
    ("<limit>=2", Rows(&["a", "b"])),
    ("limit=1&<page>=3", Rows(&["c"])),
    ("<query>=волг", Rows(&["b"])),
    ("filter[<name>]=волга", Rows(&["b"])),
    ("filter[<id>]={b}", Rows(&["b"])),
    ("filter[<id>][]={b}&filter[<id>][]={d}", Rows(&["b", "d"])),
];

const FIELDS_OF: [(&str, World); 6] = [
    ("leads/custom_fields", |s| fields(s, "leads")),
    ("contacts/custom_fields", |s| fields(s, "contacts")),
    ("companies/custom_fields", |s| fields(s, "companies")),
    ("customers/custom_fields", |s| fields(s, "customers")),
    ("customers/segments/custom_fields", |s| fields(s, "customers/segments")),
    ("catalogs/{catalog_id}/custom_fields", |s| {
        let catalog = s.stand(Stand::Catalog("regular"));
        let mut all = fields(s, &format!("catalogs/{catalog}"));
        all.insert("catalog_id".to_owned(), catalog.to_string());
        all
    }),
];

const TAGS_OF: [(&str, World); 4] = [
    ("leads/tags", |s| tags(s, "leads")),
    ("contacts/tags", |s| tags(s, "contacts")),
    ("companies/tags", |s| tags(s, "companies")),
    ("customers/tags", |s| tags(s, "customers")),
];

pub fn all() -> Vec<Effect> {
    let effect = |route, world: World, (query, seen): (&str, Seen)| Effect {
        route,
        query: query.to_owned(),
        seen,
        world,
        switch: None,
        file: "lists",
    };
    let mut all: Vec<Effect> = CATALOGS.map(|entry| effect("catalogs", catalogs, entry)).into();
    let route = "catalogs/{catalog_id}/elements";
    all.extend(ELEMENTS.map(|entry| effect(route, elements, entry)));
    let rising = ("order[<id>]=<desc>", Rows(&["d", "c", "b", "a"]));
    all.push(Effect { switch: Some("elements_order"), ..effect(route, elements, rising) });
    all.extend([route, "catalogs/{catalog_id}/elements/{id}"].map(|route| effect(route, invoice, INVOICE)));
    for (route, world) in FIELDS_OF {
        all.extend(FIELDS.map(|entry| effect(route, world, entry)));
    }
    for (route, world) in TAGS_OF {
        all.extend(TAGS.map(|entry| effect(route, world, entry)));
    }
    all
}
