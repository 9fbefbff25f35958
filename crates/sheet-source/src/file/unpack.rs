//! Parts of a zip file, unpacked up to a plausible size. The sizes in the directory of the file serve for an early
//! refusal only.

use crate::file::input::SourceFile;
use crate::file::layout::FileFormat;
use std::fmt;
use std::io::{self, BufReader, Read, Seek};
use zip::ZipArchive;

/// Shared strings are held in memory, where they take no more than this either. A million rows of fourteen columns
/// have 130 MB of them.
pub const SHARED_STRINGS_BYTES_MAX: u64 = 256 << 20;
/// The content of an `.ods` is streamed twice per reading, so this limits time, not memory.
const CONTENT_BYTES_MAX: u64 = 256 << 20;
/// A sheet is streamed, so this limits time, not memory; a full sheet of sixty columns is about 2 GB.
const SHEET_BYTES_MAX: u64 = 4 << 30;
/// Above this size, a part that shrank more than a hundredfold is a zip bomb or empty formatting: sheets with data
/// shrink five- to twentyfold.
const BOMB_BYTES: u64 = 64 << 20;
const BOMB_RATIO: u64 = 100;

/// The largest plausible unpacked size of a part, given its packed size.
pub fn size_limit(name: &str, packed: u64, format: FileFormat) -> u64 {
    let name = name.to_ascii_lowercase();
    let unread = ["media/", "pivot", "vbaproject"].iter().any(|word| name.contains(word));
    let most = if name.contains("worksheets/") || name.contains("worksheets\\") || unread {
        SHEET_BYTES_MAX
    } else if format == FileFormat::Ods {
        CONTENT_BYTES_MAX
    } else {
        SHARED_STRINGS_BYTES_MAX
    };
    most.min(packed.saturating_mul(BOMB_RATIO).max(BOMB_BYTES))
}

/// A part of a zip file.
pub struct ZipPart {
    pub name: String,
    pub packed: u64,
    pub size: u64,
}

/// The parts as the unpacking library sees them; `None` if it sees none.
pub fn parts(file: &SourceFile) -> Option<Vec<ZipPart>> {
    let mut input = file.try_clone().ok()?;
    input.rewind().ok()?;
    let archive = ZipArchive::new(BufReader::new(input)).ok()?;
    let entries = (0..archive.len()).filter_map(|index| archive.by_index_data(index).ok());
    let part = |entry: zip::read::ZipFileEntry<'_>| {
        Some(ZipPart { name: entry.name().ok()?.into_owned(), packed: entry.compressed_size(), size: entry.size() })
    };
    Some(entries.filter_map(part).collect())
}

/// A part above its limit.
#[derive(Debug)]
pub struct TooLarge {
    pub part: String,
    pub megabytes: u64,
}

impl fmt::Display for TooLarge {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} unpacks to more than {} MB", self.part, self.megabytes)
    }
}

impl std::error::Error for TooLarge {}

/// The unpacked bytes of a part. Reading beyond the limit is an error.
pub struct LimitedReader<R> {
    source: R,
    left: u64,
    limit: u64,
    part: String,
}

impl<R: Read> LimitedReader<R> {
    pub fn new(source: R, part: &str, limit: u64) -> LimitedReader<R> {
        LimitedReader { source, left: limit, limit, part: part.to_owned() }
    }
}

impl<R: Read> Read for LimitedReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.left == 0 && !buffer.is_empty() {
            return match self.source.read(&mut [0])? {
                0 => Ok(0),
                _ => Err(io::Error::other(TooLarge { part: self.part.clone(), megabytes: self.limit >> 20 })),
            };
        }
        let most = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        let read = self.source.read(&mut buffer[..most])?;
        self.left -= read as u64;
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::file::error::WorkbookError;

    #[test]
    fn no_more_is_unpacked_than_the_limit() {
        let mut out = Vec::new();
        LimitedReader::new(&[1; 100][..], "a", 100).read_to_end(&mut out).expect("it is as long as it may be");
        let mut out = Vec::new();
        let error = LimitedReader::new(&[1; 101][..], "xl/a.bin", 100).read_to_end(&mut out).expect_err("it is longer");
        assert_eq!(out.len(), 100);
        assert!(
            matches!(WorkbookError::from_unpacking(error), WorkbookError::TooLarge { part, .. } if part == "xl/a.bin")
        );
    }

    #[test]
    fn size_limits_follow_from_what_a_part_is_for() {
        const MB: u64 = 1 << 20;
        assert_eq!(size_limit("xl/sharedStrings.xml", MB, FileFormat::Xlsx), 100 * MB);
        assert_eq!(size_limit("xl/sharedStrings.bin", 100 * MB, FileFormat::Xlsb), 256 * MB);
        assert_eq!(size_limit("xl/worksheets/sheet1.xml", 0, FileFormat::Xlsx), 64 * MB);
        assert_eq!(size_limit("xl/worksheets/sheet1.xml", 100 * MB, FileFormat::Xlsx), 4_096 * MB);
        assert_eq!(size_limit("content.xml", 100 * MB, FileFormat::Ods), 256 * MB);
        assert_eq!(size_limit("xl/pivotCache/pivotCacheRecords1.xml", 10 * MB, FileFormat::Xlsx), 1_000 * MB);
    }
}
