//! Splits a cell into several values at the separators of the mapping.

use super::text::is_blank;
use memchr::{memchr, memchr2, memchr3};

/// The parts of `text` between any of `separators`, trimmed and without empty parts. Without separators, the text is
/// the only part. If two separators begin at the same place, the longer one wins. `"\n"` also matches `\r\n`, because
/// the `\r` is trimmed as a blank.
pub fn split<'a, S: AsRef<str>>(text: &'a str, separators: &'a [S]) -> impl Iterator<Item = &'a str> {
    split_unless(text, separators, |_| false)
}

/// Like `split`, but a separator belongs to the text if `holds` is true for the text after it.
pub(super) fn split_unless<'a, S: AsRef<str>>(
    text: &'a str,
    separators: &'a [S],
    holds: fn(&str) -> bool,
) -> impl Iterator<Item = &'a str> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        loop {
            let whole = rest?;
            let part = match split_first(whole, separators, holds) {
                Some((part, after)) => {
                    rest = Some(after);
                    part
                }
                None => {
                    rest = None;
                    whole
                }
            };
            let part = part.trim_matches(is_blank);
            if !part.is_empty() {
                return Some(part);
            }
        }
    })
}

/// The parts of a text with quoted parts, as in a CSV: separators inside quotes belong to the part, and `""` is one
/// quote. `None` if no part is quoted.
pub fn quoted<S: AsRef<str>>(text: &str, separators: &[S]) -> Option<Vec<String>> {
    if separators.is_empty() || !text.contains('"') {
        return None;
    }
    let (mut parts, mut any, mut rest) = (Vec::new(), false, Some(text));
    while let Some(whole) = rest {
        let start = whole.trim_start_matches(is_blank);
        let (part, after) = match between_quotes(start, separators) {
            Some((part, after)) => {
                any = true;
                (part, after)
            }
            None => match split_first(whole, separators, |_| false) {
                Some((part, after)) => (part.trim_matches(is_blank).to_owned(), Some(after)),
                None => (whole.trim_matches(is_blank).to_owned(), None),
            },
        };
        parts.extend(Some(part).filter(|part| !part.is_empty()));
        rest = after;
    }
    any.then_some(parts)
}

/// Like `split`, but ignores separators between quotes, as in `"Иванов, Иван" <a@example.com>`; a fully quoted part
/// loses its quotes.
pub fn outside_quotes<'a, S: AsRef<str>>(text: &'a str, separators: &[S]) -> Vec<&'a str> {
    let bare = |part: &'a str| {
        let inside = part.strip_prefix('"').and_then(|part| part.strip_suffix('"'));
        inside.filter(|inside| !inside.contains('"')).unwrap_or(part).trim_matches(is_blank)
    };
    let (mut parts, mut rest) = (Vec::new(), text);
    loop {
        let mut look = 0;
        let found = loop {
            let Some((before, after)) = split_first(&rest[look..], separators, |_| false) else { break None };
            let end = look + before.len();
            if rest[..end].matches('"').count() % 2 == 0 {
                break Some((end, after));
            }
            // An unclosed quote is an ordinary character.
            if !after.contains('"') {
                break Some((end, after));
            }
            look = rest.len() - after.len();
        };
        let end = found.map_or(rest.len(), |(end, _)| end);
        parts.extend(Some(bare(rest[..end].trim_matches(is_blank))).filter(|part| !part.is_empty()));
        match found {
            Some((_, after)) => rest = after,
            None => return parts,
        }
    }
}

/// A part that begins and ends with a quote, and the text after its separator.
fn between_quotes<'a, S: AsRef<str>>(text: &'a str, separators: &[S]) -> Option<(String, Option<&'a str>)> {
    let mut rest = text.strip_prefix('"')?;
    let mut part = String::new();
    loop {
        let (before, after) = rest.split_once('"')?;
        part.push_str(before);
        if let Some(more) = after.strip_prefix('"') {
            part.push('"');
            rest = more;
            continue;
        }
        let end = after.trim_start_matches(is_blank);
        if end.is_empty() {
            return Some((part, None));
        }
        // A line break is a blank, but may be the separator.
        let (between, after) = split_first(after, separators, |_| false)?;
        return between.trim_matches(is_blank).is_empty().then_some((part, Some(after)));
    }
}

/// The text before the first separator and the text after it.
fn split_first<'a, S: AsRef<str>>(
    text: &'a str,
    separators: &[S],
    holds: fn(&str) -> bool,
) -> Option<(&'a str, &'a str)> {
    // In UTF-8 the first byte of a character is never inside another, so bytes are enough.
    let mut look = 0;
    loop {
        let here = &text.as_bytes()[look..];
        let first = find_first(here, separators)?;
        let separators = separators.iter().map(|separator| separator.as_ref().as_bytes());
        let found = separators.filter(|s| !s.is_empty() && here[first..].starts_with(s)).map(<[u8]>::len).max();
        let at = look + first;
        match found.map(|length| &text[at + length..]).filter(|after| !holds(after)) {
            Some(after) => return Some((&text[..at], after)),
            None => look = at + 1,
        }
    }
}

/// The first byte offset at which one of `separators` may begin.
fn find_first<S: AsRef<str>>(text: &[u8], separators: &[S]) -> Option<usize> {
    let first = |n: usize| separators.get(n).and_then(|separator| separator.as_ref().bytes().next());
    match (first(0), first(1), first(2), separators.len()) {
        (None, None, None, 0) => None,
        (Some(a), None, None, 1) => memchr(a, text),
        (Some(a), Some(b), None, 2) => memchr2(a, b, text),
        (Some(a), Some(b), Some(c), 3) => memchr3(a, b, c, text),
        _ => text.iter().position(|byte| separators.iter().any(|s| s.as_ref().bytes().next() == Some(*byte))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_between_quotes_is_one_part() {
        for (text, parts) in [
            (r#""a, b", c"#, Some(&["a, b", "c"][..])),
            (r#"a,"b ""c"", d" ,e"#, Some(&["a", r#"b "c", d"#, "e"])),
            (r#""""x"" y, z""#, Some(&[r#""x" y, z"#])),
            (r#"ООО "Рога", опт"#, None),
            (r#""a" b, c"#, None),
            (r#""a, b"#, None),
            ("a, b", None),
        ] {
            let parts = parts.map(|parts| parts.iter().map(|part| (*part).to_owned()).collect::<Vec<_>>());
            assert_eq!(quoted(text, &[","]), parts, "{text}");
        }
    }

    #[test]
    fn a_quoted_name_before_an_address_keeps_its_separators() {
        for (text, parts) in [
            (r#""Иванов, Иван" <a@example.com>"#, &[r#""Иванов, Иван" <a@example.com>"#][..]),
            (
                r#""Иванов, Иван" <a@b.ru>, c@d.ru; "Пётр; П" <e@f.ru>"#,
                &[r#""Иванов, Иван" <a@b.ru>"#, "c@d.ru", r#""Пётр; П" <e@f.ru>"#],
            ),
            (r#""a@b.ru", "c@d.ru""#, &["a@b.ru", "c@d.ru"]),
            (r#""a@b.ru, c@d.ru"#, &[r#""a@b.ru"#, "c@d.ru"]),
            ("a@b.ru, c@d.ru,", &["a@b.ru", "c@d.ru"]),
        ] {
            assert_eq!(outside_quotes(text, &[",", ";"]), parts, "{text}");
        }
    }

    #[test]
    fn parts_are_trimmed_and_empty_ones_dropped() {
        for (text, separators, parts) in [
            ("VIP, опт ,,Москва", &[","][..], &["VIP", "опт", "Москва"][..]),
            ("a;b,c", &[",", ";"], &["a", "b", "c"]),
            ("a\r\nb\n\nc", &["\n"], &["a", "b", "c"]),
            ("a - b-c", &["-", " - "], &["a", "b", "c"]),
            (" одна, две ", &[], &["одна, две"]),
            ("a,b", &[""], &["a,b"]),
            ("\u{a0}x\u{a0}|\u{feff}", &["|"], &["x"]),
            (" , ", &[","], &[]),
            ("", &[","], &[]),
        ] {
            assert_eq!(split(text, separators).collect::<Vec<_>>(), parts, "{text:?}");
        }
    }
}
