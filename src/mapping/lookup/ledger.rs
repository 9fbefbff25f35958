//! Keys that earlier imports have made, as a mapping looks them up.

use super::Resolved;
use crate::mapping::convert::Unfit;
use amo_model::Entity;
use sheet_source::message;
use sheet_source::problem::{Note, quoted};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// What an earlier import has made under a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Keyed {
    Id(u64),
    /// Another mapping has made it, and nothing says whether its keys are the same as these.
    Unsure {
        id: u64,
        run: String,
        mapping: String,
        titles: Option<Vec<String>>,
    },
}

/// What a key is looked up as.
#[derive(Debug, Clone, Copy)]
pub struct KeyQuery<'a> {
    pub entity: Entity,
    /// The key of an element counts in its own list.
    pub catalog: Option<u64>,
    pub key: &'a str,
    /// The titles of the columns in which it stands, where it stands in any.
    pub titles: Option<&'a [String]>,
    /// It is the key of a record that is made, not of one that is meant.
    pub made: bool,
}

/// `Err` says why nobody can look.
type FindKey = dyn Fn(KeyQuery<'_>) -> Result<Option<Keyed>, String> + Send + Sync;

/// What earlier imports have made.
#[derive(Clone)]
pub struct Ledger {
    find: Arc<FindKey>,
    /// Keys of other mappings, and such as differ by the zeros or words of a number's format alone, are the same.
    same_keys: bool,
    /// Other mappings by which keys were made that were looked up, and how often.
    others: Arc<Mutex<BTreeMap<String, u64>>>,
}

impl Ledger {
    pub fn new(find: impl Fn(KeyQuery<'_>) -> Result<Option<Keyed>, String> + Send + Sync + 'static) -> Ledger {
        Ledger { find: Arc::new(find), same_keys: false, others: Arc::default() }
    }

    pub fn same_keys(self, same_keys: bool) -> Ledger {
        Ledger { same_keys, ..self }
    }

    /// Where it is noted that a key was made by another mapping.
    pub fn noting(self, others: Arc<Mutex<BTreeMap<String, u64>>>) -> Ledger {
        Ledger { others, ..self }
    }

    pub fn takes_keys_for_the_same(&self) -> bool {
        self.same_keys
    }

    /// One that knows nothing.
    pub fn empty() -> Ledger {
        Ledger::new(|_| Ok(None))
    }

    pub fn find(&self, asked: KeyQuery<'_>) -> Result<Option<Keyed>, String> {
        let found = (self.find)(asked)?;
        Ok(found.map(|found| match found {
            Keyed::Unsure { id, .. } if self.same_keys => Keyed::Id(id),
            found => found,
        }))
    }

    /// Other mappings by which keys were made that are meant here.
    pub fn notes(&self) -> Vec<Note> {
        let others = self.others.lock().unwrap_or_else(PoisonError::into_inner);
        let note = |(mapping, count): (&String, &u64)| {
            let message = match count {
                1 => message!("1 key that is meant here was made with the mapping {mapping}", mapping),
                count => message!(
                    "{count} keys that are meant here were made with the mapping {mapping}",
                    count = *count,
                    mapping
                ),
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

/// The id of what an earlier import has made under a key.
pub fn from_ledger(ledger: &Ledger, asked: KeyQuery<'_>) -> Resolved {
    let KeyQuery { entity, key, .. } = asked;
    match ledger.find(asked) {
        Ok(Some(Keyed::Id(id))) => Ok(id),
        Ok(Some(unsure)) => Err((false, key_space(key, &unsure))),
        Ok(None) => {
            let message = message!(
                "{value} is no key of {entity} that an import from this folder has made",
                value = quoted(key),
                entity = entity.collection()
            );
            let hint = "import them first, with the same \"key\" and the same --state folder".into();
            Err((true, Unfit { code: "unknown-key", message, hint: Some(hint) }))
        }
        Err(why) => {
            let message = message!("{value} cannot be looked up: {why}", value = quoted(key), why);
            Err((false, Unfit { code: "unknown-key", message, hint: None }))
        }
    }
}

/// The code of a key of which nobody has said whether it is that of another mapping.
pub const KEY_SPACE: &str = "key-space";

fn key_space(key: &str, found: &Keyed) -> Unfit {
    let Keyed::Unsure { id, run, mapping, titles } = found else {
        return Unfit { code: KEY_SPACE, message: "the key is known".into(), hint: None };
    };
    let message = match titles {
        Some(titles) => message!(
            "{value} is {id}, made by run {run} with {mapping}, whose key is {titles}: nothing says whether the keys are the same",
            value = quoted(key),
            id = *id,
            run,
            mapping,
            titles = quoted(&titles.join(" / "))
        ),
        None => message!(
            "{value} is {id}, made by run {run} with {mapping}: nothing says whether the keys are the same",
            value = quoted(key),
            id = *id,
            run,
            mapping
        ),
    };
    Unfit { code: KEY_SPACE, message, hint: Some(KEY_SPACE_HINT.into()) }
}

pub const KEY_SPACE_HINT: &str = "add --same-keys if they are the same, or write the same key-space = \"…\" in both mappings; if they are not, a key-space of its own in each";
