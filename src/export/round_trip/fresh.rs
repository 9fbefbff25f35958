//! Rows that were added to an exported workbook.

use crate::export::table::exported_column::{ColumnMeaning, ExportedColumn};
use crate::export::table::hashes::canonical;
use crate::export::table::hidden::HiddenSheet;
use sha2::{Digest, Sha256};
use sheet_source::problem::Problem;
use sheet_source::{Row, Table};

/// An added row: one without an id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddedRow {
    pub row: u32,
    /// A hash of its cells, by title.
    pub content: String,
    /// The id of an exported record with the same cells, where no row has that id.
    pub exported_id: Option<u64>,
    /// True where it has no name and no part of one, although the export has a column of names.
    pub nameless: bool,
    /// True where it has nothing but formulas.
    pub formulas: bool,
}

impl AddedRow {
    pub fn of(row: &Row, hidden: &HiddenSheet, positions: &[Option<usize>]) -> AddedRow {
        let position = |path: &str| {
            let is = |column: &ExportedColumn| matches!(&column.meaning, ColumnMeaning::Own(own) if own == path);
            hidden.columns.iter().position(is).and_then(|index| positions[index])
        };
        let empty = |path: &str| position(path).is_none_or(|at| row.get(at).is_empty());
        AddedRow {
            row: row.number,
            content: content(hidden, positions, row),
            exported_id: None,
            nameless: position("name").is_some() && ["name", "first_name", "last_name"].into_iter().all(empty),
            formulas: row.all_formulas,
        }
    }
}

/// The added rows of a table.
pub fn added_rows(mut table: Table, hidden: &HiddenSheet) -> Result<Vec<AddedRow>, Problem> {
    let positions = hidden.places(&table.header);
    let id = hidden.columns.iter().position(ExportedColumn::is_id).and_then(|index| positions[index]);
    let (mut added, mut row) = (Vec::new(), Row::default());
    while table.read(&mut row)? {
        if id.is_some_and(|id| row.get(id).is_empty()) {
            added.push(AddedRow::of(&row, hidden, &positions));
        }
    }
    Ok(added)
}

/// A hash of a row's exported cells, independent of other columns and of the order of columns in the sheet.
fn content(hidden: &HiddenSheet, positions: &[Option<usize>], row: &Row) -> String {
    let mut hasher = Sha256::new();
    for (column, position) in hidden.columns.iter().zip(positions) {
        let Some(text) = position.map(|at| canonical(row.get(at))).filter(|text| !text.is_empty()) else { continue };
        for part in [column.title.as_str(), &text] {
            hasher.update(part.as_bytes());
            hasher.update([0]);
        }
    }
    hasher.finalize().iter().take(12).map(|byte| format!("{byte:02x}")).collect()
}
