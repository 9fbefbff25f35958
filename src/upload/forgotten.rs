//! A store that went back in time may have sent what it does not know of. Before anything goes out, what the account has got
//! since is read once, and each record is held against it: what is there is done, what may be there is told and not sent.

use super::feed::QueuedRecord;
use super::look;
use super::reconcile::{Finding, InDoubt, PriorKnowledge, match_records};
use super::run::{End, Uploader, lock};
use super::settle::{self, Answered};
use super::verdict::stop_of;
use super::verify;
use crate::mapping::Record;
use crate::store::{Outcome, StoreError};
use amo_client::{Failure, List};
use amo_model::answer::{WrittenItem, written_item};
use amo_model::compare::Marker;
use amo_model::parts::id;
use amo_model::{Action, Entity, IDS_MAX};
use serde_json::Value;
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// What the account has got since the store knew all, and the records that have not been held against it yet.
#[derive(Debug)]
pub(super) struct Since {
    held: BTreeMap<u64, Value>,
    /// What people have deleted since.
    trashed: Vec<Value>,
    waiting: Vec<QueuedRecord>,
}

impl Since {
    /// No more rows are wanted before those that wait were looked at.
    pub fn is_full(&self) -> bool {
        self.waiting.len() >= IDS_MAX
    }

    pub fn push(&mut self, loaded: QueuedRecord) {
        self.waiting.push(loaded);
    }

    pub fn drain(&mut self) -> Vec<QueuedRecord> {
        std::mem::take(&mut self.waiting)
    }
}

const WHY: &str = "the store may have forgotten that it sent the record";

impl Uploader<'_> {
    /// Reads what there is above the id up to which the store is sure.
    pub(super) async fn read_since(&mut self, stop: &CancellationToken) -> Result<(), StoreError> {
        let Some(from) = self.options.look_from.filter(|_| self.shared.plan.action == Action::Create) else {
            return Ok(());
        };
        let known = lock(&self.shared.journal).known_ids(from)?;
        let read = tokio::select! {
            biased;
            () = stop.cancelled() => Err(End::Interrupted),
            read = self.since(from, &known) => read.map_err(|failure| End::Service(stop_of(failure))),
        };
        match read {
            Ok((held, trashed)) => self.since = Some(Since { held, trashed, waiting: Vec::new() }),
            Err(end) => self.finish_with(end),
        }
        Ok(())
    }

    async fn since(&self, from: u64, known: &HashSet<u64>) -> Result<(BTreeMap<u64, Value>, Vec<Value>), Failure> {
        let (client, plan) = (&self.shared.client, &self.shared.plan);
        let list = List::of(plan.kind.spec().entity, plan.catalog);
        let mut held = client.records_above(&list, from, &amo_model::MAY_SORT).await?;
        held.retain(|item| id(&item["id"]).is_some_and(|id| !known.contains(&id)));
        let part = |item: &Value, _: Entity, key: &str| look::first_part(item, key);
        look::put_parts_in(client, plan, &mut held, part).await?;
        let entity = plan.kind.spec().entity;
        let trashed = match entity.spec().trash {
            true => client.trashed_above(entity, from).await.unwrap_or_default(),
            false => Vec::new(),
        };
        Ok((held.into_iter().filter_map(|item| Some((id(&item["id"])?, item))).collect(), trashed))
    }

    /// Holds the records that wait against what the account has got. Those that nothing there can be have their turn.
    pub(super) fn look_for_forgotten(&mut self) -> Result<(), StoreError> {
        let Some(since) = &mut self.since else { return Ok(()) };
        let records = since.drain();
        if records.is_empty() {
            return Ok(());
        }
        let plan = Arc::clone(&self.shared.plan);
        let none = HashSet::new();
        // A mark that is no key is the run's and the row's: what another run has made of the row carries another.
        let marker = plan.marker.filter(|_| !plan.key.is_empty());
        let unmarked: Vec<QueuedRecord> = match (plan.marker, marker) {
            (Some(mark), None) => records.iter().map(|loaded| without(loaded, mark)).collect(),
            _ => records.clone(),
        };
        // Strangers' records are no reason to hold a row back.
        let in_doubt: Vec<InDoubt<'_>> =
            unmarked.iter().map(|loaded| InDoubt { refused: true, ..InDoubt::fresh(loaded) }).collect();
        let known = PriorKnowledge { marker, ..PriorKnowledge::nothing(&none) };
        let held: Vec<&Value> = since.held.values().collect();
        let found = match_records(&in_doubt, &held, known);
        let trashed = match_records(&in_doubt, &since.trashed.iter().collect::<Vec<_>>(), known);
        let answered = Answered { http_status: None, attempts: 0 };
        let mut outcomes: Vec<Outcome> = Vec::new();
        for ((loaded, found), (trashed, sent)) in records.into_iter().zip(found).zip(trashed.into_iter().zip(&unmarked))
        {
            match found {
                Finding::Missing if !self.sees_all => {
                    let why = format!("{WHY}, and the token is not an administrator's, who alone is shown all records");
                    outcomes.push(settle::unclear(&plan, &loaded, (&why, &[]), answered));
                }
                Finding::Missing => {
                    if let Finding::There { id, .. } = trashed {
                        self.deleted.insert(loaded.record.row, id);
                    }
                    self.open.push(loaded);
                }
                Finding::Unclear(ids) => outcomes.push(settle::unclear(&plan, &loaded, (WHY, &ids), answered)),
                Finding::There { id, contact_id, company_id } => {
                    let Some(held) = since.held.remove(&id) else { continue };
                    let Some(item) = written_item(&held) else { continue };
                    let item = WrittenItem { request_ids: Vec::new(), contact_id, company_id, merged: false, ..item };
                    let mut outcome = settle::found(&plan, &loaded, &item, answered);
                    outcome.problems.extend(verify::differences(&plan, sent, &held));
                    outcomes.push(outcome);
                    // Read back it is held against what it may be: the mark is that of the run that made it.
                    self.sample.offer(sent.clone());
                }
            }
        }
        lock(&self.shared.journal).found_again(&outcomes)
    }
}

/// A record as it would be without its mark.
fn without(loaded: &QueuedRecord, mark: Marker) -> QueuedRecord {
    let mut item: Value = serde_json::from_slice(&loaded.record.body).unwrap_or_default();
    match (mark, &mut item) {
        (Marker::Key(key), Value::Object(item)) => {
            item.remove(key);
        }
        (Marker::Field(field), item) => {
            if let Some(Value::Array(fields)) = item.get_mut("custom_fields_values") {
                fields.retain(|one| id(&one["field_id"]) != Some(field));
            }
        }
        (Marker::Key(_), _) => {}
    }
    let record = Record { body: item.to_string().into_bytes(), ..loaded.record.clone() };
    QueuedRecord { record, ..loaded.clone() }
}
