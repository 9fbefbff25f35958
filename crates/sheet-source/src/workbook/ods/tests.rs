//! Tests with workbooks built in memory.

use super::OpenDocument;
use crate::file::error::WorkbookError;
use crate::file::input::SourceFile;
use crate::workbook::sheet::metadata::{Area, SheetMetadata, TOO_MANY_LINKS, TOO_MANY_MERGED_CELLS};
use crate::workbook::sheet::{CELL_OUT_OF_BOUNDS, ROWS_MAX};
use std::io::{Cursor, Write};
use std::ops::ControlFlow;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

pub fn packed(parts: &[(&str, &[u8])]) -> SourceFile {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in parts {
        zip.start_file(*name, SimpleFileOptions::default()).expect("a part");
        zip.write_all(content).expect("its content");
    }
    SourceFile::memory(zip.finish().expect("an archive").into_inner())
}

/// A workbook with these tables.
pub fn content(tables: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<office:document-content><office:automatic-styles>\
         <style:style style:name=\"ta2\" style:family=\"table\"><style:table-properties table:display=\"false\"/>\
         </style:style></office:automatic-styles><office:body><office:spreadsheet>{tables}</office:spreadsheet>\
         </office:body></office:document-content>"
    )
}

fn sheet(rows: &str) -> String {
    content(&format!("<table:table table:name=\"S\"><table:table-column/>{rows}</table:table>"))
}

fn open(content: &[u8]) -> Result<OpenDocument, WorkbookError> {
    OpenDocument::open(packed(&[("mimetype", b"x"), ("content.xml", content)]))
}

pub fn detail(error: WorkbookError) -> String {
    match error {
        WorkbookError::Damaged(detail) => detail,
        WorkbookError::Encrypted => "encrypted".into(),
        WorkbookError::NoWorkbook => "no workbook".into(),
        WorkbookError::Missing => "missing".into(),
        _ => "other".into(),
    }
}

/// Cells as text, then the error, if any.
fn cells(content: &[u8], sheet: &str) -> Vec<String> {
    let mut cells = Vec::new();
    let end = open(content).and_then(|mut book| {
        book.visit_cells(sheet, &mut |found| {
            cells.push(format!("{},{} {:?}", found.row, found.column, found.value));
            if cells.len() < 50 { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })
    });
    cells.extend(end.err().map(detail));
    cells
}

fn of_rows(rows: &str) -> Vec<String> {
    cells(sheet(rows).as_bytes(), "S")
}

/// The value of a cell with these attributes and this content; empty if there is none.
fn value(attributes: &str, within: &str) -> String {
    let cell = format!("<table:table-cell {attributes}>{within}</table:table-cell>");
    of_rows(&format!("<table:table-row>{cell}</table:table-row>")).join("; ").replacen("0,0 ", "", 1)
}

fn text(within: &str) -> String {
    let value = value("office:value-type='string'", within);
    value.strip_prefix("Text(\"").and_then(|rest| rest.strip_suffix("\")")).unwrap_or(&value).to_owned()
}

fn metadata(rows: &str) -> SheetMetadata {
    open(sheet(rows).as_bytes())
        .map_err(detail)
        .expect("a workbook")
        .metadata("S", true)
        .map_err(detail)
        .expect("facts")
}

const CELL: &str = "<table:table-cell office:value-type='float' office:value='1'><text:p>1</text:p></table:table-cell>";

#[test]
fn values_are_what_tag_and_text_make_together() {
    for (attributes, within, expected) in [
        ("office:value-type='string'", "<text:p>Иван</text:p>", "Text(\"Иван\")"),
        ("", "<text:p>Иван</text:p>", "Text(\"Иван\")"),
        ("office:value-type='void'", "<text:p>Иван</text:p>", "Text(\"Иван\")"),
        ("office:value-type='novel'", "<text:p>5</text:p>", "Text(\"5\")"),
        (
            "office:value-type='novel' office:value='5'",
            "<text:p>пять</text:p>",
            "Displayed { number: 5.0, text: \"пять\", kind: Custom }",
        ),
        ("office:value='5'", "<text:p>5</text:p>", "Number(5.0)"),
        ("office:value-type='float' office:value='1234.5'", "<text:p>1 235</text:p>", "Number(1234.5)"),
        ("office:value-type='float' office:value='1e3'", "", "Number(1000.0)"),
        (
            "office:value-type='float' office:value='17'",
            "<text:p>З-0017</text:p>",
            "Displayed { number: 17.0, text: \"З-0017\", kind: Custom }",
        ),
        ("office:value-type='float'", "<text:p>5</text:p>", "Text(\"5\")"),
        ("office:value-type='float' office:value='five'", "<text:p>5</text:p>", "Text(\"five\")"),
        ("office:value-type='float' office:value='NaN'", "", "Text(\"NaN\")"),
        (
            "office:value-type='percentage' office:value='0.155'",
            "<text:p>16%</text:p>",
            "Displayed { number: 0.155, text: \"15.5%\", kind: Percent }",
        ),
        (
            "office:value-type='date' office:date-value='1812-09-07'",
            "<text:p>x</text:p>",
            "IsoDateTime(\"1812-09-07\")",
        ),
        (
            "office:value-type='time' office:time-value='PT36H05M00S'",
            "<text:p>x</text:p>",
            "IsoDuration(\"PT36H05M00S\")",
        ),
        ("office:value-type='boolean' office:boolean-value='true'", "<text:p>ИСТИНА</text:p>", "Bool(true)"),
        ("office:value-type='boolean' office:boolean-value='FALSE'", "<text:p>x</text:p>", "Bool(false)"),
        ("office:value-type='boolean' office:boolean-value='perhaps'", "<text:p>x</text:p>", "Text(\"x\")"),
        ("office:value-type='string' office:string-value='a&#10;b &amp;'", "<text:p>x</text:p>", "Text(\"a\\nb &\")"),
        ("office:value-type='string'", "<text:p/>", ""),
        ("office:value-type='string' office:string-value=''", "<text:p/>", ""),
        ("office:value-type='string'", "<text:p> </text:p>", ""),
        ("", "", ""),
    ] {
        assert_eq!(value(attributes, within), expected, "{attributes} {within}");
    }
    let currency = value(
        "office:value-type='currency' office:currency='RUB' office:value='1234.5'",
        "<text:p>1 234,50 ₽</text:p>",
    );
    assert!(currency.starts_with("Displayed { number: 1234.5, text: \"1234.5\", kind: Currency("), "{currency}");
}

#[test]
fn formulas_without_a_result_and_with_an_error_are_no_empty_cells() {
    for (attributes, within, expected) in [
        ("table:formula='of:=A1'", "", r#"Uncomputed("")"#),
        ("table:formula='of:=A1'", "<office:annotation><text:p>note</text:p></office:annotation>", r#"Uncomputed("")"#),
        ("table:formula='of:=A1' office:value-type='float'", "", r#"Uncomputed("")"#),
        ("table:formula='of:=\"\"' office:value-type='string' office:string-value=''", "<text:p/>", ""),
        ("table:formula='of:=\"\"' office:value-type='string'", "", ""),
        ("table:formula='of:=1' office:value-type='float' office:value='1'", "<text:p>1</text:p>", "Number(1.0)"),
        (
            "table:formula='of:=1/0' office:value-type='string' office:string-value='' calcext:value-type='error'",
            "<text:p>#ДЕЛ/0!</text:p>",
            "Error(\"#ДЕЛ/0!\")",
        ),
        ("calcext:value-type='error'", "", "Error(\"#ERROR\")"),
        (
            "table:formula='of:=1/0' office:value-type='float' office:value='0'",
            "<text:p>#DIV/0!</text:p>",
            "Error(\"#DIV/0!\")",
        ),
        ("table:formula='of:=X' office:value-type='string'", "<text:p>Err:508</text:p>", "Error(\"Err:508\")"),
        ("office:value-type='string'", "<text:p>#N/A</text:p>", "Text(\"#N/A\")"),
    ] {
        assert_eq!(value(attributes, within), expected, "{attributes} {within}");
    }
}

#[test]
fn a_text_is_its_paragraphs_with_the_blanks_that_count() {
    for (within, expected) in [
        ("<text:p>a</text:p><text:p>b</text:p>", "a\\nb"),
        ("<text:p>a</text:p><text:p/><text:p>b</text:p>", "a\\n\\nb"),
        ("\n <text:p>\n  a\n  b\n </text:p>\n ", "a b"),
        ("<text:p>a <text:s/>b<text:s text:c='3'/>c </text:p>", "a  b   c "),
        ("<text:p><text:s/>a<text:tab/>b<text:line-break/>c</text:p>", " a\\tb\\nc"),
        ("<text:p>a <text:span> b</text:span><text:a xlink:href='x'>c</text:a></text:p>", "a bc"),
        ("<text:p>a&lt;&#1103;&#10;<![CDATA[<b>]]><!-- c --></text:p>", "a<я <b>"),
        ("<office:annotation><text:p>n</text:p></office:annotation><text:p>a</text:p>", "a"),
        ("<text:p>a<office:annotation><text:p>n</text:p></office:annotation>b</text:p>", "ab"),
        (
            "<text:p><text:ruby><text:ruby-base>日</text:ruby-base><text:ruby-text>ニチ</text:ruby-text></text:ruby></text:p>",
            "日",
        ),
        ("<text:list><text:list-item><text:p>a</text:p></text:list-item></text:list><text:h>b</text:h>", "a\\nb"),
        ("<draw:frame><draw:text-box><text:p>n</text:p></draw:text-box></draw:frame><text:p>a</text:p>", "a"),
        ("<table:table table:name='N'><table:table-row/></table:table><text:p>a</text:p>", "a"),
    ] {
        assert_eq!(text(within), expected, "{within}");
    }
    assert_eq!(text("<text:p>a<text:s text:c='99999999999999999999'/></text:p>"), "row 1 holds more than 8 MB of text");
    let long = format!("<text:p>{}</text:p>", "x &amp; ".repeat(2_200_000));
    assert!(text(&long) == "row 1 holds more than 8 MB of text");
}

#[test]
fn repeated_cells_and_rows_are_repeated_within_bounds() {
    let x = "office:value-type='string'><text:p>x</text:p></table:table-cell>";
    let rows = format!(
        "<table:table-row table:number-rows-repeated='2'><table:table-cell table:number-columns-repeated='2'/>\
         <table:table-cell table:number-columns-repeated='2' {x}</table:table-row>\
         <table:table-row table:number-rows-repeated='3'><table:table-cell table:number-columns-repeated='16384'/></table:table-row>\
         <table:table-row><table:covered-table-cell {}<table:table-cell {x}<table:table-cell table:number-columns-repeated='99999999999'/></table:table-row>\
         <table:table-row table:number-rows-repeated='4294967299'><table:table-cell/></table:table-row>",
        x.replace("table-cell", "covered-table-cell")
    );
    let x = "Text(\"x\")";
    let expected: Vec<String> =
        ["0,2", "0,3", "1,2", "1,3", "5,1"].iter().map(|index| format!("{index} {x}")).collect();
    assert_eq!(of_rows(&rows), expected);
    let row = |rows: &str, columns: &str| {
        let cell = CELL.replacen(' ', &format!(" table:number-columns-repeated='{columns}' "), 1);
        format!("<table:table-row table:number-rows-repeated='{rows}'>{cell}</table:table-row>")
    };
    for (rows, columns) in
        [("1", "16385"), ("999999999", "1"), ("999999999", "999999999"), ("99999999999999999999", "1")]
    {
        assert_eq!(of_rows(&row(rows, columns)), [CELL_OUT_OF_BOUNDS], "{rows} {columns}");
    }
    assert_eq!(of_rows(&row("16777216", "16384")), ["its repeated cells take more than 1 GB"]);
    assert_eq!(of_rows(&row("2", "16384")).len(), 50);
    for (odd, cells) in [("0", 1), ("-1", 1), ("", 1), ("x", 1), ("2", 2)] {
        assert_eq!(of_rows(&row(odd, odd)).len(), cells * cells, "{odd}");
    }
}

#[test]
fn sheets_are_the_tables_of_the_workbook_and_nothing_else() {
    let table = |name: &str, style: &str| {
        format!(
            "<table:table table:name=\"{name}\" table:style-name=\"{style}\"><table:table-row>{CELL}</table:table-row></table:table>"
        )
    };
    let within = table("Within", "");
    let tables = format!(
        "<table:tracked-changes>{within}</table:tracked-changes>{}<table:table table:name=\"Два &amp; три\"><office:forms>{within}</office:forms>\
         <table:shapes>{within}</table:shapes><table:table-header-rows><table:table-row>{CELL}</table:table-row></table:table-header-rows>\
         <table:table-row><table:table-cell>{within}</table:table-cell></table:table-row></table:table>{}{}<table:dde-links>\
         <table:dde-link>{within}</table:dde-link></table:dde-links>",
        table("Скрыт", "ta2"),
        table("'file:///a.ods'#$Лист1", "ta2"),
        table("Last", "ta1"),
    );
    let whole = content(&tables);
    let mut book = open(whole.as_bytes()).map_err(detail).expect("a workbook");
    let sheets: Vec<(String, bool)> = book.sheets().into_iter().map(|sheet| (sheet.name, sheet.visible)).collect();
    assert_eq!(sheets, [("Скрыт".to_owned(), false), ("Два & три".to_owned(), true), ("Last".to_owned(), true)]);
    for (sheet, _) in sheets {
        assert_eq!(cells(whole.as_bytes(), &sheet), ["0,0 Number(1.0)"], "{sheet}");
    }
    assert_eq!(book.visit_cells("Within", &mut |_| ControlFlow::Continue(())).map_err(detail), Err("missing".into()));
}

#[test]
fn metadata_is_merged_cells_hidden_rows_and_links() {
    let row = |attributes: &str, cells: &str| format!("<table:table-row {attributes}>{cells}</table:table-row>");
    let merged = CELL.replacen(' ', " table:number-columns-spanned='2' table:number-rows-spanned='3' ", 1);
    let link = "<table:table-cell office:value-type='string'><text:p><text:a xlink:href='https://example.com/a?b&amp;c'>Отк</text:a>\
                <text:a xlink:href='https://example.com/a?b&amp;c'>рыть</text:a> <text:a xlink:href='mailto:a@example.com'>x</text:a>\
                <text:a xlink:href='#S.A1'>y</text:a></text:p></table:table-cell>";
    let rows = [
        row("", &format!("{CELL}{merged}")),
        row("table:visibility='collapse'", CELL),
        row("table:number-rows-repeated='2' table:visibility='filter'", CELL),
        row("table:visibility='visible'", &format!("{CELL}{CELL}{link}")),
        format!(
            "<table:table-row-group table:display='false'>{}<table:table-row-group>{}</table:table-row-group>{}</table:table-row-group>",
            row("", CELL),
            row("", CELL),
            row("", CELL)
        ),
        // Cells with a format only.
        row(
            "table:visibility='collapse'",
            "<table:table-cell table:style-name='ce1' table:number-columns-repeated='9'/>",
        ),
        row("table:visibility='filter'", "<table:table-cell/>"),
        row("table:number-rows-repeated='3'", &CELL.replacen(' ', " table:number-columns-spanned='2' ", 1)),
        row(
            "table:number-rows-repeated='1048000' table:visibility='collapse'",
            &merged.replace("office:value", "x").replace("<text:p>1</text:p>", ""),
        ),
        row("table:number-rows-repeated='4294967295' table:visibility='collapse'", "<table:table-cell/>"),
    ];
    let metadata = metadata(&rows.concat());
    assert_eq!(metadata.hidden, [(1, 3), (5, 7)]);
    let area = |top, left, bottom, right| Area { top, left, bottom, right };
    let merged = [area(0, 1, 2, 2), area(10, 0, 10, 1), area(11, 0, 11, 1), area(12, 0, 12, 1), area(13, 0, 15, 1)];
    assert_eq!(metadata.merged, merged);
    assert_eq!(metadata.links.len(), 1);
    assert_eq!(
        metadata.links.get(&(4, 2)).map(String::as_str),
        Some("https://example.com/a?b&c\nmailto:a@example.com")
    );
    assert!(metadata.totals.is_empty());
}

#[test]
fn metadata_stays_within_the_sheet_and_within_limits() {
    let wide =
        CELL.replacen(' ', " table:number-columns-spanned='4294967295' table:number-rows-spanned='99999999999' ", 1);
    let facts_of =
        |attributes: &str, cell: &str| metadata(&format!("<table:table-row {attributes}>{cell}</table:table-row>"));
    let all = Area { top: 0, left: 0, bottom: ROWS_MAX - 1, right: 16_383 };
    assert_eq!(facts_of("", &wide).merged, [all]);
    let many = wide.replacen(' ', " table:number-columns-repeated='16384' ", 1);
    let rows = format!("<table:table-row table:number-rows-repeated='1000000'>{many}</table:table-row>");
    let book = open(sheet(&rows).as_bytes()).map_err(detail).expect("a workbook");
    assert_eq!(book.metadata("S", true).map_err(detail), Err(TOO_MANY_MERGED_CELLS.to_owned()));
    let tables = content(&format!("<table:table table:name='A'>{rows}</table:table><table:table table:name='S'/>"));
    let book = open(tables.as_bytes()).map_err(detail).expect("a workbook");
    assert_eq!(book.metadata("A", true).map_err(detail), Err(TOO_MANY_MERGED_CELLS.to_owned()));
    assert_eq!(book.metadata("S", true).map_err(detail), Ok(SheetMetadata::default()));
    let link = format!("<text:p><text:a xlink:href='http://{}'>a</text:a></text:p>", "a".repeat(1_000));
    let rows = format!(
        "<table:table-row table:number-rows-repeated='40000'><table:table-cell office:value-type='string'>{link}\
         </table:table-cell></table:table-row>"
    );
    let book = open(sheet(&rows).as_bytes()).map_err(detail).expect("a workbook");
    assert_eq!(book.metadata("S", true).map_err(detail), Err(TOO_MANY_LINKS.to_owned()));
    assert_eq!(book.metadata("S", false).map_err(detail), Ok(SheetMetadata::default()));
    let collapsed = "table:number-rows-repeated='4294967295' table:visibility='collapse'";
    assert_eq!(facts_of(collapsed, "<table:table-cell/>").hidden, []);
}

#[test]
fn a_byte_that_changed_on_the_way_is_found() {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let stored = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    zip.start_file("content.xml", stored).expect("a part");
    let text = CELL.replace("<text:p>1", "<text:p>ABCDEF");
    zip.write_all(sheet(&format!("<table:table-row>{text}</table:table-row>")).as_bytes()).expect("its content");
    let mut bytes = zip.finish().expect("an archive").into_inner();
    assert!(OpenDocument::open(SourceFile::memory(bytes.clone())).is_ok());
    let at = bytes.windows(6).position(|six| six == b"ABCDEF").expect("its text");
    bytes[at] = b'X';
    let error = OpenDocument::open(SourceFile::memory(bytes)).err().map(detail);
    assert_eq!(error.as_deref(), Some("its XML is invalid"));
}

#[test]
fn unreadable_content_is_reported_in_plain_words() {
    let whole = sheet(&format!("<table:table-row>{CELL}</table:table-row>"));
    let cut = &whole[..whole.find("</table:table>").expect("its end")];
    let error_of = |content: &[u8]| open(content).err().map(detail).unwrap_or_default();
    let utf16: Vec<u8> = whole.replace("UTF-8", "UTF-16").encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert_eq!(error_of(whole.as_bytes()), "");
    assert_eq!(cells(&utf16, "S"), ["0,0 Number(1.0)"]);
    assert_eq!(error_of(cut.as_bytes()), "its content ends too early");
    assert_eq!(error_of(b""), "its content ends too early");
    assert_eq!(error_of(&whole.as_bytes()[..whole.len() - 60]), "its content ends too early");
    assert_eq!(error_of(whole.replace("<text:p>1", "<text:p>&e;").as_bytes()), "its XML is invalid");
    assert_eq!(error_of(whole.replace("spreadsheet", "text").as_bytes()), "no workbook");
    let manifest = |entry: &str| {
        format!("<manifest:manifest><manifest:file-entry>{entry}</manifest:file-entry></manifest:manifest>")
    };
    for (manifest, expected) in
        [(manifest("<manifest:encryption-data/>"), "encrypted"), (manifest(""), ""), ("<".into(), "")]
    {
        let file = packed(&[("META-INF/manifest.xml", manifest.as_bytes()), ("Content.xml", whole.as_bytes())]);
        assert_eq!(OpenDocument::open(file).err().map(detail).unwrap_or_default(), expected);
    }
    for (kind, expected) in
        [("application/vnd.oasis.opendocument.spreadsheet", "its content is missing"), ("x", "no workbook")]
    {
        let file = packed(&[("mimetype", kind.as_bytes())]);
        assert_eq!(OpenDocument::open(file).err().map(detail).unwrap_or_default(), expected);
    }
}
