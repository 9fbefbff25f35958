//! What the end of a request means for the loop: outcomes into the journal, batches that go again, doubts, the end.

use super::Event;
use super::doubt::Doubt;
use super::feed::Loaded;
use super::links::{self, Item, Refusal};
use super::run::{End, Uploader, lock};
use super::send::{Batch, Load};
use super::settle::{self, Answered};
use super::verdict::{Stop, Verdict, verdict};
use crate::api::{Failure, Reply};
use crate::entity::Action;
use crate::entity::answer::{ItemErrors, WrittenItem};
use crate::store::{BatchNo, BatchOf, Outcome, Status, StoreError};
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
        (self.observe)(Event::Answered {
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
        (self.observe)(Event::Counts(counts));
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
            Verdict::Done(items) => {
                self.settlings = 0;
                self.sizer.answered(records.len(), took);
                if let Some(highest) = items.iter().map(|item| item.id).max() {
                    self.raise_watermark(highest);
                }
            }
            Verdict::InDoubt(_) => self.sizer.failed(),
            // Too many at once may be why.
            Verdict::Repeat { .. } => self.sizer.failed(),
            Verdict::Again { .. } | Verdict::Reject { .. } | Verdict::Absent | Verdict::Halve(_) | Verdict::Stop(_) => {
            }
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
                Load::Links(items) => {
                    self.linked(batch.no, items.into_iter().map(|item| (item, None)).collect(), answered)
                }
            },
            Verdict::Again { pause, why } => {
                lock(&self.shared.journal).not_taken(batch.no, status)?;
                // After a 429 the pause is the pace's.
                let throttled = status == Some(429);
                let held = if throttled { self.shared.client.pace().held() } else { pause };
                (self.observe)(Event::Again { batch: batch.no, why, pause: held, throttled });
                self.retried += 1;
                self.again.push_front(Batch { pause, ..batch });
                Ok(())
            }
            // Too long for somebody in between; what stands alone goes again as it is, for that may pass.
            Verdict::Repeat { why, .. } if status == Some(413) && batch.load.len() > 1 => {
                self.halve(batch.no, batch.load, &why, answered)
            }
            Verdict::Repeat { pause, why } => {
                (self.observe)(Event::Again { batch: batch.no, why, pause, throttled: false });
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
                Load::Links(_) => self.halve(batch.no, batch.load, "not found", answered),
            },
            Verdict::Reject { errors, why } => self.reject(batch, &errors, &why, answered),
            Verdict::Halve(why) => self.halve(batch.no, batch.load, &why, answered),
            Verdict::InDoubt(why) => match batch.load {
                Load::Records(records) => {
                    lock(&self.shared.journal).doubt(batch.no, status, &[])?;
                    let too_long = status == Some(413);
                    self.doubt(Doubt {
                        batch: batch.no,
                        records,
                        watermark: batch.watermark,
                        attempts: batch.tries,
                        why,
                        too_long,
                    });
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
                    let status = answered.http_status.unwrap_or(400);
                    lock(&self.shared.journal).answered(batch.no, status, &outcomes)?;
                    self.send_again(Load::Records(rest));
                    Ok(())
                }
                Err(records) => self.halve(batch.no, Load::Records(records), why, answered),
            },
            Load::Links(items) => {
                let mut named = links::named(errors, items.len());
                if named.is_empty() {
                    return self.halve(batch.no, Load::Links(items), why, answered);
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

    /// Items that came back; records that the answer does not mention are in doubt. `batch` is what carried them.
    fn done(
        &mut self,
        batch: Batch,
        records: Vec<Loaded>,
        items: &[WrittenItem],
        answered: Answered,
    ) -> Result<(), StoreError> {
        let status = answered.http_status;
        let (done, silent) = settle::done(&self.shared.plan, records, items, answered);
        let mut outcomes = Vec::with_capacity(done.len());
        for (loaded, outcome) in done {
            self.lost.add(&loaded);
            self.sample.offer(loaded);
            outcomes.push(outcome);
        }
        let mut journal = lock(&self.shared.journal);
        if silent.is_empty() {
            return journal.answered(batch.no, status.unwrap_or(200), &outcomes);
        }
        if self.shared.plan.action != Action::Create {
            // Nothing above the watermark would tell. A change may be made twice, so it is sent once more; what an answer
            // does not mention then either is the user's to look at.
            let why = "the answer does not mention it";
            let given_up = silent.iter().filter(|_| batch.silent);
            let unknown = given_up.map(|loaded| settle::unknown(&self.shared.plan, loaded, why, answered));
            let all: Vec<Outcome> = outcomes.into_iter().chain(unknown).collect();
            journal.answered(batch.no, status.unwrap_or(200), &all)?;
            drop(journal);
            if !batch.silent {
                self.retried += 1;
                let fresh = self.fresh(Load::Records(silent));
                self.again.push_front(Batch { tries: batch.tries, repeated: true, silent: true, ..fresh });
            }
            return Ok(());
        }
        journal.doubt(batch.no, status, &outcomes)?;
        drop(journal);
        let why = "the answer does not mention this record".to_owned();
        self.doubt(Doubt {
            batch: batch.no,
            records: silent,
            watermark: batch.watermark,
            attempts: batch.tries,
            why,
            too_long: false,
        });
        Ok(())
    }

    /// Links that were made or refused; records without any more of them are noted.
    fn linked(
        &mut self,
        batch: BatchNo,
        items: Vec<(Item, Option<Refusal>)>,
        answered: Answered,
    ) -> Result<(), StoreError> {
        let complete = self.links.done(&self.shared.plan, items);
        lock(&self.shared.journal).linked(batch, answered.http_status, &complete)?;
        self.linked += complete.len() as u64;
        (self.observe)(Event::Linked { records: self.linked });
        Ok(())
    }

    pub(super) fn doubt(&mut self, doubt: Doubt) {
        let (batch, records, why) = (doubt.batch, doubt.records.len(), doubt.why.clone());
        (self.observe)(Event::InDoubt { batch, records, why });
        self.shared.hold.send_replace(true);
        self.doubts.push(doubt);
    }

    pub(super) fn send_again(&mut self, rest: Load) {
        if rest.len() > 0 {
            self.retried += 1;
            let batch = self.fresh(rest);
            self.again.push_front(batch);
        }
    }

    /// Refused and none named: the batch goes again as two halves; of one that stands alone the refusal is meant.
    fn halve(&mut self, no: BatchNo, load: Load, why: &str, answered: Answered) -> Result<(), StoreError> {
        let status = answered.http_status.unwrap_or(400);
        match load.halves() {
            Ok((first, second)) => {
                lock(&self.shared.journal).answered(no, status, &[])?;
                self.send_again(second);
                self.send_again(first);
                Ok(())
            }
            Err(Load::Records(alone)) => {
                let alone: Vec<Outcome> = alone
                    .iter()
                    .map(|loaded| settle::rejected_alone(&self.shared.plan, loaded, why, answered))
                    .collect();
                self.tell_rejected(&alone);
                lock(&self.shared.journal).answered(no, status, &alone)
            }
            Err(Load::Links(alone)) => {
                let refusal = Refusal { code: String::new(), said: why.to_owned() };
                self.linked(no, alone.into_iter().map(|item| (item, Some(refusal.clone()))).collect(), answered)
            }
        }
    }
}
