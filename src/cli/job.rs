//! A run from the first request to the last file: shared by `import` and `resume`.

use super::after::After;
use super::args::Common;
use super::exit::{Ended, Exit};
use super::prepare;
use super::progress::{Progress, told};
use super::say;
use super::target::Target;
use crate::api::Client;
use crate::clock::Clock;
use crate::mapping::{Mapper, Plan};
use crate::problem::{Problem, Source};
use crate::report::{self, Log, Summary};
use crate::store::{Counts, Head, Journal, Links, Run, RunEnd, RunOutcome, Store, Word};
use crate::table::{Row, Table};
use crate::upload::feed::{self, Select};
use crate::upload::{BatchSize, Budget, Doubt, End, Event, IN_FLIGHT, Options, Report, Upload};
use serde_json::json;
use std::fs::File;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// Everything a run needs, ready to go.
pub struct Job {
    pub target: Target,
    pub plan: Arc<Plan>,
    pub table: Table,
    pub journal: Journal,
    /// What an earlier stretch of the run left in doubt.
    pub doubts: Vec<Doubt>,
    /// A second connection, for reading while the journal writes and after it is closed.
    pub store: Store,
    pub name: String,
    pub head: Head,
    pub select: Select,
    pub budget: Option<Budget>,
}

/// Uploads, reads back, closes the run, writes its report, says how it went.
pub fn run(job: Job, common: &Common) -> Result<Exit, Ended> {
    let Job { target, plan, table, journal, doubts, store, name, head, select, budget } = job;
    let started = Instant::now();
    let folder = Path::new(&head.folder).to_owned();
    let mut log = open_log(&folder)?;
    log.note(prepare::now_ms(), "started", json!({"run": name, "kind": head.kind.word(), "batch": head.batch}));
    let run = journal.run();
    let before = journal.counts();
    let journal = Arc::new(Mutex::new(journal));
    let client = Arc::new(target.client);
    let asked = Asked::of(&client);
    let mut progress = Progress::start(common, before.read + before.skipped);
    if progress.shows() {
        count_records(&head, &plan, &progress);
    }
    let feed = feed::start(table, Mapper::new(Arc::clone(&plan), &name), select);
    let options = options(&head, &plan, budget);
    let after = After { client: &client, plan: &plan, journal: &journal, store: &store, head: &head, name: &name };
    let (interrupted, uploaded, report) = prepare::runtime()?.block_on(async {
        let (signal, stop) = watch::channel(false);
        let signals = tokio::spawn(signals(signal));
        let (client, plan, journal) = (Arc::clone(&client), Arc::clone(&plan), Arc::clone(&journal));
        let upload = Upload { client, plan, journal, feed, options, doubts, stop: stop.clone() };
        let mut observe = |event: Event| observe(event, &mut log, &mut progress, common);
        let report = crate::upload::run(upload, &mut observe).await?;
        let uploaded = matches!(report.end, End::Finished);
        let end = after.link(report.end, &stop, common).await?;
        if matches!(end, End::Finished) {
            after.remember(stop.clone()).await?;
            after.read_back(stop, common).await?;
            after.tell_changes().await?;
        }
        let interrupted = if signals.is_finished() { signals.await.ok() } else { None };
        Ok::<_, Ended>((interrupted, uploaded, Report { end, ..report }))
    })?;
    progress.finish();
    let links = store.links(run)?;
    if links.any() {
        log.note(prepare::now_ms(), "linked", json!({"made": links.made, "refused": links.refused}));
    }
    let mut journal = journal.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let exit = exit_of(&report.end, &journal.counts(), links, interrupted);
    let (sent, throttled) = asked.since(&client);
    journal.end(&RunEnd {
        outcome: outcome_of(&report.end, exit, uploaded),
        exit_code: exit as i64,
        elapsed_ms: started.elapsed().as_millis() as i64,
        sent,
        retried: report.retried as i64,
        throttled,
        source_rows: report.rows as i64,
    })?;
    drop(journal);
    log.note(prepare::now_ms(), "ended", json!({"exit_code": exit as i64, "outcome": exit.outcome()}));
    tell_end(&report.end);
    close(&store, run, &folder, common)?;
    Ok(exit)
}

fn options(head: &Head, plan: &Plan, max_errors: Option<Budget>) -> Options {
    Options {
        batch: head.batch.map_or(BatchSize::Auto { max: plan.write.batch_max }, BatchSize::Fixed),
        in_flight: IN_FLIGHT,
        max_errors,
        settle: Duration::from_secs(head.settle),
        clock: Clock::REAL,
        again: head.again,
    }
}

fn exit_of(end: &End, counts: &Counts, links: Links, interrupted: Option<Exit>) -> Exit {
    match end {
        End::Finished if counts.unknown > 0 => Exit::Unknown,
        End::Finished if counts.rejected > 0 || links.refused > 0 => Exit::Rejected,
        End::Finished => Exit::Done,
        End::Budget => Exit::Budget,
        End::Service(_) => Exit::Service,
        End::Interrupted => interrupted.unwrap_or(Exit::Interrupted),
        End::Source(problem) if problem.code == feed::FAULT => Exit::Fault,
        End::Source(_) => Exit::Usage,
    }
}

/// `uploaded` where only linking was left to do.
fn outcome_of(end: &End, exit: Exit, uploaded: bool) -> RunOutcome {
    match end {
        End::Source(_) if uploaded => RunOutcome::NotLinked,
        End::Source(_) => RunOutcome::SourceBroken,
        End::Budget => RunOutcome::ErrorBudget,
        End::Service(_) => RunOutcome::StoppedByService,
        End::Interrupted => RunOutcome::Interrupted,
        End::Finished => match exit {
            Exit::Unknown => RunOutcome::SomeUnknown,
            Exit::Rejected => RunOutcome::SomeRejected,
            _ => RunOutcome::Done,
        },
    }
}

/// What had been asked of the service when the run began; `import` has asked for the account by then.
struct Asked {
    sent: u64,
    throttled: u64,
}

impl Asked {
    fn of(client: &Client) -> Asked {
        let counters = client.counters();
        Asked { sent: counters.sent.load(Ordering::Relaxed), throttled: counters.throttled.load(Ordering::Relaxed) }
    }

    fn since(&self, client: &Client) -> (i64, i64) {
        let now = Asked::of(client);
        ((now.sent - self.sent) as i64, (now.throttled - self.throttled) as i64)
    }
}

/// Outcomes written to the journal in one go.
const AT_ONCE: usize = 1_000;

/// Ends a run whose budget is overrun by what the mapping rejects, with its report and without a request.
pub fn stop_before_sending(job: Job, common: &Common) -> Result<Exit, Ended> {
    let Job { plan, table, mut journal, store, name, head, select, .. } = job;
    let folder = Path::new(&head.folder).to_owned();
    let mut log = open_log(&folder)?;
    let (mut failed, mut outcomes) = (None, Vec::new());
    let rows = feed::walk(table, Mapper::new(plan, &name), &select, |met| {
        match met.keep() {
            feed::Fed::Record(loaded) => outcomes.push(crate::upload::unprocessed(&loaded)),
            feed::Fed::Local(outcome) => outcomes.push(outcome),
            feed::Fed::End { .. } | feed::Fed::Broken(_) => {}
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
    let exit = Exit::Budget;
    journal.end(&RunEnd {
        outcome: RunOutcome::ErrorBudget,
        exit_code: exit as i64,
        elapsed_ms: 0,
        sent: 0,
        retried: 0,
        throttled: 0,
        source_rows: rows as i64,
    })?;
    log.note(prepare::now_ms(), "ended", json!({"exit_code": exit as i64, "outcome": exit.outcome()}));
    let run = journal.run();
    close(&store, run, &folder, common)?;
    Ok(exit)
}

fn open_log(folder: &Path) -> Result<Log, Ended> {
    Log::open(&folder.join(report::LOG)).map_err(|e| {
        Problem::in_file(folder, "runs-folder", format!("the run's folder cannot be written to: {e}"))
            .hint("name another folder with --runs")
            .into()
    })
}

fn observe(event: Event, log: &mut Log, progress: &mut Progress, common: &Common) {
    let at = prepare::now_ms();
    match event {
        Event::Answered { batch, records, attempt, status, ms } => {
            say::detail(common, format!("batch {batch}: {records} records, answer {} in {ms} ms", status.unwrap_or(0)));
            let details = json!({"batch": batch, "records": records, "attempt": attempt, "status": status, "ms": ms});
            log.note(at, "answered", details);
        }
        Event::Again { batch, why } => {
            say::detail(common, format!("batch {batch} goes again: {why}"));
            log.note(at, "again", json!({"batch": batch}));
        }
        Event::InDoubt { batch, records, why } => {
            say::note(common, format!("batch {batch}: {why}; looking for its {records} records in the account"));
            log.note(at, "in-doubt", json!({"batch": batch, "records": records}));
        }
        Event::Looked { found, missing, unclear, last } => {
            if last {
                say::note(common, format!("looked: {found} found, {missing} to be sent again, {unclear} unclear"));
            }
            log.note(at, "looked", json!({"found": found, "missing": missing, "unclear": unclear, "last": last}));
        }
        Event::Counts(counts) => progress.update(&counts),
    }
}

/// Counts the records beside the upload, so that a total and an honest time can be shown.
fn count_records(head: &Head, plan: &Plan, progress: &Progress) {
    let total = progress.total();
    if let Some(groups) = &plan.groups {
        // Counted already, to see which rows belong together.
        total.store(groups.rows.len() as u64, Ordering::Relaxed);
        return;
    }
    let (source, rows, limit) = (head.source.clone(), head.rows, head.limit);
    std::thread::spawn(move || {
        // Without a total the progress is told without one.
        let Ok(mut table) = prepare::reopen(&source) else { return };
        let mut row = Row::default();
        let mut count = 0;
        while let Ok(true) = table.read(&mut row) {
            count += u64::from(rows.is_none_or(|(first, last)| (first..=last).contains(&row.number)));
        }
        total.store(count.min(limit.unwrap_or(u64::MAX)), Ordering::Relaxed);
    });
}

/// The first signal asks for an orderly stop, the second ends at once; the journal makes both safe.
async fn signals(stop: watch::Sender<bool>) -> Exit {
    let exit = one_signal().await;
    say::line("stopping: what is in flight is waited for; once more to stop at once");
    stop.send_replace(true);
    tokio::spawn(async {
        let exit = one_signal().await;
        std::process::exit(exit as i32);
    });
    exit
}

#[cfg(unix)]
pub(super) async fn one_signal() -> Exit {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::terminate()) {
        Ok(mut terminate) => tokio::select! {
            _ = tokio::signal::ctrl_c() => Exit::Interrupted,
            _ = terminate.recv() => Exit::Terminated,
        },
        Err(_) => {
            let _ = tokio::signal::ctrl_c().await;
            Exit::Interrupted
        }
    }
}

#[cfg(not(unix))]
pub(super) async fn one_signal() -> Exit {
    let _ = tokio::signal::ctrl_c().await;
    Exit::Interrupted
}

fn tell_end(end: &End) {
    match end {
        End::Finished | End::Interrupted => {}
        End::Budget => say::line("stopped: more records were rejected than --max-errors allows"),
        End::Service(stop) => say::line(&format!("stopped: {stop}; {}", stop.hint())),
        End::Source(problem) => say::line(&format!("stopped: {problem}")),
    }
}

/// Writes the report and prints the last lines: counts, paths, and how to go on.
pub fn close(store: &Store, run: i64, folder: &Path, common: &Common) -> Result<(), Ended> {
    let runs = store.runs()?;
    let Some(run) = runs.into_iter().find(|r| r.run == run) else { return Ok(()) };
    let summary = report::write(store, &run, folder)?;
    tell_problems(store, &run, &summary)?;
    tell(&summary, &run, folder, common);
    if run.outcome == RunOutcome::SourceBroken {
        let row = store.first_open_row(run.run)?;
        say::line(&format!("to go on: mend the source and import its rest with --rows {row}-"));
    } else if !run.outcome.is_final() {
        say::line(&format!("to go on: amoport resume {}", summary.run));
    }
    if common.json {
        say::data(&serde_json::to_string(&summary).unwrap_or_default());
    }
    Ok(())
}

/// Problems shown when a run has ended; all of them stand in its report.
const PROBLEMS_SHOWN: usize = 5;

fn tell_problems(store: &Store, run: &Run, summary: &Summary) -> Result<(), Ended> {
    if summary.counts.rejected + summary.counts.unknown == 0 {
        return Ok(());
    }
    let source = Source { file: run.head.source.path.clone(), sheet: run.head.source.sheet.clone() };
    let mut problems = store.first_problems(run.run, PROBLEMS_SHOWN + 1)?;
    let more = problems.len() > PROBLEMS_SHOWN;
    problems.truncate(PROBLEMS_SHOWN);
    for (row, problem) in &problems {
        say::line(&say::told(&source, *row, problem));
    }
    if more {
        say::line(&format!("… and more, all in {}", Path::new(&run.head.folder).join(report::PROBLEMS).display()));
    }
    Ok(())
}

fn tell(summary: &Summary, run: &Run, folder: &Path, common: &Common) {
    let seconds = summary.elapsed_ms as f64 / 1000.0;
    let requests = summary.requests.sent;
    let read = summary.counts.read;
    if read == 0 && summary.counts.skipped == 0 {
        say::note(common, "the source holds no records");
    }
    say::note(common, format!("{} of {read} records · {requests} requests in {seconds:.1} s", told(&summary.counts)));
    if let Some(links) = summary.links {
        let problems = folder.join(report::PROBLEMS);
        let refused = match links.refused {
            0 => String::new(),
            some => format!(", {some} refused; see {}", problems.display()),
        };
        say::note(common, format!("{} links made{refused}", links.made));
    }
    say::note(common, format!("results: {}", folder.join(report::RESULTS_XLSX).display()));
    if summary.counts.rejected > 0 {
        // People with a workbook are better served by the one with coloured cells.
        let book = folder.join(report::REJECTED_XLSX);
        let rejected = if book.exists() { book } else { folder.join(report::REJECTED) };
        let how = match &run.head.mapping.made {
            None => "correct it and import it with the same mapping".to_owned(),
            // What the workbook hides is not in the file of the rejected.
            Some(_) => format!("correct these rows in {} and import that again", run.head.source.path),
        };
        say::note(common, format!("rejected: {} ({how})", rejected.display()));
    }
}

/// `10` or `1%` of `records`.
pub fn budget(text: &str, records: u64) -> Option<Budget> {
    match text.strip_suffix('%') {
        Some(share) => share.parse().ok().map(|percent| Budget::Share { percent, of: records }),
        None => text.parse().ok().map(Budget::Count),
    }
}

/// A run's name: when it began and what it imports; numbered if another began in the same second.
pub fn new_name(store: &Store, head: &Head, now: i64) -> Result<String, Ended> {
    let stamp = jiff::Timestamp::from_second(now)
        .map_or_else(|_| now.to_string(), |t| t.strftime("%Y%m%dT%H%M%SZ").to_string());
    let stem = Path::new(&head.mapping.path)
        .file_stem()
        .map_or_else(|| head.kind.word().to_owned(), |s| s.to_string_lossy().into_owned());
    let stem: String =
        stem.chars().map(|c| if c.is_alphanumeric() || c == '-' || c == '_' { c } else { '-' }).collect();
    let mut name = format!("{stamp}-{stem}");
    let mut n = 1;
    while store.run_named(&name)?.is_some() {
        n += 1;
        name = format!("{stamp}-{stem}-{n}");
    }
    Ok(name)
}

/// Rejected rows hold people's data: the folder is its owner's alone.
pub fn make_folder(folder: &Path) -> Result<(), Ended> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder).map_err(|e| {
        Problem::in_file(folder, "runs-folder", format!("the run's folder cannot be made: {e}"))
            .hint("name another folder with --runs")
            .into()
    })
}

/// One run per source and account at a time. The lock goes with the process, however it ends.
pub fn lock(common: &Common, head: &Head) -> Result<File, Ended> {
    let name = format!("{}-{}", &head.source.sha256[..16.min(head.source.sha256.len())], fold_name(&head.account));
    let folder = common.state.join("locks");
    let path = folder.join(name);
    let unusable = |e: std::io::Error| -> Ended {
        Problem::in_file(&path, "state-unusable", format!("the lock cannot be made: {e}"))
            .hint("name a folder you may write to with --state")
            .into()
    };
    std::fs::create_dir_all(&folder).map_err(unusable)?;
    let file = File::options().read(true).write(true).create(true).truncate(false).open(&path).map_err(unusable)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(_) => Err(Problem::in_file(
            Path::new(&head.source.path),
            "busy",
            "this source is being imported into this account right now",
        )
        .hint("wait until the other run has ended")
        .into()),
    }
}

fn fold_name(account: &str) -> String {
    account.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect()
}
