//! The fields that only invoices have: lines, payer, supplier. Keys from the example of the seed, those it leaves out
//! from the official client. [seed], [client]

use serde_json::{Value, json};

use crate::account::builtin::{KIND_PRODUCTS, KIND_SUPPLIERS};
use crate::check::{CheckContext, ObjectReader, ValidationErrors, join};
use crate::world::RecordTable;
use amo_model::{NAME_MAX, TEXT_MAX, TEXTAREA_MAX};

/// A line, with the sums the service adds. [seed]
pub fn line(context: &CheckContext, value: &Value, at: &str, errors: &mut ValidationErrors) -> Option<Value> {
    let before = errors.0.len();
    let mut line = ObjectReader::of(value, join(at, "value"), errors)?;
    let sku = line.text("sku", TEXT_MAX).unwrap_or("");
    let product = line.id("product_id");
    if product.is_some_and(|id| !stands_in(context, KIND_PRODUCTS, id)) {
        line.choice("product_id");
    }
    let description = line.text("description", TEXTAREA_MAX).unwrap_or("");
    let unit_type = line.text("unit_type", TEXT_MAX).unwrap_or("");
    let [price, quantity, vat, bonus, said_sum] =
        ["unit_price", "quantity", "vat_rate_value", "bonus_points_per_purchase", "total_sum"].map(|key| {
            let number = line.number(key);
            if number.is_some_and(|n| n < 0.0) {
                let at = line.path(key);
                line.errors.too_low(at, 0);
            }
            number
        });
    let discount = line.any("discount");
    let vat_rate_id = line.id("vat_rate_id");
    if vat_rate_id.is_some() && context.switches.vat_rates_refused {
        line.choice("vat_rate_id");
    }
    let external_uid = line.text("external_uid", TEXT_MAX).unwrap_or("");
    let metadata = line.any("metadata").cloned().unwrap_or_else(|| json!([])); // PHP's empty map [seed]
    if !metadata.is_object() && !metadata.is_array() {
        let at = line.path("metadata");
        line.errors.wrong_type(at, "array");
    }
    // A line without a price or a quantity makes no sum. [inferred]
    line.needs(&["unit_price", "quantity"]);
    line.shown(context.switches, &["is_discount_recalculated", "is_total_sum_recalculated"]);
    let discount_at = line.path("discount");
    line.done();
    let discount = match discount {
        Some(discount) => check_discount(discount, discount_at, errors)?,
        None => ("amount", 0.0),
    };
    if errors.0.len() > before {
        return None;
    }
    let (price, quantity) = (price.unwrap_or(0.0), quantity.unwrap_or(0.0));
    let sum = Sum::of(price * quantity, discount);
    // Whole cents; the client's own sum counts for nothing. [inferred]
    let is_told_wrong = said_sum.is_some_and(|said| (said - sum.total).abs() >= 0.005);
    Some(json!({"value": {
        "sku": sku, "product_id": product, "description": description, "unit_price": price, "unit_type": unit_type,
        "quantity": quantity, "discount": {"type": discount.0, "value": sum.discount}, "vat_rate_id": vat_rate_id,
        "vat_rate_value": whole_or_not(vat.unwrap_or(0.0)), "bonus_points_per_purchase": bonus.unwrap_or(0.0),
        "external_uid": external_uid, "metadata": metadata,
        "is_discount_recalculated": sum.is_discount_recalculated, "is_total_sum_recalculated": is_told_wrong,
        "total_sum": sum.total
    }}))
}

/// 0 comes back as `0`, not `0.0`. [seed]
fn whole_or_not(number: f64) -> Value {
    if number.fract() == 0.0 && number.abs() < 1e9 { json!(number as i64) } else { json!(number) }
}

/// `{"type": "amount" | "percentage", "value": n}`; an amount is off the whole line: 10 × 5 − 25 is 25. [seed]
fn check_discount(value: &Value, at: String, errors: &mut ValidationErrors) -> Option<(&'static str, f64)> {
    let mut discount = ObjectReader::of(value, at, errors)?;
    let kind = discount.word("type", &["amount", "percentage"]);
    let amount = discount.number("value");
    if amount.is_some_and(|n| n < 0.0) {
        let at = discount.path("value");
        discount.errors.too_low(at, 0);
    }
    discount.needs(&["type", "value"]);
    discount.done();
    Some((if kind? == "amount" { "amount" } else { "percentage" }, amount?))
}

/// What a line comes to.
struct Sum {
    total: f64,
    discount: f64,
    is_discount_recalculated: bool,
}

impl Sum {
    /// A discount above the line is cut to the line. [inferred]
    fn of(line: f64, (kind, value): (&str, f64)) -> Sum {
        let most = if kind == "amount" { line } else { 100.0 };
        let discount = value.min(most);
        let off = if kind == "amount" { discount } else { line * discount / 100.0 };
        let total = ((line - off) * 100.0).round() / 100.0;
        Sum { total, discount, is_discount_recalculated: value > most }
    }
}

/// True where this element is there, in the list of this type.
fn stands_in(context: &CheckContext, kind: &str, id: u64) -> bool {
    let record = context.world.records(RecordTable::Elements).get(id);
    record.and_then(|r| context.account().catalog(r.container)).is_some_and(|c| c.kind == kind)
}

/// `{"entity_id": n}`, an element of the list of suppliers; what reads add to it is passed over. [seed], [client]
pub fn supplier(context: &CheckContext, value: &Value, at: &str, errors: &mut ValidationErrors) -> Option<Value> {
    let mut supplier = ObjectReader::of(value, join(at, "value"), errors)?;
    let id = supplier.id("entity_id");
    supplier.needs(&["entity_id"]);
    let known = id.filter(|id| stands_in(context, KIND_SUPPLIERS, *id));
    if id.is_some() && known.is_none() {
        supplier.choice("entity_id");
    }
    let papers =
        ["name", "vat_id", "kpp", "tax_registration_reason_code", "bank_code", "address", "bank_account_number"];
    supplier.shown(context.switches, &papers);
    supplier.done();
    known.map(|id| json!({"value": {"entity_id": id}}))
}

/// Texts of a payer, of every country. [client]
const PAYER_TEXTS: [(&str, usize); 15] = [
    ("vat_id", TEXT_MAX),
    ("kpp", TEXT_MAX),
    ("tax_registration_reason_code", TEXT_MAX),
    ("address", TEXTAREA_MAX),
    ("real_address", TEXTAREA_MAX),
    ("bank_code", TEXT_MAX),
    ("bank_account_number", TEXT_MAX),
    ("unp", TEXT_MAX),
    ("bin", TEXT_MAX),
    ("egrpou", TEXT_MAX),
    ("mfo", TEXT_MAX),
    ("oked", TEXT_MAX),
    ("director", TEXT_MAX),
    ("phone", TEXT_MAX),
    ("email", TEXT_MAX),
];

/// Comes back as it was sent. [seed]
pub fn payer(context: &CheckContext, value: &Value, at: &str, errors: &mut ValidationErrors) -> Option<Value> {
    let before = errors.0.len();
    let mut payer = ObjectReader::of(value, join(at, "value"), errors)?;
    payer.needs(&["name"]);
    payer.name("name", NAME_MAX);
    payer.word("type", &["legal", "individual"]);
    for (key, max) in PAYER_TEXTS {
        payer.text(key, max);
    }
    let table = match payer.word("entity_type", &["contacts", "companies"]) {
        Some("contacts") => Some(RecordTable::Contacts),
        Some(_) => Some(RecordTable::Companies),
        None => None,
    };
    if let Some(id) = payer.id("entity_id") {
        match table {
            Some(table) if context.world.records(table).get(id).is_none() => payer.choice("entity_id"),
            Some(_) => {}
            None => payer.needs(&["entity_type"]), // [inferred]
        }
    }
    payer.done();
    (errors.0.len() == before).then(|| json!({"value": value}))
}

#[cfg(test)]
mod tests {
    use super::Sum;

    #[test]
    fn a_line_comes_to_its_price_less_its_discount() {
        for (line, discount, wanted) in [
            (50.0, ("amount", 25.0), (25.0, 25.0, false)),
            (50.0, ("amount", 60.0), (0.0, 50.0, true)),
            (200.0, ("percentage", 12.5), (175.0, 12.5, false)),
            (200.0, ("percentage", 101.0), (0.0, 100.0, true)),
            (0.1 + 0.2, ("amount", 0.0), (0.3, 0.0, false)),
        ] {
            let sum = Sum::of(line, discount);
            assert_eq!((sum.total, sum.discount, sum.is_discount_recalculated), wanted, "{line} {discount:?}");
        }
    }
}
