//! What the bytes of a file show about its encoding, collected chunk by chunk from the whole file, in little memory.
//! Once the non-ASCII bytes prove to be UTF-8, collection stops. Otherwise words with such bytes are kept: a fixed
//! sample of the distinct words, independent of their order, and for each byte a few words and the first line that
//! contain it. So a byte that differs between two code pages is never missed.

use super::language_model::Neighbour;
use super::utf_8::{Utf8, check_utf_8};
use std::collections::BTreeMap;

/// This many bytes from the first non-ASCII byte on decide between UTF-8 and the rest.
const SAMPLE_BYTES: usize = 64 << 10;
/// Bytes kept of the line before it.
const BEFORE_BYTES: usize = 200;
/// Words kept in total, and for each byte.
const WORDS_MAX: usize = 400;
const WORDS_PER_BYTE: usize = 4;
const ASCII_WORDS_MAX: usize = 100;
const ASCII_WORD_BYTES_MIN: usize = 3;
/// Longer runs of letters are not words.
const WORD_BYTES: usize = 48;
/// Bytes of a displayed line, before decoding.
const LINE_BYTES: usize = 72;
/// A line without an end is split at this length.
const PENDING_BYTES: usize = 256 << 10;

/// A run of letters with at least one non-ASCII byte.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct NonAsciiWord {
    pub bytes: Vec<u8>,
    pub before: Neighbour,
    pub after: Neighbour,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Evidence {
    /// The end of the last line, while all bytes are ASCII.
    line_start: Vec<u8>,
    sample: Vec<u8>,
    state: EvidenceState,
    pending: Vec<u8>,
    words: BTreeMap<u64, NonAsciiWord>,
    by_byte: BTreeMap<u8, ByteEvidence>,
    /// ASCII words on the same lines: they show the language.
    ascii_words: BTreeMap<u64, NonAsciiWord>,
    lines: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum EvidenceState {
    #[default]
    Ascii,
    /// The sample is being filled.
    Undecided,
    Utf8,
    Words,
    /// Not text: nothing after the sample is collected.
    Binary,
}

/// What is kept for one byte.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct ByteEvidence {
    words: BTreeMap<u64, NonAsciiWord>,
    line: (u32, Vec<u8>),
}

impl Evidence {
    /// Evidence of a complete text.
    pub fn of(bytes: &[u8]) -> Evidence {
        let mut evidence = Evidence::default();
        evidence.add(bytes);
        evidence.finish(true);
        evidence
    }

    /// Adds the next bytes of the file.
    pub fn add(&mut self, bytes: &[u8]) {
        match self.state {
            EvidenceState::Utf8 | EvidenceState::Binary => {}
            EvidenceState::Ascii => match bytes.iter().position(|byte| !byte.is_ascii()) {
                Some(first) => {
                    self.keep_line_start(&bytes[..first]);
                    self.state = EvidenceState::Undecided;
                    self.add(&bytes[first..]);
                }
                None => self.keep_line_start(bytes),
            },
            EvidenceState::Undecided => {
                let (taken, rest) = bytes.split_at(bytes.len().min(SAMPLE_BYTES - self.sample.len()));
                self.sample.extend_from_slice(taken);
                if self.sample.len() == SAMPLE_BYTES {
                    self.decide(false);
                    self.add(rest);
                }
            }
            EvidenceState::Words => self.add_bytes(bytes),
        }
    }

    /// Ends the collection; `whole` is true if the file ends here.
    pub fn finish(&mut self, whole: bool) {
        if self.state == EvidenceState::Undecided {
            self.decide(whole);
        }
        if self.state == EvidenceState::Words {
            let rest = std::mem::take(&mut self.pending);
            self.add_lines(&rest);
        }
    }

    /// True while further bytes can change the result.
    pub fn is_undecided(&self) -> bool {
        !matches!(self.state, EvidenceState::Utf8 | EvidenceState::Binary)
    }

    pub fn is_ascii(&self) -> bool {
        self.state == EvidenceState::Ascii
    }

    pub fn is_utf_8(&self) -> bool {
        match self.state {
            EvidenceState::Ascii | EvidenceState::Utf8 => true,
            EvidenceState::Words | EvidenceState::Binary => false,
            EvidenceState::Undecided => check_utf_8(&self.sample, false) == Utf8::Proven,
        }
    }

    /// The bytes from the first non-ASCII byte on.
    pub fn sample(&self) -> &[u8] {
        &self.sample
    }

    /// The distinct words in a fixed order.
    pub fn words(&self) -> Vec<&NonAsciiWord> {
        let by_byte = self.by_byte.values().flat_map(|of| &of.words);
        let words: BTreeMap<&u64, &NonAsciiWord> = self.words.iter().chain(by_byte).collect();
        words.into_values().collect()
    }

    /// The ASCII words next to them.
    pub fn ascii_words(&self) -> impl Iterator<Item = &NonAsciiWord> {
        self.ascii_words.values()
    }

    /// All non-ASCII bytes of the file.
    pub fn bytes(&self) -> impl Iterator<Item = u8> + Clone {
        self.by_byte.keys().copied()
    }

    /// The first line with one of these bytes.
    pub fn line(&self, mut wanted: impl FnMut(u8) -> bool) -> Option<&[u8]> {
        let lines = self.by_byte.iter().filter(|(byte, _)| wanted(**byte)).map(|(_, of)| &of.line);
        lines.min_by_key(|(nth, _)| *nth).map(|(_, line)| line.as_slice())
    }

    fn keep_line_start(&mut self, ascii: &[u8]) {
        let kept = &ascii[ascii.len().saturating_sub(BEFORE_BYTES)..];
        match kept.iter().rposition(|byte| is_line_end(*byte)) {
            Some(end) => {
                self.line_start.clear();
                self.line_start.extend_from_slice(&kept[end + 1..]);
            }
            None => {
                self.line_start.extend_from_slice(kept);
                let over = self.line_start.len().saturating_sub(BEFORE_BYTES);
                self.line_start.drain(..over);
            }
        }
    }

    fn decide(&mut self, whole: bool) {
        if check_utf_8(&self.sample, whole) == Utf8::Proven {
            self.state = EvidenceState::Utf8;
            return;
        }
        self.state = EvidenceState::Words;
        let before = std::mem::take(&mut self.line_start);
        let sample = std::mem::take(&mut self.sample);
        self.add_bytes(&before);
        self.add_bytes(&sample);
        if is_binary(&sample) {
            let rest = std::mem::take(&mut self.pending);
            self.add_lines(&rest);
            self.state = EvidenceState::Binary;
        }
        self.sample = sample;
    }

    /// Processes complete lines; the rest waits for its end.
    fn add_bytes(&mut self, bytes: &[u8]) {
        let end = match bytes.iter().rposition(|byte| is_line_end(*byte)) {
            Some(end) => end + 1,
            None if self.pending.len() + bytes.len() > PENDING_BYTES => bytes.len(),
            None => 0,
        };
        let (whole, rest) = bytes.split_at(end);
        if self.pending.is_empty() {
            self.add_lines(whole);
        } else if end > 0 {
            let mut pending = std::mem::take(&mut self.pending);
            pending.extend_from_slice(whole);
            self.add_lines(&pending);
        }
        self.pending.extend_from_slice(rest);
    }

    fn add_lines(&mut self, bytes: &[u8]) {
        for line in bytes.split(|byte| is_line_end(*byte)) {
            self.lines += 1;
            if !line.is_ascii() {
                self.add_words(line);
            }
        }
    }

    fn add_words(&mut self, line: &[u8]) {
        let mut at = 0;
        while let Some(first) = line[at..].iter().position(|byte| is_letter(*byte)).map(|first| at + first) {
            let length = line[first..].iter().take(WORD_BYTES).take_while(|byte| is_letter(**byte)).count();
            at = first + length;
            let bytes = &line[first..at];
            let before = first.checked_sub(1).map_or(Neighbour::Edge, |before| neighbour(line[before]));
            // `№ 15`
            let space = usize::from(matches!(line.get(at..), Some([b' ', b'0'..=b'9', ..])));
            let after = line.get(at + space).map_or(Neighbour::Edge, |after| neighbour(*after));
            let word = NonAsciiWord { bytes: bytes.to_vec(), before, after };
            match bytes.is_ascii() {
                false => self.add_word(word, (first, line)),
                true if bytes.len() >= ASCII_WORD_BYTES_MIN => {
                    keep_smallest(&mut self.ascii_words, (hash(&word), &word), ASCII_WORDS_MAX)
                }
                true => {}
            }
        }
    }

    fn add_word(&mut self, word: NonAsciiWord, (at, line): (usize, &[u8])) {
        let hash = hash(&word);
        for byte in word.bytes.iter().copied().filter(|byte| !byte.is_ascii()) {
            let of = self.by_byte.entry(byte).or_insert_with(|| ByteEvidence {
                words: BTreeMap::new(),
                line: (self.lines, excerpt(at, line).to_vec()),
            });
            keep_smallest(&mut of.words, (hash, &word), WORDS_PER_BYTE);
        }
        keep_smallest(&mut self.words, (hash, &word), WORDS_MAX);
    }
}

/// Keeps the words with the smallest hashes: a sample that does not depend on the order.
fn keep_smallest(words: &mut BTreeMap<u64, NonAsciiWord>, (hash, word): (u64, &NonAsciiWord), max: usize) {
    let full = words.len() >= max;
    if words.contains_key(&hash) || (full && words.last_key_value().is_some_and(|(last, _)| *last < hash)) {
        return;
    }
    words.insert(hash, word.clone());
    if full {
        words.pop_last();
    }
}

/// FNV, mixed once more so that the high bits are as good as the low ones.
fn hash(word: &NonAsciiWord) -> u64 {
    let sides = [word.before as u8, word.after as u8];
    let hash = word
        .bytes
        .iter()
        .chain(&sides)
        .fold(0xCBF2_9CE4_8422_2325_u64, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01B3));
    (hash ^ (hash >> 32)).wrapping_mul(0x9E37_79B9_7F4A_7C15)
}

/// The displayed part of a line, which contains the word at the offset `at`.
fn excerpt(at: usize, line: &[u8]) -> &[u8] {
    let start = if at + WORD_BYTES <= LINE_BYTES { 0 } else { at.saturating_sub(LINE_BYTES / 4) };
    &line[start..line.len().min(start + LINE_BYTES)]
}

/// True for binary content: fingerprints are also taken of packed files.
fn is_binary(bytes: &[u8]) -> bool {
    const SHARE: usize = 50;
    let control = |byte: &&u8| **byte < b' ' && !matches!(**byte, b'\t' | b'\n' | b'\r' | 0x1A);
    bytes.iter().filter(control).count() * SHARE > bytes.len()
}

fn is_line_end(byte: u8) -> bool {
    matches!(byte, b'\n' | b'\r')
}

fn is_letter(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || !byte.is_ascii()
}

fn neighbour(byte: u8) -> Neighbour {
    match byte {
        b'0'..=b'9' => Neighbour::Digit,
        _ => Neighbour::Edge,
    }
}
