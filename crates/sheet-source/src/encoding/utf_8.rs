//! Whether a stretch of a file is UTF-8, perhaps with a few spoilt bytes.

use super::language_model;
use std::collections::HashSet;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Utf8 {
    Proven,
    /// It may be, but so few letters may be words of another encoding.
    Possible,
    No,
}

/// As many different letters that are hardly ever met are no chance: the text is in a language that is not known here.
const RARE: usize = 6;
/// Nor are as many characters of three bytes in a row.
const RUN: usize = 3;
/// Fewer different letters beside bad bytes prove nothing.
const COMMON: usize = 3;

/// What was met.
#[derive(Default)]
struct LetterCounts {
    common: usize,
    rare: usize,
    bad: usize,
    different_common: HashSet<char>,
    different_rare: HashSet<char>,
    run: usize,
    longest_run: usize,
}

/// Judges a stretch, which may end in the middle of a letter unless it is `whole`. Letters of several bytes hardly ever
/// come about by chance, so they outweigh some bad ones. Those are then told with their row, instead of the whole file
/// turning into `РџСЂРё`. What does come about, in a few short words of another encoding, is a few letters that are hardly
/// ever met.
pub fn check_utf_8(sample: &[u8], whole: bool) -> Utf8 {
    let mut counts = LetterCounts::default();
    let mut in_bad = false;
    for chunk in sample.utf8_chunks() {
        in_bad &= chunk.valid().is_empty();
        let (mut letters, mut before) = (chunk.valid().chars().peekable(), ' ');
        while let Some(c) = letters.next() {
            let after = letters.peek().copied().unwrap_or(' ');
            counts.count_letter(c, before.is_ascii_alphabetic() || after.is_ascii_alphabetic());
            before = c;
        }
        if !chunk.invalid().is_empty() {
            counts.bad += usize::from(!in_bad);
            in_bad = true;
        }
    }
    // The last letter may be cut by the end of the stretch.
    if !whole && std::str::from_utf8(sample).is_err_and(|e| e.error_len().is_none()) {
        counts.bad = 0;
    }
    counts.result()
}

impl LetterCounts {
    fn count_letter(&mut self, c: char, in_word: bool) {
        self.run = if c.len_utf8() == 3 { self.run + 1 } else { 0 };
        self.longest_run = self.longest_run.max(self.run);
        if c.is_ascii() {
            return;
        }
        let (count, different, most, weight) = match weight(c, in_word) {
            Some(weight) => (&mut self.common, &mut self.different_common, COMMON, weight),
            None => (&mut self.rare, &mut self.different_rare, RARE, 1),
        };
        *count += weight;
        if different.len() < most {
            different.insert(c);
        }
    }

    fn result(&self) -> Utf8 {
        let is_certain = self.different_rare.len() == RARE || self.longest_run >= RUN;
        let good = if is_certain { self.common + self.rare } else { self.common };
        let many = is_certain || self.different_common.len() == COMMON;
        match self.bad {
            // One usual letter of several bytes is enough.
            0 if good > 0 || self.rare == 0 => Utf8::Proven,
            0 => Utf8::Possible,
            bad if good < 2 * bad => Utf8::No,
            _ if many => Utf8::Proven,
            _ => Utf8::Possible,
        }
    }
}

/// What a letter of several bytes counts against bad bytes; nothing where it is hardly ever met. In windows-1251, KOI8-R
/// and IBM866, words, stretches that are no UTF-8 are far more frequent than usual letters. `in_word` is beside ASCII
/// letters.
fn weight(c: char, in_word: bool) -> Option<usize> {
    match c {
        // What `ці` is in KOI8-U, `УП` in ISO-8859-5.
        'æ' | 'ÿ' if !in_word => None,
        '\u{c0}'..='\u{ff}' | '\u{400}'..='\u{45f}' => Some(2),
        '\u{a0}'..='\u{bf}' | '\u{2010}'..='\u{203a}' | '\u{20a0}'..='\u{20bf}' | '\u{2100}'..='\u{21ff}' => Some(1),
        '\u{feff}' | '\u{fffd}' | '\u{3001}'..='\u{3003}' | '\u{10000}'..='\u{1ffff}' => Some(1),
        c if in_word && language_model::is_known_letter(c) => Some(1),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn check_utf_8_may_be_cut_or_a_little_spoilt_and_a_few_words_of_another_encoding_are_no_utf_8() {
        let text = "Имя;Город\n".as_bytes();
        assert_eq!(check_utf_8(&text[..text.len() - 2], false), Utf8::Proven);
        for (bytes, verdict) in [
            ("中国人".as_bytes(), Utf8::Proven),
            ("Łukasz".as_bytes(), Utf8::Proven),
            ("é".as_bytes(), Utf8::Proven),
            ("A;Мор\n".as_bytes(), Utf8::Proven),
            (b"A;\xD0\x9C\xD0\xBE\xD1\x80\xD0\xFF\xFE\n", Utf8::Proven),
            (b"A;\xD0\x9C\xD0\xFF\xFE\n", Utf8::Possible),
            // `сол` and `чай` in IBM866.
            (b"\xE1\xAE\xAB", Utf8::Possible),
            (b"\xE7\xA0\xA9", Utf8::Possible),
            (b"\xC8\xEC\xFF", Utf8::No),
        ] {
            assert_eq!(check_utf_8(bytes, true), verdict, "{bytes:?}");
        }
    }
}
