//! Words of notes and tasks, and of `closest_task_at`, which tasks decide.

use serde_json::json;

use super::worlds::{names, quartet};
use super::{Effect, Names, Seen, World};
use crate::documents::server::Server;
use Seen::{Rows, Shows};

const OWNERS: [&str; 4] = ["leads", "contacts", "companies", "customers"];
/// By change: b a d c; by the end: c a d b.
const UPDATED: [i64; 4] = [1_700_000_200, 1_700_000_100, 1_700_000_400, 1_700_000_300];
const TILL: [i64; 4] = [1_900_000_200, 1_900_000_400, 1_900_000_100, 1_900_000_300];
/// By making: d b a c.
const CREATED: [i64; 4] = [1_600_000_300, 1_600_000_200, 1_600_000_400, 1_600_000_100];

/// Four notes: a and b of the record `id`, c and d of another.
fn notes(server: &Server, owner: &str) -> Names {
    let [id, other] = ["Волга", "Амур"].map(|name| server.made(owner, &json!([{"name": name}])));
    let types = ["common", "service_message", "common", "common"];
    let [a, b, c, d] = [0, 1, 2, 3].map(|n| {
        let params = if n == 1 { json!({"service": "Чат", "text": "б"}) } else { json!({"text": "а"}) };
        let of = if n < 2 { id } else { other };
        let note = json!([{"entity_id": of, "note_type": types[n], "params": params, "updated_at": UPDATED[n]}]);
        server.made(&format!("{owner}/notes"), &note)
    });
    names([("a", a), ("b", b), ("c", c), ("d", d), ("id", id), ("another", other)])
}

fn of_leads(server: &Server) -> Names {
    notes(server, "leads")
}

fn of_contacts(server: &Server) -> Names {
    notes(server, "contacts")
}

fn of_companies(server: &Server) -> Names {
    notes(server, "companies")
}

fn of_customers(server: &Server) -> Names {
    notes(server, "customers")
}

/// One that is pinned.
fn pinned(server: &Server, owner: &str) -> Names {
    let all = notes(server, owner);
    let answer = server.send("POST", &format!("{owner}/notes/{}/pin", all["a"]), "");
    assert!(answer.is_good(), "{} {}", answer.status, answer.body);
    all
}

fn pinned_of_leads(server: &Server) -> Names {
    pinned(server, "leads")
}

/// Four tasks, b of a contact and done, the others of a lead.
fn tasks(server: &Server) -> Names {
    let [lead, contact] = ["leads", "contacts"].map(|owner| server.made(owner, &json!([{"name": "Волга"}])));
    let users = [500_001, 500_003, 500_005, 500_007];
    let [a, b, c, d] = [0, 1, 2, 3].map(|n| {
        let (of, owner) = if n == 1 { (contact, "contacts") } else { (lead, "leads") };
        let task = json!([{
            "text": "Позвонить", "complete_till": TILL[n], "entity_id": of, "entity_type": owner,
            "responsible_user_id": users[n], "created_by": users[(n + 1) % 4], "is_completed": n == 1,
            "task_type_id": if n == 2 { 2 } else { 1 }, "created_at": CREATED[n], "updated_at": UPDATED[n]
        }]);
        server.made("tasks", &task)
    });
    let mut all = names([("a", a), ("b", b), ("c", c), ("d", d), ("lead", lead), ("contact", contact)]);
    all.extend(names([("ivan", users[1]), ("maria", users[2])]));
    all
}

/// Four records with a task each.
fn with_tasks(server: &Server, owner: &'static str) -> Names {
    let all = quartet(server, owner, |_, _| {});
    for (n, letter) in ["a", "b", "c", "d"].into_iter().enumerate() {
        let id: u64 = all[letter].parse().expect("an id");
        let task = json!([{"text": "Т", "complete_till": TILL[n], "entity_id": id, "entity_type": owner}]);
        server.made("tasks", &task);
    }
    all
}

fn tasks_of_leads(server: &Server) -> Names {
    with_tasks(server, "leads")
}

fn tasks_of_contacts(server: &Server) -> Names {
    with_tasks(server, "contacts")
}

fn tasks_of_companies(server: &Server) -> Names {
    with_tasks(server, "companies")
}

fn tasks_of_customers(server: &Server) -> Names {
    with_tasks(server, "customers")
}

/// Unasked they come by their last change: b a d c.
const NOTES: [(&str, Seen); 10] = [
    ("<limit>=2", Rows(&["b", "a"])),
    ("limit=1&<page>=3", Rows(&["d"])),
    ("filter[<id>][]={b}&filter[<id>][]={d}", Rows(&["b", "d"])),
    ("filter[<entity_id>][]={another}", Rows(&["d", "c"])),
    ("filter[<note_type>]=service_message", Rows(&["b"])),
    ("filter[<updated_at>][<from>]=1700000150&filter[updated_at][<to>]=1700000350", Rows(&["a", "d"])),
    ("order[<id>]=<asc>", Rows(&["a", "b", "c", "d"])),
    ("order[<id>]=<desc>", Rows(&["d", "c", "b", "a"])),
    ("order[<updated_at>]=<asc>&order[id]=desc", Rows(&["b", "a", "d", "c"])),
    ("order[<updated_at>]=<desc>", Rows(&["c", "d", "a", "b"])),
];

/// Of one record: a and b.
const OF_ONE: [(&str, Seen); 4] = [
    ("<limit>=1", Rows(&["b"])),
    ("limit=1&<page>=2", Rows(&["a"])),
    ("filter[<note_type>]=service_message", Rows(&["b"])),
    ("order[<id>]=<asc>", Rows(&["a", "b"])),
];

const TASKS: [(&str, Seen); 16] = [
    ("<limit>=2", Rows(&["a", "b"])),
    ("limit=1&<page>=3", Rows(&["c"])),
    ("filter[<id>][]={b}&filter[<id>][]={d}", Rows(&["b", "d"])),
    ("filter[<responsible_user_id>][]={ivan}&filter[<responsible_user_id>][]={maria}", Rows(&["b", "c"])),
    ("filter[<created_by>][]={ivan}", Rows(&["a"])),
    ("filter[<is_completed>]=1", Rows(&["b"])),
    ("filter[<task_type>]=2", Rows(&["c"])),
    ("filter[<entity_type>]=contacts", Rows(&["b"])),
    ("filter[entity_type]=leads&filter[<entity_id>]={contact}", Rows(&[])),
    ("filter[<updated_at>][<from>]=1700000150&filter[updated_at][<to>]=1700000350", Rows(&["a", "d"])),
    ("order[<id>]=<asc>&order[complete_till]=desc", Rows(&["a", "b", "c", "d"])),
    ("order[<id>]=<desc>", Rows(&["d", "c", "b", "a"])),
    ("order[<created_at>]=<asc>", Rows(&["d", "b", "a", "c"])),
    ("order[<created_at>]=<desc>", Rows(&["c", "a", "b", "d"])),
    ("order[<complete_till>]=<asc>", Rows(&["c", "a", "d", "b"])),
    ("order[<complete_till>]=<desc>", Rows(&["b", "d", "a", "c"])),
];

const NEAR: &str = "filter[<closest_task_at>][<from>]=1900000150&filter[closest_task_at][<to>]=1900000350";

fn effect(route: &'static str, world: World, (query, seen): (&str, Seen)) -> Effect {
    Effect { route, query: query.to_owned(), seen, world, switch: None, file: "attached" }
}

pub fn all() -> Vec<Effect> {
    let lists = ["leads/notes", "contacts/notes", "companies/notes", "customers/notes"];
    let of_one = ["leads/{id}/notes", "contacts/{id}/notes", "companies/{id}/notes", "customers/{id}/notes"];
    let noted: [World; 4] = [of_leads, of_contacts, of_companies, of_customers];
    let tasked: [World; 4] = [tasks_of_leads, tasks_of_contacts, tasks_of_companies, tasks_of_customers];
    let mut all: Vec<Effect> = TASKS.map(|entry| effect("tasks", tasks, entry)).into();
    for n in 0..OWNERS.len() {
        all.extend(NOTES.map(|entry| effect(lists[n], noted[n], entry)));
        all.extend(OF_ONE.map(|entry| effect(of_one[n], noted[n], entry)));
        all.push(effect(OWNERS[n], tasked[n], (NEAR, Rows(&["a", "d"]))));
    }
    all.push(effect("leads/notes", pinned_of_leads, ("with=<is_pinned>", Shows("a", &[("/is_pinned", "true")]))));
    all
}
