//! The number of records of the next request. Pure arithmetic.
//!
//! The first batch to an account of which nothing is known is a probe of the recommended size. Its answer, compared with the
//! answers to reads, shows what a record costs the service. Where that is little, all further batches are as large as the kind
//! allows; where it is much, they are as large as lets the last answers come soonest.

use crate::store::ServiceSpeed;
use std::time::{Duration, Instant};

/// The batch size that the user wants.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum BatchSize {
    Fixed(usize),
    /// Adapts, up to the maximum of the kind. `known` is what earlier runs have learned of the account.
    Auto {
        max: usize,
        known: Option<ServiceSpeed>,
    },
}

/// What a run has learned of a service.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum SpeedLearned {
    /// No batch was answered that shows anything.
    Nothing,
    Speed(ServiceSpeed),
    /// A batch failed or was slow: a later run should begin with a probe.
    Doubtful,
}

/// The current batch size, adapted by answers.
#[derive(Debug, Clone, Copy)]
pub struct Sizer {
    wanted: BatchSize,
    /// The largest batch that the service should get now.
    size: usize,
    /// Seconds that each record adds to an answer; `None` until the first answer to a batch.
    per_record: Option<f64>,
    /// A batch failed or was slow in this run, so nothing is known of larger ones.
    has_failed: bool,
}

/// The time within which a batch is expected to be answered.
const GOOD: Duration = Duration::from_secs(7);
/// A slower answer is near the time-outs of the service and halves the size.
const SLOW: Duration = Duration::from_secs(15);
/// A service that needs this many seconds more for a full batch than for a read gets smaller ones where that is quicker.
const COSTLY: f64 = 1.0;
/// The lowest size: smaller batches only cost requests.
const MIN: usize = 10;
/// How much longer than a read the answer to the probe is waited for before further batches of its size go out.
const PROBE_MARGIN: Duration = Duration::from_millis(250);

/// The first full batch to a service of which nothing is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Probe {
    Unsent,
    /// Sent at this instant; its answer decides on the next batches.
    Awaited(Instant),
    /// Answered, waited for long enough, or not needed.
    Over,
}

/// How long the answer to the probe is waited for; `read` is how long the service takes for a read. After that the service is
/// one that slows down with the batch, and waiting costs more than small batches do.
pub fn probe_wait(read: Duration) -> Duration {
    read + (read / 2).max(PROBE_MARGIN)
}

impl Sizer {
    pub fn new(wanted: BatchSize) -> Sizer {
        let (size, per_record) = match wanted {
            BatchSize::Fixed(size) => (size, None),
            BatchSize::Auto { max, known: Some(known) } => (known.size.min(max), Some(known.per_record)),
            BatchSize::Auto { max, known: None } => (amo_model::BATCH_RECOMMENDED.min(max), None),
        };
        Sizer { wanted, size: size.max(1), per_record, has_failed: false }
    }

    /// The largest size of the next batch.
    pub fn size(self) -> usize {
        self.size
    }

    /// The size of the next batch where `left` records are still to be sent at `rate` requests a second. With sizes of
    /// √(2·left / (rate·cost)), which get smaller towards the end, all last answers come at the same time. What is not more than
    /// two probes goes at once: the second one would wait for the answer to the first.
    pub fn size_for(self, left: Option<u64>, rate: u32) -> usize {
        if let (BatchSize::Auto { max, .. }, Some(left), true) = (self.wanted, left, self.is_probing())
            && left <= 2 * self.size as u64
        {
            return (left as usize).clamp(self.size, max);
        }
        let (BatchSize::Auto { .. }, Some(left), Some(cost)) = (self.wanted, left, self.per_record) else {
            return self.size;
        };
        if cost * (self.size as f64) < COSTLY {
            return self.size;
        }
        let soonest = (2.0 * left as f64 / (f64::from(rate.max(1)) * cost)).sqrt().ceil() as usize;
        soonest.clamp(amo_model::BATCH_RECOMMENDED.min(self.size), self.size)
    }

    /// True until the first answer, where it is not known how large batches may be.
    pub fn is_probing(self) -> bool {
        matches!(self.wanted, BatchSize::Auto { max, .. } if self.size < max)
            && self.per_record.is_none()
            && !self.has_failed
    }

    /// Takes note that a batch of `size` succeeded in `took`, while a read takes `read`.
    pub fn answered(&mut self, size: usize, took: Duration, read: Duration) {
        let BatchSize::Auto { max, .. } = self.wanted else { return };
        if took >= SLOW {
            return self.halve();
        }
        // A small batch does not show what a record costs.
        if size < self.size.min(amo_model::BATCH_RECOMMENDED) {
            return;
        }
        let cost = took.saturating_sub(read).as_secs_f64() / size as f64;
        // Answers vary. The least shows the cost, the others what else the service does.
        let cost = self.per_record.filter(|_| !self.has_failed).map_or(cost, |known| known.min(cost));
        self.per_record = Some(cost);
        if took < GOOD && size >= self.size {
            let good = (GOOD.saturating_sub(read).as_secs_f64() / cost.max(1e-9)) as usize;
            // After a failure the size grows step by step.
            let step = if self.has_failed { self.size + self.size / 2 } else { max };
            self.size = good.max(self.size).min(step).min(max);
        }
    }

    /// Takes note that a batch failed: the service gave up (504), found it too long (413), or its answer never came.
    pub fn failed(&mut self) {
        if matches!(self.wanted, BatchSize::Auto { .. }) {
            self.halve();
        }
    }

    fn halve(&mut self) {
        self.has_failed = true;
        self.size = (self.size / 2).max(MIN.min(self.size));
    }

    /// What a later run may begin with.
    pub fn learned(self) -> SpeedLearned {
        match (self.wanted, self.per_record) {
            (BatchSize::Fixed(_), _) => SpeedLearned::Nothing,
            _ if self.has_failed => SpeedLearned::Doubtful,
            (BatchSize::Auto { .. }, None) => SpeedLearned::Nothing,
            (BatchSize::Auto { .. }, Some(per_record)) => {
                SpeedLearned::Speed(ServiceSpeed { size: self.size, per_record })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const READ: Duration = Duration::from_millis(300);

    fn auto(max: usize) -> Sizer {
        Sizer::new(BatchSize::Auto { max, known: None })
    }

    fn answer(sizer: &mut Sizer, size: usize, millis: u64) -> usize {
        sizer.answered(size, Duration::from_millis(millis), READ);
        sizer.size()
    }

    #[test]
    fn one_quick_answer_lets_the_size_grow_to_the_maximum() {
        let mut sizer = auto(250);
        assert!(sizer.is_probing() && sizer.learned() == SpeedLearned::Nothing);
        assert_eq!(sizer.size(), 50);
        assert_eq!(answer(&mut sizer, 7, 300), 50, "a small batch says nothing about large ones");
        assert!(sizer.is_probing());
        assert_eq!(answer(&mut sizer, 50, 320), 250);
        assert!(!sizer.is_probing());
        assert_eq!(sizer.size_for(Some(10_000), 7), 250);
        assert_eq!(sizer.size_for(Some(100), 7), 250, "a quick service gets what is left at once");
        let SpeedLearned::Speed(known) = sizer.learned() else { panic!("{:?}", sizer.learned()) };
        assert_eq!(known.size, 250);
        let again = Sizer::new(BatchSize::Auto { max: 250, known: Some(known) });
        assert!(!again.is_probing());
        assert_eq!(again.size(), 250);
        assert_eq!(Sizer::new(BatchSize::Auto { max: 50, known: Some(known) }).size(), 50);
        assert!(!auto(50).is_probing(), "nothing could grow");
    }

    #[test]
    fn two_probes_or_less_go_at_once() {
        let sizer = auto(250);
        let sizes = [0, 30, 50, 51, 100, 101, 1_000].map(|left| sizer.size_for(Some(left), 7));
        assert_eq!(sizes, [50, 50, 50, 51, 100, 50, 50]);
        assert_eq!(sizer.size_for(None, 7), 50);
        assert_eq!(auto(70).size_for(Some(90), 7), 70);
    }

    #[test]
    fn a_service_that_slows_down_with_the_batch_gets_sizes_that_end_soonest() {
        let mut sizer = auto(250);
        assert_eq!(answer(&mut sizer, 50, 1_300), 250, "20 ms a record: a full batch in 5.3 s");
        let sizes = [10_000, 2_000, 650, 300, 20].map(|left| sizer.size_for(Some(left), 7));
        assert_eq!(sizes, [250, 170, 97, 66, 50]);
        assert_eq!(sizer.size_for(None, 7), 250);
        let mut slower = auto(250);
        assert_eq!(answer(&mut slower, 50, 3_300), 111, "60 ms a record: what is answered within 7 s");
    }

    #[test]
    fn slow_answers_and_failures_halve_the_size_and_are_not_remembered() {
        let mut sizer = auto(250);
        answer(&mut sizer, 50, 310);
        assert_eq!(answer(&mut sizer, 250, 20_000), 125);
        assert_eq!(sizer.learned(), SpeedLearned::Doubtful);
        assert_eq!(answer(&mut sizer, 125, 8_000), 125, "neither good nor slow");
        assert_eq!(answer(&mut sizer, 20, 310), 125);
        assert_eq!(answer(&mut sizer, 125, 320), 187, "after a failure step by step");
        (0..9).for_each(|_| sizer.failed());
        assert_eq!(sizer.size(), MIN);
        let mut failed = auto(250);
        failed.failed();
        assert_eq!((failed.size(), failed.is_probing(), failed.learned()), (25, false, SpeedLearned::Doubtful));
    }

    #[test]
    fn a_fixed_size_stays() {
        let mut sizer = Sizer::new(BatchSize::Fixed(7));
        assert!(!sizer.is_probing());
        sizer.answered(7, Duration::ZERO, READ);
        sizer.failed();
        assert_eq!((sizer.size(), sizer.size_for(Some(1), 7), sizer.learned()), (7, 7, SpeedLearned::Nothing));
    }

    #[test]
    fn the_probe_is_waited_for_a_little_longer_than_a_read_takes() {
        for (read, wait) in [(0, 250), (300, 550), (1_000, 1_500)] {
            assert_eq!(probe_wait(Duration::from_millis(read)), Duration::from_millis(wait));
        }
    }
}
