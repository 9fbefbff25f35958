//! Compares workbooks with `calamine`, and reads damaged workbooks.

use super::OpenDocument;
use super::tests::{content, detail, packed};
use crate::cell::value::CellValue;
use crate::file::input::SourceFile;
use calamine::{Data, Ods, Reader, SheetVisible};
use proptest::prelude::*;
use std::fs::File;
use std::io::{BufReader, Seek};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Sheets and their cells as text, without empty texts.
type SheetsAsText = Vec<String>;

fn by_calamine(path: &Path) -> Result<SheetsAsText, String> {
    let mut book: Ods<_> = calamine::open_workbook(path).map_err(|error: calamine::OdsError| error.to_string())?;
    let mut cells = Vec::new();
    for sheet in book.sheets_metadata().to_vec() {
        cells.push(format!("{} {}", sheet.name, sheet.visible == SheetVisible::Visible));
        let range = book.worksheet_range(&sheet.name).map_err(|error| error.to_string())?;
        let (top, left) = range.start().unwrap_or((0, 0));
        for (row, column, data) in range.used_cells() {
            if !matches!(data, Data::String(text) if text.trim().is_empty()) {
                cells.push(format!("{} {} {:?}", top + row as u32, left + column as u32, CellValue::from(data)));
            }
        }
    }
    Ok(cells)
}

fn by_us(file: SourceFile) -> Result<SheetsAsText, String> {
    let mut book = OpenDocument::open(file).map_err(detail)?;
    let mut cells = Vec::new();
    for sheet in book.sheets() {
        cells.push(format!("{} {}", sheet.name, sheet.visible));
        book.visit_cells(&sheet.name, &mut |found| {
            let value = match found.value {
                CellValue::Displayed { number, .. } => CellValue::Number(number),
                value => value,
            };
            cells.push(format!("{} {} {value:?}", found.row, found.column));
            if cells.len() < 1_000_000 { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })
        .map_err(detail)?;
    }
    Ok(cells)
}

fn workbooks_in(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        if path.is_dir() {
            workbooks_in(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "ods") {
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
    let mut compared = 0;
    for path in &paths {
        let ours = by_us(SourceFile::File(File::open(path).expect("the file is there")));
        // `calamine` has no cell for the error of a formula.
        let ours = ours.map(|cells| cells.into_iter().filter(|cell| !cell.contains(" Error(")).collect::<Vec<_>>());
        match by_calamine(path) {
            Ok(theirs) => {
                assert_eq!(ours, Ok(theirs), "{}", path.display());
                compared += 1;
            }
            Err(_) => assert!(ours.is_err(), "{}", path.display()),
        }
    }
    assert!(compared >= 5, "{paths:?}");
}

/// A sheet with every kind of content.
fn rich() -> String {
    let row = |number: usize| {
        format!(
            "<table:table-row table:style-name=\"ro1\"><table:table-cell office:value-type=\"string\" \
             calcext:value-type=\"string\"><text:p>Имя {number} &amp; <text:s text:c=\"2\"/>x</text:p><text:p><text:a \
             xlink:href=\"https://example.com/{number}\">y</text:a></text:p></table:table-cell><table:table-cell \
             table:number-columns-spanned=\"2\" office:value-type=\"float\" office:value=\"{number}.5\"><text:p>00{number},5 \
             шт</text:p></table:table-cell><table:covered-table-cell/><table:table-cell table:number-columns-repeated=\"2\"/>\
             <table:table-cell office:value-type=\"date\" office:date-value=\"2026-03-04\"/></table:table-row>"
        )
    };
    let rows: String = (1..9).map(row).collect();
    content(&format!(
        "<table:table table:name=\"A\"><table:table-row-group>{rows}</table:table-row-group><table:table-row \
         table:number-rows-repeated=\"1048568\"><table:table-cell table:number-columns-repeated=\"16384\"/>\
         </table:table-row></table:table><table:table table:name=\"B\" table:style-name=\"ta2\">{rows}</table:table>"
    ))
}

#[test]
fn a_rich_sheet_reads_as_calamine_reads_it() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("rich.ods");
    let kind = b"application/vnd.oasis.opendocument.spreadsheet";
    let manifest = b"<manifest:manifest/>";
    let rich = rich();
    let mut file =
        packed(&[("mimetype", &kind[..]), ("META-INF/manifest.xml", &manifest[..]), ("content.xml", rich.as_bytes())]);
    file.rewind().expect("a start");
    std::io::copy(&mut BufReader::new(file), &mut File::create(&path).expect("a file")).expect("a copy");
    let ours = by_us(SourceFile::File(File::open(&path).expect("the file is there")));
    assert_eq!(ours, by_calamine(&path));
    assert_eq!(ours.map(|cells| cells.len()), Ok(2 + 2 * 8 * 3));
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
    "<text:p>",
    "</text:p>",
    "<table:table-row>",
    "</table:table-row>",
    "<table:table-cell/>",
    "<table:table>",
    "</table:table>",
    " ",
    "\r",
    "=",
    "я",
    "999999999",
    "<!--",
    "-->",
    "<![CDATA[",
    "<!DOCTYPE a [",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn damage_is_reported_and_soon(
        wounds in prop::collection::vec((any::<prop::sample::Index>(), 0..6_usize, 0..PIECES.len() + 6), 0..4),
        flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..3),
        cut in prop::option::of(any::<prop::sample::Index>()),
    ) {
        let mut bytes = rich().into_bytes();
        for (index, length, piece) in &wounds {
            let at = index.index(bytes.len());
            let end = (at + length).min(bytes.len());
            bytes.splice(at..end, PIECES.get(*piece).unwrap_or(&"").bytes());
        }
        for (index, bits) in &flips {
            let at = index.index(bytes.len());
            bytes[at] ^= bits;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        let start = Instant::now();
        let _ = by_us(packed(&[("content.xml", &bytes)]));
        prop_assert!(start.elapsed() < Duration::from_secs(5));
    }

    #[test]
    fn any_display_of_any_number_is_read_without_harm(number: f64, display in "[-+() 0-9.,'/%EeшT₽:№\u{A0}м²]{0,20}") {
        use super::displayed_number::{NumberType, displayed_number};
        for kind in [NumberType::Float, NumberType::Percentage, NumberType::Currency(None)] {
            let mut text = String::new();
            let shown = displayed_number(number, kind, &display, &mut text);
            prop_assert_eq!(shown.is_none(), text.is_empty());
        }
    }
}
