//! What the end of a request means for the loop: outcomes into the journal, batches that go again, doubts, the end.

use crate::store::{BatchNo, BatchOf, Outcome, Status, StoreError};
use crate::upload::UploadEvent;
use crate::upload::doubt::{Cause, Doubt};
use crate::upload::feed::QueuedRecord;
use crate::upload::links::{self, LinkItem, LinkRefusal};
use crate::upload::run::{End, Uploader, lock};
use crate::upload::send::{Batch, Load};
use crate::upload::settle::{self, Answered};
use crate::upload::verdict::{Stop, Verdict, verdict};
use amo_client::{Failure, Reply};
use amo_model::Action;
use amo_model::answer::{ItemErrors, WrittenItem, WrittenLink};
use std::sync::Arc;
use std::time::Duration;

impl Uploader<'_> {
    pub(super) fn landed(
        &mut self,
        batch: Batch,
        end: Option<(Result<Reply, Failure>, Duration)>,
    ) -> Result<(), StoreError> {
        if let Some(parent) = batch.parent() {
            self.parents.remove(&parent);
        }
        let Some((end, took)) = end else {
            let Some(batch) = self.without_known(batch)? else { return Ok(()) };
            // It goes first when the doubt is settled, or is left unprocessed; before what waits for the same owner.
            match batch.parent() {
                Some(_) => self.again.push_front(batch),
                None => self.again.push_back(batch),
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
        let verdict = verdict(&end, batch.carried(&plan), batch.tried());
        self.learn(&verdict, &batch, took);
        let of = batch.load.of();
        self.settle(batch, verdict, status)?;
        if of == BatchOf::Links {
            return Ok(());
        }
        let counts = lock(&self.shared.journal).counts();
        self.rejected = counts.rejected + self.local.iter().filter(|o| o.status == Status::Rejected).count() as u64;
        (self.observe)(UploadEvent::Counts(counts));
        self.check_budget();
        Ok(())
    }

    /// A batch that was not sent, without the records whose keys other runs have sent while it waited.
    fn without_known(&mut self, batch: Batch) -> Result<Option<Batch>, StoreError> {
        let Load::Records(all) = batch.load else { return Ok(Some(batch)) };
        let mut records = Vec::with_capacity(all.len());
        for loaded in all {
            match self.made_before(&loaded)? {
                None => records.push(loaded),
                Some(known) => self.known.push((loaded, known)),
            }
        }
        self.check_budget();
        Ok((!records.is_empty()).then_some(Batch { load: Load::Records(records), ..batch }))
    }

    /// What an answer says about the size of batches and the health of the service.
    fn learn(&mut self, verdict: &Verdict, batch: &Batch, took: Duration) {
        let Load::Records(records) = &batch.load else { return };
        match verdict {
            Verdict::Done(_) => {
                self.settlings = 0;
                self.sizer.answered(records.len(), took);
            }
            Verdict::InDoubt(_) => self.sizer.failed(),
            // Too many at once may be why.
            Verdict::Repeat { .. } => self.sizer.failed(),
            Verdict::Again { .. }
            | Verdict::Linked(_)
            | Verdict::Reject { .. }
            | Verdict::RefusedNow(_)
            | Verdict::Absent
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
                Load::Links(_) => self.listed(batch, &[], answered),
            },
            Verdict::Linked(made) => self.listed(batch, &made, answered),
            Verdict::Again { pause, why } => {
                lock(&self.shared.journal).not_taken(batch.no, status)?;
                // After a 429 the pause is the pace's.
                let throttled = status == Some(429);
                let held = if throttled { self.shared.client.pace().held() } else { pause };
                (self.observe)(UploadEvent::Again { batch: batch.no, why, pause: held, throttled });
                self.retried += 1;
                self.again.push_front(Batch { pause, ..batch });
                Ok(())
            }
            // Too long for somebody in between; what stands alone goes again as it is, for that may pass.
            Verdict::Repeat { why, .. } if status == Some(413) && batch.load.len() > 1 => {
                self.halve(batch, &why, answered)
            }
            Verdict::Repeat { pause, why } => {
                (self.observe)(UploadEvent::Again { batch: batch.no, why, pause, throttled: false });
                self.retried += 1;
                let batch = self.may_be_done(batch, status)?;
                self.again.push_front(Batch { pause, ..batch });
                Ok(())
            }
            Verdict::Absent => match &batch.load {
                Load::Records(records) => {
                    let absent: Vec<Outcome> =
                        records.iter().map(|loaded| settle::absent(&plan, loaded, answered)).collect();
                    self.tell_rejected(&absent);
                    lock(&self.shared.journal).answered(batch.no, status.unwrap_or(404), &absent)
                }
                // An address without an id names nothing that could be absent.
                Load::Links(_) => self.halve(batch, "not found", answered),
            },
            Verdict::Reject { errors, why } => self.reject(batch, &errors, &why, answered),
            Verdict::Halve(why) => self.halve(batch, &why, answered),
            Verdict::InDoubt(_) | Verdict::RefusedNow(_) => match batch.load {
                Load::Records(_) => {
                    let (why, cause) = match verdict {
                        Verdict::RefusedNow(why) => (why, Cause::Refused),
                        Verdict::InDoubt(why) if status == Some(413) => (why, Cause::TooLong),
                        Verdict::InDoubt(why) => (why, Cause::Lost),
                        _ => return Ok(()),
                    };
                    lock(&self.shared.journal).doubt(batch.no, status, &[])?;
                    self.doubt(Doubt::of(batch, status, (cause, why)));
                    Ok(())
                }
                Load::Links(_) => {
                    let batch = self.may_be_done(batch, status)?;
                    self.again.push_front(batch);
                    Ok(())
                }
            },
            Verdict::Stop(why) => {
                let batch = match why {
                    Stop::Failing(_) => self.may_be_done(batch, status)?,
                    _ => {
                        lock(&self.shared.journal).not_taken(batch.no, status)?;
                        batch
                    }
                };
                self.again.push_front(batch);
                self.finish_with(End::Service(why));
                Ok(())
            }
        }
    }

    /// A batch that goes again although it may have been acted on. In the journal it is what it is, a doubt: who resumes has
    /// to know.
    fn may_be_done(&self, batch: Batch, status: Option<u16>) -> Result<Batch, StoreError> {
        let mut journal = lock(&self.shared.journal);
        journal.doubt(batch.no, status, &[])?;
        journal.settle_doubt(batch.no, &[])?;
        Ok(Batch { no: journal.next_batch(), repeated: true, ..batch })
    }

    /// Refused for some: those that are named are done with, the rest goes again. Where none is named, the batch is halved.
    fn reject(&mut self, batch: Batch, errors: &[ItemErrors], why: &str, answered: Answered) -> Result<(), StoreError> {
        match batch.load {
            Load::Records(records) => match settle::refused(&self.shared.plan, records, errors, answered) {
                Ok((outcomes, rest)) => {
                    self.tell_rejected(&outcomes);
                    let batch = Batch { load: Load::Records(rest), ..batch };
                    self.refused_beside(batch, &outcomes, (Cause::Refused, why), answered)
                }
                Err(records) => self.halve(Batch { load: Load::Records(records), ..batch }, why, answered),
            },
            Load::Links(items) => {
                let mut named = links::named(errors, items.len());
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
                self.linked(batch.no, refused, answered)?;
                self.send_again(Load::Links(rest));
                Ok(())
            }
        }
    }

    /// The rest of a refused batch goes again. What is made may have been made all the same, so the account is looked at first.
    fn refused_beside(
        &mut self,
        batch: Batch,
        outcomes: &[Outcome],
        (cause, why): (Cause, &str),
        answered: Answered,
    ) -> Result<(), StoreError> {
        let status = answered.http_status.unwrap_or(400);
        if self.shared.plan.action == Action::Create && batch.load.len() > 0 {
            lock(&self.shared.journal).doubt(batch.no, Some(status), outcomes)?;
            self.doubt(Doubt::of(batch, Some(status), (cause, why.to_owned())));
            return Ok(());
        }
        lock(&self.shared.journal).answered(batch.no, status, outcomes)?;
        self.send_rest(batch.load, cause.halves());
        Ok(())
    }

    /// Items that came back; records that the answer does not mention are in doubt. `batch` is what carried them.
    fn done(
        &mut self,
        batch: Batch,
        records: Vec<QueuedRecord>,
        items: &[WrittenItem],
        answered: Answered,
    ) -> Result<(), StoreError> {
        let status = answered.http_status;
        let settle::Told { done, silent, unnamed } =
            settle::done(&self.shared.plan, (records, batch.watermark), items, answered);
        let mut outcomes = Vec::with_capacity(done.len());
        for (loaded, mut outcome) in done {
            let deleted = self.deleted.remove(&loaded.record.row);
            outcome.problems.extend(deleted.map(|id| settle::made_anew(&self.shared.plan, &loaded, id)));
            self.lost.add(&loaded);
            self.sample.offer(loaded);
            outcomes.push(outcome);
        }
        let mut journal = lock(&self.shared.journal);
        if silent.is_empty() {
            journal.answered(batch.no, status.unwrap_or(200), &outcomes)?;
        } else if self.shared.plan.action == Action::Create {
            journal.doubt(batch.no, status, &outcomes)?;
        } else {
            drop(journal);
            return self.silent(batch, silent, outcomes, answered);
        }
        drop(journal);
        // Only what is believed may say from which id on others are looked for.
        if let Some(highest) = outcomes.iter().filter_map(|outcome| outcome.id).max() {
            self.raise_watermark(highest);
        }
        if !silent.is_empty() {
            let batch = Batch { load: Load::Records(silent), ..batch };
            let why = "the answer does not mention this record".to_owned();
            self.doubt(Doubt { named: unnamed, ..Doubt::of(batch, status, (Cause::Lost, why)) });
        }
        Ok(())
    }

    /// Changes that an answer does not mention. Nothing above the watermark would tell. A change may be made twice, so it is
    /// sent once more; what an answer does not mention then either is the user's to look at.
    fn silent(
        &mut self,
        batch: Batch,
        silent: Vec<QueuedRecord>,
        outcomes: Vec<Outcome>,
        answered: Answered,
    ) -> Result<(), StoreError> {
        let why = "the answer does not mention it";
        let given_up = silent.iter().filter(|_| batch.silent);
        let unknown = given_up.map(|loaded| settle::unknown(&self.shared.plan, loaded, why, answered));
        let all: Vec<Outcome> = outcomes.into_iter().chain(unknown).collect();
        lock(&self.shared.journal).answered(batch.no, answered.http_status.unwrap_or(200), &all)?;
        if !batch.silent {
            self.retried += 1;
            let fresh = self.fresh(Load::Records(silent));
            self.again.push_front(Batch { tries: batch.tries, repeated: true, silent: true, ..fresh });
        }
        Ok(())
    }

    /// Links of which an answer lists some: those are made. The others go once more, for linking twice does no harm; what is
    /// not listed then either is told.
    fn listed(&mut self, batch: Batch, made: &[WrittenLink], answered: Answered) -> Result<(), StoreError> {
        let Load::Links(items) = batch.load else { return Ok(()) };
        let (listed, rest): (Vec<LinkItem>, Vec<LinkItem>) =
            items.into_iter().partition(|item| made.iter().any(|link| item.is(link)));
        let unlisted =
            || LinkRefusal { code: "link-unclear".to_owned(), said: "its answers do not list it".to_owned() };
        let mut done: Vec<(LinkItem, Option<LinkRefusal>)> = listed.into_iter().map(|item| (item, None)).collect();
        let again = match batch.silent {
            true => {
                done.extend(rest.into_iter().map(|item| (item, Some(unlisted()))));
                Vec::new()
            }
            false => rest,
        };
        self.linked(batch.no, done, answered)?;
        if !again.is_empty() {
            self.retried += 1;
            let fresh = self.fresh(Load::Links(again));
            self.again.push_front(Batch { tries: batch.tries, silent: true, ..fresh });
        }
        Ok(())
    }

    /// Links that were made or refused; records without any more of them are noted.
    fn linked(
        &mut self,
        batch: BatchNo,
        items: Vec<(LinkItem, Option<LinkRefusal>)>,
        answered: Answered,
    ) -> Result<(), StoreError> {
        let complete = self.links.done(&self.shared.plan, items);
        lock(&self.shared.journal).linked(batch, answered.http_status, &complete)?;
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

    /// Sends again what was not done, in halves where it has to be shorter, or where nobody knows which record is to blame.
    pub(super) fn send_rest(&mut self, rest: Load, in_halves: bool) {
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
            let batch = self.fresh(rest);
            self.again.push_front(batch);
        }
    }

    /// Refused and none named: the batch goes again as two halves; of one that stands alone the refusal is meant.
    fn halve(&mut self, batch: Batch, why: &str, answered: Answered) -> Result<(), StoreError> {
        let status = answered.http_status.unwrap_or(400);
        match &batch.load {
            Load::Records(alone) if alone.len() == 1 => {
                let alone: Vec<Outcome> = alone
                    .iter()
                    .map(|loaded| settle::rejected_alone(&self.shared.plan, loaded, why, answered))
                    .collect();
                self.tell_rejected(&alone);
                lock(&self.shared.journal).answered(batch.no, status, &alone)
            }
            Load::Records(_) => self.refused_beside(batch, &[], (Cause::RefusedWhole, why), answered),
            Load::Links(_) => match batch.load.halves() {
                Ok((first, second)) => {
                    lock(&self.shared.journal).answered(batch.no, status, &[])?;
                    self.send_again(second);
                    self.send_again(first);
                    Ok(())
                }
                Err(alone) => {
                    let Load::Links(alone) = alone else { return Ok(()) };
                    let refusal = LinkRefusal { code: String::new(), said: why.to_owned() };
                    self.linked(
                        batch.no,
                        alone.into_iter().map(|item| (item, Some(refusal.clone()))).collect(),
                        answered,
                    )
                }
            },
        }
    }
}
