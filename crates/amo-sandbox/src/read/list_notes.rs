//! Lists of notes and tasks, which have filters and orders of their own. Unknown ones are ignored. [client live] Pure.

use std::collections::BTreeSet;

use serde::Deserialize;

use crate::read::View;
use crate::read::list::{Paging, ValueRange, paginate, visible_until};
use crate::read::query::Query;
use crate::world::attached::{self, NoteScope};
use crate::world::rights::RecordVisibility;
use crate::world::{RecordTable, StoredRecord};

/// Filters that both have. [doc]
struct AttachedFilter<'a> {
    ids: BTreeSet<u64>,
    updated_at: ValueRange,
    visible_until: Option<i64>,
    rights: Option<RecordVisibility>,
    view: &'a View<'a>,
    table: RecordTable,
}

impl<'a> AttachedFilter<'a> {
    fn from_view(view: &'a View, table: RecordTable, now_ms: i64) -> AttachedFilter<'a> {
        AttachedFilter {
            ids: numbers(view.query, "id"),
            updated_at: ValueRange::since(view.query, "updated_at"),
            visible_until: visible_until(view.switches, false, now_ms),
            rights: RecordVisibility::for_token_user(view.world, view.switches),
            view,
            table,
        }
    }

    fn record(&self, id: u64) -> Option<&'a StoredRecord> {
        self.view.world.records(self.table).get(id)
    }

    fn matches(&self, id: u64) -> bool {
        let is_wanted = |record: &StoredRecord| {
            self.updated_at.matches(record.updated_at)
                && self.visible_until.is_none_or(|until| record.arrived_ms <= until)
        };
        (self.ids.is_empty() || self.ids.contains(&id))
            && self.record(id).is_some_and(is_wanted)
            && self.rights.as_ref().is_none_or(|rights| rights.allows(self.view.world, self.table, id))
    }
}

fn numbers(query: &Query, key: &str) -> BTreeSet<u64> {
    query.list(&["filter", key]).iter().filter_map(|text| text.parse().ok()).collect()
}

/// The first known order, and whether it is descending. An unknown direction is ignored. [client live]
fn order<T: Copy>(query: &Query, known: &[(&str, T)]) -> Option<(T, bool)> {
    query.keys(&["order"]).into_iter().find_map(|key| {
        let by = known.iter().find(|(name, _)| *name == key)?.1;
        match query.at(&["order", key]) {
            Some("asc") => Some((by, false)),
            Some("desc") => Some((by, true)),
            _ => None,
        }
    })
}

type Ids<'a> = Box<dyn DoubleEndedIterator<Item = u64> + 'a>;

/// Notes are filtered by `id`, `entity_id`, `note_type`, `updated_at` and ordered by `id`, `updated_at` [doc]; the
/// default order is `updated_at`. [client live]
pub fn notes(view: &View, scope: NoteScope, now_ms: i64) -> (Vec<u64>, bool) {
    #[derive(Clone, Copy)]
    enum By {
        Id,
        UpdatedAt,
    }
    let (world, query) = (view.world, view.query);
    let common = AttachedFilter::from_view(view, RecordTable::Notes, now_ms);
    let owners = numbers(query, "entity_id");
    let types = query.list(&["filter", "note_type"]);
    let wanted = |id: &u64| {
        let owner = attached::owner(world, RecordTable::Notes, *id);
        owner.is_some_and(|owner| scope.includes(owner) && (owners.is_empty() || owners.contains(&owner.1)))
            && common.matches(*id)
            && (types.is_empty() || common.record(*id).and_then(note_type).is_some_and(|t| types.contains(&t.as_str())))
    };
    let (by, descending) =
        order(query, &[("id", By::Id), ("updated_at", By::UpdatedAt)]).unwrap_or((By::UpdatedAt, false));
    let records = world.records(RecordTable::Notes);
    let ids: Ids = match (scope.id, by) {
        (Some(id), by) => {
            let mut ids: Vec<u64> = world.linked(scope.kind, id, RecordTable::Notes).map(|(note, _)| note).collect();
            if matches!(by, By::UpdatedAt) {
                ids.sort_by_key(|note| (records.get(*note).map(|r| r.updated_at), *note));
            }
            Box::new(ids.into_iter())
        }
        (None, By::Id) => Box::new(records.iter().map(|(id, _)| id)),
        (None, By::UpdatedAt) => Box::new(records.by_updated()),
    };
    let ids: Box<dyn Iterator<Item = u64>> = if descending { Box::new(ids.rev()) } else { ids };
    paginate(ids.filter(wanted), Paging::from_query(query))
}

fn note_type(record: &StoredRecord) -> Option<String> {
    #[derive(Deserialize)]
    struct Typed {
        note_type: String,
    }
    serde_json::from_str::<Typed>(&record.json).ok().map(|typed| typed.note_type)
}

/// The parts of a task that filters look at.
#[derive(Debug, Deserialize)]
struct Task {
    responsible_user_id: u64,
    created_by: u64,
    is_completed: bool,
    task_type_id: u64,
    complete_till: i64,
}

/// Tasks are filtered by `responsible_user_id`, `is_completed`, `task_type`, `entity_type`, with it `entity_id`, `id`
/// and `updated_at` [doc], also by `created_by` and `task_type_id`. [client] They are ordered by `created_at`,
/// `complete_till`, `id` [doc]; `updated_at` is ignored, and the default order is that of ids. [client live]
pub fn tasks(view: &View, now_ms: i64) -> (Vec<u64>, bool) {
    #[derive(Clone, Copy, PartialEq)]
    enum By {
        Id,
        CreatedAt,
        CompleteTill,
    }
    const ORDERS: [(&str, By); 3] =
        [("id", By::Id), ("created_at", By::CreatedAt), ("complete_till", By::CompleteTill)];
    let (world, query) = (view.world, view.query);
    let filter = TaskFilter::from_query(query);
    let common = AttachedFilter::from_view(view, RecordTable::Tasks, now_ms);
    let records = world.records(RecordTable::Tasks);
    let (by, descending) = order(query, &ORDERS).unwrap_or((By::Id, false));
    let found = records.iter().filter(|(id, _)| common.matches(*id)).filter_map(|(id, record)| {
        let task: Task = serde_json::from_str(&record.json).ok()?;
        let owner = attached::owner(world, RecordTable::Tasks, id);
        let rank = match by {
            By::Id => 0,
            By::CreatedAt => record.created_at,
            By::CompleteTill => task.complete_till,
        };
        filter.matches(&task, owner).then_some((rank, id))
    });
    let mut found: Vec<(i64, u64)> = found.collect();
    found.sort_unstable();
    let ids = found.into_iter().map(|(_, id)| id);
    if descending { paginate(ids.rev(), Paging::from_query(query)) } else { paginate(ids, Paging::from_query(query)) }
}

struct TaskFilter {
    responsible: BTreeSet<u64>,
    created_by: BTreeSet<u64>,
    types: BTreeSet<u64>,
    is_completed: Option<bool>,
    /// `entity_type`; an unknown one matches nothing. [inferred]
    kind: Option<Option<RecordTable>>,
    ids: BTreeSet<u64>,
}

impl TaskFilter {
    fn from_query(query: &Query) -> TaskFilter {
        let word = query.at(&["filter", "entity_type"]);
        let mut types = numbers(query, "task_type");
        types.extend(numbers(query, "task_type_id"));
        TaskFilter {
            responsible: numbers(query, "responsible_user_id"),
            created_by: numbers(query, "created_by"),
            types,
            is_completed: match query.at(&["filter", "is_completed"]) {
                Some("1" | "true") => Some(true),
                Some("0" | "false") => Some(false),
                _ => None,
            },
            kind: word.map(|word| attached::OWNERS.into_iter().find(|kind| kind.path() == word)),
            // `entity_id` is ignored without `entity_type`. [doc]
            ids: if word.is_some() { numbers(query, "entity_id") } else { BTreeSet::new() },
        }
    }

    fn matches(&self, task: &Task, owner: Option<(RecordTable, u64)>) -> bool {
        let among = |wanted: &BTreeSet<u64>, value: u64| wanted.is_empty() || wanted.contains(&value);
        among(&self.responsible, task.responsible_user_id)
            && among(&self.created_by, task.created_by)
            && among(&self.types, task.task_type_id)
            && self.is_completed.is_none_or(|wanted| wanted == task.is_completed)
            && self.kind.is_none_or(|kind| kind.is_some() && owner.map(|(kind, _)| kind) == kind)
            && (self.ids.is_empty() || owner.is_some_and(|(_, id)| self.ids.contains(&id)))
    }
}
