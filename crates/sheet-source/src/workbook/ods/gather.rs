//! What a sheet says besides its cells, gathered from its rows.

use super::row::OdsRow;
use crate::file::error::WorkbookError;
use crate::row::COLUMNS_MAX;
use crate::workbook::sheet::facts::{Area, LINKS_TOO_MANY, MERGED_MAX, MERGED_WITHOUT_END, SheetFacts, hide};
use std::collections::HashMap;

/// What the addresses of all sheets may take, some 100 bytes each; a sheet with more gives none of them.
const LINKS_BYTES_MAX: usize = 32 << 20;
const LINK_BYTES: usize = 72;

/// What is left for the facts of all sheets. All are gathered at once, and rows of merged cells can be repeated in
/// a few bytes, so they share what elsewhere one sheet may have.
pub struct FactsBudget {
    areas: usize,
    link_bytes: usize,
}

impl Default for FactsBudget {
    fn default() -> FactsBudget {
        FactsBudget { areas: MERGED_MAX, link_bytes: LINKS_BYTES_MAX }
    }
}

/// What a sheet says besides its cells, as far as there was room for it.
#[derive(Debug)]
pub struct TableFacts {
    facts: SheetFacts,
    endless: bool,
    links_lost: bool,
}

impl TableFacts {
    /// All of it, with `links` where they are wanted.
    pub fn all(&self, links: bool) -> Result<SheetFacts, WorkbookError> {
        if self.endless {
            return Err(WorkbookError::damaged(MERGED_WITHOUT_END));
        }
        if links && self.links_lost {
            return Err(WorkbookError::damaged(LINKS_TOO_MANY));
        }
        let SheetFacts { merged, hidden, links: found, totals } = &self.facts;
        let links = if links { found.clone() } else { HashMap::new() };
        Ok(SheetFacts { merged: merged.clone(), hidden: hidden.clone(), links, totals: totals.clone() })
    }
}

pub struct FactsCollector<'g> {
    room: &'g mut FactsBudget,
    rows_max: u32,
    merged: Vec<Area>,
    /// There were more merged cells than there was room.
    endless: bool,
    hidden: Vec<(u32, u32)>,
    links: HashMap<(u32, u32), String>,
    /// There were more addresses than there was room.
    links_lost: bool,
}

impl<'g> FactsCollector<'g> {
    pub fn new(room: &'g mut FactsBudget, rows_max: u32) -> FactsCollector<'g> {
        let (merged, hidden, links) = (Vec::new(), Vec::new(), HashMap::new());
        FactsCollector { room, rows_max, merged, endless: false, hidden, links, links_lost: false }
    }

    pub fn row(&mut self, row: &OdsRow) {
        let last = row.first.saturating_add(row.repeat - 1).min(self.rows_max - 1);
        if row.first > last {
            return;
        }
        if row.hidden && row.is_filled() {
            hide(&mut self.hidden, row.first, last);
        }
        // Empty rows that are alike are the rest of the sheet.
        let rows = if row.is_filled() { row.first..=last } else { row.first..=row.first };
        for number in rows {
            if !(self.merge(row, number) | self.link(row, number)) {
                break;
            }
        }
    }

    /// Takes the merged cells of a row; false when there are none, or no room.
    fn merge(&mut self, row: &OdsRow, top: u32) -> bool {
        for merged in &row.merged {
            for left in merged.columns.clone() {
                let Some(areas) = self.room.areas.checked_sub(1) else {
                    // They would not be used.
                    (self.merged, self.endless) = (Vec::new(), true);
                    return false;
                };
                self.room.areas = areas;
                let bottom = top.saturating_add(merged.height - 1).min(self.rows_max - 1);
                let right = left.saturating_add(merged.width - 1).min(COLUMNS_MAX as u32 - 1);
                self.merged.push(Area { top, left, bottom, right });
            }
        }
        !row.merged.is_empty()
    }

    /// Takes the addresses of a row; false when there are none, or no room.
    fn link(&mut self, row: &OdsRow, number: u32) -> bool {
        for (columns, address) in &row.links {
            for column in columns.clone() {
                let Some(room) = self.room.link_bytes.checked_sub(LINK_BYTES + address.len()) else {
                    self.links_lost = true;
                    return false;
                };
                self.room.link_bytes = room;
                self.links.insert((number, column), address.clone());
            }
        }
        !row.links.is_empty()
    }

    pub fn facts(self) -> TableFacts {
        let FactsCollector { merged, hidden, links, endless, links_lost, .. } = self;
        TableFacts { facts: SheetFacts { merged, hidden, links, totals: Vec::new() }, endless, links_lost }
    }
}
