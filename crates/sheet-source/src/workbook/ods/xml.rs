//! XML as a stream of tags and texts; names of OpenDocument are identified by their namespaces, not by their
//! prefixes.

use super::bytes::{EVENT_BYTES_MAX, XmlBytes, read_error};
use super::damaged;
use crate::file::error::WorkbookError;
use quick_xml::XmlVersion;
use quick_xml::events::{BytesStart, Event};
use quick_xml::reader::Reader;
use std::borrow::Cow;
use std::io::{self, Read};

/// The maximum depth of elements; programs use about twenty.
const DEPTH_MAX: usize = 500;

pub const TRUNCATED: &str = "its content ends too early";
const GARBLED: &str = "its XML is invalid";

/// The namespace of a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ns {
    Office,
    Table,
    Text,
    Draw,
    Style,
    Calcext,
    Xlink,
    Manifest,
    Other,
}

/// The ends of the namespace URIs.
const VOCABULARIES: [(&str, Ns); 8] = [
    ("opendocument:xmlns:office:1.0", Ns::Office),
    ("opendocument:xmlns:table:1.0", Ns::Table),
    ("opendocument:xmlns:text:1.0", Ns::Text),
    ("opendocument:xmlns:drawing:1.0", Ns::Draw),
    ("opendocument:xmlns:style:1.0", Ns::Style),
    ("documentfoundation:names:experimental:calc:xmlns:calcext:1.0", Ns::Calcext),
    ("http://www.w3.org/1999/xlink", Ns::Xlink),
    ("opendocument:xmlns:manifest:1.0", Ns::Manifest),
];

/// The namespace that a prefix has in the files of all programs.
fn default_ns(prefix: &str) -> Ns {
    match prefix {
        "office" => Ns::Office,
        "table" => Ns::Table,
        "text" => Ns::Text,
        "draw" => Ns::Draw,
        "style" => Ns::Style,
        "calcext" => Ns::Calcext,
        "xlink" => Ns::Xlink,
        "manifest" => Ns::Manifest,
        _ => Ns::Other,
    }
}

/// Prefixes with another namespace than usual, declared by the root element.
#[derive(Default)]
struct Prefixes(Vec<(String, Ns)>);

impl Prefixes {
    fn read_root(&mut self, root: &BytesStart<'_>) {
        for attribute in root.attributes().with_checks(false).flatten() {
            let prefix = match attribute.key.as_ref() {
                "xmlns" => "",
                key => match key.strip_prefix("xmlns:") {
                    Some(prefix) => prefix,
                    None => continue,
                },
            };
            let known = VOCABULARIES.iter().find(|(meaning, _)| attribute.value.as_ref().ends_with(meaning));
            if let Some((_, ns)) = known
                && default_ns(prefix) != *ns
                && self.0.len() < VOCABULARIES.len()
            {
                self.0.push((prefix.to_owned(), *ns));
            }
        }
    }

    /// The namespace of a name, and the offset of its local part.
    fn split(&self, name: &str, element: bool) -> (Ns, usize) {
        let (prefix, local_at) = match memchr::memchr(b':', name.as_bytes()) {
            Some(colon) => (&name[..colon], colon + 1),
            None => ("", 0),
        };
        if prefix.is_empty() && !element {
            return (Ns::Other, local_at);
        }
        let declared = self.0.iter().find(|(declared, _)| declared == prefix).map(|(_, ns)| *ns);
        (declared.unwrap_or_else(|| default_ns(prefix)), local_at)
    }
}

pub enum XmlEvent<'x> {
    Start(XmlTag<'x>),
    End,
    Text(&'x str),
    /// A character written as a reference.
    Char(char),
    /// A comment or a declaration.
    Other,
    Eof,
}

pub struct XmlTag<'x> {
    pub ns: Ns,
    start: BytesStart<'x>,
    local_at: usize,
    prefixes: &'x Prefixes,
}

impl XmlTag<'_> {
    /// The name without its prefix.
    pub fn local(&self) -> &str {
        self.start.name().into_inner().get(self.local_at..).unwrap_or_default()
    }

    pub fn is(&self, ns: Ns, local: &str) -> bool {
        self.ns == ns && self.local() == local
    }

    /// Passes every attribute of a known namespace to `visit`.
    pub fn attributes(&self, mut visit: impl FnMut(Ns, &str, Cow<'_, str>)) -> Result<(), WorkbookError> {
        for attribute in self.start.attributes().with_checks(false) {
            let attribute = attribute.map_err(|_| damaged(GARBLED))?;
            let (ns, at) = self.prefixes.split(attribute.key.into_inner(), false);
            if ns != Ns::Other {
                let value = attribute.normalized_value(XmlVersion::Implicit1_0).map_err(|_| damaged(GARBLED))?;
                visit(ns, &attribute.key.into_inner()[at..], value);
            }
        }
        Ok(())
    }

    pub fn attribute(&self, ns: Ns, local: &str) -> Result<Option<String>, WorkbookError> {
        let mut found = None;
        self.attributes(|declared, name, value| {
            if declared == ns && name == local {
                found = Some(value.into_owned());
            }
        })?;
        Ok(found)
    }

    /// Whether there is such an attribute; most tags do not even contain its name.
    pub fn has(&self, ns: Ns, local: &str) -> Result<bool, WorkbookError> {
        if !self.start.contains(local) {
            return Ok(false);
        }
        let mut has = false;
        self.attributes(|declared, name, _| has |= declared == ns && name == local)?;
        Ok(has)
    }
}

pub struct XmlStream<R> {
    reader: Reader<XmlBytes<R>>,
    buffer: Vec<u8>,
    prefixes: Prefixes,
    /// The number of open elements.
    depth: usize,
    /// True if the last tag was an empty element.
    is_empty_element: bool,
    root_read: bool,
}

impl<R: Read> XmlStream<R> {
    pub fn new(source: R) -> XmlStream<R> {
        XmlStream {
            reader: Reader::from_reader(XmlBytes::new(source)),
            buffer: Vec::new(),
            prefixes: Prefixes::default(),
            depth: 0,
            is_empty_element: false,
            root_read: false,
        }
    }

    pub fn next(&mut self) -> Result<XmlEvent<'_>, WorkbookError> {
        if std::mem::take(&mut self.is_empty_element) {
            self.depth -= 1;
            return Ok(XmlEvent::End);
        }
        self.buffer.clear();
        self.reader.get_mut().begin_event();
        let event = match self.reader.read_event_into(&mut self.buffer) {
            Ok(event) => event,
            Err(error) => return Err(xml_error(&error, self.reader.get_ref().is_event_too_long())),
        };
        match event {
            Event::Start(start) | Event::Empty(start) if self.depth >= DEPTH_MAX => {
                drop(start);
                Err(damaged("its XML is nested too deeply"))
            }
            Event::Start(start) => {
                Ok(XmlEvent::Start(start_event(start, &mut self.root_read, &mut self.prefixes, &mut self.depth)))
            }
            Event::Empty(start) => {
                self.is_empty_element = true;
                Ok(XmlEvent::Start(start_event(start, &mut self.root_read, &mut self.prefixes, &mut self.depth)))
            }
            Event::End(_) => {
                self.depth -= 1;
                Ok(XmlEvent::End)
            }
            Event::Text(text) => Ok(text_event(text.into_inner())),
            Event::CData(text) => Ok(text_event(text.into_inner())),
            Event::GeneralRef(reference) => {
                let letter = match reference.as_ref() {
                    "lt" => '<',
                    "gt" => '>',
                    "amp" => '&',
                    "apos" => '\'',
                    "quot" => '"',
                    _ => match reference.resolve_char_ref() {
                        Ok(Some(letter)) => letter,
                        // Entities of the document are not expanded, because they can grow without limit.
                        Ok(None) | Err(_) => return Err(damaged(GARBLED)),
                    },
                };
                Ok(XmlEvent::Char(letter))
            }
            Event::Eof if self.depth > 0 || !self.root_read => Err(damaged(TRUNCATED)),
            Event::Eof => Ok(XmlEvent::Eof),
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_) => Ok(XmlEvent::Other),
        }
    }

    /// The number of open elements.
    pub fn depth(&self) -> usize {
        self.depth
    }

    /// Skips the rest of the element that was opened last, with its content.
    pub fn skip(&mut self) -> Result<(), WorkbookError> {
        let outside = self.depth.saturating_sub(1);
        while self.depth > outside {
            self.next()?;
        }
        Ok(())
    }

    /// Skips all that is left.
    pub fn finish(&mut self) -> Result<(), WorkbookError> {
        self.reader.get_mut().drain()
    }
}

fn start_event<'x>(
    start: BytesStart<'x>,
    root_read: &mut bool,
    prefixes: &'x mut Prefixes,
    depth: &mut usize,
) -> XmlTag<'x> {
    if !std::mem::replace(root_read, true) {
        prefixes.read_root(&start);
    }
    *depth += 1;
    let (ns, local_at) = prefixes.split(start.name().into_inner(), true);
    XmlTag { ns, start, local_at, prefixes }
}

/// Texts from a stream are always borrowed.
fn text_event(text: Cow<'_, str>) -> XmlEvent<'_> {
    match text {
        Cow::Borrowed(text) => XmlEvent::Text(text),
        Cow::Owned(_) => XmlEvent::Other,
    }
}

fn xml_error(error: &quick_xml::Error, too_long: bool) -> WorkbookError {
    match error {
        _ if too_long => damaged(format!("one XML element is longer than {} MB", EVENT_BYTES_MAX >> 20)),
        quick_xml::Error::Io(error) if error.kind() == io::ErrorKind::InvalidData => damaged(GARBLED),
        quick_xml::Error::Io(error) => read_error(error),
        quick_xml::Error::Syntax(_) => damaged(TRUNCATED),
        _ => damaged(GARBLED),
    }
}

/// A count in the file: at least 1; a number that is too large counts as the maximum.
pub fn repeat_count(written: &str) -> u32 {
    let written = written.trim();
    let many = !written.is_empty() && written.bytes().all(|byte| byte.is_ascii_digit());
    written.parse().unwrap_or(if many { u32::MAX } else { 1 }).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_events(xml: &[u8]) -> String {
        let mut events = String::new();
        let mut stream = XmlStream::new(xml);
        loop {
            match stream.next() {
                Ok(XmlEvent::Start(tag)) => {
                    events += &format!("<{:?} {}", tag.ns, tag.local());
                    let end = tag.attributes(|ns, name, value| events += &format!(" {ns:?} {name}={value}"));
                    events += if end.is_ok() { ">" } else { "!>" };
                }
                Ok(XmlEvent::End) => events.push('/'),
                Ok(XmlEvent::Text(text)) => events.push_str(text),
                Ok(XmlEvent::Char(letter)) => events.push(letter),
                Ok(XmlEvent::Other) => {}
                Ok(XmlEvent::Eof) => return events,
                Err(WorkbookError::Damaged(detail)) => return events + "; " + &detail,
                Err(_) => return events + "; other",
            }
        }
    }

    #[test]
    fn names_are_known_by_their_meaning() {
        for (xml, expected) in [
            ("<table:table table:name='a&amp;&#1103;'/>", "<Table table Table name=a&я>/"),
            (
                "<o:x xmlns:o='urn:oasis:names:tc:opendocument:xmlns:office:1.0' \
                 xmlns='urn:oasis:names:tc:opendocument:xmlns:table:1.0'><table name='n' o:value='1'>t</table></o:x>",
                "<Office x><Table table Office value=1>t//",
            ),
            ("<?xml version='1.0'?><!DOCTYPE a><a><!-- c -->x&lt;<![CDATA[<b>]]></a>", "<Other a>x<<b>/"),
        ] {
            assert_eq!(read_events(xml.as_bytes()), expected);
        }
    }

    #[test]
    fn invalid_xml_is_reported_in_plain_words() {
        for (xml, expected) in [
            ("<a><b>", "<Other a><Other b>; its content ends too early"),
            ("<a><b", "<Other a>; its content ends too early"),
            ("", "; its content ends too early"),
            ("<a></b>", "<Other a>; its XML is invalid"),
            ("<a>&nbsp;</a>", "<Other a>; its XML is invalid"),
            ("<a>&#0;</a>", "<Other a>; its XML is invalid"),
            ("<a>x & y</a>", "<Other a>x ; its XML is invalid"),
            ("<!DOCTYPE a [<!ENTITY e 'x'>]><a>&e;</a>", "<Other a>; its XML is invalid"),
            ("<a office:value='&e;'/>", "<Other a!>/"),
        ] {
            assert_eq!(read_events(xml.as_bytes()), expected, "{xml}");
        }
        assert_eq!(read_events(b"<a>\xFF</a>"), "<Other a>; its XML is invalid");
        assert!(read_events("<a>".repeat(100_000).as_bytes()).ends_with("; its XML is nested too deeply"));
        let long = format!("<a>{}</a>", "x".repeat(EVENT_BYTES_MAX + 1_000_000));
        assert_eq!(read_events(long.as_bytes()), "<Other a>; one XML element is longer than 8 MB");
    }
}
