//! Hashes that identify edited rows of an export: two of the whole row, and a short one of each cell that can be sent back,
//! small enough to be stored for every row. Pure.

use super::exported_column::ExportedColumn;
use rust_decimal::Decimal;
use sha2::{Digest, Sha256};
use sheet_source::{Cell, Scalar, write_number};
use std::borrow::Cow;

/// The hashes of a row: of the cells whose changes can be sent, and of the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Hashes {
    pub writable: u64,
    pub others: u64,
}

/// Hashes the cells of a row, in the order of the columns; the cell of a missing column is `None`.
pub fn hashes<'c>(columns: &[ExportedColumn], cells: impl Iterator<Item = Option<Cell<'c>>>) -> Hashes {
    let (mut writable, mut others) = (Sha256::new(), Sha256::new());
    for (column, cell) in columns.iter().zip(cells) {
        if !column.is_compared() {
            continue;
        }
        let hasher = if column.writable { &mut writable } else { &mut others };
        match cell {
            Some(cell) => hasher.update(canonical(cell).as_bytes()),
            None => hasher.update([1]),
        }
        // No text of a cell has this character.
        hasher.update([0]);
    }
    Hashes { writable: short(writable), others: short(others) }
}

fn short(hasher: Sha256) -> u64 {
    let digest = hasher.finalize();
    digest.iter().take(8).fold(0, |sum, byte| sum << 8 | u64::from(*byte))
}

/// The text of a cell, the same however a spreadsheet has stored it.
pub fn canonical<'c>(cell: Cell<'c>) -> Cow<'c, str> {
    match cell.value {
        Scalar::Empty => "".into(),
        Scalar::Number(_) if is_plain(cell.text) => cell.text.into(),
        Scalar::Number(_) => match cell.text.parse::<Decimal>() {
            Ok(number) => number.normalize().to_string().into(),
            Err(_) => cell.text.into(),
        },
        // The display format of a number does not matter.
        Scalar::Formatted(number, _) => {
            let mut digits = String::new();
            write_number(number, &mut digits);
            digits.into()
        }
        // No text of a cell is this: the user has replaced the exported value by a formula.
        Scalar::Uncomputed => "\u{1}".into(),
        Scalar::Text | Scalar::Serial(_) | Scalar::Bool(_) | Scalar::Error => {
            // Spreadsheets drop or rewrite these characters.
            let dropped = |c: char| c.is_control() && !matches!(c, '\n' | '\t');
            if cell.text.contains(dropped) {
                cell.text.replace(dropped, "").trim().to_owned().into()
            } else {
                cell.text.trim().into()
            }
        }
    }
}

/// True for a number that has no other notation.
fn is_plain(text: &str) -> bool {
    let digits = text.as_bytes();
    (1..=28).contains(&digits.len())
        && digits.iter().all(u8::is_ascii_digit)
        && (digits[0] != b'0' || digits.len() == 1)
}

/// Number of digits of a hash, of six bits each.
const DIGITS: usize = 5;
const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
/// The texts for an empty cell and for an unknown one.
const EMPTY: char = '.';
const UNKNOWN: char = '-';

/// Hashes of cells by the index of their column in the export; `None` for an unknown cell.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CellHashes(Vec<Option<u32>>);

impl CellHashes {
    /// The hashes of the cells of a row, in the order of the columns; the cell of a missing column is `None`.
    pub fn of<'c>(columns: &[ExportedColumn], cells: impl Iterator<Item = Option<Cell<'c>>>) -> CellHashes {
        let hash = |(column, cell): (&ExportedColumn, Option<Cell<'c>>)| match column.writable && column.is_compared() {
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

/// The hash of a cell; 0 is an empty cell.
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
