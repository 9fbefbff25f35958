//! Curly quotes where straight ones are meant: word processors and messengers bend them, and to TOML and JSON they are
//! letters. They are told as what they are, and the rest of the file is read as if they were straight.

/// A text that stands between quotes of which one is curly.
#[derive(Debug, PartialEq, Eq)]
pub struct Curly {
    /// Where the first curly one stands.
    pub at: usize,
    /// What stands between them.
    pub inner: String,
}

/// What closes a text that one of these opens; any of them, for they are mixed as often as not.
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

/// The same text, byte for byte as long, with straight quotes; nothing where none are curly.
pub fn straightened(text: &str, json: bool) -> Option<(String, Vec<Curly>)> {
    let mut found = Vec::new();
    let mut straight = text.as_bytes().to_vec();
    let mut at = 0;
    while let Some(c) = text[at..].chars().next() {
        let rest = &text[at..];
        at += match c {
            '#' if !json => rest.find('\n').unwrap_or(rest.len()),
            '"' | '\'' if !json && rest.starts_with(&c.to_string().repeat(3)) => block(rest, c),
            '"' | '\'' if c == '"' || !json => match plain(rest, c) {
                Plain::Ends(length) => length,
                Plain::Curly { close, length } => {
                    found.push(Curly { at: at + close, inner: rest[1..close].to_owned() });
                    put(&mut straight, (at + close, length), c, false);
                    close + length
                }
                Plain::Open(length) => length,
            },
            _ if is_curly(c) => {
                let length = c.len_utf8();
                let line = &rest[..rest.find('\n').unwrap_or(rest.len())];
                let close = line[length..].char_indices().find(|(_, other)| closes(c, *other) || *other == '"');
                match close.map(|(close, other)| (length + close, other)) {
                    Some((close, other)) => {
                        found.push(Curly { at, inner: rest[length..close].to_owned() });
                        put(&mut straight, (at, length), '"', true);
                        put(&mut straight, (at + close, other.len_utf8()), '"', false);
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

/// A straight quote in place of a curly one; the rest of its bytes is blank, outside of the text.
fn put(bytes: &mut [u8], (at, length): (usize, usize), quote: char, opens: bool) {
    bytes[at..at + length].fill(b' ');
    let place = if opens { at + length - 1 } else { at };
    bytes[place] = quote as u8;
}

/// The length of a text of several lines.
fn block(rest: &str, quote: char) -> usize {
    let mark = quote.to_string().repeat(3);
    rest[3..].find(&mark).map_or(rest.len(), |end| end + 6)
}

enum Plain {
    Ends(usize),
    /// A curly quote is meant to end it.
    Curly {
        close: usize,
        length: usize,
    },
    Open(usize),
}

/// A text of one line that a straight quote opens. A curly quote ends it where none has opened inside, and where what
/// follows can only stand behind a text.
fn plain(rest: &str, quote: char) -> Plain {
    let (mut escaped, mut open) = (false, 0_usize);
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            '\n' => return Plain::Open(at),
            _ if escaped => escaped = false,
            '\\' if quote == '"' => escaped = true,
            _ if c == quote => return Plain::Ends(at + 1),
            '“' | '„' | '«' | '‘' => open += 1,
            '”' | '»' | '’' if open > 0 => open -= 1,
            '”' | '»' | '’' if is_end(&rest[at + c.len_utf8()..]) => {
                return Plain::Curly { close: at, length: c.len_utf8() };
            }
            _ => {}
        }
    }
    Plain::Open(rest.len())
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
