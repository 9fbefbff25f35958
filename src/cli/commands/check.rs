//! `amoport check`, and the dry run: prints what the engine found.

use crate::cli::args::requests;
use crate::cli::args::{CheckArgs, CommonArgs};
use crate::cli::exit::Exit;
use crate::cli::terminal::listen::EventPrinter;
use crate::cli::terminal::say;
use crate::engine::{self, CheckRequest, CheckResult, EngineError, Event, WorkbookRun};
use serde_json::json;
use sheet_source::problem::Problem;

pub fn run(args: &CheckArgs, common: &CommonArgs) -> Result<Exit, EngineError> {
    let request = requests::check(args, common)?;
    print_check(&request, common, CheckPrinter { max: usize::MAX, as_data: !common.json, shown: 0 })
}

/// Problems shown by a dry run; `check` lists them all.
const DRY_RUN_SHOWN: usize = 20;

pub fn dry_run(request: &CheckRequest, common: &CommonArgs) -> Result<Exit, EngineError> {
    print_check(request, common, CheckPrinter { max: DRY_RUN_SHOWN, as_data: false, shown: 0 })
}

/// Prints problems, on stdout as data or on stderr as notes.
struct CheckPrinter {
    max: usize,
    as_data: bool,
    shown: usize,
}

impl CheckPrinter {
    fn print_problem(&mut self, problem: &Problem) {
        if self.shown >= self.max {
            return;
        }
        self.shown += 1;
        let line = problem.to_string();
        if self.as_data {
            say::data(&line);
        } else {
            say::line(&line);
        }
    }

    fn print_rest(&mut self, found: u64) {
        let more = found.saturating_sub(self.shown as u64);
        if more > 0 {
            say::line(&format!("… and {more} more problems; amoport check lists them all"));
        }
        self.shown = 0;
    }
}

fn print_check(request: &CheckRequest, common: &CommonArgs, mut problems: CheckPrinter) -> Result<Exit, EngineError> {
    let mut printer = EventPrinter::new(common);
    let checked = engine::check(request, &mut |event| match event {
        Event::Problem(problem) => problems.print_problem(&problem),
        Event::Checked(checked) => {
            problems.print_rest(checked.problems);
            print_result(&checked, common);
        }
        other => printer.on_event(other),
    })?;
    Ok(checked.iter().map(exit_of).fold(Exit::Done, Exit::worse))
}

fn exit_of(checked: &CheckResult) -> Exit {
    match checked.rejected {
        _ if !checked.refused.is_empty() => Exit::Usage,
        _ if checked.over_budget => Exit::Budget,
        0 => Exit::Done,
        _ => Exit::Rejected,
    }
}

fn print_result(checked: &CheckResult, common: &CommonArgs) {
    let CheckResult { rows, records, rejected, .. } = checked;
    let some = |count: u64, what: &str| if count > 0 { format!(", {count} {what}") } else { String::new() };
    let rest = some(checked.unchanged, "would change nothing") + &some(checked.skipped, "skipped");
    let what = match (checked.grouped, records) {
        (false, _) => "of",
        (true, 1) => "record of",
        (true, _) => "records of",
    };
    let of = match checked.part {
        Some(WorkbookRun::Changes) => "changes: ",
        Some(WorkbookRun::NewRows) => "new rows: ",
        None => "",
    };
    say::note(
        common,
        format!("{of}{records} {what} {rows} rows can be sent, {rejected} would be rejected{rest}; nothing was sent"),
    );
    say::problems(&checked.refused);
    if common.json {
        let exit = exit_of(checked);
        let mut json = json!({
            "schema": 1, "exit_code": exit as i64, "outcome": exit.outcome(), "kind": checked.kind.name(),
            "action": checked.action.name(), "source": {"path": checked.source, "rows": rows},
            "account": checked.account, "account_id": checked.account_id, "counts": checked.counts(), "problems": checked.problems,
            "notes": checked.notes,
        });
        if !checked.refused.is_empty() {
            json["refused"] = checked.refused.iter().map(say::json).collect();
        }
        say::data(&json.to_string());
    }
}
