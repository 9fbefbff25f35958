//! The world: records, tags, links, tokens. State, and how a commit changes it; no rules, no files, no clock.
//!
//! A record is stored as the text of its JSON, so that a million of them fit into memory; reads parse it.

pub mod attached;
pub mod auth;
mod commit;
mod records;
pub mod rights;
mod table;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::value::RawValue;

use crate::account::AccountState;
use crate::account::template::InitialState;
use crate::world::auth::WorldTokens;
pub use commit::{Commit, LinkPut, LinkRemoved, RecordPut, RecordRemoved, RecordTrashed, TagPut};
use records::container;
pub use records::{LeadPosition, PRICED_BY_ROBOT, RecordBody, Records, SENT_AS, StoredRecord, Tags};
pub use table::{IdSequence, RecordKey, RecordTable};

type LinkKey = (RecordTable, u64, RecordTable, u64);

#[derive(Debug)]
pub struct World {
    pub account: AccountState,
    /// The initial state, which a reset brings back.
    pub initial: Arc<InitialState>,
    /// A request has changed the account.
    account_changed: bool,
    pub seed: u64,
    pub auth: WorldTokens,
    tables: BTreeMap<RecordTable, Records>,
    tags: BTreeMap<RecordTable, Tags>,
    /// Each link is stored twice, once from either end.
    links: BTreeMap<LinkKey, Option<Box<str>>>,
    trash: BTreeMap<(RecordTable, u64), RecordTrashed>,
    next_ids: BTreeMap<IdSequence, u64>,
}

impl World {
    pub fn new(initial: Arc<InitialState>, seed: u64, auth: WorldTokens) -> World {
        let mut world = World {
            auth,
            account: initial.account.clone(),
            initial: initial.clone(),
            account_changed: false,
            seed,
            tables: RecordTable::ALL.into_iter().map(|s| (s, Records::default())).collect(),
            tags: RecordTable::ALL.into_iter().map(|s| (s, Tags::default())).collect(),
            links: BTreeMap::new(),
            trash: BTreeMap::new(),
            next_ids: BTreeMap::new(),
        };
        let elements = world.tables.entry(RecordTable::Elements).or_default();
        let at = world.account.created_at;
        for (id, json) in &initial.elements {
            let json: Box<str> = json.to_string().into();
            let container = container(RecordTable::Elements, &json);
            let arrived_ms = at.saturating_mul(1000);
            elements.put(
                *id,
                StoredRecord { created_at: at, updated_at: at, arrived_ms, container, is_initial: true, json },
            );
        }
        for (id, _) in &initial.elements {
            world.reserve_id(IdSequence::Elements, *id);
        }
        world
    }

    pub fn records(&self, table: RecordTable) -> &Records {
        static NONE: Records = Records::NONE;
        self.tables.get(&table).unwrap_or(&NONE)
    }

    pub fn tags(&self, table: RecordTable) -> &Tags {
        static NONE: Tags = Tags::NONE;
        self.tags.get(&table).unwrap_or(&NONE)
    }

    /// The records of `to` that are linked to a record, by id, with the metadata of each link.
    pub fn linked(&self, table: RecordTable, id: u64, to: RecordTable) -> impl Iterator<Item = (u64, Option<&str>)> {
        self.links
            .range((table, id, to, 0)..=(table, id, to, u64::MAX))
            .map(|((_, _, _, other), meta)| (*other, meta.as_deref()))
    }

    /// The records in the trash, by id.
    pub fn trash(&self, table: RecordTable) -> impl Iterator<Item = &RecordTrashed> {
        self.trash.range((table, 0)..=(table, u64::MAX)).map(|(_, trashed)| trashed)
    }

    pub fn trashed(&self, table: RecordTable, id: u64) -> Option<&RecordTrashed> {
        self.trash.get(&(table, id))
    }

    pub fn next_id(&self, sequence: IdSequence) -> u64 {
        self.next_ids.get(&sequence).copied().unwrap_or(sequence.first())
    }

    pub fn apply(&mut self, commit: Commit) {
        let arrived_ms = commit.at_ms();
        for RecordPut(table, id, created_at, updated_at, json) in commit.put {
            self.reserve_id(table.sequence(), id);
            let json: Box<str> = json.into();
            let container = container(table, &json);
            let record = StoredRecord { created_at, updated_at, arrived_ms, container, is_initial: false, json };
            self.tables.entry(table).or_default().put(id, record);
        }
        for TagPut(table, id, name, color) in commit.tag {
            self.reserve_id(IdSequence::Tags, id);
            self.tags.entry(table).or_default().put(id, name, color);
        }
        for LinkRemoved(from, id, to, other) in commit.cut {
            self.remove_link(from, id, to, other);
        }
        for LinkPut(from, id, to, other, meta) in commit.link {
            self.links.insert((from, id, to, other), meta.map(Into::into));
            self.links.entry((to, other, from, id)).or_default();
        }
        for RecordRemoved(table, id) in commit.gone {
            self.remove(table, id);
        }
        for trashed in commit.trash {
            self.remove(trashed.0, trashed.1);
            self.trash.insert((trashed.0, trashed.1), trashed);
        }
        if let Some(auth) = commit.auth {
            self.auth = auth;
        }
        if let Some(mut account) = commit.account {
            // No request changes these, and logs of earlier versions have those of the built-in account.
            account.id = self.account.id;
            account.subdomain.clone_from(&self.account.subdomain);
            self.account = *account;
            self.account_changed = true;
        }
    }

    fn remove(&mut self, table: RecordTable, id: u64) {
        let ends: Vec<LinkKey> = self
            .links
            .range((table, id, RecordTable::Leads, 0)..)
            .map(|(k, _)| *k)
            .take_while(|k| k.0 == table && k.1 == id)
            .collect();
        for (_, _, to, other) in ends {
            self.remove_link(table, id, to, other);
        }
        self.reserve_id(table.sequence(), id);
        self.tables.entry(table).or_default().remove(id);
    }

    fn remove_link(&mut self, from: RecordTable, id: u64, to: RecordTable, other: u64) {
        self.links.remove(&(from, id, to, other));
        self.links.remove(&(to, other, from, id));
    }

    fn reserve_id(&mut self, sequence: IdSequence, id: u64) {
        let next = self.next_ids.entry(sequence).or_insert(sequence.first());
        *next = (*next).max(id.saturating_add(IdSequence::STEP));
    }

    /// Initial records that were deleted, and the last id of each table, which must not be given again.
    fn removed_records(&self) -> Vec<RecordRemoved> {
        let shipped = self.initial.elements.iter().map(|(id, _)| (RecordTable::Elements, *id));
        let last =
            |table: RecordTable| Some((table, self.next_ids.get(&table.sequence())?.checked_sub(IdSequence::STEP)?));
        let exists = |table: RecordTable, id: u64| {
            RecordTable::ALL.into_iter().any(|s| s.sequence() == table.sequence() && self.records(s).get(id).is_some())
        };
        let all = shipped.chain(RecordTable::ALL.into_iter().filter_map(last));
        all.filter(|(table, id)| !exists(*table, *id)).map(|(table, id)| RecordRemoved(table, id)).collect()
    }

    /// The world as commits that restore it, about a thousand records each; compacts a log full of old versions.
    pub fn commits(&self) -> impl Iterator<Item = Commit> {
        const CHUNK: usize = 1000;
        let puts = self.tables.iter().flat_map(|(table, records)| {
            let all: Vec<u64> = records.iter().filter(|(_, r)| !r.is_initial).map(|(id, _)| id).collect();
            let chunks: Vec<Vec<u64>> = all.chunks(CHUNK).map(<[u64]>::to_vec).collect();
            chunks.into_iter().map(move |ids| Commit {
                put: ids
                    .into_iter()
                    .filter_map(|id| {
                        let r = records.get(id)?;
                        let json = RawValue::from_string(r.json.to_string()).ok()?;
                        Some(RecordPut(*table, id, r.created_at, r.updated_at, json))
                    })
                    .collect(),
                ..Commit::default()
            })
        });
        let tags = self.tags.iter().map(|(table, tags)| Commit {
            tag: tags
                .iter()
                .map(|(id, name)| TagPut(*table, id, name.into(), tags.color(id).map(Into::into)))
                .collect(),
            ..Commit::default()
        });
        let links = self.links.iter().map(|((from, id, to, other), meta)| {
            let meta = meta.as_deref().and_then(|m| RawValue::from_string(m.to_owned()).ok());
            LinkPut(*from, *id, *to, *other, meta)
        });
        let links = Chunked { inner: links, size: CHUNK }.map(|link| Commit { link, ..Commit::default() });
        let account = self.account_changed.then(|| Box::new(self.account.clone()));
        let auth = std::iter::once(Commit { auth: Some(self.auth.clone()), account, ..Commit::default() });
        let trash = self.trash.values().copied().collect();
        let gone = std::iter::once(Commit { gone: self.removed_records(), trash, ..Commit::default() });
        auth.chain(tags).chain(puts).chain(links).chain(gone).filter(|c| !c.is_empty())
    }
}

struct Chunked<I> {
    inner: I,
    size: usize,
}

impl<I: Iterator> Iterator for Chunked<I> {
    type Item = Vec<I::Item>;

    fn next(&mut self) -> Option<Vec<I::Item>> {
        let chunk: Vec<I::Item> = self.inner.by_ref().take(self.size).collect();
        (!chunk.is_empty()).then_some(chunk)
    }
}
