//! Decisions about the rows of an exported workbook, made before the first request: which rows have changes, and in
//! which columns. They are stored with the run, so that a resumed run sends the same.

use serde::{Deserialize, Serialize};
use sheet_source::problem::Message;
use std::collections::HashMap;

/// The decision about one row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Edit {
    /// The row equals the account.
    Same,
    /// Only these columns are sent.
    Change(Vec<usize>),
    /// The row creates a record with this key.
    New(String),
    /// An earlier import created the record.
    Made {
        key: String,
        id: u64,
    },
    Refused(Vec<Refusal>),
    /// The row has no id and only formulas: a total below the table.
    Total,
    /// Another run of the same source handles the row.
    Elsewhere,
    /// The row is treated like a row of any source.
    Plain,
}

/// Why a row is not sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    pub code: String,
    pub column: Option<usize>,
    pub value: Option<String>,
    pub message: Message,
    pub hint: Option<Message>,
}

/// The decisions by row number, and the one for all other rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edits {
    pub rows: HashMap<u32, Edit>,
    pub rest: Edit,
}

impl Edits {
    pub fn of(&self, row: u32) -> &Edit {
        self.rows.get(&row).unwrap_or(&self.rest)
    }
}
