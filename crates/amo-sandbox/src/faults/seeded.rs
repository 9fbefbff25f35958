//! Faults by chance: the same seed and the same order of requests give the same faults. Pure.

use serde::{Deserialize, Serialize};

use crate::faults::RequestFault;
use crate::faults::action::FaultAction;

/// All faults that an upload recovers from.
const KINDS: &[&str] = &[
    "429",
    "429-header",
    "429-json",
    "500",
    "502",
    "504-before",
    "500-after",
    "502-after",
    "504-after",
    "half",
    "reset-before",
    "reset",
    "reset-after",
    "cut",
    "commit-late",
    "late",
];
const READ_KINDS: &[&str] = &["429", "500", "502", "504", "reset", "cut"];
/// Resolution of the percentage: 100 % are this many.
const WHOLE: f64 = 10_000.0;

/// How often writes (all but `GET` below `/api/v4/`) and reads fail, and how.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SeededFaults {
    pub seed: u64,
    pub percent: f64,
    pub kinds: Vec<FaultAction>,
    pub reads_percent: f64,
    pub read_kinds: Vec<FaultAction>,
    /// The maximum number of faults, writes and reads together.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max: Option<u64>,
    /// For `late` and `commit-late`.
    pub late_ms: u64,
    /// `Retry-After` of a 429, in seconds.
    pub retry_after: u64,
    #[serde(skip_deserializing)]
    pub seen: u64,
    #[serde(skip_deserializing)]
    pub fired: u64,
}

impl Default for SeededFaults {
    fn default() -> SeededFaults {
        let actions = |words: &[&str]| words.iter().map(|word| FaultAction::from(*word)).collect();
        SeededFaults {
            seed: 1,
            percent: 5.0,
            kinds: actions(KINDS),
            reads_percent: 0.0,
            read_kinds: actions(READ_KINDS),
            max: None,
            late_ms: crate::faults::LATE_MS,
            retry_after: crate::faults::RETRY_AFTER_S,
            seen: 0,
            fired: 0,
        }
    }
}

impl SeededFaults {
    /// The fault of the next request.
    pub fn draw(&mut self, is_read: bool) -> Option<RequestFault> {
        self.seen += 1;
        let dice = roll(self.seed, self.seen);
        let (percent, kinds) =
            if is_read { (self.reads_percent, &self.read_kinds) } else { (self.percent, &self.kinds) };
        let hit = ((dice % WHOLE as u64) as f64) < percent * WHOLE / 100.0;
        if !hit || kinds.is_empty() || self.max.is_some_and(|max| self.fired >= max) {
            return None;
        }
        self.fired += 1;
        let dice = dice / WHOLE as u64;
        let action = &kinds[(dice % kinds.len() as u64) as usize];
        Some(RequestFault {
            word: action.word().to_owned(),
            effect: action.effect,
            response: action.response,
            late_ms: self.late_ms,
            retry_after: self.retry_after,
            times: 1,
            dice: dice / kinds.len() as u64,
        })
    }
}

/// The nth number of a pseudo-random sequence (splitmix64); the same seed gives the same sequence.
pub fn roll(seed: u64, n: u64) -> u64 {
    let mut z = seed.wrapping_add(n.wrapping_mul(0x9E37_79B9_7F4A_7C15));
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn fired(text: &str, requests: usize) -> Vec<Option<String>> {
        let mut seeded: SeededFaults = serde_json::from_str(text).expect("seeded faults");
        (0..requests).map(|i| seeded.draw(i % 10 == 9).map(|fault| fault.word)).collect()
    }

    #[test]
    fn the_same_seed_gives_the_same_faults() {
        let text = r#"{"seed":42,"percent":20,"reads_percent":20}"#;
        assert_eq!(fired(text, 500), fired(text, 500));
        assert_ne!(fired(text, 500), fired(r#"{"seed":43,"percent":20,"reads_percent":20}"#, 500));
    }

    #[test]
    fn faults_are_as_frequent_as_the_percent_says() {
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        for word in fired(r#"{"seed":7,"percent":5}"#, 100_000).into_iter().flatten() {
            *counts.entry(word).or_default() += 1;
        }
        assert_eq!(counts.len(), KINDS.len());
        let all: usize = counts.values().sum();
        assert!((4200..4800).contains(&all), "{all} of 90000 writes");
        assert!(counts.values().all(|n| (200..370).contains(n)), "{counts:?}");
    }

    #[test]
    fn faults_stay_within_their_kinds_and_maximum() {
        let words: Vec<String> =
            fired(r#"{"seed":7,"percent":100,"kinds":["half"],"max":3}"#, 50).into_iter().flatten().collect();
        assert_eq!(words, ["half", "half", "half"]);
        assert!(fired(r#"{"percent":0}"#, 1000).iter().all(Option::is_none));
        for word in KINDS.iter().chain(READ_KINDS) {
            assert!(serde_json::from_value::<FaultAction>((*word).into()).is_ok(), "{word}");
        }
    }
}
