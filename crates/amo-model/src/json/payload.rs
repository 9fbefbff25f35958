//! Writes the JSON of an item directly into a buffer; a map of values for each row would take four times as long. [measured]
//! Keys and nesting are decided here, values by the mapping.

use crate::Placement;
use rust_decimal::Decimal;
use serde::Serialize;
use std::io::Write as _;

/// One value inside a custom field.
#[derive(Debug, Clone, PartialEq)]
pub enum FieldValue<'a> {
    Text(&'a str),
    Number(Decimal),
    /// Money is a text in the JSON of reads, and is written as one. [doc]
    Money(Decimal),
    Bool(bool),
    Int(i64),
    /// An option of the field.
    Option(u64),
    /// An object of which only the name is known. [doc]
    Named(&'a str),
    /// An element of the catalog of suppliers. [seed]
    Supplier(u64),
    /// A linked contact, company or element. [doc]
    Linked {
        id: u64,
        entity_type: &'a str,
        catalog: Option<u64>,
    },
    /// One step of a chained list: the only value without the key `value`. [doc]
    Chain {
        catalog: u64,
        element: u64,
    },
    /// Values in JSON already, separated by commas.
    Raw(&'a str),
    /// A phone or an e-mail with its enum code.
    Coded {
        text: &'a str,
        code: &'a EnumCode,
    },
}

/// The enum of a multitext value: its code (`WORK`) or its option id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EnumCode {
    Code(String),
    Id(u64),
}

/// Writes one object of an item: its own keys, its custom fields, and its embedded objects. Each has a buffer of its own,
/// because the values of a row come in any order.
#[derive(Debug, Default)]
pub struct ObjectWriter {
    keys: Vec<u8>,
    fields: Vec<u8>,
    fields_count: usize,
    embedded: Vec<u8>,
}

impl ObjectWriter {
    pub fn clear(&mut self) {
        self.keys.clear();
        self.fields.clear();
        self.fields_count = 0;
        self.embedded.clear();
    }

    pub fn is_empty(&self) -> bool {
        self.keys.is_empty() && self.fields.is_empty() && self.embedded.is_empty()
    }

    /// True where nothing but this id was written, or nothing at all.
    pub fn holds_nothing_but(&self, key: &str, id: u64) -> bool {
        let only = self.keys.is_empty() || self.keys == format!("\"{key}\":{id}").as_bytes();
        only && self.fields.is_empty() && self.embedded.is_empty()
    }

    /// Custom fields written so far.
    pub fn fields_count(&self) -> usize {
        self.fields_count
    }

    pub fn text(&mut self, key: &str, text: &str) {
        open_key(&mut self.keys, key);
        string(&mut self.keys, text);
    }

    pub fn int(&mut self, key: &str, int: i64) {
        open_key(&mut self.keys, key);
        number(&mut self.keys, int);
    }

    pub fn id(&mut self, key: &str, id: u64) {
        open_key(&mut self.keys, key);
        number(&mut self.keys, id);
    }

    pub fn bool(&mut self, key: &str, flag: bool) {
        open_key(&mut self.keys, key);
        self.keys.extend_from_slice(if flag { b"true" } else { b"false" });
    }

    /// `"tags_to_add": [{"name": "…"}]`
    pub fn tags<'t>(&mut self, key: &str, tags: impl Iterator<Item = &'t str>) {
        open_key(&mut self.keys, key);
        tag_list(&mut self.keys, tags);
    }

    /// `"_embedded": {"tags": [{"name": "…"}]}`: in an update these replace all tags. [client live]
    pub fn embedded_tags<'t>(&mut self, tags: impl Iterator<Item = &'t str>) {
        open_key(&mut self.embedded, "tags");
        tag_list(&mut self.embedded, tags);
    }

    /// A plain list of ids.
    pub fn ids(&mut self, key: &str, ids: &[u64]) {
        open_key(&mut self.keys, key);
        self.keys.push(b'[');
        for (n, id) in ids.iter().enumerate() {
            if n > 0 {
                self.keys.push(b',');
            }
            number(&mut self.keys, *id);
        }
        self.keys.push(b']');
    }

    pub fn decimal(&mut self, key: &str, value: Decimal) {
        open_key(&mut self.keys, key);
        decimal(&mut self.keys, value);
    }

    /// `"discount": {"type": "amount", "value": 25}` [seed]
    pub fn discount(&mut self, kind: &str, value: Decimal) {
        open_key(&mut self.keys, "discount");
        self.keys.extend_from_slice(b"{\"type\":");
        string(&mut self.keys, kind);
        self.keys.extend_from_slice(b",\"value\":");
        decimal(&mut self.keys, value);
        self.keys.push(b'}');
    }

    /// `"_embedded": {"catalog_elements": [{"id": 1, "metadata": {"catalog_id": 2, "quantity": 3}}]}` [seed]
    pub fn elements(&mut self, elements: impl Iterator<Item = (u64, u64, Decimal)>) {
        open_key(&mut self.embedded, "catalog_elements");
        self.embedded.push(b'[');
        for (n, (id, catalog, quantity)) in elements.enumerate() {
            if n > 0 {
                self.embedded.push(b',');
            }
            self.embedded.extend_from_slice(b"{\"id\":");
            number(&mut self.embedded, id);
            self.embedded.extend_from_slice(b",\"metadata\":{\"catalog_id\":");
            number(&mut self.embedded, catalog);
            self.embedded.extend_from_slice(b",\"quantity\":");
            decimal(&mut self.embedded, quantity);
            self.embedded.extend_from_slice(b"}}");
        }
        self.embedded.push(b']');
    }

    /// `"_embedded": {"contacts": [{"id": 1, "is_main": true}, {"id": 2}]}`; only of contacts one is the main one. [seed]
    pub fn embedded_ids(&mut self, key: &str, ids: &[u64]) {
        open_key(&mut self.embedded, key);
        self.embedded.push(b'[');
        for (n, id) in ids.iter().enumerate() {
            if n > 0 {
                self.embedded.push(b',');
            }
            self.embedded.extend_from_slice(b"{\"id\":");
            number(&mut self.embedded, *id);
            if n == 0 && key == "contacts" {
                self.embedded.extend_from_slice(b",\"is_main\":true");
            }
            self.embedded.push(b'}');
        }
        self.embedded.push(b']');
    }

    /// `"_embedded": {"source": {"external_id": "…", "type": "widget"}}`. [seed]; the id as a text [client]
    pub fn embedded_source(&mut self, external_id: &str) {
        open_key(&mut self.embedded, "source");
        self.embedded.extend_from_slice(b"{\"external_id\":");
        string(&mut self.embedded, external_id);
        self.embedded.extend_from_slice(b",\"type\":\"widget\"}");
    }

    /// Embeds another object at `at`; an empty one is left out.
    pub fn embed(&mut self, at: Placement, object: &ObjectWriter) {
        if object.is_empty() {
            return;
        }
        match at {
            // These are written as fields of the item, or not in an item at all.
            Placement::Item
            | Placement::Field(_)
            | Placement::Elements
            | Placement::LinkedElements
            | Placement::Value => {}
            Placement::Embedded(key) => {
                open_key(&mut self.embedded, key);
                object.finish(&mut self.embedded);
            }
            Placement::EmbeddedFirst(key) => {
                open_key(&mut self.embedded, key);
                self.embedded.push(b'[');
                object.finish(&mut self.embedded);
                self.embedded.push(b']');
            }
        }
    }

    /// A custom field with its values, which replace all values of the field.
    pub fn field<'v>(&mut self, id: u64, values: impl IntoIterator<Item = FieldValue<'v>>) {
        self.open_field(id);
        self.fields.push(b'[');
        for (n, value) in values.into_iter().enumerate() {
            if n > 0 {
                self.fields.push(b',');
            }
            field_value(&mut self.fields, &value);
        }
        self.fields.extend_from_slice(b"]}");
    }

    /// A custom field whose values are objects, as written by `value_object`.
    pub fn field_objects(&mut self, id: u64, objects: &[u8]) {
        self.open_field(id);
        self.fields.push(b'[');
        self.fields.extend_from_slice(objects);
        self.fields.extend_from_slice(b"]}");
    }

    /// Appends this object to `out` as one value of a custom field.
    pub fn value_object(&self, out: &mut Vec<u8>) {
        if !out.is_empty() {
            out.push(b',');
        }
        out.extend_from_slice(b"{\"value\":");
        self.finish(out);
        out.push(b'}');
    }

    /// Empties a custom field: `"values": null`; an empty list is refused. [doc], [client live]
    pub fn clear_field(&mut self, id: u64) {
        self.open_field(id);
        self.fields.extend_from_slice(b"null}");
    }

    fn open_field(&mut self, id: u64) {
        if !self.fields.is_empty() {
            self.fields.push(b',');
        }
        self.fields_count += 1;
        self.fields.extend_from_slice(b"{\"field_id\":");
        number(&mut self.fields, id);
        self.fields.extend_from_slice(b",\"values\":");
    }

    /// Appends the whole object to `out`.
    pub fn finish(&self, out: &mut Vec<u8>) {
        const WORDS: usize = r#"{,"custom_fields_values":[],"_embedded":{}}"#.len();
        out.reserve(self.keys.len() + self.fields.len() + self.embedded.len() + WORDS);
        out.push(b'{');
        out.extend_from_slice(&self.keys);
        let mut first = self.keys.is_empty();
        for (key, open, inner, close) in
            [("custom_fields_values", b'[', &self.fields, b']'), ("_embedded", b'{', &self.embedded, b'}')]
        {
            if inner.is_empty() {
                continue;
            }
            if !first {
                out.push(b',');
            }
            first = false;
            out.push(b'"');
            out.extend_from_slice(key.as_bytes());
            out.extend_from_slice(b"\":");
            out.push(open);
            out.extend_from_slice(inner);
            out.push(close);
        }
        out.push(b'}');
    }
}

/// The key of a record's name in the run. The service returns it; it is not an idempotency key. [seed]
pub const REQUEST_ID: &str = "request_id";

/// The body of a request with several items.
pub fn batch<'a>(items: impl Iterator<Item = &'a [u8]>) -> Vec<u8> {
    let mut body = vec![b'['];
    for (n, item) in items.enumerate() {
        if n > 0 {
            body.push(b',');
        }
        body.extend_from_slice(item);
    }
    body.push(b']');
    body
}

/// The body that switches customers; both keys are required. [seed]
pub fn customers_mode(mode: &str, is_enabled: bool) -> Vec<u8> {
    serde_json::json!({"mode": mode, "is_enabled": is_enabled}).to_string().into_bytes()
}

fn open_key(out: &mut Vec<u8>, key: &str) {
    if !out.is_empty() {
        out.push(b',');
    }
    out.push(b'"');
    out.extend_from_slice(key.as_bytes());
    out.extend_from_slice(b"\":");
}

fn field_value(out: &mut Vec<u8>, value: &FieldValue<'_>) {
    match value {
        FieldValue::Raw(json) => {
            out.extend_from_slice(json.as_bytes());
            return;
        }
        FieldValue::Option(id) => {
            out.extend_from_slice(b"{\"enum_id\":");
            number(out, *id);
        }
        FieldValue::Named(name) => {
            out.extend_from_slice(b"{\"value\":{\"name\":");
            string(out, name);
            out.push(b'}');
        }
        FieldValue::Supplier(id) => {
            out.extend_from_slice(b"{\"value\":{\"entity_id\":");
            number(out, *id);
            out.push(b'}');
        }
        FieldValue::Linked { id, entity_type, catalog } => {
            out.extend_from_slice(b"{\"value\":{\"entity_id\":");
            number(out, *id);
            out.extend_from_slice(b",\"entity_type\":");
            string(out, entity_type);
            if let Some(catalog) = catalog {
                out.extend_from_slice(b",\"catalog_id\":");
                number(out, *catalog);
            }
            out.push(b'}');
        }
        FieldValue::Chain { catalog, element } => {
            out.extend_from_slice(b"{\"catalog_id\":");
            number(out, *catalog);
            out.extend_from_slice(b",\"catalog_element_id\":");
            number(out, *element);
        }
        FieldValue::Coded { text, code } => {
            out.extend_from_slice(b"{\"value\":");
            string(out, text);
            match code {
                EnumCode::Code(name) => {
                    out.extend_from_slice(b",\"enum_code\":");
                    string(out, name);
                }
                EnumCode::Id(id) => {
                    out.extend_from_slice(b",\"enum_id\":");
                    number(out, *id);
                }
            }
        }
        FieldValue::Text(text) => {
            out.extend_from_slice(b"{\"value\":");
            string(out, text);
        }
        FieldValue::Number(value) => {
            out.extend_from_slice(b"{\"value\":");
            decimal(out, *value);
        }
        FieldValue::Money(value) => {
            out.extend_from_slice(b"{\"value\":\"");
            decimal(out, *value);
            out.push(b'"');
        }
        FieldValue::Bool(flag) => {
            out.extend_from_slice(b"{\"value\":");
            out.extend_from_slice(if *flag { b"true" } else { b"false" });
        }
        FieldValue::Int(int) => {
            out.extend_from_slice(b"{\"value\":");
            number(out, *int);
        }
    }
    out.push(b'}');
}

fn tag_list<'t>(out: &mut Vec<u8>, tags: impl Iterator<Item = &'t str>) {
    out.push(b'[');
    for (n, tag) in tags.enumerate() {
        if n > 0 {
            out.push(b',');
        }
        out.extend_from_slice(b"{\"name\":");
        string(out, tag);
        out.push(b'}');
    }
    out.push(b']');
}

fn string(out: &mut Vec<u8>, text: &str) {
    // Most texts have nothing to escape, and a check of eight or more bytes at a time takes a tenth of the time of escaping.
    let escaped = |byte: u8| byte < 0x20 || byte == b'"' || byte == b'\\';
    if text.bytes().fold(false, |any, byte| any | escaped(byte)) {
        return json(out, text);
    }
    out.push(b'"');
    out.extend_from_slice(text.as_bytes());
    out.push(b'"');
}

/// Writes an integer; `serde_json` is several times faster than `Display`.
fn number(out: &mut Vec<u8>, number: impl Serialize) {
    json(out, &number);
}

fn json(out: &mut Vec<u8>, value: &(impl Serialize + ?Sized)) {
    // Writing a text or a number into a `Vec` cannot fail.
    let written = serde_json::to_writer(out, value);
    debug_assert!(written.is_ok());
}

fn decimal(out: &mut Vec<u8>, value: Decimal) {
    // `Decimal` prints one digit at a time by dividing 96-bit numbers; nearly all numbers fit into 64 bits.
    let usual = u64::try_from(value.mantissa()).ok().filter(|_| !value.is_sign_negative());
    let written = match (usual, value.scale()) {
        (Some(mantissa), 0) => return number(out, mantissa),
        (Some(mantissa), scale @ 1..=15) => {
            let (whole, part) = (mantissa / 10_u64.pow(scale), mantissa % 10_u64.pow(scale));
            number(out, whole);
            write!(out, ".{part:0width$}", width = scale as usize)
        }
        _ => write!(out, "{value}"),
    };
    // Writing into a `Vec<u8>` cannot fail.
    debug_assert!(written.is_ok());
}

#[cfg(test)]
#[path = "payload_tests.rs"]
mod tests;
