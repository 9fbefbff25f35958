//! Workbooks opened, each kind by a reader of its own: their sheets, what a sheet says besides its cells, and the cells in
//! order. Which sheet and which row is decided in `choose`; how cells travel to the reader of rows, in `sheet_in`.

use super::input::Input;
use super::kind;
use super::layout::Format;
use super::ods::OpenDocument;
use super::record::COLUMNS_MAX;
use super::sheet_facts::SheetFacts;
use super::value::Value;
use super::xls::XlsBook;
use super::xlsb::XlsbBook;
use super::xlsx::XlsxBook;
use crate::message;
use crate::problem::Problem;
use std::io;
use std::ops::ControlFlow;
use std::path::Path;

/// Excel has 1 048 576 rows, LibreOffice up to sixteen times as many.
pub const ROWS_MAX: u32 = 1 << 24;
/// What a cell beyond the last row or column is called.
pub const BEYOND: &str = "a cell stands beyond the last row or column";

/// An open workbook.
pub struct Workbook {
    book: Book,
    pub format: Format,
    pub sheets: Vec<Sheet>,
    pub epoch_1904: bool,
}

enum Book {
    Xlsx(Box<XlsxBook>),
    Xlsb(Box<XlsbBook>),
    Xls(Box<XlsBook>),
    Ods(Box<OpenDocument>),
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
    /// It is the result of a formula.
    pub formula: bool,
}

/// Why a workbook, or a sheet of it, cannot be read.
pub enum Trouble {
    Encrypted,
    /// An `.xls` that holds no workbook: another program's document, or an encrypted one.
    NoWorkbook,
    Missing,
    /// A part that unpacks to more than is read of it.
    TooLarge {
        part: String,
        megabytes: u64,
    },
    Io(io::Error),
    /// What is wrong, in words anybody understands; empty where there are none.
    Damaged(String),
}

impl Trouble {
    pub fn damaged(detail: &str) -> Trouble {
        Trouble::Damaged(detail.to_owned())
    }

    pub fn problem(self, path: &Path, sheet: Option<&str>) -> Problem {
        match self {
            Trouble::Encrypted => Problem::in_file(path, "encrypted", "this workbook is protected by a password")
                .hint("open it in Excel, remove the password (File, Info, Protect Workbook) and save it"),
            Trouble::NoWorkbook => {
                Problem::in_file(path, "not-a-table", "this is a document of another program, not a workbook")
                    .hint("choose a CSV file or an Excel workbook")
            }
            Trouble::TooLarge { part, megabytes } => {
                let message = message!(
                    "this workbook unpacks to more than {size} MB in one part ({part}), which is too much to be read",
                    size = megabytes,
                    part
                );
                Problem::in_file(path, "file-too-big", message).hint(kind::FEWER_CELLS)
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

impl Workbook {
    pub fn open(file: Input, format: Format) -> Result<Workbook, Trouble> {
        let (book, sheets, epoch_1904) = match format {
            // Text never comes here; were it to, it would be told to be no workbook.
            Format::Xlsx | Format::Csv => {
                let book = XlsxBook::open(&file)?;
                let (sheets, epoch_1904) = (book.sheets(), book.epoch_1904());
                (Book::Xlsx(Box::new(book)), sheets, epoch_1904)
            }
            Format::Xlsb => {
                let book = XlsbBook::open(&file)?;
                let (sheets, epoch_1904) = (book.sheets(), book.epoch_1904());
                (Book::Xlsb(Box::new(book)), sheets, epoch_1904)
            }
            Format::Xls => {
                let book = XlsBook::open(file)?;
                let (sheets, epoch_1904) = (book.sheets(), book.epoch_1904());
                (Book::Xls(Box::new(book)), sheets, epoch_1904)
            }
            Format::Ods => {
                let book = OpenDocument::open(file)?;
                let sheets = book.sheets();
                (Book::Ods(Box::new(book)), sheets, false)
            }
        };
        Ok(Workbook { book, format, sheets, epoch_1904 })
    }

    /// Hands the cells of a sheet to `take`, in the order of the file, until it breaks off.
    pub fn cells(&mut self, sheet: &str, take: &mut dyn FnMut(Found<'_>) -> ControlFlow<()>) -> Result<(), Trouble> {
        let mut beyond = false;
        let mut take_within = |found: Found<'_>| {
            beyond = found.row >= ROWS_MAX || found.column as usize >= COLUMNS_MAX;
            if beyond { ControlFlow::Break(()) } else { take(found) }
        };
        match &mut self.book {
            Book::Xlsx(book) => book.cells(sheet, &mut take_within)?,
            Book::Xlsb(book) => book.cells(sheet, &mut take_within)?,
            Book::Xls(book) => book.cells(sheet, &mut take_within)?,
            Book::Ods(book) => book.cells(sheet, &mut take_within)?,
        }
        if beyond { Err(Trouble::damaged(BEYOND)) } else { Ok(()) }
    }

    /// What the sheet says besides its cells; `links` are looked for where they are wanted.
    pub fn facts(&mut self, sheet: &str, links: bool) -> Result<SheetFacts, Trouble> {
        match &mut self.book {
            Book::Xlsx(book) => book.facts(sheet, links),
            Book::Xlsb(book) => book.facts(sheet, links),
            Book::Xls(book) => book.facts(sheet, links),
            Book::Ods(book) => book.facts(sheet, links),
        }
    }
}
