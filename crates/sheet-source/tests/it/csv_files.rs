//! CSV files as users have them: encodings, dialects, row numbers, headers, and the message on failure.

use sheet_source::{Header, ReadOptions, Row, Scalar, Table};
use std::path::{Path, PathBuf};

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/files").join(name)
}

/// The layout line of a table, its titles, and its rows: number and texts.
struct Seen {
    layout: String,
    titles: Vec<String>,
    rows: Vec<(u32, Vec<String>)>,
    notes: Vec<String>,
}

fn see(path: &Path, options: &ReadOptions) -> Result<Seen, String> {
    // The folder differs between machines, so the message is compared without it.
    let folder = format!("{}/", path.parent().expect("a file is in a folder").display());
    let told = |problem: sheet_source::problem::Problem| problem.to_string().replace(&folder, "");
    let mut table = Table::open(path, options).map_err(told)?;
    let mut rows = Vec::new();
    let mut row = Row::default();
    while table.read(&mut row).map_err(told)? {
        rows.push((row.number, row.iter().map(|cell| cell.text.to_owned()).collect()));
    }
    let titles = table.header.titles().map(str::to_owned).collect();
    Ok(Seen {
        layout: table.layout.to_string(),
        titles,
        rows,
        notes: table.notes().iter().map(|note| note.message.to_string()).collect(),
    })
}

fn see_bytes(bytes: &[u8], options: &ReadOptions) -> Result<Seen, String> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("a.csv");
    std::fs::write(&path, bytes).expect("a temporary file");
    see(&path, options)
}

fn asking(titles: &[&str]) -> ReadOptions {
    ReadOptions { titles: titles.iter().map(|t| (*t).to_owned()).collect(), ..ReadOptions::default() }
}

fn cells(cells: &[&str]) -> Vec<String> {
    cells.iter().map(|c| (*c).to_owned()).collect()
}

fn encoded(text: &str, encoding: &str) -> Vec<u8> {
    match encoding {
        "UTF-16LE" => text.encode_utf16().flat_map(u16::to_le_bytes).collect(),
        "UTF-16BE" => text.encode_utf16().flat_map(u16::to_be_bytes).collect(),
        _ => {
            let encoding = encoding_rs::Encoding::for_label(encoding.as_bytes()).expect("a known encoding");
            encoding.encode(text).0.into_owned()
        }
    }
}

#[test]
fn every_file_of_csv_spectrum_reads_as_its_json() {
    let mut compared = 0;
    for entry in std::fs::read_dir(file("csv-spectrum")).expect("the folder is there") {
        let path = entry.expect("it can be listed").path();
        if path.extension().is_none_or(|e| e != "csv") {
            continue;
        }
        let seen = see(&path, &ReadOptions::default()).expect("it can be read");
        let rows: Vec<serde_json::Value> = seen
            .rows
            .iter()
            .map(|(_, cells)| {
                let pairs = seen.titles.iter().zip(cells).map(|(t, c)| (t.clone(), c.clone().into()));
                serde_json::Value::Object(pairs.collect())
            })
            .collect();
        let json = std::fs::read(path.with_extension("json")).expect("its JSON is beside it");
        let mut expected: serde_json::Value = serde_json::from_slice(&json).expect("it is JSON");
        let mut rows = serde_json::Value::Array(rows);
        if path.ends_with("location_coordinates.csv") {
            // See SOURCES.md.
            expected = serde_json::Value::Array(vec![expected]);
            for list in [&mut expected, &mut rows] {
                list[0].as_object_mut().expect("an object").remove("Contact Phone Number");
            }
        }
        assert_eq!(rows, expected, "{}", path.display());
        compared += 1;
    }
    assert_eq!(compared, 12);
}

const DEALS: &str = "Название сделки;Бюджет;Телефон\r\nСделка 1;1 234,50;+7 900 000-00-01\r\nПётр, \
                     «ё»;\"2;000\";8 (900) 000-00-02\r\n";

#[test]
fn every_encoding_with_every_delimiter_is_detected() {
    for encoding in ["UTF-8", "windows-1251", "KOI8-R", "IBM866", "UTF-16LE", "UTF-16BE"] {
        for (delimiter, shown) in [(';', "`;`"), (',', "`,`"), ('\t', "tab"), ('|', "`|`")] {
            let text = DEALS.replace(['«', '»'], "'").replace("1 234,50", "1 234").replace("Пётр, ", "Пётр ");
            let text = text.replace(';', &delimiter.to_string());
            for options in [ReadOptions::default(), asking(&["телефон", "Название  сделки"])] {
                let seen = see_bytes(&encoded(&text, encoding), &options).expect("it can be read");
                assert_eq!(seen.layout, format!("CSV, {encoding}, {shown}, header in row 1"));
                assert_eq!(seen.titles, ["Название сделки", "Бюджет", "Телефон"]);
                let price = format!("2{delimiter}000");
                assert_eq!(seen.rows[1], (3, cells(&["Пётр 'ё'", &price, "8 (900) 000-00-02"])));
            }
        }
    }
}

#[test]
fn titles_decide_where_the_letters_are_too_few() {
    for encoding in ["windows-1251", "KOI8-R", "IBM866"] {
        let seen = see_bytes(&encoded("ЦЪ,ЩЙ\n1;2,3;4\n5;6,7;8\n", encoding), &asking(&["ЦЪ", "щй"]));
        let seen = seen.unwrap_or_else(|problem| panic!("{encoding}: {problem}"));
        assert_eq!(seen.layout, format!("CSV, {encoding}, `,`, header in row 1"));
        assert_eq!(seen.rows[0], (2, cells(&["1;2", "3;4"])));
    }
}

#[test]
fn the_files_made_for_this_read_as_meant() {
    let deals = ["Название сделки", "Бюджет", "Телефон"];
    for (name, layout) in [
        ("cp1251_semicolon.csv", "CSV, windows-1251, `;`, header in row 1"),
        ("koi8r.csv", "CSV, KOI8-R, `;`, header in row 1"),
        ("cp866_dos.csv", "CSV, IBM866, `;`, header in row 1"),
        ("utf16be_bom.csv", "CSV, UTF-16BE, `;`, header in row 1"),
        ("utf16le_bom_tab.csv", "CSV, UTF-16LE, tab, header in row 1"),
        ("utf16le_no_bom.csv", "CSV, UTF-16LE, `;`, header in row 1"),
        ("double_bom.csv", "CSV, UTF-8, `;`, header in row 1"),
        ("sep_line.csv", "CSV, UTF-8, `;`, header in row 1"),
        ("cr_only.csv", "CSV, UTF-8, `;`, header in row 1"),
        ("pipe_delimited.csv", "CSV, UTF-8, `|`, header in row 1"),
        ("tab_as_csv.csv", "CSV, UTF-8, tab, header in row 1"),
        ("csv_named_xlsx.xlsx", "CSV, UTF-8, `;`, header in row 1"),
    ] {
        let seen = see(&file("made").join(name), &ReadOptions::default()).expect("it can be read");
        assert_eq!((seen.layout.as_str(), &seen.titles[..]), (layout, &cells(&deals)[..]), "{name}");
        assert_eq!(seen.rows[0], (2, cells(&["Сделка 1", "1 234,50", "+7 900 000-00-01"])), "{name}");
        assert_eq!(seen.rows[1], (3, cells(&["Сделка 2", "2 000", "8 (900) 000-00-02"])), "{name}");
        assert_eq!(seen.rows.len(), 2, "{name}");
    }
}

#[test]
fn headers_are_found_below_titles_in_files_of_others() {
    for (name, layout, first_title) in [
        ("made/title_rows_above_header.csv", "CSV, UTF-8, `;`, header in row 4", "Название сделки"),
        ("messytables/excel_pasting.csv", "CSV, UTF-8, `,`, header in row 4", "Year"),
        ("messytables/mixedGLB.csv", "CSV, UTF-8, `,`, header in row 4", "Year"),
        ("messytables/spanish_chars.csv", "CSV, windows-1252, `,`, header in row 1", "GF_ID"),
        ("tabulator/skip-rows-before-headers.csv", "CSV, UTF-8, `,`, header in row 2", "id"),
        ("tabulator/latin1.csv", "CSV, windows-1252, `,`, header in row 1", "id"),
    ] {
        let seen = see(&file(name), &ReadOptions::default()).expect("it can be read");
        assert_eq!((seen.layout.as_str(), seen.titles[0].as_str()), (layout, first_title), "{name}");
    }
}

#[test]
fn rows_have_the_numbers_excel_shows() {
    for (text, numbers) in [
        ("a;b\n1;2\n\n3;4\n", &[2, 4][..]),
        ("a;b\r\n\"x\r\n\r\ny\";2\r\n3;4\r\n", &[2, 3]),
        ("a;b\r1;2\r\r\"x\ry\";3\r4;5", &[2, 4, 5]),
        ("a;b\n1;2\r\n3;4\r5;6\n", &[2, 3, 4]),
        ("\n\na;b\n;;\n1;2\n \n3;4", &[5, 7]),
        ("sep=;\na;b\n1;2\n", &[2]),
    ] {
        let seen = see_bytes(text.as_bytes(), &ReadOptions::default()).expect("it can be read");
        let found: Vec<u32> = seen.rows.iter().map(|(number, _)| *number).collect();
        assert_eq!(found, numbers, "{text:?}");
    }
}

#[test]
fn numbers_stay_right_across_the_chunks_of_a_file() {
    let mut text = "номер;текст\r\n".to_owned();
    let mut expected = Vec::new();
    let mut number = 1;
    for nth in 0..30_000_u32 {
        number += 1;
        if nth % 7 == 3 {
            text.push_str("\r\n");
            number += 1;
        }
        let cell = match nth % 5 {
            0 => "\"две\r\nстроки\"",
            1 => "\"\"\"кавычки\"\"\"",
            _ => "слово",
        };
        text.push_str(&format!("{nth};{cell}\r\n"));
        expected.push((number, nth.to_string()));
    }
    for encoding in ["UTF-8", "windows-1251", "UTF-16LE"] {
        let seen = see_bytes(&encoded(&text, encoding), &ReadOptions::default()).expect("it can be read");
        let found: Vec<(u32, String)> = seen.rows.into_iter().map(|(n, cells)| (n, cells[0].clone())).collect();
        assert!(found == expected, "{encoding}");
    }
}

#[test]
fn quotes_that_break_the_rules_lose_nothing() {
    for (name, row, expected) in [
        ("made/stray_quotes.csv", 0, &["ООО \"Ромашка\"", "5\" труба"][..]),
        ("made/stray_quotes.csv", 1, &["\"A\" Corp", "x"]),
        ("made/backslash_escaped.csv", 0, &["A \\\"x\\\" B", "c\\, d"]),
        ("made/excel_escaped_text.csv", 0, &["+79000000001", "000123", "=CONCAT(\"a\"", "\"b\")"]),
        ("made/embedded_newlines_crlf.csv", 0, &["A", "line1\r\nline2;still\r\n\r\nline4", "+79000000001"]),
        ("tabulator/escaping.csv", 0, &["1", "Test line 1"]),
        ("messytables/complex.csv", 2, &["2011-01-03", " ", "6,000,000", "Galway"]),
    ] {
        let seen = see(&file(name), &ReadOptions::default()).expect("it can be read");
        assert_eq!(seen.rows[row].1, expected, "{name}");
    }
}

#[test]
fn ragged_rows_keep_their_cells_and_are_noted() {
    let seen = see(&file("made/ragged.csv"), &ReadOptions::default()).expect("it can be read");
    assert_eq!(
        seen.rows,
        [
            (2, cells(&["A", "1"])),
            (3, cells(&["B", "2", "b@example.com", "extra", "extra2"])),
            (5, cells(&["C", "3", "c@example.com"])),
        ]
    );
    assert_eq!(
        seen.notes,
        ["row 3 has cells beyond the last column of the header", "row 2 has fewer cells than the header"]
    );
}

#[test]
fn options_of_the_user_outrank_every_guess() {
    let options = ReadOptions {
        header_row: Some(2),
        encoding: Some("cp866".into()),
        delimiter: Some(','),
        ..ReadOptions::default()
    };
    let seen = see_bytes(&encoded("a;b\nИмя;x,Город\n1,2\n", "IBM866"), &options).expect("it can be read");
    assert_eq!(seen.layout, "CSV, IBM866, `,`, header in row 2");
    assert_eq!(seen.titles, ["Имя;x", "Город"]);
    let marked = ReadOptions { encoding: Some("windows-1251".into()), ..ReadOptions::default() };
    let seen = see_bytes("\u{feff}Имя\nИван\n".as_bytes(), &marked).expect("it can be read");
    assert_eq!(seen.titles, ["Имя"]);
    assert_eq!(seen.notes, ["the file has a byte order mark of UTF-8 and is read as such, not as windows-1251"]);
}

#[test]
fn a_russian_letter_far_down_the_file_still_decides_the_encoding() {
    let text = format!("name;city\n{}Иван;Москва\n", "a;b\n".repeat(200_000));
    let seen = see_bytes(&encoded(&text, "windows-1251"), &ReadOptions::default()).expect("it can be read");
    assert_eq!(seen.layout, "CSV, windows-1251, `;`, header in row 1");
    assert_eq!(seen.rows.last(), Some(&(200_002, cells(&["Иван", "Москва"]))));
}

#[test]
fn a_row_that_is_not_utf_8_is_reported_and_the_next_one_is_read() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("a.csv");
    let mut bytes = format!("имя;город\n{}", "Иван;Москва\n".repeat(60_000)).into_bytes();
    bytes.extend_from_slice(b"\xC8\xE2\xE0\xED;x\n");
    bytes.extend_from_slice("Пётр;Тверь\n".as_bytes());
    std::fs::write(&path, bytes).expect("a temporary file");
    let mut table = Table::open(&path, &ReadOptions::default()).expect("its start is UTF-8");
    let mut row = Row::default();
    let mut problem = None;
    loop {
        match table.read(&mut row) {
            Ok(true) => {}
            Ok(false) => break,
            Err(told) => problem = Some(told),
        }
    }
    let told = problem.expect("the bad row is told").to_string();
    assert_eq!(
        told.replace(&path.display().to_string(), "a.csv"),
        "a.csv:60002:A (имя): this row contains bytes that are not UTF-8, unlike the rest of the file; save the file as \
         UTF-8, or specify its encoding, such as windows-1251"
    );
    assert_eq!((row.number, row.get(1).text, row.get(1).value), (60_003, "Тверь", Scalar::Text));
}

#[test]
fn a_file_that_cannot_be_read_is_reported_in_a_sentence() {
    let folder = file("made");
    for (name, sentence) in [
        (
            "whitespace_only.csv",
            "whitespace_only.csv: this file is empty; choose a file with a header row and rows under it",
        ),
        (
            "html_saved_as_xls.xls",
            "html_saved_as_xls.xls: this is a web page saved as .xls, not a table; open it in Excel and \
             save it as an Excel workbook (.xlsx)",
        ),
        (
            "unclosed_quote.csv",
            "unclosed_quote.csv:2:B (note): this cell opens with a quote (\") that never closes; delete that quote, or \
             close it at the end of the cell",
        ),
        (
            "invalid_utf8.csv",
            "invalid_utf8.csv:2:B (city): this row contains bytes that are not UTF-8, unlike the rest of the file; save \
             the file as UTF-8, or specify its encoding, such as windows-1251",
        ),
        ("no such.csv", "no such.csv: file not found; check the name and the current folder"),
    ] {
        assert_eq!(see(&folder.join(name), &ReadOptions::default()).err().as_deref(), Some(sentence));
    }
    let options = |encoding: Option<&str>, header_row, delimiter| ReadOptions {
        encoding: encoding.map(str::to_owned),
        header_row,
        delimiter,
        ..ReadOptions::default()
    };
    for (bytes, options, sentence) in [
        (
            &b""[..],
            options(None, None, None),
            "a.csv: this file is empty; choose a file with a header row and rows under it",
        ),
        (
            b"\xEF\xBB\xBF",
            options(None, None, None),
            "a.csv: this file is empty; choose a file with a header row and rows under it",
        ),
        (
            b"%PDF-1.4",
            options(None, None, None),
            "a.csv: this is a PDF document, not a table; choose a CSV file or an Excel workbook",
        ),
        (
            b"a;b\n",
            options(Some("windows-1521"), None, None),
            "a.csv: \"windows-1521\" is not a known encoding; did you mean \"windows-1251\" or \"windows-1252\"?",
        ),
        (b"a;b\n", options(None, None, Some('"')), "a.csv: \"\"\" cannot be a delimiter; use ; , | or a tab"),
        (
            b"a;b\n1;2\n",
            options(None, Some(5), None),
            "a.csv: row 5 should be the header, but the table ends in row 2; check the number of the header row",
        ),
        (
            b"a;b\n\n1;2\n",
            options(None, Some(2), None),
            "a.csv: row 2 should be the header, but it is blank; the next row with data is row 3",
        ),
        (
            b"a\0;\0b\0\n\0x\0;\0y",
            options(Some("utf-16"), None, None),
            "a.csv:2: this row contains bytes that are not UTF-16LE; save the file as UTF-8, or specify its encoding, such as windows-1251",
        ),
    ] {
        assert_eq!(see_bytes(bytes, &options).err().as_deref(), Some(sentence));
    }
}

#[test]
fn repeated_and_padded_titles_can_all_be_named() {
    let mut table = Table::open(&file("made/duplicate_headers.csv"), &ReadOptions::default()).expect("it can be read");
    let header: &Header = &table.header;
    assert_eq!(header.unique_names(), ["Телефон [1]", "Телефон [2]", "телефон [3]", "Email [1]", "Email [2]"]);
    assert_eq!(table.source().sheet, None);
    let mut row = Row::default();
    assert!(table.read(&mut row).expect("it has a row"));
    assert!(!table.read(&mut row).expect("and no more"));
    assert!(!table.read(&mut row).expect("at the end it stays at the end"));
}
