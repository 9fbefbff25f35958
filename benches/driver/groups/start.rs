//! From the start of the process to the first thing it does.

use super::{count, group, line, told, wall_of};
use crate::bench::Bench;
use crate::gauge::{Running, Taken, named};
use crate::rounds::{Contender, Group};
use crate::service::{Entry, Service};
use std::path::Path;
use std::process::{Command, Stdio};
use std::rc::Rc;

/// The earliest that the request after so many others can go out: 140 ms apart, seven in 1.022 s.
fn paced_ms(before: usize) -> f64 {
    (before / 7) as f64 * 1_022.0 + (before % 7) as f64 * 140.0
}

/// Starts a command, lets it go on until its first records arrive, ends it. Told are milliseconds from its start: to its
/// first request, to its first records, and what of the latter the pace does not account for.
pub fn until_records(service: &Service, mut command: Command) -> Result<Taken, String> {
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let mut running = Running::start(&mut command)?;
    let started_ms = running.started_ms;
    let came = service.await_records(|| running.has_ended())?;
    if !came {
        return Err(format!("{} ended without having sent anything", named(&command)));
    }
    let log = service.log()?;
    let mut taken = running.kill()?;
    let records = log.iter().position(Entry::brings_records).ok_or("the first records are not in the log")?;
    let mut tell = |name: &str, value: f64| {
        taken.told.insert(name.to_owned(), value);
    };
    tell("first_ms", log[0].at_ms - started_ms);
    tell("records_ms", log[records].at_ms - started_ms);
    tell("beyond_pace_ms", log[records].at_ms - started_ms - paced_ms(records));
    tell("requests_before", records as f64);
    Ok(taken)
}

fn import(bench: &Bench, service: &Service, file: &Path) -> Result<Command, String> {
    let folder = bench.fresh("first")?;
    let mut command = bench.program(service)?;
    command.arg("import").arg(file).arg("-m").arg(bench.mapping()).args(["--account", &service.url]);
    command.arg("--state").arg(folder.join("state")).arg("--runs").arg(folder.join("runs"));
    Ok(command)
}

pub fn first_request(bench: &Bench) -> Result<Group<'_>, String> {
    let rows = bench.rows(1_000_000, 100_000);
    let (csv, xlsx) = (bench.csv(rows)?, bench.xlsx(rows)?);
    let service = Rc::new(bench.service("first-world")?);
    let mut open = bench.yardstick("calamine-open");
    open.arg(&xlsx);
    let contender = |name, file: &Path| {
        let (service, file) = (Rc::clone(&service), file.to_owned());
        let shown = bench.shown(&import(bench, &service, &file)?);
        let take = move || {
            service.reset("{}", "{}")?;
            until_records(&service, import(bench, &service, &file)?)
        };
        Ok::<_, String>(Contender::new(name, shown, take))
    };
    let contenders = vec![contender("csv", &csv)?, contender("xlsx", &xlsx)?, bench.contender("calamine-open", open)];
    let of = |kind: &str, what: &str| format!("time to the first {what}, {kind} {} rows", count(rows));
    let over = |what: &'static str| {
        move |round: &crate::rounds::Round| round["xlsx"].told(what) / 1e3 / round["calamine-open"].wall
    };
    let parse = "parsing the shared strings";
    let lines = vec![
        ("", line("first-csv", &of("CSV", "request"), "–", told("csv", "first_ms")).unit(" ms").at_most(150.0, 30.0)),
        (
            "",
            line(
                "first-csv-records",
                &of("CSV", "records sent, the pace's waits apart"),
                "–",
                told("csv", "beyond_pace_ms"),
            )
            .unit(" ms")
            .at_most(150.0, 30.0),
        ),
        ("", line("first-csv-all", &of("CSV", "records sent"), "–", told("csv", "records_ms")).unit(" ms")),
        (
            "",
            line("first-xlsx", &of("XLSX", "request"), parse, over("first_ms"))
                .beside("calamine-open", wall_of)
                .at_most(1.3, 1.1),
        ),
        (
            "",
            line(
                "first-xlsx-records",
                &of("XLSX", "records sent, the pace's waits apart"),
                parse,
                over("beyond_pace_ms"),
            )
            .beside("calamine-open", wall_of)
            .at_most(1.3, 1.1),
        ),
    ];
    Ok(group(contenders, lines))
}

/// Starts of which one figure is taken.
const STARTS: usize = 20;

pub fn start(bench: &Bench) -> Result<Group<'_>, String> {
    let mut version = Command::new(&bench.amoport);
    version.arg("--version");
    let shown = bench.shown(&version);
    let size = std::fs::metadata(&bench.amoport).map_err(|e| format!("{}: {e}", bench.amoport.display()))?.len();
    let take = move || {
        let mut walls = Vec::new();
        let mut taken = Taken::default();
        for _ in 0..STARTS {
            taken = bench.take(&mut version)?;
            walls.push(taken.wall * 1e3);
        }
        walls.sort_by(f64::total_cmp);
        taken.told.insert("start_ms".to_owned(), walls[STARTS / 2]);
        taken.told.insert("size_mb".to_owned(), size as f64 / 1e6);
        Ok(taken)
    };
    let lines = vec![
        (
            "",
            line("start", "`amoport --version`, median of 20", "–", told("version", "start_ms"))
                .unit(" ms")
                .at_most(20.0, 5.0),
        ),
        ("", line("size", "stripped release", "–", told("version", "size_mb")).unit(" MB").at_most(24.0, 14.0)),
    ];
    Ok(group(vec![Contender::new("version", shown, take)], lines))
}
