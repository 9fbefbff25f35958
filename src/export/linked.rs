//! What the rows are linked to, read along with them: rows are gathered in windows, what a window is linked to is asked for by
//! id, and several windows are under way, so that the order of the rows stays and memory does not grow.

use amo_client::{Client, Failure, List};
use amo_model::compact::CompactJson;
use amo_model::{IDS_MAX, LinkKind, parts};
use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::Arc;
use tokio::task::JoinSet;

/// Rows of a window: the one that each is linked to fills a request.
const WINDOW: usize = IDS_MAX;
/// Windows under way; with a contact and a company each they keep the pace busy.
const WINDOWS_MAX: usize = 6;
/// Linked records kept for rows to come: a company has many leads.
const KEPT_MAX: usize = 2_000;

/// What is read along with the rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Along {
    pub link: LinkKind,
    /// All that an item is linked to, and not the main one alone.
    pub all: bool,
    /// The whole record, and not its name alone.
    pub whole: bool,
}

impl Along {
    pub fn main(link: LinkKind) -> Along {
        Along { link, all: false, whole: true }
    }

    fn ids(self, item: &CompactJson) -> Vec<u64> {
        if self.all { self.link.ids(item) } else { self.link.id(item).into_iter().collect() }
    }

    /// As much of a record as is wanted.
    fn kept(self, record: CompactJson) -> CompactJson {
        if self.whole { record } else { CompactJson::Map(vec![(NAME.into(), record[NAME].clone())]) }
    }
}

const NAME: &str = "name";

/// A record that an item is linked to, by its id; none where it cannot be read.
pub type Found = (u64, Option<Arc<CompactJson>>);

/// An item and what it is linked to.
#[derive(Debug, Default)]
pub struct Whole {
    pub item: CompactJson,
    /// The main ones, in the order of the links asked for.
    pub linked: Vec<Option<Arc<CompactJson>>>,
    /// In the same order all of them, where all were asked for.
    pub all: Vec<Vec<Found>>,
}

impl Whole {
    /// What is linked, by its place among the links asked for.
    pub fn linked(&self, place: usize) -> Option<&CompactJson> {
        self.linked.get(place)?.as_deref()
    }

    /// All that are linked, by the place of their link.
    pub fn all(&self, place: usize) -> &[Found] {
        self.all.get(place).map_or(&[], Vec::as_slice)
    }
}

type Landed = (usize, Vec<u64>, Result<Vec<CompactJson>, Failure>);

pub struct Linked {
    client: Arc<Client>,
    shelves: Vec<Shelf>,
    gathered: Vec<CompactJson>,
    windows: VecDeque<Vec<CompactJson>>,
    reads: JoinSet<Landed>,
}

/// The records of one link.
struct Shelf {
    along: Along,
    held: HashMap<u64, Held>,
    /// Those that no row at hand needs, the oldest first.
    spare: VecDeque<u64>,
    /// The token may not see any of them.
    forbidden: bool,
    missing: BTreeSet<u64>,
}

struct Held {
    /// `None` while it is asked for.
    record: Option<Read>,
    /// Rows at hand that are linked to it.
    rows: u32,
    /// It stands among the spare ones.
    spare: bool,
}

#[derive(Clone)]
enum Read {
    Record(Arc<CompactJson>),
    Missing,
}

impl Linked {
    pub fn new(client: &Arc<Client>, along: &[Along]) -> Linked {
        let shelf = |along: &Along| Shelf {
            along: *along,
            held: HashMap::new(),
            spare: VecDeque::new(),
            forbidden: false,
            missing: BTreeSet::new(),
        };
        Linked {
            client: Arc::clone(client),
            shelves: along.iter().map(shelf).collect(),
            gathered: Vec::new(),
            windows: VecDeque::new(),
            reads: JoinSet::new(),
        }
    }

    /// Takes a row, and gives those that are whole by now, in the order they came.
    pub async fn take(&mut self, item: CompactJson) -> Result<Vec<Whole>, Failure> {
        if self.shelves.is_empty() {
            return Ok(vec![Whole { item, ..Whole::default() }]);
        }
        self.gathered.push(item);
        if self.gathered.len() < WINDOW {
            return Ok(Vec::new());
        }
        self.close();
        if self.windows.len() > WINDOWS_MAX { self.oldest().await } else { Ok(Vec::new()) }
    }

    /// The next rows of those that are left; none once all were given.
    pub async fn rest(&mut self) -> Result<Vec<Whole>, Failure> {
        if !self.gathered.is_empty() {
            self.close();
        }
        self.oldest().await
    }

    /// Records that the rows are linked to, and that could not be read: deleted, or hidden from the token's user.
    pub fn missing(&self) -> u64 {
        self.shelves.iter().map(|shelf| shelf.missing.len() as u64).sum()
    }

    /// Closes the window and asks for what nobody has asked for yet.
    fn close(&mut self) {
        let window = std::mem::take(&mut self.gathered);
        for (place, shelf) in self.shelves.iter_mut().enumerate() {
            let unknown = shelf.needed(&window);
            for ids in unknown.chunks(IDS_MAX) {
                let (client, ids, entity) = (Arc::clone(&self.client), ids.to_vec(), shelf.along.link.entity());
                self.reads.spawn(async move {
                    let read = client.records_by_id(&List::of(entity, None), &ids).await;
                    (place, ids, read.map(|records| records.into_iter().map(CompactJson::from).collect()))
                });
            }
        }
        self.windows.push_back(window);
    }

    /// The rows of the oldest window, once all they are linked to has come.
    async fn oldest(&mut self) -> Result<Vec<Whole>, Failure> {
        let Some(window) = self.windows.pop_front() else { return Ok(Vec::new()) };
        while self.shelves.iter().any(|shelf| shelf.lacks(&window)) {
            let Some(landed) = self.reads.join_next().await else {
                return Err(Failure::Lost("linked records were asked for and never came".to_owned()));
            };
            let (place, ids, read) = landed.map_err(|e| Failure::Lost(e.to_string()))?;
            self.shelves[place].land(&ids, read)?;
        }
        let mut rows = Vec::with_capacity(window.len());
        for item in window {
            let (linked, all) = self.shelves.iter_mut().map(|shelf| shelf.give(&item)).unzip();
            rows.push(Whole { item, linked, all });
        }
        Ok(rows)
    }
}

impl Shelf {
    /// Notes that these rows need their records; says which of them have to be asked for.
    fn needed(&mut self, window: &[CompactJson]) -> Vec<u64> {
        let mut unknown = Vec::new();
        for id in window.iter().flat_map(|item| self.along.ids(item)) {
            let forbidden = self.forbidden;
            let held = self.held.entry(id).or_insert_with(|| {
                if !forbidden {
                    unknown.push(id);
                }
                Held { record: forbidden.then_some(Read::Missing), rows: 0, spare: false }
            });
            held.rows += 1;
        }
        unknown
    }

    fn lacks(&self, window: &[CompactJson]) -> bool {
        let known = |id: u64| self.held.get(&id).is_some_and(|held| held.record.is_some());
        window.iter().flat_map(|item| self.along.ids(item)).any(|id| !known(id))
    }

    fn land(&mut self, ids: &[u64], read: Result<Vec<CompactJson>, Failure>) -> Result<(), Failure> {
        let records = match read {
            Ok(records) => records,
            // The token's user may see leads and no companies, say.
            Err(Failure::Forbidden(_)) => {
                self.forbidden = true;
                Vec::new()
            }
            Err(failure) => return Err(failure),
        };
        let mut records: HashMap<u64, CompactJson> =
            records.into_iter().filter_map(|record| Some((parts::id(&record["id"])?, record))).collect();
        for id in ids {
            if let Some(held) = self.held.get_mut(id) {
                let record = records.remove(id).map(|record| Read::Record(Arc::new(self.along.kept(record))));
                held.record = Some(record.unwrap_or(Read::Missing));
            }
        }
        Ok(())
    }

    /// What a row is linked to, the main one first and then all; the row needs them no longer.
    fn give(&mut self, item: &CompactJson) -> (Option<Arc<CompactJson>>, Vec<Found>) {
        let all: Vec<Found> = self.along.ids(item).into_iter().map(|id| (id, self.give_one(id))).collect();
        let main = self.along.link.id(item);
        let main = all.iter().find(|(id, _)| Some(*id) == main).and_then(|(_, record)| record.clone());
        (main, all)
    }

    fn give_one(&mut self, id: u64) -> Option<Arc<CompactJson>> {
        let held = self.held.get_mut(&id)?;
        held.rows = held.rows.saturating_sub(1);
        let record = held.record.clone();
        if held.rows == 0 && !held.spare {
            held.spare = true;
            self.spare.push_back(id);
            self.forget();
        }
        match record {
            Some(Read::Record(record)) => Some(record),
            Some(Read::Missing) | None => {
                self.missing.insert(id);
                None
            }
        }
    }

    /// Lets the oldest go that no row at hand needs.
    fn forget(&mut self) {
        while self.spare.len() > KEPT_MAX {
            let Some(id) = self.spare.pop_front() else { return };
            match self.held.get_mut(&id) {
                // It is needed again, and comes back here once it is not.
                Some(held) if held.rows > 0 => held.spare = false,
                Some(_) => drop(self.held.remove(&id)),
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
    fn no_more_than_so_many_are_kept_and_none_that_a_row_still_needs() {
        let mut shelf = Shelf {
            along: Along::main(LinkKind::Company),
            held: HashMap::new(),
            spare: VecDeque::new(),
            forbidden: false,
            missing: BTreeSet::new(),
        };
        let row = |id: u64| CompactJson::from(json!({"_embedded": {"companies": [{"id": id}]}}));
        let (first, mut asked) = (row(1), 0);
        assert_eq!(shelf.needed(std::slice::from_ref(&first)), [1]);
        shelf.land(&[1], Ok(vec![json!({"id": 1, "name": "A"}).into()])).unwrap();
        for window in 0..50_u64 {
            // Every window has company 7 as well, and one that is gone.
            let rows: Vec<CompactJson> =
                (0..100).map(|n| row(100 + window * 100 + n)).chain([row(7), row(8)]).collect();
            let unknown = shelf.needed(&rows);
            asked += unknown.len();
            assert!(shelf.lacks(&rows) || unknown.is_empty());
            let found = unknown.iter().filter(|id| **id != 8).map(|id| json!({"id": id}).into()).collect();
            shelf.land(&unknown, Ok(found)).unwrap();
            assert!(!shelf.lacks(&rows));
            let given: Vec<bool> = rows.iter().map(|row| shelf.give(row).0.is_some()).collect();
            assert!(given[..101].iter().all(|given| *given) && !given[101]);
            assert!(shelf.held.len() <= KEPT_MAX + 2, "{}", shelf.held.len());
        }
        assert_eq!(shelf.give(&first).0.unwrap()["name"].as_str(), Some("A"));
        assert!(asked < 50 * 100 + 10, "what many are linked to is read again seldom: {asked}");
        assert_eq!(shelf.missing.iter().collect::<Vec<_>>(), [&8]);
        // Who may not read them asks no more.
        shelf.land(&[], Err(Failure::Forbidden("x".into()))).unwrap();
        assert!(shelf.needed(&[row(99_999)]).is_empty() && shelf.give(&row(99_999)).0.is_none());
    }
}
