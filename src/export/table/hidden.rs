//! The hidden sheet of an exported workbook, with which it can be imported again. Excel does not offer to show it. It describes
//! the export and its columns, and has for each row the id, two hashes of its cells and one of each cell that can be sent.

use super::cell::TableCell;
use super::exported_column::{ColumnMeaning, ExportedColumn};
use super::hashes::{CellHashes, Hashes, hashes};
use amo_model::Kind;
use sheet_source::problem::Problem;
use sheet_source::{ColumnMatch, FileFormat, Header, ReadOptions, Row, Scalar, Table, truncate_marked};
use std::borrow::Borrow;
use std::path::Path;

const SHEET: &str = "amoport";
/// The version of the layout; a higher number was written by a newer amoport.
const FORMAT: &str = "1";

/// The description of an export.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stamp {
    pub kind: Kind,
    /// A name that only this export has.
    pub export: String,
    /// The address of the account, as in runs.
    pub account: String,
    /// Workbooks of earlier versions have none.
    pub account_id: Option<u64>,
    pub catalog: Option<u64>,
    /// The name of the catalog, for an import into another account.
    pub catalog_name: Option<String>,
    pub timezone: Option<String>,
    pub at: String,
}

/// Appends cells to a row as a reader of the workbook finds them.
pub fn as_read(cells: impl Iterator<Item: Borrow<TableCell>>, row: &mut Row) {
    for cell in cells {
        let cell = cell.borrow();
        match (cell, cell.as_number(), cell.as_serial()) {
            (TableCell::Empty, ..) => row.push("", Scalar::Empty),
            (TableCell::Text(text) | TableCell::Link(text), ..) => row.push_text(&truncate_marked(text)),
            (TableCell::Number(decimal), Some(number), _) => {
                row.push(&decimal.normalize().to_string(), Scalar::Number(number));
            }
            (TableCell::Instant(at), _, Some(days)) if at.time() != jiff::civil::Time::midnight() => {
                row.push(&at.strftime("%Y-%m-%dT%H:%M:%S").to_string(), Scalar::Serial(days));
            }
            (TableCell::Instant(at), _, Some(days)) => row.push(&at.date().to_string(), Scalar::Serial(days)),
            (TableCell::Day(day), _, Some(days)) => row.push(&day.to_string(), Scalar::Serial(days)),
            (TableCell::Number(_) | TableCell::Instant(_) | TableCell::Day(_), ..) => row.push_text(&cell.text()),
        }
    }
}

/// The first line of a hidden sheet.
pub const TOP: [&str; 2] = [SHEET, FORMAT];

/// The name of the hidden sheet of this number, from 1.
pub fn sheet_name(no: usize) -> String {
    if no == 1 { SHEET.to_owned() } else { format!("{SHEET} {no}") }
}

/// The lines that describe the export and its columns.
pub fn head(stamp: &Stamp, columns: &[ExportedColumn]) -> Vec<Vec<String>> {
    let text = |id: Option<u64>| id.map(|id| id.to_string()).unwrap_or_default();
    let line = |cells: &[&str]| cells.iter().map(|cell| (*cell).to_owned()).collect();
    let (account_id, catalog) = (text(stamp.account_id), text(stamp.catalog));
    let mut lines: Vec<Vec<String>> = [
        ["kind", stamp.kind.name()],
        ["export", &stamp.export],
        ["account", &stamp.account],
        ["account-id", &account_id],
        ["catalog", &catalog],
        ["catalog-name", stamp.catalog_name.as_deref().unwrap_or_default()],
        ["timezone", stamp.timezone.as_deref().unwrap_or_default()],
        ["at", &stamp.at],
    ]
    .iter()
    .map(|cells| line(cells))
    .collect();
    lines.extend(columns.iter().map(|column| {
        let writable = if column.writable { "writable" } else { "read-only" };
        match &column.meaning {
            ColumnMeaning::Own(path) => line(&["column", &column.title, writable, "own", path]),
            ColumnMeaning::Field { id, code } => {
                let (id, code) = (id.to_string(), code.as_deref().unwrap_or_default());
                line(&["column", &column.title, writable, "field", &id, code])
            }
            ColumnMeaning::Address => line(&["column", &column.title, writable, "address"]),
            ColumnMeaning::Other => line(&["column", &column.title, writable, "other"]),
        }
    }));
    lines
}

/// Makes the lines of rows.
pub struct HiddenLines {
    columns: Vec<ExportedColumn>,
    /// The index of the column with the ids.
    id: Option<usize>,
    buffer: Row,
}

impl HiddenLines {
    pub fn of(columns: &[ExportedColumn]) -> HiddenLines {
        let id = columns.iter().position(ExportedColumn::is_id);
        HiddenLines { columns: columns.to_vec(), id, buffer: Row::default() }
    }

    /// The line of a row of the table; `None` where it has no id.
    pub fn row(&mut self, cells: &[TableCell]) -> Option<[String; 5]> {
        let id = cells.get(self.id?)?.text();
        self.buffer.clear(0);
        as_read(cells.iter(), &mut self.buffer);
        let cells = || (0..self.columns.len()).map(|index| Some(self.buffer.get(index)));
        let Hashes { writable, others } = hashes(&self.columns, cells());
        let each = CellHashes::of(&self.columns, cells()).to_text();
        Some(["row".to_owned(), id, format!("{writable:016x}"), format!("{others:016x}"), each])
    }
}

/// The hidden sheet of a workbook that is imported. It takes 50 bytes a row, and five for each filled cell.
#[derive(Debug)]
pub struct HiddenSheet {
    pub stamp: Stamp,
    pub columns: Vec<ExportedColumn>,
    /// Sorted by id.
    rows: Vec<(u64, Hashes, Box<str>)>,
}

/// Why the hidden sheet cannot be read.
#[derive(Debug)]
pub enum HiddenSheetError {
    /// The workbook has none: no export wrote it, or it was removed.
    Plain,
    Newer,
    /// The rows are on several sheets.
    Split,
    Damaged(String),
    Unreadable(Problem),
}

impl HiddenSheet {
    /// The current index in the sheet of each exported column.
    pub fn places(&self, header: &Header) -> Vec<Option<usize>> {
        let place = |column: &ExportedColumn| match header.find(&column.title) {
            ColumnMatch::One(index) => Some(index),
            ColumnMatch::Many(_) | ColumnMatch::None => None,
        };
        self.columns.iter().map(place).collect()
    }

    /// Reads the hidden sheet of a workbook.
    pub fn read(path: &Path) -> Result<HiddenSheet, HiddenSheetError> {
        let options = ReadOptions { sheet: Some(SHEET.to_owned()), header_row: Some(1), ..ReadOptions::default() };
        let mut table = match Table::open(path, &options) {
            Ok(table) => table,
            Err(problem) if matches!(problem.code.as_ref(), "no-such-sheet" | "header-row" | "empty-file") => {
                return Err(HiddenSheetError::Plain);
            }
            Err(problem) => return Err(HiddenSheetError::Unreadable(problem)),
        };
        if table.layout.format == FileFormat::Csv || table.header.title(0) != SHEET {
            return Err(HiddenSheetError::Plain);
        }
        if table.header.title(1) != FORMAT {
            return Err(HiddenSheetError::Newer);
        }
        let second = format!("{SHEET} 2");
        if table.layout.sheets.iter().chain(&table.layout.hidden_sheets).any(|sheet| *sheet == second) {
            return Err(HiddenSheetError::Split);
        }
        let mut reader = HiddenSheetReader::default();
        let mut row = Row::default();
        while table.read(&mut row).map_err(HiddenSheetError::Unreadable)? {
            reader
                .line(&row)
                .ok_or_else(|| HiddenSheetError::Damaged(format!("row {} of its hidden sheet", row.number)))?;
        }
        reader.finish().ok_or_else(|| HiddenSheetError::Damaged("the head of its hidden sheet".to_owned()))
    }

    pub fn len(&self) -> usize {
        self.rows.len()
    }

    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The index of the row with an id, and its hashes.
    pub fn find(&self, id: u64) -> Option<(usize, Hashes)> {
        let index = self.rows.binary_search_by_key(&id, |(id, ..)| *id).ok()?;
        Some((index, self.rows[index].1))
    }

    /// The hashes of the exported cells of a row; `None` in workbooks of version 0.1, which have hashes of whole rows only.
    pub fn cells(&self, index: usize) -> Option<CellHashes> {
        let text = &self.rows.get(index)?.2;
        CellHashes::from_text(text).filter(|cells| cells.len() == self.columns.len())
    }

    pub fn ids(&self) -> impl Iterator<Item = u64> {
        self.rows.iter().map(|(id, ..)| *id)
    }
}

/// The parts of a hidden sheet, as they are read.
#[derive(Default)]
struct HiddenSheetReader {
    head: std::collections::HashMap<String, String>,
    columns: Vec<ExportedColumn>,
    rows: Vec<(u64, Hashes, Box<str>)>,
}

impl HiddenSheetReader {
    fn line(&mut self, row: &Row) -> Option<()> {
        let cell = |index: usize| row.get(index).text.trim();
        match cell(0) {
            "row" => {
                let hash = |index: usize| u64::from_str_radix(cell(index), 16).ok();
                self.rows.push((
                    cell(1).parse().ok()?,
                    Hashes { writable: hash(2)?, others: hash(3)? },
                    cell(4).into(),
                ));
            }
            "column" => {
                let meaning = match cell(3) {
                    "own" => ColumnMeaning::Own(cell(4).to_owned()),
                    "field" => ColumnMeaning::Field {
                        id: cell(4).parse().ok()?,
                        code: Some(cell(5).to_owned()).filter(|code| !code.is_empty()),
                    },
                    "address" => ColumnMeaning::Address,
                    _ => ColumnMeaning::Other,
                };
                let title = row.get(1).text.to_owned();
                self.columns.push(ExportedColumn { title, meaning, writable: cell(2) == "writable" });
            }
            word => {
                self.head.insert(word.to_owned(), cell(1).to_owned());
            }
        }
        Some(())
    }

    fn finish(mut self) -> Option<HiddenSheet> {
        let mut text = |word: &str| self.head.remove(word).filter(|text| !text.is_empty());
        let stamp = Stamp {
            kind: Kind::from_name(&text("kind")?)?,
            export: text("export")?,
            account: text("account")?,
            account_id: text("account-id").map(|id| id.parse()).transpose().ok()?,
            catalog: text("catalog").map(|id| id.parse()).transpose().ok()?,
            catalog_name: text("catalog-name"),
            timezone: text("timezone"),
            at: text("at").unwrap_or_default(),
        };
        self.rows.sort_unstable_by_key(|(id, ..)| *id);
        self.rows.dedup_by_key(|(id, ..)| *id);
        Some(HiddenSheet { stamp, columns: self.columns, rows: self.rows })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::export::file::arrange::SheetColumn;
    use crate::export::file::sheets::Sheets;
    use crate::export::table::columns::Head;
    use crate::export::table::dialect::Dialect;
    use amo_model::ID_KEY;
    use jiff::civil::date;
    use rust_decimal::Decimal;

    fn stamp() -> Stamp {
        Stamp {
            kind: Kind::Lead,
            export: "e1".into(),
            account: "https://example.amocrm.ru".into(),
            account_id: Some(31_415_926),
            catalog: None,
            catalog_name: None,
            timezone: Some("Europe/Moscow".into()),
            at: "2026-11-20T10:00:00Z".into(),
        }
    }

    fn columns() -> Vec<ExportedColumn> {
        let described = |title: &str, meaning, writable| ExportedColumn { title: title.into(), meaning, writable };
        vec![
            described("ID", ColumnMeaning::Own(ID_KEY.into()), true),
            described(" Поле\n\"x\"", ColumnMeaning::Field { id: 7, code: Some("SKU".into()) }, true),
            described("Ссылка", ColumnMeaning::Address, false),
        ]
    }

    /// The hash of a cell is the same when the workbook is read.
    #[test]
    fn every_cell_is_read_back_as_it_was_hashed() {
        let cells = [
            TableCell::Empty,
            TableCell::Text("=1+1".into()),
            TableCell::Text("  a\r\nb\tc \u{1}d _x0041_ <&> \u{a0}".into()),
            TableCell::Text("x".repeat(40_000)),
            TableCell::Text("\u{1F600}é".into()),
            TableCell::Text("00123".into()),
            TableCell::Number(Decimal::new(12_50, 2)),
            TableCell::Number(Decimal::new(-1, 7)),
            TableCell::Number(Decimal::new(999_999_999_999_999, 0)),
            TableCell::Number(Decimal::new(12_345_678_901_234_567, 3)),
            TableCell::Number(Decimal::new(100_000_000_000_001, 4)),
            TableCell::Instant(date(2026, 11, 20).at(10, 0, 7, 0)),
            TableCell::Instant(date(2026, 11, 20).at(0, 0, 0, 0)),
            TableCell::Day(date(1901, 1, 1)),
            TableCell::Day(date(1899, 5, 5)),
        ];
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.xlsx");
        let head = |title| SheetColumn { head: Head { title, ..Head::default() }, ..SheetColumn::default() };
        let titles = columns().into_iter().map(|column| head(column.title)).collect();
        let mut sheets = Sheets::new(&path, titles, 0, &Dialect::default()).unwrap();
        sheets.hide(&stamp(), &columns()).unwrap();
        for (n, cell) in (1..).zip(&cells) {
            let id = TableCell::Number(Decimal::from(1_000 - n));
            sheets.row([id, cell.clone(), TableCell::Text("link".into())].into_iter()).unwrap();
        }
        sheets.save(std::fs::File::create(&path).unwrap()).unwrap();

        let hidden = HiddenSheet::read(&path).unwrap();
        assert_eq!((&hidden.stamp, hidden.len()), (&stamp(), cells.len()));
        assert_eq!(hidden.columns[1].meaning, columns()[1].meaning);
        let mut table = Table::open(&path, &ReadOptions::default()).unwrap();
        assert_eq!(table.layout.sheet.as_deref(), Some("Export"));
        let mut row = Row::default();
        for cell in &cells {
            assert!(table.read(&mut row).unwrap());
            let id = row.get(0).text.parse().unwrap();
            let read = hashes(&columns(), (0..3).map(|index| Some(row.get(index))));
            let (index, exported) = hidden.find(id).unwrap();
            assert_eq!(exported, read, "{cell:?} read {:?}", row.get(1));
            let each = CellHashes::of(&columns(), (0..3).map(|index| Some(row.get(index))));
            assert_eq!(hidden.cells(index), Some(each), "{cell:?}");
        }
        assert!(hidden.find(5).is_none());
    }

    #[test]
    fn other_workbooks_have_no_hidden_sheet() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.xlsx");
        Sheets::new(&path, vec![SheetColumn::default()], 0, &Dialect::default())
            .unwrap()
            .save(std::fs::File::create(&path).unwrap())
            .unwrap();
        assert!(matches!(HiddenSheet::read(&path), Err(HiddenSheetError::Plain)));
        let path = folder.path().join("a.csv");
        std::fs::write(&path, "amoport,1\nrow,1\n").unwrap();
        assert!(matches!(HiddenSheet::read(&path), Err(HiddenSheetError::Plain)));
    }
}
