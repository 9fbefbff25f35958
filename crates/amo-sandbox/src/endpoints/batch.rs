//! Batches: the items of a request checked one by one, and the envelope of the response.

use serde_json::{Value, json};

use super::Call;
use super::reply::ApiResponse;
use crate::check::item::{CheckedItem, WriteMode, check_item};
use crate::check::{JsonNode, RefusedItem, ValidationErrors};
use crate::read::written_body;
use crate::switches::{Partial, RequestIds};
use crate::world::{Commit, RecordTable};
use amo_model::BATCH_MAX;

/// The `request_id` of an item: its own, else its index from 0 as a string. [seed]
pub fn request_id(item: &Value, index: usize) -> Value {
    item.get("request_id").filter(|id| id.is_string()).cloned().unwrap_or_else(|| json!(index.to_string()))
}

/// The `request_id` in the response; `None` where a switch leaves it out.
pub fn echoed_request_id(call: &Call, id: Value, index: usize) -> Option<Value> {
    match call.switches.request_ids {
        RequestIds::String => Some(id),
        RequestIds::Int => Some(id.as_str().and_then(|t| t.parse::<i64>().ok()).map_or(id, |n| json!(n))),
        RequestIds::Index => Some(json!(index)),
        RequestIds::Missing => None,
    }
}

pub fn invalid(call: &Call, mut refused: Vec<RefusedItem>) -> ApiResponse {
    if call.switches.unknown_codes {
        for error in refused.iter_mut().flat_map(|r| &mut r.errors.0) {
            error.code = "SomethingNobodyKnows".into();
        }
    }
    ApiResponse::validation(&refused)
}

/// The items of a batch: those without errors with their index and `request_id`, and the refused ones.
pub struct CheckedBatch<T = CheckedItem> {
    pub good: Vec<(usize, Value, T)>,
    pub refused: Vec<RefusedItem>,
}

/// Reads and checks a batch; `Err` is the response where nothing can be written.
pub fn check_batch(call: &Call, table: RecordTable, mode: WriteMode) -> Result<CheckedBatch, Box<ApiResponse>> {
    let (max, excess) = match mode {
        WriteMode::Complex => (amo_model::COMPLEX_BATCH_MAX, call.switches.complex_excess_status),
        WriteMode::Create | WriteMode::Update(_) | WriteMode::Inner => (BATCH_MAX, call.switches.batch_excess_status),
    };
    check_all(call, max, too_many(mode, max, excess), |node| check_item(&call.check_context(), table, mode, node))
}

/// The same for items of any kind; `excess` is the response to more than `max` items.
pub fn check_all<T>(
    call: &Call,
    max: usize,
    excess: ApiResponse,
    mut check: impl FnMut(JsonNode) -> T,
) -> Result<CheckedBatch<T>, Box<ApiResponse>> {
    let items = match call.json() {
        Some(Value::Array(items)) if !items.is_empty() => items,
        _ => return Err(Box::new(Call::blank_body())),
    };
    if items.len() > max {
        return Err(Box::new(excess));
    }
    let mut checked = CheckedBatch { good: Vec::new(), refused: Vec::new() };
    for (i, item) in items.iter().enumerate() {
        let mut errors = ValidationErrors::default();
        let accepted = check(JsonNode::root(item, &mut errors));
        let id = request_id(item, i);
        match errors.is_empty() {
            true => checked.good.push((i, id, accepted)),
            false => checked.refused.push(RefusedItem { request_id: Some(id), errors }),
        }
    }
    // One bad item rejects the batch. [inferred]
    let is_rejected = call.switches.partial == Partial::None || checked.good.is_empty();
    if !checked.refused.is_empty() && is_rejected {
        return Err(Box::new(invalid(call, checked.refused).with_items(items.len())));
    }
    Ok(checked)
}

/// 422 "Limit of 250 per page" [doc Kommo]; for complex leads a validation error without an item. [inferred]
fn too_many(mode: WriteMode, max: usize, status: u16) -> ApiResponse {
    if mode == WriteMode::Complex && status == 400 {
        let mut errors = ValidationErrors::default();
        errors.too_many("", max);
        return ApiResponse::validation(&[RefusedItem { request_id: None, errors }]);
    }
    ApiResponse::problem(status, &format!("Limit of {max} per page"))
}

/// The envelope of the response to a write.
pub struct WriteEnvelope<'a> {
    pub status: u16,
    /// Below `/api/v4/`, for its own link.
    pub path: &'a str,
    pub key: &'a str,
    /// Has `_total_items`.
    pub is_counted: bool,
}

impl WriteEnvelope<'_> {
    /// The response with the written items and, where a switch says so, the refused ones beside them.
    pub fn response(
        self,
        call: &Call,
        mut written_items: Vec<Value>,
        refused: Vec<RefusedItem>,
        commit: Commit,
    ) -> ApiResponse {
        if call.switches.shuffled {
            written_items.reverse();
        }
        let count = written_items.len();
        let items = count + refused.len();
        if !refused.is_empty() && call.switches.partial == Partial::Silent {
            return invalid(call, refused).with_commit(commit).with_items(items);
        }
        let mut body = written_body(&call.view().url(self.path), self.key, written_items);
        if let (true, Some(body)) = (self.is_counted, body.as_object_mut()) {
            body.shift_insert(0, "_total_items".to_owned(), json!(count));
        }
        if !refused.is_empty() {
            body["validation-errors"] = RefusedItem::all_to_json(&refused);
        }
        ApiResponse::hal(self.status, &body).with_commit(commit).with_items(items)
    }
}
