//! A record of a list in a compact form: without the keys that nothing reads, short texts and keys stored inline, objects as
//! short lists. A tree of maps takes three times as long to build and to search. [measured]

use super::parts::{Json, JsonScalar};
use compact_str::CompactString;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::value::RawValue;
use serde_json::{Number, Value};
use std::fmt;

/// Keys that no column and no look-up uses: links between pages, and facts about a field that the account has as well.
const UNREAD: [&str; 6] = ["_links", "field_name", "field_type", "account_id", "group_id", "score"];
/// Keys with null are left out except this one: an item without it belongs to a chained list. [doc]
const KEPT_WHEN_NULL: &str = "value";

/// A JSON value.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum CompactJson {
    #[default]
    Null,
    Flag(bool),
    Number(Number),
    Text(CompactString),
    List(Vec<CompactJson>),
    Map(Vec<(CompactString, CompactJson)>),
}

static NULL: CompactJson = CompactJson::Null;

impl CompactJson {
    /// Reads a record; `None` where the text is not JSON.
    pub fn of(row: &RawValue) -> Option<CompactJson> {
        CompactVisitor.deserialize(&mut serde_json::Deserializer::from_str(row.get())).ok()
    }

    /// The value of a key. Of a repeated key the last counts, as in `serde_json`.
    pub fn get(&self, key: &str) -> Option<&CompactJson> {
        match self {
            CompactJson::Map(pairs) => pairs.iter().rev().find(|(known, _)| known == key).map(|(_, value)| value),
            CompactJson::Null
            | CompactJson::Flag(_)
            | CompactJson::Number(_)
            | CompactJson::Text(_)
            | CompactJson::List(_) => None,
        }
    }

    /// The items that `parts::list` returns, as an iterator.
    pub fn each(&self) -> impl Iterator<Item = &CompactJson> {
        let (items, pairs): (&[CompactJson], &[(CompactString, CompactJson)]) = match self {
            CompactJson::List(items) => (items, &[]),
            CompactJson::Map(pairs) if pairs.iter().all(|(key, _)| key.parse::<u64>().is_ok()) => (&[], pairs),
            CompactJson::Map(_)
            | CompactJson::Null
            | CompactJson::Flag(_)
            | CompactJson::Number(_)
            | CompactJson::Text(_) => (&[], &[]),
        };
        items.iter().chain(pairs.iter().map(|(_, value)| value))
    }

    pub fn as_str(&self) -> Option<&str> {
        match self {
            CompactJson::Text(text) => Some(text),
            CompactJson::Null
            | CompactJson::Flag(_)
            | CompactJson::Number(_)
            | CompactJson::List(_)
            | CompactJson::Map(_) => None,
        }
    }

    pub fn is_null(&self) -> bool {
        matches!(self, CompactJson::Null)
    }

    pub fn is_object(&self) -> bool {
        matches!(self, CompactJson::Map(_))
    }
}

/// Null where there is no such key.
impl std::ops::Index<&str> for CompactJson {
    type Output = CompactJson;

    fn index(&self, key: &str) -> &CompactJson {
        self.get(key).unwrap_or(&NULL)
    }
}

impl Json for CompactJson {
    fn plain(&self) -> Option<JsonScalar<'_>> {
        match self {
            CompactJson::Flag(flag) => Some(JsonScalar::Flag(*flag)),
            CompactJson::Number(number) => Some(JsonScalar::Number(number)),
            CompactJson::Text(text) => Some(JsonScalar::Text(text)),
            CompactJson::Null | CompactJson::List(_) | CompactJson::Map(_) => None,
        }
    }

    fn items(&self) -> Vec<&CompactJson> {
        self.each().collect()
    }
}

/// JSON on one line.
impl fmt::Display for CompactJson {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(&serde_json::to_string(self).map_err(|_| fmt::Error)?)
    }
}

impl Serialize for CompactJson {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        match self {
            CompactJson::Null => out.serialize_unit(),
            CompactJson::Flag(flag) => out.serialize_bool(*flag),
            CompactJson::Number(number) => number.serialize(out),
            CompactJson::Text(text) => out.serialize_str(text),
            CompactJson::List(items) => out.collect_seq(items),
            CompactJson::Map(pairs) => {
                let mut map = out.serialize_map(Some(pairs.len()))?;
                for (key, value) in pairs {
                    map.serialize_entry(key.as_str(), value)?;
                }
                map.end()
            }
        }
    }
}

/// Leaves out the same keys as reading a text does.
impl From<Value> for CompactJson {
    fn from(value: Value) -> CompactJson {
        match value {
            Value::Null => CompactJson::Null,
            Value::Bool(flag) => CompactJson::Flag(flag),
            Value::Number(number) => CompactJson::Number(number),
            Value::String(text) => CompactJson::Text(text.into()),
            Value::Array(items) => CompactJson::List(items.into_iter().map(CompactJson::from).collect()),
            Value::Object(map) => {
                let wanted = map.into_iter().filter(|(key, _)| is_wanted(key));
                let kept = wanted.filter(|(key, value)| is_kept(key, value.is_null()));
                CompactJson::Map(kept.map(|(key, value)| (key.into(), value.into())).collect())
            }
        }
    }
}

fn is_wanted(key: &str) -> bool {
    !UNREAD.contains(&key)
}

fn is_kept(key: &str, is_null: bool) -> bool {
    !is_null || key == KEPT_WHEN_NULL
}

struct CompactVisitor;

impl<'de> DeserializeSeed<'de> for CompactVisitor {
    type Value = CompactJson;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<CompactJson, D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for CompactVisitor {
    type Value = CompactJson;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, value: bool) -> Result<CompactJson, E> {
        Ok(CompactJson::Flag(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<CompactJson, E> {
        Ok(CompactJson::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<CompactJson, E> {
        Ok(CompactJson::Number(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<CompactJson, E> {
        Ok(Number::from_f64(value).map_or(CompactJson::Null, CompactJson::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<CompactJson, E> {
        Ok(CompactJson::Text(value.into()))
    }

    fn visit_unit<E>(self) -> Result<CompactJson, E> {
        Ok(CompactJson::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<CompactJson, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = list.next_element_seed(CompactVisitor)? {
            items.push(item);
        }
        Ok(CompactJson::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<CompactJson, A::Error> {
        let mut pairs = Vec::new();
        while let Some(key) = map.next_key_seed(KeyVisitor)? {
            match key {
                Some(key) => {
                    let value = map.next_value_seed(CompactVisitor)?;
                    if is_kept(&key, value.is_null()) {
                        pairs.push((key, value));
                    }
                }
                None => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(CompactJson::Map(pairs))
    }
}

/// Reads a key; `None` for one that is left out.
struct KeyVisitor;

impl<'de> DeserializeSeed<'de> for KeyVisitor {
    type Value = Option<CompactString>;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Self::Value, D::Error> {
        json.deserialize_str(self)
    }
}

impl Visitor<'_> for KeyVisitor {
    type Value = Option<CompactString>;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E>(self, key: &str) -> Result<Self::Value, E> {
        Ok(is_wanted(key).then(|| key.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_compact_record_lacks_only_the_keys_that_are_never_read() {
        let whole = json!({"id": 1, "price": -2, "a": 1.5, "n": null, "t": [true, {"_links": {"x": 1}, "name": "\"я\n"}],
            "_links": {"self": 1}, "score": 7, "custom_fields_values": [{"field_id": 9, "field_name": "Цвет", "field_type": "text",
            "values": [{"value": "a"}, {"value": null, "enum_id": null}]}]});
        let raw = RawValue::from_string(whole.to_string()).expect("JSON");
        let kept = r#"{"id":1,"price":-2,"a":1.5,"t":[true,{"name":"\"я\n"}],"custom_fields_values":[{"field_id":9,"values":[{"value":"a"},{"value":null}]}]}"#;
        let compact = CompactJson::of(&raw).expect("JSON");
        assert_eq!(compact.to_string(), kept);
        assert_eq!(compact, CompactJson::from(whole), "the same from a tree");
        let twice = RawValue::from_string(r#"{"id":1,"i\u0064":2,"id":null}"#.to_owned()).expect("JSON");
        assert_eq!(CompactJson::of(&twice).expect("JSON")["id"], CompactJson::from(json!(2)));
        assert_eq!((&compact["t"]["x"], &compact["nothing"]["at all"]), (&CompactJson::Null, &CompactJson::Null));
    }
}
