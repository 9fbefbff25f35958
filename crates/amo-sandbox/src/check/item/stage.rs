//! Pipeline and stage of a lead: the one must belong to the other. [doc]

use crate::account::LeadPipeline;
use crate::check::{CheckContext, CheckedItem, ValidationErrors, WriteMode, join};
use crate::world::{LeadPosition, RecordTable};
use amo_model::STATUS_TYPE_UNSORTED;

pub fn check(
    context: &CheckContext,
    mode: WriteMode,
    path: &str,
    accepted: &mut CheckedItem,
    errors: &mut ValidationErrors,
) {
    let said =
        |key: &str, accepted: &CheckedItem| accepted.set.get(key).and_then(|v| v.as_i64()).map(|n| n.max(0) as u64);
    let (pipeline, status) = (said("pipeline_id", accepted), said("status_id", accepted));
    let now = match mode {
        WriteMode::Update(_) => stands(context, accepted.id),
        WriteMode::Create | WriteMode::Complex | WriteMode::Inner => None,
    };
    if now.is_some() && pipeline.is_none() && status.is_none() {
        return;
    }
    let Some(home) = home(context, pipeline, status, accepted, now) else {
        let wrong = if pipeline.is_some() { "pipeline_id" } else { "status_id" };
        return errors.choice(join(path, wrong));
    };
    // Whatever status an unsorted lead comes with is ignored. [seed]
    if accepted.metadata.is_some() {
        accepted.stage = Some((home.id, home.unsorted_status().unwrap_or_else(|| home.first_status())));
        return;
    }
    let status = match (status, now) {
        (Some(status), _) => status,
        // A pipeline alone: the lead keeps its stage where the pipeline has it, else starts anew. [inferred]
        (None, Some(now)) if home.status(now.status_id).is_some() => now.status_id,
        (None, _) => home.first_status(),
    };
    match home.status(status) {
        // The stage of unsorted leads cannot be asked for. [client]
        Some(found) if found.kind != STATUS_TYPE_UNSORTED => accepted.stage = Some((home.id, status)),
        Some(_) if now.is_some_and(|n| n.status_id == status) => accepted.stage = Some((home.id, status)),
        Some(_) | None => errors.choice(join(path, "status_id")),
    }
}

fn stands(context: &CheckContext, id: u64) -> Option<LeadPosition> {
    let record = context.world.records(RecordTable::Leads).get(id)?;
    serde_json::from_str(&record.json).ok()
}

/// The pipeline meant: the one named, the one the lead is in if it has that stage, the one that has the stage, that of
/// the source [seed], the main one [seed].
fn home<'a>(
    context: &'a CheckContext,
    pipeline: Option<u64>,
    status: Option<u64>,
    accepted: &CheckedItem,
    now: Option<LeadPosition>,
) -> Option<&'a LeadPipeline> {
    let account = context.account();
    if let Some(id) = pipeline {
        return account.pipeline(id);
    }
    if let Some(status) = status.filter(|_| accepted.metadata.is_none()) {
        let current = now.and_then(|n| account.pipeline(n.pipeline_id)).filter(|p| p.status(status).is_some());
        return current.or_else(|| account.pipeline_of_status(status));
    }
    let of_source = account.sources.iter().find(|s| Some(s.id) == accepted.source_id);
    of_source.and_then(|s| account.pipeline(s.pipeline_id)).or_else(|| account.main_pipeline())
}
