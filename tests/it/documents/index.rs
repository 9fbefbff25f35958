//! The examples of the API's four documents: what each is, and how its items are wrapped. The files hold the data as the
//! documents give it; the four that are not JSON there are listed in `REPAIRED`.

use std::path::PathBuf;

use amo_model::Entity;
use serde_json::Value;

/// How the items of a body are wrapped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Body {
    /// A bare array.
    Array,
    /// `_embedded.<collection>`
    Embedded,
    /// One bare object.
    One,
}

#[derive(Debug)]
pub struct Example {
    /// Below `examples/`: the document, the number within it, what it does, `request` or `answer`.
    pub name: &'static str,
    pub method: &'static str,
    /// Below `/api/v4/`.
    pub path: &'static str,
    /// `None` where it is about no record: the mode of customers.
    pub entity: Option<Entity>,
    pub body: Body,
}

const fn example(
    name: &'static str,
    method: &'static str,
    path: &'static str,
    entity: Option<Entity>,
    body: Body,
) -> Example {
    Example { name, method, path, entity, body }
}

/// An example that is no JSON as the documents print it; nothing else is changed in the files.
pub struct Repair {
    pub example: &'static str,
    pub what: &'static str,
    /// How often it stands there, as it is in the file and as the documents have it.
    pub times: usize,
    pub here: &'static str,
    pub there: &'static str,
}

pub const REPAIRED: [Repair; 4] = [
    Repair {
        example: "leads/02-get-answer",
        what: "a comma too many behind the colour of a tag",
        times: 1,
        here: "\"color\": null\n",
        there: "\"color\": null,\n",
    },
    Repair {
        example: "customers/06-create-answer",
        what: "no comma behind request_id",
        times: 2,
        here: "\",\n                \"_links\"",
        there: "\"\n                \"_links\"",
    },
    Repair {
        example: "customers/12-transactions-create-answer",
        what: "no comma behind request_id",
        times: 2,
        here: "\",\n                \"_links\"",
        there: "\"\n                \"_links\"",
    },
    Repair {
        example: "statuses-and-segments/12-segment-update-answer",
        what: "a comma too many behind the only custom field",
        times: 1,
        here: "        }\n    ],\n",
        there: "        },\n    ],\n",
    },
];

impl Example {
    pub fn is_request(&self) -> bool {
        self.name.ends_with("-request")
    }

    pub fn text(&self) -> String {
        let path = folder().join("examples").join(format!("{}.json", self.name));
        std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text()).unwrap_or_else(|e| panic!("{}: {e}", self.name))
    }
}

pub fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/it/documents")
}

pub fn named(name: &str) -> &'static Example {
    EXAMPLES.iter().find(|e| e.name == name).unwrap_or_else(|| panic!("no example {name}"))
}

pub const EXAMPLES: &[Example] = &[
    example("leads/01-list-answer", "GET", "leads", Some(Entity::Leads), Body::Embedded),
    example("leads/02-get-answer", "GET", "leads/{id}", Some(Entity::Leads), Body::One),
    example("leads/03-create-request", "POST", "leads", Some(Entity::Leads), Body::Array),
    example("leads/04-create-answer", "POST", "leads", Some(Entity::Leads), Body::Embedded),
    example("leads/05-complex-request", "POST", "leads/complex", Some(Entity::Leads), Body::Array),
    example("leads/06-complex-answer", "POST", "leads/complex", Some(Entity::Leads), Body::Array),
    example("leads/07-update-request", "PATCH", "leads", Some(Entity::Leads), Body::Array),
    example("leads/08-update-answer", "PATCH", "leads", Some(Entity::Leads), Body::Embedded),
    example("customers/01-mode-request", "PATCH", "customers/mode", None, Body::One),
    example("customers/02-mode-answer", "PATCH", "customers/mode", None, Body::One),
    example("customers/03-list-answer", "GET", "customers", Some(Entity::Customers), Body::Embedded),
    example("customers/04-get-answer", "GET", "customers/{id}", Some(Entity::Customers), Body::One),
    example("customers/05-create-request", "POST", "customers", Some(Entity::Customers), Body::Array),
    example("customers/06-create-answer", "POST", "customers", Some(Entity::Customers), Body::Embedded),
    example("customers/07-update-request", "PATCH", "customers", Some(Entity::Customers), Body::Array),
    example("customers/08-update-answer", "PATCH", "customers", Some(Entity::Customers), Body::Embedded),
    example(
        "customers/09-transactions-list-answer",
        "GET",
        "customers/transactions",
        Some(Entity::Transactions),
        Body::Embedded,
    ),
    example(
        "customers/10-transaction-get-answer",
        "GET",
        "customers/transactions/{id}",
        Some(Entity::Transactions),
        Body::One,
    ),
    example(
        "customers/11-transactions-create-request",
        "POST",
        "customers/{customer_id}/transactions",
        Some(Entity::Transactions),
        Body::Array,
    ),
    example(
        "customers/12-transactions-create-answer",
        "POST",
        "customers/{customer_id}/transactions",
        Some(Entity::Transactions),
        Body::Embedded,
    ),
    example("catalogs/01-list-answer", "GET", "catalogs", Some(Entity::Catalogs), Body::Embedded),
    example("catalogs/02-get-answer", "GET", "catalogs/{id}", Some(Entity::Catalogs), Body::One),
    example("catalogs/03-create-request", "POST", "catalogs", Some(Entity::Catalogs), Body::Array),
    example("catalogs/04-create-answer", "POST", "catalogs", Some(Entity::Catalogs), Body::Embedded),
    example("catalogs/05-update-one-request", "PATCH", "catalogs/{id}", Some(Entity::Catalogs), Body::One),
    example("catalogs/06-update-one-answer", "PATCH", "catalogs/{id}", Some(Entity::Catalogs), Body::One),
    example(
        "catalogs/07-elements-list-answer",
        "GET",
        "catalogs/{catalog_id}/elements",
        Some(Entity::Elements),
        Body::Embedded,
    ),
    example(
        "catalogs/08-element-get-answer",
        "GET",
        "catalogs/{catalog_id}/elements/{id}",
        Some(Entity::Elements),
        Body::One,
    ),
    example(
        "catalogs/09-elements-create-request",
        "POST",
        "catalogs/{catalog_id}/elements",
        Some(Entity::Elements),
        Body::Array,
    ),
    example(
        "catalogs/10-elements-create-answer",
        "POST",
        "catalogs/{catalog_id}/elements",
        Some(Entity::Elements),
        Body::Embedded,
    ),
    example(
        "catalogs/11-elements-update-request",
        "PATCH",
        "catalogs/{catalog_id}/elements",
        Some(Entity::Elements),
        Body::Array,
    ),
    example(
        "catalogs/12-elements-update-answer",
        "PATCH",
        "catalogs/{catalog_id}/elements",
        Some(Entity::Elements),
        Body::Embedded,
    ),
    example(
        "statuses-and-segments/01-statuses-list-answer",
        "GET",
        "customers/statuses",
        Some(Entity::Statuses),
        Body::Embedded,
    ),
    example(
        "statuses-and-segments/02-status-get-answer",
        "GET",
        "customers/statuses/{id}",
        Some(Entity::Statuses),
        Body::One,
    ),
    example(
        "statuses-and-segments/03-statuses-create-request",
        "POST",
        "customers/statuses",
        Some(Entity::Statuses),
        Body::Array,
    ),
    example(
        "statuses-and-segments/04-statuses-create-answer",
        "POST",
        "customers/statuses",
        Some(Entity::Statuses),
        Body::Embedded,
    ),
    example(
        "statuses-and-segments/05-status-update-request",
        "PATCH",
        "customers/statuses/{id}",
        Some(Entity::Statuses),
        Body::One,
    ),
    example(
        "statuses-and-segments/06-status-update-answer",
        "PATCH",
        "customers/statuses/{id}",
        Some(Entity::Statuses),
        Body::One,
    ),
    example(
        "statuses-and-segments/07-segments-list-answer",
        "GET",
        "customers/segments",
        Some(Entity::Segments),
        Body::Embedded,
    ),
    example(
        "statuses-and-segments/08-segment-get-answer",
        "GET",
        "customers/segments/{id}",
        Some(Entity::Segments),
        Body::One,
    ),
    example(
        "statuses-and-segments/09-segment-create-request",
        "POST",
        "customers/segments",
        Some(Entity::Segments),
        Body::One,
    ),
    example(
        "statuses-and-segments/10-segment-create-answer",
        "POST",
        "customers/segments",
        Some(Entity::Segments),
        Body::One,
    ),
    example(
        "statuses-and-segments/11-segment-update-request",
        "PATCH",
        "customers/segments/{id}",
        Some(Entity::Segments),
        Body::One,
    ),
    example(
        "statuses-and-segments/12-segment-update-answer",
        "PATCH",
        "customers/segments/{id}",
        Some(Entity::Segments),
        Body::One,
    ),
];

#[test]
fn the_index_and_the_folder_name_the_same_examples() {
    let mut there = Vec::new();
    for document in std::fs::read_dir(folder().join("examples")).expect("a folder").flatten() {
        for file in std::fs::read_dir(document.path()).expect("a folder").flatten() {
            let name = file.file_name().into_string().expect("UTF-8");
            there.push(format!("{}/{}", document.file_name().to_string_lossy(), name.trim_end_matches(".json")));
        }
    }
    there.sort();
    let mut known: Vec<&str> = EXAMPLES.iter().map(|e| e.name).collect();
    known.sort();
    assert_eq!(there, known);
    for example in EXAMPLES {
        let json = example.json();
        let body = match (&json, json.get("_embedded").filter(|_| json.get("id").is_none())) {
            (Value::Array(_), _) => Body::Array,
            (_, Some(_)) => Body::Embedded,
            (_, None) => Body::One,
        };
        assert_eq!(body, example.body, "{}", example.name);
    }
}

#[test]
fn four_examples_are_repaired() {
    for Repair { example, what, times, here, there } in REPAIRED {
        let text = named(example).text();
        assert_eq!(text.matches(here).count(), times, "{example}: {what}");
        let as_printed = text.replace(here, there);
        assert!(serde_json::from_str::<Value>(&as_printed).is_err(), "{example} needed no repair");
    }
}
