//! Everything an import does but sending: read, map, validate, and say every problem. The very code of the import.

pub mod present;

use crate::engine::begin::older;
use crate::engine::begin::sent_before::{GuardQuery, Guarded};
use crate::engine::begin::{batch_size, refuse_flags};
use crate::engine::interface::error::EngineError;
use crate::engine::interface::event::{Event, Teller};
use crate::engine::interface::request::CheckRequest;
use crate::engine::interface::result::CheckResult;
use crate::engine::prepare;
use crate::engine::prepare::flawed;
use crate::engine::prepare::known_keys::KnownKeys;
use crate::engine::round_trip;
use crate::engine::source;
use crate::engine::source::survey;
use crate::engine::source::walk;
use crate::engine::target::Opened;
use crate::mapping::wanted::wanted;
use crate::mapping::{MappingAst, compile, no_marker};
use crate::store::AccountKey;
use present::Present;
use sheet_source::problem::Note;
use std::path::Path;
use std::sync::Arc;

/// Checks a source. Its problems are heard on the way (`Event::Problem`); of a workbook without a mapping there are two
/// results, changes and new rows.
pub fn check(request: &CheckRequest, events: &mut dyn FnMut(Event)) -> Result<Vec<CheckResult>, EngineError> {
    let state = &request.import.folders.state;
    checked(request, &mut Teller::new(events)).map_err(|error| error.of_store_in(state))
}

fn checked(request: &CheckRequest, tell: &mut Teller<'_>) -> Result<Vec<CheckResult>, EngineError> {
    let import = &request.import;
    import.validate()?;
    let Some(file) = &import.mapping else { return round_trip::check(request, tell) };
    refuse_flags(import)?;
    if request.snapshot.is_none() {
        import.target.announce(tell);
    }
    let state = &import.folders.state;
    let written = flawed::read(import, request.snapshot.as_deref(), file, tell)?;
    let spooled = source::spooled(&import.source, state, &import.cancel, tell)?;
    let checked = check_file(request, &written, &spooled.file, tell).map_err(|error| spooled.named(error));
    drop(spooled);
    source::sweep_spool(state);
    Ok(vec![checked?])
}

fn check_file(
    request: &CheckRequest,
    written: &MappingAst,
    path: &Path,
    tell: &mut Teller<'_>,
) -> Result<CheckResult, EngineError> {
    let import = &request.import;
    let state = &import.folders.state;
    let table = source::open(path, &source::options(written, &import.read))?;
    let layout = Box::new(table.layout.clone());
    tell.event(Event::Source { file: import.source.display().to_string(), layout });
    source::clear(&table)?;
    let (account, name, target) = match &request.snapshot {
        Some(path) => {
            let message = "the account itself is not asked: whether it has room for these records, and what was changed or deleted in it since the snapshot, is not known";
            tell.note(Note::new("account-not-asked", message));
            let account = prepare::snapshot(path)?;
            let name = AccountKey::of_id(account.basics.id);
            (account, name, None)
        }
        None => {
            let runtime = prepare::runtime()?;
            let target = Opened::open(&import.target, state, import.rate, tell)?;
            let wanted = wanted(written);
            let account = prepare::account(&target, &wanted, &runtime, &import.cancel, tell)?.account;
            let known_as = prepare::known_as(state, &target, account.basics.id)?;
            (account, known_as, Some(target))
        }
    };
    let mapping = import.mapping.as_deref().unwrap_or(Path::new(""));
    let space = prepare::key_space(written, mapping);
    let ledger = prepare::ledger(state, &name, None, space).same_keys(import.same_keys);
    let columns = compile::group_columns(written, &table.header);
    let groups = if columns.is_empty() { None } else { Some(survey::count_groups(columns, &table)?) };
    let plan = prepare::plan(written, &table, Arc::new(account), ledger, groups)?;
    tell.all(compile::unread(written, &table).into_iter().chain(no_marker(&plan)));
    batch_size(import.batch, &plan)?;
    let client = target.as_ref().map(|target| &*target.client);
    let asked = GuardQuery { state, account: &name, file: path, keyed: !plan.key.is_empty(), client };
    let mut guarded = Guarded::of(&asked, &table, &plan, import)?;
    guarded.refuse(older::refusal(state, import.older_state)?);
    tell.all(guarded.notes.iter().cloned());
    let flags = (import.same_keys, import.remake_deleted);
    let keys = KnownKeys::of(state, &name, &plan, prepare::key_space(written, mapping), flags)?;
    guarded.keys = keys.map(|keys| keys.asking(target.as_ref().map(|target| Arc::clone(&target.client))));
    let plan = Arc::new(plan);
    if let Some(target) = &target {
        guarded.present = Present::of(target, &plan, &import.cancel)?;
    }
    walk::walk(table, &plan, import, &mut guarded, tell)
}
