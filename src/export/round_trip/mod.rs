//! Importing an edited export.
//!
//! - `generate` makes a mapping for the workbook.
//! - `decide` finds edited rows, with the rule for a cell in `judge`; `fresh` finds added rows.
//! - `seen` reads what the account shows of the rows that were sent.

mod decide;
mod fresh;
mod generate;
mod judge;
mod seen;

pub use decide::{DecideError, DecisionContext, Decisions, decide};
pub use fresh::{AddedRow, added_rows};
pub use generate::{Generated, Purpose, generate, names_wanted};
pub use judge::SentCells;
pub use seen::read_sent;
