//! Notes of leads, contacts, companies and customers, and tasks: list, get, create, update; notes can be pinned.
//! Neither can be deleted. [doc], [client live]

use serde_json::{Map, Value, json};

use crate::changes::changeset::Changeset;
use crate::changes::write;
use crate::check::{CheckedItem, JsonNode, RefusedItem, ValidationErrors, WriteMode, note, task};
use crate::endpoints::batch::{WriteEnvelope, check_all, echoed_request_id, invalid, request_id};
use crate::endpoints::customers::with_customers;
use crate::endpoints::reply::ApiResponse;
use crate::endpoints::{Call, Route, route};
use crate::read::{list_notes, self_link, written_body};
use crate::world::RecordTable;
use crate::world::attached::{self, NoteScope};
use amo_model::BATCH_MAX;

macro_rules! routes_of {
    ($path:literal, $kind:expr) => {
        [
            route("GET", concat!($path, "/notes"), |c| when_enabled(c, $kind, |c| list(c, all_notes($kind)))),
            route("POST", concat!($path, "/notes"), |c| when_enabled(c, $kind, |c| create(c, all_notes($kind)))),
            route("PATCH", concat!($path, "/notes"), |c| when_enabled(c, $kind, |c| update(c, all_notes($kind)))),
            route("GET", concat!($path, "/notes/{id}"), |c| {
                when_enabled(c, $kind, |c| get(c, all_notes($kind), c.id(0)))
            }),
            route("PATCH", concat!($path, "/notes/{id}"), |c| {
                when_enabled(c, $kind, |c| update_one(c, all_notes($kind), c.id(0)))
            }),
            route("DELETE", concat!($path, "/notes/{id}"), |c| when_enabled(c, $kind, not_deletable)),
            route("POST", concat!($path, "/notes/{id}/pin"), |c| {
                when_enabled(c, $kind, |c| pin(c, all_notes($kind), true))
            }),
            route("POST", concat!($path, "/notes/{id}/unpin"), |c| {
                when_enabled(c, $kind, |c| pin(c, all_notes($kind), false))
            }),
            route("GET", concat!($path, "/{id}/notes"), |c| {
                when_enabled(c, $kind, |c| list(c, notes_of_record(c, $kind)))
            }),
            route("POST", concat!($path, "/{id}/notes"), |c| {
                when_enabled(c, $kind, |c| create(c, notes_of_record(c, $kind)))
            }),
            route("PATCH", concat!($path, "/{id}/notes"), |c| {
                when_enabled(c, $kind, |c| update(c, notes_of_record(c, $kind)))
            }),
            route("GET", concat!($path, "/{id}/notes/{id}"), |c| {
                when_enabled(c, $kind, |c| get(c, notes_of_record(c, $kind), c.id(1)))
            }),
            route("PATCH", concat!($path, "/{id}/notes/{id}"), |c| {
                when_enabled(c, $kind, |c| update_one(c, notes_of_record(c, $kind), c.id(1)))
            }),
            route("DELETE", concat!($path, "/{id}/notes/{id}"), |c| when_enabled(c, $kind, not_deletable)),
        ]
    };
}

pub static NOTES: &[[Route; 14]] = &[
    routes_of!("leads", RecordTable::Leads),
    routes_of!("contacts", RecordTable::Contacts),
    routes_of!("companies", RecordTable::Companies),
    routes_of!("customers", RecordTable::Customers),
];

pub static TASKS: &[Route] = &[
    route("GET", "tasks", |c| list(c, AttachedKind::Tasks)),
    route("POST", "tasks", |c| create(c, AttachedKind::Tasks)),
    route("PATCH", "tasks", |c| update(c, AttachedKind::Tasks)),
    route("GET", "tasks/{id}", |c| get(c, AttachedKind::Tasks, c.id(0))),
    route("PATCH", "tasks/{id}", |c| update_one(c, AttachedKind::Tasks, c.id(0))),
    route("DELETE", "tasks/{id}", |_| ApiResponse::problem(403, "Invalid scope")), // [client live]
];

/// What the records of a path are.
#[derive(Clone, Copy)]
enum AttachedKind {
    Notes(NoteScope),
    Tasks,
}

fn all_notes(kind: RecordTable) -> AttachedKind {
    AttachedKind::Notes(NoteScope { kind, id: None })
}

fn notes_of_record(call: &Call, kind: RecordTable) -> AttachedKind {
    AttachedKind::Notes(NoteScope { kind, id: Some(call.id(0)) })
}

/// Notes of customers exist only while customers are switched on.
fn when_enabled(call: &Call, kind: RecordTable, run: fn(&Call) -> ApiResponse) -> ApiResponse {
    if kind == RecordTable::Customers { with_customers(call, run) } else { run(call) }
}

/// Without a body. [client live]
fn not_deletable(_: &Call) -> ApiResponse {
    ApiResponse::status_only(405)
}

impl AttachedKind {
    fn table(self) -> RecordTable {
        match self {
            AttachedKind::Notes(_) => RecordTable::Notes,
            AttachedKind::Tasks => RecordTable::Tasks,
        }
    }

    fn path(self) -> String {
        match self {
            AttachedKind::Notes(NoteScope { kind, id: Some(id) }) => format!("{}/{id}/notes", kind.path()),
            AttachedKind::Notes(NoteScope { kind, id: None }) => format!("{}/notes", kind.path()),
            AttachedKind::Tasks => "tasks".to_owned(),
        }
    }

    fn check(self, call: &Call, mode: WriteMode, node: JsonNode) -> CheckedItem {
        match self {
            AttachedKind::Notes(scope) => note::check(&call.check_context(), scope, mode, node),
            AttachedKind::Tasks => task::check(&call.check_context(), mode, node),
        }
    }

    /// An item of the answer to a write: the id, and for a note the id of its owner. [client live], changes [doc]
    fn answer_item(self, call: &Call, changes: &Changeset, id: u64, updated_at: Option<i64>) -> Map<String, Value> {
        let mut answer = Map::new();
        answer.insert("id".to_owned(), json!(id));
        let view = call.view();
        let url = match self {
            AttachedKind::Notes(_) => {
                let mut owners =
                    attached::OWNERS.into_iter().map(|kind| (kind, changes.linked(RecordTable::Notes, id, kind)));
                let owner = owners.find_map(|(kind, all)| Some((kind, all.first()?.0)));
                answer.insert("entity_id".to_owned(), json!(owner.map(|(_, id)| id)));
                owner.map_or_else(|| view.url(&self.path()), |owner| view.note_url(owner, id))
            }
            AttachedKind::Tasks => view.record_url(RecordTable::Tasks, id),
        };
        if let Some(at) = updated_at {
            answer.insert("updated_at".to_owned(), json!(at));
        }
        answer.insert("_links".to_owned(), self_link(url));
        answer
    }

    /// True where the note or task exists and the path covers it.
    fn exists(self, call: &Call, id: u64) -> bool {
        let is_in_scope = match self {
            AttachedKind::Notes(at) => {
                attached::owner(call.world, RecordTable::Notes, id).is_some_and(|owner| at.includes(owner))
            }
            AttachedKind::Tasks => true,
        };
        is_in_scope && call.is_visible(self.table(), id)
    }

    /// Answers to changed tasks have `request_id`, those of notes do not. [client]
    fn echoes_request_id_on_update(self) -> bool {
        matches!(self, AttachedKind::Tasks)
    }
}

fn list(call: &Call, of: AttachedKind) -> ApiResponse {
    if let Some(reply) = call.page_out_of_range() {
        return reply;
    }
    let view = call.view();
    let (ids, more) = match of {
        // The notes of an unknown record are an unknown id. [inferred]
        AttachedKind::Notes(NoteScope { kind, id: Some(id) }) if !call.is_visible(kind, id) => {
            return call.unknown_id();
        }
        AttachedKind::Notes(at) => list_notes::notes(&view, at, call.now_ms),
        AttachedKind::Tasks => list_notes::tasks(&view, call.now_ms),
    };
    let rows = ids.into_iter().filter_map(|id| view.record(of.table(), id)).collect();
    call.page(&of.path(), of.table().path(), rows, more)
}

fn get(call: &Call, of: AttachedKind, id: u64) -> ApiResponse {
    let shown = call.view().record(of.table(), id).filter(|_| of.exists(call, id));
    shown.map_or_else(|| call.unknown_id(), |model| ApiResponse::ok(&model).with_items(1))
}

fn create(call: &Call, of: AttachedKind) -> ApiResponse {
    write_batch(call, of, WriteMode::Create, |changes, accepted| (write::create(changes, of.table(), accepted), None))
}

fn update(call: &Call, of: AttachedKind) -> ApiResponse {
    write_batch(call, of, WriteMode::Update(None), |changes, accepted| {
        let id = accepted.id;
        (id, write::update(changes, of.table(), accepted).map(|draft| draft.updated_at))
    })
}

/// `write` returns the id, and for a change its time.
fn write_batch(
    call: &Call,
    of: AttachedKind,
    mode: WriteMode,
    write: impl Fn(&mut Changeset, CheckedItem) -> (u64, Option<i64>),
) -> ApiResponse {
    let excess = ApiResponse::problem(call.switches.batch_excess_status, &format!("Limit of {BATCH_MAX} per page"));
    let checked = check_all(call, BATCH_MAX, excess, |node| of.check(call, mode, node));
    let checked = match checked {
        Ok(checked) => checked,
        Err(reply) => return *reply,
    };
    let mut changes = Changeset::new(call.world, call.now);
    let mut written_items = Vec::new();
    for (index, request_id, accepted) in checked.good {
        let (id, updated_at) = write(&mut changes, accepted);
        let mut answer = of.answer_item(call, &changes, id, updated_at);
        let is_named = mode == WriteMode::Create || of.echoes_request_id_on_update();
        if let Some(shown) = echoed_request_id(call, request_id, index).filter(|_| is_named) {
            let before_links = answer.len().saturating_sub(1);
            answer.shift_insert(before_links, "request_id".to_owned(), shown);
        }
        written_items.push(Value::Object(answer));
    }
    let status = if mode == WriteMode::Create { call.switches.created_status } else { 200 };
    let envelope = WriteEnvelope { status, path: &of.path(), key: of.table().path(), is_counted: false };
    envelope.response(call, written_items, checked.refused, changes.into_commit())
}

fn update_one(call: &Call, of: AttachedKind, id: u64) -> ApiResponse {
    let Some(item) = call.json().filter(Value::is_object) else { return Call::blank_body() };
    let mut errors = ValidationErrors::default();
    let accepted = of.check(call, WriteMode::Update(Some(id)), JsonNode::root(&item, &mut errors));
    if !errors.is_empty() {
        return invalid(call, vec![RefusedItem { request_id: Some(request_id(&item, 0)), errors }]);
    }
    let mut changes = Changeset::new(call.world, call.now);
    let Some(draft) = write::update(&mut changes, of.table(), accepted) else { return call.unknown_id() };
    let answer = Value::Object(of.answer_item(call, &changes, id, Some(draft.updated_at)));
    let body = match call.switches.patch_wrapped {
        true => written_body(&call.view().url(&of.path()), of.table().path(), vec![answer]),
        false => answer,
    };
    ApiResponse::ok(&body).with_commit(changes.into_commit()).with_items(1)
}

/// The answer has no body. [doc Kommo] An unknown note is 404, since a 204 would look like success. [inferred]
fn pin(call: &Call, of: AttachedKind, is_pinned: bool) -> ApiResponse {
    let id = call.id(0);
    let mut changes = Changeset::new(call.world, call.now);
    match changes.get(of.table(), id).filter(|_| of.exists(call, id)) {
        Some(mut draft) => {
            draft.json.insert("is_pinned".to_owned(), json!(is_pinned));
            changes.put(of.table(), id, draft);
            ApiResponse::no_content().with_commit(changes.into_commit()).with_items(1)
        }
        None => ApiResponse::problem(404, "Note not found"),
    }
}
