//! The text of a mapping file and where its bytes stand: line, column, and how far what begins there goes. Lines and letters
//! are counted once, since a file may have a problem in each of its hundred thousand keys, all of them on one line.

use super::quotes::is_curly;
use sheet_source::problem::{Excerpt, Message, Place, Problem, Stage};
use std::path::PathBuf;
use std::sync::Arc;

/// Bytes from one count of letters to the next.
const STEP: usize = 4096;

/// Cheap to clone.
#[derive(Debug, Clone)]
pub struct Text {
    pub file: PathBuf,
    pub text: Arc<str>,
    /// Where each line begins.
    starts: Arc<[usize]>,
    /// Letters before each `STEP`th byte.
    letters: Arc<[usize]>,
}

impl Text {
    pub fn new(file: impl Into<PathBuf>, text: &str) -> Text {
        let starts = std::iter::once(0).chain(memchr::memchr_iter(b'\n', text.as_bytes()).map(|at| at + 1));
        let mut count = 0;
        let letters = text.as_bytes().chunks(STEP).map(|chunk| {
            let before = count;
            count += letters_in(chunk);
            before
        });
        Text { file: file.into(), starts: starts.collect(), letters: letters.collect(), text: text.into() }
    }

    /// The number of the line of a byte, from 1.
    pub fn line(&self, at: usize) -> usize {
        self.starts.partition_point(|start| *start <= at)
    }

    /// Where a line begins and ends, without what breaks it.
    pub fn bounds(&self, line: usize) -> (usize, usize) {
        let start = self.starts.get(line - 1).copied().unwrap_or(self.text.len());
        let end = self.starts.get(line).map_or(self.text.len(), |next| next - 1);
        let carriage = self.text[start..end].ends_with('\r');
        (start, if carriage { end - 1 } else { end })
    }

    /// Line and column, both counted from 1, the column in characters.
    pub fn place(&self, at: usize) -> Place {
        let mut at = at.min(self.text.len());
        while !self.text.is_char_boundary(at) {
            at -= 1;
        }
        let line = self.line(at);
        let bounds = self.bounds(line);
        let excerpt = Excerpt::of(&self.text, line, bounds, (at, self.end_of(at, bounds.1))).map(Box::new);
        let column = self.letters_before(at) - self.letters_before(bounds.0) + 1;
        Place::Text { file: self.file.clone(), line, column, excerpt }
    }

    pub fn problem(&self, at: usize, code: &'static str, message: impl Into<Message>) -> Problem {
        Problem::new(Stage::Map, code, message).at(self.place(at))
    }

    fn letters_before(&self, at: usize) -> usize {
        let step = at / STEP;
        let before = self.letters.get(step).copied().unwrap_or_else(|| self.letters.last().copied().unwrap_or(0));
        let from = if step < self.letters.len() { step } else { self.letters.len().saturating_sub(1) };
        before + letters_in(&self.text.as_bytes()[from * STEP..at])
    }

    /// The end of the text, the word or the sign that begins here, on its line.
    fn end_of(&self, at: usize, line_end: usize) -> usize {
        let Some(rest) = self.text.get(at..line_end) else { return at };
        let word = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '+');
        let length = match rest.chars().next() {
            Some(quote @ ('"' | '\'')) => quoted(rest, quote),
            Some(curly) if is_curly(curly) => {
                let second = rest.char_indices().skip(1).find(|(_, c)| is_curly(*c));
                second.map_or(rest.trim_end().len(), |(at, c)| at + c.len_utf8())
            }
            Some(c) if word(c) => rest.find(|c| !word(c)).unwrap_or(rest.len()),
            Some(c) => c.len_utf8(),
            None => 0,
        };
        at + length
    }
}

fn letters_in(bytes: &[u8]) -> usize {
    bytes.iter().filter(|byte| **byte & 0xC0 != 0x80).count()
}

/// The length of a text between quotes; all of it where it does not end.
fn quoted(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' if quote == '"' => escaped = true,
            _ if c == quote => return at + 1,
            _ => {}
        }
    }
    text.trim_end().len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_have_their_line_and_column_in_letters_wherever_they_stand() {
        let far = format!("a = 1\r\n{} = 2", "ё".repeat(5_000));
        let text = Text::new("m.toml", &far);
        for (at, line, column) in
            [(0, 1, 1), (4, 1, 5), (7, 2, 1), (9, 2, 2), (7 + 2 * 4_999, 2, 5_000), (far.len(), 2, 5_005), (8, 2, 1)]
        {
            let Place::Text { line: l, column: c, .. } = text.place(at) else { panic!("it has a line") };
            assert_eq!((l, c), (line, column), "{at}");
        }
        assert!(matches!(Text::new("m", "").place(9), Place::Text { line: 1, column: 1, .. }));
    }

    #[test]
    fn carets_stand_under_the_whole_word_or_text() {
        let text = Text::new("m.toml", r#"ab-c = "x \" y" # z"#);
        let carets = |at: usize| text.place(at).excerpt().unwrap().to_string().matches('^').count();
        assert_eq!([0, 5, 7, 16].map(carets), [4, 1, 8, 1]);
    }
}
