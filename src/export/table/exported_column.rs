//! What the hidden sheet says of a column of the export.

/// What a column of the table is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportedColumn {
    pub title: String,
    pub is: ColumnMeaning,
    /// A change of its cells can be sent.
    pub writable: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ColumnMeaning {
    /// A value that every account has: the way to it, with dots.
    Own(String),
    Field {
        id: u64,
        code: Option<String>,
    },
    /// An address, kept as a formula: spreadsheets and libraries that save the workbook may leave out what it gave.
    Address,
    Other,
}

impl ExportedColumn {
    /// The id of the record itself.
    pub fn is_id(&self) -> bool {
        matches!(&self.is, ColumnMeaning::Own(path) if path == amo_model::ID_KEY)
    }

    /// Its cells can tell that a row was edited.
    pub fn is_compared(&self) -> bool {
        !self.is_id() && self.is != ColumnMeaning::Address
    }
}
