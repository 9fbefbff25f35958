//! What a sheet says besides its cells, gathered from its rows.

use super::row::OdsRow;
use crate::file::error::WorkbookError;
use crate::row::COLUMNS_MAX;
use crate::workbook::sheet::metadata::{
    Area, MERGED_MAX, SheetMetadata, TOO_MANY_LINKS, TOO_MANY_MERGED_CELLS, add_hidden_rows,
};
use std::collections::HashMap;

/// What the addresses of all sheets may take, some 100 bytes each; a sheet with more gives none of them.
const LINKS_BYTES_MAX: usize = 32 << 20;
const LINK_BYTES: usize = 72;

/// What is left for the facts of all sheets. All are gathered at once, and rows of merged cells can be repeated in
/// a few bytes, so they share what elsewhere one sheet may have.
pub struct MetadataBudget {
    areas: usize,
    link_bytes: usize,
}

impl Default for MetadataBudget {
    fn default() -> MetadataBudget {
        MetadataBudget { areas: MERGED_MAX, link_bytes: LINKS_BYTES_MAX }
    }
}

/// What a sheet says besides its cells, as far as there was room for it.
#[derive(Debug)]
pub struct TableMetadata {
    metadata: SheetMetadata,
    too_many_merged: bool,
    too_many_links: bool,
}

impl TableMetadata {
    /// All of it, with `links` where they are wanted.
    pub fn to_metadata(&self, links: bool) -> Result<SheetMetadata, WorkbookError> {
        if self.too_many_merged {
            return Err(WorkbookError::damaged(TOO_MANY_MERGED_CELLS));
        }
        if links && self.too_many_links {
            return Err(WorkbookError::damaged(TOO_MANY_LINKS));
        }
        let SheetMetadata { merged, hidden, links: found, totals } = &self.metadata;
        let links = if links { found.clone() } else { HashMap::new() };
        Ok(SheetMetadata { merged: merged.clone(), hidden: hidden.clone(), links, totals: totals.clone() })
    }
}

pub struct MetadataCollector<'g> {
    budget: &'g mut MetadataBudget,
    rows_max: u32,
    merged: Vec<Area>,
    /// There were more merged cells than there was room.
    too_many_merged: bool,
    hidden: Vec<(u32, u32)>,
    links: HashMap<(u32, u32), String>,
    /// There were more addresses than there was room.
    too_many_links: bool,
}

impl<'g> MetadataCollector<'g> {
    pub fn new(budget: &'g mut MetadataBudget, rows_max: u32) -> MetadataCollector<'g> {
        let (merged, hidden, links) = (Vec::new(), Vec::new(), HashMap::new());
        MetadataCollector { budget, rows_max, merged, too_many_merged: false, hidden, links, too_many_links: false }
    }

    pub fn add_row(&mut self, row: &OdsRow) {
        let last = row.first.saturating_add(row.repeat - 1).min(self.rows_max - 1);
        if row.first > last {
            return;
        }
        if row.hidden && row.is_filled() {
            add_hidden_rows(&mut self.hidden, row.first, last);
        }
        // Empty rows that are alike are the rest of the sheet.
        let rows = if row.is_filled() { row.first..=last } else { row.first..=row.first };
        for number in rows {
            if !(self.add_merged(row, number) | self.add_links(row, number)) {
                break;
            }
        }
    }

    /// Takes the merged cells of a row; false when there are none, or no room.
    fn add_merged(&mut self, row: &OdsRow, top: u32) -> bool {
        for merged in &row.merged {
            for left in merged.columns.clone() {
                let Some(areas) = self.budget.areas.checked_sub(1) else {
                    // They would not be used.
                    (self.merged, self.too_many_merged) = (Vec::new(), true);
                    return false;
                };
                self.budget.areas = areas;
                let bottom = top.saturating_add(merged.height - 1).min(self.rows_max - 1);
                let right = left.saturating_add(merged.width - 1).min(COLUMNS_MAX as u32 - 1);
                self.merged.push(Area { top, left, bottom, right });
            }
        }
        !row.merged.is_empty()
    }

    /// Takes the addresses of a row; false when there are none, or no room.
    fn add_links(&mut self, row: &OdsRow, number: u32) -> bool {
        for (columns, address) in &row.links {
            for column in columns.clone() {
                let Some(budget) = self.budget.link_bytes.checked_sub(LINK_BYTES + address.len()) else {
                    self.too_many_links = true;
                    return false;
                };
                self.budget.link_bytes = budget;
                self.links.insert((number, column), address.clone());
            }
        }
        !row.links.is_empty()
    }

    pub fn finish(self) -> TableMetadata {
        let MetadataCollector { merged, hidden, links, too_many_merged, too_many_links, .. } = self;
        TableMetadata {
            metadata: SheetMetadata { merged, hidden, links, totals: Vec::new() },
            too_many_merged,
            too_many_links,
        }
    }
}
