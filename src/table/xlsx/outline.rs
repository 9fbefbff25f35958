//! What a workbook is made of, as `calamine` understands it: its sheets, its epoch, which styles are dates, and which
//! part of the file is which.
//!
//! `calamine` reads all shared strings when it opens a workbook, and does not tell where it finds what. So it is given
//! a copy in which the large parts, sheets and strings, are replaced by small ones that say what they stand for.

use super::super::input::Input;
use calamine::{Data, DataRef, Reader, Sheet, SheetType, Xlsx};
use std::fmt::Write as _;
use std::io::{BufReader, Cursor, Read, Write};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

/// Parts that are copied, and all that is put in the place of others.
const COPIED_BYTES_MAX: u64 = 16 << 20;
/// No cell of a real workbook says this.
const MARK: &str = "\u{1F5C2} part ";

/// What a number is under a style.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NumberKind {
    Number,
    Date,
    Duration,
}

pub struct Outline {
    book: Xlsx<Cursor<Vec<u8>>>,
    sheets: Vec<Sheet>,
    pub epoch_1904: bool,
    pub number_kinds: Vec<NumberKind>,
    pub strings_part: Option<usize>,
    replaced: Vec<usize>,
}

impl Outline {
    /// `None` where the workbook is not laid out as usual.
    pub fn of(archive: &mut ZipArchive<BufReader<Input>>) -> Option<Outline> {
        let (copy, replaced) = copy(archive)?;
        let book = Xlsx::new(Cursor::new(copy)).ok()?;
        let sheets = book.sheets_metadata().to_vec();
        let epoch_1904 = book.has_1904_epoch();
        let (number_kinds, strings_part) = (Vec::new(), None);
        let mut outline = Outline { book, sheets, epoch_1904, number_kinds, strings_part, replaced };
        let first = outline.sheets.iter().find(|sheet| sheet.typ == SheetType::WorkSheet)?.name.clone();
        outline.learn(&first)?;
        Some(outline)
    }

    pub fn sheets(&self) -> &[Sheet] {
        &self.sheets
    }

    /// The part that holds the sheet.
    pub fn part_of(&mut self, sheet: &str) -> Option<usize> {
        let mut cells = self.book.worksheet_cells_reader(sheet).ok()?;
        let part = marked(cells.next_cell().ok()??.get_value())?;
        self.replaced.contains(&part).then_some(part)
    }

    /// What the cells that were put into this sheet come out as.
    fn learn(&mut self, sheet: &str) -> Option<()> {
        self.part_of(sheet)?;
        let mut cells = self.book.worksheet_cells_reader(sheet).ok()?;
        cells.next_cell().ok()?;
        // The last cell names a shared string; without any that is an error.
        while let Ok(Some(cell)) = cells.next_cell() {
            let kind = match cell.get_value() {
                DataRef::DateTime(date) if date.is_duration() => NumberKind::Duration,
                DataRef::DateTime(_) => NumberKind::Date,
                DataRef::Float(_) => NumberKind::Number,
                other => {
                    let part = marked(other)?;
                    self.strings_part = Some(self.replaced.contains(&part).then_some(part)?);
                    break;
                }
            };
            self.number_kinds.push(kind);
        }
        // Not so where the styles are in an encoding in which they could not be counted.
        (self.number_kinds.len() >= cells.styles().len()).then_some(())
    }
}

fn marked(value: &DataRef<'_>) -> Option<usize> {
    let Data::String(text) = Data::from(value.clone()) else { return None };
    text.strip_prefix(MARK)?.parse().ok()
}

enum Treatment {
    Copy,
    ReplaceSheet,
    ReplaceStrings,
    LeaveOut,
}

fn treatment(name: &str) -> Treatment {
    let name = name.to_ascii_lowercase();
    if name.ends_with("sharedstrings.xml") {
        Treatment::ReplaceStrings
    } else if name.contains("worksheets/") && name.ends_with(".xml") {
        Treatment::ReplaceSheet
    } else if !name.contains("worksheets/")
        && (name.ends_with(".rels") || (name.ends_with(".xml") && name.matches('/').count() < 2))
    {
        Treatment::Copy
    } else {
        Treatment::LeaveOut
    }
}

/// The copy, and the numbers of the parts that are replaced in it.
fn copy(archive: &mut ZipArchive<BufReader<Input>>) -> Option<(Vec<u8>, Vec<usize>)> {
    let mut copy = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    let mut room = COPIED_BYTES_MAX;
    let mut put = |name: &str, content: &[u8]| {
        room = room.checked_sub(content.len() as u64)?;
        copy.start_file(name, options).ok()?;
        copy.write_all(content).ok()
    };
    let mut styles_max = 0;
    let mut replaced = Vec::new();
    let mut sheets = Vec::new();
    for part in 0..archive.len() {
        let name = archive.name_for_index(part)?.ok()?.into_owned();
        if name.contains('\\') {
            return None;
        }
        match treatment(&name) {
            Treatment::Copy => {
                let mut content = Vec::new();
                archive.by_index(part).ok()?.take(COPIED_BYTES_MAX + 1).read_to_end(&mut content).ok()?;
                put(&name, &content)?;
                if name.to_ascii_lowercase().ends_with("styles.xml") {
                    styles_max += memchr::memmem::find_iter(&content, b"xf").count();
                }
            }
            Treatment::ReplaceStrings => {
                replaced.push(part);
                put(&name, format!("<sst><si><t>{MARK}{part}</t></si></sst>").as_bytes())?;
            }
            Treatment::ReplaceSheet => {
                replaced.push(part);
                sheets.push((part, name));
            }
            Treatment::LeaveOut => {}
        }
    }
    let mut cells = String::new();
    for style in 0..styles_max {
        // Writing into a String cannot fail.
        let _ = write!(cells, "<c s=\"{style}\"><v>1</v></c>");
    }
    cells.push_str("<c t=\"s\"><v>0</v></c>");
    for (part, name) in sheets {
        let mark = format!("<worksheet><sheetData><row><c t=\"str\"><v>{MARK}{part}</v></c>");
        put(&name, format!("{mark}{cells}</row></sheetData></worksheet>").as_bytes())?;
    }
    Some((copy.finish().ok()?.into_inner(), replaced))
}
