//! `amoport check`, and the dry run: the very code of the import, up to the point of sending.

use super::args::{CheckArgs, Common};
use super::exit::{Ended, Exit};
use super::target::{SANDBOX, Target};
use super::{prepare, say, workbook};
use crate::mapping::wanted::wanted;
use crate::mapping::{Edit, Mapper, Plan};
use crate::problem::Source;
use crate::store::{Counts, Status};
use crate::table::Table;
use crate::upload::feed::{self, Met, Select};
use serde_json::json;
use std::sync::Arc;

pub fn run(args: &CheckArgs, common: &Common) -> Result<Exit, Ended> {
    let Some(file) = &args.mapping else { return workbook::check(args, common) };
    let written = prepare::mapping(file)?;
    let table = prepare::source(&args.file, &written, &args.source, common)?;
    let (account, name) = match &args.account_file {
        Some(path) => {
            let account = prepare::account_file(path)?;
            // Only the sandbox speaks plain http, and its address changes with every start.
            let name = match account.base.starts_with("http://") {
                true => SANDBOX.to_owned(),
                false => account.base.clone(),
            };
            (account, name)
        }
        None => {
            let target = Target::open(&args.target, common, crate::entity::RATE_MAX)?;
            (prepare::account(&target.client, &wanted(&written), common)?, target.account)
        }
    };
    let plan = prepare::plan(&written, &table, account, prepare::ledger_of(common, &name, None, false))?;
    let select = Select { rows: args.rows, ..Select::default() };
    all(table, plan, &select, common)
}

/// Every problem there is.
pub fn all(table: Table, plan: Arc<Plan>, select: &Select, common: &Common) -> Result<Exit, Ended> {
    tell(table, plan, select, common, usize::MAX, !common.json)
}

/// Problems shown by a dry run; `check` lists them all.
const DRY_RUN_SHOWN: usize = 20;

pub fn dry_run(table: Table, plan: Arc<Plan>, select: &Select, common: &Common) -> Result<Exit, Ended> {
    tell(table, plan, select, common, DRY_RUN_SHOWN, false)
}

/// Walks the source and tells every problem, as data on stdout or as notes on stderr.
fn tell(
    table: Table,
    plan: Arc<Plan>,
    select: &Select,
    common: &Common,
    shown_max: usize,
    as_data: bool,
) -> Result<Exit, Ended> {
    let mut told = Told { source: Arc::clone(&plan.source), shown: 0, found: 0, max: shown_max, as_data };
    let (mut records, mut unchanged, mut rejected, mut skipped) = (0_u64, 0_u64, 0_u64, 0_u64);
    let rows = feed::walk(table, Mapper::new(Arc::clone(&plan), ""), select, |met| {
        match met {
            Met::Record { .. } => records += 1,
            Met::Local(outcome) if outcome.status == Status::Skipped => skipped += 1,
            Met::Local(outcome) if outcome.status == Status::Unchanged => unchanged += 1,
            Met::Local(outcome) => {
                rejected += 1;
                outcome.problems.iter().for_each(|problem| told.problem(outcome.row, problem));
            }
        }
        true
    })?;
    told.rest();
    let exit = if rejected > 0 { Exit::Rejected } else { Exit::Done };
    let some = |count: u64, what: &str| if count > 0 { format!(", {count} {what}") } else { String::new() };
    let rest = some(unchanged, "would change nothing") + &some(skipped, "skipped");
    // Several rows make one record, where they are grouped.
    let what = match (plan.groups.is_some(), records) {
        (false, _) => "of",
        (true, 1) => "record of",
        (true, _) => "records of",
    };
    // Of an exported workbook there are two such lines.
    let of = match plan.edits.get().map(|edits| &edits.rest) {
        Some(Edit::Same) => "changes: ",
        Some(Edit::Elsewhere) => "new rows: ",
        _ => "",
    };
    say::note(
        common,
        format!("{of}{records} {what} {rows} rows can be sent, {rejected} would be rejected{rest}; nothing was sent"),
    );
    if common.json {
        let mut counts = Counts::default();
        counts.add(Status::Rejected, rejected);
        counts.add(Status::Unchanged, unchanged);
        counts.add(Status::Skipped, skipped);
        counts.add(Status::Unprocessed, records);
        let json = json!({
            "schema": 1, "exit_code": exit as i64, "outcome": exit.outcome(), "kind": plan.kind.name(),
            "action": plan.action.name(), "source": {"path": plan.source.file, "rows": rows},
            "account": plan.account.base, "counts": counts, "problems": told.found,
        });
        say::data(&json.to_string());
    }
    Ok(exit)
}

struct Told {
    source: Arc<Source>,
    shown: usize,
    found: usize,
    max: usize,
    as_data: bool,
}

impl Told {
    fn problem(&mut self, row: u32, problem: &crate::store::StoredProblem) {
        self.found += 1;
        if self.shown >= self.max {
            return;
        }
        self.shown += 1;
        let line = say::told(&self.source, row, problem);
        if self.as_data {
            say::data(&line);
        } else {
            say::line(&line);
        }
    }

    fn rest(&self) {
        if self.found > self.shown {
            say::line(&format!("… and {} more problems; amoport check lists them all", self.found - self.shown));
        }
    }
}
