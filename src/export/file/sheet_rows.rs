//! The rows of one sheet, packed as they come, and put into the sheet that `rust_xlsxwriter` has written without them.

use super::packed::{Packer, add_part};
use super::part::UnfinishedFile;
use super::sheet_xml::RowXml;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Seek, Write};
use std::path::Path;
use zip::ZipWriter;

/// What stands before and after the rows of a sheet.
const ROWS: &str = "<sheetData>";
const ROWS_END: &str = "</sheetData>";

/// The rows of a sheet, packed as they come.
pub struct SheetRows {
    pub name: String,
    pub hidden: bool,
    // Dropped before its file is removed.
    rows: Packer<BufWriter<File>>,
    _part: UnfinishedFile,
    /// The last row, and the last one with cells.
    pub row: u32,
    pub filled: u32,
    /// Number of columns of the widest row; 0 where no row has cells.
    pub width: u16,
    /// The widths of its columns when it was full.
    pub widths: Vec<usize>,
}

impl SheetRows {
    /// Begins a sheet whose rows follow row `row`.
    pub fn begin(place: &Path, name: String, row: u32) -> io::Result<SheetRows> {
        let (part, file) = UnfinishedFile::create(place)?;
        let rows = Packer::new(BufWriter::new(file));
        Ok(SheetRows { name, hidden: false, rows, _part: part, row, filled: row, width: 0, widths: Vec::new() })
    }

    /// Adds row `row`, whose XML is complete but for its end.
    pub fn add(&mut self, row: u32, xml: &mut RowXml) -> io::Result<()> {
        self.row = row;
        let Some((xml, width)) = xml.end() else { return Ok(()) };
        (self.filled, self.width) = (row, self.width.max(width));
        self.rows.write(xml)
    }

    /// Adds the sheet to the archive; `xml` is the sheet without these rows.
    pub fn put<W: Write + Seek>(self, name: &str, xml: &str, archive: &mut ZipWriter<W>) -> io::Result<()> {
        let misses = |what: &str| io::Error::other(format!("the XML of a sheet has no {what}"));
        let rows = xml.find(ROWS).ok_or_else(|| misses(ROWS))? + ROWS.len();
        let end = xml.rfind(ROWS_END).ok_or_else(|| misses(ROWS_END))?;
        // The placeholder is in the last row, which in a sheet with titles is the second one.
        let start = if self.width == 0 {
            end
        } else if self.hidden {
            rows
        } else {
            xml[rows..end].rfind("<row ").map_or(rows, |last| rows + last)
        };
        let (file, size) = self.rows.end(false)?;
        let mut file = file.into_inner().map_err(|error| error.into_error())?;
        file.rewind()?;
        add_part(archive, name, (&xml.as_bytes()[..start], &xml.as_bytes()[end..]), (BufReader::new(file), &size))
    }
}
