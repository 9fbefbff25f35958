//! A workbook that an export wrote, sent back without a mapping: the changed cells go back, added rows are made. Two ordinary
//! runs, each with a mapping that was made for it: changes first, then what is new.

mod fresh;
mod tell;

use super::begin::{Guard, Ready, Returning, batch_size, begin};
use super::error::{EngineError, still_wanted};
use super::event::{Event, Phase, Teller};
use super::known_keys::KnownKeys;
use super::prepare::{self, unless_cancelled};
use super::request::{CheckRequest, ImportRequest, absolute};
use super::result::{CheckResult, RunResult};
use super::sent_before::{GuardQuery, Guarded};
use super::target::Opened;
use super::{flawed, older, returned, run, source, survey, walk};
use crate::export::back::{self, Decided, Deciding, Generated, Purpose, Trouble};
use crate::export::{Columns, Hidden, NotOurs};
use crate::mapping::{self, Edit, Edits, Plan, Written, wanted::wanted};
use crate::store::{AccountKey, KeySpace, MappingHead, RunOutcome, Store, StoreError};
use amo_client::account::{Account, SnapshotScope};
use amo_model::{Action, Kind};
use sheet_source::message;
use sheet_source::problem::{Message, Note, Problem, Stage};
use sheet_source::{ColumnMatch, HiddenRows, Table};
use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use tokio::runtime::Runtime;

/// A workbook opened and held against its account.
struct OpenedWorkbook {
    hidden: Hidden,
    target: Opened,
    account: Account,
    known_as: AccountKey,
    same_account: bool,
    /// Of the file as it was when its rows were decided.
    sha256: String,
}

/// One of the two runs, ready to begin.
struct Stretch {
    purpose: Purpose,
    mapping: String,
    table: Table,
    plan: Arc<Plan>,
    /// As they are kept.
    edits: Vec<(u32, String)>,
}

/// Imports a workbook that an export wrote. Of its two runs the second does not begin before the first has ended well; what
/// comes back are those that began.
pub fn round_trip(request: &ImportRequest, events: &mut dyn FnMut(Event)) -> Result<Vec<RunResult>, EngineError> {
    both(request, &mut Teller::new(events)).map_err(|error| error.of_store_in(&request.folders.state))
}

fn both(request: &ImportRequest, tell: &mut Teller<'_>) -> Result<Vec<RunResult>, EngineError> {
    request.validate()?;
    let runtime = prepare::runtime()?;
    let held = open(request, &runtime, tell)?;
    let (stretches, decided) = stretches(request, &held, &runtime, tell)?;
    let snapshot = serde_json::to_string(&held.account).map_err(StoreError::Json)?;
    let (count, mut results) = (stretches.len(), Vec::new());
    // What was noticed of the workbook belongs to each of its runs.
    let noticed = tell.take();
    for stretch in stretches {
        let result = run_stretch(request, stretch, &held, &snapshot, &decided, (&noticed, tell))?;
        let well = matches!(result.outcome, RunOutcome::Done | RunOutcome::SomeRejected);
        results.push(result);
        let more = results.len() < count;
        if more && well && request.cancel.is_cancelled() {
            let message = "the changed rows are sent; the new rows of the workbook are not made yet: import it again";
            return Err(EngineError::interrupted(request.cancel.by(), message));
        }
        if !well {
            if more {
                let message = "the new rows of the workbook are not made yet: import it again when this run has ended";
                tell.note(Note::warning("new-rows-wait", message));
            }
            break;
        }
    }
    Ok(results)
}

/// Everything `round_trip` does but sending.
pub(super) fn check(request: &CheckRequest, tell: &mut Teller<'_>) -> Result<Vec<CheckResult>, EngineError> {
    if request.snapshot.is_some() {
        let message = "without a mapping the account itself is asked what it says now";
        return Err(EngineError::refused("no-account", message, "name it with --account, or a mapping with -m"));
    }
    let import = &request.import;
    let runtime = prepare::runtime()?;
    let held = open(import, &runtime, tell)?;
    let (stretches, _) = stretches(import, &held, &runtime, tell)?;
    let (state, account) = (&import.folders.state, &held.known_as);
    let client = Some(&*held.target.client);
    let asked = GuardQuery { state, account, file: &import.source, keyed: true, client };
    let mut checked = Vec::new();
    for Stretch { purpose, table, plan, .. } in stretches {
        let mut guarded = match purpose {
            Purpose::AsNew => Guarded::of(&asked, &table, &plan, &ImportRequest { again: false, ..import.clone() })?,
            Purpose::Update | Purpose::Create => Guarded::default(),
        };
        guarded.refuse(older::refusal(state, import.older_state)?);
        let keys =
            KnownKeys::of(state, account, &plan, KeySpace::default(), (import.same_keys, import.remake_deleted))?;
        guarded.keys = keys.map(|keys| keys.asking(Some(Arc::clone(&held.target.client))));
        checked.push(walk::walk(table, &plan, import, &mut guarded, tell)?);
    }
    Ok(checked)
}

fn open(request: &ImportRequest, runtime: &Runtime, tell: &mut Teller<'_>) -> Result<OpenedWorkbook, EngineError> {
    request.target.announce(tell);
    let file = request.source.as_path();
    if let Some(problem) = flawed::misplaced(file, None) {
        return Err(problem.into());
    }
    let sha256 = source::sha256(file)?;
    let hidden = Hidden::read(file).map_err(|why| not_ours(why, file))?;
    if !hidden.columns.iter().any(|column| column.is_id()) {
        let message = "this export was made without the column of the ids, so nothing says which record a row is";
        let problem = Problem::in_file(file, "no-mapping", message);
        return Err(problem.hint("export again with the column ID, or name a mapping with --mapping").into());
    }
    let target = Opened::open(&request.target, &request.folders.state, request.rate, tell)?;
    let basics = prepare::basics(&target, runtime, &request.cancel, tell)?;
    let known_as = prepare::known_as(&request.folders.state, &target, basics.id)?;
    let same_account = is_of(&hidden, &target, basics.id, &request.folders.state)?;
    if !same_account && !request.as_new {
        let message = match &hidden.stamp.account {
            from if *from == target.address => {
                message!("this workbook was exported from {from}, which is another account now", from)
            }
            from => {
                message!(
                    "this workbook was exported from {from}, and {other} is another",
                    from,
                    other = &target.address
                )
            }
        };
        let hint = "import it into its own account; or add --as-new to make every row as a new record in this one, \
                    its ID kept as the key";
        return Err(Problem::in_file(file, "other-account", message).hint(hint).into());
    }
    let purposes = purposes(hidden.stamp.kind, request.as_new);
    let mut all = SnapshotScope::default();
    for purpose in purposes {
        let written = parsed(file, &back::generate(&hidden, *purpose, None, None, same_account))?;
        merge(&mut all, wanted(&written));
    }
    merge(&mut all, back::shown(hidden.stamp.kind.spec().entity));
    let account = prepare::made_of(&target, (basics, &all), runtime, &request.cancel, tell)?.account;
    Ok(OpenedWorkbook { hidden, target, account, known_as, same_account, sha256 })
}

/// A workbook of an earlier version says only which address it is of, which may be that of the account or have been it.
fn is_of(hidden: &Hidden, target: &Opened, id: u64, state: &Path) -> Result<bool, EngineError> {
    let stamp = &hidden.stamp;
    if stamp.account_id.is_some() || stamp.account == target.address {
        return Ok(stamp.account_id.unwrap_or(id) == id);
    }
    let known = Store::existing(state)?.map(|store| store.account_at(&stamp.account)).transpose()?;
    Ok(known.flatten() == Some(id))
}

fn merge(into: &mut SnapshotScope, more: SnapshotScope) {
    into.fields.extend(more.fields);
    into.fields.sort();
    into.fields.dedup();
    for catalog in more.catalogs {
        if !into.catalogs.contains(&catalog) {
            into.catalogs.push(catalog);
        }
    }
    for elements in more.elements {
        if !into.elements.contains(&elements) {
            into.elements.push(elements);
        }
    }
    into.chains.extend(more.chains);
    into.catalog_list |= more.catalog_list;
    into.segments |= more.segments;
    into.statuses |= more.statuses;
    into.customers |= more.customers;
}

/// Purchases are made and deleted, never changed. [seed]
fn purposes(kind: Kind, as_new: bool) -> &'static [Purpose] {
    match (as_new, kind.spec().write(Action::Update)) {
        (true, _) => &[Purpose::AsNew],
        (false, Some(_)) => &[Purpose::Update, Purpose::Create],
        (false, None) => &[Purpose::Create],
    }
}

fn not_ours(why: NotOurs, file: &Path) -> EngineError {
    let (message, hint): (Message, &str) = match why {
        NotOurs::Unreadable(problem) => return problem.into(),
        NotOurs::Plain => {
            let message = "it is not said how the rows become records; only a workbook that amoport export wrote without a mapping \
                 says so by itself";
            (message.into(), "name a mapping with --mapping")
        }
        NotOurs::Newer => {
            ("a newer amoport exported this workbook".into(), "use that one, or name a mapping with --mapping")
        }
        NotOurs::Split => (
            "this export fills several sheets, of which one would be read and the others lost".into(),
            "export it in parts with --filter, --since or --id, each of which fits one sheet",
        ),
        NotOurs::Damaged(what) => (
            message!("{what} is not as amoport export wrote it", what),
            "export again, or name a mapping with --mapping",
        ),
    };
    Problem::in_file(file, "no-mapping", message).hint(hint).into()
}

fn parsed(file: &Path, made: &Generated) -> Result<Written, EngineError> {
    Ok(mapping::read_text(file, &made.text)?)
}

/// What there is to do: rows decided, the mappings made and compiled.
fn stretches(
    request: &ImportRequest,
    held: &OpenedWorkbook,
    runtime: &Runtime,
    tell: &mut Teller<'_>,
) -> Result<(Vec<Stretch>, Decided), EngineError> {
    let purposes = purposes(held.hidden.stamp.kind, request.as_new);
    let first = made(request, held, purposes[0], Some(tell))?;
    let decided = decided(request, held, &first, runtime, tell)?;
    let fresh = fresh::edits(request, held, &decided.fresh)?;
    let before = |(row, edit): &(&u32, &Edit)| request.wants(**row) && matches!(edit, Edit::Made { .. });
    tell.all(tell::notes(&decided, fresh.iter().filter(before).count(), &first, &held.hidden, request));
    let new = |edit: &Edit| !matches!(edit, Edit::Made { .. } | Edit::Total);
    let adds = fresh.iter().any(|(row, edit)| request.wants(*row) && new(edit));
    let mut all = Vec::new();
    match purposes {
        [Purpose::Update, ..] => {
            let mut edits = decided.edits.clone();
            // Sums under the table are told with the changes.
            let (totals, fresh): (HashMap<u32, Edit>, _) =
                fresh.into_iter().partition(|(_, edit)| *edit == Edit::Total);
            edits.extend(fresh.keys().map(|row| (*row, Edit::Elsewhere)));
            edits.extend(totals);
            all.push(first.with(edits, Edit::Same)?);
            if adds {
                let adding = made(request, held, Purpose::Create, None)?;
                tell.all(tell::ignored(&adding, &fresh, request)?);
                all.push(adding.with(fresh, Edit::Elsewhere)?);
            }
        }
        [Purpose::AsNew, ..] => all.push(first.with(fresh, Edit::Plain)?),
        _ => {
            // Nothing but new rows can be sent; what is wrong with the others is told all the same.
            let mut edits = decided.edits.clone();
            tell.all(tell::ignored(&first, &fresh, request)?);
            edits.extend(fresh);
            all.push(first.with(edits, Edit::Elsewhere)?);
        }
    }
    Ok((all, decided))
}

/// A mapping made for the workbook as it is now, and compiled.
fn made(
    request: &ImportRequest,
    held: &OpenedWorkbook,
    purpose: Purpose,
    tell: Option<&mut Teller<'_>>,
) -> Result<Half, EngineError> {
    let OpenedWorkbook { hidden, account, known_as, same_account, .. } = held;
    let file = request.source.as_path();
    let written = parsed(file, &back::generate(hidden, purpose, Some(account), None, *same_account))?;
    let mut options = source::options(&written, &request.read);
    // Every row of the export has its record, shown or not: what a filter hides is no less changed.
    options.hidden_rows = Some(HiddenRows::Import);
    let table = source::open(file, &options)?;
    if let Some(tell) = tell {
        let layout = Box::new(table.layout.clone());
        tell.event(Event::Source { file: file.display().to_string(), layout });
    }
    source::clear(&table)?;
    let id = hidden.columns.iter().find(|column| column.is_id()).map_or("ID", |column| column.title.as_str());
    if !matches!(table.header.find(id), ColumnMatch::One(_)) {
        let message = message!("the sheet has no one column \"{id}\", so nothing says which record a row is", id);
        let hint = "put the column back, or copy the edits into a new export";
        return Err(Problem::in_file(file, "no-id", message).hint(hint).into());
    }
    // Columns that were taken out of the sheet are not asked for.
    let made = back::generate(hidden, purpose, Some(account), Some(&table.header), *same_account);
    let written = parsed(file, &made)?;
    let ledger = prepare::ledger(&request.folders.state, known_as, None, KeySpace::default());
    // An exported row is a record by itself.
    let plan = prepare::plan(&written, &table, Arc::new(account.clone()), ledger, None)?;
    Ok(Half { purpose, made, table, plan: Arc::new(plan) })
}

/// A stretch of which it is not decided yet what its rows are for.
struct Half {
    purpose: Purpose,
    made: Generated,
    table: Table,
    plan: Arc<Plan>,
}

impl Half {
    fn with(self, rows: HashMap<u32, Edit>, rest: Edit) -> Result<Stretch, EngineError> {
        let kept = rows.iter().map(|(row, edit)| Ok((*row, serde_json::to_string(edit)?)));
        let edits = kept.collect::<Result<Vec<_>, serde_json::Error>>().map_err(StoreError::Json)?;
        // Nobody else has set them.
        let _ = self.plan.edits.set(Edits { rows, rest });
        Ok(Stretch { purpose: self.purpose, mapping: self.made.text, table: self.table, plan: self.plan, edits })
    }
}

/// The edits of a run that goes on, as they were kept.
pub(super) fn keep_edits(store: &Store, run: i64, made: &str, plan: &Plan) -> Result<(), EngineError> {
    let mut rows = HashMap::new();
    for (row, what) in store.edits(run)? {
        rows.insert(row, serde_json::from_str(&what).map_err(StoreError::Json)?);
    }
    let rest = match (plan.action, made.contains("\nkey = ")) {
        (Action::Update, _) => Edit::Same,
        (_, true) => Edit::Plain,
        (_, false) => Edit::Elsewhere,
    };
    let _ = plan.edits.set(Edits { rows, rest });
    Ok(())
}

fn decided(
    request: &ImportRequest,
    held: &OpenedWorkbook,
    half: &Half,
    runtime: &Runtime,
    tell: &mut Teller<'_>,
) -> Result<Decided, EngineError> {
    tell.event(Event::Phase(Phase::Decide));
    let OpenedWorkbook { hidden, target, account, .. } = held;
    let spec = hidden.stamp.kind.spec();
    if half.purpose == Purpose::AsNew {
        return Ok(Decided { fresh: back::fresh(source::again(&half.table)?, hidden)?, ..Decided::default() });
    }
    let columns =
        Columns::of(spec.entity, hidden.stamp.catalog, account).of_earlier(&hidden.columns, hidden.stamp.kind);
    let store = Store::open(&request.folders.state)?;
    let deciding = Deciding {
        client: &target.client,
        hidden,
        plan: &half.plan,
        columns: &columns,
        account,
        entity: spec.entity,
        sent: returned::sent(&store, hidden, request.source.as_path())?,
        bases: returned::bases(&store, hidden)?,
        force: request.force,
        rows: request.rows,
    };
    let table = source::again(&half.table)?;
    let ended = unless_cancelled(runtime, &request.cancel, "nothing was sent", back::decide(table, &deciding))?;
    target.tell(tell);
    match ended {
        Ok(decided) => Ok(decided),
        Err(Trouble::Source(problem)) => Err(problem.into()),
        Err(Trouble::Service(failure)) => {
            let mut error = EngineError::from(failure);
            error.problems.push(Problem::new(Stage::Read, "nothing-sent", "nothing was sent"));
            Err(error)
        }
    }
}

fn run_stretch(
    request: &ImportRequest,
    stretch: Stretch,
    held: &OpenedWorkbook,
    snapshot: &str,
    decided: &Decided,
    (noticed, tell): (&[Note], &mut Teller<'_>),
) -> Result<RunResult, EngineError> {
    let Stretch { purpose, mapping, table, plan, edits } = stretch;
    batch_size(request.batch, &plan)?;
    still_wanted(&request.cancel)?;
    let file = request.source.as_path();
    let sum = &held.sha256;
    // Saved meanwhile, its rows may be others than those that were decided.
    if source::sha256(file)? != *sum {
        let problem = Problem::in_file(file, "changed", "the workbook was saved while it was being imported");
        return Err(problem.hint("import it again: what was sent already is not sent twice").into());
    }
    let weighed = match request.max_errors {
        None => None,
        Some(_) => {
            let select = request.select();
            Some(survey::weigh_prepared(&table, &plan, &select, &request.cancel)?)
        }
    };
    tell.keep(noticed);
    let (place, records) = (returned::place_of(file), returned::kept(&decided.sending));
    let ready = Ready {
        request,
        target: &held.target,
        guard: if purpose == Purpose::AsNew { Guard::SameFile { keyed: true } } else { Guard::Rows },
        plan,
        table,
        source: file,
        sha256: sum.clone(),
        mapping: MappingHead {
            path: file.display().to_string(),
            absolute: absolute(file),
            // The two runs of a workbook are not the same import.
            sha256: prepare::hex(&format!("{sum} {}", purpose.word())),
            made: Some(mapping),
        },
        key_space: None,
        snapshot,
        edits,
        // Here `--again` speaks of new rows, which keep their keys.
        again: false,
        weighed,
        rows: None,
        total: None,
        returning: (purpose == Purpose::Update).then(|| Returning {
            export: &held.hidden.stamp.export,
            file: &place,
            records: &records,
            left_alone: &decided.left_alone,
        }),
    };
    let job = begin(ready, tell)?;
    run::run(job, &held.target, tell)
}
