//! Words to the person, on stderr; stdout is for data and `--json`.

use super::args::Common;
use crate::problem::{Problem, Source};
use crate::store::StoredProblem;
use std::io::Write;

/// Problems shown on the screen before the rest is only counted.
const SHOWN_MAX: usize = 20;

/// Something worth knowing; silent with `--quiet`.
pub fn note(common: &Common, text: impl AsRef<str>) {
    if !common.quiet {
        line(text.as_ref());
    }
}

/// Details for `--verbose`.
pub fn detail(common: &Common, text: impl AsRef<str>) {
    if common.verbose {
        line(text.as_ref());
    }
}

pub fn problems(problems: &[Problem]) {
    for problem in problems.iter().take(SHOWN_MAX) {
        line(&problem.to_string());
    }
    if problems.len() > SHOWN_MAX {
        line(&format!("… and {} more", problems.len() - SHOWN_MAX));
    }
}

/// A problem of a record as `Problem` prints it: `leads.csv:5:D (Этап): …; what to do`, with a sheet `b.xlsx:Заявки!D5`.
pub fn told(source: &Source, row: u32, problem: &StoredProblem) -> String {
    let place = match (&source.sheet, &problem.cell) {
        (Some(sheet), Some(cell)) => format!("{sheet}!{cell}"),
        (Some(sheet), None) => format!("{sheet}!{row}"),
        // Of a record of several rows the cell may stand in a later one.
        (None, Some(cell)) => {
            let column = cell.trim_end_matches(|c: char| c.is_ascii_digit());
            format!("{}:{column}", &cell[column.len()..])
        }
        (None, None) => row.to_string(),
    };
    let title = problem.title.as_deref().filter(|t| !t.is_empty()).map(|t| format!(" ({t})")).unwrap_or_default();
    let hint = problem.hint.as_deref().map(|hint| format!("; {hint}")).unwrap_or_default();
    format!("{}:{place}{title}: {}{hint}", source.file, problem.message)
}

/// A closed stderr is no reason to stop an import.
pub fn line(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}

/// A line of data on stdout; false when nobody reads it any more (`amoport … | head`).
pub fn data(text: &str) -> bool {
    writeln!(std::io::stdout().lock(), "{text}").is_ok()
}
