//! What is to become of the rows of a workbook that an export wrote, decided before the first request: which of them say
//! something new, and in which columns. Kept with the run, so that a resumed one sends the very same.

use serde::{Deserialize, Serialize};
use sheet_source::problem::Message;
use std::collections::HashMap;

/// What is done with one row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Edit {
    /// It says what the account says.
    Same,
    /// These columns are sent, and no others.
    Change(Vec<usize>),
    /// It is made, under this key.
    New(String),
    /// An earlier import has made it.
    Made {
        key: String,
        id: u64,
    },
    Refused(Vec<Refusal>),
    /// It has no id and holds nothing but formulas: a sum under the table.
    Total,
    /// Another run of the same source deals with it.
    Elsewhere,
    /// As any row of any source.
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

/// The rows of which there is something to say, and what is true of all others.
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
