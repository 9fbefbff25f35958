//! Building a workbook: rows wait on the disk until all are known, and are arranged then.

use super::arrange::{self, ColumnOrder, ColumnStats, SheetColumn};
use super::sheets::{CutTexts, Sheets};
use super::spool::Spool;
use crate::export::shape::TableLayout;
use crate::export::table::cell::TableCell;
use crate::export::table::columns::Head;
use crate::export::table::dialect::Dialect;
use crate::export::table::exported_column::ExportedColumn;
use crate::export::table::hidden::Stamp;
use rust_xlsxwriter::XlsxError;
use std::fs::File;
use std::io;
use std::path::Path;

/// A workbook whose rows are not complete.
pub struct WorkbookBuilder {
    file: File,
    spool: Spool,
    stats: Vec<ColumnStats>,
    heads: Vec<Head>,
    hidden: Option<(Stamp, Vec<ExportedColumn>)>,
    dialect: Dialect,
    /// True where the user has chosen the columns and their order.
    chosen: bool,
}

/// Why a workbook cannot be built.
#[derive(Debug, thiserror::Error)]
pub enum GatherError {
    #[error(transparent)]
    Spool(#[from] io::Error),
    #[error(transparent)]
    Workbook(#[from] XlsxError),
}

impl WorkbookBuilder {
    /// A builder for `file` at `path`; the rows wait beside it.
    pub fn new(path: &Path, file: File, shape: &TableLayout) -> io::Result<WorkbookBuilder> {
        let heads = shape.heads();
        Ok(WorkbookBuilder {
            file,
            spool: Spool::beside(path, heads.len())?,
            stats: vec![ColumnStats::default(); heads.len()],
            heads,
            hidden: shape.hidden().map(|(stamp, columns)| (stamp.clone(), columns)),
            dialect: shape.dialect(),
            chosen: shape.is_chosen(),
        })
    }

    /// Adds a row.
    pub fn push(&mut self, cells: &[TableCell]) -> io::Result<()> {
        self.stats.iter_mut().zip(cells).for_each(|(stats, cell)| stats.note(cell));
        self.spool.push(cells)
    }

    /// Writes the workbook. The result are the texts that were cut.
    pub fn save(self) -> Result<CutTexts, GatherError> {
        let ColumnOrder { columns, collapsed } = arrange::order(&self.stats, self.chosen);
        let laid = self.heads.into_iter().zip(self.stats).map(|(head, stats)| SheetColumn { head, stats });
        let laid = arrange::in_order(laid.collect(), &columns);
        let mut sheets = Sheets::new(laid, collapsed, &self.dialect)?;
        if let Some((stamp, described)) = self.hidden {
            let described: Vec<ExportedColumn> = columns.iter().map(|column| described[*column].clone()).collect();
            sheets.hide(&stamp, &described)?;
        }
        self.spool.each(|cells| Ok::<_, GatherError>(sheets.row(arrange::in_order(cells, &columns).into_iter())?))?;
        Ok(sheets.save(self.file)?)
    }
}
