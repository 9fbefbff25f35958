//! Unclosed brackets. A TOML parser reports an error for every line below one; here the bracket is found where it
//! opens, so that the lines below are parsed normally.

use std::ops::Range;

/// An unclosed bracket and the byte range of its lines.
#[derive(Debug, PartialEq)]
pub struct Unclosed {
    pub offset: usize,
    pub closing: char,
    pub lines: Range<usize>,
}

/// The first unclosed bracket of a TOML text; `None` if each one is closed before the next key or header.
pub fn first(source: &str) -> Option<Unclosed> {
    let mut open: Vec<(usize, char)> = Vec::new();
    let (mut start, mut start_of_line) = (0, 0);
    let mut lines = source.split_inclusive('\n').peekable();
    while let Some(line) = lines.next() {
        if open.is_empty() {
            start_of_line = start;
        }
        let skipped = if open.is_empty() { value_start(line)? } else { 0 };
        scan_brackets(&line[skipped..], start + skipped, &mut open)?;
        start += line.len();
        if let (Some(&(offset, closing)), true) = (open.first(), lines.peek().is_none_or(|next| starts_statement(next)))
        {
            return Some(Unclosed { offset, closing, lines: start_of_line..start });
        }
    }
    None
}

/// Byte offset of the value in a line, or the length of the line if it has none. `None` for multi-line strings, which
/// may contain anything.
fn value_start(line: &str) -> Option<usize> {
    if line.contains("\"\"\"") || line.contains("'''") {
        return None;
    }
    let start_of_line = line.trim_start();
    if start_of_line.starts_with(['[', '#']) {
        return Some(line.len());
    }
    Some(after_assignment(line).unwrap_or(line.len()))
}

/// The offset after the `=` of a key-value line.
fn after_assignment(line: &str) -> Option<usize> {
    let mut rest = line.trim_start();
    loop {
        rest = match rest.chars().next()? {
            quote @ ('"' | '\'') => rest[1..].split_once(quote)?.1,
            _ => rest.trim_start_matches(|c: char| c.is_alphanumeric() || matches!(c, '_' | '-')),
        };
        rest = rest.trim_start();
        match rest.chars().next()? {
            '.' => rest = rest[1..].trim_start(),
            '=' => return Some(line.len() - rest.len() + 1),
            _ => return None,
        }
    }
}

/// A header, or a key with its value.
fn starts_statement(line: &str) -> bool {
    let line = line.trim();
    let header = line.strip_prefix('[').and_then(|inner| inner.strip_suffix(']'));
    after_assignment(line).is_some() || header.is_some_and(|inner| !inner.contains(['"', '\'', ',', '[', ']']))
}

fn scan_brackets(line: &str, start: usize, open: &mut Vec<(usize, char)>) -> Option<()> {
    let mut chars = line.char_indices();
    while let Some((offset, c)) = chars.next() {
        match c {
            '#' => break,
            '"' => {
                let mut escaped = false;
                chars.find(|(_, c)| {
                    let end = *c == '"' && !escaped;
                    escaped = *c == '\\' && !escaped;
                    end
                })?;
            }
            '\'' => drop(chars.find(|(_, c)| *c == '\'')?),
            '{' => open.push((start + offset, '}')),
            '[' => open.push((start + offset, ']')),
            '}' | ']' => drop(open.pop().filter(|(_, closing)| *closing == c)?),
            _ => {}
        }
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bracket_is_found_where_it_opens() {
        for (source, found) in [
            ("a = { b = 1 }\nc = [1,\n 2]\n[d]\n", None),
            ("a = { b = 1\nc = 2\n", Some((4, '}', "a = { b = 1\n"))),
            ("x = 1\na = [1, 2\n[d]\n", Some((10, ']', "a = [1, 2\n"))),
            ("a = [\n  \"]\", # ]\n  'x'\nc.\"d e\" = 2", Some((4, ']', "a = [\n  \"]\", # ]\n  'x'\n"))),
            ("a = { b = { c = 1 }", Some((4, '}', "a = { b = { c = 1 }"))),
            ("[a\nb = 1", None),
            ("a = [[1, 2],\n[3]]", None),
            ("a = \"{\"\nb = '['", None),
            ("a = \"{\nb = 1", None),
            ("a = \"\"\"\n{\n\"\"\"", None),
            ("a = 1 }", None),
        ] {
            let found = found.map(|(offset, closing, lines)| (offset, closing, lines.to_owned()));
            let first = first(source).map(|one| (one.offset, one.closing, source[one.lines].to_owned()));
            assert_eq!(first, found, "{source}");
        }
    }
}
