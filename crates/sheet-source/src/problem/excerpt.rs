//! The line of a text file with an error, shown below the problem with carets under the span.

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use std::fmt;

/// Characters shown before and after the span: a mapping as JSON can be one long line.
const CHARS_BEFORE: usize = 100;
const CHARS_AFTER: usize = 100;
const ELLIPSIS: &str = "…";

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Excerpt {
    line: usize,
    text: String,
    /// Byte offsets in `text`.
    from: usize,
    to: usize,
}

impl Excerpt {
    /// Takes the span of byte offsets in `text`, the number of its line, counted from 1, and the offsets of the line.
    /// `None` if the offsets are not in the text.
    pub fn of(text: &str, number: usize, line: (usize, usize), span: (usize, usize)) -> Option<Excerpt> {
        let (begin, end) = line;
        let (from, to) = (span.0.min(end), span.1.clamp(span.0.min(end), end));
        let (before, inside, after) = (text.get(begin..from)?, text.get(from..to)?, text.get(to..end)?);
        let start = before.char_indices().rev().nth(CHARS_BEFORE - 1).map_or(0, |(from, _)| from);
        let room = inside.char_indices().nth(CHARS_AFTER).map_or(inside.len(), |(from, _)| from);
        let rest = after.char_indices().nth(CHARS_AFTER).map_or(after.len(), |(from, _)| from);
        let (cut_before, cut_after) = (start > 0, room < inside.len() || rest < after.len());
        let mut shown = String::new();
        shown.push_str(if cut_before { ELLIPSIS } else { "" });
        shown.push_str(&before[start..]);
        let from = shown.len();
        shown.push_str(&inside[..room]);
        let to = shown.len();
        if room == inside.len() {
            shown.push_str(&after[..rest]);
        }
        shown.push_str(if cut_after { ELLIPSIS } else { "" });
        Some(Excerpt { line: number, text: shown, from, to })
    }
}

impl fmt::Display for Excerpt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let span = AnnotationKind::Primary.span(self.from..self.to);
        let line = Snippet::source(self.text.as_str()).line_start(self.line).annotation(span);
        // The line is already truncated.
        let shown =
            Renderer::plain().term_width(usize::MAX / 2).render(&[Group::with_level(Level::ERROR).element(line)]);
        f.write_str(shown.trim_end())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_shown_on_its_line_and_a_long_line_is_truncated_around_it() {
        let text = "a = 1\nимя = \"x\"\n";
        let shown = Excerpt::of(text, 2, (6, text.len() - 1), (6, 12)).map(|excerpt| excerpt.to_string());
        assert_eq!(shown.as_deref(), Some("  |\n2 | имя = \"x\"\n  | ^^^"));
        let long = format!("{}HERE{}", "ё".repeat(500), "ъ".repeat(500));
        let shown = Excerpt::of(&long, 1, (0, long.len()), (1000, 1004)).unwrap().to_string();
        let caret = shown.lines().last().unwrap();
        assert!(shown.contains("ёHEREъ") && shown.contains("…ё") && shown.contains("ъ…"), "{shown}");
        assert!(shown.chars().count() < 400 && caret.ends_with("^^^^"), "{shown}");
    }

    #[test]
    fn a_place_outside_its_text_shows_nothing_and_the_end_of_a_line_is_a_place() {
        assert_eq!(Excerpt::of("é", 1, (0, 1), (0, 1)), None);
        assert!(Excerpt::of("ab", 1, (0, 2), (2, 9)).unwrap().to_string().ends_with('^'));
    }
}
