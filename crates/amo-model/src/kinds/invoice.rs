//! Invoices: elements of the catalog of type `invoices`, whose lines come from several rows. [seed] The codes of the fields
//! and the keys of payer and lines: [client]

use super::super::{CatalogKind, TEXTAREA_MAX};
use super::*;

pub static INVOICE: KindSpec = KindSpec {
    kind: Kind::Invoice,
    name: "invoice",
    entity: Entity::Elements,
    writes: &[
        batch(Action::Create, "catalogs/{catalog}/elements"),
        batch(Action::Update, "catalogs/{catalog}/elements"),
    ],
    catalog: Some(CatalogKind::Invoices),
    needs: Needs::Nothing,
    quota: None,
    deleting: "",
    sections: &[
        item(
            "invoice",
            Some(FieldsOf::Catalog),
            &[
                OWN_ID,
                required(NAME),
                // Without it the service answers with error 285 of its old API. [client]
                required(both(
                    "status",
                    Wire::Field("BILL_STATUS"),
                    FieldContent::OfField,
                    "created, paid, …, by name or code",
                )),
                both(
                    "vat_type",
                    Wire::Field("BILL_VAT_TYPE"),
                    FieldContent::OfField,
                    "how VAT is counted, by name or code",
                ),
                both("payment_date", Wire::Field("BILL_PAYMENT_DATE"), FieldContent::OfField, "when it was paid"),
                both("comment", Wire::Field("BILL_COMMENT"), FieldContent::OfField, "a comment"),
                both(
                    "total",
                    Wire::Field("BILL_PRICE"),
                    FieldContent::OfField,
                    "the sum to pay; by default the sum of the items",
                ),
            ],
        ),
        value_section("invoice.payer", "PAYER", false, PAYER),
        value_section("invoice.supplier", "SUPPLIER", false, SUPPLIER),
        value_section("invoice.items", "ITEMS", true, ITEM),
    ],
};

const fn value_section(
    name: &'static str,
    code: &'static str,
    repeats: bool,
    fields: &'static [FieldSpec],
) -> SectionSpec {
    SectionSpec { name, at: Placement::Field(code), custom_fields: None, custom_fields_max: None, repeats, fields }
}

/// The keys of a line from which its sum is computed. [seed]
pub const ITEM_PRICE: &str = "unit_price";
pub const ITEM_QUANTITY: &str = "quantity";
pub const DISCOUNT_AMOUNT: &str = "amount";
pub const DISCOUNT_PERCENT: &str = "percentage";

/// Types of payers. [client]
pub const PAYER_TYPES: &[&str] = &["legal", "individual"];

pub(super) const PAYER: &[FieldSpec] = &[
    required(text("name", "name", NAME_MAX, "the payer's name")),
    both("type", Wire::Key("type"), FieldContent::Word(PAYER_TYPES), "legal or individual"),
    text("vat_id", "vat_id", TEXT_MAX, "the tax number"),
    text("kpp", "kpp", TEXT_MAX, "the code of the reason of registration"),
    text("tax_registration_reason_code", "tax_registration_reason_code", TEXT_MAX, "the same under its other name"),
    text("address", "address", TEXTAREA_MAX, "the legal address"),
    text("real_address", "real_address", TEXTAREA_MAX, "the real address"),
    text("bank_code", "bank_code", TEXT_MAX, "the bank's code"),
    text("bank_account_number", "bank_account_number", TEXT_MAX, "the account's number"),
    text("unp", "unp", TEXT_MAX, "the tax number in Belarus"),
    text("bin", "bin", TEXT_MAX, "the business number in Kazakhstan"),
    text("egrpou", "egrpou", TEXT_MAX, "the registration number in Ukraine"),
    text("mfo", "mfo", TEXT_MAX, "the bank's code in Ukraine"),
    text("oked", "oked", TEXT_MAX, "the kind of business in Uzbekistan"),
    text("director", "director", TEXT_MAX, "the director"),
    text("phone", "phone", TEXT_MAX, "a phone"),
    text("email", "email", TEXT_MAX, "an e-mail"),
    both(
        "entity_type",
        Wire::Key("entity_type"),
        FieldContent::Word(&["contacts", "companies"]),
        "contacts or companies",
    ),
    both("entity_id", Wire::Key("entity_id"), FieldContent::Int, "the id of the contact or company that pays"),
];

/// The supplier: an element of the catalog of suppliers. [client]
pub(super) const SUPPLIER: &[FieldSpec] =
    &[required(both("name", Wire::Key("entity_id"), FieldContent::Supplier, "the supplier, by name or id"))];

/// An invoice line. [seed]
pub(super) const ITEM: &[FieldSpec] = &[
    text("sku", "sku", TEXT_MAX, "the SKU"),
    both("product", Wire::Key("product_id"), FieldContent::Element, "the product, by SKU, name or id"),
    text("description", "description", TEXTAREA_MAX, "the line's text"),
    required(both("unit_price", Wire::Key(ITEM_PRICE), FieldContent::Money, "the price of one")),
    required(both("quantity", Wire::Key(ITEM_QUANTITY), FieldContent::Number, "how many")),
    text("unit_type", "unit_type", TEXT_MAX, "the unit, such as шт."),
    both("discount", Wire::Discount(DISCOUNT_AMOUNT), FieldContent::Money, "a discount on the line, as a sum"),
    both(
        "discount_percent",
        Wire::Discount(DISCOUNT_PERCENT),
        FieldContent::Number,
        "a discount on the line, in percent",
    ),
    both("vat_rate_id", Wire::Key("vat_rate_id"), FieldContent::Int, "the id of the VAT rate"),
    both("vat_rate", Wire::Key("vat_rate_value"), FieldContent::Number, "the VAT rate in percent"),
    both("bonus_points", Wire::Key("bonus_points_per_purchase"), FieldContent::Number, "bonus points"),
    text("external_uid", "external_uid", TEXT_MAX, "the line's id in another system"),
];
