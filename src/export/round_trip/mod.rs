//! Importing an edited export.
//!
//! - `generate` makes a mapping for the workbook.
//! - `scan` finds the rows that differ from the export, `fresh` looks at added ones.
//! - `records` reads the records of edited rows meanwhile.
//! - `decide` compares edited rows with the account, with the rule for a cell in `judge`; `refusals` are its messages.
//! - `seen` reads what the account shows of the rows that were sent.

mod decide;
mod fresh;
mod generate;
mod judge;
mod records;
mod refusals;
mod scan;
mod seen;

pub use decide::{DecideError, DecisionContext, Decisions, decide};
pub use fresh::{AddedRow, added_rows};
pub use generate::{Generated, Purpose, generate, names_wanted};
pub use judge::SentCells;
pub use records::EditedRecords;
pub use scan::{EditScan, ScanContext, SheetLayout};
pub use seen::read_sent;
