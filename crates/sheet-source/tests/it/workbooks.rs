//! Workbooks of every format: typed cells, sheets, dates of both epochs, and the message on failure.

use sheet_source::{ReadOptions, Row, Scalar, Table};
use std::path::{Path, PathBuf};

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/files").join(name)
}

fn open(name: &str, options: &ReadOptions) -> Result<Table, String> {
    let folder = format!("{}/", file(name).parent().expect("a file is in a folder").display());
    Table::open(&file(name), options).map_err(|problem| problem.to_string().replace(&folder, ""))
}

fn rows(table: &mut Table) -> Vec<(u32, Vec<(String, Scalar)>)> {
    let mut rows = Vec::new();
    let mut row = Row::default();
    while table.read(&mut row).expect("its rows can be read") {
        rows.push((row.number, row.iter().map(|cell| (cell.text.to_owned(), cell.value)).collect()));
    }
    rows
}

fn on_sheet(sheet: &str) -> ReadOptions {
    ReadOptions { sheet: Some(sheet.into()), ..ReadOptions::default() }
}

fn sentence(name: &str, options: &ReadOptions) -> String {
    open(name, options).err().unwrap_or_else(|| panic!("{name} should not open"))
}

#[test]
fn dates_are_the_same_in_every_format_and_epoch() {
    for name in ["date.xlsx", "date.xlsb", "date.xls", "date_1904.xlsx", "date_1904.xlsb", "date_1904.xls"] {
        let mut table = open(&format!("calamine/{name}"), &ReadOptions::default()).expect("it can be read");
        assert_eq!(table.header.title(0), "2021-01-01", "{name}");
        let rows = rows(&mut table);
        assert_eq!(rows[0].1[0], ("2021-01-02".into(), Scalar::Serial(44_198.0)), "{name}");
        assert_eq!(rows[0].1[1], ("16".into(), Scalar::Number(16.0)), "{name}");
        assert_eq!(rows[1].1[0].0, "255:10:10", "{name}");
    }
    for name in ["date_iso.xlsx", "date.ods"] {
        let mut table = open(&format!("calamine/{name}"), &ReadOptions::default()).expect("it can be read");
        let rows = rows(&mut table);
        assert_eq!(rows[0].1[0].0, "2021-01-01T10:10:10", "{name}");
        assert!(matches!(rows[0].1[0].1, Scalar::Serial(_)), "{name}");
        assert_eq!(rows[1].1[0].0, "10:10:10", "{name}");
    }
}

#[test]
fn hidden_sheets_are_read_only_when_named() {
    for (name, layout) in [
        ("calamine/any_sheets.xlsx", "Excel (xlsx), sheet \"Visible\", header in row 1"),
        ("calamine/any_sheets.xlsb", "Excel (xlsb), sheet \"Visible\", header in row 1"),
        ("calamine/any_sheets.xls", "Excel (xls), sheet \"Visible\", header in row 1"),
    ] {
        let table = open(name, &ReadOptions::default()).expect("it can be read");
        assert_eq!(table.layout.to_string(), layout);
        assert_eq!(table.layout.hidden_sheets, ["Hidden", "VeryHidden"]);
    }
    assert_eq!(
        sentence("calamine/any_sheets.xlsx", &on_sheet("Vizible")),
        "any_sheets.xlsx: sheet \"Vizible\" not found; did you mean \"Visible\"? the sheets are \"Visible\", \
         \"Hidden\" (hidden), \"VeryHidden\" (hidden)"
    );
    assert_eq!(
        sentence("calamine/any_sheets.xlsx", &on_sheet("chart")),
        "any_sheets.xlsx: sheet \"Chart\" has no cells: it is a chart or a macro; the sheets are \"Visible\", \
         \"Hidden\" (hidden), \"VeryHidden\" (hidden)"
    );
}

#[test]
fn a_sheet_is_found_by_name_by_number_and_by_its_titles() {
    let by_titles = ReadOptions { titles: vec!["объём".into(), "Имя".into()], ..ReadOptions::default() };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("a.xlsx");
    let mut book = rust_xlsxwriter::Workbook::new();
    book.add_worksheet().set_name("Пустой").expect("a name");
    let notes = book.add_worksheet().set_name("Заметки").expect("a name");
    notes.write(0, 0, "Имя").and_then(|s| s.write(1, 0, "x")).expect("cells");
    let deals = book.add_worksheet().set_name("Заявки 2026").expect("a name");
    deals.write(0, 0, "Отчёт").expect("a cell");
    deals.write(3, 1, "Имя").and_then(|s| s.write(3, 2, "Объем")).and_then(|s| s.write(5, 2, 5)).expect("cells");
    book.save(&path).expect("it can be saved");
    for (options, sheet, header_row) in [
        (ReadOptions::default(), "Заметки", 1),
        (by_titles, "Заявки 2026", 4),
        (on_sheet("заявки  2026"), "Заявки 2026", 4),
        (on_sheet("3"), "Заявки 2026", 4),
    ] {
        let table = Table::open(&path, &options).expect("it can be read");
        assert_eq!((table.layout.sheet.as_deref(), table.layout.header_row), (Some(sheet), header_row));
        assert_eq!(table.source().sheet.as_deref(), Some(sheet));
    }
    let mut table = Table::open(&path, &on_sheet("3")).expect("it can be read");
    let rows = rows(&mut table);
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0].0, 6);
    assert_eq!(rows[0].1[2], ("5".into(), Scalar::Number(5.0)));
    let far = ReadOptions { header_row: Some(5), ..on_sheet("3") };
    let told = Table::open(&path, &far).err().expect("row 5 is blank").message.to_string();
    assert_eq!(told, "row 5 should be the header, but it is blank");
}

#[test]
fn cells_have_types_errors_have_names_and_formulas_without_results_are_noted() {
    let mut table = open("made/formula_cached_values.xlsx", &ReadOptions::default()).expect("it can be read");
    let rows = rows(&mut table);
    let last = &rows[1];
    assert_eq!(last.0, 3);
    assert_eq!(
        last.1,
        [
            ("2".to_owned(), Scalar::Number(2.0)),
            ("ab".to_owned(), Scalar::Text),
            ("true".to_owned(), Scalar::Bool(true)),
            ("#DIV/0!".to_owned(), Scalar::Error),
            (String::new(), Scalar::Uncomputed),
        ]
    );
    assert_eq!(
        table.notes().iter().map(|note| note.message.to_string()).collect::<Vec<_>>(),
        [
            "row 3 has cells beyond the last column of the header",
            "the formula in E3 was never calculated; open the file in Excel or LibreOffice and save it"
        ]
    );
}

#[test]
fn prices_below_merged_titles_are_found() {
    let mut table = open("made/price_with_title_groups_ru.xlsx", &ReadOptions::default()).expect("it can be read");
    assert_eq!(table.layout.header_row, 4);
    assert_eq!(table.header.title(2), "Наименование");
    let rows = rows(&mut table);
    assert_eq!(rows[0].1, [("Ворота".to_owned(), Scalar::Text)]);
    assert_eq!(rows[1].1[1].0, "000-Во");
}

#[test]
fn a_file_that_cannot_be_read_is_reported_in_a_sentence() {
    const PASSWORD: &str = "this workbook is protected by a password; open it in Excel, remove the password (File, \
                            Info, Protect Workbook) and save it";
    const REPAIR: &str = "open it in Excel, let Excel repair it, and save it; or copy or download it again";
    let guess = ReadOptions::default();
    for name in [
        "calamine/pass_protected.xlsx",
        "calamine/pass_protected.xlsb",
        "calamine/pass_protected.ods",
        "messytables/encrypted_no_password.xls",
    ] {
        let name = name.replace("messytables/", "messytables/messytables_");
        assert!(sentence(&name, &guess).ends_with(PASSWORD), "{name}");
    }
    for (name, expected) in [
        (
            "made/truncated_half.xlsx",
            "truncated_half.xlsx: this workbook is damaged: its end is missing, as after an interrupted copy or \
             download; copy or download the file again, or open it in Excel and save it again"
                .to_owned(),
        ),
        (
            "made/missing_worksheet_part.xlsx",
            format!(
                "missing_worksheet_part.xlsx: this workbook is damaged: the data of sheet \"Лист1\" is missing; {REPAIR}"
            ),
        ),
        ("calamine/OOM_alloc3.xls", format!("OOM_alloc3.xls: this workbook is damaged (its end is missing); {REPAIR}")),
        (
            "calamine/empty_sheet.xlsx",
            "empty_sheet.xlsx: this workbook is empty; choose a file with a header row and rows under it".to_owned(),
        ),
        (
            "calamine/issue_594_dos.ods",
            format!("issue_594_dos.ods: this workbook is damaged (a cell is beyond the last row or column); {REPAIR}"),
        ),
    ] {
        assert_eq!(sentence(name, &guess), expected);
    }
}

#[test]
fn a_workbook_cut_anywhere_is_a_problem_and_never_a_panic() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for name in ["calamine/date.xlsx", "calamine/date.xlsb", "calamine/date.xls", "calamine/date.ods"] {
        let whole = std::fs::read(file(name)).expect("the file is there");
        for cut in (8..whole.len()).step_by(whole.len() / 40) {
            let path = folder.path().join("cut");
            std::fs::write(&path, &whole[..cut]).expect("a temporary file");
            if let Ok(mut table) = Table::open(&path, &ReadOptions::default()) {
                let mut row = Row::default();
                while let Ok(true) = table.read(&mut row) {}
            }
        }
    }
}

#[test]
fn a_table_dropped_half_way_stops_its_thread() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("long.xlsx");
    let mut book = rust_xlsxwriter::Workbook::new();
    let sheet = book.add_worksheet();
    for row in 0..20_000 {
        sheet.write(row, 0, row).and_then(|s| s.write(row, 1, "текст")).expect("cells");
    }
    book.save(&path).expect("it can be saved");
    let mut table = Table::open(&path, &ReadOptions::default()).expect("it can be read");
    let mut row = Row::default();
    assert!(table.read(&mut row).expect("it has rows"));
    drop(table);
    let mut table = Table::open(&path, &ReadOptions::default()).expect("it can be read again");
    assert_eq!(rows(&mut table).len(), 19_999);
}

#[test]
fn a_workbook_written_as_a_stream_with_large_sizes_is_read() {
    let mut table = open("made/zip64_always.xlsx", &ReadOptions::default()).expect("it can be read");
    assert_eq!((table.header.title(0), table.header.title(1)), ("Имя", "Сумма"));
    assert_eq!(rows(&mut table)[0].1, [("Иван".to_owned(), Scalar::Text), ("5".to_owned(), Scalar::Number(5.0))]);
}

/// A workbook that declares 2,000 bytes, or far too many, for its shared strings.
fn with_wrong_size(size: u32) -> Vec<u8> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("a.xlsx");
    let mut book = rust_xlsxwriter::Workbook::new();
    let sheet = book.add_worksheet();
    for row in 0..2_000 {
        sheet.write(row, 0, format!("текст {row}")).expect("a cell");
    }
    book.save(&path).expect("it can be saved");
    let mut file = std::fs::read(&path).expect("it is there");
    let name = b"xl/sharedStrings.xml";
    let last =
        (0..file.len() - name.len()).rev().find(|at| file[*at..].starts_with(name)).expect("the directory names it");
    file[last - 22..last - 18].copy_from_slice(&size.to_le_bytes());
    file
}

#[test]
fn wrong_sizes_are_reported_or_make_no_difference() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("a.xlsx");
    for size in [0, 2_000, 3_000_000_000] {
        std::fs::write(&path, with_wrong_size(size)).expect("a temporary file");
        match Table::open(&path, &ReadOptions::default()) {
            Ok(mut table) => assert_eq!(rows(&mut table).len(), 1_999),
            Err(problem) => assert!(["damaged-workbook", "file-too-big"].contains(&&*problem.code), "{problem}"),
        }
    }
}

#[test]
fn pages_and_xml_under_the_name_of_a_workbook_are_reported() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let utf_16 = |text: &str| [0xFEFF].into_iter().chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect();
    let pages: [Vec<u8>; 6] = [
        b"<!-- export -->\n<table><tr><td>1</td></tr></table>".to_vec(),
        b"\xEF\xBB\xBF\r\n\r\n<DIV><TABLE><TR><TD>1</TD></TR></TABLE></DIV>".to_vec(),
        b"MIME-Version: 1.0\r\nContent-Type: multipart/related; boundary=\"x\"\r\n\r\n--x\r\n<html>".to_vec(),
        utf_16("<html><table><tr><td>Имя</td></tr></table></html>"),
        b"<html xmlns:x=\"urn:schemas-microsoft-com:office:excel\">\xC8\xEC\xFF".to_vec(),
        b"<meta http-equiv=\"Content-Type\" content=\"text/html; charset=windows-1251\"><table>\xC8\xEC\xFF".to_vec(),
    ];
    for (name, page) in pages.into_iter().map(|page| ("a.xls", page)) {
        let path = folder.path().join(name);
        std::fs::write(&path, &page).expect("a temporary file");
        let problem = Table::open(&path, &ReadOptions::default()).err().expect("it is no table");
        assert_eq!(problem.code, "html-file", "{problem}");
    }
    let path = folder.path().join("b.xls");
    std::fs::write(&path, "<Workbook xmlns=\"urn:schemas-microsoft-com:office:spreadsheet\">").expect("a file");
    let problem = Table::open(&path, &ReadOptions::default()).err().expect("it is no table");
    assert_eq!(problem.message.to_string(), "this is an XML spreadsheet of Excel 2003, not a table");
    let path = folder.path().join("b.csv");
    std::fs::write(&path, "<b>Имя</b>;<не указано>\nИван;5\n").expect("a file");
    let mut table = Table::open(&path, &ReadOptions::default()).expect("it is a table");
    assert_eq!(table.header.title(0), "<b>Имя</b>");
    assert_eq!(rows(&mut table).len(), 1);
}
