//! What was asked, and how often: the control corner's memory. Pure.

use std::collections::{BTreeMap, VecDeque};

use serde::Serialize;

/// Requests remembered; the oldest go first.
const ENTRIES_MAX: usize = 100_000;
/// Routes counted apart; there are fewer, unless methods are made up.
const ROUTES_MAX: usize = 1000;

#[derive(Debug, Clone, Serialize)]
pub struct LogEntry {
    /// Counted from 1 since the last reset.
    pub n: u64,
    /// Unix milliseconds at which its last byte had come.
    pub at_ms: u64,
    pub method: String,
    pub path: String,
    pub query: String,
    /// 0 where no answer went out.
    pub status: u16,
    /// Records sent or shown.
    pub items: usize,
    /// Milliseconds the answer was held back.
    pub latency: u64,
    /// The fault's word.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fault: Option<String>,
}

/// What a route changed, and how much of that it told. What was changed and is not `answered` is what a client is in
/// doubt about: its answer was withheld or spoilt, or is still to come.
#[derive(Debug, Default, Serialize)]
pub struct RouteTotals {
    /// Requests that changed the world, wholly or in part.
    pub commits: u64,
    /// Records they made or changed.
    pub records: u64,
    /// Those whose true answer went out whole.
    pub answered: u64,
}

#[derive(Debug, Default)]
pub struct RequestLog {
    entries: VecDeque<LogEntry>,
    pub requests: u64,
    pub by_route: BTreeMap<String, u64>,
    /// Of routes that changed something.
    pub tallies: BTreeMap<String, RouteTotals>,
    /// How often each fault was met, by its word.
    pub faults: BTreeMap<String, u64>,
}

impl RequestLog {
    pub fn add(&mut self, route: &str, mut entry: LogEntry) {
        self.requests += 1;
        entry.n = self.requests;
        if self.by_route.len() < ROUTES_MAX || self.by_route.contains_key(route) {
            *self.by_route.entry(route.to_owned()).or_default() += 1;
        }
        if let Some(word) = &entry.fault {
            *self.faults.entry(word.clone()).or_default() += 1;
        }
        if self.entries.len() == ENTRIES_MAX {
            self.entries.pop_front();
        }
        self.entries.push_back(entry);
    }

    /// `records` is `None` where nothing changed.
    pub fn committed(&mut self, route: &str, records: Option<usize>) {
        if let Some(records) = records {
            let tally = self.tallies.entry(route.to_owned()).or_default();
            tally.commits += 1;
            tally.records += records as u64;
        }
    }

    pub fn answered(&mut self, route: &str) {
        self.tallies.entry(route.to_owned()).or_default().answered += 1;
    }

    pub fn entries(&self) -> impl Iterator<Item = &LogEntry> {
        self.entries.iter()
    }
}
