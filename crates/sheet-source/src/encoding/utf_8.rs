//! Whether a part of a file is UTF-8, possibly with a few invalid bytes.

use super::language_model;
use std::collections::HashSet;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Utf8 {
    Proven,
    /// Possible, but so few letters can be words of another encoding.
    Possible,
    No,
}

/// This many distinct rare letters exclude chance: the text is in a language without a word list.
const RARE: usize = 6;
/// So does a run of this many three-byte characters.
const RUN: usize = 3;
/// Fewer distinct letters next to invalid bytes prove nothing.
const COMMON: usize = 3;

/// Counts of the characters.
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

/// Checks a sample, which can end in the middle of a letter unless it is `whole`. Multi-byte letters hardly ever
/// occur by chance, so they outweigh a few invalid bytes. The invalid bytes are then reported with their row, instead
/// of the whole file turning into `РџСЂРё`. A few short words of another encoding can form a few rare letters.
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
    // The sample can cut the last letter.
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
            // One common multi-byte letter is enough.
            0 if good > 0 || self.rare == 0 => Utf8::Proven,
            0 => Utf8::Possible,
            bad if good < 2 * bad => Utf8::No,
            _ if many => Utf8::Proven,
            _ => Utf8::Possible,
        }
    }
}

/// The weight of a multi-byte letter against invalid bytes; `None` for a rare letter. In windows-1251, KOI8-R and
/// IBM866, text contains invalid UTF-8 far more often than common letters. `in_word` means next to ASCII letters.
fn weight(c: char, in_word: bool) -> Option<usize> {
    match c {
        // `ці` in KOI8-U and `УП` in ISO-8859-5 have these bytes.
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
