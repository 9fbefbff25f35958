//! A page of a list, row by row: what waits for its turn stays text, and what nobody looks at is never built. A page as a
//! tree of values takes twenty times its text, and most of the time of an export. [measured]

use super::{Wrapping, answer};
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Map, Number, Value};
use std::fmt;

/// Keys that no column shows and no look-up reads: links between pages, and what the account says of a field anyway.
const UNREAD: [&str; 6] = ["_links", "field_name", "field_type", "account_id", "group_id", "score"];
/// Nothing is kept that says nothing, but here: an item without this key is a chain of lists. [doc]
const TELLING: &str = "value";

/// The rows of a page of `collection`, as the service wrote them; `None` where this is no page.
pub fn rows(body: &[u8], collection: &str) -> Option<Vec<Box<RawValue>>> {
    let mut json = serde_json::Deserializer::from_slice(body);
    let told = Within { keys: &["_embedded", collection] }.deserialize(&mut json);
    if let (Ok(Some(rows)), Ok(())) = (told, json.end()) {
        return Some(rows);
    }
    // Written in one of the other ways there are.
    let value: Value = serde_json::from_slice(body).ok()?;
    answer::items(&value, Wrapping::Embedded, collection)?.into_iter().map(|item| to_raw_value(item).ok()).collect()
}

/// A row without what is never read of it.
pub fn lean(row: &RawValue) -> Option<Value> {
    Lean.deserialize(&mut serde_json::Deserializer::from_str(row.get())).ok()
}

/// The same of a row that came another way, so that both read alike.
pub fn leaned(row: &Value) -> Value {
    to_raw_value(row).ok().and_then(|raw| lean(&raw)).unwrap_or_default()
}

/// The list at the end of a way of keys; `None` where the way does not lead to one.
struct Within<'a> {
    keys: &'a [&'a str],
}

impl<'de> DeserializeSeed<'de> for Within<'_> {
    type Value = Option<Vec<Box<RawValue>>>;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Self::Value, D::Error> {
        if self.keys.is_empty() { json.deserialize_seq(self) } else { json.deserialize_map(self) }
    }
}

impl<'de> Visitor<'de> for Within<'_> {
    type Value = Option<Vec<Box<RawValue>>>;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a page")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let Some((wanted, rest)) = self.keys.split_first() else { return Err(A::Error::custom("no list")) };
        let mut found = None;
        while let Some(key) = map.next_key::<std::borrow::Cow<str>>()? {
            if key == *wanted {
                found = map.next_value_seed(Within { keys: rest })?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(found)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut rows = Vec::new();
        while let Some(row) = list.next_element()? {
            rows.push(row);
        }
        Ok(Some(rows))
    }
}

struct Lean;

impl<'de> DeserializeSeed<'de> for Lean {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Value, D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Lean {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = list.next_element_seed(Lean)? {
            items.push(item);
        }
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut kept = Map::new();
        while let Some(key) = map.next_key::<std::borrow::Cow<str>>()? {
            if UNREAD.contains(&&*key) {
                map.next_value::<IgnoredAny>()?;
            } else {
                let value = map.next_value_seed(Lean)?;
                if !value.is_null() || key == TELLING {
                    kept.insert(key.into_owned(), value);
                }
            }
        }
        Ok(Value::Object(kept))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn rows_are_found_however_a_page_is_written() {
        for (body, found) in [
            (r#"{"_page":1,"_links":{},"_embedded":{"tags":[1],"leads":[{"id":1} , {"id":2}]}}"#, Some(vec![1, 2])),
            (r#"{"_embedded":{"leads":[]}}"#, Some(vec![])),
            // An object instead of a list, another name, a bare list, one item. [client live]
            (r#"{"_embedded":{"leads":{"0":{"id":3},"2":{"id":4}}}}"#, Some(vec![3, 4])),
            (r#"{"_embedded":{"things":[{"id":5}]}}"#, Some(vec![5])),
            (r#"[{"id":6}]"#, Some(vec![6])),
            (r#"{"id":7}"#, Some(vec![7])),
            (r#"{"_embedded":{"leads":[{"id":8}]}"#, None),
            (r#"{"_embedded":{"leads":[{"id":8}]}} more"#, None),
            ("<html>", None),
        ] {
            let ids = rows(body.as_bytes(), "leads").map(|rows| {
                let ids = rows.iter().map(|row| lean(row).and_then(|row| row["id"].as_u64()));
                ids.collect::<Option<Vec<u64>>>().expect("ids")
            });
            assert_eq!(ids, found, "{body}");
        }
    }

    #[test]
    fn a_lean_row_is_the_row_without_what_is_never_read() {
        let whole = json!({"id": 1, "price": -2, "a": 1.5, "n": null, "t": [true, {"_links": {"x": 1}, "name": "\"я\n"}],
            "_links": {"self": 1}, "score": 7, "custom_fields_values": [{"field_id": 9, "field_name": "Цвет", "field_type": "text",
            "values": [{"value": "a"}, {"value": null, "enum_id": null}]}]});
        let raw = RawValue::from_string(whole.to_string()).expect("JSON");
        let kept = json!({"id": 1, "price": -2, "a": 1.5, "t": [true, {"name": "\"я\n"}],
            "custom_fields_values": [{"field_id": 9, "values": [{"value": "a"}, {"value": null}]}]});
        assert_eq!(lean(&raw), Some(kept));
    }
}
