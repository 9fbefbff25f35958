//! The bytes of a workbook: the file, or a copy in memory if the whole file was read anyway.

use std::fs::File;
use std::io::{self, Cursor, Read, Seek, SeekFrom};
use std::sync::Arc;

#[derive(Debug)]
pub enum SourceFile {
    File(File),
    Memory(Cursor<Arc<[u8]>>),
}

impl SourceFile {
    pub fn memory(bytes: Vec<u8>) -> SourceFile {
        SourceFile::Memory(Cursor::new(bytes.into()))
    }

    pub fn length(&self) -> u64 {
        match self {
            SourceFile::File(file) => file.metadata().map_or(0, |metadata| metadata.len()),
            SourceFile::Memory(bytes) => bytes.get_ref().len() as u64,
        }
    }

    /// Another handle on the same bytes. Handles of a file share their position.
    pub fn try_clone(&self) -> io::Result<SourceFile> {
        Ok(match self {
            SourceFile::File(file) => SourceFile::File(file.try_clone()?),
            SourceFile::Memory(bytes) => SourceFile::Memory(bytes.clone()),
        })
    }
}

impl Read for SourceFile {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            SourceFile::File(file) => file.read(buffer),
            SourceFile::Memory(bytes) => bytes.read(buffer),
        }
    }
}

impl Seek for SourceFile {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        match self {
            SourceFile::File(file) => file.seek(to),
            SourceFile::Memory(bytes) => bytes.seek(to),
        }
    }
}
