//! The gate every request passes: at least 140 ms after the one before, and never more than 7 in any sliding 1.010 s.
//!
//! Measured: the first alone lets late wake-ups bunch into 8 in a second at the server, the second alone starts with a
//! burst; together none of twelve runs was throttled, at 98.8 % of the limit. A 429 widens the window for a while.

use crate::entity::RATE_MAX;
use governor::clock::{Clock, DefaultClock};
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use std::collections::VecDeque;
use std::num::NonZeroU32;
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep, sleep_until};

/// Between two sends.
const SPACING: Duration = Duration::from_millis(140);
/// The window in which at most `RATE_MAX` sends may fall: a second and a margin for the way to the server.
const WINDOW: Duration = Duration::from_millis(1_010);
/// Each 429 widens the window by this much, up to `WINDOW_MAX`.
const WIDEN: Duration = Duration::from_millis(10);
const WINDOW_MAX: Duration = Duration::from_millis(1_100);
/// Sends without a 429 after which the window narrows by a tenth of `WIDEN`.
const CALM: u32 = 70;
/// The pause after a 429 that names none. [inferred]
const THROTTLED_PAUSE: Duration = Duration::from_secs(1);

pub struct Pace {
    spacing: DefaultDirectRateLimiter,
    gate: Mutex<Gate>,
    rate: usize,
    clock: crate::clock::Clock,
}

struct Gate {
    /// The last `rate` sends, stamped after waking, so that lateness never becomes a burst.
    sent: VecDeque<Instant>,
    window: Duration,
    calm: u32,
    /// Nobody sends before this: set by a 429.
    hold_until: Option<Instant>,
}

impl Pace {
    /// `rate` requests a second, at most `RATE_MAX`.
    pub fn new(rate: u32, clock: crate::clock::Clock) -> Pace {
        let rate = rate.clamp(1, RATE_MAX);
        let spacing = SPACING.max(WINDOW / rate - Duration::from_millis(5));
        // A burst of 1: the default burst let 13 requests through in one second. A period of zero alone makes a
        // quota impossible, and `spacing` is at least 140 ms.
        let quota = Quota::with_period(clock.real(spacing)).unwrap_or_else(|| Quota::per_second(NonZeroU32::MIN));
        Pace {
            spacing: RateLimiter::direct(quota.allow_burst(NonZeroU32::MIN)),
            gate: Mutex::new(Gate { sent: VecDeque::new(), window: WINDOW, calm: 0, hold_until: None }),
            rate: rate as usize,
            clock,
        }
    }

    pub fn clock(&self) -> crate::clock::Clock {
        self.clock
    }

    /// Waits for this request's turn. First come, first served: the lock is fair and held while sleeping.
    pub async fn turn(&self) {
        let mut gate = self.gate.lock().await;
        if let Some(until) = gate.hold_until.take() {
            sleep_until(until).await;
        }
        let clock = DefaultClock::default();
        while let Err(early) = self.spacing.check() {
            // `until_ready` sleeps on another timer than tokio's, so the waiting is done here.
            sleep(early.wait_time_from(clock.now())).await;
        }
        if gate.sent.len() == self.rate
            && let Some(oldest) = gate.sent.pop_front()
        {
            sleep_until(oldest + self.clock.real(gate.window)).await;
        }
        gate.sent.push_back(Instant::now());
        gate.calm += 1;
        if gate.calm >= CALM {
            gate.calm = 0;
            gate.window = narrower(gate.window);
        }
    }

    /// A 429 came: everybody waits, and the window is wider from now on.
    pub async fn throttled(&self, wait: Option<Duration>) {
        let mut gate = self.gate.lock().await;
        gate.window = wider(gate.window);
        gate.calm = 0;
        let until = Instant::now() + self.clock.real(wait.unwrap_or(THROTTLED_PAUSE));
        gate.hold_until = Some(gate.hold_until.map_or(until, |already| already.max(until)));
    }
}

fn wider(window: Duration) -> Duration {
    (window + WIDEN).min(WINDOW_MAX)
}

fn narrower(window: Duration) -> Duration {
    (window - WIDEN / 10).max(WINDOW)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_widens_by_429s_and_comes_back_slowly() {
        assert_eq!(wider(WINDOW), Duration::from_millis(1_020));
        assert_eq!(wider(WINDOW_MAX), WINDOW_MAX);
        assert_eq!(narrower(Duration::from_millis(1_020)), Duration::from_millis(1_019));
        assert_eq!(narrower(WINDOW), WINDOW);
    }

    #[tokio::test]
    async fn no_sliding_second_holds_more_than_seven_turns() {
        let pace = std::sync::Arc::new(Pace::new(RATE_MAX, crate::clock::Clock::REAL));
        let started = Instant::now();
        let turns = (0..16).map(|_| {
            let pace = pace.clone();
            tokio::spawn(async move {
                pace.turn().await;
                Instant::now()
            })
        });
        let mut stamps = Vec::new();
        for turn in turns.collect::<Vec<_>>() {
            stamps.push(turn.await.unwrap());
        }
        stamps.sort();
        let worst = (0..stamps.len())
            .map(|i| stamps[i..].iter().take_while(|s| **s < stamps[i] + Duration::from_secs(1)).count());
        assert!(worst.max().unwrap() <= RATE_MAX as usize);
        assert!(started.elapsed() >= Duration::from_millis(2_020), "16 turns need two windows");
    }
}
