//! Tests with generated workbooks.

use super::fixtures::*;
use super::*;
use crate::cell::{Scalar, value};
use crate::workbook::sheet::CELL_OUT_OF_BOUNDS;
use crate::workbook::sheet::metadata::Area;
use std::path::Path;

fn detail(error: WorkbookError) -> String {
    error.into_problem(Path::new("a.xlsb"), Some("Лист")).message.to_string()
}

fn read(file: Vec<u8>) -> Result<Vec<String>, String> {
    let mut book = XlsbBook::open(&SourceFile::memory(file)).map_err(detail)?;
    let name = book.sheets().into_iter().find(|sheet| sheet.is_worksheet).map(|sheet| sheet.name).unwrap_or_default();
    let epoch = book.epoch_1904();
    let mut cells = Vec::new();
    let mut take = |found: RawCell<'_>| {
        let mut text = String::new();
        let error = match value::write(found.value, epoch, &mut text) {
            Scalar::Error => "error ",
            _ => "",
        };
        cells.push(format!("{} {} {error}{text}", found.row, found.column));
        ControlFlow::Continue(())
    };
    book.visit_cells(&name, &mut take).map_err(detail)?;
    Ok(cells)
}

#[test]
fn each_kind_of_record_gives_its_cell() {
    let number = |number: f64| number.to_le_bytes();
    let short = |kind: u16, data: &[u8]| record(kind, &[&[1, 0, 0, 0][..], data].concat());
    let formula = |data: &[u8]| [data, &[0; 10]].concat();
    let cells = [
        row(0, 0),
        cell(7, 0, 0, &numbers(&[1])),
        cell(6, 1, 0, &text("ё\0ж")),
        cell(62, 2, 0, &[vec![0], text("rich")].concat()),
        row(1, 0),
        cell(5, 0, 0, &number(12.5)),
        cell(5, 1, 1, &number(42.0)),
        cell(2, 2, 2, &numbers(&[(45_721 << 2) | 2])),
        cell(5, 3, 3, &number(0.155)),
        cell(3, 4, 0, &[0x2A]),
        cell(4, 5, 0, &[1]),
        row(2, 0),
        cell(8, 0, 0, &formula(&text("итог"))),
        cell(9, 1, 1, &formula(&number(7.0))),
        cell(10, 2, 0, &formula(&[0])),
        cell(11, 3, 0, &formula(&[0x07])),
        cell(1, 4, 0, &[]),
        cell(11, 5, 0, &formula(&[0x63])),
        row(3, 0),
        cell(4, 3, 0, &[0]),
        short(12, &[]),
        short(13, &numbers(&[6])),
        short(14, &[0x17]),
        short(15, &[1]),
        short(16, &number(5.0)),
        short(17, &text("x")),
        short(18, &numbers(&[0])),
        // Records of a future version, with content that looks like a cell.
        record(35, &numbers(&[0])),
        cell(6, 30, 0, &text("no")),
        record(36, &[]),
        record(4_000, &[1, 2, 3]),
    ];
    assert_eq!(
        read(of_one_sheet(sheet(&cells, &[]))).expect("it can be read"),
        [
            "0 0 Сумма",
            "0 1 ё\0ж",
            "0 2 rich",
            "1 0 12.5",
            "1 1 00042",
            "1 2 2025-03-05",
            "1 3 15.5%",
            "1 4 error #N/A",
            "1 5 true",
            "2 0 итог",
            "2 1 00007",
            "2 2 false",
            "2 3 error #DIV/0!",
            "2 5 error #ERROR!",
            "3 3 false",
            "3 5 00001",
            "3 6 error #REF!",
            "3 7 true",
            "3 8 00005",
            "3 9 x",
            "3 10 a"
        ]
    );
}

#[test]
fn hidden_rows_merged_cells_links_and_totals_are_known() {
    let truth = || cell(4, 0, 0, &[1]);
    let cells = [
        row(0, 0),
        truth(),
        row(4, 0x10),
        cell(1, 0, 1, &[]),
        record(12, &[1, 0, 0, 0]),
        record(16, &[&[1, 0, 0, 0][..], &[0; 8]].concat()),
        truth(),
        row(5, 0x12),
        truth(),
        row(6, 0x07),
        truth(),
        row(8, 0x10),
        row(9, 0x10),
        // Cells with a format only.
        cell(1, 0, 1, &[]),
        record(12, &[1, 0, 0, 0]),
        row(10, 0),
        truth(),
    ];
    let after = [
        record(176, &numbers(&[1, 3, 0, 0])),
        record(176, &numbers(&[3, 1, 0, 0])),
        record(494, &[numbers(&[2, 2, 1, 1]), text("rId7"), text(""), text(""), text("")].concat()),
        record(494, &[numbers(&[3, 3, 1, 1]), text(""), text("Лист!A1"), text(""), text("")].concat()),
    ];
    let table = record(343, &[numbers(&[0, 8, 0, 1, 0, 1, 1, 1]), vec![0; 20]].concat());
    let file = zipped(&[
        ("xl\\workbook.bin", workbook(&[("Лист", 0, "rId1"), ("Макрос", 0, "rId2"), ("Скрытый", 2, "rId3")], 1)),
        (
            "xl\\_rels\\workbook.bin.rels",
            relations(&[
                ("rId1", "worksheet", "/xl/worksheets/Sheet1.bin"),
                ("rId2", "xlMacrosheet", "macrosheets/sheet1.bin"),
                ("rId3", "worksheet", "worksheets/sheet2.bin"),
            ]),
        ),
        ("xl\\worksheets\\sheet1.bin", sheet(&cells, &after)),
        (
            "xl\\worksheets\\_rels\\sheet1.bin.rels",
            relations(&[
                ("rId7", "hyperlink", "http://example.com/?a&amp;b"),
                ("rId8", "table", "../tables/table1.bin"),
            ]),
        ),
        ("xl\\tables\\table1.bin", table),
    ]);
    let mut book = XlsbBook::open(&SourceFile::memory(file)).ok().expect("it opens");
    assert!(book.epoch_1904());
    let sheets: Vec<_> =
        book.sheets().into_iter().map(|sheet| (sheet.name, sheet.visible, sheet.is_worksheet)).collect();
    assert_eq!(sheets, [("Лист".into(), true, true), ("Макрос".into(), true, false), ("Скрытый".into(), false, true)]);
    let metadata = book.metadata("Лист", true).ok().expect("it can be read");
    assert_eq!(metadata.hidden, [(4, 5)]);
    assert_eq!(metadata.merged, [Area { top: 1, left: 0, bottom: 3, right: 0 }]);
    assert_eq!(metadata.links.into_iter().collect::<Vec<_>>(), [((2, 1), "http://example.com/?a&b".into())]);
    assert_eq!(metadata.totals, [8]);
    assert!(book.metadata("Лист", false).ok().expect("it can be read").links.is_empty());
    assert!(matches!(book.metadata("Скрытый", true), Err(WorkbookError::Missing)));
}

#[test]
fn a_contradiction_is_damage() {
    let damaged = |detail: &str| Err(format!("this workbook is damaged ({detail})"));
    let one = |cell: Vec<u8>| read(of_one_sheet(sheet(&[row(0, 0), cell], &[])));
    assert_eq!(one(cell(7, 0, 0, &numbers(&[9]))), damaged("a cell refers to a missing text"));
    let early = damaged("one part ends too early");
    assert_eq!(one(cell(5, 0, 0, &[0; 7])), early);
    assert_eq!(one(record(6, &[0; 3])), early);
    assert_eq!(one(cell(6, 0, 0, &numbers(&[u32::MAX - 1]))), early);
    assert_eq!(one(row(1 << 20, 0)), damaged(CELL_OUT_OF_BOUNDS));
    let astray = read(of_one_sheet(sheet(&[cell(4, 0, 0, &[1]), row(0, 0)], &[])));
    assert_eq!(astray, damaged("a cell comes before the first row"));
    let whole = sheet(&[row(0, 0), cell(4, 0, 0, &[1])], &[]);
    assert_eq!(read(of_one_sheet(whole[..whole.len() - 5].to_vec())), early);
    let long = cell(6, 0, 0, &text(&"я".repeat(600_000)));
    assert_eq!(one(long), damaged("a cell is longer than a cell can be"));
}

#[test]
fn no_more_is_unpacked_than_is_plausible_whatever_the_directory_says() {
    let filler = record(4_000, &vec![0; 60 << 20]);
    let honest = of_one_sheet(sheet(&[row(0, 0), filler.clone(), filler], &[]));
    let words =
        "one part of this workbook (xl/worksheets/sheet1.bin) unpacks to more than 64 MB, which is over the limit";
    assert_eq!(read(honest.clone()), Err(words.into()));
    let name = memchr::memmem::rfind(&honest, b"xl/worksheets/sheet1.bin").expect("the directory names it");
    for size in [2_000_u32, 3_000_000_000] {
        let mut lying = honest.clone();
        // In the directory the name is 46 bytes after the start of its entry.
        lying[name - 22..name - 18].copy_from_slice(&size.to_le_bytes());
        assert!(read(lying).is_err());
    }
}
