//! The one loop: requests out under the pace, answers in, outcomes into the journal, until the source is at its end or
//! something says stop. First the records, then what they are linked to, by the same queue, verdicts and journal. Whatever
//! stops it, every record that was read ends with an outcome, and what was in flight is waited for.

use super::batch::Sizer;
use super::doubt::Doubt;
use super::feed::{self, Fed, QueuedRecord};
use super::forgotten::Since;
use super::known::IdLookup;
use super::lanes::Lanes;
use super::links::{self, Queue};
use super::present::{self, Lost, PageEnd, PendingLookups};
use super::send::{Batch, Load, SendResult, TaskContext, send};
use super::settle::unprocessed;
use super::verdict::{Stop, stop_of};
use super::verify::{self, Sample};
use super::{UploadEvent, UploadOptions};
use crate::mapping::{Plan, no_marker};
use crate::store::{Counts, Journal, KnownKey, LinkOutcomes, Links, Outcome, Status, StoreError};
use amo_client::{Client, List};
use amo_model::Action;
use sheet_source::message;
use sheet_source::problem::{Note, Problem, Stage};
use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::task::{JoinError, JoinSet};
use tokio_util::sync::CancellationToken;

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
    /// What was in doubt is settled, and the rest is left.
    GivenUp,
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
    /// What the reader of the source noticed.
    pub notes: Vec<Note>,
    /// Records that are in the account, evenly spread over the run; for reading some of them back.
    pub sample: Vec<QueuedRecord>,
}

/// What a loop is given.
pub struct Upload {
    pub client: Arc<Client>,
    pub plan: Arc<Plan>,
    pub journal: Arc<Mutex<Journal>>,
    pub feed: mpsc::Receiver<Vec<Fed>>,
    pub options: UploadOptions,
    /// What an earlier stretch of the run left in doubt.
    pub doubts: Vec<Doubt>,
    /// Rows that an earlier stretch has sent and whose links nobody has kept.
    pub links_unknown: HashSet<u32>,
    /// The token's user is shown everything that the account holds.
    pub sees_all: bool,
    /// Cancelled when the user interrupts.
    pub stop: CancellationToken,
}

/// The reading side, and what is known of its end.
struct SourceFeed {
    feed: mpsc::Receiver<Vec<Fed>>,
    /// Rows of the source, once it has ended.
    rows: Option<u64>,
    /// What the reader noticed.
    notes: Vec<Note>,
}

/// What is being sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SendingPhase {
    Records,
    Links,
}

/// The end of a task.
enum Ended {
    Sent(SendResult),
    Read(PageEnd),
}

pub(super) struct Uploader<'a> {
    pub(super) shared: Arc<TaskContext>,
    pub(super) options: UploadOptions,
    pub(super) doubts: Vec<Doubt>,
    /// The token's user is shown everything that the account holds.
    pub(super) sees_all: bool,
    /// The newest record that the account had before the run sent anything.
    pub(super) sentinel: Option<u64>,
    /// Rows whose records people have deleted before anybody could look, with the ids those had.
    pub(super) deleted: HashMap<u32, u64>,
    /// Nobody could tell of some records whether they were made.
    pub(super) unclear: bool,
    pub(super) observe: &'a mut dyn FnMut(UploadEvent),
    pub(super) sizer: Sizer,
    tasks: JoinSet<Result<Ended, StoreError>>,
    phase: SendingPhase,
    pub(super) again: VecDeque<Batch>,
    pub(super) open: Lanes,
    /// What records are looked for in before they are sent, where the store may have forgotten some.
    pub(super) since: Option<Since>,
    /// Records of an update that are looked at before they are sent.
    pub(super) unread: PendingLookups,
    pub(super) lost: Lost,
    pub(super) links: Queue,
    links_unknown: HashSet<u32>,
    /// Owners of the records that are under way.
    pub(super) parents: HashSet<u64>,
    /// Rows that an earlier stretch of the run has sent and seen no answer for.
    pub(super) repeated: HashSet<u32>,
    pub(super) local: Vec<Outcome>,
    /// Records whose keys are known, not looked up yet.
    pub(super) known: Vec<(QueuedRecord, KnownKey)>,
    pub(super) lookup: IdLookup,
    pub(super) sample: Sample,
    /// Settlings since the last good answer.
    pub(super) settlings: u32,
    pub(super) retried: u64,
    pub(super) rejected: u64,
    /// Records all of whose links are made or refused.
    pub(super) linked: u64,
    end: Option<End>,
}

/// Uploads what the feed hands over, and links it.
pub async fn run(upload: Upload, observe: &mut dyn FnMut(UploadEvent)) -> Result<Report, StoreError> {
    let Upload { client, plan, journal, feed, options, doubts, links_unknown, sees_all, stop } = upload;
    let rejected = lock(&journal).counts().rejected;
    let repeated = match plan.action {
        Action::Delete | Action::Update => lock(&journal).repeated()?,
        Action::Create => HashSet::new(),
    };
    let open = Lanes::new(plan.write.names_parent());
    let shared = TaskContext {
        client,
        plan,
        journal,
        watermark: AtomicU64::new(doubts.iter().map(|d| d.watermark).max().unwrap_or(0)),
        turnstile: Default::default(),
        hold: watch::channel(false).0,
    };
    let mut reading = SourceFeed { feed, rows: None, notes: Vec::new() };
    let mut up = Uploader {
        doubts,
        open,
        repeated,
        rejected,
        links_unknown,
        sees_all,
        ..Uploader::new(shared, options, observe)
    };
    up.sentinel = up.first_sentinel()?;
    up.first_look(&stop).await;
    up.read_since(&stop).await?;
    up.drive(&mut reading, &stop).await?;
    up.leave_doubts()?;
    up.leave_the_rest(&mut reading).await?;
    let mut end = up.end.take().unwrap_or(End::Finished);
    if let Some(linked) = up.link(&end, &mut reading, &stop).await? {
        end = linked;
    }
    let (rows, mut notes) = (reading.rows.unwrap_or(0), reading.notes);
    notes.extend(up.lost.notes());
    notes.extend(no_marker(&up.shared.plan).filter(|_| up.unclear));
    Ok(Report { end, rows, retried: up.retried, notes, sample: up.sample.spread() })
}

/// A panic while the lock was held cannot have left the journal half written: every call on it is one transaction.
pub(super) fn lock(journal: &Mutex<Journal>) -> MutexGuard<'_, Journal> {
    journal.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<'a> Uploader<'a> {
    fn new(shared: TaskContext, options: UploadOptions, observe: &'a mut dyn FnMut(UploadEvent)) -> Uploader<'a> {
        let Counts { created, updated, deleted, .. } = lock(&shared.journal).counts();
        let earlier = (created + updated + deleted) as usize;
        Uploader {
            shared: Arc::new(shared),
            options,
            doubts: Vec::new(),
            sees_all: false,
            sentinel: None,
            deleted: HashMap::new(),
            unclear: false,
            observe,
            sizer: Sizer::new(options.batch),
            tasks: JoinSet::new(),
            phase: SendingPhase::Records,
            again: VecDeque::new(),
            open: Lanes::new(false),
            since: None,
            unread: PendingLookups::default(),
            lost: Lost::default(),
            links: Queue::default(),
            links_unknown: HashSet::new(),
            parents: HashSet::new(),
            repeated: HashSet::new(),
            local: Vec::new(),
            known: Vec::new(),
            lookup: IdLookup::new(options.remake_deleted),
            sample: Sample::new(options.sample, earlier),
            settlings: 0,
            retried: 0,
            rejected: 0,
            linked: 0,
            end: None,
        }
    }

    /// Sends what there is until nothing is left or something says stop, and waits for what is in flight.
    async fn drive(&mut self, reading: &mut SourceFeed, stop: &CancellationToken) -> Result<(), StoreError> {
        loop {
            if self.tasks.is_empty() && self.may_settle() {
                self.settle_all(stop).await?;
                continue;
            }
            if self.end.is_none() && self.doubts.is_empty() && self.may_look_up(reading.rows.is_some()) {
                self.settle_known().await?;
            }
            if self.options.giving_up && self.phase == SendingPhase::Records {
                self.finish_with(End::GivenUp);
            }
            self.start_batches(reading.rows.is_some())?;
            if self.tasks.is_empty() && (self.end.is_some() || (reading.rows.is_some() && self.idle())) {
                return Ok(());
            }
            tokio::select! {
                biased;
                () = stop.cancelled(), if self.end.is_none() => self.finish_with(End::Interrupted),
                Some(ended) = self.tasks.join_next() => self.ended(ended)?,
                parcel = reading.feed.recv(), if reading.rows.is_none() && self.end.is_none() && self.hungry() => {
                    match parcel {
                        Some(parcel) => self.take(parcel, reading)?,
                        None => {
                            reading.rows = Some(0);
                            self.finish_with(End::Source(feed::died()));
                        }
                    }
                }
            }
        }
    }

    fn ended(&mut self, ended: Result<Result<Ended, StoreError>, JoinError>) -> Result<(), StoreError> {
        match ended {
            Ok(ended) => match ended? {
                Ended::Sent((batch, end)) => self.landed(batch, end),
                Ended::Read(page) => self.seen(page),
            },
            // A panic of ours: a batch stays "sent" in the journal, and a resume will call it in doubt.
            Err(panic) => std::panic::resume_unwind(panic.into_panic()),
        }
    }

    /// Links the records of an upload that came to its end, or to the end of what could be read: a run is not done before
    /// they are linked. How that ended, where it decides how the run did.
    async fn link(
        &mut self,
        end: &End,
        reading: &mut SourceFeed,
        stop: &CancellationToken,
    ) -> Result<Option<End>, StoreError> {
        let broken = matches!(end, End::Source(problem) if problem.code != feed::FAULT);
        if !links::wanted(&self.shared.plan) || !(broken || matches!(end, End::Finished | End::GivenUp)) {
            return Ok(None);
        }
        self.phase = SendingPhase::Links;
        self.shared.hold.send_replace(false);
        reading.rows.get_or_insert(0);
        self.drive(reading, stop).await?;
        let linked = self.end.take().unwrap_or(End::Finished);
        // What else ended it decides, unless the links did not come to their end.
        let keeps = broken || (matches!(end, End::GivenUp) && matches!(linked, End::Finished));
        Ok((!keeps).then_some(linked))
    }

    /// A run that goes on had its newest record when it began; what is newest now may be its own.
    fn first_sentinel(&self) -> Result<Option<u64>, StoreError> {
        let journal = lock(&self.shared.journal);
        Ok(journal.store().first_watermark(journal.run())?.filter(|id| *id > 0))
    }

    /// Notes the highest id before anything is made, so that a lost answer can be looked for above it. The request also
    /// opens the connection before the first batch.
    async fn first_look(&mut self, stop: &CancellationToken) {
        if self.shared.plan.action != Action::Create {
            return;
        }
        let shared = Arc::clone(&self.shared);
        let list = List::of(shared.plan.kind.spec().entity, shared.plan.catalog);
        tokio::select! {
            biased;
            () = stop.cancelled() => self.finish_with(End::Interrupted),
            looked = shared.client.highest_id(&list) => match looked {
                Ok(id) => {
                    self.raise_watermark(id);
                    self.sentinel = self.sentinel.or((id > 0).then_some(id));
                }
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

    async fn settle_all(&mut self, stop: &CancellationToken) -> Result<(), StoreError> {
        // What is too long for somebody in between gets shorter each time; of what is refused some is done with.
        let gets_on = |doubt: &Doubt| doubt.cause.is_refusal() || (doubt.cause.halves() && doubt.records.len() > 1);
        self.settlings += u32::from(!self.doubts.iter().all(gets_on));
        self.settle_doubts(stop).await?;
        self.shared.hold.send_replace(self.end.is_some());
        if self.settlings >= SETTLINGS_MAX && !self.idle() {
            self.finish_with(End::Service(Stop::Failing(self.settlings)));
        }
        Ok(())
    }

    fn idle(&self) -> bool {
        let nothing_new = match self.phase {
            SendingPhase::Records => self.open.is_empty() && self.unread.is_empty(),
            SendingPhase::Links => self.links.is_empty(),
        };
        nothing_new && self.again.is_empty() && self.doubts.is_empty() && self.known.is_empty()
    }

    fn hungry(&self) -> bool {
        self.open.hungry(self.sizer.now()) && self.unread.hungry()
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

    fn take(&mut self, parcel: Vec<Fed>, reading: &mut SourceFeed) -> Result<(), StoreError> {
        let mut links = Vec::new();
        for fed in parcel {
            match fed {
                Fed::Record(loaded) => match (self.made_before(&loaded)?, &mut self.since) {
                    (None, _) if present::is_looked_at(&self.shared.plan) => self.unread.push(loaded),
                    (None, Some(since)) => since.push(loaded),
                    (None, None) => self.open.push(loaded),
                    (Some(known), _) => self.known.push((loaded, known)),
                },
                Fed::Local(outcome) => {
                    self.rejected += u64::from(outcome.status == Status::Rejected);
                    self.tell_rejected(std::slice::from_ref(&outcome));
                    self.local.push(outcome);
                }
                Fed::Known(loaded) => self.known(loaded, &mut links),
                Fed::Lost(outcome) => self.lost(outcome)?,
                Fed::End(walked) => {
                    reading.rows = Some(walked.rows);
                    reading.notes = walked.notes;
                }
                Fed::Broken(problem) => {
                    reading.rows = Some(0);
                    self.finish_with(End::Source(problem));
                }
            }
        }
        if self.since.as_ref().is_some_and(Since::is_full) || reading.rows.is_some() {
            self.look_for_forgotten()?;
        }
        if !links.is_empty() {
            lock(&self.shared.journal).keep_links(&links)?;
        }
        if self.local.len() >= LOCAL_MAX {
            self.write_local()?;
        }
        self.check_budget();
        Ok(())
    }

    /// A record that an earlier stretch of the run has sent, mapped again.
    fn known(&mut self, loaded: QueuedRecord, links: &mut Vec<(u32, Vec<String>)>) {
        let row = loaded.record.row;
        if self.links_unknown.contains(&row) {
            let kept = links::kept(&self.shared.plan, &loaded);
            links.extend((!kept.is_empty()).then_some((row, kept)));
        }
        self.sample.offer_known(loaded);
    }

    /// A record that an earlier stretch has sent and whose row says something else now, a key that is no longer known: its
    /// links cannot be made, and that must not go unsaid.
    fn lost(&mut self, outcome: Outcome) -> Result<(), StoreError> {
        if self.shared.plan.action == Action::Delete {
            self.sample.offer_known(verify::deleted(outcome.row));
        }
        if !self.links_unknown.contains(&outcome.row) || outcome.status != Status::Rejected {
            return Ok(());
        }
        let told = |problem: Problem| Problem {
            stage: Stage::Send,
            code: "not-linked".into(),
            message: message!("the record is made and could not be linked: {why}", why = problem.message),
            ..problem
        };
        let problems = outcome.problems.into_iter().map(told).collect();
        let links = Links { made: 0, refused: 1 };
        lock(&self.shared.journal).cannot_link(&LinkOutcomes { row: outcome.row, links, problems })
    }

    /// What another run has done with a record's key in this account: making it again would double it.
    pub(super) fn made_before(&self, loaded: &QueuedRecord) -> Result<Option<KnownKey>, StoreError> {
        match &loaded.record.key {
            Some(key) if self.shared.plan.action == Action::Create => lock(&self.shared.journal).known_key(key),
            Some(_) | None => Ok(None),
        }
    }

    pub(super) fn write_local(&mut self) -> Result<(), StoreError> {
        let local = std::mem::take(&mut self.local);
        let counts = {
            let mut journal = lock(&self.shared.journal);
            journal.local(&local)?;
            journal.counts()
        };
        (self.observe)(UploadEvent::Counts(counts));
        Ok(())
    }

    pub(super) fn tell_rejected(&mut self, outcomes: &[Outcome]) {
        for outcome in outcomes.iter().filter(|outcome| outcome.status == Status::Rejected) {
            for problem in &outcome.problems {
                (self.observe)(UploadEvent::Rejected(Box::new(problem.clone())));
            }
        }
    }

    pub(super) fn check_budget(&mut self) {
        let over = self.options.max_errors.is_some_and(|budget| budget.exceeded(self.rejected));
        if over {
            self.finish_with(End::Budget);
        }
    }

    /// Starts requests while there is room and no doubt: first what goes again, then full batches, at the end the last
    /// part; where nothing can be sent, what has to be looked at before it is.
    fn start_batches(&mut self, last: bool) -> Result<(), StoreError> {
        while self.end.is_none() && self.doubts.is_empty() && self.tasks.len() < self.options.in_flight {
            let shared = Arc::clone(&self.shared);
            if let Some(batch) = self.next_batch(last && self.unread.is_empty())? {
                self.parents.extend(batch.parent());
                let options = self.options;
                self.tasks.spawn(async move { send(shared, options, batch).await.map(Ended::Sent) });
            } else if let Some(page) = self.unread.take(last) {
                let clock = self.options.clock;
                self.tasks.spawn(async move { Ok(Ended::Read(present::read(shared, clock, page).await)) });
            } else {
                break;
            }
        }
        Ok(())
    }

    /// Never two of one owner at a time, whatever goes again.
    fn next_batch(&mut self, last: bool) -> Result<Option<Batch>, StoreError> {
        let (parents, again) = (&self.parents, &mut self.again);
        let free = again.iter().position(|batch| batch.parent().is_none_or(|parent| !parents.contains(&parent)));
        if let Some(batch) = free.and_then(|n| again.remove(n)) {
            return Ok(Some(batch));
        }
        let waits = |parent: u64| again.iter().any(|batch| batch.parent() == Some(parent));
        let load = match self.phase {
            SendingPhase::Records => {
                let busy = |parent| parents.contains(&parent) || waits(parent);
                self.open.take(self.sizer.now(), last, busy).map(Load::Records)
            }
            SendingPhase::Links => self.links.take(&lock(&self.shared.journal))?.map(Load::Links),
        };
        Ok(load.map(|load| self.fresh(load)))
    }

    pub(super) fn fresh(&self, load: Load) -> Batch {
        let no = lock(&self.shared.journal).next_batch();
        let repeated = match &load {
            Load::Records(records) => records.iter().any(|loaded| self.repeated.contains(&loaded.record.row)),
            Load::Links(_) => false,
        };
        Batch { no, load, tries: 0, pause: Duration::ZERO, watermark: 0, sent_at_ms: 0, repeated, silent: false }
    }

    /// What was read and not sent is unprocessed; the rest of the source is read so that every row has its place.
    async fn leave_the_rest(&mut self, reading: &mut SourceFeed) -> Result<(), StoreError> {
        for batch in std::mem::take(&mut self.again) {
            if let Load::Records(records) = batch.load {
                self.local.extend(records.iter().map(unprocessed));
            }
        }
        self.hold_back_known();
        let since = self.since.take().map(|mut since| since.drain()).unwrap_or_default();
        let left: Vec<QueuedRecord> = self.open.drain().into_iter().chain(self.unread.drain()).chain(since).collect();
        self.local.extend(left.iter().map(unprocessed));
        while reading.rows.is_none() {
            let Some(parcel) = reading.feed.recv().await else { break };
            for fed in parcel {
                match fed {
                    Fed::Record(loaded) => self.local.push(unprocessed(&loaded)),
                    Fed::Local(outcome) => {
                        self.tell_rejected(std::slice::from_ref(&outcome));
                        self.local.push(outcome);
                    }
                    // They have their outcomes.
                    Fed::Known(_) | Fed::Lost(_) => {}
                    Fed::End(walked) => {
                        reading.rows = Some(walked.rows);
                        reading.notes = walked.notes;
                    }
                    Fed::Broken(_) => reading.rows = Some(0),
                }
            }
            if self.local.len() >= LOCAL_MAX {
                self.write_local()?;
            }
        }
        self.write_local()
    }
}
