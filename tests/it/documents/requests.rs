//! Every request of the documents is sent to a sandbox and taken. Ids are the documents' own account's, so each is
//! replaced by one that stands for the same thing here.

use amo_model::Wrapping;
use amo_model::answer::written_items;
use serde_json::{Value, json};

use crate::documents::index::{EXAMPLES, named};
use crate::documents::server::{Server, Stand};
use Stand::{
    Catalog, Choice, Customer, Element, Field, InvoiceChoice, Lead, LossReason, OfInvoices, Pipeline, Segment, Stage,
    Status, Supplier, Tag, User,
};

/// One request example made fit for the sandbox.
struct Sent {
    example: &'static str,
    /// The mode customers must be in.
    mode: Option<&'static str>,
    /// What the names in the path stand for.
    ids: &'static [(&'static str, Stand)],
    /// JSON pointers and what the ids there stand for.
    stands: &'static [(&'static str, Stand)],
}

const fn sent(example: &'static str, stands: &'static [(&'static str, Stand)]) -> Sent {
    Sent { example, mode: None, ids: &[], stands }
}

const SENT: &[Sent] = &[
    sent(
        "leads/03-create-request",
        &[
            ("/0/custom_fields_values/0/field_id", Field("leads", "text")),
            ("/0/tags_to_add/1/id", Tag),
            ("/1/_embedded/tags/0/id", Tag),
        ],
    ),
    sent(
        "leads/05-complex-request",
        &[
            ("/0/_embedded/contacts/0/responsible_user_id", User),
            ("/0/_embedded/contacts/0/custom_fields_values/0/field_id", Field("contacts", "EMAIL")),
            ("/0/_embedded/contacts/0/custom_fields_values/0/values/0/enum_id", Choice("contacts", "EMAIL", 0)),
            ("/0/_embedded/contacts/0/custom_fields_values/1/field_id", Field("contacts", "PHONE")),
            ("/0/_embedded/contacts/0/custom_fields_values/1/values/0/enum_id", Choice("contacts", "PHONE", 0)),
            ("/0/responsible_user_id", User),
            ("/0/custom_fields_values/0/field_id", Field("leads", "text")),
            ("/0/custom_fields_values/1/field_id", Field("leads", "multiselect")),
            ("/0/custom_fields_values/1/values/0/enum_id", Choice("leads", "multiselect", 0)),
            ("/0/custom_fields_values/1/values/1/enum_id", Choice("leads", "multiselect", 1)),
            ("/0/status_id", Stage(1)),
            ("/0/pipeline_id", Pipeline),
            ("/1/status_id", Stage(0)),
            ("/1/pipeline_id", Pipeline),
        ],
    ),
    sent(
        "leads/07-update-request",
        &[
            ("/0/id", Lead),
            ("/0/pipeline_id", Pipeline),
            ("/0/loss_reason_id", LossReason),
            ("/1/id", Lead),
            ("/1/pipeline_id", Pipeline),
            ("/1/status_id", Stage(2)),
        ],
    ),
    sent("customers/01-mode-request", &[]),
    Sent {
        mode: Some("segments"),
        ..sent(
            "customers/05-create-request",
            &[
                ("/0/custom_fields_values/0/field_id", Field("customers", "text")),
                ("/1/_embedded/segments/0/id", Segment),
            ],
        )
    },
    sent("customers/07-update-request", &[("/0/id", Customer)]),
    Sent {
        ids: &[("{customer_id}", Customer)],
        ..sent(
            "customers/11-transactions-create-request",
            &[
                ("/0/_embedded/catalog_elements/0/id", Element),
                ("/0/_embedded/catalog_elements/0/metadata/catalog_id", Catalog("products")),
            ],
        )
    },
    sent("catalogs/03-create-request", &[]),
    Sent { ids: &[("{id}", Catalog("regular"))], ..sent("catalogs/05-update-one-request", &[]) },
    Sent {
        ids: &[("{catalog_id}", Catalog("invoices"))],
        ..sent(
            "catalogs/09-elements-create-request",
            &[
                ("/0/custom_fields_values/0/field_id", OfInvoices("PAYER")),
                ("/0/custom_fields_values/1/field_id", OfInvoices("BILL_STATUS")),
                ("/0/custom_fields_values/1/values/0/enum_id", InvoiceChoice("BILL_STATUS", 0)),
                ("/0/custom_fields_values/2/field_id", OfInvoices("SUPPLIER")),
                ("/0/custom_fields_values/2/values/0/value/entity_id", Supplier),
                ("/0/custom_fields_values/3/field_id", OfInvoices("ITEMS")),
            ],
        )
    },
    Sent {
        ids: &[("{catalog_id}", Catalog("products"))],
        ..sent("catalogs/11-elements-update-request", &[("/0/id", Element), ("/1/id", Element)])
    },
    Sent { mode: Some("periodicity"), ..sent("statuses-and-segments/03-statuses-create-request", &[]) },
    Sent {
        mode: Some("periodicity"),
        ids: &[("{id}", Status)],
        ..sent("statuses-and-segments/05-status-update-request", &[])
    },
    Sent {
        mode: Some("segments"),
        ..sent(
            "statuses-and-segments/09-segment-create-request",
            &[
                ("/custom_fields_values/0/field_id", Field("customers/segments", "text")),
                ("/custom_fields_values/1/field_id", Field("customers/segments", "multiselect")),
                ("/custom_fields_values/1/values/0/enum_id", Choice("customers/segments", "multiselect", 0)),
            ],
        )
    },
    Sent {
        mode: Some("segments"),
        ids: &[("{id}", Segment)],
        ..sent(
            "statuses-and-segments/11-segment-update-request",
            &[("/custom_fields_values/0/field_id", Field("customers/segments", "text"))],
        )
    },
];

#[test]
fn every_request_of_the_documents_has_its_row() {
    let mut rows: Vec<&str> = SENT.iter().map(|s| s.example).collect();
    let mut requests: Vec<&str> = EXAMPLES.iter().filter(|e| e.is_request()).map(|e| e.name).collect();
    rows.sort();
    requests.sort();
    assert_eq!(rows, requests);
    for row in SENT {
        let json = named(row.example).json();
        for (pointer, _) in row.stands {
            assert!(json.pointer(pointer).is_some_and(Value::is_u64), "{}: no id at {pointer}", row.example);
        }
    }
}

#[test]
fn every_request_of_the_documents_is_taken_by_the_sandbox() {
    for row in SENT {
        let example = named(row.example);
        let server = Server::start();
        if let Some(mode) = row.mode {
            server.customers(mode);
        }
        let mut body = example.json();
        for (pointer, what) in row.stands {
            *body.pointer_mut(pointer).expect("checked above") = json!(server.stand(*what));
        }
        let answer = server.send(example.method, &server.address(example.path, row.ids), &body.to_string());
        assert!(answer.is_good(), "{}: {} {}\n{body:#}", row.example, answer.status, answer.body);
        let Some(entity) = example.entity else {
            assert_eq!(answer.json(), body, "{}: given back as it came", row.example);
            continue;
        };
        let items = written_items(answer.body.as_bytes(), Wrapping::Embedded, entity.collection());
        let items = items.unwrap_or_else(|| panic!("{}: cannot read {}", row.example, answer.body));
        let said = body.as_array().map_or(1, Vec::len);
        assert_eq!(items.len(), said, "{}: {}", row.example, answer.body);
    }
}
