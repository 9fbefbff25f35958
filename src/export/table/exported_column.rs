//! A column of an export, as the hidden sheet describes it.

/// A column of the exported table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportedColumn {
    pub title: String,
    pub meaning: ColumnMeaning,
    /// True where a change of its cells can be sent.
    pub writable: bool,
}

/// The meaning of a column for an import.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ColumnMeaning {
    /// A value that every account has: its path, with dots.
    Own(String),
    Field {
        id: u64,
        code: Option<String>,
    },
    /// An address, which is a formula: spreadsheets and libraries that save the workbook may drop its result.
    Address,
    Other,
}

impl ExportedColumn {
    /// True for the id of the record itself.
    pub fn is_id(&self) -> bool {
        matches!(&self.meaning, ColumnMeaning::Own(path) if path == amo_model::ID_KEY)
    }

    /// True where its cells are compared to find edited rows.
    pub fn is_compared(&self) -> bool {
        !self.is_id() && self.meaning != ColumnMeaning::Address
    }
}
