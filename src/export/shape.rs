//! The layout of a table: chosen columns, or those of a mapping that is applied backwards.

use super::inverse::InverseMapping;
use super::table::cell::{AccountNames, TableCell};
use super::table::columns::{Head, TableColumns};
use super::table::dialect::Dialect;
use super::table::exported_column::ExportedColumn;
use super::table::hidden::Stamp;
use super::table::linked::{LinkRequest, LinkedRow};
use amo_model::LinkKind;

/// The columns of a table, and where their values come from.
pub enum TableLayout {
    Columns(Box<TableColumns>),
    Mapping(Box<InverseMapping>),
}

impl From<TableColumns> for TableLayout {
    fn from(columns: TableColumns) -> TableLayout {
        TableLayout::Columns(Box::new(columns))
    }
}

impl TableLayout {
    pub fn titles(&self) -> Vec<String> {
        match self {
            TableLayout::Columns(columns) => columns.titles().map(str::to_owned).collect(),
            TableLayout::Mapping(mapping) => mapping.titles().map(str::to_owned).collect(),
        }
    }

    pub fn heads(&self) -> Vec<Head> {
        match self {
            TableLayout::Columns(columns) => columns.heads(),
            TableLayout::Mapping(_) => {
                self.titles().into_iter().map(|title| Head { title, ..Head::default() }).collect()
            }
        }
    }

    /// True where the user has chosen the columns and their order.
    pub fn is_chosen(&self) -> bool {
        match self {
            TableLayout::Columns(columns) => columns.is_chosen(),
            TableLayout::Mapping(_) => true,
        }
    }

    /// The content of the hidden sheet of a workbook; one with the columns of a mapping goes back by the mapping and has none.
    pub fn hidden(&self) -> Option<(&Stamp, Vec<ExportedColumn>)> {
        match self {
            TableLayout::Columns(columns) => columns.stamp().map(|stamp| (stamp, columns.described(stamp.kind))),
            TableLayout::Mapping(_) => None,
        }
    }

    pub fn links(&self) -> &[LinkKind] {
        match self {
            TableLayout::Columns(columns) => columns.links(),
            TableLayout::Mapping(mapping) => mapping.links(),
        }
    }

    /// The linked records to read with the items.
    pub fn link_requests(&self) -> Vec<LinkRequest> {
        match self {
            TableLayout::Columns(columns) => columns.link_requests(),
            TableLayout::Mapping(mapping) => mapping.links().iter().map(|link| LinkRequest::main(*link)).collect(),
        }
    }

    pub fn dialect(&self) -> Dialect {
        match self {
            TableLayout::Columns(columns) => columns.dialect().clone(),
            TableLayout::Mapping(mapping) => mapping.dialect().clone(),
        }
    }

    /// Fields of a row without a column; a mapping names the fields that it wants.
    pub fn unlisted(&self, row: &LinkedRow) -> Vec<u64> {
        match self {
            TableLayout::Columns(columns) => columns.unlisted(row).collect(),
            TableLayout::Mapping(_) => Vec::new(),
        }
    }

    /// The rows of the table for an item.
    pub fn rows(&mut self, row: &LinkedRow, names: &AccountNames) -> Vec<Vec<TableCell>> {
        match self {
            TableLayout::Columns(columns) => vec![columns.cells(row, names).collect()],
            TableLayout::Mapping(mapping) => mapping.rows(row),
        }
    }

    /// Values that the mapping has no column for, and values that could not be put into one.
    pub fn not_exported(&self) -> Vec<String> {
        match self {
            TableLayout::Columns(_) => Vec::new(),
            TableLayout::Mapping(mapping) => {
                let losses = mapping.losses().iter().map(|(what, times)| format!("{what} ({times} times)"));
                mapping.without_column().iter().cloned().chain(losses).collect()
            }
        }
    }
}
