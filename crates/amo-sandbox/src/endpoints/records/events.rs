//! `events`: creations, read off the records themselves; changes are not reported. [doc]

use serde_json::{Value, json};

use crate::endpoints::Call;
use crate::endpoints::reply::ApiResponse;
use crate::read::list::{self, Paging};
use crate::read::self_link;
use crate::world::RecordTable;

const PAGE_MAX: usize = 100; // [doc]
/// Tables whose creations are events, and their names there. [client]
const REPORTED: [(RecordTable, &str); 5] = [
    (RecordTable::Leads, "lead"),
    (RecordTable::Contacts, "contact"),
    (RecordTable::Companies, "company"),
    (RecordTable::Customers, "customer"),
    (RecordTable::Tasks, "task"),
];

/// The latest first [inferred]; the time is that of arrival, not `created_at`. [inferred]
pub fn list(call: &Call) -> ApiResponse {
    let clipped = Paging::from_query(call.query).limit.min(PAGE_MAX).to_string();
    let query = call.query.with_value("limit", &clipped);
    let call = Call { query: &query, ..*call };
    let filter = EventFilter::from_call(&call);
    let mut found: Vec<(i64, u64, RecordTable, &str)> = Vec::new();
    for (table, name) in REPORTED.into_iter().filter(|(_, name)| filter.matches_kind(name)) {
        let records = call.world.records(table).iter().filter(|(id, r)| filter.matches(*id, r.arrived_ms / 1000));
        let records = records.filter(|(id, _)| call.is_visible(table, *id));
        found.extend(records.map(|(id, r)| (r.arrived_ms / 1000, id, table, name)));
    }
    found.sort_unstable_by_key(|(at, id, _, _)| std::cmp::Reverse((*at, *id)));
    let paging = Paging::from_query(call.query);
    let more = found.len() > paging.skip().saturating_add(paging.limit);
    let page = found.into_iter().skip(paging.skip()).take(paging.limit);
    call.page("events", "events", page.map(|event| model(&call, event)).collect(), more)
}

fn model(call: &Call, (at, id, table, name): (i64, u64, RecordTable, &str)) -> Value {
    let view = call.view();
    let event = format!("01{name}{id}");
    let entity = json!({"id": id, "_links": self_link(view.record_url(table, id))});
    json!({
        "id": event, "type": format!("{name}_added"), "entity_id": id, "entity_type": name,
        "created_by": call.world.account.current_user, "created_at": at, "value_after": [], "value_before": [],
        "account_id": call.world.account.id, "_links": self_link(view.url(&format!("events/{event}"))),
        "_embedded": {"entity": entity}
    })
}

struct EventFilter {
    kinds: Vec<String>,
    entities: Vec<String>,
    ids: Vec<u64>,
    users: Vec<u64>,
    from: i64,
    to: i64,
    me: u64,
}

impl EventFilter {
    /// Lists use brackets or commas. [client]
    fn from_call(call: &Call) -> EventFilter {
        let words = |key: &str| -> Vec<String> {
            let sent = call.query.list(&["filter", key]);
            sent.iter().flat_map(|text| text.split(',')).map(|word| word.trim().to_owned()).collect()
        };
        let numbers = |key: &str| words(key).iter().filter_map(|word| word.parse().ok()).collect();
        let end = |end: &str| call.query.at(&["filter", "created_at", end]).and_then(|text| text.parse().ok());
        let pair: Vec<i64> = words("created_at").iter().filter_map(|word| word.parse().ok()).collect();
        let until = list::visible_until(call.switches, false, call.now_ms).map_or(i64::MAX, |ms| ms / 1000);
        EventFilter {
            kinds: words("type"),
            entities: words("entity"),
            ids: numbers("entity_id"),
            users: numbers("created_by"),
            from: end("from").or(pair.first().copied()).unwrap_or(i64::MIN),
            to: end("to").or(pair.get(1).copied()).unwrap_or(i64::MAX).min(until),
            me: call.world.account.current_user,
        }
    }

    fn matches_kind(&self, name: &str) -> bool {
        (self.kinds.is_empty() || self.kinds.contains(&format!("{name}_added")))
            && (self.entities.is_empty() || self.entities.iter().any(|entity| entity == name))
            && (self.users.is_empty() || self.users.contains(&self.me))
    }

    fn matches(&self, id: u64, at: i64) -> bool {
        (self.ids.is_empty() || self.ids.contains(&id)) && at >= self.from && at <= self.to
    }
}
