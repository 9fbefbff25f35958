//! One process, from its start to its end: wall, CPU and peak memory as the system counted them.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use wait4::{ResUse, Wait4};

const MB: f64 = 1_000_000.0;
/// Between two looks at a process that runs.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// In which Linux counts a process's time.
const TICKS_PER_S: f64 = 100.0;

/// What a contender took.
#[derive(Debug, Clone, Default)]
pub struct Taken {
    /// Seconds.
    pub wall: f64,
    /// User and system, seconds.
    pub cpu: f64,
    /// Peak resident memory, MB.
    pub rss: f64,
    /// What it printed of itself, as lines `name value`, and what else was found out about it.
    pub told: BTreeMap<String, f64>,
    /// How much CPU it had taken by when: unix milliseconds, seconds. Where the system does not say, it is empty.
    pub course: Vec<(f64, f64)>,
    /// When it started, in unix milliseconds.
    pub started_ms: f64,
    /// What its requests were for, in the order of the first ones.
    pub phases: Vec<PurposeSpan>,
}

/// Requests for one purpose, in seconds since the start of the process.
#[derive(Debug, Clone)]
pub struct PurposeSpan {
    pub purpose: String,
    pub requests: usize,
    /// The first request arrives.
    pub from: f64,
    /// The last answer leaves.
    pub to: f64,
}

impl Taken {
    /// The share of one core that it took between two instants, in percent.
    pub fn share(&self, from_ms: f64, to_ms: f64) -> f64 {
        let within = || self.course.iter().filter(|(at, _)| (from_ms..=to_ms).contains(at));
        match (within().next(), within().next_back()) {
            (Some((from, before)), Some((to, after))) if to > from => (after - before) / (to - from) * 1e5,
            _ => f64::NAN,
        }
    }

    pub fn told(&self, name: &str) -> f64 {
        self.told.get(name).copied().unwrap_or(f64::NAN)
    }

    fn of(used: &ResUse, wall: Duration) -> Taken {
        let rusage = &used.rusage;
        Taken {
            wall: wall.as_secs_f64(),
            cpu: (rusage.utime + rusage.stime).as_secs_f64(),
            rss: rusage.maxrss as f64 / MB,
            told: BTreeMap::new(),
            course: Vec::new(),
            started_ms: 0.0,
            phases: Vec::new(),
        }
    }
}

/// User and system time of a process so far, in seconds.
fn so_far(process: u32) -> Option<f64> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // Its name stands in brackets and may hold anything.
    let words: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = |place: usize| words.get(place)?.parse::<f64>().ok();
    Some((ticks(11)? + ticks(12)?) / TICKS_PER_S)
}

/// A process that is running.
pub struct Running {
    child: Child,
    started: Instant,
    /// Unix milliseconds.
    pub started_ms: f64,
}

impl Running {
    pub fn start(command: &mut Command) -> Result<Running, String> {
        let (started, started_ms) = (Instant::now(), unix_ms());
        let child =
            command.stdin(Stdio::null()).spawn().map_err(|e| format!("{} does not start: {e}", named(command)))?;
        Ok(Running { child, started, started_ms })
    }

    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().is_ok_and(|status| status.is_some())
    }

    /// Ends it in the middle; what it took until then.
    pub fn kill(mut self) -> Result<Taken, String> {
        self.child.kill().map_err(|e| format!("a process cannot be killed: {e}"))?;
        let used = self.child.wait4().map_err(|e| format!("a process cannot be waited for: {e}"))?;
        Ok(Taken::of(&used, self.started.elapsed()))
    }

    fn end(self) -> Result<(bool, Taken), String> {
        let process = self.child.id();
        let looking = std::thread::spawn(move || {
            let mut course = Vec::new();
            // Once it was waited for there is no such process.
            while let Some(cpu) = so_far(process) {
                course.push((unix_ms(), cpu));
                std::thread::sleep(LOOK_EVERY);
            }
            course
        });
        let used = self.child.wait4().map_err(|e| format!("a process cannot be waited for: {e}"))?;
        let taken = Taken::of(&used, self.started.elapsed());
        let course = looking.join().map_err(|_| "looking at a process has failed".to_owned())?;
        Ok((used.status.success(), Taken { course, started_ms: self.started_ms, ..taken }))
    }
}

/// Runs a command to its end; what it prints goes to a file, of which the lines `name value` are read. An end that is
/// not a good one is an error: what failed early would look fast.
pub fn take(command: &mut Command, prints: &Path) -> Result<Taken, String> {
    let unwritable = |e: std::io::Error| format!("{}: {e}", prints.display());
    let (out, err) = (File::create(prints).map_err(unwritable)?, prints.with_extension("err"));
    command.stdout(out).stderr(File::create(&err).map_err(unwritable)?);
    let (good, mut taken) = Running::start(command)?.end()?;
    if !good {
        let told = std::fs::read_to_string(&err).unwrap_or_default();
        let last: Vec<&str> = told.lines().rev().take(5).collect();
        return Err(format!(
            "{} has failed:\n{}",
            named(command),
            last.into_iter().rev().collect::<Vec<_>>().join("\n")
        ));
    }
    let printed = std::fs::read_to_string(prints).unwrap_or_default();
    taken.told = printed
        .lines()
        .filter_map(|line| line.split_once(' '))
        .filter_map(|(name, value)| Some((name.to_owned(), value.parse().ok()?)))
        .collect();
    Ok(taken)
}

/// A command by its first words: those after them may hold a token.
pub fn named(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args().take(2));
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}

pub fn unix_ms() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64() * 1e3)
}
