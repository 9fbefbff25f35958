//! The container of an old workbook (compound file): sectors, chains of sectors and a directory. No chain is followed
//! further than the length of the file, and every number is checked against it.
//!
//! The layout is [MS-CFB].

use crate::file::bytes::{push_utf16, u8_at, u16_at, u32_at, u64_at, utf16_units};
use crate::file::error::WorkbookError;

/// Sector numbers from here on are markers: free, end of a chain, and so on.
const SPECIAL_SECTORS_FROM: u32 = 0xFFFF_FFFA;
const SMALL_SECTOR_BYTES: usize = 64;
const HEADER_BYTES: usize = 512;

const TRUNCATED: &str = "its end is missing";
const CYCLE: &str = "its file table contains a loop";
const BROKEN: &str = "its file table is broken";

struct CompoundFile<'a> {
    file: &'a [u8],
    sector_bytes: usize,
    /// The next sector of each sector (file allocation table).
    fat: Vec<u32>,
    entries: Vec<DirectoryEntry>,
}

struct DirectoryEntry {
    name: String,
    before: u32,
    after: u32,
    child: u32,
    start: u32,
    length: u64,
}

/// The stream with the records of a workbook.
pub fn read_workbook_stream(file: &[u8]) -> Result<Vec<u8>, WorkbookError> {
    let compound = CompoundFile::read(file)?;
    let root_entries = compound.root_entries();
    let among = |names: &[&str], places: &[usize]| {
        names.iter().find_map(|name| {
            let named = |place: &&usize| compound.entries[**place].name.eq_ignore_ascii_case(name);
            places.iter().find(named).map(|place| &compound.entries[*place])
        })
    };
    // `Book` is its name before Excel 97; a file for both versions has both.
    let names = ["Workbook", "Book"];
    if let Some(entry) = among(&names, &root_entries) {
        return compound.read_stream(entry);
    }
    let anywhere: Vec<usize> = (0..compound.entries.len()).collect();
    if among(&["EncryptedPackage"], &anywhere).is_some() {
        return Err(WorkbookError::Encrypted);
    }
    // A workbook embedded in a document or presentation does not count.
    let of_others = ["WordDocument", "PowerPoint Document", "VisioDocument", "__properties_version1.0"];
    match among(&names, &anywhere) {
        Some(entry) if among(&of_others, &root_entries).is_none() => compound.read_stream(entry),
        _ => Err(WorkbookError::NoWorkbook),
    }
}

impl<'a> CompoundFile<'a> {
    fn read(file: &'a [u8]) -> Result<CompoundFile<'a>, WorkbookError> {
        const SIGNATURE: [u8; 8] = [0xD0, 0xCF, 0x11, 0xE0, 0xA1, 0xB1, 0x1A, 0xE1];
        if file.len() < HEADER_BYTES {
            return Err(WorkbookError::damaged(TRUNCATED));
        }
        let sector_bytes = match (u16_at(file, 30), u16_at(file, 32)) {
            (Some(shift @ (9 | 12)), Some(6)) if file.starts_with(&SIGNATURE) => 1 << shift,
            _ => return Err(WorkbookError::damaged("its first bytes are invalid")),
        };
        let mut compound = CompoundFile { file, sector_bytes, fat: Vec::new(), entries: Vec::new() };
        compound.read_fat()?;
        let first = u32_at(file, 48).unwrap_or(SPECIAL_SECTORS_FROM);
        let directory = compound.read_chain(first, usize::MAX)?;
        compound.read_entries(&directory);
        if compound.entries.is_empty() {
            return Err(WorkbookError::damaged(BROKEN));
        }
        Ok(compound)
    }

    /// The number of sectors in the file; the last one can be truncated.
    fn sectors(&self) -> usize {
        self.file.len().saturating_sub(self.sector_bytes).div_ceil(self.sector_bytes)
    }

    /// Reads the file allocation table.
    fn read_fat(&mut self) -> Result<(), WorkbookError> {
        const IN_HEADER: usize = 109;
        let mut tables: Vec<u32> = (0..IN_HEADER).filter_map(|nth| u32_at(self.file, 76 + nth * 4)).collect();
        let mut more = u32_at(self.file, 68).unwrap_or(SPECIAL_SECTORS_FROM);
        let mut passed = 0;
        while more < SPECIAL_SECTORS_FROM {
            passed += 1;
            if passed > self.sectors() {
                return Err(WorkbookError::damaged(CYCLE));
            }
            let list = self.sector(more)?;
            let (list, link) = list.split_at(list.len().saturating_sub(4));
            tables.extend(list.chunks_exact(4).filter_map(|four| u32_at(four, 0)));
            more = u32_at(link, 0).ok_or_else(|| WorkbookError::damaged(TRUNCATED))?;
        }
        let fat_sectors = u32_at(self.file, 44).map_or(0, |count| count as usize);
        for (nth, table) in tables.into_iter().enumerate().filter(|(_, table)| *table < SPECIAL_SECTORS_FROM) {
            if self.fat.len() >= self.sectors() {
                break;
            }
            match self.sector(table) {
                Ok(sector) => self.fat.extend(sector.chunks_exact(4).filter_map(|four| u32_at(four, 0))),
                // After the last sector any content can follow.
                Err(_) if nth >= fat_sectors => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn read_entries(&mut self, directory: &[u8]) {
        const ENTRY_BYTES: usize = 128;
        for entry in directory.chunks_exact(ENTRY_BYTES) {
            let number = |at| u32_at(entry, at).unwrap_or(u32::MAX);
            let mut name = String::new();
            push_utf16(utf16_units(&entry[..64]).take_while(|unit| *unit != 0), &mut name);
            // In the older version only the low half of the length counts.
            let length = match self.sector_bytes {
                HEADER_BYTES => number(120).into(),
                _ => u64_at(entry, 120).unwrap_or(u64::MAX),
            };
            let (before, after, child, start) = (number(68), number(72), number(76), number(116));
            // An unused entry has no name, but keeps its number.
            if u8_at(entry, 66) == Some(0) {
                name.clear();
            }
            self.entries.push(DirectoryEntry { name, before, after, child, start, length });
        }
    }

    /// The entries at the top level.
    fn root_entries(&self) -> Vec<usize> {
        let mut found = Vec::new();
        let mut seen = vec![false; self.entries.len()];
        let mut pending: Vec<u32> = self.entries.first().map(|root| root.child).into_iter().collect();
        while let Some(place) = pending.pop() {
            let place = place as usize;
            let Some(entry) = self.entries.get(place) else { continue };
            if !std::mem::replace(&mut seen[place], true) {
                found.push(place);
                pending.extend([entry.before, entry.after]);
            }
        }
        found
    }

    fn sector(&self, number: u32) -> Result<&'a [u8], WorkbookError> {
        let start = (number as usize + 1).checked_mul(self.sector_bytes);
        let sector = start.and_then(|start| {
            let end = start.checked_add(self.sector_bytes)?.min(self.file.len());
            self.file.get(start..end)
        });
        sector.filter(|sector| !sector.is_empty()).ok_or_else(|| WorkbookError::damaged(TRUNCATED))
    }

    /// The bytes of a chain of sectors, up to the wanted length.
    fn read_chain(&self, start: u32, wanted: usize) -> Result<Vec<u8>, WorkbookError> {
        let mut bytes = Vec::new();
        let mut at = start;
        while at < SPECIAL_SECTORS_FROM && bytes.len() < wanted {
            bytes.extend_from_slice(self.sector(at)?);
            if bytes.len() > self.file.len() {
                return Err(WorkbookError::damaged(CYCLE));
            }
            at = *self.fat.get(at as usize).ok_or_else(|| WorkbookError::damaged(BROKEN))?;
        }
        bytes.truncate(wanted);
        Ok(bytes)
    }

    fn read_stream(&self, entry: &DirectoryEntry) -> Result<Vec<u8>, WorkbookError> {
        let small_below = u64::from(u32_at(self.file, 56).unwrap_or(0));
        let wanted = usize::try_from(entry.length).unwrap_or(usize::MAX);
        if entry.length >= small_below {
            return self.read_chain(entry.start, wanted);
        }
        // Small streams have small sectors inside the root stream.
        let within =
            self.read_chain(self.entries.first().map_or(SPECIAL_SECTORS_FROM, |root| root.start), usize::MAX)?;
        let table = self.read_chain(u32_at(self.file, 60).unwrap_or(SPECIAL_SECTORS_FROM), usize::MAX)?;
        let mut bytes = Vec::new();
        let mut at = entry.start;
        while at < SPECIAL_SECTORS_FROM && bytes.len() < wanted {
            let from = at as usize * SMALL_SECTOR_BYTES;
            let sector = within.get(from..(from + SMALL_SECTOR_BYTES).min(within.len()));
            let sector = sector.filter(|sector| !sector.is_empty()).ok_or_else(|| WorkbookError::damaged(TRUNCATED))?;
            bytes.extend_from_slice(sector);
            if bytes.len() > within.len() {
                return Err(WorkbookError::damaged(CYCLE));
            }
            at = u32_at(&table, at as usize * 4).ok_or_else(|| WorkbookError::damaged(BROKEN))?;
        }
        bytes.truncate(wanted);
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str) -> Vec<u8> {
        let path = format!("{}/tests/files/calamine/{name}", env!("CARGO_MANIFEST_DIR"));
        std::fs::read(path).expect("the file is there")
    }

    fn detail(file: &[u8]) -> String {
        match read_workbook_stream(file) {
            Ok(stream) => format!("{} bytes", stream.len()),
            Err(WorkbookError::Damaged(detail)) => detail,
            Err(WorkbookError::Encrypted) => "encrypted".into(),
            Err(WorkbookError::NoWorkbook) => "no workbook".into(),
            Err(_) => "other".into(),
        }
    }

    #[test]
    fn the_stream_is_found() {
        let stream = read_workbook_stream(&file("any_sheets.xls")).ok().expect("it has a workbook");
        assert_eq!(stream[..4], [0x09, 0x08, 0x10, 0x00]);
        assert_eq!(detail(&file("pass_protected.xlsx")), "encrypted");
        assert_eq!(detail(&file("OOM_alloc3.xls")), TRUNCATED);
    }

    /// A file with a small stream: both allocation tables, the directory and the small sectors, where the second
    /// sector of the stream comes before the first.
    fn with_small_stream() -> Vec<u8> {
        let mut file = super::super::fixtures::container("Workbook", &[]);
        file.truncate(5 * 512);
        let mut put = |at: usize, number: u32| file[at..at + 4].copy_from_slice(&number.to_le_bytes());
        // The root stream is in sector 2, the table of small sectors in sector 3.
        put(60, 3);
        put(64, 1);
        (0..128).for_each(|nth| put(512 + nth * 4, if nth == 0 { 0xFFFF_FFFD } else { 0xFFFF_FFFE }));
        put(1_024 + 116, 2);
        put(1_024 + 120, 192);
        put(1_024 + 128 + 116, 2);
        put(1_024 + 128 + 120, 100);
        (0..128).for_each(|nth| put(2_048 + nth * 4, if nth == 2 { 1 } else { 0xFFFF_FFFE }));
        file[1_536 + 128..1_536 + 192].fill(b'a');
        file[1_536 + 64..1_536 + 128].fill(b'b');
        file
    }

    #[test]
    fn a_small_stream_is_read_from_its_own_sectors() {
        let file = with_small_stream();
        let expected = [vec![b'a'; 64], vec![b'b'; 36]].concat();
        assert_eq!(read_workbook_stream(&file).ok(), Some(expected));
        let mut circle = file.clone();
        circle[2_048 + 4..2_048 + 8].copy_from_slice(&2_u32.to_le_bytes());
        circle[1_024 + 128 + 120..1_024 + 128 + 124].copy_from_slice(&4_000_u32.to_le_bytes());
        assert_eq!(detail(&circle), CYCLE);
        let mut astray = file;
        astray[1_024 + 128 + 116..1_024 + 128 + 120].copy_from_slice(&50_u32.to_le_bytes());
        assert_eq!(detail(&astray), TRUNCATED);
    }

    #[test]
    fn cycles_end() {
        let whole = file("date.xls");
        let sector = |number: u32| (number as usize + 1) * 512;
        let table = sector(u32_at(&whole, 76).expect("it has one"));
        let mut zeroed = whole.clone();
        zeroed[table..table + 512].fill(0);
        assert_eq!(detail(&zeroed), CYCLE);
        let mut listed = whole.clone();
        listed[68..72].copy_from_slice(&3_u32.to_le_bytes());
        listed[sector(3)..sector(4)].fill(0);
        listed[sector(4) - 4..sector(4)].copy_from_slice(&3_u32.to_le_bytes());
        assert_eq!(detail(&listed), CYCLE);
        assert_eq!(detail(&whole[..400]), TRUNCATED);
        assert_eq!(detail(&[0; 600]), "its first bytes are invalid");
    }
}
