//! Progress: a bar on a terminal, a line every 30 s elsewhere. The time left is shown only if the number of records is known
//! and the rate is stable.

use crate::cli::args::CommonArgs;
use crate::cli::terminal::say;
use crate::engine::{Phase, Progress};
use crate::store::Counts;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::IsTerminal;
use std::time::{Duration, Instant};

const LINE_EVERY: Duration = Duration::from_secs(30);
/// The time left is estimated only after this much time and this share of the records.
const ESTIMATE_AFTER: Duration = Duration::from_secs(10);
const ESTIMATE_SHARE: f64 = 0.02;

pub struct Bar {
    wanted: bool,
    terminal: bool,
    bar: Option<ProgressBar>,
    last_line: Instant,
}

impl Bar {
    pub fn new(common: &CommonArgs) -> Bar {
        let wanted = !common.no_progress && !common.quiet;
        Bar { wanted, terminal: std::io::stderr().is_terminal(), bar: None, last_line: Instant::now() }
    }

    pub fn shows(&self) -> bool {
        self.wanted
    }

    pub fn start(&mut self) {
        self.last_line = Instant::now();
        if !self.wanted || !self.terminal {
            return;
        }
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(5));
        // The template is fixed; if it were invalid, the default bar would be used.
        if let Ok(style) = ProgressStyle::with_template("{spinner} {bar:30} {msg}") {
            bar.set_style(style);
        }
        self.bar = Some(bar);
    }

    pub fn update(&mut self, progress: &Progress) {
        let due = self.wanted && !self.terminal && self.last_line.elapsed() >= LINE_EVERY;
        if self.bar.is_none() && !due {
            return;
        }
        let text = format_progress(progress);
        let Some(bar) = &self.bar else {
            say::line(&text);
            self.last_line = Instant::now();
            return;
        };
        if let Some(total) = progress.total {
            bar.set_length(total);
        }
        bar.set_position(progress.done);
        bar.set_message(text);
    }

    pub fn finish(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}

fn format_progress(progress: &Progress) -> String {
    let Progress { done, rate, elapsed, total, counts, .. } = progress;
    let rate = *rate;
    match progress.phase {
        Phase::Link => return format!("{done} records linked, {rate:.0}/s"),
        // The length of a list is unknown.
        _ if counts.read + counts.skipped == 0 => return format!("{done} rows, {rate:.0}/s"),
        _ => {}
    }
    let of = total.map(|total| format!(" of {total}")).unwrap_or_default();
    let mut text = format!("{done}{of}, {rate:.0}/s · {}", format_counts(counts));
    if let Some(total) = total.filter(|total| total > done)
        && *elapsed >= ESTIMATE_AFTER
        && *done as f64 >= ESTIMATE_SHARE * total as f64
        && rate > 0.0
    {
        let left = Duration::from_secs(((total - done) as f64 / rate) as u64);
        text.push_str(&format!(" · {} left", indicatif::HumanDuration(left)));
    }
    text
}

/// The counts that are not zero: `created 497, rejected 3`.
pub fn format_counts(counts: &Counts) -> String {
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
