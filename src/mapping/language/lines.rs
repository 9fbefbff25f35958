//! The text of a mapping file, with lines and columns of its byte offsets. Lines and characters are counted once, since
//! a file may have a hundred thousand problems on a single line.

use super::quotes::is_curly;
use sheet_source::problem::{Excerpt, Message, Place, Problem, Stage};
use std::path::PathBuf;
use std::sync::Arc;

/// Bytes between two stored character counts.
const STEP: usize = 4096;

/// Cheap to clone.
#[derive(Debug, Clone)]
pub struct Text {
    pub file: PathBuf,
    pub text: Arc<str>,
    /// Byte offset of each line.
    starts: Arc<[usize]>,
    /// Number of characters before each `STEP`th byte.
    chars_before_step: Arc<[usize]>,
}

impl Text {
    pub fn new(file: impl Into<PathBuf>, text: &str) -> Text {
        let starts = std::iter::once(0).chain(memchr::memchr_iter(b'\n', text.as_bytes()).map(|offset| offset + 1));
        let mut count = 0;
        let chars_before_step = text.as_bytes().chunks(STEP).map(|chunk| {
            let before = count;
            count += count_chars(chunk);
            before
        });
        Text {
            file: file.into(),
            starts: starts.collect(),
            chars_before_step: chars_before_step.collect(),
            text: text.into(),
        }
    }

    /// The line of a byte offset, from 1.
    pub fn line(&self, offset: usize) -> usize {
        self.starts.partition_point(|start| *start <= offset)
    }

    /// Byte offsets of the start and the end of a line, without its line break.
    pub fn bounds(&self, line: usize) -> (usize, usize) {
        let start = self.starts.get(line - 1).copied().unwrap_or(self.text.len());
        let end = self.starts.get(line).map_or(self.text.len(), |next| next - 1);
        let carriage = self.text[start..end].ends_with('\r');
        (start, if carriage { end - 1 } else { end })
    }

    /// Line and column, both counted from 1, the column in characters.
    pub fn place(&self, offset: usize) -> Place {
        let mut offset = offset.min(self.text.len());
        while !self.text.is_char_boundary(offset) {
            offset -= 1;
        }
        let line = self.line(offset);
        let bounds = self.bounds(line);
        let excerpt = Excerpt::of(&self.text, line, bounds, (offset, self.token_end(offset, bounds.1))).map(Box::new);
        let column = self.chars_before(offset) - self.chars_before(bounds.0) + 1;
        Place::Text { file: self.file.clone(), line, column, excerpt }
    }

    pub fn problem(&self, offset: usize, code: &'static str, message: impl Into<Message>) -> Problem {
        Problem::new(Stage::Map, code, message).at(self.place(offset))
    }

    fn chars_before(&self, offset: usize) -> usize {
        let step = offset / STEP;
        let before = self
            .chars_before_step
            .get(step)
            .copied()
            .unwrap_or_else(|| self.chars_before_step.last().copied().unwrap_or(0));
        let from =
            if step < self.chars_before_step.len() { step } else { self.chars_before_step.len().saturating_sub(1) };
        before + count_chars(&self.text.as_bytes()[from * STEP..offset])
    }

    /// The end of the string, word or sign that begins here, on the same line.
    fn token_end(&self, offset: usize, line_end: usize) -> usize {
        let Some(rest) = self.text.get(offset..line_end) else { return offset };
        let word = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '+');
        let length = match rest.chars().next() {
            Some(quote @ ('"' | '\'')) => quoted_length(rest, quote),
            Some(curly) if is_curly(curly) => {
                let second = rest.char_indices().skip(1).find(|(_, c)| is_curly(*c));
                second.map_or(rest.trim_end().len(), |(offset, c)| offset + c.len_utf8())
            }
            Some(c) if word(c) => rest.find(|c| !word(c)).unwrap_or(rest.len()),
            Some(c) => c.len_utf8(),
            None => 0,
        };
        offset + length
    }
}

fn count_chars(bytes: &[u8]) -> usize {
    bytes.iter().filter(|byte| **byte & 0xC0 != 0x80).count()
}

/// The length of a quoted string; the rest of the line if the string is not closed.
fn quoted_length(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (offset, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' if quote == '"' => escaped = true,
            _ if c == quote => return offset + 1,
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
        for (offset, line, column) in
            [(0, 1, 1), (4, 1, 5), (7, 2, 1), (9, 2, 2), (7 + 2 * 4_999, 2, 5_000), (far.len(), 2, 5_005), (8, 2, 1)]
        {
            let Place::Text { line: l, column: c, .. } = text.place(offset) else { panic!("it has a line") };
            assert_eq!((l, c), (line, column), "{offset}");
        }
        assert!(matches!(Text::new("m", "").place(9), Place::Text { line: 1, column: 1, .. }));
    }

    #[test]
    fn carets_stand_under_the_whole_word_or_text() {
        let text = Text::new("m.toml", r#"ab-c = "x \" y" # z"#);
        let carets = |offset: usize| text.place(offset).excerpt().unwrap().to_string().matches('^').count();
        assert_eq!([0, 5, 7, 16].map(carets), [4, 1, 8, 1]);
    }
}
