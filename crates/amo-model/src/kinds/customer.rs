//! Customers. [seed]; `status`, `tags_to_add` and `tags_to_delete` [doc], links [doc]

use super::*;

pub static CUSTOMER: KindSpec = KindSpec {
    kind: Kind::Customer,
    name: "customer",
    entity: Entity::Customers,
    writes: &[batch(Action::Create, "customers"), batch(Action::Update, "customers")],
    catalog: None,
    needs: Needs::Customers,
    quota: None,
    deleting: "",
    sections: &[
        item(
            "customer",
            Some(FieldsOf::Entity(Entity::Customers)),
            &[
                OWN_ID,
                required(NAME),
                both("next_price", Wire::Key("next_price"), FieldContent::WholeMoney, "the sum expected next"),
                FieldSpec {
                    required: Required::Periodicity,
                    ..both(
                        "next_date",
                        Wire::Key("next_date"),
                        FieldContent::Timestamp,
                        "when the next purchase is expected",
                    )
                },
                only(
                    Needs::Periodicity,
                    both(
                        "periodicity",
                        Wire::Key("periodicity"),
                        FieldContent::Int,
                        "days from one purchase to the next",
                    ),
                ),
                only(
                    Needs::Periodicity,
                    both("status", Wire::Key("status_id"), FieldContent::CustomerStatus, "the status, by name"),
                ),
                only(
                    Needs::Segments,
                    create_only(
                        "segments",
                        Wire::EmbeddedIds("segments"),
                        FieldContent::Segments,
                        "the segments it belongs to, by name",
                    ),
                ),
                RESPONSIBLE,
                CREATED_BY,
                UPDATED_BY,
                CREATED_AT,
                UPDATED_AT,
                // A new customer has no tags to keep, and the seed documents only this key for it.
                create_only("tags", Wire::EmbeddedTags, FieldContent::Tags, "tags to add"),
                update_only("tags", Wire::Tags("tags_to_add"), FieldContent::Tags, "tags to add"),
                TAGS_TO_DELETE,
                ALL_TAGS,
                both(
                    "contacts",
                    Wire::Link(Entity::Contacts),
                    FieldContent::Ids(Entity::Contacts),
                    "ids or keys of contacts to link; the first is the main one",
                ),
                both(
                    "company",
                    Wire::Link(Entity::Companies),
                    FieldContent::OneId(Entity::Companies),
                    "the id or key of the company to link",
                ),
            ],
        ),
        SectionSpec {
            name: "customer.products",
            at: Placement::LinkedElements,
            custom_fields: None,
            custom_fields_max: None,
            repeats: true,
            fields: ELEMENTS,
        },
    ],
};
