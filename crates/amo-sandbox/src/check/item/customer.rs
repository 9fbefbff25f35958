//! What only customers and their purchases say: the status, the segments, the elements bought. [seed]

use serde_json::{Value, json};

use crate::check::plain::{self, Must};
use crate::check::{Clean, Complaints, Rules, join};
use crate::world::Shelf;
use amo_model::Owner;

/// An element of a catalog, and how many of it.
#[derive(Debug, Clone)]
pub struct Picked {
    pub id: u64,
    pub metadata: Value,
}

/// Customers have a status where they buy periodically. [seed]; that it is refused elsewhere [inferred]
pub fn check_status(rules: &Rules, value: &Value, at: &str, clean: &mut Clean, complaints: &mut Complaints) {
    if !rules.account().has_periodicity() {
        return complaints.unexpected(at);
    }
    match value.as_u64() {
        Some(id) if rules.account().customer_status(id).is_some() => {
            clean.set.insert("status_id".to_owned(), value.clone());
        }
        _ if value.is_i64() => complaints.choice(at),
        _ => complaints.wrong_type(at, "int"),
    }
}

/// `[{"id": n}]`: all the segments the customer is in from now on. [seed] for the shape, the rest [inferred]
pub fn check_segments(rules: &Rules, value: &Value, path: &str, complaints: &mut Complaints) -> Option<Vec<u64>> {
    if !rules.account().has_segments() {
        complaints.unexpected(path);
        return None;
    }
    let Some(items) = value.as_array() else {
        complaints.wrong_type(path, "array");
        return None;
    };
    let mut segments = Vec::with_capacity(items.len());
    for (i, item) in items.iter().enumerate() {
        let at = join(path, i);
        let item = plain::check(
            rules,
            &[("id", Must::Int, true), ("_links", Must::Shown, false)],
            true,
            item,
            &at,
            complaints,
        );
        let Some(id) = item.and_then(|item| item.get("id")).filter(|id| id.is_i64()) else { continue };
        match id.as_u64().filter(|id| rules.account().segment(*id).is_some()) {
            Some(id) if !segments.contains(&id) => segments.push(id),
            Some(_) => {}
            None => complaints.choice(join(&at, "id")),
        }
    }
    Some(segments)
}

/// `[{"id": n, "metadata": {"catalog_id": n, "quantity": n}}]` of a purchase. [seed]
pub fn check_bought(rules: &Rules, value: &Value, path: &str, complaints: &mut Complaints) -> Vec<Picked> {
    const KEYS: &[plain::Key] = &[("id", Must::Int, true), ("metadata", Must::Anything, true)];
    const METADATA: &[plain::Key] = &[("catalog_id", Must::Int, true), ("quantity", Must::Int, false)];
    let Some(items) = value.as_array() else {
        complaints.wrong_type(path, "array");
        return Vec::new();
    };
    let mut bought = Vec::with_capacity(items.len());
    for (i, item) in items.iter().enumerate() {
        let at = join(path, i);
        let Some(item) = plain::check(rules, KEYS, true, item, &at, complaints) else { continue };
        let Some(metadata) = item.get("metadata") else { continue };
        let metadata = plain::check(rules, METADATA, true, metadata, &join(&at, "metadata"), complaints);
        // A negative id is no element's and no catalog's: 0 is not, either.
        let number = |value: &Value| value.as_i64().map(|n| u64::try_from(n).unwrap_or(0));
        let said = |key: &str| metadata.and_then(|m| m.get(key)).and_then(number);
        let (Some(catalog), Some(id)) = (said("catalog_id"), item.get("id").and_then(number)) else { continue };
        let quantity = said("quantity").unwrap_or(1);
        if quantity == 0 {
            complaints.choice(join(&at, "metadata.quantity")); // [inferred]
        }
        if check_element(rules, id, catalog, &join(&at, "id"), &join(&at, "metadata.catalog_id"), complaints) {
            bought.push(Picked { id, metadata: json!({"catalog_id": catalog, "quantity": quantity}) });
        }
    }
    bought
}

/// True where the element stands in that catalog.
pub fn check_element(
    rules: &Rules,
    id: u64,
    catalog: u64,
    id_at: &str,
    catalog_at: &str,
    complaints: &mut Complaints,
) -> bool {
    if rules.account().catalog(catalog).is_none() {
        complaints.choice(catalog_at);
        return false;
    }
    let stands = rules.world.records(Shelf::Elements).get(id).is_some_and(|record| record.container == catalog);
    if !stands {
        complaints.choice(id_at);
    }
    stands
}

/// A price field of the catalog. [seed]
pub fn is_price(rules: &Rules, id: u64, of: impl Fn(u64) -> bool) -> bool {
    rules.account().field(id).is_some_and(|field| {
        field.kind == amo_model::FieldKind::Price && matches!(field.owner, Owner::Catalog(catalog) if of(catalog))
    })
}

/// What is said of a receipt. [client]
pub fn check_receipt(rules: &Rules, value: &Value, at: &str, complaints: &mut Complaints) {
    const KEYS: &[plain::Key] = &[("receipt_link", Must::Text, false), ("external_id", Must::Text, false)];
    plain::check(rules, KEYS, false, value, at, complaints);
}
