//! Prints text for the user on stderr; stdout is for data and `--json`. Control characters of a text are shown and have no
//! effect on the terminal.

use crate::cli::args::CommonArgs;
use crate::engine::Wait;
use sheet_source::problem::{Problem, visible, visible_line};
use std::borrow::Cow;
use std::io::{IsTerminal, Write};
use std::path::Path;
use std::time::Duration;

/// Maximum number of problems printed; the rest is counted.
const SHOWN_MAX: usize = 20;

/// Prints a note; silent with `--quiet`.
pub fn note(common: &CommonArgs, text: impl AsRef<str>) {
    if !common.quiet {
        line(text.as_ref());
    }
}

/// Prints a long wait, with the time of day when it ends; also with `--quiet`, since nothing else explains the pause.
pub fn hold(wait: Wait) {
    line(&format!("the service asked for a pause; nothing is sent until {}", time_in(wait.at_most)));
}

/// The time of day after the wait.
pub fn time_in(wait: Duration) -> String {
    jiff::Zoned::now().saturating_add(wait).strftime("%H:%M:%S").to_string()
}

/// Prints a detail with `--verbose`.
pub fn detail(common: &CommonArgs, text: impl AsRef<str>) {
    if common.verbose {
        line(text.as_ref());
    }
}

pub fn problems(problems: &[Problem]) {
    for problem in problems.iter().take(SHOWN_MAX) {
        line(&problem.to_string());
        if let Some(excerpt) = problem.place.excerpt() {
            lines(&excerpt.to_string());
        }
    }
    if problems.len() > SHOWN_MAX {
        line(&format!("… and {} more", problems.len() - SHOWN_MAX));
    }
}

/// A problem as JSON.
pub fn json(problem: &Problem) -> serde_json::Value {
    serde_json::json!({
        "code": problem.code, "place": problem.place.to_string(), "value": problem.value,
        "message": problem.message.to_string(), "hint": problem.hint.as_ref().map(ToString::to_string),
    })
}

/// A path relative to the working folder, if it is below it.
pub fn file(path: &Path) -> String {
    let here = std::env::current_dir().ok();
    let near = here.as_ref().and_then(|here| path.strip_prefix(here).ok());
    near.unwrap_or(path).display().to_string()
}

/// Prints a line. A closed stderr does not stop an import.
pub fn line(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{}", visible_line(text));
}

/// The same for a text with several lines.
pub fn lines(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{}", visible(text));
}

/// Prints a line of data on stdout; false if stdout is closed (`amoport … | head`).
pub fn data(text: &str) -> bool {
    let mut out = std::io::stdout().lock();
    let text = on_stdout(text, out.is_terminal());
    writeln!(out, "{text}").is_ok()
}

/// A text for stdout: escaped on a terminal, unchanged for other programs.
pub fn on_stdout(text: &str, terminal: bool) -> Cow<'_, str> {
    if terminal { visible(text) } else { Cow::Borrowed(text) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_is_escaped_on_a_terminal_alone() {
        let text = "a\u{1b}[2Jb\u{202e}";
        assert_eq!(on_stdout(text, true), "a\\u{1b}[2Jb\\u{202e}");
        assert_eq!(on_stdout(text, false), text);
    }
}
