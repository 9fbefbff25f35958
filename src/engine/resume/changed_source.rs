//! Resumes a run whose source has changed: looks for the batches in doubt, closes the run, and sends its unsent rows in a new
//! run, in which the sent rows are held back.

use crate::engine::begin::sent_before;
use crate::engine::import;
use crate::engine::interface::cancel::Cancel;
use crate::engine::interface::error::{EngineError, ErrorKind, check_cancelled};
use crate::engine::interface::event::EventSink;
use crate::engine::interface::request::{ImportRequest, ResumeRequest, SourceOptions};
use crate::engine::interface::result::RunResult;
use crate::engine::prepare;
use crate::engine::resume::give_up;
use crate::engine::resume::reopen;
use crate::engine::run::report::RunReport;
use crate::engine::source;
use crate::mapping::compile;
use crate::store::{Run, RunHead, Store};
use amo_model::Action;
use sheet_source::message;
use sheet_source::problem::{Message, Note, Place, Problem, quoted};
use sheet_source::{ColumnMatch, Row, RowHashes};
use std::fs::File;
use std::path::{Path, PathBuf};

/// True if the error is only a changed source, and the run can be continued by a new run.
pub fn applies_to(head: &RunHead, error: &EngineError) -> bool {
    let changed = |problem: &Problem| {
        problem.code == source::CHANGED && problem.place == Place::File(head.source.file().to_owned())
    };
    // Row numbers may have changed; and with `again` rows to send cannot be told from sent ones.
    let by_rows = head.rows.is_none() && head.limit.is_none() && !head.again;
    head.action == Action::Create && by_rows && head.mapping.made.is_none() && error.problems.iter().any(changed)
}

/// The number of unsent rows that are no longer in the source. An error if the source cannot be read to its end by the mapping
/// (it may be in the middle of being written), or if it has no row in common with the run. The problems are added to those of
/// `changed`.
fn count_missing(store: &Store, found: &Run, mut changed: EngineError, cancel: &Cancel) -> Result<u64, EngineError> {
    match compare_source(store, found, cancel) {
        Err(EngineError { kind: ErrorKind::Refused, problems }) => {
            changed.problems.extend(problems);
            Err(changed)
        }
        compared => compared,
    }
}

fn compare_source(store: &Store, found: &Run, cancel: &Cancel) -> Result<u64, EngineError> {
    let path = found.head.source.file();
    let refused = |code, message: Message| EngineError::from(Problem::in_file(path, code, message));
    let written = reopen::read_mapping(found)?;
    let mapping = found.head.mapping.file();
    source::check_unchanged(
        mapping,
        &prepare::mapping_sha256(mapping, &written)?,
        &found.head.mapping.sha256,
        "mapping",
    )?;
    let mut table = source::open_table(path, &source::read_options(&written, &reread_options(found)))?;
    let unknown = compile::titles(&written).into_iter().find(|title| table.header.find(title) == ColumnMatch::None);
    if let Some(title) = unknown {
        return Err(refused("unknown-column", message!("the source has no column {title}", title = quoted(&title))));
    }
    let hasher = give_up::source_hasher(found, &table);
    let (mut row, mut now) = (Row::default(), RowHashes::default());
    while table.read(&mut row)? {
        now.push(row.number, hasher.hash(&row));
        check_cancelled(cancel)?;
    }
    let Some(then) = store.source_rows(found.run)? else {
        let message = "the run was made by a version that kept nothing to compare the source with".into();
        return Err(refused("other-source", message));
    };
    let mut still_there = vec![false; then.len()];
    sent_before::common_rows(&then, &now).into_iter().for_each(|(old, _)| still_there[old] = true);
    if !still_there.contains(&true) {
        let message = "none of the run's rows is in it".into();
        return Err(refused("other-source", message));
    }
    let settled = store.settled_rows(found.run)?;
    let wanted = |number: u32| found.head.rows.is_none_or(|(first, last)| (first..=last).contains(&number));
    let missing = then
        .numbers()
        .iter()
        .zip(&still_there)
        .filter(|(number, is_there)| !**is_there && wanted(**number) && !settled.contains(*number));
    Ok(missing.count() as u64)
}

/// The options with which it was read, except those that change when it is saved again.
fn reread_options(found: &Run) -> SourceOptions {
    let source = &found.head.source;
    SourceOptions {
        sheet: source.sheet.clone(),
        header_row: Some(source.header_row),
        hidden_rows: source.hidden_rows,
        ..SourceOptions::default()
    }
}

pub fn resume_with_new_run(
    request: &ResumeRequest,
    found: Run,
    (locks, changed): (Vec<File>, EngineError),
    events: &mut EventSink<'_>,
) -> Result<RunResult, EngineError> {
    let store = Store::open(&request.folders.state)?;
    let missing = count_missing(&store, &found, changed, &request.cancel)?;
    if missing > 0 {
        let message = message!(
            "{gone} rows that run {run} did not send are no longer in the source; they stay unprocessed in its report",
            gone = missing,
            run = &found.name
        );
        events.note(Note::warning("rows-gone", message).count(missing));
    }
    let (head, read) = (found.head.clone(), reread_options(&found));
    let message = message!(
        "the source has changed since run {run} began: that run is closed, and its unsent rows go into a new run",
        run = &found.name
    );
    let abandoner = give_up::Abandoner {
        folders: &request.folders,
        target: &request.target,
        cancel: &request.cancel,
        locks,
        even_if_unreachable: false,
    };
    let run = found.run;
    abandoner.abandon(store, found, events)?;
    let store = Store::open(&request.folders.state)?;
    let report = RunReport::new(&store, run, Path::new(&head.folder));
    if !store.run(run)?.outcome.is_final() {
        return report.close(None, events);
    }
    report.write()?;
    check_cancelled(&request.cancel)?;
    events.note(Note::warning("source-changed", message));
    let target = request.target.for_run(&head);
    let import = ImportRequest {
        mapping: Some(as_given(&head.mapping.path, head.mapping.file())),
        read,
        batch: head.batch,
        rate: head.rate,
        settle_s: head.settle,
        verify: head.verify,
        same_keys: head.same_keys,
        remake_deleted: head.remake_deleted,
        older_state: request.older_state,
        count: request.count,
        cancel: request.cancel.clone(),
        ..ImportRequest::new(as_given(&head.source.path, head.source.file()), target, request.folders.clone())
    };
    import::import_with(&import, events)
}

/// The path as the run named it, if it leads to the same file from this folder.
fn as_given(path: &str, file: &Path) -> PathBuf {
    let given = Path::new(path);
    let real = |path: &Path| std::fs::canonicalize(path).ok();
    if real(given).is_some() && real(given) == real(file) { given.to_owned() } else { file.to_owned() }
}
