//! The request log and its counters, which the control endpoints show. Pure.

use std::collections::{BTreeMap, VecDeque};

use serde::Serialize;

/// The maximum number of entries; the oldest are dropped.
const ENTRIES_MAX: usize = 100_000;
/// The maximum number of routes that are counted; there are fewer, unless a client makes methods up.
const ROUTES_MAX: usize = 1000;

#[derive(Debug, Clone, Serialize)]
pub struct LogEntry {
    /// Counted from 1 since the last reset.
    pub n: u64,
    /// Unix milliseconds at which the last byte of the request had arrived.
    pub at_ms: u64,
    pub method: String,
    pub path: String,
    pub query: String,
    /// 0 where no response was sent.
    pub status: u16,
    /// Records in the request or the response.
    pub items: usize,
    /// The delay of the response, in milliseconds.
    pub latency: u64,
    /// The word of the fault.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fault: Option<String>,
}

/// What a route has changed, and how much of that it has reported. A client is in doubt about changes that are not
/// `answered`: their responses were dropped, damaged or are still to come.
#[derive(Debug, Default, Serialize)]
pub struct RouteTotals {
    /// Requests that changed the world, wholly or in part.
    pub commits: u64,
    /// Records that they created or changed.
    pub records: u64,
    /// Those whose true response was sent completely.
    pub answered: u64,
}

#[derive(Debug, Default)]
pub struct RequestLog {
    entries: VecDeque<LogEntry>,
    pub requests: u64,
    pub by_route: BTreeMap<String, u64>,
    /// Totals of routes that changed something.
    pub tallies: BTreeMap<String, RouteTotals>,
    /// The number of faults by their words.
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
