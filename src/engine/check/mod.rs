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
use crate::engine::prepare::first_reads::AccountRead;
use crate::engine::prepare::flawed;
use crate::engine::prepare::kept::{self, KeptAccount};
use crate::engine::prepare::known_keys::KnownKeys;
use crate::engine::round_trip;
use crate::engine::source;
use crate::engine::source::survey;
use crate::engine::source::walk;
use crate::engine::target::OpenAccount;
use crate::mapping::wanted::wanted;
use crate::mapping::{MappingAst, compile, no_marker};
use crate::store::AccountKey;
use amo_client::account::Account;
use present::PresenceCheck;
use sheet_source::Table;
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
    let source = CheckedSource { request, written, path };
    if let Some(snapshot) = &request.snapshot {
        let message = "the account itself is not read: its free capacity, and what was changed or deleted in it since the snapshot, are unknown";
        events.note(Note::new("account-not-asked", message));
        let account = prepare::read_snapshot(snapshot)?;
        let name = AccountKey::of_id(account.basics.id);
        return source
            .check(table, CheckedAccount { account: Arc::new(account), name, target: None }, None, events)?
            .done();
    }
    let target = Arc::new(OpenAccount::open(&import.target, state, import.rate, events)?);
    let scope = wanted(written);
    let read = AccountRead::begin(&target, &scope, events);
    let of_target = |account: Account| {
        let name = prepare::account_key(state, &target, account.basics.id)?;
        Ok::<_, EngineError>(CheckedAccount { account: Arc::new(account), name, target: Some(Arc::clone(&target)) })
    };
    let Some(kept) = kept::find(state, &target, &scope) else {
        let account = read.finish(&target, &import.cancel, events)?.account;
        kept::keep(state, &target, &scope, &account);
        return source.check(table, of_target(account)?, None, events)?.done();
    };
    events.note(kept::note(&kept));
    let notes = events.take_notes();
    events.keep_notes(&notes);
    // Not noted in the store: the account has not said it now.
    let name = AccountKey::of_id(kept.basics.id);
    let account = CheckedAccount { account: Arc::new(kept), name, target: Some(Arc::clone(&target)) };
    let kept = KeptAccount::new(read, Arc::clone(&target), Arc::clone(&account.account), &import.cancel);
    match source.check(source::reopen_table(&table)?, account, Some(kept), events)? {
        CheckEnd::Done(checked) => Ok(*checked),
        CheckEnd::Outdated(now) => {
            // What was noted by the old lists does not count.
            events.take_notes();
            events.keep_notes(&notes);
            events
                .note(Note::new("account-kept", "the account's lists have changed since: they count as they are now"));
            kept::keep(state, &target, &scope, &now);
            source.check(table, of_target(*now)?, None, events)?.done()
        }
    }
}

/// How a check ended.
enum CheckEnd {
    Done(Box<CheckResult>),
    /// It met a problem by a kept snapshot, and the account is another one now.
    Outdated(Box<Account>),
}

impl CheckEnd {
    /// The result of a check by an account that was just read.
    fn done(self) -> Result<CheckResult, EngineError> {
        match self {
            CheckEnd::Done(checked) => Ok(*checked),
            CheckEnd::Outdated(_) => Err(EngineError::fault("an account that was just read is out of date")),
        }
    }
}

/// The account by which a source is checked.
struct CheckedAccount {
    account: Arc<Account>,
    name: AccountKey,
    target: Option<Arc<OpenAccount>>,
}

/// What is checked.
struct CheckedSource<'a> {
    request: &'a CheckRequest,
    written: &'a MappingAst,
    path: &'a Path,
}

impl CheckedSource<'_> {
    /// Compiles the mapping and maps all rows. With `kept`, the first problem waits for what the account says now.
    fn check(
        &self,
        table: Table,
        CheckedAccount { account, name, target }: CheckedAccount,
        kept: Option<KeptAccount>,
        events: &mut EventSink<'_>,
    ) -> Result<CheckEnd, EngineError> {
        let (import, written) = (&self.request.import, self.written);
        let state = &import.folders.state;
        let mapping = import.mapping.as_deref().unwrap_or(Path::new(""));
        let space = prepare::key_space(written, mapping);
        let ledger = prepare::open_ledger(state, &name, None, space).same_keys(import.same_keys);
        let columns = compile::group_columns(written, &table.header);
        let groups = if columns.is_empty() { None } else { Some(survey::count_groups(columns, &table)?) };
        let plan = match (prepare::compile_plan(written, &table, account, ledger), kept) {
            (Err(error), Some(kept)) => {
                return kept.confirm(events)?.map(|now| CheckEnd::Outdated(Box::new(now))).ok_or(error);
            }
            (plan, kept) => (prepare::with_groups(plan?, groups), kept),
        };
        let (plan, kept) = plan;
        events.notes(compile::unread(written, &table).into_iter().chain(no_marker(&plan)));
        check_batch_size(import.batch, &plan)?;
        let client = target.as_ref().map(|target| &*target.client);
        let query = GuardQuery { state, account: &name, file: self.path, keyed: !plan.key.is_empty(), client };
        let mut guarded = GuardResult::of(&query, &table, &plan, import)?;
        guarded.kept = kept;
        guarded.add_refusal(older::older_problem(state, import.older_state)?);
        events.notes(guarded.notes.iter().cloned());
        let keys = KnownKeys::of(import, &name, &plan, prepare::key_space(written, mapping))?;
        guarded.keys = keys.map(|keys| keys.with_client(target.as_ref().map(|target| Arc::clone(&target.client))));
        let plan = Arc::new(plan);
        if let Some(target) = &target {
            guarded.present = PresenceCheck::of(target, &plan, &import.cancel)?;
        }
        let checked = walk::walk(table, &plan, import, &mut guarded, events)?;
        Ok(match guarded.changed {
            Some(now) => CheckEnd::Outdated(Box::new(now)),
            None => CheckEnd::Done(Box::new(checked)),
        })
    }
}
