//! What all bytes of a source show: its SHA-256, and the evidence of its encoding. `HashingReader` computes it while
//! a reader of rows reads, so that one pass serves both.

use crate::encoding::Evidence;
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fingerprint {
    /// In hexadecimal.
    pub sha256: String,
    /// The evidence of the encoding; `None` if the file is ASCII.
    pub encoding_scan: Option<Evidence>,
}

/// Bytes read at a time.
const CHUNK_BYTES: usize = 128 << 10;

impl Fingerprint {
    /// Reads a whole file.
    pub fn of_file(path: &Path) -> io::Result<Fingerprint> {
        HashingReader::new(File::open(path)?).finish()
    }

    #[cfg(test)]
    fn of_bytes(bytes: &[u8]) -> Fingerprint {
        let mut builder = FingerprintBuilder::default();
        builder.update(bytes);
        builder.finish()
    }
}

#[derive(Default)]
struct FingerprintBuilder {
    hasher: Sha256,
    evidence: Evidence,
}

impl FingerprintBuilder {
    fn update(&mut self, bytes: &[u8]) {
        self.hasher.update(bytes);
        self.evidence.add(bytes);
    }

    fn finish(mut self) -> Fingerprint {
        self.evidence.finish(true);
        let sha256 = self.hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        Fingerprint { sha256, encoding_scan: (!self.evidence.is_ascii()).then_some(self.evidence) }
    }
}

/// A file that several clones read once, hashing every byte. A thread that reads ahead can still hold a clone while
/// the rest is read: they take turns, and every byte is hashed once.
#[derive(Clone)]
pub struct HashingReader {
    inner: Arc<Mutex<(File, FingerprintBuilder)>>,
}

impl HashingReader {
    /// `file` is at its start.
    pub fn new(file: File) -> HashingReader {
        HashingReader { inner: Arc::new(Mutex::new((file, FingerprintBuilder::default()))) }
    }

    /// Reads the rest of the file.
    pub fn finish(mut self) -> io::Result<Fingerprint> {
        let mut chunk = vec![0; CHUNK_BYTES];
        while self.read(&mut chunk)? > 0 {}
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(std::mem::take(&mut inner.1).finish())
    }
}

impl Read for HashingReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let (file, builder) = &mut *inner;
        let count = file.read(buffer)?;
        builder.update(&buffer[..count]);
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_bytes_count_whoever_reads_them() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.csv");
        for text in ["", "ascii only", "name\nИмя", &format!("{}я{}", "a".repeat(300_000), "б".repeat(300_000))] {
            std::fs::write(&path, text).unwrap();
            let whole = Fingerprint::of_file(&path).unwrap();
            assert_eq!(whole, Fingerprint::of_bytes(text.as_bytes()));
            assert_eq!(whole.encoding_scan.is_some(), !text.is_ascii());
            if let Some(evidence) = &whole.encoding_scan {
                let first = text.bytes().position(|byte| !byte.is_ascii()).unwrap();
                assert!(text.as_bytes()[first..].starts_with(evidence.sample()));
            }
            let mut tap = HashingReader::new(File::open(&path).unwrap());
            let mut other = tap.clone();
            let mut few = [0; 7];
            let _ = tap.read(&mut few).unwrap();
            let _ = other.read(&mut few).unwrap();
            assert_eq!(tap.finish().unwrap(), whole);
        }
    }
}
