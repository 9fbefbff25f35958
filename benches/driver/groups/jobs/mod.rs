//! Jobs as people run them: the program with its default options, a mapping with a key, from nothing, against a served sandbox;
//! wall time against what the job needs at the least (`needs`), and against other clients that do the same.
//!
//! - `job`: the jobs
//! - `needs`: which requests a job needs, and its yardstick
//! - `stage`: world, folders and files of a job; its runs
//! - `purposes`: what its requests were for
//! - `peers`: other clients
//! - `special`: a slow service, busy cores, the end of a long export

mod job;
mod needs;
mod peers;
mod purposes;
mod special;
mod stage;

use super::{group, line};
use crate::bench::Bench;
use crate::rounds::{Contender, Group, Line, Round};
use crate::service::latency;
use job::{JOBS, TimedJob, Work};
use needs::BATCH;
use stage::{JobStage, Worlds};
use std::rc::Rc;

pub use special::{busy, slow, tail};

/// Requests around the batches of a job.
const AROUND: usize = 6;
const CEILING: f64 = 7.0 * BATCH as f64;

/// How long the answers take.
#[derive(Clone, Copy)]
struct Answers {
    /// In names of lines.
    name: &'static str,
    text: &'static str,
    ms: u64,
}

const QUICK: Answers = Answers { name: "300ms", text: "0.3 s", ms: 300 };
const SLOW: Answers = Answers { name: "1s", text: "1 s", ms: 1_000 };

impl Answers {
    fn seconds(self) -> f64 {
        self.ms as f64 / 1e3
    }
}

pub fn quick_answers(bench: &Bench) -> Result<Group<'_>, String> {
    jobs(bench, QUICK)
}

pub fn slow_answers(bench: &Bench) -> Result<Group<'_>, String> {
    jobs(bench, SLOW)
}

fn jobs(bench: &Bench, answers: Answers) -> Result<Group<'_>, String> {
    let mut worlds = Worlds::new(bench);
    let (mut contenders, mut lines) = (Vec::new(), Vec::new());
    for job in JOBS.iter().filter(|job| !(bench.quick && job.long)) {
        let name = format!("{}-{}", job.name, answers.name);
        let stage = Rc::new(JobStage::new(bench, job, &mut worlds, (&name, &latency(answers.ms, answers.ms)))?);
        for remembered in [false, true] {
            let name = if remembered { format!("{name}-remembered") } else { name.clone() };
            lines.extend(job_lines(job, &name, answers, remembered));
            contenders.push(with_yardstick(stage.contender(name, remembered)?, job, answers, remembered));
        }
    }
    peers::add(bench, &mut worlds, answers, (&mut contenders, &mut lines))?;
    Ok(group(contenders, lines.into_iter().map(|line| ("", line)).collect()))
}

/// What it took, with what it would take at the least.
fn with_yardstick<'a>(
    mut contender: Contender<'a>,
    job: &'static TimedJob,
    answers: Answers,
    remembered: bool,
) -> Contender<'a> {
    let name = contender.name.clone();
    let mut take = contender.take;
    contender.take = Box::new(move || {
        let mut taken = take()?;
        let needs = job.needs(remembered);
        taken.told.insert("needed".to_owned(), needs.made() as f64);
        taken.told.insert("follow".to_owned(), needs.follow as f64);
        let seconds = match (job.work, remembered) {
            (Work::Check, false) => needs.follow as f64 * answers.seconds() + taken.cpu,
            (Work::Check, true) => taken.cpu,
            _ => needs.seconds(answers.seconds()),
        };
        taken.told.insert("yardstick_s".to_owned(), seconds);
        Ok(taken)
    });
    Contender { name, ..contender }
}

fn job_lines(job: &'static TimedJob, name: &str, answers: Answers, remembered: bool) -> Vec<Line> {
    let memory = if remembered { "after another one" } else { "cold" };
    let what = format!("{}, answers {}, {memory}", job.what, answers.text);
    let needs = job.needs(remembered);
    let (made, follow) = (needs.made(), needs.follow);
    let against = match (job.work, remembered) {
        (Work::Check, false) => format!("{follow} L + CPU"),
        (Work::Check, true) => "CPU, the account being kept".to_owned(),
        _ => format!("{:.2} s: R {made}, D {follow}", needs.seconds(answers.seconds())),
    };
    let (must, aim) = job.limits();
    let ratio = of(name, |taken| taken.wall / taken.told("yardstick_s"));
    let mut lines = vec![undisturbed(line(name, &what, &against, ratio), name).at_most(must, aim)];
    if remembered {
        return lines;
    }
    if job.is_import_of_new() {
        let (least, against) = match job.work {
            Work::Leads | Work::Contacts => {
                (needs.batches() + AROUND, format!("batches ({}) + {AROUND}", needs.batches()))
            }
            _ => (made, format!("R {made}")),
        };
        let requests = of(name, move |taken| taken.told("requests") / least as f64);
        lines.push(line(format!("{name}-requests"), "the same, requests", &against, requests).at_most(1.15, 1.0));
    }
    if job.name == "job-10000" {
        let rate = of(name, |taken| taken.told("rows_a_second") / CEILING * 100.0);
        let line = line(
            format!("default-rate-{}", answers.name),
            &format!("{}, answers {}, cold, rows from the first batch to the last", job.what, answers.text),
            "7 a second × 250",
            rate,
        );
        lines.push(undisturbed(line, name).unit(" %").at_least(85.0, 95.0));
    }
    lines
}

/// A figure of one contender.
fn of(name: &str, figure: impl Fn(&crate::gauge::Taken) -> f64 + 'static) -> impl Fn(&Round) -> f64 + 'static {
    let name = name.to_owned();
    move |round| figure(&round[&name])
}

/// Rounds in which the machine was busy with something else around this contender do not count.
fn undisturbed(line: Line, contender: &str) -> Line {
    line.beside(contender, |taken| taken.told("still_ms"))
}
