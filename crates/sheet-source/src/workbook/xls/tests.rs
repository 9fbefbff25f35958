//! Tests with generated workbooks.

use super::fixtures::{BookFixture, container, record, unicode, wide, words};
use super::*;
use crate::cell::{Scalar, value};
use crate::workbook::sheet::metadata::Area;
use std::path::Path;

type Cells = Vec<(u32, u32, String, Scalar)>;

fn detail(error: WorkbookError) -> String {
    error.into_problem(Path::new("a.xls"), Some("Лист")).message.to_string()
}

fn read(file: Vec<u8>) -> Result<Cells, String> {
    let mut book = XlsBook::open(SourceFile::memory(file)).map_err(detail)?;
    let name = book.sheets().first().map(|sheet| sheet.name.clone()).unwrap_or_default();
    let epoch = book.epoch_1904();
    let mut cells = Vec::new();
    let mut take = |found: RawCell<'_>| {
        let mut text = String::new();
        let scalar = value::write(found.value, epoch, &mut text);
        cells.push((found.row, found.column, text, scalar));
        ControlFlow::Continue(())
    };
    book.visit_cells(&name, &mut take).map_err(detail)?;
    Ok(cells)
}

fn texts(file: Vec<u8>) -> Vec<String> {
    read(file).expect("it can be read").into_iter().map(|(_, _, text, _)| text).collect()
}

fn number(row: u16, column: u16, style: u16, number: f64) -> Vec<u8> {
    record(0x0203, &[words(&[row, column, style]), number.to_le_bytes().to_vec()].concat())
}

fn label(row: u16, column: u16, text: &str) -> Vec<u8> {
    record(0x0204, &[words(&[row, column, 0]), unicode(text)].concat())
}

fn formula(row: u16, column: u16, result: [u8; 8]) -> Vec<u8> {
    record(0x0006, &[words(&[row, column, 0]), result.to_vec(), vec![0; 8]].concat())
}

fn style(format: u16) -> Vec<u8> {
    record(0x00E0, &[words(&[0, format]), vec![0; 16]].concat())
}

fn format(id: u16, code: &str) -> Vec<u8> {
    record(0x041E, &[words(&[id]), unicode(code)].concat())
}

fn shared(texts: &[&str]) -> Vec<u8> {
    let count = (texts.len() as u32).to_le_bytes();
    record(0x00FC, &[&count[..], &count, &texts.iter().flat_map(|text| unicode(text)).collect::<Vec<_>>()].concat())
}

#[test]
fn each_kind_of_record_gives_its_cell() {
    let not_number = |kind: u8, code: u8| [kind, 0, code, 0, 0, 0, 0xFF, 0xFF];
    let packed = |style: u16, packed: u32| [&style.to_le_bytes()[..], &packed.to_le_bytes()].concat();
    let sheet = vec![
        label(0, 0, "Имя"),
        record(0x00D6, &[words(&[0, 1, 0, 2]), vec![0], b"ab".to_vec(), words(&[1, 0, 0])].concat()),
        record(0x00FD, &[words(&[0, 2, 0]), 1_u32.to_le_bytes().to_vec()].concat()),
        number(1, 0, 0, 12.5),
        number(1, 1, 1, 42.0),
        number(1, 2, 2, 45_721.0),
        number(1, 3, 3, 0.155),
        record(0x027E, &[words(&[2, 0]), packed(0, 6)].concat()),
        record(0x00BD, &[words(&[2, 1]), packed(0, 10), packed(1, 30), words(&[2])].concat()),
        record(0x0205, &[words(&[2, 3, 0]), vec![1, 0]].concat()),
        record(0x0205, &[words(&[2, 4, 0]), vec![0x2A, 1]].concat()),
        formula(3, 0, 5.5_f64.to_le_bytes()),
        formula(3, 1, not_number(0, 0)),
        record(0x04BC, &[0; 8]),
        record(0x0207, &unicode("итог")),
        formula(3, 2, not_number(1, 1)),
        formula(3, 3, not_number(2, 0x07)),
        formula(3, 4, not_number(3, 0)),
        formula(3, 5, not_number(0, 0)),
        record(0x0207, &[0, 0]),
        formula(3, 6, not_number(0, 0)),
        record(0x0201, &words(&[4, 0, 0])),
        label(4, 1, "ё\0ж"),
    ];
    let globals = vec![format(164, "00000"), style(0), style(164), style(14), style(10), shared(&["a", "Сумма"])];
    let found: Vec<String> = read(BookFixture::of_one_sheet(globals, sheet).file())
        .expect("it can be read")
        .into_iter()
        .map(|(row, column, text, scalar)| match scalar {
            Scalar::Uncomputed => format!("{row} {column} ?"),
            Scalar::Error => format!("{row} {column} error {text}"),
            Scalar::Empty => format!("{row} {column} empty"),
            _ => format!("{row} {column} {text}"),
        })
        .collect();
    assert_eq!(
        found,
        [
            "0 0 Имя",
            "0 1 ab",
            "0 2 Сумма",
            "1 0 12.5",
            "1 1 00042",
            "1 2 2025-03-05",
            "1 3 15.5%",
            "2 0 1",
            "2 1 2",
            "2 2 00007",
            "2 3 true",
            "2 4 error #N/A",
            "3 0 5.5",
            "3 1 итог",
            "3 2 true",
            "3 3 error #DIV/0!",
            "3 4 empty",
            "3 5 empty",
            "3 6 ?",
            "4 1 ё\0ж"
        ]
    );
}

#[test]
fn texts_are_unicode_whatever_code_page_is_named() {
    let long = "длинный ".repeat(1_500);
    let whole = unicode(&long);
    let (first, rest) = whole.split_at(8_003);
    let sheet = vec![
        label(0, 0, "Иван"),
        record(0x0204, &[words(&[0, 1, 0, 3]), vec![0, b'a', b'\0', 0xE9]].concat()),
        formula(1, 0, [0, 0, 0, 0, 0, 0, 0xFF, 0xFF]),
        record(0x0207, first),
        record(0x003C, &[&[1][..], &rest[..8_000]].concat()),
        record(0x003C, &[&[1][..], &rest[8_000..]].concat()),
    ];
    for code_page in [1251, 1252, 1200, 437, 10_000] {
        let globals = vec![record(0x0042, &words(&[code_page]))];
        let found = texts(BookFixture::of_one_sheet(globals, sheet.clone()).file());
        assert_eq!(found[..2], ["Иван", "a\0é"]);
        assert!(found[2] == long);
    }
}

#[test]
fn workbooks_of_excel_5_are_read_in_their_code_page() {
    let short = |id: u16, code: &[u8]| record(0x041E, &[&id.to_le_bytes()[..], &[code.len() as u8], code].concat());
    let bytes = |text: &str| encoding_rs::WINDOWS_1251.encode(text).0.into_owned();
    let label = |column: u16, text: &str| {
        record(0x0204, &[words(&[0, column, 0, bytes(text).len() as u16]), bytes(text)].concat())
    };
    let globals = |code_page: u16| {
        vec![
            short(164, b"[Red]0"),
            short(165, b"[h]:mm:ss"),
            short(166, &bytes("0\" шт\"")),
            style(164),
            style(165),
            style(166),
            record(0x0042, &words(&[code_page])),
        ]
    };
    let sheet = vec![label(0, "Имя"), number(1, 0, 0, 26.0), number(1, 1, 1, 1.5), number(1, 2, 2, 5.0)];
    let made =
        |code_page| BookFixture {
            old: true, globals: globals(code_page), sheets: vec![("Лист", 0, sheet.clone())]
        };
    let file = made(1251).file();
    assert_eq!(XlsBook::open(SourceFile::memory(file.clone())).ok().expect("it opens").sheets()[0].name, "Лист");
    assert_eq!(texts(file), ["Имя", "26", "36:00:00", "5 шт"]);
    let unknown = "this workbook is damaged (its texts are in an unknown encoding)";
    assert_eq!(read(made(437).file()), Err(unknown.into()));
}

#[test]
fn cells_that_are_put_down_as_they_come_are_given_in_order() {
    let sheet = vec![label(2, 0, "c"), label(0, 1, "b"), label(0, 0, "old"), number(1, 0, 0, 1.0), label(0, 0, "a")];
    let found = read(BookFixture::of_one_sheet(Vec::new(), sheet).file()).expect("it can be read");
    let found: Vec<_> = found.into_iter().map(|(row, column, text, _)| (row, column, text)).collect();
    assert_eq!(found, [(0, 0, "a".into()), (0, 1, "b".into()), (1, 0, "1".into()), (2, 0, "c".into())]);
}

#[test]
fn formulas_without_a_result_are_distinguished_from_empty_ones() {
    let blank = [3, 0, 0, 0, 0, 0, 0xFF, 0xFF];
    let scalars = |globals: Vec<Vec<u8>>, sheet: Vec<Vec<u8>>| -> Vec<Scalar> {
        let cells = read(BookFixture::of_one_sheet(globals, sheet).file()).expect("it can be read");
        cells.into_iter().map(|(_, _, _, scalar)| scalar).collect()
    };
    let calculated = vec![record(0x01C1, &[0; 8])];
    let blanks = vec![formula(0, 0, blank), formula(0, 1, blank)];
    assert_eq!(scalars(Vec::new(), blanks.clone()), [Scalar::Uncomputed; 2]);
    assert_eq!(scalars(calculated.clone(), blanks.clone()), [Scalar::Empty; 2]);
    let mixed = [blanks, vec![formula(0, 2, 0.0_f64.to_le_bytes())]].concat();
    assert_eq!(scalars(Vec::new(), mixed.clone()), [Scalar::Empty, Scalar::Empty, Scalar::Number(0.0)]);
    let asked = [vec![record(0x005E, &[0, 0])], mixed, vec![formula(0, 3, 5.0_f64.to_le_bytes())]].concat();
    let [first, second, third, fourth] = scalars(calculated, asked)[..] else { panic!("four cells") };
    assert_eq!([first, second, third], [Scalar::Uncomputed; 3]);
    assert_eq!(fourth, Scalar::Number(5.0));
}

fn link(area: [u16; 4], address: &str) -> Vec<u8> {
    let class = [0xE0, 0xC9, 0xEA, 0x79, 0xF9, 0xBA, 0xCE, 0x11, 0x8C, 0x82, 0x00, 0xAA, 0x00, 0x4B, 0xA9, 0x0B];
    let name = wide("имя\0");
    let address = wide(&format!("{address}\0"));
    let parts = [
        &words(&area)[..],
        &[0; 16],
        &2_u32.to_le_bytes(),
        &0x17_u32.to_le_bytes(),
        &4_u32.to_le_bytes(),
        &name,
        &class,
        &(address.len() as u32).to_le_bytes(),
        &address,
    ];
    record(0x01B8, &parts.concat())
}

#[test]
fn hidden_rows_merged_cells_and_links_are_known() {
    let row = |row: u16, flags: u16| record(0x0208, &words(&[row, 0, 1, 255, 0, 0, flags, 0]));
    let sheet = vec![
        row(0, 0x100),
        row(1, 0x120),
        row(2, 0x120),
        label(0, 0, "a"),
        label(1, 0, "b"),
        number(2, 3, 0, 5.0),
        // A chart in the sheet; its cells do not belong to the sheet.
        record(0x0809, &words(&[0x600, 0x20, 0, 0])),
        number(0, 0, 0, 5.0),
        record(0x000A, &[]),
        row(9, 0x120),
        row(12, 0x120),
        // Cells with a format only, single and in a row.
        record(0x0201, &words(&[9, 0, 1])),
        record(0x00BE, &words(&[12, 0, 1, 1, 1])),
        record(0x00E5, &words(&[2, 1, 3, 0, 0, 5, 5, 1, 2])),
        link([1, 1, 0, 0], "mailto:a@example.com"),
        link([5, 4, 0, 0], "http://example.com"),
    ];
    let mut book =
        XlsBook::open(SourceFile::memory(BookFixture::of_one_sheet(Vec::new(), sheet).file())).ok().expect("it opens");
    let metadata = book.metadata("Лист", true).ok().expect("it can be read");
    assert_eq!(metadata.hidden, [(1, 2)]);
    let area = |top, bottom, left, right| Area { top, left, bottom, right };
    assert_eq!(metadata.merged, [area(1, 3, 0, 0), area(5, 5, 1, 2)]);
    assert_eq!(metadata.links.len(), 1);
    assert_eq!(metadata.links.get(&(1, 0)).map(String::as_str), Some("mailto:a@example.com"));
    assert!(book.metadata("Лист", false).ok().expect("it can be read").links.is_empty());
    let mut count = 0;
    let counted = book.visit_cells("Лист", &mut |_| {
        count += 1;
        ControlFlow::Continue(())
    });
    assert!(counted.is_ok());
    assert_eq!(count, 3);
}

#[test]
fn macros_and_charts_are_sheets_without_cells() {
    let sheets =
        vec![("Макрос", 1, vec![record(0x0006, &[0])]), ("Данные", 0, vec![label(0, 0, "a")]), ("VBA", 6, vec![])];
    let book = XlsBook::open(SourceFile::memory(BookFixture { sheets, ..BookFixture::default() }.file()))
        .ok()
        .expect("it opens");
    let found: Vec<_> = book.sheets().into_iter().map(|sheet| (sheet.name, sheet.is_worksheet)).collect();
    assert_eq!(found, [("Макрос".into(), false), ("Данные".into(), true), ("VBA".into(), false)]);
}

#[test]
fn encrypted_workbooks_are_reported_whatever_the_encryption() {
    const LOCKED: &str = "this workbook is protected by a password";
    for (old, lock) in [(false, words(&[0, 1, 2])), (false, words(&[1, 1, 1])), (true, words(&[0x1234, 0x5678]))] {
        let made =
            BookFixture { old, globals: vec![record(0x002F, &lock)], sheets: vec![("a", 0, vec![vec![0x77; 40]])] };
        assert_eq!(read(made.file()), Err(LOCKED.into()));
    }
    assert_eq!(read(container("EncryptedPackage", b"x")), Err(LOCKED.into()));
    let other = "this is a document of another program, not a workbook";
    assert_eq!(read(container("WordDocument", b"x")), Err(other.into()));
}

#[test]
fn a_contradiction_is_damage() {
    let damaged = |detail: &str| Err(format!("this workbook is damaged ({detail})"));
    let sheet = |records: Vec<Vec<u8>>| read(BookFixture::of_one_sheet(vec![shared(&["a"])], records).file());
    let missing = [words(&[0, 0, 0]), 5_u32.to_le_bytes().to_vec()].concat();
    assert_eq!(sheet(vec![record(0x00FD, &missing)]), damaged("a cell refers to a missing text"));
    assert_eq!(sheet(vec![record(0x0203, &[0; 8])]), damaged("a cell is cut short"));
    assert_eq!(sheet(vec![record(0x00BD, &words(&[0, 5, 0, 0, 0, 4]))]), damaged("a cell is cut short"));
    assert_eq!(sheet(vec![record(0x0204, &words(&[0, 0, 0, 9]))]), damaged("a text is cut short"));
    assert_eq!(sheet(vec![vec![0; 8]]), damaged("part of it is empty"));
    let mut stream = BookFixture::of_one_sheet(Vec::new(), vec![label(0, 0, "a")]).stream();
    stream.truncate(stream.len() - 4);
    assert_eq!(read(container("Workbook", &stream)), damaged("part of it is empty"));
    let lost = "this workbook is damaged: the data of sheet \"Лист\" is missing";
    let mut astray = BookFixture::of_one_sheet(Vec::new(), Vec::new()).stream();
    let list = memchr::memmem::find(&astray, &0x0085_u16.to_le_bytes()).expect("a list of sheets");
    astray[list + 4] ^= 4;
    assert_eq!(read(container("Workbook", &astray)), Err(lost.into()));
}
