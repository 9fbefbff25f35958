//! `sources`: the sources of leads. [doc]

use serde_json::{Value, json};

use crate::account::{AccountState, LeadSource};
use crate::check::ObjectReader;
use crate::endpoints::Call;
use crate::endpoints::account::writes::{
    BatchItem, CollectionWrite, delete as delete_one, with_request_id, write_batch, write_one,
};
use crate::endpoints::reply::ApiResponse;
use crate::read::{View, self_link};

const FIRST_ID: u64 = 21_000_101;
const SOURCES_MAX: usize = 100; // [doc]
/// Not documented. [inferred]
const EXTERNAL_ID_MAX: usize = 255;

pub fn list(call: &Call) -> ApiResponse {
    let view = call.view();
    let wanted = call.query.list(&["filter", "external_id"]);
    let sources = call.world.account.sources.iter();
    let found = sources.filter(|s| wanted.is_empty() || wanted.contains(&s.external_id.as_str()));
    call.counted_page("sources", "sources", found.map(|s| model(&view, s)).collect())
}

pub fn get(call: &Call) -> ApiResponse {
    let found = call.world.account.sources.iter().find(|s| s.id == call.id(0));
    found.map_or_else(|| call.unknown_id(), |source| ApiResponse::ok(&model(&call.view(), source)).with_items(1))
}

fn model(view: &View, source: &LeadSource) -> Value {
    json!({
        "id": source.id, "name": source.name, "pipeline_id": source.pipeline_id, "external_id": source.external_id,
        "services": source.services, "default": source.is_default, "origin_code": null,
        "_links": self_link(view.url(&format!("sources/{}", source.id)))
    })
}

pub fn create(call: &Call) -> ApiResponse {
    let batch = CollectionWrite { path: "sources", key: "sources", is_new: true, counted: true };
    write_batch(call, &batch, |account, item| {
        let mut reader = ObjectReader::new(item.node.reborrow())?;
        reader.require(&["name", "external_id"]);
        if account.sources.len() >= SOURCES_MAX {
            reader.node.too_many(SOURCES_MAX); // the code [inferred]
        }
        let new = LeadSource {
            id: 0,
            name: String::new(),
            external_id: String::new(),
            pipeline_id: account.main_pipeline().map_or(0, |p| p.id),
            is_default: false,
            services: Vec::new(),
        };
        let mut source = read(call, account, new, &mut reader);
        reader.finish();
        if item.has_errors() {
            return None;
        }
        source.id = account.new_id(FIRST_ID);
        let answer = answer_item(call, &source, item);
        account.sources.push(source);
        Some(answer)
    })
}

fn answer_item(call: &Call, source: &LeadSource, item: &BatchItem) -> Value {
    with_request_id(model(&call.view(), source), item.echoed_request_id(call, json!(item.index.to_string())))
}

/// A string [doc]; the table of leads says int [seed], so an int is accepted as its digits. [inferred]
fn external_id(reader: &mut ObjectReader) -> Option<String> {
    match reader.value("external_id") {
        Some(Value::Number(number)) if number.is_i64() || number.is_u64() => Some(number.to_string()),
        _ => reader.name("external_id", EXTERNAL_ID_MAX).map(str::to_owned),
    }
}

fn read(call: &Call, account: &AccountState, mut source: LeadSource, reader: &mut ObjectReader) -> LeadSource {
    if let Some(name) = reader.name("name", call.switches.name_max) {
        source.name = name.to_owned();
    }
    if let Some(external_id) = external_id(reader) {
        if account.sources.iter().any(|s| s.id != source.id && s.external_id == external_id) {
            let path = reader.node.key_path("external_id");
            reader.node.errors.add("SourceAlreadyExists", path, "Source already exists."); // [client]
        }
        source.external_id = external_id;
    }
    if let Some(pipeline) = reader.id("pipeline_id") {
        if account.pipeline(pipeline).is_none() {
            reader.invalid_choice("pipeline_id");
        }
        source.pipeline_id = pipeline;
    }
    source.is_default = reader.bool("default").unwrap_or(source.is_default);
    if let Some(services) = reader.list("services") {
        source.services = services.clone();
    }
    reader.text("request_id", 0);
    source
}

const UPDATES: CollectionWrite = CollectionWrite { path: "sources", key: "sources", is_new: false, counted: true };

pub fn update(call: &Call) -> ApiResponse {
    write_batch(call, &UPDATES, |account, item| change(call, account, item))
}

pub fn update_one(call: &Call) -> ApiResponse {
    write_one(call, &UPDATES, call.id(0), |account, item| change(call, account, item))
}

fn change(call: &Call, account: &mut AccountState, item: &mut BatchItem) -> Option<Value> {
    let mut reader = ObjectReader::new(item.node.reborrow())?;
    let id = BatchItem::own_id(item.id, &mut reader);
    let Some(place) = account.sources.iter().position(|s| Some(s.id) == id) else {
        if id.is_some() {
            reader.invalid_choice("id");
        }
        return None;
    };
    let source = read(call, account, account.sources[place].clone(), &mut reader);
    reader.ignore(call.switches, &["origin_code", "_links"]);
    reader.finish();
    if item.has_errors() {
        return None;
    }
    let answer = answer_item(call, &source, item);
    account.sources[place] = source;
    Some(answer)
}

pub fn delete(call: &Call) -> ApiResponse {
    let id = call.id(0);
    delete_one(call, |account| {
        let before = account.sources.len();
        account.sources.retain(|s| s.id != id);
        account.sources.len() < before
    })
}
