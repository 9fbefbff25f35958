//! Time as the program sees it: the machine's own, or a faster one for rehearsals and tests. All waits and measured times go
//! through a clock, so that a test of minutes takes milliseconds.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// The machine's clock, or a multiple of it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Clock {
    speed: f64,
}

impl Clock {
    pub const REAL: Clock = Clock { speed: 1.0 };

    /// A clock on which `speed` seconds pass in one second of the machine.
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

    /// The time since `start` on this clock.
    pub fn since(self, start: Instant) -> Duration {
        start.elapsed().mul_f64(self.speed)
    }

    /// The time on this clock since an earlier `unix_ms`. Zero where that lies in the future, because the machine's clock was set
    /// back.
    pub fn since_unix_ms(self, start_ms: i64) -> Duration {
        Duration::from_millis(self.unix_ms().saturating_sub(start_ms).max(0) as u64).mul_f64(self.speed)
    }

    /// Unix milliseconds of the machine, whatever the speed; for records only.
    pub fn unix_ms(self) -> i64 {
        SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64)
    }

    /// Unix microseconds on this clock. Processes whose clocks have the same speed agree about them.
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
