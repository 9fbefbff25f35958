//! Keys that only customers and their transactions have: the status, the segments, the elements bought. [seed]

use serde_json::{Value, json};

use crate::check::plain::{self, Expected};
use crate::check::{CheckContext, JsonNode};
use crate::world::RecordTable;
use amo_model::Owner;

/// An element of a catalog, and its quantity.
#[derive(Debug, Clone)]
pub struct PickedElement {
    pub id: u64,
    pub metadata: Value,
}

/// True for the id of a status. Customers have one where the mode is periodicity. [seed]; that it is refused elsewhere
/// [inferred]
pub fn check_status(context: &CheckContext, mut node: JsonNode) -> bool {
    if !context.account().has_periodicity() {
        node.unexpected();
        return false;
    }
    match node.value.as_u64() {
        Some(id) if context.account().customer_status(id).is_some() => return true,
        _ if node.value.is_i64() => node.invalid_choice(),
        _ => node.wrong_type("int"),
    }
    false
}

/// `[{"id": n}]`: all segments that the customer is in from now on. [seed] for the shape, the rest [inferred]
pub fn check_segments(context: &CheckContext, mut node: JsonNode) -> Option<Vec<u64>> {
    const KEYS: &[plain::KeySpec] = &[("id", Expected::Int, true), ("_links", Expected::ReadOnly, false)];
    if !context.account().has_segments() {
        node.unexpected();
        return None;
    }
    let items = node.array()?;
    let mut segments = Vec::with_capacity(items.len());
    for (i, item) in items.iter().enumerate() {
        let mut node = node.child(i, item);
        let item = plain::check(context, KEYS, true, node.reborrow());
        let Some(id) = item.and_then(|item| item.get("id")).filter(|id| id.is_i64()) else { continue };
        match id.as_u64().filter(|id| context.account().segment(*id).is_some()) {
            Some(id) if !segments.contains(&id) => segments.push(id),
            Some(_) => {}
            None => node.child("id", id).invalid_choice(),
        }
    }
    Some(segments)
}

/// `[{"id": n, "metadata": {"catalog_id": n, "quantity": n}}]` of a transaction. [seed]
pub fn check_bought(context: &CheckContext, mut node: JsonNode) -> Vec<PickedElement> {
    let Some(items) = node.array() else { return Vec::new() };
    items.iter().enumerate().filter_map(|(i, item)| check_picked(context, node.child(i, item))).collect()
}

fn check_picked(context: &CheckContext, mut node: JsonNode) -> Option<PickedElement> {
    const KEYS: &[plain::KeySpec] = &[("id", Expected::Int, true), ("metadata", Expected::Anything, true)];
    const METADATA: &[plain::KeySpec] = &[("catalog_id", Expected::Int, true), ("quantity", Expected::Int, false)];
    let item = plain::check(context, KEYS, true, node.reborrow())?;
    let metadata = plain::check(context, METADATA, true, node.get("metadata")?);
    // A negative id belongs to no element and no catalog, as 0 does.
    let number = |value: &Value| value.as_i64().map(|n| u64::try_from(n).unwrap_or(0));
    let sent = |key: &str| metadata.and_then(|m| m.get(key)).and_then(number);
    let (catalog, id) = (sent("catalog_id")?, item.get("id").and_then(number)?);
    let quantity = sent("quantity").unwrap_or(1);
    if quantity == 0 {
        let path = node.key_path("metadata.quantity");
        node.errors.invalid_choice(path); // [inferred]
    }
    let wrong = match find_element(context, catalog, id) {
        Ok(()) => return Some(PickedElement { id, metadata: json!({"catalog_id": catalog, "quantity": quantity}) }),
        Err(MissingElement::Catalog) => "metadata.catalog_id",
        Err(MissingElement::Element) => "id",
    };
    let path = node.key_path(wrong);
    node.errors.invalid_choice(path);
    None
}

/// The part of an element's address that does not exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MissingElement {
    Catalog,
    Element,
}

/// Whether the catalog has the element.
pub fn find_element(context: &CheckContext, catalog: u64, id: u64) -> Result<(), MissingElement> {
    if context.account().catalog(catalog).is_none() {
        return Err(MissingElement::Catalog);
    }
    let record = context.world.records(RecordTable::Elements).get(id);
    record.filter(|record| record.container == catalog).map(|_| ()).ok_or(MissingElement::Element)
}

/// True for a price field of a catalog that `is_wanted` accepts. [seed]
pub fn is_price(context: &CheckContext, id: u64, is_wanted: impl Fn(u64) -> bool) -> bool {
    context.account().field(id).is_some_and(|field| {
        field.kind == amo_model::FieldKind::Price
            && matches!(field.owner, Owner::Catalog(catalog) if is_wanted(catalog))
    })
}

/// `metadata` of a transaction: its receipt. [client]
pub fn check_receipt(context: &CheckContext, node: JsonNode) {
    const KEYS: &[plain::KeySpec] = &[("receipt_link", Expected::Text, false), ("external_id", Expected::Text, false)];
    plain::check(context, KEYS, false, node);
}
