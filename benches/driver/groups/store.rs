//! The journal: what noting costs, and how soon a run with many outcomes goes on.

use super::start::until_records;
use super::{count, group, line, rss, told, wall, wall_of};
use crate::bench::Bench;
use crate::rounds::{Contender, Group, Round};
use crate::service::Service;
use std::path::Path;
use std::process::Command;

pub fn journal(bench: &Bench) -> Result<Group<'_>, String> {
    let batches = bench.rows(4_000, 1_000).to_string();
    let mut append = bench.yardstick("append");
    append.arg(bench.data.join("appended")).arg(&batches);
    let mut store = bench.yardstick("journal");
    store.arg(bench.data.join("journal")).arg(&batches);
    let shown = bench.shown(&store);
    let take = move || {
        bench.fresh("journal")?;
        bench.take(&mut store)
    };
    let contenders = vec![bench.contender("append", append), Contender::new("journal", shown, take)];
    let what = format!("journal, {batches} batches of 250, wall");
    let lines = vec![
        (
            "",
            line("journal", &what, "append + fdatasync", wall("journal", "append"))
                .beside("append", wall_of)
                .at_most(2.5, 1.2),
        ),
        (
            "",
            line("journal-size", "the same, bytes on the disk", "the same", |round| {
                round["journal"].told("size") / round["append"].told("size")
            }),
        ),
    ];
    Ok(group(contenders, lines))
}

/// Rows that are left when the run goes on.
const LEFT: usize = 1_000;

pub fn resume(bench: &Bench) -> Result<Group<'_>, String> {
    let rows = bench.rows(1_000_000, 100_000);
    let file = bench.csv(rows)?;
    let service = bench.service("resume-world")?;
    interrupted(bench, &service, &file, rows - LEFT)?;
    let kept = bench.fresh("resume-kept")?;
    let state = bench.data.join("resume");
    copy(&state, &kept)?;
    let mut pass = bench.yardstick("csv-pass");
    pass.arg(&file);
    let shown = bench.shown(&resumed(bench, &service, &state)?);
    let take = move || {
        copy(&kept, &bench.fresh("resume")?)?;
        service.reset("{}", "{}")?;
        until_records(&service, resumed(bench, &service, &state)?)
    };
    let contenders = vec![bench.contender("csv-pass", pass), Contender::new("resume", shown, take)];
    let what = format!("resume with {} outcomes, to the first new records", count(rows - LEFT));
    let over = |round: &Round| round["resume"].told("beyond_pace_ms") / 1e3 / round["csv-pass"].wall;
    let lines = vec![
        ("", line("resume", &what, "csv ByteRecord pass, wall", over).beside("csv-pass", wall_of).at_most(3.0, 1.5)),
        ("", line("resume-ms", &what, "–", told("resume", "records_ms")).unit(" ms")),
        ("", line("resume-memory", &what, "–", rss("resume")).unit(" MB")),
    ];
    Ok(group(contenders, lines))
}

fn resumed(bench: &Bench, service: &Service, folder: &Path) -> Result<Command, String> {
    let mut command = bench.program(service)?;
    command.arg("resume").arg("--state").arg(folder.join("state")).arg("--runs").arg(folder.join("runs"));
    Ok(command)
}

/// Begins a run, kills it, and fills its journal: what an import that was stopped late leaves behind.
fn interrupted(bench: &Bench, service: &Service, file: &Path, outcomes: usize) -> Result<(), String> {
    let folder = bench.fresh("resume")?;
    let mut import = bench.program(service)?;
    import.arg("import").arg(file).arg("-m").arg(bench.mapping()).args(["--account", &service.url]);
    import.arg("--state").arg(folder.join("state")).arg("--runs").arg(folder.join("runs"));
    until_records(service, import)?;
    let mut fill = bench.yardstick("outcomes");
    fill.arg(folder.join("state")).arg(outcomes.to_string());
    bench.take(&mut fill)?;
    Ok(())
}

/// A folder of folders and files.
fn copy(from: &Path, to: &Path) -> Result<(), String> {
    let told = |e: std::io::Error| format!("{}: {e}", from.display());
    std::fs::create_dir_all(to).map_err(told)?;
    for entry in std::fs::read_dir(from).map_err(told)? {
        let (path, name) = entry.map(|entry| (entry.path(), entry.file_name())).map_err(told)?;
        if path.is_dir() {
            copy(&path, &to.join(name))?;
        } else {
            std::fs::copy(&path, to.join(name)).map_err(told)?;
        }
    }
    Ok(())
}
