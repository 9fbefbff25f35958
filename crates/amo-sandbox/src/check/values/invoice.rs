//! Fields that only invoices have: lines, payer, supplier. The keys are those of the example [seed]; those that it leaves
//! out are the official client's. [client]

use serde_json::{Value, json};

use crate::account::builtin::{KIND_PRODUCTS, KIND_SUPPLIERS};
use crate::check::{CheckContext, JsonNode, ObjectReader};
use crate::world::RecordTable;
use amo_model::{NAME_MAX, TEXT_MAX, TEXTAREA_MAX};

/// A line, with the sums that the service adds. [seed]
pub fn line(context: &CheckContext, mut node: JsonNode) -> Option<Value> {
    let errors_before = node.errors.0.len();
    let mut line = ObjectReader::new(node.reborrow())?;
    let sku = line.text("sku", TEXT_MAX).unwrap_or("");
    let product = line.id("product_id");
    if product.is_some_and(|id| !is_element_of(context, KIND_PRODUCTS, id)) {
        line.invalid_choice("product_id");
    }
    let description = line.text("description", TEXTAREA_MAX).unwrap_or("");
    let unit_type = line.text("unit_type", TEXT_MAX).unwrap_or("");
    let [price, quantity, vat, bonus, sent_sum] =
        ["unit_price", "quantity", "vat_rate_value", "bonus_points_per_purchase", "total_sum"]
            .map(|key| line.non_negative(key));
    let discount = line.value("discount");
    let vat_rate_id = line.id("vat_rate_id");
    if vat_rate_id.is_some() && context.switches.vat_rates_refused {
        line.invalid_choice("vat_rate_id");
    }
    let external_uid = line.text("external_uid", TEXT_MAX).unwrap_or("");
    let metadata = line.value("metadata").cloned().unwrap_or_else(|| json!([])); // PHP's empty map [seed]
    if !metadata.is_object() && !metadata.is_array() {
        let path = line.node.key_path("metadata");
        line.node.errors.wrong_type(path, "array");
    }
    // A line without a price or a quantity has no sum. [inferred]
    line.require(&["unit_price", "quantity"]);
    line.ignore(context.switches, &["is_discount_recalculated", "is_total_sum_recalculated"]);
    line.finish();
    let discount = match discount {
        Some(discount) => check_discount(node.child("discount", discount))?,
        None => ("amount", 0.0),
    };
    if node.errors.0.len() > errors_before {
        return None;
    }
    let (price, quantity) = (price.unwrap_or(0.0), quantity.unwrap_or(0.0));
    let sum = LineSum::new(price * quantity, discount);
    // Whole cents; the client's own sum is not taken. [inferred]
    let is_sum_wrong = sent_sum.is_some_and(|sent| (sent - sum.total).abs() >= 0.005);
    Some(json!({"value": {
        "sku": sku, "product_id": product, "description": description, "unit_price": price, "unit_type": unit_type,
        "quantity": quantity, "discount": {"type": discount.0, "value": sum.discount}, "vat_rate_id": vat_rate_id,
        "vat_rate_value": without_fraction(vat.unwrap_or(0.0)), "bonus_points_per_purchase": bonus.unwrap_or(0.0),
        "external_uid": external_uid, "metadata": metadata,
        "is_discount_recalculated": sum.is_discount_recalculated, "is_total_sum_recalculated": is_sum_wrong,
        "total_sum": sum.total
    }}))
}

/// 0 comes back as `0`, not `0.0`. [seed]
fn without_fraction(number: f64) -> Value {
    if number.fract() == 0.0 && number.abs() < 1e9 { json!(number as i64) } else { json!(number) }
}

/// `{"type": "amount" | "percentage", "value": n}`; an amount is off the whole line: 10 × 5 − 25 is 25. [seed]
fn check_discount(node: JsonNode) -> Option<(&'static str, f64)> {
    let mut discount = ObjectReader::new(node)?;
    let kind = discount.one_of("type", &["amount", "percentage"]);
    let amount = discount.non_negative("value");
    discount.require(&["type", "value"]);
    discount.finish();
    Some((if kind? == "amount" { "amount" } else { "percentage" }, amount?))
}

/// The sum of a line.
struct LineSum {
    total: f64,
    discount: f64,
    is_discount_recalculated: bool,
}

impl LineSum {
    /// A discount that exceeds the line is reduced to the line. [inferred]
    fn new(line: f64, (kind, value): (&str, f64)) -> LineSum {
        let most = if kind == "amount" { line } else { 100.0 };
        let discount = value.min(most);
        let off = if kind == "amount" { discount } else { line * discount / 100.0 };
        let total = ((line - off) * 100.0).round() / 100.0;
        LineSum { total, discount, is_discount_recalculated: value > most }
    }
}

/// True where the element exists in the catalog of this type.
fn is_element_of(context: &CheckContext, kind: &str, id: u64) -> bool {
    let record = context.world.records(RecordTable::Elements).get(id);
    record.and_then(|r| context.account().catalog(r.container)).is_some_and(|c| c.kind == kind)
}

/// `{"entity_id": n}`, an element of the catalog of suppliers; what reads add to it is ignored. [seed], [client]
pub fn supplier(context: &CheckContext, node: JsonNode) -> Option<Value> {
    let mut supplier = ObjectReader::new(node)?;
    let id = supplier.id("entity_id");
    supplier.require(&["entity_id"]);
    let known = id.filter(|id| is_element_of(context, KIND_SUPPLIERS, *id));
    if id.is_some() && known.is_none() {
        supplier.invalid_choice("entity_id");
    }
    let details =
        ["name", "vat_id", "kpp", "tax_registration_reason_code", "bank_code", "address", "bank_account_number"];
    supplier.ignore(context.switches, &details);
    supplier.finish();
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

/// The value is kept as it was sent. [seed]
pub fn payer(context: &CheckContext, mut node: JsonNode) -> Option<Value> {
    let errors_before = node.errors.0.len();
    let mut payer = ObjectReader::new(node.reborrow())?;
    payer.require(&["name"]);
    payer.name("name", NAME_MAX);
    payer.one_of("type", &["legal", "individual"]);
    for (key, max) in PAYER_TEXTS {
        payer.text(key, max);
    }
    let table = match payer.one_of("entity_type", &["contacts", "companies"]) {
        Some("contacts") => Some(RecordTable::Contacts),
        Some(_) => Some(RecordTable::Companies),
        None => None,
    };
    if let Some(id) = payer.id("entity_id") {
        match table {
            Some(table) if context.world.records(table).get(id).is_none() => payer.invalid_choice("entity_id"),
            Some(_) => {}
            None => payer.require(&["entity_type"]), // [inferred]
        }
    }
    payer.finish();
    (node.errors.0.len() == errors_before).then(|| json!({"value": node.value}))
}

#[cfg(test)]
mod tests {
    use super::LineSum;

    #[test]
    fn the_total_of_a_line_is_its_price_minus_its_discount() {
        for (line, discount, wanted) in [
            (50.0, ("amount", 25.0), (25.0, 25.0, false)),
            (50.0, ("amount", 60.0), (0.0, 50.0, true)),
            (200.0, ("percentage", 12.5), (175.0, 12.5, false)),
            (200.0, ("percentage", 101.0), (0.0, 100.0, true)),
            (0.1 + 0.2, ("amount", 0.0), (0.3, 0.0, false)),
        ] {
            let sum = LineSum::new(line, discount);
            assert_eq!((sum.total, sum.discount, sum.is_discount_recalculated), wanted, "{line} {discount:?}");
        }
    }
}
