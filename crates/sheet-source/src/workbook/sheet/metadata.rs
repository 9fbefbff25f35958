//! The metadata of a sheet: merged cells, hidden rows and link addresses. It is known before the first row, because
//! some of it decides whether a row is read.

use crate::file::error::WorkbookError;
use crate::file::layout::HiddenCount;
use std::collections::HashMap;

/// Rows and columns are counted from 0.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SheetMetadata {
    pub merged: Vec<Area>,
    /// First and last of the rows that are not shown, in order: hidden, filtered out or collapsed.
    pub hidden: Vec<(u32, u32)>,
    /// Link addresses by row and column; read on request.
    pub links: HashMap<(u32, u32), String>,
    /// Rows of totals below tables, as the workbook marks them.
    pub totals: Vec<u32>,
}

/// A rectangle of cells, with inclusive bounds.
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

impl SheetMetadata {
    /// How many rows from this one on are hidden.
    pub fn count_hidden_from(&self, row: u32) -> HiddenCount {
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

/// Adds hidden rows; rows come in order except in damaged files.
pub fn add_hidden_rows(hidden: &mut Vec<(u32, u32)>, first: u32, last: u32) {
    match hidden.last_mut() {
        Some((_, end)) if first <= end.saturating_add(1) && first >= *end => *end = last.max(*end),
        Some((_, end)) if first <= *end => {}
        _ => hidden.push((first, last)),
    }
}

/// The maximum of merged cells in a sheet; no program shows that many.
pub const MERGED_MAX: usize = 1 << 20;

pub const TOO_MANY_MERGED_CELLS: &str = "it has too many merged cells";

/// Adds a merged area, unless its bounds are reversed.
pub fn add_merged(merged: &mut Vec<Area>, area: Area) -> Result<(), WorkbookError> {
    if merged.len() >= MERGED_MAX {
        return Err(WorkbookError::damaged(TOO_MANY_MERGED_CELLS));
    }
    if area.top <= area.bottom && area.left <= area.right {
        merged.push(area);
    }
    Ok(())
}

pub const TOO_MANY_LINKS: &str = "it has too many links to hold in memory";

/// Collects link addresses within a memory limit.
pub struct LinkCollector {
    links: HashMap<(u32, u32), String>,
    room: usize,
    /// True if an address did not fit.
    full: bool,
}

impl Default for LinkCollector {
    fn default() -> LinkCollector {
        /// Excel takes 65,530 links per sheet; an address has one or two hundred bytes.
        const ROOM_BYTES: usize = 64 << 20;
        LinkCollector { links: HashMap::new(), room: ROOM_BYTES, full: false }
    }
}

impl LinkCollector {
    /// Adds the address for the cells of an area.
    pub fn add(&mut self, area: Area, address: &str) {
        const ENTRY_BYTES: usize = 64;
        /// A link over whole columns belongs to no value.
        const AREA_CELLS_MAX: u64 = 10_000;
        let side = |first: u32, last: u32| (u64::from(last) + 1).saturating_sub(first.into());
        let cells = side(area.top, area.bottom).saturating_mul(side(area.left, area.right));
        if cells > AREA_CELLS_MAX || address.is_empty() {
            return;
        }
        for row in area.top..=area.bottom {
            for column in area.left..=area.right {
                let Some(left) = self.room.checked_sub(address.len() + ENTRY_BYTES) else {
                    self.full = true;
                    return;
                };
                self.room = left;
                self.links.insert((row, column), address.to_owned());
            }
        }
    }

    /// The complete addresses by row and column, or an error: a missing address would read as an empty cell.
    pub fn into_links(self) -> Result<HashMap<(u32, u32), String>, WorkbookError> {
        if self.full { Err(WorkbookError::damaged(TOO_MANY_LINKS)) } else { Ok(self.links) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_limited_by_memory() {
        let area = |top, left, bottom, right| Area { top, left, bottom, right };
        let mut found = LinkCollector::default();
        found.add(area(5, 0, 4, 0), "a");
        found.add(area(0, 0, u32::MAX, u32::MAX), "a");
        found.add(area(0, 0, 0, 0), "");
        assert!(found.links.is_empty());
        found.add(area(1, 2, 2, 3), "a");
        assert_eq!(found.links.len(), 4);
        for row in 0..6 {
            found.add(area(row * 100, 0, row * 100 + 99, 99), &"a".repeat(1_000));
        }
        assert_eq!(found.into_links().map(|links| links.len()).ok(), Some(4 + 60_000 - 4));
        let mut found = LinkCollector::default();
        for row in 0..7 {
            found.add(area(row * 100, 0, row * 100 + 99, 99), &"a".repeat(1_000));
        }
        assert!(found.into_links().is_err(), "no part of them is given");
    }

    #[test]
    fn hidden_rows_are_stored_as_ranges() {
        let mut hidden = Vec::new();
        for (first, last) in [(3, 3), (4, 4), (5, 9), (20, 20), (7, 7)] {
            add_hidden_rows(&mut hidden, first, last);
        }
        assert_eq!(hidden, [(3, 9), (20, 20)]);
        let metadata = SheetMetadata { hidden, ..SheetMetadata::default() };
        let from = |row: u32| {
            let hidden = metadata.count_hidden_from(row);
            (hidden.rows, hidden.first)
        };
        assert_eq!([0, 5, 10, 21].map(from), [(8, 4), (6, 6), (1, 21), (0, 0)]);
        let seen: Vec<u32> = (0..30).filter(|row| metadata.is_hidden(*row)).collect();
        assert_eq!(seen, [3, 4, 5, 6, 7, 8, 9, 20]);
        assert!(!SheetMetadata::default().is_hidden(3));
    }
}
