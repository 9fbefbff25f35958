//! Jobs under conditions of their own: a service that slows down with the size of a batch, a machine whose cores are busy, and
//! an export so long that what comes after its last page is seen.

use super::super::{count, group, line, told};
use super::job::{TimedJob, Work};
use super::stage::{JobStage, Worlds};
use super::{QUICK, undisturbed};
use crate::bench::Bench;
use crate::gauge::Taken;
use crate::rounds::{Contender, Group, Round};
use crate::service::latency;
use std::process::{Child, Stdio};
use std::rc::Rc;

/// A request costs 0.3 s, and every record of it 20 ms.
const SLOW: &str = r#"{"latency_ms": 300, "latency_item_ms": 20}"#;

pub fn slow(bench: &Bench) -> Result<Group<'_>, String> {
    const SIZES: [(&str, &[&str]); 3] =
        [("default", &[]), ("batch-50", &["--batch", "50"]), ("batch-250", &["--batch", "250"])];
    let mut worlds = Worlds::new(bench);
    let (mut contenders, mut lines) = (Vec::new(), Vec::new());
    let jobs = ["job-1000", "job-10000"].into_iter().filter_map(TimedJob::named);
    for job in jobs.filter(|job| !(bench.quick && job.long)) {
        for (size, options) in SIZES {
            let name = format!("{}-slow-{size}", job.name);
            let stage = JobStage::new(bench, job, &mut worlds, (&name, SLOW))?.with(options);
            contenders.push(Rc::new(stage).contender(name, false)?);
        }
        let (own, fifty, full) = (
            format!("{}-slow-default", job.name),
            format!("{}-slow-batch-50", job.name),
            format!("{}-slow-batch-250", job.name),
        );
        let contender = own.clone();
        let ratio = move |round: &Round| round[&fifty].wall.min(round[&full].wall) / round[&own].wall;
        let name = job.name.replace("job", "default-slow");
        let what = format!("{}, answers 0.3 s + 20 ms a record, cold, wall", job.what);
        let line = line(name, &what, "the better of `--batch 50` and `--batch 250`", ratio);
        lines.push(("", undisturbed(line, &contender).at_least(0.9, 0.98)));
    }
    Ok(group(contenders, lines))
}

/// Imports of 40 necessary batches each.
const BUSY_RUNS: (usize, usize) = (10, 2);

pub fn busy(bench: &Bench) -> Result<Group<'_>, String> {
    let job = TimedJob::named("job-10000").ok_or("there is no job of 10,000 leads")?;
    let mut worlds = Worlds::new(bench);
    let stage = JobStage::new(bench, job, &mut worlds, ("busy", &latency(QUICK.ms, QUICK.ms)))?;
    let stage = Rc::new(stage);
    let shown = stage.contender("busy", false)?.command;
    let runs = bench.rows(BUSY_RUNS.0, BUSY_RUNS.1);
    let take = move || {
        let mut all = Taken::default();
        for _ in 0..runs {
            let burning = Burning::start(bench)?;
            let taken = stage.take(false)?;
            drop(burning);
            all.wall += taken.wall;
            all.cpu += taken.cpu;
            all.rss = all.rss.max(taken.rss);
            *all.told.entry("throttled".to_owned()).or_default() += taken.told("throttled");
        }
        Ok(all)
    };
    let what = format!("{runs} imports of 10,000 leads, answers {}, both cores busy", QUICK.text);
    let line = line("job-10000-busy", &what, "requests throttled, all together", told("busy", "throttled"));
    Ok(group(vec![Contender::new("busy", shown, take)], vec![("", line.unit("").at_most(1.0, 0.0))]))
}

/// A process for each core that does nothing but compute.
struct Burning(Vec<Child>);

impl Burning {
    fn start(bench: &Bench) -> Result<Burning, String> {
        const AT_MOST_S: &str = "600";
        let mut burning = Burning(Vec::new());
        for _ in 0..std::thread::available_parallelism().map_or(2, usize::from) {
            let mut burn = bench.yardstick("burn");
            burn.arg(AT_MOST_S).stdin(Stdio::null());
            burning.0.push(burn.spawn().map_err(|e| format!("a core is not kept busy: {e}"))?);
        }
        Ok(burning)
    }
}

impl Drop for Burning {
    fn drop(&mut self) {
        for process in &mut self.0 {
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

static TAIL: TimedJob = TimedJob {
    name: "job-export-200000",
    what: "export of 200,000 leads to XLSX",
    work: Work::Export,
    rows: 200_000,
    long: true,
};
static SHORT_TAIL: TimedJob = TimedJob {
    name: "job-export-20000",
    what: "export of 20,000 leads to XLSX",
    work: Work::Export,
    rows: 20_000,
    long: true,
};

/// From the answer to the last page to the end of the program, when the file is there.
pub fn tail(bench: &Bench) -> Result<Group<'_>, String> {
    let job = if bench.quick { &SHORT_TAIL } else { &TAIL };
    let mut worlds = Worlds::new(bench);
    let stage = Rc::new(JobStage::new(bench, job, &mut worlds, ("tail", &latency(QUICK.ms, QUICK.ms)))?);
    let what = format!("export of {} leads to XLSX, answers {}, last page → file", count(job.rows), QUICK.text);
    let tail = |round: &Round| round["tail"].told("after_last_answer_ms") / 1e3;
    let line = undisturbed(line("export-tail", &what, "–", tail), "tail").unit(" s").at_most(0.5, 0.2);
    Ok(group(vec![stage.contender("tail", false)?], vec![("", line)]))
}
