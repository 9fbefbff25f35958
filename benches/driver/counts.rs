//! Instructions of three fixed inputs, as `valgrind --tool=callgrind` counts them: a regression shows in them however noisy
//! the machine is.

use crate::bench::Bench;
use crate::gauge::take;
use crate::service::UNPACED;
use std::process::Command;

const ROWS: usize = 20_000;
const LEADS: usize = 5_000;

pub fn count(bench: &Bench) -> Result<String, String> {
    let service = bench.world(LEADS)?;
    service.restart(UNPACED, "{}")?;
    let check = |file: std::path::PathBuf| -> Result<Command, String> {
        let mut command = Command::new(&bench.amoport);
        command.arg("check").arg(file).arg("-m").arg(bench.mapping()).arg("--account-file").arg(bench.account()?);
        command.args(["--json", "--state"]).arg(bench.fresh("check")?);
        Ok(command)
    };
    let mut export = bench.program(&service)?;
    export.args(["export", "lead", "--account", &service.url, "--force", "--to"]).arg(bench.data.join("counted.xlsx"));
    export.arg("--state").arg(bench.fresh("check")?);
    let inputs = [
        (format!("dry run, CSV {ROWS} rows"), check(bench.csv(ROWS)?)?),
        (format!("dry run, XLSX {ROWS} rows"), check(bench.xlsx(ROWS)?)?),
        (format!("export to XLSX, {LEADS} leads"), export),
    ];
    let mut rows = vec!["| input | instructions | a row |".to_owned(), "| --- | --- | --- |".to_owned()];
    for (what, command) in inputs {
        let count = instructions(bench, &command)?;
        let of = if what.starts_with("export") { LEADS } else { ROWS };
        let row = format!("| {what} | {:.1} M | {:.0} |", count / 1e6, count / of as f64);
        eprintln!("{row}");
        rows.push(row);
    }
    Ok(rows.join("\n"))
}

fn instructions(bench: &Bench, command: &Command) -> Result<f64, String> {
    let prints = bench.data.join("counted");
    let mut valgrind = Command::new("valgrind");
    valgrind
        .arg("--tool=callgrind")
        .arg(format!("--callgrind-out-file={}", bench.data.join("callgrind.out").display()));
    valgrind.arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        valgrind.env(name, value.unwrap_or_default());
    }
    take(&mut valgrind, &prints)?;
    let told = std::fs::read_to_string(prints.with_extension("err")).unwrap_or_default();
    let collected = told.lines().find_map(|line| line.split_once("Collected : ")?.1.trim().parse().ok());
    collected.ok_or_else(|| format!("valgrind has counted nothing:\n{told}"))
}
