//! `amoport resume`: goes on with a run. The source is read again from its first row, exactly as it was; what has its
//! outcome is left alone, and batches that were sent and never answered are looked for in the account first.

use super::args::{Common, ResumeArgs, TargetArgs};
use super::exit::{Ended, Exit};
use super::job::{self, Job};
use super::target::{SANDBOX, Target};
use super::{prepare, say, workbook};
use crate::account::Account;
use crate::entity::Action;
use crate::mapping::{self, Mapper, Plan};
use crate::store::{Head, Journal, OpenDoubt, Resumed, Run, RunOutcome, Store, StoreError, Word};
use crate::table::Table;
use crate::upload::Doubt;
use crate::upload::feed::Select;
use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;

pub fn run(args: &ResumeArgs, common: &Common) -> Result<Exit, Ended> {
    let store = Store::open(&common.state)?;
    let run = find(&store, args.run.as_deref(), args.resend_unknown)?;
    let head = run.head.clone();
    let _lock = job::lock(common, &head)?;
    let file = Path::new(&head.source.path);
    // All that can be opened without a trace is opened meanwhile: of a large file the hash takes as long as the rest.
    let (hashed, opened) = std::thread::scope(|scope| {
        let hashing = scope.spawn(|| prepare::sha256(file));
        let opened = open(common, &store, &run);
        (hashing.join(), opened)
    });
    let hashed = hashed.unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
    // That it has changed explains whatever else is wrong with it.
    prepare::unchanged(file, &hashed, &head.source.sha256, "source")?;
    let Opened { table, plan, refused } = opened?;
    say::note(common, format!("{}: {}", file.display(), table.layout));
    let sandbox = head.target == SANDBOX;
    let target =
        TargetArgs { sandbox, account: (!sandbox).then(|| head.target.clone()), token_file: args.token_file.clone() };
    let target = Target::open(&target, common, head.rate)?;
    if target.account != head.account {
        let message = format!("the run went into {}, and \"{}\" is {} now", head.account, head.target, target.account);
        return Err(Ended::usage("other-account", message, "name the old account again in amoport.toml, then resume"));
    }
    if let Some(made) = &head.mapping.made {
        workbook::kept(&store, run.run, made, &plan)?;
    }
    let Resumed { mut journal, doubts: open, mut done, forgotten } =
        Journal::resume(Store::open(&common.state)?, &run, args.resend_unknown)?;
    if args.resend_unknown {
        say::note(common, format!("{forgotten} records of unknown outcome are sent again"));
    }
    let doubts = doubts(&mut journal, open, &plan, &head, &run.name)?;
    done.extend(doubts.iter().flat_map(|doubt| &doubt.records).map(|loaded| loaded.record.row));
    // Whoever goes on after the budget was overrun has seen the rejections.
    let budget = None;
    let select = Select { done, refused, rows: head.rows, limit: head.limit, only: None };
    job::run(Job { target, plan, table, journal, doubts, store, name: run.name, head, select, budget }, common)
}

/// What a run goes on with.
struct Opened {
    table: Table,
    plan: Arc<Plan>,
    refused: HashSet<u32>,
}

/// Opens everything as it was on the first day, and changes nothing.
fn open(common: &Common, store: &Store, run: &Run) -> Result<Opened, Ended> {
    let head = &run.head;
    let mapping = Path::new(&head.mapping.path);
    let written = match &head.mapping.made {
        // Of the workbook, which was looked at already.
        Some(text) => mapping::read_text(mapping, text)?,
        None => {
            let written = prepare::mapping(mapping)?;
            let sha256 = prepare::mapping_sha256(mapping, &written)?;
            prepare::unchanged(mapping, &sha256, &head.mapping.sha256, "mapping")?;
            written
        }
    };
    let table = prepare::reopen(&head.source)?;
    // The snapshot of the first day: what was mapped then is mapped alike now.
    let account: Account = serde_json::from_str(&store.snapshot(run.run)?).map_err(StoreError::Json)?;
    let ledger = prepare::ledger_of(common, &head.account, Some(run.run), head.again);
    let plan = prepare::plan(&written, &table, account, ledger)?;
    Ok(Opened { table, plan, refused: store.refused(run.run)? })
}

/// Batches that were sent and never answered, with their records mapped again. Changes may be made twice without harm,
/// so they simply go again.
fn doubts(
    journal: &mut Journal,
    open: Vec<OpenDoubt>,
    plan: &Arc<Plan>,
    head: &Head,
    run: &str,
) -> Result<Vec<Doubt>, Ended> {
    if plan.action != Action::Create {
        for doubt in open {
            journal.settle_doubt(doubt.batch, &[])?;
        }
        return Ok(Vec::new());
    }
    let (table, mapper) = (prepare::reopen(&head.source)?, Mapper::new(Arc::clone(plan), run));
    Ok(Doubt::reopen(open, table, mapper, head.rows)?)
}

/// The run named, or the newest that can go on.
fn find(store: &Store, name: Option<&str>, resend_unknown: bool) -> Result<Run, Ended> {
    let ended = |run: &Run| run.outcome.is_final() && !(resend_unknown && run.outcome == RunOutcome::SomeUnknown);
    match name {
        Some(name) => {
            let Some(run) = store.run_named(name)? else {
                return Err(Ended::usage("no-run", format!("there is no run \"{name}\""), "see: amoport runs"));
            };
            if ended(&run) {
                let message = format!("run {name} has ended ({}), there is nothing to go on with", run.outcome.word());
                return Err(Ended::usage("run-ended", message, "see its report: amoport report"));
            }
            Ok(run)
        }
        None => store
            .runs()?
            .into_iter()
            .find(|run| !ended(run))
            .ok_or_else(|| Ended::usage("no-run", "there is no run to go on with", "see: amoport runs")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mapping::compile::{self, Origins};
    use crate::table::ReadOptions;
    use crate::upload::feed::{Met, walk};

    /// Rows 2 and 3 were refused and sent by an earlier stretch: only the key of what was sent is taken.
    #[test]
    fn a_resumed_run_knows_the_keys_of_what_it_has_sent_and_of_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("leads.csv");
        std::fs::write(&path, "n,name,price\nA,a,much\nB,b,1\nA,a,1\nB,b,1\nC,c,1\n").unwrap();
        let text = "version = 1\nkind = \"lead\"\nkey = \"n\"\n[lead]\nname = \"name\"\nprice = \"price\"\n";
        let written = mapping::read_text(&path, text).unwrap();
        let told = |done: &[u32], refused: &[u32]| {
            let table = Table::open(&path, &ReadOptions::default()).unwrap();
            let origins =
                Origins { header: table.header.clone(), source: table.source(), ledger: mapping::Ledger::empty() };
            let plan = compile::compile(&written, origins, Arc::new(crate::account::tests::account())).unwrap();
            let set = |rows: &[u32]| rows.iter().copied().collect();
            let select = Select { done: set(done), refused: set(refused), ..Select::default() };
            let mut told = Vec::new();
            let rows = walk(table, Mapper::new(Arc::new(plan), ""), &select, |met| {
                told.push(match met {
                    Met::Record { row, .. } => (row.number, "sent"),
                    Met::Local(outcome) => (outcome.row, outcome.status.word()),
                });
                true
            });
            assert_eq!(rows.unwrap(), 5);
            told
        };
        let whole = told(&[], &[]);
        assert_eq!(whole, [(2, "rejected"), (3, "sent"), (4, "sent"), (5, "rejected"), (6, "sent")]);
        assert_eq!(told(&[2, 3], &[2]), whole[2..]);
    }
}
