//! Names that were looked up, remembered for one run, because a column of stages holds few different words in many rows.

use super::{Book, Lookup, LookupWhat, Resolved};
use std::collections::HashMap;

/// Names remembered per lookup and pipeline; beyond this many a column is no list of names and is not remembered.
const CACHE_MAX: usize = 10_000;

/// The names already looked up.
pub struct Names {
    book: Book,
    caches: Vec<Cache>,
}

/// By the pipeline or list the names belong to, of which a lookup has few.
type Cache = Vec<(u64, HashMap<Box<str>, Resolved>)>;

impl Names {
    pub fn new(book: Book, lookups: usize) -> Names {
        Names { book, caches: vec![Cache::new(); lookups] }
    }

    /// `within` is the pipeline of a stage.
    pub fn find(&mut self, lookup: &Lookup, within: Option<u64>, name: &str) -> Resolved {
        let scope = match lookup.what {
            LookupWhat::Element { catalog, .. } => catalog,
            _ => within.unwrap_or(0),
        };
        let caches = &mut self.caches[lookup.cache];
        let place = caches.iter().position(|(of, _)| *of == scope).unwrap_or_else(|| {
            caches.push((scope, HashMap::new()));
            caches.len() - 1
        });
        let cache = &mut caches[place].1;
        if let Some(found) = cache.get(name) {
            return found.clone();
        }
        let found = self.book.resolve(&lookup.what, within, name);
        if cache.len() < CACHE_MAX {
            cache.insert(name.into(), found.clone());
        }
        found
    }
}
