//! Uploads as the sandbox sees them arrive: how near to the ceiling, never above it, and what it costs the machine.

use super::{count, group, growth as grows, joined, line, rss, told};
use crate::bench::Bench;
use crate::rounds::{Contender, Group, Line};
use crate::service::{Service, UNPACED, latency, records_a_second};
use std::process::Command;
use std::rc::Rc;

/// Records of a request.
const BATCH: usize = 250;
const CEILING: f64 = 7.0 * BATCH as f64;
/// What the service counts is not known: the one and the other, by turns.
const COUNTED: [&str; 2] = [r#"{"throttled_count": false}"#, r#"{"throttled_count": true}"#];

/// A command that uploads into an empty world, and what the sandbox saw of it.
fn watched<'a>(
    bench: &'a Bench,
    name: &'static str,
    service: &Rc<Service>,
    faults: &str,
    mut command: Command,
) -> Contender<'a> {
    let (service, faults, shown) = (Rc::clone(service), faults.to_owned(), bench.shown(&command));
    let mut round = 0;
    let take = move || {
        service.reset(COUNTED[round % 2], &faults)?;
        round += 1;
        bench.fresh("upload")?;
        // A 429 of the round before is remembered there.
        bench.fresh("rate")?;
        let mut taken = bench.take(&mut command)?;
        let stats = service.stats()?;
        let number = |key: &str| stats[key].as_f64().unwrap_or(f64::NAN);
        let log = service.log()?;
        taken.told.insert("rows_a_second".to_owned(), records_a_second(&log));
        taken.told.insert("throttled".to_owned(), number("throttled"));
        taken.told.insert("worst_second".to_owned(), number("worst_sliding_second"));
        let batches = || log.iter().filter(|entry| entry.brings_records());
        if let (Some(first), Some(last)) = (batches().next(), batches().next_back()) {
            taken.told.insert("cpu_while_sending".to_owned(), taken.share(first.at_ms, last.at_ms));
        }
        Ok(taken)
    };
    Contender::new(name, shown, take)
}

/// The program itself, with a state of its own each time.
fn import(bench: &Bench, service: &Service, rows: usize, batch: &str) -> Result<Command, String> {
    let mut command = bench.program(service)?;
    command.arg("import").arg(bench.csv(rows)?).arg("-m").arg(bench.mapping());
    command.args(["--account", &service.url, "--batch", batch, "--quiet", "--no-progress"]);
    command.arg("--state").arg(bench.data.join("upload/state")).arg("--runs").arg(bench.data.join("upload/runs"));
    Ok(command)
}

/// One request in flight, at the pace of the tool.
fn one_in_flight(bench: &Bench, service: &Service, rows: usize) -> Result<Command, String> {
    let mut command = bench.yardstick("upload");
    command.arg(&service.url).arg(&service.token).arg(bench.csv(rows)?).arg(bench.mapping());
    command.arg(bench.data.join("upload")).args([&rows.to_string(), "1", "1"]);
    Ok(command)
}

struct Asked {
    /// Names of the lines: rate, throttled, worst second, CPU, CPU of it all, memory; and against one in flight.
    names: [&'static str; 7],
    answers: &'static str,
    latency: (u64, u64),
    /// Against one in flight: must and aim, and how many requests that one makes.
    one: Option<(f64, f64, usize)>,
    /// The clients from elsewhere as well.
    peers: bool,
}

fn upload(bench: &Bench, asked: Asked) -> Result<Group<'_>, String> {
    let service = Rc::new(bench.service("upload-world")?);
    let rows = bench.rows(50_000, 12_500);
    let faults = latency(asked.latency.0, asked.latency.1);
    let mut own = vec![watched(bench, "import", &service, &faults, import(bench, &service, rows, "250")?)];
    let mut peers = Vec::new();
    if let Some((.., requests)) = asked.one {
        let requests = bench.rows(requests, requests / 3);
        let command = one_in_flight(bench, &service, requests * BATCH)?;
        own.push(watched(bench, "one-in-flight", &service, &faults, command));
    }
    if let Some(python) = bench.python.as_ref().filter(|_| asked.peers) {
        for client in ["aioamocrm", "amochka"] {
            let mut command = Command::new(python);
            command.arg(bench.root.join("benches/peers/upload.py")).args([client, &service.url, "5000", "250"]);
            command.env("AMOPORT_TOKEN", &service.token);
            peers.push(Some(watched(bench, client, &service, &faults, command)));
        }
    }
    Ok(group(joined(own, peers), lines(&asked, rows)))
}

fn lines(asked: &Asked, rows: usize) -> Vec<(&'static str, Line)> {
    let what = format!("upload of {} rows, `--batch 250`, answers {}", count(rows), asked.answers);
    let [rate, throttled, worst, cpu, all, memory, one] = asked.names;
    let of_ceiling = |round: &crate::rounds::Round| round["import"].told("rows_a_second") / CEILING * 100.0;
    let whole = |round: &crate::rounds::Round| round["import"].cpu / round["import"].wall * 100.0;
    let mut lines = vec![
        ("", line(rate, &what, "7 a second × 250", of_ceiling).unit(" %").at_least(97.0, 97.7)),
        ("", line(throttled, &what, "requests throttled", told("import", "throttled")).unit("").at_most(0.0, 0.0)),
        ("", line(worst, &what, "most in a sliding second", told("import", "worst_second")).unit("").at_most(7.0, 7.0)),
        (
            "",
            line(
                cpu,
                &format!("{what}, CPU from the first batch to the last"),
                "one core",
                told("import", "cpu_while_sending"),
            )
            .unit(" %")
            .at_most(5.0, 1.5),
        ),
        ("", line(all, "the same, with the start and the reports", "one core", whole).unit(" %")),
        ("", line(memory, &format!("{what}, memory"), "–", rss("import")).unit(" MB").at_most(64.0, 64.0)),
    ];
    let over = |other: &'static str| {
        move |round: &crate::rounds::Round| round["import"].told("rows_a_second") / round[other].told("rows_a_second")
    };
    if let Some((must, aim, _)) = asked.one {
        lines.push(("one-in-flight", line(one, &what, "one in flight", over("one-in-flight")).at_least(must, aim)));
    }
    if asked.peers {
        let names = if asked.latency.0 == asked.latency.1 {
            ["upload-1s-batch-250-aioamocrm", "upload-1s-batch-250-amochka"]
        } else {
            ["upload-uneven-batch-250-aioamocrm", "upload-uneven-batch-250-amochka"]
        };
        lines.push(("aioamocrm", line(names[0], &what, "aioamocrm, batches of 250", over("aioamocrm"))));
        lines.push(("amochka", line(names[1], &what, "amochka, batches of 250", over("amochka"))));
    }
    lines
}

pub fn steady(bench: &Bench) -> Result<Group<'_>, String> {
    let names = [
        "upload-300ms-batch-250",
        "upload-300ms-batch-250-throttled",
        "upload-300ms-batch-250-second",
        "upload-300ms-batch-250-cpu",
        "upload-300ms-batch-250-cpu-all",
        "upload-300ms-batch-250-memory",
        "upload-300ms-batch-250-one",
    ];
    upload(bench, Asked { names, answers: "0.3 s", latency: (300, 300), one: None, peers: false })
}

pub fn slow(bench: &Bench) -> Result<Group<'_>, String> {
    let names = [
        "upload-1s-batch-250",
        "upload-1s-batch-250-throttled",
        "upload-1s-batch-250-second",
        "upload-1s-batch-250-cpu",
        "upload-1s-batch-250-cpu-all",
        "upload-1s-batch-250-memory",
        "upload-1s-batch-250-one",
    ];
    upload(bench, Asked { names, answers: "1 s", latency: (1_000, 1_000), one: Some((6.5, 6.9, 30)), peers: true })
}

pub fn uneven(bench: &Bench) -> Result<Group<'_>, String> {
    let names = [
        "upload-uneven-batch-250",
        "upload-uneven-batch-250-throttled",
        "upload-uneven-batch-250-second",
        "upload-uneven-batch-250-cpu",
        "upload-uneven-batch-250-cpu-all",
        "upload-uneven-batch-250-memory",
        "upload-uneven-batch-250-one",
    ];
    let one = Some((11.0, 12.5, 120));
    upload(bench, Asked { names, answers: "0.3 – 3 s", latency: (300, 3_000), one, peers: true })
}

/// The library's upload without the pace; the sandbox's own work is in another process and does not count.
pub fn growth(bench: &Bench) -> Result<Group<'_>, String> {
    let sizes = if bench.quick { [10_000, 30_000, 50_000] } else { [10_000, 100_000, 1_000_000] };
    let names = ["few", "some", "many"];
    let service = Rc::new(bench.service("upload-world")?);
    let mut contenders = Vec::new();
    for (name, rows) in names.into_iter().zip(sizes) {
        let mut command = bench.yardstick("upload");
        command.arg(&service.url).arg(&service.token).arg(bench.csv(rows)?).arg(bench.mapping());
        command.arg(bench.data.join("upload")).args([&rows.to_string(), "100000", "24"]);
        let (service, shown) = (Rc::clone(&service), bench.shown(&command));
        let take = move || {
            service.reset(UNPACED, "{}")?;
            bench.fresh("upload")?;
            bench.take(&mut command)
        };
        contenders.push(Contender::new(name, shown, take));
    }
    let what = format!("CPU per row as work grows, unpaced import, to {}", count(sizes[2]));
    let against = format!("{} → {}", count(sizes[0]), count(sizes[1]));
    let lines = vec![
        ("", line("growth-upload", &what, &against, grows(names, sizes)).at_most(1.15, 1.05)),
        (
            "",
            line("growth-upload-memory", &format!("the same, memory at {}", count(sizes[2])), "–", rss("many"))
                .unit(" MB"),
        ),
    ];
    Ok(group(contenders, lines))
}
