//! Several values in one cell, taken apart at the separators a mapping names.

use super::text::blank;
use memchr::{memchr, memchr2, memchr3};

/// The parts of `text` between any of `separators`, without the blanks around them and without empty parts.
/// With no separators the whole text is the one part. Where two separators begin at the same place, the longer wins.
/// `"\n"` also stands for `\r\n`, because the `\r` is a blank at the end of a part.
pub fn split<'a, S: AsRef<str>>(text: &'a str, separators: &'a [S]) -> impl Iterator<Item = &'a str> {
    split_unless(text, separators, |_| false)
}

/// Like `split`, but a separator is a part of the text when `holds` is true for what follows it.
pub(super) fn split_unless<'a, S: AsRef<str>>(
    text: &'a str,
    separators: &'a [S],
    holds: fn(&str) -> bool,
) -> impl Iterator<Item = &'a str> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        loop {
            let whole = rest?;
            let part = match cut(whole, separators, holds) {
                Some((part, after)) => {
                    rest = Some(after);
                    part
                }
                None => {
                    rest = None;
                    whole
                }
            };
            let part = part.trim_matches(blank);
            if !part.is_empty() {
                return Some(part);
            }
        }
    })
}

/// The parts of a text in which some stand between quotes, as in a CSV: what separates is a part of those, and `""`
/// stands for one quote. `None` where no part is quoted.
pub fn quoted<S: AsRef<str>>(text: &str, separators: &[S]) -> Option<Vec<String>> {
    if separators.is_empty() || !text.contains('"') {
        return None;
    }
    let (mut parts, mut any, mut rest) = (Vec::new(), false, Some(text));
    while let Some(whole) = rest {
        let start = whole.trim_start_matches(blank);
        let (part, after) = match between_quotes(start, separators) {
            Some((part, after)) => {
                any = true;
                (part, after)
            }
            None => match cut(whole, separators, |_| false) {
                Some((part, after)) => (part.trim_matches(blank).to_owned(), Some(after)),
                None => (whole.trim_matches(blank).to_owned(), None),
            },
        };
        parts.extend(Some(part).filter(|part| !part.is_empty()));
        rest = after;
    }
    any.then_some(parts)
}

/// Like `split`, but nothing between quotes separates, as in `"Иванов, Иван" <a@example.com>`; a part that is all between
/// quotes loses these.
pub fn outside_quotes<'a, S: AsRef<str>>(text: &'a str, separators: &[S]) -> Vec<&'a str> {
    let bare = |part: &'a str| {
        let inside = part.strip_prefix('"').and_then(|part| part.strip_suffix('"'));
        inside.filter(|inside| !inside.contains('"')).unwrap_or(part).trim_matches(blank)
    };
    let (mut parts, mut rest) = (Vec::new(), text);
    loop {
        let mut look = 0;
        let found = loop {
            let Some((before, after)) = cut(&rest[look..], separators, |_| false) else { break None };
            let end = look + before.len();
            if rest[..end].matches('"').count() % 2 == 0 {
                break Some((end, after));
            }
            // A quote that is never closed keeps nothing together.
            if !after.contains('"') {
                break Some((end, after));
            }
            look = rest.len() - after.len();
        };
        let end = found.map_or(rest.len(), |(end, _)| end);
        parts.extend(Some(bare(rest[..end].trim_matches(blank))).filter(|part| !part.is_empty()));
        match found {
            Some((_, after)) => rest = after,
            None => return parts,
        }
    }
}

/// A part that begins and ends with a quote, and what follows its separator.
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
        let end = after.trim_start_matches(blank);
        if end.is_empty() {
            return Some((part, None));
        }
        // A line break is a blank, and may be what separates.
        let (between, after) = cut(after, separators, |_| false)?;
        return between.trim_matches(blank).is_empty().then_some((part, Some(after)));
    }
}

/// What stands before the first separator and what after it.
fn cut<'a, S: AsRef<str>>(text: &'a str, separators: &[S], holds: fn(&str) -> bool) -> Option<(&'a str, &'a str)> {
    // The first byte of a letter is never inside another, so bytes will do.
    let mut look = 0;
    loop {
        let here = &text.as_bytes()[look..];
        let first = begin(here, separators)?;
        let separators = separators.iter().map(|separator| separator.as_ref().as_bytes());
        let found = separators.filter(|s| !s.is_empty() && here[first..].starts_with(s)).map(<[u8]>::len).max();
        let at = look + first;
        match found.map(|length| &text[at + length..]).filter(|after| !holds(after)) {
            Some(after) => return Some((&text[..at], after)),
            None => look = at + 1,
        }
    }
}

/// Where the first of `separators` may begin.
fn begin<S: AsRef<str>>(text: &[u8], separators: &[S]) -> Option<usize> {
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
