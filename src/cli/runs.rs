//! `amoport runs` and `amoport report`: what was done, and its reports made again from the store.

use super::args::{Common, ReportArgs};
use super::exit::Exit;
use super::listen::Listener;
use super::progress::counted;
use super::{requests, say};
use crate::engine::{self, EngineError, ReportRequest};

pub fn list(common: &Common) -> Result<Exit, EngineError> {
    let runs = engine::runs(&requests::folders(common))?;
    if common.json {
        say::data(&serde_json::json!({"schema": 1, "exit_code": 0, "runs": runs}).to_string());
        return Ok(Exit::Done);
    }
    for run in &runs {
        let counts = counted(&run.counts);
        if !say::data(&format!("{}  {}  {}  {counts}", run.run, run.outcome, run.source.path)) {
            break;
        }
    }
    if runs.is_empty() {
        say::note(common, "nothing was imported from this folder yet");
    }
    Ok(Exit::Done)
}

pub fn report(args: &ReportArgs, common: &Common) -> Result<Exit, EngineError> {
    let request = ReportRequest { run: args.run.clone(), folders: requests::folders(common) };
    let mut listener = Listener::new(common);
    engine::report(&request, &mut |event| listener.hear(event))?;
    Ok(Exit::Done)
}
