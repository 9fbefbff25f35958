//! The same workbook imported again: after further edits, after edits in the account, in parts, and saved meanwhile.

use super::*;

const FORCE: [&str; 5] = ["import", FILE, "--json", "--verify=none", "--force"];

fn save(book: &Book, folder: &Folder) {
    // At once, as spreadsheets do: half a workbook is another matter.
    let half = folder.path().join("half.xlsx");
    book.write(&half);
    std::fs::rename(&half, folder.path().join(FILE)).expect("a workbook");
}

/// Somebody else changes the price of a product.
pub(super) fn price_by_somebody(service: &Service, id: u64, price: u64) {
    let field = price_field(service);
    let body = json!([{"id": id, "custom_fields_values": [{"field_id": field, "values": [{"value": price}]}]}]);
    let path = format!("/api/v4/catalogs/{PRODUCTS}/elements");
    program::http(service.url(), "PATCH", &path, service.token(), &body.to_string());
}

#[test]
fn our_own_earlier_change_is_no_conflict_and_somebody_elses_is() {
    let (service, folder) = exported(20);
    let mut book = book(&folder);
    let (price, name) = (column(&book, "Цена"), column(&book, "Название"));
    let (first, second) = (book.id(3), book.id(4));
    let exported = book.rows[4][price].clone();
    book.rows[3][price] = Cell::String("5 001,50".into());
    book.rows[4][price] = Cell::Float(7.0);
    save(&book, &folder);
    folder.run(&service, &IMPORT).expect(0);

    // Edited further.
    book.rows[3][price] = Cell::Float(8.0);
    save(&book, &folder);
    forget(&service);
    let ran = folder.run(&service, &IMPORT).expect(0);
    assert_eq!(writes(&service), [(patch(), 1)], "{}", ran.stderr);
    assert_eq!(price_of(&service, first), json!("8"));

    // Put back to what was exported: it is not known whether that is meant, or another copy has taken the file's place.
    book.rows[4][price] = exported.clone();
    save(&book, &folder);
    forget(&service);
    let ran = folder.run(&service, &IMPORT).expect(1);
    assert!(folder.of_run("problems.csv").contains("put-back"), "{}", ran.stderr);
    assert_eq!(writes(&service), []);
    folder.run(&service, &FORCE).expect(0);
    assert_eq!(price_of(&service, second), json!(exported.to_string()));

    // Changed by somebody else: a conflict where the cell is another than was exported, and let be where it is not.
    price_by_somebody(&service, first, 77);
    price_by_somebody(&service, second, 78);
    book.rows[3][name] = Cell::String("Другое имя".into());
    book.rows[4][name] = Cell::String("Ещё одно".into());
    save(&book, &folder);
    forget(&service);
    folder.run(&service, &IMPORT).expect(1);
    assert_eq!(writes(&service), [(patch(), 1)]);
    assert!(folder.of_run("problems.csv").contains("changed-meanwhile"));
    folder.run(&service, &FORCE).expect(0);
    assert_eq!(writes(&service), [(patch(), 1), (patch(), 1)]);
    assert_eq!((price_of(&service, first), price_of(&service, second)), (json!("8"), json!("78")));
}

/// What was sent by a run that was killed and gone on with is known as well.
#[test]
fn a_change_that_a_resumed_run_has_sent_is_no_conflict() {
    let (service, folder) = exported(5);
    let mut book = book(&folder);
    let price = column(&book, "Цена");
    let id = book.id(3);
    book.rows[3][price] = Cell::Float(5.0);
    save(&book, &folder);
    let mut command = folder.command(&service, &IMPORT);
    let killed = program::ran(command.env("AMOPORT_CRASH", "answered-before:1").output().expect("the program runs"));
    assert_ne!(killed.code, 0);
    folder.run(&service, &["resume"]).expect(0);
    book.rows[3][price] = Cell::Float(6.0);
    save(&book, &folder);
    folder.run(&service, &IMPORT).expect(0);
    assert_eq!(price_of(&service, id), json!("6"));
}

#[test]
fn a_column_taken_out_of_the_sheet_makes_no_row_an_edited_one() {
    for taken in ["Изменён", "Название"] {
        let (service, folder) = exported(10);
        let mut book = book(&folder);
        let (price, at) = (column(&book, "Цена"), column(&book, taken));
        let (edited, other) = (book.id(3), book.id(5));
        book.rows[3][price] = Cell::Float(5.0);
        book.rows.iter_mut().for_each(|row| drop(row.remove(at)));
        save(&book, &folder);
        price_by_somebody(&service, other, 77);
        forget(&service);
        let ran = folder.run(&service, &IMPORT).expect(0);
        assert_eq!(writes(&service), [(patch(), 1)], "{taken}: {}", ran.stderr);
        folder.run(&service, &FORCE).expect(0);
        assert_eq!((price_of(&service, edited), price_of(&service, other)), (json!("5"), json!("77")), "{taken}");
    }
}

/// Two products alike, imported in two parts, are two products.
#[test]
fn new_rows_imported_in_parts_are_all_made_and_none_twice() {
    let (service, folder) = exported(3);
    let mut book = book(&folder);
    let name = column(&book, "Название");
    for _ in 0..2 {
        let mut row = vec![Cell::Empty; book.rows[0].len()];
        row[name] = Cell::String("Новый".into());
        book.rows.push(row);
    }
    save(&book, &folder);
    let first = book.rows.len() as u32 - 1;
    forget(&service);
    for rows in [first, first + 1] {
        let rows = format!("--rows={rows}-{rows}");
        folder.run(&service, &["import", FILE, "--json", "--verify=none", &rows]).expect(0);
    }
    assert_eq!(writes(&service), [(post(), 1), (post(), 1)]);
    folder.run(&service, &IMPORT).expect(0);
    assert_eq!(writes(&service).len(), 2);
}

/// Saved between the changes and the new rows, its rows may stand elsewhere.
#[test]
fn a_workbook_saved_during_its_import_is_not_gone_on_with() {
    let (service, folder) = exported(5);
    let mut book = book(&folder);
    let (price, name) = (column(&book, "Цена"), column(&book, "Название"));
    book.rows[3][price] = Cell::Float(5.0);
    let mut row = vec![Cell::Empty; book.rows[0].len()];
    row[name] = Cell::String("Новый".into());
    book.rows.push(row);
    save(&book, &folder);
    forget(&service);
    service.faults(r#"{"script":[{"on":"PATCH elements","nth":1,"do":"slow","latency_ms":1500}]}"#);
    let going = folder.spawn(&service, &IMPORT);
    while writes(&service).is_empty() {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    book.rows.swap(2, 6);
    save(&book, &folder);
    let ran = program::ran(going.wait_with_output().expect("it ends"));
    assert_eq!(writes(&service), [(patch(), 1)], "{}", ran.stderr);
    assert!(ran.code == 2 && ran.stderr.contains("was saved while it was being imported"), "{}", ran.stderr);
    folder.run(&service, &IMPORT).expect(0);
    assert_eq!(writes(&service), [(patch(), 1), (post(), 1)]);
}

#[test]
fn a_row_whose_id_was_emptied_by_accident_is_not_doubled() {
    let (service, folder) = exported(10);
    let mut book = book(&folder);
    let (id, name) = (column(&book, "ID"), column(&book, "Название"));
    let lost = book.id(4);
    book.rows[4][id] = Cell::Empty;
    // A copy that is meant: the record that it was copied from still stands there.
    let mut copy = book.rows[5].clone();
    copy[id] = Cell::Empty;
    copy[name] = Cell::String("Копия".into());
    book.rows.push(copy);
    save(&book, &folder);
    forget(&service);
    for rows in ["--rows=2-6", "--rows=2-100"] {
        folder.run(&service, &["import", FILE, "--json", "--verify=none", rows]).expect(1);
        let problems = folder.of_run("problems.csv");
        assert!(problems.contains("id-lost") && problems.contains(&lost.to_string()), "{problems}");
    }
    assert_eq!(writes(&service), [(post(), 1)]);
}

#[test]
fn a_column_that_is_not_there_under_its_title_is_told() {
    let (service, folder) = exported(3);
    let mut book = book(&folder);
    let price = column(&book, "Цена");
    book.rows[0][price] = Cell::String("Цена новая".into());
    book.rows[2][price] = Cell::Float(5.0);
    save(&book, &folder);
    forget(&service);
    let ran = folder.run(&service, &IMPORT).expect(0);
    assert!(ran.stderr.contains("no column \"Цена\""), "{}", ran.stderr);
    assert!(ran.stderr.contains("the export had no column \"Цена новая\""), "{}", ran.stderr);
    assert_eq!(writes(&service), []);
}

#[test]
fn times_of_another_zone_are_told() {
    let (service, folder) = exported(2);
    let mut book = book(&folder);
    book.say("timezone", "Asia/Almaty");
    save(&book, &folder);
    let ran = folder.run(&service, &["import", FILE, "--as-new", "--dry-run"]);
    assert!(ran.stderr.contains("are in Asia/Almaty, and are read as Europe/Moscow here"), "{}", ran.stderr);
}
