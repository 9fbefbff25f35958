//! Text for a screen. Names, cells and answers can contain characters that control a terminal, reverse the order of
//! letters or are invisible; they are escaped, so that the screen shows what is there.

use std::borrow::Cow;

/// Escapes such characters as `\u{1b}`. Line breaks, tabs and joiners inside words stay.
pub fn visible(text: &str) -> Cow<'_, str> {
    escaped(text, &['\n', '\t'])
}

/// Escapes such characters and line breaks, for a text on one line.
pub fn visible_line(text: &str) -> Cow<'_, str> {
    escaped(text, &['\t'])
}

fn escaped<'t>(text: &'t str, kept: &[char]) -> Cow<'t, str> {
    // The usual case.
    if text.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::new();
    let (mut before, mut taken) = (None, 0);
    for (at, c) in text.char_indices() {
        let rest = &text[at + c.len_utf8()..];
        let stays = match c {
            c if kept.contains(&c) => true,
            // Persian and Indic words and joined emoji contain them.
            '\u{200c}' | '\u{200d}' => before.is_some_and(in_word) && rest.chars().next().is_some_and(in_word),
            c => !is_hidden(c),
        };
        if !stays {
            shown.push_str(&text[taken..at]);
            shown.extend(c.escape_default());
            taken = at + c.len_utf8();
        }
        before = Some(c);
    }
    if taken == 0 {
        return Cow::Borrowed(text);
    }
    shown.push_str(&text[taken..]);
    Cow::Owned(shown)
}

fn in_word(c: char) -> bool {
    c.is_alphanumeric() || !(c.is_ascii() || c.is_whitespace() || is_hidden(c))
}

/// True for characters that control, reverse or are invisible: controls, and the Unicode classes Cf, Zl and Zp with
/// characters that are letters and marks by name only. Variation selectors (U+FE0F) change a visible character, and
/// prefixed signs of numbers (U+0600) are visible.
fn is_hidden(c: char) -> bool {
    match c {
        '\u{ad}'
        | '\u{34f}'
        | '\u{61c}'
        | '\u{115f}'..='\u{1160}'
        | '\u{17b4}'..='\u{17b5}'
        | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{3164}'
        | '\u{feff}'
        | '\u{ffa0}'
        | '\u{fff0}'..='\u{fffb}'
        | '\u{1bca0}'..='\u{1bca3}'
        | '\u{1d173}'..='\u{1d17a}'
        | '\u{e0000}'..='\u{e0fff}' => true,
        c => c.is_control(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn control_and_invisible_characters_are_escaped_and_all_else_stays() {
        for (text, shown) in [
            ("", ""),
            ("Сделка № 5 · 1 000 €", "Сделка № 5 · 1 000 €"),
            ("a\nb\tc", "a\nb\tc"),
            ("a\r\n", "a\\r\n"),
            ("\u{1b}[2J\u{1b}]0;title\u{7}", "\\u{1b}[2J\\u{1b}]0;title\\u{7}"),
            ("\0\u{8}\u{7f}", "\\u{0}\\u{8}\\u{7f}"),
            ("\u{9b}31m\u{85}", "\\u{9b}31m\\u{85}"),
            ("leads\u{202e}vsc.exe", "leads\\u{202e}vsc.exe"),
            ("\u{2066}a\u{2069}\u{200e}b\u{200f}\u{61c}", "\\u{2066}a\\u{2069}\\u{200e}b\\u{200f}\\u{61c}"),
            ("a\u{2028}b\u{2029}", "a\\u{2028}b\\u{2029}"),
            ("a\u{200b}b\u{feff}\u{ad}\u{3164}", "a\\u{200b}b\\u{feff}\\u{ad}\\u{3164}"),
            ("\u{e0061}", "\\u{e0061}"),
            // Words and emoji with joiners.
            ("می\u{200c}خواهم", "می\u{200c}خواهم"),
            ("क्\u{200d}ष", "क्\u{200d}ष"),
            ("👩\u{200d}👧 ❤\u{fe0f}\u{200d}🔥", "👩\u{200d}👧 ❤\u{fe0f}\u{200d}🔥"),
            ("\u{200d}a \u{200c} b\u{200d}", "\\u{200d}a \\u{200c} b\\u{200d}"),
            ("a\u{200d}\u{200d}b", "a\\u{200d}\\u{200d}b"),
        ] {
            assert_eq!(visible(text), shown);
        }
        assert_eq!(visible_line("a\nb\tc"), "a\\nb\tc");
        assert!(matches!(visible("Имя"), Cow::Borrowed(_)));
    }

    proptest! {
        #[test]
        fn an_escaped_text_hides_nothing_and_is_not_escaped_again(text in "(\\PC|\\p{C}|[\u{200b}-\u{202e}ab \n])*") {
            let shown = visible(&text);
            let joiner = |c: char| matches!(c, '\u{200c}' | '\u{200d}');
            prop_assert!(shown.chars().all(|c| !is_hidden(c) || joiner(c) || matches!(c, '\n' | '\t')), "{shown:?}");
            prop_assert_eq!(visible(&shown), shown.as_ref());
            // Nothing else changes.
            let plain = |text: &str| text.chars().filter(|c| !is_hidden(*c) || *c == '\n').collect::<String>();
            if plain(&text) == text {
                prop_assert_eq!(&shown, &text);
            }
            prop_assert!(!visible_line(&text).contains('\n'));
        }
    }
}
