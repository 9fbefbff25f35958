//! Resolves names to ids: the kinds of lookups (here), where they search (`book` for the account snapshot, `ledger` for
//! earlier imports), and the cache of a run (`names`).

mod book;
mod ledger;
mod names;

pub use book::{Resolver, describe_miss};
pub use ledger::{KEY_SPACE, KEY_SPACE_HINT, KeyQuery, Keyed, Ledger, from_ledger};
pub use names::NameCache;

use super::convert::ValueError;
use amo_model::Entity;
use amo_model::parts::CustomField;
use std::sync::Arc;

/// The id of a name. The error holds true if the name is unknown, false if it is known but cannot be used.
pub type Resolved = Result<u64, (bool, ValueError)>;

/// A lookup of names; `cache` is its index among the caches of the mapper.
#[derive(Debug, Clone)]
pub struct Lookup {
    pub kind: LookupKind,
    pub cache: usize,
}

#[derive(Debug, Clone, PartialEq)]
pub enum LookupKind {
    Pipeline,
    /// In the record's pipeline; `anywhere` if an update names none.
    Stage {
        anywhere: bool,
    },
    LossReason,
    ActiveUser,
    UserOrRobot,
    /// An option of this custom field.
    Option(Arc<CustomField>),
    Segment,
    CustomerStatus,
    Catalog,
    Customer,
    PriceField {
        catalog: u64,
    },
    Element {
        catalog: u64,
        by: ElementBy,
    },
    /// The key of a record that an earlier import created.
    Ledger {
        entity: Entity,
        catalog: Option<u64>,
        /// The titles of the key's columns; a constant has none.
        titles: Option<Arc<[String]>>,
    },
}

/// How an element of a catalog is referenced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ElementBy {
    Sku,
    Name,
    Either,
}
