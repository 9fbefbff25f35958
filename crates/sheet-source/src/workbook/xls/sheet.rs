//! The records of a sheet, read twice: first for an index, then for the cells in order.

use super::globals::Globals;
use super::links::read_link;
use super::records::{BEGIN, BiffRecord, BiffRecords, END, TEXT_TRUNCATED};
use crate::cell::value::CellValue;
use crate::file::bytes::{f64_at, u8_at, u16_at, u32_at};
use crate::file::error::WorkbookError;
use crate::workbook::biff::{decode_rk, error_name};
use crate::workbook::sheet::RawCell;
use crate::workbook::sheet::metadata::{Area, LinkCollector, SheetMetadata, add_hidden_rows, add_merged};
use std::ops::ControlFlow;

const NUMBER: u16 = 0x0203;
const LABEL: u16 = 0x0204;
const RICH_LABEL: u16 = 0x00D6;
const TRUTH_OR_ERROR: u16 = 0x0205;
const PACKED: u16 = 0x027E;
const SHARED_LABEL: u16 = 0x00FD;
const PACKED_ROW: u16 = 0x00BD;
const FORMULA: u16 = 0x0006;
const FORMULA_TEXT: u16 = 0x0207;
/// Shared formulas, array formulas and data tables come between a formula and its text.
const FORMULA_PARTS: [u16; 4] = [0x04BC, 0x0221, 0x0236, 0x003C];
const ROW: u16 = 0x0208;
const MERGED: u16 = 0x00E5;
const LINK: u16 = 0x01B8;
const UNCALCULATED: u16 = 0x005E;

/// The last two bytes of a result that is not a number. [MS-XLS 2.5.133]
const NO_NUMBER: u16 = 0xFFFF;
const BLANK: u8 = 3;

const CELL_TRUNCATED: &str = "a cell is cut short";

/// The records of a sheet without those of charts in it.
struct SheetRecords<'a> {
    records: BiffRecords<'a>,
    depth: u32,
}

impl<'a> SheetRecords<'a> {
    fn new(stream: &'a [u8], at: usize) -> Result<SheetRecords<'a>, WorkbookError> {
        let mut records = BiffRecords::new(stream, at);
        match records.peek() {
            Some(record) if record.kind == BEGIN => records.next()?,
            _ => return Err(WorkbookError::Missing),
        };
        Ok(SheetRecords { records, depth: 0 })
    }

    fn next(&mut self) -> Result<Option<BiffRecord<'a>>, WorkbookError> {
        loop {
            let record = self.records.next()?;
            match record.kind {
                BEGIN => self.depth += 1,
                END if self.depth == 0 => return Ok(None),
                END => self.depth -= 1,
                _ if self.depth == 0 => return Ok(Some(record)),
                _ => {}
            }
        }
    }
}

/// Row, first column and last column of the cells of a record; `None` for other records.
fn cell_range(record: &BiffRecord<'_>) -> Result<Option<(u16, u16, u16)>, WorkbookError> {
    let data = record.data;
    let truncated = || WorkbookError::damaged(CELL_TRUNCATED);
    let at = |at| u16_at(data, at).ok_or_else(truncated);
    match record.kind {
        NUMBER | LABEL | RICH_LABEL | TRUTH_OR_ERROR | PACKED | SHARED_LABEL | FORMULA => {
            Ok(Some((at(0)?, at(2)?, at(2)?)))
        }
        PACKED_ROW => {
            let (row, first, last) = (at(0)?, at(2)?, at(data.len().saturating_sub(2))?);
            // Row, first and last column, and six bytes per cell.
            match (usize::from(last) + 1).checked_sub(first.into()) {
                Some(cells) if data.len() == 6 + cells * 6 => Ok(Some((row, first, last))),
                _ => Err(truncated()),
            }
        }
        _ => Ok(None),
    }
}

/// What the first pass over a sheet finds.
pub struct SheetIndex {
    /// The metadata without link addresses.
    metadata: SheetMetadata,
    /// Offsets of the link records, which are read on request.
    links: Vec<usize>,
    /// False if the writer did not sort cells by row.
    pub in_order: bool,
    pub results: FormulaResults,
}

impl SheetIndex {
    /// The metadata of the sheet.
    pub fn metadata(&self, stream: &[u8], links: bool) -> Result<SheetMetadata, WorkbookError> {
        let mut found = LinkCollector::default();
        for at in self.links.iter().filter(|_| links) {
            if let Some(record) = BiffRecords::new(stream, *at).peek() {
                read_link(&record, &mut found);
            }
        }
        Ok(SheetMetadata { links: found.into_links()?, ..self.metadata.clone() })
    }
}

/// Which stored results of formulas are valid.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum FormulaResults {
    All,
    /// Not calculated: the writer stores blanks instead of results.
    NoBlanks,
    /// The sheet declares that it was not recalculated: a blank or zero is not a result.
    NoBlanksOrZeros,
}

pub fn index_sheet(globals: &Globals, stream: &[u8], at: usize) -> Result<SheetIndex, WorkbookError> {
    let mut records = SheetRecords::new(stream, at)?;
    let (mut merged, mut rows, mut links) = (Vec::new(), Vec::new(), Vec::new());
    // Rows are described before their cells; a hidden row only matters if it has content.
    let mut filled = vec![false; usize::from(u16::MAX) + 1];
    let (mut in_order, mut before) = (true, None);
    let (mut uncalculated, mut all_blank) = (false, true);
    while let Some(record) = records.next()? {
        match record.kind {
            ROW => rows.extend(hidden_row(record.data)),
            MERGED => merged_areas(record.data, &mut merged)?,
            LINK => links.push(record.at),
            UNCALCULATED => uncalculated = true,
            _ => {
                all_blank &= record.kind != FORMULA || is_blank(record.data);
                if let Some((row, first, last)) = cell_range(&record)? {
                    in_order &= before.is_none_or(|before| before < (row, first));
                    before = Some((row, last));
                    filled[usize::from(row)] = true;
                }
            }
        }
    }
    rows.retain(|row| filled[usize::from(*row)]);
    rows.sort_unstable();
    let mut hidden = Vec::new();
    rows.into_iter().for_each(|row| add_hidden_rows(&mut hidden, row.into(), row.into()));
    let metadata = SheetMetadata { merged, hidden, ..SheetMetadata::default() };
    let results = match globals.calculated {
        _ if uncalculated => FormulaResults::NoBlanksOrZeros,
        false if all_blank => FormulaResults::NoBlanks,
        _ => FormulaResults::All,
    };
    Ok(SheetIndex { metadata, links, in_order, results })
}

fn is_blank(formula: &[u8]) -> bool {
    u16_at(formula, 12) == Some(NO_NUMBER) && u8_at(formula, 6) == Some(BLANK)
}

fn hidden_row(row: &[u8]) -> Option<u16> {
    const HIDDEN: u16 = 0x20;
    (u16_at(row, 12)? & HIDDEN != 0).then_some(u16_at(row, 0)?)
}

fn merged_areas(data: &[u8], merged: &mut Vec<Area>) -> Result<(), WorkbookError> {
    let count = u16_at(data, 0).unwrap_or(0);
    for area in data.get(2..).unwrap_or_default().chunks_exact(8).take(count.into()) {
        let number = |at| u16_at(area, at).unwrap_or(0).into();
        add_merged(merged, Area { top: number(0), bottom: number(2), left: number(4), right: number(6) })?;
    }
    Ok(())
}

/// The cells of a sheet.
pub struct SheetCells<'a> {
    pub globals: &'a Globals,
    pub stream: &'a [u8],
    pub at: usize,
    pub results: FormulaResults,
}

/// Receives the cells.
type CellVisitor<'t> = &'t mut dyn FnMut(RawCell<'_>) -> ControlFlow<()>;

impl<'a> SheetCells<'a> {
    /// Passes the cells to `visit` in file order.
    pub fn visit(&self, visit: CellVisitor<'_>) -> Result<(), WorkbookError> {
        let mut records = SheetRecords::new(self.stream, self.at)?;
        while let Some(record) = records.next()? {
            let Some((row, first, last)) = cell_range(&record)? else { continue };
            for column in first..=last {
                if self.cell(&record, (row, first, column), visit)?.is_break() {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// Passes the cells to `visit` row by row. Of two cells in one position, the later one counts.
    pub fn visit_sorted(&self, visit: CellVisitor<'_>) -> Result<(), WorkbookError> {
        let mut records = SheetRecords::new(self.stream, self.at)?;
        let mut cells: Vec<(u16, u16, u32)> = Vec::new();
        while let Some(record) = records.next()? {
            let Some((row, first, last)) = cell_range(&record)? else { continue };
            let at = u32::try_from(record.at).map_err(|_| WorkbookError::damaged(""))?;
            cells.extend((first..=last).map(|column| (row, column, at)));
        }
        cells.sort_unstable();
        for (nth, (row, column, at)) in cells.iter().enumerate() {
            if cells.get(nth + 1).is_some_and(|(next_row, next, _)| (next_row, next) == (row, column)) {
                continue;
            }
            let record = BiffRecords::new(self.stream, *at as usize).next()?;
            let first = u16_at(record.data, 2).unwrap_or(*column);
            if self.cell(&record, (*row, first, *column), visit)?.is_break() {
                break;
            }
        }
        Ok(())
    }

    /// Passes on one cell of a record that begins in the column `first`.
    fn cell(
        &self,
        record: &BiffRecord<'a>,
        (row, first, column): (u16, u16, u16),
        visit: CellVisitor<'_>,
    ) -> Result<ControlFlow<()>, WorkbookError> {
        let data = record.data;
        let mut text = String::new();
        let value = match record.kind {
            NUMBER => f64_at(data, 6).map(|number| self.number(data, 4, number)),
            PACKED => u32_at(data, 6).map(|packed| self.number(data, 4, decode_rk(packed))),
            PACKED_ROW => {
                let at = 4 + usize::from(column - first) * 6;
                u32_at(data, at + 2).map(|packed| self.number(data, at, decode_rk(packed)))
            }
            SHARED_LABEL => {
                let index = u32_at(data, 6).ok_or_else(|| WorkbookError::damaged(CELL_TRUNCATED))?;
                let shared = self.globals.texts.get(index as usize);
                Some(CellValue::Text(shared.ok_or_else(|| WorkbookError::damaged("a cell refers to a missing text"))?))
            }
            LABEL | RICH_LABEL => {
                self.text(*record, 6, &mut text)?;
                Some(CellValue::Text(&text))
            }
            TRUTH_OR_ERROR => match (u8_at(data, 6), u8_at(data, 7)) {
                (Some(truth), Some(0)) => Some(CellValue::Bool(truth != 0)),
                (Some(code), Some(_)) => Some(CellValue::Error(error_name(code))),
                _ => None,
            },
            _ => Some(self.formula_result(record, &mut text)?),
        };
        let value = value.ok_or_else(|| WorkbookError::damaged(CELL_TRUNCATED))?;
        let formula = record.kind == FORMULA;
        Ok(visit(RawCell { row: row.into(), column: column.into(), value, formula }))
    }

    /// A number with the format of its style, whose number is at the offset `style`.
    fn number(&self, data: &[u8], style: usize, number: f64) -> CellValue<'_> {
        CellValue::number(number, self.globals.formats.get(u16_at(data, style).unwrap_or(0).into()))
    }

    /// The text of a record, with its length at `at`.
    fn text(&self, record: BiffRecord<'a>, at: usize, text: &mut String) -> Result<(), WorkbookError> {
        let mut records = BiffRecords::new(self.stream, record.at);
        records.next()?;
        let mut data_stream = records.continued(record, at);
        let length = data_stream.u16().ok_or_else(|| WorkbookError::damaged(TEXT_TRUNCATED))?;
        self.globals.encoding.read(&mut data_stream, length.into(), text)
    }

    /// The result of a formula. [MS-XLS 2.5.133]
    fn formula_result<'t>(
        &'t self,
        record: &BiffRecord<'a>,
        text: &'t mut String,
    ) -> Result<CellValue<'t>, WorkbookError> {
        let truncated = || WorkbookError::damaged(CELL_TRUNCATED);
        let data = record.data;
        if u16_at(data, 12).ok_or_else(truncated)? != NO_NUMBER {
            return match f64_at(data, 6).ok_or_else(truncated)? {
                0.0 if self.results == FormulaResults::NoBlanksOrZeros => Ok(CellValue::Uncomputed("")),
                number => Ok(self.number(data, 4, number)),
            };
        }
        let code = u8_at(data, 8).ok_or_else(truncated)?;
        match u8_at(data, 6).ok_or_else(truncated)? {
            0 => {
                let mut records = BiffRecords::new(self.stream, record.at);
                records.next()?;
                while records.peek().is_some_and(|next| FORMULA_PARTS.contains(&next.kind)) {
                    records.next()?;
                }
                match records.peek() {
                    Some(next) if next.kind == FORMULA_TEXT => {
                        self.text(next, 0, text)?;
                        Ok(CellValue::Text(text))
                    }
                    // The announced text is missing.
                    _ => Ok(CellValue::Uncomputed("")),
                }
            }
            1 => Ok(CellValue::Bool(code != 0)),
            2 => Ok(CellValue::Error(error_name(code))),
            BLANK if self.results != FormulaResults::All => Ok(CellValue::Uncomputed("")),
            BLANK => Ok(CellValue::Empty),
            _ => Err(truncated()),
        }
    }
}
