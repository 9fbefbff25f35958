//! Where the bytes of a workbook come from: the file, or a copy of it in memory, where all of it had to be read anyway.

use std::fs::File;
use std::io::{self, Cursor, Read, Seek, SeekFrom};
use std::sync::Arc;

#[derive(Debug)]
pub enum Input {
    File(File),
    Memory(Cursor<Arc<[u8]>>),
}

impl Input {
    pub fn memory(bytes: Vec<u8>) -> Input {
        Input::Memory(Cursor::new(bytes.into()))
    }

    pub fn length(&self) -> u64 {
        match self {
            Input::File(file) => file.metadata().map_or(0, |metadata| metadata.len()),
            Input::Memory(bytes) => bytes.get_ref().len() as u64,
        }
    }

    /// The same bytes once more. Those of a file share their position.
    pub fn try_clone(&self) -> io::Result<Input> {
        Ok(match self {
            Input::File(file) => Input::File(file.try_clone()?),
            Input::Memory(bytes) => Input::Memory(bytes.clone()),
        })
    }
}

impl Read for Input {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Input::File(file) => file.read(buffer),
            Input::Memory(bytes) => bytes.read(buffer),
        }
    }
}

impl Seek for Input {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        match self {
            Input::File(file) => file.seek(to),
            Input::Memory(bytes) => bytes.seek(to),
        }
    }
}
