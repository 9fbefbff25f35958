//! Lists of records: filters, order, page. Unknown filters are ignored, as the service does. [client live] Pure.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashSet};

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::read::View;
use crate::read::query::Query;
use crate::switches::{PAGE_DEFAULT, Switches};
use crate::world::rights::RecordVisibility;
use crate::world::{RecordKey, RecordTable, StoredRecord, World, attached};
use amo_model::PAGE_MAX;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Paging {
    pub page: u64,
    pub limit: usize,
}

impl Paging {
    /// A limit that is too large is reduced without an error. [client live]
    pub fn from_query(query: &Query) -> Paging {
        let number = |key| query.get(key).and_then(|text| text.parse::<u64>().ok()).filter(|n| *n > 0);
        let limit = number("limit").map_or(PAGE_DEFAULT, |n| n.min(PAGE_MAX as u64) as usize);
        Paging { page: number("page").unwrap_or(1), limit }
    }

    pub fn skip(self) -> usize {
        usize::try_from(self.page - 1).unwrap_or(usize::MAX).saturating_mul(self.limit)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum RecordOrder {
    Id,
    CreatedAt,
    UpdatedAt,
    Name,
}

/// The ids of a page, and whether there are more after it.
pub fn page(view: &View, table: RecordTable, now_ms: i64) -> (Vec<u64>, bool) {
    let View { world, query, switches, .. } = *view;
    let mut filter = RecordFilter::from_view(view, table, now_ms);
    filter.closest_task = closest_task(world, table, query);
    let (records, rights) = (world.records(table), RecordVisibility::for_token_user(world, switches));
    let all = filter.matches_all() && rights.is_none();
    let (by, descending) = order(table, query, switches);
    let wanted = |id: &u64| {
        let is_visible = || rights.as_ref().is_none_or(|rights| rights.allows(world, table, *id));
        all || records.get(*id).is_some_and(|r| filter.matches(*id, r)) && is_visible()
    };
    let ids: Box<dyn DoubleEndedIterator<Item = u64>> = match by {
        RecordOrder::Id => match &filter.ids {
            Some(ids) => Box::new(sorted(ids.iter().copied().collect(), |id| *id)),
            None => Box::new(records.iter().map(|(id, _)| id)),
        },
        RecordOrder::UpdatedAt => Box::new(records.by_updated()),
        RecordOrder::CreatedAt => Box::new(sorted(records.iter().map(|(id, _)| id).filter(wanted).collect(), |id| {
            (records.get(*id).map(|r| r.created_at), *id)
        })),
        RecordOrder::Name => Box::new(sorted(records.iter().map(|(id, _)| id).filter(wanted).collect(), |id| {
            (records.get(*id).and_then(|r| name(r).map(|n| n.to_lowercase())), *id)
        })),
    };
    let ids: Box<dyn Iterator<Item = u64>> = if descending { Box::new(ids.rev()) } else { ids };
    paginate(ids.filter(wanted), Paging::from_query(query))
}

/// The same for the records that are linked to one record.
pub fn linked_page(view: &View, (owner, id): RecordKey, table: RecordTable, now_ms: i64) -> (Vec<u64>, bool) {
    let View { world, query, switches, .. } = *view;
    let filter = RecordFilter::from_view(view, table, now_ms);
    let (records, rights) = (world.records(table), RecordVisibility::for_token_user(world, switches));
    let is_visible = |id: u64| rights.as_ref().is_none_or(|rights| rights.allows(world, table, id));
    let wanted = |id: &u64| records.get(*id).is_some_and(|r| filter.matches(*id, r)) && is_visible(*id);
    paginate(world.linked(owner, id, table).map(|(id, _)| id).filter(wanted), Paging::from_query(query))
}

/// The same for the trash, which can be filtered by ids only; a user who may not see all records sees nothing of it.
/// [inferred]
pub fn trash(view: &View, table: RecordTable) -> (Vec<u64>, bool) {
    let View { world, query, switches, .. } = *view;
    let requested: HashSet<u64> = query.list(&["filter", "id"]).iter().filter_map(|text| text.parse().ok()).collect();
    let is_shown = RecordVisibility::for_token_user(world, switches).is_none();
    let ids = world.trash(table).map(|trashed| trashed.1);
    paginate(ids.filter(|id| is_shown && (requested.is_empty() || requested.contains(id))), Paging::from_query(query))
}

/// The page of `ids` that `paging` asks for, and whether there are more after it.
pub fn paginate(ids: impl Iterator<Item = u64>, paging: Paging) -> (Vec<u64>, bool) {
    let mut page: Vec<u64> = ids.skip(paging.skip()).take(paging.limit + 1).collect();
    let more = page.len() > paging.limit;
    page.truncate(paging.limit);
    (page, more)
}

/// The same for the elements of one catalog: filters are `filter[id]` [seed] and plain `id[]` [client], no others; the
/// order is that of ids, unless a switch says otherwise.
pub fn elements(view: &View, catalog: u64, now_ms: i64) -> (Vec<u64>, bool) {
    let View { world, query, switches, .. } = *view;
    let ids = query.list(&["filter", "id"]).into_iter().chain(query.list(&["id"]));
    let ids: HashSet<u64> = ids.filter_map(|text| text.parse().ok()).collect();
    let text = query.get("query").map(str::to_lowercase).filter(|text| !text.is_empty());
    let visible_until = visible_until(switches, text.is_some(), now_ms);
    let filter = RecordFilter { ids: (!ids.is_empty()).then_some(ids), text, visible_until, ..RecordFilter::default() };
    let (records, all) = (world.records(RecordTable::Elements), filter.matches_all());
    let wanted = |id: &u64| all || records.get(*id).is_some_and(|r| filter.matches(*id, r));
    let descending = switches.elements_order && query.at(&["order", "id"]) == Some("desc");
    let rising = records.in_container(catalog);
    let ids: Box<dyn Iterator<Item = u64>> = if descending { Box::new(rising.rev()) } else { Box::new(rising) };
    paginate(ids.filter(wanted), Paging::from_query(query))
}

/// The instant, in Unix milliseconds, up to which a list shows new records; `None` where it has no lag.
pub fn visible_until(switches: &Switches, by_text: bool, now_ms: i64) -> Option<i64> {
    let lag_s = if by_text { switches.list_lag_s.max(switches.query_lag_s) } else { switches.list_lag_s };
    (lag_s > 0.0).then(|| now_ms.saturating_sub((lag_s * 1000.0) as i64))
}

fn sorted<K: Ord>(mut ids: Vec<u64>, key: impl Fn(&u64) -> K) -> std::vec::IntoIter<u64> {
    ids.sort_by_cached_key(key);
    ids.into_iter()
}

fn name(record: &StoredRecord) -> Option<Cow<'_, str>> {
    serde_json::from_str::<RecordProbe>(&record.json).ok()?.name
}

/// Keys that order a list [seed], for contacts and companies [client live]; without one, contacts and companies are
/// ordered by their last change. [client live] No source for customers; transactions have no order. [seed]
fn order(table: RecordTable, query: &Query, switches: &Switches) -> (RecordOrder, bool) {
    let honoured = match table {
        RecordTable::Customers => switches.customers_order,
        RecordTable::Transactions | RecordTable::Notes | RecordTable::Tasks => false,
        RecordTable::Leads | RecordTable::Contacts | RecordTable::Companies | RecordTable::Elements => true,
    };
    for key in query.keys(&["order"]).into_iter().filter(|_| honoured) {
        let by = match (key, table) {
            ("id", _) => RecordOrder::Id,
            ("updated_at", _) => RecordOrder::UpdatedAt,
            ("created_at", RecordTable::Leads | RecordTable::Customers) => RecordOrder::CreatedAt,
            ("name", RecordTable::Contacts | RecordTable::Companies | RecordTable::Customers) => RecordOrder::Name,
            _ => continue,
        };
        match query.at(&["order", key]) {
            Some("asc") => return (by, false),
            Some("desc") => return (by, true),
            _ => continue,
        }
    }
    match table {
        RecordTable::Contacts | RecordTable::Companies => (RecordOrder::UpdatedAt, false),
        RecordTable::Leads
        | RecordTable::Customers
        | RecordTable::Transactions
        | RecordTable::Elements
        | RecordTable::Notes
        | RecordTable::Tasks => (RecordOrder::Id, false),
    }
}

/// The parts of a stored record that filters look at, parsed without the rest.
#[derive(Debug, Deserialize)]
struct RecordProbe<'a> {
    #[serde(borrow, default)]
    name: Option<Cow<'a, str>>,
    #[serde(default)]
    price: Option<i64>,
    #[serde(default)]
    responsible_user_id: Option<u64>,
    #[serde(default)]
    created_by: Option<u64>,
    #[serde(default)]
    updated_by: Option<u64>,
    #[serde(default)]
    pipeline_id: Option<u64>,
    #[serde(default)]
    status_id: Option<u64>,
    #[serde(default)]
    closed_at: Option<i64>,
    #[serde(default)]
    next_date: Option<i64>,
    #[serde(default)]
    next_price: Option<i64>,
    #[serde(borrow, default)]
    fields: Option<&'a RawValue>,
}

/// Both ends are included. [inferred]
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct ValueRange {
    from: Option<i64>,
    to: Option<i64>,
}

impl ValueRange {
    fn from_query(query: &Query, key: &str) -> ValueRange {
        let end = |end| query.at(&["filter", key, end]).and_then(|text| text.parse().ok());
        let exact = query.at(&["filter", key]).and_then(|text| text.parse().ok());
        ValueRange { from: end("from").or(exact), to: end("to").or(exact) }
    }

    /// A single time is the earliest. [doc]
    pub fn since(query: &Query, key: &str) -> ValueRange {
        let ValueRange { from, to } = ValueRange::from_query(query, key);
        let is_end = query.at(&["filter", key, "to"]).is_some();
        ValueRange { from, to: to.filter(|_| is_end) }
    }

    fn is_unbounded(self) -> bool {
        self.from.is_none() && self.to.is_none()
    }

    pub fn matches(self, value: i64) -> bool {
        self.from.is_none_or(|from| value >= from) && self.to.is_none_or(|to| value <= to)
    }
}

#[derive(Debug, Default, PartialEq)]
struct RecordFilter {
    ids: Option<HashSet<u64>>,
    created_at: ValueRange,
    updated_at: ValueRange,
    closed_at: ValueRange,
    price: ValueRange,
    next_date: ValueRange,
    next_price: ValueRange,
    statuses: Vec<u64>,
    names: Vec<String>,
    responsible: Vec<u64>,
    created_by: Vec<u64>,
    updated_by: Vec<u64>,
    pipelines: Vec<u64>,
    /// Pairs of pipeline and stage.
    stages: Vec<(u64, u64)>,
    fields: Vec<(u64, FieldFilter)>,
    text: Option<String>,
    /// The time at which the next task of each record is due.
    closest_task: Option<(ValueRange, BTreeMap<u64, i64>)>,
    /// Records that arrived after this instant are not shown yet.
    visible_until: Option<i64>,
}

impl RecordFilter {
    fn from_view(view: &View, table: RecordTable, now_ms: i64) -> RecordFilter {
        let View { query, switches, .. } = *view;
        let numbers = |key: &str| -> Vec<u64> {
            query.list(&["filter", key]).iter().filter_map(|text| text.parse().ok()).collect()
        };
        let ids: HashSet<u64> = numbers("id").into_iter().collect();
        let text = query.get("query").map(str::to_lowercase).filter(|text| !text.is_empty());
        let visible_until = visible_until(switches, text.is_some(), now_ms);
        // Transactions can be filtered by ids only. [seed]
        if table == RecordTable::Transactions {
            let ids = (!ids.is_empty()).then_some(ids);
            return RecordFilter { ids, visible_until, ..RecordFilter::default() };
        }
        let mut filter = RecordFilter {
            ids: (!ids.is_empty()).then_some(ids),
            created_at: ValueRange::from_query(query, "created_at"),
            updated_at: ValueRange::from_query(query, "updated_at"),
            names: query.list(&["filter", "name"]).iter().map(|n| n.to_lowercase()).collect(),
            responsible: numbers("responsible_user_id"),
            created_by: numbers("created_by"),
            updated_by: numbers("updated_by"),
            text,
            visible_until,
            ..RecordFilter::default()
        };
        if table == RecordTable::Leads {
            filter.closed_at = ValueRange::from_query(query, "closed_at");
            filter.price = ValueRange::from_query(query, "price");
            filter.pipelines = numbers("pipeline_id");
            filter.stages = stages(query);
        }
        if table == RecordTable::Customers {
            filter.next_date = ValueRange::from_query(query, "next_date");
            filter.next_price = ValueRange::from_query(query, "next_price");
            filter.statuses = numbers("status_id");
        }
        if switches.field_filters {
            filter.fields = fields(query);
        }
        filter
    }

    /// Records before the page are then skipped without a look, which a million records need.
    fn matches_all(&self) -> bool {
        *self == RecordFilter::default()
    }

    fn matches(&self, id: u64, record: &StoredRecord) -> bool {
        self.ids.as_ref().is_none_or(|ids| ids.contains(&id))
            && self.created_at.matches(record.created_at)
            && self.updated_at.matches(record.updated_at)
            && self.visible_until.is_none_or(|until| record.arrived_ms <= until)
            && self.closest_task.as_ref().is_none_or(|(range, at)| at.get(&id).is_some_and(|at| range.matches(*at)))
            && (!self.needs_content() || self.matches_content(id, record))
    }

    /// Parsing takes the time; an unfiltered list of a million records does without.
    fn needs_content(&self) -> bool {
        let lists = [&self.responsible, &self.created_by, &self.updated_by, &self.pipelines, &self.statuses];
        let ranges = [self.closed_at, self.price, self.next_date, self.next_price];
        lists.iter().any(|l| !l.is_empty())
            || !(self.names.is_empty() && self.stages.is_empty() && self.fields.is_empty())
            || self.text.is_some()
            || ranges.iter().any(|r| !r.is_unbounded())
    }

    fn matches_content(&self, id: u64, record: &StoredRecord) -> bool {
        let Ok(probe) = serde_json::from_str::<RecordProbe>(&record.json) else { return false };
        let among = |list: &[u64], value: Option<u64>| list.is_empty() || value.is_some_and(|v| list.contains(&v));
        let stage = probe.pipeline_id.zip(probe.status_id);
        let name = probe.name.as_deref().unwrap_or("").to_lowercase();
        among(&self.responsible, probe.responsible_user_id)
            && among(&self.created_by, probe.created_by)
            && among(&self.updated_by, probe.updated_by)
            && among(&self.pipelines, probe.pipeline_id)
            && among(&self.statuses, probe.status_id)
            && (self.stages.is_empty() || stage.is_some_and(|s| self.stages.contains(&s)))
            && (self.price.is_unbounded() || probe.price.is_some_and(|p| self.price.matches(p)))
            && (self.next_date.is_unbounded() || probe.next_date.is_some_and(|d| self.next_date.matches(d)))
            && (self.next_price.is_unbounded() || probe.next_price.is_some_and(|p| self.next_price.matches(p)))
            && (self.closed_at.is_unbounded() || probe.closed_at.is_some_and(|c| self.closed_at.matches(c)))
            && (self.names.is_empty() || self.names.contains(&name))
            && (self.fields.is_empty() || fields_match(&self.fields, &probe))
            && self.text.as_ref().is_none_or(|text| text_matches(text, id, &name, &probe))
    }
}

/// `filter[closest_task_at]`, for tables that show such a time. [doc]
fn closest_task(world: &World, table: RecordTable, query: &Query) -> Option<(ValueRange, BTreeMap<u64, i64>)> {
    let range = ValueRange::from_query(query, "closest_task_at");
    let is_requested = attached::OWNERS.contains(&table) && !range.is_unbounded();
    is_requested.then(|| (range, attached::closest_tasks(world, table)))
}

/// `filter[statuses][0][pipeline_id]=…&filter[statuses][0][status_id]=…`; half a pair is ignored.
fn stages(query: &Query) -> Vec<(u64, u64)> {
    let number = |i: &str, key: &str| query.at(&["filter", "statuses", i, key]).and_then(|text| text.parse().ok());
    let pair = |i: &str| Some((number(i, "pipeline_id")?, number(i, "status_id")?));
    query.keys(&["filter", "statuses"]).into_iter().filter_map(pair).collect()
}

/// The condition on the values of a custom field.
#[derive(Debug, PartialEq)]
enum FieldFilter {
    Values(Vec<String>),
    /// Numbers and times. [doc]
    Between(f64, f64),
}

fn fields(query: &Query) -> Vec<(u64, FieldFilter)> {
    let key = "custom_fields_values";
    let wanted = |id: &str| {
        let end = |end| query.at(&["filter", key, id, end]).and_then(|text| text.parse::<f64>().ok());
        let wanted = match (end("from"), end("to")) {
            (None, None) => {
                FieldFilter::Values(query.list(&["filter", key, id]).iter().map(|v| v.to_lowercase()).collect())
            }
            (from, to) => FieldFilter::Between(from.unwrap_or(f64::NEG_INFINITY), to.unwrap_or(f64::INFINITY)),
        };
        // A condition in an unknown form is ignored, as unknown filters are. [client live]
        let is_requested = !matches!(&wanted, FieldFilter::Values(values) if values.is_empty());
        Some((id.parse().ok()?, wanted)).filter(|_| is_requested)
    };
    query.keys(&["filter", key]).into_iter().filter_map(wanted).collect()
}

fn stored_fields(probe: &RecordProbe) -> Vec<(u64, Vec<Value>)> {
    probe.fields.and_then(|raw| serde_json::from_str(raw.get()).ok()).unwrap_or_default()
}

fn fields_match(wanted: &[(u64, FieldFilter)], probe: &RecordProbe) -> bool {
    let stored = stored_fields(probe);
    wanted.iter().all(|(id, wanted)| {
        let found = stored.iter().find(|(field, _)| field == id).map_or(&[][..], |(_, values)| values);
        found.iter().flat_map(value_words).any(|word| match wanted {
            FieldFilter::Values(values) => values.contains(&word),
            FieldFilter::Between(from, to) => word.parse::<f64>().is_ok_and(|n| (*from..=*to).contains(&n)),
        })
    })
}

/// The texts and numbers of a value, in lower case; the lines of an invoice included.
fn value_words(value: &Value) -> Vec<String> {
    match value {
        Value::Object(parts) => parts.values().flat_map(value_words).collect(),
        Value::String(text) => vec![text.to_lowercase()],
        Value::Number(number) => vec![number.to_string()],
        Value::Null | Value::Bool(_) | Value::Array(_) => Vec::new(),
    }
}

/// Searches the fields that have values: name, id, sums, custom fields. [seed]
fn text_matches(text: &str, id: u64, name: &str, probe: &RecordProbe) -> bool {
    let is_number = |number: &Option<i64>| number.is_some_and(|n| n.to_string() == text);
    name.contains(text)
        || id.to_string() == text
        || [probe.price, probe.next_price].iter().any(is_number)
        || probe.fields.is_some_and(|raw| raw.get().to_lowercase().contains(text))
            && stored_fields(probe)
                .iter()
                .flat_map(|(_, values)| values)
                .any(|v| value_words(v).iter().any(|w| w.contains(text)))
}
