//! How far the cells of an old workbook (.xls) reach, found without reading them. `calamine` keeps each sheet of such a
//! file as one rectangle around its cells, so two cells far apart, or one damaged byte in the place of a cell, can
//! cost gigabytes, and running out of memory cannot be caught. Here the places alone are looked at first.
//!
//! The layout of the container is [MS-CFB], that of the records [MS-XLS].

use std::collections::HashSet;

/// A cell costs 24 bytes, up to three times over (value, formula, a copy): this is 430 MB at the worst. A full sheet of
/// 65 536 rows and 90 columns is just below.
const CELLS_MAX: u64 = 6_000_000;

/// True when the sheets of an .xls can be held in memory. What cannot be understood passes: `calamine` will tell.
pub fn is_bearable(file: &[u8]) -> bool {
    workbook_stream(file).is_none_or(|stream| rectangles(&stream) <= CELLS_MAX)
}

/// Room that `calamine` sets aside for a sheet of this size, unused, is still within what a system gives; the most an
/// .xls can have.
const DECLARED_CELLS_MAX: u64 = 65_536 * 256;

/// The sum of the rectangles around the cells of each sheet; too many for a sheet that says it is larger than any.
fn rectangles(stream: &[u8]) -> u64 {
    const BEGIN: usize = 0x0809;
    const DIMENSIONS: usize = 0x0200;
    const FILE_PASS: usize = 0x002F;
    let mut sum = 0_u64;
    let mut sheet: Option<[u64; 4]> = None;
    let mut at = 0;
    while let (Some(kind), Some(length)) = (u16_at(stream, at), u16_at(stream, at + 2)) {
        let data = stream.get(at + 4..at + 4 + length).unwrap_or(&[]);
        at += 4 + length;
        if kind == BEGIN {
            sum += sheet.take().map_or(0, area);
        }
        if kind == FILE_PASS {
            // Encrypted: what follows means nothing.
            return 0;
        }
        if kind == DIMENSIONS && declared(data).is_none_or(|cells| cells > DECLARED_CELLS_MAX) {
            return u64::MAX;
        }
        let (Some(row), Some(first)) = (u16_at(data, 0), u16_at(data, 2)) else { continue };
        let last = match kind {
            // MulRk: several cells; the last column stands at the end.
            0x00BD => u16_at(data, data.len() - 2).unwrap_or(first),
            // Number, Label, RString, BoolErr, Rk, LabelSst, Formula: one cell.
            0x0203 | 0x0204 | 0x00D6 | 0x0205 | 0x027E | 0x00FD | 0x0006 => first,
            _ => continue,
        };
        let (row, first, last) = (row as u64, first as u64, last as u64);
        let around = sheet.get_or_insert([row, row, first, last]);
        *around = [around[0].min(row), around[1].max(row), around[2].min(first), around[3].max(last)];
    }
    sum + sheet.map_or(0, area)
}

/// The cells between the corners a sheet declares; `None` when they lie the wrong way round.
fn declared(data: &[u8]) -> Option<u64> {
    let (first_row, last_row, columns) = match data.len() {
        10 => (u16_at(data, 0)? as u64, u16_at(data, 2)? as u64, u16_at(data, 6)?),
        14 | 16 => (u64::from(u32_at(data, 0)?), u64::from(u32_at(data, 4)?), u16_at(data, 10)?),
        _ => return Some(0),
    };
    if last_row == 0 || columns == 0 {
        return Some(0);
    }
    Some(last_row.checked_sub(first_row)? * columns as u64)
}

fn area([top, bottom, left, right]: [u64; 4]) -> u64 {
    (bottom - top + 1) * (right.saturating_sub(left) + 1)
}

/// The stream `Workbook` (or `Book`, before Excel 97) of a compound file.
fn workbook_stream(file: &[u8]) -> Option<Vec<u8>> {
    const ENTRY_BYTES: usize = 128;
    let container = Container::new(file)?;
    let directory = container.chain(u32_at(file, 48)?)?;
    let entries = || directory.chunks_exact(ENTRY_BYTES);
    let named = |name: &str| {
        let wide: Vec<u8> = name.encode_utf16().chain([0]).flat_map(u16::to_le_bytes).collect();
        entries().find(|entry| entry.starts_with(&wide))
    };
    let entry = named("Workbook").or_else(|| named("Book"))?;
    let (start, length) = (u32_at(entry, 116)?, u32_at(entry, 120)? as usize);
    let small_below = u32_at(file, 56)? as usize;
    let mut stream = if length < small_below {
        let root = entries().next()?;
        container.small_chain(start, &container.chain(u32_at(root, 116)?)?)?
    } else {
        container.chain(start)?
    };
    stream.truncate(length);
    Some(stream)
}

struct Container<'a> {
    file: &'a [u8],
    sector_bytes: usize,
    next: Vec<u32>,
}

/// From here on a sector number is a mark: free, end of a chain, and so on.
const MARKS_FROM: u32 = 0xFFFF_FFFA;

impl<'a> Container<'a> {
    fn new(file: &'a [u8]) -> Option<Container<'a>> {
        const HEADER_SECTORS: usize = 109;
        let sector_bytes = 1_usize << u16_at(file, 30).filter(|shift| matches!(shift, 9 | 12))?;
        let mut container = Container { file, sector_bytes, next: Vec::new() };
        let mut tables: Vec<u32> = (0..HEADER_SECTORS).filter_map(|nth| u32_at(file, 76 + nth * 4)).collect();
        let mut more = u32_at(file, 68)?;
        let mut seen = HashSet::new();
        while more < MARKS_FROM && seen.insert(more) {
            let Some(sector) = container.sector(more) else { break };
            let (list, link) = sector.split_at(sector.len() - 4);
            tables.extend(list.chunks_exact(4).filter_map(|four| u32_at(four, 0)));
            more = u32_at(link, 0)?;
        }
        let mut next = Vec::new();
        for table in tables.into_iter().filter(|sector| *sector < MARKS_FROM) {
            let sector = container.sector(table)?;
            next.extend(sector.chunks_exact(4).filter_map(|four| u32_at(four, 0)));
            if next.len() > file.len() {
                return None;
            }
        }
        container.next = next;
        Some(container)
    }

    fn sector(&self, number: u32) -> Option<&'a [u8]> {
        let start = (number as usize + 1).checked_mul(self.sector_bytes)?;
        let end = start.checked_add(self.sector_bytes)?.min(self.file.len());
        self.file.get(start..end).filter(|sector| sector.len() >= 4)
    }

    fn chain(&self, start: u32) -> Option<Vec<u8>> {
        let mut bytes = Vec::new();
        let mut at = start;
        while at < MARKS_FROM {
            bytes.extend_from_slice(self.sector(at)?);
            if bytes.len() > self.file.len() {
                // A chain that bites its tail.
                return None;
            }
            at = *self.next.get(at as usize)?;
        }
        Some(bytes)
    }

    /// A stream of small sectors, which lie within a stream of their own.
    fn small_chain(&self, start: u32, within: &[u8]) -> Option<Vec<u8>> {
        const SMALL_BYTES: usize = 64;
        let table = self.chain(u32_at(self.file, 60)?)?;
        let mut bytes = Vec::new();
        let mut at = start;
        while at < MARKS_FROM {
            let from = at as usize * SMALL_BYTES;
            bytes.extend_from_slice(within.get(from..(from + SMALL_BYTES).min(within.len()))?);
            if bytes.len() > within.len() {
                return None;
            }
            at = u32_at(&table, at as usize * 4)?;
        }
        Some(bytes)
    }
}

fn u16_at(bytes: &[u8], at: usize) -> Option<usize> {
    let two = bytes.get(at..at.checked_add(2)?)?;
    Some(usize::from(u16::from_le_bytes([two[0], two[1]])))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    let four = bytes.get(at..at.checked_add(4)?)?;
    Some(u32::from_le_bytes([four[0], four[1], four[2], four[3]]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(kind: u16, data: &[u16]) -> Vec<u8> {
        let mut bytes = kind.to_le_bytes().to_vec();
        bytes.extend((data.len() as u16 * 2).to_le_bytes());
        bytes.extend(data.iter().flat_map(|v| v.to_le_bytes()));
        bytes
    }

    #[test]
    fn rectangles_are_summed_over_sheets() {
        let begin = record(0x0809, &[0x600]);
        let one = [begin.clone(), record(0x0203, &[2, 3, 0, 0]), record(0x00BD, &[4, 1, 0, 0, 5])].concat();
        assert_eq!(rectangles(&one), 3 * 5);
        let far = record(0x027E, &[65_535, 65_535, 0]);
        let two = [one, begin, record(0x0006, &[0, 0, 0]), far].concat();
        assert_eq!(rectangles(&two), 15 + 65_536 * 65_536);
    }

    #[test]
    fn the_stream_is_found_in_a_real_workbook() {
        for (name, cells) in [("any_sheets.xls", 1..200), ("date.xls", 1..20)] {
            let path = format!("{}/tests/files/table/calamine/{name}", env!("CARGO_MANIFEST_DIR"));
            let file = std::fs::read(path).expect("the file is there");
            let stream = workbook_stream(&file).expect("it has a workbook");
            assert!(cells.contains(&rectangles(&stream)), "{name}: {}", rectangles(&stream));
        }
        assert!(is_bearable(b"no such thing"));
    }
}
