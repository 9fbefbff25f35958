//! `{entity}/tags`. [doc]

use serde_json::Value;

use super::Call;
use crate::sandbox::answers::Reply;
use crate::sandbox::list::Paging;
use crate::sandbox::render;
use crate::sandbox::world::Shelf;

pub fn list(call: &Call, shelf: Shelf) -> Reply {
    let names = call.query.list(&["filter", "name"]);
    let ids: Vec<u64> = call.query.list(&["filter", "id"]).iter().filter_map(|id| id.parse().ok()).collect();
    let text = call.query.get("query").unwrap_or("").to_lowercase();
    let paging = Paging::of(call.query);
    let mut rows: Vec<Value> = call
        .world
        .tags(shelf)
        .iter()
        .filter(|(id, name)| (ids.is_empty() || ids.contains(id)) && (names.is_empty() || names.contains(name)))
        .filter(|(_, name)| text.is_empty() || name.to_lowercase().contains(&text))
        .skip(paging.skip())
        .take(paging.limit + 1)
        .map(|(id, name)| render::tag(shelf, id, name))
        .collect();
    let more = rows.len() > paging.limit;
    rows.truncate(paging.limit);
    call.page(&format!("{}/tags", shelf.path()), "tags", rows, more)
}
