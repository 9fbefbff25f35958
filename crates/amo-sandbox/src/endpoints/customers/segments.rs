//! `customers/segments`: groups of customers, with custom fields of their own. [seed]

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::account::Segment;
use crate::account::builtin::KIND_PRODUCTS;
use crate::changes::changeset::Changeset;
use crate::check::item::customer::is_price;
use crate::check::plain::{self, Expected};
use crate::check::values::custom_fields;
use crate::check::{JsonNode, RefusedItem, ValidationErrors};
use crate::endpoints::Call;
use crate::endpoints::account::writes::force_refusals;
use crate::endpoints::batch::{invalid, request_id};
use crate::endpoints::reply::ApiResponse;
use crate::read::{View, self_link, values, written_body};
use crate::world::{RecordTable, World};
use amo_model::{Entity, Owner, SEGMENTS_MAX};

/// The colours at the end of the document, without `#`. [seed]
const COLORS: &[&str] = &[
    "10599d", "2176ff", "006acc", "07a0c3", "247ba0", "177e89", "046e8f", "598381", "0c7c59", "495f41", "00a44b",
    "08605f", "bf2600", "06d6a0", "e14945", "79b473", "ae003f", "a2ad59", "cd0f53", "8e936d", "832161", "2e5339",
    "bf126f", "6f7c12", "ff5376", "dd1c1a", "bb304e", "631d76", "9d2b32", "4a001f", "b118c8", "6a0f49", "6610f2",
    "b38a58", "8963ba", "4b3666", "932f6d", "6b2d5c", "6461a0", "4f517d",
];

/// Ids of new segments start here; those of the built-in account are lower.
const FIRST_ID: u64 = 57;

const ON_CREATE: &[plain::KeySpec] = &[
    ("name", Expected::Name, true),
    ("color", Expected::Word(COLORS), false),
    ("available_products_price_types", Expected::Anything, false),
    ("custom_fields_values", Expected::Anything, false),
];

/// A change may have a `request_id`; the answer has none. [seed]
const ON_UPDATE: &[plain::KeySpec] = &[
    ("name", Expected::Name, false),
    ("color", Expected::Word(COLORS), false),
    ("available_products_price_types", Expected::Anything, false),
    ("custom_fields_values", Expected::Anything, false),
    ("request_id", Expected::Text, false),
    ("id", Expected::ReadOnly, false),
    ("created_at", Expected::ReadOnly, false),
    ("updated_at", Expected::ReadOnly, false),
    ("account_id", Expected::ReadOnly, false),
    ("customers_count", Expected::ReadOnly, false),
    ("_links", Expected::ReadOnly, false),
];

pub fn list(call: &Call) -> ApiResponse {
    let (view, counts) = (call.view(), counts(call.world));
    let all = call.world.account.segments.iter().map(|s| model(&view, s, &counts)).collect();
    call.counted_page("customers/segments", "segments", all)
}

pub fn get(call: &Call) -> ApiResponse {
    match call.world.account.segment(call.id(0)) {
        Some(segment) => ApiResponse::ok(&model(&call.view(), segment, &counts(call.world))).with_items(1),
        None => call.unknown_id(),
    }
}

/// The number of customers in each segment; segments without customers are absent.
pub fn counts(world: &World) -> BTreeMap<u64, usize> {
    /// The segments of a customer, parsed without the rest.
    #[derive(Deserialize)]
    struct Member {
        #[serde(default)]
        segments: Vec<u64>,
    }
    let mut counts = BTreeMap::new();
    for (_, record) in world.records(RecordTable::Customers).iter() {
        let member = serde_json::from_str::<Member>(&record.json);
        for segment in member.map(|m| m.segments).unwrap_or_default() {
            *counts.entry(segment).or_default() += 1;
        }
    }
    counts
}

pub fn model(view: &View, segment: &Segment, counts: &BTreeMap<u64, usize>) -> Value {
    let account = &view.world.account;
    let fields = segment.fields.iter().filter_map(|field| values::entry(view, &json!(field), true));
    json!({
        "id": segment.id, "created_at": segment.created_at, "updated_at": segment.updated_at,
        "account_id": account.id, "name": segment.name, "color": segment.color,
        "available_products_price_types": segment.prices,
        "customers_count": counts.get(&segment.id).copied().unwrap_or(0),
        "custom_fields_values": fields.collect::<Vec<_>>(), // `[]` where there are none, not `null`. [seed]
        "_links": self_link(view.url(&format!("customers/segments/{}", segment.id)))
    })
}

/// A segment without errors. Keys that were not sent are absent.
struct CheckedSegment {
    sent: Map<String, Value>,
    prices: Option<Vec<u64>>,
    fields: Vec<(u64, Option<Vec<Value>>)>,
}

fn check(call: &Call, keys: &[plain::KeySpec], mut node: JsonNode) -> CheckedSegment {
    let context = call.check_context();
    force_refusals(call, &mut node);
    let sent = plain::check(&context, keys, true, node.reborrow()).cloned().unwrap_or_default();
    let prices = node.get("available_products_price_types").map(|ids| check_prices(call, ids));
    let fields = node
        .get("custom_fields_values")
        .map(|fields| custom_fields::check(&context, Owner::Entity(Entity::Segments), fields));
    CheckedSegment { sent, prices, fields: fields.unwrap_or_default() }
}

/// Ids of price fields of the catalog of products. [seed]
fn check_prices(call: &Call, mut node: JsonNode) -> Vec<u64> {
    let account = &call.world.account;
    let is_products = |id: u64| account.catalog(id).is_some_and(|c| c.kind == KIND_PRODUCTS);
    let Some(ids) = node.array() else { return Vec::new() };
    let mut prices = Vec::with_capacity(ids.len());
    for (i, id) in ids.iter().enumerate() {
        let mut node = node.child(i, id);
        match id.as_u64() {
            Some(id) if is_price(&call.check_context(), id, is_products) => prices.push(id),
            _ if id.is_i64() => node.invalid_choice(),
            _ => node.wrong_type("int"),
        }
    }
    prices
}

fn apply_changes(segment: &mut Segment, accepted: CheckedSegment, now: i64) {
    let text = |key: &str| accepted.sent.get(key).and_then(Value::as_str).map(str::to_owned);
    if let Some(name) = text("name") {
        segment.name = name;
    }
    if let Some(color) = text("color") {
        segment.color = color;
    }
    if let Some(prices) = accepted.prices {
        segment.prices = prices;
    }
    for (id, values) in accepted.fields {
        segment.fields.retain(|(field, _)| *field != id);
        segment.fields.extend(values.map(|values| (id, values)));
    }
    segment.updated_at = now;
}

/// The body is one object. [seed]
pub fn create(call: &Call) -> ApiResponse {
    let Some(item) = call.json().filter(Value::is_object) else { return Call::blank_body() };
    let mut errors = ValidationErrors::default();
    let accepted = check(call, ON_CREATE, JsonNode::root(&item, &mut errors));
    if !errors.is_empty() {
        return invalid(call, vec![RefusedItem { request_id: None, errors }]);
    }
    // The document has no other status for an impossible request. [seed]
    if call.world.account.segments.len() >= SEGMENTS_MAX {
        return ApiResponse::problem(400, &format!("Limit of {SEGMENTS_MAX} segments"));
    }
    let mut changes = Changeset::new(call.world, call.now);
    let account = changes.account_mut();
    let id = account.new_id(FIRST_ID);
    let mut segment = Segment {
        id,
        name: String::new(),
        color: COLORS[0].to_owned(), // [inferred]
        prices: Vec::new(),
        fields: Vec::new(),
        created_at: call.now,
        updated_at: call.now,
    };
    apply_changes(&mut segment, accepted, call.now);
    let model = model(&call.view(), &segment, &BTreeMap::new());
    account.segments.push(segment);
    ApiResponse::hal(call.switches.created_status, &model).with_commit(changes.into_commit()).with_items(1)
}

pub fn update(call: &Call) -> ApiResponse {
    let id = call.id(0);
    let Some(item) = call.json().filter(Value::is_object) else { return Call::blank_body() };
    let mut errors = ValidationErrors::default();
    let accepted = check(call, ON_UPDATE, JsonNode::root(&item, &mut errors));
    let mut changes = Changeset::new(call.world, call.now);
    if changes.account().segment(id).is_none() {
        errors.invalid_choice("id"); // [inferred], as of pipelines [client live]
    }
    if !errors.is_empty() {
        return invalid(call, vec![RefusedItem { request_id: Some(request_id(&item, 0)), errors }]);
    }
    // At least one key is required. [seed]
    if !plain::has_changes(ON_UPDATE, &accepted.sent) {
        return Call::blank_body();
    }
    let Some(segment) = changes.account_mut().segments.iter_mut().find(|s| s.id == id) else {
        return call.unknown_id();
    };
    apply_changes(segment, accepted, call.now);
    let model = model(&call.view(), segment, &counts(call.world));
    let body = match call.switches.patch_wrapped {
        true => written_body(&call.view().url("customers/segments"), "segments", vec![model]),
        false => model,
    };
    ApiResponse::ok(&body).with_commit(changes.into_commit()).with_items(1)
}

/// Its customers are removed from it.
pub fn delete(call: &Call) -> ApiResponse {
    let id = call.id(0);
    let mut changes = Changeset::new(call.world, call.now);
    if call.world.account.segment(id).is_none() {
        let mut errors = ValidationErrors::default();
        errors.invalid_choice("id"); // [inferred], as of pipelines [client live]
        return invalid(call, vec![RefusedItem { request_id: None, errors }]);
    }
    changes.account_mut().segments.retain(|s| s.id != id);
    for (customer, _) in call.world.records(RecordTable::Customers).iter() {
        let Some(mut draft) = changes.get(RecordTable::Customers, customer) else { continue };
        let Some(Value::Array(segments)) = draft.json.get_mut("segments") else { continue };
        let before = segments.len();
        segments.retain(|segment| *segment != id);
        if segments.len() < before {
            changes.put(RecordTable::Customers, customer, draft);
        }
    }
    ApiResponse::no_content().with_commit(changes.into_commit()).with_items(1)
}
