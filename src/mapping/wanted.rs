//! What of an account a mapping needs to know: lists that nothing in it names are not asked for.

use super::written::{By, From, Origin, Target, Written};
use amo_client::account::{CatalogRef, SnapshotScope};
use amo_model::{CatalogKind, Entity, FieldContent, FieldsOf, INVOICES, PRODUCTS, SUPPLIERS, Wire};

pub fn wanted(written: &Written) -> SnapshotScope {
    let spec = written.kind.spec();
    let mut wanted = SnapshotScope {
        catalog_list: spec.entity == Entity::Catalogs,
        segments: spec.entity == Entity::Segments,
        statuses: spec.entity == Entity::Statuses,
        ..SnapshotScope::default()
    };
    wanted.catalogs.extend(match (&written.catalog, spec.catalog) {
        (Some(name), _) => Some(CatalogRef::Named(name.it.clone())),
        (None, Some(CatalogKind::Invoices)) => Some(CatalogRef::Typed(INVOICES)),
        (None, Some(CatalogKind::Any) | None) => None,
    });
    for section in spec.sections {
        if let Some(FieldsOf::Entity(entity)) = section.custom_fields {
            wanted.fields.push(entity);
        }
    }
    wanted.fields.sort();
    wanted.fields.dedup();
    for section in &written.sections {
        let list = named_list(section).unwrap_or(CatalogRef::Typed(PRODUCTS));
        for value in &section.values {
            match &value.target {
                Target::Field(field) => {
                    let by_name = value.origins.iter().any(|o| refers(o) != Some(By::Id));
                    field_wants(field.holds, by_name, value.origins.iter().any(by(By::Name)), &list, &mut wanted);
                }
                Target::Custom(name) => {
                    if let Some(FieldsOf::Entity(entity)) = section.spec.custom_fields {
                        wanted.chains.push((entity, name.clone()));
                    }
                }
            }
        }
    }
    wanted
}

fn field_wants(holds: FieldContent, not_by_id: bool, by_name: bool, list: &CatalogRef, wanted: &mut SnapshotScope) {
    match holds {
        // Also by id: the list's own id goes along with the element's.
        FieldContent::Element if not_by_id => wanted.elements.push(list.clone()),
        FieldContent::Element => wanted.catalog_list = true,
        FieldContent::Supplier if not_by_id => wanted.elements.push(CatalogRef::Typed(SUPPLIERS)),
        FieldContent::OneId(Entity::Customers) => wanted.customers |= by_name,
        FieldContent::Segments => wanted.segments = true,
        FieldContent::CustomerStatus => wanted.statuses = true,
        FieldContent::PriceFields => wanted.catalogs.push(CatalogRef::Typed(PRODUCTS)),
        FieldContent::Catalog => wanted.catalog_list = true,
        _ => {}
    }
}

/// The list that a table of products names for itself.
pub fn named_list(section: &super::written::Section) -> Option<CatalogRef> {
    let value = section.values.iter().find(|value| match &value.target {
        Target::Field(field) => field.wire == Wire::ElementCatalog,
        Target::Custom(_) => false,
    })?;
    match &value.origins.first()?.from {
        From::Constant(name) => Some(CatalogRef::Named(name.it.text.clone())),
        From::Column(_) | From::Template(_) => None,
    }
}

fn refers(origin: &Origin) -> Option<By> {
    origin.by.as_ref().map(|by| by.it)
}

fn by(wanted: By) -> impl Fn(&Origin) -> bool {
    move |origin| refers(origin) == Some(wanted)
}
