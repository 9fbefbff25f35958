//! What a sheet says besides its cells: which are merged, which rows are hidden, what stands behind a text. It is known before
//! the first row is given, because some of it decides whether a row is read at all.

use super::layout::HiddenCount;
use std::collections::HashMap;

/// Rows and columns are counted from 0.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SheetFacts {
    pub merged: Vec<Area>,
    /// First and last of the rows that are not shown, in order: hidden, filtered out, folded away.
    pub hidden: Vec<(u32, u32)>,
    /// Addresses behind the texts of cells, by row and column; looked for where they are wanted.
    pub links: HashMap<(u32, u32), String>,
    /// Rows of totals under tables, as the workbook calls them itself.
    pub totals: Vec<u32>,
}

/// A rectangle of cells, its first and last row and column within it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Area {
    pub top: u32,
    pub left: u32,
    pub bottom: u32,
    pub right: u32,
}

impl Area {
    pub fn of_cell(row: u32, column: u32) -> Area {
        Area { top: row, left: column, bottom: row, right: column }
    }
}

impl SheetFacts {
    /// How many of the rows from this one on are hidden, where that is known.
    pub fn hidden_from(&self, row: u32) -> HiddenCount {
        let hidden = &self.hidden;
        let rows = |(first, last): &(u32, u32)| last.saturating_add(1).saturating_sub(row.max(*first));
        let first = hidden.iter().find(|(_, last)| *last >= row).map_or(0, |(first, _)| row.max(*first) + 1);
        HiddenCount { rows: hidden.iter().map(rows).sum(), first }
    }

    pub fn is_hidden(&self, row: u32) -> bool {
        self.hidden
            .binary_search_by(|(first, last)| match row {
                row if row < *first => std::cmp::Ordering::Greater,
                row if row > *last => std::cmp::Ordering::Less,
                _ => std::cmp::Ordering::Equal,
            })
            .is_ok()
    }
}

/// Adds a row to those that are hidden; rows come in order, but in damaged files.
pub fn hide(hidden: &mut Vec<(u32, u32)>, first: u32, last: u32) {
    match hidden.last_mut() {
        Some((_, end)) if first <= end.saturating_add(1) && first >= *end => *end = last.max(*end),
        Some((_, end)) if first <= *end => {}
        _ => hidden.push((first, last)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hidden_rows_are_kept_as_stretches() {
        let mut hidden = Vec::new();
        for (first, last) in [(3, 3), (4, 4), (5, 9), (20, 20), (7, 7)] {
            hide(&mut hidden, first, last);
        }
        assert_eq!(hidden, [(3, 9), (20, 20)]);
        let facts = SheetFacts { hidden, ..SheetFacts::default() };
        let from = |row: u32| {
            let hidden = facts.hidden_from(row);
            (hidden.rows, hidden.first)
        };
        assert_eq!([0, 5, 10, 21].map(from), [(8, 4), (6, 6), (1, 21), (0, 0)]);
        let seen: Vec<u32> = (0..30).filter(|row| facts.is_hidden(*row)).collect();
        assert_eq!(seen, [3, 4, 5, 6, 7, 8, 9, 20]);
        assert!(!SheetFacts::default().is_hidden(3));
    }
}
