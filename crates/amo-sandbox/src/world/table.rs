//! Kinds of records, and the wells that their ids come from.

use serde::{Deserialize, Serialize};

use amo_model::{Entity, Owner};

/// A kind of record. One more is a line here and one in each `match`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shelf {
    Leads,
    Contacts,
    Companies,
    Customers,
    Transactions,
    /// Of all catalogs; a record says in `catalog_id` which one it stands in.
    Elements,
    /// Linked to the record that each is about.
    Notes,
    /// The same, where a task is about a record at all.
    Tasks,
}

impl Shelf {
    pub const ALL: [Shelf; 8] = [
        Shelf::Leads,
        Shelf::Contacts,
        Shelf::Companies,
        Shelf::Customers,
        Shelf::Transactions,
        Shelf::Elements,
        Shelf::Notes,
        Shelf::Tasks,
    ];

    /// `None` for what `entity` does not know.
    fn entity(self) -> Option<Entity> {
        match self {
            Shelf::Leads => Some(Entity::Leads),
            Shelf::Contacts => Some(Entity::Contacts),
            Shelf::Companies => Some(Entity::Companies),
            Shelf::Customers => Some(Entity::Customers),
            Shelf::Transactions => Some(Entity::Transactions),
            Shelf::Elements => Some(Entity::Elements),
            Shelf::Notes | Shelf::Tasks => None,
        }
    }

    /// The key of its lists, and of most the address.
    pub fn path(self) -> &'static str {
        match self.entity() {
            Some(entity) => entity.collection(),
            None if self == Shelf::Notes => "notes",
            None => "tasks",
        }
    }

    /// What is deleted can be listed for a while.
    pub fn has_trash(self) -> bool {
        self.entity().is_some_and(|entity| entity.spec().trash)
    }

    /// Whose custom fields its records carry; elements carry those of their catalog, notes and tasks none.
    pub fn owner(self) -> Option<Owner> {
        self.entity().map(Owner::Entity)
    }

    /// Contacts and companies draw their ids from one well: the complex example of the seed shows 19663157 for the
    /// contact and 19663155 for its company. [seed] Notes of all kinds of records have one, too. [inferred]
    pub fn sequence(self) -> Sequence {
        match self {
            Shelf::Leads => Sequence::Leads,
            Shelf::Contacts | Shelf::Companies => Sequence::People,
            Shelf::Customers => Sequence::Customers,
            Shelf::Transactions => Sequence::Transactions,
            Shelf::Elements => Sequence::Elements,
            Shelf::Notes => Sequence::Notes,
            Shelf::Tasks => Sequence::Tasks,
        }
    }
}

/// A record, as one end of a link.
pub type End = (Shelf, u64);

/// A well of ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Sequence {
    Leads,
    People,
    Customers,
    Transactions,
    Elements,
    Tags,
    Notes,
    Tasks,
}

impl Sequence {
    /// Ids grow by two, as in the examples. [seed]
    pub const STEP: u64 = 2;

    pub fn first(self) -> u64 {
        match self {
            Sequence::Leads => 10_000_001,
            Sequence::People => 20_000_001,
            Sequence::Customers => 1_000_001,
            Sequence::Transactions => 3_000_001,
            Sequence::Elements => 5_000_001,
            Sequence::Tags => 200_001,
            Sequence::Notes => 30_000_001,
            Sequence::Tasks => 6_000_001,
        }
    }
}
