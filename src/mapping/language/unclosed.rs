//! A bracket that nobody closes takes all lines below it along, and a reader of TOML tells a fault for each of them. Here it is
//! found where it opens, so that the lines below are read as they stand.

use std::ops::Range;

/// A bracket without its other half, and the bytes of the lines that stand in it.
#[derive(Debug, PartialEq)]
pub struct Unclosed {
    pub at: usize,
    pub closing: char,
    pub lines: Range<usize>,
}

/// The first of a text in TOML; `None` where each is closed before the next key or header.
pub fn first(source: &str) -> Option<Unclosed> {
    let mut open: Vec<(usize, char)> = Vec::new();
    let (mut start, mut begun) = (0, 0);
    let mut lines = source.split_inclusive('\n').peekable();
    while let Some(line) = lines.next() {
        if open.is_empty() {
            begun = start;
        }
        let skipped = if open.is_empty() { value_of(line)? } else { 0 };
        brackets(&line[skipped..], start + skipped, &mut open)?;
        start += line.len();
        if let (Some(&(at, closing)), true) = (open.first(), lines.peek().is_none_or(|next| begins_anew(next))) {
            return Some(Unclosed { at, closing, lines: begun..start });
        }
    }
    None
}

/// Where the value of a line begins; its end where it has none. `None` for texts over several lines, in which all may stand.
fn value_of(line: &str) -> Option<usize> {
    if line.contains("\"\"\"") || line.contains("'''") {
        return None;
    }
    let begun = line.trim_start();
    if begun.starts_with(['[', '#']) {
        return Some(line.len());
    }
    Some(assigns(line).unwrap_or(line.len()))
}

/// Behind the `=` of a line that gives a key a value.
fn assigns(line: &str) -> Option<usize> {
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
fn begins_anew(line: &str) -> bool {
    let line = line.trim();
    let header = line.strip_prefix('[').and_then(|inner| inner.strip_suffix(']'));
    assigns(line).is_some() || header.is_some_and(|inner| !inner.contains(['"', '\'', ',', '[', ']']))
}

fn brackets(line: &str, start: usize, open: &mut Vec<(usize, char)>) -> Option<()> {
    let mut chars = line.char_indices();
    while let Some((at, c)) = chars.next() {
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
            '{' => open.push((start + at, '}')),
            '[' => open.push((start + at, ']')),
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
            let found = found.map(|(at, closing, lines)| (at, closing, lines.to_owned()));
            let first = first(source).map(|one| (one.at, one.closing, source[one.lines].to_owned()));
            assert_eq!(first, found, "{source}");
        }
    }
}
