//! Builds workbooks for tests, record by record.

/// A record.
pub fn record(kind: u16, data: &[u8]) -> Vec<u8> {
    [&kind.to_le_bytes()[..], &(data.len() as u16).to_le_bytes(), data].concat()
}

/// Two-byte numbers.
pub fn words(words: &[u16]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_le_bytes()).collect()
}

pub fn wide(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

/// A text in two-byte letters, after its length in two bytes.
pub fn unicode(text: &str) -> Vec<u8> {
    [&(text.encode_utf16().count() as u16).to_le_bytes()[..], &[1], &wide(text)].concat()
}

/// The content of a test workbook.
#[derive(Default)]
pub struct BookFixture {
    /// True for Excel 5, false for Excel 97.
    pub old: bool,
    /// Records before the sheets.
    pub globals: Vec<Vec<u8>>,
    /// Name, type and records of each sheet.
    pub sheets: Vec<(&'static str, u8, Vec<Vec<u8>>)>,
}

impl BookFixture {
    pub fn of_one_sheet(globals: Vec<Vec<u8>>, sheet: Vec<Vec<u8>>) -> BookFixture {
        BookFixture { old: false, globals, sheets: vec![("Лист", 0, sheet)] }
    }

    pub fn stream(&self) -> Vec<u8> {
        let begin = |kind: u16| record(0x0809, &words(&[if self.old { 0x0500 } else { 0x0600 }, kind, 0, 0]));
        let end = record(0x000A, &[]);
        let name = |name: &str| match self.old {
            true => {
                let bytes = encoding_rs::WINDOWS_1251.encode(name).0;
                [&[bytes.len() as u8][..], &bytes].concat()
            }
            false => [&[name.encode_utf16().count() as u8, 1][..], &wide(name)].concat(),
        };
        let list = |places: &[u32]| -> Vec<u8> {
            let sheet = |((text, kind, _), at): (&(&str, u8, _), &u32)| {
                record(0x0085, &[&at.to_le_bytes()[..], &[0, *kind], &name(text)].concat())
            };
            self.sheets.iter().zip(places).flat_map(sheet).collect()
        };
        let head = [begin(5), self.globals.concat()].concat();
        let bodies: Vec<Vec<u8>> =
            self.sheets.iter().map(|(_, _, records)| [begin(0x10), records.concat(), end.clone()].concat()).collect();
        let mut at = head.len() + list(&vec![0; bodies.len()]).len() + end.len();
        let places: Vec<u32> = bodies
            .iter()
            .map(|body| {
                at += body.len();
                (at - body.len()) as u32
            })
            .collect();
        [head, list(&places), end, bodies.concat()].concat()
    }

    pub fn file(&self) -> Vec<u8> {
        container(if self.old { "Book" } else { "Workbook" }, &self.stream())
    }
}

/// A file with one stream: the allocation table, the directory, the stream.
pub fn container(name: &str, stream: &[u8]) -> Vec<u8> {
    const SECTOR: usize = 512;
    const END: u32 = 0xFFFF_FFFE;
    const FREE: u32 = 0xFFFF_FFFF;
    // Longer than a small stream, which would need small sectors.
    let mut stream = stream.to_vec();
    stream.resize(stream.len().max(4096).next_multiple_of(SECTOR), 0);
    let sectors = stream.len() / SECTOR;
    let tables = (sectors + 1).div_ceil(SECTOR / 4 - 1);
    let mut next: Vec<u32> = vec![0xFFFF_FFFD; tables];
    next.push(END);
    next.extend((0..sectors).map(|nth| if nth + 1 == sectors { END } else { (tables + 2 + nth) as u32 }));
    next.resize(tables * SECTOR / 4, FREE);
    let mut header = vec![0; SECTOR];
    header[..8].copy_from_slice(&[0xD0, 0xCF, 0x11, 0xE0, 0xA1, 0xB1, 0x1A, 0xE1]);
    let mut put = |at: usize, bytes: &[u8]| header[at..at + bytes.len()].copy_from_slice(bytes);
    put(24, &words(&[0x3E, 3, 0xFFFE, 9, 6]));
    put(44, &(tables as u32).to_le_bytes());
    put(48, &(tables as u32).to_le_bytes());
    put(56, &4096_u32.to_le_bytes());
    put(60, &END.to_le_bytes());
    put(68, &END.to_le_bytes());
    for nth in 0..109 {
        put(76 + nth * 4, &(if nth < tables { nth as u32 } else { FREE }).to_le_bytes());
    }
    let entry = |name: &str, kind: u8, child: u32, start: u32, length: usize| {
        let mut entry = vec![0; 128];
        entry[..name.len() * 2].copy_from_slice(&wide(name));
        entry[64..66].copy_from_slice(&((name.len() as u16 + 1) * 2).to_le_bytes());
        entry[66..68].copy_from_slice(&[kind, 1]);
        entry[68..76].fill(0xFF);
        entry[76..80].copy_from_slice(&child.to_le_bytes());
        entry[116..120].copy_from_slice(&start.to_le_bytes());
        entry[120..124].copy_from_slice(&(length as u32).to_le_bytes());
        entry
    };
    let stream_at = tables as u32 + 1;
    let mut directory = [entry("Root Entry", 5, 1, END, 0), entry(name, 2, FREE, stream_at, stream.len())].concat();
    directory.resize(SECTOR, 0);
    let table: Vec<u8> = next.iter().flat_map(|sector| sector.to_le_bytes()).collect();
    [header, table, directory, stream].concat()
}
