//! What the person said about a source (`ReadOptions`) and what was found in it (`Layout`), with the one line that
//! is printed about it. Finding things out is done in `encoding`, `dialect` and `workbook`.

use crate::problem::Note;
use std::fmt;

/// What the person said about the source; every `None` is guessed.
#[derive(Debug, Clone, Default)]
pub struct ReadOptions {
    /// A name, or the number of a visible sheet, counted from 1.
    pub sheet: Option<String>,
    /// As Excel shows it.
    pub header_row: Option<u32>,
    /// `windows-1251`, `cp1251`, `koi8-r`, `cp866`, `utf-16` and whatever else `encoding_rs` knows.
    pub encoding: Option<String>,
    pub delimiter: Option<char>,
    /// Column titles the mapping asks for; where known they decide encoding, delimiter, header row and sheet.
    pub titles: Vec<String>,
    pub beyond_ascii: BeyondAscii,
}

/// What is done about a long CSV whose sample is all ASCII, which says nothing of its encoding.
#[derive(Debug, Clone, Default)]
pub enum BeyondAscii {
    /// The file is searched for its first other letter.
    #[default]
    Search,
    /// Nothing: the encoding is known, or will be judged by a `Fingerprint` (`Layout::encoding_open`).
    Leave,
    /// A fingerprint has it.
    Found(Vec<u8>),
}

/// What a file is, by its content; its name does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    Csv,
    Xlsx,
    Xlsb,
    Xls,
    Ods,
}

impl Format {
    /// `xlsx`, the way a file name would end.
    pub fn word(self) -> &'static str {
        match self {
            Format::Csv => "csv",
            Format::Xlsx => "xlsx",
            Format::Xlsb => "xlsb",
            Format::Xls => "xls",
            Format::Ods => "ods",
        }
    }
}

/// What was found, or guessed, about a source.
#[derive(Debug, Clone)]
pub struct Layout {
    pub format: Format,
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
    /// As Excel shows it.
    pub header_row: u32,
    /// Which of `encoding`, `delimiter`, `sheet` and `header row` nobody named and the file did not prove.
    pub guessed: Vec<&'static str>,
    /// The sample is all ASCII and the rest of the file was not looked at: a `Fingerprint` has to say.
    pub encoding_open: bool,
    /// Things worth telling, found when the source was opened; `Table::notes` has these and the later ones.
    pub notes: Vec<Note>,
}

impl fmt::Display for Layout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.format {
            Format::Csv => {
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
            Format::Ods => f.write_str("OpenDocument (ods)")?,
            Format::Xlsx | Format::Xlsb | Format::Xls => write!(f, "Excel ({})", self.format.word())?,
        }
        if let Some(sheet) = &self.sheet {
            write!(f, ", sheet \"{sheet}\"")?;
            if self.sheets.len() > 1 {
                write!(f, " ({} sheets)", self.sheets.len())?;
            }
        }
        write!(f, ", header in row {}", self.header_row)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_layout_reads_as_one_line() {
        let csv = Layout {
            format: Format::Csv,
            encoding: Some("windows-1251"),
            bom: false,
            delimiter: Some(';'),
            sheet: None,
            sheets: Vec::new(),
            hidden_sheets: Vec::new(),
            header_row: 3,
            guessed: Vec::new(),
            encoding_open: false,
            notes: Vec::new(),
        };
        assert_eq!(csv.to_string(), "CSV, windows-1251, `;`, header in row 3");
        let sheets = vec!["Заявки".to_owned(), "Лист2".to_owned()];
        let book = Layout {
            format: Format::Xlsx,
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
