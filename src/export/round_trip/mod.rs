//! The way back of an exported workbook: the mapping that fits it (`generate`), and which of its rows say something new
//! (`decide`, cell by cell in `judge`) or are new (`fresh`), and what the account shows of those that were sent (`seen`).

mod decide;
mod fresh;
mod generate;
mod judge;
mod seen;

pub use decide::{Decided, Deciding, Trouble, decide};
pub use fresh::{Fresh, fresh};
pub use generate::{Generated, Purpose, generate, shown};
pub use judge::Sent;
pub use seen::seen;
