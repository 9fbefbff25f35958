//! Catalogs. They cannot be deleted. [seed]

use super::super::CATALOGS_MAX;
use super::*;

/// Types of catalogs with a special use; an account has one of each. [seed]
pub const INVOICES: &str = "invoices";
pub const PRODUCTS: &str = "products";
/// Maintained by the service itself. [client live]
pub const SUPPLIERS: &str = "suppliers";

/// The types of catalogs that can be made.
const TYPES: &[&str] = &["regular", INVOICES, PRODUCTS];

pub static CATALOG: KindSpec = KindSpec {
    kind: Kind::Catalog,
    name: "catalog",
    entity: Entity::Catalogs,
    writes: &[batch(Action::Create, "catalogs"), batch(Action::Update, "catalogs")],
    catalog: None,
    needs: Needs::Nothing,
    quota: Some(CATALOGS_MAX),
    deleting: "",
    sections: &[item(
        "catalog",
        None,
        &[
            OWN_ID,
            required(NAME),
            create_only(
                "type",
                Wire::Key("type"),
                FieldContent::Word(TYPES),
                "regular, invoices or products; an account has one each of the last two",
            ),
            create_only("sort", Wire::Key("sort"), FieldContent::Int, "its position among the catalogs"),
            both(
                "can_add_elements",
                Wire::Key("can_add_elements"),
                FieldContent::Bool,
                "elements can be added in the CRM's own pages",
            ),
            both(
                "can_link_multiple",
                Wire::Key("can_link_multiple"),
                FieldContent::Bool,
                "one element can be linked to several leads or customers",
            ),
        ],
    )],
};
