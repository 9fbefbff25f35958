//! The source of a run: opened for a mapping, reopened as it was, copied to the state folder if it can be read only once.
//! `survey` reads it before anything is sent, `walk` maps it without sending.

pub mod survey;
pub mod walk;

use crate::engine::interface::cancel::Cancel;
use crate::engine::interface::error::{EngineError, check_cancelled};
use crate::engine::interface::event::EventSink;
use crate::engine::interface::request::SourceOptions;
use crate::mapping::{MappingAst, compile};
use crate::store::{RunOutcome, SourceHead, Store};
use amo_client::private;
use sheet_source::message;
use sheet_source::problem::{Note, Place, Problem};
use sheet_source::{ColumnMatch, EncodingScan, Fingerprint, Header, ReadOptions, Table};
use std::collections::HashSet;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::mpsc::RecvTimeoutError;
use std::time::Duration;

/// How to read the source: the options of the request, then those of the mapping.
pub(super) fn read_options(written: &MappingAst, requested: &SourceOptions) -> ReadOptions {
    let from_mapping = &written.source.read;
    ReadOptions {
        sheet: requested.sheet.clone().or_else(|| from_mapping.sheet.clone()),
        header_row: requested.header_row.or(from_mapping.header_row),
        hidden_rows: requested.hidden_rows.or(from_mapping.hidden_rows),
        encoding: requested.encoding.clone().or_else(|| from_mapping.encoding.clone()),
        delimiter: requested.delimiter.or(from_mapping.delimiter),
        fill_down: compile::fill_down(written),
        links: compile::titles(written).iter().any(|title| Header::wants_link(title)),
        titles: compile::titles(written),
        words: compile::texts(written),
        encoding_scan: EncodingScan::WholeFile,
    }
}

/// Opens the source for a mapping.
pub(super) fn open_table(file: &Path, options: &ReadOptions) -> Result<Table, EngineError> {
    if let Some(table) = open_reject_file(file, options) {
        return Ok(table);
    }
    let table = Table::open(file, options)?;
    check_header_row(file, options)?;
    Ok(table)
}

/// A mapping that names columns only by letter fits any row, so it does not show whether the first row is a header or a record.
fn check_header_row(file: &Path, options: &ReadOptions) -> Result<(), EngineError> {
    let titles = &options.titles;
    let alone = !titles.is_empty() && titles.iter().all(|title| title.trim_start().starts_with("col:"));
    if !alone || options.header_row.is_some() {
        return Ok(());
    }
    let message = "the mapping names columns only by letter, and it is unknown whether the first row holds titles";
    let hint = "set header-row = 0 under [source], or --header-row 0, if it does not; header-row = 1 if it does";
    Err(Problem::in_file(file, "header-row", message).hint(hint).into())
}

/// In a filtered sheet the user may mean only the visible rows, or all of them.
fn check_hidden_rows(table: &Table) -> Result<(), EngineError> {
    let (None, hidden) = (table.layout.hidden_rows, table.layout.hidden) else { return Ok(()) };
    if hidden.rows == 0 {
        return Ok(());
    }
    let message = hidden.message();
    let hint = "set hidden-rows = \"import\" or hidden-rows = \"skip\" under [source], or use --hidden-rows";
    Err(Problem::in_file(Path::new(&table.source().file), "hidden-rows", message).hint(hint).into())
}

/// An error if the encoding is unclear or rows are hidden: the user has to decide.
pub(super) fn check_unambiguous(table: &Table) -> Result<(), EngineError> {
    check_hidden_rows(table)?;
    match &table.layout.encoding_doubt {
        Some(doubt) => Err(doubt.problem(Path::new(&table.source().file)).into()),
        None => Ok(()),
    }
}

/// Extensions with which spreadsheet programs save a file of rejected rows.
const ENDINGS: [&str; 8] = ["csv", "txt", "tsv", "xlsx", "xlsm", "xlsb", "xls", "ods"];

/// Opens the reject file of an earlier run: its titles are in the first row of its only sheet, wherever they are in the
/// mapping's source.
fn open_reject_file(file: &Path, options: &ReadOptions) -> Option<Table> {
    let elsewhere = options.sheet.is_some() || options.header_row.is_some_and(|row| row != 1);
    let ending = file.extension()?.to_str()?.to_lowercase();
    let written_otherwise = options.delimiter.is_some() || options.encoding.is_some();
    if !(elsewhere || written_otherwise) || !ENDINGS.contains(&ending.as_str()) {
        return None;
    }
    let first = ReadOptions { header_row: Some(1), sheet: None, ..options.clone() };
    // A spreadsheet program may have saved it with another delimiter and another encoding.
    let saved = ReadOptions { encoding: None, delimiter: None, ..first.clone() };
    let open = |options: &ReadOptions| Table::open(file, options).ok().filter(|table| table.header.is_rejects());
    let found =
        |table: &Table| options.titles.iter().filter(|title| table.header.find(title) != ColumnMatch::None).count();
    let (first, saved) = (open(&first), written_otherwise.then(|| open(&saved)).flatten());
    match (first, saved) {
        (Some(first), Some(saved)) => Some(if found(&saved) > found(&first) { saved } else { first }),
        (first, saved) => first.or(saved),
    }
}

/// The options that open a source again exactly as it was.
pub(super) fn same_options(table: &Table) -> ReadOptions {
    let layout = &table.layout;
    ReadOptions {
        sheet: layout.sheet.clone(),
        header_row: Some(layout.header_row),
        hidden_rows: layout.hidden_rows,
        links: layout.links,
        fill_down: layout.fill_down.clone(),
        encoding: layout.encoding.map(str::to_owned),
        delimiter: layout.delimiter,
        titles: Vec::new(),
        words: Vec::new(),
        encoding_scan: EncodingScan::StartOnly,
    }
}

/// Opens the same source again.
pub(super) fn reopen_table(table: &Table) -> Result<Table, EngineError> {
    Ok(Table::open(Path::new(&table.source().file), &same_options(table))?)
}

/// The options that open the source of a run as it was when the run began.
pub(super) fn run_options(source: &SourceHead) -> ReadOptions {
    ReadOptions {
        sheet: source.sheet.clone(),
        header_row: Some(source.header_row),
        hidden_rows: source.hidden_rows,
        links: source.links,
        fill_down: source.fill_down.clone(),
        encoding: source.encoding.clone(),
        delimiter: source.delimiter,
        titles: Vec::new(),
        words: Vec::new(),
        encoding_scan: EncodingScan::StartOnly,
    }
}

pub(super) fn open_for_run(source: &SourceHead) -> Result<Table, EngineError> {
    Ok(Table::open(source.file(), &run_options(source))?)
}

/// An error if a file of a run has changed since the run began: the SHA-256 sums differ.
pub(super) fn check_unchanged(file: &Path, now: &str, then: &str, what: &'static str) -> Result<(), Problem> {
    if now == then {
        return Ok(());
    }
    let message = message!("the {what} has changed since the run began", what);
    let hint = "restore the old file to resume the run, or abandon it: amoport runs --abandon RUN";
    Err(Problem::in_file(file, CHANGED, message).hint(hint))
}

/// The problem code of a file that has changed.
pub(super) const CHANGED: &str = "changed";

/// Reads a whole file and computes its fingerprint.
pub(super) fn fingerprint(file: &Path) -> Result<Fingerprint, Problem> {
    Fingerprint::of_file(file).map_err(|e| {
        let message = message!("the file cannot be read: {error}", error = e.to_string());
        Problem::in_file(file, "unreadable", message).hint("check the path")
    })
}

/// SHA-256 of a file, in hex.
pub(super) fn sha256(file: &Path) -> Result<String, EngineError> {
    Ok(fingerprint(file)?.sha256)
}

/// Standard input.
const STDIN: &str = "-";
/// Below the state folder.
const SPOOL: &str = "spool";
const SPOOL_LOCK: &str = "lock";
/// How often cancellation is checked.
const POLL_EVERY: Duration = Duration::from_millis(50);

/// The file to read, and the lock that keeps its copy until the run that needs it is in the store.
pub(super) struct SpooledSource {
    pub file: PathBuf,
    requested: PathBuf,
    _lock: Option<File>,
}

impl SpooledSource {
    /// Replaces the path of the copy in problems by the path that the user gave.
    pub fn restore_name(&self, mut error: EngineError) -> EngineError {
        for problem in &mut error.problems {
            if problem.place == Place::File(self.file.clone()) {
                problem.place = Place::File(self.requested.clone());
            }
        }
        error
    }
}

/// Copies standard input or a pipe into the state folder, because a run reads its source twice, and again when it is resumed.
/// Other files are returned as they are.
pub(super) fn spool(
    file: &Path,
    state: &Path,
    cancel: &Cancel,
    events: &mut EventSink<'_>,
) -> Result<SpooledSource, EngineError> {
    let piped = file == Path::new(STDIN);
    if !piped && private::is_pipe(file) {
        events.note(pipe_note(file));
    } else if !piped {
        return Ok(SpooledSource { file: file.to_owned(), requested: file.to_owned(), _lock: None });
    }
    let folder = state.join(SPOOL);
    let unusable = |error: io::Error| -> EngineError {
        let message = message!("the source cannot be copied: {error}", error = error.to_string());
        Problem::in_file(&folder, "state-unusable", message)
            .hint("name a writable folder with --state, on a disk with enough space")
            .into()
    };
    private::folder(&folder).map_err(unusable)?;
    let lock = spool_lock(&folder).and_then(|lock| lock.lock_shared().map(|()| lock)).map_err(unusable)?;
    let unique = format!("{}-{}", std::process::id(), amo_client::clock::Clock::REAL.unix_us());
    let part = folder.join(format!("{unique}.part"));
    copy_input((!piped).then(|| file.to_owned()), private::create(&part).map_err(unusable)?, cancel)?
        .map_err(unusable)?;
    // The same input gets the same name, so it is recognized as the same source.
    let sha256 = sha256(&part)?;
    let path = folder.join(&sha256[..32]);
    std::fs::rename(&part, &path).map_err(unusable)?;
    Ok(SpooledSource { file: path, requested: file.to_owned(), _lock: Some(lock) })
}

/// The note that a pipe is read until it ends.
pub fn pipe_note(pipe: &Path) -> Note {
    let message = message!("{file} is not a regular file: it is read until it ends", file = pipe.display().to_string());
    Note::new("reads-pipe", message)
}

/// Copies a pipe or standard input on a thread of its own: its writer may never close it, and a stop must not wait for that.
fn copy_input(pipe: Option<PathBuf>, mut copy: File, cancel: &Cancel) -> Result<io::Result<()>, EngineError> {
    let (sender, done) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let copied = match pipe {
            None => io::copy(&mut io::stdin().lock(), &mut copy),
            Some(pipe) => File::open(pipe).and_then(|mut pipe| io::copy(&mut pipe, &mut copy)),
        };
        // After a stop there is no receiver.
        let _ = sender.send(copied.and_then(|_| copy.sync_all()));
    });
    loop {
        match done.recv_timeout(POLL_EVERY) {
            Ok(copied) => return Ok(copied),
            Err(RecvTimeoutError::Timeout) => check_cancelled(cancel)?,
            Err(RecvTimeoutError::Disconnected) => return Err(EngineError::fault("copying the source failed")),
        }
    }
}

/// Removes copies that no run needs, also those left by a killed process. While another import is about to begin with a copy,
/// nothing is removed; that import does it at its end.
pub(super) fn sweep_spool(state: &Path) {
    let folder = state.join(SPOOL);
    if !folder.is_dir() {
        return;
    }
    let sweep = || -> Result<(), EngineError> {
        let Some(_lock) = spool_lock(&folder).ok().filter(|lock| lock.try_lock().is_ok()) else { return Ok(()) };
        // The path of the state folder may have been written differently when the run began, so only the file name counts.
        let name = |path: &str| Path::new(path).file_name().map(ToOwned::to_owned);
        let open = Store::open(state)?.runs()?.into_iter().filter(|run| !is_over(run.outcome));
        let needed: HashSet<_> = open.filter_map(|run| name(&run.head.source.path)).collect();
        for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
            if entry.file_name() != SPOOL_LOCK && !needed.contains(&entry.file_name()) {
                let _ = std::fs::remove_file(entry.path());
            }
        }
        Ok(())
    };
    // A copy that cannot be removed stays; only its owner can read it.
    let _ = sweep();
}

/// Final and without unknown records, which the user may send again.
fn is_over(outcome: RunOutcome) -> bool {
    outcome.is_final() && outcome != RunOutcome::SomeUnknown
}

/// The lock of the copies: shared by imports that begin with one, exclusive for the removal.
fn spool_lock(folder: &Path) -> io::Result<File> {
    private::lock(&folder.join(SPOOL_LOCK))
}
