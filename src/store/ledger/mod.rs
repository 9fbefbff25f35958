//! The ledger of keys and their key spaces. Two sources may both number their records 1 to n. Their keys are separate where
//! mappings name a key space; without one, the entry of another mapping is not taken for the same unless the user says so.
//!
//! `by_id` finds keys by id.

pub mod by_id;

use crate::store::{AccountKey, KnownKey, RunHead, Store, StoreError};
use amo_model::Action;
use rusqlite::{Connection, OptionalExtension, params};
use std::cell::RefCell;
use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

/// The space that the keys of a mapping belong to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeySpace {
    /// The name in the mapping.
    pub name: Option<String>,
    /// The file name of the mapping.
    pub mapping: String,
    /// The titles of the key's columns; `None` where they are unknown, as for runs of version 0.1.
    pub titles: Option<Vec<String>>,
    /// True where the mapping named no space and its file, which may name one by now, does not exist any more.
    pub lost: bool,
}

/// The use of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyUse {
    /// A record is created under it.
    Make,
    /// It refers to a record.
    Refer,
}

/// The relation of an entry to a key with the same text, the surest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Relation {
    Same,
    /// The same, created by another mapping, which is worth a note.
    OtherMapping,
    /// The user has to decide.
    Unsure,
    /// A different key.
    Other,
}

impl KeySpace {
    /// The key space of a run.
    pub fn of(head: &RunHead) -> KeySpace {
        // The mapping that is generated for a workbook has keys of any space.
        if head.mapping.made.is_some() {
            return KeySpace::default();
        }
        let mapping = file_name(Path::new(&head.mapping.path));
        KeySpace { name: head.key_space.clone(), mapping, titles: head.key_titles.clone(), lost: false }
    }

    /// The key space with the name that the mapping has now, where it had none when the run created its keys.
    fn with_current_name(self, head: &RunHead) -> KeySpace {
        if self.name.is_some() || self.is_any() {
            return self;
        }
        match std::fs::read_to_string(head.mapping.file()) {
            Ok(text) => KeySpace { name: name_in(&text), ..self },
            Err(_) => KeySpace { lost: true, ..self },
        }
    }

    /// True for the space of no mapping file: any key with the same text is the same.
    pub fn is_any(&self) -> bool {
        self.mapping.is_empty()
    }

    /// The relation of `entry` to a key of this space with the same text.
    pub fn relation(&self, entry: &KeySpace, key_use: KeyUse) -> Relation {
        let other_titles = match (&self.titles, &entry.titles) {
            (Some(own), Some(theirs)) => !own.iter().map(|t| fold(t)).eq(theirs.iter().map(|t| fold(t))),
            _ => false,
        };
        let other_mapping = !self.is_any() && self.mapping != entry.mapping;
        match (&self.name, &entry.name) {
            (Some(own), Some(theirs)) if own == theirs => Relation::Same,
            (Some(_), Some(_)) => Relation::Other,
            // A mapping stays the same where it gives its space a name or removes it.
            (Some(_), None) | (None, Some(_)) if !other_titles && !other_mapping => Relation::Same,
            // The mapping may have been renamed when it named its space.
            (Some(_), None) if key_use == KeyUse::Make && entry.lost => Relation::Unsure,
            (Some(_), None) if key_use == KeyUse::Make => Relation::Other,
            // A version without spaces stored no titles, and its keys are still in use.
            (Some(_), None) if entry.titles.is_none() => Relation::OtherMapping,
            (Some(_), None) | (None, Some(_)) => Relation::Unsure,
            (None, None) if other_titles => Relation::Unsure,
            (None, None) if !other_mapping => Relation::Same,
            (None, None) => match key_use {
                KeyUse::Make => Relation::Unsure,
                KeyUse::Refer => Relation::OtherMapping,
            },
        }
    }
}

/// The key space that a mapping file names, in TOML or JSON.
fn name_in(text: &str) -> Option<String> {
    let named = |line: &str| -> Option<String> {
        let rest = line.trim_start().trim_start_matches('{').trim_start();
        let rest = rest.strip_prefix("key-space").or_else(|| rest.strip_prefix("\"key-space\""))?;
        let value = rest.trim_start().strip_prefix(['=', ':'])?.trim_start();
        let quote = value.chars().next().filter(|quote| matches!(quote, '"' | '\''))?;
        value[1..].split_once(quote).map(|(name, _)| name.to_owned())
    };
    text.lines().find_map(named)
}

fn fold(title: &str) -> String {
    sheet_source::fold(title)
}

/// The file name of a path. It identifies a mapping in any folder.
pub fn file_name(path: &Path) -> String {
    path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned())
}

/// An entry of the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerEntry {
    pub relation: Relation,
    /// `None` where it is not known whether it arrived.
    pub id: Option<u64>,
    /// The number of the run that has sent it.
    pub by: i64,
    /// The name of that run.
    pub run: String,
    /// Its start, in Unix seconds.
    pub began_at: i64,
    pub space: Arc<KeySpace>,
}

impl LedgerEntry {
    /// The entry for a record to create. `same_keys` is true where the user says that keys of other mappings mean the same.
    pub fn known(&self, same_keys: bool) -> KnownKey {
        let (run, began_at) = (self.run.clone(), self.began_at);
        match (self.relation, self.id) {
            (Relation::Unsure, _) if !same_keys => {
                KnownKey::Unsure { id: self.id, run, mapping: self.space.mapping.clone() }
            }
            (_, Some(id)) => KnownKey::Made { id, began_at },
            (_, None) => KnownKey::Sent { run },
        }
    }
}

/// The keys of one kind in an account, for one mapping.
#[derive(Debug)]
pub struct Keys {
    account: AccountKey,
    /// The name of the ledger without a space.
    base: String,
    /// Ledgers of this kind at the first search; the ledger of the mapping's own space is always searched.
    ledgers: RefCell<Option<Arc<[String]>>>,
    runs: RefCell<HashMap<i64, Arc<RunKeys>>>,
}

/// A run, as far as its keys need it.
#[derive(Debug)]
struct RunKeys {
    name: String,
    began_at: i64,
    space: Arc<KeySpace>,
}

/// The separator between the name of a ledger and its space.
const SPACE: char = '@';

/// The name of a ledger with its space.
pub fn with_space(base: &str, space: Option<&str>) -> String {
    space.map_or_else(|| base.to_owned(), |space| format!("{base}{SPACE}{space}"))
}

impl Keys {
    pub fn new(account: AccountKey, base: &str) -> Keys {
        Keys { account, base: base.to_owned(), ledgers: RefCell::default(), runs: RefCell::default() }
    }

    /// The name of the ledger without a space.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// The entry that a key means or may mean, the surest first. `run` is the searching run, whose own sends without an answer
    /// do not count.
    pub fn find(
        &self,
        db: &Connection,
        (key, own, key_use): (&str, &KeySpace, KeyUse),
        run: Option<i64>,
    ) -> Result<Option<LedgerEntry>, StoreError> {
        let mut best: Option<LedgerEntry> = None;
        let own_ledger = with_space(&self.base, own.name.as_deref());
        let others = self.ledgers(db)?;
        let others = others.iter().filter(|ledger| **ledger != own_ledger);
        for ledger in std::iter::once(&own_ledger).chain(others) {
            let found: Option<(Option<i64>, i64)> = db
                .prepare_cached(
                    "SELECT id, run FROM ledger WHERE account = ? AND kind = ? AND key = ? AND (id IS NOT NULL OR run IS NOT ?)",
                )?
                .query_row(params![self.account, ledger, key, run], |row| Ok((row.get(0)?, row.get(1)?)))
                .optional()?;
            let Some((id, by)) = found else { continue };
            let origin = self.origin(db, by)?;
            let space = self.space_of(ledger, &origin.space);
            let relation = match run == Some(by) {
                true => Relation::Same,
                false => own.relation(&space, key_use),
            };
            if relation == Relation::Other || best.as_ref().is_some_and(|best| best.relation <= relation) {
                continue;
            }
            let (run, began_at) = (origin.name.clone(), origin.began_at);
            best = Some(LedgerEntry { relation, id: id.map(|id| id as u64), by, run, began_at, space });
        }
        Ok(best)
    }

    /// The space of an entry. An entry in a space that its run did not have was moved there.
    fn space_of(&self, ledger: &str, made: &Arc<KeySpace>) -> Arc<KeySpace> {
        let named = ledger.strip_prefix(&self.base).and_then(|rest| rest.strip_prefix(SPACE));
        match named {
            Some(name) if made.name.as_deref() != Some(name) => {
                Arc::new(KeySpace { name: Some(name.to_owned()), ..(**made).clone() })
            }
            _ => Arc::clone(made),
        }
    }

    /// The ledgers of this kind. They are few, and each is found by one step over the index.
    fn ledgers(&self, db: &Connection) -> Result<Arc<[String]>, StoreError> {
        if let Some(known) = &*self.ledgers.borrow() {
            return Ok(Arc::clone(known));
        }
        let found: Arc<[String]> = ledgers(db, &self.account, &self.base)?.into();
        *self.ledgers.borrow_mut() = Some(Arc::clone(&found));
        Ok(found)
    }

    /// The run of an entry.
    fn origin(&self, db: &Connection, run: i64) -> Result<Arc<RunKeys>, StoreError> {
        if let Some(known) = self.runs.borrow().get(&run) {
            return Ok(Arc::clone(known));
        }
        let (name, began_at, head): (String, i64, String) = db
            .prepare_cached("SELECT name, started_at, head FROM run WHERE run = ?")?
            .query_row([run], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
        let head: RunHead = serde_json::from_str(&head)?;
        let space = KeySpace::of(&head).with_current_name(&head);
        let origin = Arc::new(RunKeys { name, began_at, space: Arc::new(space) });
        self.runs.borrow_mut().insert(run, Arc::clone(&origin));
        Ok(origin)
    }
}

/// The ledger of a kind, and those of its spaces with entries.
fn ledgers(db: &Connection, account: &AccountKey, base: &str) -> Result<Vec<String>, StoreError> {
    let mut found = vec![base.to_owned()];
    let start = format!("{base}{SPACE}");
    let mut next = start.clone();
    let mut statement = db.prepare_cached("SELECT min(kind) FROM ledger WHERE account = ? AND kind > ?")?;
    loop {
        let name: Option<String> = statement.query_row(params![account, next], |row| row.get(0))?;
        let Some(name) = name.filter(|name| name.starts_with(&start)) else { return Ok(found) };
        found.push(name.clone());
        next = name;
    }
}

/// Moves keys that a mapping created before it named their space into that space, so that other mappings find them there.
pub(super) fn move_keys_into_space(db: &Connection, head: &RunHead) -> Result<(), StoreError> {
    let (own, keys) = (KeySpace::of(head), head.keys());
    if own.name.is_none() || head.action != Action::Create {
        return Ok(());
    }
    let runs: Vec<i64> = db
        .prepare("SELECT DISTINCT run FROM ledger WHERE account = ? AND kind = ? AND id IS NOT NULL")?
        .query_map(params![keys.account, keys.base], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    let mut same = Vec::new();
    for run in runs {
        if own.relation(&keys.origin(db, run)?.space, KeyUse::Make) == Relation::Same {
            same.push(run);
        }
    }
    db.execute(
        "UPDATE OR IGNORE ledger SET kind = ?1 WHERE account = ?2 AND kind = ?3 AND id IS NOT NULL
         AND run IN (SELECT value FROM json_each(?4))",
        params![head.ledger(), keys.account, keys.base, serde_json::to_string(&same)?],
    )?;
    Ok(())
}

impl Store {
    /// The ledger of a kind, and those of its key spaces.
    pub fn ledgers(&self, account: &AccountKey, base: &str) -> Result<Vec<String>, StoreError> {
        ledgers(&self.db, account, base)
    }

    /// The entry that a key means or may mean; see `Keys::find`.
    pub fn find_key(
        &self,
        keys: &Keys,
        key: (&str, &KeySpace, KeyUse),
        run: Option<i64>,
    ) -> Result<Option<LedgerEntry>, StoreError> {
        keys.find(&self.db, key, run)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn space(name: &str, mapping: &str, titles: Option<&str>) -> KeySpace {
        KeySpace {
            name: Some(name.to_owned()).filter(|name| !name.is_empty()),
            mapping: mapping.to_owned(),
            titles: titles.map(|title| vec![title.to_owned()]),
            lost: false,
        }
    }

    #[test]
    fn the_name_of_a_space_is_found_in_a_mapping() {
        for (text, name) in [
            ("version = 1\nkey-space = \"erp 1\" # so\n", Some("erp 1")),
            ("{\"version\": 1,\n  \"key-space\": \"erp\"}", Some("erp")),
            ("key-space='a'", Some("a")),
            ("# key-space = \"a\"\nkey = \"b\"", None),
            ("key-space = 5", None),
        ] {
            assert_eq!(name_in(text).as_deref(), name, "{text}");
        }
    }

    #[test]
    fn a_missing_mapping_may_have_been_renamed() {
        let (own, entry) = (space("erp", "a.toml", Some("Код")), space("", "b.toml", Some("Код")));
        assert_eq!(own.relation(&entry, KeyUse::Make), Relation::Other);
        assert_eq!(own.relation(&KeySpace { lost: true, ..entry }, KeyUse::Make), Relation::Unsure);
    }

    #[test]
    fn a_key_is_the_same_only_where_nothing_contradicts() {
        use Relation::{Other, OtherMapping, Same, Unsure};
        let own = [space("", "a.toml", Some("Код")), space("erp", "a.toml", Some("Код"))];
        // For keys to create without a space, and in one; for keys that refer without a space, and in one.
        for (what, entry, expected) in [
            ("the same mapping", space("", "a.toml", Some("код")), [Same, Same, Same, Same]),
            ("another mapping", space("", "b.toml", Some("Код")), [Unsure, Other, OtherMapping, Unsure]),
            ("other columns", space("", "a.toml", Some("Номер")), [Unsure, Other, Unsure, Unsure]),
            ("of version 0.1", space("", "a.toml", None), [Same, Same, Same, Same]),
            ("of another mapping in 0.1", space("", "b.toml", None), [Unsure, Other, OtherMapping, OtherMapping]),
            ("the same space", space("erp", "b.toml", Some("Номер")), [Unsure, Same, Unsure, Same]),
            ("another space", space("shop", "a.toml", Some("Номер")), [Unsure, Other, Unsure, Other]),
            ("the same mapping, with a space", space("erp", "a.toml", Some("Код")), [Same, Same, Same, Same]),
        ] {
            let uses = [KeyUse::Make, KeyUse::Refer];
            let found: Vec<Relation> =
                uses.iter().flat_map(|made| own.iter().map(|own| own.relation(&entry, *made))).collect();
            assert_eq!(found, expected, "{what}");
        }
    }
}
