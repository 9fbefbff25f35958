//! Several copies of one export: what each has changed is sent, and nothing that another has.

use super::again::price_by_somebody;
use super::*;

/// Saves a workbook as another file, and imports that.
fn import(folder: &Folder, service: &Service, (name, book): (&str, &Book)) -> Ran {
    let half = folder.path().join("half.xlsx");
    book.write(&half);
    std::fs::rename(&half, folder.path().join(name)).expect("a workbook");
    forget(service);
    folder.run(service, &["import", name, "--json", "--verify=none"])
}

fn name_of(service: &Service, id: u64) -> Value {
    element(service, id)["name"].clone()
}

fn text(text: &str) -> Cell {
    Cell::String(text.into())
}

#[test]
fn two_copies_that_change_other_cells_of_a_record_both_arrive() {
    let (service, folder) = exported(5);
    let (mut first, mut second) = (book(&folder), book(&folder));
    let (price, name, id) = (column(&first, "Цена"), column(&first, "Название"), first.id(3));
    first.rows[3][price] = Cell::Float(5.0);
    second.rows[3][name] = text("Иначе");
    import(&folder, &service, ("a.xlsx", &first)).expect(0);
    let ran = import(&folder, &service, ("b.xlsx", &second)).expect(0);
    assert_eq!(writes(&service), [(patch(), 1)], "{}", ran.stderr);
    assert_eq!((price_of(&service, id), name_of(&service, id)), (json!("5"), json!("Иначе")));

    // Neither takes back what the other has changed, however often they come, and each goes on with its own.
    for (name, book) in [("a.xlsx", &first), ("b.xlsx", &second)] {
        import(&folder, &service, (name, book)).expect(0);
        assert_eq!(writes(&service), []);
    }
    first.rows[3][price] = Cell::Float(6.0);
    import(&folder, &service, ("a.xlsx", &first)).expect(0);
    second.rows[3][name] = text("Ещё иначе");
    import(&folder, &service, ("b.xlsx", &second)).expect(0);
    assert_eq!((price_of(&service, id), name_of(&service, id)), (json!("6"), json!("Ещё иначе")));
}

#[test]
fn two_copies_that_change_the_same_cell_are_a_conflict_for_the_later() {
    let (service, folder) = exported(5);
    let (mut first, mut second) = (book(&folder), book(&folder));
    let (price, id) = (column(&first, "Цена"), first.id(3));
    first.rows[3][price] = Cell::Float(5.0);
    second.rows[3][price] = Cell::Float(7.0);
    import(&folder, &service, ("a.xlsx", &first)).expect(0);
    import(&folder, &service, ("b.xlsx", &second)).expect(1);
    let problems = folder.of_run("problems.csv");
    assert!(
        problems.contains("changed-meanwhile") && problems.contains("\"\"7\"\" in the sheet, \"\"5\"\" in the account"),
        "{problems}"
    );
    assert_eq!((writes(&service), price_of(&service, id)), (vec![], json!("5")));

    // The later says that it is meant: then it is the first that has to be looked at.
    folder.run(&service, &["import", "b.xlsx", "--json", "--verify=none", "--force"]).expect(0);
    assert_eq!(price_of(&service, id), json!("7"));
    import(&folder, &service, ("a.xlsx", &first)).expect(1);
    assert_eq!((writes(&service), price_of(&service, id)), (vec![], json!("7")));
}

/// Nothing of it was edited by whoever saved it there.
#[test]
fn a_copy_in_the_place_of_a_file_does_not_take_back_what_that_has_sent() {
    let (service, folder) = exported(5);
    let (mut first, mut copy) = (book(&folder), book(&folder));
    let (price, name, id) = (column(&first, "Цена"), column(&first, "Название"), first.id(3));
    (first.rows[3][price], first.rows[3][name]) = (Cell::Float(5.0), text("Иначе"));
    import(&folder, &service, (FILE, &first)).expect(0);

    copy.rows[3][name] = text("Ещё иначе");
    import(&folder, &service, (FILE, &copy)).expect(1);
    assert_eq!(writes(&service), []);
    let problems = folder.of_run("problems.csv");
    assert!(problems.contains("put-back") && problems.contains("changed-meanwhile"), "{problems}");
    let ran = folder.run(&service, &["check", FILE]).expect(1);
    assert!(ran.stderr.contains("0 changed, 1 in conflict"), "{}", ran.stderr);
    assert_eq!((price_of(&service, id), name_of(&service, id)), (json!("5"), json!("Иначе")));
}

#[test]
fn a_file_that_is_corrected_goes_again_and_again() {
    let (service, folder) = exported(5);
    let mut book = book(&folder);
    let (price, name, id) = (column(&book, "Цена"), column(&book, "Название"), book.id(3));
    (book.rows[3][price], book.rows[3][name]) = (Cell::Float(5.0), text("Иначе"));
    import(&folder, &service, (FILE, &book)).expect(0);
    for n in 6..8 {
        (book.rows[3][price], book.rows[3][name]) = (Cell::Float(f64::from(n)), text(&format!("Товар {n}")));
        let ran = import(&folder, &service, (FILE, &book)).expect(0);
        assert_eq!(writes(&service), [(patch(), 1)], "{}", ran.stderr);
    }
    assert_eq!((price_of(&service, id), name_of(&service, id)), (json!("7"), json!("Товар 7")));

    // What was refused was not sent: it may go back to what it was, and the rest of its row still goes.
    let (other, exported) = (book.id(4), book.rows[4][price].clone());
    book.rows[4][name] = text("Был один");
    import(&folder, &service, (FILE, &book)).expect(0);
    (book.rows[4][price], book.rows[4][name]) = (text("дорого"), text("Стал другим"));
    import(&folder, &service, (FILE, &book)).expect(1);
    book.rows[4][price] = exported;
    let ran = import(&folder, &service, (FILE, &book)).expect(0);
    assert_eq!(writes(&service), [(patch(), 1)], "{}", ran.stderr);
    assert_eq!(name_of(&service, other), "Стал другим");
}

/// A row that stands twice was decided and not sent.
#[test]
fn what_stood_twice_was_not_sent() {
    let (service, folder) = exported(5);
    let mut book = book(&folder);
    let (price, id) = (column(&book, "Цена"), book.id(4));
    let exported = book.rows[4].clone();
    book.rows[4][price] = Cell::Float(6.0);
    book.rows.push(exported.clone());
    import(&folder, &service, (FILE, &book)).expect(1);
    assert_eq!(writes(&service), []);
    price_by_somebody(&service, id, 77);
    book.rows.pop();
    book.rows[4] = exported;
    let ran = import(&folder, &service, (FILE, &book)).expect(0);
    assert_eq!((writes(&service), price_of(&service, id)), (vec![], json!("77")), "{}", ran.stderr);
}

/// A row beyond `--limit` was decided and not sent.
#[test]
fn what_a_limit_has_held_back_was_not_sent() {
    let (service, folder) = exported(5);
    let mut book = book(&folder);
    let (price, id) = (column(&book, "Цена"), book.id(4));
    let exported = book.rows[4][price].clone();
    (book.rows[3][price], book.rows[4][price]) = (Cell::Float(5.0), Cell::Float(6.0));
    book.write(&folder.path().join(FILE));
    folder.run(&service, &["import", FILE, "--json", "--verify=none", "--limit=3"]).expect(0);
    price_by_somebody(&service, id, 77);
    book.rows[4][price] = exported;
    let ran = import(&folder, &service, (FILE, &book)).expect(0);
    assert_eq!((writes(&service), price_of(&service, id)), (vec![], json!("77")), "{}", ran.stderr);
}

#[test]
fn a_sorted_copy_with_columns_moved_and_taken_out_sends_its_own_cells() {
    let (service, folder) = exported(8);
    let (mut first, mut sorted) = (book(&folder), book(&folder));
    let (price, name, id) = (column(&first, "Цена"), column(&first, "Название"), first.id(3));
    first.rows[3][name] = text("Иначе");
    import(&folder, &service, ("a.xlsx", &first)).expect(0);
    sorted.rows[3][price] = Cell::Float(5.0);
    sorted.rows[1..].reverse();
    let article = column(&sorted, "Артикул");
    for row in &mut sorted.rows {
        row.swap(price, name);
        row.remove(article);
    }
    let ran = import(&folder, &service, ("sorted.xlsx", &sorted)).expect(0);
    assert_eq!(writes(&service), [(patch(), 1)], "{}", ran.stderr);
    assert_eq!((price_of(&service, id), name_of(&service, id)), (json!("5"), json!("Иначе")));
}

/// The parts of a name are sent together, unless another copy has changed the other.
#[test]
fn two_copies_that_change_the_parts_of_a_name_both_arrive() {
    let service = Service::start();
    service.post("/_sandbox/switches", r#"{"rate_max": 1000000}"#);
    let made = service.post("/api/v4/contacts", r#"[{"first_name": "Анна", "last_name": "К"}]"#);
    let id = made["_embedded"]["contacts"][0]["id"].as_u64().expect("an id");
    let folder = Folder::new();
    folder.run(&service, &["export", "contact", "--to", FILE, "--id", &id.to_string()]).expect(0);
    for (name, title, value) in [("a.xlsx", "Имя", "Яна"), ("b.xlsx", "Фамилия", "Л")] {
        let mut book = book(&folder);
        let at = column(&book, title);
        book.rows[1][at] = text(value);
        import(&folder, &service, (name, &book)).expect(0);
    }
    let contact = service.get(&format!("/api/v4/contacts/{id}"));
    assert_eq!((&contact["first_name"], &contact["last_name"]), (&json!("Яна"), &json!("Л")));
}

/// An account with a lead, and the export of it.
fn exported_lead(lead: &str) -> (Service, Folder, u64) {
    let service = Service::start();
    service.post("/_sandbox/switches", r#"{"rate_max": 1000000}"#);
    let made = service.post("/api/v4/leads", &format!("[{lead}]"));
    let id = made["_embedded"]["leads"][0]["id"].as_u64().expect("an id");
    let folder = Folder::new();
    folder.run(&service, &["export", "lead", "--to", FILE, "--id", &id.to_string()]).expect(0);
    (service, folder, id)
}

/// The reason goes with the stage, and by itself it cannot be taken away.
#[test]
fn a_lost_lead_is_opened_again_with_its_reason_emptied_or_left() {
    for emptied in [true, false] {
        let account = Service::start();
        let reason = account.get("/api/v4/leads/loss_reasons")["_embedded"]["loss_reasons"][0]["id"].clone();
        drop(account);
        let lost = json!({"name": "Сделка", "status_id": 143, "loss_reason_id": reason});
        let (service, folder, id) = exported_lead(&lost.to_string());
        let lead = || service.get(&format!("/api/v4/leads/{id}"));
        let mut book = book(&folder);
        let [stage, reason] = ["Этап", "Причина отказа"].map(|title| column(&book, title));
        let told = book.rows[1][reason].clone();
        assert_eq!(lead()["status_id"], json!(143));

        book.rows[1][reason] = Cell::Empty;
        import(&folder, &service, (FILE, &book)).expect(1);
        assert_eq!(writes(&service), []);
        if !emptied {
            book.rows[1][reason] = told;
        }
        book.rows[1][stage] = text("Переговоры");
        import(&folder, &service, (FILE, &book)).expect(0);
        assert!(lead()["status_id"] != json!(143) && lead()["loss_reason_id"].is_null(), "{}", lead());
        import(&folder, &service, (FILE, &book)).expect(0);
        assert_eq!(writes(&service), [], "emptied: {emptied}");
    }
}

#[test]
fn a_new_contact_may_have_a_part_of_a_name_alone() {
    let service = Service::start();
    service.post("/_sandbox/switches", r#"{"rate_max": 1000000}"#);
    service.post("/api/v4/contacts", r#"[{"name": "Иван Петров"}]"#);
    let folder = Folder::new();
    folder.run(&service, &["export", "contact", "--to", FILE]).expect(0);
    let mut book = book(&folder);
    let first_name = column(&book, "Имя");
    let mut fresh = vec![Cell::Empty; book.rows[0].len()];
    fresh[first_name] = text("Яна");
    // A link that no new contact can take is told, not dropped without a word.
    fresh[column(&book, "Компании")] = text("20000001");
    book.rows.push(fresh);
    let ran = import(&folder, &service, (FILE, &book)).expect(0);
    assert!(ran.stderr.contains("warning: 1 cell of a new row cannot be sent and is ignored: "), "{}", ran.stderr);
    let contacts = service.get("/api/v4/contacts")["_embedded"]["contacts"].clone();
    let names: Vec<&Value> = contacts.as_array().expect("contacts").iter().map(|one| &one["first_name"]).collect();
    assert!(names.contains(&&json!("Яна")), "{contacts}");
}

/// A stage is one of its pipeline.
#[test]
fn a_stage_does_not_take_back_the_pipeline_that_another_copy_has_changed() {
    let (service, folder, id) = exported_lead(r#"{"name": "Сделка", "price": 5}"#);
    let (mut first, mut second) = (book(&folder), book(&folder));
    let [pipeline, stage] = ["Воронка", "Этап"].map(|title| column(&first, title));
    (first.rows[1][pipeline], first.rows[1][stage]) = (text("Опт"), text("Отгрузка"));
    second.rows[1][stage] = text("Переговоры");
    import(&folder, &service, ("a.xlsx", &first)).expect(0);
    let there = service.get(&format!("/api/v4/leads/{id}"))["pipeline_id"].clone();
    import(&folder, &service, ("b.xlsx", &second)).expect(1);
    assert_eq!((writes(&service), &service.get(&format!("/api/v4/leads/{id}"))["pipeline_id"]), (vec![], &there));
}

/// What the service changes along with a stage is no change of somebody else's.
#[test]
fn a_day_that_the_service_has_set_may_be_changed_by_the_file_that_closed_the_lead() {
    let (service, folder, id) = exported_lead(r#"{"name": "Сделка", "price": 5}"#);
    let (mut closing, mut other) = (book(&folder), book(&folder));
    let [stage, closed, name] = ["Этап", "Закрыта", "Название"].map(|title| column(&closing, title));
    closing.rows[1][stage] = text("Успешно реализовано");
    import(&folder, &service, (FILE, &closing)).expect(0);
    let lead = || service.get(&format!("/api/v4/leads/{id}"));
    let at = lead()["closed_at"].clone();
    assert!(at.is_u64(), "{at}");

    // Another cell of the row goes, and the day stays.
    closing.rows[1][name] = text("Иначе");
    import(&folder, &service, (FILE, &closing)).expect(0);
    assert_eq!((&lead()["name"], &lead()["closed_at"]), (&json!("Иначе"), &at));
    // A copy that knows of no stage has no say in the day.
    other.rows[1][closed] = text("2026-01-15 10:00");
    import(&folder, &service, ("b.xlsx", &other)).expect(1);
    assert_eq!(lead()["closed_at"], at);
    closing.rows[1][closed] = text("2026-01-15 10:00");
    let ran = import(&folder, &service, (FILE, &closing)).expect(0);
    assert_eq!(writes(&service), [("PATCH /api/v4/leads".to_owned(), 1)], "{}", ran.stderr);
    assert_ne!(lead()["closed_at"], at);
}

/// Earlier versions kept what a row was, and not its cells.
#[test]
fn a_workbook_of_an_earlier_version_is_held_against_what_its_rows_were() {
    let (service, folder) = exported(6);
    let mut earlier = book(&folder);
    earlier.forget_cells();
    earlier.write(&folder.path().join(FILE));
    let (mut first, mut second) = (book(&folder), book(&folder));
    let (price, name, id) = (column(&first, "Цена"), column(&first, "Название"), first.id(3));
    // Not edited: nothing is sent, whatever the account says.
    price_by_somebody(&service, first.id(5), 77);
    first.rows[3][price] = Cell::Float(5.0);
    import(&folder, &service, ("a.xlsx", &first)).expect(0);
    assert_eq!(writes(&service), [(patch(), 1)]);

    // The account was as at the export when the first was sent, so it is known what each cell was.
    second.rows[3][name] = text("Иначе");
    import(&folder, &service, ("b.xlsx", &second)).expect(0);
    assert_eq!((price_of(&service, id), name_of(&service, id)), (json!("5"), json!("Иначе")));
    first.rows[3][price] = Cell::Float(6.0);
    import(&folder, &service, ("a.xlsx", &first)).expect(0);
    assert_eq!((price_of(&service, id), name_of(&service, id)), (json!("6"), json!("Иначе")));

    // Of a row that was changed on both sides nobody can tell.
    first.rows[5][name] = text("Другое имя");
    import(&folder, &service, ("a.xlsx", &first)).expect(1);
    let problems = folder.of_run("problems.csv");
    assert!(problems.contains("changed-meanwhile") && problems.contains("stored no cells"), "{problems}");
    assert_eq!((writes(&service), price_of(&service, first.id(5))), (vec![], json!("77")));
}

/// They remembered of a row that was sent what the account was left at.
#[test]
fn a_file_that_an_earlier_version_has_sent_is_gone_on_with() {
    let (service, folder) = exported(6);
    let mut first = book(&folder);
    first.forget_cells();
    let mut copy = first.clone();
    let (price, id, other) = (column(&first, "Цена"), first.id(3), first.id(4));
    (first.rows[3][price], first.rows[4][price]) = (Cell::Float(5.0), Cell::Float(6.0));
    import(&folder, &service, (FILE, &first)).expect(0);
    folder.run(&service, &["export", "element", "--catalog", "1001", "--to", "left.xlsx"]).expect(0);
    let left = Book::read(&folder.path().join("left.xlsx"));
    let store = rusqlite::Connection::open(folder.path().join(".amoport/store.db")).expect("a store");
    for id in [id, other] {
        let hash = u64::from_str_radix(&left.row_hash(id), 16).expect("a hash") as i64;
        let earlier = "INSERT INTO returned SELECT DISTINCT export, ?1, 0, ?2 FROM sent_back";
        assert_eq!(store.execute(earlier, rusqlite::params![id as i64, hash]).expect("a row"), 1);
    }
    store.execute_batch("DROP TABLE sent_back; PRAGMA user_version = 5;").expect("an earlier store");
    drop(store);

    price_by_somebody(&service, other, 77);
    (first.rows[3][price], first.rows[4][price]) = (Cell::Float(8.0), Cell::Float(9.0));
    // Another copy has not sent it.
    copy.rows[3][price] = Cell::Float(7.0);
    import(&folder, &service, ("b.xlsx", &copy)).expect(1);
    assert_eq!(writes(&service), []);
    let ran = import(&folder, &service, (FILE, &first)).expect(1);
    assert_eq!(writes(&service), [(patch(), 1)], "{}", ran.stderr);
    assert_eq!((price_of(&service, id), price_of(&service, other)), (json!("8"), json!("77")));
    first.rows[3][price] = Cell::Float(10.0);
    import(&folder, &service, (FILE, &first)).expect(1);
    assert_eq!(price_of(&service, id), json!("10"));
}
