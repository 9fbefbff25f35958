//! Time as the program sees it: the machine's own, or, for rehearsals and tests, the machine's made faster. Whoever
//! waits or measures a wait does it here, so that a journey of minutes can be walked in milliseconds.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Clock {
    speed: f64,
}

impl Clock {
    pub const REAL: Clock = Clock { speed: 1.0 };

    /// A clock on which `speed` seconds pass in one.
    pub fn faster(speed: f64) -> Clock {
        Clock { speed: speed.max(1.0) }
    }

    /// How long `pause` takes on the machine.
    pub fn real(self, pause: Duration) -> Duration {
        pause.div_f64(self.speed)
    }

    pub async fn sleep(self, pause: Duration) {
        tokio::time::sleep(self.real(pause)).await;
    }

    /// The time that has passed since `start` on this clock.
    pub fn since(self, start: Instant) -> Duration {
        start.elapsed().mul_f64(self.speed)
    }

    /// The time that has passed on this clock since a moment that `unix_ms` has named; none where that lies ahead, for then
    /// the machine's time was set back.
    pub fn since_unix_ms(self, at: i64) -> Duration {
        Duration::from_millis(self.unix_ms().saturating_sub(at).max(0) as u64).mul_f64(self.speed)
    }

    /// Unix milliseconds; the same on every clock, for the record only.
    pub fn unix_ms(self) -> i64 {
        SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64)
    }

    /// Unix microseconds as this clock counts them: processes whose clocks are of one speed agree about them.
    pub fn unix_us(self) -> i64 {
        let us = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_micros() as i64);
        if self.speed == 1.0 { us } else { (us as f64 * self.speed) as i64 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_faster_clock_waits_less_and_counts_more() {
        let fast = Clock::faster(100.0);
        assert_eq!(fast.real(Duration::from_secs(60)), Duration::from_millis(600));
        assert_eq!(Clock::REAL.real(Duration::from_secs(60)), Duration::from_secs(60));
        let start = Instant::now() - Duration::from_millis(20);
        assert!(fast.since(start) >= Duration::from_secs(2));
    }
}
