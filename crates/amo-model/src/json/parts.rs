//! The parts of an account, as the JSON of the CRM gives them. Reading is tolerant: every form of a number or a flag that the
//! service is known to use is accepted, and unknown keys are ignored.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::{Number, Value};

/// A stage of a pipeline.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LeadStage {
    pub id: u64,
    pub name: String,
    /// The API's `type`: `STATUS_TYPE_UNSORTED` for the stage of unsorted leads.
    pub kind: i64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Pipeline {
    pub id: u64,
    pub name: String,
    pub is_main: bool,
    pub is_archive: bool,
    pub stages: Vec<LeadStage>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct User {
    pub id: u64,
    pub name: String,
    pub email: String,
    pub is_active: bool,
}

/// Anything known by an id and a name: a loss reason, a segment, a customer status.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Named {
    pub id: u64,
    pub name: String,
}

/// A catalog of the account.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Catalog {
    pub id: u64,
    pub name: String,
    /// `regular`, `products`, `invoices` [seed], `suppliers` [client live].
    #[serde(default)]
    pub kind: String,
}

/// An element of a catalog, as far as other records refer to it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CatalogElement {
    pub id: u64,
    pub name: String,
    /// The value of the field with the code `SKU`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sku: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FieldOption {
    pub id: u64,
    pub value: String,
    pub code: Option<String>,
    /// The parent option, in the tree of a `category`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<u64>,
}

/// A custom field's definition.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CustomField {
    pub id: u64,
    pub name: String,
    pub code: Option<String>,
    /// The API's `type`; see `FieldKind`.
    pub kind: String,
    pub options: Vec<FieldOption>,
    /// The catalogs of a `chained_list`, in their order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub chain: Vec<u64>,
    /// What a `linked_entity` refers to: `contacts`, `companies`, or the id of a catalog. [doc]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub search_in: Option<String>,
    /// The code of the currency of a `monetary`. [seed]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub currency: Option<String>,
}

/// The account's own data.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Basics {
    pub id: u64,
    pub name: String,
    pub subdomain: String,
    pub country: String,
    pub currency: String,
    pub customers_mode: String,
    pub current_user: u64,
    pub timezone: Option<String>,
}

/// A JSON value of either representation.
pub trait Json: Sized {
    /// The scalar; `None` for null, a list or an object.
    fn plain(&self) -> Option<JsonScalar<'_>>;
    /// The items of a list. PHP writes a list with gaps as an object with numbers as keys. [doc Kommo]
    fn items(&self) -> Vec<&Self>;
}

/// A value that is neither null nor a list nor an object.
#[derive(Debug, Clone, Copy)]
pub enum JsonScalar<'v> {
    Flag(bool),
    Number(&'v Number),
    Text(&'v str),
}

impl Json for Value {
    fn plain(&self) -> Option<JsonScalar<'_>> {
        match self {
            Value::Bool(flag) => Some(JsonScalar::Flag(*flag)),
            Value::Number(number) => Some(JsonScalar::Number(number)),
            Value::String(text) => Some(JsonScalar::Text(text)),
            Value::Null | Value::Array(_) | Value::Object(_) => None,
        }
    }

    fn items(&self) -> Vec<&Value> {
        match self {
            Value::Array(items) => items.iter().collect(),
            Value::Object(map) if map.keys().all(|k| k.parse::<u64>().is_ok()) => map.values().collect(),
            Value::Object(_) | Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Vec::new(),
        }
    }
}

/// Up to this number a float is exact for whole numbers.
const FLOAT_WHOLE_MAX: f64 = 9_007_199_254_740_992.0;

/// Reads an id in any form: an int, a float without a fraction, digits in a text. Numbers above `i64::MAX` are not ids.
pub fn id(value: &impl Json) -> Option<u64> {
    let whole = |float: f64| (float.fract() == 0.0 && (0.0..=FLOAT_WHOLE_MAX).contains(&float)).then_some(float as u64);
    let id = match value.plain()? {
        JsonScalar::Number(number) => number.as_u64().or_else(|| number.as_f64().and_then(whole)),
        JsonScalar::Text(text) => text.trim().parse().ok(),
        JsonScalar::Flag(_) => None,
    };
    id.filter(|id| i64::try_from(*id).is_ok())
}

/// Reads an id above 0; 0 means that there is none.
pub fn given_id(value: &impl Json) -> Option<u64> {
    id(value).filter(|id| *id > 0)
}

/// Reads a flag in any form: a bool, 0 or 1, a text.
pub fn flag(value: &impl Json) -> bool {
    match value.plain() {
        Some(JsonScalar::Flag(flag)) => flag,
        Some(JsonScalar::Number(number)) => number.as_f64() != Some(0.0),
        Some(JsonScalar::Text(text)) => matches!(text, "true" | "1"),
        None => false,
    }
}

/// Reads a number, also from a text.
pub fn number(value: &impl Json) -> Option<Decimal> {
    match value.plain()? {
        JsonScalar::Number(number) => match number.as_i64() {
            Some(whole) => Some(whole.into()),
            None => number.to_string().parse().ok(),
        },
        JsonScalar::Text(text) => text.trim().parse().ok(),
        JsonScalar::Flag(_) => None,
    }
}

/// Reads unix seconds, as a number or as a text.
pub fn seconds(value: &impl Json) -> Option<i64> {
    match value.plain()? {
        JsonScalar::Number(number) => number.as_i64(),
        JsonScalar::Text(text) => text.parse().ok(),
        JsonScalar::Flag(_) => None,
    }
}

/// Reads a text or a number as a text; empty for anything else.
pub fn text(value: &impl Json) -> String {
    match value.plain() {
        Some(JsonScalar::Text(text)) => text.to_owned(),
        Some(JsonScalar::Number(number)) => number.to_string(),
        Some(JsonScalar::Flag(_)) | None => String::new(),
    }
}

fn code(value: &Value) -> Option<String> {
    Some(text(value)).filter(|code| !code.is_empty())
}

pub fn list<J: Json>(value: &J) -> Vec<&J> {
    value.items()
}

pub fn basics(value: &Value) -> Option<Basics> {
    Some(Basics {
        id: id(&value["id"])?,
        name: text(&value["name"]),
        subdomain: text(&value["subdomain"]),
        country: text(&value["country"]),
        currency: text(&value["currency"]),
        customers_mode: text(&value["customers_mode"]),
        current_user: id(&value["current_user_id"]).unwrap_or(0),
        timezone: code(&value["_embedded"]["datetime_settings"]["timezone"])
            .or_else(|| code(&value["datetime_settings"]["timezone"])),
    })
}

pub fn pipeline(value: &Value) -> Option<Pipeline> {
    let stages = list(&value["_embedded"]["statuses"]).into_iter().filter_map(|stage| {
        Some(LeadStage { id: id(&stage["id"])?, name: text(&stage["name"]), kind: stage["type"].as_i64().unwrap_or(0) })
    });
    Some(Pipeline {
        id: id(&value["id"])?,
        name: text(&value["name"]),
        is_main: flag(&value["is_main"]),
        is_archive: flag(&value["is_archive"]),
        stages: stages.collect(),
    })
}

pub fn user(value: &Value) -> Option<User> {
    Some(User {
        id: id(&value["id"])?,
        name: text(&value["name"]),
        email: text(&value["email"]),
        // A restricted token gets users without `rights`, which must not make all users inactive.
        is_active: value["rights"].get("is_active").is_none_or(flag),
    })
}

pub fn named(value: &Value) -> Option<Named> {
    Some(Named { id: id(&value["id"])?, name: text(&value["name"]) })
}

pub fn catalog(value: &Value) -> Option<Catalog> {
    Some(Catalog { id: id(&value["id"])?, name: text(&value["name"]), kind: text(&value["type"]) })
}

/// The code of the field with the SKU of a product. [seed]
pub const SKU: &str = "SKU";

pub fn element(value: &Value) -> Option<CatalogElement> {
    let fields = list(&value["custom_fields_values"]);
    let sku = fields.into_iter().find(|field| text(&field["field_code"]) == SKU);
    let sku = sku.and_then(|field| code(&field["values"][0]["value"]));
    Some(CatalogElement { id: id(&value["id"])?, name: text(&value["name"]), sku })
}

/// The catalogs of a chain, each after the one that it depends on.
fn chain(value: &Value) -> Vec<u64> {
    let mut remaining: Vec<(u64, Option<u64>)> = list(value)
        .into_iter()
        .filter_map(|step| Some((id(&step["catalog_id"])?, id(&step["parent_catalog_id"]).filter(|p| *p > 0))))
        .collect();
    let mut chain: Vec<u64> = Vec::new();
    while let Some(n) = remaining.iter().position(|(_, parent)| *parent == chain.last().copied()) {
        chain.push(remaining.remove(n).0);
    }
    // Parts of a broken chain keep their order.
    chain.extend(remaining.into_iter().map(|(catalog, _)| catalog));
    chain
}

pub fn field(value: &Value) -> Option<CustomField> {
    // The options of a category are a tree under another key. [client live]
    let options = list(&value["enums"]).into_iter().chain(list(&value["nested"])).filter_map(|option| {
        Some(FieldOption {
            id: id(&option["id"])?,
            value: text(&option["value"]),
            code: code(&option["code"]),
            parent: id(&option["parent_id"]).filter(|parent| *parent > 0),
        })
    });
    Some(CustomField {
        id: id(&value["id"])?,
        name: text(&value["name"]),
        code: code(&value["code"]),
        kind: text(&value["type"]),
        options: options.collect(),
        chain: chain(&value["chained_lists"]),
        search_in: code(&value["search_in"]),
        currency: code(&value["currency"]),
    })
}
