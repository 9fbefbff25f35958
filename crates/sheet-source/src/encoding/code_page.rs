//! The code pages of tables: those that can be decoded, and others that only explain why a text has no known words.

use super::language_model::Script;
use encoding_rs::{
    Encoding, IBM866, ISO_8859_2, ISO_8859_5, ISO_8859_15, KOI8_R, KOI8_U, MACINTOSH, WINDOWS_1250, WINDOWS_1251,
    WINDOWS_1252, WINDOWS_1253, WINDOWS_1254, WINDOWS_1257, X_MAC_CYRILLIC,
};
use std::sync::OnceLock;

/// A byte from 0x80 on in a code page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HighByte {
    /// The displayed character.
    pub shown: char,
    /// The letter in lower case, if it is a letter.
    pub letter: Option<char>,
    pub capital: bool,
}

impl HighByte {
    pub fn of(c: char) -> HighByte {
        let small = c.to_lowercase().next().unwrap_or(c);
        // The lower case of `İ` is `i` with a dot.
        let letter = Script::of(c).map(|_| small);
        HighByte { shown: c, letter, capital: c != small && letter.is_some() }
    }
}

pub struct CodePage {
    pub name: &'static str,
    /// `None` if decoding is not supported.
    pub encoding: Option<&'static Encoding>,
    /// How frequent the page is, as a logarithm.
    pub prior: f32,
    pub high_bytes: [HighByte; 128],
}

impl CodePage {
    fn new(name: &'static str, encoding: Option<&'static Encoding>, prior: f32, high: &str) -> CodePage {
        let mut high_bytes = [HighByte::of('\u{fffd}'); 128];
        for (sign, c) in high_bytes.iter_mut().zip(high.chars()) {
            *sign = HighByte::of(c);
        }
        CodePage { name, encoding, prior, high_bytes }
    }

    pub fn byte(&self, byte: u8) -> HighByte {
        if byte < 0x80 { HighByte::of(char::from(byte)) } else { self.high_bytes[usize::from(byte & 0x7F)] }
    }

    pub fn has_script(&self, script: Script) -> bool {
        self.high_bytes.iter().any(|sign| sign.letter.is_some_and(|c| !c.is_ascii() && Script::of(c) == Some(script)))
    }

    pub fn decode(&self, bytes: &[u8]) -> String {
        bytes.iter().map(|byte| self.byte(*byte).shown).collect()
    }
}

/// Of two pages that decode a file equally, the first one in this list is reported. Russian users use windows-1251
/// far more than any other.
const SUPPORTED: [(&Encoding, f32); 14] = [
    (WINDOWS_1252, -1.0),
    (WINDOWS_1251, 0.0),
    (WINDOWS_1250, -2.0),
    (WINDOWS_1254, -2.0),
    (KOI8_R, -3.0),
    (KOI8_U, -3.0),
    (IBM866, -3.0),
    (MACINTOSH, -3.0),
    (X_MAC_CYRILLIC, -3.0),
    (WINDOWS_1253, -3.0),
    (WINDOWS_1257, -3.0),
    (ISO_8859_2, -5.0),
    (ISO_8859_5, -5.0),
    (ISO_8859_15, -5.0),
];

const RARE: f32 = -5.0;
const VERY_RARE: f32 = -8.0;

/// Unsupported pages: their bytes from 0x80 on.
const UNSUPPORTED: [(&str, f32, &str); 13] = [
    (
        "PTCP154",
        RARE,
        "ҖҒӮғ„…ҶҮҲүҠӢҢҚҺҸҗ‘’“”•–—ҳҷҡӣңқһҹ\u{a0}ЎўЈӨҘҰ§Ё©Ә«¬ӯ®Ҝ°ұІіҙө¶·ё№ә»јҪҫҝАБВГДЕЖЗИЙКЛМНОПРСТУФХЦЧШЩЪЫЬЭЮЯабвгдежзийклмнопрстуфхцчшщъыьэюя",
    ),
    (
        "IBM437",
        RARE,
        "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u{a0}",
    ),
    (
        "IBM850",
        RARE,
        "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜø£Ø×ƒáíóúñÑªº¿®¬½¼¡«»░▒▓│┤ÁÂÀ©╣║╗╝¢¥┐└┴┬├─┼ãÃ╚╔╩╦╠═╬¤ðÐÊËÈıÍÎÏ┘┌█▄¦Ì▀ÓßÔÒõÕµþÞÚÛÙýÝ¯´\u{ad}±‗¾¶§÷¸°¨·¹³²■\u{a0}",
    ),
    (
        "IBM852",
        RARE,
        "ÇüéâäůćçłëŐőîŹÄĆÉĹĺôöĽľŚśÖÜŤťŁ×čáíóúĄąŽžĘę¬źČş«»░▒▓│┤ÁÂĚŞ╣║╗╝Żż┐└┴┬├─┼Ăă╚╔╩╦╠═╬¤đĐĎËďŇÍÎě┘┌█▄ŢŮ▀ÓßÔŃńňŠšŔÚŕŰýÝţ´\u{ad}˝˛ˇ˘§÷¸°¨˙űŘř■\u{a0}",
    ),
    (
        "IBM855",
        RARE,
        "ђЂѓЃёЁєЄѕЅіІїЇјЈљЉњЊћЋќЌўЎџЏюЮъЪаАбБцЦдДеЕфФгГ«»░▒▓│┤хХиИ╣║╗╝йЙ┐└┴┬├─┼кК╚╔╩╦╠═╬¤лЛмМнНоОп┘┌█▄Пя▀ЯрРсСтТуУжЖвВьЬ№\u{ad}ыЫзЗшШэЭщЩчЧ§■\u{a0}",
    ),
    (
        "IBM857",
        RARE,
        "ÇüéâäàåçêëèïîıÄÅÉæÆôöòûùİÖÜø£ØŞşáíóúñÑĞğ¿®¬½¼¡«»░▒▓│┤ÁÂÀ©╣║╗╝¢¥┐└┴┬├─┼ãÃ╚╔╩╦╠═╬¤ºªÊËÈ\u{fffd}ÍÎÏ┘┌█▄¦Ì▀ÓßÔÒõÕµ\u{fffd}×ÚÛÙìÿ¯´\u{ad}±\u{fffd}¾¶§÷¸°¨·¹³²■\u{a0}",
    ),
    (
        "IBM1125",
        RARE,
        "АБВГДЕЖЗИЙКЛМНОПРСТУФХЦЧШЩЪЫЬЭЮЯабвгдежзийклмноп░▒▓│┤╡╢╖╕╣║╗╝╜╛┐└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀рстуфхцчшщъыьэюяЁёҐґЄєІіЇї·√№¤■\u{a0}",
    ),
    (
        "KZ-1048",
        RARE,
        "ЂЃ‚ѓ„…†‡€‰Љ‹ЊҚҺЏђ‘’“”•–—\u{fffd}™љ›њқһџ\u{a0}ҰұӘ¤Ө¦§Ё©Ғ«¬\u{ad}®Ү°±Ііөµ¶·ё№ғ»әҢңүАБВГДЕЖЗИЙКЛМНОПРСТУФХЦЧШЩЪЫЬЭЮЯабвгдежзийклмнопрстуфхцчшщъыьэюя",
    ),
    (
        "x-mac-ce",
        RARE,
        "ÄĀāÉĄÖÜáąČäčĆćéŹźĎíďĒēĖóėôöõúĚěü†°Ę£§•¶ß®©™ę¨≠ģĮįĪ≤≥īĶ∂∑łĻļĽľĹĺŅņŃ¬√ńŇ∆«»…\u{a0}ňŐÕőŌ–—“”‘’÷◊ōŔŕŘ‹›řŖŗŠ‚„šŚśÁŤťÍŽžŪÓÔūŮÚůŰűŲųÝýķŻŁżĢˇ",
    ),
    (
        "x-mac-turkish",
        RARE,
        "ÄÅÇÉÑÖÜáàâäãåçéèêëíìîïñóòôöõúùûü†°¢£§•¶ß®©™´¨≠ÆØ∞±≤≥¥µ∂∑∏π∫ªºΩæø¿¡¬√ƒ≈∆«»…\u{a0}ÀÃÕŒœ–—“”‘’÷◊ÿŸĞğİıŞş‡·‚„‰ÂÊÁËÈÍÎÏÌÓÔ\u{f8ff}ÒÚÛÙ\u{f8a0}ˆ˜¯˘˙˚¸˝˛ˇ",
    ),
    (
        "x-mac-croatian",
        VERY_RARE,
        "ÄÅÇÉÑÖÜáàâäãåçéèêëíìîïñóòôöõúùûü†°¢£§•¶ß®Š™´¨≠ŽØ∞±≤≥∆µ∂∑∏š∫ªºΩžø¿¡¬√ƒ≈Ć«Č…\u{a0}ÀÃÕŒœĐ—“”‘’÷◊\u{f8ff}©⁄€‹›Æ»–·‚„‰ÂćÁčÈÍÎÏÌÓÔđÒÚÛÙıˆ˜¯πË˚¸Êæˇ",
    ),
    (
        "x-mac-romanian",
        VERY_RARE,
        "ÄÅÇÉÑÖÜáàâäãåçéèêëíìîïñóòôöõúùûü†°¢£§•¶ß®©™´¨≠ĂȘ∞±≤≥¥µ∂∑∏π∫ªºΩăș¿¡¬√ƒ≈∆«»…\u{a0}ÀÃÕŒœ–—“”‘’÷◊ÿŸ⁄€‹›Țț‡·‚„‰ÂÊÁËÈÍÎÏÌÓÔ\u{f8ff}ÒÚÛÙıˆ˜¯˘˙˚¸˝˛ˇ",
    ),
    (
        "x-mac-icelandic",
        VERY_RARE,
        "ÄÅÇÉÑÖÜáàâäãåçéèêëíìîïñóòôöõúùûüÝ°¢£§•¶ß®©™´¨≠ÆØ∞±≤≥¥µ∂∑∏π∫ªºΩæø¿¡¬√ƒ≈∆«»…\u{a0}ÀÃÕŒœ–—“”‘’÷◊ÿŸ⁄€ÐðÞþý·‚„‰ÂÊÁËÈÍÎÏÌÓÔ\u{f8ff}ÒÚÛÙıˆ˜¯˘˙˚¸˝˛ˇ",
    ),
];

pub fn pages() -> &'static [CodePage] {
    static PAGES: OnceLock<Vec<CodePage>> = OnceLock::new();
    PAGES.get_or_init(|| {
        let bytes: Vec<u8> = (0x80..=0xFF).collect();
        // Byte by byte, because in a few pages a byte can belong to its neighbour.
        let high = |encoding: &'static Encoding| -> String {
            let decoded = bytes.iter().map(|byte| encoding.decode_without_bom_handling(&[*byte]).0.into_owned());
            decoded.map(|text| text.chars().next().unwrap_or('\u{fffd}')).collect()
        };
        let supported = SUPPORTED
            .into_iter()
            .map(|(encoding, prior)| CodePage::new(encoding.name(), Some(encoding), prior, &high(encoding)));
        let unsupported = UNSUPPORTED.into_iter().map(|(name, prior, high)| CodePage::new(name, None, prior, high));
        supported.chain(unsupported).collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_page_has_all_its_signs() {
        for (name, _, high) in UNSUPPORTED {
            assert_eq!(high.chars().count(), 128, "{name}");
        }
        let page = pages().iter().find(|page| page.name == "windows-1251").unwrap();
        assert_eq!(page.decode(b"\xC8\xEC\xFF;1"), "Имя;1");
        assert!(page.has_script(Script::Cyrillic) && !page.has_script(Script::Latin));
    }
}
