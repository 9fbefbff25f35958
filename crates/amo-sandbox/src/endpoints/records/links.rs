//! Links of leads, contacts, companies and customers, of one record or of many. [doc]

use serde_json::{Value, json};

use crate::changes::changeset::Changeset;
use crate::changes::links;
use crate::check::links::{CheckedLink, LinkBatch, entity_type, linkable};
use crate::check::{RefusedItem, ValidationErrors};
use crate::endpoints::Call;
use crate::endpoints::batch::{WriteEnvelope, check_all, invalid};
use crate::endpoints::reply::ApiResponse;
use crate::read::self_link;
use crate::world::{RecordKey, RecordTable};
use amo_model::BATCH_MAX;

pub fn list_of_one(call: &Call, table: RecordTable) -> ApiResponse {
    let id = call.id(0);
    if !call.is_visible(table, id) {
        return call.unknown_id();
    }
    list(call, table, &[id])
}

/// `filter[entity_id]` is required. [doc]
pub fn list_of_many(call: &Call, table: RecordTable) -> ApiResponse {
    let ids: Vec<u64> = call.query.list(&["filter", "entity_id"]).iter().filter_map(|id| id.parse().ok()).collect();
    if ids.is_empty() {
        let mut errors = ValidationErrors::default();
        errors.missing("filter.entity_id");
        return invalid(call, vec![RefusedItem { request_id: None, errors }]);
    }
    list(call, table, &ids)
}

fn list(call: &Call, table: RecordTable, ids: &[u64]) -> ApiResponse {
    let many = named_record(call).is_none();
    let changes = Changeset::new(call.world, call.now);
    let number = |key: &str| call.query.at(&["filter", key]).and_then(|n| n.parse::<u64>().ok());
    let (other, catalog) = (number("to_entity_id"), number("to_catalog_id"));
    let kind = call.query.at(&["filter", "to_entity_type"]);
    let mut rows = Vec::new();
    for id in ids {
        for to in linkable(table).iter().filter(|to| kind.is_none_or(|kind| entity_type(**to) == kind)) {
            for (to_id, _) in call.world.linked(table, *id, *to).filter(|(id, _)| other.is_none_or(|o| o == *id)) {
                let row = model(&changes, (table, *id), (*to, to_id), many);
                if catalog.is_none_or(|c| row["metadata"]["catalog_id"] == c) {
                    rows.push(row);
                }
            }
        }
    }
    let items = rows.len();
    if items == 0 && call.switches.no_links_status == 204 {
        return ApiResponse::no_content();
    }
    let links = self_link(call.view().url(&path(call, table, "links")));
    ApiResponse::ok(&json!({"_total_items": items, "_links": links, "_embedded": {"links": rows}})).with_items(items)
}

fn model(changes: &Changeset, from: RecordKey, to: RecordKey, many: bool) -> Value {
    let mut model = json!({});
    if many {
        model = json!({"entity_id": from.1, "entity_type": entity_type(from.0)});
    }
    model["to_entity_id"] = json!(to.1);
    model["to_entity_type"] = json!(entity_type(to.0));
    model["metadata"] = links::shown_metadata(changes, from, to);
    model
}

/// The record that the path names, if any.
fn named_record(call: &Call) -> Option<u64> {
    call.ids.first().copied()
}

fn path(call: &Call, table: RecordTable, verb: &str) -> String {
    match named_record(call) {
        Some(id) => format!("{}/{id}/{verb}", table.path()),
        None => format!("{}/{verb}", table.path()),
    }
}

fn checked(
    call: &Call,
    table: RecordTable,
    is_new: bool,
) -> Result<(Vec<CheckedLink>, Vec<RefusedItem>), Box<ApiResponse>> {
    let excess = ApiResponse::problem(call.switches.batch_excess_status, &format!("Limit of {BATCH_MAX} per page"));
    let (context, record) = (call.check_context(), named_record(call));
    let mut batch = LinkBatch { context, table, record, is_new, links: Vec::new() };
    let checked = check_all(call, BATCH_MAX, excess, |node| batch.check(node))?;
    Ok((batch.links, checked.refused))
}

pub fn link(call: &Call, table: RecordTable) -> ApiResponse {
    let (made, refused) = match checked(call, table, true) {
        Ok(checked) => checked,
        Err(reply) => return *reply,
    };
    let mut changes = Changeset::new(call.world, call.now);
    for link in &made {
        links::link(&mut changes, link.from, link.to, link.meta.as_ref());
        if link.from.0 == RecordTable::Leads && link.to.0 == RecordTable::Elements && call.switches.element_resets_stage
        {
            reset_stage(&mut changes, link.from.1);
        }
    }
    let rows = made.iter().map(|link| model(&changes, link.from, link.to, named_record(call).is_none())).collect();
    let path = path(call, table, "link");
    let envelope = WriteEnvelope { status: 200, path: &path, key: "links", is_counted: true };
    envelope.response(call, rows, refused, changes.into_commit())
}

/// A client has seen this, and sends the stage again. [client]
fn reset_stage(changes: &mut Changeset, lead: u64) {
    let Some(mut draft) = changes.get(RecordTable::Leads, lead) else { return };
    let pipeline = draft.json.get("pipeline_id").and_then(Value::as_u64);
    let Some(pipeline) = pipeline.and_then(|id| changes.world.account.pipeline(id)) else { return };
    draft.json.insert("status_id".to_owned(), json!(pipeline.first_status()));
    changes.put(RecordTable::Leads, lead, draft);
}

pub fn unlink(call: &Call, table: RecordTable) -> ApiResponse {
    let (cut, refused) = match checked(call, table, false) {
        Ok(checked) => checked,
        Err(reply) => return *reply,
    };
    let items = cut.len() + refused.len();
    let mut changes = Changeset::new(call.world, call.now);
    for link in cut {
        links::unlink(&mut changes, link.from, link.to);
    }
    let commit = changes.into_commit();
    // 204 has no place for errors.
    let reply = if refused.is_empty() { ApiResponse::no_content() } else { invalid(call, refused) };
    reply.with_commit(commit).with_items(items)
}
