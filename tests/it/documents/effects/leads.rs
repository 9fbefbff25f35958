//! Words of `leads`.

use amo_model::{STATUS_LOST, STATUS_WON};
use serde_json::json;

use super::worlds::{names, quartet, trashed};
use super::{Effect, Names, Seen, World};
use crate::documents::server::{Server, Stand};
use Seen::{Rows, Shows};

/// Four leads at stages of two pipelines; all but b are closed, each at a time of its own.
fn four(server: &Server) -> Names {
    let pipelines = server.list("leads/pipelines", "pipelines");
    let (sales, wholesale) = (&pipelines[0], &pipelines[1]);
    let talks = &sales["_embedded"]["statuses"][2]["id"];
    let mut all = quartet(server, "leads", |n, lead| {
        lead.insert("price".to_owned(), json!((n + 1) * 1_000));
        let stage = [json!(STATUS_WON), talks.clone(), json!(STATUS_LOST), json!(STATUS_WON)];
        lead.insert("status_id".to_owned(), stage[n].clone());
        lead.insert("pipeline_id".to_owned(), if n == 3 { wholesale["id"].clone() } else { sales["id"].clone() });
        if n != 1 {
            lead.insert("closed_at".to_owned(), json!(1_650_000_000 + n * 100));
        }
    });
    all.insert("sales".to_owned(), sales["id"].to_string());
    all.insert("wholesale".to_owned(), wholesale["id"].to_string());
    all.insert("talks".to_owned(), talks.to_string());
    all
}

/// One lead that has what each `with` shows, as `a` and as `id`.
fn full(server: &Server) -> Names {
    let reason = server.stand(Stand::LossReason);
    let source = server.made("sources", &json!([{"name": "Сайт", "external_id": "effects"}]));
    let lead = json!([{
        "name": "Волга", "status_id": STATUS_LOST, "loss_reason_id": reason,
        "_embedded": {"source": {"external_id": "effects", "type": "widget"}}
    }]);
    server.corner("robots", &json!([{"do": {"price": 5}}]));
    let id = server.made("leads", &lead);
    let mut all = names([("id", id), ("a", id), ("reason", reason), ("source", source)]);
    let (contact, element) = (server.stand(Stand::Contact), server.stand(Stand::Element));
    let catalog = server.stand(Stand::Catalog("products"));
    all.extend(names([("contact", contact), ("element", element), ("catalog", catalog)]));
    let links = json!([
        {"to_entity_id": contact, "to_entity_type": "contacts"},
        {"to_entity_id": element, "to_entity_type": "catalog_elements", "metadata": {"catalog_id": catalog, "quantity": 3}}
    ]);
    let answer = server.send("POST", &format!("leads/{id}/link"), &links.to_string());
    assert!(answer.is_good(), "{} {}", answer.status, answer.body);
    all
}

fn gone(server: &Server) -> Names {
    trashed(server, "leads")
}

const WITH: [(&str, Seen); 5] = [
    (
        "with=<catalog_elements>",
        Shows(
            "a",
            &[(
                "/_embedded/catalog_elements",
                r#"[{"id": {element}, "metadata": {"catalog_id": {catalog}, "quantity": 3}}]"#,
            )],
        ),
    ),
    ("with=<is_price_modified_by_robot>", Shows("a", &[("/is_price_modified_by_robot", "true")])),
    ("with=<loss_reason>", Shows("a", &[("/_embedded/loss_reason", r#"[{"id": {reason}}]"#)])),
    ("with=<contacts>", Shows("a", &[("/_embedded/contacts", r#"[{"id": {contact}, "is_main": true}]"#)])),
    ("with=<source_id>", Shows("a", &[("/source_id", "{source}")])),
];

const FOUR: [(&str, Seen); 26] = [
    ("<limit>=2", Rows(&["a", "b"])),
    ("limit=1&<page>=3", Rows(&["c"])),
    ("<query>=волга", Rows(&["b"])),
    ("<query>=слово2", Rows(&["c"])),
    ("<query>=4000", Rows(&["d"])),
    ("filter[<id>]={b}", Rows(&["b"])),
    ("filter[<id>][]={b}&filter[<id>][]={d}", Rows(&["b", "d"])),
    ("filter[<name>]=Волга", Rows(&["b"])),
    ("filter[<price>][<from>]=1500&filter[price][<to>]=3500", Rows(&["b", "c"])),
    ("filter[<statuses>][0][pipeline_id]={sales}&filter[<statuses>][0][status_id]={talks}", Rows(&["b"])),
    (
        "filter[<statuses>][0][pipeline_id]={sales}&filter[<statuses>][0][status_id]=143\
         &filter[<statuses>][1][pipeline_id]={wholesale}&filter[<statuses>][1][status_id]=142",
        Rows(&["c", "d"]),
    ),
    ("filter[<pipeline_id>]={wholesale}", Rows(&["d"])),
    ("filter[<created_by>][]={ivan}", Rows(&["a"])),
    ("filter[<updated_by>][]={ivan}", Rows(&["d"])),
    ("filter[<responsible_user_id>][]={ivan}&filter[<responsible_user_id>][]={maria}", Rows(&["b", "c"])),
    ("filter[<created_at>][from]=1600000150&filter[<created_at>][to]=1600000350", Rows(&["a", "d"])),
    ("filter[<updated_at>][from]=1700000150&filter[<updated_at>][to]=1700000350", Rows(&["a", "d"])),
    ("filter[<closed_at>][from]=1650000100&filter[<closed_at>][to]=1650000250", Rows(&["c"])),
    ("order[<id>]=asc&order[created_at]=desc", Rows(&["a", "b", "c", "d"])),
    ("order[<id>]=<desc>", Rows(&["d", "c", "b", "a"])),
    ("order[<created_at>]=<asc>", Rows(&["c", "a", "d", "b"])),
    ("order[<created_at>]=<desc>", Rows(&["b", "d", "a", "c"])),
    ("order[<updated_at>]=<asc>", Rows(&["b", "a", "d", "c"])),
    ("order[<updated_at>]=<desc>", Rows(&["c", "d", "a", "b"])),
    ("order[<id>]=<asc>&order[updated_at]=desc", Rows(&["a", "b", "c", "d"])),
    ("order[updated_at]=<asc>&order[id]=desc", Rows(&["b", "a", "d", "c"])),
];

const FIELDS: [(&str, Seen); 2] = [
    ("filter[<custom_fields_values>][{text}][]=слово1", Rows(&["b"])),
    (
        "filter[<custom_fields_values>][{number}][<from>]=15&filter[custom_fields_values][{number}][<to>]=35",
        Rows(&["b", "c"]),
    ),
];

fn effect(route: &'static str, world: World, (query, seen): (&str, Seen)) -> Effect {
    Effect { route, query: query.to_owned(), seen, world, switch: None, file: "leads" }
}

/// An entry to make others of.
pub fn plain() -> Effect {
    effect("leads", four, FOUR[0])
}

pub fn all() -> Vec<Effect> {
    let mut all: Vec<Effect> = FOUR.map(|entry| effect("leads", four, entry)).into();
    let of_fields = |entry| Effect { switch: Some("field_filters"), ..effect("leads", four, entry) };
    all.extend(FIELDS.map(of_fields));
    for route in ["leads", "leads/{id}"] {
        all.extend(WITH.map(|entry| effect(route, full, entry)));
    }
    all.push(effect("leads", gone, ("with=<only_deleted>", Rows(&["a"]))));
    all.push(effect(
        "leads/{id}",
        gone,
        ("with=<only_deleted>", Shows("a", &[("/id", "{a}"), ("/is_deleted", "true")])),
    ));
    all
}
