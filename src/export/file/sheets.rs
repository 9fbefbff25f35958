//! Writing a workbook row by row, without its sheets in memory. Text is always written as text, so `=…` never becomes a
//! formula.

use super::arrange::SheetColumn;
use crate::export::table::cell::TableCell;
use crate::export::table::columns::Head;
use crate::export::table::dialect::Dialect;
use crate::export::table::exported_column::ExportedColumn;
use crate::export::table::hidden::{HiddenSheetWriter, Stamp};
use crate::mapping::convert::text::with_apostrophe;
use rust_xlsxwriter::{Color, DataValidation, DataValidationErrorStyle, Format};
use rust_xlsxwriter::{Workbook, XlsxError};
use sheet_source::problem::{column_letter, quoted};
use sheet_source::{CELL_MAX, COMPRESSION, SHEET_ROWS_MAX, hyperlink_format, hyperlink_formula, truncate_marked};
use std::borrow::Cow;
use std::fs::File;

const SHEET: &str = "Export";
/// The hidden sheet with the texts of the drop-down lists.
const CHOICES: &str = "Списки";
const HEADER: Color = Color::RGB(0xDD_EB_F7);
/// The colours of columns that cannot be sent back.
const READ_ONLY: (Color, Color) = (Color::RGB(0xD9_D9_D9), Color::RGB(0x59_59_59));
/// The background of texts that were cut.
const CUT: Color = Color::RGB(0xFF_C7_CE);
/// Number of them that are named.
const CUT_NAMED_MAX: usize = 10;
/// Widths of columns, in characters.
const WIDTHS: std::ops::RangeInclusive<usize> = 8..=50;
/// Number of rows that are measured for the width of a column; longer texts below may be cut on the screen.
const MEASURED: u32 = 500;
/// Number of columns above which a table is wider than a screen.
const WIDE: usize = 4;

/// Texts that were longer than the limit of a cell.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CutTexts {
    pub texts: u64,
    /// The places of the first of them: sheet, cell and title.
    pub places: Vec<String>,
}

/// The sheets of a workbook that is being written.
pub struct Sheets {
    workbook: Workbook,
    name: String,
    /// The row of the titles.
    top: u32,
    heads: Vec<Head>,
    /// The longest text of each column so far.
    widths: Vec<usize>,
    /// Number of sheets so far, the index of the last one in the workbook, and its last row.
    count: u32,
    sheet: usize,
    row: u32,
    rows_max: u32,
    cut: CutTexts,
    hidden: Option<HiddenSheetWriter>,
    /// For each column the format of its numbers, where they have one, and of its dates.
    formats: Vec<(Option<Format>, Format)>,
    /// Number of empty columns at the end.
    collapsed: usize,
    link: Format,
    marked: Format,
}

impl Sheets {
    /// Begins the sheets. The last `collapsed` columns are collapsed.
    pub fn new(columns: Vec<SheetColumn>, collapsed: usize, dialect: &Dialect) -> Result<Sheets, XlsxError> {
        let of_numbers =
            |laid: &SheetColumn| Some(Format::new().set_num_format(laid.stats.number_format(laid.head.money)?));
        let of_dates = |laid: &SheetColumn| Format::new().set_num_format(laid.stats.date_format());
        // With room for the arrow of the filter.
        let width =
            |laid: &SheetColumn| (laid.head.title.chars().count() + 3).max(laid.stats.number_width(laid.head.money));
        let mut workbook = Workbook::new();
        workbook.set_zip_compression_level(COMPRESSION);
        let mut sheets = Sheets {
            workbook,
            name: dialect.sheet.clone().unwrap_or_else(|| SHEET.to_owned()),
            top: dialect.header_row - 1,
            formats: columns.iter().map(|laid| (of_numbers(laid), of_dates(laid))).collect(),
            collapsed,
            widths: columns.iter().map(width).collect(),
            heads: columns.into_iter().map(|laid| laid.head).collect(),
            count: 0,
            sheet: 0,
            row: 0,
            rows_max: SHEET_ROWS_MAX,
            cut: CutTexts::default(),
            hidden: None,
            link: hyperlink_format(),
            marked: Format::new().set_background_color(CUT),
        };
        sheets.begin()?;
        Ok(sheets)
    }

    /// Adds the hidden sheet that an import of the workbook needs.
    pub fn hide(&mut self, stamp: &Stamp, columns: &[ExportedColumn]) -> Result<(), XlsxError> {
        self.hidden = Some(HiddenSheetWriter::begin(&mut self.workbook, stamp, columns)?);
        Ok(())
    }

    /// The name of the current sheet.
    fn sheet_name(&self) -> String {
        if self.count == 1 { self.name.clone() } else { format!("{} {}", self.name, self.count) }
    }

    fn begin(&mut self) -> Result<(), XlsxError> {
        self.count += 1;
        let name = self.sheet_name();
        self.sheet = self.workbook.worksheets().len();
        let sheet = self.workbook.add_worksheet_with_constant_memory()?;
        sheet.set_name(name)?;
        // In a wide table the id and the name stay visible as well.
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
                // Rows that are added below have the list, too.
                sheet.add_data_validation(self.top + 1, column, SHEET_ROWS_MAX - 1, column, &choice(head, &list)?)?;
            }
        }
        self.row = self.top;
        Ok(())
    }

    /// Completes a sheet when its rows are known.
    fn end(&mut self) -> Result<(), XlsxError> {
        let (top, row, widths) = (self.top, self.row, &self.widths);
        let sheet = self.workbook.worksheet_from_index(self.sheet)?;
        sheet.autofilter(top, 0, row, (widths.len() as u16).saturating_sub(1))?;
        for (column, width) in (0_u16..).zip(widths) {
            sheet.set_column_width(column, (*width).clamp(*WIDTHS.start(), *WIDTHS.end()) as f64 + 1.0)?;
        }
        let columns = widths.len() as u16;
        if let Some(first) = (self.collapsed > 0).then(|| columns.saturating_sub(self.collapsed as u16)) {
            sheet.group_columns_collapsed(first, columns - 1)?;
        }
        Ok(())
    }

    /// Writes a row, on another sheet where the current one is full.
    pub fn row(&mut self, cells: impl Iterator<Item = TableCell>) -> Result<(), XlsxError> {
        if self.row + 1 >= self.rows_max {
            self.end()?;
            self.begin()?;
        }
        self.row += 1;
        let cells: Vec<TableCell> = cells.map(marked).collect();
        if let Some(hidden) = &mut self.hidden {
            hidden.row(&mut self.workbook, &cells)?;
        }
        let (row, mut cut) = (self.row, Vec::new());
        let sheet = self.workbook.worksheet_from_index(self.sheet)?;
        for (((column, cell), formats), width) in (0_u16..).zip(cells).zip(&self.formats).zip(&mut self.widths) {
            if row <= MEASURED {
                *width = (*width).max(longest_line(&cell));
            }
            if let TableCell::Link(address) = &cell
                && let Some(formula) = hyperlink_formula(address)
            {
                sheet.write_formula_with_format(row, column, formula, &self.link)?;
                continue;
            }
            // A format of the whole column would apply to cells that are typed later: 2025 would be a day, 99.90 would be 100.
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
                (None, None) if cell == TableCell::Empty => {}
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

    /// Notes that the text in this column of the current row was cut.
    fn note_cut(&mut self, column: u16) {
        self.cut.texts += 1;
        if self.cut.places.len() < CUT_NAMED_MAX {
            let (sheet, column) = (self.sheet_name(), usize::from(column));
            let title = quoted(&self.heads[column].title);
            self.cut.places.push(format!("{sheet}!{}{} {title}", column_letter(column), self.row + 1));
        }
    }

    /// Writes the workbook. The result are the texts that were cut.
    pub fn save(mut self, file: File) -> Result<CutTexts, XlsxError> {
        self.end()?;
        self.choices()?;
        self.workbook.save_to_writer(file)?;
        Ok(self.cut)
    }

    /// Writes the sheet with the texts of the drop-down lists: a rule of a cell has room for 255 characters only.
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

/// A cell whose text gets another apostrophe where it begins with one, since an import removes one.
fn marked(cell: TableCell) -> TableCell {
    match &cell {
        TableCell::Text(text) => with_apostrophe(text).map_or(cell, TableCell::Text),
        _ => cell,
    }
}

/// The ranges of the drop-down lists of columns.
fn lists(heads: &[Head]) -> impl Iterator<Item = Option<String>> + '_ {
    let mut listed = 0;
    heads.iter().map(move |head| {
        let column = (!head.choices.is_empty()).then_some(listed)?;
        listed += 1;
        let column = rust_xlsxwriter::utility::column_number_to_name(column);
        Some(format!("='{CHOICES}'!${column}$2:${column}${}", head.choices.len() + 1))
    })
}

/// The note that is shown when the title is selected.
fn read_only() -> Result<DataValidation, XlsxError> {
    DataValidation::new()
        .allow_any_value()
        .set_input_title("Только для чтения")?
        .set_input_message("Этот столбец заполняет CRM: правки в нём обратно не отправляются.")
}

fn choice(head: &Head, list: &str) -> Result<DataValidation, XlsxError> {
    // The title and the message of the box have room for 32 and 255 characters.
    let title: String = head.title.chars().take(32).collect();
    DataValidation::new()
        .allow_list_formula(list.into())
        .set_error_style(DataValidationErrorStyle::Stop)
        .set_error_title(title)?
        .set_error_message("Такого значения нет в аккаунте. Выберите из списка.")
}

fn longest_line(cell: &TableCell) -> usize {
    match cell {
        TableCell::Instant(_) => 16,
        TableCell::Day(_) => 10,
        cell => cell.text().lines().map(|line| line.chars().count()).max().unwrap_or(0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use calamine::Reader;

    fn head(title: &str, money: bool) -> SheetColumn {
        SheetColumn { head: Head { title: title.into(), money, ..Head::default() }, ..SheetColumn::default() }
    }

    #[test]
    fn a_long_table_continues_on_another_sheet() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.xlsx");
        let mut sheets = Sheets { rows_max: 3, ..Sheets::new(vec![head("A", false)], 0, &Dialect::default()).unwrap() };
        for n in 0..5 {
            sheets.row([TableCell::Text(format!("={n}"))].into_iter()).unwrap();
        }
        sheets.row([TableCell::Text("x".repeat(CELL_MAX + 1))].into_iter()).unwrap();
        let cut = CutTexts { texts: 1, places: vec!["Export 3!A3 \"A\"".into()] };
        assert_eq!(sheets.save(std::fs::File::create(&path).unwrap()).unwrap(), cut);
        let mut book: calamine::Xlsx<_> = calamine::open_workbook(&path).unwrap();
        assert_eq!(book.sheet_names(), ["Export", "Export 2", "Export 3"]);
        let second = book.worksheet_range("Export 2").unwrap();
        let texts: Vec<String> = second.rows().map(|row| row[0].to_string()).collect();
        assert_eq!(texts, ["A", "=2", "=3"]);
    }

    /// Otherwise a year that is typed into a column of dates would be a day of 1905, and 99.90 would look like 100.
    #[test]
    fn cells_that_are_added_later_have_no_format() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.xlsx");
        let columns = vec![head("A", true), head("B", false)];
        let mut sheets = Sheets::new(columns, 0, &Dialect::default()).unwrap();
        let day = TableCell::Day(jiff::civil::date(2026, 11, 22));
        sheets.row([TableCell::Number(rust_decimal::Decimal::new(9_990, 2)), day].into_iter()).unwrap();
        sheets.save(std::fs::File::create(&path).unwrap()).unwrap();
        let mut zip = zip::ZipArchive::new(std::fs::File::open(&path).unwrap()).unwrap();
        let sheet = std::io::read_to_string(zip.by_name("xl/worksheets/sheet1.xml").unwrap()).unwrap();
        assert!(sheet.contains(r#"<c r="A2" s="#) && sheet.contains(r#"<c r="B2" s="#), "{sheet}");
        assert!(!sheet.contains(" style="), "{sheet}");
    }
}
