//! A workbook taken apart and put together again, as a person with Excel would leave it: the rows edited, what is hidden
//! kept.

use calamine::{Data, Reader, SheetVisible, Xlsx, open_workbook};
use rust_xlsxwriter::{Format, Workbook};
use std::fs::File;
use std::io::BufReader;
use std::path::Path;

pub use calamine::Data as Cell;

#[derive(Clone)]
pub struct Book {
    name: String,
    /// Of the first sheet, the titles included.
    pub rows: Vec<Vec<Data>>,
    others: Vec<(String, SheetVisible, Vec<Vec<Data>>)>,
}

impl Book {
    pub fn read(path: &Path) -> Book {
        let mut book: Xlsx<BufReader<File>> = open_workbook(path).expect("a workbook");
        let sheets: Vec<(String, SheetVisible)> =
            book.sheets_metadata().iter().map(|sheet| (sheet.name.clone(), sheet.visible)).collect();
        let mut all: Vec<_> = sheets
            .into_iter()
            .map(|(name, visible)| {
                let range = book.worksheet_range(&name).expect("a sheet");
                (name, visible, range.rows().map(<[Data]>::to_vec).collect())
            })
            .collect();
        let (name, _, rows) = all.remove(0);
        Book { name, rows, others: all }
    }

    pub fn column(&self, title: &str) -> usize {
        self.rows[0].iter().position(|cell| *cell == *title).unwrap_or_else(|| panic!("no column {title}"))
    }

    /// Changes what the workbook says of its export.
    pub fn say(&mut self, word: &str, value: &str) {
        let rows = self.others.iter_mut().flat_map(|(_, _, rows)| rows);
        let row = rows.into_iter().find(|row| row.first().is_some_and(|cell| *cell == *word)).expect("the word");
        row[1] = Data::String(value.into());
    }

    /// Leaves of what it hides what an earlier version has hidden: of each row its hashes as a whole.
    pub fn forget_cells(&mut self) {
        for row in self.others.iter_mut().flat_map(|(_, _, rows)| rows).filter(|row| row[0] == *"row") {
            row.truncate(4);
        }
    }

    /// The hash of what can be sent of a row, as the export has hidden it.
    pub fn row_hash(&self, id: u64) -> String {
        let mut rows = self.others.iter().flat_map(|(_, _, rows)| rows);
        let row = rows.find(|row| row[0] == *"row" && row[1] == *id.to_string().as_str()).expect("the row");
        row[2].to_string()
    }

    pub fn has(&self, title: &str) -> bool {
        self.rows[0].iter().any(|cell| *cell == *title)
    }

    pub fn id(&self, row: usize) -> u64 {
        self.rows[row][self.column("ID")].to_string().parse().expect("an id")
    }

    pub fn write(&self, path: &Path) {
        let mut workbook = Workbook::new();
        let date = Format::new().set_num_format("yyyy-mm-dd hh:mm");
        let first = [(self.name.clone(), SheetVisible::Visible, self.rows.clone())];
        for (name, visible, rows) in first.iter().chain(&self.others) {
            let sheet = workbook.add_worksheet();
            sheet.set_name(name).expect("a name");
            sheet.set_very_hidden(*visible == SheetVisible::VeryHidden);
            for (row, cells) in (0..).zip(rows) {
                for (column, cell) in (0..).zip(cells) {
                    match cell {
                        Data::Empty => Ok(&mut *sheet),
                        Data::Float(number) => sheet.write_number(row, column, *number),
                        Data::Int(number) => sheet.write_number(row, column, *number as f64),
                        Data::Bool(flag) => sheet.write_boolean(row, column, *flag),
                        Data::DateTime(at) => sheet.write_number_with_format(row, column, at.as_f64(), &date),
                        other => sheet.write_string(row, column, other.to_string()),
                    }
                    .expect("a cell");
                }
            }
        }
        workbook.save(path).expect("a workbook");
    }
}
