//! Collects the metadata of a sheet from its rows.

use super::row::OdsRow;
use crate::file::error::WorkbookError;
use crate::row::COLUMNS_MAX;
use crate::workbook::sheet::metadata::{
    Area, MERGED_MAX, SheetMetadata, TOO_MANY_LINKS, TOO_MANY_MERGED_CELLS, add_hidden_rows,
};
use std::collections::HashMap;

/// Memory for the addresses of all sheets, some 100 bytes each; a sheet that exceeds it gives no addresses.
const LINKS_BYTES_MAX: usize = 32 << 20;
const LINK_BYTES: usize = 72;

/// The remaining memory for the metadata of all sheets. All sheets are read at once, and a few bytes can repeat rows
/// of merged cells, so the sheets share the limits that one sheet has elsewhere.
pub struct MetadataBudget {
    areas: usize,
    link_bytes: usize,
}

impl Default for MetadataBudget {
    fn default() -> MetadataBudget {
        MetadataBudget { areas: MERGED_MAX, link_bytes: LINKS_BYTES_MAX }
    }
}

/// The metadata of a sheet, as far as there was space for it.
#[derive(Debug)]
pub struct TableMetadata {
    metadata: SheetMetadata,
    too_many_merged: bool,
    too_many_links: bool,
}

impl TableMetadata {
    /// The complete metadata, with `links` on request.
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
    /// True if there were too many merged cells.
    too_many_merged: bool,
    hidden: Vec<(u32, u32)>,
    links: HashMap<(u32, u32), String>,
    /// True if there were too many addresses.
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
        // Equal empty rows are the rest of the sheet.
        let rows = if row.is_filled() { row.first..=last } else { row.first..=row.first };
        for number in rows {
            if !(self.add_merged(row, number) | self.add_links(row, number)) {
                break;
            }
        }
    }

    /// Adds the merged cells of a row; false if there are none, or no space.
    fn add_merged(&mut self, row: &OdsRow, top: u32) -> bool {
        for merged in &row.merged {
            for left in merged.columns.clone() {
                let Some(areas) = self.budget.areas.checked_sub(1) else {
                    // Incomplete lists are not used.
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

    /// Adds the addresses of a row; false if there are none, or no space.
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
