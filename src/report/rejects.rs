//! `rejected.xlsx`: the rejected rows as they were, with cells of the same types and comments on the wrong ones. An import of
//! it reads the same values as from the source.

use super::tables::describe_problems;
use super::{ReportError, cell_text, rejected_rows};
use crate::store::{KeptCell, NO_VALUE, ReportLine, Run, Status};
use rust_xlsxwriter::{Color, Format, Formula, Note, Workbook, Worksheet};
use sheet_source::{
    COMPRESSION, CSV_REJECTS_SHEET, FileFormat, Header, REJECT_COLUMNS, SHEET_ROWS_MAX, Scalar, escape_for_workbook,
    move_formula, stored_number, truncate, truncate_marked,
};
use std::collections::HashMap;
use std::fs::File;

/// Maximum number of rows with comments, which are kept in memory until the file is written.
const COMMENTED_MAX: u32 = 20_000;
const BAD: Color = Color::RGB(0xFF_C7_CE);
const HEADER: Color = Color::RGB(0xDD_EB_F7);
/// The number format of texts.
const TEXT: &str = "@";
/// Replaces a formula that is unknown, or would refer to other cells here; it never gives a value.
const UNKNOWN: &str = "NA()";

pub struct Rejects<'a> {
    run: &'a Run,
    workbook: Workbook,
    header: Header,
    /// Indexes of the source's columns that are repeated.
    columns: Vec<usize>,
    row: u32,
    /// There are more rows than a sheet can hold.
    full: bool,
    /// By number format and whether the cell is coloured.
    formats: HashMap<(String, bool), Format>,
}

/// The position of a cell, and whether it is coloured.
#[derive(Clone, Copy)]
struct RejectCell {
    row: u32,
    /// The row of the source.
    source_row: u32,
    column: u16,
    bad: bool,
}

impl<'a> Rejects<'a> {
    pub fn new(run: &'a Run) -> Rejects<'a> {
        let mut workbook = Workbook::new();
        workbook.set_zip_compression_level(COMPRESSION);
        let header = Header::new(&run.head.source.titles);
        let columns = header.repeated_columns().collect();
        Rejects { run, workbook, header, columns, row: 0, full: false, formats: HashMap::new() }
    }

    pub fn write_line(&mut self, line: &ReportLine) -> Result<(), ReportError> {
        if line.status != Status::Rejected || self.full {
            return Ok(());
        }
        if self.row == 0 {
            self.write_titles()?;
        }
        for (row, cells) in rejected_rows(line) {
            self.full |= self.row + 1 >= SHEET_ROWS_MAX;
            if !self.full {
                self.write_row(line, row, cells)?;
            }
        }
        Ok(())
    }

    /// True if every cell is a text of a CSV.
    fn of_csv(&self) -> bool {
        self.run.head.source.format == FileFormat::Csv
    }

    fn write_row(&mut self, line: &ReportLine, row: u32, cells: &[KeptCell]) -> Result<(), ReportError> {
        self.row += 1;
        for (column, index) in (0_u16..).zip(self.columns.clone()) {
            let mut wrong = self.cell_problems(line, row, index);
            let target = RejectCell { row: self.row, source_row: row, column, bad: !wrong.is_empty() };
            let cell = cells.get(index);
            if cell.is_some_and(is_too_long) {
                wrong.push(format!("the text is longer than a cell of Excel: import the row from {}", super::REJECTED));
            }
            if cell.is_some_and(|cell| cell.value == Scalar::Uncomputed && self.formula(target, cell).is_none()) {
                wrong.push("the result of the formula is only in the source: type the value".to_owned());
            }
            self.write_cell(target, cell)?;
            if !wrong.is_empty() && self.row <= COMMENTED_MAX {
                let note = Note::new(wrong.join("\n")).add_author_prefix(false);
                self.sheet()?.insert_note(target.row, column, &note)?;
            }
        }
        let (row_now, after) = (self.row, self.columns.len() as u16);
        let sheet = self.sheet()?;
        sheet.write_number(row_now, after, row)?;
        sheet.write_string(row_now, after + 1, line.problems.first().map_or("", |p| p.code.as_ref()))?;
        sheet.write_string(row_now, after + 2, truncate(&escape_for_workbook(&describe_problems(line))))?;
        // Cells without a title.
        for (column, cell) in (after + 3..).zip(cells.iter().skip(self.header.len())) {
            self.write_cell(RejectCell { row: row_now, source_row: row, column, bad: true }, Some(cell))?;
        }
        Ok(())
    }

    /// Messages of the problems of a cell.
    fn cell_problems(&self, line: &ReportLine, row: u32, index: usize) -> Vec<String> {
        if line.problems.is_empty() {
            return Vec::new();
        }
        let here = format!("{}{row}", sheet_source::problem::column_letter(index));
        let title = self.header.title(index);
        line.problems
            .iter()
            .filter(|p| p.place.cell().as_deref() == Some(&here) && p.place.column_title().unwrap_or("") == title)
            .map(|p| p.message.to_string())
            .collect()
    }

    fn write_cell(&mut self, target: RejectCell, cell: Option<&KeptCell>) -> Result<(), ReportError> {
        let empty = KeptCell::text("");
        let kept = cell.unwrap_or(&empty);
        let number = stored_number(kept.cell());
        let number_format = match (kept.value, &number) {
            (_, Some(stored)) => stored.format.clone(),
            // A value typed into an empty cell of a CSV is a text too.
            (Scalar::Text | Scalar::Empty, None) if self.of_csv() => TEXT.to_owned(),
            // A date typed in place of a wrong one is a date.
            (Scalar::Text, None) if !target.bad => TEXT.to_owned(),
            _ => String::new(),
        };
        let format = self.format(number_format, target.bad);
        let (row, column) = (target.row, target.column);
        let formula = self.formula(target, kept);
        let decimal = self.run.head.decimal;
        let sheet = self.sheet()?;
        match (kept.value, number) {
            (_, Some(stored)) => sheet.write_number_with_format(row, column, stored.number, &format)?,
            (Scalar::Bool(truth), None) => sheet.write_boolean_with_format(row, column, truth, &format)?,
            (Scalar::Empty, None) if kept.text.is_empty() => sheet.write_blank(row, column, &format)?,
            (Scalar::Uncomputed, None) => {
                let formula = Formula::new(formula.as_deref().unwrap_or(UNKNOWN)).set_result(NO_VALUE);
                sheet.write_formula_with_format(row, column, formula, &format)?
            }
            _ if is_too_long(kept) => {
                let text = cell_text(kept, decimal);
                sheet.write_string_with_format(row, column, truncate_marked(&escape_for_workbook(&text)), &format)?
            }
            _ => {
                let text = cell_text(kept, decimal);
                sheet.write_string_with_format(row, column, escape_for_workbook(&text), &format)?
            }
        };
        Ok(())
    }

    /// A formula without a result, moved to the new position of its row.
    fn formula(&self, target: RejectCell, kept: &KeptCell) -> Option<String> {
        let place = |column: usize| self.columns.iter().position(|known| *known == column);
        // Rows of a sheet are counted from 1.
        let is_one = kept.value == Scalar::Uncomputed;
        is_one.then(|| move_formula(&kept.text, target.source_row, target.row + 1, place)).flatten()
    }

    fn format(&mut self, number_format: String, bad: bool) -> Format {
        let build = |(number_format, bad): &(String, bool)| {
            let mut format = Format::new();
            if !number_format.is_empty() {
                format = format.set_num_format(number_format);
            }
            if *bad { format.set_background_color(BAD) } else { format }
        };
        let wanted = (number_format, bad);
        match self.formats.get(&wanted) {
            Some(format) => format.clone(),
            None => {
                let format = build(&wanted);
                self.formats.insert(wanted, format.clone());
                format
            }
        }
    }

    fn sheet(&mut self) -> Result<&mut Worksheet, ReportError> {
        Ok(self.workbook.worksheet_from_index(0)?)
    }

    fn write_titles(&mut self) -> Result<(), ReportError> {
        let of_csv = self.of_csv();
        let bold = Format::new().set_bold().set_background_color(HEADER).set_num_format(TEXT);
        let sheet = self.workbook.add_worksheet_with_constant_memory()?;
        if of_csv {
            sheet.set_name(CSV_REJECTS_SHEET)?;
        }
        sheet.set_freeze_panes(1, 0)?;
        let titles = self.columns.iter().map(|index| self.header.title(*index));
        for (column, title) in (0_u16..).zip(titles.chain(REJECT_COLUMNS)) {
            sheet.set_column_width(column, 20)?;
            sheet.write_string_with_format(0, column, truncate(&escape_for_workbook(title)), &bold)?;
        }
        Ok(())
    }

    /// Writes the workbook if there are rejected rows and one sheet holds all of them; false if it writes none.
    pub fn save(mut self, file: impl FnOnce() -> Result<File, ReportError>) -> Result<bool, ReportError> {
        let wanted = self.row > 0 && !self.full;
        if wanted {
            self.workbook.save_to_writer(file()?)?;
        }
        Ok(wanted)
    }
}

fn is_too_long(cell: &KeptCell) -> bool {
    let text = escape_for_workbook(&cell.text);
    truncate(&text).len() < text.len()
}
