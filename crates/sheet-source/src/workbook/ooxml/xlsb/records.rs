//! The records of a part. [MS-XLSB 2.1.4]

use crate::file::bytes::{push_utf16, u32_at, utf16_units};
use crate::file::error::WorkbookError;
use std::io::{self, BufRead, BufReader, Read};

/// Records of future versions, to be skipped. [MS-XLSB 2.1.6]
const FUTURE_BEGIN: u16 = 35;
const FUTURE_END: u16 = 36;
/// The longest text of a cell, with all its formatting runs and its formula, is shorter.
const RECORD_BYTES_MAX: u64 = 1 << 20;
const BLOCK_BYTES: usize = 32 << 10;

pub struct PartRecords<R> {
    source: BufReader<R>,
    pub data: Vec<u8>,
    future: u32,
}

impl<R: Read> PartRecords<R> {
    pub fn new(part: R) -> PartRecords<R> {
        PartRecords { source: BufReader::with_capacity(BLOCK_BYTES, part), data: Vec::new(), future: 0 }
    }

    /// Reads the next wanted record into `data` and returns its type; `None` at the end of the part.
    pub fn next(&mut self, wanted: fn(u16) -> bool) -> Result<Option<u16>, WorkbookError> {
        loop {
            if self.source.fill_buf().map_err(WorkbookError::from_unpacking)?.is_empty() {
                return Ok(None);
            }
            let kind = self.number(2)? as u16;
            let length = u64::from(self.number(4)?);
            match kind {
                FUTURE_BEGIN => self.future = self.future.saturating_add(1),
                FUTURE_END => self.future = self.future.saturating_sub(1),
                _ => {}
            }
            if self.future > 0 || !wanted(kind) {
                self.skip(length)?;
                continue;
            }
            if length > RECORD_BYTES_MAX {
                return Err(WorkbookError::damaged("a cell is longer than a cell can be"));
            }
            self.data.clear();
            let read = self.source.by_ref().take(length).read_to_end(&mut self.data);
            return match read.map_err(WorkbookError::from_unpacking)? as u64 == length {
                true => Ok(Some(kind)),
                false => Err(truncated()),
            };
        }
    }

    /// Reads the rest, so that its checksum is verified.
    pub fn finish(mut self) -> Result<(), WorkbookError> {
        io::copy(&mut self.source, &mut io::sink()).map_err(WorkbookError::from_unpacking)?;
        Ok(())
    }

    /// A number of at most this many bytes, with seven bits in each.
    fn number(&mut self, bytes_max: u32) -> Result<u32, WorkbookError> {
        const MORE: u8 = 0x80;
        let mut number = 0;
        for nth in 0..bytes_max {
            let mut byte = [0];
            if self.source.read(&mut byte).map_err(WorkbookError::from_unpacking)? == 0 {
                return Err(truncated());
            }
            number |= u32::from(byte[0] & !MORE) << (7 * nth);
            if byte[0] & MORE == 0 {
                break;
            }
        }
        Ok(number)
    }

    fn skip(&mut self, length: u64) -> Result<(), WorkbookError> {
        let skipped = io::copy(&mut self.source.by_ref().take(length), &mut io::sink());
        match skipped.map_err(WorkbookError::from_unpacking)? == length {
            true => Ok(()),
            false => Err(truncated()),
        }
    }
}

pub fn truncated() -> WorkbookError {
    WorkbookError::damaged("one part ends too early")
}

/// Appends the text at an offset and returns its end. [MS-XLSB 2.5.168]
pub fn read_text(data: &[u8], at: usize, text: &mut String) -> Result<usize, WorkbookError> {
    /// No text, as opposed to an empty one.
    const NONE: u32 = u32::MAX;
    let start = at + 4;
    let letters = match u32_at(data, at).ok_or_else(truncated)? {
        NONE => 0,
        letters => letters as usize,
    };
    let bytes = letters.checked_mul(2).and_then(|bytes| data.get(start..start.checked_add(bytes)?));
    let bytes = bytes.ok_or_else(truncated)?;
    push_utf16(utf16_units(bytes), text);
    Ok(start + bytes.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(part: &[u8]) -> Result<Vec<(u16, usize)>, ()> {
        let mut records = PartRecords::new(part);
        let mut found = Vec::new();
        while let Some(kind) = records.next(|kind| kind != 3).map_err(|_| ())? {
            found.push((kind, records.data.len()));
        }
        Ok(found)
    }

    #[test]
    fn records_are_separated() {
        // One record with a two-byte type, one with a two-byte length, one unwanted, one of a future version.
        let long = [&[7, 0x80, 0x01][..], &[0; 128]].concat();
        let part = [&[0x91, 0x01, 0][..], &long, &[3, 2, 0, 0], &[35, 1, 9, 6, 1, 9, 36, 0], &[1, 1, 0]].concat();
        assert_eq!(kinds(&part), Ok(vec![(145, 0), (7, 128), (36, 0), (1, 1)]));
        assert_eq!(kinds(&part[..part.len() - 1]), Err(()));
        assert_eq!(kinds(&[1, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F]), Err(()));
        assert_eq!(kinds(&[0x81]), Err(()));
        assert_eq!(kinds(&[]), Ok(Vec::new()));
    }

    #[test]
    fn texts_stay_within_their_record() {
        let mut text = String::new();
        assert_eq!(read_text(&[2, 0, 0, 0, 0x18, 0x04, b'a', 0], 0, &mut text).ok(), Some(8));
        assert_eq!(read_text(&[0xFF; 4], 0, &mut text).ok(), Some(4));
        assert_eq!(text, "Иa");
        assert!(read_text(&[3, 0, 0, 0, 0x18, 0x04, b'a', 0], 0, &mut text).is_err());
        assert!(read_text(&[0xFE, 0xFF, 0xFF, 0xFF], 0, &mut text).is_err());
        assert!(read_text(&[1], 0, &mut text).is_err());
    }
}
