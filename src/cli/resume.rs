//! `amoport resume`: goes on with a run. The source is read again from its first row, exactly as it was; what has its
//! outcome is left alone, and batches that were sent and never answered are reported unknown, not sent again.

use super::args::{Common, ResumeArgs, SourceArgs, TargetArgs};
use super::exit::{Ended, Exit};
use super::job::{self, Job};
use super::target::{SANDBOX, Target};
use super::{prepare, say};
use crate::account::Account;
use crate::problem::{Problem, Stage};
use crate::store::{Journal, Outcome, Run, Status, Store, StoreError, StoredProblem};
use crate::upload::feed::Select;
use std::path::Path;

pub fn run(args: &ResumeArgs, common: &Common) -> Result<Exit, Ended> {
    let store = Store::open(&common.state)?;
    let run = find(&store, args.run.as_deref())?;
    let head = run.head.clone();
    let _lock = job::lock(common, &head)?;
    let file = Path::new(&head.source.path);
    unchanged(file, &head.source.sha256, "source")?;
    unchanged(Path::new(&head.mapping.path), &head.mapping.sha256, "mapping")?;
    let written = prepare::mapping(Path::new(&head.mapping.path))?;
    let as_before = SourceArgs {
        sheet: head.source.sheet.clone(),
        header_row: Some(head.source.header_row),
        encoding: head.source.encoding.clone(),
        delimiter: head.source.delimiter,
    };
    let table = prepare::source(file, &written, &as_before, common)?;
    let sandbox = head.target == SANDBOX;
    let target =
        TargetArgs { sandbox, account: (!sandbox).then(|| head.target.clone()), token_file: args.token_file.clone() };
    let target = Target::open(&target, common, head.rate)?;
    // The snapshot of the first day: what was mapped then is mapped alike now.
    let account: Account = serde_json::from_str(&store.snapshot(run.run)?).map_err(StoreError::Json)?;
    let plan = prepare::plan(&written, &table, account)?;
    let resumed = store.resumed(run.run)?;
    let records = store.counts(run.run)?.read;
    let mut journal = Journal::resume(Store::open(&common.state)?, &run)?;
    let mut done = resumed.done;
    for (batch, rows) in &resumed.in_doubt {
        say::note(common, format!("batch {batch} was sent and never answered: {} records are unknown", rows.len()));
        let unknown: Vec<Outcome> = rows.iter().map(|row| in_doubt(*row)).collect();
        journal.in_doubt(*batch, None, &unknown)?;
        done.extend(rows);
    }
    let budget = head.max_errors.as_deref().and_then(|text| job::budget(text, records));
    let select = Select { done, rows: head.rows, limit: head.limit };
    job::run(Job { target, plan, table, journal, store, name: run.name, head, select, budget }, common)
}

/// The run named, or the newest that can go on.
fn find(store: &Store, name: Option<&str>) -> Result<Run, Ended> {
    match name {
        Some(name) => {
            let Some(run) = store.run_named(name)? else {
                return Err(Ended::usage("no-run", format!("there is no run \"{name}\""), "see: amoport runs"));
            };
            if Exit::is_final(&run.outcome) {
                let message = format!("run {name} has ended ({}), there is nothing to go on with", run.outcome);
                return Err(Ended::usage("run-ended", message, "see its report: amoport report"));
            }
            Ok(run)
        }
        None => store
            .runs()?
            .into_iter()
            .find(|run| !Exit::is_final(&run.outcome))
            .ok_or_else(|| Ended::usage("no-run", "there is no run to go on with", "see: amoport runs")),
    }
}

fn unchanged(file: &Path, sha256: &str, what: &str) -> Result<(), Ended> {
    if prepare::sha256(file)? == sha256 {
        return Ok(());
    }
    let message = format!("the {what} has changed since the run began");
    let hint = "put the old file back to go on with the run, or import the new one as a run of its own";
    Err(Problem::in_file(file, "changed", message).hint(hint).into())
}

fn in_doubt(row: u32) -> Outcome {
    let problem = Problem::new(
        Stage::Reconcile,
        "unknown",
        "the program stopped after sending this record and before its answer",
    )
    .hint("look for it in the account before importing it again");
    Outcome { problems: vec![StoredProblem::from(&problem)], ..Outcome::new(row, Status::Unknown) }
}
