//! Damaged bodies: half a batch, an item without one value, a collection under an unknown key. Pure; a body that cannot
//! be damaged stays as it is.

use serde_json::value::RawValue;
use serde_json::{Map, Value};

/// A key that no document has.
const ODD_KEY: &str = "things";

/// The first half of a batch, rounded down; half of a single object is nothing.
pub fn half(body: &[u8]) -> Vec<u8> {
    let items: Vec<&RawValue> = serde_json::from_slice(body).unwrap_or_default();
    serde_json::to_vec(&items[..items.len() / 2]).unwrap_or_default()
}

/// The request without one of its tags or custom fields, chosen by `dice`.
pub fn without_one_value(body: &[u8], dice: u64) -> Vec<u8> {
    let Ok(mut request) = serde_json::from_slice::<Value>(body) else { return body.to_vec() };
    let mut places = Vec::new();
    match &request {
        Value::Array(items) => {
            for (i, item) in items.iter().enumerate() {
                collect_values(item, &format!("/{i}"), &mut places);
            }
        }
        item => collect_values(item, "", &mut places),
    }
    if places.is_empty() {
        return body.to_vec();
    }
    let (list, at) = &places[(dice % places.len() as u64) as usize];
    if let Some(Value::Array(entries)) = request.pointer_mut(list) {
        entries.remove(*at);
    }
    serde_json::to_vec(&request).unwrap_or_default()
}

/// Collects the lists of tags and fields of the item, its contact and its company, with each index in them.
fn collect_values(item: &Value, path: &str, places: &mut Vec<(String, usize)>) {
    for list in ["custom_fields_values", "tags_to_add", "_embedded/tags"] {
        let list_path = format!("{path}/{list}");
        let length = item.pointer(&format!("/{list}")).and_then(Value::as_array).map_or(0, Vec::len);
        places.extend((0..length).map(|at| (list_path.clone(), at)));
    }
    for party in ["_embedded/contacts/0", "_embedded/companies/0"] {
        if let Some(inner) = item.pointer(&format!("/{party}")) {
            collect_values(inner, &format!("{path}/{party}"), places);
        }
    }
}

/// The collection of the response under another key; a bare array has none.
pub fn odd_key(body: &str) -> String {
    let Ok(mut answer) = serde_json::from_str::<Value>(body) else { return body.to_owned() };
    if let Some(Value::Object(embedded)) = answer.get_mut("_embedded") {
        let renamed = std::mem::take(embedded).into_iter().map(|(key, value)| match value {
            Value::Array(_) => (ODD_KEY.to_owned(), value),
            value => (key, value),
        });
        *embedded = renamed.collect::<Map<String, Value>>();
    }
    answer.to_string()
}

/// A page without the link to the next one.
pub fn without_next(body: &str) -> String {
    let Ok(mut answer) = serde_json::from_str::<Value>(body) else { return body.to_owned() };
    if let Some(Value::Object(links)) = answer.get_mut("_links") {
        links.shift_remove("next");
    }
    answer.to_string()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn half_of_a_batch_is_its_beginning() {
        for (body, wanted) in
            [("[1,2,3]", "[1]"), ("[1,2,3,4]", "[1,2]"), ("[1]", "[]"), (r#"{"id":1}"#, "[]"), ("", "[]")]
        {
            assert_eq!(half(body.as_bytes()), wanted.as_bytes(), "{body}");
        }
    }

    #[test]
    fn one_value_of_one_item_is_dropped() {
        let body = r#"[{"name":"a","custom_fields_values":[1,2]},{"tags_to_add":[3],"_embedded":{"contacts":[{"custom_fields_values":[4]}]}}]"#;
        let lost: BTreeSet<String> = (0..4)
            .map(|dice| {
                let left = String::from_utf8(without_one_value(body.as_bytes(), dice)).expect("UTF-8");
                (1..=4).filter(|n| !left.contains(&n.to_string())).map(|n| n.to_string()).collect()
            })
            .collect();
        assert_eq!(lost.into_iter().collect::<Vec<_>>(), ["1", "2", "3", "4"]);
        assert_eq!(without_one_value(br#"[{"name":"a"}]"#, 7), br#"[{"name":"a"}]"#);
        assert_eq!(without_one_value(b"{", 7), b"{");
    }

    #[test]
    fn the_collection_gets_another_key() {
        assert_eq!(odd_key(r#"{"_embedded":{"leads":[1]}}"#), r#"{"_embedded":{"things":[1]}}"#);
        for same in ["[1]", "", r#"{"id":1}"#] {
            assert_eq!(odd_key(same), same);
        }
    }
}
