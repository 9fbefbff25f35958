//! What was asked, and how often: the control corner's memory. Pure.

use std::collections::{BTreeMap, VecDeque};

use serde::Serialize;

/// Requests remembered; the oldest go first.
const ENTRIES_MAX: usize = 100_000;
/// Routes counted apart; there are fewer, unless methods are made up.
const ROUTES_MAX: usize = 1000;

#[derive(Debug, Clone, Serialize)]
pub struct Entry {
    /// Counted from 1 since the last reset.
    pub n: u64,
    /// Unix milliseconds at which its last byte had come.
    pub at_ms: u64,
    pub method: String,
    pub path: String,
    pub query: String,
    /// 0 where the connection was reset instead of answered.
    pub status: u16,
    /// Records sent or shown.
    pub items: usize,
    /// Milliseconds the answer was held back.
    pub latency: u64,
}

#[derive(Debug, Default)]
pub struct Log {
    entries: VecDeque<Entry>,
    pub requests: u64,
    pub by_route: BTreeMap<String, u64>,
}

impl Log {
    pub fn add(&mut self, route: &str, mut entry: Entry) {
        self.requests += 1;
        entry.n = self.requests;
        if self.by_route.len() < ROUTES_MAX || self.by_route.contains_key(route) {
            *self.by_route.entry(route.to_owned()).or_default() += 1;
        }
        if self.entries.len() == ENTRIES_MAX {
            self.entries.pop_front();
        }
        self.entries.push_back(entry);
    }

    pub fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter()
    }
}
