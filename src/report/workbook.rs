//! `results.xlsx`: the report for people, with a summary, a chart, every result and every problem.

use super::tables::{PROBLEM_COLUMNS, RESULT_COLUMNS, problem_cells};
use super::{ReportError, format_rows, record_url};
use crate::mapping::request_id;
use crate::store::{Counts, FrozenWord, ReportLine, Run, Status};
use rust_xlsxwriter::{Chart, ChartType, Color, Format, Workbook, Worksheet};
use sheet_source::problem::Note as SourceNote;
use sheet_source::{COMPRESSION, SHEET_ROWS_MAX, hyperlink_format, hyperlink_formula, truncate};
use std::fs::File;
use std::sync::mpsc::Receiver;

const HEADER: Color = Color::RGB(0xDD_EB_F7);

pub struct ReportWorkbook<'a> {
    run: &'a Run,
    workbook: Workbook,
    results: SheetSeries,
    problems: SheetSeries,
    link: Format,
}

/// A table that continues in another sheet when one is full. The sheets are written row by row and not kept in memory.
struct SheetSeries {
    name: &'static str,
    titles: &'static [&'static str],
    sheet: Option<usize>,
    row: u32,
    count: u32,
}

impl<'a> ReportWorkbook<'a> {
    pub fn new(run: &'a Run, counts: &Counts, notes: &[SourceNote]) -> Result<ReportWorkbook<'a>, ReportError> {
        let mut workbook = Workbook::new();
        workbook.set_zip_compression_level(COMPRESSION);
        let row = write_summary(workbook.add_worksheet(), run, counts)?;
        write_notes(workbook.worksheet_from_index(0)?, row + 2, notes)?;
        let pages = |name, titles| SheetSeries { name, titles, sheet: None, row: 0, count: 0 };
        Ok(ReportWorkbook {
            run,
            workbook,
            results: pages("Results", &RESULT_COLUMNS),
            problems: pages("Problems", &PROBLEM_COLUMNS),
            link: hyperlink_format(),
        })
    }

    /// Writes lines until there are no more.
    pub fn write_all(mut self, lines: Receiver<Vec<ReportLine>>) -> Result<ReportWorkbook<'a>, ReportError> {
        for line in lines.into_iter().flatten() {
            self.write_line(&line)?;
        }
        Ok(self)
    }

    fn write_line(&mut self, line: &ReportLine) -> Result<(), ReportError> {
        let head = &self.run.head;
        // A link to the sandbox inside this program leads nowhere after its end.
        let url = if head.has_address() { record_url(self.run, line) } else { line.url.clone() };
        let first = line.problems.first();
        let (sheet, row) = self.results.next_row(&mut self.workbook)?;
        let texts = [
            (0, request_id(line.row)),
            (1, head.source.path.clone()),
            (2, head.source.sheet.clone().unwrap_or_default()),
            (4, if line.more.is_empty() { String::new() } else { format_rows(line) }),
            (5, line.key.clone().unwrap_or_default()),
            (6, head.kind.word().to_owned()),
            (7, head.action.word().to_owned()),
            (8, line.status.word().to_owned()),
            (14, first.map(|p| p.stage.word().to_owned()).unwrap_or_default()),
            (15, first.map(|p| p.code.to_string()).unwrap_or_default()),
            (16, first.and_then(|p| p.place.column_title()).unwrap_or_default().to_owned()),
            (17, first.and_then(|p| p.place.cell()).unwrap_or_default()),
            (18, first.and_then(|p| p.value.clone()).unwrap_or_default()),
            (19, first.map(|p| p.message.to_string()).unwrap_or_default()),
            (20, first.and_then(|p| p.hint.as_ref()).map(ToString::to_string).unwrap_or_default()),
        ];
        let numbers = [
            (3, Some(i64::from(line.row))),
            (4, Some(i64::from(line.row))),
            (9, line.id),
            (10, line.contact_id),
            (11, line.company_id),
            (21, line.http_status),
            (22, line.batch),
            (23, Some(line.attempts)),
        ];
        // Sheets that are not kept in memory are written from left to right.
        for column in 0..RESULT_COLUMNS.len() as u16 {
            if let Some((_, text)) = texts.iter().find(|(c, text)| *c == column && !text.is_empty()) {
                sheet.write_string(row, column, truncate(text))?;
            } else if let Some((_, Some(number))) = numbers.iter().find(|(c, _)| *c == column) {
                sheet.write_number(row, column, *number as f64)?;
            } else if column == 12 && line.status == Status::Merged {
                sheet.write_boolean(row, column, true)?;
            } else if let (13, Some(url)) = (column, &url) {
                match head.has_address().then(|| hyperlink_formula(url)).flatten() {
                    Some(formula) => sheet.write_formula_with_format(row, column, formula, &self.link)?,
                    None => sheet.write_string(row, column, truncate(url))?,
                };
            }
        }
        self.write_problems(line)
    }

    fn write_problems(&mut self, line: &ReportLine) -> Result<(), ReportError> {
        for problem in &line.problems {
            let (sheet, row) = self.problems.next_row(&mut self.workbook)?;
            let cells = problem_cells(self.run, line, problem);
            for (column, cell) in cells.iter().enumerate().filter(|(_, cell)| !cell.is_empty()) {
                sheet.write_string(row, column as u16, truncate(cell))?;
            }
        }
        Ok(())
    }

    pub fn save(mut self, file: File) -> Result<(), ReportError> {
        Ok(self.workbook.save_to_writer(file)?)
    }
}

impl SheetSeries {
    /// The sheet and row for the next line; begins a new sheet with its header if needed.
    fn next_row<'w>(&mut self, workbook: &'w mut Workbook) -> Result<(&'w mut Worksheet, u32), ReportError> {
        if self.sheet.is_none() || self.row + 1 >= SHEET_ROWS_MAX {
            self.count += 1;
            let name = if self.count == 1 { self.name.to_owned() } else { format!("{} {}", self.name, self.count) };
            let sheet = workbook.add_worksheet_with_constant_memory()?;
            sheet.set_name(name)?;
            sheet.set_freeze_panes(1, 0)?;
            sheet.autofilter(0, 0, SHEET_ROWS_MAX - 1, self.titles.len() as u16 - 1)?;
            set_widths(sheet, self.titles)?;
            let bold = Format::new().set_bold().set_background_color(HEADER);
            for (column, title) in self.titles.iter().enumerate() {
                sheet.write_string_with_format(0, column as u16, *title, &bold)?;
            }
            self.row = 0;
            self.sheet = Some(workbook.worksheets().len() - 1);
        }
        self.row += 1;
        let sheet = workbook.worksheet_from_index(self.sheet.unwrap_or(0))?;
        Ok((sheet, self.row))
    }
}

fn set_widths(sheet: &mut Worksheet, titles: &[&str]) -> Result<(), ReportError> {
    for (column, title) in titles.iter().enumerate() {
        let width = match *title {
            "message" | "hint" | "url" => 50.0,
            "source" | "column" | "value" | "key" => 24.0,
            _ => 12.0,
        };
        sheet.set_column_width(column as u16, width)?;
    }
    Ok(())
}

/// Writes the notes of the run, one per row.
fn write_notes(sheet: &mut Worksheet, first: u32, notes: &[SourceNote]) -> Result<(), ReportError> {
    let bold = Format::new().set_bold();
    for (row, note) in (first..).zip(notes) {
        if row == first {
            sheet.write_string_with_format(row, 0, "noticed", &bold)?;
        }
        sheet.write_string(row, 1, truncate(&note.message.to_string()))?;
    }
    Ok(())
}

/// Writes the summary, and returns the last row.
fn write_summary(sheet: &mut Worksheet, run: &Run, counts: &Counts) -> Result<u32, ReportError> {
    let bold = Format::new().set_bold();
    let title = Format::new().set_bold().set_font_size(16);
    let head = &run.head;
    sheet.set_name("Summary")?;
    sheet.set_column_width(0, 18)?;
    sheet.set_column_width(1, 40)?;
    // LibreOffice does not adapt the height to larger letters by itself.
    sheet.set_row_height(0, 24)?;
    sheet.write_string_with_format(0, 0, format!("{} · {}", head.kind.word(), run.outcome.word()), &title)?;
    let facts = [
        ("run", run.name.clone()),
        ("source", head.source.path.clone()),
        ("sheet", head.source.sheet.clone().unwrap_or_default()),
        ("mapping", head.mapping.path.clone()),
        ("account", head.account.clone()),
        ("action", head.action.word().to_owned()),
        ("seconds", format!("{:.1}", run.elapsed_ms as f64 / 1000.0)),
        ("requests", run.sent.to_string()),
    ];
    let mut row = 2;
    for (name, value) in facts.iter().filter(|(_, value)| !value.is_empty()) {
        sheet.write_string_with_format(row, 0, *name, &bold)?;
        sheet.write_string(row, 1, truncate(value))?;
        row += 1;
    }
    row += 1;
    let first = row;
    let outcomes = [
        (Status::Created, counts.created),
        (Status::Updated, counts.updated),
        (Status::Merged, counts.merged),
        (Status::Deleted, counts.deleted),
        (Status::Unchanged, counts.unchanged),
        (Status::Rejected, counts.rejected),
        (Status::Unknown, counts.unknown),
        (Status::Unprocessed, counts.unprocessed),
        (Status::Skipped, counts.skipped),
    ];
    for (status, count) in outcomes {
        sheet.write_string_with_format(row, 0, status.word(), &bold)?;
        sheet.write_number(row, 1, count as f64)?;
        row += 1;
    }
    sheet.write_string_with_format(row, 0, "read", &bold)?;
    sheet.write_number(row, 1, counts.read as f64)?;
    let mut chart = Chart::new(ChartType::Bar);
    chart.add_series().set_categories(("Summary", first, 0, row - 1, 0)).set_values(("Summary", first, 1, row - 1, 1));
    chart.title().set_name("Records by outcome");
    chart.legend().set_hidden();
    chart.y_axis().set_reverse();
    sheet.insert_chart(1, 3, &chart)?;
    Ok(row)
}
