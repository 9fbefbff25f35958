//! `amoport runs` and `amoport report`: what was done, and its reports made again from the store.

use super::args::{Common, ReportArgs};
use super::exit::{Ended, Exit};
use super::progress::told;
use super::{job, say};
use crate::report::Summary;
use crate::store::{Run, Store, Word};
use std::path::Path;

pub fn list(common: &Common) -> Result<Exit, Ended> {
    let store = Store::open(&common.state)?;
    let runs = store.runs()?;
    if common.json {
        let mut summaries = Vec::new();
        for run in &runs {
            summaries.push(Summary::of(run, store.counts(run.run)?, store.links(run.run)?, &[]));
        }
        say::data(&serde_json::json!({"schema": 1, "exit_code": 0, "runs": summaries}).to_string());
        return Ok(Exit::Done);
    }
    for run in &runs {
        let counts = told(&store.counts(run.run)?);
        if !say::data(&format!("{}  {}  {}  {counts}", run.name, run.outcome.word(), run.head.source.path)) {
            break;
        }
    }
    if runs.is_empty() {
        say::note(common, "nothing was imported from this folder yet");
    }
    Ok(Exit::Done)
}

pub fn report(args: &ReportArgs, common: &Common) -> Result<Exit, Ended> {
    let store = Store::open(&common.state)?;
    let run = find(&store, args.run.as_deref())?;
    let folder = Path::new(&run.head.folder).to_owned();
    job::make_folder(&folder)?;
    job::close(&store, run.run, &folder, common)?;
    Ok(Exit::Done)
}

fn find(store: &Store, name: Option<&str>) -> Result<Run, Ended> {
    let found = match name {
        Some(name) => store.run_named(name)?,
        None => store.runs()?.into_iter().next(),
    };
    found.ok_or_else(|| {
        let message = name.map_or("there are no runs here".to_owned(), |name| format!("there is no run \"{name}\""));
        Ended::usage("no-run", message, "see: amoport runs")
    })
}
