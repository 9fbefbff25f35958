//! `amoport import` and `amoport resume`: the main job, and going on with it.

use crate::cli::args::requests;
use crate::cli::args::{CommonArgs, ImportArgs, ResumeArgs};
use crate::cli::commands::check;
use crate::cli::exit::Exit;
use crate::cli::terminal::listen::Listener;
use crate::cli::terminal::signals;
use crate::engine::{self, Cancel, CheckRequest, EngineError, RunResult};

pub fn run(args: &ImportArgs, common: &CommonArgs) -> Result<Exit, EngineError> {
    let mut request = requests::import(args, common)?;
    if args.dry_run {
        return check::dry_run(&CheckRequest { import: request, snapshot: None }, common);
    }
    let mut listener = listening(common, &request.cancel).others(args.target.open.others());
    request.count = listener.shows_progress();
    let mut hear = |event| listener.hear(event);
    if request.mapping.is_some() {
        return Ok(exit(&engine::import(&request, &mut hear)?));
    }
    let results = engine::round_trip(&request, &mut hear)?;
    Ok(results.iter().map(exit).fold(Exit::Done, Exit::worse))
}

pub fn resume(args: &ResumeArgs, common: &CommonArgs) -> Result<Exit, EngineError> {
    let mut request = requests::resume(args, common)?;
    let mut listener = listening(common, &request.cancel)
        .token_file(args.target.token_file.as_deref())
        .others(args.target.open.others());
    request.count = listener.shows_progress();
    Ok(exit(&engine::resume(&request, &mut |event| listener.hear(event))?))
}

/// A listener, with signals that stop what it listens to.
fn listening<'a>(common: &'a CommonArgs, cancel: &Cancel) -> Listener<'a> {
    let listener = Listener::new(common);
    signals::listen(cancel, listener.sending());
    listener
}

fn exit(result: &RunResult) -> Exit {
    Exit::of_code(result.summary.exit_code)
}
