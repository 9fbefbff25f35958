//! Segments of customers: one object in a request. [seed]

use super::super::SEGMENTS_MAX;
use super::*;

pub static SEGMENT: KindSpec = KindSpec {
    kind: Kind::Segment,
    name: "segment",
    entity: Entity::Segments,
    writes: &[
        Write { echo: false, ..single(Action::Create, "customers/segments") },
        single(Action::Update, "customers/segments/{id}"),
        delete("customers/segments/{id}"),
    ],
    catalog: None,
    needs: Needs::Segments,
    quota: Some(SEGMENTS_MAX),
    deleting: "the customers stay, without these segments",
    sections: &[item(
        "segment",
        Some(FieldsOf::Entity(Entity::Segments)),
        &[
            OWN_ID_OR_DELETE,
            required(NAME),
            both(
                "color",
                Wire::Key("color"),
                FieldContent::Colour { known: colours::SEGMENTS, hash: false },
                "one of the forty colours of segments",
            ),
            both(
                "available_products_price_types",
                Wire::Ids("available_products_price_types"),
                FieldContent::PriceFields,
                "price fields of the products that the segment may use, by name",
            ),
        ],
    )],
};
