//! Validation of writes: errors with the documented codes and dotted paths, and, where there are none, the item in the
//! shape that `changes` takes. It reads the world and changes nothing.
//!
//! - `node`, `reader`, `plain`: a JSON value with its path and errors, an object key by key, an object by a table of keys
//! - `item`: records of every table; `note`, `task`, `links`: what these have besides
//! - `values`: values of custom fields; `field`: definitions of custom fields

mod field;
pub mod item;
pub mod links;
mod node;
pub mod note;
pub mod plain;
mod reader;
pub mod task;
pub mod values;

use std::borrow::Cow;

use serde_json::{Map, Value, json};

pub use field::read_field;
pub use item::metadata::check as check_metadata;
pub use item::{CheckedItem, Party, TagEdit, TagRef, WriteMode, check_item};
pub use node::JsonNode;
pub use reader::ObjectReader;

use crate::account::AccountState;
use crate::faults::ForcedRefusal;
use crate::switches::Switches;
use crate::world::rights::RecordVisibility;
use crate::world::{RecordTable, StoredRecord, World};
use amo_model::Owner;

/// All that a check may read.
#[derive(Clone, Copy)]
pub struct CheckContext<'a> {
    pub world: &'a World,
    pub switches: &'a Switches,
    pub refusals: &'a [ForcedRefusal],
    /// The catalog that the path names, for elements; else 0 or the id of a record.
    pub container: u64,
}

impl CheckContext<'_> {
    /// The owner of the custom fields that a record of this table has.
    fn field_owner(&self, table: RecordTable) -> Option<Owner> {
        if table == RecordTable::Elements { Some(Owner::Catalog(self.container)) } else { table.owner() }
    }

    /// A record that exists and that the token's user may see.
    pub fn visible(&self, table: RecordTable, id: u64) -> Option<&StoredRecord> {
        let is_visible = RecordVisibility::for_token_user(self.world, self.switches)
            .is_none_or(|rights| rights.allows(self.world, table, id));
        self.world.records(table).get(id).filter(|_| is_visible)
    }

    pub fn account(&self) -> &AccountState {
        &self.world.account
    }

    /// Keys that only reads show are ignored where an existing record is sent back. [client]
    fn ignores_read_only(&self, mode: WriteMode) -> bool {
        matches!(mode, WriteMode::Update(_)) && !self.switches.read_keys_refused
    }
}

/// One entry of `errors`. [doc]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ValidationError {
    pub code: Cow<'static, str>,
    pub path: String,
    pub detail: Cow<'static, str>,
}

/// The errors of one item. The texts are those of the service or of the validators it uses. [doc], [client]
#[derive(Debug, Default)]
pub struct ValidationErrors(pub Vec<ValidationError>);

impl ValidationErrors {
    pub fn add(
        &mut self,
        code: impl Into<Cow<'static, str>>,
        path: impl Into<String>,
        detail: impl Into<Cow<'static, str>>,
    ) {
        self.0.push(ValidationError { code: code.into(), path: path.into(), detail: detail.into() });
    }

    pub fn invalid_choice(&mut self, path: impl Into<String>) {
        self.add("NotSupportedChoice", path, "The value you selected is not a valid choice.");
    }

    /// `wanted` is `int`, `string`, `array`, `bool`. [client]
    pub fn wrong_type(&mut self, path: impl Into<String>, wanted: &str) {
        self.add("InvalidType", path, format!("This value should be of type {wanted}."));
    }

    /// Of a key that may be left out but may not be `null`. [client]
    pub fn null(&mut self, path: impl Into<String>) {
        self.add("NotNullable", path, "This value should not be null.");
    }

    pub fn unexpected(&mut self, path: impl Into<String>) {
        self.add("FieldNotExpected", path, "This field was not expected.");
    }

    pub fn missing(&mut self, path: impl Into<String>) {
        self.add("FieldMissing", path, "This field is missing.");
    }

    /// Code and text of the same validator family. [inferred]
    pub fn blank(&mut self, path: impl Into<String>) {
        self.add("NotBlank", path, "This value should not be blank.");
    }

    /// A name is not empty and not longer than `max` characters; 0 for no limit. True where it is good.
    pub fn check_name(&mut self, text: &str, max: usize, path: impl Into<String>) -> bool {
        let before = self.0.len();
        if longer_than(text, max) {
            self.too_long(path, max);
        } else if text.trim().is_empty() {
            self.blank(path);
        }
        self.0.len() == before
    }

    /// Code and text of the same validator family. [inferred]
    pub fn too_low(&mut self, path: impl Into<String>, min: i64) {
        self.add("TooLow", path, format!("This value should be {min} or more."));
    }

    /// Code and text of the same validator family. [inferred]
    pub fn too_long(&mut self, path: impl Into<String>, max: usize) {
        self.add("TooLong", path, format!("This value is too long. It should have {max} characters or less."));
    }

    /// Code and text of the same validator family. [inferred]
    pub fn too_many(&mut self, path: impl Into<String>, max: usize) {
        self.add("TooMany", path, format!("This collection should contain {max} elements or less."));
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// A refused item.
#[derive(Debug)]
pub struct RefusedItem {
    /// `None` where the errors are about the request as a whole.
    pub request_id: Option<Value>,
    pub errors: ValidationErrors,
}

impl RefusedItem {
    pub fn all_to_json(all: &[RefusedItem]) -> Value {
        let entry = |refused: &RefusedItem| {
            let mut entry = Map::new();
            if let Some(id) = &refused.request_id {
                entry.insert("request_id".to_owned(), id.clone());
            }
            let errors = refused.errors.0.iter();
            let errors = errors.map(|c| json!({"code": c.code, "path": c.path, "detail": c.detail}));
            entry.insert("errors".to_owned(), errors.collect());
            Value::Object(entry)
        };
        all.iter().map(entry).collect()
    }
}

/// `a.b`, or `b` where there is no `a`.
pub fn join(path: &str, key: impl std::fmt::Display) -> String {
    if path.is_empty() { key.to_string() } else { format!("{path}.{key}") }
}

/// Counted in characters, not bytes.
fn longer_than(text: &str, max: usize) -> bool {
    max > 0 && text.len() > max && text.chars().count() > max
}
