//! Imports a workbook that an export wrote, without a mapping: changed cells are sent back, added rows are created. There are
//! two ordinary runs, each with a generated mapping: changes first, then new rows. `open` opens the workbook and its account, `fresh` decides about new rows, `returned`
//! remembers what was sent back, `tell` writes the notes.

mod fresh;
mod open;
mod returned;
mod tell;

use crate::engine::begin::older;
use crate::engine::begin::sent_before::{GuardQuery, GuardResult};
use crate::engine::begin::{Guard, PreparedRun, ReturnedRecords, begin, check_batch_size};
use crate::engine::interface::error::{EngineError, ErrorKind, check_cancelled};
use crate::engine::interface::event::{Event, EventSink, Phase};
use crate::engine::interface::request::{CheckRequest, ImportRequest};
use crate::engine::interface::result::{CheckResult, RunResult};
use crate::engine::prepare;
use crate::engine::prepare::first_reads::ReadsBeside;
use crate::engine::prepare::known_keys::KnownKeys;
use crate::engine::run;
use crate::engine::source;
use crate::engine::source::survey;
use crate::engine::source::walk;
use crate::engine::target::config::absolute_path;
use crate::engine::target::runtime::run_cancellable;
use crate::export::round_trip::{
    DecideError, DecisionContext, Decisions, EditedRecords, Generated, Purpose, SentCells, SheetLayout,
};
use crate::export::{self, TableColumns};
use crate::mapping::{Edit, Edits, Plan};
use crate::store::{KeySpace, MappingHead, RunOutcome, Store, StoreError};
use crate::upload::feed::reader_failed;
use amo_model::Action;
use open::{OpenWorkbook, OpenedWorkbook, open_workbook, parse_mapping, purposes};
use sheet_source::Table;
use sheet_source::problem::{Note, Problem, Stage};
use std::collections::HashMap;
use std::sync::Arc;

/// One of the two runs of a workbook, ready to begin.
struct DecidedPart {
    purpose: Purpose,
    mapping: String,
    table: Table,
    plan: Arc<Plan>,
    /// What is decided of each row, as JSON, as the store keeps it.
    edits: Vec<(u32, String)>,
    /// Of the changes: what the cells of each record are set to.
    sending: Vec<(u64, SentCells)>,
    /// Of the changes: ids of records whose rows were deleted from the sheet.
    left_alone: Vec<u64>,
}

/// Imports a workbook that an export wrote. The second of its two runs begins only after the first has succeeded. Returns the
/// runs that began.
pub fn round_trip(request: &ImportRequest, events: &mut dyn FnMut(Event)) -> Result<Vec<RunResult>, EngineError> {
    import_workbook(request, &mut EventSink::new(events)).map_err(|error| error.with_store_path(&request.folders.state))
}

fn import_workbook(request: &ImportRequest, events: &mut EventSink<'_>) -> Result<Vec<RunResult>, EngineError> {
    request.validate()?;
    let OpenedWorkbook { workbook, records, mut reads } = open_workbook(request, true, events)?;
    let parts = prepare_parts(request, &workbook, records, events)?;
    let (count, mut results) = (parts.len(), Vec::new());
    // The notes on the workbook belong to each of its runs.
    let source_notes = events.take_notes();
    for part in parts {
        events.keep_notes(&source_notes);
        let result = run_part(request, part, (&workbook, reads.take()), events)?;
        let succeeded = matches!(result.outcome, RunOutcome::Done | RunOutcome::SomeRejected);
        results.push(result);
        let more = results.len() < count;
        if more && succeeded && request.cancel.is_cancelled() {
            let message =
                "the changed rows are sent; the new rows of the workbook are not created yet: import it again";
            return Err(EngineError::interrupted(request.cancel.by(), message));
        }
        if !succeeded {
            if more {
                let message =
                    "the new rows of the workbook are not created yet: import it again when this run has ended";
                events.note(Note::warning("new-rows-wait", message));
            }
            break;
        }
    }
    Ok(results)
}

/// Everything `round_trip` does except sending.
pub(super) fn check(request: &CheckRequest, events: &mut EventSink<'_>) -> Result<Vec<CheckResult>, EngineError> {
    if request.snapshot.is_some() {
        let message = "without a mapping, the workbook is compared with the account itself";
        return Err(EngineError::refused(
            "no-account",
            message,
            "name the account with --account, or a mapping with -m",
        ));
    }
    let import = &request.import;
    let OpenedWorkbook { workbook, records, .. } = open_workbook(import, false, events)?;
    let parts = prepare_parts(import, &workbook, records, events)?;
    let (state, account) = (&import.folders.state, &workbook.account_key);
    let client = Some(&*workbook.target.client);
    let query = GuardQuery { state, account, file: &import.source, keyed: true, client };
    let mut checked = Vec::new();
    for DecidedPart { purpose, table, plan, .. } in parts {
        let mut guarded = match purpose {
            Purpose::AsNew => {
                GuardResult::of(&query, &table, &plan, &ImportRequest { again: false, ..import.clone() })?
            }
            Purpose::Update | Purpose::Create => GuardResult::default(),
        };
        guarded.add_refusal(older::older_problem(state, import.older_state)?);
        let keys = KnownKeys::of(import, account, &plan, KeySpace::default())?;
        guarded.keys = keys.map(|keys| keys.with_client(Some(Arc::clone(&workbook.target.client))));
        checked.push(walk::walk(table, &plan, import, &mut guarded, events)?);
    }
    Ok(checked)
}

/// Decides what becomes of the rows, and generates and compiles the mappings.
fn prepare_parts(
    request: &ImportRequest,
    workbook: &OpenWorkbook,
    records: Option<EditedRecords>,
    events: &mut EventSink<'_>,
) -> Result<Vec<DecidedPart>, EngineError> {
    let purposes = purposes(workbook.hidden.stamp.kind, request.as_new);
    let first = compile_part(request, workbook, purposes[0])?;
    events.emit(Event::Phase(Phase::Decide));
    let mut decided = match records {
        Some(records) => decide_rows(request, workbook, (&first, records), events)?,
        None => Decisions {
            added: export::round_trip::added_rows(source::reopen_table(&workbook.table)?, &workbook.hidden)?,
            ..Decisions::default()
        },
    };
    let fresh = fresh::new_row_edits(request, workbook, &decided.added)?;
    match first.purpose {
        Purpose::AsNew => events.notes(tell::as_new_notes(&first, &workbook.hidden)),
        Purpose::Update | Purpose::Create => {
            events.notes(tell::decision_notes(&decided, &fresh, request));
            events.notes(tell::column_notes(&workbook.hidden, &first));
            events.notes(tell::unsent_notes(&decided));
        }
    }
    let new = |edit: &Edit| !matches!(edit, Edit::Made { .. } | Edit::Total);
    let adds = fresh.iter().any(|(row, edit)| request.wants(*row) && new(edit));
    let mut all = Vec::new();
    match purposes {
        [Purpose::Update, ..] => {
            let mut edits = decided.edits.clone();
            // Totals under the table are reported with the changes.
            let (totals, fresh): (HashMap<u32, Edit>, _) =
                fresh.into_iter().partition(|(_, edit)| *edit == Edit::Total);
            edits.extend(fresh.keys().map(|row| (*row, Edit::Elsewhere)));
            edits.extend(totals);
            let changes = first.with(edits, Edit::Same)?;
            let (sending, left_alone) = (std::mem::take(&mut decided.sending), std::mem::take(&mut decided.left_alone));
            all.push(DecidedPart { sending, left_alone, ..changes });
            if adds {
                let adding = compile_part(request, workbook, Purpose::Create)?;
                events.notes(tell::ignored_cells_note(&adding, &fresh, request)?);
                all.push(adding.with(fresh, Edit::Elsewhere)?);
            }
        }
        [Purpose::AsNew, ..] => all.push(first.with(fresh, Edit::Plain)?),
        _ => {
            // Only new rows can be sent; problems of the other rows are reported anyway.
            let mut edits = decided.edits.clone();
            events.notes(tell::ignored_cells_note(&first, &fresh, request)?);
            edits.extend(fresh);
            all.push(first.with(edits, Edit::Elsewhere)?);
        }
    }
    Ok(all)
}

/// Generates a mapping for the workbook as it is now, and compiles it.
fn compile_part(
    request: &ImportRequest,
    workbook: &OpenWorkbook,
    purpose: Purpose,
) -> Result<CompiledPart, EngineError> {
    let OpenWorkbook { hidden, account, account_key, same_account, .. } = workbook;
    let table = source::reopen_table(&workbook.table)?;
    // Columns that were removed from the sheet are not read.
    let made = export::round_trip::generate(hidden, purpose, Some(account), Some(&table.header), *same_account);
    let written = parse_mapping(&request.source, &made)?;
    let ledger = prepare::open_ledger(&request.folders.state, account_key, None, KeySpace::default());
    // An exported row is a record by itself.
    let plan = prepare::compile_plan(&written, &table, Arc::new(account.clone()), ledger)?;
    Ok(CompiledPart { purpose, made, table, plan: Arc::new(plan) })
}

/// A part whose rows are not decided yet.
struct CompiledPart {
    purpose: Purpose,
    made: Generated,
    table: Table,
    plan: Arc<Plan>,
}

impl CompiledPart {
    fn with(self, rows: HashMap<u32, Edit>, rest: Edit) -> Result<DecidedPart, EngineError> {
        let kept = rows.iter().map(|(row, edit)| Ok((*row, serde_json::to_string(edit)?)));
        let edits = kept.collect::<Result<Vec<_>, serde_json::Error>>().map_err(StoreError::Json)?;
        let plan = Arc::unwrap_or_clone(self.plan).with_edits(Edits { rows, rest });
        Ok(DecidedPart {
            purpose: self.purpose,
            mapping: self.made.text,
            table: self.table,
            plan: Arc::new(plan),
            edits,
            sending: Vec::new(),
            left_alone: Vec::new(),
        })
    }
}

/// The stored edits of a resumed run.
pub(super) fn stored_edits(store: &Store, run: i64, made: &str, action: Action) -> Result<Edits, EngineError> {
    let mut rows = HashMap::new();
    for (row, what) in store.edits(run)? {
        rows.insert(row, serde_json::from_str(&what).map_err(StoreError::Json)?);
    }
    let rest = match (action, made.contains("\nkey = ")) {
        (Action::Update, _) => Edit::Same,
        (_, true) => Edit::Plain,
        (_, false) => Edit::Elsewhere,
    };
    Ok(Edits { rows, rest })
}

fn decide_rows(
    request: &ImportRequest,
    workbook: &OpenWorkbook,
    (part, records): (&CompiledPart, EditedRecords),
    events: &mut EventSink<'_>,
) -> Result<Decisions, EngineError> {
    let OpenWorkbook { hidden, target, account, .. } = workbook;
    let spec = hidden.stamp.kind.spec();
    let columns =
        TableColumns::of(spec.entity, hidden.stamp.catalog, account).of_earlier(&hidden.columns, hidden.stamp.kind);
    let store = Store::open(&request.folders.state)?;
    let deciding = DecisionContext {
        hidden,
        layout: &SheetLayout::of(hidden, &workbook.table.header),
        plan: &part.plan,
        columns: &columns,
        account,
        sent: records.sent(),
        bases: returned::bases(&store, hidden)?,
        force: request.force,
    };
    let ended = run_cancellable(
        &target.runtime,
        &request.cancel,
        "nothing was sent",
        export::round_trip::decide(records, &deciding),
    )?;
    target.forward_notices(events);
    match ended {
        Ok(Some(decided)) => Ok(decided),
        Ok(None) => Err(EngineError::new(ErrorKind::Fault, reader_failed())),
        Err(DecideError::Source(problem)) => Err(problem.into()),
        Err(DecideError::Service(failure)) => {
            let mut error = EngineError::from(failure);
            error.problems.push(Problem::new(Stage::Read, "nothing-sent", "nothing was sent"));
            Err(error)
        }
    }
}

fn run_part(
    request: &ImportRequest,
    part: DecidedPart,
    (workbook, reads): (&OpenWorkbook, Option<ReadsBeside>),
    events: &mut EventSink<'_>,
) -> Result<RunResult, EngineError> {
    let DecidedPart { purpose, mapping, table, plan, edits, sending, left_alone } = part;
    check_batch_size(request.batch, &plan)?;
    check_cancelled(&request.cancel)?;
    let file = request.source.as_path();
    let sum = &workbook.sha256;
    // If it was saved meanwhile, its rows may differ from those that were decided.
    if source::sha256(file)? != *sum {
        let problem = Problem::in_file(file, "changed", "the workbook was saved while it was being imported");
        return Err(problem.hint("import it again: what was sent already is not sent twice").into());
    }
    let weighed = match request.max_errors {
        None => None,
        Some(_) => {
            let select = request.select();
            Some(survey::count_prepared(&table, &plan, &select, &request.cancel)?)
        }
    };
    let snapshot = serde_json::to_string(&workbook.account).map_err(StoreError::Json)?;
    let (place, records) = (returned::place_of(file), returned::to_stored(&sending));
    let ready = PreparedRun {
        request,
        target: &workbook.target,
        guard: if purpose == Purpose::AsNew { Guard::SameFile { keyed: true } } else { Guard::Rows },
        plan,
        table,
        source: file,
        sha256: sum.clone(),
        mapping: MappingHead {
            path: file.display().to_string(),
            absolute: absolute_path(file),
            // The two runs of a workbook are not the same import.
            sha256: prepare::sha256_hex(&format!("{sum} {}", purpose.word())),
            made: Some(mapping),
        },
        key_space: None,
        snapshot: &snapshot,
        edits,
        // For a workbook `--again` applies to new rows, which keep their keys.
        again: false,
        weighed,
        rows: None,
        total: None,
        reads,
        returning: (purpose == Purpose::Update).then(|| ReturnedRecords {
            export: &workbook.hidden.stamp.export,
            file: &place,
            records: &records,
            left_alone: &left_alone,
        }),
    };
    let job = begin(ready, events)?;
    run::run(job, &workbook.target, events)
}
