//! A cache of looked-up names for one run: a column of stages has few different names in many rows.

use super::{Lookup, LookupKind, Resolved, Resolver};
use crate::mapping::hashing::SeededState;
use std::collections::HashMap;

/// The most names cached per lookup and pipeline.
const CACHE_MAX: usize = 10_000;

/// Cached lookups.
pub struct NameCache {
    resolver: Resolver,
    caches: Vec<Cache>,
}

/// Names by their pipeline or catalog, of which a lookup has few.
type Cache = Vec<(u64, HashMap<Box<str>, Resolved, SeededState>)>;

impl NameCache {
    pub fn new(resolver: Resolver, lookups: usize) -> NameCache {
        NameCache { resolver, caches: vec![Cache::new(); lookups] }
    }

    /// `within` is the pipeline of a stage.
    pub fn find(&mut self, lookup: &Lookup, within: Option<u64>, name: &str) -> Resolved {
        let scope = match lookup.kind {
            LookupKind::Element { catalog, .. } => catalog,
            _ => within.unwrap_or(0),
        };
        let caches = &mut self.caches[lookup.cache];
        let place = caches.iter().position(|(of, _)| *of == scope).unwrap_or_else(|| {
            caches.push((scope, HashMap::default()));
            caches.len() - 1
        });
        let cache = &mut caches[place].1;
        if let Some(found) = cache.get(name) {
            return found.clone();
        }
        let found = self.resolver.resolve(&lookup.kind, within, name);
        if cache.len() < CACHE_MAX {
            cache.insert(name.into(), found.clone());
        }
        found
    }
}
