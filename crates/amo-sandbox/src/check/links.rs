//! Items of `link` and `unlink`: which two records, and what is said of their link. [doc]

use serde_json::{Map, Value, json};

use crate::check::item::customer::{check_element, is_price};
use crate::check::plain::{self, Expected};
use crate::check::{CheckContext, ValidationErrors, join};
use crate::world::{RecordKey, RecordTable};

/// A link to be made or cut.
#[derive(Debug, Clone)]
pub struct CheckedLink {
    pub from: RecordKey,
    pub to: RecordKey,
    pub meta: Option<Value>,
}

/// What may be linked to a record. [doc]; leads to contacts [client]
pub fn partners(table: RecordTable) -> &'static [RecordTable] {
    match table {
        RecordTable::Leads | RecordTable::Customers => {
            &[RecordTable::Contacts, RecordTable::Companies, RecordTable::Elements]
        }
        RecordTable::Contacts => {
            &[RecordTable::Companies, RecordTable::Customers, RecordTable::Leads, RecordTable::Elements]
        }
        RecordTable::Companies => {
            &[RecordTable::Contacts, RecordTable::Leads, RecordTable::Customers, RecordTable::Elements]
        }
        RecordTable::Transactions | RecordTable::Elements | RecordTable::Notes | RecordTable::Tasks => &[],
    }
}

/// `to_entity_type`.
pub fn word(table: RecordTable) -> &'static str {
    if table == RecordTable::Elements { "catalog_elements" } else { table.path() }
}

/// `one` is the record the path names; of many, each item names its own. `before` are the links that the items above
/// will make; `None` where links are cut.
pub fn check(
    context: &CheckContext,
    table: RecordTable,
    one: Option<u64>,
    item: &Value,
    before: Option<&[CheckedLink]>,
    errors: &mut ValidationErrors,
) -> Option<CheckedLink> {
    const OF_ONE: &[plain::KeySpec] = &[
        ("to_entity_id", Expected::Int, true),
        ("to_entity_type", Expected::Text, true),
        ("metadata", Expected::Anything, false),
    ];
    const OF_MANY: &[plain::KeySpec] = &[
        ("entity_id", Expected::Int, true),
        ("to_entity_id", Expected::Int, true),
        ("to_entity_type", Expected::Text, true),
        ("metadata", Expected::Anything, false),
    ];
    let item = plain::check(context, if one.is_some() { OF_ONE } else { OF_MANY }, true, item, "", errors)?;
    let id = one.or_else(|| item.get("entity_id").filter(|id| id.is_i64()).map(|id| id.as_u64().unwrap_or(0)));
    if id.is_some_and(|id| context.stands(table, id).is_none()) {
        errors.choice("entity_id");
    }
    let is_there = |to: RecordTable| to != RecordTable::Customers || context.account().has_customers(); // [inferred]
    let kind = item.get("to_entity_type").and_then(Value::as_str)?;
    let Some(to) = partners(table).iter().copied().find(|to| is_there(*to) && word(*to) == kind) else {
        errors.choice("to_entity_type");
        return None;
    };
    let other = item.get("to_entity_id").filter(|id| id.is_i64())?.as_u64().unwrap_or(0);
    if to != RecordTable::Elements && context.stands(to, other).is_none() {
        errors.choice("to_entity_id");
        return None;
    }
    let meta = check_metadata(context, to, other, item, errors);
    let link = CheckedLink { from: (table, id?), to: (to, other), meta };
    if let Some(before) = before {
        check_company(context, &link, before, errors);
    }
    Some(link)
}

/// What may be said depends on what is linked. [doc]
fn check_metadata(
    context: &CheckContext,
    to: RecordTable,
    id: u64,
    item: &Map<String, Value>,
    errors: &mut ValidationErrors,
) -> Option<Value> {
    const OF_CONTACT: &[plain::KeySpec] = &[("is_main", Expected::Bool, false), ("updated_by", Expected::User, false)];
    const OF_ELEMENT: &[plain::KeySpec] = &[
        ("catalog_id", Expected::Int, true),
        ("quantity", Expected::Anything, false),
        ("price_id", Expected::Anything, false),
        ("updated_by", Expected::User, false),
    ];
    const OF_OTHERS: &[plain::KeySpec] = &[("updated_by", Expected::User, false)];
    let at = "metadata";
    // `[]` is how PHP writes an empty object.
    let said = item.get(at).filter(|m| !m.is_null() && m.as_array().is_none_or(|all| !all.is_empty()));
    let keys = match to {
        RecordTable::Contacts => OF_CONTACT,
        RecordTable::Elements => OF_ELEMENT,
        RecordTable::Leads
        | RecordTable::Companies
        | RecordTable::Customers
        | RecordTable::Transactions
        | RecordTable::Notes
        | RecordTable::Tasks => OF_OTHERS,
    };
    if said.is_none() && to != RecordTable::Elements {
        return None;
    }
    let nothing = json!({});
    let metadata = plain::check(context, keys, true, said.unwrap_or(&nothing), at, errors)?;
    if to != RecordTable::Elements {
        return Some(Value::Object(metadata.clone()));
    }
    // A negative id is no catalog's: 0 is not, either.
    let catalog = u64::try_from(metadata.get("catalog_id")?.as_i64()?).unwrap_or(0);
    check_element(context, id, catalog, "to_entity_id", "metadata.catalog_id", errors);
    let quantity = metadata.get("quantity").cloned().unwrap_or(json!(1));
    if quantity.as_f64().is_none_or(|n| n <= 0.0) {
        errors.wrong_type(join(at, "quantity"), "numeric"); // [seed] a whole number or not
    }
    let mut meta = json!({"quantity": quantity, "catalog_id": catalog});
    match metadata.get("price_id").filter(|price| !price.is_null()) {
        None => {}
        Some(price) if price.as_u64().is_some_and(|id| is_price(context, id, |of| of == catalog)) => {
            meta["price_id"] = price.clone();
        }
        Some(price) if price.is_i64() => errors.choice(join(at, "price_id")),
        Some(_) => errors.wrong_type(join(at, "price_id"), "int"),
    }
    Some(meta)
}

/// A lead or a customer has one company. [seed]; that a second is refused, and how [inferred]
fn check_company(context: &CheckContext, link: &CheckedLink, before: &[CheckedLink], errors: &mut ValidationErrors) {
    let (holder, company) = match (link.from.0, link.to.0) {
        (RecordTable::Leads | RecordTable::Customers, RecordTable::Companies) => (link.from, link.to),
        (RecordTable::Companies, RecordTable::Leads | RecordTable::Customers) => (link.to, link.from),
        _ => return,
    };
    let stands = context.world.linked(holder.0, holder.1, RecordTable::Companies).map(|(id, _)| id);
    let said = before.iter().filter_map(|b| match (b.from, b.to) {
        (from, (RecordTable::Companies, id)) | ((RecordTable::Companies, id), from) if from == holder => Some(id),
        _ => None,
    });
    if !context.switches.company_replaced && stands.chain(said).any(|id| id != company.1) {
        errors.too_many("to_entity_id", 1);
    }
}
