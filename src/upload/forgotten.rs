//! A store that went back in time may have sent what it does not know of. Before anything goes out, what the account has got
//! since is read once, and each record is held against it: what is there is done, what may be there is told and not sent.

use super::feed::Loaded;
use super::look;
use super::reconcile::{Found, InDoubt, Known, match_records};
use super::run::{End, Uploader, lock};
use super::settle::{self, Answered};
use super::verdict::stop_of;
use crate::api::Failure;
use crate::entity::answer::{WrittenItem, written_item};
use crate::entity::parts::id;
use crate::entity::{Action, Entity, IDS_MAX};
use crate::store::{Outcome, StoreError};
use serde_json::Value;
use std::collections::{BTreeMap, HashSet};
use tokio_util::sync::CancellationToken;

/// What the account has got since the store knew all, and the records that have not been held against it yet.
#[derive(Debug)]
pub(super) struct Since {
    held: BTreeMap<u64, Value>,
    waiting: Vec<Loaded>,
}

impl Since {
    /// No more rows are wanted before those that wait were looked at.
    pub fn is_full(&self) -> bool {
        self.waiting.len() >= IDS_MAX
    }

    pub fn push(&mut self, loaded: Loaded) {
        self.waiting.push(loaded);
    }

    pub fn drain(&mut self) -> Vec<Loaded> {
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
            Ok(held) => self.since = Some(Since { held, waiting: Vec::new() }),
            Err(end) => self.finish_with(end),
        }
        Ok(())
    }

    async fn since(&self, from: u64, known: &HashSet<u64>) -> Result<BTreeMap<u64, Value>, Failure> {
        let (client, plan) = (&self.shared.client, &self.shared.plan);
        let mut held = client.above(plan.kind.spec().entity, plan.catalog, from, &crate::entity::MAY_SORT).await?;
        held.retain(|item| id(&item["id"]).is_some_and(|id| !known.contains(&id)));
        let part = |item: &Value, _: Entity, key: &str| look::first_part(item, key);
        look::put_parts_in(client, plan, &mut held, part).await?;
        Ok(held.into_iter().filter_map(|item| Some((id(&item["id"])?, item))).collect())
    }

    /// Holds the records that wait against what the account has got. Those that nothing there can be have their turn.
    pub(super) fn look_for_forgotten(&mut self) -> Result<(), StoreError> {
        let Some(since) = &mut self.since else { return Ok(()) };
        let records = since.drain();
        if records.is_empty() {
            return Ok(());
        }
        let plan = &self.shared.plan;
        let none = HashSet::new();
        // Strangers' records are no reason to hold a row back.
        let in_doubt: Vec<InDoubt<'_>> =
            records.iter().map(|loaded| InDoubt { refused: true, ..InDoubt::fresh(loaded) }).collect();
        let held: Vec<&Value> = since.held.values().collect();
        let known = Known { marker: plan.marker, user: plan.account.basics.current_user, ..Known::nothing(&none) };
        let found = match_records(&in_doubt, &held, known);
        let answered = Answered { http_status: None, attempts: 0 };
        let mut outcomes: Vec<Outcome> = Vec::new();
        for (loaded, found) in records.into_iter().zip(found) {
            match found {
                Found::Missing => self.open.push(loaded),
                Found::Unclear(ids) => outcomes.push(settle::unclear(plan, &loaded, (WHY, &ids), answered)),
                Found::There { id, contact_id, company_id } => {
                    let Some(item) = since.held.remove(&id).as_ref().and_then(written_item) else { continue };
                    let item = WrittenItem { request_ids: Vec::new(), contact_id, company_id, merged: false, ..item };
                    outcomes.push(settle::found(plan, &loaded, &item, answered));
                    self.sample.offer(loaded);
                }
            }
        }
        lock(&self.shared.journal).found_again(&outcomes)
    }
}
