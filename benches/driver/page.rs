//! The table, on the terminal and in `docs/performance.md`: what was measured now takes the place of the same lines
//! there, other lines stay.

use crate::rounds::Measured;
use crate::seconds::{self, Seconds};
use std::path::Path;

const TITLES: &str = "| line | what | against | measured: median (least – most; rounds) | must | aim | verdict |";
const RULE: &str = "| --- | --- | --- | --- | --- | --- | --- |";

pub fn shown(lines: &[Measured]) -> String {
    let rows: Vec<String> = lines.iter().map(row).collect();
    format!("{TITLES}\n{RULE}\n{}", rows.join("\n"))
}

fn row(line: &Measured) -> String {
    format!("| {} |", line.cells.join(" | "))
}

/// Where the seconds of each job went.
pub fn shown_seconds(jobs: &[Seconds]) -> String {
    let rows: Vec<String> = jobs.iter().map(|job| format!("| {} |", job.cells().join(" | "))).collect();
    format!("{}\n{}", seconds::TITLES, rows.join("\n"))
}

/// Puts the lines between the markers of this kind of run.
pub fn write(page: &Path, section: &str, lines: &[Measured]) -> Result<(), String> {
    merge(page, section, &format!("{TITLES}\n{RULE}"), lines.iter().map(row))
}

pub fn write_seconds(page: &Path, section: &str, jobs: &[Seconds]) -> Result<(), String> {
    let rows = jobs.iter().map(|job| format!("| {} |", job.cells().join(" | ")));
    merge(page, section, seconds::TITLES, rows)
}

/// Rows of the same name take the place of those that are there.
fn merge(page: &Path, section: &str, titles: &str, fresh: impl Iterator<Item = String>) -> Result<(), String> {
    between(page, section, |old| {
        let mut rows: Vec<String> = old.lines().skip(2).map(str::to_owned).collect();
        for row in fresh {
            match rows.iter_mut().find(|old| name(old) == name(&row)) {
                Some(old) => *old = row,
                None => rows.push(row),
            }
        }
        format!("{titles}\n{}", rows.join("\n"))
    })
}

/// The commands of groups that were run, a line for each contender.
pub fn write_commands(page: &Path, commands: &[(String, String)]) -> Result<(), String> {
    between(page, "commands", |old| {
        let split = |line: &str| line.split_once(": ").map(|(name, command)| (name.to_owned(), command.to_owned()));
        let mut all: Vec<(String, String)> =
            old.lines().filter(|line| !line.starts_with("```")).filter_map(split).collect();
        for (name, command) in commands {
            match all.iter_mut().find(|(known, _)| known == name) {
                Some((_, old)) => old.clone_from(command),
                None => all.push((name.clone(), command.clone())),
            }
        }
        let lines: Vec<String> = all.into_iter().map(|(name, command)| format!("{name}: {command}")).collect();
        format!("```text\n{}\n```", lines.join("\n"))
    })
}

/// What it was measured on, and what else that was doing.
pub fn machine() -> String {
    let read = |file: &str| std::fs::read_to_string(file).unwrap_or_default();
    let of = |text: &str, key: &str| {
        let line = text.lines().find(|line| line.starts_with(key)).and_then(|line| line.split_once(':'));
        line.map_or("unknown".to_owned(), |(_, value)| value.trim().to_owned())
    };
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let (cpu, memory) = (of(&read("/proc/cpuinfo"), "model name"), of(&read("/proc/meminfo"), "MemTotal"));
    let load = read("/proc/loadavg").split(' ').next().unwrap_or("unknown").to_owned();
    format!("{cores} cores ({cpu}), memory {memory}, {}; load {load} at the start.", std::env::consts::OS)
}

/// Changes what stands between `<!-- name -->` and `<!-- /name -->`.
pub fn between(page: &Path, name: &str, change: impl FnOnce(&str) -> String) -> Result<(), String> {
    let text = std::fs::read_to_string(page).map_err(|e| format!("{}: {e}", page.display()))?;
    let (open, close) = (format!("<!-- {name} -->\n"), format!("<!-- /{name} -->"));
    let missing = || format!("{} has no place between {} and {close}", page.display(), open.trim_end());
    let (before, rest) = text.split_once(&open).ok_or_else(missing)?;
    let (old, after) = rest.split_once(&close).ok_or_else(missing)?;
    let text = format!("{before}{open}{}\n{close}{after}", change(old.trim_end()));
    std::fs::write(page, text).map_err(|e| format!("{}: {e}", page.display()))
}

fn name(row: &str) -> Option<String> {
    Some(row.strip_prefix('|')?.split('|').next()?.trim().to_owned())
}
