//! The pace of an account: what is remembered of the last sends, and the rule made of it. At least 140 ms after the send
//! before, never more than the limit in any sliding 1.022 s, nothing while a 429 holds, nothing at all after a block.
//!
//! Measured: spacing alone lets late wake-ups bunch into 8 in a second at the server, the window alone starts with a
//! burst. So a send is stamped after waking, never before: a reserved instant that is reached late would bunch with the
//! next one. A request whose connection is not ready may come in at any time until that is known, and until then it
//! counts as if it came in now.
//!
//! This file is pure, instants are handed in as microseconds. `file` keeps a memory where all processes find it.

mod file;

pub use file::{Joined, Shared, SharedError, folder};

use serde::{Deserialize, Serialize};
use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

/// Requests a second that one integration may send to an account, over all its processes. [doc]
pub const LIMIT_MAX: usize = amo_model::RATE_MAX as usize;
/// Between two sends.
pub const SPACING: Duration = Duration::from_millis(140);
const SPACING_US: i64 = SPACING.as_micros() as i64;
/// The window in which at most the limit may fall: a second, and 20 ms by which the way to the server may differ from one
/// request to the next; the rest is for late timers.
const WINDOW_US: i64 = 1_022_000;
/// A request that waits for its connection has come in by then, or never will: longer than a connection may take. It is also
/// how long one is counted whose process has died.
const LATE_MAX_US: i64 = 10_000_000;
/// Each 429 widens the window by this much, up to `WINDOW_MAX_US`: a proxy that waits for whole packets holds single requests
/// back by 40 ms.
const WIDEN_US: i64 = 40_000;
const WINDOW_MAX_US: i64 = 1_150_000;
/// Sends without a 429 after which the window narrows by a tenth of `WIDEN_US`.
const CALM: u32 = 70;
/// The pause after a 429 that names none, doubled with each round. [inferred]
const THROTTLED_PAUSE_US: i64 = 1_000_000;
/// A longer pause is not waited for at one go, whatever an answer asks for. [inferred]
const HOLD_MAX_US: i64 = 600_000_000;
/// Rounds of 429s, one after the other with nothing accepted between, after which everybody stops: the service
/// answers persistence with a block that only its support can lift. [doc]
const ROUNDS_MAX: u32 = 5;

/// Why nobody sends any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Why {
    /// A 403 page.
    Blocked,
    /// 429 again and again.
    Throttled,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Halt {
    /// Counted from 1, so that a run can tell a new halt from the one it found when it began.
    pub no: u64,
    pub why: Why,
    pub at_us: i64,
}

/// What is remembered of an account's pace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Memory {
    /// When this was last changed; a clock that shows less has been set back.
    seen_us: i64,
    /// The last sends, at most `LIMIT_MAX`, the newest at the back.
    sent_us: VecDeque<i64>,
    /// Sends that may come in at any time from their stamp on.
    #[serde(default)]
    late_us: Vec<i64>,
    window_us: i64,
    /// Sends since the last 429 or the last narrowing.
    calm: u32,
    /// Nobody sends before this.
    hold_until_us: i64,
    /// 429s in a row, those of one wave counted once.
    rounds: u32,
    throttled_at_us: i64,
    halts: u64,
    halt: Option<Halt>,
}

impl Default for Memory {
    fn default() -> Memory {
        Memory {
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

impl Memory {
    /// Microseconds for which nobody sends any more; none or less where nothing is held.
    pub fn held_us(&self, now_us: i64) -> i64 {
        self.hold_until_us - now_us
    }

    /// A send now, stamped; or how many microseconds are left until one is legal. `limit` sends fit into a window.
    pub fn take(&mut self, now_us: i64, limit: usize) -> Result<(), i64> {
        let wait = self.wait(now_us, limit);
        if wait > 0 {
            return Err(wait);
        }
        self.stamp(now_us);
        Ok(())
    }

    /// A send now, which was found to be legal.
    pub fn stamp(&mut self, now_us: i64) {
        self.seen_us = now_us;
        self.sent(now_us);
        self.calm += 1;
        if self.calm >= CALM {
            self.calm = 0;
            self.window_us = (self.window_us - WIDEN_US / 10).max(WINDOW_US);
        }
    }

    /// Microseconds until a send is legal; 0 or less for now.
    pub fn wait(&mut self, now_us: i64, limit: usize) -> i64 {
        self.give_up_late(now_us);
        let limit = limit.clamp(1, LIMIT_MAX);
        // Below the maximum the sends are spread over the window, a little tighter than evenly.
        let spacing = SPACING_US.max(WINDOW_US / limit as i64 - 6_000);
        let last = self.sent_us.back().max(self.late_us.iter().max());
        let spaced = last.map_or(0, |last| last + spacing);
        let fits = match limit.saturating_sub(self.late_us.len()) {
            0 => self.late_us.iter().min().map_or(0, |first| first + LATE_MAX_US),
            room => self.sent_us.len().checked_sub(room).map_or(0, |at| self.sent_us[at] + self.window_us),
        };
        spaced.max(fits).max(self.hold_until_us) - now_us
    }

    /// A send that has come in at `at_us`, or had come in by then.
    fn sent(&mut self, at_us: i64) {
        let place = self.sent_us.partition_point(|stamp| *stamp <= at_us);
        self.sent_us.insert(place, at_us);
        if self.sent_us.len() > LIMIT_MAX {
            self.sent_us.pop_front();
        }
    }

    /// The request stamped `stamp_us` waits for its connection.
    pub fn is_late(&mut self, stamp_us: i64) {
        if let Some(place) = self.sent_us.iter().rposition(|stamp| *stamp == stamp_us) {
            self.sent_us.remove(place);
            self.late_us.push(stamp_us);
        }
    }

    /// The request stamped `stamp_us` left, or had come in, as late as `at_us`: its stamp moves there, or the eighth after it
    /// would come within a second.
    pub fn arrived(&mut self, stamp_us: i64, at_us: i64) {
        if let Some(place) = self.late_us.iter().position(|stamp| *stamp == stamp_us) {
            self.late_us.swap_remove(place);
        } else if let Some(place) = self.sent_us.iter().rposition(|stamp| *stamp == stamp_us) {
            self.sent_us.remove(place);
        } else {
            return;
        }
        self.sent(at_us);
        self.seen_us = self.seen_us.max(at_us);
    }

    fn give_up_late(&mut self, now_us: i64) {
        let (over, late): (Vec<i64>, Vec<i64>) =
            std::mem::take(&mut self.late_us).into_iter().partition(|stamp| now_us - stamp >= LATE_MAX_US);
        self.late_us = late;
        over.into_iter().for_each(|stamp| self.sent(stamp + LATE_MAX_US));
    }

    /// A 429 for a request sent at `sent_us`: the window widens, everybody waits. Requests that were under way when the
    /// last round began tell nothing new about persistence.
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
            self.stop(now_us, Why::Throttled);
        }
    }

    /// A 403 page came.
    pub fn blocked(&mut self, now_us: i64) {
        self.seen_us = now_us;
        self.stop(now_us, Why::Blocked);
    }

    fn stop(&mut self, now_us: i64, why: Why) {
        self.halts += 1;
        self.halt = Some(Halt { no: self.halts, why, at_us: now_us });
    }

    /// The service took a request sent at `sent_us`: troubles noted before that are over. An answer to an older request
    /// says nothing about them.
    pub fn passed(&mut self, sent_us: i64) {
        if sent_us >= self.throttled_at_us {
            self.rounds = 0;
        }
        self.halt = self.halt.filter(|halt| sent_us < halt.at_us);
    }

    /// True while an accepted request would change something.
    pub fn uneasy(&self) -> bool {
        self.rounds > 0 || self.halt.is_some()
    }

    pub fn halt(&self) -> Option<Halt> {
        self.halt
    }

    /// Takes in what is remembered of the same account under another address: whatever either forbids is forbidden, and
    /// a halt of the other one is a new one here.
    pub fn join(&mut self, other: &Memory) {
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

    /// A clock that was set back leaves stamps in the future. They move back with it, as if no time had passed since
    /// the last change: the longest wait that follows is the one that was due then.
    pub fn set_back(&mut self, now_us: i64) {
        let back = self.seen_us - now_us;
        if back <= 0 {
            return;
        }
        self.seen_us = now_us;
        self.sent_us.iter_mut().chain(&mut self.late_us).for_each(|at| *at -= back);
        self.hold_until_us -= back;
        self.throttled_at_us -= back;
        if let Some(halt) = &mut self.halt {
            halt.at_us -= back;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: i64 = 1_000;
    const SECOND: i64 = 1_000_000;

    /// The most stamps in any sliding second.
    fn worst(stamps: &[i64]) -> usize {
        (0..stamps.len())
            .map(|i| stamps[i..].iter().take_while(|at| **at < stamps[i] + SECOND).count())
            .max()
            .unwrap_or(0)
    }

    /// Reproducible dice, each roll below what is asked.
    fn dice(seed: u64) -> impl FnMut(i64) -> i64 {
        let mut state = seed;
        move |below| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            ((state >> 33) as i64) % below
        }
    }

    #[test]
    fn any_number_of_late_wakers_keep_to_seven_a_second_and_use_97_percent_of_it() {
        for processes in [1, 2, 5] {
            let mut memory = Memory::default();
            let mut wakes = vec![0; processes];
            let mut roll = dice(1);
            let (mut sent, mut arrived) = (Vec::new(), Vec::new());
            while sent.len() < 700 {
                let who = (0..processes).min_by_key(|p| wakes[*p]).unwrap();
                let now = wakes[who];
                // As measured: a timer is up to 2 ms late, now and then much more.
                let late = if roll(200) == 0 { 60 * MS } else { roll(2_000) };
                wakes[who] = now
                    + late
                    + match memory.take(now, LIMIT_MAX) {
                        Ok(()) => {
                            sent.push(now);
                            arrived.push(now + 40 * MS + roll(20 * MS));
                            0
                        }
                        Err(wait) => wait,
                    };
            }
            assert!(worst(&sent) <= 7, "{processes} processes");
            arrived.sort_unstable();
            assert!(worst(&arrived) <= 7, "{processes} processes, on a way that differs by 20 ms");
            let rate = 699.0 * SECOND as f64 / (sent[699] - sent[0]) as f64;
            assert!(rate >= 0.97 * 7.0, "{processes} processes: {rate:.3} a second");
        }
    }

    /// Every third request has to wait for its connection and comes in at any time between its stamp and the moment at
    /// which that is known; some are never told of.
    #[test]
    fn requests_that_wait_for_their_connections_never_make_eight_in_a_second() {
        for seed in 0..200 {
            let (mut memory, mut roll) = (Memory::default(), dice(seed));
            let (mut now, mut arrived, mut late) = (0, Vec::new(), Vec::new());
            for _ in 0..120 {
                late.retain(|(stamp, known)| {
                    if *known <= now {
                        memory.arrived(*stamp, *known);
                    }
                    *known > now
                });
                match memory.take(now, LIMIT_MAX) {
                    Ok(()) if roll(3) == 0 => {
                        memory.is_late(now);
                        let forgotten = roll(10) == 0;
                        let known = now + if forgotten { LATE_MAX_US } else { 1 + roll(1_500 * MS) };
                        arrived.push(now + roll(known - now));
                        if !forgotten {
                            late.push((now, known));
                        }
                    }
                    Ok(()) => arrived.push(now),
                    // A wait ends earlier where a request is known to have come in.
                    Err(wait) => now += late.iter().map(|(_, known)| known - now).min().unwrap_or(wait).min(wait),
                }
            }
            arrived.sort_unstable();
            assert!(worst(&arrived) <= 7, "seed {seed}");
        }
    }

    #[test]
    fn seven_that_wait_for_their_connections_hold_the_eighth_until_one_is_known() {
        let mut memory = Memory::default();
        for n in 0..7 {
            memory.take(n * SECOND, LIMIT_MAX).unwrap();
            memory.is_late(n * SECOND);
        }
        assert_eq!(memory.wait(7 * SECOND, LIMIT_MAX), 3 * SECOND, "until the first is given up");
        memory.arrived(2 * SECOND, 7 * SECOND);
        assert_eq!(memory.wait(7 * SECOND, LIMIT_MAX), WINDOW_US, "there is room for that one, which is in the window");
        assert_eq!(memory.wait(7 * SECOND, 1), 3 * SECOND);
        assert!(memory.wait(17 * SECOND, LIMIT_MAX) <= 0);
    }

    #[test]
    fn a_send_is_stamped_though_a_late_one_is_given_up_in_that_moment() {
        let mut memory = Memory::default();
        memory.take(0, LIMIT_MAX).unwrap();
        memory.is_late(0);
        assert!(memory.wait(LATE_MAX_US - 1, LIMIT_MAX) <= 0);
        memory.give_up_late(LATE_MAX_US);
        memory.stamp(LATE_MAX_US + 1);
        assert_eq!(memory.sent_us, [LATE_MAX_US, LATE_MAX_US + 1]);
    }

    #[test]
    fn a_lower_limit_spreads_its_sends() {
        for limit in 1..=6 {
            let (mut memory, mut now, mut sent) = (Memory::default(), 0, Vec::new());
            while sent.len() < 30 {
                match memory.take(now, limit) {
                    Ok(()) => sent.push(now),
                    Err(wait) => now += wait,
                }
            }
            assert!(worst(&sent) <= limit, "{limit} a second");
            assert!(now <= 30 * 1_027 * MS / limit as i64, "{limit} a second: 30 in {now} us");
        }
    }

    #[test]
    fn a_request_that_was_late_on_its_way_counts_from_its_arrival() {
        let mut memory = Memory::default();
        memory.take(0, LIMIT_MAX).unwrap();
        memory.take(200 * MS, LIMIT_MAX).unwrap();
        memory.arrived(0, 10 * MS);
        assert_eq!(memory.sent_us, [10 * MS, 200 * MS]);
        memory.arrived(10 * MS, 250 * MS);
        assert_eq!(memory.sent_us, [200 * MS, 250 * MS]);
        assert_eq!(memory.wait(250 * MS, LIMIT_MAX), SPACING_US);
        memory.arrived(10 * MS, 300 * MS);
        assert_eq!(memory.sent_us, [200 * MS, 250 * MS], "a stamp that was forgotten stays so");
        memory.is_late(200 * MS);
        assert_eq!((&*memory.late_us, memory.sent_us.len()), (&[200 * MS][..], 1));
        memory.arrived(200 * MS, 300 * MS);
        assert_eq!((memory.late_us.len(), &memory.sent_us), (0, &VecDeque::from([250 * MS, 300 * MS])));
    }

    #[test]
    fn the_window_widens_by_429s_and_comes_back_slowly() {
        let mut memory = Memory::default();
        memory.throttled(0, 0, None);
        assert_eq!(memory.window_us, WINDOW_US + WIDEN_US);
        for _ in 0..20 {
            memory.throttled(1, 0, None);
        }
        assert_eq!(memory.window_us, WINDOW_MAX_US);
        let mut now = 0;
        for _ in 0..CALM {
            now += 2 * SECOND;
            memory.take(now, LIMIT_MAX).unwrap();
        }
        assert_eq!(memory.window_us, WINDOW_MAX_US - WIDEN_US / 10);
    }

    #[test]
    fn pauses_double_with_each_round_and_are_at_least_what_was_asked_for() {
        let mut memory = Memory::default();
        memory.throttled(0, 0, None);
        // The same wave: sent before the first 429 was known.
        memory.throttled(10 * MS, -1, None);
        assert_eq!((memory.rounds, memory.wait(10 * MS, 7)), (1, SECOND));
        memory.throttled(2 * SECOND, SECOND, None);
        assert_eq!(memory.wait(2 * SECOND, 7), 2 * SECOND);
        memory.throttled(5 * SECOND, 4 * SECOND, Some(Duration::from_secs(300)));
        assert_eq!(memory.wait(5 * SECOND, 7), 300 * SECOND);
        memory.passed(4 * SECOND);
        assert_eq!(memory.rounds, 3, "it was sent before the last 429");
        memory.passed(306 * SECOND);
        assert_eq!(memory.rounds, 0);
    }

    #[test]
    fn five_rounds_of_429_or_one_page_stop_everybody_until_a_request_passes() {
        let mut memory = Memory::default();
        for round in 1..=5 {
            assert_eq!(memory.halt(), None);
            memory.throttled(round * 100 * SECOND, round * 100 * SECOND - 1, None);
        }
        assert_eq!(memory.halt(), Some(Halt { no: 1, why: Why::Throttled, at_us: 500 * SECOND }));
        memory.blocked(501 * SECOND);
        assert_eq!(memory.halt(), Some(Halt { no: 2, why: Why::Blocked, at_us: 501 * SECOND }));
        memory.passed(500 * SECOND);
        assert!(memory.halt().is_some(), "the answer to an older request");
        memory.passed(502 * SECOND);
        assert_eq!(memory.halt(), None);
    }

    #[test]
    fn memories_that_are_joined_allow_no_more_than_either() {
        let mut roll = dice(7);
        for _ in 0..300 {
            let mut memories = [Memory::default(), Memory::default()];
            let (mut now, mut sent) = (0, [Vec::new(), Vec::new()]);
            while now < 2 * SECOND {
                let who = usize::from(roll(2) == 1);
                if memories[who].take(now, LIMIT_MAX).is_ok() {
                    sent[who].push(now);
                }
                now += roll(60_000);
            }
            let [mut one, mut other] = memories;
            let waits = [one.wait(now, LIMIT_MAX), other.wait(now, LIMIT_MAX)];
            one.join(&other);
            assert!(one.wait(now, LIMIT_MAX) >= waits[0].max(waits[1]));
            let mut all = sent.concat();
            all.sort_unstable();
            let joined = now;
            while now < joined + 2 * SECOND {
                if one.take(now, LIMIT_MAX).is_ok() {
                    all.push(now);
                }
                now += roll(20_000);
            }
            // Of the seconds that hold a send after the join.
            let from = all.partition_point(|at| *at < joined);
            for end in from..all.len() {
                let within = all[..=end].iter().filter(|at| **at > all[end] - SECOND).count();
                assert!(within <= LIMIT_MAX, "{within} in the second that ends at {}", all[end]);
            }
        }
    }

    #[test]
    fn a_halt_and_a_hold_are_those_of_both_once_joined() {
        let (mut one, mut other) = (Memory::default(), Memory::default());
        one.blocked(SECOND);
        one.passed(2 * SECOND);
        other.throttled(3 * SECOND, 3 * SECOND, Some(Duration::from_secs(60)));
        other.blocked(4 * SECOND);
        let found = other.halt();
        one.join(&other);
        assert_eq!(one.halt(), Some(Halt { no: 2, why: Why::Blocked, at_us: 4 * SECOND }));
        assert_eq!(one.wait(4 * SECOND, LIMIT_MAX), other.wait(4 * SECOND, LIMIT_MAX));
        assert_eq!(found.map(|halt| halt.no), Some(1), "each has its own count");
        let halt = one.halt();
        one.join(&other);
        assert_eq!(one.halt(), halt, "joined once more, it is no other");
    }

    #[test]
    fn a_clock_that_was_set_back_costs_one_window_at_most() {
        let mut memory = Memory::default();
        for n in 0..7 {
            memory.take(3_600 * SECOND + n * 140 * MS, LIMIT_MAX).unwrap();
        }
        memory.set_back(10 * SECOND);
        assert!((1..=WINDOW_US).contains(&memory.wait(10 * SECOND, LIMIT_MAX)));
        assert_eq!(memory.wait(10 * SECOND, LIMIT_MAX), WINDOW_US - 6 * 140 * MS);
        memory.set_back(11 * SECOND);
        assert!(memory.wait(11 * SECOND, LIMIT_MAX) <= 0, "time goes on from there");
        memory.throttled(11 * SECOND, 11 * SECOND, Some(Duration::from_secs(60)));
        memory.set_back(0);
        assert_eq!(memory.wait(0, LIMIT_MAX), 60 * SECOND);
    }
}
