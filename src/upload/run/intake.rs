//! Records on their way from the reading side to the queue: known keys are looked up, updates are compared with the account,
//! rows that are not sent get their outcome.

use crate::store::{KnownKey, LinkOutcomes, Links, Outcome, Status, StoreError, lock_journal};
use crate::upload::doubt::look::{NewItems, reads_before_update};
use crate::upload::feed::known::{held_back, made_id};
use crate::upload::feed::{FeedItem, QueuedRecord};
use crate::upload::present::{PageEnd, PresentRecord};
use crate::upload::run::{LOCAL_MAX, SourceFeed, Uploader};
use crate::upload::send::Load;
use crate::upload::settle::{self, unprocessed};
use crate::upload::verdict::stop_of;
use crate::upload::{End, UploadEvent, links, verify};
use amo_client::RecordState;
use amo_model::{Action, IDS_MAX};
use sheet_source::message;
use sheet_source::problem::{Problem, Stage};
use std::sync::Arc;

impl Uploader<'_> {
    pub(super) fn take_chunk(&mut self, chunk: Vec<FeedItem>, reading: &mut SourceFeed) -> Result<(), StoreError> {
        let mut links = Vec::new();
        self.expected = self.expected.map(|expected| expected.saturating_sub(chunk.len() as u64));
        for item in chunk {
            match item {
                FeedItem::Record(queued) => match (self.known_key(&queued)?, &mut self.new_items) {
                    (None, _) if reads_before_update(&self.shared.plan) => self.lookups.push(queued),
                    (None, Some(new_items)) => new_items.push(queued),
                    (None, None) => self.pending.push(queued),
                    (Some(known), _) => self.known.push((queued, known)),
                },
                FeedItem::Local(outcome) => {
                    self.rejected += u64::from(outcome.status == Status::Rejected);
                    self.report_rejected(std::slice::from_ref(&outcome));
                    self.local.push(outcome);
                }
                FeedItem::Known(queued) => self.take_known(queued, &mut links),
                FeedItem::Unmapped(outcome) => self.take_unmapped(outcome)?,
                FeedItem::End(summary) => {
                    reading.rows = Some(summary.rows);
                    reading.notes = summary.notes;
                }
                FeedItem::Broken(problem) => {
                    reading.rows = Some(0);
                    reading.broken = Some(problem);
                }
            }
        }
        if self.new_items.as_ref().is_some_and(NewItems::is_full) || reading.rows.is_some() {
            self.match_new_items()?;
        }
        if !links.is_empty() {
            lock_journal(&self.shared.journal).keep_links(&links)?;
        }
        if self.local.len() >= LOCAL_MAX {
            self.write_local()?;
        }
        self.check_budget();
        Ok(())
    }

    /// Takes a record that an earlier stretch of the run has sent, mapped again.
    fn take_known(&mut self, queued: QueuedRecord, links: &mut Vec<(u32, Vec<String>)>) {
        let row = queued.record.row;
        if self.links_unknown.contains(&row) {
            let stored = links::stored_links(&self.shared.plan, &queued);
            links.extend((!stored.is_empty()).then_some((row, stored)));
        }
        self.sample.offer_known(queued);
    }

    /// Takes a record that an earlier stretch has sent and that is not mapped any more, for instance since its key is no longer
    /// known. Its links cannot be made, and the report says so.
    fn take_unmapped(&mut self, outcome: Outcome) -> Result<(), StoreError> {
        if self.shared.plan.action == Action::Delete {
            self.sample.offer_known(verify::unmapped_record(outcome.row));
        }
        if !self.links_unknown.contains(&outcome.row) || outcome.status != Status::Rejected {
            return Ok(());
        }
        let not_linked = |problem: Problem| Problem {
            stage: Stage::Send,
            code: "not-linked".into(),
            message: message!("the record exists but could not be linked: {why}", why = problem.message),
            ..problem
        };
        let problems = outcome.problems.into_iter().map(not_linked).collect();
        let links = Links { made: 0, refused: 1 };
        lock_journal(&self.shared.journal).cannot_link(&LinkOutcomes { row: outcome.row, links, problems })
    }

    /// What another run has done with the record's key in this account: creating it again would make a duplicate.
    pub(super) fn known_key(&self, queued: &QueuedRecord) -> Result<Option<KnownKey>, StoreError> {
        match &queued.record.key {
            Some(key) if self.shared.plan.action == Action::Create => lock_journal(&self.shared.journal).known_key(key),
            Some(_) | None => Ok(None),
        }
    }

    pub(super) fn write_local(&mut self) -> Result<(), StoreError> {
        let local = std::mem::take(&mut self.local);
        let counts = {
            let mut journal = lock_journal(&self.shared.journal);
            journal.local(&local)?;
            journal.counts()
        };
        (self.observe)(UploadEvent::Counts(counts));
        Ok(())
    }

    pub(super) fn report_rejected(&mut self, outcomes: &[Outcome]) {
        for outcome in outcomes.iter().filter(|outcome| outcome.status == Status::Rejected) {
            for problem in &outcome.problems {
                (self.observe)(UploadEvent::Rejected(Box::new(problem.clone())));
            }
        }
    }

    pub(super) fn check_budget(&mut self) {
        let over = self.options.max_errors.is_some_and(|budget| budget.exceeded(self.rejected));
        if over {
            self.finish_with(End::Budget);
        }
    }

    /// True where enough known keys wait to be looked up at once, or no more will come.
    pub(super) fn may_look_up(&self, all_read: bool) -> bool {
        self.known.len() >= IDS_MAX || (all_read && !self.known.is_empty())
    }

    /// Holds back records with known keys, with what the account shows of them; deleted ones are queued where that is wanted.
    pub(super) async fn settle_known(&mut self) -> Result<(), StoreError> {
        let known = std::mem::take(&mut self.known);
        let made: Vec<(u64, i64)> = known.iter().filter_map(|(_, known)| made_id(known)).collect();
        let now = self.options.clock.unix_ms() / 1000;
        let standing = self.lookup.standing(&self.shared.client, &self.shared.plan, &made, now).await;
        let mut to_recreate = Vec::new();
        for (queued, known) in known {
            let id = made_id(&known).map(|(id, _)| id);
            let standing = id.and_then(|id| standing.get(&id)).copied();
            match (standing, id) {
                (Some(RecordState::NotFound), Some(id)) if self.options.remake_deleted => {
                    to_recreate.push((queued, id))
                }
                _ => self.hold_back(&queued, &known, standing),
            }
        }
        if !to_recreate.is_empty() {
            let deleted = to_recreate.iter().filter_map(|(queued, id)| Some((queued.record.key.as_deref()?, *id)));
            lock_journal(&self.shared.journal).forget_keys(deleted)?;
            to_recreate.into_iter().for_each(|(queued, _)| self.pending.push(queued));
        }
        self.check_budget();
        Ok(())
    }

    /// Holds back records with known keys without looking them up.
    pub(super) fn hold_back_known(&mut self) {
        for (queued, known) in std::mem::take(&mut self.known) {
            self.hold_back(&queued, &known, None);
        }
    }

    fn hold_back(&mut self, queued: &QueuedRecord, known: &KnownKey, standing: Option<RecordState>) {
        self.rejected += 1;
        let outcome = held_back(&self.shared.plan, queued, known, standing);
        self.report_rejected(std::slice::from_ref(&outcome));
        self.local.push(outcome);
    }

    /// Takes a page of records that were read before their update.
    pub(super) fn take_page(&mut self, page: PageEnd) -> Result<(), StoreError> {
        self.lookups.page_ended();
        let records = match page {
            PageEnd::Stopped(records) => {
                self.lookups.put_back(records);
                return Ok(());
            }
            PageEnd::Failed(records, failure) => {
                self.lookups.put_back(records);
                self.finish_with(End::Service(stop_of(failure)));
                return Ok(());
            }
            PageEnd::Read(records) => records,
        };
        let plan = Arc::clone(&self.shared.plan);
        for record in records {
            match record {
                PresentRecord::Differs(queued) => self.pending.push(queued),
                PresentRecord::Same(queued) => {
                    self.replaced.add(&queued);
                    // An earlier stretch of the run has sent it without seeing an answer, and has changed it.
                    let sent = self.repeated.contains(&queued.record.row);
                    let status = if sent { Status::Updated } else { Status::Unchanged };
                    self.local.push(settle::already_as_wanted(&queued, status));
                }
                PresentRecord::Absent(queued) => {
                    let outcome = settle::not_visible(&plan, &queued);
                    self.rejected += 1;
                    self.report_rejected(std::slice::from_ref(&outcome));
                    self.local.push(outcome);
                }
            }
        }
        self.write_local()?;
        self.check_budget();
        Ok(())
    }

    /// Makes records that were read and not sent unprocessed, and reads the rest of the source, so that every row has an
    /// outcome.
    pub(super) async fn drain_unsent(&mut self, reading: &mut SourceFeed) -> Result<(), StoreError> {
        for batch in std::mem::take(&mut self.retry_queue) {
            if let Load::Records(records) = batch.load {
                self.local.extend(records.iter().map(unprocessed));
            }
        }
        self.hold_back_known();
        let unmatched = self.new_items.take().map(|mut items| items.drain()).unwrap_or_default();
        let left: Vec<QueuedRecord> =
            self.pending.drain().into_iter().chain(self.lookups.drain()).chain(unmatched).collect();
        self.local.extend(left.iter().map(unprocessed));
        while reading.rows.is_none() {
            let Some(chunk) = reading.feed.recv().await else { break };
            for item in chunk {
                match item {
                    FeedItem::Record(queued) => self.local.push(unprocessed(&queued)),
                    FeedItem::Local(outcome) => {
                        self.report_rejected(std::slice::from_ref(&outcome));
                        self.local.push(outcome);
                    }
                    // These have outcomes from before.
                    FeedItem::Known(_) | FeedItem::Unmapped(_) => {}
                    FeedItem::End(summary) => {
                        reading.rows = Some(summary.rows);
                        reading.notes = summary.notes;
                    }
                    FeedItem::Broken(_) => reading.rows = Some(0),
                }
            }
            if self.local.len() >= LOCAL_MAX {
                self.write_local()?;
            }
        }
        self.write_local()
    }
}
