//! The upload loop: it sends requests under the pace, reads the answers and writes outcomes into the journal, until the
//! source ends or something stops it. Records go first, then their links, with the same queue, verdicts and journal. Whatever
//! stops the loop, every record that was read gets an outcome, and requests in flight are awaited.
//!
//! `intake` takes what the reading side hands over, `requests` decides what is sent next, `responses` settles what the service
//! answers.

mod intake;
mod requests;
mod responses;

use crate::mapping::{Plan, no_marker};
use crate::store::{Counts, Journal, KnownKey, Outcome, StoreError, lock_journal};
use crate::upload::batch::{Probe, Sizer};
use crate::upload::doubt::Doubt;
use crate::upload::doubt::look::NewItems;
use crate::upload::feed::known::IdLookup;
use crate::upload::feed::{self, FeedItem, QueuedRecord};
use crate::upload::links::{self, LinkQueue};
use crate::upload::present::{PageEnd, PendingLookups, ReplacedValues};
use crate::upload::queue::Lanes;
use crate::upload::send::{Batch, SendResult, TaskContext, Turnstile};
use crate::upload::verdict::{Stop, stop_of};
use crate::upload::verify::Sample;
use crate::upload::{End, FirstWatermark, Report, Rights, UploadEvent, UploadOptions};
use amo_client::{Client, List, TokenUser};
use amo_model::Action;
use sheet_source::problem::{Note, Problem};
use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
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
    /// Whether the token's user sees everything in the account.
    pub rights: Rights,
    /// The newest record of the account, where it is being read already.
    pub watermark: Option<FirstWatermark>,
    /// Number of records that are still to be handled, where it is known.
    pub expected: Option<u64>,
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
    /// Why the source cannot be read further. What was read before is sent.
    broken: Option<Problem>,
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
    /// `None` where the run stopped meanwhile.
    Rights(Option<TokenUser>),
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
    pub(super) probe: Probe,
    /// Number of records that the source is still to give, where it is known.
    pub(super) expected: Option<u64>,
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
    let Upload { client, plan, journal, feed, options, doubts, links_unknown, rights, watermark, expected, stop } =
        upload;
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
        turnstile: Turnstile::default(),
        hold: watch::channel(false).0,
    };
    let mut reading = SourceFeed { feed, rows: None, notes: Vec::new(), broken: None };
    let mut up = Uploader {
        doubts,
        pending,
        repeated,
        rejected,
        links_unknown,
        expected,
        ..Uploader::new(shared, options, observe)
    };
    up.sentinel = up.first_sentinel()?;
    up.ask_rights(rights, &stop);
    up.read_watermark(watermark, &stop).await;
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
    Ok(Report { end, rows, retried: up.retried, notes, speed: up.sizer.learned(), sample: up.sample.spread() })
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
            probe: Probe::Unsent,
            expected: None,
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
            self.start_requests(reading.rows.is_some())?;
            if self.tasks.is_empty() && (self.end.is_some() || (reading.rows.is_some() && self.idle())) {
                if let Some(problem) = reading.broken.take() {
                    self.finish_with(End::Source(problem));
                }
                return Ok(());
            }
            let probe_wait = self.probe_wait();
            tokio::select! {
                biased;
                () = stop.cancelled(), if self.end.is_none() => self.finish_with(End::Interrupted),
                Some(result) = self.tasks.join_next() => self.on_task_end(result)?,
                // The next request is made up when the one before has had its turn, and not earlier.
                () = self.shared.turnstile.left() => {}
                () = probe_wait, if matches!(self.probe, Probe::Awaited(_)) => self.probe = Probe::Over,
                chunk = reading.feed.recv(), if reading.rows.is_none() && self.end.is_none() && self.wants_more() => {
                    match chunk {
                        Some(chunk) => self.take_chunk(chunk, reading)?,
                        None => {
                            reading.rows = Some(0);
                            reading.broken = Some(feed::reader_failed());
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
                TaskEnd::Rights(user) => {
                    self.take_rights(user);
                    Ok(())
                }
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

    /// Waits for the rights beside the sending: doubts are settled when no task is left.
    fn ask_rights(&mut self, rights: Rights, stop: &CancellationToken) {
        let user = match rights {
            Rights::Known(sees_all) => {
                self.sees_all = sees_all;
                return;
            }
            Rights::Asked(user) => user,
        };
        let stop = stop.clone();
        self.tasks.spawn(async move {
            let user = tokio::select! {
                biased;
                () = stop.cancelled() => None,
                user = user => user.ok(),
            };
            Ok(TaskEnd::Rights(user))
        });
    }

    fn take_rights(&mut self, user: Option<TokenUser>) {
        if let Some(TokenUser { is_admin, .. }) = user {
            self.sees_all = is_admin == Some(true);
            (self.observe)(UploadEvent::Rights { is_admin });
        }
    }

    /// Reads the highest id before anything is created, so that records of a lost answer can be looked for above it.
    async fn read_watermark(&mut self, read: Option<FirstWatermark>, stop: &CancellationToken) {
        if self.shared.plan.action != Action::Create {
            return;
        }
        let shared = Arc::clone(&self.shared);
        let list = List::of(shared.plan.kind.spec().entity, shared.plan.catalog);
        let read = read.filter(FirstWatermark::is_fresh);
        let highest = async {
            match read {
                Some(read) => read.highest().await,
                None => shared.client.highest_id(&list).await,
            }
        };
        tokio::select! {
            biased;
            () = stop.cancelled() => self.finish_with(End::Interrupted),
            highest = highest => match highest {
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
        // One record more shows whether waiting for the probe is worth it.
        let size = self.sizer.size() + usize::from(self.sizer.is_probing());
        self.pending.wants_more(size) && self.lookups.wants_more()
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
}
