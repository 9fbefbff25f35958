//! Cells that are merged over several rows: each of the rows has the value, as a person sees it. Of cells that are merged over
//! several columns, the first column has it.

use crate::cell::Scalar;
use crate::row::COLUMNS_MAX;
use crate::workbook::sheet::metadata::Area;

/// The areas that reach below the row they begin in, on their way down a sheet.
#[derive(Default)]
pub struct MergedCells {
    /// By their first row, the last one first.
    waiting: Vec<Area>,
    /// By their column.
    open: Vec<OpenArea>,
    /// Areas of which more than one row was given the value, and the first of them.
    pub filled: (u64, Option<Area>),
}

struct OpenArea {
    area: Area,
    text: String,
    value: Scalar,
    counted: bool,
}

/// What a cell of a merged area is.
pub enum MergePosition {
    /// None is merged here.
    Unmerged,
    /// The one that holds the value.
    First,
    /// One that the merged one covers: what stands in it is not shown.
    Covered,
}

impl MergedCells {
    /// Areas that begin below the header.
    pub fn new(areas: &[Area], first_row: u32) -> MergedCells {
        let mut waiting: Vec<Area> = areas.iter().copied().filter(|area| area.top >= first_row).collect();
        waiting.sort_unstable_by(|a, b| b.cmp(a));
        MergedCells { waiting, ..MergedCells::default() }
    }

    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty() && self.open.is_empty()
    }

    /// Before the first cell of a row: areas that end above are closed, those that begin here are opened. False where so many
    /// are open at once that some must lie over others.
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

    /// A cell of the sheet.
    pub fn position(&self, row: u32, column: u32) -> MergePosition {
        let over = |open: &&OpenArea| (open.area.left..=open.area.right).contains(&column);
        match self.open.iter().find(over) {
            None => MergePosition::Unmerged,
            Some(open) if (open.area.top, open.area.left) == (row, column) => MergePosition::First,
            Some(_) => MergePosition::Covered,
        }
    }

    /// The value of a first cell.
    pub fn set_value(&mut self, row: u32, column: u32, text: &str, value: Scalar) {
        let first = |open: &&mut OpenArea| (open.area.top, open.area.left) == (row, column);
        if let Some(open) = self.open.iter_mut().find(first) {
            (open.text, open.value) = (text.to_owned(), value);
        }
    }

    /// The values that a row below has from above, in the columns from `from` up to `to`.
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
