//! Detects mojibake: valid UTF-8 whose text another program decoded in a code page and saved, `Ð˜Ð¼Ñ`. Encoded in
//! that page again, such words become UTF-8; other words hardly ever do.

use super::code_page::{CodePage, pages};
use super::doubt::{DoubtKind, EncodingDoubt, EncodingReading};
use super::language_model::Script;
use std::collections::{HashMap, HashSet};

/// Fewer garbled words than one in this many non-ASCII words are accepted: somebody typed or pasted them.
const ONE_WORD_IN: usize = 10;
/// A single letter can be a coincidence.
const LETTERS_MIN: usize = 2;
const PAGES: [&str; 7] =
    ["windows-1252", "windows-1251", "windows-1250", "windows-1254", "macintosh", "IBM866", "IBM850"];

/// Encodes text in a code page.
struct PageEncoder {
    name: &'static str,
    bytes: HashMap<char, u8>,
}

impl PageEncoder {
    fn new(page: &CodePage) -> PageEncoder {
        // Many programs keep bytes that the page does not assign.
        let mut bytes: HashMap<char, u8> = (0x80..=0xFF_u8).map(|byte| (char::from(byte), byte)).collect();
        bytes.extend((0..=0xFF_u8).map(|byte| (page.byte(byte).shown, byte)));
        PageEncoder { name: page.name, bytes }
    }

    /// The original word, and the number of its non-ASCII letters.
    fn repair(&self, word: &str) -> Option<(String, usize)> {
        let bytes: Option<Vec<u8>> = word.chars().map(|c| self.bytes.get(&c).copied()).collect();
        let text = String::from_utf8(bytes?).ok()?;
        let letters = text.chars().filter(|c| !c.is_ascii()).count();
        let usual =
            |c: char| Script::of(c).is_some() || matches!(c, '\u{a0}'..='\u{bf}' | '\u{2010}'..='\u{203a}' | '№');
        (letters > 0 && text.chars().all(usual)).then_some((text, letters))
    }
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| c.is_ascii() && !c.is_ascii_alphabetic()).filter(|word| !word.is_ascii())
}

/// Checks a part of a file that is UTF-8.
pub fn detect(sample: &[u8]) -> Option<EncodingDoubt> {
    let text = String::from_utf8_lossy(sample);
    let words: HashSet<&str> = words(&text).collect();
    let pages = pages().iter().filter(|page| PAGES.contains(&page.name));
    let found = pages.filter_map(|page| {
        let encoder = PageEncoder::new(page);
        let repaired: Vec<usize> =
            words.iter().filter_map(|word| encoder.repair(word)).map(|(_, letters)| letters).collect();
        let garbled = repaired.iter().sum::<usize>() >= LETTERS_MIN && repaired.len() * ONE_WORD_IN >= words.len();
        garbled.then_some((repaired.len(), encoder))
    });
    let (_, encoder) = found.reduce(|best, other| if other.0 > best.0 { other } else { best })?;
    let line = text.lines().find(|line| self::words(line).any(|word| encoder.repair(word).is_some()))?;
    let was = EncodingReading::new(format!("before {}", encoder.name), &repair_line(line, &encoder));
    Some(EncodingDoubt { why: DoubtKind::Mojibake, readings: vec![EncodingReading::new("UTF-8", line), was] })
}

fn repair_line(line: &str, encoder: &PageEncoder) -> String {
    let mut repaired = line.to_owned();
    for word in words(line) {
        if let Some((was, _)) = encoder.repair(word) {
            repaired = repaired.replacen(word, &was, 1);
        }
    }
    repaired
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_that_was_read_wrong_before_is_known() {
        let through = |text: &str, page: &str| {
            let page = pages().iter().find(|other| other.name == page).unwrap();
            page.decode(text.as_bytes())
        };
        for (text, page) in [
            ("Name;City\nЖанна Ёлкина;Орёл\n", "windows-1252"),
            ("Имя;Город\nИван;Москва\n", "windows-1251"),
            ("Name\nJosé Núñez\n", "windows-1252"),
            ("Name\nŁukasz Żółć\n", "windows-1250"),
        ] {
            let garbage = through(text, page);
            let doubt = detect(garbage.as_bytes()).unwrap_or_else(|| panic!("{garbage}"));
            assert_eq!(doubt.why, DoubtKind::Mojibake);
        }
        for text in ["Имя;Город\nИван;РІВНЕ\n", "Name\nJOSÉ® NÃO\n", "Año;Größe\n", "№ 15;«Рёв»", "Σ;Àé\n"]
        {
            assert_eq!(detect(text.as_bytes()), None, "{text}");
        }
    }
}
