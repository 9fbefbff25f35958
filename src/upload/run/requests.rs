//! What is sent next: retries, batches, pages of records that are read before their update.

use crate::store::{StoreError, lock_journal};
use crate::upload::batch::{Probe, probe_wait};
use crate::upload::present;
use crate::upload::run::{SendingPhase, TaskEnd, Uploader};
use crate::upload::send::{Batch, Load, send};
use std::sync::Arc;
use std::time::{Duration, Instant};

impl Uploader<'_> {
    /// Starts the next request when the one before has had its turn, while there is room and no doubt: first retries, then full
    /// batches, at the end of the source the rest. Where nothing can be sent, it starts reading the records that are read
    /// before their update.
    pub(super) fn start_requests(&mut self, last: bool) -> Result<(), StoreError> {
        while self.end.is_none() && self.doubts.is_empty() && self.tasks.len() < self.options.in_flight {
            let Some(place) = self.shared.turnstile.enter() else { break };
            let (shared, options) = (Arc::clone(&self.shared), self.options);
            if let Some(batch) = self.next_batch(last && self.lookups.is_empty())? {
                self.parents.extend(batch.parent());
                self.tasks.spawn(async move { send(shared, options, batch, place).await.map(TaskEnd::Sent) });
            } else if let Some(page) = self.lookups.take(last) {
                self.tasks
                    .spawn(async move { Ok(TaskEnd::Read(present::read(shared, options.clock, page, place).await)) });
            } else {
                place.leave_unused();
                break;
            }
        }
        Ok(())
    }

    /// The next batch to send. Never are two batches of one parent in flight, retries included.
    fn next_batch(&mut self, last: bool) -> Result<Option<Batch>, StoreError> {
        let (parents, retries) = (&self.parents, &mut self.retry_queue);
        let free = retries.iter().position(|batch| batch.parent().is_none_or(|parent| !parents.contains(&parent)));
        if let Some(batch) = free.and_then(|n| retries.remove(n)) {
            return Ok(Some(batch));
        }
        let waits = |parent: u64| retries.iter().any(|batch| batch.parent() == Some(parent));
        let load = match self.phase {
            SendingPhase::Records => {
                let busy = |parent| parents.contains(&parent) || waits(parent);
                if matches!(self.probe, Probe::Awaited(_)) && self.pending.has_more_than(self.sizer.size()) {
                    return Ok(None);
                }
                let left = if last { Some(0) } else { self.expected };
                let left = left.map(|unread| unread + self.pending.len() as u64);
                let records = self.pending.take(self.sizer.size_for(left, self.options.rate), last, busy);
                self.note_probe(records.as_ref().map_or(0, Vec::len));
                records.map(Load::Records)
            }
            SendingPhase::Links => self.links.take(&lock_journal(&self.shared.journal))?.map(Load::Links),
        };
        Ok(load.map(|load| self.new_batch(load)))
    }

    /// A batch with a new number.
    pub(in crate::upload) fn new_batch(&self, load: Load) -> Batch {
        let no = lock_journal(&self.shared.journal).next_batch();
        let repeated = match &load {
            Load::Records(records) => records.iter().any(|queued| self.repeated.contains(&queued.record.row)),
            Load::Links(_) => false,
        };
        Batch { no, load, tries: 0, pause: Duration::ZERO, watermark: 0, sent_at_ms: 0, repeated, unmentioned: false }
    }

    /// Takes note of a new batch of `size` records: the first full one is the probe.
    fn note_probe(&mut self, size: usize) {
        if self.probe == Probe::Unsent && self.sizer.is_probing() && size >= self.sizer.size() {
            self.probe = Probe::Awaited(Instant::now());
        }
    }

    /// Ends when the answer to the probe has been waited for long enough.
    pub(super) fn probe_wait(&self) -> impl Future<Output = ()> + use<> {
        let clock = self.options.clock;
        let read = self.shared.client.quickest_read().unwrap_or_default();
        let left = match self.probe {
            Probe::Awaited(sent) => probe_wait(read).saturating_sub(clock.since(sent)),
            Probe::Unsent | Probe::Over => Duration::ZERO,
        };
        async move { clock.sleep(left).await }
    }
}
