//! The table of kinds, a file for each, and the fields that several of them share. `values` are the parts of custom fields whose
//! value is an object; `colours` are the colours that the service accepts.

mod catalog;
mod colours;
mod contact;
mod customer;
mod customer_status;
mod element;
mod invoice;
mod lead;
mod segment;
mod transaction;
mod values;

pub use catalog::{INVOICES, PRODUCTS, SUPPLIERS};
pub use invoice::{DISCOUNT_AMOUNT, DISCOUNT_PERCENT, ITEM_PRICE, ITEM_QUANTITY};
pub use lead::METADATA_CATEGORIES;
pub use values::{ADDRESS_PARTS, COUNTED_PARTS, NAME_PART, REFERENCE_PARTS, REFERENCE_TYPE_PART, part_names, parts};

use super::{
    Action, BATCH_MAX, BodyShape, FieldContent, FieldSpec, FieldsOf, Kind, KindSpec, NAME_MAX, Needs, Required,
    SectionSpec, TEXT_MAX, Wire, Wrapping, Write,
};
use super::{Entity, Placement};

pub fn spec(kind: Kind) -> &'static KindSpec {
    match kind {
        Kind::Lead => &lead::LEAD,
        Kind::ComplexLead => &lead::COMPLEX_LEAD,
        Kind::Contact => &contact::CONTACT,
        Kind::Company => &contact::COMPANY,
        Kind::Customer => &customer::CUSTOMER,
        Kind::Transaction => &transaction::TRANSACTION,
        Kind::Element => &element::ELEMENT,
        Kind::Invoice => &invoice::INVOICE,
        Kind::Catalog => &catalog::CATALOG,
        Kind::Segment => &segment::SEGMENT,
        Kind::CustomerStatus => &customer_status::CUSTOMER_STATUS,
    }
}

/// A batch: an array of items, answered by an array.
const fn batch(action: Action, path: &'static str) -> Write {
    Write { action, path, shape: BodyShape::Array, wrapping: Wrapping::Embedded, echo: true, batch_max: BATCH_MAX }
}

/// One object in a request.
const fn single(action: Action, path: &'static str) -> Write {
    Write { action, path, shape: BodyShape::Object, wrapping: Wrapping::Embedded, echo: true, batch_max: 1 }
}

/// One record in a request, named by the path.
const fn delete(path: &'static str) -> Write {
    Write {
        action: Action::Delete,
        path,
        shape: BodyShape::Nothing,
        wrapping: Wrapping::Embedded,
        echo: false,
        batch_max: 1,
    }
}

/// The section of the item itself.
const fn item(name: &'static str, custom_fields: Option<FieldsOf>, fields: &'static [FieldSpec]) -> SectionSpec {
    SectionSpec { name, at: Placement::Item, custom_fields, custom_fields_max: None, repeats: false, fields }
}

const fn both(name: &'static str, wire: Wire, holds: FieldContent, about: &'static str) -> FieldSpec {
    FieldSpec {
        name,
        wire,
        holds,
        on_create: true,
        on_update: true,
        on_delete: false,
        required: Required::No,
        only: Needs::Nothing,
        about,
    }
}

const fn create_only(name: &'static str, wire: Wire, holds: FieldContent, about: &'static str) -> FieldSpec {
    FieldSpec { on_update: false, ..both(name, wire, holds, about) }
}

const fn update_only(name: &'static str, wire: Wire, holds: FieldContent, about: &'static str) -> FieldSpec {
    FieldSpec { on_create: false, ..both(name, wire, holds, about) }
}

/// A new record must have this field.
const fn required(field: FieldSpec) -> FieldSpec {
    FieldSpec { required: Required::Always, ..field }
}

/// Accepted only in one mode of customers.
const fn only(needs: Needs, field: FieldSpec) -> FieldSpec {
    FieldSpec { only: needs, ..field }
}

const fn text(name: &'static str, key: &'static str, max: usize, about: &'static str) -> FieldSpec {
    both(name, Wire::Key(key), FieldContent::Text { max }, about)
}

const NAME: FieldSpec = text("name", "name", NAME_MAX, "the name");
const RESPONSIBLE: FieldSpec =
    both("responsible_user", Wire::Key("responsible_user_id"), FieldContent::User, "an active user, by name or e-mail");
const CREATED_BY: FieldSpec =
    both("created_by", Wire::Key("created_by"), FieldContent::UserOrRobot, "who made it; 0 is the robot");
const UPDATED_BY: FieldSpec =
    both("updated_by", Wire::Key("updated_by"), FieldContent::UserOrRobot, "who changed it; 0 is the robot");
const CREATED_AT: FieldSpec = both("created_at", Wire::Key("created_at"), FieldContent::Timestamp, "when it was made");
const UPDATED_AT: FieldSpec =
    both("updated_at", Wire::Key("updated_at"), FieldContent::Timestamp, "when it was changed");
const TAGS: FieldSpec = both("tags", Wire::Tags("tags_to_add"), FieldContent::Tags, "tags to add");
const TAGS_TO_DELETE: FieldSpec =
    update_only("tags_to_delete", Wire::Tags("tags_to_delete"), FieldContent::Tags, "tags to remove");
const ALL_TAGS: FieldSpec =
    update_only("all_tags", Wire::EmbeddedTags, FieldContent::Tags, "all its tags: those not named here are removed");
/// The record to change, for kinds that cannot be deleted.
const OWN_ID: FieldSpec =
    update_only("id", Wire::Key("id"), FieldContent::OwnId, "the id in the CRM of the record to change");
/// The record to change or to delete.
const OWN_ID_OR_DELETE: FieldSpec = FieldSpec {
    on_delete: true,
    about: "the id in the CRM of the record to change or delete",
    ..update_only("id", Wire::Key("id"), FieldContent::OwnId, "")
};

/// Elements of a catalog with a quantity each. [seed]
const ELEMENTS: &[FieldSpec] = &[
    required(both("element", Wire::ElementId, FieldContent::Element, "the product, by SKU, name or id")),
    both("quantity", Wire::ElementQuantity, FieldContent::Quantity, "how many; by default 1"),
    both("catalog", Wire::ElementCatalog, FieldContent::Catalog, "its catalog; by default that of the products"),
];
