//! Linked records, read with the rows. Rows are collected in windows, the linked records of a window are requested by id, and
//! several windows are in flight, so that the order of the rows stays and memory does not grow.

use amo_client::{Client, Failure, List};
use amo_model::compact::CompactJson;
use amo_model::{IDS_MAX, LinkKind, parts};
use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::Arc;
use tokio::task::JoinSet;

/// Number of rows in a window: one linked record of each fills a request.
const WINDOW: usize = IDS_MAX;
/// The highest number of windows in flight; with a contact and a company each they use the whole pace.
const WINDOWS_MAX: usize = 6;
/// Number of linked records that are kept for later rows: a company has many leads.
const CACHED_MAX: usize = 2_000;

/// Linked records to read with the rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LinkRequest {
    pub link: LinkKind,
    /// True for all linked records, and not only the main one.
    pub all: bool,
    /// True for the whole record, and not only its name.
    pub whole: bool,
}

impl LinkRequest {
    pub fn main(link: LinkKind) -> LinkRequest {
        LinkRequest { link, all: false, whole: true }
    }

    fn ids(self, item: &CompactJson) -> Vec<u64> {
        if self.all { self.link.ids(item) } else { self.link.id(item).into_iter().collect() }
    }

    /// The record, or only its name.
    fn reduced(self, record: CompactJson) -> CompactJson {
        if self.whole { record } else { CompactJson::Map(vec![(NAME.into(), record[NAME].clone())]) }
    }
}

const NAME: &str = "name";

/// A linked record with its id; `None` where it cannot be read.
pub type LinkedRecord = (u64, Option<Arc<CompactJson>>);

/// An item with its linked records.
#[derive(Debug, Default)]
pub struct LinkedRow {
    pub item: CompactJson,
    /// The main linked records, in the order of the requests.
    pub linked: Vec<Option<Arc<CompactJson>>>,
    /// All linked records, in the same order, where all were requested.
    pub all: Vec<Vec<LinkedRecord>>,
}

impl LinkedRow {
    /// The main linked record of a request.
    pub fn linked(&self, place: usize) -> Option<&CompactJson> {
        self.linked.get(place)?.as_deref()
    }

    /// All linked records of a request.
    pub fn all(&self, place: usize) -> &[LinkedRecord] {
        self.all.get(place).map_or(&[], Vec::as_slice)
    }
}

/// The index of a request, the ids, and the records.
type ReadResult = (usize, Vec<u64>, Result<Vec<CompactJson>, Failure>);

/// Reads the linked records of rows.
pub struct LinkReader {
    client: Arc<Client>,
    caches: Vec<LinkCache>,
    window: Vec<CompactJson>,
    windows: VecDeque<Vec<CompactJson>>,
    reads: JoinSet<ReadResult>,
}

/// The cached records of one request.
struct LinkCache {
    request: LinkRequest,
    entries: HashMap<u64, CachedRecord>,
    /// Records that no waiting row needs, the oldest first.
    unused: VecDeque<u64>,
    /// True where the token may not see any of them.
    forbidden: bool,
    missing: BTreeSet<u64>,
}

struct CachedRecord {
    /// `None` while it is requested.
    record: Option<FetchState>,
    /// Number of waiting rows that are linked to it.
    rows: u32,
    /// True where it is in the list of unused records.
    unused: bool,
}

#[derive(Clone)]
enum FetchState {
    Record(Arc<CompactJson>),
    Missing,
}

impl LinkReader {
    pub fn new(client: &Arc<Client>, request: &[LinkRequest]) -> LinkReader {
        let cache = |request: &LinkRequest| LinkCache {
            request: *request,
            entries: HashMap::new(),
            unused: VecDeque::new(),
            forbidden: false,
            missing: BTreeSet::new(),
        };
        LinkReader {
            client: Arc::clone(client),
            caches: request.iter().map(cache).collect(),
            window: Vec::new(),
            windows: VecDeque::new(),
            reads: JoinSet::new(),
        }
    }

    /// Adds a row. The result are the rows that are complete by now, in their order.
    pub async fn push(&mut self, item: CompactJson) -> Result<Vec<LinkedRow>, Failure> {
        if self.caches.is_empty() {
            return Ok(vec![LinkedRow { item, ..LinkedRow::default() }]);
        }
        self.window.push(item);
        if self.window.len() < WINDOW {
            return Ok(Vec::new());
        }
        self.close();
        if self.windows.len() > WINDOWS_MAX { self.oldest().await } else { Ok(Vec::new()) }
    }

    /// The next remaining rows; none at the end.
    pub async fn rest(&mut self) -> Result<Vec<LinkedRow>, Failure> {
        if !self.window.is_empty() {
            self.close();
        }
        self.oldest().await
    }

    /// Number of linked records that could not be read: deleted, or hidden from the token's user.
    pub fn missing(&self) -> u64 {
        self.caches.iter().map(|cache| cache.missing.len() as u64).sum()
    }

    /// Closes the window and requests its linked records that are not cached.
    fn close(&mut self) {
        let window = std::mem::take(&mut self.window);
        for (place, cache) in self.caches.iter_mut().enumerate() {
            let unknown = cache.note_needed(&window);
            for ids in unknown.chunks(IDS_MAX) {
                let (client, ids, entity) = (Arc::clone(&self.client), ids.to_vec(), cache.request.link.entity());
                self.reads.spawn(async move {
                    let read = client.records_by_id(&List::of(entity, None), &ids).await;
                    (place, ids, read.map(|records| records.into_iter().map(CompactJson::from).collect()))
                });
            }
        }
        self.windows.push_back(window);
    }

    /// The rows of the oldest window, once all their linked records have been read.
    async fn oldest(&mut self) -> Result<Vec<LinkedRow>, Failure> {
        let Some(window) = self.windows.pop_front() else { return Ok(Vec::new()) };
        while self.caches.iter().any(|cache| cache.lacks(&window)) {
            let Some(ended) = self.reads.join_next().await else {
                return Err(Failure::Lost("linked records were requested, but no answer came".to_owned()));
            };
            let (place, ids, read) = ended.map_err(|e| Failure::Lost(e.to_string()))?;
            self.caches[place].store(&ids, read)?;
        }
        let mut rows = Vec::with_capacity(window.len());
        for item in window {
            let (linked, all) = self.caches.iter_mut().map(|cache| cache.release(&item)).unzip();
            rows.push(LinkedRow { item, linked, all });
        }
        Ok(rows)
    }
}

impl LinkCache {
    /// Notes that these rows need their records. The result are the ids to request.
    fn note_needed(&mut self, window: &[CompactJson]) -> Vec<u64> {
        let mut unknown = Vec::new();
        for id in window.iter().flat_map(|item| self.request.ids(item)) {
            let forbidden = self.forbidden;
            let entry = self.entries.entry(id).or_insert_with(|| {
                if !forbidden {
                    unknown.push(id);
                }
                CachedRecord { record: forbidden.then_some(FetchState::Missing), rows: 0, unused: false }
            });
            entry.rows += 1;
        }
        unknown
    }

    fn lacks(&self, window: &[CompactJson]) -> bool {
        let known = |id: u64| self.entries.get(&id).is_some_and(|entry| entry.record.is_some());
        window.iter().flat_map(|item| self.request.ids(item)).any(|id| !known(id))
    }

    fn store(&mut self, ids: &[u64], read: Result<Vec<CompactJson>, Failure>) -> Result<(), Failure> {
        let records = match read {
            Ok(records) => records,
            // The token's user may see leads but no companies, for instance.
            Err(Failure::Forbidden(_)) => {
                self.forbidden = true;
                Vec::new()
            }
            Err(failure) => return Err(failure),
        };
        let mut records: HashMap<u64, CompactJson> =
            records.into_iter().filter_map(|record| Some((parts::id(&record["id"])?, record))).collect();
        for id in ids {
            if let Some(entry) = self.entries.get_mut(id) {
                let record =
                    records.remove(id).map(|record| FetchState::Record(Arc::new(self.request.reduced(record))));
                entry.record = Some(record.unwrap_or(FetchState::Missing));
            }
        }
        Ok(())
    }

    /// The main linked record of a row and all of them; the row does not need them any more.
    fn release(&mut self, item: &CompactJson) -> (Option<Arc<CompactJson>>, Vec<LinkedRecord>) {
        let all: Vec<LinkedRecord> = self.request.ids(item).into_iter().map(|id| (id, self.release_one(id))).collect();
        let main = self.request.link.id(item);
        let main = all.iter().find(|(id, _)| Some(*id) == main).and_then(|(_, record)| record.clone());
        (main, all)
    }

    fn release_one(&mut self, id: u64) -> Option<Arc<CompactJson>> {
        let entry = self.entries.get_mut(&id)?;
        entry.rows = entry.rows.saturating_sub(1);
        let record = entry.record.clone();
        if entry.rows == 0 && !entry.unused {
            entry.unused = true;
            self.unused.push_back(id);
            self.evict();
        }
        match record {
            Some(FetchState::Record(record)) => Some(record),
            Some(FetchState::Missing) | None => {
                self.missing.insert(id);
                None
            }
        }
    }

    /// Removes the oldest records that no waiting row needs.
    fn evict(&mut self) {
        while self.unused.len() > CACHED_MAX {
            let Some(id) = self.unused.pop_front() else { return };
            match self.entries.get_mut(&id) {
                // It is needed again.
                Some(entry) if entry.rows > 0 => entry.unused = false,
                Some(_) => drop(self.entries.remove(&id)),
                None => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_cache_is_limited_and_keeps_what_rows_need() {
        let mut cache = LinkCache {
            request: LinkRequest::main(LinkKind::Company),
            entries: HashMap::new(),
            unused: VecDeque::new(),
            forbidden: false,
            missing: BTreeSet::new(),
        };
        let row = |id: u64| CompactJson::from(json!({"_embedded": {"companies": [{"id": id}]}}));
        let (first, mut asked) = (row(1), 0);
        assert_eq!(cache.note_needed(std::slice::from_ref(&first)), [1]);
        cache.store(&[1], Ok(vec![json!({"id": 1, "name": "A"}).into()])).unwrap();
        for window in 0..50_u64 {
            // Every window has company 7 as well, and one that is deleted.
            let rows: Vec<CompactJson> =
                (0..100).map(|n| row(100 + window * 100 + n)).chain([row(7), row(8)]).collect();
            let unknown = cache.note_needed(&rows);
            asked += unknown.len();
            assert!(cache.lacks(&rows) || unknown.is_empty());
            let found = unknown.iter().filter(|id| **id != 8).map(|id| json!({"id": id}).into()).collect();
            cache.store(&unknown, Ok(found)).unwrap();
            assert!(!cache.lacks(&rows));
            let given: Vec<bool> = rows.iter().map(|row| cache.release(row).0.is_some()).collect();
            assert!(given[..101].iter().all(|given| *given) && !given[101]);
            assert!(cache.entries.len() <= CACHED_MAX + 2, "{}", cache.entries.len());
        }
        assert_eq!(cache.release(&first).0.unwrap()["name"].as_str(), Some("A"));
        assert!(asked < 50 * 100 + 10, "shared records are rarely read again: {asked}");
        assert_eq!(cache.missing.iter().collect::<Vec<_>>(), [&8]);
        // After a 403 nothing is requested any more.
        cache.store(&[], Err(Failure::Forbidden("x".into()))).unwrap();
        assert!(cache.note_needed(&[row(99_999)]).is_empty() && cache.release(&row(99_999)).0.is_none());
    }
}
