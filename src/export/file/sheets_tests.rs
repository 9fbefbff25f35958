//! Workbooks, and that those whose rows are packed as they come are, part by part, those that `rust_xlsxwriter` writes in one go.

use super::*;
use crate::export::file::gather::WorkbookBuilder;
use crate::export::table::exported_column::ColumnMeaning;
use amo_model::Kind;
use calamine::Reader;
use jiff::civil::date;
use proptest::prelude::*;
use rust_decimal::Decimal;
use sheet_source::{hyperlink_format, hyperlink_formula};
use std::collections::BTreeMap;

fn head(title: &str, money: bool) -> SheetColumn {
    SheetColumn { head: Head { title: title.into(), money, ..Head::default() }, ..SheetColumn::default() }
}

#[test]
fn a_long_table_continues_on_another_sheet() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.xlsx");
    let mut sheets =
        Sheets { rows_max: 3, ..Sheets::new(&path, vec![head("A", false)], 0, &Dialect::default()).unwrap() };
    for n in 0..5 {
        sheets.row([TableCell::Text(format!("={n}"))].into_iter()).unwrap();
    }
    sheets.row([TableCell::Text("x".repeat(CELL_MAX + 1))].into_iter()).unwrap();
    let cut = CutTexts { texts: 1, places: vec!["Export 3!A3 \"A\"".into()] };
    assert_eq!(sheets.save(std::fs::File::create(&path).unwrap()).unwrap(), cut);
    let mut book: calamine::Xlsx<_> = calamine::open_workbook(&path).unwrap();
    assert_eq!(book.sheet_names(), ["Export", "Export 2", "Export 3"]);
    let second = book.worksheet_range("Export 2").unwrap();
    let texts: Vec<String> = second.rows().map(|row| row[0].to_string()).collect();
    assert_eq!(texts, ["A", "=2", "=3"]);
}

/// Otherwise a year that is typed into a column of dates would be a day of 1905, and 99.90 would look like 100.
#[test]
fn cells_that_are_added_later_have_no_format() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.xlsx");
    let columns = vec![head("A", true), head("B", false)];
    let mut sheets = Sheets::new(&path, columns, 0, &Dialect::default()).unwrap();
    let day = TableCell::Day(jiff::civil::date(2026, 11, 22));
    sheets.row([TableCell::Number(rust_decimal::Decimal::new(9_990, 2)), day].into_iter()).unwrap();
    sheets.save(std::fs::File::create(&path).unwrap()).unwrap();
    let mut zip = zip::ZipArchive::new(std::fs::File::open(&path).unwrap()).unwrap();
    let sheet = std::io::read_to_string(zip.by_name("xl/worksheets/sheet1.xml").unwrap()).unwrap();
    assert!(sheet.contains(r#"<c r="A2" s="#) && sheet.contains(r#"<c r="B2" s="#), "{sheet}");
    assert!(!sheet.contains(" style="), "{sheet}");
}

/// The content of each part of a workbook, by name, without the one that has the time.
fn parts(path: &Path) -> BTreeMap<String, String> {
    let mut zip = ZipArchive::new(File::open(path).unwrap()).unwrap();
    let mut parts = BTreeMap::new();
    for index in 0..zip.len() {
        let part = zip.by_index(index).unwrap();
        let name = part.name().unwrap().into_owned();
        if name != "docProps/core.xml" {
            parts.insert(name, io::read_to_string(part).unwrap());
        }
    }
    parts
}

fn columns() -> Vec<SheetColumn> {
    let mut columns: Vec<SheetColumn> = ["ID", "Бюджет <&>", "Этап", "Ссылка", "Пусто"]
        .into_iter()
        .map(|title| head(title, title.len() > 12))
        .collect();
    columns[2].head.choices = vec!["Новый".into(), "Готово".into()];
    columns[3].head.read_only = true;
    columns
}

fn described() -> Vec<ExportedColumn> {
    let field = ColumnMeaning::Field { id: 7, code: Some("STAGE".into()) };
    let meanings = [ColumnMeaning::Own("id".into()), ColumnMeaning::Own("price".into()), field, ColumnMeaning::Address];
    let columns = columns().into_iter().zip(meanings.into_iter().chain([ColumnMeaning::Other]));
    columns.map(|(column, meaning)| ExportedColumn { title: column.head.title, meaning, writable: true }).collect()
}

fn stamp() -> Stamp {
    Stamp {
        kind: Kind::Lead,
        export: "e1".into(),
        account: "https://example.amocrm.ru".into(),
        account_id: Some(1),
        catalog: None,
        catalog_name: None,
        timezone: None,
        at: "2026-11-20T10:00:00Z".into(),
    }
}

fn any_cell() -> impl Strategy<Value = TableCell> {
    let number = (any::<i64>(), 0_u32..8).prop_map(|(n, scale)| TableCell::Number(Decimal::new(n >> 12, scale)));
    prop_oneof![
        3 => Just(TableCell::Empty),
        4 => "\\PC{0,12}".prop_map(TableCell::Text),
        2 => "[ \t\n\r\u{0}-\u{1f}<>&'\"=_xX0-9A-F\u{fffe}\u{ffff}Жё]{0,16}".prop_map(TableCell::Text),
        1 => Just(TableCell::Text("_x0041_ _x_x0042__x00".into())),
        1 => Just(TableCell::Text("ж".repeat(CELL_MAX + 5))),
        3 => number,
        1 => Just(TableCell::Number(Decimal::MAX)),
        2 => (0_i16..200).prop_map(|n| TableCell::Day(date(1880 + n, 3, 5))),
        1 => Just(TableCell::Instant(date(2026, 11, 20).at(10, 0, 7, 0))),
        2 => "https?://[a-z<>&\"]{1,9}/[0-9]{1,3}".prop_map(TableCell::Link),
        1 => Just(TableCell::Link("mailto:x".into())),
    ]
}

/// Rows with an id, some without any cell.
fn any_rows() -> impl Strategy<Value = Vec<Vec<TableCell>>> {
    let row = (any::<u16>(), prop::collection::vec(any_cell(), 4), 0..9).prop_map(|(id, mut row, empty)| {
        row.insert(0, TableCell::Number(Decimal::from(id)));
        if empty == 0 { vec![TableCell::Empty; 5] } else { row }
    });
    prop::collection::vec(row, 0..20)
}

/// What `rust_xlsxwriter` makes of the same rows, with the titles and the ends of `sheets`.
fn save_plain(sheets: &Sheets, rows: &[Vec<TableCell>], path: &Path) -> Result<(), XlsxError> {
    let mut workbook = Workbook::new();
    for laid in &sheets.sheets {
        let sheet = workbook.add_worksheet_with_constant_memory()?;
        sheet.set_name(&laid.name)?;
        match laid.hidden {
            true => _ = sheet.set_very_hidden(true),
            false => sheets.head(sheet)?,
        }
    }
    let mut lines: Vec<Vec<String>> = vec![hidden::TOP.map(str::to_owned).to_vec()];
    lines.extend(hidden::head(&stamp(), &described()));
    let (mut hidden, mut row, mut at) = (HiddenLines::of(&described()), sheets.top, 0);
    for cells in rows {
        if row + 1 >= sheets.rows_max {
            (at, row) = (if at == 0 { 2 } else { at + 1 }, sheets.top);
        }
        row += 1;
        let cells: Vec<TableCell> = cells.iter().cloned().map(marked).collect();
        lines.extend(hidden.row(&cells).map(|line| line.to_vec()));
        let sheet = workbook.worksheet_from_index(at)?;
        for (column, (cell, stats)) in (0_u16..).zip(cells.iter().zip(columns())) {
            write_plain(sheet, (row, column), cell, &stats)?;
        }
    }
    let sheet = workbook.worksheet_from_index(1)?;
    for (row, line) in (0_u32..).zip(&lines) {
        for (column, cell) in (0_u16..).zip(line) {
            sheet.write_string(row, column, cell)?;
        }
    }
    for (index, laid) in sheets.sheets.iter().enumerate().filter(|(_, laid)| !laid.hidden) {
        sheets.tail(workbook.worksheet_from_index(index)?, laid)?;
    }
    sheets.choices(&mut workbook)?;
    workbook.save(path)
}

fn write_plain(
    sheet: &mut Worksheet,
    (row, column): (u32, u16),
    cell: &TableCell,
    laid: &SheetColumn,
) -> Result<(), XlsxError> {
    let (number, day) = (cell.as_number(), cell.as_serial());
    if let TableCell::Link(address) = cell
        && let Some(formula) = hyperlink_formula(address)
    {
        sheet.write_formula_with_format(row, column, formula, &hyperlink_format())?;
    } else if let Some(number) = number {
        match laid.stats.number_format(laid.head.money) {
            Some(format) => {
                sheet.write_number_with_format(row, column, number, &Format::new().set_num_format(format))?
            }
            None => sheet.write_number(row, column, number)?,
        };
    } else if let Some(day) = day {
        let format = Format::new().set_num_format(laid.stats.date_format());
        sheet.write_number_with_format(row, column, day, &format)?;
    } else if *cell != TableCell::Empty {
        match truncate_marked(&cell.text()) {
            Cow::Borrowed(whole) => sheet.write_string(row, column, whole)?,
            Cow::Owned(kept) => {
                let marked = Format::new().set_background_color(Color::RGB(0xFF_C7_CE));
                sheet.write_string_with_format(row, column, kept, &marked)?
            }
        };
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn packed_rows_make_the_workbook_that_rust_xlsxwriter_writes(rows in any_rows(), rows_max in 8_u32..30, top in 1_u32..3) {
        let folder = tempfile::tempdir().unwrap();
        let (packed, plain) = (folder.path().join("a.xlsx"), folder.path().join("b.xlsx"));
        let dialect = Dialect { header_row: top, ..Dialect::default() };
        let mut sheets = Sheets { rows_max, ..Sheets::new(&packed, columns(), 1, &dialect).unwrap() };
        sheets.hide(&stamp(), &described()).unwrap();
        for row in &rows {
            sheets.row(row.iter().cloned()).unwrap();
        }
        sheets.sheets[sheets.current].widths = sheets.widths.clone();
        save_plain(&sheets, &rows, &plain).unwrap();
        sheets.save(File::create(&packed).unwrap()).unwrap();
        prop_assert_eq!(parts(&packed), parts(&plain));
        prop_assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2, "packed rows leave no files");
    }

    /// A row that changes the layout may come at any time.
    #[test]
    fn rows_laid_out_as_they_come_make_the_same_workbook(
        late in prop::collection::vec((0_usize..700, 1_usize..5, any_cell()), 0..6),
        chosen in any::<bool>(),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let mut rows: Vec<Vec<TableCell>> = (0..600_i64)
            .map(|n| {
                let mut row = vec![TableCell::Empty; 5];
                (row[0], row[2]) = (TableCell::Number(n.into()), TableCell::Text(format!("{n}")));
                row
            })
            .collect();
        for (row, column, cell) in late {
            if let Some(row) = rows.get_mut(row) {
                row[column] = cell;
            }
        }
        let write = |name: &str, early_min: u64| {
            let path = folder.path().join(name);
            let heads = columns().into_iter().map(|column| column.head).collect();
            let hidden = (stamp(), described());
            let mut builder = WorkbookBuilder::of(&path, heads, hidden, chosen).unwrap().laid_from(early_min);
            rows.iter().for_each(|row| builder.push(row.clone()).unwrap());
            builder.save().unwrap();
            parts(&path)
        };
        prop_assert_eq!(write("a.xlsx", 50), write("b.xlsx", u64::MAX));
    }
}
