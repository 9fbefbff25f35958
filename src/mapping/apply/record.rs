//! The results of mapping: a record, or the reason why there is none.

use crate::mapping::suspect::Suspicion;
use amo_model::Entity;
use rust_decimal::Decimal;
use sheet_source::problem::Problem;

/// The result of mapping one row.
#[derive(Debug)]
pub enum Mapped {
    Record(Record),
    /// Skipped by `where`; or, with a problem, a repeated header, a total or a hidden row.
    Skipped(Option<Problem>),
    /// An update without changes.
    Unchanged {
        key: Option<String>,
        id: u64,
    },
    /// Another run of the same source handles the row.
    Elsewhere,
    Rejected {
        key: Option<String>,
        problems: Vec<Problem>,
    },
}

/// One item of a request.
#[derive(Debug, Clone, Default)]
pub struct Record {
    /// The number of the first row.
    pub row: u32,
    pub key: Option<String>,
    /// The id in the CRM, for updates and deletions.
    pub id: Option<u64>,
    /// The id of the parent in the URL: the customer of a transaction.
    pub parent: Option<u64>,
    /// The JSON of the item, including `request_id`.
    pub body: Vec<u8>,
    /// Links that are made after the record is created or updated.
    pub links: Vec<Link>,
    /// The computed sum of an invoice, to compare with the response.
    pub total: Option<Decimal>,
    /// The number of existing list values that this update replaces without `list = "replace"`.
    pub lost: u32,
    /// The account has another company linked, which stays.
    pub other_company: bool,
}

/// A link of a record, for the link endpoint. [doc]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    pub to: Entity,
    pub id: u64,
    /// The catalog of an element.
    pub catalog: Option<u64>,
    pub quantity: Option<Decimal>,
    /// For a contact: whether it is the main one.
    pub main: Option<bool>,
}

/// The digits of the highest row number.
const ROW_DIGITS: usize = 10;

/// The name of a record in its run: `r17`. Every row has one, and `format!` would take several times as long.
pub fn request_id(row: u32) -> String {
    let mut digits = [0; ROW_DIGITS];
    let (mut start, mut rest) = (ROW_DIGITS, row);
    loop {
        start -= 1;
        digits[start] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    let mut id = String::with_capacity(1 + ROW_DIGITS);
    id.push('r');
    id.extend(digits[start..].iter().copied().map(char::from));
    id
}

/// The row number of a request id in a response.
pub fn row_of(request_id: &str) -> Option<u32> {
    request_id.strip_prefix('r')?.parse().ok()
}

/// How a row is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowRole {
    Included,
    /// Skipped by `where`, or marked by the source as no record.
    Excluded,
    /// Probably no record, or only a piece of one.
    Rejected(Option<Suspicion>),
}

/// Why a group of rows may be incomplete.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IncompleteGroup {
    /// The row with this number is below the group and has no group of its own.
    Ungrouped(u32),
    /// The row with this number belongs to the group and is rejected.
    Rejected(u32),
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::{any, prop_assert_eq, proptest};

    proptest! {
        #[test]
        fn a_request_id_is_the_row_with_a_letter(row in any::<u32>(), digits in 0_u32..10) {
            for row in [row, row % 10_u32.pow(digits), 10_u32.pow(digits), u32::MAX, 0] {
                prop_assert_eq!(request_id(row), format!("r{row}"));
                prop_assert_eq!(row_of(&request_id(row)), Some(row));
            }
        }
    }
}
