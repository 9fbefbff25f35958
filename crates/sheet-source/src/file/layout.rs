//! What the person said about a source (`ReadOptions`) and what was found in it (`Layout`), with the one line that
//! is printed about it. Finding things out is done in `encoding`, `dialect` and `workbook`.

use crate::encoding::{EncodingDoubt, Evidence};
use crate::message;
use crate::problem::{Message, Note};
use crate::row::Row;
use std::fmt;
use std::sync::Arc;

/// What the person said about the source; every `None` is guessed.
#[derive(Debug, Clone, Default)]
pub struct ReadOptions {
    /// A name, or the number of a visible sheet, counted from 1.
    pub sheet: Option<String>,
    /// As Excel shows it; 0 where there is none, and columns are named by their letters.
    pub header_row: Option<u32>,
    /// What is done about rows that are not shown.
    pub hidden_rows: Option<HiddenRows>,
    /// `windows-1251`, `cp1251`, `koi8-r`, `cp866`, `utf-16` and whatever else `encoding_rs` knows.
    pub encoding: Option<String>,
    pub delimiter: Option<char>,
    /// Column titles the mapping asks for; where known they decide encoding, delimiter, header row and sheet.
    pub titles: Vec<String>,
    /// Addresses behind texts are wanted as well: the mapping names `Title@link`.
    pub links: bool,
    /// Titles of columns in which an empty cell has the value of the one above it.
    pub fill_down: Vec<String>,
    /// Other words that may be expected in it, such as names of options and stages; they help to find out its encoding.
    pub words: Vec<String>,
    pub encoding_scan: EncodingScan,
}

/// What is done about a long CSV: all of it has a say in its encoding.
#[derive(Debug, Clone, Default)]
pub enum EncodingScan {
    /// The file is searched for its letters beyond ASCII, once more where they are not UTF-8.
    #[default]
    WholeFile,
    /// Nothing: the encoding is known, or will be judged by a `Fingerprint` (`Layout::encoding_undecided`).
    StartOnly,
    /// A fingerprint has it.
    Known(Box<Evidence>),
}

/// What is done about rows that a sheet does not show: hidden, filtered out, folded away.
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
    /// That there are some.
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

/// What a file is, by its content; its name does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileFormat {
    Csv,
    Xlsx,
    Xlsb,
    Xls,
    Ods,
}

impl FileFormat {
    /// `xlsx`, the way a file name would end.
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

/// What was found, or guessed, about a source.
#[derive(Debug, Clone)]
pub struct Layout {
    pub format: FileFormat,
    /// The name `encoding_rs` gives it; `None` for workbooks.
    pub encoding: Option<&'static str>,
    /// A byte order mark stands at the start.
    pub bom: bool,
    /// `None` for workbooks, and for a CSV of a single column.
    pub delimiter: Option<char>,
    /// The sheet that is read; `None` for CSV.
    pub sheet: Option<String>,
    /// The visible worksheets, in their order.
    pub sheets: Vec<String>,
    pub hidden_sheets: Vec<String>,
    /// As Excel shows it; 0 where there is none.
    pub header_row: u32,
    /// The titles stand in that row and the next one.
    pub two_rows: bool,
    /// Addresses behind texts were asked for.
    pub links: bool,
    /// As it was asked.
    pub fill_down: Vec<String>,
    /// What was said about rows that are not shown.
    pub hidden_rows: Option<HiddenRows>,
    /// Rows below the header that hold something and are not shown.
    pub hidden: HiddenCount,
    /// Short rows are rare enough that one may be the rest of the row before it.
    pub(crate) cut_rows: bool,
    /// Some rows below the header.
    pub(crate) sample: Arc<[Row]>,
    /// Which of `encoding`, `delimiter`, `sheet` and `header row` nobody named and the file did not prove.
    pub guessed: Vec<&'static str>,
    /// The rest of the file was not looked at, and may say otherwise than its start: a `Fingerprint` has to say.
    pub encoding_undecided: bool,
    /// Nobody named the encoding, and it is too unclear to import the file.
    pub encoding_doubt: Option<EncodingDoubt>,
    /// Things worth telling, found when the source was opened; `Table::notes` has these and the later ones.
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
