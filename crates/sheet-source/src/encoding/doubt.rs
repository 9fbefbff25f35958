//! Why the encoding of a file is uncertain, and how the file reads in each possible one.

use crate::message;
use crate::problem::{Message, Note, Problem};
use serde::Serialize;
use serde::ser::SerializeStruct;
use std::fmt;
use std::path::Path;

/// The code of the problem and of the note.
const ENCODING_UNCLEAR: &str = "encoding-unclear";
/// Characters shown of a sample line.
const LINE_CHARS_MAX: usize = 80;

/// The encoding of a file is too uncertain to import it without confirmation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EncodingDoubt {
    pub why: DoubtKind,
    /// The most likely first.
    pub readings: Vec<EncodingReading>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DoubtKind {
    /// Several encodings are possible.
    Ambiguous,
    /// No encoding gives known words.
    NoWords,
    /// The most likely encoding is not supported.
    Unsupported,
    /// Valid UTF-8 that another program decoded wrongly and saved again.
    Mojibake,
}

/// A line of the file in one encoding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EncodingReading {
    pub encoding: String,
    /// The first line that differs between the encodings.
    pub line: String,
}

impl EncodingReading {
    pub(super) fn new(encoding: impl Into<String>, line: &str) -> EncodingReading {
        let shown: String = line.chars().flat_map(visible_char).take(LINE_CHARS_MAX).collect();
        EncodingReading { encoding: encoding.into(), line: shown.trim_end().to_owned() }
    }
}

/// Control characters and invisible characters are escaped.
fn visible_char(c: char) -> Vec<char> {
    match c {
        '\t' => vec![' '],
        c if c.is_control()
            || matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{feff}') =>
        {
            c.escape_unicode().collect()
        }
        c => vec![c],
    }
}

impl EncodingDoubt {
    pub fn message(&self) -> Message {
        let readings: Vec<String> = self.readings.iter().map(EncodingReading::to_string).collect();
        match self.why {
            DoubtKind::Ambiguous => message!("the encoding is unclear: a line reads {readings}", readings),
            DoubtKind::NoWords => {
                message!("the encoding is unclear, none gives known words: a line reads {readings}", readings)
            }
            DoubtKind::Unsupported => {
                message!("the file seems to be in an unsupported encoding: a line reads {readings}", readings)
            }
            DoubtKind::Mojibake => message!(
                "the text is garbled, another program read it in a wrong encoding and saved it: a line reads {readings}",
                readings
            ),
        }
    }

    pub fn hint(&self) -> Message {
        match self.why {
            DoubtKind::Ambiguous | DoubtKind::NoWords => message!(
                "specify the encoding with --encoding NAME, or with encoding = \"NAME\" under [source]; or save the file as UTF-8"
            ),
            DoubtKind::Unsupported => message!(
                "save the file as UTF-8; or specify another encoding with --encoding NAME, or with encoding = \"NAME\" under [source]"
            ),
            DoubtKind::Mojibake => message!(
                "export the file again from the original program; or, to keep the text as it is, use --encoding utf-8, or encoding = \"utf-8\" under [source]"
            ),
        }
    }

    /// The note for commands that only inspect the file.
    pub fn note(&self) -> Note {
        Note::warning(ENCODING_UNCLEAR, message!("{message}; {hint}", message = self.message(), hint = self.hint()))
    }

    /// The problem for commands that import the file.
    pub fn problem(&self, path: &Path) -> Problem {
        Problem::in_file(path, ENCODING_UNCLEAR, self.message()).hint(self.hint())
    }
}

impl fmt::Display for EncodingReading {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "as {} \"{}\"", self.encoding, self.line)
    }
}

/// `{encoding, line}`, as in `peek --json`.
impl Serialize for EncodingReading {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut reading = serializer.serialize_struct("EncodingReading", 2)?;
        reading.serialize_field("encoding", &self.encoding)?;
        reading.serialize_field("line", &self.line)?;
        reading.end()
    }
}
