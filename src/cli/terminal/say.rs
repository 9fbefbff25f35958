//! Words to the person, on stderr; stdout is for data and `--json`. Whatever a text holds, it is seen and does not steer the terminal.

use crate::cli::args::CommonArgs;
use crate::engine::Wait;
use sheet_source::problem::{Problem, visible, visible_line};
use std::borrow::Cow;
use std::io::{IsTerminal, Write};
use std::path::Path;
use std::time::Duration;

/// Problems shown on the screen before the rest is only counted.
const SHOWN_MAX: usize = 20;

/// Something worth knowing; silent with `--quiet`.
pub fn note(common: &CommonArgs, text: impl AsRef<str>) {
    if !common.quiet {
        line(text.as_ref());
    }
}

/// A long wait, with the time of the day when it ends; said with `--quiet` as well, for nothing else tells why nothing happens.
pub fn hold(wait: Wait) {
    line(&format!("the service asked for a pause; nothing is sent until {}", time_in(wait.at_most)));
}

/// The time of the day after so long.
pub fn time_in(wait: Duration) -> String {
    jiff::Zoned::now().saturating_add(wait).strftime("%H:%M:%S").to_string()
}

/// Details for `--verbose`.
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

/// A problem as data.
pub fn json(problem: &Problem) -> serde_json::Value {
    serde_json::json!({
        "code": problem.code, "place": problem.place.to_string(), "value": problem.value,
        "message": problem.message.to_string(), "hint": problem.hint.as_ref().map(ToString::to_string),
    })
}

/// A file as one who stands in this folder would name it.
pub fn file(path: &Path) -> String {
    let here = std::env::current_dir().ok();
    let near = here.as_ref().and_then(|here| path.strip_prefix(here).ok());
    near.unwrap_or(path).display().to_string()
}

/// A closed stderr is no reason to stop an import.
pub fn line(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{}", visible_line(text));
}

/// The same for a text that is laid out on several lines.
pub fn lines(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{}", visible(text));
}

/// A line of data on stdout; false when nobody reads it any more (`amoport … | head`).
pub fn data(text: &str) -> bool {
    let mut out = std::io::stdout().lock();
    let text = on_stdout(text, out.is_terminal());
    writeln!(out, "{text}").is_ok()
}

/// Other programs get data as it is.
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
