//! A workbook whose rows are still coming: they wait on the disk, and are laid out when all are there.

use super::arrange::{self, Laid, Order, Seen};
use super::sheets::{Cut, Sheets};
use super::spool::Spool;
use crate::export::shape::Shape;
use crate::export::table::cell::Cell;
use crate::export::table::columns::Head;
use crate::export::table::dialect::Dialect;
use crate::export::table::exported_column::ExportedColumn;
use crate::export::table::hidden::Stamp;
use rust_xlsxwriter::XlsxError;
use std::fs::File;
use std::io;
use std::path::Path;

pub struct Gathered {
    file: File,
    spool: Spool,
    seen: Vec<Seen>,
    heads: Vec<Head>,
    hidden: Option<(Stamp, Vec<ExportedColumn>)>,
    dialect: Dialect,
    /// Somebody has said which columns there are, in which order.
    chosen: bool,
}

#[derive(Debug, thiserror::Error)]
pub enum GatherError {
    #[error(transparent)]
    Spool(#[from] io::Error),
    #[error(transparent)]
    Workbook(#[from] XlsxError),
}

impl Gathered {
    /// For `file`, which lies at `path`; rows wait beside it.
    pub fn new(path: &Path, file: File, shape: &Shape) -> io::Result<Gathered> {
        let heads = shape.heads();
        Ok(Gathered {
            file,
            spool: Spool::beside(path, heads.len())?,
            seen: vec![Seen::default(); heads.len()],
            heads,
            hidden: shape.hidden().map(|(stamp, columns)| (stamp.clone(), columns)),
            dialect: shape.dialect(),
            chosen: shape.is_chosen(),
        })
    }

    pub fn take(&mut self, cells: &[Cell]) -> io::Result<()> {
        self.seen.iter_mut().zip(cells).for_each(|(seen, cell)| seen.note(cell));
        self.spool.put(cells)
    }

    pub fn save(self) -> Result<Cut, GatherError> {
        let Order { columns, folded } = arrange::order(&self.seen, self.chosen);
        let laid = self.heads.into_iter().zip(self.seen).map(|(head, seen)| Laid { head, seen });
        let laid = arrange::arranged(laid.collect(), &columns);
        let mut sheets = Sheets::new(laid, folded, &self.dialect)?;
        if let Some((stamp, described)) = self.hidden {
            let described: Vec<ExportedColumn> = columns.iter().map(|column| described[*column].clone()).collect();
            sheets.hide(&stamp, &described)?;
        }
        self.spool.each(|cells| Ok::<_, GatherError>(sheets.row(arrange::arranged(cells, &columns).into_iter())?))?;
        Ok(sheets.save(self.file)?)
    }
}
