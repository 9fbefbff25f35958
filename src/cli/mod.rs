//! The program's edge: arguments in, exit code out. One verb a file; the only room that prints.

mod account;
mod after;
mod args;
mod ask;
mod backwards;
mod check;
mod config;
mod exit;
mod export;
mod import;
mod job;
mod peek;
mod prepare;
mod progress;
mod resume;
mod returned;
mod runs;
mod say;
mod serve;
mod target;
mod workbook;

use crate::problem::{Problem, Stage};
use args::{Cli, Common, MappingVerb, Verb};
use clap::Parser;
use exit::{Ended, Exit};
use serde_json::json;

/// Runs the program and returns its exit code.
pub fn main() -> i32 {
    // clap prints usage errors itself and ends with 2, as ours do.
    let cli = Cli::parse();
    // A panic is a fault of ours; the journal makes it as safe as a kill, and the exit code says so.
    let end = std::panic::catch_unwind(|| run(&cli.verb, &cli.common)).unwrap_or_else(|_| Err(fault()));
    match end {
        Ok(exit) => exit as i32,
        Err(ended) => {
            say::problems(&ended.problems);
            if cli.common.json {
                say::data(&failed(&ended).to_string());
            }
            ended.exit as i32
        }
    }
}

fn run(verb: &Verb, common: &Common) -> Result<Exit, Ended> {
    match verb {
        Verb::Peek(args) => peek::run(args, common),
        Verb::Import(args) => import::run(args, common),
        Verb::Check(args) => check::run(args, common),
        Verb::Resume(args) => resume::run(args, common),
        Verb::Runs => runs::list(common),
        Verb::Report(args) => runs::report(args, common),
        Verb::Export(args) => export::run(args, common),
        Verb::Account(args) => account::run(&args.verb, common),
        Verb::Auth(args) => account::auth(&args.verb, common),
        Verb::Sandbox(args) => serve::run(args, common),
        Verb::Mapping(args) => match args.verb {
            MappingVerb::Schema => {
                let schema = crate::mapping::schema::schema();
                say::data(&serde_json::to_string_pretty(&schema).unwrap_or_default());
                Ok(Exit::Done)
            }
        },
    }
}

fn fault() -> Ended {
    let problem = Problem::new(Stage::Reconcile, "fault", "amoport has made a mistake; nothing that was done is lost")
        .hint("go on with: amoport resume; and please report the lines above");
    Ended { exit: Exit::Fault, problems: vec![problem] }
}

/// What `--json` prints when there is no run to tell of.
fn failed(ended: &Ended) -> serde_json::Value {
    let problems: Vec<serde_json::Value> = ended
        .problems
        .iter()
        .map(|p| {
            let (message, hint) = (p.message.to_string(), p.hint.as_ref().map(ToString::to_string));
            json!({"code": p.code, "place": p.place.to_string(), "value": p.value, "message": message, "hint": hint})
        })
        .collect();
    json!({"schema": 1, "exit_code": ended.exit as i64, "outcome": ended.exit.outcome(), "problems": problems})
}
