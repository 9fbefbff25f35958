//! An object read key by key: what is there is looked at, what was never asked for was not expected. `null` says as
//! little as a key that is not there, as in the validators of that family. [inferred]

use serde_json::{Map, Value};

use crate::check::{ValidationErrors, join, longer_than};
use crate::switches::Switches;

pub struct ObjectReader<'a, 'c> {
    item: &'a Map<String, Value>,
    at: String,
    asked: Vec<&'static str>,
    pub errors: &'c mut ValidationErrors,
}

impl<'a, 'c> ObjectReader<'a, 'c> {
    /// `None`, and a complaint, where the value is no object.
    pub fn of(
        item: &'a Value,
        at: impl Into<String>,
        errors: &'c mut ValidationErrors,
    ) -> Option<ObjectReader<'a, 'c>> {
        match item.as_object() {
            Some(item) => Some(ObjectReader::over(item, at, errors)),
            None => {
                errors.wrong_type(at, "array");
                None
            }
        }
    }

    pub fn over(
        item: &'a Map<String, Value>,
        at: impl Into<String>,
        errors: &'c mut ValidationErrors,
    ) -> ObjectReader<'a, 'c> {
        ObjectReader { item, at: at.into(), asked: Vec::new(), errors }
    }

    pub fn path(&self, key: &str) -> String {
        join(&self.at, key)
    }

    /// Anything but `null`.
    pub fn any(&mut self, key: &'static str) -> Option<&'a Value> {
        self.asked.push(key);
        self.item.get(key).filter(|value| !value.is_null())
    }

    /// Keys that only reads show: passed over where an object is sent back as it was read. [client]
    pub fn shown(&mut self, switches: &Switches, keys: &[&'static str]) {
        if !switches.read_keys_refused {
            self.asked.extend(keys);
        }
    }

    /// The same of a key that no change can say anything else of.
    pub fn shown_as(&mut self, switches: &Switches, key: &'static str, is: &Value) {
        if self.item.get(key) == Some(is) {
            self.shown(switches, &[key]);
        }
    }

    fn typed<T>(&mut self, key: &'static str, wanted: &str, read: impl Fn(&'a Value) -> Option<T>) -> Option<T> {
        let value = self.any(key)?;
        let found = read(value);
        if found.is_none() {
            let at = self.path(key);
            self.errors.wrong_type(at, wanted);
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

    pub fn number(&mut self, key: &'static str) -> Option<f64> {
        self.typed(key, "numeric", Value::as_f64)
    }

    pub fn list(&mut self, key: &'static str) -> Option<&'a Vec<Value>> {
        self.typed(key, "array", Value::as_array)
    }

    /// Each object of a list, read by `read`; `None` where there is no list.
    pub fn each<T>(
        &mut self,
        key: &'static str,
        mut read: impl FnMut(&mut ObjectReader<'a, '_>) -> Option<T>,
    ) -> Option<Vec<T>> {
        let items = self.list(key)?;
        let at = self.path(key);
        let mut found = Vec::with_capacity(items.len());
        for (i, item) in items.iter().enumerate() {
            let Some(mut reader) = ObjectReader::of(item, join(&at, i), self.errors) else { continue };
            found.extend(read(&mut reader));
            reader.done();
        }
        Some(found)
    }

    /// At most `max` characters; 0 for no limit.
    pub fn text(&mut self, key: &'static str, max: usize) -> Option<&'a str> {
        let text = self.typed(key, "string", Value::as_str)?;
        if longer_than(text, max) {
            let at = self.path(key);
            self.errors.too_long(at, max);
            return None;
        }
        Some(text)
    }

    /// A name: as `text`, and not empty.
    pub fn name(&mut self, key: &'static str, max: usize) -> Option<&'a str> {
        let text = self.typed(key, "string", Value::as_str)?;
        let at = self.path(key);
        self.errors.name(text, max, at).then_some(text)
    }

    /// One of these words.
    pub fn word(&mut self, key: &'static str, words: &[&str]) -> Option<&'a str> {
        let text = self.typed(key, "string", Value::as_str)?;
        let known = words.contains(&text);
        if !known {
            self.choice(key);
        }
        known.then_some(text)
    }

    /// Complains of keys that are not there.
    pub fn needs(&mut self, keys: &[&'static str]) {
        for key in keys {
            if self.item.get(*key).is_none_or(Value::is_null) {
                let at = self.path(key);
                self.errors.missing(at);
            }
        }
    }

    pub fn choice(&mut self, key: &str) {
        let at = self.path(key);
        self.errors.choice(at);
    }

    /// The last call: complains of what was not asked for.
    pub fn done(self) {
        for key in self.item.keys().filter(|key| !self.asked.contains(&key.as_str())) {
            self.errors.unexpected(join(&self.at, key));
        }
    }
}
