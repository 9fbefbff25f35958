//! Joins a header of two rows: a title merged over several columns, and the titles below it.

use crate::cell::Scalar;
use crate::cell::value;
use crate::row::header::TITLE_JOIN;
use crate::workbook::choose::SheetChoice;
use crate::workbook::sheet::RawCell;

/// A header of two rows while it is read.
pub struct TwoRowHeader {
    /// The upper row, counted from 0.
    pub row: u32,
    upper: Vec<(u32, String)>,
    lower: Vec<(u32, String)>,
    /// The columns that an upper title is merged over.
    spans: Vec<(u32, u32)>,
}

impl TwoRowHeader {
    pub fn new(choice: &SheetChoice) -> Option<TwoRowHeader> {
        let row = choice.header_row.checked_sub(1).filter(|_| choice.two_rows)?;
        let areas = choice.metadata.merged.iter().filter(|area| area.top == row && area.bottom == row);
        let spans = areas.map(|area| (area.left, area.right)).collect();
        Some(TwoRowHeader { row, upper: Vec::new(), lower: Vec::new(), spans })
    }

    /// Adds a cell; false for a cell below the header.
    pub fn add(&mut self, found: &RawCell<'_>, epoch_1904: bool) -> bool {
        if found.row > self.row + 1 {
            return false;
        }
        let mut text = String::new();
        let value = value::write(found.value, epoch_1904, &mut text);
        if !text.trim().is_empty() && value != Scalar::Uncomputed {
            let titles = if found.row == self.row { &mut self.upper } else { &mut self.lower };
            titles.push((found.column, text.trim().to_owned()));
        }
        true
    }

    /// The joined titles by column, in order.
    pub fn titles(&self) -> Vec<(u32, String)> {
        let mut columns: Vec<u32> = self.upper.iter().chain(&self.lower).map(|(column, _)| *column).collect();
        columns.sort_unstable();
        columns.dedup();
        let of = |titles: &[(u32, String)], column: u32| {
            titles.iter().find(|(at, _)| *at == column).map(|(_, title)| title.clone())
        };
        let joined = |column: u32| {
            let span = self.spans.iter().find(|(left, right)| (*left..=*right).contains(&column));
            let upper = of(&self.upper, span.map_or(column, |(left, _)| *left));
            let parts: Vec<String> = upper.into_iter().chain(of(&self.lower, column)).collect();
            (column, parts.join(TITLE_JOIN))
        };
        columns.into_iter().map(joined).collect()
    }
}
