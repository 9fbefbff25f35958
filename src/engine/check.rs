//! Everything an import does but sending: read, map, validate, and say every problem. The very code of the import.

use super::begin::batch_size;
use super::error::EngineError;
use super::event::{Event, Teller};
use super::import::refuse_flags;
use super::request::CheckRequest;
use super::target::{Opened, SANDBOX};
use super::{prepare, round_trip, source, survey};
use crate::entity::{Action, Kind};
use crate::mapping::wanted::wanted;
use crate::mapping::{self, Edit, Mapper, Plan, Written, compile};
use crate::problem::{Note, Problem};
use crate::store::{Counts, Status};
use crate::table::Table;
use crate::upload::feed::{self, Met, Select};
use std::path::Path;
use std::sync::Arc;

/// What a check came to.
#[derive(Debug, Clone)]
pub struct Checked {
    pub kind: Kind,
    pub action: Action,
    pub source: String,
    pub account: String,
    /// Rows that were read.
    pub rows: u64,
    /// Records that can be sent.
    pub records: u64,
    pub rejected: u64,
    pub unchanged: u64,
    pub skipped: u64,
    pub problems: u64,
    /// Several rows may make one record.
    pub grouped: bool,
    /// Of a workbook without a mapping: what its rows are for.
    pub part: Option<Part>,
    pub notes: Vec<Note>,
}

/// The two runs that a workbook without a mapping makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    Changes,
    NewRows,
}

impl Checked {
    /// As `run.json` counts: what could be sent was not processed.
    pub fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        counts.add(Status::Rejected, self.rejected);
        counts.add(Status::Unchanged, self.unchanged);
        counts.add(Status::Skipped, self.skipped);
        counts.add(Status::Unprocessed, self.records);
        counts
    }
}

/// Checks a source. Its problems are heard on the way (`Event::Problem`); of a workbook without a mapping there are two
/// results, changes and new rows.
pub fn check(request: &CheckRequest, events: &mut dyn FnMut(Event)) -> Result<Vec<Checked>, EngineError> {
    let tell = &mut Teller::new(events);
    let import = &request.import;
    let Some(file) = &import.mapping else { return round_trip::check(request, tell) };
    refuse_flags(import)?;
    let state = &import.folders.state;
    let written = mapping::read(file)?;
    let path = source::spooled(&import.source, state)?;
    let checked = check_file(request, &written, &path, tell);
    source::forget_spooled(&path, state);
    Ok(vec![checked?])
}

fn check_file(
    request: &CheckRequest,
    written: &Written,
    path: &Path,
    tell: &mut Teller<'_>,
) -> Result<Checked, EngineError> {
    let import = &request.import;
    let state = &import.folders.state;
    let table = source::open(path, &source::options(written, &import.read))?;
    let layout = Box::new(table.layout.clone());
    tell.event(Event::Source { file: import.source.display().to_string(), layout });
    let (account, name) = match &request.snapshot {
        Some(path) => {
            let account = prepare::snapshot(path)?;
            // Only the sandbox speaks plain http, and its address changes with every start.
            let name = match account.base.starts_with("http://") {
                true => SANDBOX.to_owned(),
                false => account.base.clone(),
            };
            (account, name)
        }
        None => {
            let runtime = prepare::runtime()?;
            let target = Opened::open(&import.target, state, import.rate, tell)?;
            let wanted = wanted(written);
            (prepare::account(&target, &wanted, &runtime, &import.cancel, tell)?.account, target.account)
        }
    };
    let ledger = prepare::ledger(state, &name, None, import.again);
    let columns = compile::group_columns(written, &table.header);
    let groups = if columns.is_empty() { None } else { Some(survey::count_groups(columns, &table)?) };
    let plan = prepare::plan(written, &table, Arc::new(account), ledger, groups)?;
    batch_size(import.batch, &plan)?;
    let select = Select { rows: import.rows, limit: import.limit, ..Select::default() };
    walk(table, &Arc::new(plan), &select, tell)
}

/// Walks the source and says every problem.
pub(super) fn walk(
    table: Table,
    plan: &Arc<Plan>,
    select: &Select,
    tell: &mut Teller<'_>,
) -> Result<Checked, EngineError> {
    let mut checked = Checked {
        kind: plan.kind,
        action: plan.action,
        source: plan.source.file.clone(),
        account: plan.account.base.clone(),
        rows: 0,
        records: 0,
        rejected: 0,
        unchanged: 0,
        skipped: 0,
        problems: 0,
        grouped: plan.groups.is_some(),
        part: match plan.edits.get().map(|edits| &edits.rest) {
            Some(Edit::Same) => Some(Part::Changes),
            Some(Edit::Elsewhere) => Some(Part::NewRows),
            _ => None,
        },
        notes: Vec::new(),
    };
    let walked = feed::walk(table, Mapper::new(Arc::clone(plan), ""), select, |met| {
        match met {
            Met::Record { .. } | Met::Known { .. } => checked.records += 1,
            Met::Local(outcome) | Met::Lost(outcome) => match outcome.status {
                Status::Skipped => checked.skipped += 1,
                Status::Unchanged => checked.unchanged += 1,
                _ => {
                    checked.rejected += 1;
                    checked.problems += outcome.problems.len() as u64;
                    outcome.problems.into_iter().for_each(|problem: Problem| {
                        tell.event(Event::Problem(Box::new(problem)));
                    });
                }
            },
        }
        true
    })?;
    checked.rows = walked.rows;
    tell.all(walked.notes);
    checked.notes = tell.take();
    tell.event(Event::Checked(Box::new(checked.clone())));
    Ok(checked)
}
