//! Which encoding a text file is in, judged by its first bytes. Decoding is done in `decode`.
//!
//! The order: a byte order mark; the NUL pattern of UTF-16; strict UTF-8; then the encodings of one byte a letter,
//! best guess first. Where the mapping's column titles are known, the caller tries those in turn and takes the one
//! whose header row contains the titles; the order given here decides only without them.

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{Encoding, IBM866, KOI8_R, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1251, WINDOWS_1252};

/// What the start of a file says about its encoding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Guess {
    /// Best first, never empty.
    pub candidates: Vec<&'static Encoding>,
    /// Bytes of byte order marks to skip.
    pub bom: usize,
    /// Proven by a mark or by the bytes themselves.
    pub sure: bool,
}

impl Guess {
    fn sure(encoding: &'static Encoding, bom: usize) -> Guess {
        Guess { candidates: vec![encoding], bom, sure: true }
    }
}

/// Names people use that are no labels of the web; the rest is `encoding_rs`'s to know.
const NAMES: [(&str, &Encoding); 12] = [
    ("1251", WINDOWS_1251),
    ("win1251", WINDOWS_1251),
    ("win-1251", WINDOWS_1251),
    ("windows1251", WINDOWS_1251),
    ("ansi", WINDOWS_1251),
    ("dos", IBM866),
    ("koi8r", KOI8_R),
    ("utf16", UTF_16LE),
    ("utf16le", UTF_16LE),
    ("utf16be", UTF_16BE),
    ("utf-8-sig", UTF_8),
    ("utf8-bom", UTF_8),
];

/// The encoding a person means; `None` when there is no such.
pub fn named(label: &str) -> Option<&'static Encoding> {
    let label = label.trim().to_ascii_lowercase().replace('_', "-");
    let own = NAMES.iter().find(|(name, _)| *name == label).map(|(_, encoding)| *encoding);
    own.or_else(|| Encoding::for_label(label.as_bytes())).filter(|e| *e != encoding_rs::REPLACEMENT)
}

/// Names to offer when one is not known.
pub const OFFERED: [&str; 7] = ["UTF-8", "UTF-16", "windows-1251", "KOI8-R", "IBM866", "cp866", "windows-1252"];

/// A byte order mark and its length; a doubled UTF-8 mark, as careless exporters write it, is one of six bytes.
pub fn mark(bytes: &[u8]) -> Option<(&'static Encoding, usize)> {
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

/// Judges the start of a file. `sample` may end in the middle of a letter unless `whole`.
pub fn guess(sample: &[u8], whole: bool) -> Guess {
    if let Some((encoding, bom)) = mark(sample) {
        return Guess::sure(encoding, bom);
    }
    if let Some(encoding) = utf_16_by_pattern(sample) {
        return Guess::sure(encoding, 0);
    }
    if mostly_utf_8(sample, whole) {
        return Guess::sure(UTF_8, 0);
    }
    Guess { candidates: single_byte(sample), bom: 0, sure: false }
}

/// UTF-16 without a mark: every other byte is the high half of a letter, hence 0 (Latin, digits, line ends) or
/// 4 (Cyrillic), and some of them are 0.
fn utf_16_by_pattern(sample: &[u8]) -> Option<&'static Encoding> {
    const SHARE: usize = 80; // per cent; the rest are dashes, quotes and other rare signs
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

/// Valid UTF-8, or UTF-8 with a few spoilt bytes: letters of several bytes hardly ever come about by chance, so they
/// outweigh some bad ones. Those are then told with their row, instead of the whole file turning into `РџСЂРё`.
fn mostly_utf_8(sample: &[u8], whole: bool) -> bool {
    // In windows-1251, KOI8-R and IBM866 words, stretches that are no UTF-8 are far more frequent than these letters,
    // and the others are more frequent than these.
    let weight = |c: char| match c {
        '\u{c0}'..='\u{ff}' | '\u{400}'..='\u{45f}' => 2,
        c if c.is_ascii() => 0,
        _ => 1,
    };
    let (mut good, mut bad) = (0_usize, 0_usize);
    let mut in_bad = false;
    for chunk in sample.utf8_chunks() {
        in_bad &= chunk.valid().is_empty();
        good += chunk.valid().chars().map(weight).sum::<usize>();
        if !chunk.invalid().is_empty() {
            bad += usize::from(!in_bad);
            in_bad = true;
        }
    }
    // The last letter may be cut by the end of the sample.
    if !whole && std::str::from_utf8(sample).is_err_and(|e| e.error_len().is_none()) {
        bad = 0;
    }
    bad == 0 || good >= 2 * bad
}

fn single_byte(sample: &[u8]) -> Vec<&'static Encoding> {
    const JUDGED_BYTES: usize = 1 << 16;
    // From the first letter that is not ASCII on: a long Latin preface says nothing.
    let first = sample.iter().position(|b| !b.is_ascii()).unwrap_or(0);
    let judged = &sample[first.saturating_sub(1)..];
    let judged = &judged[..judged.len().min(JUDGED_BYTES)];

    let mut cyrillic: Vec<(f64, &'static Encoding)> =
        [WINDOWS_1251, KOI8_R, IBM866].into_iter().map(|e| (russianness(judged, e), e)).collect();
    cyrillic.sort_by(|a, b| b.0.total_cmp(&a.0));
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Deny);
    detector.feed(judged, true);
    let detected = detector.guess(Some(b"ru"), Utf8Detection::Deny);

    let mut candidates = Vec::new();
    if cyrillic[0].0 > 0.0 {
        candidates.extend(cyrillic.iter().map(|(_, e)| *e));
        candidates.push(detected);
    } else {
        // Not Russian, whatever the hint made of it.
        let russian = cyrillic.iter().any(|(_, e)| *e == detected);
        candidates.push(if russian { WINDOWS_1252 } else { detected });
        candidates.extend(cyrillic.iter().map(|(_, e)| *e));
    }
    candidates.push(WINDOWS_1252);
    let mut seen = Vec::new();
    candidates.retain(|e| !seen.contains(e) && (seen.push(*e), true).1);
    candidates
}

/// How often each letter from `а` to `я` stands in Russian text, per mille.
const FREQUENCY: [f64; 32] = [
    80.0, 16.0, 45.0, 17.0, 30.0, 85.0, 9.4, 16.5, 73.5, 12.1, 35.0, 44.0, 32.0, 67.0, 110.0, 28.0, 47.0, 55.0, 63.0,
    26.0, 2.6, 9.7, 4.8, 14.5, 7.2, 3.6, 0.4, 19.0, 17.4, 3.2, 6.4, 20.0,
];

/// How Russian the text is when read in an encoding: the mean, over its letters beyond ASCII, of how much commoner
/// than chance they are. Above 0 it is Russian; the wrong Cyrillic encoding and Western text come out far below.
fn russianness(bytes: &[u8], encoding: &'static Encoding) -> f64 {
    const CHANCE: f64 = 1000.0 / 32.0;
    const NO_LETTER: f64 = -4.0;
    // `уДЕЛКА`: a capital behind a small letter, what KOI8-R and windows-1251 make of each other.
    const CASE_UPSIDE_DOWN: f64 = -2.0;
    // `Descripciуn`
    const SCRIPTS_MIXED: f64 = -6.0;

    let (text, _) = encoding.decode_without_bom_handling(bytes);
    let (mut sum, mut count) = (0.0, 0_u32);
    let mut before = ' ';
    let mut letters = text.chars().peekable();
    while let Some(c) = letters.next() {
        let after = letters.peek().copied().unwrap_or(' ');
        if !c.is_ascii() && !matches!(c, '\u{a0}' | '«' | '»' | '№' | '—' | '–' | '“' | '”' | '…' | '©' | '®' | '°')
        {
            count += 1;
            sum += match u32::from(c.to_lowercase().next().unwrap_or(c)).checked_sub(u32::from('а')) {
                Some(nth @ 0..32) => (FREQUENCY[nth as usize] / CHANCE).log2(),
                _ if matches!(c, 'ё' | 'Ё' | 'і' | 'І' | 'ї' | 'Ї' | 'є' | 'Є' | 'ґ' | 'ў') => -1.0,
                _ => NO_LETTER,
            };
            if c.is_uppercase() && before.is_lowercase() {
                sum += CASE_UPSIDE_DOWN;
            }
            if before.is_ascii_alphabetic() || after.is_ascii_alphabetic() {
                sum += SCRIPTS_MIXED;
            }
        }
        before = c;
    }
    if count == 0 { 0.0 } else { sum / f64::from(count) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use encoding_rs::EUC_KR;

    fn best(bytes: &[u8]) -> &'static str {
        guess(bytes, true).candidates[0].name()
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
    fn utf_8_may_be_cut_or_a_little_spoilt() {
        let text = "Имя;Город\n".as_bytes();
        assert!(guess(&text[..text.len() - 2], false).sure);
        assert_eq!(best(b"name;city\nA;\xD0\x9C\xD0\xFF\xFE\nB;ok\n"), "UTF-8");
        assert_eq!(guess(b"\xEF\xBB\xBF\xEF\xBB\xBFa", true), Guess::sure(UTF_8, 6));
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
        ] {
            assert_eq!(named(label).map(|e| e.name()), Some(name), "{label}");
        }
        assert_eq!(named("windows-9999"), None);
    }
}
