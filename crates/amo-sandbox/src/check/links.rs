//! Items of `link` and `unlink`: which two records, and what is said of their link. [doc]

use serde_json::{Map, Value, json};

use crate::check::item::customer::{check_element, is_price};
use crate::check::plain::{self, Must};
use crate::check::{Complaints, Rules, join};
use crate::world::{End, Shelf};

/// A link to be made or cut.
#[derive(Debug, Clone)]
pub struct Link {
    pub from: End,
    pub to: End,
    pub meta: Option<Value>,
}

/// What may be linked to a record. [doc]; leads to contacts [client]
pub fn partners(shelf: Shelf) -> &'static [Shelf] {
    match shelf {
        Shelf::Leads | Shelf::Customers => &[Shelf::Contacts, Shelf::Companies, Shelf::Elements],
        Shelf::Contacts => &[Shelf::Companies, Shelf::Customers, Shelf::Leads, Shelf::Elements],
        Shelf::Companies => &[Shelf::Contacts, Shelf::Leads, Shelf::Customers, Shelf::Elements],
        Shelf::Transactions | Shelf::Elements | Shelf::Notes | Shelf::Tasks => &[],
    }
}

/// `to_entity_type`.
pub fn word(shelf: Shelf) -> &'static str {
    if shelf == Shelf::Elements { "catalog_elements" } else { shelf.path() }
}

/// `one` is the record the path names; of many, each item names its own. `before` are the links that the items above
/// will make; `None` where links are cut.
pub fn check(
    rules: &Rules,
    shelf: Shelf,
    one: Option<u64>,
    item: &Value,
    before: Option<&[Link]>,
    complaints: &mut Complaints,
) -> Option<Link> {
    const OF_ONE: &[plain::Key] =
        &[("to_entity_id", Must::Int, true), ("to_entity_type", Must::Text, true), ("metadata", Must::Anything, false)];
    const OF_MANY: &[plain::Key] = &[
        ("entity_id", Must::Int, true),
        ("to_entity_id", Must::Int, true),
        ("to_entity_type", Must::Text, true),
        ("metadata", Must::Anything, false),
    ];
    let item = plain::check(rules, if one.is_some() { OF_ONE } else { OF_MANY }, true, item, "", complaints)?;
    let id = one.or_else(|| item.get("entity_id").filter(|id| id.is_i64()).map(|id| id.as_u64().unwrap_or(0)));
    if id.is_some_and(|id| rules.stands(shelf, id).is_none()) {
        complaints.choice("entity_id");
    }
    let is_there = |to: Shelf| to != Shelf::Customers || rules.account().has_customers(); // [inferred]
    let kind = item.get("to_entity_type").and_then(Value::as_str)?;
    let Some(to) = partners(shelf).iter().copied().find(|to| is_there(*to) && word(*to) == kind) else {
        complaints.choice("to_entity_type");
        return None;
    };
    let other = item.get("to_entity_id").filter(|id| id.is_i64())?.as_u64().unwrap_or(0);
    if to != Shelf::Elements && rules.stands(to, other).is_none() {
        complaints.choice("to_entity_id");
        return None;
    }
    let meta = check_metadata(rules, to, other, item, complaints);
    let link = Link { from: (shelf, id?), to: (to, other), meta };
    if let Some(before) = before {
        check_company(rules, &link, before, complaints);
    }
    Some(link)
}

/// What may be said depends on what is linked. [doc]
fn check_metadata(
    rules: &Rules,
    to: Shelf,
    id: u64,
    item: &Map<String, Value>,
    complaints: &mut Complaints,
) -> Option<Value> {
    const OF_CONTACT: &[plain::Key] = &[("is_main", Must::Bool, false), ("updated_by", Must::User, false)];
    const OF_ELEMENT: &[plain::Key] = &[
        ("catalog_id", Must::Int, true),
        ("quantity", Must::Anything, false),
        ("price_id", Must::Anything, false),
        ("updated_by", Must::User, false),
    ];
    const OF_OTHERS: &[plain::Key] = &[("updated_by", Must::User, false)];
    let at = "metadata";
    // `[]` is how PHP writes an empty object.
    let said = item.get(at).filter(|m| !m.is_null() && m.as_array().is_none_or(|all| !all.is_empty()));
    let keys = match to {
        Shelf::Contacts => OF_CONTACT,
        Shelf::Elements => OF_ELEMENT,
        Shelf::Leads | Shelf::Companies | Shelf::Customers | Shelf::Transactions | Shelf::Notes | Shelf::Tasks => {
            OF_OTHERS
        }
    };
    if said.is_none() && to != Shelf::Elements {
        return None;
    }
    let nothing = json!({});
    let metadata = plain::check(rules, keys, true, said.unwrap_or(&nothing), at, complaints)?;
    if to != Shelf::Elements {
        return Some(Value::Object(metadata.clone()));
    }
    // A negative id is no catalog's: 0 is not, either.
    let catalog = u64::try_from(metadata.get("catalog_id")?.as_i64()?).unwrap_or(0);
    check_element(rules, id, catalog, "to_entity_id", "metadata.catalog_id", complaints);
    let quantity = metadata.get("quantity").cloned().unwrap_or(json!(1));
    if quantity.as_f64().is_none_or(|n| n <= 0.0) {
        complaints.wrong_type(join(at, "quantity"), "numeric"); // [seed] a whole number or not
    }
    let mut meta = json!({"quantity": quantity, "catalog_id": catalog});
    match metadata.get("price_id").filter(|price| !price.is_null()) {
        None => {}
        Some(price) if price.as_u64().is_some_and(|id| is_price(rules, id, |of| of == catalog)) => {
            meta["price_id"] = price.clone();
        }
        Some(price) if price.is_i64() => complaints.choice(join(at, "price_id")),
        Some(_) => complaints.wrong_type(join(at, "price_id"), "int"),
    }
    Some(meta)
}

/// A lead or a customer has one company. [seed]; that a second is refused, and how [inferred]
fn check_company(rules: &Rules, link: &Link, before: &[Link], complaints: &mut Complaints) {
    let (holder, company) = match (link.from.0, link.to.0) {
        (Shelf::Leads | Shelf::Customers, Shelf::Companies) => (link.from, link.to),
        (Shelf::Companies, Shelf::Leads | Shelf::Customers) => (link.to, link.from),
        _ => return,
    };
    let stands = rules.world.linked(holder.0, holder.1, Shelf::Companies).map(|(id, _)| id);
    let said = before.iter().filter_map(|b| match (b.from, b.to) {
        (from, (Shelf::Companies, id)) | ((Shelf::Companies, id), from) if from == holder => Some(id),
        _ => None,
    });
    if !rules.switches.company_replaced && stands.chain(said).any(|id| id != company.1) {
        complaints.too_many("to_entity_id", 1);
    }
}
