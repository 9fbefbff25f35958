//! Progress: a bar on a terminal, a line every 30 s elsewhere. The time left is told only when it is honest: the
//! number of rows is known and the pace has settled.

use super::args::Common;
use super::say;
use crate::store::Counts;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::IsTerminal;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

const LINE_EVERY: Duration = Duration::from_secs(30);
/// Before this much time and this share, a guess of the time left is worth nothing.
const HONEST_AFTER: Duration = Duration::from_secs(10);
const HONEST_SHARE: f64 = 0.02;

pub struct Progress {
    bar: Option<ProgressBar>,
    lines: bool,
    started: Instant,
    last_line: Instant,
    /// Records done before this stretch of the run.
    before: u64,
    /// Rows of the source; 0 until somebody has counted them.
    total: Arc<AtomicU64>,
}

impl Progress {
    pub fn start(common: &Common, before: u64) -> Progress {
        let terminal = std::io::stderr().is_terminal();
        let wanted = !common.no_progress && !common.quiet;
        let bar = (wanted && terminal).then(|| {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(5));
            // The template is fixed; were it wrong, the plain bar would do.
            if let Ok(style) = ProgressStyle::with_template("{spinner} {bar:30} {msg}") {
                bar.set_style(style);
            }
            bar
        });
        let now = Instant::now();
        Progress { bar, lines: wanted && !terminal, started: now, last_line: now, before, total: Arc::default() }
    }

    /// True where a total would be shown, so that counting the rows is worth it.
    pub fn shows(&self) -> bool {
        self.bar.is_some() || self.lines
    }

    /// Where the number of rows goes once it is known.
    pub fn total(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.total)
    }

    pub fn update(&mut self, counts: &Counts) {
        let due = self.lines && self.last_line.elapsed() >= LINE_EVERY;
        if self.bar.is_none() && !due {
            return;
        }
        let total = self.total.load(Ordering::Relaxed);
        let text = self.text(counts, total);
        if let Some(bar) = &self.bar {
            if total > 0 {
                bar.set_length(total);
            }
            bar.set_position(counts.read + counts.skipped);
            bar.set_message(text);
        } else {
            say::line(&text);
            self.last_line = Instant::now();
        }
    }

    /// Rows of a list whose length nobody tells.
    pub fn rows(&mut self, rows: u64) {
        let due = self.lines && self.last_line.elapsed() >= LINE_EVERY;
        if self.bar.is_none() && !due {
            return;
        }
        let rate = rows as f64 / self.started.elapsed().as_secs_f64().max(0.001);
        let text = format!("{rows} rows, {rate:.0}/s");
        if let Some(bar) = &self.bar {
            bar.set_position(rows);
            bar.set_message(text);
        } else {
            say::line(&text);
            self.last_line = Instant::now();
        }
    }

    fn text(&self, counts: &Counts, total: u64) -> String {
        let done = counts.read + counts.skipped;
        let elapsed = self.started.elapsed();
        let rate = (done - self.before.min(done)) as f64 / elapsed.as_secs_f64().max(0.001);
        let of = if total > 0 { format!(" of {total}") } else { String::new() };
        let mut text = format!("{done}{of}, {rate:.0}/s · {}", told(counts));
        if total > done && elapsed >= HONEST_AFTER && done as f64 >= HONEST_SHARE * total as f64 && rate > 0.0 {
            let left = Duration::from_secs(((total - done) as f64 / rate) as u64);
            text.push_str(&format!(" · {} left", indicatif::HumanDuration(left)));
        }
        text
    }

    pub fn finish(self) {
        if let Some(bar) = self.bar {
            bar.finish_and_clear();
        }
    }
}

/// The counts that are not nothing: `created 497, rejected 3`.
pub fn told(counts: &Counts) -> String {
    let named = [
        ("created", counts.created),
        ("updated", counts.updated),
        ("merged", counts.merged),
        ("deleted", counts.deleted),
        ("unchanged", counts.unchanged),
        ("skipped", counts.skipped),
        ("rejected", counts.rejected),
        ("unknown", counts.unknown),
        ("unprocessed", counts.unprocessed),
    ];
    let some: Vec<String> = named.iter().filter(|(_, n)| *n > 0).map(|(name, n)| format!("{name} {n}")).collect();
    if some.is_empty() { "nothing".to_owned() } else { some.join(", ") }
}
