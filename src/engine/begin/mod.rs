//! Begins a new run: locks the source, refuses it where it was imported before, checks it against the error budget, names the
//! run and writes it to the journal. This order keeps a record from being sent twice. `older` checks the state folder,
//! `sent_before` compares the source with earlier runs.

pub mod older;
pub mod sent_before;

use crate::engine::interface::cancel::Cancel;
use crate::engine::interface::error::{EngineError, ErrorKind};
use crate::engine::interface::event::{Event, EventSink};
use crate::engine::interface::request::ImportRequest;
use crate::engine::prepare::first_reads::ReadsBeside;
use crate::engine::prepare::{self, now};
use crate::engine::source::survey::{self, MappedCounts};
use crate::engine::target::OpenAccount;
use crate::export::write_whole;
use crate::mapping::Plan;
use crate::store::{FrozenWord, Journal, MappingHead, NewRun, RunHead, SentBack, SourceHead, Store};
use crate::upload::feed::Select;
use crate::upload::{Budget, Doubt, SentRows};
use amo_client::Client;
use amo_client::private;
use amo_model::Action;
use sent_before::{AccountLookup, CurrentSource, GuardOverride, SourceComparison, SourceIdentity};
use sheet_source::LINK_INDEX_BASE;
use sheet_source::message;
use sheet_source::problem::{Note, Problem};
use sheet_source::{RowHashes, Table};
use std::collections::HashSet;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

/// An import that is prepared and has not begun.
pub(super) struct PreparedRun<'a> {
    pub request: &'a ImportRequest,
    pub target: &'a OpenAccount,
    pub plan: Arc<Plan>,
    pub table: Table,
    /// The file that is read.
    pub source: &'a Path,
    /// SHA-256 of the source, in hex.
    pub sha256: String,
    pub mapping: MappingHead,
    /// As the mapping names it.
    pub key_space: Option<String>,
    /// The snapshot of the account, as JSON; a resumed run maps by it.
    pub snapshot: &'a str,
    /// Decisions about rows, as JSON, by row number.
    pub edits: Vec<(u32, String)>,
    /// Rows that earlier runs sent are sent again.
    pub again: bool,
    pub guard: Guard,
    /// What the mapping makes of the source, where it was counted.
    pub weighed: Option<MappedCounts>,
    /// Hashes of the rows, where they were read.
    pub rows: Option<RowHashes>,
    /// Number of rows or records, where it is known.
    pub total: Option<u64>,
    pub returning: Option<ReturnedRecords<'a>>,
    /// Reads of the account that are under way.
    pub reads: Option<ReadsBeside>,
}

/// Everything a run needs, ready to go.
pub(super) struct Job {
    pub client: Arc<Client>,
    pub plan: Arc<Plan>,
    pub table: Table,
    pub journal: Journal,
    /// Batches that an earlier part of the run left in doubt.
    pub doubts: Vec<Doubt>,
    /// Rows sent by a version that kept no links.
    pub links_unknown: HashSet<u32>,
    /// A second connection to the store, for reading while the journal writes and after it is closed.
    pub store: Store,
    pub name: String,
    pub head: RunHead,
    pub select: Select,
    pub budget: Option<Budget>,
    /// The mapping rejects more records than the budget allows: nothing is sent.
    pub over_budget: bool,
    /// Batches in doubt are settled, and nothing is sent.
    pub giving_up: Option<Abandonment>,
    /// An earlier part of the run was stopped.
    pub resumed: bool,
    /// Number of records in the source, where they were counted.
    pub total: Option<u64>,
    pub in_flight: usize,
    /// Reads of the account that are under way.
    pub reads: Option<ReadsBeside>,
    pub cancel: Cancel,
    pub _locks: Vec<File>,
}

/// How a run is abandoned.
#[derive(Debug, Clone, Copy)]
pub(super) struct Abandonment {
    /// The run is closed even where batches in doubt cannot be looked for.
    pub even_if_unreachable: bool,
}

/// The guard against importing the same file twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Guard {
    /// Rows that earlier runs sent are held back; a file without other rows is refused.
    SameFile { keyed: bool },
    /// Rows name their records, so the file may be imported again.
    Rows,
}

/// Records of an exported workbook that this run changes.
pub(super) struct ReturnedRecords<'a> {
    pub export: &'a str,
    pub file: &'a str,
    pub records: &'a [(u64, SentBack)],
    /// Ids that the workbook had and its sheet no longer has.
    pub left_alone: &'a [u64],
}

/// Begins a run. The job holds the locks as long as it lives.
pub(super) fn begin(mut ready: PreparedRun<'_>, events: &mut EventSink<'_>) -> Result<Job, EngineError> {
    let mut head = build_head(&ready);
    let request = ready.request;
    let rows = match (ready.guard, head.action) {
        (Guard::SameFile { .. }, Action::Create) => Some(match ready.rows.take() {
            Some(rows) => rows,
            None => sent_before::hash_rows(&ready.table, &request.cancel)?,
        }),
        _ => None,
    };
    head.source.rows_digest = rows.as_ref().filter(|rows| !rows.is_empty()).map(RowHashes::digest);
    let store = Store::open(&request.folders.state)?;
    store.set_account_id(&head.account, ready.plan.account.basics.id)?;
    let sends = older::check_not_older(&store, request.older_state, events)?;
    head.look_from = older::look_from(&store, &head, request.older_state, events)?;
    if rows.is_some() {
        let retried = sent_before::find_retried_run(&store, &SourceIdentity::of(&head), &ready.table, &request.cancel)?;
        head.source.retry_of = retried;
    }
    let locks = lock_source(&request.folders.state, &head)?;
    let sent = match (&rows, ready.guard) {
        (Some(rows), Guard::SameFile { keyed }) => {
            let mut compared = compare_with_earlier(&ready, &store, &head, rows)?;
            events.notes(compared.notes.drain(..));
            check_anything_new(&ready, &compared.sent, keyed)?;
            head.source.new_delivery = compared.new_delivery;
            head.remade = compared.remade;
            Arc::new(compared.sent)
        }
        _ => Arc::default(),
    };
    let budget = error_budget(request, ready.weighed, events);
    // Runs that begin in the same second take turns with their names.
    let _naming = wait_for_lock(&request.folders.state, "names")?;
    let name = new_name(&store, &head, now())?;
    let folder = request.folders.runs.join(&name);
    let head = RunHead { folder: folder.display().to_string(), ..head };
    make_folder(&folder)?;
    if let Some(returning) = &ready.returning {
        write_left_alone(&folder, returning.left_alone)?;
        // Over the budget, nothing will be sent.
        let records = if budget.1 { &[] } else { returning.records };
        store.note_sent_back(returning.export, returning.file, records)?;
    }
    let new = NewRun {
        name: &name,
        head: &head,
        snapshot: ready.snapshot,
        started_at: now(),
        edits: &ready.edits,
        rows: rows.as_ref(),
    };
    let journal = Journal::begin(store, &new)?.with_sends(sends);
    events.emit(Event::Started { run: name.clone() });
    Ok(Job {
        client: Arc::clone(&ready.target.client),
        plan: ready.plan,
        table: ready.table,
        journal,
        doubts: Vec::new(),
        links_unknown: HashSet::new(),
        store: Store::open(&request.folders.state)?,
        name,
        head,
        select: Select { sent, ..request.select() },
        budget: budget.0,
        over_budget: budget.1,
        giving_up: None,
        resumed: false,
        total: ready.total,
        in_flight: request.in_flight,
        reads: ready.reads,
        cancel: request.cancel.clone(),
        _locks: locks,
    })
}

/// What earlier runs have sent of the source. An earlier run that has not ended is an error.
fn compare_with_earlier(
    ready: &PreparedRun<'_>,
    store: &Store,
    head: &RunHead,
    rows: &RowHashes,
) -> Result<SourceComparison, EngineError> {
    let request = ready.request;
    let keyed = ready.guard == Guard::SameFile { keyed: true };
    let path = Path::new(&head.source.path);
    let origin = SourceIdentity::of(head);
    let lifted = GuardOverride { again: head.again, by_keys: head.same_keys && keyed };
    let earlier = sent_before::earlier_runs(store, &origin, lifted, None)?;
    sent_before::check_no_open_run(store, &earlier, path, request.rows)?;
    let current = CurrentSource {
        identity: &origin,
        rows,
        titles: &head.source.titles,
        keyed,
        table: Some((&ready.table, &request.cancel)),
    };
    let compare = |deleted: &HashSet<u64>| sent_before::compare(store, &earlier, deleted, &current);
    let (client, plan, remake) = (&*ready.target.client, &*ready.plan, request.remake_deleted);
    let looking = AccountLookup {
        client,
        plan,
        runs: &earlier,
        cancel: &request.cancel,
        remake,
        rows: request.rows,
        limit: request.limit,
    };
    sent_before::compare_without_deleted(compare, sent_before::remade_ids(&earlier), Some(looking))
}

/// An error if earlier runs have sent everything in the source.
fn check_anything_new(ready: &PreparedRun<'_>, sent: &SentRows, keyed: bool) -> Result<(), EngineError> {
    if sent.is_empty() {
        return Ok(());
    }
    let request = ready.request;
    let select = Select { sent: Arc::new(sent.clone()), ..request.select() };
    let counts = survey::count_prepared(&ready.table, &ready.plan, &select, &request.cancel)?;
    sent_before::check_anything_new(ready.source, sent, counts, keyed)
}

/// Refuses flags that apply only to a workbook without a mapping.
pub(super) fn check_flags(request: &ImportRequest) -> Result<(), EngineError> {
    let unused = [("--force", request.force), ("--as-new", request.as_new)].into_iter().find(|(_, given)| *given);
    let Some((flag, _)) = unused else { return Ok(()) };
    let message =
        message!("{flag} works only on a workbook that amoport export wrote, imported without a mapping", flag);
    Err(EngineError::refused("flags", message, "leave out the flag or the mapping"))
}

/// Refuses a batch size above the kind's maximum, which is a rule of the service.
pub(super) fn check_batch_size(requested: Option<usize>, plan: &Plan) -> Result<(), EngineError> {
    let max = plan.write.batch_max;
    match requested {
        Some(size) if size > max => Err(EngineError::refused(
            "batch-size",
            message!("--batch {size} is above the service's maximum for a {kind}", size, kind = plan.kind.name()),
            message!("give {max} or less", max),
        )),
        Some(_) | None => Ok(()),
    }
}

fn build_head(ready: &PreparedRun<'_>) -> RunHead {
    let (request, plan, layout) = (ready.request, &ready.plan, &ready.table.layout);
    RunHead {
        source: SourceHead {
            path: ready.source.display().to_string(),
            sha256: ready.sha256.clone(),
            sheet: layout.sheet.clone(),
            header_row: layout.header_row,
            format: layout.format,
            encoding: layout.encoding.map(str::to_owned),
            bom: layout.bom,
            delimiter: layout.delimiter,
            hidden_rows: layout.hidden_rows,
            links: layout.links,
            fill_down: layout.fill_down.clone(),
            titles: titles(ready.table.header.titles(), &plan.lettered_columns),
            absolute: sent_before::absolute_path(ready.source),
            rows_digest: None,
            new_delivery: false,
            retry_of: None,
        },
        mapping: ready.mapping.clone(),
        kind: plan.kind,
        entity: plan.kind.spec().entity,
        action: plan.action,
        account: ready.target.address.clone(),
        account_id: Some(plan.account.basics.id),
        target: ready.target.target.clone(),
        config: request.target.config(),
        token_file: request.target.token_file(),
        base: plan.account.base.clone(),
        folder: request.folders.runs.display().to_string(),
        batch: request.batch,
        settle: request.settle_s,
        answer_timeout: ready.target.client.answer_timeout().as_secs(),
        verify: request.verify,
        rate: request.rate,
        rows: request.rows,
        limit: request.limit,
        again: ready.again,
        same_keys: request.same_keys,
        remake_deleted: request.remake_deleted,
        remade: Vec::new(),
        look_from: None,
        key_space: ready.key_space.clone(),
        key_titles: (!plan.key.is_empty()).then(|| plan.key_titles().collect()),
        catalog: plan.catalog,
        decimal: plan.decimal,
        keeps_links: true,
    }
}

/// The titles of the source, with empty ones for columns that the mapping names only by letter.
fn titles<'t>(titles: impl Iterator<Item = &'t str>, letters: &[usize]) -> Vec<String> {
    let mut titles: Vec<String> = titles.map(str::to_owned).collect();
    let last = letters.iter().filter(|column| **column < LINK_INDEX_BASE).max().map_or(0, |column| column + 1);
    titles.resize(titles.len().max(last), String::new());
    titles
}

/// The error budget, and whether the mapping's rejections already exceed it. With a budget the whole source is counted first,
/// so the local rejections are known, and the number of records that a percentage refers to.
fn error_budget(
    request: &ImportRequest,
    weighed: Option<MappedCounts>,
    events: &mut EventSink<'_>,
) -> (Option<Budget>, bool) {
    let (Some(max), Some(MappedCounts { records, rejected, .. })) = (request.max_errors, weighed) else {
        return (None, false);
    };
    let records = records + rejected;
    let budget = max.of(records);
    let over = budget.exceeded(rejected);
    if over {
        let message = message!("{rejected} of {records} records would be rejected: nothing is sent", rejected, records);
        events.note(Note::new("over-budget", message));
    }
    (Some(budget), over)
}

/// A run's name: when it begins and what it imports; numbered if another run began in the same second.
fn new_name(store: &Store, head: &RunHead, now: i64) -> Result<String, EngineError> {
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

/// Creates the folder of a run. Rejected rows hold personal data, so only the owner can read it.
pub(super) fn make_folder(folder: &Path) -> Result<(), EngineError> {
    private::folder(folder).map_err(|e| {
        let message = message!("the run's folder cannot be created: {error}", error = e.to_string());
        Problem::in_file(folder, "runs-folder", message).hint("name another folder with --runs").into()
    })
}

/// The file in a run's folder with the ids that the workbook had and its sheet no longer has.
const LEFT_ALONE: &str = "left-alone.csv";

fn write_left_alone(folder: &Path, left: &[u64]) -> Result<(), EngineError> {
    if left.is_empty() {
        return Ok(());
    }
    let path = folder.join(LEFT_ALONE);
    let lines: String = left.iter().map(|id| format!("{id}\n")).collect();
    write_whole(&path, format!("id\n{lines}").as_bytes()).map_err(|e| {
        let message = message!("the file cannot be written: {error}", error = e.to_string());
        Problem::in_file(&path, "runs-folder", message).hint("name another folder with --runs").into()
    })
}

/// Locks the source for the account, by its bytes, its path and its rows: one run per source and account at a time. The locks
/// end with the process, however it ends.
pub(super) fn lock_source(state: &Path, head: &RunHead) -> Result<Vec<File>, EngineError> {
    let account = head.account_key().to_string();
    let account: String = account.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    let source = &head.source;
    let path = source.absolute.as_deref().map(prepare::sha256_hex);
    let known_by = [Some(source.sha256.clone()), path, source.rows_digest.clone()];
    let names = known_by.into_iter().flatten().map(|name| name.chars().take(16).collect::<String>());
    names.map(|name| try_lock_file(state, &format!("{name}-{account}"), head)).collect()
}

fn try_lock_file(state: &Path, name: &str, head: &RunHead) -> Result<File, EngineError> {
    let file = lock_file(state, name)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(_) => {
            let message = "this source is being imported into this account right now";
            let problem = Problem::in_file(Path::new(&head.source.path), "busy", message);
            Err(EngineError::new(ErrorKind::Busy, problem.hint("wait until the other run has ended")))
        }
    }
}

/// Waits for a lock on something that one process does at a time.
pub(super) fn wait_for_lock(state: &Path, name: &str) -> Result<File, EngineError> {
    let file = lock_file(state, name)?;
    file.lock().map_err(|e| lock_error(state, &e))?;
    Ok(file)
}

fn lock_file(state: &Path, name: &str) -> Result<File, EngineError> {
    let folder = state.join("locks");
    let open = || {
        private::folder(&folder)?;
        private::lock(&folder.join(name))
    };
    open().map_err(|e| lock_error(&folder.join(name), &e))
}

fn lock_error(path: &Path, error: &std::io::Error) -> EngineError {
    let message = message!("the lock file cannot be created: {error}", error = error.to_string());
    Problem::in_file(path, "state-unusable", message).hint("name a writable folder with --state").into()
}
