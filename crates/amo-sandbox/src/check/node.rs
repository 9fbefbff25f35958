//! A JSON value of a request with the path to it and the errors of its item: what every check takes.

use std::fmt::Display;

use serde_json::{Map, Value};

use crate::check::{ValidationErrors, join, longer_than};

pub struct JsonNode<'v, 'e> {
    pub value: &'v Value,
    /// Dotted, as errors name it; empty for the item itself. [doc]
    pub path: String,
    /// Of the whole item.
    pub errors: &'e mut ValidationErrors,
}

impl<'v, 'e> JsonNode<'v, 'e> {
    /// An item of a request.
    pub fn root(value: &'v Value, errors: &'e mut ValidationErrors) -> JsonNode<'v, 'e> {
        JsonNode { value, path: String::new(), errors }
    }

    pub fn reborrow(&mut self) -> JsonNode<'v, '_> {
        JsonNode { value: self.value, path: self.path.clone(), errors: self.errors }
    }

    /// A value inside this one; `key` is its key or its index.
    pub fn child(&mut self, key: impl Display, value: &'v Value) -> JsonNode<'v, '_> {
        JsonNode { value, path: join(&self.path, key), errors: self.errors }
    }

    /// The value of a key; `None` where this is no object or has no such key.
    pub fn get(&mut self, key: &str) -> Option<JsonNode<'v, '_>> {
        let value = self.value.get(key)?;
        Some(self.child(key, value))
    }

    /// The value of a key, an error where there is none.
    pub fn require(&mut self, key: &str) -> Option<JsonNode<'v, '_>> {
        match self.value.get(key) {
            Some(value) => Some(self.child(key, value)),
            None => {
                self.missing(key);
                None
            }
        }
    }

    /// The object, an error where this is none. PHP calls an object an array. [client]
    pub fn object(&mut self) -> Option<&'v Map<String, Value>> {
        let object = self.value.as_object();
        if object.is_none() {
            self.wrong_type("array");
        }
        object
    }

    pub fn array(&mut self) -> Option<&'v Vec<Value>> {
        let array = self.value.as_array();
        if array.is_none() {
            self.wrong_type("array");
        }
        array
    }

    /// A text of at most `max` characters; 0 for no limit.
    pub fn text(&mut self, max: usize) -> Option<&'v str> {
        let Some(text) = self.value.as_str() else {
            self.wrong_type("string");
            return None;
        };
        if longer_than(text, max) {
            self.too_long(max);
            return None;
        }
        Some(text)
    }

    pub fn key_path(&self, key: &str) -> String {
        join(&self.path, key)
    }

    pub fn missing(&mut self, key: &str) {
        let path = self.key_path(key);
        self.errors.missing(path);
    }

    pub fn invalid_choice(&mut self) {
        self.errors.invalid_choice(self.path.clone());
    }

    pub fn wrong_type(&mut self, wanted: &str) {
        self.errors.wrong_type(self.path.clone(), wanted);
    }

    pub fn null(&mut self) {
        self.errors.null(self.path.clone());
    }

    pub fn unexpected(&mut self) {
        self.errors.unexpected(self.path.clone());
    }

    pub fn too_low(&mut self, min: i64) {
        self.errors.too_low(self.path.clone(), min);
    }

    pub fn too_long(&mut self, max: usize) {
        self.errors.too_long(self.path.clone(), max);
    }

    pub fn too_many(&mut self, max: usize) {
        self.errors.too_many(self.path.clone(), max);
    }
}
