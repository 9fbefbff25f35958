//! What the end of a request changes in the loop: outcomes in the journal, batches to retry, doubts, the end of the run.

use crate::store::{BatchNo, BatchOf, Outcome, Status, StoreError, lock_journal};
use crate::upload::batch::Probe;
use crate::upload::doubt::{Cause, Doubt};
use crate::upload::feed::QueuedRecord;
use crate::upload::links::{self, LinkItem, LinkRefusal};
use crate::upload::run::Uploader;
use crate::upload::send::{Batch, Load};
use crate::upload::settle::{self, Answered};
use crate::upload::verdict::{Stop, Verdict, verdict};
use crate::upload::{End, UploadEvent};
use amo_client::{Failure, Reply};
use amo_model::Action;
use amo_model::answer::{ItemErrors, WrittenItem, WrittenLink};
use std::sync::Arc;
use std::time::Duration;

impl Uploader<'_> {
    pub(super) fn on_response(
        &mut self,
        batch: Batch,
        end: Option<(Result<Reply, Failure>, Duration)>,
    ) -> Result<(), StoreError> {
        if let Some(parent) = batch.parent() {
            self.parents.remove(&parent);
        }
        let Some((end, took)) = end else {
            let Some(batch) = self.without_known(batch)? else { return Ok(()) };
            // It is sent first once the doubt is settled, or left unprocessed; a batch of a parent before others of that
            // parent.
            match batch.parent() {
                Some(_) => self.retry_queue.push_front(batch),
                None => self.retry_queue.push_back(batch),
            }
            return Ok(());
        };
        let status = match &end {
            Ok(reply) => Some(reply.status),
            Err(failure) => failure.status(),
        };
        (self.observe)(UploadEvent::Answered {
            batch: batch.no,
            of: batch.load.of(),
            records: batch.load.len(),
            attempt: batch.tries,
            status,
            ms: took.as_millis() as u64,
        });
        let plan = Arc::clone(&self.shared.plan);
        let verdict = verdict(&end, batch.request_kind(&plan), batch.attempts());
        self.adapt(&verdict, &batch, took);
        let of = batch.load.of();
        self.settle(batch, verdict, status)?;
        if of == BatchOf::Links {
            return Ok(());
        }
        let counts = lock_journal(&self.shared.journal).counts();
        self.rejected = counts.rejected + self.local.iter().filter(|o| o.status == Status::Rejected).count() as u64;
        (self.observe)(UploadEvent::Counts(counts));
        self.check_budget();
        Ok(())
    }

    /// A batch that was not sent, without the records whose keys other runs have sent while it waited.
    fn without_known(&mut self, batch: Batch) -> Result<Option<Batch>, StoreError> {
        let Load::Records(all) = batch.load else { return Ok(Some(batch)) };
        let mut records = Vec::with_capacity(all.len());
        for queued in all {
            match self.known_key(&queued)? {
                None => records.push(queued),
                Some(known) => self.known.push((queued, known)),
            }
        }
        self.check_budget();
        Ok((!records.is_empty()).then_some(Batch { load: Load::Records(records), ..batch }))
    }

    /// Adapts the batch size, and the count of settlings, to an answer.
    fn adapt(&mut self, verdict: &Verdict, batch: &Batch, took: Duration) {
        let Load::Records(records) = &batch.load else { return };
        if !matches!(verdict, Verdict::Done(_)) {
            self.probe = Probe::Over;
        }
        match verdict {
            Verdict::Done(_) => {
                self.settlings = 0;
                let read = self.shared.client.quickest_read().unwrap_or_default();
                self.sizer.answered(records.len(), took, read);
                if !self.sizer.is_probing() {
                    self.probe = Probe::Over;
                }
            }
            Verdict::InDoubt(_) => self.sizer.failed(),
            // Too many records at once may be the cause.
            Verdict::Resend { .. } => self.sizer.failed(),
            Verdict::Retry { .. }
            | Verdict::Linked(_)
            | Verdict::Reject { .. }
            | Verdict::RefusedOnRetry(_)
            | Verdict::NotFound
            | Verdict::Halve(_)
            | Verdict::Stop(_) => {}
        }
    }

    fn settle(&mut self, batch: Batch, verdict: Verdict, status: Option<u16>) -> Result<(), StoreError> {
        let plan = Arc::clone(&self.shared.plan);
        let answered = Answered { http_status: status, attempts: batch.tries };
        match verdict {
            Verdict::Done(items) => match batch.load {
                Load::Records(records) => {
                    self.done(Batch { load: Load::Records(Vec::new()), ..batch }, records, &items, answered)
                }
                Load::Links(_) => self.settle_links(batch, &[], answered),
            },
            Verdict::Linked(made) => self.settle_links(batch, &made, answered),
            Verdict::Retry { pause, why } => {
                lock_journal(&self.shared.journal).not_taken(batch.no, status)?;
                // After a 429 the pace holds the pause.
                let throttled = status == Some(429);
                let held = if throttled { self.shared.client.pace().held() } else { pause };
                (self.observe)(UploadEvent::Retry { batch: batch.no, why, pause: held, throttled });
                self.retried += 1;
                self.retry_queue.push_front(Batch { pause, ..batch });
                Ok(())
            }
            // Too long for a proxy. A single record is retried as it is, since the refusal may pass.
            Verdict::Resend { why, .. } if status == Some(413) && batch.load.len() > 1 => {
                self.halve(batch, &why, answered)
            }
            Verdict::Resend { pause, why } => {
                (self.observe)(UploadEvent::Retry { batch: batch.no, why, pause, throttled: false });
                self.retried += 1;
                let batch = self.may_be_done(batch, status)?;
                self.retry_queue.push_front(Batch { pause, ..batch });
                Ok(())
            }
            Verdict::NotFound => match &batch.load {
                Load::Records(records) => {
                    let not_found: Vec<Outcome> =
                        records.iter().map(|queued| settle::not_found(&plan, queued, answered)).collect();
                    self.report_rejected(&not_found);
                    lock_journal(&self.shared.journal).answered(batch.no, status.unwrap_or(404), &not_found)
                }
                // The address of links has no id that could be unknown.
                Load::Links(_) => self.halve(batch, "not found", answered),
            },
            Verdict::Reject { errors, why } => self.reject(batch, &errors, &why, answered),
            Verdict::Halve(why) => self.halve(batch, &why, answered),
            Verdict::InDoubt(_) | Verdict::RefusedOnRetry(_) => match batch.load {
                Load::Records(_) => {
                    let (why, cause) = match verdict {
                        Verdict::RefusedOnRetry(why) => (why, Cause::Refused),
                        Verdict::InDoubt(why) if status == Some(413) => (why, Cause::TooLong),
                        Verdict::InDoubt(why) => (why, Cause::Lost),
                        _ => return Ok(()),
                    };
                    lock_journal(&self.shared.journal).doubt(batch.no, status, &[])?;
                    self.doubt(Doubt::of(batch, status, (cause, why)));
                    Ok(())
                }
                Load::Links(_) => {
                    let batch = self.may_be_done(batch, status)?;
                    self.retry_queue.push_front(batch);
                    Ok(())
                }
            },
            Verdict::Stop(why) => {
                let batch = match why {
                    Stop::Failing(_) => self.may_be_done(batch, status)?,
                    _ => {
                        lock_journal(&self.shared.journal).not_taken(batch.no, status)?;
                        batch
                    }
                };
                self.retry_queue.push_front(batch);
                self.finish_with(End::Service(why));
                Ok(())
            }
        }
    }

    /// Prepares a batch for a retry although the service may have acted on it. The journal keeps it as a doubt, which a resume
    /// has to know.
    fn may_be_done(&self, batch: Batch, status: Option<u16>) -> Result<Batch, StoreError> {
        let mut journal = lock_journal(&self.shared.journal);
        journal.doubt(batch.no, status, &[])?;
        journal.settle_doubt(batch.no, &[])?;
        Ok(Batch { no: journal.next_batch(), repeated: true, ..batch })
    }

    /// Rejects the records that a refusal names, and sends the rest again. Where it names none, the batch is halved.
    fn reject(&mut self, batch: Batch, errors: &[ItemErrors], why: &str, answered: Answered) -> Result<(), StoreError> {
        match batch.load {
            Load::Records(records) => match settle::refused(&self.shared.plan, records, errors, answered) {
                Ok((outcomes, rest)) => {
                    self.report_rejected(&outcomes);
                    let batch = Batch { load: Load::Records(rest), ..batch };
                    self.refused_beside(batch, &outcomes, (Cause::Refused, why), answered)
                }
                Err(records) => self.halve(Batch { load: Load::Records(records), ..batch }, why, answered),
            },
            Load::Links(items) => {
                let mut named = links::refused_positions(errors, items.len());
                if named.is_empty() {
                    return self.halve(Batch { load: Load::Links(items), ..batch }, why, answered);
                }
                let (mut refused, mut rest) = (Vec::new(), Vec::new());
                for (n, item) in items.into_iter().enumerate() {
                    match named.remove(&n) {
                        Some(refusal) => refused.push((item, Some(refusal))),
                        None => rest.push(item),
                    }
                }
                self.note_links(batch.no, refused, answered)?;
                self.send_again(Load::Links(rest));
                Ok(())
            }
        }
    }

    /// Sends the rest of a refused batch again. Records to create may have been created all the same, so the account is read
    /// first.
    fn refused_beside(
        &mut self,
        batch: Batch,
        outcomes: &[Outcome],
        (cause, why): (Cause, &str),
        answered: Answered,
    ) -> Result<(), StoreError> {
        let status = answered.http_status.unwrap_or(400);
        if self.shared.plan.action == Action::Create && batch.load.len() > 0 {
            lock_journal(&self.shared.journal).doubt(batch.no, Some(status), outcomes)?;
            self.doubt(Doubt::of(batch, Some(status), (cause, why.to_owned())));
            return Ok(());
        }
        lock_journal(&self.shared.journal).answered(batch.no, status, outcomes)?;
        self.send_rest(batch.load, cause.halves());
        Ok(())
    }

    /// Settles records by the items of an answer; records that it does not mention are in doubt. `batch` is their batch,
    /// emptied.
    fn done(
        &mut self,
        batch: Batch,
        records: Vec<QueuedRecord>,
        items: &[WrittenItem],
        answered: Answered,
    ) -> Result<(), StoreError> {
        let status = answered.http_status;
        let settle::AnswerMatch { done, unmentioned, unnamed } =
            settle::match_answer(&self.shared.plan, (records, batch.watermark), items, answered);
        let mut outcomes = Vec::with_capacity(done.len());
        for (queued, mut outcome) in done {
            let deleted = self.deleted.remove(&queued.record.row);
            outcome.problems.extend(deleted.map(|id| settle::recreated_note(&self.shared.plan, &queued, id)));
            self.replaced.add(&queued);
            self.sample.offer(queued);
            outcomes.push(outcome);
        }
        let mut journal = lock_journal(&self.shared.journal);
        if unmentioned.is_empty() {
            journal.answered(batch.no, status.unwrap_or(200), &outcomes)?;
        } else if self.shared.plan.action == Action::Create {
            journal.doubt(batch.no, status, &outcomes)?;
        } else {
            drop(journal);
            return self.resend_unmentioned(batch, unmentioned, outcomes, answered);
        }
        drop(journal);
        // Only accepted outcomes raise the watermark.
        if let Some(highest) = outcomes.iter().filter_map(|outcome| outcome.id).max() {
            self.raise_watermark(highest);
        }
        if !unmentioned.is_empty() {
            let batch = Batch { load: Load::Records(unmentioned), ..batch };
            let why = "the answer does not mention this record".to_owned();
            self.doubt(Doubt { named: unnamed, ..Doubt::of(batch, status, (Cause::Lost, why)) });
        }
        Ok(())
    }

    /// Sends changes once more that an answer does not mention: a change may be made twice, and nothing above the watermark
    /// would show it. Records that the second answer does not mention either are unknown.
    fn resend_unmentioned(
        &mut self,
        batch: Batch,
        unmentioned: Vec<QueuedRecord>,
        outcomes: Vec<Outcome>,
        answered: Answered,
    ) -> Result<(), StoreError> {
        let why = "the answer does not mention it";
        let given_up = unmentioned.iter().filter(|_| batch.unmentioned);
        let unknown = given_up.map(|queued| settle::unknown(&self.shared.plan, queued, why, answered));
        let all: Vec<Outcome> = outcomes.into_iter().chain(unknown).collect();
        lock_journal(&self.shared.journal).answered(batch.no, answered.http_status.unwrap_or(200), &all)?;
        if !batch.unmentioned {
            self.retried += 1;
            let again = self.new_batch(Load::Records(unmentioned));
            self.retry_queue.push_front(Batch { tries: batch.tries, repeated: true, unmentioned: true, ..again });
        }
        Ok(())
    }

    /// Settles links: those that the answer lists are made, the others are sent once more, since linking twice does no harm.
    /// Links that the second answer does not list either are refused as unclear.
    fn settle_links(&mut self, batch: Batch, made: &[WrittenLink], answered: Answered) -> Result<(), StoreError> {
        let Load::Links(items) = batch.load else { return Ok(()) };
        let (listed, rest): (Vec<LinkItem>, Vec<LinkItem>) =
            items.into_iter().partition(|item| made.iter().any(|link| item.matches(link)));
        let unlisted =
            || LinkRefusal { code: "link-unclear".to_owned(), detail: "its answers do not list it".to_owned() };
        let mut done: Vec<(LinkItem, Option<LinkRefusal>)> = listed.into_iter().map(|item| (item, None)).collect();
        let again = match batch.unmentioned {
            true => {
                done.extend(rest.into_iter().map(|item| (item, Some(unlisted()))));
                Vec::new()
            }
            false => rest,
        };
        self.note_links(batch.no, done, answered)?;
        if !again.is_empty() {
            self.retried += 1;
            let next = self.new_batch(Load::Links(again));
            self.retry_queue.push_front(Batch { tries: batch.tries, unmentioned: true, ..next });
        }
        Ok(())
    }

    /// Notes links that were made or refused, and in the journal the records that have no more links waiting.
    fn note_links(
        &mut self,
        batch: BatchNo,
        items: Vec<(LinkItem, Option<LinkRefusal>)>,
        answered: Answered,
    ) -> Result<(), StoreError> {
        let complete = self.links.done(&self.shared.plan, items);
        lock_journal(&self.shared.journal).linked(batch, answered.http_status, &complete)?;
        self.linked += complete.len() as u64;
        (self.observe)(UploadEvent::Linked { records: self.linked });
        Ok(())
    }

    pub(super) fn doubt(&mut self, doubt: Doubt) {
        let (batch, records, why) = (doubt.batch, doubt.records.len(), doubt.why.clone());
        let at_most = if doubt.cause.is_refusal() { Duration::ZERO } else { self.time_left(&doubt) };
        (self.observe)(UploadEvent::InDoubt { batch, records, why, at_most });
        self.shared.hold.send_replace(true);
        self.doubts.push(doubt);
    }

    /// Sends the rest of a batch again: in halves where it has to be shorter, or where the refused record is not known.
    pub(crate) fn send_rest(&mut self, rest: Load, in_halves: bool) {
        if !in_halves {
            return self.send_again(rest);
        }
        match rest.halves() {
            Ok((first, second)) => {
                self.send_again(second);
                self.send_again(first);
            }
            Err(rest) => self.send_again(rest),
        }
    }

    pub(super) fn send_again(&mut self, rest: Load) {
        if rest.len() > 0 {
            self.retried += 1;
            let batch = self.new_batch(rest);
            self.retry_queue.push_front(batch);
        }
    }

    /// Sends a batch that was refused as a whole again in two halves; a single record is rejected.
    fn halve(&mut self, batch: Batch, why: &str, answered: Answered) -> Result<(), StoreError> {
        let status = answered.http_status.unwrap_or(400);
        match &batch.load {
            Load::Records(alone) if alone.len() == 1 => {
                let alone: Vec<Outcome> = alone
                    .iter()
                    .map(|queued| settle::rejected_alone(&self.shared.plan, queued, why, answered))
                    .collect();
                self.report_rejected(&alone);
                lock_journal(&self.shared.journal).answered(batch.no, status, &alone)
            }
            Load::Records(_) => self.refused_beside(batch, &[], (Cause::RefusedWhole, why), answered),
            Load::Links(_) => match batch.load.halves() {
                Ok((first, second)) => {
                    lock_journal(&self.shared.journal).answered(batch.no, status, &[])?;
                    self.send_again(second);
                    self.send_again(first);
                    Ok(())
                }
                Err(alone) => {
                    let Load::Links(alone) = alone else { return Ok(()) };
                    let refusal = LinkRefusal { code: String::new(), detail: why.to_owned() };
                    self.note_links(
                        batch.no,
                        alone.into_iter().map(|item| (item, Some(refusal.clone()))).collect(),
                        answered,
                    )
                }
            },
        }
    }
}
