//! Answers of the real service, recorded by others (`SOURCES.md`), read as the documents' are.

use amo_model::answer::items;
use amo_model::compare::compare;
use amo_model::field_type::FieldKind;
use amo_model::parts::{self, LeadStage};
use amo_model::{STATUS_LOST, STATUS_WON, Wrapping};
use serde_json::{Value, json};

use crate::documents::answers::written;
use crate::documents::index::folder;

fn text(name: &str) -> String {
    let path = folder().join("recorded").join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// The items of a list, each read by `read`.
fn listed<T>(name: &str, collection: &str, read: impl Fn(&Value) -> Option<T>) -> Vec<T> {
    let json: Value = serde_json::from_str(&text(name)).unwrap_or_else(|e| panic!("{name}: {e}"));
    let items = items(&json, Wrapping::Embedded, collection).unwrap_or_else(|| panic!("{name}"));
    items.into_iter().map(|item| read(item).unwrap_or_else(|| panic!("{name}: {item}"))).collect()
}

/// Answers to writes: file, collection, ids, request ids.
const WRITES: &[(&str, &str, u64, &str)] = &[
    ("customer__create_contact__post.json", "contacts", 72_845_935, "0"),
    ("customer__create_customer__post.json", "customers", 1_369_385, "0"),
    ("product__create__post.json", "elements", 14_229_449, "0"),
    ("transaction__create_transaction__post.json", "transactions", 684_537, "0"),
    ("lead_note__create_lead_note__post.json", "notes", 1_949_919, "0"),
    ("lead_task__lead_task_created__post.json", "tasks", 905_769, "0"),
    ("groups__response__patch.json", "custom_fields", 2_235_149, "0"),
];

/// Files that other tests of this module read.
const OTHERS: &[&str] = &[
    "catalogs__get_catalogs__get.json",
    "catalogs__get_fields__get.json",
    "lead__create_lead__post.json",
    "lead_task__lead_tasks__get.json",
    "lead_task__test_get_lead_tasks_return_empty_list_if_no_matching_tasks__get.json",
    "pipelines__response__get.json",
    "user_operator__get_users__get.json",
];

#[test]
fn every_recorded_answer_is_read_here() {
    let there = std::fs::read_dir(folder().join("recorded")).expect("a folder").flatten();
    let mut there: Vec<String> = there.map(|f| f.file_name().into_string().expect("UTF-8")).collect();
    there.retain(|name| name != "LICENSE");
    let mut read: Vec<&str> = WRITES.iter().map(|(name, ..)| *name).chain(OTHERS.iter().copied()).collect();
    there.sort();
    read.sort();
    assert_eq!(there, read);
}

#[test]
fn recorded_answers_to_writes_give_their_ids() {
    for (name, collection, id, request) in WRITES {
        let read = written(&text(name), Wrapping::Embedded, collection);
        assert_eq!(read, Some(vec![(*id, vec![(*request).to_owned()], None, None, false)]), "{name}");
    }
    let complex = written(&text("lead__create_lead__post.json"), Wrapping::Array, "leads");
    assert_eq!(complex, Some(vec![(11_111, vec!["0".to_owned()], Some(5_555), None, false)]));
}

/// Nothing found came as an object without anything: nothing of a list, so the reading does not go on.
#[test]
fn an_object_without_anything_is_no_list() {
    let name = "lead_task__test_get_lead_tasks_return_empty_list_if_no_matching_tasks__get.json";
    assert_eq!(written(&text(name), Wrapping::Embedded, "tasks"), None);
    let tasks = listed("lead_task__lead_tasks__get.json", "tasks", |task| parts::id(&task["id"]));
    assert_eq!(tasks, [894_053]);
}

#[test]
fn recorded_pipelines_have_their_stages() {
    let pipelines = listed("pipelines__response__get.json", "pipelines", parts::pipeline);
    let told: Vec<_> = pipelines.iter().map(|p| (p.id, p.name.as_str(), p.is_main, p.is_archive)).collect();
    assert_eq!(told, [(7_028_886, "b2b", true, false), (7_055_602, "individual", false, false)]);
    assert_eq!(pipelines[0].stages.iter().map(|s| s.id).collect::<Vec<_>>(), [58_962_662, STATUS_WON, STATUS_LOST]);
    let unsorted = LeadStage { id: 59_144_290, name: "Неразобранное".to_owned(), kind: 1 };
    assert_eq!(pipelines[1].stages[0], unsorted);
}

#[test]
fn recorded_users_are_active() {
    let users = listed("user_operator__get_users__get.json", "users", parts::user);
    let told: Vec<_> = users.iter().map(|u| (u.id, u.name.as_str(), u.email.as_str(), u.is_active)).collect();
    assert_eq!(told, [(10_450_722, "Тестовый Пользователь", "user1@example.com", true)]);
}

#[test]
fn recorded_lists_and_their_fields_are_read() {
    let lists = listed("catalogs__get_catalogs__get.json", "catalogs", parts::named);
    let told: Vec<_> = lists.iter().map(|l| (l.id, l.name.as_str())).collect();
    assert_eq!(told, [(11_271, "Товары"), (11_273, "Мои юр. лица")]);
    let fields = listed("catalogs__get_fields__get.json", "custom_fields", parts::field);
    let told: Vec<_> = fields
        .iter()
        .map(|f| (f.id, f.name.as_str(), f.code.as_deref(), FieldKind::from_name(&f.kind), f.options.len()))
        .collect();
    assert_eq!(told[0], (2_235_143, "Артикул", Some("SKU"), FieldKind::Text, 0));
    assert_eq!((told[1].0, told[1].3), (2_235_149, FieldKind::Category));
}

#[test]
fn a_recorded_product_holds_what_was_sent() {
    let value = |field: u64, value: Value| json!({"field_id": field, "values": [{"value": value}]});
    let price = |price: Value| value(2_235_147, price);
    let held = listed("product__create__post.json", "elements", |item| Some(item.clone())).remove(0);
    for (sent, agreed, differing) in [
        (json!([value(2_235_143, json!("not-hehe")), price(json!(999.12)), value(2_235_151, json!("333"))]), 4, 0),
        (json!([price(json!("999.120"))]), 2, 0),
        (json!([price(json!(999.13))]), 1, 1),
    ] {
        let comparison = compare(&json!({"name": "PopugFields", "custom_fields_values": sent}), &held);
        assert_eq!((comparison.agreed, comparison.differences.len()), (agreed, differing), "{sent}");
    }
}
