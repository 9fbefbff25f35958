//! `customers/segments`: groups of customers, each with fields of its own. [seed]

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::account::Segment;
use crate::account::builtin::KIND_PRODUCTS;
use crate::changes::changeset::Plan;
use crate::check::item::customer::is_price;
use crate::check::plain::{self, Must};
use crate::check::values::custom_fields;
use crate::check::{Complaints, Refused};
use crate::endpoints::Call;
use crate::endpoints::account::writes::refuse;
use crate::endpoints::batch::{invalid, request_id};
use crate::endpoints::reply::Reply;
use crate::read::{View, self_link, values, written};
use crate::world::{Shelf, World};
use amo_model::{Entity, Owner, SEGMENTS_MAX};

/// The list at the end of the document, without `#`. [seed]
const COLORS: &[&str] = &[
    "10599d", "2176ff", "006acc", "07a0c3", "247ba0", "177e89", "046e8f", "598381", "0c7c59", "495f41", "00a44b",
    "08605f", "bf2600", "06d6a0", "e14945", "79b473", "ae003f", "a2ad59", "cd0f53", "8e936d", "832161", "2e5339",
    "bf126f", "6f7c12", "ff5376", "dd1c1a", "bb304e", "631d76", "9d2b32", "4a001f", "b118c8", "6a0f49", "6610f2",
    "b38a58", "8963ba", "4b3666", "932f6d", "6b2d5c", "6461a0", "4f517d",
];

/// Ids of new segments start here; the ones that ship are below.
const FIRST_ID: u64 = 57;

const ON_CREATE: &[plain::Key] = &[
    ("name", Must::Name, true),
    ("color", Must::Word(COLORS), false),
    ("available_products_price_types", Must::Anything, false),
    ("custom_fields_values", Must::Anything, false),
];

/// A change may name itself, though nobody answers to it. [seed]
const ON_UPDATE: &[plain::Key] = &[
    ("name", Must::Name, false),
    ("color", Must::Word(COLORS), false),
    ("available_products_price_types", Must::Anything, false),
    ("custom_fields_values", Must::Anything, false),
    ("request_id", Must::Text, false),
    ("id", Must::Shown, false),
    ("created_at", Must::Shown, false),
    ("updated_at", Must::Shown, false),
    ("account_id", Must::Shown, false),
    ("customers_count", Must::Shown, false),
    ("_links", Must::Shown, false),
];

pub fn list(call: &Call) -> Reply {
    let (view, counts) = (call.view(), counts(call.world));
    let all = call.world.account.segments.iter().map(|s| model(&view, s, &counts)).collect();
    call.counted_page("customers/segments", "segments", all)
}

pub fn get(call: &Call) -> Reply {
    match call.world.account.segment(call.id(0)) {
        Some(segment) => Reply::ok(&model(&call.view(), segment, &counts(call.world))).with_items(1),
        None => call.unknown_id(),
    }
}

/// How many customers are in each segment; those in none are not there.
pub fn counts(world: &World) -> BTreeMap<u64, usize> {
    /// What of a customer counts here, read without the rest.
    #[derive(Deserialize)]
    struct Member {
        #[serde(default)]
        segments: Vec<u64>,
    }
    let mut counts = BTreeMap::new();
    for (_, record) in world.records(Shelf::Customers).iter() {
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

/// An acceptable segment. What is not said is not there.
struct Clean {
    said: Map<String, Value>,
    prices: Option<Vec<u64>>,
    fields: Vec<(u64, Option<Vec<Value>>)>,
}

fn check(call: &Call, keys: &[plain::Key], item: &Value, complaints: &mut Complaints) -> Clean {
    let rules = call.rules();
    refuse(call, item, complaints);
    let said = plain::check(&rules, keys, true, item, "", complaints).cloned().unwrap_or_default();
    let prices = said.get("available_products_price_types").map(|ids| check_prices(call, ids, complaints));
    let fields = said.get("custom_fields_values").map(|fields| {
        let owner = Owner::Entity(Entity::Segments);
        custom_fields::check(&rules, owner, fields, "custom_fields_values", complaints)
    });
    Clean { said, prices, fields: fields.unwrap_or_default() }
}

/// Ids of fields of the type price, of the list of products. [seed]
fn check_prices(call: &Call, ids: &Value, complaints: &mut Complaints) -> Vec<u64> {
    let path = "available_products_price_types";
    let account = &call.world.account;
    let is_products = |id: u64| account.catalog(id).is_some_and(|c| c.kind == KIND_PRODUCTS);
    let Some(ids) = ids.as_array() else {
        complaints.wrong_type(path, "array");
        return Vec::new();
    };
    let mut prices = Vec::with_capacity(ids.len());
    for (i, id) in ids.iter().enumerate() {
        match id.as_u64() {
            Some(id) if is_price(&call.rules(), id, is_products) => prices.push(id),
            _ if id.is_i64() => complaints.choice(format!("{path}.{i}")),
            _ => complaints.wrong_type(format!("{path}.{i}"), "int"),
        }
    }
    prices
}

fn settle(segment: &mut Segment, clean: Clean, now: i64) {
    let text = |key: &str| clean.said.get(key).and_then(Value::as_str).map(str::to_owned);
    if let Some(name) = text("name") {
        segment.name = name;
    }
    if let Some(color) = text("color") {
        segment.color = color;
    }
    if let Some(prices) = clean.prices {
        segment.prices = prices;
    }
    for (id, values) in clean.fields {
        segment.fields.retain(|(field, _)| *field != id);
        segment.fields.extend(values.map(|values| (id, values)));
    }
    segment.updated_at = now;
}

/// One object, and nothing but one. [seed]
pub fn create(call: &Call) -> Reply {
    let Some(item) = call.json().filter(Value::is_object) else { return Call::blank() };
    let mut complaints = Complaints::default();
    let clean = check(call, ON_CREATE, &item, &mut complaints);
    if !complaints.is_empty() {
        return invalid(call, vec![Refused { request_id: None, complaints }]);
    }
    // The document knows no other status for what cannot be done. [seed]
    if call.world.account.segments.len() >= SEGMENTS_MAX {
        return Reply::problem(400, &format!("Limit of {SEGMENTS_MAX} segments"));
    }
    let mut plan = Plan::new(call.world, call.now);
    let account = plan.account_mut();
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
    settle(&mut segment, clean, call.now);
    let model = model(&call.view(), &segment, &BTreeMap::new());
    account.segments.push(segment);
    Reply::hal(call.switches.created_status, &model).with_commit(plan.into_commit()).with_items(1)
}

pub fn update(call: &Call) -> Reply {
    let id = call.id(0);
    let Some(item) = call.json().filter(Value::is_object) else { return Call::blank() };
    let mut complaints = Complaints::default();
    let clean = check(call, ON_UPDATE, &item, &mut complaints);
    let mut plan = Plan::new(call.world, call.now);
    if plan.account().segment(id).is_none() {
        complaints.choice("id"); // [inferred], as of pipelines [client live]
    }
    if !complaints.is_empty() {
        return invalid(call, vec![Refused { request_id: Some(request_id(&item, 0)), complaints }]);
    }
    // At least one of them has to be there. [seed]
    if !plain::says_anything(ON_UPDATE, &clean.said) {
        return Call::blank();
    }
    let Some(segment) = plan.account_mut().segments.iter_mut().find(|s| s.id == id) else { return call.unknown_id() };
    settle(segment, clean, call.now);
    let model = model(&call.view(), segment, &counts(call.world));
    let body = match call.switches.patch_wrapped {
        true => written(&call.view().url("customers/segments"), "segments", vec![model]),
        false => model,
    };
    Reply::ok(&body).with_commit(plan.into_commit()).with_items(1)
}

/// Its customers leave it.
pub fn delete(call: &Call) -> Reply {
    let id = call.id(0);
    let mut plan = Plan::new(call.world, call.now);
    if call.world.account.segment(id).is_none() {
        let mut complaints = Complaints::default();
        complaints.choice("id"); // [inferred], as of pipelines [client live]
        return invalid(call, vec![Refused { request_id: None, complaints }]);
    }
    plan.account_mut().segments.retain(|s| s.id != id);
    for (customer, _) in call.world.records(Shelf::Customers).iter() {
        let Some(mut draft) = plan.get(Shelf::Customers, customer) else { continue };
        let Some(Value::Array(segments)) = draft.json.get_mut("segments") else { continue };
        let before = segments.len();
        segments.retain(|segment| *segment != id);
        if segments.len() < before {
            plan.put(Shelf::Customers, customer, draft);
        }
    }
    Reply::nothing().with_commit(plan.into_commit()).with_items(1)
}
