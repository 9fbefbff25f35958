//! Keys of records that earlier imports created, as a mapping looks them up.

use super::Resolved;
use crate::mapping::convert::ValueError;
use amo_model::Entity;
use sheet_source::message;
use sheet_source::problem::{Note, quoted};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// A record that an earlier import created under a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Keyed {
    Id(u64),
    /// Created by another mapping, whose keys may have another meaning.
    Unsure {
        id: u64,
        run: String,
        mapping: String,
        titles: Option<Vec<String>>,
    },
}

/// A lookup of a key.
#[derive(Debug, Clone, Copy)]
pub struct KeyQuery<'a> {
    pub entity: Entity,
    /// Keys of elements are unique within their catalog.
    pub catalog: Option<u64>,
    pub key: &'a str,
    /// The titles of the key's columns, if it comes from columns.
    pub titles: Option<&'a [String]>,
    /// The key belongs to a record that is created, not to a reference.
    pub made: bool,
}

/// `Err` says why the lookup failed.
type FindKey = dyn Fn(KeyQuery<'_>) -> Result<Option<Keyed>, String> + Send + Sync;

/// The records that earlier imports created.
#[derive(Clone)]
pub struct Ledger {
    find: Arc<FindKey>,
    /// Treat keys of other mappings, and keys that differ only by the number format, as the same.
    same_keys: bool,
    /// Other mappings that created looked-up keys, with the number of keys.
    others: Arc<Mutex<BTreeMap<String, u64>>>,
}

impl Ledger {
    pub fn new(find: impl Fn(KeyQuery<'_>) -> Result<Option<Keyed>, String> + Send + Sync + 'static) -> Ledger {
        Ledger { find: Arc::new(find), same_keys: false, others: Arc::default() }
    }

    pub fn same_keys(self, same_keys: bool) -> Ledger {
        Ledger { same_keys, ..self }
    }

    /// Counts keys of other mappings in `others`.
    pub fn noting(self, others: Arc<Mutex<BTreeMap<String, u64>>>) -> Ledger {
        Ledger { others, ..self }
    }

    pub fn treats_keys_as_same(&self) -> bool {
        self.same_keys
    }

    /// An empty ledger.
    pub fn empty() -> Ledger {
        Ledger::new(|_| Ok(None))
    }

    pub fn find(&self, query: KeyQuery<'_>) -> Result<Option<Keyed>, String> {
        let found = (self.find)(query)?;
        Ok(found.map(|found| match found {
            Keyed::Unsure { id, .. } if self.same_keys => Keyed::Id(id),
            found => found,
        }))
    }

    /// Notes about keys that other mappings created.
    pub fn notes(&self) -> Vec<Note> {
        let others = self.others.lock().unwrap_or_else(PoisonError::into_inner);
        let note = |(mapping, count): (&String, &u64)| {
            let message = match count {
                1 => message!("1 key was created with another mapping, {mapping}", mapping),
                count => message!("{count} keys were created with another mapping, {mapping}", count = *count, mapping),
            };
            Note::new("keys-of-another-mapping", message).count(*count)
        };
        others.iter().map(note).collect()
    }
}

impl std::fmt::Debug for Ledger {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Ledger")
    }
}

/// The id of the record that an earlier import created under a key.
pub fn from_ledger(ledger: &Ledger, query: KeyQuery<'_>) -> Resolved {
    let KeyQuery { entity, key, .. } = query;
    match ledger.find(query) {
        Ok(Some(Keyed::Id(id))) => Ok(id),
        Ok(Some(unsure)) => Err((false, key_space(key, &unsure))),
        Ok(None) => {
            let message =
                message!("unknown key of {entity}: {value}", value = quoted(key), entity = entity.collection());
            let hint = "import them first, with the same \"key\" and the same --state folder".into();
            Err((true, ValueError { code: "unknown-key", message, hint: Some(hint) }))
        }
        Err(why) => {
            let message = message!("{value} cannot be looked up: {why}", value = quoted(key), why);
            Err((false, ValueError { code: "unknown-key", message, hint: None }))
        }
    }
}

/// The problem code of a key that may belong to another mapping.
pub const KEY_SPACE: &str = "key-space";

fn key_space(key: &str, found: &Keyed) -> ValueError {
    let Keyed::Unsure { id, run, mapping, titles } = found else {
        return ValueError { code: KEY_SPACE, message: "the key is known".into(), hint: None };
    };
    let message = match titles {
        Some(titles) => message!(
            "{value} is {id}, created by run {run} with {mapping}, whose key is {titles}; the keys may differ",
            value = quoted(key),
            id = *id,
            run,
            mapping,
            titles = quoted(&titles.join(" / "))
        ),
        None => message!(
            "{value} is {id}, created by run {run} with {mapping}; the keys may differ",
            value = quoted(key),
            id = *id,
            run,
            mapping
        ),
    };
    ValueError { code: KEY_SPACE, message, hint: Some(KEY_SPACE_HINT.into()) }
}

pub const KEY_SPACE_HINT: &str = "if the keys are the same, add --same-keys or write the same key-space = \"…\" in both mappings; if not, give each mapping its own key-space";
