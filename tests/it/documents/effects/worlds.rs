//! Prepared worlds, made over HTTP. Four records `a b c d` rise by id; whatever else orders them does it otherwise.

use serde_json::{Map, Value, json};

use super::Names;
use crate::documents::server::{Server, Stand};

/// By name: d b a c. By creation: c a d b. By change: b a d c. None is another one turned round.
const NAMES: [&str; 4] = ["Дон", "Волга", "Енисей", "Амур"];
const CREATED: [i64; 4] = [1_600_000_200, 1_600_000_400, 1_600_000_100, 1_600_000_300];
const UPDATED: [i64; 4] = [1_700_000_200, 1_700_000_100, 1_700_000_400, 1_700_000_300];
/// Each record has another one of each.
const USERS: [u64; 4] = [500_001, 500_003, 500_005, 500_007];
const LETTERS: [&str; 4] = ["a", "b", "c", "d"];

pub fn names<const N: usize>(pairs: [(&str, u64); N]) -> Names {
    pairs.into_iter().map(|(name, value)| (name.to_owned(), value.to_string())).collect()
}

/// Four records that differ in all that a filter may ask for; `more` adds what only their kind has.
pub fn quartet(server: &Server, path: &'static str, more: impl Fn(usize, &mut Map<String, Value>)) -> Names {
    let (text, number) = (server.stand(Stand::Field(path, "text")), server.stand(Stand::Field(path, "numeric")));
    let mut all =
        names([("text", text), ("number", number), ("anna", USERS[0]), ("ivan", USERS[1]), ("maria", USERS[2])]);
    for (n, letter) in LETTERS.into_iter().enumerate() {
        let mut item = Map::from_iter([
            ("name".to_owned(), json!(NAMES[n])),
            ("created_at".to_owned(), json!(CREATED[n])),
            ("updated_at".to_owned(), json!(UPDATED[n])),
            ("responsible_user_id".to_owned(), json!(USERS[n])),
            ("created_by".to_owned(), json!(USERS[(n + 1) % 4])),
            ("updated_by".to_owned(), json!(USERS[(n + 2) % 4])),
            (
                "custom_fields_values".to_owned(),
                json!([
                    {"field_id": text, "values": [{"value": format!("слово{n}")}]},
                    {"field_id": number, "values": [{"value": (n + 1) * 10}]}
                ]),
            ),
        ]);
        more(n, &mut item);
        let id = server.made(path, &json!([item]));
        all.insert(letter.to_owned(), id.to_string());
    }
    all
}

/// The rows of a list that is there, as `r1`, `r2` and so on.
pub fn listing(server: &Server, path: &str, collection: &str) -> Names {
    let rows = server.list(path, collection);
    rows.iter().zip(1..).map(|(row, n)| (format!("r{n}"), row["id"].to_string())).collect()
}

/// One record that is linked with one of each kind, as `id`, and `another`, which has one element; those under the names of their kinds.
pub fn linked(server: &Server, path: &str, kinds: &[&'static str]) -> Names {
    let stand = |kind: &str| match kind {
        "leads" => Stand::Lead,
        "contacts" => Stand::Contact,
        "companies" => Stand::Company,
        "customers" => Stand::Customer,
        _ => Stand::Element,
    };
    let id = server.made(path, &json!([{"name": "Волга"}]));
    let (catalog, other) = (server.stand(Stand::Catalog("products")), server.made(path, &json!([{"name": "Амур"}])));
    let mut all = names([("id", id), ("catalog", catalog), ("another", other)]);
    let link = |from: u64, kind: &str, to: u64| {
        let mut link = json!({"to_entity_id": to, "to_entity_type": kind});
        if kind == "catalog_elements" {
            link["metadata"] = json!({"catalog_id": catalog, "quantity": 3});
        }
        let answer = server.send("POST", &format!("{path}/{from}/link"), &json!([link]).to_string());
        assert!(answer.is_good(), "{path} to {kind}: {} {}", answer.status, answer.body);
    };
    for kind in kinds {
        let to = server.stand(stand(kind));
        link(id, kind, to);
        all.insert((*kind).to_owned(), to.to_string());
    }
    let of_another = server.stand(Stand::Element);
    link(other, "catalog_elements", of_another);
    all.insert("of_another".to_owned(), of_another.to_string());
    all
}

/// One record that lies in the trash, as `a` and as `id`, and one that does not.
pub fn trashed(server: &Server, path: &'static str) -> Names {
    let [a, b] = ["Волга", "Амур"].map(|name| server.made(path, &json!([{"name": name}])));
    server.corner("delete", &json!({path: [a]}));
    names([("id", a), ("a", a), ("b", b)])
}
