//! What mapping returns: a record, or why there is none.

use crate::mapping::suspect::Suspicion;
use amo_model::Entity;
use rust_decimal::Decimal;
use sheet_source::problem::Problem;

/// What a row came to.
#[derive(Debug)]
pub enum Mapped {
    Record(Record),
    /// The mapping's `where` leaves it out; or, with a reason, it is no record by itself: the titles once more, a total.
    Skipped(Option<Problem>),
    /// A row of changes that says nothing but which record it means.
    Unchanged {
        key: Option<String>,
        id: u64,
    },
    /// Another run of the same source deals with it.
    Elsewhere,
    Rejected {
        key: Option<String>,
        problems: Vec<Problem>,
    },
}

/// One item of a request.
#[derive(Debug, Clone, Default)]
pub struct Record {
    /// Its first row.
    pub row: u32,
    pub key: Option<String>,
    /// The id in the CRM, for records that are changed or deleted and not made.
    pub id: Option<u64>,
    /// What it belongs to and goes out with: the customer of a purchase.
    pub parent: Option<u64>,
    /// The item's JSON, `request_id` included.
    pub body: Vec<u8>,
    /// What it is linked to after it is made or changed.
    pub links: Vec<Link>,
    /// What the lines of an invoice come to, for holding it against what comes back.
    pub total: Option<Decimal>,
    /// Values of lists that the account has and that go with this change, though nobody has said that this is meant.
    pub lost: u32,
    /// The account has linked it to another company, which stays beside that of the row.
    pub beside: bool,
}

/// A link of a record, for the link endpoint. [doc]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    pub to: Entity,
    pub id: u64,
    /// Of an element: where it stands, and how many.
    pub catalog: Option<u64>,
    pub quantity: Option<Decimal>,
    /// Of a contact: whether it is the main one.
    pub main: Option<bool>,
}

/// A record's name in its run: `r17`.
pub fn request_id(row: u32) -> String {
    format!("r{row}")
}

/// The row of a request id that came back.
pub fn row_of(request_id: &str) -> Option<u32> {
    request_id.strip_prefix('r')?.parse().ok()
}

/// What a row is to a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowRole {
    Taken,
    /// The mapping's `where` leaves it out, or the source says itself that it is none.
    LeftOut,
    /// It looks like none, or like a piece of one.
    Refused(Option<Suspicion>),
}

/// Why a record may not have all its rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lack {
    /// The row of this number stands below it and does not say where it belongs.
    Unsaid(u32),
    /// The row of this number belongs to it, and is rejected.
    Refused(u32),
}
