//! The number of records of the next request. Pure arithmetic.

use std::time::Duration;

/// The batch size that the user wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BatchSize {
    Fixed(usize),
    /// Begins at the recommended size and adapts, up to the maximum of the kind.
    Auto {
        max: usize,
    },
}

/// The current batch size, adapted by answers.
#[derive(Debug, Clone, Copy)]
pub struct Sizer {
    wanted: BatchSize,
    size: usize,
}

/// A quicker answer lets the size grow.
const QUICK: Duration = Duration::from_secs(3);
/// A slower answer is near the time-outs of the service and halves the size.
const SLOW: Duration = Duration::from_secs(15);
/// The lowest size: smaller batches only cost requests.
const MIN: usize = 10;

impl Sizer {
    pub fn new(wanted: BatchSize) -> Sizer {
        let size = match wanted {
            BatchSize::Fixed(size) => size,
            BatchSize::Auto { max } => amo_model::BATCH_RECOMMENDED.min(max),
        };
        Sizer { wanted, size: size.max(1) }
    }

    /// The size of the next batch.
    pub fn size(self) -> usize {
        self.size
    }

    /// Takes note that a batch of `size` succeeded in `took`.
    pub fn answered(&mut self, size: usize, took: Duration) {
        let BatchSize::Auto { max } = self.wanted else { return };
        if took >= SLOW {
            self.halve();
        } else if took < QUICK && size >= self.size {
            self.size = (self.size + self.size / 2).min(max);
        }
    }

    /// Takes note that a batch failed: the service gave up (504), or its answer never came.
    pub fn failed(&mut self) {
        if matches!(self.wanted, BatchSize::Auto { .. }) {
            self.halve();
        }
    }

    fn halve(&mut self) {
        self.size = (self.size / 2).max(MIN.min(self.size));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_size_grows_while_answers_are_quick_and_halves_when_they_are_not() {
        let mut sizer = Sizer::new(BatchSize::Auto { max: 250 });
        assert_eq!(sizer.size(), 50);
        let sizes: Vec<usize> = (0..5)
            .map(|_| {
                sizer.answered(sizer.size(), Duration::from_secs(1));
                sizer.size()
            })
            .collect();
        assert_eq!(sizes, [75, 112, 168, 250, 250]);
        sizer.answered(250, Duration::from_secs(20));
        assert_eq!(sizer.size(), 125);
        sizer.answered(125, Duration::from_secs(5));
        assert_eq!(sizer.size(), 125, "neither quick nor slow");
        sizer.answered(20, Duration::from_secs(1));
        assert_eq!(sizer.size(), 125, "a small batch says nothing about large ones");
        (0..9).for_each(|_| sizer.failed());
        assert_eq!(sizer.size(), MIN);
    }

    #[test]
    fn a_fixed_size_stays() {
        let mut sizer = Sizer::new(BatchSize::Fixed(7));
        sizer.answered(7, Duration::ZERO);
        sizer.failed();
        assert_eq!(sizer.size(), 7);
    }
}
