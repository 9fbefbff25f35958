//! Information that is not a problem of a record: what a reader, a mapping or a run noticed.

use super::Message;
use serde::Serialize;
use serde::ser::SerializeStruct;
use std::borrow::Cow;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// Stable, in kebab-case.
    pub code: Cow<'static, str>,
    /// How many rows, cells or records it is about; 1 if it is about the whole.
    pub count: u64,
    pub message: Message,
    pub level: Severity,
}

/// Who sees a note.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// Everyone who did not ask for quiet.
    Info,
    Warning,
}

impl Note {
    pub fn new(code: &'static str, message: impl Into<Message>) -> Note {
        Note { code: Cow::Borrowed(code), count: 1, message: message.into(), level: Severity::Info }
    }

    pub fn warning(code: &'static str, message: impl Into<Message>) -> Note {
        Note { level: Severity::Warning, ..Note::new(code, message) }
    }

    pub fn count(self, count: u64) -> Note {
        Note { count, ..self }
    }
}

/// `{code, count, message}` with the rendered message, as in `run.json` and `--json`.
impl Serialize for Note {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut note = serializer.serialize_struct("Note", 3)?;
        note.serialize_field("code", &self.code)?;
        note.serialize_field("count", &self.count)?;
        note.serialize_field("message", &self.message.to_string())?;
        note.end()
    }
}
