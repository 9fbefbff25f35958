//! The changes of one request before they are applied: reads see the world as it will be, and `into_commit` returns the
//! commit. Ids are given here and are not used where the changeset is dropped.

use std::collections::BTreeMap;

use serde_json::Value;
use serde_json::value::RawValue;

use crate::account::AccountState;
use crate::world::{
    Commit, IdSequence, LinkPut, LinkRemoved, RecordBody, RecordKey, RecordPut, RecordRemoved, RecordTable,
    RecordTrashed, TagPut, World, attached,
};

pub struct Changeset<'w> {
    pub world: &'w World,
    pub now: i64,
    drafts: BTreeMap<(RecordTable, u64), RecordBody>,
    tags: Vec<TagPut>,
    removed_links: Vec<LinkRemoved>,
    links: Vec<LinkPut>,
    removed: Vec<RecordRemoved>,
    trash: Vec<RecordTrashed>,
    account: Option<Box<AccountState>>,
    next_ids: BTreeMap<IdSequence, u64>,
}

impl<'w> Changeset<'w> {
    pub fn new(world: &'w World, now: i64) -> Changeset<'w> {
        Changeset {
            world,
            now,
            drafts: BTreeMap::new(),
            tags: Vec::new(),
            removed_links: Vec::new(),
            links: Vec::new(),
            removed: Vec::new(),
            trash: Vec::new(),
            account: None,
            next_ids: BTreeMap::new(),
        }
    }

    pub fn new_id(&mut self, sequence: IdSequence) -> u64 {
        let next = self.next_ids.entry(sequence).or_insert_with(|| self.world.next_id(sequence));
        let id = *next;
        *next = id.saturating_add(IdSequence::STEP);
        id
    }

    pub fn get(&self, table: RecordTable, id: u64) -> Option<RecordBody> {
        if let Some(draft) = self.drafts.get(&(table, id)) {
            return Some(draft.clone());
        }
        let record = self.world.records(table).get(id)?;
        let json = serde_json::from_str(&record.json).ok()?;
        Some(RecordBody { created_at: record.created_at, updated_at: record.updated_at, json })
    }

    pub fn put(&mut self, table: RecordTable, id: u64, draft: RecordBody) {
        self.drafts.insert((table, id), draft);
    }

    /// The id of a tag; a new tag where the name is unknown. [seed]
    pub fn tag_id(&mut self, table: RecordTable, name: &str) -> u64 {
        let made = self.tags.iter().find(|t| t.0 == table && *t.2 == *name).map(|t| t.1);
        if let Some(id) = self.world.tags(table).id(name).or(made) {
            return id;
        }
        let id = self.new_id(IdSequence::Tags);
        self.tags.push(TagPut(table, id, name.into(), None));
        id
    }

    /// The id and colour of a tag; an existing tag keeps its colour where none is given. [client]
    pub fn colored_tag(&mut self, table: RecordTable, name: &str, color: Option<String>) -> (u64, Option<String>) {
        let id = self.tag_id(table, name);
        let Some(color) = color else {
            let made = self.tags.iter().rev().find(|t| t.1 == id).and_then(|t| t.3.as_deref());
            return (id, made.or(self.world.tags(table).color(id)).map(str::to_owned));
        };
        self.tags.push(TagPut(table, id, name.into(), Some(color.as_str().into())));
        (id, Some(color))
    }

    /// The id of a tag, if it exists.
    pub fn tag_id_if_known(&self, table: RecordTable, name: &str) -> Option<u64> {
        let made = self.tags.iter().find(|t| t.0 == table && *t.2 == *name).map(|t| t.1);
        self.world.tags(table).id(name).or(made)
    }

    /// Links two records, or replaces the metadata of their link.
    pub fn link(&mut self, from: RecordKey, to: RecordKey, meta: Option<&Value>) {
        let meta = meta.and_then(|m| RawValue::from_string(m.to_string()).ok());
        self.links.push(LinkPut(from.0, from.1, to.0, to.1, meta));
    }

    /// Removes a link, whichever end it was made from.
    pub fn unlink(&mut self, from: RecordKey, to: RecordKey) {
        let is_same = |link: &LinkPut| {
            let ends = ((link.0, link.1), (link.2, link.3));
            ends == (from, to) || ends == (to, from)
        };
        self.links.retain(|link| !is_same(link));
        self.removed_links.push(LinkRemoved(from.0, from.1, to.0, to.1));
    }

    /// The records of `to` that will be linked to a record, with the metadata of each link.
    pub fn linked(&self, from: RecordTable, id: u64, to: RecordTable) -> Vec<(u64, Option<Value>)> {
        let parsed = |meta: &str| serde_json::from_str(meta).ok();
        let is_removed = |other: u64| {
            self.removed_links.contains(&LinkRemoved(from, id, to, other))
                || self.removed_links.contains(&LinkRemoved(to, other, from, id))
        };
        let stored = self.world.linked(from, id, to).filter(|(other, _)| !is_removed(*other));
        let mut all: BTreeMap<u64, Option<Value>> =
            stored.map(|(other, meta)| (other, meta.and_then(parsed))).collect();
        for LinkPut(a, a_id, b, b_id, meta) in &self.links {
            if (*a, *a_id, *b) == (from, id, to) {
                all.insert(*b_id, meta.as_ref().and_then(|m| parsed(m.get())));
            } else if (*b, *b_id, *a) == (from, id, to) {
                all.entry(*a_id).or_default();
            }
        }
        all.into_iter().collect()
    }

    /// Notes and tasks are deleted with their owner. [client live]
    fn remove_attached(&mut self, table: RecordTable, id: u64) {
        for kind in attached::KINDS {
            for (other, _) in self.linked(table, id, kind) {
                self.drafts.remove(&(kind, other));
                self.removed.push(RecordRemoved(kind, other));
            }
        }
    }

    /// Deletes a record and its links for good.
    pub fn remove(&mut self, table: RecordTable, id: u64) {
        self.remove_attached(table, id);
        self.drafts.remove(&(table, id));
        self.removed.push(RecordRemoved(table, id));
    }

    /// Moves a record to the trash.
    pub fn trash(&mut self, table: RecordTable, id: u64) {
        self.remove_attached(table, id);
        self.drafts.remove(&(table, id));
        self.trash.push(RecordTrashed(table, id, self.now, self.world.account.current_user));
    }

    /// The account after the changes so far.
    pub fn account(&self) -> &AccountState {
        self.account.as_deref().unwrap_or(&self.world.account)
    }

    pub fn account_mut(&mut self) -> &mut AccountState {
        self.account.get_or_insert_with(|| Box::new(self.world.account.clone()))
    }

    pub fn into_commit(self) -> Commit {
        let put = self.drafts.into_iter().filter_map(|((table, id), draft)| {
            // A map of strings and values is always valid JSON, so no record is dropped here.
            let json = RawValue::from_string(Value::Object(draft.json).to_string()).ok()?;
            Some(RecordPut(table, id, draft.created_at, draft.updated_at, json))
        });
        Commit {
            at: self.now,
            ms: 0,
            put: put.collect(),
            tag: self.tags,
            cut: self.removed_links,
            link: self.links,
            gone: self.removed,
            trash: self.trash,
            auth: None,
            account: self.account,
        }
    }
}
