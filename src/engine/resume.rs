//! Goes on with a run. The source is read again from its first row, exactly as it was; what has its outcome is left alone,
//! and batches that were sent and never answered are looked for in the account first.

use super::begin::{Job, lock, still_wanted};
use super::error::EngineError;
use super::event::{Event, Teller};
use super::request::ResumeRequest;
use super::result::RunResult;
use super::survey::{Counting, Surveying};
use super::target::{Opened, Target};
use super::{prepare, round_trip, run, source};
use crate::account::Account;
use crate::entity::Action;
use crate::mapping::{self, Mapper, Plan, compile};
use crate::message;
use crate::problem::Note;
use crate::store::{Counts, Head, Journal, OpenDoubt, Resumed, Run, RunOutcome, Store, StoreError, Verify, Word};
use crate::table::Table;
use crate::upload::feed::Select;
use crate::upload::{Doubt, IN_FLIGHT, links, verify};
use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Goes on with a run that was stopped, or that was killed.
pub fn resume(request: &ResumeRequest, events: &mut dyn FnMut(Event)) -> Result<RunResult, EngineError> {
    let tell = &mut Teller::new(events);
    let state = &request.folders.state;
    let store = Store::open(state)?;
    let found = find(&store, request)?;
    let head = found.head.clone();
    let lock = lock(state, &head)?;
    let opened = open(request, &store, &found)?;
    let name = head.source.path.clone();
    tell.event(Event::Source { file: name, layout: Box::new(opened.table.layout.clone()) });
    let target = Target::of_kept(&head.target, request.token.clone());
    let target = Opened::open(&target, state, head.rate, tell)?;
    if target.account != head.account {
        let (was, named, is) = (&head.account, &head.target, &target.account);
        let message = message!("the run went into {was}, and \"{named}\" is {is} now", was, named, is);
        let hint = "name the old account again in amoport.toml, then resume";
        return Err(EngineError::refused("other-account", message, hint));
    }
    let OpenedRun { table, plan, refused, rows } = opened;
    if let Some(made) = &head.mapping.made {
        round_trip::keep_edits(&store, found.run, made, &plan)?;
    }
    still_wanted(&request.cancel)?;
    let Resumed { mut journal, doubts: open, mut done, forgotten } =
        Journal::resume(Store::open(state)?, &found, request.resend_unknown)?;
    tell.event(Event::Started { run: found.name.clone() });
    if request.resend_unknown {
        let message = message!("{forgotten} records of unknown outcome are sent again", forgotten);
        tell.note(Note::new("resend-unknown", message).count(forgotten));
    }
    let doubts = doubts(&mut journal, open, &plan, &head, &found.name)?;
    done.extend(doubts.iter().flat_map(|doubt| &doubt.records).map(|loaded| loaded.record.row));
    let known = known(&store, &found, &plan, journal.counts())?;
    let select = Select { done, refused, known: known.all(), rows: head.rows, limit: head.limit, only: None };
    let job = Job {
        client: Arc::clone(&target.client),
        plan,
        table,
        journal,
        doubts,
        links_unknown: known.links_unknown,
        store,
        name: found.name,
        select,
        // Whoever goes on after the budget was overrun has seen the rejections.
        budget: None,
        over_budget: false,
        total: rows.map(|rows| rows.min(head.limit.unwrap_or(u64::MAX))),
        head,
        in_flight: IN_FLIGHT,
        cancel: request.cancel.clone(),
        _lock: lock,
    };
    let file = PathBuf::from(&job.head.source.path);
    let result = run::run(job, &target, tell)?;
    source::forget_spooled(&file, state);
    Ok(result)
}

/// Rows that have their outcome and are mapped once more all the same.
struct Known {
    /// For reading some back.
    sample: HashSet<u32>,
    /// Sent by a version that kept no links.
    links_unknown: HashSet<u32>,
}

impl Known {
    fn all(&self) -> HashSet<u32> {
        self.sample.union(&self.links_unknown).copied().collect()
    }
}

fn known(store: &Store, run: &Run, plan: &Plan, counts: Counts) -> Result<Known, EngineError> {
    let sample = match run.head.verify {
        Verify::Sample => {
            let written = counts.created + counts.updated + counts.deleted;
            store.written_every(run.run, (written as usize).div_ceil(verify::SAMPLE))?
        }
        Verify::All | Verify::None => HashSet::new(),
    };
    let links_unknown = match links::wanted(plan) && !run.head.keeps_links {
        true => store.links_unknown(run.run)?,
        false => HashSet::new(),
    };
    Ok(Known { sample, links_unknown })
}

/// What a run goes on with.
struct OpenedRun {
    table: Table,
    plan: Arc<Plan>,
    refused: HashSet<u32>,
    rows: Option<u64>,
}

/// Opens everything as it was on the first day, and changes nothing.
fn open(request: &ResumeRequest, store: &Store, run: &Run) -> Result<OpenedRun, EngineError> {
    let head = &run.head;
    let file = Path::new(&head.source.path);
    let mapping = Path::new(&head.mapping.path);
    // That the source has changed explains whatever else is wrong with it, so an error waits for the reading.
    let written = match &head.mapping.made {
        // Of the workbook, which is looked at below.
        Some(text) => mapping::read_text(mapping, text).map_err(EngineError::from),
        None => mapping::read(mapping).map_err(EngineError::from),
    };
    let table = source::reopen(&head.source);
    let groups = match (&written, &table) {
        (Ok(written), Ok(table)) => compile::group_columns(written, &table.header),
        _ => Vec::new(),
    };
    let counting = Counting { rows: request.count, groups, select: head.rows };
    let surveying = Surveying::start(file, &source::of_run(&head.source), counting);
    // The snapshot of the first day: what was mapped then is mapped alike now.
    let account: Result<Account, StoreError> =
        store.snapshot(run.run).and_then(|text| serde_json::from_str(&text).map_err(StoreError::Json));
    let refused = store.refused(run.run)?;
    let survey = surveying.join()?;
    source::unchanged(file, &survey.fingerprint.sha256, &head.source.sha256, "source")?;
    let (written, table) = (written?, table?);
    if head.mapping.made.is_none() {
        let sha256 = prepare::mapping_sha256(mapping, &written)?;
        source::unchanged(mapping, &sha256, &head.mapping.sha256, "mapping")?;
    }
    let ledger = prepare::ledger(&request.folders.state, &head.account, Some(run.run), head.again);
    let plan = prepare::plan(&written, &table, Arc::new(account?), ledger, survey.groups)?;
    Ok(OpenedRun { table, plan: Arc::new(plan), refused, rows: survey.rows.filter(|_| request.count) })
}

/// Batches that were sent and never answered, with their records mapped again. Changes may be made twice without harm,
/// so they simply go again.
fn doubts(
    journal: &mut Journal,
    open: Vec<OpenDoubt>,
    plan: &Arc<Plan>,
    head: &Head,
    run: &str,
) -> Result<Vec<Doubt>, EngineError> {
    if plan.action != Action::Create {
        for doubt in open {
            journal.settle_doubt(doubt.batch, &[])?;
        }
        return Ok(Vec::new());
    }
    if open.iter().all(|doubt| doubt.rows.is_empty()) {
        return Ok(Doubt::without_records(open));
    }
    let (table, mapper) = (source::reopen(&head.source)?, Mapper::new(Arc::clone(plan), run));
    Ok(Doubt::reopen(open, table, mapper, head.rows)?)
}

/// The run named, or the newest that can go on.
fn find(store: &Store, request: &ResumeRequest) -> Result<Run, EngineError> {
    let ended =
        |run: &Run| run.outcome.is_final() && !(request.resend_unknown && run.outcome == RunOutcome::SomeUnknown);
    let Some(name) = &request.run else {
        let newest = store.runs()?.into_iter().find(|run| !ended(run));
        return newest
            .ok_or_else(|| EngineError::refused("no-run", "there is no run to go on with", "see: amoport runs"));
    };
    let Some(run) = store.run_named(name)? else {
        return Err(EngineError::refused("no-run", message!("there is no run \"{name}\"", name), "see: amoport runs"));
    };
    if ended(&run) {
        let outcome = run.outcome.word();
        let message = message!("run {name} has ended ({outcome}), there is nothing to go on with", name, outcome);
        return Err(EngineError::refused("run-ended", message, "see its report: amoport report"));
    }
    Ok(run)
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
        let told = |done: &[u32], refused: &[u32], known: &[u32]| {
            let table = Table::open(&path, &ReadOptions::default()).unwrap();
            let origins =
                Origins { header: table.header.clone(), source: table.source(), ledger: mapping::Ledger::empty() };
            let plan = compile::compile(&written, origins, Arc::new(crate::account::tests::account())).unwrap();
            let set = |rows: &[u32]| rows.iter().copied().collect();
            let select = Select { done: set(done), refused: set(refused), known: set(known), ..Select::default() };
            let mut told = Vec::new();
            let rows = walk(table, Mapper::new(Arc::new(plan), ""), &select, |met| {
                told.push(match met {
                    Met::Record { row, .. } => (row.number, "sent"),
                    Met::Known { row, .. } => (row.number, "known"),
                    Met::Local(outcome) | Met::Lost(outcome) => (outcome.row, outcome.status.word()),
                });
                true
            });
            assert_eq!(rows.unwrap().rows, 5);
            told
        };
        let whole = told(&[], &[], &[]);
        assert_eq!(whole, [(2, "rejected"), (3, "sent"), (4, "sent"), (5, "rejected"), (6, "sent")]);
        assert_eq!(told(&[2, 3], &[2], &[]), whole[2..]);
        let known = told(&[2, 3], &[2], &[3]);
        assert_eq!((known[0], &known[1..]), ((3, "known"), &whole[2..]), "and what it is asked for once more");
    }
}
