//! `{entity}/tags`. [doc]

use serde_json::Value;

use crate::changes::changeset::Changeset;
use crate::check::plain::{self, Expected};
use crate::endpoints::Call;
use crate::endpoints::batch::{WriteEnvelope, check_all, echoed_request_id};
use crate::endpoints::reply::ApiResponse;
use crate::read;
use crate::read::list::Paging;
use crate::world::RecordTable;
use amo_model::BATCH_MAX;

pub fn list(call: &Call, table: RecordTable) -> ApiResponse {
    let names = call.query.list(&["filter", "name"]);
    let ids: Vec<u64> = call.query.list(&["filter", "id"]).iter().filter_map(|id| id.parse().ok()).collect();
    let text = call.query.get("query").unwrap_or("").to_lowercase();
    let paging = Paging::from_query(call.query);
    let mut rows: Vec<Value> = call
        .world
        .tags(table)
        .iter()
        .filter(|(id, name)| (ids.is_empty() || ids.contains(id)) && (names.is_empty() || names.contains(name)))
        .filter(|(_, name)| text.is_empty() || name.to_lowercase().contains(&text))
        .skip(paging.skip())
        .take(paging.limit + 1)
        .map(|(id, name)| read::tag(table, id, name, call.world.tags(table).color(id)))
        .collect();
    let more = rows.len() > paging.limit;
    rows.truncate(paging.limit);
    call.page(&format!("{}/tags", table.path()), "tags", rows, more)
}

/// A name that exists returns the existing tag. [inferred]
pub fn create(call: &Call, table: RecordTable) -> ApiResponse {
    const KEYS: &[plain::KeySpec] =
        &[("name", Expected::Name, true), ("color", Expected::Text, false), ("request_id", Expected::Text, false)];
    let excess = ApiResponse::problem(call.switches.batch_excess_status, &format!("Limit of {BATCH_MAX} per page"));
    let checked = check_all(call, BATCH_MAX, excess, |node| {
        let item = plain::check(&call.check_context(), KEYS, true, node);
        let sent = |key: &str| item.and_then(|item| item.get(key)).and_then(Value::as_str);
        (sent("name").unwrap_or("").to_owned(), sent("color").map(str::to_owned))
    });
    let checked = match checked {
        Ok(checked) => checked,
        Err(reply) => return *reply,
    };
    let mut changes = Changeset::new(call.world, call.now);
    let mut answers = Vec::new();
    for (index, request_id, (name, color)) in checked.good {
        let color = color.filter(|_| table == RecordTable::Leads);
        let (id, color) = changes.colored_tag(table, &name, color);
        let mut model = read::tag(table, id, &name, color.as_deref());
        if let Some(shown) = echoed_request_id(call, request_id, index) {
            model["request_id"] = shown;
        }
        answers.push(model);
    }
    let path = format!("{}/tags", table.path());
    let envelope = WriteEnvelope { status: call.switches.created_status, path: &path, key: "tags", is_counted: true };
    envelope.response(call, answers, checked.refused, changes.into_commit())
}
