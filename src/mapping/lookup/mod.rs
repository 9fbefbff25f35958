//! Names to ids: what can be looked up (here), what it is looked up in (`book`, `ledger`), and what is remembered of it for one
//! run (`names`).

mod book;
mod ledger;
mod names;

pub use book::{Book, missed};
pub use ledger::{KEY_SPACE, KEY_SPACE_HINT, KeyQuery, Keyed, Ledger, from_ledger};
pub use names::Names;

use super::convert::Unfit;
use amo_model::Entity;
use amo_model::parts::Field;
use std::sync::Arc;

/// A name's id, or whether the account does not know it (as opposed to: knows it and cannot use it) and why.
pub type Resolved = Result<u64, (bool, Unfit)>;

/// A name that becomes an id; `cache` is its place among the mapper's caches.
#[derive(Debug, Clone)]
pub struct Lookup {
    pub what: LookupWhat,
    pub cache: usize,
}

#[derive(Debug, Clone, PartialEq)]
pub enum LookupWhat {
    Pipeline,
    /// In the record's pipeline; `anywhere` where an update names none.
    Stage {
        anywhere: bool,
    },
    LossReason,
    ActiveUser,
    UserOrRobot,
    /// An option of this custom field.
    Option(Arc<Field>),
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
    /// The key of something that an earlier import has made.
    Ledger {
        entity: Entity,
        catalog: Option<u64>,
        /// The titles of the columns in which the key stands, or of which it is made; a constant has none.
        titles: Option<Arc<[String]>>,
    },
}

/// How an element of a list is named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ElementBy {
    Article,
    Name,
    Either,
}
