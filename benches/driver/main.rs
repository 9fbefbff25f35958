//! `benches/compare`: starts every contender in turn, several rounds, and says how the tool compares.

#![forbid(unsafe_code)]

mod bench;
mod counts;
mod data;
mod gauge;
mod groups;
mod page;
mod rounds;
mod seconds;
mod service;
mod yardstick;

use bench::Bench;
use rounds::Measured;
use seconds::Seconds;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

const HELP: &str = "benches/compare [--quick] [--only NAME…] [--rounds N] [--no-page] [--program FILE]
benches/compare --list      the names of what is measured; the first part of a name stands for all that begin with it
benches/compare --counts    instruction counts of three fixed inputs (needs valgrind)";

#[derive(Default)]
struct Asked {
    quick: bool,
    only: Vec<String>,
    rounds: Option<usize>,
    no_page: bool,
    counts: bool,
    list: bool,
    /// Another build of amoport.
    program: Option<PathBuf>,
}

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| arg != "--bench").collect();
    let done = match args.first().map(String::as_str) {
        Some("yardstick") => yardstick::run(&args[1..]),
        _ => asked(&args).and_then(|asked| compare(&asked)),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("{why}");
            ExitCode::FAILURE
        }
    }
}

fn asked(args: &[String]) -> Result<Asked, String> {
    let mut asked = Asked::default();
    let mut words = args.iter().peekable();
    while let Some(word) = words.next() {
        match word.as_str() {
            "--quick" => asked.quick = true,
            "--no-page" => asked.no_page = true,
            "--counts" => asked.counts = true,
            "--list" => asked.list = true,
            "--only" => {
                while let Some(name) = words.next_if(|word| !word.starts_with("--")) {
                    if !groups::ALL.iter().any(|entry| entry.is_named(name)) {
                        return Err(format!("there is no measurement \"{name}\"; see benches/compare --list"));
                    }
                    asked.only.push(name.clone());
                }
            }
            "--rounds" => {
                asked.rounds = words.next().and_then(|number| number.parse().ok()).filter(|number| *number > 0)
            }
            "--program" => {
                asked.program = Some(words.next().map(PathBuf::from).ok_or_else(|| HELP.to_owned())?);
            }
            _ => return Err(HELP.to_owned()),
        }
    }
    Ok(asked)
}

fn compare(asked: &Asked) -> Result<(), String> {
    if asked.list {
        groups::ALL.iter().for_each(|entry| println!("{}", entry.name));
        return Ok(());
    }
    let bench = Bench::new(asked.quick, asked.program.clone())?;
    let page = bench.root.join("docs/performance.md");
    if asked.counts {
        let table = counts::count(&bench)?;
        println!("{table}");
        return if asked.no_page { Ok(()) } else { page::between(&page, "counts", |_| table) };
    }
    let section = if asked.quick { "quick" } else { "full" };
    if !asked.no_page && asked.only.is_empty() {
        page::between(&page, &format!("{section} machine"), |_| page::machine())?;
    }
    let mut all: Vec<Measured> = Vec::new();
    let mut failed = Vec::new();
    for entry in
        groups::ALL.iter().filter(|entry| asked.only.is_empty() || asked.only.iter().any(|name| entry.is_named(name)))
    {
        let rounds = asked.rounds.unwrap_or(if asked.quick { entry.rounds.1 } else { entry.rounds.0 });
        eprintln!("== {}", entry.name);
        match measure(&bench, entry, rounds) {
            Ok(outcome) => {
                // After every group: whoever stops it keeps what was measured.
                if !asked.no_page {
                    let section = if entry.is_jobs() && !asked.quick { "jobs" } else { section };
                    outcome.publish(&page, section)?;
                }
                eprintln!("{}", page::shown(&outcome.measured));
                if !outcome.seconds.is_empty() {
                    eprintln!("{}", page::shown_seconds(&outcome.seconds));
                }
                all.extend(outcome.measured);
            }
            Err(why) => {
                eprintln!("{} was not measured: {why}", entry.name);
                failed.push(entry.name);
            }
        }
    }
    println!("{}", page::shown(&all));
    let missed: Vec<&str> = all.iter().filter(|line| line.missed).map(|line| line.name.as_str()).collect();
    if !missed.is_empty() {
        println!("\nmissed: {}", missed.join(", "));
    }
    if failed.is_empty() { Ok(()) } else { Err(format!("not measured: {}", failed.join(", "))) }
}

/// What came out of a group.
struct GroupOutcome {
    measured: Vec<Measured>,
    seconds: Vec<Seconds>,
    commands: Vec<(String, String)>,
}

impl GroupOutcome {
    fn publish(&self, page: &Path, section: &str) -> Result<(), String> {
        page::write(page, section, &self.measured)?;
        if section == "jobs" {
            page::between(page, "jobs machine", |_| page::machine())?;
        }
        if !self.seconds.is_empty() {
            page::write_seconds(page, &format!("{section} seconds"), &self.seconds)?;
        }
        page::write_commands(page, &self.commands)
    }
}

fn measure(bench: &Bench, entry: &groups::Entry, rounds: usize) -> Result<GroupOutcome, String> {
    let mut group = (entry.make)(bench)?;
    let taken = group.run(rounds, |line| eprintln!("   {line}"))?;
    let commands =
        group.contenders.iter().map(|one| (format!("{} {}", entry.name, one.name), one.command.clone())).collect();
    Ok(GroupOutcome { measured: group.measured(&taken), seconds: seconds::of(&group, &taken), commands })
}
