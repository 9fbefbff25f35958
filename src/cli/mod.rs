//! The command line program: arguments in, text out, an exit code at the end. `args` parses the command line, `commands` call
//! the engine and print its results, `terminal` prints events and asks questions, `exit` has the exit codes.

mod terminal;
mod commands;
mod args;
mod exit;

use crate::engine::{EngineError, ErrorKind};
use args::{Cli, CommonArgs, Verb, usage};
use clap::Parser;
use commands::{account, check, export, go_on, import, peek, runs, starters};
use exit::Exit;
use serde_json::json;
use sheet_source::problem::{Problem, Stage};
use terminal::say;

/// Runs the program and returns its exit code.
pub fn main() -> i32 {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return usage::print_clap_error(&error),
    };
    // A panic is an internal error; the journal makes it as safe as a kill, and the exit code says so.
    let end = std::panic::catch_unwind(|| run(&cli.verb, &cli.common)).unwrap_or_else(|_| Err(internal_error()));
    match end {
        Ok(exit) => exit as i32,
        Err(error) => {
            say::problems(&error.problems);
            if let Some(command) = go_on::retry_command(&error, matches!(cli.verb, Verb::Import(_))) {
                say::line(&format!("to go on: {command}"));
            }
            let exit = Exit::of_error(error.kind);
            if cli.common.json {
                say::data(&error_json(exit, &error.problems).to_string());
            }
            exit as i32
        }
    }
}

fn run(verb: &Verb, common: &CommonArgs) -> Result<Exit, EngineError> {
    match verb {
        Verb::Peek(args) => peek::run(args, common),
        Verb::Import(args) => import::run(args, common),
        Verb::Check(args) => check::run(args, common),
        Verb::Resume(args) => import::resume(args, common),
        Verb::Runs(args) => runs::run(args, common),
        Verb::Report(args) => runs::report(args, common),
        Verb::Export(args) => export::run(args, common),
        Verb::Account(args) => account::run(&args.verb, common),
        Verb::Auth(args) => account::auth(&args.verb, common),
        #[cfg(feature = "sandbox")]
        Verb::Sandbox(args) => commands::sandbox::run(args, common),
        #[cfg(not(feature = "sandbox"))]
        Verb::Sandbox(_) => Err(crate::engine::no_sandbox()),
        Verb::Mapping(args) => starters::mapping(&args.verb, common),
        Verb::Sample(args) => starters::sample(args, common),
    }
}

fn internal_error() -> EngineError {
    let problem = Problem::new(Stage::Reconcile, "fault", "internal error; nothing that was done is lost")
        .hint("resume with: amoport resume; please report the lines above");
    EngineError::new(ErrorKind::Fault, problem)
}

/// What `--json` prints when there is no run.
fn error_json(exit: Exit, problems: &[Problem]) -> serde_json::Value {
    let problems: Vec<serde_json::Value> = problems.iter().map(say::json).collect();
    json!({"schema": 1, "exit_code": exit as i64, "outcome": exit.outcome(), "problems": problems})
}
