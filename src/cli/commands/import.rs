//! `amoport import` and `amoport resume`.

use crate::cli::args::requests;
use crate::cli::args::{CommonArgs, ImportArgs, ResumeArgs};
use crate::cli::commands::check;
use crate::cli::exit::Exit;
use crate::cli::terminal::listen::EventPrinter;
use crate::cli::terminal::signals;
use crate::engine::{self, Cancel, CheckRequest, EngineError, RunResult};

pub fn run(args: &ImportArgs, common: &CommonArgs) -> Result<Exit, EngineError> {
    let mut request = requests::import(args, common)?;
    if args.dry_run {
        return check::dry_run(&CheckRequest { import: request, snapshot: None }, common);
    }
    let mut printer = event_printer(common, &request.cancel).others(args.target.open.others());
    request.count = printer.shows_progress();
    let mut on_event = |event| printer.on_event(event);
    if request.mapping.is_some() {
        return Ok(exit_of(&engine::import(&request, &mut on_event)?));
    }
    let results = engine::round_trip(&request, &mut on_event)?;
    Ok(results.iter().map(exit_of).fold(Exit::Done, Exit::worse))
}

pub fn resume(args: &ResumeArgs, common: &CommonArgs) -> Result<Exit, EngineError> {
    let mut request = requests::resume(args, common)?;
    let mut printer = event_printer(common, &request.cancel)
        .token_file(args.target.token_file.as_deref())
        .others(args.target.open.others());
    request.count = printer.shows_progress();
    Ok(exit_of(&engine::resume(&request, &mut |event| printer.on_event(event))?))
}

/// An event printer, with signals that cancel its use case.
fn event_printer<'a>(common: &'a CommonArgs, cancel: &Cancel) -> EventPrinter<'a> {
    let printer = EventPrinter::new(common);
    signals::handle_signals(cancel, printer.run_started());
    printer
}

fn exit_of(result: &RunResult) -> Exit {
    Exit::of_code(result.summary.exit_code)
}
