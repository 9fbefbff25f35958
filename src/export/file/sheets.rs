//! A workbook written row by row; its sheets are not kept in memory. Text is always written as text, so `=…` never
//! becomes a formula.

use super::arrange::Laid;
use crate::export::table::cell::Cell;
use crate::export::table::columns::Head;
use crate::export::table::dialect::Dialect;
use crate::export::table::exported_column::ExportedColumn;
use crate::export::table::hidden::{HiddenOut, Stamp};
use crate::mapping::convert::text::with_apostrophe;
use rust_xlsxwriter::{Color, DataValidation, DataValidationErrorStyle, Format};
use rust_xlsxwriter::{Workbook, XlsxError};
use sheet_source::problem::{column_letter, quoted};
use sheet_source::{CELL_MAX, COMPRESSION, SHEET_ROWS_MAX, hyperlink_format, hyperlink_formula, truncate_marked};
use std::borrow::Cow;
use std::fs::File;

const SHEET: &str = "Export";
/// The hidden sheet with what the drop-down lists offer.
const CHOICES: &str = "Списки";
const HEADER: Color = Color::RGB(0xDD_EB_F7);
/// Of columns that cannot be sent back.
const READ_ONLY: (Color, Color) = (Color::RGB(0xD9_D9_D9), Color::RGB(0x59_59_59));
/// Behind texts that had to be cut.
const CUT: Color = Color::RGB(0xFF_C7_CE);
/// Of these, so many are named.
const CUT_NAMED_MAX: usize = 10;
/// In characters.
const WIDTHS: std::ops::RangeInclusive<usize> = 8..=50;
/// Rows that a column's width is taken from: what is widest further down may be cut on the screen.
const MEASURED: u32 = 500;
/// Columns from which on a table is wider than a screen.
const WIDE: usize = 4;

/// Texts that were longer than a cell may be.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cut {
    pub texts: u64,
    /// The first of them: sheet, cell and title.
    pub places: Vec<String>,
}

pub struct Sheets {
    workbook: Workbook,
    name: String,
    /// The row of the titles.
    top: u32,
    heads: Vec<Head>,
    /// The longest text of each column so far.
    widths: Vec<usize>,
    /// Sheets so far, the last one's place in the workbook, and its rows.
    count: u32,
    sheet: usize,
    row: u32,
    rows_max: u32,
    cut: Cut,
    hidden: Option<HiddenOut>,
    /// Of each column's numbers, where they have one, and of its dates.
    formats: Vec<(Option<Format>, Format)>,
    /// Columns at the end that nobody has filled.
    folded: usize,
    link: Format,
    marked: Format,
}

impl Sheets {
    /// The last `folded` of the columns are folded away.
    pub fn new(columns: Vec<Laid>, folded: usize, dialect: &Dialect) -> Result<Sheets, XlsxError> {
        let of_numbers = |laid: &Laid| Some(Format::new().set_num_format(laid.seen.number_format(laid.head.money)?));
        let of_dates = |laid: &Laid| Format::new().set_num_format(laid.seen.date_format());
        // Room for the arrow of the filter.
        let width = |laid: &Laid| (laid.head.title.chars().count() + 3).max(laid.seen.number_width(laid.head.money));
        let mut workbook = Workbook::new();
        workbook.set_zip_compression_level(COMPRESSION);
        let mut sheets = Sheets {
            workbook,
            name: dialect.sheet.clone().unwrap_or_else(|| SHEET.to_owned()),
            top: dialect.header_row - 1,
            formats: columns.iter().map(|laid| (of_numbers(laid), of_dates(laid))).collect(),
            folded,
            widths: columns.iter().map(width).collect(),
            heads: columns.into_iter().map(|laid| laid.head).collect(),
            count: 0,
            sheet: 0,
            row: 0,
            rows_max: SHEET_ROWS_MAX,
            cut: Cut::default(),
            hidden: None,
            link: hyperlink_format(),
            marked: Format::new().set_background_color(CUT),
        };
        sheets.begin()?;
        Ok(sheets)
    }

    /// Lets the workbook keep what it needs to be imported again.
    pub fn hide(&mut self, stamp: &Stamp, columns: &[ExportedColumn]) -> Result<(), XlsxError> {
        self.hidden = Some(HiddenOut::begin(&mut self.workbook, stamp, columns)?);
        Ok(())
    }

    /// What the present sheet is called.
    fn sheet_name(&self) -> String {
        if self.count == 1 { self.name.clone() } else { format!("{} {}", self.name, self.count) }
    }

    fn begin(&mut self) -> Result<(), XlsxError> {
        self.count += 1;
        let name = self.sheet_name();
        self.sheet = self.workbook.worksheets().len();
        let sheet = self.workbook.add_worksheet_with_constant_memory()?;
        sheet.set_name(name)?;
        // The id and the name stay in sight as well, where the table is wide.
        sheet.set_freeze_panes(self.top + 1, if self.heads.len() > WIDE { 2 } else { 0 })?;
        let bold = Format::new().set_bold().set_background_color(HEADER);
        let grey = Format::new().set_bold().set_background_color(READ_ONLY.0).set_font_color(READ_ONLY.1);
        for (column, head) in (0_u16..).zip(&self.heads) {
            let format = if head.read_only { &grey } else { &bold };
            sheet.write_string_with_format(self.top, column, &head.title, format)?;
            if head.read_only {
                sheet.add_data_validation(self.top, column, self.top, column, &read_only()?)?;
            }
        }
        for (column, (head, list)) in (0_u16..).zip(self.heads.iter().zip(lists(&self.heads))) {
            if let Some(list) = list {
                // Rows that are added below have it, too.
                sheet.add_data_validation(self.top + 1, column, SHEET_ROWS_MAX - 1, column, &choice(head, &list)?)?;
            }
        }
        self.row = self.top;
        Ok(())
    }

    /// What can be said of a sheet only when its rows are there.
    fn end(&mut self) -> Result<(), XlsxError> {
        let (top, row, widths) = (self.top, self.row, &self.widths);
        let sheet = self.workbook.worksheet_from_index(self.sheet)?;
        sheet.autofilter(top, 0, row, (widths.len() as u16).saturating_sub(1))?;
        for (column, width) in (0_u16..).zip(widths) {
            sheet.set_column_width(column, (*width).clamp(*WIDTHS.start(), *WIDTHS.end()) as f64 + 1.0)?;
        }
        let columns = widths.len() as u16;
        if let Some(first) = (self.folded > 0).then(|| columns.saturating_sub(self.folded as u16)) {
            sheet.group_columns_collapsed(first, columns - 1)?;
        }
        Ok(())
    }

    pub fn row(&mut self, cells: impl Iterator<Item = Cell>) -> Result<(), XlsxError> {
        if self.row + 1 >= self.rows_max {
            self.end()?;
            self.begin()?;
        }
        self.row += 1;
        let cells: Vec<Cell> = cells.map(marked).collect();
        if let Some(hidden) = &mut self.hidden {
            hidden.row(&mut self.workbook, &cells)?;
        }
        let (row, mut cut) = (self.row, Vec::new());
        let sheet = self.workbook.worksheet_from_index(self.sheet)?;
        for (((column, cell), formats), width) in (0_u16..).zip(cells).zip(&self.formats).zip(&mut self.widths) {
            if row <= MEASURED {
                *width = (*width).max(longest_line(&cell));
            }
            if let Cell::Link(address) = &cell
                && let Some(formula) = hyperlink_formula(address)
            {
                sheet.write_formula_with_format(row, column, formula, &self.link)?;
                continue;
            }
            // A format of the whole column would be that of cells to come, too: 2025 would be a day, 99.90 would be 100.
            match (cell.as_number(), cell.as_serial()) {
                (Some(number), _) => {
                    match &formats.0 {
                        Some(format) => sheet.write_number_with_format(row, column, number, format)?,
                        None => sheet.write_number(row, column, number)?,
                    };
                }
                (None, Some(days)) => {
                    sheet.write_number_with_format(row, column, days, &formats.1)?;
                }
                (None, None) if cell == Cell::Empty => {}
                (None, None) => {
                    let text = cell.into_text();
                    match truncate_marked(&text) {
                        Cow::Borrowed(whole) => sheet.write_string(row, column, whole)?,
                        Cow::Owned(kept) => {
                            cut.push(column);
                            sheet.write_string_with_format(row, column, kept, &self.marked)?
                        }
                    };
                }
            }
        }
        cut.into_iter().for_each(|column| self.note_cut(column));
        Ok(())
    }

    /// Notes that the text in this column of the present row was cut.
    fn note_cut(&mut self, column: u16) {
        self.cut.texts += 1;
        if self.cut.places.len() < CUT_NAMED_MAX {
            let (sheet, column) = (self.sheet_name(), usize::from(column));
            let title = quoted(&self.heads[column].title);
            self.cut.places.push(format!("{sheet}!{}{} {title}", column_letter(column), self.row + 1));
        }
    }

    /// What had to be cut.
    pub fn save(mut self, file: File) -> Result<Cut, XlsxError> {
        self.end()?;
        self.choices()?;
        self.workbook.save_to_writer(file)?;
        Ok(self.cut)
    }

    /// The sheet that the drop-down lists take their texts from: within a cell's rule there is room for 255 letters only.
    fn choices(&mut self) -> Result<(), XlsxError> {
        let offered = || self.heads.iter().filter(|head| !head.choices.is_empty());
        if offered().next().is_none() {
            return Ok(());
        }
        let sheet = self.workbook.add_worksheet();
        sheet.set_name(CHOICES)?.set_hidden(true);
        for (column, head) in (0_u16..).zip(offered()) {
            sheet.write_string(0, column, &head.title)?;
            for (row, choice) in (1_u32..).zip(&head.choices) {
                sheet.write_string(row, column, choice.chars().take(CELL_MAX).collect::<String>())?;
            }
        }
        Ok(())
    }
}

/// An import takes one apostrophe from a text of which it keeps a spreadsheet; such a text of the CRM has another.
fn marked(cell: Cell) -> Cell {
    match &cell {
        Cell::Text(text) => with_apostrophe(text).map_or(cell, Cell::Text),
        _ => cell,
    }
}

/// Where the texts of each column's list stand.
fn lists(heads: &[Head]) -> impl Iterator<Item = Option<String>> + '_ {
    let mut listed = 0;
    heads.iter().map(move |head| {
        let column = (!head.choices.is_empty()).then_some(listed)?;
        listed += 1;
        let column = rust_xlsxwriter::utility::column_number_to_name(column);
        Some(format!("='{CHOICES}'!${column}$2:${column}${}", head.choices.len() + 1))
    })
}

/// What is shown when the title is selected.
fn read_only() -> Result<DataValidation, XlsxError> {
    DataValidation::new()
        .allow_any_value()
        .set_input_title("Только для чтения")?
        .set_input_message("Этот столбец заполняет CRM: правки в нём обратно не отправляются.")
}

fn choice(head: &Head, list: &str) -> Result<DataValidation, XlsxError> {
    // The title and the message of the box have room for 32 and 255 letters.
    let title: String = head.title.chars().take(32).collect();
    DataValidation::new()
        .allow_list_formula(list.into())
        .set_error_style(DataValidationErrorStyle::Stop)
        .set_error_title(title)?
        .set_error_message("Такого значения нет в аккаунте. Выберите из списка.")
}

fn longest_line(cell: &Cell) -> usize {
    match cell {
        Cell::Instant(_) => 16,
        Cell::Day(_) => 10,
        cell => cell.text().lines().map(|line| line.chars().count()).max().unwrap_or(0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use calamine::Reader;

    fn head(title: &str, money: bool) -> Laid {
        Laid { head: Head { title: title.into(), money, ..Head::default() }, ..Laid::default() }
    }

    #[test]
    fn a_long_table_goes_on_in_another_sheet() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.xlsx");
        let mut sheets = Sheets { rows_max: 3, ..Sheets::new(vec![head("A", false)], 0, &Dialect::default()).unwrap() };
        for n in 0..5 {
            sheets.row([Cell::Text(format!("={n}"))].into_iter()).unwrap();
        }
        sheets.row([Cell::Text("x".repeat(CELL_MAX + 1))].into_iter()).unwrap();
        let cut = Cut { texts: 1, places: vec!["Export 3!A3 \"A\"".into()] };
        assert_eq!(sheets.save(std::fs::File::create(&path).unwrap()).unwrap(), cut);
        let mut book: calamine::Xlsx<_> = calamine::open_workbook(&path).unwrap();
        assert_eq!(book.sheet_names(), ["Export", "Export 2", "Export 3"]);
        let second = book.worksheet_range("Export 2").unwrap();
        let told: Vec<String> = second.rows().map(|row| row[0].to_string()).collect();
        assert_eq!(told, ["A", "=2", "=3"]);
    }

    /// Or a year that is typed into a column of dates would be a day of 1905, and 99.90 would look like 100.
    #[test]
    fn cells_to_come_have_no_format() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.xlsx");
        let columns = vec![head("A", true), head("B", false)];
        let mut sheets = Sheets::new(columns, 0, &Dialect::default()).unwrap();
        let day = Cell::Day(jiff::civil::date(2026, 11, 22));
        sheets.row([Cell::Number(rust_decimal::Decimal::new(9_990, 2)), day].into_iter()).unwrap();
        sheets.save(std::fs::File::create(&path).unwrap()).unwrap();
        let mut zip = zip::ZipArchive::new(std::fs::File::open(&path).unwrap()).unwrap();
        let sheet = std::io::read_to_string(zip.by_name("xl/worksheets/sheet1.xml").unwrap()).unwrap();
        assert!(sheet.contains(r#"<c r="A2" s="#) && sheet.contains(r#"<c r="B2" s="#), "{sheet}");
        assert!(!sheet.contains(" style="), "{sheet}");
    }
}
