//! Several values in one cell, taken apart at the separators a mapping names.

use super::text::blank;

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

/// What stands before the first separator and what after it.
fn cut<'a, S: AsRef<str>>(text: &'a str, separators: &[S], holds: fn(&str) -> bool) -> Option<(&'a str, &'a str)> {
    // The first byte of a letter is never inside another, so bytes will do; comparing that one first is three times as fast.
    text.bytes().enumerate().find_map(|(at, byte)| {
        let separators = separators.iter().map(|separator| separator.as_ref().as_bytes());
        let found = separators.filter(|s| s.first() == Some(&byte) && text.as_bytes()[at..].starts_with(s));
        let after = &text[at + found.map(<[u8]>::len).max()?..];
        (!holds(after)).then_some((&text[..at], after))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

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
