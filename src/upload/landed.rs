//! What the end of a request means for the loop: outcomes into the journal, batches that go again, doubts, the end.

use super::Event;
use super::doubt::Doubt;
use super::feed::Loaded;
use super::run::{End, Uploader, lock};
use super::send::{Batch, Landed};
use super::settle::{self, Answered};
use super::verdict::{Stop, Verdict, verdict};
use crate::entity::Action;
use crate::entity::answer::WrittenItem;
use crate::store::{BatchNo, Outcome, Status, StoreError};
use std::sync::Arc;
use std::time::Duration;

impl Uploader<'_> {
    pub(super) fn landed(
        &mut self,
        landed: Result<Result<Landed, StoreError>, tokio::task::JoinError>,
    ) -> Result<(), StoreError> {
        let (batch, end) = match landed {
            Ok(landed) => landed?,
            // A panic of ours: the batch stays "sent" in the journal, and a resume will call it in doubt.
            Err(panic) => std::panic::resume_unwind(panic.into_panic()),
        };
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
            records: batch.records.len(),
            attempt: batch.tries,
            status,
            ms: took.as_millis() as u64,
        });
        let plan = Arc::clone(&self.shared.plan);
        let verdict = verdict(&end, plan.write, plan.kind.spec().entity.collection(), batch.tried());
        self.learn(&verdict, &batch, took);
        self.settle(batch, verdict, status)?;
        let counts = lock(&self.shared.journal).counts();
        self.rejected = counts.rejected + self.local.iter().filter(|o| o.status == Status::Rejected).count() as u64;
        (self.observe)(Event::Counts(counts));
        self.check_budget();
        Ok(())
    }

    /// A batch that was not sent, without the records whose keys other runs have sent while it waited.
    fn without_known(&mut self, batch: Batch) -> Result<Option<Batch>, StoreError> {
        let mut records = Vec::with_capacity(batch.records.len());
        for loaded in batch.records {
            match self.made_before(&loaded)? {
                None => records.push(loaded),
                Some(known) => self.reject_known(&loaded, &known),
            }
        }
        self.check_budget();
        Ok((!records.is_empty()).then_some(Batch { records, ..batch }))
    }

    /// What an answer says about the size of batches and the health of the service.
    fn learn(&mut self, verdict: &Verdict, batch: &Batch, took: Duration) {
        match verdict {
            Verdict::Done(items) => {
                self.settlings = 0;
                self.sizer.answered(batch.records.len(), took);
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
            Verdict::Done(items) => self.done(batch, &items, status, answered),
            Verdict::Again { pause, why } => {
                lock(&self.shared.journal).not_taken(batch.no, status)?;
                (self.observe)(Event::Again { batch: batch.no, why });
                self.retried += 1;
                self.again.push_front(Batch { pause, ..batch });
                Ok(())
            }
            Verdict::Repeat { pause, why } => {
                (self.observe)(Event::Again { batch: batch.no, why });
                self.retried += 1;
                let batch = self.may_be_done(batch, status)?;
                self.again.push_front(Batch { pause, ..batch });
                Ok(())
            }
            Verdict::Absent => {
                let absent: Vec<Outcome> =
                    batch.records.iter().map(|loaded| settle::absent(&plan, loaded, answered)).collect();
                lock(&self.shared.journal).answered(batch.no, status.unwrap_or(404), &absent)
            }
            Verdict::Reject { errors, why } => match settle::refused(&plan, batch.records, &errors, answered) {
                Ok((outcomes, rest)) => {
                    lock(&self.shared.journal).answered(batch.no, status.unwrap_or(400), &outcomes)?;
                    self.send_again(rest);
                    Ok(())
                }
                Err(records) => self.halve(batch.no, records, &why, status, answered),
            },
            Verdict::Halve(why) => self.halve(batch.no, batch.records, &why, status, answered),
            Verdict::InDoubt(why) => {
                lock(&self.shared.journal).doubt(batch.no, status, &[])?;
                self.doubt(batch.no, batch.records, batch.watermark, batch.tries, why);
                Ok(())
            }
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

    /// Items that came back; records that the answer does not mention are in doubt.
    fn done(
        &mut self,
        batch: Batch,
        items: &[WrittenItem],
        status: Option<u16>,
        answered: Answered,
    ) -> Result<(), StoreError> {
        let (outcomes, silent) = settle::done(&self.shared.plan, batch.records, items, answered);
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
                let again = Batch { tries: batch.tries, repeated: true, silent: true, ..self.fresh(silent) };
                self.again.push_front(again);
            }
            return Ok(());
        }
        journal.doubt(batch.no, status, &outcomes)?;
        drop(journal);
        let why = "the answer does not mention this record".to_owned();
        self.doubt(batch.no, silent, batch.watermark, batch.tries, why);
        Ok(())
    }

    pub(super) fn doubt(&mut self, batch: BatchNo, records: Vec<Loaded>, watermark: u64, attempts: u32, why: String) {
        (self.observe)(Event::InDoubt { batch, records: records.len(), why: why.clone() });
        self.shared.hold.send_replace(true);
        self.doubts.push(Doubt { batch, records, watermark, attempts, why });
    }

    pub(super) fn send_again(&mut self, rest: Vec<Loaded>) {
        if !rest.is_empty() {
            self.retried += 1;
            let batch = self.fresh(rest);
            self.again.push_front(batch);
        }
    }

    /// Refused and nobody named: two halves; a record that stands alone is the one.
    fn halve(
        &mut self,
        no: BatchNo,
        mut records: Vec<Loaded>,
        why: &str,
        status: Option<u16>,
        answered: Answered,
    ) -> Result<(), StoreError> {
        let alone = match records.as_slice() {
            [one] => vec![settle::rejected_alone(&self.shared.plan, one, why, answered)],
            _ => Vec::new(),
        };
        lock(&self.shared.journal).answered(no, status.unwrap_or(400), &alone)?;
        if alone.is_empty() {
            let second = records.split_off(records.len() / 2);
            self.send_again(second);
            self.send_again(records);
        }
        Ok(())
    }
}
