//! Does everything an import does except sending: reads, maps, validates, and reports every problem, with the code of the
//! import. `present` compares an update with the account.

pub mod present;

use crate::engine::begin::older;
use crate::engine::begin::sent_before::{GuardQuery, GuardResult};
use crate::engine::begin::{check_batch_size, check_flags};
use crate::engine::interface::error::EngineError;
use crate::engine::interface::event::{Event, EventSink};
use crate::engine::interface::request::CheckRequest;
use crate::engine::interface::result::CheckResult;
use crate::engine::prepare;
use crate::engine::prepare::flawed;
use crate::engine::prepare::known_keys::KnownKeys;
use crate::engine::round_trip;
use crate::engine::source;
use crate::engine::source::survey;
use crate::engine::source::walk;
use crate::engine::target::OpenAccount;
use crate::mapping::wanted::wanted;
use crate::mapping::{MappingAst, compile, no_marker};
use crate::store::AccountKey;
use present::PresenceCheck;
use sheet_source::problem::Note;
use std::path::Path;
use std::sync::Arc;

/// Checks a source. Problems are reported as events (`Event::Problem`). A workbook without a mapping has two results: changes
/// and new rows.
pub fn check(request: &CheckRequest, events: &mut dyn FnMut(Event)) -> Result<Vec<CheckResult>, EngineError> {
    let state = &request.import.folders.state;
    run_check(request, &mut EventSink::new(events)).map_err(|error| error.with_store_path(state))
}

fn run_check(request: &CheckRequest, events: &mut EventSink<'_>) -> Result<Vec<CheckResult>, EngineError> {
    let import = &request.import;
    import.validate()?;
    let Some(file) = &import.mapping else { return round_trip::check(request, events) };
    check_flags(import)?;
    if request.snapshot.is_none() {
        import.target.announce(events);
    }
    let state = &import.folders.state;
    let written = flawed::read_mapping(import, request.snapshot.as_deref(), file, events)?;
    let spooled = source::spool(&import.source, state, &import.cancel, events)?;
    let checked = check_file(request, &written, &spooled.file, events).map_err(|error| spooled.restore_name(error));
    drop(spooled);
    source::sweep_spool(state);
    Ok(vec![checked?])
}

fn check_file(
    request: &CheckRequest,
    written: &MappingAst,
    path: &Path,
    events: &mut EventSink<'_>,
) -> Result<CheckResult, EngineError> {
    let import = &request.import;
    let state = &import.folders.state;
    let table = source::open_table(path, &source::read_options(written, &import.read))?;
    let layout = Box::new(table.layout.clone());
    events.emit(Event::Source { file: import.source.display().to_string(), layout });
    source::check_unambiguous(&table)?;
    let (account, name, target) = match &request.snapshot {
        Some(path) => {
            let message = "the account itself is not read: its free capacity, and what was changed or deleted in it since the snapshot, are unknown";
            events.note(Note::new("account-not-asked", message));
            let account = prepare::read_snapshot(path)?;
            let name = AccountKey::of_id(account.basics.id);
            (account, name, None)
        }
        None => {
            let target = OpenAccount::open(&import.target, state, import.rate, events)?;
            let wanted = wanted(written);
            let account = prepare::read_account(&target, &wanted, &import.cancel, events)?.account;
            let account_key = prepare::account_key(state, &target, account.basics.id)?;
            (account, account_key, Some(target))
        }
    };
    let mapping = import.mapping.as_deref().unwrap_or(Path::new(""));
    let space = prepare::key_space(written, mapping);
    let ledger = prepare::open_ledger(state, &name, None, space).same_keys(import.same_keys);
    let columns = compile::group_columns(written, &table.header);
    let groups = if columns.is_empty() { None } else { Some(survey::count_groups(columns, &table)?) };
    let plan = prepare::with_groups(prepare::compile_plan(written, &table, Arc::new(account), ledger)?, groups);
    events.notes(compile::unread(written, &table).into_iter().chain(no_marker(&plan)));
    check_batch_size(import.batch, &plan)?;
    let client = target.as_ref().map(|target| &*target.client);
    let query = GuardQuery { state, account: &name, file: path, keyed: !plan.key.is_empty(), client };
    let mut guarded = GuardResult::of(&query, &table, &plan, import)?;
    guarded.add_refusal(older::older_problem(state, import.older_state)?);
    events.notes(guarded.notes.iter().cloned());
    let keys = KnownKeys::of(import, &name, &plan, prepare::key_space(written, mapping))?;
    guarded.keys = keys.map(|keys| keys.with_client(target.as_ref().map(|target| Arc::clone(&target.client))));
    let plan = Arc::new(plan);
    if let Some(target) = &target {
        guarded.present = PresenceCheck::of(target, &plan, &import.cancel)?;
    }
    walk::walk(table, &plan, import, &mut guarded, events)
}
