//! Cells merged over several rows: each row gets the value, as a person sees it. For cells merged over several
//! columns, the first column gets it.

use crate::cell::Scalar;
use crate::row::COLUMNS_MAX;
use crate::workbook::sheet::metadata::Area;

/// The merged areas of more than one row, while the rows of a sheet are read.
#[derive(Default)]
pub struct MergedCells {
    /// By first row, in descending order.
    waiting: Vec<Area>,
    /// By column.
    open: Vec<OpenArea>,
    /// How many areas gave their value to further rows, and the first of them.
    pub filled: (u64, Option<Area>),
}

struct OpenArea {
    area: Area,
    text: String,
    value: Scalar,
    counted: bool,
}

/// The position of a cell in a merged area.
pub enum MergePosition {
    /// The cell is not merged.
    Unmerged,
    /// The cell with the value.
    First,
    /// A covered cell, whose content is not shown.
    Covered,
}

impl MergedCells {
    /// Takes the areas that begin below the header.
    pub fn new(areas: &[Area], first_row: u32) -> MergedCells {
        let mut waiting: Vec<Area> = areas.iter().copied().filter(|area| area.top >= first_row).collect();
        waiting.sort_unstable_by(|a, b| b.cmp(a));
        MergedCells { waiting, ..MergedCells::default() }
    }

    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty() && self.open.is_empty()
    }

    /// Starts a row: closes the areas that end above it and opens those that begin in it. False if so many are open
    /// that some must overlap.
    pub fn start_row(&mut self, row: u32) -> bool {
        self.open.retain(|open| open.area.bottom >= row);
        while let Some(area) = self.waiting.pop_if(|area| area.top <= row) {
            if area.bottom >= row {
                self.open.push(OpenArea { area, text: String::new(), value: Scalar::Empty, counted: false });
            }
        }
        self.open.sort_unstable_by_key(|open| open.area.left);
        self.open.len() <= COLUMNS_MAX
    }

    /// The position of a cell in the open areas.
    pub fn position(&self, row: u32, column: u32) -> MergePosition {
        let over = |open: &&OpenArea| (open.area.left..=open.area.right).contains(&column);
        match self.open.iter().find(over) {
            None => MergePosition::Unmerged,
            Some(open) if (open.area.top, open.area.left) == (row, column) => MergePosition::First,
            Some(_) => MergePosition::Covered,
        }
    }

    /// Sets the value of an area from its first cell.
    pub fn set_value(&mut self, row: u32, column: u32, text: &str, value: Scalar) {
        let first = |open: &&mut OpenArea| (open.area.top, open.area.left) == (row, column);
        if let Some(open) = self.open.iter_mut().find(first) {
            (open.text, open.value) = (text.to_owned(), value);
        }
    }

    /// Passes the values of open areas above this row, for the given columns, to `give`.
    pub fn fill_row(&mut self, row: u32, columns: std::ops::Range<u32>, mut give: impl FnMut(u32, &str, Scalar)) {
        for open in &mut self.open {
            let below = open.area.top < row && open.value != Scalar::Empty;
            if below && columns.contains(&open.area.left) {
                if !open.counted {
                    open.counted = true;
                    self.filled.0 += 1;
                    self.filled.1.get_or_insert(open.area);
                }
                give(open.area.left, &open.text, open.value);
            }
        }
    }
}
