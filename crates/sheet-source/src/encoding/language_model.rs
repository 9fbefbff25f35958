//! How likely a text is in a language: by pairs of letters, counted from words of that language, and by those words
//! themselves. Punctuation has its usual positions.

use super::language::Language;
use super::{cyrillic, latin};
use std::collections::HashMap;
use std::sync::OnceLock;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Script {
    Latin,
    Cyrillic,
    Greek,
}

impl Script {
    pub fn of(c: char) -> Option<Script> {
        match c {
            'a'..='z' | 'A'..='Z' | 'ª' | 'º' => Some(Script::Latin),
            '\u{c0}'..='\u{24f}' if c != '×' && c != '÷' => Some(Script::Latin),
            '\u{370}'..='\u{3ff}' if c.is_alphabetic() => Some(Script::Greek),
            '\u{400}'..='\u{481}' | '\u{48a}'..='\u{52f}' => Some(Script::Cyrillic),
            _ => None,
        }
    }
}

/// Letters from here on belong to none of the languages.
const LETTERS_END: usize = 0x500;
/// The index of a word boundary among the letters of a model.
const EDGE: u8 = 0;
const UNKNOWN_LETTER: u8 = u8::MAX;

/// Natural logarithms of how likely each letter follows another.
pub struct LanguageModel {
    pub script: Script,
    index: Vec<u8>,
    size: usize,
    pairs: Vec<f32>,
    /// Known words.
    known: HashMap<&'static str, f32>,
    /// All non-ASCII letters of the language.
    pub letters: Vec<char>,
}

/// A letter that is not in the language.
const FOREIGN: f32 = -9.0;
/// A letter of another script.
const MIXED: f32 = -12.0;
/// The share of known words; the rest are words made of letter pairs.
const SHORT_SHARE: f32 = 0.2;
const WORDS_SHARE: f32 = 0.1;

impl LanguageModel {
    fn new(language: &Language) -> LanguageModel {
        let all = || language.short.split_whitespace().chain(language.words.split_whitespace());
        let mut index = vec![UNKNOWN_LETTER; LETTERS_END];
        let mut letters: Vec<char> = all().flat_map(str::chars).filter(|c| Script::of(*c).is_some()).collect();
        letters.sort_unstable();
        letters.dedup();
        for (nth, c) in letters.iter().enumerate() {
            index[*c as usize] = nth as u8 + 1;
        }
        let size = letters.len() + 1;
        let mut counts = vec![0.0_f32; size * size];
        for word in all().flat_map(|word| word.split(|c| Script::of(c).is_none())).filter(|word| !word.is_empty()) {
            let mut before = EDGE;
            for c in word.chars() {
                let at = index[c as usize];
                counts[before as usize * size + at as usize] += 1.0;
                before = at;
            }
            counts[before as usize * size + EDGE as usize] += 1.0;
        }
        letters.retain(|c| !c.is_ascii());
        let script = letters.first().map_or(Script::Latin, |c| Script::of(*c).unwrap_or(Script::Latin));
        LanguageModel {
            script,
            index,
            size,
            pairs: pair_logarithms(&counts, size),
            known: known_words(language),
            letters,
        }
    }

    /// How likely `c`, a lower-case letter, follows `before`; `None` is the boundary of a word.
    pub fn pair_likelihood(&self, before: Option<char>, c: Option<char>) -> f32 {
        let (first, second) = (self.letter_index(before), self.letter_index(c));
        match (first, second) {
            (_, UNKNOWN_LETTER) => c.map_or(FOREIGN, |c| self.foreign_likelihood(c)),
            (UNKNOWN_LETTER, at) => self.pairs[at as usize].min(-2.5),
            (first, second) => self.pairs[first as usize * self.size + second as usize],
        }
    }

    fn letter_index(&self, c: Option<char>) -> u8 {
        c.map_or(EDGE, |c| self.index.get(c as usize).copied().unwrap_or(UNKNOWN_LETTER))
    }

    fn foreign_likelihood(&self, c: char) -> f32 {
        if Script::of(c) == Some(self.script) { FOREIGN } else { MIXED }
    }

    /// How likely the word is one of the known words.
    pub fn known_word(&self, word: &str) -> Option<f32> {
        self.known.get(word).copied()
    }
}

/// Unseen pairs are as likely as their second letter is overall, in the share of unseen pairs (Witten and Bell).
fn pair_logarithms(counts: &[f32], size: usize) -> Vec<f32> {
    const UNSEEN_COUNT: f32 = 0.2;
    let total: f32 = counts.iter().sum::<f32>() + UNSEEN_COUNT * size as f32;
    let alone: Vec<f32> = (0..size)
        .map(|second| ((0..size).map(|first| counts[first * size + second]).sum::<f32>() + UNSEEN_COUNT) / total)
        .collect();
    let mut pairs = vec![0.0; size * size];
    for (row, first) in pairs.chunks_mut(size).zip(counts.chunks(size)) {
        let observed: f32 = first.iter().sum();
        let kinds = first.iter().filter(|count| **count > 0.0).count().max(1) as f32;
        let share = observed / (observed + kinds);
        for ((pair, count), alone) in row.iter_mut().zip(first).zip(&alone) {
            *pair = (share * count / observed.max(1.0) + (1.0 - share) * alone).ln();
        }
    }
    pairs
}

fn known_words(language: &Language) -> HashMap<&'static str, f32> {
    let words: Vec<&str> = language.words.split_whitespace().collect();
    let short: Vec<&str> = language.short.split_whitespace().collect();
    let each = |share: f32, count: usize| (share / count.max(1) as f32).ln();
    let mut known: HashMap<&str, f32> = words.iter().map(|word| (*word, each(WORDS_SHARE, words.len()))).collect();
    known.extend(short.iter().map(|word| (*word, each(SHORT_SHARE, short.len()))));
    known
}

pub fn models() -> &'static [LanguageModel] {
    static MODELS: OnceLock<Vec<LanguageModel>> = OnceLock::new();
    MODELS.get_or_init(|| cyrillic::LANGUAGES.iter().chain(&latin::LANGUAGES).map(LanguageModel::new).collect())
}

/// True for a non-ASCII letter of one of the languages.
pub fn is_known_letter(c: char) -> bool {
    static KNOWN: OnceLock<Vec<bool>> = OnceLock::new();
    let known = KNOWN.get_or_init(|| {
        let mut known = vec![false; LETTERS_END];
        for c in models().iter().flat_map(|model| &model.letters) {
            known[*c as usize] = true;
        }
        known
    });
    let small = c.to_lowercase().next().unwrap_or(c);
    known.get(small as usize).copied().unwrap_or(false)
}

/// What is next to a character.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Neighbour {
    Edge,
    Letter,
    Digit,
}

/// How likely a character that is not a letter is between two others.
pub fn punctuation_likelihood(c: char, before: Neighbour, after: Neighbour) -> f32 {
    use Neighbour::{Digit, Edge, Letter};
    let good = match c {
        '\u{a0}' => before != Letter || after != Letter,
        '«' | '„' | '‹' => before == Edge && after != Edge,
        '»' | '›' => before != Edge && after == Edge,
        '“' | '”' => before == Edge || after == Edge,
        '’' | '‘' => before == Letter,
        '–' | '—' => before == after,
        '№' => before == Edge && after == Digit,
        '°' => before == Digit || after == Letter,
        '€' | '£' | '¥' | '₽' | '‰' | '±' | '×' => before != Letter && after != Letter,
        '²' | '³' | '™' | '®' | '…' => before == Letter,
        '•' | '·' | '§' | '©' => before == Edge,
        '½' | '¼' | '¾' => before != Letter && after == Edge,
        '¿' | '¡' => before == Edge && after == Letter,
        _ => false,
    };
    match c {
        '’' if before == Letter && after == Letter => -3.5,
        '“' | '”' if good => -5.0,
        '«' | '»' | '„' | '’' | '‘' if good => -6.0,
        _ if good => -4.0,
        '\u{a0}' => -7.0,
        '\u{fffd}' => -16.0,
        c if c.is_control() => -14.0,
        '«' | '»' | '“' | '”' | '„' | '’' | '‘' | '–' | '—' | '№' | '°' | '…' | '²' | '³' | '•' | '™' | '®' => {
            -8.0
        }
        '€' | '£' | '§' | '©' | '±' | '×' | '·' | '½' | '¼' | '¾' | '¿' | '¡' | '´' | '`' => -9.0,
        _ => -11.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_models_know_their_own_letters() {
        for model in models() {
            assert!(model.size < UNKNOWN_LETTER as usize);
            for c in &model.letters {
                assert_eq!(Script::of(*c), Some(model.script), "{c}");
            }
        }
        let russian = &models()[0];
        assert!(russian.pair_likelihood(Some('с'), Some('т')) > russian.pair_likelihood(Some('с'), Some('ъ')));
        assert!(russian.known_word("шт").is_some());
    }
}
