//! Words of `contacts` and `companies`.

use super::worlds::{linked, quartet, trashed};
use super::{Effect, Names, Seen, World};
use crate::documents::server::Server;
use Seen::{Rows, Shows};

fn contacts(server: &Server) -> Names {
    quartet(server, "contacts", |_, _| {})
}

fn companies(server: &Server) -> Names {
    quartet(server, "companies", |_, _| {})
}

/// Customers are switched on in the world that ships.
fn linked_contact(server: &Server) -> Names {
    linked(server, "contacts", &["leads", "customers", "catalog_elements"])
}

fn linked_company(server: &Server) -> Names {
    linked(server, "companies", &["contacts", "leads", "customers", "catalog_elements"])
}

fn gone_contact(server: &Server) -> Names {
    trashed(server, "contacts")
}

fn gone_company(server: &Server) -> Names {
    trashed(server, "companies")
}

/// Unasked they come by their last change: b a d c.
const FOUR: [(&str, Seen); 18] = [
    ("<limit>=2", Rows(&["b", "a"])),
    ("limit=1&<page>=3", Rows(&["d"])),
    ("<query>=волга", Rows(&["b"])),
    ("<query>=слово2", Rows(&["c"])),
    ("filter[<id>]={b}", Rows(&["b"])),
    ("filter[<id>][]={b}&filter[<id>][]={d}", Rows(&["b", "d"])),
    ("filter[<name>]=Волга", Rows(&["b"])),
    ("filter[<created_by>][]={ivan}", Rows(&["a"])),
    ("filter[<updated_by>][]={ivan}", Rows(&["d"])),
    ("filter[<responsible_user_id>][]={ivan}&filter[<responsible_user_id>][]={maria}", Rows(&["b", "c"])),
    ("filter[<created_at>][<from>]=1600000150&filter[created_at][<to>]=1600000350", Rows(&["a", "d"])),
    ("filter[<updated_at>][<from>]=1700000150&filter[updated_at][<to>]=1700000350", Rows(&["a", "d"])),
    ("order[<id>]=<asc>", Rows(&["a", "b", "c", "d"])),
    ("order[<id>]=<desc>", Rows(&["d", "c", "b", "a"])),
    ("order[<updated_at>]=<asc>&order[id]=desc", Rows(&["b", "a", "d", "c"])),
    ("order[<updated_at>]=<desc>", Rows(&["c", "d", "a", "b"])),
    ("order[<name>]=<asc>", Rows(&["d", "b", "a", "c"])),
    ("order[<name>]=<desc>", Rows(&["c", "a", "b", "d"])),
];

const FIELDS: [(&str, Seen); 2] = [
    ("filter[<custom_fields_values>][{text}][]=слово1", Rows(&["b"])),
    (
        "filter[<custom_fields_values>][{number}][<from>]=15&filter[custom_fields_values][{number}][<to>]=35",
        Rows(&["b", "c"]),
    ),
];

const ELEMENTS: (&str, Seen) = (
    "with=<catalog_elements>",
    Shows(
        "id",
        &[(
            "/_embedded/catalog_elements",
            r#"[{"id": {catalog_elements}, "metadata": {"catalog_id": {catalog}, "quantity": 3}}]"#,
        )],
    ),
);
const LEADS: (&str, Seen) = ("with=<leads>", Shows("id", &[("/_embedded/leads", r#"[{"id": {leads}}]"#)]));
const CUSTOMERS: (&str, Seen) =
    ("with=<customers>", Shows("id", &[("/_embedded/customers", r#"[{"id": {customers}}]"#)]));
const CONTACTS: (&str, Seen) = ("with=<contacts>", Shows("id", &[("/_embedded/contacts", r#"[{"id": {contacts}}]"#)]));
const TRASH: (&str, Seen) = ("with=<only_deleted>", Rows(&["a"]));
/// Of contacts and companies in the trash nothing says that they are. [client live]
const ONE_OF_TRASH: (&str, Seen) = ("with=<only_deleted>", Shows("a", &[("/id", "{a}")]));

pub fn all() -> Vec<Effect> {
    let effect = |route, world: World, (query, seen): (&str, Seen)| Effect {
        route,
        query: query.to_owned(),
        seen,
        world,
        switch: None,
        file: "contacts",
    };
    let mut all = Vec::new();
    let kinds = [
        ("contacts", "contacts/{id}", [contacts as World, linked_contact, gone_contact]),
        ("companies", "companies/{id}", [companies, linked_company, gone_company]),
    ];
    for (route, one, [four, full, gone]) in kinds {
        all.extend(FOUR.map(|entry| effect(route, four, entry)));
        all.extend(FIELDS.map(|entry| Effect { switch: Some("field_filters"), ..effect(route, four, entry) }));
        for route in [route, one] {
            all.extend([ELEMENTS, LEADS, CUSTOMERS].map(|entry| effect(route, full, entry)));
        }
        all.extend([effect(route, gone, TRASH), effect(one, gone, ONE_OF_TRASH)]);
    }
    all.extend(["companies", "companies/{id}"].map(|route| effect(route, linked_company, CONTACTS)));
    all
}
