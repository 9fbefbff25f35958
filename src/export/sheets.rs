//! A workbook written row by row; its sheets are not kept in memory. Text is always written as text, so `=…` never
//! becomes a formula.

use super::cell::{CELL_MAX, Cell, Written};
use super::hidden::{Described, HiddenOut, Stamp};
use rust_xlsxwriter::{Color, Format, Workbook, XlsxError};
use std::path::Path;

/// Rows of a sheet of Excel, header included.
const SHEET_ROWS_MAX: u32 = 1_048_576;
const SHEET: &str = "Export";
const HEADER: Color = Color::RGB(0xDD_EB_F7);

pub struct Sheets {
    workbook: Workbook,
    titles: Vec<String>,
    /// Sheets so far, the last one's place in the workbook, and its rows.
    count: u32,
    sheet: usize,
    row: u32,
    rows_max: u32,
    cut: u64,
    hidden: Option<HiddenOut>,
    instant: Format,
    day: Format,
}

impl Sheets {
    pub fn new(titles: Vec<String>) -> Result<Sheets, XlsxError> {
        let mut sheets = Sheets {
            workbook: Workbook::new(),
            titles,
            count: 0,
            sheet: 0,
            row: 0,
            rows_max: SHEET_ROWS_MAX,
            cut: 0,
            hidden: None,
            instant: Format::new().set_num_format("yyyy-mm-dd hh:mm"),
            day: Format::new().set_num_format("yyyy-mm-dd"),
        };
        sheets.begin()?;
        Ok(sheets)
    }

    /// Lets the workbook keep what it needs to be imported again.
    pub fn hide(&mut self, stamp: &Stamp, columns: &[Described]) -> Result<(), XlsxError> {
        self.hidden = Some(HiddenOut::begin(&mut self.workbook, stamp, columns)?);
        Ok(())
    }

    fn begin(&mut self) -> Result<(), XlsxError> {
        self.count += 1;
        let name = if self.count == 1 { SHEET.to_owned() } else { format!("{SHEET} {}", self.count) };
        self.sheet = self.workbook.worksheets().len();
        let sheet = self.workbook.add_worksheet_with_constant_memory()?;
        sheet.set_name(name)?;
        sheet.set_freeze_panes(1, 0)?;
        sheet.autofilter(0, 0, SHEET_ROWS_MAX - 1, (self.titles.len() as u16).saturating_sub(1))?;
        let bold = Format::new().set_bold().set_background_color(HEADER);
        for (column, title) in (0_u16..).zip(&self.titles) {
            sheet.set_column_width(column, (title.chars().count() as f64 + 4.0).clamp(12.0, 40.0))?;
        }
        for (column, title) in (0_u16..).zip(&self.titles) {
            sheet.write_string_with_format(0, column, title, &bold)?;
        }
        self.row = 0;
        Ok(())
    }

    pub fn row(&mut self, cells: impl Iterator<Item = Cell>) -> Result<(), XlsxError> {
        if self.row + 1 >= self.rows_max {
            self.begin()?;
        }
        self.row += 1;
        let cells: Vec<Cell> = cells.collect();
        if let Some(hidden) = &mut self.hidden {
            hidden.row(&mut self.workbook, &cells)?;
        }
        let (row, instant, day) = (self.row, &self.instant, &self.day);
        let sheet = self.workbook.worksheet_from_index(self.sheet)?;
        for (column, cell) in (0_u16..).zip(cells) {
            let is_day = matches!(cell, Cell::Day(_));
            // Excel counts UTF-16 units.
            self.cut += u64::from(matches!(&cell, Cell::Text(text) if text.chars().nth(CELL_MAX).is_some()));
            match cell.written() {
                Written::Nothing => {}
                Written::Number(number, _) => {
                    sheet.write_number(row, column, number)?;
                }
                Written::Serial(days, _) => {
                    let format = if is_day { day } else { instant };
                    sheet.write_number_with_format(row, column, days, format)?;
                }
                Written::Text(text) => {
                    sheet.write_string(row, column, text)?;
                }
            }
        }
        Ok(())
    }

    /// How many texts had to be cut.
    pub fn save(mut self, path: &Path) -> Result<u64, XlsxError> {
        self.workbook.save(path)?;
        Ok(self.cut)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use calamine::Reader;

    #[test]
    fn a_long_table_goes_on_in_another_sheet() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.xlsx");
        let mut sheets = Sheets { rows_max: 3, ..Sheets::new(vec!["A".into()]).unwrap() };
        for n in 0..5 {
            sheets.row([Cell::Text(format!("={n}"))].into_iter()).unwrap();
        }
        sheets.row([Cell::Text("x".repeat(CELL_MAX + 1))].into_iter()).unwrap();
        assert_eq!(sheets.save(&path).unwrap(), 1);
        let mut book: calamine::Xlsx<_> = calamine::open_workbook(&path).unwrap();
        assert_eq!(book.sheet_names(), ["Export", "Export 2", "Export 3"]);
        let second = book.worksheet_range("Export 2").unwrap();
        let told: Vec<String> = second.rows().map(|row| row[0].to_string()).collect();
        assert_eq!(told, ["A", "=2", "=3"]);
    }
}
