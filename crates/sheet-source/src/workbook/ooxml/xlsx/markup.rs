//! Tags and attributes as programs write them. XML that is valid but unusual gives `NeedsFallback`.

use super::{ScanResult, ScanStop};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TagForm {
    Opening,
    Closing,
    /// `<v/>`
    Empty,
}

#[derive(Debug, Clone, Copy)]
pub struct Tag<'t> {
    pub form: TagForm,
    /// With its prefix.
    pub name: &'t str,
    /// Without its prefix.
    pub local: &'t str,
    attributes: &'t str,
    /// The offset after the tag.
    pub end: usize,
}

/// The tag at or after `at`, with only blanks before it.
pub fn next_tag(text: &str, at: usize) -> ScanResult<Tag<'_>> {
    let blank = text.as_bytes().get(at..).unwrap_or_default().iter().take_while(|byte| is_blank(**byte)).count();
    tag(text, at + blank)
}

/// The tag after `at`, with any text without references before it.
pub fn tag_after_text(text: &str, at: usize) -> ScanResult<Tag<'_>> {
    let rest = text.as_bytes().get(at..).unwrap_or_default();
    let length = memchr::memchr(b'<', rest).ok_or(ScanStop::Incomplete)?;
    if memchr::memchr(b'&', &rest[..length]).is_some() {
        return Err(ScanStop::NeedsFallback);
    }
    tag(text, at + length)
}

/// The tag at `at`.
pub fn tag(text: &str, at: usize) -> ScanResult<Tag<'_>> {
    let bytes = text.as_bytes();
    if *bytes.get(at).ok_or(ScanStop::Incomplete)? != b'<' {
        return Err(ScanStop::NeedsFallback);
    }
    let closing = *bytes.get(at + 1).ok_or(ScanStop::Incomplete)? == b'/';
    let name_start = at + 1 + usize::from(closing);
    let mut local_start = name_start;
    let mut name_end = name_start;
    loop {
        match *bytes.get(name_end).ok_or(ScanStop::Incomplete)? {
            b'>' | b' ' | b'\t' | b'\r' | b'\n' => break,
            b'/' if *bytes.get(name_end + 1).ok_or(ScanStop::Incomplete)? == b'>' => break,
            b':' if local_start == name_start => local_start = name_end + 1,
            // A comment, an instruction, or invalid XML.
            b':' | b'/' | b'!' | b'?' | b'<' | b'&' | b'"' | b'\'' | b'=' => return Err(ScanStop::NeedsFallback),
            _ => {}
        }
        name_end += 1;
    }
    let end = tag_end(bytes, name_end)?;
    let empty = bytes[end - 2] == b'/' && end - 2 >= name_end;
    let attributes = &text[name_end..end - 1 - usize::from(empty)];
    let (name, local) = (&text[name_start..name_end], &text[local_start..name_end]);
    let form = match (closing, empty) {
        (true, false) => TagForm::Closing,
        (false, false) => TagForm::Opening,
        (false, true) => TagForm::Empty,
        (true, true) => return Err(ScanStop::NeedsFallback),
    };
    if local.is_empty() || (closing && !attributes.bytes().all(is_blank)) {
        return Err(ScanStop::NeedsFallback);
    }
    Ok(Tag { form, name, local, attributes, end })
}

/// The offset after the `>` of the tag.
fn tag_end(bytes: &[u8], from: usize) -> ScanResult<usize> {
    let mut quote = 0;
    for (index, &byte) in bytes[from..].iter().enumerate() {
        match byte {
            b'"' | b'\'' if quote == 0 => quote = byte,
            b'"' | b'\'' if quote == byte => quote = 0,
            b'>' if quote == 0 => return Ok(from + index + 1),
            _ => {}
        }
    }
    Err(ScanStop::Incomplete)
}

impl<'t> Tag<'t> {
    pub fn attributes(&self) -> Attributes<'t> {
        Attributes { rest: self.attributes }
    }

    /// The first attribute with this name.
    pub fn attribute(&self, name: &str) -> ScanResult<Option<&'t str>> {
        let mut attributes = self.attributes();
        while let Some((key, value)) = attributes.next()? {
            if key == name {
                return Ok(Some(value));
            }
        }
        Ok(None)
    }
}

pub struct Attributes<'t> {
    rest: &'t str,
}

impl<'t> Attributes<'t> {
    /// The next name and value, the value as written.
    pub fn next(&mut self) -> ScanResult<Option<(&'t str, &'t str)>> {
        let bytes = self.rest.as_bytes();
        let start = bytes.iter().take_while(|byte| is_blank(**byte)).count();
        if start == bytes.len() {
            return Ok(None);
        }
        let key_end = start + bytes[start..].iter().position(|byte| *byte == b'=').ok_or(ScanStop::NeedsFallback)?;
        let value_start = key_end + 2;
        let odd = |byte: &u8| is_blank(*byte) || matches!(byte, b'"' | b'\'' | b'<' | b'/');
        let quote = *bytes.get(key_end + 1).ok_or(ScanStop::NeedsFallback)?;
        if start == 0 || start == key_end || bytes[start..key_end].iter().any(odd) || !matches!(quote, b'"' | b'\'') {
            return Err(ScanStop::NeedsFallback);
        }
        let length = bytes[value_start..].iter().position(|byte| *byte == quote).ok_or(ScanStop::NeedsFallback)?;
        let (key, value) = (&self.rest[start..key_end], &self.rest[value_start..value_start + length]);
        self.rest = &self.rest[value_start + length + 1..];
        Ok(Some((key, value)))
    }
}

/// The offset of the first element, after an XML declaration of UTF-8.
pub fn prologue(text: &str) -> ScanResult<usize> {
    const MARK: &str = "\u{FEFF}";
    const LONGEST: usize = 200;
    let end = memchr::memchr(b'>', text.as_bytes()).ok_or(ScanStop::Incomplete)?;
    let start = if text.starts_with(MARK) { MARK.len() } else { 0 };
    let Some(declared) = text[start..=end].strip_prefix("<?xml") else {
        return if text[start..].starts_with('<') { Ok(start) } else { Err(ScanStop::NeedsFallback) };
    };
    if declared.len() > LONGEST || !declared.ends_with("?>") {
        return Err(ScanStop::NeedsFallback);
    }
    let declared = declared.to_ascii_lowercase();
    let utf8 = declared.contains("encoding=\"utf-8\"") || declared.contains("encoding='utf-8'");
    if utf8 || !declared.contains("encoding") { Ok(end + 1) } else { Err(ScanStop::NeedsFallback) }
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_taken_apart() {
        let tag = next_tag(" \n<x:c a='>/\"' r=\"A1\"\n/>z", 0).expect("a tag");
        assert_eq!((tag.form, tag.name, tag.local, tag.end), (TagForm::Empty, "x:c", "c", 24));
        assert_eq!(tag.attribute("a").expect("well formed"), Some(">/\""));
        assert_eq!(tag.attribute("r").expect("well formed"), Some("A1"));
        assert_eq!(tag.attribute("b").expect("well formed"), None);
        let tag = next_tag("</v >", 0).expect("a tag");
        assert_eq!((tag.form, tag.name, tag.end), (TagForm::Closing, "v", 5));
        let tag = next_tag("<v/>", 0).expect("a tag");
        assert_eq!((tag.form, tag.name, tag.end), (TagForm::Empty, "v", 4));
    }

    #[test]
    fn a_truncated_tag_is_incomplete_and_an_unusual_one_needs_the_fallback() {
        let whole = "  <x:c r=\"A>1\" s='2'>";
        for cut in 0..whole.len() {
            assert!(matches!(next_tag(&whole[..cut], 0), Err(ScanStop::Incomplete)), "{cut}");
        }
        for odd in
            ["x<c>", "<!-- -->", "<?x?>", "<>", "</>", "<a:b:c>", "</c r='1'>", "<x:>", "</c/>", "<v/x>", "&amp;<c>"]
        {
            assert!(matches!(next_tag(odd, 0), Err(ScanStop::NeedsFallback)), "{odd}");
        }
        for odd in ["<c r>", "<c r=1>", "<c r =\"1\">", "<c a=\"1\"b=\"2\">", "<c a=\"1\" r>", "<c =\"1\">"] {
            let tag = next_tag(odd, 0).expect("a tag");
            assert!(matches!(tag.attribute("z"), Err(ScanStop::NeedsFallback)), "{odd}");
        }
    }

    #[test]
    fn other_encodings_need_the_fallback() {
        for (start, begins) in [
            ("<worksheet>", Some(0)),
            ("\u{FEFF}<worksheet>", Some(3)),
            ("<?xml version=\"1.0\" encoding=\"UTF-8\"?><a>", Some(38)),
            ("<?xml version='1.0'?><a>", Some(21)),
            ("<?xml version=\"1.0\" encoding=\"windows-1251\"?><a>", None),
            ("x<a>", None),
        ] {
            assert_eq!(prologue(start).ok(), begins, "{start}");
        }
    }
}
