//! Builds workbooks for tests, record by record.

use std::io::{Cursor, Write};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

/// A record; types from 128 on take two bytes.
pub fn record(kind: u16, data: &[u8]) -> Vec<u8> {
    let mut bytes = match kind {
        ..128 => vec![kind as u8],
        _ => vec![kind as u8 | 0x80, (kind >> 7) as u8],
    };
    let mut length = data.len();
    while length >= 0x80 {
        bytes.push(length as u8 | 0x80);
        length >>= 7;
    }
    bytes.push(length as u8);
    [bytes, data.to_vec()].concat()
}

pub fn numbers(numbers: &[u32]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_le_bytes()).collect()
}

pub fn text(text: &str) -> Vec<u8> {
    let letters: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    [numbers(&[text.encode_utf16().count() as u32]), letters].concat()
}

/// A cell at a column with a style.
pub fn cell(kind: u16, column: u32, style: u32, data: &[u8]) -> Vec<u8> {
    record(kind, &[numbers(&[column, style]), data.to_vec()].concat())
}

pub fn row(row: u32, flags: u8) -> Vec<u8> {
    record(0, &[&numbers(&[row, 0])[..], &[0, 0, 0, flags, 0], &numbers(&[0])].concat())
}

/// A sheet: its rows of cells and the records after them.
pub fn sheet(cells: &[Vec<u8>], after: &[Vec<u8>]) -> Vec<u8> {
    let parts =
        [record(129, &[]), record(145, &[]), cells.concat(), record(146, &[]), after.concat(), record(130, &[])];
    parts.concat()
}

/// The names, states and relationship ids of the sheets.
pub fn workbook(sheets: &[(&str, u32, &str)], flags: u32) -> Vec<u8> {
    let sheets =
        sheets.iter().map(|(name, state, id)| record(156, &[numbers(&[*state, 1]), text(id), text(name)].concat()));
    let sheets: Vec<u8> = sheets.flatten().collect();
    let parts = [record(131, &[]), record(153, &numbers(&[flags, 0])), record(143, &[]), sheets, record(144, &[])];
    parts.concat()
}

pub fn styles(formats: &[(u16, &str)], styles: &[u16]) -> Vec<u8> {
    let format = |(id, code): &(u16, &str)| record(44, &[id.to_le_bytes().to_vec(), text(code)].concat());
    let style = |format: &u16| record(47, &[&[0, 0][..], &format.to_le_bytes(), &[0; 12]].concat());
    let of_styles = [record(626, &numbers(&[1])), style(&14), record(627, &[])].concat();
    let parts = [
        formats.iter().flat_map(format).collect(),
        of_styles,
        record(617, &numbers(&[styles.len() as u32])),
        styles.iter().flat_map(style).collect(),
        record(618, &[]),
    ];
    parts.concat()
}

pub fn shared(texts: &[&str]) -> Vec<u8> {
    let items: Vec<u8> = texts.iter().flat_map(|one| record(19, &[vec![0], text(one)].concat())).collect();
    // The counts are wrong on purpose; readers ignore them.
    [record(159, &numbers(&[u32::MAX, u32::MAX])), items, record(160, &[])].concat()
}

pub fn relations(all: &[(&str, &str, &str)]) -> Vec<u8> {
    let one = |(id, kind, target): &(&str, &str, &str)| {
        let mode = if target.contains("://") { " TargetMode=\"External\"" } else { "" };
        format!("<Relationship Id=\"{id}\" Type=\"http://x/relationships/{kind}\" Target=\"{target}\"{mode}/>")
    };
    format!("<Relationships>{}</Relationships>", all.iter().map(one).collect::<String>()).into_bytes()
}

pub fn zipped(parts: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in parts {
        zip.start_file(*name, SimpleFileOptions::default()).expect("a part begins");
        zip.write_all(content).expect("a part is written");
    }
    zip.finish().expect("the end is written").into_inner()
}

/// A workbook with one sheet, `Лист`.
pub fn of_one_sheet(sheet: Vec<u8>) -> Vec<u8> {
    zipped(&[
        ("xl/workbook.bin", workbook(&[("Лист", 0, "rId1")], 0)),
        ("xl/_rels/workbook.bin.rels", relations(&[("rId1", "worksheet", "worksheets/sheet1.bin")])),
        ("xl/styles.bin", styles(&[(164, "00000")], &[0, 164, 14, 10])),
        ("xl/sharedStrings.bin", shared(&["a", "Сумма"])),
        ("xl/worksheets/sheet1.bin", sheet),
    ])
}
