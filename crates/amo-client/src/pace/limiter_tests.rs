//! The rule of the pace, with simulated clocks.

use super::*;

const MS: i64 = 1_000;
const SECOND: i64 = 1_000_000;

/// The largest number of stamps in any sliding second.
fn most_in_a_second(stamps: &[i64]) -> usize {
    (0..stamps.len())
        .map(|i| stamps[i..].iter().take_while(|stamp| **stamp < stamps[i] + SECOND).count())
        .max()
        .unwrap_or(0)
}

/// A reproducible random generator; each number is below its argument.
fn random(seed: u64) -> impl FnMut(i64) -> i64 {
    let mut state = seed;
    move |below| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((state >> 33) as i64) % below
    }
}

#[test]
fn processes_with_late_timers_keep_to_seven_a_second_and_use_97_percent_of_it() {
    for processes in [1, 2, 5] {
        let mut limiter = LimiterState::default();
        let mut wakes = vec![0; processes];
        let mut roll = random(1);
        let (mut sent, mut arrived) = (Vec::new(), Vec::new());
        while sent.len() < 700 {
            let who = (0..processes).min_by_key(|p| wakes[*p]).unwrap();
            let now = wakes[who];
            // A timer is up to 2 ms late, and sometimes much more. [measured]
            let late = if roll(200) == 0 { 60 * MS } else { roll(2_000) };
            wakes[who] = now
                + late
                + match limiter.take(now, LIMIT_MAX) {
                    Ok(()) => {
                        sent.push(now);
                        arrived.push(now + 40 * MS + roll(20 * MS));
                        0
                    }
                    Err(wait) => wait,
                };
        }
        assert!(most_in_a_second(&sent) <= 7, "{processes} processes");
        arrived.sort_unstable();
        assert!(most_in_a_second(&arrived) <= 7, "{processes} processes, with a latency that differs by 20 ms");
        let rate = 699.0 * SECOND as f64 / (sent[699] - sent[0]) as f64;
        assert!(rate >= 0.97 * 7.0, "{processes} processes: {rate:.3} a second");
    }
}

/// Every third request has to wait for its connection and arrives at any time between its stamp and the moment at which
/// that is known; some are never reported.
#[test]
fn requests_that_wait_for_their_connections_never_make_eight_in_a_second() {
    for seed in 0..200 {
        let (mut limiter, mut roll) = (LimiterState::default(), random(seed));
        let (mut now, mut arrived, mut late) = (0, Vec::new(), Vec::new());
        for _ in 0..120 {
            late.retain(|(stamp, known)| {
                if *known <= now {
                    limiter.arrived(*stamp, *known);
                }
                *known > now
            });
            match limiter.take(now, LIMIT_MAX) {
                Ok(()) if roll(3) == 0 => {
                    limiter.is_late(now);
                    let forgotten = roll(10) == 0;
                    let known = now + if forgotten { LATE_MAX_US } else { 1 + roll(1_500 * MS) };
                    arrived.push(now + roll(known - now));
                    if !forgotten {
                        late.push((now, known));
                    }
                }
                Ok(()) => arrived.push(now),
                // A wait ends earlier when a request is known to have arrived.
                Err(wait) => now += late.iter().map(|(_, known)| known - now).min().unwrap_or(wait).min(wait),
            }
        }
        arrived.sort_unstable();
        assert!(most_in_a_second(&arrived) <= 7, "seed {seed}");
    }
}

#[test]
fn seven_requests_that_wait_for_connections_delay_the_eighth_until_one_has_arrived() {
    let mut limiter = LimiterState::default();
    for n in 0..7 {
        limiter.take(n * SECOND, LIMIT_MAX).unwrap();
        limiter.is_late(n * SECOND);
    }
    assert_eq!(limiter.wait(7 * SECOND, LIMIT_MAX), 3 * SECOND, "until the first expires");
    limiter.arrived(2 * SECOND, 7 * SECOND);
    assert_eq!(limiter.wait(7 * SECOND, LIMIT_MAX), WINDOW_US, "the arrived one is in the window");
    assert_eq!(limiter.wait(7 * SECOND, 1), 3 * SECOND);
    assert!(limiter.wait(17 * SECOND, LIMIT_MAX) <= 0);
}

#[test]
fn a_send_is_stamped_when_a_late_one_expires_in_the_same_moment() {
    let mut limiter = LimiterState::default();
    limiter.take(0, LIMIT_MAX).unwrap();
    limiter.is_late(0);
    assert!(limiter.wait(LATE_MAX_US - 1, LIMIT_MAX) <= 0);
    limiter.expire_late(LATE_MAX_US);
    limiter.stamp(LATE_MAX_US + 1);
    assert_eq!(limiter.sent_us, [LATE_MAX_US, LATE_MAX_US + 1]);
}

#[test]
fn a_lower_limit_spreads_its_sends() {
    for limit in 1..=6 {
        let (mut limiter, mut now, mut sent) = (LimiterState::default(), 0, Vec::new());
        while sent.len() < 30 {
            match limiter.take(now, limit) {
                Ok(()) => sent.push(now),
                Err(wait) => now += wait,
            }
        }
        assert!(most_in_a_second(&sent) <= limit, "{limit} a second");
        assert!(now <= 30 * 1_027 * MS / limit as i64, "{limit} a second: 30 in {now} us");
    }
}

#[test]
fn a_late_request_counts_from_its_arrival() {
    let mut limiter = LimiterState::default();
    limiter.take(0, LIMIT_MAX).unwrap();
    limiter.take(200 * MS, LIMIT_MAX).unwrap();
    limiter.arrived(0, 10 * MS);
    assert_eq!(limiter.sent_us, [10 * MS, 200 * MS]);
    limiter.arrived(10 * MS, 250 * MS);
    assert_eq!(limiter.sent_us, [200 * MS, 250 * MS]);
    assert_eq!(limiter.wait(250 * MS, LIMIT_MAX), SPACING_US);
    limiter.arrived(10 * MS, 300 * MS);
    assert_eq!(limiter.sent_us, [200 * MS, 250 * MS], "a stamp that is no longer kept does not come back");
    limiter.is_late(200 * MS);
    assert_eq!((&*limiter.late_us, limiter.sent_us.len()), (&[200 * MS][..], 1));
    limiter.arrived(200 * MS, 300 * MS);
    assert_eq!((limiter.late_us.len(), &limiter.sent_us), (0, &VecDeque::from([250 * MS, 300 * MS])));
}

#[test]
fn the_window_widens_with_429s_and_narrows_slowly() {
    let mut limiter = LimiterState::default();
    limiter.throttled(0, 0, None);
    assert_eq!(limiter.window_us, WINDOW_US + WIDEN_US);
    for _ in 0..20 {
        limiter.throttled(1, 0, None);
    }
    assert_eq!(limiter.window_us, WINDOW_MAX_US);
    let mut now = 0;
    for _ in 0..CALM_SENDS {
        now += 2 * SECOND;
        limiter.take(now, LIMIT_MAX).unwrap();
    }
    assert_eq!(limiter.window_us, WINDOW_MAX_US - WIDEN_US / 10);
}

#[test]
fn holds_double_with_each_round_and_are_at_least_as_long_as_asked_for() {
    let mut limiter = LimiterState::default();
    limiter.throttled(0, 0, None);
    // The same round: sent before the first 429 was known.
    limiter.throttled(10 * MS, -1, None);
    assert_eq!((limiter.rounds, limiter.wait(10 * MS, 7)), (1, SECOND));
    limiter.throttled(2 * SECOND, SECOND, None);
    assert_eq!(limiter.wait(2 * SECOND, 7), 2 * SECOND);
    limiter.throttled(5 * SECOND, 4 * SECOND, Some(Duration::from_secs(300)));
    assert_eq!(limiter.wait(5 * SECOND, 7), 300 * SECOND);
    limiter.passed(4 * SECOND);
    assert_eq!(limiter.rounds, 3, "it was sent before the last 429");
    limiter.passed(306 * SECOND);
    assert_eq!(limiter.rounds, 0);
}

#[test]
fn five_rounds_of_429_or_one_403_page_stop_all_until_a_request_is_accepted() {
    let mut limiter = LimiterState::default();
    for round in 1..=5 {
        assert_eq!(limiter.halt(), None);
        limiter.throttled(round * 100 * SECOND, round * 100 * SECOND - 1, None);
    }
    assert_eq!(limiter.halt(), Some(Halt { no: 1, why: HaltReason::Throttled, at_us: 500 * SECOND }));
    limiter.blocked(501 * SECOND);
    assert_eq!(limiter.halt(), Some(Halt { no: 2, why: HaltReason::Blocked, at_us: 501 * SECOND }));
    limiter.passed(500 * SECOND);
    assert!(limiter.halt().is_some(), "the answer to an older request");
    limiter.passed(502 * SECOND);
    assert_eq!(limiter.halt(), None);
}

#[test]
fn joined_states_allow_no_more_than_either() {
    let mut roll = random(7);
    for _ in 0..300 {
        let mut limiters = [LimiterState::default(), LimiterState::default()];
        let (mut now, mut sent) = (0, [Vec::new(), Vec::new()]);
        while now < 2 * SECOND {
            let who = usize::from(roll(2) == 1);
            if limiters[who].take(now, LIMIT_MAX).is_ok() {
                sent[who].push(now);
            }
            now += roll(60_000);
        }
        let [mut one, mut other] = limiters;
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
        // Only the seconds with a send after the join.
        let from = all.partition_point(|stamp| *stamp < joined);
        for end in from..all.len() {
            let within = all[..=end].iter().filter(|stamp| **stamp > all[end] - SECOND).count();
            assert!(within <= LIMIT_MAX, "{within} in the second that ends at {}", all[end]);
        }
    }
}

#[test]
fn a_halt_and_a_hold_are_those_of_both_once_joined() {
    let (mut one, mut other) = (LimiterState::default(), LimiterState::default());
    one.blocked(SECOND);
    one.passed(2 * SECOND);
    other.throttled(3 * SECOND, 3 * SECOND, Some(Duration::from_secs(60)));
    other.blocked(4 * SECOND);
    let found = other.halt();
    one.join(&other);
    assert_eq!(one.halt(), Some(Halt { no: 2, why: HaltReason::Blocked, at_us: 4 * SECOND }));
    assert_eq!(one.wait(4 * SECOND, LIMIT_MAX), other.wait(4 * SECOND, LIMIT_MAX));
    assert_eq!(found.map(|halt| halt.no), Some(1), "each has its own count");
    let halt = one.halt();
    one.join(&other);
    assert_eq!(one.halt(), halt, "joining again changes nothing");
}

#[test]
fn a_clock_that_was_set_back_delays_by_one_window_at_most() {
    let mut limiter = LimiterState::default();
    for n in 0..7 {
        limiter.take(3_600 * SECOND + n * 140 * MS, LIMIT_MAX).unwrap();
    }
    limiter.set_back(10 * SECOND);
    assert!((1..=WINDOW_US).contains(&limiter.wait(10 * SECOND, LIMIT_MAX)));
    assert_eq!(limiter.wait(10 * SECOND, LIMIT_MAX), WINDOW_US - 6 * 140 * MS);
    limiter.set_back(11 * SECOND);
    assert!(limiter.wait(11 * SECOND, LIMIT_MAX) <= 0, "time goes on from there");
    limiter.throttled(11 * SECOND, 11 * SECOND, Some(Duration::from_secs(60)));
    limiter.set_back(0);
    assert_eq!(limiter.wait(0, LIMIT_MAX), 60 * SECOND);
}
