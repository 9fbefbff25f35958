//! Writing a workbook row by row, without its sheets in memory. Text is always written as text, so `=…` never becomes a
//! formula.
//!
//! `rust_xlsxwriter` writes everything but the rows, at the end, when their number and the widths of the columns are known. It
//! would pack all rows only then, which takes a second for 200,000 of them. So rows are packed as they come (`sheet_rows`), and
//! put into the sheets that it has written.

use super::arrange::SheetColumn;
use super::sheet_rows::SheetRows;
use super::sheet_xml::RowXml;
use super::styles::{CellStyle, UsedStyles};
use crate::export::table::cell::TableCell;
use crate::export::table::columns::Head;
use crate::export::table::dialect::Dialect;
use crate::export::table::exported_column::ExportedColumn;
use crate::export::table::hidden::{self, HiddenLines, Stamp};
use crate::mapping::convert::text::with_apostrophe;
use rust_xlsxwriter::{Color, DataValidation, DataValidationErrorStyle, Format};
use rust_xlsxwriter::{Workbook, Worksheet, XlsxError};
use sheet_source::problem::{column_letter, quoted};
use sheet_source::{CELL_MAX, COMPRESSION, SHEET_ROWS_MAX, is_hyperlink, truncate_marked};
use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};
use std::fs::File;
use std::io::{self, BufWriter, Cursor, Write};
use std::path::{Path, PathBuf};
use zip::result::ZipResult;
use zip::{ZipArchive, ZipWriter};

const SHEET: &str = "Export";
/// The hidden sheet with the texts of the drop-down lists.
const CHOICES: &str = "Списки";
const HEADER: Color = Color::RGB(0xDD_EB_F7);
/// The colours of columns that cannot be sent back.
const READ_ONLY: (Color, Color) = (Color::RGB(0xD9_D9_D9), Color::RGB(0x59_59_59));
/// Number of texts that were cut that are named.
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

/// Why a workbook cannot be saved.
#[derive(Debug, thiserror::Error)]
pub enum SaveError {
    #[error(transparent)]
    Write(#[from] io::Error),
    #[error(transparent)]
    Workbook(#[from] XlsxError),
}

/// The sheets of a workbook that is being written.
pub struct Sheets {
    /// Where the workbook will be; packed rows wait beside it.
    place: PathBuf,
    name: String,
    /// The row of the titles.
    top: u32,
    heads: Vec<Head>,
    /// The longest text of each column so far.
    widths: Vec<usize>,
    /// In the order of the workbook. The current ones are the last with titles and the last hidden one.
    sheets: Vec<SheetRows>,
    current: usize,
    rows_max: u32,
    cut: CutTexts,
    hidden: Option<(HiddenLines, usize)>,
    /// For each column the style of its numbers, where they have one, and of its dates.
    styles: Vec<(Option<CellStyle>, CellStyle)>,
    used: UsedStyles,
    link: CellStyle,
    marked: CellStyle,
    /// Number of empty columns at the end.
    collapsed: usize,
    xml: RowXml,
}

impl Sheets {
    /// Begins the sheets of a workbook at `place`. The last `collapsed` columns are collapsed.
    pub fn new(place: &Path, columns: Vec<SheetColumn>, collapsed: usize, dialect: &Dialect) -> io::Result<Sheets> {
        let of_numbers = |laid: &SheetColumn| laid.stats.number_format(laid.head.money).map(CellStyle::numbers);
        let of_dates = |laid: &SheetColumn| CellStyle::numbers(laid.stats.date_format().to_owned());
        // With room for the arrow of the filter.
        let width =
            |laid: &SheetColumn| (laid.head.title.chars().count() + 3).max(laid.stats.number_width(laid.head.money));
        let kinds: BTreeSet<bool> = columns.iter().map(|laid| laid.head.read_only).collect();
        let mut sheets = Sheets {
            place: place.to_owned(),
            name: dialect.sheet.clone().unwrap_or_else(|| SHEET.to_owned()),
            top: dialect.header_row - 1,
            styles: columns.iter().map(|laid| (of_numbers(laid), of_dates(laid))).collect(),
            used: UsedStyles::after(kinds.len()),
            link: CellStyle::link(),
            marked: CellStyle::marked(),
            collapsed,
            widths: columns.iter().map(width).collect(),
            heads: columns.into_iter().map(|laid| laid.head).collect(),
            sheets: Vec::new(),
            current: 0,
            rows_max: SHEET_ROWS_MAX,
            cut: CutTexts::default(),
            hidden: None,
            xml: RowXml::default(),
        };
        sheets.begin()?;
        Ok(sheets)
    }

    /// Adds the hidden sheet that an import of the workbook needs.
    pub fn hide(&mut self, stamp: &Stamp, columns: &[ExportedColumn]) -> io::Result<()> {
        self.hidden = Some((HiddenLines::of(columns), self.sheets.len()));
        self.begin_hidden()?;
        hidden::head(stamp, columns).iter().try_for_each(|line| self.hidden_line(line))
    }

    /// The number of the current sheet among those with titles.
    fn count(&self) -> usize {
        self.sheets.iter().filter(|sheet| !sheet.hidden).count()
    }

    /// The name of the current sheet.
    fn sheet_name(&self) -> &str {
        &self.sheets[self.current].name
    }

    fn begin(&mut self) -> io::Result<()> {
        let count = self.count() + 1;
        let name = if count == 1 { self.name.clone() } else { format!("{} {count}", self.name) };
        self.current = self.sheets.len();
        self.sheets.push(SheetRows::begin(&self.place, name, self.top)?);
        Ok(())
    }

    fn begin_hidden(&mut self) -> io::Result<()> {
        let count = self.sheets.iter().filter(|sheet| sheet.hidden).count() + 1;
        if let Some((_, current)) = &mut self.hidden {
            *current = self.sheets.len();
        }
        let mut rows = SheetRows::begin(&self.place, hidden::sheet_name(count), 0)?;
        rows.hidden = true;
        self.sheets.push(rows);
        self.write_hidden(0, &hidden::TOP)
    }

    fn hidden_line(&mut self, cells: &[String]) -> io::Result<()> {
        let Some((_, current)) = &self.hidden else { return Ok(()) };
        if self.sheets[*current].row + 1 >= SHEET_ROWS_MAX {
            self.begin_hidden()?;
        }
        let Some((_, current)) = &self.hidden else { return Ok(()) };
        self.write_hidden(self.sheets[*current].row + 1, cells)
    }

    fn write_hidden(&mut self, row: u32, cells: &[impl AsRef<str>]) -> io::Result<()> {
        let Some((_, current)) = &self.hidden else { return Ok(()) };
        self.xml.begin(row);
        for (column, cell) in (0_u16..).zip(cells) {
            self.xml.text(column, cell.as_ref(), 0);
        }
        self.sheets[*current].add(row, &mut self.xml)
    }

    /// Writes a row, on another sheet where the current one is full.
    pub fn row(&mut self, cells: impl Iterator<Item = TableCell>) -> io::Result<()> {
        if self.sheets[self.current].row + 1 >= self.rows_max {
            self.sheets[self.current].widths = self.widths.clone();
            self.begin()?;
        }
        let cells: Vec<TableCell> = cells.map(marked).collect();
        if let Some(line) = self.hidden.as_mut().and_then(|(hidden, _)| hidden.row(&cells)) {
            self.hidden_line(&line)?;
        }
        let (row, mut cut) = (self.sheets[self.current].row + 1, Vec::new());
        self.xml.begin(row);
        for (((column, cell), styles), width) in (0_u16..).zip(cells).zip(&mut self.styles).zip(&mut self.widths) {
            if row <= MEASURED {
                *width = (*width).max(longest_line(&cell));
            }
            if let TableCell::Link(address) = &cell
                && is_hyperlink(address)
            {
                self.xml.link(column, address, self.used.index(&mut self.link));
                continue;
            }
            // A format of the whole column would apply to cells that are typed later: 2025 would be a day, 99.90 would be 100.
            match (cell.as_number(), cell.as_serial()) {
                (Some(number), _) => {
                    let style = styles.0.as_mut().map_or(0, |style| self.used.index(style));
                    self.xml.number(column, number, style);
                }
                (None, Some(days)) => self.xml.number(column, days, self.used.index(&mut styles.1)),
                (None, None) if cell == TableCell::Empty => {}
                (None, None) => match truncate_marked(&cell.into_text()) {
                    Cow::Borrowed(whole) => self.xml.text(column, whole, 0),
                    Cow::Owned(kept) => {
                        cut.push(column);
                        self.xml.text(column, &kept, self.used.index(&mut self.marked));
                    }
                },
            }
        }
        self.sheets[self.current].add(row, &mut self.xml)?;
        cut.into_iter().for_each(|column| self.note_cut(column));
        Ok(())
    }

    /// Notes that the text in this column of the current row was cut.
    fn note_cut(&mut self, column: u16) {
        self.cut.texts += 1;
        if self.cut.places.len() < CUT_NAMED_MAX {
            let (sheet, column) = (self.sheet_name(), usize::from(column));
            let title = quoted(&self.heads[column].title);
            let place = format!("{sheet}!{}{} {title}", column_letter(column), self.sheets[self.current].row + 1);
            self.cut.places.push(place);
        }
    }

    /// Gives the columns room for numbers of this width.
    pub fn widen(&mut self, widths: impl Iterator<Item = usize>) {
        self.widths.iter_mut().zip(widths).for_each(|(width, more)| *width = (*width).max(more));
    }

    /// Writes the workbook. The result are the texts that were cut.
    pub fn save(mut self, file: File) -> Result<CutTexts, SaveError> {
        self.sheets[self.current].widths = self.widths.clone();
        let frame = self.frame()?.save_to_buffer()?;
        join(frame, self.sheets, file).map_err(io::Error::from)?;
        Ok(self.cut)
    }

    /// The workbook with all that is not a row, by `rust_xlsxwriter`.
    fn frame(&self) -> Result<Workbook, XlsxError> {
        let mut workbook = Workbook::new();
        workbook.set_zip_compression_level(COMPRESSION);
        for (index, rows) in self.sheets.iter().enumerate() {
            let sheet = workbook.add_worksheet_with_constant_memory()?;
            sheet.set_name(&rows.name)?;
            if rows.hidden {
                sheet.set_very_hidden(true);
            } else {
                self.head(sheet)?;
            }
            // What a sheet says of its size follows from its first and last cell. These cells are not in the workbook.
            if rows.hidden {
                sheet.write_string(0, 0, "-")?;
            }
            if rows.width > 0 {
                sheet.write_string(rows.filled, rows.width - 1, "-")?;
            }
            if !rows.hidden {
                self.tail(sheet, rows)?;
            }
            if index == 0 {
                self.used.formats().for_each(|format| workbook.register_format(&format));
            }
        }
        self.choices(&mut workbook)?;
        Ok(workbook)
    }

    /// Begins a sheet with the titles.
    fn head(&self, sheet: &mut Worksheet) -> Result<(), XlsxError> {
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
        Ok(())
    }

    /// Completes a sheet whose rows are known.
    fn tail(&self, sheet: &mut Worksheet, rows: &SheetRows) -> Result<(), XlsxError> {
        let columns = rows.widths.len() as u16;
        sheet.autofilter(self.top, 0, rows.row, columns.saturating_sub(1))?;
        for (column, width) in (0_u16..).zip(&rows.widths) {
            sheet.set_column_width(column, (*width).clamp(*WIDTHS.start(), *WIDTHS.end()) as f64 + 1.0)?;
        }
        if let Some(first) = (self.collapsed > 0).then(|| columns.saturating_sub(self.collapsed as u16)) {
            sheet.group_columns_collapsed(first, columns - 1)?;
        }
        Ok(())
    }

    /// Writes the sheet with the texts of the drop-down lists: a rule of a cell has room for 255 characters only.
    fn choices(&self, workbook: &mut Workbook) -> Result<(), XlsxError> {
        let offered = || self.heads.iter().filter(|head| !head.choices.is_empty());
        if offered().next().is_none() {
            return Ok(());
        }
        let sheet = workbook.add_worksheet();
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

/// Puts the rows of sheets into a workbook without rows.
fn join(frame: Vec<u8>, sheets: Vec<SheetRows>, file: File) -> ZipResult<()> {
    let named = (1..).zip(sheets).map(|(no, sheet)| (format!("xl/worksheets/sheet{no}.xml"), sheet));
    let mut packed: HashMap<String, SheetRows> = named.collect();
    let mut frame = ZipArchive::new(Cursor::new(frame))?;
    let mut archive = ZipWriter::new(BufWriter::new(file));
    for index in 0..frame.len() {
        let part = frame.by_index_raw(index)?;
        match packed.remove(part.name()?.as_ref()) {
            None => archive.raw_copy_file(part)?,
            Some(rows) => {
                let name = part.name()?.into_owned();
                drop(part);
                rows.put(&name, &io::read_to_string(frame.by_index(index)?)?, &mut archive)?;
            }
        }
    }
    Ok(archive.finish()?.flush()?)
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
#[path = "sheets_tests.rs"]
mod tests;
