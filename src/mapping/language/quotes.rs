//! Curly quotes where straight ones are meant: word processors and messengers replace them, and TOML and JSON read them
//! as letters. They are reported, and the rest of the file is parsed as if they were straight.

/// A text between quotes of which at least one is curly.
#[derive(Debug, PartialEq, Eq)]
pub struct Curly {
    /// Byte offset of the first curly quote.
    pub offset: usize,
    /// The text between the quotes.
    pub inner: String,
}

/// All curly quotes; opening and closing ones are often mixed.
const CURLY: [char; 11] = ['“', '”', '„', '‟', '«', '»', '‘', '’', '‚', '‛', '″'];

pub fn is_curly(c: char) -> bool {
    CURLY.contains(&c)
}

fn closes(open: char, c: char) -> bool {
    match open {
        '«' => c == '»',
        '»' => matches!(c, '«' | '»'),
        '‘' | '’' | '‚' | '‛' => matches!(c, '’' | '‘'),
        _ => matches!(c, '”' | '“' | '″'),
    }
}

/// The text with straight quotes, with the same length in bytes; `None` if there are no curly quotes.
pub fn straightened(text: &str, json: bool) -> Option<(String, Vec<Curly>)> {
    let mut found = Vec::new();
    let mut straight = text.as_bytes().to_vec();
    let mut offset = 0;
    while let Some(c) = text[offset..].chars().next() {
        let rest = &text[offset..];
        offset += match c {
            '#' if !json => rest.find('\n').unwrap_or(rest.len()),
            '"' | '\'' if !json && rest.starts_with(&c.to_string().repeat(3)) => block_length(rest, c),
            '"' | '\'' if c == '"' || !json => match scan_string(rest, c) {
                StringEnd::Closed(length) => length,
                StringEnd::ClosedByCurly { close, length } => {
                    found.push(Curly { offset: offset + close, inner: rest[1..close].to_owned() });
                    write_quote(&mut straight, (offset + close, length), c, false);
                    close + length
                }
                StringEnd::Unclosed(length) => length,
            },
            _ if is_curly(c) => {
                let length = c.len_utf8();
                let line = &rest[..rest.find('\n').unwrap_or(rest.len())];
                let close = line[length..].char_indices().find(|(_, other)| closes(c, *other) || *other == '"');
                match close.map(|(close, other)| (length + close, other)) {
                    Some((close, other)) => {
                        found.push(Curly { offset, inner: rest[length..close].to_owned() });
                        write_quote(&mut straight, (offset, length), '"', true);
                        write_quote(&mut straight, (offset + close, other.len_utf8()), '"', false);
                        close + other.len_utf8()
                    }
                    None => length,
                }
            }
            _ => c.len_utf8(),
        };
    }
    (!found.is_empty()).then(|| (String::from_utf8_lossy(&straight).into_owned(), found))
}

/// Replaces a curly quote by a straight one; the remaining bytes become blanks outside of the quoted text.
fn write_quote(bytes: &mut [u8], (offset, length): (usize, usize), quote: char, opens: bool) {
    bytes[offset..offset + length].fill(b' ');
    let place = if opens { offset + length - 1 } else { offset };
    bytes[place] = quote as u8;
}

/// The length in bytes of a multi-line string.
fn block_length(rest: &str, quote: char) -> usize {
    let mark = quote.to_string().repeat(3);
    rest[3..].find(&mark).map_or(rest.len(), |end| end + 6)
}

enum StringEnd {
    Closed(usize),
    /// A curly quote ends the string.
    ClosedByCurly {
        close: usize,
        length: usize,
    },
    Unclosed(usize),
}

/// Scans a one-line string that begins with a straight quote. A curly quote ends it if none was opened inside, and if
/// the next character can only follow a string.
fn scan_string(rest: &str, quote: char) -> StringEnd {
    let (mut escaped, mut open) = (false, 0_usize);
    for (offset, c) in rest.char_indices().skip(1) {
        match c {
            '\n' => return StringEnd::Unclosed(offset),
            _ if escaped => escaped = false,
            '\\' if quote == '"' => escaped = true,
            _ if c == quote => return StringEnd::Closed(offset + 1),
            '“' | '„' | '«' | '‘' => open += 1,
            '”' | '»' | '’' if open > 0 => open -= 1,
            '”' | '»' | '’' if is_end(&rest[offset + c.len_utf8()..]) => {
                return StringEnd::ClosedByCurly { close: offset, length: c.len_utf8() };
            }
            _ => {}
        }
    }
    StringEnd::Unclosed(rest.len())
}

fn is_end(after: &str) -> bool {
    let after = after.trim_start_matches([' ', '\t', '\r']);
    after.is_empty() || after.starts_with(['\n', ',', ']', '}', '=', ':', '#'])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn both(text: &str) -> (String, Vec<String>) {
        let (straight, found) = straightened(text, false).unwrap_or_else(|| (text.to_owned(), Vec::new()));
        assert_eq!(straight.len(), text.len(), "{text}");
        (straight.split_whitespace().collect::<Vec<_>>().join(" "), found.into_iter().map(|one| one.inner).collect())
    }

    #[test]
    fn curly_quotes_become_straight_ones_where_they_stand_around_a_text() {
        for (text, straight, inner) in [
            ("a = “Имя”", "a = \"Имя\"", &["Имя"][..]),
            ("a = «Имя» # “b”", "a = \"Имя\" # “b”", &["Имя"]),
            ("a = „Имя“", "a = \"Имя\"", &["Имя"]),
            ("a = ‘x’", "a = \"x\"", &["x"]),
            ("“a b” = [“x”, \"y\"]", "\"a b\" = [ \"x\" , \"y\"]", &["a b", "x"]),
            ("a = \"Имя”\nb = \"c\"", "a = \"Имя\" b = \"c\"", &["Имя"]),
            ("a = “Имя\"", "a = \"Имя\"", &["Имя"]),
            ("a = { column = \"x”, default = \"y\" }", "a = { column = \"x\" , default = \"y\" }", &["x"]),
        ] {
            let (got, found) = both(text);
            assert_eq!(got, straight, "{text}");
            assert_eq!(found, inner, "{text}");
        }
    }

    #[test]
    fn curly_quotes_inside_a_text_and_in_a_comment_stay() {
        for text in [
            "a = \"ООО «Ромашка»\"",
            "a = 'x ” y'",
            "a = \"\"\"\n“b”\n\"\"\"",
            "# “b”",
            "a = \"say “hi”, all\"",
            "a = “b",
            "",
        ] {
            assert_eq!(straightened(text, false), None, "{text}");
        }
        assert!(straightened("{“a”: 1}", true).is_some());
    }
}
