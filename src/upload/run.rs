//! The one loop: batches out under the pace, answers in, outcomes into the journal, until the source is at its end or
//! something says stop. Whatever stops it, every record that was read ends with an outcome, and what was in flight is
//! waited for.

use super::batch::Sizer;
use super::doubt::Doubt;
use super::feed::{self, Fed, Loaded};
use super::lanes::Lanes;
use super::send::{Batch, Landed, Shared, send};
use super::settle::{self, unprocessed};
use super::verdict::{Stop, stop_of};
use super::{Event, Options};
use crate::api::Client;
use crate::entity::Action;
use crate::mapping::Plan;
use crate::problem::Problem;
use crate::store::{Journal, KnownKey, Outcome, Status, StoreError};
use std::collections::{HashSet, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
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

pub(super) struct Uploader<'a> {
    pub(super) shared: Arc<Shared>,
    pub(super) options: Options,
    pub(super) doubts: Vec<Doubt>,
    pub(super) observe: &'a mut dyn FnMut(Event),
    pub(super) sizer: Sizer,
    tasks: JoinSet<Result<Landed, StoreError>>,
    pub(super) again: VecDeque<Batch>,
    pub(super) open: Lanes,
    /// Owners of the records that are under way.
    pub(super) parents: HashSet<u64>,
    /// Rows that an earlier stretch of the run has sent and seen no answer for.
    repeated: HashSet<u32>,
    pub(super) local: Vec<Outcome>,
    /// Settlings since the last good answer.
    pub(super) settlings: u32,
    pub(super) retried: u64,
    pub(super) rejected: u64,
    end: Option<End>,
}

/// Uploads what the feed hands over.
pub async fn run(upload: Upload, observe: &mut dyn FnMut(Event)) -> Result<Report, StoreError> {
    let Upload { client, plan, journal, feed: mut parcels, options, doubts, mut stop } = upload;
    let rejected = lock(&journal).counts().rejected;
    let repeated = match plan.action {
        Action::Delete => lock(&journal).repeated()?,
        Action::Create | Action::Update => HashSet::new(),
    };
    let open = Lanes::new(plan.write.names_parent());
    let shared = Shared {
        client,
        plan,
        journal,
        watermark: AtomicU64::new(doubts.iter().map(|d| d.watermark).max().unwrap_or(0)),
        turnstile: Default::default(),
        hold: watch::channel(false).0,
    };
    let mut up = Uploader { doubts, open, repeated, rejected, ..Uploader::new(shared, options, observe) };
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

impl<'a> Uploader<'a> {
    fn new(shared: Shared, options: Options, observe: &'a mut dyn FnMut(Event)) -> Uploader<'a> {
        Uploader {
            shared: Arc::new(shared),
            options,
            doubts: Vec::new(),
            observe,
            sizer: Sizer::new(options.batch),
            tasks: JoinSet::new(),
            again: VecDeque::new(),
            open: Lanes::new(false),
            parents: HashSet::new(),
            repeated: HashSet::new(),
            local: Vec::new(),
            settlings: 0,
            retried: 0,
            rejected: 0,
            end: None,
        }
    }

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
            looked = shared.client.highest_id(shared.plan.kind.spec().entity, shared.plan.catalog) => match looked {
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

    fn hungry(&self) -> bool {
        self.open.hungry(self.sizer.now())
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
                    Some(known) => self.reject_known(&loaded, &known),
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
    pub(super) fn made_before(&self, loaded: &Loaded) -> Result<Option<KnownKey>, StoreError> {
        match &loaded.record.key {
            Some(key) if self.shared.plan.action == Action::Create && !self.options.again => {
                lock(&self.shared.journal).known_key(key)
            }
            Some(_) | None => Ok(None),
        }
    }

    pub(super) fn reject_known(&mut self, loaded: &Loaded, known: &KnownKey) {
        self.rejected += 1;
        self.local.push(settle::made_before(&self.shared.plan, loaded, known));
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

    pub(super) fn check_budget(&mut self) {
        let over = self.options.max_errors.is_some_and(|budget| budget.exceeded(self.rejected));
        if over {
            self.finish_with(End::Budget);
        }
    }

    /// Starts requests while there is room and no doubt: first what goes again, then full batches, at the end the last
    /// part.
    fn start_batches(&mut self, last: bool) {
        while self.end.is_none() && self.doubts.is_empty() && self.tasks.len() < self.options.in_flight {
            let Some(batch) = self.next_batch(last) else { break };
            self.parents.extend(batch.parent());
            self.tasks.spawn(send(Arc::clone(&self.shared), self.options, batch));
        }
    }

    /// Never two of one owner at a time, whatever goes again.
    fn next_batch(&mut self, last: bool) -> Option<Batch> {
        let (parents, again) = (&self.parents, &mut self.again);
        let free = again.iter().position(|batch| batch.parent().is_none_or(|parent| !parents.contains(&parent)));
        if let Some(batch) = free.and_then(|n| again.remove(n)) {
            return Some(batch);
        }
        let waits = |parent: u64| again.iter().any(|batch| batch.parent() == Some(parent));
        let records = self.open.take(self.sizer.now(), last, |parent| parents.contains(&parent) || waits(parent))?;
        Some(self.fresh(records))
    }

    pub(super) fn fresh(&self, records: Vec<Loaded>) -> Batch {
        let no = lock(&self.shared.journal).next_batch();
        let repeated = records.iter().any(|loaded| self.repeated.contains(&loaded.record.row));
        Batch { no, records, tries: 0, pause: Duration::ZERO, watermark: 0, repeated, silent: false }
    }

    /// What was read and not sent is unprocessed; the rest of the source is read so that every row has its place.
    async fn leave_the_rest(
        &mut self,
        feed: &mut mpsc::Receiver<Vec<Fed>>,
        rows: &mut Option<u64>,
    ) -> Result<(), StoreError> {
        let again = std::mem::take(&mut self.again).into_iter().flat_map(|batch| batch.records);
        let left: Vec<Loaded> = again.chain(self.open.drain()).collect();
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
