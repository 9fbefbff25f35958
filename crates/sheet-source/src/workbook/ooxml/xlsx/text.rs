//! The text between tags: character references, line ends, `_x000D_`, and runs.

use super::markup::{Tag, TagForm, tag, tag_after_text};
use super::{ScanResult, ScanStop};

/// The text of the element `opening` as written, and the offset after its closing tag.
pub fn element_text<'t>(text: &'t str, opening: &Tag<'_>) -> ScanResult<(&'t str, usize)> {
    let rest = &text.as_bytes()[opening.end..];
    let end = opening.end + memchr::memchr(b'<', rest).ok_or(ScanStop::Incomplete)?;
    let closing = tag(text, end)?;
    if closing.form != TagForm::Closing || closing.name != opening.name {
        return Err(ScanStop::NeedsFallback);
    }
    Ok((&text[opening.end..end], closing.end))
}

/// True if the text needs no decoding: it has no references and no line ends to convert.
pub fn is_plain(written: &str) -> bool {
    memchr::memchr2(b'&', b'\r', written.as_bytes()).is_none()
}

/// Appends the decoded text: references are resolved, line ends are `\n`.
pub fn decode(written: &str, into: &mut String) -> ScanResult<()> {
    let mut rest = written;
    while let Some(at) = memchr::memchr2(b'&', b'\r', rest.as_bytes()) {
        into.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        if written.as_bytes()[written.len() - rest.len() - 1] == b'\r' {
            into.push('\n');
            rest = rest.strip_prefix('\n').unwrap_or(rest);
            continue;
        }
        let end = memchr::memchr(b';', rest.as_bytes()).ok_or(ScanStop::NeedsFallback)?;
        into.push(parse_reference(&rest[..end]).ok_or(ScanStop::NeedsFallback)?);
        rest = &rest[end + 1..];
    }
    into.push_str(rest);
    Ok(())
}

fn parse_reference(name: &str) -> Option<char> {
    const DIGITS_MAX: usize = 7;
    let (digits, radix) = match name {
        "amp" => return Some('&'),
        "lt" => return Some('<'),
        "gt" => return Some('>'),
        "quot" => return Some('"'),
        "apos" => return Some('\''),
        _ => match name.strip_prefix("#x") {
            Some(digits) => (digits, 16),
            None => (name.strip_prefix('#')?, 10),
        },
    };
    if digits.len() > DIGITS_MAX || !digits.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return None;
    }
    let code = u32::from_str_radix(digits, radix).ok()?;
    char::from_u32(code).filter(|char| !char.is_control() || matches!(char, '\t' | '\n' | '\r'))
}

/// Decodes from `start` on the escapes that Excel writes for characters that XML cannot contain: `_x000D_`. An
/// unpaired surrogate becomes U+FFFD.
pub fn decode_escapes(text: &mut String, start: usize) {
    let Some(first) = next_escape(text, start) else { return };
    let written = text.split_off(first);
    let mut at = 0;
    while at < written.len() {
        let escape = next_escape(&written, at).unwrap_or(written.len());
        text.push_str(&written[at..escape]);
        at = escape;
        let Some(unit) = escaped_unit(&written, at) else { continue };
        at += ESCAPE_BYTES;
        let low = escaped_unit(&written, at).filter(|low| (0xDC00..0xE000).contains(low));
        let units = match low {
            Some(low) if (0xD800..0xDC00).contains(&unit) => {
                at += ESCAPE_BYTES;
                [unit, low]
            }
            _ => [unit, 0],
        };
        let decoded = char::decode_utf16(units).next();
        text.push(decoded.and_then(Result::ok).unwrap_or(char::REPLACEMENT_CHARACTER));
    }
}

const ESCAPE_BYTES: usize = "_x000D_".len();

fn next_escape(text: &str, start: usize) -> Option<usize> {
    let places = memchr::memchr_iter(b'_', &text.as_bytes()[start..]);
    places.map(|offset| start + offset).find(|at| escaped_unit(text, *at).is_some())
}

fn escaped_unit(text: &str, at: usize) -> Option<u16> {
    let digits = text.get(at..at + ESCAPE_BYTES)?.strip_prefix("_x")?.strip_suffix('_')?;
    if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    u16::from_str_radix(digits, 16).ok()
}

/// Appends the text of `opening` (a string item or an inline string): its runs, without phonetic text. On an error
/// nothing is appended. Returns the offset after it.
pub fn string_item(text: &str, opening: &Tag<'_>, into: &mut String) -> ScanResult<usize> {
    let before = into.len();
    let end = runs(text, opening, into);
    if end.is_err() {
        into.truncate(before);
    }
    end
}

fn runs(text: &str, opening: &Tag<'_>, into: &mut String) -> ScanResult<usize> {
    let mut at = opening.end;
    let mut phonetic = false;
    let mut open_tags = 0_usize;
    loop {
        let tag = tag_after_text(text, at)?;
        at = tag.end;
        match tag.form {
            TagForm::Closing if open_tags == 0 && tag.name == opening.name => return Ok(at),
            TagForm::Closing => open_tags = open_tags.checked_sub(1).ok_or(ScanStop::NeedsFallback)?,
            // A text element is read at once, with its closing tag.
            TagForm::Opening if tag.local != "t" || phonetic => open_tags += 1,
            TagForm::Opening | TagForm::Empty => {}
        }
        match (tag.local, tag.form) {
            ("rPh", form) => phonetic = form == TagForm::Opening,
            ("t", TagForm::Opening) if !phonetic => {
                let keeps_blanks = tag.attribute("xml:space")? == Some("preserve");
                let (written, end) = element_text(text, &tag)?;
                push_raw_run(written, keeps_blanks, into)?;
                at = end;
            }
            ("t", TagForm::Empty) if !phonetic => {
                tag.attribute("xml:space")?;
            }
            (local, _) if local == opening.local => return Err(ScanStop::NeedsFallback),
            _ => {}
        }
    }
}

const BLANKS: [char; 4] = [' ', '\t', '\r', '\n'];

/// Appends a run whose references are resolved.
pub fn push_run(text: &str, keeps_blanks: bool, into: &mut String) {
    let start = into.len();
    into.push_str(if keeps_blanks { text } else { text.trim_matches(BLANKS) });
    decode_escapes(into, start);
}

/// Appends a run as written.
pub fn push_raw_run(written: &str, keeps_blanks: bool, into: &mut String) -> ScanResult<()> {
    let start = into.len();
    if is_plain(written) {
        into.push_str(if keeps_blanks { written } else { written.trim_matches(BLANKS) });
    } else {
        decode(written, into)?;
        if !keeps_blanks {
            let kept = into[start..].trim_end_matches(BLANKS);
            into.truncate(start + kept.len());
            let blank = into.len() - start - into[start..].trim_start_matches(BLANKS).len();
            into.drain(start..start + blank);
        }
    }
    decode_escapes(into, start);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::markup::next_tag;
    use super::*;

    fn item(xml: &str) -> ScanResult<(String, usize)> {
        let mut found = "before".to_owned();
        let opening = next_tag(xml, 0)?;
        let end = string_item(xml, &opening, &mut found);
        assert!(end.is_ok() || found == "before");
        end.map(|end| (found["before".len()..].to_owned(), end))
    }

    #[test]
    fn texts_mean_what_excel_means() {
        for (xml, text) in [
            ("<si><t> a b </t></si>", "a b"),
            ("<si><t xml:space=\"preserve\"> a b </t></si>", " a b "),
            ("<si><t>&#32;&lt;&amp;&#x41;&#1103;&gt;&#10;</t></si>", "<&Aя>"),
            ("<si><t>a\r\nb\rc&#13;d</t></si>", "a\nb\nc\rd"),
            ("<si><r><rPr><b/><sz val=\"11\"/></rPr><t>a </t></r><r><t> b</t></r></si>", "ab"),
            ("<x:si><x:t>日</x:t><x:rPh sb='0' eb='1'><x:t>ニチ</x:t></x:rPh><x:phoneticPr/></x:si>", "日"),
            ("<si><t>a_x000D__x000a_b_x005F_x000D_</t></si>", "a\r\nb_x000D_"),
            ("<si><t>_xD83D__xDCF7_ _xD83D_ _xDCF7_ _x00_ _xя00_</t></si>", "📷 \u{FFFD} \u{FFFD} _x00_ _xя00_"),
            ("<si><t/></si>", ""),
            ("<si></si>", ""),
        ] {
            assert_eq!(item(xml).expect("a text"), (text.to_owned(), xml.len()), "{xml}");
        }
    }

    #[test]
    fn unusual_text_needs_the_fallback_and_truncated_text_is_incomplete() {
        for odd in [
            "<si><t>a<!-- -->b</t></si>",
            "<si><t><![CDATA[a]]></t></si>",
            "<si><t>&nbsp;</t></si>",
            "<si><t>&#0;</t></si>",
            "<si><t>&#xD800;</t></si>",
            "<si><t>&#+5;</t></si>",
            "<si><t>a & b</t></si>",
            "<si><si/></si>",
            "<si>&amp;<t>a</t></si>",
        ] {
            assert!(matches!(item(odd), Err(ScanStop::NeedsFallback)), "{odd}");
        }
        let whole = "<si><r><t>a</t></r><rPh><t>b</t></rPh><r><t>&lt;</t></r></si>";
        for cut in 0..whole.len() {
            assert!(matches!(item(&whole[..cut]), Err(ScanStop::Incomplete)), "{cut}");
        }
    }
}
