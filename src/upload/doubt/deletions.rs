//! Deletions in doubt: the records are looked for in the account, whose lists lag behind. A record that is not there is
//! deleted. One that stays is rejected where the service has refused, and otherwise deleted once more.

use crate::store::{StoreError, lock_journal};
use crate::upload::End;
use crate::upload::doubt::Doubt;
use crate::upload::doubt::look;
use crate::upload::run::Uploader;
use crate::upload::send::{Batch, Load};
use crate::upload::settle::{self, Answered};
use crate::upload::verdict::{Stop, TRIES_MAX, stop_of};
use amo_client::Failure;
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Instant;
use tokio_util::sync::CancellationToken;

/// The times of the looks, as shares of the settling time.
const LOOKS: [f64; 7] = [0.01, 0.04, 0.1, 0.2, 0.4, 0.7, 1.0];

impl Uploader<'_> {
    pub(crate) async fn settle_deletions(
        &mut self,
        doubts: Vec<Doubt>,
        stop: &CancellationToken,
    ) -> Result<(), StoreError> {
        let looked = tokio::select! {
            biased;
            () = stop.cancelled() => Err(End::Interrupted),
            there = self.still_there(&doubts) => there.map_err(|failure| End::Service(stop_of(failure))),
        };
        match looked {
            Ok(there) => doubts.into_iter().try_for_each(|doubt| self.settle_deletion(doubt, &there)),
            Err(end) => {
                self.doubts = doubts;
                self.stop_with(end);
                Ok(())
            }
        }
    }

    fn settle_deletion(&mut self, doubt: Doubt, there: &HashSet<u64>) -> Result<(), StoreError> {
        let plan = Arc::clone(&self.shared.plan);
        let answered = Answered { http_status: None, attempts: doubt.attempts };
        let (mut outcomes, mut again) = (Vec::new(), Vec::new());
        for queued in doubt.records {
            let shown = queued.record.id.is_some_and(|id| there.contains(&id));
            outcomes.push(if shown && doubt.cause.is_refusal() {
                settle::rejected_alone(&plan, &queued, &doubt.why, answered)
            } else if shown {
                again.push(queued);
                continue;
            } else if self.sees_all {
                settle::deleted(&queued, answered)
            } else {
                settle::unknown(
                    &plan,
                    &queued,
                    "the account does not show it, but this token does not see all records",
                    answered,
                )
            });
        }
        lock_journal(&self.shared.journal).settle_doubt(doubt.batch, &outcomes)?;
        if !again.is_empty() {
            self.retried += 1;
            let next = self.new_batch(Load::Records(again));
            // Behind the others, which a deletion that always fails must not delay.
            self.retry_queue.push_back(Batch { tries: doubt.attempts, repeated: true, ..next });
            if doubt.attempts >= TRIES_MAX {
                self.finish_with(End::Service(Stop::Failing(doubt.attempts)));
            }
        }
        Ok(())
    }

    /// The ids of the records that the account shows at every look.
    async fn still_there(&self, doubts: &[Doubt]) -> Result<HashSet<u64>, Failure> {
        let (client, plan, clock) = (&self.shared.client, &self.shared.plan, self.options.clock);
        let started = Instant::now();
        let mut there: HashSet<u64> =
            doubts.iter().flat_map(|d| &d.records).filter_map(|queued| queued.record.id).collect();
        for share in LOOKS {
            clock.sleep(self.options.settle.mul_f64(share).saturating_sub(clock.since(started))).await;
            let ids: Vec<u64> = there.iter().copied().collect();
            let seen = look::by_ids(client, plan.kind.spec().entity, plan.catalog, &ids).await?;
            there.retain(|id| seen.contains_key(id));
            if there.is_empty() {
                break;
            }
        }
        Ok(there)
    }
}
