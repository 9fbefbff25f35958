//! An exported workbook as a person leaves it behind: some prices are others.

use super::{in_file, tell};
use calamine::{DataRef, Reader, Xlsx};
use std::fs::File;
use std::io::{BufReader, Read, Write};
use std::path::Path;
use zip::write::SimpleFileOptions;
use zip::{ZipArchive, ZipWriter};

const PRICE: &str = "Бюджет";
const SHEET: &str = "xl/worksheets/sheet1.xml";

/// Raises the prices of `count` rows from row `first` of the sheet on; all else stays byte by byte.
pub fn prices(from: &Path, to: &Path, first: usize, count: usize) -> Result<(), String> {
    let column = column(from)?;
    let mut archive = ZipArchive::new(File::open(from).map_err(in_file(from))?).map_err(in_file(from))?;
    let mut edited = ZipWriter::new(File::create(to).map_err(in_file(to))?);
    for place in 0..archive.len() {
        let mut part = archive.by_index(place).map_err(in_file(from))?;
        if part.name_raw() != SHEET.as_bytes() {
            edited.raw_copy_file(part).map_err(in_file(to))?;
            continue;
        }
        let mut sheet = String::new();
        part.read_to_string(&mut sheet).map_err(in_file(from))?;
        for row in first..first + count {
            sheet = with_more(&sheet, &format!("{column}{row}"))
                .ok_or_else(|| format!("{}: row {row} has no price", from.display()))?;
        }
        edited.start_file(SHEET, SimpleFileOptions::default()).map_err(in_file(to))?;
        edited.write_all(sheet.as_bytes()).map_err(in_file(to))?;
    }
    edited.finish().map_err(in_file(to))?;
    tell("rows", count);
    Ok(())
}

fn with_more(sheet: &str, cell: &str) -> Option<String> {
    let begin = sheet.find(&format!("<c r=\"{cell}\""))?;
    let value = begin + sheet[begin..].find("<v>")? + "<v>".len();
    let end = value + sheet[value..].find("</v>")?;
    let price: u64 = sheet[value..end].parse().ok()?;
    Some(format!("{}{}{}", &sheet[..value], price + 1, &sheet[end..]))
}

/// The letters of the column with the prices.
fn column(file: &Path) -> Result<String, String> {
    let mut book: Xlsx<BufReader<File>> = calamine::open_workbook(file).map_err(in_file(file))?;
    let sheet = book.sheet_names().first().cloned().unwrap_or_default();
    let mut cells = book.worksheet_cells_reader(&sheet).map_err(in_file(file))?;
    while let Some(cell) = cells.next_cell().map_err(in_file(file))? {
        let is_price = match cell.get_value() {
            DataRef::SharedString(text) => *text == PRICE,
            DataRef::String(text) => text == PRICE,
            _ => false,
        };
        let (row, column) = cell.get_position();
        if is_price && row == 0 {
            return Ok(rust_xlsxwriter::utility::column_number_to_name(column as u16));
        }
    }
    Err(format!("{}: no column {PRICE}", file.display()))
}
