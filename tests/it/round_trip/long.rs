//! Texts that no cell of a workbook holds.

use super::*;

const LENGTH: usize = 40_005;

/// A lead whose comment is too long, in an account, and an export of it.
fn long() -> (Service, Folder, u64) {
    let service = Service::start();
    service.post("/_sandbox/switches", r#"{"rate_max": 1000000}"#);
    let field = comment(&service);
    let values = json!([{"field_id": field, "values": [{"value": "ж".repeat(LENGTH)}]}]);
    let made = service.post("/api/v4/leads", &json!([{"name": "Длинно", "custom_fields_values": values}]).to_string());
    let id = made["_embedded"]["leads"][0]["id"].as_u64().expect("an id");
    let folder = Folder::new();
    let ran = folder.run(&service, &["export", "lead", "--to", FILE, "--id", &id.to_string()]).expect(1);
    let told = "1 text is longer than the limit of an Excel cell and cut: Export!";
    assert!(ran.stderr.contains(told) && ran.stderr.contains("2 \"Комментарий\""), "{}", ran.stderr);
    (service, folder, id)
}

fn comment(service: &Service) -> Value {
    let fields = service.get("/api/v4/leads/custom_fields?limit=250");
    let fields = fields["_embedded"]["custom_fields"].as_array().expect("fields").clone();
    fields.into_iter().find(|field| field["name"] == "Комментарий").expect("a comment")["id"].clone()
}

fn comment_length(service: &Service, id: u64) -> usize {
    let lead = service.get(&format!("/api/v4/leads/{id}"));
    lead["custom_fields_values"][0]["values"][0]["value"].as_str().expect("a text").chars().count()
}

#[test]
fn a_text_that_no_cell_holds_is_told_marked_and_not_sent_back() {
    let (service, folder, id) = long();
    let manifest = std::fs::read_to_string(folder.path().join("goods.xlsx.manifest.json")).expect("a manifest");
    let manifest: Value = serde_json::from_str(&manifest).expect("JSON");
    assert_eq!((&manifest["complete"], &manifest["cut"]), (&json!(false), &json!(1)));
    let mut book = book(&folder);
    let (name, text) = (column(&book, "Название"), column(&book, "Комментарий"));
    let kept = book.rows[1][text].to_string();
    assert!(kept.ends_with("ж … [amoport: обрезано, всего знаков 40005]"));

    // Another cell of the row is sent, and the text stays.
    book.rows[1][name] = Cell::String("Иначе".into());
    book.write(&folder.path().join(FILE));
    folder.run(&service, &IMPORT).expect(0);
    assert_eq!(service.get(&format!("/api/v4/leads/{id}"))["name"], "Иначе");
    assert_eq!(comment_length(&service, id), LENGTH);

    // Edited, the rest of it would be lost.
    book.rows[1][text] = Cell::String(format!("а{kept}"));
    book.write(&folder.path().join(FILE));
    folder.run(&service, &IMPORT).expect(1);
    assert!(folder.of_run("problems.csv").contains("text-cut"));
    assert_eq!(comment_length(&service, id), LENGTH);
}

#[test]
fn a_text_that_was_cut_is_not_made_anew() {
    let (_service, folder, _) = long();
    let other = Service::start();
    folder.run(&other, &["import", FILE, "--as-new", "--verify=none"]).expect(1);
    assert!(folder.of_run("problems.csv").contains("text-cut"));
    assert!(writes(&other).is_empty());

    // Nor by a mapping of one's own.
    folder.write(
        "m.toml",
        "version = 1\nkind = \"lead\"\n[lead]\nname = \"Название\"\n[lead.fields]\n\"Комментарий\" = \"Комментарий\"\n",
    );
    folder.run(&other, &["import", FILE, "-m", "m.toml", "--verify=none"]).expect(1);
    assert!(folder.of_run("problems.csv").contains("text-cut"));
    assert!(writes(&other).is_empty());
}
