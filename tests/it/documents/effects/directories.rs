//! Words of the account, its users, reasons and sources, of events and of links.

use serde_json::json;

use super::worlds::{linked, listing, names};
use super::{Effect, Names, Seen, World};
use crate::documents::server::{NOW, Server, Stand};
use Seen::{Rows, Shows};

fn nothing(_: &Server) -> Names {
    Names::new()
}

fn users(server: &Server) -> Names {
    listing(server, "users", "users")
}

fn user(server: &Server) -> Names {
    names([("id", server.stand(Stand::User))])
}

fn reasons(server: &Server) -> Names {
    listing(server, "leads/loss_reasons", "loss_reasons")
}

fn sources(server: &Server) -> Names {
    let make = |name: &str| server.made("sources", &json!([{"name": name, "external_id": format!("effects-{name}")}]));
    let [a, b, c] = ["a", "b", "c"].map(make);
    names([("a", a), ("b", b), ("c", c)])
}

/// Something of each kind that is told of, made ten seconds apart; told the latest first: d c b a.
fn events(server: &Server) -> Names {
    let mut all = names([("ivan", 500_003)]);
    let stands = [("a", Stand::Lead), ("b", Stand::Contact), ("c", Stand::Company), ("d", Stand::Customer)];
    for (name, what) in stands {
        all.insert(name.to_owned(), server.stand(what).to_string());
        server.pass(10);
    }
    all.extend([("early", NOW + 5), ("late", NOW + 25)].map(|(name, at)| (name.to_owned(), at.to_string())));
    all
}

const ACCOUNT: [(&str, Seen); 10] = [
    ("with=<amojo_id>", Shows("account", &[("/amojo_id", "*")])),
    ("with=<amojo_rights>", Shows("account", &[("/_embedded/amojo_rights", r#"{"can_direct": true}"#)])),
    ("with=<users_groups>", Shows("account", &[("/_embedded/users_groups/0/name", "*")])),
    ("with=<task_types>", Shows("account", &[("/_embedded/task_types", r#"[{"id": 1}, {"id": 2}]"#)])),
    ("with=<version>", Shows("account", &[("/version", "11")])),
    ("with=<entity_names>", Shows("account", &[("/entity_names/leads/ru/gen_singular", "*")])),
    (
        "with=<datetime_settings>",
        Shows(
            "account",
            &[("/_embedded/datetime_settings", r#"{"timezone": "Europe/Moscow", "timezone_offset": "+03:00"}"#)],
        ),
    ),
    ("with=<drive_url>", Shows("account", &[("/drive_url", "*")])),
    ("with=<is_api_filter_enabled>", Shows("account", &[("/is_api_filter_enabled", "false")])),
    ("with=<invoices_settings>", Shows("account", &[("/invoices_settings", r#"{"lang": "ru", "currency": "RUB"}"#)])),
];

const USER: [(&str, Seen); 6] = [
    ("with=<role>", Shows("id", &[("/_embedded/roles", "[]")])),
    ("with=<group>", Shows("id", &[("/_embedded/groups/0/name", "*")])),
    ("with=<uuid>", Shows("id", &[("/uuid", "*")])),
    ("with=<amojo_id>", Shows("id", &[("/amojo_id", "*")])),
    ("with=<user_rank>", Shows("id", &[("/user_rank", "null")])),
    ("with=<phone_number>", Shows("id", &[("/phone_number", "null")])),
];

const PAGED: [(&str, Seen); 2] = [("<limit>=2", Rows(&["r1", "r2"])), ("limit=1&<page>=3", Rows(&["r3"]))];

const SOURCES: [(&str, Seen); 4] = [
    ("filter[<external_id>][]=effects-b&filter[<external_id>][]=effects-c", Rows(&["b", "c"])),
    ("filter[<external_id>]=effects-b", Rows(&["b"])),
    (
        "filter[external_id][]=effects-a&filter[external_id][]=effects-b&filter[external_id][]=effects-c&<limit>=2",
        Rows(&["a", "b"]),
    ),
    ("filter[external_id][]=effects-a&filter[external_id][]=effects-b&limit=1&<page>=2", Rows(&["b"])),
];

const EVENTS: [(&str, Seen); 10] = [
    ("filter[<type>]=lead_added", Rows(&["a"])),
    ("filter[<type>][]=contact_added&filter[<type>][]=lead_added", Rows(&["b", "a"])),
    ("filter[<entity>]=company", Rows(&["c"])),
    ("filter[<entity>]=company,lead", Rows(&["c", "a"])),
    ("filter[<entity_id>][]={d}", Rows(&["d"])),
    ("filter[<created_at>]={early},{late}", Rows(&["c", "b"])),
    ("filter[<created_at>][<from>]={early}&filter[created_at][<to>]={late}", Rows(&["c", "b"])),
    // All is made by the token's user, so that another one has made nothing.
    ("filter[<created_by>][]={ivan}", Rows(&[])),
    ("<limit>=2", Rows(&["d", "c"])),
    ("limit=1&<page>=3", Rows(&["b"])),
];

/// Of leads, contacts and customers; a company is linked with contacts in its place.
const LINKS: [(&str, Seen); 3] = [
    ("filter[<to_entity_type>]=companies", Rows(&["companies"])),
    ("filter[<to_entity_id>]={companies}", Rows(&["companies"])),
    ("filter[<to_catalog_id>]={catalog}", Rows(&["catalog_elements"])),
];
const LINKS_OF_COMPANY: [(&str, Seen); 3] = [
    ("filter[<to_entity_type>]=contacts", Rows(&["contacts"])),
    ("filter[<to_entity_id>]={contacts}", Rows(&["contacts"])),
    ("filter[<to_catalog_id>]={catalog}", Rows(&["catalog_elements"])),
];

/// Links of the other record, too, where both are named.
fn of_many(seen: &'static [&'static str]) -> (&'static str, Seen) {
    ("filter[entity_id][]={id}&filter[<entity_id>][]={another}", Rows(seen))
}

/// The words of the links of one record and of many, and all that both records of the world are linked with.
struct Linked {
    one: &'static str,
    many: &'static str,
    world: World,
    words: [(&'static str, Seen); 3],
    both: &'static [&'static str],
}

const LINKED: [Linked; 4] = [
    Linked {
        one: "leads/{id}/links",
        many: "leads/links",
        world: |s| linked(s, "leads", &["contacts", "companies", "catalog_elements"]),
        words: LINKS,
        both: &["contacts", "companies", "catalog_elements", "of_another"],
    },
    Linked {
        one: "contacts/{id}/links",
        many: "contacts/links",
        world: |s| linked(s, "contacts", &["companies", "customers", "catalog_elements"]),
        words: LINKS,
        both: &["companies", "customers", "catalog_elements", "of_another"],
    },
    Linked {
        one: "companies/{id}/links",
        many: "companies/links",
        world: |s| linked(s, "companies", &["contacts", "leads", "customers", "catalog_elements"]),
        words: LINKS_OF_COMPANY,
        both: &["contacts", "leads", "customers", "catalog_elements", "of_another"],
    },
    Linked {
        one: "customers/{id}/links",
        many: "customers/links",
        world: |s| linked(s, "customers", &["contacts", "companies", "catalog_elements"]),
        words: LINKS,
        both: &["contacts", "companies", "catalog_elements", "of_another"],
    },
];

pub fn all() -> Vec<Effect> {
    let effect = |route, world: World, (query, seen): (&str, Seen)| Effect {
        route,
        query: query.to_owned(),
        seen,
        world,
        switch: None,
        file: "directories",
    };
    let mut all: Vec<Effect> = ACCOUNT.map(|entry| effect("account", nothing as World, entry)).into();
    let on = ("with=<is_api_filter_enabled>", Shows("account", &[("/is_api_filter_enabled", "true")]));
    all.push(Effect { switch: Some("field_filters"), ..effect("account", nothing, on) });
    for route in ["users", "users/{id}"] {
        all.extend(USER.map(|entry| effect(route, user, entry)));
    }
    all.extend(PAGED.map(|entry| effect("users", users, entry)));
    all.extend(PAGED.map(|entry| effect("leads/loss_reasons", reasons, entry)));
    all.extend(SOURCES.map(|entry| effect("sources", sources, entry)));
    all.extend(EVENTS.map(|entry| effect("events", events, entry)));
    for Linked { one, many, world, words, both } in LINKED {
        all.extend(words.map(|entry| effect(one, world, entry)));
        all.push(effect(many, world, of_many(both)));
        let of_many = |(query, seen): (&str, Seen)| Effect {
            query: format!("filter[entity_id][]={{id}}&{query}"),
            ..effect(many, world, (query, seen))
        };
        all.extend(words.map(of_many));
    }
    all
}
