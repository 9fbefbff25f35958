//! Splits a page of a list into records that stay text. As a tree of values a page takes twenty times the memory of its text,
//! and parsing it most of the time of an export. [measured]

use super::answer;
use crate::Wrapping;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use serde_json::value::{RawValue, to_raw_value};
use std::fmt;

/// A page of a list.
#[derive(Debug, Default)]
pub struct Page {
    /// Records as the service wrote them.
    pub rows: Vec<Box<RawValue>>,
    /// The page links to a next one.
    pub next: bool,
}

/// Reads a page of `collection` from a body; `None` where it is not one.
pub fn page(body: &[u8], collection: &str) -> Option<Page> {
    let text = simdutf8::basic::from_utf8(body).ok()?;
    let mut json = serde_json::Deserializer::from_str(text);
    let mut next = false;
    let rows = PageVisitor { collection, next: &mut next }.deserialize(&mut json);
    if let (Ok(Some(rows)), Ok(())) = (rows, json.end()) {
        return Some(Page { rows, next });
    }
    // The other forms of a page are read as a tree.
    let value: Value = serde_json::from_str(text).ok()?;
    let items = answer::items(&value, Wrapping::Embedded, collection)?.into_iter();
    let rows = items.map(|item| to_raw_value(item).ok()).collect::<Option<_>>()?;
    Some(Page { rows, next: !value["_links"]["next"].is_null() })
}

/// Reads a page in its usual form: its records, and whether it links to a next one.
struct PageVisitor<'a> {
    collection: &'a str,
    next: &'a mut bool,
}

impl<'de> DeserializeSeed<'de> for PageVisitor<'_> {
    type Value = Option<Vec<Box<RawValue>>>;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Self::Value, D::Error> {
        json.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for PageVisitor<'_> {
    type Value = Option<Vec<Box<RawValue>>>;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a page")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut found = None;
        while let Some(key) = map.next_key::<std::borrow::Cow<str>>()? {
            match key.as_ref() {
                "_embedded" => found = map.next_value_seed(ItemsVisitor { keys: &[self.collection] })?,
                "_links" => *self.next = !map.next_value::<Value>()?["next"].is_null(),
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(found)
    }
}

/// Reads the list at the end of a path of keys; `None` where the path does not lead to one.
struct ItemsVisitor<'a> {
    keys: &'a [&'a str],
}

impl<'de> DeserializeSeed<'de> for ItemsVisitor<'_> {
    type Value = Option<Vec<Box<RawValue>>>;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Self::Value, D::Error> {
        if self.keys.is_empty() { json.deserialize_seq(self) } else { json.deserialize_map(self) }
    }
}

impl<'de> Visitor<'de> for ItemsVisitor<'_> {
    type Value = Option<Vec<Box<RawValue>>>;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a page")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let Some((wanted, rest)) = self.keys.split_first() else { return Err(A::Error::custom("no list")) };
        let mut found = None;
        while let Some(key) = map.next_key::<std::borrow::Cow<str>>()? {
            if key == *wanted {
                found = map.next_value_seed(ItemsVisitor { keys: rest })?;
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

#[cfg(test)]
mod tests {
    use super::super::{compact::CompactJson, parts};
    use super::*;

    #[test]
    fn records_are_found_in_every_form_of_a_page() {
        for (body, found) in [
            (r#"{"_page":1,"_links":{},"_embedded":{"tags":[1],"leads":[{"id":1} , {"id":2}]}}"#, Some(vec![1, 2])),
            (r#"{"_embedded":{"leads":[]}}"#, Some(vec![])),
            // An object instead of a list, another name, an array, one item. [client live]
            (r#"{"_embedded":{"leads":{"0":{"id":3},"2":{"id":4}}}}"#, Some(vec![3, 4])),
            (r#"{"_embedded":{"things":[{"id":5}]}}"#, Some(vec![5])),
            (r#"[{"id":6}]"#, Some(vec![6])),
            (r#"{"id":7}"#, Some(vec![7])),
            (r#"{"_embedded":{"leads":[{"id":8}]}"#, None),
            (r#"{"_embedded":{"leads":[{"id":8}]}} more"#, None),
            ("<html>", None),
        ] {
            let ids = page(body.as_bytes(), "leads").map(|page| {
                let ids = page.rows.iter().map(|row| CompactJson::of(row).and_then(|row| parts::id(&row["id"])));
                ids.collect::<Option<Vec<u64>>>().expect("ids")
            });
            assert_eq!(ids, found, "{body}");
        }
        for (links, next) in
            [("{}", false), (r#"{"next":null}"#, false), (r#"{"next":{"href":"x"}}"#, true), ("[]", false)]
        {
            let body = format!(r#"{{"_links":{links},"_embedded":{{"leads":[]}}}}"#);
            assert_eq!(page(body.as_bytes(), "leads").map(|page| page.next), Some(next), "{body}");
        }
    }
}
