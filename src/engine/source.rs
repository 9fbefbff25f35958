//! The source of a run: opened for a mapping, opened again as it was, spooled where it can be read only once.

use super::error::EngineError;
use super::request::SourceOptions;
use crate::mapping::{Written, compile};
use crate::message;
use crate::problem::Problem;
use crate::report::REJECT_COLUMNS;
use crate::store::{SourceHead, Store};
use crate::table::{BeyondAscii, Fingerprint, ReadOptions, Table};
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

/// How a mapping and a person want the source to be read.
pub(super) fn options(written: &Written, asked: &SourceOptions) -> ReadOptions {
    let said = &written.source.read;
    ReadOptions {
        sheet: asked.sheet.clone().or_else(|| said.sheet.clone()),
        header_row: asked.header_row.or(said.header_row),
        encoding: asked.encoding.clone().or_else(|| said.encoding.clone()),
        delimiter: asked.delimiter.or(said.delimiter),
        titles: compile::titles(written),
        beyond_ascii: BeyondAscii::Search,
    }
}

/// Opens the source for a mapping.
pub(super) fn open(file: &Path, options: &ReadOptions) -> Result<Table, EngineError> {
    match rejects_of_a_run(file, options) {
        Some(table) => Ok(table),
        None => Ok(Table::open(file, options)?),
    }
}

/// A reject file of an earlier run has its titles in the first row of its one sheet, wherever the mapping says they
/// are in the source.
fn rejects_of_a_run(file: &Path, options: &ReadOptions) -> Option<Table> {
    let elsewhere = options.sheet.is_some() || options.header_row.is_some_and(|row| row > 1);
    let ending = file.extension()?.to_str()?.to_lowercase();
    if !elsewhere || !matches!(ending.as_str(), "csv" | "xlsx") {
        return None;
    }
    let first = ReadOptions { header_row: Some(1), sheet: None, ..options.clone() };
    let table = Table::open(file, &first).ok()?;
    let ours = REJECT_COLUMNS.iter().all(|column| table.header.titles().any(|title| title == *column));
    ours.then_some(table)
}

/// What opens a source again exactly as it was.
pub(super) fn same(table: &Table) -> ReadOptions {
    let layout = &table.layout;
    ReadOptions {
        sheet: layout.sheet.clone(),
        header_row: Some(layout.header_row),
        encoding: layout.encoding.map(str::to_owned),
        delimiter: layout.delimiter,
        titles: Vec::new(),
        beyond_ascii: BeyondAscii::Leave,
    }
}

/// The same source, opened once more.
pub(super) fn again(table: &Table) -> Result<Table, EngineError> {
    Ok(Table::open(Path::new(&table.source().file), &same(table))?)
}

/// What opens the source of a run as it was when the run began.
pub(super) fn of_run(source: &SourceHead) -> ReadOptions {
    ReadOptions {
        sheet: source.sheet.clone(),
        header_row: Some(source.header_row),
        encoding: source.encoding.clone(),
        delimiter: source.delimiter,
        titles: Vec::new(),
        beyond_ascii: BeyondAscii::Leave,
    }
}

pub(super) fn reopen(source: &SourceHead) -> Result<Table, EngineError> {
    Ok(Table::open(Path::new(&source.path), &of_run(source))?)
}

/// A run goes on with the very files it began with, which have these sums.
pub(super) fn unchanged(file: &Path, now: &str, then: &str, what: &'static str) -> Result<(), Problem> {
    if now == then {
        return Ok(());
    }
    let message = message!("the {what} has changed since the run began", what);
    let hint = "put the old file back to go on with the run, or import the new one as a run of its own";
    Err(Problem::in_file(file, "changed", message).hint(hint))
}

/// Reads all of a file.
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

/// The file to read. What can be read only once, standard input or a pipe, is first copied into the state folder: a run
/// reads its source twice, and goes on with it after a stop.
pub(super) fn spooled(file: &Path, state: &Path) -> Result<PathBuf, EngineError> {
    let piped = file == Path::new(STDIN);
    if !piped && std::fs::metadata(file).map_or(true, |metadata| metadata.is_file() || metadata.is_dir()) {
        return Ok(file.to_owned());
    }
    let folder = state.join(SPOOL);
    let unusable = |error: io::Error| -> EngineError {
        let message = message!("the source cannot be copied: {error}", error = error.to_string());
        Problem::in_file(&folder, "state-unusable", message)
            .hint("name a folder you may write to with --state, on a disk with enough room")
            .into()
    };
    private_folder(&folder).map_err(unusable)?;
    let unique = format!("{}-{}", std::process::id(), crate::clock::Clock::REAL.unix_us());
    let part = folder.join(format!("{unique}.part"));
    let mut copy = private_file(&part).map_err(unusable)?;
    let copied = match piped {
        true => io::copy(&mut io::stdin().lock(), &mut copy),
        false => File::open(file).and_then(|mut pipe| io::copy(&mut pipe, &mut copy)),
    };
    copied.and_then(|_| copy.sync_all()).map_err(unusable)?;
    // The same input is the same source, however often it comes.
    let sha256 = sha256(&part)?;
    let path = folder.join(&sha256[..32]);
    std::fs::rename(&part, &path).map_err(unusable)?;
    Ok(path)
}

/// Takes a spooled source away, once no run needs it to go on.
pub(super) fn forget_spooled(file: &Path, state: &Path) {
    let spooled = file.parent() == Some(&state.join(SPOOL));
    let needed = || -> Result<bool, EngineError> {
        let path = file.display().to_string();
        Ok(Store::open(state)?.runs()?.iter().any(|run| run.head.source.path == path && !run.outcome.is_final()))
    };
    // What cannot be looked up or taken away stays, for its owner alone.
    if spooled && matches!(needed(), Ok(false)) {
        let _ = std::fs::remove_file(file);
    }
}

/// People's data stands in it: it is its owner's alone.
fn private_folder(folder: &Path) -> io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

fn private_file(path: &Path) -> io::Result<File> {
    let mut options = File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}
