//! Hashes of texts that come from files. They are seeded at random in each process, so nobody can make a file whose
//! texts collide.

use foldhash::SharedSeed;
use foldhash::quality::{FoldHasher, SeedableRandomState};
use std::hash::{BuildHasher, RandomState};
use std::sync::LazyLock;

static SEEDS: LazyLock<[(u64, SharedSeed); 2]> =
    LazyLock::new(|| [0, 1].map(|_| (random(), SharedSeed::from_u64(random()))));

/// A number made from those of the operating system.
fn random() -> u64 {
    RandomState::new().hash_one(0_u8)
}

/// The hasher of this process.
#[derive(Debug, Clone)]
pub struct SeededState(SeedableRandomState);

impl Default for SeededState {
    fn default() -> SeededState {
        let [first, _] = two_states();
        first
    }
}

/// Two hashers of this process that know nothing of each other.
pub(super) fn two_states() -> [SeededState; 2] {
    [0, 1].map(|n: usize| {
        let (own, shared) = &SEEDS[n];
        SeededState(SeedableRandomState::with_seed(*own, shared))
    })
}

impl BuildHasher for SeededState {
    type Hasher = FoldHasher<'static>;

    fn build_hasher(&self) -> FoldHasher<'static> {
        self.0.build_hasher()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_has_one_hash_in_a_process_and_another_from_the_second_hasher() {
        let [first, second] = two_states();
        assert_eq!(first.hash_one("text"), SeededState::default().hash_one("text"));
        assert_ne!(first.hash_one("text"), second.hash_one("text"));
    }

    #[test]
    fn seeds_differ() {
        assert_ne!(random(), random());
    }
}
