//! Chooses the sheet of a workbook and its header row.

use crate::cell::{Scalar, value};
use crate::file::error::WorkbookError;
use crate::file::error::empty_file;
use crate::file::layout::ReadOptions;
use crate::message;
use crate::problem::{Message, Note, Problem, did_you_mean, quoted};
use crate::row::Row;
use crate::row::find_header::{self, SAMPLE_ROWS};
use crate::row::header::fold;
use crate::workbook::book::Workbook;
use crate::workbook::sheet::Sheet;
use crate::workbook::sheet::metadata::SheetMetadata;
use std::cmp::Ordering;
use std::ops::ControlFlow;
use std::path::Path;

/// Cells examined in a sheet before it counts as empty; formatted blank cells are cells too.
const SAMPLE_CELLS: usize = 1 << 20;
/// Text bytes of the sample of one sheet; fifty rows of any real sheet have fewer.
const SAMPLE_TEXT_BYTES: usize = 16 << 20;

/// The chosen sheet and header row.
pub struct SheetChoice {
    pub sheet: String,
    /// As Excel shows it.
    pub header_row: u32,
    /// True if the titles are in that row and the next one.
    pub two_rows: bool,
    pub metadata: SheetMetadata,
    /// Its first rows with content.
    pub sample: Vec<Row>,
    pub guessed: Vec<&'static str>,
    pub notes: Vec<Note>,
}

pub fn choose(path: &Path, book: &mut Workbook, options: &ReadOptions) -> Result<SheetChoice, Problem> {
    let names: Vec<String> = match &options.sheet {
        Some(wanted) => vec![find_sheet(path, &book.sheets, wanted)?],
        None => book.sheets.iter().filter(|s| s.visible && s.is_worksheet).map(|s| s.name.clone()).collect(),
    };
    let mut best: Option<(usize, SheetChoice)> = None;
    let mut damaged: Option<Problem> = None;
    let mut sampled: Vec<Row> = Vec::new();
    // Sheets with as many of the titles as the best one.
    let mut tied: Vec<&String> = Vec::new();
    for name in &names {
        let rows = match read_sample(book, name) {
            Ok(rows) => rows,
            Err(error) => {
                damaged.get_or_insert(error.into_problem(path, Some(name)));
                continue;
            }
        };
        let by_titles = find_header::find_by_titles(&rows, &options.titles);
        let Some(header) = by_titles.map(|(index, _)| index).or_else(|| find_header::find_header(&rows, &[])) else {
            continue;
        };
        let matched = match options.header_row {
            Some(asked) => {
                rows.iter().find(|r| r.number == asked).map_or(0, |r| find_header::count_titles(r, &options.titles))
            }
            None => by_titles.map_or(0, |(_, matched)| matched),
        };
        match best.as_ref().map(|(most, _)| matched.cmp(most)) {
            Some(Ordering::Equal) => tied.push(name),
            Some(Ordering::Less) => {}
            Some(Ordering::Greater) | None => tied = vec![name],
        }
        if best.as_ref().is_none_or(|(most, _)| matched > *most) {
            let header_row = options.header_row.unwrap_or(rows[header].number);
            let (guessed, notes, metadata) = (Vec::new(), Vec::new(), SheetMetadata::default());
            let choice = SheetChoice {
                sheet: name.clone(),
                header_row,
                two_rows: false,
                metadata,
                sample: Vec::new(),
                guessed,
                notes,
            };
            best = Some((matched, choice));
            sampled = rows;
        }
        if options.titles.is_empty() {
            break;
        }
    }
    let Some((matched, mut choice)) = best else {
        return Err(damaged.unwrap_or_else(|| empty_workbook(path, book, options)));
    };
    if matched > 0 && tied.len() > 1 {
        return Err(ambiguous_sheets(path, &tied));
    }
    let metadata = book.metadata(&choice.sheet, options.links);
    choice.metadata = metadata.map_err(|error| error.into_problem(path, Some(&choice.sheet)))?;
    let upper = choice.header_row.saturating_sub(1);
    if options.header_row.is_none() && header_in_two_rows(&sampled, upper, &choice.metadata) {
        // The requested titles are in the lower row.
        choice.header_row = upper;
    }
    choice.two_rows = header_in_two_rows(&sampled, choice.header_row, &choice.metadata);
    choice.sample = sampled;
    // The requested titles were found, which confirms the rest.
    if matched == 0 && options.sheet.is_none() && book.sheets.iter().filter(|s| s.is_worksheet).count() > 1 {
        choice.guessed.push("sheet");
    }
    if matched == 0 && options.header_row.is_none() {
        choice.guessed.push("header row");
    }
    if let Some(problem) = damaged {
        let message = message!("another sheet of this workbook cannot be read: {why}", why = problem.message);
        choice.notes.push(Note::new("sheet-unreadable", message));
    }
    Ok(choice)
}

/// The user chooses between several sheets.
fn ambiguous_sheets(path: &Path, sheets: &[&String]) -> Problem {
    let named: Vec<String> = sheets.iter().map(|sheet| quoted(sheet)).map(|arg| arg.to_string()).collect();
    let message = message!("several sheets have the columns of the mapping: {sheets}", sheets = named);
    Problem::in_file(path, "several-sheets", message)
        .hint("choose one with --sheet, or with sheet = \"…\" under [source]")
}

/// True if a title is merged over several columns and the row below has a title for each of them, and nothing
/// elsewhere. A title merged over the whole table is a caption.
fn header_in_two_rows(rows: &[Row], header_row: u32, metadata: &SheetMetadata) -> bool {
    let Some(top) = header_row.checked_sub(1) else { return false };
    let is_spanned = |column: u32| {
        metadata.merged.iter().any(|area| {
            area.top == top
                && area.bottom == top
                && area.left < area.right
                && (area.left..=area.right).contains(&column)
        })
    };
    let Some(upper) = rows.iter().find(|row| row.number == header_row) else { return false };
    let Some(lower) = rows.iter().find(|row| row.number == header_row + 1) else { return false };
    let filled = |row: &Row| -> Vec<u32> {
        (0..row.len()).filter(|index| !row.get(*index).is_empty()).map(|index| index as u32).collect()
    };
    let texts = lower.iter().filter(|cell| !cell.is_empty()).all(|cell| cell.value == Scalar::Text);
    let (above, below) = (filled(upper), filled(lower));
    let groups = above.len() > 1 && above.iter().any(|column| is_spanned(*column));
    texts && groups && below.len() > 1 && below.iter().all(|column| is_spanned(*column))
}

/// The sheet by its name, folded like titles, otherwise by its number among the visible sheets.
fn find_sheet(path: &Path, sheets: &[Sheet], wanted: &str) -> Result<String, Problem> {
    let exact = sheets.iter().find(|s| s.name == wanted);
    let sheet = exact.or_else(|| sheets.iter().find(|s| fold(&s.name) == fold(wanted))).or_else(|| {
        let number: usize = wanted.trim().parse().ok()?;
        sheets.iter().filter(|s| s.visible && s.is_worksheet).nth(number.checked_sub(1)?)
    });
    match sheet {
        Some(sheet) if sheet.is_worksheet => Ok(sheet.name.clone()),
        Some(sheet) => {
            let message = message!("sheet {sheet} has no cells: it is a chart or a macro", sheet = quoted(&sheet.name));
            Err(Problem::in_file(path, "no-such-sheet", message).hint(list_sheets(sheets)))
        }
        None => {
            let message = message!("sheet {value} not found", value = quoted(wanted));
            let near = did_you_mean(wanted, sheets.iter().map(|s| s.name.as_str()));
            let hint = near.map_or_else(
                || list_sheets(sheets),
                |near| message!("{near} {sheets}", near, sheets = list_sheets(sheets)),
            );
            Err(Problem::in_file(path, "no-such-sheet", message).value(wanted).hint(hint))
        }
    }
}

fn list_sheets(sheets: &[Sheet]) -> Message {
    const LISTED_MAX: usize = 20;
    let mut names: Vec<String> = sheets
        .iter()
        .filter(|s| s.is_worksheet)
        .take(LISTED_MAX)
        .map(|s| format!("{}{}", quoted(&s.name), if s.visible { "" } else { " (hidden)" }))
        .collect();
    if sheets.len() > LISTED_MAX {
        names.push("…".into());
    }
    message!("the sheets are {names}", names)
}

fn empty_workbook(path: &Path, book: &Workbook, options: &ReadOptions) -> Problem {
    if let Some(sheet) = &options.sheet {
        let message = message!("sheet {sheet} is empty", sheet = quoted(sheet));
        return Problem::in_file(path, "empty-file", message).hint(list_sheets(&book.sheets));
    }
    if book.sheets.iter().any(|s| !s.visible && s.is_worksheet) {
        let message = "the visible sheets of this workbook are empty";
        return Problem::in_file(path, "empty-file", message)
            .hint(message!("name a hidden sheet to read it; {sheets}", sheets = list_sheets(&book.sheets)));
    }
    Problem { message: "this workbook is empty".into(), ..empty_file(path) }
}

/// The first rows of a sheet with content.
fn read_sample(book: &mut Workbook, sheet: &str) -> Result<Vec<Row>, WorkbookError> {
    let epoch_1904 = book.epoch_1904;
    let mut rows: Vec<Row> = Vec::new();
    let mut text = String::new();
    let (mut cells, mut bytes) = (0, 0);
    book.visit_cells(sheet, &mut |found| {
        cells += 1;
        text.clear();
        let scalar = value::write(found.value, epoch_1904, &mut text);
        bytes += text.len();
        if cells > SAMPLE_CELLS || bytes > SAMPLE_TEXT_BYTES {
            return ControlFlow::Break(());
        }
        if text.is_empty() && scalar != Scalar::Uncomputed {
            return ControlFlow::Continue(());
        }
        let number = found.row + 1;
        if rows.last().is_none_or(|row| row.number != number) {
            if rows.len() == SAMPLE_ROWS {
                return ControlFlow::Break(());
            }
            let mut row = Row::default();
            row.clear(number);
            rows.push(row);
        }
        if let Some(row) = rows.last_mut() {
            row.push_at(found.column as usize, &text, scalar);
        }
        ControlFlow::Continue(())
    })?;
    rows.retain(|row| !row.is_blank());
    Ok(rows)
}
