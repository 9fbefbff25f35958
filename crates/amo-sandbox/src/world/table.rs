//! Tables of records, and the sequences that their ids come from.

use serde::{Deserialize, Serialize};

use amo_model::{Entity, Owner};

/// A table of records. Another one is a line here and one in each `match`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RecordTable {
    Leads,
    Contacts,
    Companies,
    Customers,
    Transactions,
    /// Elements of all catalogs; `catalog_id` of a record says which.
    Elements,
    /// Linked to their owner.
    Notes,
    /// Linked to their owner, where they have one.
    Tasks,
}

impl RecordTable {
    pub const ALL: [RecordTable; 8] = [
        RecordTable::Leads,
        RecordTable::Contacts,
        RecordTable::Companies,
        RecordTable::Customers,
        RecordTable::Transactions,
        RecordTable::Elements,
        RecordTable::Notes,
        RecordTable::Tasks,
    ];

    /// `None` for tables that `amo-model` does not have.
    fn entity(self) -> Option<Entity> {
        match self {
            RecordTable::Leads => Some(Entity::Leads),
            RecordTable::Contacts => Some(Entity::Contacts),
            RecordTable::Companies => Some(Entity::Companies),
            RecordTable::Customers => Some(Entity::Customers),
            RecordTable::Transactions => Some(Entity::Transactions),
            RecordTable::Elements => Some(Entity::Elements),
            RecordTable::Notes | RecordTable::Tasks => None,
        }
    }

    /// The key of its lists, and for most its path.
    pub fn path(self) -> &'static str {
        match self.entity() {
            Some(entity) => entity.collection(),
            None if self == RecordTable::Notes => "notes",
            None => "tasks",
        }
    }

    /// Deleted records can be listed for a while.
    pub fn has_trash(self) -> bool {
        self.entity().is_some_and(|entity| entity.spec().trash)
    }

    /// The owner of the custom fields of its records; elements have those of their catalog, notes and tasks none.
    pub fn owner(self) -> Option<Owner> {
        self.entity().map(Owner::Entity)
    }

    /// Contacts and companies share a sequence: the complex example of the seed shows 19663157 for the contact and
    /// 19663155 for its company. [seed] Notes of all owners share one, too. [inferred]
    pub fn sequence(self) -> IdSequence {
        match self {
            RecordTable::Leads => IdSequence::Leads,
            RecordTable::Contacts | RecordTable::Companies => IdSequence::People,
            RecordTable::Customers => IdSequence::Customers,
            RecordTable::Transactions => IdSequence::Transactions,
            RecordTable::Elements => IdSequence::Elements,
            RecordTable::Notes => IdSequence::Notes,
            RecordTable::Tasks => IdSequence::Tasks,
        }
    }
}

/// A record: its table and id.
pub type RecordKey = (RecordTable, u64);

/// A sequence of ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum IdSequence {
    Leads,
    People,
    Customers,
    Transactions,
    Elements,
    Tags,
    Notes,
    Tasks,
}

impl IdSequence {
    /// Ids increase by two, as in the examples. [seed]
    pub const STEP: u64 = 2;

    pub fn first(self) -> u64 {
        match self {
            IdSequence::Leads => 10_000_001,
            IdSequence::People => 20_000_001,
            IdSequence::Customers => 1_000_001,
            IdSequence::Transactions => 3_000_001,
            IdSequence::Elements => 5_000_001,
            IdSequence::Tags => 200_001,
            IdSequence::Notes => 30_000_001,
            IdSequence::Tasks => 6_000_001,
        }
    }
}
