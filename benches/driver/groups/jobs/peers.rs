//! Other clients that import leads, in the same rounds: the script that people write with `requests`, and the two clients of
//! the package index that take a local address. Only the script reads a file and looks names up; the clients are given leads
//! with ids, made in memory.

use super::super::{count, line, wall_of};
use super::stage::Worlds;
use super::{Answers, purposes};
use crate::bench::Bench;
use crate::rounds::{Contender, Line, Round};
use crate::service::{PACED, latency};
use std::path::PathBuf;
use std::process::Command;
use std::rc::Rc;

struct Peer {
    /// Of the contender and of the line, after the name of the job.
    name: &'static str,
    against: &'static str,
    client: PeerKind,
    rows: usize,
    batch: usize,
    /// The wall of the import in units of this one: must and aim.
    limits: Option<(f64, f64)>,
    /// Too long where answers take a second.
    quick_answers_only: bool,
}

enum PeerKind {
    Script,
    Library(&'static str),
}

const PEERS: &[Peer] = &[
    script("script", "`requests` script, batches of 250", (1_000, 250), Some((1.0, 0.8))),
    script("script", "`requests` script, batches of 250", (10_000, 250), Some((0.6, 0.5))),
    script("script-50", "`requests` script, batches of 50", (1_000, 50), None),
    library("aioamocrm", "aioamocrm, batches of 250", (1_000, 250)),
    library("aioamocrm-50", "aioamocrm, its own batches of 50", (1_000, 50)),
    library("amochka", "amochka, batches of 250", (1_000, 250)),
    Peer { quick_answers_only: true, ..library("aioamocrm", "aioamocrm, batches of 250", (10_000, 250)) },
    Peer { quick_answers_only: true, ..library("amochka", "amochka, batches of 250", (10_000, 250)) },
];

const fn script(
    name: &'static str,
    against: &'static str,
    (rows, batch): (usize, usize),
    limits: Option<(f64, f64)>,
) -> Peer {
    Peer { name, against, client: PeerKind::Script, rows, batch, limits, quick_answers_only: false }
}

const fn library(name: &'static str, against: &'static str, (rows, batch): (usize, usize)) -> Peer {
    let client = match name.as_bytes()[1] {
        b'i' => PeerKind::Library("aioamocrm"),
        _ => PeerKind::Library("amochka"),
    };
    Peer { name, against, client, rows, batch, limits: None, quick_answers_only: false }
}

pub fn add<'a>(
    bench: &'a Bench,
    worlds: &mut Worlds<'a>,
    answers: Answers,
    (contenders, lines): (&mut Vec<Contender<'a>>, &mut Vec<Line>),
) -> Result<(), String> {
    let Some(python) = &bench.python else { return Ok(()) };
    for peer in PEERS.iter().filter(|peer| !peer.quick_answers_only || answers.ms < 1_000) {
        let service = worlds.empty()?;
        let job = format!("job-{}-{}", peer.rows, answers.name);
        let name = format!("{job}-{}", peer.name);
        let mut command = Command::new(python);
        let scripts = bench.root.join("benches/peers");
        match peer.client {
            PeerKind::Script => command.arg(scripts.join("script.py")).arg(&service.url).arg(leads(bench, peer.rows)?),
            PeerKind::Library(client) => {
                command.arg(scripts.join("upload.py")).args([client, &service.url, &peer.rows.to_string()])
            }
        };
        command.arg(peer.batch.to_string()).env("AMOPORT_TOKEN", &service.token);
        let shown = bench.shown(&command);
        let take = move || {
            let service = Rc::clone(&service);
            service.reset(PACED, &latency(answers.ms, answers.ms))?;
            let mut taken = bench.take(&mut command)?;
            let log = service.log()?;
            taken.told.insert("requests".to_owned(), log.len() as f64);
            taken.phases = purposes::phases(&log, taken.started_ms);
            Ok(taken)
        };
        contenders.push(Contender::new(name.clone(), shown, take));
        lines.push(ratio(peer, job, name, answers));
    }
    Ok(())
}

fn ratio(peer: &Peer, job: String, name: String, answers: Answers) -> Line {
    let what = format!("import of {} leads, answers {}, cold, wall", count(peer.rows), answers.text);
    let contender = name.clone();
    let figure = move |round: &Round| round[&job].wall / round[&contender].wall;
    let line = line(name.clone(), &what, peer.against, figure).beside(name, wall_of);
    match peer.limits {
        Some((must, aim)) => line.at_most(must, aim),
        None => line,
    }
}

fn leads(bench: &Bench, rows: usize) -> Result<PathBuf, String> {
    let file = bench.data.join(format!("jobs-{rows}-from-1.csv"));
    if !file.exists() {
        bench.take(bench.yardstick("make-leads").args(["1", &rows.to_string()]).arg(&file))?;
    }
    Ok(file)
}
