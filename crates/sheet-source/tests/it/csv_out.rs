//! `Table` reads back what `CsvWriter` writes; and on well-formed files `Table` agrees with the `csv` crate.

use proptest::prelude::*;
use sheet_source::{CsvWriter, ReadOptions, Row, Table};
use std::path::Path;

const ENCODINGS: [Option<&str>; 6] =
    [None, Some("windows-1251"), Some("KOI8-R"), Some("IBM866"), Some("UTF-16LE"), Some("UTF-16BE")];
const DELIMITERS: [char; 4] = [';', ',', '\t', '|'];

fn read(path: &Path, encoding: Option<&str>, delimiter: char) -> Vec<Vec<String>> {
    let options = ReadOptions {
        encoding: encoding.map(str::to_owned),
        delimiter: Some(delimiter),
        header_row: Some(1),
        ..ReadOptions::default()
    };
    let mut table = Table::open(path, &options).expect("it can be read");
    let mut rows = Vec::new();
    let mut row = Row::default();
    while table.read(&mut row).expect("its rows can be read") {
        rows.push(row.iter().map(|cell| cell.text.to_owned()).collect());
    }
    rows
}

/// Cells of letters that every encoding here has, with everything that is special in a CSV.
fn cell() -> impl Strategy<Value = String> {
    let sign = prop::sample::select(vec![
        "а", "Я", "ё", "x", "7", " ", "\"", "\"\"", ";", ",", "\t", "|", "\n", "\r\n", "\r", "=", "'", "-",
    ]);
    prop::collection::vec(sign, 0..8).prop_map(|signs| signs.concat())
}

fn table() -> impl Strategy<Value = Vec<Vec<String>>> {
    (1_usize..5).prop_flat_map(|width| prop::collection::vec(prop::collection::vec(cell(), width), 0..12))
}

/// Reading skips blank rows, drops the spaces around quotes and unwraps `="…"`; the rest must come back.
fn as_read(rows: &[Vec<String>]) -> Vec<Vec<String>> {
    rows.iter().filter(|row| row.iter().any(|c| !c.trim().is_empty())).cloned().collect()
}

fn has_kept_text(rows: &[Vec<String>]) -> bool {
    rows.iter().flatten().any(|c| c.starts_with("=\""))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn what_is_written_is_read_back(rows in table(), bom: bool, encoding in 0..ENCODINGS.len(), delimiter in 0..4_usize) {
        prop_assume!(!has_kept_text(&rows));
        let (encoding, delimiter) = (ENCODINGS[encoding], DELIMITERS[delimiter]);
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("a.csv");
        let mut out = CsvWriter::new(std::fs::File::create(&path).expect("a file"), encoding, bom, delimiter).expect("it can be created");
        out.write_row(["титул", "б", "в", "г", "д"]).expect("it can be written");
        for row in &rows {
            out.write_row(row).expect("it can be written");
        }
        out.finish().expect("it can be finished");
        prop_assert_eq!(read(&path, encoding.or(Some("UTF-8")), delimiter), as_read(&rows));
    }

    #[test]
    fn well_formed_files_read_as_the_csv_crate_reads_them(rows in table(), delimiter in 0..4_usize, crlf: bool) {
        prop_assume!(!has_kept_text(&rows));
        let delimiter = DELIMITERS[delimiter];
        let mut bytes = Vec::new();
        let terminator = if crlf { csv::Terminator::CRLF } else { csv::Terminator::Any(b'\n') };
        let mut writer =
            csv::WriterBuilder::new().delimiter(delimiter as u8).terminator(terminator).flexible(true).from_writer(&mut bytes);
        writer.write_record(["h1", "h2", "h3", "h4", "h5"]).expect("memory can be written");
        for row in &rows {
            writer.write_record(row).expect("memory can be written");
        }
        drop(writer);
        let mut reader =
            csv::ReaderBuilder::new().delimiter(delimiter as u8).flexible(true).from_reader(&bytes[..]);
        let theirs: Vec<Vec<String>> = reader
            .records()
            .map(|r| r.expect("it is well formed").iter().map(str::to_owned).collect())
            .collect();
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("a.csv");
        std::fs::write(&path, &bytes).expect("a temporary file");
        prop_assert_eq!(read(&path, None, delimiter), as_read(&theirs));
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("a.csv");
        std::fs::write(&path, &bytes).expect("a temporary file");
        if let Ok(mut table) = Table::open(&path, &ReadOptions::default()) {
            let mut row = Row::default();
            for _ in 0..1_000 {
                if matches!(table.read(&mut row), Ok(false)) {
                    break;
                }
            }
        }
    }
}

#[test]
fn letters_the_encoding_lacks_become_question_marks() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("a.csv");
    let mut out = CsvWriter::new(std::fs::File::create(&path).expect("a file"), Some("windows-1251"), false, ';')
        .expect("it can be created");
    out.write_row(["имя", "a;b"]).expect("it can be written");
    out.write_row(["😀 Пётр 中", ""]).expect("it can be written");
    out.finish().expect("it can be finished");
    let text = encoding_rs::WINDOWS_1251.encode("имя;\"a;b\"\r\n? Пётр ?;\r\n").0.into_owned();
    assert_eq!(std::fs::read(&path).expect("it is there"), text);
}
