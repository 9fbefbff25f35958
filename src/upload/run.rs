//! The one loop: batches out under the pace, answers in, outcomes into the journal, until the source is at its end or
//! something says stop. Whatever stops it, every record that was read ends with an outcome, and what was in flight is
//! waited for.

use super::feed::{Fed, Loaded};
use super::settle::{self, Answered};
use super::verdict::{Stop, Verdict, verdict};
use super::{Event, Options};
use crate::api::{Client, Failure, Reply};
use crate::entity::payload;
use crate::mapping::Plan;
use crate::problem::Problem;
use crate::store::{BatchNo, Journal, Outcome, Status, StoreError};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

/// Requests under way at once. At 7 a second and 3 s an answer, 21 are needed to keep the pace.
const IN_FLIGHT_MAX: usize = 24;
/// Batches in doubt in a row after which the service counts as failing: each costs its records their certainty.
const DOUBTS_MAX: u32 = 3;
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

struct Batch {
    no: BatchNo,
    records: Vec<Loaded>,
    tries: u32,
    /// Not before this.
    pause: Duration,
}

/// A task's end: the batch back, with what became of its request. `None`: it was stopped before it was sent.
type Landed = (Batch, Option<(Result<Reply, Failure>, Duration)>);

/// What the tasks share.
struct Shared {
    client: Arc<Client>,
    plan: Arc<Plan>,
    journal: Arc<Mutex<Journal>>,
    /// Held from noting a batch as sent until its turn has come: so a crash leaves one batch in needless doubt at most.
    turnstile: tokio::sync::Mutex<()>,
    stopping: watch::Sender<bool>,
}

pub struct Uploader<'a> {
    shared: Arc<Shared>,
    options: Options,
    tasks: JoinSet<Result<Landed, StoreError>>,
    again: VecDeque<Batch>,
    open: Vec<Loaded>,
    local: Vec<Outcome>,
    doubts: u32,
    retried: u64,
    rejected: u64,
    end: Option<End>,
    observe: &'a mut dyn FnMut(Event),
}

/// Uploads what the feed hands over. `stop` turns true when the user interrupts.
pub async fn run(
    client: Arc<Client>,
    plan: Arc<Plan>,
    journal: Arc<Mutex<Journal>>,
    mut feed: mpsc::Receiver<Vec<Fed>>,
    options: Options,
    mut stop: watch::Receiver<bool>,
    observe: &mut dyn FnMut(Event),
) -> Result<Report, StoreError> {
    let rejected = lock(&journal).counts().rejected;
    let shared = Shared { client, plan, journal, turnstile: Default::default(), stopping: watch::channel(false).0 };
    let mut up = Uploader {
        shared: Arc::new(shared),
        options,
        tasks: JoinSet::new(),
        again: VecDeque::new(),
        open: Vec::new(),
        local: Vec::new(),
        doubts: 0,
        retried: 0,
        rejected,
        end: None,
        observe,
    };
    let mut rows = None;
    loop {
        up.start_batches(rows.is_some());
        if up.tasks.is_empty() && (up.end.is_some() || (rows.is_some() && up.idle())) {
            break;
        }
        tokio::select! {
            biased;
            changed = stop.changed(), if up.end.is_none() => {
                if changed.is_err() || *stop.borrow() {
                    up.finish_with(End::Interrupted);
                }
            }
            Some(landed) = up.tasks.join_next() => up.landed(landed)?,
            parcel = feed.recv(), if rows.is_none() && up.end.is_none() && up.hungry() => match parcel {
                Some(parcel) => up.take(parcel, &mut rows)?,
                None => rows = Some(0),
            },
        }
    }
    up.leave_the_rest(&mut feed, &mut rows).await?;
    let end = up.end.take().unwrap_or(End::Finished);
    Ok(Report { end, rows: rows.unwrap_or(0), retried: up.retried })
}

/// A panic while the lock was held cannot have left the journal half written: every call on it is one transaction.
fn lock(journal: &Mutex<Journal>) -> MutexGuard<'_, Journal> {
    journal.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

impl Uploader<'_> {
    fn idle(&self) -> bool {
        self.again.is_empty() && self.open.is_empty()
    }

    /// Room for more rows: less than a batch is waiting.
    fn hungry(&self) -> bool {
        self.open.len() < self.options.batch
    }

    fn finish_with(&mut self, end: End) {
        if self.end.is_none() {
            self.end = Some(end);
            // Tasks that wait for their turn give their batch back unsent.
            self.shared.stopping.send_replace(true);
        }
    }

    fn take(&mut self, parcel: Vec<Fed>, rows: &mut Option<u64>) -> Result<(), StoreError> {
        for fed in parcel {
            match fed {
                Fed::Record(loaded) => self.open.push(loaded),
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

    /// Starts requests while there is room: first what goes again, then full batches, at the end the last part.
    fn start_batches(&mut self, last: bool) {
        while self.end.is_none() && self.tasks.len() < IN_FLIGHT_MAX {
            let batch = match self.again.pop_front() {
                Some(batch) => batch,
                None if self.open.len() >= self.options.batch || (last && !self.open.is_empty()) => {
                    let size = self.options.batch.min(self.open.len());
                    let rest = self.open.split_off(size);
                    let records = std::mem::replace(&mut self.open, rest);
                    self.fresh(records, Duration::ZERO)
                }
                None => break,
            };
            self.tasks.spawn(send(Arc::clone(&self.shared), batch));
        }
    }

    fn fresh(&self, records: Vec<Loaded>, pause: Duration) -> Batch {
        Batch { no: lock(&self.shared.journal).next_batch(), records, tries: 0, pause }
    }

    fn landed(&mut self, landed: Result<Result<Landed, StoreError>, tokio::task::JoinError>) -> Result<(), StoreError> {
        let (batch, end) = match landed {
            Ok(landed) => landed?,
            // A panic of ours: the batch stays "sent" in the journal, and a resume will call it in doubt.
            Err(panic) => std::panic::resume_unwind(panic.into_panic()),
        };
        let Some((end, took)) = end else {
            self.open.extend(batch.records);
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
        self.settle(batch, verdict, status)?;
        let counts = lock(&self.shared.journal).counts();
        self.rejected = counts.rejected + self.local.iter().filter(|o| o.status == Status::Rejected).count() as u64;
        (self.observe)(Event::Counts(counts));
        self.check_budget();
        Ok(())
    }

    fn settle(&mut self, batch: Batch, verdict: Verdict, status: Option<u16>) -> Result<(), StoreError> {
        let plan = Arc::clone(&self.shared.plan);
        let answered = Answered { http_status: status, attempts: batch.tries };
        if !matches!(verdict, Verdict::InDoubt(_)) {
            self.doubts = 0;
        }
        let journal = Arc::clone(&self.shared.journal);
        let mut journal = lock(&journal);
        match verdict {
            Verdict::Done(items) => {
                let outcomes = settle::done(&plan, &batch.records, &items, answered);
                journal.answered(batch.no, status.unwrap_or(200), &outcomes)?;
            }
            Verdict::Again { pause, why } => {
                journal.not_taken(batch.no, status)?;
                drop(journal);
                (self.observe)(Event::Again { batch: batch.no, why });
                self.retried += 1;
                self.again.push_front(Batch { pause, ..batch });
            }
            Verdict::Reject(errors) => match settle::refused(&plan, batch.records, &errors, answered) {
                Ok((outcomes, rest)) => {
                    journal.answered(batch.no, status.unwrap_or(400), &outcomes)?;
                    drop(journal);
                    self.send_again(rest);
                }
                Err(records) => {
                    drop(journal);
                    let why = "the service named records that were not sent";
                    self.halve(batch.no, records, why, status, answered)?;
                }
            },
            Verdict::Halve(why) => {
                drop(journal);
                self.halve(batch.no, batch.records, &why, status, answered)?;
            }
            Verdict::InDoubt(why) => {
                let unknown = batch.records.iter().map(|loaded| settle::unknown(&plan, loaded, &why, answered));
                journal.in_doubt(batch.no, status, &unknown.collect::<Vec<_>>())?;
                drop(journal);
                (self.observe)(Event::InDoubt { batch: batch.no, why });
                self.doubts += 1;
                if self.doubts >= DOUBTS_MAX {
                    self.finish_with(End::Service(Stop::Failing(self.doubts)));
                }
            }
            Verdict::Stop(why) => {
                journal.not_taken(batch.no, status)?;
                drop(journal);
                self.open.extend(batch.records);
                self.finish_with(End::Service(why));
            }
        }
        Ok(())
    }

    fn send_again(&mut self, rest: Vec<Loaded>) {
        if !rest.is_empty() {
            self.retried += 1;
            let batch = self.fresh(rest, Duration::ZERO);
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
async fn send(shared: Arc<Shared>, mut batch: Batch) -> Result<Landed, StoreError> {
    let mut stopping = shared.stopping.subscribe();
    let stopped = stopping.wait_for(|stop| *stop);
    let turn = async {
        tokio::time::sleep(batch.pause).await;
        shared.turnstile.lock().await
    };
    let turn = tokio::select! {
        biased;
        _ = stopped => return Ok((batch, None)),
        turn = turn => turn,
    };
    let rows: Vec<u32> = batch.records.iter().map(|loaded| loaded.record.row).collect();
    let at_ms = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |d| d.as_millis() as i64);
    lock(&shared.journal).sent(batch.no, &rows, at_ms)?;
    shared.client.pace().turn().await;
    drop(turn);
    batch.tries += 1;
    let body = payload::batch(batch.records.iter().map(|loaded| loaded.record.body.as_slice()));
    let started = Instant::now();
    let write = shared.plan.write;
    let end = shared.client.write(write.action.method(), write.path, body).await;
    Ok((batch, Some((end, started.elapsed()))))
}
