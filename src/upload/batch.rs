//! How many records go into the next request. Pure arithmetic.

use std::time::Duration;

/// What the user asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BatchSize {
    Fixed(usize),
    /// Begins at the recommended size and finds its own, up to the kind's maximum.
    Auto {
        max: usize,
    },
}

/// The size now, and how it moves with the answers.
#[derive(Debug, Clone, Copy)]
pub struct Sizer {
    asked: BatchSize,
    now: usize,
}

/// An answer quicker than this says that more would do.
const QUICK: Duration = Duration::from_secs(3);
/// An answer slower than this is near the service's own time-outs.
const SLOW: Duration = Duration::from_secs(15);
/// Below this, smaller batches only cost requests.
const LEAST: usize = 10;

impl Sizer {
    pub fn new(asked: BatchSize) -> Sizer {
        let now = match asked {
            BatchSize::Fixed(size) => size,
            BatchSize::Auto { max } => amo_model::BATCH_RECOMMENDED.min(max),
        };
        Sizer { asked, now: now.max(1) }
    }

    pub fn now(self) -> usize {
        self.now
    }

    /// A batch of `size` was answered well in `took`.
    pub fn answered(&mut self, size: usize, took: Duration) {
        let BatchSize::Auto { max } = self.asked else { return };
        if took >= SLOW {
            self.halve();
        } else if took < QUICK && size >= self.now {
            self.now = (self.now + self.now / 2).min(max);
        }
    }

    /// The service gave up on a batch (504), or its answer never came.
    pub fn failed(&mut self) {
        if matches!(self.asked, BatchSize::Auto { .. }) {
            self.halve();
        }
    }

    fn halve(&mut self) {
        self.now = (self.now / 2).max(LEAST.min(self.now));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_size_grows_while_answers_are_quick_and_halves_when_they_are_not() {
        let mut sizer = Sizer::new(BatchSize::Auto { max: 250 });
        assert_eq!(sizer.now(), 50);
        let sizes: Vec<usize> = (0..5)
            .map(|_| {
                sizer.answered(sizer.now(), Duration::from_secs(1));
                sizer.now()
            })
            .collect();
        assert_eq!(sizes, [75, 112, 168, 250, 250]);
        sizer.answered(250, Duration::from_secs(20));
        assert_eq!(sizer.now(), 125);
        sizer.answered(125, Duration::from_secs(5));
        assert_eq!(sizer.now(), 125, "neither quick nor slow");
        sizer.answered(20, Duration::from_secs(1));
        assert_eq!(sizer.now(), 125, "a small batch says nothing about large ones");
        (0..9).for_each(|_| sizer.failed());
        assert_eq!(sizer.now(), LEAST);
    }

    #[test]
    fn a_fixed_size_stays() {
        let mut sizer = Sizer::new(BatchSize::Fixed(7));
        sizer.answered(7, Duration::ZERO);
        sizer.failed();
        assert_eq!(sizer.now(), 7);
    }
}
