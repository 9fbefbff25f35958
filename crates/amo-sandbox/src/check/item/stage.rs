//! Pipeline and stage of a lead: the one must belong to the other. [doc]

use serde::Deserialize;

use crate::account::Pipeline;
use crate::check::{Clean, Complaints, Mode, Rules, join};
use crate::world::Shelf;
use amo_model::STATUS_TYPE_UNSORTED;

/// Where a lead stands.
#[derive(Debug, Clone, Copy, Deserialize)]
struct Stands {
    pipeline_id: u64,
    status_id: u64,
}

pub fn check(rules: &Rules, mode: Mode, path: &str, clean: &mut Clean, complaints: &mut Complaints) {
    let said = |key: &str, clean: &Clean| clean.set.get(key).and_then(|v| v.as_i64()).map(|n| n.max(0) as u64);
    let (pipeline, status) = (said("pipeline_id", clean), said("status_id", clean));
    let now = match mode {
        Mode::Update(_) => stands(rules, clean.id),
        Mode::Create | Mode::Complex | Mode::Inner => None,
    };
    if now.is_some() && pipeline.is_none() && status.is_none() {
        return;
    }
    let Some(home) = home(rules, pipeline, status, clean, now) else {
        let wrong = if pipeline.is_some() { "pipeline_id" } else { "status_id" };
        return complaints.choice(join(path, wrong));
    };
    // Whatever status an unsorted lead comes with is ignored. [seed]
    if clean.metadata.is_some() {
        clean.stage = Some((home.id, home.unsorted_status().unwrap_or_else(|| home.first_status())));
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
        Some(found) if found.kind != STATUS_TYPE_UNSORTED => clean.stage = Some((home.id, status)),
        Some(_) if now.is_some_and(|n| n.status_id == status) => clean.stage = Some((home.id, status)),
        Some(_) | None => complaints.choice(join(path, "status_id")),
    }
}

fn stands(rules: &Rules, id: u64) -> Option<Stands> {
    let record = rules.world.records(Shelf::Leads).get(id)?;
    serde_json::from_str(&record.json).ok()
}

/// The pipeline meant: the one named, the one the lead is in if it has that stage, the one that has the stage, that of
/// the source [seed], the main one [seed].
fn home<'a>(
    rules: &'a Rules,
    pipeline: Option<u64>,
    status: Option<u64>,
    clean: &Clean,
    now: Option<Stands>,
) -> Option<&'a Pipeline> {
    let account = rules.account();
    if let Some(id) = pipeline {
        return account.pipeline(id);
    }
    if let Some(status) = status.filter(|_| clean.metadata.is_none()) {
        let current = now.and_then(|n| account.pipeline(n.pipeline_id)).filter(|p| p.status(status).is_some());
        return current.or_else(|| account.pipeline_of_status(status));
    }
    let of_source = account.sources.iter().find(|s| Some(s.id) == clean.source_id);
    of_source.and_then(|s| account.pipeline(s.pipeline_id)).or_else(|| account.main_pipeline())
}
