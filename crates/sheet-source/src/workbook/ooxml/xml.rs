//! Parts of a workbook read as XML events, with everything that is valid in XML: comments, CDATA, other encodings.
//! The size of an event is limited, and nothing is fetched or expanded.

use crate::file::error::WorkbookError;
use encoding_rs::{Encoding, UTF_16BE, UTF_16LE};
use quick_xml::Reader;
use quick_xml::events::{BytesRef, BytesStart, Event};
use std::borrow::Cow;
use std::cell::Cell;
use std::io::{self, BufReader, Cursor, Read};
use std::rc::Rc;

/// The limit of one event, a text or a tag. The longest cell of Excel is a hundredth of it.
const EVENT_BYTES_MAX: u64 = 16 << 20;
/// A part in UTF-16, which no spreadsheet program writes, is decoded as a whole.
const DECODED_BYTES_MAX: u64 = 64 << 20;

pub struct Xml<'r> {
    reader: Reader<BufReader<LimitedInput<'r>>>,
    buffer: Vec<u8>,
    left: Rc<Cell<u64>>,
}

/// Returns an error once the limit of an event is used up.
struct LimitedInput<'r> {
    input: Box<dyn Read + 'r>,
    left: Rc<Cell<u64>>,
}

impl Read for LimitedInput<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.left.get() == 0 {
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, TOO_LONG));
        }
        let count = self.input.read(into)?;
        self.left.set(self.left.get().saturating_sub(count as u64));
        Ok(count)
    }
}

const TOO_LONG: &str = "one text is longer than a cell can be";
pub const TRUNCATED: &str = "its content ends too early";

pub fn damaged(what: &str) -> WorkbookError {
    WorkbookError::Damaged(what.to_owned())
}

impl<'r> Xml<'r> {
    pub fn new(mut input: impl Read + 'r) -> Result<Xml<'r>, WorkbookError> {
        let mut start = Vec::new();
        input.by_ref().take(2).read_to_end(&mut start).map_err(|_| damaged(TRUNCATED))?;
        let wide: Option<&'static Encoding> = match start.as_slice() {
            [0xFF, 0xFE] => Some(UTF_16LE),
            [0xFE, 0xFF] => Some(UTF_16BE),
            _ => None,
        };
        let input: Box<dyn Read + 'r> = match wide {
            Some(encoding) => {
                let mut bytes = Vec::new();
                input.take(DECODED_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(|_| damaged(TRUNCATED))?;
                if bytes.len() as u64 > DECODED_BYTES_MAX {
                    return Err(damaged("one part is too long"));
                }
                let text = encoding.decode_without_bom_handling(&bytes).0.into_owned();
                // The declaration of UTF-16 no longer applies.
                let body = text.find("?>").map_or(0, |end| end + 2);
                Box::new(Cursor::new(text[body..].to_owned().into_bytes()))
            }
            None => Box::new(Cursor::new(start).chain(input)),
        };
        let left = Rc::new(Cell::new(EVENT_BYTES_MAX));
        let mut reader = Reader::from_reader(BufReader::new(LimitedInput { input, left: Rc::clone(&left) }));
        let config = reader.config_mut();
        config.check_end_names = false;
        config.allow_unmatched_ends = true;
        config.check_comments = false;
        config.expand_empty_elements = true;
        Ok(Xml { reader, buffer: Vec::new(), left })
    }

    pub fn next(&mut self) -> Result<Event<'_>, WorkbookError> {
        self.buffer.clear();
        self.left.set(EVENT_BYTES_MAX);
        self.reader.read_event_into(&mut self.buffer).map_err(|error| match error {
            quick_xml::Error::Io(error) if error.kind() == io::ErrorKind::FileTooLarge => damaged(TOO_LONG),
            quick_xml::Error::Io(_) => damaged(TRUNCATED),
            _ => damaged("its XML is invalid"),
        })
    }

    /// Reads to the end of the element whose start tag was the last event, and appends its text.
    pub fn text(&mut self, into: &mut String) -> Result<(), WorkbookError> {
        let mut open_tags = 0_usize;
        loop {
            if into.len() as u64 > EVENT_BYTES_MAX {
                return Err(damaged(TOO_LONG));
            }
            match self.next()? {
                Event::Text(text) => into.push_str(&text.xml10_content()),
                Event::CData(text) => into.push_str(&text.xml10_content()),
                Event::GeneralRef(reference) => resolve(&reference, into),
                Event::Start(_) => open_tags += 1,
                Event::End(_) => match open_tags.checked_sub(1) {
                    Some(left) => open_tags = left,
                    None => return Ok(()),
                },
                Event::Eof => return Err(damaged(TRUNCATED)),
                Event::Empty(_) | Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_) => {}
            }
        }
    }

    /// Skips to the end of the element whose start tag was the last event.
    pub fn skip(&mut self) -> Result<(), WorkbookError> {
        let mut open_tags = 0_usize;
        loop {
            match self.next()? {
                Event::Start(_) => open_tags += 1,
                Event::End(_) => match open_tags.checked_sub(1) {
                    Some(left) => open_tags = left,
                    None => return Ok(()),
                },
                Event::Eof => return Err(damaged(TRUNCATED)),
                _ => {}
            }
        }
    }
}

/// Resolves the five predefined entities and character references; others stay as written.
fn resolve(reference: &BytesRef<'_>, into: &mut String) {
    let named = match reference.as_ref() {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        _ => reference.resolve_char_ref().ok().flatten(),
    };
    match named {
        Some(char) => into.push(char),
        None => {
            into.push('&');
            into.push_str(reference.as_ref());
            into.push(';');
        }
    }
}

/// The value of an attribute with its references resolved.
pub fn attribute(element: &BytesStart<'_>, name: &str) -> Option<String> {
    find_attribute(element, |key| key == name)
}

/// Finds the attribute by its name without the prefix: `r:id`.
pub fn attribute_any_prefix(element: &BytesStart<'_>, name: &str) -> Option<String> {
    find_attribute(element, |key| key.rsplit(':').next() == Some(name))
}

fn find_attribute(element: &BytesStart<'_>, wanted: impl Fn(&str) -> bool) -> Option<String> {
    let found = element.html_attributes().flatten().find(|found| wanted(found.key.as_ref()))?;
    let value: &str = found.value.as_ref();
    Some(quick_xml::escape::unescape(value).unwrap_or(Cow::Borrowed(value)).into_owned())
}

/// `1`, `true`, `on`
pub fn is_true(value: Option<String>) -> bool {
    matches!(value.as_deref(), Some("1" | "true" | "on"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(bytes: &[u8]) -> Result<Vec<String>, String> {
        let detail = |error: WorkbookError| match error {
            WorkbookError::Damaged(what) => what,
            _ => "other".into(),
        };
        let mut xml = Xml::new(bytes).map_err(detail)?;
        let mut texts = Vec::new();
        loop {
            let is_text = match xml.next().map_err(detail)? {
                Event::Eof => return Ok(texts),
                Event::Start(element) => element.local_name().as_ref() == "t",
                _ => false,
            };
            if is_text {
                let mut text = String::new();
                xml.text(&mut text).map_err(detail)?;
                texts.push(text);
            }
        }
    }

    #[test]
    fn all_valid_xml_is_read() {
        for (xml, text) in [
            ("<t>a<!-- 1 -->b</t>", "ab"),
            ("<x:t>a<![CDATA[<b>]]>&amp;&#1103;&nbsp;</x:t>", "a<b>&я&nbsp;"),
            ("<!DOCTYPE x [<!ENTITY a \"b\">]><t>&a;</t>", "&a;"),
            ("<t/>", ""),
        ] {
            assert_eq!(texts(xml.as_bytes()), Ok(vec![text.to_owned()]), "{xml}");
        }
        let wide: Vec<u8> = [0xFF, 0xFE]
            .into_iter()
            .chain("<?xml version=\"1.0\" encoding=\"UTF-16\"?><t>Имя</t>".encode_utf16().flat_map(u16::to_le_bytes))
            .collect();
        assert_eq!(texts(&wide), Ok(vec!["Имя".to_owned()]));
    }

    #[test]
    fn truncated_and_endless_xml_is_reported() {
        assert!(texts(b"<t>abc").is_err());
        let long = format!("<t>{}</t>", "a".repeat(EVENT_BYTES_MAX as usize + 100_000));
        assert_eq!(texts(long.as_bytes()), Err(TOO_LONG.to_owned()));
        let pieces = format!("<t>{}</t>", "aaaaaaaa<!-- -->".repeat(EVENT_BYTES_MAX as usize / 8 + 10));
        assert_eq!(texts(pieces.as_bytes()), Err(TOO_LONG.to_owned()));
    }
}
