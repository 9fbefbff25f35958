//! The rate limit: requests per sliding second, then a block. Pure; instants are milliseconds.

use std::collections::{HashMap, VecDeque};

use crate::switches::Switches;

const SECOND_MS: u64 = 1000;
const MINUTE_MS: u64 = 60_000;
/// The maximum number of keys, so that a client with a new token for every request cannot fill the memory.
const KEYS_MAX: usize = 10_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RateDecision {
    Pass,
    Throttled,
    Blocked,
}

#[derive(Debug, Default)]
struct Window {
    /// The requests of the last second, and whether each counts against the limit.
    arrivals: VecDeque<(u64, bool)>,
    throttled: VecDeque<u64>,
}

/// The rate limit of all keys.
#[derive(Debug, Default)]
pub struct RateLimiter {
    windows: HashMap<String, Window>,
    pub worst_second: usize,
    pub throttled: u64,
    /// The block is for the account, not for one token. [doc]
    pub blocked: bool,
}

impl RateLimiter {
    /// A request that has arrived completely at `at_ms`; the instants of a key never decrease. Requests without a valid
    /// token share the empty key, which is throttled but blocks nobody.
    pub fn admit(&mut self, key: &str, at_ms: u64, switches: &Switches) -> RateDecision {
        if self.windows.len() >= KEYS_MAX && !self.windows.contains_key(key) {
            self.windows.retain(|_, w| w.arrivals.back().is_some_and(|(at, _)| at_ms < at + MINUTE_MS));
        }
        let window = self.windows.entry(key.to_owned()).or_default();
        while window.arrivals.front().is_some_and(|(at, _)| at_ms >= at + SECOND_MS) {
            window.arrivals.pop_front();
        }
        while window.throttled.front().is_some_and(|at| at_ms >= at + MINUTE_MS) {
            window.throttled.pop_front();
        }
        let counted = window.arrivals.iter().filter(|(_, counts)| *counts).count();
        let fits = counted < switches.rate_max as usize;
        window.arrivals.push_back((at_ms, fits || switches.throttled_count));
        self.worst_second = self.worst_second.max(window.arrivals.len());
        if self.blocked {
            return RateDecision::Blocked;
        }
        if fits {
            return RateDecision::Pass;
        }
        window.throttled.push_back(at_ms);
        self.throttled += 1;
        // The 429 that reaches the limit is still a 429; the block starts with the next request. [inferred]
        self.blocked =
            !key.is_empty() && switches.block_after > 0 && window.throttled.len() >= switches.block_after as usize;
        RateDecision::Throttled
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use RateDecision::{Blocked, Pass, Throttled};

    #[test]
    fn seven_in_a_sliding_second_pass_and_the_eighth_does_not() {
        let switches = Switches::default();
        for (arrivals, last) in [
            (&[0, 0, 0, 0, 0, 0, 0][..], Pass),
            (&[0, 0, 0, 0, 0, 0, 0, 0], Throttled),
            (&[0, 100, 200, 300, 400, 500, 600, 999], Throttled),
            (&[0, 100, 200, 300, 400, 500, 600, 1000], Pass),
            (&[900, 900, 900, 900, 1100, 1100, 1100, 1100], Throttled),
            // The rejected request at 999 does not count, so that there is room at 1000.
            (&[0, 100, 200, 300, 400, 500, 600, 999, 1000], Pass),
        ] {
            let mut rate = RateLimiter::default();
            let decisions: Vec<RateDecision> = arrivals.iter().map(|at| rate.admit("t", *at, &switches)).collect();
            assert_eq!(decisions.last(), Some(&last), "{arrivals:?}");
        }
    }

    #[test]
    fn rejected_requests_count_with_the_switch() {
        let switches = Switches { throttled_count: true, ..Switches::default() };
        let mut rate = RateLimiter::default();
        for at in [0, 10, 20, 30, 40, 50, 60] {
            assert_eq!(rate.admit("t", at, &switches), Pass);
        }
        // Six of the seven are left at 1005; the rejected one at 999 is the seventh.
        assert_eq!(rate.admit("t", 999, &switches), Throttled);
        assert_eq!(rate.admit("t", 1005, &switches), Throttled);
        assert_eq!(rate.worst_second, 8);
    }

    #[test]
    fn ten_rejections_in_a_minute_block_all_tokens() {
        let switches = Switches::default();
        let mut rate = RateLimiter::default();
        let decisions: Vec<RateDecision> = (0..18).map(|_| rate.admit("t", 0, &switches)).collect();
        assert_eq!(decisions.iter().filter(|g| **g == Throttled).count(), 10);
        assert_eq!(decisions[17], Blocked);
        assert_eq!(rate.admit("other", 100_000_000, &switches), Blocked);
    }

    #[test]
    fn rejections_far_apart_do_not_block_and_tokens_do_not_share_a_second() {
        let switches = Switches::default();
        let mut rate = RateLimiter::default();
        for round in 0..20 {
            for _ in 0..8 {
                rate.admit("t", round * 30_000, &switches);
            }
        }
        assert_eq!((rate.throttled, rate.blocked), (20, false));
        assert_eq!(rate.admit("other", 19 * 30_000, &switches), Pass);
    }
}
