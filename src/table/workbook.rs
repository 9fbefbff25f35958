//! Workbooks opened, by our own scanner or with `calamine`: their sheets, and the cells of one sheet in order. Which sheet and which row is
//! decided in `choose`; how cells travel to the reader of rows, in `sheet_in`.

use super::extent;
use super::input::Input as Bytes;
use super::kind;
use super::layout::Format;
use super::record::COLUMNS_MAX;
use super::value::Value;
use super::xlsx::Scanned;
use crate::message;
use crate::problem::{Problem, quoted};
use calamine::{
    DataRef, Ods, OdsError, Reader, SheetType, SheetVisible, Xls, XlsError, Xlsb, XlsbError, Xlsx, XlsxError,
};
use std::io::{self, BufReader, Read, Seek};
use std::ops::ControlFlow;
use std::path::Path;

/// Excel has 1 048 576 rows, LibreOffice up to sixteen times as many.
const ROWS_MAX: u32 = 1 << 24;

type Input = BufReader<Bytes>;

/// An open workbook.
pub struct Workbook {
    book: Book,
    pub format: Format,
    pub sheets: Vec<Sheet>,
    pub epoch_1904: bool,
}

enum Book {
    Scanned(Box<Scanned>),
    Xlsx(Box<Xlsx<Input>>),
    Xlsb(Box<Xlsb<Input>>),
    Xls(Box<Xls<Input>>),
    Ods(Box<Ods<Input>>),
    /// Another reader was to take over, and could not.
    Closed,
}

pub struct Sheet {
    pub name: String,
    pub visible: bool,
    /// False for charts, dialogs and macros, which have no cells.
    pub table: bool,
}

/// A cell on its way: row and column counted from 0.
pub struct Found<'a> {
    pub row: u32,
    pub column: u32,
    pub value: Value<'a>,
    /// A formula stands here, but no result was stored with it.
    pub uncomputed: bool,
}

/// Why a workbook, or a sheet of it, cannot be read.
pub enum Trouble {
    Encrypted,
    /// An `.xls` that holds no workbook: another program's document, or an encrypted one.
    NoWorkbook,
    Sparse,
    Missing,
    UnknownError {
        name: String,
        near_row: u32,
    },
    Io(io::Error),
    Damaged(String),
}

impl Trouble {
    pub fn problem(self, path: &Path, sheet: Option<&str>) -> Problem {
        match self {
            Trouble::Encrypted => Problem::in_file(path, "encrypted", "this workbook is protected by a password")
                .hint("open it in Excel, remove the password (File, Info, Protect Workbook) and save it"),
            Trouble::NoWorkbook => {
                Problem::in_file(path, "not-a-table", "this is a document of another program, not a workbook")
                    .hint("choose a CSV file or an Excel workbook")
            }
            Trouble::Sparse => {
                let message = "the filled cells of a sheet lie too far apart to be read from this kind of file";
                Problem::in_file(path, "file-too-big", message).hint(kind::SAVE_AS_XLSX)
            }
            Trouble::Missing => {
                let message = match sheet {
                    Some(sheet) => {
                        message!("this workbook is damaged: its sheet \"{sheet}\" is named, but is not there", sheet)
                    }
                    None => message!("this workbook is damaged: its sheet is named, but is not there"),
                };
                Problem::in_file(path, "damaged-workbook", message).hint(REPAIR)
            }
            Trouble::UnknownError { name, near_row } => {
                let message = message!(
                    "a cell in row {near_row} or just below it holds the error {error}",
                    near_row,
                    error = quoted(&name)
                );
                Problem::in_file(path, "unknown-error-value", message).hint("put a value in its place")
            }
            Trouble::Io(error) => kind::unreadable(path, &error),
            Trouble::Damaged(detail) => {
                let message = if detail.is_empty() {
                    message!("this workbook is damaged")
                } else {
                    message!("this workbook is damaged ({detail})", detail)
                };
                Problem::in_file(path, "damaged-workbook", message).hint(REPAIR)
            }
        }
    }
}

pub const REPAIR: &str = "open it in Excel, let Excel repair it, and save it; or copy or download it again";

impl From<XlsxError> for Trouble {
    fn from(error: XlsxError) -> Trouble {
        match error {
            XlsxError::Password => Trouble::Encrypted,
            XlsxError::Io(error) => broken_off(error),
            XlsxError::FileNotFound(_) | XlsxError::WorksheetNotFound(_) => Trouble::Missing,
            other => Trouble::Damaged(brief(&other)),
        }
    }
}

impl From<XlsbError> for Trouble {
    fn from(error: XlsbError) -> Trouble {
        match error {
            XlsbError::Password => Trouble::Encrypted,
            XlsbError::Io(error) => broken_off(error),
            XlsbError::FileNotFound(_) | XlsbError::WorksheetNotFound(_) => Trouble::Missing,
            other => Trouble::Damaged(brief(&other)),
        }
    }
}

impl From<XlsError> for Trouble {
    fn from(error: XlsError) -> Trouble {
        match error {
            XlsError::Password => Trouble::Encrypted,
            XlsError::Io(error) => broken_off(error),
            XlsError::WorksheetNotFound(_) => Trouble::Missing,
            other if other.to_string().contains("Workbook") => Trouble::NoWorkbook,
            other => Trouble::Damaged(brief(&other)),
        }
    }
}

impl From<OdsError> for Trouble {
    fn from(error: OdsError) -> Trouble {
        match error {
            OdsError::Password => Trouble::Encrypted,
            OdsError::Io(error) => broken_off(error),
            OdsError::CellLimitExceeded { .. } => Trouble::Sparse,
            OdsError::WorksheetNotFound(_) => Trouble::Missing,
            other => Trouble::Damaged(brief(&other)),
        }
    }
}

/// What the system did not say comes from unpacking: an end or a checksum where none should be.
fn broken_off(error: io::Error) -> Trouble {
    match error.raw_os_error() {
        Some(_) => Trouble::Io(error),
        None => Trouble::Damaged(brief(&error)),
    }
}

/// One short line of what a library said, for whoever helps the person.
fn brief(error: &dyn std::fmt::Display) -> String {
    let line: String = error.to_string().split_whitespace().collect::<Vec<_>>().join(" ");
    line.chars().take(100).collect()
}

impl Workbook {
    pub fn open(file: Bytes, format: Format) -> Result<Workbook, Trouble> {
        if format == Format::Xlsx
            && let Some(book) = Scanned::open(&file)
        {
            let (sheets, epoch_1904) = (sheets(book.sheets()), book.epoch_1904());
            return Ok(Workbook { book: Book::Scanned(Box::new(book)), format, sheets, epoch_1904 });
        }
        Workbook::open_with_calamine(file, format)
    }

    #[cfg(test)]
    pub fn is_scanned(&self) -> bool {
        matches!(self.book, Book::Scanned(_))
    }

    pub fn open_with_calamine(mut file: Bytes, format: Format) -> Result<Workbook, Trouble> {
        file.rewind().map_err(Trouble::Io)?;
        let input = BufReader::new(file);
        let book = match format {
            // Text never comes here; were it to, it would be told to be no workbook.
            Format::Xlsx | Format::Csv => Book::Xlsx(Box::new(Xlsx::new(input)?)),
            Format::Xlsb => Book::Xlsb(Box::new(Xlsb::new(input)?)),
            Format::Xls => Book::Xls(Box::new(open_xls(input)?)),
            Format::Ods => Book::Ods(Box::new(Ods::new(input)?)),
        };
        let (metadata, epoch_1904) = match &book {
            Book::Scanned(book) => (book.sheets(), book.epoch_1904()),
            Book::Xlsx(book) => (book.sheets_metadata(), book.has_1904_epoch()),
            Book::Xlsb(book) => (book.sheets_metadata(), book.has_1904_epoch()),
            Book::Xls(book) => (book.sheets_metadata(), book.has_1904_epoch()),
            Book::Ods(book) => (book.sheets_metadata(), false),
            Book::Closed => (&[][..], false),
        };
        let sheets = sheets(metadata);
        Ok(Workbook { book, format, sheets, epoch_1904 })
    }

    /// Hands the cells of a sheet to `take`, in the order of the file, until it breaks off.
    pub fn cells(&mut self, sheet: &str, take: &mut dyn FnMut(Found<'_>) -> ControlFlow<()>) -> Result<(), Trouble> {
        let mut beyond = false;
        let mut take_within = |found: Found<'_>| {
            beyond = found.row >= ROWS_MAX || found.column as usize >= COLUMNS_MAX;
            if beyond { ControlFlow::Break(()) } else { take(found) }
        };
        self.all_cells(sheet, &mut take_within)?;
        if beyond {
            return Err(Trouble::Damaged("a cell stands beyond the last row or column".into()));
        }
        Ok(())
    }

    /// Opens the file anew; the shared strings are never there twice.
    fn leave_to_calamine(&mut self, mut file: Bytes) -> Result<(), Trouble> {
        self.book = Book::Closed;
        file.rewind().map_err(Trouble::Io)?;
        self.book = Book::Xlsx(Box::new(Xlsx::new(BufReader::new(file))?));
        Ok(())
    }

    fn all_cells(&mut self, sheet: &str, take: &mut dyn FnMut(Found<'_>) -> ControlFlow<()>) -> Result<(), Trouble> {
        match &mut self.book {
            Book::Scanned(book) => {
                let mut given = 0;
                let scanned = book.cells(sheet, &mut |found| {
                    given += 1;
                    take(found)
                });
                if scanned.is_ok() {
                    return Ok(());
                }
                let file = book.file.try_clone().map_err(Trouble::Io)?;
                self.leave_to_calamine(file)?;
                // It gives the same cells; those before the unusual one have been taken.
                let mut passed = 0_u64;
                self.all_cells(sheet, &mut |found| {
                    passed += 1;
                    if passed <= given { ControlFlow::Continue(()) } else { take(found) }
                })
            }
            Book::Closed => Err(Trouble::Damaged(String::new())),
            Book::Xlsx(book) => xlsx_cells(book, sheet, take),
            Book::Xlsb(book) => {
                let mut cells = book.worksheet_cells_reader(sheet)?;
                while let Some(cell) = cells.next_cell()? {
                    let (row, column) = cell.get_position();
                    let found = Found { row, column, value: Value::from(cell.get_value()), uncomputed: false };
                    if take(found).is_break() {
                        break;
                    }
                }
                Ok(())
            }
            Book::Xls(book) => {
                range_cells(&book.worksheet_range(sheet)?, take);
                Ok(())
            }
            Book::Ods(book) => {
                range_cells(&book.worksheet_range(sheet)?, take);
                Ok(())
            }
        }
    }
}

fn sheets(metadata: &[calamine::Sheet]) -> Vec<Sheet> {
    let sheet = |sheet: &calamine::Sheet| Sheet {
        name: sheet.name.clone(),
        visible: sheet.visible == SheetVisible::Visible,
        table: sheet.typ == SheetType::WorkSheet,
    };
    metadata.iter().map(sheet).collect()
}

fn open_xls(mut input: Input) -> Result<Xls<Input>, Trouble> {
    // A workbook with a password is an encrypted stream in a file of the old kind, whatever its name; only the reader
    // of the new kind knows that. What else that one has to say about an .xls does not matter.
    let probe = BufReader::new(input.get_ref().try_clone().map_err(Trouble::Io)?);
    if let Err(XlsxError::Password) = Xlsx::new(probe) {
        return Err(Trouble::Encrypted);
    }
    input.rewind().map_err(Trouble::Io)?;
    let mut file = Vec::new();
    input.read_to_end(&mut file).map_err(Trouble::Io)?;
    if !extent::is_bearable(&file) {
        return Err(Trouble::Sparse);
    }
    drop(file);
    input.rewind().map_err(Trouble::Io)?;
    Ok(Xls::new(input)?)
}

fn xlsx_cells(
    book: &mut Xlsx<Input>,
    sheet: &str,
    take: &mut dyn FnMut(Found<'_>) -> ControlFlow<()>,
) -> Result<(), Trouble> {
    let mut cells = book.worksheet_cells_reader(sheet)?;
    let mut row = 0;
    loop {
        let cell = match cells.next_cell_with_formula_metadata() {
            Ok(None) => return Ok(()),
            Ok(Some(cell)) => cell,
            // `calamine` knows the errors of Excel 2007 only, and does not say where it met another one.
            Err(XlsxError::CellError(name)) => return Err(Trouble::UnknownError { name, near_row: row + 1 }),
            Err(error) => return Err(error.into()),
        };
        row = cell.pos.0;
        let uncomputed = cell.formula.is_some() && cell.value == DataRef::Empty;
        let value = Value::from(&cell.value);
        if take(Found { row, column: cell.pos.1, value, uncomputed }).is_break() {
            return Ok(());
        }
    }
}

fn range_cells(range: &calamine::Range<calamine::Data>, take: &mut dyn FnMut(Found<'_>) -> ControlFlow<()>) {
    let (top, left) = range.start().unwrap_or((0, 0));
    for (row, column, value) in range.used_cells() {
        let (row, column) = (top + row as u32, left + column as u32);
        if take(Found { row, column, value: Value::from(value), uncomputed: false }).is_break() {
            return;
        }
    }
}
