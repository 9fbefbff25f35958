//! Opens the source, the mapping and the account of a run as they were when it began. Nothing is changed.

use crate::engine::begin::sent_before;
use crate::engine::interface::cancel::Cancel;
use crate::engine::interface::error::EngineError;
use crate::engine::interface::event::EventSink;
use crate::engine::interface::request::ResumeRequest;
use crate::engine::prepare;
use crate::engine::source;
use crate::engine::source::survey::{self, SurveyOptions, SurveyTask};
use crate::engine::target::{OpenAccount, Target};
use crate::mapping::{self, MappingAst, Plan, compile};
use crate::store::{KeySpace, Run, RunHead, Store, StoreError, Verify};
use crate::upload::feed::{QueuedRecord, Select};
use crate::upload::{links, verify};
use amo_client::account::Account;
use amo_model::Action;
use sheet_source::Table;
use sheet_source::message;
use sheet_source::problem::Problem;
use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::Arc;

/// Opens the account of a run; `target_now` is the target as given now.
pub fn open_account(
    head: &RunHead,
    target_now: &Target,
    state: &Path,
    events: &mut EventSink<'_>,
) -> Result<OpenAccount, EngineError> {
    OpenAccount::open(&target_now.for_run(head), state, head.rate, events)
}

/// An error if the address of a run's account leads to another account now. A renamed account is not an error.
pub fn check_same_account(
    target: &OpenAccount,
    head: &RunHead,
    (state, cancel): (&Path, &Cancel),
    events: &mut EventSink<'_>,
) -> Result<(), EngineError> {
    let id = prepare::read_basics(target, cancel, events)?.id;
    prepare::account_key(state, target, id)?;
    match head.account_id {
        Some(was) if was == id => Ok(()),
        Some(_) if head.account == target.address => {
            let message = message!("the run went into {was}, which is another account now", was = &head.account);
            let hint = "its records are not in this account: abandon the run with amoport runs --abandon, and import the source";
            Err(EngineError::refused("other-account", message, hint))
        }
        Some(_) | None => check_same_address(target, head),
    }
}

fn check_same_address(target: &OpenAccount, head: &RunHead) -> Result<(), EngineError> {
    let (was, named, is) = (&head.account, &head.target, &target.address);
    if was == is {
        return Ok(());
    }
    let message = message!("the run went into {was}, and \"{named}\" is {is} now", was, named, is);
    let hint = "name the old account again in amoport.toml, then resume";
    Err(EngineError::refused("other-account", message, hint))
}

/// Reads the identity of the account for a run that an earlier version began in a sandbox: it is known only by its address.
pub fn identify_account(
    store: &Store,
    run: Run,
    (target_now, state, cancel): (&Target, &Path, &Cancel),
    events: &mut EventSink<'_>,
) -> Result<Run, EngineError> {
    if run.head.account_id.is_some() {
        return Ok(run);
    }
    let target = open_account(&run.head, target_now, state, events)?;
    check_same_address(&target, &run.head)?;
    let id = prepare::read_basics(&target, cancel, events)?.id;
    store.set_account_id(&run.head.account, id)?;
    Ok(store.run(run.run)?)
}

/// The rows that go into a resumed run, and those whose links were not kept. Rows in `done` have an outcome or are in doubt;
/// `refused` are those of them that were rejected before they were sent.
pub fn select_rows(
    store: &Store,
    run: &Run,
    plan: &Plan,
    (done, refused): (HashSet<u32>, HashSet<u32>),
) -> Result<(Select, HashSet<u32>), EngineError> {
    let known = rows_to_remap(store, run, plan)?;
    let sent = Arc::new(sent_before::sent_rows_of_run(store, run, !plan.key.is_empty())?);
    let RunHead { rows, limit, .. } = run.head;
    Ok((Select { done, refused, known: known.all(), rows, limit, only: None, sent }, known.links_unknown))
}

/// Rows that have an outcome and are mapped again anyway.
struct RemappedRows {
    /// For the read-back.
    sample: HashSet<u32>,
    /// Sent by a version that kept no links.
    links_unknown: HashSet<u32>,
}

impl RemappedRows {
    fn all(&self) -> HashSet<u32> {
        self.sample.union(&self.links_unknown).copied().collect()
    }
}

fn rows_to_remap(store: &Store, run: &Run, plan: &Plan) -> Result<RemappedRows, EngineError> {
    let sample = match run.head.verify {
        Verify::Sample => store.written_sample(run.run, verify::SAMPLE)?,
        Verify::All | Verify::None => HashSet::new(),
    };
    let links_unknown = match links::has_links(plan) && !run.head.keeps_links {
        true => store.links_unknown(run.run)?,
        false => HashSet::new(),
    };
    Ok(RemappedRows { sample, links_unknown })
}

/// Everything a resumed run needs.
pub struct ReopenedRun {
    pub table: Table,
    pub plan: Arc<Plan>,
    pub refused: HashSet<u32>,
    /// Records of unknown outcome that were sent, mapped again.
    pub doubtful: HashMap<u32, QueuedRecord>,
    pub rows: Option<u64>,
}

/// Opens everything as it was when the run began, and changes nothing. The source is read once, for its hash, its groups and
/// its doubtful rows.
pub fn open_run(request: &ResumeRequest, store: &Store, run: &Run) -> Result<ReopenedRun, EngineError> {
    let head = &run.head;
    check_paths(head)?;
    let file = head.source.file();
    let doubtful = match head.action {
        Action::Create => store.doubtful_rows(run.run)?,
        Action::Update | Action::Delete => HashSet::new(),
    };
    let check_source = |sha256: &str| source::check_unchanged(file, sha256, &head.source.sha256, "source");
    let opened = read_mapping(run).and_then(|written| Ok((source::open_for_run(&head.source)?, written)));
    if doubtful.is_empty() {
        let groups = opened.as_ref().map(|(table, written)| compile::group_columns(written, &table.header));
        let groups = groups.unwrap_or_default();
        let counting = SurveyOptions { rows: request.count, groups, select: head.rows, hashes: false };
        let surveying = SurveyTask::start(file, &source::run_options(&head.source), counting, &request.cancel);
        // Compiled while the hash is computed, which takes as long as the rest; this changes nothing on the disk.
        let compiled = opened.and_then(|opened| compile_mapping(request, store, run, opened));
        let refused = store.refused(run.run);
        let survey = surveying.join()?;
        // A changed source explains any other problem with it.
        check_source(&survey.fingerprint.sha256)?;
        let (table, mut plan) = compiled?;
        if let (Some(groups), Some(counted)) = (&mut plan.groups, survey.groups) {
            if let Some(problem) = survey.failed {
                return Err(problem.into());
            }
            *groups = counted;
        }
        let rows = survey.rows.filter(|_| request.count);
        return Ok(ReopenedRun { table, plan: Arc::new(plan), refused: refused?, doubtful: HashMap::new(), rows });
    }
    let (table, plan) = match opened.and_then(|opened| compile_mapping(request, store, run, opened)) {
        Ok(compiled) => compiled,
        Err(error) => {
            check_source(&source::sha256(file)?)?;
            return Err(error);
        }
    };
    let mapped = match survey::map_records(&table, plan, &run.name, (doubtful, head.rows)) {
        Ok(mapped) => mapped,
        Err(error) => {
            check_source(&source::sha256(file)?)?;
            return Err(error);
        }
    };
    check_source(&mapped.fingerprint.sha256)?;
    let refused = store.refused(run.run)?;
    Ok(ReopenedRun { table, plan: mapped.plan, refused, doubtful: mapped.found, rows: None })
}

/// An error if a file is not found because an earlier version kept only a relative path.
fn check_paths(head: &RunHead) -> Result<(), EngineError> {
    let source = head.source.absolute.is_none().then(|| head.source.file());
    let mapping = (head.mapping.absolute.is_none() && head.mapping.made.is_none()).then(|| head.mapping.file());
    let missing = |file: &&Path| file.is_relative() && !file.exists();
    let Some(file) = [source, mapping].into_iter().flatten().find(missing) else { return Ok(()) };
    let message =
        "the file is not in this folder, and the run was begun by another version, which did not keep its full path";
    Err(Problem::in_file(file, "begun-elsewhere", message).hint("resume from the folder in which the run began").into())
}

pub fn read_mapping(run: &Run) -> Result<MappingAst, EngineError> {
    let mapping = run.head.mapping.file();
    match &run.head.mapping.made {
        // Made from the workbook, which is checked separately.
        Some(text) => Ok(mapping::read_text(mapping, text)?),
        None => Ok(mapping::read(mapping)?),
    }
}

pub fn compile_mapping(
    request: &ResumeRequest,
    store: &Store,
    run: &Run,
    (table, written): (Table, MappingAst),
) -> Result<(Table, Plan), EngineError> {
    let head = &run.head;
    if head.mapping.made.is_none() {
        let mapping = head.mapping.file();
        let sha256 = prepare::mapping_sha256(mapping, &written)?;
        source::check_unchanged(mapping, &sha256, &head.mapping.sha256, "mapping")?;
    }
    // The account as it was then, so that rows are mapped as they were.
    let account: Account = serde_json::from_str(&store.snapshot(run.run)?).map_err(StoreError::Json)?;
    let ledger = prepare::open_ledger(&request.folders.state, &head.account_key(), Some(run.run), KeySpace::of(head));
    let ledger = ledger.same_keys(head.same_keys);
    let plan = prepare::compile_plan(&written, &table, Arc::new(account), ledger)?;
    Ok((table, plan))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mapping::Mapper;
    use crate::mapping::compile::{self, SourceContext};
    use crate::upload::feed::{RowEvent, walk};
    use sheet_source::ReadOptions;

    /// Rows 2 and 3 were rejected and sent by an earlier part of the run: only the key of the sent row is taken.
    #[test]
    fn a_resumed_run_knows_the_keys_of_what_it_has_sent_and_of_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("leads.csv");
        std::fs::write(&path, "n,name,price\nA,a,much\nB,b,1\nA,a,1\nB,b,1\nC,c,1\n").unwrap();
        let text = "version = 1\nkind = \"lead\"\nkey = \"n\"\n[lead]\nname = \"name\"\nprice = \"price\"\n";
        let written = mapping::read_text(&path, text).unwrap();
        let walked = |done: &[u32], refused: &[u32], known: &[u32]| {
            let table = Table::open(&path, &ReadOptions::default()).unwrap();
            let origins = SourceContext::of(&table, mapping::Ledger::empty());
            let plan = compile::compile(&written, origins, Arc::new(amo_client::account::example())).unwrap();
            let set = |rows: &[u32]| rows.iter().copied().collect();
            let select = Select { done: set(done), refused: set(refused), known: set(known), ..Select::default() };
            let mut walked = Vec::new();
            let rows = walk(table, Mapper::new(Arc::new(plan), ""), &select, |event| {
                walked.push(match event {
                    RowEvent::Record { row, .. } => (row.number, "sent"),
                    RowEvent::Known { row, .. } => (row.number, "known"),
                    RowEvent::Local(outcome) | RowEvent::Unmapped(outcome) => (outcome.row, outcome.status.word()),
                });
                true
            });
            assert_eq!(rows.unwrap().rows, 5);
            walked
        };
        let whole = walked(&[], &[], &[]);
        assert_eq!(whole, [(2, "rejected"), (3, "sent"), (4, "sent"), (5, "rejected"), (6, "sent")]);
        assert_eq!(walked(&[2, 3], &[2], &[]), whole[2..]);
        let known = walked(&[2, 3], &[2], &[3]);
        assert_eq!((known[0], &known[1..]), ((3, "known"), &whole[2..]), "and what it is asked for once more");
    }
}
