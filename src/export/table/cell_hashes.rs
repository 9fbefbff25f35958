//! The cells of a row that can be sent back, each as a short hash: enough to see which of them say something else than
//! before, and little enough to stand beside every row of an export. Pure.

use super::hidden::{Described, canonical};
use sha2::{Digest, Sha256};
use sheet_source::Cell;

/// Digits of a hash, six bits each.
const DIGITS: usize = 5;
const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
/// Of an empty cell, and of one of which nothing is known.
const EMPTY: char = '.';
const UNKNOWN: char = '-';

/// By the place of the column in the export; `None` where nothing is known.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CellHashes(Vec<Option<u32>>);

impl CellHashes {
    /// Of the cells of a row, in the order of the columns; a column that is not there is `None`.
    pub fn of<'c>(columns: &[Described], cells: impl Iterator<Item = Option<Cell<'c>>>) -> CellHashes {
        let hash = |(column, cell): (&Described, Option<Cell<'c>>)| match column.writable && column.is_compared() {
            true => cell.map(hash_of),
            false => None,
        };
        CellHashes(columns.iter().zip(cells).map(hash).collect())
    }

    pub fn get(&self, column: usize) -> Option<u32> {
        self.0.get(column).copied().flatten()
    }

    pub fn set(&mut self, column: usize, hash: Option<u32>) {
        if self.0.len() <= column {
            self.0.resize(column + 1, None);
        }
        self.0[column] = hash;
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn to_text(&self) -> String {
        let mut text = String::with_capacity(self.0.len() * 2);
        for hash in &self.0 {
            match hash {
                None => text.push(UNKNOWN),
                Some(0) => text.push(EMPTY),
                Some(hash) => {
                    let digit = |n: usize| char::from(ALPHABET[(hash >> (6 * n)) as usize & 63]);
                    text.extend((0..DIGITS).rev().map(digit));
                }
            }
        }
        text
    }

    pub fn from_text(text: &str) -> Option<CellHashes> {
        let (mut hashes, mut bytes) = (Vec::new(), text.bytes());
        while let Some(first) = bytes.next() {
            hashes.push(match char::from(first) {
                UNKNOWN => None,
                EMPTY => Some(0),
                _ => {
                    let mut hash = 0;
                    for byte in std::iter::once(first).chain(bytes.by_ref().take(DIGITS - 1)) {
                        hash = hash << 6 | ALPHABET.iter().position(|known| *known == byte)? as u32;
                    }
                    Some(hash)
                }
            });
        }
        Some(CellHashes(hashes))
    }
}

/// 0 is an empty cell.
pub fn hash_of(cell: Cell<'_>) -> u32 {
    let text = canonical(cell);
    if text.is_empty() {
        return 0;
    }
    let digest = Sha256::digest(text.as_bytes());
    let hash = digest.iter().take(4).fold(0, |sum: u32, byte| sum << 8 | u32::from(*byte)) >> 2;
    hash.max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_read_back_as_they_were_written() {
        for (hashes, text) in [(vec![], ""), (vec![None, Some(0), Some(1), Some((1 << 30) - 1), None], "-.AAAAB/////-")]
        {
            let hashes = CellHashes(hashes);
            assert_eq!(hashes.to_text(), text);
            assert_eq!(CellHashes::from_text(text), Some(hashes));
        }
        for text in ["AAAA?", "ф"] {
            assert_eq!(CellHashes::from_text(text), None, "{text}");
        }
    }
}
