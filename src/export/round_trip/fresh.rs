//! Rows that were added to an exported workbook.

use crate::export::table::exported_column::{ColumnMeaning, ExportedColumn};
use crate::export::table::hashes::canonical;
use crate::export::table::hidden::Hidden;
use sha2::{Digest, Sha256};
use sheet_source::problem::Problem;
use sheet_source::{Row, Table};

/// A row without an id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fresh {
    pub row: u32,
    /// A hash of its cells, by title.
    pub content: String,
    /// A record that was exported with these very cells, and whose id stands in no row.
    pub lost: Option<u64>,
    /// It has no name and no part of one, where the export has a column of names.
    pub nameless: bool,
    /// It holds nothing but formulas.
    pub formulas: bool,
}

impl Fresh {
    pub fn of(row: &Row, hidden: &Hidden, places: &[Option<usize>]) -> Fresh {
        let place = |path: &str| {
            let is = |column: &ExportedColumn| matches!(&column.is, ColumnMeaning::Own(own) if own == path);
            hidden.columns.iter().position(is).and_then(|index| places[index])
        };
        let empty = |path: &str| place(path).is_none_or(|at| row.get(at).is_empty());
        Fresh {
            row: row.number,
            content: content(hidden, places, row),
            lost: None,
            nameless: place("name").is_some() && ["name", "first_name", "last_name"].into_iter().all(empty),
            formulas: row.all_formulas,
        }
    }
}

/// The rows without an id, and no more of the table.
pub fn fresh(mut table: Table, hidden: &Hidden) -> Result<Vec<Fresh>, Problem> {
    let places = hidden.places(&table.header);
    let id = hidden.columns.iter().position(ExportedColumn::is_id).and_then(|index| places[index]);
    let (mut fresh, mut row) = (Vec::new(), Row::default());
    while table.read(&mut row)? {
        if id.is_some_and(|id| row.get(id).is_empty()) {
            fresh.push(Fresh::of(&row, hidden, &places));
        }
    }
    Ok(fresh)
}

/// A hash of a row's cells, whatever their order, and whatever columns were added to them.
fn content(hidden: &Hidden, places: &[Option<usize>], row: &Row) -> String {
    let mut hasher = Sha256::new();
    for (column, place) in hidden.columns.iter().zip(places) {
        let Some(text) = place.map(|at| canonical(row.get(at))).filter(|text| !text.is_empty()) else { continue };
        for part in [column.title.as_str(), &text] {
            hasher.update(part.as_bytes());
            hasher.update([0]);
        }
    }
    hasher.finalize().iter().take(12).map(|byte| format!("{byte:02x}")).collect()
}
