//! Problems: what went wrong, where, and what to do. All modules use this one type, and only here does it become a
//! sentence. A problem has a code, a `Message` (a template and its arguments) and a place.

mod excerpt;
pub mod message;
mod note;
mod visible;

pub use excerpt::Excerpt;
pub use message::{Arg, Message, quoted};
pub use note::{Note, Severity};
pub use visible::{visible, visible_line};

use crate::message;
use std::borrow::Cow;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The file and sheet of the rows, shared by all problems of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    pub file: String,
    /// `None` for CSV.
    pub sheet: Option<String>,
}

/// A column as the user knows it: its letter in Excel and its title.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Counted from 0.
    pub index: usize,
    pub title: Arc<str>,
}

impl Column {
    pub fn letter(&self) -> String {
        column_letter(self.index)
    }
}

/// `0` is `A`, `25` is `Z`, `26` is `AA`.
pub fn column_letter(index: usize) -> String {
    let mut letters = Vec::new();
    let mut rest = index + 1;
    while rest > 0 {
        letters.push(b'A' + ((rest - 1) % 26) as u8);
        rest = (rest - 1) / 26;
    }
    letters.reverse();
    letters.into_iter().map(char::from).collect()
}

/// Where a problem is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    Nowhere,
    File(PathBuf),
    /// A position in a text file; line and column are counted from 1, and the column counts characters.
    Text {
        file: PathBuf,
        line: usize,
        column: usize,
        /// The line itself, if available.
        excerpt: Option<Box<Excerpt>>,
    },
    /// A row, or one of its cells. Rows are numbered as Excel shows them.
    Cell {
        source: Arc<Source>,
        row: u32,
        column: Option<Column>,
    },
}

impl Place {
    /// `C17`, if the place is a cell.
    pub fn cell(&self) -> Option<String> {
        match self {
            Place::Cell { row, column: Some(column), .. } => Some(format!("{}{row}", column.letter())),
            Place::Cell { .. } | Place::Nowhere | Place::File(_) | Place::Text { .. } => None,
        }
    }

    /// The line of a text file, if the place is in one.
    pub fn excerpt(&self) -> Option<&Excerpt> {
        match self {
            Place::Text { excerpt, .. } => excerpt.as_deref(),
            Place::Nowhere | Place::File(_) | Place::Cell { .. } => None,
        }
    }

    pub fn column_title(&self) -> Option<&str> {
        match self {
            Place::Cell { column: Some(column), .. } => Some(&column.title),
            Place::Cell { .. } | Place::Nowhere | Place::File(_) | Place::Text { .. } => None,
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Nowhere => Ok(()),
            Place::File(path) => write!(f, "{}", path.display()),
            Place::Text { file, line, column, .. } => write!(f, "{}:{line}:{column}", file.display()),
            Place::Cell { source, row, column } => {
                write!(f, "{}", source.file)?;
                match (&source.sheet, column) {
                    (Some(sheet), Some(c)) => write!(f, ":{sheet}!{}{row}", c.letter())?,
                    (Some(sheet), None) => write!(f, ":{sheet}!{row}")?,
                    (None, Some(c)) => write!(f, ":{row}:{}", c.letter())?,
                    (None, None) => write!(f, ":{row}")?,
                }
                match column {
                    Some(c) if !c.title.is_empty() => write!(f, " ({})", c.title),
                    _ => Ok(()),
                }
            }
        }
    }
}

/// The stage of processing in which a record failed; the `stage` column of the report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    Read,
    Map,
    Send,
    Reconcile,
}

impl Stage {
    const ALL: [Stage; 4] = [Stage::Read, Stage::Map, Stage::Send, Stage::Reconcile];

    pub fn from_word(word: &str) -> Option<Stage> {
        Stage::ALL.into_iter().find(|stage| stage.word() == word)
    }

    pub fn word(self) -> &'static str {
        match self {
            Stage::Read => "read",
            Stage::Map => "map",
            Stage::Send => "send",
            Stage::Reconcile => "reconcile",
        }
    }
}

/// One problem. `code` is stable and in kebab-case, except for codes from the API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    pub stage: Stage,
    pub code: Cow<'static, str>,
    pub place: Place,
    /// The value found, as the user wrote it.
    pub value: Option<String>,
    /// Lower case, no full stop, found before expected.
    pub message: Message,
    /// What to do.
    pub hint: Option<Message>,
}

impl Problem {
    pub fn new(stage: Stage, code: &'static str, message: impl Into<Message>) -> Problem {
        Problem {
            stage,
            code: Cow::Borrowed(code),
            place: Place::Nowhere,
            value: None,
            message: message.into(),
            hint: None,
        }
    }

    /// A problem with a whole file, found while reading.
    pub fn in_file(path: &Path, code: &'static str, message: impl Into<Message>) -> Problem {
        Problem::new(Stage::Read, code, message).at(Place::File(path.to_owned()))
    }

    pub fn at(mut self, place: Place) -> Problem {
        self.place = place;
        self
    }

    pub fn value(mut self, value: impl Into<String>) -> Problem {
        self.value = Some(value.into());
        self
    }

    pub fn hint(mut self, hint: impl Into<Message>) -> Problem {
        self.hint = Some(hint.into());
        self
    }

    /// Place, message and hint in one message.
    pub fn sentence(&self) -> Message {
        let message = match &self.hint {
            Some(hint) => message!("{message}; {hint}", message = &self.message, hint),
            None => self.message.clone(),
        };
        match self.place {
            Place::Nowhere => message,
            Place::File(_) | Place::Text { .. } | Place::Cell { .. } => {
                message!("{place}: {message}", place = self.place.to_string(), message)
            }
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.sentence())
    }
}

impl std::error::Error for Problem {}

/// The names nearest to `wanted`, best first, at most three; for "did you mean".
pub fn nearest<'a>(wanted: &str, names: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    const ALIKE: f64 = 0.7;
    let wanted = wanted.to_lowercase();
    let mut scored: Vec<(f64, &str)> = names
        .into_iter()
        .map(|name| (strsim::jaro_winkler(&wanted, &name.to_lowercase()), name))
        .filter(|(score, _)| *score >= ALIKE)
        .collect();
    scored.sort_by(|a, b| b.0.total_cmp(&a.0));
    scored.dedup_by(|a, b| a.1 == b.1);
    scored.into_iter().take(3).map(|(_, name)| name).collect()
}

/// `did you mean "a" or "b"?`, or `None` if no name is near.
pub fn did_you_mean<'a>(wanted: &str, names: impl IntoIterator<Item = &'a str>) -> Option<Message> {
    let near: Vec<String> = nearest(wanted, names).into_iter().map(str::to_owned).collect();
    (!near.is_empty()).then(|| message!("did you mean {names}?", names = Arg::Choices(near)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_reads_as_place_message_hint() {
        let csv = Arc::new(Source { file: "samples/leads.csv".into(), sheet: None });
        let book = Arc::new(Source { file: "b.xlsx".into(), sheet: Some("Заявки".into()) });
        let column = |title: &str| Some(Column { index: 2, title: title.into() });
        for (place, text) in [
            (Place::Cell { source: csv.clone(), row: 14, column: column("") }, "samples/leads.csv:14:C: "),
            (Place::Cell { source: csv, row: 14, column: None }, "samples/leads.csv:14: "),
            (Place::Cell { source: book, row: 17, column: column("Дата") }, "b.xlsx:Заявки!C17 (Дата): "),
            (Place::Text { file: "m.toml".into(), line: 3, column: 1, excerpt: None }, "m.toml:3:1: "),
            (Place::Nowhere, ""),
        ] {
            let problem = Problem::new(Stage::Map, "date", "\"31.02.2025\" is not a day of the calendar")
                .at(place)
                .hint("dates here look like 28.02.2025");
            assert_eq!(
                problem.to_string(),
                format!("{text}\"31.02.2025\" is not a day of the calendar; dates here look like 28.02.2025")
            );
        }
    }

    #[test]
    fn column_letters_are_those_of_excel() {
        for (index, letter) in
            [(0, "A"), (25, "Z"), (26, "AA"), (51, "AZ"), (52, "BA"), (701, "ZZ"), (702, "AAA"), (16383, "XFD")]
        {
            assert_eq!(column_letter(index), letter);
        }
    }

    #[test]
    fn near_names_are_offered_and_far_ones_are_not() {
        let names = ["Первичный контакт", "Переговоры", "Закрыто и не реализовано"];
        assert_eq!(nearest("первичный контект", names), ["Первичный контакт"]);
        assert_eq!(nearest("xyz", names), Vec::<&str>::new());
        assert_eq!(
            did_you_mean("Переговори", names).map(|m| m.to_string()).as_deref(),
            Some("did you mean \"Переговоры\"?")
        );
    }
}
