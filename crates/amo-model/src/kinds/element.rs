//! Elements of a catalog of products or of a regular catalog. [seed]

use super::super::CatalogKind;
use super::*;

pub static ELEMENT: KindSpec = KindSpec {
    kind: Kind::Element,
    name: "element",
    entity: Entity::Elements,
    writes: &[
        batch(Action::Create, "catalogs/{catalog}/elements"),
        batch(Action::Update, "catalogs/{catalog}/elements"),
    ],
    catalog: Some(CatalogKind::Any),
    needs: Needs::Nothing,
    quota: None,
    deleting: "",
    sections: &[item("element", Some(FieldsOf::Catalog), &[OWN_ID, required(NAME)])],
};
