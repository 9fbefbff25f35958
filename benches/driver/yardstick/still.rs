//! What has nothing to do with the tool: work that shows whether the machine is disturbed, or that disturbs it.

use std::time::{Duration, Instant};

/// Some milliseconds of arithmetic.
const STEPS: u64 = 10_000_000;
const TRIES: usize = 3;

fn work() -> u64 {
    (0..STEPS).fold(1_u64, |sum, step| (sum ^ step).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(7))
}

/// Milliseconds of a fixed piece of arithmetic, the least of some tries: more of them than usual, and others are at work too.
pub fn still_ms() -> f64 {
    let one = || {
        let begun = Instant::now();
        std::hint::black_box(work());
        begun.elapsed().as_secs_f64() * 1e3
    };
    (0..TRIES).map(|_| one()).fold(f64::INFINITY, f64::min)
}

/// Keeps a core busy for so many seconds, or until it is killed.
pub fn burn(seconds: usize) {
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(seconds as u64) {
        std::hint::black_box(work());
    }
}
