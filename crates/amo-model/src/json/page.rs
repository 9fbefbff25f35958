//! A page of a list, row by row: what waits for its turn stays text. A page as a tree of values takes twenty times its
//! text, and most of the time of an export. [measured]

use super::answer;
use crate::Wrapping;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use serde_json::value::{RawValue, to_raw_value};
use std::fmt;

/// A page of a list.
#[derive(Debug, Default)]
pub struct Page {
    /// As the service wrote them.
    pub rows: Vec<Box<RawValue>>,
    /// It names a page that comes after it.
    pub next: bool,
}

/// The page of `collection` that a body holds; `None` where this is none.
pub fn page(body: &[u8], collection: &str) -> Option<Page> {
    let text = simdutf8::basic::from_utf8(body).ok()?;
    let mut json = serde_json::Deserializer::from_str(text);
    let mut next = false;
    let told = PageVisitor { collection, next: &mut next }.deserialize(&mut json);
    if let (Ok(Some(rows)), Ok(())) = (told, json.end()) {
        return Some(Page { rows, next });
    }
    // Written in one of the other ways there are.
    let value: Value = serde_json::from_str(text).ok()?;
    let items = answer::items(&value, Wrapping::Embedded, collection)?.into_iter();
    let rows = items.map(|item| to_raw_value(item).ok()).collect::<Option<_>>()?;
    Some(Page { rows, next: !value["_links"]["next"].is_null() })
}

/// A page as it is written as a rule: its rows, and whether it names a next one.
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

/// The list at the end of a way of keys; `None` where the way does not lead to one.
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
