//! A row as it was read, without what nobody looks at: short texts and keys stand in place, objects are short lists. As a
//! tree of maps it takes three times as long to build and to look things up in. [measured]

use super::parts::{Json, Plain};
use compact_str::CompactString;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::value::RawValue;
use serde_json::{Number, Value};
use std::fmt;

/// Keys that no column shows and no look-up reads: links between pages, and what the account says of a field anyway.
const UNREAD: [&str; 6] = ["_links", "field_name", "field_type", "account_id", "group_id", "score"];
/// Nothing is kept that says nothing, but here: an item without this key is a chain of lists. [doc]
const KEPT_WHEN_NULL: &str = "value";

#[derive(Debug, Clone, Default, PartialEq)]
pub enum Lean {
    #[default]
    Null,
    Flag(bool),
    Number(Number),
    Text(CompactString),
    List(Vec<Lean>),
    Map(Vec<(CompactString, Lean)>),
}

static NULL: Lean = Lean::Null;

impl Lean {
    /// `None` where the text is no JSON.
    pub fn of(row: &RawValue) -> Option<Lean> {
        Read.deserialize(&mut serde_json::Deserializer::from_str(row.get())).ok()
    }

    /// Of a key that stands twice the last counts, as everywhere.
    pub fn get(&self, key: &str) -> Option<&Lean> {
        match self {
            Lean::Map(pairs) => pairs.iter().rev().find(|(known, _)| known == key).map(|(_, value)| value),
            Lean::Null | Lean::Flag(_) | Lean::Number(_) | Lean::Text(_) | Lean::List(_) => None,
        }
    }

    /// What `parts::list` gives, one by one.
    pub fn each(&self) -> impl Iterator<Item = &Lean> {
        let (items, pairs): (&[Lean], &[(CompactString, Lean)]) = match self {
            Lean::List(items) => (items, &[]),
            Lean::Map(pairs) if pairs.iter().all(|(key, _)| key.parse::<u64>().is_ok()) => (&[], pairs),
            Lean::Map(_) | Lean::Null | Lean::Flag(_) | Lean::Number(_) | Lean::Text(_) => (&[], &[]),
        };
        items.iter().chain(pairs.iter().map(|(_, value)| value))
    }

    pub fn as_str(&self) -> Option<&str> {
        match self {
            Lean::Text(text) => Some(text),
            Lean::Null | Lean::Flag(_) | Lean::Number(_) | Lean::List(_) | Lean::Map(_) => None,
        }
    }

    pub fn is_null(&self) -> bool {
        matches!(self, Lean::Null)
    }

    pub fn is_object(&self) -> bool {
        matches!(self, Lean::Map(_))
    }
}

/// Nothing where there is no such key.
impl std::ops::Index<&str> for Lean {
    type Output = Lean;

    fn index(&self, key: &str) -> &Lean {
        self.get(key).unwrap_or(&NULL)
    }
}

impl Json for Lean {
    fn plain(&self) -> Option<Plain<'_>> {
        match self {
            Lean::Flag(flag) => Some(Plain::Flag(*flag)),
            Lean::Number(number) => Some(Plain::Number(number)),
            Lean::Text(text) => Some(Plain::Text(text)),
            Lean::Null | Lean::List(_) | Lean::Map(_) => None,
        }
    }

    fn items(&self) -> Vec<&Lean> {
        self.each().collect()
    }
}

/// JSON on one line.
impl fmt::Display for Lean {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(&serde_json::to_string(self).map_err(|_| fmt::Error)?)
    }
}

impl Serialize for Lean {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        match self {
            Lean::Null => out.serialize_unit(),
            Lean::Flag(flag) => out.serialize_bool(*flag),
            Lean::Number(number) => number.serialize(out),
            Lean::Text(text) => out.serialize_str(text),
            Lean::List(items) => out.collect_seq(items),
            Lean::Map(pairs) => {
                let mut map = out.serialize_map(Some(pairs.len()))?;
                for (key, value) in pairs {
                    map.serialize_entry(key.as_str(), value)?;
                }
                map.end()
            }
        }
    }
}

/// A row that came another way, so that both read alike.
impl From<Value> for Lean {
    fn from(value: Value) -> Lean {
        match value {
            Value::Null => Lean::Null,
            Value::Bool(flag) => Lean::Flag(flag),
            Value::Number(number) => Lean::Number(number),
            Value::String(text) => Lean::Text(text.into()),
            Value::Array(items) => Lean::List(items.into_iter().map(Lean::from).collect()),
            Value::Object(map) => {
                let read = map.into_iter().filter(|(key, _)| is_wanted(key));
                let told = read.filter(|(key, value)| is_kept(key, value.is_null()));
                Lean::Map(told.map(|(key, value)| (key.into(), value.into())).collect())
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

struct Read;

impl<'de> DeserializeSeed<'de> for Read {
    type Value = Lean;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Lean, D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Read {
    type Value = Lean;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Lean, E> {
        Ok(Lean::Flag(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Lean, E> {
        Ok(Lean::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Lean, E> {
        Ok(Lean::Number(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Lean, E> {
        Ok(Number::from_f64(value).map_or(Lean::Null, Lean::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Lean, E> {
        Ok(Lean::Text(value.into()))
    }

    fn visit_unit<E>(self) -> Result<Lean, E> {
        Ok(Lean::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Lean, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = list.next_element_seed(Read)? {
            items.push(item);
        }
        Ok(Lean::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Lean, A::Error> {
        let mut pairs = Vec::new();
        while let Some(key) = map.next_key_seed(Key)? {
            match key {
                Some(key) => {
                    let value = map.next_value_seed(Read)?;
                    if is_kept(&key, value.is_null()) {
                        pairs.push((key, value));
                    }
                }
                None => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(Lean::Map(pairs))
    }
}

/// A key; `None` for one that is not read.
struct Key;

impl<'de> DeserializeSeed<'de> for Key {
    type Value = Option<CompactString>;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Self::Value, D::Error> {
        json.deserialize_str(self)
    }
}

impl Visitor<'_> for Key {
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
    fn a_lean_row_is_the_row_without_what_is_never_read() {
        let whole = json!({"id": 1, "price": -2, "a": 1.5, "n": null, "t": [true, {"_links": {"x": 1}, "name": "\"я\n"}],
            "_links": {"self": 1}, "score": 7, "custom_fields_values": [{"field_id": 9, "field_name": "Цвет", "field_type": "text",
            "values": [{"value": "a"}, {"value": null, "enum_id": null}]}]});
        let raw = RawValue::from_string(whole.to_string()).expect("JSON");
        let kept = r#"{"id":1,"price":-2,"a":1.5,"t":[true,{"name":"\"я\n"}],"custom_fields_values":[{"field_id":9,"values":[{"value":"a"},{"value":null}]}]}"#;
        let lean = Lean::of(&raw).expect("JSON");
        assert_eq!(lean.to_string(), kept);
        assert_eq!(lean, Lean::from(whole), "however it came");
        let twice = RawValue::from_string(r#"{"id":1,"i\u0064":2,"id":null}"#.to_owned()).expect("JSON");
        assert_eq!(Lean::of(&twice).expect("JSON")["id"], Lean::from(json!(2)));
        assert_eq!((&lean["t"]["x"], &lean["nothing"]["at all"]), (&Lean::Null, &Lean::Null));
    }
}
