//! A workbook written row by row; its sheets are not kept in memory. Text is always written as text, so `=…` never
//! becomes a formula.

use super::cell::Cell;
use jiff::civil::{Date, DateTime};
use rust_decimal::prelude::ToPrimitive;
use rust_xlsxwriter::{Color, Format, Workbook, Worksheet, XlsxError};
use std::path::Path;

/// Rows of a sheet of Excel, header included.
const SHEET_ROWS_MAX: u32 = 1_048_576;
/// Characters of a cell of Excel.
const CELL_MAX: usize = 32_767;
/// Digits of a number that Excel keeps.
const DIGITS_MAX: usize = 15;
const SHEET: &str = "Export";
const HEADER: Color = Color::RGB(0xDD_EB_F7);
/// Excel's day 0, as it counts from March 1900 on; days before it counts wrongly.
const EPOCH: Date = Date::constant(1899, 12, 30);
const FIRST_YEAR: i16 = 1901;

pub struct Sheets {
    workbook: Workbook,
    titles: Vec<String>,
    /// Sheets so far, and rows of the last one.
    count: u32,
    row: u32,
    rows_max: u32,
    cut: u64,
    instant: Format,
    day: Format,
}

impl Sheets {
    pub fn new(titles: Vec<String>) -> Result<Sheets, XlsxError> {
        let mut sheets = Sheets {
            workbook: Workbook::new(),
            titles,
            count: 0,
            row: 0,
            rows_max: SHEET_ROWS_MAX,
            cut: 0,
            instant: Format::new().set_num_format("yyyy-mm-dd hh:mm"),
            day: Format::new().set_num_format("yyyy-mm-dd"),
        };
        sheets.begin()?;
        Ok(sheets)
    }

    fn begin(&mut self) -> Result<(), XlsxError> {
        self.count += 1;
        let name = if self.count == 1 { SHEET.to_owned() } else { format!("{SHEET} {}", self.count) };
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
        let (row, instant, day) = (self.row, &self.instant, &self.day);
        let sheet = self.workbook.worksheet_from_index(self.count as usize - 1)?;
        for (column, cell) in (0_u16..).zip(cells) {
            let text = match cell {
                Cell::Empty => continue,
                Cell::Instant(at) if at.year() >= FIRST_YEAR => {
                    sheet.write_number_with_format(row, column, serial(at), instant)?;
                    continue;
                }
                Cell::Day(date) if date.year() >= FIRST_YEAR => {
                    sheet.write_number_with_format(row, column, serial(date.into()), day)?;
                    continue;
                }
                Cell::Number(number) if number.mantissa().to_string().trim_start_matches('-').len() <= DIGITS_MAX => {
                    sheet.write_number(row, column, number.to_f64().unwrap_or(0.0))?;
                    continue;
                }
                other @ (Cell::Text(_) | Cell::Number(_) | Cell::Instant(_) | Cell::Day(_)) => other.text(),
            };
            self.cut += u64::from(write(sheet, row, column, &text)?);
        }
        Ok(())
    }

    /// How many texts had to be cut.
    pub fn save(mut self, path: &Path) -> Result<u64, XlsxError> {
        self.workbook.save(path)?;
        Ok(self.cut)
    }
}

/// Excel counts UTF-16 units; true where the text was too long.
fn write(sheet: &mut Worksheet, row: u32, column: u16, text: &str) -> Result<bool, XlsxError> {
    let kept = match text.char_indices().nth(CELL_MAX) {
        Some((end, _)) => &text[..end],
        None => text,
    };
    sheet.write_string(row, column, kept)?;
    Ok(kept.len() < text.len())
}

/// Days since Excel's epoch; the time is the fraction.
fn serial(at: DateTime) -> f64 {
    let days = at.date().since(EPOCH).map_or(0, |span| span.get_days());
    let seconds = i32::from(at.hour()) * 3_600 + i32::from(at.minute()) * 60 + i32::from(at.second());
    f64::from(days) + f64::from(seconds) / 86_400.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use calamine::Reader;
    use jiff::civil::date;

    #[test]
    fn days_are_counted_as_excel_counts_them() {
        for (at, expected) in [
            (date(2021, 1, 2).at(0, 0, 0, 0), 44_198.0),
            (date(2021, 1, 2).at(12, 0, 0, 0), 44_198.5),
            (date(1901, 1, 1).at(6, 0, 0, 0), 367.25),
        ] {
            assert_eq!(serial(at), expected, "{at}");
        }
    }

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
