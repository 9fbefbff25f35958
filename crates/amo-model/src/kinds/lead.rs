//! Leads, plain and complex.

use super::super::{COMPLEX_BATCH_MAX, COMPLEX_FIELDS_MAX, TEXTAREA_MAX};
use super::contact::{FIRST_NAME, LAST_NAME};
use super::*;

const PRICE: FieldSpec = both("price", Wire::Key("price"), FieldContent::WholeMoney, "the budget, a whole number");
const PIPELINE: FieldSpec = both("pipeline", Wire::Key("pipeline_id"), FieldContent::Pipeline, "the pipeline, by name");
const STATUS: FieldSpec = both("status", Wire::Key("status_id"), FieldContent::Status, "the stage, by name");
const LOSS_REASON: FieldSpec =
    both("loss_reason", Wire::Key("loss_reason_id"), FieldContent::LossReason, "why the lead was lost, by name");
const CLOSED_AT: FieldSpec = both("closed_at", Wire::Key("closed_at"), FieldContent::Timestamp, "when it was closed");
const SOURCE: FieldSpec =
    create_only("source", Wire::EmbeddedSource, FieldContent::Text { max: TEXT_MAX }, "the external id of a source");

pub static LEAD: KindSpec = KindSpec {
    kind: Kind::Lead,
    name: "lead",
    entity: Entity::Leads,
    writes: &[batch(Action::Create, "leads"), batch(Action::Update, "leads")],
    catalog: None,
    needs: Needs::Nothing,
    quota: None,
    deleting: "",
    sections: &[
        SectionSpec {
            name: "lead",
            at: Placement::Item,
            custom_fields: Some(FieldsOf::Entity(Entity::Leads)),
            custom_fields_max: None,
            repeats: false,
            fields: &[
                OWN_ID,
                NAME,
                PRICE,
                PIPELINE,
                STATUS,
                LOSS_REASON,
                RESPONSIBLE,
                CREATED_BY,
                UPDATED_BY,
                CREATED_AT,
                UPDATED_AT,
                CLOSED_AT,
                TAGS,
                TAGS_TO_DELETE,
                ALL_TAGS,
                SOURCE,
                create_only(
                    "contacts",
                    Wire::EmbeddedIds("contacts"),
                    FieldContent::Ids(Entity::Contacts),
                    "ids or keys of contacts; the first is the main one",
                ),
                create_only(
                    "company",
                    Wire::EmbeddedIds("companies"),
                    FieldContent::OneId(Entity::Companies),
                    "the id or key of the company",
                ),
            ],
        },
        SectionSpec {
            name: "lead.products",
            at: Placement::LinkedElements,
            custom_fields: None,
            custom_fields_max: None,
            repeats: true,
            fields: ELEMENTS,
        },
    ],
};

/// A lead with its contact and company in one item. It can be made and not changed. [seed]
pub static COMPLEX_LEAD: KindSpec = KindSpec {
    kind: Kind::ComplexLead,
    name: "complex-lead",
    entity: Entity::Leads,
    writes: &[Write {
        action: Action::Create,
        path: "leads/complex",
        shape: BodyShape::Array,
        wrapping: Wrapping::Array,
        echo: true,
        batch_max: COMPLEX_BATCH_MAX,
    }],
    catalog: None,
    needs: Needs::Nothing,
    quota: None,
    deleting: "",
    sections: &[
        SectionSpec {
            name: "lead",
            at: Placement::Item,
            custom_fields: Some(FieldsOf::Entity(Entity::Leads)),
            custom_fields_max: Some(COMPLEX_FIELDS_MAX),
            repeats: false,
            fields: &[
                NAME,
                PRICE,
                PIPELINE,
                STATUS,
                LOSS_REASON,
                RESPONSIBLE,
                CREATED_BY,
                UPDATED_BY,
                CREATED_AT,
                UPDATED_AT,
                CLOSED_AT,
                TAGS,
                SOURCE,
            ],
        },
        SectionSpec {
            name: "lead.metadata",
            at: Placement::Embedded("metadata"),
            custom_fields: None,
            custom_fields_max: None,
            repeats: false,
            fields: METADATA,
        },
        SectionSpec {
            name: "contact",
            at: Placement::EmbeddedFirst("contacts"),
            custom_fields: Some(FieldsOf::Entity(Entity::Contacts)),
            custom_fields_max: Some(COMPLEX_FIELDS_MAX),
            repeats: false,
            fields: &[
                create_only(
                    "id",
                    Wire::Key("id"),
                    FieldContent::OwnId,
                    "the id of an existing contact; excludes all other fields",
                ),
                NAME,
                FIRST_NAME,
                LAST_NAME,
                RESPONSIBLE,
                CREATED_BY,
                UPDATED_BY,
                CREATED_AT,
                UPDATED_AT,
                TAGS,
            ],
        },
        SectionSpec {
            name: "company",
            at: Placement::EmbeddedFirst("companies"),
            custom_fields: Some(FieldsOf::Entity(Entity::Companies)),
            custom_fields_max: Some(COMPLEX_FIELDS_MAX),
            repeats: false,
            fields: &[
                create_only(
                    "id",
                    Wire::Key("id"),
                    FieldContent::OwnId,
                    "the id of an existing company; excludes all other fields",
                ),
                NAME,
                RESPONSIBLE,
                CREATED_BY,
                UPDATED_BY,
                CREATED_AT,
                UPDATED_AT,
                TAGS,
            ],
        },
    ],
};

/// Categories of unsorted leads; with one a complex lead becomes unsorted. [seed], the types [doc], [client]
pub const METADATA_CATEGORIES: &[&str] = &["forms", "sip"];

const METADATA: &[FieldSpec] = &[
    create_only("category", Wire::Key("category"), FieldContent::Word(METADATA_CATEGORIES), "forms or sip"),
    create_only("form_id", Wire::Key("form_id"), FieldContent::Text { max: TEXT_MAX }, "the form's id"),
    create_only("form_name", Wire::Key("form_name"), FieldContent::Text { max: TEXT_MAX }, "the form's name"),
    create_only(
        "form_page",
        Wire::Key("form_page"),
        FieldContent::Text { max: TEXTAREA_MAX },
        "the page that had the form",
    ),
    create_only("form_sent_at", Wire::Key("form_sent_at"), FieldContent::Timestamp, "when the form was sent"),
    create_only("ip", Wire::Key("ip"), FieldContent::Text { max: TEXT_MAX }, "the sender's address"),
    create_only(
        "referer",
        Wire::Key("referer"),
        FieldContent::Text { max: TEXTAREA_MAX },
        "where the sender came from",
    ),
    create_only("from", Wire::Key("from"), FieldContent::Text { max: TEXT_MAX }, "who called"),
    create_only("phone", Wire::Key("phone"), FieldContent::Text { max: TEXT_MAX }, "the number called"),
    create_only("called_at", Wire::Key("called_at"), FieldContent::Timestamp, "when the call was"),
    create_only("duration", Wire::Key("duration"), FieldContent::Int, "the call's length in seconds"),
    create_only("link", Wire::Key("link"), FieldContent::Text { max: TEXTAREA_MAX }, "the recording"),
    create_only(
        "service_code",
        Wire::Key("service_code"),
        FieldContent::Text { max: TEXT_MAX },
        "the telephony service",
    ),
    create_only(
        "is_call_event_needed",
        Wire::Key("is_call_event_needed"),
        FieldContent::Bool,
        "add a call to the card",
    ),
];
