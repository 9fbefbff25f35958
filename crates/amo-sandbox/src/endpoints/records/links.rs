//! Links of leads, contacts, companies and customers, of one record or of many. [doc]

use serde_json::{Value, json};

use crate::changes::changeset::Plan;
use crate::changes::links;
use crate::check::links::{Link, check, partners, word};
use crate::check::{Complaints, Refused};
use crate::endpoints::Call;
use crate::endpoints::batch::{Answer, answer, check_all, invalid};
use crate::endpoints::reply::Reply;
use crate::read::self_link;
use crate::world::{End, Shelf};
use amo_model::BATCH_MAX;

pub fn list_of_one(call: &Call, shelf: Shelf) -> Reply {
    let id = call.id(0);
    if !call.shows(shelf, id) {
        return call.unknown_id();
    }
    list(call, &format!("{}/{id}/links", shelf.path()), shelf, &[id], false)
}

/// Whose links, has to be said. [doc]
pub fn list_of_many(call: &Call, shelf: Shelf) -> Reply {
    let ids: Vec<u64> = call.query.list(&["filter", "entity_id"]).iter().filter_map(|id| id.parse().ok()).collect();
    if ids.is_empty() {
        let mut complaints = Complaints::default();
        complaints.missing("filter.entity_id");
        return invalid(call, vec![Refused { request_id: None, complaints }]);
    }
    list(call, &format!("{}/links", shelf.path()), shelf, &ids, true)
}

fn list(call: &Call, path: &str, shelf: Shelf, ids: &[u64], many: bool) -> Reply {
    let plan = Plan::new(call.world, call.now);
    let number = |key: &str| call.query.at(&["filter", key]).and_then(|n| n.parse::<u64>().ok());
    let (other, catalog) = (number("to_entity_id"), number("to_catalog_id"));
    let kind = call.query.at(&["filter", "to_entity_type"]);
    let mut rows = Vec::new();
    for id in ids {
        for to in partners(shelf).iter().filter(|to| kind.is_none_or(|kind| word(**to) == kind)) {
            for (to_id, _) in call.world.linked(shelf, *id, *to).filter(|(id, _)| other.is_none_or(|o| o == *id)) {
                let row = model(&plan, (shelf, *id), (*to, to_id), many);
                if catalog.is_none_or(|c| row["metadata"]["catalog_id"] == c) {
                    rows.push(row);
                }
            }
        }
    }
    let items = rows.len();
    if items == 0 && call.switches.no_links_status == 204 {
        return Reply::nothing();
    }
    let links = self_link(call.view().url(path));
    Reply::ok(&json!({"_total_items": items, "_links": links, "_embedded": {"links": rows}})).with_items(items)
}

fn model(plan: &Plan, from: End, to: End, many: bool) -> Value {
    let mut model = json!({});
    if many {
        model = json!({"entity_id": from.1, "entity_type": word(from.0)});
    }
    model["to_entity_id"] = json!(to.1);
    model["to_entity_type"] = json!(word(to.0));
    model["metadata"] = links::shown(plan, from, to);
    model
}

/// The record of the path, where it names one.
fn named(call: &Call) -> Option<u64> {
    call.ids.first().copied()
}

fn path(call: &Call, shelf: Shelf, verb: &str) -> String {
    match named(call) {
        Some(id) => format!("{}/{id}/{verb}", shelf.path()),
        None => format!("{}/{verb}", shelf.path()),
    }
}

fn checked(call: &Call, shelf: Shelf, making: bool) -> Result<(Vec<Link>, Vec<Refused>), Box<Reply>> {
    let excess = Reply::problem(call.switches.batch_excess_status, &format!("Limit of {BATCH_MAX} per page"));
    let mut before: Vec<Link> = Vec::new();
    let checked = check_all(call, BATCH_MAX, excess, |item, complaints| {
        let link = check(&call.rules(), shelf, named(call), item, making.then_some(&before[..]), complaints);
        before.extend(link.filter(|_| complaints.is_empty()));
    })?;
    Ok((before, checked.refused))
}

pub fn link(call: &Call, shelf: Shelf) -> Reply {
    let (made, refused) = match checked(call, shelf, true) {
        Ok(checked) => checked,
        Err(reply) => return *reply,
    };
    let mut plan = Plan::new(call.world, call.now);
    for link in &made {
        links::make(&mut plan, link.from, link.to, link.meta.as_ref());
        if link.from.0 == Shelf::Leads && link.to.0 == Shelf::Elements && call.switches.element_resets_stage {
            reset_stage(&mut plan, link.from.1);
        }
    }
    let rows = made.iter().map(|link| model(&plan, link.from, link.to, named(call).is_none())).collect();
    let path = path(call, shelf, "link");
    let about = Answer { status: 200, path: &path, key: "links", is_counted: true };
    answer(call, about, rows, refused, plan.into_commit())
}

/// A client has seen it, and sends the stage again. [client]
fn reset_stage(plan: &mut Plan, lead: u64) {
    let Some(mut draft) = plan.get(Shelf::Leads, lead) else { return };
    let pipeline = draft.json.get("pipeline_id").and_then(Value::as_u64);
    let Some(pipeline) = pipeline.and_then(|id| plan.world.account.pipeline(id)) else { return };
    draft.json.insert("status_id".to_owned(), json!(pipeline.first_status()));
    plan.put(Shelf::Leads, lead, draft);
}

pub fn unlink(call: &Call, shelf: Shelf) -> Reply {
    let (cut, refused) = match checked(call, shelf, false) {
        Ok(checked) => checked,
        Err(reply) => return *reply,
    };
    let items = cut.len() + refused.len();
    let mut plan = Plan::new(call.world, call.now);
    for link in cut {
        links::cut(&mut plan, link.from, link.to);
    }
    let commit = plan.into_commit();
    // 204 has no room for errors.
    let reply = if refused.is_empty() { Reply::nothing() } else { invalid(call, refused) };
    reply.with_commit(commit).with_items(items)
}
