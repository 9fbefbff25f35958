//! Building a workbook. How it is laid out is known with its last row: which columns are empty, and which format shows each
//! number of a column. So rows wait on the disk; they are laid out by what is known so far as well, and again where a later row
//! shows that this was wrong.

use super::arrange::{self, ColumnOrder, ColumnStats, RowLayout, SheetColumn};
use super::sheets::{CutTexts, SaveError, Sheets};
use super::spool::Spool;
use crate::export::shape::TableLayout;
use crate::export::table::cell::TableCell;
use crate::export::table::columns::Head;
use crate::export::table::dialect::Dialect;
use crate::export::table::exported_column::ExportedColumn;
use crate::export::table::hidden::Stamp;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

/// Number of rows from which on they are laid out before all are known. Fewer take no time.
const EARLY_MIN: u64 = 1_000;

/// A workbook whose rows are not complete.
pub struct WorkbookBuilder {
    place: PathBuf,
    file: File,
    spool: Spool,
    stats: Vec<ColumnStats>,
    heads: Vec<Head>,
    hidden: Option<(Stamp, Vec<ExportedColumn>)>,
    dialect: Dialect,
    /// True where the user has chosen the columns and their order.
    chosen: bool,
    /// All rows so far, by a layout that fits all of them.
    laid: Option<(RowLayout, Sheets)>,
    /// Number of rows laid out so far, those of former layouts counted.
    laid_rows: u64,
    /// Number of rows from which on they are laid out before all are known.
    early_min: u64,
}

impl WorkbookBuilder {
    /// A builder for `file` at `path`; the rows wait beside it.
    pub fn new(path: &Path, file: File, shape: &TableLayout) -> io::Result<WorkbookBuilder> {
        let heads = shape.heads();
        Ok(WorkbookBuilder {
            place: path.to_owned(),
            file,
            spool: Spool::beside(path, heads.len())?,
            stats: vec![ColumnStats::default(); heads.len()],
            heads,
            hidden: shape.hidden().map(|(stamp, columns)| (stamp.clone(), columns)),
            dialect: shape.dialect(),
            chosen: shape.is_chosen(),
            laid: None,
            laid_rows: 0,
            early_min: EARLY_MIN,
        })
    }

    /// Adds a row, and lays it out by the layout of the rows so far. Where it does not fit that, all rows are laid out again:
    /// at once, or later where that was done too often.
    pub fn push(&mut self, cells: Vec<TableCell>) -> io::Result<()> {
        let mut has_changed = false;
        self.stats.iter_mut().zip(&cells).for_each(|(stats, cell)| has_changed |= stats.note(cell));
        self.spool.push(&cells)?;
        if has_changed && self.laid.as_ref().is_some_and(|(layout, _)| *layout != self.layout()) {
            self.laid = None;
        }
        let rows = self.spool.rows();
        match &mut self.laid {
            Some((layout, sheets)) => {
                self.laid_rows += 1;
                sheets.row(arrange::in_order(cells, &layout.order.columns).into_iter())
            }
            None if rows >= self.early_min && self.laid_rows <= 2 * rows => self.lay(),
            None => Ok(()),
        }
    }

    fn layout(&self) -> RowLayout {
        arrange::layout(&self.stats, &self.heads, self.chosen)
    }

    /// Lays out all rows so far.
    fn lay(&mut self) -> io::Result<()> {
        let layout = self.layout();
        let ColumnOrder { columns, collapsed } = &layout.order;
        let laid = self.heads.iter().zip(&self.stats);
        let laid = laid.map(|(head, stats)| SheetColumn { head: head.clone(), stats: *stats });
        let laid = arrange::in_order(laid.collect(), columns);
        let mut sheets = Sheets::new(&self.place, laid, *collapsed, &self.dialect)?;
        if let Some((stamp, described)) = &self.hidden {
            let described: Vec<ExportedColumn> = columns.iter().map(|column| described[*column].clone()).collect();
            sheets.hide(stamp, &described)?;
        }
        self.spool.each(|cells| sheets.row(arrange::in_order(cells, columns).into_iter()))?;
        self.laid_rows += self.spool.rows();
        self.laid = Some((layout, sheets));
        Ok(())
    }

    /// Writes the workbook. The result are the texts that were cut.
    pub fn save(mut self) -> Result<CutTexts, SaveError> {
        if self.laid.is_none() {
            self.lay()?;
        }
        let Some((layout, mut sheets)) = self.laid else { return Ok(CutTexts::default()) };
        let width = |column: &usize| self.stats[*column].number_width(self.heads[*column].money);
        sheets.widen(layout.order.columns.iter().map(width));
        // Makes room on the disk.
        drop(self.spool);
        sheets.save(self.file)
    }
}

#[cfg(test)]
impl WorkbookBuilder {
    /// A builder that needs no layout of an account.
    pub fn of(
        path: &Path,
        heads: Vec<Head>,
        hidden: (Stamp, Vec<ExportedColumn>),
        chosen: bool,
    ) -> io::Result<WorkbookBuilder> {
        Ok(WorkbookBuilder {
            place: path.to_owned(),
            file: amo_client::private::create_anew(path)?,
            spool: Spool::beside(path, heads.len())?,
            stats: vec![ColumnStats::default(); heads.len()],
            heads,
            hidden: Some(hidden),
            dialect: Dialect::default(),
            chosen,
            laid: None,
            laid_rows: 0,
            early_min: EARLY_MIN,
        })
    }

    pub fn laid_from(self, rows: u64) -> WorkbookBuilder {
        WorkbookBuilder { early_min: rows, ..self }
    }
}
