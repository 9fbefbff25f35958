//! `leads/pipelines` and their stages: every user reads them, administrators write them. [doc] Answers have no
//! `request_id`. [client]

use serde_json::{Value, json};

use crate::account::{AccountState, LeadPipeline, PipelineStage};
use crate::check::ObjectReader;
use crate::endpoints::Call;
use crate::endpoints::account::writes::{BatchItem, CollectionWrite, delete as delete_one, write_batch, write_one};
use crate::endpoints::reply::ApiResponse;
use crate::read::{View, self_link};
use crate::world::{LeadPosition, RecordTable};
use amo_model::{STATUS_LOST, STATUS_TYPE_UNSORTED, STATUS_WON};

/// Ids of new pipelines and stages start here; those of the built-in account are lower.
const FIRST_PIPELINE: u64 = 4_300_001;
const FIRST_STAGE: u64 = 42_000_001;
const PIPELINES_MAX: usize = 50; // [doc]
/// Won (142) and lost (143) included. [doc]
const STAGES_MAX: usize = 100;
/// Colours of stages, of leads [doc] as of customers. [seed]
pub const COLORS: [&str; 21] = [
    "#fffeb2", "#fffd7f", "#fff000", "#ffeab2", "#ffdc7f", "#ffce5a", "#ffdbdb", "#ffc8c8", "#ff8f92", "#d6eaff",
    "#c1e0ff", "#98cbff", "#ebffb1", "#deff81", "#87f2c0", "#f9deff", "#f3beff", "#ccc8f9", "#eb93ff", "#f2f3f4",
    "#e6e8ea",
];

/// All pipelines on one page, whichever page is requested. [client live]
pub fn list(call: &Call) -> ApiResponse {
    let view = call.view();
    let all: Vec<Value> = call.world.account.pipelines.iter().map(|p| pipeline_model(&view, p)).collect();
    let items = all.len();
    ApiResponse::ok(&json!({
        "_total_items": items, "_links": self_link(view.url("leads/pipelines")), "_embedded": {"pipelines": all}
    }))
    .with_items(items)
}

pub fn get(call: &Call) -> ApiResponse {
    match call.world.account.pipeline(call.id(0)) {
        Some(pipeline) => ApiResponse::ok(&pipeline_model(&call.view(), pipeline)).with_items(1),
        None => call.unknown_id(),
    }
}

pub fn stages(call: &Call) -> ApiResponse {
    let Some(pipeline) = call.world.account.pipeline(call.id(0)) else { return call.unknown_id() };
    let view = call.view();
    let all: Vec<Value> = pipeline.statuses.iter().map(|s| status_model(&view, pipeline, s)).collect();
    let items = all.len();
    let url = view.url(&format!("leads/pipelines/{}/statuses", pipeline.id));
    ApiResponse::ok(&json!({"_total_items": items, "_links": self_link(url), "_embedded": {"statuses": all}}))
        .with_items(items)
}

pub fn stage(call: &Call) -> ApiResponse {
    let pipeline = call.world.account.pipeline(call.id(0));
    match pipeline.and_then(|p| Some((p, p.status(call.id(1))?))) {
        Some((pipeline, status)) => ApiResponse::ok(&status_model(&call.view(), pipeline, status)).with_items(1),
        None => call.unknown_id(),
    }
}

fn pipeline_model(view: &View, pipeline: &LeadPipeline) -> Value {
    let statuses: Vec<Value> = pipeline.statuses.iter().map(|s| status_model(view, pipeline, s)).collect();
    json!({
        "id": pipeline.id, "name": pipeline.name, "sort": pipeline.sort, "is_main": pipeline.is_main,
        "is_unsorted_on": pipeline.is_unsorted_on, "is_archive": false,
        "account_id": view.world.account.id,
        "_links": self_link(view.url(&format!("leads/pipelines/{}", pipeline.id))),
        "_embedded": {"statuses": statuses}
    })
}

fn status_model(view: &View, pipeline: &LeadPipeline, status: &PipelineStage) -> Value {
    json!({
        "id": status.id, "name": status.name, "sort": status.sort, "is_editable": is_editable(status),
        "pipeline_id": pipeline.id, "color": status.color, "type": status.kind,
        "account_id": view.world.account.id,
        "_links": self_link(view.url(&format!("leads/pipelines/{}/statuses/{}", pipeline.id, status.id)))
    })
}

/// 142, 143 and the stage of unsorted leads cannot be changed. [client live]
fn is_editable(status: &PipelineStage) -> bool {
    status.id >= 1000 && status.kind != STATUS_TYPE_UNSORTED
}

pub fn create(call: &Call) -> ApiResponse {
    let batch = CollectionWrite { path: "leads/pipelines", key: "pipelines", is_new: true, counted: true };
    write_batch(call, &batch, |account, item| {
        let mut reader = ObjectReader::new(item.node.reborrow())?;
        reader.require(&["name", "sort", "is_main", "is_unsorted_on"]);
        if account.pipelines.len() >= PIPELINES_MAX {
            reader.node.too_many(PIPELINES_MAX); // the code [inferred]
        }
        let stages = read_first_stages(call, &mut reader);
        let new = LeadPipeline {
            id: 0,
            name: String::new(),
            sort: 0,
            is_main: false,
            is_unsorted_on: true,
            statuses: Vec::new(),
        };
        let mut pipeline = read_pipeline(call, new, &mut reader);
        reader.finish();
        if item.has_errors() {
            return None;
        }
        pipeline.id = account.new_id(FIRST_PIPELINE);
        pipeline.statuses = with_default_stages(account, stages);
        clear_other_main(account, &pipeline);
        let answer = pipeline_model(&call.view(), &pipeline);
        account.pipelines.push(pipeline);
        Some(answer)
    })
}

fn read_pipeline(call: &Call, mut pipeline: LeadPipeline, reader: &mut ObjectReader) -> LeadPipeline {
    if let Some(name) = reader.name("name", call.switches.name_max) {
        pipeline.name = name.to_owned();
    }
    pipeline.sort = reader.int("sort").unwrap_or(pipeline.sort);
    let is_main = reader.bool("is_main");
    if pipeline.is_main && is_main == Some(false) {
        reader.invalid_choice("is_main"); // one pipeline is always the main one [inferred]
    }
    pipeline.is_main = is_main.unwrap_or(pipeline.is_main);
    pipeline.is_unsorted_on = reader.bool("is_unsorted_on").unwrap_or(pipeline.is_unsorted_on);
    reader.text("request_id", 0);
    pipeline
}

fn clear_other_main(account: &mut AccountState, pipeline: &LeadPipeline) {
    if pipeline.is_main {
        account.pipelines.iter_mut().for_each(|p| p.is_main = false);
    }
}

/// `_embedded.statuses`; 142 and 143 can be renamed there. [doc]
fn read_first_stages(call: &Call, reader: &mut ObjectReader) -> Vec<PipelineStage> {
    if reader.value("_embedded").is_none() {
        return Vec::new();
    }
    let Some(mut embedded) = reader.node.get("_embedded").and_then(ObjectReader::new) else {
        return Vec::new();
    };
    let stages = embedded.each("statuses", |stage| {
        let id = stage.id("id");
        if id.is_some_and(|id| id != STATUS_WON && id != STATUS_LOST) {
            stage.invalid_choice("id");
        }
        stage.require(&["name"]);
        let new =
            PipelineStage { id: id.unwrap_or(0), name: String::new(), sort: 0, color: COLORS[0].to_owned(), kind: 0 };
        Some(read_stage(call, new, stage))
    });
    embedded.finish();
    stages.unwrap_or_default()
}

/// The order of the service: the stage of unsorted leads first, won and lost last. [doc]
fn with_default_stages(account: &mut AccountState, sent: Vec<PipelineStage>) -> Vec<PipelineStage> {
    let stage = |id, name: &str, sort, color: &str, kind| PipelineStage {
        id,
        name: name.to_owned(),
        sort,
        color: color.to_owned(),
        kind,
    };
    let first = account.new_id(FIRST_STAGE);
    let mut stages = vec![stage(first, "Неразобранное", 10, "#c1c1c1", STATUS_TYPE_UNSORTED)];
    let mut ends = [
        stage(STATUS_WON, "Успешно реализовано", 10_000, "#CCFF66", 0),
        stage(STATUS_LOST, "Закрыто и не реализовано", 11_000, "#D5D8DB", 0),
    ];
    for mut status in sent {
        match ends.iter_mut().find(|end| end.id == status.id) {
            Some(end) => end.name = status.name,
            None => {
                status.id = account.new_id(FIRST_STAGE);
                stages.push(status);
            }
        }
    }
    stages.extend(ends);
    stages
}

pub fn update_one(call: &Call) -> ApiResponse {
    let batch = CollectionWrite { path: "leads/pipelines", key: "pipelines", is_new: false, counted: true };
    write_one(call, &batch, call.id(0), |account, item| {
        let mut reader = ObjectReader::new(item.node.reborrow())?;
        let id = BatchItem::own_id(item.id, &mut reader);
        let Some(place) = account.pipelines.iter().position(|p| Some(p.id) == id) else {
            reader.invalid_choice("id");
            return None;
        };
        let pipeline = read_pipeline(call, account.pipelines[place].clone(), &mut reader);
        reader.ignore(call.switches, &["is_archive", "account_id", "_links", "_embedded"]);
        reader.finish();
        if item.has_errors() {
            return None;
        }
        clear_other_main(account, &pipeline);
        let answer = pipeline_model(&call.view(), &pipeline);
        account.pipelines[place] = pipeline;
        Some(answer)
    })
}

/// A pipeline with leads cannot be deleted. [client live] The main one cannot either. [inferred]
pub fn delete(call: &Call) -> ApiResponse {
    let id = call.id(0);
    if has_leads(call, |lead| lead.pipeline_id == id) {
        return ApiResponse::problem(422, "Only pipelines without leads can be deleted");
    }
    delete_one(call, |account| {
        let before = account.pipelines.len();
        account.pipelines.retain(|p| p.id != id || p.is_main);
        account.pipelines.len() < before
    })
}

fn has_leads(call: &Call, matches: impl Fn(&LeadPosition) -> bool) -> bool {
    let mut leads = call.world.records(RecordTable::Leads).iter();
    leads.any(|(_, record)| serde_json::from_str(&record.json).is_ok_and(|position| matches(&position)))
}

fn read_stage(call: &Call, mut status: PipelineStage, reader: &mut ObjectReader) -> PipelineStage {
    if let Some(name) = reader.name("name", call.switches.name_max) {
        status.name = name.to_owned();
    }
    status.sort = reader.int("sort").unwrap_or(status.sort);
    // The current colour may be sent back, even one that cannot be chosen. [inferred]
    if reader.value("color").is_some_and(|color| *color != status.color.as_str())
        && let Some(color) = reader.one_of("color", &COLORS)
    {
        status.color = color.to_owned();
    }
    status
}

/// Sorted by `sort`, and always before won and lost. [doc]
fn insert_stage(pipeline: &mut LeadPipeline, status: PipelineStage) {
    pipeline.statuses.retain(|s| s.id != status.id);
    pipeline.statuses.push(status);
    pipeline.statuses.sort_by_key(|s| (s.id < 1000, s.kind != STATUS_TYPE_UNSORTED, s.sort, s.id));
}

fn stages_path(pipeline: u64) -> String {
    format!("leads/pipelines/{pipeline}/statuses")
}

pub fn create_stages(call: &Call) -> ApiResponse {
    let id = call.id(0);
    let batch = CollectionWrite { path: &stages_path(id), key: "statuses", is_new: true, counted: true };
    if call.world.account.pipeline(id).is_none() {
        return call.unknown_id();
    }
    write_batch(call, &batch, |account, item| {
        let mut reader = ObjectReader::new(item.node.reborrow())?;
        reader.require(&["name", "sort"]);
        let count = account.pipeline(id).map_or(0, |p| p.statuses.len());
        if count >= STAGES_MAX {
            reader.node.too_many(STAGES_MAX); // the code [inferred]
        }
        let new = PipelineStage { id: 0, name: String::new(), sort: 0, color: COLORS[0].to_owned(), kind: 0 };
        let mut status = read_stage(call, new, &mut reader);
        reader.text("request_id", 0);
        reader.finish();
        if item.has_errors() {
            return None;
        }
        status.id = account.new_id(FIRST_STAGE);
        let pipeline = account.pipelines.iter_mut().find(|p| p.id == id)?;
        let answer = status_model(&call.view(), pipeline, &status);
        insert_stage(pipeline, status);
        Some(answer)
    })
}

pub fn update_stage(call: &Call) -> ApiResponse {
    let batch = CollectionWrite { path: &stages_path(call.id(0)), key: "statuses", is_new: false, counted: true };
    write_one(call, &batch, call.id(1), |account, item| change_stage(call, account, item))
}

fn change_stage(call: &Call, account: &mut AccountState, item: &mut BatchItem) -> Option<Value> {
    let (id, stage) = (call.id(0), call.id(1));
    let mut reader = ObjectReader::new(item.node.reborrow())?;
    reader.id("id");
    let pipeline = account.pipelines.iter_mut().find(|p| p.id == id);
    let found = pipeline.and_then(|p| Some((p.status(stage).filter(|s| is_editable(s))?.clone(), p)));
    let Some((status, pipeline)) = found else {
        reader.invalid_choice("id");
        return None;
    };
    let status = read_stage(call, status, &mut reader);
    reader.ignore(call.switches, &["is_editable", "pipeline_id", "type", "account_id", "_links"]);
    reader.text("request_id", 0);
    reader.finish();
    if item.has_errors() {
        return None;
    }
    let answer = status_model(&call.view(), pipeline, &status);
    insert_stage(pipeline, status);
    Some(answer)
}

/// A stage with leads cannot be deleted. [inferred] from pipelines
pub fn delete_stage(call: &Call) -> ApiResponse {
    let (id, stage) = (call.id(0), call.id(1));
    let is_own = call.world.account.pipeline(id).and_then(|p| p.status(stage)).is_some_and(is_editable);
    if is_own && has_leads(call, |lead| lead.status_id == stage) {
        return ApiResponse::problem(422, "Only statuses without leads can be deleted");
    }
    delete_one(call, |account| {
        if let Some(pipeline) = account.pipelines.iter_mut().find(|p| p.id == id && is_own) {
            pipeline.statuses.retain(|s| s.id != stage);
        }
        is_own
    })
}
