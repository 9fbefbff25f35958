//! `amoport runs` and `amoport report`: lists or abandons runs, and writes their reports again.

use crate::cli::args::requests;
use crate::cli::args::{CommonArgs, ReportArgs, RunsArgs};
use crate::cli::exit::Exit;
use crate::cli::terminal::listen::EventPrinter;
use crate::cli::terminal::progress::format_counts;
use crate::cli::terminal::say;
use crate::cli::terminal::signals;
use crate::engine::{self, AbandonRequest, Cancel, EngineError};

pub fn run(args: &RunsArgs, common: &CommonArgs) -> Result<Exit, EngineError> {
    let Some(run) = &args.abandon else { return list(common) };
    let cancel = Cancel::new();
    let target = requests::target(&args.target, &cancel)?;
    let request = AbandonRequest { target, cancel, ..AbandonRequest::new(run, requests::folders(common)?) };
    let mut printer = EventPrinter::new(common);
    signals::handle_signals(&request.cancel, printer.run_started());
    let result = engine::abandon(&request, &mut |event| printer.on_event(event))?;
    Ok(Exit::of_code(result.summary.exit_code))
}

fn list(common: &CommonArgs) -> Result<Exit, EngineError> {
    let runs = engine::runs(&requests::folders(common)?)?;
    if common.json {
        say::data(&serde_json::json!({"schema": 1, "exit_code": 0, "runs": runs}).to_string());
        return Ok(Exit::Done);
    }
    for run in &runs {
        let counts = format_counts(&run.counts);
        if !say::data(&format!("{}  {}  {}  {counts}", run.run, run.outcome, run.source.path)) {
            break;
        }
    }
    if runs.is_empty() {
        say::note(common, "nothing has been imported from this folder");
    }
    Ok(Exit::Done)
}

pub fn report(args: &ReportArgs, common: &CommonArgs) -> Result<Exit, EngineError> {
    let request = requests::report(args, common)?;
    let mut printer = EventPrinter::new(common);
    engine::report(&request, &mut |event| printer.on_event(event))?;
    Ok(Exit::Done)
}
