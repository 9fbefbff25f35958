//! The one loop: batches out under the pace, answers in, outcomes into the journal, until the source is at its end or
//! something says stop. Whatever stops it, every record that was read ends with an outcome, and what was in flight is
//! waited for.

use super::batch::Sizer;
use super::doubt::Doubt;
use super::feed::{self, Fed, Loaded};
use super::settle::{self, Answered};
use super::verdict::{Stop, Verdict, stop_of, verdict};
use super::{Event, Options};
use crate::api::{Client, Failure, Reply};
use crate::entity::answer::WrittenItem;
use crate::entity::{Action, payload};
use crate::mapping::Plan;
use crate::problem::Problem;
use crate::store::{BatchNo, Journal, KnownKey, Outcome, Sending, Status, StoreError};
use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

/// Settlings of doubts in a row, without one good answer between them, after which the service counts as failing.
const SETTLINGS_MAX: u32 = 3;
/// Local outcomes written to the journal in one go.
const LOCAL_MAX: usize = 1_000;

/// Why the loop ended.
#[derive(Debug)]
pub enum End {
    Finished,
    Budget,
    Service(Stop),
    Interrupted,
    Source(Problem),
}

/// What a loop did, beside what is in the journal.
#[derive(Debug)]
pub struct Report {
    pub end: End,
    /// Rows of the source, where it was read to its end.
    pub rows: u64,
    /// Batches sent more than once or again in part.
    pub retried: u64,
}

/// What a loop is given.
pub struct Upload {
    pub client: Arc<Client>,
    pub plan: Arc<Plan>,
    pub journal: Arc<Mutex<Journal>>,
    pub feed: mpsc::Receiver<Vec<Fed>>,
    pub options: Options,
    /// What an earlier stretch of the run left in doubt.
    pub doubts: Vec<Doubt>,
    /// Turns true when the user interrupts.
    pub stop: watch::Receiver<bool>,
}

struct Batch {
    no: BatchNo,
    records: Vec<Loaded>,
    tries: u32,
    /// Not before this.
    pause: Duration,
    /// The highest id known when it was sent.
    watermark: u64,
}

/// A task's end: the batch back, with what became of its request. `None`: it was stopped before it was sent.
type Landed = (Batch, Option<(Result<Reply, Failure>, Duration)>);

/// What the tasks share.
pub(super) struct Shared {
    pub client: Arc<Client>,
    pub plan: Arc<Plan>,
    pub journal: Arc<Mutex<Journal>>,
    /// The highest id known to exist.
    watermark: AtomicU64,
    /// Held from noting a batch as sent until its turn has come: so a crash leaves one batch in needless doubt at most.
    turnstile: tokio::sync::Mutex<()>,
    /// True while nothing may go out: a doubt is open, or the run is stopping. Tasks that wait for their turn give their
    /// batch back unsent.
    hold: watch::Sender<bool>,
}

pub(super) struct Uploader<'a> {
    pub(super) shared: Arc<Shared>,
    pub(super) options: Options,
    pub(super) doubts: Vec<Doubt>,
    pub(super) observe: &'a mut dyn FnMut(Event),
    sizer: Sizer,
    tasks: JoinSet<Result<Landed, StoreError>>,
    again: VecDeque<Batch>,
    open: Vec<Loaded>,
    local: Vec<Outcome>,
    /// Settlings since the last good answer.
    settlings: u32,
    retried: u64,
    rejected: u64,
    end: Option<End>,
}

/// Uploads what the feed hands over.
pub async fn run(upload: Upload, observe: &mut dyn FnMut(Event)) -> Result<Report, StoreError> {
    let Upload { client, plan, journal, feed: mut parcels, options, doubts, mut stop } = upload;
    let rejected = lock(&journal).counts().rejected;
    let shared = Shared {
        client,
        plan,
        journal,
        watermark: AtomicU64::new(doubts.iter().map(|d| d.watermark).max().unwrap_or(0)),
        turnstile: Default::default(),
        hold: watch::channel(false).0,
    };
    let mut up = Uploader {
        shared: Arc::new(shared),
        options,
        doubts,
        observe,
        sizer: Sizer::new(options.batch),
        tasks: JoinSet::new(),
        again: VecDeque::new(),
        open: Vec::new(),
        local: Vec::new(),
        settlings: 0,
        retried: 0,
        rejected,
        end: None,
    };
    up.first_look(&mut stop).await;
    let mut rows = None;
    loop {
        if up.tasks.is_empty() && up.may_settle() {
            up.settle_all(&mut stop).await?;
            continue;
        }
        up.start_batches(rows.is_some());
        if up.tasks.is_empty() && (up.end.is_some() || (rows.is_some() && up.idle())) {
            break;
        }
        tokio::select! {
            biased;
            stopped = stop.wait_for(|stop| *stop), if up.end.is_none() => {
                if stopped.is_ok() {
                    up.finish_with(End::Interrupted);
                }
            }
            Some(landed) = up.tasks.join_next() => up.landed(landed)?,
            parcel = parcels.recv(), if rows.is_none() && up.end.is_none() && up.hungry() => match parcel {
                Some(parcel) => up.take(parcel, &mut rows)?,
                None => {
                    rows = Some(0);
                    up.finish_with(End::Source(feed::died()));
                }
            },
        }
    }
    up.leave_doubts()?;
    up.leave_the_rest(&mut parcels, &mut rows).await?;
    let end = up.end.take().unwrap_or(End::Finished);
    Ok(Report { end, rows: rows.unwrap_or(0), retried: up.retried })
}

/// A panic while the lock was held cannot have left the journal half written: every call on it is one transaction.
pub(super) fn lock(journal: &Mutex<Journal>) -> MutexGuard<'_, Journal> {
    journal.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Uploader<'_> {
    /// Notes the highest id before anything is made, so that a lost answer can be looked for above it. The request also
    /// opens the connection before the first batch.
    async fn first_look(&mut self, stop: &mut watch::Receiver<bool>) {
        if self.shared.plan.action != Action::Create {
            return;
        }
        let shared = Arc::clone(&self.shared);
        tokio::select! {
            biased;
            Ok(_) = stop.wait_for(|stop| *stop) => self.finish_with(End::Interrupted),
            looked = shared.client.highest_id(shared.plan.kind.spec().entity) => match looked {
                Ok(id) => self.raise_watermark(id),
                Err(failure) => self.finish_with(End::Service(stop_of(failure))),
            },
        }
    }

    pub(super) fn raise_watermark(&self, id: u64) {
        self.shared.watermark.fetch_max(id, Ordering::Relaxed);
    }

    /// Doubts are settled with nothing in flight, unless the run is stopping because of the service or the user.
    fn may_settle(&self) -> bool {
        !self.doubts.is_empty() && !matches!(self.end, Some(End::Service(_) | End::Interrupted))
    }

    async fn settle_all(&mut self, stop: &mut watch::Receiver<bool>) -> Result<(), StoreError> {
        self.settlings += 1;
        self.settle_doubts(stop).await?;
        self.shared.hold.send_replace(self.end.is_some());
        if self.settlings >= SETTLINGS_MAX && !self.idle() {
            self.finish_with(End::Service(Stop::Failing(self.settlings)));
        }
        Ok(())
    }

    fn idle(&self) -> bool {
        self.again.is_empty() && self.open.is_empty() && self.doubts.is_empty()
    }

    /// Room for more rows: less than a batch is waiting.
    fn hungry(&self) -> bool {
        self.open.len() < self.sizer.now()
    }

    pub(super) fn finish_with(&mut self, end: End) {
        if self.end.is_none() {
            self.end = Some(end);
            self.shared.hold.send_replace(true);
        }
    }

    /// Ends the run whatever ended it before: without this the doubts would be looked at again and again.
    pub(super) fn stop_with(&mut self, end: End) {
        self.end = Some(end);
        self.shared.hold.send_replace(true);
    }

    fn take(&mut self, parcel: Vec<Fed>, rows: &mut Option<u64>) -> Result<(), StoreError> {
        for fed in parcel {
            match fed {
                Fed::Record(loaded) => match self.made_before(&loaded)? {
                    None => self.open.push(loaded),
                    Some(known) => {
                        self.rejected += 1;
                        self.local.push(settle::made_before(&self.shared.plan, &loaded, &known));
                    }
                },
                Fed::Local(outcome) => {
                    self.rejected += u64::from(outcome.status == Status::Rejected);
                    self.local.push(outcome);
                }
                Fed::End { rows: all } => *rows = Some(all),
                Fed::Broken(problem) => {
                    *rows = Some(0);
                    self.finish_with(End::Source(problem));
                }
            }
        }
        if self.local.len() >= LOCAL_MAX {
            self.write_local()?;
        }
        self.check_budget();
        Ok(())
    }

    /// What another run has done with a record's key in this account: making it again would double it.
    fn made_before(&self, loaded: &Loaded) -> Result<Option<KnownKey>, StoreError> {
        match &loaded.record.key {
            Some(key) if self.shared.plan.action == Action::Create && !self.options.again => {
                lock(&self.shared.journal).known_key(key)
            }
            Some(_) | None => Ok(None),
        }
    }

    fn write_local(&mut self) -> Result<(), StoreError> {
        let local = std::mem::take(&mut self.local);
        let counts = {
            let mut journal = lock(&self.shared.journal);
            journal.local(&local)?;
            journal.counts()
        };
        (self.observe)(Event::Counts(counts));
        Ok(())
    }

    fn check_budget(&mut self) {
        let over = self.options.max_errors.is_some_and(|budget| budget.exceeded(self.rejected));
        if over {
            self.finish_with(End::Budget);
        }
    }

    /// Starts requests while there is room and no doubt: first what goes again, then full batches, at the end the last
    /// part.
    fn start_batches(&mut self, last: bool) {
        while self.end.is_none() && self.doubts.is_empty() && self.tasks.len() < self.options.in_flight {
            let batch = match self.again.pop_front() {
                Some(batch) => batch,
                None if self.open.len() >= self.sizer.now() || (last && !self.open.is_empty()) => {
                    let rest = self.open.split_off(self.sizer.now().min(self.open.len()));
                    let records = std::mem::replace(&mut self.open, rest);
                    self.fresh(records)
                }
                None => break,
            };
            self.tasks.spawn(send(Arc::clone(&self.shared), self.options, batch));
        }
    }

    fn fresh(&self, records: Vec<Loaded>) -> Batch {
        let no = lock(&self.shared.journal).next_batch();
        Batch { no, records, tries: 0, pause: Duration::ZERO, watermark: 0 }
    }

    fn landed(&mut self, landed: Result<Result<Landed, StoreError>, tokio::task::JoinError>) -> Result<(), StoreError> {
        let (batch, end) = match landed {
            Ok(landed) => landed?,
            // A panic of ours: the batch stays "sent" in the journal, and a resume will call it in doubt.
            Err(panic) => std::panic::resume_unwind(panic.into_panic()),
        };
        let Some((end, took)) = end else {
            // It goes first when the doubt is settled, or is left unprocessed.
            self.again.push_back(batch);
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
        let verdict = verdict(&end, plan.write, plan.kind.spec().entity.path(), batch.tries);
        self.learn(&verdict, &batch, took);
        self.settle(batch, verdict, status)?;
        let counts = lock(&self.shared.journal).counts();
        self.rejected = counts.rejected + self.local.iter().filter(|o| o.status == Status::Rejected).count() as u64;
        (self.observe)(Event::Counts(counts));
        self.check_budget();
        Ok(())
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
            Verdict::Again { .. } | Verdict::Reject(_) | Verdict::Halve(_) | Verdict::Stop(_) => {}
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
            Verdict::Reject(errors) => match settle::refused(&plan, batch.records, &errors, answered) {
                Ok((outcomes, rest)) => {
                    lock(&self.shared.journal).answered(batch.no, status.unwrap_or(400), &outcomes)?;
                    self.send_again(rest);
                    Ok(())
                }
                Err(records) => {
                    let why = "the service named records that were not sent";
                    self.halve(batch.no, records, why, status, answered)
                }
            },
            Verdict::Halve(why) => self.halve(batch.no, batch.records, &why, status, answered),
            Verdict::InDoubt(why) => {
                lock(&self.shared.journal).doubt(batch.no, status, &[])?;
                self.doubt(batch.no, batch.records, batch.watermark, batch.tries, why);
                Ok(())
            }
            Verdict::Stop(why) => {
                lock(&self.shared.journal).not_taken(batch.no, status)?;
                self.open.extend(batch.records);
                self.finish_with(End::Service(why));
                Ok(())
            }
        }
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
        if self.shared.plan.action == Action::Update {
            // Nothing above the watermark would tell; a change that may not have been made is the user's to look at.
            let why = "the answer does not mention it";
            let unknown = silent.iter().map(|loaded| settle::unknown(&self.shared.plan, loaded, why, answered));
            let all: Vec<Outcome> = outcomes.into_iter().chain(unknown).collect();
            return journal.answered(batch.no, status.unwrap_or(200), &all);
        }
        journal.doubt(batch.no, status, &outcomes)?;
        drop(journal);
        let why = "the answer does not mention this record".to_owned();
        self.doubt(batch.no, silent, batch.watermark, batch.tries, why);
        Ok(())
    }

    fn doubt(&mut self, batch: BatchNo, records: Vec<Loaded>, watermark: u64, attempts: u32, why: String) {
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

    /// What was read and not sent is unprocessed; the rest of the source is read so that every row has its place.
    async fn leave_the_rest(
        &mut self,
        feed: &mut mpsc::Receiver<Vec<Fed>>,
        rows: &mut Option<u64>,
    ) -> Result<(), StoreError> {
        let again = std::mem::take(&mut self.again).into_iter().flat_map(|batch| batch.records);
        let left: Vec<Loaded> = again.chain(std::mem::take(&mut self.open)).collect();
        self.local.extend(left.iter().map(unprocessed));
        while rows.is_none() {
            let Some(parcel) = feed.recv().await else { break };
            for fed in parcel {
                match fed {
                    Fed::Record(loaded) => self.local.push(unprocessed(&loaded)),
                    Fed::Local(outcome) => self.local.push(outcome),
                    Fed::End { rows: all } => *rows = Some(all),
                    Fed::Broken(_) => *rows = Some(0),
                }
            }
            if self.local.len() >= LOCAL_MAX {
                self.write_local()?;
            }
        }
        self.write_local()
    }
}

/// The outcome of a record whose turn did not come.
pub fn unprocessed(loaded: &Loaded) -> Outcome {
    Outcome { key: loaded.record.key.clone(), ..Outcome::new(loaded.record.row, Status::Unprocessed) }
}

/// One batch on its way: noted as sent, its turn awaited, sent, its answer read.
async fn send(shared: Arc<Shared>, options: Options, mut batch: Batch) -> Result<Landed, StoreError> {
    let mut hold = shared.hold.subscribe();
    let turn = async {
        // A timer of nothing would still shuffle the batches; without one they go out in the source's order.
        if !batch.pause.is_zero() {
            options.clock.sleep(batch.pause).await;
        }
        shared.turnstile.lock().await
    };
    let turn = tokio::select! {
        biased;
        _ = hold.wait_for(|hold| *hold) => return Ok((batch, None)),
        turn = turn => turn,
    };
    let rows: Vec<u32> = batch.records.iter().map(|loaded| loaded.record.row).collect();
    batch.watermark = shared.watermark.load(Ordering::Relaxed);
    let creates = shared.plan.write.action == Action::Create;
    let keys: Vec<&str> = batch.records.iter().filter(|_| creates).filter_map(|l| l.record.key.as_deref()).collect();
    let at_ms = options.clock.unix_ms();
    lock(&shared.journal).sent(&Sending {
        batch: batch.no,
        rows: &rows,
        keys: &keys,
        watermark: batch.watermark,
        at_ms,
    })?;
    let stopped = tokio::select! {
        biased;
        () = shared.client.pace().turn() => false,
        // A pause that the service asked for may be long, and whoever interrupts should not wait for it.
        _ = hold.wait_for(|hold| *hold) => true,
    };
    if stopped {
        lock(&shared.journal).not_taken(batch.no, None)?;
        return Ok((batch, None));
    }
    drop(turn);
    batch.tries += 1;
    let body = payload::batch(batch.records.iter().map(|loaded| loaded.record.body.as_slice()));
    let started = Instant::now();
    let write = shared.plan.write;
    let end = shared.client.write(write.action.method(), write.path, body).await;
    Ok((batch, Some((end, options.clock.since(started)))))
}
