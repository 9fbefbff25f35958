//! An object read key by key: the caller reads the keys it knows, and `finish` reports all others. `null` counts as a
//! key that is absent, as in the validators of that family. [inferred]

use serde_json::{Map, Value};

use crate::check::JsonNode;
use crate::switches::Switches;

pub struct ObjectReader<'v, 'e> {
    pub node: JsonNode<'v, 'e>,
    object: &'v Map<String, Value>,
    read_keys: Vec<&'static str>,
}

impl<'v, 'e> ObjectReader<'v, 'e> {
    /// `None` and an error where the value is no object.
    pub fn new(mut node: JsonNode<'v, 'e>) -> Option<ObjectReader<'v, 'e>> {
        let object = node.object()?;
        Some(ObjectReader { node, object, read_keys: Vec::new() })
    }

    /// Any value but `null`.
    pub fn value(&mut self, key: &'static str) -> Option<&'v Value> {
        self.read_keys.push(key);
        self.object.get(key).filter(|value| !value.is_null())
    }

    /// Keys that only reads show: ignored where an object is sent back as it was read. [client]
    pub fn ignore(&mut self, switches: &Switches, keys: &[&'static str]) {
        if !switches.read_keys_refused {
            self.read_keys.extend(keys);
        }
    }

    /// A key that no write can change: ignored where it has the value of the record.
    pub fn ignore_unchanged(&mut self, switches: &Switches, key: &'static str, current: &Value) {
        if self.object.get(key) == Some(current) {
            self.ignore(switches, &[key]);
        }
    }

    fn typed<T>(&mut self, key: &'static str, wanted: &str, read: impl Fn(&'v Value) -> Option<T>) -> Option<T> {
        let value = self.value(key)?;
        let found = read(value);
        if found.is_none() {
            self.node.child(key, value).wrong_type(wanted);
        }
        found
    }

    pub fn bool(&mut self, key: &'static str) -> Option<bool> {
        self.typed(key, "bool", Value::as_bool)
    }

    pub fn int(&mut self, key: &'static str) -> Option<i64> {
        self.typed(key, "int", Value::as_i64)
    }

    pub fn id(&mut self, key: &'static str) -> Option<u64> {
        self.typed(key, "int", Value::as_u64)
    }

    /// A number from 0 on; a lower one is an error, and comes back all the same.
    pub fn non_negative(&mut self, key: &'static str) -> Option<f64> {
        let number = self.typed(key, "numeric", Value::as_f64)?;
        if number < 0.0
            && let Some(mut node) = self.node.get(key)
        {
            node.too_low(0);
        }
        Some(number)
    }

    pub fn list(&mut self, key: &'static str) -> Option<&'v Vec<Value>> {
        self.typed(key, "array", Value::as_array)
    }

    /// Each object of a list, read by `read`; `None` where there is no list.
    pub fn each<T>(
        &mut self,
        key: &'static str,
        mut read: impl FnMut(&mut ObjectReader<'v, '_>) -> Option<T>,
    ) -> Option<Vec<T>> {
        let items = self.list(key)?;
        let mut list = self.node.get(key)?;
        let mut found = Vec::with_capacity(items.len());
        for (i, item) in items.iter().enumerate() {
            let Some(mut reader) = ObjectReader::new(list.child(i, item)) else { continue };
            found.extend(read(&mut reader));
            reader.finish();
        }
        Some(found)
    }

    /// At most `max` characters; 0 for no limit.
    pub fn text(&mut self, key: &'static str, max: usize) -> Option<&'v str> {
        let value = self.value(key)?;
        self.node.child(key, value).text(max)
    }

    /// A text that is not empty.
    pub fn name(&mut self, key: &'static str, max: usize) -> Option<&'v str> {
        let text = self.typed(key, "string", Value::as_str)?;
        let path = self.node.key_path(key);
        self.node.errors.check_name(text, max, path).then_some(text)
    }

    pub fn one_of(&mut self, key: &'static str, words: &[&str]) -> Option<&'v str> {
        let text = self.typed(key, "string", Value::as_str)?;
        let known = words.contains(&text);
        if !known {
            self.invalid_choice(key);
        }
        known.then_some(text)
    }

    /// An error for each key that is absent.
    pub fn require(&mut self, keys: &[&'static str]) {
        for key in keys {
            if self.object.get(*key).is_none_or(Value::is_null) {
                self.node.missing(key);
            }
        }
    }

    pub fn invalid_choice(&mut self, key: &str) {
        let path = self.node.key_path(key);
        self.node.errors.invalid_choice(path);
    }

    /// The last call: an error for each key that was not read.
    pub fn finish(mut self) {
        for (key, value) in self.object.iter().filter(|(key, _)| !self.read_keys.contains(&key.as_str())) {
            self.node.child(key, value).unexpected();
        }
    }
}
