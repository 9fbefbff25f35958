//! What the user asks of a source (`ReadOptions`) and what is found in it (`Layout`), with the one line that
//! describes it. The detection is in `encoding`, `dialect` and `workbook`.

use crate::encoding::{EncodingDoubt, Evidence};
use crate::message;
use crate::problem::{Message, Note};
use crate::row::Row;
use std::fmt;
use std::sync::Arc;

/// What the user asks of the source; every `None` is detected.
#[derive(Debug, Clone, Default)]
pub struct ReadOptions {
    /// A name, or the number of a visible sheet, counted from 1.
    pub sheet: Option<String>,
    /// As Excel shows it; 0 if there is no header and columns are named by their letters.
    pub header_row: Option<u32>,
    /// What to do with rows that are not shown.
    pub hidden_rows: Option<HiddenRows>,
    /// `windows-1251`, `cp1251`, `koi8-r`, `cp866`, `utf-16` and everything that `encoding_rs` knows.
    pub encoding: Option<String>,
    pub delimiter: Option<char>,
    /// Column titles that the mapping needs; if found, they decide encoding, delimiter, header row and sheet.
    pub titles: Vec<String>,
    /// Read link addresses too: the mapping uses `Title@link`.
    pub links: bool,
    /// Titles of columns in which an empty cell takes the value of the cell above.
    pub fill_down: Vec<String>,
    /// Other words expected in the source, such as names of options and stages; they help to detect the encoding.
    pub words: Vec<String>,
    pub encoding_scan: EncodingScan,
}

/// How much of a long CSV is read to detect its encoding.
#[derive(Debug, Clone, Default)]
pub enum EncodingScan {
    /// Scan the file for its non-ASCII bytes, in a second pass if they are not UTF-8.
    #[default]
    WholeFile,
    /// Only the start: the encoding is known, or a `Fingerprint` decides it later (`Layout::encoding_undecided`).
    StartOnly,
    /// The evidence of a fingerprint.
    Known(Box<Evidence>),
}

/// What to do with rows that a sheet does not show: hidden, filtered out or collapsed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HiddenRows {
    Import,
    Skip,
}

impl HiddenRows {
    pub const WORDS: [&'static str; 2] = ["import", "skip"];

    pub fn from_word(word: &str) -> Option<HiddenRows> {
        match word {
            "import" => Some(HiddenRows::Import),
            "skip" => Some(HiddenRows::Skip),
            _ => None,
        }
    }
}

/// Rows that are not shown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct HiddenCount {
    pub rows: u32,
    /// The first of them, as Excel shows it.
    pub first: u32,
}

impl HiddenCount {
    /// The message that there are such rows.
    pub fn message(self) -> Message {
        match self.rows {
            1 => message!(
                "the sheet does not show row {first}: it is hidden, filtered out or collapsed",
                first = self.first
            ),
            rows => message!(
                "the sheet does not show {rows} of its rows, the first is row {first}: they are hidden, filtered out or collapsed",
                rows,
                first = self.first
            ),
        }
    }
}

/// The format of a file by its content; its name does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileFormat {
    Csv,
    Xlsx,
    Xlsb,
    Xls,
    Ods,
}

impl FileFormat {
    /// `xlsx`, like the extension of a file name.
    pub fn word(self) -> &'static str {
        match self {
            FileFormat::Csv => "csv",
            FileFormat::Xlsx => "xlsx",
            FileFormat::Xlsb => "xlsb",
            FileFormat::Xls => "xls",
            FileFormat::Ods => "ods",
        }
    }
}

/// What was found or guessed about a source.
#[derive(Debug, Clone)]
pub struct Layout {
    pub format: FileFormat,
    /// The name in `encoding_rs`; `None` for workbooks.
    pub encoding: Option<&'static str>,
    /// True if the file starts with a byte order mark.
    pub bom: bool,
    /// `None` for workbooks, and for a CSV with one column.
    pub delimiter: Option<char>,
    /// The sheet that is read; `None` for CSV.
    pub sheet: Option<String>,
    /// The visible worksheets in order.
    pub sheets: Vec<String>,
    pub hidden_sheets: Vec<String>,
    /// As Excel shows it; 0 if there is none.
    pub header_row: u32,
    /// True if the titles are in that row and the next one.
    pub two_rows: bool,
    /// True if link addresses are read.
    pub links: bool,
    /// As in `ReadOptions`.
    pub fill_down: Vec<String>,
    /// As in `ReadOptions`.
    pub hidden_rows: Option<HiddenRows>,
    /// Rows below the header that have content and are not shown.
    pub hidden: HiddenCount,
    /// Short rows are rare enough that one can be the rest of the row before it.
    pub(crate) cut_rows: bool,
    /// Some rows below the header.
    pub(crate) sample: Arc<[Row]>,
    /// Which of `encoding`, `delimiter`, `sheet` and `header row` were neither named nor proven.
    pub guessed: Vec<&'static str>,
    /// True if only the start of the file was read and the rest can change the encoding: a `Fingerprint` decides.
    pub encoding_undecided: bool,
    /// Set if the encoding was not named and is too uncertain to import the file.
    pub encoding_doubt: Option<EncodingDoubt>,
    /// Notes from opening the source; `Table::notes` adds the later ones.
    pub notes: Vec<Note>,
}

impl fmt::Display for Layout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.format {
            FileFormat::Csv => {
                f.write_str("CSV")?;
                if let Some(encoding) = self.encoding {
                    write!(f, ", {encoding}")?;
                }
                match self.delimiter {
                    Some('\t') => f.write_str(", tab")?,
                    Some(delimiter) => write!(f, ", `{delimiter}`")?,
                    None => {}
                }
            }
            FileFormat::Ods => f.write_str("OpenDocument (ods)")?,
            FileFormat::Xlsx | FileFormat::Xlsb | FileFormat::Xls => write!(f, "Excel ({})", self.format.word())?,
        }
        if let Some(sheet) = &self.sheet {
            write!(f, ", sheet \"{sheet}\"")?;
            if self.sheets.len() > 1 {
                write!(f, " ({} sheets)", self.sheets.len())?;
            }
        }
        match self.header_row {
            0 => f.write_str(", no header"),
            row if self.two_rows => write!(f, ", header in rows {row} and {next}", next = row + 1),
            row => write!(f, ", header in row {row}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_layout_reads_as_one_line() {
        let csv = Layout {
            format: FileFormat::Csv,
            encoding: Some("windows-1251"),
            bom: false,
            delimiter: Some(';'),
            sheet: None,
            sheets: Vec::new(),
            hidden_sheets: Vec::new(),
            header_row: 3,
            two_rows: false,
            links: false,
            fill_down: Vec::new(),
            hidden_rows: None,
            hidden: HiddenCount::default(),
            cut_rows: false,
            sample: Arc::new([]),
            guessed: Vec::new(),
            encoding_undecided: false,
            encoding_doubt: None,
            notes: Vec::new(),
        };
        assert_eq!(csv.to_string(), "CSV, windows-1251, `;`, header in row 3");
        let sheets = vec!["Заявки".to_owned(), "Лист2".to_owned()];
        let book = Layout {
            format: FileFormat::Xlsx,
            encoding: None,
            delimiter: None,
            sheet: Some("Заявки".into()),
            sheets,
            header_row: 1,
            ..csv
        };
        assert_eq!(book.to_string(), "Excel (xlsx), sheet \"Заявки\" (2 sheets), header in row 1");
    }
}
