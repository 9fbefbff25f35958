//! A mapping with errors. All its problems are reported at once: its names are looked up in the source and in the account, as
//! far as these can be read.

use crate::engine::interface::error::{EngineError, ErrorKind};
use crate::engine::interface::event::{Event, EventSink};
use crate::engine::interface::request::ImportRequest;
use crate::engine::prepare;
use crate::engine::source;
use crate::engine::target::OpenAccount;
use crate::mapping::wanted::wanted;
use crate::mapping::{self, Draft, MappingAst};
use crate::store::{AccountKey, KeySpace};
use sheet_source::message;
use sheet_source::problem::{Place, Problem};
use std::path::Path;
use std::sync::Arc;

/// Bytes of the longest file that is checked for being a mapping.
const MAPPING_MAX: u64 = 1 << 24;

/// The mapping of an import or a check; all its problems, if it has any.
pub fn read_mapping(
    import: &ImportRequest,
    snapshot: Option<&Path>,
    path: &Path,
    events: &mut EventSink<'_>,
) -> Result<MappingAst, EngineError> {
    let draft = mapping::draft(path);
    if let Some(problem) = check_misplaced(&import.source, Some((path, &draft))) {
        return Err(problem.into());
    }
    let Draft { ast: written, mut problems, unread } = draft;
    let Some(written) = written else { return Err(problems.into()) };
    if problems.is_empty() {
        return Ok(written);
    }
    if let Err(more) = check_names(import, snapshot, &written, events) {
        if matches!(more.kind, ErrorKind::Interrupted(_)) {
            return Err(more);
        }
        problems.extend(
            more.problems.into_iter().filter(|problem| line_of(problem).is_none_or(|at| !unread.contains(&at))),
        );
    }
    mapping::sort_by_position(&mut problems);
    Err(problems.into())
}

fn line_of(problem: &Problem) -> Option<usize> {
    match problem.place {
        Place::Text { line, .. } => Some(line),
        Place::Nowhere | Place::File(_) | Place::Cell { .. } => None,
    }
}

/// Looks up the names of the mapping; the error holds their problems.
fn check_names(
    import: &ImportRequest,
    snapshot: Option<&Path>,
    written: &MappingAst,
    events: &mut EventSink<'_>,
) -> Result<(), EngineError> {
    let state = &import.folders.state;
    let source = import.source.as_path();
    if !source.is_file() {
        // A pipe can be read only once, and a missing file is reported where the mapping is used.
        return Ok(());
    }
    let table = source::open_table(source, &source::read_options(written, &import.read))?;
    events.emit(Event::Source { file: source.display().to_string(), layout: Box::new(table.layout.clone()) });
    let (account, name) = match snapshot {
        Some(path) => (prepare::read_snapshot(path)?, AccountKey::of_address("")),
        None => {
            let target = OpenAccount::open(&import.target, state, import.rate, events)?;
            let pulled = prepare::read_account(&target, &wanted(written), &import.cancel, events)?;
            let account_key = prepare::account_key(state, &target, pulled.account.basics.id)?;
            (pulled.account, account_key)
        }
    };
    let ledger = prepare::open_ledger(state, &name, None, KeySpace::default());
    prepare::compile_plan(written, &table, Arc::new(account), ledger).map(|_| ())
}

/// The problem if the source is a mapping, or source and mapping are swapped.
pub fn check_misplaced(source: &Path, mapping: Option<(&Path, &Draft)>) -> Option<Problem> {
    let named = source.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("toml"));
    let unread = mapping.is_some_and(|(_, draft)| draft.ast.is_none());
    let short = || std::fs::metadata(source).is_ok_and(|file| file.is_file() && file.len() <= MAPPING_MAX);
    if !(named || unread || mapping.is_none()) || !short() || !mapping::is_mapping(source) {
        return None;
    }
    let file = source.display().to_string();
    let problem = |message| Problem::in_file(source, "source-is-mapping", message).at(Place::Nowhere);
    Some(match mapping {
        Some((path, _)) if unread => {
            let path = path.display().to_string();
            let message =
                message!("FILE and -m are swapped: {file} is a mapping, and {path} is not", file = &file, path = &path);
            problem(message).hint(message!("write {path} -m {file}", path, file))
        }
        Some(_) => {
            problem(message!("{file} is a mapping, not a table", file)).hint("name the file with the rows before -m")
        }
        None => problem(message!("{file} is a mapping, not a table", file = &file))
            .hint(message!("name the file with the rows before it: FILE -m {file}", file)),
    })
}
