//! `amoport import`: the main job.

use super::args::{Batch, Common, ImportArgs, VerifyWord};
use super::exit::{Ended, Exit};
use super::job::{self, Job};
use super::target::Target;
use super::{ask, check, prepare, say, workbook};
use crate::entity::Action;
use crate::mapping::wanted::wanted;
use crate::mapping::{Mapper, Plan};
use crate::problem::Problem;
use crate::store::{Head, Journal, MappingHead, NewRun, Run, RunOutcome, SourceHead, Store, StoreError, Verify};
use crate::table::Table;
use crate::upload::Budget;
use crate::upload::feed::{self, Met, Select};
use std::path::Path;
use std::sync::Arc;

pub fn run(args: &ImportArgs, common: &Common) -> Result<Exit, Ended> {
    let Some(file) = &args.mapping else { return workbook::import(args, common) };
    let unused = [("--force", args.force), ("--as-new", args.as_new)].into_iter().find(|(_, said)| *said);
    if let Some((flag, _)) = unused {
        let message = format!("{flag} is for a workbook that amoport export wrote, imported without a mapping");
        return Err(Ended::usage("flags", message, "leave out the one or the other"));
    }
    let written = prepare::mapping(file)?;
    let table = prepare::source(&args.file, &written, &args.source, common)?;
    let target = Target::open(&args.target, common, args.rate)?;
    let account = prepare::account(&target.client, &wanted(&written), common)?;
    // A resumed run maps by this snapshot, so a run without one must not begin.
    let snapshot = serde_json::to_string(&account).map_err(StoreError::Json)?;
    let ledger = prepare::ledger_of(common, &target.account, None, args.again);
    let plan = prepare::plan(&written, &table, account, ledger)?;
    batch_size(args.batch, &plan)?;
    let select = Select { rows: args.rows, limit: args.limit, ..Select::default() };
    if args.dry_run {
        return check::dry_run(table, plan, &select, common);
    }
    confirm_deletes(args, &table, &plan, &select)?;
    let sha256 = prepare::mapping_sha256(file, &written)?;
    let mapping = MappingHead { path: file.display().to_string(), sha256, made: None };
    let head = head(args, &table, &plan, &target, mapping, common)?;
    let mut store = Store::open(&common.state)?;
    let _lock = job::lock(common, &head)?;
    refuse_again(args, &store, &head, !plan.key.is_empty())?;
    let (counted, over) = over_budget(args, &head, &plan, &select, common)?;
    let name = job::new_name(&store, &head, prepare::now())?;
    let folder = common.runs.join(&name);
    let head = Head { folder: folder.display().to_string(), ..head };
    job::make_folder(&folder)?;
    let new = NewRun { name: &name, head: &head, snapshot: &snapshot, started_at: prepare::now(), edits: &[] };
    let journal = Journal::begin(store, &new)?;
    store = Store::open(&common.state)?;
    let job = Job { target, plan, table, journal, doubts: Vec::new(), store, name, head, select, budget: counted };
    if over { job::stop_before_sending(job, common) } else { job::run(job, common) }
}

/// What is deleted is gone, and other things may follow it: both are told before it asks.
fn confirm_deletes(args: &ImportArgs, table: &Table, plan: &Arc<Plan>, select: &Select) -> Result<(), Ended> {
    if plan.action != Action::Delete || args.yes {
        return Ok(());
    }
    let mut records = 0_u64;
    feed::walk(prepare::again(table)?, Mapper::new(Arc::clone(plan), ""), select, |met| {
        records += u64::from(matches!(met, Met::Record { .. }));
        true
    })?;
    let spec = plan.kind.spec();
    let what = format!(
        "{records} {} will be deleted in {}, and cannot be brought back; {}",
        spec.entity.collection(),
        plan.account.basics.name,
        spec.deleting
    );
    ask::confirm(&what, false)
}

/// The kind's maximum is a rule of the service.
pub(super) fn batch_size(asked: Batch, plan: &Plan) -> Result<(), Ended> {
    let max = plan.write.batch_max;
    match asked {
        Some(n) if n > max => Err(Ended::usage(
            "batch-size",
            format!("--batch {n} is more than the service takes for a {}", plan.kind.name()),
            &format!("give {max} or less"),
        )),
        Some(_) | None => Ok(()),
    }
}

pub(super) fn head(
    args: &ImportArgs,
    table: &Table,
    plan: &Plan,
    target: &Target,
    mapping: MappingHead,
    common: &Common,
) -> Result<Head, Ended> {
    let layout = &table.layout;
    Ok(Head {
        source: SourceHead {
            path: args.file.display().to_string(),
            sha256: prepare::sha256(&args.file)?,
            sheet: layout.sheet.clone(),
            header_row: layout.header_row,
            format: layout.format,
            encoding: layout.encoding.map(str::to_owned),
            bom: layout.bom,
            delimiter: layout.delimiter,
            titles: table.header.titles().map(str::to_owned).collect(),
        },
        mapping,
        kind: plan.kind,
        entity: plan.kind.spec().entity,
        action: plan.action,
        account: target.account.clone(),
        target: args.target.account.clone().unwrap_or_else(|| super::target::SANDBOX.to_owned()),
        base: plan.account.base.clone(),
        folder: common.runs.display().to_string(),
        batch: args.batch,
        settle: args.settle,
        verify: match args.verify {
            VerifyWord::All => Verify::All,
            VerifyWord::Sample => Verify::Sample,
            VerifyWord::None => Verify::None,
        },
        rate: args.rate,
        rows: args.rows,
        limit: args.limit,
        again: args.again,
        catalog: plan.catalog,
    })
}

/// The same file, with the same mapping, into the same account: the service would make everything a second time.
pub(super) fn refuse_again(args: &ImportArgs, store: &Store, head: &Head, keyed: bool) -> Result<(), Ended> {
    if args.again {
        return Ok(());
    }
    let earlier = store.same_imports(&head.account, &head.source.sha256, &head.mapping.sha256)?;
    let mut covering = None;
    for run in earlier {
        let counts = store.counts(run.run)?;
        if covers(&run, counts.read - counts.rejected - counts.unprocessed - counts.unchanged, args, keyed) {
            covering = Some(run);
            break;
        }
    }
    match covering {
        None => Ok(()),
        Some(run) => {
            let (message, hint) = if run.outcome.is_final() {
                (
                    format!("this source was imported before, by run {}", run.name),
                    "records would be made twice; add --again if that is what you want".to_owned(),
                )
            } else {
                (
                    format!("run {} of this source has not ended", run.name),
                    format!("go on with it: amoport resume {}", run.name),
                )
            };
            Err(Problem::in_file(Path::new(&head.source.path), "imported-before", message).hint(hint).into())
        }
    }
}

/// Runs of other rows of the same file do not count: people try the first ten rows before the rest.
fn covers(run: &Run, made: u64, args: &ImportArgs, keyed: bool) -> bool {
    // Where no record was made, for the source broke off before or every row was rejected, there is nothing to double.
    let nothing = made == 0 && (run.outcome == RunOutcome::SourceBroken || run.outcome.is_final());
    let overlap = match (run.head.rows, args.rows) {
        (Some((a, b)), Some((c, d))) => a <= d && c <= b,
        _ => true,
    };
    // With a key the records of the first try are known one by one; only they are held back then.
    let tried = run.head.limit.is_some() && keyed && run.outcome.is_final();
    !nothing && overlap && !tried
}

/// With an error budget the whole source is checked before the first request: local rejections are known then, and
/// so is the number of records that a share refers to.
pub(super) fn over_budget(
    args: &ImportArgs,
    head: &Head,
    plan: &Arc<Plan>,
    select: &Select,
    common: &Common,
) -> Result<(Option<Budget>, bool), Ended> {
    let Some(text) = &args.max_errors else { return Ok((None, false)) };
    let again = prepare::reopen(&head.source)?;
    let (mut records, mut rejected) = (0_u64, 0_u64);
    feed::walk(again, Mapper::new(Arc::clone(plan), ""), select, |met| {
        match met {
            Met::Record { .. } => records += 1,
            Met::Local(outcome) if outcome.status == crate::store::Status::Rejected => rejected += 1,
            Met::Local(_) => {}
        }
        true
    })?;
    let budget = job::budget(text, records + rejected);
    let over = budget.is_some_and(|budget| budget.exceeded(rejected));
    if over {
        say::note(common, format!("{rejected} of {} records would be rejected: nothing is sent", records + rejected));
    }
    Ok((budget, over))
}
