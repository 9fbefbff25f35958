//! Compares binary workbooks with another reader, and damages workbooks to check time limits and errors; and tests of
//! all formats except .xlsx. `AMOPORT_DAMAGED` sets how many are damaged; each one depends only on its number.

use crate::cell::value::{self, CellValue};
use crate::file::error::WorkbookError;
use crate::file::input::SourceFile;
use crate::file::layout::{FileFormat, ReadOptions};
use crate::row::Row;
use crate::workbook::book::Workbook;
use crate::workbook::ooxml::xlsb::fixtures as xlsb;
use crate::workbook::rows;
use crate::workbook::sheet::metadata::Area;
use crate::workbook::xls::fixtures as xls;
use calamine::Reader;
use std::io::Cursor;
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::{Duration, Instant};

fn files(ending: &str) -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/files/calamine");
    let names = std::fs::read_dir(folder).expect("a folder").flatten().map(|entry| entry.path());
    let mut files: Vec<_> = names
        .filter(|path| path.extension().is_some_and(|e| e == ending))
        .map(|path| (path.display().to_string(), std::fs::read(&path).expect("the file is there")))
        .collect();
    files.sort();
    files
}

fn cell(row: u32, column: u32, value: CellValue<'_>) -> Option<String> {
    let mut text = String::new();
    value::write(value, false, &mut text);
    (!text.is_empty()).then(|| format!("{row} {column} {text}"))
}

/// All cells of all sheets, or the error.
fn ours(file: &[u8], format: FileFormat) -> Result<Vec<String>, WorkbookError> {
    let mut book = Workbook::open(SourceFile::memory(file.to_vec()), format)?;
    let sheets: Vec<String> = book.sheets.iter().filter(|s| s.is_worksheet).map(|s| s.name.clone()).collect();
    let mut cells = Vec::new();
    for sheet in sheets {
        book.metadata(&sheet, true)?;
        book.visit_cells(&sheet, &mut |found| {
            cells.extend(cell(found.row, found.column, found.value));
            ControlFlow::Continue(())
        })?;
    }
    Ok(cells)
}

fn theirs<B: Reader<Cursor<Vec<u8>>>>(file: Vec<u8>) -> Option<Vec<String>> {
    let mut book = B::new(Cursor::new(file)).ok()?;
    let names = book.sheets_metadata().to_vec();
    let mut cells = Vec::new();
    for sheet in names.iter().filter(|sheet| sheet.typ == calamine::SheetType::WorkSheet) {
        let range = book.worksheet_range(&sheet.name).ok()?;
        let (top, left) = range.start().unwrap_or((0, 0));
        for (row, column, value) in range.used_cells() {
            cells.extend(cell(top + row as u32, left + column as u32, CellValue::from(value)));
        }
    }
    Some(cells)
}

#[test]
fn honest_workbooks_read_as_another_reader_reads_them() {
    let mut compared = 0;
    for (name, file) in files("xls") {
        if let Some(theirs) = theirs::<calamine::Xls<_>>(file.clone()) {
            assert_eq!(ours(&file, FileFormat::Xls).ok(), Some(theirs), "{name}");
            compared += 1;
        }
    }
    for (name, file) in files("xlsb") {
        if let Some(theirs) = theirs::<calamine::Xlsb<_>>(file.clone()) {
            assert_eq!(ours(&file, FileFormat::Xlsb).ok(), Some(theirs), "{name}");
            compared += 1;
        }
    }
    assert!(compared >= 6, "{compared}");
}

#[test]
fn the_same_sheet_of_another_writer_reads_the_same_from_both_kinds() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/files/made");
    let mut read = Vec::new();
    for (name, format) in [("sheetjs.xls", FileFormat::Xls), ("sheetjs.xlsb", FileFormat::Xlsb)] {
        let file = std::fs::read(folder.join(name)).expect("the file is there");
        let mut book = Workbook::open(SourceFile::memory(file.clone()), format).ok().expect("it opens");
        let sheets: Vec<_> = book.sheets.iter().map(|sheet| (sheet.name.as_str(), sheet.visible)).collect();
        assert_eq!(sheets, [("Данные", true), ("Скрытый", false)]);
        let metadata = book.metadata("Данные", true).ok().expect("it can be read");
        assert_eq!(metadata.merged, [Area { top: 1, left: 0, bottom: 2, right: 0 }], "{name}");
        assert_eq!(metadata.links.get(&(1, 5)).map(String::as_str), Some("https://example.com/?a=1&b=2"), "{name}");
        // The writer stores hidden rows in the newer format only.
        assert_eq!(metadata.is_hidden(2), format == FileFormat::Xlsb);
        read.push(ours(&file, format).ok().expect("it can be read"));
    }
    assert_eq!(read[0], read[1]);
    for cell in [
        "1 1 0274123456",
        "2 1 З-0005",
        "1 2 15.5%",
        "1 3 2026-03-04",
        "2 4 false",
        "3 0 z\0nul",
        "1 6 #N/A",
        "3 6 итог",
    ] {
        assert!(read[0].iter().any(|read| read == cell), "{cell} is not in {:?}", read[0]);
    }
}

/// An .ods with one sheet of these rows.
fn ods_of(rows: &str) -> Vec<u8> {
    let content = format!(
        "<office:document-content><office:body><office:spreadsheet><table:table table:name=\"Лист\">{rows}</table:table>\
         </office:spreadsheet></office:body></office:document-content>"
    );
    xlsb::zipped(&[("content.xml", content.into_bytes())])
}

#[test]
fn rows_of_nothing_but_formulas_are_seen_in_every_kind() {
    // The header, a row with a formula beside a number, a row of formulas with every kind of result.
    let label = |row: u16| xls::record(0x0204, &[xls::words(&[row, 0, 0]), xls::unicode("a")].concat());
    let formula = |row: u16, column: u16, result: [u8; 8]| {
        xls::record(0x0006, &[&xls::words(&[row, column, 0])[..], &result, &[0; 8]].concat())
    };
    let number = 5.0_f64.to_le_bytes();
    let sheet = vec![
        label(0),
        label(1),
        formula(1, 1, number),
        formula(2, 0, number),
        formula(2, 1, [0, 0, 0, 0, 0, 0, 0xFF, 0xFF]),
        xls::record(0x0207, &xls::unicode("итог")),
        formula(2, 2, [1, 0, 1, 0, 0, 0, 0xFF, 0xFF]),
        formula(2, 3, [2, 0, 7, 0, 0, 0, 0xFF, 0xFF]),
    ];
    let old = xls::BookFixture::of_one_sheet(Vec::new(), sheet).file();
    let cells = [
        xlsb::row(0, 0),
        xlsb::cell(6, 0, 0, &xlsb::text("a")),
        xlsb::row(1, 0),
        xlsb::cell(6, 0, 0, &xlsb::text("a")),
        xlsb::cell(9, 1, 0, &number),
        xlsb::row(2, 0),
        xlsb::cell(8, 0, 0, &xlsb::text("итог")),
        xlsb::cell(9, 1, 0, &number),
        xlsb::cell(10, 2, 0, &[1]),
        xlsb::cell(11, 3, 0, &[7]),
    ];
    let binary = xlsb::of_one_sheet(xlsb::sheet(&cells, &[]));
    let text = "<table:table-cell office:value-type='string'><text:p>a</text:p></table:table-cell>";
    let formula = "<table:table-cell table:formula='of:=1+1' office:value-type='float' office:value='2'/>";
    let row = |cells: &str| format!("<table:table-row>{cells}</table:table-row>");
    let open = ods_of(&[row(text), row(&format!("{text}{formula}")), row(&formula.repeat(2))].concat());
    let options = ReadOptions { header_row: Some(1), ..ReadOptions::default() };
    for (file, format) in [(old, FileFormat::Xls), (binary, FileFormat::Xlsb), (open, FileFormat::Ods)] {
        let opened = rows::open(Path::new("a"), SourceFile::memory(file), format, &options);
        let (mut sheet, _) = opened.expect("it opens");
        let (mut row, mut seen) = (Row::default(), Vec::new());
        while sheet.read(&mut row).expect("it can be read") {
            seen.push((row.number, row.all_formulas));
        }
        assert_eq!(seen, [(1, false), (2, false), (3, true)], "{format:?}");
    }
}

/// Pseudo-random numbers from a seed.
struct Random(u64);

impl Random {
    fn below(&mut self, sides: usize) -> usize {
        // [Marsaglia, xorshift64*]
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) as usize % sides.max(1)
    }

    /// Damages the bytes as happens to files.
    fn damage(&mut self, bytes: &mut Vec<u8>) {
        let length = bytes.len();
        let at = self.below(length);
        let stretch = at..(at + 1 + self.below(length / 2)).min(length);
        match self.below(7) {
            0 => bytes.truncate(at),
            1 => bytes[stretch].fill(0),
            2 => bytes[stretch].fill(0xFF),
            3 => bytes[at..].fill(0),
            4 => {
                for _ in 0..=self.below(8) {
                    let at = self.below(length);
                    bytes[at] = self.below(256) as u8;
                }
            }
            5 => {
                // A number that points elsewhere: a sector, a length.
                let at = at / 4 * 4;
                let small = (self.below(64) as u32).to_le_bytes();
                bytes.iter_mut().skip(at).zip(small).for_each(|(byte, new)| *byte = new);
            }
            _ => {
                let copy = bytes[stretch].to_vec();
                let to = self.below(length - copy.len() + 1);
                bytes[to..to + copy.len()].copy_from_slice(&copy);
            }
        }
    }
}

/// Workbooks to damage: real ones, and generated ones with every type of cell.
fn damage_samples() -> Vec<(FileFormat, Vec<u8>)> {
    let label = |row: u16, column: u16| {
        let text = xls::unicode(&format!("текст {row}"));
        xls::record(0x0204, &[xls::words(&[row, column, 0]), text].concat())
    };
    let shared: Vec<u8> = (0..500).flat_map(|n| xls::unicode(&format!("Общий {n}"))).collect();
    let (first, rest) = shared.split_at(4_000);
    let globals = vec![
        xls::record(0x00FC, &[&[0, 2, 0, 0, 0xF4, 1, 0, 0], first].concat()),
        xls::record(0x003C, &[&[1], rest].concat()),
    ];
    let named = |row: u16| xls::record(0x00FD, &[xls::words(&[row, 2, 0, row % 500]), vec![0; 2]].concat());
    let number = |row: u16| xls::record(0x00BD, &xls::words(&[row, 3, 0, 6, 0, 0, 6, 0, 4]));
    let formula = |row: u16| {
        let formula = [xls::words(&[row, 5, 0]), vec![0, 0, 0, 0, 0, 0, 0xFF, 0xFF], vec![0; 8]].concat();
        [xls::record(0x0006, &formula), xls::record(0x0207, &xls::unicode("итог"))].concat()
    };
    let rows = (0..2_000_u16).map(|row| [label(row, 0), named(row), number(row), formula(row)].concat()).collect();
    let mut damage_samples = vec![(FileFormat::Xls, xls::BookFixture::of_one_sheet(globals, rows).file())];
    for (format, ending) in [(FileFormat::Xls, "xls"), (FileFormat::Xlsb, "xlsb")] {
        damage_samples.extend(files(ending).into_iter().map(|(_, file)| (format, file)));
    }
    damage_samples
}

/// An .xlsb with damage inside its parts.
fn damaged_within(random: &mut Random) -> Vec<u8> {
    let row = |row: u32| {
        let shared = xlsb::cell(7, 0, 0, &xlsb::numbers(&[row % 2]));
        [xlsb::row(row, 0), shared, xlsb::cell(6, 1, 1, &xlsb::text("текст")), xlsb::cell(2, 2, 2, &[6; 4])].concat()
    };
    let rows: Vec<Vec<u8>> = (0..1_000).map(row).collect();
    let sheet = xlsb::sheet(&rows, &[xlsb::record(176, &xlsb::numbers(&[0, 1, 0, 1]))]);
    let mut parts = [
        ("xl/workbook.bin", xlsb::workbook(&[("Лист", 0, "rId1")], 0)),
        ("xl/_rels/workbook.bin.rels", xlsb::relations(&[("rId1", "worksheet", "worksheets/sheet1.bin")])),
        ("xl/styles.bin", xlsb::styles(&[(164, "00000")], &[0, 164, 14, 10])),
        ("xl/sharedStrings.bin", xlsb::shared(&["a", "Сумма"])),
        ("xl/worksheets/sheet1.bin", sheet),
    ];
    let part = random.below(parts.len());
    random.damage(&mut parts[part].1);
    xlsb::zipped(&parts)
}

#[test]
fn damaged_workbooks_end_soon_and_in_words() {
    const DAMAGED: u64 = 400;
    /// Ten times what the slowest takes in an unoptimised build.
    const SOON: Duration = Duration::from_secs(5);
    let count = std::env::var("AMOPORT_DAMAGED").ok().and_then(|n| n.parse().ok()).unwrap_or(DAMAGED);
    let damage_samples = damage_samples();
    let (mut slowest, mut refused) = ((Duration::ZERO, 0), 0);
    for number in 1..=count {
        let mut random = Random(number.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        let (format, file) = match random.below(4) {
            0 => (FileFormat::Xlsb, damaged_within(&mut random)),
            _ => {
                let (format, mut file) = damage_samples[random.below(damage_samples.len())].clone();
                (0..=random.below(3)).for_each(|_| {
                    if !file.is_empty() {
                        random.damage(&mut file);
                    }
                });
                (format, file)
            }
        };
        let began = Instant::now();
        let read = catch_unwind(AssertUnwindSafe(|| ours(&file, format)));
        slowest = slowest.max((began.elapsed(), number));
        let read = read.unwrap_or_else(|_| panic!("number {number} ends in a panic"));
        refused += u64::from(read.is_err());
    }
    println!("{count} damaged, {refused} refused, the slowest is number {} with {:?}", slowest.1, slowest.0);
    assert!(slowest.0 < SOON, "number {} takes {:?}", slowest.1, slowest.0);
    assert!(refused * 4 > count, "{refused} of {count} are refused");
}
