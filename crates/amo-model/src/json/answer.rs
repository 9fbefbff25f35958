//! Reads the CRM's answers. Reading is tolerant, because the documents and the service differ in keys, types and wrapping, and
//! an answer that cannot be read leaves a write in doubt. The reason of each tolerance stands beside it.

use super::parts::{flag, given_id, id, list, number, text};
use super::payload::REQUEST_ID;
use crate::Wrapping;
use rust_decimal::Decimal;
use serde_json::Value;

/// One item of an answer to a write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrittenItem {
    pub id: u64,
    /// Empty where the service returns none (PATCH leads); several where items were merged into one lead. [seed]
    pub request_ids: Vec<String>,
    pub contact_id: Option<u64>,
    pub company_id: Option<u64>,
    pub merged: bool,
    /// The printable form of an invoice. [seed]
    pub url: Option<String>,
    /// The service's message that it has recalculated an invoice. [seed]
    pub warning: Option<String>,
    /// The total of an invoice's lines, as the service calculates it. [seed]
    pub total: Option<Decimal>,
    /// The whole item, where no `request_id` says which record it is for.
    pub shown: Option<Box<Value>>,
}

/// One link of an answer to a request for links.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrittenLink {
    pub from: Option<u64>,
    pub to: u64,
    pub to_kind: String,
}

/// The error code for an option, stage or other choice that the account does not have. [doc]
pub const NOT_A_CHOICE: &str = "NotSupportedChoice";

/// The errors of one item of a refused request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ItemErrors {
    /// May be missing for requests of a single object. [inferred]
    pub request_id: Option<String>,
    pub errors: Vec<ItemError>,
}

/// One error of an item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ItemError {
    /// The list of codes is open. [doc]
    pub code: String,
    /// Dotted, relative to the item: `custom_fields_values.6.values.0.value`.
    pub path: String,
    pub detail: String,
}

/// The items of the answer to a write; `None` where the body is not such an answer, which leaves the write in doubt.
pub fn written_items(body: &[u8], wrapping: Wrapping, collection: &str) -> Option<Vec<WrittenItem>> {
    let value: Value = serde_json::from_slice(body).ok()?;
    items(&value, wrapping, collection)?.into_iter().map(written_item).collect()
}

/// The items of an answer, from the first of these that fits: (1) an array; (2) `_embedded.<collection>`; (3) the only array
/// under `_embedded`, whatever its name (`leads` for customers [seed]); (4) an object with an id, which is the only item. An
/// object with an id is never taken by (3), since a transaction has its elements there as the only array. [seed]
pub fn items<'a>(value: &'a Value, wrapping: Wrapping, collection: &str) -> Option<Vec<&'a Value>> {
    match (value, wrapping) {
        (Value::Array(items), Wrapping::Array | Wrapping::Embedded) => Some(items.iter().collect()),
        (Value::Object(map), Wrapping::Embedded | Wrapping::Array) => {
            if let Some(embedded) = map.get("_embedded").and_then(Value::as_object) {
                if let Some(named) = embedded.get(collection) {
                    return Some(list(named));
                }
                let is_item = map.contains_key("id");
                let mut arrays = embedded.iter().filter(|(key, v)| !is_item && v.is_array() && *key != "errors");
                if let (Some((_, only)), None) = (arrays.next(), arrays.next()) {
                    return Some(list(only));
                }
            }
            map.contains_key("id").then(|| vec![value])
        }
        (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_), _) => None,
    }
}

/// Reads one item of an answer or of a list.
pub fn written_item(item: &Value) -> Option<WrittenItem> {
    let nonempty = |value: &Value| Some(text(value)).filter(|text| !text.trim().is_empty());
    let request_ids = request_ids(&item[REQUEST_ID]);
    let shown = request_ids.iter().all(|id| is_index(id)).then(|| Box::new(item.clone()));
    Some(WrittenItem {
        id: given_id(&item["id"])?,
        request_ids,
        shown,
        contact_id: given_id(&item["contact_id"]),
        company_id: given_id(&item["company_id"]),
        merged: flag(&item["merged"]),
        url: nonempty(&item["invoice_link"]),
        warning: nonempty(&item["_embedded"]["warning"]["message"]),
        total: total(item),
    })
}

/// The code [client] and the type [doc] of the field with an invoice's lines.
const LINES: (&str, &str) = ("ITEMS", "items");

fn total(item: &Value) -> Option<Decimal> {
    let fields = list(&item["custom_fields_values"]);
    let lines = fields
        .into_iter()
        .find(|field| text(&field["field_code"]) == LINES.0 || text(&field["field_type"]) == LINES.1)?;
    let sums: Vec<Decimal> =
        list(&lines["values"]).into_iter().filter_map(|line| number(&line["value"]["total_sum"])).collect();
    sums.into_iter().map(Some).reduce(|all, sum| all?.checked_add(sum?)).flatten()
}

/// True for a `request_id` that the service has made up: the index of the item in its request. [seed]
fn is_index(request_id: &str) -> bool {
    request_id.bytes().all(|byte| byte.is_ascii_digit())
}

/// The `request_id` of an item: a text, an int, an array of either, or nothing. [seed], [client live]
fn request_ids(value: &Value) -> Vec<String> {
    match value {
        Value::Array(ids) => ids.iter().map(text).filter(|id| !id.is_empty()).collect(),
        Value::String(_) | Value::Number(_) => Some(text(value)).filter(|id| !id.is_empty()).into_iter().collect(),
        Value::Null | Value::Bool(_) | Value::Object(_) => Vec::new(),
    }
}

/// Errors in the format of the old API, inside a 2xx. [client]
pub fn embedded_errors(body: &[u8]) -> Option<String> {
    let value: Value = serde_json::from_slice(body).ok()?;
    let errors = value.get("_embedded")?.get("errors")?;
    let empty = match errors {
        Value::Null => true,
        Value::Array(list) => list.is_empty(),
        Value::Object(map) => map.is_empty(),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    };
    (!empty).then(|| errors.to_string())
}

/// The links in the answer to a request for links; `from` only in the form for several records. `None` where it is not such an
/// answer. [client live]
pub fn written_links(body: &[u8]) -> Option<Vec<WrittenLink>> {
    let value: Value = serde_json::from_slice(body).ok()?;
    let links = value.get("_embedded")?.get("links")?;
    let link = |link: &Value| {
        let (from, to) = (id(&link["entity_id"]), id(&link["to_entity_id"])?);
        Some(WrittenLink { from, to, to_kind: text(&link["to_entity_type"]) })
    };
    (links.is_array() || links.is_object()).then(|| list(links).into_iter().filter_map(link).collect())
}

/// The `validation-errors` of a 400. [doc]
pub fn validation_errors(body: &[u8]) -> Vec<ItemErrors> {
    let Ok(value) = serde_json::from_slice::<Value>(body) else { return Vec::new() };
    list(&value["validation-errors"])
        .into_iter()
        .map(|item| ItemErrors {
            request_id: request_ids(&item[REQUEST_ID]).into_iter().next(),
            errors: list(&item["errors"])
                .into_iter()
                .map(|error| ItemError {
                    code: text(&error["code"]),
                    path: text(&error["path"]),
                    detail: text(&error["detail"]),
                })
                .collect(),
        })
        .collect()
}

/// True for a body that is not JSON, such as an HTML page of a gateway.
pub fn is_page(body: &[u8]) -> bool {
    !body.trim_ascii().is_empty() && serde_json::from_slice::<serde::de::IgnoredAny>(body).is_err()
}

/// True for an error of the service itself: JSON with a title, and with this status if it has one. [seed]
pub fn is_problem(body: &[u8], status: u16) -> bool {
    let Ok(value) = serde_json::from_slice::<Value>(body) else { return false };
    let named = &value["status"];
    !text(&value["title"]).is_empty() && (named.is_null() || text(named).trim() == status.to_string())
}

/// The text of an error body in one line: title, detail and hint; `None` where it is not JSON.
pub fn detail(body: &[u8]) -> Option<String> {
    let value: Value = serde_json::from_slice(body).ok()?;
    let parts: Vec<String> =
        ["title", "detail", "hint"].iter().map(|key| text(&value[*key])).filter(|part| !part.is_empty()).collect();
    (!parts.is_empty()).then(|| parts.join(": "))
}

/// The seconds to wait in the JSON of a 429. [doc Kommo]
pub fn retry_after(body: &[u8]) -> Option<u64> {
    let value: Value = serde_json::from_slice(body).ok()?;
    id(&value["retry_after"])
}

/// The id of the custom field at an index of an item's list, to find the column that the path of a validation error means.
/// `object_path` leads to the object with the list.
pub fn custom_field_at(item: &Value, object_path: &[&str], index: usize) -> Option<u64> {
    let mut object = item;
    for step in object_path {
        object = match step.parse::<usize>() {
            Ok(n) => object.get(n)?,
            Err(_) => object.get(*step)?,
        };
    }
    id(&object["custom_fields_values"][index]["field_id"])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_known_form_of_an_answer_is_read() {
        let one = |id, request: &[&str]| WrittenItem {
            id,
            request_ids: request.iter().map(|r| (*r).to_owned()).collect(),
            contact_id: None,
            company_id: None,
            merged: false,
            url: None,
            warning: None,
            total: None,
            shown: None,
        };
        let bare = |item: WrittenItem| WrittenItem { shown: None, ..item };
        for (body, expected) in [
            (
                r#"{"_embedded":{"leads":[{"id":1,"request_id":"r2"},{"id":3,"request_id":7}]}}"#,
                Some(vec![one(1, &["r2"]), one(3, &["7"])]),
            ),
            (r#"{"_embedded":{"customers":[{"id":1,"request_id":"r2"}]}}"#, Some(vec![one(1, &["r2"])])),
            (r#"{"id":"5","request_id":null}"#, Some(vec![one(5, &[])])),
            (r#"[{"id":1,"request_id":["a","b"]}]"#, Some(vec![one(1, &["a", "b"])])),
            (r#"{"_embedded":{"leads":{"0":{"id":1},"2":{"id":2}}}}"#, Some(vec![one(1, &[]), one(2, &[])])),
            (r#"{"_embedded":{"leads":[{"id":1"#, None),
            (r#"[{"id":0,"request_id":"r2"}]"#, None),
            (r#"[{"id":9223372036854775808,"request_id":"r2"}]"#, None),
            (r#"[{"id":99999999999999999999,"request_id":"r2"}]"#, None),
            (r#"[{"id":9223372036854775807,"request_id":"r2"}]"#, Some(vec![one(i64::MAX as u64, &["r2"])])),
            ("<html>", None),
            ("{}", None),
        ] {
            let read = written_items(body.as_bytes(), Wrapping::Embedded, "leads");
            assert_eq!(read.map(|items| items.into_iter().map(bare).collect::<Vec<_>>()), expected, "{body}");
        }
        for (request_id, is_shown) in [(r#""r2""#, false), ("null", true), ("0", true), (r#""17""#, true)] {
            let item = format!(r#"{{"id":5,"name":"A","request_id":{request_id}}}"#);
            let read = written_items(item.as_bytes(), Wrapping::Embedded, "leads").unwrap();
            assert_eq!(read[0].shown.is_some(), is_shown, "{item}");
        }
        let complex = r#"[{"id":15198335,"contact_id":19663157,"company_id":null,"request_id":["q"],"merged":true}]"#;
        let read = written_items(complex.as_bytes(), Wrapping::Array, "leads").unwrap();
        assert_eq!((read[0].contact_id, read[0].company_id, read[0].merged), (Some(19663157), None, true));
    }

    #[test]
    fn the_answer_for_an_invoice_has_its_link_warning_and_total() {
        let body = r#"{"id":7,"invoice_link":"https://pay.example/1","_embedded":{"warning":{"message":"counted anew"}},
            "custom_fields_values":[{"field_id":1,"values":[{"value":"x"}]},{"field_id":2,"field_code":"ITEMS",
            "values":[{"value":{"total_sum":25.5}},{"value":{"total_sum":"4.50"}}]}]}"#;
        let read = written_items(body.as_bytes(), Wrapping::Embedded, "elements").unwrap().remove(0);
        assert_eq!(
            (read.url.as_deref(), read.warning.as_deref()),
            (Some("https://pay.example/1"), Some("counted anew"))
        );
        assert_eq!(read.total, Some(Decimal::new(30, 0)));
        let plain =
            written_items(br#"{"id":7,"invoice_link":null}"#, Wrapping::Embedded, "elements").unwrap().remove(0);
        assert_eq!((plain.url, plain.warning, plain.total), (None, None, None));
        let beyond = r#"{"id":7,"custom_fields_values":[{"field_code":"ITEMS","values":[
            {"value":{"total_sum":"79228162514264337593543950335"}},{"value":{"total_sum":1}}]}]}"#;
        assert_eq!(written_items(beyond.as_bytes(), Wrapping::Embedded, "elements").unwrap()[0].total, None);
    }

    #[test]
    fn validation_errors_keep_their_path() {
        let body = r#"{"validation-errors":[{"request_id":"r7","errors":[{"code":"NotSupportedChoice","path":"status_id","detail":"no"}]}],"title":"Bad Request","detail":"Request validation failed"}"#;
        let errors = validation_errors(body.as_bytes());
        assert_eq!(errors[0].request_id.as_deref(), Some("r7"));
        assert_eq!(errors[0].errors[0].path, "status_id");
        assert_eq!(detail(body.as_bytes()).as_deref(), Some("Bad Request: Request validation failed"));
        assert_eq!(embedded_errors(br#"{"_embedded":{"errors":[]}}"#), None);
        assert!(embedded_errors(br#"{"_embedded":{"errors":[["x"]]}}"#).is_some());
    }
}
