//! Detects the encoding of a text file from the whole file. Decoding is in `csv::decode`.
//!
//! The order: a byte order mark; the NUL pattern of UTF-16; UTF-8; then the single-byte code pages and the encodings
//! of East Asia. `evidence` collects what the file shows; `score` rates each `code_page` by how likely its words are,
//! with the `language_model` of each language (`cyrillic`, `latin`) and the words that the mapping expects. If none
//! is clearly best, the answer is a `doubt`. `mojibake` detects UTF-8 that was decoded wrongly and saved again.

mod cyrillic;
mod doubt;
mod evidence;
mod mojibake;
mod score;
mod language;
mod latin;
mod language_model;
mod code_page;
mod utf_8;

pub use doubt::{DoubtKind, EncodingDoubt, EncodingReading};
pub use evidence::Evidence;

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use code_page::{CodePage, pages};
use encoding_rs::{Encoding, IBM866, KOI8_R, MACINTOSH, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1251, X_MAC_CYRILLIC};
use score::PageScore;
use std::collections::HashSet;
use utf_8::{Utf8, check_utf_8};

/// The detected encoding of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EncodingGuess {
    /// The best first; never empty.
    pub candidates: Vec<&'static Encoding>,
    /// Length of the byte order marks to skip, in bytes.
    pub bom: usize,
    /// True if a mark or the bytes themselves prove it.
    pub certain: bool,
    /// Why it is too uncertain to import without confirmation.
    pub doubt: Option<EncodingDoubt>,
}

impl EncodingGuess {
    fn certain(encoding: &'static Encoding, bom: usize) -> EncodingGuess {
        EncodingGuess { candidates: vec![encoding], bom, certain: true, doubt: None }
    }
}

impl EncodingGuess {
    /// The guess for an encoding that the user named: it only tells whether the file is UTF-8.
    pub fn named(evidence: &Evidence) -> EncodingGuess {
        EncodingGuess { certain: evidence.is_utf_8(), ..EncodingGuess::certain(UTF_8, 0) }
    }
}

/// The non-ASCII words of texts that are expected in a file; they distinguish code pages.
pub fn known_words<'a>(texts: impl Iterator<Item = &'a String>) -> HashSet<String> {
    let words = texts.flat_map(|text| text.split(|c| language_model::Script::of(c).is_none()));
    words.filter(|word| !word.is_ascii()).map(str::to_lowercase).collect()
}

/// Common names that are not labels of the Encoding Standard; `encoding_rs` knows the rest.
const NAMES: [(&str, &Encoding); 16] = [
    ("ansi", WINDOWS_1251),
    ("dos", IBM866),
    ("koi8r", KOI8_R),
    ("utf16", UTF_16LE),
    ("utf16le", UTF_16LE),
    ("utf16be", UTF_16BE),
    ("utf-8-sig", UTF_8),
    ("utf8-bom", UTF_8),
    ("mac", MACINTOSH),
    ("mac-roman", MACINTOSH),
    ("macroman", MACINTOSH),
    ("x-mac-roman", MACINTOSH),
    ("mac-cyrillic", X_MAC_CYRILLIC),
    ("maccyrillic", X_MAC_CYRILLIC),
    ("x-mac-ukrainian", X_MAC_CYRILLIC),
    ("10007", X_MAC_CYRILLIC),
];

/// The encoding for a label; `None` if it is unknown.
pub fn by_label(label: &str) -> Option<&'static Encoding> {
    let label = label.trim().to_ascii_lowercase().replace('_', "-");
    let label = windows_page(&label).unwrap_or(label);
    let own = NAMES.iter().find(|(name, _)| *name == label).map(|(_, encoding)| *encoding);
    own.or_else(|| Encoding::for_label(label.as_bytes())).filter(|e| *e != encoding_rs::REPLACEMENT)
}

/// The name of a known but unsupported encoding for a label.
pub fn unsupported_by_label(label: &str) -> Option<&'static str> {
    let short = |name: &str| {
        let name = name.trim().to_ascii_lowercase().replace(['_', '-', ' '], "");
        name.trim_start_matches("ibm").trim_start_matches("cp").trim_start_matches("dos").to_owned()
    };
    let page = pages().iter().find(|page| page.encoding.is_none() && short(page.name) == short(label));
    page.map(|page| page.name)
}

/// `1250`, `win1250`, `windows 1250` are windows-1250.
fn windows_page(label: &str) -> Option<String> {
    let number = label.trim_start_matches("windows").trim_start_matches("win").trim_start_matches(['-', ' ']);
    matches!(number, "1250" | "1251" | "1252" | "1253" | "1254" | "1257").then(|| format!("windows-{number}"))
}

/// Names to suggest for an unknown label.
pub const OFFERED: [&str; 9] =
    ["UTF-8", "UTF-16", "windows-1251", "KOI8-R", "IBM866", "cp866", "windows-1252", "macintosh", "x-mac-cyrillic"];

/// The encoding and the length of a byte order mark; a doubled UTF-8 mark, which some exporters write, has six bytes.
pub fn byte_order_mark(bytes: &[u8]) -> Option<(&'static Encoding, usize)> {
    const UTF_8_MARK: &[u8] = b"\xEF\xBB\xBF";
    let mut length = 0;
    while bytes[length..].starts_with(UTF_8_MARK) {
        length += UTF_8_MARK.len();
    }
    match bytes {
        _ if length > 0 => Some((UTF_8, length)),
        [0xFF, 0xFE, ..] => Some((UTF_16LE, 2)),
        [0xFE, 0xFF, ..] => Some((UTF_16BE, 2)),
        _ => None,
    }
}

/// What the first bytes prove: a byte order mark, or the pattern of UTF-16.
pub fn detect_unicode(sample: &[u8]) -> Option<EncodingGuess> {
    match byte_order_mark(sample) {
        Some((encoding, bom)) => Some(EncodingGuess::certain(encoding, bom)),
        None => utf_16_without_mark(sample).map(|encoding| EncodingGuess::certain(encoding, 0)),
    }
}

/// UTF-16 without a mark: every other byte is the high half of a code unit, hence 0 (Latin, digits, line ends) or 4
/// (Cyrillic), and some of them are 0.
fn utf_16_without_mark(sample: &[u8]) -> Option<&'static Encoding> {
    const SHARE: usize = 80; // percent; the rest are dashes, quotes and other rare characters
    let high = |first: usize| {
        let halves = sample.iter().skip(first).step_by(2);
        let count = halves.clone().count().max(1);
        let zeros = halves.clone().filter(|b| **b == 0).count();
        let plain = halves.filter(|b| matches!(b, 0 | 4)).count();
        zeros > 0 && plain * 100 >= count * SHARE
    };
    match (high(0), high(1)) {
        (false, true) => Some(UTF_16LE),
        (true, false) => Some(UTF_16BE),
        _ => None,
    }
}

/// Detects the encoding of a text without a mark from the evidence; `known` are words that are expected in it.
pub fn detect(evidence: &Evidence, known: &HashSet<String>) -> EncodingGuess {
    if evidence.is_utf_8() {
        let doubt = mojibake::detect(evidence.sample());
        return EncodingGuess { doubt, ..EncodingGuess::certain(UTF_8, 0) };
    }
    let scored = score::score_pages(evidence, known);
    let best = &scored[0];
    let clear = best.makes_words()
        && !scored[1..].iter().any(|other| score::is_close(best, other) || score::is_mixed(best, other));
    let detected = Detected::of(evidence.sample());
    if let (Some(encoding), true) = (best.page.encoding, clear) {
        return EncodingGuess { candidates: vec![encoding], bom: 0, certain: false, doubt: None };
    }
    let mut candidates: Vec<&'static Encoding> = scored.iter().filter_map(|scored| scored.page.encoding).collect();
    if let Some(detected) = detected.filter(|_| !best.makes_words()) {
        candidates.retain(|encoding| *encoding != detected.encoding);
        candidates.insert(0, detected.encoding);
        if detected.certain {
            return EncodingGuess { candidates, bom: 0, certain: false, doubt: None };
        }
    }
    if check_utf_8(evidence.sample(), false) == Utf8::Possible {
        candidates.insert(0, UTF_8);
    }
    candidates.truncate(CANDIDATES_MAX);
    let doubt = Some(doubt_of(evidence, &scored, detected.map(|detected| detected.encoding)));
    EncodingGuess { candidates, bom: 0, certain: false, doubt }
}

/// As many as a person can choose from.
const CANDIDATES_MAX: usize = 4;

fn doubt_of(evidence: &Evidence, scored: &[PageScore], detected: Option<&'static Encoding>) -> EncodingDoubt {
    let best = &scored[0];
    let close = |other: &&PageScore| score::is_close(best, other) || score::is_mixed(best, other);
    let why = match () {
        () if !best.makes_words() => DoubtKind::NoWords,
        () if scored.iter().filter(close).count() > 1 => DoubtKind::Ambiguous,
        () => DoubtKind::Unsupported,
    };
    let shown =
        scored.iter().enumerate().filter(|(nth, other)| close(other) || (*nth < 3 && why == DoubtKind::NoWords));
    let pages: Vec<&CodePage> = shown.map(|(_, scored)| scored.page).take(CANDIDATES_MAX).collect();
    let differs = |byte: u8| pages.iter().any(|page| page.byte(byte).shown != pages[0].byte(byte).shown);
    let line = evidence.line(differs).or_else(|| evidence.line(|_| true)).unwrap_or_default();
    let mut readings: Vec<EncodingReading> = pages
        .iter()
        .map(|page| match page.encoding {
            Some(_) => EncodingReading::new(page.name, &page.decode(line)),
            None => EncodingReading::new(format!("{} (cannot be read)", page.name), &page.decode(line)),
        })
        .collect();
    if let Some(detected) = detected.filter(|detected| pages.iter().all(|page| page.encoding != Some(*detected))) {
        readings.push(EncodingReading::new(detected.name(), &detected.decode_without_bom_handling(line).0));
    }
    if let Ok(line) = std::str::from_utf8(line) {
        readings.push(EncodingReading::new(UTF_8.name(), line));
    }
    EncodingDoubt { why, readings }
}

/// An encoding without a code page here: of East Asia, or of a script without word lists.
#[derive(Clone, Copy)]
struct Detected {
    encoding: &'static Encoding,
    /// Its letters are so many and so common that chance is excluded.
    certain: bool,
}

impl Detected {
    fn of(sample: &[u8]) -> Option<Detected> {
        let mut detector = EncodingDetector::new(Iso2022JpDetection::Deny);
        detector.feed(sample, true);
        let encoding = detector.guess(None, Utf8Detection::Deny);
        if pages().iter().any(|page| page.encoding == Some(encoding)) {
            return None;
        }
        Some(Detected { encoding, certain: has_usual_letters(sample, encoding) })
    }
}

/// True if the text has two-byte letters, all of them common.
fn has_usual_letters(sample: &[u8], encoding: &'static Encoding) -> bool {
    // A syllabary needs fewer than thousands of characters do.
    const SYLLABLES: usize = 8;
    const CHARACTERS: usize = 24;
    if encoding.is_single_byte() {
        return false;
    }
    let (text, broken) = encoding.decode_without_bom_handling(sample);
    // The last character can be cut.
    let text = text.strip_suffix('\u{fffd}').unwrap_or(&text);
    if broken && text.contains('\u{fffd}') {
        return false;
    }
    let (mut syllables, mut characters, mut other) = (0, 0, 0);
    let different: HashSet<char> = text.chars().filter(|c| !c.is_ascii()).collect();
    for c in different {
        match c {
            '\u{3041}'..='\u{30fe}' | '\u{ac00}'..='\u{d7a3}' => syllables += 1,
            '\u{4e00}'..='\u{9fff}' => characters += 1,
            '\u{3000}'..='\u{303f}' | '\u{ff01}'..='\u{ff5e}' => {}
            _ => other += 1,
        }
    }
    let korean_or_japanese = syllables >= SYLLABLES && syllables * 3 >= characters;
    (korean_or_japanese || characters >= CHARACTERS) && other * 10 <= syllables + characters
}

#[cfg(test)]
mod tests {
    use super::*;
    use encoding_rs::{EUC_KR, WINDOWS_1252};

    fn detect_bytes(bytes: &[u8]) -> EncodingGuess {
        detect_unicode(bytes).unwrap_or_else(|| detect(&Evidence::of(bytes), &HashSet::new()))
    }

    fn best(bytes: &[u8]) -> &'static str {
        detect_bytes(bytes).candidates[0].name()
    }

    #[test]
    fn russian_is_known_in_each_of_its_encodings() {
        for text in [
            "Название сделки;Бюджет;Телефон\nСделка 1;1 234,50;+7 900 000-00-01\n",
            "ИНН;КПП;ОГРН\n7707083893;773601001;1027700132195\n",
            "Имя;Город\nИван;Москва\n",
            "ФИО;ТЕЛЕФОН\nИВАНОВ ИВАН ИВАНОВИЧ;1\n",
            "Ответственный,Этап\n«Ромашка»,№ 5\n",
        ] {
            for encoding in [WINDOWS_1251, KOI8_R, IBM866, UTF_8] {
                if encoding != UTF_8 && text.contains('«') && encoding != WINDOWS_1251 {
                    continue;
                }
                let (bytes, _, unmappable) = encoding.encode(text);
                assert!(!unmappable);
                assert_eq!(best(&bytes), encoding.name(), "{text}");
            }
        }
    }

    #[test]
    fn other_scripts_are_not_taken_for_russian() {
        for (text, encoding) in [
            ("id,name\nDescripción,administración\npolítica,México\n", WINDOWS_1252),
            ("Trägerorganisationen; Förderung\nüberwiegend;für\n", WINDOWS_1252),
            ("이름,전화\n홍길동,1\n김철수,2\n", EUC_KR),
        ] {
            assert_eq!(best(&encoding.encode(text).0), encoding.name(), "{text}");
        }
    }

    #[test]
    fn utf_16_is_known_without_a_mark_and_a_stray_nul_is_not_taken_for_it() {
        let bytes = |text: &str, be: bool| -> Vec<u8> {
            text.encode_utf16().flat_map(|u| if be { u.to_be_bytes() } else { u.to_le_bytes() }).collect()
        };
        for text in ["Имя;Город\nИван;Москва\n", "name,city\nA,B\n"] {
            assert_eq!(best(&bytes(text, false)), "UTF-16LE");
            assert_eq!(best(&bytes(text, true)), "UTF-16BE");
        }
        assert_eq!(best(b"name;price\r\nA\0B;1\r\nC;2\r\n"), "UTF-8");
    }

    #[test]
    fn a_doubled_mark_is_skipped_whole() {
        assert_eq!(detect_bytes(b"\xEF\xBB\xBF\xEF\xBB\xBFa"), EncodingGuess::certain(UTF_8, 6));
    }

    #[test]
    fn people_name_encodings_their_own_way() {
        for (label, name) in [
            ("cp866", "IBM866"),
            ("DOS", "IBM866"),
            ("Windows_1251", "windows-1251"),
            ("ansi", "windows-1251"),
            ("koi8-r", "KOI8-R"),
            ("utf-16", "UTF-16LE"),
            ("UTF8", "UTF-8"),
            ("1251", "windows-1251"),
            ("win-1250", "windows-1250"),
            ("cp1254", "windows-1254"),
            ("mac", "macintosh"),
            ("Mac_Cyrillic", "x-mac-cyrillic"),
        ] {
            assert_eq!(by_label(label).map(|e| e.name()), Some(name), "{label}");
        }
        assert_eq!(by_label("windows-9999"), None);
    }
}
