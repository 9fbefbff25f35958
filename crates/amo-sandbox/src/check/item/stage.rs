//! Pipeline and stage of a lead: the stage must belong to the pipeline. [doc]

use super::ItemCheck;
use crate::account::LeadPipeline;
use crate::check::{JsonNode, WriteMode};
use crate::world::{LeadPosition, RecordTable};
use amo_model::STATUS_TYPE_UNSORTED;

impl<'a> ItemCheck<'a> {
    pub(super) fn check_stage(&mut self, node: &mut JsonNode) {
        let (pipeline, status) = (self.accepted_id("pipeline_id"), self.accepted_id("status_id"));
        let current = match self.mode {
            WriteMode::Update(_) => self.current_position(),
            WriteMode::Create | WriteMode::Complex | WriteMode::Inner => None,
        };
        if current.is_some() && pipeline.is_none() && status.is_none() {
            return;
        }
        let invalid = |node: &mut JsonNode, key: &str| {
            let path = node.key_path(key);
            node.errors.invalid_choice(path);
        };
        let Some(target) = self.target_pipeline(pipeline, status, current) else {
            return invalid(node, if pipeline.is_some() { "pipeline_id" } else { "status_id" });
        };
        // An unsorted lead gets the stage of unsorted leads, whatever `status_id` it has. [seed]
        if self.accepted.metadata.is_some() {
            self.accepted.stage = Some((target.id, target.unsorted_status().unwrap_or_else(|| target.first_status())));
            return;
        }
        let status = match (status, current) {
            (Some(status), _) => status,
            // With a pipeline alone the lead keeps its stage where the pipeline has it, else gets the first. [inferred]
            (None, Some(current)) if target.status(current.status_id).is_some() => current.status_id,
            (None, _) => target.first_status(),
        };
        match target.status(status) {
            // A write cannot name the stage of unsorted leads. [client]
            Some(found) if found.kind != STATUS_TYPE_UNSORTED => self.accepted.stage = Some((target.id, status)),
            Some(_) if current.is_some_and(|c| c.status_id == status) => {
                self.accepted.stage = Some((target.id, status));
            }
            Some(_) | None => invalid(node, "status_id"),
        }
    }

    fn accepted_id(&self, key: &str) -> Option<u64> {
        self.accepted.set.get(key).and_then(|v| v.as_i64()).map(|n| n.max(0) as u64)
    }

    fn current_position(&self) -> Option<LeadPosition> {
        let record = self.context.world.records(RecordTable::Leads).get(self.accepted.id)?;
        serde_json::from_str(&record.json).ok()
    }

    /// The named pipeline, else the lead's own if it has that stage, else one that has it, else the pipeline of the
    /// source [seed], else the main one. [seed]
    fn target_pipeline(
        &self,
        pipeline: Option<u64>,
        status: Option<u64>,
        current: Option<LeadPosition>,
    ) -> Option<&'a LeadPipeline> {
        let account = &self.context.world.account;
        if let Some(id) = pipeline {
            return account.pipeline(id);
        }
        if let Some(status) = status.filter(|_| self.accepted.metadata.is_none()) {
            let own = current.and_then(|c| account.pipeline(c.pipeline_id)).filter(|p| p.status(status).is_some());
            return own.or_else(|| account.pipeline_of_status(status));
        }
        let source = account.sources.iter().find(|s| Some(s.id) == self.accepted.source_id);
        source.and_then(|s| account.pipeline(s.pipeline_id)).or_else(|| account.main_pipeline())
    }
}
