//! Settling doubts about created and changed records. Nothing is sent meanwhile: the requests in flight are awaited, then the
//! account is read above the watermark again and again, since a commit may come late: for the time that an answer may take and
//! the settling time after it. What is found is settled at once. What is missing at the end is sent again, where the list is
//! proven to be complete; what stays unclear is reported and never sent again.

use crate::store::{OtherRunBatch, Outcome, StoreError, lock_journal};
use crate::upload::doubt::Doubt;
use crate::upload::doubt::look;
use crate::upload::doubt::reconcile::{self, Finding, InDoubt, PriorKnowledge, match_records};
use crate::upload::run::Uploader;
use crate::upload::send::Load;
use crate::upload::settle::{self, Answered};
use crate::upload::verdict::stop_of;
use crate::upload::{End, UploadEvent};
use amo_client::{Failure, List};
use amo_model::answer::{self, WrittenItem};
use amo_model::parts::id;
use amo_model::{Action, Entity, MAY_SORT};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

/// The times of the looks, as shares of the whole wait. The first ones are for records that have arrived already.
const LOOKS: [f64; 8] = [0.004, 0.02, 0.05, 0.1, 0.2, 0.4, 0.7, 1.0];

/// Everything that was read above the watermark, by id.
type AccountItems = BTreeMap<u64, Value>;

/// Why looking stopped early.
enum LookAborted {
    Interrupted,
    Unreadable(Failure),
}

/// The result of a look.
struct LookResult {
    /// One entry for each record, batch after batch.
    found: Vec<Finding>,
    /// Open batches of other runs at that time.
    other_runs: Vec<OtherRunBatch>,
}

/// Whether the list is complete, so that a record that it does not show is missing.
enum Proof {
    Proven,
    /// With the reason.
    Unproven(String),
}

/// Keys in the records that may decide their position in a list.
fn keys_sent(doubts: &[Doubt]) -> Vec<&'static str> {
    let records = doubts.iter().flat_map(|doubt| &doubt.records);
    let items: Vec<Value> = records.filter_map(|queued| serde_json::from_slice(&queued.record.body).ok()).collect();
    MAY_SORT.into_iter().filter(|key| items.iter().any(|item| !item[*key].is_null())).collect()
}

/// The records of doubts, one by one.
fn in_doubt(doubts: &[Doubt]) -> Vec<InDoubt<'_>> {
    let of = |doubt: &'_ Doubt, queued| InDoubt {
        queued,
        watermark: doubt.watermark,
        sent_at_ms: doubt.sent_at_ms,
        refused: doubt.cause.is_refusal(),
    };
    doubts.iter().flat_map(|doubt| doubt.records.iter().map(move |queued| of(doubt, queued))).collect()
}

fn all_found(found: &[Finding]) -> bool {
    found.iter().all(|found| matches!(found, Finding::Found { .. }))
}

/// The status of a refusal. [doc]
const REFUSED: u16 = 400;

fn describe_other_run(other: &OtherRunBatch) -> String {
    format!("it may be one of the records in doubt of run {}: resume that run first", other.run)
}

impl Uploader<'_> {
    /// Settles all doubts, or leaves them for a resumed run where the account cannot be read or the user interrupts.
    pub(crate) async fn settle_doubts(&mut self, stop: &CancellationToken) -> Result<(), StoreError> {
        let mut doubts = std::mem::take(&mut self.doubts);
        if self.shared.plan.action == Action::Delete {
            return self.settle_deletions(doubts, stop).await;
        }
        let aborted = tokio::select! {
            biased;
            () = stop.cancelled() => Some(LookAborted::Interrupted),
            looked = self.look_until_settled(&mut doubts) => looked?,
        };
        let end = match aborted {
            None => return Ok(()),
            Some(LookAborted::Interrupted) => End::Interrupted,
            Some(LookAborted::Unreadable(failure)) => End::Service(stop_of(failure)),
        };
        self.doubts = doubts;
        self.stop_with(end);
        Ok(())
    }

    /// How long a batch is still looked for: the answer may be late, and the commit later.
    pub(crate) fn time_left(&self, doubt: &Doubt) -> Duration {
        let clock = self.options.clock;
        let whole = self.options.answer_timeout + self.options.settle;
        whole.saturating_sub(clock.since_unix_ms(doubt.sent_at_ms))
    }

    /// Looks again and again. Found records are settled at once and taken out of `doubts`, so that nothing is lost when this
    /// stops.
    async fn look_until_settled(&mut self, doubts: &mut Vec<Doubt>) -> Result<Option<LookAborted>, StoreError> {
        let mut held = AccountItems::new();
        if doubts.iter().all(|doubt| doubt.cause.is_refusal()) && self.look_once(doubts, &mut held).await? {
            return Ok(None);
        }
        let clock = self.options.clock;
        let wait = doubts.iter().map(|doubt| self.time_left(doubt)).max().unwrap_or_default();
        let started = Instant::now();
        let mut last_look = Err(Failure::Lost("the account was not read".to_owned()));
        for (n, share) in LOOKS.iter().enumerate() {
            let (due, last) = (wait.mul_f64(*share).saturating_sub(clock.since(started)), n + 1 == LOOKS.len());
            // Where the time is over already, two looks are as good as all of them.
            if due.is_zero() && !last && last_look.is_ok() {
                continue;
            }
            clock.sleep(due).await;
            if let Err(failure) = self.read_above(doubts, &mut held).await? {
                last_look = Err(failure);
                continue;
            }
            let looked = self.match_doubts(doubts, &held)?;
            let done = all_found(&looked.found);
            self.report_look(&looked.found, done || last);
            last_look = Ok(self.settle_found(doubts, looked, &held)?);
            if done {
                return Ok(None);
            }
        }
        let (looked, proof) = match last_look {
            Ok(looked) => match self.proof().await {
                Ok(proof) => (looked, proof),
                Err(failure) => return Ok(Some(LookAborted::Unreadable(failure))),
            },
            // Such a list proves nothing, and a resumed run would read no better one.
            Err(Failure::Incomplete(why)) => {
                let found = doubts.iter().flat_map(|doubt| &doubt.records).map(|_| Finding::Missing).collect();
                (LookResult { found, other_runs: Vec::new() }, Proof::Unproven(why))
            }
            Err(failure) => return Ok(Some(LookAborted::Unreadable(failure))),
        };
        if matches!(proof, Proof::Proven) {
            self.look_into_trash(doubts, &looked).await;
        }
        self.settle_rest(doubts, looked, proof)?;
        Ok(None)
    }

    /// One look where the service has refused all records in doubt. True where none of them exists, and they are sent again.
    async fn look_once(&mut self, doubts: &mut Vec<Doubt>, held: &mut AccountItems) -> Result<bool, StoreError> {
        if self.read_above(doubts, held).await?.is_err() {
            return Ok(false);
        }
        let looked = self.match_doubts(doubts, held)?;
        if !looked.found.iter().all(|found| matches!(found, Finding::Missing)) {
            return Ok(false);
        }
        for doubt in std::mem::take(doubts) {
            lock_journal(&self.shared.journal).refused(doubt.batch, doubt.http_status.unwrap_or(REFUSED))?;
            self.send_rest(Load::Records(doubt.records), doubt.cause.halves());
        }
        Ok(true)
    }

    fn match_doubts(&self, doubts: &[Doubt], held: &AccountItems) -> Result<LookResult, StoreError> {
        let records = in_doubt(doubts);
        let watermark = doubts.iter().map(|doubt| doubt.watermark).min().unwrap_or(0);
        // What another run created while this one looked belongs to that run. Its open batches are read first, since they may
        // become known ids meanwhile: in the other order neither would show them.
        let (other_runs, ids) = {
            let journal = lock_journal(&self.shared.journal);
            (journal.open_batches_of_other_runs()?, journal.known_ids(watermark)?)
        };
        let plan = &self.shared.plan;
        let named = doubts.iter().flat_map(|doubt| doubt.named.iter().copied()).collect();
        let known = PriorKnowledge {
            ids: &ids,
            marker: plan.marker,
            user: plan.account.basics.current_user,
            named: &named,
            other_runs: &other_runs,
        };
        let all_held: Vec<&Value> = held.values().collect();
        let found = match_records(&records, &all_held, known);
        Ok(LookResult { found, other_runs })
    }

    /// Adds what the account has above the watermark, with whole contacts and companies where records are sent with theirs,
    /// since these distinguish leads of one name. What was seen once counts, though it may be merged or deleted before the last
    /// look.
    async fn read_above(&self, doubts: &[Doubt], held: &mut AccountItems) -> Result<Result<(), Failure>, StoreError> {
        let watermark = doubts.iter().map(|doubt| doubt.watermark).min().unwrap_or(0);
        let known = lock_journal(&self.shared.journal).known_ids(watermark)?;
        let mut items = match self.list_above(doubts, watermark).await {
            Ok(items) => items,
            Err(failure) => return Ok(Err(failure)),
        };
        let (client, plan) = (&self.shared.client, &self.shared.plan);
        // Records of other runs are not compared.
        let unclaimed = |item: &Value| id(&item["id"]).is_some_and(|id| !known.contains(&id));
        let part = |item: &Value, _: Entity, key: &str| look::first_part(item, key).filter(|_| unclaimed(item));
        if let Err(failure) = look::put_parts_in(client, plan, &mut items, part).await {
            return Ok(Err(failure));
        }
        held.extend(items.into_iter().filter_map(|item| Some((id(&item["id"])?, item))));
        Ok(Ok(()))
    }

    async fn list_above(&self, doubts: &[Doubt], watermark: u64) -> Result<Vec<Value>, Failure> {
        let (client, plan) = (&self.shared.client, &self.shared.plan);
        let records = doubts.iter().flat_map(|doubt| &doubt.records);
        let parents: BTreeSet<u64> = records.filter_map(|queued| queued.record.parent).collect();
        let mut items = Vec::new();
        for parent in &parents {
            // The list of all transactions has no reliable order; the transactions of these customers are few.
            let of_parent = client.transactions_of(*parent).await?.into_iter();
            let above = of_parent.filter(|item| id(&item["id"]).is_some_and(|id| id > watermark));
            items.extend(above.map(|item| reconcile::with_owner(item, *parent)));
        }
        if !parents.is_empty() {
            return Ok(items);
        }
        let entity = plan.kind.spec().entity;
        items = client.records_above(&List::of(entity, plan.catalog), watermark, &keys_sent(doubts)).await?;
        // A record that an answer has named exists, though the list may lag behind.
        let seen: HashSet<u64> = items.iter().filter_map(|item| id(&item["id"])).collect();
        let named: Vec<u64> =
            doubts.iter().flat_map(|doubt| doubt.named.iter().copied()).filter(|id| !seen.contains(id)).collect();
        if !named.is_empty() {
            let read = look::by_ids(client, entity, plan.catalog, &named).await?;
            items.extend(named.iter().filter_map(|id| read.get(id).cloned()));
        }
        Ok(items)
    }

    fn report_look(&mut self, matches: &[Finding], last: bool) {
        let count = |wanted: fn(&Finding) -> bool| matches.iter().filter(|found| wanted(found)).count();
        (self.observe)(UploadEvent::Looked {
            found: count(|f| matches!(f, Finding::Found { .. })),
            missing: count(|f| matches!(f, Finding::Missing)),
            unclear: count(|f| matches!(f, Finding::Unclear(_))),
            last,
        });
    }

    /// Settles what was found, and leaves the rest in `doubts`. The result is about that rest.
    fn settle_found(
        &mut self,
        doubts: &mut Vec<Doubt>,
        looked: LookResult,
        held: &AccountItems,
    ) -> Result<LookResult, StoreError> {
        let (mut found, mut rest) = (looked.found.into_iter(), Vec::new());
        for doubt in doubts.iter_mut() {
            let answered = Answered { http_status: None, attempts: doubt.attempts };
            let (mut outcomes, mut open) = (Vec::new(), Vec::new());
            for (queued, found) in std::mem::take(&mut doubt.records).into_iter().zip(found.by_ref()) {
                let Finding::Found { id, contact_id, company_id } = found else {
                    open.push(queued);
                    rest.push(found);
                    continue;
                };
                let seen = held.get(&id).and_then(answer::written_item);
                let (url, warning, total) = seen.map_or((None, None, None), |s| (s.url, s.warning, s.total));
                let (request_ids, merged, shown) = (Vec::new(), false, None);
                let item = WrittenItem { id, request_ids, contact_id, company_id, merged, url, warning, total, shown };
                outcomes.push(settle::found(&self.shared.plan, &queued, &item, answered));
                self.sample.offer(queued);
            }
            doubt.records = open;
            let mut journal = lock_journal(&self.shared.journal);
            match doubt.records.is_empty() {
                true => journal.settle_doubt(doubt.batch, &outcomes)?,
                false if outcomes.is_empty() => {}
                false => journal.found_in_doubt(doubt.batch, &outcomes)?,
            }
            drop(journal);
            outcomes.iter().filter_map(|outcome| outcome.id).for_each(|id| self.raise_watermark(id));
        }
        doubts.retain(|doubt| !doubt.records.is_empty());
        Ok(LookResult { found: rest, other_runs: looked.other_runs })
    }

    /// Sends missing records again where that is proven; otherwise they are as unclear as the rest.
    fn settle_rest(&mut self, doubts: &mut Vec<Doubt>, looked: LookResult, proof: Proof) -> Result<(), StoreError> {
        let mut found = looked.found.into_iter();
        for doubt in std::mem::take(doubts) {
            let answered = Answered { http_status: None, attempts: doubt.attempts };
            let (mut outcomes, mut missing) = (Vec::new(), Vec::new());
            for (queued, found) in doubt.records.into_iter().zip(found.by_ref()) {
                let (ids, reason) = match (found, &proof) {
                    (Finding::Unclear(ids), _) => (ids, looked.other_runs.first().map(describe_other_run)),
                    (Finding::Missing, Proof::Unproven(why)) => (Vec::new(), Some(why.clone())),
                    (Finding::Missing | Finding::Found { .. }, _) => {
                        missing.push(queued);
                        continue;
                    }
                };
                let why = reason.map_or_else(|| doubt.why.clone(), |reason| format!("{}; {reason}", doubt.why));
                self.unclear = true;
                outcomes.push(settle::unclear(&self.shared.plan, &queued, (&why, &ids), answered));
            }
            lock_journal(&self.shared.journal).settle_doubt(doubt.batch, &outcomes)?;
            self.send_rest(Load::Records(missing), doubt.cause.halves());
        }
        Ok(())
    }

    /// The list is complete where the token is an administrator's and the list shows the record that was newest before the run.
    /// Other users do not see their own records once a robot has reassigned them, and no marker helps with that.
    async fn proof(&self) -> Result<Proof, Failure> {
        let plan = &self.shared.plan;
        if !self.sees_all {
            return Ok(Proof::Unproven(
                "the token is not an administrator's, and only these see all records".to_owned(),
            ));
        }
        // The transactions of a customer come from a list of their own, of which nothing was read before.
        let Some(sentinel) = self.sentinel.filter(|_| !plan.write.names_parent()) else { return Ok(Proof::Proven) };
        let shown = look::by_ids(&self.shared.client, plan.kind.spec().entity, plan.catalog, &[sentinel]).await?;
        Ok(match shown.contains_key(&sentinel) {
            true => Proof::Proven,
            false => Proof::Unproven(format!("the list does not show {sentinel} either, which existed before")),
        })
    }

    /// Notes records that were deleted before the first look: they are created again, which the report says. A trash that
    /// cannot be read is taken as empty.
    async fn look_into_trash(&mut self, doubts: &[Doubt], looked: &LookResult) {
        let plan = &self.shared.plan;
        let entity = plan.kind.spec().entity;
        let Some(watermark) = doubts.iter().map(|doubt| doubt.watermark).min().filter(|_| entity.spec().trash) else {
            return;
        };
        if !looked.found.iter().any(|found| matches!(found, Finding::Missing)) {
            return;
        }
        let trashed = self.shared.client.trashed_above(entity, watermark).await.unwrap_or_default();
        let (records, none) = (in_doubt(doubts), HashSet::new());
        let known = PriorKnowledge {
            marker: plan.marker,
            user: plan.account.basics.current_user,
            ..PriorKnowledge::nothing(&none)
        };
        let found = match_records(&records, &trashed.iter().collect::<Vec<_>>(), known);
        let deleted = records.iter().zip(found).filter_map(|(record, found)| match found {
            Finding::Found { id, .. } => Some((record.queued.record.row, id)),
            Finding::Missing | Finding::Unclear(_) => None,
        });
        self.deleted.extend(deleted);
    }

    /// Makes records that are in doubt when the run stops unknown in its report; a resumed run looks again.
    pub(crate) fn leave_doubts(&mut self) -> Result<(), StoreError> {
        for doubt in std::mem::take(&mut self.doubts) {
            let answered = Answered { http_status: None, attempts: doubt.attempts };
            let unknown: Vec<Outcome> =
                doubt.records.iter().map(|l| settle::unknown(&self.shared.plan, l, &doubt.why, answered)).collect();
            lock_journal(&self.shared.journal).leave_in_doubt(doubt.batch, &unknown)?;
        }
        Ok(())
    }
}
