//! The records of an old workbook, and the texts in them.

use crate::file::bytes::{push_utf16, u16_at, utf16_units};
use crate::file::error::WorkbookError;
use encoding_rs::Encoding;

pub const BEGIN: u16 = 0x0809;
pub const END: u16 = 0x000A;
const CONTINUE: u16 = 0x003C;

pub const TEXT_TRUNCATED: &str = "a text is cut short";

#[derive(Debug, Clone, Copy)]
pub struct BiffRecord<'a> {
    pub kind: u16,
    /// Its offset in the stream.
    pub at: usize,
    pub data: &'a [u8],
}

#[derive(Debug, Clone, Copy)]
pub struct BiffRecords<'a> {
    stream: &'a [u8],
    at: usize,
}

impl<'a> BiffRecords<'a> {
    pub fn new(stream: &'a [u8], at: usize) -> BiffRecords<'a> {
        BiffRecords { stream, at }
    }

    /// The next record. It must exist, because the caller has not seen the final record yet.
    pub fn next(&mut self) -> Result<BiffRecord<'a>, WorkbookError> {
        let record = self.peek().ok_or_else(|| WorkbookError::damaged("its end is missing"))?;
        if record.kind == 0 {
            return Err(WorkbookError::damaged("part of it is empty"));
        }
        self.at += 4 + record.data.len();
        Ok(record)
    }

    pub fn peek(&self) -> Option<BiffRecord<'a>> {
        let (kind, length) = (u16_at(self.stream, self.at)?, u16_at(self.stream, self.at + 2)?);
        let start = self.at + 4;
        let data = self.stream.get(start..start + usize::from(length))?;
        Some(BiffRecord { kind, at: self.at, data })
    }

    /// The data of a record with that of its continuation records.
    pub fn continued(&mut self, from: BiffRecord<'a>, skip: usize) -> ContinuedData<'a> {
        let first = from.data.get(skip..).unwrap_or_default();
        let mut more = Vec::new();
        while let Some(record) = self.peek().filter(|record| record.kind == CONTINUE) {
            more.push(record.data);
            self.at += 4 + record.data.len();
        }
        more.reverse();
        ContinuedData { chunk: first, more }
    }
}

/// Data that can continue over several records.
pub struct ContinuedData<'a> {
    chunk: &'a [u8],
    /// In reverse order.
    more: Vec<&'a [u8]>,
}

impl<'a> ContinuedData<'a> {
    pub fn is_at_end(&self) -> bool {
        self.chunk.is_empty() && self.more.iter().all(|chunk| chunk.is_empty())
    }

    /// Moves to the next chunk if the current one is used up.
    fn next_chunk(&mut self) -> Option<()> {
        while self.chunk.is_empty() {
            self.chunk = self.more.pop()?;
        }
        Some(())
    }

    pub fn byte(&mut self) -> Option<u8> {
        self.next_chunk()?;
        let (first, rest) = self.chunk.split_first()?;
        self.chunk = rest;
        Some(*first)
    }

    pub fn u16(&mut self) -> Option<u16> {
        Some(u16::from_le_bytes([self.byte()?, self.byte()?]))
    }

    pub fn u32(&mut self) -> Option<u32> {
        Some(u32::from(self.u16()?) | (u32::from(self.u16()?) << 16))
    }

    pub fn skip(&mut self, mut bytes: usize) -> Option<()> {
        while bytes > 0 {
            self.next_chunk()?;
            let skipped = bytes.min(self.chunk.len());
            self.chunk = &self.chunk[skipped..];
            bytes -= skipped;
        }
        Some(())
    }

    /// Up to `wanted` bytes of the current chunk.
    fn take_bytes(&mut self, wanted: usize) -> &'a [u8] {
        let (taken, rest) = self.chunk.split_at(wanted.min(self.chunk.len()));
        self.chunk = rest;
        taken
    }

    /// Appends a text of this many letters. Each chunk declares the width of its letters again. [MS-XLS 2.5.293]
    pub fn unicode_text(&mut self, letters: usize, flags: u8, text: &mut String) -> Option<()> {
        const WIDE: u8 = 1;
        let mut wide = flags & WIDE != 0;
        if !wide && self.chunk.len() >= letters {
            text.extend(self.take_bytes(letters).iter().map(|byte| char::from(*byte)));
            return Some(());
        }
        let mut units: Vec<u16> = Vec::new();
        while units.len() < letters {
            if self.chunk.is_empty() {
                wide = self.byte()? & WIDE != 0;
            }
            let left = letters - units.len();
            match wide {
                true if self.chunk.len() == 1 => self.chunk = &[],
                true => units.extend(utf16_units(self.take_bytes(left.min(self.chunk.len() / 2) * 2))),
                false => units.extend(self.take_bytes(left).iter().map(|byte| u16::from(*byte))),
            }
        }
        push_utf16(units.into_iter(), text);
        Some(())
    }

    /// Appends a text of this many bytes in a code page.
    fn code_page_text(&mut self, bytes: usize, encoding: &'static Encoding, text: &mut String) -> Option<()> {
        let mut all: Vec<u8> = Vec::new();
        while all.len() < bytes {
            self.next_chunk()?;
            all.extend_from_slice(self.take_bytes(bytes - all.len()));
        }
        text.push_str(&encoding.decode_without_bom_handling(&all).0);
        Some(())
    }
}

/// The encoding of texts.
#[derive(Debug, Clone, Copy)]
pub enum TextEncoding {
    /// Since Excel 97: letters of one or two bytes of UTF-16, whatever the code page of the workbook.
    Unicode,
    /// In a code page. `None` is an unknown one, in which only ASCII is readable.
    CodePage(Option<&'static Encoding>),
}

impl TextEncoding {
    /// Appends a text whose length is already read.
    pub fn read(
        self,
        data_stream: &mut ContinuedData<'_>,
        length: usize,
        text: &mut String,
    ) -> Result<(), WorkbookError> {
        let cut = || WorkbookError::damaged(TEXT_TRUNCATED);
        match self {
            // Some writers omit everything after the length of an empty text.
            _ if length == 0 => Ok(()),
            TextEncoding::Unicode => {
                let flags = data_stream.byte().ok_or_else(cut)?;
                data_stream.unicode_text(length, flags, text).ok_or_else(cut)
            }
            TextEncoding::CodePage(Some(encoding)) => {
                data_stream.code_page_text(length, encoding, text).ok_or_else(cut)
            }
            TextEncoding::CodePage(None) => {
                let start = text.len();
                data_stream.code_page_text(length, encoding_rs::WINDOWS_1252, text).ok_or_else(cut)?;
                match text[start..].is_ascii() {
                    true => Ok(()),
                    false => Err(WorkbookError::damaged("its texts are in an unknown encoding")),
                }
            }
        }
    }
}

/// The encoding of a code page. [MS-UCODEREF; MS-XLS 2.4.52]
pub fn code_page(number: u16) -> Option<&'static Encoding> {
    let label = match number {
        367 | 1200 | 32_769 => "windows-1252",
        874 | 1250..=1258 => return Encoding::for_label(format!("windows-{number}").as_bytes()),
        866 => "ibm866",
        932 => "shift_jis",
        936 => "gbk",
        949 => "euc-kr",
        950 => "big5",
        10_000 | 32_768 => "macintosh",
        10_007 => "x-mac-cyrillic",
        20_866 => "koi8-r",
        21_866 => "koi8-u",
        28_591..=28_600 => return Encoding::for_label(format!("iso-8859-{}", number - 28_590).as_bytes()),
        65_001 => "utf-8",
        _ => return None,
    };
    Encoding::for_label(label.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(kind: u16, data: &[u8]) -> Vec<u8> {
        [&kind.to_le_bytes()[..], &(data.len() as u16).to_le_bytes(), data].concat()
    }

    #[test]
    fn a_text_goes_on_in_letters_of_another_width() {
        let wide: Vec<u8> = "Ёж 😀".encode_utf16().flat_map(u16::to_le_bytes).collect();
        // The second half of a letter is in the next record.
        let stream = [
            record(0xFC, b"ab"),
            record(CONTINUE, &[&[1], &wide[..8]].concat()),
            record(CONTINUE, &[&[1], &wide[8..]].concat()),
            record(CONTINUE, b"\0xyz"),
            record(END, b""),
        ]
        .concat();
        let mut records = BiffRecords::new(&stream, 0);
        let first = records.next().ok().expect("a record");
        let mut data_stream = records.continued(first, 0);
        let mut text = String::new();
        assert_eq!(data_stream.unicode_text(2 + 5 + 2, 0, &mut text), Some(()));
        assert_eq!(text, "abЁж 😀xy");
        assert_eq!((data_stream.byte(), data_stream.byte()), (Some(b'z'), None));
        assert_eq!(records.next().ok().map(|record| record.kind), Some(END));
        assert!(records.next().is_err());
    }

    #[test]
    fn a_truncated_text_is_reported() {
        for data in [&b"\x05"[..], b"\0abcd", b"\x01a\0b\0c\0d\0e"] {
            let stream = record(0x0204, data);
            let mut records = BiffRecords::new(&stream, 0);
            let first = records.next().ok().expect("a record");
            let mut data_stream = records.continued(first, 0);
            assert!(TextEncoding::Unicode.read(&mut data_stream, 5, &mut String::new()).is_err(), "{data:?}");
        }
    }

    #[test]
    fn code_pages_are_known_by_number() {
        for (number, name) in [
            (1251, "windows-1251"),
            (10_007, "x-mac-cyrillic"),
            (866, "IBM866"),
            (32_769, "windows-1252"),
            (28_595, "ISO-8859-5"),
        ] {
            assert_eq!(code_page(number).map(Encoding::name), Some(name));
        }
        assert_eq!(code_page(437), None);
        let bytes = [0xC8, 0xE2, 0xE0, 0xED];
        let mut text = String::new();
        let mut data_stream = ContinuedData { chunk: &bytes, more: Vec::new() };
        assert!(TextEncoding::CodePage(code_page(1251)).read(&mut data_stream, 4, &mut text).is_ok());
        assert_eq!(text, "Иван");
        let mut data_stream = ContinuedData { chunk: &bytes, more: Vec::new() };
        assert!(TextEncoding::CodePage(None).read(&mut data_stream, 4, &mut text).is_err());
    }
}
