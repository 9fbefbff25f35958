//! Reading and nothing else: what the libraries take for it.

use super::{in_file, tell};
use calamine::{DataRef, Reader, Xlsx};
use std::fs::File;
use std::io::BufReader;
use std::path::Path;

/// Every cell of every record once, as bytes.
pub fn csv_pass(file: &Path) -> Result<(), String> {
    let open = File::open(file).map_err(in_file(file))?;
    let mut reader = csv::ReaderBuilder::new().delimiter(b';').from_reader(open);
    let mut record = csv::ByteRecord::new();
    let (mut rows, mut bytes) = (0_u64, 0_usize);
    while reader.read_byte_record(&mut record).map_err(in_file(file))? {
        rows += 1;
        bytes += record.iter().map(<[u8]>::len).sum::<usize>();
    }
    tell("rows", rows);
    tell("bytes", bytes);
    Ok(())
}

/// Every cell of the first sheet once.
pub fn calamine_cells(file: &Path) -> Result<(), String> {
    let mut book: Xlsx<BufReader<File>> = calamine::open_workbook(file).map_err(in_file(file))?;
    let sheet = book.sheet_names().first().cloned().unwrap_or_default();
    let mut reader = book.worksheet_cells_reader(&sheet).map_err(in_file(file))?;
    let (mut cells, mut bytes) = (0_u64, 0_usize);
    while let Some(cell) = reader.next_cell().map_err(in_file(file))? {
        cells += 1;
        if let DataRef::SharedString(text) = cell.get_value() {
            bytes += text.len();
        }
    }
    tell("cells", cells);
    tell("bytes", bytes);
    Ok(())
}

/// Opening a workbook is parsing its shared strings.
pub fn calamine_open(file: &Path) -> Result<(), String> {
    let book: Xlsx<BufReader<File>> = calamine::open_workbook(file).map_err(in_file(file))?;
    tell("sheets", book.sheet_names().len());
    Ok(())
}
