//! What only customers and their purchases say: the status, the segments, the elements bought. [seed]

use serde_json::{Value, json};

use crate::check::plain::{self, Expected};
use crate::check::{CheckContext, CheckedItem, ValidationErrors, join};
use crate::world::RecordTable;
use amo_model::Owner;

/// An element of a catalog, and how many of it.
#[derive(Debug, Clone)]
pub struct PickedElement {
    pub id: u64,
    pub metadata: Value,
}

/// Customers have a status where they buy periodically. [seed]; that it is refused elsewhere [inferred]
pub fn check_status(
    context: &CheckContext,
    value: &Value,
    at: &str,
    accepted: &mut CheckedItem,
    errors: &mut ValidationErrors,
) {
    if !context.account().has_periodicity() {
        return errors.unexpected(at);
    }
    match value.as_u64() {
        Some(id) if context.account().customer_status(id).is_some() => {
            accepted.set.insert("status_id".to_owned(), value.clone());
        }
        _ if value.is_i64() => errors.choice(at),
        _ => errors.wrong_type(at, "int"),
    }
}

/// `[{"id": n}]`: all the segments the customer is in from now on. [seed] for the shape, the rest [inferred]
pub fn check_segments(
    context: &CheckContext,
    value: &Value,
    path: &str,
    errors: &mut ValidationErrors,
) -> Option<Vec<u64>> {
    if !context.account().has_segments() {
        errors.unexpected(path);
        return None;
    }
    let Some(items) = value.as_array() else {
        errors.wrong_type(path, "array");
        return None;
    };
    let mut segments = Vec::with_capacity(items.len());
    for (i, item) in items.iter().enumerate() {
        let at = join(path, i);
        let item = plain::check(
            context,
            &[("id", Expected::Int, true), ("_links", Expected::Shown, false)],
            true,
            item,
            &at,
            errors,
        );
        let Some(id) = item.and_then(|item| item.get("id")).filter(|id| id.is_i64()) else { continue };
        match id.as_u64().filter(|id| context.account().segment(*id).is_some()) {
            Some(id) if !segments.contains(&id) => segments.push(id),
            Some(_) => {}
            None => errors.choice(join(&at, "id")),
        }
    }
    Some(segments)
}

/// `[{"id": n, "metadata": {"catalog_id": n, "quantity": n}}]` of a purchase. [seed]
pub fn check_bought(
    context: &CheckContext,
    value: &Value,
    path: &str,
    errors: &mut ValidationErrors,
) -> Vec<PickedElement> {
    const KEYS: &[plain::KeySpec] = &[("id", Expected::Int, true), ("metadata", Expected::Anything, true)];
    const METADATA: &[plain::KeySpec] = &[("catalog_id", Expected::Int, true), ("quantity", Expected::Int, false)];
    let Some(items) = value.as_array() else {
        errors.wrong_type(path, "array");
        return Vec::new();
    };
    let mut bought = Vec::with_capacity(items.len());
    for (i, item) in items.iter().enumerate() {
        let at = join(path, i);
        let Some(item) = plain::check(context, KEYS, true, item, &at, errors) else { continue };
        let Some(metadata) = item.get("metadata") else { continue };
        let metadata = plain::check(context, METADATA, true, metadata, &join(&at, "metadata"), errors);
        // A negative id is no element's and no catalog's: 0 is not, either.
        let number = |value: &Value| value.as_i64().map(|n| u64::try_from(n).unwrap_or(0));
        let said = |key: &str| metadata.and_then(|m| m.get(key)).and_then(number);
        let (Some(catalog), Some(id)) = (said("catalog_id"), item.get("id").and_then(number)) else { continue };
        let quantity = said("quantity").unwrap_or(1);
        if quantity == 0 {
            errors.choice(join(&at, "metadata.quantity")); // [inferred]
        }
        if check_element(context, id, catalog, &join(&at, "id"), &join(&at, "metadata.catalog_id"), errors) {
            bought.push(PickedElement { id, metadata: json!({"catalog_id": catalog, "quantity": quantity}) });
        }
    }
    bought
}

/// True where the element stands in that catalog.
pub fn check_element(
    context: &CheckContext,
    id: u64,
    catalog: u64,
    id_at: &str,
    catalog_at: &str,
    errors: &mut ValidationErrors,
) -> bool {
    if context.account().catalog(catalog).is_none() {
        errors.choice(catalog_at);
        return false;
    }
    let stands = context.world.records(RecordTable::Elements).get(id).is_some_and(|record| record.container == catalog);
    if !stands {
        errors.choice(id_at);
    }
    stands
}

/// A price field of the catalog. [seed]
pub fn is_price(context: &CheckContext, id: u64, of: impl Fn(u64) -> bool) -> bool {
    context.account().field(id).is_some_and(|field| {
        field.kind == amo_model::FieldKind::Price && matches!(field.owner, Owner::Catalog(catalog) if of(catalog))
    })
}

/// What is said of a receipt. [client]
pub fn check_receipt(context: &CheckContext, value: &Value, at: &str, errors: &mut ValidationErrors) {
    const KEYS: &[plain::KeySpec] = &[("receipt_link", Expected::Text, false), ("external_id", Expected::Text, false)];
    plain::check(context, KEYS, false, value, at, errors);
}
