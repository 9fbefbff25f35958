//! Writing a workbook and nothing else, as `rust_xlsxwriter` does it with constant memory and its default compression: the
//! rows of an export that was written as CSV before, each cell of the type that the export gives it.

use super::{in_file, tell};
use jiff::civil::{Date, DateTime};
use rust_xlsxwriter::{Format, Workbook, Worksheet, XlsxError};
use std::path::Path;

/// The columns that are exported, and what stands in them.
pub const COLUMNS: [(&str, FieldContent); 14] = [
    ("ID", FieldContent::Number),
    ("Название", FieldContent::Text),
    ("Бюджет", FieldContent::Number),
    ("Этап", FieldContent::Text),
    ("Ответственный", FieldContent::Text),
    ("Создана", FieldContent::Instant),
    ("Теги", FieldContent::Text),
    ("Номер заявки", FieldContent::Text),
    ("Источник", FieldContent::Text),
    ("Город", FieldContent::Text),
    ("utm_source", FieldContent::Text),
    ("utm_medium", FieldContent::Text),
    ("Дата отгрузки", FieldContent::Day),
    ("Комментарий", FieldContent::Text),
];
const EPOCH: Date = Date::constant(1899, 12, 30);

#[derive(Debug, Clone, Copy)]
pub enum FieldContent {
    Text,
    Number,
    Instant,
    Day,
}

pub fn xlsx(csv: &Path, xlsx: &Path) -> Result<(), String> {
    let mut rows = csv::ReaderBuilder::new().delimiter(b',').has_headers(false).from_path(csv).map_err(in_file(csv))?;
    let mut workbook = Workbook::new();
    let sheet = workbook.add_worksheet_with_constant_memory().map_err(in_file(xlsx))?;
    let formats = (Format::new().set_num_format("yyyy-mm-dd hh:mm"), Format::new().set_num_format("yyyy-mm-dd"));
    let mut record = csv::StringRecord::new();
    let mut count = 0_u32;
    while rows.read_record(&mut record).map_err(in_file(csv))? {
        if record.len() != COLUMNS.len() {
            return Err(format!("{}: {} columns, not {}", csv.display(), record.len(), COLUMNS.len()));
        }
        for ((column, text), (_, holds)) in (0_u16..).zip(&record).zip(COLUMNS) {
            let holds = if count == 0 { FieldContent::Text } else { holds };
            cell(sheet, count, column, text, holds, &formats).map_err(in_file(xlsx))?;
        }
        count += 1;
    }
    workbook.save(xlsx).map_err(in_file(xlsx))?;
    tell("rows", count.saturating_sub(1));
    tell("size", std::fs::metadata(xlsx).map_err(in_file(xlsx))?.len());
    Ok(())
}

fn cell(
    sheet: &mut Worksheet,
    row: u32,
    column: u16,
    text: &str,
    holds: FieldContent,
    (instant, day): &(Format, Format),
) -> Result<(), XlsxError> {
    if text.is_empty() {
        return Ok(());
    }
    let days = |date: Date| (date - EPOCH).get_days();
    match holds {
        FieldContent::Text => sheet.write_string(row, column, text)?,
        FieldContent::Number => sheet.write_number(row, column, text.parse().unwrap_or(f64::NAN))?,
        FieldContent::Instant => {
            let at: DateTime = text.replacen(' ', "T", 1).parse().unwrap_or_default();
            let part =
                f64::from(at.hour()) / 24.0 + f64::from(at.minute()) / 1440.0 + f64::from(at.second()) / 86_400.0;
            sheet.write_number_with_format(row, column, f64::from(days(at.date())) + part, instant)?
        }
        FieldContent::Day => {
            let serial = f64::from(days(text.parse().unwrap_or_default()));
            sheet.write_number_with_format(row, column, serial, day)?
        }
    };
    Ok(())
}
