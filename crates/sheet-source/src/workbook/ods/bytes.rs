//! The bytes of a part, unpacked in blocks and passed to the XML reader as UTF-8.

use super::damaged;
use crate::file::error::WorkbookError;
use encoding_rs::{CoderResult, Decoder, Encoding, UTF_8, UTF_16BE, UTF_16LE};
use std::io::{self, BufRead, Read};

const BLOCK_BYTES: usize = 64 << 10;
/// No spreadsheet program writes a longer tag or text.
pub const EVENT_BYTES_MAX: usize = 8 << 20;
/// The encoding declaration of a part is within its first bytes.
const DECLARATION_BYTES_MAX: usize = 256;

pub struct XmlBytes<R> {
    source: R,
    /// Bytes as in the file, if it is not UTF-8.
    raw: Vec<u8>,
    raw_start: usize,
    decoder: Option<Decoder>,
    /// Bytes in UTF-8.
    block: Vec<u8>,
    start: usize,
    encoding_known: bool,
    ended: bool,
    /// Bytes of the current tag or text.
    event: usize,
}

impl<R: Read> XmlBytes<R> {
    pub fn new(source: R) -> XmlBytes<R> {
        XmlBytes {
            source,
            raw: Vec::new(),
            raw_start: 0,
            decoder: None,
            block: Vec::new(),
            start: 0,
            encoding_known: false,
            ended: false,
            event: 0,
        }
    }

    /// Starts a new tag or text.
    pub fn begin_event(&mut self) {
        self.event = 0;
    }

    pub fn is_event_too_long(&self) -> bool {
        self.event > EVENT_BYTES_MAX
    }

    /// Reads the rest, so that its checksum is verified.
    pub fn drain(&mut self) -> Result<(), WorkbookError> {
        match io::copy(&mut self.source, &mut io::sink()) {
            Ok(_) => Ok(()),
            Err(error) => Err(read_error(&error)),
        }
    }

    fn fill(&mut self) -> io::Result<()> {
        if !self.encoding_known {
            self.detect_encoding()?;
        }
        while self.start == self.block.len() && !self.ended {
            self.start = 0;
            self.block.clear();
            match self.decoder {
                None => {
                    let read = (&mut self.source).take(BLOCK_BYTES as u64).read_to_end(&mut self.block)?;
                    self.ended = read < BLOCK_BYTES;
                }
                Some(_) => self.decode()?,
            }
        }
        Ok(())
    }

    /// Detects the encoding from the first block.
    fn detect_encoding(&mut self) -> io::Result<()> {
        self.encoding_known = true;
        let read = (&mut self.source).take(BLOCK_BYTES as u64).read_to_end(&mut self.block)?;
        self.ended = read < BLOCK_BYTES;
        let (encoding, mark) = encoding(&self.block);
        self.start = mark;
        if encoding != UTF_8 {
            self.decoder = Some(encoding.new_decoder_without_bom_handling());
            self.raw = std::mem::take(&mut self.block);
            self.raw_start = mark;
            self.start = 0;
            self.ended = false;
        }
        Ok(())
    }

    fn decode(&mut self) -> io::Result<()> {
        let Some(decoder) = &mut self.decoder else { return Ok(()) };
        if self.raw_start == self.raw.len() {
            self.raw.clear();
            self.raw_start = 0;
            (&mut self.source).take(BLOCK_BYTES as u64).read_to_end(&mut self.raw)?;
        }
        let last = self.raw.is_empty();
        self.block.resize(BLOCK_BYTES, 0);
        let (result, read, written, malformed) =
            decoder.decode_to_utf8(&self.raw[self.raw_start..], &mut self.block, last);
        self.raw_start += read;
        self.block.truncate(written);
        self.ended = last && result == CoderResult::InputEmpty;
        if malformed { Err(io::ErrorKind::InvalidData.into()) } else { Ok(()) }
    }
}

impl<R: Read> Read for XmlBytes<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.fill_buf()?.read(buffer)?;
        self.consume(read);
        Ok(read)
    }
}

impl<R: Read> BufRead for XmlBytes<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.is_event_too_long() {
            return Err(io::ErrorKind::InvalidData.into());
        }
        self.fill()?;
        Ok(&self.block[self.start..])
    }

    fn consume(&mut self, bytes: usize) {
        self.start = self.block.len().min(self.start + bytes);
        self.event += bytes;
    }
}

/// The encoding of a part, and the length of its byte order mark. [XML 1.0, appendix F]
fn encoding(start: &[u8]) -> (&'static Encoding, usize) {
    match start {
        [0xEF, 0xBB, 0xBF, ..] => (UTF_8, 3),
        [0xFF, 0xFE, ..] => (UTF_16LE, 2),
        [0xFE, 0xFF, ..] => (UTF_16BE, 2),
        [b'<', 0, ..] => (UTF_16LE, 0),
        [0, b'<', ..] => (UTF_16BE, 0),
        _ => (declared_encoding(start).unwrap_or(UTF_8), 0),
    }
}

fn declared_encoding(start: &[u8]) -> Option<&'static Encoding> {
    let start = &start[..start.len().min(DECLARATION_BYTES_MAX)];
    let declaration = &start[..memchr::memchr(b'>', start)?];
    if !declaration.starts_with(b"<?xml") {
        return None;
    }
    let name = &declaration[memchr::memmem::find(declaration, b"encoding")?..];
    let quoted = &name[name.iter().position(|byte| matches!(byte, b'"' | b'\''))? + 1..];
    let label = &quoted[..quoted.iter().position(|byte| matches!(byte, b'"' | b'\''))?];
    // A declaration that is readable as ASCII rules out UTF-16.
    Encoding::for_label(label).filter(|encoding| encoding.is_ascii_compatible())
}

/// An error below the XML: reading the file or unpacking the part failed.
pub fn read_error(error: &io::Error) -> WorkbookError {
    match error.raw_os_error() {
        Some(code) => WorkbookError::Io(io::Error::from_raw_os_error(code)),
        None => damaged("its content cannot be unpacked"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> io::Result<String> {
        let mut text = String::new();
        XmlBytes::new(bytes).read_to_string(&mut text).map(|_| text)
    }

    #[test]
    fn every_encoding_becomes_utf_8() {
        let units =
            |text: &str, bytes: fn(u16) -> [u8; 2]| -> Vec<u8> { text.encode_utf16().flat_map(bytes).collect() };
        let long = format!("<a>{}</a>", "ёжик 😀 ".repeat(20_000));
        let cyrillic = "<?xml version='1.0' encoding='windows-1251'?><a>Ёж</a>";
        let (windows, _, _) = encoding_rs::WINDOWS_1251.encode(cyrillic);
        for (bytes, text) in [
            (long.as_bytes().to_vec(), long.as_str()),
            (format!("\u{FEFF}{long}").into_bytes(), &long),
            (units(&format!("\u{FEFF}{long}"), u16::to_le_bytes), &long),
            (units(&format!("\u{FEFF}{long}"), u16::to_be_bytes), &long),
            (units(&long, u16::to_le_bytes), &long),
            (units(&long, u16::to_be_bytes), &long),
            (windows.into_owned(), cyrillic),
            (b"<?xml encoding='utf-16'?><a>".to_vec(), "<?xml encoding='utf-16'?><a>"),
            (b"<?xml encoding='klingon'?><a>".to_vec(), "<?xml encoding='klingon'?><a>"),
            (Vec::new(), ""),
        ] {
            assert!(read(&bytes).is_ok_and(|read| read == text), "{:?}", &text[..text.len().min(40)]);
        }
        assert!(read(&[0xFF, 0xFE, b'<', 0, 0, 0xDC, b'>', 0]).is_err(), "half a pair");
    }

    #[test]
    fn an_endless_event_is_an_error() {
        let mut bytes = XmlBytes::new(io::repeat(b'x'));
        let mut passed = 0;
        while let Ok(block) = bytes.fill_buf() {
            let length = block.len();
            passed += length;
            bytes.consume(length);
        }
        assert!(bytes.is_event_too_long());
        assert!((EVENT_BYTES_MAX..EVENT_BYTES_MAX + 2 * BLOCK_BYTES).contains(&passed));
    }
}
