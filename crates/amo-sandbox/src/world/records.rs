//! The records and tags of one table.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::{Map, Value};

use super::table::RecordTable;

/// The `request_id` that a record was created with: the API does not show it, tests may ask for it.
pub const SENT_AS: &str = "sent_as";
/// A robot has set the price of the lead, and nobody has since. [inferred]
pub const PRICED_BY_ROBOT: &str = "priced_by_robot";

/// A record as it is written: created at, updated at, its JSON.
#[derive(Debug, Clone)]
pub struct RecordBody {
    pub created_at: i64,
    pub updated_at: i64,
    pub json: Map<String, Value>,
}

#[derive(Debug)]
pub struct StoredRecord {
    pub created_at: i64,
    pub updated_at: i64,
    /// The time of arrival in Unix milliseconds, whatever `created_at` says.
    pub arrived_ms: i64,
    /// The catalog of an element; 0 for other records.
    pub container: u64,
    /// Put by `World::new` and not changed since, so that the log need not have it.
    pub(super) is_initial: bool,
    pub json: Box<str>,
}

/// Pipeline and stage of a lead.
#[derive(Debug, Clone, Copy, Deserialize)]
pub struct LeadPosition {
    pub pipeline_id: u64,
    pub status_id: u64,
}

/// The catalog of an element; 0 for other records.
pub(super) fn container(table: RecordTable, json: &str) -> u64 {
    #[derive(Deserialize)]
    struct InCatalog {
        #[serde(default)]
        catalog_id: u64,
    }
    match table {
        RecordTable::Elements => serde_json::from_str::<InCatalog>(json).map_or(0, |found| found.catalog_id),
        _ => 0,
    }
}

/// The records of one table, by id and by the time of the last change.
#[derive(Debug, Default)]
pub struct Records {
    by_id: BTreeMap<u64, StoredRecord>,
    by_updated: BTreeSet<(i64, u64)>,
    /// Records of a container, by that and by their own id.
    by_container: BTreeSet<(u64, u64)>,
}

impl Records {
    pub(super) const NONE: Records =
        Records { by_id: BTreeMap::new(), by_updated: BTreeSet::new(), by_container: BTreeSet::new() };

    pub fn get(&self, id: u64) -> Option<&StoredRecord> {
        self.by_id.get(&id)
    }

    pub fn count(&self) -> usize {
        self.by_id.len()
    }

    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (u64, &StoredRecord)> {
        self.by_id.iter().map(|(id, record)| (*id, record))
    }

    /// Ids above this one, ascending.
    pub fn after(&self, id: u64) -> impl Iterator<Item = u64> {
        self.by_id.range(id.saturating_add(1)..).map(|(id, _)| *id)
    }

    /// Ids by the time of the last change, then by id.
    pub fn by_updated(&self) -> impl DoubleEndedIterator<Item = u64> {
        self.by_updated.iter().map(|(_, id)| *id)
    }

    /// Ids of the records of a container, ascending.
    pub fn in_container(&self, container: u64) -> impl DoubleEndedIterator<Item = u64> {
        self.by_container.range((container, 0)..=(container, u64::MAX)).map(|(_, id)| *id)
    }

    pub(super) fn remove(&mut self, id: u64) {
        if let Some(old) = self.by_id.remove(&id) {
            self.by_updated.remove(&(old.updated_at, id));
            self.by_container.remove(&(old.container, id));
        }
    }

    pub(super) fn put(&mut self, id: u64, mut record: StoredRecord) {
        let updated_at = record.updated_at;
        if let Some(old) = self.by_id.get(&id) {
            record.arrived_ms = old.arrived_ms;
            self.by_updated.remove(&(old.updated_at, id));
            self.by_container.remove(&(old.container, id));
        }
        if record.container != 0 {
            self.by_container.insert((record.container, id));
        }
        self.by_id.insert(id, record);
        self.by_updated.insert((updated_at, id));
    }
}

#[derive(Debug, Default)]
pub struct Tags {
    names: BTreeMap<u64, Box<str>>,
    ids: BTreeMap<Box<str>, u64>,
    colors: BTreeMap<u64, Box<str>>,
}

impl Tags {
    pub(super) const NONE: Tags = Tags { names: BTreeMap::new(), ids: BTreeMap::new(), colors: BTreeMap::new() };

    pub(super) fn put(&mut self, id: u64, name: Box<str>, color: Option<Box<str>>) {
        self.names.insert(id, name.clone());
        self.ids.insert(name, id);
        self.colors.extend(color.map(|color| (id, color)));
    }

    pub fn color(&self, id: u64) -> Option<&str> {
        self.colors.get(&id).map(|color| &**color)
    }

    pub fn name(&self, id: u64) -> Option<&str> {
        self.names.get(&id).map(|n| &**n)
    }

    pub fn id(&self, name: &str) -> Option<u64> {
        self.ids.get(name).copied()
    }

    pub fn iter(&self) -> impl Iterator<Item = (u64, &str)> {
        self.names.iter().map(|(id, name)| (*id, &**name))
    }
}
