//! A store that was restored from a backup does not know all that was sent. Before anything is sent, what the account has got
//! since is read once, and each record is matched with it: a record that is there is done, one that may be there is reported
//! and not sent.

use crate::mapping::Record;
use crate::store::{Outcome, StoreError, lock_journal};
use crate::upload::End;
use crate::upload::doubt::look::{self, NewItems};
use crate::upload::doubt::reconcile::{Finding, InDoubt, PriorKnowledge, match_records};
use crate::upload::feed::QueuedRecord;
use crate::upload::run::Uploader;
use crate::upload::settle::{self, Answered};
use crate::upload::verdict::stop_of;
use crate::upload::verify;
use amo_client::{Failure, List};
use amo_model::answer::{WrittenItem, written_item};
use amo_model::compare::Marker;
use amo_model::parts::id;
use amo_model::{Action, Entity};
use serde_json::Value;
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

const WHY: &str = "the store may have forgotten that it sent the record";

impl Uploader<'_> {
    /// Reads what the account has above the id up to which the store is complete.
    pub(crate) async fn read_new_items(&mut self, stop: &CancellationToken) -> Result<(), StoreError> {
        let Some(from) = self.options.look_from.filter(|_| self.shared.plan.action == Action::Create) else {
            return Ok(());
        };
        let known = lock_journal(&self.shared.journal).known_ids(from)?;
        let read = tokio::select! {
            biased;
            () = stop.cancelled() => Err(End::Interrupted),
            read = self.fetch_new_items(from, &known) => read.map_err(|failure| End::Service(stop_of(failure))),
        };
        match read {
            Ok((held, trashed)) => self.new_items = Some(NewItems { held, trashed, waiting: Vec::new() }),
            Err(end) => self.finish_with(end),
        }
        Ok(())
    }

    async fn fetch_new_items(
        &self,
        from: u64,
        known: &HashSet<u64>,
    ) -> Result<(BTreeMap<u64, Value>, Vec<Value>), Failure> {
        let (client, plan) = (&self.shared.client, &self.shared.plan);
        let mut held =
            client.records_above(&List::of(plan.kind.spec().entity, plan.catalog), from, &amo_model::MAY_SORT).await?;
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

    /// Matches the waiting records with what the account has got. Records that are not there are queued.
    pub(crate) fn match_new_items(&mut self) -> Result<(), StoreError> {
        let Some(new_items) = &mut self.new_items else { return Ok(()) };
        let records = new_items.drain();
        if records.is_empty() {
            return Ok(());
        }
        let plan = Arc::clone(&self.shared.plan);
        let none = HashSet::new();
        // A mark that is not a key belongs to the run and the row: another run gave the row another mark.
        let marker = plan.marker.filter(|_| !plan.key.is_empty());
        let unmarked: Vec<QueuedRecord> = match (plan.marker, marker) {
            (Some(mark), None) => records.iter().map(|queued| without_mark(queued, mark)).collect(),
            _ => records.clone(),
        };
        // Records of other users are no reason to hold a row back.
        let in_doubt: Vec<InDoubt<'_>> =
            unmarked.iter().map(|queued| InDoubt { refused: true, ..InDoubt::fresh(queued) }).collect();
        let known = PriorKnowledge { marker, ..PriorKnowledge::nothing(&none) };
        let held: Vec<&Value> = new_items.held.values().collect();
        let found = match_records(&in_doubt, &held, known);
        let trashed = match_records(&in_doubt, &new_items.trashed.iter().collect::<Vec<_>>(), known);
        let answered = Answered { http_status: None, attempts: 0 };
        let mut outcomes: Vec<Outcome> = Vec::new();
        for ((queued, found), (trashed, sent)) in records.into_iter().zip(found).zip(trashed.into_iter().zip(&unmarked))
        {
            match found {
                Finding::Missing if !self.sees_all => {
                    let why = format!("{WHY}, and the token is not an administrator's, and only these see all records");
                    outcomes.push(settle::unclear(&plan, &queued, (&why, &[]), answered));
                }
                Finding::Missing => {
                    if let Finding::Found { id, .. } = trashed {
                        self.deleted.insert(queued.record.row, id);
                    }
                    self.pending.push(queued);
                }
                Finding::Unclear(ids) => outcomes.push(settle::unclear(&plan, &queued, (WHY, &ids), answered)),
                Finding::Found { id, contact_id, company_id } => {
                    let Some(held) = new_items.held.remove(&id) else { continue };
                    let Some(item) = written_item(&held) else { continue };
                    let item = WrittenItem { request_ids: Vec::new(), contact_id, company_id, merged: false, ..item };
                    let mut outcome = settle::found(&plan, &queued, &item, answered);
                    outcome.problems.extend(verify::differences(&plan, sent, &held));
                    outcomes.push(outcome);
                    // It is read back without the mark, which is that of the run that created it.
                    self.sample.offer(sent.clone());
                }
            }
        }
        lock_journal(&self.shared.journal).found_again(&outcomes)
    }
}

/// A record without its mark.
fn without_mark(queued: &QueuedRecord, mark: Marker) -> QueuedRecord {
    let mut item: Value = serde_json::from_slice(&queued.record.body).unwrap_or_default();
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
    let record = Record { body: item.to_string().into_bytes(), ..queued.record.clone() };
    QueuedRecord { record, ..queued.clone() }
}
