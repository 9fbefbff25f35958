//! Custom fields whose value is an object: the parts a mapping may fill, by the type of the field. [doc], the keys of
//! other countries [client]

use super::super::{FieldKind, TEXTAREA_MAX};
use super::invoice::{ITEM, PAYER, SUPPLIER};
use super::*;

/// The parts of a value of this type; `None` where its values are not objects.
pub fn parts(kind: FieldKind) -> Option<&'static SectionSpec> {
    match kind {
        FieldKind::LegalEntity => Some(&LEGAL_ENTITY_PARTS),
        FieldKind::LinkedEntity => Some(&LINKED_ENTITY_PARTS),
        FieldKind::Payer => Some(&PAYER_PARTS),
        FieldKind::Supplier => Some(&SUPPLIER_PARTS),
        FieldKind::Items => Some(&ITEM_PARTS),
        _ => None,
    }
}

/// The names of all parts of all types: a table of a mapping with one of these keys is a value in parts.
pub fn part_names() -> impl Iterator<Item = &'static str> {
    let objects = [&LEGAL_ENTITY_PARTS, &LINKED_ENTITY_PARTS, &PAYER_PARTS, &SUPPLIER_PARTS, &ITEM_PARTS];
    objects.into_iter().flat_map(|spec| spec.fields).map(|field| field.name).chain(ADDRESS_PARTS.iter().copied())
}

/// The parts of a `smart_address`, by their codes. [doc]
pub const ADDRESS_PARTS: &[&str] = &["address_line_1", "address_line_2", "city", "state", "zip", "country"];

/// Parts that the service adds to an invoice line on reading and refuses on writing. [seed]
pub const COUNTED_PARTS: [&str; 3] = ["total_sum", "is_discount_recalculated", "is_total_sum_recalculated"];

/// Parts that contain the id of another record, and the part with the type of that record. [client]
pub const REFERENCE_PARTS: [&str; 2] = ["entity_id", "product_id"];
pub const REFERENCE_TYPE_PART: &str = "entity_type";

/// The part that gets the value where a mapping gives only a name. [doc]
pub const NAME_PART: &str = "name";

const fn value(fields: &'static [FieldSpec]) -> SectionSpec {
    SectionSpec {
        name: "fields",
        at: Placement::Value,
        custom_fields: None,
        custom_fields_max: None,
        repeats: false,
        fields,
    }
}

static LEGAL_ENTITY_PARTS: SectionSpec = value(LEGAL_ENTITY);
static LINKED_ENTITY_PARTS: SectionSpec = value(LINKED_ENTITY);
static PAYER_PARTS: SectionSpec = value(PAYER);
static SUPPLIER_PARTS: SectionSpec = value(SUPPLIER);
static ITEM_PARTS: SectionSpec = SectionSpec { repeats: true, ..value(ITEM) };

/// The service accepts only the keys of the account's own country, and refuses others even if they are empty. [client live]
const LEGAL_ENTITY: &[FieldSpec] = &[
    required(text("name", NAME_PART, NAME_MAX, "the name")),
    both("entity_type", Wire::Key("entity_type"), FieldContent::Int, "1 for a sole proprietor, 2 for a company"),
    text("vat_id", "vat_id", TEXT_MAX, "the tax number"),
    text("tax_registration_reason_code", "tax_registration_reason_code", TEXT_MAX, "the number of registration"),
    text("address", "address", TEXTAREA_MAX, "the legal address"),
    text("real_address", "real_address", TEXTAREA_MAX, "the real address"),
    text("kpp", "kpp", TEXT_MAX, "the code of the reason of registration"),
    text("bank_code", "bank_code", TEXT_MAX, "the bank's code"),
    text("bank_account_number", "bank_account_number", TEXT_MAX, "the account's number"),
    text("director", "director", TEXT_MAX, "the director"),
    text("external_uid", "external_uid", TEXT_MAX, "the id in another system"),
    text("unp", "unp", TEXT_MAX, "the tax number in Belarus"),
    text("bin", "bin", TEXT_MAX, "the business number in Kazakhstan"),
    text("egrpou", "egrpou", TEXT_MAX, "the registration number in Ukraine"),
    text("mfo", "mfo", TEXT_MAX, "the bank's code in Ukraine"),
    text("oked", "oked", TEXT_MAX, "the kind of business in Uzbekistan"),
];

const LINKED_ENTITY: &[FieldSpec] = &[
    text("name", NAME_PART, NAME_MAX, "the name"),
    both("entity_id", Wire::Key("entity_id"), FieldContent::Int, "the id of what is linked"),
    both(
        "entity_type",
        Wire::Key("entity_type"),
        FieldContent::Word(&["contacts", "companies", "catalog_elements"]),
        "what is linked",
    ),
    both("catalog_id", Wire::Key("catalog_id"), FieldContent::Int, "the catalog of a linked element"),
];
