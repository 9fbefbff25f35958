//! `leads/pipelines` and their stages: read by all, written by admins. [doc] `request_id` does not come back. [client]

use serde_json::{Value, json};

use crate::account::{AccountState, LeadPipeline, PipelineStage};
use crate::check::{ObjectReader, ValidationErrors};
use crate::endpoints::Call;
use crate::endpoints::account::writes::{BatchItem, CollectionWrite, delete as delete_one, write_batch, write_one};
use crate::endpoints::reply::ApiResponse;
use crate::read::{View, self_link};
use crate::world::{LeadPosition, RecordTable};
use amo_model::{STATUS_LOST, STATUS_TYPE_UNSORTED, STATUS_WON};

/// Ids of what is made start here; the ones that ship are below.
const FIRST_PIPELINE: u64 = 4_300_001;
const FIRST_STAGE: u64 = 42_000_001;
const PIPELINES_MAX: usize = 50; // [doc]
/// 142 and 143 among them. [doc]
const STAGES_MAX: usize = 100;
/// Colours a stage may have, of leads [doc] as of customers. [seed]
pub const COLORS: [&str; 21] = [
    "#fffeb2", "#fffd7f", "#fff000", "#ffeab2", "#ffdc7f", "#ffce5a", "#ffdbdb", "#ffc8c8", "#ff8f92", "#d6eaff",
    "#c1e0ff", "#98cbff", "#ebffb1", "#deff81", "#87f2c0", "#f9deff", "#f3beff", "#ccc8f9", "#eb93ff", "#f2f3f4",
    "#e6e8ea",
];

/// All at once, whatever page is asked for. [client live]
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
    write_batch(call, &batch, |account, item, errors| {
        let mut said = ObjectReader::of(item.json, "", errors)?;
        said.needs(&["name", "sort", "is_main", "is_unsorted_on"]);
        if account.pipelines.len() >= PIPELINES_MAX {
            said.errors.too_many("", PIPELINES_MAX); // the code [inferred]
        }
        let stages = read_first_stages(call, item, &mut said);
        let fresh = LeadPipeline {
            id: 0,
            name: String::new(),
            sort: 0,
            is_main: false,
            is_unsorted_on: true,
            statuses: Vec::new(),
        };
        let mut pipeline = read_pipeline(call, fresh, &mut said);
        said.done();
        if !errors.is_empty() {
            return None;
        }
        pipeline.id = account.new_id(FIRST_PIPELINE);
        pipeline.statuses = all_stages(account, stages);
        settle_main(account, &pipeline);
        let answer = pipeline_model(&call.view(), &pipeline);
        account.pipelines.push(pipeline);
        Some(answer)
    })
}

fn read_pipeline(call: &Call, mut pipeline: LeadPipeline, said: &mut ObjectReader) -> LeadPipeline {
    if let Some(name) = said.name("name", call.switches.name_max) {
        pipeline.name = name.to_owned();
    }
    pipeline.sort = said.int("sort").unwrap_or(pipeline.sort);
    let is_main = said.bool("is_main");
    if pipeline.is_main && is_main == Some(false) {
        said.choice("is_main"); // One is always the main one. [inferred]
    }
    pipeline.is_main = is_main.unwrap_or(pipeline.is_main);
    pipeline.is_unsorted_on = said.bool("is_unsorted_on").unwrap_or(pipeline.is_unsorted_on);
    said.text("request_id", 0);
    pipeline
}

fn settle_main(account: &mut AccountState, pipeline: &LeadPipeline) {
    if pipeline.is_main {
        account.pipelines.iter_mut().for_each(|p| p.is_main = false);
    }
}

/// `_embedded.statuses`, where 142 and 143 may be given other names. [doc]
fn read_first_stages(call: &Call, item: &BatchItem, said: &mut ObjectReader) -> Vec<PipelineStage> {
    if said.any("_embedded").is_none() {
        return Vec::new();
    }
    let Some(mut embedded) = ObjectReader::of(&item.json["_embedded"], "_embedded", said.errors) else {
        return Vec::new();
    };
    let stages = embedded.each("statuses", |stage| {
        let id = stage.id("id");
        if id.is_some_and(|id| id != STATUS_WON && id != STATUS_LOST) {
            stage.choice("id");
        }
        stage.needs(&["name"]);
        let fresh =
            PipelineStage { id: id.unwrap_or(0), name: String::new(), sort: 0, color: COLORS[0].to_owned(), kind: 0 };
        Some(read_stage(call, fresh, stage))
    });
    embedded.done();
    stages.unwrap_or_default()
}

/// As the service makes them: the stage of unsorted leads first, won and lost last. [doc]
fn all_stages(account: &mut AccountState, said: Vec<PipelineStage>) -> Vec<PipelineStage> {
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
    for mut status in said {
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
    write_one(call, &batch, call.id(0), |account, item, errors| {
        let mut said = ObjectReader::of(item.json, "", errors)?;
        let id = item.own_id(&mut said);
        let Some(place) = account.pipelines.iter().position(|p| Some(p.id) == id) else {
            said.choice("id");
            return None;
        };
        let pipeline = read_pipeline(call, account.pipelines[place].clone(), &mut said);
        said.shown(call.switches, &["is_archive", "account_id", "_links", "_embedded"]);
        said.done();
        if !errors.is_empty() {
            return None;
        }
        settle_main(account, &pipeline);
        let answer = pipeline_model(&call.view(), &pipeline);
        account.pipelines[place] = pipeline;
        Some(answer)
    })
}

/// Leads inside keep it from going. [client live] The main one stays. [inferred]
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

fn has_leads(call: &Call, here: impl Fn(&LeadPosition) -> bool) -> bool {
    let mut leads = call.world.records(RecordTable::Leads).iter();
    leads.any(|(_, record)| serde_json::from_str(&record.json).is_ok_and(|stands| here(&stands)))
}

fn read_stage(call: &Call, mut status: PipelineStage, said: &mut ObjectReader) -> PipelineStage {
    if let Some(name) = said.name("name", call.switches.name_max) {
        status.name = name.to_owned();
    }
    status.sort = said.int("sort").unwrap_or(status.sort);
    // What it has may be sent back, whatever it is. [inferred]
    if said.any("color").is_some_and(|color| *color != status.color.as_str())
        && let Some(color) = said.word("color", &COLORS)
    {
        status.color = color.to_owned();
    }
    status
}

/// Stands before won and lost, wherever its `sort` puts it among the others. [doc]
fn place_stage(pipeline: &mut LeadPipeline, status: PipelineStage) {
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
    write_batch(call, &batch, |account, item, errors| {
        let mut said = ObjectReader::of(item.json, "", errors)?;
        said.needs(&["name", "sort"]);
        let count = account.pipeline(id).map_or(0, |p| p.statuses.len());
        if count >= STAGES_MAX {
            said.errors.too_many("", STAGES_MAX); // the code [inferred]
        }
        let fresh = PipelineStage { id: 0, name: String::new(), sort: 0, color: COLORS[0].to_owned(), kind: 0 };
        let mut status = read_stage(call, fresh, &mut said);
        said.text("request_id", 0);
        said.done();
        if !errors.is_empty() {
            return None;
        }
        status.id = account.new_id(FIRST_STAGE);
        let pipeline = account.pipelines.iter_mut().find(|p| p.id == id)?;
        let answer = status_model(&call.view(), pipeline, &status);
        place_stage(pipeline, status);
        Some(answer)
    })
}

pub fn update_stage(call: &Call) -> ApiResponse {
    let (id, stage) = (call.id(0), call.id(1));
    let batch = CollectionWrite { path: &stages_path(id), key: "statuses", is_new: false, counted: true };
    write_one(call, &batch, stage, |account, item, errors| change_stage(call, (id, stage), account, item, errors))
}

fn change_stage(
    call: &Call,
    (id, stage): (u64, u64),
    account: &mut AccountState,
    item: &BatchItem,
    errors: &mut ValidationErrors,
) -> Option<Value> {
    let mut said = ObjectReader::of(item.json, "", errors)?;
    said.id("id");
    let pipeline = account.pipelines.iter_mut().find(|p| p.id == id);
    let found = pipeline.and_then(|p| Some((p.status(stage).filter(|s| is_editable(s))?.clone(), p)));
    let Some((status, pipeline)) = found else {
        said.choice("id");
        return None;
    };
    let status = read_stage(call, status, &mut said);
    said.shown(call.switches, &["is_editable", "pipeline_id", "type", "account_id", "_links"]);
    said.text("request_id", 0);
    said.done();
    if !errors.is_empty() {
        return None;
    }
    let answer = status_model(&call.view(), pipeline, &status);
    place_stage(pipeline, status);
    Some(answer)
}

/// Not while leads stand there. [inferred] from pipelines
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
