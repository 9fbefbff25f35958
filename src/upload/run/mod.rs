//! The upload loop: it sends requests under the pace, reads the answers and writes outcomes into the journal, until the
//! source ends or something stops it. Records go first, then their links, with the same queue, verdicts and journal. Whatever
//! stops the loop, every record that was read gets an outcome, and requests in flight are awaited.
//!
//! `intake` takes what the reading side hands over, `responses` settles what the service answers.

mod intake;
mod responses;

use crate::mapping::{Plan, no_marker};
use crate::store::{Counts, Journal, KnownKey, Outcome, StoreError, lock_journal};
use crate::upload::batch::Sizer;
use crate::upload::doubt::Doubt;
use crate::upload::doubt::look::NewItems;
use crate::upload::feed::known::IdLookup;
use crate::upload::feed::{self, FeedItem, QueuedRecord};
use crate::upload::links::{self, LinkQueue};
use crate::upload::present::{self, PageEnd, PendingLookups, ReplacedValues};
use crate::upload::queue::Lanes;
use crate::upload::send::{Batch, Load, SendResult, TaskContext, send};
use crate::upload::verdict::{Stop, stop_of};
use crate::upload::verify::Sample;
use crate::upload::{End, Report, UploadEvent, UploadOptions};
use amo_client::{Client, List};
use amo_model::Action;
use sheet_source::problem::Note;
use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::task::{JoinError, JoinSet};
use tokio_util::sync::CancellationToken;

/// The service counts as failing after so many settlings of doubts in a row without a good answer between them.
const SETTLINGS_MAX: u32 = 3;
/// Local outcomes written to the journal in one go.
const LOCAL_MAX: usize = 1_000;

/// The input of an upload.
pub struct Upload {
    pub client: Arc<Client>,
    pub plan: Arc<Plan>,
    pub journal: Arc<Mutex<Journal>>,
    pub feed: mpsc::Receiver<Vec<FeedItem>>,
    pub options: UploadOptions,
    /// Records that an earlier stretch of the run left in doubt.
    pub doubts: Vec<Doubt>,
    /// Rows that an earlier stretch has sent and whose links are not in the store.
    pub links_unknown: HashSet<u32>,
    /// True where the token's user sees everything in the account.
    pub sees_all: bool,
    /// Cancelled by the user's interrupt.
    pub stop: CancellationToken,
}

/// The reading side, and the facts that come with its end.
struct SourceFeed {
    feed: mpsc::Receiver<Vec<FeedItem>>,
    /// Number of rows of the source, once it has ended.
    rows: Option<u64>,
    /// Notes of the reader.
    notes: Vec<Note>,
}

/// What the loop sends now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SendingPhase {
    Records,
    Links,
}

/// The result of a task.
enum TaskEnd {
    Sent(SendResult),
    Read(PageEnd),
}

pub(super) struct Uploader<'a> {
    pub(super) shared: Arc<TaskContext>,
    pub(super) options: UploadOptions,
    pub(super) doubts: Vec<Doubt>,
    /// True where the token's user sees everything in the account.
    pub(super) sees_all: bool,
    /// The id of the newest record that the account had before the run sent anything.
    pub(super) sentinel: Option<u64>,
    /// Rows whose records were deleted by people before the first look, with the ids that these had.
    pub(super) deleted: HashMap<u32, u64>,
    /// True where it stayed unclear of some records whether they exist.
    pub(super) unclear: bool,
    pub(super) observe: &'a mut dyn FnMut(UploadEvent),
    pub(super) sizer: Sizer,
    tasks: JoinSet<Result<TaskEnd, StoreError>>,
    phase: SendingPhase,
    /// Batches that are sent again, before any new one.
    pub(super) retry_queue: VecDeque<Batch>,
    /// Records that wait for their batch.
    pub(super) pending: Lanes,
    /// What the account has got since the store knew all, where the store may have forgotten some sends. Records are matched
    /// with it before they are sent.
    pub(super) new_items: Option<NewItems>,
    /// Records of an update that are read from the account before they are sent.
    pub(super) lookups: PendingLookups,
    pub(super) replaced: ReplacedValues,
    pub(super) links: LinkQueue,
    links_unknown: HashSet<u32>,
    /// Parents of the records in flight.
    pub(super) parents: HashSet<u64>,
    /// Rows that an earlier stretch of the run has sent without seeing an answer.
    pub(super) repeated: HashSet<u32>,
    /// Outcomes of rows that are not sent, not yet in the journal.
    pub(super) local: Vec<Outcome>,
    /// Records whose keys are known and not looked up yet.
    pub(super) known: Vec<(QueuedRecord, KnownKey)>,
    pub(super) lookup: IdLookup,
    pub(super) sample: Sample,
    /// Settlings since the last good answer.
    pub(super) settlings: u32,
    pub(super) retried: u64,
    pub(super) rejected: u64,
    /// Number of records all of whose links are made or refused.
    pub(super) linked: u64,
    end: Option<End>,
}

/// Uploads the records of the feed and makes their links. Errors are those of the store; whatever else stops the upload is in
/// the report.
pub async fn run(upload: Upload, observe: &mut dyn FnMut(UploadEvent)) -> Result<Report, StoreError> {
    let Upload { client, plan, journal, feed, options, doubts, links_unknown, sees_all, stop } = upload;
    let rejected = lock_journal(&journal).counts().rejected;
    let repeated = match plan.action {
        Action::Delete | Action::Update => lock_journal(&journal).repeated()?,
        Action::Create => HashSet::new(),
    };
    let pending = Lanes::new(plan.write.names_parent());
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
        pending,
        repeated,
        rejected,
        links_unknown,
        sees_all,
        ..Uploader::new(shared, options, observe)
    };
    up.sentinel = up.first_sentinel()?;
    up.read_watermark(&stop).await;
    up.read_new_items(&stop).await?;
    up.drive(&mut reading, &stop).await?;
    up.leave_doubts()?;
    up.drain_unsent(&mut reading).await?;
    let mut end = up.end.take().unwrap_or(End::Finished);
    if let Some(links_end) = up.send_links(&end, &mut reading, &stop).await? {
        end = links_end;
    }
    let (rows, mut notes) = (reading.rows.unwrap_or(0), reading.notes);
    notes.extend(up.replaced.notes());
    notes.extend(no_marker(&up.shared.plan).filter(|_| up.unclear));
    Ok(Report { end, rows, retried: up.retried, notes, sample: up.sample.spread() })
}

impl<'a> Uploader<'a> {
    fn new(shared: TaskContext, options: UploadOptions, observe: &'a mut dyn FnMut(UploadEvent)) -> Uploader<'a> {
        let Counts { created, updated, deleted, .. } = lock_journal(&shared.journal).counts();
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
            retry_queue: VecDeque::new(),
            pending: Lanes::new(false),
            new_items: None,
            lookups: PendingLookups::default(),
            replaced: ReplacedValues::default(),
            links: LinkQueue::default(),
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

    /// Sends until nothing is left or something stops the run, and awaits the requests in flight.
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
                Some(result) = self.tasks.join_next() => self.on_task_end(result)?,
                chunk = reading.feed.recv(), if reading.rows.is_none() && self.end.is_none() && self.wants_more() => {
                    match chunk {
                        Some(chunk) => self.take_chunk(chunk, reading)?,
                        None => {
                            reading.rows = Some(0);
                            self.finish_with(End::Source(feed::reader_failed()));
                        }
                    }
                }
            }
        }
    }

    fn on_task_end(&mut self, result: Result<Result<TaskEnd, StoreError>, JoinError>) -> Result<(), StoreError> {
        match result {
            Ok(end) => match end? {
                TaskEnd::Sent((batch, end)) => self.on_response(batch, end),
                TaskEnd::Read(page) => self.take_page(page),
            },
            // A panic inside amoport: the batch stays "sent" in the journal, and a resume treats it as in doubt.
            Err(panic) => std::panic::resume_unwind(panic.into_panic()),
        }
    }

    /// Links the records of an upload that has finished, or has sent all that could be read: a run is not done before that.
    /// `Some` where the end of linking is the end of the run.
    async fn send_links(
        &mut self,
        end: &End,
        reading: &mut SourceFeed,
        stop: &CancellationToken,
    ) -> Result<Option<End>, StoreError> {
        let broken = matches!(end, End::Source(problem) if problem.code != feed::FAULT);
        if !links::has_links(&self.shared.plan) || !(broken || matches!(end, End::Finished | End::GivenUp)) {
            return Ok(None);
        }
        self.phase = SendingPhase::Links;
        self.shared.hold.send_replace(false);
        reading.rows.get_or_insert(0);
        self.drive(reading, stop).await?;
        let links_end = self.end.take().unwrap_or(End::Finished);
        // A source that broke off stays the reason; so does giving up, unless the links were not finished.
        let keeps = broken || (matches!(end, End::GivenUp) && matches!(links_end, End::Finished));
        Ok((!keeps).then_some(links_end))
    }

    /// The sentinel of the run's first stretch, where it is resumed: what is newest now may be its own.
    fn first_sentinel(&self) -> Result<Option<u64>, StoreError> {
        let journal = lock_journal(&self.shared.journal);
        Ok(journal.store().first_watermark(journal.run())?.filter(|id| *id > 0))
    }

    /// Reads the highest id before anything is created, so that records of a lost answer can be looked for above it. The
    /// request also opens the connection before the first batch.
    async fn read_watermark(&mut self, stop: &CancellationToken) {
        if self.shared.plan.action != Action::Create {
            return;
        }
        let shared = Arc::clone(&self.shared);
        let list = List::of(shared.plan.kind.spec().entity, shared.plan.catalog);
        tokio::select! {
            biased;
            () = stop.cancelled() => self.finish_with(End::Interrupted),
            highest = shared.client.highest_id(&list) => match highest {
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

    /// True where doubts can be settled: not while the run stops because of the service or the user. The caller sees to it
    /// that nothing is in flight.
    fn may_settle(&self) -> bool {
        !self.doubts.is_empty() && !matches!(self.end, Some(End::Service(_) | End::Interrupted))
    }

    async fn settle_all(&mut self, stop: &CancellationToken) -> Result<(), StoreError> {
        // A request that is too long gets shorter each time; of a refused one some records are done.
        let makes_progress =
            |doubt: &Doubt| doubt.cause.is_refusal() || (doubt.cause.halves() && doubt.records.len() > 1);
        self.settlings += u32::from(!self.doubts.iter().all(makes_progress));
        self.settle_doubts(stop).await?;
        self.shared.hold.send_replace(self.end.is_some());
        if self.settlings >= SETTLINGS_MAX && !self.idle() {
            self.finish_with(End::Service(Stop::Failing(self.settlings)));
        }
        Ok(())
    }

    fn idle(&self) -> bool {
        let nothing_new = match self.phase {
            SendingPhase::Records => self.pending.is_empty() && self.lookups.is_empty(),
            SendingPhase::Links => self.links.is_empty(),
        };
        nothing_new && self.retry_queue.is_empty() && self.doubts.is_empty() && self.known.is_empty()
    }

    fn wants_more(&self) -> bool {
        self.pending.wants_more(self.sizer.size()) && self.lookups.wants_more()
    }

    pub(super) fn finish_with(&mut self, end: End) {
        if self.end.is_none() {
            self.end = Some(end);
            self.shared.hold.send_replace(true);
        }
    }

    /// Ends the run, replacing an earlier reason: without this the doubts would be settled again and again.
    pub(super) fn stop_with(&mut self, end: End) {
        self.end = Some(end);
        self.shared.hold.send_replace(true);
    }

    /// Starts requests while there is room and no doubt: first retries, then full batches, at the end of the source the rest.
    /// Where nothing can be sent, it starts reading the records that are read before their update.
    fn start_batches(&mut self, last: bool) -> Result<(), StoreError> {
        while self.end.is_none() && self.doubts.is_empty() && self.tasks.len() < self.options.in_flight {
            let shared = Arc::clone(&self.shared);
            if let Some(batch) = self.next_batch(last && self.lookups.is_empty())? {
                self.parents.extend(batch.parent());
                let options = self.options;
                self.tasks.spawn(async move { send(shared, options, batch).await.map(TaskEnd::Sent) });
            } else if let Some(page) = self.lookups.take(last) {
                let clock = self.options.clock;
                self.tasks.spawn(async move { Ok(TaskEnd::Read(present::read(shared, clock, page).await)) });
            } else {
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
                self.pending.take(self.sizer.size(), last, busy).map(Load::Records)
            }
            SendingPhase::Links => self.links.take(&lock_journal(&self.shared.journal))?.map(Load::Links),
        };
        Ok(load.map(|load| self.new_batch(load)))
    }

    /// A batch with a new number.
    pub(super) fn new_batch(&self, load: Load) -> Batch {
        let no = lock_journal(&self.shared.journal).next_batch();
        let repeated = match &load {
            Load::Records(records) => records.iter().any(|queued| self.repeated.contains(&queued.record.row)),
            Load::Links(_) => false,
        };
        Batch { no, load, tries: 0, pause: Duration::ZERO, watermark: 0, sent_at_ms: 0, repeated, unmentioned: false }
    }
}
