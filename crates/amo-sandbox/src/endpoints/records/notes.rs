//! Notes of leads, contacts, companies and customers, and tasks: list, one, create, change; notes can be pinned. Neither
//! can be deleted. [doc], [client live]

use serde_json::{Map, Value, json};

use crate::changes::changeset::Plan;
use crate::changes::write;
use crate::check::{Clean, Complaints, Mode, Refused, check_item, note, task};
use crate::endpoints::batch::{Answer, answer, check_all, invalid, request_id, shown_request_id};
use crate::endpoints::customers::on;
use crate::endpoints::reply::Reply;
use crate::endpoints::{Call, Route, route};
use crate::read::{list_notes, self_link, written};
use crate::world::Shelf;
use crate::world::attached::{self, At};
use amo_model::BATCH_MAX;

macro_rules! routes_of {
    ($path:literal, $kind:expr) => {
        [
            route("GET", concat!($path, "/notes"), |c| open(c, $kind, |c| list(c, of_all($kind)))),
            route("POST", concat!($path, "/notes"), |c| open(c, $kind, |c| create(c, of_all($kind)))),
            route("PATCH", concat!($path, "/notes"), |c| open(c, $kind, |c| update(c, of_all($kind)))),
            route("GET", concat!($path, "/notes/{id}"), |c| open(c, $kind, |c| get(c, of_all($kind), c.id(0)))),
            route("PATCH", concat!($path, "/notes/{id}"), |c| {
                open(c, $kind, |c| update_one(c, of_all($kind), c.id(0)))
            }),
            route("DELETE", concat!($path, "/notes/{id}"), |c| open(c, $kind, no_delete)),
            route("POST", concat!($path, "/notes/{id}/pin"), |c| open(c, $kind, |c| pin(c, of_all($kind), true))),
            route("POST", concat!($path, "/notes/{id}/unpin"), |c| open(c, $kind, |c| pin(c, of_all($kind), false))),
            route("GET", concat!($path, "/{id}/notes"), |c| open(c, $kind, |c| list(c, of_one(c, $kind)))),
            route("POST", concat!($path, "/{id}/notes"), |c| open(c, $kind, |c| create(c, of_one(c, $kind)))),
            route("PATCH", concat!($path, "/{id}/notes"), |c| open(c, $kind, |c| update(c, of_one(c, $kind)))),
            route("GET", concat!($path, "/{id}/notes/{id}"), |c| open(c, $kind, |c| get(c, of_one(c, $kind), c.id(1)))),
            route("PATCH", concat!($path, "/{id}/notes/{id}"), |c| {
                open(c, $kind, |c| update_one(c, of_one(c, $kind), c.id(1)))
            }),
            route("DELETE", concat!($path, "/{id}/notes/{id}"), |c| open(c, $kind, no_delete)),
        ]
    };
}

pub static NOTES: &[[Route; 14]] = &[
    routes_of!("leads", Shelf::Leads),
    routes_of!("contacts", Shelf::Contacts),
    routes_of!("companies", Shelf::Companies),
    routes_of!("customers", Shelf::Customers),
];

pub static TASKS: &[Route] = &[
    route("GET", "tasks", |c| list(c, Of::Tasks)),
    route("POST", "tasks", |c| create(c, Of::Tasks)),
    route("PATCH", "tasks", |c| update(c, Of::Tasks)),
    route("GET", "tasks/{id}", |c| get(c, Of::Tasks, c.id(0))),
    route("PATCH", "tasks/{id}", |c| update_one(c, Of::Tasks, c.id(0))),
    route("DELETE", "tasks/{id}", |_| Reply::problem(403, "Invalid scope")), // [client live]
];

/// What a path is about.
#[derive(Clone, Copy)]
enum Of {
    Notes(At),
    Tasks,
}

fn of_all(kind: Shelf) -> Of {
    Of::Notes(At { kind, id: None })
}

fn of_one(call: &Call, kind: Shelf) -> Of {
    Of::Notes(At { kind, id: Some(call.id(0)) })
}

/// Notes of customers are there only while customers are.
fn open(call: &Call, kind: Shelf, run: fn(&Call) -> Reply) -> Reply {
    if kind == Shelf::Customers { on(call, run) } else { run(call) }
}

/// Without a body. [client live]
fn no_delete(_: &Call) -> Reply {
    Reply::bare(405)
}

impl Of {
    fn shelf(self) -> Shelf {
        match self {
            Of::Notes(_) => Shelf::Notes,
            Of::Tasks => Shelf::Tasks,
        }
    }

    fn path(self) -> String {
        match self {
            Of::Notes(At { kind, id: Some(id) }) => format!("{}/{id}/notes", kind.path()),
            Of::Notes(At { kind, id: None }) => format!("{}/notes", kind.path()),
            Of::Tasks => "tasks".to_owned(),
        }
    }

    fn check(self, call: &Call, mode: Mode, item: &Value, complaints: &mut Complaints) -> Clean {
        let rules = call.rules();
        let mut clean = check_item(&rules, self.shelf(), mode, item, "", complaints);
        match self {
            Of::Notes(at) => note::check(&rules, at, mode, &mut clean, complaints),
            Of::Tasks => task::check(&rules, mode, &mut clean, complaints),
        }
        clean
    }

    /// What is answered to a write: the id, of a note that of its record, too. [client live], changes [doc]
    fn told(self, call: &Call, plan: &Plan, id: u64, updated_at: Option<i64>) -> Map<String, Value> {
        let mut told = Map::new();
        told.insert("id".to_owned(), json!(id));
        let view = call.view();
        let url = match self {
            Of::Notes(_) => {
                let mut owners = attached::OWNERS.into_iter().map(|kind| (kind, plan.linked(Shelf::Notes, id, kind)));
                let owner = owners.find_map(|(kind, all)| Some((kind, all.first()?.0)));
                told.insert("entity_id".to_owned(), json!(owner.map(|(_, id)| id)));
                owner.map_or_else(|| view.url(&self.path()), |owner| view.note_url(owner, id))
            }
            Of::Tasks => view.record_url(Shelf::Tasks, id),
        };
        if let Some(at) = updated_at {
            told.insert("updated_at".to_owned(), json!(at));
        }
        told.insert("_links".to_owned(), self_link(url));
        told
    }

    /// The note or task, where it is there and the path means it.
    fn finds(self, call: &Call, id: u64) -> bool {
        let is_meant = match self {
            Of::Notes(at) => attached::owner(call.world, Shelf::Notes, id).is_some_and(|owner| at.takes(owner)),
            Of::Tasks => true,
        };
        is_meant && call.shows(self.shelf(), id)
    }

    /// Changed tasks are known by their `request_id`, notes by their ids. [client]
    fn names_changed(self) -> bool {
        matches!(self, Of::Tasks)
    }
}

fn list(call: &Call, of: Of) -> Reply {
    if let Some(reply) = call.too_far() {
        return reply;
    }
    let view = call.view();
    let (ids, more) = match of {
        // A record that is not there has no notes. [inferred]
        Of::Notes(At { kind, id: Some(id) }) if !call.shows(kind, id) => return call.unknown_id(),
        Of::Notes(at) => list_notes::notes(&view, at, call.now_ms),
        Of::Tasks => list_notes::tasks(&view, call.now_ms),
    };
    let rows = ids.into_iter().filter_map(|id| view.record(of.shelf(), id)).collect();
    call.page(&of.path(), of.shelf().path(), rows, more)
}

fn get(call: &Call, of: Of, id: u64) -> Reply {
    let shown = call.view().record(of.shelf(), id).filter(|_| of.finds(call, id));
    shown.map_or_else(|| call.unknown_id(), |model| Reply::ok(&model).with_items(1))
}

fn create(call: &Call, of: Of) -> Reply {
    write_batch(call, of, Mode::Create, |plan, clean| (write::create(plan, of.shelf(), clean), None))
}

fn update(call: &Call, of: Of) -> Reply {
    write_batch(call, of, Mode::Update(None), |plan, clean| {
        let id = clean.id;
        (id, write::update(plan, of.shelf(), clean).map(|draft| draft.updated_at))
    })
}

/// `write` tells the id, and of a change its time.
fn write_batch(call: &Call, of: Of, mode: Mode, write: impl Fn(&mut Plan, Clean) -> (u64, Option<i64>)) -> Reply {
    let excess = Reply::problem(call.switches.batch_excess_status, &format!("Limit of {BATCH_MAX} per page"));
    let checked = check_all(call, BATCH_MAX, excess, |item, complaints| of.check(call, mode, item, complaints));
    let checked = match checked {
        Ok(checked) => checked,
        Err(reply) => return *reply,
    };
    let mut plan = Plan::new(call.world, call.now);
    let mut written_items = Vec::new();
    for (index, request_id, clean) in checked.good {
        let (id, updated_at) = write(&mut plan, clean);
        let mut told = of.told(call, &plan, id, updated_at);
        let is_named = mode == Mode::Create || of.names_changed();
        if let Some(shown) = shown_request_id(call, request_id, index).filter(|_| is_named) {
            let before_links = told.len().saturating_sub(1);
            told.shift_insert(before_links, "request_id".to_owned(), shown);
        }
        written_items.push(Value::Object(told));
    }
    let status = if mode == Mode::Create { call.switches.created_status } else { 200 };
    let about = Answer { status, path: &of.path(), key: of.shelf().path(), is_counted: false };
    answer(call, about, written_items, checked.refused, plan.into_commit())
}

fn update_one(call: &Call, of: Of, id: u64) -> Reply {
    let Some(item) = call.json().filter(Value::is_object) else { return Call::blank() };
    let mut complaints = Complaints::default();
    let clean = of.check(call, Mode::Update(Some(id)), &item, &mut complaints);
    if !complaints.is_empty() {
        return invalid(call, vec![Refused { request_id: Some(request_id(&item, 0)), complaints }]);
    }
    let mut plan = Plan::new(call.world, call.now);
    let Some(draft) = write::update(&mut plan, of.shelf(), clean) else { return call.unknown_id() };
    let told = Value::Object(of.told(call, &plan, id, Some(draft.updated_at)));
    let body = match call.switches.patch_wrapped {
        true => written(&call.view().url(&of.path()), of.shelf().path(), vec![told]),
        false => told,
    };
    Reply::ok(&body).with_commit(plan.into_commit()).with_items(1)
}

/// Says it with no body. [doc Kommo] A note that is not there cannot be pinned, which a 204 would not tell. [inferred]
fn pin(call: &Call, of: Of, is_pinned: bool) -> Reply {
    let id = call.id(0);
    let mut plan = Plan::new(call.world, call.now);
    match plan.get(of.shelf(), id).filter(|_| of.finds(call, id)) {
        Some(mut draft) => {
            draft.json.insert("is_pinned".to_owned(), json!(is_pinned));
            plan.put(of.shelf(), id, draft);
            Reply::nothing().with_commit(plan.into_commit()).with_items(1)
        }
        None => Reply::problem(404, "Note not found"),
    }
}
