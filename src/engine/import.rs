//! The main job: a source through a mapping into an account.

use crate::engine::begin::{Guard, Ready, batch_size, begin, refuse_flags};
use crate::engine::interface::error::{EngineError, still_wanted};
use crate::engine::interface::event::{Event, Phase, Teller};
use crate::engine::interface::request::ImportRequest;
use crate::engine::interface::result::RunResult;
use crate::engine::prepare;
use crate::engine::prepare::flawed;
use crate::engine::run;
use crate::engine::source;
use crate::engine::source::survey::{self, Counting, Survey, Surveying, Weighed};
use crate::engine::target::Opened;
use crate::engine::target::config::absolute;
use crate::mapping::plan::Groups;
use crate::mapping::wanted::wanted;
use crate::mapping::{MappingAst, Plan, compile};
use crate::store::{MappingHead, StoreError};
use amo_model::Action;
use sheet_source::message;
use sheet_source::{EncodingScan, Fingerprint, RowHashes, Table};
use std::path::Path;
use std::sync::Arc;

/// Imports one source through its mapping. An error means that nothing was sent, unless it is a `Fault`; whatever happens
/// after the first request is in the result, the store and the report.
pub fn import(request: &ImportRequest, events: &mut dyn FnMut(Event)) -> Result<RunResult, EngineError> {
    with(request, &mut Teller::new(events)).map_err(|error| error.of_store_in(&request.folders.state))
}

pub(super) fn with(request: &ImportRequest, tell: &mut Teller<'_>) -> Result<RunResult, EngineError> {
    let Some(mapping) = &request.mapping else {
        return Err(EngineError::refused(
            "no-mapping",
            "there is no mapping",
            "name one, or import an exported workbook",
        ));
    };
    refuse_flags(request)?;
    request.validate()?;
    request.target.announce(tell);
    let written = flawed::read(request, None, mapping, tell)?;
    let spooled = source::spooled(&request.source, &request.folders.state, &request.cancel, tell)?;
    let result = import_file(request, mapping, (written, &spooled.file), tell).map_err(|error| spooled.named(error));
    drop(spooled);
    source::sweep_spool(&request.folders.state);
    result
}

fn import_file(
    request: &ImportRequest,
    mapping: &Path,
    (written, file): (MappingAst, &Path),
    tell: &mut Teller<'_>,
) -> Result<RunResult, EngineError> {
    let runtime = prepare::runtime()?;
    let prepared = Prepared::of(request, written, file, tell)?;
    let target = Opened::open(&request.target, &request.folders.state, request.rate, tell)?;
    let account = prepare::account(&target, &wanted(&prepared.written), &runtime, &request.cancel, tell)?.account;
    let known_as = prepare::known_as(&request.folders.state, &target, account.basics.id)?;
    let Surveyed { written, mut table, sha256, rows, groups, hashes } = prepared.surveyed(request, tell)?;
    // A resumed run maps by this snapshot, so a run without one must not begin.
    let snapshot = serde_json::to_string(&account).map_err(StoreError::Json)?;
    let account = Arc::new(account);
    let compiled = |table: &Table| {
        let space = prepare::key_space(&written, mapping);
        let ledger = prepare::ledger(&request.folders.state, &known_as, None, space);
        let ledger = ledger.same_keys(request.same_keys);
        prepare::plan(&written, table, Arc::clone(&account), ledger, groups.clone())
    };
    let plan = compiled(&table)?;
    tell.all(compile::unread(&written, &table));
    batch_size(request.batch, &plan)?;
    let (plan, sha256, weighed, hashes) = match sha256 {
        Some(sha256) => (Arc::new(plan), sha256, None, hashes),
        None => {
            let select = request.select();
            let mut weighing = survey::weigh(&table, plan, &select, &request.cancel)?;
            if table.layout.encoding_undecided {
                let like_its_start = take_judged(&mut table, &weighing.fingerprint)?;
                tell_source(request, &table, tell);
                source::clear(&table)?;
                if !like_its_start {
                    weighing = survey::weigh(&table, compiled(&table)?, &select, &request.cancel)?;
                }
            }
            (weighing.plan, weighing.fingerprint.sha256, Some(weighing.found), weighing.hashes)
        }
    };
    confirm_deletion(request, &plan, weighed)?;
    still_wanted(&request.cancel)?;
    let mapping = MappingHead {
        path: mapping.display().to_string(),
        absolute: absolute(mapping),
        sha256: prepare::mapping_sha256(mapping, &written)?,
        made: None,
    };
    let ready = Ready {
        request,
        target: &target,
        guard: Guard::SameFile { keyed: !plan.key.is_empty() },
        plan,
        table,
        source: file,
        sha256,
        mapping,
        key_space: written.key_space.as_ref().map(|name| name.value.clone()),
        snapshot: &snapshot,
        edits: Vec::new(),
        again: request.again,
        total: total(request, rows, weighed),
        weighed,
        rows: hashes,
        returning: None,
    };
    let job = begin(ready, tell)?;
    run::run(job, &target, tell)
}

/// The mapping read and the source open, its first reading under way where it does not wait for the account.
struct Prepared {
    written: MappingAst,
    table: Table,
    surveying: Option<Surveying>,
}

/// `Prepared` after the first reading; without one where the plan is needed for it.
struct Surveyed {
    written: MappingAst,
    table: Table,
    /// Where the source was read for it.
    sha256: Option<String>,
    rows: Option<u64>,
    groups: Option<Groups>,
    hashes: Option<RowHashes>,
}

impl Prepared {
    fn of(
        request: &ImportRequest,
        written: MappingAst,
        file: &Path,
        tell: &mut Teller<'_>,
    ) -> Result<Prepared, EngineError> {
        let mut options = source::options(&written, &request.read);
        // What all bytes of the file say is known soon, without searching it for that alone.
        options.encoding_scan = EncodingScan::StartOnly;
        let table = source::open(file, &options)?;
        if !table.layout.encoding_undecided {
            tell_source(request, &table, tell);
            source::clear(&table)?;
        }
        // What the mapping makes of the rows is weighed in the same reading, once the plan is there.
        let surveying = (!weighs(request, &written)).then(|| {
            tell.event(Event::Phase(Phase::Survey));
            let groups = compile::group_columns(&written, &table.header);
            let hashes = written.action == Action::Create;
            let counting = Counting { rows: request.count, groups, select: request.rows, hashes };
            Surveying::start(file, &source::same(&table), counting, &request.cancel)
        });
        Ok(Prepared { written, table, surveying })
    }

    /// Waits for the first reading, and takes a table whose encoding is judged by all of it.
    fn surveyed(self, request: &ImportRequest, tell: &mut Teller<'_>) -> Result<Surveyed, EngineError> {
        let Prepared { written, mut table, surveying } = self;
        let Some(survey) = surveying.map(Surveying::join).transpose()? else {
            return Ok(Surveyed { written, table, sha256: None, rows: None, groups: None, hashes: None });
        };
        let Survey { fingerprint, mut rows, mut groups, mut hashes, mut failed } = survey;
        if table.layout.encoding_undecided {
            let like_its_start = take_judged(&mut table, &fingerprint)?;
            tell_source(request, &table, tell);
            source::clear(&table)?;
            if !like_its_start {
                (rows, hashes, failed) = (None, None, None);
                groups = groups.map(|groups| survey::count_groups(groups.columns, &table)).transpose()?;
            }
        }
        // A record may have rows behind the break as well.
        if let (Some(_), Some(problem)) = (&groups, failed) {
            return Err(problem.into());
        }
        let sha256 = Some(fingerprint.sha256);
        Ok(Surveyed { written, table, sha256, rows, groups, hashes })
    }
}

/// The table as all its bytes say; true where it is read like its start.
fn take_judged(table: &mut Table, fingerprint: &Fingerprint) -> Result<bool, EngineError> {
    let Some(judged) = table.reopen_with_evidence(fingerprint)? else { return Ok(true) };
    let like_its_start = judged.same_layout(table);
    *table = judged;
    Ok(like_its_start)
}

fn tell_source(request: &ImportRequest, table: &Table, tell: &mut Teller<'_>) {
    let file = request.source.display().to_string();
    tell.event(Event::Source { file, layout: Box::new(table.layout.clone()) });
}

/// True where what the mapping makes of the source has to be known before anything is sent.
fn weighs(request: &ImportRequest, written: &MappingAst) -> bool {
    request.max_errors.is_some() || (written.action == Action::Delete && !request.consent.is_given())
}

/// What is deleted is gone, and other things may follow it: both are told before it asks.
fn confirm_deletion(request: &ImportRequest, plan: &Plan, weighed: Option<Weighed>) -> Result<(), EngineError> {
    let (Action::Delete, Some(Weighed { records, .. })) = (plan.action, weighed) else { return Ok(()) };
    let spec = plan.kind.spec();
    let answered = request.consent.obtain(message!(
        "{records} {collection} will be deleted in {account}, and cannot be brought back; {consequence}",
        records,
        collection = spec.entity.collection(),
        account = &plan.account.basics.name,
        consequence = spec.deleting
    ));
    still_wanted(&request.cancel)?;
    answered
}

/// Records that the progress counts towards; groups are counted by themselves.
fn total(request: &ImportRequest, rows: Option<u64>, weighed: Option<Weighed>) -> Option<u64> {
    let records = weighed.map(|weighed| weighed.records + weighed.rejected).or(rows);
    records.filter(|_| request.count).map(|records| records.min(request.limit.unwrap_or(u64::MAX)))
}
