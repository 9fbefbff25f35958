//! Reads every workbook in several ways that must give the same cells: by the scanner with the fallback reader, by
//! the fallback reader alone, and by `calamine` unless the workbook is unusual.

use super::XlsxBook;
use crate::cell::value::CellValue;
use crate::file::error::WorkbookError;
use crate::file::input::SourceFile;
use crate::workbook::catch_panic::catch_panic;
use crate::workbook::sheet::RawCell;
use calamine::{DataRef, Reader, SheetType, SheetVisible, Xlsx};
use proptest::prelude::*;
use std::fs::File;
use std::io::Write;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

/// The result of reading: sheets and their cells as text, or the error.
type Reading = Vec<String>;

fn describe_cell(found: &RawCell<'_>) -> String {
    let (row, column) = (found.row, found.column);
    match found.value {
        // Other readers ignore what the format adds.
        CellValue::Formatted(number, _) => format!("{row} {column} {:?}", CellValue::Number(number)),
        value => format!("{row} {column} {value:?}"),
    }
}

fn end_of(error: WorkbookError) -> String {
    error.into_problem(Path::new("x.xlsx"), None).to_string()
}

/// Our result, and whether the scanner read everything.
fn ours(path: &Path, patient: bool) -> (Reading, bool) {
    let mut cells = Vec::new();
    let mut scanned = false;
    let whole = catch_panic(|| {
        let file = SourceFile::File(File::open(path).expect("the file is there"));
        let mut book = match XlsxBook::open(&file) {
            Ok(book) => book,
            Err(error) => return cells.push(end_of(error)),
        };
        let sheets = book.sheets();
        cells.push(format!("1904: {}, {:?}", book.epoch_1904(), sheets.iter().map(|s| s.visible).collect::<Vec<_>>()));
        for sheet in sheets.iter().filter(|sheet| sheet.is_worksheet) {
            cells.push(sheet.name.clone());
            let mut take = |found: RawCell<'_>| {
                cells.push(describe_cell(&found));
                ControlFlow::Continue(())
            };
            let end = match (patient, book.part_of(&sheet.name)) {
                (true, Ok(part)) => book.read_with_fallback(part, &mut take),
                _ => book.visit_cells(&sheet.name, &mut take),
            };
            if let Err(error) = end {
                cells.push(end_of(error));
            }
        }
        scanned = !book.fell_back.get();
    });
    if whole.is_none() {
        cells.push("panic".into());
    }
    (cells, scanned)
}

fn calamines(path: &Path) -> Option<Reading> {
    let mut book: Xlsx<_> = calamine::open_workbook(path).ok()?;
    let sheets = book.sheets_metadata().to_vec();
    let visible: Vec<bool> = sheets.iter().map(|sheet| sheet.visible == SheetVisible::Visible).collect();
    let mut cells = vec![format!("1904: {}, {visible:?}", book.has_1904_epoch())];
    for sheet in sheets.iter().filter(|sheet| sheet.typ == SheetType::WorkSheet) {
        cells.push(sheet.name.clone());
        let mut reader = book.worksheet_cells_reader(&sheet.name).ok()?;
        while let Some(cell) = reader.next_cell_with_formula_metadata().ok()? {
            let value = match cell.formula.is_some() && cell.value == DataRef::Empty {
                true => CellValue::Uncomputed(""),
                false => CellValue::from(&cell.value),
            };
            cells.push(describe_cell(&RawCell { row: cell.pos.0, column: cell.pos.1, value, formula: false }));
        }
    }
    Some(cells)
}

/// Compares our two ways; returns whether the scanner read everything.
fn compare(path: &Path) -> Result<(bool, Reading), TestCaseError> {
    let (scanned, all) = ours(path, false);
    let (patient, _) = ours(path, true);
    prop_assert_eq!(&scanned, &patient);
    prop_assert!(!scanned.iter().any(|cells| cells == "panic"));
    Ok((all, scanned))
}

/// Compares with `calamine` as well.
fn compare_with_calamine(path: &Path) -> Result<(bool, Reading), TestCaseError> {
    let (all, cells) = compare(path)?;
    // A text longer than any cell is an error only for us.
    let ended = cells.iter().any(|cells| cells.contains("damaged"));
    if let Some(others) = calamines(path).filter(|_| !ended) {
        // It does not mark formulas.
        let without_formula = |cells: &String| match cells.split_once(" Uncomputed(") {
            Some((place, _)) => format!("{place} Uncomputed(\"\")"),
            None => cells.clone(),
        };
        prop_assert_eq!(cells.iter().map(without_formula).collect::<Vec<_>>(), others);
    }
    Ok((all, cells))
}

fn workbooks_in(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        if path.is_dir() {
            workbooks_in(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "xlsx") {
            found.push(path);
        }
    }
}

#[test]
fn every_workbook_of_the_repository_reads_alike() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut paths = Vec::new();
    for folder in ["../../samples", "../../tests", "tests"] {
        workbooks_in(&root.join(folder), &mut paths);
    }
    let mut left = Vec::new();
    for path in &paths {
        let (scanned, cells) =
            compare_with_calamine(path).unwrap_or_else(|difference| panic!("{}: {difference}", path.display()));
        if !scanned || cells.len() < 2 {
            left.push(path.file_name().unwrap_or_default().to_string_lossy().into_owned());
        }
    }
    left.sort();
    assert!(paths.len() > 15, "{paths:?}");
    assert_eq!(left, UNREADABLE);
}

/// Files that are not workbooks, and one with a text longer than any cell.
const UNREADABLE: [&str; 6] = [
    "csv_named_xlsx.xlsx",
    "encrypted.xlsx",
    "pass_protected.xlsx",
    "truncated.xlsx",
    "truncated_half.xlsx",
    "zip_bomb_60MB_sheet.xlsx",
];

const TEXTS: [&str; 12] = [
    "Иван Петров",
    " blanks around ",
    "a\nb\r\nc",
    "<&>\"'",
    "_x000D_ literal",
    "tab\tbell\u{7}",
    "😀 \u{A0} ü",
    "",
    "0",
    "_",
    "]]>",
    "\u{FEFF}mark",
];

#[test]
fn workbooks_of_a_writer_read_alike_with_shared_and_with_inline_strings() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for inline in [false, true] {
        let path = folder.path().join("made.xlsx");
        let mut book = rust_xlsxwriter::Workbook::new();
        for _ in 0..2 {
            let sheet =
                if inline { book.add_worksheet_with_constant_memory().expect("a sheet") } else { book.add_worksheet() };
            fill(sheet).expect("cells");
        }
        book.save(&path).expect("it can be saved");
        let (scanned, cells) = compare_with_calamine(&path).unwrap_or_else(|difference| panic!("{difference}"));
        assert!(scanned, "nothing odd is in it");
        assert!(cells.len() > 2 * 400 * 10);
    }
}

fn fill(sheet: &mut rust_xlsxwriter::Worksheet) -> Result<(), rust_xlsxwriter::XlsxError> {
    use rust_xlsxwriter::{ExcelDateTime, Format, Formula};
    let formats: Vec<Format> =
        ["dd.mm.yyyy", "[h]:mm:ss", "0.00\" d\"", "# ##0,00 [$₽-ru-RU]", "yyyy-mm-dd hh:mm", "@"]
            .iter()
            .map(|code| Format::new().set_num_format(*code))
            .collect();
    let bold = Format::new().set_bold();
    sheet.set_column_width(0, 20)?.set_freeze_panes(1, 0)?;
    for row in (0..400_u32).map(|row| row * 3) {
        sheet.write(row, 0, TEXTS[row as usize % TEXTS.len()])?.write(row, 1, f64::from(row) * 1.1 - 20.0)?;
        for (nth, format) in formats.iter().enumerate() {
            sheet.write_with_format(row, 3 + nth as u16, f64::from(row) * 37.03, format)?;
        }
        let date = ExcelDateTime::from_ymd(2026, 1 + (row % 12) as u8, 5)?.and_hms(10, 30, 0)?;
        sheet.write_with_format(row, 10, &date, &formats[4])?.write(row, 11, row % 2 == 0)?;
        sheet.write(row, 12, Formula::new("=IF(A1<>\"<\",1,2)").set_result(TEXTS[row as usize % TEXTS.len()]))?;
        sheet.write(row, 13, Formula::new("=1/0").set_result("#DIV/0!"))?;
        sheet.write_blank(row, 14, &bold)?;
        sheet.write_rich_string(row, 15, &[(&bold, "жирно "), (&Format::new(), " и нет "), (&bold, "x")])?;
        sheet.write_url(row, 16, "https://example.com/?a=1&b=2")?;
    }
    Ok(())
}

const STYLES: &str = r#"<styleSheet xmlns="m"><numFmts count="2"><numFmt numFmtId="164" formatCode="dd/mm/yy"/>
<numFmt numFmtId="165" formatCode="[hh]:mm"/></numFmts><cellXfs count="5"><xf numFmtId="0"/><xf numFmtId="14"/>
<xf numFmtId="164"><alignment wrapText="1"/></xf><xf numFmtId="165"/><xf numFmtId="2"/></cellXfs></styleSheet>"#;
const STRINGS: &str = r#"<?xml version="1.0" encoding="UTF-8" standalone="yes"?>
<sst xmlns="m" count="5" uniqueCount="4"><si><t>нуль</t></si><si><t xml:space="preserve"> one </t></si>
<si><r><rPr><b/></rPr><t>t</t></r><r><t>wo&#10;</t></r><rPh sb="0" eb="1"><t>no</t></rPh></si><si/></sst>"#;

fn book(path: &Path, sheet: &[u8], strings: &[u8], epoch_1904: bool) {
    book_with_styles(path, sheet, strings, STYLES.as_bytes(), epoch_1904);
}

fn book_with_styles(path: &Path, sheet: &[u8], strings: &[u8], styles: &[u8], epoch_1904: bool) {
    const RELATION: &str = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
    let relation = |id: &str, kind: &str, target: &str| {
        format!("<Relationship Id=\"{id}\" Type=\"{RELATION}/{kind}\" Target=\"{target}\"/>")
    };
    let relations = |list: String| format!("<Relationships>{list}</Relationships>");
    let workbook = format!(
        "<workbook><workbookPr date1904=\"{}\"/><sheets><sheet name=\"S\" r:id=\"r1\"/></sheets></workbook>",
        u8::from(epoch_1904)
    );
    let mut zip = ZipWriter::new(File::create(path).expect("a temporary file"));
    for (name, content) in [
        ("[Content_Types].xml", &b"<Types/>"[..]),
        ("_rels/.rels", relations(relation("a", "officeDocument", "xl/workbook.xml")).as_bytes()),
        ("xl/_rels/workbook.xml.rels", relations(relation("r1", "worksheet", "worksheets/a.xml")).as_bytes()),
        ("xl/workbook.xml", workbook.as_bytes()),
        ("xl/styles.xml", styles),
        ("xl/sharedStrings.xml", strings),
        ("xl/worksheets/a.xml", sheet),
    ] {
        zip.start_file(name, SimpleFileOptions::default()).expect("a part");
        zip.write_all(content).expect("its content");
    }
    zip.finish().expect("a workbook");
}

fn sheet_of(rows: &str) -> String {
    format!("<worksheet><dimension ref=\"A1:B2\"/><sheetData>{rows}</sheetData><ignored")
}

/// Compares a sheet with these rows; `scanned` tells whether the scanner reads it all.
fn check(rows: &str, scanned: bool) -> Reading {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("odd.xlsx");
    book(&path, sheet_of(rows).as_bytes(), STRINGS.as_bytes(), false);
    let (all, cells) = compare(&path).unwrap_or_else(|difference| panic!("{rows}: {difference}"));
    assert_eq!(all, scanned, "{rows}: {cells:?}");
    cells
}

#[test]
fn what_programs_write_is_scanned() {
    let long = format!("<row><c t=\"str\" zz=\"{0}\"><v>{0}</v></c></row>", "long ".repeat(700_000));
    for rows in [
        "",
        "<row r=\"1\"><c r=\"A1\" t=\"s\"><v>0</v></c><c r=\"B1\" t=\"s\"><v>1</v></c><c t=\"s\" r=\"C1\"><v>2</v></c></row>",
        "<row><c><v>1</v></c><c/><c s=\"1\"/><c><v/></c><c><v></v></c></row><row/><row><c t='s'><v>3</v></c></row>",
        "<x:row r='7' x:r='9'><x:c x:t='s' s='1'><x:v>45000.5</x:v></x:c></x:row>",
        "<row r=\"3\"><c s=\"2\"><v>1.5</v></c><c s=\"3\"><v>1.5</v></c><c s=\"4\"><v>-1E-3</v></c><c s=\"99\"><v>5</v></c></row>",
        "<row><c t=\"b\"><v>1</v></c><c t=\"b\"><v>0</v></c><c t=\"e\"><v>#N/A</v></c><c t=\"n\"><v>7</v></c><c t=\"n\"/></row>",
        "<row><c t=\"d\"><v>2026-01-05T10:00:00Z</v></c><c t=\"d\"><v/></c><c t=\"str\"><v/></c><c t=\"zz\"/></row>",
        "<row><c t=\"str\"><f>A1&amp;\"x\"</f><v> &lt;a_x000D_\r\nb&#13; </v></c><c><f>1</f></c><c><f/><v/></c></row>",
        "<row><c><f t=\"shared\" ref=\"A1:A9\" si=\"0\">B1</f><v>4</v></c><c><f t=\"shared\" si=\"0\"/><v>5</v></c></row>",
        "<row><c t=\"inlineStr\"><is><t> a&amp; </t></is></c><c t=\"inlineStr\"><is><r><t>b</t></r><r><t>c</t></r></is></c></row>",
        "<row><c t=\"inlineStr\"><v>9</v></c><c t=\"inlineStr\"><is/></c><c><is><t>_x0041_</t></is></c></row>",
        "<row r=\"5\"><c r=\"C5\"><v>1</v></c></row><row r=\"2\"><c r=\"B2\"><v>1</v></c><c r=\"A2\"><v>1</v></c></row>",
        "<row r=\"5\"><c r=\"C9\"><v>1</v></c><c><v>2</v></c></row><row r=\"5\"><c><v>1</v></c></row>",
        " \r\n<row\tspans=\"1:2\"\nr=\"1\" >\t<c  r=\"A1\"\n> <v >1</v > </c > </row >",
        long.as_str(),
    ] {
        check(rows, true);
    }
}

#[test]
fn unusual_xml_is_left_to_the_fallback_reader_from_that_cell_on() {
    let good = "<row r=\"1\"><c r=\"A1\" t=\"s\"><v>0</v></c><c><f>1</f></c></row>";
    for odd in [
        "<row><!-- c --><c><v>1</v></c></row>",
        "<row><c t=\"str\"><v><![CDATA[a]]>b</v></c><c t=\"inlineStr\"><is><t><![CDATA[<a>]]></t></is></c></row>",
        "<row><c><v>1<!-- c --></v></c></row>",
        "<row><c><v>1&#50;</v></c><c><v> 5 </v></c><c><v>soon</v></c><c><v>.5</v></c><c><v>+5</v></c></row>",
        "<row><c t=\"s\"><v>1</v><v>2</v></c></row>",
        "<row><c t=\"s\"><v>99</v></c></row>",
        "<row><c t=\"s\"><v>x</v></c></row>",
        "<row><c t=\"b\"><v>true</v></c><c t=\"b\"><v>2</v></c></row>",
        "<row><c t=\"zz\"><v>1</v></c></row>",
        "<row><c r=\"a1\"><v>1</v></c><c r=\"B\"><v>1</v></c></row>",
        "<row r=\"0\"><c><v>1</v></c></row>",
        "<row r=\"A5\"><c><v>1</v></c></row>",
        "<row><c s=\"x\"><v>1</v></c></row>",
        "<row><c r=\"A1\" r=\"B1\"><v>1</v></c></row>",
        "<row><c r=A1><v>1</v></c></row>",
        "<row><c t=\"str\"><v>&nbsp;</v></c></row>",
        "<row><c><extLst/></c></row>",
        "<row><c><v>1</x></c></row>",
        "<row><c><f t=\"shared\">1</f><v>1</v></c></row>",
        "<row><c><v>1</v></c>",
        "<row><c r=\"ZZZ99999999\"><v>1</v></c></row>",
        "text<row/>",
        "&amp;<row/>",
        "<v/x>",
    ] {
        if odd.contains("ZZZ") {
            check(&format!("{good}{odd}"), true);
            continue;
        }
        let cells = check(&format!("{good}{odd}"), false);
        assert!(cells.len() > 3, "{cells:?}");
    }
}

#[test]
fn parts_that_are_unlike_others_read_alike() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("odd.xlsx");
    let rows = "<row><c s=\"1\"><v>45000</v></c><c t=\"s\"><v>0</v></c></row>";
    let (sheet, utf16): (String, fn(&str) -> Vec<u8>) =
        (sheet_of(rows), |text| [0xFEFF].into_iter().chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect());
    let head = |head: &str| format!("{head}{sheet}").into_bytes();
    let sheets: [(Vec<u8>, bool); 10] = [
        (head("\u{FEFF}<?xml version='1.0' encoding='utf-8'?>"), true),
        (head("\u{FEFF}"), true),
        (head("<?xml version=\"1.0\" encoding=\"windows-1251\"?>"), false),
        (head("<?xml version=\"1.0\"?><!-- by -->"), false),
        (utf16(&sheet), false),
        (sheet.replace("A1:B2", "B2:A1").into_bytes(), false),
        (sheet.replace("<dimension ref=\"A1:B2\"/>", "<sheetPr><x a=\">\"/></sheetPr>").into_bytes(), true),
        (b"<chartsheet/>".to_vec(), false),
        (b"<worksheet><sheetData/></worksheet>".to_vec(), true),
        (sheet.replace("sheetData", "x:sheetData").into_bytes(), true),
    ];
    for (sheet, expected) in sheets {
        for epoch_1904 in [false, true] {
            book(&path, &sheet, STRINGS.as_bytes(), epoch_1904);
            let shown = String::from_utf8_lossy(&sheet).into_owned();
            let (scanned, cells) = compare(&path).unwrap_or_else(|difference| panic!("{shown}: {difference}"));
            assert_eq!(scanned, expected, "{shown}: {cells:?}");
        }
    }
    book_with_styles(&path, sheet.as_bytes(), STRINGS.as_bytes(), &utf16(STYLES), false);
    let (scanned, cells) = compare(&path).unwrap_or_else(|difference| panic!("{difference}"));
    assert!(scanned, "{cells:?}");
    for (strings, expected) in [
        (STRINGS.replace("<si/>", "<extLst/>"), false),
        (STRINGS.replace("нуль", "<![CDATA[нуль]]>"), false),
        (STRINGS.replace("нуль", "<b>нуль</b>"), false),
        (STRINGS.replace("sst", "q:sst").replace("si>", "q:si>"), true),
        (STRINGS.replace("</sst>", ""), false),
        (STRINGS.replace("uniqueCount=\"4\"", "uniqueCount=\"x\""), true),
    ] {
        book(&path, sheet.as_bytes(), strings.as_bytes(), false);
        let (scanned, cells) = compare(&path).unwrap_or_else(|difference| panic!("{strings}: {difference}"));
        assert_eq!(scanned, expected, "{strings}: {cells:?}");
    }
}

/// Fragments that damage XML in various ways.
const PIECES: [&str; 24] = [
    "<",
    ">",
    "/",
    "\"",
    "'",
    "&",
    "&amp;",
    ";",
    "<c>",
    "</c>",
    "<v>",
    "</v>",
    "<row>",
    "</row>",
    "<is><t>x</t></is>",
    " ",
    "\r",
    "=",
    "я",
    "9",
    "<!--",
    "-->",
    "<f/>",
    "_x0041_",
];

fn damaged(whole: &str, wounds: &[(prop::sample::Index, usize, usize)]) -> Vec<u8> {
    let mut bytes = whole.as_bytes().to_vec();
    for (place, cut, piece) in wounds {
        let at = place.index(bytes.len());
        let end = (at + cut).min(bytes.len());
        bytes.splice(at..end, PIECES.get(*piece).unwrap_or(&"").bytes());
    }
    bytes
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn damaged_sheets_and_strings_read_alike(
        in_sheet in prop::collection::vec((any::<prop::sample::Index>(), 0..4_usize, 0..PIECES.len() + 6), 0..4),
        in_strings in prop::collection::vec((any::<prop::sample::Index>(), 0..4_usize, 0..PIECES.len() + 6), 0..2),
    ) {
        let rows = "<row r=\"1\" spans=\"1:3\"><c r=\"A1\" s=\"1\" t=\"s\"><v>0</v></c><c r=\"B1\" s=\"2\"><v>45000.25</v></c>\
                    <c r=\"C1\" t=\"inlineStr\"><is><t>a &lt; b</t></is></c></row><row r=\"2\"><c t=\"str\"><f>A1&amp;1</f>\
                    <v>x_x000D_</v></c><c t=\"b\"><v>1</v></c><c t=\"e\"><v>#N/A</v></c><c s=\"3\"><v>-1.5E2</v></c>\
                    <c t=\"s\"><v>2</v></c></row>";
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("damaged.xlsx");
        book(&path, &damaged(&sheet_of(rows), &in_sheet), &damaged(STRINGS, &in_strings), false);
        compare(&path)?;
    }
}
