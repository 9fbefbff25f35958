//! Carries out a prepared run: sends its records and their links, reads some back, closes it and writes its report. `after` is
//! what follows the upload, `report` writes the report.

pub mod after;
pub mod report;

use crate::engine::begin::{Abandonment, Job, make_folder};
use crate::engine::interface::cancel::Cancel;
use crate::engine::interface::error::EngineError;
use crate::engine::interface::event::{Event, EventSink, Phase, Progress, Wait, WaitReason};
use crate::engine::interface::result::RunResult;
use crate::engine::prepare::first_reads::ReadsBeside;
use crate::engine::prepare::now_ms;
use crate::engine::target::OpenAccount;
use crate::mapping::Mapper;
use crate::report::RunLog;
use crate::store::{BatchOf, Counts, FrozenWord, Links, RunEnd, RunHead, RunOutcome, Store, Verify};
use crate::upload::feed;
use crate::upload::verify::MISSING;
use crate::upload::{self, BatchSize, Budget, DOUBLED, End, SpeedLearned, Upload, UploadOptions};
use after::PostProcessing;
use amo_client::Client;
use amo_client::clock::Clock;
use report::RunReport;
use serde_json::json;
use sheet_source::message;
use sheet_source::problem::{Message, Note, Problem};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Uploads, reads back, closes the run, writes its report.
pub(super) fn run(job: Job, target: &OpenAccount, events: &mut EventSink<'_>) -> Result<RunResult, EngineError> {
    if job.over_budget {
        return stop_before_sending(job, events);
    }
    let folder = job.head.folder.clone();
    let (store, run, why) = execute(job, target, events).map_err(EngineError::while_sending)?;
    RunReport::new(&store, run, Path::new(&folder)).close(why, events)
}

/// Settles batches in doubt and ends the run. The caller writes the report.
pub(super) fn settle(job: Job, target: &OpenAccount, events: &mut EventSink<'_>) -> Result<(), EngineError> {
    execute(job, target, events).map(|_| ()).map_err(EngineError::while_sending)
}

/// Everything up to the end of the run. Returns the store, the number of the run, and why it stopped.
fn execute(
    job: Job,
    target: &OpenAccount,
    events: &mut EventSink<'_>,
) -> Result<(Store, i64, Option<Message>), EngineError> {
    let giving_up = job.giving_up;
    let Job { client, plan, table, journal, doubts, links_unknown, store, name, head, select, budget, .. } = job;
    let started = Instant::now();
    let mut log = open_log(Path::new(&head.folder))?;
    log.note(now_ms(), "started", json!({"run": name, "kind": head.kind.word(), "batch": head.batch}));
    let (run, before) = (journal.run(), journal.counts());
    let journal = Arc::new(Mutex::new(journal));
    let ReadsBeside { rights, watermark, requests } =
        job.reads.unwrap_or_else(|| ReadsBeside::of_user(target, plan.account.basics.current_user));
    let baseline = RequestBaseline::of(&client, &requests);
    let total = job.total.or(plan.groups.as_ref().map(|groups| groups.rows.len() as u64));
    let expected = total.map(|all| all.saturating_sub(before.read + before.skipped));
    let feed = feed::start(table, Mapper::new(Arc::clone(&plan), &name), select);
    let known = store.speed(&head.account_key(), plan.kind, plan.action)?;
    let batch = head.batch.map_or(BatchSize::Auto { max: plan.write.batch_max, known }, BatchSize::Fixed);
    let options = UploadOptions {
        giving_up: giving_up.is_some(),
        ..options(&head, batch, &client, (budget, job.in_flight, client.pace().clock()))
    };
    let post_processing = PostProcessing {
        client: &client,
        plan: &plan,
        journal: &journal,
        store: &store,
        head: &head,
        name: &name,
        resumed: job.resumed,
    };
    events.emit(Event::Phase(Phase::Send));
    let report = target.runtime.block_on(async {
        let upload = Upload {
            client: Arc::clone(&client),
            plan: Arc::clone(&plan),
            journal: Arc::clone(&journal),
            feed,
            options,
            doubts,
            links_unknown,
            rights,
            watermark,
            expected,
            stop: job.cancel.token().clone(),
        };
        let mut observer = Observer {
            log: &mut log,
            target,
            events,
            started: Instant::now(),
            before: before.read + before.skipped,
            total,
            counts: Counts::default(),
            linking: false,
        };
        let mut report = upload::run(upload, &mut |event| observer.on_event(event)).await?;
        let sample = std::mem::take(&mut report.sample);
        events.notes(report.notes.drain(..));
        if matches!(report.end, End::Finished) {
            post_processing.run_all(sample, &job.cancel, events).await;
        }
        Ok::<_, EngineError>(report)
    })?;
    target.forward_notices(events);
    let links = store.links(run)?;
    if links.any() {
        log.note(now_ms(), "linked", json!({"made": links.made, "refused": links.refused}));
    }
    let mut journal = journal.lock().unwrap_or_else(PoisonError::into_inner);
    let (outcome, exit_code) = match (giving_up, &report.end) {
        // Records that could not be looked up stay unknown.
        (Some(_), End::GivenUp | End::Source(_))
        | (Some(Abandonment { even_if_unreachable: true }), End::Service(_)) => {
            (RunOutcome::Abandoned, abandoned_code(journal.counts().unknown))
        }
        _ => {
            let shown =
                SeenRecords { doubled: store.has_problem(run, DOUBLED)?, missing: store.has_problem(run, MISSING)? };
            let outcome = outcome_of(&report.end, &journal.counts(), links, shown);
            (outcome, exit_code_of(&report.end, outcome, &job.cancel))
        }
    };
    match report.speed {
        SpeedLearned::Nothing => {}
        SpeedLearned::Speed(speed) => store.keep_speed(&head.account_key(), (plan.kind, plan.action), Some(speed))?,
        SpeedLearned::Doubtful => store.keep_speed(&head.account_key(), (plan.kind, plan.action), None)?,
    }
    let (sent, throttled) = baseline.since(&client);
    journal.notes(&events.take_notes())?;
    journal.end(&RunEnd {
        outcome,
        exit_code,
        elapsed_ms: started.elapsed().as_millis() as i64,
        sent,
        retried: report.retried as i64,
        throttled,
        source_rows: report.rows as i64,
    })?;
    drop(journal);
    log.note(now_ms(), "ended", json!({"exit_code": exit_code, "outcome": outcome.word()}));
    Ok((store, run, stop_reason(&report.end)))
}

/// The warning for a token whose user does not see everything, so that a record that the user does not see may exist.
fn rights_note(is_admin: Option<bool>) -> Option<Note> {
    let message = match is_admin {
        Some(true) => return None,
        Some(false) => {
            "the token's user is not an administrator and may not see all records: after a lost answer, a record that is not visible stays unknown"
        }
        None => {
            "it is unknown whether the token's user is an administrator: after a lost answer, a record that is not visible stays unknown"
        }
    };
    Some(Note::warning("token-not-admin", message))
}

/// The exit code of an abandoned run.
pub(super) fn abandoned_code(unknown: u64) -> i64 {
    if unknown > 0 { RunOutcome::SomeUnknown.exit_code() } else { RunOutcome::Abandoned.exit_code() }
}

fn options(
    head: &RunHead,
    batch: BatchSize,
    client: &Client,
    (max_errors, in_flight, clock): (Option<Budget>, usize, Clock),
) -> UploadOptions {
    UploadOptions {
        batch,
        in_flight,
        rate: head.rate,
        max_errors,
        settle: Duration::from_secs(head.settle),
        answer_timeout: client.answer_timeout().max(Duration::from_secs(head.answer_timeout)),
        clock,
        remake_deleted: head.remake_deleted,
        sample: head.verify == Verify::Sample,
        giving_up: false,
        look_from: head.look_from,
    }
}

/// What the account has shown of records with an id.
struct SeenRecords {
    doubled: bool,
    missing: bool,
}

fn outcome_of(end: &End, counts: &Counts, links: Links, shown: SeenRecords) -> RunOutcome {
    match end {
        End::Finished if counts.unknown > 0 => RunOutcome::SomeUnknown,
        End::Finished if shown.doubled => RunOutcome::SomeDoubled,
        End::Finished if counts.rejected > 0 || links.refused > 0 => RunOutcome::SomeRejected,
        End::Finished if shown.missing => RunOutcome::SomeMissing,
        End::Finished => RunOutcome::Done,
        End::Budget => RunOutcome::ErrorBudget,
        End::Service(_) => RunOutcome::StoppedByService,
        End::Interrupted => RunOutcome::Interrupted,
        End::GivenUp => RunOutcome::Abandoned,
        End::Source(_) => RunOutcome::SourceBroken,
    }
}

/// The exit code of an internal error; the run can be resumed.
const FAULT: i64 = 5;

fn exit_code_of(end: &End, outcome: RunOutcome, cancel: &Cancel) -> i64 {
    match end {
        End::Interrupted => cancel.by().exit_code(),
        End::Source(problem) if problem.code == feed::FAULT => FAULT,
        End::Finished | End::Budget | End::Service(_) | End::Source(_) | End::GivenUp => outcome.exit_code(),
    }
}

/// Why the run stopped, if its outcome does not say it.
fn stop_reason(end: &End) -> Option<Message> {
    match end {
        End::Finished | End::Interrupted | End::GivenUp => None,
        End::Budget => Some("stopped: more records were rejected than --max-errors allows".into()),
        End::Service(stop) => {
            let (stop, hint) = (stop.to_string(), stop.hint());
            Some(message!("stopped: {stop}; {hint}", stop, hint))
        }
        End::Source(problem) => Some(message!("stopped: {problem}", problem = problem.to_string())),
    }
}

/// The request counters when the run began: reading the account does not count, the run's own reads beside it do.
struct RequestBaseline {
    sent: u64,
    throttled: u64,
}

impl RequestBaseline {
    fn of(client: &Client, beside: &AtomicU64) -> RequestBaseline {
        let beside = beside.load(Ordering::Relaxed);
        let (sent, throttled) = counted(client);
        RequestBaseline { sent: sent.saturating_sub(beside), throttled }
    }

    fn since(&self, client: &Client) -> (i64, i64) {
        let (sent, throttled) = counted(client);
        ((sent - self.sent) as i64, (throttled - self.throttled) as i64)
    }
}

/// Requests that the client has sent, and those of them that were throttled.
fn counted(client: &Client) -> (u64, u64) {
    let counters = client.counters();
    (counters.sent.load(Ordering::Relaxed), counters.throttled.load(Ordering::Relaxed))
}

/// Receives the events of the upload: passes them on, and writes the log.
struct Observer<'o, 't> {
    log: &'o mut RunLog,
    target: &'o OpenAccount,
    events: &'o mut EventSink<'t>,
    started: Instant,
    /// Records done before this part of the run.
    before: u64,
    total: Option<u64>,
    counts: Counts,
    linking: bool,
}

impl Observer<'_, '_> {
    fn on_event(&mut self, event: upload::UploadEvent) {
        let at = now_ms();
        self.target.forward_notices(self.events);
        match &event {
            upload::UploadEvent::Answered { batch, of, records, attempt, status, ms } => {
                let what = match of {
                    BatchOf::Records => "records",
                    BatchOf::Links => "links",
                };
                let details = json!({"batch": batch, what: records, "attempt": attempt, "status": status, "ms": ms});
                self.log.note(at, "answered", details);
            }
            upload::UploadEvent::Retry { batch, pause, throttled, .. } => {
                self.log.note(at, "again", json!({"batch": batch}));
                let reason = if *throttled { WaitReason::Throttled } else { WaitReason::Retry };
                self.events.emit(Event::Wait(Wait { reason, at_most: *pause }));
            }
            upload::UploadEvent::InDoubt { batch, records, at_most, .. } => {
                self.log.note(at, "in-doubt", json!({"batch": batch, "records": records}));
                self.events.emit(Event::Wait(Wait { reason: WaitReason::Settle, at_most: *at_most }));
            }
            upload::UploadEvent::Looked { found, missing, unclear, last } => {
                let details = json!({"found": found, "missing": missing, "unclear": unclear, "last": last});
                self.log.note(at, "looked", details);
            }
            upload::UploadEvent::Rights { is_admin } => return self.events.notes(rights_note(*is_admin)),
            upload::UploadEvent::Counts(counts) => {
                self.counts = *counts;
                let done = counts.read + counts.skipped;
                return self.progress(Phase::Send, done, self.before.min(done), self.total);
            }
            upload::UploadEvent::Rejected(problem) => return self.events.emit(Event::Problem(problem.clone())),
            upload::UploadEvent::Linked { records } => {
                if !std::mem::replace(&mut self.linking, true) {
                    self.started = Instant::now();
                    self.events.emit(Event::Phase(Phase::Link));
                }
                return self.progress(Phase::Link, *records, 0, None);
            }
        }
        self.events.emit(Event::Upload(event));
    }

    fn progress(&mut self, phase: Phase, done: u64, before: u64, total: Option<u64>) {
        let elapsed = self.started.elapsed();
        let rate = (done - before) as f64 / elapsed.as_secs_f64().max(0.001);
        self.events.emit(Event::Progress(Progress { phase, done, total, rate, elapsed, counts: self.counts }));
    }
}

/// Outcomes written to the journal at once.
const AT_ONCE: usize = 1_000;

/// Ends a run whose error budget is exceeded by the mapping's rejections: it writes the report and sends nothing.
fn stop_before_sending(job: Job, events: &mut EventSink<'_>) -> Result<RunResult, EngineError> {
    let Job { plan, table, mut journal, store, name, head, select, .. } = job;
    let folder = Path::new(&head.folder);
    let mut log = open_log(folder)?;
    let (mut failed, mut outcomes) = (None, Vec::new());
    let walked = feed::walk(table, Mapper::new(plan, &name), &select, |event| {
        match event.keep() {
            feed::FeedItem::Record(loaded) => outcomes.push(upload::unprocessed(&loaded)),
            feed::FeedItem::Local(outcome) => outcomes.push(outcome),
            feed::FeedItem::Known(_)
            | feed::FeedItem::Unmapped(_)
            | feed::FeedItem::End(_)
            | feed::FeedItem::Broken(_) => {}
        }
        if outcomes.len() >= AT_ONCE {
            failed = journal.local(&std::mem::take(&mut outcomes)).err();
        }
        failed.is_none()
    })?;
    if let Some(error) = failed {
        return Err(error.into());
    }
    journal.local(&outcomes)?;
    events.notes(walked.notes);
    journal.notes(&events.take_notes())?;
    let outcome = RunOutcome::ErrorBudget;
    let exit_code = outcome.exit_code();
    journal.end(&RunEnd {
        outcome,
        exit_code,
        elapsed_ms: 0,
        sent: 0,
        retried: 0,
        throttled: 0,
        source_rows: walked.rows as i64,
    })?;
    log.note(now_ms(), "ended", json!({"exit_code": exit_code, "outcome": outcome.word()}));
    RunReport::new(&store, journal.run(), folder).close(None, events)
}

/// Opens the log of a run. A missing folder of a resumed run is created again.
fn open_log(folder: &Path) -> Result<RunLog, EngineError> {
    make_folder(folder)?;
    RunLog::open(&folder.join(crate::report::LOG)).map_err(|e| {
        let message = message!("the run's folder cannot be written to: {error}", error = e.to_string());
        Problem::in_file(folder, "runs-folder", message).hint("name another folder with --runs").into()
    })
}
