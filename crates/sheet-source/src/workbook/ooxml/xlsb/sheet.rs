//! The records of a sheet: its cells in file order, and its metadata.

use super::book::WorkbookGlobals;
use super::records::{PartRecords, read_text, truncated};
use crate::cell::value::CellValue;
use crate::file::bytes::{f64_at, u8_at, u32_at};
use crate::file::error::WorkbookError;
use crate::workbook::biff::{decode_rk, error_name};
use crate::workbook::ooxml::package::Relationship;
use crate::workbook::sheet::metadata::{Area, LinkCollector, SheetMetadata, add_hidden_rows, add_merged};
use crate::workbook::sheet::{CELL_OUT_OF_BOUNDS, RawCell};
use std::collections::HashMap;
use std::io::Read;
use std::ops::ControlFlow;

const ROW: u16 = 0;
const PACKED: u16 = 2;
const ERROR: u16 = 3;
const TRUTH: u16 = 4;
const NUMBER: u16 = 5;
const TEXT: u16 = 6;
const SHARED_TEXT: u16 = 7;
const FORMULA_TEXT: u16 = 8;
const FORMULA_NUMBER: u16 = 9;
const FORMULA_TRUTH: u16 = 10;
const FORMULA_ERROR: u16 = 11;
/// From here on cells have no column: they follow the cell before.
const SHORT_BLANK: u16 = 12;
const SHORT_PACKED: u16 = 13;
const SHORT_ERROR: u16 = 14;
const SHORT_TRUTH: u16 = 15;
const SHORT_NUMBER: u16 = 16;
const SHORT_TEXT: u16 = 17;
const SHORT_SHARED_TEXT: u16 = 18;
const RICH_TEXT: u16 = 62;
const CELLS_BEGIN: u16 = 145;
const CELLS_END: u16 = 146;
const MERGED: u16 = 176;
const LINK: u16 = 494;
const TABLE: u16 = 343;

const ROWS_MAX: u32 = 1 << 20;

/// The records of the metadata; cells only matter for the question whether a row has content.
fn is_metadata(kind: u16) -> bool {
    matches!(kind, ROW | MERGED | LINK | CELLS_END)
}

fn is_metadata_or_filled(kind: u16) -> bool {
    is_metadata(kind) || matches!(kind, PACKED..=FORMULA_ERROR | SHORT_PACKED..=SHORT_SHARED_TEXT | RICH_TEXT)
}

fn is_cell_record(kind: u16) -> bool {
    matches!(kind, ROW..=SHORT_SHARED_TEXT | RICH_TEXT | CELLS_BEGIN | CELLS_END)
}

/// Passes the cells of a sheet to `visit` in file order.
pub fn visit_cells<R: Read>(
    mut records: PartRecords<R>,
    globals: &WorkbookGlobals,
    visit: &mut dyn FnMut(RawCell<'_>) -> ControlFlow<()>,
) -> Result<(), WorkbookError> {
    let (mut row, mut column) = (None, None);
    let mut text = String::new();
    loop {
        let kind = records.next(is_cell_record)?.ok_or_else(truncated)?;
        let data = records.data.as_slice();
        match kind {
            CELLS_BEGIN => {}
            CELLS_END => return records.finish(),
            ROW => (row, column) = (Some(row_number(data)?), None),
            _ => {
                let row = row.ok_or_else(|| WorkbookError::damaged("a cell comes before the first row"))?;
                let at = if is_short(kind) { 0 } else { 4 };
                let own = match is_short(kind) {
                    true => column.map_or(0, |before: u32| before.saturating_add(1)),
                    false => u32_at(data, 0).ok_or_else(truncated)?,
                };
                column = Some(own);
                text.clear();
                let Some(value) = value(kind, &data[at.min(data.len())..], globals, &mut text)? else { continue };
                let formula = (FORMULA_TEXT..=FORMULA_ERROR).contains(&kind);
                if visit(RawCell { row, column: own, value, formula }).is_break() {
                    return Ok(());
                }
            }
        }
    }
}

fn is_short(kind: u16) -> bool {
    (SHORT_BLANK..=SHORT_SHARED_TEXT).contains(&kind)
}

fn row_number(data: &[u8]) -> Result<u32, WorkbookError> {
    match u32_at(data, 0).ok_or_else(truncated)? {
        row if row < ROWS_MAX => Ok(row),
        _ => Err(WorkbookError::damaged(CELL_OUT_OF_BOUNDS)),
    }
}

/// The value of a cell, which starts with its style; `None` for a blank cell.
fn value<'t>(
    kind: u16,
    cell: &[u8],
    globals: &'t WorkbookGlobals,
    text: &'t mut String,
) -> Result<Option<CellValue<'t>>, WorkbookError> {
    const STYLE: u32 = 0x00FF_FFFF;
    const AT: usize = 4;
    let number = |number: f64| -> Option<CellValue<'t>> {
        Some(CellValue::number(number, globals.formats.get((u32_at(cell, 0)? & STYLE) as usize)))
    };
    let value = match kind {
        PACKED | SHORT_PACKED => u32_at(cell, AT).and_then(|packed| number(decode_rk(packed))),
        NUMBER | SHORT_NUMBER | FORMULA_NUMBER => f64_at(cell, AT).and_then(number),
        ERROR | SHORT_ERROR | FORMULA_ERROR => u8_at(cell, AT).map(|code| CellValue::Error(error_name(code))),
        TRUTH | SHORT_TRUTH | FORMULA_TRUTH => u8_at(cell, AT).map(|truth| CellValue::Bool(truth != 0)),
        TEXT | SHORT_TEXT | FORMULA_TEXT => {
            read_text(cell, AT, text)?;
            Some(CellValue::Text(text))
        }
        RICH_TEXT => {
            read_text(cell, AT + 1, text)?;
            Some(CellValue::Text(text))
        }
        SHARED_TEXT | SHORT_SHARED_TEXT => {
            let index = u32_at(cell, AT).ok_or_else(truncated)?;
            let shared = globals.texts.get(index as usize);
            Some(CellValue::Text(shared.ok_or_else(|| WorkbookError::damaged("a cell refers to a missing text"))?))
        }
        _ => return Ok(None),
    };
    value.map(Some).ok_or_else(truncated)
}

/// The metadata of a sheet; `relationships` resolve its links, if `links` requests them.
pub fn read_metadata<R: Read>(
    mut records: PartRecords<R>,
    relationships: &[Relationship],
    links: bool,
) -> Result<SheetMetadata, WorkbookError> {
    let (mut merged, mut hidden) = (Vec::new(), Vec::new());
    let mut found = LinkCollector::default();
    let external = relationships.iter().filter(|one| links && one.external);
    let addresses: HashMap<&str, &str> = external.map(|one| (one.id.as_str(), one.target.as_str())).collect();
    let (mut ended, mut before) = (false, 0);
    // A hidden row without any cell so far.
    let mut hidden_row = None;
    while let Some(kind) = records.next(if hidden_row.is_some() { is_metadata_or_filled } else { is_metadata })? {
        let data = records.data.as_slice();
        match kind {
            CELLS_END => (ended, hidden_row) = (true, None),
            ROW if ended => {}
            ROW => {
                let row = row_number(data)?;
                if row < std::mem::replace(&mut before, row) {
                    return Err(WorkbookError::damaged("its rows are out of order"));
                }
                hidden_row = is_hidden(data).then_some(row);
            }
            MERGED => add_merged(&mut merged, area(data)?)?,
            LINK if addresses.is_empty() => {}
            LINK => {
                let mut id = String::new();
                read_text(data, 16, &mut id)?;
                if let Some(address) = addresses.get(id.as_str()) {
                    found.add(area(data)?, address);
                }
            }
            _ => {
                if let Some(row) = hidden_row.take() {
                    add_hidden_rows(&mut hidden, row, row);
                }
            }
        }
    }
    if !ended {
        return Err(truncated());
    }
    Ok(SheetMetadata { merged, hidden, links: found.into_links()?, ..SheetMetadata::default() })
}

fn is_hidden(row: &[u8]) -> bool {
    const HIDDEN: u8 = 0x10;
    u8_at(row, 11).is_some_and(|flags| flags & HIDDEN != 0)
}

fn area(data: &[u8]) -> Result<Area, WorkbookError> {
    let number = |at| u32_at(data, at).ok_or_else(truncated);
    Ok(Area { top: number(0)?, bottom: number(4)?, left: number(8)?, right: number(12)? })
}

/// The row of totals below a table, from the part of the table.
pub fn totals_row<R: Read>(mut records: PartRecords<R>) -> Result<Option<u32>, WorkbookError> {
    while records.next(|kind| kind == TABLE)?.is_some() {
        let data = records.data.as_slice();
        if u32_at(data, 28).is_some_and(|rows| rows > 0) {
            return Ok(Some(area(data)?.bottom));
        }
    }
    Ok(None)
}
