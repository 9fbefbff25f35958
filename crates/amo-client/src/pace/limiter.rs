//! The rule of the pace: a send at least 140 ms after the one before, never more than the limit in any sliding 1.022 s, none
//! during the hold after a 429, none at all after a block.
//!
//! With spacing alone, late wake-ups bunch up to 8 in a second at the server; with the window alone, a run starts with a
//! burst. [measured] So a send is stamped after waking up and never before: a reserved instant that is reached late would
//! bunch with the next one. A request whose connection is not ready may arrive at any time until that is known, and until
//! then it counts as if it arrived now.
//!
//! Pure: instants are given in microseconds.

use serde::{Deserialize, Serialize};
use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

/// Sends in a window, over all processes.
pub const LIMIT_MAX: usize = amo_model::RATE_MAX as usize;
/// The least time between two sends.
pub const SPACING: Duration = Duration::from_millis(140);
const SPACING_US: i64 = SPACING.as_micros() as i64;
/// The window that holds at most `LIMIT_MAX` sends: a second, 20 ms by which the way to the server may differ from one request
/// to the next, and 2 ms for late timers.
const WINDOW_US: i64 = 1_022_000;
/// A request that waits for its connection has arrived by then or never will: longer than a connection may take. So long the
/// request of a killed process is counted.
const LATE_MAX_US: i64 = 10_000_000;
/// Each 429 widens the window by this much, up to `WINDOW_MAX_US`: a proxy that waits for full packets delays single requests
/// by 40 ms.
const WIDEN_US: i64 = 40_000;
const WINDOW_MAX_US: i64 = 1_150_000;
/// Sends without a 429 after which the window narrows by a tenth of `WIDEN_US`.
const CALM_SENDS: u32 = 70;
/// The hold after a 429 that names none, doubled with each round. [inferred]
const THROTTLED_PAUSE_US: i64 = 1_000_000;
/// The longest hold, whatever an answer asks for. [inferred]
const HOLD_MAX_US: i64 = 600_000_000;
/// Rounds of 429s without an accepted request between them, after which all processes stop: the service blocks a client that
/// goes on, and only its support lifts that. [doc]
const ROUNDS_MAX: u32 = 5;

/// Why nothing is sent any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HaltReason {
    /// A 403 page.
    Blocked,
    /// Round after round of 429s.
    Throttled,
}

/// A stop for all processes, until a request is accepted again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Halt {
    /// Counts from 1, so that a process can tell a new halt from the one it found when it began.
    pub no: u64,
    pub why: HaltReason,
    pub at_us: i64,
}

/// The state of an account's pace. Its JSON is what processes share, so the names of the fields stay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LimiterState {
    /// When this was last changed; a clock that shows an earlier time was set back.
    seen_us: i64,
    /// The last sends, at most `LIMIT_MAX`, newest last.
    sent_us: VecDeque<i64>,
    /// Sends that may arrive at any time after their stamp.
    #[serde(default)]
    late_us: Vec<i64>,
    window_us: i64,
    /// Sends since the last 429 or the last narrowing.
    calm: u32,
    /// Nothing is sent before this.
    hold_until_us: i64,
    /// Rounds of 429s in a row; those of requests in flight together are one round.
    rounds: u32,
    throttled_at_us: i64,
    halts: u64,
    halt: Option<Halt>,
}

impl Default for LimiterState {
    fn default() -> LimiterState {
        LimiterState {
            seen_us: 0,
            sent_us: VecDeque::new(),
            late_us: Vec::new(),
            window_us: WINDOW_US,
            calm: 0,
            hold_until_us: 0,
            rounds: 0,
            throttled_at_us: 0,
            halts: 0,
            halt: None,
        }
    }
}

impl LimiterState {
    /// Microseconds until the hold after a 429 ends; 0 or less where there is none.
    pub fn held_us(&self, now_us: i64) -> i64 {
        self.hold_until_us - now_us
    }

    /// Stamps a send now, or returns the microseconds until one is allowed. `limit` sends fit into a window.
    pub fn take(&mut self, now_us: i64, limit: usize) -> Result<(), i64> {
        let wait = self.wait(now_us, limit);
        if wait > 0 {
            return Err(wait);
        }
        self.stamp(now_us);
        Ok(())
    }

    /// Stamps a send now, which `wait` has allowed.
    pub fn stamp(&mut self, now_us: i64) {
        self.seen_us = now_us;
        self.add_sent(now_us);
        self.calm += 1;
        if self.calm >= CALM_SENDS {
            self.calm = 0;
            self.window_us = (self.window_us - WIDEN_US / 10).max(WINDOW_US);
        }
    }

    /// Microseconds until a send is allowed; 0 or less for now.
    pub fn wait(&mut self, now_us: i64, limit: usize) -> i64 {
        self.expire_late(now_us);
        let limit = limit.clamp(1, LIMIT_MAX);
        // A lower limit spreads the sends over the window, slightly closer than evenly.
        let spacing = SPACING_US.max(WINDOW_US / limit as i64 - 6_000);
        let last = self.sent_us.back().max(self.late_us.iter().max());
        let spaced = last.map_or(0, |last| last + spacing);
        let fits = match limit.saturating_sub(self.late_us.len()) {
            0 => self.late_us.iter().min().map_or(0, |first| first + LATE_MAX_US),
            room => self.sent_us.len().checked_sub(room).map_or(0, |index| self.sent_us[index] + self.window_us),
        };
        spaced.max(fits).max(self.hold_until_us) - now_us
    }

    /// Adds a send that arrived at `arrival_us` at the latest.
    fn add_sent(&mut self, arrival_us: i64) {
        let index = self.sent_us.partition_point(|stamp| *stamp <= arrival_us);
        self.sent_us.insert(index, arrival_us);
        if self.sent_us.len() > LIMIT_MAX {
            self.sent_us.pop_front();
        }
    }

    /// The request stamped `stamp_us` waits for its connection.
    pub fn is_late(&mut self, stamp_us: i64) {
        if let Some(index) = self.sent_us.iter().rposition(|stamp| *stamp == stamp_us) {
            self.sent_us.remove(index);
            self.late_us.push(stamp_us);
        }
    }

    /// The request stamped `stamp_us` left or arrived as late as `arrival_us`: its stamp moves there, or eight requests could
    /// arrive within a second.
    pub fn arrived(&mut self, stamp_us: i64, arrival_us: i64) {
        if let Some(index) = self.late_us.iter().position(|stamp| *stamp == stamp_us) {
            self.late_us.swap_remove(index);
        } else if let Some(index) = self.sent_us.iter().rposition(|stamp| *stamp == stamp_us) {
            self.sent_us.remove(index);
        } else {
            return;
        }
        self.add_sent(arrival_us);
        self.seen_us = self.seen_us.max(arrival_us);
    }

    /// Late requests count as arrived after `LATE_MAX_US`.
    fn expire_late(&mut self, now_us: i64) {
        let (expired, late): (Vec<i64>, Vec<i64>) =
            std::mem::take(&mut self.late_us).into_iter().partition(|stamp| now_us - stamp >= LATE_MAX_US);
        self.late_us = late;
        expired.into_iter().for_each(|stamp| self.add_sent(stamp + LATE_MAX_US));
    }

    /// A 429 for a request sent at `sent_us`: the window widens, and all processes wait. Requests that were in flight when the
    /// last round began do not begin another one.
    pub fn throttled(&mut self, now_us: i64, sent_us: i64, asked: Option<Duration>) {
        self.seen_us = now_us;
        self.window_us = (self.window_us + WIDEN_US).min(WINDOW_MAX_US);
        self.calm = 0;
        if self.rounds == 0 || sent_us > self.throttled_at_us {
            self.rounds += 1;
            self.throttled_at_us = now_us;
        }
        let doubled = THROTTLED_PAUSE_US << self.rounds.saturating_sub(1).min(ROUNDS_MAX);
        let asked = asked.map(|wait| i64::try_from(wait.as_micros()).unwrap_or(i64::MAX));
        let pause = asked.unwrap_or(0).max(doubled).min(HOLD_MAX_US);
        self.hold_until_us = self.hold_until_us.max(now_us + pause);
        if self.rounds >= ROUNDS_MAX {
            self.stop(now_us, HaltReason::Throttled);
        }
    }

    /// A 403 page came.
    pub fn blocked(&mut self, now_us: i64) {
        self.seen_us = now_us;
        self.stop(now_us, HaltReason::Blocked);
    }

    fn stop(&mut self, now_us: i64, why: HaltReason) {
        self.halts += 1;
        self.halt = Some(Halt { no: self.halts, why, at_us: now_us });
    }

    /// The service accepted a request sent at `sent_us`, which ends the 429s and the halt noted before that. An answer to an
    /// older request ends nothing.
    pub fn passed(&mut self, sent_us: i64) {
        if sent_us >= self.throttled_at_us {
            self.rounds = 0;
        }
        self.halt = self.halt.filter(|halt| sent_us < halt.at_us);
    }

    /// True while there are rounds of 429s or a halt, which an accepted request would end.
    pub fn has_trouble(&self) -> bool {
        self.rounds > 0 || self.halt.is_some()
    }

    pub fn halt(&self) -> Option<Halt> {
        self.halt
    }

    /// Adds the state of the same account under another address: what either forbids is forbidden, and a halt of the other one
    /// is a new halt here.
    pub fn join(&mut self, other: &LimiterState) {
        let sent: BTreeSet<i64> = self.sent_us.iter().chain(&other.sent_us).copied().collect();
        let old = sent.len().saturating_sub(LIMIT_MAX);
        self.sent_us = sent.into_iter().skip(old).collect();
        let late: BTreeSet<i64> = self.late_us.iter().chain(&other.late_us).copied().collect();
        self.late_us = late.into_iter().collect();
        self.seen_us = self.seen_us.max(other.seen_us);
        self.window_us = self.window_us.max(other.window_us);
        self.calm = self.calm.min(other.calm);
        self.hold_until_us = self.hold_until_us.max(other.hold_until_us);
        self.rounds = self.rounds.max(other.rounds);
        self.throttled_at_us = self.throttled_at_us.max(other.throttled_at_us);
        if let Some(halt) = other.halt.filter(|halt| self.halt.is_none_or(|own| own.at_us < halt.at_us)) {
            self.stop(halt.at_us, halt.why);
        }
    }

    /// After the clock was set back, stamps lie in the future. They move back with it, as if no time had passed since the last
    /// change, so that the longest wait is the one that was due then.
    pub fn set_back(&mut self, now_us: i64) {
        let back = self.seen_us - now_us;
        if back <= 0 {
            return;
        }
        self.seen_us = now_us;
        self.sent_us.iter_mut().chain(&mut self.late_us).for_each(|stamp| *stamp -= back);
        self.hold_until_us -= back;
        self.throttled_at_us -= back;
        if let Some(halt) = &mut self.halt {
            halt.at_us -= back;
        }
    }
}

#[cfg(test)]
#[path = "limiter_tests.rs"]
mod tests;
