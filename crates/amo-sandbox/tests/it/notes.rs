//! Notes of leads, contacts, companies and customers.

use std::sync::atomic::Ordering;

use serde_json::{Value, json};

use crate::{IVAN, NOW, Running, ids, keys, no_limit, shape};

const ANNA: u64 = 500_001;
const KINDS: [&str; 4] = ["leads", "contacts", "companies", "customers"];

fn text(text: &str) -> Value {
    json!({"note_type": "common", "params": {"text": text}})
}

/// The same for a path that does not name the owner.
fn text_of(entity: u64, of: &str) -> Value {
    let mut note = text(of);
    note["entity_id"] = json!(entity);
    note
}

/// Creates a note of a record and returns its id.
fn noted(s: &Running, kind: &str, entity: u64, note: Value) -> u64 {
    let answer = s.post(&format!("{kind}/{entity}/notes"), json!([note])).is(200).json();
    ids(&answer, "notes")[0]
}

/// The ids of a list; none where it is empty.
fn listed(s: &Running, path: &str) -> Vec<u64> {
    let answer = s.get(path);
    if answer.status == 204 { Vec::new() } else { ids(&answer.is(200).json(), "notes") }
}

#[test]
fn answers_to_notes_are_as_recorded() {
    let recorded: Value = serde_json::from_str(include_str!(
        "../../../../tests/it/documents/recorded/lead_note__create_lead_note__post.json"
    ))
    .expect("a recorded answer");
    let s = Running::unlimited();
    let lead = s.made("leads", json!({"name": "Сделка"}));
    for (path, item) in [(format!("leads/{lead}/notes"), text("Да")), ("leads/notes".to_owned(), text_of(lead, "Да"))]
    {
        let answer = s.post(&path, json!([item])).is(200).has_type("application/hal+json").json();
        assert_eq!(shape(&answer), shape(&recorded), "{path}");
        let (note, told) = (&answer["_embedded"]["notes"][0], &recorded["_embedded"]["notes"][0]);
        assert_eq!(keys(note), keys(told), "{path}");
        assert_eq!((&note["entity_id"], &note["request_id"]), (&json!(lead), &json!("0")));
        let href = |answer: &Value| answer["_links"]["self"]["href"].as_str().expect("an address").to_owned();
        assert!(href(&answer).ends_with(&format!("/api/v4/{path}")), "{}", href(&answer));
        assert!(href(note).ends_with(&format!("/api/v4/leads/{lead}/notes/{}", note["id"])), "{}", href(note));
        assert!(href(told).ends_with("/api/v4/leads/1781381/notes/1949919"), "the recorded one is no other");
    }
}

#[test]
fn notes_of_every_owner_are_read_by_every_path() {
    let s = Running::unlimited();
    for kind in KINDS {
        let entity = s.made(kind, json!({"name": "Запись"}));
        let other = s.made(kind, json!({"name": "Другая"}));
        s.now.fetch_add(1, Ordering::SeqCst);
        let now = s.now.load(Ordering::SeqCst);
        let made = json!({"note_type": "common", "params": {"text": "Звонил"}, "created_by": 0, "responsible_user_id": IVAN,
            "request_id": "строка 7"});
        let answer = s.post(&format!("{kind}/{entity}/notes"), json!([made])).is(200).json();
        assert_eq!(answer["_embedded"]["notes"][0]["request_id"], "строка 7");
        let id = ids(&answer, "notes")[0];
        let account = s.get("account").is(200).json()["id"].clone();
        let wanted = json!({
            "id": id, "entity_id": entity, "created_by": 0, "updated_by": ANNA, "created_at": now, "updated_at": now,
            "responsible_user_id": IVAN, "group_id": 0, "note_type": "common", "params": {"text": "Звонил"},
            "account_id": account,
            "_links": {"self": {"href": format!("{}/api/v4/{kind}/{entity}/notes/{id}", s.sandbox.url())}}
        });
        for path in [format!("{kind}/notes/{id}"), format!("{kind}/{entity}/notes/{id}")] {
            let note = s.get(&path).is(200).json();
            assert_eq!((&note, keys(&note)), (&wanted, keys(&wanted)), "{path}");
        }
        for path in [format!("{kind}/notes"), format!("{kind}/{entity}/notes")] {
            let list = s.get(&path).is(200).json();
            assert_eq!(list["_embedded"]["notes"], json!([wanted]), "{path}");
            assert_eq!((&list["_page"], keys(&list["_links"])), (&json!(1), vec!["self"]));
        }
        // Other paths do not show it.
        let stranger = if kind == "leads" { "contacts" } else { "leads" };
        for path in [
            format!("{stranger}/notes/{id}"),
            format!("{kind}/{other}/notes/{id}"),
            format!("{kind}/{other}/notes"),
            format!("{kind}/7/notes"),
            format!("{kind}/notes/7"),
        ] {
            s.get(&path).is(204);
        }
        s.patch(&format!("{stranger}/notes/{id}"), json!({"params": {"text": "Нет"}})).is(400);
        s.patch(&format!("{kind}/{other}/notes/{id}"), json!({"params": {"text": "Нет"}})).is(400);
        assert_eq!(s.kept("notes", id)["params"]["text"], "Звонил");
        s.switch("unknown_id_status", json!(404));
        s.get(&format!("{kind}/notes/7")).is(404);
        s.switch("unknown_id_status", json!(204));
    }
    assert_eq!(s.count("notes"), 4);
}

#[test]
fn each_type_of_note_has_its_parameters() {
    let call = json!({"uniq": "8f52d38a", "duration": 60, "source": "АТС", "link": "https://example.com/1.mp3", "phone": "+7"});
    let types = [
        ("common", json!({"text": "Да"})),
        ("call_in", call.clone()),
        ("call_out", call),
        ("service_message", json!({"service": "Импорт", "text": "Да"})),
        ("extended_service_message", json!({"service": "Импорт", "text": "Да"})),
        ("message_cashier", json!({"status": "created", "text": "Да"})),
        ("invoice_paid", json!({"text": "Да", "service": "Банк", "icon_url": "https://example.com/1.png"})),
        ("geolocation", json!({"text": "Да", "address": "Тверь", "longitude": "35.9", "latitude": "56.8"})),
        ("sms_in", json!({"text": "Да", "phone": "+7"})),
        ("sms_out", json!({"text": "Да", "phone": "+7"})),
        ("attachment", json!({"file_uuid": "f1", "file_name": "договор.pdf"})),
    ];
    let s = Running::unlimited();
    let lead = s.made("leads", json!({}));
    let path = format!("leads/{lead}/notes");
    for (note_type, params) in types {
        let id = noted(&s, "leads", lead, json!({"note_type": note_type, "params": params}));
        let note = s.get(&format!("leads/notes/{id}")).is(200).json();
        assert_eq!((&note["note_type"], &note["params"]), (&json!(note_type), &params));
        for key in keys(&params) {
            let mut less = params.clone();
            less.as_object_mut().expect("parameters").shift_remove(key);
            let refused = s.post(&path, json!([{"note_type": note_type, "params": less}])).is(400);
            assert_eq!(refused.errors(), [format!("FieldMissing params.{key}")], "{note_type}");
            less[key] = json!([]);
            let refused = s.post(&path, json!([{"note_type": note_type, "params": less}])).is(400);
            assert_eq!(refused.errors(), [format!("InvalidType params.{key}")], "{note_type}");
            // Recorded of a call without a link. [client]
            less[key] = Value::Null;
            let refused = s.post(&path, json!([{"note_type": note_type, "params": less}])).is(400);
            assert_eq!(refused.errors(), [format!("NotNullable params.{key}")], "{note_type}");
            assert!(refused.body.contains("This value should not be null."), "{}", refused.body);
        }
        let mut more = params.clone();
        more["colour"] = json!("red");
        let refused = s.post(&path, json!([{"note_type": note_type, "params": more}])).is(400);
        assert_eq!(refused.errors(), ["FieldNotExpected params.colour"], "{note_type}");
    }
    assert_eq!(s.count("notes"), 11);
}

#[test]
fn errors_of_a_note_have_code_and_path() {
    let s = Running::unlimited();
    let lead = s.made("leads", json!({}));
    for (item, wanted) in [
        (json!({}), vec!["FieldMissing note_type", "FieldMissing params"]),
        (json!({"note_type": "common", "params": []}), vec!["FieldMissing params.text"]),
        (json!({"note_type": "common", "params": "Да"}), vec!["InvalidType params"]),
        (json!({"note_type": "common", "params": {"text": " "}}), vec!["NotBlank params.text"]),
        (json!({"note_type": "amomail_message", "params": {}}), vec!["NotSupportedChoice note_type"]),
        (json!({"note_type": 4, "params": {"text": "Да"}}), vec!["InvalidType note_type"]),
        (
            json!({"note_type": "message_cashier", "params": {"status": "lost", "text": "Да"}}),
            vec!["NotSupportedChoice params.status"],
        ),
        (json!({"note_type": "common", "params": {"text": "Да"}, "text": "Да"}), vec!["FieldNotExpected text"]),
        (
            json!({"note_type": "common", "params": {"text": "Да"}, "created_by": 7}),
            vec!["NotSupportedChoice created_by"],
        ),
        (json!({"note_type": "common", "params": {"text": "Да"}, "created_at": "1"}), vec!["InvalidType created_at"]),
        (json!({"note_type": "common", "params": {"text": "Да"}, "request_id": 0}), vec!["InvalidType request_id"]),
        (
            json!({"note_type": "common", "params": {"text": "Да"}, "entity_id": 7}),
            vec!["NotSupportedChoice entity_id"],
        ),
        (json!(5), vec!["InvalidType ", "FieldMissing note_type"]),
    ] {
        let refused = s.post(&format!("leads/{lead}/notes"), json!([item])).is(400);
        assert_eq!(refused.errors()[..1], wanted[..1], "{item}");
        if item.is_object() {
            assert_eq!(refused.errors(), wanted, "{item}");
        }
    }
    for (id, wanted) in [
        (json!(7), "NotSupportedChoice entity_id"),
        (json!(-7), "NotSupportedChoice entity_id"),
        (json!("7"), "InvalidType entity_id"),
        (Value::Null, "InvalidType entity_id"),
    ] {
        let mut note = text("Да");
        note["entity_id"] = id;
        assert_eq!(s.post("leads/notes", json!([note])).is(400).errors(), [wanted], "{note}");
    }
    assert_eq!(s.post("leads/notes", json!([text("Да")])).is(400).errors(), ["FieldMissing entity_id"]);
    assert_eq!(s.post("leads/7/notes", json!([text("Да")])).is(400).errors(), ["NotSupportedChoice entity_id"]);
    for body in ["", "{", "[]", "{}"] {
        s.send("POST", "leads/notes", body).is(400);
    }
    assert_eq!(s.count("notes"), 0);
}

#[test]
fn a_note_is_updated_by_either_path() {
    let s = Running::unlimited();
    let lead = s.made("leads", json!({}));
    let other = s.made("leads", json!({}));
    let call = json!({"uniq": "8f", "duration": 60, "source": "АТС", "link": "https://example.com", "phone": "+7"});
    let (first, second) = (
        noted(&s, "leads", lead, text("Раз")),
        noted(&s, "leads", lead, json!({"note_type": "call_in", "params": call})),
    );
    s.now.fetch_add(9, Ordering::SeqCst);
    let list = json!([{"id": first, "params": {"text": "Два"}, "request_id": "а"}, {"id": second, "params": {"duration": 61}}]);
    for path in ["leads/notes".to_owned(), format!("leads/{lead}/notes")] {
        let answer = s.patch(&path, list.clone()).is(200).json();
        let note = &answer["_embedded"]["notes"][0];
        assert_eq!(keys(note), ["id", "entity_id", "updated_at", "_links"]);
        assert_eq!((&note["entity_id"], &note["updated_at"]), (&json!(lead), &json!(NOW + 9)));
    }
    let note = s.get(&format!("leads/notes/{first}")).is(200).json();
    assert_eq!(
        (&note["params"]["text"], &note["created_at"], &note["updated_at"]),
        (&json!("Два"), &json!(NOW), &json!(NOW + 9))
    );
    let params = s.get(&format!("leads/notes/{second}")).is(200).json()["params"].clone();
    assert_eq!((&params["duration"], &params["uniq"]), (&json!(61), &json!("8f")), "what is not named stays");
    for path in [format!("leads/notes/{first}"), format!("leads/{lead}/notes/{first}")] {
        let answer =
            s.patch(&path, json!({"params": {"text": "Три"}, "note_type": "common", "entity_id": lead})).is(200).json();
        assert_eq!(keys(&answer), ["id", "entity_id", "updated_at", "_links"]);
        // A note sent back as it was read is accepted.
        let read = s.get(&format!("{path}?with=is_pinned")).is(200).json();
        s.patch(&path, read).is(200);
    }
    for (change, wanted) in [
        (json!({"note_type": "sms_in"}), "NotSupportedChoice note_type"),
        (json!({"entity_id": other}), "NotSupportedChoice entity_id"),
        (json!({"params": {"text": ""}}), "NotBlank params.text"),
        (json!({"params": {"phone": "+7"}}), "FieldNotExpected params.phone"),
        (json!({"params": {"text": null}}), "NotNullable params.text"),
    ] {
        let refused = s.patch(&format!("leads/notes/{first}"), change.clone()).is(400);
        assert_eq!(refused.errors(), [wanted], "{change}");
    }
    assert_eq!(s.patch("leads/notes", json!([{"params": {"text": "А"}}])).is(400).errors(), ["FieldMissing id"]);
    assert_eq!(s.patch("leads/notes", json!([{"id": 7}])).is(400).errors(), ["NotSupportedChoice id"]);
    s.switch("patch_wrapped", json!(true));
    let answer = s.patch(&format!("leads/notes/{first}"), text("Пять")).is(200).json();
    assert_eq!(ids(&answer, "notes"), [first]);
}

#[test]
fn lists_of_notes_are_filtered_ordered_and_paged() {
    let s = Running::unlimited();
    let lead = s.made("leads", json!({}));
    let other = s.made("leads", json!({}));
    let sms = json!({"note_type": "sms_out", "params": {"text": "Да", "phone": "+7"}});
    let a = noted(&s, "leads", lead, text("Раз"));
    let b = noted(&s, "leads", lead, sms);
    let c = noted(&s, "leads", other, text("Три"));
    s.now.fetch_add(10, Ordering::SeqCst);
    s.patch("leads/notes", json!([{"id": a, "params": {"text": "Позже"}}])).is(200);
    for (query, of_all, of_one) in [
        // The default order is the last change; an unknown direction is ignored. [client live]
        ("".to_owned(), vec![b, c, a], vec![b, a]),
        ("order[updated_at]=asc".to_owned(), vec![b, c, a], vec![b, a]),
        ("order[updated_at]=nonsense".to_owned(), vec![b, c, a], vec![b, a]),
        ("order[updated_at]=desc".to_owned(), vec![a, c, b], vec![a, b]),
        ("order[id]=asc".to_owned(), vec![a, b, c], vec![a, b]),
        ("order[id]=desc".to_owned(), vec![c, b, a], vec![b, a]),
        ("order[created_at]=desc&filter[colour]=red&query=zzz".to_owned(), vec![b, c, a], vec![b, a]),
        (format!("filter[id]={a}"), vec![a], vec![a]),
        (format!("filter[id][]={a}&filter[id][]={b}&filter[id][]={c}"), vec![b, c, a], vec![b, a]),
        (format!("filter[entity_id]={other}"), vec![c], vec![]),
        (format!("filter[entity_id][]={lead}&filter[entity_id][]={other}"), vec![b, c, a], vec![b, a]),
        ("filter[note_type]=sms_out".to_owned(), vec![b], vec![b]),
        ("filter[note_type][]=sms_out&filter[note_type][]=common".to_owned(), vec![b, c, a], vec![b, a]),
        // A single time is the earliest. [doc]
        (format!("filter[updated_at]={}", NOW + 5), vec![a], vec![a]),
        (format!("filter[updated_at][from]={NOW}&filter[updated_at][to]={}", NOW + 9), vec![b, c], vec![b]),
        (format!("filter[updated_at][to]={}", NOW + 9), vec![b, c], vec![b]),
        ("limit=2".to_owned(), vec![b, c], vec![b, a]),
        ("limit=2&page=2".to_owned(), vec![a], vec![]),
    ] {
        assert_eq!(listed(&s, &format!("leads/notes?{query}")), of_all, "{query}");
        assert_eq!(listed(&s, &format!("leads/{lead}/notes?{query}")), of_one, "{query}");
    }
    let first = s.get("leads/notes?limit=2&filter[id][]=0&filter[note_type]=common").status;
    assert_eq!(first, 204);
    let page = s.get("leads/notes?limit=2").is(200).json();
    assert!(page["_links"]["next"]["href"].as_str().expect("a next page").contains("page=2"));
    s.get("contacts/notes").is(204);
    let many: Vec<Value> = (0..250).map(|n| text_of(other, &n.to_string())).collect();
    s.post("leads/notes", json!(many)).is(200);
    assert_eq!(listed(&s, "leads/notes?limit=500").len(), 250, "more than that is clipped");
    let more: Vec<Value> = (0..251).map(|n| text_of(other, &n.to_string())).collect();
    s.post("leads/notes", json!(more)).is(422);
    s.switch("page_max", json!(1));
    s.get("leads/notes?page=2").is(400);
    s.switch("page_max", json!(0));
    s.switch("list_lag_s", json!(60));
    s.get("leads/notes?filter[updated_at][from]=1").is(204);
    s.get(&format!("leads/notes/{a}")).is(200);
}

#[test]
fn faults_and_switches_apply_to_notes() {
    let s = Running::unlimited();
    s.script(json!([
        {"on": "POST leads/*/notes", "nth": 1, "do": "504"},
        {"on": "POST leads/*/notes", "nth": 2, "do": "half"},
        {"on": "POST leads/*/notes", "nth": 3, "do": "request-ids-missing"}
    ]));
    let lead = s.made("leads", json!({}));
    let path = format!("leads/{lead}/notes");
    let batch = json!([text("Раз"), text("Два"), text("Три"), text("Четыре")]);
    for (status, there) in [(504, 4), (504, 6), (200, 10)] {
        let answer = s.post(&path, batch.clone()).is(status);
        assert_eq!((listed(&s, &path).len(), answer.body.contains("request_id")), (there, false));
    }
    s.faults(json!({"refuse": [{"name_contains": "Два", "path": "params.text", "of": "notes"}]}));
    assert_eq!(s.post(&path, batch.clone()).is(400).errors(), ["NotSupportedChoice params.text"]);
    s.switch("partial", json!("told"));
    let answer = s.post(&path, batch.clone()).is(200).json();
    assert_eq!(ids(&answer, "notes").len(), 3);
    assert_eq!(answer["validation-errors"][0]["request_id"], "1");
    assert_eq!(s.stats()["commits"]["POST leads/{id}/notes"]["records"], 13);
}

#[test]
fn notes_are_deleted_with_their_owner_and_not_by_the_api() {
    let s = Running::unlimited();
    for kind in KINDS {
        let (gone, stays) = (s.made(kind, json!({"name": "А"})), s.made(kind, json!({"name": "Б"})));
        let (a, b, c) =
            (noted(&s, kind, gone, text("А")), noted(&s, kind, stays, text("Б")), noted(&s, kind, stays, text("В")));
        for path in [format!("{kind}/notes/{b}"), format!("{kind}/{stays}/notes/{b}")] {
            let refused = s.delete(&path).is(405);
            assert_eq!(refused.body, "", "as recorded");
        }
        s.control("POST", "delete", &json!({kind: [gone]}).to_string()).is(200);
        assert_eq!(listed(&s, &format!("{kind}/notes")), [b, c]);
        for path in [format!("{kind}/notes/{a}"), format!("{kind}/{gone}/notes"), format!("{kind}/{gone}/notes/{a}")] {
            s.get(&path).is(204);
        }
        // A person can delete notes in the CRM.
        let deleted = s.control("POST", "delete", &json!({"notes": [b]}).to_string()).is(200).json();
        assert_eq!(deleted["deleted"], 1);
        assert_eq!(listed(&s, &format!("{kind}/notes")), [c]);
        s.get(&format!("{kind}/{stays}")).is(200);
    }
    let made = noted(&s, "leads", s.made("leads", json!({})), text("Ещё"));
    assert_eq!((s.count("notes"), made % 2), (5, 1));
}

#[test]
fn notes_are_visible_with_their_owner() {
    let s = Running::unlimited();
    for kind in KINDS {
        let own = s.made(kind, json!({"name": "Своя"}));
        let ivans = s.made(kind, json!({"name": "Чужая", "responsible_user_id": IVAN}));
        let (mine, his) = (noted(&s, kind, own, text("А")), noted(&s, kind, ivans, text("Б")));
        s.control("POST", "switches", r#"{"token_is_admin":false,"token_view":"M"}"#).is(200);
        assert_eq!(listed(&s, &format!("{kind}/notes")), [mine]);
        for path in [format!("{kind}/notes/{his}"), format!("{kind}/{ivans}/notes")] {
            s.get(&path).is(204);
        }
        let refused = s.post(&format!("{kind}/notes"), json!([text_of(ivans, "В")])).is(400);
        assert_eq!(refused.errors(), ["NotSupportedChoice entity_id"]);
        let refused = s.patch(&format!("{kind}/notes"), json!([{"id": his, "params": {"text": "Г"}}])).is(400);
        assert_eq!(refused.errors(), ["NotSupportedChoice id"]);
        s.post(&format!("{kind}/notes/{his}/pin"), json!({})).is(404);
        s.switch("token_is_admin", json!(true));
        assert_eq!(listed(&s, &format!("{kind}/notes")), [mine, his]);
    }
    let customer = s.made("customers", json!({"name": "А"}));
    s.mode("segments", false);
    for path in ["customers/notes".to_owned(), format!("customers/{customer}/notes")] {
        assert!(s.get(&path).is(400).body.contains("Error 426."), "{path}");
        s.post(&path, json!([text_of(customer, "А")])).is(400);
    }
}

#[test]
fn a_note_is_pinned_and_is_pinned_is_shown_on_request() {
    let s = Running::unlimited();
    let lead = s.made("leads", json!({}));
    let note = noted(&s, "leads", lead, text("Важно"));
    let path = format!("leads/notes/{note}");
    for (word, is_pinned) in [("pin", true), ("pin", true), ("unpin", false)] {
        s.post(&format!("{path}/{word}"), json!({})).is(204);
        for shown in
            [s.get(&format!("{path}?with=is_pinned")), s.get(&format!("leads/{lead}/notes/{note}?with=is_pinned"))]
        {
            assert_eq!(shown.is(200).json()["is_pinned"], is_pinned);
        }
        assert_eq!(s.get(&path).is(200).json().get("is_pinned"), None);
    }
    for path in ["leads/notes/7/pin".to_owned(), format!("contacts/notes/{note}/pin")] {
        s.post(&path, json!({})).is(404);
    }
}

#[test]
fn a_world_of_a_version_without_notes_stores_them() {
    let folder = tempfile::tempdir().expect("a folder");
    // The log of a version without notes and tasks.
    let log = concat!(
        r#"{"amoport_sandbox_world":1,"seed":1}"#,
        "\n",
        r#"{"at":1,"put":[["leads",10000001,1,1,{"name":"Прежняя","price":5,"responsible_user_id":500001}]]}"#,
        "\n"
    );
    std::fs::write(folder.path().join("world.jsonl"), log).expect("written");
    let s = Running::start(Some(folder.path()), no_limit());
    assert_eq!(s.lead(10_000_001)["name"], "Прежняя");
    s.get("leads/notes").is(204);
    s.get("tasks").is(204);
    let note = noted(&s, "leads", 10_000_001, text("Новое"));
    let task = s.made(
        "tasks",
        json!({"text": "Позвонить", "complete_till": NOW, "entity_id": 10_000_001, "entity_type": "leads"}),
    );
    let gone = noted(&s, "leads", 10_000_001, text("Лишнее"));
    s.control("POST", "delete", &json!({"notes": [gone]}).to_string()).is(200);
    let shown = (
        s.get(&format!("leads/notes/{note}")).json()["params"].clone(),
        s.get(&format!("tasks/{task}")).json()["text"].clone(),
    );
    drop(s);
    let s = Running::start(Some(folder.path()), no_limit());
    assert_eq!(listed(&s, "leads/notes"), [note]);
    assert_eq!(
        (
            s.get(&format!("leads/notes/{note}")).json()["params"].clone(),
            s.get(&format!("tasks/{task}")).json()["text"].clone()
        ),
        shown
    );
    assert_eq!(s.lead(10_000_001)["closest_task_at"], NOW);
    assert_eq!(noted(&s, "leads", 10_000_001, text("Ещё")), gone + 2, "no id is given twice");
    s.control("POST", "reset", "").is(200);
    assert_eq!((s.count("notes"), s.count("tasks")), (0, 0));
}

#[test]
fn a_merging_robot_moves_notes_and_tasks() {
    let folder = tempfile::tempdir().expect("a folder");
    let s = Running::start(Some(folder.path()), no_limit());
    let old = s.made("leads", json!({"name": "Двойник"}));
    let robots = json!([{"of": "leads", "do": "merge", "delay_ms": 3_600_000}]);
    s.control("POST", "robots", &robots.to_string()).is(200);
    let new = s.made("leads", json!({"name": "Двойник"}));
    let note = noted(&s, "leads", new, text("Моё"));
    let task = s.made("tasks", json!({"text": "Моя", "complete_till": 7, "entity_id": new, "entity_type": "leads"}));
    assert_eq!(s.get(&format!("leads/notes/{note}")).json()["params"]["text"], "Моё");
    // Pending tasks are carried out when the server stops.
    drop(s);
    let s = Running::start(Some(folder.path()), no_limit());
    s.get(&format!("leads/{new}")).is(204);
    assert_eq!(listed(&s, &format!("leads/{old}/notes")), [note]);
    assert_eq!(s.get(&format!("tasks/{task}")).is(200).json()["entity_id"], old);
    assert_eq!(s.lead(old)["closest_task_at"], 7);
}
