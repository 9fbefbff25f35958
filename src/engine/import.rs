//! The main use case: imports a source through a mapping into an account.

use crate::engine::begin::{Guard, PreparedRun, begin, check_batch_size, check_flags};
use crate::engine::interface::error::{EngineError, check_cancelled};
use crate::engine::interface::event::{Event, EventSink, Phase};
use crate::engine::interface::request::ImportRequest;
use crate::engine::interface::result::RunResult;
use crate::engine::prepare;
use crate::engine::prepare::first_reads::{AccountRead, ReadsBeside};
use crate::engine::prepare::flawed;
use crate::engine::prepare::kept;
use crate::engine::run;
use crate::engine::source;
use crate::engine::source::survey::{self, MappedCounts, Survey, SurveyOptions, SurveyTask};
use crate::engine::target::OpenAccount;
use crate::engine::target::config::absolute_path;
use crate::mapping::plan::Groups;
use crate::mapping::wanted::wanted;
use crate::mapping::{MappingAst, Plan, compile};
use crate::store::{MappingHead, StoreError};
use amo_client::List;
use amo_model::Action;
use sheet_source::message;
use sheet_source::{EncodingScan, Fingerprint, RowHashes, Table};
use std::path::Path;
use std::sync::Arc;

/// Imports one source through its mapping. An error means that nothing was sent, unless it is a `Fault`; everything after the
/// first request is in the result, the store and the report.
pub fn import(request: &ImportRequest, events: &mut dyn FnMut(Event)) -> Result<RunResult, EngineError> {
    import_with(request, &mut EventSink::new(events)).map_err(|error| error.with_store_path(&request.folders.state))
}

pub(super) fn import_with(request: &ImportRequest, events: &mut EventSink<'_>) -> Result<RunResult, EngineError> {
    let Some(mapping) = &request.mapping else {
        return Err(EngineError::refused("no-mapping", "no mapping given", "name one, or import an exported workbook"));
    };
    check_flags(request)?;
    request.validate()?;
    request.target.announce(events);
    let written = flawed::read_mapping(request, None, mapping, events)?;
    let spooled = source::spool(&request.source, &request.folders.state, &request.cancel, events)?;
    let result =
        import_file(request, mapping, (written, &spooled.file), events).map_err(|error| spooled.restore_name(error));
    drop(spooled);
    source::sweep_spool(&request.folders.state);
    result
}

fn import_file(
    request: &ImportRequest,
    mapping: &Path,
    (written, file): (MappingAst, &Path),
    events: &mut EventSink<'_>,
) -> Result<RunResult, EngineError> {
    let prepared = Prepared::of(request, written, file, events)?;
    let target = OpenAccount::open(&request.target, &request.folders.state, request.rate, events)?;
    let scope = wanted(&prepared.written);
    let mut account = AccountRead::begin(&target, &scope, events);
    let beside = ReadsBeside::begin(&target, &mut account, created_list(&prepared.written));
    let account = account.finish(&target, &request.cancel, events)?.account;
    kept::keep(&request.folders.state, &target, &scope, &account);
    let account_key = prepare::account_key(&request.folders.state, &target, account.basics.id)?;
    let Surveyed { written, mut table, sha256, rows, groups, hashes } = prepared.finish_survey(request, events)?;
    // A resumed run maps by this snapshot, so a run without one must not begin.
    let snapshot = serde_json::to_string(&account).map_err(StoreError::Json)?;
    let account = Arc::new(account);
    let compiled = |table: &Table| {
        let space = prepare::key_space(&written, mapping);
        let ledger = prepare::open_ledger(&request.folders.state, &account_key, None, space);
        let ledger = ledger.same_keys(request.same_keys);
        let plan = prepare::compile_plan(&written, table, Arc::clone(&account), ledger)?;
        Ok::<_, EngineError>(prepare::with_groups(plan, groups.clone()))
    };
    let plan = compiled(&table)?;
    events.notes(compile::unread(&written, &table));
    check_batch_size(request.batch, &plan)?;
    let (plan, sha256, counts, hashes) = match sha256 {
        Some(sha256) => (Arc::new(plan), sha256, None, hashes),
        None => {
            let select = request.select();
            let mut mapped = survey::count_mapped(&table, plan, &select, &request.cancel)?;
            if table.layout.encoding_undecided {
                let like_its_start = take_rejudged(&mut table, &mapped.fingerprint)?;
                report_source(request, &table, events);
                source::check_unambiguous(&table)?;
                if !like_its_start {
                    mapped = survey::count_mapped(&table, compiled(&table)?, &select, &request.cancel)?;
                }
            }
            (mapped.plan, mapped.fingerprint.sha256, Some(mapped.found), mapped.hashes)
        }
    };
    confirm_deletion(request, &plan, counts)?;
    check_cancelled(&request.cancel)?;
    let mapping = MappingHead {
        path: mapping.display().to_string(),
        absolute: absolute_path(mapping),
        sha256: prepare::mapping_sha256(mapping, &written)?,
        made: None,
    };
    let total = total(request, rows, counts);
    let ready = PreparedRun {
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
        total,
        weighed: counts,
        rows: hashes,
        returning: None,
        reads: Some(beside),
    };
    let job = begin(ready, events)?;
    run::run(job, &target, events)
}

/// The mapping and the open source. Its first reading runs already, if it does not need the account.
struct Prepared {
    written: MappingAst,
    table: Table,
    surveying: Option<SurveyTask>,
}

/// `Prepared` after the first reading, or without it if it needs the plan.
struct Surveyed {
    written: MappingAst,
    table: Table,
    /// `None` if the source is not read yet.
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
        events: &mut EventSink<'_>,
    ) -> Result<Prepared, EngineError> {
        let mut options = source::read_options(&written, &request.read);
        // The first reading judges the encoding by all bytes, so the file is not searched separately.
        options.encoding_scan = EncodingScan::StartOnly;
        let table = source::open_table(file, &options)?;
        if !table.layout.encoding_undecided {
            report_source(request, &table, events);
            source::check_unambiguous(&table)?;
        }
        // If records are counted first, it is done in the same reading, when the plan is ready.
        let surveying = (!needs_counts(request, &written)).then(|| {
            events.emit(Event::Phase(Phase::Survey));
            let groups = compile::group_columns(&written, &table.header);
            let hashes = written.action == Action::Create;
            let counting = SurveyOptions { rows: request.count, groups, select: request.rows, hashes };
            SurveyTask::start(file, &source::same_options(&table), counting, &request.cancel)
        });
        Ok(Prepared { written, table, surveying })
    }

    /// Waits for the first reading, and takes the encoding that it found.
    fn finish_survey(self, request: &ImportRequest, events: &mut EventSink<'_>) -> Result<Surveyed, EngineError> {
        let Prepared { written, mut table, surveying } = self;
        let Some(survey) = surveying.map(SurveyTask::join).transpose()? else {
            return Ok(Surveyed { written, table, sha256: None, rows: None, groups: None, hashes: None });
        };
        let Survey { fingerprint, mut rows, mut groups, mut hashes, mut failed } = survey;
        if table.layout.encoding_undecided {
            let like_its_start = take_rejudged(&mut table, &fingerprint)?;
            report_source(request, &table, events);
            source::check_unambiguous(&table)?;
            if !like_its_start {
                (rows, hashes, failed) = (None, None, None);
                groups = groups.map(|groups| survey::count_groups(groups.columns, &table)).transpose()?;
            }
        }
        // A record may have rows after the break too.
        if let (Some(_), Some(problem)) = (&groups, failed) {
            return Err(problem.into());
        }
        let sha256 = Some(fingerprint.sha256);
        Ok(Surveyed { written, table, sha256, rows, groups, hashes })
    }
}

/// Takes the table in the encoding of all its bytes; true if the encoding of its start is the same.
fn take_rejudged(table: &mut Table, fingerprint: &Fingerprint) -> Result<bool, EngineError> {
    let Some(judged) = table.reopen_with_evidence(fingerprint)? else { return Ok(true) };
    let like_its_start = judged.same_layout(table);
    *table = judged;
    Ok(like_its_start)
}

fn report_source(request: &ImportRequest, table: &Table, events: &mut EventSink<'_>) {
    let file = request.source.display().to_string();
    events.emit(Event::Source { file, layout: Box::new(table.layout.clone()) });
}

/// True if the records have to be counted before anything is sent.
fn needs_counts(request: &ImportRequest, written: &MappingAst) -> bool {
    request.max_errors.is_some() || (written.action == Action::Delete && !request.consent.is_given())
}

/// Asks for consent to a deletion. It cannot be undone and can affect other records, and the question says so.
fn confirm_deletion(request: &ImportRequest, plan: &Plan, counts: Option<MappedCounts>) -> Result<(), EngineError> {
    let (Action::Delete, Some(MappedCounts { records, .. })) = (plan.action, counts) else { return Ok(()) };
    let spec = plan.kind.spec();
    let answered = request.consent.obtain(message!(
        "{records} {collection} will be deleted in {account}, and cannot be restored; {consequence}",
        records,
        collection = spec.entity.collection(),
        account = &plan.account.basics.name,
        consequence = spec.deleting
    ));
    check_cancelled(&request.cancel)?;
    answered
}

/// Number of records that the source holds; groups are counted separately.
fn total(request: &ImportRequest, rows: Option<u64>, counts: Option<MappedCounts>) -> Option<u64> {
    let records = counts.map(|counts| counts.records + counts.rejected).or(rows);
    records.map(|records| records.min(request.limit.unwrap_or(u64::MAX)))
}

/// The list in which an import creates records, where the mapping's kind alone says which it is.
fn created_list(written: &MappingAst) -> Option<List> {
    let spec = written.kind.spec();
    (written.action == Action::Create && spec.catalog.is_none()).then(|| List::of(spec.entity, None))
}
