//! How fast requests came in.

use std::fmt;
use std::time::{Duration, Instant};

/// What a list of instants says about a pace.
#[derive(Debug, Clone, PartialEq)]
pub struct Measure {
    pub requests: usize,
    /// The most requests within any second.
    pub worst_second: usize,
    pub gaps: Vec<Duration>,
    /// Requests a second, from the first to the last.
    pub rate: f64,
}

const SECOND: Duration = Duration::from_secs(1);

impl Measure {
    pub fn of(instants: impl IntoIterator<Item = Instant>) -> Measure {
        let mut instants: Vec<Instant> = instants.into_iter().collect();
        instants.sort();
        let within = |from: &Instant| instants.iter().filter(|at| *at >= from && **at < *from + SECOND).count();
        let worst_second = instants.iter().map(within).max().unwrap_or(0);
        let gaps: Vec<Duration> = instants.windows(2).map(|two| two[1] - two[0]).collect();
        let whole: Duration = gaps.iter().sum();
        let rate = if whole.is_zero() { 0.0 } else { gaps.len() as f64 / whole.as_secs_f64() };
        Measure { requests: instants.len(), worst_second, gaps, rate }
    }

    /// In milliseconds.
    pub fn shortest_gaps(&self, count: usize) -> Vec<u128> {
        let mut gaps: Vec<u128> = self.gaps.iter().map(Duration::as_millis).collect();
        gaps.sort_unstable();
        gaps.truncate(count);
        gaps
    }
}

/// A line of a table.
impl fmt::Display for Measure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Measure { requests, worst_second, rate, .. } = self;
        let gaps = self.shortest_gaps(5);
        write!(
            f,
            "{requests:>6} requests, {rate:6.3} a second, worst second {worst_second:>2}, shortest gaps {gaps:?} ms"
        )
    }
}
