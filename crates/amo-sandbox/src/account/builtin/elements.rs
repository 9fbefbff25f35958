//! Elements that every new world has: products, suppliers, categories. Their ids never change.

use serde_json::{Value, json};

use super::fields;
use crate::account::FieldDefinition;
use crate::account::builtin::{ANNA, CATALOG_PRODUCTS, CATALOG_REGULAR, CATALOG_SUPPLIERS};
use amo_model::{FieldKind, Owner};

/// Lower than the first id of an element made through the API.
const PRODUCTS_FROM: u64 = 4_900_001;
const SUPPLIERS_FROM: u64 = 4_910_001;
const CATEGORIES_FROM: u64 = 4_920_001;

/// Name, SKU, price, wholesale price, group, unit.
const PRODUCTS: [(&str, &str, &str, &str, &str, &str); 8] = [
    ("Стол письменный", "T-100", "12500", "11000", "Столы", "шт"),
    ("Стол обеденный", "T-110", "18900", "16500", "Столы", "шт"),
    ("Стул офисный", "T-200", "4990.50", "4300", "Стулья", "шт"),
    ("Кресло руководителя", "T-210", "21000", "18500", "Стулья", "шт"),
    ("Шкаф для документов", "T-300", "15700", "13900", "Шкафы", "шт"),
    ("Лампа настольная", "T-400", "1890", "1500", "Свет", "шт"),
    ("Ноутбук 15", "T-500", "64990", "61000", "Ноутбуки", "шт"),
    ("Сборка мебели", "T-900", "1200", "1000", "Услуги", "час"),
];

/// Name, then the values of fields by their codes.
const SUPPLIERS: [(&str, [(&str, &str); 6]); 3] = [
    (
        "ООО Ромашка",
        [
            ("SUPPLIER_VAT_ID", "7701234567"),
            ("SUPPLIER_TAX_REGISTRATION_REASON_CODE", "770101001"),
            ("SUPPLIER_BANK_IDENTIFICATION_CODE", "044525225"),
            ("SUPPLIER_ACCOUNT_NUMBER", "40702810100000000001"),
            ("SUPPLIER_LEGAL_ADDRESS", "Москва, Вымышленная набережная, дом 1"),
            ("SUPPLIER_DIRECTOR_NAME", "Смирнова Анна"),
        ],
    ),
    (
        "ИП Петров",
        [
            ("SUPPLIER_VAT_ID", "770123456789"),
            ("SUPPLIER_PRIMARY_STATE_REGISTRATION_NUMBER", "304770000000001"),
            ("SUPPLIER_BANK_IDENTIFICATION_CODE", "044525225"),
            ("SUPPLIER_ACCOUNT_NUMBER", "40802810100000000002"),
            ("SUPPLIER_LEGAL_ADDRESS", "Тверь, Вымышленная улица, дом 2"),
            ("SUPPLIER_PHONE", "+74820000000"),
        ],
    ),
    (
        "ООО Василёк",
        [
            ("SUPPLIER_VAT_ID", "7807654321"),
            ("SUPPLIER_TAX_REGISTRATION_REASON_CODE", "780101001"),
            ("SUPPLIER_BANK_IDENTIFICATION_CODE", "044030653"),
            ("SUPPLIER_ACCOUNT_NUMBER", "40702810200000000003"),
            ("SUPPLIER_LEGAL_ADDRESS", "Санкт-Петербург, Вымышленный проспект, дом 3"),
            ("SUPPLIER_DIRECTOR_NAME", "Попова Елена"),
        ],
    ),
];

const CATEGORIES: [&str; 8] = ["Мебель", "Столы", "Стулья", "Шкафы", "Техника", "Ноутбуки", "Свет", "Услуги"];

/// Id and JSON, as the world stores them.
pub fn elements() -> Vec<(u64, Value)> {
    let fields = fields::fields();
    let value = |catalog: u64, code: &str, text: &str| stored(&fields, catalog, code, text);
    let products = PRODUCTS.iter().map(|(name, sku, price, special, group, unit)| {
        let sent = [("SKU", sku), ("PRICE", price), ("GROUP", group), ("UNIT", unit), ("SPECIAL_PRICE_1", special)];
        let fields = sent.iter().filter_map(|(code, text)| value(CATALOG_PRODUCTS, code, text)).collect();
        (*name, fields)
    });
    let suppliers = SUPPLIERS.iter().map(|(name, sent)| {
        let fields = sent.iter().filter_map(|(code, text)| value(CATALOG_SUPPLIERS, code, text)).collect();
        (*name, fields)
    });
    let categories = CATEGORIES.iter().map(|name| (*name, Value::Array(Vec::new())));
    let mut all = with_ids(PRODUCTS_FROM, CATALOG_PRODUCTS, products);
    all.extend(with_ids(SUPPLIERS_FROM, CATALOG_SUPPLIERS, suppliers));
    all.extend(with_ids(CATEGORIES_FROM, CATALOG_REGULAR, categories));
    all
}

fn with_ids<'a>(first: u64, catalog: u64, rows: impl Iterator<Item = (&'a str, Value)>) -> Vec<(u64, Value)> {
    rows.zip((first..).step_by(2))
        .map(|((name, fields), id)| {
            let json = json!({
                "name": name, "created_by": ANNA, "updated_by": ANNA, "catalog_id": catalog, "fields": fields
            });
            (id, json)
        })
        .collect()
}

/// `[id, [value]]`, the shape in which fields are stored.
fn stored(fields: &[FieldDefinition], catalog: u64, code: &str, text: &str) -> Option<Value> {
    let owner = Owner::Catalog(catalog);
    let field = fields.iter().find(|f| f.owner == owner && f.code.as_deref() == Some(code))?;
    let value = match field.kind {
        FieldKind::Category | FieldKind::Select => json!({"enum_id": field.choice_by_value(text)?.id}),
        _ => json!({"value": text}),
    };
    Some(json!([field.id, [value]]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_have_all_their_fields() {
        let kept: Vec<usize> =
            elements().iter().map(|(_, json)| json["fields"].as_array().map_or(0, Vec::len)).collect();
        assert_eq!(kept, [[5; 8].as_slice(), &[6; 3], &[0; 8]].concat());
    }
}
