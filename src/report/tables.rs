//! `results.csv`, `problems.csv`, `rejected.csv`. Other programs rely on their columns.

use super::beside::{PartialFile, ReportFiles};
use super::{PROBLEMS, REJECTED, RESULTS, ReportError, cell_text, format_rows, record_url, rejected_rows, write_error};
use crate::mapping::request_id;
use crate::store::{FrozenWord, ReportLine, Run, Status};
use sheet_source::problem::Problem;
use sheet_source::{CsvWriter, FileFormat, Header, REJECT_COLUMNS, escape_for_rejects, escape_formula};
use std::borrow::Cow;
use std::path::PathBuf;

pub const RESULT_COLUMNS: [&str; 24] = [
    "request_id",
    "source",
    "sheet",
    "row",
    "rows",
    "key",
    "kind",
    "action",
    "status",
    "id",
    "contact_id",
    "company_id",
    "merged",
    "url",
    "stage",
    "code",
    "column",
    "cell",
    "value",
    "message",
    "hint",
    "http_status",
    "batch",
    "attempts",
];

pub const PROBLEM_COLUMNS: [&str; 11] =
    ["request_id", "source", "sheet", "row", "stage", "code", "column", "cell", "value", "message", "hint"];

/// The three files, open and growing line by line.
pub struct Tables<'a> {
    run: &'a Run,
    results: TableWriter,
    problems: TableWriter,
    rejected: TableWriter,
    header: Header,
    /// Indexes of the source's columns that a reject file repeats: all except those of an earlier reject file.
    kept: Vec<usize>,
}

struct TableWriter {
    csv: CsvWriter,
    path: PathBuf,
    /// Escapes a cell, so that a spreadsheet program does not change its meaning.
    guard: fn(&str) -> Cow<'_, str>,
}

impl TableWriter {
    fn create(
        part: PartialFile,
        encoding: Option<&'static str>,
        bom: bool,
        delimiter: char,
    ) -> Result<TableWriter, ReportError> {
        let PartialFile { file, path } = part;
        let csv = CsvWriter::new(file, encoding, bom, delimiter).map_err(write_error(&path))?;
        Ok(TableWriter { csv, path, guard: escape_formula })
    }

    fn write_row<S: AsRef<str>>(&mut self, cells: impl IntoIterator<Item = S>) -> Result<(), ReportError> {
        let cells = cells.into_iter().map(|cell| (self.guard)(cell.as_ref()).into_owned());
        self.csv.write_row(cells).map_err(write_error(&self.path))
    }

    fn finish(self) -> Result<(), ReportError> {
        self.csv.finish().map_err(write_error(&self.path))
    }
}

impl<'a> Tables<'a> {
    pub fn create(run: &'a Run, beside: &ReportFiles<'_>) -> Result<Tables<'a>, ReportError> {
        let source = &run.head.source;
        // The rejects of a workbook are a CSV that Excel opens with a double click where a comma is the decimal sign.
        let csv = source.format == FileFormat::Csv;
        let bom = source.bom || !csv;
        let encoding = source.encoding.as_deref().and_then(|name| encoding_rs::Encoding::for_label(name.as_bytes()));
        let header = Header::new(&source.titles);
        let mut tables = Tables {
            run,
            results: TableWriter::create(beside.create(RESULTS)?, None, false, ',')?,
            problems: TableWriter::create(beside.create(PROBLEMS)?, None, false, ',')?,
            rejected: TableWriter::create(
                beside.create(REJECTED)?,
                encoding.map(|e| e.name()),
                bom,
                source.delimiter.filter(|_| csv).unwrap_or(';'),
            )?,
            kept: header.repeated_columns().collect(),
            header,
        };
        tables.rejected.guard = escape_for_rejects;
        tables.results.write_row(RESULT_COLUMNS)?;
        tables.problems.write_row(PROBLEM_COLUMNS)?;
        let titles = tables.kept.iter().map(|index| tables.header.title(*index));
        tables.rejected.write_row(titles.chain(REJECT_COLUMNS))?;
        Ok(tables)
    }

    pub fn write_line(&mut self, line: &ReportLine) -> Result<(), ReportError> {
        self.write_result(line)?;
        self.write_problems(line)?;
        if line.status == Status::Rejected { self.write_rejected(line) } else { Ok(()) }
    }

    fn write_result(&mut self, line: &ReportLine) -> Result<(), ReportError> {
        let head = &self.run.head;
        let first = line.problems.first();
        let number = |n: Option<i64>| n.map(|n| n.to_string()).unwrap_or_default();
        let text = |t: Option<&String>| t.cloned().unwrap_or_default();
        let merged = match line.status {
            Status::Merged => "true",
            Status::Created | Status::Updated => "false",
            Status::Deleted
            | Status::Unchanged
            | Status::Skipped
            | Status::Rejected
            | Status::Unknown
            | Status::Unprocessed => "",
        };
        let cells: [String; 24] = [
            request_id(line.row),
            head.source.path.clone(),
            text(head.source.sheet.as_ref()),
            line.row.to_string(),
            format_rows(line),
            text(line.key.as_ref()),
            head.kind.word().to_owned(),
            head.action.word().to_owned(),
            line.status.word().to_owned(),
            number(line.id),
            number(line.contact_id),
            number(line.company_id),
            merged.to_owned(),
            record_url(self.run, line).unwrap_or_default(),
            first.map(|p| p.stage.word().to_owned()).unwrap_or_default(),
            first.map(|p| p.code.to_string()).unwrap_or_default(),
            first.and_then(|p| p.place.column_title()).unwrap_or_default().to_owned(),
            first.and_then(|p| p.place.cell()).unwrap_or_default(),
            text(first.and_then(|p| p.value.as_ref())),
            first.map(|p| p.message.to_string()).unwrap_or_default(),
            first.and_then(|p| p.hint.as_ref()).map(ToString::to_string).unwrap_or_default(),
            number(line.http_status),
            number(line.batch),
            line.attempts.to_string(),
        ];
        self.results.write_row(&cells)
    }

    fn write_problems(&mut self, line: &ReportLine) -> Result<(), ReportError> {
        for problem in &line.problems {
            self.problems.write_row(problem_cells(self.run, line, problem))?;
        }
        Ok(())
    }

    fn write_rejected(&mut self, line: &ReportLine) -> Result<(), ReportError> {
        let code = line.problems.first().map_or("", |p| p.code.as_ref());
        let message = describe_problems(line);
        for (row, cells) in rejected_rows(line) {
            let row = row.to_string();
            let decimal = self.run.head.decimal;
            let own =
                self.kept.iter().map(|index| cells.get(*index).map_or(Cow::Borrowed(""), |c| cell_text(c, decimal)));
            let ours = [row.as_str(), code, message.as_str()].map(Cow::Borrowed);
            let beyond = cells.iter().skip(self.header.len()).map(|cell| cell_text(cell, decimal));
            self.rejected.write_row(own.chain(ours).chain(beyond))?;
        }
        Ok(())
    }

    pub fn finish(self) -> Result<(), ReportError> {
        self.results.finish()?;
        self.problems.finish()?;
        self.rejected.finish()
    }
}

/// A problem in the order of `PROBLEM_COLUMNS`.
pub fn problem_cells(run: &Run, line: &ReportLine, problem: &Problem) -> [String; 11] {
    let source = &run.head.source;
    let text = |t: &Option<String>| t.clone().unwrap_or_default();
    [
        request_id(line.row),
        source.path.clone(),
        text(&source.sheet),
        line.row.to_string(),
        problem.stage.word().to_owned(),
        problem.code.to_string(),
        problem.place.column_title().unwrap_or_default().to_owned(),
        problem.place.cell().unwrap_or_default(),
        text(&problem.value),
        problem.message.to_string(),
        problem.hint.as_ref().map(ToString::to_string).unwrap_or_default(),
    ]
}

/// All problems of a record in one cell.
pub fn describe_problems(line: &ReportLine) -> String {
    let described: Vec<String> = line
        .problems
        .iter()
        .map(|p| {
            let place = p.place.cell().map(|cell| format!("{cell}: ")).unwrap_or_default();
            let hint = p.hint.as_ref().map(|hint| format!("; {hint}")).unwrap_or_default();
            format!("{place}{}{hint}", p.message)
        })
        .collect();
    described.join(" | ")
}
