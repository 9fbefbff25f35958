//! The parts of an account that a mapping needs; other lists are not requested.

use crate::mapping::language::ast::{As, By, MappingAst, Origin, TargetRef, ValueSource};
use amo_client::account::{CatalogRef, SnapshotScope};
use amo_model::{CatalogKind, Entity, FieldContent, FieldsOf, INVOICES, PRODUCTS, SUPPLIERS, Wire};

pub fn wanted(ast: &MappingAst) -> SnapshotScope {
    let spec = ast.kind.spec();
    let mut wanted = SnapshotScope {
        catalog_list: spec.entity == Entity::Catalogs,
        segments: spec.entity == Entity::Segments,
        statuses: spec.entity == Entity::Statuses,
        ..SnapshotScope::default()
    };
    wanted.catalogs.extend(match (&ast.catalog, spec.catalog) {
        (Some(name), _) => Some(CatalogRef::Named(name.value.clone())),
        (None, Some(CatalogKind::Invoices)) => Some(CatalogRef::Typed(INVOICES)),
        (None, Some(CatalogKind::Any) | None) => None,
    });
    for section in &ast.sections {
        // A marker is a field of the record itself.
        let is_marked = ast.marker.is_some() && section.spec.is_item();
        let names_fields = section.values.iter().any(|value| match &value.target {
            TargetRef::Field(field) => matches!(field.wire, Wire::Field(_)),
            TargetRef::Custom(_) => true,
        });
        if let Some(FieldsOf::Entity(entity)) = section.spec.custom_fields
            && (is_marked || names_fields)
        {
            wanted.fields.push(entity);
        }
    }
    wanted.fields.sort();
    wanted.fields.dedup();
    for section in &ast.sections {
        let list = named_catalog(section).unwrap_or(CatalogRef::Typed(PRODUCTS));
        for value in &section.values {
            match &value.target {
                TargetRef::Field(field) => {
                    add_field_needs(field.holds, &value.origins, &list, &mut wanted);
                }
                // JSON names the elements of a chained list by their ids.
                TargetRef::Custom(_) if value.origins.iter().all(is_json) => {}
                TargetRef::Custom(name) => {
                    if let Some(FieldsOf::Entity(entity)) = section.spec.custom_fields {
                        wanted.chains.push((entity, name.clone()));
                    }
                }
            }
        }
    }
    wanted
}

/// Adds what a field filled from `origins` needs; `list` is the catalog of its section's products.
fn add_field_needs(holds: FieldContent, origins: &[Origin], list: &CatalogRef, wanted: &mut SnapshotScope) {
    let refers_by = |by: By| origins.iter().any(|origin| reference(origin) == Some(by));
    let not_by_id = origins.iter().any(|origin| reference(origin) != Some(By::Id));
    match holds {
        // By id, too: the catalog's own id is sent with the element's.
        FieldContent::Element if not_by_id => wanted.elements.push(list.clone()),
        FieldContent::Element => wanted.catalog_list = true,
        FieldContent::Supplier if not_by_id => wanted.elements.push(CatalogRef::Typed(SUPPLIERS)),
        FieldContent::OneId(Entity::Customers) => wanted.customers |= refers_by(By::Name),
        FieldContent::Segments => wanted.segments = true,
        FieldContent::CustomerStatus => wanted.statuses = true,
        FieldContent::PriceFields => wanted.catalogs.push(CatalogRef::Typed(PRODUCTS)),
        FieldContent::Catalog => wanted.catalog_list = true,
        // A stage is looked up in a pipeline, also where its own names none.
        FieldContent::Pipeline | FieldContent::Status => wanted.pipelines = true,
        FieldContent::User | FieldContent::UserOrRobot => wanted.users = true,
        FieldContent::LossReason => wanted.loss_reasons = true,
        _ => {}
    }
}

/// The catalog that a section of products names as a constant.
pub fn named_catalog(section: &crate::mapping::language::ast::Section) -> Option<CatalogRef> {
    let value = section.values.iter().find(|value| match &value.target {
        TargetRef::Field(field) => field.wire == Wire::ElementCatalog,
        TargetRef::Custom(_) => false,
    })?;
    match &value.origins.first()?.source {
        ValueSource::Constant(name) => Some(CatalogRef::Named(name.value.text.clone())),
        ValueSource::Column(_) | ValueSource::Template(_) => None,
    }
}

fn is_json(origin: &Origin) -> bool {
    origin.as_.as_ref().is_some_and(|shape| shape.value == As::Json)
}

fn reference(origin: &Origin) -> Option<By> {
    origin.by.as_ref().map(|by| by.value)
}
